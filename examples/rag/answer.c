// Answers a question three ways, side by side: by words (bm25 of fts5), by meaning (cosine distance
// of vectors), and fused by rank. All three are the same call, hybrid_search(), with one half of
// the question or with both.
#include "examples/rag/rag.h"

#include <stdio.h>

enum { BY_WORDS = 1, BY_MEANING = 2 };

typedef struct {
    sqlite3_int64 docs[RESULT_COUNT];
    int count;
    double seconds;
} Hits;

typedef struct {
    const char *text;
    const float *vector;
    int dims;
} Question;

static int search(Store *store, const Question *question, int ways, Hits *hits)
{
    sqlite3_stmt *query;
    double started = clock_seconds();
    int rc = store_prepare(store,
                           "SELECT id FROM hybrid_search('doc', ?1, ?2, ?3) WHERE fts = 'doc_words'"
                           " AND vectors = 'embedding_current' AND vector_key = 'doc'"
                           " AND vector_column = 'vector'",
                           &query);
    if (rc != SQLITE_OK)
        return rc;
    if ((ways & BY_WORDS) != 0)
        sqlite3_bind_text(query, 1, question->text, -1, SQLITE_STATIC);
    if ((ways & BY_MEANING) != 0)
        sqlite3_bind_blob(query, 2, question->vector, question->dims * 4, SQLITE_STATIC);
    sqlite3_bind_int(query, 3, RESULT_COUNT);
    while (hits->count < RESULT_COUNT && sqlite3_step(query) == SQLITE_ROW)
        hits->docs[hits->count++] = sqlite3_column_int64(query, 0);
    hits->seconds = clock_seconds() - started;
    return sqlite3_finalize(query);
}

static void print_cell(sqlite3_stmt *name, const Hits *hits, int rank)
{
    const char *text = "";
    if (rank < hits->count) {
        sqlite3_bind_int64(name, 1, hits->docs[rank]);
        if (sqlite3_step(name) == SQLITE_ROW)
            text = (const char *)sqlite3_column_text(name, 0);
    }
    printf("  %-30.30s", text);
    sqlite3_reset(name);
}

static int print_table(Store *store, const Hits *columns)
{
    static const char *const names[] = {"keyword", "semantic", "fused"};
    sqlite3_stmt *name;
    int rc = store_prepare(store, "SELECT name FROM doc WHERE id = ?1", &name);
    if (rc != SQLITE_OK)
        return rc;
    printf("  ");
    for (int i = 0; i < 3; i++)
        printf("  %-8s %10.2f ms        ", names[i], columns[i].seconds * 1000);
    printf("\n");
    for (int rank = 0; rank < RESULT_COUNT; rank++) {
        printf("%2d", rank + 1);
        for (int i = 0; i < 3; i++)
            print_cell(name, &columns[i], rank);
        printf("\n");
    }
    return sqlite3_finalize(name);
}

int answer(Store *store, Embedder *embedder, const char *text)
{
    static const int ways[] = {BY_WORDS, BY_MEANING, BY_WORDS | BY_MEANING};
    Hits columns[3] = {0};
    Question question = {.text = text};
    float *vector = NULL;
    int rc = embedder_embed(embedder, text, &vector, &question.dims);
    question.vector = vector;
    for (int i = 0; i < 3 && rc == SQLITE_OK; i++)
        rc = search(store, &question, ways[i], &columns[i]);
    sqlite3_free(vector);
    if (rc != SQLITE_OK)
        return rc;
    printf("\n%s\n", text);
    return print_table(store, columns);
}
