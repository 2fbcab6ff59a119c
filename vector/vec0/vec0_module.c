// The virtual table module vec0: plans and cursors.
//
// A plan is told as sqlite-vec tells it: idxStr is "1" for all rows, "2!___" for one key, and for
// the nearest rows "3{___}___" followed by four characters for each further constraint: its kind,
// column and comparison. idxNum is then the vector column's number.
#include "vector/vec0/vec0.h"

enum { CONSTRAINTS_MAX = 64 };

typedef struct Vec0Cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *rows; // all rows of v_rowids, for a full scan
    Match *matches;     // or the rows that were found
    size_t count, at;
    bool has_distance;
    bool is_at_end;
    Vec0Place place; // of the present row, once it was looked up
    bool has_place;
} Vec0Cursor;

static Vec0Table *table_of(const Vec0Cursor *cursor)
{
    return (Vec0Table *)cursor->base.pVtab;
}

// --- plans ---

typedef struct Vec0Plan {
    int match, k, limit, key; // constraints; -1: none
    bool has_offset, has_unusable_match;
} Vec0Plan;

static const char illegal_metadata[] =
    "An illegal WHERE constraint was provided on a vec0 metadata column in a KNN query. Only one "
    "of EQUALS, GREATER_THAN, LESS_THAN_OR_EQUAL, LESS_THAN, GREATER_THAN_OR_EQUAL, NOT_EQUALS is "
    "allowed.";

static int plan_read(Vec0Table *table, sqlite3_index_info *info, Vec0Plan *plan)
{
    const Vec0Config *c = &table->config;
    *plan = (Vec0Plan){.match = -1, .k = -1, .limit = -1, .key = -1};
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
        bool is_column = column >= 0 && column < c->column_count;
        bool is_match = op == SQLITE_INDEX_CONSTRAINT_MATCH && is_column
                        && c->columns[column].kind == VEC0_VECTOR;
        if (!info->aConstraint[i].usable) {
            plan->has_unusable_match |= is_match || column == c->column_count + 1;
            continue;
        }
        if (op == SQLITE_INDEX_CONSTRAINT_LIMIT) {
            plan->limit = i;
        } else if (op == SQLITE_INDEX_CONSTRAINT_OFFSET) {
            plan->has_offset = true;
        } else if (is_match) {
            if (plan->match >= 0)
                return vec0_fail(table, SQLITE_ERROR,
                                 "only 1 MATCH operator is allowed in a single vec0 query");
            plan->match = i;
        } else if (op == SQLITE_INDEX_CONSTRAINT_EQ && column == c->column_count + 1) {
            plan->k = i;
        } else if (op == SQLITE_INDEX_CONSTRAINT_EQ && (column == 0 || column == -1)) {
            plan->key = i;
        }
    }
    return SQLITE_OK;
}

static int check_order(Vec0Table *table, sqlite3_index_info *info)
{
    if (info->nOrderBy > 1)
        return vec0_fail(table, SQLITE_ERROR,
                         "Only a single 'ORDER BY distance' clause is allowed on vec0 KNN queries");
    if (info->nOrderBy == 0)
        return SQLITE_OK;
    if (info->aOrderBy[0].iColumn != table->config.column_count)
        return vec0_fail(table, SQLITE_ERROR,
                         "Only a single 'ORDER BY distance' clause is allowed on vec0 KNN queries, "
                         "not on other columns");
    if (info->aOrderBy[0].desc)
        return vec0_fail(table, SQLITE_ERROR,
                         "Only ascending in ORDER BY distance clause is supported, DESC is not "
                         "supported yet.");
    return SQLITE_OK;
}

static char compare_of(int op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return VEC0_EQ;
    case SQLITE_INDEX_CONSTRAINT_GT: return VEC0_GT;
    case SQLITE_INDEX_CONSTRAINT_LE: return VEC0_LE;
    case SQLITE_INDEX_CONSTRAINT_LT: return VEC0_LT;
    case SQLITE_INDEX_CONSTRAINT_GE: return VEC0_GE;
    case SQLITE_INDEX_CONSTRAINT_NE: return VEC0_NE;
    default: return 0;
    }
}

static char distance_compare_of(int op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_GT: return 'a';
    case SQLITE_INDEX_CONSTRAINT_GE: return 'b';
    case SQLITE_INDEX_CONSTRAINT_LT: return 'c';
    case SQLITE_INDEX_CONSTRAINT_LE: return 'd';
    default: return 0;
    }
}

static int metadata_compare(Vec0Table *table, const Vec0Column *column, bool is_in, int op,
                            char *compare)
{
    ASSERT(column->kind == VEC0_METADATA);

    *compare = compare_of(op);
    if (*compare == 0)
        return vec0_fail(table, SQLITE_ERROR, "%s", illegal_metadata);
    if (is_in && column->type != VEC0_INTEGER && column->type != VEC0_TEXT)
        return vec0_fail(table, SQLITE_ERROR,
                         "'xxx in (...)' is only available on INTEGER or TEXT metadata columns.");
    if (column->type == VEC0_BOOLEAN && *compare != VEC0_EQ && *compare != VEC0_NE)
        return vec0_fail(table, SQLITE_ERROR,
                         "ONLY EQUALS (=) or NOT_EQUALS (!=) operators are allowed on boolean "
                         "metadata columns.");
    if (is_in)
        *compare = VEC0_IN;
    return SQLITE_OK;
}

// The four characters of a constraint; none where it is left to the core.
static int constraint_code(Vec0Table *table, sqlite3_index_info *info, int i, char *code)
{
    const Vec0Config *c = &table->config;
    int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
    bool is_in = op == SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(info, i, -1);
    memcpy(code, "____", 4);
    code[0] = 0;
    if (column == c->column_count) {
        code[1] = distance_compare_of(op);
        if (code[1] == 0)
            return vec0_fail(table, SQLITE_ERROR,
                             "Illegal WHERE constraint on distance column in a KNN query. Only one "
                             "of GT, GE, LT, LE constraints are allowed.");
        code[0] = '*';
        return SQLITE_OK;
    }
    if (column <= 0 || column > c->column_count) {
        code[0] = (column == 0 || column == -1) && is_in ? '[' : 0;
        return SQLITE_OK;
    }
    const Vec0Column *found = &c->columns[column];
    code[1] = (char)('A' + found->index);
    if (found->kind == VEC0_PARTITION) {
        code[2] = compare_of(op);
        code[0] = code[2] != 0 ? ']' : 0;
    } else if (found->kind == VEC0_METADATA) {
        TRY(metadata_compare(table, found, is_in, op, &code[2]));
        code[0] = '&';
    } else if (found->kind == VEC0_AUXILIARY) {
        return vec0_fail(table, SQLITE_ERROR,
                         "An illegal WHERE constraint was provided on a vec0 auxiliary column in a "
                         "KNN query.");
    }
    return SQLITE_OK;
}

static void use(sqlite3_index_info *info, int constraint, int *arg_count, bool omit)
{
    info->aConstraintUsage[constraint].argvIndex = ++*arg_count;
    info->aConstraintUsage[constraint].omit = omit;
}

// Adds the constraints of one kind, so that they come in the order of kinds.
static int plan_kind(Vec0Table *table, sqlite3_index_info *info, const Vec0Plan *plan, char kind,
                     sqlite3_str *text)
{
    for (int i = 0; i < info->nConstraint; i++) {
        char code[4];
        if (!info->aConstraint[i].usable || i == plan->match || i == plan->k || i == plan->limit
            || info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_OFFSET)
            continue;
        TRY(constraint_code(table, info, i, code));
        int used = sqlite3_str_length(text) / 4; // arguments so far: "3{___}___" has two
        if (code[0] != kind || used >= CONSTRAINTS_MAX)
            continue;
        int arg_count = used;
        sqlite3_str_append(text, code, 4);
        use(info, i, &arg_count, true);
        if (code[0] == '[' || code[2] == VEC0_IN)
            (void)sqlite3_vtab_in(info, i, 1);
    }
    return SQLITE_OK;
}

static int plan_constraints(Vec0Table *table, sqlite3_index_info *info, const Vec0Plan *plan,
                            sqlite3_str *text)
{
    static const char kinds[] = {'[', ']', '&', '*'};
    for (int i = 0; i < ARRAY_LEN(kinds); i++)
        TRY(plan_kind(table, info, plan, kinds[i], text));
    return SQLITE_OK;
}

static int plan_nearest(Vec0Table *table, sqlite3_index_info *info, const Vec0Plan *plan)
{
    int arg_count = 0;
    if (plan->k >= 0 && plan->limit >= 0)
        return vec0_fail(table, SQLITE_ERROR, "Only LIMIT or 'k =?' can be provided, not both");
    if (plan->k < 0 && (plan->limit < 0 || plan->has_offset))
        return vec0_fail(table, SQLITE_ERROR,
                         "A LIMIT or 'k = ?' constraint is required on vec0 knn queries.");
    TRY(check_order(table, info));
    sqlite3_str *text = sqlite3_str_new(table->db);
    sqlite3_str_appendall(text, "3{___}___");
    use(info, plan->match, &arg_count, true);
    use(info, plan->k >= 0 ? plan->k : plan->limit, &arg_count, true);
    int rc = plan_constraints(table, info, plan, text);
    info->idxStr = sqlite3_str_finish(text);
    info->needToFreeIdxStr = 1;
    TRY(rc);
    if (info->idxStr == NULL)
        return SQLITE_NOMEM;
    info->idxNum = table->config.columns[info->aConstraint[plan->match].iColumn].index;
    info->orderByConsumed = 1;
    info->estimatedCost = 30;
    info->estimatedRows = 10;
    return SQLITE_OK;
}

static int vec0_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    Vec0Table *table = (Vec0Table *)base;
    Vec0Plan plan;
    TRY(plan_read(table, info, &plan));
    if (plan.match >= 0)
        return plan_nearest(table, info, &plan);
    if (plan.has_unusable_match)
        return SQLITE_CONSTRAINT;
    int arg_count = 0;
    const char *text = plan.key >= 0 ? "2!___" : "1";
    if (plan.key >= 0) {
        use(info, plan.key, &arg_count, true);
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    }
    info->idxStr = sqlite3_mprintf("%s", text);
    info->needToFreeIdxStr = 1;
    info->estimatedCost = plan.key >= 0 ? 10 : 3000000;
    info->estimatedRows = plan.key >= 0 ? 1 : 100000;
    return info->idxStr == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// --- cursors ---

static int vec0_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    (void)base;
    Vec0Cursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static void cursor_reset(Vec0Cursor *cursor)
{
    sqlite3_vtab *base = cursor->base.pVtab;
    sqlite3_finalize(cursor->rows);
    sqlite3_free(cursor->matches);
    memset(cursor, 0, sizeof *cursor);
    cursor->base.pVtab = base;
}

static int vec0_close(sqlite3_vtab_cursor *base)
{
    cursor_reset((Vec0Cursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

// All rows, in the order of chunks.
static int scan_begin(Vec0Cursor *cursor)
{
    Vec0Table *table = table_of(cursor);
    TRY(vec0_prepare(table, &cursor->rows,
                     "SELECT rowid, chunk_id, chunk_offset FROM \"%w\".\"%w_rowids\""
                     " ORDER BY chunk_id, chunk_offset",
                     table->config.schema, table->config.name));
    int rc = sqlite3_step(cursor->rows);
    cursor->is_at_end = rc != SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int point_begin(Vec0Cursor *cursor, sqlite3_value *key)
{
    Vec0Table *table = table_of(cursor);
    i64 rowid;
    bool found;
    TRY(vec0_key_rowid(table, key, &rowid, &found));
    if (found)
        TRY(vec0_find(table, rowid, &cursor->place, &found));
    cursor->is_at_end = !found;
    if (!found)
        return SQLITE_OK;
    cursor->matches = sqlite3_malloc64(sizeof *cursor->matches);
    if (cursor->matches == NULL)
        return SQLITE_NOMEM;
    cursor->matches[0] = (Match){.rowid = rowid};
    cursor->count = 1;
    cursor->has_place = true;
    return SQLITE_OK;
}

static const char *element_name(VectorType type)
{
    return type == VECTOR_F32 ? "float32" : type == VECTOR_I8 ? "int8" : "bit";
}

static int check_query(Vec0Table *table, const Vec0Column *column, const Vector *query)
{
    ASSERT(column->kind == VEC0_VECTOR);

    if (query->type != column->element)
        return vec0_fail(table, SQLITE_ERROR,
                         "Query vector for the \"%s\" column is expected to be of type %s, but a "
                         "%s vector was provided.",
                         column->name, element_name(column->element), element_name(query->type));
    if (query->dims != column->dims)
        return vec0_fail(table, SQLITE_ERROR,
                         "Dimension mismatch for query vector for the \"%s\" column. Expected %u "
                         "dimensions but received %d.",
                         column->name, column->dims, (int)query->dims);
    return SQLITE_OK;
}

static int check_k(Vec0Table *table, i64 k)
{
    if (k < 0)
        return vec0_fail(table, SQLITE_ERROR,
                         "k value in knn queries must be greater than or equal to 0.");
    if (k > VEC0_K_MAX)
        return vec0_fail(table, SQLITE_ERROR,
                         "k value in knn query too large, provided %lld and the limit is %d",
                         (long long)k, VEC0_K_MAX);
    return SQLITE_OK;
}

static int run_search(Vec0Cursor *cursor, Vec0Search *search, const char *codes, int arg_count,
                      sqlite3_value **args)
{
    Vec0Constraint constraints[CONSTRAINTS_MAX];
    for (int i = 2; i < arg_count; i++, codes += 4) {
        bool is_distance = codes[0] == '*';
        constraints[i - 2] = (Vec0Constraint){.kind = codes[0],
                                              .index = codes[1] - 'A',
                                              .compare = is_distance ? codes[1] : codes[2],
                                              .value = args[i]};
    }
    search->constraints = constraints;
    search->constraint_count = arg_count - 2;
    return vec0_search(table_of(cursor), search, &cursor->matches, &cursor->count);
}

static int nearest_begin(Vec0Cursor *cursor, int plan, const char *text, int arg_count,
                         sqlite3_value **args)
{
    Vec0Table *table = table_of(cursor);
    const Vec0Column *column = vec0_column(&table->config, VEC0_VECTOR, plan);
    VecValue query;
    VectorError error;
    int rc = vec_value_read(args[0], &query, &error);
    if (rc == SQLITE_ERROR)
        return vec0_fail(table, rc, "Query vector on the \"%s\" column is invalid: %s",
                         column->name, error.text);
    TRY(rc);
    i64 k = sqlite3_value_int64(args[1]);
    Vec0Search search = {.column = column, .query = query.vector, .k = (size_t)k};
    rc = check_query(table, column, &query.vector);
    if (rc == SQLITE_OK)
        rc = check_k(table, k);
    if (rc == SQLITE_OK && k > 0)
        rc = run_search(cursor, &search, text + strlen("3{___}___"), arg_count, args);
    vec_value_deinit(&query);
    cursor->has_distance = true;
    cursor->is_at_end = cursor->count == 0;
    return rc;
}

static int vec0_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int arg_count,
                       sqlite3_value **args)
{
    Vec0Cursor *cursor = (Vec0Cursor *)base;
    cursor_reset(cursor);
    if (text == NULL || text[0] == '1')
        return scan_begin(cursor);
    if (text[0] == '2')
        return point_begin(cursor, args[0]);
    return nearest_begin(cursor, plan, text, arg_count, args);
}

static int vec0_next(sqlite3_vtab_cursor *base)
{
    Vec0Cursor *cursor = (Vec0Cursor *)base;
    cursor->has_place = false;
    if (cursor->rows != NULL) {
        int rc = sqlite3_step(cursor->rows);
        cursor->is_at_end = rc != SQLITE_ROW;
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    cursor->is_at_end = ++cursor->at >= cursor->count;
    return SQLITE_OK;
}

static int vec0_eof(sqlite3_vtab_cursor *base)
{
    return ((const Vec0Cursor *)base)->is_at_end;
}

static i64 rowid_of(const Vec0Cursor *cursor)
{
    return cursor->rows != NULL ? sqlite3_column_int64(cursor->rows, 0)
                                : cursor->matches[cursor->at].rowid;
}

static int vec0_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = rowid_of((const Vec0Cursor *)base);
    return SQLITE_OK;
}

// --- columns ---

static int look_up(Vec0Cursor *cursor)
{
    bool found;
    if (cursor->has_place)
        return SQLITE_OK;
    TRY(vec0_find(table_of(cursor), rowid_of(cursor), &cursor->place, &found));
    if (!found)
        return vec0_corrupt(table_of(cursor), "a chunk has a row that is not in the table");
    cursor->has_place = true;
    return SQLITE_OK;
}

static int result_key(Vec0Cursor *cursor, sqlite3_context *ctx)
{
    Vec0Table *table = table_of(cursor);
    if (table->config.columns[0].type != VEC0_TEXT) {
        sqlite3_result_int64(ctx, rowid_of(cursor));
        return SQLITE_OK;
    }
    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, VEC0_ROW_FIND, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid_of(cursor)));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_result_value(ctx, sqlite3_column_value(stmt, 2));
    return sqlite3_reset(stmt);
}

static int result_vector(Vec0Cursor *cursor, const Vec0Column *column, sqlite3_context *ctx)
{
    ASSERT(column->kind == VEC0_VECTOR);

    size_t size = vec0_vector_size(column);
    TRY(look_up(cursor));
    u8 *bytes = sqlite3_malloc64(size);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    int rc = vec0_slot_read(table_of(cursor), column, &cursor->place, bytes);
    if (rc != SQLITE_OK) {
        sqlite3_free(bytes);
        return rc;
    }
    sqlite3_result_blob64(ctx, bytes, size, sqlite3_free);
    sqlite3_result_subtype(ctx, (unsigned)vec_subtype(column->element));
    return SQLITE_OK;
}

static int result_partition(Vec0Cursor *cursor, const Vec0Column *column, sqlite3_context *ctx)
{
    ASSERT(column->kind == VEC0_PARTITION);

    sqlite3_stmt *stmt;
    TRY(look_up(cursor));
    TRY(vec0_statement(table_of(cursor), VEC0_CHUNK_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, cursor->place.chunk));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_result_value(ctx, sqlite3_column_value(stmt, 4 + column->index));
    return sqlite3_reset(stmt);
}

static int result_auxiliary(Vec0Cursor *cursor, const Vec0Column *column, sqlite3_context *ctx)
{
    ASSERT(column->kind == VEC0_AUXILIARY);

    sqlite3_stmt *stmt;
    TRY(vec0_statement(table_of(cursor), VEC0_AUX_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid_of(cursor)));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_result_value(ctx, sqlite3_column_value(stmt, 1 + column->index));
    return sqlite3_reset(stmt);
}

static int vec0_column_value(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i)
{
    Vec0Cursor *cursor = (Vec0Cursor *)base;
    Vec0Table *table = table_of(cursor);
    if (i == table->config.column_count && cursor->has_distance) {
        sqlite3_result_double(ctx, cursor->matches[cursor->at].distance);
        return SQLITE_OK;
    }
    // An UPDATE asks for what it does not set, to hand it back: nothing need be read.
    if (i >= table->config.column_count || (i > 0 && sqlite3_vtab_nochange(ctx)))
        return SQLITE_OK;
    const Vec0Column *column = &table->config.columns[i];
    switch (column->kind) {
    case VEC0_KEY: return result_key(cursor, ctx);
    case VEC0_VECTOR: return result_vector(cursor, column, ctx);
    case VEC0_PARTITION: return result_partition(cursor, column, ctx);
    case VEC0_METADATA:
        TRY(look_up(cursor));
        return vec0_metadata_result(table, column, &cursor->place, ctx);
    case VEC0_AUXILIARY: return result_auxiliary(cursor, column, ctx);
    }
    return SQLITE_OK;
}

// --- creation ---

static int declare(Vec0Table *table)
{
    const Vec0Config *c = &table->config;
    sqlite3_str *sql = sqlite3_str_new(table->db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (int i = 0; i < c->column_count; i++)
        sqlite3_str_appendf(sql, "\"%w\"%s, ", c->columns[i].name,
                            i == 0 && c->has_key ? " primary key" : "");
    sqlite3_str_appendf(sql, "distance hidden, k hidden)%s", c->has_key ? " without rowid" : "");
    char *text = sqlite3_str_finish(sql);
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(table->db, text);
    sqlite3_free(text);
    return rc;
}

static int vec0_free(Vec0Table *table)
{
    vec0_finalize(table);
    vec0_config_deinit(&table->config);
    sqlite3_free(table);
    return SQLITE_OK;
}

static int make(sqlite3 *db, void *kernels, int arg_count, const char *const *args, Vec0Table **out,
                char **message)
{
    Vec0Table *table = sqlite3_malloc64(sizeof *table);
    VectorError error;
    if (table == NULL)
        return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    table->db = db;
    table->kernels = kernels;
    int rc = vec0_config_parse(&table->config, arg_count, args, &error);
    if (rc == SQLITE_ERROR)
        *message = sqlite3_mprintf("%s", error.text);
    if (rc == SQLITE_OK) {
        rc = declare(table);
        if (rc != SQLITE_OK)
            *message =
                sqlite3_mprintf("vec0 constructor error: could not declare virtual table, '%s'",
                                sqlite3_errmsg(db));
    }
    if (rc == SQLITE_OK)
        *out = table;
    else
        vec0_free(table);
    return rc;
}

static int vec0_connect(sqlite3 *db, void *kernels, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    Vec0Table *table;
    TRY(make(db, kernels, arg_count, args, &table, message));
    *out = &table->base;
    return SQLITE_OK;
}

static int vec0_create_table(sqlite3 *db, void *kernels, int arg_count, const char *const *args,
                             sqlite3_vtab **out, char **message)
{
    Vec0Table *table;
    TRY(make(db, kernels, arg_count, args, &table, message));
    int rc = vec0_create(table);
    if (rc != SQLITE_OK) {
        *message = table->base.zErrMsg;
        vec0_free(table);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

static int vec0_disconnect(sqlite3_vtab *base)
{
    return vec0_free((Vec0Table *)base);
}

static int vec0_destroy(sqlite3_vtab *base)
{
    TRY(vec0_drop((Vec0Table *)base));
    return vec0_free((Vec0Table *)base);
}

static int vec0_rename_table(sqlite3_vtab *base, const char *new_name)
{
    return vec0_rename((Vec0Table *)base, new_name);
}

static int vec0_is_shadow(const char *name)
{
    static const char *const patterns[] = {
        "info",           "chunks",   "rowids", "vector_chunks__", "metadatachunks__",
        "metadatatext__", "auxiliary"};
    for (int i = 0; i < ARRAY_LEN(patterns); i++)
        if (sqlite3_strlike(patterns[i], name, 0) == 0)
            return 1;
    return 0;
}

static const sqlite3_module vec0_module = {
    .iVersion = 3,
    .xCreate = vec0_create_table,
    .xConnect = vec0_connect,
    .xBestIndex = vec0_best_index,
    .xDisconnect = vec0_disconnect,
    .xDestroy = vec0_destroy,
    .xOpen = vec0_open,
    .xClose = vec0_close,
    .xFilter = vec0_filter,
    .xNext = vec0_next,
    .xEof = vec0_eof,
    .xColumn = vec0_column_value,
    .xRowid = vec0_rowid,
    .xUpdate = vec0_update,
    .xRename = vec0_rename_table,
    .xShadowName = vec0_is_shadow,
};

int vec0_register(sqlite3 *db, const VectorKernels *kernels)
{
    return sqlite3_create_module_v2(db, "vec0", &vec0_module, (void *)(uintptr_t)kernels, NULL);
}
