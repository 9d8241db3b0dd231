/* Small functions whose derivatives are held against central differences; each shows one thing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns: every row of the manual's table has one of these. */
double product(double a, double b) { return a * a * sin(b); }
double norm(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}
float narrow(float a, float b) { return a * b + a; }
float narrow_sum(const float *x, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i] * x[i];
    return sum;
}
long double wide(long double a) { return a * a * a; }
double mixed(float a, signed char scale, double b) { return (double)a * scale * b * b; }

/* Writes through pointers. */
void squares(const double *x, double *y, int n) {
    for (int i = 0; i < n; i++) y[i] = x[i] * x[i];
}
void in_place(double *x, int n) {
    for (int i = 1; i < n; i++) x[i] *= x[i - 1];
}
int status(const double *x, double *y) {
    y[0] = exp(x[0]) * x[1];
    return 7;
}
double value_and_output(double *x, double *y) {
    y[0] = x[0] * x[1];
    return x[0] + y[0];
}

/* Control flow. */
double branches(double x) { return x > 1 ? x * x : x < -1 ? -x : x * x * x; }
double newton_root(double x) {
    double root = x;
    while (fabs(root * root - x) > 1e-14 * x) root = 0.5 * (root + x / root);
    return root;
}
double early_exit(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        if (x[i] < 0) return sum;
        sum += x[i] * x[i];
    }
    return sum;
}
double power(double x, int n) { return n == 0 ? 1 : x * power(x, n - 1); }
static double helper(double x) { return log(1 + x * x); }
double through_helpers(double x, double y) { return helper(x) * helper(y); }
double switched(double x, int kind) {
    switch (kind) {
        case 0: return sin(x);
        case 1: return exp(x);
        default: return x * x * x;
    }
}

/* Memory. */
double allocates(const double *x, int n) {
    double *copy = malloc(n * sizeof *copy);
    for (int i = 0; i < n; i++) copy[i] = x[i] * x[i];
    double sum = 0;
    for (int i = 1; i < n; i++) sum += copy[i] * copy[i - 1];
    free(copy);
    return sum;
}
double local_array(const double *x) {
    double copy[4];
    for (int i = 0; i < 4; i++) copy[i] = x[3 - i] * x[i];
    return copy[0] + copy[1] * copy[2];
}
struct point { double x, y; };
double through_struct(const struct point *p, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += p[i].x * p[i].y * p[i].y;
    return sum;
}
double matrix_vector(const double *a, const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double row = 0;
        for (int j = 0; j < n; j++) row += a[i * n + j] * x[j];
        sum += row * row;
    }
    return sum;
}
double conditional_load(const double *x, const double *y, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] > 0 ? x[i] * y[i] : x[i];
    return sum;
}

/* The library of mathematics. */
double library(double x) {
    return exp(-x) + log(x) * cos(x) + tan(x / 4) + atan2(x, 2) + pow(x, 1.5) + tanh(x) + sinh(x) + cbrt(x) + erf(x) + hypot(x, 2) + fmax(x, 1);
}

/* Source that calls Enzyme itself. */
extern int enzyme_const, enzyme_dup;
extern double __enzyme_autodiff(void *, ...);
extern double __enzyme_fwddiff(void *, ...);
double own_reverse(double a, double b) { return __enzyme_autodiff((void *)product, a, enzyme_const, b); }
double own_forward(double a, double b) { return __enzyme_fwddiff((void *)product, enzyme_dup, a, 1.0, enzyme_const, b); }

/* A placeholder is replaced, and what calls it calls the derivative. */
struct gradient { double value, da, db; };
struct gradient product_grad(double a, double b, double dret) {
    struct gradient nothing = {0, 0, 0};
    return nothing;
}
double calls_the_placeholder(double a, double b) { return product_grad(a, b, 1.0).da; }
