// The Brusselator, an oscillating chemical reaction, with diffusion in two dimensions:
//
//   du/dt = b + u^2 v - (a + 1) u + alpha (d^2u/dx^2 + d^2u/dy^2)
//   dv/dt = a u - u^2 v           + alpha (d^2v/dx^2 + d^2v/dy^2)
//
// on a periodic N x N grid whose spacing is the unit of length, with the five-point Laplacian in space and explicit Euler steps in
// time.
//
// I. Prigogine, R. Lefever, "Symmetry breaking instabilities in dissipative systems II", The Journal of Chemical Physics 48 (1968),
// 1695-1700; as a test problem in E. Hairer, S. P. Norsett, G. Wanner, "Solving Ordinary Differential Equations I", section II.10,
// where a = 3.4, b = 1 and, on the unit square, alpha = 0.002: about 2 in the unit of a grid of 32 points a side.
#include <array>
#include <cstddef>

namespace {

template <typename Real, std::size_t N>
class Brusselator {
 public:
  using Field = std::array<std::array<Real, N>, N>;

  struct State {
    Field u, v;
  };

  Brusselator(Real a, Real b, Real alpha) : a_(a), b_(b), alpha_(alpha) {}

  // The state one Euler step of length dt after `now`.
  void step(const State &now, State &next, Real dt) const {
    for (std::size_t i = 0; i < N; i++) {
      for (std::size_t j = 0; j < N; j++) {
        const Real u = now.u[i][j], v = now.v[i][j];
        const Real autocatalysis = u * u * v;
        next.u[i][j] = u + dt * (b_ + autocatalysis - (a_ + 1) * u + alpha_ * laplacian(now.u, i, j));
        next.v[i][j] = v + dt * (a_ * u - autocatalysis + alpha_ * laplacian(now.v, i, j));
      }
    }
  }

 private:
  static Real laplacian(const Field &field, std::size_t i, std::size_t j) {
    const std::size_t north = (i + N - 1) % N, south = (i + 1) % N, west = (j + N - 1) % N, east = (j + 1) % N;
    return field[north][j] + field[south][j] + field[i][west] + field[i][east] - 4 * field[i][j];
  }

  Real a_, b_, alpha_;
};

template <typename Real, std::size_t N>
Real mean_square(const std::array<std::array<Real, N>, N> &field) {
  Real sum = 0;
  for (const auto &row : field)
    for (const Real value : row) sum += value * value;
  return sum / (N * N);
}

constexpr std::size_t kGrid = 32;
using Model = Brusselator<double, kGrid>;

}  // namespace

// The mean square of u plus that of v after `steps` steps of length dt. `initial` is u, then v, row by row: 2 x 32 x 32 numbers.
extern "C" double brusselator(const double *initial, double a, double b, double alpha, double dt, std::size_t steps) {
  Model::State state, next;
  for (std::size_t i = 0; i < kGrid; i++) {
    for (std::size_t j = 0; j < kGrid; j++) {
      state.u[i][j] = initial[i * kGrid + j];
      state.v[i][j] = initial[(kGrid + i) * kGrid + j];
    }
  }
  const Model model(a, b, alpha);
  for (std::size_t step = 0; step < steps; step++) {
    model.step(state, next, dt);
    state = next;
  }
  return mean_square(state.u) + mean_square(state.v);
}
