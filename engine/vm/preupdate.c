// The preupdate hook: see preupdate.h.
//
// Values are decoded when the hook first asks for one, all of the row at once: most hooks look at
// the rowid alone or at every column. They are freed when the hook returns, which is what its
// contract says.
#include "vm/preupdate.h"
#include "base/error.h"
#include "vm/vm_priv.h"
#include <string.h>

static void values_free(Value *values, int count)
{
    ASSERT(count >= 0);

    for (int i = 0; values != NULL && i < count; i++)
        value_deinit(&values[i]);
    mem_free(values);
}

int preupdate_call(Vm *vm, VmCursor *c, const PreupdateEvent *event)
{
    ASSERT(event->database >= 0 && event->database < vm->db->database_count);

    sqlite3 *db = vm->db;
    if (db->preupdate_hook == NULL || event->table == NULL)
        return SQLITE_OK;
    Preupdate now = {.vm = vm,
                     .cursor = c,
                     .table = event->table,
                     .op = event->op,
                     .old_rowid = event->old_rowid,
                     .new_rowid = event->new_rowid,
                     .new_record = event->new_record,
                     .new_columns = event->new_columns,
                     .blob_column = event->blob_column};
    struct Preupdate *outer = db->preupdate;
    db->preupdate = &now;
    db->preupdate_hook(db->preupdate_arg, db, event->op, db->databases[event->database].name,
                       event->table->name, event->old_rowid, event->new_rowid);
    db->preupdate = outer;
    values_free(now.old_values, now.table->column_count);
    values_free(now.new_values, now.table->column_count);
    return db->out_of_memory ? SQLITE_NOMEM : SQLITE_OK;
}

int preupdate_blob_write(Vm *vm, const Table *table, int database, int column)
{
    VmCursor *c = vm->cursors[0];
    ASSERT(c != NULL && c->is_table);
    ASSERT(column >= 0 && column < table->column_count);
    RowId rowid = cursor_rowid(c->tree);
    PreupdateEvent event = {.table = table,
                            .op = SQLITE_DELETE,
                            .database = database,
                            .old_rowid = rowid,
                            .new_rowid = rowid,
                            .blob_column = column};
    c->row = NULL; // earlier pieces were written past it
    return preupdate_call(vm, c, &event);
}

static Value *values_new(const Preupdate *p)
{
    ASSERT(p->table->column_count > 0);

    Value *values = mem_alloc_zeroed((u64)p->table->column_count * sizeof *values);
    for (int i = 0; values != NULL && i < p->table->column_count; i++)
        value_init(&values[i], p->vm->db);
    return values;
}

// Field number of a column in the record; for WITHOUT ROWID tables in the primary-key index.
static int field_of(const Table *table, int column)
{
    ASSERT(column >= 0 && column < table->column_count);

    if (table->flags & TABLE_WITHOUT_ROWID) {
        const Index *key = table_primary_key(table);
        return key == NULL ? -1 : index_find_column(key, column);
    }
    return table_storage_column(table, column);
}

// Decodes a record into one value per column.
static int record_columns(const Preupdate *p, const u8 *record, u32 size, Value *values)
{
    ASSERT(record != NULL || size == 0);
    ASSERT(values != NULL);

    RecordFields fields;
    TRY(record_fields_open(&fields, record, size, p->vm->db->encoding,
                           (u32)p->table->column_count + 1));
    int rc = SQLITE_OK;
    for (int i = 0; i < p->table->column_count && rc == SQLITE_OK; i++) {
        int field = field_of(p->table, i);
        const Column *column = &p->table->columns[i];
        // Virtual columns have no field; the rowid's column has one, which is always NULL.
        if (field < 0 || i == p->table->rowid_alias)
            continue;
        if ((u32)field < fields.count)
            rc = value_copy(&values[i], &fields.values[field]);
        else if ((column->flags & COLUMN_GENERATED) == 0)
            rc = vm_hooks()->column_default(p->vm->db, column, &values[i]);
        if (rc == SQLITE_OK && column->affinity == AFF_REAL)
            value_realify(&values[i]);
    }
    record_fields_close(&fields);
    return rc;
}

static int old_load(Preupdate *p)
{
    ASSERT(p->op != SQLITE_INSERT);
    ASSERT(p->old_values == NULL);

    const u8 *bytes;
    u32 size;
    TRY(row_bytes(p->vm, p->cursor, &bytes, &size));
    p->old_values = values_new(p);
    return p->old_values == NULL ? SQLITE_NOMEM : record_columns(p, bytes, size, p->old_values);
}

static int new_load(Preupdate *p)
{
    ASSERT(p->op != SQLITE_DELETE);
    ASSERT(p->new_values == NULL);

    p->new_values = values_new(p);
    if (p->new_values == NULL)
        return SQLITE_NOMEM;
    const Value *registers = p->vm->registers;
    if (p->op == SQLITE_INSERT) {
        const Value *record = &registers[p->new_record];
        return record_columns(p, (const u8 *)record->bytes, record->size, p->new_values);
    }
    // The image of the row: its rowid, then every column in table order.
    for (int i = 0; i < p->table->column_count && p->new_columns > 0; i++)
        TRY(value_copy(&p->new_values[i], &registers[p->new_columns + 1 + i]));
    return SQLITE_OK;
}

static int column_of(sqlite3 *db, Preupdate *p, int column, bool is_new, Value **out)
{
    ASSERT(db->preupdate == p);

    if (column >= p->table->column_count)
        return connection_error_plain(db, error_misuse());
    if (column < 0 || (p->table->columns[column].flags & COLUMN_VIRTUAL) != 0)
        return connection_error_plain(db, SQLITE_RANGE); // not part of the stored row
    Value **values = is_new ? &p->new_values : &p->old_values;
    int rc = SQLITE_OK;
    if (*values == NULL)
        rc = is_new ? new_load(p) : old_load(p);
    if (rc != SQLITE_OK)
        return connection_error_plain(db, rc);
    *out = &(*values)[column];
    if (column == p->table->rowid_alias)
        value_set_i64(*out, is_new ? p->new_rowid : p->old_rowid);
    return SQLITE_OK;
}

int preupdate_old(sqlite3 *db, int column, Value **out)
{
    Preupdate *p = db->preupdate;
    if (p == NULL || p->op == SQLITE_INSERT)
        return connection_error_plain(db, error_misuse());
    return column_of(db, p, column, false, out);
}

int preupdate_new(sqlite3 *db, int column, Value **out)
{
    Preupdate *p = db->preupdate;
    if (p == NULL || p->op == SQLITE_DELETE)
        return connection_error_plain(db, error_misuse());
    return column_of(db, p, column, true, out);
}

int preupdate_count(sqlite3 *db)
{
    return db->preupdate == NULL ? 0 : db->preupdate->table->column_count;
}

int preupdate_depth(sqlite3 *db)
{
    return db->preupdate == NULL ? 0 : db->preupdate->vm->frame_depth;
}

int preupdate_blob_column(sqlite3 *db)
{
    return db->preupdate == NULL ? -1 : db->preupdate->blob_column;
}
