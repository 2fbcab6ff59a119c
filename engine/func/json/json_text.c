// Nodes into text: JSON as RFC 8259 has it, whatever the nodes were parsed from. JSON5's spellings
// are turned into plain ones on the way (put_text5, put_int5, put_float5).
//
//    TEXT, TEXTJ   as they are, between quotes     INT, FLOAT   as they are
//    TEXT5         its escapes as JSON's           INT5         in decimal
//    TEXTRAW       escaped                         FLOAT5       digits on both sides of the point
//
// Nothing is checked that the blob's owner should have (J2): what comes out of a malformed text
// may be malformed too, but it is read within its bounds.

#include "base/utf.h"
#include "func/json/json.h"
#include "func/printf.h"
#include <string.h>

typedef struct Writer {
    const u8 *bytes;
    Buffer *out;
    const char *indent; // NULL: compact
} Writer;

// --- texts ---

// \b \t \n \f \r where JSON has a letter, \u00xx otherwise.
static void put_escape(Buffer *out, u8 c)
{
    ASSERT(c < 0x20 || c == '"' || c == '\\');
    ASSERT(out != NULL);

    char escape[7];
    if (c == '"' || c == '\\') {
        escape[0] = '\\';
        escape[1] = (char)c;
        buffer_add(out, escape, 2);
        return;
    }
    static const char short_ones[] = {'b', 't', 'n', 0, 'f', 'r'}; // of the codes 8 to 13
    if (c >= 8 && c <= 13 && short_ones[c - 8] != 0) {
        escape[0] = '\\';
        escape[1] = short_ones[c - 8];
        buffer_add(out, escape, 2);
        return;
    }
    static const char hex[] = "0123456789abcdef";
    memcpy(escape, "\\u00", 4);
    escape[4] = hex[c >> 4];
    escape[5] = hex[c & 15];
    buffer_add(out, escape, 6);
}

// Runs that need no escape are copied at a time.
void json_quote_text(const char *text, size_t size, Buffer *out)
{
    ASSERT(text != NULL || size == 0);

    buffer_add_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        u8 c = (u8)text[i];
        // UTF-8 passes as it is.
        if (LIKELY(c >= 0x20 && c != '"' && c != '\\'))
            continue;
        buffer_add(out, text + from, i - from);
        put_escape(out, c);
        from = i + 1;
    }
    buffer_add(out, text + from, size - from);
    buffer_add_char(out, '"');
}

// A text with escapes of JSON5 as one with escapes of JSON.
static JsonStatus put_text5(Buffer *out, const char *p, size_t size)
{
    ASSERT(p != NULL || size == 0);

    const char *end = p + size;
    buffer_add_char(out, '"');
    while (p < end) {
        u8 c = (u8)*p;
        if (c != '\\') {
            if (c < 0x20 || c == '"')
                put_escape(out, c);
            else
                buffer_add_char(out, (char)c);
            p++;
            continue;
        }
        // A backslash at the very end.
        if (++p >= end)
            return JSON_MALFORMED;
        switch (*p) {
        case '\'': buffer_add_char(out, '\''); break;
        case 'v': buffer_add_text(out, "\\u000b"); break;
        case '0': buffer_add_text(out, "\\u0000"); break;
        case 'x':
            if (end - p < 3)
                return JSON_MALFORMED;
            // JSON has no \x: two zeros make it a \u.
            buffer_add_text(out, "\\u00");
            buffer_add(out, p + 1, 2);
            p += 2;
            break;
        case '\r':
            if (p + 1 < end && p[1] == '\n')
                p++;
            break;
        case '\n': break;
        case (char)0xe2: // a line or paragraph separator, which is dropped
            if (end - p < 3 || (u8)p[1] != 0x80 || ((u8)p[2] != 0xa8 && (u8)p[2] != 0xa9))
                return JSON_MALFORMED;
            p += 2;
            break;
        // Escapes that JSON has as well.
        default:
            buffer_add_char(out, '\\');
            buffer_add_char(out, *p);
            break;
        }
        p++;
    }
    buffer_add_char(out, '"');
    return JSON_OK;
}

// --- numbers ---

// Beyond 64 bits it is infinity, as a number that overflows to it.
static JsonStatus put_int5(Buffer *out, const char *p, size_t size)
{
    ASSERT(p != NULL || size == 0);

    bool negative = size > 0 && *p == '-';
    const char *end = p + size;
    p += negative;
    // 0x and a digit at least.
    if (end - p < 3)
        return JSON_MALFORMED;
    u64 value = 0;
    bool too_large = false;
    for (p += 2; p < end; p++) {
        if (!ascii_is_hex((u8)*p))
            return JSON_MALFORMED;
        // The next digit would push the highest four bits out.
        too_large |= value >> 60 != 0;
        value = value << 4 | hex_value((u8)*p);
    }
    if (negative)
        buffer_add_char(out, '-');
    // As SQLite writes it.
    if (too_large)
        buffer_add_text(out, "9.0e999");
    else
        buffer_printf(out, "%llu", (unsigned long long)value);
    return JSON_OK;
}

// Puts the zero in that JSON wants on both sides of the point.
static JsonStatus put_float5(Buffer *out, const char *p, size_t size)
{
    ASSERT(p != NULL || size == 0);

    const char *end = p + size;
    if (p < end && *p == '-') {
        buffer_add_char(out, '-');
        p++;
    }
    if (p >= end)
        return JSON_MALFORMED;
    if (*p == '.')
        buffer_add_char(out, '0');
    for (; p < end; p++) {
        buffer_add_char(out, *p);
        if (*p == '.' && (p + 1 == end || !ascii_is_digit((u8)p[1])))
            buffer_add_char(out, '0');
    }
    return JSON_OK;
}

// --- trees ---

static JsonStatus put_node(const Writer *w, const JsonNode *node, u32 depth);

// Between brackets that hold something, and before the closing one.
static void put_line(const Writer *w, u32 depth)
{
    ASSERT(depth <= JSON_DEPTH_MAX + 1);

    if (w->indent == NULL)
        return;
    buffer_add_char(w->out, '\n');
    for (u32 i = 0; i < depth; i++)
        buffer_add_text(w->out, w->indent);
}

// An object's members alternate, which only their count tells: an odd one is malformed.
static JsonStatus put_children(const Writer *w, const JsonNode *node, u32 depth)
{
    ASSERT(node->type == JSON_ARRAY || node->type == JSON_OBJECT);
    ASSERT(depth <= JSON_DEPTH_MAX);

    bool is_object = node->type == JSON_OBJECT;
    u32 count = 0;
    buffer_add_char(w->out, is_object ? '{' : '[');
    for (u32 at = node->start; at < node->end && w->out->rc == SQLITE_OK; count++) {
        JsonNode child;
        if (!json_node_read(w->bytes, at, node->end, &child))
            return JSON_MALFORMED;
        // Labels have even numbers, and the commas come before them.
        bool is_value = is_object && count % 2 == 1;
        if (is_value) {
            buffer_add_text(w->out, w->indent ? ": " : ":");
        } else {
            if (count > 0)
                buffer_add_char(w->out, ',');
            put_line(w, depth + 1);
        }
        JsonStatus status = put_node(w, &child, depth + 1);
        if (status != JSON_OK)
            return status;
        at = child.end;
    }
    if (w->out->rc != SQLITE_OK)
        return JSON_OK; // the caller asks the buffer
    if (is_object && count % 2 == 1)
        return JSON_MALFORMED;
    if (count > 0)
        put_line(w, depth);
    buffer_add_char(w->out, is_object ? '}' : ']');
    return JSON_OK;
}

// Depth counts containers (J4); scalars at the bottom may be one deeper.
static JsonStatus put_node(const Writer *w, const JsonNode *node, u32 depth)
{
    ASSERT(node->start <= node->end);

    const char *payload = (const char *)w->bytes + node->start;
    size_t size = node->end - node->start;
    Buffer *out = w->out;
    switch (node->type) {
    case JSON_NULL: buffer_add(out, "null", 4); return JSON_OK;
    case JSON_TRUE: buffer_add(out, "true", 4); return JSON_OK;
    case JSON_FALSE: buffer_add(out, "false", 5); return JSON_OK;
    case JSON_INT:
    case JSON_FLOAT:
        if (size == 0)
            return JSON_MALFORMED;
        buffer_add(out, payload, size);
        return JSON_OK;
    case JSON_INT5: return put_int5(out, payload, size);
    case JSON_FLOAT5: return put_float5(out, payload, size);
    case JSON_TEXT:
    case JSON_TEXTJ:
        buffer_add_char(out, '"');
        buffer_add(out, payload, size);
        buffer_add_char(out, '"');
        return JSON_OK;
    case JSON_TEXT5: return put_text5(out, payload, size);
    case JSON_TEXTRAW: json_quote_text(payload, size, out); return JSON_OK;
    case JSON_ARRAY:
    case JSON_OBJECT: return depth > JSON_DEPTH_MAX ? JSON_TOO_DEEP : put_children(w, node, depth);
    default: return JSON_MALFORMED;
    }
}

// Room for the node's size is asked for at once: text is about as long.
JsonStatus json_to_text(const u8 *bytes, const JsonNode *node, Buffer *out)
{
    ASSERT(node->at < node->end);

    Writer w = {bytes, out, NULL};
    // Texts and numbers take the bytes that they have in the node; only a guess, JSON5 takes more.
    buffer_reserve(out, node->end - node->at);
    return put_node(&w, node, 0);
}

JsonStatus json_to_pretty(const u8 *bytes, const JsonNode *node, const char *indent, Buffer *out)
{
    ASSERT(indent != NULL);
    ASSERT(node->at < node->end);

    Writer w = {bytes, out, indent};
    return put_node(&w, node, 0);
}

// --- characters ---

// The digits of \x, \u and \U.
static u32 hex_number(const char *p, u32 count)
{
    ASSERT(count <= 8);

    // The caller has seen that they are digits.
    u32 value = 0;
    for (u32 i = 0; i < count; i++)
        value = value << 4 | hex_value((u8)p[i]);
    return value;
}

// Are there `count` digits before the end?
static bool is_hex_run(const char *p, const char *end, u32 count)
{
    ASSERT(p <= end);
    ASSERT(count == 2 || count == 4);

    if ((size_t)(end - p) < count)
        return false;
    for (u32 i = 0; i < count; i++) {
        if (!ascii_is_hex((u8)p[i]))
            return false;
    }
    return true;
}

// The character behind the backslash before p. Returns the bytes read, 0: no such escape. *size is
// the character's size in out[4], 0 for a line that goes on.
static u32 resolve_escape(const char *p, const char *end, u8 *out, u32 *size)
{
    ASSERT(p[-1] == '\\');

    static const char from[] = "\"'\\/bfnrtv0";
    static const char to[] = "\"'\\/\b\f\n\r\t\v\0";
    *size = 1;
    if (p >= end)
        return 0;
    const char *letter = *p ? strchr(from, *p) : NULL;
    if (letter != NULL) {
        out[0] = (u8)to[letter - from];
        return 1;
    }
    if (*p == 'x' && is_hex_run(p + 1, end, 2)) {
        *size = utf8_put(out, hex_number(p + 1, 2));
        return 3;
    }
    if (*p == 'u' && is_hex_run(p + 1, end, 4)) {
        u32 c = hex_number(p + 1, 4);
        // A pair of surrogates is one character beyond 16 bits.
        u32 low = 0;
        if ((c & 0xfc00) == 0xd800 && end - p >= 11 && p[5] == '\\' && p[6] == 'u'
            && is_hex_run(p + 7, end, 4))
            low = hex_number(p + 7, 4);
        if ((low & 0xfc00) == 0xdc00) {
            *size = utf8_put(out, ((c & 0x3ff) << 10) + (low & 0x3ff) + 0x10000);
            return 11;
        }
        // Half of a pair alone is written as it is, by SQLite's rule.
        *size = utf8_put(out, c);
        return 5;
    }
    *size = 0;
    if (*p == '\n')
        return 1;
    if (*p == '\r')
        return end - p >= 2 && p[1] == '\n' ? 2 : 1;
    if ((u8)*p == 0xe2 && end - p >= 3 && (u8)p[1] == 0x80
        && ((u8)p[2] == 0xa8 || (u8)p[2] == 0xa9))
        return 3;
    return 0;
}

// The next piece of a text: a byte, or the characters an escape stands for (none for a line that
// goes on). False: an escape that does not exist.
static bool next_piece(const char **p, const char *end, bool escapes, u8 *out, u32 *size)
{
    ASSERT(*p < end);
    ASSERT(out != NULL && size != NULL);

    if (!escapes || **p != '\\') {
        out[0] = (u8) * (*p)++;
        *size = 1;
        return true;
    }
    u32 read = resolve_escape(*p + 1, end, out, size);
    *p += 1 + read;
    return read > 0;
}

// Without copies: labels of a large object are compared so, one after the other.
bool json_texts_equal(const char *a, size_t a_size, bool a_escapes, const char *b, size_t b_size,
                      bool b_escapes)
{
    ASSERT(a != NULL || a_size == 0);
    ASSERT(b != NULL || b_size == 0);

    if (!a_escapes && !b_escapes)
        return a_size == b_size && memcmp(a, b, a_size) == 0;
    const char *a_end = a + a_size;
    const char *b_end = b + b_size;
    // Piece by piece, each side at its own pace: an escape may be many bytes of text and one of
    // characters.
    u8 a_piece[4];
    u8 b_piece[4];
    u32 a_left = 0;
    u32 b_left = 0;
    u32 a_at = 0;
    u32 b_at = 0;
    for (;;) {
        while (a_at == a_left && a < a_end) {
            a_at = 0;
            if (!next_piece(&a, a_end, a_escapes, a_piece, &a_left))
                return false;
        }
        while (b_at == b_left && b < b_end) {
            b_at = 0;
            if (!next_piece(&b, b_end, b_escapes, b_piece, &b_left))
                return false;
        }
        // One side is used up: they are equal if the other is too.
        if (a_at == a_left || b_at == b_left)
            return a_at == a_left && b_at == b_left;
        if (a_piece[a_at++] != b_piece[b_at++])
            return false;
    }
}

// What has no escapes is copied as it is.
JsonStatus json_unescape(const u8 *bytes, const JsonNode *node, Buffer *out)
{
    ASSERT(json_is_text(node->type));

    const char *p = (const char *)bytes + node->start;
    const char *end = (const char *)bytes + node->end;
    buffer_reserve(out, (size_t)(end - p));
    if (node->type == JSON_TEXT || node->type == JSON_TEXTRAW) {
        buffer_add(out, p, (size_t)(end - p));
        return JSON_OK;
    }
    while (p < end) {
        // Whole runs between escapes.
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        if (slash == NULL)
            slash = end;
        buffer_add(out, p, (size_t)(slash - p));
        if (slash == end)
            break;
        u8 character[4];
        u32 size;
        u32 read = resolve_escape(slash + 1, end, character, &size);
        if (read == 0)
            return JSON_MALFORMED;
        buffer_add(out, character, size);
        p = slash + 1 + read;
    }
    return JSON_OK;
}
