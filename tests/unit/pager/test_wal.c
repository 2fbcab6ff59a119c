// The write-ahead log beside stock processes.
#include "fixture.h"
#include "pager/wal.h"

#include <sys/wait.h>
#include <unistd.h>

static const char USER_VERSION[] = "PRAGMA user_version";

static int setup(void **state)
{
    static WorkDir dir;
    work_dir_begin(&dir);
    *state = &dir;
    return 0;
}

static int teardown(void **state)
{
    work_dir_end(*state);
    return 0;
}

static Pager *wal_pager(const char *path)
{
    Pager *pager = pager_at(path);
    bool opened = false;
    assert_ok(pager_begin_read(pager, NULL));
    if (pager_journal_mode(pager) != JOURNAL_WAL)
        assert_ok(pager_open_wal(pager, &opened));
    pager_end_read(pager);
    assert_int_equal(pager_journal_mode(pager), JOURNAL_WAL);
    return pager;
}

static void set_user_version(Pager *pager, u32 value)
{
    Page *page;
    assert_ok(pager_get(pager, 1, &page));
    assert_ok(pager_make_writable(pager, &page));
    put_u32(page->data + 60, value);
    page_unpin(pager, page);
}

static u32 user_version(Pager *pager)
{
    Page *page;
    assert_ok(pager_get(pager, 1, &page));
    u32 value = get_u32(page->data + 60);
    page_unpin(pager, page);
    return value;
}

static void our_commits_are_seen_by_stock_and_theirs_by_us(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    char wanted[20];
    char sql[60];
    for (u32 i = 1; i < 40; i += 2) {
        begin(pager);
        set_user_version(pager, i);
        change_page(pager, 50, (u8)i);
        commit(pager);
        assert_int_equal(pager_wal_frames_committed(pager) > 0, true);
        snprintf(wanted, sizeof wanted, "%u", i);
        assert_text(wanted, stock_sql(path, USER_VERSION));

        snprintf(sql, sizeof sql, "PRAGMA user_version=%u", i + 1);
        assert_text("", stock_sql(path, sql));
        bool changed;
        assert_ok(pager_begin_read(pager, &changed));
        assert_true(changed);
        assert_int_equal(user_version(pager), i + 1);
        assert_int_equal(page_value(pager, 50), i);
        pager_end_read(pager);
    }
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    assert_ok(pager_close(pager));
    assert_int_equal(file_size(work_path(*state, "test.db-wal")), -1);
    assert_int_equal(file_size(work_path(*state, "test.db-shm")), -1);
    assert_text("40", stock_sql(path, USER_VERSION));
}

static void a_snapshot_does_not_move_while_others_commit(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *reader = wal_pager(path);
    Pager *writer = wal_pager(path);
    pager_set_cache_size(reader, 10);
    assert_ok(pager_begin_read(reader, NULL));
    for (u8 i = 1; i < 10; i++) {
        begin(writer);
        change_sample(writer, i);
        commit(writer);
        assert_sample(reader, 0);
        int log_frames;
        int copied;
        assert_ok(pager_checkpoint(writer, SQLITE_CHECKPOINT_PASSIVE, &log_frames, &copied));
        assert_true(copied < log_frames || i == 0);
    }
    assert_rc(SQLITE_BUSY_SNAPSHOT, pager_begin_write(reader, false));
    pager_end_read(reader);
    assert_ok(pager_begin_read(reader, NULL));
    assert_sample(reader, 9);
    pager_end_read(reader);
    assert_ok(pager_close(reader));
    assert_ok(pager_close(writer));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void set_user_version_in_log(Pager *pager, u32 value)
{
    begin(pager);
    set_user_version(pager, value);
    commit(pager);
    assert_true(pager_wal_frames_committed(pager) > 0);
}

static void count_page(void *count, Pgno pgno)
{
    assert_true(pgno > 0);
    ++*(int *)count;
}

// Who reads the file alone does not keep the log: its frames may be those of other pages by the
// time they are asked for.
static void news_of_a_log_started_over_are_not_believed(void **state)
{
    enum { MANY = 10000 };
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *reader = wal_pager(path);
    Pager *writer = wal_pager(path);
    set_user_version_in_log(writer, 5);
    assert_ok(pager_begin_read(reader, NULL));
    pager_end_read(reader);
    begin(writer);
    change_sample(writer, 1);
    commit(writer);
    assert_ok(pager_checkpoint(writer, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));

    int count = 0;
    assert_ok(pager_begin_read(reader, NULL));
    assert_true(wal_visit_news(pager_wal(reader), MANY, count_page, &count));
    assert_true(count > 0);
    set_user_version_in_log(writer, 7);
    assert_false(wal_visit_news(pager_wal(reader), MANY, count_page, &count));
    assert_sample(reader, 1);
    pager_end_read(reader);
    assert_ok(pager_close(reader));
    assert_ok(pager_close(writer));
}

static void only_one_writes_at_a_time(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pid_t stock = stock_start(path, "BEGIN IMMEDIATE");
    assert_ok(pager_begin_read(pager, NULL));
    assert_rc(SQLITE_BUSY, pager_begin_write(pager, false));
    pager_end_read(pager);
    stock_stop(stock, false);
    begin(pager);
    assert_text("error 5: database is locked", stock_sql(path, "BEGIN IMMEDIATE"));
    assert_text("1", stock_sql(path, "SELECT a FROM t"));
    assert_ok(pager_rollback(pager));
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void spilled_frames_are_forgotten_by_rollback(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=1024; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pager_set_cache_size(pager, 10);
    for (u8 round = 1; round < 4; round++) {
        begin(pager);
        change_sample(pager, round);
        assert_sample(pager, round);
        assert_ok(pager_rollback(pager));
        assert_sample(pager, 0);
        pager_end_read(pager);
        assert_text("ok\n1", stock_sql(path, "PRAGMA integrity_check;"
                                             "SELECT b = zeroblob(length(b)) FROM t"));
    }
    begin(pager);
    change_sample(pager, 9);
    commit(pager);
    assert_text("09", stock_sql(path, "SELECT hex(substr(b, 100000, 1)) FROM t"));
    assert_ok(pager_close(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void savepoints_cut_the_log(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pager_set_cache_size(pager, 10);
    begin(pager);
    for (Pgno pgno = SAMPLE_FIRST; pgno <= 60; pgno++)
        change_page(pager, pgno, 1);
    assert_ok(pager_savepoint_open(pager, 1));
    for (Pgno pgno = 40; pgno <= 100; pgno++)
        change_page(pager, pgno, 2);
    assert_ok(pager_savepoint_open(pager, 2));
    change_sample(pager, 3);
    assert_ok(pager_savepoint_rollback(pager, 1));
    for (Pgno pgno = SAMPLE_FIRST; pgno <= SAMPLE_LAST; pgno++)
        assert_int_equal(page_value(pager, pgno), pgno >= 40 && pgno <= 100 ? 2 : pgno <= 60);
    change_sample(pager, 4);
    assert_ok(pager_savepoint_rollback(pager, 0));
    for (Pgno pgno = SAMPLE_FIRST; pgno <= SAMPLE_LAST; pgno++)
        assert_int_equal(page_value(pager, pgno), pgno <= 60);
    commit(pager);
    assert_ok(pager_begin_read(pager, NULL));
    for (Pgno pgno = SAMPLE_FIRST; pgno <= SAMPLE_LAST; pgno++)
        assert_int_equal(page_value(pager, pgno), pgno <= 60);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void checkpoints_of_every_kind_keep_the_content(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *log = work_path(*state, "test.db-wal");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    int frames;
    int copied;
    for (int mode = SQLITE_CHECKPOINT_PASSIVE; mode <= SQLITE_CHECKPOINT_TRUNCATE; mode++) {
        begin(pager);
        change_sample(pager, (u8)(mode + 1));
        commit(pager);
        assert_ok(pager_checkpoint(pager, mode, &frames, &copied));
        assert_int_equal(frames, copied);
        assert_ok(pager_begin_read(pager, NULL));
        assert_sample(pager, mode + 1);
        pager_end_read(pager);
        assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    }
    assert_int_equal(file_size(log), 0);
    begin(pager);
    change_sample(pager, 9);
    commit(pager);

    pid_t stock = stock_start(path, "BEGIN; SELECT * FROM s");
    begin(pager);
    change_page(pager, 9, 10);
    commit(pager);
    assert_rc(SQLITE_BUSY, pager_checkpoint(pager, SQLITE_CHECKPOINT_FULL, &frames, &copied));
    assert_int_equal(frames, copied + 1);
    stock_stop(stock, false);
    assert_ok(pager_checkpoint(pager, SQLITE_CHECKPOINT_FULL, &frames, &copied));
    assert_int_equal(frames, copied);
    long before = file_size(log);
    begin(pager);
    change_page(pager, 9, 11); // starts the log over
    commit(pager);
    assert_int_equal(file_size(log), before);
    assert_text("0|1|1", stock_sql(path, "PRAGMA wal_checkpoint"));
    assert_ok(pager_close(pager));
}

// A child commits to the log and dies; nobody checkpoints.
static void leave_log_behind(const char *path, u8 value)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        Pager *pager = wal_pager(path);
        begin(pager);
        change_sample(pager, value);
        commit(pager);
        begin(pager);
        change_sample(pager, 99);
        assert_ok(pager_flush(pager)); // frames without a commit
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void stock_recovers_our_log(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    leave_log_behind(path, 0x21);
    assert_true(file_size(work_path(*state, "test.db-wal")) > 250 * 4120);
    assert_text("ok\n21", stock_sql(path, "PRAGMA integrity_check;"
                                          "SELECT hex(substr(b, 400000, 1)) FROM t"));
    sample_create(work_path(*state, "b.db"), "PRAGMA page_size=512; PRAGMA journal_mode=wal");
    leave_log_behind(work_path(*state, "b.db"), 0x22);
    unlink(work_path(*state, "b.db-shm"));
    Pager *pager = wal_pager(work_path(*state, "b.db"));
    assert_ok(pager_begin_read(pager, NULL));
    assert_sample(pager, 0x22);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void logs_left_by_stock_are_recovered(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    pid_t stock = stock_start(path, "PRAGMA journal_mode=wal;PRAGMA wal_autocheckpoint=0;"
                                    "PRAGMA user_version=5;UPDATE t SET b=zeroblob(9000000);"
                                    "PRAGMA user_version=6;PRAGMA cache_size=5;BEGIN;"
                                    "UPDATE t SET b=randomblob(8000000)");
    stock_stop(stock, true);
    unlink(work_path(*state, "test.db-shm"));
    Pager *pager = wal_pager(path);
    assert_ok(pager_begin_read(pager, NULL));
    assert_int_equal(user_version(pager), 6);
    for (Pgno pgno = 300; pgno < 2100; pgno += 7)
        assert_int_equal(page_value(pager, pgno), 0);
    pager_end_read(pager);
    begin(pager);
    set_user_version(pager, 7);
    commit(pager);
    assert_text("ok\n7\n9000000", stock_sql(path, "PRAGMA integrity_check;PRAGMA user_version;"
                                                  "SELECT length(b) FROM t"));
    assert_ok(pager_close(pager));
}

static void exclusive_mode_needs_no_shared_memory(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = pager_at(path);
    pager_locking_exclusive(pager, 1);
    bool opened;
    assert_ok(pager_begin_read(pager, NULL));
    assert_ok(pager_open_wal(pager, &opened));
    assert_true(opened);
    pager_end_read(pager);
    for (u8 i = 1; i < 5; i++) {
        begin(pager);
        change_sample(pager, i);
        commit(pager);
        assert_ok(pager_begin_read(pager, NULL));
        assert_sample(pager, i);
        pager_end_read(pager);
    }
    assert_int_equal(file_size(work_path(*state, "test.db-shm")), -1);
    assert_text("error 5: database is locked", stock_sql(path, "SELECT a FROM t"));
    assert_ok(pager_close(pager));
    assert_text("ok\n04", stock_sql(path, "PRAGMA integrity_check;"
                                          "SELECT hex(substr(b, 400000, 1)) FROM t"));
}

static void leaving_the_mode_empties_the_log(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    begin(pager);
    change_sample(pager, 3);
    commit(pager);
    pid_t stock = stock_start(path, "BEGIN; SELECT * FROM s");
    JournalMode mode;
    assert_rc(SQLITE_BUSY, pager_set_journal_mode(pager, JOURNAL_DELETE, &mode));
    assert_int_equal(pager_journal_mode(pager), JOURNAL_WAL);
    stock_stop(stock, false);
    assert_ok(pager_set_journal_mode(pager, JOURNAL_DELETE, &mode));
    assert_int_equal(mode, JOURNAL_DELETE);
    assert_int_equal(file_size(work_path(*state, "test.db-wal")), -1);
    assert_ok(pager_begin_read(pager, NULL));
    assert_sample(pager, 3);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

// Our writer and a stock one count user_version up in turns of their own choosing.
static void writers_of_both_libraries_take_turns(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    assert_text("", stock_sql(path, "CREATE TABLE n(x); INSERT INTO n VALUES(0)"));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 60; i++)
            (void)stock_sql(path, "PRAGMA busy_timeout=5000;PRAGMA wal_autocheckpoint=5;"
                                  "UPDATE n SET x=x+1");
        _exit(0);
    }
    Pager *pager = wal_pager(path);
    int written = 0;
    while (written < 300) {
        assert_ok(pager_begin_read(pager, NULL));
        int rc = pager_begin_write(pager, false);
        if (rc == SQLITE_OK) {
            set_user_version(pager, user_version(pager) + 1);
            commit(pager);
            written++;
            if (written % 20 == 0) {
                int mode = written / 20 % 4;
                int checkpoint_rc = pager_checkpoint(pager, mode, NULL, NULL);
                assert_true(checkpoint_rc == SQLITE_OK || checkpoint_rc == SQLITE_BUSY);
            }
        } else {
            assert_int_equal(rc & 0xff, SQLITE_BUSY);
            pager_end_read(pager);
            usleep(200);
        }
    }
    waitpid(child, NULL, 0);
    assert_text("ok\n300\n60", stock_sql(path, "PRAGMA integrity_check;PRAGMA user_version;"
                                               "SELECT x FROM n"));
    assert_ok(pager_close(pager));
    assert_text("ok\n300\n60", stock_sql(path, "PRAGMA integrity_check;PRAGMA user_version;"
                                               "SELECT x FROM n"));
}

static void concurrent_transactions_commit_one_after_the_other(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *first = wal_pager(path);
    Pager *second = wal_pager(path);
    assert_ok(pager_begin_read(first, NULL));
    assert_ok(pager_begin_concurrent(first));
    assert_ok(pager_begin_read(second, NULL));
    assert_ok(pager_begin_concurrent(second));
    change_page(first, 10, 1);
    change_page(second, 20, 2);
    assert_ok(pager_savepoint_open(second, 1));
    change_page(second, 21, 2);
    assert_ok(pager_savepoint_rollback(second, 0));
    assert_int_equal(page_value(second, 21), 0);
    commit(first); // nobody came before: its pages go out as they are

    bool stale = false;
    assert_ok(pager_concurrent_lock(second, &stale));
    assert_true(stale);
    assert_ok(pager_concurrent_rebase(second));
    assert_int_equal(page_value(second, 10), 1);
    assert_int_equal(page_value(second, 20), 0);
    change_page(second, 20, 2);
    commit(second);

    assert_ok(pager_begin_read(first, NULL));
    assert_int_equal(page_value(first, 10), 1);
    assert_int_equal(page_value(first, 20), 2);
    assert_int_equal(page_value(first, 21), 0);
    pager_end_read(first);
    assert_ok(pager_close(first));
    assert_ok(pager_close(second));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void a_stale_concurrent_transaction_is_refused_unless_rebased(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    assert_ok(pager_begin_read(pager, NULL));
    assert_ok(pager_begin_concurrent(pager));
    change_page(pager, 10, 1);
    assert_text("", stock_sql(path, "PRAGMA user_version=3"));
    assert_rc(SQLITE_BUSY_SNAPSHOT, pager_commit_prepare(pager, NULL));
    assert_text("", stock_sql(path, "PRAGMA user_version=4")); // the lock was given back
    assert_ok(pager_rollback(pager));
    assert_int_equal(page_value(pager, 10), 0);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void deferred_syncs_are_made_good_by_one(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pager_defer_sync(pager, true);
    for (u8 i = 1; i < 4; i++) {
        begin(pager);
        change_page(pager, 10, i);
        commit(pager);
    }
    assert_ok(pager_sync_log(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    assert_ok(pager_close(pager));
}

// Without the right to write the shared memory: beside a writer its marks serve; alone the index is
// built in the heap.
static void a_reader_needs_no_right_to_write_shared_memory(void **state)
{
    const char *path = work_path(*state, "test.db");
    assert_ok(os_init());
    const char *const parameters[] = {"readonly_shm", "1"};
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    leave_log_behind(path, 5);
    PagerOptions options = {
        .vfs = vfs_find(NULL),
        .path = filename_new(path, "", "", 1, parameters),
        .open_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_MAIN_DB,
    };
    for (int with_writer = 0; with_writer < 2; with_writer++) {
        pid_t stock = 0;
        if (with_writer)
            stock = stock_start(path, "PRAGMA user_version=8; SELECT * FROM s");
        Pager *pager = NULL;
        assert_ok(pager_open(&options, &pager));
        for (int round = 0; round < 2; round++) {
            assert_ok(pager_begin_read(pager, NULL));
            assert_sample(pager, 5);
            assert_int_equal(user_version(pager), with_writer ? 8 : 0);
            assert_rc(SQLITE_READONLY, pager_begin_write(pager, false));
            pager_end_read(pager);
        }
        assert_ok(pager_close(pager));
        if (with_writer)
            stock_stop(stock, false);
    }
    filename_free(options.path);
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void a_long_transaction_overwrites_its_own_frames(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *copy = work_path(*state, "copy.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pager_set_cache_size(pager, 10);
    begin(pager);
    for (u8 round = 1; round < 20; round++) {
        change_sample(pager, round);
        assert_ok(pager_savepoint_open(pager, 1));
        for (Pgno pgno = 20; pgno < 120; pgno++)
            change_page(pager, pgno, 0xee);
        if (round % 2 == 0)
            assert_ok(pager_savepoint_rollback(pager, 0));
        pager_savepoint_release(pager, 0);
    }
    change_sample(pager, 20);
    commit(pager);
    assert_true(file_size(work_path(*state, "test.db-wal")) < 3 * 196 * 4120);

    // Others find it through the index, and by reading the log from the start.
    assert_text("ok\n14", stock_sql(path, "PRAGMA integrity_check;"
                                          "SELECT hex(substr(b, 400000, 1)) FROM t"));
    file_copy(path, copy);
    file_copy(work_path(*state, "test.db-wal"), work_path(*state, "copy.db-wal"));
    assert_text("ok\n14", stock_sql(copy, "PRAGMA integrity_check;"
                                          "SELECT hex(substr(b, 400000, 1)) FROM t"));
    assert_ok(pager_close(pager));
}

// The B-tree asks for a blank page when it reuses one that was freed a moment ago; the savepoint
// may be older than the freeing.
static void a_page_made_blank_comes_back_with_its_savepoint(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096; PRAGMA journal_mode=wal");
    Pager *pager = wal_pager(path);
    pager_set_cache_size(pager, 10);
    begin(pager);
    change_sample(pager, 7);
    assert_ok(pager_savepoint_open(pager, 1));
    for (Pgno pgno = 20; pgno < 120; pgno++) {
        Page *page;
        assert_ok(pager_get_blank(pager, pgno, &page));
        page_unpin(pager, page);
    }
    assert_ok(pager_savepoint_rollback(pager, 0));
    assert_sample(pager, 7);
    commit(pager);
    assert_ok(pager_close(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_SUITE(wal, ON_DISK(a_page_made_blank_comes_back_with_its_savepoint),
           ON_DISK(a_long_transaction_overwrites_its_own_frames),
           ON_DISK(a_reader_needs_no_right_to_write_shared_memory),
           ON_DISK(our_commits_are_seen_by_stock_and_theirs_by_us),
           ON_DISK(a_snapshot_does_not_move_while_others_commit),
           ON_DISK(news_of_a_log_started_over_are_not_believed), ON_DISK(only_one_writes_at_a_time),
           ON_DISK(spilled_frames_are_forgotten_by_rollback), ON_DISK(savepoints_cut_the_log),
           ON_DISK(checkpoints_of_every_kind_keep_the_content), ON_DISK(stock_recovers_our_log),
           ON_DISK(logs_left_by_stock_are_recovered),
           ON_DISK(exclusive_mode_needs_no_shared_memory),
           ON_DISK(leaving_the_mode_empties_the_log),
           ON_DISK(concurrent_transactions_commit_one_after_the_other),
           ON_DISK(a_stale_concurrent_transaction_is_refused_unless_rebased),
           ON_DISK(deferred_syncs_are_made_good_by_one),
           ON_DISK(writers_of_both_libraries_take_turns))
