// fts4aux: the terms of a table's index, with how many rows and places each has, in all columns
// ("*") and in each.
//
// CREATE VIRTUAL TABLE t USING fts4aux(table), or (database, table) in the temp database. It reads
// the shadow tables of the name it was given, whatever made them.
#include "fts/fts3/fts3_segment.h"

enum {
    COLUMN_TERM,
    COLUMN_COLUMN,
    COLUMN_DOCUMENTS,
    COLUMN_OCCURRENCES,
    COLUMN_LANGUAGE,
    PLAN_EQUAL = 1,
    PLAN_LOWER = 2,
    PLAN_UPPER = 4,
};

typedef struct AuxTable {
    sqlite3_vtab base; // first: SQLite's pointer is cast back
    Fts3Table *index;  // reads the shadow tables; has no more columns than it needs
} AuxTable;

typedef struct Count {
    i64 documents;
    i64 occurrences;
} Count;

typedef struct AuxCursor {
    sqlite3_vtab_cursor base; // first: SQLite's pointer is cast back
    Fts3Scan scan;
    bool is_open;
    int language;
    bool is_exact;
    FtsBuffer upper; // last term; empty: no bound
    bool has_upper;
    Count *counts; // of all columns, then of each
    u32 count_size;
    u32 at; // into counts
    i64 rowid;
    bool is_eof;
} AuxCursor;

// --- life ---

static void aux_free(AuxTable *table)
{
    ASSERT(table != NULL);
    if (table->index != NULL)
        fts3_table_free(table->index);
    sqlite3_free(table);
}

static int aux_index(sqlite3 *db, const char *db_name, const char *name, Fts3Table **out)
{
    Fts3Table *index = fts_zalloc(sizeof *index);
    if (index == NULL)
        return SQLITE_NOMEM;
    index->db = db;
    index->version = 4;
    index->db_name = sqlite3_mprintf("%s", db_name);
    index->name = sqlite3_mprintf("%s", name);
    index->indexes = fts_zalloc(sizeof *index->indexes);
    if (index->db_name == NULL || index->name == NULL || index->indexes == NULL) {
        fts3_table_free(index);
        return SQLITE_NOMEM;
    }
    index->index_count = 1;
    fts3_dequote(index->name);
    fts3_dequote(index->db_name);
    ASSERT(index->stmts[0] == NULL);
    *out = index;
    return SQLITE_OK;
}

static int aux_connect(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                       sqlite3_vtab **out, char **message)
{
    (void)user_data;
    ASSERT(arg_count >= 3);
    bool names_database = arg_count == 5 && sqlite3_stricmp(args[1], "temp") == 0;
    if (arg_count != 4 && !names_database) {
        *message = sqlite3_mprintf("invalid arguments to fts4aux constructor");
        return SQLITE_ERROR;
    }
    TRY(sqlite3_declare_vtab(
        db, "CREATE TABLE x(term, col, documents, occurrences, languageid HIDDEN)"));
    AuxTable *table = fts_zalloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    int rc = aux_index(db, names_database ? args[3] : args[1], args[arg_count - 1], &table->index);
    if (rc != SQLITE_OK) {
        aux_free(table);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

static int aux_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);
    aux_free((AuxTable *)vtab);
    return SQLITE_OK;
}

// --- planning ---

static int use(sqlite3_index_info *info, int at, int *arg_count)
{
    ASSERT(*arg_count < info->nConstraint);
    info->aConstraintUsage[at].argvIndex = ++*arg_count;
    return *arg_count;
}

static void find_constraints(const sqlite3_index_info *info, int found[4])
{
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (!c->usable)
            continue;
        if (c->iColumn == COLUMN_LANGUAGE && c->op == SQLITE_INDEX_CONSTRAINT_EQ)
            found[3] = i;
        if (c->iColumn != COLUMN_TERM)
            continue;
        if (c->op == SQLITE_INDEX_CONSTRAINT_EQ)
            found[0] = i;
        if (c->op == SQLITE_INDEX_CONSTRAINT_GE || c->op == SQLITE_INDEX_CONSTRAINT_GT)
            found[1] = i;
        if (c->op == SQLITE_INDEX_CONSTRAINT_LE || c->op == SQLITE_INDEX_CONSTRAINT_LT)
            found[2] = i;
    }
    ASSERT(found[0] < info->nConstraint);
}

static int aux_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    int found[4] = {-1, -1, -1, -1};
    int arg_count = 0;
    find_constraints(info, found);
    info->estimatedCost = 20000;
    if (found[0] >= 0) {
        info->idxNum = PLAN_EQUAL;
        info->estimatedCost = 5;
        use(info, found[0], &arg_count);
    } else {
        for (int i = 1; i <= 2; i++) {
            if (found[i] < 0)
                continue;
            info->idxNum |= i == 1 ? PLAN_LOWER : PLAN_UPPER;
            info->estimatedCost /= 2;
            use(info, found[i], &arg_count);
        }
    }
    if (found[3] >= 0) {
        use(info, found[3], &arg_count);
        info->estimatedCost -= 1;
    }
    ASSERT(arg_count <= 3);
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == COLUMN_TERM && !info->aOrderBy[0].desc;
    return SQLITE_OK;
}

// --- walking ---

static int aux_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    ASSERT(out != NULL);
    AuxCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static void aux_clear(AuxCursor *cursor)
{
    ASSERT(cursor != NULL);
    if (cursor->is_open)
        fts3_scan_close(&cursor->scan);
    fts_buffer_deinit(&cursor->upper);
    sqlite3_free(cursor->counts);
    *cursor = (AuxCursor){.base = cursor->base};
}

static int aux_close(sqlite3_vtab_cursor *base)
{
    AuxCursor *cursor = (AuxCursor *)base;
    ASSERT(cursor != NULL);
    aux_clear(cursor);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// Makes room for so many counts, the new ones zero.
static int grow_counts(AuxCursor *cursor, u32 size)
{
    if (size <= cursor->count_size)
        return SQLITE_OK;
    Count *grown = sqlite3_realloc64(cursor->counts, sizeof *grown * (u64)size);
    if (grown == NULL)
        return SQLITE_NOMEM;
    memset(grown + cursor->count_size, 0, sizeof *grown * (size - cursor->count_size));
    cursor->counts = grown;
    cursor->count_size = size;
    ASSERT(size > 0);
    return SQLITE_OK;
}

enum { COLUMNS_MAX = 32767 };

static int count_hit(AuxCursor *cursor, const Fts3Hits *hits, const Fts3Hit *hit)
{
    u32 last = UINT32_MAX;
    cursor->counts[0].documents++;
    for (u32 i = 0; i < hit->count; i++) {
        u32 column = FTS3_PLACE_COLUMN(hits->places[hit->first + i]);
        if (column > COLUMNS_MAX)
            return FTS_CORRUPT;
        TRY(grow_counts(cursor, column + 2));
        cursor->counts[0].occurrences++;
        cursor->counts[column + 1].occurrences++;
        cursor->counts[column + 1].documents += column != last;
        last = column;
    }
    ASSERT(cursor->counts[0].documents > 0);
    return SQLITE_OK;
}

static int count_term(AuxCursor *cursor)
{
    FtsBuffer scratch = {0};
    Fts3Hits hits = {0};
    const u8 *doclist;
    u32 size;
    TRY(grow_counts(cursor, 1));
    memset(cursor->counts, 0, sizeof *cursor->counts * cursor->count_size);
    int rc = fts3_scan_doclist(&cursor->scan, true, &scratch, &doclist, &size);
    fts_buffer_pad(&scratch);
    rc = rc == SQLITE_OK ? scratch.rc : rc;
    if (rc == SQLITE_OK)
        rc = fts3_hits_append(&hits, scratch.bytes, size, false, 0);
    for (u64 i = 0; rc == SQLITE_OK && i < hits.count; i++)
        rc = count_hit(cursor, &hits, &hits.hits[i]);
    ASSERT(cursor->count_size > 0);
    fts3_hits_deinit(&hits);
    fts_buffer_deinit(&scratch);
    return rc;
}

static bool is_beyond(const AuxCursor *cursor)
{
    const FtsBuffer *term = &cursor->scan.term;
    if (!cursor->has_upper)
        return false;
    int order = fts_bytes_compare(term->bytes, term->size, cursor->upper.bytes, cursor->upper.size);
    ASSERT(!cursor->is_exact || cursor->has_upper);
    return order > 0;
}

// Stands on the first line of the scan's term, or of the next that has any.
static int settle(AuxCursor *cursor)
{
    for (;;) {
        if (cursor->scan.is_eof || is_beyond(cursor)) {
            cursor->is_eof = true;
            return SQLITE_OK;
        }
        TRY(count_term(cursor));
        cursor->at = 0;
        ASSERT(cursor->count_size > 0);
        if (cursor->counts[0].documents > 0)
            return SQLITE_OK;
        TRY(fts3_scan_next(&cursor->scan));
    }
}

static int aux_next(sqlite3_vtab_cursor *base)
{
    AuxCursor *cursor = (AuxCursor *)base;
    ASSERT(!cursor->is_eof);
    cursor->rowid++;
    while (++cursor->at < cursor->count_size) {
        if (cursor->counts[cursor->at].documents > 0)
            return SQLITE_OK;
    }
    TRY(fts3_scan_next(&cursor->scan));
    return settle(cursor);
}

static int set_bound(AuxCursor *cursor, sqlite3_value *value)
{
    const void *text = sqlite3_value_text(value);
    ASSERT(cursor->upper.size == 0);
    cursor->has_upper = text != NULL;
    fts_buffer_append(&cursor->upper, text, (u64)sqlite3_value_bytes(value));
    return cursor->upper.rc;
}

// The arguments: the term, or its bounds, and a language behind them.
static int start(AuxCursor *cursor, int plan, int arg_count, sqlite3_value **args)
{
    const u8 *lower = NULL;
    u32 lower_size = 0;
    int at = 0;
    if ((plan & (PLAN_EQUAL | PLAN_LOWER)) != 0) {
        lower = sqlite3_value_text(args[at]);
        lower_size = (u32)sqlite3_value_bytes(args[at++]);
    }
    if ((plan & PLAN_EQUAL) != 0) {
        cursor->is_exact = true;
        if (lower == NULL)
            return SQLITE_OK; // NULL equals nothing
        TRY(set_bound(cursor, args[0]));
    }
    if ((plan & PLAN_UPPER) != 0)
        TRY(set_bound(cursor, args[at++]));
    if (at < arg_count)
        cursor->language = sqlite3_value_int(args[at]);
    Fts3Range range = {cursor->language < 0 ? 0 : cursor->language, 0, FTS3_SCAN_ALL_LEVELS};
    ASSERT(at <= arg_count);
    cursor->is_open = true;
    TRY(fts3_scan_open(&cursor->scan, ((AuxTable *)cursor->base.pVtab)->index, &range));
    TRY(lower == NULL ? fts3_scan_next(&cursor->scan)
                      : fts3_scan_seek(&cursor->scan, lower, lower_size));
    cursor->is_eof = false;
    return settle(cursor);
}

static int aux_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                      sqlite3_value **args)
{
    (void)plan_text;
    AuxCursor *cursor = (AuxCursor *)base;
    aux_clear(cursor);
    ASSERT(!cursor->is_open);
    cursor->is_eof = true;
    return start(cursor, plan, arg_count, args);
}

static int aux_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base != NULL);
    return ((AuxCursor *)base)->is_eof;
}

static int aux_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const AuxCursor *cursor = (const AuxCursor *)base;
    const Count *count = &cursor->counts[cursor->at];
    ASSERT(cursor->at < cursor->count_size);
    switch (column) {
    case COLUMN_TERM:
        sqlite3_result_text(ctx, (const char *)cursor->scan.term.bytes, (int)cursor->scan.term.size,
                            SQLITE_TRANSIENT);
        break;
    case COLUMN_COLUMN:
        if (cursor->at == 0)
            sqlite3_result_text(ctx, "*", 1, SQLITE_STATIC);
        else
            sqlite3_result_int(ctx, (int)cursor->at - 1);
        break;
    case COLUMN_DOCUMENTS: sqlite3_result_int64(ctx, count->documents); break;
    case COLUMN_OCCURRENCES: sqlite3_result_int64(ctx, count->occurrences); break;
    default: sqlite3_result_int(ctx, cursor->language); break;
    }
    return SQLITE_OK;
}

static int aux_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    ASSERT(base != NULL);
    *rowid = ((AuxCursor *)base)->rowid;
    return SQLITE_OK;
}

const sqlite3_module fts3_aux_module = {
    .xCreate = aux_connect,
    .xConnect = aux_connect,
    .xBestIndex = aux_best_index,
    .xDisconnect = aux_disconnect,
    .xDestroy = aux_disconnect,
    .xOpen = aux_open,
    .xClose = aux_close,
    .xFilter = aux_filter,
    .xNext = aux_next,
    .xEof = aux_eof,
    .xColumn = aux_column,
    .xRowid = aux_rowid,
};
