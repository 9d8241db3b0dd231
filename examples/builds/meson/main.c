#include "model.h"
#include <stdio.h>

int main(void) {
    const double albedo = 0.3, greenhouse = 0.78, step = 0.01;
    printf("%.1f K\n", temperature(albedo, greenhouse));
    printf("albedo + %g: %+.2f K\n", step, step * per_albedo(albedo, greenhouse));
    printf("greenhouse + %g: %+.2f K\n", step, step * per_greenhouse(albedo, greenhouse));
    return 0;
}
