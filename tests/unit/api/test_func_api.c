// Functions, aggregates, window functions and collations of a program; their values and results.

#include "support/test.h"

#include "quire.h"
#include "support/api_fault.h"
#include "support/changeset.h"

static int destroyed;

static void count_destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static void fn_add(sqlite3_context *context, int count, sqlite3_value **args)
{
    sqlite3_int64 sum = 0;
    for (int i = 0; i < count; i++)
        sum += sqlite3_value_int64(args[i]);
    sqlite3_result_int64(context, sum + *(int *)sqlite3_user_data(context));
}

static void fn_fail(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    (void)args;
    sqlite3_result_error(context, "no such luck", -1);
    sqlite3_result_error_code(context, SQLITE_MISMATCH);
}

static void functions_are_found_by_name_and_arguments(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    int zero = 0, hundred = 100;

    assert_ok(sqlite3_create_function(db, "plus", -1, SQLITE_UTF8, &zero, fn_add, NULL, NULL));
    assert_ok(sqlite3_create_function(db, "plus", 1, SQLITE_UTF8, &hundred, fn_add, NULL, NULL));

    assert_text("6|101|0", rows_text(db, "SELECT plus(1, 2, 3), plus(1), plus()"));
    assert_ok(sqlite3_close(db));
}

static void wrong_definitions_are_misuse(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    destroyed = 0;

    assert_rc(SQLITE_MISUSE, sqlite3_create_function_v2(db, NULL, 1, SQLITE_UTF8, NULL, fn_add,
                                                        NULL, NULL, count_destroy));
    assert_rc(SQLITE_MISUSE, sqlite3_create_function_v2(db, "f", -2, SQLITE_UTF8, NULL, fn_add,
                                                        NULL, NULL, count_destroy));
    assert_rc(SQLITE_MISUSE, sqlite3_create_function_v2(db, "f", 1, SQLITE_UTF8, NULL, fn_add,
                                                        fn_add, NULL, count_destroy));

    assert_int_equal(destroyed, 3); // what was handed over is given back
    assert_rc(SQLITE_MISUSE, sqlite3_overload_function(db, "f", -2));
    assert_ok(sqlite3_close(db));
}

static void an_error_of_a_function_is_that_of_the_statement(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    assert_ok(sqlite3_create_function(db, "fail", 0, SQLITE_UTF8, NULL, fn_fail, NULL, NULL));

    assert_rc(SQLITE_MISMATCH, sqlite3_exec(db, "SELECT fail()", NULL, NULL, NULL));
    assert_text("no such luck", sqlite3_errmsg(db));

    assert_ok(sqlite3_close(db));
}

static void sum_step(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);
    if (sum != NULL)
        *sum += sqlite3_value_int64(args[0]);
    else
        sqlite3_result_error_nomem(context);
}

static void sum_inverse(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);
    *sum -= sqlite3_value_int64(args[0]);
}

static void sum_value(sqlite3_context *context)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, sum != NULL ? *sum : -1);
}

static void failing_final(sqlite3_context *context)
{
    sqlite3_result_error(context, "too late", -1);
}

static void aggregates_and_windows_share_their_state(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2), (3)");
    assert_ok(sqlite3_create_window_function(db, "total2", 1, SQLITE_UTF8, NULL, sum_step,
                                             sum_value, sum_value, sum_inverse, NULL));

    assert_text("6|-1",
                rows_text(db, "SELECT total2(a), (SELECT total2(a) FROM t WHERE 0) FROM t"));
    assert_text("1\n3\n5", rows_text(db, "SELECT total2(a) OVER (ROWS 1 PRECEDING) FROM t"));

    assert_ok(sqlite3_close(db));
}

// Its value was asked for before; an aggregate's final is its value.
static void a_window_drops_what_final_says(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2)");
    assert_ok(sqlite3_create_window_function(db, "w", 1, SQLITE_UTF8, NULL, sum_step, failing_final,
                                             sum_value, sum_inverse, NULL));

    assert_text("1\n3", rows_text(db, "SELECT w(a) OVER (ORDER BY a) FROM t"));
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "SELECT w(a) FROM t", NULL, NULL, NULL));

    assert_ok(sqlite3_close(db));
}

static void results_without_a_context_go_nowhere(void **state)
{
    (void)state;
    destroyed = 0;

    sqlite3_result_int(NULL, 1);
    sqlite3_result_text(NULL, "x", 1, count_destroy);
    sqlite3_result_error(NULL, "x", 1);
    sqlite3_set_auxdata(NULL, 0, &destroyed, count_destroy);

    assert_int_equal(destroyed, 2);
}

static int by_length(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    (void)arg;
    (void)a;
    (void)b;
    return a_size - b_size;
}

static void need(void *arg, sqlite3 *db, int encoding, const char *name)
{
    (void)encoding;
    ++*(int *)arg;
    if (strcmp(name, "length") == 0)
        sqlite3_create_collation(db, name, SQLITE_UTF8, NULL, by_length);
}

static void unknown_collations_are_asked_for(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES('ccc'), ('a'), ('bb')");
    int asked = 0;
    assert_ok(sqlite3_collation_needed(db, &asked, need));

    assert_text("a\nbb\nccc", rows_text(db, "SELECT a FROM t ORDER BY a COLLATE length"));
    assert_int_equal(asked, 1);
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "SELECT 1 COLLATE none = 2", NULL, NULL, NULL));
    assert_text("no such collation sequence: none", sqlite3_errmsg(db));
    assert_rc(SQLITE_MISUSE, sqlite3_create_collation(db, "x", 99, NULL, by_length));

    assert_ok(sqlite3_close(db));
}

static int define_and_call(sqlite3 *db)
{
    int zero = 0;
    int rc = sqlite3_create_function(db, "plus", 2, SQLITE_UTF8, &zero, fn_add, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_window_function(db, "total2", 1, SQLITE_UTF8, NULL, sum_step, sum_value,
                                            sum_value, sum_inverse, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_collation(db, "length", SQLITE_UTF8, NULL, by_length);
    if (rc == SQLITE_OK)
        rc =
            sqlite3_exec(db, "SELECT plus(a, 1), total2(a) OVER (ORDER BY a COLLATE length) FROM t",
                         NULL, NULL, NULL);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE TABLE t(a); INSERT INTO t VALUES('x'), ('yy')", define_and_call);
}

static void only_a_collation_in_use_is_guarded(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES('xx'), ('y')");
    sqlite3_stmt *reader;
    assert_ok(sqlite3_create_collation(db, "size", SQLITE_UTF8, NULL, by_length));
    assert_ok(sqlite3_prepare_v2(db, "SELECT a FROM t ORDER BY a COLLATE size", -1, &reader, NULL));
    assert_rc(SQLITE_ROW, sqlite3_step(reader));

    assert_ok(sqlite3_create_collation(db, "other", SQLITE_UTF8, NULL, by_length));
    assert_rc(SQLITE_BUSY, sqlite3_create_collation(db, "size", SQLITE_UTF8, NULL, NULL));

    assert_rc(SQLITE_ROW, sqlite3_step(reader));
    assert_ok(sqlite3_finalize(reader));
    assert_ok(sqlite3_create_collation(db, "size", SQLITE_UTF8, NULL, NULL));
    assert_ok(sqlite3_close(db));
}

// --- measures ---

static int calls, measured, ended;

// The blob's first byte, less the constant.
static void fn_beyond(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    const unsigned char *blob = sqlite3_value_blob(args[0]);
    calls++;
    if (blob != NULL)
        sqlite3_result_int(context, *blob - sqlite3_value_int(args[1]));
}

static int beyond_begin(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    static int kept;
    assert_ptr_equal(arg, &destroyed);
    kept = sqlite3_value_int(constant);
    *state = kept == 99 ? NULL : &kept;
    *reach = 1;
    return kept == 98 ? SQLITE_FULL : SQLITE_OK;
}

static int beyond_exceeds(void *state, const void *blob, int size, double bound)
{
    measured++;
    return size > 0 && *(const unsigned char *)blob - *(int *)state > bound;
}

static void beyond_end(void *state)
{
    assert_non_null(state);
    ended++;
}

static void a_measure_saves_calls_and_changes_nothing(void **state)
{
    (void)state;
    static const quire_measure measure = {beyond_begin, beyond_exceeds, beyond_end};
    sqlite3 *db = database_with(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
        " SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t"
        " SELECT i, unhex(printf('%02x', i * 7 % 251)) FROM n");
    assert_rc(SQLITE_NOTFOUND, quire_create_measure(db, "beyond", &measure, &destroyed));
    assert_rc(SQLITE_MISUSE, quire_create_measure(db, NULL, &measure, NULL));
    assert_rc(SQLITE_MISUSE, quire_create_measure(db, "beyond", NULL, NULL));
    assert_ok(sqlite3_create_function(db, "beyond", 2, SQLITE_UTF8, NULL, fn_beyond, NULL, NULL));
    const char *nearest = "SELECT id FROM t ORDER BY beyond(b, 3) LIMIT 3";
    calls = 0;
    assert_text("251\n502\n753", rows_text(db, nearest));
    assert_int_equal(calls, 1000);

    assert_ok(quire_create_measure(db, "beyond", &measure, &destroyed));
    calls = measured = ended = 0;
    assert_text("251\n502\n753", rows_text(db, nearest));
    assert_true(calls < 20 && measured > 980 && ended == 1);

    // A constant that cannot be measured by; one that fails; rows that are no blobs.
    measured = 0;
    assert_text("251", rows_text(db, "SELECT id FROM t ORDER BY beyond(b, 99) LIMIT 1"));
    assert_int_equal(measured, 0);
    assert_rc(SQLITE_FULL, sqlite3_exec(db, "SELECT id FROM t ORDER BY beyond(b, 98) LIMIT 1", NULL,
                                        NULL, NULL));
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(1001, NULL)", NULL, NULL, NULL));
    assert_text("1001\n251", rows_text(db, "SELECT id FROM t ORDER BY beyond(b, 3) LIMIT 2"));

    // It goes with the function.
    assert_ok(sqlite3_create_function(db, "beyond", 2, SQLITE_UTF8, NULL, fn_beyond, NULL, NULL));
    measured = 0;
    assert_text("1001\n251", rows_text(db, "SELECT id FROM t ORDER BY beyond(b, 3) LIMIT 2"));
    assert_int_equal(measured, 0);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(func_api, cmocka_unit_test(a_measure_saves_calls_and_changes_nothing),
           cmocka_unit_test(only_a_collation_in_use_is_guarded),
           cmocka_unit_test(functions_are_found_by_name_and_arguments),
           cmocka_unit_test(wrong_definitions_are_misuse),
           cmocka_unit_test(an_error_of_a_function_is_that_of_the_statement),
           cmocka_unit_test(aggregates_and_windows_share_their_state),
           cmocka_unit_test(a_window_drops_what_final_says),
           cmocka_unit_test(results_without_a_context_go_nowhere),
           cmocka_unit_test(unknown_collations_are_asked_for),
           cmocka_unit_test(short_memory_is_an_answer))
