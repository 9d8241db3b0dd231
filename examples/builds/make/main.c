#include "newton.h"
#include <math.h>
#include <stdio.h>

int main(void) {
    double x = newton(0.1);
    printf("x = %.9f, x cos x = %.9f\n", x, x * cos(x));
    return 0;
}
