// quire_append(): rows behind the last one of a plain table, from inside a hook; and what that hook
// is told.

#include "support/changeset.h"
#include "support/test.h"

#include "quire.h"

enum { CELLS = 6 };

typedef struct Appending {
    const quire_cell *cells;
    int count;
    sqlite3_int64 least, rowid;
    int rc; // of the last append
} Appending;

static int append_to_log(void *arg, sqlite3 *db, const quire_row_change *change)
{
    Appending *a = arg;
    (void)change;
    const quire_append_row row = {
        .count = a->count, .cells = a->cells, .least = a->least, .rowid = &a->rowid};
    a->rc = quire_append(db, "log", &row);
    return SQLITE_OK;
}

static sqlite3 *hooked(const char *setup, Appending *appending)
{
    sqlite3 *db = database_with(setup);
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(quire_change_hook(db, append_to_log, appending));
    return db;
}

static int append_once(sqlite3 *db, const Appending *appending)
{
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(1)", NULL, NULL, NULL));
    return appending->rc;
}

static void cells_of_every_type_are_kept(void **state)
{
    (void)state;
    const quire_cell cells[CELLS] = {{.type = SQLITE_NULL},
                                     {.type = QUIRE_CELL_ROWID},
                                     {.type = SQLITE_INTEGER, .integer = -70000000000},
                                     {.type = SQLITE_FLOAT, .real = 2.5},
                                     {.type = SQLITE_TEXT, .bytes = "text", .size = 4},
                                     {.type = SQLITE_BLOB, .bytes = "\1\2", .size = 2}};
    Appending appending = {.cells = cells, .count = CELLS, .least = 7};
    sqlite3 *db = hooked("CREATE TABLE log(id INTEGER PRIMARY KEY, b, c, d, e, f)", &appending);

    assert_ok(append_once(db, &appending));
    assert_ok(append_once(db, &appending));

    assert_int_equal(appending.rowid, 8);
    assert_text("7|7|-70000000000|2.5|text|X'0102'\n8|8|-70000000000|2.5|text|X'0102'",
                rows_text(db, "SELECT id, b, c, d, e, quote(f) FROM log"));
    assert_text("ok", rows_text(db, "PRAGMA integrity_check"));
    assert_ok(sqlite3_close(db));
}

static void a_header_of_two_bytes_and_a_long_body_are_kept(void **state)
{
    (void)state;
    static char long_text[70000];
    quire_cell cells[32];
    memset(long_text, 'x', sizeof long_text);
    for (int i = 0; i < 32; i++)
        cells[i] =
            (quire_cell){.type = SQLITE_TEXT, .bytes = long_text, .size = 69000 + (unsigned)i};
    Appending appending = {.cells = cells, .count = 32};
    char sql[400];
    int size = snprintf(sql, sizeof sql, "CREATE TABLE log(c0");
    for (int i = 1; i < 32; i++)
        size += snprintf(sql + size, sizeof sql - (size_t)size, ", c%d", i);
    snprintf(sql + size, sizeof sql - (size_t)size, ")");
    sqlite3 *db = hooked(sql, &appending);

    assert_ok(append_once(db, &appending));

    assert_text("69000|69031|1", rows_text(db, "SELECT length(c0), length(c31), rowid FROM log"));
    assert_text("ok", rows_text(db, "PRAGMA integrity_check"));
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 100000);
    assert_rc(SQLITE_TOOBIG, append_once(db, &appending));
    assert_ok(sqlite3_close(db));
}

static void what_makes_a_table_less_than_plain_is_noticed_at_once(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"CREATE INDEX i ON log(a)", "DROP INDEX i"},
        {"CREATE TRIGGER g AFTER INSERT ON log BEGIN SELECT 1; END", "DROP TRIGGER g"},
        {"CREATE TEMP TRIGGER g AFTER INSERT ON log BEGIN SELECT 1; END", "DROP TRIGGER g"},
        {"ALTER TABLE log ADD COLUMN b", "ALTER TABLE log DROP COLUMN b"},
        {"DROP TABLE log", "CREATE TABLE log(a)"},
        {"ALTER TABLE log RENAME TO other", "ALTER TABLE other RENAME TO log"},
    };
    const quire_cell cell = {.type = QUIRE_CELL_ROWID};
    Appending appending = {.cells = &cell, .count = 1};
    sqlite3 *db = hooked("CREATE TABLE log(a)", &appending);

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        assert_ok(append_once(db, &appending));
        assert_ok(sqlite3_exec(db, changes[i][0], NULL, NULL, NULL));
        assert_rc(SQLITE_NOTFOUND, append_once(db, &appending));
        assert_ok(sqlite3_exec(db, changes[i][1], NULL, NULL, NULL));
    }
    assert_ok(append_once(db, &appending));

    assert_text("ok", rows_text(db, "PRAGMA integrity_check"));
    assert_ok(sqlite3_close(db));
}

static void text_in_utf16_is_left_to_insert(void **state)
{
    (void)state;
    const quire_cell cell = {.type = SQLITE_TEXT, .bytes = "text", .size = 4};
    Appending appending = {.cells = &cell, .count = 1};
    sqlite3 *db = hooked("PRAGMA encoding = 'UTF-16'; CREATE TABLE log(a)", &appending);

    assert_rc(SQLITE_NOTFOUND, append_once(db, &appending));

    assert_ok(sqlite3_close(db));
}

static int note_change(void *arg, sqlite3 *db, const quire_row_change *change)
{
    char *told = arg;
    (void)db;
    snprintf(told + strlen(told), 200 - strlen(told), "%s%d:%lld>%lld%s ", change->table,
             change->type, (long long)change->old_rowid, (long long)change->new_rowid,
             change->old_values != NULL || change->new_values != NULL ? "+" : "");
    return SQLITE_OK;
}

static void rows_are_told_by_their_keys_alone(void **state)
{
    (void)state;
    char told[200] = "";
    sqlite3 *db = database_with("CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE);"
                                "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;"
                                "INSERT INTO t VALUES(1, 1), (2, 2); INSERT INTO w VALUES(1, 1)");
    assert_ok(quire_change_hook(db, note_change, told));
    assert_rc(SQLITE_MISUSE, quire_change_detail(db, 7));
    assert_ok(quire_change_detail(db, QUIRE_DETAIL_KEYS));

    assert_ok(sqlite3_exec(db,
                           "INSERT INTO t VALUES(5, 5); UPDATE t SET a = 7 WHERE id = 5;"
                           "UPDATE t SET id = 9 WHERE id = 5; REPLACE INTO t VALUES(3, 1);"
                           "DELETE FROM t WHERE a = 2; UPDATE w SET v = 2",
                           NULL, NULL, NULL));
    assert_text("t18:0>5 t23:5>5 t23:5>9 t9:1>0 t18:0>3 t9:2>0 w23:0>0+ ", told);

    told[0] = '\0';
    assert_ok(quire_change_detail(db, QUIRE_DETAIL_VALUES));
    assert_ok(sqlite3_exec(db, "DELETE FROM t WHERE id = 9", NULL, NULL, NULL));
    assert_text("t9:9>0+ ", told);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(append_api, cmocka_unit_test(cells_of_every_type_are_kept),
           cmocka_unit_test(a_header_of_two_bytes_and_a_long_body_are_kept),
           cmocka_unit_test(what_makes_a_table_less_than_plain_is_noticed_at_once),
           cmocka_unit_test(text_in_utf16_is_left_to_insert),
           cmocka_unit_test(rows_are_told_by_their_keys_alone))
