#ifndef QUIRE_SQL_PARSE_INTERNAL_H
#define QUIRE_SQL_PARSE_INTERNAL_H
// What the parser's files share: the token under the cursor, sticky errors, constructors.
//
// Laws
//   - After the first error the current token is TK_ILLEGAL for good: nothing is accepted any more,
//     every loop ends, and the functions return at once. So productions need no error handling;
//     they look at p->rc only where they would read what may be missing.
//   - Constructors never return NULL: once memory has run out they hand out a scratch node, which
//     is shared. A node is hung on another only while p->rc is SQLITE_OK, or the scratch node could
//     come to contain itself.
//   - parser_enter() and parser_leave() come in pairs with equal costs, errors or not.

#include "sql/lexer.h"
#include "sql/parse.h"

typedef struct Parser {
    Lexer lexer;
    Token token;    // current, not consumed
    Token previous; // last consumed
    const char *sql;
    Arena *arena;
    const ParseOptions *options;
    int rc;
    const char *message;
    i32 error_offset;
    u32 depth; // what SQLite's parser stack would hold
    u32 select_count;
    int param_count;
    u32 param_name_count, param_name_capacity;
    ParamName *param_names;
    bool in_trigger;
    bool has_dead_terms; // x AND 0, not folded
    bool has_with;       // a WITH was met: from there on SQLite makes no co-routine of VALUES
    _Alignas(16) u8 scratch[1024];
} Parser;

// --- tokens ---

void parser_advance(Parser *p);
static inline bool parser_at(const Parser *p, TokenKind kind)
{
    return p->token.kind == kind;
}
bool parser_accept(Parser *p,
                   TokenKind kind);            // consumes it if it is the current token
void parser_expect(Parser *p, TokenKind kind); // or syntax error
Token parser_peek(const Parser *p);            // token behind the current one

// May the token be an identifier here? `ids` is ID or STRING, `nm` also JOIN words and INDEXED
// (SQLite's grammar has the same two classes). A string is a name where only a name can stand.
bool token_is_id(const Token *token);
bool token_is_name(const Token *token);
bool parser_at_id(const Parser *p);
bool parser_at_ids(const Parser *p);
bool parser_at_name(const Parser *p);
// Consume it and return it dequoted, in the arena; "" after a syntax error. `token` (may be NULL)
// gets the token: unchanged by parse_name() and parse_ids() when there is no name.
const char *parse_ids(Parser *p, Token *token);
const char *parse_name(Parser *p, Token *token);
const char *parser_dequoted(Parser *p, const Token *token);
const char *parser_text(Parser *p, const Token *token); // copy as written
// From `start` to the last consumed token; absent after an error.
Span parser_span(const Parser *p, u32 start);
// [start, end) without the blanks around.
Span parser_trimmed(const Parser *p, u32 start, u32 end);

// --- errors ---

void parser_syntax_error(Parser *p); // at the current token
void parser_error(Parser *p, i32 offset, const char *fmt, ...) PRINTF_LIKE(3, 4);
void parser_out_of_memory(Parser *p);
// Recursion: enter counts what SQLite's stack would grow by while the inside of a construct is
// parsed, so that both give up at the same depth; false (and an error) when it is too deep. Leave
// is called in either case.
bool parser_enter(Parser *p, u32 cost);
static inline void parser_leave(Parser *p, u32 cost)
{
    ASSERT(p->depth >= cost);

    p->depth -= cost;
}

// --- constructors ---

// Zeroed; `size` is at most that of the scratch node.
void *parser_new(Parser *p, size_t size);
// Makes room for item number `count` in the array whose address `items` is. The old array stays in
// the arena. false: out of memory, and the parser has failed.
bool parser_grow(Parser *p, void *items, u32 *capacity, u32 count, size_t item_size);
Expr *parser_expr(Parser *p, ExprKind kind, u32 offset);
Expr *parser_unary(Parser *p, ExprKind kind, u32 offset, Expr *left);
Expr *parser_binary(Parser *p, ExprKind kind, u32 offset, Expr *left, Expr *right);
// After the operands are in place: height (law A4, with SQLite's limit) and inherited flags.
void parser_set_height(Parser *p, Expr *e);
// `list` NULL: a new one. What is returned replaces `list`.
ExprList *parser_list_add(Parser *p, ExprList *list, Expr *e);
IdList *parser_id_list_add(Parser *p, IdList *list, const char *name, u32 offset);

// --- productions used across files ---

// The grammar of each stands above its definition.

Expr *parse_expr(Parser *p);
const char *parse_type(Parser *p);      // typetoken; NULL when absent
Expr *parse_literal(Parser *p);         // at a literal
ExprList *parse_expr_list(Parser *p);   // expr, expr ...; not empty
ExprList *parse_sort_list(Parser *p);   // expr [COLLATE] [ASC|DESC] [NULLS ..], ...
IdList *parse_id_list(Parser *p);       // nm, nm ...
IdList *parse_plain_id_list(Parser *p); // the same where COLLATE and ASC are refused with a message
// Terms of a UNION ALL, one per EX_VECTOR of `rows`. NULL after an error.
Select *select_of_rows(Parser *p, const ExprList *rows);
Select *parse_select(Parser *p); // [WITH ...] select; the last term of a compound (law A6)
Select *parse_select_body(Parser *p, With *with); // behind WITH, which may be NULL
With *parse_with(Parser *p);                      // at WITH
ExprList *parse_result_columns(Parser *p);
FromList *parse_from_list(Parser *p);
FromItem *parser_from_item(Parser *p, u32 offset);
FromItem *parse_table_or_function(Parser *p); // without alias
FromItem *parse_target(Parser *p,
                       bool alias_without_as); // [schema.]name [AS alias]
void parse_indexed(Parser *p, FromItem *item);
bool parser_at_select(const Parser *p); // SELECT, VALUES or WITH
Window *parse_over(Parser *p);          // behind OVER
Window *parse_window_defs(Parser *p);   // behind WINDOW
bool parser_at_window_clause(const Parser *p);
QualifiedName parse_qualified_name(Parser *p);
u8 parse_on_conflict(Parser *p); // [ON CONFLICT action]
u8 parse_or_conflict(Parser *p); // [OR action]
void parse_data_change(Parser *p, With *with,
                       Stmt *stmt); // INSERT, REPLACE, UPDATE, DELETE
void parse_create(Parser *p, Stmt *stmt);
void parse_alter(Parser *p, Stmt *stmt);
void parse_drop(Parser *p, Stmt *stmt);
Span parser_statement_rest(Parser *p, u32 start); // body text of CREATE from `start` to here

#endif
