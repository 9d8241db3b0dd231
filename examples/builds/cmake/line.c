#include "loss.h"
#include <stdio.h>

int main(void) {
    const double x[POINTS] = {0, 1, 2, 3, 4}, y[POINTS] = {-1, 1, 3, 5, 7};
    double line[2] = {0, 0};
    for (int step = 0; step < 2000; step++) {
        double down[2] = {0, 0};
        gradient(line, down, x, y);
        line[0] -= 0.05 * down[0];
        line[1] -= 0.05 * down[1];
    }
    printf("y = %.2f x - %.2f\n", line[0], -line[1]);
    return 0;
}
