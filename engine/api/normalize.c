// The text of a statement with its particulars left out, so that statements which differ in values
// and layout alone look the same.
//
//   literals, parameters and NULL (but for IS NULL and NOT NULL)   ?
//   "texts", in double quotes because no column has that name      ?
//   a list after IN that names nothing                             (?,?,?), however long
//   keywords                                                       in upper case
//   names                                                          in lower case, without quotes
//                                                                  unless they need them
//   white space                                                    only where two words would run
//                                                                  together
// and a semicolon at the end.

#include "api/api.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "sql/lexer.h"
#include "vm/vm.h"
#include <string.h>

typedef struct Normalizer {
    Buffer out;
    const Vm *vm;
    TokenKind former;
    int depth;        // of parentheses
    int list_depth;   // depth inside the list after IN, 0: in none
    size_t list_from; // where its text begins
} Normalizer;

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '$' || (u8)c >= 0x80;
}

// A space if the next text, which begins with a word's character, would run into a word.
static void separate(Normalizer *n)
{
    const Buffer *out = &n->out;
    if (out->size > 0 && is_word_char(out->bytes[out->size - 1]))
        buffer_add_char(&n->out, ' ');
}

static char ascii_case(char c, bool upper)
{
    if (upper)
        return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void write_word(Normalizer *n, const char *text, size_t size, bool upper)
{
    ASSERT(size > 0);

    separate(n);
    for (size_t i = 0; i < size; i++)
        buffer_add_char(&n->out, ascii_case(text[i], upper));
}

// A name between quotes: "a", `a` or [a]. What is no plain name keeps double quotes.
static void write_quoted(Normalizer *n, const char *text, size_t size)
{
    ASSERT(size >= 2);
    char quote = text[0] == '[' ? ']' : text[0];
    Buffer name = {0};
    bool is_plain = size > 2 && !(text[1] >= '0' && text[1] <= '9');
    for (size_t i = 1; i + 1 < size; i++) {
        is_plain = is_plain && is_word_char(text[i]);
        buffer_add_char(&name, text[i]);
        i += text[i] == quote && text[i + 1] == quote; // doubled
    }
    is_plain = is_plain && keyword_find(buffer_text(&name), name.size) == TK_ID;
    if (is_plain) {
        write_word(n, buffer_text(&name), name.size, false);
    } else {
        buffer_add_char(&n->out, '"');
        for (size_t i = 0; i < name.size; i++) {
            if (name.bytes[i] == '"')
                buffer_add_char(&n->out, '"');
            buffer_add_char(&n->out, ascii_case(name.bytes[i], false));
        }
        buffer_add_char(&n->out, '"');
    }
    buffer_deinit(&name);
}

static bool is_quoted_text(const Vm *vm, const char *text)
{
    u32 offset = (u32)(text - vm->sql);
    for (u32 i = 0; text[0] == '"' && i < vm->quoted_text_count; i++) {
        if (vm->quoted_texts[i] == offset)
            return true;
    }
    return false;
}

static void write_name(Normalizer *n, const char *text, size_t size)
{
    ASSERT(text >= n->vm->sql);

    n->list_depth = 0; // a list that names something, if only by its quotes, stays as it is
    if (is_quoted_text(n->vm, text)) {
        buffer_add_char(&n->out, '?');
        return;
    }
    bool is_quoted = text[0] == '"' || text[0] == '`' || text[0] == '[';
    if (is_quoted)
        write_quoted(n, text, size);
    else
        write_word(n, text, size, false);
}

static void open_paren(Normalizer *n)
{
    ASSERT(n->depth >= 0);

    n->depth++;
    buffer_add_char(&n->out, '(');
    if (n->former == TK_IN) {
        n->list_depth = n->depth;
        n->list_from = n->out.size;
    }
}

static void close_paren(Normalizer *n)
{
    if (n->list_depth > 0 && n->list_depth == n->depth) {
        buffer_truncate(&n->out, n->list_from);
        buffer_add_text(&n->out, "?,?,?");
        n->list_depth = 0;
    }
    n->depth--;
    buffer_add_char(&n->out, ')');
}

static void write_token(Normalizer *n, const Token *token, const char *text)
{
    switch (token->kind) {
    case TK_STRING:
    case TK_INTEGER:
    case TK_FLOAT:
    case TK_BLOB:
    case TK_VARIABLE: buffer_add_char(&n->out, '?'); break;
    case TK_LEFT_PAREN: open_paren(n); break;
    case TK_RIGHT_PAREN: close_paren(n); break;
    case TK_ID: write_name(n, text, token->size); break;
    case TK_NULL:
        if (n->former == TK_IS || n->former == TK_NOT)
            write_word(n, text, token->size, true);
        else
            buffer_add_char(&n->out, '?');
        break;
    default: // keywords, and signs, which have no case
        if (token->kind == TK_SELECT)
            n->list_depth = 0;
        if (is_word_char(text[0]))
            write_word(n, text, token->size, true);
        else
            buffer_add(&n->out, text, token->size);
    }
}

// NULL: out of memory, or not a statement.
static char *normalize(const Vm *vm)
{
    ASSERT(vm->sql != NULL);

    const char *sql = vm->sql;
    Normalizer n = {.vm = vm, .former = TK_SEMICOLON};
    Lexer lexer;
    lexer_init(&lexer, sql, strlen(sql));
    for (;;) {
        Token token = lexer_next(&lexer);
        if (token.kind == TK_END_OF_INPUT || token.kind == TK_ILLEGAL)
            break;
        write_token(&n, &token, sql + token.offset);
        n.former = token.kind;
    }
    bool is_ended = n.out.size > 0 && n.out.bytes[n.out.size - 1] == ';';
    if (!is_ended)
        buffer_add_char(&n.out, ';');
    return buffer_take(&n.out);
}

const char *sqlite3_normalized_sql(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL || vm->sql == NULL)
        return NULL;
    api_enter(vm->db);
    if (vm->normalized_sql == NULL)
        vm->normalized_sql = normalize(vm);
    (void)api_exit(vm->db, SQLITE_OK);
    return vm->normalized_sql;
}
