/* Copies whose types no instruction tells: debug information has them, or the configuration. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct { double x, y; } point;
typedef struct { long count; double value; } counted;
typedef struct { double *numbers; size_t count; } vector;

static void copy(void *to, const void *from, size_t size) { memcpy(to, from, size); }

void copied(const double *from, double *to, size_t n) { copy(to, from, n * sizeof *to); }
void copied_floats(const float *from, float *to, size_t n) { copy(to, from, n * sizeof *to); }
void copied_points(const point *from, point *to, size_t n) { copy(to, from, n / 2 * sizeof *to); }
void moved(double *x, size_t n) { memmove(x + 1, x, (n - 1) * sizeof *x); }
void unsaid(const void *from, void *to, size_t n) { memcpy(to, from, n * sizeof(double)); }

void through_memory(const double *from, double *to, size_t n) {
    double *kept = malloc(n * sizeof *kept);
    copy(kept, from, n * sizeof *kept);
    copy(to, kept, n * sizeof *kept);
    free(kept);
}

void from_struct(const vector *from, double *to) { memcpy(to, from->numbers, from->count * sizeof *to); }

void counted_one(const counted *from, counted *to) { memcpy(to, from, sizeof *to); }
void counted_rows(const counted *restrict from, counted *restrict to, size_t n) { memcpy(to, from, n * sizeof *to); }
