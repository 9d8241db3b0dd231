enum { POINTS = 5 };
/* The gradient of the mean squared distance of the points from y = line[0] x + line[1]. */
void gradient(const double *line, double *gradient_of_line, const double *x, const double *y);
