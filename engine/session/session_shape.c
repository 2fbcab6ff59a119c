// What a changeset needs to know of a table: see session_shape.h. It is read through PRAGMA
// table_xinfo, as a program would, each time somebody must be sure: the schema may have changed
// since.

#include "session/session_shape.h"
#include "base/hashmap.h"
#include "session/changeset_field.h"
#include <string.h>

// NULL text means that there was no memory for it.
int session_prepare(sqlite3 *db, char *sql, sqlite3_stmt **stmt)
{
    *stmt = NULL;
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, stmt, NULL);
    sqlite3_free(sql);
    return rc;
}

// Columns of PRAGMA table_xinfo.
enum { INFO_CID, INFO_NAME, INFO_TYPE, INFO_NOTNULL, INFO_DEFAULT, INFO_PK, INFO_HIDDEN };

// 0: there is no such table.
static int count_columns(sqlite3_stmt *info, int *count)
{
    *count = 0;
    while (sqlite3_step(info) == SQLITE_ROW)
        // Neither hidden columns of virtual tables nor generated ones: they have no value of their
        // own to restore.
        *count += sqlite3_column_int(info, INFO_HIDDEN) == 0;
    return sqlite3_reset(info);
}

// NULL for NULL; without memory too, which the arena remembers.
static const char *column_copy(TableShape *shape, sqlite3_stmt *info, int column)
{
    ASSERT(column >= INFO_CID && column <= INFO_HIDDEN);

    const char *text = (const char *)sqlite3_column_text(info, column);
    if (text == NULL)
        return NULL;
    return arena_dup(&shape->arena, text, (size_t)sqlite3_column_bytes(info, column));
}

// Room for the rowid's column is left in front if `first` says so.
static int read_columns(TableShape *shape, sqlite3_stmt *info, int count, int first)
{
    ASSERT(first == 0 || first == 1);

    int i = first;
    // Another connection may add or drop a column between the two runs of the pragma: more are not
    // read, fewer are an error.
    while (sqlite3_step(info) == SQLITE_ROW && i < count) {
        if (sqlite3_column_int(info, INFO_HIDDEN) != 0)
            continue;
        shape->names[i] = column_copy(shape, info, INFO_NAME);
        shape->defaults[i] = column_copy(shape, info, INFO_DEFAULT);
        // Not i: with generated columns left out the numbers differ from the preupdate hook's.
        shape->places[i] = sqlite3_column_int(info, INFO_CID);
        shape->key[i] = (u8)sqlite3_column_int(info, INFO_PK);
        shape->has_key = shape->has_key || shape->key[i] != 0;
        i++;
    }
    TRY(sqlite3_reset(info));
    // From here on every column has a name.
    if (shape->arena.failed)
        return SQLITE_NOMEM;
    return i == count ? SQLITE_OK : SQLITE_SCHEMA;
}

// All in the shape's arena, so that a shape is dropped as a whole.
static int allocate_columns(TableShape *shape, int count)
{
    ASSERT(count > 0);

    Arena *arena = &shape->arena;
    shape->names = arena_array(arena, (size_t)count, sizeof *shape->names);
    shape->defaults = arena_array(arena, (size_t)count, sizeof *shape->defaults);
    shape->places = arena_array(arena, (size_t)count, sizeof *shape->places);
    shape->key = arena_array(arena, (size_t)count, 1);
    return arena->failed ? SQLITE_NOMEM : SQLITE_OK;
}

// The name under which the rowid can be reached, NULL: columns of the table hide all three.
static const char *rowid_name(const TableShape *shape, int first)
{
    ASSERT(first >= 0);

    static const char *const names[] = {"_rowid_", "rowid", "oid"};
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        bool is_hidden = false;
        for (int i = first; i < shape->column_count; i++)
            is_hidden = is_hidden || name_equals(shape->names[i], names[k]);
        if (!is_hidden)
            return names[k];
    }
    return NULL;
}

// Drops the room for the rowid column in front, or fills it.
static void settle_rowid(TableShape *shape)
{
    ASSERT(shape->column_count > 0);

    const char *name = shape->has_key || shape->is_statistics ? NULL : rowid_name(shape, 1);
    if (name != NULL) {
        shape->names[0] = name;
        shape->key[0] = 1;
        shape->places[0] = -1;
        shape->has_key = shape->has_rowid_key = true;
        return;
    }
    // The arena owns the arrays: moving their beginnings on loses nothing.
    shape->names++;
    shape->defaults++;
    shape->places++;
    shape->key++;
    shape->column_count--;
}

// Nothing is left to give back after an error.
int table_shape_read(sqlite3 *db, const char *schema, const char *table, bool takes_rowid,
                     TableShape *out)
{
    *out = (TableShape){0};
    sqlite3_stmt *info;
    TRY(session_prepare(db, sqlite3_mprintf("PRAGMA '%q'.table_xinfo('%q')", schema, table),
                        &info));
    int rc = SQLITE_OK;
    int first = takes_rowid ? 1 : 0;
    int count = 0;
    TRY_DONE(count_columns(info, &count));
    if (count == 0)
        goto done;
    TRY_DONE(allocate_columns(out, count + first));
    out->column_count = count + first;
    TRY_DONE(read_columns(out, info, count + first, first));
    // Three columns: a stat1 of another shape is a table like any other.
    out->is_statistics = name_equals(table, "sqlite_stat1") && count == 3;
    if (out->is_statistics) {
        out->key[first] = 1;
        out->key[first + 1] = 2;
        out->has_key = true;
    }
    if (takes_rowid)
        settle_rowid(out);
    rc = out->arena.failed ? SQLITE_NOMEM : SQLITE_OK;
done:
    sqlite3_finalize(info);
    if (rc != SQLITE_OK)
        table_shape_deinit(out);
    ASSERT(rc != SQLITE_OK || out->column_count >= 0);
    return rc;
}

int table_shape_defaults(sqlite3 *db, const TableShape *shape, int from, Buffer *out)
{
    ASSERT(from >= 0 && from < shape->column_count);

    // A default is an expression, as the schema has it in SQL: only running it gives the value. It
    // may be CURRENT_TIME, whose value is then the moment of reading, as in SQLite.
    sqlite3_str *sql = sqlite3_str_new(db);
    for (int i = from; i < shape->column_count; i++) {
        const char *text = shape->defaults[i] != NULL ? shape->defaults[i] : "NULL";
        sqlite3_str_appendf(sql, "%s%s", i == from ? "SELECT " : ", ", text);
    }
    sqlite3_stmt *stmt;
    TRY(session_prepare(db, sqlite3_str_finish(sql), &stmt));
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            field_write(out, sqlite3_column_value(stmt, i));
    }
    int rc = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : out->rc;
}

// As before table_shape_read(); also right of {0}.
void table_shape_deinit(TableShape *shape)
{
    arena_deinit(&shape->arena);
    *shape = (TableShape){0};
}
