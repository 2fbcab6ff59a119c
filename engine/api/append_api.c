// quire_append(): a row behind the last one of a plain table, without a statement.

#include "api/api.h"
#include "quire.h"
#include "value/record.h"

enum { CELLS_MAX = 32 };

// Nothing but the tree of rows has to be kept: no index, no trigger, no constraint.
static const Table *find_plain_table(sqlite3 *db, const char *name, int cells)
{
    const Table *table = catalog_find_table(db, name, "main");
    if (table == NULL || table->kind != TABLE_ORDINARY || table->indexes != NULL)
        return NULL;
    bool is_plain = (table->flags & (TABLE_WITHOUT_ROWID | TABLE_HAS_VIRTUAL)) == 0
                    && table->column_count == cells && table->check_count == 0
                    && table->foreign_keys == NULL && catalog_next_trigger(db, table, NULL) == NULL;
    return is_plain ? table : NULL;
}

static int set_cell(sqlite3 *db, const quire_cell *cell, RowId rowid, Value *out)
{
    value_init(out, db);
    switch (cell->type) {
    case QUIRE_CELL_ROWID: value_set_i64(out, rowid); return SQLITE_OK;
    case SQLITE_INTEGER: value_set_i64(out, cell->integer); return SQLITE_OK;
    case SQLITE_FLOAT: value_set_f64(out, cell->real); return SQLITE_OK;
    case SQLITE_TEXT:
        TRY(value_set_text(out, cell->bytes, cell->size, SQLITE_UTF8, BYTES_STATIC));
        return value_change_encoding(out, db->encoding);
    case SQLITE_BLOB: return value_set_blob(out, cell->bytes, cell->size, BYTES_STATIC);
    default: value_set_null(out); return SQLITE_OK;
    }
}

static int insert_values(sqlite3 *db, Cursor *cursor, Value *values, u32 count, RowId rowid)
{
    RecordPlan plan;
    u8 few[512];
    TRY(record_plan(values, count, NULL, db->encoding, &plan));
    u64 size = plan.header_size + plan.body_size;
    if (size > (u64)db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    u8 *record = size <= sizeof few ? few : mem_alloc(size);
    if (record == NULL)
        return SQLITE_NOMEM;
    record_write(values, count, &plan, record);
    Payload payload = {.key_size = rowid,
                       .data = record,
                       .data_size = (u32)size,
                       .zero_tail = (u32)plan.zero_tail};
    int rc = cursor_insert(cursor, &payload, CURSOR_APPEND, CURSOR_UNKNOWN);
    if (record != few)
        mem_free(record);
    return rc;
}

static int append_row(sqlite3 *db, const Table *table, Cursor *cursor, const quire_append_row *row)
{
    bool empty;
    Value values[CELLS_MAX];
    TRY(cursor_last(cursor, &empty));
    i64 last = empty ? 0 : cursor_rowid(cursor);
    if (last == INT64_MAX)
        return SQLITE_FULL;
    i64 rowid = last + 1 > row->least ? last + 1 : row->least;
    int rc = SQLITE_OK;
    int set = 0;
    for (; set < row->count && rc == SQLITE_OK; set++)
        rc = set_cell(db, &row->cells[set], rowid, &values[set]);
    if (rc == SQLITE_OK && table->rowid_alias >= 0)
        value_set_null(&values[table->rowid_alias]);
    if (rc == SQLITE_OK)
        rc = insert_values(db, cursor, values, (u32)row->count, rowid);
    for (int i = 0; i < set; i++)
        value_deinit(&values[i]);
    if (rc == SQLITE_OK)
        *row->rowid = rowid;
    return rc;
}

int quire_append(sqlite3 *db, const char *table_name, const quire_append_row *row)
{
    if (!connection_is_usable(db) || table_name == NULL || row == NULL || row->count > CELLS_MAX)
        return error_misuse();
    if (!db->is_capturing || btree_txn_state(db->databases[DB_MAIN].btree) != SQLITE_TXN_WRITE)
        return SQLITE_NOTFOUND;
    const Table *table = find_plain_table(db, table_name, row->count);
    if (table == NULL)
        return SQLITE_NOTFOUND;
    Cursor *cursor = NULL;
    int rc = cursor_open(db->databases[DB_MAIN].btree, table->root, true, NULL, &cursor);
    if (rc == SQLITE_OK)
        rc = append_row(db, table, cursor, row);
    cursor_close(cursor);
    return rc == SQLITE_OK ? rc : connection_error_plain(db, rc);
}
