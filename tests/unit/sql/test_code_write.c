// Statements that change rows and definitions, run from end to end and compared with what stock
// SQLite 3.53.2 answered.

#include "tests/support/test.h"

#include "sqlite3.h"

typedef struct Output {
    char text[4096];
    size_t size;
} Output;

static void put(Output *out, const char *text)
{
    size_t size = strlen(text);
    if (out->size + size < sizeof out->text) {
        memcpy(out->text + out->size, text, size + 1);
        out->size += size;
    }
}

static int put_row(void *arg, int count, char **values, char **names)
{
    Output *out = arg;
    (void)names;
    for (int i = 0; i < count; i++) {
        put(out, i > 0 ? "|" : "");
        put(out, values[i] != NULL ? values[i] : "NULL");
    }
    put(out, ";");
    return 0;
}

// Runs every statement of `sql`; rows, and the message of the first error, become text.
static void assert_output(const char *sql, const char *expected)
{
    sqlite3 *db = NULL;
    Output out = {.size = 0};
    char *message = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);

    if (sqlite3_exec(db, sql, put_row, &out, &message) != SQLITE_OK)
        put(&out, message);

    assert_string_equal(out.text, expected);
    sqlite3_free(message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void rows_take_the_next_rowid_and_the_columns_affinity(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a INTEGER PRIMARY KEY, b INT, c TEXT);"
                  "INSERT INTO t(b, c) VALUES('7', 7), ('x', x'41'); INSERT INTO t VALUES(9, 1, 1);"
                  "INSERT INTO t(b) VALUES(2); SELECT a, typeof(b), typeof(c) FROM t",
                  "1|integer|text;2|text|blob;9|integer|text;10|integer|null;");
}

static void a_constraint_that_fails_names_its_columns(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a, b, UNIQUE(a, b)); INSERT INTO t VALUES(1, 2);"
                  "INSERT INTO t VALUES(1, 2)",
                  "UNIQUE constraint failed: t.a, t.b");
    assert_output("CREATE TABLE t(a NOT NULL); INSERT INTO t VALUES(NULL)",
                  "NOT NULL constraint failed: t.a");
    assert_output("CREATE TABLE t(a CHECK(a > 0)); INSERT INTO t VALUES(-1)",
                  "CHECK constraint failed: a > 0");
    assert_output("CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES('x')",
                  "datatype mismatch");
    assert_output("CREATE TABLE t(a INT) STRICT; INSERT INTO t VALUES('x')",
                  "cannot store TEXT value in INT column t.a");
}

static void replace_removes_every_row_in_the_way(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c UNIQUE);"
                  "INSERT INTO t VALUES(1, 1, 1), (2, 2, 2), (3, 3, 3);"
                  "REPLACE INTO t VALUES(1, 2, 3); SELECT * FROM t; PRAGMA integrity_check",
                  "1|2|3;ok;");
}

static void an_upsert_reads_the_row_that_was_refused(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(k PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO t VALUES('a', 1);"
                  "INSERT INTO t VALUES('a', 5), ('b', 6) ON CONFLICT(k) DO UPDATE"
                  " SET n = n + excluded.n WHERE n < 100 RETURNING *;",
                  "a|6;b|6;");
}

static void an_update_moves_rows_and_their_index_entries(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t(b) WHERE b > 1;"
                  "INSERT INTO t VALUES(1, 1), (2, 2), (3, 3);"
                  "UPDATE t SET a = a + 10, b = 4 - b; SELECT * FROM t WHERE b > 1;"
                  "PRAGMA integrity_check",
                  "12|2;11|3;ok;");
}

static void triggers_see_old_and_new_and_may_fire_themselves(void **state)
{
    (void)state;
    assert_output("PRAGMA recursive_triggers = 1; CREATE TABLE t(a); CREATE TABLE log(m);"
                  "CREATE TRIGGER r AFTER INSERT ON t WHEN new.a < 3"
                  " BEGIN INSERT INTO t VALUES(new.a + 1); END;"
                  "CREATE TRIGGER u BEFORE UPDATE OF a ON t"
                  " BEGIN INSERT INTO log VALUES(old.a || '>' || new.a); END;"
                  "INSERT INTO t VALUES(1); UPDATE t SET a = a * 10 WHERE a = 2;"
                  "SELECT a FROM t; SELECT m FROM log",
                  "1;20;3;2>20;");
}

static void foreign_keys_cascade_and_refuse(void **state)
{
    (void)state;
    assert_output("PRAGMA foreign_keys = 1; CREATE TABLE p(x PRIMARY KEY);"
                  "CREATE TABLE c(y REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL);"
                  "INSERT INTO p VALUES(1), (2); INSERT INTO c VALUES(1), (2);"
                  "DELETE FROM p WHERE x = 1; UPDATE p SET x = 3; SELECT y FROM c;"
                  "INSERT INTO c VALUES(9)",
                  "NULL;FOREIGN KEY constraint failed");
}

static void alter_table_rewrites_what_depends_on_it(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a, b); CREATE INDEX i ON t(b);"
                  "CREATE VIEW v AS SELECT t.b FROM t; ALTER TABLE t RENAME b TO \"c d\";"
                  "ALTER TABLE t RENAME TO u; ALTER TABLE u DROP COLUMN a;"
                  "ALTER TABLE u ADD COLUMN e DEFAULT 5; SELECT sql FROM sqlite_schema",
                  "CREATE TABLE \"u\"(\"c d\", e DEFAULT 5);CREATE INDEX i ON \"u\"(\"c d\");"
                  "CREATE VIEW v AS SELECT \"u\".\"c d\" FROM \"u\";");
}

static void names_that_are_taken_or_ours_are_refused(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a); CREATE TABLE t(b)", "table t already exists");
    assert_output("CREATE TABLE t(a); CREATE INDEX t ON t(a)", "there is already a table named t");
    assert_output("CREATE TABLE sqlite_t(a)", "object name reserved for internal use: sqlite_t");
    assert_output("CREATE VIEW v AS SELECT 1; DROP TABLE v", "use DROP VIEW to delete view v");
}

static void vacuum_keeps_rowids_and_content(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES(1), (2), (3);"
                  "DELETE FROM t WHERE a = 2; VACUUM; SELECT rowid, a FROM t;"
                  "PRAGMA integrity_check",
                  "1|1;3|3;ok;");
}

static void analyze_counts_rows_per_prefix(void **state)
{
    (void)state;
    assert_output("CREATE TABLE t(a, b); CREATE INDEX i ON t(a, b);"
                  "INSERT INTO t VALUES(1, 1), (1, 2), (2, 1), (2, 1); ANALYZE;"
                  "SELECT * FROM sqlite_stat1",
                  "t|i|4 2 2;");
}

static void explain_names_what_an_instruction_opens(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int found = 0;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE book(a)", NULL, NULL, NULL), SQLITE_OK);

    assert_int_equal(sqlite3_prepare_v2(db, "EXPLAIN SELECT a FROM book", -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *opcode = (const char *)sqlite3_column_text(stmt, 1);
        const char *comment = (const char *)sqlite3_column_text(stmt, 7);
        found += strcmp(opcode, "OpenRead") == 0 && strstr(comment, "; book") != NULL;
    }

    assert_int_equal(found, 1);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void explain_lists_triggers_as_they_fire(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char order[64] = "";
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "CREATE TABLE t(a); CREATE TABLE u(a);"
                     "CREATE TRIGGER r1 AFTER INSERT ON t BEGIN INSERT INTO u VALUES(1); END;"
                     "CREATE TRIGGER r2 AFTER INSERT ON t BEGIN DELETE FROM u; END;",
                     NULL, NULL, NULL),
        SQLITE_OK);

    assert_int_equal(sqlite3_prepare_v2(db, "EXPLAIN INSERT INTO t VALUES(1)", -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *operand = (const char *)sqlite3_column_text(stmt, 5);
        if (operand != NULL && strncmp(operand, "-- TRIGGER ", 11) == 0)
            strncat(order, operand + 11, 8);
    }

    assert_string_equal(order, "r2r1"); // the newest trigger fires first
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

TEST_SUITE(code_write, cmocka_unit_test(rows_take_the_next_rowid_and_the_columns_affinity),
           cmocka_unit_test(a_constraint_that_fails_names_its_columns),
           cmocka_unit_test(replace_removes_every_row_in_the_way),
           cmocka_unit_test(an_upsert_reads_the_row_that_was_refused),
           cmocka_unit_test(an_update_moves_rows_and_their_index_entries),
           cmocka_unit_test(triggers_see_old_and_new_and_may_fire_themselves),
           cmocka_unit_test(foreign_keys_cascade_and_refuse),
           cmocka_unit_test(alter_table_rewrites_what_depends_on_it),
           cmocka_unit_test(names_that_are_taken_or_ours_are_refused),
           cmocka_unit_test(vacuum_keeps_rowids_and_content),
           cmocka_unit_test(analyze_counts_rows_per_prefix),
           cmocka_unit_test(explain_names_what_an_instruction_opens),
           cmocka_unit_test(explain_lists_triggers_as_they_fire))
