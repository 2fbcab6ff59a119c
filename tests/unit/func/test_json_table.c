#include "support/test.h"

#include "base/buffer.h"
#include "base/bytes.h"
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

enum { NESTED = 200000, HEADER = 5 };

// Arrays in arrays, each with a header of its size in four bytes, and a null in the innermost.
static u8 *nested_arrays(u32 *size)
{
    *size = NESTED * HEADER + 1;
    u8 *bytes = calloc(1, *size);
    assert_non_null(bytes);
    for (u32 i = 0; i < NESTED; i++) {
        u8 *header = bytes + i * HEADER;
        header[0] = 0xeb;
        put_u32(header + 1, *size - (i + 1) * HEADER);
    }
    return bytes;
}

static char *nested_path(int steps)
{
    char *path = malloc(2 + 3 * (size_t)steps);
    assert_non_null(path);
    memcpy(path, "$", 2);
    for (int i = 0; i < steps; i++)
        memcpy(path + 1 + 3 * i, "[0]", 4);
    return path;
}

static void assert_too_deep(sqlite3 *db, const char *sql, int steps, const char *message)
{
    u32 size;
    u8 *bytes = nested_arrays(&size);
    char *path = nested_path(steps);
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    assert_ok(sqlite3_bind_blob(stmt, 1, bytes, (int)size, SQLITE_STATIC));
    assert_ok(sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC));

    assert_int_equal(sqlite3_step(stmt), message == NULL ? SQLITE_ROW : SQLITE_ERROR);
    if (message != NULL)
        assert_memory_equal(sqlite3_errmsg(db), message, strlen(message));

    sqlite3_finalize(stmt);
    free(path);
    free(bytes);
}

// However deep a blob is: a path of more steps would have the walk down recurse without limit.
static void a_path_of_a_thousand_steps_is_too_deep(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_ok(sqlite3_open(":memory:", &db));

    assert_too_deep(db, "SELECT key FROM json_tree(?1, ?2)", 999, NULL);
    assert_too_deep(db, "SELECT key FROM json_tree(?1, ?2)", 1000, "bad JSON path: '$[0]");
    assert_too_deep(db, "SELECT key FROM json_tree(?1, ?2)", NESTED - 1, "bad JSON path: '$[0]");
    assert_too_deep(db, "SELECT json_type(?1, ?2)", 999, NULL);
    assert_too_deep(db, "SELECT json_type(?1, ?2)", 1000, "JSON path too deep");
    assert_too_deep(db, "SELECT jsonb_set(?1, ?2, 1)", 999, NULL);
    assert_too_deep(db, "SELECT jsonb_set(?1, ?2, 1)", 1000, "JSON path too deep");
    assert_too_deep(db, "SELECT jsonb_remove(?1, ?2)", NESTED - 1, "JSON path too deep");
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(json_table, cmocka_unit_test(members_come_as_recorded),
           cmocka_unit_test(a_path_of_a_thousand_steps_is_too_deep))
