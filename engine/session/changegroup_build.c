// Changes made by hand: begun, given values column by column, finished
// (sqlite3changegroup_change_begin() and its like).
//
// Until it is finished a change is a draft: one buffer per column of the old and of the new row,
// empty where no value was given. Only finishing looks at the whole: which columns must be given
// depends on the operation, and on the kind of the group.

#include "base/alloc.h"
#include "base/error.h"
#include "session/changegroup.h"
#include <stdarg.h>

// As before the first begin.
void changegroup_draft_deinit(ChangeDraft *draft)
{
    ASSERT(draft->table == NULL || draft->fields != NULL);

    int count = draft->table != NULL ? 2 * draft->table->changes->column_count : 0;
    for (int i = 0; i < count; i++)
        buffer_deinit(&draft->fields[i]);
    mem_free(draft->fields);
    *draft = (ChangeDraft){0};
}

// Sets *error (sqlite3_malloc) if the caller wants to know.
static int fail(int rc, char **error, const char *format, ...)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(format != NULL);

    va_list args;
    va_start(args, format);
    if (error != NULL)
        *error = sqlite3_vmprintf(format, args);
    va_end(args);
    return rc;
}

// One draft at a time; the table's columns must be known.
int sqlite3changegroup_change_begin(sqlite3_changegroup *group, int operation, const char *table,
                                    int is_indirect, char **error)
{
    if (error != NULL)
        *error = NULL;
    if (group == NULL || table == NULL || group->draft.table != NULL)
        return SQLITE_MISUSE;
    if (operation != SQLITE_INSERT && operation != SQLITE_UPDATE && operation != SQLITE_DELETE)
        return SQLITE_ERROR;
    GroupTable *found = changegroup_find(group, table);
    int rc = SQLITE_OK;
    // Without a schema only a table that a changeset brought is known: columns and key are in
    // nothing else.
    if (found == NULL && group->db != NULL)
        rc = changegroup_table_of_schema(group, table, &found);
    if (rc == SQLITE_SCHEMA || (rc == SQLITE_OK && found == NULL))
        return fail(SQLITE_ERROR, error, "no such table: %s", table);
    TRY(rc);
    ASSERT(found->changes->column_count > 0);
    u64 count = 2 * (u64)found->changes->column_count;
    Buffer *fields = mem_alloc_zeroed(count * sizeof *fields);
    if (fields == NULL)
        return SQLITE_NOMEM;
    group->draft = (ChangeDraft){found, (u8)operation, is_indirect != 0, fields};
    return SQLITE_OK;
}

// The emptied buffer of a column's value.
static int draft_field(sqlite3_changegroup *group, int is_new, int column, Buffer **out)
{
    ASSERT(out != NULL);

    if (group == NULL || group->draft.table == NULL)
        return SQLITE_MISUSE;
    ChangeDraft *draft = &group->draft;
    int count = draft->table->changes->column_count;
    if (column < 0 || column >= count)
        return SQLITE_RANGE;
    // An INSERT has no old row, a DELETE no new one.
    if (draft->operation == (is_new ? SQLITE_DELETE : SQLITE_INSERT))
        return SQLITE_ERROR;
    *out = &draft->fields[(is_new ? count : 0) + column];
    // A value given twice: the later one counts.
    buffer_clear(*out);
    return SQLITE_OK;
}

// Each of these gives one value of the old or of the new row.
int sqlite3changegroup_change_int64(sqlite3_changegroup *group, int is_new, int column,
                                    sqlite3_int64 value)
{
    Buffer *field;
    TRY(draft_field(group, is_new, column, &field));
    field_write_i64(field, value);
    return field->rc;
}

// NULL is a value; a column that is no part of the change is given nothing.
int sqlite3changegroup_change_null(sqlite3_changegroup *group, int is_new, int column)
{
    Buffer *field;
    TRY(draft_field(group, is_new, column, &field));
    buffer_add_char(field, FIELD_NULL);
    return field->rc;
}

int sqlite3changegroup_change_double(sqlite3_changegroup *group, int is_new, int column,
                                     double value)
{
    Buffer *field;
    TRY(draft_field(group, is_new, column, &field));
    field_write_f64(field, value);
    return field->rc;
}

// Negative size: up to the NUL.
int sqlite3changegroup_change_text(sqlite3_changegroup *group, int is_new, int column,
                                   const char *text, int size)
{
    Buffer *field;
    TRY(draft_field(group, is_new, column, &field));
    field_write_bytes(field, FIELD_TEXT, text, size < 0 ? (u32)strlen(text) : (u32)size);
    return field->rc;
}

int sqlite3changegroup_change_blob(sqlite3_changegroup *group, int is_new, int column,
                                   const void *bytes, int size)
{
    Buffer *field;
    TRY(draft_field(group, is_new, column, &field));
    field_write_bytes(field, FIELD_BLOB, bytes, (u32)size);
    return field->rc;
}

// --- finishing ---

// Every field has a type byte, so that an empty buffer is no value.
static bool is_given(const Buffer *field)
{
    ASSERT(field != NULL);

    return field->size > 0;
}

static bool is_null(const Buffer *field)
{
    ASSERT(field != NULL);

    return is_given(field) && field->bytes[0] == FIELD_NULL;
}

// An INSERT's or DELETE's column, given through the row that it has.
static int check_whole(const ChangeDraft *draft, bool is_patchset, int i, char **error)
{
    ASSERT(draft->operation != SQLITE_UPDATE);
    ASSERT(i >= 0 && i < draft->table->changes->column_count);

    int count = draft->table->changes->column_count;
    bool is_key = draft->table->changes->key[i] != 0;
    const Buffer *field = &draft->fields[draft->operation == SQLITE_INSERT ? count + i : i];
    bool may_lack = is_patchset && draft->operation == SQLITE_DELETE && !is_key;
    if (!is_given(field) && !may_lack) {
        return fail(SQLITE_ERROR, error, "invalid change: column %d is undefined", i);
    }
    if (is_key && is_null(field))
        return fail(SQLITE_ERROR, error, "invalid change: null value in PK");
    return SQLITE_OK;
}

// The key stands in the old row alone; another column in both or in neither, as changesets write
// an UPDATE. In a patchset, which has no old row, the new value alone is enough.
static int check_update(const ChangeDraft *draft, bool is_patchset, int i, char **error)
{
    ASSERT(draft->operation == SQLITE_UPDATE);
    ASSERT(i >= 0 && i < draft->table->changes->column_count);

    int count = draft->table->changes->column_count;
    const Buffer *before = &draft->fields[i];
    const Buffer *after = &draft->fields[count + i];
    if (draft->table->changes->key[i] == 0) {
        if (!is_patchset && is_given(before) != is_given(after))
            return fail(SQLITE_ERROR, error,
                        "invalid change: column %d - old.* value is %sdefined "
                        "but new.* is %sdefined",
                        i, is_given(before) ? "" : "un", is_given(after) ? "" : "un");
        return SQLITE_OK;
    }
    if (!is_given(before))
        return fail(SQLITE_ERROR, error, "invalid change: undefined value in PK of old.* record");
    if (is_null(before))
        return fail(SQLITE_ERROR, error, "invalid change: null value in PK of old.* record");
    if (is_given(after))
        return fail(SQLITE_ERROR, error, "invalid change: defined value in PK of new.* record");
    return SQLITE_OK;
}

// The first column that is wrong is told of.
static int check_draft(const ChangeDraft *draft, bool is_patchset, char **error)
{
    ASSERT(draft->table != NULL);
    ASSERT(draft->fields != NULL);

    for (int i = 0; i < draft->table->changes->column_count; i++) {
        if (draft->operation == SQLITE_UPDATE)
            TRY(check_update(draft, is_patchset, i, error));
        else
            TRY(check_whole(draft, is_patchset, i, error));
    }
    return SQLITE_OK;
}

// A column without a value is undefined.
static void write_field(const Buffer *field, Buffer *out)
{
    if (is_given(field))
        buffer_add(out, field->bytes, field->size);
    else
        buffer_add_char(out, FIELD_UNDEFINED);
}

// The draft as a changeset or patchset spells it.
//               INSERT      DELETE        UPDATE
//  changeset    new         old           old, new
//  patchset     new         key of old    new, with the old row's key in it
static void write_draft(const ChangeDraft *draft, bool is_patchset, Buffer *out)
{
    ASSERT(draft->table != NULL);
    ASSERT(out->size == 0);

    int count = draft->table->changes->column_count;
    const u8 *key = draft->table->changes->key;
    const Buffer *before = draft->fields;
    const Buffer *after = draft->fields + count;
    bool is_update = draft->operation == SQLITE_UPDATE;
    // The old row first, where the operation has one.
    for (int i = 0; i < count && draft->operation != SQLITE_INSERT; i++) {
        if (!is_patchset || (draft->operation == SQLITE_DELETE && key[i] != 0))
            write_field(&before[i], out);
    }
    for (int i = 0; i < count && draft->operation != SQLITE_DELETE; i++)
        write_field(is_patchset && is_update && key[i] != 0 ? &before[i] : &after[i], out);
}

// As if a changeset with this one change were added.
static int put_draft(sqlite3_changegroup *group)
{
    ASSERT(group->draft.table != NULL);
    ASSERT(group->draft.operation != 0);

    const ChangeDraft *draft = &group->draft;
    Buffer record = {0};
    write_draft(draft, group->is_patchset, &record);
    int rc = record.rc;
    if (rc == SQLITE_OK)
        rc = changegroup_put(group, draft->table, draft->operation, draft->is_indirect, &record);
    buffer_deinit(&record);
    return rc;
}

// Adds the draft to the group, or drops it.
int sqlite3changegroup_change_finish(sqlite3_changegroup *group, int discard, char **error)
{
    if (error != NULL)
        *error = NULL;
    if (group == NULL)
        return SQLITE_MISUSE;
    if (group->draft.table == NULL)
        return SQLITE_OK;
    int rc = SQLITE_OK;
    if (!discard) {
        rc = check_draft(&group->draft, group->is_patchset, error);
        if (rc == SQLITE_OK)
            rc = put_draft(group);
    }
    // Also after a failure: the caller begins anew, there is no correcting.
    changegroup_draft_deinit(&group->draft);
    group->has_kind = true;
    return rc;
}
