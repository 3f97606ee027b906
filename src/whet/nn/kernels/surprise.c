/* How surprised a language head is: the negative log-likelihood of the next tokens, and its gradient in place. */
#include "common.h"

#define WORDS for (int64_t c = 0; c < words; c += W)

/* Sixteen logits; what lies beyond the last word is so low that it counts for nothing. */
static inline f16v told(const void *logits, int64_t at, int64_t c, int64_t words, int half) {
    return pick(LANE + (int32_t)c < (int32_t)words, load_some(logits, at + c, rest(c, words), half), all(-3e38f));
}

ALWAYS void surprise_row(void *logits, int64_t at, int64_t truth, float *nll, const float *factor, int64_t words, int half) {
    f16v most = all(-3e38f), total = {0};
    WORDS most = larger(told(logits, at, c, words, half), most);
    const float top = largest(most), right = load_some(logits, at + truth, 1, half)[0];
    WORDS total += exp16(told(logits, at, c, words, half) - top);
    const float whole = sum(total);
    *nll = logf(whole) + top - right;
    if (!factor) return;
    const float share = *factor / whole;
    WORDS store_some(logits, at + c, exp16(told(logits, at, c, words, half) - top) * share, rest(c, words), half);
    store_some(logits, at + truth, exp16(all(right - top)) * share - *factor, 1, half);
}

/* `logits` [rows, words]; nll[r] = log(sum(exp(logits[r]))) - logits[r][truth[r]]. With `factors` (one a row), logits
 * become their own gradient times the row's factor. */
void whet_surprise(void *logits, const int64_t *truth, float *nll, const float *factors, int64_t rows, int64_t words, int half, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; r++) {
        const float *factor = factors ? factors + r : NULL;
        if (half) surprise_row(logits, r * words, truth[r], nll + r, factor, words, 1);
        else surprise_row(logits, r * words, truth[r], nll + r, factor, words, 0);
    }
}
