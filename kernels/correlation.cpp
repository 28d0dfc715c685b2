// Direct correlation and convolution of matrices.
//
// Two loops. `correlate` is for results that are wide beside the taps: a tile of the result stays in registers, and
// each vector of the input that is loaded goes into all rows of the tile. `lags` is for few results of long sums: a tile
// of lags stays in registers, and each vector loaded goes into a row or a column of it. Nothing is multiplied that the
// sum doesn't have, so that infinities and NaN go where they go in SciPy.
#include "abi.h"
#include "vectors.hpp"

#include <cstdlib>

#ifndef TABLE
#define TABLE correlation_baseline
#endif

namespace {

constexpr int ROWS = 4;                            // of a tile of the result
constexpr int VECTORS = REGISTERS == 32 ? 3 : 2;   // and its columns
constexpr int LAGS = REGISTERS == 32 ? 5 : 3;      // rows and columns of a tile of lags
constexpr int64_t CACHE = 256 * 1024;              // bytes that are used again and again before others are

// One row of the input, into the rows LOW ... HIGH of the tile, of which it is the (row - i)-th.
template <class T, class V, int R, int C, int LOW, int HIGH>
INLINE void add_row(V (&sums)[R][C], const T* x, const T* taps, int64_t tap_row, int64_t columns) {
    constexpr int64_t size = sizeof(V) / sizeof(T);
    for (int64_t q = 0; q < columns; ++q) {
        V in[C];
        for (int c = 0; c < C; ++c) in[c] = load<V>(x + q + c * size);
        for (int i = LOW; i <= HIGH; ++i)
            for (int c = 0; c < C; ++c) sums[i][c] += in[c] * taps[q - i * tap_row];
    }
}

template <class T, class V, int R, int C>
INLINE void tile(const T* x, const T* taps, T* out, const correlation_shape& s) {
    V sums[R][C] = {};
    const int64_t k = s.tap_rows, l = s.tap_columns, row = s.row, tap_row = s.tap_row;
    for (int64_t r = 0; r < k + R - 1; ++r) {
        const int64_t low = most(0, r - k + 1), high = least(R - 1, r);
        const T *from = x + r * row, *with = taps + r * tap_row;
#define CASE(L, H)                                                                    \
    if constexpr (H < R)                                                              \
        if (low == L && high == H) {                                                  \
            add_row<T, V, R, C, L, H>(sums, from, with, tap_row, l);                  \
            continue;                                                                 \
        }
        CASE(0, R - 1)
        CASE(0, 0) CASE(0, 1) CASE(0, 2) CASE(1, 1) CASE(1, 2) CASE(1, 3) CASE(2, 2) CASE(2, 3) CASE(3, 3)
#undef CASE
    }
    for (int i = 0; i < R; ++i)
        for (int c = 0; c < C; ++c) store(out + i * s.out_row + c * int64_t(sizeof(V) / sizeof(T)), sums[i][c]);
}

// R rows of the result, from whole vectors; the last vectors may overlap those before.
template <class T, int BYTES, int R>
INLINE void tile_row(const T* x, const T* taps, T* out, const correlation_shape& s) {
    using V = typename Vector<T, BYTES>::type;
    constexpr int64_t size = Vector<T, BYTES>::size;
    const int64_t columns = s.columns - s.tap_columns + 1;
    int64_t j = 0;
    for (; j + VECTORS * size <= columns; j += VECTORS * size) tile<T, V, R, VECTORS>(x + j, taps, out + j, s);
    if constexpr (VECTORS == 3)
        if (columns - j > size && columns >= 2 * size) {
            j = least(j, columns - 2 * size);
            tile<T, V, R, 2>(x + j, taps, out + j, s);
            j += 2 * size;
        }
    for (; j < columns; j += size) {
        j = least(j, columns - size);
        tile<T, V, R, 1>(x + j, taps, out + j, s);
    }
}

template <class T, int BYTES>
void correlate_item(const T* x, const T* taps, T* out, const correlation_shape& s) {
    if constexpr (BYTES > sizeof(T))
        if (s.columns - s.tap_columns + 1 < Vector<T, BYTES>::size)
            return correlate_item<T, BYTES == 16 ? int(sizeof(T)) : BYTES / 2>(x, taps, out, s);
    int64_t i = s.begin;
    for (; s.end - s.begin >= ROWS && i < s.end; i += ROWS) {
        i = least(i, s.end - ROWS);
        tile_row<T, BYTES, ROWS>(x + i * s.row, taps, out + i * s.out_row, s);
    }
    for (; i < s.end; ++i) tile_row<T, BYTES, 1>(x + i * s.row, taps, out + i * s.out_row, s);
}

template <class T>
int correlate CORRELATION(T) {
    for (int64_t b = 0; b < shape->count; ++b)
        correlate_item<T, WIDTH>(
            first + b * shape->item, second + b * shape->tap_item, out + b * shape->out_item, *shape);
    return 0;
}

// ---------------------------------------------------------------------------------------------------------------- lags

// The last `left` of a vector's elements; the others become zeros, whatever they are.
template <class T, class V>
INLINE V last(V vector, int64_t left) {
    constexpr int64_t size = sizeof(V) / sizeof(T);
    T parts[size];
    std::memcpy(parts, &vector, sizeof vector);
    for (int64_t e = 0; e < size - left; ++e) parts[e] = 0;
    return load<V>(parts);
}

// P × Q lags, summed over the rows `from` ... `to` of the input: row r meets row r - p of the other.
template <class T, int P, int Q>
void lag_tile(const T* x, const T* other, T* out, int64_t from, int64_t to, const correlation_shape& s) {
    using V = typename Vector<T, WIDTH>::type;
    constexpr int64_t size = Vector<T, WIDTH>::size;
    const int64_t columns = s.tap_columns, whole = columns / size * size;
    V sums[P][Q] = {};
    T rest[P][Q] = {};
    for (int64_t r = from; r < to; ++r) {
        const T *a = x + r * s.row, *b = other + r * s.tap_row;
        for (int64_t j = 0; j < whole; j += size) {
            V in[P];
            for (int p = 0; p < P; ++p) in[p] = load<V>(b + j - p * s.tap_row);
            for (int q = 0; q < Q; ++q) {
                const V shifted = load<V>(a + j + q);
                for (int p = 0; p < P; ++p) sums[p][q] += in[p] * shifted;
            }
        }
        if (whole == columns) continue;
        if (whole > 0) {
            const int64_t j = columns - size, left = columns - whole;
            V in[P];
            for (int p = 0; p < P; ++p) in[p] = last<T>(load<V>(b + j - p * s.tap_row), left);
            for (int q = 0; q < Q; ++q) {
                const V shifted = last<T>(load<V>(a + j + q), left);
                for (int p = 0; p < P; ++p) sums[p][q] += in[p] * shifted;
            }
            continue;
        }
        for (int64_t j = 0; j < columns; ++j)
            for (int p = 0; p < P; ++p)
                for (int q = 0; q < Q; ++q) rest[p][q] += b[j - p * s.tap_row] * a[j + q];
    }
    for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) {
            T total = rest[p][q];
            for (int e = 0; e < size; ++e) total += sums[p][q][e];
            out[p * s.out_row + q] += total;
        }
}

// All P lags of a strip of the other's rows; at its ends not all of them meet.
template <class T, int P, int Q>
void lag_strip(const T* x, const T* other, T* out, int64_t begin, int64_t end, const correlation_shape& s) {
    if constexpr (P > 1) {
        const int64_t reach = least(P - 1, end - begin);
        for (int p = 0; p < P; ++p) {
            const T* down = x + p * s.row;
            lag_tile<T, 1, Q>(down, other, out + p * s.out_row, begin, begin + most(0, reach - p), s);
            const int64_t tail = most(begin + most(0, reach - p), end - p);
            lag_tile<T, 1, Q>(down, other, out + p * s.out_row, tail, end, s);
        }
        begin += P - 1;
    }
    if (begin < end) lag_tile<T, P, Q>(x, other, out, begin, end, s);
}

template <class T>
using Strip = void (*)(const T*, const T*, T*, int64_t, int64_t, const correlation_shape&);

template <class T, int P>
Strip<T> strip_of(int64_t q) {
    switch (q) {
        case 1: return lag_strip<T, P, 1>;
        case 2: return lag_strip<T, P, 2>;
        case 3: return lag_strip<T, P, 3>;
#if defined(__AVX512F__) || defined(__aarch64__)
        case 4: return lag_strip<T, P, 4>;
#endif
    }
    return lag_strip<T, P, LAGS>;
}

template <class T>
Strip<T> strip_of(int64_t p, int64_t q) {
    switch (p) {
        case 1: return strip_of<T, 1>(q);
        case 2: return strip_of<T, 2>(q);
        case 3: return strip_of<T, 3>(q);
#if defined(__AVX512F__) || defined(__aarch64__)
        case 4: return strip_of<T, 4>(q);
#endif
    }
    return strip_of<T, LAGS>(q);
}

template <class T>
void lags_item(const T* x, const T* other, T* out, const correlation_shape& s) {
    const int64_t columns = s.columns - s.tap_columns + 1;
    const int64_t bytes = (s.columns + s.tap_columns) * int64_t(sizeof(T));
    const int64_t height = most(32, CACHE / most(1, bytes));
    for (int64_t p = s.begin; p < s.end; ++p) std::memset(out + p * s.out_row, 0, columns * sizeof(T));
    for (int64_t begin = 0; begin < s.tap_rows; begin += height) {
        const int64_t end = least(begin + height, s.tap_rows);
        for (int64_t p = s.begin; p < s.end; p += LAGS)
            for (int64_t q = 0; q < columns; q += LAGS)
                strip_of<T>(least(LAGS, s.end - p), least(LAGS, columns - q))(
                    x + p * s.row + q, other, out + p * s.out_row + q, begin, end, s);
    }
}

template <class T>
int lags CORRELATION(T) {
    for (int64_t b = 0; b < shape->count; ++b)
        lags_item<T>(first + b * shape->item, second + b * shape->tap_item, out + b * shape->out_item, *shape);
    return 0;
}

// ---------------------------------------------------------------------------------------------------- full convolution

// Rows `begin` ... `end` of the input, with the zeros around it that the taps see.
template <class T>
void pad(const T* x, T* to, int64_t begin, int64_t end, const correlation_shape& s) {
    const int64_t side = s.tap_columns - 1, width = s.columns + 2 * side;
    for (int64_t i = begin; i < end; ++i, to += width) {
        if (i < 0 || i >= s.rows) {
            std::memset(to, 0, width * sizeof(T));
            continue;
        }
        std::memset(to, 0, side * sizeof(T));
        std::memcpy(to + side, x + i * s.row, s.columns * sizeof(T));
        std::memset(to + side + s.columns, 0, side * sizeof(T));
    }
}

template <class T>
void turn(const T* taps, T* to, const correlation_shape& s) {
    for (int64_t p = s.tap_rows - 1; p >= 0; --p)
        for (int64_t q = s.tap_columns - 1; q >= 0; --q) *to++ = taps[p * s.tap_row + q];
}

template <class T>
int convolve CORRELATION(T) {
    const correlation_shape& s = *shape;
    const int64_t k = s.tap_rows, l = s.tap_columns, width = s.columns + 2 * (l - 1);
    const int64_t fit = CACHE / 2 / (width * int64_t(sizeof(T))) - k;
    const int64_t height = least(most(most(fit, k), 32), s.end - s.begin);
    T* turned = static_cast<T*>(std::malloc(sizeof(T) * (k * l + (height + k - 1) * width)));
    if (turned == nullptr) return 1;
    T* padded = turned + k * l;
    for (int64_t b = 0; b < s.count; ++b) {
        turn(second + b * s.tap_item, turned, s);
        for (int64_t i = s.begin; i < s.end; i += height) {
            const int64_t end = least(i + height, s.end);
            pad(first + b * s.item, padded, i - k + 1, end, s);
            const correlation_shape strip = {1, end - i + k - 1, width, k, l, 0, width, 0, l, 0, s.out_row, 0, end - i};
            correlate_item<T, WIDTH>(padded, turned, out + b * s.out_item + i * s.out_row, strip);
        }
    }
    std::free(turned);
    return 0;
}

}  // namespace

extern "C" const correlation_table TABLE;
const correlation_table TABLE = {correlate<double>, correlate<float>, lags<double>,
                            lags<float>,       convolve<double>, convolve<float>};
