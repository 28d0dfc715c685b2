// Correlation along the middle one of three axes, of what a border makes of the image; its transpose; its gradient in the
// weights.
//
// A few columns at a time go through a window that stays in the cache, in double precision as in SciPy: rows come in at
// its end, the first ones move up. What lies beyond the end is kept from the beginning, so that a result may be written
// over its image.
#include <cstdlib>

#include "abi.h"
#include "vectors.hpp"

#ifndef TABLE
#define TABLE lines_baseline
#endif

namespace {

using V = Vector<double, WIDTH>::type;
constexpr int64_t LANES = Vector<double, WIDTH>::size;
constexpr int ROWS = REGISTERS / 4;  // of two vectors, whose sums take half of the registers
constexpr int RUN = 8;               // vectors at once where rows are narrower than one
constexpr int64_t COLUMNS = 64;      // at most: a row of the window is some lines of the cache
constexpr int64_t BLOCK = 4096;      // numbers that come in between two moves of the window, if few taps

// So many rows of `width` numbers come in at once, while the last `taps - 1` stay.
struct Window {
    int64_t taps, width, rows;
    double *numbers, *sums, *edges;

    Window(int64_t taps, int64_t columns, int64_t results, int64_t edge_rows) : taps(taps) {
        width = columns < LANES ? columns : (columns + LANES - 1) / LANES * LANES;
        rows = least(results, most(taps - 1, BLOCK / width));
        const int64_t spare = most(ROWS * width, RUN * LANES);  // a last tile is computed whole
        const int64_t in = (taps - 1 + rows) * width + spare, out = rows * width + spare;
        numbers = static_cast<double*>(std::calloc(in + out + edge_rows * width, sizeof(double)));
        sums = numbers + in, edges = sums + out;
    }
    Window(const Window&) = delete;
    ~Window() { std::free(numbers); }

    void clear() { std::memset(numbers, 0, (edges - numbers) * sizeof(double)); }
    void advance(int64_t by) { std::memmove(numbers, numbers + by * width, (taps - 1) * width * sizeof(double)); }
};

struct Filter {
    const double* weights;
    int64_t radius, taps;
    bool odd;  // these sum differences, as in SciPy: what is the same on either side counts for nothing, to the last digit

    Filter(const double* weights, int64_t radius) : weights(weights), radius(radius), taps(2 * radius + 1), odd(true) {
        for (int64_t j = 0; j < radius; ++j) odd &= weights[j] == -weights[2 * radius - j];
    }
};

// sums[i] = Σ weights[j] x[i + j], of C vectors in each of ROWS rows.
template <int C>
INLINE void correlate_tile(const double* x, const Filter& filter, int64_t width, double* sums) {
    V sum[ROWS][C] = {};
    // No product is made that a sum doesn't have: zero times NaN would be one.
    const auto add = [&](int64_t q, bool all) __attribute__((always_inline)) {
        V row[C];
        for (int c = 0; c < C; ++c) row[c] = load<V>(x + q * width + c * LANES);
        for (int r = 0; r < ROWS; ++r)
            if (all || (q >= r && q - r < filter.taps))
                for (int c = 0; c < C; ++c) sum[r][c] += filter.weights[q - r] * row[c];
    };
    for (int64_t q = 0; q < ROWS - 1; ++q) add(q, false);
    for (int64_t q = ROWS - 1; q < filter.taps; ++q) add(q, true);
    for (int64_t q = most(filter.taps, ROWS - 1); q < filter.taps + ROWS - 1; ++q) add(q, false);
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < C; ++c) store(sums + r * width + c * LANES, sum[r][c]);
}

// The same of N vectors at a distance of `next`: N rows, or one that reaches over several where they are narrow.
template <int N>
INLINE void correlate_odd(const double* x, const Filter& filter, int64_t width, int64_t next, double* sums) {
    const int64_t radius = filter.radius;
    V sum[N];
    for (int n = 0; n < N; ++n) sum[n] = filter.weights[radius] * load<V>(x + radius * width + n * next);
    for (int64_t j = 0; j < radius; ++j)
        for (int n = 0; n < N; ++n) {
            const double *before = x + j * width + n * next, *after = x + (2 * radius - j) * width + n * next;
            sum[n] += filter.weights[j] * (load<V>(before) - load<V>(after));
        }
    for (int n = 0; n < N; ++n) store(sums + n * next, sum[n]);
}

INLINE void correlate_run(const double* x, const Filter& filter, int64_t width, double* sums) {
    V sum[RUN] = {};
    for (int64_t j = 0; j < filter.taps; ++j)
        for (int n = 0; n < RUN; ++n) sum[n] += filter.weights[j] * load<V>(x + j * width + n * LANES);
    for (int n = 0; n < RUN; ++n) store(sums + n * LANES, sum[n]);
}

// Narrow rows; `rows` of them.
void correlate_runs(const Window& window, const Filter& filter, int64_t rows) {
    const int64_t width = window.width;
    for (int64_t i = 0; i < rows * width; i += RUN * LANES)
        if (filter.odd)
            correlate_odd<RUN>(window.numbers + i, filter, width, LANES, window.sums + i);
        else
            correlate_run(window.numbers + i, filter, width, window.sums + i);
}

void correlate_tiles(const Window& window, const Filter& filter, int64_t rows) {
    const int64_t width = window.width, pairs = width - width % (2 * LANES);
    for (int64_t i = 0; i < rows * width; i += ROWS * width) {
        const double* x = window.numbers + i;
        double* sums = window.sums + i;
        if (filter.odd) {
            for (int64_t c = 0; c < width; c += LANES) correlate_odd<ROWS>(x + c, filter, width, width, sums + c);
            continue;
        }
        for (int64_t c = 0; c < pairs; c += 2 * LANES) correlate_tile<2>(x + c, filter, width, sums + c);
        if (pairs < width) correlate_tile<1>(x + pairs, filter, width, sums + pairs);
    }
}

void correlate_window(const Window& window, const Filter& filter, int64_t rows) {
    window.width < LANES ? correlate_runs(window, filter, rows) : correlate_tiles(window, filter, rows);
}

// `read(first, end, to)` gets rows, of which there are `taps - 1` more than results; `use(first, rows)` makes these.
template <class Read, class Use>
INLINE void pass(Window& window, int64_t count, Read read, Use use) {
    const int64_t kept = window.taps - 1;
    read(0, kept, window.numbers);
    for (int64_t i = 0; i < count; i += window.rows) {
        const int64_t rows = least(window.rows, count - i);
        read(i + kept, i + kept + rows, window.numbers + kept * window.width);
        use(i, rows);
        window.advance(rows);
    }
}

template <class From, class To>
INLINE void copy_rows(const From* from, int64_t from_step, To* to, int64_t to_step, int64_t rows, int64_t columns) {
    if (columns == from_step && columns == to_step) columns *= rows, rows = 1;
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t c = 0; c < columns; ++c) to[i * to_step + c] = To(from[i * from_step + c]);
}

// Blocks of columns, one after the other through all items.
struct Blocks {
    int64_t columns, count, inner, item;

    explicit Blocks(const lines_shape& s)
        : columns(least(s.inner, COLUMNS)), count((s.inner + COLUMNS - 1) / COLUMNS), inner(s.inner),
          item(s.samples * s.inner) {}
    int64_t place(int64_t block) const { return block / count * item + block % count * COLUMNS; }
    int64_t size(int64_t block) const { return least(columns, inner - block % count * COLUMNS); }
};

// Rows of a block of an image, and beyond its borders those that stand there.
template <class T>
struct Extended {
    const T* image;
    int64_t columns;
    const int64_t* places;
    const lines_shape& shape;
    Window& window;

    void border(int64_t k, double* to) const {
        if (places[k] < 0)
            for (int64_t c = 0; c < columns; ++c) to[c] = shape.constant;
        else
            copy_rows(image + places[k] * shape.inner, shape.inner, to, window.width, 1, columns);
    }

    void keep_end() const {
        for (int64_t k = 0; k < shape.radius; ++k) border(shape.radius + k, window.edges + k * window.width);
    }

    void operator()(int64_t first, int64_t end, double* to) const {
        const int64_t radius = shape.radius, width = window.width, begun = first;
        for (; first < least(end, radius); ++first) border(first, to + (first - begun) * width);
        const int64_t inside = most(0, least(end, radius + shape.samples) - first);
        copy_rows(image + (first - radius) * shape.inner, shape.inner, to + (first - begun) * width, width, inside,
                  columns);
        first += inside;
        if (first < end)
            std::memcpy(to + (first - begun) * width, window.edges + (first - radius - shape.samples) * width,
                        (end - first) * width * sizeof(double));
    }
};

template <class T>
int correlate LINES(T) {
    const lines_shape& s = *shape;
    const Blocks blocks(s);
    Window window(2 * s.radius + 1, blocks.columns, s.samples, s.radius);
    if (!window.numbers) return 1;
    const Filter filter(weights, s.radius);
    for (int64_t block = s.begin; block < s.end; ++block) {
        const int64_t place = blocks.place(block), columns = blocks.size(block);
        const Extended<T> read{x + place, columns, places, s, window};
        read.keep_end();
        pass(window, s.samples, read, [&](int64_t i, int64_t rows) {
            correlate_window(window, filter, rows);
            copy_rows(window.sums, window.width, y + place + i * s.inner, s.inner, rows, columns);
        });
    }
    return 0;
}

// The image between zeros, correlated as far as that reaches beyond the border; what comes out there is added to the
// pixels that stand there. The weights are reversed.
template <class T>
int transposed LINES(T) {
    const lines_shape& s = *shape;
    const Blocks blocks(s);
    Window window(2 * s.radius + 1, blocks.columns, s.samples + 2 * s.radius, 2 * s.radius);
    if (!window.numbers) return 1;
    const Filter filter(weights, s.radius);
    const int64_t radius = s.radius, width = window.width;
    for (int64_t block = s.begin; block < s.end; ++block) {
        const int64_t place = blocks.place(block), columns = blocks.size(block);
        const T* from = x + place;
        T* to = y + place;
        const auto read = [&](int64_t first, int64_t end, double* at) {
            const int64_t inner_first = least(most(first, 2 * radius), end);
            const int64_t inner_end = most(inner_first, least(end, 2 * radius + s.samples));
            std::memset(at, 0, (inner_first - first) * width * sizeof(double));
            copy_rows(from + (inner_first - 2 * radius) * s.inner, s.inner, at + (inner_first - first) * width, width,
                      inner_end - inner_first, columns);
            std::memset(at + (inner_end - first) * width, 0, (end - inner_end) * width * sizeof(double));
        };
        const auto use = [&](int64_t first, int64_t rows) {
            correlate_window(window, filter, rows);
            const int64_t before = most(0, least(rows, radius - first));
            const int64_t after = most(0, least(rows, first + rows - radius - s.samples));
            const double* sums = window.sums;
            copy_rows(sums, width, window.edges + first * width, width, before, columns);
            copy_rows(sums + before * width, width, to + (first + before - radius) * s.inner, s.inner,
                      rows - before - after, columns);
            copy_rows(sums + (rows - after) * width, width, window.edges + (first + rows - after - s.samples) * width,
                      width, after, columns);
        };
        pass(window, s.samples + 2 * radius, read, use);
        for (int64_t k = 0; k < 2 * radius; ++k) {
            if (places[k] < 0) continue;
            T* pixels = to + places[k] * s.inner;
            for (int64_t c = 0; c < columns; ++c) pixels[c] = T(pixels[c] + window.edges[k * width + c]);
        }
    }
    return 0;
}

// sums[r] += Σ g[i] x[i + r steps].
template <int R>
INLINE void add_products(const double* g, const double* x, int64_t count, int64_t step, double* sums) {
    V sum[R] = {};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const V incoming = load<V>(g + i);
        for (int r = 0; r < R; ++r) sum[r] += incoming * load<V>(x + i + r * step);
    }
    for (int r = 0; r < R; ++r) {
        for (int64_t k = 0; k < LANES; ++k) sums[r] += sum[r][k];
        for (int64_t k = i; k < count; ++k) sums[r] += g[k] * x[k + r * step];
    }
}

// The products of `g` with the image, shifted by each place of the weights.
template <class T>
int products PRODUCTS(T) {
    const lines_shape& s = *shape;
    const Blocks blocks(s);
    Window window(2 * s.radius + 1, blocks.columns, s.samples, s.radius);
    if (!window.numbers) return 1;
    for (int64_t block = s.begin; block < s.end; ++block) {
        const int64_t place = blocks.place(block), columns = blocks.size(block), width = window.width;
        if (columns < blocks.columns) window.clear();  // of columns that this block hasn't
        const Extended<T> read{x + place, columns, places, s, window};
        read.keep_end();
        pass(window, s.samples, read, [&](int64_t i, int64_t rows) {
            copy_rows(g + place + i * s.inner, s.inner, window.sums, width, rows, columns);
            int64_t j = 0;
            for (; j + RUN <= window.taps; j += RUN)
                add_products<RUN>(window.sums, window.numbers + j * width, rows * width, width, sums + j);
            for (; j < window.taps; ++j)
                add_products<1>(window.sums, window.numbers + j * width, rows * width, width, sums + j);
        });
    }
    return 0;
}

}  // namespace

extern "C" {
extern const lines_table TABLE;
const lines_table TABLE = {correlate<double>,  correlate<float>, transposed<double>,
                           transposed<float>, products<double>, products<float>};
}
