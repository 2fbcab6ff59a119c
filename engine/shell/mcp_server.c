// The server's loop: messages in, answers out (JSON-RPC 2.0, jsonrpc.org/specification).
//
// The reading thread puts lines into a queue; the main thread takes them out, one after the other,
// so that requests are answered in order and one statement runs at a time. Only cancellations are
// handled where they are read (M5).

#include "quire.h"
#include "shell/mcp.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    // JSON-RPC's own codes, and one that MCP adds for resources.
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_RESOURCE_NOT_FOUND = -32002,
};

// Newest first. A client that asks for another gets the newest.
static const char *const revisions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

// Monotonic: limits of time do not mind a clock that is set.
long long mcp_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Of the answer's and the progress's thread alike.
void mcp_send(const char *message)
{
    ASSERT(message != NULL);

    static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER; // lines of two threads stay whole
    (void)pthread_mutex_lock(&output);
    fputs(message, stdout);
    fputc('\n', stdout);
    // A client that waits for the answer would wait for ever on a full buffer that is not flushed.
    (void)fflush(stdout);
    (void)pthread_mutex_unlock(&output);
}

// --- answers ---

// The answer to `id` (JSON): `body` is {"result":…} or {"error":…} without the outer braces. Takes
// the body.
static char *answer(const char *id, sqlite3_str *body)
{
    ASSERT(body != NULL);
    ASSERT(id != NULL);

    char *text = sqlite3_str_finish(body);
    // The id goes back as it was written: 1 and "1" are different ids.
    char *message = sqlite3_mprintf("{\"jsonrpc\":\"2.0\",\"id\":%s,%s}", id,
                                    text == NULL ? "\"error\":{\"code\":-32603,\"message\":"
                                                   "\"Out of memory\"}"
                                                 : text);
    sqlite3_free(text);
    return message;
}

// NULL without memory.
static char *error_answer(const char *id, int code, const char *message)
{
    ASSERT(code < 0);
    ASSERT(id != NULL && message != NULL);

    sqlite3_str *body = sqlite3_str_new(NULL);
    sqlite3_str_appendf(body, "\"error\":{\"code\":%d,\"message\":", code);
    json_append_text(body, message);
    sqlite3_str_appendall(body, "}");
    return answer(id, body);
}

// --- methods ---

// Each writes the result object to `out` and returns 0, or a code with *message set.
typedef int Method(Mcp *mcp, const char *request, sqlite3_str *out, const char **message);

// A client that asks for a revision we do not know gets the newest, and may hang up.
static int method_initialize(Mcp *mcp, const char *request, sqlite3_str *out, const char **message)
{
    ASSERT(out != NULL);

    char *wanted = json_text_at(&mcp->json, request, "$.params.protocolVersion");
    const char *agreed = revisions[0];
    (void)message;
    for (size_t i = 0; i < sizeof revisions / sizeof revisions[0]; i++) {
        if (wanted != NULL && strcmp(wanted, revisions[i]) == 0)
            agreed = revisions[i];
    }
    sqlite3_free(wanted);
    snprintf(mcp->revision, sizeof mcp->revision, "%s", agreed);
    mcp->is_initialized = true;
    sqlite3_str_appendf(
        out,
        "{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{\"listChanged\":false},"
        "\"resources\":{\"subscribe\":false,\"listChanged\":false},\"prompts\":{\"listChanged\":"
        "false}},\"serverInfo\":{\"name\":\"quire\",\"title\":\"quire\",\"version\":\"%s\"},"
        "\"instructions\":\"An SQL database (SQLite's dialect). %s\"}",
        agreed, quire_version(),
        mcp->options.read_only ? "It is open for reading only."
                               : "Read with execute_query; change with the tools named after the"
                                 " change.");
    return 0;
}

// A client asks so whether the server is alive; the answer is an empty object.
static int method_ping(Mcp *mcp, const char *request, sqlite3_str *out, const char **message)
{
    ASSERT(out != NULL);

    (void)mcp;
    (void)request;
    (void)message;
    sqlite3_str_appendall(out, "{}");
    return 0;
}

// The list does not change while the server runs.
static int method_tools_list(Mcp *mcp, const char *request, sqlite3_str *out, const char **message)
{
    ASSERT(out != NULL);

    (void)request;
    (void)message;
    tools_list(mcp, out);
    return 0;
}

// The arguments object at $.params.arguments, {} when there is none; NULL when it is no object. A
// client may leave the object out, or give null, for a tool without parameters.
static char *arguments_of(Mcp *mcp, const char *request)
{
    ASSERT(request != NULL);

    const char *type = json_type_at(&mcp->json, request, "$.params.arguments");
    if (type[0] == 0 || strcmp(type, "null") == 0)
        return sqlite3_mprintf("{}");
    if (strcmp(type, "object") != 0)
        return NULL;
    return json_part_at(&mcp->json, request, "$.params.arguments");
}

// The tool's result, or an error of the protocol where there is no such tool.
static int method_tools_call(Mcp *mcp, const char *request, sqlite3_str *out, const char **message)
{
    ASSERT(out != NULL);

    if (strcmp(json_type_at(&mcp->json, request, "$.params"), "object") != 0) {
        *message = "Missing params";
        return RPC_INVALID_PARAMS;
    }
    char *name = json_text_at(&mcp->json, request, "$.params.name");
    char *arguments = arguments_of(mcp, request);
    int code = RPC_INVALID_PARAMS;
    *message = "Invalid params: name must be a string and arguments an object";
    if (name != NULL && arguments != NULL) {
        // Only a name that is no tool is an error of the protocol. A tool's own failure is a
        // result, which the model gets to read.
        bool is_known = tools_call(mcp, name, arguments, out);
        code = is_known ? 0 : RPC_METHOD_NOT_FOUND;
        *message = "Unknown tool";
    }
    sqlite3_free(name);
    sqlite3_free(arguments);
    return code;
}

// Tables of the database that is open now.
static int method_resources_list(Mcp *mcp, const char *request, sqlite3_str *out,
                                 const char **message)
{
    ASSERT(out != NULL);

    (void)request;
    (void)message;
    resources_list(mcp, out);
    return 0;
}

// How a client makes the URI of a resource that it knows by name.
static int method_templates_list(Mcp *mcp, const char *request, sqlite3_str *out,
                                 const char **message)
{
    ASSERT(out != NULL);

    (void)mcp;
    (void)request;
    (void)message;
    resource_templates_list(out);
    return 0;
}

// By its URI.
static int method_resources_read(Mcp *mcp, const char *request, sqlite3_str *out,
                                 const char **message)
{
    ASSERT(out != NULL);

    char *uri = json_text_at(&mcp->json, request, "$.params.uri");
    *message = uri == NULL ? "Invalid params: uri must be a string" : "Resource not found";
    int code = uri == NULL                     ? RPC_INVALID_PARAMS
               : resources_read(mcp, uri, out) ? 0
                                               : RPC_RESOURCE_NOT_FOUND;
    sqlite3_free(uri);
    return code;
}

// Without paging: there are few.
static int method_prompts_list(Mcp *mcp, const char *request, sqlite3_str *out,
                               const char **message)
{
    ASSERT(out != NULL);

    (void)mcp;
    (void)request;
    (void)message;
    prompts_list(out);
    return 0;
}

// With the arguments filled in.
static int method_prompts_get(Mcp *mcp, const char *request, sqlite3_str *out, const char **message)
{
    ASSERT(out != NULL);

    char *name = json_text_at(&mcp->json, request, "$.params.name");
    char *arguments = arguments_of(mcp, request);
    bool is_known = name != NULL && arguments != NULL && prompts_get(mcp, name, arguments, out);
    // Set in any case: it is looked at only after an error.
    *message = "Invalid params: unknown prompt, or an argument is missing";
    sqlite3_free(name);
    sqlite3_free(arguments);
    return is_known ? 0 : RPC_INVALID_PARAMS;
}

static const struct {
    const char *name;
    Method *run;
} methods[] = {
    {"initialize", method_initialize},         {"ping", method_ping},
    {"tools/list", method_tools_list},         {"tools/call", method_tools_call},
    {"resources/list", method_resources_list}, {"resources/templates/list", method_templates_list},
    {"resources/read", method_resources_read}, {"prompts/list", method_prompts_list},
    {"prompts/get", method_prompts_get},
};

// The answer, always one (M1), unless there is no memory for it.
static char *call_method(Mcp *mcp, const char *name, const char *id, const char *request)
{
    ASSERT(name != NULL);
    ASSERT(id != NULL && request != NULL);

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].name, name) != 0)
            continue;
        const char *message = "";
        sqlite3_str *body = sqlite3_str_new(NULL);
        sqlite3_str_appendall(body, "\"result\":");
        int code = methods[i].run(mcp, request, body, &message);
        if (code == 0)
            return answer(id, body);
        // A method that fails may have written a part of its result.
        sqlite3_free(sqlite3_str_finish(body));
        return error_answer(id, code, message);
    }
    return error_answer(id, RPC_METHOD_NOT_FOUND, "Method not found");
}

// --- one message ---

// From here on a cancellation of this id finds it running.
static void begin_request(Mcp *mcp, const char *id, const char *request)
{
    ASSERT(mcp->progress_token == NULL);
    ASSERT(mcp->running_id == NULL);

    // Allocated before the mutex is taken: the reader's thread waits for it.
    char *copy = sqlite3_mprintf("%s", id);
    mcp->progress_token = json_part_at(&mcp->json, request, "$.params._meta.progressToken");
    mcp->progress_count = 0;
    (void)pthread_mutex_lock(&mcp->mutex);
    mcp->running_id = copy;
    mcp->is_cancelled = false;
    (void)pthread_mutex_unlock(&mcp->mutex);
}

// True when the request was cancelled, so that no answer is wanted.
static bool end_request(Mcp *mcp)
{
    // The mutex: the reader's thread may be comparing ids at this moment.
    (void)pthread_mutex_lock(&mcp->mutex);
    // Read and cleared under one hold of the mutex: a cancellation arrives either in time, or
    // finds no such id.
    bool was_cancelled = mcp->is_cancelled;
    sqlite3_free(mcp->running_id);
    mcp->running_id = NULL;
    (void)pthread_mutex_unlock(&mcp->mutex);
    sqlite3_free(mcp->progress_token);
    mcp->progress_token = NULL;
    return was_cancelled;
}

// The answer to a message that is one object (sqlite3_free); NULL when none is due. A message is a
// request (method and id), a notification (method alone), or a response (result), which nobody
// here has asked for and which is passed over. Anything else is an invalid request.
static char *handle_object(Mcp *mcp, const char *request)
{
    ASSERT(request != NULL);

    Json *json = &mcp->json;
    const char *id_type = json_type_at(json, request, "$.id");
    // No id at all. "id": null is no notification but an invalid request, by JSON-RPC's advice and
    // MCP's rule.
    bool is_notification = id_type[0] == 0;
    bool has_id = strcmp(id_type, "text") == 0 || strcmp(id_type, "integer") == 0
                  || strcmp(id_type, "real") == 0;
    char *id = has_id ? json_part_at(json, request, "$.id") : sqlite3_mprintf("null");
    char *method = NULL;
    char *reply = NULL;
    if (strcmp(json_type_at(json, request, "$.method"), "text") == 0)
        method = json_text_at(json, request, "$.method");
    bool is_response = method == NULL && json_type_at(json, request, "$.result")[0] != 0;
    // A notification is done with here: none but a cancellation means anything to this server, and
    // that one is handled where it is read.
    if (method != NULL && !is_notification && has_id) {
        begin_request(mcp, id, request);
        reply = call_method(mcp, method, id, request);
        if (end_request(mcp)) {
            sqlite3_free(reply);
            reply = NULL;
        }
    } else if (!(is_notification && method != NULL) && !is_response) {
        reply = error_answer(id, RPC_INVALID_REQUEST, "Invalid request");
    }
    sqlite3_free(method);
    sqlite3_free(id);
    return reply;
}

// A batch, as revision 2025-03-26 has it: an array of messages, answered by one of answers.
static void handle_batch(Mcp *mcp, const char *batch)
{
    ASSERT(batch != NULL);

    sqlite3_str *out = sqlite3_str_new(NULL);
    int count = 0;
    int length = 0;
    for (;; length++) {
        char path[32];
        snprintf(path, sizeof path, "$[%d]", length);
        char *part = json_part_at(&mcp->json, batch, path);
        if (part == NULL)
            break;
        char *reply = handle_object(mcp, part);
        if (reply != NULL)
            sqlite3_str_appendf(out, "%s%s", count++ > 0 ? "," : "[", reply);
        sqlite3_free(reply);
        sqlite3_free(part);
    }
    sqlite3_str_appendall(out, "]");
    char *answers = sqlite3_str_finish(out);
    // An empty array is one invalid request, by JSON-RPC; a batch of notifications has no answer.
    if (length == 0) {
        char *reply = error_answer("null", RPC_INVALID_REQUEST, "Invalid request");
        if (reply != NULL)
            mcp_send(reply);
        sqlite3_free(reply);
    } else if (count > 0 && answers != NULL) {
        mcp_send(answers);
    }
    sqlite3_free(answers);
}

// One line: a message, or a batch of them.
static void handle(Mcp *mcp, const char *line)
{
    ASSERT(line != NULL);

    char *reply = NULL;
    if (!json_is_valid(&mcp->json, line)) {
        reply = error_answer("null", RPC_PARSE_ERROR, "Parse error");
    } else {
        const char *type = json_type_at(&mcp->json, line, "$");
        // It sends its own answers.
        if (strcmp(type, "array") == 0) {
            handle_batch(mcp, line);
            return;
        }
        reply = strcmp(type, "object") == 0
                    ? handle_object(mcp, line)
                    : error_answer("null", RPC_INVALID_REQUEST, "Invalid request");
    }
    if (reply != NULL)
        mcp_send(reply);
    sqlite3_free(reply);
}

// --- the two threads (M5) ---

// A cancellation concerns the running request, or one that still waits, which is dropped.
static void cancel(Mcp *mcp, Json *json, const char *line)
{
    ASSERT(line != NULL);
    ASSERT(mcp != NULL);

    char *id = json_part_at(json, line, "$.params.requestId");
    if (id == NULL)
        return;
    (void)pthread_mutex_lock(&mcp->mutex);
    // The statement stops at its next step; its error is never seen, because end_request() drops
    // the answer.
    if (mcp->running_id != NULL && strcmp(mcp->running_id, id) == 0) {
        mcp->is_cancelled = true;
        sqlite3_interrupt(mcp->db);
    }
    for (McpMessage **at = &mcp->first; *at != NULL;) {
        McpMessage *message = *at;
        // Compared as JSON text, as in answer().
        char *waiting = json_part_at(json, message->text, "$.id");
        bool is_it = waiting != NULL && strcmp(waiting, id) == 0;
        sqlite3_free(waiting);
        if (!is_it) {
            mcp->last = message;
            at = &message->next;
            continue;
        }
        *at = message->next;
        sqlite3_free(message->text);
        sqlite3_free(message);
    }
    if (mcp->first == NULL)
        mcp->last = NULL;
    (void)pthread_mutex_unlock(&mcp->mutex);
    sqlite3_free(id);
}

// The search spares parsing every message twice. A query may have the words in it, so that the
// method decides.
static bool is_cancellation(Json *json, const char *line)
{
    ASSERT(line != NULL);

    static const char name[] = "notifications/cancelled";
    if (strstr(line, name) == NULL || !json_is_valid(json, line))
        return false;
    char *method = json_text_at(json, line, "$.method");
    bool is_it = method != NULL && strcmp(method, name) == 0;
    sqlite3_free(method);
    return is_it;
}

// A message for which there is no memory is lost: there would be none for its answer.
static void enqueue(Mcp *mcp, const char *line)
{
    ASSERT(line != NULL);
    ASSERT(mcp != NULL);

    McpMessage *message = sqlite3_malloc(sizeof *message);
    if (message == NULL)
        return;
    *message = (McpMessage){.text = sqlite3_mprintf("%s", line)};
    (void)pthread_mutex_lock(&mcp->mutex);
    if (mcp->last != NULL)
        mcp->last->next = message;
    else
        mcp->first = message;
    mcp->last = message;
    (void)pthread_cond_signal(&mcp->arrived);
    (void)pthread_mutex_unlock(&mcp->mutex);
}

// The reader's thread. It has a JSON reader of its own: connections are not shared.
static void *read_input(void *arg)
{
    ASSERT(arg != NULL);

    Mcp *mcp = arg;
    Json json;
    char *line = NULL;
    size_t capacity = 0;
    bool can_cancel = json_init(&json);
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) >= 0) {
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            line[--size] = 0;
        // Blank lines between messages are no messages.
        if (line[strspn(line, " \t")] == 0)
            continue;
        if (can_cancel && is_cancellation(&json, line))
            cancel(mcp, &json, line);
        else
            enqueue(mcp, line);
    }
    free(line); // libc: getline's
    json_deinit(&json);
    (void)pthread_mutex_lock(&mcp->mutex);
    mcp->input_ended = true;
    (void)pthread_cond_signal(&mcp->arrived);
    (void)pthread_mutex_unlock(&mcp->mutex);
    return NULL;
}

// Waits for a message; NULL when the input has ended and all are done.
static McpMessage *dequeue(Mcp *mcp)
{
    (void)pthread_mutex_lock(&mcp->mutex);
    while (mcp->first == NULL && !mcp->input_ended)
        (void)pthread_cond_wait(&mcp->arrived, &mcp->mutex);
    McpMessage *message = mcp->first;
    ASSERT(message != NULL || mcp->input_ended);
    if (message != NULL)
        mcp->first = message->next;
    if (mcp->first == NULL)
        mcp->last = NULL;
    (void)pthread_mutex_unlock(&mcp->mutex);
    return message;
}

// Ends when the input has ended and all requests are answered.
int mcp_serve(const char *path, const McpOptions *options)
{
    ASSERT(options->timeout_ms > 0 && options->row_limit > 0);
    ASSERT(path != NULL);

    Mcp mcp = {.options = *options};
    pthread_t reader;
    char *error = NULL;
    (void)pthread_mutex_init(&mcp.mutex, NULL);
    (void)pthread_cond_init(&mcp.arrived, NULL);
    if (!json_init(&mcp.json) || !mcp_open(&mcp, path, &error)) {
        fprintf(stderr, "Error: unable to open database \"%s\": %s\n", path,
                error == NULL ? "out of memory" : error);
        return 1;
    }
    if (pthread_create(&reader, NULL, read_input, &mcp) != 0) {
        fputs("Error: cannot start a thread\n", stderr);
        return 1;
    }
    McpMessage *message;
    // The end of the input ends the server only behind the last answer: a client may write its
    // requests and close at once.
    while ((message = dequeue(&mcp)) != NULL) {
        if (message->text != NULL)
            handle(&mcp, message->text);
        sqlite3_free(message->text);
        sqlite3_free(message);
    }
    (void)pthread_join(reader, NULL);
    sqlite3_close_v2(mcp.db);
    sqlite3_free(mcp.path);
    json_deinit(&mcp.json);
    return 0;
}
