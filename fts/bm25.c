// bm25(table, weights...): the smaller, the better the row matches.
//
//     -sum over phrases of idf * f * (k1 + 1) / (f + k1 * (1 - b + b * D / average D))
//
// f is the weighted number of places, D the tokens of the row, idf = ln((N - n + 0.5) / (n + 0.5))
// for n of N rows with the phrase, and never below 1e-6.
#include "fts/fts_cursor.h"

#include <math.h>

#define BM25_K1      1.2
#define BM25_B       0.75
#define BM25_IDF_MIN 1e-6

typedef struct Bm25 {
    int phrase_count;
    f64 average_length;
    f64 *idf;
    f64 *frequency;
} Bm25;

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *user_data)
{
    (void)api, (void)fts;
    ++*(i64 *)user_data;
    return SQLITE_OK;
}

static int fill(const Fts5ExtensionApi *api, Fts5Context *fts, Bm25 *data)
{
    sqlite3_int64 row_count = 0;
    sqlite3_int64 token_count = 0;
    TRY(api->xRowCount(fts, &row_count));
    TRY(api->xColumnTotalSize(fts, -1, &token_count));
    data->average_length = (f64)token_count / (f64)row_count;
    for (int i = 0; i < data->phrase_count; i++) {
        i64 hits = 0;
        TRY(api->xQueryPhrase(fts, i, &hits, count_row));
        f64 idf = log(((f64)row_count - (f64)hits + 0.5) / ((f64)hits + 0.5));
        data->idf[i] = idf <= 0.0 ? BM25_IDF_MIN : idf;
    }
    return SQLITE_OK;
}

// What stays the same for all rows is kept with the query.
static int find_data(const Fts5ExtensionApi *api, Fts5Context *fts, Bm25 **out)
{
    Bm25 *data = api->xGetAuxdata(fts, 0);
    if (data == NULL) {
        int count = api->xPhraseCount(fts);
        data = fts_zalloc(sizeof *data + sizeof(f64) * 2 * (u64)count);
        if (data == NULL)
            return SQLITE_NOMEM;
        data->phrase_count = count;
        data->idf = (f64 *)(data + 1);
        data->frequency = data->idf + count;
        int rc = fill(api, fts, data);
        if (rc == SQLITE_OK)
            rc = api->xSetAuxdata(fts, data, sqlite3_free);
        else
            sqlite3_free(data);
        if (rc != SQLITE_OK)
            return rc;
    }
    *out = data;
    return SQLITE_OK;
}

typedef struct Weights {
    sqlite3_value **values;
    int count;
} Weights;

static int score_row(const Fts5ExtensionApi *api, Fts5Context *fts, const Weights *weights,
                     f64 *score)
{
    Bm25 *data;
    int place_count = 0;
    int length = 0;
    TRY(find_data(api, fts, &data));
    memset(data->frequency, 0, sizeof(f64) * (size_t)data->phrase_count);
    TRY(api->xInstCount(fts, &place_count));
    for (int i = 0; i < place_count; i++) {
        int phrase;
        int column;
        int offset;
        TRY(api->xInst(fts, i, &phrase, &column, &offset));
        f64 weight = column < weights->count ? sqlite3_value_double(weights->values[column]) : 1.0;
        data->frequency[phrase] += weight;
    }
    TRY(api->xColumnSize(fts, -1, &length));
    f64 sum = 0.0;
    for (int i = 0; i < data->phrase_count; i++) {
        f64 frequency = data->frequency[i];
        f64 norm = BM25_K1 * (1 - BM25_B + BM25_B * (f64)length / data->average_length);
        sum += data->idf[i] * ((frequency * (BM25_K1 + 1.0)) / (frequency + norm));
    }
    *score = -1.0 * sum;
    return SQLITE_OK;
}

void fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int arg_count,
              sqlite3_value **args)
{
    Weights weights = {args, arg_count};
    f64 score = 0.0;
    int rc = score_row(api, fts, &weights, &score);
    if (rc == SQLITE_OK)
        sqlite3_result_double(ctx, score);
    else
        sqlite3_result_error_code(ctx, rc);
}
