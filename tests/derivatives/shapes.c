/* Functions of every shape of argument and return: structs in registers and in memory, slices, pointers, all widths of numbers. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct { double x, y; } pair;
typedef struct { float x, y; } small;
typedef struct { float x, y, z; } three;
typedef struct { double x, y, z; } triple;
typedef struct { double x; int n; } counted;
typedef struct { double a[2]; small s; int64_t n; } nested;

/* Structs by value: in two registers, in one, in both kinds, in memory. */
double of_pair(pair p, double scale) { return scale * p.x * p.x * p.y; }
float narrow_of_small(small p) { return p.x * p.x * p.y; }
float narrow_of_three(three p) { return p.x * p.y * p.z; }
double of_triple(triple p, int n) { return n * p.x * p.y * sin(p.z); }
double of_counted(counted p) { return p.x * p.x * p.n; }
double of_nested(nested p) { return p.a[0] * p.a[1] * (double)p.s.x * (double)p.s.y * (double)p.n; }
double crowded(double a, double b, double c, double d, double e, double f, pair p) { return a * b + c * d + e * f + p.x * p.y; }
double beside_constant(pair p, pair q) { return p.x * q.x + p.y * p.y * q.y; }

/* Structs that are returned. */
pair turned(double angle, pair p) {
    return (pair){p.x * cos(angle) - p.y * sin(angle), p.x * sin(angle) + p.y * cos(angle)};
}
triple cross(triple a, triple b) { return (triple){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
small narrow_squares(float x, float y) { return (small){x * x * y, y * y}; }
counted with_count(double x, int n) { return (counted){x * x * n, n}; }
triple of_array(const double *x, int n) {
    triple sum = {0, 0, 0};
    for (int i = 0; i < n; i++) sum = (triple){sum.x + x[i], sum.y + x[i] * x[i], sum.z + x[i] * x[i] * x[i]};
    return sum;
}

/* Slices. */
double cubes(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i] * x[i];
    return sum;
}
void products(const double *x, size_t n, double *y, size_t m) {
    for (size_t i = 0; i < m && i < n; i++) y[i] = x[i] * x[n - 1 - i];
}
float narrow_slice(const float *x, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}
double four(const double *x) { return x[0] * x[1] + x[2] * sin(x[3]); }

/* Nothing, a pointer and a number are returned. */
void nothing(double *x, double factor) { x[0] = x[0] * x[0] * factor; }
double *next(double *x) {
    x[0] = x[0] * x[1];
    return x + 1;
}
int64_t counter(const double *x, double *y) {
    y[0] = x[0] * x[0];
    return -3;
}
double scaled_sum(const double *x, size_t n, double scale) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += sin(scale * x[i]);
    return sum * sum;
}

/* Numbers that Python cannot pass; these functions do. */
_Float16 halves(_Float16 x, _Float16 y) { return x * x * y; }
__float128 quads(__float128 x, __float128 y) { return x * x * y; }
long double longs(long double x, long double y) { return x * x * y; }
struct halves_result { _Float16 value, dx, dy; } halves_grad(_Float16 x, _Float16 y, _Float16 dret);
struct quads_result { __float128 value, dx, dy; } quads_grad(__float128 x, __float128 y, __float128 dret);
struct longs_result { long double value, dx, dy; } longs_grad(long double x, long double y, long double dret);
struct quads_lanes { __float128 value, tangents[2]; } quads_jvp(__float128 x, __float128 dx0, __float128 dx1, __float128 y);
double halves_digits(double x, double y, double dret) {
    struct halves_result d = halves_grad((_Float16)x, (_Float16)y, (_Float16)dret);
    return (double)d.value * 10000 + (double)d.dx * 100 + (double)d.dy;
}
double quads_digits(double x, double y, double dret) {
    struct quads_result d = quads_grad(x, y, dret);
    struct quads_lanes lanes = quads_jvp(x, 1, 10, y);
    if (lanes.value != d.value || lanes.tangents[0] * dret != d.dx || lanes.tangents[1] != 10 * lanes.tangents[0]) return 0;
    return (double)(d.value * 10000 + d.dx * 100 + d.dy);
}
double longs_digits(double x, double y, double dret) {
    struct longs_result d = longs_grad(x, y, dret);
    return (double)(d.value * 10000 + d.dx * 100 + d.dy);
}

/* What the structs of lanes and of several results look like to who writes C. */
struct lanes { double value, tangents[4]; } cubes_lanes(const double *x, size_t n, const double *dx, size_t length);
double sum_of_lanes(const double *x, size_t n, const double *dx, size_t length) {
    struct lanes found = cubes_lanes(x, n, dx, length);
    return found.value + found.tangents[0] + 10 * found.tangents[1] + 100 * found.tangents[2] + 1000 * found.tangents[3];
}
struct turned_result { pair value; double dangle; pair dp; } turned_grad(double angle, pair p, pair dret);
double turned_digits(double angle, double x, double y) {
    struct turned_result d = turned_grad(angle, (pair){x, y}, (pair){1, 10});
    pair expected = turned(angle, (pair){x, y});
    return d.value.x == expected.x && d.value.y == expected.y ? d.dangle * 10000 + d.dp.x * 100 + d.dp.y : NAN;
}
double crowded_jvp(double a, double da, double b, double db, double c, double d, double e, double f, pair p, pair dp);
double crowded_tangent(void) { return crowded_jvp(2, 1, 3, 10, 0, 0, 0, 0, (pair){5, 7}, (pair){100, 1000}); }

/* Split mode: the seed is chosen after the forward sweep, and two tapes are alive at once. */
struct augmented { void *tape; double value; };
struct augmented cubes_augmented(const double *x, size_t n, double *dx, size_t length);
void cubes_reverse(const double *x, size_t n, double *dx, size_t length, double dret, void *tape);
void two_tapes(double *x, double *dx, double *y, double *dy, size_t n) {
    struct augmented of_x = cubes_augmented(x, n, dx, n), of_y = cubes_augmented(y, n, dy, n);
    cubes_reverse(x, n, dx, n, of_y.value, of_x.tape);
    cubes_reverse(y, n, dy, n, of_x.value, of_y.tape);
}
