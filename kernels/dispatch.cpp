// The kernels of the best instruction set that the machine has.
#include "abi.h"

extern "C" {

extern const correlation_table correlation_baseline;
extern const filter_table recursion_baseline;
extern const gradient_table gradients_baseline;
extern const lines_table lines_baseline;
extern const spline_table sampling_baseline;
extern const piecewise_table piecewise_baseline;
extern const cubic_table spline_baseline;
#ifdef X86_LEVELS
extern const correlation_table correlation_v3, correlation_v4;
extern const filter_table recursion_v3, recursion_v4;
extern const gradient_table gradients_v3, gradients_v4;
extern const lines_table lines_v3, lines_v4;
extern const spline_table sampling_v3, sampling_v4;
extern const piecewise_table piecewise_v3, piecewise_v4;
extern const cubic_table spline_v3, spline_v4;
#endif

static int level() {
#ifdef X86_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
        return wide ? 4 : 3;
    }
#endif
    return 0;
}

#ifdef X86_LEVELS
#define BEST(NAME) (level() == 4 ? &NAME##_v4 : level() == 3 ? &NAME##_v3 : &NAME##_baseline)
#else
#define BEST(NAME) (level() == 0 ? &NAME##_baseline : nullptr)
#endif

static const correlation_table* const correlations = BEST(correlation);
static const filter_table* const filters = BEST(recursion);
static const gradient_table* const gradients = BEST(gradients);
static const lines_table* const lines = BEST(lines);
static const spline_table* const splines = BEST(sampling);
static const piecewise_table* const pieces = BEST(piecewise);
static const cubic_table* const cubics = BEST(spline);

SCITORCH_EXPORT int scitorch_abi(void) { return SCITORCH_ABI; }

#define EXPORT_CORRELATION(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME CORRELATION(T) { return correlations->NAME(first, second, out, shape); }
#define EXPORT_FILTER(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME FILTER(T) { return filters->NAME(coefficients, x, y, states, shape); }
#define EXPORT_SECTION_GRADIENTS(NAME, T)                                                   \
    SCITORCH_EXPORT int scitorch_##NAME SECTION_GRADIENTS(T) {                              \
        return gradients->NAME(coefficients, g, x, y, out, sums, states, shape);            \
    }
#define EXPORT_CASCADE_GRADIENTS(NAME, T)                                                   \
    SCITORCH_EXPORT int scitorch_##NAME CASCADE_GRADIENTS(T) {                              \
        return gradients->NAME(coefficients, g, x, first, out, sums, states, shape);        \
    }
#define EXPORT_LINES(NAME, T) \
    SCITORCH_EXPORT int scitorch_lines_##NAME LINES(T) { return lines->NAME(x, y, weights, places, shape); }
#define EXPORT_PRODUCTS(NAME, T) \
    SCITORCH_EXPORT int scitorch_lines_##NAME PRODUCTS(T) { return lines->NAME(g, x, sums, places, shape); }
#define EXPORT_SPLINE(NAME) \
    SCITORCH_EXPORT int scitorch_spline_##NAME SPLINE { return splines->NAME(arrays, shape); }
#define EXPORT_LOCATE(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME LOCATE(T) { return pieces->NAME(knots, count, x, points, out); }
#define EXPORT_SAMPLE(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME SAMPLE(T) { return pieces->NAME(c, breaks, x, out, shape); }
#define EXPORT_PULL(NAME, T) \
    SCITORCH_EXPORT int scitorch_##NAME PULL(T) { return pieces->NAME(g, c, breaks, x, sums, ends, slope, shape); }
#define EXPORT_CUBIC(NAME, T)                                                             \
    SCITORCH_EXPORT int scitorch_##NAME CUBIC(T) {                                        \
        return cubics->NAME(x, y, ends, at_start, at_end, c, work, knots, columns);       \
    }
#define EXPORT_PULL_CUBIC(NAME, T)                                                        \
    SCITORCH_EXPORT int scitorch_##NAME PULL_CUBIC(T) {                                   \
        return cubics->NAME(x, g, ends, y, at_start, at_end, work, knots, columns);       \
    }

EXPORT_CORRELATION(correlate_f64, double)
EXPORT_CORRELATION(correlate_f32, float)
EXPORT_CORRELATION(lags_f64, double)
EXPORT_CORRELATION(lags_f32, float)
EXPORT_CORRELATION(convolve_f64, double)
EXPORT_CORRELATION(convolve_f32, float)
EXPORT_FILTER(section_f64, double)
EXPORT_FILTER(section_f32, float)
EXPORT_FILTER(cascade_f64, double)
EXPORT_FILTER(cascade_f32, float)
EXPORT_SECTION_GRADIENTS(section_gradients_f64, double)
EXPORT_SECTION_GRADIENTS(section_gradients_f32, float)
EXPORT_CASCADE_GRADIENTS(cascade_gradients_f64, double)
EXPORT_CASCADE_GRADIENTS(cascade_gradients_f32, float)
EXPORT_LINES(correlate_f64, double)
EXPORT_LINES(correlate_f32, float)
EXPORT_LINES(transposed_f64, double)
EXPORT_LINES(transposed_f32, float)
EXPORT_PRODUCTS(products_f64, double)
EXPORT_PRODUCTS(products_f32, float)
EXPORT_SPLINE(sample)
EXPORT_SPLINE(slopes)
EXPORT_SPLINE(scatter)
EXPORT_LOCATE(locate_f64, double)
EXPORT_LOCATE(locate_f32, float)
EXPORT_SAMPLE(sample_f64, double)
EXPORT_SAMPLE(sample_f32, float)
EXPORT_PULL(pull_f64, double)
EXPORT_PULL(pull_f32, float)
EXPORT_CUBIC(spline_f64, double)
EXPORT_CUBIC(spline_f32, float)
EXPORT_PULL_CUBIC(pull_spline_f64, double)
EXPORT_PULL_CUBIC(pull_spline_f32, float)
}
