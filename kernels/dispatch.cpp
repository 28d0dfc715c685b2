// The kernels of the best instruction set that the machine has.
#include "abi.h"

extern "C" {

extern const kernel_table kernels_baseline;
#ifdef X86_LEVELS
extern const kernel_table kernels_v3, kernels_v4;
#endif

static const kernel_table* best() {
#ifdef X86_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
            return &kernels_v4;
        return &kernels_v3;
    }
#endif
    return &kernels_baseline;
}

static const kernel_table* const kernels = best();

SCITORCH_EXPORT int scitorch_abi(void) { return SCITORCH_ABI; }

#define EXPORT(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME CORRELATION(T) { return kernels->NAME(first, second, out, shape); }

EXPORT(correlate_f64, double)
EXPORT(correlate_f32, float)
EXPORT(lags_f64, double)
EXPORT(lags_f32, float)
EXPORT(convolve_f64, double)
EXPORT(convolve_f32, float)
}
