/* Strings, to and from native code: two slots, the address of the code points (32 bits each) and how many they are. */
#ifndef PYLMS_TEXTS_H
#define PYLMS_TEXTS_H

static PyObject *decode_text(const pylms_value *slots)
{
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, slots[0].p, (Py_ssize_t)slots[1].i);
}

/* Copies a string's code points to memory of the call, and stores where they are; -1 with an exception on failure. */
static int encode_text(pylms_context *context, PyObject *object, pylms_value *slots)
{
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "a str is needed here, not %.100s", Py_TYPE(object)->tp_name);
        return -1;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(object);
    void *memory = context->allocate(context, ((long long)length + 1) * (long long)sizeof(Py_UCS4));
    if (memory == NULL || PyUnicode_AsUCS4(object, memory, length + 1, 1) == NULL)
        return -1;
    slots[0].p = memory;
    slots[1].i = length;
    return 0;
}

#endif
