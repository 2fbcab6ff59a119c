#ifndef QUIRE_FUNC_JSON_JSON_H
#define QUIRE_FUNC_JSON_JSON_H
// What the JSON files share. All JSON is handled in SQLite's binary form, JSONB
// (sqlite.org/jsonb.html):
//
//   node   = header payload
//   header = one byte, the type in its low four bits, the payload's size in the high four; sizes
//            above 11 follow in 1, 2, 4 or 8 big-endian bytes, which the high bits 12, 13, 14, 15
//            announce
//   arrays hold their elements, objects label and value in turn, numbers and texts their characters
//
//   [1,"ab"] is 5b 13 31 27 61 62: an array of 5 bytes, integer "1", text "ab".
//
// Text is parsed into nodes, nodes are searched, changed and shown as text again: each of these is
// a file, and no other form exists. Node offsets are u32: a value is at most 10^9 bytes.
//
//   J1  A blob comes from outside: every node is checked against the one it lies in before it is
//       looked at (json_node_read). Who meets one that does not fit answers JSON_MALFORMED.
//   J2  A JsonNode says where a node lies, not that what is inside it is sound.
//   J3  Nodes are read-only: a change writes a new tree.
//   J4  Whoever descends counts, and stops at JSON_DEPTH_MAX: blobs may be nested as deep as they
//       are long.

#include "base/buffer.h"
#include "func/func.h"

typedef enum JsonType {
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_INT,     // canonical
    JSON_INT5,    // JSON5: hexadecimal
    JSON_FLOAT,   // canonical
    JSON_FLOAT5,  // JSON5: no digits on one side of the point
    JSON_TEXT,    // no escapes, none needed
    JSON_TEXTJ,   // with escapes of JSON
    JSON_TEXT5,   // with escapes of JSON5, or characters that JSON would escape
    JSON_TEXTRAW, // plain text: to be escaped when shown
    JSON_ARRAY,
    JSON_OBJECT,
} JsonType;

enum {
    JSON_SUBTYPE = 74,     // 'J'
    JSON_DEPTH_MAX = 1000, // SQLite's: of containers in a text, and of the steps of a path
};

// What may come of walking a tree by a path. Not a result code: JSON_ABSENT is an ordinary answer.
typedef enum JsonStatus {
    JSON_OK,
    JSON_ABSENT,    // the path leads nowhere
    JSON_BAD_PATH,  // the path cannot be read
    JSON_MALFORMED, // JSONB that is none
    JSON_TOO_DEEP,
    JSON_PATH_TOO_DEEP,
    JSON_NOT_ELEMENT, // json_array_insert() at what is no array element
} JsonStatus;

typedef struct JsonNode {
    u32 at;    // offset of the header
    u32 start; // of the payload
    u32 end;   // after the payload
    u8 type;   // JsonType
} JsonNode;

// --- nodes (jsonb.c) ---

// Reads the node at `at`, which must end at `limit` or before. False: malformed. The one place
// that trusts no header (J1).
bool json_node_read(const u8 *bytes, u32 at, u32 limit, JsonNode *out);
bool json_is_text(u8 type);
const char *json_type_name(u8 type); // as json_type() says it; NULL for what is no type
u32 json_header_write(u8 *out, JsonType type, u32 size); // returns its size, 1 to 5
void json_put_header(Buffer *out, JsonType type, u32 size);
void json_put_node(Buffer *out, JsonType type, const void *payload, size_t size);
// A container is begun with room for its header, then filled, then ended: json_begin() gives the
// place that json_end() wants. Other nodes may be written between, containers too.
size_t json_begin(Buffer *out);
void json_end(Buffer *out, size_t begun, JsonType type);
// A text that came from SQL: TEXT, or TEXTJ with escapes where JSON asks for them.
void json_put_sql_text(Buffer *out, const char *text, size_t size);
void json_put_i64(Buffer *out, i64 integer);
void json_put_f64(Buffer *out, f64 real, const char *infinity); // "-9e999" or as it shall be
// A node put in the place of one of `old_size` bytes. Where a longer header makes up the
// difference it gets one, as SQLite does to leave everything behind it in place.
void json_put_replacement(Buffer *out, const u8 *bytes, u32 size, u32 old_size);
// Is the whole a well-formed node, all nodes inside included? Returns 0, or 1 + the offset of what
// is wrong.
u32 json_check(const u8 *bytes, u32 size);
// Could it be JSONB? Looks at the outermost node only, unless the blob might as well be JSON text
// (an old program's CAST AS BLOB): then all of it must be right.
bool json_looks_binary(const u8 *bytes, u64 size);

// --- text to nodes (json_parse.c) ---

typedef struct JsonParse {
    const char *text;
    u32 size;
    Buffer out;       // the nodes
    bool nonstandard; // used what only JSON5 has
    bool failed;      // malformed, or out of memory (out.rc)
    u32 error_at;     // byte offset of what is wrong
    u32 early_end;    // of the last container that ended where an element might have stood
    u32 depth;
} JsonParse;
// Reads the whole text, JSON5 included. The caller gives parse->out back, whatever came of it.
// `reuse` (may be NULL) is a buffer whose memory parse->out takes over. On failure error_at is
// where SQLite says it is: json_error_position() shows it.
void json_parse(JsonParse *parse, const char *text, size_t size, Buffer *reuse);

// --- nodes to text (json_text.c) ---

// Appends the node as JSON text. Errors of the buffer stay in it, for the caller to ask.
JsonStatus json_to_text(const u8 *bytes, const JsonNode *node, Buffer *out);
JsonStatus json_to_pretty(const u8 *bytes, const JsonNode *node, const char *indent, Buffer *out);
// The characters of a text node, escapes resolved. The characters of a text node, escapes
// resolved; JSON_MALFORMED for one that does not exist.
JsonStatus json_unescape(const u8 *bytes, const JsonNode *node, Buffer *out);
// Do two texts stand for the same characters?
bool json_texts_equal(const char *a, size_t a_size, bool a_escapes, const char *b, size_t b_size,
                      bool b_escapes);
// Between quotes, escaped as JSON wants it.
void json_quote_text(const char *text, size_t size, Buffer *out); // between quotes, escaped

// --- paths (json_path.c) ---

// `path` begins behind the $ and is the user's. *out is set only with JSON_OK.
JsonStatus json_path_find(const u8 *bytes, const JsonNode *root, const char *path, JsonNode *out);
// Splits the first step off. False: it cannot be read. A label is [label, +label_size), an index is
// counted from the front (from_end false) or is #-index.
typedef struct JsonStep {
    const char *label; // NULL: an index
    u32 label_size;
    bool label_has_escapes;
    bool from_end;
    bool
        is_open; // #-index without ], which is no path; but where there are fewer elements, nothing
    u64 index;
    const char *rest;
} JsonStep;
bool json_path_step(const char *path, JsonStep *out);
bool json_label_equals(const u8 *bytes, const JsonNode *label, const JsonStep *step);
// The element a step over an array names, by counting. JSON_ABSENT with *count elements passed, so
// that *wanted == *count tells the place behind the last.
JsonStatus json_array_find(const u8 *bytes, const JsonNode *array, const JsonStep *step,
                           JsonNode *out, u64 *wanted, u64 *count);

// --- changing (json_edit.c) ---

typedef enum JsonEdit {
    JSON_EDIT_REMOVE,
    JSON_EDIT_REPLACE,
    JSON_EDIT_INSERT,
    JSON_EDIT_SET,
    JSON_EDIT_ARRAY_INSERT,
} JsonEdit;
// Writes the tree at `root` to `out` with the value (one node) put where the path says.
// JSON_ABSENT: nothing was to be changed, and `out` holds nothing of use. An empty `out`: the root
// itself went.
JsonStatus json_edit(const u8 *bytes, const JsonNode *root, const char *path, JsonEdit edit,
                     const Buffer *value, Buffer *out);
// json_patch(), by RFC 7396: null in the patch removes, objects are merged, anything else
// replaces.
JsonStatus json_merge_patch(const u8 *target, const JsonNode *target_node, const u8 *patch,
                            const JsonNode *patch_node, Buffer *out);

// --- arguments and results (json_value.c) ---

// A JSON argument as nodes: parsed text (kept in the cache of the statement when there is one), or
// a blob as it is.
typedef struct JsonArg {
    const u8 *bytes;
    JsonNode root;
    Buffer own; // owns the bytes unless they are the argument's or the cache's
    struct JsonCached *cached;
} JsonArg;
// False: SQL NULL (nothing is answered) or an error, which has been answered.
bool json_arg_read(FuncCall *call, Value *v, JsonArg *out);
void json_arg_release(JsonArg *arg);
// Appends a SQL value as a node. False: it cannot be JSON, the call has failed. JSON_PUT_RAW, for
// the functions that change trees, keeps texts as TEXTRAW and blobs as they are; JSON_PUT_TEXT is
// for trees that will be shown as text; JSON_PUT_PARSED makes what parsing that text would make.
typedef enum JsonPut { JSON_PUT_RAW, JSON_PUT_TEXT, JSON_PUT_PARSED } JsonPut;
bool json_put_value(FuncCall *call, Value *v, JsonPut how, Buffer *out);
// Appends a node as parsing its text would make it. False: the call has failed.
bool json_put_parsed(FuncCall *call, const u8 *bytes, const JsonNode *node, Buffer *out);
// Answers with a whole tree: text with the JSON subtype, or a blob.
void json_result_tree(FuncCall *call, const u8 *bytes, const JsonNode *node, bool as_blob);
// Answers with the SQL value of a node: a scalar as such, a container as json_result_tree does.
void json_result_value(FuncCall *call, const u8 *bytes, const JsonNode *node, bool as_blob);
// "malformed JSON", SQLite's one message for all of it.
void json_result_malformed(FuncCall *call);
void json_result_bad_path(FuncCall *call, const char *path);
// Answers for any status but JSON_OK and JSON_ABSENT.
void json_result_status(FuncCall *call, JsonStatus status, const char *path);

#endif
