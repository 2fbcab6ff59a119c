// The tables of the example.
//
//   doc(id, name, body)          the documents
//   changes(seq, op, doc)        every insert, update and delete of one, recorded by triggers
//   follower(name, seq)          how far each reader of the changes has come
//   embedding(doc, vector)       little-endian 32-bit floats, as vector32() makes them
//   lsa_term(id, word, weight, vector)   what LSA learnt
//   doc_words                    fts5 over name and body, kept up to date by triggers
#include "examples/rag/rag.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char TABLES[] =
    "CREATE TABLE IF NOT EXISTS doc(id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT);"
    "CREATE TABLE IF NOT EXISTS changes(seq INTEGER PRIMARY KEY, op TEXT NOT NULL, doc INT);"
    "CREATE TABLE IF NOT EXISTS follower(name TEXT PRIMARY KEY, seq INT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS embedding(doc INTEGER PRIMARY KEY, vector BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS lsa_term(id INTEGER PRIMARY KEY, word TEXT, weight REAL,"
    " vector BLOB);"
    "CREATE TRIGGER IF NOT EXISTS doc_inserted AFTER INSERT ON doc BEGIN"
    " INSERT INTO changes(op, doc) VALUES ('insert', new.id); END;"
    "CREATE TRIGGER IF NOT EXISTS doc_updated AFTER UPDATE ON doc BEGIN"
    " INSERT INTO changes(op, doc) VALUES ('update', new.id); END;"
    "CREATE TRIGGER IF NOT EXISTS doc_deleted AFTER DELETE ON doc BEGIN"
    " INSERT INTO changes(op, doc) VALUES ('delete', old.id); END;";

static const char KEYWORD_TABLE[] =
    "CREATE VIRTUAL TABLE IF NOT EXISTS doc_words USING fts5(name, body, tokenize = porter)";

static const char KEYWORD_TRIGGERS[] =
    "CREATE TRIGGER IF NOT EXISTS words_inserted AFTER INSERT ON doc BEGIN"
    " INSERT INTO doc_words(rowid, name, body) VALUES (new.id, new.name, new.body); END;"
    "CREATE TRIGGER IF NOT EXISTS words_updated AFTER UPDATE ON doc BEGIN"
    " UPDATE doc_words SET name = new.name, body = new.body WHERE rowid = new.id; END;"
    "CREATE TRIGGER IF NOT EXISTS words_deleted AFTER DELETE ON doc BEGIN"
    " DELETE FROM doc_words WHERE rowid = old.id; END;"
    "INSERT INTO doc_words(rowid, name, body) SELECT id, name, body FROM doc"
    " WHERE NOT EXISTS (SELECT 1 FROM doc_words)";

// The same answer as the function that quire's vector module registers under this name.
static void cosine_distance(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const float *a = sqlite3_value_blob(values[0]);
    const float *b = sqlite3_value_blob(values[1]);
    int size = sqlite3_value_bytes(values[0]);
    if (a == NULL || b == NULL || sqlite3_value_bytes(values[1]) != size) {
        sqlite3_result_error(context, "vectors of different sizes", -1);
        return;
    }
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < size / 4; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    sqlite3_result_double(context, aa > 0 && bb > 0 ? 1 - ab / sqrt(aa * bb) : 1);
}

int store_exec(Store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

int store_prepare(Store *store, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(store->db, sql, -1, out, NULL);
}

long store_number(Store *store, const char *sql)
{
    sqlite3_stmt *query;
    long number = 0;
    if (store_prepare(store, sql, &query) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
        number = (long)sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return number;
}

// What a build of the library may lack: fts5 (then there are no keywords) and vector functions.
static int find_modules(Store *store)
{
    store->has_keywords = store_exec(store, KEYWORD_TABLE) == SQLITE_OK;
    if (!store->has_keywords)
        fprintf(stderr, "keyword search needs fts5: %s\n", sqlite3_errmsg(store->db));
    else if (store_exec(store, KEYWORD_TRIGGERS) != SQLITE_OK)
        return sqlite3_errcode(store->db);
    if (store_exec(store, "SELECT vector_distance_cos(x'0000803f', x'0000803f')") == SQLITE_OK)
        return SQLITE_OK;
    fprintf(stderr, "no vector functions in this library; using one written here\n");
    return sqlite3_create_function(store->db, "vector_distance_cos", 2,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, cosine_distance, NULL,
                                   NULL);
}

int store_open(Store *store, const char *path)
{
    int rc = sqlite3_open(path, &store->db);
    if (rc == SQLITE_OK)
        rc = store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (rc == SQLITE_OK)
        rc = store_exec(store, TABLES);
    return rc == SQLITE_OK ? find_modules(store) : rc;
}

void store_close(Store *store)
{
    sqlite3_close(store->db);
    store->db = NULL;
}
