// The handles that calls are made with, each in the state its name says.

#include "misuse.h"

#include <stdio.h>
#include <stdlib.h>

Handles h;

static void need(int rc, int expected, const char *what)
{
    if (rc != expected) {
        fprintf(stderr, "%s: %d, not %d\n", what, rc, expected);
        exit(2);
    }
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    need(F(prepare_v2)(db, sql, -1, &stmt, NULL), SQLITE_OK, sql);
    return stmt;
}

static sqlite3 *opened(const char *setup)
{
    sqlite3 *db = NULL;
    need(F(open)(":memory:", &db), SQLITE_OK, "open");
    need(F(exec)(db, setup, NULL, NULL, NULL), SQLITE_OK, setup);
    return db;
}

static const char setup[] =
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
    "INSERT INTO t VALUES(1, 'one'), (2, x'0102'), (3, zeroblob(30)), (4, NULL);"
    "CREATE VIEW v AS SELECT a, b FROM t;"
    "CREATE TABLE w(k PRIMARY KEY, d) WITHOUT ROWID;"
    "INSERT INTO w VALUES('key', 'data');"
    "CREATE TABLE g(x, y AS (x + 1) STORED, z UNIQUE);"
    "CREATE TABLE p(id INTEGER PRIMARY KEY);"
    "CREATE TABLE c(r REFERENCES p, s);";

static void make_connections(void)
{
    h.db = opened(setup);
    h.other = opened("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); BEGIN");
    need(F(exec)(h.other, "INSERT INTO t VALUES(3, 4)", NULL, NULL, NULL), SQLITE_OK, "insert");
    h.closed = opened("SELECT 1");
    need(F(close)(h.closed), SQLITE_OK, "close");
    need(F(open)("/nowhere/at/all.db", &h.sick), SQLITE_CANTOPEN, "open");
    h.zombie = opened("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2)");
    h.zombie_row = prepared(h.zombie, "SELECT a FROM t");
    need(F(step)(h.zombie_row), SQLITE_ROW, "step");
    need(F(close_v2)(h.zombie), SQLITE_OK, "close");
}

void handles_make(void)
{
    make_connections();
    h.fresh = prepared(h.db, "SELECT a, b AS other, ?1, :name FROM t ORDER BY a");
    h.row = prepared(h.db, "SELECT a, b AS other, ?1, :name FROM t ORDER BY a");
    h.done = prepared(h.db, "SELECT a FROM t WHERE a = ?1");
    h.broken = prepared(h.db, "SELECT abs(a - 9223372036854775807 - 2) + ?1 FROM t");
    need(F(prepare)(h.db, "SELECT a, ?1 FROM t", -1, &h.legacy, NULL), SQLITE_OK, "prepare");
    h.finalized = prepared(h.db, "SELECT a, ?1 FROM t");
    need(F(finalize)(h.finalized), SQLITE_OK, "finalize");
    sqlite3_stmt *text = prepared(h.db, "SELECT '12ab'");
    need(F(step)(text), SQLITE_ROW, "step");
    h.value = F(value_dup)(F(column_value)(text, 0));
    need(F(finalize)(text), SQLITE_OK, "finalize");
    need(F(blob_open)(h.db, "main", "t", "b", 3, 1, &h.blob), SQLITE_OK, "blob");
    need(F(blob_open)(h.db, "main", "t", "b", 2, 0, &h.expired), SQLITE_OK, "blob");
    need(F(exec)(h.db, "UPDATE t SET b = x'09' WHERE a = 2", NULL, NULL, NULL), SQLITE_OK,
         "update");
    need(F(step)(h.row), SQLITE_ROW, "step");
    need(F(step)(h.legacy), SQLITE_ROW, "step");
    need(F(step)(h.done), SQLITE_DONE, "step");
    need(F(step)(h.broken), SQLITE_ERROR, "step");
    // The last call that could fail did not.
    need(F(exec)(h.db, "SELECT 1", NULL, NULL, NULL), SQLITE_OK, "select");
}

// --- callbacks to register ---

void on_scalar(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)context, (void)count, (void)args;
}

void on_final(sqlite3_context *context)
{
    (void)context;
}

int on_compare(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    (void)arg, (void)a_size, (void)a, (void)b_size, (void)b;
    return 0;
}

void on_destroy(void *arg)
{
    (void)arg;
    number = 1;
}
