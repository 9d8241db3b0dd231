// Classes and templates whose arguments and returns are no plain numbers and pointers.
#include <array>
#include <cmath>
#include <cstddef>

using triple = std::array<double, 3>;
struct view {
    const double *data;
    std::size_t size;
};
struct writable {
    double *data;
    std::size_t size;
};

extern "C" {

double of_array(triple x) { return x[0] * std::sin(x[1]) * x[2]; }
triple scaled(triple x, double by) {
    for (double &each : x) each *= by * each;
    return x;
}
double of_reference(const triple &x) { return x[0] * x[1] * x[2]; }

double of_view(view x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size; i++) sum += x.data[i] * x.data[i] * x.data[i];
    return sum;
}
double of_view_grad(view x, writable dx, double dret);
double of_view_jvp(view x, view dx);
void gradient_of_view(const double *x, double *dx, std::size_t n, double *tangent) {
    of_view_grad({x, n}, {dx, n}, 2.0);
    *tangent = of_view_jvp({x, n}, {dx, n});
}

// The gradient is a struct, and has a derivative itself.
double product(double a, double b) { return a * a * a * b * b; }
}
