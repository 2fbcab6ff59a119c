// The shadow tables of vec0. Layouts: vec0.h.
#include "vector/module_store.h"
#include "vector/vec0/vec0.h"

int vec0_fail(Vec0Table *table, int rc, const char *format, ...)
{
    ASSERT(table != NULL);

    va_list args;
    va_start(args, format);
    rc = module_fail(&table->base, rc, format, args);
    va_end(args);
    return rc;
}

int vec0_corrupt(Vec0Table *table, const char *what)
{
    ASSERT(what != NULL);

    sqlite3_log(SQLITE_CORRUPT_VTAB, "vec0 table %s: %s", table->config.name, what);
    return vec0_fail(table, SQLITE_CORRUPT_VTAB, "vec0 table %s is damaged: %s", table->config.name,
                     what);
}

int vec0_exec(Vec0Table *table, const char *format, ...)
{
    ASSERT(table->db != NULL);

    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(table->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
}

int vec0_prepare(Vec0Table *table, sqlite3_stmt **out, const char *format, ...)
{
    ASSERT(table->db != NULL && out != NULL);

    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    *out = NULL;
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(table->db, sql, -1, out, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
}

// --- statements ---

// "partition00 IS ?1 AND partition01 IS ?2", or "1".
static void append_partition(sqlite3_str *sql, const Vec0Table *table)
{
    int count = table->config.counts[VEC0_PARTITION];
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(sql, "%spartition%02d IS ?%d", i > 0 ? " AND " : "", i, i + 1);
    if (count == 0)
        sqlite3_str_appendall(sql, "1");
}

static void append_numbered(sqlite3_str *sql, const char *format, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(sql, format, i);
}

static void append_parameters(sqlite3_str *sql, int first, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(sql, ", ?%d", first + i);
}

static void append_row_sql(sqlite3_str *sql, const Vec0Table *table, Vec0Statement which)
{
    static const char *const formats[] = {
        [VEC0_ROW_FIND] = "SELECT chunk_id, chunk_offset, id FROM \"%w\".\"%w_rowids\""
                          " WHERE rowid = ?1",
        [VEC0_ROW_FIND_ID] = "SELECT rowid FROM \"%w\".\"%w_rowids\" WHERE id = ?1",
        [VEC0_ROW_INSERT] = "INSERT INTO \"%w\".\"%w_rowids\"(rowid, id) VALUES(?1, ?2)",
        [VEC0_ROW_PLACE] = "UPDATE \"%w\".\"%w_rowids\" SET chunk_id = ?2, chunk_offset = ?3"
                           " WHERE rowid = ?1",
        [VEC0_ROW_DELETE] = "DELETE FROM \"%w\".\"%w_rowids\" WHERE rowid = ?1",
    };
    ASSERT((int)which < ARRAY_LEN(formats));

    sqlite3_str_appendf(sql, formats[which], table->config.schema, table->config.name);
}

static void append_chunk_sql(sqlite3_str *sql, const Vec0Table *table, Vec0Statement which)
{
    ASSERT(which >= VEC0_CHUNK_LAST && which <= VEC0_CHUNK_READ);

    const char *schema = table->config.schema, *name = table->config.name;
    int partitions = table->config.counts[VEC0_PARTITION];
    if (which == VEC0_CHUNK_LAST) {
        sqlite3_str_appendf(sql, "SELECT max(chunk_id) FROM \"%w\".\"%w_chunks\" WHERE ", schema,
                            name);
        append_partition(sql, table);
    } else if (which == VEC0_CHUNK_INSERT) {
        sqlite3_str_appendf(sql, "INSERT INTO \"%w\".\"%w_chunks\"(size, validity, rowids", schema,
                            name);
        append_numbered(sql, ", partition%02d", partitions);
        sqlite3_str_appendall(sql, ") VALUES(?1, zeroblob(?1 / 8), zeroblob(?1 * 8)");
        append_parameters(sql, 2, partitions);
        sqlite3_str_appendall(sql, ")");
    } else if (which == VEC0_CHUNK_DELETE) {
        sqlite3_str_appendf(sql, "DELETE FROM \"%w\".\"%w_chunks\" WHERE chunk_id = ?1", schema,
                            name);
    } else {
        sqlite3_str_appendall(sql, "SELECT chunk_id, size, validity, rowids");
        append_numbered(sql, ", partition%02d", partitions);
        sqlite3_str_appendf(sql, " FROM \"%w\".\"%w_chunks\" WHERE chunk_id = ?1", schema, name);
    }
}

// All chunks, and where the vectors of a column are. (The plus takes the type from the number, so
// that the index of an untyped column serves.) Few of the rowids are asked for: they are read
// apart.
static void append_chunks_sql(sqlite3_str *sql, const Vec0Table *table, int vector)
{
    const char *schema = table->config.schema, *name = table->config.name;
    ASSERT(vector >= 0 && vector < table->config.counts[VEC0_VECTOR]);

    sqlite3_str_appendall(sql, "SELECT c.chunk_id, c.size, c.validity, v._rowid_");
    append_numbered(sql, ", c.partition%02d", table->config.counts[VEC0_PARTITION]);
    sqlite3_str_appendf(sql,
                        " FROM \"%w\".\"%w_chunks\" c LEFT JOIN \"%w\".\"%w_vector_chunks%02d\" v"
                        " ON v.rowid = +c.chunk_id ORDER BY c.chunk_id",
                        schema, name, schema, name, vector);
}

static void append_auxiliary_sql(sqlite3_str *sql, const Vec0Table *table, Vec0Statement which)
{
    ASSERT(which >= VEC0_AUX_INSERT && which <= VEC0_AUX_DELETE);

    const char *schema = table->config.schema, *name = table->config.name;
    int count = table->config.counts[VEC0_AUXILIARY];
    if (which == VEC0_AUX_INSERT) {
        sqlite3_str_appendf(sql, "INSERT INTO \"%w\".\"%w_auxiliary\"(rowid", schema, name);
        append_numbered(sql, ", value%02d", count);
        sqlite3_str_appendall(sql, ") VALUES(?1");
        append_parameters(sql, 2, count);
        sqlite3_str_appendall(sql, ")");
    } else if (which == VEC0_AUX_READ) {
        sqlite3_str_appendall(sql, "SELECT rowid");
        append_numbered(sql, ", value%02d", count);
        sqlite3_str_appendf(sql, " FROM \"%w\".\"%w_auxiliary\" WHERE rowid = ?1", schema, name);
    } else {
        sqlite3_str_appendf(sql, "DELETE FROM \"%w\".\"%w_auxiliary\" WHERE rowid = ?1", schema,
                            name);
    }
}

static char *statement_sql(const Vec0Table *table, Vec0Statement which)
{
    ASSERT((int)which < VEC0_STATEMENTS);

    sqlite3_str *sql = sqlite3_str_new(table->db);
    if (which <= VEC0_ROW_DELETE)
        append_row_sql(sql, table, which);
    else if (which <= VEC0_CHUNK_READ)
        append_chunk_sql(sql, table, which);
    else if (which < VEC0_CHUNKS_READ)
        append_auxiliary_sql(sql, table, which);
    else
        append_chunks_sql(sql, table, (int)which - VEC0_CHUNKS_READ);
    return sqlite3_str_finish(sql);
}

int vec0_statement(Vec0Table *table, Vec0Statement which, sqlite3_stmt **out)
{
    ASSERT((int)which < VEC0_STATEMENTS);

    sqlite3_stmt **stmt = &table->statements[which];
    int rc =
        *stmt != NULL ? SQLITE_OK : module_statement(table->db, statement_sql(table, which), stmt);
    *out = *stmt;
    if (rc == SQLITE_OK || rc == SQLITE_NOMEM)
        return rc;
    return vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
}

void vec0_finalize(Vec0Table *table)
{
    ASSERT(table != NULL);
    module_finalize(table->statements, VEC0_STATEMENTS);
}

// --- creation ---

static int create_info(Vec0Table *table)
{
    const char *schema = table->config.schema, *name = table->config.name;
    TRY(vec0_exec(table, "CREATE TABLE \"%w\".\"%w_info\" (key text primary key, value any)",
                  schema, name));
    return vec0_exec(table,
                     "INSERT INTO \"%w\".\"%w_info\"(key, value) VALUES"
                     " ('CREATE_VERSION', 'v0.1.9'), ('CREATE_VERSION_MAJOR', 0),"
                     " ('CREATE_VERSION_MINOR', 1), ('CREATE_VERSION_PATCH', 9)",
                     schema, name);
}

static int create_rows(Vec0Table *table)
{
    const Vec0Config *c = &table->config;
    bool is_text = c->columns[0].type == VEC0_TEXT;
    int partitions = c->counts[VEC0_PARTITION];
    sqlite3_str *columns = sqlite3_str_new(table->db);
    if (partitions > 0)
        sqlite3_str_appendall(columns, "sequence_id integer,");
    append_numbered(columns, "partition%02d,", partitions);
    char *text = sqlite3_str_finish(columns);
    // Blanks as sqlite-vec has them: its files and ours are the same to the byte.
    int rc = vec0_exec(table,
                       "CREATE TABLE \"%w\".\"%w_chunks\"(chunk_id INTEGER PRIMARY KEY "
                       "AUTOINCREMENT,size INTEGER NOT NULL,%svalidity BLOB NOT NULL,%srowids BLOB "
                       "NOT NULL)",
                       c->schema, c->name, text != NULL ? text : "", partitions > 0 ? " " : "");
    sqlite3_free(text);
    TRY(rc);
    return vec0_exec(table,
                     "CREATE TABLE \"%w\".\"%w_rowids\"(rowid INTEGER PRIMARY KEY AUTOINCREMENT,"
                     "id%s,chunk_id INTEGER,chunk_offset INTEGER)",
                     c->schema, c->name, is_text ? " TEXT UNIQUE NOT NULL" : "");
}

static int create_chunk_tables(Vec0Table *table)
{
    const Vec0Config *c = &table->config;
    for (int i = 0; i < c->counts[VEC0_VECTOR]; i++)
        TRY(vec0_exec(table,
                      "CREATE TABLE \"%w\".\"%w_vector_chunks%02d\"(rowid PRIMARY KEY,vectors BLOB "
                      "NOT NULL)",
                      c->schema, c->name, i));
    for (int i = 0; i < c->counts[VEC0_METADATA]; i++) {
        TRY(vec0_exec(table,
                      "CREATE TABLE \"%w\".\"%w_metadatachunks%02d\"(rowid PRIMARY KEY, data BLOB "
                      "NOT NULL)",
                      c->schema, c->name, i));
        if (vec0_column(c, VEC0_METADATA, i)->type == VEC0_TEXT)
            TRY(vec0_exec(table,
                          "CREATE TABLE \"%w\".\"%w_metadatatext%02d\"(rowid PRIMARY KEY, data "
                          "TEXT)",
                          c->schema, c->name, i));
    }
    return SQLITE_OK;
}

int vec0_create(Vec0Table *table)
{
    const Vec0Config *c = &table->config;
    TRY(create_info(table));
    TRY(create_rows(table));
    TRY(create_chunk_tables(table));
    if (c->counts[VEC0_AUXILIARY] == 0)
        return SQLITE_OK;
    sqlite3_str *columns = sqlite3_str_new(table->db);
    append_numbered(columns, ", value%02d", c->counts[VEC0_AUXILIARY]);
    char *text = sqlite3_str_finish(columns);
    int rc = vec0_exec(table, "CREATE TABLE \"%w\".\"%w_auxiliary\"( rowid integer PRIMARY KEY %s)",
                       c->schema, c->name, text != NULL ? text : "");
    sqlite3_free(text);
    return rc;
}

// Calls `each` with the suffix of every shadow table.
typedef int EachTable(Vec0Table *table, const char *suffix, const char *argument);

static int for_numbered(Vec0Table *table, EachTable *each, const char *argument, const char *format,
                        int count)
{
    ASSERT(count >= 0 && count <= VEC0_VECTORS_MAX);

    char suffix[40];
    for (int i = 0; i < count; i++) {
        sqlite3_snprintf((int)sizeof suffix, suffix, format, i);
        TRY(each(table, suffix, argument));
    }
    return SQLITE_OK;
}

static int for_each_table(Vec0Table *table, EachTable *each, const char *argument)
{
    const Vec0Config *c = &table->config;
    TRY(each(table, "info", argument));
    TRY(each(table, "chunks", argument));
    TRY(each(table, "rowids", argument));
    TRY(for_numbered(table, each, argument, "vector_chunks%02d", c->counts[VEC0_VECTOR]));
    TRY(for_numbered(table, each, argument, "metadatachunks%02d", c->counts[VEC0_METADATA]));
    for (int i = 0; i < c->counts[VEC0_METADATA]; i++) {
        char suffix[40];
        if (vec0_column(c, VEC0_METADATA, i)->type != VEC0_TEXT)
            continue;
        sqlite3_snprintf((int)sizeof suffix, suffix, "metadatatext%02d", i);
        TRY(each(table, suffix, argument));
    }
    return c->counts[VEC0_AUXILIARY] > 0 ? each(table, "auxiliary", argument) : SQLITE_OK;
}

static int drop_table(Vec0Table *table, const char *suffix, const char *argument)
{
    (void)argument;
    return vec0_exec(table, "DROP TABLE IF EXISTS \"%w\".\"%w_%s\"", table->config.schema,
                     table->config.name, suffix);
}

int vec0_drop(Vec0Table *table)
{
    vec0_finalize(table);
    return for_each_table(table, drop_table, NULL);
}

static int rename_table(Vec0Table *table, const char *suffix, const char *new_name)
{
    ASSERT(new_name != NULL);

    return vec0_exec(table, "ALTER TABLE \"%w\".\"%w_%s\" RENAME TO \"%w_%s\"",
                     table->config.schema, table->config.name, suffix, new_name, suffix);
}

int vec0_rename(Vec0Table *table, const char *new_name)
{
    ASSERT(new_name != NULL);

    char *name = sqlite3_mprintf("%s", new_name);
    if (name == NULL)
        return SQLITE_NOMEM;
    vec0_finalize(table);
    int rc = for_each_table(table, rename_table, new_name);
    if (rc != SQLITE_OK) {
        sqlite3_free(name);
        return rc;
    }
    sqlite3_free(table->config.name);
    table->config.name = name;
    return SQLITE_OK;
}

// --- rows and slots ---

int vec0_find(Vec0Table *table, i64 rowid, Vec0Place *place, bool *found)
{
    ASSERT(place != NULL && found != NULL);

    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, VEC0_ROW_FIND, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    *found = sqlite3_step(stmt) == SQLITE_ROW;
    if (*found)
        *place = (Vec0Place){rowid, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
    TRY(sqlite3_reset(stmt));
    if (*found && (place->offset < 0 || place->offset >= table->config.chunk_size))
        return vec0_corrupt(table, "a row lies outside of its chunk");
    return SQLITE_OK;
}

static int true_rowid(Vec0Table *table, const char *shadow, i64 chunk, i64 *out)
{
    ASSERT(shadow != NULL);

    sqlite3_stmt *stmt;
    TRY(vec0_prepare(table, &stmt, "SELECT _rowid_ FROM \"%w\".\"%w\" WHERE rowid = %lld",
                     table->config.schema, shadow, (long long)chunk));
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    *out = found ? sqlite3_column_int64(stmt, 0) : 0;
    TRY(sqlite3_finalize(stmt));
    return found ? SQLITE_OK : vec0_corrupt(table, "a chunk is missing");
}

int vec0_blob_open(Vec0Table *table, const Vec0Column *column, i64 chunk, bool write,
                   sqlite3_blob **out)
{
    ASSERT(column->kind == VEC0_VECTOR || column->kind == VEC0_METADATA);

    const Vec0Config *c = &table->config;
    bool is_vector = column->kind == VEC0_VECTOR;
    size_t expected = is_vector ? vec0_vector_size(column) * (size_t)c->chunk_size
                                : vec0_metadata_size(column, c->chunk_size);
    char *shadow = sqlite3_mprintf("%s_%s%02d", c->name,
                                   is_vector ? "vector_chunks" : "metadatachunks", column->index);
    if (shadow == NULL)
        return SQLITE_NOMEM;
    i64 rowid;
    *out = NULL;
    int rc = true_rowid(table, shadow, chunk, &rowid);
    if (rc == SQLITE_OK) {
        rc = sqlite3_blob_open(table->db, c->schema, shadow, is_vector ? "vectors" : "data", rowid,
                               write, out);
        if (rc != SQLITE_OK)
            rc = vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
    }
    sqlite3_free(shadow);
    if (rc == SQLITE_OK && (size_t)sqlite3_blob_bytes(*out) != expected)
        rc = vec0_corrupt(table, "a chunk is of the wrong size");
    if (rc != SQLITE_OK) {
        (void)sqlite3_blob_close(*out);
        *out = NULL;
    }
    return rc;
}

static size_t slot_size(const Vec0Column *column)
{
    return column->kind == VEC0_VECTOR ? vec0_vector_size(column)
                                       : vec0_metadata_size(column, 8) / 8;
}

int vec0_slot_read(Vec0Table *table, const Vec0Column *column, const Vec0Place *place, u8 *out)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    size_t size = slot_size(column);
    sqlite3_blob *blob;
    TRY(vec0_blob_open(table, column, place->chunk, false, &blob));
    int rc = sqlite3_blob_read(blob, out, (int)size, (int)(size * (size_t)place->offset));
    int end = sqlite3_blob_close(blob);
    return rc != SQLITE_OK ? rc : end;
}

int vec0_slot_write(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                    const u8 *bytes)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    size_t size = slot_size(column);
    sqlite3_blob *blob;
    TRY(vec0_blob_open(table, column, place->chunk, true, &blob));
    int rc = sqlite3_blob_write(blob, bytes, (int)size, (int)(size * (size_t)place->offset));
    int end = sqlite3_blob_close(blob);
    return rc != SQLITE_OK ? rc : end;
}

static int claim_bit(sqlite3_blob *blob, i64 offset, bool is_used, bool *is_empty)
{
    u8 validity[VEC0_CHUNK_SIZE_MAX / 8];
    int size = sqlite3_blob_bytes(blob);
    ASSERT(size <= (int)sizeof validity && offset / 8 < size);

    TRY(sqlite3_blob_read(blob, validity, size, 0));
    u8 mask = (u8)(1u << offset % 8);
    u8 *byte = &validity[offset / 8];
    *byte = (u8)(is_used ? *byte | mask : *byte & ~mask);
    *is_empty = true;
    for (int i = 0; i < size; i++)
        *is_empty = *is_empty && validity[i] == 0;
    return sqlite3_blob_write(blob, byte, 1, (int)(offset / 8));
}

int vec0_slot_claim(Vec0Table *table, const Vec0Place *place, bool is_used, bool *is_empty)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    const Vec0Config *c = &table->config;
    char *shadow = sqlite3_mprintf("%s_chunks", c->name);
    sqlite3_blob *blob = NULL;
    if (shadow == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_blob_open(table->db, c->schema, shadow, "validity", place->chunk, 1, &blob);
    if (rc == SQLITE_OK && sqlite3_blob_bytes(blob) != c->chunk_size / 8)
        rc = vec0_corrupt(table, "a chunk's validity is of the wrong size");
    if (rc == SQLITE_OK)
        rc = claim_bit(blob, place->offset, is_used, is_empty);
    (void)sqlite3_blob_close(blob);
    blob = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_open(table->db, c->schema, shadow, "rowids", place->chunk, 1, &blob);
    if (rc == SQLITE_OK && sqlite3_blob_bytes(blob) != c->chunk_size * 8)
        rc = vec0_corrupt(table, "a chunk's rowids are of the wrong size");
    i64 rowid = is_used ? place->rowid : 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_write(blob, &rowid, 8, (int)(place->offset * 8));
    int end = sqlite3_blob_close(blob);
    sqlite3_free(shadow);
    return rc != SQLITE_OK ? rc : end;
}
