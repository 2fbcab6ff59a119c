// bm25(table, weights...): the smaller, the better the row matches. See bm25.h.
//
//     -sum over phrases of idf * f * (k1 + 1) / (f + k1 * (1 - b + b * D / average D))
//
// f is the weighted number of places, D the tokens of the row, idf = ln((N - n + 0.5) / (n + 0.5))
// for n of N rows with the phrase, and never below 1e-6.
//
// Unlike other auxiliary functions it does not ask through the public interface: it reads the query
// where it stands, counting places without listing them.
#include "fts/bm25.h"

#include "fts/fts_cursor.h"
#include "fts/poslist.h"

#include <math.h>

#define BM25_IDF_MIN 1e-6

// --- once for a query ---

static int fill(FtsCursor *cursor, Bm25 *data)
{
    FtsTable *table = cursor->table;
    i64 token_count = 0;
    TRY(fts_table_totals(table));
    if (table->row_count <= 0)
        return FTS_CORRUPT;
    for (int i = 0; i < table->config.column_count; i++)
        token_count += table->token_totals[i];
    f64 rows = (f64)table->row_count;
    data->average_length = (f64)token_count / rows;
    for (int i = 0; i < NORM_COUNT; i++)
        data->norms[i] = bm25_norm(i, data->average_length);
    for (int i = 0; i < data->phrase_count; i++) {
        i64 hits = 0;
        TRY(query_phrase_rows(cursor->query, i, &hits));
        f64 idf = log((rows - (f64)hits + 0.5) / ((f64)hits + 0.5));
        data->idf[i] = idf <= 0.0 ? BM25_IDF_MIN : idf;
    }
    return SQLITE_OK;
}

int bm25_prepare(FtsCursor *cursor)
{
    if (cursor->bm25 != NULL)
        return SQLITE_OK;
    int count = cursor->query == NULL ? 0 : cursor->query->phrase_count;
    Bm25 *data = fts_zalloc(sizeof *data + sizeof(f64) * (u64)count);
    if (data == NULL)
        return SQLITE_NOMEM;
    data->phrase_count = count;
    int rc = fill(cursor, data);
    if (rc != SQLITE_OK)
        sqlite3_free(data);
    else
        cursor->bm25 = data;
    return rc;
}

// --- weights ---

int bm25_weights_init(Bm25Weights *weights, int count, sqlite3_value **values)
{
    *weights = (Bm25Weights){.count = count, .are_one = true};
    weights->items = sqlite3_malloc64(sizeof(f64) * ((u64)count + 1));
    if (weights->items == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < count; i++) {
        weights->items[i] = sqlite3_value_double(values[i]);
        weights->are_one &= weights->items[i] == 1.0;
    }
    return SQLITE_OK;
}

void bm25_weights_deinit(Bm25Weights *weights)
{
    sqlite3_free(weights->items);
    *weights = (Bm25Weights){0};
}

static f64 weight_of(const Bm25Weights *weights, i64 column)
{
    return column >= 0 && column < weights->count ? weights->items[column] : 1.0;
}

// --- one row ---

static f64 sum_weights(const Bm25Weights *weights, const Positions *places)
{
    f64 sum = 0.0;
    if (weights->are_one)
        return (f64)places->count;
    for (u32 i = 0; i < places->count; i++)
        sum += weight_of(weights, places->items[i] >> 32);
    return sum;
}

// Places of a leaf of one term, straight from its poslist.
static f64 count_single(const Docs *docs, const Bm25Weights *weights, i64 column_count)
{
    if (weights->are_one)
        return docs->counts != NULL ? docs->counts[docs->rowid - docs->counts_base]
                                    : poslist_count(docs->poslist, docs->poslist_size);
    f64 sum = 0.0;
    PoslistReader reader = poslist_read(docs->poslist, docs->poslist_size);
    for (; !reader.is_end; poslist_next(&reader)) {
        if (reader.position >> 32 < column_count)
            sum += weight_of(weights, reader.position >> 32);
    }
    return sum;
}

static int frequency(FtsCursor *cursor, int number, const Bm25Weights *weights, f64 *out)
{
    Query *query = cursor->query;
    const QueryPhrase *phrase = query->phrases[number];
    const QueryNode *leaf = phrase->node;
    const Positions *places;
    *out = 0.0;
    if (leaf == NULL || leaf->is_end || leaf->rowid != query->root->rowid
        || phrase->term_count == 0)
        return SQLITE_OK;
    const Docs *docs = &phrase->terms[0].docs;
    if (leaf->is_single && (weights->are_one || docs->counts == NULL)) {
        *out = count_single(docs, weights, cursor->table->config.column_count);
        return SQLITE_OK;
    }
    TRY(query_positions(query, number, &places));
    *out = sum_weights(weights, places);
    return SQLITE_OK;
}

// Without places in the index the row's text is searched.
static int frequency_of_text(FtsCursor *cursor, int number, const Bm25Weights *weights, f64 *out)
{
    *out = 0.0;
    TRY(fts_cursor_gather(cursor));
    for (int i = 0; i < cursor->instance_count; i++) {
        if (cursor->instances[i].phrase == number)
            *out += weight_of(weights, cursor->instances[i].column);
    }
    return SQLITE_OK;
}

static int norm_of_row(FtsCursor *cursor, f64 *norm)
{
    const Bm25 *data = cursor->bm25;
    const FtsConfig *config = &cursor->table->config;
    i64 length = 0;
    if (config->has_columnsize) {
        u32 tokens;
        TRY(doc_lengths_get(cursor->table, cursor->rowid, &tokens));
        length = tokens;
    } else {
        TRY(fts_cursor_load_lengths(cursor));
        for (int i = 0; i < config->column_count; i++)
            length += (i32)cursor->lengths[i];
    }
    bool is_at_hand = length >= 0 && length < NORM_COUNT;
    *norm = is_at_hand ? data->norms[length] : bm25_norm((f64)length, data->average_length);
    return SQLITE_OK;
}

int bm25_score(FtsCursor *cursor, const Bm25Weights *weights, f64 *score)
{
    TRY(bm25_prepare(cursor));
    const Bm25 *data = cursor->bm25;
    bool has_places = cursor->table->config.detail == DETAIL_FULL;
    f64 norm;
    f64 sum = 0.0;
    TRY(norm_of_row(cursor, &norm));
    for (int i = 0; i < data->phrase_count; i++) {
        f64 f;
        TRY(has_places ? frequency(cursor, i, weights, &f)
                       : frequency_of_text(cursor, i, weights, &f));
        sum += data->idf[i] * bm25_gain(f, norm);
    }
    *score = -1.0 * sum;
    return SQLITE_OK;
}

void fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int arg_count,
              sqlite3_value **args)
{
    (void)api;
    Bm25Weights weights;
    f64 score = 0.0;
    int rc = bm25_weights_init(&weights, arg_count, args);
    if (rc == SQLITE_OK)
        rc = bm25_score((FtsCursor *)fts, &weights, &score);
    bm25_weights_deinit(&weights);
    if (rc == SQLITE_OK)
        sqlite3_result_double(ctx, score);
    else
        sqlite3_result_error_code(ctx, rc);
}
