// The tools: their schemas, and what they do.
//
// A tool is a row of the table: what the client is told of it, and a function that writes its
// result. Arguments are looked up in the call's JSON by name; those that are missing or of the
// wrong type make the result an error that names them.

#include "shell/mcp.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 6 };

typedef struct ToolParam {
    const char *name, *type, *description;
    bool is_required;
} ToolParam;

// One call: arguments are looked up by parameter, NULL when not given.
typedef struct ToolCall {
    Mcp *mcp;
    const char *arguments; // a JSON object
    McpResult *result;
} ToolCall;

// What a client is told of a tool before it dares to call it (tools_list).
typedef enum ToolNature { TOOL_READS, TOOL_ADDS, TOOL_DESTROYS } ToolNature;

typedef struct Tool {
    const char *name, *title, *description;
    ToolNature nature;
    void (*run)(ToolCall *call);
    ToolParam params[PARAMS_MAX];
} Tool;

// --- arguments ---

// NULL: not given. sqlite3_free().
static char *argument(ToolCall *call, const char *name)
{
    ASSERT(strlen(name) < 60);

    // Parameters' names are the table's: no character of them means anything in a path.
    char path[64];
    snprintf(path, sizeof path, "$.%s", name);
    return json_text_at(&call->mcp->json, call->arguments, path);
}

// False, and the result fails, when it is missing or no text.
static bool text_argument(ToolCall *call, const char *name, char **out)
{
    ASSERT(strlen(name) < 60);
    ASSERT(out != NULL);

    char path[64];
    snprintf(path, sizeof path, "$.%s", name);
    *out = NULL;
    if (strcmp(json_type_at(&call->mcp->json, call->arguments, path), "text") == 0)
        *out = argument(call, name);
    if (*out == NULL)
        result_fail(call->result, "Missing or invalid %s parameter", name);
    return *out != NULL;
}

// `otherwise` when it is not given.
static long long integer_argument(ToolCall *call, const char *name, long long otherwise)
{
    ASSERT(name != NULL);

    char *text = argument(call, name);
    // Text that is no number reads as 0, a limit of no rows.
    long long value = text == NULL ? otherwise : strtoll(text, NULL, 10);
    sqlite3_free(text);
    return value;
}

// --- the database ---

// The path is the client's: under --readonly it is opened for reading only, like the first one
// (M3).
static void tool_open_database(ToolCall *call)
{
    ASSERT(call->result != NULL);

    char *path;
    char *error = NULL;
    if (!text_argument(call, "path", &path))
        return;
    if (mcp_open(call->mcp, path, &error))
        sqlite3_str_appendf(call->result->text, "Successfully opened database: %s", path);
    else
        result_fail(call->result, "Failed to open database: %s", error);
    sqlite3_free(error);
    sqlite3_free(path);
}

// As it was opened: a path, a URI or :memory:.
static void tool_current_database(ToolCall *call)
{
    ASSERT(call->mcp->path != NULL);

    sqlite3_str_appendf(call->result->text, "Current database: %s", call->mcp->path);
}

// Tables of SQLite's own are left out.
static void tool_list_tables(ToolCall *call)
{
    ASSERT(call->result->structured != NULL);

    sqlite3_stmt *stmt = mcp_prepare(
        call->mcp, MCP_READ,
        "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE"
        " '\\' ORDER BY name",
        call->result);
    int count = 0;
    sqlite3_str_appendall(call->result->structured, "{\"tables\":[");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_str_appendf(call->result->text, "%s%s", count > 0 ? ", " : "",
                            sqlite3_column_text(stmt, 0));
        sqlite3_str_appendall(call->result->structured, count > 0 ? "," : "");
        json_append_column(call->result->structured, stmt, 0);
        count++;
    }
    // Closed also after an error: append_result() leaves it out then.
    sqlite3_str_appendall(call->result->structured, "]}");
    sqlite3_finalize(stmt);
    if (count == 0 && !call->result->is_error)
        sqlite3_str_appendall(call->result->text, "No tables found in the database");
}

// A row of pragma_table_xinfo as a line of text.
static void append_column_line(sqlite3_stmt *stmt, sqlite3_str *text)
{
    ASSERT(sqlite3_column_count(stmt) == 6);
    ASSERT(text != NULL);

    const char *type = (const char *)sqlite3_column_text(stmt, 1);
    const char *fallback = (const char *)sqlite3_column_text(stmt, 3);
    sqlite3_str_appendf(text, "\n%s %s %s", sqlite3_column_text(stmt, 0), type == NULL ? "" : type,
                        sqlite3_column_int(stmt, 2) != 0 ? "NOT NULL" : "NULL");
    if (fallback != NULL)
        sqlite3_str_appendf(text, " DEFAULT %s", fallback);
    if (sqlite3_column_int(stmt, 4) != 0)
        sqlite3_str_appendall(text, " PRIMARY KEY");
    // 2 and 3 are pragma_table_xinfo's numbers for the two kinds of generated columns.
    if (sqlite3_column_int(stmt, 5) == 2)
        sqlite3_str_appendall(text, " VIRTUAL GENERATED");
    if (sqlite3_column_int(stmt, 5) == 3)
        sqlite3_str_appendall(text, " STORED GENERATED");
}

// Hidden columns of virtual tables are left out, generated ones shown.
static void tool_describe_table(ToolCall *call)
{
    ASSERT(call->result->text != NULL);

    char *table;
    int count = 0;
    if (!text_argument(call, "table_name", &table))
        return;
    sqlite3_stmt *stmt = mcp_prepare(
        call->mcp, MCP_READ,
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)"
        " WHERE hidden <> 1",
        call->result);
    // The name is bound: whatever it is, it can only fail to be found.
    sqlite3_bind_text(stmt, 1, table, -1, SQLITE_TRANSIENT);
    sqlite3_str_appendf(call->result->text, "Table '%s' columns:", table);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        append_column_line(stmt, call->result->text);
        count++;
    }
    sqlite3_finalize(stmt);
    // Every table has a column: none means that there is no such table.
    if (count == 0)
        result_fail(call->result, "Table '%s' not found", table);
    sqlite3_free(table);
}

// --- statements ---

// Rows as text and as JSON, cut at the server's limit.
static void tool_execute_query(ToolCall *call)
{
    ASSERT(call->mcp != NULL);

    char *query;
    if (!text_argument(call, "query", &query))
        return;
    // MCP_READ refuses what writes, before anything has run.
    sqlite3_stmt *stmt = mcp_prepare(call->mcp, MCP_READ, query, call->result);
    if (stmt != NULL)
        mcp_run_rows(call->mcp, stmt, call->result);
    sqlite3_finalize(stmt);
    sqlite3_free(query);
}

// All of them are one INSERT, UPDATE, DELETE or change of the schema; which, mcp_prepare() sees
// to.
static void run_change(ToolCall *call, McpKind kind, const char *what)
{
    ASSERT(what != NULL);
    ASSERT(kind != MCP_READ);

    char *query;
    if (!text_argument(call, "query", &query))
        return;
    sqlite3_stmt *stmt = mcp_prepare(call->mcp, kind, query, call->result);
    if (stmt != NULL && mcp_run_change(call->mcp, stmt, call->result)) {
        sqlite3_str_appendf(call->result->text, "%s successful.", what);
        sqlite3_str_appendf(call->result->structured, "{\"changes\":%lld}",
                            sqlite3_changes64(call->mcp->db));
    }
    sqlite3_finalize(stmt);
    sqlite3_free(query);
}

// REPLACE and UPSERT are inserts too.
static void tool_insert_data(ToolCall *call)
{
    ASSERT(call->result != NULL);

    run_change(call, MCP_INSERT, "INSERT");
}

// The count tells the model how far its WHERE reached.
static void tool_update_data(ToolCall *call)
{
    ASSERT(call->result != NULL);

    run_change(call, MCP_UPDATE, "UPDATE");
}

// As tool_update_data().
static void tool_delete_data(ToolCall *call)
{
    ASSERT(call->result != NULL);

    run_change(call, MCP_DELETE, "DELETE");
}

// CREATE, ALTER, DROP and what else only the schema knows.
static void tool_schema_change(ToolCall *call)
{
    ASSERT(call->result != NULL);

    run_change(call, MCP_SCHEMA, "Schema change");
}

// --- search ---

// Runs a reading statement with the given texts bound, and with the number behind them.
static void run_search(ToolCall *call, const char *sql, char *const *texts, int count,
                       long long number)
{
    ASSERT(count >= 0);
    ASSERT(texts != NULL || count == 0);

    sqlite3_stmt *stmt = mcp_prepare(call->mcp, MCP_READ, sql, call->result);
    for (int i = 0; i < count; i++)
        sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_TRANSIENT);
    if (stmt != NULL) {
        sqlite3_bind_int64(stmt, count + 1, number);
        mcp_run_rows(call->mcp, stmt, call->result);
    }
    sqlite3_finalize(stmt);
}

// By bm25, best first, with a snippet around the hit.
static void tool_text_search(ToolCall *call)
{
    ASSERT(call->result != NULL);

    char *texts[2] = {NULL, NULL};
    if (text_argument(call, "table", &texts[0]) && text_argument(call, "query", &texts[1])) {
        // The names are quoted into the statement, the query is bound: neither can be more than it
        // is.
        char *sql = sqlite3_mprintf("SELECT rowid, bm25(\"%w\") AS score, snippet(\"%w\", -1, '[',"
                                    " ']', '…', 24) AS snippet FROM \"%w\" WHERE \"%w\" MATCH ?1"
                                    " ORDER BY rank LIMIT ?2",
                                    texts[0], texts[0], texts[0], texts[0]);
        if (sql != NULL)
            run_search(call, sql, &texts[1], 1, integer_argument(call, "limit", 10));
        sqlite3_free(sql);
    }
    sqlite3_free(texts[0]);
    sqlite3_free(texts[1]);
}

// By an index, or through all rows of a table.
static void tool_vector_search(ToolCall *call)
{
    ASSERT(call->result != NULL);

    char *table = NULL;
    char *vector = NULL;
    char *column = argument(call, "column");
    if (text_argument(call, "table", &table) && text_argument(call, "vector", &vector)) {
        // With a column the table is an ordinary one, which is searched exactly.
        char *sql = column != NULL
                        ? sqlite3_mprintf("SELECT rowid AS id, vector_distance_cos(\"%w\","
                                          " vector32(?1)) AS distance FROM \"%w\" ORDER BY distance"
                                          " LIMIT ?2",
                                          column, table)
                        : sqlite3_mprintf("SELECT id, distance FROM vector_top_k(%Q,"
                                          " vector32(?1), ?2)",
                                          table);
        if (sql != NULL)
            run_search(call, sql, &vector, 1, integer_argument(call, "limit", 10));
        sqlite3_free(sql);
    }
    sqlite3_free(table);
    sqlite3_free(vector);
    sqlite3_free(column);
}

// Keywords and meaning at once; the database ranks (hybrid_search).
static void tool_search(ToolCall *call)
{
    ASSERT(call->result != NULL);

    char *texts[3] = {NULL, NULL, NULL};
    if (text_argument(call, "table", &texts[0]) && text_argument(call, "text", &texts[1])
        && text_argument(call, "vector", &texts[2]))
        run_search(call, "SELECT * FROM hybrid_search(?1, ?2, vector32(?3), ?4)", texts, 3,
                   integer_argument(call, "limit", 10));
    for (int i = 0; i < 3; i++)
        sqlite3_free(texts[i]);
}

// Reads the feed of a cdc table behind a change_id, so that a client can come back for more.
static void tool_changes(ToolCall *call)
{
    ASSERT(call->result != NULL);

    char *feed;
    if (!text_argument(call, "feed", &feed))
        return;
    char *sql = sqlite3_mprintf("SELECT change_id, change_time, change_type, table_name, id,"
                                " before_json, after_json FROM \"%w\" WHERE change_id > %lld"
                                " ORDER BY change_id LIMIT ?1",
                                feed, integer_argument(call, "after", 0));
    if (sql != NULL)
        run_search(call, sql, NULL, 0, integer_argument(call, "limit", 100));
    sqlite3_free(sql);
    sqlite3_free(feed);
}

// --- the table of tools ---

static const char query_note[] = "The SQL statement; exactly one";

// clang-format off
static const Tool tools[] = {
    {"open_database", "Open a database", "Open another database file, or :memory:", TOOL_ADDS,
     tool_open_database, {{"path", "string", "Path of the file, a URI, or :memory:", true}}},
    {"current_database", "Current database", "Tell which database is open", TOOL_READS,
     tool_current_database, {{0}}},
    {"list_tables", "List tables", "List the tables of the database", TOOL_READS,
     tool_list_tables, {{0}}},
    {"describe_table", "Describe a table", "List the columns of a table", TOOL_READS,
     tool_describe_table, {{"table_name", "string", "Name of the table", true}}},
    {"execute_query", "Run a query",
     "Run a statement that only reads: SELECT, VALUES, WITH, EXPLAIN, asking PRAGMAs", TOOL_READS,
     tool_execute_query, {{"query", "string", query_note, true}}},
    {"insert_data", "Insert rows", "Run an INSERT or REPLACE statement", TOOL_ADDS,
     tool_insert_data, {{"query", "string", query_note, true}}},
    {"update_data", "Update rows", "Run an UPDATE statement", TOOL_DESTROYS,
     tool_update_data, {{"query", "string", query_note, true}}},
    {"delete_data", "Delete rows", "Run a DELETE statement", TOOL_DESTROYS,
     tool_delete_data, {{"query", "string", query_note, true}}},
    {"schema_change", "Change the schema", "Run a CREATE, ALTER or DROP statement", TOOL_DESTROYS,
     tool_schema_change, {{"query", "string", query_note, true}}},
    {"search", "Hybrid search",
     "Find rows by keywords and by meaning at once, the ranks fused", TOOL_READS, tool_search,
     {{"table", "string", "Name of the table to search", true},
      {"text", "string", "Keywords", true},
      {"vector", "string", "The query's embedding, as a JSON array", true},
      {"limit", "integer", "Rows at most, 10 unless given", false}}},
    {"vector_search", "Vector search", "Find the rows nearest to a vector", TOOL_READS,
     tool_vector_search,
     {{"table", "string", "Name of a vector index, or of a table with `column`", true},
      {"column", "string", "Column of vectors, to search a table without an index", false},
      {"vector", "string", "The query's embedding, as a JSON array", true},
      {"limit", "integer", "Rows at most, 10 unless given", false}}},
    {"text_search", "Full-text search", "Find rows of a full-text table, best first", TOOL_READS,
     tool_text_search,
     {{"table", "string", "Name of the FTS5 table", true},
      {"query", "string", "Query in FTS5's language", true},
      {"limit", "integer", "Rows at most, 10 unless given", false}}},
    {"changes", "Changes", "Read a change feed in commit order", TOOL_READS, tool_changes,
     {{"feed", "string", "Name of the feed", true},
      {"after", "integer", "Only changes after this change_id, 0 unless given", false},
      {"limit", "integer", "Changes at most, 100 unless given", false}}},
};
// clang-format on
enum { TOOLS = sizeof tools / sizeof tools[0] };

// The tool's parameters as a JSON Schema.
static void append_schema(const Tool *tool, sqlite3_str *out)
{
    ASSERT(tool->name != NULL);
    ASSERT(out != NULL);

    sqlite3_str_appendall(out, "{\"type\":\"object\",\"properties\":{");
    for (int i = 0; i < PARAMS_MAX && tool->params[i].name != NULL; i++) {
        const ToolParam *param = &tool->params[i];
        sqlite3_str_appendf(out, "%s\"%s\":{\"type\":\"%s\",\"description\":", i > 0 ? "," : "",
                            param->name, param->type);
        json_append_text(out, param->description);
        sqlite3_str_appendall(out, "}");
    }
    // A list of its own: JSON Schema does not say it at the property.
    sqlite3_str_appendall(out, "},\"required\":[");
    int count = 0;
    for (int i = 0; i < PARAMS_MAX && tool->params[i].name != NULL; i++) {
        if (tool->params[i].is_required)
            sqlite3_str_appendf(out, "%s\"%s\"", count++ > 0 ? "," : "", tool->params[i].name);
    }
    sqlite3_str_appendall(out, "]}");
}

// Hints tell a client which tools only read and which may destroy. Idempotent are those that only
// read: nobody knows what a client's statement does when it runs twice. The world is closed: a
// tool reaches nothing but databases.
void tools_list(Mcp *mcp, sqlite3_str *out)
{
    ASSERT(out != NULL);

    (void)mcp;
    sqlite3_str_appendall(out, "{\"tools\":[");
    for (int i = 0; i < TOOLS; i++) {
        const Tool *tool = &tools[i];
        sqlite3_str_appendf(out, "%s{\"name\":\"%s\",\"title\":\"%s\",\"description\":",
                            i > 0 ? "," : "", tool->name, tool->title);
        json_append_text(out, tool->description);
        sqlite3_str_appendall(out, ",\"inputSchema\":");
        append_schema(tool, out);
        sqlite3_str_appendf(
            out,
            ",\"annotations\":{\"title\":\"%s\",\"readOnlyHint\":%s,"
            "\"destructiveHint\":%s,\"idempotentHint\":%s,\"openWorldHint\":false}}",
            tool->title, tool->nature == TOOL_READS ? "true" : "false",
            tool->nature == TOOL_DESTROYS ? "true" : "false",
            tool->nature == TOOL_READS ? "true" : "false");
    }
    sqlite3_str_appendall(out, "]}");
}

// Text for every client, structured content for those that read it.
static void append_result(McpResult *result, sqlite3_str *out)
{
    ASSERT(result->text != NULL && result->structured != NULL);
    ASSERT(out != NULL);

    char *text = sqlite3_str_finish(result->text);
    char *structured = sqlite3_str_finish(result->structured);
    sqlite3_str_appendall(out, "{\"content\":[{\"type\":\"text\",\"text\":");
    json_append_text(out, text == NULL ? "" : text);
    sqlite3_str_appendall(out, "}]");
    // structuredContent must be an object where it is there at all, so an error has none.
    if (structured != NULL && structured[0] != 0 && !result->is_error)
        sqlite3_str_appendf(out, ",\"structuredContent\":%s", structured);
    sqlite3_str_appendf(out, ",\"isError\":%s}", result->is_error ? "true" : "false");
    sqlite3_free(text);
    sqlite3_free(structured);
}

// A tool that fails has answered, too: the result says isError.
bool tools_call(Mcp *mcp, const char *name, const char *arguments, sqlite3_str *out)
{
    ASSERT(name != NULL && arguments != NULL);
    ASSERT(mcp != NULL && out != NULL);

    for (int i = 0; i < TOOLS; i++) {
        if (strcmp(tools[i].name, name) != 0)
            continue;
        // A tool never writes to `out` itself, so that half a result cannot get there.
        McpResult result;
        result_init(&result);
        ToolCall call = {.mcp = mcp, .arguments = arguments, .result = &result};
        tools[i].run(&call);
        append_result(&result, out);
        return true;
    }
    return false;
}
