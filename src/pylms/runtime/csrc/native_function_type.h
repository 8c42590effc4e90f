/* The Python type of NativeFunction: how one is made, seen and taken down. */
#ifndef PYLMS_NATIVE_FUNCTION_TYPE_H
#define PYLMS_NATIVE_FUNCTION_TYPE_H

#include <structmember.h>

static int NativeFunction_traverse(NativeFunction *self, visitproc visit, void *arg)
{
    Py_VISIT(self->callbacks);
    Py_VISIT(self->sites);
    Py_VISIT(self->pointer_source);
    Py_VISIT(self->keep_alive);
    return 0;
}

static void NativeFunction_dealloc(NativeFunction *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    PyMem_Free(self->arguments);
    PyMem_Free(self->fixed_pointers);
    PyMem_Free(self->callback_entries);
    Py_XDECREF(self->argument_codes_text);
    Py_XDECREF(self->result_codes_text);
    Py_XDECREF(self->callbacks);
    Py_XDECREF(self->sites);
    Py_XDECREF(self->pointer_source);
    Py_XDECREF(self->keep_alive);
    PyObject_GC_Del(self);
}

static int set_codes(NativeFunction *self, PyObject *argument_codes, PyObject *result_codes)
{
    Py_ssize_t result_count;
    Py_INCREF(argument_codes);
    Py_INCREF(result_codes);
    self->argument_codes_text = argument_codes;
    self->result_codes_text = result_codes;
    const char *argument_codes_letters = PyUnicode_AsUTF8(argument_codes);
    self->result_codes = PyUnicode_AsUTF8(result_codes);
    if (argument_codes_letters == NULL || self->result_codes == NULL)
        return -1;
    self->arguments = parse_arguments(argument_codes_letters, &self->argument_count, &self->argument_slots);
    if (self->arguments == NULL || scan_codes(self->result_codes, &result_count, &self->result_slots) < 0)
        return -1;
    self->takes_texts = strchr(argument_codes_letters, 's') != NULL;
    if (strchr(self->result_codes, '[') != NULL && use_numpy() < 0)
        return -1;
    if (result_count > 1) {
        PyErr_Format(PyExc_ValueError, "several results must be in parentheses: '%s'", self->result_codes);
        return -1;
    }
    return 0;
}

static int set_callbacks(NativeFunction *self, PyObject *callbacks)
{
    Py_ssize_t count = PyTuple_GET_SIZE(callbacks);
    Py_INCREF(callbacks);
    self->callbacks = callbacks;
    self->callback_entries = PyMem_Calloc((size_t)count + 1, sizeof(callback_entry));
    if (self->callback_entries == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; ++index) {
        callback_entry *entry = &self->callback_entries[index];
        Py_ssize_t result_count, slots;
        PyObject *item = PyTuple_GET_ITEM(callbacks, index);
        if (!PyTuple_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "a callback must be (callable, argument codes, result codes)");
            return -1;
        }
        if (!PyArg_ParseTuple(item, "Oss;a callback must be (callable, argument codes, result codes)",
                              &entry->callable, &entry->argument_codes, &entry->result_codes))
            return -1;
        if (scan_codes(entry->argument_codes, &entry->argument_count, &slots) < 0 ||
            scan_codes(entry->result_codes, &result_count, &slots) < 0)
            return -1;
        if (result_count > 1) {
            PyErr_Format(PyExc_ValueError, "several results must be in parentheses: '%s'", entry->result_codes);
            return -1;
        }
        if (strchr(entry->argument_codes, '[') != NULL && use_numpy() < 0)
            return -1;
        if (strchr(entry->result_codes, '[') != NULL) {
            PyErr_Format(PyExc_ValueError, "no callback gives arrays: '%s'", entry->result_codes);
            return -1;
        }
    }
    return 0;
}

static int set_pointers(NativeFunction *self, PyObject *pointers)
{
    if (!PyTuple_Check(pointers)) {
        if (!PyCallable_Check(pointers)) {
            PyErr_SetString(PyExc_TypeError, "pointers must be a tuple of ints, or a callable that returns one");
            return -1;
        }
        Py_INCREF(pointers);
        self->pointer_source = pointers;
        return 0;
    }
    self->pointer_count = PyTuple_GET_SIZE(pointers);
    self->fixed_pointers = PyMem_Calloc((size_t)self->pointer_count + 1, sizeof(pylms_value));
    if (self->fixed_pointers == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return store_pointers(pointers, self->fixed_pointers);
}

static PyObject *NativeFunction_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"entry",    "argument_codes", "result_codes", "callbacks", "sites",
                               "pointers", "releases_gil",   "keep_alive",   "overlap",   NULL};
    PyObject *entry, *argument_codes, *result_codes, *callbacks = NULL, *sites = NULL, *pointers = NULL;
    PyObject *keep_alive = Py_None, *overlap = Py_None;
    int releases_gil = 0;
    if (!PyArg_ParseTupleAndKeywords(args, names, "O!UU|O!O!OpOO:NativeFunction", keywords, &PyLong_Type, &entry,
                                     &argument_codes, &result_codes, &PyTuple_Type, &callbacks, &PyTuple_Type, &sites,
                                     &pointers, &releases_gil, &keep_alive, &overlap))
        return NULL;
    void *address = PyLong_AsVoidPtr(entry);
    if (address == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the entry address is null");
        return NULL;
    }
    NativeFunction *self = (NativeFunction *)type->tp_alloc(type, 0);
    PyObject *nothing = PyTuple_New(0);
    if (self == NULL || nothing == NULL)
        goto failed;
    self->vectorcall = NativeFunction_vectorcall;
    self->entry = (entry_function)address;
    self->releases_gil = releases_gil;
    self->overlap = overlap == Py_None ? OVERLAP_ANY : overlap == Py_True ? OVERLAP_SOME : OVERLAP_NONE;
    self->sites = sites != NULL ? sites : nothing;
    Py_INCREF(self->sites);
    Py_INCREF(keep_alive);
    self->keep_alive = keep_alive;
    if (set_codes(self, argument_codes, result_codes) < 0 ||
        set_callbacks(self, callbacks != NULL ? callbacks : nothing) < 0 ||
        set_pointers(self, pointers != NULL ? pointers : nothing) < 0)
        goto failed;
    Py_DECREF(nothing);
    return (PyObject *)self;
failed:
    Py_XDECREF(nothing);
    Py_XDECREF(self);
    return NULL;
}

static PyObject *NativeFunction_repr(NativeFunction *self)
{
    return PyUnicode_FromFormat("<NativeFunction (%U) -> '%U' at %p>", self->argument_codes_text,
                                self->result_codes_text, self->entry);
}

static PyMemberDef NativeFunction_members[] = {
    {"argument_codes", T_OBJECT, offsetof(NativeFunction, argument_codes_text), READONLY, NULL},
    {"result_codes", T_OBJECT, offsetof(NativeFunction, result_codes_text), READONLY, NULL},
    {"keep_alive", T_OBJECT, offsetof(NativeFunction, keep_alive), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject NativeFunction_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "_pylms_binding.NativeFunction",
    .tp_doc = PyDoc_STR("One compiled specialisation. Takes positional arguments of exactly the coded types."),
    .tp_basicsize = sizeof(NativeFunction),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = NativeFunction_new,
    .tp_dealloc = (destructor)NativeFunction_dealloc,
    .tp_traverse = (traverseproc)NativeFunction_traverse,
    .tp_repr = (reprfunc)NativeFunction_repr,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(NativeFunction, vectorcall),
    .tp_weaklistoffset = offsetof(NativeFunction, weak_references),
    .tp_members = NativeFunction_members,
};

#endif
