// One running query. See fts_cursor.h.
//
// Plans as EXPLAIN QUERY PLAN shows them: the number is 32 for the order of rank, 64 for that of
// rowid, 128 more for descending; the text has M<column> per MATCH, r for rank MATCH, and = < > for
// bounds of rowid, L<column> and G<column> for LIKE and GLOB, in the order of the arguments. A b at
// the end, without an argument, says that the order of rank is that of bm25(t), whatever rank is.
#include "fts/fts_cursor.h"

#include "fts/count_walk.h"
#include "fts/pattern_query.h"
#include "fts/rank_walk.h"

enum { RANK_LIMIT_MAX = 10000 }; // above that all rows are gathered
enum { RANK_ARGS_MAX = 64 };
enum { ORDER_RANK = 32, ORDER_ROWID = 64, ORDER_DESC = 128 };

// --- planning ---

typedef struct Plan {
    FtsBuffer text;
    int arg_count;
    bool has_match;
    bool has_equal;
    bool has_range;
    bool is_unusable;
} Plan;

static void use(Plan *plan, struct sqlite3_index_constraint_usage *usage, const char *mark)
{
    ASSERT(usage->argvIndex == 0);

    usage->argvIndex = ++plan->arg_count;
    usage->omit = 1;
    fts_buffer_append_text(&plan->text, mark);
}

// Whether a trigram index can find candidates for a LIKE or GLOB: 'L', 'G', or 0. The core checks
// each row that it gives.
static char pattern_mark(const FtsConfig *config, const struct sqlite3_index_constraint *c)
{
    if (!c->usable || c->iColumn < 0 || c->iColumn >= config->column_count
        || config->is_unindexed[c->iColumn])
        return 0;
    if (c->op == SQLITE_INDEX_CONSTRAINT_LIKE && config->is_trigram_like)
        return 'L';
    return c->op == SQLITE_INDEX_CONSTRAINT_GLOB && config->is_trigram_glob ? 'G' : 0;
}

static void plan_constraint(const FtsConfig *config, Plan *plan, sqlite3_index_info *info, int i)
{
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    struct sqlite3_index_constraint_usage *usage = &info->aConstraintUsage[i];
    int table_column = config->column_count;
    bool is_match = c->op == SQLITE_INDEX_CONSTRAINT_MATCH
                    || (c->op == SQLITE_INDEX_CONSTRAINT_EQ && c->iColumn == table_column);
    char mark[16];
    if (is_match && !c->usable) {
        plan->is_unusable = plan->is_unusable || c->iColumn >= 0;
    } else if (is_match && c->iColumn == table_column + 1) {
        use(plan, usage, "r");
    } else if (is_match && c->iColumn >= 0) {
        sqlite3_snprintf(sizeof mark, mark, "M%d", c->iColumn);
        use(plan, usage, mark);
        plan->has_match = true;
    } else if (pattern_mark(config, c) != 0) {
        sqlite3_snprintf(sizeof mark, mark, "%c%d", pattern_mark(config, c), c->iColumn);
        use(plan, usage, mark);
        usage->omit = 0;
        plan->has_match = true;
    } else if (c->usable && c->iColumn < 0 && c->op == SQLITE_INDEX_CONSTRAINT_EQ) {
        use(plan, usage, "=");
        plan->has_equal = true;
    } else if (c->usable && c->iColumn < 0
               && (c->op == SQLITE_INDEX_CONSTRAINT_LT || c->op == SQLITE_INDEX_CONSTRAINT_LE)) {
        use(plan, usage, "<");
        usage->omit = 0;
        plan->has_range = true;
    } else if (c->usable && c->iColumn < 0
               && (c->op == SQLITE_INDEX_CONSTRAINT_GT || c->op == SQLITE_INDEX_CONSTRAINT_GE)) {
        use(plan, usage, ">");
        usage->omit = 0;
        plan->has_range = true;
    }
}

static bool is_bm25(FtsConnection *connection, const char *function)
{
    const AuxFunction *aux = fts_connection_find_function(connection, function);
    return aux != NULL && aux->call == fts_bm25;
}

static void plan_order(const FtsTable *table, Plan *plan, sqlite3_index_info *info)
{
    if (info->nOrderBy != 1)
        return;
    int column = info->aOrderBy[0].iColumn;
    if (column == table->config.column_count + 1 && plan->has_match) {
        info->idxNum = ORDER_RANK;
    } else if (column == QUIRE_ORDER_FUNCTION && plan->has_match
               && is_bm25(table->connection, "bm25")) {
        info->idxNum = ORDER_RANK;
        fts_buffer_append_text(&plan->text, "b");
    } else if (column == -1) {
        info->idxNum = ORDER_ROWID;
    }
    if (info->idxNum != 0) {
        info->orderByConsumed = 1;
        info->idxNum |= info->aOrderBy[0].desc ? ORDER_DESC : 0;
    }
}

// A LIMIT, and the OFFSET with it, becomes a further argument that the text does not tell of. It is
// of use, and right, only where nothing but the query decides about rows and their order.
static void plan_limit(Plan *plan, sqlite3_index_info *info)
{
    int limit = -1;
    int offset = -1;
    if ((info->idxNum & ORDER_RANK) == 0 || !info->orderByConsumed)
        return;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (c->op == SQLITE_INDEX_CONSTRAINT_LIMIT && c->usable)
            limit = i;
        else if (c->op == SQLITE_INDEX_CONSTRAINT_OFFSET && c->usable)
            offset = i;
        else if (info->aConstraintUsage[i].argvIndex == 0 || !info->aConstraintUsage[i].omit)
            return;
    }
    if (limit >= 0)
        info->aConstraintUsage[limit].argvIndex = ++plan->arg_count;
    if (limit >= 0 && offset >= 0)
        info->aConstraintUsage[offset].argvIndex = ++plan->arg_count;
}

int fts_cursor_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const FtsTable *table = (const FtsTable *)vtab;
    const FtsConfig *config = &table->config;
    Plan plan = {0};
    for (int i = 0; i < info->nConstraint; i++)
        plan_constraint(config, &plan, info, i);
    if (plan.is_unusable) {
        fts_buffer_deinit(&plan.text);
        return SQLITE_CONSTRAINT;
    }
    info->idxNum = 0;
    plan_order(table, &plan, info);
    plan_limit(&plan, info);
    fts_buffer_append_byte(&plan.text, 0);
    if (plan.text.rc != SQLITE_OK)
        return plan.text.rc;
    info->idxStr = (char *)plan.text.bytes;
    info->needToFreeIdxStr = 1;
    if (plan.has_equal) {
        info->estimatedCost = plan.has_match ? 100.0 : 10.0;
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
    } else if (plan.has_range) {
        info->estimatedCost = plan.has_match ? 500.0 : 250000.0;
    } else {
        info->estimatedCost = plan.has_match ? 1000.0 : 1000000.0;
    }
    return SQLITE_OK;
}

// --- life ---

int fts_cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    FtsTable *table = (FtsTable *)vtab;
    FtsCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    cursor->lengths = fts_zalloc(sizeof(u32) * ((u64)table->config.column_count + 1));
    if (cursor->lengths == NULL) {
        sqlite3_free(cursor);
        return SQLITE_NOMEM;
    }
    cursor->table = table;
    cursor->id = ++table->connection->cursor_count;
    cursor->next = table->connection->cursors;
    table->connection->cursors = cursor;
    *out = &cursor->base;
    return SQLITE_OK;
}

void fts_cursor_free_aux(FtsCursor *cursor)
{
    while (cursor->aux_data != NULL) {
        AuxData *data = cursor->aux_data;
        cursor->aux_data = data->next;
        if (data->destroy != NULL)
            data->destroy(data->data);
        sqlite3_free(data);
    }
}

static void cursor_reset(FtsCursor *cursor)
{
    fts_cursor_free_aux(cursor);
    query_free(cursor->query);
    sqlite3_finalize(cursor->scan);
    sqlite3_finalize(cursor->lookup);
    top_docs_deinit(&cursor->top);
    sqlite3_free(cursor->bm25);
    sqlite3_free(cursor->rank_function);
    sqlite3_free(cursor->rank_args);
    sqlite3_free(cursor->instances);
    fts_cursor_forget_tokens(cursor);
    fts_buffer_clear(&cursor->text);
    cursor->query = NULL;
    cursor->scan = cursor->lookup = NULL;
    cursor->bm25 = NULL;
    cursor->rank_function = cursor->rank_args = NULL;
    cursor->instances = NULL;
    cursor->has_row = cursor->has_positions = cursor->has_lengths = false;
    cursor->is_end = cursor->is_top = cursor->has_score = cursor->is_by_bm25 = false;
    cursor->instance_count = -1;
    cursor->first_rowid = INT64_MIN;
    cursor->last_rowid = INT64_MAX;
    cursor->row_limit = -1;
}

int fts_cursor_close(sqlite3_vtab_cursor *base)
{
    FtsCursor *cursor = (FtsCursor *)base;
    FtsCursor **link = &cursor->table->connection->cursors;
    while (*link != cursor)
        link = &(*link)->next;
    *link = cursor->next;
    cursor_reset(cursor);
    fts_buffer_deinit(&cursor->text);
    sqlite3_free(cursor->lengths);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

FtsCursor *fts_cursor_find(FtsConnection *connection, i64 id)
{
    FtsCursor *cursor = connection->cursors;
    while (cursor != NULL && cursor->id != id)
        cursor = cursor->next;
    return cursor;
}

// --- filtering ---

static int special_query(FtsCursor *cursor, const char *name)
{
    while (*name == ' ')
        name++;
    size_t size = strcspn(name, " ");
    bool is_reads = size == 5 && sqlite3_strnicmp(name, "reads", 5) == 0;
    bool is_id = size == 2 && sqlite3_strnicmp(name, "id", 2) == 0;
    if (!is_reads && !is_id)
        return fts_table_error(cursor->table, SQLITE_ERROR,
                               sqlite3_mprintf("unknown special query: %.*s", (int)size, name));
    cursor->is_top = true;
    return top_docs_add(&cursor->top, 0.0, is_reads ? cursor->table->index.pages_read : cursor->id);
}

// Keeps the query's words for a rank function that runs as a statement of its own.
static void append_text(FtsCursor *cursor, const char *text, int column)
{
    const FtsConfig *config = &cursor->table->config;
    if (cursor->text.size > 0)
        fts_buffer_append_text(&cursor->text, " AND ");
    if (column < config->column_count) {
        fts_buffer_append_text(&cursor->text, "{\"");
        fts_buffer_append_text(&cursor->text, config->columns[column]);
        fts_buffer_append_text(&cursor->text, "\"} : ");
    }
    fts_buffer_append_text(&cursor->text, "(");
    fts_buffer_append_text(&cursor->text, text);
    fts_buffer_append_text(&cursor->text, ")");
}

static int add_query(FtsCursor *cursor, const char *text, int column)
{
    FtsTable *table = cursor->table;
    char *message = NULL;
    Query *query;
    int filter = column < table->config.column_count ? column : -1;
    int rc = query_parse(&table->index, text, filter, &query, &message);
    if (rc != SQLITE_OK)
        return fts_table_error(table, rc, message);
    append_text(cursor, text, column);
    if (cursor->query != NULL)
        return query_and(cursor->query, query, &cursor->query);
    cursor->query = query;
    return SQLITE_OK;
}

static int add_match(FtsCursor *cursor, sqlite3_value *value, int column)
{
    bool is_null = sqlite3_value_type(value) == SQLITE_NULL;
    const char *text = (const char *)sqlite3_value_text(value);
    if (text == NULL && !is_null)
        return SQLITE_NOMEM;
    if (text == NULL)
        text = "";
    if (text[0] == '*')
        return special_query(cursor, text + 1);
    return add_query(cursor, text, column);
}

// A pattern that asks nothing of the index leaves it to the core to look at all rows.
static int add_pattern(FtsCursor *cursor, sqlite3_value *value, bool is_glob, int column)
{
    const FtsConfig *config = &cursor->table->config;
    const char *pattern = (const char *)sqlite3_value_text(value);
    FtsBuffer text = {0};
    if (pattern == NULL)
        return SQLITE_OK;
    pattern_query(pattern, is_glob, config->detail, &text);
    bool is_empty = text.size == 0;
    fts_buffer_append_byte(&text, 0);
    int rc = text.rc;
    if (config->detail == DETAIL_NONE) // the index does not know columns
        column = config->column_count;
    if (rc == SQLITE_OK && !is_empty)
        rc = add_query(cursor, (const char *)text.bytes, column);
    fts_buffer_deinit(&text);
    return rc;
}

static i64 bound_of(sqlite3_value *value, i64 when_none)
{
    if (sqlite3_value_numeric_type(value) == SQLITE_INTEGER)
        return sqlite3_value_int64(value);
    return when_none;
}

static int set_rank(FtsCursor *cursor, const char *text)
{
    sqlite3_free(cursor->rank_function);
    sqlite3_free(cursor->rank_args);
    int rc =
        fts_config_parse_rank(text == NULL ? "" : text, &cursor->rank_function, &cursor->rank_args);
    if (rc == SQLITE_ERROR)
        fts_table_error(cursor->table, rc,
                        sqlite3_mprintf("parse error in rank function: %s", text));
    return rc;
}

// What is left of the arguments: LIMIT, OFFSET.
static void take_limit(FtsCursor *cursor, int count, sqlite3_value **args)
{
    i64 limit = count > 0 ? sqlite3_value_int64(args[0]) : -1;
    i64 offset = count > 1 ? sqlite3_value_int64(args[1]) : 0;
    if (offset < 0)
        offset = 0;
    if (limit >= 0 && limit <= RANK_LIMIT_MAX && offset <= RANK_LIMIT_MAX)
        cursor->row_limit = limit + offset;
}

static int take_arguments(FtsCursor *cursor, const char *plan, int arg_count, sqlite3_value **args,
                          bool *is_empty)
{
    int arg = 0;
    while (*plan != 0) {
        char mark = *plan++;
        int column = 0;
        if (mark == 'b') {
            cursor->is_by_bm25 = true;
            continue;
        }
        while (*plan >= '0' && *plan <= '9')
            column = column * 10 + (*plan++ - '0');
        sqlite3_value *value = args[arg++];
        bool is_null = sqlite3_value_type(value) == SQLITE_NULL;
        if (mark == 'M') {
            TRY(add_match(cursor, value, column));
        } else if (mark == 'L' || mark == 'G') {
            TRY(add_pattern(cursor, value, mark == 'G', column));
        } else if (mark == 'r') {
            TRY(set_rank(cursor, (const char *)sqlite3_value_text(value)));
        } else if (is_null
                   || (mark == '=' && sqlite3_value_numeric_type(value) != SQLITE_INTEGER)) {
            *is_empty = true;
        } else if (mark == '=') {
            cursor->first_rowid = cursor->last_rowid = sqlite3_value_int64(value);
        } else if (mark == '<') {
            cursor->last_rowid = bound_of(value, INT64_MAX);
        } else {
            cursor->first_rowid = bound_of(value, INT64_MIN);
        }
    }
    ASSERT(arg <= arg_count);
    take_limit(cursor, arg_count - arg, args + arg);
    return SQLITE_OK;
}

static int prepare(FtsCursor *cursor, char *sql, sqlite3_stmt **out)
{
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3 *db = cursor->table->config.db;
    int rc = sqlite3_prepare_v3(db, sql, -1, 0, out, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK)
        fts_table_error(cursor->table, rc, sqlite3_mprintf("%s", sqlite3_errmsg(db)));
    return rc;
}

static int rank_arguments(FtsCursor *cursor, sqlite3_stmt **out)
{
    *out = NULL;
    if (cursor->rank_args == NULL)
        return SQLITE_OK;
    TRY(prepare(cursor, sqlite3_mprintf("SELECT %s", cursor->rank_args), out));
    sqlite3_step(*out);
    return SQLITE_OK;
}

// The values of the rank function's arguments; their number.
static int rank_values(sqlite3_stmt *stmt, sqlite3_value **args)
{
    int count = stmt == NULL ? 0 : sqlite3_column_count(stmt);
    if (count > RANK_ARGS_MAX)
        count = RANK_ARGS_MAX;
    for (int i = 0; i < count; i++)
        args[i] = sqlite3_column_value(stmt, i);
    return count;
}

static int scan_step(FtsCursor *cursor)
{
    ASSERT(cursor->scan != NULL);

    int rc = sqlite3_step(cursor->scan);
    cursor->is_end = rc != SQLITE_ROW;
    if (rc == SQLITE_ROW) {
        cursor->rowid = sqlite3_column_int64(cursor->scan, 0);
        return SQLITE_OK;
    }
    rc = sqlite3_reset(cursor->scan);
    if (rc != SQLITE_OK)
        fts_table_error(cursor->table, rc,
                        sqlite3_mprintf("%s", sqlite3_errmsg(cursor->table->config.db)));
    return rc;
}

static int take_row(FtsCursor *cursor)
{
    ASSERT(cursor->is_top);

    const RankedRow *row = top_docs_take(&cursor->top);
    cursor->is_end = row == NULL;
    if (row != NULL) {
        cursor->rowid = row->rowid;
        cursor->score = cursor->top.is_descending ? -row->score : row->score;
    }
    return SQLITE_OK;
}

static int start_scan(FtsCursor *cursor)
{
    ASSERT(cursor->query == NULL && cursor->scan == NULL);

    FtsTable *table = cursor->table;
    if (table->config.content == CONTENT_NONE && !table->config.has_columnsize)
        return fts_table_error(
            table, SQLITE_ERROR,
            sqlite3_mprintf("%s: table does not support scanning", table->config.name));
    char *source = fts_table_source(table);
    const char *id = table->config.content == CONTENT_EXTERNAL ? table->config.content_rowid : "id";
    char *sql = source == NULL
                    ? NULL
                    : sqlite3_mprintf("SELECT T.\"%w\" FROM %s T WHERE T.\"%w\" BETWEEN ?1"
                                      " AND ?2 ORDER BY 1 %s",
                                      id, source, id, cursor->is_descending ? "DESC" : "ASC");
    sqlite3_free(source);
    TRY(prepare(cursor, sql, &cursor->scan));
    sqlite3_bind_int64(cursor->scan, 1, cursor->first_rowid);
    sqlite3_bind_int64(cursor->scan, 2, cursor->last_rowid);
    return scan_step(cursor);
}

static int score_rows(FtsCursor *cursor, const Bm25Weights *weights)
{
    ASSERT(cursor->query != NULL);

    Query *query = cursor->query;
    cursor->has_positions = true;
    while (!query_is_end(query) && query_rowid(query) <= cursor->last_rowid) {
        f64 score;
        cursor->rowid = query_rowid(query);
        cursor->has_row = cursor->has_lengths = false;
        cursor->instance_count = -1;
        TRY(bm25_score(cursor, weights, &score));
        TRY(top_docs_add(&cursor->top, score, cursor->rowid));
        TRY(query_next(query));
    }
    cursor->has_positions = cursor->has_row = cursor->has_lengths = false;
    cursor->instance_count = -1;
    return query->rc;
}

// The order of bm25: all rows are scored in one walk. ORDER BY bm25(t) has no weights, and its
// scores are rank's only where rank has none either.
static int start_scored(FtsCursor *cursor)
{
    ASSERT(cursor->query != NULL);

    sqlite3_stmt *stmt = NULL;
    sqlite3_value *args[RANK_ARGS_MAX];
    Bm25Weights weights;
    cursor->is_top = true;
    cursor->has_score =
        !cursor->is_by_bm25
        || (cursor->rank_args == NULL && is_bm25(cursor->table->connection, cursor->rank_function));
    cursor->top.is_descending = cursor->is_descending;
    if (!cursor->is_by_bm25)
        TRY(rank_arguments(cursor, &stmt));
    int rc = bm25_weights_init(&weights, rank_values(stmt, args), args);
    if (rc == SQLITE_OK)
        rc = query_open(cursor->query, cursor->first_rowid);
    if (cursor->row_limit > 0)
        cursor->top.limit = (u32)cursor->row_limit;
    bool is_bounded = cursor->row_limit > 0 && weights.are_one;
    if (rc == SQLITE_OK && is_bounded && rank_walk_applies(cursor))
        rc = rank_walk_run(cursor);
    else if (rc == SQLITE_OK)
        rc = score_rows(cursor, &weights);
    bm25_weights_deinit(&weights);
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? take_row(cursor) : rc;
}

// A rank function of the user's: a statement of its own computes and sorts.
static int start_ranked_scan(FtsCursor *cursor, const char *function, const char *rank_args)
{
    const FtsConfig *config = &cursor->table->config;
    fts_buffer_append_byte(&cursor->text, 0);
    TRY(cursor->text.rc);
    char *sql = sqlite3_mprintf("SELECT rowid, %s(\"%w\"%s%s) FROM %Q.\"%w\" WHERE \"%w\" MATCH ?1"
                                " AND rowid BETWEEN ?2 AND ?3 ORDER BY 2 %s, 1",
                                function, config->name, rank_args == NULL ? "" : ", ",
                                rank_args == NULL ? "" : rank_args, config->db_name, config->name,
                                config->name, cursor->is_descending ? "DESC" : "ASC");
    TRY(prepare(cursor, sql, &cursor->scan));
    sqlite3_bind_text(cursor->scan, 1, (const char *)cursor->text.bytes, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(cursor->scan, 2, cursor->first_rowid);
    sqlite3_bind_int64(cursor->scan, 3, cursor->last_rowid);
    return scan_step(cursor);
}

// Rows backwards: the walk goes forward only, so they are gathered first.
static int start_descending(FtsCursor *cursor)
{
    ASSERT(cursor->query != NULL && cursor->is_descending);

    Query *query = cursor->query;
    cursor->is_top = true;
    while (!query_is_end(query) && query_rowid(query) <= cursor->last_rowid) {
        TRY(top_docs_add(&cursor->top, 0.0, query_rowid(query)));
        TRY(query_next(query));
    }
    TRY(query->rc);
    top_docs_reverse(&cursor->top);
    return take_row(cursor);
}

static int take_query_row(FtsCursor *cursor)
{
    ASSERT(cursor->query != NULL);

    TRY(cursor->query->rc);
    cursor->is_end = query_is_end(cursor->query) || query_rowid(cursor->query) > cursor->last_rowid;
    if (!cursor->is_end)
        cursor->rowid = query_rowid(cursor->query);
    cursor->has_positions = true;
    return SQLITE_OK;
}

static int start_query(FtsCursor *cursor, int order)
{
    if (cursor->rank_function == NULL)
        TRY(set_rank(cursor,
                     cursor->table->config.rank == NULL ? "bm25()" : cursor->table->config.rank));
    const char *function = cursor->is_by_bm25 ? "bm25" : cursor->rank_function;
    const char *rank_args = cursor->is_by_bm25 ? NULL : cursor->rank_args;
    if ((order & ORDER_RANK) != 0)
        return is_bm25(cursor->table->connection, function)
                   ? start_scored(cursor)
                   : start_ranked_scan(cursor, function, rank_args);
    TRY(query_open(cursor->query, cursor->first_rowid));
    return cursor->is_descending ? start_descending(cursor) : take_query_row(cursor);
}

int fts_cursor_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                      sqlite3_value **args)
{
    FtsCursor *cursor = (FtsCursor *)base;
    bool is_empty = false;
    cursor_reset(cursor);
    cursor->is_descending = (plan & ORDER_DESC) != 0;
    if (!cursor->table->has_changed_totals)
        cursor->table->has_totals = false; // another connection may have written
    TRY(fts_table_load(cursor->table));
    TRY(take_arguments(cursor, plan_text == NULL ? "" : plan_text, arg_count, args, &is_empty));
    if (is_empty || cursor->first_rowid > cursor->last_rowid) {
        cursor->is_end = true;
        return SQLITE_OK;
    }
    if (cursor->is_top)
        return take_row(cursor);
    return cursor->query != NULL ? start_query(cursor, plan) : start_scan(cursor);
}

// --- moving ---

// The table changed under the query: it starts anew, where it stood.
static int query_refresh(FtsCursor *cursor, i64 rowid)
{
    ASSERT(cursor->query != NULL);

    Query *query = cursor->query;
    bool is_stale = query->generation != cursor->table->index.generation;
    bool is_behind = query_is_end(query) || query_rowid(query) > rowid;
    if (is_stale || is_behind)
        return query_open(query, rowid);
    return query_seek(query, rowid);
}

int fts_cursor_next(sqlite3_vtab_cursor *base)
{
    FtsCursor *cursor = (FtsCursor *)base;
    cursor->has_row = cursor->has_lengths = false;
    cursor->instance_count = -1;
    if (cursor->scan != NULL) {
        cursor->has_positions = false;
        return scan_step(cursor);
    }
    if (cursor->is_top) {
        cursor->has_positions = false;
        return take_row(cursor);
    }
    if (cursor->query->generation == cursor->table->index.generation) {
        TRY(query_next(cursor->query));
    } else if (cursor->rowid == INT64_MAX) {
        cursor->is_end = true;
        return SQLITE_OK;
    } else {
        TRY(query_open(cursor->query, cursor->rowid + 1));
    }
    return take_query_row(cursor);
}

int fts_cursor_count_rest(sqlite3_vtab_cursor *base, sqlite3_int64 *rows)
{
    FtsCursor *cursor = (FtsCursor *)base;
    if (cursor->scan != NULL || cursor->is_top || cursor->query == NULL
        || cursor->query->generation != cursor->table->index.generation)
        return SQLITE_OK;
    i64 count;
    TRY(query_count_rest(cursor->query, cursor->last_rowid, &count));
    cursor->is_end = true;
    *rows = count;
    return SQLITE_OK;
}

int fts_cursor_eof(sqlite3_vtab_cursor *base)
{
    return ((FtsCursor *)base)->is_end;
}

int fts_cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((FtsCursor *)base)->rowid;
    return SQLITE_OK;
}

int fts_cursor_seek_query(FtsCursor *cursor)
{
    if (cursor->query == NULL || cursor->has_positions)
        return SQLITE_OK;
    TRY(query_refresh(cursor, cursor->rowid));
    cursor->has_positions = true;
    return SQLITE_OK;
}

int fts_cursor_seek_content(FtsCursor *cursor)
{
    FtsTable *table = cursor->table;
    if (cursor->has_row)
        return SQLITE_OK;
    if (cursor->lookup == NULL) {
        char *columns = fts_table_columns(table);
        char *source = fts_table_source(table);
        bool is_external = table->config.content == CONTENT_EXTERNAL;
        char *sql = columns == NULL || source == NULL
                        ? NULL
                        : sqlite3_mprintf("SELECT %s FROM %s T WHERE T.\"%w\" = ?1", columns,
                                          source, is_external ? table->config.content_rowid : "id");
        sqlite3_free(columns);
        sqlite3_free(source);
        TRY(prepare(cursor, sql, &cursor->lookup));
    }
    sqlite3_reset(cursor->lookup);
    sqlite3_bind_int64(cursor->lookup, 1, cursor->rowid);
    if (sqlite3_step(cursor->lookup) == SQLITE_ROW) {
        cursor->has_row = true;
        return SQLITE_OK;
    }
    TRY(sqlite3_reset(cursor->lookup));
    char *source = fts_table_source(table);
    fts_table_error(
        table, FTS_CORRUPT,
        sqlite3_mprintf("fts5: missing row %lld from content table %s", cursor->rowid, source));
    sqlite3_free(source);
    return FTS_CORRUPT;
}

// --- columns ---

static int result_rank(FtsCursor *cursor, sqlite3_context *ctx)
{
    if (cursor->has_score) {
        sqlite3_result_double(ctx, cursor->score);
        return SQLITE_OK;
    }
    if (cursor->query == NULL || cursor->rank_function == NULL)
        return SQLITE_OK;
    const AuxFunction *aux =
        fts_connection_find_function(cursor->table->connection, cursor->rank_function);
    if (aux == NULL)
        return fts_table_error(cursor->table, SQLITE_ERROR,
                               sqlite3_mprintf("no such function: %s", cursor->rank_function));
    sqlite3_stmt *stmt;
    sqlite3_value *args[RANK_ARGS_MAX];
    TRY(rank_arguments(cursor, &stmt));
    fts_cursor_call(cursor, aux, ctx, rank_values(stmt, args), args);
    sqlite3_finalize(stmt);
    return SQLITE_OK;
}

int fts_cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    FtsCursor *cursor = (FtsCursor *)base;
    const FtsConfig *config = &cursor->table->config;
    if (column == config->column_count) {
        sqlite3_result_int64(ctx, cursor->id);
        return SQLITE_OK;
    }
    if (column == config->column_count + 1)
        return result_rank(cursor, ctx);
    // Without content there is no value; an UPDATE must be able to tell that from NULL.
    bool is_stored = config->content == CONTENT_NORMAL || config->content == CONTENT_EXTERNAL
                     || (config->content == CONTENT_UNINDEXED && config->is_unindexed[column]);
    if (!is_stored) {
        (void)sqlite3_vtab_nochange(ctx);
        return SQLITE_OK;
    }
    TRY(fts_cursor_seek_content(cursor));
    sqlite3_result_value(ctx, sqlite3_column_value(cursor->lookup, column + 1));
    return SQLITE_OK;
}

// --- auxiliary functions ---

void fts_cursor_call(FtsCursor *cursor, const AuxFunction *aux, sqlite3_context *ctx, int arg_count,
                     sqlite3_value **args)
{
    const AuxFunction *outer = cursor->aux;
    int rc = fts_cursor_seek_query(cursor);
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(ctx, rc);
        return;
    }
    cursor->aux = aux;
    aux->call(&fts_aux_api, (Fts5Context *)cursor, ctx, arg_count, args);
    cursor->aux = outer;
}

// The first argument is what the table's hidden column gave: the cursor's number.
static void call_function(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    const AuxFunction *aux = sqlite3_user_data(ctx);
    FtsCursor *cursor = fts_cursor_find(aux->connection, sqlite3_value_int64(args[0]));
    if (cursor == NULL) {
        char *message = sqlite3_mprintf("no such cursor: %lld", sqlite3_value_int64(args[0]));
        sqlite3_result_error(ctx, message, -1);
        sqlite3_free(message);
        return;
    }
    fts_cursor_call(cursor, aux, ctx, arg_count - 1, args + 1);
}

int fts_cursor_find_function(sqlite3_vtab *vtab, int arg_count, const char *name,
                             void (**function)(sqlite3_context *, int, sqlite3_value **),
                             void **user_data)
{
    (void)arg_count;
    AuxFunction *aux = fts_connection_find_function(((FtsTable *)vtab)->connection, name);
    if (aux == NULL)
        return 0;
    *function = call_function;
    *user_data = aux;
    return 1;
}
