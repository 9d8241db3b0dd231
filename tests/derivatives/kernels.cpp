// C++ functions whose derivatives are held against central differences.
#include <array>
#include <cmath>

namespace {
template <class T> T horner(const T *coefficients, int n, T x) {
    T sum = 0;
    for (int i = n; i-- > 0;) sum = sum * x + coefficients[i];
    return sum;
}

class Spring {
  public:
    explicit Spring(double stiffness) : stiffness_(stiffness) {}
    double energy(double length) const { return 0.5 * stiffness_ * length * length; }

  private:
    double stiffness_;
};
}

extern "C" double polynomial(const double *coefficients, int n, double x) { return horner(coefficients, n, x); }

extern "C" double spring(double stiffness, double length) { return Spring(stiffness).energy(length); }

extern "C" double lambda(double x) {
    auto twice = [](auto f, double at) { return f(f(at)); };
    return twice([](double at) { return std::sin(at) + at; }, x);
}

extern "C" double rotated(const double *x) {
    std::array<double, 3> a{x[0], x[1], x[2]}, b{};
    for (std::size_t i = 0; i < a.size(); i++) b[i] = a[(i + 1) % 3] * a[i];
    return b[0] * b[1] + b[2];
}
