// Column names: which FROM item, in which Select, or which other row is meant.
//
// From the innermost scope outward: columns of FROM items; OLD, NEW and excluded; the rowid under
// one of its names; aliases of result columns. What is found nowhere may still be a string ("x") or
// TRUE or FALSE.
//
// In one scope a name must mean one thing; the first scope that has it ends the search, so that
// inner names hide outer ones. USING is why two columns of one name can still be one (lookup_add).
//
// Every Select crossed on the way out becomes SELECT_CORRELATED, and the column's depth counts
// them.

#include "sql/resolve_internal.h"
#include <string.h>

typedef struct Lookup {
    const char *schema, *table, *column;
    int count;      // matches in the scope at hand
    FromItem *item; // last match
    int index;
    Table *row_table; // match is a row of a trigger or RETURNING
    bool row_is_new;
    bool row_is_returned;
    u32 rowid_count; // items whose rowid the name could mean
    FromItem *rowid_item;
    int rowid_index;  // its column in a parenthesised join, else ROWID_COLUMN
    ExprList *merged; // columns of a FULL JOIN's USING, gathered for coalesce()
} Lookup;

// --- marking ---

static bool column_is_generated(const Table *table, int column)
{
    ASSERT(column >= 0 && column < table->column_count);

    return (table->columns[column].flags & COLUMN_GENERATED) != 0;
}

// Bit 63 stands for every column from the 64th on.
void mark_column_used(FromItem *item, int column)
{
    ASSERT(column >= ROWID_COLUMN);

    if (column < 0) {
        item->rowid_used = true;
        return;
    }
    item->columns_used |= 1ull << (column < 63 ? column : 63);
    // A generated column may read any other.
    if (item->table != NULL && column_is_generated(item->table, column))
        item->columns_used = UINT64_MAX;
}

void column_becomes(Expr *e, FromItem *item, int column, int depth)
{
    ASSERT(depth >= 0);
    ASSERT(column < (int)from_item_column_count(item));

    const Table *table = item->table;
    if (column >= 0 && table != NULL && column == table->rowid_alias)
        column = ROWID_COLUMN;
    e->kind = EX_COLUMN;
    e->left = e->right = NULL;
    e->list = NULL;
    e->text = from_item_column_name(item, column);
    e->u.column.item = item;
    e->u.column.index = column;
    e->u.column.depth = depth;
    mark_column_used(item, column);
}

// --- authorizer ---

// What the authorizer ignores reads as NULL.
static int authorize_read(Resolver *r, Expr *e, const char *table, const char *column,
                          const char *database)
{
    int rc = resolve_authorize_read(r->db, table, column, database);
    if (rc != SQLITE_IGNORE)
        return rc;
    e->kind = EX_NULL;
    return SQLITE_OK;
}

const char *authorized_column_name(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (column >= 0)
        return table->columns[column].name;
    return table->rowid_alias >= 0 ? table->columns[table->rowid_alias].name : "ROWID";
}

const char *item_database(const Resolver *r, const FromItem *item)
{
    const Table *table = item->table != NULL ? item->table : item->view;
    if (table == NULL || table->schema == NULL)
        return NULL;
    int index = schema_index(r->db, table->schema);
    return index < 0 ? NULL : r->db->databases[index].name;
}

int resolve_bound_column(Resolver *r, Expr *e)
{
    ASSERT(e->kind == EX_COLUMN && e->u.column.item != NULL);

    FromItem *item = e->u.column.item;
    mark_column_used(item, e->u.column.index);
    const Table *table = item->table != NULL ? item->table : item->view;
    // The row that ON CONFLICT refused is not in the table: nothing is read.
    bool is_silent = item->is_excluded || (e->flags & EXPR_FROM_USING) != 0;
    if (table == NULL || r->db->authorizer == NULL || is_silent)
        return SQLITE_OK;
    const char *database = item_database(r, item);
    if (database == NULL)
        return SQLITE_OK;
    return authorize_read(r, e, table->name, authorized_column_name(table, e->u.column.index),
                          database);
}

// --- matching FROM items ---

bool item_has_rowid(const FromItem *item)
{
    const Table *table = item->table;
    if (table == NULL)
        return false; // subqueries, views and CTEs
    return table->kind != TABLE_VIEW
           && !(table->flags & (TABLE_WITHOUT_ROWID | TABLE_NO_VISIBLE_ROWID));
}

static bool item_is_named(const Resolver *r, const FromItem *item, const Lookup *l)
{
    ASSERT(l->schema == NULL || l->table != NULL);

    if (l->table == NULL)
        return true;
    const char *name = from_item_name(item);
    if (name == NULL || !name_equals(name, l->table))
        return false;
    if (l->schema == NULL)
        return true;
    const char *database = item_database(r, item);
    return database != NULL && name_equals(database, l->schema);
}

static int lookup_keep_merged(Resolver *r, Lookup *l)
{
    ASSERT(l->item != NULL);

    Expr *column = expr_new_column(r->arena, l->item, l->index);
    if (column == NULL)
        return resolve_no_memory(r);
    l->merged = expr_list_add(r->arena, l->merged, column);
    return l->merged == NULL ? resolve_no_memory(r) : SQLITE_OK;
}

// A further match. USING says what becomes of two of the same name: the left one stands for both,
// the right one after RIGHT JOIN, coalesce() of all after FULL JOIN.
static int lookup_add(Resolver *r, Lookup *l, FromItem *item, int index)
{
    ASSERT(index >= 0 && l->count >= 0);

    if (l->count > 0 && using_has(item->using_list, l->column)) {
        bool is_right = (item->join & JOIN_RIGHT) != 0;
        bool is_left = (item->join & JOIN_LEFT) != 0;
        if (!is_right)
            return SQLITE_OK;
        if (!is_left) {
            l->count = 0;
            l->merged = NULL;
        } else {
            TRY(lookup_keep_merged(r, l));
        }
        l->count = is_left ? l->count - 1 : 0;
    } else if (l->count > 0) {
        l->merged = NULL;
    }
    l->count++;
    l->item = item;
    l->index = index;
    return SQLITE_OK;
}

// Does result column `i` of a parenthesised join answer to the name? It does by the names of the
// tables inside, and by the alias of the whole.
static bool nested_answers(const FromItem *item, u32 i, const Lookup *l)
{
    ASSERT(item->kind == FROM_NESTED && i < item->select->columns->count);

    const ExprItem *column = &item->select->columns->items[i];
    if (column->is_rowid ? !name_is_rowid(l->column)
                         : !name_equals(column->source_column, l->column))
        return false;
    if (l->table == NULL)
        return column->is_rowid || !column->is_hidden;
    if (item->alias != NULL && l->schema == NULL && name_equals(item->alias, l->table))
        return !column->is_hidden;
    if (column->source_table == NULL || !name_equals(column->source_table, l->table))
        return false;
    return l->schema == NULL
           || (column->source_schema != NULL && name_equals(column->source_schema, l->schema));
}

static int match_nested(Resolver *r, Lookup *l, FromItem *item)
{
    ASSERT(item->kind == FROM_NESTED);

    const ExprList *columns = item->select->columns;
    bool by_alias = l->table != NULL && item->alias != NULL && name_equals(item->alias, l->table);
    u32 rowids = 0;
    int rowid = -1;
    for (u32 i = 0; i < columns->count; i++) {
        if (!nested_answers(item, i, l))
            continue;
        if (columns->items[i].is_rowid) {
            rowids++;
            rowid = (int)i;
            continue;
        }
        TRY(lookup_add(r, l, item, (int)i));
        if (by_alias)
            return SQLITE_OK;
    }
    if (rowids > 0 && l->count == 0) {
        l->rowid_count += rowids;
        l->rowid_item = item;
        l->rowid_index = rowid;
    }
    return SQLITE_OK;
}

static int match_item(Resolver *r, Lookup *l, FromItem *item)
{
    ASSERT(l->column != NULL);

    if (item->kind == FROM_NESTED)
        return match_nested(r, l, item);
    if (!item_is_named(r, item, l))
        return SQLITE_OK;
    int index = item_find_column(item, l->column, false);
    if (index >= 0)
        return lookup_add(r, l, item, index);
    if (item_has_rowid(item)) {
        l->rowid_count++;
        l->rowid_item = item;
        l->rowid_index = ROWID_COLUMN;
    }
    return SQLITE_OK;
}

static int match_from(Resolver *r, Lookup *l, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++)
        TRY(match_item(r, l, from->items[i]));
    return SQLITE_OK;
}

// --- rows that are not in FROM ---

static void match_row(Lookup *l, Table *table, bool is_new)
{
    ASSERT(l->count == 0 && l->row_table == NULL);

    int index = table_column_index(table, l->column);
    bool is_rowid = index < 0 && name_is_rowid(l->column)
                    && !(table->flags & (TABLE_WITHOUT_ROWID | TABLE_NO_VISIBLE_ROWID));
    if (index < 0 && !is_rowid)
        return;
    l->count = 1;
    l->row_table = table;
    l->row_is_new = is_new;
    l->index = index < 0 || index == table->rowid_alias ? ROWID_COLUMN : index;
}

// OLD.x and NEW.x, and the row of RETURNING
static void match_rows(Resolver *r, const Scope *s, Lookup *l)
{
    const TriggerScope *trigger = r->ctx->trigger;
    if (l->schema != NULL || l->count > 0)
        return;
    if (s->returning != NULL) {
        if (l->table == NULL || name_equals(l->table, s->returning_name))
            match_row(l, s->returning, s->returning_is_new);
        l->row_is_returned = l->row_table != NULL;
        return;
    }
    if (trigger == NULL || l->table == NULL)
        return;
    if (trigger->event != TRIGGER_DELETE && name_equals(l->table, "new"))
        match_row(l, trigger->table, true);
    else if (trigger->event != TRIGGER_INSERT && name_equals(l->table, "old"))
        match_row(l, trigger->table, false);
}

// The row that ON CONFLICT refused. It has a rowid even where the table has a name for none.
static void match_excluded(Lookup *l, FromItem *excluded)
{
    ASSERT(l->column != NULL);

    if (excluded == NULL || l->count > 0 || l->schema != NULL || l->table == NULL
        || !name_equals(l->table, "excluded"))
        return;
    int index = item_find_column(excluded, l->column, false);
    if (index < 0 && !name_is_rowid(l->column))
        return;
    l->count = 1;
    l->item = excluded;
    l->index = index < 0 ? ROWID_COLUMN : index;
}

// The rowid by one of its names, where no column has that name. In an index or a generated column
// it is not allowed: there such a name is an unknown one.
static void match_rowid(const Scope *s, Lookup *l)
{
    ASSERT(l->count >= 0);

    if (l->count > 0 || l->rowid_count == 0 || (s->flags & (SCOPE_INDEX | SCOPE_GENERATED))
        || !name_is_rowid(l->column))
        return;
    l->count = (int)l->rowid_count;
    l->item = l->rowid_item;
    l->index = l->rowid_index;
}

// --- aliases ---

typedef struct Deepen {
    int by;
} Deepen;

static WalkResult deepen_expr(Walker *w, Expr *e)
{
    const Deepen *deepen = w->arg;
    if (e->kind == EX_COLUMN && e->u.column.depth >= w->depth)
        e->u.column.depth += deepen->by;
    if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->owner != NULL
        && e->u.call->agg_depth >= w->depth)
        e->u.call->agg_depth += deepen->by;
    return WALK_ON;
}

// `e` becomes a copy of the result column; `depth` Selects lie between them.
static int alias_becomes(Resolver *r, Expr *e, const Expr *source, int depth)
{
    ASSERT(depth >= 0 && source != e);

    Expr *copy = expr_copy(r->arena, source, &r->ctx->cursor_count);
    if (copy == NULL)
        return resolve_no_memory(r);
    if (depth > 0) {
        Deepen deepen = {.by = depth};
        Walker w = {.expr = deepen_expr, .select = walk_into_select, .arg = &deepen};
        (void)expr_walk(&w, copy);
    }
    u32 kept = e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON | EXPR_PARENTHESISED);
    int on_item = e->on_item;
    *e = *copy;
    e->flags |= kept | EXPR_IS_ALIAS;
    e->on_item = on_item;
    return SQLITE_OK;
}

static int match_alias(Resolver *r, Scope *s, Scope *start, Expr *e, int depth, bool *found)
{
    ASSERT(e->u.name.table == NULL);

    const ExprList *aliases = s->aliases;
    for (u32 i = 0; aliases != NULL && i < aliases->count; i++) {
        const ExprItem *item = &aliases->items[i];
        if (item->name == NULL || item->from_star || !name_equals(item->name, e->text))
            continue;
        if ((item->expr->flags & EXPR_HAS_AGG) && !(start->flags & SCOPE_AGG))
            return resolve_error(r, NO_OFFSET, "misuse of aliased aggregate %s", item->name);
        if ((item->expr->flags & EXPR_HAS_WINDOW) && (!(start->flags & SCOPE_WINDOW) || s != start))
            return resolve_error(r, NO_OFFSET, "misuse of aliased window function %s", item->name);
        if (expr_is_vector(item->expr))
            return resolve_error(r, NO_OFFSET, "row value misused");
        *found = true;
        return alias_becomes(r, e, item->expr, depth);
    }
    return SQLITE_OK;
}

// --- what was found ---

// References cross every Select from `start` out to `end`.
static void mark_correlated(Scope *start, const Scope *end)
{
    ASSERT(start != NULL && end != NULL);

    for (Scope *s = start; s != end; s = s->outer) {
        s->outer_refs++;
        if (s->select != NULL)
            s->select->flags |= SELECT_CORRELATED;
    }
}

int merged_becomes(Resolver *r, Expr *e, ExprList *columns)
{
    ASSERT(columns->count >= 2);

    Call *call = arena_alloc_zeroed(r->arena, sizeof *call);
    if (call == NULL)
        return resolve_no_memory(r);
    call->agg_index = -1;
    call->func = func_find(r->db, "coalesce", (int)columns->count, r->db->encoding);
    e->kind = EX_CALL;
    e->text = "coalesce";
    e->list = columns;
    e->u.call = call;
    expr_update_height(e);
    e->flags |= EXPR_HAS_CALL | EXPR_MERGED;
    return SQLITE_OK;
}

// The name stands for the columns of every item merged so far.
static int become_merged(Resolver *r, Expr *e, Lookup *l, int depth)
{
    ASSERT(l->merged != NULL && l->count == 1);

    TRY(lookup_keep_merged(r, l));
    for (u32 i = 0; i < l->merged->count; i++) {
        Expr *column = l->merged->items[i].expr;
        column->u.column.depth = depth;
        TRY(resolve_bound_column(r, column));
    }
    return merged_becomes(r, e, l->merged);
}

static int become_row(Resolver *r, Expr *e, const Lookup *l)
{
    ASSERT(l->row_table != NULL && l->index < l->row_table->column_count);

    Table *table = l->row_table;
    e->kind = EX_ROW_COLUMN;
    const char *name = authorized_column_name(table, l->index);
    e->text = l->index < 0 && table->rowid_alias < 0 ? "rowid" : name;
    e->u.row.table = table;
    e->u.row.index = l->index;
    e->u.row.is_new = l->row_is_new;
    e->u.row.is_returned = l->row_is_returned;
    int index = schema_index(r->db, table->schema);
    // RETURNING is asked about where its code is made, after that of the triggers.
    if (index < 0 || l->row_is_returned)
        return SQLITE_OK;
    return authorize_read(r, e, table->name, name, r->db->databases[index].name);
}

static int become_found(Resolver *r, const Scope *s, Expr *e, Lookup *l, int depth)
{
    ASSERT(l->count == 1);

    if (l->row_table != NULL)
        return become_row(r, e, l);
    if (l->merged != NULL)
        return become_merged(r, e, l, depth);
    column_becomes(e, l->item, l->index, depth);
    if (s->self == NULL)
        return resolve_bound_column(r, e);
    // A schema's expression: its table is implied.
    TRY(resolve_bound_column(r, e));
    if (e->kind != EX_COLUMN)
        return SQLITE_OK;
    e->affinity = (u8)affinity_of_column(s->self, e->u.column.index);
    e->u.column.item = NULL;
    return SQLITE_OK;
}

// --- what was not found ---

// The misfeature that "x" may be 'x', which SQLITE_DBCONFIG_DQS_* turns off.
static bool double_quotes_may_be_text(const Resolver *r, const Scope *s)
{
    u64 flag = (s->flags & SCOPE_SELF) || r->ctx->is_ddl ? CONN_FLAG(DQS_DDL) : CONN_FLAG(DQS_DML);
    if (r->db->is_loading)
        return true; // what a schema holds was allowed once
    u64 lax = CONN_FLAG(WRITABLE_SCHEMA) | CONN_FLAG(DQS_DML);
    if ((r->db->flags & lax) == lax)
        return true;
    return (r->db->flags & flag) != 0;
}

void name_literals_add(NameLiterals *literals, u32 offset)
{
    ASSERT(offset != NO_OFFSET);

    if (literals->count == literals->capacity) {
        u32 capacity = literals->capacity == 0 ? 8 : literals->capacity * 2;
        u32 *grown = arena_array(literals->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return;
        if (literals->count > 0)
            memcpy(grown, literals->offsets, literals->count * sizeof *grown);
        literals->offsets = grown;
        literals->capacity = capacity;
    }
    literals->offsets[literals->count++] = offset;
}

static bool name_becomes_literal(const Resolver *r, const Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_NAME);

    if (e->u.name.table != NULL)
        return false;
    bool is_text = ((e->flags & EXPR_DOUBLE_QUOTED) && double_quotes_may_be_text(r, s))
                   || (s->flags & SCOPE_NAMES_ARE_TEXT);
    if (is_text) {
        e->kind = EX_STRING;
        e->size = (u32)strlen(e->text);
        if (r->db->name_literals != NULL && e->offset != NO_OFFSET)
            name_literals_add(r->db->name_literals, e->offset);
        return true;
    }
    bool is_true = name_equals(e->text, "true");
    if ((e->flags & EXPR_QUOTED) || (!is_true && !name_equals(e->text, "false")))
        return false;
    e->kind = EX_BOOL;
    e->u.integer = is_true;
    return true;
}

static int name_error(Resolver *r, const Expr *e, int count)
{
    ASSERT(count != 1);

    const char *what = count == 0 ? "no such column" : "ambiguous column name";
    u32 offset = expr_error_offset(e);
    if (e->u.name.schema != NULL)
        return resolve_error(r, offset, "%s: %s.%s.%s", what, e->u.name.schema, e->u.name.table,
                             e->text);
    if (e->u.name.table != NULL)
        return resolve_error(r, offset, "%s: %s.%s", what, e->u.name.table, e->text);
    if (count == 0 && (e->flags & EXPR_DOUBLE_QUOTED))
        return resolve_error(r, offset,
                             "%s: \"%s\" - should this be a string literal in single-quotes?", what,
                             e->text);
    return resolve_error(r, offset, "%s: %s", what, e->text);
}

// --- the search ---

static int search_scope(Resolver *r, Scope *s, Lookup *l)
{
    ASSERT(l->count == 0);

    if (s->self != NULL) {
        FromItem *item = arena_alloc_zeroed(r->arena, sizeof *item);
        if (item == NULL)
            return resolve_no_memory(r);
        item->kind = FROM_PSEUDO;
        item->table = s->self;
        item->name = s->self->name;
        item->cursor = -1;
        TRY(match_item(r, l, item));
    }
    TRY(match_from(r, l, s->from));
    match_rows(r, s, l);
    match_excluded(l, s->excluded);
    match_rowid(s, l);
    return SQLITE_OK;
}

// A schema may be named as the file's "main" even by another name of the first database.
int resolve_name(Resolver *r, Scope *start, Expr *e)
{
    ASSERT(e->kind == EX_NAME);

    if ((start->flags & (SCOPE_INDEX | SCOPE_GENERATED)) && e->u.name.table != NULL)
        return resolve_error(r, expr_error_offset(e), "the \".\" operator prohibited in %s",
                             start->flags & SCOPE_INDEX ? "index expressions"
                                                        : "generated columns");
    // What stands before the table's name was never checked in these places, and files rely on it.
    if ((start->flags & (SCOPE_CHECK | SCOPE_PARTIAL)) != 0)
        e->u.name.schema = NULL;
    int depth = 0;
    int ambiguous = 0;
    for (Scope *s = start; s != NULL; s = s->outer) {
        Lookup l = {.schema = e->u.name.schema, .table = e->u.name.table, .column = e->text};
        TRY(search_scope(r, s, &l));
        if (l.count == 1) {
            mark_correlated(start, s);
            return become_found(r, s, e, &l, depth);
        }
        if (l.count > 1) {
            ambiguous = l.count;
            break;
        }
        bool found = false;
        if (e->u.name.table == NULL)
            TRY(match_alias(r, s, start, e, depth, &found));
        if (found) {
            mark_correlated(start, s);
            return SQLITE_OK;
        }
        if (s->select != NULL)
            depth++;
    }
    if (ambiguous == 0 && name_becomes_literal(r, start, e))
        return SQLITE_OK;
    return name_error(r, e, ambiguous);
}
