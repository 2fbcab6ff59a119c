// INSERT, UPDATE and DELETE: the target, its columns, upsert and RETURNING.
//
// The target is a FromItem with a cursor, but stands in no Select. Expressions about its rows see
// it as the only item of FROM (Update.sources: with what UPDATE ... FROM adds as a second one).
//
//   INSERT        columns and values by count; the query is one of its own, and sees no target
//   ON CONFLICT   the target's columns are the row in the way, excluded.x the row refused
//   UPDATE FROM   a join: several FROM items become one subquery, whose rows meet the target's
//   RETURNING     the row as written, or for DELETE as it was: EX_ROW_COLUMN
//
// Order is SQLite's where it can be seen, above all the authorizer's questions: the action on the
// table before its columns, columns before the tables of subqueries.

#include "sql/resolve_internal.h"
#include "vtab/vtab.h"
#include <string.h>

// --- the target ---

// As SQLite names a target in messages: the alias, or [schema.]name as written.
static const char *target_name(Resolver *r, const FromItem *target)
{
    ASSERT(target->name != NULL);

    if (target->alias != NULL)
        return target->alias;
    if (target->schema == NULL)
        return target->name;
    const char *name = arena_printf(r->arena, "%s.%s", target->schema, target->name);
    return name != NULL ? name : target->name;
}

static bool has_instead_of(Resolver *r, const Table *view, u8 event)
{
    ASSERT(view->kind == TABLE_VIEW);

    if (!(r->db->flags & CONN_FLAG(ENABLE_TRIGGER)))
        return false;
    for (Trigger *t = catalog_next_trigger(r->db, view, NULL); t != NULL;
         t = catalog_next_trigger(r->db, view, t))
        if (t->time == TRIGGER_INSTEAD_OF && t->event == event)
            return true;
    return false;
}

// Said before anything about columns and values; the code generator asks again, knowing more.
static int check_writable(Resolver *r, const Table *table, u8 event)
{
    bool is_protected = (table->flags & TABLE_READONLY) && !r->ctx->is_nested
                        && !connection_schema_is_writable(r->db);
    if (is_protected)
        return resolve_error(r, NO_OFFSET, "table %s may not be modified", table->name);
    if (table->kind == TABLE_VIEW && !has_instead_of(r, table, event))
        return resolve_error(r, NO_OFFSET, "cannot modify %s because it is a view", table->name);
    return SQLITE_OK;
}

// Views stay views here: their INSTEAD OF triggers do the work.
static int bind_target(Resolver *r, FromItem *target, u8 event)
{
    ASSERT(target->kind == FROM_TABLE && target->table == NULL);

    if (target->cursor < 0)
        target->cursor = r->ctx->cursor_count++;
    Table *table;
    const char *schema = target->schema != NULL ? target->schema : r->fixed_db;
    int db_index;
    TRY(resolve_table_name(r->ctx, schema, target->name, &table, &db_index));
    if (table->kind == TABLE_VIEW)
        TRY(resolve_view_columns(r->db, table));
    TRY(check_writable(r, table, event));
    if (table->kind == TABLE_VIRTUAL)
        TRY(vtab_connect(r->db, table)); // its module tells the columns
    target->table = table;
    target->db_index = db_index;
    if (target->indexed_by == NULL)
        return SQLITE_OK;
    for (Index *index = table->indexes; index != NULL; index = index->next)
        if (name_equals(index->name, target->indexed_by))
            target->index = index;
    if (target->index == NULL)
        return resolve_error(r, NO_OFFSET, "no such index: %s", target->indexed_by);
    return SQLITE_OK;
}

// A view's rows have no rowid; a module may hide that of its own.
static bool table_has_rowid_name(const Table *table)
{
    return table->kind != TABLE_VIEW
           && !(table->flags & (TABLE_WITHOUT_ROWID | TABLE_NO_VISIBLE_ROWID));
}

// Column number of a name that is assigned to; ROWID_COLUMN for the rowid; false: no such column.
static bool assigned_column(const Table *table, const char *name, i32 *column)
{
    ASSERT(name != NULL);

    *column = table_column_index(table, name);
    if (*column >= 0)
        return true;
    *column = ROWID_COLUMN;
    return name_is_rowid(name) && table_has_rowid_name(table);
}

static bool is_generated(const Table *table, i32 column)
{
    ASSERT(column >= ROWID_COLUMN && column < table->column_count);

    return column >= 0 && (table->columns[column].flags & COLUMN_GENERATED) != 0;
}

// Room for two: UPDATE adds what stands behind FROM.
static FromList *single_source(Resolver *r, FromItem *item)
{
    ASSERT(item->kind == FROM_TABLE && item->table != NULL);

    FromList *list = arena_alloc_zeroed(r->arena, sizeof *list);
    if (list == NULL)
        return NULL;
    list->items = arena_array(r->arena, 2, sizeof *list->items);
    if (list->items == NULL)
        return NULL;
    list->capacity = 2;
    list->items[list->count++] = item;
    return list;
}

// --- RETURNING ---

// By name, as if written out: hidden columns are left out, and the authorizer asked about each.
static int returning_star(Resolver *r, const Table *table, ExprList *out)
{
    ASSERT(out->count <= out->capacity);

    for (int i = 0; i < table->column_count; i++) {
        if (table->columns[i].flags & COLUMN_HIDDEN)
            continue;
        Expr *e = expr_new_name(r->arena, table->columns[i].name);
        if (e == NULL || expr_list_add(r->arena, out, e) == NULL)
            return resolve_no_memory(r);
        out->items[out->count - 1].name = table->columns[i].name;
        out->items[out->count - 1].from_star = true;
    }
    return SQLITE_OK;
}

static int expand_returning(Resolver *r, const Table *table, ExprList **list)
{
    ASSERT((*list)->count > 0);

    ExprList *out = arena_alloc_zeroed(r->arena, sizeof *out);
    for (u32 i = 0; i < (*list)->count; i++) {
        const ExprItem *item = &(*list)->items[i];
        if (out == NULL)
            return resolve_no_memory(r);
        if (item->expr->kind == EX_STAR) {
            if (item->expr->u.name.table != NULL)
                return resolve_error(r, NO_OFFSET, "RETURNING may not use \"TABLE.*\" wildcards");
            TRY(returning_star(r, table, out));
            continue;
        }
        if (expr_list_add(r->arena, out, item->expr) == NULL)
            return resolve_no_memory(r);
        out->items[out->count - 1] = *item;
    }
    *list = out;
    return SQLITE_OK;
}

static int resolve_returning(Resolver *r, const FromItem *target, bool is_new, ExprList **list)
{
    ASSERT(target->table != NULL);

    if (*list == NULL)
        return SQLITE_OK;
    TRY(expand_returning(r, target->table, list));
    for (u32 i = 0; i < (*list)->count; i++)
        TRY(expand_subqueries(r, (*list)->items[i].expr));
    Scope s = {.returning = target->table,
               .returning_name = target->table->name,
               .returning_is_new = is_new};
    TRY(resolve_list(r, &s, *list));
    for (u32 i = 0; i < (*list)->count; i++)
        TRY(authorize_expr_queries(r, (*list)->items[i].expr));
    return check_list_row_values(r, *list);
}

// --- assignments ---

static int check_assigned_width(Resolver *r, const SetItem *item)
{
    ASSERT(item->columns->count > 0);

    u32 width = item->columns->count;
    u32 size = expr_vector_size(item->expr);
    if (item->is_row && size != width)
        return resolve_error(r, NO_OFFSET, "%u columns assigned %u values", width, size);
    if (!item->is_row || width == 1)
        return check_row_values(r, item->expr);
    if (item->expr->kind == EX_VECTOR)
        return check_list_row_values(r, item->expr->list);
    return SQLITE_OK;
}

static int resolve_set_columns(Resolver *r, const FromItem *target, SetItem *item)
{
    ASSERT(target->table != NULL);

    const Table *table = target->table;
    for (u32 i = 0; i < item->columns->count; i++) {
        struct IdItem *id = &item->columns->items[i];
        if (!assigned_column(table, id->name, &id->column))
            return resolve_error(r, NO_OFFSET, "no such column: %s", id->name);
        if (is_generated(table, id->column))
            return resolve_error(r, NO_OFFSET, "cannot UPDATE generated column \"%s\"",
                                 table->columns[id->column].name);
    }
    return SQLITE_OK;
}

// A row of expressions is checked before anything else, as SQLite does while it still parses.
static int check_literal_widths(Resolver *r, const SetList *set)
{
    ASSERT(set->count > 0);

    for (u32 i = 0; i < set->count; i++) {
        const SetItem *item = &set->items[i];
        if (!item->is_row || item->expr->kind == EX_SELECT)
            continue;
        u32 size = item->expr->kind == EX_VECTOR ? item->expr->list->count : 1;
        if (size != item->columns->count)
            return resolve_error(r, NO_OFFSET, "%u columns assigned %u values",
                                 item->columns->count, size);
    }
    return SQLITE_OK;
}

// Asks the authorizer about a change of the target.
static int authorize_change(Resolver *r, int action, const FromItem *target, const char *column,
                            bool *is_ignored)
{
    ASSERT(target->table != NULL);

    const Table *table = target->table;
    int index = schema_index(r->db, table->schema);
    int rc = resolve_authorize(r->db, action, table->name, column, r->db->databases[index].name);
    *is_ignored = rc == SQLITE_IGNORE;
    return rc == SQLITE_IGNORE ? SQLITE_OK : rc;
}

static int authorize_set_columns(Resolver *r, const FromItem *target, SetItem *item)
{
    ASSERT(target->table != NULL);

    const Table *table = target->table;
    for (u32 i = 0; i < item->columns->count; i++) {
        struct IdItem *id = &item->columns->items[i];
        const char *name = id->column >= 0 ? table->columns[id->column].name : "ROWID";
        TRY(authorize_change(r, SQLITE_UPDATE, target, name, &id->is_ignored));
    }
    return SQLITE_OK;
}

// `s` NULL: UPDATE with FROM, whose values are results of a query, resolved after the columns.
static int resolve_set(Resolver *r, Scope *s, const FromItem *target, SetList *set)
{
    ASSERT(set->count > 0 && target->table != NULL);

    for (u32 i = 0; i < set->count; i++)
        TRY(expand_subqueries(r, set->items[i].expr));
    for (u32 i = 0; i < set->count; i++) {
        if (s != NULL)
            TRY(resolve_expr(r, s, set->items[i].expr));
        TRY(check_assigned_width(r, &set->items[i]));
        TRY(resolve_set_columns(r, target, &set->items[i]));
        TRY(authorize_set_columns(r, target, &set->items[i]));
    }
    return SQLITE_OK;
}

// --- upsert ---

// Does the ON CONFLICT term name this column of the index?
// COLLATE in the term must name the index's own collation; without it any will do.
static bool term_names_column(Resolver *r, const Expr *term, const Index *index, u32 position,
                              FromItem *target)
{
    ASSERT(position < index->key_count);

    const Expr *bare = term->kind == EX_COLLATE ? term->left : term;
    if (term->kind == EX_COLLATE
        && !name_equals(term->text, index->collations[position] != NULL
                                        ? index->collations[position]
                                        : "BINARY"))
        return false;
    if (index->columns[position] == COLUMN_EXPR) {
        const Expr *own = expr_bind(r->arena, index->exprs[position], target);
        return own != NULL && expr_equal(expr_skip_collate(own), bare);
    }
    if (bare->kind != EX_COLUMN)
        return false;
    int column = bare->u.column.index;
    if (column < 0)
        column = target->table->rowid_alias;
    return column == index->columns[position] && column >= 0;
}

// Every key column named by some term, in any order, and as many terms as columns: what SQLite
// asks.
static bool target_matches_index(Resolver *r, const Upsert *upsert, const Index *index,
                                 FromItem *target)
{
    ASSERT(upsert->target != NULL);

    if (!(index->flags & INDEX_UNIQUE) || index->key_count != upsert->target->count)
        return false;
    if (index->where != NULL) {
        const Expr *where = expr_bind(r->arena, index->where, target);
        if (upsert->target_where == NULL || where == NULL
            || !expr_equal(upsert->target_where, where))
            return false;
    }
    for (u32 i = 0; i < index->key_count; i++) {
        bool found = false;
        for (u32 j = 0; j < upsert->target->count && !found; j++)
            found = term_names_column(r, upsert->target->items[j].expr, index, i, target);
        if (!found)
            return false;
    }
    return true;
}

// "2nd " before messages about the second of several clauses.
static const char *clause_prefix(Resolver *r, u32 number, bool is_only)
{
    ASSERT(number > 0);

    if (is_only)
        return "";
    const char *text = arena_printf(r->arena, "%u%s ", number, resolve_ordinal_suffix(number));
    return text != NULL ? text : "";
}

static int find_upsert_constraint(Resolver *r, Upsert *upsert, FromItem *target, u32 number,
                                  bool is_only)
{
    ASSERT(upsert->target->count > 0 && upsert->index == NULL);

    const Table *table = target->table;
    const Expr *first = upsert->target->items[0].expr;
    if (upsert->target->count == 1 && first->kind == EX_COLUMN && first->u.column.index < 0
        && table_is_rowid(table)) {
        upsert->is_rowid = true;
        return SQLITE_OK;
    }
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        if (target_matches_index(r, upsert, index, target)) {
            upsert->index = index;
            return SQLITE_OK;
        }
    }
    return resolve_error(r, NO_OFFSET,
                         "%sON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint",
                         clause_prefix(r, number, is_only));
}

static int resolve_upsert_target(Resolver *r, Scope *s, Upsert *upsert, FromItem *target,
                                 u32 number, bool is_only)
{
    ASSERT(upsert->index == NULL && !upsert->is_rowid);

    if (upsert->target == NULL)
        return SQLITE_OK;
    TRY(resolve_list(r, s, upsert->target));
    TRY(resolve_expr(r, s, upsert->target_where));
    TRY(check_row_values(r, upsert->target_where));
    return find_upsert_constraint(r, upsert, target, number, is_only);
}

static FromItem *make_excluded(Resolver *r, const FromItem *target)
{
    ASSERT(target->table != NULL);

    FromItem *item = arena_alloc_zeroed(r->arena, sizeof *item);
    if (item == NULL)
        return NULL;
    item->kind = FROM_PSEUDO;
    item->name = "excluded";
    item->is_excluded = true;
    item->table = target->table;
    item->db_index = target->db_index;
    item->cursor = r->ctx->cursor_count++;
    return item;
}

static int resolve_upsert(Resolver *r, Insert *insert)
{
    ASSERT(insert->upsert != NULL);

    FromItem *target = insert->target;
    FromList *sources = single_source(r, target);
    FromItem *excluded = make_excluded(r, target);
    if (sources == NULL || excluded == NULL)
        return resolve_no_memory(r);
    // No module can be asked for it. The words are SQLite's, which programs may know.
    if (target->table->kind == TABLE_VIRTUAL)
        return resolve_error(r, NO_OFFSET, "UPSERT not implemented for virtual table \"%s\"",
                             target->table->name);
    // Without a trigger the view cannot be changed at all, which is for the code generator to say.
    if (target->table->kind == TABLE_VIEW)
        return catalog_next_trigger(r->db, target->table, NULL) == NULL
                   ? SQLITE_OK
                   : resolve_error(r, NO_OFFSET, "cannot UPSERT a view");
    u32 number = 1;
    for (Upsert *upsert = insert->upsert; upsert != NULL; upsert = upsert->next, number++) {
        Scope s = {.from = sources};
        TRY(resolve_upsert_target(r, &s, upsert, target, number, insert->upsert->next == NULL));
        upsert->excluded = excluded;
    }
    for (Upsert *upsert = insert->upsert; upsert != NULL; upsert = upsert->next) {
        if (!upsert->do_update)
            continue;
        Scope s = {.from = sources, .excluded = excluded};
        TRY(resolve_set(r, &s, target, upsert->set));
        TRY(expand_subqueries(r, upsert->where));
        TRY(resolve_expr(r, &s, upsert->where));
        TRY(check_row_values(r, upsert->where));
    }
    return SQLITE_OK;
}

// --- INSERT ---

static int resolve_insert_columns(Resolver *r, Insert *insert)
{
    ASSERT(insert->target->table != NULL);

    const Table *table = insert->target->table;
    for (u32 i = 0; insert->columns != NULL && i < insert->columns->count; i++) {
        struct IdItem *id = &insert->columns->items[i];
        if (!assigned_column(table, id->name, &id->column))
            return resolve_error(r, NO_OFFSET, "table %s has no column named %s",
                                 target_name(r, insert->target), id->name);
        if (is_generated(table, id->column))
            return resolve_error(r, NO_OFFSET, "cannot INSERT into generated column \"%s\"",
                                 table->columns[id->column].name);
    }
    return SQLITE_OK;
}

// What INSERT without a list of columns expects: a generated column has its value already, a hidden
// one is a parameter of its module.
static u32 insertable_column_count(const Table *table)
{
    u32 count = 0;
    for (int i = 0; i < table->column_count; i++)
        count += (table->columns[i].flags & (COLUMN_HIDDEN | COLUMN_GENERATED)) == 0;
    return count;
}

static int check_value_count(Resolver *r, const Insert *insert)
{
    ASSERT(insert->target->table != NULL);

    if (insert->select == NULL)
        return SQLITE_OK;
    u32 count = insert->select->columns->count;
    if (insert->columns != NULL) {
        if (count != insert->columns->count)
            return resolve_error(r, NO_OFFSET, "%u values for %u columns", count,
                                 insert->columns->count);
        return SQLITE_OK;
    }
    u32 expected = insertable_column_count(insert->target->table);
    if (count != expected)
        return resolve_error(r, NO_OFFSET, "table %s has %u columns but %u values were supplied",
                             target_name(r, insert->target), expected, count);
    return SQLITE_OK;
}

// Several rows of VALUES without anything that must be looked up, the first of no affinity: SQLite
// makes their code as it parses them, before it knows the table.
static bool is_rows_of_constants(const Resolver *r, const Select *last)
{
    ASSERT(last == NULL || last->next == NULL);

    if (r->ctx->trigger != NULL || last == NULL || last->prior == NULL)
        return false;
    for (const Select *row = last; row != NULL; row = row->prior) {
        bool is_first = row->prior == NULL;
        for (u32 i = 0; i < row->columns->count; i++) {
            const Expr *e = row->columns->items[i].expr;
            bool fits =
                is_first ? e->kind != EX_CAST && e->kind != EX_SELECT : expr_is_constant(e, true);
            if (!fits)
                return false;
        }
        if ((row->flags & SELECT_VALUES) == 0)
            return false;
    }
    return true;
}

// DEFAULT VALUES alone has no query.
static int resolve_insert(Resolver *r, Insert *insert)
{
    ASSERT(insert->default_values == (insert->select == NULL));
    ASSERT(insert->target->table == NULL);

    if (is_rows_of_constants(r, insert->select))
        TRY(authorize_query(r, insert->select));
    for (const Upsert *u = insert->upsert; u != NULL; u = u->next)
        if (u->do_update)
            TRY(check_literal_widths(r, u->set));
    TRY(bind_target(r, insert->target, TRIGGER_INSERT));
    TRY(authorize_change(r, SQLITE_INSERT, insert->target, NULL, &insert->is_ignored));
    TRY(resolve_insert_columns(r, insert));
    if (insert->select != NULL) {
        TRY(expand_select(r, insert->select));
        // VALUES of one row is no query to the authorizer.
        bool is_row = (insert->select->flags & SELECT_VALUES) != 0 && insert->select->prior == NULL;
        if (!is_row)
            TRY(authorize_query(r, insert->select));
        TRY(resolve_query(r, NULL, insert->select));
        TRY(authorize_within(r, insert->select));
    }
    TRY(check_value_count(r, insert));
    if (insert->upsert != NULL)
        TRY(resolve_upsert(r, insert));
    return resolve_returning(r, insert->target, true, &insert->returning);
}

// --- UPDATE ---

static bool is_target_again(const FromItem *item, const FromItem *target)
{
    ASSERT(target->table != NULL);

    bool same_alias = item->alias == NULL || target->alias == NULL
                          ? item->alias == target->alias
                          : name_equals(item->alias, target->alias);
    return item->table == target->table && same_alias;
}

// Several FROM terms become one, whose ON clauses do not see the target.
static FromItem *from_as_item(Resolver *r, FromList *from)
{
    ASSERT(from->count > 0);

    if (from->count == 1)
        return from->items[0];
    FromItem *item = arena_alloc_zeroed(r->arena, sizeof *item);
    Select *select = arena_alloc_zeroed(r->arena, sizeof *select);
    Expr *star = expr_new(r->arena, EX_STAR, NULL, NULL);
    if (item == NULL || select == NULL || star == NULL)
        return NULL;
    select->columns = expr_list_add(r->arena, NULL, star);
    select->from = from;
    select->flags = SELECT_NESTED_FROM;
    item->kind = FROM_NESTED;
    item->select = select;
    item->cursor = -1;
    item->offset = NO_OFFSET;
    return select->columns == NULL ? NULL : item;
}

// In a join a view is what its query gives. (Named with its schema, it is no common table
// expression.)
static int view_as_source(Resolver *r, const FromItem *target, FromItem **out)
{
    ASSERT(target->table->kind == TABLE_VIEW);

    FromItem *item = arena_alloc_zeroed(r->arena, sizeof *item);
    if (item == NULL)
        return resolve_no_memory(r);
    item->kind = FROM_TABLE;
    item->schema = r->db->databases[target->db_index].name;
    item->name = target->name;
    item->alias = target->alias;
    item->cursor = -1;
    item->offset = NO_OFFSET;
    *out = item;
    return bind_item(r, item);
}

static int bind_update_sources(Resolver *r, Update *update)
{
    ASSERT(update->sources == NULL && update->target->table != NULL);

    update->sources = single_source(r, update->target);
    if (update->sources == NULL)
        return resolve_no_memory(r);
    if (update->from == NULL)
        return SQLITE_OK;
    if (update->target->table->kind == TABLE_VIEW)
        TRY(view_as_source(r, update->target, &update->sources->items[0]));
    FromItem *item = from_as_item(r, update->from);
    if (item == NULL)
        return resolve_no_memory(r);
    item->join = JOIN_INNER | JOIN_COMMA;
    item->position = 1;
    TRY(bind_item(r, item));
    update->sources->items[update->sources->count++] = item;
    for (u32 i = 0; i < update->from->count; i++)
        if (is_target_again(update->from->items[i], update->target))
            return resolve_error(r, NO_OFFSET,
                                 "target object/alias may not appear in FROM clause: %s",
                                 from_item_name(update->from->items[i]));
    if (item->select == NULL || update->target->table->kind != TABLE_VIRTUAL)
        return SQLITE_OK; // else resolve_joined_rows() has them in a query
    TRY(authorize_query(r, item->select));
    TRY(resolve_query(r, NULL, item->select));
    TRY(authorize_within(r, item->select));
    item_take_results(r, item);
    return SQLITE_OK;
}

// --- UPDATE ... FROM ---

static ExprList *add_key_column(Resolver *r, ExprList *list, FromItem *target, int column)
{
    ASSERT(column >= ROWID_COLUMN);

    Expr *e = expr_new(r->arena, EX_COLUMN, NULL, NULL);
    if (e == NULL)
        return NULL;
    e->u.column.item = target;
    e->u.column.index = column;
    return expr_list_add(r->arena, list, e);
}

// What a joined row of the target is found by; a view's is not found, but shown to triggers.
static ExprList *key_columns(Resolver *r, FromItem *target, const Table *table)
{
    ASSERT(table->kind != TABLE_VIRTUAL);

    if (table->kind == TABLE_ORDINARY && table_is_rowid(table))
        return add_key_column(r, NULL, target, ROWID_COLUMN);
    const Index *key = table->kind == TABLE_VIEW ? NULL : table_primary_key(table);
    int count = key == NULL ? table->column_count : key->key_count;
    ExprList *list = NULL;
    for (int i = 0; i < count; i++) {
        list = add_key_column(r, list, target, key == NULL ? i : key->columns[i]);
        if (list == NULL)
            return NULL;
    }
    return list;
}

// One by one and in the order of SET: the code generator counts on it to find a column's value.
static ExprList *assigned_values(Resolver *r, const SetList *set)
{
    ASSERT(set->count > 0);

    ExprList *list = NULL;
    for (u32 i = 0; i < set->count; i++) {
        const SetItem *item = &set->items[i];
        for (u32 field = 0; field < item->columns->count; field++) {
            Expr *value = expr_vector_field(r->arena, item->expr, field);
            list = value == NULL ? NULL : expr_list_add(r->arena, list, value);
            if (list == NULL)
                return NULL;
        }
    }
    return list;
}

// The joined rows are those of a query, in which aggregates and window functions have their place.
static int resolve_joined_rows(Resolver *r, Update *update)
{
    ASSERT(update->from != NULL && update->sources->count == 2);

    Select *query = arena_alloc_zeroed(r->arena, sizeof *query);
    ExprList *values = assigned_values(r, update->set);
    ExprList *columns = key_columns(r, update->sources->items[0], update->target->table);
    if (query == NULL || values == NULL || columns == NULL)
        return resolve_no_memory(r);
    *query = (Select){.flags = SELECT_EXPANDED,
                      .offset = NO_OFFSET,
                      .id = ++r->ctx->select_count,
                      .columns = values,
                      .from = update->sources,
                      .where = update->where};
    TRY(authorize_query(r, query));
    TRY(resolve_query(r, NULL, query));
    TRY(authorize_within(r, query));
    for (u32 i = 0; columns != NULL && i < values->count; i++)
        columns = expr_list_add(r->arena, columns, values->items[i].expr);
    if (columns == NULL)
        return resolve_no_memory(r);
    query->columns = columns;
    update->query = query;
    return SQLITE_OK;
}

static int resolve_update(Resolver *r, Update *update)
{
    ASSERT(update->query == NULL && update->set->count > 0);

    TRY(check_literal_widths(r, update->set));
    TRY(bind_target(r, update->target, TRIGGER_UPDATE));
    TRY(bind_update_sources(r, update));
    bool is_query = update->from != NULL && update->target->table->kind != TABLE_VIRTUAL;
    Scope s = {.from = update->sources};
    TRY(resolve_set(r, is_query ? NULL : &s, update->target, update->set));
    TRY(expand_subqueries(r, update->where));
    if (is_query) {
        TRY(resolve_joined_rows(r, update));
    } else {
        if (update->from != NULL)
            TRY(resolve_list(r, &s, update->sources->items[1]->args));
        TRY(resolve_expr(r, &s, update->where));
        TRY(check_row_values(r, update->where));
        TRY(authorize_expr_queries(r, update->where));
        for (u32 i = 0; i < update->set->count; i++)
            TRY(authorize_expr_queries(r, update->set->items[i].expr));
        if (update->from != NULL)
            TRY(authorize_unread_items(r, update->sources));
    }
    return resolve_returning(r, update->target, true, &update->returning);
}

// --- DELETE ---

static int resolve_delete(Resolver *r, Delete *delete_)
{
    ASSERT(delete_->target != NULL);

    TRY(bind_target(r, delete_->target, TRIGGER_DELETE));
    TRY(authorize_change(r, SQLITE_DELETE, delete_->target, NULL, &delete_->is_ignored));
    FromList *sources = single_source(r, delete_->target);
    if (sources == NULL)
        return resolve_no_memory(r);
    Scope s = {.from = sources};
    TRY(expand_subqueries(r, delete_->where));
    TRY(resolve_expr(r, &s, delete_->where));
    TRY(check_row_values(r, delete_->where));
    TRY(authorize_expr_queries(r, delete_->where));
    return resolve_returning(r, delete_->target, false, &delete_->returning);
}

// --- statements ---

// A bare word is text; anything else is an expression without columns.
static int resolve_attach_expr(Resolver *r, Expr *e)
{
    if (e == NULL)
        return SQLITE_OK;
    if (e->kind == EX_NAME && e->u.name.table == NULL) {
        e->kind = EX_STRING;
        e->size = (u32)strlen(e->text);
        return SQLITE_OK;
    }
    Scope s = {0};
    TRY(expand_subqueries(r, e));
    TRY(resolve_expr(r, &s, e));
    return check_row_values(r, e);
}

static int resolve_attach(Resolver *r, Stmt *stmt)
{
    ASSERT(stmt->kind == STMT_ATTACH || stmt->kind == STMT_DETACH);

    TRY(resolve_attach_expr(r, stmt->u.attach.file));
    TRY(resolve_attach_expr(r, stmt->u.attach.schema));
    return resolve_attach_expr(r, stmt->u.attach.key);
}

static With *statement_with(const Stmt *stmt)
{
    ASSERT(stmt->kind != STMT_EMPTY);

    switch (stmt->kind) {
    case STMT_INSERT: return stmt->u.insert->with;
    case STMT_UPDATE: return stmt->u.update->with;
    case STMT_DELETE: return stmt->u.delete_->with;
    default: return NULL; // a query's WITH hangs on the query
    }
}

static int resolve_by_kind(Resolver *r, Stmt *stmt)
{
    ASSERT(stmt->kind != STMT_EMPTY);

    switch (stmt->kind) {
    case STMT_SELECT:
        TRY(expand_select(r, stmt->u.select));
        TRY(authorize_query(r, stmt->u.select));
        TRY(resolve_query(r, NULL, stmt->u.select));
        TRY(authorize_within(r, stmt->u.select));
        return resolve_api_names(r, stmt->u.select);
    case STMT_INSERT: return resolve_insert(r, stmt->u.insert);
    case STMT_UPDATE: return resolve_update(r, stmt->u.update);
    case STMT_DELETE: return resolve_delete(r, stmt->u.delete_);
    case STMT_ATTACH:
    case STMT_DETACH: return resolve_attach(r, stmt);
    case STMT_VACUUM: return resolve_constant(r->ctx, &stmt->u.vacuum.into);
    default: return SQLITE_OK; // nothing to resolve
    }
}

// The planner and views number their own SELECTs after those of the text.
int resolve_statement(ResolveContext *ctx, Stmt *stmt)
{
    ASSERT(ctx->cursor_count >= 0);

    Resolver r = resolver_make(ctx);
    if (ctx->select_count < stmt->select_count)
        ctx->select_count = stmt->select_count;
    r.with = statement_with(stmt);
    return resolve_end(&r, resolve_by_kind(&r, stmt));
}
