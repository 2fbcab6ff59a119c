// Power cuts, failing calls, full disks and short memory at every single step of a few
// transactions, in every journal mode, on the simulated computer.
//
// Transaction n fills every page with n. Whatever happens, whoever opens the file afterwards must
// find one number everywhere: that of the last transaction reported as committed, or of the one
// that was under way.
#include "begin_read.h"
#include "support/sim.h"
#include "support/test.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "os/os.h"
#include "pager/pager.h"

enum { PAGES = 24, TRANSACTIONS = 4, CONTENT_START = 100 };

typedef struct Scenario {
    const char *name;
    JournalMode mode;
    PagerSync sync;
    int cache_size;
    int sector_size;
    bool exclusive;
} Scenario;

static const Scenario scenarios[] = {
    {"delete", JOURNAL_DELETE, SYNC_FULL, 100, 512, false},
    {"delete, spilling", JOURNAL_DELETE, SYNC_FULL, 10, 512, false},
    {"delete, extra, large sectors", JOURNAL_DELETE, SYNC_EXTRA, 10, 4096, false},
    {"truncate, spilling", JOURNAL_TRUNCATE, SYNC_FULL, 10, 512, false},
    {"persist, spilling", JOURNAL_PERSIST, SYNC_FULL, 10, 512, false},
    {"persist, exclusive", JOURNAL_PERSIST, SYNC_FULL, 10, 4096, true},
    {"delete, exclusive", JOURNAL_DELETE, SYNC_FULL, 100, 512, true},
    {"wal", JOURNAL_WAL, SYNC_FULL, 100, 512, false},
    {"wal, spilling", JOURNAL_WAL, SYNC_FULL, 10, 512, false},
    {"wal, large sectors", JOURNAL_WAL, SYNC_FULL, 10, 4096, false},
    {"wal, exclusive", JOURNAL_WAL, SYNC_FULL, 10, 512, true},
    {"wal, normal", JOURNAL_WAL, SYNC_NORMAL, 10, 512, false},
    {"memory", JOURNAL_MEMORY, SYNC_FULL, 100, 512, false},
    {"memory, spilling", JOURNAL_MEMORY, SYNC_FULL, 10, 512, false},
    {"memory, exclusive", JOURNAL_MEMORY, SYNC_FULL, 10, 4096, true},
};

// A journal in memory undoes what failed, as long as its process lives.
static bool survives_power_cut(const Scenario *scenario)
{
    return scenario->mode != JOURNAL_MEMORY;
}

// --- the workload ---

static int open_pager(Sim *sim, int process, const Scenario *scenario, Pager **out)
{
    PagerOptions options = {
        .vfs = sim_vfs(sim, process),
        .path = "/test.db",
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    };
    TRY(pager_open(&options, out));
    u32 size = 512;
    JournalMode mode;
    TRY(pager_set_page_size(*out, &size, 0));
    pager_set_cache_size(*out, scenario->cache_size);
    pager_set_sync(*out, scenario->sync, false, false);
    pager_locking_exclusive(*out, scenario->exclusive);
    return scenario->mode == JOURNAL_WAL ? SQLITE_OK
                                         : pager_set_journal_mode(*out, scenario->mode, &mode);
}

static int fill(Pager *pager, Pgno pgno, u8 value)
{
    Page *page;
    if (pgno > pager_page_count(pager)) {
        TRY(pager_get_blank(pager, pgno, &page));
    } else {
        TRY(pager_get(pager, pgno, &page));
        int rc = pager_make_writable(pager, &page);
        if (rc != SQLITE_OK) {
            page_unpin(pager, page);
            return rc;
        }
    }
    u32 start = pgno == 1 ? CONTENT_START : 0;
    memset(page->data + start, value, pager_page_size(pager) - start);
    page_unpin(pager, page);
    return SQLITE_OK;
}

static Pgno pages_of(int transaction)
{
    return transaction == 0   ? PAGES
           : transaction == 2 ? PAGES + 8
           : transaction == 3 ? PAGES - 4
                              : PAGES;
}

static int change_all(Pager *pager, int number)
{
    Pgno count = pages_of(number);
    if (count < pager_page_count(pager))
        pager_set_page_count(pager, count);
    for (Pgno pgno = 1; pgno <= count; pgno++)
        TRY(fill(pager, pgno, (u8)number));
    TRY(pager_savepoint_open(pager, 1));
    for (Pgno pgno = 2; pgno <= count + 3; pgno += 2)
        TRY(fill(pager, pgno, 0xee));
    TRY(pager_savepoint_rollback(pager, 0));
    pager_savepoint_release(pager, 0);
    return SQLITE_OK;
}

static int transaction(Pager *pager, int number)
{
    TRY(begin_read(pager));
    int rc = pager_begin_write(pager, false);
    if (rc == SQLITE_OK)
        rc = change_all(pager, number);
    if (rc == SQLITE_OK)
        rc = pager_commit_prepare(pager, NULL);
    if (rc == SQLITE_OK)
        rc = pager_commit_finish(pager);
    if (rc != SQLITE_OK)
        pager_rollback(pager);
    pager_end_read(pager);
    return rc;
}

// Runs the transactions from `first` on. *committed is the last one that was reported as done,
// *begun the last that was tried.
static int run(Pager *pager, const Scenario *scenario, int first, int *committed, int *begun)
{
    for (int number = first; number <= TRANSACTIONS; number++) {
        *begun = number;
        TRY(transaction(pager, number));
        *committed = number;
        if (scenario->mode == JOURNAL_WAL && number % 2 == 0)
            TRY(pager_checkpoint(
                pager, number == 2 ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE, NULL,
                NULL));
    }
    return SQLITE_OK;
}

static void create(Sim *sim, const Scenario *scenario)
{
    Pager *pager;
    Scenario plain = {.mode = JOURNAL_DELETE, .sync = SYNC_EXTRA, .cache_size = 100};
    sim_set_sector_size(sim, scenario->sector_size);
    sim_set_characteristics(sim,
                            scenario->sector_size == 512 ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0);
    assert_ok(open_pager(sim, 0, &plain, &pager));
    assert_ok(pager_begin_read(pager, NULL));
    assert_ok(pager_begin_write(pager, false));
    for (Pgno pgno = 1; pgno <= PAGES; pgno++)
        assert_ok(fill(pager, pgno, 0));
    Page *page;
    assert_ok(pager_get(pager, 1, &page));
    memcpy(page->data, "SQLite format 3", 16);
    put_u16(page->data + 16, 512);
    page->data[18] = page->data[19] = scenario->mode == JOURNAL_WAL ? 2 : 1;
    page_unpin(pager, page);
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_ok(pager_commit_finish(pager));
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

// --- judging ---

// Reads every page; they must agree. Returns their number.
static int number_in(Pager *pager, const Scenario *scenario)
{
    assert_ok(begin_read(pager));
    int number = -1;
    for (Pgno pgno = 1; pgno <= pager_page_count(pager); pgno++) {
        Page *page;
        assert_ok(pager_get(pager, pgno, &page));
        u32 start = pgno == 1 ? CONTENT_START : 0;
        if (number < 0)
            number = page->data[start];
        for (u32 i = start; i < 512; i++)
            if (page->data[i] != number)
                fail_msg("%s: page %u byte %u is %u among pages of transaction %d", scenario->name,
                         pgno, i, page->data[i], number);
        page_unpin(pager, page);
    }
    assert_int_equal(pager_page_count(pager), pages_of(number));
    pager_end_read(pager);
    return number;
}

static int read_number(Sim *sim, int process, const Scenario *scenario)
{
    Pager *pager;
    Scenario plain = *scenario;
    plain.exclusive = false;
    assert_ok(open_pager(sim, process, &plain, &pager));
    int number = number_in(pager, scenario);
    assert_ok(pager_close(pager));
    return number;
}

// Below EXTRA the deletion of a journal may be lost in a power cut, and the transaction with it.
static int oldest_allowed(const Scenario *scenario, int committed)
{
    if (scenario->sync < SYNC_FULL)
        return 0;
    bool may_lose = scenario->mode == JOURNAL_DELETE && scenario->sync < SYNC_EXTRA;
    return may_lose ? committed - 1 : committed;
}

static void judge(Sim *sim, const Scenario *scenario, int committed, int begun, const char *when)
{
    int number = read_number(sim, 1, scenario);
    if (number > begun || number < oldest_allowed(scenario, committed))
        fail_msg("%s, %s: found transaction %d, committed %d, begun %d", scenario->name, when,
                 number, committed, begun);
    // And life goes on.
    Pager *pager;
    assert_ok(open_pager(sim, 1, scenario, &pager));
    assert_ok(transaction(pager, 1));
    assert_ok(pager_close(pager));
    assert_int_equal(read_number(sim, 1, scenario), 1);
}

static void without_faults_every_mode_ends_with_the_last_transaction(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++) {
        Sim *sim = sim_new(1);
        create(sim, &scenarios[i]);
        Pager *pager = NULL;
        int committed = 0;
        int begun = 0;
        assert_ok(open_pager(sim, 0, &scenarios[i], &pager));
        assert_ok(run(pager, &scenarios[i], 1, &committed, &begun));
        assert_ok(pager_close(pager));
        judge(sim, &scenarios[i], TRANSACTIONS, TRANSACTIONS, "no fault");
        sim_free(sim);
    }
}

// --- power cuts ---

// Crashes at call n; false when the workload ended before.
static bool crash_once(const Scenario *scenario, u64 n)
{
    Sim *sim = sim_new(n * 31 + 7);
    create(sim, scenario);
    Pager *pager = NULL;
    int committed = 0;
    int begun = 0;
    sim_crash_at(sim, n);
    int rc = open_pager(sim, 0, scenario, &pager);
    if (rc == SQLITE_OK)
        rc = run(pager, scenario, 1, &committed, &begun);
    if (pager != NULL && (rc != SQLITE_OK || n % 2 == 0))
        (void)pager_close(pager);
    bool crashed = sim_crashed(sim);
    sim_reboot(sim);
    if (pager != NULL && rc == SQLITE_OK && n % 2 != 0)
        (void)pager_close(pager);
    char when[40];
    snprintf(when, sizeof when, "crash at call %llu", (unsigned long long)n);
    judge(sim, scenario, committed, begun, when);
    sim_free(sim);
    return crashed;
}

static void a_power_cut_at_any_call_leaves_one_transaction(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++) {
        u64 n = 1;
        while (survives_power_cut(&scenarios[i]) && crash_once(&scenarios[i], n))
            n++;
        assert_true(n > 50 || !survives_power_cut(&scenarios[i]));
    }
}

// The recovery itself is cut off, again and again.
static void recovery_may_be_cut_off_too(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++) {
        for (u64 n = 20; n < 200 && survives_power_cut(&scenarios[i]); n += 9) {
            Sim *sim = sim_new(n);
            create(sim, &scenarios[i]);
            int committed = 0;
            int begun = 0;
            for (u64 again = n; again > 2; again = again * 2 / 3) {
                Pager *pager = NULL;
                sim_crash_at(sim, again);
                int rc = open_pager(sim, 0, &scenarios[i], &pager);
                if (rc == SQLITE_OK)
                    (void)run(pager, &scenarios[i], committed + 1, &committed, &begun);
                (void)pager_close(pager);
                sim_reboot(sim);
                int number = read_number(sim, 1, &scenarios[i]);
                assert_true(number <= begun);
                assert_true(number >= oldest_allowed(&scenarios[i], committed));
                committed = number;
            }
            sim_free(sim);
        }
    }
}

// --- failing calls ---

// One failing call; the pager rolls back, and the same pager goes on. False when nothing failed.
static bool fail_once(const Scenario *scenario, SimCall kind, u64 n, bool persist, int rc_wanted)
{
    Sim *sim = sim_new(n);
    create(sim, scenario);
    Pager *pager = NULL;
    int committed = 0;
    int begun = 0;
    u64 failures = sim_failures(sim);
    if (rc_wanted != SQLITE_OK)
        sim_fail_with(sim, kind, n, persist, rc_wanted);
    else
        sim_fail(sim, kind, n, persist);
    int rc = open_pager(sim, 0, scenario, &pager);
    if (rc == SQLITE_OK)
        rc = run(pager, scenario, 1, &committed, &begun);
    bool failed = sim_failures(sim) > failures;
    sim_fail(sim, kind, 0, false);
    if (pager != NULL && n % 3 != 0 && rc != SQLITE_OK) {
        int number = number_in(pager, scenario); // the connection recovers by itself
        assert_in_range(number, committed, begun);
        rc = transaction(pager, 1);
        assert_ok(rc);
        committed = begun = 1;
    }
    (void)pager_close(pager);
    char when[60];
    snprintf(when, sizeof when, "call %llu of kind %d fails", (unsigned long long)n, (int)kind);
    judge(sim, scenario, committed, begun, when);
    sim_free(sim);
    return failed;
}

static void any_call_may_fail_once_or_for_ever(void **state)
{
    static const SimCall kinds[] = {SIM_READ, SIM_WRITE,  SIM_SYNC,   SIM_TRUNCATE, SIM_OPEN,
                                    SIM_SIZE, SIM_DELETE, SIM_ACCESS, SIM_ANY};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++)
        for (u32 k = 0; k < ARRAY_LEN(kinds); k++)
            for (int persist = 0; persist < 2; persist++)
                for (u64 n = 1; fail_once(&scenarios[i], kinds[k], n, persist, SQLITE_OK);)
                    n += n < 20 ? 1 : 7;
}

static void a_lock_may_be_refused_at_any_time(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++)
        for (int kind = 0; kind < 2; kind++)
            for (u64 n = 1;
                 fail_once(&scenarios[i], kind ? SIM_LOCK : SIM_SHM_LOCK, n, false, SQLITE_BUSY);)
                n++;
}

static void a_full_disk_costs_only_the_transaction(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++) {
        for (i64 room = 0; room < 60000; room += 1500) {
            Sim *sim = sim_new((u64)room);
            create(sim, &scenarios[i]);
            Pager *pager = NULL;
            int committed = 0;
            int begun = 0;
            sim_set_disk_size(sim, 512 * PAGES + room);
            int rc = open_pager(sim, 0, &scenarios[i], &pager);
            if (rc == SQLITE_OK)
                (void)run(pager, &scenarios[i], 1, &committed, &begun);
            sim_set_disk_size(sim, -1);
            (void)pager_close(pager);
            judge(sim, &scenarios[i], committed, begun, "disk full");
            sim_free(sim);
        }
    }
}

// --- short memory ---

static bool starve_once(const Scenario *scenario, i64 n, bool persist)
{
    Sim *sim = sim_new((u64)n);
    create(sim, scenario);
    Pager *pager = NULL;
    int committed = 0;
    int begun = 0;
    alloc_fault_arm(n, persist);
    int rc = open_pager(sim, 0, scenario, &pager);
    if (rc == SQLITE_OK)
        rc = run(pager, scenario, 1, &committed, &begun);
    bool failed = alloc_fault_hits() > 0;
    alloc_fault_arm(0, false);
    assert_true(rc == SQLITE_OK || (rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM);
    (void)pager_close(pager);
    judge(sim, scenario, committed, begun, "out of memory");
    sim_free(sim);
    return failed;
}

static void memory_may_run_out_at_any_allocation(void **state)
{
    (void)state;
    AllocStats before;
    AllocStats after;
    alloc_stats(&before, false);
    for (u32 i = 0; i < ARRAY_LEN(scenarios); i++)
        for (int persist = 0; persist < 2; persist++)
            for (i64 n = 1; starve_once(&scenarios[i], n, persist); n++)
                continue;
    alloc_stats(&after, false);
    assert_int_equal(before.used, after.used);
}

static int setup(void **state)
{
    (void)state;
    return os_init();
}

TEST_SUITE(crash,
           cmocka_unit_test_setup(without_faults_every_mode_ends_with_the_last_transaction, setup),
           cmocka_unit_test_setup(a_power_cut_at_any_call_leaves_one_transaction, setup),
           cmocka_unit_test_setup(recovery_may_be_cut_off_too, setup),
           cmocka_unit_test_setup(any_call_may_fail_once_or_for_ever, setup),
           cmocka_unit_test_setup(a_lock_may_be_refused_at_any_time, setup),
           cmocka_unit_test_setup(a_full_disk_costs_only_the_transaction, setup),
           cmocka_unit_test_setup(memory_may_run_out_at_any_allocation, setup))
