// Recursive filters, in transposed direct form II.
//
// A sample waits for the one before it: that is all that a filter's time is. So the first state is kept without its
// product with the last output, `ahead`, which is all that the next one waits for; and several signals, or the sections
// of a cascade, are filtered at once.
#include "abi.h"
#include "section.hpp"

#ifndef TABLE
#define TABLE recursion_baseline
#endif

namespace {

constexpr int SIGNALS = 4, SECTIONS = 4;  // at once
constexpr int64_t BLOCK = 1024;           // samples that one pass of a cascade leaves in the cache for the next

template <class T, int K, int N>
void run_section(const T* b, const T* a, const T* x, T* y, T* states, const filter_shape& s) {
    Section<T, K> sections[N];
    T above[K + 1], below[K + 1];
    for (int k = 0; k <= K; ++k) above[k] = b[k], below[k] = a[k];
    for (int i = 0; i < N; ++i) sections[i].begin(states + i * K);
    for (int64_t t = 0; t < s.samples; ++t)
        for (int i = 0; i < N; ++i)
            y[i * s.out_item + t * s.out_sample] = sections[i].next(above, below, x[i * s.item + t * s.sample]);
    if (s.samples > 0)
        for (int i = 0; i < N; ++i) sections[i].end(below, states + i * K);
}

template <class T>
void run_any_order(const T* b, const T* a, const T* x, T* y, T* state, const filter_shape& s) {
    const int64_t order = s.order;
    for (int64_t t = 0; t < s.samples; ++t) {
        const T in = x[t * s.sample], out = (order ? state[0] : T(0)) + b[0] * in;
        for (int64_t k = 0; k < order - 1; ++k) state[k] = (state[k + 1] + b[k + 1] * in) - a[k + 1] * out;
        if (order) state[order - 1] = b[order] * in - a[order] * out;
        y[t * s.out_sample] = out;
    }
}

template <class T, int K>
void run_all(const T* b, const T* a, const T* x, T* y, T* states, const filter_shape& s) {
    int64_t i = 0;
    for (; i + SIGNALS <= s.count; i += SIGNALS)
        run_section<T, K, SIGNALS>(b, a, x + i * s.item, y + i * s.out_item, states + i * K, s);
    for (; i < s.count; ++i) run_section<T, K, 1>(b, a, x + i * s.item, y + i * s.out_item, states + i * K, s);
}

template <class T>
int section FILTER(T) {
    const filter_shape& s = *shape;
    const T *b = coefficients, *a = coefficients + s.order + 1;
    switch (s.order) {
        case 1: return run_all<T, 1>(b, a, x, y, states, s), 0;
        case 2: return run_all<T, 2>(b, a, x, y, states, s), 0;
        case 3: return run_all<T, 3>(b, a, x, y, states, s), 0;
        case 4: return run_all<T, 4>(b, a, x, y, states, s), 0;
        case 5: return run_all<T, 5>(b, a, x, y, states, s), 0;
        case 6: return run_all<T, 6>(b, a, x, y, states, s), 0;
        case 7: return run_all<T, 7>(b, a, x, y, states, s), 0;
        case 8: return run_all<T, 8>(b, a, x, y, states, s), 0;
        case 9: return run_all<T, 9>(b, a, x, y, states, s), 0;
        case 10: return run_all<T, 10>(b, a, x, y, states, s), 0;
    }
    for (int64_t i = 0; i < s.count; ++i)
        run_any_order(b, a, x + i * s.item, y + i * s.out_item, states + i * s.order, s);
    return 0;
}

// --------------------------------------------------------------------------------------------------- cascade, order 2

template <class T, int N>
void run_cascade(const T* sos, const T* x, int64_t step, T* y, int64_t out_step, T* states, int64_t samples) {
    Section<T, 2> sections[N];
    T b[N][3], a[N][3];
    for (int n = 0; n < N; ++n) {
        for (int k = 0; k < 3; ++k) b[n][k] = sos[6 * n + k], a[n][k] = sos[6 * n + 3 + k];
        sections[n].begin(states + 2 * n);
    }
    for (int64_t t = 0; t < samples; ++t) {
        T value = x[t * step];
        for (int n = 0; n < N; ++n) value = sections[n].next(b[n], a[n], value);
        y[t * out_step] = value;
    }
    for (int n = 0; n < N; ++n) sections[n].end(a[n], states + 2 * n);
}

template <class T>
int cascade FILTER(T) {
    const filter_shape& s = *shape;
    for (int64_t i = 0; i < s.count; ++i)
        for (int64_t t = 0; t < s.samples; t += BLOCK) {
            const int64_t samples = least(BLOCK, s.samples - t);
            const T* from = x + i * s.item + t * s.sample;
            T* to = y + i * s.out_item + t * s.out_sample;
            int64_t step = s.sample;
            for (int64_t n = 0; n < s.order; n += SECTIONS) {
                const T* sos = coefficients + 6 * n;
                T* state = states + 2 * (i * s.order + n);
                switch (least(SECTIONS, s.order - n)) {
                    case 1: run_cascade<T, 1>(sos, from, step, to, s.out_sample, state, samples); break;
                    case 2: run_cascade<T, 2>(sos, from, step, to, s.out_sample, state, samples); break;
                    case 3: run_cascade<T, 3>(sos, from, step, to, s.out_sample, state, samples); break;
                    default: run_cascade<T, 4>(sos, from, step, to, s.out_sample, state, samples);
                }
                from = to, step = s.out_sample;
            }
        }
    return 0;
}

}  // namespace

extern "C" const filter_table TABLE;
const filter_table TABLE = {section<double>, section<float>, cascade<double>, cascade<float>};
