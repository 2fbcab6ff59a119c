// Statements of tools: compiled under an authorizer, run under limits of time and rows.
//
// A tool is allowed a kind of statement (McpKind). The authorizer writes down what compiling meets
// (Nature), and the statement is refused before it runs if that is something else (M2): a SELECT
// that calls a writing pragma, an INSERT in WITH, two statements in one text. Triggers and views
// of the schema may do as they are written: their author had the right.

#include "shell/mcp.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// Both strings are the result's; append_result() takes them.
void result_init(McpResult *result)
{
    ASSERT(result != NULL);

    *result = (McpResult){.text = sqlite3_str_new(NULL), .structured = sqlite3_str_new(NULL)};
}

// What was written is dropped: a model must not take half a result for one.
void result_fail(McpResult *result, const char *fmt, ...)
{
    ASSERT(fmt != NULL);
    ASSERT(result->text != NULL && result->structured != NULL);

    va_list args;
    va_start(args, fmt);
    sqlite3_str_reset(result->text);
    sqlite3_str_reset(result->structured);
    sqlite3_str_vappendf(result->text, fmt, args);
    result->is_error = true;
    va_end(args);
}

// --- what a statement is ---

// Gathered by the authorizer while a statement is compiled.
typedef struct Nature {
    bool inserts, updates, deletes; // by the statement itself, not by triggers
    bool first_is_insert, first_is_update;
    bool changes_schema, is_transaction, attaches, sets_pragma;
} Nature;

// The authorizer's numbers from CREATE_INDEX to DROP_VIEW lie side by side, DELETE among them.
static bool is_schema_action(int action)
{
    switch (action) {
    case SQLITE_ALTER_TABLE:
    case SQLITE_REINDEX:
    case SQLITE_ANALYZE:
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE: return true;
    default:
        return action >= SQLITE_CREATE_INDEX && action <= SQLITE_DROP_VIEW
               && action != SQLITE_DELETE;
    }
}

// Pragmas whose argument only names what they tell about. Others with an argument set something,
// or may.
static bool is_asking_pragma(const char *name)
{
    ASSERT(name != NULL);

    static const char *const names[] = {
        "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
        "integrity_check",   "quick_check",      "table_info", "table_list", "table_xinfo",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sqlite3_stricmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

// Functions that reach outside the database. By name, wherever they come from: an extension that
// was built in may bring them.
static bool is_unsafe_function(const char *name)
{
    ASSERT(name != NULL);

    static const char *const names[] = {"load_extension", "writefile", "readfile", "edit",
                                        "fts3_tokenizer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sqlite3_stricmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

// The authorizer. Denies what reaches outside the database; the rest is noted and judged
// afterwards, since only the whole tells.
static int observe(void *arg, int action, const char *a, const char *b, const char *database,
                   const char *source)
{
    ASSERT(arg != NULL);

    Nature *nature = arg;
    (void)database;
    if (action == SQLITE_FUNCTION)
        return b != NULL && is_unsafe_function(b) ? SQLITE_DENY : SQLITE_OK;
    if (is_schema_action(action))
        nature->changes_schema = true;
    if (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT)
        nature->is_transaction = true;
    if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
        nature->attaches = true;
    if (action == SQLITE_PRAGMA && b != NULL && !is_asking_pragma(a))
        nature->sets_pragma = true;
    if (source != NULL) // a trigger's or view's doing
        return SQLITE_OK;
    bool is_first = !nature->inserts && !nature->updates && !nature->deletes;
    if (action == SQLITE_INSERT) {
        nature->inserts = true;
        nature->first_is_insert |= is_first;
    } else if (action == SQLITE_UPDATE) {
        nature->updates = true;
        nature->first_is_update |= is_first;
    } else if (action == SQLITE_DELETE) {
        nature->deletes = true;
    }
    return SQLITE_OK;
}

// An UPSERT is an INSERT, though it may update; REPLACE is one, though it may delete: the first
// word counts.
static bool is_of_kind(const Nature *nature, sqlite3_stmt *stmt, McpKind kind)
{
    ASSERT(stmt != NULL);
    ASSERT(nature != NULL);

    bool is_odd = nature->is_transaction || nature->attaches || nature->sets_pragma;
    switch (kind) {
    case MCP_READ:
        return sqlite3_stmt_readonly(stmt) && sqlite3_column_count(stmt) > 0 && !is_odd
               && !nature->changes_schema;
    case MCP_SCHEMA: return nature->changes_schema && !is_odd;
    case MCP_INSERT: return !nature->changes_schema && nature->first_is_insert;
    case MCP_UPDATE: return !nature->changes_schema && nature->first_is_update;
    case MCP_DELETE:
        return !nature->changes_schema && nature->deletes && !nature->first_is_insert
               && !nature->first_is_update;
    }
    return false;
}

// A model learns from it which tool would do.
static const char *kind_refusal(McpKind kind)
{
    switch (kind) {
    case MCP_READ: return "Only SELECT queries are allowed";
    case MCP_INSERT: return "Only INSERT statements are allowed";
    case MCP_UPDATE: return "Only UPDATE statements are allowed";
    case MCP_DELETE: return "Only DELETE statements are allowed";
    case MCP_SCHEMA: return "Only CREATE, ALTER, and DROP statements are allowed";
    }
    return "";
}

// Nothing that compiles follows. Comments and blanks behind the statement are no second one.
static bool is_alone(sqlite3 *db, const char *tail)
{
    ASSERT(tail != NULL);

    while (*tail != 0) {
        sqlite3_stmt *next = NULL;
        const char *from = tail;
        int rc = sqlite3_prepare_v2(db, from, -1, &next, &tail);
        sqlite3_finalize(next);
        if (rc != SQLITE_OK || next != NULL || tail == from)
            return false;
    }
    return true;
}

// The authorizer is taken away again, so that it does not hear of other statements.
sqlite3_stmt *mcp_prepare(Mcp *mcp, McpKind kind, const char *sql, McpResult *result)
{
    ASSERT(mcp->db != NULL);
    ASSERT(!result->is_error);
    ASSERT(sql != NULL);

    Nature nature = {0};
    sqlite3_stmt *stmt = NULL;
    const char *tail = "";
    if (mcp->options.read_only && kind != MCP_READ) { // M3
        result_fail(result, "The server is read-only");
        return NULL;
    }
    sqlite3_set_authorizer(mcp->db, observe, &nature);
    int rc = sqlite3_prepare_v2(mcp->db, sql, -1, &stmt, &tail);
    if (rc != SQLITE_OK)
        result_fail(result, "Failed to parse SQL: %s", sqlite3_errmsg(mcp->db));
    else if (stmt == NULL)
        result_fail(result, "No SQL statement provided");
    else if (!is_alone(mcp->db, tail))
        result_fail(result, "Only a single statement is allowed");
    else if (!is_of_kind(&nature, stmt, kind))
        result_fail(result, "%s", kind_refusal(kind));
    sqlite3_set_authorizer(mcp->db, NULL, NULL);
    if (!result->is_error)
        return stmt;
    sqlite3_finalize(stmt);
    return NULL;
}

// --- running ---

// A notification: nobody answers it.
static void send_progress(Mcp *mcp, long long now)
{
    ASSERT(mcp->progress_token != NULL);
    ASSERT(now >= mcp->started_ms);

    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendf(out,
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":%s,\"progress\":%u,\"message\":\"running for %lld s\"}}",
                        mcp->progress_token, ++mcp->progress_count, (now - mcp->started_ms) / 1000);
    char *message = sqlite3_str_finish(out);
    if (message != NULL)
        mcp_send(message);
    sqlite3_free(message);
}

// M4. Called every so many steps of a statement. The progress handler: not 0 stops the statement.
static int watch(void *arg)
{
    enum { PROGRESS_EVERY_MS = 1000 };
    Mcp *mcp = arg;
    ASSERT(mcp->deadline_ms >= mcp->started_ms);
    long long now = mcp_now_ms();
    if (mcp->progress_token != NULL && now - mcp->progress_ms >= PROGRESS_EVERY_MS) {
        mcp->progress_ms = now;
        send_progress(mcp, now);
    }
    mcp->timed_out = now > mcp->deadline_ms;
    return mcp->timed_out;
}

// The clock starts with the statement, not with the request.
static void watch_begin(Mcp *mcp)
{
    ASSERT(mcp->options.timeout_ms > 0);
    ASSERT(mcp->db != NULL);

    enum { STEPS = 1000 };
    mcp->started_ms = mcp->progress_ms = mcp_now_ms();
    mcp->deadline_ms = mcp->started_ms + mcp->options.timeout_ms;
    mcp->timed_out = false;
    // Often enough for a limit of milliseconds, seldom enough to cost nothing.
    sqlite3_progress_handler(mcp->db, STEPS, watch, mcp);
}

// Other statements of the server are short, and not watched.
static void watch_end(Mcp *mcp)
{
    ASSERT(mcp->db != NULL);

    sqlite3_progress_handler(mcp->db, 0, NULL, NULL);
}

// An interrupted statement says so itself; the limit of time is the server's doing, and is named.
static void fail_with_reason(Mcp *mcp, McpResult *result)
{
    ASSERT(mcp->db != NULL);
    ASSERT(!result->is_error);

    if (mcp->timed_out)
        result_fail(result, "The statement took longer than %d ms and was stopped",
                    mcp->options.timeout_ms);
    else
        result_fail(result, "%s", sqlite3_errmsg(mcp->db));
}

// Column names and a rule below them as text; the beginning of the structured content.
static void append_head(sqlite3_stmt *stmt, McpResult *result)
{
    ASSERT(sqlite3_column_count(stmt) > 0);
    ASSERT(!result->is_error);

    int columns = sqlite3_column_count(stmt);
    int width = 0;
    sqlite3_str_appendall(result->structured, "{\"columns\":[");
    for (int i = 0; i < columns; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        sqlite3_str_appendf(result->text, "%s%s", i > 0 ? " | " : "", name);
        width += (int)strlen(name) + (i > 0 ? 3 : 0);
        sqlite3_str_appendall(result->structured, i > 0 ? "," : "");
        json_append_text(result->structured, name);
    }
    sqlite3_str_appendall(result->structured, "],\"rows\":[");
    sqlite3_str_appendf(result->text, "\n");
    sqlite3_str_appendchar(result->text, width < 10 ? 10 : width, '-');
    sqlite3_str_appendchar(result->text, 1, '\n');
}

// As text for the model, as JSON for the client.
static void append_row(sqlite3_stmt *stmt, McpResult *result, int row)
{
    ASSERT(row >= 0);
    ASSERT(!result->is_error);

    sqlite3_str_appendall(result->structured, row > 0 ? ",[" : "[");
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        const char *text = (const char *)sqlite3_column_text(stmt, i);
        sqlite3_str_appendf(result->text, "%s%s", i > 0 ? " | " : "", text == NULL ? "" : text);
        sqlite3_str_appendall(result->structured, i > 0 ? "," : "");
        json_append_column(result->structured, stmt, i);
    }
    sqlite3_str_appendall(result->structured, "]");
    sqlite3_str_appendchar(result->text, 1, '\n');
}

// One row more than the limit is stepped to, to know whether there is one.
void mcp_run_rows(Mcp *mcp, sqlite3_stmt *stmt, McpResult *result)
{
    ASSERT(sqlite3_column_count(stmt) > 0);
    ASSERT(mcp->options.row_limit > 0);

    int count = 0;
    bool is_cut = false;
    int rc = SQLITE_ROW;
    append_head(stmt, result);
    watch_begin(mcp);
    while (!is_cut && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        is_cut = count == mcp->options.row_limit;
        if (!is_cut)
            append_row(stmt, result, count++);
    }
    watch_end(mcp);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        fail_with_reason(mcp, result);
        return;
    }
    sqlite3_str_appendf(result->structured, "],\"row_count\":%d,\"truncated\":%s}", count,
                        is_cut ? "true" : "false");
    if (is_cut)
        sqlite3_str_appendf(result->text, "(more rows; the first %d are shown)\n", count);
}

// Rows of RETURNING are stepped over: the tool tells how many rows have changed.
bool mcp_run_change(Mcp *mcp, sqlite3_stmt *stmt, McpResult *result)
{
    ASSERT(stmt != NULL);
    ASSERT(!result->is_error);

    watch_begin(mcp);
    int rc = SQLITE_ROW;
    while (rc == SQLITE_ROW) // RETURNING
        rc = sqlite3_step(stmt);
    watch_end(mcp);
    if (rc != SQLITE_DONE)
        fail_with_reason(mcp, result);
    return rc == SQLITE_DONE;
}

// --- the database ---

// The new database is opened and read before the old one is let go, so that a wrong path changes
// nothing.
bool mcp_open(Mcp *mcp, const char *path, char **error)
{
    ASSERT(path != NULL);
    ASSERT(error != NULL);

    sqlite3 *db = NULL;
    int flags =
        mcp->options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_URI, NULL);
    if (rc == SQLITE_OK) // a file that is no database is noticed now
        rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        *error = sqlite3_mprintf("%s", db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db));
        sqlite3_close(db);
        return false;
    }
    // A model may write SQL, but not load code, break the file by writing its schema, or create
    // files.
    sqlite3_enable_load_extension(db, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, 0, (int *)NULL);
    if (mcp->options.read_only)
        (void)sqlite3_exec(db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    sqlite3_busy_timeout(db, mcp->options.timeout_ms);
    // The path may be an argument of the tool's call, which ends before the database does.
    char *copy = sqlite3_mprintf("%s", path);
    (void)pthread_mutex_lock(&mcp->mutex); // the reader may interrupt the old one
    sqlite3_close_v2(mcp->db);
    mcp->db = db;
    (void)pthread_mutex_unlock(&mcp->mutex);
    sqlite3_free(mcp->path);
    mcp->path = copy;
    return true;
}
