// Functions of text, bytes and numbers that SQLite does not have. What they answer is in
// tests/sql/surface/more_functions.test; here is what SQL cannot show.

#include "support/test.h"

#include "support/api_fault.h"

static int take_bytes_of_zeros(sqlite3 *db)
{
    return sqlite3_exec(db,
                        "SELECT get_byte(zeroblob(9000), 8999), set_byte(zeroblob(9000), 5, 1);"
                        "SELECT lpad('a', 9, 'bc'), repeat('ab', 300), string_reverse('abc')",
                        NULL, NULL, NULL);
}

static void short_memory_is_an_error(void **state)
{
    (void)state;
    api_fails_cleanly("", take_bytes_of_zeros);
}

TEST_SUITE(scalar_more, cmocka_unit_test(short_memory_is_an_error))
