// sqlite3session_diff: records what would turn a table of another schema into the session's.
//
// Three queries stand for the preupdate hook: rows only here (INSERT), rows only there (DELETE),
// rows with the same key and other values (UPDATE). What they give is noted as if it had just
// happened, by the same function (session_note), so that later changes of those rows combine with
// it.
//
// Values are compared by IS, as SQL compares: 1 and 1.0 are no difference here, though a session
// that had seen the change would have noted one.

#include "base/error.h"
#include "session/session.h"

typedef struct Diff {
    sqlite3_session *session;
    SessionTable *table;
    const char *from;    // schema of the other table
    sqlite3_stmt *query; // the row here, then the row there
    int old_at;          // first column of the old row
} Diff;

// "A.key IS B.key AND ..." or "A.x IS NOT B.x OR ..." over the columns outside the key.
static void append_comparison(sqlite3_str *sql, const Diff *diff, bool of_key)
{
    ASSERT(diff->table->shape.has_key);
    ASSERT(sql != NULL);

    const TableShape *shape = &diff->table->shape;
    const char *name = diff->table->changes->name;
    const char *word = "";
    for (int i = 0; i < shape->column_count; i++) {
        if ((shape->key[i] != 0) != of_key)
            continue;
        sqlite3_str_appendf(sql, "%s\"%w\".\"%w\".\"%w\" %s \"%w\".\"%w\".\"%w\"", word,
                            diff->session->schema, name, shape->names[i], of_key ? "IS" : "IS NOT",
                            diff->from, name, shape->names[i]);
        word = of_key ? " AND " : " OR ";
    }
}

// In the order of the shape, so that column i of the query is column i.
static void append_columns(sqlite3_str *sql, const Diff *diff, const char *schema)
{
    ASSERT(diff->table->shape.column_count > 0);
    ASSERT(schema != NULL);

    const TableShape *shape = &diff->table->shape;
    for (int i = 0; i < shape->column_count; i++) {
        sqlite3_str_appendf(sql, "%s\"%w\".\"%w\".\"%w\"", i == 0 ? "" : ", ", schema,
                            diff->table->changes->name, shape->names[i]);
    }
}

// Rows of one schema whose key the other does not have.
static char *lone_text(const Diff *diff, const char *here, const char *there)
{
    ASSERT(here != there);

    const char *name = diff->table->changes->name;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT ");
    append_columns(sql, diff, here);
    sqlite3_str_appendf(sql,
                        " FROM \"%w\".\"%w\" WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\""
                        " WHERE ",
                        here, name, there, name);
    append_comparison(sql, diff, true);
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

// The row here first, then the row there: old_at tells where that begins.
static char *changed_text(const Diff *diff)
{
    ASSERT(diff->from != NULL);

    const char *name = diff->table->changes->name;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT ");
    append_columns(sql, diff, diff->session->schema);
    sqlite3_str_appendall(sql, ", ");
    append_columns(sql, diff, diff->from);
    sqlite3_str_appendf(sql, " FROM \"%w\".\"%w\", \"%w\".\"%w\" WHERE ", diff->session->schema,
                        name, diff->from, name);
    append_comparison(sql, diff, true);
    sqlite3_str_appendall(sql, " AND (");
    append_comparison(sql, diff, false);
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

// A RowSource of a query.
static int diff_new(void *arg, int column, sqlite3_value **value)
{
    ASSERT(column >= 0);

    Diff *diff = arg;
    ASSERT(diff->query != NULL);
    *value = sqlite3_column_value(diff->query, column);
    return SQLITE_OK;
}

static int diff_old(void *arg, int column, sqlite3_value **value)
{
    ASSERT(column >= 0);

    Diff *diff = arg;
    ASSERT(diff->query != NULL && diff->old_at >= 0);
    *value = sqlite3_column_value(diff->query, diff->old_at + column);
    return SQLITE_OK;
}

// As if the rows had just been changed so.
static int note_rows(Diff *diff, u8 operation, char *sql, int old_at)
{
    ASSERT(old_at >= 0);
    ASSERT(diff->table != NULL);

    TRY(session_prepare(diff->session->db, sql, &diff->query));
    diff->old_at = old_at;
    const RowSource source = {diff_old, diff_new, diff->session->is_indirect, diff};
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(diff->query) == SQLITE_ROW)
        rc = session_note(diff->session, diff->table, operation, &source);
    int query_rc = sqlite3_finalize(diff->query);
    diff->query = NULL;
    return rc != SQLITE_OK ? rc : query_rc;
}

// Is there anything but the key?
static bool has_values(const TableShape *shape)
{
    ASSERT(shape->has_key);

    for (int i = 0; i < shape->column_count; i++) {
        if (shape->key[i] == 0)
            return true;
    }
    return false;
}

// Same columns in the same order, same key.
static bool shapes_equal(const TableShape *a, const TableShape *b)
{
    ASSERT(a != b);

    if (a->column_count != b->column_count)
        return false;
    for (int i = 0; i < a->column_count; i++) {
        if (a->key[i] != b->key[i] || sqlite3_stricmp(a->names[i], b->names[i]) != 0)
            return false;
    }
    return true;
}

// *is_comparable false: nothing to do. SQLITE_ERROR: no such table there; SQLITE_SCHEMA: another.
static int check_tables(const Diff *diff, const char *name, bool *is_comparable, char **error)
{
    ASSERT(diff->table != NULL);
    ASSERT(is_comparable != NULL);

    const TableShape *here = &diff->table->shape;
    *is_comparable = false;
    if (here->column_count == 0)
        return SQLITE_OK;
    TableShape there;
    TRY(table_shape_read(diff->session->db, diff->from, name, diff->session->takes_rowid, &there));
    int rc = SQLITE_OK;
    if (there.column_count == 0) {
        rc = SQLITE_ERROR;
        if (error != NULL)
            *error = sqlite3_mprintf("no such table: %s.%s", diff->from, name);
    } else if (!shapes_equal(here, &there)) {
        rc = SQLITE_SCHEMA;
        if (error != NULL)
            *error = sqlite3_mprintf("table schemas do not match");
    }
    *is_comparable = rc == SQLITE_OK && here->has_key;
    table_shape_deinit(&there);
    return rc;
}

// Three queries, one for each kind of change.
static int run_diff(Diff *diff, const char *name, char **error)
{
    ASSERT(diff->from != NULL);
    ASSERT(diff->session->rc == SQLITE_OK);

    sqlite3_session *session = diff->session;
    TRY(session_table(session, name, &diff->table));
    TRY(session_table_look(session, diff->table));
    bool is_comparable;
    TRY(check_tables(diff, name, &is_comparable, error));
    if (!is_comparable)
        return SQLITE_OK;
    TRY(note_rows(diff, SQLITE_INSERT, lone_text(diff, session->schema, diff->from), 0));
    TRY(note_rows(diff, SQLITE_DELETE, lone_text(diff, diff->from, session->schema), 0));
    // Rows that are all key cannot differ in anything else.
    if (!has_values(&diff->table->shape))
        return SQLITE_OK;
    return note_rows(diff, SQLITE_UPDATE, changed_text(diff), diff->table->shape.column_count);
}

// The table is attached by it, if it was not.
int sqlite3session_diff(sqlite3_session *session, const char *from_schema, const char *table,
                        char **error)
{
    if (error != NULL)
        *error = NULL;
    if (session == NULL || from_schema == NULL || table == NULL)
        return error_misuse();
    if (sqlite3_stricmp(from_schema, session->schema) == 0)
        return SQLITE_OK; // equal to itself
    sqlite3_mutex *mutex = sqlite3_db_mutex(session->db);
    sqlite3_mutex_enter(mutex);
    Diff diff = {.session = session, .from = from_schema};
    int rc = session->rc != SQLITE_OK ? session->rc : run_diff(&diff, table, error);
    sqlite3_mutex_leave(mutex);
    return rc;
}
