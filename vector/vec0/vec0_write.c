// Writing to vec0 tables.
//
// A new row goes into the first free slot of the newest chunk of its partition, or of a new chunk.
// A chunk that loses its last row is deleted. UPDATE changes values in place; keys and partitions
// stay what they were.
#include "vector/module_store.h"
#include "vector/vec0/vec0.h"

// Arguments of xUpdate: [0] old key, [1] new key, [2] on: columns, then distance and k.
static sqlite3_value *argument_of(sqlite3_value **args, const Vec0Table *table,
                                  const Vec0Column *column)
{
    return args[2 + (column - table->config.columns)];
}

// --- checks, all before anything is written ---

static int check_hidden(Vec0Table *table, sqlite3_value **args)
{
    static const char *const names[] = {"distance", "k"};
    for (int i = 0; i < 2; i++)
        if (sqlite3_value_type(args[2 + table->config.column_count + i]) != SQLITE_NULL)
            return vec0_fail(table, SQLITE_ERROR,
                             "A value was provided for the hidden \"%s\" column.", names[i]);
    return SQLITE_OK;
}

static const char *element_name(VectorType type)
{
    return type == VECTOR_F32 ? "float32" : type == VECTOR_I8 ? "int8" : "bit";
}

// What is wrong with a vector is told in the words of the statement.
static int read_vector(Vec0Table *table, const Vec0Column *column, bool is_update,
                       sqlite3_value *value, VecValue *out)
{
    ASSERT(column->kind == VEC0_VECTOR);

    VectorError error;
    int rc = vec_value_read(value, out, &error);
    if (rc == SQLITE_ERROR)
        return vec0_fail(table, rc, "%s vector for the \"%s\" column is invalid: %s",
                         is_update ? "Updated" : "Inserted", column->name, error.text);
    TRY(rc);
    if (out->vector.type != column->element)
        rc = vec0_fail(table, SQLITE_ERROR,
                       "%s vector for the \"%s\" column is expected to be of type %s, but a "
                       "%s vector was provided.",
                       is_update ? "Updated" : "Inserted", column->name,
                       element_name(column->element), element_name(out->vector.type));
    else if (out->vector.dims != column->dims)
        rc = vec0_fail(table, SQLITE_ERROR,
                       "Dimension mismatch for %s vector for the \"%s\" column. Expected %u "
                       "dimensions but received %d.",
                       is_update ? "new updated" : "inserted", column->name, column->dims,
                       (int)out->vector.dims);
    if (rc != SQLITE_OK)
        vec_value_deinit(out);
    return rc;
}

static bool type_fits(Vec0Type type, int value_type)
{
    switch (type) {
    case VEC0_BOOLEAN:
    case VEC0_INTEGER: return value_type == SQLITE_INTEGER;
    case VEC0_FLOAT: return value_type == SQLITE_FLOAT;
    case VEC0_TEXT: return value_type == SQLITE_TEXT;
    case VEC0_BLOB: return value_type == SQLITE_BLOB;
    }
    return false;
}

static const char *column_type_name(Vec0Type type)
{
    static const char *const names[] = {"BOOLEAN", "INTEGER", "FLOAT", "TEXT", "BLOB"};
    return names[type];
}

static int check_partition(Vec0Table *table, const Vec0Column *column, sqlite3_value *value)
{
    ASSERT(column->kind == VEC0_PARTITION);

    int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL || type_fits(column->type, type))
        return SQLITE_OK;
    return vec0_fail(table, SQLITE_ERROR,
                     "Parition key type mismatch: The partition key column %s has type %s, but %s "
                     "was provided.",
                     column->name, column_type_name(column->type), vec0_type_name(type));
}

static int check_auxiliary(Vec0Table *table, const Vec0Column *column, sqlite3_value *value)
{
    ASSERT(column->kind == VEC0_AUXILIARY);

    int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL || type_fits(column->type, type))
        return SQLITE_OK;
    return vec0_fail(table, SQLITE_CONSTRAINT,
                     "Auxiliary column type mismatch: The auxiliary column %s has type %s, but %s "
                     "was provided.",
                     column->name, column_type_name(column->type), vec0_type_name(type));
}

static int check_column(Vec0Table *table, const Vec0Column *column, bool is_update,
                        sqlite3_value *value)
{
    VecValue vector;
    switch (column->kind) {
    case VEC0_KEY: return SQLITE_OK;
    case VEC0_VECTOR:
        TRY(read_vector(table, column, is_update, value, &vector));
        vec_value_deinit(&vector);
        return SQLITE_OK;
    case VEC0_PARTITION: return check_partition(table, column, value);
    case VEC0_METADATA: return vec0_metadata_check(table, column, value);
    case VEC0_AUXILIARY: return check_auxiliary(table, column, value);
    }
    return SQLITE_MISUSE;
}

static const Vec0Kind check_order[] = {VEC0_PARTITION, VEC0_VECTOR, VEC0_METADATA, VEC0_AUXILIARY};

static int check_values(Vec0Table *table, sqlite3_value **args, bool is_update)
{
    for (int i = 0; i < ARRAY_LEN(check_order); i++)
        for (int k = 0; k < table->config.counts[check_order[i]]; k++) {
            const Vec0Column *column = vec0_column(&table->config, check_order[i], k);
            sqlite3_value *value = argument_of(args, table, column);
            if (!is_update || !sqlite3_value_nochange(value))
                TRY(check_column(table, column, is_update, value));
        }
    return SQLITE_OK;
}

// --- keys ---

int vec0_key_rowid(Vec0Table *table, sqlite3_value *key, i64 *rowid, bool *found)
{
    if (table->config.columns[0].type != VEC0_TEXT) {
        *found = sqlite3_value_numeric_type(key) == SQLITE_INTEGER;
        *rowid = sqlite3_value_int64(key);
        return SQLITE_OK;
    }
    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, VEC0_ROW_FIND_ID, &stmt));
    TRY(sqlite3_bind_value(stmt, 1, key));
    *found = sqlite3_step(stmt) == SQLITE_ROW;
    *rowid = *found ? sqlite3_column_int64(stmt, 0) : 0;
    int rc = sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}

static int check_key(Vec0Table *table, sqlite3_value *key)
{
    const Vec0Config *c = &table->config;
    int type = sqlite3_value_type(key);
    if (c->columns[0].type == VEC0_TEXT) {
        if (type == SQLITE_TEXT)
            return SQLITE_OK;
        return vec0_fail(table, SQLITE_ERROR,
                         "The %s virtual table was declared with a TEXT primary key, but a "
                         "non-TEXT value was provided in an INSERT.",
                         c->name);
    }
    if (type == SQLITE_INTEGER || type == SQLITE_NULL)
        return SQLITE_OK;
    return vec0_fail(table, SQLITE_ERROR, "Only integers are allows for primary key values on %s",
                     c->name);
}

static int insert_key(Vec0Table *table, sqlite3_value *key, i64 *rowid)
{
    sqlite3_stmt *stmt;
    bool is_text = table->config.columns[0].type == VEC0_TEXT;
    TRY(vec0_statement(table, VEC0_ROW_INSERT, &stmt));
    TRY(sqlite3_bind_value(stmt, is_text ? 2 : 1, key));
    int rc = module_run(stmt);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return vec0_fail(table, SQLITE_ERROR, "UNIQUE constraint failed on %s primary key",
                         table->config.name);
    *rowid = sqlite3_last_insert_rowid(table->db);
    return rc;
}

// --- places ---

static int bind_partition(Vec0Table *table, sqlite3_stmt *stmt, int first, sqlite3_value **args)
{
    for (int i = 0; i < table->config.counts[VEC0_PARTITION]; i++)
        TRY(sqlite3_bind_value(
            stmt, first + i,
            argument_of(args, table, vec0_column(&table->config, VEC0_PARTITION, i))));
    return SQLITE_OK;
}

// The newest chunk of the partition; 0: there is none.
static int last_chunk(Vec0Table *table, sqlite3_value **args, i64 *chunk)
{
    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, VEC0_CHUNK_LAST, &stmt));
    TRY(bind_partition(table, stmt, 1, args));
    *chunk = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    int rc = sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}

// -1: all slots are taken.
static int free_slot(Vec0Table *table, i64 chunk, i64 *offset)
{
    sqlite3_stmt *stmt;
    i64 slots = table->config.chunk_size;
    TRY(vec0_statement(table, VEC0_CHUNK_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, chunk));
    *offset = -1;
    int rc = SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const u8 *validity = sqlite3_column_blob(stmt, 2);
        if (validity == NULL || sqlite3_column_bytes(stmt, 2) != slots / 8)
            rc = vec0_corrupt(table, "a chunk's validity is of the wrong size");
        for (i64 slot = 0; rc == SQLITE_OK && *offset < 0 && slot < slots; slot++)
            if ((validity[slot / 8] >> slot % 8 & 1) == 0)
                *offset = slot;
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int insert_chunk_blob(Vec0Table *table, const Vec0Column *column, i64 chunk)
{
    ASSERT(column->kind == VEC0_VECTOR || column->kind == VEC0_METADATA);

    const Vec0Config *c = &table->config;
    bool is_vector = column->kind == VEC0_VECTOR;
    size_t size = is_vector ? vec0_vector_size(column) * (size_t)c->chunk_size
                            : vec0_metadata_size(column, c->chunk_size);
    // The true rowid is given the same number, so that both ways to find a chunk agree.
    return vec0_exec(table,
                     "INSERT INTO \"%w\".\"%w_%s%02d\"(_rowid_, rowid, %s) VALUES(%lld, %lld, "
                     "zeroblob(%lld))",
                     c->schema, c->name, is_vector ? "vector_chunks" : "metadatachunks",
                     column->index, is_vector ? "vectors" : "data", (long long)chunk,
                     (long long)chunk, (long long)size);
}

static int new_chunk(Vec0Table *table, sqlite3_value **args, i64 *chunk)
{
    const Vec0Config *c = &table->config;
    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, VEC0_CHUNK_INSERT, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, c->chunk_size));
    TRY(bind_partition(table, stmt, 2, args));
    TRY(module_run(stmt));
    *chunk = sqlite3_last_insert_rowid(table->db);
    for (int i = 0; i < c->counts[VEC0_VECTOR]; i++)
        TRY(insert_chunk_blob(table, vec0_column(c, VEC0_VECTOR, i), *chunk));
    for (int i = 0; i < c->counts[VEC0_METADATA]; i++)
        TRY(insert_chunk_blob(table, vec0_column(c, VEC0_METADATA, i), *chunk));
    return SQLITE_OK;
}

static int find_place(Vec0Table *table, sqlite3_value **args, Vec0Place *place)
{
    place->offset = -1;
    TRY(last_chunk(table, args, &place->chunk));
    if (place->chunk != 0)
        TRY(free_slot(table, place->chunk, &place->offset));
    if (place->offset >= 0)
        return SQLITE_OK;
    place->offset = 0;
    return new_chunk(table, args, &place->chunk);
}

static int record_place(Vec0Table *table, const Vec0Place *place)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    sqlite3_stmt *stmt;
    bool is_empty;
    TRY(vec0_statement(table, VEC0_ROW_PLACE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, place->rowid));
    TRY(sqlite3_bind_int64(stmt, 2, place->chunk));
    TRY(sqlite3_bind_int64(stmt, 3, place->offset));
    TRY(module_run(stmt));
    return vec0_slot_claim(table, place, true, &is_empty);
}

// --- values ---

static int write_vector(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                        sqlite3_value *value)
{
    VecValue vector;
    TRY(read_vector(table, column, false, value, &vector)); // it was checked before
    int rc = vec0_slot_write(table, column, place, vector.vector.data);
    vec_value_deinit(&vector);
    return rc;
}

static int insert_auxiliary(Vec0Table *table, i64 rowid, sqlite3_value **args)
{
    const Vec0Config *c = &table->config;
    sqlite3_stmt *stmt;
    if (c->counts[VEC0_AUXILIARY] == 0)
        return SQLITE_OK;
    TRY(vec0_statement(table, VEC0_AUX_INSERT, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    for (int i = 0; i < c->counts[VEC0_AUXILIARY]; i++)
        TRY(sqlite3_bind_value(stmt, 2 + i,
                               argument_of(args, table, vec0_column(c, VEC0_AUXILIARY, i))));
    return module_run(stmt);
}

static int write_values(Vec0Table *table, const Vec0Place *place, sqlite3_value **args,
                        bool is_update)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    const Vec0Config *c = &table->config;
    for (int i = 0; i < c->column_count; i++) {
        const Vec0Column *column = &c->columns[i];
        sqlite3_value *value = argument_of(args, table, column);
        if (is_update && sqlite3_value_nochange(value))
            continue;
        if (column->kind == VEC0_VECTOR)
            TRY(write_vector(table, column, place, value));
        else if (column->kind == VEC0_METADATA)
            TRY(vec0_metadata_write(table, column, place, value));
    }
    return SQLITE_OK;
}

// --- INSERT ---

static int delete_row(Vec0Table *table, i64 rowid);

// A row of the same key makes way for REPLACE, and stays for IGNORE.
static int resolve_conflict(Vec0Table *table, sqlite3_value *key, bool *is_ignored)
{
    int mode = sqlite3_vtab_on_conflict(table->db);
    i64 rowid;
    bool found;
    Vec0Place place;
    *is_ignored = false;
    if ((mode != SQLITE_REPLACE && mode != SQLITE_IGNORE) || sqlite3_value_type(key) == SQLITE_NULL)
        return SQLITE_OK;
    TRY(vec0_key_rowid(table, key, &rowid, &found));
    if (found)
        TRY(vec0_find(table, rowid, &place, &found));
    *is_ignored = found && mode == SQLITE_IGNORE;
    return found && mode == SQLITE_REPLACE ? delete_row(table, rowid) : SQLITE_OK;
}

static int insert_row(Vec0Table *table, sqlite3_value **args, sqlite3_int64 *rowid)
{
    sqlite3_value *key = argument_of(args, table, &table->config.columns[0]);
    Vec0Place place;
    bool is_ignored;
    TRY(check_hidden(table, args));
    TRY(check_values(table, args, false));
    TRY(check_key(table, key));
    TRY(resolve_conflict(table, key, &is_ignored));
    if (is_ignored)
        return SQLITE_OK;
    TRY(insert_key(table, key, &place.rowid));
    TRY(find_place(table, args, &place));
    TRY(record_place(table, &place));
    TRY(write_values(table, &place, args, false));
    *rowid = place.rowid;
    TRY(insert_auxiliary(table, place.rowid, args));
    // What last_insert_rowid() shall say is the row, not the chunk.
    sqlite3_set_last_insert_rowid(table->db, place.rowid);
    return SQLITE_OK;
}

// --- DELETE ---

static int delete_by_rowid(Vec0Table *table, Vec0Statement which, i64 rowid)
{
    sqlite3_stmt *stmt;
    TRY(vec0_statement(table, which, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    return module_run(stmt);
}

static int delete_chunk(Vec0Table *table, i64 chunk)
{
    const Vec0Config *c = &table->config;
    TRY(delete_by_rowid(table, VEC0_CHUNK_DELETE, chunk));
    for (int i = 0; i < c->counts[VEC0_VECTOR]; i++)
        TRY(vec0_exec(table, "DELETE FROM \"%w\".\"%w_vector_chunks%02d\" WHERE rowid = %lld",
                      c->schema, c->name, i, (long long)chunk));
    for (int i = 0; i < c->counts[VEC0_METADATA]; i++)
        TRY(vec0_exec(table, "DELETE FROM \"%w\".\"%w_metadatachunks%02d\" WHERE rowid = %lld",
                      c->schema, c->name, i, (long long)chunk));
    return SQLITE_OK;
}

static int clear_values(Vec0Table *table, const Vec0Place *place)
{
    ASSERT(place->offset >= 0 && place->offset < table->config.chunk_size);

    const Vec0Config *c = &table->config;
    for (int i = 0; i < c->counts[VEC0_VECTOR]; i++) {
        const Vec0Column *column = vec0_column(c, VEC0_VECTOR, i);
        size_t size = vec0_vector_size(column);
        u8 *zeroes = sqlite3_malloc64(size);
        if (zeroes == NULL)
            return SQLITE_NOMEM;
        memset(zeroes, 0, size);
        int rc = vec0_slot_write(table, column, place, zeroes);
        sqlite3_free(zeroes);
        TRY(rc);
    }
    for (int i = 0; i < c->counts[VEC0_METADATA]; i++)
        TRY(vec0_metadata_clear(table, vec0_column(c, VEC0_METADATA, i), place));
    return SQLITE_OK;
}

static int delete_row(Vec0Table *table, i64 rowid)
{
    Vec0Place place;
    bool found, is_empty;
    TRY(vec0_find(table, rowid, &place, &found));
    if (!found)
        return SQLITE_OK;
    TRY(vec0_slot_claim(table, &place, false, &is_empty));
    TRY(clear_values(table, &place));
    TRY(delete_by_rowid(table, VEC0_ROW_DELETE, rowid));
    if (table->config.counts[VEC0_AUXILIARY] > 0)
        TRY(delete_by_rowid(table, VEC0_AUX_DELETE, rowid));
    return is_empty ? delete_chunk(table, place.chunk) : SQLITE_OK;
}

// --- UPDATE ---

static int update_auxiliary(Vec0Table *table, i64 rowid, sqlite3_value **args)
{
    const Vec0Config *c = &table->config;
    for (int i = 0; i < c->counts[VEC0_AUXILIARY]; i++) {
        sqlite3_value *value = argument_of(args, table, vec0_column(c, VEC0_AUXILIARY, i));
        sqlite3_stmt *stmt;
        if (sqlite3_value_nochange(value))
            continue;
        TRY(vec0_prepare(table, &stmt,
                         "UPDATE \"%w\".\"%w_auxiliary\" SET value%02d = ?1 WHERE rowid = %lld",
                         c->schema, c->name, i, (long long)rowid));
        int rc = sqlite3_bind_value(stmt, 1, value);
        (void)sqlite3_step(stmt);
        int end = sqlite3_finalize(stmt);
        TRY(rc != SQLITE_OK ? rc : end);
    }
    return SQLITE_OK;
}

static bool keys_are_equal(sqlite3_value *a, sqlite3_value *b)
{
    if (sqlite3_value_type(a) != sqlite3_value_type(b))
        return false;
    if (sqlite3_value_type(a) == SQLITE_INTEGER)
        return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    const void *a_text = sqlite3_value_text(a), *b_text = sqlite3_value_text(b);
    int size = sqlite3_value_bytes(a);
    return a_text != NULL && b_text != NULL && size == sqlite3_value_bytes(b)
           && memcmp(a_text, b_text, (size_t)size) == 0;
}

static int check_fixed(Vec0Table *table, sqlite3_value **args)
{
    const Vec0Config *c = &table->config;
    sqlite3_value *key = argument_of(args, table, &c->columns[0]);
    bool is_same = sqlite3_value_nochange(key) || keys_are_equal(args[0], key);
    if (!is_same || (!c->has_key && !keys_are_equal(args[0], args[1])))
        return vec0_fail(table, SQLITE_ERROR,
                         "UPDATEs on vec0 primary key values are not allowed.");
    for (int i = 0; i < c->counts[VEC0_PARTITION]; i++)
        if (!sqlite3_value_nochange(argument_of(args, table, vec0_column(c, VEC0_PARTITION, i))))
            return vec0_fail(table, SQLITE_ERROR,
                             "UPDATE on partition key columns are not supported yet. ");
    return SQLITE_OK;
}

static int update_row(Vec0Table *table, sqlite3_value **args)
{
    i64 rowid;
    bool found;
    Vec0Place place;
    TRY(check_fixed(table, args));
    TRY(check_hidden(table, args));
    TRY(check_values(table, args, true));
    TRY(vec0_key_rowid(table, args[0], &rowid, &found));
    if (found)
        TRY(vec0_find(table, rowid, &place, &found));
    if (!found)
        return vec0_corrupt(table, "a row to update is gone");
    TRY(write_values(table, &place, args, true));
    return update_auxiliary(table, rowid, args);
}

int vec0_update(sqlite3_vtab *base, int arg_count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    Vec0Table *table = (Vec0Table *)base;
    if (arg_count == 1) {
        i64 deleted;
        bool found;
        TRY(vec0_key_rowid(table, args[0], &deleted, &found));
        return found ? delete_row(table, deleted) : SQLITE_OK;
    }
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return insert_row(table, args, rowid);
    return update_row(table, args);
}
