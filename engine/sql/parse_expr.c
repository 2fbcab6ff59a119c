// Expressions, by precedence climbing.
//
// From loosest to tightest; operators of one line associate to the left:
//   OR
//   AND
//   NOT (prefix)
//   = == != <> IS [NOT] [DISTINCT FROM] [NOT] IN LIKE GLOB REGEXP MATCH BETWEEN
//   ISNULL NOTNULL NOT NULL < <= > >= ESCAPE & | << >>
//   + -
//   * / %
//   || -> ->>
//   COLLATE (suffix)
//   ~ - + (prefix)
// The suffixes COLLATE, ISNULL and the word operators are met in the loop of parse_climb(), like
// the binary operators; BETWEEN takes its AND for itself, since its operands bind tighter than AND.
//
// What is decided while parsing, because SQLite does so and EXPLAIN shows it:
//   x AND 0           0, unless a function is called
//   x IN (5)          x = +5
//   x IN ()           0, unless x calls a function
//   5 IS NULL         0;  5 NOT NULL: 1
//   (a, b) IN ((1, 2), (3, 4))    (a, b) IN (VALUES (1, 2), (3, 4))

// A prefix operator may stand in any operand, however tight the operator before
// it: 1 + NOT 2 = 3 is 1 + (NOT (2 = 3)).

#include "base/number.h"
#include "base/utf.h"
#include "sql/parse_internal.h"
#include <string.h>

typedef enum Precedence {
    PREC_NONE,
    PREC_OR,
    PREC_AND,
    PREC_NOT,
    PREC_EQUALITY,
    PREC_COMPARE,
    PREC_ESCAPE,
    PREC_BITS,
    PREC_SUM,
    PREC_PRODUCT,
    PREC_CONCAT,
    PREC_COLLATE,
    PREC_PREFIX,
} Precedence;

// PREC_NONE, that is 0, for all other tokens.
// Expression kinds and precedences of the plain binary operators.
static const struct {
    u8 precedence, kind;
} binary_operators[TOKEN_KIND_COUNT] = {
    [TK_OR] = {PREC_OR, EX_OR},
    [TK_AND] = {PREC_AND, EX_AND},
    [TK_EQUAL] = {PREC_EQUALITY, EX_EQ},
    [TK_NOT_EQUAL] = {PREC_EQUALITY, EX_NE},
    [TK_LESS] = {PREC_COMPARE, EX_LT},
    [TK_LESS_EQUAL] = {PREC_COMPARE, EX_LE},
    [TK_GREATER] = {PREC_COMPARE, EX_GT},
    [TK_GREATER_EQUAL] = {PREC_COMPARE, EX_GE},
    [TK_AMPERSAND] = {PREC_BITS, EX_BIT_AND},
    [TK_BAR] = {PREC_BITS, EX_BIT_OR},
    [TK_SHIFT_LEFT] = {PREC_BITS, EX_SHIFT_LEFT},
    [TK_SHIFT_RIGHT] = {PREC_BITS, EX_SHIFT_RIGHT},
    [TK_PLUS] = {PREC_SUM, EX_ADD},
    [TK_MINUS] = {PREC_SUM, EX_SUBTRACT},
    [TK_STAR] = {PREC_PRODUCT, EX_MULTIPLY},
    [TK_SLASH] = {PREC_PRODUCT, EX_DIVIDE},
    [TK_PERCENT] = {PREC_PRODUCT, EX_REMAINDER},
    [TK_CONCAT] = {PREC_CONCAT, EX_CONCAT},
};

static Expr *parse_operand(Parser *p);
static Expr *parse_climb(Parser *p, Expr *left, Precedence least);

// An operand, and behind it every operator that binds at least as tightly as `least`.
static Expr *parse_above(Parser *p, Precedence least)
{
    ASSERT(least >= PREC_OR && least <= PREC_PREFIX);

    return parse_climb(p, parse_operand(p), least);
}

Expr *parse_expr(Parser *p)
{
    return parse_above(p, PREC_OR);
}

// nexprlist ::= expr {"," expr}
ExprList *parse_expr_list(Parser *p)
{
    ExprList *list = NULL;
    do
        list = parser_list_add(p, list, parse_expr(p));
    while (parser_accept(p, TK_COMMA));
    return list;
}

// --- literals and names ---

// Writes `token` without its digit separators to out[token->size + 1]. A "_"
// must stand between two digits.
static bool number_without_separators(Parser *p, const Token *token, char *out)
{
    ASSERT(token->size > 0);

    const char *text = p->sql + token->offset;
    bool is_hex = token->size > 2 && (text[1] == 'x' || text[1] == 'X');
    bool is_fine = true;
    u32 used = 0;
    for (u32 i = 0; i < token->size && is_fine; i++) {
        if (text[i] != '_') {
            out[used++] = text[i];
            continue;
        }
        u8 before = i > 0 ? (u8)text[i - 1] : 0;
        u8 after = i + 1 < token->size ? (u8)text[i + 1] : 0;
        is_fine = is_hex ? ascii_is_hex(before) && ascii_is_hex(after)
                         : ascii_is_digit(before) && ascii_is_digit(after);
    }
    out[used] = 0;
    if (is_fine)
        return true;
    // SQLite squeezes the text in place before it notices, and its message shows
    // that.
    parser_error(p, -1, "unrecognized token: \"%s%.*s\"", out, (int)(token->size - used),
                 text + used);
    return false;
}

// An integer literal above i64 is a real number, as in SQLite; EXPR_INT_OVERFLOW keeps that in
// mind, because -9223372036854775808 is an integer after all.
static void number_value(Expr *e, const char *text, size_t size)
{
    ASSERT(text != NULL); // empty when memory ran out

    if (size > 2 && (text[1] == 'x' || text[1] == 'X')) {
        e->kind = EX_INTEGER;
        e->flags |= EXPR_HEX;
        if (!number_parse_hex(text, size, &e->u.integer))
            e->flags |= EXPR_INT_OVERFLOW; // the resolver complains, as SQLite does
        return;
    }
    ParsedNumber number;
    number_parse(text, size, &number);
    if (number.kind == NUMBER_INTEGER) {
        e->kind = EX_INTEGER;
        e->u.integer = number.integer;
        return;
    }
    e->kind = EX_FLOAT;
    e->u.real = number.real;
    if (number.pure_integer)
        e->flags |= EXPR_INT_OVERFLOW;
}

static Expr *parse_number(Parser *p)
{
    ASSERT(parser_at(p, TK_INTEGER) || parser_at(p, TK_FLOAT));

    Token token = p->token;
    parser_advance(p);
    Expr *e = parser_expr(p, EX_INTEGER, token.offset);
    const char *text = parser_text(p, &token);
    if (memchr(text, '_', strlen(text)) != NULL) {
        char *plain = arena_alloc(p->arena, token.size + 1);
        if (plain == NULL) {
            parser_out_of_memory(p);
            return e;
        }
        if (!number_without_separators(p, &token, plain))
            return e;
        text = plain;
    }
    e->text = text;
    number_value(e, text, strlen(text));
    return e;
}

static Expr *parse_string(Parser *p)
{
    ASSERT(parser_at(p, TK_STRING));

    Expr *e = parser_expr(p, EX_STRING, p->token.offset);
    Token token = p->token;
    parser_advance(p);
    e->text = parser_dequoted(p, &token);
    e->size = (u32)strlen(e->text);
    return e;
}

// BLOB ::= x'12ab'; the lexer has seen to an even number of digits
static Expr *parse_blob(Parser *p)
{
    ASSERT(parser_at(p, TK_BLOB) && p->token.size % 2 == 1);

    Expr *e = parser_expr(p, EX_BLOB, p->token.offset);
    const char *digits = p->sql + p->token.offset + 2;
    u32 size = (p->token.size - 3) / 2;
    parser_advance(p);
    char *bytes = arena_alloc(p->arena, (size_t)size + 1);
    if (bytes == NULL) {
        parser_out_of_memory(p);
        return e;
    }
    for (u32 i = 0; i < size; i++)
        bytes[i] = (char)((hex_value((u8)digits[2 * i]) << 4) | hex_value((u8)digits[2 * i + 1]));
    bytes[size] = 0;
    e->text = bytes;
    e->size = size;
    return e;
}

static Expr *parse_plain_literal(Parser *p, ExprKind kind)
{
    Expr *e = parser_expr(p, kind, p->token.offset);
    parser_advance(p);
    return e;
}

// How a name was quoted decides later whether it may be TRUE, a text (double quotes) or a rowid.
static u32 quoting_flags(const Parser *p, const Token *token)
{
    char c = p->sql[token->offset];
    if (c == '"')
        return EXPR_DOUBLE_QUOTED | EXPR_QUOTED;
    return c == '`' || c == '[' || c == '\'' ? EXPR_QUOTED : 0;
}

// nm "." nm ["." nm] behind the first nm
static Expr *parse_dotted_name(Parser *p, Token first)
{
    ASSERT(p->previous.offset == first.offset);

    Token parts[3] = {first};
    int count = 1;
    while (count < 3 && parser_accept(p, TK_DOT)) {
        parts[count] = p->token;
        if (!parser_at_name(p)) {
            parser_syntax_error(p);
            break;
        }
        parser_advance(p);
        count++;
    }
    // Errors about a.b.c point at its last part, those about a name alone at the
    // name.
    Token last = parts[count - 1];
    Expr *e = parser_expr(p, EX_NAME, last.offset);
    e->text = parser_dequoted(p, &last);
    e->flags |= quoting_flags(p, &last);
    e->u.name.table_offset = e->u.name.schema_offset = NO_OFFSET;
    if (count > 1) {
        e->flags &= ~(u32)EXPR_DOUBLE_QUOTED; // t."x" is never a string
        e->u.name.table = parser_dequoted(p, &parts[count - 2]);
        e->u.name.table_offset = parts[count - 2].offset;
    }
    if (count > 2) {
        e->u.name.schema = parser_dequoted(p, &parts[0]);
        e->u.name.schema_offset = parts[0].offset;
    }
    return e;
}

// --- bind parameters ---

static int param_find(const Parser *p, const char *name)
{
    ASSERT(name != NULL);

    for (u32 i = 0; i < p->param_name_count; i++)
        if (strcmp(p->param_names[i].name, name) == 0)
            return p->param_names[i].number;
    return 0;
}

static void param_add_name(Parser *p, const char *name, int number)
{
    ASSERT(number >= 0 && number <= p->param_count);

    if (!parser_grow(p, &p->param_names, &p->param_name_capacity, p->param_name_count,
                     sizeof *p->param_names))
        return;
    p->param_names[p->param_name_count++] = (ParamName){.name = name, .number = number};
}

static int param_numbered(Parser *p, const Token *token)
{
    ASSERT(token->size >= 2 && p->sql[token->offset] == '?');

    int limit = p->options->variable_number;
    i64 number = 0;
    for (u32 i = 1; i < token->size && number <= limit; i++)
        number = number * 10 + (p->sql[token->offset + i] - '0');
    if (number < 1 || number > limit) {
        parser_error(p, -1, "variable number must be between ?1 and ?%d", limit);
        return 0;
    }
    if (number > p->param_count)
        p->param_count = (int)number;
    return (int)number;
}

// ? is one more than the greatest so far; names and numbers said again mean the same parameter.
static int param_number(Parser *p, const Token *token, const char *name)
{
    ASSERT(token->size == 1 || name != NULL);

    if (token->size == 1)
        return ++p->param_count;
    int number = param_find(p, name);
    if (number != 0)
        return number;
    number = name[0] == '?' ? param_numbered(p, token) : ++p->param_count;
    param_add_name(p, name, number);
    return number;
}

// VARIABLE ::= ? | ?number | :name | @name | $name
// #1 is a register of nested SQL in SQLite and a syntax error elsewhere; here it is always one.
static Expr *parse_variable(Parser *p)
{
    ASSERT(parser_at(p, TK_VARIABLE));

    Token token = p->token;
    if (p->sql[token.offset] == '#' && token.size > 1
        && ascii_is_digit((u8)p->sql[token.offset + 1])) {
        parser_error(p, -1, "near \"%.*s\": syntax error", (int)token.size, p->sql + token.offset);
        return parser_expr(p, EX_PARAM, token.offset);
    }
    parser_advance(p);
    Expr *e = parser_expr(p, EX_PARAM, token.offset);
    e->flags |= EXPR_HAS_PARAM;
    const char *name = token.size > 1 ? parser_text(p, &token) : NULL;
    e->text = name;
    if (p->rc == SQLITE_NOMEM)
        return e; // the name is no text then
    e->u.param = param_number(p, &token, name);
    if (p->param_count > p->options->variable_number)
        parser_error(p, -1, "too many SQL variables");
    return e;
}

// --- calls ---

// Before FILTER and OVER, so that this complaint comes before theirs.
static void check_argument_count(Parser *p, const Expr *call)
{
    ASSERT(call->kind == EX_CALL);

    if (call->list != NULL && call->list->count > (u32)p->options->function_arg_count)
        parser_error(p, (i32)call->offset, "too many arguments on function %s", call->text);
}

// filter_over ::= [FILTER "(" WHERE expr ")"] [OVER window]
static void parse_filter_over(Parser *p, Call *call)
{
    ASSERT(p->rc != SQLITE_OK || p->previous.kind == TK_RIGHT_PAREN);

    if (parser_accept(p, TK_FILTER)) {
        parser_expect(p, TK_LEFT_PAREN);
        parser_expect(p, TK_WHERE);
        call->filter = parse_expr(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    if (parser_accept(p, TK_OVER))
        call->window = parse_over(p);
}

// [DISTINCT | ALL] [exprlist] [ORDER BY sortlist]
static void parse_arguments(Parser *p, Expr *e, Call *call)
{
    if (parser_accept(p, TK_DISTINCT))
        call->distinct = true;
    else
        (void)parser_accept(p, TK_ALL);
    if (!parser_at(p, TK_RIGHT_PAREN) && !parser_at(p, TK_ORDER))
        e->list = parse_expr_list(p);
    if (parser_accept(p, TK_ORDER)) {
        parser_expect(p, TK_BY);
        call->order_by = parse_sort_list(p);
    }
}

// idj "(" (args | "*") ")" filter_over
static Expr *parse_call(Parser *p, Token name)
{
    Expr *e = parser_expr(p, EX_CALL, name.offset);
    Call *call = parser_new(p, sizeof *call);
    const char *text = parser_dequoted(p, &name);
    parser_expect(p, TK_LEFT_PAREN);
    // name, "(" and the list: what SQLite's stack holds while arguments are read
    if (!parser_enter(p, 3) || p->rc != SQLITE_OK)
        return e;
    e->text = text;
    e->flags |= quoting_flags(p, &name) & EXPR_QUOTED;
    call->agg_index = -1;
    if (parser_accept(p, TK_STAR))
        call->star = true;
    else
        parse_arguments(p, e, call);
    parser_expect(p, TK_RIGHT_PAREN);
    parser_leave(p, 3);
    check_argument_count(p, e);
    parse_filter_over(p, call);
    parser_set_height(p, e);
    e->flags |= EXPR_HAS_CALL;
    e->u.call = call;
    return e;
}

// CURRENT_DATE and the like: calls without parentheses
static Expr *parse_current_time(Parser *p)
{
    ASSERT(parser_at(p, TK_CURRENT_DATE) || parser_at(p, TK_CURRENT_TIME)
           || parser_at(p, TK_CURRENT_TIMESTAMP));

    Expr *e = parser_expr(p, EX_CALL, p->token.offset);
    Call *call = parser_new(p, sizeof *call);
    e->text = parser_text(p, &p->token);
    e->flags |= EXPR_INFIX | EXPR_HAS_CALL;
    call->agg_index = -1;
    e->u.call = call;
    parser_advance(p);
    return e;
}

// The call an operator stands for: a LIKE b is like(b, a), a -> b is ->(a, b).
static Expr *operator_call(Parser *p, const char *name, u32 offset, Expr *first, Expr *second)
{
    ASSERT(first != second);

    Expr *e = parser_expr(p, EX_CALL, offset);
    Call *call = parser_new(p, sizeof *call);
    ExprList *list = parser_list_add(p, NULL, first);
    list = parser_list_add(p, list, second);
    if (p->rc == SQLITE_NOMEM)
        return e;
    e->text = name;
    e->flags |= EXPR_INFIX;
    e->list = list;
    call->agg_index = -1;
    e->u.call = call;
    parser_set_height(p, e);
    e->flags |= EXPR_HAS_CALL;
    return e;
}

// --- constructs that begin with a word or a parenthesis ---

// CAST "(" expr AS typetoken ")"
static Expr *parse_cast(Parser *p)
{
    ASSERT(parser_at(p, TK_CAST));

    Token start = p->token;
    parser_advance(p);
    parser_expect(p, TK_LEFT_PAREN);
    Expr *e = parser_expr(p, EX_CAST, start.offset);
    if (!parser_enter(p, 2))
        return e;
    Expr *operand = parse_expr(p);
    parser_expect(p, TK_AS);
    const char *type = parse_type(p);
    parser_expect(p, TK_RIGHT_PAREN);
    parser_leave(p, 2);
    if (p->rc != SQLITE_OK)
        return e;
    e->left = operand;
    e->text = type != NULL ? type : "";
    e->affinity = (u8)affinity_of_type(e->text);
    parser_set_height(p, e);
    return e;
}

// CASE [expr] WHEN expr THEN expr ... [ELSE expr] END
static Expr *parse_case(Parser *p)
{
    ASSERT(parser_at(p, TK_CASE));

    Expr *e = parser_expr(p, EX_CASE, p->token.offset);
    parser_advance(p);
    if (!parser_enter(p, 3))
        return e;
    Expr *operand = parser_at(p, TK_WHEN) ? NULL : parse_expr(p);
    ExprList *list = NULL;
    if (!parser_at(p, TK_WHEN))
        parser_syntax_error(p);
    while (parser_accept(p, TK_WHEN)) {
        list = parser_list_add(p, list, parse_expr(p));
        parser_expect(p, TK_THEN);
        if (parser_enter(p, 2))
            list = parser_list_add(p, list, parse_expr(p));
        parser_leave(p, 2);
    }
    if (parser_accept(p, TK_ELSE))
        list = parser_list_add(p, list, parse_expr(p));
    parser_expect(p, TK_END);
    parser_leave(p, 3);
    if (p->rc != SQLITE_OK)
        return e;
    e->left = operand;
    e->list = list;
    parser_set_height(p, e);
    return e;
}

// RAISE "(" IGNORE ")" | RAISE "(" (ROLLBACK | ABORT | FAIL) "," expr ")"
static Expr *parse_raise(Parser *p)
{
    ASSERT(parser_at(p, TK_RAISE));

    Expr *e = parser_expr(p, EX_RAISE, p->token.offset);
    parser_advance(p);
    parser_expect(p, TK_LEFT_PAREN);
    Expr *message = NULL;
    i64 action = ON_CONFLICT_IGNORE;
    if (!parser_accept(p, TK_IGNORE)) {
        if (parser_accept(p, TK_ROLLBACK))
            action = ON_CONFLICT_ROLLBACK;
        else if (parser_accept(p, TK_ABORT))
            action = ON_CONFLICT_ABORT;
        else if (parser_accept(p, TK_FAIL))
            action = ON_CONFLICT_FAIL;
        else
            parser_syntax_error(p);
        parser_expect(p, TK_COMMA);
        message = parse_expr(p);
    }
    parser_expect(p, TK_RIGHT_PAREN);
    if (p->rc != SQLITE_OK)
        return e;
    e->left = message;
    e->u.integer = action;
    parser_set_height(p, e);
    return e;
}

// A subquery whose "(" has been consumed; consumes the ")".
static Expr *parse_subquery(Parser *p, ExprKind kind, u32 offset)
{
    ASSERT(kind == EX_SELECT || kind == EX_EXISTS);

    Expr *e = parser_expr(p, kind, offset);
    Select *select = parse_select(p);
    parser_expect(p, TK_RIGHT_PAREN);
    if (p->rc != SQLITE_OK)
        return e;
    e->select = select;
    parser_set_height(p, e);
    return e;
}

// EXISTS "(" select ")"
static Expr *parse_exists(Parser *p)
{
    ASSERT(parser_at(p, TK_EXISTS));

    u32 offset = p->token.offset;
    parser_advance(p);
    parser_expect(p, TK_LEFT_PAREN);
    Expr *e = NULL;
    if (parser_enter(p, 2)) {
        if (!parser_at_select(p))
            parser_syntax_error(p);
        e = parse_subquery(p, EX_EXISTS, offset);
    }
    parser_leave(p, 2);
    return e != NULL ? e : parser_expr(p, EX_EXISTS, offset);
}

// "(" expr ")" | "(" expr "," expr ... ")" | "(" select ")"
static Expr *parse_parenthesis(Parser *p)
{
    ASSERT(parser_at(p, TK_LEFT_PAREN));

    u32 offset = p->token.offset;
    parser_advance(p);
    if (!parser_enter(p, 1))
        return parser_expr(p, EX_NULL, offset);
    if (parser_at_select(p)) {
        Expr *e = parse_subquery(p, EX_SELECT, offset);
        parser_leave(p, 1);
        return e;
    }
    Expr *e = parse_expr(p);
    if (parser_at(p, TK_COMMA)) {
        ExprList *list = parser_list_add(p, NULL, e);
        (void)parser_enter(p, 2);
        while (parser_accept(p, TK_COMMA))
            list = parser_list_add(p, list, parse_expr(p));
        parser_leave(p, 2);
        e = parser_expr(p, EX_VECTOR, offset);
        if (p->rc == SQLITE_OK) {
            e->list = list;
            parser_set_height(p, e);
        }
    } else {
        e->flags |= EXPR_PARENTHESISED;
    }
    parser_expect(p, TK_RIGHT_PAREN);
    parser_leave(p, 1);
    return e;
}

// --- operands ---

// A name, a call or a string: what it is, the token behind it says. A string before a dot is a name
// ('t'.a), as in SQLite.
static Expr *parse_word(Parser *p)
{
    Token token = p->token;
    if (!parser_at_name(p)) {
        parser_syntax_error(p);
        return parser_expr(p, EX_NULL, token.offset);
    }
    bool is_string = token.kind == TK_STRING;
    Token next = parser_peek(p);
    if (is_string && next.kind != TK_DOT)
        return parse_string(p);
    parser_advance(p);
    if (next.kind == TK_LEFT_PAREN)
        return parse_call(p, token);
    return parse_dotted_name(p, token);
}

// term ::= NULL | INTEGER | FLOAT | STRING | BLOB | CURRENT_DATE | CURRENT_TIME | CURRENT_TIMESTAMP
Expr *parse_literal(Parser *p)
{
    switch (p->token.kind) {
    case TK_INTEGER:
    case TK_FLOAT: return parse_number(p);
    case TK_BLOB: return parse_blob(p);
    case TK_STRING: return parse_string(p);
    case TK_NULL: return parse_plain_literal(p, EX_NULL);
    default: return parse_current_time(p); // the three words left
    }
}

// expr ::= term | VARIABLE | name | call | "(" ... ")" | CASE | CAST | EXISTS | RAISE
static Expr *parse_primary(Parser *p)
{
    switch (p->token.kind) {
    case TK_INTEGER:
    case TK_FLOAT:
    case TK_BLOB:
    case TK_NULL:
    case TK_CURRENT_DATE:
    case TK_CURRENT_TIME:
    case TK_CURRENT_TIMESTAMP: return parse_literal(p);
    case TK_LEFT_PAREN: return parse_parenthesis(p);
    case TK_VARIABLE: return parse_variable(p);
    case TK_CASE: return parse_case(p);
    case TK_CAST: return parse_cast(p);
    case TK_EXISTS: return parse_exists(p);
    case TK_RAISE: return parse_raise(p);
    default: return parse_word(p); // names, calls and strings
    }
}

// expr ::= (NOT | "-" | "+" | "~") expr
static Expr *parse_prefix(Parser *p, ExprKind kind, Precedence least)
{
    ASSERT(least == PREC_NOT || least == PREC_PREFIX);

    u32 offset = p->token.offset;
    parser_advance(p);
    Expr *operand = NULL;
    if (parser_enter(p, 1))
        operand = least == PREC_PREFIX ? parse_operand(p) : parse_above(p, least);
    parser_leave(p, 1);
    return operand == NULL ? parser_expr(p, kind, offset) : parser_unary(p, kind, offset, operand);
}

static Expr *parse_operand(Parser *p)
{
    switch (p->token.kind) {
    case TK_NOT: return parse_prefix(p, EX_NOT, PREC_NOT);
    case TK_MINUS: return parse_prefix(p, EX_NEGATE, PREC_PREFIX);
    case TK_PLUS: return parse_prefix(p, EX_PLUS, PREC_PREFIX);
    case TK_TILDE: return parse_prefix(p, EX_BIT_NOT, PREC_PREFIX);
    default: return parse_primary(p); // no prefix operator
    }
}

// --- operators behind an operand ---

// The right operand, with what SQLite's stack holds meanwhile: the left operand
// and the operator.
static Expr *parse_right(Parser *p, Precedence least)
{
    ASSERT(least > PREC_NONE && least <= PREC_PREFIX);

    Expr *right = NULL;
    if (parser_enter(p, 2))
        right = parse_above(p, least);
    parser_leave(p, 2);
    return right != NULL ? right : parser_expr(p, EX_NULL, p->token.offset);
}

// expr ::= expr COLLATE ids
static Expr *parse_collate(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_COLLATE));

    u32 offset = p->token.offset;
    parser_advance(p);
    const char *name = parse_ids(p, NULL);
    // Of several the last counts; replacing it keeps the tree flat.
    Expr *e = left->kind == EX_COLLATE ? left : parser_unary(p, EX_COLLATE, offset, left);
    e->text = name;
    e->offset = offset;
    e->flags |= EXPR_HAS_COLLATE;
    return e;
}

// BETWEEN expr AND expr, at BETWEEN
static Expr *parse_between(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_BETWEEN));

    u32 offset = p->token.offset;
    parser_advance(p);
    Expr *low = parse_right(p, PREC_NOT);
    // Operands of BETWEEN bind tighter than AND, so an OR can only be a mistake.
    if (parser_at(p, TK_OR)) { // SQLite reads on: x BETWEEN a OR b AND c never
                               // finds its AND
        (void)parse_climb(p, low, PREC_OR);
        parser_syntax_error(p);
    }
    parser_expect(p, TK_AND);
    Expr *high = parse_right(p, PREC_COMPARE);
    ExprList *list = parser_list_add(p, NULL, low);
    list = parser_list_add(p, list, high);
    Expr *e = parser_expr(p, EX_BETWEEN, offset);
    if (p->rc != SQLITE_OK)
        return e;
    e->left = left;
    e->list = list;
    parser_set_height(p, e);
    return e;
}

// SELECT * FROM name(args), which IN name stands for
static Select *select_from_table(Parser *p, FromItem *item)
{
    ASSERT(item->name != NULL);

    Select *select = parser_new(p, sizeof *select);
    FromList *from = parser_new(p, sizeof *from);
    if (p->rc != SQLITE_OK
        || !parser_grow(p, &from->items, &from->capacity, 0, sizeof *from->items))
        return NULL;
    from->items[from->count++] = item;
    select->columns = parser_list_add(p, NULL, parser_expr(p, EX_STAR, NO_OFFSET));
    select->from = from;
    select->id = ++p->select_count;
    select->offset = item->offset;
    select->height = 1;
    return select;
}


// The row values of a list as the VALUES they amount to: every one as wide as the left side.
static Select *list_as_values(Parser *p, u32 width, const ExprList *list)
{
    ASSERT(list->count > 0);
    ASSERT(width > 1);

    for (u32 i = 0; i < list->count && p->rc == SQLITE_OK; i++) {
        const Expr *row = list->items[i].expr;
        u32 size = row->kind == EX_VECTOR ? row->list->count : 1;
        if (size != width)
            parser_error(p, -1, "IN(...) element has %u term%s - expected %u", size,
                         size == 1 ? "" : "s", width);
    }
    return p->rc == SQLITE_OK ? select_of_rows(p, list) : NULL;
}

// The same for every row, and cheap to compute for each.
static bool is_plain_constant(const Expr *e)
{
    ASSERT(e != NULL);

    switch (e->kind) {
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_NULL:
    case EX_PARAM: return true;
    case EX_NEGATE:
    case EX_PLUS: return is_plain_constant(e->left);
    default: return false; // reads a row, or may fail
    }
}

// Lists that are something simpler: x IN () is false, x IN (5) is x = +5, rows are VALUES. NULL:
// none of these.
static Expr *simplified_in(Parser *p, Expr *left, ExprList *list, u32 offset)
{
    if (p->rc != SQLITE_OK || list == NULL)
        return NULL;
    if (list->count == 0 && !(left->flags & EXPR_HAS_CALL)) {
        Expr *zero = parser_expr(p, EX_INTEGER, NO_OFFSET);
        zero->text = "0";
        return zero;
    }
    bool is_single = list->count == 1 && left->kind != EX_VECTOR && left->kind != EX_SELECT
                     && is_plain_constant(list->items[0].expr);
    if (!is_single)
        return NULL;
    // The unary plus takes affinity and collation away, which an element of a list has not.
    Expr *value = parser_unary(p, EX_PLUS, NO_OFFSET, list->items[0].expr);
    return parser_binary(p, EX_EQ, offset, left, value);
}

// IN "(" [exprlist] ")" | IN "(" select ")" | IN table, at IN
static Expr *parse_in(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_IN));

    Expr *e = parser_expr(p, EX_IN, p->token.offset);
    parser_advance(p);
    ExprList *list = NULL;
    Select *select = NULL;
    if (!parser_at(p, TK_LEFT_PAREN)) {
        select = select_from_table(p, parse_table_or_function(p));
    } else if (parser_enter(p, 3)) {
        parser_advance(p);
        if (parser_at_select(p))
            select = parse_select(p);
        else if (!parser_at(p, TK_RIGHT_PAREN))
            list = parse_expr_list(p);
        else
            list = parser_new(p, sizeof *list);
        parser_expect(p, TK_RIGHT_PAREN);
        parser_leave(p, 3);
    }
    Expr *simple = simplified_in(p, left, list, e->offset);
    if (simple != NULL)
        return simple;
    if (p->rc == SQLITE_OK && list != NULL && left->kind == EX_VECTOR && list->count > 0) {
        select = list_as_values(p, left->list->count, list);
        list = NULL;
    }
    if (p->rc != SQLITE_OK)
        return e;
    // x IN ((SELECT ...)) is x IN (SELECT ...), and rows are a query as well.
    if (list != NULL && list->count == 1 && list->items[0].expr->kind == EX_SELECT) {
        select = list->items[0].expr->select;
        list = NULL;
    }
    e->left = left;
    e->list = list;
    e->select = select;
    parser_set_height(p, e);
    return e;
}

// LIKE, GLOB, REGEXP or MATCH expr [ESCAPE expr], at the word
static Expr *parse_like(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_LIKE) || parser_at(p, TK_GLOB) || parser_at(p, TK_REGEXP)
           || parser_at(p, TK_MATCH));

    Token word = p->token;
    parser_advance(p);
    Expr *pattern = parse_right(p, PREC_COMPARE);
    Expr *escape = parser_accept(p, TK_ESCAPE) ? parse_right(p, PREC_COMPARE) : NULL;
    const char *name = word.kind == TK_MATCH ? "match" : parser_text(p, &word);
    Expr *e = operator_call(p, name, word.offset, pattern, left);
    if (escape != NULL && p->rc == SQLITE_OK) {
        e->list = parser_list_add(p, e->list, escape);
        parser_set_height(p, e);
        e->flags |= EXPR_HAS_CALL;
    }
    return e;
}

// x IS NULL and x NOT NULL; of a literal the answer is known.
static Expr *null_test(Parser *p, ExprKind kind, u32 offset, Expr *operand)
{
    ASSERT(operand != NULL);
    ASSERT(kind == EX_IS_NULL || kind == EX_NOT_NULL);

    bool is_literal = operand->kind == EX_INTEGER || operand->kind == EX_FLOAT
                      || operand->kind == EX_STRING || operand->kind == EX_BLOB;
    if (!is_literal || p->rc != SQLITE_OK || (operand->flags & EXPR_INT_OVERFLOW))
        return parser_unary(p, kind, offset, operand);
    Expr *answer = parser_expr(p, EX_INTEGER, NO_OFFSET);
    answer->u.integer = kind == EX_NOT_NULL;
    answer->text = kind == EX_NOT_NULL ? "1" : "0";
    return answer;
}

// IS [NOT] [DISTINCT FROM] expr, at IS. x IS NULL has a kind of its own.
static Expr *parse_is(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_IS));

    u32 offset = p->token.offset;
    parser_advance(p);
    bool negated = parser_accept(p, TK_NOT);
    if (parser_accept(p, TK_DISTINCT)) {
        parser_expect(p, TK_FROM);
        negated = !negated;
    }
    Expr *right = parse_right(p, PREC_COMPARE);
    if (right->kind == EX_NULL && p->rc == SQLITE_OK)
        return null_test(p, negated ? EX_NOT_NULL : EX_IS_NULL, offset, left);
    return parser_binary(p, negated ? EX_IS_NOT : EX_IS, offset, left, right);
}

// expr ::= expr (LIKE | GLOB | REGEXP | MATCH | BETWEEN | IN) ..., with or without NOT before it
static Expr *parse_word_operator(Parser *p, Expr *left)
{
    switch (p->token.kind) {
    case TK_LIKE:
    case TK_GLOB:
    case TK_REGEXP:
    case TK_MATCH: return parse_like(p, left);
    case TK_BETWEEN: return parse_between(p, left);
    case TK_IN: return parse_in(p, left);
    default: // behind NOT nothing else may stand
        parser_syntax_error(p);
        return left;
    }
}

// NOT LIKE ... | NOT BETWEEN ... | NOT IN ... | NOT NULL, at NOT
static Expr *parse_negated(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_NOT));

    u32 offset = p->token.offset;
    parser_advance(p);
    if (parser_accept(p, TK_NULL))
        return null_test(p, EX_NOT_NULL, offset, left);
    return parser_unary(p, EX_NOT, offset, parse_word_operator(p, left));
}

// expr ::= expr (ISNULL | NOTNULL)
static Expr *parse_postfix(Parser *p, ExprKind kind, Expr *left)
{
    ASSERT(parser_at(p, TK_ISNULL) || parser_at(p, TK_NOTNULL));

    u32 offset = p->token.offset;
    parser_advance(p);
    return null_test(p, kind, offset, left);
}

// expr ::= expr ("->" | "->>") expr: functions of that name, as tight as ||
static Expr *parse_arrow(Parser *p, Expr *left)
{
    ASSERT(parser_at(p, TK_ARROW) || parser_at(p, TK_LONG_ARROW));

    Token arrow = p->token;
    parser_advance(p);
    Expr *right = parse_right(p, PREC_COLLATE);
    return operator_call(p, arrow.kind == TK_ARROW ? "->" : "->>", arrow.offset, left, right);
}

// As SQLite does while it parses: a AND 0 is 0, whatever a is, unless a call could fail or have an
// effect.
static bool is_zero(const Expr *e)
{
    return e->kind == EX_INTEGER && e->u.integer == 0 && !(e->flags & EXPR_INT_OVERFLOW);
}

static Expr *conjunction(Parser *p, u32 offset, Expr *left, Expr *right)
{
    ASSERT(p->rc == SQLITE_NOMEM || left != right);

    bool has_call = ((left->flags | right->flags) & EXPR_HAS_CALL) != 0;
    if (p->rc != SQLITE_OK || has_call || (!is_zero(left) && !is_zero(right)))
        return parser_binary(p, EX_AND, offset, left, right);
    if (p->options->keeps_dead_terms) {
        p->has_dead_terms = true;
        return parser_binary(p, EX_AND, offset, left, right);
    }
    Expr *zero = parser_expr(p, EX_INTEGER, NO_OFFSET);
    zero->text = "0";
    return zero;
}

// expr ::= expr operator expr, the operator one of the table's
static Expr *parse_binary(Parser *p, Expr *left)
{
    ASSERT(binary_operators[p->token.kind].precedence != PREC_NONE);

    Token op = p->token;
    Precedence precedence = binary_operators[op.kind].precedence;
    parser_advance(p);
    // One tighter on the right: operators of one precedence lean left (law A5).
    Expr *right = parse_right(p, precedence + 1);
    if (op.kind == TK_AND)
        return conjunction(p, op.offset, left, right);
    return parser_binary(p, binary_operators[op.kind].kind, op.offset, left, right);
}

// One operator of at least `least` behind `left`, or NULL when there is none.
static Expr *parse_operator(Parser *p, Expr *left, Precedence least)
{
    ASSERT((u32)p->token.kind < TOKEN_KIND_COUNT);

    TokenKind kind = p->token.kind;
    if (binary_operators[kind].precedence != PREC_NONE)
        return binary_operators[kind].precedence >= least ? parse_binary(p, left) : NULL;
    if (kind == TK_COLLATE)
        return parse_collate(p, left);
    if (kind == TK_ARROW || kind == TK_LONG_ARROW)
        return least <= PREC_CONCAT ? parse_arrow(p, left) : NULL;
    // What is left are the operators of equality, the loosest that need no table.
    if (least > PREC_EQUALITY)
        return NULL;
    switch (kind) {
    case TK_IS: return parse_is(p, left);
    case TK_NOT: return parse_negated(p, left);
    case TK_ISNULL: return parse_postfix(p, EX_IS_NULL, left);
    case TK_NOTNULL: return parse_postfix(p, EX_NOT_NULL, left);
    case TK_LIKE:
    case TK_GLOB:
    case TK_REGEXP:
    case TK_MATCH:
    case TK_BETWEEN:
    case TK_IN: return parse_word_operator(p, left);
    default: return NULL; // no operator
    }
}

// Each turn makes `left` the left operand of one more operator. The next operator's own recursion
// took all that bind tighter, so it is never passed over.
static Expr *parse_climb(Parser *p, Expr *left, Precedence least)
{
    ASSERT(left != NULL);

    Expr *next = left;
    while (next != NULL && p->rc == SQLITE_OK) {
        left = next;
        next = parse_operator(p, left, least);
    }
    return left;
}
