/* The arguments of a native function: their codes, and the slots of Python objects that fit them exactly.
 *
 * A code is one of: i (int, 64 bits), f (float), b (bool), s (str), [<kind><itemsize>] (a NumPy number), or
 * [<kind><itemsize>,<rank>,<C|S>,<r|w>] (a NumPy array: see arrays.h; C: C-contiguous, S: any other layout; w: the
 * function writes into it).
 */
#ifndef PYLMS_ARGUMENTS_H
#define PYLMS_ARGUMENTS_H

typedef struct {
    char kind; /* i, f, b, s, [ of an array, or # of a NumPy number */
    Py_ssize_t first_slot;
    array_code array; /* of the last two kinds */
} argument_code;

/* Whether arrays that a function writes must share memory with another of its arguments, or must not. */
typedef enum { OVERLAP_NONE, OVERLAP_SOME, OVERLAP_ANY } overlap_demand;

/* Reads one code, save its first slot; what follows, or null if it is malformed. */
static const char *scan_argument(const char *codes, argument_code *argument)
{
    argument->kind = *codes;
    if (*codes == 'i' || *codes == 'f' || *codes == 'b' || *codes == 's')
        return codes + 1;
    codes = scan_array(codes, &argument->array);
    if (codes != NULL && argument->array.is_number) {
        argument->kind = '#';
        return codes;
    }
    if (codes == NULL || codes[0] != ',' || (codes[1] != 'r' && codes[1] != 'w') || codes[2] != ']')
        return NULL;
    argument->array.is_written = codes[1] == 'w';
    return codes + 3;
}

/* The codes of a run, in memory of their own; null with an exception if they are malformed, or NumPy is missing. */
static argument_code *parse_arguments(const char *codes, Py_ssize_t *count, Py_ssize_t *slots)
{
    argument_code *arguments = PyMem_Calloc(strlen(codes) + 1, sizeof(argument_code));
    if (arguments == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *count = *slots = 0;
    for (const char *rest = codes; *rest != '\0'; ++*count) {
        argument_code *argument = &arguments[*count];
        rest = scan_argument(rest, argument);
        if (rest == NULL) {
            PyErr_Format(PyExc_ValueError, "malformed argument codes: '%s'", codes);
            goto failed;
        }
        argument->first_slot = *slots;
        *slots += argument->kind == '[' ? array_slots(&argument->array) : argument->kind == 's' ? 2 : 1;
        if ((argument->kind == '[' || argument->kind == '#') && (use_numpy() < 0 || resolve_array_code(&argument->array) < 0))
            goto failed;
    }
    return arguments;
failed:
    PyMem_Free(arguments);
    return NULL;
}

/* Stores arguments that are exactly what the codes say; 0 at the first that is not, with no exception. Of a string it is
 * the object itself, until `encode_texts`. */
static inline int match_arguments(const argument_code *arguments, PyObject *const *objects, Py_ssize_t count,
                                  pylms_value *slots)
{
    for (Py_ssize_t index = 0; index < count; ++index) {
        PyObject *object = objects[index];
        pylms_value *slot = &slots[arguments[index].first_slot];
        switch (arguments[index].kind) {
        case 'i': {
            int overflow;
            if (!PyLong_CheckExact(object))
                return 0;
            slot->i = PyLong_AsLongLongAndOverflow(object, &overflow);
            if (overflow)
                return 0;
            break;
        }
        case 'f':
            if (!PyFloat_CheckExact(object))
                return 0;
            slot->f = PyFloat_AS_DOUBLE(object);
            break;
        case 'b':
            if (object != Py_True && object != Py_False)
                return 0;
            slot->i = object == Py_True;
            break;
        case '#':
            if (!match_number(&arguments[index].array, object, slot))
                return 0;
            break;
        case 's':
            if (!PyUnicode_CheckExact(object))
                return 0;
            slot->p = object;
            break;
        default:
            if (!match_array(&arguments[index].array, object, slot))
                return 0;
        }
    }
    return 1;
}

/* Puts the code points of strings, and their number, where their objects are stored; -1 with an exception on failure. */
static int encode_texts(pylms_context *context, const argument_code *arguments, Py_ssize_t count, pylms_value *slots)
{
    for (Py_ssize_t index = 0; index < count; ++index) {
        pylms_value *slot = &slots[arguments[index].first_slot];
        if (arguments[index].kind == 's' && encode_text(context, slot->p, slot) < 0)
            return -1;
    }
    return 0;
}

static inline int arrays_overlap(const argument_code *left, const argument_code *right, const pylms_value *slots)
{
    uintptr_t left_first, left_end, right_first, right_end;
    memory_of(&left->array, &slots[left->first_slot], &left_first, &left_end);
    memory_of(&right->array, &slots[right->first_slot], &right_first, &right_end);
    uintptr_t first = left_first > right_first ? left_first : right_first;
    return first < (left_end < right_end ? left_end : right_end);
}

/* Whether an array that is written lies, from its first byte to its last, across another argument. */
static inline int written_arrays_overlap(const argument_code *arguments, Py_ssize_t count, const pylms_value *slots)
{
    for (Py_ssize_t written = 0; written < count; ++written) {
        if (arguments[written].kind != '[' || !arguments[written].array.is_written)
            continue;
        for (Py_ssize_t other = 0; other < count; ++other)
            if (other != written && arguments[other].kind == '[' &&
                arrays_overlap(&arguments[written], &arguments[other], slots))
                return 1;
    }
    return 0;
}

#endif
