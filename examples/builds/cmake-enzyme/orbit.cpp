// A planet around a sun: the force is minus the gradient of the potential, which a template has for any number of dimensions.
#include <array>
#include <cmath>
#include <cstdio>

extern int enzyme_dup;
void __enzyme_autodiff(void *, ...);

template <std::size_t N> struct Potential {
    static double at(const std::array<double, N> *place) {
        double square = 0;
        for (double each : *place) square += each * each;
        return -1 / std::sqrt(square);
    }
    static std::array<double, N> force(const std::array<double, N> &place) {
        std::array<double, N> slope{};
        __enzyme_autodiff(reinterpret_cast<void *>(at), enzyme_dup, &place, &slope);
        for (double &each : slope) each = -each;
        return slope;
    }
};

int main() {
    std::array<double, 2> place{1, 0}, speed{0, 1};
    const double step = 1e-4;
    for (double time = 0; time < 2 * M_PI; time += step) { // leapfrog
        auto force = Potential<2>::force(place);
        for (int i = 0; i < 2; i++) speed[i] += step / 2 * force[i], place[i] += step * speed[i];
        force = Potential<2>::force(place);
        for (int i = 0; i < 2; i++) speed[i] += step / 2 * force[i];
    }
    std::printf("after a year: %.3f %.3f\n", place[0], std::fabs(place[1]));
}
