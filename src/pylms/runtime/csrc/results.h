/* NumPy arrays and numbers made of results.
 *
 * An array that lies in an argument's memory is a view of the argument, as it is in Python. One that fills most of a large
 * block of the call's arena takes the block over; any other is copied.
 */
#ifndef PYLMS_RESULTS_H
#define PYLMS_RESULTS_H

/* What arrays in the results may lie in: the arguments that the call was made with, and the arena of its frame. */
typedef struct {
    const argument_code *arguments;
    PyObject *const *objects;
    Py_ssize_t count;
    const pylms_value *slots;
    call_frame *frame;
    PyObject *seen; /* null, or a dict from the addresses of containers to what they have become */
} result_sources;

#ifdef PYLMS_NUMPY

#define BLOCK_NAME "_pylms_binding.block"

static void free_owned_block(PyObject *capsule)
{
    free(PyCapsule_GetPointer(capsule, BLOCK_NAME));
}

/* The argument whose memory the bytes from `first` lie in, a writeable one where there are several; or null. */
static PyArrayObject *argument_around(const result_sources *sources, uintptr_t first)
{
    PyArrayObject *found = NULL;
    for (Py_ssize_t index = 0; index < sources->count; ++index) {
        const argument_code *argument = &sources->arguments[index];
        uintptr_t start, end;
        if (argument->kind != '[')
            continue;
        memory_of(&argument->array, &sources->slots[argument->first_slot], &start, &end);
        if (first < start || first >= end || (found != NULL && PyArray_ISWRITEABLE(found)))
            continue;
        found = (PyArrayObject *)sources->objects[index];
    }
    return found;
}

/* What owns the large block that the bytes lie in (a new reference), if they are most of it or it is owned already. Null
 * where the bytes must be copied, with an exception if there is no memory. */
static PyObject *owner_of_block(call_frame *frame, uintptr_t first, uintptr_t end)
{
    arena_block *block = frame->blocks;
    while (block != NULL && !((uintptr_t)bytes_of(block) <= first &&
                              end <= (uintptr_t)bytes_of(block) + (uintptr_t)block->size))
        block = block->next;
    if (block == NULL || block->size <= SMALLEST_ARENA_BLOCK)
        return NULL;
    if (block->owner == NULL && (long long)(end - first) < block->size / 2)
        return NULL;
    if (block->owner == NULL)
        block->owner = PyCapsule_New(block, BLOCK_NAME, free_owned_block);
    Py_XINCREF(block->owner);
    return block->owner;
}

/* The array on the memory itself; it keeps `owner`, of which it takes the reference, where there is one. */
static PyObject *array_on(const array_code *code, const pylms_value *slots, PyObject *owner, int flags)
{
    npy_intp extents[LARGEST_RANK], strides[LARGEST_RANK];
    for (int axis = 0; axis < code->rank; ++axis) {
        extents[axis] = (npy_intp)slots[1 + axis].i;
        if (code->is_strided)
            strides[axis] = (npy_intp)slots[1 + code->rank + axis].i * code->itemsize;
    }
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(type_number(code)), code->rank, extents,
                                           code->is_strided ? strides : NULL, slots->p, flags, NULL);
    if (array == NULL) {
        Py_XDECREF(owner);
        return NULL;
    }
    if (owner != NULL && PyArray_SetBaseObject((PyArrayObject *)array, owner) < 0) {
        Py_DECREF(array);
        return NULL;
    }
    return array;
}

/* The array that the slots tell of. */
static PyObject *array_of_result(array_code *code, const pylms_value *slots, const result_sources *sources)
{
    uintptr_t first, end;
    if (resolve_array_code(code) < 0)
        return NULL;
    memory_of(code, slots, &first, &end);
    if (first == end) { /* without elements: NumPy allocates what little it needs */
        pylms_value nowhere[1 + 2 * LARGEST_RANK];
        memcpy(nowhere, slots, (size_t)array_slots(code) * sizeof(pylms_value));
        nowhere[0].p = NULL;
        array_code dense = *code;
        dense.is_strided = 0;
        return array_on(&dense, nowhere, NULL, 0);
    }
    PyArrayObject *argument = argument_around(sources, first);
    if (argument != NULL) {
        Py_INCREF(argument);
        return array_on(code, slots, (PyObject *)argument, PyArray_FLAGS(argument) & NPY_ARRAY_WRITEABLE);
    }
    PyObject *owner = sources->frame != NULL ? owner_of_block(sources->frame, first, end) : NULL;
    if (owner != NULL)
        return array_on(code, slots, owner, NPY_ARRAY_WRITEABLE);
    PyObject *passing = PyErr_Occurred() ? NULL : array_on(code, slots, NULL, 0);
    if (passing == NULL)
        return NULL;
    PyObject *array = PyArray_NewCopy((PyArrayObject *)passing, NPY_KEEPORDER);
    Py_DECREF(passing);
    return array;
}

/* The NumPy number in a slot. */
static PyObject *number_of_result(array_code *code, const pylms_value *slot)
{
    npy_float32 single = (npy_float32)slot->f;
    if (resolve_array_code(code) < 0)
        return NULL;
    PyArray_Descr *type = PyArray_DescrFromType(type_number(code));
    if (type == NULL)
        return NULL;
    /* The low bytes of a whole number are the shorter one. */
    const void *bytes = code->kind == 'f' && code->itemsize == 4 ? (const void *)&single : (const void *)slot;
    PyObject *number = PyArray_Scalar((void *)bytes, type, NULL);
    Py_DECREF(type);
    return number;
}

#else

static PyObject *array_of_result(array_code *code, const pylms_value *Py_UNUSED(slots),
                                 const result_sources *Py_UNUSED(sources))
{
    resolve_array_code(code);
    return NULL;
}

static PyObject *number_of_result(array_code *code, const pylms_value *Py_UNUSED(slot))
{
    resolve_array_code(code);
    return NULL;
}

#endif
#endif
