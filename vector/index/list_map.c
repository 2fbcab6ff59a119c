// The map: which list a rowid is in.
//
// A row of the map table holds the entries of 256 consecutive rowids, in ascending order, each a
// byte (the rowid's low eight bits) and a list number. Rowids without an entry are not in the
// index.
#include "vector/index/vector_index.h"
#include "vector/module_store.h"

enum { MAP_SPAN = 256, ENTRY_SIZE = 5 };

static i64 map_key(i64 rowid)
{
    return rowid >> 8; // floor, for negative ones too
}

// One row of the map, spread out: list by low byte.
typedef struct MapRow {
    u32 lists[MAP_SPAN];
} MapRow;

static int map_row_decode(Index *index, const u8 *blob, size_t size, MapRow *row)
{
    memset(row, 0, sizeof *row);
    if (size % ENTRY_SIZE != 0 || size > MAP_SPAN * ENTRY_SIZE || (blob == NULL && size > 0))
        return index_corrupt(index, "a map entry is of the wrong size");
    for (size_t at = 0; at < size; at += ENTRY_SIZE) {
        u32 list;
        memcpy(&list, blob + at + 1, 4);
        if (list == 0 || list >= index->state.next_list || row->lists[blob[at]] != 0)
            return index_corrupt(index, "a map entry names no list");
        row->lists[blob[at]] = list;
    }
    return SQLITE_OK;
}

static int map_row_read(Index *index, i64 key, MapRow *row)
{
    sqlite3_stmt *stmt;
    memset(row, 0, sizeof *row);
    TRY(store_statement(index, STORE_MAP_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, key));
    int rc = SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rc = map_row_decode(index, sqlite3_column_blob(stmt, 0),
                            (size_t)sqlite3_column_bytes(stmt, 0), row);
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int map_row_write(Index *index, i64 key, const MapRow *row)
{
    u8 blob[MAP_SPAN * ENTRY_SIZE];
    size_t size = 0;
    for (u32 low = 0; low < MAP_SPAN; low++) {
        if (row->lists[low] == 0)
            continue;
        blob[size] = (u8)low;
        memcpy(blob + size + 1, &row->lists[low], 4);
        size += ENTRY_SIZE;
    }
    sqlite3_stmt *stmt;
    TRY(store_statement(index, size > 0 ? STORE_MAP_WRITE : STORE_MAP_DELETE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, key));
    if (size > 0)
        TRY(sqlite3_bind_blob64(stmt, 2, blob, size, SQLITE_STATIC));
    return module_run(stmt);
}

int map_find(Index *index, MapEntry *entries, size_t count)
{
    MapRow row;
    for (size_t i = 0; i < count; i++) {
        ASSERT(i == 0 || entries[i - 1].rowid < entries[i].rowid);
        i64 key = map_key(entries[i].rowid);
        if (i == 0 || key != map_key(entries[i - 1].rowid))
            TRY(map_row_read(index, key, &row));
        entries[i].list = row.lists[entries[i].rowid & (MAP_SPAN - 1)];
    }
    return SQLITE_OK;
}

int map_store(Index *index, const MapEntry *entries, size_t count)
{
    MapRow row;
    for (size_t i = 0; i < count; i++) {
        ASSERT(i == 0 || entries[i - 1].rowid < entries[i].rowid);
        i64 key = map_key(entries[i].rowid);
        if (i == 0 || key != map_key(entries[i - 1].rowid))
            TRY(map_row_read(index, key, &row));
        row.lists[entries[i].rowid & (MAP_SPAN - 1)] = entries[i].list;
        if (i + 1 == count || key != map_key(entries[i + 1].rowid))
            TRY(map_row_write(index, key, &row));
    }
    return SQLITE_OK;
}
