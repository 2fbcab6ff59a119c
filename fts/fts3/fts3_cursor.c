// One running query: planning, walking, columns. See fts3_cursor.h.
//
// Plans as EXPLAIN QUERY PLAN shows them: 0 scans the rows, 1 looks a docid up, 2 and up match the
// column that the number is above 2 (the column behind the last: all). Bits above say which other
// arguments follow: language, lower bound, upper bound of docid, in this order.
#include "fts/fts3/fts3_cursor.h"

enum {
    PLAN_SCAN = 0,
    PLAN_DOCID = 1,
    PLAN_MATCH = 2,
    PLAN_MASK = 0xFFFF,
    HAS_LANGUAGE = 0x10000,
    HAS_LOWER = 0x20000,
    HAS_UPPER = 0x40000,
};

// --- planning ---

typedef struct Choice {
    int plan;
    int main_at; // constraints; -1: none
    int language_at;
    int lower_at;
    int upper_at;
    bool is_impossible; // a MATCH that cannot be answered yet
} Choice;

static bool is_match_column(const Fts3Table *table, int column)
{
    return column >= 0 && column <= table->column_count;
}

static void look_at(const Fts3Table *table, const sqlite3_index_info *info, int i, Choice *choice)
{
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    bool is_docid = c->iColumn < 0 || c->iColumn == table->column_count + 1;
    bool is_equal = c->op == SQLITE_INDEX_CONSTRAINT_EQ;
    ASSERT(i < info->nConstraint);
    if (c->op == SQLITE_INDEX_CONSTRAINT_MATCH && is_match_column(table, c->iColumn)) {
        choice->is_impossible = choice->is_impossible || !c->usable;
        if (c->usable) {
            choice->plan = PLAN_MATCH + c->iColumn;
            choice->main_at = i;
        }
        return;
    }
    if (!c->usable)
        return;
    if (is_equal && is_docid && choice->plan == PLAN_SCAN) {
        choice->plan = PLAN_DOCID;
        choice->main_at = i;
    } else if (is_equal && c->iColumn == table->column_count + 2) {
        choice->language_at = i;
    } else if (is_docid
               && (c->op == SQLITE_INDEX_CONSTRAINT_GE || c->op == SQLITE_INDEX_CONSTRAINT_GT)) {
        choice->lower_at = i;
    } else if (is_docid
               && (c->op == SQLITE_INDEX_CONSTRAINT_LE || c->op == SQLITE_INDEX_CONSTRAINT_LT)) {
        choice->upper_at = i;
    }
}

static int use(sqlite3_index_info *info, int at, bool omits, int *arg_count)
{
    ASSERT(at >= 0 && at < info->nConstraint);
    info->aConstraintUsage[at].argvIndex = ++*arg_count;
    info->aConstraintUsage[at].omit = omits;
    return *arg_count;
}

static void set_cost(sqlite3_index_info *info, const Choice *choice)
{
    static const double costs[] = {500000, 1, 2};
    int kind = choice->plan < PLAN_MATCH ? choice->plan : PLAN_MATCH;
    info->estimatedCost = choice->is_impossible ? 1e50 : costs[kind];
    info->estimatedRows = kind == PLAN_DOCID ? 1 : 25;
    if (kind == PLAN_SCAN || choice->is_impossible)
        info->estimatedRows = 1000000;
    if (kind == PLAN_DOCID)
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    ASSERT(kind >= PLAN_SCAN);
}

static void set_order(const Fts3Table *table, sqlite3_index_info *info)
{
    if (info->nOrderBy != 1)
        return;
    const struct sqlite3_index_orderby *order = &info->aOrderBy[0];
    if (order->iColumn >= 0 && order->iColumn != table->column_count + 1)
        return;
    ASSERT(info->needToFreeIdxStr == 0);
    static char descending[] = "DESC";
    static char ascending[] = "ASC";
    info->idxStr = order->desc ? descending : ascending;
    info->orderByConsumed = 1;
}

int fts3_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const Fts3Table *table = (const Fts3Table *)vtab;
    Choice choice = {PLAN_SCAN, -1, -1, -1, -1, false};
    for (int i = 0; i < info->nConstraint; i++)
        look_at(table, info, i, &choice);
    choice.is_impossible = choice.is_impossible && choice.plan < PLAN_MATCH;
    set_cost(info, &choice);
    info->idxNum = choice.plan;
    if (choice.is_impossible)
        return SQLITE_OK;
    int arg_count = 0;
    if (choice.main_at >= 0)
        use(info, choice.main_at, true, &arg_count);
    if (choice.language_at >= 0 && choice.plan >= PLAN_MATCH) {
        info->idxNum |= HAS_LANGUAGE;
        use(info, choice.language_at, true, &arg_count);
    }
    if (choice.lower_at >= 0 && choice.plan != PLAN_DOCID) {
        info->idxNum |= HAS_LOWER;
        use(info, choice.lower_at, false, &arg_count);
    }
    if (choice.upper_at >= 0 && choice.plan != PLAN_DOCID) {
        info->idxNum |= HAS_UPPER;
        use(info, choice.upper_at, false, &arg_count);
    }
    ASSERT(arg_count <= info->nConstraint);
    set_order(table, info);
    return SQLITE_OK;
}

// --- life ---

int fts3_cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    ASSERT(out != NULL);
    Fts3Cursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static void clear(Fts3Cursor *cursor)
{
    ASSERT(cursor != NULL);
    sqlite3_finalize(cursor->stmt);
    fts3_query_free(&cursor->query);
    *cursor = (Fts3Cursor){.base = cursor->base};
}

int fts3_cursor_close(sqlite3_vtab_cursor *base)
{
    Fts3Cursor *cursor = (Fts3Cursor *)base;
    ASSERT(cursor != NULL);
    clear(cursor);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// --- rows where they are stored ---

// Prepares the cursor's statement with this behind it.
static int prepare(Fts3Cursor *cursor, char *where)
{
    Fts3Table *table = fts3_cursor_table(cursor);
    if (where == NULL)
        return SQLITE_NOMEM;
    if (table->content == FTS3_CONTENT_NONE) {
        sqlite3_free(where);
        return SQLITE_ERROR; // there is nothing to read from
    }
    char *read = fts3_read_text(table);
    char *sql = read == NULL ? NULL : sqlite3_mprintf("%z%s", read, where);
    sqlite3_free(where);
    int rc = sql == NULL ? SQLITE_NOMEM
                         : sqlite3_prepare_v3(table->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                              &cursor->stmt, NULL);
    sqlite3_free(sql);
    ASSERT(rc == SQLITE_OK || cursor->stmt == NULL);
    return rc;
}

int fts3_cursor_load(Fts3Cursor *cursor)
{
    if (cursor->has_row || cursor->is_absent)
        return SQLITE_OK;
    ASSERT(cursor->plan == FTS3_PLAN_MATCH);
    if (cursor->stmt == NULL)
        TRY(prepare(cursor, sqlite3_mprintf(" WHERE rowid = ?1")));
    sqlite3_reset(cursor->stmt);
    sqlite3_bind_int64(cursor->stmt, 1, cursor->docid);
    if (sqlite3_step(cursor->stmt) == SQLITE_ROW) {
        cursor->has_row = true;
        return SQLITE_OK;
    }
    TRY(sqlite3_reset(cursor->stmt));
    if (fts3_cursor_table(cursor)->content == FTS3_CONTENT_OWN)
        return FTS_CORRUPT; // the index speaks of a row that is not there
    cursor->is_absent = true;
    return SQLITE_OK;
}

// --- walking ---

static bool is_in_bounds(const Fts3Cursor *cursor, i64 docid)
{
    ASSERT(cursor->plan == FTS3_PLAN_MATCH);
    return docid >= cursor->first_docid && docid <= cursor->last_docid;
}

static int next_match(Fts3Cursor *cursor)
{
    const Fts3Node *root = cursor->query.root;
    u64 count = root == NULL ? 0 : root->count;
    cursor->has_row = cursor->is_absent = false;
    while (cursor->at < count) {
        u64 at = cursor->at++;
        cursor->docid = root->docids[cursor->is_descending ? count - 1 - at : at];
        if (is_in_bounds(cursor, cursor->docid))
            return SQLITE_OK;
    }
    ASSERT(cursor->at >= count);
    cursor->is_eof = true;
    return SQLITE_OK;
}

static int next_row(Fts3Cursor *cursor)
{
    ASSERT(cursor->stmt != NULL);
    cursor->has_row = sqlite3_step(cursor->stmt) == SQLITE_ROW;
    if (cursor->has_row) {
        cursor->docid = sqlite3_column_int64(cursor->stmt, 0);
        return SQLITE_OK;
    }
    cursor->is_eof = true;
    return sqlite3_reset(cursor->stmt);
}

int fts3_cursor_next(sqlite3_vtab_cursor *base)
{
    Fts3Cursor *cursor = (Fts3Cursor *)base;
    ASSERT(!cursor->is_eof);
    return cursor->plan == FTS3_PLAN_MATCH ? next_match(cursor) : next_row(cursor);
}

// --- starting ---

typedef struct Arguments {
    sqlite3_value *main;
    sqlite3_value *language;
    sqlite3_value *lower;
    sqlite3_value *upper;
} Arguments;

static void name_arguments(int plan, sqlite3_value **args, Arguments *out)
{
    int at = 0;
    *out = (Arguments){0};
    if ((plan & PLAN_MASK) != PLAN_SCAN)
        out->main = args[at++];
    if ((plan & HAS_LANGUAGE) != 0)
        out->language = args[at++];
    if ((plan & HAS_LOWER) != 0)
        out->lower = args[at++];
    if ((plan & HAS_UPPER) != 0)
        out->upper = args[at++];
    ASSERT(at <= 4);
}

// Bounds that are no integers are left to the caller of the module to check.
static i64 bound_of(sqlite3_value *value, i64 otherwise)
{
    bool is_integer = value != NULL && sqlite3_value_type(value) == SQLITE_INTEGER;
    return is_integer ? sqlite3_value_int64(value) : otherwise;
}

static int start_match(Fts3Cursor *cursor, int column, const Arguments *args)
{
    Fts3Table *table = fts3_cursor_table(cursor);
    cursor->plan = FTS3_PLAN_MATCH;
    cursor->query.table = table;
    cursor->query.language = args->language == NULL ? 0 : sqlite3_value_int(args->language);
    const char *text = (const char *)sqlite3_value_text(args->main);
    if (text == NULL)
        return sqlite3_value_type(args->main) == SQLITE_NULL ? next_match(cursor) : SQLITE_NOMEM;
    ASSERT(column <= table->column_count);
    if (cursor->query.language < 0) // of which there are no rows
        return next_match(cursor);
    TRY(fts3_query_parse(&cursor->query, text, (int)strlen(text), column));
    TRY(fts3_query_run(&cursor->query));
    return next_match(cursor);
}

static int start_scan(Fts3Cursor *cursor, const Arguments *args)
{
    cursor->plan = FTS3_PLAN_SCAN;
    const char *order = cursor->is_descending ? "DESC" : "ASC";
    if (args->lower != NULL || args->upper != NULL)
        TRY(prepare(cursor, sqlite3_mprintf(" WHERE rowid BETWEEN %lld AND %lld ORDER BY rowid %s",
                                            cursor->first_docid, cursor->last_docid, order)));
    else
        TRY(prepare(cursor, sqlite3_mprintf(" ORDER BY rowid %s", order)));
    ASSERT(cursor->stmt != NULL);
    return next_row(cursor);
}

static int start_lookup(Fts3Cursor *cursor, sqlite3_value *docid)
{
    cursor->plan = FTS3_PLAN_DOCID;
    TRY(prepare(cursor, sqlite3_mprintf(" WHERE rowid = ?1")));
    ASSERT(cursor->stmt != NULL);
    TRY(sqlite3_bind_value(cursor->stmt, 1, docid));
    return next_row(cursor);
}

int fts3_cursor_filter(sqlite3_vtab_cursor *base, int plan, const char *order, int arg_count,
                       sqlite3_value **values)
{
    (void)arg_count;
    Fts3Cursor *cursor = (Fts3Cursor *)base;
    Arguments args;
    clear(cursor);
    name_arguments(plan, values, &args);
    cursor->is_descending =
        order == NULL ? fts3_cursor_table(cursor)->is_descending : order[0] == 'D';
    cursor->first_docid = bound_of(args.lower, INT64_MIN);
    cursor->last_docid = bound_of(args.upper, INT64_MAX);
    plan &= PLAN_MASK;
    ASSERT(plan <= PLAN_MATCH + fts3_cursor_table(cursor)->column_count);
    if (plan == PLAN_SCAN)
        return start_scan(cursor, &args);
    if (plan == PLAN_DOCID)
        return start_lookup(cursor, args.main);
    return start_match(cursor, plan - PLAN_MATCH, &args);
}

int fts3_cursor_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base != NULL);
    return ((Fts3Cursor *)base)->is_eof;
}

int fts3_cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    ASSERT(!((Fts3Cursor *)base)->is_eof);
    *rowid = ((Fts3Cursor *)base)->docid;
    return SQLITE_OK;
}

// --- columns ---

static int result_language(Fts3Cursor *cursor, sqlite3_context *ctx)
{
    const Fts3Table *table = fts3_cursor_table(cursor);
    ASSERT(!cursor->is_eof);
    if (cursor->plan == FTS3_PLAN_MATCH) {
        sqlite3_result_int(ctx, cursor->query.language);
        return SQLITE_OK;
    }
    if (table->language_column == NULL) {
        sqlite3_result_int(ctx, 0);
        return SQLITE_OK;
    }
    TRY(fts3_cursor_load(cursor));
    if (cursor->has_row)
        sqlite3_result_int(ctx, sqlite3_column_int(cursor->stmt, table->column_count + 1));
    return SQLITE_OK;
}

int fts3_cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    Fts3Cursor *cursor = (Fts3Cursor *)base;
    const Fts3Table *table = fts3_cursor_table(cursor);
    ASSERT(column >= 0 && column <= table->column_count + 2);
    if (column == table->column_count) {
        sqlite3_result_pointer(ctx, cursor, "fts3cursor", NULL);
        return SQLITE_OK;
    }
    if (column == table->column_count + 1) {
        sqlite3_result_int64(ctx, cursor->docid);
        return SQLITE_OK;
    }
    if (column == table->column_count + 2)
        return result_language(cursor, ctx);
    TRY(fts3_cursor_load(cursor));
    if (cursor->has_row)
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->stmt, column + 1));
    return SQLITE_OK;
}
