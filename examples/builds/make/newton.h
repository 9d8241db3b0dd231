/* A root of x * cos(x) = 1 / 2, from a start. */
double newton(double x);
