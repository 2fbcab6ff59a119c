// Question: is a fused ranking as good as the better of its two legs?
//
// For each judged collection (judged.h): its documents go into the tables of examples/rag, words by
// fts5 with porter stems, vectors by the LSA of that example, learnt from the collection itself.
// Printed is the mean nDCG@10 over the queries that have an answer: words alone, vectors alone,
// both fused by rank (rrf) and by the sum of scores. Nothing is timed.
//
//     hybrid_bench FOLDER...
#include "bench/judged.h"
#include "examples/rag/rag.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SIZE = 1 << 16 };

typedef struct Way {
    const char *name, *method;
    bool by_words, by_vectors;
} Way;

static const Way ways[] = {{"words", "rrf", true, false},
                           {"vectors", "rrf", false, true},
                           {"rrf", "rrf", true, true},
                           {"sum", "sum", true, true}};
enum { WAYS = sizeof ways / sizeof ways[0] };

typedef struct Collection {
    const char *folder;
    Store store;
    Lsa *lsa;
    Judged judged;
} Collection;

static void check(Collection *c, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    fprintf(stderr, "hybrid_bench: %s: %s\n", c->folder, sqlite3_errmsg(c->store.db));
    exit(1);
}

// The next line with a number in front; *text is what lies behind its first tab, without the end.
static bool next_line(FILE *file, char *line, int *number, char **text)
{
    while (fgets(line, LINE_MAX_SIZE, file) != NULL) {
        *text = strchr(line, '\t');
        if (*text == NULL || line[0] < '0' || line[0] > '9')
            continue;
        *number = atoi(line);
        ++*text;
        (*text)[strcspn(*text, "\n")] = 0;
        return true;
    }
    return false;
}

static void load_documents(Collection *c)
{
    static char line[LINE_MAX_SIZE];
    char *text;
    int number;
    sqlite3_stmt *stmt;
    FILE *file = judged_open(c->folder, "docs.tsv");
    check(c, store_exec(&c->store, "BEGIN"));
    check(c, store_prepare(&c->store, "INSERT INTO doc VALUES(?1, ?2, ?3)", &stmt));
    while (next_line(file, line, &number, &text)) {
        char *body = strchr(text, '\t');
        sqlite3_bind_int(stmt, 1, number);
        sqlite3_bind_text(stmt, 2, text, body == NULL ? 0 : (int)(body - text), SQLITE_STATIC);
        sqlite3_bind_text(stmt, 3, body == NULL ? text : body + 1, -1, SQLITE_STATIC);
        check(c, sqlite3_step(stmt));
        check(c, sqlite3_reset(stmt));
    }
    check(c, sqlite3_finalize(stmt));
    check(c, store_exec(&c->store, "COMMIT"));
    fclose(file);
}

static void embed_documents(Collection *c)
{
    float vector[EMBEDDING_DIMS];
    sqlite3_stmt *read;
    sqlite3_stmt *write;
    check(c, store_exec(&c->store, "CREATE TABLE vec(id INTEGER PRIMARY KEY, vector BLOB); BEGIN"));
    check(c, store_prepare(&c->store, "SELECT id, name || ' ' || body FROM doc", &read));
    check(c, store_prepare(&c->store, "INSERT INTO vec VALUES(?1, ?2)", &write));
    while (sqlite3_step(read) == SQLITE_ROW) {
        int dims = lsa_embed(c->lsa, (const char *)sqlite3_column_text(read, 1), vector);
        sqlite3_bind_int64(write, 1, sqlite3_column_int64(read, 0));
        sqlite3_bind_blob(write, 2, vector, dims * (int)sizeof vector[0], SQLITE_STATIC);
        check(c, sqlite3_step(write));
        check(c, sqlite3_reset(write));
    }
    check(c, sqlite3_finalize(read));
    check(c, sqlite3_finalize(write));
    check(c, store_exec(&c->store, "COMMIT"));
}

static double query_gain(Collection *c, sqlite3_stmt *stmt, int query, const char *text,
                         const Way *way)
{
    float vector[EMBEDDING_DIMS];
    double gain = 0;
    int dims = lsa_embed(c->lsa, text, vector);
    (void)sqlite3_clear_bindings(stmt);
    if (way->by_words)
        sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    if (way->by_vectors)
        sqlite3_bind_blob(stmt, 2, vector, dims * (int)sizeof vector[0], SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, way->method, -1, SQLITE_STATIC);
    for (int place = 0; sqlite3_step(stmt) == SQLITE_ROW; place++)
        gain += judged_gain(&c->judged, query, sqlite3_column_int(stmt, 0)) / log2(place + 2);
    check(c, sqlite3_reset(stmt));
    return gain;
}

static double mean_ndcg(Collection *c, const Way *way)
{
    static char line[LINE_MAX_SIZE];
    char *text;
    int query;
    int count = 0;
    double sum = 0;
    sqlite3_stmt *stmt;
    FILE *file = judged_open(c->folder, "queries.tsv");
    check(c, store_prepare(&c->store,
                           "SELECT id FROM hybrid_search('doc', ?1, ?2, 10) WHERE fts = 'doc_words'"
                           " AND vectors = 'vec' AND vector_key = 'id' AND vector_column = 'vector'"
                           " AND method = ?3",
                           &stmt));
    while (next_line(file, line, &query, &text)) {
        double ideal = judged_ideal(&c->judged, query);
        if (ideal <= 0)
            continue;
        sum += query_gain(c, stmt, query, text, way) / ideal;
        count++;
    }
    check(c, sqlite3_finalize(stmt));
    fclose(file);
    return count == 0 ? 0 : sum / count;
}

static void measure(const char *folder)
{
    double means[WAYS];
    Collection c = {.folder = folder};
    judged_read(folder, &c.judged);
    check(&c, store_open(&c.store, ":memory:"));
    load_documents(&c);
    check(&c, lsa_train(&c.store, &c.lsa));
    embed_documents(&c);
    printf("%s, %d judgements, nDCG@10\n", folder, c.judged.count);
    for (int i = 0; i < WAYS; i++) {
        means[i] = mean_ndcg(&c, &ways[i]);
        printf("  %-8s %.4f\n", ways[i].name, means[i]);
    }
    double better = means[0] > means[1] ? means[0] : means[1];
    printf("  the better fusion is at %.3f of the better leg\n",
           (means[2] > means[3] ? means[2] : means[3]) / (better > 0 ? better : 1));
    lsa_free(c.lsa);
    store_close(&c.store);
    judged_free(&c.judged);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        measure(argv[i]);
    return argc < 2;
}
