/* Sixteen float32 numbers at a time, in GCC's and Clang's vector extension: one source for AVX-512, AVX2 and NEON.
 *
 * All arithmetic is float32. Tensors come as float32 or bfloat16 (`half` says which); bfloat16 is widened when read
 * and rounded to the nearest even when written, as torch does.
 */
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#define W 16
#define ALWAYS static inline __attribute__((always_inline))
typedef float f16v __attribute__((vector_size(4 * W)));
typedef int32_t i16v __attribute__((vector_size(4 * W)));
typedef uint32_t u16v __attribute__((vector_size(4 * W)));
typedef uint16_t h16v __attribute__((vector_size(2 * W)));
typedef f16v f16u __attribute__((aligned(4), may_alias));
typedef h16v h16u __attribute__((aligned(2), may_alias));

static inline f16v all(float x) { return x - (f16v){0}; }
static inline f16v pick(i16v yes, f16v a, f16v b) { return (f16v)(((i16v)a & yes) | ((i16v)b & ~yes)); }
static inline f16v widened(h16v x) { return (f16v)(__builtin_convertvector(x, u16v) << 16); }
static inline h16v narrowed(f16v x) {
    u16v bits = (u16v)x;
    return __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, h16v);
}

/* Sixteen numbers from the place `at` of a tensor. */
static inline f16v load(const void *from, int64_t at, int half) {
    if (half) return widened(*(const h16u *)((const uint16_t *)from + at));
    return *(const f16u *)((const float *)from + at);
}
static inline void store(void *to, int64_t at, f16v x, int half) {
    if (half) *(h16u *)((uint16_t *)to + at) = narrowed(x);
    else *(f16u *)((float *)to + at) = x;
}

/* Only the first `n` of them; those that are not read are 0. */
static inline f16v load_some(const void *from, int64_t at, int n, int half) {
    f16v wide = {0};
    h16v small = {0};
    if (n == W) return load(from, at, half);
    if (!half) {
        memcpy(&wide, (const float *)from + at, 4 * n);
        return wide;
    }
    memcpy(&small, (const uint16_t *)from + at, 2 * n);
    return widened(small);
}
static inline void store_some(void *to, int64_t at, f16v x, int n, int half) {
    h16v small;
    if (n == W) store(to, at, x, half);
    else if (half) small = narrowed(x), memcpy((uint16_t *)to + at, &small, 2 * n);
    else memcpy((float *)to + at, &x, 4 * n);
}

static inline int rest(int64_t at, int64_t end) { return end - at < W ? (int)(end - at) : W; }

#if defined(__clang__)
#define TURN(x, by) \
    __builtin_shufflevector(x, x, (0 + by) % W, (1 + by) % W, (2 + by) % W, (3 + by) % W, (4 + by) % W, (5 + by) % W, (6 + by) % W, \
                            (7 + by) % W, (8 + by) % W, (9 + by) % W, (10 + by) % W, (11 + by) % W, (12 + by) % W, (13 + by) % W,   \
                            (14 + by) % W, (15 + by) % W)
#else
#define TURN(x, by) __builtin_shuffle(x, (LANE + by) & (W - 1))
#endif
static const i16v LANE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static inline float sum(f16v x) {
    x += TURN(x, 8);
    x += TURN(x, 4);
    x += TURN(x, 2);
    x += TURN(x, 1);
    return x[0];
}
static inline f16v larger(f16v a, f16v b) { return pick(a > b, a, b); }
static inline float largest(f16v x) {
    x = larger(x, TURN(x, 8));
    x = larger(x, TURN(x, 4));
    x = larger(x, TURN(x, 2));
    x = larger(x, TURN(x, 1));
    return x[0];
}

/* e^x to about one unit in the last place, for x up to 88; below -87 it is 0. */
static inline f16v exp16(f16v x) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    i16v gone = x < -87.0f;
    f16v shifted = x * 1.44269504f + magic, n = shifted - magic;
    f16v r = x - n * 0.693145752f - n * 1.42860677e-6f;
    f16v p = all(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    f16v power = (f16v)(((i16v)shifted - 0x4B400000 + 127) << 23);
    return pick(gone, (f16v){0}, p * power);
}

/* Numbers too small for full precision count as 0 inside a kernel: each would cost a hundred times as much. */
typedef struct {
    unsigned kept;
} flush_t;
static inline flush_t flush_on(void) {
    flush_t state = {0};
#if defined(__SSE__)
    state.kept = _mm_getcsr();
    _mm_setcsr(state.kept | 0x8040);
#endif
    return state;
}
static inline void flush_off(flush_t state) {
#if defined(__SSE__)
    _mm_setcsr(state.kept);
#endif
    (void)state;
}

/* Noise is a function of (key, row, column): no mask is kept, and threads change nothing. 16 bits decide an entry.
 * The mixing is Wellons' "lowbias32" (nullprogram.com/blog/2018/07/31, public domain). dropout.py has it in torch. */
static inline uint32_t mixed(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}
static inline uint32_t row_key(uint32_t key, uint32_t row) { return mixed(mixed(row + 0x9e3779b9u) ^ key); }

/* All bits where an entry of the columns `at` to `at + 15` (`at` a multiple of 16) of a row is kept. Words are drawn
 * for columns 8 apart: the low half decides the first eight, the high half the others. */
static inline i16v kept16(uint32_t row, int64_t at, uint32_t dropped) {
    static const u16v lane = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    static const u16v shift = {0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16};
    u16v x = (lane + (uint32_t)(at / 2)) * 0x9e3779b9u ^ row;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x ^= x >> 16;
    return (i16v)(((x >> shift) & 0xffff) >= dropped);
}
