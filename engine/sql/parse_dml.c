// Data changes: INSERT, REPLACE, UPDATE, DELETE, with upsert and RETURNING.
//
// The same productions serve the steps of a trigger (Parser.in_trigger), where SQLite's grammar is
// narrower: no schema before the target, no INDEXED BY, no DEFAULT VALUES, no RETURNING. Some of
// that is a message of its own, the rest a plain syntax error; it is told apart here as it is
// there. ORDER BY and LIMIT of UPDATE and DELETE (SQLITE_ENABLE_UPDATE_DELETE_LIMIT) do not exist.

#include "sql/parse_internal.h"

// The widths of (a, b) = (1, 2) are compared by the resolver: a subquery's is not known before.
// setlist ::= nm "=" expr | "(" idlist ")" "=" expr, separated by ","
static SetList *parse_set_list(Parser *p)
{
    SetList *list = parser_new(p, sizeof *list);
    u32 column_count = 0;
    do {
        SetItem item = {0};
        if (parser_accept(p, TK_LEFT_PAREN)) {
            item.is_row = true;
            item.columns = parse_id_list(p);
            parser_expect(p, TK_RIGHT_PAREN);
        } else {
            Token token = p->token;
            const char *name = parse_name(p, &token);
            item.columns = parser_id_list_add(p, NULL, name, token.offset);
        }
        parser_expect(p, TK_EQUAL);
        item.expr = parse_expr(p);
        if (p->rc != SQLITE_OK
            || !parser_grow(p, &list->items, &list->capacity, list->count, sizeof *list->items))
            break;
        list->items[list->count++] = item;
        column_count += item.columns->count;
    } while (parser_accept(p, TK_COMMA));
    // Of the columns of all items: SQLITE_LIMIT_COLUMN bounds the list as a whole.
    if (column_count > (u32)p->options->column_count)
        parser_error(p, -1, "too many columns in set list");
    return list;
}

// [RETURNING selcollist]
static ExprList *parse_returning(Parser *p)
{
    if (!parser_accept(p, TK_RETURNING))
        return NULL;
    ExprList *list = parse_result_columns(p);
    if (p->in_trigger)
        parser_error(p, -1, "cannot use RETURNING in a trigger");
    return list;
}

// The target; inside a trigger without a schema.
static FromItem *parse_change_target(Parser *p)
{
    FromItem *item = parse_target(p, false);
    if (p->in_trigger && item->schema != NULL)
        parser_error(p, -1,
                     "qualified table names are not allowed on INSERT, UPDATE, and DELETE "
                     "statements within triggers");
    return item;
}

// indexed, of UPDATE and DELETE
static void parse_change_indexed(Parser *p, FromItem *item)
{
    ASSERT(item->indexed_by == NULL && !item->not_indexed);

    parse_indexed(p, item);
    if (p->in_trigger && (item->indexed_by != NULL || item->not_indexed))
        parser_error(p, -1,
                     "the %s clause is not allowed on UPDATE or DELETE statements "
                     "within triggers",
                     item->not_indexed ? "NOT INDEXED" : "INDEXED BY");
}

// Parsed only to be refused in SQLite's words:
// SQLITE_ENABLE_UPDATE_DELETE_LIMIT is off.
static void refuse_order_and_limit(Parser *p)
{
    const char *clause = NULL;
    if (p->in_trigger)
        return;
    if (parser_accept(p, TK_ORDER)) {
        parser_expect(p, TK_BY);
        (void)parse_sort_list(p);
        clause = "ORDER BY";
    }
    if (parser_accept(p, TK_LIMIT)) {
        (void)parse_expr(p);
        if (parser_accept(p, TK_OFFSET) || parser_accept(p, TK_COMMA))
            (void)parse_expr(p);
        clause = clause != NULL ? clause : "LIMIT";
    }
    if (clause != NULL && (parser_at(p, TK_SEMICOLON) || parser_at(p, TK_END_OF_INPUT)))
        parser_error(p, -1, "syntax error near \"%s\"", clause);
}

// --- INSERT ---

// Keys have no NULLS FIRST or LAST.
static void refuse_nulls_order(Parser *p, const ExprList *list)
{
    ASSERT(list != NULL);

    for (u32 i = 0; p->rc == SQLITE_OK && i < list->count; i++)
        if (list->items[i].has_nulls)
            parser_error(p, -1, "unsupported use of NULLS %s",
                         list->items[i].sort & SORT_NULLS_FIRST ? "FIRST" : "LAST");
}

// upsert ::= ON CONFLICT ["(" sortlist ")" [WHERE expr]] DO (NOTHING | UPDATE
// SET setlist [WHERE expr])
static Upsert *parse_upsert_clause(Parser *p)
{
    ASSERT(p->previous.kind == TK_ON);

    Upsert *upsert = parser_new(p, sizeof *upsert);
    parser_expect(p, TK_CONFLICT);
    if (parser_accept(p, TK_LEFT_PAREN)) {
        upsert->target = parse_sort_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
        refuse_nulls_order(p, upsert->target);
        if (parser_accept(p, TK_WHERE))
            upsert->target_where = parse_expr(p);
    }
    parser_expect(p, TK_DO);
    if (parser_accept(p, TK_NOTHING))
        return upsert;
    parser_expect(p, TK_UPDATE);
    parser_expect(p, TK_SET);
    upsert->do_update = true;
    upsert->set = parse_set_list(p);
    if (parser_accept(p, TK_WHERE))
        upsert->where = parse_expr(p);
    return upsert;
}

// Clauses with a target, then at most one without.
// A clause without a target takes every conflict, so SQLite's grammar lets nothing follow it.
static Upsert *parse_upserts(Parser *p)
{
    Upsert *first = NULL;
    Upsert **link = &first;
    while (parser_accept(p, TK_ON)) {
        Upsert *upsert = parse_upsert_clause(p);
        if (p->rc != SQLITE_OK)
            break;
        *link = upsert;
        link = &upsert->next;
        if (upsert->target == NULL)
            break;
    }
    return first;
}

// [WITH] (INSERT orconf | REPLACE) INTO target ["(" idlist ")"] (select upsert
// | DEFAULT VALUES) returning
static Insert *parse_insert(Parser *p, With *with)
{
    ASSERT(parser_at(p, TK_INSERT) || parser_at(p, TK_REPLACE));

    Insert *insert = parser_new(p, sizeof *insert);
    insert->with = with;
    if (parser_accept(p, TK_REPLACE)) {
        insert->on_conflict = ON_CONFLICT_REPLACE;
    } else {
        parser_expect(p, TK_INSERT);
        insert->on_conflict = parse_or_conflict(p);
    }
    parser_expect(p, TK_INTO);
    insert->target = parse_change_target(p);
    if (parser_accept(p, TK_LEFT_PAREN)) {
        insert->columns = parse_id_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    if (!p->in_trigger && parser_accept(p, TK_DEFAULT)) {
        parser_expect(p, TK_VALUES);
        insert->default_values = true;
    } else {
        if (!parser_at_select(p))
            parser_syntax_error(p);
        insert->select = parse_select(p);
        insert->upsert = parse_upserts(p);
    }
    insert->returning = parse_returning(p);
    return insert;
}

// --- UPDATE and DELETE ---

// [WITH] UPDATE orconf target [indexed] SET setlist [FROM ...] [WHERE expr]
// returning
static Update *parse_update(Parser *p, With *with)
{
    ASSERT(parser_at(p, TK_UPDATE));

    Update *update = parser_new(p, sizeof *update);
    update->with = with;
    parser_expect(p, TK_UPDATE);
    update->on_conflict = parse_or_conflict(p);
    update->target = parse_change_target(p);
    parse_change_indexed(p, update->target);
    parser_expect(p, TK_SET);
    update->set = parse_set_list(p);
    if (parser_accept(p, TK_FROM))
        update->from = parse_from_list(p);
    if (parser_accept(p, TK_WHERE))
        update->where = parse_expr(p);
    if (!p->in_trigger)
        update->returning = parse_returning(p);
    refuse_order_and_limit(p);
    return update;
}

// [WITH] DELETE FROM target [indexed] [WHERE expr] returning
static Delete *parse_delete(Parser *p, With *with)
{
    ASSERT(parser_at(p, TK_DELETE));

    Delete *delete_ = parser_new(p, sizeof *delete_);
    delete_->with = with;
    parser_expect(p, TK_DELETE);
    parser_expect(p, TK_FROM);
    delete_->target = parse_change_target(p);
    parse_change_indexed(p, delete_->target);
    if (parser_accept(p, TK_WHERE))
        delete_->where = parse_expr(p);
    if (!p->in_trigger)
        delete_->returning = parse_returning(p);
    refuse_order_and_limit(p);
    return delete_;
}

// insert | update | delete, by the first word
void parse_data_change(Parser *p, With *with, Stmt *stmt)
{
    switch (p->token.kind) {
    case TK_INSERT:
    case TK_REPLACE:
        stmt->kind = STMT_INSERT;
        stmt->u.insert = parse_insert(p, with);
        return;
    case TK_UPDATE:
        stmt->kind = STMT_UPDATE;
        stmt->u.update = parse_update(p, with);
        return;
    case TK_DELETE:
        stmt->kind = STMT_DELETE;
        stmt->u.delete_ = parse_delete(p, with);
        return;
    default: parser_syntax_error(p); return; // nothing else changes data
    }
}
