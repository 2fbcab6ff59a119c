// Queries: SELECT, VALUES, compounds, WITH, FROM and windows.
//
// Shapes that differ from what is written, because SQLite's do:
//   a JOIN (b JOIN c)     the parenthesis is one FROM item, a SELECT * of its own (law A7)
//   (a JOIN b) JOIN c     the leading parenthesis is dropped: a JOIN b JOIN c
//   VALUES (1), (2)       UNION ALL of two SELECTs with SELECT_VALUES
//   SELECT 1 UNION VALUES (1), (2)     the rows are one operand: SELECT * FROM (VALUES ...)
//   x IN t                x IN (SELECT * FROM t), in parse_expr.c
// Select.id counts SELECTs in the order in which they end, the number EXPLAIN QUERY PLAN shows.
//
// FROM is read from left to right into a flat list; who joins with whom is said by the operator in
// front of each item alone, and checked by the resolver.

#include "base/hashmap.h"
#include "sql/parse_internal.h"
#include <string.h>

bool parser_at_select(const Parser *p)
{
    return parser_at(p, TK_SELECT) || parser_at(p, TK_VALUES) || parser_at(p, TK_WITH);
}

// --- result columns ---

// Is the cursor at nm "." "*"?
// Looked for before an expression is tried: "t.*" is none, and nothing could take it back.
static bool parser_at_table_star(const Parser *p)
{
    TokenKind kind = p->token.kind;
    bool is_operand = kind == TK_CAST || kind == TK_RAISE || kind == TK_CURRENT_DATE
                      || kind == TK_CURRENT_TIME || kind == TK_CURRENT_TIMESTAMP;
    if (is_operand || !parser_at_name(p))
        return false;
    Lexer ahead = p->lexer;
    return lexer_next(&ahead).kind == TK_DOT && lexer_next(&ahead).kind == TK_STAR;
}

// "*" | nm "." "*"
static Expr *parse_star(Parser *p)
{
    ASSERT(parser_at(p, TK_STAR) || parser_at_name(p));

    Expr *e = parser_expr(p, EX_STAR, p->token.offset);
    e->u.name.schema_offset = e->u.name.table_offset = NO_OFFSET;
    if (!parser_at(p, TK_STAR)) {
        e->u.name.table_offset = p->token.offset;
        e->u.name.table = parse_name(p, NULL);
        parser_expect(p, TK_DOT);
    }
    parser_expect(p, TK_STAR);
    return e;
}

// as ::= [AS nm | ids]
// Without AS the words of joins are no aliases: they would hide the join that follows.
static const char *parse_alias(Parser *p, u32 *offset)
{
    ASSERT(offset != NULL);

    Token token = p->token;
    const char *alias = NULL;
    if (parser_accept(p, TK_AS)) {
        token = p->token;
        alias = parse_name(p, &token);
    } else if (parser_at_ids(p)) {
        alias = parse_ids(p, &token);
    }
    *offset = alias != NULL ? token.offset : NO_OFFSET;
    return alias;
}

// selcollist ::= (expr as | "*" | nm "." "*") {"," ...}
ExprList *parse_result_columns(Parser *p)
{
    ExprList *list = NULL;
    do {
        u32 start = p->token.offset;
        bool is_star = parser_at(p, TK_STAR) || parser_at_table_star(p);
        list = parser_list_add(p, list, is_star ? parse_star(p) : parse_expr(p));
        if (p->rc != SQLITE_OK)
            break;
        ExprItem *item = &list->items[list->count - 1];
        item->span = parser_span(p, start);
        if (!is_star)
            item->name = parse_alias(p, &item->name_offset);
    } while (parser_accept(p, TK_COMMA));
    return list;
}

// --- ORDER BY ---

// sortorder nulls ::= [ASC | DESC] [NULLS (FIRST | LAST)]
static void parse_sort_flags(Parser *p, ExprItem *item)
{
    ASSERT(item->sort == 0);

    if (parser_accept(p, TK_ASC)) {
        item->has_sort = true;
    } else if (parser_accept(p, TK_DESC)) {
        item->has_sort = true;
        item->sort |= SORT_DESC;
    }
    if (!parser_accept(p, TK_NULLS))
        return;
    item->has_nulls = true;
    if (parser_accept(p, TK_FIRST)) {
        item->sort |= SORT_NULLS_FIRST;
    } else {
        parser_expect(p, TK_LAST);
        item->sort |= SORT_NULLS_LAST;
    }
}

// sortlist ::= expr [ASC | DESC] [NULLS FIRST | NULLS LAST] {"," ...}
ExprList *parse_sort_list(Parser *p)
{
    ExprList *list = NULL;
    do {
        u32 start = p->token.offset;
        list = parser_list_add(p, list, parse_expr(p));
        if (p->rc != SQLITE_OK)
            break;
        ExprItem *item = &list->items[list->count - 1];
        item->span = parser_span(p, start);
        parse_sort_flags(p, item);
    } while (parser_accept(p, TK_COMMA));
    return list;
}

// --- FROM ---

FromItem *parser_from_item(Parser *p, u32 offset)
{
    ASSERT(offset == NO_OFFSET || offset <= p->lexer.size);

    FromItem *item = parser_new(p, sizeof *item);
    item->offset = offset;
    item->alias_offset = item->schema_offset = item->indexed_offset = NO_OFFSET;
    item->cursor = -1;
    return item;
}

static void from_list_add(Parser *p, FromList *list, FromItem *item)
{
    ASSERT(item != NULL);

    if (p->rc == SQLITE_OK
        && parser_grow(p, &list->items, &list->capacity, list->count, sizeof *list->items))
        list->items[list->count++] = item;
}

// indexed ::= [INDEXED BY nm | NOT INDEXED]
void parse_indexed(Parser *p, FromItem *item)
{
    ASSERT(item->indexed_by == NULL && !item->not_indexed);

    if (parser_accept(p, TK_INDEXED)) {
        parser_expect(p, TK_BY);
        Token token = p->token;
        item->indexed_by = parse_name(p, &token);
        item->indexed_offset = token.offset;
    } else if (parser_accept(p, TK_NOT)) {
        parser_expect(p, TK_INDEXED);
        item->not_indexed = true;
    }
}

// Only to choose between two messages, so it may err in texts that are wrong in both cases.
// May the current token follow a FROM term?
static bool parser_at_end_of_from_item(const Parser *p)
{
    static const u8 followers[] = {
        TK_END_OF_INPUT, TK_SEMICOLON, TK_COMMA, TK_RIGHT_PAREN, TK_JOIN,  TK_WHERE,
        TK_GROUP,        TK_HAVING,    TK_ORDER, TK_LIMIT,       TK_UNION, TK_EXCEPT,
        TK_INTERSECT,    TK_WINDOW,    TK_CROSS, TK_FULL,        TK_INNER, TK_LEFT,
        TK_NATURAL,      TK_OUTER,     TK_RIGHT, TK_RETURNING};
    for (size_t i = 0; i < ARRAY_LEN(followers); i++)
        if (parser_at(p, followers[i]))
            return true;
    return false;
}

// on_using ::= [ON expr | USING "(" idlist ")"]
static void parse_on_using(Parser *p, FromItem *item, bool is_first)
{
    ASSERT(item->on == NULL && item->using_list == NULL);

    if (parser_accept(p, TK_ON)) {
        item->on = parse_expr(p);
        item->has_on = true;
    } else if (parser_accept(p, TK_USING)) {
        parser_expect(p, TK_LEFT_PAREN);
        item->using_list = parse_id_list(p);
        item->has_using = true;
        parser_expect(p, TK_RIGHT_PAREN);
    }
    if (!is_first || (!item->has_on && !item->has_using))
        return;
    if (parser_at_end_of_from_item(p))
        parser_error(p, -1, "a JOIN clause is required before %s", item->has_on ? "ON" : "USING");
    else
        parser_syntax_error(p); // of the two complaints SQLite makes this one
}

// as, of a FROM item
static void parse_from_alias(Parser *p, FromItem *item)
{
    u32 offset;
    const char *alias = parse_alias(p, &offset);
    if (alias != NULL) {
        item->alias = alias;
        item->alias_offset = offset;
    }
}

// "(" select ")" as, behind "("
static FromItem *parse_from_select(Parser *p, u32 offset)
{
    ASSERT(p->previous.kind == TK_LEFT_PAREN);

    FromItem *item = parser_from_item(p, offset);
    item->kind = FROM_SELECT;
    item->select = parse_select(p);
    parser_expect(p, TK_RIGHT_PAREN);
    parse_from_alias(p, item);
    return item;
}

// Law A7: several items in parentheses become a query of their own.
static FromItem *nest_items(Parser *p, FromList *inner, u32 offset)
{
    ASSERT(p->rc != SQLITE_OK || inner->count > 1);

    FromItem *item = parser_from_item(p, offset);
    Select *select = parser_new(p, sizeof *select);
    select->columns = parser_list_add(p, NULL, parser_expr(p, EX_STAR, NO_OFFSET));
    select->from = inner;
    select->flags = SELECT_NESTED_FROM;
    select->id = ++p->select_count;
    select->offset = offset;
    select->height = 1;
    item->kind = FROM_NESTED;
    item->select = select;
    return item;
}

// "(" seltablist ")" as, behind "("
// One table in parentheses is that table: FROM (t) is FROM t, with the alias written outside.
static FromItem *parse_from_parenthesis(Parser *p, u32 offset, bool is_whole_list)
{
    ASSERT(p->previous.kind == TK_LEFT_PAREN);

    FromList *inner = parse_from_list(p);
    parser_expect(p, TK_RIGHT_PAREN);
    if (p->rc != SQLITE_OK)
        return parser_from_item(p, offset);
    FromItem *item = inner->items[0];
    bool is_single = inner->count == 1;
    if (!is_single)
        item = nest_items(p, inner, offset);
    bool has_alias = parser_at(p, TK_AS) || parser_at_ids(p);
    if (is_single && (has_alias || !is_whole_list) && item->kind == FROM_TABLE)
        item->alias = NULL; // as in SQLite, the name inside is not seen outside
    parse_from_alias(p, item);
    return item;
}

// nm ["." nm] ["(" [exprlist] ")"]
FromItem *parse_table_or_function(Parser *p)
{
    FromItem *item = parser_from_item(p, p->token.offset);
    QualifiedName name = parse_qualified_name(p);
    item->kind = FROM_TABLE;
    item->schema = name.schema;
    item->schema_offset = name.schema_offset;
    item->name = name.name;
    item->offset = name.offset;
    if (parser_accept(p, TK_LEFT_PAREN)) {
        item->kind = FROM_FUNCTION;
        if (!parser_at(p, TK_RIGHT_PAREN))
            item->args = parse_expr_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    return item;
}

// table_or_function as [indexed]; functions have no indexes to choose from
static FromItem *parse_from_table(Parser *p)
{
    FromItem *item = parse_table_or_function(p);
    parse_from_alias(p, item);
    if (item->kind == FROM_TABLE)
        parse_indexed(p, item);
    return item;
}

// item ::= (table | "(" select ")" as | "(" seltablist ")" as) on_using
static FromItem *parse_from_item(Parser *p, u8 join, bool is_first)
{
    ASSERT(is_first == (join == 0));

    FromItem *item = NULL;
    if (!parser_at(p, TK_LEFT_PAREN)) {
        item = parse_from_table(p);
    } else {
        u32 offset = p->token.offset;
        bool is_select = false;
        u32 cost = 2;
        parser_advance(p);
        if (parser_at_select(p)) {
            is_select = true;
            cost = 3;
        }
        if (parser_enter(p, cost))
            item = is_select ? parse_from_select(p, offset)
                             : parse_from_parenthesis(p, offset, is_first);
        parser_leave(p, cost);
        if (item == NULL)
            item = parser_from_item(p, offset);
    }
    ASSERT(item != NULL);
    item->join = join;
    parse_on_using(p, item, is_first);
    return item;
}

// Any order and any combination parses, up to three words; sense is made of the sum. LEFT, RIGHT
// and FULL say OUTER as well, written or not.
static u8 join_word(const Token *word)
{
    ASSERT(word->kind != TK_JOIN);

    switch (word->kind) {
    case TK_NATURAL: return JOIN_NATURAL;
    case TK_LEFT: return JOIN_LEFT | JOIN_OUTER;
    case TK_RIGHT: return JOIN_RIGHT | JOIN_OUTER;
    case TK_FULL: return JOIN_LEFT | JOIN_RIGHT | JOIN_OUTER;
    case TK_OUTER: return JOIN_OUTER;
    case TK_INNER: return JOIN_INNER;
    case TK_CROSS: return JOIN_INNER | JOIN_CROSS;
    default: return 0; // any other name: an unknown join type
    }
}

// A message shows what was written, at most 300 bytes of each word.
static void unknown_join_type(Parser *p, const Token *words, u32 count)
{
    ASSERT(count >= 1 && count <= 3);

    char text[1024];
    size_t used = 0;
    for (u32 i = 0; i < count; i++) {
        size_t size = words[i].size < 300 ? words[i].size : 300;
        if (i > 0)
            text[used++] = ' ';
        memcpy(text + used, p->sql + words[i].offset, size);
        used += size;
    }
    parser_error(p, (i32)words[0].offset, "unknown join type: %.*s", (int)used, text);
}

// JOIN_KW [nm [nm]] JOIN, at JOIN_KW
static u8 parse_join_words(Parser *p)
{
    ASSERT(parser_at_name(p));

    Token words[3];
    u32 count = 0;
    u8 join = 0;
    bool is_known = true;
    while (count < 3 && parser_at_name(p)) {
        words[count] = p->token;
        u8 word = join_word(&words[count++]);
        is_known = is_known && word != 0;
        join |= word;
        parser_advance(p);
    }
    if (!parser_at(p, TK_JOIN)) {
        parser_syntax_error(p);
        return 0;
    }
    // INNER LEFT, OUTER alone and words that are no join's are refused; NATURAL goes with anything.
    bool is_outer = (join & JOIN_OUTER) != 0;
    if (!is_known || (is_outer && (join & JOIN_INNER))
        || (is_outer && !(join & (JOIN_LEFT | JOIN_RIGHT))))
        unknown_join_type(p, words, count);
    parser_advance(p);
    return is_outer ? join : join | JOIN_INNER;
}

// joinop ::= "," | JOIN | JOIN_KW ... JOIN. 0 when there is none.
static u8 parse_join_operator(Parser *p)
{
    if (parser_accept(p, TK_COMMA))
        return JOIN_INNER | JOIN_COMMA;
    if (parser_accept(p, TK_JOIN))
        return JOIN_INNER;
    if (p->token.kind >= TOKEN_FIRST_KEYWORD && keyword_class(p->token.kind) == KEYWORD_JOIN)
        return parse_join_words(p);
    return 0;
}

#define FROM_COUNT_MAX 200 // SQLite's limit on the terms of one FROM clause

// Parentheses around the first terms of a FROM clause change nothing.
// Only with no name put on it, and only the first: behind another item the parenthesis decides who
// joins first.
static void splice_nested(Parser *p, FromList *list, const FromItem *nested)
{
    ASSERT(list->count == 0 && nested->kind == FROM_NESTED);

    if (p->rc != SQLITE_OK)
        return;
    const FromList *inner = nested->select->from;
    if (nested->select->id == p->select_count)
        p->select_count--; // the Select is not needed
    for (u32 i = 0; i < inner->count; i++)
        from_list_add(p, list, inner->items[i]);
}

// seltablist ::= item {joinop item}
// "item" stands for the item with its ON or USING, which belongs to the operator before it.
FromList *parse_from_list(Parser *p)
{
    FromList *list = parser_new(p, sizeof *list);
    u8 join = 0;
    do {
        FromItem *item = parse_from_item(p, join, list->count == 0);
        if (list->count >= FROM_COUNT_MAX)
            parser_error(p, -1, "too many FROM clause terms, max: %d", FROM_COUNT_MAX);
        if (list->count == 0 && item->kind == FROM_NESTED && item->alias == NULL)
            splice_nested(p, list, item);
        else
            from_list_add(p, list, item);
        join = parse_join_operator(p);
    } while (join != 0 && p->rc == SQLITE_OK);
    return list;
}

// nm ["." nm] [AS nm], the table of INSERT, UPDATE and DELETE
FromItem *parse_target(Parser *p, bool alias_without_as)
{
    FromItem *item = parser_from_item(p, p->token.offset);
    QualifiedName name = parse_qualified_name(p);
    item->kind = FROM_TABLE;
    item->schema = name.schema;
    item->schema_offset = name.schema_offset;
    item->name = name.name;
    item->offset = name.offset;
    if (alias_without_as || parser_at(p, TK_AS))
        parse_from_alias(p, item);
    return item;
}

// --- windows ---

// expr PRECEDING | expr FOLLOWING | CURRENT ROW | UNBOUNDED PRECEDING (start)
// or FOLLOWING (end)
static FrameBound parse_frame_bound(Parser *p, bool is_end)
{
    ASSERT(p->rc != SQLITE_OK || p->previous.kind != TK_EXCLUDE);

    FrameBound bound = {.kind = BOUND_CURRENT_ROW};
    if (parser_accept(p, TK_UNBOUNDED)) {
        bound.kind = is_end ? BOUND_UNBOUNDED_FOLLOWING : BOUND_UNBOUNDED_PRECEDING;
        parser_expect(p, is_end ? TK_FOLLOWING : TK_PRECEDING);
        return bound;
    }
    if (parser_accept(p, TK_CURRENT)) {
        parser_expect(p, TK_ROW);
        return bound;
    }
    bound.expr = parse_expr(p);
    bound.kind = BOUND_PRECEDING;
    if (!parser_accept(p, TK_PRECEDING)) {
        parser_expect(p, TK_FOLLOWING);
        bound.kind = BOUND_FOLLOWING;
    }
    return bound;
}

// frame_exclude_opt ::= [EXCLUDE (NO OTHERS | CURRENT ROW | GROUP | TIES)]
static u8 parse_frame_exclude(Parser *p)
{
    if (!parser_accept(p, TK_EXCLUDE))
        return EXCLUDE_NO_OTHERS;
    if (parser_accept(p, TK_NO)) {
        parser_expect(p, TK_OTHERS);
        return EXCLUDE_NO_OTHERS;
    }
    if (parser_accept(p, TK_CURRENT)) {
        parser_expect(p, TK_ROW);
        return EXCLUDE_CURRENT_ROW;
    }
    if (parser_accept(p, TK_GROUP))
        return EXCLUDE_GROUP;
    parser_expect(p, TK_TIES);
    return EXCLUDE_TIES;
}

// frame_opt ::= [(RANGE | ROWS | GROUPS) (bound | BETWEEN bound AND bound)
// [EXCLUDE ...]]
//
// Without a frame the bounds are those of the default one, so that nobody need ask twice.
static void parse_frame(Parser *p, Window *window)
{
    ASSERT(p->rc != SQLITE_OK || (!window->has_frame && window->start.expr == NULL));

    window->start.kind = BOUND_UNBOUNDED_PRECEDING;
    window->end.kind = BOUND_CURRENT_ROW;
    window->unit = FRAME_RANGE;
    if (parser_at(p, TK_ROWS))
        window->unit = FRAME_ROWS;
    else if (parser_at(p, TK_GROUPS))
        window->unit = FRAME_GROUPS;
    else if (!parser_at(p, TK_RANGE))
        return;
    parser_advance(p);
    window->has_frame = true;
    if (parser_accept(p, TK_BETWEEN)) {
        window->start = parse_frame_bound(p, false);
        parser_expect(p, TK_AND);
        window->end = parse_frame_bound(p, true);
    } else {
        window->start = parse_frame_bound(p, false);
    }
    window->has_exclude = parser_at(p, TK_EXCLUDE);
    window->exclude = parse_frame_exclude(p);
    // PRECEDING may meet PRECEDING, FOLLOWING may meet FOLLOWING; otherwise the
    // order must be right.
    static_assert(BOUND_PRECEDING < BOUND_CURRENT_ROW && BOUND_CURRENT_ROW < BOUND_FOLLOWING,
                  "order");
    if (window->start.kind > window->end.kind)
        parser_error(p, -1, "unsupported frame specification");
}

// window ::= [nm] [PARTITION BY nexprlist] [ORDER BY sortlist] frame_opt, and
// the ")"
// A name comes first where it can: PARTITION, RANGE, ROWS and GROUPS are names as well, but never
// here.
static Window *parse_window_body(Parser *p)
{
    ASSERT(p->rc != SQLITE_OK || p->previous.kind == TK_LEFT_PAREN);

    Window *window = parser_new(p, sizeof *window);
    bool has_base = parser_at_name(p) && !parser_at(p, TK_PARTITION) && !parser_at(p, TK_RANGE)
                    && !parser_at(p, TK_ROWS) && !parser_at(p, TK_GROUPS);
    if (has_base) {
        Token token = p->token;
        window->base_name = parse_name(p, &token);
        window->name_offset = token.offset;
    }
    if (parser_accept(p, TK_PARTITION)) {
        parser_expect(p, TK_BY);
        window->partition_by = parse_expr_list(p);
    }
    if (parser_accept(p, TK_ORDER)) {
        parser_expect(p, TK_BY);
        window->order_by = parse_sort_list(p);
    }
    parse_frame(p, window);
    parser_expect(p, TK_RIGHT_PAREN);
    return window;
}

// over ::= OVER "(" window ")" | OVER nm
Window *parse_over(Parser *p)
{
    ASSERT(p->previous.kind == TK_OVER);

    if (parser_accept(p, TK_LEFT_PAREN)) {
        Window *window = NULL;
        if (parser_enter(p, 3))
            window = parse_window_body(p);
        parser_leave(p, 3);
        return window;
    }
    Window *window = parser_new(p, sizeof *window);
    Token token = p->token;
    window->name = parse_name(p, &token);
    window->name_offset = token.offset;
    window->is_reference = true;
    return window;
}

// windowdefn_list ::= nm AS "(" window ")" {"," ...}
Window *parse_window_defs(Parser *p)
{
    ASSERT(p->previous.kind == TK_WINDOW);

    Window *first = NULL;
    Window **link = &first;
    do {
        const char *name = parse_name(p, NULL);
        parser_expect(p, TK_AS);
        parser_expect(p, TK_LEFT_PAREN);
        Window *window = parse_window_body(p);
        if (p->rc != SQLITE_OK)
            break;
        window->name = name;
        *link = window;
        link = &window->next;
    } while (parser_accept(p, TK_COMMA));
    return first;
}

bool parser_at_window_clause(const Parser *p)
{
    return parser_at(p, TK_WINDOW);
}

// --- SELECT ---

// limit_opt ::= [LIMIT expr [(OFFSET | ",") expr]]
static void parse_limit(Parser *p, Select *select)
{
    ASSERT(select->limit == NULL && select->offset_expr == NULL);

    if (!parser_accept(p, TK_LIMIT))
        return;
    select->limit = parse_expr(p);
    if (parser_accept(p, TK_OFFSET)) {
        select->offset_expr = parse_expr(p);
    } else if (parser_accept(p, TK_COMMA)) { // LIMIT offset, limit
        select->offset_expr = select->limit;
        select->limit = parse_expr(p);
    }
}

// [FROM seltablist] [WHERE expr] [GROUP BY nexprlist] [HAVING expr] [WINDOW windowdefn_list]
// [ORDER BY sortlist] limit_opt
static void parse_select_clauses(Parser *p, Select *select)
{
    ASSERT(select->from == NULL);

    if (parser_accept(p, TK_FROM))
        select->from = parse_from_list(p);
    if (parser_accept(p, TK_WHERE))
        select->where = parse_expr(p);
    if (parser_accept(p, TK_GROUP)) {
        parser_expect(p, TK_BY);
        select->group_by = parse_expr_list(p);
    }
    if (parser_accept(p, TK_HAVING))
        select->having = parse_expr(p);
    if (parser_at_window_clause(p)) {
        parser_advance(p);
        select->window_defs = parse_window_defs(p);
    }
    if (parser_accept(p, TK_ORDER)) {
        parser_expect(p, TK_BY);
        select->order_by = parse_sort_list(p);
    }
    parse_limit(p, select);
}

static void raise_to(u32 *height, const Expr *e)
{
    if (e != NULL && e->height > *height)
        *height = e->height;
}

static void raise_to_list(u32 *height, const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        raise_to(height, list->items[i].expr);
}

// A subquery is as high as its highest expression: SQLite's depth limit counts through it. (FROM
// counts for nothing there.)
static void select_set_height(Select *select)
{
    ASSERT(select->columns != NULL);

    raise_to_list(&select->height, select->columns);
    raise_to(&select->height, select->where);
    raise_to(&select->height, select->having);
    raise_to(&select->height, select->limit);
    raise_to(&select->height, select->offset_expr);
    raise_to_list(&select->height, select->group_by);
    raise_to_list(&select->height, select->order_by);
}

// SELECT [DISTINCT | ALL] selcollist [FROM ...] ...
static Select *parse_plain_select(Parser *p)
{
    ASSERT(parser_at(p, TK_SELECT) || p->rc != SQLITE_OK);

    Select *select = parser_new(p, sizeof *select);
    select->offset = p->token.offset;
    parser_expect(p, TK_SELECT);
    if (!parser_enter(p, 3)) {
        parser_leave(p, 3);
        return select;
    }
    u32 flags = 0;
    if (parser_accept(p, TK_DISTINCT))
        flags = SELECT_DISTINCT;
    else if (parser_accept(p, TK_ALL))
        flags = SELECT_ALL_WRITTEN;
    select->flags = flags;
    select->columns = parse_result_columns(p);
    parse_select_clauses(p, select);
    if (p->rc == SQLITE_OK)
        select_set_height(select);
    select->id = ++p->select_count;
    parser_leave(p, 3);
    return select;
}

// One row of VALUES: "(" nexprlist ")"
static Select *parse_values_row(Parser *p)
{
    Select *select = parser_new(p, sizeof *select);
    u32 offset = p->token.offset;
    parser_expect(p, TK_LEFT_PAREN);
    if (!parser_enter(p, 3)) {
        parser_leave(p, 3);
        return select;
    }
    ExprList *columns = parse_expr_list(p);
    parser_expect(p, TK_RIGHT_PAREN);
    parser_leave(p, 3);
    select->offset = offset;
    select->flags = SELECT_VALUES;
    select->columns = columns;
    select->id = ++p->select_count;
    if (p->rc == SQLITE_OK)
        select_set_height(select);
    return select;
}

// Law A6: the chain grows at its end, and what is known of the whole is kept there.
static void link_terms(Select *prior, Select *select, SetOp set_op)
{
    ASSERT(set_op != SET_NONE && prior->next == NULL && select->prior == NULL);

    select->set_op = (u8)set_op;
    select->prior = prior;
    prior->next = select;
    prior->flags |= SELECT_COMPOUND_TERM;
    if (prior->height > select->height) // A4: the last term stands for the whole compound
        select->height = prior->height;
}

// The rows of (a, b) IN ((1, 2), (3, 4)) as VALUES (1, 2), (3, 4).
Select *select_of_rows(Parser *p, const ExprList *rows)
{
    ASSERT(rows->count > 0);

    Select *last = NULL;
    for (u32 i = 0; i < rows->count && p->rc == SQLITE_OK; i++) {
        const Expr *row = rows->items[i].expr;
        ASSERT(row->kind == EX_VECTOR);
        Select *select = parser_new(p, sizeof *select);
        select->offset = row->offset;
        select->flags = SELECT_VALUES | (last != NULL ? (u32)SELECT_MULTI_VALUES : 0);
        select->columns = row->list;
        select->id = ++p->select_count;
        select_set_height(select);
        if (last != NULL)
            link_terms(last, select, SET_UNION_ALL);
        last = select;
    }
    if (last != NULL)
        last->flags |= SELECT_PLAIN_ROWS;
    return last;
}

// Rows that SQLite codes as a plain compound, not as a co-routine that yields one row after
// another; EXPLAIN QUERY PLAN and the order of side effects show which (SELECT_PLAIN_ROWS).
static bool row_has_calls(const Select *row)
{
    ASSERT(row->columns != NULL);

    bool found = false;
    for (u32 i = 0; i < row->columns->count; i++)
        found |= (row->columns->items[i].expr->flags & (EXPR_HAS_CALL | EXPR_HAS_SUBQUERY)) != 0;
    return found;
}

// VALUES "(" ... ")" {"," "(" ... ")"}: rows become terms of a UNION ALL
static Select *parse_values(Parser *p)
{
    ASSERT(parser_at(p, TK_VALUES));

    parser_expect(p, TK_VALUES);
    Select *last = parse_values_row(p);
    while (parser_accept(p, TK_COMMA)) {
        Select *row = parse_values_row(p);
        if (p->rc != SQLITE_OK)
            break;
        link_terms(last, row, SET_UNION_ALL);
        row->flags |= SELECT_MULTI_VALUES | (last->flags & SELECT_PLAIN_ROWS);
        if (row_has_calls(row))
            row->flags |= SELECT_PLAIN_ROWS;
        last = row;
    }
    if (p->has_with)
        last->flags |= SELECT_PLAIN_ROWS;
    return last;
}

// oneselect ::= SELECT ... | values
static Select *parse_one_select(Parser *p)
{
    if (parser_at(p, TK_VALUES))
        return parse_values(p);
    return parse_plain_select(p);
}

// multiselect_op ::= UNION [ALL] | EXCEPT | INTERSECT
static SetOp parse_set_operator(Parser *p)
{
    if (parser_accept(p, TK_UNION))
        return parser_accept(p, TK_ALL) ? SET_UNION_ALL : SET_UNION;
    if (parser_accept(p, TK_INTERSECT))
        return SET_INTERSECT;
    if (parser_accept(p, TK_EXCEPT))
        return SET_EXCEPT;
    return SET_NONE;
}

// Several rows of VALUES behind a set operator are one operand: SELECT * FROM (VALUES ...)
static Select *single_operand(Parser *p, Select *rows)
{
    ASSERT(rows->next == NULL);

    if (p->rc != SQLITE_OK || rows->prior == NULL)
        return rows;
    FromItem *item = parser_from_item(p, rows->offset);
    FromList *from = parser_new(p, sizeof *from);
    Select *select = parser_new(p, sizeof *select);
    ExprList *columns = parser_list_add(p, NULL, parser_expr(p, EX_STAR, NO_OFFSET));
    if (p->rc != SQLITE_OK)
        return rows;
    item->kind = FROM_SELECT;
    item->select = rows;
    from_list_add(p, from, item);
    select->columns = columns;
    select->from = from;
    select->offset = rows->offset;
    select->height = rows->height + 1;
    select->id = ++p->select_count;
    return select;
}

static const char *set_operator_name(u8 set_op)
{
    ASSERT(set_op >= SET_UNION && set_op <= SET_EXCEPT);

    static const char *const names[] = {"", "UNION", "UNION ALL", "INTERSECT", "EXCEPT"};
    return names[set_op];
}

// ORDER BY and LIMIT belong behind the last term; a compound has only so many
// terms.
static void check_compound(Parser *p, Select *last)
{
    ASSERT(last->prior != NULL && last->next == NULL);

    i32 count = 1;
    for (Select *term = last; term->prior != NULL; term = term->prior) {
        const Select *prior = term->prior;
        count++;
        if (prior->order_by == NULL && prior->limit == NULL)
            continue;
        parser_error(p, -1, "%s clause should come after %s not before",
                     prior->order_by != NULL ? "ORDER BY" : "LIMIT",
                     set_operator_name(term->set_op));
        return;
    }
    // Rows of VALUES may be any number: they are not coded one by one.
    i32 limit = p->options->compound_select;
    if (!(last->flags & SELECT_VALUES) && limit > 0 && count > limit)
        parser_error(p, -1, "too many terms in compound SELECT");
}

// select ::= [WITH] oneselect {multiselect_op oneselect}
//
// An operator's right side is one term: what comes next joins the compound on its left.
Select *parse_select_body(Parser *p, With *with)
{
    ASSERT(with == NULL || p->has_with);

    Select *last = parse_one_select(p);
    for (;;) {
        SetOp set_op = parse_set_operator(p);
        if (set_op == SET_NONE)
            break;
        Select *term = NULL;
        if (parser_enter(p, 2)) {
            if (!parser_at(p, TK_SELECT) && !parser_at(p, TK_VALUES))
                parser_syntax_error(p);
            term = parse_one_select(p);
        }
        parser_leave(p, 2);
        if (p->rc != SQLITE_OK)
            return last;
        term = single_operand(p, term);
        if (p->rc != SQLITE_OK)
            return last;
        link_terms(last, term, set_op);
        last = term;
    }
    if (p->rc == SQLITE_OK && last->prior != NULL)
        check_compound(p, last);
    last->with = with;
    return last;
}

// select ::= [with] oneselect {multiselect_op oneselect}, at its first word
Select *parse_select(Parser *p)
{
    With *with = parser_at(p, TK_WITH) ? parse_with(p) : NULL;
    if (!parser_at(p, TK_SELECT) && !parser_at(p, TK_VALUES))
        parser_syntax_error(p);
    return parse_select_body(p, with);
}

// --- WITH ---

// eidlist ::= nm {"," nm}; COLLATE and a sort order parse, but are refused
// Old schemas may hold such columns: of rows in sqlite_schema they are taken without a word.
IdList *parse_plain_id_list(Parser *p)
{
    IdList *list = NULL;
    do {
        Token token = p->token;
        const char *name = parse_name(p, &token);
        list = parser_id_list_add(p, list, name, token.offset);
        bool has_more = false;
        if (parser_accept(p, TK_COLLATE)) {
            (void)parse_ids(p, NULL);
            has_more = true;
        }
        has_more = parser_accept(p, TK_ASC) || parser_accept(p, TK_DESC) || has_more;
        if (has_more && !p->options->lenient_schema)
            parser_error(p, -1, "syntax error after column name \"%s\"", name);
    } while (parser_accept(p, TK_COMMA));
    return list;
}

// wqitem ::= nm ["(" eidlist ")"] AS [[NOT] MATERIALIZED] "(" select ")"
static Cte *parse_cte(Parser *p)
{
    ASSERT(p->has_with);

    Cte *cte = parser_new(p, sizeof *cte);
    Token token = p->token;
    const char *name = parse_name(p, &token);
    IdList *columns = NULL;
    if (parser_accept(p, TK_LEFT_PAREN)) {
        columns = parse_plain_id_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    parser_expect(p, TK_AS);
    CteHint hint = CTE_ANY;
    if (parser_accept(p, TK_MATERIALIZED)) {
        hint = CTE_MATERIALIZED;
    } else if (parser_accept(p, TK_NOT)) {
        parser_expect(p, TK_MATERIALIZED);
        hint = CTE_NOT_MATERIALIZED;
    }
    parser_expect(p, TK_LEFT_PAREN);
    Select *select = NULL;
    // name, columns, AS, the hint and "(" lie on SQLite's stack by now
    if (parser_enter(p, 5))
        select = parse_select(p);
    parser_expect(p, TK_RIGHT_PAREN);
    parser_leave(p, 5);
    if (p->rc != SQLITE_OK)
        return cte;
    *cte = (Cte){.name = name,
                 .name_offset = token.offset,
                 .columns = columns,
                 .select = select,
                 .hint = (u8)hint};
    return cte;
}

// The name must be unique in its own WITH; an outer one may be hidden by it.
static void with_add(Parser *p, With *with, Cte *cte)
{
    ASSERT(p->rc != SQLITE_OK || cte->with == NULL);

    if (p->rc != SQLITE_OK)
        return;
    for (u32 i = 0; i < with->count; i++)
        if (name_equals(with->items[i]->name, cte->name))
            parser_error(p, -1, "duplicate WITH table name: %s", cte->name);
    if (!parser_grow(p, &with->items, &with->capacity, with->count, sizeof *with->items))
        return;
    cte->with = with;
    with->items[with->count++] = cte;
}

// with ::= WITH [RECURSIVE] wqitem {"," wqitem}, at WITH
With *parse_with(Parser *p)
{
    ASSERT(parser_at(p, TK_WITH));

    With *with = parser_new(p, sizeof *with);
    parser_expect(p, TK_WITH);
    p->has_with = true;
    with->recursive = parser_accept(p, TK_RECURSIVE);
    do
        with_add(p, with, parse_cte(p));
    while (parser_accept(p, TK_COMMA));
    return with;
}
