// Virtual tables of a program: what xBestIndex is told, LIMIT and OFFSET, errors, read-only ones.

#include "support/test.h"

#include "support/api_fault.h"
#include "support/changeset.h"

#include "quire.h"

// Numbers from 0 to 9 in a column "n"; the constraints told of are noted.
typedef struct Cursor {
    sqlite3_vtab_cursor base;
    int n, end;
} Cursor;

static char told[256];

static int connect(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **out,
                   char **error)
{
    (void)arg;
    (void)argv;
    if (argc > 3) {
        *error = sqlite3_mprintf("no arguments, please");
        return *error != NULL ? SQLITE_ERROR : SQLITE_NOMEM;
    }
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(n)");
    if (rc != SQLITE_OK)
        return rc;
    *out = sqlite3_malloc(sizeof **out);
    if (*out == NULL)
        return SQLITE_NOMEM;
    memset(*out, 0, sizeof **out);
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    told[0] = '\0';
    for (int i = 0; i < info->nConstraint; i++) {
        size_t size = strlen(told);
        snprintf(told + size, sizeof told - size, "%d ", info->aConstraint[i].op);
        if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT && info->aConstraint[i].usable)
            info->aConstraintUsage[i].argvIndex = 1;
    }
    info->idxNum = strstr(told, "73") != NULL;
    info->estimatedCost = 10;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    Cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                  sqlite3_value **argv)
{
    (void)text;
    Cursor *cursor = (Cursor *)base;
    cursor->n = 0;
    cursor->end = number != 0 && argc > 0 ? sqlite3_value_int(argv[0]) : 10;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    ((Cursor *)base)->n++;
    return SQLITE_OK;
}

static int eof(sqlite3_vtab_cursor *base)
{
    const Cursor *cursor = (const Cursor *)base;
    return cursor->n >= cursor->end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int i)
{
    (void)i;
    sqlite3_result_int(context, ((Cursor *)base)->n);
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((Cursor *)base)->n;
    return SQLITE_OK;
}

static const sqlite3_module digits = {
    .xCreate = connect,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xDestroy = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
};

static sqlite3 *database_with_digits(void)
{
    sqlite3 *db = database_with("");
    assert_ok(sqlite3_create_module(db, "digits", &digits, NULL));
    assert_ok(sqlite3_exec(db, "CREATE VIRTUAL TABLE d USING digits", NULL, NULL, NULL));
    return db;
}

static void constraints_are_told_with_their_operators(void **state)
{
    (void)state;
    sqlite3 *db = database_with_digits();

    assert_text("7", rows_text(db, "SELECT n FROM d WHERE n > 6 AND n <> 9 AND n < 8"));
    assert_text("4 16 68 ", told); // GT, LT, NE

    assert_ok(sqlite3_close(db));
}

static void a_limit_is_told_where_it_bounds_the_table(void **state)
{
    (void)state;
    sqlite3 *db = database_with_digits();

    assert_text("0\n1\n2", rows_text(db, "SELECT n FROM d LIMIT 3"));
    assert_text("73 ", told);
    (void)rows_text(db, "SELECT n FROM d LIMIT 3 OFFSET 2");
    assert_text("74 73 ", told);
    (void)rows_text(db, "SELECT count(*) FROM d LIMIT 3");
    assert_text("", told);
    (void)rows_text(db, "SELECT n FROM d WHERE n + 1 > 2 LIMIT 3");
    assert_text("", told);

    assert_ok(sqlite3_close(db));
}

static int asked;

// Behind the present digit; pretends that there are a hundred more. Before 3 it cannot tell.
static int count_digits(sqlite3_vtab_cursor *base, sqlite3_int64 *rows)
{
    Cursor *cursor = (Cursor *)base;
    asked++;
    if (cursor->n < 3)
        return SQLITE_OK;
    *rows = cursor->end - cursor->n - 1 + 100;
    cursor->n = cursor->end;
    return SQLITE_OK;
}

static int fail_to_count(sqlite3_vtab_cursor *base, sqlite3_int64 *rows)
{
    (void)base, (void)rows;
    return SQLITE_IOERR;
}

static void a_module_may_count_the_rows_that_are_left(void **state)
{
    (void)state;
    sqlite3 *db = database_with_digits();
    assert_rc(SQLITE_NOTFOUND, quire_module_counter(db, "letters", count_digits));
    assert_ok(quire_module_counter(db, "digits", count_digits));

    assert_text("110", rows_text(db, "SELECT count(*) FROM d"));
    assert_int_equal(4, asked);
    assert_text("110|110", rows_text(db, "SELECT max(c), sum(c) FROM (SELECT count(*) c FROM d)"));
    assert_text("2", rows_text(db, "SELECT count(*) FROM d WHERE n > 7"));
    assert_text("10|45", rows_text(db, "SELECT count(*), sum(n) FROM d"));
    assert_text("10", rows_text(db, "SELECT count(n) FROM d"));
    assert_text("5", rows_text(db, "SELECT count(*) FILTER (WHERE n < 5) FROM d"));
    assert_text("100", rows_text(db, "SELECT count(*) FROM d a, d b"));
    assert_ok(quire_module_counter(db, "digits", fail_to_count));
    assert_rc(SQLITE_IOERR, sqlite3_exec(db, "SELECT count(*) FROM d", NULL, NULL, NULL));

    assert_ok(sqlite3_close(db));
}

static bool is_sorted_by_module(sqlite3 *db, const char *order)
{
    char sql[200];
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT rowid FROM t('x') ORDER BY %s", order);
    const char *plan = rows_text(db, sql);
    bool is_sorted = strstr(plan, "USE TEMP B-TREE") == NULL;
    assert_int_equal(is_sorted, strstr(plan, "32:M1b") != NULL || strstr(plan, "160:M1b") != NULL);
    return is_sorted;
}

static void a_module_may_order_by_its_function(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE VIRTUAL TABLE t USING fts5(a)");

    assert_true(is_sorted_by_module(db, "bm25(t)"));
    assert_true(is_sorted_by_module(db, "BM25(t) DESC"));
    assert_false(is_sorted_by_module(db, "bm25(t), rowid"));
    assert_false(is_sorted_by_module(db, "bm25(t, 2.0)"));
    assert_false(is_sorted_by_module(db, "bm25(rank)"));
    assert_false(is_sorted_by_module(db, "-bm25(t)"));
    assert_false(is_sorted_by_module(db, "bm25(t) NULLS LAST"));
    assert_false(is_sorted_by_module(db, "snippet(t)"));
    assert_ok(quire_module_order(db, "fts5", NULL));
    assert_false(is_sorted_by_module(db, "bm25(t)"));
    assert_rc(SQLITE_NOTFOUND, quire_module_order(db, "letters", "f"));
    assert_rc(SQLITE_MISUSE, quire_module_order(db, NULL, "f"));

    assert_ok(sqlite3_close(db));
}

static void a_modules_message_is_the_statements(void **state)
{
    (void)state;
    sqlite3 *db = database_with_digits();

    assert_rc(SQLITE_ERROR,
              sqlite3_exec(db, "CREATE VIRTUAL TABLE e USING digits(1)", NULL, NULL, NULL));
    assert_text("no arguments, please", sqlite3_errmsg(db));
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "INSERT INTO d VALUES(1)", NULL, NULL, NULL));
    assert_text("table d may not be modified", sqlite3_errmsg(db));
    assert_rc(SQLITE_MISUSE, sqlite3_declare_vtab(db, "CREATE TABLE x(a)"));

    assert_ok(sqlite3_close(db));
}

// Changes the schema under its own construction, once, then uses what it was called with.
static int alter_and_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
                             sqlite3_vtab **out, char **error)
{
    int *altered = arg;
    if (*altered == -1)
        *altered = sqlite3_exec(
            db, "ALTER TABLE o ADD COLUMN b; ALTER TABLE o RENAME COLUMN a TO c", NULL, NULL, NULL);
    if (argc != 4 || strcmp(argv[2], "v") != 0 || strcmp(argv[3], "one two") != 0)
        return SQLITE_MISUSE;
    return connect(db, NULL, 3, argv, out, error);
}

static int connect_only(sqlite3 *db, void *arg, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **error)
{
    (void)argc;
    return connect(db, arg, 3, argv, out, error);
}

static void a_constructor_that_alters_tables_keeps_its_arguments(void **state)
{
    (void)state;
    sqlite3_module altering = digits;
    altering.xCreate = alter_and_connect;
    int altered = -1;
    sqlite3 *db = database_with_digits();
    assert_ok(sqlite3_exec(db, "CREATE TABLE o(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_create_module(db, "altering", &altering, &altered));

    assert_ok(sqlite3_exec(db, "CREATE VIRTUAL TABLE v USING altering(one two)", NULL, NULL, NULL));

    assert_ok(altered);
    assert_text("8\n9", rows_text(db, "SELECT n FROM v WHERE n > 7"));
    assert_text("c,b", rows_text(db, "SELECT group_concat(name) FROM pragma_table_info('o')"));
    assert_ok(sqlite3_close(db));
}

static void a_statement_being_compiled_keeps_its_tables(void **state)
{
    (void)state;
    sqlite3_module altering = digits;
    altering.xCreate = connect_only;
    altering.xConnect = alter_and_connect;
    int altered = -1;
    sqlite3 *db = database_with_digits();
    assert_ok(sqlite3_exec(db, "CREATE TABLE o(a); INSERT INTO o VALUES(3)", NULL, NULL, NULL));
    assert_ok(sqlite3_create_module(db, "altering", &altering, &altered));
    assert_ok(sqlite3_exec(db, "CREATE VIRTUAL TABLE v USING altering(one two)", NULL, NULL, NULL));
    assert_ok(sqlite3_exec(db, "ALTER TABLE o RENAME TO p; ALTER TABLE p RENAME TO o", NULL, NULL,
                           NULL)); // the schema is read anew: v is not connected

    assert_text("3|3", rows_text(db, "SELECT a, n FROM o, v WHERE n = a"));

    assert_rc(SQLITE_LOCKED, altered);
    assert_ok(sqlite3_close(db));
}

static int make_and_read(sqlite3 *db)
{
    int rc = sqlite3_create_module(db, "digits", &digits, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "CREATE VIRTUAL TABLE temp.d USING digits", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "SELECT n FROM d WHERE n > 3 ORDER BY n DESC", NULL, NULL, NULL);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("", make_and_read);
}

TEST_SUITE(vtab_api, cmocka_unit_test(constraints_are_told_with_their_operators),
           cmocka_unit_test(a_limit_is_told_where_it_bounds_the_table),
           cmocka_unit_test(a_module_may_count_the_rows_that_are_left),
           cmocka_unit_test(a_module_may_order_by_its_function),
           cmocka_unit_test(a_modules_message_is_the_statements),
           cmocka_unit_test(a_constructor_that_alters_tables_keeps_its_arguments),
           cmocka_unit_test(a_statement_being_compiled_keeps_its_tables),
           cmocka_unit_test(short_memory_is_an_answer))
