// The lexer: one token per call, chosen by its first byte.
//
//   number      digits [. digits] [e [+-] digits] | . digits ... | 0x hexdigits
//   identifier  (letter | _ | byte >= 0x80) (letter | digit | _ | $ | byte >= 0x80)*
//   quoted      "..." `...` [...] identifiers, '...' strings; a doubled quote stands for one,
//               but "]" cannot be written inside [...]
//   variable    ? digits* | (: @ # $) name, which may carry :: and end with a (suffix)
//   blob        x'hex digits in pairs'
//   space       blanks, -- to the end of the line, /* ... */, and the UTF-8 byte order mark
//
// Laws
//   - The pieces are contiguous: a token begins where the last one ended, but for space, so that
//     spans of text can be cut from the offsets of tokens.
//   - Nothing is refused here. What SQLite calls an unrecognized token is TK_ILLEGAL, and covers
//     exactly the bytes that its message shows.
//   - Bytes of 0x80 and above are letters whatever they encode: SQL text is never checked to be
//     UTF-8.
//   - "_" between digits (1_000) is taken in wherever it stands; whoever converts the number
//     says whether it stood right.

#include "sql/lexer.h"
#include "base/contract.h"
#include <string.h>

// One lookup per byte in the loops that most text is spent in: words, numbers and blanks.
// Classes of byte that may begin or continue a token.
enum {
    C_ID_START = 1, // letters, _, >= 0x80
    C_ID = 2,       // C_ID_START, digits, $
    C_DIGIT = 4,
    C_HEX = 8,
    C_SPACE = 16,
};

// Shorthand for the table alone: letter, hexadecimal letter, digit, space. Rows are 32 bytes.
#define L (C_ID_START | C_ID)
#define H (C_ID_START | C_ID | C_HEX)
#define D (C_ID | C_DIGIT | C_HEX)
#define S C_SPACE
// clang-format off
static const u8 byte_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, 0, S, S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    S, 0, 0, 0, C_ID, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, D, D, D, D, D, D, D, D, D, D, 0, 0, 0, 0, 0, 0,
    0, H, H, H, H, H, H, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, L,
    0, H, H, H, H, H, H, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
    L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
};
// clang-format on
#undef L
#undef H
#undef D
#undef S

void lexer_init(Lexer *lexer, const char *text, size_t size)
{
    *lexer = (Lexer){.text = text, .size = (u32)size};
    const char *nul = size > 0 ? memchr(text, 0, size) : NULL;
    if (nul != NULL)
        lexer->size = (u32)(nul - text);
}

// The byte, or 0 behind the end: a NUL never continues a token, so that callers may look one or
// two bytes ahead without asking where the text ends.
static inline u8 byte_at(const Lexer *lexer, u32 at)
{
    return at < lexer->size ? (u8)lexer->text[at] : 0;
}

static inline bool is_class(const Lexer *lexer, u32 at, u8 class)
{
    return (byte_class[byte_at(lexer, at)] & class) != 0;
}

static u32 skip_class(const Lexer *lexer, u32 at, u8 class)
{
    while (at < lexer->size && (byte_class[(u8)lexer->text[at]] & class))
        at++;
    return at;
}

// End of a comment that begins at `at`, or `at` itself when none does.
static u32 comment_end(const char *text, u32 at, u32 size)
{
    ASSERT(at < size);

    if (text[at] == '-' && at + 1 < size && text[at + 1] == '-') {
        const char *newline = memchr(text + at, '\n', size - at);
        return newline != NULL ? (u32)(newline - text) : size;
    }
    if (text[at] != '/' || at + 2 >= size
        || text[at + 1] != '*') // "/*" as the last bytes: operators
        return at;
    // From the third byte behind "/*" on, so that "/*/" does not close itself. A comment may be
    // left open at the end of the text: SQLite takes it as closed.
    for (u32 i = at + 3; i < size; i++)
        if (text[i] == '/' && text[i - 1] == '*')
            return i + 1;
    return size;
}

u32 lexer_space_size(const char *text, u32 at, u32 size)
{
    ASSERT(at < size);

    u8 c = (u8)text[at];
    if (byte_class[c] & C_SPACE) {
        u32 end = at + 1;
        while (end < size && (byte_class[(u8)text[end]] & C_SPACE))
            end++;
        return end - at;
    }
    if (c == '-' || c == '/')
        return comment_end(text, at, size) - at;
    if (c == 0xEF && at + 2 < size && memcmp(text + at, "\xEF\xBB\xBF", 3) == 0)
        return 3; // byte order mark
    return 0;
}

static Token token_make(Lexer *lexer, TokenKind kind, u32 start, u32 end)
{
    ASSERT(end > start && end <= lexer->size);

    lexer->next = end;
    return (Token){.kind = kind, .offset = start, .size = end - start};
}

// '...', "...", `...`: the quote is doubled to stand for itself.
static Token lex_quoted(Lexer *lexer, u32 start)
{
    ASSERT(start < lexer->size);

    char quote = lexer->text[start];
    u32 at = start + 1;
    for (;;) {
        const char *found =
            at < lexer->size ? memchr(lexer->text + at, quote, lexer->size - at) : NULL;
        if (found == NULL)
            return token_make(lexer, TK_ILLEGAL, start, lexer->size);
        at = (u32)(found - lexer->text) + 1;
        if (byte_at(lexer, at) != (u8)quote)
            return token_make(lexer, quote == '\'' ? TK_STRING : TK_ID, start, at);
        at++;
    }
}

// [...] as in T-SQL and Access: an identifier that may hold anything but "]".
static Token lex_bracketed(Lexer *lexer, u32 start)
{
    ASSERT(lexer->text[start] == '[');

    const char *end = memchr(lexer->text + start, ']', lexer->size - start);
    if (end == NULL)
        return token_make(lexer, TK_ILLEGAL, start, lexer->size);
    return token_make(lexer, TK_ID, start, (u32)(end - lexer->text) + 1);
}

// Digits, with "_" wherever it follows a digit or another "_".
static u32 skip_digits(const Lexer *lexer, u32 at, u8 class)
{
    while (is_class(lexer, at, class) || byte_at(lexer, at) == '_')
        at++;
    return at;
}

// A number that runs into a word (12abc, 0x1g) is illegal as a whole: read as two tokens it would
// be an expression with an alias.
static Token lex_number(Lexer *lexer, u32 start)
{
    ASSERT(is_class(lexer, start, C_DIGIT) || byte_at(lexer, start) == '.');

    TokenKind kind = TK_INTEGER;
    u32 at = start;
    u8 second = byte_at(lexer, at + 1);
    if (byte_at(lexer, at) == '0' && (second == 'x' || second == 'X')
        && is_class(lexer, at + 2, C_HEX)) {
        at = skip_digits(lexer, at + 2, C_HEX);
    } else {
        at = is_class(lexer, at, C_DIGIT) ? skip_digits(lexer, at, C_DIGIT) : at;
        if (byte_at(lexer, at) == '.') {
            kind = TK_FLOAT;
            at = skip_digits(lexer, at + 1, C_DIGIT);
        }
        u8 e = byte_at(lexer, at);
        u8 sign = byte_at(lexer, at + 1);
        bool is_signed = sign == '+' || sign == '-';
        if ((e == 'e' || e == 'E') && is_class(lexer, at + 1 + is_signed, C_DIGIT)) {
            kind = TK_FLOAT;
            at = skip_digits(lexer, at + 1 + is_signed, C_DIGIT);
        }
    }
    if (is_class(lexer, at, C_ID)) {
        kind = TK_ILLEGAL;
        at = skip_class(lexer, at, C_ID);
    }
    return token_make(lexer, kind, start, at);
}

// :name @name #name $name, with Tcl's $a::b(c)
static Token lex_variable(Lexer *lexer, u32 start)
{
    ASSERT(byte_at(lexer, start) != '?'); // those have digits only

    u32 at = start + 1;
    u32 name_size = 0;
    TokenKind kind = TK_VARIABLE;
    for (;;) {
        if (is_class(lexer, at, C_ID)) {
            name_size++;
            at++;
        } else if (byte_at(lexer, at) == '(' && name_size > 0) {
            do
                at++;
            while (at < lexer->size && lexer->text[at] != ')' && !is_class(lexer, at, C_SPACE));
            if (byte_at(lexer, at) == ')')
                at++;
            else
                kind = TK_ILLEGAL;
            break;
        } else if (byte_at(lexer, at) == ':' && byte_at(lexer, at + 1) == ':') {
            at += 2;
        } else {
            break;
        }
    }
    return token_make(lexer, name_size == 0 ? TK_ILLEGAL : kind, start, at);
}

// A blob of an odd number of digits, or with others in between, is illegal up to its quote.
static Token lex_blob(Lexer *lexer, u32 start)
{
    ASSERT(byte_at(lexer, start + 1) == '\'');

    u32 at = skip_class(lexer, start + 2, C_HEX);
    u32 digits = at - (start + 2);
    if (byte_at(lexer, at) == '\'' && digits % 2 == 0)
        return token_make(lexer, TK_BLOB, start, at + 1);
    while (at < lexer->size && lexer->text[at] != '\'')
        at++;
    return token_make(lexer, TK_ILLEGAL, start, at < lexer->size ? at + 1 : at);
}

// Keywords are found here, once per word; which of them are names after all is the parser's matter.
static Token lex_word(Lexer *lexer, u32 start)
{
    ASSERT(is_class(lexer, start, C_ID_START));

    u32 end = skip_class(lexer, start + 1, C_ID);
    TokenKind kind = keyword_find(lexer->text + start, end - start);
    return token_make(lexer, kind, start, end);
}

// Operators of one to three bytes, longest first.
static Token lex_operator(Lexer *lexer, u32 at)
{
    u8 second = byte_at(lexer, at + 1);
    switch (lexer->text[at]) {
    case ';': return token_make(lexer, TK_SEMICOLON, at, at + 1);
    case '(': return token_make(lexer, TK_LEFT_PAREN, at, at + 1);
    case ')': return token_make(lexer, TK_RIGHT_PAREN, at, at + 1);
    case ',': return token_make(lexer, TK_COMMA, at, at + 1);
    case '.': return token_make(lexer, TK_DOT, at, at + 1);
    case '*': return token_make(lexer, TK_STAR, at, at + 1);
    case '+': return token_make(lexer, TK_PLUS, at, at + 1);
    case '/': return token_make(lexer, TK_SLASH, at, at + 1);
    case '%': return token_make(lexer, TK_PERCENT, at, at + 1);
    case '&': return token_make(lexer, TK_AMPERSAND, at, at + 1);
    case '~': return token_make(lexer, TK_TILDE, at, at + 1);
    case '=': return token_make(lexer, TK_EQUAL, at, at + 1 + (second == '='));
    case '-':
        if (second != '>')
            return token_make(lexer, TK_MINUS, at, at + 1);
        if (byte_at(lexer, at + 2) == '>')
            return token_make(lexer, TK_LONG_ARROW, at, at + 3);
        return token_make(lexer, TK_ARROW, at, at + 2);
    case '<':
        if (second == '=')
            return token_make(lexer, TK_LESS_EQUAL, at, at + 2);
        if (second == '>')
            return token_make(lexer, TK_NOT_EQUAL, at, at + 2);
        if (second == '<')
            return token_make(lexer, TK_SHIFT_LEFT, at, at + 2);
        return token_make(lexer, TK_LESS, at, at + 1);
    case '>':
        if (second == '=')
            return token_make(lexer, TK_GREATER_EQUAL, at, at + 2);
        if (second == '>')
            return token_make(lexer, TK_SHIFT_RIGHT, at, at + 2);
        return token_make(lexer, TK_GREATER, at, at + 1);
    case '!':
        if (second == '=')
            return token_make(lexer, TK_NOT_EQUAL, at, at + 2);
        break;
    case '|':
        if (second == '|')
            return token_make(lexer, TK_CONCAT, at, at + 2);
        return token_make(lexer, TK_BAR, at, at + 1);
    default: break; // no token begins with this byte
    }
    return token_make(lexer, TK_ILLEGAL, at, at + 1);
}

// Leaves `next` at a token or at the end. The first comment's place is kept for the parser, which
// may have been told to refuse it.
static void skip_space(Lexer *lexer)
{
    while (lexer->next < lexer->size) {
        u32 size = lexer_space_size(lexer->text, lexer->next, lexer->size);
        if (size == 0)
            return;
        u8 c = (u8)lexer->text[lexer->next];
        if ((c == '-' || c == '/') && !lexer->saw_comment) {
            lexer->saw_comment = true;
            lexer->comment_offset = lexer->next;
        }
        lexer->next += size;
    }
}

Token lexer_next(Lexer *lexer)
{
    skip_space(lexer);
    u32 at = lexer->next;
    if (at >= lexer->size)
        return (Token){.kind = TK_END_OF_INPUT, .offset = lexer->size, .size = 0};

    u8 c = (u8)lexer->text[at];
    if ((c == 'x' || c == 'X') && byte_at(lexer, at + 1) == '\'')
        return lex_blob(lexer, at);
    if (byte_class[c] & C_ID_START)
        return lex_word(lexer, at);
    if ((byte_class[c] & C_DIGIT) || (c == '.' && is_class(lexer, at + 1, C_DIGIT)))
        return lex_number(lexer, at);
    switch (c) {
    case '\'':
    case '"':
    case '`': return lex_quoted(lexer, at);
    case '[': return lex_bracketed(lexer, at);
    case '?': return token_make(lexer, TK_VARIABLE, at, skip_class(lexer, at + 1, C_DIGIT));
    case '$':
    case '@':
    case '#':
    case ':': return lex_variable(lexer, at);
    default: return lex_operator(lexer, at);
    }
}
