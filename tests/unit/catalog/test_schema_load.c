// engine/catalog/schema_load.c: files that are damaged, and what writable_schema opens of them.
#include "support/stock.h"
#include "support/test.h"

#include "base/bytes.h"
#include "sqlite3.h"
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE_SIZE = 512, FIRST_SLOT = 112 }; // of page 1, when it is no leaf

static void create(const char *path)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_exec(db, "PRAGMA page_size = 512", NULL, NULL, NULL));
    for (int i = 0; i < 40; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "CREATE VIEW v%d AS SELECT %d, 'longer than some'", i, i);
        assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    }
    assert_ok(sqlite3_close(db));
}

// Page 1 becomes its own first child: a walk from the first row goes in circles, the last is found.
static void damage(const char *path)
{
    u8 page[PAGE_SIZE];
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fread(page, 1, sizeof page, file), sizeof page);
    assert_int_equal(page[100], 5); // an interior page of a table
    u8 self[4];
    put_u32(self, 1);
    assert_int_equal(fseek(file, get_u16(page + FIRST_SLOT), SEEK_SET), 0);
    assert_int_equal(fwrite(self, 1, sizeof self, file), sizeof self);
    assert_int_equal(fclose(file), 0);
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void writable_schema_lets_a_damaged_schema_table_be_reached(void **state)
{
    const char *path = work_path(*state, "test.db");
    create(path);
    damage(path);
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_int_equal(run(db, "SELECT 1"), SQLITE_CORRUPT);

    assert_ok(run(db, "PRAGMA writable_schema = on"));

    assert_ok(run(db, "INSERT INTO sqlite_schema VALUES('view', 'w', 'w', 0, '')"));
    assert_ok(run(db, "SELECT name FROM sqlite_schema ORDER BY rowid DESC LIMIT 1"));
    assert_int_equal(run(db, "SELECT * FROM v0"), SQLITE_ERROR); // was not read
    assert_int_equal(run(db, "SELECT * FROM sqlite_schema"), SQLITE_CORRUPT);

    assert_ok(run(db, "PRAGMA writable_schema = reset"));
    assert_int_equal(run(db, "SELECT 1"), SQLITE_CORRUPT);
    assert_ok(sqlite3_close(db));
}

static int note_integer(void *out, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    *(int *)out = atoi(values[0]);
    return 0;
}

// The least integer of 32 bits, in the file's header, has no positive twin.
static void a_cache_size_without_a_positive_twin_is_the_greatest(void **state)
{
    const char *path = work_path(*state, "cache.db");
    create(path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    u8 size[4];
    put_u32(size, 0x80000000);
    assert_int_equal(fseek(file, 48, SEEK_SET), 0);
    assert_int_equal(fwrite(size, 1, sizeof size, file), sizeof size);
    assert_int_equal(fclose(file), 0);
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    int pages = 0;

    assert_ok(sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema; PRAGMA cache_size",
                           note_integer, &pages, NULL));

    assert_int_equal(pages, INT_MAX);
    assert_ok(sqlite3_close(db));
}

static void fill(const char *path)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_exec(db,
                           "PRAGMA page_size = 512; PRAGMA auto_vacuum = 2; CREATE TABLE t(a, b);"
                           "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"
                           " WHERE x < 50) INSERT INTO t SELECT x, zeroblob(300) FROM c;"
                           "DELETE FROM t WHERE a < 4",
                           NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
}

static void writable_schema_reads_a_file_cut_short_as_far_as_it_goes(void **state)
{
    const char *path = work_path(*state, "test.db");
    fill(path);
    assert_int_equal(truncate(path, 40 * 512), 0);
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_int_equal(run(db, "SELECT * FROM t WHERE rowid = 5"), SQLITE_CORRUPT);

    assert_ok(run(db, "PRAGMA writable_schema = on"));
    assert_ok(run(db, "SELECT * FROM t WHERE rowid = 5"));
    assert_int_equal(run(db, "SELECT * FROM t"), SQLITE_CORRUPT);
    assert_ok(run(db, "PRAGMA writable_schema = off"));
    assert_int_equal(run(db, "SELECT * FROM t WHERE rowid = 5"), SQLITE_CORRUPT);

    // A change of the size makes the header agree with the file again.
    assert_ok(run(db, "PRAGMA writable_schema = on; PRAGMA incremental_vacuum(1)"));
    assert_ok(run(db, "PRAGMA writable_schema = off; SELECT * FROM t WHERE rowid = 5"));
    assert_ok(sqlite3_close(db));
}

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

TEST_SUITE(schema_load,
           cmocka_unit_test_setup_teardown(a_cache_size_without_a_positive_twin_is_the_greatest,
                                           setup, teardown),
           cmocka_unit_test_setup_teardown(writable_schema_reads_a_file_cut_short_as_far_as_it_goes,
                                           setup, teardown),
           cmocka_unit_test_setup_teardown(writable_schema_lets_a_damaged_schema_table_be_reached,
                                           setup, teardown))
