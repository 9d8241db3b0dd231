// Copies whose types no instruction tells, of classes.
#include <array>
#include <cstddef>
#include <cstring>

struct body { std::array<double, 3> place; double mass; };
struct base { double first; virtual double of(double x) const { return x * first; } };
struct derived : base { double second; };

extern "C" {
void bodies(const body *from, body *to, std::size_t n) { std::memcpy(to, from, n / 4 * sizeof *to); }
void array(const std::array<double, 4> &from, std::array<double, 4> &to) { to = from; }
}
