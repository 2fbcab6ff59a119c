// The tables of the example.
//
//   doc(id, name, body)          the documents
//   doc_words                    fts5 over name and body, kept up to date by triggers
//   changes                      a feed of doc
//   embedding, embedding_current what the pipeline makes of it
//   lsa_term(id, word, weight, vector)   what LSA learnt
#include "examples/rag/rag.h"

static const char TABLES[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS doc(id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT);"
    "CREATE TABLE IF NOT EXISTS lsa_term(id INTEGER PRIMARY KEY, word TEXT, weight REAL,"
    " vector BLOB);"
    "CREATE VIRTUAL TABLE IF NOT EXISTS doc_words USING fts5(name, body, tokenize = porter);"
    "CREATE TRIGGER IF NOT EXISTS words_inserted AFTER INSERT ON doc BEGIN"
    " INSERT INTO doc_words(rowid, name, body) VALUES (new.id, new.name, new.body); END;"
    "CREATE TRIGGER IF NOT EXISTS words_updated AFTER UPDATE ON doc BEGIN"
    " UPDATE doc_words SET name = new.name, body = new.body WHERE rowid = new.id; END;"
    "CREATE TRIGGER IF NOT EXISTS words_deleted AFTER DELETE ON doc BEGIN"
    " DELETE FROM doc_words WHERE rowid = old.id; END;"
    "CREATE VIRTUAL TABLE IF NOT EXISTS changes USING cdc(tables = doc, mode = id)";

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

int store_open(Store *store, const char *path)
{
    int rc = sqlite3_open(path, &store->db);
    return rc == SQLITE_OK ? store_exec(store, TABLES) : rc;
}

void store_close(Store *store)
{
    sqlite3_close(store->db);
    store->db = NULL;
}
