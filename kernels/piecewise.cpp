// Piecewise polynomials: in which interval each point lies, the values there, and the gradients that come back.
//
// Points go in blocks: first the intervals of all of them, then one power after the other, so that the loops over the
// points of a block have no branches, and what is known about a point stays in the processor's first cache.
#include "abi.h"
#include "vectors.hpp"

#ifndef TABLE
#define TABLE piecewise_baseline
#endif

namespace {

constexpr int64_t BLOCK = 128;

// The first of the sorted knots above x, which is at least `from` if that one isn't above: looked for near there.
template <class T>
int64_t first_above(const T* knots, int64_t from, int64_t count, T x) {
    int64_t step = 1;
    while (from + step < count && knots[from + step] <= x) from += step, step *= 2;
    int64_t left = least(step, count - from) - 1;
    for (++from; left > 0;) {
        const int64_t half = (left + 1) / 2;
        if (knots[from + half - 1] <= x) from += half, left -= half;
        else left = half - 1;
    }
    return from;
}

// How many of the sorted knots lie at or below each point; all of them, of NaN.
template <class T>
void search(const T* knots, int64_t count, const T* x, int64_t points, int64_t* place) {
    bool sorted = true;
    for (int64_t t = 1; t < points; ++t) sorted &= x[t] >= x[t - 1];
    for (int64_t t = 0; t < points; ++t) place[t] = 0;
    // Bisection in step: a branch for each point would be mispredicted every other time.
    const int64_t together = sorted ? 1 : points;
    for (int64_t left = count; left > 0;) {
        const int64_t half = (left + 1) / 2;
        const T* const middle = knots + half - 1;
        for (int64_t t = 0; t < together; ++t) place[t] += middle[place[t]] <= x[t] ? half : 0;
        left -= half;
    }
    for (int64_t t = together; t < points; ++t) {
        const int64_t before = place[t - 1];
        place[t] = before < count && knots[before] <= x[t] ? first_above(knots, before, count, x[t]) : before;
    }
    for (int64_t t = 0; t < points; ++t) place[t] = x[t] != x[t] ? count : place[t];
}

template <class T>
int locate LOCATE(T) {
    for (int64_t begin = 0; begin < points; begin += BLOCK)
        search(knots, count, x + begin, least(BLOCK, points - begin), out + begin);
    return 0;
}

// (power)(power-1)…, as many factors as the order of the derivative.
double falling(int64_t power, int64_t order) {
    double product = 1;
    for (int64_t k = 0; k < order; ++k) product *= double(power - k);
    return product;
}

template <class T>
struct Block {
    int64_t points;
    int64_t place[BLOCK], offset[BLOCK];  // the interval, and how far its coefficients lie from the first one's
    T step[BLOCK];                        // from the interval's left end

    void begin(const T* breaks, const T* x, int64_t count, const pieces_shape& s) {
        points = count;
        search(breaks + 1, s.intervals - 1, x, points, place);
        for (int64_t t = 0; t < points; ++t) step[t] = x[t] - breaks[place[t]];
        for (int64_t t = 0; t < points; ++t) offset[t] = place[t] * s.columns;
    }

    // Horner's rule, for one column.
    void evaluate(const T* c, int64_t order, const pieces_shape& s, T* value) const {
        const int64_t plane = s.intervals * s.columns;
        for (int64_t t = 0; t < points; ++t) value[t] = 0;
        for (int64_t power = s.powers - 1; power >= order; --power, c += plane) {
            const T factor = T(falling(power, order));
            if (power == s.powers - 1) {
                for (int64_t t = 0; t < points; ++t) value[t] = factor * c[offset[t]];
            } else {
                for (int64_t t = 0; t < points; ++t) value[t] = value[t] * step[t] + factor * c[offset[t]];
            }
        }
        if (s.powers - order < 2)  // a constant doesn't show that a point is NaN
            for (int64_t t = 0; t < points; ++t) value[t] = step[t] != step[t] ? step[t] : value[t];
    }
};

template <class T>
int sample SAMPLE(T) {
    const pieces_shape& s = *shape;
    Block<T> block;
    T value[BLOCK];
    for (int64_t begin = 0; begin < s.points; begin += BLOCK) {
        block.begin(breaks, x + begin, least(BLOCK, s.points - begin), s);
        for (int64_t column = 0; column < s.columns; ++column) {
            block.evaluate(c + column, s.order, s, value);
            T* const to = out + begin * s.columns + column;
            for (int64_t t = 0; t < block.points; ++t) to[t * s.columns] = value[t];
        }
    }
    return 0;
}

// The points of a block that follow one another in one interval, whose contributions are added before they are stored.
struct Runs {
    const int64_t points;
    int64_t count = 0;
    int64_t begin[BLOCK + 1];

    Runs(const int64_t* place, int64_t size) : points(size) {
        begin[0] = 0;
        for (int64_t t = 1; t <= points; ++t) begin[count + 1] = t, count += t == points || place[t] != place[t - 1];
    }

    template <class T>
    void add(const T* terms, const int64_t* offset, double* sums) const {
        if (2 * count > points) {
            for (int64_t t = 0; t < points; ++t) sums[offset[t]] += terms[t];
            return;
        }
        constexpr int64_t N = 8;  // sums at once
        for (int64_t k = 0; k < count; ++k) {
            int64_t t = begin[k];
            const int64_t end = begin[k + 1];
            double& sum = sums[offset[t]];
            if (end - t >= N) {
                double part[N] = {};
                for (; t + N <= end; t += N)
                    for (int64_t i = 0; i < N; ++i) part[i] += terms[t + i];
                sum += ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
            }
            for (; t < end; ++t) sum += terms[t];
        }
    }
};

template <class T>
int pull PULL(T) {
    const pieces_shape& s = *shape;
    const int64_t plane = s.intervals * s.columns;
    Block<T> block;
    T value[BLOCK], along[BLOCK];
    double term[BLOCK];
    for (int64_t begin = 0; begin < s.points; begin += BLOCK) {
        block.begin(breaks, x + begin, least(BLOCK, s.points - begin), s);
        const Runs runs(block.place, block.points);
        for (int64_t t = 0; t < block.points; ++t) along[t] = 0;
        for (int64_t column = 0; column < s.columns; ++column) {
            const T* const from = g + begin * s.row + column * s.column;
            for (int64_t t = 0; t < block.points; ++t) term[t] = from[t * s.row];
            if (c) {
                block.evaluate(c + column, s.order + 1, s, value);
                for (int64_t t = 0; t < block.points; ++t) along[t] += T(term[t]) * value[t];
            }
            for (int64_t power = s.order; power < s.powers; ++power) {
                const double factor = falling(power, s.order);
                if (factor != 1) {
                    double scaled[BLOCK];
                    for (int64_t t = 0; t < block.points; ++t) scaled[t] = factor * term[t];
                    runs.add(scaled, block.offset, sums + (s.powers - 1 - power) * plane + column);
                } else {
                    runs.add(term, block.offset, sums + (s.powers - 1 - power) * plane + column);
                }
                for (int64_t t = 0; t < block.points; ++t) term[t] *= block.step[t];
            }
        }
        if (c) {
            runs.add(along, block.place, ends);
            for (int64_t t = 0; t < block.points; ++t) slope[begin + t] = along[t];
        }
    }
    return 0;
}

}  // namespace

extern "C" const piecewise_table TABLE;
const piecewise_table TABLE = {locate<double>, locate<float>, sample<double>, sample<float>, pull<double>, pull<float>};
