// json_group_array, json_group_object and their jsonb_ twins.
//
// The state is the payload of the container to be. Rows that leave a window frame leave at the
// front.

#include "func/json/json.h"
#include <string.h>

typedef struct GroupRule {
    JsonType type;
    bool as_blob;
} GroupRule;

typedef struct GroupState {
    Buffer payload;
    size_t begin; // nodes before it have left
} GroupState;

static void group_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2); // json_group_array, json_group_object

    GroupState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    Value *value = args[0];
    if (arg_count == 2) { // label, value; a NULL label is no member
        const char *label = value_text(args[0], SQLITE_UTF8);
        if (label == NULL)
            return;
        json_put_sql_text(&state->payload, label, strlen(label));
        value = args[1];
    }
    const GroupRule *rule = call_user_data(call);
    JsonPut how = rule->as_blob ? JSON_PUT_PARSED : JSON_PUT_TEXT;
    if (json_put_value(call, value, how, &state->payload) && state->payload.rc != SQLITE_OK)
        call_result_error_nomem(call);
}

// The nodes of the oldest row are the first of the payload (F2): they are passed over, not moved.
static void group_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    GroupState *state = call_state(call, 0);
    if (state == NULL || (arg_count == 2 && (args[0]->flags & V_NULL)))
        return;
    for (int i = 0; i < arg_count; i++) {
        JsonNode node;
        if (!json_node_read((const u8 *)state->payload.bytes, (u32)state->begin,
                            (u32)state->payload.size, &node))
            return;
        ASSERT(node.end > state->begin);
        state->begin = node.end;
    }
}

// Wraps what is left of the payload into a node each time: a window asks for every row, so the
// payload is copied then.
static void group_value(FuncCall *call)
{
    static const Buffer nothing = {0};
    const GroupRule *rule = call_user_data(call);
    const GroupState *state = call_state(call, 0);
    const Buffer *payload = state ? &state->payload : &nothing;
    size_t begin = state ? state->begin : 0;
    Buffer tree = {0};
    json_put_node(&tree, rule->type, payload->bytes ? payload->bytes + begin : "",
                  payload->size - begin);
    JsonNode root;
    if (payload->rc != SQLITE_OK || tree.rc != SQLITE_OK)
        call_result_error_nomem(call);
    else if (json_node_read((const u8 *)tree.bytes, 0, (u32)tree.size, &root))
        json_result_tree(call, (const u8 *)tree.bytes, &root, rule->as_blob);
    buffer_deinit(&tree);
    // (Of the two blobs SQLite marks the object only.)
    if (call->rc == SQLITE_OK && rule->type == JSON_OBJECT)
        call_result_subtype(call, JSON_SUBTYPE);
}

static void group_finalize(FuncCall *call)
{
    ASSERT(call->func != NULL);

    group_value(call);
    GroupState *state = call_state(call, 0);
    if (state != NULL)
        buffer_deinit(&state->payload);
}

static const GroupRule rules[] = {
    {JSON_ARRAY, false}, {JSON_OBJECT, false}, {JSON_ARRAY, true}, {JSON_OBJECT, true}};

enum {
    FLAGS = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS | FUNC_AGGREGATE | FUNC_WINDOW | FUNC_SUBTYPE,
};

const FuncDef func_json_group_table[] = {
    {"json_group_array", 1, FLAGS | FUNC_RESULT_SUBTYPE, .step = group_step,
     .finalize = group_finalize, .value = group_value, .inverse = group_inverse,
     .user_data = (void *)(uintptr_t)&rules[0]},
    {"json_group_object", 2, FLAGS | FUNC_RESULT_SUBTYPE, .step = group_step,
     .finalize = group_finalize, .value = group_value, .inverse = group_inverse,
     .user_data = (void *)(uintptr_t)&rules[1]},
    {"jsonb_group_array", 1, FLAGS, .step = group_step, .finalize = group_finalize,
     .value = group_value, .inverse = group_inverse, .user_data = (void *)(uintptr_t)&rules[2]},
    {"jsonb_group_object", 2, FLAGS, .step = group_step, .finalize = group_finalize,
     .value = group_value, .inverse = group_inverse, .user_data = (void *)(uintptr_t)&rules[3]},
    {0},
};
