// Functions of text and blobs. Text is UTF-8 here; characters are what utf8_length() counts, and
// text ends at an embedded NUL wherever SQLite's does: length('a' || char(0) || 'b') is 1, though
// octet_length() is 3.
//
// Results are bounded by the connection's length limit before memory for them is asked for.

#include "base/utf.h"
#include "func/func.h"
#include "func/printf.h"
#include <math.h>
#include <string.h>

enum {
    CHARACTER_SIZE_MAX = 4,     // bytes of one character in UTF-8
    CODE_POINT_MASK = 0x1fffff, // what four bytes hold: SQLite writes no more of a greater number
};

typedef struct Text {
    const char *bytes; // NULL: SQL NULL or out of memory
    size_t size;
} Text;

// Not NUL-terminated, and borrowed until the value changes: both arguments of a call may be held
// at a time, unless they are the same register, which then has one encoding.
static Text text_of(Value *v)
{
    ASSERT(v != NULL);

    u32 size;
    const char *bytes = value_chars(v, SQLITE_UTF8, &size);
    return (Text){bytes, size};
}

// --- case ---

// ASCII only, as in SQLite: other bytes pass unchanged, so that UTF-8 stays valid.
static void change_case(FuncCall *call, Value *v, u8 (*change)(u8))
{
    ASSERT(change != NULL);

    Text in = text_of(v);
    if (in.bytes == NULL)
        return;
    // As long as the text: ASCII's cases are a byte each.
    char *out = call_result_begin(call, in.size);
    if (out == NULL)
        return;
    for (size_t i = 0; i < in.size; i++)
        out[i] = (char)change((u8)in.bytes[i]);
    call_result_end_text(call, in.size);
}

// upper(X).
static void fn_upper(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    change_case(call, args[0], ascii_upper);
}

static void fn_lower(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    change_case(call, args[0], ascii_lower);
}

// --- sizes ---

// Characters of text, bytes of a blob; a number has the length of its text.
static void fn_length(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Value *v = args[0];
    switch (value_type(v)) {
    case SQLITE_NULL: return;
    case SQLITE_BLOB: call_result_i64(call, value_size(v)); return;
    case SQLITE_TEXT: {
        Text text = text_of(v);
        if (text.bytes != NULL)
            call_result_i64(call, (i64)utf8_length(text.bytes, strnlen(text.bytes, text.size)));
        return;
    }
    default: call_result_i64(call, value_text_size(v, SQLITE_UTF8)); return;
    }
}

// Bytes as stored, which for numbers means as they would be as text in the database's encoding.
static void fn_octet_length(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Value *v = args[0];
    switch (value_type(v)) {
    case SQLITE_NULL: return;
    case SQLITE_BLOB:
    case SQLITE_TEXT: call_result_i64(call, value_size(v)); return;
    default: {
        // Digits are one byte each in UTF-8 and two in UTF-16.
        i64 size = value_text_size(v, SQLITE_UTF8);
        call_result_i64(call, call->encoding == SQLITE_UTF8 ? size : size * 2);
        return;
    }
    }
}

// --- substr ---

// The part of 0..length that substr(X, start, count) names. Characters count from 1, from the end
// when negative; place 0 is the one before the first, so that a part which begins there is one
// shorter. A negative count takes what precedes the start. Examples of (length 5): (0, 2) takes 1
// character, (-2, 5) the last 2, (3, -2) the first 2.
static void clip_part(i64 length, i64 start, i64 count, i64 *from, i64 *taken)
{
    ASSERT(length >= 0);
    ASSERT(from != NULL && taken != NULL);

    bool backwards = count < 0;
    if (backwards)
        count = count == INT64_MIN ? INT64_MAX : -count;
    if (start < 0) {
        start += length;
        if (start < 0) {
            count = backwards ? count : count + start < 0 ? 0 : count + start;
            start = 0;
        }
    } else if (start > 0) {
        start--;
    } else if (count > 0) {
        count--;
    }
    if (backwards) {
        i64 begin = start - count;
        if (begin < 0) {
            count += begin;
            begin = 0;
        }
        start = begin;
    }
    ASSERT(start >= 0);
    *from = start;
    *taken = count < 0 ? 0 : count;
}

// A NULL place or length gives NULL; characters for text, bytes for a blob.
static void fn_substr(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    if (args[1]->flags & V_NULL || (arg_count == 3 && (args[2]->flags & V_NULL)))
        return;
    // Reals are cut, texts read as numbers: value_i64() does what CAST does.
    i64 start = value_i64(args[1]);
    i64 count = arg_count == 3 ? value_i64(args[2]) : value_length_limit(call->result);
    bool is_blob = value_type(args[0]) == SQLITE_BLOB;
    Text in = is_blob ? (Text){value_blob(args[0]), value_size(args[0])} : text_of(args[0]);
    if (in.bytes == NULL)
        return; // so is an empty blob
    if (!is_blob)
        in.size = strnlen(in.bytes, in.size);
    i64 length = (i64)in.size;
    // Only a start from the end needs the length in characters; else the bytes, which are no
    // fewer, bound the part as well, and counting is saved.
    if (!is_blob && start < 0)
        length = (i64)utf8_length(in.bytes, in.size);
    i64 from;
    i64 taken;
    clip_part(length, start, count, &from, &taken);
    if (is_blob) {
        from = from > length ? length : from;
        taken = taken > length - from ? length - from : taken;
        call_result_blob(call, in.bytes + from, (u64)taken, SQLITE_TRANSIENT);
        return;
    }
    // Past the end both are cut there: clip_part() knew bytes only.
    size_t begin = utf8_offset(in.bytes, in.size, (size_t)from);
    size_t size = utf8_offset(in.bytes + begin, in.size - begin, (size_t)taken);
    call_result_text(call, in.bytes + begin, size, SQLITE_UTF8, SQLITE_TRANSIENT);
}

// --- instr, replace ---

// Where `needle` first occurs at or after `from`; SIZE_MAX: nowhere. memchr() for the first byte:
// faster than a cleverer search for the short needles that SQL has.
static size_t find_bytes(Text hay, Text needle, size_t from)
{
    ASSERT(needle.size > 0);
    ASSERT(from <= hay.size);

    if (needle.size > hay.size - from)
        return SIZE_MAX;
    const char *p = hay.bytes + from;
    const char *end = hay.bytes + hay.size - needle.size + 1; // the last place it fits, plus one
    while (p < end) {
        p = memchr(p, needle.bytes[0], (size_t)(end - p));
        if (p == NULL)
            break;
        if (memcmp(p, needle.bytes, needle.size) == 0)
            return (size_t)(p - hay.bytes);
        p++;
    }
    return SIZE_MAX;
}

// A byte of UTF-8 that begins no character.
static bool is_continuation(char c)
{
    return ((u8)c & 0xc0) == 0x80;
}

// Positions count from 1; 0 is nowhere. Two blobs are compared by bytes, anything else by
// characters.
static void fn_instr(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if ((args[0]->flags | args[1]->flags) & V_NULL)
        return;
    bool is_blob = value_type(args[0]) == SQLITE_BLOB && value_type(args[1]) == SQLITE_BLOB;
    bool has_bytes = value_type(args[1]) == SQLITE_BLOB && value_size(args[1]) > 0;
    Text hay = is_blob ? (Text){value_blob(args[0]), value_size(args[0])} : text_of(args[0]);
    Text needle = is_blob ? (Text){value_blob(args[1]), value_size(args[1])} : text_of(args[1]);
    if (needle.size == 0) {
        // Half a character of UTF-16 is no text, but SQLite has measured it before and looks for a
        // byte: it finds the NUL behind the text.
        i64 end = 1;
        for (size_t i = 0; has_bytes && i < hay.size; i++)
            end += !is_continuation(hay.bytes[i]);
        call_result_i64(call, end);
        return;
    }
    if (hay.bytes == NULL || needle.bytes == NULL) {
        call_result_i64(call, 0);
        return;
    }
    // By bytes first: UTF-8 is found as it is.
    size_t at = find_bytes(hay, needle, 0);
    if (!is_blob) { // only where a character begins
        while (at != SIZE_MAX && at > 0 && is_continuation(hay.bytes[at]))
            at = find_bytes(hay, needle, at + 1);
    }
    if (at == SIZE_MAX) {
        call_result_i64(call, 0);
        return;
    }
    i64 position = 1;
    for (size_t i = 1; i <= at; i++)
        position += is_blob || !is_continuation(hay.bytes[i]);
    call_result_i64(call, position);
}

// An empty pattern changes nothing. The result never grows past the length limit.
static void fn_replace(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 3);

    Text in = text_of(args[0]);
    Text pattern = text_of(args[1]);
    if (in.bytes == NULL || pattern.bytes == NULL)
        return;
    if (pattern.size == 0 || pattern.bytes[0] == 0) {
        call_result_text(call, in.bytes, in.size, SQLITE_UTF8, SQLITE_TRANSIENT);
        return;
    }
    Text with = text_of(args[2]);
    if (with.bytes == NULL)
        return;
    Buffer out = {.size_max = value_length_limit(call->result)};
    buffer_reserve(&out, in.size);
    // What was put in is not looked at again.
    size_t from = 0;
    for (size_t at = find_bytes(in, pattern, 0); at != SIZE_MAX;
         at = find_bytes(in, pattern, from)) {
        buffer_add(&out, in.bytes + from, at - from);
        buffer_add(&out, with.bytes, with.size);
        from = at + pattern.size;
    }
    buffer_add(&out, in.bytes + from, in.size - from);
    call_result_buffer(call, &out, false);
}

// --- trim ---

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2, TRIM_BOTH = 3 };

// Size of the character of `set` that `text` begins (or ends) with; 0: none. Characters of the set
// are tried in its order; the first that fits is taken off.
static size_t trimmed_size(Text text, Text set, bool at_end)
{
    ASSERT(text.size > 0);
    ASSERT(set.bytes != NULL);

    for (size_t i = 0; i < set.size;) {
        size_t size = utf8_offset(set.bytes + i, set.size - i, 1);
        const char *place = at_end ? text.bytes + text.size - size : text.bytes;
        if (size <= text.size && memcmp(place, set.bytes + i, size) == 0)
            return size;
        i += size;
    }
    return 0;
}

// Characters, not bytes, are taken off, one after the other.
static void trim(FuncCall *call, int arg_count, Value **args, u32 sides)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    ASSERT(sides >= TRIM_LEFT && sides <= TRIM_BOTH);

    Text in = text_of(args[0]);
    if (in.bytes == NULL)
        return;
    Text set = arg_count == 1 ? (Text){" ", 1} : text_of(args[1]);
    if (set.bytes == NULL)
        return;
    set.size = strnlen(set.bytes, set.size);
    // One character after the other, since they differ in size.
    while ((sides & TRIM_LEFT) && in.size > 0) {
        size_t size = trimmed_size(in, set, false);
        if (size == 0)
            break;
        in.bytes += size;
        in.size -= size;
    }
    while ((sides & TRIM_RIGHT) && in.size > 0) {
        size_t size = trimmed_size(in, set, true);
        if (size == 0)
            break;
        in.size -= size;
    }
    call_result_text(call, in.bytes, in.size, SQLITE_UTF8, SQLITE_TRANSIENT);
}

static void fn_trim(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    trim(call, arg_count, args, TRIM_BOTH);
}

static void fn_ltrim(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    trim(call, arg_count, args, TRIM_LEFT);
}

static void fn_rtrim(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    trim(call, arg_count, args, TRIM_RIGHT);
}

// --- hex ---

// Twice `size` bytes.
static void put_hex(char *out, const char *bytes, size_t size)
{
    ASSERT(bytes != NULL || size == 0);
    ASSERT(out != NULL || size == 0);

    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size; i++) {
        out[i * 2] = digits[(u8)bytes[i] >> 4];
        out[i * 2 + 1] = digits[(u8)bytes[i] & 15];
    }
}

// A number's digits in hexadecimal, as those of its text.
static void fn_hex(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    // Of a number value_blob() makes the text.
    const char *bytes = value_blob(args[0]);
    size_t size = value_type(args[0]) == SQLITE_INTEGER || value_type(args[0]) == SQLITE_FLOAT
                      ? value_text_size(args[0], SQLITE_UTF8)
                      : value_size(args[0]);
    if (bytes == NULL)
        size = 0;
    char *out = call_result_begin(call, (u64)size * 2);
    if (out == NULL)
        return;
    put_hex(out, bytes, size);
    call_result_end_text(call, (u64)size * 2);
}

// Size of the character of `in` at `at` if `skip` has it too; 0: it has not.
static size_t skipped_size(Text in, size_t at, Text skip)
{
    ASSERT(at < in.size);

    const u8 *begin = (const u8 *)in.bytes + at;
    const u8 *p = begin;
    u32 c = utf8_next(&p, (const u8 *)in.bytes + in.size);
    const u8 *q = (const u8 *)skip.bytes;
    // By character: the same bytes within a longer one are not it.
    while (q < (const u8 *)skip.bytes + skip.size) {
        if (utf8_next(&q, (const u8 *)skip.bytes + skip.size) == c)
            return (size_t)(p - begin);
    }
    return 0;
}

// Pairs of digits; characters of `skip` may stand between pairs. False: something else is there.
static bool read_hex(Text in, Text skip, char *out, size_t *out_size)
{
    ASSERT(out != NULL && out_size != NULL);

    size_t size = 0;
    for (size_t i = 0; i < in.size;) {
        if (!ascii_is_hex((u8)in.bytes[i])) {
            size_t skipped = skipped_size(in, i, skip);
            if (skipped == 0)
                return false;
            i += skipped;
            continue;
        }
        if (i + 1 >= in.size || !ascii_is_hex((u8)in.bytes[i + 1]))
            return false;
        out[size++] = (char)(hex_value((u8)in.bytes[i]) << 4 | hex_value((u8)in.bytes[i + 1]));
        i += 2;
    }
    *out_size = size;
    return true;
}

// NULL for what is no hexadecimal, rather than an error.
static void fn_unhex(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    Text in = text_of(args[0]);
    Text skip = arg_count == 2 ? text_of(args[1]) : (Text){"", 0};
    if (in.bytes == NULL || skip.bytes == NULL)
        return;
    in.size = strnlen(in.bytes, in.size);
    // Half as long at most: characters between the pairs only make it shorter.
    char *out = call_result_begin(call, in.size / 2);
    if (out == NULL)
        return;
    size_t size;
    if (read_hex(in, skip, out, &size))
        call_result_end_blob(call, size);
}

// --- quote, unistr ---

// X'…', two digits a byte.
static void quote_blob(FuncCall *call, Value *v)
{
    ASSERT(value_type(v) == SQLITE_BLOB);

    const char *bytes = value_blob(v);
    u64 size = bytes ? value_size(v) : 0;
    char *out = call_result_begin(call, size * 2 + 3);
    if (out == NULL)
        return;
    memcpy(out, "X'", 2);
    put_hex(out + 2, bytes, size);
    out[2 + size * 2] = '\'';
    call_result_end_text(call, size * 2 + 3);
}

// With all 17 digits whatever the connection shows, so that the literal reads back as the same
// number, and infinity as a number that becomes it.
// A NaN cannot come here: value_set_f64() makes it NULL.
static void quote_real(FuncCall *call, f64 value)
{
    char text[NUMBER_TEXT_MAX];
    size_t size;
    if (isinf(value)) {
        size = value < 0 ? 9 : 8;
        memcpy(text, value < 0 ? "-9.0e+999" : "9.0e+999", size);
    } else {
        size = f64_to_text(value, 17, text);
    }
    call_result_text(call, text, size, SQLITE_UTF8, SQLITE_TRANSIENT);
}

// The text of a literal that reads back as the same value.
static void quote(FuncCall *call, Value *v, const char *text_format)
{
    ASSERT(text_format != NULL);

    switch (value_type(v)) {
    case SQLITE_NULL: call_result_text(call, "NULL", 4, SQLITE_UTF8, SQLITE_STATIC); return;
    case SQLITE_INTEGER:
        call_result_text(call, value_text(v, SQLITE_UTF8), value_text_size(v, SQLITE_UTF8),
                         SQLITE_UTF8, SQLITE_TRANSIENT);
        return;
    case SQLITE_FLOAT: quote_real(call, value_f64(v)); return;
    case SQLITE_BLOB: quote_blob(call, v); return;
    default: break;
    }
    // Text is the one kind whose literal's length is not known beforehand.
    Buffer out = {.size_max = value_length_limit(call->result)};
    format_text(&out, text_format, value_text(v, SQLITE_UTF8));
    call_result_buffer(call, &out, false);
}

// quote(X).
static void fn_quote(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    quote(call, args[0], "%Q");
}

// As quote(), but control characters are written as \uXXXX and unistr() around the text.
static void fn_unistr_quote(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    quote(call, args[0], "%#Q");
}

// `count` hexadecimal digits as a number; false if there are fewer.
static bool read_code_point(const char *p, u32 count, u32 *out)
{
    ASSERT(count >= 4 && count <= 8);

    u32 value = 0;
    for (u32 i = 0; i < count; i++) {
        if (!ascii_is_hex((u8)p[i]))
            return false;
        value = value << 4 | hex_value((u8)p[i]);
    }
    *out = value;
    return true;
}

// After a backslash: \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX or a backslash. Returns the bytes read, 0
// for anything else.
static u32 read_unistr_escape(const char *p, u32 *code_point)
{
    ASSERT(p != NULL && code_point != NULL);

    if (*p == '\\') {
        *code_point = '\\';
        return 1;
    }
    if (*p == '+')
        return read_code_point(p + 1, 6, code_point) ? 7 : 0;
    if (*p == 'u')
        return read_code_point(p + 1, 4, code_point) ? 5 : 0;
    if (*p == 'U')
        return read_code_point(p + 1, 8, code_point) ? 9 : 0;
    return read_code_point(p, 4, code_point) ? 4 : 0;
}

// Reads \XXXX and its like; what it writes is never longer than what it read.
static void fn_unistr(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    // Terminated, because escapes are read without asking for the end.
    Text in = {value_text(args[0], SQLITE_UTF8), 0};
    if (in.bytes == NULL)
        return;
    in.size = value_text_size(args[0], SQLITE_UTF8);
    char *out = call_result_begin(call, in.size);
    if (out == NULL)
        return;
    size_t size = 0;
    size_t plain_from = strnlen(in.bytes, in.size); // behind a NUL nothing is an escape
    for (size_t i = 0; i < in.size;) {
        if (in.bytes[i] != '\\' || i >= plain_from) {
            out[size++] = in.bytes[i++];
            continue;
        }
        u32 code_point;
        u32 read = read_unistr_escape(in.bytes + i + 1, &code_point);
        if (read == 0) {
            call_result_error(call, "invalid Unicode escape", -1, SQLITE_UTF8);
            return;
        }
        // At most four bytes for at least five that were read.
        size += utf8_put((u8 *)out + size, code_point & CODE_POINT_MASK);
        i += 1 + read;
    }
    call_result_end_text(call, size);
}

// --- characters ---

// Numbers that are no code point become U+FFFD; those of surrogates are written as they are.
static void fn_char(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    char *out = call_result_begin(call, (u64)arg_count * CHARACTER_SIZE_MAX);
    if (out == NULL)
        return;
    size_t size = 0;
    for (int i = 0; i < arg_count; i++) {
        // NULL counts as 0.
        i64 code_point = value_i64(args[i]);
        if (code_point < 0 || code_point > 0x10ffff)
            code_point = UTF_REPLACEMENT;
        size += utf8_put((u8 *)out + size, (u32)code_point & CODE_POINT_MASK);
    }
    call_result_end_text(call, size);
}

// NULL for an empty text.
static void fn_unicode(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Text in = text_of(args[0]);
    if (in.size == 0 || in.bytes[0] == 0)
        return;
    // Malformed bytes give what utf8_next() makes of them, as in SQLite.
    const u8 *p = (const u8 *)in.bytes;
    call_result_i64(call, utf8_next(&p, p + in.size));
}

// soundex(): a letter and three digits. Letters that sound alike share a digit; vowels, coded 0,
// are left out but keep two equal digits apart.
static void fn_soundex(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    static const char codes[] = "01230120022455012623010202"; // a..z
    const char *p = value_text(args[0], SQLITE_UTF8);
    while (p != NULL && *p && !ascii_is_letter((u8)*p))
        p++;
    if (p == NULL || *p == 0) {
        call_result_text(call, "?000", 4, SQLITE_UTF8, SQLITE_STATIC);
        return;
    }
    char out[5] = "0000";
    out[0] = (char)ascii_upper((u8)*p);
    char former = codes[ascii_lower((u8)*p) - 'a'];
    size_t size = 1;
    for (p++; *p && size < 4; p++) {
        u8 c = ascii_lower((u8)*p & 0x7f); // as SQLite looks bytes up, be they letters or not
        char code = ascii_is_letter(c) ? codes[c - 'a'] : '0';
        if (code != '0' && code != former)
            out[size++] = code;
        former = code;
    }
    call_result_text(call, out, 4, SQLITE_UTF8, SQLITE_TRANSIENT);
}

// --- joining ---

// An argument to be joined. SQLite measures it before it reads it as text: of a blob that is UTF-16
// it takes as many bytes of the UTF-8 as the blob has.
typedef struct Part {
    Text text;
    size_t size; // what is taken of the text; past its end come zero bytes
} Part;

// No text for NULL.
static Part part_of(Value *arg)
{
    ASSERT(arg != NULL);

    bool is_wide = value_type(arg) == SQLITE_BLOB && arg->encoding != SQLITE_UTF8;
    size_t wide_size = is_wide ? value_size(arg) : 0;
    Text text = text_of(arg);
    return (Part){.text = text, .size = is_wide ? wide_size : text.size};
}

// Of UTF-16 the size is that of the blob: SQLite pads with zeros what the text lacks.
static void add_part(Buffer *out, Part part)
{
    ASSERT(part.text.bytes != NULL);

    size_t size = part.text.size;
    buffer_add(out, part.text.bytes, part.size < size ? part.size : size);
    for (size_t i = size; i < part.size; i++)
        buffer_add(out, "", 1);
}

// `separator` goes between the texts that are there.
static void concat(FuncCall *call, int arg_count, Value **args, Part separator)
{
    ASSERT(arg_count >= 0);
    ASSERT(separator.text.bytes != NULL);

    Buffer out = {.size_max = value_length_limit(call->result)};
    bool first = true;
    // No argument at all, or NULLs alone, give '' and not NULL.
    buffer_reserve(&out, 0);
    for (int i = 0; i < arg_count; i++) {
        Part part = part_of(args[i]);
        if (part.text.bytes == NULL)
            continue;
        if (!first)
            add_part(&out, separator);
        add_part(&out, part);
        first = false;
    }
    call_result_buffer(call, &out, false);
}

// NULL arguments are left out, where || would be NULL.
static void fn_concat(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    concat(call, arg_count, args, (Part){.text = {"", 0}});
}

// NULL for a NULL separator; NULL arguments are left out.
static void fn_concat_ws(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 1);

    Part separator = part_of(args[0]);
    if (separator.text.bytes != NULL)
        concat(call, arg_count - 1, args + 1, separator);
}

// NULL without a format; '' only if a field wrote nothing, see format_all().
static void fn_format(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    const char *fmt = arg_count > 0 ? value_text(args[0], SQLITE_UTF8) : NULL;
    if (fmt == NULL)
        return;
    Buffer out = {.size_max = value_length_limit(call->result)};
    format_values(&out, fmt, arg_count - 1, args + 1);
    if (out.rc == SQLITE_OK && out.bytes == NULL)
        return; // nothing was written, not even an empty field
    call_result_buffer(call, &out, false);
}

enum {
    PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS,
    STRICT = PURE | FUNC_NULL_STRICT,
};

const FuncDef func_text_table[] = {
    {"char", ARGS_ANY, PURE, .call = fn_char},
    {"concat", ARGS_1_UP, PURE, .call = fn_concat},
    {"concat_ws", ARGS_2_UP, PURE, .call = fn_concat_ws},
    {"format", ARGS_ANY, PURE, .call = fn_format},
    {"hex", 1, PURE, .call = fn_hex},
    {"instr", 2, STRICT, .call = fn_instr},
    {"length", 1, STRICT | FUNC_LENGTH, .call = fn_length},
    {"lower", 1, STRICT, .call = fn_lower},
    {"ltrim", 1, STRICT, .call = fn_ltrim},
    {"ltrim", 2, STRICT, .call = fn_ltrim},
    {"octet_length", 1, STRICT | FUNC_BYTE_LENGTH, .call = fn_octet_length},
    {"printf", ARGS_ANY, PURE, .call = fn_format},
    {"quote", 1, PURE, .call = fn_quote},
    {"replace", 3, STRICT, .call = fn_replace},
    {"rtrim", 1, STRICT, .call = fn_rtrim},
    {"rtrim", 2, STRICT, .call = fn_rtrim},
    {"soundex", 1, PURE, .call = fn_soundex},
    {"substr", 2, STRICT, .call = fn_substr},
    {"substr", 3, STRICT, .call = fn_substr},
    {"substring", 2, STRICT, .call = fn_substr},
    {"substring", 3, STRICT, .call = fn_substr},
    {"trim", 1, STRICT, .call = fn_trim},
    {"trim", 2, STRICT, .call = fn_trim},
    {"unhex", 1, STRICT, .call = fn_unhex},
    {"unhex", 2, STRICT, .call = fn_unhex},
    {"unicode", 1, STRICT, .call = fn_unicode},
    {"unistr", 1, STRICT, .call = fn_unistr},
    {"unistr_quote", 1, PURE, .call = fn_unistr_quote},
    {"upper", 1, STRICT, .call = fn_upper},
    {0},
};
