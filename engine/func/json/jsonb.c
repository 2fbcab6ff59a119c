// Nodes of JSONB: reading headers, writing, checking (format: json.h).
//
// Writers choose the shortest header, but for json_put_replacement(), whose longer one keeps what
// follows in place. Readers take any of them: an 8-byte size is legal if the payload fits.

#include "base/bytes.h"
#include "base/utf.h"
#include "func/json/json.h"
#include <math.h>
#include <string.h>

enum { SIZE_INLINE_MAX = 11, HEADER_MAX = 9 };

// Sizes are compared with what is left of the parent, so that no sum can overflow.
bool json_node_read(const u8 *bytes, u32 at, u32 limit, JsonNode *out)
{
    ASSERT(out != NULL);
    ASSERT(bytes != NULL || limit == 0);

    if (at >= limit)
        return false;
    u32 code = bytes[at] >> 4;
    u32 extra = code <= SIZE_INLINE_MAX ? 0 : 1u << (code - 12); // 1, 2, 4, 8
    if (extra > limit - at - 1)
        return false;
    u64 size = code;
    if (extra == 1)
        size = bytes[at + 1];
    else if (extra == 2)
        size = get_u16(bytes + at + 1);
    else if (extra == 4)
        size = get_u32(bytes + at + 1);
    else if (extra == 8)
        size = get_u64(bytes + at + 1);
    ASSERT(code <= SIZE_INLINE_MAX || (extra >= 1 && extra <= 8));
    u32 start = at + 1 + extra;
    // Compared by what is left, not by a sum: a size of 8 bytes would overflow it.
    if (size > limit - start)
        return false;
    *out = (JsonNode){.at = at, .start = start, .end = start + (u32)size, .type = bytes[at] & 15};
    return true;
}

// Four ways of keeping text, which differ in what has to be escaped.
bool json_is_text(u8 type)
{
    return type >= JSON_TEXT && type <= JSON_TEXTRAW;
}

// Indexed by all 16 values that four bits can have.
const char *json_type_name(u8 type)
{
    static const char *const names[16] = {"null", "true",  "false", "integer", "integer",
                                          "real", "real",  "text",  "text",    "text",
                                          "text", "array", "object"};
    // All kinds of a type have one name; 13 to 15, which are reserved, have none.
    return names[type & 15];
}

// --- writing ---

// Sizes are u32, so the 8-byte form is never written.
u32 json_header_write(u8 *out, JsonType type, u32 size)
{
    ASSERT(type <= JSON_OBJECT);
    ASSERT(out != NULL);

    if (size <= SIZE_INLINE_MAX) {
        out[0] = (u8)(size << 4 | type);
        return 1;
    }
    if (size <= 0xff) {
        out[0] = (u8)(12 << 4 | type);
        out[1] = (u8)size;
        return 2;
    }
    if (size <= 0xffff) {
        out[0] = (u8)(13 << 4 | type);
        put_u16(out + 1, size);
        return 3;
    }
    out[0] = (u8)(14 << 4 | type);
    put_u32(out + 1, size);
    return 5;
}

void json_put_header(Buffer *out, JsonType type, u32 size)
{
    ASSERT(type <= JSON_OBJECT);
    ASSERT(out != NULL);

    u8 header[HEADER_MAX];
    buffer_add(out, header, json_header_write(header, type, size));
}

// The shortest header that the size allows.
void json_put_node(Buffer *out, JsonType type, const void *payload, size_t size)
{
    ASSERT(payload != NULL || size == 0);
    ASSERT(size <= UINT32_MAX);

    json_put_header(out, type, (u32)size);
    buffer_add(out, payload, size);
}

size_t json_begin(Buffer *out)
{
    ASSERT(out != NULL);

    buffer_add_char(out, 0);
    // After a failure the place is of no use, and json_end() does not look at it.
    return out->size;
}

// Sizes are known only now: a header longer than the byte that was left for it moves the payload
// up.
void json_end(Buffer *out, size_t begun, JsonType type)
{
    ASSERT(begun > 0 || out->rc != SQLITE_OK);
    ASSERT(type == JSON_ARRAY || type == JSON_OBJECT);

    if (out->rc != SQLITE_OK)
        return;
    u8 header[HEADER_MAX];
    size_t size = out->size - begun;
    u32 header_size = json_header_write(header, type, (u32)size);
    if (header_size > 1) { // what was written makes room
        if (buffer_reserve(out, header_size - 1) == NULL)
            return;
        buffer_grew(out, header_size - 1);
        memmove(out->bytes + begun + header_size - 1, out->bytes + begun, size);
    }
    ASSERT(out->size == begun + size + header_size - 1);
    memcpy(out->bytes + begun - 1, header, header_size);
}

// Escaped only where JSON asks for it; most texts need nothing.
void json_put_sql_text(Buffer *out, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    bool plain = true;
    for (size_t i = 0; i < size && plain; i++)
        plain = (u8)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\';
    if (plain) {
        json_put_node(out, JSON_TEXT, text, size);
        return;
    }
    Buffer quoted = {0};
    json_quote_text(text, size, &quoted);
    if (quoted.rc == SQLITE_OK)
        // Without the quotes that json_quote_text() puts around.
        json_put_node(out, JSON_TEXTJ, quoted.bytes + 1, quoted.size - 2);
    else
        out->rc = quoted.rc;
    buffer_deinit(&quoted);
}

void json_put_i64(Buffer *out, i64 integer)
{
    char text[NUMBER_TEXT_MAX];
    json_put_node(out, JSON_INT, text, i64_to_text(integer, text));
}

// 17 digits, so that the number reads back as the same. `infinity` is how the caller's SQLite
// spells it in that place; its first character is the sign.
void json_put_f64(Buffer *out, f64 real, const char *infinity)
{
    ASSERT(infinity[0] == '-');

    char text[NUMBER_TEXT_MAX];
    // SQL has no NaN of its own either: it is NULL there.
    if (isnan(real)) {
        json_put_header(out, JSON_NULL, 0);
    } else if (isinf(real)) {
        const char *digits = infinity;
        json_put_node(out, JSON_FLOAT, real < 0 ? digits : digits + 1, strlen(digits) - (real > 0));
    } else {
        json_put_node(out, JSON_FLOAT, text, f64_to_text(real, 17, text));
    }
}

void json_put_replacement(Buffer *out, const u8 *bytes, u32 size, u32 old_size)
{
    ASSERT(bytes != NULL || size == 0);
    ASSERT(size <= UINT32_MAX - HEADER_MAX);

    JsonNode node;
    if (size == 0 || !json_node_read(bytes, 0, size, &node)) {
        buffer_add(out, bytes, size);
        return;
    }
    u32 header_size = node.start + (old_size > size ? old_size - size : 0);
    // Only these lengths of a header exist; a difference that needs another one moves what follows.
    bool fits = header_size == 2 || header_size == 3 || header_size == 5 || header_size == 9;
    if (old_size <= size || !fits || node.type <= JSON_FALSE) {
        buffer_add(out, bytes, size);
        return;
    }
    u8 header[HEADER_MAX] = {0};
    u32 payload_size = size - node.start;
    u32 code = header_size == 2 ? 12 : header_size == 3 ? 13 : header_size == 5 ? 14 : 15;
    header[0] = (u8)(code << 4 | node.type);
    for (u32 i = header_size - 1; i > 0; i--) {
        header[i] = (u8)payload_size;
        payload_size >>= 8;
    }
    buffer_add(out, header, header_size);
    buffer_add(out, bytes + node.start, size - node.start);
}

// --- checking ---

// A blob that may as well be the text of a number, array or object has to be right throughout.
static bool looks_like_text(u8 first)
{
    return ascii_is_digit(first) || first == '[' || first == '{';
}

// A look at a few bytes, since nearly every argument is asked.
bool json_looks_binary(const u8 *bytes, u64 size)
{
    ASSERT(bytes != NULL || size == 0);

    JsonNode node;
    if (size == 0 || size > UINT32_MAX || (bytes[0] & 15) > JSON_OBJECT)
        return false;
    if (!json_node_read(bytes, 0, (u32)size, &node) || node.end != size)
        return false;
    // null, true and false have no payload: one that has is no JSONB, however short.
    if (node.type <= JSON_FALSE && node.start != node.end)
        return false;
    return !looks_like_text(bytes[0]) || json_check(bytes, (u32)size) == 0;
}

// Of an empty run too.
static bool all_digits(const u8 *p, const u8 *end)
{
    ASSERT(p <= end);

    while (p < end && ascii_is_digit(*p))
        p++;
    return p == end;
}

// 1 + the offset of the first bad byte, 0 when the characters of the number are right. By its
// type: canonical ones by RFC 8259, INT5 and FLOAT5 by what JSON5 adds.
static u32 check_number(const u8 *bytes, const JsonNode *node)
{
    ASSERT(node->type >= JSON_INT && node->type <= JSON_FLOAT5);

    const u8 *p = bytes + node->start;
    const u8 *end = bytes + node->end;
    if (p < end && *p == '-')
        p++;
    // A sign alone, or nothing.
    if (p == end)
        return node->at + 1;
    if (node->type == JSON_INT)
        return all_digits(p, end) ? 0 : node->at + 1;
    if (node->type == JSON_INT5) {
        if (end - p < 3 || p[0] != '0' || (p[1] != 'x' && p[1] != 'X'))
            return node->at + 1;
        for (p += 2; p < end; p++) {
            if (!ascii_is_hex(*p))
                return node->at + 1;
        }
        return 0;
    }
    bool seen_point = false;
    bool seen_exponent = false;
    if (*p == '.') {
        if (node->type == JSON_FLOAT || end - p < 2 || !ascii_is_digit(p[1]))
            return node->at + 1;
        p += 2;
        seen_point = true;
        // RFC 8259: a number that begins with 0 goes on with a point or an exponent.
    } else if (*p == '0' && node->type == JSON_FLOAT
               && (end - p < 3 || (p[1] != '.' && p[1] != 'e' && p[1] != 'E'))) {
        return node->at + 1;
    }
    for (; p < end; p++) {
        if (ascii_is_digit(*p))
            continue;
        if (*p == '.') {
            if (seen_point || seen_exponent)
                return node->at + 1;
            if (node->type == JSON_FLOAT && (p + 1 >= end || !ascii_is_digit(p[1])))
                return node->at + 1;
            seen_point = true;
        } else if (*p == 'e' || *p == 'E') {
            if (seen_exponent || p + 1 >= end)
                return node->at + 1;
            if ((p[1] == '+' || p[1] == '-') && ++p + 1 >= end)
                return node->at + 1;
            seen_exponent = true;
        } else {
            return node->at + 1;
        }
    }
    // Digits alone are an INT: no FLOAT, whatever its header says.
    return seen_point || seen_exponent ? 0 : node->at + 1;
}

// Within the node: an escape may not reach past its text.
static bool hex_follow(const u8 *p, const u8 *end, u32 count)
{
    ASSERT(p <= end);
    ASSERT(count == 2 || count == 4);

    if ((size_t)(end - p) < count)
        return false;
    for (u32 i = 0; i < count; i++) {
        if (!ascii_is_hex(p[i]))
            return false;
    }
    return true;
}

// Bytes of the escape behind a backslash, 0 for one that does not exist. By what kind of text it
// is in: those of JSON5 only where `json5` is set.
static u32 escape_size(const u8 *p, const u8 *end, bool json5)
{
    ASSERT(p <= end);

    if (p >= end)
        return 0;
    if (strchr("\"\\/bfnrt", *p) != NULL && *p != 0)
        return 1;
    if (*p == 'u')
        return hex_follow(p + 1, end, 4) ? 5 : 0;
    if (!json5)
        return 0;
    if (*p == '\'' || *p == 'v' || *p == '\n' || *p == '\r' || *p == '0')
        return 1;
    if (*p == 'x')
        return hex_follow(p + 1, end, 2) ? 3 : 0;
    if (end - p >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        return 3;
    return 0;
}

// A TEXT has nothing that JSON would escape, a TEXTJ JSON's escapes, a TEXT5 those of JSON5;
// TEXTRAW is anything.
static u32 check_text(const u8 *bytes, const JsonNode *node)
{
    ASSERT(json_is_text(node->type));
    ASSERT(node->end >= node->start);

    const u8 *p = bytes + node->start;
    const u8 *end = bytes + node->end;
    if (node->type == JSON_TEXTRAW)
        return 0;
    while (p < end) {
        if (*p == '\\') {
            u32 size =
                node->type == JSON_TEXT ? 0 : escape_size(p + 1, end, node->type == JSON_TEXT5);
            if (size == 0)
                return (u32)(p - bytes) + 1;
            p += 1 + size;
            continue;
        }
        if (node->type != JSON_TEXT5 && (*p < 0x20 || *p == '"'))
            return (u32)(p - bytes) + 1;
        p++;
    }
    return 0;
}

static u32 check_node(const u8 *bytes, u32 at, u32 limit, u32 depth, JsonNode *node);

// In an object every other child, from the first, must be a text.
static u32 check_children(const u8 *bytes, const JsonNode *node, u32 depth)
{
    ASSERT(node->type == JSON_ARRAY || node->type == JSON_OBJECT);
    ASSERT(depth <= JSON_DEPTH_MAX);

    u32 count = 0;
    for (u32 at = node->start; at < node->end; count++) {
        JsonNode child;
        u32 wrong = check_node(bytes, at, node->end, depth + 1, &child);
        if (wrong != 0)
            return wrong;
        if (node->type == JSON_OBJECT && count % 2 == 0 && !json_is_text(child.type))
            return at + 1;
        at = child.end;
    }
    // The last label has no value.
    return node->type == JSON_OBJECT && count % 2 != 0 ? node->end + 1 : 0;
}

// The node and all inside it; *node tells where it ends.
static u32 check_node(const u8 *bytes, u32 at, u32 limit, u32 depth, JsonNode *node)
{
    ASSERT(node != NULL);

    if (depth > JSON_DEPTH_MAX || !json_node_read(bytes, at, limit, node))
        return at + 1;
    switch (node->type) {
    case JSON_NULL:
    case JSON_TRUE:
    case JSON_FALSE: return node->start == node->end ? 0 : at + 1;
    case JSON_INT:
    case JSON_INT5:
    case JSON_FLOAT:
    case JSON_FLOAT5: return check_number(bytes, node);
    case JSON_TEXT:
    case JSON_TEXTJ:
    case JSON_TEXT5:
    case JSON_TEXTRAW: return check_text(bytes, node);
    case JSON_ARRAY:
    case JSON_OBJECT: return check_children(bytes, node, depth);
    default: return at + 1;
    }
}

// Recursion is bounded by JSON_DEPTH_MAX (J4).
u32 json_check(const u8 *bytes, u32 size)
{
    ASSERT(bytes != NULL || size == 0);

    JsonNode node;
    u32 wrong = check_node(bytes, 0, size, 0, &node);
    if (wrong != 0)
        return wrong;
    return node.end == size ? 0 : node.end + 1;
}
