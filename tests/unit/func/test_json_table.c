#include "support/test.h"

#include "base/buffer.h"
#include "sqlite3.h"

static const struct {
    const char *sql, *rows; // columns between bars, rows on lines
} recorded[] = {
#include "unit/func/recorded_json_table.inc"
};

static int add_row(void *arg, int count, char **columns, char **names)
{
    (void)names;
    Buffer *rows = arg;
    if (rows->size > 0)
        buffer_add_char(rows, '\n');
    for (int i = 0; i < count; i++) {
        if (i > 0)
            buffer_add_char(rows, '|');
        buffer_add_text(rows, columns[i] ? columns[i] : "None");
    }
    return 0;
}

static void members_come_as_recorded(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_ok(sqlite3_open(":memory:", &db));
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        Buffer rows = {0};
        char *message = NULL;
        if (sqlite3_exec(db, recorded[i].sql, add_row, &rows, &message) != SQLITE_OK) {
            buffer_clear(&rows);
            buffer_printf(&rows, "error: %s", message);
        }
        if (strcmp(buffer_text(&rows), recorded[i].rows) != 0)
            fail_msg("%s gives\n%s\nnot\n%s", recorded[i].sql, buffer_text(&rows),
                     recorded[i].rows);
        sqlite3_free(message);
        buffer_deinit(&rows);
    }
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(json_table, cmocka_unit_test(members_come_as_recorded))
