// What two changes of one row amount to.
//
//   first \ then   INSERT        UPDATE             DELETE
//   INSERT         the first     INSERT of the      nothing
//                                updated row
//   UPDATE         the first     one UPDATE         DELETE of the first's old row
//   DELETE         UPDATE, or    the first          the first
//                  nothing if
//                  rows are equal
//
// "The first" where the two cannot have happened one after the other.

#include "base/alloc.h"
#include "session/changegroup.h"

static const u8 undefined_field[] = {FIELD_UNDEFINED};

// The fields of the records at play, by column. Rows that a change does not have are undefined.
typedef struct Rows {
    const u8 **before_old, **before_new; // of the first change
    const u8 **after_old, **after_new;   // of the second
    int count;
    const u8 **block;
} Rows;

// Could the second change not have followed the first?
static bool is_impossible(u8 first, u8 second)
{
    ASSERT(first == SQLITE_INSERT || first == SQLITE_UPDATE || first == SQLITE_DELETE);

    return first == SQLITE_DELETE ? second != SQLITE_INSERT : second == SQLITE_INSERT;
}

// Where each field of a record begins; returns what follows the record.
static const u8 *split(const u8 *record, int count, const u8 **fields)
{
    ASSERT(count > 0);

    for (int i = 0; i < count; i++) {
        fields[i] = record;
        record += field_size(record);
    }
    return record;
}

// A patchset's UPDATE has new values alone, among them the key.
static void split_change(u8 operation, bool is_patchset, const u8 *record, int count,
                         const u8 **old_fields, const u8 **new_fields)
{
    ASSERT(count > 0);

    for (int i = 0; i < count; i++)
        old_fields[i] = new_fields[i] = undefined_field;
    bool has_old = operation == SQLITE_DELETE || (operation == SQLITE_UPDATE && !is_patchset);
    if (has_old)
        record = split(record, count, old_fields);
    if (operation != SQLITE_DELETE)
        split(record, count, new_fields);
}

// Where each field of the old and new rows begins, of both changes: fields have no fixed size.
static int rows_init(Rows *rows, int count, bool is_patchset, const Change *existing,
                     const ChangeInput *next)
{
    ASSERT(existing != NULL);

    rows->count = count;
    rows->block = mem_alloc(4 * (u64)count * sizeof *rows->block);
    if (rows->block == NULL)
        return SQLITE_NOMEM;
    rows->before_old = rows->block;
    rows->before_new = rows->block + count;
    rows->after_old = rows->block + 2 * count;
    rows->after_new = rows->block + 3 * count;
    split_change(existing->operation, is_patchset, existing->record, count, rows->before_old,
                 rows->before_new);
    split_change(next->operation, is_patchset, next->record, count, rows->after_old,
                 rows->after_new);
    return SQLITE_OK;
}

// What a rebaser has marked as replaced is defined as little.
static bool is_defined(const u8 *field)
{
    return field[0] != FIELD_UNDEFINED;
}

// Per column the first defined of two.
static void write_merged(Buffer *out, const u8 **preferred, const u8 **other, int count)
{
    ASSERT(count > 0);

    for (int i = 0; i < count; i++)
        field_copy(out, is_defined(preferred[i]) ? preferred[i] : other[i]);
}

// An UPDATE from the row before both changes to the one after both; false if nothing differs.
static bool write_update(const ChangeTable *table, const Rows *rows, Buffer *out)
{
    ASSERT(rows->count == table->column_count);

    Buffer after = {0};
    bool differs = false;
    for (int i = 0; i < rows->count; i++) {
        const u8 *from = is_defined(rows->before_old[i]) ? rows->before_old[i] : rows->after_old[i];
        const u8 *to = is_defined(rows->after_new[i]) ? rows->after_new[i] : rows->before_new[i];
        bool is_key = table->key[i] != 0;
        bool is_changed = !is_key && is_defined(to) && !field_equals(from, to);
        differs = differs || is_changed;
        field_copy(out, is_key || is_changed ? from : undefined_field);
        field_copy(&after, is_changed ? to : undefined_field);
    }
    buffer_add(out, after.bytes, after.size);
    if (after.rc != SQLITE_OK)
        out->rc = after.rc;
    buffer_deinit(&after);
    return differs;
}

// The record of the combined change; 0: nothing is left. Keeping the first is not decided here.
static u8 write_combined(const ChangeTable *table, bool is_patchset, const Rows *rows,
                         const Change *existing, const ChangeInput *next, Buffer *out)
{
    ASSERT(!is_impossible(existing->operation, next->operation));

    if (existing->operation == SQLITE_INSERT) {
        write_merged(out, rows->after_new, rows->before_new, rows->count);
        return SQLITE_INSERT;
    }
    if (next->operation == SQLITE_DELETE) {
        write_merged(out, rows->before_old, rows->after_old, rows->count);
        return SQLITE_DELETE;
    }
    if (is_patchset) {
        write_merged(out, rows->after_new, rows->before_new, rows->count);
        return SQLITE_UPDATE;
    }
    return write_update(table, rows, out) ? SQLITE_UPDATE : 0;
}

// Reads both records into fields by column, which makes the cases of write_combined() a choice per
// column.
static int combine(const ChangeTable *table, bool is_patchset, const Change *existing,
                   const ChangeInput *next, Change **out)
{
    ASSERT(existing != NULL);

    Rows rows;
    TRY(rows_init(&rows, table->column_count, is_patchset, existing, next));
    Buffer record = {0};
    bool is_indirect = existing->is_indirect && next->is_indirect;
    u8 operation = write_combined(table, is_patchset, &rows, existing, next, &record);
    int rc = record.rc;
    *out = NULL;
    if (rc == SQLITE_OK && operation != 0) {
        *out = change_new(operation, is_indirect, record.bytes, (u32)record.size);
        rc = *out != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    buffer_deinit(&record);
    mem_free(rows.block);
    return rc;
}

// The second change as it stands.
static int copy_input(const ChangeInput *next, bool is_patchset, bool is_indirect, Change **out)
{
    ASSERT(next->record != NULL || next->size == 0);

    *out = change_new(next->operation, is_indirect, next->record, next->size);
    if (*out == NULL)
        return SQLITE_NOMEM;
    (*out)->is_key_only = is_patchset && next->operation == SQLITE_DELETE;
    return SQLITE_OK;
}

int changegroup_merge(const ChangeTable *table, bool is_patchset, Change *existing,
                      const ChangeInput *next, Change **out)
{
    ASSERT(next->record != NULL || next->size == 0);

    *out = existing;
    if (existing == NULL)
        return copy_input(next, is_patchset, next->is_indirect, out);
    if (is_impossible(existing->operation, next->operation))
        return SQLITE_OK;
    if (existing->operation == SQLITE_INSERT && next->operation == SQLITE_DELETE) {
        *out = NULL;
        return SQLITE_OK;
    }
    // A patchset's DELETE holds no row, so there is nothing to merge into it.
    if (is_patchset && next->operation == SQLITE_DELETE)
        return copy_input(next, true, existing->is_indirect && next->is_indirect, out);
    if (is_patchset && existing->operation == SQLITE_DELETE) {
        TRY(copy_input(next, true, existing->is_indirect && next->is_indirect, out));
        (*out)->operation = SQLITE_UPDATE;
        return SQLITE_OK;
    }
    return combine(table, is_patchset, existing, next, out);
}
