// One section of a recursive filter, in transposed direct form II.
#pragma once
#include "vectors.hpp"

namespace {

// A section of order K. `state` is SciPy's between calls; inside, state[0] is `ahead`.
template <class T, int K>
struct Section {
    T state[K], last;

    INLINE void begin(const T* from) {
        for (int k = 0; k < K; ++k) state[k] = from[k];
        last = 0;
    }

    INLINE T next(const T* b, const T* a, T x) {
        const T y = (state[0] + b[0] * x) - a[1] * last;
        last = y;
        if constexpr (K > 1) {
            state[0] = state[1] + b[1] * x;
            for (int k = 1; k < K - 1; ++k) state[k] = (state[k + 1] + b[k + 1] * x) - a[k + 1] * y;
            state[K - 1] = b[K] * x - a[K] * y;
        } else {
            state[0] = b[1] * x;
        }
        return y;
    }

    INLINE void end(const T* a, T* to) {
        state[0] -= a[1] * last;
        for (int k = 0; k < K; ++k) to[k] = state[k];
    }
};

}  // namespace
