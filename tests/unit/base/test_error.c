#include "support/test.h"

#include "base/error.h"
#include "base/log.h"

static int logged_rc;
static char logged[800];
static void remember(void *arg, int rc, const char *message)
{
    (void)arg;
    logged_rc = rc;
    snprintf(logged, sizeof logged, "%s", message);
}

static void origins_of_errors_are_logged(void **state)
{
    (void)state;
    log_configure(remember, NULL);
    assert_rc(SQLITE_CORRUPT, corrupt_page(7, "is torn"));
    assert_int_equal(logged_rc, SQLITE_CORRUPT);
    assert_non_null(strstr(logged, "page 7 is torn"));
    assert_non_null(strstr(logged, "test_error.c"));
    assert_rc(SQLITE_IOERR_READ, error_os(SQLITE_IOERR_READ, 5, "pread", "/x/y"));
    assert_non_null(strstr(logged, "pread(/x/y)"));
    assert_rc(SQLITE_MISUSE, error_misuse());
    assert_rc(SQLITE_CANTOPEN, error_cantopen());
    assert_rc(SQLITE_CORRUPT, corrupt_record("why"));
    log_configure(NULL, NULL);
    assert_false(log_is_on());
    log_message(1, "nobody listens");
}

static void codes_have_the_texts_of_sqlite(void **state)
{
    (void)state;
    assert_string_equal(error_text(SQLITE_OK), "not an error");
    assert_string_equal(error_text(SQLITE_CONSTRAINT_UNIQUE), "constraint failed");
    assert_string_equal(error_text(SQLITE_ABORT_ROLLBACK), "abort due to ROLLBACK");
    assert_string_equal(error_text(SQLITE_ROW), "another row available");
    assert_string_equal(error_text(SQLITE_NOTADB), "file is not a database");
    assert_string_equal(error_text(2), "unknown error");
    assert_string_equal(error_text(999), "unknown error");
}

TEST_SUITE(error, cmocka_unit_test(origins_of_errors_are_logged),
           cmocka_unit_test(codes_have_the_texts_of_sqlite))
