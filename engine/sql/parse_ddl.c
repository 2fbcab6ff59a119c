// Definitions: CREATE, ALTER, DROP.
//
// What sqlite_schema stores is the text from the object's bare name to the end of the statement;
// `body` keeps that span, and the caller puts "CREATE TABLE " or the like in front of it. The rows
// of sqlite_schema are parsed by the same functions (ParseOptions.lenient_schema), so whatever was
// stored parses again: what is refused here must never have been accepted.
//
// Constraints are kept in the order written, with their spans: ALTER TABLE cuts and inserts text,
// and messages come in this order. What they mean is schema_build.c's matter.
//
// quire's own, beside SQLite's grammar:
//   CREATE INDEX i ON t USING method (cols) [WITH (option = literal, ...)]    an index method's
//   ALTER TABLE t ALTER [COLUMN] c TO columndef                               another definition

#include "base/hashmap.h"
#include "base/utf.h"
#include "sql/parse_internal.h"
#include <string.h>

// --- types ---

// Numbers in a type (VARCHAR(10)) are read to be passed over: their text is part of the type.
// signed ::= ["+" | "-"] number
static void parse_signed_number(Parser *p)
{
    if (!parser_accept(p, TK_PLUS))
        (void)parser_accept(p, TK_MINUS);
    if (!parser_accept(p, TK_INTEGER))
        parser_expect(p, TK_FLOAT);
}

// A type that begins with a quote loses its first and last byte, as in SQLite.
static const char *type_text(Parser *p, Span span)
{
    ASSERT(span.size > 0);

    char first = span.text[0];
    bool is_quoted = first == '"' || first == '[' || first == '`' || first == '\'';
    if (is_quoted && span.size >= 2) {
        span.text++;
        span.size -= 2;
    }
    const char *text = arena_dup(p->arena, span.text, span.size);
    if (text == NULL)
        parser_out_of_memory(p);
    return text;
}

// typetoken ::= [ids {ids} ["(" signed ["," signed] ")"]]
const char *parse_type(Parser *p)
{
    if (!parser_at_ids(p))
        return NULL;
    u32 start = p->token.offset;
    while (parser_at_ids(p))
        parser_advance(p);
    if (parser_accept(p, TK_LEFT_PAREN)) {
        parse_signed_number(p);
        if (parser_accept(p, TK_COMMA))
            parse_signed_number(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    Span span = parser_span(p, start);
    return span.size == 0 ? NULL : type_text(p, span);
}

// Does text[0..*size) end with `word`, standing alone? If so cuts it off
// together with the blanks before it.
static bool cut_last_word(const char *text, size_t *size, const char *word)
{
    ASSERT(word[0] != 0);

    size_t word_size = strlen(word);
    if (*size < word_size || !name_equals_n(text + *size - word_size, word, word_size))
        return false;
    size_t end = *size - word_size;
    if (end > 0 && !ascii_is_space((u8)text[end - 1]))
        return false;
    while (end > 0 && ascii_is_space((u8)text[end - 1]))
        end--;
    *size = end;
    return true;
}

// GENERATED ALWAYS before AS reads like part of the type, and is taken off
// again.
static const char *type_without_generated(Parser *p, const char *type)
{
    size_t size = strlen(type);
    if (!cut_last_word(type, &size, "always") || !cut_last_word(type, &size, "generated"))
        return type;
    if (size == 0)
        return NULL;
    const char *text = arena_dup(p->arena, type, size);
    if (text == NULL)
        parser_out_of_memory(p);
    return text;
}

// The types that STRICT tables know are kept in capitals.
static const char *standard_type(const char *type)
{
    static const char *const names[] = {"ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"};
    for (size_t i = 0; type != NULL && i < ARRAY_LEN(names); i++)
        if (name_equals(type, names[i]))
            return names[i];
    return type;
}

// --- foreign keys ---

// refact ::= SET NULL | SET DEFAULT | CASCADE | RESTRICT | NO ACTION
static u8 parse_fk_action(Parser *p)
{
    if (parser_accept(p, TK_SET)) {
        if (parser_accept(p, TK_NULL))
            return FK_SET_NULL;
        parser_expect(p, TK_DEFAULT);
        return FK_SET_DEFAULT;
    }
    if (parser_accept(p, TK_CASCADE))
        return FK_CASCADE;
    if (parser_accept(p, TK_RESTRICT))
        return FK_RESTRICT;
    parser_expect(p, TK_NO);
    parser_expect(p, TK_ACTION);
    return FK_NO_ACTION;
}

// refargs ::= {MATCH nm | ON (INSERT | DELETE | UPDATE) refact}
static void parse_fk_arguments(Parser *p, ForeignKeyClause *fk)
{
    ASSERT(fk->on_delete == FK_NO_ACTION && fk->on_update == FK_NO_ACTION);

    for (;;) {
        if (parser_accept(p, TK_MATCH)) {
            fk->match = parse_name(p, NULL);
        } else if (parser_accept(p, TK_ON)) {
            if (parser_accept(p, TK_DELETE)) {
                fk->on_delete = parse_fk_action(p);
            } else if (parser_accept(p, TK_UPDATE)) {
                fk->on_update = parse_fk_action(p);
            } else {
                parser_expect(p, TK_INSERT); // accepted, without effect
                (void)parse_fk_action(p);
            }
        } else {
            return;
        }
    }
}

// defer_subclause ::= [NOT] DEFERRABLE [INITIALLY (DEFERRED | IMMEDIATE)], at
// DEFERRABLE
static void parse_deferrable(Parser *p, ForeignKeyClause *fk, bool negated)
{
    ASSERT(fk != NULL);

    parser_expect(p, TK_DEFERRABLE);
    fk->deferrable_written = true;
    fk->not_deferrable = negated;
    fk->initially_deferred = false;
    if (!parser_accept(p, TK_INITIALLY))
        return;
    if (parser_accept(p, TK_DEFERRED))
        fk->initially_deferred = !negated;
    else
        parser_expect(p, TK_IMMEDIATE);
}

// REFERENCES nm ["(" eidlist ")"] refargs
static ForeignKeyClause *parse_references(Parser *p)
{
    ForeignKeyClause *fk = parser_new(p, sizeof *fk);
    parser_expect(p, TK_REFERENCES);
    Token token = p->token;
    fk->parent = parse_name(p, &token);
    fk->parent_offset = token.offset;
    if (parser_accept(p, TK_LEFT_PAREN)) {
        fk->parent_columns = parse_plain_id_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    parse_fk_arguments(p, fk);
    return fk;
}

// --- constraints of a column ---

// "(" expr ")", with its text for sqlite_schema
static void parse_parenthesised(Parser *p, Constraint *c)
{
    parser_expect(p, TK_LEFT_PAREN);
    u32 start = p->token.offset;
    c->expr = parse_expr(p);
    c->expr_span = parser_span(p, start);
    parser_expect(p, TK_RIGHT_PAREN);
}

// A literal as DEFAULT takes it without parentheses.
// (Anything else behind DEFAULT needs parentheses, or is a bare word.)
static bool parser_at_term(const Parser *p)
{
    switch (p->token.kind) {
    case TK_NULL:
    case TK_INTEGER:
    case TK_FLOAT:
    case TK_STRING:
    case TK_BLOB:
    case TK_CURRENT_DATE:
    case TK_CURRENT_TIME:
    case TK_CURRENT_TIMESTAMP: return true;
    default: return false; // no literal
    }
}

// DEFAULT (term | "(" expr ")" | "+" term | "-" term | id), behind DEFAULT
static void parse_default(Parser *p, Constraint *c)
{
    ASSERT(p->previous.kind == TK_DEFAULT);

    c->kind = CONSTRAINT_DEFAULT;
    if (parser_at(p, TK_LEFT_PAREN)) {
        parse_parenthesised(p, c);
        return;
    }
    u32 start = p->token.offset;
    bool negated = parser_at(p, TK_MINUS);
    bool is_signed = negated || parser_at(p, TK_PLUS);
    if (is_signed)
        parser_advance(p);
    if (parser_at_term(p)) {
        Expr *term = parse_literal(p);
        c->expr = negated ? parser_unary(p, EX_NEGATE, start, term) : term;
    } else if (!is_signed && (parser_at_id(p) || parser_at(p, TK_INDEXED))) {
        parser_advance(p);
        c->expr = parser_expr(p, EX_STRING, start); // a bare word is its own text
        c->expr->text = parser_dequoted(p, &p->previous);
        c->expr->size = (u32)strlen(c->expr->text);
        c->expr->flags |= EXPR_BARE_WORD;
    } else {
        parser_syntax_error(p);
    }
    c->expr_span = parser_span(p, start);
}

// AS "(" expr ")" [id], behind AS
static void parse_generated(Parser *p, Constraint *c)
{
    ASSERT(p->previous.kind == TK_AS || p->rc != SQLITE_OK);

    c->kind = CONSTRAINT_GENERATED;
    parse_parenthesised(p, c);
    if (!parser_at_id(p))
        return;
    parser_advance(p);
    c->generated_type = parser_text(p, &p->previous);
    c->stored = name_equals(c->generated_type, "stored");
}

// PRIMARY KEY [ASC | DESC] onconf [AUTOINCREMENT], behind PRIMARY
static void parse_column_primary_key(Parser *p, Constraint *c)
{
    ASSERT(p->previous.kind == TK_PRIMARY);

    c->kind = CONSTRAINT_PRIMARY_KEY;
    parser_expect(p, TK_KEY);
    if (parser_accept(p, TK_DESC))
        c->sort = SORT_DESC;
    else
        (void)parser_accept(p, TK_ASC);
    c->on_conflict = parse_on_conflict(p);
    c->autoincrement = parser_accept(p, TK_AUTOINCREMENT);
}

// NOT NULL onconf | NOT DEFERRABLE ..., behind NOT
// Which of the two is known one token later only, and both may follow in any order.
static void parse_column_not(Parser *p, Constraint *c)
{
    ASSERT(p->previous.kind == TK_NOT);

    if (parser_at(p, TK_DEFERRABLE)) {
        c->kind = CONSTRAINT_DEFER;
        c->foreign_key = parser_new(p, sizeof *c->foreign_key);
        parse_deferrable(p, c->foreign_key, true);
        return;
    }
    c->kind = CONSTRAINT_NOT_NULL;
    parser_expect(p, TK_NULL);
    c->on_conflict = parse_on_conflict(p);
}

// ccons body ::= DEFAULT ... | NOT ... | PRIMARY KEY ... | CHECK "(" expr ")" | COLLATE ids
//              | (NULL | UNIQUE) onconf, behind the first word
static void parse_simple_constraint(Parser *p, Constraint *c, TokenKind first)
{
    ASSERT(p->rc != SQLITE_OK || p->previous.kind == first);

    if (first == TK_DEFAULT) {
        parse_default(p, c);
    } else if (first == TK_NOT) {
        parse_column_not(p, c);
    } else if (first == TK_PRIMARY) {
        parse_column_primary_key(p, c);
    } else if (first == TK_CHECK) {
        c->kind = CONSTRAINT_CHECK;
        parse_parenthesised(p, c);
    } else if (first == TK_COLLATE) {
        c->kind = CONSTRAINT_COLLATE;
        c->collation = parse_ids(p, NULL);
    } else {
        ASSERT(first == TK_NULL || first == TK_UNIQUE);
        c->kind = first == TK_NULL ? CONSTRAINT_NULL : CONSTRAINT_UNIQUE;
        c->on_conflict = parse_on_conflict(p);
    }
}

// One constraint of a column; false when there is none.
static bool parse_column_constraint_body(Parser *p, Constraint *c)
{
    TokenKind first = p->token.kind;
    switch (first) {
    case TK_DEFAULT:
    case TK_NULL:
    case TK_NOT:
    case TK_PRIMARY:
    case TK_UNIQUE:
    case TK_CHECK:
    case TK_COLLATE:
        parser_advance(p);
        parse_simple_constraint(p, c, first);
        return true;
    case TK_REFERENCES:
        c->kind = CONSTRAINT_FOREIGN_KEY;
        c->foreign_key = parse_references(p);
        return true;
    case TK_DEFERRABLE:
        c->kind = CONSTRAINT_DEFER;
        c->foreign_key = parser_new(p, sizeof *c->foreign_key);
        parse_deferrable(p, c->foreign_key, false);
        return true;
    case TK_GENERATED:
        parser_advance(p);
        parser_expect(p, TK_ALWAYS);
        parser_expect(p, TK_AS);
        parse_generated(p, c);
        return true;
    case TK_AS:
        parser_advance(p);
        parse_generated(p, c);
        return true;
    default: return false; // what follows is no constraint
    }
}

// ccons ::= [CONSTRAINT nm] body | CONSTRAINT nm
// A name alone is a constraint too (CONSTRAINT_NAME): SQLite lets it stand, and ALTER must find it.
static Constraint *parse_column_constraints(Parser *p)
{
    Constraint *first = NULL;
    Constraint **link = &first;
    for (;;) {
        Constraint *c = parser_new(p, sizeof *c);
        u32 start = p->token.offset;
        c->name_offset = NO_OFFSET;
        bool is_named = parser_accept(p, TK_CONSTRAINT);
        if (is_named) {
            Token token = p->token;
            c->name = parse_name(p, &token);
            c->name_offset = token.offset;
        }
        bool has_body = parse_column_constraint_body(p, c);
        if (!is_named && !has_body)
            return first;
        if (!has_body)
            c->kind = CONSTRAINT_NAME;
        c->span = parser_span(p, start);
        if (p->rc != SQLITE_OK)
            return first;
        *link = c;
        link = &c->next;
    }
}

// columnname carglist; columnname ::= nm typetoken
static ColumnDef *parse_column_def(Parser *p)
{
    ColumnDef *column = parser_new(p, sizeof *column);
    Token token = p->token;
    const char *name = parse_name(p, &token);
    const char *type = parse_type(p);
    if (p->rc != SQLITE_OK)
        return column;
    column->name = name;
    column->offset = token.offset;
    column->type = type == NULL ? NULL : standard_type(type_without_generated(p, type));
    Constraint *constraints = parse_column_constraints(p);
    if (p->rc != SQLITE_OK)
        return column;
    column->constraints = constraints;
    column->span = parser_span(p, token.offset);
    return column;
}

// --- constraints of a table ---

// "(" sortlist [AUTOINCREMENT] ")" onconf
static void parse_key_columns(Parser *p, Constraint *c)
{
    ASSERT(c->kind == CONSTRAINT_PRIMARY_KEY || c->kind == CONSTRAINT_UNIQUE);

    parser_expect(p, TK_LEFT_PAREN);
    c->columns = parse_sort_list(p);
    if (c->kind == CONSTRAINT_PRIMARY_KEY)
        c->autoincrement = parser_accept(p, TK_AUTOINCREMENT);
    parser_expect(p, TK_RIGHT_PAREN);
    c->on_conflict = parse_on_conflict(p);
}

// FOREIGN KEY "(" eidlist ")" REFERENCES ... [defer_subclause], behind FOREIGN
static void parse_table_foreign_key(Parser *p, Constraint *c)
{
    ASSERT(p->previous.kind == TK_FOREIGN);

    c->kind = CONSTRAINT_FOREIGN_KEY;
    parser_expect(p, TK_KEY);
    parser_expect(p, TK_LEFT_PAREN);
    IdList *columns = parse_plain_id_list(p);
    parser_expect(p, TK_RIGHT_PAREN);
    ForeignKeyClause *fk = parse_references(p);
    fk->columns = columns;
    c->foreign_key = fk;
    bool negated = parser_at(p, TK_NOT);
    if (negated)
        parser_advance(p);
    if (negated || parser_at(p, TK_DEFERRABLE))
        parse_deferrable(p, fk, negated);
}

// tcons without its name; false when there is none.
static bool parse_table_constraint_body(Parser *p, Constraint *c)
{
    switch (p->token.kind) {
    case TK_PRIMARY:
        parser_advance(p);
        parser_expect(p, TK_KEY);
        c->kind = CONSTRAINT_PRIMARY_KEY;
        parse_key_columns(p, c);
        return true;
    case TK_UNIQUE:
        parser_advance(p);
        c->kind = CONSTRAINT_UNIQUE;
        parse_key_columns(p, c);
        return true;
    case TK_CHECK:
        parser_advance(p);
        c->kind = CONSTRAINT_CHECK;
        parse_parenthesised(p, c);
        c->on_conflict = parse_on_conflict(p);
        return true;
    case TK_FOREIGN:
        parser_advance(p);
        parse_table_foreign_key(p, c);
        return true;
    default: return false; // what follows is no constraint
    }
}

static bool parser_at_table_constraint(const Parser *p)
{
    return parser_at(p, TK_CONSTRAINT) || parser_at(p, TK_PRIMARY) || parser_at(p, TK_UNIQUE)
           || parser_at(p, TK_CHECK) || parser_at(p, TK_FOREIGN);
}

// conslist ::= tcons {[","] tcons}, at its first word
// The commas between table constraints may be missing, those behind columns may not.
static Constraint *parse_table_constraints(Parser *p)
{
    ASSERT(parser_at_table_constraint(p));

    Constraint *first = NULL;
    Constraint **link = &first;
    bool after_comma = true;
    while (parser_at_table_constraint(p) || after_comma) {
        Constraint *c = parser_new(p, sizeof *c);
        u32 start = p->token.offset;
        c->name_offset = NO_OFFSET;
        bool is_named = parser_accept(p, TK_CONSTRAINT);
        if (is_named) {
            Token token = p->token;
            c->name = parse_name(p, &token);
            c->name_offset = token.offset;
        }
        if (!parse_table_constraint_body(p, c)) {
            c->kind = CONSTRAINT_NAME;
            if (!is_named)
                parser_syntax_error(p);
        }
        c->span = parser_span(p, start);
        if (p->rc != SQLITE_OK)
            return first;
        *link = c;
        link = &c->next;
        after_comma = parser_accept(p, TK_COMMA);
    }
    return first;
}

// --- CREATE TABLE ---

// table_option ::= WITHOUT nm | nm
static void parse_table_option(Parser *p, CreateTable *table)
{
    bool is_without = parser_accept(p, TK_WITHOUT);
    Token token = p->token;
    const char *name = parse_name(p, &token);
    if (p->rc != SQLITE_OK)
        return;
    if (is_without && name_equals(name, "rowid"))
        table->without_rowid = true;
    else if (!is_without && name_equals(name, "strict"))
        table->strict = true;
    else
        parser_error(p, -1, "unknown table option: %.*s", (int)token.size, p->sql + token.offset);
}

// "(" columnlist ["," conslist] ")" [table_option {"," table_option}]
static void parse_table_body(Parser *p, CreateTable *table)
{
    ASSERT(table->columns == NULL && table->as_select == NULL);

    ColumnDef **link = &table->columns;
    parser_expect(p, TK_LEFT_PAREN);
    do {
        if (table->column_count > 0 && parser_at_table_constraint(p)) {
            table->constraints = parse_table_constraints(p);
            break;
        }
        ColumnDef *column = parse_column_def(p);
        if (p->rc != SQLITE_OK)
            return;
        *link = column;
        link = &column->next;
        table->column_count++;
    } while (parser_accept(p, TK_COMMA));
    // ALTER TABLE ADD COLUMN inserts its text here.
    table->columns_end = p->token.offset;
    parser_expect(p, TK_RIGHT_PAREN);
    if (parser_at_name(p))
        parse_table_option(p, table);
    while (parser_accept(p, TK_COMMA))
        parse_table_option(p, table);
}

// ifnotexists ::= [IF NOT EXISTS]
static bool parse_if_not_exists(Parser *p)
{
    if (!parser_accept(p, TK_IF))
        return false;
    parser_expect(p, TK_NOT);
    parser_expect(p, TK_EXISTS);
    return true;
}

// CREATE [TEMP] TABLE ifnotexists name (body | AS select), behind TABLE
static void parse_create_table(Parser *p, Stmt *stmt, bool temp)
{
    ASSERT(p->previous.kind == TK_TABLE);

    CreateTable *table = parser_new(p, sizeof *table);
    table->temp = temp;
    table->if_not_exists = parse_if_not_exists(p);
    table->name = parse_qualified_name(p);
    if (parser_accept(p, TK_AS)) {
        if (!parser_at_select(p))
            parser_syntax_error(p);
        table->as_select = parse_select(p);
    } else {
        parse_table_body(p, table);
    }
    table->body = parser_span(p, table->name.offset);
    stmt->kind = STMT_CREATE_TABLE;
    stmt->u.create_table = table;
}

// --- CREATE INDEX, VIEW ---

// The stored text of indexes and views runs up to the ";", comments and blanks
// included.
Span parser_statement_rest(Parser *p, u32 start)
{
    ASSERT(p->rc != SQLITE_OK || start <= p->token.offset);

    if (p->rc != SQLITE_OK)
        return (Span){0};
    return (Span){.text = p->sql + start, .size = p->token.offset - start};
}

// option ::= nm "=" ["+" | "-"] literal
// A literal only: the options are stored and compared as values, never computed.
static void parse_index_option(Parser *p, CreateIndex *index)
{
    const char *name = parse_name(p, NULL);
    parser_expect(p, TK_EQUAL);
    u32 start = p->token.offset;
    bool negated = parser_at(p, TK_MINUS);
    if (negated || parser_at(p, TK_PLUS))
        parser_advance(p);
    bool is_literal =
        parser_at(p, TK_INTEGER) || parser_at(p, TK_FLOAT)
        || (!negated
            && (parser_at(p, TK_STRING) || parser_at(p, TK_BLOB) || parser_at(p, TK_NULL)));
    if (!is_literal) {
        parser_syntax_error(p);
        return;
    }
    Expr *value = parse_literal(p);
    if (negated)
        value = parser_unary(p, EX_NEGATE, start, value);
    if (p->rc != SQLITE_OK
        || !parser_grow(p, &index->options, &index->option_capacity, index->option_count,
                        sizeof *index->options))
        return;
    index->options[index->option_count++] = (IndexOption){.name = name, .value = value};
}

// [WITH "(" option {"," option} ")"]
static void parse_index_options(Parser *p, CreateIndex *index)
{
    ASSERT(index->method != NULL);

    if (!parser_accept(p, TK_WITH))
        return;
    parser_expect(p, TK_LEFT_PAREN);
    do
        parse_index_option(p, index);
    while (parser_accept(p, TK_COMMA));
    parser_expect(p, TK_RIGHT_PAREN);
}

// CREATE [UNIQUE] INDEX ifnotexists name ON nm [USING nm] "(" sortlist ")" [WITH ...]
// [WHERE expr], behind INDEX. WITH belongs to USING.
static void parse_create_index(Parser *p, Stmt *stmt, bool unique)
{
    ASSERT(p->previous.kind == TK_INDEX || p->rc != SQLITE_OK);

    CreateIndex *index = parser_new(p, sizeof *index);
    index->unique = unique;
    index->if_not_exists = parse_if_not_exists(p);
    index->name = parse_qualified_name(p);
    parser_expect(p, TK_ON);
    Token token = p->token;
    index->table = parse_name(p, &token);
    index->table_offset = token.offset;
    // A row of sqlite_schema never says USING: what is stored is plain SQLite.
    if (!p->options->lenient_schema && parser_accept(p, TK_USING))
        index->method = parse_name(p, NULL);
    parser_expect(p, TK_LEFT_PAREN);
    index->columns = parse_sort_list(p);
    parser_expect(p, TK_RIGHT_PAREN);
    if (index->method != NULL)
        parse_index_options(p, index);
    if (parser_accept(p, TK_WHERE))
        index->where = parse_expr(p);
    index->body = parser_statement_rest(p, index->name.offset);
    stmt->kind = STMT_CREATE_INDEX;
    stmt->u.create_index = index;
}

// CREATE [TEMP] VIEW ifnotexists name ["(" eidlist ")"] AS select, behind VIEW
static void parse_create_view(Parser *p, Stmt *stmt, bool temp)
{
    ASSERT(p->previous.kind == TK_VIEW);

    CreateView *view = parser_new(p, sizeof *view);
    view->temp = temp;
    view->if_not_exists = parse_if_not_exists(p);
    view->name = parse_qualified_name(p);
    if (parser_accept(p, TK_LEFT_PAREN)) {
        view->columns = parse_plain_id_list(p);
        parser_expect(p, TK_RIGHT_PAREN);
    }
    parser_expect(p, TK_AS);
    if (!parser_at_select(p))
        parser_syntax_error(p);
    u32 start = p->token.offset;
    view->select = parse_select(p);
    view->select_span = parser_span(p, start);
    if (p->rc == SQLITE_OK)
        view->body = parser_trimmed(p, view->name.offset, p->token.offset);
    stmt->kind = STMT_CREATE_VIEW;
    stmt->u.create_view = view;
}

// --- CREATE TRIGGER ---

// trigger_cmd ::= update | insert | delete | select
static TriggerStep *parse_trigger_step(Parser *p)
{
    ASSERT(p->in_trigger);

    TriggerStep *step = parser_new(p, sizeof *step);
    Stmt *stmt = parser_new(p, sizeof *stmt);
    u32 start = p->token.offset;
    if (parser_at_select(p)) {
        Select *select = parse_select(p);
        stmt->kind = STMT_SELECT;
        stmt->u.select = select;
    } else {
        parse_data_change(p, NULL, stmt);
    }
    if (p->rc != SQLITE_OK)
        return step;
    step->stmt = stmt;
    step->span = parser_span(p, start);
    stmt->text = step->span;
    return step;
}

// BEGIN trigger_cmd ";" {trigger_cmd ";"} END
static void parse_trigger_body(Parser *p, CreateTrigger *trigger)
{
    ASSERT(!p->in_trigger); // SQLite has no nested ones

    TriggerStep **link = &trigger->steps;
    parser_expect(p, TK_BEGIN);
    p->in_trigger = true;
    do {
        TriggerStep *step = parse_trigger_step(p);
        parser_expect(p, TK_SEMICOLON);
        if (p->rc != SQLITE_OK)
            break;
        *link = step;
        link = &step->next;
    } while (!parser_at(p, TK_END));
    p->in_trigger = false;
    parser_expect(p, TK_END);
}

// trigger_time ::= [BEFORE | AFTER | INSTEAD OF]
static u8 parse_trigger_time(Parser *p)
{
    if (parser_accept(p, TK_AFTER))
        return TRIGGER_AFTER;
    if (parser_accept(p, TK_INSTEAD)) {
        parser_expect(p, TK_OF);
        return TRIGGER_INSTEAD_OF;
    }
    (void)parser_accept(p, TK_BEFORE);
    return TRIGGER_BEFORE;
}

// trigger_event ::= DELETE | INSERT | UPDATE [OF idlist]
static void parse_trigger_event(Parser *p, CreateTrigger *trigger)
{
    if (parser_accept(p, TK_DELETE)) {
        trigger->event = TRIGGER_DELETE;
    } else if (parser_accept(p, TK_INSERT)) {
        trigger->event = TRIGGER_INSERT;
    } else {
        parser_expect(p, TK_UPDATE);
        trigger->event = TRIGGER_UPDATE;
        if (parser_accept(p, TK_OF))
            trigger->of_columns = parse_id_list(p);
    }
}

// CREATE [TEMP] TRIGGER ifnotexists name time event ON name [FOR EACH ROW]
// [WHEN expr] body
static void parse_create_trigger(Parser *p, Stmt *stmt, bool temp)
{
    ASSERT(p->previous.kind == TK_TRIGGER);

    CreateTrigger *trigger = parser_new(p, sizeof *trigger);
    trigger->temp = temp;
    trigger->if_not_exists = parse_if_not_exists(p);
    trigger->name = parse_qualified_name(p);
    trigger->time = parse_trigger_time(p);
    parse_trigger_event(p, trigger);
    parser_expect(p, TK_ON);
    trigger->table = parse_qualified_name(p);
    if (parser_accept(p, TK_FOR)) {
        parser_expect(p, TK_EACH);
        parser_expect(p, TK_ROW);
    }
    if (parser_accept(p, TK_WHEN))
        trigger->when = parse_expr(p);
    // SQLite looks the table up here, before it reads the body: a caller may want
    // to do so on an error.
    if (p->rc == SQLITE_OK) {
        stmt->kind = STMT_CREATE_TRIGGER;
        stmt->u.create_trigger = trigger;
    }
    parse_trigger_body(p, trigger);
    trigger->body = parser_span(p, trigger->name.offset);
}

// --- CREATE VIRTUAL TABLE ---

static void module_arg_add(Parser *p, CreateVirtualTable *table, u32 start)
{
    Span arg = parser_span(p, start);
    if (arg.size == 0
        || !parser_grow(p, &table->args, &table->arg_capacity, table->arg_count,
                        sizeof *table->args))
        return;
    table->args[table->arg_count++] = arg;
}

// Modules read their arguments themselves; only parentheses are counted, so that a comma within
// them does not end the argument. Two commas in a row are no argument, as in SQLite.
// Tokens of any kind up to the "," or ")" that ends this argument. Modules read their arguments
// themselves; only parentheses are counted, so that a comma within them does not end the argument.
// Nothing between two commas is no argument, as in SQLite.
static void parse_module_arg(Parser *p, CreateVirtualTable *table)
{
    u32 depth = 0;
    u32 start = p->token.offset;
    bool is_empty = true;
    while (p->rc == SQLITE_OK) {
        bool is_end = parser_at(p, TK_COMMA) || parser_at(p, TK_RIGHT_PAREN);
        if (depth == 0 && is_end)
            break;
        if (parser_at(p, TK_END_OF_INPUT)) {
            parser_syntax_error(p);
            return;
        }
        depth += parser_at(p, TK_LEFT_PAREN);
        depth -= parser_at(p, TK_RIGHT_PAREN);
        is_empty = false;
        parser_advance(p);
    }
    if (!is_empty)
        module_arg_add(p, table, start);
}

// CREATE VIRTUAL TABLE ifnotexists name USING nm ["(" args ")"], behind TABLE
static void parse_create_virtual_table(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_TABLE || p->rc != SQLITE_OK);

    CreateVirtualTable *table = parser_new(p, sizeof *table);
    table->if_not_exists = parse_if_not_exists(p);
    table->name = parse_qualified_name(p);
    parser_expect(p, TK_USING);
    table->module = parse_name(p, NULL);
    if (parser_accept(p, TK_LEFT_PAREN)) {
        do
            parse_module_arg(p, table);
        while (parser_accept(p, TK_COMMA));
        parser_expect(p, TK_RIGHT_PAREN);
    }
    table->body = parser_span(p, table->name.offset);
    stmt->kind = STMT_CREATE_VIRTUAL_TABLE;
    stmt->u.create_virtual_table = table;
}

// createkw ..., behind CREATE
void parse_create(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_CREATE);

    if (parser_accept(p, TK_UNIQUE)) {
        parser_expect(p, TK_INDEX);
        parse_create_index(p, stmt, true);
        return;
    }
    if (parser_accept(p, TK_VIRTUAL)) {
        parser_expect(p, TK_TABLE);
        parse_create_virtual_table(p, stmt);
        return;
    }
    bool temp = parser_accept(p, TK_TEMP) || parser_accept(p, TK_TEMPORARY);
    if (!temp && parser_accept(p, TK_INDEX))
        parse_create_index(p, stmt, false);
    else if (parser_accept(p, TK_TABLE))
        parse_create_table(p, stmt, temp);
    else if (parser_accept(p, TK_VIEW))
        parse_create_view(p, stmt, temp);
    else if (parser_accept(p, TK_TRIGGER))
        parse_create_trigger(p, stmt, temp);
    else
        parser_syntax_error(p);
}

// --- ALTER ---

// ADD (CONSTRAINT nm CHECK ... | CHECK ...), at the word
static void parse_alter_add_check(Parser *p, Alter *alter)
{
    ASSERT(parser_at(p, TK_CONSTRAINT) || parser_at(p, TK_CHECK));

    u32 start = p->token.offset;
    Constraint *c = parser_new(p, sizeof *c);
    alter->kind = ALTER_ADD_CONSTRAINT;
    if (parser_accept(p, TK_CONSTRAINT)) {
        Token token = p->token;
        c->name = parse_name(p, &token);
        c->name_offset = token.offset;
    }
    c->kind = CONSTRAINT_CHECK;
    parser_expect(p, TK_CHECK);
    parse_parenthesised(p, c);
    c->on_conflict = parse_on_conflict(p);
    c->span = parser_span(p, start);
    alter->constraint = c;
    alter->clause = c->span;
}

static void parse_alter_name(Parser *p, const char **name, u32 *offset)
{
    Token token = p->token;
    *name = parse_name(p, &token);
    *offset = token.offset;
}

// nm; whether it was quoted says whether the rewritten schema quotes it
static void parse_alter_new_name(Parser *p, Alter *alter)
{
    alter->new_name_quoted = p->token.size > 0 && strchr("'\"`[", p->sql[p->token.offset]) != NULL;
    parse_alter_name(p, &alter->new_name, &alter->new_offset);
}

// RENAME TO nm | RENAME [COLUMN] nm TO nm, behind RENAME
static void parse_alter_rename(Parser *p, Alter *alter)
{
    ASSERT(p->previous.kind == TK_RENAME);

    if (parser_accept(p, TK_TO)) {
        alter->kind = ALTER_RENAME_TABLE;
        parse_alter_new_name(p, alter);
        return;
    }
    alter->kind = ALTER_RENAME_COLUMN;
    (void)parser_accept(p, TK_COLUMN);
    parse_alter_name(p, &alter->old_name, &alter->old_offset);
    parser_expect(p, TK_TO);
    parse_alter_new_name(p, alter);
}

// ADD [COLUMN] columnname carglist | ADD [CONSTRAINT nm] CHECK ..., behind ADD
static void parse_alter_add(Parser *p, Alter *alter)
{
    ASSERT(p->previous.kind == TK_ADD);

    if (parser_at(p, TK_CONSTRAINT) || parser_at(p, TK_CHECK)) {
        parse_alter_add_check(p, alter);
        return;
    }
    (void)parser_accept(p, TK_COLUMN);
    alter->kind = ALTER_ADD_COLUMN;
    u32 start = p->token.offset;
    alter->column = parse_column_def(p);
    alter->clause = parser_span(p, start);
}

// DROP CONSTRAINT nm | DROP [COLUMN] nm, behind DROP
static void parse_alter_drop(Parser *p, Alter *alter)
{
    ASSERT(p->previous.kind == TK_DROP);

    if (parser_accept(p, TK_CONSTRAINT)) {
        alter->kind = ALTER_DROP_CONSTRAINT;
    } else {
        alter->kind = ALTER_DROP_COLUMN;
        (void)parser_accept(p, TK_COLUMN);
    }
    parse_alter_name(p, &alter->old_name, &alter->old_offset);
}

// ALTER [COLUMN] nm (SET NOT NULL onconf | DROP NOT NULL | TO columnname carglist), behind ALTER
static void parse_alter_column(Parser *p, Alter *alter)
{
    ASSERT(p->previous.kind == TK_ALTER);

    (void)parser_accept(p, TK_COLUMN);
    parse_alter_name(p, &alter->old_name, &alter->old_offset);
    if (parser_accept(p, TK_TO)) {
        alter->kind = ALTER_CHANGE_COLUMN;
        alter->new_name_quoted =
            p->token.size > 0 && strchr("'\"`[", p->sql[p->token.offset]) != NULL;
        u32 definition = p->token.offset;
        alter->column = parse_column_def(p);
        alter->new_name = alter->column->name;
        alter->clause = parser_span(p, definition);
        return;
    }
    if (parser_accept(p, TK_DROP)) {
        alter->kind = ALTER_DROP_NOT_NULL;
        parser_expect(p, TK_NOT);
        parser_expect(p, TK_NULL);
        return;
    }
    alter->kind = ALTER_SET_NOT_NULL;
    parser_expect(p, TK_SET);
    u32 start = p->token.offset;
    parser_expect(p, TK_NOT);
    parser_expect(p, TK_NULL);
    Constraint *c = parser_new(p, sizeof *c);
    c->kind = CONSTRAINT_NOT_NULL;
    c->on_conflict = parse_on_conflict(p);
    c->span = parser_span(p, start);
    alter->constraint = c;
    alter->clause = c->span;
}

// ALTER TABLE name ..., behind ALTER
void parse_alter(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_ALTER);

    Alter *alter = parser_new(p, sizeof *alter);
    parser_expect(p, TK_TABLE);
    alter->table = parse_qualified_name(p);
    alter->old_offset = alter->new_offset = NO_OFFSET;
    if (parser_accept(p, TK_RENAME))
        parse_alter_rename(p, alter);
    else if (parser_accept(p, TK_ADD))
        parse_alter_add(p, alter);
    else if (parser_accept(p, TK_DROP))
        parse_alter_drop(p, alter);
    else if (parser_accept(p, TK_ALTER))
        parse_alter_column(p, alter);
    else
        parser_syntax_error(p);
    stmt->kind = STMT_ALTER;
    stmt->u.alter = alter;
}

// --- DROP ---

// DROP (TABLE | INDEX | VIEW | TRIGGER) [IF EXISTS] name, behind DROP
void parse_drop(Parser *p, Stmt *stmt)
{
    ASSERT(p->previous.kind == TK_DROP);

    Drop *drop = parser_new(p, sizeof *drop);
    if (parser_accept(p, TK_TABLE))
        drop->kind = OBJECT_TABLE;
    else if (parser_accept(p, TK_INDEX))
        drop->kind = OBJECT_INDEX;
    else if (parser_accept(p, TK_VIEW))
        drop->kind = OBJECT_VIEW;
    else if (parser_accept(p, TK_TRIGGER))
        drop->kind = OBJECT_TRIGGER;
    else
        parser_syntax_error(p);
    if (parser_accept(p, TK_IF)) {
        parser_expect(p, TK_EXISTS);
        drop->if_exists = true;
    }
    drop->name = parse_qualified_name(p);
    stmt->kind = STMT_DROP;
    stmt->u.drop = drop;
}
