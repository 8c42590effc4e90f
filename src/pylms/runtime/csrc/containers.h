/* Lists and dicts of native code, as Python objects.
 *
 * `<` code `>` is a list, `{` code code `}` a dict. Each has one slot, the address of two others: the address of the
 * elements, and how many they are. The slots of elements follow each other; before each key of a dict is one more, zero
 * where there is no entry.
 */
#ifndef PYLMS_CONTAINERS_H
#define PYLMS_CONTAINERS_H

/* See marshal.h. `sources->seen`: null, or a dict from addresses of containers to the Python objects they have become. */
static const char *scan_code(const char *codes, int depth, Py_ssize_t *slots);
static PyObject *decode_code(const char **codes, const pylms_value **slots, result_sources *sources);

static PyObject *decode_list(const char *codes, const pylms_value *body, result_sources *sources)
{
    const pylms_value *slots = body[0].p;
    Py_ssize_t length = (Py_ssize_t)body[1].i;
    PyObject *list = PyList_New(length);
    if (list == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < length; ++index) {
        const char *element = codes;
        PyObject *item = decode_code(&element, &slots, sources);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, index, item);
    }
    return list;
}

static PyObject *decode_dict(const char *codes, const pylms_value *body, result_sources *sources)
{
    const pylms_value *slots = body[0].p;
    Py_ssize_t width = 0;
    scan_code(scan_code(codes, 0, &width), 0, &width);
    PyObject *dict = PyDict_New();
    for (long long index = 0; dict != NULL && index < body[1].i; ++index, slots += 1 + width) {
        const pylms_value *entry = slots + 1;
        const char *code = codes;
        if (slots->i == 0)
            continue;
        PyObject *key = decode_code(&code, &entry, sources);
        PyObject *value = key != NULL ? decode_code(&code, &entry, sources) : NULL;
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

/* A list or dict, `codes` being its code; the same one for the same address. */
static PyObject *decode_container(const char *codes, const pylms_value *body, result_sources *sources)
{
    if (sources->seen == NULL && (sources->seen = PyDict_New()) == NULL)
        return NULL;
    PyObject *address = PyLong_FromVoidPtr((void *)body);
    if (address == NULL)
        return NULL;
    PyObject *container = PyDict_GetItemWithError(sources->seen, address);
    if (container != NULL) {
        Py_INCREF(container);
    } else if (!PyErr_Occurred()) {
        container = *codes == '<' ? decode_list(codes + 1, body, sources) : decode_dict(codes + 1, body, sources);
        if (container != NULL && PyDict_SetItem(sources->seen, address, container) < 0)
            Py_CLEAR(container);
    }
    Py_DECREF(address);
    return container;
}

#endif
