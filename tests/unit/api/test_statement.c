// Prepared statements: text, rows, EXPLAIN modes, counters.

#include "support/test.h"

#include "base/alloc.h"
#include "support/api_fault.h"
#include "support/changeset.h"

static void the_tail_is_the_next_statement(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    const char *tail;

    assert_ok(sqlite3_prepare_v2(db, "SELECT 1; SELECT 2", -1, &stmt, &tail));
    assert_text(" SELECT 2", tail);
    assert_text("SELECT 1;", sqlite3_sql(stmt));
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_prepare_v2(db, " -- nothing", -1, &stmt, &tail));

    assert_null(stmt);
    assert_ok(sqlite3_close(db));
}

// What was read of a statement that is none; the rest is for the caller to look at.
static void the_tail_of_an_error_is_where_it_was_found(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"SELEC 1; SELECT 2", " 1; SELECT 2"},   {"SELECT 1 FROM t WHERE; SELECT 2", " SELECT 2"},
        {"SELECT 1 #; SELECT 2", "#; SELECT 2"}, {"SELECT 'abc; SELECT 2", "'abc; SELECT 2"},
        {"SELECT nix; SELECT 2", " SELECT 2"},   {"SELECT 1 +", ""},
    };
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sqlite3_stmt *stmt;
        const char *tail;
        assert_rc(SQLITE_ERROR, sqlite3_prepare_v2(db, cases[i][0], -1, &stmt, &tail));
        assert_null(stmt);
        assert_text(cases[i][1], tail);
    }
    assert_ok(sqlite3_close(db));
}

static void a_row_leaves_no_older_error_behind(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, "SELECT ?1", -1, &stmt, NULL));
    assert_rc(SQLITE_RANGE, sqlite3_bind_int(stmt, 2, 1));

    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    assert_int_equal(sqlite3_errcode(db), SQLITE_ROW);
    assert_rc(SQLITE_MISUSE, sqlite3_bind_int(stmt, 1, 1)); // it is running

    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

static void a_statement_can_become_its_explanation_and_back(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, "SELECT * FROM t WHERE a = ?1", -1, &stmt, NULL));
    assert_ok(sqlite3_bind_int(stmt, 1, 5));

    assert_ok(sqlite3_stmt_explain(stmt, 2));
    assert_int_equal(sqlite3_stmt_isexplain(stmt), 2);
    assert_int_equal(sqlite3_column_count(stmt), 4);
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    assert_text("SCAN t", (const char *)sqlite3_column_text(stmt, 3));
    assert_rc(SQLITE_BUSY, sqlite3_stmt_explain(stmt, 0));
    assert_ok(sqlite3_reset(stmt));
    assert_ok(sqlite3_stmt_explain(stmt, 1));
    assert_int_equal(sqlite3_column_count(stmt), 8);
    assert_ok(sqlite3_stmt_explain(stmt, 0));
    assert_rc(SQLITE_ERROR, sqlite3_stmt_explain(stmt, 3));

    assert_rc(SQLITE_DONE, sqlite3_step(stmt));
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

static void a_pragma_looks_again_each_time(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_stmt *list;
    assert_ok(
        sqlite3_prepare_v3(db, "PRAGMA database_list", -1, SQLITE_PREPARE_PERSISTENT, &list, NULL));
    assert_rc(SQLITE_ROW, sqlite3_step(list));
    assert_rc(SQLITE_DONE, sqlite3_step(list));
    assert_ok(sqlite3_reset(list));

    assert_ok(sqlite3_exec(db, "ATTACH ':memory:' AS two", NULL, NULL, NULL));

    assert_rc(SQLITE_ROW, sqlite3_step(list));
    assert_rc(SQLITE_ROW, sqlite3_step(list));
    assert_text("two", (const char *)sqlite3_column_text(list, 1));
    assert_ok(sqlite3_finalize(list));
    assert_ok(sqlite3_close(db));
}

static int prepare_without_modules(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_NO_VTAB, &stmt, NULL);
    sqlite3_finalize(stmt);
    return rc;
}

static void virtual_tables_can_be_hidden(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE VIRTUAL TABLE r USING rtree(id, a, b); CREATE TABLE t(a);"
                                "CREATE VIEW v AS SELECT * FROM r;"
                                "CREATE TRIGGER w AFTER INSERT ON t BEGIN DELETE FROM r; END");

    assert_rc(SQLITE_ERROR, prepare_without_modules(db, "SELECT * FROM r"));
    assert_text("no such table: r", sqlite3_errmsg(db));
    assert_rc(SQLITE_ERROR, prepare_without_modules(db, "SELECT * FROM v"));
    assert_text("no such table: main.r", sqlite3_errmsg(db));
    assert_rc(SQLITE_ERROR, prepare_without_modules(db, "INSERT INTO t VALUES(1)"));
    assert_rc(SQLITE_ERROR, prepare_without_modules(db, "SELECT * FROM json_each('[]')"));
    assert_ok(prepare_without_modules(db, "SELECT * FROM t"));

    assert_ok(sqlite3_close(db));
}

static int run(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        db, "SELECT a, group_concat(b) FROM t WHERE a > ?1 GROUP BY a ORDER BY 2 DESC", -1, &stmt,
        NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, "0", -1, SQLITE_TRANSIENT);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW && sqlite3_column_text16(stmt, 1) == NULL)
            rc = sqlite3_errcode(db);
    }
    int end_rc = sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? end_rc : rc;
}

static void
a_compound_is_declared_as_its_last_term_outside_and_as_its_first_at_the_top(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *type;
    } cases[] = {
        {"SELECT a FROM t UNION SELECT x FROM u", "INTEGER"},
        {"SELECT a FROM (SELECT a FROM t UNION SELECT x FROM u)", "INT"},
        {"SELECT (SELECT a FROM t UNION ALL SELECT x FROM u)", "INT"},
        {"WITH RECURSIVE c(i) AS (SELECT a FROM t UNION SELECT i + 1 FROM c) SELECT i FROM c",
         NULL},
        {"SELECT a FROM v", "INTEGER"},
    };
    sqlite3 *db = database_with("CREATE TABLE t(a INTEGER); CREATE TABLE u(x INT);"
                                "CREATE VIEW v AS SELECT a FROM t LIMIT 3");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sqlite3_stmt *stmt;
        assert_ok(sqlite3_prepare_v2(db, cases[i].sql, -1, &stmt, NULL));
        if (cases[i].type == NULL)
            assert_null(sqlite3_column_decltype(stmt, 0));
        else
            assert_text(cases[i].type, sqlite3_column_decltype(stmt, 0));
        assert_ok(sqlite3_finalize(stmt));
    }
    assert_ok(sqlite3_close(db));
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (1, 'y'), (2, 'z')",
                      run);
}

// Text of EXPLAIN QUERY PLAN is lent, and copied when it is asked for; so is that of a constant in
// UTF-16.
static void a_column_refused_for_memory_ends_the_run(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "EXPLAIN QUERY PLAN SELECT * FROM t, t AS u",
        "SELECT 1, 2, 3, 'a text that is long enough' FROM t",
    };
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2)");
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *stmt;
        assert_ok(sqlite3_prepare_v2(db, statements[i], -1, &stmt, NULL));
        assert_rc(SQLITE_ROW, sqlite3_step(stmt));

        alloc_fault_arm(1, false);
        assert_null(sqlite3_column_text16(stmt, 3));
        alloc_fault_arm(0, false);

        assert_rc(SQLITE_NOMEM, sqlite3_step(stmt));
        assert_rc(SQLITE_NOMEM, sqlite3_reset(stmt));
        assert_rc(SQLITE_ROW, sqlite3_step(stmt));
        assert_non_null(sqlite3_column_text16(stmt, 3));
        assert_rc(SQLITE_ROW, sqlite3_step(stmt));
        assert_rc(SQLITE_DONE, sqlite3_step(stmt));
        assert_ok(sqlite3_finalize(stmt));
    }
    assert_ok(sqlite3_close(db));
}

static void the_loops_of_a_plan_tell_how_often_they_began(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2), (3, 4);"
                                "CREATE TABLE u(a); CREATE INDEX ui ON u(a)");
    sqlite3_stmt *stmt;
    sqlite3_int64 count = 0;
    const char *text;
    assert_ok(
        sqlite3_prepare_v2(db, "SELECT * FROM t, u WHERE u.a = t.b ORDER BY t.a", -1, &stmt, NULL));
    assert_rc(SQLITE_DONE, sqlite3_step(stmt));

    assert_ok(sqlite3_stmt_scanstatus(stmt, 0, SQLITE_SCANSTAT_NLOOP, &count));
    assert_int_equal(count, 1);
    assert_ok(sqlite3_stmt_scanstatus(stmt, 1, SQLITE_SCANSTAT_NLOOP, &count));
    assert_int_equal(count, 2);
    assert_ok(sqlite3_stmt_scanstatus(stmt, 0, SQLITE_SCANSTAT_NAME, (void *)&text));
    assert_text("t", text);
    assert_ok(sqlite3_stmt_scanstatus(stmt, 1, SQLITE_SCANSTAT_NAME, (void *)&text));
    assert_text("ui", text);
    assert_ok(sqlite3_stmt_scanstatus_v2(stmt, 2, SQLITE_SCANSTAT_EXPLAIN, SQLITE_SCANSTAT_COMPLEX,
                                         (void *)&text));
    assert_text("USE TEMP B-TREE FOR ORDER BY", text);
    assert_ok(sqlite3_stmt_scanstatus(stmt, 0, SQLITE_SCANSTAT_NVISIT, &count));
    assert_int_equal(count, -1); // not measured
    assert_int_equal(sqlite3_stmt_scanstatus(stmt, 2, SQLITE_SCANSTAT_NLOOP, &count), 1);
    assert_int_equal(sqlite3_stmt_scanstatus(NULL, 0, SQLITE_SCANSTAT_NLOOP, &count), 1);
    sqlite3_stmt_scanstatus_reset(stmt);
    assert_ok(sqlite3_stmt_scanstatus(stmt, 1, SQLITE_SCANSTAT_NLOOP, &count));
    assert_int_equal(count, 0);

    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(
    statement, cmocka_unit_test(the_loops_of_a_plan_tell_how_often_they_began),
    cmocka_unit_test(the_tail_is_the_next_statement),
    cmocka_unit_test(the_tail_of_an_error_is_where_it_was_found),
    cmocka_unit_test(a_row_leaves_no_older_error_behind),
    cmocka_unit_test(a_statement_can_become_its_explanation_and_back),
    cmocka_unit_test(a_pragma_looks_again_each_time),
    cmocka_unit_test(virtual_tables_can_be_hidden),
    cmocka_unit_test(a_compound_is_declared_as_its_last_term_outside_and_as_its_first_at_the_top),
    cmocka_unit_test(short_memory_is_an_answer),
    cmocka_unit_test(a_column_refused_for_memory_ends_the_run))
