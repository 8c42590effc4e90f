/* NativeFunction: one compiled specialisation, called with exact Python types. */
#ifndef PYLMS_NATIVE_FUNCTION_H
#define PYLMS_NATIVE_FUNCTION_H

#include <stddef.h>

#define SLOTS_ON_STACK 32

typedef int (*entry_function)(pylms_context *, const pylms_value *, pylms_value *);

typedef struct {
    PyObject *callable; /* the three borrow from the function's `callbacks` tuple */
    const char *argument_codes;
    const char *result_codes;
    Py_ssize_t argument_count;
} callback_entry;

typedef struct NativeFunction {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    entry_function entry;
    argument_code *arguments;
    Py_ssize_t argument_count;
    Py_ssize_t argument_slots;
    overlap_demand overlap;
    int takes_texts;
    const char *result_codes; /* borrows from the string below */
    Py_ssize_t pointer_count; /* of the fixed pointers */
    Py_ssize_t result_slots;
    pylms_value *fixed_pointers;
    callback_entry *callback_entries;
    int releases_gil;
    PyObject *argument_codes_text;
    PyObject *result_codes_text;
    PyObject *callbacks;
    PyObject *sites;
    PyObject *pointer_source; /* called for the pointers at each call; null where they are fixed */
    PyObject *keep_alive;
    PyObject *weak_references;
} NativeFunction;

static PyTypeObject NativeFunction_type;

/* Runs callback number `index` for native code (see pylms_abi.h); the GIL is held. */
static int run_callback(NativeFunction *function, pylms_context *context, long long index, pylms_value *args)
{
    if (index < 0 || index >= PyTuple_GET_SIZE(function->callbacks)) {
        PyErr_Format(PyExc_SystemError, "native code called callback %lld of %zd", index,
                     PyTuple_GET_SIZE(function->callbacks));
        return -1;
    }
    const callback_entry *callback = &function->callback_entries[index];
    PyObject *arguments = decode_run(callback->argument_codes, callback->argument_count, args);
    if (arguments == NULL)
        return -1;
    PyObject *result = PyObject_Call(callback->callable, arguments, NULL);
    Py_DECREF(arguments);
    if (result == NULL)
        return -1;
    const char *codes = callback->result_codes;
    int status = *codes == '\0' ? 0 : encode_code(context, &codes, result, &args);
    Py_DECREF(result);
    return status;
}

static int frame_call(pylms_context *context, long long callback, pylms_value *args)
{
    call_frame *frame = (call_frame *)context;
    int was_released = enter_python(frame);
    int status = run_callback(frame->function, context, callback, args);
    /* The callback may have changed the signal handler: look again at the next poll. */
    ask_to_look(context);
    leave_python(frame, was_released);
    return status;
}

/* Raises what the status of a native call stands for. */
static void raise_status(NativeFunction *function, int status, const long long *shown)
{
    if (status == -1) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_SystemError, "native code failed without setting an exception");
        return;
    }
    if (status < 0 || status > PyTuple_GET_SIZE(function->sites)) {
        PyErr_Format(PyExc_SystemError, "native code returned the unknown status %d", status);
        return;
    }
    PyObject *site = PyTuple_GET_ITEM(function->sites, status - 1);
    PyObject *exception = PyObject_CallFunction(site, "LL", shown[0], shown[1]);
    if (exception == NULL)
        return;
    if (PyExceptionInstance_Check(exception))
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    else
        PyErr_Format(PyExc_SystemError, "an error site made a %.100s, not an exception", Py_TYPE(exception)->tp_name);
    Py_DECREF(exception);
}

/* Runs the native code on slots filled from `objects`. */
static PyObject *enter_native(NativeFunction *function, PyObject *const *objects, pylms_value *args,
                              pylms_value *results)
{
    call_frame *frame = take_frame(function);
    if (frame == NULL)
        return NULL;
    if (function->takes_texts &&
        encode_texts(&frame->context, function->arguments, function->argument_count, args) < 0) {
        give_frame_back(frame);
        return NULL;
    }
    int status;
    Py_INCREF(function); /* a callback may drop the last other reference */
    if (function->releases_gil) {
        frame->released = PyEval_SaveThread();
        status = function->entry(&frame->context, args, results);
        PyEval_RestoreThread(frame->released);
        frame->released = NULL;
    } else {
        status = function->entry(&frame->context, args, results);
    }
    PyObject *result = NULL;
    if (status == 0) {
        result_sources sources = {function->arguments, objects, function->argument_count, args, frame, NULL};
        result = decode_result(function->result_codes, results, &sources);
    } else {
        raise_status(function, status, frame->context.shown);
    }
    give_frame_back(frame);
    Py_DECREF(function);
    return result;
}

static int store_pointers(PyObject *tuple, pylms_value *slots)
{
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(tuple); ++index) {
        slots[index].p = PyLong_AsVoidPtr(PyTuple_GET_ITEM(tuple, index));
        if (slots[index].p == NULL && PyErr_Occurred())
            return -1;
    }
    return 0;
}

/* The call where the pointers must be asked for: rare and long-running, so memory comes from the heap. */
static PyObject *enter_with_fresh_pointers(NativeFunction *function, PyObject *const *objects,
                                           const pylms_value *arguments)
{
    PyObject *result = NULL, *pointers = NULL;
    pylms_value *slots = NULL;
    Py_INCREF(function); /* the source may drop the last other reference */
    pointers = PyObject_CallNoArgs(function->pointer_source);
    if (pointers == NULL)
        goto done;
    if (!PyTuple_Check(pointers)) {
        PyErr_SetString(PyExc_TypeError, "pointers() must return a tuple of ints");
        goto done;
    }
    Py_ssize_t inputs = function->argument_slots + PyTuple_GET_SIZE(pointers);
    slots = PyMem_Calloc((size_t)(inputs + function->result_slots + 1), sizeof(pylms_value));
    if (slots == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(slots, arguments, (size_t)function->argument_slots * sizeof(pylms_value));
    if (store_pointers(pointers, slots + function->argument_slots) == 0)
        result = enter_native(function, objects, slots, slots + inputs);
done:
    PyMem_Free(slots);
    Py_XDECREF(pointers);
    Py_DECREF(function);
    return result;
}

/* Fills the slots of arguments that the function was compiled for; 0, and no exception set, if they are others. */
static inline int fits(const NativeFunction *function, PyObject *const *args, pylms_value *slots)
{
    if (!match_arguments(function->arguments, args, function->argument_count, slots))
        return 0;
    if (function->overlap == OVERLAP_ANY)
        return 1;
    int overlap = written_arrays_overlap(function->arguments, function->argument_count, slots);
    return overlap == (function->overlap == OVERLAP_SOME);
}

/* Calls with `slots` as the working memory; `*matched` is 0, and no exception set, if the arguments do not fit. */
static inline PyObject *call_in(NativeFunction *function, PyObject *const *args, pylms_value *slots, int *matched)
{
    *matched = fits(function, args, slots);
    if (!*matched)
        return NULL;
    if (function->pointer_source != NULL)
        return enter_with_fresh_pointers(function, args, slots);
    pylms_value *next = slots + function->argument_slots;
    for (Py_ssize_t index = 0; index < function->pointer_count; ++index)
        *next++ = function->fixed_pointers[index];
    return enter_native(function, args, slots, next);
}

static PyObject *call_on_heap(NativeFunction *function, PyObject *const *args, size_t slot_count, int *matched)
{
    pylms_value *slots = PyMem_Calloc(slot_count, sizeof(pylms_value));
    if (slots == NULL) {
        *matched = 1;
        return PyErr_NoMemory();
    }
    PyObject *result = call_in(function, args, slots, matched);
    PyMem_Free(slots);
    return result;
}

static inline PyObject *call_if_matching(NativeFunction *function, PyObject *const *args, Py_ssize_t count, int *matched)
{
    if (count != function->argument_count) {
        *matched = 0;
        return NULL;
    }
    Py_ssize_t slot_count = function->argument_slots + function->pointer_count + function->result_slots;
    if (slot_count > SLOTS_ON_STACK)
        return call_on_heap(function, args, (size_t)slot_count, matched);
    pylms_value slots[SLOTS_ON_STACK];
    return call_in(function, args, slots, matched);
}

static const char *const overlap_words[] = {
    [OVERLAP_NONE] = ", the written ones sharing no memory",
    [OVERLAP_SOME] = ", a written one sharing memory",
    [OVERLAP_ANY] = "",
};

static PyObject *NativeFunction_vectorcall(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names)
{
    NativeFunction *function = (NativeFunction *)callable;
    int matched = 0;
    PyObject *result = NULL;
    if (names == NULL || PyTuple_GET_SIZE(names) == 0)
        result = call_if_matching(function, args, PyVectorcall_NARGS(flags), &matched);
    if (!matched)
        PyErr_Format(PyExc_TypeError, "this native function takes exactly %zd positional arguments, of types '%U'%s",
                     function->argument_count, function->argument_codes_text, overlap_words[function->overlap]);
    return result;
}

#endif
