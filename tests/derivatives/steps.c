/* Time steps over small arrays: what a step overwrites, the reverse sweep needs again. */
#include <stddef.h>

static void velocity(const double *state, double *velocity, int n, double rate) {
    for (int i = 0; i < n; i++) velocity[i] = rate * (state[(i + 1) % n] - state[i]) * state[i];
}

/* Runge and Kutta's method with arrays that are used again in each stage. */
double runge_kutta(const double *initial, double rate, double dt, int n, int steps) {
    double state[8], k1[8], k2[8], k3[8], k4[8], stage[8];
    for (int i = 0; i < n; i++) state[i] = initial[i];
    for (int step = 0; step < steps; step++) {
        velocity(state, k1, n, rate);
        for (int i = 0; i < n; i++) stage[i] = state[i] + 0.5 * dt * k1[i];
        velocity(stage, k2, n, rate);
        for (int i = 0; i < n; i++) stage[i] = state[i] + 0.5 * dt * k2[i];
        velocity(stage, k3, n, rate);
        for (int i = 0; i < n; i++) stage[i] = state[i] + dt * k3[i];
        velocity(stage, k4, n, rate);
        for (int i = 0; i < n; i++) state[i] += dt / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
    }
    double sum = 0;
    for (int i = 0; i < n; i++) sum += state[i] * state[i];
    return sum;
}

/* The same with structs by value, which is how Rust's arrays arrive. */
struct state { double x[3]; };

static struct state moved(struct state at, double dt, struct state velocity) {
    struct state result;
    for (int i = 0; i < 3; i++) result.x[i] = at.x[i] + dt * velocity.x[i];
    return result;
}

static struct state pulled(struct state at, double stiffness) {
    struct state result = {{-stiffness * at.x[0] * at.x[1], at.x[0] - at.x[2], at.x[1] * at.x[2]}};
    return result;
}

double heun(const double *initial, double stiffness, double dt, int steps) {
    struct state at;
    for (int i = 0; i < 3; i++) at.x[i] = initial[i];
    for (int step = 0; step < steps; step++) {
        struct state first = pulled(at, stiffness), second = pulled(moved(at, dt, first), stiffness), mean;
        for (int i = 0; i < 3; i++) mean.x[i] = first.x[i] + second.x[i];
        at = moved(at, dt / 2, mean);
    }
    return at.x[0] * at.x[0] + at.x[1] * at.x[1] + at.x[2] * at.x[2];
}
