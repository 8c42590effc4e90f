/* Results of native code, and what it hands to callbacks and takes from them: Python objects and native slots.
 *
 * A code is one of: i (int, 64 bits), f (float), b (bool), p (address, an int in Python), n (None, no slot),
 * [<kind><itemsize>,<rank>,<C|S>] (a NumPy array: see arrays.h), [<kind><itemsize>] (a NumPy number), a string, list or dict
 * (see texts.h and containers.h), x (no slot: what a callback gives is raised), or a parenthesised run of codes (a tuple). A string
 * of codes is a run of them. Callbacks give none of NumPy's, no lists and no dicts.
 */
#ifndef PYLMS_MARSHAL_H
#define PYLMS_MARSHAL_H

#define MAXIMUM_TUPLE_DEPTH 32

/* Checks one code at `codes` and adds the slots it takes to `slots`; returns what follows it, or null if malformed. */
static const char *scan_code(const char *codes, int depth, Py_ssize_t *slots)
{
    array_code array;
    switch (*codes) {
    case 'i':
    case 'f':
    case 'b':
    case 'p':
        ++*slots;
        return codes + 1;
    case 's':
        *slots += 2;
        return codes + 1;
    case 'n':
    case 'x':
        return codes + 1;
    case '<':
    case '{': {
        Py_ssize_t slots_within = 0;
        const char *rest = depth < MAXIMUM_TUPLE_DEPTH ? scan_code(codes + 1, depth + 1, &slots_within) : NULL;
        if (rest != NULL && *codes == '{')
            rest = scan_code(rest, depth + 1, &slots_within);
        if (rest == NULL || *rest != (*codes == '<' ? '>' : '}'))
            return NULL;
        ++*slots;
        return rest + 1;
    }
    case '[':
        codes = scan_array(codes, &array);
        if (codes == NULL || (!array.is_number && *codes++ != ']'))
            return NULL;
        *slots += array_slots(&array);
        return codes;
    case '(':
        if (depth >= MAXIMUM_TUPLE_DEPTH)
            return NULL;
        for (codes += 1; *codes != ')';) {
            codes = scan_code(codes, depth + 1, slots);
            if (codes == NULL)
                return NULL;
        }
        return codes + 1;
    default:
        return NULL;
    }
}

/* Counts the codes and the slots of a run; -1 with ValueError if it is malformed. */
static int scan_codes(const char *codes, Py_ssize_t *count, Py_ssize_t *slots)
{
    const char *rest = codes;
    *count = 0;
    *slots = 0;
    while (*rest != '\0') {
        rest = scan_code(rest, 0, slots);
        if (rest == NULL) {
            PyErr_Format(PyExc_ValueError, "malformed codes: '%s'", codes);
            return -1;
        }
        ++*count;
    }
    return 0;
}

static PyObject *decode_array(const char **codes, const pylms_value **slots, result_sources *sources)
{
    array_code array;
    *codes = scan_array(*codes - 1, &array);
    const pylms_value *its_slots = *slots;
    *slots += array_slots(&array);
    if (array.is_number)
        return number_of_result(&array, its_slots);
    ++*codes;
    return array_of_result(&array, its_slots, sources);
}

static PyObject *decode_tuple(const char **codes, const pylms_value **slots, result_sources *sources)
{
    Py_ssize_t length = 0, ignored_slots = 0;
    for (const char *rest = *codes; *rest != ')' && *rest != '\0'; ++length)
        rest = scan_code(rest, 0, &ignored_slots);
    PyObject *tuple = PyTuple_New(length);
    if (tuple == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < length; ++index) {
        PyObject *item = decode_code(codes, slots, sources);
        if (item == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, index, item);
    }
    return tuple;
}

/* The Python object that one (well-formed) code spells; moves `codes` and `slots` past it. */
static PyObject *decode_code(const char **codes, const pylms_value **slots, result_sources *sources)
{
    switch (*(*codes)++) {
    case 'i':
        return PyLong_FromLongLong((*slots)++->i);
    case 'f':
        return PyFloat_FromDouble((*slots)++->f);
    case 'b':
        return PyBool_FromLong((*slots)++->i != 0);
    case 'p':
        return PyLong_FromVoidPtr((*slots)++->p);
    case '[':
        return decode_array(codes, slots, sources);
    case '(': {
        PyObject *tuple = decode_tuple(codes, slots, sources);
        ++*codes;
        return tuple;
    }
    case 's':
        *slots += 2;
        return decode_text(*slots - 2);
    case '<':
    case '{': {
        const char *start = *codes - 1;
        Py_ssize_t one_slot = 0;
        *codes = scan_code(start, 0, &one_slot);
        return decode_container(start, (*slots)++->p, sources);
    }
    default:
        Py_RETURN_NONE;
    }
}

/* What a whole run spells as a result: nothing is None, one code is its object. */
static PyObject *decode_result(const char *codes, const pylms_value *slots, result_sources *sources)
{
    if (*codes == '\0')
        Py_RETURN_NONE;
    PyObject *result = decode_code(&codes, &slots, sources);
    Py_CLEAR(sources->seen);
    return result;
}

/* A run of so many codes as a tuple; containers that are one in native code are one in it. */
static PyObject *decode_run(const char *codes, Py_ssize_t count, const pylms_value *slots)
{
    result_sources nothing_around = {0};
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t index = 0; tuple != NULL && index < count; ++index) {
        PyObject *object = decode_code(&codes, &slots, &nothing_around);
        if (object != NULL)
            PyTuple_SET_ITEM(tuple, index, object);
        else
            Py_CLEAR(tuple);
    }
    Py_XDECREF(nothing_around.seen);
    return tuple;
}

static int encode_code(pylms_context *context, const char **codes, PyObject *object, pylms_value **slots);

static int encode_tuple(pylms_context *context, const char **codes, PyObject *object, pylms_value **slots)
{
    PyObject *items = PySequence_Tuple(object);
    if (items == NULL)
        return -1;
    Py_ssize_t length = PyTuple_GET_SIZE(items), index = 0;
    for (; **codes != ')' && index < length; ++index) {
        if (encode_code(context, codes, PyTuple_GET_ITEM(items, index), slots) < 0) {
            Py_DECREF(items);
            return -1;
        }
    }
    Py_DECREF(items);
    if (**codes != ')' || index != length) {
        PyErr_Format(PyExc_TypeError, "the callback returned a tuple of the wrong length (%zd)", length);
        return -1;
    }
    ++*codes;
    return 0;
}

/* Stores what a callback returned; -1 with an exception if it does not fit its code. */
static int encode_code(pylms_context *context, const char **codes, PyObject *object, pylms_value **slots)
{
    switch (*(*codes)++) {
    case 'i': {
        PyObject *number = PyNumber_Index(object);
        if (number == NULL)
            return -1;
        (*slots)->i = PyLong_AsLongLong(number);
        Py_DECREF(number);
        return (*slots)++->i == -1 && PyErr_Occurred() ? -1 : 0;
    }
    case 'f':
        (*slots)->f = PyFloat_AsDouble(object);
        return (*slots)++->f == -1.0 && PyErr_Occurred() ? -1 : 0;
    case 'b':
        (*slots)->i = PyObject_IsTrue(object);
        return (*slots)++->i < 0 ? -1 : 0;
    case 'p':
        (*slots)->p = PyLong_AsVoidPtr(object);
        return (*slots)++->p == NULL && PyErr_Occurred() ? -1 : 0;
    case 's':
        *slots += 2;
        return encode_text(context, object, *slots - 2);
    case 'x':
        PyErr_SetObject((PyObject *)Py_TYPE(object), object);
        return -1;
    case '(':
        return encode_tuple(context, codes, object, slots);
    default:
        return 0;
    }
}

#endif
