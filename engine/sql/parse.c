// The parser's frame: tokens, errors, constructors, and the statements of one line.
//
//   cmdlist ::= [EXPLAIN [QUERY PLAN]] cmd ";"
//
// A recursive descent: one function per production, named after it, its grammar above it. "at X" in
// such a comment means that the current token is X, "behind X" that X was consumed last.
//
// Laws
//   - SQLite's grammar is LALR(1), so a wrong token is reported before anything is done with it.
//     Here the same holds because no production consumes a token it has not checked. Errors of
//     both kinds (near "x": syntax error; messages about a construct) so come in SQLite's order.
//   - The current token is one lookahead and enough, except where parser_peek() is called: names
//     before "(" and ".", OPTIMIZE INDEX, and the words WINDOW, OVER and FILTER.
//   - Productions return something to hold on to after an error too (never NULL where the caller
//     looks inside), but nobody reads it: parse_statement() hands out no tree then.
//
// Not here: anything about the schema, and any decision that needs it. What SQLite decides while
// parsing is decided while parsing (x IN (5), a AND 0), because EXPLAIN and errors show it.

#include "base/hashmap.h"
#include "sql/parse_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- tokens ---

// Words that SQLite's tokenizer itself tells from names, by the tokens around them.
static bool is_contextual(TokenKind kind)
{
    return kind == TK_WINDOW || kind == TK_OVER || kind == TK_FILTER;
}

// WINDOW, OVER and FILTER are words of their own only where what surrounds them
// says so; elsewhere they are plain identifiers.
static TokenKind contextual_kind(const Parser *p, const Token *token, TokenKind before)
{
    ASSERT(token->offset + token->size <= p->lexer.size);

    if (!is_contextual(token->kind))
        return token->kind;
    Lexer ahead = p->lexer;
    ahead.next = token->offset + token->size;
    Token next = lexer_next(&ahead);
    bool next_is_id = next.kind == TK_ID || next.kind == TK_STRING
                      || (next.kind >= TOKEN_FIRST_KEYWORD && next.kind != TK_FILTER
                          && keyword_class(next.kind) != KEYWORD_RESERVED
                          && keyword_class(next.kind) != KEYWORD_INDEXED);
    switch (token->kind) {
    case TK_WINDOW: return next_is_id && lexer_next(&ahead).kind == TK_AS ? TK_WINDOW : TK_ID;
    case TK_OVER:
        return before == TK_RIGHT_PAREN && (next.kind == TK_LEFT_PAREN || next_is_id) ? TK_OVER
                                                                                      : TK_ID;
    default: // TK_FILTER
        return before == TK_RIGHT_PAREN && next.kind == TK_LEFT_PAREN ? TK_FILTER : TK_ID;
    }
}

// SQLITE_DBCONFIG_ENABLE_COMMENTS off: a comment is an unrecognized token, as in SQLite. The
// comment stands before the current token, so it is noticed when that is read.
static void parser_refuse_comment(Parser *p)
{
    ASSERT(p->lexer.comment_offset < p->lexer.size);

    u32 at = p->lexer.comment_offset;
    u32 size = lexer_space_size(p->sql, at, p->lexer.size);
    parser_error(p, (i32)at, "unrecognized token: \"%.*s\"", (int)size, p->sql + at);
}

// The first token that cannot be taken stops everything: afterwards the current token stays
// TK_ILLEGAL, which no production accepts (parse_internal.h).
void parser_advance(Parser *p)
{
    if (p->rc != SQLITE_OK)
        return;
    TokenKind before = p->token.kind;
    p->previous = p->token;
    p->token = lexer_next(&p->lexer);
    if (p->lexer.saw_comment && p->options->forbid_comments) {
        parser_refuse_comment(p);
        return;
    }
    if (p->token.kind == TK_ILLEGAL) {
        Token bad = p->token;
        parser_error(p, (i32)bad.offset, "unrecognized token: \"%.*s\"", (int)bad.size,
                     p->sql + bad.offset);
        p->lexer.next = bad.offset; // the statement ends before what is no token
        return;
    }
    p->token.kind = contextual_kind(p, &p->token, before);
}

bool parser_accept(Parser *p, TokenKind kind)
{
    ASSERT(kind != TK_ILLEGAL); // or a failed parser would accept it for ever

    if (p->token.kind != kind)
        return false;
    parser_advance(p);
    return true;
}

void parser_expect(Parser *p, TokenKind kind)
{
    ASSERT(kind != TK_END_OF_INPUT);

    if (!parser_accept(p, kind))
        parser_syntax_error(p);
}

Token parser_peek(const Parser *p)
{
    ASSERT(p->rc == SQLITE_OK || p->token.kind == TK_ILLEGAL);

    Lexer ahead = p->lexer;
    Token next = lexer_next(&ahead);
    next.kind = contextual_kind(p, &next, p->token.kind);
    return next;
}

bool token_is_id(const Token *token)
{
    if (token->kind < TOKEN_FIRST_KEYWORD)
        return token->kind == TK_ID;
    return keyword_class(token->kind) == KEYWORD_ID && !is_contextual(token->kind);
}

bool token_is_name(const Token *token)
{
    if (token->kind == TK_STRING || token_is_id(token))
        return true;
    return token->kind >= TOKEN_FIRST_KEYWORD && !is_contextual(token->kind)
           && keyword_class(token->kind) != KEYWORD_RESERVED;
}

bool parser_at_id(const Parser *p)
{
    return token_is_id(&p->token);
}

bool parser_at_ids(const Parser *p)
{
    return p->token.kind == TK_STRING || token_is_id(&p->token);
}

bool parser_at_name(const Parser *p)
{
    return token_is_name(&p->token);
}

// 'it''s' and "a""b" and `a``b` without their quotes and with one for two; [a] has no way to hold a
// "]". Text that begins with no quote stays as it is.
char *parse_dequote(Arena *arena, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    // Of the whole length: taking quotes away only shrinks it.
    char *out = arena_dup(arena, text, size);
    if (out == NULL || size == 0)
        return out;
    char quote = text[0];
    if (quote == '[')
        quote = ']';
    else if (quote != '\'' && quote != '"' && quote != '`')
        return out;
    size_t used = 0;
    for (size_t i = 1; i < size; i++) {
        if (text[i] == quote) {
            if (i + 1 >= size || text[i + 1] != quote || quote == ']')
                break;
            i++;
        }
        out[used++] = text[i];
    }
    out[used] = 0;
    return out;
}

// Copies outlive the statement's text, which the caller may free before the tree is used.
const char *parser_dequoted(Parser *p, const Token *token)
{
    ASSERT(token->offset + token->size <= p->lexer.size);

    const char *text = parse_dequote(p->arena, p->sql + token->offset, token->size);
    if (text != NULL)
        return text;
    parser_out_of_memory(p);
    return "";
}

const char *parser_text(Parser *p, const Token *token)
{
    ASSERT(token->offset + token->size <= p->lexer.size);

    const char *text = arena_dup(p->arena, p->sql + token->offset, token->size);
    if (text != NULL)
        return text;
    parser_out_of_memory(p);
    return "";
}

// ids ::= ID | STRING
const char *parse_ids(Parser *p, Token *token)
{
    if (!parser_at_ids(p)) {
        parser_syntax_error(p);
        return "";
    }
    parser_advance(p);
    if (token != NULL)
        *token = p->previous;
    return parser_dequoted(p, &p->previous);
}

// nm ::= ID | STRING | JOIN_KW | INDEXED
const char *parse_name(Parser *p, Token *token)
{
    if (!parser_at_name(p)) {
        parser_syntax_error(p);
        return "";
    }
    Token found = p->token;
    parser_advance(p);
    if (token != NULL)
        *token = found;
    return parser_dequoted(p, &found);
}

Span parser_trimmed(const Parser *p, u32 start, u32 end)
{
    ASSERT(start <= end);

    while (start < end && strchr(" \t\n\f\r", p->sql[start]) != NULL)
        start++;
    while (end > start && strchr(" \t\n\f\r", p->sql[end - 1]) != NULL)
        end--;
    return (Span){.text = p->sql + start, .size = end - start};
}

// After an error the last token may lie before `start`.
Span parser_span(const Parser *p, u32 start)
{
    ASSERT(start <= p->lexer.size);

    u32 end = p->previous.offset + p->previous.size;
    if (p->rc != SQLITE_OK || end < start)
        return (Span){0};
    return (Span){.text = p->sql + start, .size = end - start};
}

// --- errors ---

// The one place that makes the parser fail, but for memory: the first error counts.
static void parser_fail(Parser *p, int rc)
{
    ASSERT(rc != SQLITE_OK);

    if (p->rc == SQLITE_OK)
        p->rc = rc;
    p->token.kind = TK_ILLEGAL;
}

// Lack of memory overrides an earlier error: a message that was cut short must not be shown.
void parser_out_of_memory(Parser *p)
{
    p->rc = SQLITE_NOMEM;
    p->message = NULL;
    p->token.kind = TK_ILLEGAL;
}

void parser_error(Parser *p, i32 offset, const char *fmt, ...)
{
    ASSERT(offset >= -1 && (offset < 0 || (u32)offset <= p->lexer.size));

    if (p->rc != SQLITE_OK)
        return;
    // Measured with a first run, since a message shows tokens of any length.
    char fixed[256];
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(fixed, sizeof fixed, fmt, args);
    va_end(args);
    char *message = size < 0 ? NULL : arena_alloc(p->arena, (size_t)size + 1);
    if (message == NULL) {
        parser_out_of_memory(p);
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(message, (size_t)size + 1, fmt, args);
    va_end(args);
    p->message = message;
    p->error_offset = offset;
    parser_fail(p, SQLITE_ERROR);
}

// The end of the text stands nowhere: SQLite shows no token there and gives no offset.
void parser_syntax_error(Parser *p)
{
    ASSERT(p->rc != SQLITE_OK || p->token.kind != TK_ILLEGAL);

    if (p->rc != SQLITE_OK)
        return;
    Token at = p->token;
    if (at.kind == TK_END_OF_INPUT)
        parser_error(p, -1, "incomplete input");
    else
        parser_error(p, (i32)at.offset, "near \"%.*s\": syntax error", (int)at.size,
                     p->sql + at.offset);
}

// SQLite's parser has a stack that may be full; `cost` is what it holds for a construct while its
// inside is parsed, so that both give up at the same depth.
bool parser_enter(Parser *p, u32 cost)
{
    ASSERT(cost > 0);

    p->depth += cost;
    if (p->rc != SQLITE_OK)
        return false;
    if (p->depth <= (u32)p->options->parser_depth)
        return true;
    parser_error(p, -1, "Recursion limit");
    return false;
}

// --- constructors ---

// The scratch node is the same for all who ask after memory has run out. It may so become its own
// child: whoever hangs nodes on nodes looks at p->rc first (parser_binary).
void *parser_new(Parser *p, size_t size)
{
    ASSERT(size <= sizeof p->scratch);

    void *node = p->rc == SQLITE_NOMEM ? NULL : arena_alloc_zeroed(p->arena, size);
    if (node != NULL)
        return node;
    parser_out_of_memory(p);
    memset(p->scratch, 0, size);
    return p->scratch;
}

bool parser_grow(Parser *p, void *items, u32 *capacity, u32 count, size_t item_size)
{
    ASSERT(count <= *capacity && item_size > 0);

    if (count < *capacity)
        return true;
    u32 wanted = *capacity == 0 ? 4 : *capacity * 2;
    void **array = items;
    void *grown = p->rc == SQLITE_NOMEM ? NULL : arena_array(p->arena, wanted, item_size);
    if (grown == NULL) {
        parser_out_of_memory(p);
        return false;
    }
    if (count > 0)
        memcpy(grown, *array, count * item_size);
    *array = grown;
    *capacity = wanted;
    return true;
}

Expr *parser_expr(Parser *p, ExprKind kind, u32 offset)
{
    ASSERT(offset == NO_OFFSET || offset <= p->lexer.size);

    Expr *e = parser_new(p, sizeof *e);
    e->kind = (u8)kind;
    e->offset = offset;
    e->height = 1;
    return e;
}

// What every expression above wants to know without a walk: marked ^ in ast.h.
enum { INHERITED = EXPR_HAS_COLLATE | EXPR_HAS_CALL | EXPR_HAS_SUBQUERY | EXPR_HAS_PARAM };

static void inherit(Expr *e, const Expr *from)
{
    ASSERT(from == NULL || from != e);

    if (from == NULL)
        return;
    e->flags |= from->flags & INHERITED;
    if (from->height >= e->height) // A4
        e->height = from->height + 1;
}

void parser_set_height(Parser *p, Expr *e)
{
    ASSERT(e->left != e && e->right != e);

    if (p->rc == SQLITE_NOMEM)
        return; // what hangs on it may be the scratch node
    e->height = 1;
    inherit(e, e->left);
    inherit(e, e->right);
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
        inherit(e, e->list->items[i].expr);
    if (e->select != NULL) {
        e->flags |= EXPR_HAS_SUBQUERY;
        if (e->select->height >= e->height)
            e->height = e->select->height + 1;
    }
    if (e->height > (u32)p->options->expr_depth)
        parser_error(p, -1, "Expression tree is too large (maximum depth %d)",
                     p->options->expr_depth);
}

Expr *parser_unary(Parser *p, ExprKind kind, u32 offset, Expr *left)
{
    ASSERT(left != NULL);

    Expr *e = parser_expr(p, kind, offset);
    if (e != left)
        e->left = left;
    parser_set_height(p, e);
    return e;
}

Expr *parser_binary(Parser *p, ExprKind kind, u32 offset, Expr *left, Expr *right)
{
    ASSERT(left != NULL && right != NULL);

    Expr *e = parser_expr(p, kind, offset);
    if (p->rc == SQLITE_NOMEM)
        return e; // the scratch node must not contain itself
    e->left = left;
    e->right = right;
    parser_set_height(p, e);
    return e;
}

ExprList *parser_list_add(Parser *p, ExprList *list, Expr *e)
{
    ASSERT(e != NULL);

    if (list == NULL)
        list = parser_new(p, sizeof *list);
    if (p->rc == SQLITE_NOMEM
        || !parser_grow(p, &list->items, &list->capacity, list->count, sizeof *list->items)) {
        *list = (ExprList){0};
        return list;
    }
    list->items[list->count++] = (ExprItem){.expr = e, .name_offset = NO_OFFSET};
    return list;
}

// Columns are looked up later: -1 until then.
IdList *parser_id_list_add(Parser *p, IdList *list, const char *name, u32 offset)
{
    ASSERT(name != NULL);

    if (list == NULL)
        list = parser_new(p, sizeof *list);
    if (p->rc == SQLITE_NOMEM
        || !parser_grow(p, &list->items, &list->capacity, list->count, sizeof *list->items)) {
        *list = (IdList){0};
        return list;
    }
    list->items[list->count++] = (struct IdItem){.name = name, .offset = offset, .column = -1};
    return list;
}

// --- small shared productions ---

// idlist ::= nm {"," nm}
IdList *parse_id_list(Parser *p)
{
    IdList *list = NULL;
    do {
        Token token = p->token;
        const char *name = parse_name(p, &token);
        list = parser_id_list_add(p, list, name, token.offset);
    } while (parser_accept(p, TK_COMMA));
    return list;
}

// nm ["." nm]
QualifiedName parse_qualified_name(Parser *p)
{
    QualifiedName out = {.schema_offset = NO_OFFSET};
    Token token = p->token;
    out.name = parse_name(p, &token);
    out.offset = token.offset;
    if (parser_accept(p, TK_DOT)) {
        out.schema = out.name;
        out.schema_offset = out.offset;
        token = p->token;
        out.name = parse_name(p, &token);
        out.offset = token.offset;
    }
    return out;
}

// resolvetype ::= ROLLBACK | ABORT | FAIL | IGNORE | REPLACE
static u8 parse_conflict_action(Parser *p)
{
    static const struct {
        u8 token, action;
    } actions[] = {{TK_ROLLBACK, ON_CONFLICT_ROLLBACK},
                   {TK_ABORT, ON_CONFLICT_ABORT},
                   {TK_FAIL, ON_CONFLICT_FAIL},
                   {TK_IGNORE, ON_CONFLICT_IGNORE},
                   {TK_REPLACE, ON_CONFLICT_REPLACE}};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (parser_accept(p, actions[i].token))
            return actions[i].action;
    parser_syntax_error(p);
    return ON_CONFLICT_DEFAULT;
}

// onconf ::= [ON CONFLICT resolvetype]
u8 parse_on_conflict(Parser *p)
{
    if (!parser_accept(p, TK_ON))
        return ON_CONFLICT_DEFAULT;
    parser_expect(p, TK_CONFLICT);
    return parse_conflict_action(p);
}

// orconf ::= [OR resolvetype]
u8 parse_or_conflict(Parser *p)
{
    if (!parser_accept(p, TK_OR))
        return ON_CONFLICT_DEFAULT;
    return parse_conflict_action(p);
}

// --- statements of one line ---

// trans_opt ::= [TRANSACTION [nm]]
static void parse_transaction_word(Parser *p)
{
    if (parser_accept(p, TK_TRANSACTION) && parser_at_name(p))
        (void)parse_name(p, NULL);
}

// cmd ::= BEGIN [DEFERRED | IMMEDIATE | EXCLUSIVE | CONCURRENT] trans_opt
static void parse_begin(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_BEGIN);

    static const char word[] = "concurrent"; // quire's own, no keyword: it stays usable as a name
    stmt->kind = STMT_BEGIN;
    if (parser_accept(p, TK_DEFERRED))
        stmt->u.begin.mode = TXN_DEFERRED;
    else if (parser_accept(p, TK_IMMEDIATE))
        stmt->u.begin.mode = TXN_IMMEDIATE;
    else if (parser_accept(p, TK_EXCLUSIVE))
        stmt->u.begin.mode = TXN_EXCLUSIVE;
    else if (parser_at(p, TK_ID) && p->token.size == sizeof word - 1
             && name_equals_n(p->sql + p->token.offset, word, sizeof word - 1)) {
        parser_advance(p);
        stmt->u.begin.mode = TXN_CONCURRENT;
    }
    parse_transaction_word(p);
}

// cmd ::= ROLLBACK trans_opt [TO [SAVEPOINT] nm]
static void parse_rollback(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_ROLLBACK);

    stmt->kind = STMT_ROLLBACK;
    parse_transaction_word(p);
    if (!parser_accept(p, TK_TO))
        return;
    stmt->kind = STMT_ROLLBACK_TO;
    (void)parser_accept(p, TK_SAVEPOINT);
    stmt->u.savepoint = parse_name(p, NULL);
}

// cmd ::= RELEASE [SAVEPOINT] nm
static void parse_release(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_RELEASE);

    stmt->kind = STMT_RELEASE;
    (void)parser_accept(p, TK_SAVEPOINT);
    stmt->u.savepoint = parse_name(p, NULL);
}

// cmd ::= ATTACH [DATABASE] expr AS expr [KEY expr]
static void parse_attach(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_ATTACH);

    stmt->kind = STMT_ATTACH;
    (void)parser_accept(p, TK_DATABASE);
    stmt->u.attach.file = parse_expr(p);
    parser_expect(p, TK_AS);
    stmt->u.attach.schema = parse_expr(p);
    if (parser_accept(p, TK_KEY))
        stmt->u.attach.key = parse_expr(p);
}

// cmd ::= DETACH [DATABASE] expr
static void parse_detach(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_DETACH);

    stmt->kind = STMT_DETACH;
    (void)parser_accept(p, TK_DATABASE);
    stmt->u.attach.schema = parse_expr(p);
}

// nmnum ::= ["+"] number | "-" number | nm | ON | DELETE | DEFAULT
// The value is kept as text: each pragma reads it in its own way. A sign before a name is an error,
// and so is a value of two tokens.
static void parse_pragma_value(Parser *p, Pragma *pragma)
{
    ASSERT(p->rc != SQLITE_OK || !pragma->has_value);

    pragma->has_value = true;
    bool is_signed = parser_at(p, TK_PLUS) || parser_at(p, TK_MINUS);
    pragma->negative = parser_at(p, TK_MINUS);
    if (is_signed)
        parser_advance(p);
    if (parser_at(p, TK_INTEGER) || parser_at(p, TK_FLOAT)) {
        parser_advance(p);
        pragma->value = parser_text(p, &p->previous);
        return;
    }
    bool is_word = parser_at(p, TK_ON) || parser_at(p, TK_DELETE) || parser_at(p, TK_DEFAULT);
    if (is_signed || (!is_word && !parser_at_name(p))) {
        parser_syntax_error(p);
        return;
    }
    parser_advance(p);
    char first = parser_text(p, &p->previous)[0];
    pragma->is_quoted = first == '\'' || first == '"' || first == '`' || first == '[';
    pragma->value = parser_dequoted(p, &p->previous);
}

// cmd ::= PRAGMA nm ["." nm] ["=" nmnum | "(" nmnum ")"]
static void parse_pragma(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_PRAGMA);

    stmt->kind = STMT_PRAGMA;
    Pragma *pragma = parser_new(p, sizeof *pragma);
    pragma->name = parse_qualified_name(p);
    if (parser_accept(p, TK_EQUAL)) {
        parse_pragma_value(p, pragma);
    } else if (parser_accept(p, TK_LEFT_PAREN)) {
        pragma->is_call = true;
        parse_pragma_value(p, pragma);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    stmt->u.pragma = pragma;
}

// cmd ::= VACUUM [nm] [INTO expr]
static void parse_vacuum(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_VACUUM);

    stmt->kind = STMT_VACUUM;
    if (parser_at_name(p))
        stmt->u.vacuum.schema = parse_name(p, NULL);
    if (parser_accept(p, TK_INTO))
        stmt->u.vacuum.into = parse_expr(p);
}

// [nm ["." nm]], which REINDEX, ANALYZE and OPTIMIZE INDEX have in common
static void parse_maintenance(Parser *p, Stmt *stmt, StmtKind kind)
{
    ASSERT(kind == STMT_REINDEX || kind == STMT_ANALYZE || kind == STMT_OPTIMIZE_INDEX);

    stmt->kind = (u8)kind;
    if (parser_at_name(p))
        stmt->u.target = parse_qualified_name(p);
}

// A statement that begins with WITH: a query or a data change.
static void parse_after_with(Parser *p, Stmt *stmt)
{
    ASSERT(parser_at(p, TK_WITH));

    With *with = parse_with(p);
    if (parser_at(p, TK_SELECT) || parser_at(p, TK_VALUES)) {
        stmt->kind = STMT_SELECT;
        stmt->u.select = parse_select_body(p, with);
        return;
    }
    parse_data_change(p, with, stmt);
}

// cmd ::= SAVEPOINT nm
static void parse_savepoint(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_SAVEPOINT);

    stmt->kind = STMT_SAVEPOINT;
    stmt->u.savepoint = parse_name(p, NULL);
}

// cmd ::= (COMMIT | END) trans_opt
static void parse_commit(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_COMMIT || p->previous.kind == TK_END);

    stmt->kind = STMT_COMMIT;
    parse_transaction_word(p);
}

// cmd ::= REINDEX [nm ["." nm]]
static void parse_reindex(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_REINDEX);

    parse_maintenance(p, stmt, STMT_REINDEX);
}

// cmd ::= ANALYZE [nm ["." nm]]
static void parse_analyze(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_ANALYZE);

    parse_maintenance(p, stmt, STMT_ANALYZE);
}

// OPTIMIZE is no keyword: it is a statement's first word only in front of INDEX.
static bool parser_at_optimize(const Parser *p)
{
    static const char word[] = "OPTIMIZE";
    return parser_at(p, TK_ID) && p->token.size == sizeof word - 1
           && name_equals_n(p->sql + p->token.offset, word, sizeof word - 1)
           && parser_peek(p).kind == TK_INDEX;
}

// cmd ::= OPTIMIZE INDEX [nm ["." nm]]
static void parse_optimize(Parser *p, Stmt *stmt)
{
    ASSERT(parser_at_optimize(p));

    parser_advance(p);
    parser_expect(p, TK_INDEX);
    parse_maintenance(p, stmt, STMT_OPTIMIZE_INDEX);
}

// Statements whose first word the table consumes.
static const struct {
    TokenKind first;
    void (*parse)(Parser *p, Stmt *stmt);
} commands[] = {
    {TK_BEGIN, parse_begin},       {TK_COMMIT, parse_commit},       {TK_END, parse_commit},
    {TK_ROLLBACK, parse_rollback}, {TK_SAVEPOINT, parse_savepoint}, {TK_RELEASE, parse_release},
    {TK_CREATE, parse_create},     {TK_ALTER, parse_alter},         {TK_DROP, parse_drop},
    {TK_PRAGMA, parse_pragma},     {TK_ATTACH, parse_attach},       {TK_DETACH, parse_detach},
    {TK_VACUUM, parse_vacuum},     {TK_REINDEX, parse_reindex},     {TK_ANALYZE, parse_analyze},
};

// cmd, by its first word
static void parse_command(Parser *p, Stmt *stmt)
{
    ASSERT(stmt->kind == STMT_EMPTY);

    TokenKind kind =
        p->token.kind; // of the first word: an error leaves TK_ILLEGAL, which nothing is
    if (kind == TK_SELECT || kind == TK_VALUES) {
        stmt->kind = STMT_SELECT;
        stmt->u.select = parse_select(p);
        return;
    }
    if (kind == TK_WITH) {
        parse_after_with(p, stmt);
        return;
    }
    if (kind == TK_INSERT || kind == TK_REPLACE || kind == TK_UPDATE || kind == TK_DELETE) {
        parse_data_change(p, NULL, stmt);
        return;
    }
    if (parser_at_optimize(p)) {
        parse_optimize(p, stmt);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (parser_accept(p, commands[i].first)) {
            commands[i].parse(p, stmt);
            return;
        }
    }
    parser_syntax_error(p);
}

// explain ::= EXPLAIN [QUERY PLAN]
static void parse_explain(Parser *p, Stmt *stmt)
{
    ASSERT(stmt->explain == EXPLAIN_NONE);

    if (!parser_accept(p, TK_EXPLAIN))
        return;
    stmt->explain = EXPLAIN_PROGRAM;
    if (!parser_accept(p, TK_QUERY))
        return;
    parser_expect(p, TK_PLAN);
    stmt->explain = EXPLAIN_QUERY_PLAN;
}

// {";"} [explain cmd]: the ";" behind it stays for the next statement.
// An empty statement is one as well: its tail tells the caller where to go on.
static void parse_one(Parser *p, Stmt *stmt)
{
    ASSERT(p->token.size == 0); // nothing has been read yet

    parser_advance(p);
    while (parser_accept(p, TK_SEMICOLON))
        continue;
    if (parser_at(p, TK_END_OF_INPUT))
        return;
    u32 start = p->token.offset;
    parse_explain(p, stmt);
    parse_command(p, stmt);
    stmt->text = parser_span(p, start);
    if (!parser_at(p, TK_END_OF_INPUT) && !parser_at(p, TK_SEMICOLON))
        parser_syntax_error(p);
}

ParseOptions parse_options_default(void)
{
    return (ParseOptions){
        .expr_depth = 1000,
        .parser_depth = 2500,
        .column_count = 2000,
        .compound_select = 500,
        .function_arg_count = 1000,
        .variable_number = 32766,
    };
}

int parse_statement(const char *sql, size_t size, const ParseOptions *options, Arena *arena,
                    ParseResult *out)
{
    ASSERT(sql != NULL && options != NULL);

    Parser parser = {.sql = sql, .arena = arena, .options = options, .error_offset = -1};
    Parser *p = &parser;
    lexer_init(&p->lexer, sql, size);
    Stmt *stmt = parser_new(p, sizeof *stmt);
    parse_one(p, stmt);

    *out = (ParseResult){.error_offset = -1};
    out->tail = p->lexer.next;
    out->has_dead_terms = p->has_dead_terms;
    if (p->rc != SQLITE_OK) {
        out->message = p->message;
        out->error_offset = p->error_offset;
        out->stmt = stmt->kind == STMT_CREATE_TRIGGER && p->rc == SQLITE_ERROR ? stmt : NULL;
        return p->rc;
    }
    ASSERT(p->depth == 0); // what was entered has been left
    if (p->arena->failed)
        return SQLITE_NOMEM;
    stmt->select_count = p->select_count;
    stmt->param_count = p->param_count;
    stmt->param_names = p->param_names;
    stmt->param_name_count = p->param_name_count;
    out->stmt = stmt;
    return SQLITE_OK;
}
