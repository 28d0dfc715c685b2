// Cubic splines through columns of values, and the gradients that come back to the values.
//
// The slopes solve a tridiagonal system, see src/scitorch/interpolate/smooth.py. It is eliminated without exchanges of
// rows: inner rows are dominated by their diagonals, and with each kind of end the products of the factors' elements
// stay as large as the matrix's own, which bounds the rounding errors as exchanges would.
#include "abi.h"
#include "vectors.hpp"

#ifndef TABLE
#define TABLE spline_baseline
#endif

namespace {

struct System {
    const double *first, *last;  // the equations at the ends, seen from there
    const int64_t n;
    double *h, *multiplier, *inverse;  // lengths of the intervals; of the elimination: factors, inverses of the pivots

    template <class T>
    System(const T* x, const double* ends, int64_t knots, double* work)
        : first(ends), last(ends + 5), n(knots), h(work), multiplier(work + n), inverse(work + 2 * n) {
        for (int64_t i = 0; i + 1 < n; ++i) h[i] = double(x[i + 1]) - x[i];
        multiplier[0] = 0, inverse[0] = 1 / first[0];
        for (int64_t i = 1; i < n; ++i) {
            const bool end = i + 1 == n;
            multiplier[i] = (end ? last[1] : h[i]) * inverse[i - 1];
            inverse[i] = 1 / ((end ? last[0] : 2 * (h[i - 1] + h[i])) - multiplier[i] * upper(i - 1));
        }
    }

    double upper(int64_t i) const { return i == 0 ? first[1] : h[i - 1]; }

    // The difference quotients in each equation, and their factors.
    int64_t before(int64_t i) const { return i + 1 == n ? most(n - 3, 0) : most(i - 1, 0); }
    int64_t after(int64_t i) const { return i == 0 ? least(1, n - 2) : least(i, n - 2); }
    double left(int64_t i) const { return i == 0 ? first[2] : i + 1 == n ? last[3] : 3 * h[i]; }
    double right(int64_t i) const { return i == 0 ? first[3] : i + 1 == n ? last[2] : 3 * h[i - 1]; }
};

template <class T>
int spline CUBIC(T) {
    const System a(x, ends, knots, work);
    const int64_t r = columns, plane = (knots - 1) * r;
    double *const m = work + 3 * knots, *const s = m + plane;
    for (int64_t i = 0; i + 1 < knots; ++i)
        for (int64_t k = i * r; k < (i + 1) * r; ++k) m[k] = (double(y[k + r]) - y[k]) / a.h[i];
    for (int64_t i = 0; i < knots; ++i) {
        const double left = a.left(i), right = a.right(i), multiplier = a.multiplier[i];
        const double *const before = m + a.before(i) * r, *const after = m + a.after(i) * r;
        double* const here = s + i * r;
        for (int64_t k = 0; k < r; ++k) here[k] = left * before[k] + right * after[k];
        if (i == 0 && at_start)
            for (int64_t k = 0; k < r; ++k) here[k] += a.first[4] * at_start[k];
        if (i + 1 == knots && at_end)
            for (int64_t k = 0; k < r; ++k) here[k] += a.last[4] * at_end[k];
        if (i > 0)
            for (int64_t k = 0; k < r; ++k) here[k] -= multiplier * here[k - r];
    }
    for (int64_t k = plane; k < plane + r; ++k) s[k] *= a.inverse[knots - 1];
    for (int64_t i = knots - 2; i >= 0; --i) {
        const double upper = a.upper(i), inverse = a.inverse[i], h = a.h[i];
        for (int64_t k = i * r; k < (i + 1) * r; ++k) {
            s[k] = (s[k] - upper * s[k + r]) * inverse;
            const double bend = (s[k] + s[k + r] - 2 * m[k]) / h;
            c[k] = T(bend / h), c[plane + k] = T((m[k] - s[k]) / h - bend);
            c[2 * plane + k] = T(s[k]), c[3 * plane + k] = y[k];
        }
    }
    return 0;
}

template <class T>
int pull_spline PULL_CUBIC(T) {
    const System a(x, ends, knots, work);
    const int64_t r = columns, plane = (knots - 1) * r;
    double *const m = work + 3 * knots, *const w = m + plane;  // gradients of quotients; of slopes, then of equations
    for (int64_t k = 0; k < r; ++k) w[k] = 0;
    for (int64_t i = 0; i + 1 < knots; ++i) {
        const double h = a.h[i], upper = i ? a.upper(i - 1) : 0, inverse = a.inverse[i];
        for (int64_t k = i * r; k < (i + 1) * r; ++k) {
            const double bend = g[k] / h, bow = g[plane + k];
            m[k] = (3 * bow - 2 * bend) / h;
            w[k] += g[2 * plane + k] + (bend - 2 * bow) / h;
            w[k + r] = (bend - bow) / h;
            if (i) w[k] -= upper * w[k - r];
            w[k] *= inverse;
        }
    }
    for (int64_t k = plane; k < plane + r; ++k) w[k] = (w[k] - a.upper(knots - 2) * w[k - r]) * a.inverse[knots - 1];
    for (int64_t i = knots - 1; i >= 0; --i) {
        const double left = a.left(i), right = a.right(i), multiplier = i + 1 < knots ? a.multiplier[i + 1] : 0;
        double *const before = m + a.before(i) * r, *const after = m + a.after(i) * r, *const here = w + i * r;
        for (int64_t k = 0; k < r; ++k) {
            if (i + 1 < knots) here[k] -= multiplier * here[k + r];
            before[k] += left * here[k], after[k] += right * here[k];
        }
    }
    for (int64_t k = 0; k < r; ++k) at_start[k] = T(a.first[4] * w[k]), at_end[k] = T(a.last[4] * w[plane + k]);
    for (int64_t i = 0; i + 1 < knots; ++i)
        for (int64_t k = i * r; k < (i + 1) * r; ++k) m[k] /= a.h[i];
    for (int64_t k = 0; k < plane + r; ++k)
        y[k] = T((k < plane ? g[3 * plane + k] - m[k] : 0) + (k < r ? 0 : m[k - r]));
    return 0;
}

}  // namespace

extern "C" const cubic_table TABLE;
const cubic_table TABLE = {spline<double>, spline<float>, pull_spline<double>, pull_spline<float>};
