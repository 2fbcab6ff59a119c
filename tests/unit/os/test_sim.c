// The simulated computer keeps its promises, since every crash test rests on them.
#include "os/os.h"
#include "support/process.h"
#include "support/sim.h"
#include "support/test.h"

enum { OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, SECTOR = 512 };

static sqlite3_file *open_in(Sim *sim, int process, const char *path)
{
    sqlite3_file *file = NULL;
    assert_ok(os_open_new(sim_vfs(sim, process), path, OPEN_DB, &file, NULL));
    return file;
}

static void write_sectors(sqlite3_file *file, int count, char fill)
{
    char bytes[SECTOR];
    memset(bytes, fill, sizeof bytes);
    for (int i = 0; i < count; i++)
        assert_ok(os_write(file, bytes, SECTOR, (i64)i * SECTOR));
}

static void what_was_synced_survives_every_power_cut(void **state)
{
    (void)state;
    for (u64 seed = 0; seed < 50; seed++) {
        Sim *sim = sim_new(seed);
        sim_set_sector_size(sim, SECTOR);
        sqlite3_file *file = open_in(sim, 0, "/a");
        write_sectors(file, 8, 'a');
        assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
        os_close_free(file);

        sim_reboot(sim);

        char bytes[SECTOR];
        file = open_in(sim, 0, "/a");
        for (int i = 0; i < 8; i++) {
            assert_ok(os_read(file, bytes, SECTOR, (i64)i * SECTOR));
            assert_int_equal(bytes[0], 'a');
            assert_int_equal(bytes[SECTOR - 1], 'a');
        }
        os_close_free(file);
        sim_free(sim);
    }
}

// Over many seeds every fate of an un-synced sector must be seen.
static void what_was_not_synced_is_kept_lost_mixed_or_torn(void **state)
{
    (void)state;
    int kept = 0, lost = 0, mixed = 0, torn = 0;
    for (u64 seed = 0; seed < 200; seed++) {
        Sim *sim = sim_new(seed);
        sim_set_sector_size(sim, SECTOR);
        sqlite3_file *file = open_in(sim, 0, "/a");
        write_sectors(file, 8, 'a');
        assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
        write_sectors(file, 8, 'b');

        sim_reboot(sim);
        os_close_free(file);

        int news = 0, olds = 0;
        file = open_in(sim, 0, "/a");
        for (int i = 0; i < 8; i++) {
            char bytes[SECTOR];
            assert_ok(os_read(file, bytes, SECTOR, (i64)i * SECTOR));
            bool is_uniform = memcmp(bytes, bytes + 1, SECTOR - 1) == 0;
            news += is_uniform && bytes[0] == 'b';
            olds += is_uniform && bytes[0] == 'a';
        }
        kept += news == 8;
        lost += olds == 8;
        mixed += news > 0 && olds > 0;
        torn += news + olds < 8;
        os_close_free(file);
        sim_free(sim);
    }
    assert_true(kept > 10 && lost > 10 && mixed > 10 && torn > 10);
}

static void unsynced_names_come_and_go(void **state)
{
    (void)state;
    int created = 0, deleted = 0;
    for (u64 seed = 0; seed < 60; seed++) {
        Sim *sim = sim_new(seed);
        sqlite3_file *synced = open_in(sim, 0, "/synced");
        assert_ok(os_sync(synced, SQLITE_SYNC_NORMAL));
        os_close_free(synced);
        os_close_free(open_in(sim, 0, "/fresh"));
        assert_ok(os_delete(sim_vfs(sim, 0), "/synced", false));

        sim_reboot(sim);

        created += sim_exists(sim, "/fresh");
        deleted += !sim_exists(sim, "/synced");
        sim_free(sim);
    }
    assert_true(created > 5 && created < 55);
    assert_true(deleted > 5 && deleted < 55);
}

static void after_the_crash_every_call_fails_until_the_reboot(void **state)
{
    (void)state;
    Sim *sim = sim_new(7);
    sqlite3_file *file = open_in(sim, 0, "/a");
    sim_crash_at(sim, 3);
    i64 size;
    bool exists;

    assert_ok(os_write(file, "x", 1, 0));
    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    assert_rc(SQLITE_IOERR_WRITE, os_write(file, "y", 1, 0));
    assert_true(sim_crashed(sim));
    assert_rc(SQLITE_IOERR_FSTAT, os_size(file, &size));
    assert_rc(SQLITE_IOERR_ACCESS, os_access(sim_vfs(sim, 0), "/a", 0, &exists));
    sim_reboot(sim);
    assert_rc(SQLITE_IOERR_FSTAT, os_size(file, &size)); // this file is of the former life
    os_close_free(file);
    file = open_in(sim, 0, "/a");
    assert_ok(os_size(file, &size));
    assert_int_equal(size, 1);
    os_close_free(file);
    sim_free(sim);
}

static void the_nth_call_of_a_kind_fails(void **state)
{
    (void)state;
    Sim *sim = sim_new(7);
    sqlite3_file *file = open_in(sim, 0, "/a");

    sim_fail(sim, SIM_SYNC, 2, false);
    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    assert_ok(os_write(file, "x", 1, 0));
    assert_rc(SQLITE_IOERR_FSYNC, os_sync(file, SQLITE_SYNC_NORMAL));
    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    sim_fail_with(sim, SIM_LOCK, 1, true, SQLITE_BUSY);
    assert_rc(SQLITE_BUSY, os_lock(file, SQLITE_LOCK_SHARED));
    assert_rc(SQLITE_BUSY, os_lock(file, SQLITE_LOCK_SHARED));
    sim_fail(sim, SIM_LOCK, 0, false);
    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_int_equal(sim_failures(sim), 3);
    assert_int_equal(sim_calls(sim, SIM_SYNC), 3);
    os_close_free(file);
    sim_free(sim);
}

static void a_full_disk_refuses_growth_only(void **state)
{
    (void)state;
    Sim *sim = sim_new(7);
    sqlite3_file *file = open_in(sim, 0, "/a");
    sim_set_disk_size(sim, 2 * SECTOR);

    write_sectors(file, 2, 'a');
    assert_rc(SQLITE_FULL, os_write(file, "x", 1, 2 * SECTOR));
    assert_ok(os_write(file, "x", 1, SECTOR));
    os_close_free(file);
    sim_free(sim);
}

static void locks_and_wal_indexes_are_shared_between_processes(void **state)
{
    (void)state;
    Sim *sim = sim_new(7);
    sqlite3_file *a = open_in(sim, 0, "/a");
    sqlite3_file *b = open_in(sim, 1, "/a");
    volatile void *region_a = NULL;
    volatile void *region_b = NULL;

    assert_ok(os_lock(a, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(b, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(a, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(b, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(a, SQLITE_LOCK_EXCLUSIVE));
    assert_ok(os_shm_map(a, 0, true, &region_a));
    assert_ok(os_shm_map(b, 0, false, &region_b));
    assert_ptr_equal((void *)region_a, (void *)region_b);
    assert_ok(os_shm_lock(a, 0, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE));
    assert_rc(SQLITE_BUSY, os_shm_lock(b, 0, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED));

    sim_kill(sim, 0);

    assert_ok(os_lock(b, SQLITE_LOCK_RESERVED));
    assert_ok(os_lock(b, SQLITE_LOCK_EXCLUSIVE));
    assert_ok(os_shm_lock(b, 0, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED));
    os_close_free(a);
    os_close_free(b);
    sim_free(sim);
}

static u64 fingerprint_of_seed(u64 seed)
{
    Sim *sim = sim_new(seed);
    sim_set_sector_size(sim, SECTOR);
    sqlite3_file *file = open_in(sim, 0, "/a");
    write_sectors(file, 20, 'a');
    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    write_sectors(file, 20, 'b');
    sim_reboot(sim);
    os_close_free(file);
    u64 fingerprint = sim_fingerprint(sim);
    sim_free(sim);
    return fingerprint;
}

static void the_same_seed_gives_the_same_disk(void **state)
{
    (void)state;
    int differing = 0;
    for (u64 seed = 0; seed < 20; seed++) {
        assert_int_equal(fingerprint_of_seed(seed), fingerprint_of_seed(seed));
        differing += fingerprint_of_seed(seed) != fingerprint_of_seed(seed + 1);
    }
    assert_true(differing > 5);
}

static void files_go_in_and_out_of_the_real_file_system(void **state)
{
    (void)state;
    Scratch scratch;
    scratch_begin(&scratch);
    Sim *sim = sim_new(7);
    sqlite3_file *file = open_in(sim, 0, "/a");
    write_sectors(file, 20, 'a');
    os_close_free(file);

    assert_true(sim_dump(sim, "a", scratch_path(&scratch, "a")));
    assert_true(sim_load(sim, "b", scratch_path(&scratch, "a")));
    sim_remove(sim, "a");

    assert_false(sim_exists(sim, "a"));
    assert_int_equal(sim_file_size(sim, "b"), 20 * SECTOR);
    sim_free(sim);
    scratch_end(&scratch);
}

TEST_SUITE(sim, cmocka_unit_test(what_was_synced_survives_every_power_cut),
           cmocka_unit_test(what_was_not_synced_is_kept_lost_mixed_or_torn),
           cmocka_unit_test(unsynced_names_come_and_go),
           cmocka_unit_test(after_the_crash_every_call_fails_until_the_reboot),
           cmocka_unit_test(the_nth_call_of_a_kind_fails),
           cmocka_unit_test(a_full_disk_refuses_growth_only),
           cmocka_unit_test(locks_and_wal_indexes_are_shared_between_processes),
           cmocka_unit_test(the_same_seed_gives_the_same_disk),
           cmocka_unit_test(files_go_in_and_out_of_the_real_file_system))
