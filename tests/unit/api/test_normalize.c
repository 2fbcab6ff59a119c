// sqlite3_normalized_sql(): statements that differ in values and layout alone look the same.

#include "support/test.h"

#include "support/changeset.h"

static void check(sqlite3 *db, const char *sql, const char *expected)
{
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_NORMALIZE, &stmt, NULL));
    assert_text(expected, sqlite3_normalized_sql(stmt));
    assert_ok(sqlite3_finalize(stmt));
}

static void values_and_layout_are_left_out(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a, b, \"x y\")");

    check(db, "select  A FROM t -- c\n where b='x'", "SELECT a FROM t WHERE b=?;");
    check(db, "select a is null, a not null, null from t", "SELECT a IS NULL,a NOT NULL,?FROM t;");
    check(db, "select a from t where b in (1,2,3)", "SELECT a FROM t WHERE b IN(?,?,?);");
    check(db, "select a from t where b in (1)", "SELECT a FROM t WHERE b IN(?,?,?);");
    check(db, "select a from t where b in (1,a)", "SELECT a FROM t WHERE b IN(?,a);");
    check(db, "select a from t where b in (select 1)", "SELECT a FROM t WHERE b IN(SELECT?);");
    check(db, "select [X Y], [A] from t;", "SELECT\"x y\",a FROM t;");
    check(db, "select \"X Y\", \"no such\", \"A\" from t", "SELECT\"x y\",?,a FROM t;");
    check(db, "select \"val\" in (\"a\"\"b\", 'x')", "SELECT?IN(?,?);");

    assert_ok(sqlite3_close(db));
}

static void the_text_lives_as_long_as_the_statement(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, "SELECT 1", -1, &stmt, NULL));

    const char *text = sqlite3_normalized_sql(stmt);
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_rc(SQLITE_ROW, sqlite3_step(stmt)); // compiled anew

    assert_ptr_equal(text, sqlite3_normalized_sql(stmt));
    assert_null(sqlite3_normalized_sql(NULL));
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(normalize, cmocka_unit_test(values_and_layout_are_left_out),
           cmocka_unit_test(the_text_lives_as_long_as_the_statement))
