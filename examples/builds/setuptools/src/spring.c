#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The derivative of `energy`: returns the energy, adds `seed` times its gradient to dx. */
double forces(const double *x, double *dx, size_t n, double seed);

static PyObject *energy_and_forces(PyObject *self, PyObject *args) {
    double x[3], dx[3] = {0};
    if (!PyArg_ParseTuple(args, "ddd", &x[0], &x[1], &x[2])) return NULL;
    double energy = forces(x, dx, 3, 1);
    return Py_BuildValue("d(ddd)", energy, -dx[0], -dx[1], -dx[2]);
}

static PyMethodDef methods[] = {
    {"energy_and_forces", energy_and_forces, METH_VARARGS, "energy_and_forces(x, y, z): of three points in a row"},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "spring", NULL, -1, methods};

PyMODINIT_FUNC PyInit_spring(void) { return PyModule_Create(&module); }
