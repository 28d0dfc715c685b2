// Vectors of the instruction set that this file is compiled for. It is compiled once for each, so everything lies in an
// unnamed namespace: a function shared between them could carry instructions that the machine lacks.
#pragma once
#include <cstdint>
#include <cstring>

namespace {

#if defined(__AVX512F__)
constexpr int WIDTH = 64, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int WIDTH = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int WIDTH = 16, REGISTERS = 32;
#else
constexpr int WIDTH = 16, REGISTERS = 16;
#endif

template <class T, int BYTES>
struct Vector {
    typedef T type __attribute__((vector_size(BYTES)));
    static constexpr int64_t size = BYTES / sizeof(T);
};

template <class T>
struct Vector<T, int(sizeof(T))> {
    typedef T type;
    static constexpr int64_t size = 1;
};

#define INLINE inline __attribute__((always_inline))

template <class V, class T>
INLINE V load(const T* from) {
    V vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

template <class V, class T>
INLINE void store(T* to, V vector) {
    std::memcpy(to, &vector, sizeof vector);
}

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace
