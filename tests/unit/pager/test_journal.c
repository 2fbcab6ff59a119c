// Rollback journals on real files, judged by the stock library.
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

static const JournalMode modes[] = {JOURNAL_DELETE, JOURNAL_PERSIST, JOURNAL_TRUNCATE,
                                    JOURNAL_MEMORY};

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

static Pager *pager_in_mode(const char *path, JournalMode mode)
{
    Pager *pager = pager_at(path);
    JournalMode now;
    assert_ok(pager_set_journal_mode(pager, mode, &now));
    assert_int_equal(now, mode);
    pager_set_cache_size(pager, 10); // nearly every change spills
    return pager;
}

static void commits_in_every_mode_are_what_stock_reads(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    for (u8 i = 0; i < ARRAY_LEN(modes); i++) {
        Pager *pager = pager_in_mode(path, modes[i]);
        begin(pager);
        change_sample(pager, (u8)(i + 1));
        assert_sample(pager, i + 1);
        commit(pager);
        assert_ok(pager_begin_read(pager, NULL));
        assert_sample(pager, i + 1);
        pager_end_read(pager);
        assert_ok(pager_close(pager));

        char wanted[40];
        snprintf(wanted, sizeof wanted, "ok\n%02X", i + 1);
        assert_text(wanted, stock_sql(path, "PRAGMA integrity_check;"
                                            "SELECT hex(substr(b, 400000, 1)) FROM t"));
    }
}

static void rollback_leaves_the_file_byte_for_byte(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *copy = work_path(*state, "copy.db");
    sample_create(path, "PRAGMA page_size=1024");
    file_copy(path, copy);
    for (u8 i = 0; i < ARRAY_LEN(modes); i++) {
        Pager *pager = pager_in_mode(path, modes[i]);
        begin(pager);
        change_sample(pager, (u8)(i + 1));
        Page *page;
        assert_ok(pager_get_blank(pager, pager_page_count(pager) + 20, &page));
        page_unpin(pager, page);
        assert_ok(pager_rollback(pager));
        assert_sample(pager, 0);
        pager_end_read(pager);
        assert_ok(pager_close(pager));
        assert_true(files_equal(path, copy));
    }
}

static void savepoints_come_back_from_journal_and_memory(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    for (u8 i = 0; i < ARRAY_LEN(modes); i++) {
        Pager *pager = pager_in_mode(path, modes[i]);
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
        for (Pgno pgno = SAMPLE_FIRST; pgno <= 60; pgno++)
            change_page(pager, pgno, 0);
        commit(pager);
        assert_ok(pager_close(pager));
        assert_text("ok\n1", stock_sql(path, "PRAGMA integrity_check;"
                                             "SELECT b = zeroblob(length(b)) FROM t"));
    }
}

// Pages beyond the new end have no place in the file, and the savepoint wants them back.
static void pages_cut_off_under_a_savepoint_come_back(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=512");
    Pager *pager = pager_at(path);
    begin(pager);
    pager_set_cache_size(pager, 40);
    for (Pgno pgno = 100; pgno <= 120; pgno++)
        change_page(pager, pgno, 1);
    assert_ok(pager_savepoint_open(pager, 1));
    pager_set_page_count(pager, 99);
    for (Pgno pgno = 5; pgno <= 99; pgno++)
        change_page(pager, pgno, 2);
    assert_ok(pager_savepoint_rollback(pager, 0));
    for (Pgno pgno = 100; pgno <= 120; pgno++)
        assert_int_equal(page_value(pager, pgno), 1);
    commit(pager);
    assert_ok(pager_close(pager));
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

// A child changes every page with a tiny cache and disappears in the middle.
static void crash_while_writing(const char *path, bool prepared)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        Pager *pager = pager_in_mode(path, JOURNAL_DELETE);
        begin(pager);
        change_sample(pager, 77);
        if (prepared)
            assert_ok(pager_commit_prepare(pager, NULL));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void stock_recovers_our_hot_journal(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *journal = work_path(*state, "test.db-journal");
    sample_create(path, "PRAGMA page_size=4096");
    for (int prepared = 0; prepared < 2; prepared++) {
        crash_while_writing(path, prepared);
        assert_true(file_size(journal) > 4096);
        assert_text("ok\n1", stock_sql(path, "PRAGMA integrity_check;"
                                             "SELECT b = zeroblob(length(b)) FROM t"));
        assert_int_equal(file_size(journal), -1);
    }
}

static void our_own_hot_journal_is_played_back(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *copy = work_path(*state, "copy.db");
    sample_create(path, "PRAGMA page_size=2048");
    file_copy(path, copy);
    crash_while_writing(path, true);
    Pager *pager = pager_at(path);
    assert_ok(pager_begin_read(pager, NULL));
    assert_sample(pager, 0);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
    assert_true(files_equal(path, copy));
}

static void hot_journals_of_stock_are_played_back(void **state)
{
    static const char *const sql[] = {
        "PRAGMA journal_mode=delete;PRAGMA cache_size=5;BEGIN;UPDATE t SET b=randomblob(800000);",
        "PRAGMA journal_mode=persist;PRAGMA cache_size=5;BEGIN;UPDATE t SET b=randomblob(900000);",
        ("PRAGMA synchronous=off;PRAGMA cache_size=5;BEGIN;DELETE FROM t;"
         "INSERT INTO t VALUES(2, zeroblob(2000000))"),
    };
    const char *path = work_path(*state, "test.db");
    const char *copy = work_path(*state, "copy.db");
    sample_create(path, "PRAGMA page_size=4096");
    file_copy(path, copy);
    for (u32 i = 0; i < ARRAY_LEN(sql); i++) {
        pid_t stock = stock_start(path, sql[i]);
        stock_stop(stock, true);
        assert_false(files_equal(path, copy));
        Pager *pager = pager_at(path);
        assert_ok(pager_begin_read(pager, NULL));
        assert_sample(pager, 0);
        pager_end_read(pager);
        assert_ok(pager_close(pager));
        assert_true(files_equal(path, copy));
    }
}

static void locks_of_stock_are_respected(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_at(path);

    pid_t stock = stock_start(path, "BEGIN IMMEDIATE");
    assert_ok(pager_begin_read(pager, NULL));
    assert_rc(SQLITE_BUSY, pager_begin_write(pager, false));
    stock_stop(stock, false);
    assert_ok(pager_begin_write(pager, false));
    assert_text("error 5: database is locked", stock_sql(path, "BEGIN IMMEDIATE"));
    assert_text("1", stock_sql(path, "SELECT a FROM t"));

    change_page(pager, 6, 1);
    stock = stock_start(path, "BEGIN; SELECT * FROM s");
    assert_rc(SQLITE_BUSY, pager_commit_prepare(pager, NULL));
    assert_text("error 5: database is locked", stock_sql(path, "SELECT a FROM t"));
    stock_stop(stock, false);
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_ok(pager_commit_finish(pager));
    pager_end_read(pager);

    stock = stock_start(path, "BEGIN EXCLUSIVE");
    assert_rc(SQLITE_BUSY, pager_begin_read(pager, NULL));
    stock_stop(stock, true);
    assert_ok(pager_close(pager));
}

static void changes_of_stock_are_seen(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_at(path);
    bool changed;
    assert_ok(pager_begin_read(pager, &changed));
    assert_true(changed);
    assert_sample(pager, 0);
    pager_end_read(pager);
    u32 version = pager_data_version(pager);

    assert_ok(pager_begin_read(pager, &changed));
    assert_false(changed);
    pager_end_read(pager);
    assert_text(
        "", stock_sql(path, "UPDATE t SET b=CAST(replace(hex(zeroblob(430000)),'0','1') AS BLOB)"));
    assert_ok(pager_begin_read(pager, &changed));
    assert_true(changed);
    assert_int_not_equal(version, pager_data_version(pager));
    assert_int_equal(page_value(pager, 300), '1');
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void exclusive_mode_keeps_lock_and_journal(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *journal = work_path(*state, "test.db-journal");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_at(path);
    assert_true(pager_locking_exclusive(pager, 1));
    for (u8 round = 1; round < 4; round++) {
        begin(pager);
        change_sample(pager, round);
        commit(pager);
        assert_true(file_size(journal) > 0);
        assert_text("error 5: database is locked", stock_sql(path, "SELECT a FROM t"));
    }
    assert_ok(pager_close(pager));
    assert_int_equal(file_size(journal), -1);
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static void the_file_shrinks_and_grows_with_the_transaction(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *copy = work_path(*state, "copy.db");
    sample_create(path, "PRAGMA page_size=512");
    file_copy(path, copy);
    Pager *pager = pager_at(path);
    begin(pager);
    Pgno count = pager_page_count(pager);
    pager_set_page_count(pager, count - 100);
    change_page(pager, 10, 1);
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_int_equal(file_size(path), (long)(count - 100) * 512);
    assert_ok(pager_rollback(pager));
    assert_true(files_equal(path, copy));

    assert_ok(pager_begin_write(pager, false));
    pager_set_page_count(pager, count + 50);
    change_page(pager, 10, 1);
    commit(pager);
    assert_int_equal(file_size(path), (long)(count + 50) * 512);
    assert_ok(pager_close(pager));
}

// Two halves of a multi-file commit: prepared, and the process dies. Whether the super-journal
// still exists decides.
static void prepare_with_super(const char *path, const char *super, bool keep_super)
{
    FILE *file = fopen(super, "wb");
    fprintf(file, "%s-journal", path);
    fputc(0, file);
    fclose(file);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        Pager *pager = pager_in_mode(path, JOURNAL_DELETE);
        begin(pager);
        change_sample(pager, 77);
        assert_ok(pager_commit_prepare(pager, super));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    if (!keep_super)
        unlink(super);
}

static void a_super_journal_decides_what_a_journal_means(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *super = work_path(*state, "test.db-mj00000001");
    for (int keep = 0; keep < 2; keep++) {
        for (int by_stock = 0; by_stock < 2; by_stock++) {
            unlink(path);
            sample_create(path, "PRAGMA page_size=4096");
            prepare_with_super(path, super, keep);
            if (by_stock)
                assert_text("1", stock_sql(path, "SELECT a FROM t"));
            Pager *pager = pager_at(path);
            assert_ok(pager_begin_read(pager, NULL));
            assert_sample(pager, keep ? 0 : 77);
            pager_end_read(pager);
            assert_ok(pager_close(pager));
            assert_int_equal(file_size(super), -1);
            assert_int_equal(file_size(work_path(*state, "test.db-journal")), -1);
            assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
        }
    }
}

static void immutable_files_are_read_without_locks_or_recovery(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    assert_ok(os_init());
    const char *const parameters[] = {"immutable", "1"};
    char *name = filename_new(path, "", "", 1, parameters);
    PagerOptions options = {.vfs = vfs_find(NULL),
                            .path = name,
                            .open_flags =
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_MAIN_DB};
    Pager *pager = NULL;
    pid_t stock = stock_start(path, "BEGIN EXCLUSIVE");
    assert_ok(pager_open(&options, &pager));
    assert_ok(pager_begin_read(pager, NULL));
    bool opened = true;
    assert_ok(pager_open_wal(pager, &opened));
    assert_false(opened);
    assert_sample(pager, 0);
    assert_rc(SQLITE_READONLY, pager_begin_write(pager, false));
    pager_end_read(pager);
    assert_ok(pager_close(pager));
    stock_stop(stock, true);
    filename_free(name);
}

static void a_file_that_was_replaced_is_not_written(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_at(path);
    begin(pager);
    rename(path, work_path(*state, "moved.db"));
    Page *page;
    assert_ok(pager_get(pager, 10, &page));
    assert_rc(SQLITE_READONLY_DBMOVED, pager_make_writable(pager, &page));
    page_unpin(pager, page);
    assert_ok(pager_rollback(pager));
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

// There is no journal beside a name, so the name does not matter.
static void a_moved_file_may_be_written_with_a_journal_in_memory(void **state)
{
    const char *path = work_path(*state, "test.db");
    const char *moved = work_path(*state, "moved.db");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_in_mode(path, JOURNAL_MEMORY);
    rename(path, moved);
    begin(pager);
    change_sample(pager, 7);
    commit(pager);
    assert_ok(pager_close(pager));

    pager = pager_at(moved);
    assert_ok(pager_begin_read(pager, NULL));
    assert_sample(pager, 7);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

// The transaction is in the file, but nothing would have undone it: the caller must know.
static void a_journal_taken_away_before_the_commit_is_an_error(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=4096");
    Pager *pager = pager_in_mode(path, JOURNAL_DELETE);
    begin(pager);
    change_sample(pager, 7);
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_int_equal(unlink(work_path(*state, "test.db-journal")), 0);
    assert_rc(SQLITE_IOERR_DELETE_NOENT, pager_commit_finish(pager));
    (void)pager_rollback(pager);
    pager_end_read(pager);

    assert_ok(pager_begin_read(pager, NULL));
    assert_sample(pager, 7);
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_SUITE(journal, ON_DISK(a_super_journal_decides_what_a_journal_means),
           ON_DISK(immutable_files_are_read_without_locks_or_recovery),
           ON_DISK(a_file_that_was_replaced_is_not_written),
           ON_DISK(a_moved_file_may_be_written_with_a_journal_in_memory),
           ON_DISK(a_journal_taken_away_before_the_commit_is_an_error),
           ON_DISK(commits_in_every_mode_are_what_stock_reads),
           ON_DISK(rollback_leaves_the_file_byte_for_byte),
           ON_DISK(pages_cut_off_under_a_savepoint_come_back),
           ON_DISK(savepoints_come_back_from_journal_and_memory),
           ON_DISK(stock_recovers_our_hot_journal), ON_DISK(our_own_hot_journal_is_played_back),
           ON_DISK(hot_journals_of_stock_are_played_back), ON_DISK(locks_of_stock_are_respected),
           ON_DISK(changes_of_stock_are_seen), ON_DISK(exclusive_mode_keeps_lock_and_journal),
           ON_DISK(the_file_shrinks_and_grows_with_the_transaction))
