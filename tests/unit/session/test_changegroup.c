// Changegroups: several changesets as one, and changes made by hand.

#include "support/test.h"

#include "support/changeset.h"

static Changeset concat(Changeset a, Changeset b)
{
    Changeset out;
    assert_ok(sqlite3changeset_concat(a.size, a.bytes, b.size, b.bytes, &out.size, &out.bytes));
    return out;
}

// Runs two pieces of SQL after each other on a fresh table and joins what they changed.
static void check_joined(bool is_patchset, const char *first, const char *second,
                         const char *expected)
{
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a, b);"
                                "INSERT INTO t VALUES (1, 'a', 'b')");
    Changeset a = is_patchset ? patchset_of(db, first) : changeset_of(db, first);
    Changeset b = is_patchset ? patchset_of(db, second) : changeset_of(db, second);

    Changeset joined = concat(a, b);

    assert_text(expected, changeset_text(joined));
    changeset_free(&a);
    changeset_free(&b);
    changeset_free(&joined);
    assert_ok(sqlite3_close(db));
}

static void changes_of_one_row_become_one(void **state)
{
    (void)state;
    check_joined(false, "INSERT INTO t VALUES (2, 1, 1)", "UPDATE t SET a = 5 WHERE k = 2",
                 "INSERT t(2,5,1)");
    check_joined(false, "INSERT INTO t VALUES (2, 1, 1)", "DELETE FROM t WHERE k = 2", "");
    check_joined(false, "UPDATE t SET a = 'x'", "UPDATE t SET b = 'y', a = 'z'",
                 "UPDATE t(1,'a','b')->(_,'z','y')");
    check_joined(false, "UPDATE t SET a = 'x'", "UPDATE t SET a = 'a'", "");
    check_joined(false, "UPDATE t SET a = 'x'", "DELETE FROM t", "DELETE t(1,'a','b')");
    check_joined(false, "DELETE FROM t", "INSERT INTO t VALUES (1, 'a', 'new')",
                 "UPDATE t(1,_,'b')->(_,_,'new')");
    check_joined(false, "DELETE FROM t", "INSERT INTO t VALUES (1, 'a', 'b')", "");
}

static void patchsets_join_as_well(void **state)
{
    (void)state;
    check_joined(true, "INSERT INTO t VALUES (2, 1, 1)", "UPDATE t SET a = 5 WHERE k = 2",
                 "INSERT t(2,5,1)");
    check_joined(true, "UPDATE t SET a = 'x'", "UPDATE t SET b = 'y'",
                 "UPDATE t(1,_,_)->(_,'x','y')");
    check_joined(true, "UPDATE t SET a = 'x'", "DELETE FROM t", "DELETE t(1,_,_)");
    check_joined(true, "DELETE FROM t", "INSERT INTO t VALUES (1, 'a', 'new')",
                 "UPDATE t(1,_,_)->(_,'a','new')");
}

static void kinds_do_not_mix(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY)");
    Changeset a = changeset_of(db, "INSERT INTO t VALUES (1)");
    Changeset b = patchset_of(db, "INSERT INTO t VALUES (2)");
    Changeset out;

    assert_rc(SQLITE_ERROR,
              sqlite3changeset_concat(a.size, a.bytes, b.size, b.bytes, &out.size, &out.bytes));

    assert_null(out.bytes);
    changeset_free(&a);
    changeset_free(&b);
    assert_ok(sqlite3_close(db));
}

static void a_schema_widens_older_changesets(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a)");
    Changeset old = changeset_of(db, "INSERT INTO t VALUES (1, 2)");
    assert_ok(sqlite3_exec(db, "ALTER TABLE t ADD COLUMN b DEFAULT 'd'", NULL, NULL, NULL));
    sqlite3_changegroup *group;
    Changeset out;
    assert_ok(sqlite3changegroup_new(&group));
    assert_ok(sqlite3changegroup_schema(group, db, "main"));

    assert_ok(sqlite3changegroup_add(group, old.size, old.bytes));
    assert_ok(sqlite3changegroup_output(group, &out.size, &out.bytes));

    assert_text("INSERT t(1,2,'d')", changeset_text(out));
    changeset_free(&old);
    changeset_free(&out);
    sqlite3changegroup_delete(group);
    assert_ok(sqlite3_close(db));
}

static void changes_can_be_made_by_hand(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a, b)");
    sqlite3_changegroup *group;
    Changeset out;
    char *error;
    assert_ok(sqlite3changegroup_new(&group));
    assert_ok(sqlite3changegroup_schema(group, db, "main"));

    assert_ok(sqlite3changegroup_change_begin(group, SQLITE_UPDATE, "t", 1, &error));
    assert_rc(SQLITE_MISUSE, sqlite3changegroup_change_begin(group, SQLITE_UPDATE, "t", 0, &error));
    assert_ok(sqlite3changegroup_change_int64(group, 0, 0, 7));
    assert_ok(sqlite3changegroup_change_text(group, 0, 1, "before", -1));
    assert_ok(sqlite3changegroup_change_double(group, 1, 1, 0.5));
    assert_rc(SQLITE_RANGE, sqlite3changegroup_change_null(group, 1, 3));
    assert_ok(sqlite3changegroup_change_finish(group, 0, &error));
    assert_ok(sqlite3changegroup_output(group, &out.size, &out.bytes));

    assert_text("UPDATE indirect t(7,'before',_)->(_,0.5,_)", changeset_text(out));
    changeset_free(&out);
    sqlite3changegroup_delete(group);
    assert_ok(sqlite3_close(db));
}

static void half_a_change_is_refused_with_a_reason(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(k PRIMARY KEY, a)");
    sqlite3_changegroup *group;
    char *error;
    assert_ok(sqlite3changegroup_new(&group));
    assert_ok(sqlite3changegroup_schema(group, db, "main"));

    assert_rc(SQLITE_ERROR,
              sqlite3changegroup_change_begin(group, SQLITE_INSERT, "nowhere", 0, &error));
    assert_text("no such table: nowhere", error);
    sqlite3_free(error);
    assert_ok(sqlite3changegroup_change_begin(group, SQLITE_INSERT, "t", 0, &error));
    assert_rc(SQLITE_ERROR, sqlite3changegroup_change_blob(group, 0, 0, "x", 1)); // has no old row
    assert_ok(sqlite3changegroup_change_blob(group, 1, 0, "x", 1));
    assert_rc(SQLITE_ERROR, sqlite3changegroup_change_finish(group, 0, &error));
    assert_text("invalid change: column 1 is undefined", error);

    sqlite3_free(error);
    sqlite3changegroup_delete(group);
    assert_ok(sqlite3_close(db));
}

// A header may say that no column is in the key: then a patchset's DELETE has no fields at all.
static void a_delete_without_a_key_is_carried_along(void **state)
{
    (void)state;
    static unsigned char bytes[] = {'P', 1, 0, 't', 0, SQLITE_DELETE, 0};
    sqlite3_changegroup *group;
    Changeset out;
    assert_ok(sqlite3changegroup_new(&group));

    assert_ok(sqlite3changegroup_add(group, sizeof bytes, bytes));
    assert_ok(sqlite3changegroup_output(group, &out.size, &out.bytes));

    assert_int_equal(sizeof bytes, out.size);
    assert_memory_equal(bytes, out.bytes, sizeof bytes);
    changeset_free(&out);
    sqlite3changegroup_delete(group);
}

TEST_SUITE(changegroup, cmocka_unit_test(changes_of_one_row_become_one),
           cmocka_unit_test(patchsets_join_as_well), cmocka_unit_test(kinds_do_not_mix),
           cmocka_unit_test(a_schema_widens_older_changesets),
           cmocka_unit_test(changes_can_be_made_by_hand),
           cmocka_unit_test(half_a_change_is_refused_with_a_reason),
           cmocka_unit_test(a_delete_without_a_key_is_carried_along))
