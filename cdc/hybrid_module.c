// hybrid_search(table, query, vector, k): a table-valued function; and rrf().
//
// Everything is done in xFilter: both legs run to their end and are fused, for no row of the answer
// is known before the last row of either. xBestIndex asks for the plans of the legs where it knows
// the arguments, and hands them over as idxStr, which is what EXPLAIN QUERY PLAN prints.
#include "cdc/hybrid.h"

enum {
    COLUMN_SCORE,
    COLUMN_TEXT_RANK,
    COLUMN_VECTOR_RANK,
    COLUMN_TEXT_SCORE,
    COLUMN_DISTANCE,
    COLUMN_ROW,
    FIRST_ARGUMENT // the arguments follow as hidden columns, in the order of HybridArgument
};

static const char declaration[] =
    "CREATE TABLE x(score REAL, text_rank INTEGER, vector_rank INTEGER, text_score REAL,"
    " distance REAL, id INTEGER, tbl HIDDEN, query HIDDEN, vector HIDDEN, k HIDDEN, filter HIDDEN,"
    " fts HIDDEN, vectors HIDDEN, vector_key HIDDEN, vector_column HIDDEN, method HIDDEN,"
    " text_weight HIDDEN, vector_weight HIDDEN, candidates HIDDEN, metric HIDDEN, syntax HIDDEN,"
    " rrf_k HIDDEN)";

typedef struct SearchTable {
    sqlite3_vtab base;
    sqlite3 *db;
} SearchTable;

typedef struct SearchCursor {
    sqlite3_vtab_cursor base;
    HybridHit *hits;
    int count, at;
} SearchCursor;

static int search_connect(sqlite3 *db, void *client, int count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    (void)client, (void)count, (void)args, (void)message;
    TRY(sqlite3_declare_vtab(db, declaration));
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY); // the filter is SQL
    SearchTable *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (SearchTable){.db = db};
    *out = &table->base;
    return SQLITE_OK;
}

static int search_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int take_error(sqlite3_vtab *table, HybridQuery *query, int rc)
{
    if (rc != SQLITE_OK && query->error != NULL) {
        sqlite3_free(table->zErrMsg);
        table->zErrMsg = sqlite3_mprintf("hybrid_search: %s", query->error);
    }
    return rc;
}

// --- planning ---

// The lines of a statement's plan, with commas between.
static int append_plan(sqlite3 *db, sqlite3_str *out, const char *name, const char *sql)
{
    ASSERT(sql != NULL);

    sqlite3_stmt *stmt;
    int step;
    TRY(sql_prepare(db, &stmt, "EXPLAIN QUERY PLAN %s", sql));
    sqlite3_str_appendf(out, "%s%s leg:", sqlite3_str_length(out) > 0 ? "; " : "", name);
    const char *separator = " ";
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        sqlite3_str_appendf(out, "%s%s", separator, sqlite3_column_text(stmt, 3));
        separator = ", ";
    }
    return stmt_close(stmt, step);
}

static int append_plans(HybridQuery *query, sqlite3_str *out)
{
    char *text;
    char *vector;
    TRY(hybrid_text_sql(query, &text));
    int rc = text == NULL ? SQLITE_OK : append_plan(query->db, out, "text", text);
    sqlite3_free(text);
    TRY(rc);
    TRY(hybrid_vector_sql(query, &vector));
    rc = vector == NULL ? SQLITE_OK : append_plan(query->db, out, "vector", vector);
    sqlite3_free(vector);
    if (rc == SQLITE_OK)
        sqlite3_str_appendf(out, "; fused by %s", query->method == FUSION_RRF ? "rrf" : "sum");
    return rc;
}

// The plans of the legs, where the arguments are known when the statement is prepared. Otherwise,
// and when a leg has an error, which running it will tell, *out stays NULL.
static int describe(sqlite3 *db, sqlite3_index_info *info, const int *at, char **out)
{
    sqlite3_value *args[HYBRID_ARGUMENTS] = {0};
    HybridQuery query = {0};
    *out = NULL;
    for (int i = 0; i < HYBRID_ARGUMENTS; i++) {
        if (at[i] >= 0 && sqlite3_vtab_rhs_value(info, at[i], &args[i]) != SQLITE_OK
            && i != ARG_VECTOR)
            return SQLITE_OK;
    }
    // A vector is rarely a constant; that there will be one is enough for the plan.
    sqlite3_value *stand_in = args[ARG_TABLE];
    if (at[ARG_VECTOR] >= 0 && args[ARG_VECTOR] == NULL)
        args[ARG_VECTOR] = stand_in;
    sqlite3_str *text = sqlite3_str_new(db);
    int rc = hybrid_query_read(&query, db, args);
    if (rc == SQLITE_OK)
        rc = append_plans(&query, text);
    hybrid_query_free(&query);
    char *plans = sqlite3_str_finish(text);
    if (rc == SQLITE_OK)
        *out = plans;
    else
        sqlite3_free(plans);
    return rc == SQLITE_NOMEM ? rc : SQLITE_OK;
}

static int find_arguments(const sqlite3_index_info *info, int *at)
{
    for (int i = 0; i < HYBRID_ARGUMENTS; i++)
        at[i] = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        int argument = info->aConstraint[i].iColumn - FIRST_ARGUMENT;
        if (argument < 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        at[argument] = i;
    }
    return at[ARG_TABLE] < 0 ? SQLITE_CONSTRAINT : SQLITE_OK;
}

// idxNum: a bit for each argument given; they are handed over in order.
static int search_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const SearchTable *table = (const SearchTable *)base;
    int at[HYBRID_ARGUMENTS];
    int given = 0;
    TRY(find_arguments(info, at));
    for (int i = 0; i < HYBRID_ARGUMENTS; i++) {
        if (at[i] < 0)
            continue;
        info->aConstraintUsage[at[i]].argvIndex = ++given;
        info->aConstraintUsage[at[i]].omit = 1;
        info->idxNum |= 1 << i;
    }
    bool by_best =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == COLUMN_SCORE && info->aOrderBy[0].desc;
    info->orderByConsumed = by_best;
    info->estimatedRows = 10;
    info->estimatedCost = 10000;
    TRY(describe(table->db, info, at, &info->idxStr));
    info->needToFreeIdxStr = info->idxStr != NULL;
    return SQLITE_OK;
}

// --- reading ---

static int search_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    SearchCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int search_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(((SearchCursor *)base)->hits);
    sqlite3_free(base);
    return SQLITE_OK;
}

static int search_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int count,
                         sqlite3_value **given)
{
    ASSERT(count <= HYBRID_ARGUMENTS);

    (void)plan_text, (void)count;
    SearchCursor *cursor = (SearchCursor *)base;
    sqlite3_value *args[HYBRID_ARGUMENTS] = {0};
    HybridQuery query = {0};
    int next = 0;
    for (int i = 0; i < HYBRID_ARGUMENTS; i++) {
        if ((plan & (1 << i)) != 0)
            args[i] = given[next++];
    }
    sqlite3_free(cursor->hits);
    *cursor = (SearchCursor){.base = cursor->base};
    int rc = hybrid_query_read(&query, ((SearchTable *)base->pVtab)->db, args);
    if (rc == SQLITE_OK)
        rc = hybrid_run(&query, &cursor->hits, &cursor->count);
    rc = take_error(base->pVtab, &query, rc);
    hybrid_query_free(&query);
    return rc;
}

static int search_next(sqlite3_vtab_cursor *base)
{
    ((SearchCursor *)base)->at++;
    return SQLITE_OK;
}

static int search_eof(sqlite3_vtab_cursor *base)
{
    const SearchCursor *cursor = (const SearchCursor *)base;
    return cursor->at >= cursor->count;
}

static int search_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    ASSERT(!search_eof(base));

    const SearchCursor *cursor = (const SearchCursor *)base;
    const HybridHit *hit = &cursor->hits[cursor->at];
    switch (column) {
    case COLUMN_SCORE: sqlite3_result_double(ctx, hit->score); break;
    case COLUMN_TEXT_RANK:
        if (hit->text_rank > 0)
            sqlite3_result_int(ctx, hit->text_rank);
        break;
    case COLUMN_VECTOR_RANK:
        if (hit->vector_rank > 0)
            sqlite3_result_int(ctx, hit->vector_rank);
        break;
    case COLUMN_TEXT_SCORE:
        if (hit->text_rank > 0)
            sqlite3_result_double(ctx, hit->text_score);
        break;
    case COLUMN_DISTANCE:
        if (hit->vector_rank > 0)
            sqlite3_result_double(ctx, hit->distance);
        break;
    case COLUMN_ROW: sqlite3_result_int64(ctx, hit->rowid); break;
    default: break; // an argument, which SQLite knows
    }
    return SQLITE_OK;
}

static int search_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    const SearchCursor *cursor = (const SearchCursor *)base;
    *out = cursor->hits[cursor->at].rowid;
    return SQLITE_OK;
}

// No xCreate: the table exists by its name alone.
static const sqlite3_module search_methods = {
    .iVersion = 0,
    .xConnect = search_connect,
    .xBestIndex = search_best_index,
    .xDisconnect = search_disconnect,
    .xOpen = search_open,
    .xClose = search_close,
    .xFilter = search_filter,
    .xNext = search_next,
    .xEof = search_eof,
    .xColumn = search_column,
    .xRowid = search_rowid,
};

// --- rrf() ---

// rrf(rank1, rank2 [, k [, weight1, weight2]]): the sum of weight / (k + rank); a NULL rank adds
// nothing. k is 60, the weights are 1.
static void rrf(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count == 2 || count == 3 || count == 5);

    f64 k = count > 2 ? sqlite3_value_double(args[2]) : 60;
    f64 sum = 0;
    for (int i = 0; i < 2; i++) {
        f64 weight = count > 4 ? sqlite3_value_double(args[3 + i]) : 1;
        f64 rank = sqlite3_value_double(args[i]);
        if (sqlite3_value_type(args[i]) != SQLITE_NULL && k + rank > 0)
            sum += weight / (k + rank);
    }
    sqlite3_result_double(ctx, sum);
}

int hybrid_register(sqlite3 *db)
{
    static const int counts[] = {2, 3, 5};
    for (int i = 0; i < ARRAY_LEN(counts); i++)
        TRY(sqlite3_create_function_v2(db, "rrf", counts[i],
                                       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                       rrf, NULL, NULL, NULL));
    return sqlite3_create_module_v2(db, "hybrid_search", &search_methods, NULL, NULL);
}
