// Changegroups: adding changesets, and giving them out as one. See changegroup.h.
//
// Adding can fail half way, on a damaged changeset or without memory: what was added until then
// stays (SQLite leaves that undefined).

#include "session/changegroup.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hashmap.h"

// --- lifecycle ---

// Empty, and of either kind: the first changeset decides.
int sqlite3changegroup_new(sqlite3_changegroup **out)
{
    if (out == NULL)
        return error_misuse();
    *out = mem_alloc_zeroed(sizeof **out);
    return *out != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

// A draft that was not finished goes with it.
void sqlite3changegroup_delete(sqlite3_changegroup *group)
{
    if (group == NULL)
        return;
    changegroup_draft_deinit(&group->draft);
    for (GroupTable *table = group->tables; table != NULL;) {
        GroupTable *next = table->next;
        change_table_free(table->changes);
        buffer_deinit(&table->defaults);
        mem_free(table);
        table = next;
    }
    // The connection is the program's.
    mem_free(group->schema);
    mem_free(group);
}

// From here on the tables' columns are the schema's, and older changesets are widened to them.
int sqlite3changegroup_schema(sqlite3_changegroup *group, sqlite3 *db, const char *schema)
{
    // Too late once a table is known: its changes would have to be widened.
    if (group == NULL || db == NULL || schema == NULL || group->tables != NULL || group->db != NULL)
        return SQLITE_MISUSE;
    group->schema = mem_dup(schema, (u64)-1);
    if (group->schema == NULL)
        return SQLITE_NOMEM;
    group->db = db;
    return SQLITE_OK;
}

// Tables alone do not count: a group whose changes cancelled out may change its kind.
static bool is_empty(const sqlite3_changegroup *group)
{
    ASSERT(group != NULL);

    for (const GroupTable *table = group->tables; table != NULL; table = table->next) {
        if (table->changes->change_count > 0)
            return false;
    }
    return true;
}

// Tells and perhaps settles the kind; a negative value only asks.
int sqlite3changegroup_config(sqlite3_changegroup *group, int option, void *arg)
{
    if (group == NULL || option != SQLITE_CHANGEGROUP_CONFIG_PATCHSET || arg == NULL)
        return SQLITE_MISUSE;
    int *value = arg;
    if (*value >= 0 && is_empty(group)) {
        group->is_patchset = *value > 0;
        group->has_kind = true;
    }
    // Tells what holds, also where it could not be changed any more.
    *value = group->is_patchset;
    return SQLITE_OK;
}

// --- tables ---

// Names are compared without case, as SQL compares them.
GroupTable *changegroup_find(const sqlite3_changegroup *group, const char *name)
{
    ASSERT(name != NULL);

    for (GroupTable *table = group->tables; table != NULL; table = table->next) {
        if (name_equals(table->changes->name, name))
            return table;
    }
    return NULL;
}

// The first changeset that has the table, or the schema, says what its columns are.
int changegroup_add_table(sqlite3_changegroup *group, const char *name, int column_count,
                          const u8 *key, GroupTable **out)
{
    ASSERT(column_count > 0);
    ASSERT(changegroup_find(group, name) == NULL);
    ASSERT(key != NULL && out != NULL);

    GroupTable *table = mem_alloc_zeroed(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    int rc = change_table_new(name, &table->changes);
    if (rc == SQLITE_OK && (rc = change_table_set_key(table->changes, column_count, key)) != 0)
        change_table_free(table->changes);
    if (rc != SQLITE_OK) {
        mem_free(table);
        return rc;
    }
    // At the end: SQLite gives tables out in the order in which they came, and so must the bytes
    // here. A group has few tables, which makes a list enough.
    GroupTable **link = &group->tables;
    while (*link != NULL)
        link = &(*link)->next;
    *link = table;
    *out = table;
    return SQLITE_OK;
}

// SQLITE_SCHEMA: the schema has no such table.
int changegroup_table_of_schema(sqlite3_changegroup *group, const char *name, GroupTable **out)
{
    ASSERT(group->db != NULL);
    ASSERT(changegroup_find(group, name) == NULL);

    TableShape shape;
    // With the rowid as key where there is no other: a changeset of such a table has it as its
    // first column, and table_fits() decides.
    TRY(table_shape_read(group->db, group->schema, name, true, &shape));
    int rc = SQLITE_SCHEMA;
    if (shape.column_count > 0)
        rc = changegroup_add_table(group, name, shape.column_count, shape.key, out);
    if (rc == SQLITE_OK)
        rc = table_shape_defaults(group->db, &shape, 0, &(*out)->defaults);
    table_shape_deinit(&shape);
    return rc;
}

// With a schema a changeset may lack columns at the end.
static bool table_fits(const sqlite3_changegroup *group, const GroupTable *table,
                       const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->column_count > 0);
    ASSERT(table->changes->column_count > 0);

    const ChangeTable *changes = table->changes;
    bool count_fits = group->db != NULL ? iter->column_count <= changes->column_count
                                        : iter->column_count == changes->column_count;
    if (!count_fits || memcmp(changes->key, iter->key, (size_t)iter->column_count) != 0)
        return false;
    // A key column that the changeset lacks leaves its rows without identity.
    for (int i = iter->column_count; i < changes->column_count; i++) {
        if (changes->key[i] != 0)
            return false;
    }
    return true;
}

// The group's table for what `iter` stands in. SQLITE_SCHEMA: they do not fit.
static int table_for(sqlite3_changegroup *group, const sqlite3_changeset_iter *iter,
                     GroupTable **out)
{
    ASSERT(iter->table != NULL);

    *out = changegroup_find(group, iter->table);
    if (*out == NULL && group->db != NULL)
        TRY(changegroup_table_of_schema(group, iter->table, out));
    else if (*out == NULL)
        TRY(changegroup_add_table(group, iter->table, iter->column_count, iter->key, out));
    ASSERT((*out)->changes->column_count > 0);
    return table_fits(group, *out, iter) ? SQLITE_OK : SQLITE_SCHEMA;
}

// --- adding ---

// What is combined takes the place of what was there; nothing may fail once the old one is
// unlinked.
int changegroup_put(sqlite3_changegroup *group, GroupTable *table, u8 operation, bool is_indirect,
                    const Buffer *record)
{
    ASSERT(record->rc == SQLITE_OK);
    ASSERT(table->changes->column_count > 0);

    ChangeTable *changes = table->changes;
    const ChangeInput next = {operation, is_indirect, (const u8 *)record->bytes, (u32)record->size};
    bool is_key_only = group->is_patchset && operation == SQLITE_DELETE;
    // First of all: growing may fail and moves buckets, which `link` points into.
    TRY(change_table_reserve(changes));
    Change **link = change_table_find(changes, next.record, is_key_only);
    Change *existing = link != NULL ? *link : NULL;
    Change *combined;
    TRY(changegroup_merge(changes, group->is_patchset, existing, &next, &combined));
    // The merged change may be the one that was there, a new one, or none: they cancelled out.
    if (link != NULL)
        change_table_unlink(changes, link);
    if (existing != combined)
        change_free(existing);
    if (combined != NULL)
        change_table_add(changes, combined, next.record, is_key_only);
    return SQLITE_OK;
}

// Appends what the changeset's older version of the table lacks.
static void widen(const GroupTable *table, int from, u8 operation, Buffer *out)
{
    ASSERT(from < table->changes->column_count);
    ASSERT(from > 0);
    ASSERT(table->defaults.size > 0);

    const u8 *field = (const u8 *)table->defaults.bytes;
    for (int i = 0; i < table->changes->column_count; i++) {
        // A column that the UPDATE does not know is not changed by it; a row that was inserted or
        // deleted had the default in it.
        if (i >= from && operation == SQLITE_UPDATE)
            buffer_add_char(out, FIELD_UNDEFINED);
        else if (i >= from)
            field_copy(out, field);
        field += field_size(field);
    }
}

// As the group's table has it: columns that the changeset does not know are added at the end.
static void copy_record(const sqlite3_changegroup *group, const GroupTable *table,
                        const sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->column_count <= table->changes->column_count);
    ASSERT(iter->operation != 0);

    u32 size;
    const u8 *record = changeset_record(iter, &size);
    int count = iter->column_count;
    bool is_whole = count == table->changes->column_count
                    || (group->is_patchset && iter->operation == SQLITE_DELETE);
    if (is_whole) {
        buffer_add(out, record, size);
        return;
    }
    // An UPDATE of a changeset has two records, each of which is widened; everything else has one.
    u32 first = record_size_of(record, count);
    buffer_add(out, record, first);
    widen(table, count, iter->operation, out);
    if (iter->operation == SQLITE_UPDATE && !group->is_patchset) {
        buffer_add(out, record + first, size - first);
        widen(table, count, iter->operation, out);
    }
}

// Settles or checks the kind of the group.
static int take_kind(sqlite3_changegroup *group, const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != 0);
    ASSERT(iter->table != NULL);

    if (group->has_kind && group->is_patchset != iter->is_patchset)
        return SQLITE_ERROR;
    group->is_patchset = iter->is_patchset;
    group->has_kind = true;
    return SQLITE_OK;
}

// The record is copied because the group outlives the changeset, and the iterator's bytes are
// lent.
static int put_current(sqlite3_changegroup *group, GroupTable *table,
                       const sqlite3_changeset_iter *iter)
{
    ASSERT(table != NULL);
    ASSERT(iter->operation != 0);

    Buffer record = {0};
    copy_record(group, table, iter, &record);
    int rc = record.rc;
    if (rc == SQLITE_OK)
        rc = changegroup_put(group, table, iter->operation, iter->is_indirect, &record);
    buffer_deinit(&record);
    return rc;
}

// Changes are not decoded: combining compares fields as bytes (changegroup_merge.c).
static int add_all(sqlite3_changegroup *group, sqlite3_changeset_iter *iter)
{
    ASSERT(!iter->inverts);

    GroupTable *table = NULL;
    bool is_new_table;
    int rc;
    while ((rc = changeset_advance(iter, &is_new_table)) == SQLITE_ROW) {
        if (is_new_table) {
            TRY(take_kind(group, iter));
            TRY(table_for(group, iter, &table));
        }
        ASSERT(table != NULL); // a change comes after its table's header
        TRY(put_current(group, table, iter));
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// The reader is the iterator's from here on.
static int add(sqlite3_changegroup *group, const Reader *in)
{
    ASSERT(in->bytes != NULL || in->callback != NULL || in->size == 0);
    ASSERT(group != NULL);

    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(false, false, &iter));
    iter->in = *in;
    int rc = add_all(group, iter);
    changeset_iter_free(iter);
    return rc;
}

// The bytes are only borrowed: what is kept is copied.
int sqlite3changegroup_add(sqlite3_changegroup *group, int size, void *changeset)
{
    if (group == NULL || size < 0 || (changeset == NULL && size > 0))
        return error_misuse();
    Reader in;
    reader_of_memory(&in, changeset, (size_t)size);
    return add(group, &in);
}

int sqlite3changegroup_add_strm(sqlite3_changegroup *group, InputCallback *input, void *input_arg)
{
    if (group == NULL || input == NULL)
        return error_misuse();
    Reader in;
    reader_of_callback(&in, input, input_arg);
    return add(group, &in);
}

// The one change that the iterator stands on.
int sqlite3changegroup_add_change(sqlite3_changegroup *group, sqlite3_changeset_iter *iter)
{
    // An inverting iterator's bytes are the changeset's own, which are not what it tells.
    if (group == NULL || iter == NULL || iter->operation == 0 || iter->inverts)
        return SQLITE_ERROR;
    // The iterator may be the program's own, in the middle of a changeset.
    GroupTable *table;
    TRY(take_kind(group, iter));
    TRY(table_for(group, iter, &table));
    return put_current(group, table, iter);
}

// --- output ---

// A ChangeTable visitor: one change in the form of the output.
static int write_change(void *arg, Change *change)
{
    Output *out = arg;
    ASSERT(change->operation != 0);
    buffer_add_char(&out->bytes, (char)change->operation);
    buffer_add_char(&out->bytes, change->is_indirect);
    buffer_add(&out->bytes, change->record, change->size);
    return output_pass_on(out);
}

// To memory or to a callback, as `out` says.
static int write_group(const sqlite3_changegroup *group, Output *out, int *size, void **bytes)
{
    ASSERT(out->callback != NULL || bytes != NULL);
    ASSERT(size == NULL || bytes != NULL);

    int rc = SQLITE_OK;
    for (const GroupTable *table = group->tables; table != NULL; table = table->next) {
        // Changes may have cancelled out; a header alone would say nothing.
        if (table->changes->change_count == 0)
            continue;
        change_table_write_header(table->changes, group->is_patchset, &out->bytes);
        TRY_DONE(change_table_each(table->changes, write_change, out));
    }
    rc = output_finish(out, size, bytes);
done:
    output_deinit(out);
    return rc;
}

// May be asked again; the group stays as it is.
int sqlite3changegroup_output(sqlite3_changegroup *group, int *size, void **changeset)
{
    if (group == NULL || size == NULL || changeset == NULL)
        return error_misuse();
    *size = 0;
    *changeset = NULL;
    Output out = {0};
    return write_group(group, &out, size, changeset);
}

int sqlite3changegroup_output_strm(sqlite3_changegroup *group, OutputCallback *output,
                                   void *output_arg)
{
    if (group == NULL || output == NULL)
        return error_misuse();
    Output out = {.callback = output, .arg = output_arg};
    return write_group(group, &out, NULL, NULL);
}

// --- two after each other ---

// The changes of a, then those of b on top of them.
int sqlite3changeset_concat(int a_size, void *a, int b_size, void *b, int *out_size, void **out)
{
    if (out_size == NULL || out == NULL)
        return error_misuse();
    *out_size = 0;
    *out = NULL;
    // Exactly what adding both to a group means.
    sqlite3_changegroup *group;
    TRY(sqlite3changegroup_new(&group));
    int rc = sqlite3changegroup_add(group, a_size, a);
    if (rc == SQLITE_OK)
        rc = sqlite3changegroup_add(group, b_size, b);
    if (rc == SQLITE_OK)
        rc = sqlite3changegroup_output(group, out_size, out);
    sqlite3changegroup_delete(group);
    return rc;
}

int sqlite3changeset_concat_strm(InputCallback *a, void *a_arg, InputCallback *b, void *b_arg,
                                 OutputCallback *output, void *output_arg)
{
    sqlite3_changegroup *group;
    TRY(sqlite3changegroup_new(&group));
    int rc = sqlite3changegroup_add_strm(group, a, a_arg);
    if (rc == SQLITE_OK)
        rc = sqlite3changegroup_add_strm(group, b, b_arg);
    if (rc == SQLITE_OK)
        rc = sqlite3changegroup_output_strm(group, output, output_arg);
    sqlite3changegroup_delete(group);
    return rc;
}
