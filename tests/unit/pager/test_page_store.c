// Pages shared by the connections of a process: who reads the disk, who copies, what others see.
//
// The simulated computer counts reads. Pagers of its process 0 share; process 1 is a foreign one.
#include "support/sim.h"
#include "support/test.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "fixture.h"
#include "os/os.h"
#include "os/thread.h"

#include <unistd.h>

enum { SMALL_PAGE = 512, PAGES = 40, READS_OF_A_SNAPSHOT = 3 };

typedef struct Fixture {
    Sim *sim;
    bool in_wal;
    Pager *a, *b;
} Fixture;

static Pager *sim_pager(Sim *sim, int process, const char *path)
{
    PagerOptions options = {
        .vfs = sim_vfs(sim, process),
        .path = path,
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    };
    Pager *pager = NULL;
    u32 size = SMALL_PAGE;
    assert_ok(pager_open(&options, &pager));
    assert_ok(pager_set_page_size(pager, &size, 0));
    return pager;
}

static void begin_read(Pager *pager)
{
    bool opened = false;
    Page *page;
    assert_ok(pager_begin_read(pager, NULL));
    assert_ok(pager_get(pager, 1, &page));
    bool wants_log = page->data[19] == 2;
    page_unpin(pager, page);
    if (!wants_log || pager_journal_mode(pager) == JOURNAL_WAL)
        return;
    assert_ok(pager_open_wal(pager, &opened));
    pager_end_read(pager);
    assert_ok(pager_begin_read(pager, NULL));
}

static void begin_write(Pager *pager)
{
    begin_read(pager);
    assert_ok(pager_begin_write(pager, false));
}

static void fill(Pager *pager, Pgno pgno, u8 value)
{
    Page *page;
    assert_ok(pager_get(pager, pgno, &page));
    assert_ok(pager_make_writable(pager, &page));
    u32 start = pgno == 1 ? 100 : 0;
    memset(page->data + start, value, pager_page_size(pager) - start);
    page_unpin(pager, page);
}

static u8 value_of(Pager *pager, Pgno pgno)
{
    Page *page;
    assert_ok(pager_get(pager, pgno, &page));
    u8 value = page->data[200];
    assert_int_equal(page->data[pager_page_size(pager) - 1], value);
    page_unpin(pager, page);
    return value;
}

// Where the page lies in memory, which two connections that share it agree on.
static const u8 *place_of(Pager *pager, Pgno pgno)
{
    Page *page;
    assert_ok(pager_get(pager, pgno, &page));
    const u8 *place = page->data;
    page_unpin(pager, page);
    return place;
}

static void write_one(Pager *pager, Pgno pgno, u8 value)
{
    begin_write(pager);
    fill(pager, pgno, value);
    commit(pager);
}

static void create(Sim *sim, bool in_wal, u32 page_size)
{
    Pager *pager = sim_pager(sim, 0, "/test.db");
    Page *page;
    u32 size = page_size;
    assert_ok(pager_set_page_size(pager, &size, 0));
    begin(pager);
    for (Pgno pgno = 1; pgno <= PAGES; pgno++) {
        assert_ok(pager_get_blank(pager, pgno, &page));
        memset(page->data, (int)pgno, page_size);
        if (pgno == 1) {
            memset(page->data, 0, 100);
            memcpy(page->data, "SQLite format 3", 16);
            put_u16(page->data + 16, (u16)page_size);
            page->data[18] = page->data[19] = in_wal ? 2 : 1;
        }
        page_unpin(pager, page);
    }
    commit(pager);
    assert_ok(pager_close(pager));
}

static void setup_pair(Fixture *f, bool in_wal)
{
    *f = (Fixture){.sim = sim_new(7), .in_wal = in_wal};
    create(f->sim, in_wal, SMALL_PAGE);
    f->a = sim_pager(f->sim, 0, "/test.db");
    f->b = sim_pager(f->sim, 0, "/test.db");
}

static void teardown_pair(Fixture *f)
{
    assert_ok(pager_close(f->a));
    assert_ok(pager_close(f->b));
    sim_free(f->sim);
}

static u64 reads(const Fixture *f)
{
    return sim_calls(f->sim, SIM_READ);
}

static void read_all(Pager *pager)
{
    for (Pgno pgno = 1; pgno <= PAGES; pgno++)
        assert_int_equal(value_of(pager, pgno), pgno);
}

// Runs a test in a rollback mode, in WAL mode with an absent log, and with one that has frames.
static void in_all_modes(void (*test)(Fixture *f))
{
    for (int mode = 0; mode < 3; mode++) {
        Fixture f;
        setup_pair(&f, mode > 0);
        if (mode == 2) {
            write_one(f.a, 5, 99);
            write_one(f.a, 5, 5);
        }
        test(&f);
        teardown_pair(&f);
    }
}

// --- sharing ---

static void check_second_reader(Fixture *f)
{
    begin_read(f->a);
    read_all(f->a);
    begin_read(f->b);
    u64 before = reads(f);
    read_all(f->b);
    assert_true(reads(f) - before <= 1); // page 1, which a rollback reader sees before the log
    for (Pgno pgno = 2; pgno <= PAGES; pgno++)
        assert_ptr_equal(place_of(f->a, pgno), place_of(f->b, pgno));
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void a_second_reader_takes_what_the_first_one_read(void **state)
{
    (void)state;
    in_all_modes(check_second_reader);
}

static void check_late_comer(Fixture *f)
{
    begin_read(f->a);
    read_all(f->a);
    pager_end_read(f->a); // the first connection is idle
    u64 before = reads(f);
    Pager *late = sim_pager(f->sim, 0, "/test.db");
    begin_read(late);
    read_all(late);
    assert_true(reads(f) - before <= READS_OF_A_SNAPSHOT);
    pager_end_read(late);
    assert_ok(pager_close(late));
}

static void a_connection_that_comes_later_does_too(void **state)
{
    (void)state;
    in_all_modes(check_late_comer);
}

static void check_shares(Fixture *f)
{
    PagerStats alone;
    PagerStats both;
    begin_read(f->a);
    read_all(f->a);
    pager_stats(f->a, &alone, false);
    begin_read(f->b);
    read_all(f->b);
    pager_stats(f->a, &both, false);
    assert_int_equal(alone.memory, alone.memory_shared);
    assert_int_equal(both.memory, alone.memory);
    assert_true(both.memory_shared < alone.memory - PAGES / 2 * SMALL_PAGE + 2 * SMALL_PAGE);
    pager_stats(f->b, &both, false);
    assert_true(both.hits >= PAGES - 1);
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void memory_is_divided_among_the_holders(void **state)
{
    (void)state;
    in_all_modes(check_shares);
}

static void check_small_cache(Fixture *f)
{
    pager_set_cache_size(f->b, 10);
    begin_read(f->a);
    read_all(f->a);
    begin_read(f->b);
    u64 before = reads(f);
    for (int round = 0; round < 3; round++)
        read_all(f->b);
    assert_true(reads(f) - before <= 1);
    PagerStats stats;
    pager_stats(f->b, &stats, false);
    assert_true(stats.memory < 40 * 1024); // it keeps no more than its own limit allows
    pager_shrink(f->a);                    // what nobody holds any more is gone
    for (Pgno pgno = 1; pgno <= PAGES; pgno++)
        assert_int_equal(value_of(f->b, pgno), pgno);
    assert_true(reads(f) - before > PAGES / 2);
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void a_small_cache_evicts_for_itself(void **state)
{
    (void)state;
    in_all_modes(check_small_cache);
}

// --- writing ---

static void check_private_copy(Fixture *f)
{
    begin_read(f->a);
    read_all(f->a);
    begin_write(f->b);
    read_all(f->b);
    const u8 *shared = place_of(f->a, 7);
    assert_ptr_equal(place_of(f->b, 7), shared);
    fill(f->b, 7, 77);
    assert_ptr_not_equal(place_of(f->b, 7), shared);
    assert_ptr_equal(place_of(f->a, 7), shared);
    assert_int_equal(value_of(f->a, 7), 7);
    assert_ptr_equal(place_of(f->b, 8), place_of(f->a, 8));

    u64 before = reads(f);
    assert_ok(pager_rollback(f->b));
    assert_int_equal(value_of(f->b, 7), 7);
    assert_ptr_equal(place_of(f->b, 7), shared); // found with the other one
    assert_int_equal(reads(f), before);
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void a_writer_changes_a_copy_and_a_rollback_drops_it(void **state)
{
    (void)state;
    in_all_modes(check_private_copy);
}

static void check_sole_holder(Fixture *f)
{
    begin_read(f->a);
    read_all(f->a);
    pager_end_read(f->a);
    begin_write(f->a);
    fill(f->a, 9, 90); // published, and changed in place: nobody may find it
    if (f->in_wal) {
        begin_read(f->b);
        assert_int_equal(value_of(f->b, 9), 9);
        pager_end_read(f->b);
    }
    assert_ok(pager_rollback(f->a));
    begin_read(f->b);
    assert_int_equal(value_of(f->b, 9), 9);
    assert_int_equal(value_of(f->a, 9), 9);
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void a_page_being_changed_is_not_found(void **state)
{
    (void)state;
    in_all_modes(check_sole_holder);
}

static void check_commit(Fixture *f)
{
    begin_read(f->b);
    read_all(f->b);
    pager_end_read(f->b);
    begin_write(f->a);
    fill(f->a, 11, 111);
    fill(f->a, 12, 112);
    commit(f->a);
    begin_read(f->b);
    u64 before = reads(f);
    assert_int_equal(value_of(f->b, 11), 111);
    assert_int_equal(value_of(f->b, 12), 112);
    assert_int_equal(reads(f), before);
    begin_read(f->a);
    assert_ptr_equal(place_of(f->a, 11), place_of(f->b, 11));
    pager_end_read(f->a);
    pager_end_read(f->b);
}

static void a_commit_is_seen_without_a_read(void **state)
{
    (void)state;
    in_all_modes(check_commit);
}

// A page restored by a savepoint is private and still known under its old name.
static void check_savepoint(Fixture *f)
{
    begin_write(f->a);
    read_all(f->a);
    assert_ok(pager_savepoint_open(f->a, 1));
    fill(f->a, 13, 113);
    assert_ok(pager_savepoint_rollback(f->a, 0));
    assert_int_equal(value_of(f->a, 13), 13);
    fill(f->a, 13, 213);
    if (f->in_wal) {
        begin_read(f->b);
        assert_int_equal(value_of(f->b, 13), 13);
        pager_end_read(f->b);
    }
    pager_savepoint_release(f->a, 0);
    commit(f->a);
    begin_read(f->b);
    assert_int_equal(value_of(f->b, 13), 213);
    pager_end_read(f->b);
}

static void what_a_savepoint_restores_may_be_changed_again(void **state)
{
    (void)state;
    in_all_modes(check_savepoint);
}

// A transaction larger than its cache: frames beyond the last commit have no name.
static void check_spill(Fixture *f)
{
    pager_set_cache_size(f->a, 10);
    begin_write(f->a);
    for (Pgno pgno = 2; pgno <= PAGES; pgno++)
        fill(f->a, pgno, (u8)(pgno + 100));
    for (Pgno pgno = 2; pgno <= PAGES; pgno++)
        assert_int_equal(value_of(f->a, pgno), pgno + 100);
    if (f->in_wal) {
        begin_read(f->b);
        read_all(f->b);
        pager_end_read(f->b);
    }
    assert_ok(pager_rollback(f->a));
    pager_end_read(f->a);
    begin_read(f->b);
    read_all(f->b);
    pager_end_read(f->b);
    begin_write(f->a);
    for (Pgno pgno = 2; pgno <= PAGES; pgno++)
        fill(f->a, pgno, (u8)(pgno + 150));
    commit(f->a);
    begin_read(f->b);
    for (Pgno pgno = 2; pgno <= PAGES; pgno++)
        assert_int_equal(value_of(f->b, pgno), pgno + 150);
    pager_end_read(f->b);
}

static void spilled_pages_are_not_shared_before_the_commit(void **state)
{
    (void)state;
    in_all_modes(check_spill);
}

// --- the log ---

static void checkpoints_leave_old_snapshots_alone(void **state)
{
    (void)state;
    for (int mode = SQLITE_CHECKPOINT_PASSIVE; mode <= SQLITE_CHECKPOINT_TRUNCATE; mode++) {
        Fixture f;
        setup_pair(&f, true);
        Pager *old = sim_pager(f.sim, 0, "/test.db");
        write_one(f.a, 20, 120);
        begin_read(old);
        assert_int_equal(value_of(old, 20), 120);
        write_one(f.a, 20, 220);
        write_one(f.a, 21, 221);
        int rc = pager_checkpoint(f.b, mode, NULL, NULL);
        assert_int_equal(rc, mode == SQLITE_CHECKPOINT_PASSIVE ? SQLITE_OK : SQLITE_BUSY);
        begin_read(f.b);
        assert_int_equal(value_of(f.b, 20), 220);
        assert_int_equal(value_of(f.b, 21), 221);
        assert_int_equal(value_of(f.b, 22), 22);
        assert_int_equal(value_of(old, 20), 120);
        assert_int_equal(value_of(old, 21), 21);
        assert_int_equal(value_of(old, 22), 22);
        pager_shrink(old);
        assert_int_equal(value_of(old, 20), 120);
        pager_end_read(old);
        pager_end_read(f.b);
        assert_ok(pager_checkpoint(f.b, mode, NULL, NULL));
        begin_read(old);
        assert_int_equal(value_of(old, 20), 220);
        assert_int_equal(value_of(old, 21), 221);
        pager_end_read(old);
        assert_ok(pager_close(old));
        teardown_pair(&f);
    }
}

// The same frame number, another log.
static void a_log_started_over_has_new_names(void **state)
{
    (void)state;
    Fixture f;
    setup_pair(&f, true);
    for (u8 round = 1; round <= 20; round++) {
        write_one(f.a, 5, (u8)(round + 100));
        begin_read(f.b);
        assert_int_equal(value_of(f.b, 5), round + 100);
        u64 before = reads(&f);
        assert_int_equal(value_of(f.b, 5), round + 100);
        assert_int_equal(reads(&f), before);
        pager_end_read(f.b);
        int mode = round % 2 == 0 ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_TRUNCATE;
        assert_ok(pager_checkpoint(round % 3 == 0 ? f.a : f.b, mode, NULL, NULL));
    }
    teardown_pair(&f);
}

// Between two periods of log use a log may come and go unseen, while an idle connection keeps pages
// of the first period.
static void an_absent_log_is_another_one_each_time(void **state)
{
    (void)state;
    Fixture f;
    JournalMode mode;
    setup_pair(&f, true);
    begin_read(f.a);
    read_all(f.a);
    pager_end_read(f.a);
    assert_ok(pager_set_journal_mode(f.a, JOURNAL_DELETE, &mode));
    assert_int_equal(mode, JOURNAL_DELETE);

    Pager *foreign = sim_pager(f.sim, 1, "/test.db");
    write_one(foreign, 5, 55);
    assert_ok(pager_close(foreign));
    assert_false(sim_exists(f.sim, "/test.db-wal"));
    begin_read(f.b);
    assert_int_equal(value_of(f.b, 5), 55);
    assert_int_equal(value_of(f.b, 6), 6);
    pager_end_read(f.b);
    teardown_pair(&f);
}

// --- others ---

static void check_foreigner(Fixture *f)
{
    Pager *foreign = sim_pager(f->sim, 1, "/test.db");
    for (u8 round = 1; round < 20; round++) {
        write_one(foreign, 1 + round, (u8)(round + 100));
        begin_read(f->a);
        assert_int_equal(value_of(f->a, 1 + round), round + 100);
        begin_read(f->b);
        u64 before = reads(f);
        assert_int_equal(value_of(f->b, 1 + round), round + 100);
        assert_int_equal(reads(f), before);
        pager_end_read(f->a);
        pager_end_read(f->b);
        begin_read(foreign);
        assert_ptr_not_equal(place_of(foreign, 2), place_of(foreign, 3));
        pager_end_read(foreign);
    }
    assert_ok(pager_close(foreign));
}

static void what_another_process_wrote_is_read_once(void **state)
{
    (void)state;
    in_all_modes(check_foreigner);
}

// VACUUM into another page size, seen by connections that had the old pages.
static void pages_of_another_size_are_others(void **state)
{
    (void)state;
    Fixture f;
    setup_pair(&f, false);
    begin_read(f.a);
    read_all(f.a);
    begin_read(f.b);
    read_all(f.b);
    pager_end_read(f.a);
    pager_end_read(f.b);

    Pager *other = sim_pager(f.sim, 1, "/test.db");
    begin_write(other);
    u32 size = 1024;
    assert_ok(pager_set_page_size(other, &size, 0));
    assert_int_equal(size, 1024);
    Page *page;
    for (Pgno pgno = 1; pgno <= 10; pgno++) {
        assert_ok(pager_get(other, pgno, &page));
        assert_ok(pager_make_writable(other, &page));
        memset(page->data + 100, (int)pgno + 100, size - 100);
        if (pgno == 1)
            put_u16(page->data + 16, (u16)size);
        page_unpin(other, page);
    }
    pager_set_page_count(other, 10);
    commit(other);
    assert_ok(pager_close(other));

    begin_read(f.a);
    begin_read(f.b);
    assert_int_equal(pager_page_size(f.a), 1024);
    assert_int_equal(pager_page_count(f.a), 10);
    for (Pgno pgno = 1; pgno <= 10; pgno++) {
        assert_int_equal(value_of(f.a, pgno), pgno + 100);
        assert_ptr_equal(place_of(f.a, pgno), place_of(f.b, pgno));
    }
    pager_end_read(f.a);
    pager_end_read(f.b);
    teardown_pair(&f);
}

static bool share(Sim *sim, const char *path, Pager *with)
{
    Pager *pager = sim_pager(sim, 0, path);
    assert_ok(pager_begin_read(pager, NULL));
    bool is_same = place_of(pager, 3) == place_of(with, 3);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
    return is_same;
}

// nolock and immutable: nothing tells them that the file has changed.
static void who_takes_no_locks_does_not_share(void **state)
{
    (void)state;
    Fixture f;
    setup_pair(&f, false);
    begin_read(f.a);
    read_all(f.a);
    assert_true(share(f.sim, "/test.db", f.a));
    const char *keys[] = {"nolock", "immutable"};
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        const char *parameters[] = {keys[i], "1"};
        char *path = filename_new("/test.db", "/test.db-journal", "/test.db-wal", 1, parameters);
        PagerOptions options = {
            .vfs = sim_vfs(f.sim, 0),
            .path = path,
            .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_URI,
        };
        Pager *pager = NULL;
        assert_ok(pager_open(&options, &pager));
        assert_ok(pager_begin_read(pager, NULL));
        assert_int_equal(value_of(pager, 3), 3);
        assert_ptr_not_equal(place_of(pager, 3), place_of(f.a, 3));
        pager_end_read(pager);
        assert_ok(pager_close(pager));
        filename_free(path);
    }
    pager_end_read(f.a);
    teardown_pair(&f);
}

// Short of memory, pages are read and not shared, or the read fails: never a wrong page.
static void without_memory_there_is_only_no_sharing(void **state)
{
    (void)state;
    Fixture f;
    setup_pair(&f, true);
    begin_read(f.a);
    read_all(f.a);
    for (u64 n = 1; n < 200; n++) {
        Pager *pager = NULL;
        PagerOptions options = {
            .vfs = sim_vfs(f.sim, 0),
            .path = "/test.db",
            .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB,
        };
        alloc_fault_arm((i64)n, true);
        int rc = pager_open(&options, &pager);
        if (rc == SQLITE_OK)
            rc = pager_begin_read(pager, NULL);
        for (Pgno pgno = 1; pgno <= PAGES && rc == SQLITE_OK; pgno++) {
            Page *page;
            rc = pager_get(pager, pgno, &page);
            if (rc == SQLITE_OK) {
                assert_int_equal(page->data[SMALL_PAGE - 1], pgno);
                page_unpin(pager, page);
            }
        }
        alloc_fault_arm(0, false);
        assert_true(rc == SQLITE_OK || rc == SQLITE_NOMEM);
        if (pager != NULL && pager_state(pager) != PAGER_IDLE)
            pager_end_read(pager);
        assert_ok(pager_close(pager));
    }
    pager_end_read(f.a);
    teardown_pair(&f);
}

// --- which file is it ---

typedef struct Shim {
    sqlite3_file base; // first
    sqlite3_file *inner;
} Shim;

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    return os_control(((Shim *)file)->inner, op, arg);
}

static void a_shim_has_no_identity(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    assert_ok(os_init());
    const char *path = work_path(&dir, "test.db");
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    char *name = filename_new(path, "", "", 0, NULL);
    sqlite3_file *files[2];
    FileIdentity identities[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(os_open_new(vfs_find(NULL), name, flags, &files[i], NULL));
        assert_true(os_identity(files[i], &identities[i]));
    }
    assert_memory_equal(&identities[0], &identities[1], sizeof identities[0]);

    // One that forwards, and one that uses the system's methods under a table of its own.
    const sqlite3_io_methods forwarding = {.iVersion = 1, .xFileControl = shim_control};
    Shim shim = {.base = {&forwarding}, .inner = files[0]};
    assert_false(os_identity(&shim.base, &identities[0]));
    const sqlite3_io_methods *own = files[1]->pMethods;
    const sqlite3_io_methods copied = *own;
    files[1]->pMethods = &copied;
    assert_false(os_identity(files[1], &identities[1]));
    files[1]->pMethods = own;
    for (int i = 0; i < 2; i++)
        os_close_free(files[i]);
    filename_free(name);
    work_dir_end(&dir);
}

// --- threads ---

enum { THREADS = 5, WRITERS = 2, ROUNDS = 150, FIRST = SAMPLE_FIRST, LAST = SAMPLE_FIRST + 30 };

typedef struct Worker {
    const char *path;
    int index;
    bool failed;
} Worker;

static int try_again(void *arg)
{
    (void)arg;
    usleep(200);
    return 1;
}

// One number in all pages, whoever wrote it.
static bool agrees(Pager *pager)
{
    int number = -1;
    for (Pgno pgno = FIRST; pgno <= LAST; pgno++) {
        Page *page;
        if (pager_get(pager, pgno, &page) != SQLITE_OK)
            return false;
        if (number < 0)
            number = page->data[4];
        bool is_same = page->data[4] == number && page->data[1000] == number;
        page_unpin(pager, page);
        if (!is_same)
            return false;
    }
    return true;
}

static bool write_number(Pager *pager, u8 number)
{
    if (pager_begin_write(pager, false) != SQLITE_OK)
        return true; // another was first
    for (Pgno pgno = FIRST; pgno <= LAST; pgno++) {
        Page *page;
        if (pager_get(pager, pgno, &page) != SQLITE_OK)
            return false;
        int rc = pager_make_writable(pager, &page);
        memset(page->data + 4, number, pager_page_size(pager) - 4);
        page_unpin(pager, page);
        if (rc != SQLITE_OK)
            return false;
    }
    if (number % 5 == 0)
        return pager_rollback(pager) == SQLITE_OK;
    return pager_commit_prepare(pager, NULL) == SQLITE_OK
           && pager_commit_finish(pager) == SQLITE_OK;
}

// Small caches, so that pages come and go all the time.
static bool work(const Worker *worker, Pager *pager)
{
    bool opened;
    pager_set_busy_handler(pager, try_again, NULL);
    pager_set_cache_size(pager, worker->index % 2 == 0 ? 20 : 100);
    pager_set_sync(pager, SYNC_OFF, false, false);
    if (pager_begin_read(pager, NULL) != SQLITE_OK)
        return false;
    if (pager_journal_mode(pager) != JOURNAL_WAL && pager_open_wal(pager, &opened) != SQLITE_OK)
        return false;
    pager_end_read(pager);
    for (int round = 0; round < ROUNDS; round++) {
        if (pager_begin_read(pager, NULL) != SQLITE_OK)
            return false;
        bool is_right = agrees(pager) && agrees(pager);
        if (is_right && worker->index < WRITERS)
            is_right = write_number(pager, (u8)(round * WRITERS + worker->index));
        pager_end_read(pager);
        if (!is_right)
            return false;
        if (worker->index == THREADS - 1 && round % 8 == 0) {
            int rc = pager_checkpoint(pager, round % 3, NULL, NULL);
            if (rc != SQLITE_OK && rc != SQLITE_BUSY)
                return false;
        }
    }
    return true;
}

static void *run_worker(void *arg)
{
    Worker *worker = arg;
    PagerOptions options = {
        .vfs = vfs_find(NULL),
        .path = worker->path,
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB,
    };
    Pager *pager = NULL;
    worker->failed = pager_open(&options, &pager) != SQLITE_OK || !work(worker, pager);
    if (pager != NULL && pager_state(pager) == PAGER_WRITING)
        (void)pager_rollback(pager);
    if (pager != NULL)
        worker->failed |= pager_close(pager) != SQLITE_OK;
    return NULL;
}

static void threads_share_pages(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    assert_ok(os_init());
    Pager *pager = pager_at(path);
    begin_write(pager);
    for (Pgno pgno = FIRST; pgno <= LAST; pgno++)
        change_page(pager, pgno, 0);
    commit(pager);
    Worker workers[THREADS];
    Thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.path = path, .index = i};
        assert_ok(thread_start(&threads[i], run_worker, &workers[i]));
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < THREADS; i++)
        assert_false(workers[i].failed);
    assert_ok(pager_close(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    work_dir_end(&dir);
}

TEST_SUITE(page_store, cmocka_unit_test(a_second_reader_takes_what_the_first_one_read),
           cmocka_unit_test(a_connection_that_comes_later_does_too),
           cmocka_unit_test(memory_is_divided_among_the_holders),
           cmocka_unit_test(a_small_cache_evicts_for_itself),
           cmocka_unit_test(a_writer_changes_a_copy_and_a_rollback_drops_it),
           cmocka_unit_test(a_page_being_changed_is_not_found),
           cmocka_unit_test(a_commit_is_seen_without_a_read),
           cmocka_unit_test(what_a_savepoint_restores_may_be_changed_again),
           cmocka_unit_test(spilled_pages_are_not_shared_before_the_commit),
           cmocka_unit_test(checkpoints_leave_old_snapshots_alone),
           cmocka_unit_test(a_log_started_over_has_new_names),
           cmocka_unit_test(an_absent_log_is_another_one_each_time),
           cmocka_unit_test(what_another_process_wrote_is_read_once),
           cmocka_unit_test(pages_of_another_size_are_others),
           cmocka_unit_test(who_takes_no_locks_does_not_share),
           cmocka_unit_test(without_memory_there_is_only_no_sharing),
           cmocka_unit_test(a_shim_has_no_identity), cmocka_unit_test(threads_share_pages))
