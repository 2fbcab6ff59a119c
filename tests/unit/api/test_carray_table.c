// carray(): arrays of the program as tables.

#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/test.h"

#include <sys/uio.h>

static int destroyed;

static void count_destroy(void *arg)
{
    destroyed += *(int *)arg;
}

// The rows of `sql`, whose first parameter gets an array.
static const char *rows_of(sqlite3 *db, const char *sql, void *data, int count, int type)
{
    static char text[400];
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    assert_ok(sqlite3_carray_bind(stmt, 1, data, count, type, SQLITE_TRANSIENT));
    memset(data, 0, 8); // what was copied is not looked at again
    size_t size = 0;
    text[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s ",
                                 (const char *)sqlite3_column_text(stmt, 0));
    assert_ok(sqlite3_finalize(stmt));
    return text;
}

static void arrays_of_each_type_are_tables(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2), (3)");
    int ints[] = {3, -1, 2};
    sqlite3_int64 longs[] = {1LL << 40, 5};
    double reals[] = {0.5, 2.0};
    const char *texts[] = {"one", NULL, "three"};
    char bytes[] = "ab";
    struct iovec blobs[] = {{bytes, 2}, {bytes, 0}};

    assert_text("3 -1 2 ",
                rows_of(db, "SELECT value FROM carray(?1)", ints, 3, SQLITE_CARRAY_INT32));
    assert_text("1099511627776 5 ",
                rows_of(db, "SELECT value FROM carray(?1)", longs, 2, SQLITE_CARRAY_INT64));
    assert_text("0.5 2.0 ",
                rows_of(db, "SELECT value FROM carray(?1)", reals, 2, SQLITE_CARRAY_DOUBLE));
    assert_text("one null three ", rows_of(db, "SELECT coalesce(value, 'null') FROM carray(?1)",
                                           texts, 3, SQLITE_CARRAY_TEXT));
    assert_text("X'6162' X'' ",
                rows_of(db, "SELECT quote(value) FROM carray(?1)", blobs, 2, SQLITE_CARRAY_BLOB));
    ints[0] = 3;
    assert_text("2 3 ",
                rows_of(db, "SELECT a FROM t WHERE a IN carray(?1)", ints, 3, SQLITE_CARRAY_INT32));
    assert_ok(sqlite3_close(db));
}

static void a_pointer_comes_with_its_count_and_type(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    double reals[] = {1.5, 2.5, 3.5};
    assert_ok(sqlite3_prepare_v2(
        db, "SELECT sum(value), max(rowid), count, ctype FROM carray(?1, 2, 'DOUBLE')", -1, &stmt,
        NULL));
    assert_ok(sqlite3_bind_pointer(stmt, 1, reals, "carray", NULL));

    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_f64_near(4.0, sqlite3_column_double(stmt, 0), 0);
    assert_int_equal(sqlite3_column_int(stmt, 1), 2);
    assert_int_equal(sqlite3_column_int(stmt, 2), 2);
    assert_text("double", (const char *)sqlite3_column_text(stmt, 3));
    assert_ok(sqlite3_finalize(stmt));

    assert_text("0", rows_text(db, "SELECT count(*) FROM carray(12345, 3)"));
    assert_text("0", rows_text(db, "SELECT count(*) FROM carray"));
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "SELECT * FROM carray(1, 3, 'x')", 0, 0, 0));
    assert_text("unknown datatype: 'x'", sqlite3_errmsg(db));
    assert_ok(sqlite3_close(db));
}

static void the_array_is_given_back_once(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    int one = 1;
    destroyed = 0;
    assert_ok(sqlite3_prepare_v2(db, "SELECT * FROM carray(?1)", -1, &stmt, NULL));

    assert_ok(sqlite3_carray_bind(stmt, 1, &one, 1, SQLITE_CARRAY_INT32, count_destroy));
    assert_int_equal(destroyed, 0);
    assert_ok(sqlite3_carray_bind_v2(stmt, 1, NULL, 0, SQLITE_CARRAY_INT32, count_destroy, &one));
    assert_int_equal(destroyed, 1);
    assert_rc(SQLITE_ERROR, sqlite3_carray_bind(stmt, 1, &one, 1, 99, count_destroy));
    assert_rc(SQLITE_RANGE, sqlite3_carray_bind(stmt, 9, &one, 1, 0, count_destroy));
    assert_rc(SQLITE_MISUSE, sqlite3_carray_bind(NULL, 1, &one, 1, 0, count_destroy));
    assert_int_equal(destroyed, 4);
    assert_ok(sqlite3_finalize(stmt));

    assert_int_equal(destroyed, 5);
    assert_ok(sqlite3_close(db));
}

static int bind_and_read(sqlite3 *db)
{
    const char *texts[] = {"one", "two"};
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT value FROM carray(?1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_carray_bind(stmt, 1, texts, 2, SQLITE_CARRAY_TEXT, SQLITE_TRANSIENT);
    int step = SQLITE_DONE;
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        continue;
    (void)sqlite3_finalize(stmt);
    return rc != SQLITE_OK || step == SQLITE_DONE ? rc : step;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("", bind_and_read);
}

TEST_SUITE(carray_table, cmocka_unit_test(arrays_of_each_type_are_tables),
           cmocka_unit_test(a_pointer_comes_with_its_count_and_type),
           cmocka_unit_test(the_array_is_given_back_once),
           cmocka_unit_test(short_memory_is_an_answer))
