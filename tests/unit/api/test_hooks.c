// Callbacks of a connection.
#include "support/changeset.h"
#include "support/stock.h"
#include "support/test.h"

#include "sqlite3.h"

static int count_calls(void *arg, int count)
{
    int *calls = arg;
    assert_int_equal(count, *calls);
    ++*calls;
    return *calls < 3;
}

static sqlite3 *open_file(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    return db;
}

// The other process holds the lock until it is told to go.
static void check_handler(const char *mode, const char *holder, const char *sql)
{
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "busy.db");
    sqlite3 *db = open_file(path, mode);
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    pid_t other = stock_start(path, holder);
    db = open_file(path, "");
    int calls = 0;
    assert_ok(sqlite3_busy_handler(db, count_calls, &calls));

    assert_rc(SQLITE_BUSY, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(calls, 3);
    calls = 0; // each statement asks anew
    assert_rc(SQLITE_BUSY, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(calls, 3);

    stock_stop(other, false);
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    work_dir_end(&dir);
}

// --- auto-vacuum ---

typedef struct Vacuums {
    unsigned most;
    char told[200];
    bool is_destroyed;
} Vacuums;

static unsigned pages_to_cut(void *arg, const char *schema, unsigned pages, unsigned free_pages,
                             unsigned page_size)
{
    Vacuums *v = arg;
    size_t size = strlen(v->told);
    snprintf(v->told + size, sizeof v->told - size, "%s %u %u %u;", schema, pages, free_pages,
             page_size);
    return v->most < free_pages ? v->most : free_pages;
}

static void destroy_vacuums(void *arg)
{
    ((Vacuums *)arg)->is_destroyed = true;
}

// Deletes rows and tells how many pages there are, and how many of them free.
static const char *left_after(sqlite3 *db, const char *sql)
{
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    return rows_text(db, "SELECT page_count, freelist_count FROM pragma_page_count,"
                         " pragma_freelist_count");
}

static void a_commit_asks_how_many_free_pages_to_cut_off(void **state)
{
    (void)state;
    Vacuums v = {.most = 1000};
    sqlite3 *db = open_file(":memory:", "PRAGMA page_size = 1024; PRAGMA auto_vacuum = 1;"
                                        "CREATE TABLE t(a, b)");
    assert_ok(sqlite3_autovacuum_pages(db, pages_to_cut, &v, destroy_vacuums));
    assert_ok(sqlite3_exec(db,
                           "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
                           " WHERE i < 100) INSERT INTO t SELECT i, zeroblob(500) FROM c",
                           NULL, NULL, NULL));

    assert_text("63|0", left_after(db, "DELETE FROM t WHERE a > 60"));
    v.most = 15;
    assert_text("48|15", left_after(db, "DELETE FROM t WHERE a > 30"));
    v.most = 0;
    assert_text("48|35", left_after(db, "DELETE FROM t WHERE a > 10"));
    assert_text("main 103 0 1024;main 103 40 1024;main 63 30 1024;main 48 35 1024;", v.told);
    assert_text("ok", rows_text(db, "PRAGMA integrity_check"));
    assert_ok(sqlite3_autovacuum_pages(db, NULL, NULL, NULL));
    assert_true(v.is_destroyed);
    assert_text("8|0", left_after(db, "DELETE FROM t WHERE a > 5"));

    assert_ok(sqlite3_close(db));
}

// --- the authorizer ---

static const char *action_name(int action)
{
    switch (action) {
    case SQLITE_INSERT: return "insert";
    case SQLITE_UPDATE: return "update";
    case SQLITE_DELETE: return "delete";
    case SQLITE_READ: return "read";
    case SQLITE_CREATE_TABLE: return "create table";
    case SQLITE_CREATE_INDEX: return "create index";
    case SQLITE_CREATE_TEMP_TRIGGER: return "create temp trigger";
    case SQLITE_DROP_TABLE: return "drop table";
    case SQLITE_DROP_TEMP_TRIGGER: return "drop temp trigger";
    case SQLITE_ALTER_TABLE: return "alter";
    case SQLITE_REINDEX: return "reindex";
    case SQLITE_RECURSIVE: return "recursive";
    case SQLITE_ATTACH: return "attach";
    default: return NULL;
    }
}

enum { TOLD_SIZE = 2000 };

// wide: the public interface
static int note_change(void *arg, int action, const char *a, const char *b, const char *database,
                       const char *context)
{
    char *told = arg;
    size_t size = strlen(told);
    const char *name = action_name(action);
    (void)context;
    if (name != NULL)
        snprintf(told + size, TOLD_SIZE - size, "%s %s %s %s\n", name, a != NULL ? a : "-",
                 b != NULL ? b : "-", database != NULL ? database : "-");
    return SQLITE_OK;
}

static void assert_changes(sqlite3 *db, const char *sql, const char *expected)
{
    char told[TOLD_SIZE] = "";
    assert_ok(sqlite3_set_authorizer(db, note_change, told));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_ok(sqlite3_set_authorizer(db, NULL, NULL));
    assert_text(expected, told);
}

// What SQLite's own statements on sqlite_schema would ask.
#define ROW_IS_FILLED                                                          \
    "update sqlite_master type main\nupdate sqlite_master name main\n"         \
    "update sqlite_master tbl_name main\nupdate sqlite_master rootpage main\n" \
    "update sqlite_master sql main\nread sqlite_master ROWID main\n"

static void the_authorizer_is_asked_about_each_step_of_a_schema_change(void **state)
{
    (void)state;
    sqlite3 *db = open_file(":memory:", "");

    assert_changes(db, "CREATE TABLE t(a UNIQUE, b AS (a), CHECK(b > 0))",
                   "insert sqlite_master - main\ncreate table t - main\n"
                   "insert sqlite_master - main\ncreate index sqlite_autoindex_t_1 t main\n"
                   "read t a main\ninsert sqlite_master - main\n"
                   "read t b main\nread t a main\n" ROW_IS_FILLED);
    assert_changes(db, "CREATE INDEX i ON t(a) WHERE b > 1",
                   "insert sqlite_master - main\ncreate index i t main\n"
                   "read t b main\nread t a main\ninsert sqlite_master - main\n"
                   "reindex i - main\n");
    assert_changes(db, "CREATE TEMP TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END",
                   "create temp trigger r t temp\ninsert sqlite_master - main\n"
                   "insert sqlite_temp_master - temp\n");
    assert_ok(sqlite3_close(db));
}

static void the_authorizer_is_asked_about_what_goes_with_a_table(void **state)
{
    (void)state;
    sqlite3 *db =
        open_file(":memory:", "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b, c);"
                              "CREATE TEMP TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END");

    assert_changes(db, "ALTER TABLE t DROP COLUMN c", "alter main t c\n");
    assert_changes(db, "VACUUM", "attach  - -\n");
    assert_changes(db, "DROP TABLE t",
                   "delete sqlite_master - main\ndrop table t - main\ndelete t - main\n"
                   "drop temp trigger r t temp\ndelete sqlite_temp_master - temp\n"
                   "delete sqlite_temp_master - temp\nread sqlite_temp_master name temp\n"
                   "read sqlite_temp_master type temp\n"
                   "delete sqlite_sequence - main\nread sqlite_sequence name main\n"
                   "delete sqlite_master - main\nread sqlite_master tbl_name main\n"
                   "read sqlite_master type main\n"
                   "update sqlite_master rootpage main\nread sqlite_master rootpage main\n");
    assert_ok(sqlite3_close(db));
}

// wide: the public interface
static int refuse(void *arg, int action, const char *a, const char *b, const char *database,
                  const char *context)
{
    const int *refused = arg;
    (void)a;
    (void)b;
    (void)database;
    (void)context;
    return action == *refused ? SQLITE_DENY : SQLITE_OK;
}

static void what_the_authorizer_refuses_does_not_happen(void **state)
{
    (void)state;
    const struct {
        int action;
        const char *sql;
    } cases[] = {
        {SQLITE_RECURSIVE, "WITH c(i) AS (SELECT 1 UNION ALL SELECT i FROM c) SELECT i FROM c"},
        {SQLITE_ATTACH, "VACUUM INTO 'file:fresh?mode=memory'"},
        {SQLITE_CREATE_INDEX, "CREATE TABLE u(a UNIQUE)"},
        {SQLITE_DROP_TRIGGER, "DROP TABLE t"},
        {SQLITE_ALTER_TABLE, "ALTER TABLE t ADD COLUMN c"},
    };
    sqlite3 *db = open_file(":memory:", "CREATE TABLE t(a, b);"
                                        "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int refused = cases[i].action;
        assert_ok(sqlite3_set_authorizer(db, refuse, &refused));
        assert_int_equal(SQLITE_AUTH, sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL));
    }
    assert_ok(sqlite3_set_authorizer(db, NULL, NULL));

    assert_text("t\nr", rows_text(db, "SELECT name FROM sqlite_schema"));
    assert_ok(sqlite3_close(db));
}

// wide: the public interface
static int note_question(void *arg, int action, const char *a, const char *b, const char *database,
                         const char *context)
{
    char *told = arg;
    size_t size = strlen(told);
    (void)database;
    if (action == SQLITE_SELECT)
        snprintf(told + size, 400 - size, "select%s%s ", context == NULL ? "" : ":",
                 context == NULL ? "" : context);
    else if (action == SQLITE_READ)
        snprintf(told + size, 400 - size, "%s.%s ", a, b);
    return SQLITE_OK;
}

static const char *questions(sqlite3 *db, const char *sql)
{
    static char told[400];
    sqlite3_stmt *stmt;
    told[0] = '\0';
    assert_ok(sqlite3_set_authorizer(db, note_question, told));
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    assert_ok(sqlite3_finalize(stmt));
    return told;
}

static void the_authorizer_is_asked_about_queries_in_order(void **state)
{
    (void)state;
    sqlite3 *db = open_file(":memory:", "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                                        "CREATE TABLE s(a, b);"
                                        "CREATE VIEW v AS SELECT b FROM t");

    assert_text("select t.a t.b ", questions(db, "SELECT a, b FROM t"));
    assert_text("select t. ", questions(db, "SELECT count(*) FROM t"));
    assert_text("select t.a t. ", questions(db, "SELECT rowid FROM t"));
    assert_text("select t.b s.a t.b select ",
                questions(db, "SELECT b FROM t WHERE b IN (SELECT a FROM s)"));
    assert_text("select s.b t.b select select ",
                questions(db, "SELECT b FROM t UNION SELECT b FROM s"));
    assert_text("select t.b v.b select:v ", questions(db, "SELECT b FROM v"));
    assert_text("select s.a select:x ",
                questions(db, "WITH x AS (SELECT a FROM s) SELECT * FROM x"));
    assert_text("select t.b ", questions(db, "SELECT t.b FROM t JOIN s USING(b)"));
    assert_text("select s.a s.b ", questions(db, "INSERT INTO t SELECT a, b FROM s"));

    assert_ok(sqlite3_close(db));
}

static void the_busy_handler_is_asked_for_each_lock(void **state)
{
    (void)state;
    stock_require();
    check_handler("PRAGMA journal_mode=delete", "BEGIN EXCLUSIVE", "SELECT * FROM t");
    check_handler("PRAGMA journal_mode=delete", "BEGIN IMMEDIATE", "INSERT INTO t VALUES(1)");
    check_handler("PRAGMA journal_mode=delete", "BEGIN; SELECT * FROM t",
                  "INSERT INTO t VALUES(1)");
    check_handler("PRAGMA journal_mode=wal", "BEGIN IMMEDIATE", "INSERT INTO t VALUES(1)");
}

static void note_statement(void *arg, const char *sql)
{
    char *notes = arg;
    size_t length = strlen(notes);
    snprintf(notes + length, 200 - length, "%s|", sql);
}

static void only_the_programs_statements_are_traced(void **state)
{
    (void)state;
    char notes[200] = "";
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_trace(db, note_statement, notes);

    assert_ok(sqlite3_exec(db, "CREATE TABLE u(a); ALTER TABLE t RENAME TO v; SELECT 1", NULL, NULL,
                           NULL));

    assert_text("CREATE TABLE u(a);|ALTER TABLE t RENAME TO v;|SELECT 1|", notes);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(hooks, cmocka_unit_test(a_commit_asks_how_many_free_pages_to_cut_off),
           cmocka_unit_test(the_authorizer_is_asked_about_queries_in_order),
           cmocka_unit_test(the_authorizer_is_asked_about_each_step_of_a_schema_change),
           cmocka_unit_test(the_authorizer_is_asked_about_what_goes_with_a_table),
           cmocka_unit_test(what_the_authorizer_refuses_does_not_happen),
           cmocka_unit_test(the_busy_handler_is_asked_for_each_lock),
           cmocka_unit_test(only_the_programs_statements_are_traced))
