// What the Python side calls. Plain C, so that ctypes can; every size and stride is in elements.
#pragma once
#include <stdint.h>

#ifdef _WIN32
#define SCITORCH_EXPORT __declspec(dllexport)
#else
#define SCITORCH_EXPORT __attribute__((visibility("default")))
#endif

// To be raised whenever a signature or a struct below changes: a library of another number isn't used.
#define SCITORCH_ABI 4

// `count` pairs of matrices. Elements of a row lie side by side; strides may be zero or negative.
typedef struct {
    int64_t count;
    int64_t rows, columns;          // of the first
    int64_t tap_rows, tap_columns;  // of the second
    int64_t item, row;              // strides of the first
    int64_t tap_item, tap_row;      // of the second
    int64_t out_item, out_row;      // of the result
    int64_t begin, end;             // the rows of the result that are computed
} correlation_shape;

// Zero, or one if there is no memory.
#define CORRELATION(T) (const T* first, const T* second, T* out, const correlation_shape* shape)

typedef struct {
    int (*correlate_f64) CORRELATION(double);
    int (*correlate_f32) CORRELATION(float);
    int (*lags_f64) CORRELATION(double);
    int (*lags_f32) CORRELATION(float);
    int (*convolve_f64) CORRELATION(double);
    int (*convolve_f32) CORRELATION(float);
} correlation_table;

// `count` signals, filtered by the same sections.
typedef struct {
    int64_t count, samples;
    int64_t order;                  // of the section, or the number of sections of order 2
    int64_t item, sample;           // strides of the signals; a negative one is time running backwards
    int64_t out_item, out_sample;   // of the results
} filter_shape;

// Coefficients: numerator and denominator of the section, or a row of six of each section, all with a[0] = 1.
// States: one after the other for each signal; those before the first sample, and in their place those after the last.
#define FILTER(T) (const T* coefficients, const T* x, T* y, T* states, const filter_shape* shape)

typedef struct {
    int (*section_f64) FILTER(double);
    int (*section_f32) FILTER(float);
    int (*cascade_f64) FILTER(double);
    int (*cascade_f32) FILTER(float);
} filter_table;

// Gradients of `count` filtered signals.
typedef struct {
    int64_t count, samples, order;  // as above
    int64_t g_item, g_sample;       // strides of the gradients that come in
    int64_t x_item, x_sample;
    int64_t y_item, y_sample;       // not looked at where y isn't
    int64_t out_item, out_sample;   // of the gradients of the signals
} gradient_shape;

// `sums` gets the gradients of each signal's coefficients, but for the factor of a[0]; `states` has the gradients of the
// last states, in whose place those of the first are left. Zero, or one if there is no memory.
#define SECTION_GRADIENTS(T)                                                                              \
    (const T* coefficients, const T* g, const T* x, const T* y, T* out, double* sums, T* states, \
     const gradient_shape* shape)

// `first` has the states before the first sample; it is written over.
#define CASCADE_GRADIENTS(T)                                                                              \
    (const T* coefficients, const T* g, const T* x, T* first, T* out, double* sums, T* states,   \
     const gradient_shape* shape)

typedef struct {
    int (*section_gradients_f64) SECTION_GRADIENTS(double);
    int (*section_gradients_f32) SECTION_GRADIENTS(float);
    int (*cascade_gradients_f64) CASCADE_GRADIENTS(double);
    int (*cascade_gradients_f32) CASCADE_GRADIENTS(float);
} gradient_table;

// Polynomials of `columns` columns on each of the intervals, at points: those outside belong to the first or the last.
typedef struct {
    int64_t powers, intervals, columns;  // of the coefficients, side by side, the highest power first
    int64_t order;                       // of the derivative
    int64_t points;
    int64_t row, column;                 // strides of the gradients of the values
} pieces_shape;

// How many of the sorted knots lie at or below each of so many points.
#define LOCATE(T) (const T* knots, int64_t count, const T* x, int64_t points, int64_t* out)

// `breaks` has one more than there are intervals; `out` is values of one point after the other.
#define SAMPLE(T) (const T* c, const T* breaks, const T* x, T* out, const pieces_shape* shape)

// Gradients of the coefficients are added to `sums`. Those of the points are stored in `slope`, and for each interval
// their sum is added to `ends`; without `c` they aren't looked at.
#define PULL(T)                                                                                          \
    (const T* g, const T* c, const T* breaks, const T* x, double* sums, double* ends, T* slope, \
     const pieces_shape* shape)

typedef struct {
    int (*locate_f64) LOCATE(double);
    int (*locate_f32) LOCATE(float);
    int (*sample_f64) SAMPLE(double);
    int (*sample_f32) SAMPLE(float);
    int (*pull_f64) PULL(double);
    int (*pull_f32) PULL(float);
} piecewise_table;

// Cubic splines through `columns` columns of values at `knots` knots, two at least. `ends` has the equation at the start
// and that at the end, five numbers each: the factors of the slope there and of the next one, of the difference quotient
// there and of the next one, and of the derivative that is given there, or zero. `c` gets the coefficients of one power
// after the other, the highest first. `work` has room for 3 knots + (2 knots - 1) columns numbers.
#define SPLINE(T)                                                                                        \
    (const T* x, const T* y, const double* ends, const T* at_start, const T* at_end, T* c, double* work, \
     int64_t knots, int64_t columns)

// The gradients of the data, of those of the coefficients.
#define PULL_SPLINE(T)                                                                             \
    (const T* x, const T* g, const double* ends, T* y, T* at_start, T* at_end, double* work, \
     int64_t knots, int64_t columns)

typedef struct {
    int (*spline_f64) SPLINE(double);
    int (*spline_f32) SPLINE(float);
    int (*pull_spline_f64) PULL_SPLINE(double);
    int (*pull_spline_f32) PULL_SPLINE(float);
} spline_table;
