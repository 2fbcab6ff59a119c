// The block that holds a database's names and parameters.
#include "base/alloc.h"
#include "os/filename.h"
#include "support/test.h"

static const char *const parameters[] = {"vfs", "unix", "psow", "0",   "empty", "",
                                         "big", "0x10", "bad",  "12x", "yes",   "On"};

static char *make(void)
{
    return filename_new("/d/a.db", "/d/a.db-journal", "/d/a.db-wal", 6, parameters);
}

static void any_of_the_names_leads_to_the_others(void **state)
{
    (void)state;
    char *name = make();
    const char *const start[] = {name, filename_journal(name), filename_wal(name)};

    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(filename_database(start[i]), name);
        assert_string_equal(filename_journal(start[i]), "/d/a.db-journal");
        assert_string_equal(filename_wal(start[i]), "/d/a.db-wal");
        assert_string_equal(filename_parameter(start[i], "vfs"), "unix");
    }
    filename_free(start[1]);
}

static void parameters_are_found_by_key_and_by_number(void **state)
{
    (void)state;
    char *name = make();

    assert_string_equal(filename_parameter(name, "empty"), "");
    assert_null(filename_parameter(name, "unix"));
    assert_null(filename_parameter(NULL, "vfs"));
    assert_string_equal(filename_key(name, 1), "psow");
    assert_null(filename_key(name, 6));
    assert_null(filename_key(name, -1));
    filename_free(name);
}

static void values_are_read_as_booleans_and_numbers(void **state)
{
    (void)state;
    char *name = make();

    assert_false(filename_bool(name, "psow", true));
    assert_true(filename_bool(name, "yes", false));
    assert_true(filename_bool(name, "vfs", true));
    assert_true(filename_bool(name, "absent", true));
    assert_int_equal(filename_i64(name, "big", -1), 16);
    assert_int_equal(filename_i64(name, "bad", -1), -1);
    assert_int_equal(filename_i64(name, "psow", -1), 0);
    assert_int_equal(filename_i64(name, "absent", 7), 7);
    filename_free(name);
}

// As sqlite3_uri_int64() of SQLite answers.
static void only_whole_numbers_are_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        i64 expected; // -1: none
    } cases[] = {{"0x1f", 31}, {"0X7F", 127}, {"0xzz", -1}, {"0x1g", -1}, {"0x", 0}, {"1.0", -1}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const given[] = {"n", cases[i].text};
        char *name = filename_new("/d/a.db", NULL, NULL, 1, given);
        assert_non_null(name);
        assert_int_equal(filename_i64(name, "n", -1), cases[i].expected);
        filename_free(name);
    }
}

static void lack_of_memory_gives_no_name(void **state)
{
    (void)state;
    alloc_fault_arm(1, false);
    assert_null(make());
    alloc_fault_arm(0, false);
}

TEST_SUITE(filename, cmocka_unit_test(any_of_the_names_leads_to_the_others),
           cmocka_unit_test(parameters_are_found_by_key_and_by_number),
           cmocka_unit_test(values_are_read_as_booleans_and_numbers),
           cmocka_unit_test(only_whole_numbers_are_numbers),
           cmocka_unit_test(lack_of_memory_gives_no_name))
