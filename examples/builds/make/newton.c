#include "newton.h"
#include <math.h>

double __enzyme_autodiff(void *, double);

static double f(double x) { return x * cos(x) - 0.5; }

double newton(double x) {
    for (int i = 0; i < 50 && fabs(f(x)) > 1e-14; i++)
        x -= f(x) / __enzyme_autodiff((void *)f, x);
    return x;
}
