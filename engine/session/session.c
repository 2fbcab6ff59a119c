// Sessions: making them, attaching tables, listening to changes. See session.h for the laws.
//
// The preupdate hook's argument is the first session of the connection, which leads to the others.
// The hook runs under the connection's mutex; so do all functions here that touch what it touches.

#include "session/session.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hashmap.h"

static void listen(void *arg, sqlite3 *db, int operation, char const *schema, char const *table,
                   sqlite3_int64 old_rowid, sqlite3_int64 new_rowid);

// --- lifecycle ---

// Listens at once, but to no table until one is attached.
int sqlite3session_create(sqlite3 *db, const char *schema, sqlite3_session **out)
{
    if (out == NULL)
        return error_misuse();
    *out = NULL;
    if (db == NULL || schema == NULL)
        return error_misuse();
    // Whether there is such a schema is not asked: it may be attached later.
    sqlite3_session *session = mem_alloc_zeroed(sizeof *session);
    char *name = mem_dup(schema, (u64)-1);
    if (session == NULL || name == NULL) {
        mem_free(session);
        mem_free(name);
        return SQLITE_NOMEM;
    }
    session->db = db;
    session->schema = name;
    session->is_enabled = true;
    // The hook's argument is the head of the connection's sessions.
    sqlite3_mutex_enter(sqlite3_db_mutex(db));
    // Setting the hook gives back the former argument. It is taken for a session, as in SQLite: a
    // program that uses the hook itself cannot use sessions on the same connection.
    session->next = sqlite3_preupdate_hook(db, listen, session);
    sqlite3_mutex_leave(sqlite3_db_mutex(db));
    *out = session;
    return SQLITE_OK;
}

// The whole list.
static void tables_free(SessionTable *table)
{
    ASSERT(table == NULL || table->changes != NULL);

    while (table != NULL) {
        SessionTable *next = table->next;
        ASSERT(table->changes != NULL);
        change_table_free(table->changes);
        table_shape_deinit(&table->shape);
        mem_free(table);
        table = next;
    }
}

// Takes the session out of its connection's list.
static void leave_list(sqlite3_session *session)
{
    ASSERT(session->db != NULL);

    sqlite3_mutex_enter(sqlite3_db_mutex(session->db));
    // Only replacing the hook tells its argument; for the moment without one the mutex is held.
    sqlite3_session *head = sqlite3_preupdate_hook(session->db, NULL, NULL);
    sqlite3_session **link = &head;
    while (*link != NULL && *link != session)
        link = &(*link)->next;
    if (*link == session)
        *link = session->next;
    if (head != NULL)
        sqlite3_preupdate_hook(session->db, listen, head);
    sqlite3_mutex_leave(sqlite3_db_mutex(session->db));
}

// Before the connection is closed, as its documentation demands: the hook must go first.
void sqlite3session_delete(sqlite3_session *session)
{
    if (session == NULL)
        return;
    leave_list(session);
    tables_free(session->tables);
    mem_free(session->schema);
    mem_free(session);
}

// --- settings ---

// Only before a table is attached: sizes and keys of what is recorded depend on it.
static int switch_option(const sqlite3_session *session, bool *option, int *value)
{
    ASSERT(option != NULL);
    ASSERT(value != NULL);

    if (*value >= 0 && session->tables != NULL)
        return SQLITE_MISUSE;
    if (*value >= 0)
        *option = *value > 0;
    *value = *option;
    return SQLITE_OK;
}

// *arg says what holds afterwards, also if it was only asked for.
int sqlite3session_object_config(sqlite3_session *session, int option, void *arg)
{
    if (session == NULL || arg == NULL)
        return SQLITE_MISUSE;
    switch (option) {
    case SQLITE_SESSION_OBJCONFIG_SIZE: return switch_option(session, &session->counts_size, arg);
    case SQLITE_SESSION_OBJCONFIG_ROWID: return switch_option(session, &session->takes_rowid, arg);
    default: return SQLITE_MISUSE;
    }
}

// Negative: only asks. The mutex, because the hook reads the flags.
static int switch_flag(sqlite3_session *session, bool *flag, int on)
{
    ASSERT(flag == &session->is_enabled || flag == &session->is_indirect);

    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    if (on >= 0)
        *flag = on > 0;
    int state = *flag;
    sqlite3_mutex_leave(mutex);
    return state;
}

// Changes made meanwhile are not noted, but neither are those noted before forgotten.
int sqlite3session_enable(sqlite3_session *session, int on)
{
    return switch_flag(session, &session->is_enabled, on);
}

// For changes to come.
int sqlite3session_indirect(sqlite3_session *session, int on)
{
    return switch_flag(session, &session->is_indirect, on);
}

// A row changed back still counts: only writing compares.
int sqlite3session_isempty(sqlite3_session *session)
{
    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    bool is_empty = true;
    for (const SessionTable *table = session->tables; table != NULL; table = table->next)
        is_empty = is_empty && table->changes->change_count == 0;
    sqlite3_mutex_leave(mutex);
    return is_empty;
}

// What malloc() itself adds is left out, and the shapes' arenas count with what they use.
sqlite3_int64 sqlite3session_memory_used(sqlite3_session *session)
{
    u64 used = sizeof *session + strlen(session->schema) + 1;
    for (const SessionTable *table = session->tables; table != NULL; table = table->next) {
        const ChangeTable *changes = table->changes;
        used += sizeof *table + sizeof *changes + table->shape.arena.used + changes->memory;
        used += changes->bucket_count * sizeof(Change *) + (u64)changes->column_count;
    }
    return (i64)used;
}

// An upper bound, kept if SQLITE_SESSION_OBJCONFIG_SIZE asked for it.
sqlite3_int64 sqlite3session_changeset_size(sqlite3_session *session)
{
    return (i64)session->size_max;
}

// --- tables ---

// A list: sessions have few tables.
static SessionTable *find_table(const sqlite3_session *session, const char *name)
{
    ASSERT(name != NULL);
    ASSERT(session != NULL);

    for (SessionTable *table = session->tables; table != NULL; table = table->next) {
        if (name_equals(table->changes->name, name))
            return table;
    }
    return NULL;
}

// Whether the database has it is found out when a change is heard of.
int session_table(sqlite3_session *session, const char *name, SessionTable **out)
{
    ASSERT(name != NULL);
    ASSERT(out != NULL);

    *out = find_table(session, name);
    if (*out != NULL)
        return SQLITE_OK;
    SessionTable *table = mem_alloc_zeroed(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    int rc = change_table_new(name, &table->changes);
    if (rc != SQLITE_OK) {
        mem_free(table);
        return rc;
    }
    // At the end: changesets list tables in the order of attachment.
    SessionTable **link = &session->tables;
    while (*link != NULL)
        link = &(*link)->next;
    *link = table;
    *out = table;
    return SQLITE_OK;
}

// A table that is not there may be made later.
int sqlite3session_attach(sqlite3_session *session, const char *table)
{
    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    int rc = SQLITE_OK;
    SessionTable *attached;
    // Without a name: every table, those to come included, as far as a filter lets them in.
    if (table == NULL)
        session->attaches_all = true;
    else
        rc = session_table(session, table, &attached);
    sqlite3_mutex_leave(mutex);
    return rc;
}

void sqlite3session_table_filter(sqlite3_session *session,
                                 int (*filter)(void *arg, const char *table), void *arg)
{
    // A filter is asked about tables that are not attached, so it makes all of them candidates.
    session->attaches_all = true;
    session->filter = filter;
    session->filter_arg = arg;
}

// --- columns that were added meanwhile ---

// A change with `tail` behind its record; inserts get undefined fields.
static Change *widened(const Change *change, const Buffer *tail, int added)
{
    ASSERT(added > 0);
    ASSERT(tail->rc == SQLITE_OK);

    Buffer record = {0};
    buffer_add(&record, change->record, change->size);
    // S2: of an inserted row only the key is kept. Another row had the default in the new column,
    // before anybody changed it.
    if (change->operation == SQLITE_INSERT)
        buffer_add_repeated(&record, FIELD_UNDEFINED, (size_t)added);
    else
        buffer_add(&record, tail->bytes, tail->size);
    Change *wide = record.rc != SQLITE_OK ? NULL
                                          : change_new(change->operation, change->is_indirect,
                                                       record.bytes, (u32)record.size);
    buffer_deinit(&record);
    if (wide != NULL)
        wide->size_max = change->size_max;
    return wide;
}

// Keys, and so buckets, stay as they are.
static int widen_changes(ChangeTable *table, const Buffer *tail, int added)
{
    ASSERT(added > 0);
    ASSERT(table->column_count > 0);

    for (u32 i = 0; i < table->bucket_count; i++) {
        for (Change **link = &table->buckets[i]; *link != NULL; link = &(*link)->next) {
            Change *wide = widened(*link, tail, added);
            if (wide == NULL)
                return SQLITE_NOMEM;
            table->memory += wide->size - (*link)->size;
            // From here on nothing can fail: the new change takes the old one's place in its
            // bucket.
            wide->next = (*link)->next;
            change_free(*link);
            *link = wide;
        }
    }
    return SQLITE_OK;
}

// Takes *shape over if what is recorded fits: columns may have been added at the end, nothing
// else.
static int take_shape(sqlite3_session *session, SessionTable *table, TableShape *shape)
{
    ASSERT(table->changes != NULL);
    ASSERT(shape != &table->shape);

    ChangeTable *changes = table->changes;
    int known = changes->column_count;
    bool fits = shape->column_count >= known
                && (known == 0 || memcmp(changes->key, shape->key, (size_t)known) == 0);
    if (!fits)
        return SQLITE_SCHEMA;
    int added = shape->column_count - known;
    // ALTER TABLE ADD COLUMN gives rows that exist the default; so must those that are recorded.
    if (known > 0 && added > 0) {
        Buffer tail = {0};
        int rc = table_shape_defaults(session->db, shape, known, &tail);
        if (rc == SQLITE_OK)
            rc = widen_changes(changes, &tail, added);
        buffer_deinit(&tail);
        TRY(rc);
    }
    if (shape->column_count > 0)
        TRY(change_table_set_key(changes, shape->column_count, shape->key));
    changes->has_rowid_key = shape->has_rowid_key;
    ASSERT(changes->column_count == shape->column_count);
    table_shape_deinit(&table->shape);
    table->shape = *shape;
    *shape = (TableShape){0};
    return SQLITE_OK;
}

// Every time somebody must be sure of the columns: there is no hook for a changed schema.
int session_table_look(sqlite3_session *session, SessionTable *table)
{
    ASSERT(table->changes != NULL);
    ASSERT(session->db != NULL);

    TableShape shape;
    TRY(table_shape_read(session->db, session->schema, table->changes->name, session->takes_rowid,
                         &shape));
    int rc = take_shape(session, table, &shape);
    // Some records may have been widened and others not, against S2.
    if (rc == SQLITE_NOMEM && table->changes->column_count > 0)
        session->rc = rc;
    table_shape_deinit(&shape);
    return rc;
}

// --- listening ---

// The fields of the row's key; *has_null when one is NULL, which makes the row unknown to sessions.
static int read_key(const SessionTable *table, bool is_new, const RowSource *source, Buffer *key,
                    bool *has_null)
{
    ASSERT(table->shape.has_key);
    ASSERT(key->size == 0);

    for (int i = 0; i < table->shape.column_count; i++) {
        if (table->shape.key[i] == 0)
            continue;
        sqlite3_value *value = NULL;
        TRY(is_new ? source->new_value(source->arg, i, &value)
                   : source->old_value(source->arg, i, &value));
        bool is_null = sqlite3_value_type(value) == SQLITE_NULL;
        // sqlite_stat1 has NULL for a table without an index, and its rows are to be recorded all
        // the same.
        if (is_null && table->shape.is_statistics)
            field_write_bytes(key, FIELD_BLOB, NULL, 0);
        else
            field_write(key, value);
        *has_null = *has_null || (is_null && !table->shape.is_statistics);
    }
    return key->rc;
}

// S2: the whole row as it was, or the new key among undefined fields.
static int read_record(const SessionTable *table, u8 operation, const RowSource *source,
                       Buffer *record)
{
    ASSERT(table->shape.has_key);
    ASSERT(record->size == 0);

    bool is_insert = operation == SQLITE_INSERT;
    for (int i = 0; i < table->shape.column_count; i++) {
        sqlite3_value *value = NULL;
        bool is_key = table->shape.key[i] != 0;
        if (!is_insert)
            TRY(source->old_value(source->arg, i, &value));
        else if (is_key)
            TRY(source->new_value(source->arg, i, &value));
        if (is_key && sqlite3_value_type(value) == SQLITE_NULL)
            field_write_bytes(record, FIELD_BLOB, NULL, 0); // sqlite_stat1
        else
            field_write(record, value);
    }
    return record->rc;
}

// A change takes operation, flag, the row as it was and the row as it is. For
// sqlite3session_changeset_size(): a bound that never shrinks, and so is kept as the most that a
// row ever took.
static int account_size(sqlite3_session *session, SessionTable *table, Change *change, u8 operation,
                        const RowSource *source)
{
    ASSERT(change != NULL || !session->counts_size);

    if (!session->counts_size)
        return SQLITE_OK;
    Buffer row = {0};
    int rc = SQLITE_OK;
    for (int i = 0; i < table->shape.column_count && operation != SQLITE_DELETE; i++) {
        sqlite3_value *value = NULL;
        TRY_DONE(source->new_value(source->arg, i, &value));
        field_write(&row, value);
    }
    ASSERT(change != NULL);
    ASSERT(change->operation == SQLITE_INSERT || change->operation == SQLITE_UPDATE
           || change->operation == SQLITE_DELETE);
    u64 size = 2 + (u64)row.size + (change->operation == SQLITE_INSERT ? 0 : change->size);
    if (size > change->size_max) {
        session->size_max += size - change->size_max;
        change->size_max = size;
    }
    rc = row.rc;
done:
    buffer_deinit(&row);
    return rc;
}

// S1 and S2; the caller knows that the key is new.
static int add_change(sqlite3_session *session, SessionTable *table, u8 operation,
                      const RowSource *source, Change **out)
{
    ASSERT(table->changes->bucket_count > 0);
    ASSERT(table->changes->column_count == table->shape.column_count);

    Buffer record = {0};
    int rc = read_record(table, operation, source, &record);
    Change *change = NULL;
    if (rc == SQLITE_OK) {
        change = change_new(operation, source->is_indirect, record.bytes, (u32)record.size);
        rc = change != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    buffer_deinit(&record);
    TRY(rc);
    if (table->changes->change_count == 0) {
        Buffer header = {0};
        change_table_write_header(table->changes, false, &header);
        session->size_max += session->counts_size ? header.size : 0;
        buffer_deinit(&header);
    }
    // S1: session_note() looked for it first.
    change_table_add(table->changes, change, change->record, false);
    *out = change;
    return SQLITE_OK;
}

// The first change of a row only; of a later one just the flag and the size count.
int session_note(sqlite3_session *session, SessionTable *table, u8 operation,
                 const RowSource *source)
{
    ASSERT(table->shape.has_key);
    ASSERT(source->new_value != NULL && source->old_value != NULL);

    Buffer key = {0};
    bool has_null = false;
    int rc = SQLITE_OK;
    TRY_DONE(read_key(table, operation == SQLITE_INSERT, source, &key, &has_null));
    if (has_null)
        goto done; // S1
    TRY_DONE(change_table_reserve(table->changes));
    Change **link = change_table_find(table->changes, (const u8 *)key.bytes, true);
    Change *change = link != NULL ? *link : NULL;
    if (change == NULL)
        TRY_DONE(add_change(session, table, operation, source, &change));
    ASSERT(change != NULL);
    if (!source->is_indirect)
        change->is_indirect = false; // direct if any of a row's changes is
    rc = account_size(session, table, change, operation, source);
done:
    buffer_deinit(&key);
    return rc;
}

// Values of the row that the preupdate hook tells of.
typedef struct HookRow {
    sqlite3 *db;
    const TableShape *shape;
    i64 old_rowid, new_rowid;
    sqlite3_value rowid; // scratch for a rowid that is a column of the changeset
} HookRow;

// A RowSource of the preupdate hook.
static int hook_old(void *arg, int column, sqlite3_value **value)
{
    ASSERT(column >= 0 && column < ((HookRow *)arg)->shape->column_count);

    HookRow *row = arg;
    int place = row->shape->places[column];
    if (place >= 0)
        return sqlite3_preupdate_old(row->db, place, value);
    // Place -1 is the rowid that the session takes for a column.
    value_set_i64(&row->rowid, row->old_rowid);
    *value = &row->rowid;
    return SQLITE_OK;
}

static int hook_new(void *arg, int column, sqlite3_value **value)
{
    ASSERT(column >= 0 && column < ((HookRow *)arg)->shape->column_count);

    HookRow *row = arg;
    int place = row->shape->places[column];
    if (place >= 0)
        return sqlite3_preupdate_new(row->db, place, value);
    value_set_i64(&row->rowid, row->new_rowid);
    *value = &row->rowid;
    return SQLITE_OK;
}

// Attached, or let in by the filter. *out NULL: none of this session's business.
static int listening_table(sqlite3_session *session, const char *name, SessionTable **out)
{
    ASSERT(name != NULL);
    ASSERT(out != NULL);

    *out = find_table(session, name);
    if (*out != NULL || !session->attaches_all)
        return SQLITE_OK;
    if (session->filter != NULL && !session->filter(session->filter_arg, name))
        return SQLITE_OK;
    return session_table(session, name, out);
}

// The hook counts columns for the session: as long as the number is the same, so is the table.
static int hear(sqlite3_session *session, const char *name, u8 operation, HookRow *row)
{
    ASSERT(session->rc == SQLITE_OK);
    ASSERT(row->db == session->db);

    SessionTable *table;
    TRY(listening_table(session, name, &table));
    if (table == NULL)
        return SQLITE_OK;
    int count = sqlite3_preupdate_count(session->db);
    if (table->counted != count)
        TRY(session_table_look(session, table));
    // A column dropped and another added between two changes is not seen here, but by whoever
    // looks again before writing.
    table->counted = count;
    if (!table->shape.has_key)
        return SQLITE_OK;
    row->shape = &table->shape;
    RowSource source = {hook_old, hook_new, false, row};
    // Depth: the change was made by a trigger or a foreign key's action.
    source.is_indirect = session->is_indirect || sqlite3_preupdate_depth(session->db) > 0;
    TRY(session_note(session, table, operation, &source));
    // An update may have moved the row to another key.
    if (operation == SQLITE_UPDATE)
        return session_note(session, table, SQLITE_INSERT, &source);
    return SQLITE_OK;
}

// wide: a preupdate hook
static void listen(void *arg, sqlite3 *db, int operation, char const *schema, char const *table,
                   sqlite3_int64 old_rowid, sqlite3_int64 new_rowid)
{
    ASSERT(arg != NULL);

    HookRow row = {.db = db, .old_rowid = old_rowid, .new_rowid = new_rowid};
    value_init(&row.rowid, NULL);
    for (sqlite3_session *session = arg; session != NULL; session = session->next) {
        // Each session for itself: what goes wrong in one is no concern of the others (S3).
        bool listens =
            session->is_enabled && session->rc == SQLITE_OK && name_equals(session->schema, schema);
        if (listens)
            session->rc = hear(session, table, (u8)operation, &row);
    }
}
