// Sums over the taps of a spline, at points: its values and slopes there, and the transpose of both.
//
// Points are taken in blocks. Axis by axis, a whole block's coordinates are folded into the image, and the weights of
// their taps computed, in vectors; then point after point is summed. Few points lie outside the image or have taps that
// do: for those alone the folding runs, and places of taps are looked for one by one.
#include "abi.h"
#include "vectors.hpp"

#include <cmath>

#ifndef TABLE
#define TABLE sampling_baseline
#endif

namespace {

constexpr int BLOCK = 64, AXES = 3;
constexpr int64_t NOWHERE = -(int64_t(1) << 60);
constexpr double ROUNDED = 1e-15;  // SciPy's: a point so close to the border mustn't be rounded to the constant's -1
constexpr double EXACT = 9007199254740992.0;  // 2^53: beyond it, and for NaN, SciPy's integers overflow

// ------------------------------------------------------------------------------------------------ borders, as in SciPy

// Where SciPy samples for the coordinate x, outside of an axis of length n > 0; `turn` is the derivative of that in x.
// Step by step as its C code, because order 0 jumps where these steps round. Not above -1 means a constant.
double folded(double x, double n, int64_t mode, double& turn) {
    const bool low = x < 0;
    turn = 0;
    if (mode == SPLINE_CONSTANT) return -1;
    if (n == 1) return 0;
    turn = 1;
    if (mode == SPLINE_WRAP || mode == SPLINE_GRID_WRAP) {
        const double gap = mode == SPLINE_WRAP ? 0 : 1, period = n - 1 + gap;
        return low ? x + period * (std::trunc((-gap - x) / period) + 1) : x - period * std::trunc(x / period);
    }
    const double gap = mode == SPLINE_REFLECT ? 1 : 0, period = 2 * (n - 1 + gap);
    if (low) {
        const double below = x < -period ? x + period * std::trunc(-x / period) : x;
        if (below < 1 - n - gap) return below + period;
        turn = -1;
        if (gap == 0) return -below;
        return (below > -ROUNDED ? ROUNDED : -below) - 1;
    }
    const double above = x - period * std::trunc(x / period);
    if (above < n) return above;
    turn = -1;
    return period - above - gap;
}

// The coefficient that stands for an index between -6 and n + 6; -1 for none.
int64_t tap(int64_t index, int64_t n, int64_t mode) {
    if (index >= 0 && index < n) return index;
    if (mode == SPLINE_GRID_CONSTANT) return -1;
    if (n == 1) return 0;
    if (mode == SPLINE_NEAREST) return index < 0 ? 0 : n - 1;
    if (mode == SPLINE_GRID_WRAP) {
        index %= n;
        return index < 0 ? index + n : index;
    }
    // SciPy mirrors the coefficients for "constant" and "wrap", which have no exact filter.
    const int64_t gap = mode == SPLINE_REFLECT ? 1 : 0, period = 2 * (n - 1 + gap);
    index %= period;
    if (index < 0) index += period;
    return index < n ? index : period - gap - index;
}

// ------------------------------------------------------------------------------------------------------------- weights

using V = Vector<double, WIDTH>::type;
constexpr int SIZE = int(Vector<double, WIDTH>::size);

// B-spline weights of the taps at the fraction u of an interval, by the recursion of Cox and de Boor, differentiated:
// the derivative of order n is the difference of two neighbours of order n - 1.
template <int ORDER, int TIMES>
void weigh(const double* u, double (*to)[BLOCK]) {
    for (int j = 0; j < BLOCK; j += SIZE) {
        const V x = load<V>(u + j), none = {};
        V w[ORDER + 2];
        w[0] = none + 1;
#pragma GCC unroll 5
        for (int n = 1; n <= ORDER - TIMES; ++n)
#pragma GCC unroll 6
            for (int i = n; i >= 0; --i)
                w[i] = ((i > 0 ? (n + x - i) * w[i - 1] : none) + (i < n ? (1 - x + i) * w[i] : none)) * (1.0 / n);
#pragma GCC unroll 5
        for (int n = ORDER - TIMES + 1; n <= ORDER; ++n)
#pragma GCC unroll 6
            for (int i = n; i >= 0; --i) w[i] = (i > 0 ? w[i - 1] : none) - (i < n ? w[i] : none);
        for (int i = 0; i <= ORDER; ++i) store(to[i] + j, w[i]);
    }
}

template <int ORDER, int TIMES = ORDER>
void weights(int64_t times, const double* u, double (*to)[BLOCK]) {
    if (times == TIMES) return weigh<ORDER, TIMES>(u, to);
    if constexpr (TIMES > 0) return weights<ORDER, TIMES - 1>(times, u, to);
    std::memset(to, 0, sizeof(double) * BLOCK * (ORDER + 1));  // differentiated away
}

// -------------------------------------------------------------------------------------------------------------- blocks

template <int ORDER>
struct Block {
    double weight[AXES][ORDER + 1][BLOCK], slope[AXES][ORDER + 1][BLOCK];
    double start[AXES][BLOCK];  // the index of the first tap
    bool outside[BLOCK] = {};   // where there are no taps
    bool strange = false;       // whether a coordinate is beyond all integers
};

// Copied without the instructions for strings, which take longer to begin than all of it.
INLINE void copy(const double* from, double* to, int count) {
    if (count == BLOCK) {
        for (int j = 0; j < BLOCK; j += SIZE) store(to + j, load<V>(from + j));
    } else {
        for (int j = 0; j < BLOCK; ++j) to[j] = from[j < count ? j : 0];
    }
}

// The coordinates outside of an axis, folded; and whether and how that turns derivatives.
template <int ORDER>
bool fold(Block<ORDER>& block, double* x, double* turn, double n, int64_t mode) {
    const bool endless = mode == SPLINE_NEAREST || mode == SPLINE_GRID_CONSTANT;
    bool turned = false;
    for (int j = 0; j < BLOCK; ++j) {
        turn[j] = 1;
        if (x[j] >= 0 && x[j] <= n - 1) continue;
        if (!(std::abs(x[j]) < EXACT)) block.strange = true;
        if (!endless && (x[j] < 0 || x[j] > n - 1)) x[j] = folded(x[j], n, mode, turn[j]);
        turned |= turn[j] != 1;
        if (std::isfinite(x[j]) && (endless || x[j] > -1)) continue;
        block.outside[j] = true;
        x[j] = 0;
    }
    return turned;
}

// One axis of a block; whether there are points outside, or with taps beyond the border.
template <int ORDER, bool SLOPES>
bool locate(Block<ORDER>& block, int axis, const double* coordinates, int count, const spline_shape& s) {
    const double n = double(s.sizes[axis]), last = n - 1;
    const int64_t times = s.derivative[axis];
    double x[BLOCK], u[BLOCK], turn[BLOCK];
    copy(coordinates, x, count);
    int64_t beyond = 0, edge = 0;
    for (int j = 0; j < BLOCK; ++j) beyond |= x[j] >= 0 && x[j] <= last ? 0 : 1;
    const bool turned = beyond && fold(block, x, turn, n, s.mode);
    constexpr double half = ORDER % 2 ? 0 : 0.5;
    for (int j = 0; j < BLOCK; ++j) {
        const double knot = std::floor(x[j] + half), first = knot - ORDER / 2;
        u[j] = x[j] - knot + half;
        block.start[axis][j] = first;
        edge |= first >= 0 && first + ORDER <= last ? 0 : 1;
    }
    weights<ORDER>(times, u, block.weight[axis]);
    if (SLOPES) weights<ORDER>(times + 1, u, block.slope[axis]);
    if (turned)
        for (int j = 0; j < BLOCK; ++j) {
            const double power = times == 0 ? 1 : std::pow(turn[j], double(times));
            for (int k = 0; k <= ORDER; ++k) {
                block.weight[axis][k][j] *= power;
                if (SLOPES) block.slope[axis][k][j] *= power * turn[j];
            }
        }
    return beyond || edge;
}

// ---------------------------------------------------------------------------------------------------------------- sums

template <int N>
struct Lanes {
    double v[N];

    INLINE void add(double factor, const Lanes& other) {
        for (int k = 0; k < N; ++k) v[k] += factor * other.v[k];
    }

    INLINE double dot(const double (*weight)[BLOCK], int j) const {
        double sum = v[0] * weight[0][j];
        for (int k = 1; k < N; ++k) sum += v[k] * weight[k][j];
        return sum;
    }
};

// The taps of one point of a block: from the first one on, or, at the border, each of them where it stands.
template <int D, int ORDER, bool EDGE>
struct Taps {
    static constexpr int N = ORDER + 1;
    const Block<ORDER>& block;
    const int j;
    const double beyond;
    int64_t strides[D], places[D][N];  // negative for what is nowhere

    INLINE Taps(const Block<ORDER>& from, int point, const spline_shape& s) : block(from), j(point), beyond(s.cval) {
        int64_t stride = 1;
        for (int a = D - 1; a >= 0; --a) {
            strides[a] = stride;
            stride *= s.sizes[a];
            if constexpr (EDGE) {
                // Taps that all lie beyond the border are alike, however far away.
                const double n = double(s.sizes[a]), start = block.start[a][j];
                const int64_t index = int64_t(start < -N ? -N : start > n ? n : start);
                for (int k = 0; k < N; ++k) {
                    const int64_t place = tap(index + k, s.sizes[a], s.mode);
                    places[a][k] = place < 0 ? NOWHERE : place * strides[a];
                }
            }
        }
    }

    INLINE int64_t first() const {
        int64_t place = 0;
        if constexpr (!EDGE)
            for (int a = 0; a < D; ++a) place += int64_t(block.start[a][j]) * strides[a];
        return place;
    }

    INLINE int64_t step(int axis, int k) const { return EDGE ? places[axis][k] : k * strides[axis]; }

    // Sums over the axes from A on, but for the last one: with the weights alone, and with the slopes of one axis each.
    template <bool SLOPES, int A = 0>
    INLINE void sum(const double* image, int64_t place, Lanes<N>* sums) const {
        if constexpr (A == D - 1) {
            for (int k = 0; k < N; ++k) {
                const int64_t at = place + step(A, k);
                sums[0].v[k] = EDGE && at < 0 ? beyond : image[at];
            }
        } else {
            constexpr int COUNT = SLOPES ? D - A : 1;
            for (int i = 0; i < COUNT; ++i) sums[i] = {};
            for (int k = 0; k < N; ++k) {
                Lanes<N> row[COUNT];
                sum<SLOPES, A + 1>(image, place + step(A, k), row);
                sums[0].add(block.weight[A][k][j], row[0]);
                if constexpr (SLOPES) {
                    sums[1].add(block.slope[A][k][j], row[0]);
                    for (int i = 1; i < COUNT - 1; ++i) sums[i + 1].add(block.weight[A][k][j], row[i]);
                }
            }
        }
    }

    template <int A = 0>
    INLINE void scatter(double* image, int64_t place, double value) const {
        for (int k = 0; k < N; ++k) {
            const int64_t at = place + step(A, k);
            const double part = value * block.weight[A][k][j];
            if constexpr (A < D - 1)
                scatter<A + 1>(image, at, part);
            else if (!EDGE || at >= 0)
                image[at] += part;
        }
    }
};

enum Job { SAMPLE, SLOPES, SCATTER };

template <Job JOB, int D, int ORDER, bool EDGE>
INLINE void point(const Block<ORDER>& block, int j, const spline_arrays& to, int64_t at, const spline_shape& s) {
    const Taps<D, ORDER, EDGE> taps(block, j, s);
    if constexpr (JOB == SCATTER) {
        taps.scatter(to.total, taps.first(), to.values[at]);
    } else {
        Lanes<ORDER + 1> sums[D];
        taps.template sum<JOB == SLOPES>(to.coefficients, taps.first(), sums);
        if constexpr (JOB == SAMPLE) {
            to.out[at] = sums[0].dot(block.weight[D - 1], j);
        } else {
            for (int a = 0; a < D; ++a) {
                const double slope = a < D - 1 ? sums[a + 1].dot(block.weight[D - 1], j) : sums[0].dot(block.slope[a], j);
                to.out[a * s.points + at] = to.values[at] * (s.derivative[a] < ORDER ? slope : 0);
            }
        }
    }
}

// Points outside, and ones with taps beyond the border, among others.
template <Job JOB, int D, int ORDER>
void rare_points(Block<ORDER>& block, int count, const spline_arrays& to, int64_t begin, const spline_shape& s) {
    for (int j = 0; j < count; ++j) {
        const int64_t at = begin + j;
        bool edge = false;
        for (int a = 0; a < D; ++a) edge |= !(block.start[a][j] >= 0 && block.start[a][j] + ORDER < double(s.sizes[a]));
        if (!block.outside[j]) {
            if (edge)
                point<JOB, D, ORDER, true>(block, j, to, at, s);
            else
                point<JOB, D, ORDER, false>(block, j, to, at, s);
        } else if (JOB == SAMPLE) {
            to.out[at] = s.beyond;
        } else if (JOB == SLOPES) {
            for (int a = 0; a < D; ++a) to.out[a * s.points + at] = to.values[at] * 0;
        }
    }
    std::memset(block.outside, 0, sizeof block.outside);
}

template <Job JOB, int D, int ORDER>
int over_blocks(const spline_arrays& to, const spline_shape& s) {
    Block<ORDER> block;
    for (int64_t begin = s.begin; begin < s.end; begin += BLOCK) {
        const int count = int(least(BLOCK, s.end - begin));
        bool rare = false;
        for (int a = 0; a < D; ++a)
            rare |= locate<ORDER, JOB == SLOPES>(block, a, to.coordinates + a * s.points + begin, count, s);
        if (rare)
            rare_points<JOB, D, ORDER>(block, count, to, begin, s);
        else
            for (int j = 0; j < count; ++j) point<JOB, D, ORDER, false>(block, j, to, begin + j, s);
    }
    return block.strange;
}

template <Job JOB, int D>
int of_order(const spline_arrays& to, const spline_shape& s) {
    switch (s.order) {
        case 0: return over_blocks<JOB, D, 0>(to, s);
        case 1: return over_blocks<JOB, D, 1>(to, s);
        case 2: return over_blocks<JOB, D, 2>(to, s);
        case 3: return over_blocks<JOB, D, 3>(to, s);
        case 4: return over_blocks<JOB, D, 4>(to, s);
    }
    return over_blocks<JOB, D, 5>(to, s);
}

template <Job JOB>
int run(const spline_arrays* to, const spline_shape* s) {
    switch (s->axes) {
        case 1: return of_order<JOB, 1>(*to, *s);
        case 2: return of_order<JOB, 2>(*to, *s);
    }
    return of_order<JOB, 3>(*to, *s);
}

}  // namespace

extern "C" const spline_table TABLE;
const spline_table TABLE = {run<SAMPLE>, run<SLOPES>, run<SCATTER>};
