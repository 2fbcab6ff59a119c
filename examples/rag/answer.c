// Answers a question three ways, side by side: by words (bm25 of fts5), by meaning (cosine distance
// of vectors), and fused. Fusing is by rank alone, so the two scores need no common scale: a
// document gets 1 / (60 + rank) from each list that has it (reciprocal rank fusion).
#include "examples/rag/rag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_OFFSET = 60 };

typedef struct {
    sqlite3_int64 doc;
    double score;
} Hit;

typedef struct {
    Hit hits[2 * CANDIDATE_COUNT];
    int count;
    double seconds;
} Hits;

static int collect(sqlite3_stmt *query, Hits *hits)
{
    while (hits->count < CANDIDATE_COUNT && sqlite3_step(query) == SQLITE_ROW)
        hits->hits[hits->count++] = (Hit){.doc = sqlite3_column_int64(query, 0)};
    return sqlite3_finalize(query);
}

// "how to play chess" asks fts5 for "play" OR "chess".
static void add_keyword(void *context, const char *word)
{
    sqlite3_str *match = context;
    sqlite3_str_appendf(match, "%s\"%s\"", sqlite3_str_length(match) > 0 ? " OR " : "", word);
}

static int search_words(Store *store, const char *question, Hits *hits)
{
    double started = clock_seconds();
    sqlite3_str *builder = sqlite3_str_new(store->db);
    terms_scan(question, add_keyword, builder);
    char *match = sqlite3_str_finish(builder);
    sqlite3_stmt *query;
    int rc = SQLITE_OK;
    if (match != NULL && store->has_keywords) {
        rc = store_prepare(store,
                           "SELECT rowid FROM doc_words WHERE doc_words MATCH ?1"
                           " ORDER BY rank LIMIT ?2",
                           &query);
        if (rc == SQLITE_OK) {
            sqlite3_bind_text(query, 1, match, -1, SQLITE_STATIC);
            sqlite3_bind_int(query, 2, CANDIDATE_COUNT);
            rc = collect(query, hits);
        }
    }
    sqlite3_free(match);
    hits->seconds = clock_seconds() - started;
    return rc;
}

static int search_meaning(Embedder *embedder, const char *question, Hits *hits)
{
    double started = clock_seconds();
    float vector[DIMS_LIMIT];
    int dims = embedder_embed(embedder, question, vector);
    if (dims == 0)
        return SQLITE_ERROR;
    sqlite3_stmt *query;
    int rc = store_prepare(embedder->store,
                           "SELECT doc FROM embedding"
                           " ORDER BY vector_distance_cos(vector, ?1) LIMIT ?2",
                           &query);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(query, 1, vector, dims * 4, SQLITE_STATIC);
        sqlite3_bind_int(query, 2, CANDIDATE_COUNT);
        rc = collect(query, hits);
    }
    hits->seconds = clock_seconds() - started;
    return rc;
}

static void add_ranks(Hits *fused, const Hits *from)
{
    for (int rank = 0; rank < from->count; rank++) {
        int at = 0;
        while (at < fused->count && fused->hits[at].doc != from->hits[rank].doc)
            at++;
        if (at == fused->count)
            fused->hits[fused->count++] = (Hit){.doc = from->hits[rank].doc};
        fused->hits[at].score += 1.0 / (RANK_OFFSET + rank + 1);
    }
}

static int better_first(const void *left, const void *right)
{
    const Hit *a = left;
    const Hit *b = right;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return a->doc < b->doc ? -1 : a->doc > b->doc;
}

static void fuse(const Hits *words, const Hits *meaning, Hits *fused)
{
    double started = clock_seconds();
    add_ranks(fused, words);
    add_ranks(fused, meaning);
    qsort(fused->hits, (size_t)fused->count, sizeof fused->hits[0], better_first);
    fused->seconds = clock_seconds() - started;
}

// --- showing ---

static void print_cell(sqlite3_stmt *name, const Hits *hits, int rank)
{
    const char *text = "";
    if (rank < hits->count) {
        sqlite3_bind_int64(name, 1, hits->hits[rank].doc);
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

int answer(Store *store, Embedder *embedder, const char *question)
{
    Hits columns[3] = {0};
    int rc = search_words(store, question, &columns[0]);
    if (rc == SQLITE_OK)
        rc = search_meaning(embedder, question, &columns[1]);
    if (rc != SQLITE_OK)
        return rc;
    fuse(&columns[0], &columns[1], &columns[2]);
    printf("\n%s\n", question);
    return print_table(store, columns);
}
