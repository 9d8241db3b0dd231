#include <stddef.h>

/* Of springs of length 1 between points in a row. */
double energy(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 1; i < n; i++) {
        double stretch = x[i] - x[i - 1] - 1;
        sum += stretch * stretch / 2;
    }
    return sum;
}
