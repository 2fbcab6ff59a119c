// Cursors of an index: which constraints it uses, and the rows in order of distance.
//
// With `k` a cursor holds the k nearest rows that pass the constraints on id. Without, it goes on
// for as long as it is asked: first with a batch as large as LIMIT lets guess, then a larger one,
// then with all rows of the table. So a join or any other condition on top gets as many rows as
// there are. A row that a small batch had missed and whose turn is over comes at the very end.
#include "vector/index/index_cursor.h"

#include "vector/index/index_prefix.h"
#include "vector/vector_text.h"

#include <math.h>

const char index_filter_pointer[] = "vector_row_filter";

// What of a plan is present; arguments come in the order of these bits.
enum {
    PLAN_QUERY = 1 << 0,
    PLAN_K = 1 << 1,
    PLAN_RECALL = 1 << 2,
    PLAN_FILTER = 1 << 3,
    PLAN_ID_LIST = 1 << 4,
    PLAN_ID_EQUAL = 1 << 5,
    PLAN_ID_ABOVE = 1 << 6,
    PLAN_ID_FROM = 1 << 7,
    PLAN_ID_BELOW = 1 << 8,
    PLAN_ID_UP_TO = 1 << 9,
    PLAN_NEARER = 1 << 10,
    PLAN_LIMIT = 1 << 11,
    PLAN_OFFSET = 1 << 12,
    PLAN_PREFIX = 1 << 13, // and on: PREFIX_MAX columns
};
enum {
    PREFIX_BIT = 13,
    PLAN_BITS = PREFIX_BIT + PREFIX_MAX,
    // Not arguments: the prefix column of that number is compared by IS, so NULL is a value.
    PLAN_PREFIX_IS = 1 << PLAN_BITS,
};

typedef struct IndexCursor {
    sqlite3_vtab_cursor base;
    // The search.
    Vector query;
    u8 *query_owned; // a copy of the query's elements
    f64 recall;
    PrefixValues prefix;
    RowFilter filter;
    const RowFilter *filter_used; // the own one, or one that was passed in
    bool has_k, has_query;
    size_t k;
    f64 nearer; // rows further away are not wanted
    // What it found.
    Match *matches; // of this batch, in order
    size_t count, at;
    Match *seen; // of all batches, in order
    size_t seen_count;
    Match *late; // see above
    size_t late_count;
    size_t batch_size;
    bool is_last; // there is no further batch
    SearchPlan plan;
    // Without a query: the table's rows.
    sqlite3_stmt *rows;
    bool is_at_end;
} IndexCursor;

static Index *index_of(const IndexCursor *cursor)
{
    return (Index *)cursor->base.pVtab;
}

// --- plans ---

typedef struct PlanChoice {
    int constraint[PLAN_BITS]; // by bit; -1: none
    bool query_is_missing;     // one is there but cannot be used here
} PlanChoice;

static int prefix_bit_of(int column, int op)
{
    bool is_equal = op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_IS
                    || op == SQLITE_INDEX_CONSTRAINT_ISNULL;
    ASSERT(column >= INDEX_PREFIX && column < INDEX_PREFIX + PREFIX_MAX);

    return is_equal ? PREFIX_BIT + column - INDEX_PREFIX : -1;
}

static int bit_of(int column, int op)
{
    bool is_equal = op == SQLITE_INDEX_CONSTRAINT_EQ;
    if (op == SQLITE_INDEX_CONSTRAINT_LIMIT)
        return 11;
    if (op == SQLITE_INDEX_CONSTRAINT_OFFSET)
        return 12;
    if (column >= INDEX_PREFIX)
        return prefix_bit_of(column, op);
    switch (column) {
    case INDEX_QUERY:
    case INDEX_COMMAND: return is_equal || op == SQLITE_INDEX_CONSTRAINT_MATCH ? 0 : -1;
    case INDEX_K: return is_equal ? 1 : -1;
    case INDEX_RECALL: return is_equal ? 2 : -1;
    case INDEX_FILTER: return is_equal ? 3 : -1;
    case INDEX_DISTANCE:
        return op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE ? 10 : -1;
    case -1: // the rowid, which is the id
    case INDEX_ID: break;
    default: return -1;
    }
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return 5;
    case SQLITE_INDEX_CONSTRAINT_GT: return 6;
    case SQLITE_INDEX_CONSTRAINT_GE: return 7;
    case SQLITE_INDEX_CONSTRAINT_LT: return 8;
    case SQLITE_INDEX_CONSTRAINT_LE: return 9;
    default: return -1;
    }
}

// A list of values, and a collation of the query's, are left to the core to test row by row.
static bool prefix_is_usable(sqlite3_index_info *info, int constraint)
{
    const char *collation = sqlite3_vtab_collation(info, constraint);
    ASSERT(constraint < info->nConstraint);

    return !sqlite3_vtab_in(info, constraint, -1)
           && (collation == NULL || sqlite3_stricmp(collation, "BINARY") == 0);
}

static void choose_constraints(sqlite3_index_info *info, PlanChoice *choice)
{
    *choice = (PlanChoice){.query_is_missing = false};
    for (int bit = 0; bit < PLAN_BITS; bit++)
        choice->constraint[bit] = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        int bit = bit_of(info->aConstraint[i].iColumn, info->aConstraint[i].op);
        if (bit < 0)
            continue;
        if (!info->aConstraint[i].usable) {
            choice->query_is_missing |= bit <= 3;
            continue;
        }
        if (bit == 5 && sqlite3_vtab_in(info, i, -1))
            bit = 4;
        if (bit >= PREFIX_BIT && !prefix_is_usable(info, i))
            continue;
        if (choice->constraint[bit] < 0)
            choice->constraint[bit] = i;
    }
}

static bool order_is_ours(const sqlite3_index_info *info)
{
    if (info->nOrderBy < 1 || info->nOrderBy > 2)
        return false;
    for (int i = 0; i < info->nOrderBy; i++) {
        int column = info->aOrderBy[i].iColumn;
        bool is_id = column == INDEX_ID || column == -1;
        if (info->aOrderBy[i].desc || !(i == 0 ? column == INDEX_DISTANCE : is_id))
            return false;
    }
    return true;
}

static void use_constraint(sqlite3_index_info *info, int constraint, int bit, int *arg_count)
{
    info->aConstraintUsage[constraint].argvIndex = ++*arg_count;
    // What cannot be tested on a row by anybody else must be omitted; the rest costs little.
    info->aConstraintUsage[constraint].omit = bit <= 4 || bit >= PREFIX_BIT;
    if (bit >= PREFIX_BIT && info->aConstraint[constraint].op != SQLITE_INDEX_CONSTRAINT_EQ)
        info->idxNum |= PLAN_PREFIX_IS << (bit - PREFIX_BIT);
    if (bit == 4)
        (void)sqlite3_vtab_in(info, constraint, 1);
}

// "tenant=?, ", where a prefix is given.
static void append_prefix(Index *index, int plan, sqlite3_str *out)
{
    const IndexConfig *config = &index->config;
    const char *separator = "";
    ASSERT(config->prefix_count <= PREFIX_MAX);

    for (u32 i = 0; i < config->prefix_count; i++) {
        if ((plan & PLAN_PREFIX << i) == 0)
            continue;
        sqlite3_str_appendf(out, "%s%s=?", separator, config->prefix[i].name);
        separator = " AND ";
    }
    if (*separator != 0)
        sqlite3_str_appendall(out, ", ");
}

// What EXPLAIN QUERY PLAN shows. The state may be unreadable here: then the search will say why.
static char *plan_text(Index *index, int plan)
{
    const IndexState *state = &index->state;
    const char *table = index->config.table;
    sqlite3_str *out = sqlite3_str_new(index->db);
    ASSERT((plan & PLAN_QUERY) != 0);

    if (state_read(index) != SQLITE_OK) {
        sqlite3_str_appendall(out, "vector index");
        return sqlite3_str_finish(out);
    }
    append_prefix(index, plan, out);
    if (state->is_stale)
        sqlite3_str_appendf(out, "exact scan of \"%w\": index is stale", table);
    else if (state->list_count == 0)
        sqlite3_str_appendf(out, "tier 0: exact scan of \"%w\"", table);
    else if (state->list_count == 1)
        sqlite3_str_appendf(out, "tier 1: codes of %lld rows, re-rank by \"%w\"",
                            (long long)state->row_count, table);
    else
        sqlite3_str_appendf(out, "tier 2: about %d of %u lists, re-rank by \"%w\"",
                            (int)ceilf(state->probe_mean), state->list_count, table);
    return sqlite3_str_finish(out);
}

int index_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    Index *index = (Index *)table;
    PlanChoice choice;
    choose_constraints(info, &choice);
    bool has_query = choice.constraint[0] >= 0;
    if (!has_query && choice.query_is_missing)
        return SQLITE_CONSTRAINT;
    info->estimatedCost = 1e6;
    info->estimatedRows = 1000000;
    if (!has_query) // rows of the table, in no special order
        return SQLITE_OK;
    int arg_count = 0;
    for (int bit = 0; bit < PLAN_BITS; bit++)
        if (choice.constraint[bit] >= 0) {
            info->idxNum |= 1 << bit;
            use_constraint(info, choice.constraint[bit], bit, &arg_count);
        }
    info->idxStr = plan_text(index, info->idxNum);
    if (info->idxStr == NULL)
        return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    info->orderByConsumed = order_is_ours(info);
    info->estimatedCost = 1000;
    info->estimatedRows = (info->idxNum & PLAN_K) != 0 ? 10 : 1000;
    if ((info->idxNum & PLAN_ID_EQUAL) != 0)
        info->estimatedRows = 1;
    return SQLITE_OK;
}

// --- cursors ---

int index_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    IndexCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    filter_init(&cursor->filter);
    *out = &cursor->base;
    return SQLITE_OK;
}

// Everything but the virtual table it belongs to.
static void cursor_reset(IndexCursor *cursor)
{
    sqlite3_vtab *table = cursor->base.pVtab;
    sqlite3_free(cursor->query_owned);
    prefix_values_deinit(&cursor->prefix);
    filter_deinit(&cursor->filter);
    sqlite3_free(cursor->matches);
    sqlite3_free(cursor->seen);
    sqlite3_free(cursor->late);
    sqlite3_finalize(cursor->rows);
    memset(cursor, 0, sizeof *cursor);
    cursor->base.pVtab = table;
    filter_init(&cursor->filter);
}

int index_close(sqlite3_vtab_cursor *base)
{
    IndexCursor *cursor = (IndexCursor *)base;
    cursor_reset(cursor);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// --- arguments ---

static int encode_as(VectorType type, const Vector *vector, u8 **owned, Vector *out,
                     VectorError *error)
{
    Elements elements = {.values = NULL};
    size_t size;
    u8 *blob = NULL;
    TRY(elements_of(vector, 0, &elements, error));
    int rc = vector_encode(type, elements.values, elements.count, &blob, &size);
    elements_deinit(&elements);
    TRY(rc);
    sqlite3_free(*owned);
    *owned = blob;
    return vector_decode(blob, size, out, error);
}

static int read_text(sqlite3_value *value, Vector *out, u8 **owned, VectorError *error)
{
    const char *text = (const char *)sqlite3_value_text(value);
    Elements elements = {.values = NULL};
    size_t size = 0;
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = vector_parse(text, true, &elements, error);
    if (rc == SQLITE_OK)
        rc = vector_encode(VECTOR_F32, elements.values, elements.count, owned, &size);
    elements_deinit(&elements);
    return rc == SQLITE_OK ? vector_decode(*owned, size, out, error) : rc;
}

// The value's bytes are gone once the statement moves on: they are copied.
static int read_blob(sqlite3_value *value, Vector *out, u8 **owned, VectorError *error)
{
    const u8 *blob = sqlite3_value_blob(value);
    size_t size = (size_t)sqlite3_value_bytes(value);
    *owned = sqlite3_malloc64(size + 1);
    if (*owned == NULL || (blob == NULL && size > 0))
        return SQLITE_NOMEM;
    if (size > 0)
        memcpy(*owned, blob, size);
    return vector_decode(*owned, size, out, error);
}

int index_query_read(Index *index, sqlite3_value *value, Vector *out, u8 **owned)
{
    VectorError error;
    int type = sqlite3_value_type(value);
    *owned = NULL;
    if (type != SQLITE_TEXT && type != SQLITE_BLOB)
        return index_fail(index, SQLITE_ERROR, "vector index \"%s\": a query is a vector",
                          index->config.name);
    int rc = type == SQLITE_TEXT ? read_text(value, out, owned, &error)
                                 : read_blob(value, out, owned, &error);
    bool is_bits = index->config.metric == METRIC_HAMMING;
    if (rc == SQLITE_OK && (out->type == VECTOR_SPARSE || is_bits != (out->type == VECTOR_1BIT)))
        rc = encode_as(is_bits ? VECTOR_1BIT : VECTOR_F32, out, owned, out, &error);
    if (rc == SQLITE_ERROR)
        return index_fail(index, rc, "vector index \"%s\": %s", index->config.name, error.text);
    TRY(rc);
    u32 dims = index->state.dims != 0 ? index->state.dims : index->config.dims;
    if (dims != 0 && out->dims != dims)
        return index_fail(index, SQLITE_ERROR,
                          "vector index \"%s\": the query has %d dimensions, not %u",
                          index->config.name, (int)out->dims, dims);
    return SQLITE_OK;
}

// Narrows the range of ids to those that compare so with a value of any type.
static void narrow(RowFilter *filter, int bit, sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    bool is_upper = bit == PLAN_ID_BELOW || bit == PLAN_ID_UP_TO;
    i64 whole = sqlite3_value_int64(value);
    if (type == SQLITE_FLOAT) {
        f64 exact = sqlite3_value_double(value);
        if ((f64)whole != exact && bit == PLAN_ID_EQUAL)
            type = SQLITE_NULL;
        else if ((f64)whole != exact) // cut towards zero: the bound itself decides no more
            bit = is_upper ? ((f64)whole < exact ? PLAN_ID_UP_TO : PLAN_ID_BELOW)
                           : ((f64)whole < exact ? PLAN_ID_ABOVE : PLAN_ID_FROM);
    }
    bool is_number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    if (!is_number && (type == SQLITE_NULL || !is_upper)) {
        filter->first = 1, filter->last = 0; // numbers come before texts; NULL compares with none
        return;
    }
    if (!is_number)
        return;
    bool is_open = bit == PLAN_ID_ABOVE || bit == PLAN_ID_BELOW;
    if (is_open && whole == (is_upper ? INT64_MIN : INT64_MAX)) {
        filter->first = 1, filter->last = 0;
        return;
    }
    i64 bound = whole + (is_open ? (is_upper ? -1 : 1) : 0);
    if (!is_upper && bound > filter->first)
        filter->first = bound;
    if ((is_upper || bit == PLAN_ID_EQUAL) && bound < filter->last)
        filter->last = bound;
}

static int take_k(IndexCursor *cursor, sqlite3_value *value)
{
    i64 k = sqlite3_value_int64(value);
    if (sqlite3_value_type(value) == SQLITE_NULL)
        return SQLITE_OK; // as if it were not there
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || k < 0)
        return index_fail(index_of(cursor), SQLITE_ERROR,
                          "vector index \"%s\": k must be a whole number and not negative",
                          index_of(cursor)->config.name);
    cursor->has_k = true;
    cursor->k = (size_t)k;
    return SQLITE_OK;
}

static int take_recall(IndexCursor *cursor, sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_NULL)
        return SQLITE_OK;
    f64 recall = sqlite3_value_double(value);
    if (!(recall >= 0 && recall <= 1))
        return index_fail(index_of(cursor), SQLITE_ERROR,
                          "vector index \"%s\": recall must be from 0 to 1",
                          index_of(cursor)->config.name);
    cursor->recall = recall;
    return SQLITE_OK;
}

static int take_prefix(IndexCursor *cursor, int plan, int bit, sqlite3_value *value)
{
    int position = bit - PREFIX_BIT;
    ASSERT(position >= 0 && position < PREFIX_MAX);

    bool is_null_equal = (plan & PLAN_PREFIX_IS << position) != 0;
    return prefix_values_set(&cursor->prefix, (u32)position, value, is_null_equal);
}

static int take_argument(IndexCursor *cursor, int bit, sqlite3_value *value)
{
    Index *index = index_of(cursor);
    const RowFilter *passed;
    switch (bit) {
    case PLAN_QUERY:
        cursor->has_query = true;
        return index_query_read(index, value, &cursor->query, &cursor->query_owned);
    case PLAN_K: return take_k(cursor, value);
    case PLAN_RECALL: return take_recall(cursor, value);
    case PLAN_FILTER:
        passed = sqlite3_value_pointer(value, index_filter_pointer);
        if (passed != NULL)
            cursor->filter_used = passed;
        return SQLITE_OK;
    case PLAN_ID_LIST: return filter_take_list(&cursor->filter, value);
    case PLAN_NEARER: cursor->nearer = sqlite3_value_double(value); return SQLITE_OK;
    case PLAN_LIMIT:
    case PLAN_OFFSET:
        if (sqlite3_value_int64(value) > 0 && sqlite3_value_int64(value) < 1000000)
            cursor->batch_size += (size_t)sqlite3_value_int64(value);
        return SQLITE_OK;
    default: narrow(&cursor->filter, bit, value); return SQLITE_OK;
    }
}

// --- batches ---

enum { BATCH_FIRST = 32, BATCH_FACTOR = 8, BATCH_COUNT = 2 };

// Keeps of the new matches those that no earlier batch had; the ones whose turn is over are late.
static int sort_out_seen(IndexCursor *cursor)
{
    size_t kept = 0, at_seen = 0;
    const Match *last = cursor->seen_count > 0 ? &cursor->seen[cursor->seen_count - 1] : NULL;
    Match *late =
        sqlite3_realloc64(cursor->late, (cursor->late_count + cursor->count + 1) * sizeof *late);
    if (late == NULL)
        return SQLITE_NOMEM;
    cursor->late = late;
    for (size_t i = 0; i < cursor->count; i++) {
        const Match *match = &cursor->matches[i];
        while (at_seen < cursor->seen_count && match_is_before(&cursor->seen[at_seen], match))
            at_seen++;
        if (at_seen < cursor->seen_count && cursor->seen[at_seen].rowid == match->rowid
            && cursor->seen[at_seen].distance == match->distance)
            continue;
        if (last != NULL && match_is_before(match, last))
            cursor->late[cursor->late_count++] = *match;
        else
            cursor->matches[kept++] = *match;
    }
    cursor->count = kept;
    return SQLITE_OK;
}

// What is late in one batch would be found anew by the next, so only the last one's are kept.
static int remember_seen(IndexCursor *cursor)
{
    Match *seen =
        sqlite3_realloc64(cursor->seen, (cursor->seen_count + cursor->count + 1) * sizeof *seen);
    if (seen == NULL)
        return SQLITE_NOMEM;
    cursor->seen = seen;
    if (cursor->count > 0)
        memcpy(seen + cursor->seen_count, cursor->matches, cursor->count * sizeof *seen);
    cursor->seen_count += cursor->count;
    return SQLITE_OK;
}

static int next_batch(IndexCursor *cursor, size_t k, f64 recall)
{
    SearchResult result;
    const SearchScope scope = {cursor->filter_used,
                               cursor->prefix.mask != 0 ? &cursor->prefix : NULL};
    TRY(index_search(index_of(cursor), &cursor->query, k, recall, scope, &result));
    sqlite3_free(cursor->matches);
    cursor->matches = result.matches;
    cursor->count = result.count;
    cursor->at = 0;
    cursor->plan = result.plan;
    cursor->late_count = 0;
    cursor->is_last |= cursor->has_k || result.is_complete;
    TRY(sort_out_seen(cursor));
    return cursor->is_last ? SQLITE_OK : remember_seen(cursor);
}

// Goes on until there is a row or nothing further.
static int fill(IndexCursor *cursor)
{
    while (cursor->at >= cursor->count && !cursor->is_last) {
        bool is_approximate = cursor->batch_size < SIZE_MAX;
        size_t next = cursor->batch_size * BATCH_FACTOR;
        cursor->is_last = !is_approximate;
        TRY(next_batch(cursor, cursor->batch_size, is_approximate ? cursor->recall : 1));
        cursor->batch_size = next > 1000000 || cursor->seen_count > 1000 ? SIZE_MAX : next;
        if (!is_approximate)
            cursor->batch_size = SIZE_MAX;
    }
    if (cursor->at >= cursor->count && cursor->late_count > 0) {
        sqlite3_free(cursor->matches);
        cursor->matches = cursor->late;
        cursor->count = cursor->late_count;
        cursor->at = 0;
        cursor->late = NULL;
        cursor->late_count = 0;
    }
    cursor->is_at_end =
        cursor->at >= cursor->count || cursor->matches[cursor->at].distance > cursor->nearer;
    return SQLITE_OK;
}

// --- without a query ---

static int list_rows(IndexCursor *cursor)
{
    const IndexConfig *c = &index_of(cursor)->config;
    char *sql = sqlite3_mprintf("SELECT %s FROM \"%w\".\"%w\" WHERE \"%w\" IS NOT NULL", c->rowid,
                                c->schema, c->table, c->column);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(index_of(cursor)->db, sql, -1, &cursor->rows, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK)
        return index_fail(index_of(cursor), rc, "%s", sqlite3_errmsg(index_of(cursor)->db));
    return index_next(&cursor->base);
}

static int rows_step(IndexCursor *cursor)
{
    int rc = sqlite3_step(cursor->rows);
    cursor->is_at_end = rc != SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// --- methods ---

int index_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int arg_count,
                 sqlite3_value **args)
{
    (void)text, (void)arg_count;
    IndexCursor *cursor = (IndexCursor *)base;
    Index *index = index_of(cursor);
    cursor_reset(cursor);
    cursor->recall = index->config.recall;
    cursor->nearer = INFINITY;
    cursor->filter_used = &cursor->filter;
    TRY(state_read(index));
    TRY(index_maintain(index));
    int at = 0;
    for (int bit = 0; bit < PLAN_BITS; bit++)
        if ((plan & 1 << bit) != 0) {
            ASSERT(at < arg_count);

            TRY(bit >= PREFIX_BIT ? take_prefix(cursor, plan, bit, args[at++])
                                  : take_argument(cursor, 1 << bit, args[at++]));
        }
    if (!cursor->has_query)
        return list_rows(cursor);
    cursor->batch_size = cursor->has_k            ? cursor->k
                         : cursor->batch_size > 0 ? cursor->batch_size
                                                  : BATCH_FIRST;
    if ((cursor->has_k && cursor->k == 0) || cursor->prefix.is_none)
        cursor->is_last = true;
    return fill(cursor);
}

int index_next(sqlite3_vtab_cursor *base)
{
    IndexCursor *cursor = (IndexCursor *)base;
    if (cursor->rows != NULL)
        return rows_step(cursor);
    cursor->at++;
    return fill(cursor);
}

int index_eof(sqlite3_vtab_cursor *base)
{
    return ((const IndexCursor *)base)->is_at_end;
}

static void result_plan(const IndexCursor *cursor, sqlite3_context *ctx)
{
    const SearchPlan *plan = &cursor->plan;
    char text[120];
    if (plan->is_exact)
        sqlite3_snprintf((int)sizeof text, text, "exact: %u rows compared", plan->reranked);
    else
        sqlite3_snprintf((int)sizeof text, text, "tier %d: %u of %u lists, %u rows re-ranked",
                         plan->list_count == 1 ? 1 : 2, plan->lists_probed, plan->list_count,
                         plan->reranked);
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static i64 rowid_of(const IndexCursor *cursor)
{
    ASSERT(cursor->rows != NULL || cursor->at < cursor->count);

    return cursor->rows != NULL ? sqlite3_column_int64(cursor->rows, 0)
                                : cursor->matches[cursor->at].rowid;
}

// A prefix column's value, from the table.
static int result_prefix(const IndexCursor *cursor, sqlite3_context *ctx, int position)
{
    Index *index = index_of(cursor);
    sqlite3_stmt *stmt;
    ASSERT(position >= 0 && position < (int)index->config.prefix_count);

    i64 rowid = rowid_of(cursor);
    TRY(store_statement(index, STORE_PREFIX_OF_ROW, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_result_value(ctx, sqlite3_column_value(stmt, position));
    return sqlite3_reset(stmt);
}

int index_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const IndexCursor *cursor = (const IndexCursor *)base;
    bool is_row = cursor->rows != NULL;
    if (column >= INDEX_PREFIX)
        return result_prefix(cursor, ctx, column - INDEX_PREFIX);
    if (column == INDEX_ID && is_row)
        sqlite3_result_int64(ctx, sqlite3_column_int64(cursor->rows, 0));
    else if (column == INDEX_ID)
        sqlite3_result_int64(ctx, cursor->matches[cursor->at].rowid);
    else if (column == INDEX_DISTANCE && !is_row)
        sqlite3_result_double(ctx, cursor->matches[cursor->at].distance);
    else if (column == INDEX_PLAN && !is_row)
        result_plan(cursor, ctx);
    return SQLITE_OK;
}

int index_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = rowid_of((const IndexCursor *)base);
    return SQLITE_OK;
}
