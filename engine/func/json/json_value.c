// Between SQL values and trees, and the cache of parsed texts.
//
// A query like SELECT j->'a', j->'b' FROM t parses each j once: the statement keeps the last few
// texts with their nodes as auxiliary data. An entry in use is pinned by the JsonArg that reads
// it, since another argument of the same call may need a place in the cache.

#include "func/json/json.h"
#include "func/printf.h"
#include <string.h>

// --- the cache ---

// Texts parsed by this statement, so that several functions over one column parse it once. The
// memory of an entry is used again and again.
enum {
    CACHE_COUNT = 4,
    CACHE_SLOT =
        -429938, // auxiliary data of the statement, shared by its calls; any negative number
    CACHED_SIZE_MAX = 1 << 20, // longer texts are not kept
};

typedef struct JsonCached {
    Buffer text, nodes;
    u32 pins; // arguments that use it now
    u32 used; // age
} JsonCached;

typedef struct JsonCache {
    JsonCached entries[CACHE_COUNT];
    u32 clock;
} JsonCache;

// By the statement, when it is finalized or its auxiliary data is dropped.
static void cache_free(void *data)
{
    ASSERT(data != NULL);

    JsonCache *cache = data;
    for (u32 i = 0; i < CACHE_COUNT; i++) {
        ASSERT(cache->entries[i].pins == 0); // outlives the calls that use it
        buffer_deinit(&cache->entries[i].text);
        buffer_deinit(&cache->entries[i].nodes);
    }
    mem_free(cache);
}

// NULL: the call belongs to no statement, or there is no memory. Looked up again after it was set:
// where there was nowhere to keep it, it is gone.
static JsonCache *cache_of(FuncCall *call)
{
    if (call->aux == NULL)
        return NULL;
    JsonCache *cache = call_get_aux(call, CACHE_SLOT);
    if (cache != NULL)
        return cache;
    cache = mem_alloc_zeroed(sizeof *cache);
    if (cache != NULL)
        call_set_aux(call, CACHE_SLOT, cache, cache_free);
    return call_get_aux(call, CACHE_SLOT);
}

// Linear over four entries, by size first.
static JsonCached *cache_find(JsonCache *cache, const char *text, size_t size)
{
    ASSERT(text != NULL);
    ASSERT(cache != NULL);

    for (u32 i = 0; i < CACHE_COUNT; i++) {
        JsonCached *entry = &cache->entries[i];
        if (entry->text.size == size && entry->nodes.size > 0
            && memcmp(entry->text.bytes, text, size) == 0) {
            // No nodes: they were lent to a parse that failed, so that the text stands for nothing.
            entry->used = ++cache->clock;
            return entry;
        }
    }
    return NULL;
}

// The entry that has not been used for longest. NULL: all are in use.
static JsonCached *cache_oldest(JsonCache *cache)
{
    ASSERT(cache != NULL);

    JsonCached *oldest = NULL;
    for (u32 i = 0; i < CACHE_COUNT; i++) {
        JsonCached *entry = &cache->entries[i];
        if (entry->pins == 0 && (oldest == NULL || entry->used < oldest->used))
            oldest = entry;
    }
    return oldest;
}

// --- arguments ---

// False: the bytes are no node as a whole.
static bool arg_from_nodes(JsonArg *out, const u8 *bytes, u32 size)
{
    ASSERT(bytes != NULL);

    out->bytes = bytes;
    return json_node_read(bytes, 0, size, &out->root) && out->root.end == size;
}

static bool arg_from_cached(JsonArg *out, JsonCached *entry)
{
    ASSERT(out->cached == NULL);
    ASSERT(entry->nodes.size > 0);

    // Pinned until json_arg_release(): another argument of this call may want a place.
    entry->pins++;
    out->cached = entry;
    return arg_from_nodes(out, (const u8 *)entry->nodes.bytes, (u32)entry->nodes.size);
}

// Parsed into the oldest entry's memory. If the text cannot be kept beside them, the nodes are the
// argument's own.
static bool arg_from_text(FuncCall *call, const char *text, size_t size, JsonArg *out)
{
    ASSERT(out->bytes == NULL);
    ASSERT(text != NULL);
    ASSERT(out->cached == NULL);

    JsonCache *cache = size <= CACHED_SIZE_MAX ? cache_of(call) : NULL;
    JsonCached *entry = cache ? cache_find(cache, text, size) : NULL;
    if (entry != NULL)
        return arg_from_cached(out, entry);
    entry = cache ? cache_oldest(cache) : NULL;
    JsonParse parse;
    json_parse(&parse, text, size, entry ? &entry->nodes : NULL);
    if (parse.failed) {
        bool malformed = parse.out.rc == SQLITE_OK;
        buffer_deinit(&parse.out);
        if (malformed)
            json_result_malformed(call);
        else
            call_result_error_nomem(call);
        return false;
    }
    if (entry != NULL) {
        buffer_clear(&entry->text);
        buffer_add(&entry->text, text, size);
    }
    if (entry == NULL || entry->text.rc != SQLITE_OK) {
        out->own = parse.out;
        return arg_from_nodes(out, (const u8 *)out->own.bytes, (u32)out->own.size);
    }
    entry->nodes = parse.out;
    entry->used = ++cache->clock;
    return arg_from_cached(out, entry);
}

// A blob that is JSONB at its outermost is not looked at further: whoever walks it checks (J1).
bool json_arg_read(FuncCall *call, Value *v, JsonArg *out)
{
    ASSERT(out != NULL);

    *out = (JsonArg){0};
    if (v->flags & V_NULL)
        return false;
    if (value_type(v) == SQLITE_BLOB) {
        const u8 *bytes = value_blob(v);
        // A blob that is no JSONB may be a text that was cast: it is read as one.
        u32 size = value_size(v);
        if (bytes != NULL && json_looks_binary(bytes, size))
            return arg_from_nodes(out, bytes, size);
    }
    u32 size;
    const char *text = value_chars(v, SQLITE_UTF8, &size);
    return text != NULL && arg_from_text(call, text, size, out);
}

// Also of one that was never filled in.
void json_arg_release(JsonArg *arg)
{
    ASSERT(arg->cached == NULL || arg->cached->pins > 0);

    buffer_deinit(&arg->own);
    if (arg->cached != NULL)
        // The entry stays for the next call; only its pin goes.
        arg->cached->pins--;
    arg->cached = NULL;
}

// --- SQL values as nodes ---

// What JSON functions made is JSON again, and is parsed once more, since text is all that a value
// has.
static bool put_json_text(FuncCall *call, const char *text, size_t size, Buffer *out)
{
    ASSERT(text != NULL || size == 0);

    JsonParse parse;
    json_parse(&parse, text, size, NULL);
    bool good = !parse.failed;
    if (good)
        buffer_add(out, parse.out.bytes, parse.out.size);
    else if (parse.out.rc == SQLITE_OK)
        json_result_malformed(call);
    else
        call_result_error_nomem(call);
    buffer_deinit(&parse.out);
    return good;
}

bool json_put_parsed(FuncCall *call, const u8 *bytes, const JsonNode *node, Buffer *out)
{
    ASSERT(node->start <= node->end);

    Buffer text = {0};
    // By way of the text, so that the types are those that parsing chooses: a TEXTRAW becomes TEXT
    // or TEXTJ, say.
    JsonStatus status = json_to_text(bytes, node, &text);
    bool good = status == JSON_OK && text.rc == SQLITE_OK
                && put_json_text(call, text.bytes, text.size, out);
    if (status != JSON_OK)
        json_result_status(call, status, "");
    else if (text.rc != SQLITE_OK)
        call_result_error_nomem(call);
    buffer_deinit(&text);
    return good;
}

// A blob is JSON only as JSONB; any other cannot be shown as text.
static bool put_blob(FuncCall *call, Value *v, JsonPut how, Buffer *out)
{
    ASSERT(how <= JSON_PUT_PARSED);

    const u8 *bytes = value_blob(v);
    u32 size = value_size(v);
    JsonNode root;
    if (bytes == NULL || !json_looks_binary(bytes, size)
        || !json_node_read(bytes, 0, size, &root)) {
        call_result_error(call, "JSON cannot hold BLOB values", -1, SQLITE_UTF8);
        return false;
    }
    if (how == JSON_PUT_PARSED)
        return json_put_parsed(call, bytes, &root, out);
    buffer_add(out, bytes, size);
    return true;
}

// Text is JSON only with JSON's subtype.
bool json_put_value(FuncCall *call, Value *v, JsonPut how, Buffer *out)
{
    ASSERT(how <= JSON_PUT_PARSED);

    switch (value_type(v)) {
    case SQLITE_NULL: json_put_header(out, JSON_NULL, 0); return true;
    case SQLITE_INTEGER: json_put_i64(out, value_i64(v)); return true;
    case SQLITE_FLOAT:
        json_put_f64(out, value_f64(v), how == JSON_PUT_RAW ? "-9e999" : "-9.0e+999");
        return true;
    case SQLITE_TEXT: {
        u32 size;
        const char *text = value_chars(v, SQLITE_UTF8, &size);
        if (text == NULL) {
            call_result_error_nomem(call);
            return false;
        }
        if ((v->flags & V_SUBTYPE) && v->subtype == JSON_SUBTYPE)
            return put_json_text(call, text, size, out);
        if (how == JSON_PUT_RAW)
            json_put_node(out, JSON_TEXTRAW, text, size);
        else
            json_put_sql_text(out, text, size);
        return true;
    }
    default: return put_blob(call, v, how, out);
    }
}

// --- results ---

void json_result_malformed(FuncCall *call)
{
    ASSERT(call != NULL);

    call_result_error(call, "malformed JSON", -1, SQLITE_UTF8);
}

void json_result_bad_path(FuncCall *call, const char *path)
{
    ASSERT(path != NULL);

    json_result_status(call, JSON_BAD_PATH, path);
}

// The path is shown as it was given, $ and all.
void json_result_status(FuncCall *call, JsonStatus status, const char *path)
{
    ASSERT(path != NULL);

    Buffer message = {0};
    switch (status) {
    case JSON_OK:
    case JSON_ABSENT: return;
    case JSON_MALFORMED: json_result_malformed(call); return;
    case JSON_TOO_DEEP: call_result_error(call, "JSON nested too deep", -1, SQLITE_UTF8); return;
    case JSON_PATH_TOO_DEEP: call_result_error(call, "JSON path too deep", -1, SQLITE_UTF8); return;
    case JSON_BAD_PATH: format_text(&message, "bad JSON path: %Q", path); break;
    case JSON_NOT_ELEMENT: format_text(&message, "not an array element: %Q", path); break;
    }
    if (message.rc == SQLITE_OK)
        call_result_error(call, buffer_text(&message), (i64)message.size, SQLITE_UTF8);
    else
        call_result_error_nomem(call);
    buffer_deinit(&message);
}

// A blob is the bytes of the node as they lie there.
void json_result_tree(FuncCall *call, const u8 *bytes, const JsonNode *node, bool as_blob)
{
    ASSERT(node->start <= node->end);

    if (as_blob) {
        call_result_blob(call, bytes + node->at, node->end - node->at, SQLITE_TRANSIENT);
        return;
    }
    // As long as the connection lets a value be: more is SQLITE_TOOBIG, not a larger buffer.
    Buffer text = {.size_max = value_length_limit(call->result)};
    JsonStatus status = json_to_text(bytes, node, &text);
    if (status != JSON_OK) {
        buffer_deinit(&text);
        json_result_status(call, status, "");
        return;
    }
    call_result_buffer(call, &text, false);
    if (call->rc == SQLITE_OK)
        call_result_subtype(call, JSON_SUBTYPE);
}

// A number that is none is malformed; one too large for an integer is a real. INT5 and FLOAT5 take
// the way over their text, which writes them as numbers that SQL reads.
static void result_number(FuncCall *call, const u8 *bytes, const JsonNode *node)
{
    ASSERT(node->type >= JSON_INT && node->type <= JSON_FLOAT5);

    ParsedNumber number;
    const char *payload = (const char *)bytes + node->start;
    if (node->type == JSON_INT || node->type == JSON_FLOAT) {
        number_parse(payload, node->end - node->start, &number);
        if (!number.whole || number.kind == NUMBER_NONE)
            json_result_malformed(call);
        else if (node->type == JSON_INT && number.kind == NUMBER_INTEGER)
            call_result_i64(call, number.integer);
        else
            call_result_f64(call, number.real);
        return;
    }
    Buffer canonical = {0};
    JsonStatus status = json_to_text(bytes, node, &canonical);
    bool is_integer = node->type == JSON_INT5;
    if (status == JSON_OK && canonical.rc == SQLITE_OK)
        number_parse(canonical.bytes, canonical.size, &number);
    if (canonical.rc != SQLITE_OK)
        call_result_error_nomem(call);
    else if (status != JSON_OK || !number.whole)
        json_result_malformed(call);
    else if (is_integer && number.kind == NUMBER_INTEGER)
        call_result_i64(call, number.integer);
    else
        call_result_f64(call, number.real);
    buffer_deinit(&canonical);
}

// As SQL text, without quotes and escapes.
static void result_text(FuncCall *call, const u8 *bytes, const JsonNode *node)
{
    ASSERT(json_is_text(node->type));

    // Nothing to resolve in these two.
    if (node->type == JSON_TEXT || node->type == JSON_TEXTRAW) {
        call_result_text(call, (const char *)bytes + node->start, node->end - node->start,
                         SQLITE_UTF8, SQLITE_TRANSIENT);
        return;
    }
    Buffer text = {.size_max = value_length_limit(call->result)};
    JsonStatus status = json_unescape(bytes, node, &text);
    if (status != JSON_OK) {
        buffer_deinit(&text);
        json_result_status(call, status, "");
        return;
    }
    call_result_buffer(call, &text, false);
}

// By the node's type; the types that are reserved are malformed.
void json_result_value(FuncCall *call, const u8 *bytes, const JsonNode *node, bool as_blob)
{
    ASSERT(node->start <= node->end);

    switch (node->type) {
    case JSON_NULL: call_result_null(call); return;
    case JSON_TRUE: call_result_i64(call, 1); return;
    case JSON_FALSE: call_result_i64(call, 0); return;
    case JSON_INT:
    case JSON_INT5:
    case JSON_FLOAT:
    case JSON_FLOAT5: result_number(call, bytes, node); return;
    case JSON_TEXT:
    case JSON_TEXTJ:
    case JSON_TEXT5:
    case JSON_TEXTRAW: result_text(call, bytes, node); return;
    case JSON_ARRAY:
    case JSON_OBJECT: json_result_tree(call, bytes, node, as_blob); return;
    default: json_result_malformed(call); return;
    }
}
