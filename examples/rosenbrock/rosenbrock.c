/* Rosenbrock's valley in n dimensions:
 *
 *   f(x) = sum_{i=0}^{n-2} 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2
 *
 * Its minimum, 0, is at (1, ..., 1), at the end of a narrow curved valley: a classic trial for gradient methods.
 *
 * H. H. Rosenbrock, "An automatic method for finding the greatest or least value of a function",
 * The Computer Journal 3 (1960), 175-184, gives it for n = 2.
 */
#include <stddef.h>

double rosenbrock(const double *x, size_t n) {
  double sum = 0.0;
  for (size_t i = 0; i + 1 < n; i++) {
    double off_valley = x[i + 1] - x[i] * x[i];
    double off_minimum = 1.0 - x[i];
    sum += 100.0 * off_valley * off_valley + off_minimum * off_minimum;
  }
  return sum;
}
