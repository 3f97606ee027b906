/* How surprised a language head is: the negative log-likelihood of the next tokens, and its gradient in place. */
#include "common.h"

/* `logits` [rows, words]; nll[r] = log(sum(exp(logits[r]))) - logits[r][truth[r]]. With `factors` (one a row), logits
 * become their own gradient times the row's factor. */
void whet_surprise(float *logits, const int64_t *truth, float *nll, const float *factors, int64_t rows, int64_t words, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; r++) {
        float *row = logits + r * words;
        f16v most = all(-3e38f), total = {0};
        for (int64_t c = 0; c + W <= words; c += W) most = larger(load(row, c, 0), most);
        float top = largest(most), beyond = 0;
        for (int64_t c = words / W * W; c < words; c++) top = row[c] > top ? row[c] : top;
        for (int64_t c = 0; c + W <= words; c += W) total += exp16(load(row, c, 0) - top);
        for (int64_t c = words / W * W; c < words; c++) beyond += expf(row[c] - top);
        const float whole = sum(total) + beyond;
        nll[r] = logf(whole) + top - row[truth[r]];
        if (!factors) continue;
        const float share = factors[r] / whole;
        for (int64_t c = 0; c + W <= words; c += W) store(row, c, exp16(load(row, c, 0) - top) * share, 0);
        for (int64_t c = words / W * W; c < words; c++) row[c] = expf(row[c] - top) * share;
        row[truth[r]] -= factors[r];
    }
}
