// Parameters and columns: numbers, names, lifetimes, conversions.

#include "support/test.h"

#include "support/api_fault.h"
#include "support/changeset.h"

static int destroyed;

static void count_destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    return stmt;
}

static void parameters_have_numbers_and_names(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt = prepare(db, "SELECT ?3, :a, @b, $c, ?, :a");

    assert_int_equal(sqlite3_bind_parameter_count(stmt), 7);
    assert_int_equal(sqlite3_bind_parameter_index(stmt, ":a"), 4);
    assert_int_equal(sqlite3_bind_parameter_index(stmt, "a"), 0);
    assert_text("?3", sqlite3_bind_parameter_name(stmt, 3));
    assert_text("@b", sqlite3_bind_parameter_name(stmt, 5));
    assert_null(sqlite3_bind_parameter_name(stmt, 7));
    assert_rc(SQLITE_RANGE, sqlite3_bind_null(stmt, 8));

    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

// Whatever becomes of it, what was handed over is given back once.
static void a_destructor_is_called_once(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt = prepare(db, "SELECT ?1");
    destroyed = 0;

    assert_ok(sqlite3_bind_text(stmt, 1, "text", -1, count_destroy));
    assert_int_equal(destroyed, 0);
    assert_ok(sqlite3_bind_blob(stmt, 1, "blob", 4, count_destroy));
    assert_int_equal(destroyed, 1);
    assert_rc(SQLITE_RANGE, sqlite3_bind_text(stmt, 9, "late", -1, count_destroy));
    assert_int_equal(destroyed, 2);
    assert_ok(sqlite3_bind_pointer(stmt, 1, &destroyed, "kind", count_destroy));
    assert_int_equal(destroyed, 3);
    assert_ok(sqlite3_clear_bindings(stmt));
    assert_int_equal(destroyed, 4);

    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

static void columns_convert_on_demand(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt = prepare(db, "SELECT '12.5abc', 3, x'3132', NULL, zeroblob(3)");
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));

    assert_int_equal(sqlite3_column_type(stmt, 0), SQLITE_TEXT);
    assert_int_equal(sqlite3_column_int(stmt, 0), 12);
    assert_f64_near(12.5, sqlite3_column_double(stmt, 0), 1e-12);
    assert_text("3", (const char *)sqlite3_column_text(stmt, 1));
    assert_int_equal(sqlite3_column_bytes16(stmt, 1), 2);
    assert_int_equal(sqlite3_column_int(stmt, 2), 12);
    assert_null(sqlite3_column_text(stmt, 3));
    assert_int_equal(sqlite3_column_bytes(stmt, 4), 3);
    assert_int_equal(sqlite3_column_type(stmt, 5), SQLITE_NULL); // there is none
    assert_int_equal(sqlite3_errcode(db), SQLITE_RANGE);

    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

static int bind_all(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT ?1 || ?2, ?3, ?4", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, "a longer text than fits", -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text16(stmt, 2, u"\u00e9\u20ac", -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(stmt, 3, "bytes", 5, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_zeroblob(stmt, 4, 100);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt) == SQLITE_ROW ? SQLITE_OK : sqlite3_errcode(db);
    if (rc == SQLITE_OK
        && (sqlite3_column_text(stmt, 0) == NULL || sqlite3_column_blob(stmt, 2) == NULL))
        rc = sqlite3_errcode(db);
    sqlite3_finalize(stmt);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("", bind_all);
}

TEST_SUITE(bind, cmocka_unit_test(parameters_have_numbers_and_names),
           cmocka_unit_test(a_destructor_is_called_once),
           cmocka_unit_test(columns_convert_on_demand), cmocka_unit_test(short_memory_is_an_answer))
