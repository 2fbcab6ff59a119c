// Processes of both libraries at one file, some of them killed at any moment.
//
// Ours write one number to the sample pages and to user_version; stock ones count a row up.
// Readers of both must always find one number everywhere.
#include "fixture.h"

#include "os/thread.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 40 };

static int setup(void **state)
{
    static WorkDir dir;
    work_dir_begin(&dir);
    *state = &dir;
    return os_init();
}

static int teardown(void **state)
{
    work_dir_end(*state);
    return 0;
}

static int wait_a_little(void *arg)
{
    int *left = arg;
    usleep(500);
    return (*left)-- > 0;
}

// Like fixture's begin(), but patient, and following the header into WAL mode.
static int begin_patient(Pager *pager, bool write, int *patience)
{
    for (;;) {
        Page *page;
        bool opened = false;
        *patience = 4000;
        TRY(pager_begin_read(pager, NULL));
        TRY(pager_get(pager, 1, &page));
        bool wants_wal = page->data[19] == 2;
        page_unpin(pager, page);
        if (wants_wal && pager_journal_mode(pager) != JOURNAL_WAL)
            TRY(pager_open_wal(pager, &opened));
        int rc = opened || !write ? SQLITE_OK : pager_begin_write(pager, false);
        if (rc == SQLITE_OK && !opened)
            return SQLITE_OK;
        pager_end_read(pager);
        if ((rc & 0xff) == SQLITE_BUSY)
            usleep(300);
        else if (rc != SQLITE_OK)
            return rc;
    }
}

static u32 number_of(Pager *pager)
{
    Page *page;
    assert_ok(pager_get(pager, 1, &page));
    u32 value = get_u32(page->data + 60);
    page_unpin(pager, page);
    return value;
}

static void write_number(Pager *pager)
{
    Page *page;
    u32 value = number_of(pager) + 1;
    assert_sample(pager, (u8)(value - 1));
    assert_ok(pager_get(pager, 1, &page));
    assert_ok(pager_make_writable(pager, &page));
    put_u32(page->data + 60, value);
    page_unpin(pager, page);
    change_sample(pager, (u8)value);
}

static void our_writer(const char *path, u32 seed)
{
    int patience = 0;
    Pager *pager = pager_at(path);
    pager_set_busy_handler(pager, wait_a_little, &patience);
    pager_set_sync(pager, SYNC_OFF, false, false);
    pager_set_cache_size(pager, seed % 2 ? 10 : 300);
    for (u32 i = 0;; i++) {
        assert_ok(begin_patient(pager, true, &patience));
        write_number(pager);
        bool is_commit = (seed + i) % 4 != 0;
        int rc = is_commit ? pager_commit_prepare(pager, NULL) : SQLITE_BUSY;
        if (rc == SQLITE_OK)
            assert_ok(pager_commit_finish(pager));
        else
            assert_ok(pager_rollback(pager));
        assert_sample(pager, (int)(u8)number_of(pager));
        pager_end_read(pager);
        rc = i % 3 == 0 ? pager_checkpoint(pager, (int)(i / 3 % 4), NULL, NULL) : SQLITE_OK;
        assert_true((rc & 0xff) == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY);
    }
}

static pid_t start(const char *path, u32 seed)
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    if (seed % 3 != 0)
        our_writer(path, seed);
    for (;;)
        (void)stock_sql(path, "PRAGMA busy_timeout=3000;PRAGMA synchronous=off;"
                              "UPDATE s SET x=x+1;PRAGMA wal_checkpoint");
}

static void check(const char *path)
{
    int patience;
    Pager *pager = pager_at(path);
    pager_set_busy_handler(pager, wait_a_little, &patience);
    assert_ok(begin_patient(pager, false, &patience));
    assert_sample(pager, (int)(u8)number_of(pager));
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void run(const char *path)
{
    pid_t children[3];
    for (u32 i = 0; i < ARRAY_LEN(children); i++)
        children[i] = start(path, i);
    for (u32 round = 0; round < ROUNDS; round++) {
        usleep(round * 997 % 15000);
        u32 victim = round % ARRAY_LEN(children);
        kill(children[victim], SIGKILL);
        int status;
        waitpid(children[victim], &status, 0);
        assert_true(WIFSIGNALED(status)); // not by an assertion of its own
        assert_int_equal(WTERMSIG(status), SIGKILL);
        children[victim] = start(path, round * 5 + victim);
        check(path);
    }
    for (u32 i = 0; i < ARRAY_LEN(children); i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    usleep(20000); // grandchildren of the stock kind finish
    check(path);
    assert_text("ok", stock_sql(path, "PRAGMA busy_timeout=3000;PRAGMA integrity_check") + 5);
}

static void the_log_survives_killed_writers(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=1024; PRAGMA journal_mode=wal");
    run(path);
}

static void rollback_journals_survive_killed_writers(void **state)
{
    const char *path = work_path(*state, "test.db");
    sample_create(path, "PRAGMA page_size=1024");
    run(path);
}

enum { THREADS = 4, COMMITS = 60 };

static void *count_up(void *arg)
{
    int patience = 0;
    Pager *pager = pager_at(arg);
    pager_set_busy_handler(pager, wait_a_little, &patience);
    pager_set_sync(pager, SYNC_OFF, false, false);
    for (int i = 0; i < COMMITS; i++) {
        assert_ok(begin_patient(pager, true, &patience));
        write_number(pager);
        commit(pager);
        int rc = i % 10 == 0 ? pager_checkpoint(pager, i / 10 % 4, NULL, NULL) : SQLITE_OK;
        assert_true(rc == SQLITE_OK || rc == SQLITE_BUSY);
    }
    assert_ok(pager_close(pager));
    return NULL;
}

static void threads_of_one_process_take_turns(void **state)
{
    static const char *const setups[] = {"PRAGMA page_size=1024; PRAGMA journal_mode=wal",
                                         "PRAGMA page_size=1024"};
    for (u32 i = 0; i < ARRAY_LEN(setups); i++) {
        char name[20];
        snprintf(name, sizeof name, "test%u.db", i);
        const char *path = work_path(*state, name);
        sample_create(path, setups[i]);
        Thread threads[THREADS];
        for (u32 k = 0; k < THREADS; k++)
            assert_ok(thread_start(&threads[k], count_up, (void *)(uintptr_t)path));
        for (u32 k = 0; k < THREADS; k++)
            (void)thread_join(&threads[k]);
        check(path);
        assert_text("ok\n240", stock_sql(path, "PRAGMA integrity_check;PRAGMA user_version"));
    }
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_SUITE(mixed, ON_DISK(threads_of_one_process_take_turns),
           ON_DISK(the_log_survives_killed_writers),
           ON_DISK(rollback_journals_survive_killed_writers))
