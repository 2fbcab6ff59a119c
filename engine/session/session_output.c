// What a session recorded, written as a changeset or patchset: each noted first state of a row is
// compared with the row as it is now.
//
//    noted      row is there          row is gone
//    insert     INSERT new row        nothing
//    other      UPDATE, if it differs DELETE old row
//
//    INSERT op indirect new   DELETE op indirect old    UPDATE op indirect old new
//
// An UPDATE's old holds key and changed columns, its new changed columns (of the key those that
// are equal but not the same: 1 and 1.0). In patchsets a DELETE has the key's fields only, an
// UPDATE one record: key and changed columns as they are now.
//
// The session keeps what it has noted: asking is no end, and may be repeated.

#include "base/error.h"
#include "session/session.h"

typedef struct Generator {
    sqlite3_session *session;
    const SessionTable *table;
    sqlite3_stmt *select; // the row with a given key
    bool is_patchset;
    Output *out;
    size_t header_at;  // where the table's header begins, to take it back
    size_t header_end; // and ends; 0: something was passed on behind it
    Buffer row;        // the row as it is now, as a record
} Generator;

// --- finding the row ---

// "SELECT columns FROM table WHERE key": parameter i + 1 is column i.
static char *select_text(const char *schema, const SessionTable *table)
{
    ASSERT(table->shape.has_key);

    if (table->shape.is_statistics) {
        return sqlite3_mprintf("SELECT tbl, ?2, stat FROM '%q'.sqlite_stat1 WHERE tbl IS ?1 AND"
                               " idx IS (CASE WHEN ?2=X'' THEN NULL ELSE ?2 END)",
                               schema);
    }
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const TableShape *shape = &table->shape;
    for (int i = 0; i < shape->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i == 0 ? "SELECT " : ", ", shape->names[i]);
    sqlite3_str_appendf(sql, " FROM \"%w\".\"%w\"", schema, table->changes->name);
    const char *word = "WHERE";
    for (int i = 0; i < shape->column_count; i++) {
        if (shape->key[i] == 0)
            continue;
        sqlite3_str_appendf(sql, " %s \"%w\" IS ?%d", word, shape->names[i], i + 1);
        word = "AND";
    }
    return sqlite3_str_finish(sql);
}

// By the noted record, whose key is the row's still: a changed key is another row.
static int bind_key(const Generator *g, const Change *change)
{
    ASSERT(g->select != NULL);
    ASSERT(change->size > 0);

    Value value;
    value_init(&value, NULL);
    int rc = SQLITE_OK;
    const u8 *field = change->record;
    for (int i = 0; i < g->table->shape.column_count && rc == SQLITE_OK; i++) {
        if (g->table->shape.key[i] != 0) {
            rc = field_read(field, &value);
            if (rc == SQLITE_OK)
                rc = sqlite3_bind_value(g->select, i + 1, &value);
        }
        field += field_size(field);
    }
    value_deinit(&value);
    return rc;
}

// As a record, so that it can be compared with the noted one field by field.
static int read_row(Generator *g, const Change *change, bool *is_there)
{
    ASSERT(g->select != NULL);
    ASSERT(is_there != NULL);

    buffer_clear(&g->row);
    TRY(bind_key(g, change));
    *is_there = sqlite3_step(g->select) == SQLITE_ROW;
    for (int i = 0; *is_there && i < g->table->shape.column_count; i++)
        field_write(&g->row, sqlite3_column_value(g->select, i));
    TRY(sqlite3_reset(g->select));
    return g->row.rc;
}

// --- writing ---

// Operation and flag, before the record or records.
static void write_start(Generator *g, u8 operation, const Change *change)
{
    ASSERT(operation == SQLITE_INSERT || operation == SQLITE_UPDATE || operation == SQLITE_DELETE);
    ASSERT(g->out != NULL);

    buffer_add_char(&g->out->bytes, (char)operation);
    buffer_add_char(&g->out->bytes, change->is_indirect);
}

// The row as it is now.
static void write_insert(Generator *g, const Change *change)
{
    ASSERT(g->row.size > 0);
    ASSERT(change->operation == SQLITE_INSERT);

    write_start(g, SQLITE_INSERT, change);
    buffer_add(&g->out->bytes, g->row.bytes, g->row.size);
}

// The row as it was, or its key alone in a patchset.
static void write_delete(Generator *g, const Change *change)
{
    ASSERT(change->operation != SQLITE_INSERT);
    ASSERT(change->size > 0);

    write_start(g, SQLITE_DELETE, change);
    if (g->is_patchset)
        change_table_write_key(g->table->changes, change->record, &g->out->bytes);
    else
        buffer_add(&g->out->bytes, change->record, change->size);
}

// A column that is no part of the change is one byte.
static void write_field_or_undefined(Buffer *out, const u8 *field, bool is_defined)
{
    ASSERT(field != NULL);

    if (is_defined)
        field_copy(out, field);
    else
        buffer_add_char(out, FIELD_UNDEFINED);
}

// Both records in one walk over the columns; taken back when nothing differs.
static void write_update(Generator *g, const Change *change)
{
    ASSERT(change->operation != SQLITE_INSERT);
    ASSERT(g->row.size > 0);

    const u8 *before = change->record;
    const u8 *now = (const u8 *)g->row.bytes;
    const u8 *key = g->table->shape.key;
    Buffer after = {0};
    Buffer *out = &g->out->bytes;
    size_t start = out->size;
    bool differs = false;
    write_start(g, SQLITE_UPDATE, change);
    for (int i = 0; i < g->table->shape.column_count; i++) {
        bool is_changed = !field_equals(before, now);
        bool is_key = key[i] != 0;
        differs = differs || is_changed;
        if (!g->is_patchset)
            write_field_or_undefined(out, before, is_changed || is_key);
        write_field_or_undefined(&after, now, is_changed || (g->is_patchset && is_key));
        before += field_size(before);
        now += field_size(now);
    }
    buffer_add(out, after.bytes, after.size);
    if (after.rc != SQLITE_OK)
        out->rc = after.rc;
    if (!differs && out->rc == SQLITE_OK)
        buffer_truncate(out, start);
    buffer_deinit(&after);
}

// A ChangeTable visitor. A table's header is final once a change stands behind it, since it may
// have been passed on then.
static int write_change(void *arg, Change *change)
{
    Generator *g = arg;
    ASSERT(g->table != NULL);

    ASSERT(change->size > 0);
    size_t start = g->out->bytes.size;
    bool is_there;
    TRY(read_row(g, change, &is_there));
    if (is_there && change->operation == SQLITE_INSERT)
        write_insert(g, change);
    else if (is_there)
        write_update(g, change);
    else if (change->operation != SQLITE_INSERT)
        write_delete(g, change);
    if (g->out->bytes.rc != SQLITE_OK)
        return g->out->bytes.rc;
    if (g->out->bytes.size == start)
        return SQLITE_OK;
    g->header_end = 0;
    return output_pass_on(g->out);
}

// The header is written first and taken back if nothing follows it.
static int write_table(Generator *g)
{
    ASSERT(g->select == NULL);
    ASSERT(g->table->changes->change_count > 0);

    const ChangeTable *changes = g->table->changes;
    TRY(session_prepare(g->session->db, select_text(g->session->schema, g->table), &g->select));
    g->header_at = g->out->bytes.size;
    change_table_write_header(changes, g->is_patchset, &g->out->bytes);
    g->header_end = g->out->bytes.size;
    int rc = change_table_each(changes, write_change, g);
    // A table none of whose rows differ in the end is not mentioned.
    if (rc == SQLITE_OK && g->header_end != 0 && g->out->bytes.rc == SQLITE_OK)
        buffer_truncate(&g->out->bytes, g->header_at);
    sqlite3_finalize(g->select);
    g->select = NULL;
    return rc != SQLITE_OK ? rc : g->out->bytes.rc;
}

// In the order of attachment.
static int write_tables(Generator *g)
{
    ASSERT(g->table == NULL);

    for (SessionTable *table = g->session->tables; table != NULL; table = table->next) {
        // Not even looked at: a table that was attached and never changed need not exist.
        if (table->changes->change_count == 0)
            continue;
        int known = table->changes->column_count;
        TRY(session_table_look(g->session, table));
        ASSERT(table->changes->column_count >= known);
        g->table = table;
        TRY(write_table(g));
    }
    return SQLITE_OK;
}

// The savepoint holds one view of the database for all queries.
static int generate(sqlite3_session *session, bool is_patchset, Output *out)
{
    ASSERT(out->bytes.size == 0);
    ASSERT(session->db != NULL);

    Generator g = {.session = session, .is_patchset = is_patchset, .out = out};
    TRY(session->rc);
    TRY(sqlite3_exec(session->db, "SAVEPOINT changeset", NULL, NULL, NULL));
    int rc = write_tables(&g);
    buffer_deinit(&g.row);
    sqlite3_exec(session->db, "RELEASE changeset", NULL, NULL, NULL);
    return rc;
}

static int write_to_memory(sqlite3_session *session, bool is_patchset, int *size, void **bytes)
{
    if (session == NULL || size == NULL || bytes == NULL)
        return error_misuse();
    *size = 0;
    *bytes = NULL;
    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    // The mutex is held throughout: another thread's change would be seen by half of the queries.
    Output out = {0};
    int rc = generate(session, is_patchset, &out);
    if (rc == SQLITE_OK)
        rc = output_finish(&out, size, bytes);
    output_deinit(&out);
    sqlite3_mutex_leave(mutex);
    return rc;
}

// Pieces are passed on between changes.
static int write_to_callback(sqlite3_session *session, bool is_patchset, OutputCallback *callback,
                             void *arg)
{
    if (session == NULL || callback == NULL)
        return error_misuse();
    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    Output out = {.callback = callback, .arg = arg};
    int rc = generate(session, is_patchset, &out);
    if (rc == SQLITE_OK)
        rc = output_finish(&out, NULL, NULL);
    output_deinit(&out);
    sqlite3_mutex_leave(mutex);
    return rc;
}

int sqlite3session_changeset(sqlite3_session *session, int *size, void **changeset)
{
    return write_to_memory(session, false, size, changeset);
}

int sqlite3session_patchset(sqlite3_session *session, int *size, void **patchset)
{
    return write_to_memory(session, true, size, patchset);
}

int sqlite3session_changeset_strm(sqlite3_session *session, OutputCallback *output,
                                  void *output_arg)
{
    return write_to_callback(session, false, output, output_arg);
}

int sqlite3session_patchset_strm(sqlite3_session *session, OutputCallback *output, void *output_arg)
{
    return write_to_callback(session, true, output, output_arg);
}
