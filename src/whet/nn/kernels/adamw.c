/* AdamW (Loshchilov and Hutter 2019) over many tensors in one pass, and over the rows of a table that a step touches.
 *
 * A step's `rate` is the learning rate over the first moment's bias correction, `root` one over the square root of the
 * second's, `decay` one minus the learning rate times the weight decay. Gradients are multiplied by `scale` (clipping).
 */
#include "common.h"

#define PIECE 16384

typedef struct {
    float b1, b2, eps, scale;
} moments_t;

static inline f16v moved(float *p, float *m, float *v, f16v g, int n, float rate, float root, float decay, const moments_t *how) {
    f16v first = load_some(m, 0, n, 0), second = load_some(v, 0, n, 0), weight = load_some(p, 0, n, 0) * decay, square;
    first += (1 - how->b1) * (g - first);
    second = second * how->b2 + (1 - how->b2) * (g * g);
    for (int i = 0; i < W; i++) square[i] = sqrtf(second[i]);
    weight -= rate * first / (square * root + how->eps);
    store_some(m, 0, first, n, 0);
    store_some(v, 0, second, n, 0);
    store_some(p, 0, weight, n, 0);
    return weight;
}

/* `places` holds for each of `tensors` the addresses of weights, gradient, both moments, and of a copy of the weights
 * in bfloat16 (0 where there is none) that follows them; `counts` their lengths, `numbers` their rate, root and decay. */
void whet_adamw(const int64_t *places, const int64_t *counts, const float *numbers, int64_t tensors, float b1, float b2, float eps,
                float scale, int threads) {
    const moments_t how = {b1, b2, eps, scale};
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t thread = 0; thread < threads; thread++) {
        const flush_t state = flush_on();
        int64_t piece = 0;
        for (int64_t t = 0; t < tensors; t++) {
            float *p = (float *)places[5 * t], *g = (float *)places[5 * t + 1], *m = (float *)places[5 * t + 2],
                  *v = (float *)places[5 * t + 3];
            void *copy = (void *)places[5 * t + 4];
            const float rate = numbers[3 * t], root = numbers[3 * t + 1], decay = numbers[3 * t + 2];
            for (int64_t from = 0; from < counts[t]; from += PIECE, piece++) {
                if (piece % threads != thread) continue;
                const int64_t to = from + PIECE < counts[t] ? from + PIECE : counts[t];
                for (int64_t c = from; c < to; c += W) {
                    const int n = rest(c, to);
                    const f16v now = moved(p + c, m + c, v + c, load_some(g, c, n, 0) * scale, n, rate, root, decay, &how);
                    if (copy) store_some(copy, c, now, n, 1);
                }
            }
        }
        flush_off(state);
    }
}

/* The sum of squares of many tensors: of each piece in float32, of the pieces in float64 and in their order. `parts`
 * has room for all pieces. */
double whet_squares(const int64_t *places, const int64_t *counts, int64_t tensors, double *parts, int threads) {
    int64_t pieces = 0;
    for (int64_t t = 0; t < tensors; t++) pieces += (counts[t] + PIECE - 1) / PIECE;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t thread = 0; thread < threads; thread++) {
        int64_t piece = 0;
        for (int64_t t = 0; t < tensors; t++)
            for (int64_t from = 0; from < counts[t]; from += PIECE, piece++) {
                if (piece % threads != thread) continue;
                const float *g = (const float *)places[t];
                const int64_t to = from + PIECE < counts[t] ? from + PIECE : counts[t];
                f16v a = {0}, b = {0};
                for (int64_t c = from; c < to; c += 2 * W) {
                    f16v x = load_some(g, c, rest(c, to), 0), y = c + W < to ? load_some(g, c + W, rest(c + W, to), 0) : (f16v){0};
                    a += x * x;
                    b += y * y;
                }
                parts[piece] = sum(a + b);
            }
    }
    double total = 0;
    for (int64_t piece = 0; piece < pieces; piece++) total += parts[piece];
    return total;
}

/* A row through the steps `from` to `to` (of `history`, three numbers a step) in which it had no gradient. A motion of
 * less than 1e-10 of the rate is none: it is far below the last place of any weight. */
static void stood_by(float *p, float *m, float *v, int64_t width, const float *history, int64_t from, int64_t to, const moments_t *how) {
    for (int64_t c = 0; c < width; c += W) {
        const int n = rest(c, width);
        f16v first = load_some(m, c, n, 0), second = load_some(v, c, n, 0), weight = load_some(p, c, n, 0), square;
        const int untouched = sum(second) == 0; /* its memory is not written, so that the system need not provide it */
        for (int64_t step = from; step < to; step++) {
            first += (1 - how->b1) * (-first);
            second *= how->b2;
            weight *= history[3 * step + 2];
            i16v moving = first * first > 1e-20f * second;
            int any = 0;
            for (int i = 0; i < W; i++) any |= moving[i];
            if (!any) continue;
            for (int i = 0; i < W; i++) square[i] = sqrtf(second[i]);
            weight -= history[3 * step] * first / (square * history[3 * step + 1] + how->eps);
        }
        store_some(p, c, weight, n, 0);
        if (untouched) continue;
        store_some(m, c, first, n, 0);
        store_some(v, c, second, n, 0);
    }
}

/* Bring rows up to the present step, `now` steps after the history's first: `ids` (repeats allowed), or all `rows`
 * where ids is NULL. `last` says up to which step each row is; `work` has room for two numbers a row to be moved. */
void whet_rows_bring(float *p, float *m, float *v, int32_t *last, const int64_t *ids, int64_t count, int64_t width, const float *history,
                     int64_t now, int64_t *work, float b1, float b2, float eps, int threads) {
    const moments_t how = {b1, b2, eps, 1.0f};
    int64_t late = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = ids ? ids[i] : i;
        if (last[row] >= now) continue;
        work[2 * late] = row;
        work[2 * late++ + 1] = last[row];
        last[row] = (int32_t)now;
    }
#pragma omp parallel num_threads(threads)
    {
        const flush_t state = flush_on();
#pragma omp for schedule(dynamic, 16)
        for (int64_t i = 0; i < late; i++) {
            const int64_t row = work[2 * i] * width;
            stood_by(p + row, m + row, v + row, width, history, work[2 * i + 1], now, &how);
        }
        flush_off(state);
    }
}

/* One step of the rows `ids` (each once, and brought up to the step before) with their gradients [count, width]. */
void whet_rows_step(float *p, float *m, float *v, int32_t *last, const int64_t *ids, const float *grads, int64_t count, int64_t width,
                    float rate, float root, float decay, int64_t now, float b1, float b2, float eps, float scale, int threads) {
    const moments_t how = {b1, b2, eps, scale};
#pragma omp parallel num_threads(threads)
    {
        const flush_t state = flush_on();
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; i++) {
            const int64_t row = ids[i] * width;
            for (int64_t c = 0; c < width; c += W) {
                const int n = rest(c, width);
                f16v g = load_some(grads, i * width + c, n, 0) * scale;
                moved(p + row + c, m + row + c, v + row + c, g, n, rate, root, decay, &how);
            }
            last[ids[i]] = (int32_t)now;
        }
        flush_off(state);
    }
}
