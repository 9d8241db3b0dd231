#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

extern int enzyme_dup;
double __enzyme_autodiff(void *, ...);

/* Of two angles and their speeds; both masses, both lengths and gravity are 1. */
static double energy_of(const double *state) {
    double a = state[0], b = state[1], v = state[2], w = state[3];
    return v * v + w * w / 2 + v * w * cos(a - b) - 2 * cos(a) - cos(b);
}

static PyObject *energy(PyObject *self, PyObject *args) {
    double state[4];
    if (!PyArg_ParseTuple(args, "dddd", &state[0], &state[1], &state[2], &state[3])) return NULL;
    return PyFloat_FromDouble(energy_of(state));
}

static PyObject *gradient(PyObject *self, PyObject *args) {
    double state[4], slope[4] = {0};
    if (!PyArg_ParseTuple(args, "dddd", &state[0], &state[1], &state[2], &state[3])) return NULL;
    __enzyme_autodiff((void *)energy_of, enzyme_dup, state, slope);
    return Py_BuildValue("(dddd)", slope[0], slope[1], slope[2], slope[3]);
}

static PyMethodDef methods[] = {
    {"energy", energy, METH_VARARGS, "energy(a, b, v, w): of two angles and their speeds"},
    {"gradient", gradient, METH_VARARGS, "gradient(a, b, v, w): the derivatives of the energy"},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_energy", NULL, -1, methods};

PyMODINIT_FUNC PyInit__energy(void) { return PyModule_Create(&module); }
