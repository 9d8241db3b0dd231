/* The Gaussian mixture objective of ADBench: the logarithm of the likelihood of n points x_i in d dimensions under a mixture of
 * k Gaussians, with a Wishart prior on their precisions.
 *
 *   L = sum_i logsumexp_j(alpha_j + sum(q_j) - 1/2 |Q_j (x_i - mu_j)|^2) - n logsumexp(alpha) - n d/2 log(2 pi)
 *     + sum_j (gamma^2/2 |Q_j|_F^2 - m sum(q_j)) - k C
 *
 * Q_j is lower triangular, and Q_j^T Q_j is the j-th precision matrix. The diagonal of Q_j is exp(q_j); l_j, column by column, is
 * what is below it. `icf` (inverse covariance factors) holds, for each j, the d numbers q_j and the d (d - 1)/2 numbers l_j.
 * With nu = d + m + 1 degrees of freedom and Gamma_d the multivariate gamma function, the prior's constant is
 *
 *   C = nu d (log(gamma) - 1/2 log(2)) - log Gamma_d(nu / 2)
 *   log Gamma_d(a) = d (d - 1)/4 log(pi) + sum_{i=1}^{d} log Gamma(a + (1 - i)/2)
 *
 * F. Srajer, Z. Kukelova, A. Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some problems in computer
 * vision and machine learning", Optimization Methods and Software 33 (2018), arXiv:1807.10129.
 *
 * The signs are those of ADBench's code, so that figures can be compared: gamma^2/2 |Q_j|_F^2 is added, m sum(q_j) and C are
 * subtracted. In a Wishart prior as textbooks have it the three signs are the other way round.
 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static const double LOG_2 = 0.69314718055994530942;
static const double LOG_PI = 1.1447298858494001741;

static double largest(size_t n, const double *values) {
  double result = values[0];
  for (size_t i = 1; i < n; i++)
    if (values[i] > result) result = values[i];
  return result;
}

/* log(sum_i exp(values_i)), shifted by the largest value so that no exponential overflows. */
static double log_sum_exp(size_t n, const double *values) {
  double shift = largest(n, values);
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += exp(values[i] - shift);
  return shift + log(sum);
}

/* log Gamma(n / 2) for a whole n > 0, by Gamma(z + 1) = z Gamma(z) from Gamma(1/2) = sqrt(pi) and Gamma(1) = 1. */
static double log_gamma_of_half(size_t n) {
  double result = n % 2 ? 0.5 * LOG_PI : 0.0;
  for (; n > 2; n -= 2) result += log(0.5 * (double)(n - 2));
  return result;
}

/* C: it depends on no unknown, so it adds nothing to the derivative. */
static double wishart_constant(size_t d, double gamma, size_t m) {
  size_t freedom = d + m + 1;
  double log_gamma_d = 0.25 * (double)d * ((double)d - 1.0) * LOG_PI;
  for (size_t i = 1; i <= d; i++) log_gamma_d += log_gamma_of_half(freedom + 1 - i);
  return (double)freedom * (double)d * (log(gamma) - 0.5 * LOG_2) - log_gamma_d;
}

static double sum(size_t n, const double *values) {
  double result = 0.0;
  for (size_t i = 0; i < n; i++) result += values[i];
  return result;
}

static double sum_of_squares(size_t n, const double *values) {
  double result = 0.0;
  for (size_t i = 0; i < n; i++) result += values[i] * values[i];
  return result;
}

/* diagonals (k x d) = exp(q_j), log_dets (k) = sum(q_j) = log det Q_j: they are the same for all points. */
static void prepare(size_t d, size_t k, const double *restrict icf, double *restrict diagonals, double *restrict log_dets) {
  for (size_t j = 0; j < k; j++) {
    const double *q = icf + j * (d * (d + 1) / 2);
    for (size_t i = 0; i < d; i++) diagonals[j * d + i] = exp(q[i]);
    log_dets[j] = sum(d, q);
  }
}

static double log_prior(size_t d, size_t k, const double *restrict icf, const double *restrict diagonals,
                        const double *restrict log_dets, double gamma, size_t m) {
  size_t below = d * (d - 1) / 2;
  double result = 0.0;
  for (size_t j = 0; j < k; j++) {
    const double *lower = icf + j * (d + below) + d;
    double frobenius = sum_of_squares(d, diagonals + j * d) + sum_of_squares(below, lower);
    result += 0.5 * gamma * gamma * frobenius - (double)m * log_dets[j];
  }
  return result - (double)k * wishart_constant(d, gamma, m);
}

/* |Q (x - mean)|^2, Q given by its diagonal and, column by column, what is below it; `y` is room for d numbers.
 *
 * A column's place is computed from j: a pointer that walked along would have to be kept for the reverse sweep, one for each
 * point, component and column. Each column is added to what the one before it has just stored, one element further on. Vector
 * loads of that would wait for several stores, so the innermost loop stays scalar. */
static double squared_distance(size_t d, const double *restrict x, const double *restrict mean, const double *restrict diagonal,
                               const double *restrict lower, double *restrict y) {
  for (size_t i = 0; i < d; i++) y[i] = diagonal[i] * (x[i] - mean[i]);
  for (size_t j = 0; j < d; j++) {
    const double *column = lower + j * (2 * d - j - 1) / 2;
    double offset = x[j] - mean[j];
#pragma clang loop vectorize(disable)
    for (size_t i = j + 1; i < d; i++) y[i] += column[i - j - 1] * offset;
  }
  return sum_of_squares(d, y);
}

static double log_likelihood(size_t d, size_t k, size_t n, const double *restrict alphas, const double *restrict means,
                             const double *restrict icf, const double *restrict x, const double *restrict diagonals,
                             const double *restrict log_dets, double *restrict exponents, double *restrict y) {
  double result = -(double)n * (log_sum_exp(k, alphas) + 0.5 * (double)d * (LOG_2 + LOG_PI));
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < k; j++) {
      const double *lower = icf + j * (d * (d + 1) / 2) + d;
      double distance = squared_distance(d, x + i * d, means + j * d, diagonals + j * d, lower, y);
      exponents[j] = alphas[j] + log_dets[j] - 0.5 * distance;
    }
    result += log_sum_exp(k, exponents);
  }
  return result;
}

/* L for k, d, n > 0; alphas (k), means (k x d), icf (k x d (d + 1)/2), x (n x d). NaN when there is no memory for the work. */
double gmm_objective(size_t d, size_t k, size_t n, const double *restrict alphas, const double *restrict means,
                     const double *restrict icf, const double *restrict x, double gamma, size_t m) {
  double *diagonals = malloc(k * d * sizeof *diagonals);
  double *log_dets = malloc(k * sizeof *log_dets);
  double *exponents = malloc(k * sizeof *exponents);
  double *y = malloc(d * sizeof *y);
  double objective = NAN;
  if (diagonals && log_dets && exponents && y) {
    prepare(d, k, icf, diagonals, log_dets);
    objective = log_likelihood(d, k, n, alphas, means, icf, x, diagonals, log_dets, exponents, y) +
                log_prior(d, k, icf, diagonals, log_dets, gamma, m);
  }
  free(y);
  free(exponents);
  free(log_dets);
  free(diagonals);
  return objective;
}
