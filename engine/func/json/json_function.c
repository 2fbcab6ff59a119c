// The scalar JSON functions (sqlite.org/json1.html), and the operators -> and ->>.
//
// Those whose name begins with jsonb_ have the same body; a JsonRule says that the answer is a
// blob. Arguments that are JSON are told from texts that look like it by their subtype ('J'),
// which only these functions set.

#include "base/utf.h"
#include "func/json/json.h"
#include "func/printf.h"
#include <string.h>

// What rows that share a body differ in; user_data.
// Rows that share a body differ in their rule only, so that json_set() and jsonb_insert() are one
// function.
typedef struct JsonRule {
    bool as_blob; // the jsonb_ twin
    JsonEdit edit;
    const char *name;
    bool text_result; // -> : always JSON
    bool sql_result;  // ->>: always a SQL value
} JsonRule;

// What the row of the table says: text or blob, and which edit.
static const JsonRule *rule_of(const FuncCall *call)
{
    ASSERT(call_user_data(call) != NULL);

    return call_user_data(call);
}

// The jsonb_ twins hold what parsing the text of the answer would give, as SQLite's do.
static JsonPut put_of(const FuncCall *call)
{
    ASSERT(rule_of(call)->edit <= JSON_EDIT_ARRAY_INSERT);

    return rule_of(call)->as_blob ? JSON_PUT_PARSED : JSON_PUT_TEXT;
}

// --- json, jsonb, json_quote, json_array, json_object ---

// json(X): minified text, or JSONB; JSON5 becomes JSON.
static void fn_json(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    JsonArg json;
    // Text that is JSON already is parsed all the same: its answer is without white space.
    if (json_arg_read(call, args[0], &json))
        json_result_tree(call, json.bytes, &json.root, rule_of(call)->as_blob);
    json_arg_release(&json);
}

// Answers with the one node that `tree` holds.
static void result_built(FuncCall *call, Buffer *tree, bool as_blob)
{
    ASSERT(tree->rc != SQLITE_OK || tree->size > 0);

    JsonNode root;
    if (tree->rc == SQLITE_TOOBIG)
        call_result_error_toobig(call);
    else if (tree->rc != SQLITE_OK)
        call_result_error_nomem(call);
    else if (json_node_read((const u8 *)tree->bytes, 0, (u32)tree->size, &root))
        json_result_tree(call, (const u8 *)tree->bytes, &root, as_blob);
    else
        json_result_malformed(call);
}

// Of what is built from values a blob has the subtype, too.
static void result_built_new(FuncCall *call, Buffer *tree)
{
    result_built(call, tree, rule_of(call)->as_blob);
    // After an error there is no result to mark.
    if (call->rc == SQLITE_OK)
        call_result_subtype(call, JSON_SUBTYPE);
}

// json_quote(X): a JSON text stays what it is, anything else becomes one.
static void fn_json_quote(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Buffer tree = {0};
    if (json_put_value(call, args[0], JSON_PUT_TEXT, &tree))
        result_built(call, &tree, false);
    buffer_deinit(&tree);
}

// json_array(X, …): texts are texts, but what these functions made stays JSON.
static void fn_json_array(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Buffer tree = {0};
    JsonPut how = put_of(call);
    // The header is filled in by json_end(), when the size is known.
    size_t begun = json_begin(&tree);
    for (int i = 0; i < arg_count; i++) {
        if (!json_put_value(call, args[i], how, &tree)) {
            buffer_deinit(&tree);
            return;
        }
    }
    json_end(&tree, begun, JSON_ARRAY);
    result_built_new(call, &tree);
    buffer_deinit(&tree);
}

// False: a label is no text, or a value cannot be JSON; the call has failed.
static bool put_members(FuncCall *call, int arg_count, Value **args, Buffer *tree)
{
    ASSERT(arg_count % 2 == 0);

    for (int i = 0; i < arg_count; i += 2) {
        if (value_type(args[i]) != SQLITE_TEXT) {
            call_result_error(call, "json_object() labels must be TEXT", -1, SQLITE_UTF8);
            return false;
        }
        const char *label = value_text(args[i], SQLITE_UTF8);
        if (label == NULL) {
            call_result_error_nomem(call);
            return false;
        }
        // A label is text even if it looks like JSON.
        json_put_sql_text(tree, label, value_text_size(args[i], SQLITE_UTF8));
        if (!json_put_value(call, args[i + 1], put_of(call), tree))
            return false;
    }
    return true;
}

// json_object(label, value, …).
static void fn_json_object(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    if (arg_count % 2 != 0) {
        call_result_error(call, "json_object() requires an even number of arguments", -1,
                          SQLITE_UTF8);
        return;
    }
    // Equal labels are all kept, as in a text: json_object() does not look for them.
    Buffer tree = {0};
    size_t begun = json_begin(&tree);
    if (put_members(call, arg_count, args, &tree)) {
        json_end(&tree, begun, JSON_OBJECT);
        result_built_new(call, &tree);
    }
    buffer_deinit(&tree);
}

// --- looking ---

// What the right operand of -> and ->> means, if it is no path: an index (negative ones count from
// the end), a path without its $, or a label as it stands.
static void arrow_path(Value *v, const char *text, Buffer *out)
{
    ASSERT(text != NULL);

    bool alphanumeric = true;
    for (const char *p = text; *p; p++)
        alphanumeric = alphanumeric && (ascii_is_alnum((u8)*p) || *p == '_');
    size_t size = strlen(text);
    // What is made here is an ordinary path, so that one finder serves both operators.
    buffer_add_char(out, '$');
    if (value_type(v) == SQLITE_INTEGER)
        format_text(out, *text == '-' ? "[#%s]" : "[%s]", text);
    else if (alphanumeric)
        format_text(out, ".%s", text);
    else if (text[0] == '[' && size >= 3 && text[size - 1] == ']')
        buffer_add(out, text, size);
    else
        format_text(out, ".\"%s\"", text);
}

// -> gives JSON, ->> an SQL value.
static void fn_arrow(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);
    ASSERT(rule_of(call)->text_result != rule_of(call)->sql_result);

    JsonArg json;
    Buffer path = {0};
    if (!json_arg_read(call, args[0], &json))
        return;
    const char *text = value_text(args[1], SQLITE_UTF8);
    // A NULL path gives NULL; so does memory that ran out, which the value has told of.
    if (text == NULL) {
        json_arg_release(&json);
        return;
    }
    if (text[0] == '$')
        buffer_add_text(&path, text);
    else
        arrow_path(args[1], text, &path);
    // The part of the path behind its $ is what the finder takes.
    JsonNode node;
    if (path.rc != SQLITE_OK) {
        call_result_error_nomem(call);
    } else {
        JsonStatus status = json_path_find(json.bytes, &json.root, buffer_text(&path) + 1, &node);
        if (status == JSON_OK && rule_of(call)->text_result)
            json_result_tree(call, json.bytes, &node, false);
        else if (status == JSON_OK)
            json_result_value(call, json.bytes, &node, false);
        else
            json_result_status(call, status, text);
    }
    // ->> gives SQL values, which have no subtype.
    if (rule_of(call)->sql_result)
        call->result->flags &= (u16)~V_SUBTYPE;
    buffer_deinit(&path);
    json_arg_release(&json);
}

// A path argument behind its $. NULL: SQL NULL, or an error, which has been answered.
// The error shows the path as it was written, its first character included.
static const char *read_path(FuncCall *call, Value *v)
{
    const char *path = value_text(v, SQLITE_UTF8);
    if (path == NULL)

        return NULL;
    if (path[0] != '$') {
        json_result_bad_path(call, path);
        return NULL;
    }
    return path + 1;
}

// Several paths give an array. False: the call has been answered.
static bool extract_many(FuncCall *call, int arg_count, Value **args, const JsonArg *json,
                         Buffer *tree)
{
    ASSERT(arg_count > 2);

    for (int i = 1; i < arg_count; i++) {
        const char *path = read_path(call, args[i]);
        if (path == NULL)
            return false;
        JsonNode node;
        JsonStatus status = json_path_find(json->bytes, &json->root, path, &node);
        if (status == JSON_OK && rule_of(call)->as_blob) {
            if (!json_put_parsed(call, json->bytes, &node, tree))
                return false;
        } else if (status == JSON_OK) {
            buffer_add(tree, json->bytes + node.at, node.end - node.at);
        } else if (status == JSON_ABSENT) {
            // An array keeps its places: the n-th element belongs to the n-th path.
            json_put_header(tree, JSON_NULL, 0);
        } else {
            json_result_status(call, status, path - 1);
            return false;
        }
    }
    return true;
}

// One path gives an SQL value, several an array. NULL where the path leads nowhere.
static void fn_json_extract(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    JsonArg json;
    if (arg_count < 2 || !json_arg_read(call, args[0], &json))
        return;
    // One path: the value itself. Several: an array, whatever they find.
    if (arg_count == 2) {
        const char *path = read_path(call, args[1]);
        JsonNode node;
        if (path != NULL) {
            JsonStatus status = json_path_find(json.bytes, &json.root, path, &node);
            if (status == JSON_OK)
                json_result_value(call, json.bytes, &node, rule_of(call)->as_blob);
            else
                json_result_status(call, status, path - 1);
        }
    } else {
        Buffer tree = {0};
        size_t begun = json_begin(&tree);
        if (extract_many(call, arg_count, args, &json, &tree)) {
            json_end(&tree, begun, JSON_ARRAY);
            result_built(call, &tree, rule_of(call)->as_blob);
        }
        buffer_deinit(&tree);
    }
    json_arg_release(&json);
}

// The node that json_type(X[, P]) and json_array_length(X[, P]) are about.
static bool find_subject(FuncCall *call, int arg_count, Value **args, const JsonArg *json,
                         JsonNode *node)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    ASSERT(node != NULL);

    *node = json->root;
    if (arg_count < 2)
        return true;
    const char *path = read_path(call, args[1]);
    if (path == NULL)
        return false;
    // Absent is no error, but no subject either: the answer is NULL.
    JsonStatus status = json_path_find(json->bytes, &json->root, path, node);
    json_result_status(call, status, path - 1);
    return status == JSON_OK;
}

// 0 for what is no array.
static void fn_json_array_length(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    JsonArg json;
    JsonNode node;
    if (!json_arg_read(call, args[0], &json))
        return;
    if (find_subject(call, arg_count, args, &json, &node)) {
        // Elements are read one by one (J1): a node that does not fit ends the count.
        i64 count = 0;
        JsonNode element;
        u32 at = node.start;
        while (node.type == JSON_ARRAY && json_node_read(json.bytes, at, node.end, &element)) {
            at = element.end;
            count++;
        }
        call_result_i64(call, count);
    }
    json_arg_release(&json);
}

// NULL where the path leads nowhere.
static void fn_json_type(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    JsonArg json;
    JsonNode node;
    if (!json_arg_read(call, args[0], &json))
        return;
    if (find_subject(call, arg_count, args, &json, &node)) {
        const char *name = json_type_name(node.type);
        // The types 13 to 15 are reserved: a blob may have them, and they have no name.
        if (name != NULL)
            call_result_text(call, name, strlen(name), SQLITE_UTF8, SQLITE_STATIC);
    }
    json_arg_release(&json);
}

// --- changing ---

// Of what the edits have left: perhaps the argument as it was.
static void result_edited(FuncCall *call, JsonArg *json, bool as_blob)
{
    ASSERT(json->bytes != NULL);

    json_result_tree(call, json->bytes, &json->root, as_blob);
}

// Replaces the tree by the one in `fresh`, which it takes. False: out of memory, or the new tree
// cannot be read; the call has failed in the first case.
static bool adopt_tree(FuncCall *call, JsonArg *json, Buffer *fresh)
{
    ASSERT(fresh != &json->own);
    ASSERT(json->bytes != NULL);

    if (fresh->rc != SQLITE_OK) {
        call_result_error_nomem(call);
        buffer_deinit(fresh);
        return false;
    }
    // `fresh` was made from the bytes that are released here, so this comes after the last look at
    // them.
    json_arg_release(json);
    json->own = *fresh;
    json->bytes = (const u8 *)json->own.bytes;
    return json_node_read(json->bytes, 0, (u32)json->own.size, &json->root);
}

// One change. False: the call has been answered (NULL path, error, or the whole is gone).
static bool apply_edit(FuncCall *call, JsonArg *json, Value *path_value, Value *v, JsonEdit edit)
{
    ASSERT((v == NULL) == (edit == JSON_EDIT_REMOVE));
    ASSERT(json->bytes != NULL);

    const char *path = read_path(call, path_value);
    if (path == NULL)
        return false;
    Buffer value = {0};
    Buffer fresh = {0};
    if (v != NULL && !json_put_value(call, v, JSON_PUT_RAW, &value)) {
        buffer_deinit(&value);
        return false;
    }
    JsonStatus status = JSON_OK;
    if (value.rc == SQLITE_OK)
        status = json_edit(json->bytes, &json->root, path, edit, &value, &fresh);
    // $ was removed: nothing is left, and the answer is NULL.
    bool gone = status == JSON_OK && fresh.rc == SQLITE_OK && fresh.size == 0;
    bool going_on = true;
    if (value.rc != SQLITE_OK) {
        call_result_error_nomem(call);
        going_on = false;
    } else if (status == JSON_OK && !gone) {
        going_on = adopt_tree(call, json, &fresh);
        fresh = (Buffer){0};
    } else if (status != JSON_ABSENT) {
        json_result_status(call, status, path - 1);
        going_on = false;
    }
    buffer_deinit(&value);
    buffer_deinit(&fresh);
    return going_on;
}

// json_insert(X, P, V, …) and its like: the pairs are applied from left to right, each to what the
// ones before it left.
static void fn_json_edit(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(rule_of(call)->name != NULL);

    const JsonRule *rule = rule_of(call);
    JsonArg json;
    if (arg_count == 0)
        return;
    if (arg_count % 2 == 0) {
        call_result_error_format(call, "json_%s() needs an odd number of arguments", rule->name);
        return;
    }
    // Read once; every pair works on what the one before it has written.
    bool going_on = json_arg_read(call, args[0], &json);
    for (int i = 1; i < arg_count && going_on; i += 2) {
        if (!(args[i]->flags & V_NULL)) // a NULL path changes nothing
            going_on = apply_edit(call, &json, args[i], args[i + 1], rule->edit);
    }
    if (going_on)
        result_edited(call, &json, rule->as_blob);
    json_arg_release(&json);
}

// Removing the root gives NULL.
static void fn_json_remove(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    JsonArg json;
    if (arg_count == 0)
        return;
    bool going_on = json_arg_read(call, args[0], &json);
    for (int i = 1; i < arg_count && going_on; i++)
        going_on = apply_edit(call, &json, args[i], NULL, JSON_EDIT_REMOVE);
    if (going_on)
        result_edited(call, &json, rule_of(call)->as_blob);
    json_arg_release(&json);
}

// A NULL of either gives NULL.
static void fn_json_patch(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    JsonArg target;
    // Zeroed, because it is released even if the target could not be read.
    JsonArg patch = {0};
    if (json_arg_read(call, args[0], &target) && json_arg_read(call, args[1], &patch)) {
        Buffer tree = {0};
        // Both may be the same argument: neither is changed.
        JsonStatus status =
            json_merge_patch(target.bytes, &target.root, patch.bytes, &patch.root, &tree);
        if (status == JSON_OK)
            result_built(call, &tree, rule_of(call)->as_blob);
        else
            json_result_status(call, status, "");
        buffer_deinit(&tree);
    }
    json_arg_release(&target);
    json_arg_release(&patch);
}

// --- json_valid, json_error_position, json_pretty ---

enum {
    // The bits of json_valid()'s second argument, as SQLite numbers them.
    VALID_JSON = 1,
    VALID_JSON5 = 2,
    VALID_LOOKS_BINARY = 4,
    VALID_BINARY = 8,
};

// Parsed for the answer alone; the nodes are thrown away.
static bool text_is_valid(FuncCall *call, Value *v, i64 flags)
{
    ASSERT(flags & (VALID_JSON | VALID_JSON5));

    const char *text = value_text(v, SQLITE_UTF8);
    if (text == NULL)
        return false;
    JsonParse parse;
    json_parse(&parse, text, value_text_size(v, SQLITE_UTF8), NULL);
    // Flags beside these two are about blobs.
    bool valid = !parse.failed && ((flags & VALID_JSON5) || !parse.nonstandard);
    if (parse.out.rc != SQLITE_OK)
        call_result_error_nomem(call);
    buffer_deinit(&parse.out);
    return valid;
}

// json_valid(X[, flags]): flags say which forms count, and default to strict text.
static void fn_json_valid(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    i64 flags = VALID_JSON;
    if (arg_count == 2) {
        flags = value_i64(args[1]);
        if (flags < 1 || flags > 15) {
            call_result_error(call, "FLAGS parameter to json_valid() must be between 1 and 15", -1,
                              SQLITE_UTF8);
            return;
        }
    }
    if (args[0]->flags & V_NULL)
        return;
    // The flags say which of four things count as valid: text of JSON (1), of JSON5 (2), a blob
    // that looks like JSONB (4), one that is (8).
    const u8 *bytes = value_type(args[0]) == SQLITE_BLOB ? value_blob(args[0]) : NULL;
    if (bytes != NULL && json_looks_binary(bytes, value_size(args[0]))) {
        bool valid = flags & VALID_LOOKS_BINARY;
        if (!valid && (flags & VALID_BINARY))
            valid = json_check(bytes, value_size(args[0])) == 0;
        call_result_i64(call, valid);
        return;
    }
    bool valid = (flags & (VALID_JSON | VALID_JSON5)) && text_is_valid(call, args[0], flags);
    if (call->rc == SQLITE_OK)
        call_result_i64(call, valid);
}

// Counted in characters from 1, of a blob in bytes; 0 when it is well formed.
static void fn_json_error_position(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Value *v = args[0];
    if (v->flags & V_NULL)
        return;
    const u8 *bytes = value_type(v) == SQLITE_BLOB ? value_blob(v) : NULL;
    if (bytes != NULL && json_looks_binary(bytes, value_size(v))) {
        call_result_i64(call, json_check(bytes, value_size(v)));
        return;
    }
    const char *text = value_text(v, SQLITE_UTF8);
    if (text == NULL)
        return;
    JsonParse parse;
    json_parse(&parse, text, value_text_size(v, SQLITE_UTF8), NULL);
    if (parse.out.rc != SQLITE_OK)
        call_result_error_nomem(call);
    else
        call_result_i64(call, parse.failed ? (i64)utf8_length(text, parse.error_at) + 1 : 0);
    buffer_deinit(&parse.out);
}

// Four blanks unless an indent is given.
static void fn_json_pretty(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    JsonArg json;
    if (!json_arg_read(call, args[0], &json))
        return;
    const char *indent = arg_count == 2 ? value_text(args[1], SQLITE_UTF8) : NULL;
    Buffer text = {.size_max = value_length_limit(call->result)};
    JsonStatus status = json_to_pretty(json.bytes, &json.root, indent ? indent : "    ", &text);
    if (status == JSON_OK) {
        call_result_buffer(call, &text, false); // to be read: as an argument it is a text
    } else {
        buffer_deinit(&text);
        json_result_status(call, status, "");
    }
    json_arg_release(&json);
}

static const JsonRule rule_text = {0};
static const JsonRule rule_blob = {.as_blob = true};
static const JsonRule rule_arrow = {.text_result = true};
static const JsonRule rule_double_arrow = {.sql_result = true};
static const JsonRule rule_insert[2] = {{false, JSON_EDIT_INSERT, "insert", false, false},
                                        {true, JSON_EDIT_INSERT, "insert", false, false}};
static const JsonRule rule_replace[2] = {{false, JSON_EDIT_REPLACE, "replace", false, false},
                                         {true, JSON_EDIT_REPLACE, "replace", false, false}};
static const JsonRule rule_set[2] = {{false, JSON_EDIT_SET, "set", false, false},
                                     {true, JSON_EDIT_SET, "set", false, false}};
static const JsonRule rule_array_insert[2] = {
    {false, JSON_EDIT_ARRAY_INSERT, "array_insert", false, false},
    {true, JSON_EDIT_ARRAY_INSERT, "array_insert", false, false}};

enum {
    PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS,
    RESULT = PURE | FUNC_RESULT_SUBTYPE,
    TAKES = RESULT | FUNC_SUBTYPE, // JSON arguments are told from texts by their subtype
};

// The cast takes the const away that user_data cannot have; nothing writes through it.
#define RULE(rule) (void *)(uintptr_t) & (rule)

const FuncDef func_json_table[] = {
    {"->", 2, RESULT, .call = fn_arrow, .user_data = RULE(rule_arrow)},
    {"->>", 2, PURE, .call = fn_arrow, .user_data = RULE(rule_double_arrow)},
    {"json", 1, RESULT, .call = fn_json, .user_data = RULE(rule_text)},
    {"json_array", ARGS_ANY, TAKES, .call = fn_json_array, .user_data = RULE(rule_text)},
    {"json_array_insert", ARGS_ANY, TAKES, .call = fn_json_edit,
     .user_data = RULE(rule_array_insert[0])},
    {"json_array_length", 1, PURE, .call = fn_json_array_length},
    {"json_array_length", 2, PURE, .call = fn_json_array_length},
    {"json_error_position", 1, PURE, .call = fn_json_error_position},
    {"json_extract", ARGS_ANY, RESULT, .call = fn_json_extract, .user_data = RULE(rule_text)},
    {"json_insert", ARGS_ANY, TAKES, .call = fn_json_edit, .user_data = RULE(rule_insert[0])},
    {"json_object", ARGS_ANY, TAKES, .call = fn_json_object, .user_data = RULE(rule_text)},
    {"json_patch", 2, RESULT, .call = fn_json_patch, .user_data = RULE(rule_text)},
    {"json_pretty", 1, RESULT, .call = fn_json_pretty},
    {"json_pretty", 2, RESULT, .call = fn_json_pretty},
    {"json_quote", 1, TAKES, .call = fn_json_quote},
    {"json_remove", ARGS_ANY, RESULT, .call = fn_json_remove, .user_data = RULE(rule_text)},
    {"json_replace", ARGS_ANY, TAKES, .call = fn_json_edit, .user_data = RULE(rule_replace[0])},
    {"json_set", ARGS_ANY, TAKES, .call = fn_json_edit, .user_data = RULE(rule_set[0])},
    {"json_type", 1, PURE, .call = fn_json_type},
    {"json_type", 2, PURE, .call = fn_json_type},
    {"json_valid", 1, PURE, .call = fn_json_valid},
    {"json_valid", 2, PURE, .call = fn_json_valid},
    {"jsonb", 1, PURE, .call = fn_json, .user_data = RULE(rule_blob)},
    {"jsonb_array", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_array,
     .user_data = RULE(rule_blob)},
    {"jsonb_array_insert", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_edit,
     .user_data = RULE(rule_array_insert[1])},
    {"jsonb_extract", ARGS_ANY, PURE, .call = fn_json_extract, .user_data = RULE(rule_blob)},
    {"jsonb_insert", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_edit,
     .user_data = RULE(rule_insert[1])},
    {"jsonb_object", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_object,
     .user_data = RULE(rule_blob)},
    {"jsonb_patch", 2, PURE, .call = fn_json_patch, .user_data = RULE(rule_blob)},
    {"jsonb_remove", ARGS_ANY, PURE, .call = fn_json_remove, .user_data = RULE(rule_blob)},
    {"jsonb_replace", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_edit,
     .user_data = RULE(rule_replace[1])},
    {"jsonb_set", ARGS_ANY, PURE | FUNC_SUBTYPE, .call = fn_json_edit,
     .user_data = RULE(rule_set[1])},
    {0},
};
