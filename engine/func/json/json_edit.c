// Changing trees: json_insert, _replace, _set, _remove, _array_insert, and json_patch. A changed
// tree is written anew, with everything beside the path copied as it is (J3).
//
// The editor walks down the path. On the way back each container that holds the change gets a new
// header, since its size is another one; what precedes and follows the change within it is copied
// in two runs. So each byte is copied once, and moved up once more for every level whose header
// takes more than a byte (json_end).

#include "func/json/json.h"
#include <string.h>

typedef struct Editor {
    const u8 *bytes;
    JsonEdit edit;
    const Buffer *value;
    Buffer *out;
    bool removed;       // the node just visited is gone
    bool ends_in_index; // the path does
    u32 depth;
} Editor;

static JsonStatus edit_node(Editor *e, const JsonNode *node, const char *path);

// The value of a pair, one node.
static void put_value(Editor *e)
{
    ASSERT(e->value != NULL);
    ASSERT(e->value->size > 0 || e->value->rc != SQLITE_OK);

    buffer_add(e->out, e->value->bytes, e->value->size);
}

// Only these make what the path does not find.
static bool may_create(const Editor *e)
{
    ASSERT(e->edit <= JSON_EDIT_ARRAY_INSERT);

    return e->edit == JSON_EDIT_INSERT || e->edit == JSON_EDIT_SET
           || e->edit == JSON_EDIT_ARRAY_INSERT;
}

// What a path that leads on into nothing makes: the value at its end, containers on the way.
// json_set('{}', '$.a[0]', 1) makes {"a":[1]}: the rest of the path is applied to an empty
// container.
static JsonStatus create_node(Editor *e, const char *rest)
{
    ASSERT(may_create(e));

    if (*rest == 0) {
        put_value(e);
        return JSON_OK;
    }
    const u8 empty[1] = {*rest == '.' ? JSON_OBJECT : JSON_ARRAY};
    const JsonNode node = {.at = 0, .start = 1, .end = 1, .type = empty[0]};
    // The empty container lies in other bytes for as long as it is edited.
    const u8 *bytes = e->bytes;
    e->bytes = empty;
    JsonStatus status = edit_node(e, &node, rest);
    e->bytes = bytes;
    return status;
}

// Copies [from, to) of the tree.
static void copy_part(Editor *e, u32 from, u32 to)
{
    ASSERT(from <= to);
    ASSERT(e->bytes != NULL);

    buffer_add(e->out, e->bytes + from, to - from);
}

// The member's value is edited; what precedes and follows it is copied.
static JsonStatus edit_object(Editor *e, const JsonNode *node, const JsonStep *step)
{
    ASSERT(node->type == JSON_OBJECT);
    ASSERT(step->label != NULL);

    Buffer *out = e->out;
    size_t begun = json_begin(out);
    for (u32 at = node->start; at < node->end;) {
        JsonNode label;
        JsonNode value;
        if (!json_node_read(e->bytes, at, node->end, &label) || !json_is_text(label.type)
            || !json_node_read(e->bytes, label.end, node->end, &value))
            return JSON_MALFORMED;
        if (!json_label_equals(e->bytes, &label, step)) {
            at = value.end;
            continue;
        }
        copy_part(e, node->start, label.end);
        JsonStatus status = edit_node(e, &value, step->rest);
        if (status != JSON_OK)
            return status;
        if (e->removed && out->rc == SQLITE_OK)
            buffer_truncate(out, out->size - (label.end - label.at)); // its label goes too
        e->removed = false;
        copy_part(e, value.end, node->end);
        json_end(out, begun, JSON_OBJECT);
        return JSON_OK;
    }
    if (!may_create(e))
        return JSON_ABSENT;
    if (e->edit == JSON_EDIT_ARRAY_INSERT && !e->ends_in_index)
        return JSON_NOT_ELEMENT;
    copy_part(e, node->start, node->end);
    // The path's spelling is kept: escapes are resolved when the label is shown.
    json_put_node(out, step->label_has_escapes ? JSON_TEXT5 : JSON_TEXTRAW, step->label,
                  step->label_size);
    JsonStatus status = create_node(e, step->rest);
    json_end(out, begun, JSON_OBJECT);
    return status;
}

// By index; one past the end appends.
static JsonStatus edit_array(Editor *e, const JsonNode *node, const JsonStep *step)
{
    ASSERT(node->type == JSON_ARRAY);
    ASSERT(step->label == NULL);

    JsonNode element;
    u64 wanted;
    u64 count;
    JsonStatus status = json_array_find(e->bytes, node, step, &element, &wanted, &count);
    // An index one past the last appends; any further one leads nowhere.
    if (status != JSON_OK && (status != JSON_ABSENT || wanted != count || !may_create(e)))
        return status;
    size_t begun = json_begin(e->out);
    if (status == JSON_OK) {
        copy_part(e, node->start, element.at);
        status = edit_node(e, &element, step->rest);
        e->removed = false;
        copy_part(e, element.end, node->end);
    } else {
        copy_part(e, node->start, node->end);
        status = create_node(e, step->rest);
    }
    json_end(e->out, begun, JSON_ARRAY);
    return status;
}

// The path ends at this node.
static JsonStatus edit_here(Editor *e, const JsonNode *node)
{
    ASSERT(!e->removed);
    ASSERT(e->value != NULL || e->edit == JSON_EDIT_REMOVE);

    switch (e->edit) {
    case JSON_EDIT_REMOVE: e->removed = true; return JSON_OK;
    case JSON_EDIT_REPLACE:
    case JSON_EDIT_SET:
        json_put_replacement(e->out, (const u8 *)e->value->bytes, (u32)e->value->size,
                             node->end - node->at);
        return JSON_OK;
    case JSON_EDIT_INSERT: return JSON_ABSENT;
    case JSON_EDIT_ARRAY_INSERT:
        if (!e->ends_in_index)
            return JSON_NOT_ELEMENT;
        put_value(e);
        copy_part(e, node->at, node->end);
        return JSON_OK;
    }
    UNREACHABLE();
}

// Depth counts the steps of the path, which is the user's, and so bounds the recursion.
static JsonStatus edit_node(Editor *e, const JsonNode *node, const char *path)
{
    ASSERT(path != NULL);

    if (e->depth++ >= JSON_DEPTH_MAX)
        return JSON_PATH_TOO_DEEP;
    if (*path == 0)
        return edit_here(e, node);
    JsonStep step;
    if (*path == '[' && node->type != JSON_ARRAY)
        return JSON_ABSENT;
    if (!json_path_step(path, &step))
        return JSON_BAD_PATH;
    if (step.label == NULL)
        return edit_array(e, node, &step);
    return node->type == JSON_OBJECT ? edit_object(e, node, &step) : JSON_ABSENT;
}

// The root's own path, empty, replaces or removes everything.
JsonStatus json_edit(const u8 *bytes, const JsonNode *root, const char *path, JsonEdit edit,
                     const Buffer *value, Buffer *out)
{
    ASSERT(edit == JSON_EDIT_REMOVE || value != NULL);
    ASSERT(out->size == 0);

    Editor e = {.bytes = bytes, .edit = edit, .value = value, .out = out};
    if (edit == JSON_EDIT_ARRAY_INSERT) {
        if (*path == 0)
            return JSON_ABSENT;
        e.ends_in_index = path[strlen(path) - 1] == ']';
    }
    buffer_reserve(out, root->end - root->at + (value ? value->size : 0) + 16);
    return edit_node(&e, root, path);
}

// --- merge patch ---

// The members of the patch are applied one after the other, each to what the ones before it left,
// so that a label that occurs twice counts twice.
typedef struct Merge {
    const u8 *patch;
    u32 depth;
} Merge;

// A tree under construction: one object node.
static JsonStatus merge_node(Merge *m, const u8 *target, const JsonNode *target_node,
                             const JsonNode *patch, Buffer *out);

// The member of an object whose label equals `label`, which lies in other bytes. The first of
// equal labels counts, as in SQLite.
static JsonStatus find_member(const u8 *bytes, const JsonNode *object, const u8 *other_bytes,
                              const JsonNode *label, JsonNode *mine, JsonNode *value)
{
    ASSERT(object->type == JSON_OBJECT);
    ASSERT(json_is_text(label->type));

    bool plain = label->type == JSON_TEXT || label->type == JSON_TEXTRAW;
    JsonStep step = {.label = (const char *)other_bytes + label->start,
                     .label_size = label->end - label->start,
                     .label_has_escapes = !plain};
    for (u32 at = object->start; at < object->end;) {
        if (!json_node_read(bytes, at, object->end, mine) || !json_is_text(mine->type)
            || !json_node_read(bytes, mine->end, object->end, value))
            return JSON_MALFORMED;
        if (json_label_equals(bytes, mine, &step))
            return JSON_OK;
        at = value->end;
    }
    return JSON_ABSENT;
}

// Writes `object` with one member of the patch applied.
static JsonStatus merge_member(Merge *m, const u8 *bytes, const JsonNode *object,
                               const JsonNode *label, const JsonNode *change, Buffer *out)
{
    ASSERT(object->type == JSON_OBJECT);
    ASSERT(label->end >= label->at);

    JsonNode mine;
    JsonNode value;
    JsonStatus status = find_member(bytes, object, m->patch, label, &mine, &value);
    if (status != JSON_OK && status != JSON_ABSENT)
        return status;
    size_t begun = json_begin(out);
    if (status == JSON_ABSENT) {
        buffer_add(out, bytes + object->start, object->end - object->start);
        status = JSON_OK;
        if (change->type != JSON_NULL) {
            buffer_add(out, m->patch + label->at, label->end - label->at);
            status = merge_node(m, NULL, NULL, change, out);
        }
    } else {
        buffer_add(out, bytes + object->start, mine.at - object->start);
        if (change->type != JSON_NULL) {
            buffer_add(out, bytes + mine.at, mine.end - mine.at);
            status = merge_node(m, bytes, &value, change, out);
        }
        buffer_add(out, bytes + value.end, object->end - value.end);
    }
    json_end(out, begun, JSON_OBJECT);
    return status;
}

// `tree` is read and written anew for each member of the patch.
static JsonStatus merge_object(Merge *m, const JsonNode *patch, Buffer *tree)
{
    ASSERT(patch->type == JSON_OBJECT);

    for (u32 at = patch->start; at < patch->end;) {
        JsonNode label;
        JsonNode change;
        JsonNode object;
        if (!json_node_read(m->patch, at, patch->end, &label) || !json_is_text(label.type)
            || !json_node_read(m->patch, label.end, patch->end, &change))
            return JSON_MALFORMED;
        Buffer next = {0};
        buffer_reserve(&next, tree->size + (change.end - label.at));
        if (tree->rc != SQLITE_OK
            || !json_node_read((const u8 *)tree->bytes, 0, (u32)tree->size, &object)) {
            buffer_deinit(&next);
            return JSON_OK; // out of memory, which sticks to the tree
        }
        JsonStatus status =
            merge_member(m, (const u8 *)tree->bytes, &object, &label, &change, &next);
        // Read only from `next` on: the nodes in the old one are gone.
        buffer_deinit(tree);
        *tree = next;
        if (status != JSON_OK)
            return status;
        at = change.end;
    }
    return JSON_OK;
}

// `target_node` NULL: there is no value yet.
static JsonStatus merge_node(Merge *m, const u8 *target, const JsonNode *target_node,
                             const JsonNode *patch, Buffer *out)
{
    ASSERT((target == NULL) == (target_node == NULL));
    ASSERT(out != NULL);

    if (patch->type != JSON_OBJECT) {
        u32 size = patch->end - patch->at;
        u32 old_size = target_node ? target_node->end - target_node->at : 0;
        json_put_replacement(out, m->patch + patch->at, size, old_size);
        return JSON_OK;
    }
    if (++m->depth > JSON_DEPTH_MAX)
        return JSON_TOO_DEEP;
    Buffer tree = {0};
    if (target_node != NULL && target_node->type == JSON_OBJECT)
        buffer_add(&tree, target + target_node->at, target_node->end - target_node->at);
    else
        json_put_header(&tree, JSON_OBJECT, 0);
    JsonStatus status = merge_object(m, patch, &tree);
    if (tree.rc == SQLITE_OK)
        buffer_add(out, tree.bytes, tree.size);
    else
        out->rc = tree.rc;
    buffer_deinit(&tree);
    m->depth--;
    return status;
}

// A patch that is no object takes the place of the target as a whole.
JsonStatus json_merge_patch(const u8 *target, const JsonNode *target_node, const u8 *patch,
                            const JsonNode *patch_node, Buffer *out)
{
    ASSERT(target != NULL && target_node != NULL);

    Merge m = {.patch = patch};
    return merge_node(&m, target, target_node, patch_node, out);
}
