// Journals in memory, and their way to a file.
#include "base/alloc.h"
#include "os/os.h"
#include "support/sim.h"
#include "support/test.h"

enum { OPEN_JOURNAL = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL };

typedef struct Journal {
    Sim *sim;
    sqlite3_file *file;
} Journal;

static void journal_begin(Journal *journal, int spill_size)
{
    journal->sim = sim_new(1);
    sqlite3_vfs *vfs = sim_vfs(journal->sim, 0);
    journal->file = calloc(1, memory_journal_size(vfs));
    assert_ok(memory_journal_open(vfs, "/j", journal->file, OPEN_JOURNAL, spill_size));
}

static void journal_end(Journal *journal)
{
    os_close(journal->file);
    free(journal->file);
    sim_free(journal->sim);
}

static void fill(sqlite3_file *file, int size)
{
    u8 bytes[1000];
    for (int offset = 0; offset < size; offset += 1000) {
        memset(bytes, offset / 1000, sizeof bytes);
        assert_ok(os_write(file, bytes, 1000, offset));
    }
}

static void assert_filled(sqlite3_file *file, int size)
{
    u8 bytes[1000];
    i64 there = 0;
    assert_ok(os_size(file, &there));
    assert_int_equal(there, size);
    for (int offset = 0; offset < size; offset += 1000) {
        assert_ok(os_read(file, bytes, 1000, offset));
        assert_int_equal(bytes[0], (u8)(offset / 1000));
        assert_int_equal(bytes[999], (u8)(offset / 1000));
    }
}

static void a_short_journal_never_touches_the_disk(void **state)
{
    (void)state;
    Journal journal;
    journal_begin(&journal, 100000);

    fill(journal.file, 50000);

    assert_filled(journal.file, 50000);
    assert_true(memory_journal_is_in_memory(journal.file));
    assert_false(sim_exists(journal.sim, "j"));
    journal_end(&journal);
}

static void past_its_limit_it_moves_to_a_file(void **state)
{
    (void)state;
    Journal journal;
    journal_begin(&journal, 20500);

    fill(journal.file, 20000);
    assert_true(memory_journal_is_in_memory(journal.file));
    fill(journal.file, 40000);

    assert_false(memory_journal_is_in_memory(journal.file));
    assert_int_equal(sim_file_size(journal.sim, "j"), 40000);
    assert_filled(journal.file, 40000);
    journal_end(&journal);
}

static void a_limit_of_zero_is_a_file_and_a_negative_one_never_is(void **state)
{
    (void)state;
    Journal journal;
    journal_begin(&journal, 0);
    assert_false(memory_journal_is_in_memory(journal.file));
    journal_end(&journal);
    journal_begin(&journal, -1);
    fill(journal.file, 300000);
    assert_true(memory_journal_is_in_memory(journal.file));
    assert_filled(journal.file, 300000);
    journal_end(&journal);
}

static void a_cut_journal_grows_back_with_zeros(void **state)
{
    (void)state;
    Journal journal;
    journal_begin(&journal, -1);
    fill(journal.file, 20000);
    u8 byte = 9;

    assert_ok(os_truncate(journal.file, 9500));
    assert_ok(os_write(journal.file, "x", 1, 12000));
    assert_ok(os_read(journal.file, &byte, 1, 9700));

    assert_int_equal(byte, 0);
    assert_rc(SQLITE_IOERR_SHORT_READ, os_read(journal.file, &byte, 1, 12001));
    journal_end(&journal);
}

static void after_a_failed_move_it_is_in_memory_as_before(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++) {
        Journal journal;
        journal_begin(&journal, -1);
        fill(journal.file, 20000);

        sim_fail(journal.sim, SIM_ANY, (u64)n, false);
        assert_int_not_equal(memory_journal_spill(journal.file), SQLITE_OK);

        assert_true(memory_journal_is_in_memory(journal.file));
        assert_filled(journal.file, 20000);
        assert_ok(memory_journal_spill(journal.file));
        assert_filled(journal.file, 20000);
        journal_end(&journal);
    }
}

static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    Journal journal;
    journal_begin(&journal, -1);
    alloc_fault_arm(1, true);

    int rc = os_write(journal.file, "x", 1, 0);

    alloc_fault_arm(0, false);
    assert_true(rc == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM);
    journal_end(&journal);
}

TEST_SUITE(memory_journal, cmocka_unit_test(a_short_journal_never_touches_the_disk),
           cmocka_unit_test(past_its_limit_it_moves_to_a_file),
           cmocka_unit_test(a_limit_of_zero_is_a_file_and_a_negative_one_never_is),
           cmocka_unit_test(a_cut_journal_grows_back_with_zeros),
           cmocka_unit_test(after_a_failed_move_it_is_in_memory_as_before),
           cmocka_unit_test(lack_of_memory_is_reported))
