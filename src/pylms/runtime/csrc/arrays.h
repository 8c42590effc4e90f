/* NumPy arrays and numbers as arguments: which ones fit a code, and their slots.
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

/* What a code says of an array: [<kind><itemsize>,<rank>,<C|S>] of a result, [<kind><itemsize>,<rank>,<C|S>,<r|w>] of an
 * argument. Its slots: the address, the extents, and with S the strides, counted in elements. [<kind><itemsize>] is one of
 * NumPy's numbers, in one slot. */
typedef struct {
    char kind;
    int itemsize;
    int is_number;
    int rank;
    int is_strided;
    int is_written;
    int flags, looked_at;            /* NumPy's flags that an argument must have, of those that are looked at */
    unsigned long long type_numbers; /* bit n: NumPy's type number n is that kind of that size */
    PyTypeObject *number_type;       /* NumPy's type of such numbers */
} array_code;

static inline Py_ssize_t array_slots(const array_code *code)
{
    return 1 + (Py_ssize_t)code->rank * (code->is_strided ? 2 : 1);
}

/* Reads "[<kind><itemsize>]", or "[<kind><itemsize>,<rank>,<C|S>"; what follows, or null if it is something else. */
static const char *scan_array(const char *codes, array_code *code)
{
    if (codes[0] != '[' || codes[1] == '\0' || strchr("biuf", codes[1]) == NULL || codes[2] == '\0' ||
        strchr("1248", codes[2]) == NULL)
        return NULL;
    memset(code, 0, sizeof *code);
    code->kind = codes[1];
    code->itemsize = codes[2] - '0';
    codes += 3;
    if (*codes == ']') {
        code->is_number = 1;
        return codes + 1;
    }
    if (codes[0] != ',' || codes[1] < '0' || codes[1] > '9')
        return NULL;
    for (codes += 1; *codes >= '0' && *codes <= '9' && code->rank <= LARGEST_RANK; ++codes)
        code->rank = code->rank * 10 + (*codes - '0');
    if (code->rank > LARGEST_RANK || codes[0] != ',' || (codes[1] != 'C' && codes[1] != 'S'))
        return NULL;
    code->is_strided = codes[1] == 'S';
    return codes + 2;
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

/* NumPy's own number for the elements: where C has two names for a type, that of the type NumPy makes them of. */
static inline int type_number(const array_code *code)
{
    return __builtin_ctzll(code->type_numbers);
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
    PyArray_Descr *type = PyArray_DescrFromType(type_number(code));
    if (type == NULL)
        return -1;
    code->number_type = type->typeobj;
    Py_DECREF(type);
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

/* Fills the slot of an argument that is a number; 0 where it is not of the type that the code says. */
static inline int match_number(const array_code *code, PyObject *object, pylms_value *slot)
{
    union {
        npy_int8 i1;
        npy_int16 i2;
        npy_int32 i4;
        npy_uint8 u1;
        npy_uint16 u2;
        npy_uint32 u4;
        npy_float32 f4;
        npy_float64 f8;
        npy_int64 i8;
    } number;
    if (Py_TYPE(object) != code->number_type)
        return 0;
    PyArray_ScalarAsCtype(object, &number);
    if (code->kind == 'f')
        slot->f = code->itemsize == 4 ? number.f4 : number.f8;
    else if (code->itemsize == 8)
        slot->i = number.i8;
    else if (code->kind == 'i')
        slot->i = code->itemsize == 1 ? number.i1 : code->itemsize == 2 ? number.i2 : number.i4;
    else
        slot->i = code->itemsize == 1 ? number.u1 : code->itemsize == 2 ? number.u2 : number.u4;
    return 1;
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

static inline int match_number(const array_code *Py_UNUSED(code), PyObject *Py_UNUSED(object),
                               pylms_value *Py_UNUSED(slot))
{
    return 0;
}

#endif
#endif
