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

// `count` images of `samples` rows of `inner` elements, without gaps, correlated along the rows.
typedef struct {
    int64_t count, samples, inner;
    int64_t radius;                 // of the filter, which has twice as many weights and one
    int64_t begin, end;             // the blocks of columns that are computed, counted through all images
    double constant;                // beyond the border
} lines_shape;

// `places` has the row that stands in each place before the first one and after the last one, as many as the radius
// each; -1 for the constant. `y` may be `x`. Zero, or one if there is no memory.
#define LINES(T) (const T* x, T* y, const double* weights, const int64_t* places, const lines_shape* shape)

// Adds to one sum for each weight.
#define PRODUCTS(T) (const T* g, const T* x, double* sums, const int64_t* places, const lines_shape* shape)

typedef struct {
    int (*correlate_f64) LINES(double);
    int (*correlate_f32) LINES(float);
    int (*transposed_f64) LINES(double);
    int (*transposed_f32) LINES(float);
    int (*products_f64) PRODUCTS(double);
    int (*products_f32) PRODUCTS(float);
} lines_table;

// How the coefficients of a spline go on beyond the border: the names are SciPy's.
enum {
    SPLINE_REFLECT, SPLINE_MIRROR, SPLINE_WRAP, SPLINE_GRID_WRAP, SPLINE_CONSTANT, SPLINE_NEAREST, SPLINE_GRID_CONSTANT
};

// A spline in one to three dimensions, and points. `derivative` says how often it is differentiated along each axis.
typedef struct {
    int64_t points, begin, end;     // how many, and which of them are computed
    int64_t axes, order, mode;
    int64_t sizes[3], derivative[3];
    double cval;                    // the coefficients beyond the border of SPLINE_GRID_CONSTANT
    double beyond;                  // the samples beyond that of SPLINE_CONSTANT
} spline_shape;

// All contiguous; what a function doesn't take isn't looked at.
typedef struct {
    const double* coefficients;
    const double* coordinates;      // all those along the first axis, then those along the next
    const double* values;           // one a point: factors of the slopes, or what is scattered
    double* out;                    // samples, or slopes as coordinates lie
    double* total;                  // the coefficients that values are added to
} spline_arrays;

// One, if a coordinate was no finite number below 2^53; its results are defined but not SciPy's.
#define SPLINE (const spline_arrays* arrays, const spline_shape* shape)

typedef struct {
    int (*sample) SPLINE;
    int (*slopes) SPLINE;
    int (*scatter) SPLINE;
} spline_table;

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
#define CUBIC(T)                                                                                        \
    (const T* x, const T* y, const double* ends, const T* at_start, const T* at_end, T* c, double* work, \
     int64_t knots, int64_t columns)

// The gradients of the data, of those of the coefficients.
#define PULL_CUBIC(T)                                                                             \
    (const T* x, const T* g, const double* ends, T* y, T* at_start, T* at_end, double* work, \
     int64_t knots, int64_t columns)

typedef struct {
    int (*spline_f64) CUBIC(double);
    int (*spline_f32) CUBIC(float);
    int (*pull_spline_f64) PULL_CUBIC(double);
    int (*pull_spline_f32) PULL_CUBIC(float);
} cubic_table;
