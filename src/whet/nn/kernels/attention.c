/* Attention inside each example of a flat row: nothing is padded, moved or kept but one number a query and head.
 *
 * A task is one example with one head of keys (and all heads of queries that share it). Queries go in blocks of
 * `BLOCK`; a block's scores over all keys stand at once, in the processor's own cache at the lengths that matter.
 * The backward pass makes the scores anew from `lse`, the logarithm of each query's sum (after Dao et al. 2022).
 */
#include "common.h"

#if defined(__AVX512F__)
#define BLOCK 8
#else
#define BLOCK 4
#endif
#define LOW -1e30f

typedef struct {
    const void *data;
    int64_t token, head; /* numbers from one token, and from one head, to the next */
} side_t;

typedef struct {
    int64_t d, wide; /* a head's width, and that width in whole vectors */
    int causal, half;
    int64_t window; /* 0: none */
    float scale, inverse;
    uint32_t dropped, key;
} how_t;

static inline f16v vec(const float *place) { return *(const f16u *)place; }
static inline int64_t up(int64_t n) { return (n + W - 1) / W * W; }

/* `count` tokens of `heads` heads as float32, [heads, room, wide]: token by token, as they lie in memory. */
static void copied(float *to, side_t from, int64_t first, int64_t head, int64_t heads, int64_t count, int64_t room, const how_t *how) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t h = 0; h < heads; h++) {
            const int64_t at = (first + i) * from.token + (head + h) * from.head;
            float *row = to + (h * room + i) * how->wide;
            for (int64_t c = 0; c < how->d; c += W) store(row, c, load_some(from.data, at + c, rest(c, how->d), how->half), 0);
        }
}

/* [count, wide] as [wide, long]: the rest of a row of `long` stays 0. */
static void turned(float *to, const float *from, int64_t count, int64_t length, int64_t wide) {
    for (int64_t c = 0; c < wide; c++) {
        float *row = to + c * length;
        for (int64_t j = 0; j < count; j++) row[j] = from[j * wide + c];
        for (int64_t j = count; j < length; j++) row[j] = 0;
    }
}

/* out[i][c] += sum of weights[i][k] * rows[k][c] for a block of rows i, with k from `first` to `last` and whole vectors
 * of columns c from `left` to `right`; the three tensors' rows are `out_step`, `step` and `row_step` apart. */
static void multiplied(float *out, int64_t out_step, const float *weights, int64_t step, const float *rows, int64_t row_step,
                       int64_t first, int64_t last, int64_t left, int64_t right) {
    for (int64_t c = left; c < right; c += 2 * W) {
        const int two = c + W < right;
        f16v a[BLOCK], b[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            a[i] = vec(out + i * out_step + c);
            b[i] = two ? vec(out + i * out_step + c + W) : (f16v){0};
        }
        for (int64_t k = first; k < last; k++) {
            f16v r = vec(rows + k * row_step + c), s = two ? vec(rows + k * row_step + c + W) : (f16v){0};
            for (int i = 0; i < BLOCK; i++) {
                a[i] += weights[i * step + k] * r;
                b[i] += weights[i * step + k] * s;
            }
        }
        for (int i = 0; i < BLOCK; i++) {
            *(f16u *)(out + i * out_step + c) = a[i];
            if (two) *(f16u *)(out + i * out_step + c + W) = b[i];
        }
    }
}

/* scores[i][j] = rows[i] . turned[:, j], in whole vectors of keys j from `left` to `right`. */
static void scored(float *scores, const float *rows, const float *turned, int64_t wide, int64_t length, int64_t left, int64_t right) {
    for (int i = 0; i < BLOCK; i++) memset(scores + i * length + left, 0, sizeof(float) * (right - left));
    multiplied(scores, length, rows, wide, turned, length, 0, wide, left, right);
}

/* to[j] += sum over the block of weights[i][j] * rows[i]. */
static void spread(float *to, const float *weights, const float *rows, int64_t wide, int64_t length, int64_t first, int64_t last) {
    for (int64_t c = 0; c < wide; c += W) {
        f16v r[BLOCK];
        for (int i = 0; i < BLOCK; i++) r[i] = vec(rows + i * wide + c);
        for (int64_t j = first; j < last; j++) {
            f16v t = vec(to + j * wide + c);
            for (int i = 0; i < BLOCK; i++) t += weights[i * length + j] * r[i];
            *(f16u *)(to + j * wide + c) = t;
        }
    }
}

/* Which keys a query may see: from `first` to `last`. A query beyond the example's end sees what the last one sees. */
static void seen(const how_t *how, int64_t query, int64_t keys, int64_t *first, int64_t *last) {
    *first = 0, *last = keys;
    if (how->causal && query + 1 < keys) *last = query + 1;
    if (how->window && query - how->window + 1 > 0) *first = query - how->window + 1;
    if (how->window && !how->causal && query + how->window < keys) *last = query + how->window;
    if (*first > *last) *first = *last;
}

static void block_seen(const how_t *how, int64_t query, int64_t last_query, int64_t keys, int64_t *first, int64_t *last) {
    int64_t unused;
    seen(how, query, keys, first, &unused);
    seen(how, last_query, keys, &unused, last);
    *first = *first / W * W;
}

/* Scores at the keys from `j` on, very low outside of those that a query may see. */
static inline f16v shown(const float *row, int64_t j, int64_t first, int64_t last) {
    const i16v place = LANE + (int32_t)j;
    return pick((place >= (int32_t)first) & (place < (int32_t)last), vec(row + j), all(LOW));
}

/* What a task works on: one example, and some heads of keys with all heads of queries that share them. */
typedef struct {
    int64_t q0, queries, k0, keys, kv, kv_heads, repeats, heads, all_kv;
} task_t;

static void forward_task(side_t q, side_t k, side_t v, void *out, float *lse, const task_t *task, const how_t *how, float *room) {
    const int64_t wide = how->wide, keys = task->keys, length = up(keys), kv_heads = task->kv_heads, first = task->kv * task->repeats,
                  heads = kv_heads * task->repeats;
    float *kr = room, *vr = kr + kv_heads * keys * wide, *kt = vr + kv_heads * keys * wide, *qb = kt + kv_heads * wide * length,
          *scores = qb + heads * BLOCK * wide, *ob = scores + BLOCK * length;
    copied(kr, k, task->k0, task->kv, kv_heads, keys, keys, how);
    copied(vr, v, task->k0, task->kv, kv_heads, keys, keys, how);
    for (int64_t h = 0; h < kv_heads; h++) turned(kt + h * wide * length, kr + h * keys * wide, keys, length, wide);
    memset(qb, 0, sizeof(float) * heads * BLOCK * wide);
    for (int64_t i0 = 0; i0 < task->queries; i0 += BLOCK) {
        const int64_t count = task->queries - i0 < BLOCK ? task->queries - i0 : BLOCK;
        int64_t from, to;
        block_seen(how, i0, i0 + count - 1, keys, &from, &to);
        const int64_t whole = up(to);
        copied(qb, q, task->q0 + i0, first, heads, count, BLOCK, how);
        for (int64_t h = 0; h < heads; h++) {
            const int64_t kv = h / task->repeats;
            scored(scores, qb + h * BLOCK * wide, kt + kv * wide * length, wide, length, from, whole);
            float sums[BLOCK];
            for (int64_t i = 0; i < count; i++) {
                float *row = scores + i * length;
                const int64_t place = (task->q0 + i0 + i) * task->heads + first + h;
                int64_t lowest, last;
                seen(how, i0 + i, keys, &lowest, &last);
                f16v most = all(LOW), total = {0};
                for (int64_t j = from; j < whole; j += W) most = larger(shown(row, j, lowest, last), most);
                const float top = largest(most);
                const uint32_t noise = row_key(how->key, (uint32_t)place);
                for (int64_t j = from; j < whole; j += W) {
                    f16v p = exp16((shown(row, j, lowest, last) - top) * how->scale);
                    total += p;
                    if (how->dropped) p = pick(kept16(noise, j, how->dropped), p * how->inverse, (f16v){0});
                    *(f16u *)(row + j) = p;
                }
                sums[i] = sum(total);
                lse[place] = top * how->scale + logf(sums[i]);
            }
            memset(ob, 0, sizeof(float) * BLOCK * wide);
            multiplied(ob, wide, scores, length, vr + kv * keys * wide, wide, from, to, 0, wide);
            for (int64_t i = 0; i < count; i++)
                for (int64_t c = 0; c < how->d; c += W)
                    store_some(out, ((task->q0 + i0 + i) * task->heads + first + h) * how->d + c, vec(ob + i * wide + c) / sums[i],
                               rest(c, how->d), how->half);
        }
    }
}

/* dL/dscore of a block of rows, from the scores `p` and what reaches the weights `ds`; `p` become the weights used. */
static void softmax_back(float *p, float *ds, const float *lse, const task_t *task, const how_t *how, int64_t head, int64_t i0,
                         int64_t count, int64_t from, int64_t whole, int64_t length) {
    for (int64_t i = 0; i < count; i++) {
        float *pr = p + i * length, *dr = ds + i * length;
        const int64_t place = (task->q0 + i0 + i) * task->heads + head;
        int64_t lowest, last;
        seen(how, i0 + i, task->keys, &lowest, &last);
        const uint32_t noise = row_key(how->key, (uint32_t)place);
        f16v both = {0};
        for (int64_t j = from; j < whole; j += W) {
            f16v w = exp16(shown(pr, j, lowest, last) * how->scale - lse[place]), dw = vec(dr + j);
            if (how->dropped) *(f16u *)(dr + j) = dw = pick(kept16(noise, j, how->dropped), dw * how->inverse, (f16v){0});
            *(f16u *)(pr + j) = w;
            both += w * dw;
        }
        const float delta = sum(both);
        for (int64_t j = from; j < whole; j += W) {
            f16v w = vec(pr + j);
            *(f16u *)(dr + j) = w * (vec(dr + j) - delta) * how->scale;
            if (how->dropped) *(f16u *)(pr + j) = pick(kept16(noise, j, how->dropped), w * how->inverse, (f16v){0});
        }
    }
    for (int64_t i = count; i < BLOCK; i++)
        for (int64_t j = from; j < whole; j++) p[i * length + j] = ds[i * length + j] = 0;
}

static void backward_task(side_t q, side_t k, side_t v, side_t g, const float *lse, void *to_q, void *to_k, void *to_v,
                          const task_t *task, const how_t *how, float *room) {
    const int64_t wide = how->wide, d = how->d, keys = task->keys, length = up(keys), kv_heads = task->kv_heads,
                  first = task->kv * task->repeats, heads = kv_heads * task->repeats, each = keys * wide;
    float *kr = room, *vr = kr + kv_heads * each, *kt = vr + kv_heads * each, *vt = kt + kv_heads * wide * length,
          *dk = vt + kv_heads * wide * length, *dv = dk + kv_heads * each, *qb = dv + kv_heads * each, *gb = qb + heads * BLOCK * wide,
          *p = gb + heads * BLOCK * wide, *ds = p + BLOCK * length, *ob = ds + BLOCK * length;
    copied(kr, k, task->k0, task->kv, kv_heads, keys, keys, how);
    copied(vr, v, task->k0, task->kv, kv_heads, keys, keys, how);
    for (int64_t h = 0; h < kv_heads; h++) {
        turned(kt + h * wide * length, kr + h * each, keys, length, wide);
        turned(vt + h * wide * length, vr + h * each, keys, length, wide);
    }
    memset(dk, 0, sizeof(float) * 2 * kv_heads * each);
    memset(qb, 0, sizeof(float) * 2 * heads * BLOCK * wide);
    for (int64_t i0 = 0; i0 < task->queries; i0 += BLOCK) {
        const int64_t count = task->queries - i0 < BLOCK ? task->queries - i0 : BLOCK;
        int64_t from, to;
        block_seen(how, i0, i0 + count - 1, keys, &from, &to);
        const int64_t whole = up(to);
        copied(qb, q, task->q0 + i0, first, heads, count, BLOCK, how);
        copied(gb, g, task->q0 + i0, first, heads, count, BLOCK, how);
        for (int64_t h = 0; h < heads; h++) {
            const int64_t kv = h / task->repeats;
            const float *qh = qb + h * BLOCK * wide, *gh = gb + h * BLOCK * wide;
            scored(p, qh, kt + kv * wide * length, wide, length, from, whole);
            scored(ds, gh, vt + kv * wide * length, wide, length, from, whole);
            softmax_back(p, ds, lse, task, how, first + h, i0, count, from, whole, length);
            spread(dv + kv * each, p, gh, wide, length, from, to);
            spread(dk + kv * each, ds, qh, wide, length, from, to);
            memset(ob, 0, sizeof(float) * BLOCK * wide);
            multiplied(ob, wide, ds, length, kr + kv * each, wide, from, to, 0, wide);
            for (int64_t i = 0; i < count; i++)
                for (int64_t c = 0; c < d; c += W)
                    store_some(to_q, ((task->q0 + i0 + i) * task->heads + first + h) * d + c, vec(ob + i * wide + c), rest(c, d), how->half);
        }
    }
    for (int64_t j = 0; j < keys; j++)
        for (int64_t h = 0; h < kv_heads; h++)
            for (int64_t c = 0; c < d; c += W) {
                const int64_t at = ((task->k0 + j) * task->all_kv + task->kv + h) * d + c;
                store_some(to_k, at, vec(dk + h * each + j * wide + c), rest(c, d), how->half);
                store_some(to_v, at, vec(dv + h * each + j * wide + c), rest(c, d), how->half);
            }
}

/* Queries [tokens, heads, d], keys and values [tokens, kv_heads, d], each with its own steps from token to token and
 * head to head (`steps`, two a tensor, the gradient's last); `starts` and `key_starts` [examples + 1]; out [tokens,
 * heads, d] in one piece, lse [tokens, heads]. With `grad`, instead, to_q, to_k and to_v in one piece each. A task takes
 * all heads of an example, or one where examples are few. Returns 0, or 1 where there is no memory. */
int whet_attend(const void *q, const void *k, const void *v, void *out, float *lse, const void *grad, void *to_q, void *to_k,
                void *to_v, const int64_t *steps, const int64_t *starts, const int64_t *key_starts, int64_t examples, int64_t heads,
                int64_t repeats, int64_t d, int causal, int64_t window, float scale, uint32_t dropped, float inverse, uint32_t key,
                int half, int threads) {
    const how_t how = {d, up(d), causal, half, window, scale, inverse, dropped, key};
    const side_t qs = {q, steps[0], steps[1]}, ks = {k, steps[2], steps[3]}, vs = {v, steps[4], steps[5]}, gs = {grad, steps[6], steps[7]};
    const int64_t all_kv = heads / repeats, kv_heads = examples >= 4 * threads ? all_kv : 1, tasks = examples * (all_kv / kv_heads);
    int64_t most = 0, failed = 0;
    for (int64_t e = 0; e < examples; e++) {
        const int64_t keys = key_starts[e + 1] - key_starts[e];
        most = keys > most ? keys : most;
    }
    const int64_t length = up(most), wide = how.wide;
    const int64_t size = 6 * kv_heads * wide * length + 2 * BLOCK * length + (2 * kv_heads * repeats + 1) * BLOCK * wide;
#pragma omp parallel num_threads(threads)
    {
        float *room = aligned_alloc(64, (sizeof(float) * size + 63) / 64 * 64);
        if (!room) {
#pragma omp atomic write
            failed = 1;
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t n = 0; n < tasks; n++) {
            const int64_t e = n / (all_kv / kv_heads), kv = n % (all_kv / kv_heads) * kv_heads;
            const task_t task = {starts[e],  starts[e + 1] - starts[e], key_starts[e], key_starts[e + 1] - key_starts[e], kv, kv_heads,
                                 repeats, heads, all_kv};
            if (!room) continue;
            if (grad) backward_task(qs, ks, vs, gs, lse, to_q, to_k, to_v, &task, &how, room);
            else forward_task(qs, ks, vs, out, lse, &task, &how, room);
        }
        free(room);
    }
    return (int)failed;
}
