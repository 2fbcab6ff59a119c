// JSON and JSON5 text into nodes, in one pass (grammar: RFC 8259; extensions: spec.json5.org, as
// far as SQLite takes them).
//
//    value  = object | array | text | number | true | false | null | infinity, NaN by several names
//    object = '{' [ label ':' value { ',' label ':' value } [ ',' ] ] '}'
//    array  = '[' [ value { ',' value } [ ',' ] ] ']'
//
// Nodes are written as they are met. A container's header is one byte until its end is known; if
// its payload then needs more, it is moved up (write_end). Texts and numbers are copied as they
// stand, escapes unresolved: only their type tells what they hold.
//
// Depth is bounded by JSON_DEPTH_MAX (J4). All places are offsets into the text, and byte_at()
// reads 0 beyond its end, so that no look-ahead needs a bound of its own.

#include "base/hashmap.h"
#include "base/utf.h"
#include "func/json/json.h"
#include <string.h>

typedef JsonParse P;

// --- writing ---

// Nodes are written without asking for room: no text needs more than this. Numbers double at most
// (",1" becomes 13 31, ",inf" six bytes), and a container open at the end may have cost a header
// that is three bytes longer than its brackets.
static u64 room_for(u64 text_size)
{
    ASSERT(text_size <= UINT32_MAX);

    return text_size * 2 + 3 * JSON_DEPTH_MAX + 16;
}

// Where the next byte goes; the room was reserved before parsing began.
static inline u8 *write_place(P *p)
{
    ASSERT(p->out.size + 16 < p->out.capacity);

    return (u8 *)p->out.bytes + p->out.size;
}

// Nearly all sizes fit in the one byte.
static inline void write_header(P *p, JsonType type, u32 size)
{
    ASSERT(type <= JSON_OBJECT);

    u8 *w = write_place(p);
    // 11 is the largest size that the header's one byte holds; 12 to 15 announce a longer one.
    if (LIKELY(size <= 11)) {
        w[0] = (u8)(size << 4 | type);
        p->out.size++;
    } else {
        p->out.size += json_header_write(w, type, size);
    }
}

// Sixteen bytes at a time where the text has them: a short copy of fixed size is one instruction.
static inline void write_node(P *p, JsonType type, const char *payload, u32 size)
{
    ASSERT(payload >= p->text && payload + size <= p->text + p->size);

    write_header(p, type, size);
    u8 *w = write_place(p);
    if (LIKELY(size <= 16 && p->text + p->size - payload >= 16))
        memcpy(w, payload, 16); // past the payload too, which the next node overwrites
    else
        memcpy(w, payload, size);
    p->out.size += size;
}

// As a number that overflows to it, since JSON has no word for it.
static void write_infinity(P *p, bool negative)
{
    write_header(p, JSON_FLOAT, negative ? 6 : 5);
    // The NUL is copied where the word is shorter: the next node overwrites it.
    memcpy(write_place(p), negative ? "-9e999" : "9e999", 6);
    p->out.size += negative ? 6 : 5;
}

// A container is given one byte for its header; where that is too little its payload moves.
static void write_end(P *p, size_t begun, JsonType type)
{
    ASSERT(begun > 0 && begun <= p->out.size);
    ASSERT(type == JSON_ARRAY || type == JSON_OBJECT);

    u8 header[9];
    size_t size = p->out.size - begun;
    u8 *payload = (u8 *)p->out.bytes + begun;
    u32 header_size = json_header_write(header, type, (u32)size);
    if (header_size > 1)
        memmove(payload + header_size - 1, payload, size);
    // Over the one byte that was left free and, if the payload moved, up to where it begins now.
    memcpy(payload - 1, header, header_size);
    p->out.size += header_size - 1;
}

static u32 parse_value(P *p, u32 at);

// Notes where it went wrong; everything unwinds.
static COLD u32 fail_at(P *p, u32 at)
{
    ASSERT(at <= p->size);

    if (!p->failed) {
        p->failed = true;
        p->error_at = at;
    }
    return p->size;
}

// 0 behind the end, and 0 in a text ends it as well.
static inline u8 byte_at(const P *p, u32 at)
{
    return at < p->size ? (u8)p->text[at] : 0;
}

// --- white space ---

// Bytes of the JSON5 space or comment at `at`, 0 for anything else. Comments of both kinds, and
// the blanks of Unicode that JSON5 names.
static u32 wide_space_size(const P *p, u32 at)
{
    ASSERT(at < p->size);

    const u8 *z = (const u8 *)p->text + at;
    u32 left = p->size - at;
    switch (z[0]) {
    case '\v':
    case '\f': return 1;
    case '/':
        // A comment that is not closed is none: the slash is then a character out of place.
        if (left >= 4 && z[1] == '*') {
            for (u32 i = 3; i < left; i++) {
                if (z[i - 1] == '*' && z[i] == '/' && i > 2)
                    return i + 1;
            }
        } else if (left >= 2 && z[1] == '/') {
            u32 i = 2;
            while (i < left && z[i] != '\n' && z[i] != '\r'
                   && !(i + 2 < left && z[i] == 0xe2 && z[i + 1] == 0x80
                        && (z[i + 2] == 0xa8 || z[i + 2] == 0xa9)))
                i++;
            return i;
        }
        return 0;
    case 0xc2: return left >= 2 && z[1] == 0xa0 ? 2 : 0;
    case 0xe1: return left >= 3 && z[1] == 0x9a && z[2] == 0x80 ? 3 : 0;
    case 0xe2:
        if (left < 3)
            return 0;
        if (z[1] == 0x80
            && ((z[2] >= 0x80 && z[2] <= 0x8a) || z[2] == 0xa8 || z[2] == 0xa9 || z[2] == 0xaf))
            return 3;
        return z[1] == 0x81 && z[2] == 0x9f ? 3 : 0;
    case 0xe3: return left >= 3 && z[1] == 0x80 && z[2] == 0x80 ? 3 : 0;
    case 0xef: return left >= 3 && z[1] == 0xbb && z[2] == 0xbf ? 3 : 0;
    default: return 0;
    }
}

// Plain white space alone: errors are told to be behind it, but before a comment.
static inline u32 skip_plain(const P *p, u32 at)
{
    ASSERT(at <= p->size);

    while (at < p->size && (u8)p->text[at] <= ' '
           && (p->text[at] == ' ' || p->text[at] == '\n' || p->text[at] == '\t'
               || p->text[at] == '\r'))
        at++;
    return at;
}

// Behind plain white space: comments and the blanks of JSON5, with more plain ones between.
static COLD u32 skip_wide(P *p, u32 at)
{
    ASSERT(at <= p->size);

    for (;;) {
        u32 size = at < p->size ? wide_space_size(p, at) : 0;
        if (size == 0)
            return at;
        p->nonstandard = true;
        at = skip_plain(p, at + size);
    }
}

// What follows is nearly always plain ASCII, and is told by one comparison.
static inline u32 skip_space(P *p, u32 at)
{
    ASSERT(at <= p->size);

    at = skip_plain(p, at);
    u8 c = byte_at(p, at);
    return LIKELY(c > ' ' && c < 0x80 && c != '/') ? at : skip_wide(p, at);
}

// --- texts ---

// The bytes behind the end read as 0, which is no digit.
static bool hex_digits(const P *p, u32 at, u32 count)
{
    ASSERT(count > 0);

    for (u32 i = 0; i < count; i++) {
        if (!ascii_is_hex(byte_at(p, at + i)))
            return false;
    }
    return true;
}

// Bytes behind the backslash at at-1, 0: no escape. Raises *type for what JSON does not have.
static u32 read_escape(const P *p, u32 at, JsonType *type)
{
    ASSERT(p->text[at - 1] == '\\');
    ASSERT(at > 0 && at <= p->size);

    u8 c = byte_at(p, at);
    if (c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r'
        || c == 't' || (c == 'u' && hex_digits(p, at + 1, 4))) {
        if (*type == JSON_TEXT)
            *type = JSON_TEXTJ;
        return 1; // the digits of \u are ordinary characters
    }
    u32 size = 0;
    if (c == '\'' || c == 'v' || c == '\n' || (c == '0' && !ascii_is_digit(byte_at(p, at + 1)))
        || (c == 'x' && hex_digits(p, at + 1, 2)))
        size = 1;
    else if (c == '\r')
        // A line that goes on behind a backslash: CR LF counts as one end of line.
        size = byte_at(p, at + 1) == '\n' ? 2 : 1;
    else if (c == 0xe2 && byte_at(p, at + 1) == 0x80
             && (byte_at(p, at + 2) == 0xa8 || byte_at(p, at + 2) == 0xa9))
        size = 3;
    if (size != 0)
        *type = JSON_TEXT5;
    return size;
}

// A quoted text at `at`; returns what follows it. Both quotes, and every byte but NUL within:
// control characters make it a TEXT5.
static u32 parse_text(P *p, u32 at)
{
    ASSERT(p->text[at] == '"' || p->text[at] == '\'');

    u8 quote = (u8)p->text[at];
    JsonType type = JSON_TEXT;
    u32 start = at + 1;
    if (quote == '\'')
        p->nonstandard = true;
    u32 i = start;
    for (;; i++) {
        // The run of characters that mean nothing special is what nearly all texts consist of.
        while (i < p->size && (u8)p->text[i] >= 0x20 && p->text[i] != '"' && p->text[i] != '\''
               && p->text[i] != '\\')
            i++;
        if (i >= p->size)
            return fail_at(p, i);
        u8 c = (u8)p->text[i];
        if (c == quote)
            break;
        if (c == '\\') {
            u32 size = read_escape(p, i + 1, &type);
            if (size == 0)
                return fail_at(p, i + 1);
            i += size;
        } else if (c < 0x20) {
            if (c == 0)
                return fail_at(p, i);
            type = JSON_TEXT5;
        } else if (c == '"') {
            type = JSON_TEXT5;
        }
    }
    if (type == JSON_TEXT5)
        p->nonstandard = true;
    write_node(p, type, p->text + start, i - start);
    return i + 1;
}

// --- numbers ---

// Infinity and NaN in the spellings SQLite knows.
static const struct {
    const char *name;
    u8 size;
    bool is_nan;
} special_numbers[] = {
    {"infinity", 8, false}, {"inf", 3, false}, {"qnan", 4, true},
    {"snan", 4, true},      {"nan", 3, true},
};

// "nullx" is no null.
static bool word_ends(const P *p, u32 at)
{
    ASSERT(at <= p->size);

    return !ascii_is_alnum(byte_at(p, at));
}

// Returns `at` when there is none. Behind a sign there is no NaN, and what follows is no matter.
static u32 parse_special(P *p, u32 at, u8 sign)
{
    ASSERT(at <= p->size);

    for (u32 i = 0; i < ARRAY_LEN(special_numbers); i++) {
        u32 size = special_numbers[i].size;
        if (p->size - at < size || !name_equals_n(p->text + at, special_numbers[i].name, size))
            continue;
        if (sign == 0 ? !word_ends(p, at + size) : special_numbers[i].is_nan)
            continue;
        p->nonstandard = true;
        if (special_numbers[i].is_nan)
            write_header(p, JSON_NULL, 0);
        else
            write_infinity(p, sign == '-');
        return at + size;
    }
    return at;
}

// Ends at the text's end at the latest.
static u32 skip_digits(const P *p, u32 at)
{
    ASSERT(at <= p->size);

    while (ascii_is_digit(byte_at(p, at)))
        at++;
    return at;
}

// Kept as it is written (INT5); it becomes decimal when it is shown.
static u32 parse_hex(P *p, u32 start, u32 at)
{
    ASSERT(byte_at(p, at) == '0' && (byte_at(p, at + 1) | 0x20) == 'x');
    ASSERT(start <= at);

    p->nonstandard = true;
    u32 end = at + 2;
    while (ascii_is_hex(byte_at(p, end)))
        end++;
    write_node(p, JSON_INT5, p->text + start, end - start);
    return end;
}

// The exponent at `end`, if there is one; returns what follows it. The error is told to be at the
// sign if there is one, else at the letter, as SQLite tells it.
static u32 scan_exponent(P *p, u32 end, JsonType *type)
{
    ASSERT(end > 0 && end <= p->size);
    ASSERT(*type == JSON_INT || *type == JSON_FLOAT || *type == JSON_FLOAT5);

    if ((byte_at(p, end) | 0x20) != 'e')
        return end;
    u32 digits = end + 1;
    if (byte_at(p, digits) == '+' || byte_at(p, digits) == '-')
        digits++;
    if (!ascii_is_digit(byte_at(p, digits)))
        return fail_at(p, digits > end + 1 ? end + 1 : end);
    // A FLOAT5 stays one: its mantissa is what JSON does not have.
    if (*type == JSON_INT)
        *type = JSON_FLOAT;
    return skip_digits(p, digits);
}

// Digits, point and exponent from `at` on, behind the sign, if any, at `begin`. Returns what
// follows them; *type tells whether JSON would have them as they stand (INT, FLOAT) or only JSON5
// (FLOAT5: no digits on one side of the point).
static u32 scan_decimal(P *p, u32 begin, u32 at, JsonType *type)
{
    ASSERT(at == begin || at == begin + 1);
    ASSERT(!p->failed);

    u32 end = skip_digits(p, at);
    bool has_digits = end > at;
    *type = JSON_INT;
    if (byte_at(p, end) == '.') {
        u32 after = skip_digits(p, end + 1);
        bool has_fraction = after > end + 1;
        if (!has_digits && !has_fraction)
            return fail_at(p, at > begin ? begin + 2 : begin);
        *type = has_digits && has_fraction ? JSON_FLOAT : JSON_FLOAT5;
        end = after;
    } else if (!has_digits) {
        return fail_at(p, begin);
    }
    return scan_exponent(p, end, type);
}

// `begin` is where errors are told to be, as SQLite tells it: at the sign, not behind it.
static u32 parse_number(P *p, u32 begin)
{
    ASSERT(begin < p->size);
    ASSERT(!p->failed);

    u32 at = begin;
    u32 start = begin; // of what is kept
    u8 sign = (u8)p->text[begin];
    if (sign == '+' || sign == '-') {
        at++;
        if (sign == '+') {
            p->nonstandard = true;
            start = at; // a plus is not kept
        }
        u32 after = parse_special(p, at, sign);
        if (after != at)
            return after;
    }
    if (byte_at(p, at) == '0') {
        bool is_hex = (byte_at(p, at + 1) | 0x20) == 'x';
        if (is_hex && ascii_is_hex(byte_at(p, at + 2)))
            return parse_hex(p, start, at);
        // A leading zero is no number, in JSON5 neither.
        if (is_hex || ascii_is_digit(byte_at(p, at + 1)))
            return fail_at(p, begin + 1);
    }
    JsonType type;
    u32 end = scan_decimal(p, begin, at, &type);
    if (p->failed)
        return end;
    p->nonstandard |= type == JSON_FLOAT5;
    write_node(p, type, p->text + start, end - start);
    return end;
}

// --- containers ---

// A value after white space. Where none can begin, the place before the white space is to blame.
static u32 parse_element(P *p, u32 before)
{
    ASSERT(!p->failed);

    u32 at = skip_space(p, before);
    u8 c = byte_at(p, at);
    if (c == 0 || c == '}' || c == ']' || c == ',' || c == ':')
        return fail_at(p, before);
    return parse_value(p, at);
}

// Something else stands where a separator should. If it is no value either, that is the error told.
static COLD u32 fail_separator(P *p, u32 behind)
{
    parse_element(p, behind);
    return fail_at(p, behind);
}

// A container ends where an element might stand: it is empty, or a comma came before, which only
// JSON5 allows.
static void end_early(P *p, u32 at, bool is_empty)
{
    ASSERT(p->depth > 0);
    ASSERT(at < p->size);

    p->nonstandard |= !is_empty;
    p->early_end = at;
}

// A comma may stand before the end, by JSON5.
static u32 parse_array(P *p, u32 at)
{
    ASSERT(p->text[at] == '[');

    if (++p->depth > JSON_DEPTH_MAX)
        return fail_at(p, at);
    const u32 opened = at;
    size_t begun = ++p->out.size;
    for (bool more = true; more;) {
        u32 next = at + 1;
        at = skip_space(p, next);
        if (byte_at(p, at) == ']') {
            end_early(p, at, next == opened + 1);
            break;
        }
        u32 behind = skip_plain(p, parse_element(p, next));
        // Everything unwinds without closing its container: nobody looks at the nodes of a failure.
        if (p->failed)
            return at;
        at = skip_space(p, behind);
        more = byte_at(p, at) == ',';
        if (!more && byte_at(p, at) != ']')
            return fail_separator(p, behind);
    }
    p->depth--;
    write_end(p, begun, JSON_ARRAY);
    return at + 1;
}

// Every byte of a character beyond ASCII counts as a letter: SQLite does not look closer.
static bool is_name_start(u8 c)
{
    return c == '_' || c == '$' || c >= 0x80 || (ascii_is_alnum(c) && !ascii_is_digit(c));
}

// An object's label without quotes, as JSON5 has them.
static u32 parse_name(P *p, u32 at)
{
    ASSERT(at <= p->size);

    JsonType type = JSON_TEXT;
    u32 end = at;
    for (;;) {
        u8 c = byte_at(p, end);
        if (c == '\\' && byte_at(p, end + 1) == 'u' && hex_digits(p, end + 2, 4)) {
            type = JSON_TEXTJ;
            end += 6;
        } else if ((end > at && ascii_is_digit(c)) || is_name_start(c)) {
            // A blank of Unicode ends the name, though its bytes count as letters.
            if (c >= 0x80 && wide_space_size(p, end) > 0)
                break;
            end++;
        } else {
            break;
        }
    }
    if (end == at)
        return fail_at(p, at);
    p->nonstandard = true;
    write_node(p, type, p->text + at, end - at);
    return end;
}

// A word that is a value: it cannot be a label without quotes.
static bool is_value_word(const P *p, u32 at)
{
    ASSERT(at <= p->size);

    static const char *const words[] = {"true", "false", "null"};
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        u32 size = (u32)strlen(words[i]);
        if (p->size - at >= size && memcmp(p->text + at, words[i], size) == 0)
            return word_ends(p, at + size);
    }
    for (u32 i = 0; i < ARRAY_LEN(special_numbers); i++) {
        u32 size = special_numbers[i].size;
        if (p->size - at >= size && name_equals_n(p->text + at, special_numbers[i].name, size)
            && word_ends(p, at + size))
            return true;
    }
    return false;
}

// The label of a member, after white space.
static u32 parse_label(P *p, u32 before)
{
    ASSERT(!p->failed);

    u32 at = skip_space(p, before);
    u8 c = byte_at(p, at);
    if (c == '"' || c == '\'')
        return parse_text(p, at);
    if (c == '\\' || (is_name_start(c) && !is_value_word(p, at)))
        return parse_name(p, at);
    if (!is_name_start(c))
        parse_element(p, before); // what is wrong with a value is told first
    return fail_at(p, before);
}

// Labels may lack their quotes, by JSON5. Equal labels are kept, in their order.
static u32 parse_object(P *p, u32 at)
{
    ASSERT(p->text[at] == '{');

    if (++p->depth > JSON_DEPTH_MAX)
        return fail_at(p, at);
    const u32 opened = at;
    size_t begun = ++p->out.size;
    for (bool more = true; more;) {
        u32 next = at + 1;
        at = skip_space(p, next);
        if (byte_at(p, at) == '}') {
            end_early(p, at, next == opened + 1);
            break;
        }
        u32 behind = skip_plain(p, parse_label(p, next));
        if (p->failed)
            return at;
        at = skip_space(p, behind);
        // `behind` is told, not `at`: the blame is before the white space, as in parse_element().
        if (byte_at(p, at) != ':')
            return fail_separator(p, behind);
        behind = skip_plain(p, parse_element(p, at + 1));
        if (p->failed)
            return at;
        at = skip_space(p, behind);
        more = byte_at(p, at) == ',';
        if (!more && byte_at(p, at) != '}')
            return fail_separator(p, behind);
    }
    p->depth--;
    write_end(p, begun, JSON_OBJECT);
    return at + 1;
}

// true and false; null is parse_value()'s own, because names of NaN begin alike.
static u32 parse_word(P *p, u32 at, const char *word, JsonType type)
{
    ASSERT(p->text[at] == word[0]);
    ASSERT(strlen(word) >= 4);

    u32 size = (u32)strlen(word);
    if (p->size - at < size || memcmp(p->text + at, word, size) != 0 || !word_ends(p, at + size))
        return fail_at(p, at);
    write_header(p, type, 0);
    return at + size;
}

// By its first character. Returns what follows; after an error p->failed is set and nobody reads
// on.
static u32 parse_value(P *p, u32 at)
{
    ASSERT(at <= p->size);

    u8 c = byte_at(p, at);
    switch (c) {
    case '{': return parse_object(p, at);
    case '[': return parse_array(p, at);
    case '"':
    case '\'': return parse_text(p, at);
    case 't': return parse_word(p, at, "true", JSON_TRUE);
    case 'f': return parse_word(p, at, "false", JSON_FALSE);
    case '+':
    case '-':
    case '.': return parse_number(p, at);
    default: break;
    }
    if (ascii_is_digit(c))
        return parse_number(p, at);
    if (c == 'n' && p->size - at >= 4 && memcmp(p->text + at, "null", 4) == 0
        && word_ends(p, at + 4)) {
        write_header(p, JSON_NULL, 0);
        return at + 4;
    }
    u32 after = at < p->size ? parse_special(p, at, 0) : at;
    return after != at ? after : fail_at(p, at);
}

// A NUL ends the text as its size does, as in SQLite.
void json_parse(JsonParse *parse, const char *text, size_t size, Buffer *reuse)
{
    ASSERT(size <= UINT32_MAX);
    ASSERT(text != NULL || size == 0);

    *parse = (JsonParse){.text = text, .size = (u32)size};
    // The memory of the parse before: most statements parse texts of about one size.
    if (reuse != NULL) {
        parse->out = *reuse;
        *reuse = (Buffer){0};
        buffer_clear(&parse->out);
    }
    parse->out.size_max = UINT32_MAX;
    if (buffer_reserve(&parse->out, room_for(size)) == NULL) {
        parse->failed = true;
        return;
    }
    ASSERT(parse->out.size == 0);
    u32 at = skip_space(parse, parse_element(parse, 0));
    if (!parse->failed && at < parse->size && parse->text[at] != 0) // a NUL ends the text
        fail_at(parse, parse->early_end); // something follows: SQLite blames the last such end
    ASSERT(parse->failed || parse->depth == 0);
    // The limit of a buffer that goes on to be used by others is SQLite's own again.
    parse->out.size_max = 0;
}
