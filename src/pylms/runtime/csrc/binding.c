/* The call binding: how Python calls generated code, and how generated code calls Python (see pylms_abi.h).
 *
 * One translation unit, built once per Python and compiler and kept in the cache. CPython 3.10 to 3.13.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>

#include "pylms_abi.h"

#include "interrupt.h"
#include "stack.h"
#include "frame.h"
#include "arrays.h"
#include "texts.h"
#include "arguments.h"
#include "results.h"
#include "containers.h"
#include "marshal.h"
#include "native_function.h"
#include "native_function_type.h"
#include "staged_callable.h"

#ifdef PYLMS_NUMPY
#define TAKES_NUMPY 1
#else
#define TAKES_NUMPY 0
#endif

#define LIBRARY_NAME "_pylms_binding.library"

static void close_library(PyObject *capsule)
{
    void *handle = PyCapsule_GetPointer(capsule, LIBRARY_NAME);
    if (handle != NULL)
        dlclose(handle);
}

static PyObject *open_library(PyObject *Py_UNUSED(module), PyObject *path)
{
    PyObject *encoded;
    if (!PyUnicode_FSConverter(path, &encoded))
        return NULL;
    void *handle = dlopen(PyBytes_AS_STRING(encoded), RTLD_NOW | RTLD_LOCAL);
    Py_DECREF(encoded);
    if (handle == NULL)
        return PyErr_Format(PyExc_OSError, "%s", dlerror());
    PyObject *capsule = PyCapsule_New(handle, LIBRARY_NAME, close_library);
    if (capsule == NULL)
        dlclose(handle);
    return capsule;
}

static PyObject *find_symbol(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *library;
    const char *name;
    if (!PyArg_ParseTuple(args, "Os:find_symbol", &library, &name))
        return NULL;
    void *handle = PyCapsule_GetPointer(library, LIBRARY_NAME);
    if (handle == NULL)
        return NULL;
    void *address = dlsym(handle, name);
    if (address == NULL)
        return PyErr_Format(PyExc_OSError, "no symbol '%s' in the library", name);
    return PyLong_FromVoidPtr(address);
}

static PyMethodDef binding_methods[] = {
    {"open_library", open_library, METH_O, PyDoc_STR("Load a shared library; it stays loaded as long as the result.")},
    {"find_symbol", find_symbol, METH_VARARGS, PyDoc_STR("The address of a symbol of a loaded library.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef binding_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_pylms_binding",
    .m_doc = PyDoc_STR("Calls between Python and generated native code."),
    .m_size = -1,
    .m_methods = binding_methods,
};

PyMODINIT_FUNC PyInit__pylms_binding(void)
{
    if (pthread_atfork(NULL, NULL, forget_this_thread) != 0)
        return PyErr_NoMemory();
    PyObject *module = PyModule_Create(&binding_module);
    if (module == NULL)
        return NULL;
    if (PyModule_AddType(module, &NativeFunction_type) < 0 || PyModule_AddType(module, &StagedCallable_type) < 0 ||
        PyModule_AddObjectRef(module, "takes_numpy", TAKES_NUMPY ? Py_True : Py_False) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
