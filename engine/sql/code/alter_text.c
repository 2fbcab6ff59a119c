// Renaming inside CREATE statements: which tokens mean the table or column that gets a new name.
//
// The trees are walked as parsed, with the scopes of SQL kept on the way: an unqualified name
// belongs to the innermost FROM clause that has such a column. Columns of subqueries carry the name
// on when they take it from the renamed column without an AS.
//
//   ALTER TABLE t RENAME a TO b
//   CREATE VIEW v AS SELECT a, s.a FROM t, (SELECT a FROM t) AS s WHERE u.a > 1
//   CREATE VIEW v AS SELECT b, s.b FROM t, (SELECT b FROM t) AS s WHERE u.a > 1
//
// Why not the resolver's tree: resolving replaces names by what they mean, merges and copies, and
// drops the places in the text that are all this file wants. The price is that scoping is told
// twice; a name that this walk misses is found by the verification that follows (code_alter.c).

#include "sql/code/alter_text.h"
#include "base/hashmap.h"
#include "sql/expr_tree.h"
#include "sql/lexer.h"
#include "sql/resolve.h"
#include <stdlib.h>
#include <string.h>

void text_add_quoted(Buffer *out, const char *text, char quote)
{
    ASSERT(quote == '\'' || quote == '"');

    buffer_add_char(out, quote);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            buffer_add_char(out, quote);
        buffer_add_char(out, *text);
    }
    buffer_add_char(out, quote);
}

// --- edits ---

void edit_add(EditList *list, u32 offset, u32 size, const char *text)
{
    ASSERT(offset <= strlen(list->sql));

    for (u32 i = 0; i < list->count; i++) {
        if (list->items[i].offset == offset)
            return; // reached twice
    }
    if (list->count == list->capacity) {
        u32 capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        TextEdit *grown = arena_array(list->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return;
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = (TextEdit){.offset = offset, .size = size, .text = text};
}

u32 edit_token_size(const char *sql, u32 offset)
{
    ASSERT(offset < strlen(sql));

    Lexer lexer;
    lexer_init(&lexer, sql + offset, strlen(sql + offset));
    return lexer_next(&lexer).size;
}

// Places are unique (edit_add): the order of a sort that is not stable is still one.
static int compare_edits(const void *a, const void *b)
{
    const TextEdit *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

const char *edit_apply(EditList *list)
{
    ASSERT(list->sql != NULL);

    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, compare_edits);
    Buffer out = {0};
    u32 at = 0;
    for (u32 i = 0; i < list->count; i++) {
        const TextEdit *edit = &list->items[i];
        ASSERT(edit->offset >= at); // none overlap

        buffer_add(&out, list->sql + at, edit->offset - at);
        buffer_add_text(&out, edit->text);
        at = edit->offset + edit->size;
        // "a""b" would be one name: a blank keeps the new name off a quote that follows.
        if (edit->size > 0 && out.size > 0 && out.bytes[out.size - 1] == '"'
            && list->sql[at] == '"')
            buffer_add_char(&out, ' ');
    }
    buffer_add_text(&out, list->sql + at);
    const char *text = arena_keep(list->arena, &out);
    buffer_deinit(&out);
    return text;
}

// --- scopes ---

typedef struct NameScope {
    const struct NameScope *outer;
    const FromList *from;
    const ExprList *aliases; // result columns ORDER BY may name
    const With *with;
} NameScope;

typedef struct RenameWalk {
    const Rename *rename;
    EditList edits;
    Table *row_table; // of NEW and OLD
} RenameWalk;

static void walk_select(RenameWalk *w, const Select *select, const NameScope *outer);
static void walk_expr(RenameWalk *w, const Expr *e, const NameScope *scope);

static bool renames_column(const RenameWalk *w)
{
    ASSERT(w->rename->new_name != NULL);

    return w->rename->column != NULL;
}

static const char *quoted(const RenameWalk *w, const char *name)
{
    ASSERT(name != NULL);

    Buffer out = {0};
    text_add_quoted(&out, name, '"');
    const char *text = arena_keep(w->rename->arena, &out);
    buffer_deinit(&out);
    return text != NULL ? text : "";
}

static void replace(RenameWalk *w, u32 offset)
{
    ASSERT(offset == NO_OFFSET || offset < strlen(w->edits.sql));

    if (offset == NO_OFFSET)
        return;
    const Rename *r = w->rename;
    char first = w->edits.sql[offset];
    bool was_quoted = first == '"' || first == '[' || first == '`' || first == '\'';
    bool quotes = !renames_column(w) || r->new_is_quoted || was_quoted;
    edit_add(&w->edits, offset, edit_token_size(w->edits.sql, offset),
             quotes ? quoted(w, r->new_name) : r->new_name);
}

static void replace_ids(RenameWalk *w, const IdList *ids)
{
    ASSERT(w->rename->column != NULL);

    for (u32 i = 0; ids != NULL && i < ids->count; i++) {
        if (name_equals(ids->items[i].name, w->rename->column))
            replace(w, ids->items[i].offset);
    }
}

// Do "rowid" and its like mean the renamed column too? They get the new name then, unless the table
// has a column that is called so.
static bool renames_rowid(const RenameWalk *w, const char *name)
{
    ASSERT(renames_column(w));

    const Table *table = w->rename->table;
    return table->rowid_alias >= 0 && name_is_rowid(name)
           && name_equals(table->columns[table->rowid_alias].name, w->rename->column)
           && table_column_index(table, name) < 0;
}

static bool means_column(const RenameWalk *w, const char *name)
{
    ASSERT(name != NULL);

    return name_equals(name, w->rename->column) || renames_rowid(w, name);
}

static const Cte *find_cte(const NameScope *scope, const char *name)
{
    ASSERT(name != NULL);

    for (; scope != NULL; scope = scope->outer) {
        for (u32 i = 0; scope->with != NULL && i < scope->with->count; i++) {
            if (name_equals(scope->with->items[i]->name, name))
                return scope->with->items[i];
        }
    }
    return NULL;
}

static Table *item_table(const RenameWalk *w, const FromItem *item, const NameScope *scope)
{
    ASSERT(item != NULL);

    if (item->kind != FROM_TABLE || item->name == NULL)
        return NULL;
    if (item->schema == NULL && find_cte(scope, item->name) != NULL)
        return NULL;
    const Rename *r = w->rename;
    int database = schema_index(r->db, r->table->schema);
    const char *home = r->db->databases[database].name;
    Table *table =
        catalog_find_table(r->db, item->name, item->schema != NULL ? item->schema : home);
    return table != NULL || item->schema != NULL ? table
                                                 : catalog_find_table(r->db, item->name, NULL);
}

// By the table, not by its name: the same name may be another table in another schema.
static bool item_is_target(const RenameWalk *w, const FromItem *item, const NameScope *scope)
{
    ASSERT(w->rename->table != NULL);

    return item_table(w, item, scope) == w->rename->table;
}

// What a FROM item shows under a name: nothing, something else, or the renamed column.
typedef enum Export { EXPORT_NONE, EXPORT_OTHER, EXPORT_TARGET } Export;

static Export list_exports(const RenameWalk *w, const FromList *from, const char *name,
                           const NameScope *scope);

static Export select_exports(const RenameWalk *w, const Select *select, const char *name,
                             const NameScope *scope)
{
    ASSERT(select->columns != NULL);

    const Select *first = select;
    while (first->prior != NULL)
        first = first->prior;
    NameScope inner = {.outer = scope, .from = first->from, .with = select->with};
    for (u32 i = 0; i < first->columns->count; i++) {
        const ExprItem *item = &first->columns->items[i];
        const Expr *e = item->expr;
        if (item->name != NULL) {
            if (name_equals(item->name, name))
                return EXPORT_OTHER;
            continue;
        }
        bool is_star = e->kind == EX_STAR;
        if (!name_equals(name, w->rename->column))
            continue; // "rowid": what a subquery calls so keeps its name
        if (!is_star && !(e->kind == EX_NAME && name_equals(e->text, name)))
            continue;
        Export found = list_exports(w, first->from, name, &inner);
        if (found != EXPORT_NONE)
            return found;
    }
    return EXPORT_NONE;
}

static Export item_exports(const RenameWalk *w, const FromItem *item, const char *name,
                           const NameScope *scope)
{
    ASSERT(name != NULL);

    if (item->kind == FROM_NESTED)
        return list_exports(w, item->select->from, name, scope);
    if (item->kind == FROM_SELECT)
        return select_exports(w, item->select, name, scope);
    const Cte *cte =
        item->name != NULL && item->schema == NULL ? find_cte(scope, item->name) : NULL;
    if (cte != NULL) {
        for (u32 i = 0; cte->columns != NULL && i < cte->columns->count; i++) {
            if (name_equals(cte->columns->items[i].name, name))
                return EXPORT_OTHER;
        }
        return cte->columns != NULL ? EXPORT_NONE : select_exports(w, cte->select, name, NULL);
    }
    Table *table = item_table(w, item, scope);
    if (table == NULL)
        return EXPORT_NONE;
    if (table == w->rename->table && means_column(w, name))
        return EXPORT_TARGET;
    if (table->kind == TABLE_VIEW && resolve_view_columns(w->rename->db, table) != SQLITE_OK)
        return EXPORT_NONE;
    return table_column_index(table, name) >= 0 ? EXPORT_OTHER : EXPORT_NONE;
}

static Export list_exports(const RenameWalk *w, const FromList *from, const char *name,
                           const NameScope *scope)
{
    ASSERT(name != NULL);

    Export best = EXPORT_NONE;
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        Export found = item_exports(w, from->items[i], name, scope);
        bool is_column = name_equals(name, w->rename->column);
        if (found == (is_column ? EXPORT_TARGET : EXPORT_OTHER))
            return found; // a column called rowid comes before a table's rowid
        if (found != EXPORT_NONE)
            best = found;
    }
    return best;
}

static bool is_alias(const NameScope *scope, const char *name)
{
    ASSERT(scope != NULL);

    for (u32 i = 0; scope->aliases != NULL && i < scope->aliases->count; i++) {
        const char *alias = scope->aliases->items[i].name;
        if (alias != NULL && name_equals(alias, name))
            return true;
    }
    return false;
}

// The FROM item that a qualifier names.
static const FromItem *find_item(const NameScope *scope, const char *name,
                                 const NameScope **found_in)
{
    ASSERT(name != NULL);

    for (; scope != NULL; scope = scope->outer) {
        for (u32 i = 0; scope->from != NULL && i < scope->from->count; i++) {
            const FromItem *item = scope->from->items[i];
            const char *own = item->alias != NULL ? item->alias : item->name;
            if (own != NULL && name_equals(own, name)) {
                *found_in = scope;
                return item;
            }
        }
    }
    return NULL;
}

// --- names ---

static void walk_plain_name(RenameWalk *w, const Expr *e, const NameScope *scope)
{
    ASSERT(e->kind == EX_NAME && e->u.name.table == NULL);

    if (!renames_column(w) || !means_column(w, e->text))
        return;
    for (; scope != NULL; scope = scope->outer) {
        if (is_alias(scope, e->text))
            return;
        Export found = list_exports(w, scope->from, e->text, scope);
        if (found == EXPORT_TARGET)
            replace(w, e->offset);
        if (found != EXPORT_NONE)
            return;
    }
}

static void walk_qualified_name(RenameWalk *w, const Expr *e, const NameScope *scope)
{
    ASSERT(e->u.name.table != NULL);

    const char *qualifier = e->u.name.table;
    bool is_row = name_equals(qualifier, "new") || name_equals(qualifier, "old");
    const NameScope *found_in = NULL;
    const FromItem *item = find_item(scope, qualifier, &found_in);
    if (item == NULL) {
        if (is_row && renames_column(w) && w->row_table == w->rename->table && e->kind == EX_NAME
            && means_column(w, e->text))
            replace(w, e->offset);
        return;
    }
    if (renames_column(w)) {
        if (e->kind == EX_NAME && means_column(w, e->text)
            && item_exports(w, item, e->text, found_in) == EXPORT_TARGET)
            replace(w, e->offset);
        return;
    }
    if (item->alias == NULL && item_is_target(w, item, found_in))
        replace(w, e->u.name.table_offset);
}

static void walk_list(RenameWalk *w, const ExprList *list, const NameScope *scope)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        walk_expr(w, list->items[i].expr, scope);
}

static void walk_window(RenameWalk *w, const Window *window, const NameScope *scope)
{
    for (; window != NULL; window = window->next) {
        walk_list(w, window->partition_by, scope);
        walk_list(w, window->order_by, scope);
        walk_expr(w, window->start.expr, scope);
        walk_expr(w, window->end.expr, scope);
    }
}

static void walk_expr(RenameWalk *w, const Expr *e, const NameScope *scope)
{
    if (e == NULL)
        return;
    if (e->kind == EX_NAME || e->kind == EX_STAR) {
        if (e->u.name.table != NULL)
            walk_qualified_name(w, e, scope);
        else if (e->kind == EX_NAME)
            walk_plain_name(w, e, scope);
        return;
    }
    walk_expr(w, e->left, scope);
    walk_expr(w, e->right, scope);
    walk_list(w, e->list, scope);
    if (e->select != NULL) {
        // SQLite has dropped an ORDER BY that decides nothing before it looks for names: they stay,
        // and are missed afterwards.
        Select select = *e->select;
        if (e->kind == EX_EXISTS && renames_column(w))
            select.order_by = NULL;
        walk_select(w, &select, scope);
    }
    if (e->kind == EX_CALL && e->u.call != NULL) {
        walk_list(w, e->u.call->order_by, scope);
        walk_expr(w, e->u.call->filter, scope);
        walk_window(w, e->u.call->window, scope);
    }
}

// --- queries ---

static void walk_target(RenameWalk *w, const FromItem *item, const NameScope *scope)
{
    if (!renames_column(w) && item_is_target(w, item, scope))
        replace(w, item->offset);
}

static void walk_from(RenameWalk *w, const FromList *from, const NameScope *scope)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        const FromItem *item = from->items[i];
        walk_target(w, item, scope);
        if (item->kind == FROM_NESTED)
            walk_from(w, item->select->from, scope);
        else if (item->select != NULL)
            walk_select(w, item->select, scope->outer);
        walk_list(w, item->args, scope);
        walk_expr(w, item->on, scope); // names in USING stay, as in SQLite, and are missed then
    }
}

static void walk_with(RenameWalk *w, const With *with, const NameScope *scope)
{
    for (u32 i = 0; with != NULL && i < with->count; i++)
        walk_select(w, with->items[i]->select, scope);
}

static void walk_select(RenameWalk *w, const Select *select, const NameScope *outer)
{
    ASSERT(select != NULL);

    NameScope ctes = {.outer = outer, .with = select->with};
    walk_with(w, select->with, &ctes);
    for (const Select *s = select; s != NULL; s = s->prior) {
        NameScope scope = {.outer = &ctes, .from = s->from};
        walk_from(w, s->from, &scope);
        walk_list(w, s->columns, &scope);
        walk_expr(w, s->where, &scope);
        walk_expr(w, s->having, &scope);
        walk_window(w, s->window_defs, &scope);
        scope.aliases = s->columns;
        walk_list(w, s->group_by, &scope);
        walk_list(w, s->order_by, &scope);
        walk_expr(w, s->limit, &ctes);
        walk_expr(w, s->offset_expr, &ctes);
    }
}

// --- data changes inside triggers ---

static void walk_set(RenameWalk *w, const SetList *set, bool is_target, const NameScope *scope)
{
    for (u32 i = 0; set != NULL && i < set->count; i++) {
        if (is_target && renames_column(w))
            replace_ids(w, set->items[i].columns);
        walk_expr(w, set->items[i].expr, scope);
    }
}

static void walk_insert(RenameWalk *w, const Insert *insert, const NameScope *outer)
{
    ASSERT(insert->target != NULL);

    FromItem excluded = *insert->target;
    excluded.alias = "excluded";
    FromItem *items[1] = {insert->target}, *excluded_items[1] = {&excluded};
    FromList from = {.count = 1, .items = items},
             excluded_from = {.count = 1, .items = excluded_items};
    NameScope excluded_scope = {.outer = outer, .from = &excluded_from};
    NameScope scope = {.outer = &excluded_scope, .from = &from};
    bool is_target = item_is_target(w, insert->target, outer);
    walk_target(w, insert->target, outer);
    if (is_target && renames_column(w))
        replace_ids(w, insert->columns);
    if (insert->select != NULL)
        walk_select(w, insert->select, outer);
    for (const Upsert *u = insert->upsert; u != NULL; u = u->next) {
        walk_list(w, u->target, &scope);
        walk_expr(w, u->target_where, &scope);
        walk_set(w, u->set, is_target, &scope);
        walk_expr(w, u->where, &scope);
    }
}

static void walk_update(RenameWalk *w, const Update *update, const NameScope *outer)
{
    FromItem *items[1] = {update->target};
    FromList from = {.count = 1, .items = items};
    NameScope target = {.outer = outer, .from = &from};
    NameScope scope = {.outer = &target, .from = update->from};
    walk_target(w, update->target, outer);
    walk_from(w, update->from, &scope);
    walk_set(w, update->set, item_is_target(w, update->target, outer), &scope);
    walk_expr(w, update->where, &scope);
}

static void walk_delete(RenameWalk *w, const Delete *delete_, const NameScope *outer)
{
    FromItem *items[1] = {delete_->target};
    FromList from = {.count = 1, .items = items};
    NameScope scope = {.outer = outer, .from = &from};
    walk_target(w, delete_->target, outer);
    walk_expr(w, delete_->where, &scope);
}

static void walk_trigger(RenameWalk *w, const CreateTrigger *create)
{
    ASSERT(create->table.name != NULL);

    const Rename *r = w->rename;
    w->row_table = catalog_find_table(r->db, create->table.name, create->table.schema);
    bool is_target = w->row_table == r->table;
    if (is_target && !renames_column(w))
        replace(w, create->table.offset);
    if (is_target && renames_column(w))
        replace_ids(w, create->of_columns);
    if (r->is_shallow)
        return;
    walk_expr(w, create->when, NULL);
    for (const TriggerStep *step = create->steps; step != NULL; step = step->next) {
        switch ((StmtKind)step->stmt->kind) {
        case STMT_SELECT: walk_select(w, step->stmt->u.select, NULL); break;
        case STMT_INSERT: walk_insert(w, step->stmt->u.insert, NULL); break;
        case STMT_UPDATE: walk_update(w, step->stmt->u.update, NULL); break;
        default: walk_delete(w, step->stmt->u.delete_, NULL); break;
        }
    }
}

// --- tables and indexes ---

static void walk_foreign_key(RenameWalk *w, const ForeignKeyClause *clause, bool is_own)
{
    ASSERT(clause->parent != NULL || clause->deferrable_written);

    const Rename *r = w->rename;
    bool to_target = name_equals(clause->parent, r->table->name);
    if (!renames_column(w)) {
        if (to_target && !r->keeps_references)
            replace(w, clause->parent_offset);
        return;
    }
    if (is_own)
        replace_ids(w, clause->columns);
    if (to_target)
        replace_ids(w, clause->parent_columns);
}

// Columns of an index; a text 'x' stands for a column there.
static void walk_keys(RenameWalk *w, const ExprList *list, const NameScope *scope)
{
    for (u32 i = 0; list != NULL && i < list->count; i++) {
        const Expr *e = list->items[i].expr;
        const Expr *key = expr_skip_collate(e);
        if (key->kind == EX_STRING && renames_column(w)
            && name_equals(key->text, w->rename->column))
            replace(w, key->offset);
        else
            walk_expr(w, e, scope);
    }
}

static void walk_constraints(RenameWalk *w, const Constraint *c, bool is_own,
                             const NameScope *scope)
{
    for (; c != NULL; c = c->next) {
        if (c->foreign_key != NULL)
            walk_foreign_key(w, c->foreign_key, is_own);
        if (is_own && !w->rename->is_shallow) {
            walk_expr(w, c->expr, scope);
            walk_keys(w, c->columns, scope);
        }
    }
}

static void walk_table(RenameWalk *w, const CreateTable *create)
{
    ASSERT(create->name.name != NULL);

    const Rename *r = w->rename;
    bool is_own = name_equals(create->name.name, r->table->name);
    FromItem item = {.kind = FROM_TABLE, .name = create->name.name, .offset = NO_OFFSET};
    FromItem *items[1] = {&item};
    FromList from = {.count = 1, .items = items};
    NameScope scope = {.from = &from};
    if (is_own && !renames_column(w))
        replace(w, create->name.offset);
    for (const ColumnDef *def = create->columns; def != NULL; def = def->next) {
        if (is_own && renames_column(w) && name_equals(def->name, r->column))
            replace(w, def->offset);
        walk_constraints(w, def->constraints, is_own, &scope);
    }
    walk_constraints(w, create->constraints, is_own, &scope);
}

static void walk_index(RenameWalk *w, const CreateIndex *create)
{
    ASSERT(create->table != NULL);

    if (!name_equals(create->table, w->rename->table->name))
        return;
    FromItem item = {.kind = FROM_TABLE, .name = create->table, .offset = NO_OFFSET};
    FromItem *items[1] = {&item};
    FromList from = {.count = 1, .items = items};
    NameScope scope = {.from = &from};
    if (!renames_column(w))
        replace(w, create->table_offset);
    if (w->rename->is_shallow)
        return;
    walk_keys(w, create->columns, &scope);
    walk_expr(w, create->where, &scope);
}

const char *rename_in_statement(const Rename *rename, const char *sql, const Stmt *stmt)
{
    ASSERT(rename->new_name != NULL);

    RenameWalk w = {.rename = rename, .edits = {.arena = rename->arena, .sql = sql}};
    switch ((StmtKind)stmt->kind) {
    case STMT_CREATE_TABLE: walk_table(&w, stmt->u.create_table); break;
    case STMT_CREATE_INDEX: walk_index(&w, stmt->u.create_index); break;
    case STMT_CREATE_VIEW:
        if (!rename->is_shallow)
            walk_select(&w, stmt->u.create_view->select, NULL);
        break;
    case STMT_CREATE_TRIGGER: walk_trigger(&w, stmt->u.create_trigger); break;
    case STMT_CREATE_VIRTUAL_TABLE:
        if (!renames_column(&w)
            && name_equals(stmt->u.create_virtual_table->name.name, rename->table->name))
            replace(&w, stmt->u.create_virtual_table->name.offset);
        break;
    default: break;
    }
    return w.edits.count > 0 ? edit_apply(&w.edits) : sql;
}
