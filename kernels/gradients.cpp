// Gradients of recursive filters, in one pass against the time.
//
// With u[t] = g[t] - Σ a[k] u[t+k], where k > 0, all of them are sums of products with u: the coefficients' are its lags
// with x and y, the signal's is its correlation with b. A block of u stays in the cache until all of that is done. Of a
// cascade, the signals between the sections are filtered again, block after block, from the states at its beginning.
#include "abi.h"
#include "section.hpp"

#include <cstdlib>

#ifndef TABLE
#define TABLE gradients_baseline
#endif

namespace {

constexpr int SIGNALS = 4, SECTIONS = 4;  // at once
constexpr int64_t BLOCK = 512;            // samples

template <class T>
void gather(const T* from, int64_t step, T* to, int64_t samples) {
    if (step == 1)
        std::memcpy(to, from, samples * sizeof(T));
    else
        for (int64_t t = 0; t < samples; ++t) to[t] = from[t * step];
}

template <class T>
void scatter(const T* from, T* to, int64_t step, int64_t samples) {
    if (step == 1)
        std::memcpy(to, from, samples * sizeof(T));
    else
        for (int64_t t = 0; t < samples; ++t) to[t * step] = from[t];
}

// Q of the lags Σ u[t+k] x[t], added to what is there.
template <class T, int Q>
INLINE void add_lags(const T* u, const T* x, int64_t samples, double sign, double* sums) {
    using V = typename Vector<T, WIDTH>::type;
    constexpr int64_t size = Vector<T, WIDTH>::size;
    V total[Q] = {};
    int64_t t = 0;
    for (; t + size <= samples; t += size) {
        const V in = load<V>(x + t);
        for (int k = 0; k < Q; ++k) total[k] += in * load<V>(u + t + k);
    }
    for (int k = 0; k < Q; ++k) {
        double sum = 0;
        for (int e = 0; e < size; ++e) sum += double(total[k][e]);
        for (int64_t r = t; r < samples; ++r) sum += double(x[r] * u[r + k]);
        sums[k] += sign * sum;
    }
}

template <class T>
void add_lags(const T* u, const T* x, int64_t samples, int64_t lags, double sign, double* sums) {
    int64_t k = 0;
    for (; k + 3 <= lags; k += 3) add_lags<T, 3>(u + k, x, samples, sign, sums + k);
    for (; k < lags; ++k) add_lags<T, 1>(u + k, x, samples, sign, sums + k);
}

// Σ b[k] u[t+k]
template <class T>
void correlate(const T* u, const T* b, int64_t order, T* out, int64_t samples) {
    using V = typename Vector<T, WIDTH>::type;
    constexpr int64_t size = Vector<T, WIDTH>::size;
    int64_t t = 0;
    for (; t + size <= samples; t += size) {
        V sum = b[0] * load<V>(u + t);
        for (int64_t k = 1; k <= order; ++k) sum += b[k] * load<V>(u + t + k);
        store(out + t, sum);
    }
    for (; t < samples; ++t) {
        T sum = b[0] * u[t];
        for (int64_t k = 1; k <= order; ++k) sum += b[k] * u[t + k];
        out[t] = sum;
    }
}

// ------------------------------------------------------------------------------------------------------------- section

// u of N signals, each `distance` from the last; the `order` values after the block are there.
template <class T, int K, int N>
void recur(const T* a, const T* g, const gradient_shape& s, T* u, int64_t distance, int64_t samples) {
    T past[N][K], below[K + 1];
    for (int k = 0; k <= K; ++k) below[k] = a[k];
    for (int i = 0; i < N; ++i)
        for (int k = 0; k < K; ++k) past[i][k] = u[i * distance + samples + k];
    for (int64_t t = samples - 1; t >= 0; --t)
        for (int i = 0; i < N; ++i) {
            T sum = g[i * s.g_item + t * s.g_sample];
            for (int k = K - 1; k > 0; --k) {
                sum -= below[k + 1] * past[i][k];
                past[i][k] = past[i][k - 1];
            }
            u[i * distance + t] = past[i][0] = sum - below[1] * past[i][0];
        }
}

template <class T>
void recur_any_order(const T* a, const T* g, const gradient_shape& s, T* u, int64_t samples) {
    for (int64_t t = samples - 1; t >= 0; --t) {
        T sum = g[t * s.g_sample];
        for (int64_t k = s.order; k > 0; --k) sum -= a[k] * u[t + k];
        u[t] = sum;
    }
}

template <class T, int N>
void recur(const T* a, const T* g, const gradient_shape& s, T* u, int64_t distance, int64_t samples) {
    switch (s.order) {
        case 1: return recur<T, 1, N>(a, g, s, u, distance, samples);
        case 2: return recur<T, 2, N>(a, g, s, u, distance, samples);
        case 3: return recur<T, 3, N>(a, g, s, u, distance, samples);
        case 4: return recur<T, 4, N>(a, g, s, u, distance, samples);
        case 5: return recur<T, 5, N>(a, g, s, u, distance, samples);
        case 6: return recur<T, 6, N>(a, g, s, u, distance, samples);
        case 7: return recur<T, 7, N>(a, g, s, u, distance, samples);
        case 8: return recur<T, 8, N>(a, g, s, u, distance, samples);
    }
    for (int i = 0; i < N; ++i) recur_any_order(a, g + i * s.g_item, s, u + i * distance, samples);
}

template <class T, int N>
void differentiate(
    const T* b, const T* a, const T* g, const T* x, const T* y, T* out, double* sums, T* states, T* u,
    const gradient_shape& s) {
    const int64_t order = s.order, distance = BLOCK + order;
    T* between = u + SIGNALS * distance;
    for (int64_t k = 0; k < N * 2 * (order + 1); ++k) sums[k] = 0;
    for (int64_t end = s.samples; end > 0;) {
        const int64_t samples = least(BLOCK, end), begin = end - samples;
        for (int i = 0; i < N; ++i)
            std::memcpy(u + i * distance + samples, states + i * order, order * sizeof(T));
        recur<T, N>(a, g + begin * s.g_sample, s, u, distance, samples);
        for (int i = 0; i < N; ++i) {
            const T* from = u + i * distance;
            double* sum = sums + i * 2 * (order + 1);
            gather(x + i * s.x_item + begin * s.x_sample, s.x_sample, between, samples);
            add_lags(from, between, samples, order + 1, 1, sum);
            gather(y + i * s.y_item + begin * s.y_sample, s.y_sample, between, samples);
            add_lags(from, between, samples, order + 1, -1, sum + order + 1);
            correlate(from, b, order, between, samples);
            scatter(between, out + i * s.out_item + begin * s.out_sample, s.out_sample, samples);
            std::memcpy(states + i * order, from, order * sizeof(T));
        }
        end = begin;
    }
}

template <class T>
int section_gradients SECTION_GRADIENTS(T) {
    const gradient_shape& s = *shape;
    const int64_t order = s.order, own = 2 * (order + 1);
    T* u = static_cast<T*>(std::malloc(sizeof(T) * (SIGNALS * (BLOCK + order) + BLOCK)));
    if (u == nullptr) return 1;
    const T *b = coefficients, *a = coefficients + order + 1;
    int64_t i = 0;
    for (; i + SIGNALS <= s.count; i += SIGNALS)
        differentiate<T, SIGNALS>(b, a, g + i * s.g_item, x + i * s.x_item, y + i * s.y_item, out + i * s.out_item,
                                  sums + i * own, states + i * order, u, s);
    for (; i < s.count; ++i)
        differentiate<T, 1>(b, a, g + i * s.g_item, x + i * s.x_item, y + i * s.y_item, out + i * s.out_item,
                            sums + i * own, states + i * order, u, s);
    std::free(u);
    return 0;
}

// --------------------------------------------------------------------------------------------------- cascade, order 2

// Filter by N sections; the signal after each lies one row below the one before it.
template <class T, int N>
void pass(const T* sos, T* rows, T* states, int64_t samples) {
    Section<T, 2> sections[N];
    T b[N][3], a[N][3];
    for (int n = 0; n < N; ++n) {
        for (int k = 0; k < 3; ++k) b[n][k] = sos[6 * n + k], a[n][k] = sos[6 * n + 3 + k];
        sections[n].begin(states + 2 * n);
    }
    for (int64_t t = 0; t < samples; ++t) {
        T value = rows[t];
        for (int n = 0; n < N; ++n) rows[(n + 1) * BLOCK + t] = value = sections[n].next(b[n], a[n], value);
    }
    for (int n = 0; n < N; ++n) sections[n].end(a[n], states + 2 * n);
}

template <class T>
void pass(const T* sos, int64_t sections, T* rows, T* states, int64_t samples) {
    for (int64_t n = 0; n < sections; n += SECTIONS) switch (least(SECTIONS, sections - n)) {
            case 1: pass<T, 1>(sos + 6 * n, rows + n * BLOCK, states + 2 * n, samples); break;
            case 2: pass<T, 2>(sos + 6 * n, rows + n * BLOCK, states + 2 * n, samples); break;
            case 3: pass<T, 3>(sos + 6 * n, rows + n * BLOCK, states + 2 * n, samples); break;
            default: pass<T, 4>(sos + 6 * n, rows + n * BLOCK, states + 2 * n, samples);
        }
}

// u of N sections, from the last to the first, in rows of BLOCK + 2; `g` becomes the gradient of what they filter.
template <class T, int N>
void recur_back(const T* sos, T* g, T* u, int64_t samples) {
    constexpr int64_t row = BLOCK + 2;
    T b[N][3], a[N][3], past[N][2];
    for (int n = 0; n < N; ++n) {
        for (int k = 0; k < 3; ++k) b[n][k] = sos[6 * n + k], a[n][k] = sos[6 * n + 3 + k];
        for (int k = 0; k < 2; ++k) past[n][k] = u[n * row + samples + k];
    }
    for (int64_t t = samples - 1; t >= 0; --t) {
        T value = g[t];
        for (int n = N - 1; n >= 0; --n) {
            const T next = (value - a[n][2] * past[n][1]) - a[n][1] * past[n][0];
            value = b[n][0] * next + (b[n][1] * past[n][0] + b[n][2] * past[n][1]);
            past[n][1] = past[n][0];
            u[n * row + t] = past[n][0] = next;
        }
        g[t] = value;
    }
}

template <class T>
void recur_back(const T* sos, int64_t sections, T* g, T* u, int64_t samples) {
    for (int64_t end = sections; end > 0;) {
        const int64_t count = least(SECTIONS, end), n = end - count;
        const T* with = sos + 6 * n;
        T* to = u + n * (BLOCK + 2);
        switch (count) {
            case 1: recur_back<T, 1>(with, g, to, samples); break;
            case 2: recur_back<T, 2>(with, g, to, samples); break;
            case 3: recur_back<T, 3>(with, g, to, samples); break;
            default: recur_back<T, 4>(with, g, to, samples);
        }
        end = n;
    }
}

// What one signal needs: rows of the signals between the sections, rows of u, and the states before each block.
template <class T>
struct Room {
    T *rows, *u, *before;
};

template <class T>
void differentiate_cascade(
    const T* sos, const T* g, const T* x, T* first, T* out, double* sums, T* states, Room<T> room,
    const gradient_shape& s) {
    const int64_t sections = s.order, blocks = (s.samples + BLOCK - 1) / BLOCK, each = 2 * sections;
    for (int64_t k = 0; k < 6 * sections; ++k) sums[k] = 0;
    for (int64_t block = 0; block < blocks; ++block) {
        std::memcpy(room.before + block * each, first, each * sizeof(T));
        if (block == blocks - 1) break;
        gather(x + block * BLOCK * s.x_sample, s.x_sample, room.rows, BLOCK);
        pass(sos, sections, room.rows, first, BLOCK);
    }
    T* incoming = room.rows + (sections + 1) * BLOCK;
    for (int64_t block = blocks - 1; block >= 0; --block) {
        const int64_t begin = block * BLOCK, samples = least(BLOCK, s.samples - begin);
        gather(x + begin * s.x_sample, s.x_sample, room.rows, samples);
        pass(sos, sections, room.rows, room.before + block * each, samples);
        gather(g + begin * s.g_sample, s.g_sample, incoming, samples);
        for (int64_t n = 0; n < sections; ++n)
            std::memcpy(room.u + n * (BLOCK + 2) + samples, states + 2 * n, 2 * sizeof(T));
        recur_back(sos, sections, incoming, room.u, samples);
        scatter(incoming, out + begin * s.out_sample, s.out_sample, samples);
        for (int64_t n = 0; n < sections; ++n) {
            const T *u = room.u + n * (BLOCK + 2), *from = room.rows + n * BLOCK;
            add_lags(u, from, samples, 3, 1, sums + 6 * n);
            add_lags(u, from + BLOCK, samples, 3, -1, sums + 6 * n + 3);
            std::memcpy(states + 2 * n, u, 2 * sizeof(T));
        }
    }
}

template <class T>
int cascade_gradients CASCADE_GRADIENTS(T) {
    const gradient_shape& s = *shape;
    const int64_t sections = s.order, blocks = (s.samples + BLOCK - 1) / BLOCK;
    const int64_t rows = (sections + 2) * BLOCK, u = sections * (BLOCK + 2), before = blocks * 2 * sections;
    T* memory = static_cast<T*>(std::malloc(sizeof(T) * (rows + u + before)));
    if (memory == nullptr) return 1;
    const Room<T> room = {memory, memory + rows, memory + rows + u};
    for (int64_t i = 0; i < s.count; ++i)
        differentiate_cascade(coefficients, g + i * s.g_item, x + i * s.x_item, first + i * 2 * sections,
                              out + i * s.out_item, sums + i * 6 * sections, states + i * 2 * sections, room, s);
    std::free(memory);
    return 0;
}

}  // namespace

extern "C" const gradient_table TABLE;
const gradient_table TABLE = {section_gradients<double>, section_gradients<float>, cascade_gradients<double>,
                         cascade_gradients<float>};
