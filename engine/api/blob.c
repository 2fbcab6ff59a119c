// Incremental BLOB I/O: reading and writing a value of a row in pieces.
//
// A handle is a small statement that stands on the row: it keeps the transaction open, and it is
// expired by the same events. A row that is changed or deleted under the handle ends it
// (SQLITE_ABORT).

#include "api/api.h"
#include "base/alloc.h"
#include "base/varint.h"
#include "func/func.h"
#include "quire.h"
#include "value/record.h"
#include "vm/preupdate.h"
#include "vm/vm.h"
#include <string.h>

struct sqlite3_blob {
    sqlite3 *db;
    Vm *vm;     // NULL: expired
    int column; // field of the record
    u32 offset; // of the value within the payload
    u32 size;
    bool is_writable;
    int database;
    char table[]; // its name, for the preupdate hook
};

// --- opening ---

static int find_table(sqlite3 *db, const char *schema, const char *name, Table **out)
{
    TRY(schema_load_all(db));
    Table *table = catalog_find_table(db, name, schema);
    if (table == NULL)
        return connection_error(db, SQLITE_ERROR,
                                schema != NULL ? "no such table: %s.%s" : "no such table: %s%s",
                                schema != NULL ? schema : "", name);
    if (table->kind == TABLE_VIRTUAL)
        return connection_error(db, SQLITE_ERROR, "cannot open virtual table: %s", name);
    if (table->kind == TABLE_VIEW)
        return connection_error(db, SQLITE_ERROR, "cannot open view: %s", name);
    if (!table_is_rowid(table))
        return connection_error(db, SQLITE_ERROR, "cannot open table without rowid: %s", name);
    if ((table->flags & (TABLE_HAS_VIRTUAL | TABLE_HAS_STORED)) != 0)
        return connection_error(db, SQLITE_ERROR, "cannot open table with generated columns: %s",
                                name);
    *out = table;
    return SQLITE_OK;
}

// Indexes and foreign keys would have to follow the change.
static int check_writable(sqlite3 *db, const Table *table, int column)
{
    for (const ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child) {
        for (int i = 0; i < fk->column_count; i++) {
            if ((db->flags & CONN_FLAG(FOREIGN_KEYS)) != 0 && fk->columns[i].from == column)
                return connection_error(db, SQLITE_ERROR,
                                        "cannot open foreign key column for writing");
        }
    }
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        for (int i = 0; i < index->key_count; i++) {
            if (index->columns[i] == column || index->columns[i] == COLUMN_EXPR)
                return connection_error(db, SQLITE_ERROR, "cannot open indexed column for writing");
        }
    }
    return SQLITE_OK;
}

// Seeks the row whose rowid is parameter 1 (OP_NotExists), or the first not before it (OP_SeekGE),
// gives that as a row, and stays on it.
static Program *row_program(sqlite3 *db, const Table *table, u8 seek, bool writable)
{
    const int database = schema_index(db, table->schema);
    ASSERT(table->kind == TABLE_ORDINARY);
    ASSERT(database >= 0);

    Program *p = program_new(db);
    if (p == NULL)
        return NULL;
    const Schema *schema = db->databases[database].schema;
    int init = program_emit(p, OP_Init, 0, 0, 0);
    int body = program_emit_int(p, writable ? OP_OpenWrite : OP_OpenRead, 0, (int)table->root,
                                database, table->stored_count);
    program_emit(p, OP_Variable, 1, 1, 0);
    int missing = seek == OP_SeekGE ? program_emit_int(p, seek, 0, 0, 1, 1) // a key of one
                                    : program_emit(p, seek, 0, 0, 1);
    program_emit(p, OP_ResultRow, 1, 1, 0);
    program_jump_here(p, missing);
    program_emit0(p, OP_Halt);
    program_jump_here(p, init);
    program_emit_int(p, OP_Transaction, database, writable, (int)schema->cookie,
                     (i32)schema->generation);
    program_set_p5(p, 1);
    program_emit(p, OP_Goto, 0, body, 0);
    return p;
}

static int row_statement(sqlite3 *db, const Table *table, u8 seek, bool writable, Vm **out)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    int database = schema_index(db, table->schema);
    Program *program = row_program(db, table, seek, writable);
    if (program == NULL)
        return connection_out_of_memory(db);
    VmLayout layout = {
        .register_count = 1,
        .cursor_count = 1,
        .param_count = 1,
        .column_count = 1,
        .database_mask = 1u << database,
        .write_mask = writable ? 1u << database : 0,
        .is_read_only = !writable,
    };
    return vm_new(program, &layout, out);
}

// Where field `column` of the record under the cursor lies, and its serial type.
static int locate_field(Cursor *cur, int column, u32 *offset, u32 *serial_type)
{
    ASSERT(column >= 0);

    u32 payload = cursor_payload_size(cur);
    u8 first[9] = {0};
    u32 header_size = 0;
    TRY(cursor_payload_read(cur, 0, payload < 9 ? payload : 9, first));
    u32 at = varint_get_u32(first, &header_size);
    if (header_size > payload)
        return corrupt_record("header longer than the record");
    u8 *header = mem_alloc((u64)header_size + 16);
    if (header == NULL)
        return SQLITE_NOMEM;
    int rc = cursor_payload_read(cur, 0, header_size, header);
    *offset = header_size;
    *serial_type = 0;
    for (int i = 0; i <= column && rc == SQLITE_OK && at < header_size; i++) {
        if (i > 0)
            *offset += serial_type_size(*serial_type);
        at += varint_get_u32(header + at, serial_type);
        if (i < column && at >= header_size)
            *serial_type = 0; // the record is shorter than the table: a NULL
    }
    mem_free(header);
    return rc;
}

static int find_row(sqlite3_blob *blob, RowId rowid)
{
    ASSERT(blob->vm != NULL);

    sqlite3 *db = blob->db;
    Vm *vm = blob->vm;
    (void)vm_reset(vm);
    value_set_i64(vm_param(vm, 1), rowid);
    int rc = vm_step(vm);
    if (rc != SQLITE_ROW) {
        rc = vm_reset(vm);
        return rc != SQLITE_OK
                   ? rc
                   : connection_error(db, SQLITE_ERROR, "no such rowid: %lld", (long long)rowid);
    }
    u32 type = 0;
    TRY(locate_field(vm_tree_cursor(vm, 0), blob->column, &blob->offset, &type));
    if (type < 12) {
        const char *name = type == 0 ? "null" : type == 7 ? "real" : "integer";
        return connection_error(db, SQLITE_ERROR, "cannot open value of type %s", name);
    }
    blob->size = serial_type_size(type);
    cursor_cache_overflow(vm_tree_cursor(vm, 0));
    return SQLITE_OK;
}

// The handle has no row any more: SQLITE_ABORT from now on. The connection goes on telling what
// happened, which finalizing the statement would clear.
static void blob_expire(sqlite3_blob *blob, int rc)
{
    ASSERT(rc != SQLITE_OK);

    sqlite3 *db = blob->db;
    Value *message = db->error_message != NULL ? value_dup(db->error_message) : NULL;
    if (blob->vm != NULL)
        (void)vm_finalize(blob->vm);
    blob->vm = NULL;
    const char *text = message != NULL ? value_text(message, SQLITE_UTF8) : NULL;
    if (text != NULL)
        connection_error(db, rc, "%s", text);
    else
        connection_error_plain(db, rc);
    value_free(message);
}

static int blob_open(sqlite3 *db, const char *const names[3], RowId rowid, bool writable,
                     sqlite3_blob **out)
{
    Table *table = NULL;
    TRY(find_table(db, names[0], names[1], &table));
    int column = table_column_index(table, names[2]);
    if (column < 0)
        return connection_error(db, SQLITE_ERROR, "no such column: \"%s\"", names[2]);
    if (writable)
        TRY(check_writable(db, table, column));
    size_t name_size = strlen(table->name) + 1;
    sqlite3_blob *blob = mem_alloc_zeroed(sizeof *blob + name_size);
    if (blob == NULL)
        return connection_out_of_memory(db);
    blob->db = db;
    blob->column = column;
    blob->is_writable = writable;
    blob->database = schema_index(db, table->schema);
    memcpy(blob->table, table->name, name_size);
    int rc = row_statement(db, table, OP_NotExists, writable, &blob->vm);
    if (rc == SQLITE_OK)
        rc = find_row(blob, rowid);
    if (rc == SQLITE_OK) {
        *out = blob;
        return SQLITE_OK;
    }
    blob_expire(blob, rc);
    mem_free(blob);
    return rc;
}

int sqlite3_blob_open(sqlite3 *db, const char *schema, const char *table, const char *column,
                      sqlite3_int64 rowid, int writable,
                      sqlite3_blob **out) // wide: SQLite's signature
{
    if (out == NULL)
        return error_misuse();
    *out = NULL;
    if (!connection_is_usable(db) || table == NULL || column == NULL)
        return error_misuse();
    api_enter(db);
    connection_error_clear(db);
    const char *const names[] = {schema, table, column};
    int rc = blob_open(db, names, rowid, writable != 0, out);
    return api_exit(db, rc);
}

int sqlite3_blob_reopen(sqlite3_blob *blob, sqlite3_int64 rowid)
{
    if (blob == NULL)
        return error_misuse();
    api_enter(blob->db);
    int rc = blob->vm == NULL ? SQLITE_ABORT : find_row(blob, rowid);
    if (rc != SQLITE_OK && blob->vm != NULL)
        blob_expire(blob, rc);
    return api_exit(blob->db, rc);
}

int sqlite3_blob_close(sqlite3_blob *blob)
{
    if (blob == NULL)
        return SQLITE_OK;
    sqlite3 *db = blob->db;
    api_enter(db);
    int rc = blob->vm != NULL ? vm_finalize(blob->vm) : SQLITE_OK;
    mem_free(blob);
    rc &= db->error_mask;
    connection_free_if_zombie(db); // leaves the mutex
    return rc;
}

int sqlite3_blob_bytes(sqlite3_blob *blob)
{
    return blob != NULL && blob->vm != NULL ? (int)blob->size : 0;
}

// --- reading and writing ---

// Back on the row if the cursor was moved away; SQLITE_ABORT when the row is gone.
static int blob_settle(sqlite3_blob *blob, Cursor **cur)
{
    ASSERT(blob->database >= 0);

    if (blob->vm == NULL || blob->vm->state != VM_RUNNING)
        return SQLITE_ABORT;
    *cur = vm_tree_cursor(blob->vm, 0);
    if (!cursor_has_moved(*cur))
        return cursor_is_valid(*cur) ? SQLITE_OK : SQLITE_ABORT;
    bool different = false;
    u32 offset = 0;
    u32 type = 0;
    TRY(cursor_restore(*cur, &different));
    if (different || !cursor_is_valid(*cur))
        return SQLITE_ABORT;
    TRY(locate_field(*cur, blob->column, &offset, &type));
    bool same = type >= 12 && offset == blob->offset && serial_type_size(type) == blob->size;
    return same ? SQLITE_OK : SQLITE_ABORT;
}

static int blob_put(sqlite3_blob *blob, Cursor *cur, const void *bytes, u32 size, u32 offset)
{
    ASSERT(blob->vm != NULL);
    ASSERT(blob->database >= 0);

    sqlite3 *db = blob->db;
    if (!blob->is_writable)
        return SQLITE_READONLY;
    if (db->preupdate_hook != NULL) {
        const Table *table =
            catalog_find_table(db, blob->table, db->databases[blob->database].name);
        if (table != NULL)
            TRY(preupdate_blob_write(blob->vm, table, blob->database, blob->column));
        // The hook may have changed the row.
        TRY(blob_settle(blob, &cur));
    }
    return cursor_payload_write(cur, blob->offset + offset, size, bytes);
}

static int blob_access(sqlite3_blob *blob, void *read, const void *write, int size, int offset)
{
    if (blob == NULL)
        return error_misuse();
    sqlite3 *db = blob->db;
    api_enter(db);
    Cursor *cur = NULL;
    int rc;
    if (size < 0 || offset < 0 || (i64)offset + size > (i64)blob->size) {
        rc = SQLITE_ERROR;
    } else {
        rc = blob_settle(blob, &cur);
        if (rc == SQLITE_OK && read != NULL)
            rc = cursor_payload_read(cur, blob->offset + (u32)offset, (u32)size, read);
        else if (rc == SQLITE_OK)
            rc = blob_put(blob, cur, write, (u32)size, (u32)offset);
        if ((rc & 0xff) == SQLITE_ABORT && blob->vm != NULL) {
            (void)vm_finalize(blob->vm);
            blob->vm = NULL;
        } else if (blob->vm != NULL) {
            blob->vm->rc = rc; // what the last access failed with, closing reports again
        }
    }
    connection_error_plain(db, rc);
    return api_exit(db, rc);
}

int sqlite3_blob_read(sqlite3_blob *blob, void *out, int size, int offset)
{
    return blob_access(blob, out, NULL, size, offset);
}

static int blob_peek(sqlite3_blob *blob, u32 offset, quire_piece *pieces, int count)
{
    Cursor *cur = NULL;
    PayloadRun runs[PAYLOAD_RUNS_MAX];
    u32 limit = count < PAYLOAD_RUNS_MAX ? (u32)count : PAYLOAD_RUNS_MAX;
    u32 found = 0, left = blob->size - offset;
    ASSERT(count > 0 && offset < blob->size);
    TRY(blob_settle(blob, &cur));
    TRY(cursor_payload_runs(cur, blob->offset + offset, runs, limit, &found));
    for (u32 i = 0; i < (u32)count; i++) {
        u32 size = i >= found ? 0 : runs[i].size < left ? runs[i].size : left;
        pieces[i] = (quire_piece){size > 0 ? runs[i].bytes : NULL, (int)size};
        left -= size;
    }
    return SQLITE_OK;
}

int quire_blob_peek(sqlite3_blob *blob, int offset, quire_piece *pieces, int count)
{
    if (blob == NULL || pieces == NULL || count < 1)
        return error_misuse();
    sqlite3 *db = blob->db;
    api_enter(db);
    int rc = SQLITE_ERROR;
    if (offset >= 0 && (u32)offset < blob->size)
        rc = blob_peek(blob, (u32)offset, pieces, count);
    if (rc == SQLITE_ABORT && blob->vm != NULL) {
        (void)vm_finalize(blob->vm);
        blob->vm = NULL;
    }
    if (rc != SQLITE_OK)
        connection_error_plain(db, rc);
    return api_exit(db, rc);
}

int sqlite3_blob_write(sqlite3_blob *blob, const void *bytes, int size, int offset)
{
    return blob_access(blob, NULL, bytes, size, offset);
}

// --- many rows ---

// The field's text or blob where all of it is at hand, which it is not on overflow pages and in a
// broken record. Behind the local bytes PAGE_SLACK more may be read.
static inline bool view_field(Cursor *cur, int column, const u8 **bytes, u32 *size)
{
    u32 local;
    u32 header_size;
    u32 type = 0;
    int field = -1;
    const u8 *record = cursor_payload_local(cur, &local);
    u32 at = varint_get_u32(record, &header_size);
    u64 offset = header_size;
    while (field < column && at < header_size && at < local) {
        offset += serial_type_size(type);
        at += varint_get_u32(record + at, &type);
        field++;
    }
    if (field < column || at > header_size || offset + serial_type_size(type) > local)
        return false;
    *bytes = type < 12 ? NULL : record + offset;
    *size = type < 12 ? 0 : serial_type_size(type);
    return true;
}

static int copy_field(Cursor *cur, int column, u8 **copy, u32 *size)
{
    u32 offset = 0;
    u32 type = 0;
    *copy = NULL;
    *size = 0;
    TRY(locate_field(cur, column, &offset, &type));
    if (type < 12)
        return SQLITE_OK;
    u8 *bytes = mem_alloc((u64)serial_type_size(type) + 1);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    int rc = cursor_payload_read(cur, offset, serial_type_size(type), bytes);
    if (rc != SQLITE_OK) {
        mem_free(bytes);
        return rc;
    }
    *copy = bytes;
    *size = serial_type_size(type);
    return SQLITE_OK;
}

static int visit_row(Cursor *cur, int column, const quire_blob_walk *walk)
{
    ASSERT(cursor_is_valid(cur));

    const u8 *bytes;
    u32 size;
    if (LIKELY(view_field(cur, column, &bytes, &size)))
        return walk->visit(walk->arg, cursor_rowid(cur), bytes, (int)size);
    u8 *copy;
    TRY(copy_field(cur, column, &copy, &size));
    int rc = walk->visit(walk->arg, cursor_rowid(cur), copy, (int)size);
    mem_free(copy);
    return rc;
}

static int visit_rows(Vm *vm, int column, const quire_blob_walk *walk)
{
    value_set_i64(vm_param(vm, 1), walk->first);
    int rc = vm_step(vm);
    if (rc != SQLITE_ROW)
        return vm_reset(vm);
    Cursor *cur = vm_tree_cursor(vm, 0);
    for (rc = SQLITE_OK; rc == SQLITE_OK && cursor_rowid(cur) <= walk->last;) {
        rc = visit_row(cur, column, walk);
        if (atomic_load_explicit(&vm->db->interrupted, memory_order_relaxed))
            rc = SQLITE_INTERRUPT;
        if (rc == SQLITE_OK)
            rc = cursor_next(cur);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int walk_blobs(sqlite3 *db, const quire_blob_walk *walk)
{
    ASSERT(walk->visit != NULL);

    TRY(schema_load_all(db));
    const Table *table = catalog_find_table(db, walk->table, walk->schema);
    const bool is_plain = table != NULL && table->kind == TABLE_ORDINARY && table_is_rowid(table)
                          && (table->flags & (TABLE_HAS_VIRTUAL | TABLE_HAS_STORED)) == 0;
    const int column = is_plain ? table_column_index(table, walk->column) : -1;
    if (column < 0)
        return SQLITE_NOTFOUND;
    Vm *vm;
    TRY(row_statement(db, table, OP_SeekGE, false, &vm));
    int rc = visit_rows(vm, column, walk);
    int end_rc = vm_finalize(vm);
    return rc == SQLITE_OK ? end_rc : rc;
}

int quire_walk_blobs(sqlite3 *db, const quire_blob_walk *walk)
{
    if (!connection_is_usable(db) || walk == NULL || walk->table == NULL || walk->column == NULL)
        return error_misuse();
    api_enter(db);
    int rc = walk_blobs(db, walk);
    return api_exit(db, rc);
}
