// Resources: the schema, and each table's definition and first rows. Prompts: ways to begin.
//
//    quire://schema            the statements that made the database, as SQL
//    quire://tables/NAME       columns and first rows, as the structured content of a query

#include "shell/mcp.h"

#include <string.h>

static const char schema_uri[] = "quire://schema";
static const char table_uri[] = "quire://tables/";

// The schema, and every table and view as a resource of its own.
void resources_list(Mcp *mcp, sqlite3_str *out)
{
    ASSERT(mcp->db != NULL);

    sqlite3_stmt *stmt = NULL;
    sqlite3_str_appendf(out,
                        "{\"resources\":[{\"uri\":\"%s\",\"name\":\"schema\",\"title\":\"Schema\","
                        "\"description\":\"The statements that made the database\","
                        "\"mimeType\":\"application/sql\"}",
                        schema_uri);
    (void)sqlite3_prepare_v2(mcp->db,
                             "SELECT name FROM sqlite_schema WHERE type IN ('table','view') AND"
                             " name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                             -1, &stmt, NULL);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        // The name is not percent-encoded, and read_table() does not decode: what is listed here
        // is what comes back.
        char *uri = sqlite3_mprintf("%s%s", table_uri, sqlite3_column_text(stmt, 0));
        sqlite3_str_appendall(out, ",{\"uri\":");
        json_append_text(out, uri);
        sqlite3_str_appendall(out, ",\"name\":");
        json_append_column(out, stmt, 0);
        sqlite3_str_appendall(out, ",\"mimeType\":\"application/json\"}");
        sqlite3_free(uri);
    }
    sqlite3_finalize(stmt);
    sqlite3_str_appendall(out, "]}");
}

// Says how the URI of a table is made.
void resource_templates_list(sqlite3_str *out)
{
    ASSERT(out != NULL);

    sqlite3_str_appendf(out,
                        "{\"resourceTemplates\":[{\"uriTemplate\":\"%s{name}\",\"name\":\"table\","
                        "\"description\":\"Columns and first rows of a table\","
                        "\"mimeType\":\"application/json\"}]}",
                        table_uri);
}

// One item of a resource's contents.
static void append_contents(sqlite3_str *out, const char *uri, const char *type, const char *text)
{
    ASSERT(uri != NULL && text != NULL);

    sqlite3_str_appendall(out, "{\"contents\":[{\"uri\":");
    json_append_text(out, uri);
    sqlite3_str_appendf(out, ",\"mimeType\":\"%s\",\"text\":", type);
    json_append_text(out, text);
    sqlite3_str_appendall(out, "}]}");
}

// In the order in which objects were made, so that the text can be run.
static void read_schema(Mcp *mcp, sqlite3_str *out)
{
    ASSERT(mcp->db != NULL);

    sqlite3_stmt *stmt = NULL;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    (void)sqlite3_prepare_v2(mcp->db,
                             // Automatic indexes have no SQL.
                             "SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rowid", -1,
                             &stmt, NULL);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_str_appendf(sql, "%s;\n", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    char *text = sqlite3_str_finish(sql);
    append_contents(out, schema_uri, "application/sql", text == NULL ? "" : text);
    sqlite3_free(text);
}

// The name is the client's and is quoted; what is no table gives false, as an unknown resource
// does.
static bool read_table(Mcp *mcp, const char *uri, const char *table, sqlite3_str *out)
{
    ASSERT(table != NULL);

    // Enough to see what a table is like, and little for a model to read.
    enum { ROWS = 10 };
    McpResult result;
    result_init(&result);
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\" LIMIT %d", table, ROWS);
    sqlite3_stmt *stmt = sql == NULL ? NULL : mcp_prepare(mcp, MCP_READ, sql, &result);
    if (stmt != NULL)
        mcp_run_rows(mcp, stmt, &result);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    sqlite3_free(sqlite3_str_finish(result.text));
    char *text = sqlite3_str_finish(result.structured);
    bool is_read = !result.is_error && text != NULL;
    if (is_read)
        append_contents(out, uri, "application/json", text);
    sqlite3_free(text);
    return is_read;
}

// False: there is no such resource.
bool resources_read(Mcp *mcp, const char *uri, sqlite3_str *out)
{
    ASSERT(uri != NULL);

    if (strcmp(uri, schema_uri) == 0) {
        read_schema(mcp, out);
        return true;
    }
    size_t size = sizeof table_uri - 1;
    return strncmp(uri, table_uri, size) == 0 && read_table(mcp, uri, uri + size, out);
}

// --- prompts ---

static const struct {
    const char *name, *description, *argument, *argument_description, *text;
} prompts[] = {
    {"explore_database", "Find out what is in the database", NULL, NULL,
     "Explore the database that is open. List its tables, describe each, look at a few rows, and"
     " tell in a short summary what it holds, how the tables hang together and what questions it"
     " could answer. Use only tools that read.%s"},
    {"answer_question", "Answer a question from the database", "question", "What is to be answered",
     "Answer the question below from the database that is open. Look at the schema first, then"
     " write one query, run it, and answer with the figures and the query.\n\nQuestion: %s"},
    {"improve_query", "Make a query faster", "query", "The SQL of the query",
     "Explain how the query below is run (EXPLAIN QUERY PLAN), say what makes it slow, and propose"
     " indexes or another wording. Change nothing yet.\n\n%s"},
};
enum { PROMPTS = sizeof prompts / sizeof prompts[0] };

// Names and arguments; their texts come with prompts_get().
void prompts_list(sqlite3_str *out)
{
    ASSERT(out != NULL);

    sqlite3_str_appendall(out, "{\"prompts\":[");
    for (int i = 0; i < PROMPTS; i++) {
        sqlite3_str_appendf(out, "%s{\"name\":\"%s\",\"description\":\"%s\",\"arguments\":[",
                            i > 0 ? "," : "", prompts[i].name, prompts[i].description);
        if (prompts[i].argument != NULL)
            sqlite3_str_appendf(out, "{\"name\":\"%s\",\"description\":\"%s\",\"required\":true}",
                                prompts[i].argument, prompts[i].argument_description);
        sqlite3_str_appendall(out, "]}");
    }
    sqlite3_str_appendall(out, "]}");
}

// False: no such prompt, or its argument is missing.
bool prompts_get(Mcp *mcp, const char *name, const char *arguments, sqlite3_str *out)
{
    ASSERT(name != NULL && arguments != NULL);

    for (int i = 0; i < PROMPTS; i++) {
        char path[64];
        char *value = NULL;
        if (strcmp(prompts[i].name, name) != 0)
            continue;
        if (prompts[i].argument != NULL) {
            snprintf(path, sizeof path, "$.%s", prompts[i].argument);
            value = json_text_at(&mcp->json, arguments, path);
            // Every argument of these prompts is required.
            if (value == NULL)
                return false;
        }
        char *text = sqlite3_mprintf(prompts[i].text, value == NULL ? "" : value);
        sqlite3_str_appendf(out,
                            "{\"description\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":{"
                            "\"type\":\"text\",\"text\":",
                            prompts[i].description);
        json_append_text(out, text);
        sqlite3_str_appendall(out, "}}]}");
        sqlite3_free(text);
        sqlite3_free(value);
        return true;
    }
    return false;
}
