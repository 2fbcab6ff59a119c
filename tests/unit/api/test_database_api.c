// Questions and settings of a connection and of the process; serialising; file controls.

#include "support/test.h"

#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/sim.h"
#include "support/stock.h"

#include <stdlib.h>

static void settings_are_switched_and_asked(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    int on = -1;

    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &on));
    assert_int_equal(on, 0);
    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, &on));
    assert_int_equal(on, 1);
    assert_text("1", rows_text(db, "PRAGMA foreign_keys"));
    assert_rc(SQLITE_ERROR, sqlite3_db_config(db, 999, 1, &on));

    assert_ok(sqlite3_close(db));
}

static void defensive_overrules_writable_schema(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); PRAGMA writable_schema=1");
    const char *rename = "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(b)'";

    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL));
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, rename, NULL, NULL, NULL));
    assert_text("table sqlite_master may not be modified", sqlite3_errmsg(db));

    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL));
    assert_ok(sqlite3_exec(db, rename, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
}

static void counters_are_told(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    int now = 0, highest = 0;

    assert_ok(sqlite3_db_status(db, SQLITE_DBSTATUS_SCHEMA_USED, &now, &highest, 0));
    assert_true(now > 0);
    assert_ok(sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_USED, &now, &highest, 0));
    assert_true(now > 0);
    assert_rc(SQLITE_ERROR, sqlite3_db_status(db, 99, &now, &highest, 0));
    assert_rc(SQLITE_MISUSE, sqlite3_db_status(db, 1, NULL, &highest, 0));
    assert_ok(sqlite3_status(SQLITE_STATUS_MEMORY_USED, &now, &highest, 0));
    assert_true(now > 0 && highest >= now);
    assert_rc(SQLITE_MISUSE, sqlite3_status(99, &now, &highest, 0));

    assert_ok(sqlite3_close(db));
}

static int cache_used(sqlite3 *db, int which)
{
    int now = 0;
    int highest = 0;
    assert_ok(sqlite3_db_status(db, which, &now, &highest, 0));
    return now;
}

// Pages that both have, whether they share a cache or only the process.
static void memory_is_told_by_shares(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "test.db");
    for (int shared = 0; shared < 2; shared++) {
        sqlite3 *db[2];
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                          | (shared ? SQLITE_OPEN_SHAREDCACHE : SQLITE_OPEN_PRIVATECACHE);
        for (int i = 0; i < 2; i++)
            assert_ok(sqlite3_open_v2(path, &db[i], flags, NULL));
        for (int i = 0; i < 2; i++)
            assert_ok(sqlite3_exec(db[i],
                                   "CREATE TABLE IF NOT EXISTS t AS SELECT randomblob(400000) AS b;"
                                   "SELECT count(*) FROM t WHERE b <> x'00'",
                                   NULL, NULL, NULL));
        for (int i = 0; i < 2; i++) {
            int whole = cache_used(db[i], SQLITE_DBSTATUS_CACHE_USED);
            int share = cache_used(db[i], SQLITE_DBSTATUS_CACHE_USED_SHARED);
            assert_true(whole > 400000);
            assert_true(share < whole * 6 / 10);
            assert_true(share >= whole / 2);
        }
        for (int i = 0; i < 2; i++)
            assert_ok(sqlite3_close(db[i]));
    }
    work_dir_end(&dir);
}

static void transactions_have_a_state(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");

    assert_int_equal(sqlite3_txn_state(db, "main"), SQLITE_TXN_NONE);
    assert_ok(sqlite3_exec(db, "BEGIN; SELECT * FROM t", NULL, NULL, NULL));
    assert_int_equal(sqlite3_txn_state(db, NULL), SQLITE_TXN_READ);
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(1)", NULL, NULL, NULL));
    assert_int_equal(sqlite3_txn_state(db, "main"), SQLITE_TXN_WRITE);
    assert_int_equal(sqlite3_txn_state(db, "nowhere"), -1);

    assert_ok(sqlite3_close(db));
}

static void file_controls_reach_the_file(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_file *file = NULL;
    sqlite3_vfs *vfs = NULL;
    unsigned version = 0;

    assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file));
    assert_non_null(file);
    assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs));
    assert_non_null(vfs);
    assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_DATA_VERSION, &version));
    assert_true(version > 0);
    assert_rc(SQLITE_ERROR,
              sqlite3_file_control(db, "nowhere", SQLITE_FCNTL_DATA_VERSION, &version));

    assert_ok(sqlite3_close(db));
}

static void a_database_goes_through_memory(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a); INSERT INTO t VALUES('kept')");
    sqlite3 *copy = database_with("");
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);
    assert_non_null(bytes);

    assert_ok(sqlite3_deserialize(copy, "main", bytes, size, size,
                                  SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
    assert_text("kept", rows_text(copy, "SELECT a FROM t"));
    assert_ok(sqlite3_exec(copy, "INSERT INTO t VALUES(zeroblob(20000))", NULL, NULL, NULL));
    assert_text("ok", rows_text(copy, "PRAGMA integrity_check"));

    assert_null(sqlite3_serialize(db, "nowhere", &size, 0));
    assert_rc(SQLITE_ERROR, sqlite3_deserialize(copy, "temp", NULL, 0, 0, 0));
    assert_ok(sqlite3_close(db));
    assert_ok(sqlite3_close(copy));
}

static void overwrite(Sim *sim, const char *name, const unsigned char *bytes, int size)
{
    sqlite3_vfs *vfs = sim_vfs(sim, 0);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
    assert_ok(vfs->xOpen(vfs, name, file, flags, &flags));
    assert_ok(file->pMethods->xWrite(file, bytes, size, 0));
    file->pMethods->xClose(file);
    free(file);
}

static void check_reset(const char *setup, const char *mode)
{
    static const unsigned char garbage[100] = {1, 2, 3};
    Sim *sim = sim_new(1);
    sqlite3 *db, *other;
    (void)sim_vfs(sim, 0);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_ok(sqlite3_open_v2("/reset.db", &db, flags, "sim-0"));
    assert_ok(sqlite3_exec(db, setup, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    overwrite(sim, "/reset.db", garbage, sizeof garbage);
    assert_ok(sqlite3_open_v2("/reset.db", &db, flags, "sim-0"));
    assert_ok(sqlite3_open_v2("/reset.db", &other, flags, "sim-0"));
    assert_rc(SQLITE_NOTADB, sqlite3_exec(db, "VACUUM", NULL, NULL, NULL));

    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL));
    assert_ok(sqlite3_exec(db, "VACUUM", NULL, NULL, NULL));
    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL));

    assert_text("", rows_text(other, "SELECT * FROM sqlite_schema"));
    assert_text("ok", rows_text(other, "PRAGMA integrity_check"));
    assert_text("1", rows_text(other, "PRAGMA page_count"));
    assert_text(mode, rows_text(other, "PRAGMA journal_mode"));
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    assert_ok(sqlite3_close(other));
    sim_free(sim);
}

static void a_database_can_be_reset_whatever_it_holds(void **state)
{
    (void)state;
    check_reset("CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000))", "delete");
    check_reset("PRAGMA page_size=512; PRAGMA auto_vacuum=1; CREATE TABLE t(a UNIQUE)", "delete");
}

static void a_page_that_cannot_be_read_makes_no_image(void **state)
{
    (void)state;
    Sim *sim = sim_new(1);
    (void)sim_vfs(sim, 0);
    sqlite3 *db;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_ok(sqlite3_open_v2("/image.db", &db, flags, "sim-0"));
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(50000))", NULL,
                           NULL, NULL));
    assert_ok(sqlite3_close(db));
    assert_ok(sqlite3_open_v2("/image.db", &db, flags, "sim-0"));
    assert_ok(sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL));
    sqlite3_int64 size = 0;

    sim_fail(sim, SIM_READ, 3, true);
    assert_null(sqlite3_serialize(db, "main", &size, 0));
    assert_int_equal(size, -1);
    assert_int_equal(sqlite3_errcode(db), SQLITE_IOERR);
    sim_fail(sim, SIM_READ, 0, false);
    unsigned char *image = sqlite3_serialize(db, "main", &size, 0);

    assert_non_null(image);
    assert_int_equal(size % 4096, 0);
    sqlite3_free(image);
    assert_ok(sqlite3_close(db));
    sim_free(sim);
}

static int through_memory(sqlite3 *db)
{
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    sqlite3 *copy = NULL;
    int rc = sqlite3_open(":memory:", &copy);
    if (rc == SQLITE_OK)
        rc = sqlite3_deserialize(copy, "main", bytes, size, size, SQLITE_DESERIALIZE_FREEONCLOSE);
    else
        sqlite3_free(bytes);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(copy, "SELECT * FROM t", NULL, NULL, NULL);
    sqlite3_close(copy);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE TABLE t(a); INSERT INTO t VALUES(1)", through_memory);
}

TEST_SUITE(database_api, cmocka_unit_test(settings_are_switched_and_asked),
           cmocka_unit_test(memory_is_told_by_shares),
           cmocka_unit_test(defensive_overrules_writable_schema),
           cmocka_unit_test(counters_are_told), cmocka_unit_test(transactions_have_a_state),
           cmocka_unit_test(file_controls_reach_the_file),
           cmocka_unit_test(a_database_goes_through_memory),
           cmocka_unit_test(a_database_can_be_reset_whatever_it_holds),
           cmocka_unit_test(a_page_that_cannot_be_read_makes_no_image),
           cmocka_unit_test(short_memory_is_an_answer))
