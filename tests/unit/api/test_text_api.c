// Strings: formatting, building, comparing, complete statements, UTF-16.

#include "support/test.h"

#include "base/alloc.h"
#include "base/log.h"
#include "support/api_fault.h"
#include "support/changeset.h"

static void formats_know_sql(void **state)
{
    (void)state;
    char *text = sqlite3_mprintf("%q|%Q|%w|%Q|%d", "it's", "it's", "a\"b", NULL, 5);

    assert_text("it''s|'it''s'|a\"\"b|NULL|5", text);

    sqlite3_free(text);
    char small[8];
    assert_text("1234567", sqlite3_snprintf(sizeof small, small, "%s", "123456789"));
}

// It serves the error log and signal handlers' callers, who may have no memory to give.
static void a_given_buffer_is_all_the_memory_formats_use(void **state)
{
    (void)state;
    char out[12];
    alloc_fault_arm(1, true);

    assert_text("it''s|'it''", sqlite3_snprintf(sizeof out, out, "%q|%Q", "it's", "it's"));
    assert_text("     \"\"  x|", sqlite3_snprintf(sizeof out, out, "%7w  %-9s", "\"", "x|"));
    assert_text("  -001.500|", sqlite3_snprintf(sizeof out, out, "  %08.3f|", -1.5));
    assert_text("1.5    12,3", sqlite3_snprintf(sizeof out, out, "%-7g%,d", 1.5, 12345));
    assert_text("zzzzzzzzzzz", sqlite3_snprintf(sizeof out, out, "%.90000000c", 'z'));
    assert_text("", sqlite3_snprintf(1, out, "%s", "text"));

    assert_int_equal(alloc_fault_hits(), 0);
    alloc_fault_arm(0, false);
}

static void log_to(void *arg, int rc, const char *message)
{
    snprintf(arg, 40, "%d %zu %.9s", rc, strlen(message), message);
}

static void the_log_needs_no_memory(void **state)
{
    (void)state;
    char told[40] = "";
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_configure(log_to, told);
    alloc_fault_arm(1, true);
    sqlite3_log(5, "%s", text);
    alloc_fault_arm(0, false);
    log_configure(NULL, NULL);

    assert_text("5 699 xxxxxxxxx", told);
}

static void builders_keep_their_first_error(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 100);
    sqlite3_str *text = sqlite3_str_new(db);

    sqlite3_str_appendf(text, "%d-%s", 1, "a");
    sqlite3_str_appendchar(text, 3, '!');
    assert_text("1-a!!!", sqlite3_str_value(text));
    sqlite3_str_truncate(text, 3);
    assert_text("1-a", sqlite3_str_value(text));
    sqlite3_str_appendchar(text, 200, 'x');
    assert_int_equal(sqlite3_str_errcode(text), SQLITE_TOOBIG);
    sqlite3_str_appendall(text, "more");

    assert_int_equal(sqlite3_str_errcode(text), SQLITE_TOOBIG);
    assert_null(sqlite3_str_finish(text));
    assert_ok(sqlite3_close(db));
}

static void comparisons_ignore_ascii_case(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_stricmp("AbC", "aBc"), 0);
    assert_true(sqlite3_stricmp(NULL, "a") < 0);
    assert_int_equal(sqlite3_strnicmp("abX", "ABy", 2), 0);
    assert_int_equal(sqlite3_strglob("a*c", "abbc"), 0);
    assert_int_equal(sqlite3_strlike("a%C", "ABc", 0), 0);
    assert_int_equal(sqlite3_strlike("a#%c", "a%c", '#'), 0);
}

static void complete_statements_end_in_a_semicolon(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_complete("SELECT 1;"), 1);
    assert_int_equal(sqlite3_complete("SELECT ';"), 0);
    assert_int_equal(sqlite3_complete("CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1;"), 0);
    assert_int_equal(sqlite3_complete16(u"SELECT 1; -- done"), 1);
    assert_int_equal(sqlite3_complete(NULL), 0);
    assert_int_equal(sqlite3_complete16(NULL), SQLITE_NOMEM);
}

static void text_comes_in_both_encodings(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    const void *tail;
    assert_ok(sqlite3_open16(u":memory:", &db));

    assert_text("UTF-16le", rows_text(db, "PRAGMA encoding"));
    assert_ok(sqlite3_prepare16_v2(db, u"SELECT '\u00e9\u20ac' AS \"n\u00e4me\"; rest", -1, &stmt,
                                   &tail));
    assert_memory_equal(tail, u" rest", 12);
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    assert_memory_equal(sqlite3_column_text16(stmt, 0), u"\u00e9\u20ac", 6);
    assert_text("\xc3\xa9\xe2\x82\xac", (const char *)sqlite3_column_text(stmt, 0));
    assert_memory_equal(sqlite3_column_name16(stmt, 0), u"n\u00e4me", 10);
    assert_ok(sqlite3_finalize(stmt));
    assert_rc(SQLITE_ERROR, sqlite3_prepare16_v2(db, u"SELEKT", -1, &stmt, NULL));

    assert_memory_equal(sqlite3_errmsg16(db), u"near ", 10);
    assert_ok(sqlite3_close(db));
}

static int use_utf16(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare16_v2(db, u"SELECT 'text' AS name, ?1", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text16(stmt, 1, u"value", -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK && sqlite3_step(stmt) != SQLITE_ROW)
        rc = sqlite3_errcode(db);
    if (rc == SQLITE_OK
        && (sqlite3_column_text16(stmt, 0) == NULL || sqlite3_column_name16(stmt, 0) == NULL))
        rc = SQLITE_NOMEM;
    sqlite3_finalize(stmt);
    char *text = rc == SQLITE_OK ? sqlite3_mprintf("%200s", "x") : NULL;
    sqlite3_free(text);
    return rc == SQLITE_OK && text == NULL ? SQLITE_NOMEM : rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("", use_utf16);
}

TEST_SUITE(text_api, cmocka_unit_test(formats_know_sql),
           cmocka_unit_test(a_given_buffer_is_all_the_memory_formats_use),
           cmocka_unit_test(the_log_needs_no_memory),
           cmocka_unit_test(builders_keep_their_first_error),
           cmocka_unit_test(comparisons_ignore_ascii_case),
           cmocka_unit_test(complete_statements_end_in_a_semicolon),
           cmocka_unit_test(text_comes_in_both_encodings),
           cmocka_unit_test(short_memory_is_an_answer))
