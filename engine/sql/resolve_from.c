// FROM: which table, view, CTE or subquery each item is, and what the joins between them mean.
//
// A name is looked for among the CTEs in scope, then in the schema, then among the modules that may
// be used as tables without CREATE VIRTUAL TABLE. A view becomes a subquery: a copy of its SELECT,
// read with the view's own database as home, so that the tables it meant are found whatever TEMP
// tables hide them.
//
// Joins: ON, USING and NATURAL become terms of WHERE, tagged with their join (R2):
//   a LEFT JOIN b ON a.x = b.x      WHERE a.x = b.x, of the join of b
//   a JOIN b USING (x)              WHERE a.x = b.x
//   a NATURAL JOIN b                USING with every column that both sides have

#include "sql/column_names.h"
#include "sql/resolve_internal.h"
#include "vtab/vtab.h"
#include <string.h>

// --- columns of items ---

bool item_column_is_hidden(const FromItem *item, int column)
{
    ASSERT(column >= 0 && column < (int)from_item_column_count(item));

    return item->table != NULL && (item->table->columns[column].flags & COLUMN_HIDDEN) != 0;
}

int item_find_column(const FromItem *item, const char *name, bool skip_hidden)
{
    u32 count = from_item_column_count(item);
    for (u32 i = 0; i < count; i++) {
        const char *column =
            item->table != NULL ? item->table->columns[i].name : item->columns[i].name;
        if (column != NULL && name_equals(column, name)
            && !(skip_hidden && item_column_is_hidden(item, (int)i)))
            return (int)i;
    }
    return -1;
}

// --- tables ---

static int no_such_table(Resolver *r, const char *schema, const char *name)
{
    if (schema != NULL)
        return resolve_error(r, NO_OFFSET, "no such table: %s.%s", schema, name);
    return resolve_error(r, NO_OFFSET, "no such table: %s", name);
}

// A module may be used as a table without CREATE VIRTUAL TABLE: json_each(...). It is in no schema,
// and found by any schema's name.
static int find_eponymous(Resolver *r, const char *name, Table **out)
{
    Module *module = module_find(r->db, name);
    return module == NULL ? SQLITE_OK : module_eponymous_table(r->db, module, out);
}

static int find_table(Resolver *r, const char *schema, const char *name, Table **out)
{
    ASSERT(name != NULL && out != NULL);

    const char *database = schema != NULL ? schema : r->fixed_db;
    TRY(schema_load_all(r->db));
    *out = catalog_find_table(r->db, name, database);
    if (r->ctx->hides_virtual) {
        if (*out != NULL && (*out)->kind == TABLE_VIRTUAL)
            *out = NULL;
        return *out == NULL ? no_such_table(r, database, name) : SQLITE_OK;
    }
    if (*out == NULL)
        TRY(find_eponymous(r, name, out));
    return *out == NULL ? no_such_table(r, database, name) : SQLITE_OK;
}

int resolve_table_name(ResolveContext *ctx, const char *schema, const char *name, Table **out,
                       int *db_index)
{
    ASSERT(name != NULL);

    Resolver r = resolver_make(ctx);
    TRY(find_table(&r, schema, name, out));
    *db_index = (*out)->schema == NULL ? DB_MAIN : schema_index(ctx->db, (*out)->schema);
    return SQLITE_OK;
}

static int bind_index(Resolver *r, FromItem *item)
{
    ASSERT(item->index == NULL);

    if (item->indexed_by == NULL)
        return SQLITE_OK;
    for (Index *index = item->table == NULL ? NULL : item->table->indexes; index != NULL;
         index = index->next) {
        if (name_equals(index->name, item->indexed_by)) {
            item->index = index;
            return SQLITE_OK;
        }
    }
    // The message is about the schema, and points nowhere.
    r->db->error_offset = -1;
    return resolve_error(r, NO_OFFSET, "no such index: %s", item->indexed_by);
}

// --- views ---

static WalkResult forget_place(Walker *w, Expr *e)
{
    (void)w;
    e->offset = NO_OFFSET;
    if (e->kind == EX_NAME || e->kind == EX_STAR)
        e->u.name.schema_offset = e->u.name.table_offset = NO_OFFSET;
    return WALK_ON;
}

static WalkResult forget_place_select(Walker *w, Select *s)
{
    (void)w;
    s->offset = NO_OFFSET;
    return WALK_ON;
}

static void forget_places(Select *s)
{
    Walker w = {.expr = forget_place, .select = forget_place_select};
    (void)select_walk(&w, s);
}

static int bind_view(Resolver *r, FromItem *item, Table *view)
{
    ASSERT(view->kind == TABLE_VIEW && item->select == NULL);

    if (!(r->db->flags & CONN_FLAG(ENABLE_VIEW))
        && view->schema != r->db->databases[DB_TEMP].schema)
        return resolve_error(r, NO_OFFSET, "access to view \"%s\" prohibited", view->name);
    TRY(resolve_view_columns(r->db, view));
    Select *select = select_copy(r->arena, view->select, NULL);
    if (select == NULL)
        return resolve_no_memory(r);
    forget_places(select);
    Resolver inner = *r;
    int index = schema_index(r->db, view->schema);
    inner.with = NULL;
    inner.no_offsets = true;
    inner.fixed_db = index == DB_TEMP ? NULL : r->db->databases[index].name;
    inner.view_depth = r->view_depth + 1;
    select->flags |= SELECT_FROM_VIEW;
    item->kind = FROM_SELECT;
    item->is_view = true;
    item->view = view;
    item->select = select;
    TRY(expand_select(&inner, select));
    TRY(bind_subquery_columns(&inner, item, NULL));
    for (u32 i = 0; i < item->column_count && i < (u32)view->column_count; i++)
        item->columns[i].name = view->columns[i].name;
    return SQLITE_OK;
}

// --- items ---

// Views that double at every level make exponentially many references to the innermost table.
static int count_reference(Resolver *r, const Table *table)
{
    ASSERT(table != NULL);

    ResolveContext *ctx = r->ctx;
    for (u32 i = 0; i < ctx->reference_count; i++)
        if (ctx->references[i].table == table)
            return ++ctx->references[i].count <= TABLE_REFERENCE_MAX
                       ? SQLITE_OK
                       : resolve_error(r, NO_OFFSET, "too many references to \"%s\": max %d",
                                       table->name, TABLE_REFERENCE_MAX);
    if (ctx->reference_count < ARRAY_LEN(ctx->references))
        ctx->references[ctx->reference_count++] = (TableReferences){.table = table, .count = 1};
    return SQLITE_OK;
}

static int bind_table(Resolver *r, FromItem *item)
{
    ASSERT(item->name != NULL && item->table == NULL);

    bool is_cte = false;
    if (item->schema == NULL)
        TRY(bind_cte(r, item, &is_cte));
    if (is_cte)
        return SQLITE_OK;
    Table *table;
    TRY(find_table(r, item->schema, item->name, &table));
    if (item->kind == FROM_FUNCTION && table->kind != TABLE_VIRTUAL)
        return resolve_error(r, NO_OFFSET, "'%s' is not a function", item->name);
    item->db_index = table->schema == NULL ? DB_MAIN : schema_index(r->db, table->schema);
    TRY(count_reference(r, table));
    if (table->kind == TABLE_VIEW)
        return bind_view(r, item, table);
    if (table->kind == TABLE_VIRTUAL)
        TRY(vtab_connect(r->db, table));
    item->table = table;
    return SQLITE_OK;
}

int bind_item(Resolver *r, FromItem *item)
{
    ASSERT(item->select == NULL || item->name == NULL || item->kind != FROM_TABLE);

    if (item->cursor < 0)
        item->cursor = r->ctx->cursor_count++;
    if (item->table != NULL || item->columns != NULL)
        return SQLITE_OK;
    if (item->select == NULL) {
        TRY(bind_table(r, item));
    } else {
        TRY(expand_select(r, item->select));
        TRY(bind_subquery_columns(r, item, NULL));
    }
    return bind_index(r, item);
}

int expand_from(Resolver *r, FromList *from, Select *owner)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        FromItem *item = from->items[i];
        item->position = (int)i;
        item->owner = owner;
        TRY(bind_item(r, item));
    }
    return SQLITE_OK;
}

// --- names of subquery columns ---

// AS, else the column's own name however it was written, else the text of the expression.
const char *result_column_name(Resolver *r, const ExprItem *item)
{
    ASSERT(item->expr != NULL);

    if (item->name != NULL)
        return item->name;
    const Expr *e = item->expr;
    for (;;) {
        e = expr_skip_collate(e);
        bool is_likely = e->kind == EX_CALL && e->list != NULL && e->list->count > 0
                         && (name_equals(e->text, "likely") || name_equals(e->text, "unlikely")
                             || name_equals(e->text, "likelihood"));
        if (!is_likely)
            break;
        e = e->list->items[0].expr;
    }
    if (e->kind == EX_NAME || e->kind == EX_ROW_COLUMN)
        return e->text;
    if (e->kind == EX_COLUMN && e->u.column.item != NULL)
        return from_item_column_name(e->u.column.item, e->u.column.index);
    if (item->span.text == NULL)
        return NULL;
    return arena_dup(r->arena, item->span.text, item->span.size);
}

static int name_columns(Resolver *r, const ExprList *list, const IdList *names, ColumnNames *known,
                        ResultColumn *columns)
{
    ASSERT(names == NULL || names->count == list->count);

    for (u32 i = 0; i < list->count; i++) {
        const char *name =
            names != NULL ? names->items[i].name : result_column_name(r, &list->items[i]);
        if (name == NULL)
            name = arena_printf(r->arena, "column%u", i + 1);
        if (name != NULL)
            name = column_names_add(known, name);
        if (name == NULL)
            return resolve_no_memory(r);
        columns[i].name = name;
        columns[i].affinity = AFF_NONE;
    }
    return SQLITE_OK;
}

int bind_subquery_columns(Resolver *r, FromItem *item, const IdList *names)
{
    ASSERT(item->select != NULL);

    const Select *first = item->select;
    while (first->prior != NULL)
        first = first->prior; // the first term names the columns
    const ExprList *list = first->columns;
    ASSERT(names == NULL || names->count == list->count);
    ResultColumn *columns = arena_array(r->arena, list->count, sizeof *columns);
    if (columns == NULL)
        return resolve_no_memory(r);
    ColumnNames known = {.arena = r->arena};
    int rc = name_columns(r, list, names, &known, columns);
    column_names_deinit(&known);
    if (rc != SQLITE_OK)
        return rc;
    item->columns = columns;
    item->column_count = list->count;
    return SQLITE_OK;
}

// --- join conditions ---

typedef struct OnTag {
    u32 flag;
    int cursor;
} OnTag;

static WalkResult tag_on(Walker *w, Expr *e)
{
    const OnTag *tag = w->arg;
    e->flags |= tag->flag;
    e->on_item = tag->cursor;
    return WALK_ON;
}

// SQLite forgets the places of operands of ON: messages about them have no offset.
static void forget_on_places(Expr *e)
{
    while (e != NULL) {
        e->offset = NO_OFFSET;
        if (e->kind == EX_NAME)
            e->u.name.schema_offset = e->u.name.table_offset = NO_OFFSET;
        for (u32 i = 0; e->kind == EX_CALL && e->list != NULL && i < e->list->count; i++)
            forget_on_places(e->list->items[i].expr);
        forget_on_places(e->left);
        e = e->right;
    }
}

// The whole condition belongs to the join of `right`.
static void tag_condition(Expr *e, const FromItem *right, bool near_outer)
{
    ASSERT(right->cursor >= 0);

    OnTag tag = {.cursor = right->cursor};
    if (right->join & JOIN_OUTER)
        tag.flag = EXPR_OUTER_ON;
    else if (near_outer)
        tag.flag = EXPR_INNER_ON;
    if (tag.flag == 0)
        return;
    Walker w = {.expr = tag_on, .arg = &tag};
    (void)expr_walk(&w, e);
}

static int add_condition(Resolver *r, Expr **where, Expr *condition)
{
    ASSERT(where != NULL);

    if (condition == NULL)
        return resolve_no_memory(r);
    *where = expr_and(r->arena, *where, condition);
    return *where == NULL ? resolve_no_memory(r) : SQLITE_OK;
}

// NATURAL is USING with every column that both sides have.
static int natural_using(Resolver *r, FromList *from, u32 position)
{
    ASSERT(position > 0 && position < from->count);

    FromItem *right = from->items[position];
    if (right->has_on || right->has_using)
        return resolve_error(r, NO_OFFSET, "a NATURAL join may not have an ON or USING clause");
    IdList *list = arena_alloc_zeroed(r->arena, sizeof *list);
    u32 count = from_item_column_count(right);
    if (list != NULL)
        list->items = arena_array(r->arena, count + 1, sizeof *list->items);
    if (list == NULL || list->items == NULL)
        return resolve_no_memory(r);
    for (u32 i = 0; i < count; i++) {
        const char *name = from_item_column_name(right, (int)i);
        bool is_shared = false;
        if (item_column_is_hidden(right, (int)i))
            continue;
        for (u32 j = 0; j < position && !is_shared; j++)
            is_shared = item_find_column(from->items[j], name, true) >= 0;
        if (is_shared)
            list->items[list->count++] =
                (struct IdItem){.name = name, .offset = NO_OFFSET, .column = -1};
    }
    right->has_using = true;
    right->using_list = list;
    return SQLITE_OK;
}

static bool column_is_merged_copy(const FromItem *item, int column)
{
    ASSERT(column >= 0);

    return item->kind == FROM_NESTED && item->select->columns->items[column].is_hidden;
}

// First column `name` of items[first..end); -1 when there is none.
static int find_left_column(const FromList *from, u32 first, u32 end, const char *name,
                            bool skip_hidden, int *column)
{
    ASSERT(end <= from->count);

    for (u32 i = first; i < end; i++) {
        const FromItem *item = from->items[i];
        u32 count = from_item_column_count(item);
        for (u32 j = 0; j < count; j++) {
            if (name_equals(from_item_column_name(item, (int)j), name)
                && !(skip_hidden && item_column_is_hidden(item, (int)j))
                && !column_is_merged_copy(item, (int)j)) {
                *column = (int)j;
                return (int)i;
            }
        }
    }
    return -1;
}

bool using_has(const IdList *list, const char *name)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        if (name_equals(list->items[i].name, name))
            return true;
    return false;
}

// A side of USING: no READ of its own to the authorizer, who hears of the columns otherwise.
static Expr *bound_column(Resolver *r, FromItem *item, int column)
{
    ASSERT(item->cursor >= 0);

    Expr *e = expr_new(r->arena, EX_COLUMN, NULL, NULL);
    if (e == NULL)
        return NULL;
    column_becomes(e, item, column, 0);
    e->flags |= EXPR_FROM_USING;
    return e;
}

// With RIGHT or FULL joins about, the left side of USING is coalesce() of every column of that
// name.
static int left_side(Resolver *r, FromList *from, u32 position, const char *name, Expr **out)
{
    ASSERT(position > 0 && position < from->count);

    int column;
    bool is_natural = (from->items[position]->join & JOIN_NATURAL) != 0;
    int at = find_left_column(from, 0, position, name, is_natural, &column);
    if (at < 0)
        return resolve_error(
            r, NO_OFFSET, "cannot join using column %s - column not present in both tables", name);
    Expr *e = bound_column(r, from->items[at], column);
    if (e == NULL)
        return resolve_no_memory(r);
    *out = e;
    if (!(from->items[0]->join & JOIN_LEFT_OF_RIGHT))
        return SQLITE_OK;
    ExprList *list = NULL;
    for (;;) {
        int next = find_left_column(from, (u32)at + 1, position, name, is_natural, &column);
        if (next < 0)
            break;
        if (!using_has(from->items[next]->using_list, name))
            return resolve_error(r, NO_OFFSET, "ambiguous reference to %s in USING()", name);
        if (list == NULL)
            list = expr_list_add(r->arena, NULL, e);
        Expr *further = bound_column(r, from->items[next], column);
        list = list == NULL ? NULL : expr_list_add(r->arena, list, further);
        if (list == NULL)
            return resolve_no_memory(r);
        at = next;
    }
    if (list == NULL)
        return SQLITE_OK;
    Expr *merged = expr_new(r->arena, EX_CALL, NULL, NULL);
    if (merged == NULL)
        return resolve_no_memory(r);
    *out = merged;
    return merged_becomes(r, merged, list);
}

static int using_conditions(Resolver *r, FromList *from, u32 position, bool near_outer,
                            Expr **where)
{
    ASSERT(from->items[position]->has_using);

    FromItem *right = from->items[position];
    const IdList *list = right->using_list;
    for (u32 i = 0; list != NULL && i < list->count; i++) {
        const char *name = list->items[i].name;
        bool is_natural = (right->join & JOIN_NATURAL) != 0;
        int column = item_find_column(right, name, is_natural);
        if (column < 0)
            return resolve_error(r, NO_OFFSET,
                                 "cannot join using column %s - column not present in both tables",
                                 name);
        Expr *left = NULL;
        TRY(left_side(r, from, position, name, &left));
        Expr *other = bound_column(r, right, column);
        Expr *equal = other == NULL ? NULL : expr_new(r->arena, EX_EQ, left, other);
        if (equal == NULL)
            return resolve_no_memory(r);
        tag_condition(equal, right, near_outer);
        TRY(add_condition(r, where, equal));
    }
    return SQLITE_OK;
}

// Which items can be NULL-extended, and whether any outer join is there.
static bool note_outer_joins(FromList *from)
{
    ASSERT(from->count > 0);

    bool any = false;
    for (u32 i = from->count; i-- > 1;) {
        FromItem *item = from->items[i];
        any = any || (item->join & JOIN_OUTER);
        if (item->join & JOIN_LEFT)
            item->may_be_null = true;
        if (!(item->join & JOIN_RIGHT))
            continue;
        for (u32 j = 0; j < i; j++) {
            from->items[j]->may_be_null = true;
            from->items[j]->join |= JOIN_LEFT_OF_RIGHT;
        }
    }
    return any;
}

int join_conditions(Resolver *r, FromList *from, Expr **where)
{
    if (from == NULL || from->count == 0)
        return SQLITE_OK;
    bool near_outer = note_outer_joins(from);
    for (u32 i = 1; i < from->count; i++) {
        FromItem *right = from->items[i];
        if (right->join & JOIN_NATURAL)
            TRY(natural_using(r, from, i));
        if (right->has_using)
            TRY(using_conditions(r, from, i, near_outer, where));
        if (right->on != NULL) {
            forget_on_places(right->on);
            tag_condition(right->on, right, near_outer);
            TRY(add_condition(r, where, right->on));
            right->on = NULL;
        }
    }
    return SQLITE_OK;
}
