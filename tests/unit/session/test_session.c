// Sessions: what they record, and what of it ends in a changeset.

#include "support/test.h"

#include "base/alloc.h"
#include "support/api_fault.h"
#include "support/changeset.h"

static void each_kind_of_change_is_told_with_what_it_needs(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);"
                                "INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)");

    Changeset changes = changeset_of(db, "INSERT INTO t VALUES (3, 'z', NULL);"
                                         "UPDATE t SET a = 'new' WHERE id = 1;"
                                         "DELETE FROM t WHERE id = 2");

    assert_text("UPDATE t(1,'x',_)->(_,'new',_)\nDELETE t(2,'y',2)\nINSERT t(3,'z',NULL)",
                changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

// The bytes as the format lays them down: header, operation, flag, fields.
static void bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        'T', 2, 0,   1,   't', 0,          // two columns, the second is the key
        18,  0,                            // INSERT, direct
        3,   2, 'h', 'i',                  // text
        1,   0, 0,   0,   0,   0, 0, 1, 0, // 256
    };
    sqlite3 *db = database_with("CREATE TABLE t(a, k PRIMARY KEY)");

    Changeset changes = changeset_of(db, "INSERT INTO t VALUES ('hi', 256)");

    assert_int_equal(changes.size, sizeof expected);
    assert_memory_equal(changes.bytes, expected, sizeof expected);
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void a_patchset_leaves_old_values_out(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);"
                                "INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)");

    Changeset changes = patchset_of(db, "UPDATE t SET a = 'new' WHERE id = 1;"
                                        "DELETE FROM t WHERE id = 2");

    assert_text("UPDATE t(1,_,_)->(_,'new',_)\nDELETE t(2,_,_)", changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void what_comes_to_nothing_is_not_told(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
                                "INSERT INTO t VALUES (1, 'x')");

    Changeset changes =
        changeset_of(db, "INSERT INTO t VALUES (2, 'y'); DELETE FROM t WHERE id = 2;"
                         "UPDATE t SET a = 'z'; UPDATE t SET a = 'x'");

    assert_int_equal(changes.size, 0);
    assert_null(changes.bytes);
    assert_ok(sqlite3_close(db));
}

static void a_moved_key_is_a_delete_and_an_insert(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k TEXT PRIMARY KEY, a) WITHOUT ROWID;"
                                "INSERT INTO t VALUES ('p', 1)");

    Changeset changes = changeset_of(db, "UPDATE t SET k = 'q'");

    assert_text("INSERT t('q',1)\nDELETE t('p',1)", changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void tables_without_a_key_and_rows_with_null_in_it_are_passed_over(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE bare(a); CREATE TABLE t(k PRIMARY KEY)");

    Changeset changes = changeset_of(db, "INSERT INTO bare VALUES (1);"
                                         "INSERT INTO t VALUES (NULL), (7)");

    assert_text("INSERT t(7)", changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void triggers_change_indirectly(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY); CREATE TABLE log(k PRIMARY KEY);"
                                "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
                                " INSERT INTO log VALUES (NEW.k); END");

    Changeset changes = changeset_of(db, "INSERT INTO t VALUES (1)");

    assert_text("INSERT t(1)\nINSERT indirect log(1)", changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static void the_rowid_can_be_the_key(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE bare(a)");
    sqlite3_session *session;
    Changeset changes;
    int on = 1;
    assert_ok(sqlite3session_create(db, "main", &session));

    assert_ok(sqlite3session_object_config(session, SQLITE_SESSION_OBJCONFIG_ROWID, &on));
    assert_ok(sqlite3session_attach(session, "bare"));
    assert_rc(SQLITE_MISUSE,
              sqlite3session_object_config(session, SQLITE_SESSION_OBJCONFIG_ROWID, &on));
    assert_ok(sqlite3_exec(db, "INSERT INTO bare VALUES ('x')", NULL, NULL, NULL));
    assert_ok(sqlite3session_changeset(session, &changes.size, &changes.bytes));

    assert_text("INSERT bare(1,'x')", changeset_text(changes));
    changeset_free(&changes);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

static int record_by_rowid(sqlite3 *db)
{
    sqlite3_session *session;
    Changeset changes = {0, NULL};
    int on = 1;
    int rc = sqlite3session_create(db, "main", &session);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3session_object_config(session, SQLITE_SESSION_OBJCONFIG_ROWID, &on);
    rc = sqlite3session_attach(session, "bare");
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "DELETE FROM bare; INSERT INTO bare VALUES ('x', 1)", NULL, NULL,
                          NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3session_changeset(session, &changes.size, &changes.bytes);
    changeset_free(&changes);
    sqlite3session_delete(session);
    return rc;
}

static void short_memory_while_a_rowid_is_looked_for_is_an_answer(void **state)
{
    (void)state;
    // A name that needs memory of its own, beside the block that holds the others.
    char setup[8200];
    snprintf(setup, sizeof setup, "CREATE TABLE bare(c%08000d, b)", 1);
    api_fails_cleanly(setup, record_by_rowid);
}

static void columns_added_meanwhile_widen_what_was_recorded(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a); INSERT INTO t VALUES (1, 2)");

    Changeset changes = changeset_of(db, "DELETE FROM t; ALTER TABLE t ADD COLUMN b DEFAULT 9;"
                                         "INSERT INTO t VALUES (2, 3, 4)");

    assert_text("DELETE t(1,2,9)\nINSERT t(2,3,4)", changeset_text(changes));
    changeset_free(&changes);
    assert_ok(sqlite3_close(db));
}

static int only_t(void *arg, const char *table)
{
    ++*(int *)arg;
    return strcmp(table, "t") == 0;
}

static void the_filter_chooses_tables(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY); CREATE TABLE u(k PRIMARY KEY)");
    sqlite3_session *session;
    Changeset changes;
    int asked = 0;
    assert_ok(sqlite3session_create(db, "main", &session));
    sqlite3session_table_filter(session, only_t, &asked);

    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (3)", NULL,
                           NULL, NULL));
    assert_ok(sqlite3session_changeset(session, &changes.size, &changes.bytes));

    assert_int_equal(asked, 2); // t is attached after its first change
    assert_text("INSERT t(1)\nINSERT t(2)", changeset_text(changes));
    changeset_free(&changes);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

static void switches_say_what_they_are_set_to(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY)");
    sqlite3_session *session;
    assert_ok(sqlite3session_create(db, "main", &session));
    assert_ok(sqlite3session_attach(session, NULL));

    assert_int_equal(sqlite3session_enable(session, -1), 1);
    assert_int_equal(sqlite3session_enable(session, 0), 0);
    assert_int_equal(sqlite3session_indirect(session, -1), 0);
    assert_int_equal(sqlite3session_indirect(session, 1), 1);
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES (1)", NULL, NULL, NULL));

    assert_int_equal(sqlite3session_isempty(session), 1); // it was switched off
    assert_true(sqlite3session_memory_used(session) > 0);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

static void the_size_is_never_estimated_too_low(void **state)
{
    (void)state;
    sqlite3 *db =
        database_with("CREATE TABLE t(k PRIMARY KEY, a); INSERT INTO t VALUES (0, 'old')");
    sqlite3_session *session;
    int on = 1, size;
    void *bytes;
    assert_ok(sqlite3session_create(db, "main", &session));
    assert_ok(sqlite3session_object_config(session, SQLITE_SESSION_OBJCONFIG_SIZE, &on));
    assert_ok(sqlite3session_attach(session, NULL));

    assert_ok(sqlite3_exec(db,
                           "INSERT INTO t VALUES (1, 'short');"
                           "UPDATE t SET a = 'something much longer than before'",
                           NULL, NULL, NULL));
    assert_ok(sqlite3session_changeset(session, &size, &bytes));

    assert_true(sqlite3session_changeset_size(session) >= size);
    sqlite3_free(bytes);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

static void a_difference_makes_one_table_of_the_other(void **state)
{
    (void)state;
    sqlite3 *db =
        database_with("CREATE TABLE t(k PRIMARY KEY, a); ATTACH ':memory:' AS old;"
                      "CREATE TABLE old.t(k PRIMARY KEY, a); CREATE TABLE u(k PRIMARY KEY);"
                      "CREATE TABLE old.u(k PRIMARY KEY, b);"
                      "INSERT INTO t VALUES (1, 1), (2, 2);"
                      "INSERT INTO old.t VALUES (2, 'two'), (3, 3)");
    sqlite3_session *session;
    Changeset changes;
    char *error;
    assert_ok(sqlite3session_create(db, "main", &session));

    assert_ok(sqlite3session_diff(session, "old", "t", &error));
    assert_ok(sqlite3session_diff(session, "old", "missing", &error));
    assert_rc(SQLITE_SCHEMA, sqlite3session_diff(session, "old", "u", &error));
    assert_text("table schemas do not match", error);
    sqlite3_free(error);
    assert_ok(sqlite3session_changeset(session, &changes.size, &changes.bytes));

    assert_text("INSERT t(1,1)\nUPDATE t(2,'two')->(_,2)\nDELETE t(3,3)", changeset_text(changes));
    changeset_free(&changes);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

static int count_bytes(void *arg, const void *data, int size)
{
    (void)data;
    assert_true(size > 0);
    *(int *)arg += size;
    return SQLITE_OK;
}

static int refuse_bytes(void *arg, const void *data, int size)
{
    (void)arg;
    (void)data;
    (void)size;
    return SQLITE_FULL;
}

static void pieces_add_up_to_the_whole(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a)");
    sqlite3_session *session;
    int size, sum = 0;
    void *bytes;
    assert_ok(sqlite3session_create(db, "main", &session));
    assert_ok(sqlite3session_attach(session, NULL));
    assert_ok(
        sqlite3_exec(db,
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
                     " INSERT INTO t SELECT i, 'row ' || i FROM n",
                     NULL, NULL, NULL));

    assert_ok(sqlite3session_changeset(session, &size, &bytes));
    assert_ok(sqlite3session_changeset_strm(session, count_bytes, &sum));

    assert_int_equal(sum, size);
    assert_rc(SQLITE_FULL, sqlite3session_patchset_strm(session, refuse_bytes, NULL));
    sqlite3_free(bytes);
    sqlite3session_delete(session);
    assert_ok(sqlite3_close(db));
}

// An allocation that fails while listening is told by whoever asks for the changes.
static void exhausted_memory_is_an_answer(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x')");
    int rc = SQLITE_NOMEM;
    for (int n = 1; rc != SQLITE_OK; n++) {
        sqlite3_session *session = NULL;
        Changeset changes = {0, NULL};
        assert_true(n < 5000);
        alloc_fault_arm(n, true);
        rc = sqlite3session_create(db, "main", &session);
        if (rc == SQLITE_OK)
            rc = sqlite3session_attach(session, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(db, "SAVEPOINT s; UPDATE t SET a = 'y'", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3session_changeset(session, &changes.size, &changes.bytes);
        alloc_fault_arm(0, false);
        assert_true(rc == SQLITE_OK || rc == SQLITE_NOMEM);
        changeset_free(&changes);
        sqlite3session_delete(session);
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    assert_text("1|x", rows_text(db, "SELECT * FROM t"));
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(session, cmocka_unit_test(short_memory_while_a_rowid_is_looked_for_is_an_answer),
           cmocka_unit_test(each_kind_of_change_is_told_with_what_it_needs),
           cmocka_unit_test(bytes_are_those_of_the_format),
           cmocka_unit_test(a_patchset_leaves_old_values_out),
           cmocka_unit_test(what_comes_to_nothing_is_not_told),
           cmocka_unit_test(a_moved_key_is_a_delete_and_an_insert),
           cmocka_unit_test(tables_without_a_key_and_rows_with_null_in_it_are_passed_over),
           cmocka_unit_test(triggers_change_indirectly), cmocka_unit_test(the_rowid_can_be_the_key),
           cmocka_unit_test(columns_added_meanwhile_widen_what_was_recorded),
           cmocka_unit_test(the_filter_chooses_tables),
           cmocka_unit_test(switches_say_what_they_are_set_to),
           cmocka_unit_test(the_size_is_never_estimated_too_low),
           cmocka_unit_test(a_difference_makes_one_table_of_the_other),
           cmocka_unit_test(pieces_add_up_to_the_whole),
           cmocka_unit_test(exhausted_memory_is_an_answer))
