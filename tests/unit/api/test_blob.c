// BLOB handles and backups.

#include "support/test.h"

#include "quire.h"
#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/sim.h"

#define TABLE \
    "CREATE TABLE t(id INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, x'010203'), (2, 'no')"

static void a_value_is_read_and_written_in_pieces(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3_blob *blob;
    char piece[2];
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 1, &blob));

    assert_int_equal(sqlite3_blob_bytes(blob), 3);
    assert_ok(sqlite3_blob_read(blob, piece, 2, 1));
    assert_memory_equal(piece, "\x02\x03", 2);
    assert_ok(sqlite3_blob_write(blob, "\xff", 1, 0));
    assert_rc(SQLITE_ERROR, sqlite3_blob_write(blob, "xx", 2, 2)); // would grow

    assert_ok(sqlite3_blob_close(blob));
    assert_text("FF0203", rows_text(db, "SELECT hex(b) FROM t WHERE id = 1"));
    assert_ok(sqlite3_close(db));
}

// What is lent, run by run, is what is read.
static void a_value_is_lent_where_it_lies(void **state)
{
    (void)state;
    sqlite3 *db = database_with("PRAGMA page_size = 512; CREATE TABLE t(a, b); INSERT INTO t"
                                " VALUES('head', randomblob(5000)), ('head', x'01')");
    sqlite3_blob *blob;
    quire_piece piece[20] = {{NULL, 0}};
    unsigned char whole[5000];
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 0, &blob));
    assert_ok(sqlite3_blob_read(blob, whole, 5000, 0));
    for (int at = 0; at < 5000; at += piece[0].size) {
        assert_ok(quire_blob_peek(blob, at, piece, 3));
        assert_in_range(piece[0].size, 1, 5000 - at);
        assert_memory_equal(piece[0].bytes, whole + at, (size_t)piece[0].size);
        for (int i = 1, next = at + piece[0].size; i < 3; next += piece[i++].size) {
            assert_in_range(piece[i].size, next < 5000 ? 1 : 0, 5000 - next);
            assert_memory_equal(piece[i].bytes, whole + next, (size_t)piece[i].size);
        }
    }
    assert_ok(quire_blob_peek(blob, 0, piece, 20)); // all there is, then nothing
    int end = 0;
    for (int i = 0; i < 20; end += piece[i++].size)
        assert_memory_equal(piece[i].bytes, whole + end, (size_t)piece[i].size);
    assert_int_equal(5000, end);
    assert_ok(quire_blob_peek(blob, 777, piece, 1)); // back, and in the middle of a page
    assert_memory_equal(piece[0].bytes, whole + 777, (size_t)piece[0].size);
    assert_rc(SQLITE_ERROR, quire_blob_peek(blob, 5000, piece, 1));
    assert_rc(SQLITE_ERROR, quire_blob_peek(blob, -1, piece, 1));
    assert_ok(sqlite3_blob_reopen(blob, 2));
    assert_ok(quire_blob_peek(blob, 0, piece, 2));
    assert_int_equal(piece[0].size, 1);
    assert_int_equal(piece[1].size, 0);
    assert_ok(sqlite3_exec(db, "DELETE FROM t", NULL, NULL, NULL));
    assert_rc(SQLITE_ABORT, quire_blob_peek(blob, 0, piece, 1));
    assert_rc(SQLITE_MISUSE, quire_blob_peek(NULL, 0, piece, 1));
    (void)sqlite3_blob_close(blob);
    assert_ok(sqlite3_close(db));
}

// Rows as "rowid:size:first byte", and where the visitor gives up.
typedef struct Visited {
    char text[300];
    sqlite3_int64 stop_at;
} Visited;

static int note_value(void *arg, sqlite3_int64 rowid, const void *bytes, int size)
{
    Visited *visited = arg;
    size_t at = strlen(visited->text);
    int first = bytes == NULL ? -1 : size == 0 ? 0 : *(const unsigned char *)bytes;
    if (rowid == visited->stop_at)
        return SQLITE_FULL;
    snprintf(visited->text + at, sizeof visited->text - at, "%lld:%d:%d ", (long long)rowid, size,
             first);
    return SQLITE_OK;
}

static void assert_walk(sqlite3 *db, const char *column, int first, int last, const char *expected)
{
    Visited visited = {.stop_at = -1};
    const quire_blob_walk walk = {"main", "t", column, first, last, note_value, &visited};
    assert_ok(quire_walk_blobs(db, &walk));
    assert_string_equal(expected, visited.text);
}

// On the page, on overflow pages, of other types, of a column that came later, not committed yet.
static void many_values_are_visited_in_a_walk(void **state)
{
    (void)state;
    sqlite3 *db = database_with(
        "PRAGMA page_size = 512; CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);"
        "INSERT INTO t VALUES(-3, zeroblob(200), x'07'), (2, NULL, 'text'), (4, 1.5, 12345),"
        " (5, zeroblob(3000), x'2122'), (6, x'31', zeroblob(2000)), (9, 1, x''), (12, 'x', NULL);"
        "ALTER TABLE t ADD COLUMN c DEFAULT 'later'; BEGIN; INSERT INTO t VALUES(20, 1, 'new', 2)");

    assert_walk(db, "b", -9, 99, "-3:1:7 2:4:116 4:0:-1 5:2:33 6:2000:0 9:0:0 12:0:-1 20:3:110 ");
    assert_walk(db, "A", 5, 9, "5:3000:0 6:1:49 9:0:-1 ");
    assert_walk(db, "b", 7, 8, "");
    assert_walk(db, "b", 21, 99, "");
    assert_walk(db, "c", 12, 20, "12:0:-1 20:0:-1 ");
    assert_walk(db, "id", 2, 2, "2:0:-1 ");
    assert_ok(sqlite3_close(db));
}

static void a_walk_ends_with_what_its_visitor_says(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(b); INSERT INTO t VALUES(x'01'), (x'02')");
    Visited visited = {.stop_at = 2};
    quire_blob_walk walk = {NULL, "t", "b", 0, 9, note_value, &visited};

    assert_rc(SQLITE_FULL, quire_walk_blobs(db, &walk));

    assert_string_equal("1:1:1 ", visited.text);
    assert_ok(sqlite3_exec(db, "DROP TABLE t", NULL, NULL, NULL)); // nothing is left open
    assert_ok(sqlite3_close(db));
}

static void a_walk_needs_an_ordinary_table(void **state)
{
    (void)state;
    sqlite3 *db =
        database_with("CREATE TABLE t(b); CREATE VIEW v AS SELECT b FROM t;"
                      "CREATE TABLE w(b PRIMARY KEY) WITHOUT ROWID;"
                      "CREATE TABLE g(a, b AS (a)); CREATE VIRTUAL TABLE f USING fts5(b)");
    static const char *const names[] = {"v", "w", "g", "f", "nosuch"};
    Visited visited = {.stop_at = -1};
    quire_blob_walk walk = {"main", NULL, "b", 0, 9, note_value, &visited};
    for (int i = 0; i < 5; i++) {
        walk.table = names[i];
        assert_rc(SQLITE_NOTFOUND, quire_walk_blobs(db, &walk));
    }
    walk.table = "t";
    walk.column = "nosuch";
    assert_rc(SQLITE_NOTFOUND, quire_walk_blobs(db, &walk));
    assert_rc(SQLITE_MISUSE, quire_walk_blobs(db, NULL));
    assert_ok(sqlite3_close(db));
}

static int walk_all(sqlite3 *db)
{
    Visited visited = {.stop_at = -1};
    const quire_blob_walk walk = {"main", "t", "b", 0, 9, note_value, &visited};
    return quire_walk_blobs(db, &walk);
}

static void closing_reports_the_last_failure_again(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3_blob *blob;
    char piece[2];
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 0, &blob));
    assert_rc(SQLITE_READONLY, sqlite3_blob_write(blob, "xx", 2, 0));
    assert_rc(SQLITE_READONLY, sqlite3_blob_close(blob));

    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 0, &blob));
    assert_rc(SQLITE_READONLY, sqlite3_blob_write(blob, "xx", 2, 0));
    assert_ok(sqlite3_blob_read(blob, piece, 2, 0)); // succeeds, and clears it
    assert_ok(sqlite3_blob_close(blob));
    assert_ok(sqlite3_close(db));
}

static void a_handle_that_found_no_row_is_aborted(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3_blob *blob;
    char byte;
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 0, &blob));

    assert_ok(sqlite3_blob_reopen(blob, 2));
    assert_rc(SQLITE_ERROR, sqlite3_blob_reopen(blob, 99));
    assert_text("no such rowid: 99", sqlite3_errmsg(db));
    assert_rc(SQLITE_ABORT, sqlite3_blob_read(blob, &byte, 1, 0));
    assert_int_equal(sqlite3_errcode(db), SQLITE_ABORT);
    assert_int_equal(sqlite3_blob_bytes(blob), 0);

    assert_ok(sqlite3_blob_close(blob));
    assert_ok(sqlite3_close(db));
}

// Whether a handle on row 1 survives a statement; what it answers is SQLITE_ABORT from then on.
static int reads_after(const char *statement)
{
    sqlite3 *db = database_with(TABLE);
    sqlite3_blob *blob;
    char byte;
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 0, &blob));
    assert_ok(sqlite3_exec(db, statement, NULL, NULL, NULL));

    int rc = sqlite3_blob_read(blob, &byte, 1, 0);

    assert_int_equal(sqlite3_blob_read(blob, &byte, 1, 0), rc);
    assert_int_equal(sqlite3_blob_bytes(blob) > 0, rc == SQLITE_OK);
    assert_ok(sqlite3_blob_close(blob));
    assert_ok(sqlite3_close(db));
    return rc;
}

static void a_handle_expires_with_any_change_of_its_row(void **state)
{
    (void)state;
    assert_ok(reads_after("INSERT INTO t(rowid) VALUES(77)"));
    assert_ok(reads_after("INSERT INTO t(rowid) VALUES(77); UPDATE t SET b = 1 WHERE rowid = 77"));
    assert_ok(reads_after("CREATE TABLE u(a)"));
    assert_rc(SQLITE_ABORT, reads_after("UPDATE t SET rowid = rowid WHERE rowid = 1"));
    assert_rc(SQLITE_ABORT, reads_after("UPDATE t SET rowid = 99 WHERE rowid = 1"));
    assert_rc(SQLITE_ABORT, reads_after("REPLACE INTO t(rowid) VALUES(1)"));
    assert_rc(SQLITE_ABORT, reads_after("DELETE FROM t WHERE rowid = 1"));
    assert_rc(SQLITE_ABORT, reads_after("DELETE FROM t"));
}

// wide: the public interface
static void tell(void *arg, sqlite3 *db, int operation, char const *schema, char const *table,
                 sqlite3_int64 old_rowid, sqlite3_int64 new_rowid)
{
    (void)schema;
    (void)new_rowid;
    snprintf(arg, 64, "%d %s %lld column %d", operation, table, (long long)old_rowid,
             sqlite3_preupdate_blobwrite(db));
}

static void the_preupdate_hook_hears_of_pieces(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3_blob *blob;
    char told[64] = "";
    sqlite3_preupdate_hook(db, tell, told);
    assert_ok(sqlite3_blob_open(db, "main", "t", "b", 1, 1, &blob));

    assert_ok(sqlite3_blob_write(blob, "\xff", 1, 0));

    assert_text("9 t 1 column 1", told);
    assert_ok(sqlite3_blob_close(blob));
    assert_ok(sqlite3_close(db));
}

static void a_backup_copies_what_is_there(void **state)
{
    (void)state;
    sqlite3 *source = database_with(TABLE);
    sqlite3 *target = database_with("CREATE TABLE old(x)");
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
    assert_non_null(backup);

    assert_ok(sqlite3_backup_step(backup, 1));
    assert_true(sqlite3_backup_remaining(backup) > 0);
    assert_rc(SQLITE_DONE, sqlite3_backup_step(backup, -1));
    assert_ok(sqlite3_backup_finish(backup));

    assert_text("t", rows_text(target, "SELECT name FROM sqlite_schema"));
    assert_null(sqlite3_backup_init(source, "main", source, "main"));
    assert_text("source and destination must be distinct", sqlite3_errmsg(source));
    assert_ok(sqlite3_close(source));
    assert_ok(sqlite3_close(target));
}

static void back_up_to(sqlite3 *target, sqlite3 *source)
{
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
    assert_non_null(backup);
    assert_rc(SQLITE_DONE, sqlite3_backup_step(backup, -1));
    assert_ok(sqlite3_backup_finish(backup));
}

static void a_backup_of_nothing_empties_the_target(void **state)
{
    (void)state;
    sqlite3 *source = database_with("");
    sqlite3 *target = database_with("CREATE TABLE old(x); INSERT INTO old VALUES(zeroblob(9000))");

    back_up_to(target, source);

    assert_text("", rows_text(target, "SELECT name FROM sqlite_schema"));
    assert_text("1", rows_text(target, "PRAGMA page_count"));
    assert_ok(sqlite3_exec(target, "CREATE TABLE old(y)", NULL, NULL, NULL));
    assert_text("ok", rows_text(target, "PRAGMA integrity_check"));
    assert_ok(sqlite3_close(source));
    assert_ok(sqlite3_close(target));
}

// The source's counters say nothing about the target: here they are just what the target's next
// ones would be without.
static void another_reader_of_the_target_sees_the_backup(void **state)
{
    (void)state;
    Sim *sim = sim_new(1);
    (void)sim_vfs(sim, 0);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3 *source, *target, *reader;
    assert_ok(sqlite3_open_v2("/target.db", &target, flags, "sim-0"));
    assert_ok(sqlite3_open_v2("/target.db", &reader, flags, "sim-0"));
    assert_ok(sqlite3_open_v2("/source.db", &source, flags, "sim-0"));
    assert_ok(sqlite3_exec(source, "CREATE TABLE t(a); INSERT INTO t VALUES('new')", 0, 0, 0));
    assert_ok(sqlite3_exec(
        target, "CREATE TABLE t(a); INSERT INTO t VALUES('old'); UPDATE t SET a = 'older'", 0, 0,
        0));
    assert_text("older", rows_text(reader, "SELECT a FROM t"));

    back_up_to(target, source);

    assert_text("new", rows_text(reader, "SELECT a FROM t"));
    assert_ok(sqlite3_close(reader));
    assert_ok(sqlite3_close(target));
    assert_ok(sqlite3_close(source));
    sim_free(sim);
}

static int write_piece(sqlite3 *db)
{
    sqlite3_blob *blob = NULL;
    int rc = sqlite3_blob_open(db, "main", "t", "b", 1, 1, &blob);
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_write(blob, "z", 1, 0);
    int end_rc = sqlite3_blob_close(blob);
    return rc != SQLITE_OK ? rc : end_rc;
}

static int back_up(sqlite3 *db)
{
    sqlite3 *target = NULL;
    int rc = sqlite3_open(":memory:", &target);
    sqlite3_backup *backup =
        rc == SQLITE_OK ? sqlite3_backup_init(target, "main", db, "main") : NULL;
    if (backup != NULL) {
        (void)sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup);
    } else if (rc == SQLITE_OK) {
        rc = sqlite3_errcode(target);
    }
    sqlite3_close(target);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly(TABLE, write_piece);
    api_fails_cleanly(TABLE, back_up);
    api_fails_cleanly(TABLE "; INSERT INTO t VALUES(3, zeroblob(9000))", walk_all);
}

TEST_SUITE(blob, cmocka_unit_test(a_value_is_read_and_written_in_pieces),
           cmocka_unit_test(a_value_is_lent_where_it_lies),
           cmocka_unit_test(many_values_are_visited_in_a_walk),
           cmocka_unit_test(a_walk_ends_with_what_its_visitor_says),
           cmocka_unit_test(a_walk_needs_an_ordinary_table),
           cmocka_unit_test(closing_reports_the_last_failure_again),
           cmocka_unit_test(a_handle_that_found_no_row_is_aborted),
           cmocka_unit_test(a_handle_expires_with_any_change_of_its_row),
           cmocka_unit_test(the_preupdate_hook_hears_of_pieces),
           cmocka_unit_test(a_backup_copies_what_is_there),
           cmocka_unit_test(a_backup_of_nothing_empties_the_target),
           cmocka_unit_test(another_reader_of_the_target_sees_the_backup),
           cmocka_unit_test(short_memory_is_an_answer))
