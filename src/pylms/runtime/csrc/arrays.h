/* NumPy arrays: which ones fit a code, their slots, and new ones made of results.
 *
 * NumPy is imported when the first function that has arrays is made. Where its headers are missing the binding is built
 * without all this (PYLMS_NUMPY is not defined), and such functions are refused.
 */
#ifndef PYLMS_ARRAYS_H
#define PYLMS_ARRAYS_H

#include <stdint.h>

#ifdef PYLMS_NUMPY
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>
#endif

#define LARGEST_RANK 32

/* What the code of an array says: [<kind><itemsize>,<rank>] of a result, [<kind><itemsize>,<rank>,<C|S>,<r|w>] of an
 * argument. Its slots: the address, the extents, and with S the strides, counted in elements. */
typedef struct {
    char kind;
    int itemsize;
    int rank;
    int is_strided;
    int is_written;
    int flags, looked_at;            /* NumPy's flags that an argument must have, of those that are looked at */
    unsigned long long type_numbers; /* bit n: NumPy's type number n is that kind of that size */
} array_code;

static inline Py_ssize_t array_slots(const array_code *code)
{
    return 1 + (Py_ssize_t)code->rank * (code->is_strided ? 2 : 1);
}

/* Reads "[<kind><itemsize>,<rank>"; what follows, or null if it is something else. */
static const char *scan_array_type(const char *codes, array_code *code)
{
    if (codes[0] != '[' || codes[1] == '\0' || strchr("biuf", codes[1]) == NULL || codes[2] == '\0' ||
        strchr("1248", codes[2]) == NULL || codes[3] != ',' || codes[4] < '0' || codes[4] > '9')
        return NULL;
    memset(code, 0, sizeof *code);
    code->kind = codes[1];
    code->itemsize = codes[2] - '0';
    for (codes += 4; *codes >= '0' && *codes <= '9' && code->rank <= LARGEST_RANK; ++codes)
        code->rank = code->rank * 10 + (*codes - '0');
    return code->rank <= LARGEST_RANK ? codes : NULL;
}

/* The memory that an array's slots tell of: from `*first` up to, not including, `*end`; none where it is empty. */
static inline void memory_of(const array_code *code, const pylms_value *slots, uintptr_t *first, uintptr_t *end)
{
    const pylms_value *extents = slots + 1, *strides = extents + code->rank;
    uintptr_t low = (uintptr_t)slots->p, high = low, elements = 1;
    int is_empty = 0;
    for (int axis = 0; axis < code->rank; ++axis) {
        long long extent = extents[axis].i;
        is_empty |= extent == 0;
        elements *= (uintptr_t)extent;
        if (!code->is_strided)
            continue;
        uintptr_t reach = (uintptr_t)(extent - 1) * (uintptr_t)strides[axis].i * (uintptr_t)code->itemsize;
        if (strides[axis].i < 0)
            low += reach;
        else
            high += reach;
    }
    *first = low;
    if (is_empty)
        *end = low;
    else
        *end = high + (uintptr_t)code->itemsize * (code->is_strided ? 1 : elements);
}

#ifdef PYLMS_NUMPY

/* Binds NumPy's C-API; -1 with an exception where there is no NumPy, or one that the binding was not built for. */
static int use_numpy(void)
{
    return PyArray_API != NULL ? 0 : _import_array();
}

/* What NumPy calls the elements and the demands of a code; -1 with ValueError where NumPy has no such elements. */
static int resolve_array_code(array_code *code)
{
    static const struct {
        char kind;
        size_t itemsize;
        int number;
    } types[] = {
        {'b', sizeof(npy_bool), NPY_BOOL},    {'i', sizeof(npy_byte), NPY_BYTE},
        {'i', sizeof(npy_short), NPY_SHORT},  {'i', sizeof(npy_int), NPY_INT},
        {'i', sizeof(npy_long), NPY_LONG},    {'i', sizeof(npy_longlong), NPY_LONGLONG},
        {'u', sizeof(npy_ubyte), NPY_UBYTE},  {'u', sizeof(npy_ushort), NPY_USHORT},
        {'u', sizeof(npy_uint), NPY_UINT},    {'u', sizeof(npy_ulong), NPY_ULONG},
        {'f', sizeof(npy_float), NPY_FLOAT},  {'u', sizeof(npy_ulonglong), NPY_ULONGLONG},
        {'f', sizeof(npy_double), NPY_DOUBLE},
    };
    for (size_t index = 0; index < sizeof types / sizeof *types; ++index)
        if (types[index].kind == code->kind && types[index].itemsize == (size_t)code->itemsize)
            code->type_numbers |= 1ULL << types[index].number;
    if (code->type_numbers == 0) {
        PyErr_Format(PyExc_ValueError, "NumPy has no elements '%c%d'", code->kind, code->itemsize);
        return -1;
    }
    code->looked_at = NPY_ARRAY_ALIGNED | NPY_ARRAY_C_CONTIGUOUS | (code->is_written ? NPY_ARRAY_WRITEABLE : 0);
    code->flags = code->looked_at & ~(code->is_strided ? NPY_ARRAY_C_CONTIGUOUS : 0);
    return 0;
}

/* Fills the slots of an argument; 0 where it is not exactly what the code says. */
static inline int match_array(const array_code *code, PyObject *object, pylms_value *slots)
{
    if (!PyArray_CheckExact(object))
        return 0;
    PyArrayObject *array = (PyArrayObject *)object;
    PyArray_Descr *type = PyArray_DESCR(array);
    unsigned number = (unsigned)type->type_num;
    if (PyArray_NDIM(array) != code->rank || (PyArray_FLAGS(array) & code->looked_at) != code->flags ||
        number >= 64 || !(code->type_numbers >> number & 1) || type->byteorder == NPY_OPPBYTE)
        return 0;
    slots->p = PyArray_DATA(array);
    pylms_value *extents = slots + 1, *strides = extents + code->rank;
    for (int axis = 0; axis < code->rank; ++axis)
        extents[axis].i = PyArray_DIM(array, axis);
    if (!code->is_strided)
        return 1;
    for (int axis = 0; axis < code->rank; ++axis) {
        /* Where there is at most one element, NumPy lets the stride be anything. */
        npy_intp stride = extents[axis].i > 1 ? PyArray_STRIDE(array, axis) : 0;
        if (stride & (code->itemsize - 1))
            return 0;
        strides[axis].i = stride / code->itemsize;
    }
    return 1;
}

/* A new array of the result that the slots tell of. */
static PyObject *array_of_result(array_code *code, const pylms_value *slots)
{
    npy_intp extents[LARGEST_RANK];
    if (use_numpy() < 0 || resolve_array_code(code) < 0)
        return NULL;
    for (int axis = 0; axis < code->rank; ++axis)
        extents[axis] = (npy_intp)slots[1 + axis].i;
    PyObject *array = PyArray_SimpleNew(code->rank, extents, __builtin_ctzll(code->type_numbers));
    if (array != NULL && PyArray_SIZE((PyArrayObject *)array) > 0)
        memcpy(PyArray_DATA((PyArrayObject *)array), slots->p, (size_t)PyArray_NBYTES((PyArrayObject *)array));
    return array;
}

#else

static int use_numpy(void)
{
    PyErr_SetString(PyExc_NotImplementedError, "the binding was built without NumPy's headers");
    return -1;
}

static int resolve_array_code(array_code *Py_UNUSED(code))
{
    return use_numpy();
}

static inline int match_array(const array_code *Py_UNUSED(code), PyObject *Py_UNUSED(object),
                              pylms_value *Py_UNUSED(slots))
{
    return 0;
}

static PyObject *array_of_result(array_code *Py_UNUSED(code), const pylms_value *Py_UNUSED(slots))
{
    return use_numpy() < 0 ? NULL : Py_None;
}

#endif
#endif
