// Index methods as modules use them: a method that answers with an FTS5 table and its triggers.
#include "support/test.h"

#include "base/alloc.h"
#include "quire.h"

typedef struct Fixture {
    sqlite3 *db;
    int destroyed; // calls of the destructor
    int asked;     // requests of any kind
    char last[400];
} Fixture;

// What was asked, for the tests to compare.
static void describe(Fixture *f, const quire_index_request *r)
{
    int at = snprintf(f->last, sizeof f->last, "%d %s %s on %s:", r->action, r->schema,
                      r->index_name ? r->index_name : "-", r->table_name ? r->table_name : "-");
    for (int i = 0; i < r->column_count; i++)
        at += snprintf(f->last + at, sizeof f->last - (size_t)at, " %s%s", r->columns[i],
                       r->column_is_expression[i] ? "!" : "");
    for (int i = 0; i < r->option_count; i++) {
        const char *text = (const char *)sqlite3_value_text(r->option_values[i]);
        at += snprintf(f->last + at, sizeof f->last - (size_t)at, " %s=%d'%s'", r->option_names[i],
                       sqlite3_value_type(r->option_values[i]), text ? text : "NULL");
    }
}

static int answer_create(const quire_index_request *r, char **sql)
{
    *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE \"%w\".\"%w\" USING fts5(\"%w\", content=\"%w\");"
                           "CREATE TRIGGER \"%w\".\"%w_insert\" AFTER INSERT ON \"%w\" BEGIN"
                           "  INSERT INTO \"%w\"(rowid, \"%w\") VALUES(new.rowid, new.\"%w\"); END;"
                           "INSERT INTO \"%w\".\"%w\"(\"%w\") VALUES('rebuild');",
                           r->schema, r->index_name, r->columns[0], r->table_name, r->schema,
                           r->index_name, r->table_name, r->index_name, r->columns[0],
                           r->columns[0], r->schema, r->index_name, r->index_name);
    return *sql != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

// An index is ours when its trigger is there; its table is where the trigger stands.
static int answer_drop(const quire_index_request *r, char **sql)
{
    char *query = sqlite3_mprintf("SELECT name FROM \"%w\".sqlite_schema WHERE type='trigger' AND"
                                  " (name = %Q || '_insert' OR tbl_name = %Q)",
                                  r->schema, r->index_name, r->table_name);
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(r->db, query, -1, &stmt, NULL);
    sqlite3_free(query);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        int size = (int)strlen(name) - (int)strlen("_insert");
        *sql = sqlite3_mprintf("DROP TRIGGER \"%w\".\"%w\"; DROP TABLE \"%w\".\"%.*w\"", r->schema,
                               name, r->schema, size, name);
        rc = *sql != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    int end_rc = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end_rc;
}

static int rewrite(void *arg, const quire_index_request *r, char **sql, char **error)
{
    Fixture *f = arg;
    f->asked++;
    describe(f, r);
    switch (r->action) {
    case QUIRE_INDEX_CREATE:
        if (r->column_count == 1)
            return answer_create(r, sql);
        *error = sqlite3_mprintf("%d columns are too many", r->column_count);
        return SQLITE_ERROR;
    case QUIRE_INDEX_OPTIMIZE:
        *sql = sqlite3_mprintf("INSERT INTO \"%w\"(\"%w\") VALUES('optimize')", r->index_name,
                               r->index_name);
        return SQLITE_OK;
    default: return answer_drop(r, sql);
    }
}

static void destroy(void *arg)
{
    Fixture *f = arg;
    f->destroyed++;
}

static Fixture *setup(void)
{
    static Fixture fixture;
    fixture = (Fixture){0};
    assert_ok(sqlite3_open(":memory:", &fixture.db));
    assert_ok(quire_create_index_method(fixture.db, "words", rewrite, &fixture, destroy));
    assert_ok(sqlite3_exec(fixture.db,
                           "CREATE TABLE note(id INTEGER PRIMARY KEY, Body, n);"
                           "INSERT INTO note VALUES(1,'red ink',10),(2,'green tea',20)",
                           NULL, NULL, NULL));
    return &fixture;
}

static void teardown(Fixture *f)
{
    assert_ok(sqlite3_close(f->db));
    assert_int_equal(f->destroyed, 1);
}

static void exec_ok(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static void exec_fails(sqlite3 *db, const char *sql, const char *message)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_ERROR);
    assert_text(message, sqlite3_errmsg(db));
}

// The first column of the first row; "" when there is none.
static const char *one(sqlite3 *db, const char *sql)
{
    static char text[200];
    sqlite3_stmt *stmt = NULL;
    text[0] = '\0';
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(stmt, 0));
    assert_ok(sqlite3_finalize(stmt));
    return text;
}

#define OBJECTS "SELECT count(*) FROM sqlite_schema"

// --- the tests ---

static void creating_an_index_runs_what_the_method_answers(void **state)
{
    (void)state;
    Fixture *f = setup();
    exec_ok(f->db, "INSERT INTO note VALUES(3,'black ink',30)");

    exec_ok(f->db, "CREATE INDEX ix ON note USING words (body)"
                   " WITH (a=1, b=-2.5, c='x', d=x'41', e=NULL)");

    assert_text("1 main ix on note: Body a=1'1' b=2'-2.5' c=3'x' d=4'A' e=5'NULL'", f->last);
    assert_text("2", one(f->db, "SELECT count(*) FROM ix WHERE ix MATCH 'ink'"));
    assert_int_equal(sqlite3_changes(f->db), 1);
    assert_int_equal(sqlite3_last_insert_rowid(f->db), 3);
    exec_ok(f->db, "INSERT INTO note VALUES(4,'blue ink',40)");
    assert_text("3", one(f->db, "SELECT count(*) FROM ix WHERE ix MATCH 'ink'"));
    assert_text("0", one(f->db, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%words%'"));
    teardown(f);
}

static void a_call_of_the_method_in_place_of_a_column_means_the_same(void **state)
{
    (void)state;
    Fixture *f = setup();

    exec_ok(f->db, "CREATE INDEX ix ON note (words(body, 'metric=cosine', 'a=b=c'))");

    assert_text("1 main ix on note: Body metric=3'cosine' a=3'b=c'", f->last);
    exec_fails(f->db, "CREATE INDEX i2 ON note(words(body, 1))",
               "invalid parameter: a text 'key=value' is expected");
    exec_fails(f->db, "CREATE INDEX i2 ON note(words(body||1))",
               "words: the first argument must be a column");
    exec_fails(f->db, "CREATE INDEX i2 ON note(other(body))", "no such function: other");
    teardown(f);
}

static void what_is_not_possible_is_refused(void **state)
{
    (void)state;
    Fixture *f = setup();

    exec_fails(f->db, "CREATE INDEX ix ON note USING hnsw (body)", "unknown module name 'hnsw'");
    exec_fails(f->db, "CREATE UNIQUE INDEX ix ON note USING words (body)",
               "custom index module do not support UNIQUE indices");
    exec_fails(f->db, "CREATE INDEX ix ON note USING words (body) WHERE n>1",
               "custom index module do not support partial indices");
    exec_fails(f->db, "CREATE INDEX ix ON note USING words (title)", "no such column: title");
    exec_fails(f->db, "CREATE INDEX ix ON note USING words (body) WITH (a=b)",
               "near \"b\": syntax error");
    exec_fails(f->db, "CREATE INDEX ix ON gone USING words (body)", "no such table: main.gone");
    exec_fails(f->db, "CREATE INDEX ix ON note USING words (n+1, body)", "2 columns are too many");
    assert_text("1 main ix on note: n+1! Body", f->last);
    exec_fails(f->db, "CREATE INDEX note ON note USING words (body)",
               "there is already a table named note");
    assert_text("1", one(f->db, OBJECTS));
    teardown(f);
}

static void a_name_that_is_taken_is_left_alone(void **state)
{
    (void)state;
    Fixture *f = setup();
    exec_ok(f->db, "CREATE INDEX ix ON note USING words (body)");
    int asked = f->asked;

    exec_fails(f->db, "CREATE INDEX ix ON note USING words (body)", "index ix already exists");
    exec_ok(f->db, "CREATE INDEX IF NOT EXISTS ix ON note USING words (body)");

    assert_int_equal(f->asked, asked);
    teardown(f);
}

static void dropping_removes_what_the_method_made_and_nothing_else(void **state)
{
    (void)state;
    Fixture *f = setup();
    exec_ok(f->db, "CREATE INDEX ix ON note USING words (body);"
                   "CREATE VIRTUAL TABLE mine USING fts5(a)");

    exec_fails(f->db, "DROP INDEX mine", "no such index: mine");
    exec_ok(f->db, "OPTIMIZE INDEX ix; OPTIMIZE INDEX; DROP INDEX main.ix");

    assert_text("", one(f->db, "SELECT name FROM sqlite_schema WHERE name LIKE 'ix%'"));
    exec_fails(f->db, "DROP INDEX ix", "no such index: ix");
    exec_ok(f->db, "DROP INDEX IF EXISTS ix");
    exec_fails(f->db, "OPTIMIZE INDEX ix", "no such index: ix");
    exec_fails(f->db, "OPTIMIZE ix", "near \"OPTIMIZE\": syntax error");
    teardown(f);
}

static void dropping_the_table_drops_its_indexes(void **state)
{
    (void)state;
    Fixture *f = setup();
    exec_ok(f->db, "CREATE INDEX ix ON note USING words (body); DROP TABLE note");

    assert_text("0", one(f->db, OBJECTS));
    assert_text("ok", one(f->db, "PRAGMA integrity_check"));
    teardown(f);
}

// The last statement of the answer fails: of those before it nothing may stay.
static int rewrite_badly(void *arg, const quire_index_request *r, char **sql, char **error)
{
    (void)arg;
    (void)error;
    TRY(answer_create(r, sql));
    char *longer = sqlite3_mprintf("%s; CREATE TABLE t2(a); INSERT INTO t2 VALUES(1);"
                                   "INSERT INTO gone VALUES(1)",
                                   *sql);
    sqlite3_free(*sql);
    *sql = longer;
    return SQLITE_OK;
}

static void an_answer_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    Fixture *f = setup();
    assert_ok(quire_create_index_method(f->db, "bad", rewrite_badly, NULL, NULL));

    exec_fails(f->db, "CREATE INDEX ix ON note USING bad (body)", "no such table: gone");
    assert_text("1", one(f->db, OBJECTS));

    exec_ok(f->db, "BEGIN; INSERT INTO note VALUES(9,'inside',1)");
    exec_fails(f->db, "CREATE INDEX ix ON note USING bad (body)", "no such table: gone");
    exec_ok(f->db, "CREATE INDEX ix ON note USING words (body); COMMIT");
    assert_text("1", one(f->db, "SELECT count(*) FROM ix WHERE ix MATCH 'inside'"));
    exec_fails(f->db, "SELECT * FROM t2", "no such table: t2");
    assert_text("ok", one(f->db, "PRAGMA integrity_check"));
    teardown(f);
}

static int rewrite_to_nothing(void *arg, const quire_index_request *r, char **sql, char **error)
{
    (void)sql;
    (void)error;
    int *rc = arg;
    *rc = quire_create_index_method(r->db, "empty", NULL, NULL, NULL);
    return SQLITE_OK;
}

static void a_method_may_neither_be_silent_nor_replace_itself(void **state)
{
    (void)state;
    Fixture *f = setup();
    int rc = SQLITE_OK;
    assert_ok(quire_create_index_method(f->db, "empty", rewrite_to_nothing, &rc, NULL));

    exec_fails(f->db, "CREATE INDEX ix ON note USING empty (body)",
               "index method empty gave no answer");

    assert_int_equal(rc, SQLITE_BUSY);
    teardown(f);
}

static void registering_replaces_and_removes(void **state)
{
    (void)state;
    Fixture *f = setup();

    assert_ok(quire_create_index_method(f->db, "WORDS", rewrite, f, destroy));
    assert_int_equal(f->destroyed, 1);
    assert_ok(quire_create_index_method(f->db, "words", NULL, NULL, NULL));
    assert_int_equal(f->destroyed, 2);
    exec_fails(f->db, "CREATE INDEX ix ON note USING words (body)", "unknown module name 'words'");
    assert_int_equal(quire_create_index_method(f->db, NULL, rewrite, f, destroy), SQLITE_MISUSE);
    assert_int_equal(f->destroyed, 3);
    assert_ok(sqlite3_close(f->db));
}

static void a_lack_of_memory_leaves_no_half_index(void **state)
{
    (void)state;
    Fixture *f = setup();
    const char *sql = "CREATE INDEX ix ON note USING words (body) WITH (a='b')";
    bool struck = true;
    for (int n = 1; struck; n++) {
        alloc_fault_arm(n, false);
        int rc = sqlite3_exec(f->db, sql, NULL, NULL, NULL);
        struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        if (rc == SQLITE_OK)
            break;
        assert_int_equal(rc & 0xff, SQLITE_NOMEM);
        assert_text("1", one(f->db, OBJECTS));
    }
    assert_text("ok", one(f->db, "PRAGMA integrity_check"));
    teardown(f);
}

TEST_SUITE(index_method, cmocka_unit_test(creating_an_index_runs_what_the_method_answers),
           cmocka_unit_test(a_call_of_the_method_in_place_of_a_column_means_the_same),
           cmocka_unit_test(what_is_not_possible_is_refused),
           cmocka_unit_test(a_name_that_is_taken_is_left_alone),
           cmocka_unit_test(dropping_removes_what_the_method_made_and_nothing_else),
           cmocka_unit_test(dropping_the_table_drops_its_indexes),
           cmocka_unit_test(an_answer_that_fails_leaves_nothing_behind),
           cmocka_unit_test(a_method_may_neither_be_silent_nor_replace_itself),
           cmocka_unit_test(registering_replaces_and_removes),
           cmocka_unit_test(a_lack_of_memory_leaves_no_half_index))
