// What a sort may keep in memory follows the page cache's allowance.
#include "support/changeset.h"
#include "support/test.h"

// Bytes at the peak of a sort of some 20 MB that come from no table.
static sqlite3_int64 sort_peak(const char *settings)
{
    sqlite3 *db = database_with(settings);
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db,
                                 "SELECT printf('%0100d', value * 7919 % 100003) AS x"
                                 " FROM generate_series(1, 160000) ORDER BY x",
                                 -1, &stmt, NULL));
    sqlite3_int64 before = sqlite3_memory_used();
    (void)sqlite3_memory_highwater(1);
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    sqlite3_int64 peak = sqlite3_memory_highwater(0) - before;
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
    return peak;
}

static void cache_size_bounds_the_memory_of_a_sort(void **state)
{
    (void)state;
    enum { MB = 1000 * 1000 };
    sqlite3_int64 whole = sort_peak("PRAGMA cache_size=-60000");

    assert_true(whole > 16 * MB);
    assert_true(sort_peak("PRAGMA cache_size=-100") < 6 * MB);
    assert_true(sort_peak("PRAGMA page_size=512; PRAGMA cache_size=8000") < 9 * MB);
    assert_true(sort_peak("PRAGMA page_size=32768; PRAGMA cache_size=2000") > whole / 2);
}

TEST_SUITE(op_sort, cmocka_unit_test(cache_size_bounds_the_memory_of_a_sort))
