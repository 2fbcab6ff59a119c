// SQLite's formats: see printf.h.
//
// A field is decided before it is written (FormatSpec, RealLayout): how many digits, zeros, commas
// and blanks there are. Reals come from f64_to_decimal_at(), correctly rounded, but are shown with
// no more digits than SQLite shows: zeros follow.
//
// The format and its arguments may be the user's (printf() in SQL): a width or precision may be
// anything, and what it costs is bounded by the buffer's size_max. Loops that write a character at
// a time ask for the buffer's error, so that %.999999999c ends with the limit.

#include "func/printf.h"

#include "base/alloc.h"
#include "base/number.h"
#include "base/utf.h"
#include <stdlib.h>
#include <string.h>

enum {
    REAL_PRECISION_MAX = 100 * 1000 * 1000, // SQLite's limit: digits behind a point
    DIGITS_MAX = 16,                        // significant digits of a real
    DIGITS_MAX_ALTERNATE = 20,              // with the ! flag
    INFINITY_POINT = 1000,                  // zero padding turns infinity into a 9 with 999 zeros
};

// Where arguments come from: C's, or SQL values.
typedef struct FormatArgs {
    va_list *c_args; // NULL: values
    Value **values;
    int count;
    int next;
} FormatArgs;

// One conversion, as it was written. Width and precision are changed while it is decided what to
// write.
typedef struct FormatSpec {
    bool left, zero, alternate, alternate2, thousands;
    char sign; // '+', ' ' or 0
    u8 longs;
    i64 width;
    i64 precision; // -1: not given
    char type;
} FormatSpec;

// --- arguments ---

// NULL when there are no more: each reader says what counts then.
static Value *next_value(FormatArgs *args)
{
    ASSERT(args->next >= 0);
    ASSERT(args->c_args == NULL);

    return args->next < args->count ? args->values[args->next++] : NULL;
}

// A C argument has the size that the number of l's says; an SQL value is always 64 bits.
static i64 next_signed(FormatArgs *args, const FormatSpec *spec)
{
    ASSERT(spec->longs <= 2);

    if (args->c_args == NULL) {
        const Value *v = next_value(args);
        return v ? value_i64(v) : 0;
    }
    if (spec->longs >= 2)
        return va_arg(*args->c_args, i64);
    if (spec->longs == 1)
        return va_arg(*args->c_args, long);
    return va_arg(*args->c_args, int);
}

// %p takes a pointer, whose size no l tells.
static u64 next_unsigned(FormatArgs *args, const FormatSpec *spec)
{
    ASSERT(spec->longs <= 2);

    if (args->c_args == NULL)
        return (u64)next_signed(args, spec);
    if (spec->type == 'p')
        return (u64)(uintptr_t)va_arg(*args->c_args, void *);
    if (spec->longs >= 2)
        return va_arg(*args->c_args, u64);
    if (spec->longs == 1)
        return va_arg(*args->c_args, unsigned long);
    return va_arg(*args->c_args, unsigned);
}

// An SQL argument that is missing counts as 0.
static f64 next_real(FormatArgs *args)
{
    ASSERT(args->c_args != NULL || args->next <= args->count);

    if (args->c_args != NULL)
        return va_arg(*args->c_args, f64);
    const Value *v = next_value(args);
    return v ? value_f64(v) : 0.0;
}

// NULL for an SQL NULL or no memory.
static const char *next_text(FormatArgs *args)
{
    ASSERT(args->c_args != NULL || args->next <= args->count);

    if (args->c_args != NULL)
        return va_arg(*args->c_args, const char *);
    Value *v = next_value(args);
    return v ? value_text(v, SQLITE_UTF8) : NULL;
}

// --- fields ---

// Negative counts are none.
static void put_padding(Buffer *out, i64 count, char c)
{
    ASSERT(c != 0);

    if (count > 0)
        buffer_add_repeated(out, c, (size_t)count);
}

// Text of `size` bytes in a field; `width` is in bytes by now.
static void put_field(Buffer *out, const FormatSpec *spec, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    i64 padding = spec->width - (i64)size;
    if (!spec->left)
        put_padding(out, padding, ' ');
    buffer_add(out, text, size);
    if (spec->left)
        put_padding(out, padding, ' ');
}

// Makes the width of a field that is to count characters count bytes.
static void widen_for_utf8(FormatSpec *spec, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    if (!spec->alternate2 || spec->width <= 0)
        return;
    for (size_t i = 0; i < size; i++)
        spec->width += ((u8)text[i] & 0xc0) == 0x80;
}

// --- integers ---

// 11th, 12th and 13th, but 21st.
static const char *ordinal_suffix(u64 magnitude)
{
    u64 last = magnitude % 10;
    if (last == 0 || last > 3 || magnitude / 10 % 10 == 1)
        return "th";
    return last == 1 ? "st" : last == 2 ? "nd" : "rd";
}

// Digits in base 8, 10 or 16, ending before `end`. `end` has room for 22 octal digits before it.
static char *integer_digits(u64 magnitude, char type, char *end)
{
    ASSERT(end != NULL);

    u32 base = type == 'o' ? 8 : type == 'x' || type == 'X' || type == 'p' ? 16 : 10;
    const char *alphabet = type == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
    do {
        *--end = alphabet[magnitude % base];
        magnitude /= base;
    } while (magnitude > 0);
    return end;
}

// What # puts before the digits; zero has no prefix.
static const char *integer_prefix(const FormatSpec *spec, u64 magnitude)
{
    ASSERT(spec->type != 0);

    if (!spec->alternate || magnitude == 0)
        return "";
    switch (spec->type) {
    case 'o': return "0";
    case 'X': return "0X";
    case 'x':
    case 'p': return "0x";
    default: return "";
    }
}

// `size` digits with `zeros` before them and a comma between every three.
static void put_grouped(Buffer *out, const char *digits, size_t size, i64 zeros)
{
    ASSERT(zeros >= 0);
    ASSERT(size > 0);

    i64 total = (i64)size + zeros;
    for (i64 i = 0; i < total && out->rc == SQLITE_OK; i++) {
        buffer_add_char(out, i < zeros ? '0' : digits[i - zeros]);
        i64 left = total - i - 1;
        if (left > 0 && left % 3 == 0)
            buffer_add_char(out, ',');
    }
}

// Sign, prefix, zeros, digits, suffix: all are counted before the padding is known.
static void format_integer(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(strchr("diuxXorp", spec->type) != NULL);

    bool is_signed = spec->type == 'd' || spec->type == 'i' || spec->type == 'r';
    char sign = 0;
    u64 magnitude;
    if (is_signed) {
        i64 value = next_signed(args, spec);
        magnitude = value < 0 ? 0 - (u64)value : (u64)value;
        sign = value < 0 ? '-' : spec->sign;
    } else {
        magnitude = next_unsigned(args, spec);
    }
    // Zero padding is precision by another name: the width less the sign.
    if (spec->zero && spec->precision < spec->width - (sign != 0))
        spec->precision = spec->width - (sign != 0);
    // 22 octal digits are the most there are.
    char scratch[32];
    char *end = scratch + sizeof scratch;
    const char *digits = integer_digits(magnitude, spec->type, end);
    size_t size = (size_t)(end - digits);
    ASSERT(size > 0 && size < sizeof scratch);
    const char *suffix = spec->type == 'r' ? ordinal_suffix(magnitude) : "";
    const char *prefix = integer_prefix(spec, magnitude);
    i64 zeros = spec->precision - (i64)size - (i64)strlen(suffix);
    if (zeros < 0)
        zeros = 0;
    bool grouped = spec->thousands && (spec->type == 'd' || spec->type == 'i' || spec->type == 'u');
    // Zeros are grouped as digits are, but the width was asked for without the commas.
    i64 commas = grouped ? ((i64)size + zeros - 1) / 3 : 0;
    i64 padding =
        spec->width
        - ((sign != 0) + (i64)strlen(prefix) + zeros + (i64)size + commas + (i64)strlen(suffix));
    if (!spec->left)
        put_padding(out, padding, ' ');
    if (sign != 0)
        buffer_add_char(out, sign);
    buffer_add_text(out, prefix);
    if (grouped) {
        put_grouped(out, digits, size, zeros);
    } else {
        put_padding(out, zeros, '0');
        buffer_add(out, digits, size);
    }
    buffer_add_text(out, suffix);
    if (spec->left)
        put_padding(out, padding, ' ');
}

// --- reals ---

// What a real looks like, decided before anything is written.
typedef struct RealLayout {
    Decimal decimal;
    char sign;
    bool exponent; // d.ddde+xx
    i64 precision; // digits after the point
    bool point;    // a point in any case
    bool strip;    // no trailing zeros
} RealLayout;

// %g takes the form with an exponent below 10^-4 and where the precision does not reach the point,
// as in C.
static void decide_real(const FormatSpec *spec, f64 value, RealLayout *r)
{
    ASSERT(strchr("eEfgG", spec->type) != NULL);

    i64 precision = spec->precision < 0 ? 6 : spec->precision;
    if (precision > REAL_PRECISION_MAX)
        precision = REAL_PRECISION_MAX;
    bool general = spec->type == 'g' || spec->type == 'G';
    if (general && precision == 0)
        precision = 1;
    // f counts digits behind the point, e and g significant ones.
    DecimalCut cut = spec->type == 'f' ? CUT_AFTER_POINT : CUT_DIGITS;
    i64 position = spec->type == 'f' || general ? precision : precision + 1;
    // 2000 places are beyond any digit a double has; further ones are zeros.
    f64_to_decimal_at(value, cut, position > 2000 ? 2000 : (int)position,
                      spec->alternate2 ? DIGITS_MAX_ALTERNATE : DIGITS_MAX, &r->decimal);
    if (r->decimal.infinite && spec->zero) {
        r->decimal.digits[0] = '9';
        r->decimal.count = 1;
        r->decimal.point = INFINITY_POINT;
    }
    r->sign = r->decimal.negative ? '-' : spec->sign;
    if (spec->alternate && spec->sign == 0 && spec->type == 'f' && r->decimal.count == 0
        && !r->decimal.infinite)
        r->sign = 0; // %#f shows no sign before a zero
    r->exponent = spec->type == 'e' || spec->type == 'E';
    r->strip = spec->alternate2;
    // What is left of the significant digits goes behind the point.
    if (general) {
        int power = (r->decimal.infinite ? INFINITY_POINT : r->decimal.point) - 1;
        precision--;
        r->exponent = power < -4 || power > precision;
        if (!r->exponent)
            precision -= power;
        r->strip = !spec->alternate;
    }
    r->precision = precision;
    r->point = precision > 0 || spec->alternate || spec->alternate2;
}

// Digit number `at` (0: the first) of a decimal, 0 outside.
static char decimal_digit(const Decimal *d, i64 at)
{
    ASSERT(d->count >= 0);
    ASSERT(d->count <= (int)sizeof d->digits);

    return at >= 0 && at < d->count ? d->digits[at] : '0';
}

// A real below 1 has a zero before its point.
static void put_whole_digits(Buffer *out, const RealLayout *r, int whole, bool thousands)
{
    ASSERT(r->decimal.count >= 0);
    ASSERT(!r->decimal.nan);

    if (whole <= 0) {
        buffer_add_char(out, '0');
        return;
    }
    for (int i = 0; i < whole; i++) {
        buffer_add_char(out, decimal_digit(&r->decimal, i));
        int left = whole - i - 1;
        if (thousands && left > 0 && left % 3 == 0)
            buffer_add_char(out, ',');
    }
}

// Two digits at least, as in C.
static void put_exponent_part(Buffer *out, int power, char letter)
{
    ASSERT(power > -1000 && power < 1001);

    buffer_add_char(out, letter);
    buffer_add_char(out, power < 0 ? '-' : '+');
    int magnitude = power < 0 ? -power : power;
    if (magnitude >= 100)
        buffer_add_char(out, (char)('0' + magnitude / 100));
    buffer_add_char(out, (char)('0' + magnitude / 10 % 10));
    buffer_add_char(out, (char)('0' + magnitude % 10));
}

// Everything but sign and padding.
static void put_real(Buffer *out, const FormatSpec *spec, const RealLayout *r)
{
    ASSERT(!r->decimal.nan);

    const Decimal *d = &r->decimal;
    int whole = r->exponent ? 1 : d->count == 0 ? 1 : d->point;
    put_whole_digits(out, r, whole, spec->thousands);
    i64 fraction = r->precision;
    // Digit number 0 has `whole` places before the point.
    // What is left of the digits, zeros at the end not counted.
    if (r->strip) {
        i64 real_digits = d->count - whole;
        if (d->count == 0 || real_digits < 0)
            real_digits = 0;
        if (fraction > real_digits)
            fraction = real_digits;
        if (fraction == 0 && spec->alternate2)
            fraction = 1;
    }
    if (r->point && (fraction > 0 || !r->strip || spec->alternate2)) {
        buffer_add_char(out, '.');
        // Of 0.00012 the point lies three places before the first digit: those zeros come first.
        i64 zeros = whole < 0 ? -(i64)whole : 0;
        if (zeros > fraction)
            zeros = fraction;
        put_padding(out, zeros, '0');
        i64 from = whole < 0 ? 0 : whole;
        i64 digits = d->count - from;
        if (digits > fraction - zeros)
            digits = fraction - zeros;
        if (digits > 0)
            buffer_add(out, d->digits + from, (size_t)digits);
        else
            digits = 0;
        put_padding(out, fraction - zeros - digits, '0');
    }
    if (r->exponent)
        put_exponent_part(out, d->count == 0 ? 0 : d->point - 1,
                          spec->type == 'E' || spec->type == 'G' ? 'E' : 'e');
}

// NaN and infinity, which fill a field like a text.
static void format_special(Buffer *out, FormatSpec *spec, const Decimal *d)
{
    ASSERT(d->nan || d->infinite);
    ASSERT(spec->type != 0);

    char text[8];
    size_t size = 0;
    char sign = d->negative ? '-' : spec->sign;
    if (d->infinite && sign != 0)
        text[size++] = sign;
    memcpy(text + size, d->nan ? "NaN" : "Inf", 3);
    put_field(out, spec, text, size + 3);
}

// The field is measured by writing it into a buffer without memory, which counts.
static void format_real(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(strchr("eEfgG", spec->type) != NULL);

    f64 value = next_real(args);
    RealLayout r;
    decide_real(spec, value, &r);
    // With zero padding SQLite writes literals that SQL can read back: null, and a number too
    // large.
    if (r.decimal.nan && spec->zero) {
        put_field(out, spec, "null", 4);
        return;
    }
    if (r.decimal.nan || (r.decimal.infinite && !spec->zero)) {
        format_special(out, spec, &r.decimal);
        return;
    }
    // Only a field with a width has to be measured.
    i64 padding = 0;
    if (spec->width > 0) {
        Buffer measure = buffer_fixed(NULL, 0);
        put_real(&measure, spec, &r);
        padding = spec->width - (r.sign != 0) - (i64)measure.dropped;
    }
    if (!spec->left && !spec->zero)
        put_padding(out, padding, ' ');
    if (r.sign != 0)
        buffer_add_char(out, r.sign);
    if (!spec->left && spec->zero)
        put_padding(out, padding, '0');
    put_real(out, spec, &r);
    if (spec->left)
        put_padding(out, padding, ' ');
}

// --- text ---

// Bytes of `text` that the precision lets through. With ! the precision counts characters.
static size_t limited_size(const FormatSpec *spec, const char *text)
{
    ASSERT(text != NULL);

    if (spec->precision < 0)
        return strlen(text);
    if (!spec->alternate2)
        return strnlen(text, (size_t)spec->precision);
    // A stray continuation byte counts as a character of its own.
    const char *p = text;
    for (i64 left = spec->precision; left > 0 && *p; left--) {
        p++;
        while (((u8)*p & 0xc0) == 0x80 && (u8)p[-1] >= 0x80)
            p++;
    }
    return (size_t)(p - text);
}

// %z frees its argument, which C's caller has allocated; in SQL it is like %s.
static void format_string(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(spec->type == 's' || spec->type == 'z');

    const char *text = next_text(args);
    const char *shown = text ? text : "";
    size_t size = limited_size(spec, shown);
    widen_for_utf8(spec, shown, size);
    put_field(out, spec, shown, size);
    if (spec->type == 'z' && args->c_args != NULL)
        mem_free((void *)(uintptr_t)text);
}

// One character as UTF-8; returns its size.
static size_t next_character(FormatArgs *args, char *out)
{
    ASSERT(out != NULL);

    if (args->c_args != NULL)
        return utf8_put((u8 *)out,
                        va_arg(*args->c_args, unsigned) & 0x1fffff); // four bytes hold no more
    const char *text = next_text(args);
    out[0] = text ? text[0] : 0;
    size_t size = 1;
    if (((u8)out[0] & 0xc0) == 0xc0) {
        while (size < 4 && ((u8)text[size] & 0xc0) == 0x80) {
            out[size] = text[size];
            size++;
        }
    }
    return size;
}

// Several of a character (%9.3c) are padded for the bytes of the first ones and put out before the
// last one, which alone is a field. A field is as wide in characters, and a stray continuation byte
// is none.
static void format_character(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(spec->type == 'c');

    char character[4];
    size_t size = next_character(args, character);
    ASSERT(size >= 1);
    ASSERT(size <= sizeof character);
    // The precision says how many.
    i64 count = spec->precision > 1 ? spec->precision : 1;
    i64 width = spec->width - (count - 1);
    bool is_stray = ((u8)character[0] & 0xc0) == 0x80;
    i64 padding = width - 1 + (is_stray ? 1 : 0);
    if (!spec->left && count > 1 && width > 1) {
        put_padding(out, width - 1, ' ');
        padding = 0;
    }
    for (i64 i = 0; i < count - 1 && out->rc == SQLITE_OK && out->dropped == 0; i++)
        buffer_add(out, character, size);
    if (!spec->left)
        put_padding(out, padding, ' ');
    buffer_add(out, character, size);
    if (spec->left)
        put_padding(out, padding, ' ');
}

// Then %#Q has to write unistr('…').
static bool has_control(const char *text, size_t size)
{
    ASSERT(text != NULL);

    for (size_t i = 0; i < size; i++) {
        if ((u8)text[i] < 0x20)
            return true;
    }
    return false;
}

// Text with every `quote` doubled; with `unistr` also backslashes, and control characters as
// \uXXXX.
static void put_escaped(Buffer *out, const char *text, size_t size, char quote, bool unistr)
{
    ASSERT(quote == '\'' || quote == '"');

    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        u8 c = (u8)text[i];
        if (unistr && c < 0x20) {
            buffer_add(out, "\\u00", 4);
            buffer_add_char(out, c >= 0x10 ? '1' : '0');
            buffer_add_char(out, hex[c & 15]);
            continue;
        }
        buffer_add_char(out, (char)c);
        if ((char)c == quote || (unistr && c == '\\'))
            buffer_add_char(out, (char)c);
    }
}

// What %q, %Q and %w make of a text.
typedef struct Quoting {
    const char *text;
    size_t size;
    char quote;    // to be doubled
    bool enclosed; // between quotes
    bool unistr;
} Quoting;

// Without its padding.
static void put_quoted(Buffer *out, const Quoting *q)
{
    ASSERT(q->text != NULL);
    ASSERT(q->quote == '\'' || q->quote == '"');

    if (q->enclosed && q->unistr)
        buffer_add_text(out, "unistr(");
    if (q->enclosed)
        buffer_add_char(out, q->quote);
    put_escaped(out, q->text, q->size, q->quote, q->unistr);
    if (q->enclosed)
        buffer_add_char(out, q->quote);
    if (q->enclosed && q->unistr)
        buffer_add_char(out, ')');
}

// %q doubles quotes, %Q puts some around and says NULL, %w doubles the double ones of a name.
static void format_quoted(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(strchr("qQw", spec->type) != NULL);

    const char *text = next_text(args);
    bool is_null = text == NULL;
    if (is_null)
        text = spec->type == 'Q' ? "NULL" : "(NULL)";
    Quoting q = {.text = text, .size = limited_size(spec, text)};
    q.quote = spec->type == 'w' ? '"' : '\'';
    q.enclosed = spec->type == 'Q' && !is_null;
    q.unistr =
        spec->alternate && (spec->type == 'q' || (spec->type == 'Q' && has_control(text, q.size)));
    i64 padding = 0;
    if (spec->width > 0) {
        Buffer measure = buffer_fixed(NULL, 0);
        put_quoted(&measure, &q);
        widen_for_utf8(spec, text, q.size); // escapes are ASCII
        padding = spec->width - (i64)measure.dropped;
    }
    if (!spec->left)
        put_padding(out, padding, ' ');
    put_quoted(out, &q);
    if (spec->left)
        put_padding(out, padding, ' ');
}

// --- the format ---

// The last of + and blank counts, as in SQLite.
static bool read_flag(FormatSpec *spec, char c)
{
    switch (c) {
    case '-': spec->left = true; return true;
    case '+': spec->sign = '+'; return true;
    case ' ': spec->sign = ' '; return true;
    case '#': spec->alternate = true; return true;
    case '!': spec->alternate2 = true; return true;
    case '0': spec->zero = true; return true;
    case ',': spec->thousands = true; return true;
    default: return false;
    }
}

// Digits of a width or precision, wrapped round to 31 bits as SQLite does: %4294967301d is a width
// of 5.
static i64 read_number(const char **at)
{
    ASSERT(at != NULL && *at != NULL);

    u32 value = 0;
    while (ascii_is_digit((u8) * *at))
        value = value * 10 + (u32)(*(*at)++ - '0');
    return value & 0x7fffffff;
}

// A negative width means left; a negative precision is taken by its magnitude.
static int star_argument(FormatArgs *args)
{
    ASSERT(args != NULL);

    static const FormatSpec plain = {0};
    return (int)next_signed(args, &plain);
}

// Reads what follows a % up to the type. Returns the place of the type, which may be the text's
// end.
static const char *read_spec(const char *p, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(p != NULL);

    *spec = (FormatSpec){.precision = -1};
    while (read_flag(spec, *p))
        p++;
    // From the arguments, as an int in any case.
    if (*p == '*') {
        int width = star_argument(args);
        spec->left |= width < 0;
        spec->width = width >= 0 ? width : width == INT32_MIN ? 0 : -(i64)width;
        p++;
    } else {
        spec->width = read_number(&p);
    }
    if (*p == '.') {
        p++;
        if (*p == '*') {
            int precision = star_argument(args);
            spec->precision = precision >= 0           ? precision
                              : precision == INT32_MIN ? -1
                                                       : -(i64)precision;
            p++;
        } else {
            spec->precision = read_number(&p);
        }
    }
    while (*p == 'l' && spec->longs < 2) {
        spec->longs++;
        p++;
    }
    spec->type = *p;
    return p;
}

// False for a type that does not exist.
static bool format_one(Buffer *out, FormatSpec *spec, FormatArgs *args)
{
    ASSERT(spec->type != 0);

    switch (spec->type) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'r':
    case 'p': format_integer(out, spec, args); return true;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G': format_real(out, spec, args); return true;
    case 's':
    case 'z': format_string(out, spec, args); return true;
    case 'c': format_character(out, spec, args); return true;
    case 'q':
    case 'Q':
    case 'w': format_quoted(out, spec, args); return true;
    case '%': put_field(out, spec, "%", 1); return true;
    case 'n': return true;
    default: return false;
    }
}

// A % at the very end stands for itself; a type that does not exist ends the output before the
// field.
static void format_all(Buffer *out, const char *fmt, FormatArgs *args)
{
    ASSERT(fmt != NULL);

    const char *p = fmt;
    while (*p != 0 && out->rc == SQLITE_OK) {
        // Plain text in between goes as a whole.
        const char *percent = strchr(p, '%');
        if (percent == NULL) {
            buffer_add_text(out, p);
            return;
        }
        buffer_add(out, p, (size_t)(percent - p));
        if (percent[1] == 0) {
            buffer_add_char(out, '%');
            return;
        }
        FormatSpec spec;
        p = read_spec(percent + 1, &spec, args);
        if (*p == 0 || !format_one(out, &spec, args))
            return;
        buffer_reserve(out, 0); // an empty field still makes the output a text
        p++;
    }
}

// The caller's list is left as it is: it may go on with it.
void format_va(Buffer *out, const char *fmt, va_list args)
{
    ASSERT(fmt != NULL);

    va_list copy;
    va_copy(copy, args);
    FormatArgs source = {.c_args = &copy};
    format_all(out, fmt, &source);
    va_end(copy);
}

void format_text(Buffer *out, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    format_va(out, fmt, args);
    va_end(args);
}

// With SQL values for arguments: one that is missing is 0, '' or NULL, by what the field wants.
void format_values(Buffer *out, const char *fmt, int arg_count, Value **args)
{
    ASSERT(fmt != NULL);
    ASSERT(arg_count >= 0);

    FormatArgs source = {.values = args, .count = arg_count};
    format_all(out, fmt, &source);
}
