// The modules rtree and rtree_i32: columns, plans, writes (sqlite.org/rtree.html).
//
//    CREATE VIRTUAL TABLE t USING rtree(id, min_x, max_x, min_y, max_y, +name TEXT)
//    declares x(id INT, min_x REAL, max_x REAL, …, name): id is the rowid, +columns are auxiliary
//
// A plan is a rowid, or a list of tests which the plan text spells out: "D0B1" is coordinate 0 >=
// ?1 AND coordinate 1 <= ?2. The types of declared columns do not count; all coordinates are 32-bit
// floats, or integers in rtree_i32.

#include "vtab/tables/rtree/rtree.h"

#include <ctype.h>
#include <string.h>

// How a search was planned (idxNum).
enum { PLAN_ROWID = 1, PLAN_TESTS = 2 };

// --- lifetime ---

// The schema's name lies behind the struct, since it never changes.
int rtree_new(sqlite3 *db, const char *schema, const char *name, Rtree **out)
{
    ASSERT(schema != NULL && name != NULL);

    u64 schema_size = strlen(schema) + 1;
    u64 name_size = strlen(name) + 1;
    Rtree *tree = sqlite3_malloc64(sizeof *tree + schema_size);
    if (tree == NULL)
        return SQLITE_NOMEM;
    memset(tree, 0, sizeof *tree);
    tree->db = db;
    tree->schema = memcpy(tree + 1, schema, schema_size);
    tree->name = sqlite3_malloc64(name_size); // apart: renaming replaces it
    if (tree->name == NULL) {
        sqlite3_free(tree);
        return SQLITE_NOMEM;
    }
    memcpy(tree->name, name, name_size);
    *out = tree;
    return SQLITE_OK;
}

// Statements, names and memory; not the tables.
void rtree_free(Rtree *tree)
{
    ASSERT(tree->name != NULL);

    rtree_finalize(tree);
    sqlite3_free(tree->base.zErrMsg);
    sqlite3_free(tree->name);
    sqlite3_free(tree);
}

// Rows of the table as ANALYZE counted them, for the cost of plans.
static void estimate_rows(Rtree *tree)
{
    ASSERT(tree->row_estimate == 0);

    // SQLite's least and its guess for a table without statistics: they decide between plans. What
    // ANALYZE counts are the rows of the shadow table, one for each of ours.
    enum { ROWS_LEAST = 100 };
    tree->row_estimate = RTREE_ROWS_ESTIMATE;
    if (sqlite3_table_column_metadata(tree->db, tree->schema, "sqlite_stat1", NULL, NULL, NULL,
                                      NULL, NULL, NULL)
        != SQLITE_OK)
        return;
    char *sql = sqlite3_mprintf("SELECT stat FROM \"%w\".sqlite_stat1 WHERE tbl = '%q_rowid'",
                                tree->schema, tree->name);
    sqlite3_stmt *stmt = NULL;
    if (sql != NULL && sqlite3_prepare_v2(tree->db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            i64 rows = sqlite3_column_int64(stmt, 0);
            tree->row_estimate = rows < ROWS_LEAST ? ROWS_LEAST : rows;
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_free(sql);
}

// On failure *message says why, unless there is no memory for it.
int rtree_attach(Rtree *tree, bool is_new, char **message)
{
    ASSERT(tree->dims >= 1 && tree->dims <= RTREE_DIMS_MAX);
    ASSERT(tree->stmts[0] == NULL);

    // The size of a cell follows from the dimensions: an id, and two coordinates for each.
    tree->coords = 2 * tree->dims;
    // A rowid of 8 bytes and coordinates of 4, in files too.
    tree->cell_size = 8 + 4 * tree->coords;
    int rc = rtree_find_node_size(tree, is_new, message);
    if (rc == SQLITE_OK && is_new)
        rc = rtree_create_tables(tree);
    if (rc == SQLITE_OK)
        rc = rtree_prepare(tree);
    if (rc != SQLITE_OK && *message == NULL)
        *message = sqlite3_mprintf("%s", sqlite3_errmsg(tree->db));
    if (rc == SQLITE_OK)
        estimate_rows(tree);
    return rc;
}

// The tables stay.
int rtree_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(((const Rtree *)vtab)->readers == 0);

    rtree_free((Rtree *)vtab);
    return SQLITE_OK;
}

// Runs `sql` (of sqlite3_mprintf, NULL: no memory) and frees it.
static int run_script(Rtree *tree, char *sql)
{
    ASSERT(tree->db != NULL);

    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(tree->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

// A failure leaves the table usable.
int rtree_destroy(sqlite3_vtab *vtab)
{
    ASSERT(((const Rtree *)vtab)->readers == 0);

    Rtree *tree = (Rtree *)vtab;
    rtree_finalize(tree); // a table is not dropped while statements are open on it
    int rc = run_script(tree, sqlite3_mprintf("DROP TABLE \"%w\".\"%w_node\";"
                                              "DROP TABLE \"%w\".\"%w_rowid\";"
                                              "DROP TABLE \"%w\".\"%w_parent\";",
                                              tree->schema, tree->name, tree->schema, tree->name,
                                              tree->schema, tree->name));
    if (rc != SQLITE_OK) {
        int ready = rtree_prepare(tree); // the table stays; without them it answers SQLITE_MISUSE
        return ready == SQLITE_NOMEM ? ready : rc;
    }
    rtree_free(tree);
    return SQLITE_OK;
}

// The shadow tables go by the table's name.
int rtree_rename(sqlite3_vtab *vtab, const char *new_name)
{
    ASSERT(new_name != NULL);

    Rtree *tree = (Rtree *)vtab;
    char *copy = sqlite3_mprintf("%s", new_name);
    if (copy == NULL)
        return SQLITE_NOMEM;
    int rc =
        run_script(tree, sqlite3_mprintf("ALTER TABLE \"%w\".\"%w_node\" RENAME TO \"%w_node\";"
                                         "ALTER TABLE \"%w\".\"%w_parent\" RENAME TO \"%w_parent\";"
                                         "ALTER TABLE \"%w\".\"%w_rowid\" RENAME TO \"%w_rowid\";",
                                         tree->schema, tree->name, new_name, tree->schema,
                                         tree->name, new_name, tree->schema, tree->name, new_name));
    if (rc != SQLITE_OK) {
        sqlite3_free(copy);
        return rc;
    }
    sqlite3_free(tree->name);
    // From here on the shadow tables have the new name, whatever comes.
    tree->name = copy;
    rtree_finalize(tree); // the statements name the old tables
    return rtree_prepare(tree);
}

// What stands behind the table's name and an underscore.
int rtree_shadow_name(const char *suffix)
{
    ASSERT(suffix != NULL);

    return sqlite3_stricmp(suffix, "node") == 0 || sqlite3_stricmp(suffix, "parent") == 0
           || sqlite3_stricmp(suffix, "rowid") == 0;
}

// --- columns ---

// The name may be quoted in any of SQL's ways, a doubled quote standing for itself. What follows
// it, a type, is left out of the declaration.
int rtree_token_size(const char *text)
{
    ASSERT(text != NULL);

    char first = text[0];
    if (first == '"' || first == '\'' || first == '`' || first == '[') {
        char last = first == '[' ? ']' : first;
        for (int i = 1; text[i] != 0; i++) {
            if (text[i] == last && text[i + 1] != last)
                return i + 1;
            // The first of two: the second is passed by the loop.
            i += text[i] == last;
        }
        return (int)strlen(text);
    }
    int size = 0;
    while (text[size] != 0 && !isspace((unsigned char)text[size]) && text[size] != '(')
        size++;
    return size;
}

// The table's declaration from the arguments after the module's own three. Counts dims and aux.
static char *declaration(Rtree *tree, int count, const char *const *args, const char **error)
{
    ASSERT(count > 0);

    int coords = 0;
    *error = NULL;
    sqlite3_str *sql = sqlite3_str_new(tree->db);
    sqlite3_str_appendf(sql, "CREATE TABLE x(%.*s INT", rtree_token_size(args[0]), args[0]);
    for (int i = 1; i < count; i++) {
        const char *arg = args[i];
        if (arg[0] == '+') {
            tree->aux_count++;
            sqlite3_str_appendf(sql, ",%.*s", rtree_token_size(arg + 1), arg + 1);
            continue;
        }
        // Coordinates are found by their number, so that nothing may stand between them.
        if (tree->aux_count > 0)
            *error = "Auxiliary rtree columns must be last";
        coords++;
        sqlite3_str_appendf(sql, ",%.*s %s", rtree_token_size(arg), arg,
                            tree->is_whole ? "INT" : "REAL");
    }
    sqlite3_str_appendall(sql, ");");
    if (*error == NULL && coords < 2)
        *error = "Too few columns for an rtree table";
    else if (*error == NULL && coords > RTREE_COORDS_MAX)
        *error = "Too many columns for an rtree table";
    else if (*error == NULL && coords % 2 != 0)
        *error = "Wrong number of columns for an rtree table";
    tree->dims = coords / 2;
    return sqlite3_str_finish(sql);
}

// sqlite3_declare_vtab() checks the columns' names.
static int declare(Rtree *tree, int count, const char *const *args, char **message)
{
    ASSERT(tree->dims == 0 && tree->aux_count == 0);

    const char *error;
    char *sql = declaration(tree, count, args, &error);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_ERROR;
    if (error == NULL) {
        rc = sqlite3_declare_vtab(tree->db, sql);
        error = sqlite3_errmsg(tree->db);
    }
    if (rc != SQLITE_OK)
        *message = sqlite3_mprintf("%s", error);
    sqlite3_free(sql);
    return rc;
}

// Innocuous: views and triggers of a foreign schema may use it, as it touches nothing but its own
// tables.
static int set_up(Rtree *tree, int count, const char *const *columns, char **message, bool is_new)
{
    ASSERT(count > 0);

    TRY(sqlite3_vtab_config(tree->db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1));
    TRY(sqlite3_vtab_config(tree->db, SQLITE_VTAB_INNOCUOUS));
    TRY(declare(tree, count, columns, message));
    return rtree_attach(tree, is_new, message);
}

// What xCreate and xConnect are called with.
typedef struct Request {
    sqlite3 *db;
    bool is_whole; // rtree_i32
    bool is_new;   // xCreate
    int arg_count;
    const char *const *args; // module, schema, table, columns
} Request;

// xCreate and xConnect differ in whether the shadow tables are made.
static int make_table(const Request *request, sqlite3_vtab **out, char **message)
{
    ASSERT(request->arg_count >= 3);
    ASSERT(request->args != NULL);

    // Whether the columns are the right ones is for declaration() to say; here only what it has no
    // room for.
    enum { OWN_ARGS = 3 };
    if (request->arg_count < OWN_ARGS + 3) {
        *message = sqlite3_mprintf("Too few columns for an rtree table");
        return SQLITE_ERROR;
    }
    if (request->arg_count > OWN_ARGS + 1 + RTREE_COORDS_MAX + RTREE_AUX_MAX) {
        *message = sqlite3_mprintf("Too many columns for an rtree table");
        return SQLITE_ERROR;
    }
    Rtree *tree;
    TRY(rtree_new(request->db, request->args[1], request->args[2], &tree));
    tree->is_whole = request->is_whole;
    int rc = set_up(tree, request->arg_count - OWN_ARGS, request->args + OWN_ARGS, message,
                    request->is_new);
    if (rc != SQLITE_OK) {
        rtree_free(tree);
        return rc;
    }
    *out = &tree->base;
    return SQLITE_OK;
}

// Client data is NULL for floats, not NULL for integers.
static int rtree_create(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    ASSERT(arg_count >= 3);

    const Request request = {db, client_data != NULL, true, arg_count, args};
    return make_table(&request, out, message);
}

// For a table that the schema has.
static int rtree_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    ASSERT(arg_count >= 3);

    const Request request = {db, client_data != NULL, false, arg_count, args};
    return make_table(&request, out, message);
}

// --- planning ---

// 0: no operator that a search knows. What it does not know, IS or LIKE for instance, the core
// tests on the rows that the others leave.
static int search_op(int op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return RTREE_EQ;
    case SQLITE_INDEX_CONSTRAINT_LE: return RTREE_LE;
    case SQLITE_INDEX_CONSTRAINT_LT: return RTREE_LT;
    case SQLITE_INDEX_CONSTRAINT_GE: return RTREE_GE;
    case SQLITE_INDEX_CONSTRAINT_GT: return RTREE_GT;
    case SQLITE_INDEX_CONSTRAINT_MATCH: return RTREE_MATCH;
    default: return 0; // tested row by row
    }
}

// One row at most.
static void plan_rowid(sqlite3_index_info *info, int constraint)
{
    ASSERT(constraint >= 0 && constraint < info->nConstraint);

    info->idxNum = PLAN_ROWID;
    info->aConstraintUsage[constraint].argvIndex = 1;
    info->aConstraintUsage[constraint].omit = 1;
    info->estimatedCost = 30.0; // two look-ups in tables
    info->estimatedRows = 1;
    info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
}

// A geometry callback is asked for.
static bool has_usable_match(const sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable != 0
            && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_MATCH)
            return true;
    }
    return false;
}

// Column 0 is the rowid by another name.
static int find_rowid_constraint(const sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable != 0 && info->aConstraint[i].iColumn <= 0
            && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ)
            return i;
    }
    return -1;
}

// The plan text is a pair of letters a test: operator, column counted from '0'.
static int plan_tests(const Rtree *tree, sqlite3_index_info *info)
{
    ASSERT(tree->coords == 2 * tree->dims);

    sqlite3_str *text = sqlite3_str_new(tree->db);
    int count = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        int op = info->aConstraint[i].usable != 0 ? search_op(info->aConstraint[i].op) : 0;
        bool is_coord = column >= 1 && column <= tree->coords;
        if (op == 0 || (!is_coord && op != RTREE_MATCH))
            continue;
        sqlite3_str_appendchar(text, 1, (char)op);
        sqlite3_str_appendchar(text, 1, (char)('0' + column - 1));
        info->aConstraintUsage[i].argvIndex = ++count;
        // A comparison is tested again on what the column gives: a search may let more pass, with a
        // text as its bound for instance. Only the callback can answer a MATCH.
        info->aConstraintUsage[i].omit = op == RTREE_MATCH;
    }
    if (sqlite3_str_errcode(text) != SQLITE_OK) {
        sqlite3_free(sqlite3_str_finish(text));
        return SQLITE_NOMEM;
    }
    info->idxNum = PLAN_TESTS;
    info->idxStr = sqlite3_str_finish(text);
    info->needToFreeIdxStr = info->idxStr != NULL;
    // Each test is taken to halve the rows, as by SQLite.
    i64 rows = tree->row_estimate >> (count < 62 ? count : 62);
    info->estimatedCost = 6.0 * (f64)rows;
    info->estimatedRows = rows;
    return SQLITE_OK;
}

// A look-up by rowid beats every search.
static int rtree_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    // MATCH has a callback of the program's, which only a search calls: no rowid look-up may take
    // its place.
    int by_rowid = has_usable_match(info) ? -1 : find_rowid_constraint(info);
    if (by_rowid >= 0) {
        plan_rowid(info, by_rowid);
        return SQLITE_OK;
    }
    return plan_tests((const Rtree *)vtab, info);
}

// --- reading ---

// NULL compares with nothing: *is_empty. Text and blobs lie above all numbers, whatever the column
// holds, so they do not prune.
static int read_test(RtreeTest *test, const char letters[2], sqlite3_value *value, bool *is_empty)
{
    ASSERT(letters[0] >= RTREE_EQ && letters[0] <= RTREE_MATCH);

    *test = (RtreeTest){.op = (RtreeOp)letters[0], .coord = letters[1] - '0'};
    if (test->op == RTREE_MATCH) {
        int rc;
        test->match = match_take(value, &rc);
        return rc;
    }
    int type = sqlite3_value_type(value);
    test->is_always = type == SQLITE_TEXT || type == SQLITE_BLOB;
    test->bound = sqlite3_value_double(value);
    *is_empty = *is_empty || type == SQLITE_NULL;
    return SQLITE_OK;
}

// With the copies of callbacks' parameters.
static void free_tests(RtreeTest *tests, int count)
{
    ASSERT(tests != NULL || count == 0);

    for (int i = 0; i < count; i++)
        match_free(tests[i].match);
    sqlite3_free(tests);
}

// Bounds that are NULL leave nothing to search for.
static int filter_tests(RtreeCursor *cur, const char *text, int count, sqlite3_value **args)
{
    ASSERT(count == 0 || text != NULL);

    RtreeTest *tests = NULL;
    bool is_empty = false;
    if (count > 0) {
        tests = sqlite3_malloc64((u64)count * sizeof *tests);
        if (tests == NULL)
            return SQLITE_NOMEM;
    }
    for (int i = 0; i < count; i++) {
        int rc = read_test(&tests[i], text + (size_t)2 * (size_t)i, args[i], &is_empty);
        if (rc != SQLITE_OK) {
            free_tests(tests, i);
            return rc;
        }
    }
    // Only after all were read: an argument of MATCH that is none is an error even then.
    if (is_empty) {
        free_tests(tests, count);
        cursor_search_nothing(cur);
        return SQLITE_OK;
    }
    return cursor_search(cur, tests, count);
}

// By the plan of rtree_best_index().
static int rtree_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                        sqlite3_value **args)
{
    ASSERT(plan == PLAN_ROWID || plan == PLAN_TESTS);

    RtreeCursor *cur = (RtreeCursor *)base;
    if (plan != PLAN_ROWID)
        return filter_tests(cur, text, count, args);
    i64 rowid = sqlite3_value_int64(args[0]);
    int type = sqlite3_value_numeric_type(args[0]);
    // The column is declared INT, but the core compares by value: 1.0 finds row 1, '1' too, 1.5
    // and 'x' none.
    bool is_whole = type == SQLITE_INTEGER
                    || (type == SQLITE_FLOAT && sqlite3_value_double(args[0]) == (f64)rowid);
    if (is_whole)
        return cursor_find_row(cur, rowid);
    cursor_search_nothing(cur);
    return SQLITE_OK;
}

// id, coordinates, auxiliary columns.
static int rtree_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);

    RtreeCursor *cur = (RtreeCursor *)base;
    const Rtree *tree = (const Rtree *)base->pVtab;
    const RtreeCell *cell = cursor_cell(cur);
    if (column == 0) {
        sqlite3_result_int64(call, cell->id);
    } else if (column > tree->coords) {
        // Nobody reads the value in an UPDATE that does not set it; reading would cost a look-up
        // in t_rowid.
        if (sqlite3_vtab_nochange(call) == 0)
            return cursor_aux(cur, column - 1 - tree->coords, call);
    } else if (tree->is_whole) {
        sqlite3_result_int(call, cell->box[column - 1].whole);
    } else {
        sqlite3_result_double(call, (f64)cell->box[column - 1].real);
    }
    return SQLITE_OK;
}

// --- writing ---

// Names the columns as the table declares them, which only a statement on it tells.
static int report_constraint(Rtree *tree, int column)
{
    ASSERT(column >= 0 && column < tree->coords);

    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\".\"%w\"", tree->schema, tree->name);
    sqlite3_stmt *stmt = NULL;
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(tree->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    // Preparing it cannot recurse: the statement is never run.
    if (rc == SQLITE_OK) {
        sqlite3_free(tree->base.zErrMsg);
        tree->base.zErrMsg = column == 0
                                 ? sqlite3_mprintf("UNIQUE constraint failed: %s.%s", tree->name,
                                                   sqlite3_column_name(stmt, 0))
                                 : sqlite3_mprintf("rtree constraint failed: %s.(%s<=%s)",
                                                   tree->name, sqlite3_column_name(stmt, column),
                                                   sqlite3_column_name(stmt, column + 1));
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? SQLITE_CONSTRAINT : rc;
}

// The box from the values of a write; R4 or a constraint error. A coordinate whose pair was not
// given stays 0.
static int read_box(Rtree *tree, sqlite3_value **values, int count, RtreeCell *cell)
{
    ASSERT(tree->coords == 2 * tree->dims);

    for (int dim = 0; dim < tree->dims && 2 * dim + 1 < count; dim++) {
        RtreeCoord *low = &cell->box[2 * dim];
        RtreeCoord *high = &cell->box[2 * dim + 1];
        if (tree->is_whole) {
            low->whole = sqlite3_value_int(values[2 * dim]);
            high->whole = sqlite3_value_int(values[2 * dim + 1]);
        } else {
            *low = coord_low(sqlite3_value_double(values[2 * dim]));
            *high = coord_high(sqlite3_value_double(values[2 * dim + 1]));
        }
        if (coord_value(tree, *low) > coord_value(tree, *high))
            return report_constraint(tree, 2 * dim + 1);
    }
    return SQLITE_OK;
}

// Called before anything was written.
int rtree_make_room(Rtree *tree, i64 rowid)
{
    ASSERT(tree->readers == 0);

    i64 leaf;
    TRY(rtree_find_leaf(tree, rowid, &leaf));
    if (leaf == 0)
        return SQLITE_OK;
    if (sqlite3_vtab_on_conflict(tree->db) == SQLITE_REPLACE)
        return rtree_delete_row(tree, rowid);
    return report_constraint(tree, 0);
}

// Into the row of t_rowid that the insertion has made.
static int write_aux(Rtree *tree, i64 rowid, sqlite3_value **values, int count)
{
    ASSERT(tree->write_aux != NULL);
    ASSERT(count >= 0 && count <= tree->aux_count);

    sqlite3_stmt *stmt = tree->write_aux;
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    for (int i = 0; i < count; i++)
        TRY(sqlite3_bind_value(stmt, i + 2, values[i]));
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

// One write of a row, taken apart.
typedef struct Write {
    bool has_old;
    i64 old_rowid;
    sqlite3_value *id; // of the new row
    RtreeCell cell;
    int aux_count; // values of auxiliary columns that are given
} Write;

// Every value of a column that the statement does not set is "no change" (sqlite3_vtab_nochange):
// the row in t_rowid keeps it.
static int keep_unchanged(Rtree *tree, const Write *write, sqlite3_value **values,
                          sqlite3_value **kept)
{
    ASSERT(write->has_old);

    bool is_any = false;
    for (int i = 0; i < write->aux_count; i++)
        is_any = is_any || sqlite3_value_nochange(values[i]) != 0;
    if (!is_any)
        return SQLITE_OK;
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\".\"%w_rowid\" WHERE rowid = ?1", tree->schema,
                                tree->name);
    sqlite3_stmt *stmt = NULL;
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(tree->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, write->old_rowid);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < write->aux_count && rc == SQLITE_OK; i++) {
            if (sqlite3_value_nochange(values[i]) == 0)
                continue;
            kept[i] = sqlite3_value_dup(sqlite3_column_value(stmt, i + 2));
            rc = kept[i] == NULL ? SQLITE_NOMEM : SQLITE_OK;
        }
    }
    int finalized = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : finalized;
}

// An update is a removal and an insertion: the box may have moved anywhere.
static int put_row(Rtree *tree, Write *write, sqlite3_value **aux)
{
    ASSERT(tree->readers == 0);
    ASSERT(write->id != NULL);

    bool has_id = sqlite3_value_type(write->id) != SQLITE_NULL;
    write->cell.id = sqlite3_value_int64(write->id);
    bool moves = !write->has_old || write->old_rowid != write->cell.id;
    // Before the old row goes: when the new place is taken and the conflict is an error, nothing
    // has been changed yet.
    if (has_id && moves)
        TRY(rtree_make_room(tree, write->cell.id));
    if (write->has_old)
        TRY(rtree_delete_row(tree, write->old_rowid));
    if (!has_id)
        TRY(rtree_new_rowid(tree, &write->cell.id));
    TRY(rtree_insert_cell(tree, &write->cell, 0));
    return tree->aux_count > 0 ? write_aux(tree, write->cell.id, aux, write->aux_count) : SQLITE_OK;
}

// Auxiliary values that an UPDATE does not set are fetched first.
static int put_row_keeping(Rtree *tree, Write *write, sqlite3_value **values)
{
    ASSERT(write->aux_count <= RTREE_AUX_MAX);

    // Fetched before the write, which deletes the row that has them.
    sqlite3_value *kept[RTREE_AUX_MAX] = {NULL};
    sqlite3_value *aux[RTREE_AUX_MAX];
    int rc = write->has_old ? keep_unchanged(tree, write, values, kept) : SQLITE_OK;
    for (int i = 0; i < write->aux_count; i++)
        aux[i] = kept[i] != NULL ? kept[i] : values[i];
    if (rc == SQLITE_OK)
        rc = put_row(tree, write, aux);
    for (int i = 0; i < write->aux_count; i++)
        sqlite3_value_free(kept[i]);
    return rc;
}

// Arguments as xUpdate has them: old rowid, new rowid, then the columns, of which the first is the
// id. They may be fewer than coords and aux_count: an argument of CREATE VIRTUAL TABLE which is a
// constraint to SQL declares no column. SQLite accepts such tables, so files have them.
static int rtree_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args,
                        sqlite3_int64 *rowid)
{
    ASSERT(arg_count == 1 || arg_count >= 3);

    Rtree *tree = (Rtree *)vtab;
    if (tree->readers > 0)
        return SQLITE_LOCKED_VTAB; // R5
    if (arg_count == 1)
        return rtree_delete_row(tree, sqlite3_value_int64(args[0]));
    int given = arg_count - 3;
    Write write = {.has_old = sqlite3_value_type(args[0]) != SQLITE_NULL,
                   .old_rowid = sqlite3_value_int64(args[0]),
                   .id = args[2],
                   .aux_count = given > tree->coords ? given - tree->coords : 0};
    if (write.aux_count > tree->aux_count)
        write.aux_count = tree->aux_count;
    // Before anything is written, because a box may be refused.
    TRY(read_box(tree, args + 3, given, &write.cell));
    TRY(put_row_keeping(tree, &write, args + 3 + tree->coords));
    *rowid = write.cell.id;
    return SQLITE_OK;
}

// For PRAGMA integrity_check.
int rtree_integrity(sqlite3_vtab *vtab, const char *schema, const char *name, int flags,
                    char **message)
{
    ASSERT(message != NULL);

    (void)flags;
    char *report = NULL;
    TRY(rtree_check(((Rtree *)vtab)->db, schema, name, &report));
    if (report == NULL)
        return SQLITE_OK;
    *message = sqlite3_mprintf("In RTree %s.%s:\n%s", schema, name, report);
    sqlite3_free(report);
    return *message == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

const sqlite3_module rtree_module = {
    .iVersion = 4,
    .xCreate = rtree_create,
    .xConnect = rtree_connect,
    .xBestIndex = rtree_best_index,
    .xDisconnect = rtree_disconnect,
    .xDestroy = rtree_destroy,
    .xOpen = rtree_open,
    .xClose = rtree_close,
    .xFilter = rtree_filter,
    .xNext = rtree_next,
    .xEof = rtree_eof,
    .xColumn = rtree_column,
    .xRowid = rtree_rowid,
    .xUpdate = rtree_update,
    .xRename = rtree_rename,
    .xShadowName = rtree_shadow_name,
    .xIntegrity = rtree_integrity,
};
