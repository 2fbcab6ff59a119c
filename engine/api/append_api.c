// quire_append(): a row behind the last one of a plain table, without a statement.

#include "api/api.h"
#include "quire.h"
#include "value/record.h"
#include <string.h>

enum { CELLS_MAX = 32 };

// Nothing but the tree of rows has to be kept: no index, no trigger, no constraint, no text to be
// turned into UTF-16.
static bool table_is_plain(sqlite3 *db, const Table *table)
{
    ASSERT(table != NULL);

    return table->kind == TABLE_ORDINARY && table->indexes == NULL && table->check_count == 0
           && (table->flags & (TABLE_WITHOUT_ROWID | TABLE_HAS_VIRTUAL)) == 0
           && table->foreign_keys == NULL && catalog_next_trigger(db, table, NULL) == NULL
           && db->encoding == SQLITE_UTF8;
}

// The same table is asked for row after row: it is looked up again only when one of the schemas has
// changed that decide (those of main and, for its triggers, of temp).
static const Table *find_plain_table(sqlite3 *db, const char *name, int cells)
{
    ASSERT(db->is_capturing);

    AppendTarget *target = &db->append_target;
    u32 main_generation = db->databases[DB_MAIN].schema->generation;
    u32 temp_generation = db->databases[DB_TEMP].schema->generation;
    bool is_known = target->table != NULL && target->main_generation == main_generation
                    && target->temp_generation == temp_generation
                    && strcmp(target->table->name, name) == 0;
    if (!is_known) {
        const Table *table = catalog_find_table(db, name, "main");
        target->table = table != NULL && table_is_plain(db, table) ? table : NULL;
        target->main_generation = main_generation;
        target->temp_generation = temp_generation;
    }
    return target->table != NULL && target->table->column_count == cells ? target->table : NULL;
}

// --- the record ---

// Types first, then bodies: what value/record.h describes, made in one pass over the cells.
enum {
    TYPE_FLOAT = 7,
    TYPE_BLOB = 12,
    TYPE_TEXT = 13,
    TYPE_SIZE_MAX = 5,                           // of a type, as a varint of 32 bits
    HEADER_ROOM = 2 + CELLS_MAX * TYPE_SIZE_MAX, // the most that comes before the bodies
    FEW_BYTES = 512,
};

// No record of the row is larger; SQLITE_TOOBIG beyond the connection's limit.
static int record_bound(sqlite3 *db, const quire_append_row *row, u64 *out)
{
    u64 limit = (u64)db->limits[SQLITE_LIMIT_LENGTH];
    u64 bound = HEADER_ROOM;
    for (int i = 0; i < row->count; i++) {
        const quire_cell *cell = &row->cells[i];
        bool has_bytes = cell->type == SQLITE_TEXT || cell->type == SQLITE_BLOB;
        if (has_bytes && cell->size > limit)
            return SQLITE_TOOBIG;
        bound += has_bytes ? cell->size : 8;
    }
    *out = bound;
    return SQLITE_OK;
}

// Writes a cell's body; returns its type.
static u32 put_cell(const quire_cell *cell, RowId rowid, u8 **body)
{
    ASSERT(*body != NULL);

    u64 bits = (u64)(cell->type == QUIRE_CELL_ROWID ? rowid : cell->integer);
    u32 type;
    switch (cell->type) {
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        if (cell->size > 0)
            memcpy(*body, cell->bytes, cell->size);
        *body += cell->size;
        return (u32)cell->size * 2 + (cell->type == SQLITE_TEXT ? TYPE_TEXT : TYPE_BLOB);
    case SQLITE_INTEGER:
    case QUIRE_CELL_ROWID: type = serial_type_of_i64((i64)bits); break;
    case SQLITE_FLOAT:
        memcpy(&bits, &cell->real, sizeof bits);
        type = TYPE_FLOAT;
        break;
    default: return 0; // NULL
    }
    *body += serial_put_bits(*body, bits, type);
    return type;
}

// The bodies begin at HEADER_ROOM of `out`, the header ends there. Returns where it begins.
static u8 *write_record(const quire_append_row *row, RowId rowid, int rowid_alias, u8 *out,
                        u64 *size)
{
    u8 header[HEADER_ROOM];
    u8 *body = out + HEADER_ROOM;
    u32 at = 0;
    for (int i = 0; i < row->count; i++) {
        u32 type = i == rowid_alias ? 0 : put_cell(&row->cells[i], rowid, &body);
        if (LIKELY(type <= 0x7f))
            header[at++] = (u8)type;
        else
            at += varint_put(header + at, type);
    }
    u32 header_size = at + 1 + (at + 1 > 0x7f); // counts itself
    ASSERT(header_size <= HEADER_ROOM);
    u8 *begin = out + HEADER_ROOM - header_size;
    memcpy(begin + varint_put(begin, header_size), header, at);
    *size = (u64)(body - begin);
    return begin;
}

// --- the row ---

// Behind the entry the cursor stands on, which is the last; or as the first.
static int insert_record(sqlite3 *db, const Table *table, Cursor *cursor,
                         const quire_append_row *row, RowId rowid)
{
    ASSERT(row->count == table->column_count);

    u8 few[FEW_BYTES];
    u64 bound, size;
    TRY(record_bound(db, row, &bound));
    u8 *room = bound <= sizeof few ? few : mem_alloc(bound);
    if (room == NULL)
        return SQLITE_NOMEM;
    const u8 *record = write_record(row, rowid, table->rowid_alias, room, &size);
    ASSERT(size <= bound);
    Payload payload = {.key_size = rowid, .data = record, .data_size = (u32)size};
    int rc = size <= (u64)db->limits[SQLITE_LIMIT_LENGTH]
                 ? cursor_insert(cursor, &payload, CURSOR_APPEND, -1)
                 : SQLITE_TOOBIG;
    if (room != few)
        mem_free(room);
    return rc;
}

static int append_row(sqlite3 *db, const Table *table, Cursor *cursor, const quire_append_row *row)
{
    ASSERT(db->is_capturing);

    bool empty;
    TRY(cursor_last(cursor, &empty));
    i64 last = empty ? 0 : cursor_rowid(cursor);
    if (last == INT64_MAX)
        return SQLITE_FULL;
    i64 rowid = last + 1 > row->least ? last + 1 : row->least;
    TRY(insert_record(db, table, cursor, row, rowid));
    *row->rowid = rowid;
    return SQLITE_OK;
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
