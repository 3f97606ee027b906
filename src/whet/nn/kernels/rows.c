/* Row by row: layer norm (with dropout and the residual before it), RMS norm, dropout, GELU, SwiGLU.
 *
 * Widths are multiples of 16. Every kernel is written once, and made once for float32 and once for bfloat16.
 */
#include "common.h"

#define BY_TYPE(work) \
    if (half) { work(1); } else { work(0); }
#define ROWS _Pragma("omp parallel for schedule(static) num_threads(threads)") for (int64_t r = 0; r < rows; r++)
#define COLUMNS for (int64_t c = 0; c < width; c += W)
#define FLAT _Pragma("omp parallel for schedule(static) num_threads(threads)") for (int64_t c = 0; c < count; c += W)

/* One row of norm(dropout(x + bias) + residual) * gain + shift; `summed` (x itself is allowed) is the norm's input, and
 * not written where there is no residual. `stats` become the mean and 1 / deviation. */
ALWAYS void norm_row(const void *x, const float *bias, const void *residual, const float *gain, const float *shift, void *out, void *summed, float *stats,
                     int64_t from, int64_t width, float eps, uint32_t dropped, float inverse, uint32_t noise, int half) {
    f16v first = {0}, second = {0};
    const void *read = residual ? summed : x;
    if (residual) COLUMNS {
            f16v v = load(x, from + c, half);
            if (bias) v += load(bias, c, 0);
            if (dropped) v = pick(kept16(noise, c, dropped), v * inverse, (f16v){0});
            v += load(residual, from + c, half);
            store(summed, from + c, v, half);
            first += v;
        }
    else COLUMNS first += load(x, from + c, half);
    const float mean = sum(first) / width;
    COLUMNS {
        f16v v = load(read, from + c, half) - mean;
        second += v * v;
    }
    const float scale = 1.0f / sqrtf(sum(second) / width + eps);
    COLUMNS store(out, from + c, (load(read, from + c, half) - mean) * scale * load(gain, c, 0) + load(shift, c, 0), half);
    stats[0] = mean;
    stats[1] = scale;
}

void whet_norm(const void *x, const float *bias, const void *residual, const float *gain, const float *shift, void *out, void *summed, float *stats,
               int64_t rows, int64_t width, float eps, uint32_t dropped, float inverse, uint32_t key, int half, int threads) {
#define WORK(half)                                                                                                       \
    ROWS norm_row(x, bias, residual, gain, shift, out, summed, stats + 2 * r, r * width, width, eps, dropped, inverse,   \
                  row_key(key, (uint32_t)r), half)
    BY_TYPE(WORK)
#undef WORK
}

/* Gradients of one row: `to_summed` (also the residual's), `to_x` (NULL where it would be the same; `summed` itself is
 * allowed), and what the row adds to those of gain, shift and bias (NULL where there is none). */
ALWAYS void norm_row_back(const void *grad, const void *summed, const float *gain, const float *stats, void *to_summed, void *to_x,
                          float *to_gain, float *to_shift, float *to_bias, int64_t from, int64_t width, uint32_t dropped, float inverse,
                          uint32_t noise, int half) {
    const float mean = stats[0], scale = stats[1];
    f16v first = {0}, second = {0};
    COLUMNS {
        f16v g = load(grad, from + c, half), normed = (load(summed, from + c, half) - mean) * scale, felt = g * load(gain, c, 0);
        store(to_gain, c, load(to_gain, c, 0) + g * normed, 0);
        store(to_shift, c, load(to_shift, c, 0) + g, 0);
        first += felt;
        second += felt * normed;
    }
    const float a = sum(first) / width, b = sum(second) / width;
    COLUMNS {
        f16v normed = (load(summed, from + c, half) - mean) * scale;
        f16v d = (load(grad, from + c, half) * load(gain, c, 0) - a - normed * b) * scale;
        store(to_summed, from + c, d, half);
        if (dropped) d = pick(kept16(noise, c, dropped), d * inverse, (f16v){0});
        if (to_x) store(to_x, from + c, d, half);
        if (to_bias) store(to_bias, c, load(to_bias, c, 0) + d, 0);
    }
}

/* Sums over rows are taken a thread at a time in `parts` [threads, each], then in the threads' order. */
static void added_up(const float *parts, float *to, int64_t width, int64_t each, int threads) {
    COLUMNS {
        f16v total = {0};
        for (int64_t thread = 0; thread < threads; thread++) total += load(parts, each * thread + c, 0);
        store(to, c, total, 0);
    }
}

#define PARTS _Pragma("omp parallel for schedule(static) num_threads(threads)") for (int64_t part = 0; part < threads; part++)
#define OWN_ROWS for (int64_t r = rows * part / threads; r < rows * (part + 1) / threads; r++)

/* `parts` has room for [threads, 3, width]. */
void whet_norm_backward(const void *grad, const void *summed, const float *gain, const float *stats, void *to_summed, void *to_x,
                        float *parts, float *to_gain, float *to_shift, float *to_bias, int64_t rows, int64_t width, uint32_t dropped,
                        float inverse, uint32_t key, int half, int threads) {
    const int64_t each = 3 * width;
    memset(parts, 0, sizeof(float) * each * threads);
#define WORK(half)                                                                                                                  \
    PARTS OWN_ROWS norm_row_back(grad, summed, gain, stats + 2 * r, to_summed, to_x, parts + each * part,                           \
                                 parts + each * part + width, to_bias ? parts + each * part + 2 * width : NULL, r * width, width,   \
                                 dropped, inverse, row_key(key, (uint32_t)r), half)
    BY_TYPE(WORK)
#undef WORK
    added_up(parts, to_gain, width, each, threads);
    added_up(parts + width, to_shift, width, each, threads);
    if (to_bias) added_up(parts + 2 * width, to_bias, width, each, threads);
}

ALWAYS void rms_row(const void *x, const float *gain, void *out, float *stat, int64_t from, int64_t width, float eps, int half) {
    f16v squares = {0};
    COLUMNS {
        f16v v = load(x, from + c, half);
        squares += v * v;
    }
    const float scale = *stat = 1.0f / sqrtf(sum(squares) / width + eps);
    COLUMNS store(out, from + c, load(x, from + c, half) * scale * load(gain, c, 0), half);
}

/* x * gain / its root mean square. */
void whet_rms(const void *x, const float *gain, void *out, float *stats, int64_t rows, int64_t width, float eps, int half,
              int threads) {
#define WORK(half) ROWS rms_row(x, gain, out, stats + r, r * width, width, eps, half)
    BY_TYPE(WORK)
#undef WORK
}

ALWAYS void rms_row_back(const void *grad, const void *x, const float *gain, float scale, void *to_x, float *to_gain, int64_t from,
                         int64_t width, int half) {
    f16v second = {0};
    COLUMNS {
        f16v g = load(grad, from + c, half), normed = load(x, from + c, half) * scale;
        store(to_gain, c, load(to_gain, c, 0) + g * normed, 0);
        second += g * load(gain, c, 0) * normed;
    }
    const float b = sum(second) / width;
    COLUMNS {
        f16v normed = load(x, from + c, half) * scale;
        store(to_x, from + c, (load(grad, from + c, half) * load(gain, c, 0) - normed * b) * scale, half);
    }
}

void whet_rms_backward(const void *grad, const void *x, const float *gain, const float *stats, void *to_x, float *parts, float *to_gain,
                       int64_t rows, int64_t width, int half, int threads) {
    memset(parts, 0, sizeof(float) * width * threads);
#define WORK(half) PARTS OWN_ROWS rms_row_back(grad, x, gain, stats[r], to_x, parts + width * part, r * width, width, half)
    BY_TYPE(WORK)
#undef WORK
    added_up(parts, to_gain, width, width, threads);
}

/* x, or its gradient: kept entries times `inverse`, the others 0. */
void whet_dropout(const void *x, void *out, int64_t rows, int64_t width, uint32_t dropped, float inverse, uint32_t key, int half,
                  int threads) {
#define WORK(half)                                                                                                          \
    ROWS {                                                                                                                  \
        const uint32_t noise = row_key(key, (uint32_t)r);                                                                   \
        COLUMNS store(out, r * width + c,                                                                                   \
                      pick(kept16(noise, c, dropped), load(x, r * width + c, half) * inverse, (f16v){0}), half);            \
    }
    BY_TYPE(WORK)
#undef WORK
}

/* The share of a normal distribution below x, and its density there, by formula 7.1.26 of Abramowitz and Stegun for
 * the error function (error below 1.5e-7). */
ALWAYS f16v normal(f16v x, f16v *density) {
    const f16v power = exp16(-0.5f * x * x), size = (f16v)((i16v)x & 0x7fffffff);
    const f16v t = 1.0f / (1.0f + 0.231641888f * size);
    f16v p = t * 0.5307027145f - 0.7265760135f;
    p = p * t + 0.7107068705f;
    p = p * t - 0.142248368f;
    p = (p * t + 0.127414796f) * t * power;
    *density = power * 0.39894228f;
    return pick(x < 0.0f, p, 1.0f - p);
}

/* gelu(x + bias); bias may be NULL. */
void whet_gelu(const void *x, const float *bias, void *out, int64_t rows, int64_t width, int half, int threads) {
#define WORK(half)                                                  \
    ROWS COLUMNS {                                                  \
        f16v density, v = load(x, r * width + c, half);             \
        if (bias) v += load(bias, c, 0);                            \
        store(out, r * width + c, v * normal(v, &density), half);   \
    }
    BY_TYPE(WORK)
#undef WORK
}

/* Gradients of the same; to_x may be x itself. `parts` has room for [threads, width]. */
void whet_gelu_backward(const void *grad, const void *x, const float *bias, void *to_x, float *parts, float *to_bias, int64_t rows,
                        int64_t width, int half, int threads) {
    if (bias) memset(parts, 0, sizeof(float) * width * threads);
#define WORK(half)                                                                                                  \
    PARTS OWN_ROWS COLUMNS {                                                                                        \
        float *own = parts + width * part;                                                                          \
        f16v density, v = load(x, r * width + c, half);                                                             \
        if (bias) v += load(bias, c, 0);                                                                            \
        f16v share = normal(v, &density), d = load(grad, r * width + c, half) * (share + v * density);              \
        store(to_x, r * width + c, d, half);                                                                        \
        if (bias) store(own, c, load(own, c, 0) + d, 0);                                                            \
    }
    BY_TYPE(WORK)
#undef WORK
    if (bias) added_up(parts, to_bias, width, width, threads);
}

/* silu(gate) * up and its gradients; e^-gate is cut off at e^80. */
ALWAYS f16v logistic(f16v x) { return 1.0f / (1.0f + exp16(pick(x < -80.0f, all(80.0f), -x))); }

void whet_swiglu(const void *gate, const void *up, void *out, int64_t count, int half, int threads) {
#define WORK(half)                                                          \
    FLAT {                                                                  \
        f16v g = load(gate, c, half);                                       \
        store(out, c, g * logistic(g) * load(up, c, half), half);           \
    }
    BY_TYPE(WORK)
#undef WORK
}

void whet_swiglu_backward(const void *grad, const void *gate, const void *up, void *to_gate, void *to_up, int64_t count, int half,
                          int threads) {
#define WORK(half)                                                                                       \
    FLAT {                                                                                               \
        f16v g = load(gate, c, half), d = load(grad, c, half), share = logistic(g);                      \
        store(to_up, c, d * g * share, half);                                                            \
        store(to_gate, c, d * load(up, c, half) * share * (1.0f + g * (1.0f - share)), half);            \
    }
    BY_TYPE(WORK)
#undef WORK
}
