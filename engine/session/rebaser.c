// Carries local changesets over remote ones that were applied first
// (sqlite.org/session/rebaser.html).
//
// What apply notes of its conflicts (note_conflict() in apply_change.c) is a changeset of its own
// kind: a remote INSERT or UPDATE is an INSERT with the values it had, a remote DELETE a DELETE
// with the row; the "indirect" byte tells whether the remote change replaced the local one (1) or
// was left out (0). Here it becomes one entry per row, in which FIELD_REPLACED stands for values
// that replaced.
//
//    local \ remote     INSERT, UPDATE                    DELETE
//    INSERT  omitted    UPDATE of the remote row          INSERT
//            replaced   nothing                           INSERT
//    UPDATE  omitted    UPDATE from the remote values     INSERT of the whole row
//            replaced   UPDATE of the other columns       nothing
//    DELETE             DELETE of the remote row          nothing

#include "base/alloc.h"
#include "base/error.h"
#include "session/changegroup.h"

struct sqlite3_rebaser {
    sqlite3_changegroup *group; // its tables; entries are put by put_entry(), never merged
};

// Knows of no remote change yet: what it rebases then stays as it is.
int sqlite3rebaser_create(sqlite3_rebaser **out)
{
    if (out == NULL)
        return error_misuse();
    *out = NULL;
    sqlite3_rebaser *rebaser = mem_alloc_zeroed(sizeof *rebaser);
    if (rebaser == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3changegroup_new(&rebaser->group);
    if (rc != SQLITE_OK) {
        mem_free(rebaser);
        return rc;
    }
    *out = rebaser;
    return SQLITE_OK;
}

void sqlite3rebaser_delete(sqlite3_rebaser *rebaser)
{
    if (rebaser == NULL)
        return;
    sqlite3changegroup_delete(rebaser->group);
    mem_free(rebaser);
}

// --- what is known of the remote changes ---

// One field of an entry that combines what was known with what is told now. Replaced once is
// replaced for good; else the latest value counts.
static void combine_field(const u8 *known, const u8 *told, bool is_key, bool replaces, Buffer *out)
{
    ASSERT(told[0] != FIELD_REPLACED);
    ASSERT(out != NULL);

    bool is_told = told[0] != FIELD_UNDEFINED;
    bool was_replaced = known != NULL && known[0] == FIELD_REPLACED;
    if (was_replaced || (!is_key && replaces && is_told))
        buffer_add_char(out, (char)FIELD_REPLACED);
    else
        field_copy(out, is_told || known == NULL ? told : known);
}

// Field by field; both records have all columns, since notes hold whole rows.
static void combine_records(const ChangeTable *table, const Change *known, const u8 *told,
                            bool replaces, Buffer *out)
{
    ASSERT(table->column_count > 0);
    ASSERT(known == NULL || known->size > 0);

    const u8 *field = known != NULL ? known->record : NULL;
    for (int i = 0; i < table->column_count; i++) {
        combine_field(field, told, table->key[i] != 0, replaces, out);
        told += field_size(told);
        if (field != NULL)
            field += field_size(field);
    }
}

// Combines what is told of a row with what former notes said of it.
static int put_entry(ChangeTable *table, const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != SQLITE_UPDATE);
    ASSERT(!iter->is_patchset);

    u32 size;
    const u8 *told = changeset_record(iter, &size);
    TRY(change_table_reserve(table));
    Change **link = change_table_find(table, told, false);
    const Change *known = link != NULL ? *link : NULL;
    if (known != NULL && known->operation == SQLITE_DELETE && known->is_indirect)
        return SQLITE_OK; // the row is gone for good
    Buffer record = {0};
    combine_records(table, known, told, iter->is_indirect, &record);
    bool replaced = iter->is_indirect || (known != NULL && known->is_indirect);
    Change *entry = record.rc == SQLITE_OK
                        ? change_new(iter->operation, replaced, record.bytes, (u32)record.size)
                        : NULL;
    buffer_deinit(&record);
    if (entry == NULL)
        return SQLITE_NOMEM;
    if (link != NULL)
        change_free(change_table_unlink(table, link));
    change_table_add(table, entry, entry->record, false);
    return SQLITE_OK;
}

// SQLITE_SCHEMA: former notes knew another table by that name.
static int table_for(sqlite3_changegroup *group, const sqlite3_changeset_iter *iter,
                     GroupTable **out)
{
    ASSERT(iter->table != NULL);
    ASSERT(out != NULL);

    GroupTable *table = changegroup_find(group, iter->table);
    if (table == NULL) {
        TRY(changegroup_add_table(group, iter->table, iter->column_count, iter->key, &table));
    } else if (table->changes->column_count != iter->column_count
               || memcmp(table->changes->key, iter->key, (size_t)iter->column_count) != 0) {
        return SQLITE_SCHEMA;
    }
    *out = table;
    return SQLITE_OK;
}

// SQLITE_CORRUPT for changesets that are no notes.
static int take_entries(sqlite3_rebaser *rebaser, sqlite3_changeset_iter *iter)
{
    ASSERT(rebaser->group != NULL);

    GroupTable *table = NULL;
    bool is_new_table;
    int rc;
    while ((rc = changeset_advance(iter, &is_new_table)) == SQLITE_ROW) {
        if (iter->is_patchset || iter->operation == SQLITE_UPDATE)
            return corrupt_record("these are no notes for rebasing");
        if (is_new_table)
            TRY(table_for(rebaser->group, iter, &table));
        ASSERT(table != NULL); // a note comes after its table's header
        TRY(put_entry(table->changes, iter));
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// May be called for several remote changesets, in the order in which they were applied.
int sqlite3rebaser_configure(sqlite3_rebaser *rebaser, int size, const void *rebase)
{
    if (rebaser == NULL || size < 0 || (rebase == NULL && size > 0))
        return error_misuse();
    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(false, false, &iter));
    reader_of_memory(&iter->in, rebase, (size_t)size);
    int rc = take_entries(rebaser, iter);
    changeset_iter_free(iter);
    return rc;
}

// --- carrying over ---

// The local change's own flag stays.
static void write_start(u8 operation, const sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->operation != 0);
    ASSERT(operation == SQLITE_INSERT || operation == SQLITE_UPDATE || operation == SQLITE_DELETE);

    buffer_add_char(out, (char)operation);
    buffer_add_char(out, iter->is_indirect);
}

// Per column the entry's value where it has one, else the local one.
static void write_merged(int count, const u8 *preferred, const u8 *other, Buffer *out)
{
    ASSERT(count > 0);

    for (int i = 0; i < count; i++) {
        // What was replaced has no value of its own: the other side's stands.
        bool is_defined = preferred[0] != FIELD_UNDEFINED && preferred[0] != FIELD_REPLACED;
        field_copy(out, is_defined ? preferred : other);
        preferred += field_size(preferred);
        other += field_size(other);
    }
}

// Both inserted the row. Left out: the local row updates the remote one.
static void rebase_insert(const sqlite3_changeset_iter *iter, const Change *entry, Buffer *out)
{
    ASSERT(iter->operation == SQLITE_INSERT);
    ASSERT(entry->operation != SQLITE_DELETE);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    if (entry->is_indirect)
        return;
    write_start(SQLITE_UPDATE, iter, out);
    buffer_add(out, entry->record, entry->size);
    buffer_add(out, record, size);
}

// The local row was deleted, and remotely updated: it is the updated one that goes.
static void rebase_delete(const sqlite3_changeset_iter *iter, const Change *entry, Buffer *out)
{
    ASSERT(iter->operation == SQLITE_DELETE);
    ASSERT(entry->operation != SQLITE_DELETE);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    write_start(SQLITE_DELETE, iter, out);
    write_merged(iter->column_count, entry->record, record, out);
}

// Updated here, deleted there. Left out: the row comes back with the local values.
static void rebase_update_of_deleted(const sqlite3_changeset_iter *iter, const Change *entry,
                                     Buffer *out)
{
    ASSERT(iter->operation == SQLITE_UPDATE);
    ASSERT(entry->operation == SQLITE_DELETE);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    if (entry->is_indirect)
        return;
    write_start(SQLITE_INSERT, iter, out);
    write_merged(iter->column_count, record + record_size_of(record, iter->column_count),
                 entry->record, out);
}

// Updated on both sides: columns that the remote change won are left out, in the others it is what
// the local change finds.
static void rebase_update(const sqlite3_changeset_iter *iter, const Change *entry, Buffer *out)
{
    ASSERT(iter->operation == SQLITE_UPDATE);
    ASSERT(entry->operation != SQLITE_DELETE);

    u32 size;
    const u8 *before = changeset_record(iter, &size);
    const u8 *after = before + record_size_of(before, iter->column_count);
    const u8 *remote = entry->record;
    size_t start = out->size;
    bool has_values = false;
    write_start(SQLITE_UPDATE, iter, out);
    for (int i = 0; i < iter->column_count; i++) {
        bool is_key = iter->key[i] != 0;
        bool is_mine = is_key || remote[0] == FIELD_UNDEFINED;
        bool is_kept = remote[0] != FIELD_REPLACED && before[0] != FIELD_UNDEFINED;
        has_values = has_values || (!is_key && is_kept);
        if (is_mine)
            field_copy(out, before);
        else if (is_kept)
            field_copy(out, remote);
        else
            buffer_add_char(out, FIELD_UNDEFINED);
        before += field_size(before);
        remote += field_size(remote);
    }
    remote = entry->record;
    for (int i = 0; i < iter->column_count; i++) {
        if (iter->key[i] != 0 || remote[0] != FIELD_REPLACED)
            field_copy(out, after);
        else
            buffer_add_char(out, FIELD_UNDEFINED);
        after += field_size(after);
        remote += field_size(remote);
    }
    // Everything but the key was won by the remote side: there is no UPDATE left.
    if (!has_values && out->rc == SQLITE_OK)
        buffer_truncate(out, start);
}

// As it stands.
static void copy_change(const sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->operation != 0);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    write_start(iter->operation, iter, out);
    buffer_add(out, record, size);
}

// The table at the file's beginning, row by row.
static void rebase_change(const sqlite3_changeset_iter *iter, const Change *entry, Buffer *out)
{
    ASSERT(entry != NULL);

    bool was_deleted = entry->operation == SQLITE_DELETE;
    switch (iter->operation) {
    case SQLITE_INSERT:
        if (was_deleted)
            copy_change(iter, out); // cannot conflict with a remote DELETE
        else
            rebase_insert(iter, entry, out);
        break;
    case SQLITE_UPDATE:
        if (was_deleted)
            rebase_update_of_deleted(iter, entry, out);
        else
            rebase_update(iter, entry, out);
        break;
    default:
        if (!was_deleted)
            rebase_delete(iter, entry, out);
    }
}

// A table that the notes do not know, or know differently, is copied as it is.
static int rebase_current(ChangeTable *table, const sqlite3_changeset_iter *iter, Output *out)
{
    ASSERT(!iter->is_patchset);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    bool is_known = table != NULL && table->column_count == iter->column_count
                    && memcmp(table->key, iter->key, (size_t)iter->column_count) == 0;
    Change **link = is_known ? change_table_find(table, record, false) : NULL;
    if (link != NULL)
        rebase_change(iter, *link, &out->bytes);
    else
        copy_change(iter, &out->bytes);
    return output_pass_on(out);
}

// Headers are copied even if no change follows: readers pass over them.
static int rebase_all(const sqlite3_rebaser *rebaser, sqlite3_changeset_iter *iter, Output *out)
{
    ASSERT(rebaser->group != NULL);

    ChangeTable *table = NULL;
    bool is_new_table;
    int rc;
    while ((rc = changeset_advance(iter, &is_new_table)) == SQLITE_ROW) {
        if (iter->is_patchset)
            return SQLITE_ERROR; // without old values there is nothing to rebase
        if (is_new_table) {
            GroupTable *found = changegroup_find(rebaser->group, iter->table);
            table = found != NULL ? found->changes : NULL;
            changeset_write_table(iter, &out->bytes);
        }
        TRY(rebase_current(table, iter, out));
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// The reader is the iterator's from here on; the output is given back in any case.
static int rebase(const sqlite3_rebaser *rebaser, const Reader *in, Output *out, int *size,
                  void **bytes)
{
    ASSERT(in != NULL && out->bytes.size == 0);

    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(false, false, &iter));
    iter->in = *in;
    int rc = rebase_all(rebaser, iter, out);
    if (rc == SQLITE_OK)
        rc = output_finish(out, size, bytes);
    changeset_iter_free(iter);
    output_deinit(out);
    return rc;
}

int sqlite3rebaser_rebase(sqlite3_rebaser *rebaser, int size, const void *changeset, int *out_size,
                          void **out)
{
    if (rebaser == NULL || out_size == NULL || out == NULL || size < 0
        || (changeset == NULL && size > 0))
        return error_misuse();
    *out_size = 0;
    *out = NULL;
    Reader in;
    Output output = {0};
    reader_of_memory(&in, changeset, (size_t)size);
    return rebase(rebaser, &in, &output, out_size, out);
}

int sqlite3rebaser_rebase_strm(sqlite3_rebaser *rebaser, InputCallback *input, void *input_arg,
                               OutputCallback *callback, void *output_arg)
{
    if (rebaser == NULL || input == NULL || callback == NULL)
        return error_misuse();
    Reader in;
    Output output = {.callback = callback, .arg = output_arg};
    reader_of_callback(&in, input, input_arg);
    return rebase(rebaser, &in, &output, NULL, NULL);
}
