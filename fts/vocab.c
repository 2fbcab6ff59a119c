// fts5vocab: what stands in the index of an fts5 table, as a table of its own.
//
//     fts5vocab(table, kind), or fts5vocab(database, table, kind) in temp
//     row(term, doc, cnt)   col(term, col, doc, cnt)   instance(term, doc, col, offset)
//
// Rows come in order of term, then column or document. Only the index over whole tokens is read,
// none of the prefix indexes. Bounds on `term` are pushed into the walk; the plan number is the
// mask of columns in use, plus 256 for =, 512 for > and >=, 1024 for < and <=.
#include "fts/vocab.h"

#include "fts/fts_cursor.h"
#include "fts/segment_read.h"

enum { PLAN_EQUAL = 256, PLAN_LOWER = 512, PLAN_UPPER = 1024, PLAN_COLUMNS = 255 };

typedef enum VocabKind { VOCAB_COL, VOCAB_ROW, VOCAB_INSTANCE } VocabKind;

typedef struct Vocab {
    sqlite3_vtab base; // first: SQLite's pointer is cast back
    FtsConnection *connection;
    char *db_name;
    char *table_name;
    VocabKind kind;
} Vocab;

typedef struct VocabCursor {
    sqlite3_vtab_cursor base; // first: SQLite's pointer is cast back
    sqlite3_stmt *holder;     // a query on the table: keeps it open
    FtsTable *table;
    TermWalk walk;
    u64 generation; // of the index when the walk began
    FtsBuffer upper;
    bool has_upper;
    i64 rowid;
    bool is_end;
    int column;          // of col and instance; -1: none
    i64 *doc_counts;     // col: per column; row: of the first alone
    i64 *place_counts;   // the same
    Positions positions; // instance: of the row
    u32 position_next;
} VocabCursor;

// --- life of a table ---

static int read_kind(const char *text, VocabKind *kind, char **message)
{
    static const char *const names[] = {"col", "row", "instance"};
    for (int i = 0; i < ARRAY_LEN(names); i++) {
        if (sqlite3_stricmp(text, names[i]) == 0) {
            *kind = (VocabKind)i;
            return SQLITE_OK;
        }
    }
    *message = sqlite3_mprintf("fts5vocab: unknown table type: %Q", text);
    return SQLITE_ERROR;
}

static int vocab_free(sqlite3_vtab *vtab)
{
    Vocab *vocab = (Vocab *)vtab;
    sqlite3_free(vocab->db_name);
    sqlite3_free(vocab->table_name);
    sqlite3_free(vocab);
    return SQLITE_OK;
}

// args: module, database, name, then what stands in the brackets.
static int vocab_fill(Vocab *vocab, int arg_count, const char *const *args, char **message)
{
    bool is_temp_form = arg_count == 6 && sqlite3_stricmp(args[1], "temp") == 0;
    if (arg_count != 5 && !is_temp_form) {
        *message = sqlite3_mprintf("wrong number of vtable arguments");
        return SQLITE_ERROR;
    }
    int rc = SQLITE_OK;
    char *kind = NULL;
    vocab->db_name = is_temp_form ? fts_unquote(args[3], &rc) : sqlite3_mprintf("%s", args[1]);
    vocab->table_name = fts_unquote(args[arg_count - 2], &rc);
    kind = fts_unquote(args[arg_count - 1], &rc);
    if (vocab->db_name == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = read_kind(kind, &vocab->kind, message);
    sqlite3_free(kind);
    return rc;
}

static int vocab_connect(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    static const char *const schemas[] = {"CREATE TABLE vocab(term, col, doc, cnt)",
                                          "CREATE TABLE vocab(term, doc, cnt)",
                                          "CREATE TABLE vocab(term, doc, col, offset)"};
    Vocab *vocab = fts_zalloc(sizeof *vocab);
    if (vocab == NULL)
        return SQLITE_NOMEM;
    vocab->connection = user_data;
    int rc = vocab_fill(vocab, arg_count, args, message);
    if (rc == SQLITE_OK)
        rc = sqlite3_declare_vtab(db, schemas[vocab->kind]);
    if (rc == SQLITE_OK)
        rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    if (rc != SQLITE_OK) {
        vocab_free(&vocab->base);
        return rc;
    }
    *out = &vocab->base;
    return SQLITE_OK;
}

// --- planning ---

static int vocab_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    int equal = -1;
    int lower = -1;
    int upper = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (!c->usable || c->iColumn != 0)
            continue;
        if (c->op == SQLITE_INDEX_CONSTRAINT_EQ)
            equal = i;
        else if (c->op == SQLITE_INDEX_CONSTRAINT_GE || c->op == SQLITE_INDEX_CONSTRAINT_GT)
            lower = i;
        else if (c->op == SQLITE_INDEX_CONSTRAINT_LE || c->op == SQLITE_INDEX_CONSTRAINT_LT)
            upper = i;
    }
    int arg_count = 0;
    info->idxNum = (int)(info->colUsed & PLAN_COLUMNS);
    info->estimatedCost = 1000000.0;
    if (equal >= 0) {
        info->idxNum |= PLAN_EQUAL;
        info->aConstraintUsage[equal].argvIndex = ++arg_count;
        info->estimatedCost = 100.0;
    }
    if (equal < 0 && lower >= 0) {
        info->idxNum |= PLAN_LOWER;
        info->aConstraintUsage[lower].argvIndex = ++arg_count;
        info->estimatedCost /= 2.0;
    }
    if (equal < 0 && upper >= 0) {
        info->idxNum |= PLAN_UPPER;
        info->aConstraintUsage[upper].argvIndex = ++arg_count;
        info->estimatedCost /= 2.0;
    }
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0 && !info->aOrderBy[0].desc;
    return SQLITE_OK;
}

// --- life of a cursor ---

static int no_such_table(Vocab *vocab)
{
    sqlite3_free(vocab->base.zErrMsg);
    vocab->base.zErrMsg =
        sqlite3_mprintf("no such fts5 table: %s.%s", vocab->db_name, vocab->table_name);
    return SQLITE_ERROR;
}

// The special query *id names the table's cursor, and with it the table.
static int find_table(Vocab *vocab, VocabCursor *cursor)
{
    sqlite3 *db = vocab->connection->db;
    char *sql =
        sqlite3_mprintf("SELECT t.%Q FROM %Q.%Q AS t WHERE t.%Q MATCH '*id'", vocab->table_name,
                        vocab->db_name, vocab->table_name, vocab->table_name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, &cursor->holder, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_ERROR)
        return no_such_table(vocab);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(cursor->holder) == SQLITE_ROW) {
        FtsCursor *of_table =
            fts_cursor_find(vocab->connection, sqlite3_column_int64(cursor->holder, 0));
        cursor->table = of_table == NULL ? NULL : of_table->table;
    }
    if (cursor->table != NULL)
        return SQLITE_OK;
    rc = sqlite3_finalize(cursor->holder);
    cursor->holder = NULL;
    return rc == SQLITE_OK || rc == SQLITE_ERROR ? no_such_table(vocab) : rc;
}

static int vocab_close(sqlite3_vtab_cursor *base)
{
    VocabCursor *cursor = (VocabCursor *)base;
    term_walk_deinit(&cursor->walk);
    sqlite3_finalize(cursor->holder);
    fts_buffer_deinit(&cursor->upper);
    sqlite3_free(cursor->doc_counts);
    sqlite3_free(cursor->positions.items);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int vocab_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    VocabCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    int rc = find_table((Vocab *)vtab, cursor);
    if (rc == SQLITE_OK) {
        u64 room = (u64)cursor->table->config.column_count + 1;
        cursor->doc_counts = fts_zalloc(sizeof(i64) * 2 * room);
        cursor->place_counts = cursor->doc_counts == NULL ? NULL : cursor->doc_counts + room;
        rc = cursor->doc_counts == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc != SQLITE_OK) {
        vocab_close(&cursor->base);
        return rc;
    }
    *out = &cursor->base;
    return SQLITE_OK;
}

// --- moving ---

// Adds a row's places to the counts: doc_counts[c] is the number of rows with the term in column c.
static int count_places(VocabCursor *cursor, VocabKind kind)
{
    const FtsConfig *config = &cursor->table->config;
    const Docs *docs = &cursor->walk.docs;
    cursor->positions.count = 0;
    TRY(positions_decode(config->detail, docs->poslist, docs->poslist_size, &cursor->positions));
    if (kind == VOCAB_ROW || config->detail == DETAIL_NONE) {
        cursor->doc_counts[0]++;
        cursor->place_counts[0] += cursor->positions.count;
        return SQLITE_OK;
    }
    i64 previous = -1;
    for (u32 i = 0; i < cursor->positions.count; i++) {
        i64 column = cursor->positions.items[i] >> 32;
        if (column < 0 || column >= config->column_count)
            return FTS_CORRUPT;
        cursor->doc_counts[column] += column != previous;
        cursor->place_counts[column]++;
        previous = column;
    }
    return SQLITE_OK;
}

// Whether the walk stands on a term within the bounds.
static bool has_term(const VocabCursor *cursor)
{
    const TermWalk *walk = &cursor->walk;
    return !walk->is_end
           && (!cursor->has_upper
               || fts_bytes_compare(walk->term.bytes, walk->term.size, cursor->upper.bytes,
                                    cursor->upper.size)
                      <= 0);
}

static int count_term(VocabCursor *cursor, VocabKind kind)
{
    u64 room = (u64)cursor->table->config.column_count + 1;
    memset(cursor->doc_counts, 0, sizeof(i64) * 2 * (size_t)room);
    for (Docs *docs = &cursor->walk.docs; !docs->is_end; docs_next(docs))
        TRY(count_places(cursor, kind));
    cursor->column = -1;
    return cursor->walk.docs.rc;
}

static bool next_column(VocabCursor *cursor)
{
    int count = cursor->table->config.column_count;
    do {
        cursor->column++;
    } while (cursor->column < count && cursor->doc_counts[cursor->column] == 0);
    return cursor->column < count;
}

// A row per place, or per column, or per document, as far as the index knows.
static int load_instances(VocabCursor *cursor)
{
    const Docs *docs = &cursor->walk.docs;
    FtsDetail detail = cursor->table->config.detail;
    cursor->positions.count = 0;
    cursor->position_next = 0;
    TRY(positions_decode(detail, docs->poslist, docs->poslist_size, &cursor->positions));
    return detail == DETAIL_NONE ? positions_add(&cursor->positions, 0) : SQLITE_OK;
}

static int start_term(VocabCursor *cursor, VocabKind kind)
{
    while (has_term(cursor)) {
        if (kind == VOCAB_INSTANCE)
            return load_instances(cursor);
        TRY(count_term(cursor, kind));
        if (next_column(cursor) || kind == VOCAB_ROW)
            return SQLITE_OK;
        term_walk_next(&cursor->walk);
    }
    cursor->is_end = true;
    return cursor->walk.rc;
}

static int next_instance(VocabCursor *cursor)
{
    Docs *docs = &cursor->walk.docs;
    if (++cursor->position_next < cursor->positions.count)
        return SQLITE_OK;
    do {
        docs_next(docs);
        TRY(docs->rc);
        if (docs->is_end) {
            term_walk_next(&cursor->walk);
            return start_term(cursor, VOCAB_INSTANCE);
        }
        TRY(load_instances(cursor));
    } while (cursor->positions.count == 0);
    return SQLITE_OK;
}

static int vocab_next(sqlite3_vtab_cursor *base)
{
    VocabCursor *cursor = (VocabCursor *)base;
    VocabKind kind = ((Vocab *)base->pVtab)->kind;
    ASSERT(!cursor->is_end);

    cursor->rowid++;
    if (cursor->generation != cursor->table->index.generation)
        return SQLITE_ABORT; // the segments walked may be gone
    if (kind == VOCAB_INSTANCE)
        return next_instance(cursor);
    if (kind == VOCAB_COL && next_column(cursor))
        return SQLITE_OK;
    term_walk_next(&cursor->walk);
    return start_term(cursor, kind);
}

// The index key of a bound; none where the value is no text: SQL compares again in any case.
static bool set_bound(FtsBuffer *key, sqlite3_value *value)
{
    fts_buffer_set(key, "0", 1);
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return false;
    const void *text = sqlite3_value_text(value);
    fts_buffer_append(key, text, (u64)sqlite3_value_bytes(value));
    return true;
}

static int vocab_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                        sqlite3_value **args)
{
    (void)plan_text, (void)arg_count;
    VocabCursor *cursor = (VocabCursor *)base;
    FtsBuffer all = {0};
    FtsBuffer lower = {0};
    int next_arg = 0;
    term_walk_deinit(&cursor->walk);
    cursor->is_end = cursor->has_upper = false;
    cursor->rowid = 1;
    fts_buffer_set(&all, "0", 1);
    fts_buffer_set(&lower, "0", 1);
    if ((plan & PLAN_EQUAL) != 0) {
        set_bound(&lower, args[0]);
        cursor->has_upper = set_bound(&cursor->upper, args[0]);
    }
    if ((plan & PLAN_LOWER) != 0)
        set_bound(&lower, args[next_arg++]);
    if ((plan & PLAN_UPPER) != 0)
        cursor->has_upper = set_bound(&cursor->upper, args[next_arg]);
    int rc = all.rc != SQLITE_OK ? all.rc : lower.rc;
    if (rc == SQLITE_OK)
        rc = cursor->upper.rc;
    if (rc == SQLITE_OK)
        rc = fts_table_load(cursor->table);
    if (rc == SQLITE_OK) {
        cursor->generation = cursor->table->index.generation;
        term_walk_open(&cursor->walk, &cursor->table->index, &all, &lower);
        rc = start_term(cursor, ((Vocab *)base->pVtab)->kind);
    }
    fts_buffer_deinit(&all);
    fts_buffer_deinit(&lower);
    return rc;
}

static int vocab_eof(sqlite3_vtab_cursor *base)
{
    return ((VocabCursor *)base)->is_end;
}

static int vocab_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((VocabCursor *)base)->rowid;
    return SQLITE_OK;
}

// --- columns ---

static void result_count(const VocabCursor *cursor, sqlite3_context *ctx, bool is_places)
{
    int of = cursor->column < 0 ? 0 : cursor->column;
    if (!is_places)
        sqlite3_result_int64(ctx, cursor->doc_counts[of]);
    else if (cursor->table->config.detail == DETAIL_FULL)
        sqlite3_result_int64(ctx, cursor->place_counts[of]);
}

static void result_column_name(const VocabCursor *cursor, sqlite3_context *ctx, i64 column)
{
    const FtsConfig *config = &cursor->table->config;
    if (config->detail != DETAIL_NONE && column >= 0 && column < config->column_count)
        sqlite3_result_text(ctx, config->columns[column], -1, SQLITE_STATIC);
}

static void result_instance(const VocabCursor *cursor, sqlite3_context *ctx, int column)
{
    i64 position = cursor->positions.items[cursor->position_next];
    if (column == 1)
        sqlite3_result_int64(ctx, cursor->walk.docs.rowid);
    else if (column == 2)
        result_column_name(cursor, ctx, position >> 32);
    else if (cursor->table->config.detail == DETAIL_FULL)
        sqlite3_result_int64(ctx, position & 0x7FFFFFFF);
}

static int vocab_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const VocabCursor *cursor = (const VocabCursor *)base;
    const FtsBuffer *term = &cursor->walk.term;
    VocabKind kind = ((Vocab *)base->pVtab)->kind;
    if (column == 0)
        sqlite3_result_text(ctx, (const char *)term->bytes + 1, (int)term->size - 1,
                            SQLITE_TRANSIENT);
    else if (kind == VOCAB_INSTANCE)
        result_instance(cursor, ctx, column);
    else if (kind == VOCAB_COL && column == 1)
        result_column_name(cursor, ctx, cursor->column);
    else
        result_count(cursor, ctx, column == (kind == VOCAB_COL ? 3 : 2));
    return SQLITE_OK;
}

const sqlite3_module fts_vocab_module = {
    .iVersion = 2,
    .xCreate = vocab_connect,
    .xConnect = vocab_connect,
    .xBestIndex = vocab_best_index,
    .xDisconnect = vocab_free,
    .xDestroy = vocab_free,
    .xOpen = vocab_open,
    .xClose = vocab_close,
    .xFilter = vocab_filter,
    .xNext = vocab_next,
    .xEof = vocab_eof,
    .xColumn = vocab_column,
    .xRowid = vocab_rowid,
};
