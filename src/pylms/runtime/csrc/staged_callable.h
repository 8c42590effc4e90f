/* StagedCallable: what a staged function is to its users. It puts keywords and defaults in their places, tries its native
 * specialisations in order and leaves everything else (other types, attributes) to its owner, a Python object with
 * `call_slow(args, kwargs)`.
 */
#ifndef PYLMS_STAGED_CALLABLE_H
#define PYLMS_STAGED_CALLABLE_H

#define MOST_PARAMETERS 32

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *owner;
    PyObject *parameters; /* a tuple of names; one that is empty cannot be a keyword */
    Py_ssize_t positional; /* how many of them may be given by position */
    PyObject *defaults;    /* a dict by name */
    PyObject *natives; /* a tuple of NativeFunction, replaced as a whole, so that a call in flight keeps its own */
    PyObject *weak_references;
} StagedCallable;

static PyTypeObject StagedCallable_type;

/* The owner may change the exception that leaves it now: it takes its own frames out of the traceback. */
static void let_owner_show_error(StagedCallable *self)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL && PyException_SetTraceback(value, traceback) < 0)
        PyErr_Clear();
    PyObject *done = PyObject_CallMethod(self->owner, "show_error", "O", value);
    if (done == NULL)
        PyErr_Clear(); /* it has no such method, or failed: the exception leaves as it came */
    Py_XDECREF(done);
    Py_XDECREF(traceback);
    PyErr_Restore(type, value, PyException_GetTraceback(value));
}

static PyObject *call_slow(StagedCallable *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *result = NULL, *keywords = PyDict_New(), *positional = PyTuple_New(count);
    if (keywords == NULL || positional == NULL)
        goto done;
    for (Py_ssize_t index = 0; index < count; ++index) {
        Py_INCREF(args[index]);
        PyTuple_SET_ITEM(positional, index, args[index]);
    }
    for (Py_ssize_t index = 0; names != NULL && index < PyTuple_GET_SIZE(names); ++index)
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, index), args[count + index]) < 0)
            goto done;
    result = PyObject_CallMethod(self->owner, "call_slow", "OO", positional, keywords);
    if (result == NULL)
        let_owner_show_error(self);
done:
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

/* The place of the parameter that a keyword names; -1 where that is not seen at a glance. */
static Py_ssize_t parameter_named(StagedCallable *self, PyObject *name)
{
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(self->parameters); ++place)
        if (PyTuple_GET_ITEM(self->parameters, place) == name)
            return place;
    return -1;
}

/* One argument for each parameter, in order (borrowed); 0, and no exception set, where they do not fit the parameters. */
static int complete_arguments(StagedCallable *self, PyObject *const *args, Py_ssize_t count, PyObject *names,
                              PyObject **completed)
{
    Py_ssize_t parameters = PyTuple_GET_SIZE(self->parameters);
    if (count > self->positional || parameters > MOST_PARAMETERS)
        return 0;
    for (Py_ssize_t place = 0; place < parameters; ++place)
        completed[place] = place < count ? args[place] : NULL;
    for (Py_ssize_t index = 0; names != NULL && index < PyTuple_GET_SIZE(names); ++index) {
        Py_ssize_t place = parameter_named(self, PyTuple_GET_ITEM(names, index));
        if (place < 0 || completed[place] != NULL)
            return 0;
        completed[place] = args[count + index];
    }
    for (Py_ssize_t place = 0; place < parameters; ++place) {
        if (completed[place] == NULL)
            completed[place] = PyDict_GetItem(self->defaults, PyTuple_GET_ITEM(self->parameters, place));
        if (completed[place] == NULL)
            return 0;
    }
    return 1;
}

static PyObject *call_native(StagedCallable *self, PyObject *const *args, Py_ssize_t count, int *matched)
{
    PyObject *natives = self->natives;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(natives); ++index) {
        PyObject *result = call_if_matching((NativeFunction *)PyTuple_GET_ITEM(natives, index), args, count, matched);
        if (*matched)
            return result;
    }
    *matched = 0;
    return NULL;
}

static PyObject *StagedCallable_vectorcall(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names)
{
    StagedCallable *self = (StagedCallable *)callable;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    int matched = 0;
    PyObject *result = NULL, *completed[MOST_PARAMETERS];
    if (count == self->positional && count == PyTuple_GET_SIZE(self->parameters) && names == NULL)
        result = call_native(self, args, count, &matched);
    else if (complete_arguments(self, args, count, names, completed))
        result = call_native(self, completed, PyTuple_GET_SIZE(self->parameters), &matched);
    return matched ? result : call_slow(self, args, count, names);
}

static PyObject *StagedCallable_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"owner", "parameters", "positional", "defaults", NULL};
    PyObject *owner, *parameters, *defaults;
    Py_ssize_t positional;
    if (!PyArg_ParseTupleAndKeywords(args, names, "OO!nO!:StagedCallable", keywords, &owner, &PyTuple_Type, &parameters,
                                     &positional, &PyDict_Type, &defaults))
        return NULL;
    StagedCallable *self = (StagedCallable *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->vectorcall = StagedCallable_vectorcall;
    Py_INCREF(owner);
    self->owner = owner;
    Py_INCREF(parameters);
    self->parameters = parameters;
    self->positional = positional;
    Py_INCREF(defaults);
    self->defaults = defaults;
    self->natives = PyTuple_New(0);
    if (self->natives == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int StagedCallable_traverse(StagedCallable *self, visitproc visit, void *arg)
{
    Py_VISIT(self->owner);
    Py_VISIT(self->defaults);
    Py_VISIT(self->natives);
    return 0;
}

static int StagedCallable_clear_references(StagedCallable *self)
{
    /* Cycles go through the owner or the natives; the natives stay, because a call may still come and look there. */
    PyObject *owner = self->owner;
    Py_INCREF(Py_None);
    self->owner = Py_None;
    Py_XDECREF(owner);
    return 0;
}

static void StagedCallable_dealloc(StagedCallable *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->owner);
    Py_XDECREF(self->parameters);
    Py_XDECREF(self->defaults);
    Py_XDECREF(self->natives);
    PyObject_GC_Del(self);
}

static void replace_natives(StagedCallable *self, PyObject *natives)
{
    PyObject *old = self->natives;
    self->natives = natives;
    Py_DECREF(old);
}

static PyObject *StagedCallable_install(StagedCallable *self, PyObject *native)
{
    if (!PyObject_TypeCheck(native, &NativeFunction_type))
        return PyErr_Format(PyExc_TypeError, "install() takes a NativeFunction, not %.100s", Py_TYPE(native)->tp_name);
    Py_ssize_t count = PyTuple_GET_SIZE(self->natives);
    PyObject *natives = PyTuple_New(count + 1);
    if (natives == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index <= count; ++index) {
        PyObject *item = index < count ? PyTuple_GET_ITEM(self->natives, index) : native;
        Py_INCREF(item);
        PyTuple_SET_ITEM(natives, index, item);
    }
    replace_natives(self, natives);
    Py_RETURN_NONE;
}

static PyObject *StagedCallable_clear(StagedCallable *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *natives = PyTuple_New(0);
    if (natives == NULL)
        return NULL;
    replace_natives(self, natives);
    Py_RETURN_NONE;
}

/* Functions are pickled and copied by name; so is this. */
static PyObject *StagedCallable_reduce(StagedCallable *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_GetAttrString(self->owner, "__qualname__");
}

static PyObject *StagedCallable_dir(StagedCallable *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_Dir(self->owner);
}

static PyObject *StagedCallable_bind(PyObject *self, PyObject *instance, PyObject *Py_UNUSED(owner_type))
{
    if (instance == NULL || instance == Py_None) {
        Py_INCREF(self);
        return self;
    }
    return PyMethod_New(self, instance);
}

/* The type's own attributes first, save the two that every type has and that mean the function here. */
static PyObject *StagedCallable_getattro(StagedCallable *self, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "__doc__") != 0 &&
        PyUnicode_CompareWithASCIIString(name, "__module__") != 0) {
        PyObject *value = PyObject_GenericGetAttr((PyObject *)self, name);
        if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
            return value;
        PyErr_Clear();
    }
    PyObject *value = PyObject_GetAttr(self->owner, name);
    if (value == NULL && !PyErr_ExceptionMatches(PyExc_AttributeError))
        let_owner_show_error(self);
    return value;
}

static int StagedCallable_setattro(StagedCallable *self, PyObject *name, PyObject *value)
{
    return PyObject_SetAttr(self->owner, name, value);
}

static PyObject *StagedCallable_repr(StagedCallable *self)
{
    return PyObject_Repr(self->owner);
}

static PyMethodDef StagedCallable_methods[] = {
    {"install", (PyCFunction)StagedCallable_install, METH_O, PyDoc_STR("Add a NativeFunction; earlier ones go first.")},
    {"clear", (PyCFunction)StagedCallable_clear, METH_NOARGS, PyDoc_STR("Drop every NativeFunction.")},
    {"__reduce__", (PyCFunction)StagedCallable_reduce, METH_NOARGS, NULL},
    {"__dir__", (PyCFunction)StagedCallable_dir, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef StagedCallable_members[] = {
    {"owner", T_OBJECT, offsetof(StagedCallable, owner), READONLY, NULL},
    {"natives", T_OBJECT, offsetof(StagedCallable, natives), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject StagedCallable_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "_pylms_binding.StagedCallable",
    .tp_doc = PyDoc_STR("A staged function."),
    .tp_basicsize = sizeof(StagedCallable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_new = StagedCallable_new,
    .tp_dealloc = (destructor)StagedCallable_dealloc,
    .tp_traverse = (traverseproc)StagedCallable_traverse,
    .tp_clear = (inquiry)StagedCallable_clear_references,
    .tp_repr = (reprfunc)StagedCallable_repr,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(StagedCallable, vectorcall),
    .tp_weaklistoffset = offsetof(StagedCallable, weak_references),
    .tp_descr_get = StagedCallable_bind,
    .tp_getattro = (getattrofunc)StagedCallable_getattro,
    .tp_setattro = (setattrofunc)StagedCallable_setattro,
    .tp_methods = StagedCallable_methods,
    .tp_members = StagedCallable_members,
};

#endif
