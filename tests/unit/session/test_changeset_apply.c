// Applying changesets: conflicts and their answers, constraints that clear up later, foreign keys,
// rebasing. Also inverting, and bytes that are no changeset.

#include "support/test.h"

#include "support/api_fault.h"
#include "support/changeset.h"

#define TABLE "CREATE TABLE t(k PRIMARY KEY, a UNIQUE);"

// Records `sql` on one database, applies it to another; returns the second one's rows.
// wide: what each test varies
static const char *applied(const char *setup, const char *sql, const char *other, int answer,
                           int flags, int *rc, char *reasons)
{
    sqlite3 *source = database_with(setup);
    sqlite3 *target = database_with(other);
    Changeset changes = changeset_of(source, sql);
    *rc = changeset_run(target, changes, answer, flags, reasons);
    const char *rows = rows_text(target, "SELECT * FROM t ORDER BY k");
    changeset_free(&changes);
    assert_ok(sqlite3_close(source));
    assert_ok(sqlite3_close(target));
    return rows;
}

static void a_changeset_makes_the_same_changes_elsewhere(void **state)
{
    (void)state;
    const char *setup = TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')";
    char reasons[32];
    int rc;

    const char *rows = applied(setup,
                               "UPDATE t SET a = 'X' WHERE k = 1; DELETE FROM t WHERE k = 2;"
                               "INSERT INTO t VALUES (3, 'z')",
                               setup, SQLITE_CHANGESET_ABORT, 0, &rc, reasons);

    assert_ok(rc);
    assert_text("1|X\n3|z", rows);
    assert_text("", reasons);
}

static void conflicts_are_answered_one_by_one(void **state)
{
    (void)state;
    const char *setup = TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')";
    const char *sql = "UPDATE t SET a = 'X' WHERE k = 1; DELETE FROM t WHERE k = 2;"
                      "INSERT INTO t VALUES (3, 'z')";
    const char *other = TABLE "INSERT INTO t VALUES (1, 'other'), (3, 'third')";
    char reasons[32];
    int rc;

    assert_text("1|other\n3|third",
                applied(setup, sql, other, SQLITE_CHANGESET_OMIT, 0, &rc, reasons));
    assert_ok(rc);
    assert_text("DNC", reasons);
    assert_text("1|X\n3|z", applied(setup, sql, other, SQLITE_CHANGESET_REPLACE, 0, &rc, reasons));
    assert_ok(rc);
    assert_text("1|other\n3|third",
                applied(setup, sql, other, SQLITE_CHANGESET_ABORT, 0, &rc, reasons));
    assert_rc(SQLITE_ABORT, rc);
    assert_text("D", reasons);
}

static void an_answer_that_is_not_allowed_undoes_everything(void **state)
{
    (void)state;
    char reasons[32];
    int rc;

    const char *rows = applied(TABLE "INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 'X'",
                               TABLE "INSERT INTO t VALUES (1, 'other')", 99, 0, &rc, reasons);

    assert_rc(SQLITE_MISUSE, rc);
    assert_text("1|other", rows);
}

// Row 1 takes the value that row 2 gives up: refused at first, fine in the end.
static void a_change_in_the_way_of_another_is_tried_again(void **state)
{
    (void)state;
    const char *setup = TABLE "INSERT INTO t VALUES (1, 'one'), (2, 'two')";
    char reasons[32];
    int rc;

    const char *rows = applied(setup,
                               "UPDATE t SET a = 'three' WHERE k = 2;"
                               "UPDATE t SET a = 'two' WHERE k = 1",
                               setup, SQLITE_CHANGESET_ABORT, 0, &rc, reasons);

    assert_ok(rc);
    assert_text("", reasons);
    assert_text("1|two\n2|three", rows);
}

// Rows that exchange the values of a UNIQUE column, two of them and three.
#define SWAP                                                            \
    "UPDATE t SET a = 0 WHERE k = 1; UPDATE t SET a = 'x' WHERE k = 2;" \
    "UPDATE t SET a = 'y' WHERE k = 1"
#define CIRCLE                                                          \
    "UPDATE t SET a = 0 WHERE k = 1; UPDATE t SET a = 'x' WHERE k = 2;" \
    "UPDATE t SET a = 'y' WHERE k = 3; UPDATE t SET a = 'z' WHERE k = 1"

static void updates_that_wait_for_each_other_in_a_circle_are_made(void **state)
{
    (void)state;
    const char *setup = TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')";
    char reasons[32];
    int rc;

    assert_text("1|y\n2|x\n3|z",
                applied(setup, SWAP, setup, SQLITE_CHANGESET_ABORT, 0, &rc, reasons));
    assert_ok(rc);
    assert_text("1|z\n2|x\n3|y",
                applied(setup, CIRCLE, setup, SQLITE_CHANGESET_ABORT, 0, &rc, reasons));
    assert_ok(rc);
    // Columns that the changeset does not know keep their values.
    assert_text("1|y|5\n2|x|6", applied(setup, SWAP,
                                        "CREATE TABLE t(k PRIMARY KEY, a UNIQUE, b);"
                                        "INSERT INTO t VALUES (1, 'x', 5), (2, 'y', 6)",
                                        SQLITE_CHANGESET_ABORT, 0, &rc, reasons));
    assert_ok(rc);
    assert_text("", reasons);
}

static void circles_are_left_alone_if_so_asked_or_not_closed(void **state)
{
    (void)state;
    const char *setup = TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')";
    const char *other = TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'q'), (3, 'y')";
    char reasons[32];
    int rc;

    assert_text("1|x\n2|y\n3|z", applied(setup, SWAP, setup, SQLITE_CHANGESET_OMIT,
                                         SQLITE_CHANGESETAPPLY_NOUPDATELOOP, &rc, reasons));
    assert_ok(rc);
    assert_text("XX", reasons);
    assert_text("1|x\n2|q\n3|y",
                applied(setup, SWAP, other, SQLITE_CHANGESET_OMIT, 0, &rc, reasons));
    assert_ok(rc);
    assert_text("DX", reasons);
}

static void changes_made_already_are_no_conflict_if_so_asked(void **state)
{
    (void)state;
    char reasons[32];
    int rc;

    (void)applied(TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
                  "UPDATE t SET a = 'X' WHERE k = 1; DELETE FROM t WHERE k = 2",
                  TABLE "INSERT INTO t VALUES (1, 'X')", SQLITE_CHANGESET_ABORT,
                  SQLITE_CHANGESETAPPLY_IGNORENOOP, &rc, reasons);

    assert_ok(rc);
    assert_text("", reasons);
}

static void the_inverse_undoes(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    Changeset changes =
        changeset_of(db, "UPDATE t SET a = 'X' WHERE k = 1;"
                         "DELETE FROM t WHERE k = 2; INSERT INTO t VALUES (3, 'z')");
    Changeset inverse;
    char reasons[32];

    assert_ok(sqlite3changeset_invert(changes.size, changes.bytes, &inverse.size, &inverse.bytes));
    assert_text("UPDATE t(1,'X')->(_,'x')\nINSERT t(2,'y')\nDELETE t(3,'z')",
                changeset_text(inverse));
    assert_ok(
        changeset_run(db, changes, SQLITE_CHANGESET_ABORT, SQLITE_CHANGESETAPPLY_INVERT, reasons));

    assert_text("1|x\n2|y", rows_text(db, "SELECT * FROM t ORDER BY k"));
    changeset_free(&changes);
    changeset_free(&inverse);
    assert_ok(sqlite3_close(db));
}

static void patchsets_have_no_inverse(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    Changeset changes = patchset_of(db, "INSERT INTO t VALUES (1, 'x')");
    Changeset inverse;

    assert_rc(SQLITE_CORRUPT,
              sqlite3changeset_invert(changes.size, changes.bytes, &inverse.size, &inverse.bytes));

    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void foreign_keys_are_asked_about_at_the_end(void **state)
{
    (void)state;
    const char *schema = "CREATE TABLE t(k INTEGER PRIMARY KEY);"
                         "CREATE TABLE child(k PRIMARY KEY, p REFERENCES t(k));";
    sqlite3 *source = database_with(schema);
    sqlite3 *target = database_with(schema);
    char reasons[32];
    assert_ok(sqlite3_exec(target, "PRAGMA foreign_keys = ON", NULL, NULL, NULL));
    Changeset changes = changeset_of(source, "INSERT INTO child VALUES ('c', 1)");

    assert_rc(SQLITE_CONSTRAINT,
              changeset_run(target, changes, SQLITE_CHANGESET_ABORT, 0, reasons));
    assert_text("F", reasons);
    assert_text("0", rows_text(target, "SELECT count(*) FROM child"));
    assert_ok(changeset_run(target, changes, SQLITE_CHANGESET_OMIT, 0, reasons));

    assert_text("1", rows_text(target, "SELECT count(*) FROM child"));
    changeset_free(&changes);
    assert_ok(sqlite3_close(source));
    assert_ok(sqlite3_close(target));
}

static void foreign_key_actions_can_be_left_out(void **state)
{
    (void)state;
    const char *schema = "CREATE TABLE t(k INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);"
                         "CREATE TABLE child(k PRIMARY KEY, p REFERENCES t(k) ON DELETE CASCADE);"
                         "INSERT INTO child VALUES ('c', 1);";
    sqlite3 *source = database_with(schema);
    sqlite3 *target = database_with(schema);
    char reasons[32];
    assert_ok(sqlite3_exec(target, "PRAGMA foreign_keys = ON", NULL, NULL, NULL));
    Changeset changes = changeset_of(source, "DELETE FROM t");

    assert_ok(changeset_run(target, changes, SQLITE_CHANGESET_OMIT,
                            SQLITE_CHANGESETAPPLY_FKNOACTION, reasons));

    assert_text("F", reasons);
    assert_text("c|1", rows_text(target, "SELECT * FROM child"));
    changeset_free(&changes);
    assert_ok(sqlite3_close(source));
    assert_ok(sqlite3_close(target));
}

static void tables_that_do_not_fit_are_left_out(void **state)
{
    (void)state;
    char reasons[32];
    int rc;

    const char *rows = applied(TABLE "CREATE TABLE gone(k PRIMARY KEY)",
                               "INSERT INTO gone VALUES (1); INSERT INTO t VALUES (1, 'x')", TABLE,
                               SQLITE_CHANGESET_ABORT, 0, &rc, reasons);

    assert_ok(rc);
    assert_text("1|x", rows);
}

// Every prefix of a changeset, and every byte of it changed, is an answer and no crash.
static void damaged_bytes_are_an_error(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    sqlite3 *target = database_with(TABLE);
    Changeset changes =
        changeset_of(db, "UPDATE t SET a = 'X' WHERE k = 1; DELETE FROM t WHERE k = 2");
    char reasons[1024];
    unsigned char *bytes = changes.bytes;
    for (int size = 1; size < changes.size; size++) {
        int rc = changeset_run(target, (Changeset){size, bytes}, SQLITE_CHANGESET_OMIT, 0, reasons);
        assert_true(rc == SQLITE_OK || rc == SQLITE_CORRUPT);
    }
    for (int i = 0; i < changes.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (unsigned char)(bytes[i] ^ (1 << bit));
            (void)changeset_run(target, changes, SQLITE_CHANGESET_OMIT, 0, reasons);
            bytes[i] = (unsigned char)(bytes[i] ^ (1 << bit));
        }
    }
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
    assert_ok(sqlite3_close(target));
}

typedef struct Pieces {
    const char *bytes;
    int left;
} Pieces;

static int give_three_bytes(void *arg, void *data, int *size)
{
    Pieces *pieces = arg;
    int given = pieces->left < 3 ? pieces->left : 3;
    assert_true(*size >= 3);
    memcpy(data, pieces->bytes, (size_t)given);
    pieces->bytes += given;
    pieces->left -= given;
    *size = given;
    return SQLITE_OK;
}

static int never_asked(void *arg, int reason, sqlite3_changeset_iter *iter)
{
    (void)arg;
    (void)iter;
    fail_msg("asked about a conflict, reason %d", reason);
    return SQLITE_CHANGESET_ABORT;
}

static void a_changeset_may_come_in_small_pieces(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3 *target = database_with(TABLE);
    Changeset changes = changeset_of(db, "INSERT INTO t VALUES (1, 'some text'), (2, 'more text')");
    Pieces pieces = {changes.bytes, changes.size};

    assert_ok(
        sqlite3changeset_apply_strm(target, give_three_bytes, &pieces, NULL, never_asked, NULL));

    assert_text("1|some text\n2|more text", rows_text(target, "SELECT * FROM t"));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
    assert_ok(sqlite3_close(target));
}

static int always_omit(void *arg, int reason, sqlite3_changeset_iter *iter)
{
    (void)arg;
    (void)reason;
    (void)iter;
    return SQLITE_CHANGESET_OMIT;
}

// Both sides inserted row 1; here the local one was kept, so elsewhere it is an update.
static void a_rebased_insert_updates_the_remote_row(void **state)
{
    (void)state;
    sqlite3 *here = database_with(TABLE);
    sqlite3 *there = database_with(TABLE);
    Changeset local = changeset_of(here, "INSERT INTO t VALUES (1, 'local')");
    Changeset remote = changeset_of(there, "INSERT INTO t VALUES (1, 'remote')");
    Changeset notes = {0, NULL}, rebased;
    sqlite3_rebaser *rebaser;
    assert_ok(sqlite3changeset_apply_v2(here, remote.size, remote.bytes, NULL, always_omit, NULL,
                                        &notes.bytes, &notes.size, 0));

    assert_ok(sqlite3rebaser_create(&rebaser));
    assert_ok(sqlite3rebaser_configure(rebaser, notes.size, notes.bytes));
    assert_ok(
        sqlite3rebaser_rebase(rebaser, local.size, local.bytes, &rebased.size, &rebased.bytes));

    assert_text("UPDATE t(1,'remote')->(1,'local')", changeset_text(rebased));
    sqlite3rebaser_delete(rebaser);
    changeset_free(&local);
    changeset_free(&remote);
    changeset_free(&notes);
    changeset_free(&rebased);
    assert_ok(sqlite3_close(here));
    assert_ok(sqlite3_close(there));
}

static void bytes_that_are_missing_are_misuse(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE);
    sqlite3_rebaser *rebaser;
    void *out;
    int size;
    assert_ok(sqlite3rebaser_create(&rebaser));

    assert_rc(SQLITE_MISUSE, sqlite3changeset_apply(db, 5, NULL, NULL, always_omit, NULL));
    assert_rc(SQLITE_MISUSE,
              sqlite3changeset_apply_v3(db, 5, NULL, NULL, always_omit, NULL, NULL, NULL, 0));
    assert_rc(SQLITE_MISUSE, sqlite3rebaser_rebase(rebaser, 5, NULL, &size, &out));

    sqlite3rebaser_delete(rebaser);
    assert_ok(sqlite3_close(db));
}

// --- short memory ---

static Changeset recorded;

static int apply_recorded(sqlite3 *db)
{
    char reasons[64];
    return changeset_run(db, recorded, SQLITE_CHANGESET_REPLACE, 0, reasons);
}

static int invert_and_join_recorded(sqlite3 *db)
{
    Changeset inverse = {0, NULL}, joined = {0, NULL};
    (void)db;
    int rc = sqlite3changeset_invert(recorded.size, recorded.bytes, &inverse.size, &inverse.bytes);
    if (rc == SQLITE_OK)
        rc = sqlite3changeset_concat(recorded.size, recorded.bytes, inverse.size, inverse.bytes,
                                     &joined.size, &joined.bytes);
    changeset_free(&inverse);
    changeset_free(&joined);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    sqlite3 *db = database_with(TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    recorded = changeset_of(db, "UPDATE t SET a = 'X' WHERE k = 1; DELETE FROM t WHERE k = 2;"
                                "INSERT INTO t VALUES (3, 'z')");

    api_fails_cleanly(TABLE "INSERT INTO t VALUES (1, 'other'), (3, 'third')", apply_recorded);
    api_fails_cleanly(TABLE, invert_and_join_recorded);
    changeset_free(&recorded);
    assert_ok(sqlite3_exec(db, "DELETE FROM t; INSERT INTO t VALUES (1, 'x'), (2, 'y')", NULL, NULL,
                           NULL));
    recorded = changeset_of(db, SWAP);
    api_fails_cleanly(TABLE "INSERT INTO t VALUES (1, 'x'), (2, 'y')", apply_recorded);

    changeset_free(&recorded);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(changeset_apply, cmocka_unit_test(a_changeset_makes_the_same_changes_elsewhere),
           cmocka_unit_test(conflicts_are_answered_one_by_one),
           cmocka_unit_test(an_answer_that_is_not_allowed_undoes_everything),
           cmocka_unit_test(a_change_in_the_way_of_another_is_tried_again),
           cmocka_unit_test(updates_that_wait_for_each_other_in_a_circle_are_made),
           cmocka_unit_test(circles_are_left_alone_if_so_asked_or_not_closed),
           cmocka_unit_test(changes_made_already_are_no_conflict_if_so_asked),
           cmocka_unit_test(the_inverse_undoes), cmocka_unit_test(patchsets_have_no_inverse),
           cmocka_unit_test(foreign_keys_are_asked_about_at_the_end),
           cmocka_unit_test(foreign_key_actions_can_be_left_out),
           cmocka_unit_test(tables_that_do_not_fit_are_left_out),
           cmocka_unit_test(damaged_bytes_are_an_error),
           cmocka_unit_test(a_changeset_may_come_in_small_pieces),
           cmocka_unit_test(a_rebased_insert_updates_the_remote_row),
           cmocka_unit_test(bytes_that_are_missing_are_misuse),
           cmocka_unit_test(short_memory_is_an_answer))
