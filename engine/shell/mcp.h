#ifndef QUIRE_SHELL_MCP_H
#define QUIRE_SHELL_MCP_H
// `quire FILE --mcp`: a server that tools of language models speak to, by the Model Context
// Protocol (modelcontextprotocol.io).
//
// One JSON-RPC 2.0 message a line, on standard input and output. The protocol's revision is
// negotiated down to 2024-11-05. JSON is read and written by the library's own JSON functions, on
// a connection in memory that has nothing to do with the database served.
//
//    > {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_query",
//       "arguments":{"query":"SELECT 1 AS a"}}}
//    < {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a\n----------\n1\n"}],
//       "structuredContent":{"columns":["a"],"rows":[[1]],"row_count":1,"truncated":false},
//       "isError":false}}
//
// Laws
//   M1  Every request gets one answer: a result or an error. Notifications get none, nor does a
//       request that was cancelled.
//   M2  What a tool may do is decided by what its statement compiles to (an authorizer, and
//       sqlite3_stmt_readonly()), never by its text.
//   M3  Under --readonly the database is opened read-only, and every statement of every tool is
//       compiled under the authorizer that allows reading only.
//   M4  A statement ends after the time limit; results end after the row limit and say so.
//   M5  One thread reads input, so that a cancellation is seen while a statement runs; the other
//       works. They share the queue, under its mutex, and sqlite3_interrupt().
//   M6  A message is untrusted: its JSON is checked before anything is asked of it, and what it
//       names becomes SQL only quoted or bound.
//
// An error of a statement is a result with isError, which the model reads and can mend; an error
// of the protocol is one of JSON-RPC.

#include "shell/shell_assert.h"
#include "sqlite3.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

// --- mcp_json.c: JSON by SQL ---

// Answers questions about JSON texts. One per thread.
typedef struct Json {
    sqlite3 *db;
    sqlite3_stmt *type, *text, *valid;
} Json;

bool json_init(Json *json);
void json_deinit(Json *json);
bool json_is_valid(Json *json, const char *text);
// The type at the path: "object", "text", "integer", …; "" when nothing is there. Static storage.
const char *json_type_at(Json *json, const char *text, const char *path);
// What is there as text: a string's content, other things as JSON; NULL when nothing is there or
// the type is null. sqlite3_free().
char *json_text_at(Json *json, const char *text, const char *path);
// As JSON: for ids and for parts handed on. NULL when nothing is there. sqlite3_free().
char *json_part_at(Json *json, const char *text, const char *path);
// Appends the text as a JSON string; NULL as null.
void json_append_text(sqlite3_str *out, const char *text);
void json_append_column(sqlite3_str *out, sqlite3_stmt *stmt, int column);

// --- the server ---

typedef struct McpOptions {
    bool read_only;
    int timeout_ms; // of one statement
    int row_limit;  // of one result
} McpOptions;

typedef struct McpMessage {
    struct McpMessage *next;
    char *text; // a line
} McpMessage;

typedef struct Mcp {
    sqlite3 *db;
    char *path;
    McpOptions options;
    Json json;
    char revision[16]; // agreed upon
    bool is_initialized;

    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t arrived;
    McpMessage *first, *last;
    bool input_ended;
    char *running_id; // of the request being worked on, as JSON; NULL: none
    bool is_cancelled;

    long long deadline_ms; // of the running statement
    bool timed_out;
    char *progress_token; // as JSON, NULL: nobody asked
    long long progress_ms, started_ms;
    unsigned progress_count;
} Mcp;

// Serves until the input ends; returns the exit status.
int mcp_serve(const char *path, const McpOptions *options);
// Writes one message to standard output and ends the line.
void mcp_send(const char *message);
long long mcp_now_ms(void);

// --- mcp_query.c: statements under limits ---

// What a statement is allowed to be.
typedef enum McpKind { MCP_READ, MCP_INSERT, MCP_UPDATE, MCP_DELETE, MCP_SCHEMA } McpKind;

// The result of a tool: texts are appended, structured content is JSON or empty.
typedef struct McpResult {
    sqlite3_str *text, *structured;
    bool is_error;
} McpResult;

void result_init(McpResult *result);
void result_fail(McpResult *result, const char *fmt, ...); // replaces the text
// Compiles the one statement of `sql`, which must be of the kind; NULL after result_fail().
sqlite3_stmt *mcp_prepare(Mcp *mcp, McpKind kind, const char *sql, McpResult *result);
// Steps to the end and writes rows: a table as text, columns and rows as structured content. An
// error takes the place of both (result_fail).
void mcp_run_rows(Mcp *mcp, sqlite3_stmt *stmt, McpResult *result);
// Steps to the end; false after result_fail().
bool mcp_run_change(Mcp *mcp, sqlite3_stmt *stmt, McpResult *result);
bool mcp_open(Mcp *mcp, const char *path, char **error); // replaces the database served

// --- mcp_tools.c, mcp_resources.c ---

void tools_list(Mcp *mcp, sqlite3_str *out);
// Writes the result object of tools/call; false: no such tool, nothing was written. `arguments` is
// a JSON object.
bool tools_call(Mcp *mcp, const char *name, const char *arguments, sqlite3_str *out);
void resources_list(Mcp *mcp, sqlite3_str *out);
void resource_templates_list(sqlite3_str *out);
bool resources_read(Mcp *mcp, const char *uri, sqlite3_str *out);
void prompts_list(sqlite3_str *out);
bool prompts_get(Mcp *mcp, const char *name, const char *arguments, sqlite3_str *out);

#endif
