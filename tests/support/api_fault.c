// Runs calls of the interface with memory running out: see api_fault.h.

#include "support/test.h"

#include "base/alloc.h"
#include "support/api_fault.h"
#include "support/changeset.h"

enum { RUNS_MAX = 20000 };

static bool is_answer(int rc)
{
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM;
}

// True: nothing was left to fail.
static bool run_once(const char *setup, ApiBody *body, int number, bool persist)
{
    sqlite3_int64 used = sqlite3_memory_used();
    sqlite3 *db = database_with(setup);
    sqlite3_extended_result_codes(db, 1);

    alloc_fault_arm(number, persist);
    int rc = body(db);
    bool was_hit = alloc_fault_hits() > 0;
    alloc_fault_arm(0, false);

    if (!is_answer(rc))
        fail_msg("allocation %d: code %d, %s", number, rc, sqlite3_errmsg(db));
    assert_true(was_hit || rc == SQLITE_OK);
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    assert_text("ok", rows_text(db, "PRAGMA integrity_check"));
    assert_ok(sqlite3_close(db));
    if (sqlite3_memory_used() != used)
        fail_msg("allocation %d: %lld bytes left", number, (long long)sqlite3_memory_used() - used);
    return !was_hit;
}

void api_fails_cleanly(const char *setup, ApiBody *body)
{
    assert_ok(sqlite3_initialize());
    (void)run_once(setup, body, RUNS_MAX, false); // what is made once per process
    for (int persist = 0; persist < 2; persist++) {
        int number = 1;
        while (!run_once(setup, body, number, persist != 0))
            assert_true(++number < RUNS_MAX);
        assert_true(number > 1); // the body does allocate
    }
}
