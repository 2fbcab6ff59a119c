// Paths ("Path Arguments", sqlite.org/json1.html): after $ any number of
//
//    .label  ."quoted label"  [index], counted from 0  [#-index], from the end
//    [#], the place behind the last
//
// A label without quotes goes on to the next . or [, so that it may hold anything else. A quoted
// one may hold escapes, which are compared by what they stand for.

#include "base/utf.h"
#include "func/json/json.h"
#include <string.h>

// What follows a point.
static bool label_step(const char *p, JsonStep *out)
{
    ASSERT(p[-1] == '.');

    if (*p != '"') {
        size_t size = strcspn(p, ".[");
        if (size == 0)
            return false;
        *out = (JsonStep){.label = p, .label_size = (u32)size, .rest = p + size};
        return true;
    }
    const char *label = ++p;
    bool escapes = false;
    for (; *p != '"'; p++) {
        if (*p == '\\' && p[1] != 0) {
            escapes = true;
            p++;
        }
        if (*p == 0)
            return false;
    }
    *out = (JsonStep){.label = label,
                      .label_size = (u32)(p - label),
                      .label_has_escapes = escapes,
                      .rest = p + 1};
    return true;
}

static const char *read_index(const char *p, u64 *out)
{
    u64 value = 0;
    for (; ascii_is_digit((u8)*p); p++) {
        // Saturates: no array has that many elements.
        if (value < UINT32_MAX)
            value = value * 10 + (u64)(*p - '0');
    }
    *out = value;
    return p;
}

// What follows a [.
static bool index_step(const char *p, JsonStep *out)
{
    ASSERT(p[-1] == '[');

    *out = (JsonStep){0};
    const char *end;
    if (*p == '#') {
        out->from_end = true;
        end = p + 1;
        if (*end == '-' && ascii_is_digit((u8)end[1])) {
            end = read_index(end + 1, &out->index);
            out->is_open = *end != ']';
        }
    } else {
        end = read_index(p, &out->index);
        if (end == p)
            return false;
    }
    out->rest = out->is_open ? end : end + 1;
    return *end == ']' || out->is_open;
}

bool json_path_step(const char *path, JsonStep *out)
{
    ASSERT(*path != 0);

    if (*path == '.')
        return label_step(path + 1, out);
    if (*path == '[')
        return index_step(path + 1, out);
    return false;
}

bool json_label_equals(const u8 *bytes, const JsonNode *label, const JsonStep *step)
{
    ASSERT(json_is_text(label->type));
    ASSERT(step->label != NULL);

    bool plain = label->type == JSON_TEXT || label->type == JSON_TEXTRAW;
    return json_texts_equal((const char *)bytes + label->start, label->end - label->start, !plain,
                            step->label, step->label_size, step->label_has_escapes);
}

// Linear, in the order of the members: JSONB has no index.
static JsonStatus find_label(const u8 *bytes, const JsonNode *object, const JsonStep *step,
                             JsonNode *out)
{
    ASSERT(object->type == JSON_OBJECT);

    for (u32 at = object->start; at < object->end;) {
        JsonNode label;
        if (!json_node_read(bytes, at, object->end, &label) || !json_is_text(label.type)
            || !json_node_read(bytes, label.end, object->end, out))
            return JSON_MALFORMED;
        if (json_label_equals(bytes, &label, step))
            return JSON_OK;
        at = out->end;
    }
    return JSON_ABSENT;
}

// For indexes from the end.
static JsonStatus count_elements(const u8 *bytes, const JsonNode *array, u64 *count)
{
    ASSERT(array->type == JSON_ARRAY);

    *count = 0;
    for (u32 at = array->start; at < array->end; (*count)++) {
        JsonNode node;
        if (!json_node_read(bytes, at, array->end, &node))
            return JSON_MALFORMED;
        at = node.end;
    }
    return JSON_OK;
}

JsonStatus json_array_find(const u8 *bytes, const JsonNode *array, const JsonStep *step,
                           JsonNode *out, u64 *wanted, u64 *count)
{
    ASSERT(array->type == JSON_ARRAY);
    ASSERT(step->label == NULL);

    *wanted = step->index;
    if (step->from_end) {
        JsonStatus status = count_elements(bytes, array, count);
        if (status != JSON_OK)
            return status;
        if (step->is_open && step->index <= *count)
            return JSON_BAD_PATH;
        *wanted = *count - step->index; // wraps round to a large number when there are fewer
        if (*wanted >= *count)
            return JSON_ABSENT;
    }
    *count = 0;
    for (u32 at = array->start; at < array->end; (*count)++) {
        if (!json_node_read(bytes, at, array->end, out))
            return JSON_MALFORMED;
        if (*count == *wanted)
            return JSON_OK;
        at = out->end;
    }
    return JSON_ABSENT;
}

JsonStatus json_path_find(const u8 *bytes, const JsonNode *root, const char *path, JsonNode *out)
{
    ASSERT(root->start <= root->end);

    JsonNode node = *root;
    u32 depth = 0;
    while (*path != 0) {
        JsonStep step;
        if (*path == '[' && node.type != JSON_ARRAY)
            return JSON_ABSENT; // before the index is read
        if (!json_path_step(path, &step))
            return JSON_BAD_PATH;
        JsonNode parent = node;
        JsonStatus status;
        if (step.label != NULL) {
            if (parent.type != JSON_OBJECT)
                return JSON_ABSENT;
            status = find_label(bytes, &parent, &step, &node);
        } else {
            u64 wanted;
            u64 count;
            status = json_array_find(bytes, &parent, &step, &node, &wanted, &count);
        }
        if (status != JSON_OK)
            return status;
        if (++depth >= JSON_DEPTH_MAX) // even if the path ends here
            return JSON_PATH_TOO_DEEP;
        path = step.rest;
    }
    *out = node;
    return JSON_OK;
}
