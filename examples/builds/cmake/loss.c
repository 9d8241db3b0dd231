#include "loss.h"

extern int enzyme_dup, enzyme_const;
void __enzyme_autodiff(void *, ...);

static double loss(const double *line, const double *x, const double *y) {
    double sum = 0;
    for (int i = 0; i < POINTS; i++) {
        double distance = line[0] * x[i] + line[1] - y[i];
        sum += distance * distance;
    }
    return sum / POINTS;
}

void gradient(const double *line, double *gradient_of_line, const double *x, const double *y) {
    __enzyme_autodiff((void *)loss, enzyme_dup, line, gradient_of_line, enzyme_const, x, enzyme_const, y);
}
