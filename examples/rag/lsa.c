// What LSA has learnt: kept in lsa_term, loaded, and used to embed. See lsa.h.
#include "examples/rag/lsa.h"

#include <stdlib.h>
#include <string.h>

int lsa_keep(Store *store, const Lsa *lsa)
{
    sqlite3_stmt *insert;
    int rc = store_exec(store, "BEGIN; DELETE FROM lsa_term");
    if (rc == SQLITE_OK)
        rc = store_prepare(store, "INSERT INTO lsa_term VALUES (?1, ?2, ?3, ?4)", &insert);
    for (int id = 0; rc == SQLITE_OK && id < vocabulary_size(lsa->words); id++) {
        sqlite3_bind_int(insert, 1, id);
        sqlite3_bind_text(insert, 2, vocabulary_word(lsa->words, id), -1, SQLITE_STATIC);
        sqlite3_bind_double(insert, 3, vocabulary_weight(lsa->words, id));
        sqlite3_bind_blob(insert, 4, lsa->axes + (size_t)id * (size_t)lsa->dims, lsa->dims * 4,
                          SQLITE_STATIC);
        sqlite3_step(insert);
        rc = sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return rc == SQLITE_OK ? store_exec(store, "COMMIT") : rc;
}

static bool load_word(Lsa *lsa, sqlite3_stmt *query, int count)
{
    int dims = sqlite3_column_bytes(query, 2) / 4;
    if (lsa->axes == NULL) {
        lsa->dims = dims;
        lsa->axes = malloc((size_t)count * (size_t)dims * sizeof *lsa->axes + 1);
    }
    int id = vocabulary_size(lsa->words);
    if (lsa->axes == NULL || dims != lsa->dims || id >= count)
        return false;
    memcpy(lsa->axes + (size_t)id * (size_t)dims, sqlite3_column_blob(query, 2), (size_t)dims * 4);
    return vocabulary_add(lsa->words, (const char *)sqlite3_column_text(query, 0),
                          sqlite3_column_double(query, 1));
}

int lsa_load(Store *store, Lsa **out)
{
    *out = NULL;
    int count = (int)store_number(store, "SELECT count(*) FROM lsa_term");
    if (count == 0)
        return SQLITE_OK;
    Lsa *lsa = calloc(1, sizeof *lsa);
    *out = lsa;
    if (lsa == NULL || (lsa->words = vocabulary_new()) == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *query;
    int rc = store_prepare(store, "SELECT word, weight, vector FROM lsa_term ORDER BY id", &query);
    bool is_good = rc == SQLITE_OK;
    while (is_good && sqlite3_step(query) == SQLITE_ROW)
        is_good = load_word(lsa, query, count);
    sqlite3_finalize(query);
    return rc == SQLITE_OK && !is_good ? SQLITE_NOMEM : rc;
}

void lsa_free(Lsa *lsa)
{
    if (lsa == NULL)
        return;
    vocabulary_free(lsa->words);
    free(lsa->axes);
    free(lsa);
}

int lsa_embed(const Lsa *lsa, const char *text, float *vector)
{
    Sparse row = {0};
    bool is_good = sparse_add_text(&row, lsa->words, text);
    if (is_good)
        sparse_times(&row, 0, lsa->axes, lsa->dims, vector);
    sparse_free(&row);
    return is_good ? lsa->dims : 0;
}
