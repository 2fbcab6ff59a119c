// What comes out of a SELECT: names, declared types, origins, affinities and collations of its
// columns.
//
// Of a compound: names, collations and origins come from the first term (decltypes, to those who
// read it as a subquery, from the last), affinity from the first term that has one, unless values
// of other terms would be changed by it. All this is SQLite's behaviour, seen through
// sqlite3_column_decltype() and comparisons.

#include "sql/resolve_internal.h"
#include <string.h>

// --- kinds of value ---

enum { MAY_BE_NUMBER = 1, MAY_BE_TEXT = 2, MAY_BE_BLOB = 4 };

static u32 kinds_of_affinity(Affinity affinity)
{
    if (affinity >= AFF_NUMERIC)
        return MAY_BE_NUMBER | MAY_BE_BLOB;
    if (affinity == AFF_TEXT)
        return MAY_BE_TEXT | MAY_BE_BLOB;
    return MAY_BE_NUMBER | MAY_BE_TEXT | MAY_BE_BLOB;
}

static u32 value_kinds(const Expr *e);

static u32 case_kinds(const Expr *e)
{
    ASSERT(e->kind == EX_CASE && e->list->count >= 2);

    u32 kinds = 0;
    u32 count = e->list->count;
    for (u32 i = 1; i < count; i += 2)
        kinds |= value_kinds(e->list->items[i].expr);
    if (count % 2 == 1)
        kinds |= value_kinds(e->list->items[count - 1].expr);
    return kinds;
}

// Storage classes an expression may give, NULL aside.
static u32 value_kinds(const Expr *e)
{
    while (e != NULL) {
        switch (e->kind) {
        case EX_COLLATE:
        case EX_IF_NULL_ROW:
        case EX_PLUS: e = e->left; break;
        case EX_NULL: return 0;
        case EX_STRING: return MAY_BE_TEXT;
        case EX_BLOB: return MAY_BE_BLOB;
        case EX_CONCAT: return MAY_BE_TEXT | MAY_BE_BLOB;
        case EX_PARAM:
        case EX_CALL: return MAY_BE_NUMBER | MAY_BE_TEXT | MAY_BE_BLOB;
        case EX_COLUMN:
        case EX_ROW_COLUMN:
        case EX_AGG_COLUMN:
        case EX_SELECT:
        case EX_CAST:
        case EX_FIELD:
        case EX_VECTOR: return kinds_of_affinity(expr_affinity(e));
        case EX_CASE: return case_kinds(e);
        default: return MAY_BE_NUMBER; // operators
        }
    }
    return 0;
}

// --- origin ---

typedef struct Origin {
    const char *decltype;
    const char *database, *table, *column;
} Origin;

static void table_column_origin(const Resolver *r, const Table *table, int column, Origin *out)
{
    ASSERT(column < table->column_count);

    int index = column < 0 ? table->rowid_alias : column;
    out->column = index < 0 ? "rowid" : table->columns[index].name;
    out->decltype = index < 0 ? "INTEGER" : table->columns[index].type;
    out->table = table->name;
    int database = table->schema == NULL ? -1 : schema_index(r->db, table->schema);
    out->database = database < 0 ? NULL : r->db->databases[database].name;
}

static void find_origin(const Resolver *r, const Expr *e, Origin *out)
{
    ASSERT(e != NULL);

    *out = (Origin){0};
    if (e->kind == EX_ROW_COLUMN) {
        table_column_origin(r, e->u.row.table, e->u.row.index, out);
        return;
    }
    if (e->kind == EX_SELECT) {
        const ResultColumn *first = e->select->results;
        if (first == NULL)
            return;
        if (e->select->prior != NULL) { // the last term speaks for a compound
            find_origin(r, e->select->columns->items[0].expr, out);
            return;
        }
        *out = (Origin){first->decltype, first->origin_schema, first->origin_table,
                        first->origin_column};
        return;
    }
    if (e->kind != EX_COLUMN || e->u.column.item == NULL)
        return;
    const FromItem *item = e->u.column.item;
    int column = e->u.column.index;
    if (item->table != NULL) {
        table_column_origin(r, item->table, column, out);
    } else if (column >= 0) {
        const ResultColumn *inner = &item->columns[column];
        *out = (Origin){inner->decltype, inner->origin_schema, inner->origin_table,
                        inner->origin_column};
    }
}

// --- results ---

// What a recursive term reads of the query itself is of the kind found so far. (Those columns are
// the outer item's, too, which take the results in the end.)
static void lend_affinity(const Select *first, u32 column, Affinity affinity)
{
    ASSERT(first->prior == NULL);

    for (const Select *term = first->next; term != NULL; term = term->next) {
        for (u32 i = 0; (term->flags & SELECT_RECURSIVE) != 0 && i < term->from->count; i++) {
            const FromItem *item = term->from->items[i];
            if (item->kind == FROM_RECURSIVE && column < item->column_count)
                item->columns[column].affinity = (u8)affinity;
        }
    }
}

// A compound's column has the affinity of the first term that has one, unless values of other terms
// would be changed by it.
static Affinity result_affinity(const Select *first, u32 column)
{
    ASSERT(first->prior == NULL && column < first->columns->count);

    const Expr *e = first->columns->items[column].expr;
    const Select *term = first;
    Affinity affinity = expr_affinity(e);
    u32 others = 0;
    while (affinity <= AFF_NONE && term->next != NULL) {
        others |= value_kinds(term->columns->items[column].expr);
        term = term->next;
        affinity = expr_affinity(term->columns->items[column].expr);
    }
    if (affinity < AFF_TEXT)
        return affinity;
    lend_affinity(first, column, affinity);
    while (term->next != NULL) {
        term = term->next;
        others |= value_kinds(term->columns->items[column].expr);
    }
    if (affinity == AFF_TEXT && (others & MAY_BE_NUMBER))
        return AFF_BLOB;
    if (affinity >= AFF_NUMERIC && (others & MAY_BE_TEXT))
        return AFF_BLOB;
    if (affinity >= AFF_NUMERIC && e->kind == EX_CAST && first->next != NULL)
        return AFF_FLEXNUM;
    return affinity;
}

// "column1" and so on. By hand: every INSERT names the columns of its VALUES.
static const char *numbered_name(Resolver *r, u32 number)
{
    char text[] = "column4294967295";
    char *end = text + sizeof text - 1;
    char *at = end;
    ASSERT(number > 0);
    for (u32 left = number; left > 0; left /= 10)
        *--at = (char)('0' + left % 10);
    at -= 6;
    memcpy(at, "column", 6);
    ASSERT(at >= text);
    return arena_dup(r->arena, at, (size_t)(end - at));
}

static int resolve_result(Resolver *r, const Select *first, u32 column, ResultColumn *out)
{
    ASSERT(first->prior == NULL);

    const ExprItem *item = &first->columns->items[column];
    Origin origin;
    find_origin(r, item->expr, &origin);
    const char *name = result_column_name(r, item);
    if (name == NULL)
        name = numbered_name(r, column + 1);
    if (name == NULL)
        return resolve_no_memory(r);
    bool is_single = first->next == NULL && !(first->flags & SELECT_AGGREGATE);
    *out = (ResultColumn){
        .name = name,
        .decltype = origin.decltype,
        .origin_schema = origin.database,
        .origin_table = origin.table,
        .origin_column = origin.column,
        .affinity = (u8)result_affinity(first, column),
        .collation = expr_collation_name(item->expr), // of the first term, whatever the others say
        .not_null = is_single && !expr_can_be_null(item->expr),
    };
    for (const Select *s = first; s != NULL && out->compound_collation == NULL; s = s->next)
        out->compound_collation = expr_collation_name(s->columns->items[column].expr);
    return SQLITE_OK;
}

int resolve_results(Resolver *r, Select *last)
{
    ASSERT(last->next == NULL && last->columns->count > 0);

    const Select *first = last;
    while (first->prior != NULL)
        first = first->prior;
    ResultColumn *results = arena_array(r->arena, first->columns->count, sizeof *results);
    if (results == NULL)
        return resolve_no_memory(r);
    for (u32 i = 0; i < first->columns->count; i++)
        TRY(resolve_result(r, first, i, &results[i]));
    last->results = results;
    return SQLITE_OK;
}

static void copy_results(FromItem *item)
{
    ASSERT(item->select != NULL && item->columns != NULL);

    const ResultColumn *results = item->select->results;
    for (u32 i = 0; results != NULL && i < item->column_count; i++) {
        const char *name = item->columns[i].name;
        item->columns[i] = results[i];
        item->columns[i].name = name;
    }
}

void item_take_results(const Resolver *r, FromItem *item)
{
    ASSERT(item->select != NULL);

    const Select *last = item->select;
    copy_results(item);
    if (last->prior == NULL || last->results == NULL)
        return;
    // To those who read it, a compound's column is declared as its last term says.
    for (u32 i = 0; i < item->column_count && i < last->columns->count; i++) {
        Origin origin;
        find_origin(r, last->columns->items[i].expr, &origin);
        item->columns[i].decltype = origin.decltype;
        item->columns[i].origin_schema = origin.database;
        item->columns[i].origin_table = origin.table;
        item->columns[i].origin_column = origin.column;
    }
}

// --- names for the API ---

// How messages and full column names call a FROM item.
static const char *item_display_name(Resolver *r, const FromItem *item)
{
    const char *name = from_item_name(item);
    if (name == NULL && item->select != NULL)
        return arena_printf(r->arena, "(subquery-%u)", item->select->id);
    return name;
}

// PRAGMA short_column_names and full_column_names: by default the column's own name, with both off
// the text as written.
static const char *column_name_for_api(Resolver *r, const ExprItem *item, u32 number)
{
    ASSERT(number > 0);

    const Expr *e = item->expr;
    bool is_short = (r->db->flags & CONN_FLAG(SHORT_COLUMN_NAMES)) != 0;
    bool is_full = (r->db->flags & CONN_FLAG(FULL_COLUMN_NAMES)) != 0;
    bool is_column = e->kind == EX_COLUMN && e->u.column.item != NULL;
    if (item->name != NULL && item->from_star && is_full && !is_short && is_column)
        return arena_printf(r->arena, "%s.%s", item_display_name(r, e->u.column.item), item->name);
    if (item->name != NULL)
        return item->name;
    if (is_column && (is_short || is_full)) {
        const FromItem *from = e->u.column.item;
        const char *name = from_item_column_name(from, e->u.column.index);
        const Table *table = from->table != NULL ? from->table : from->view;
        if (is_full && table != NULL)
            return arena_printf(r->arena, "%s.%s", table->name, name);
        return name;
    }
    if (e->kind == EX_ROW_COLUMN)
        return e->text;
    if (item->span.text == NULL)
        return numbered_name(r, number);
    return arena_dup(r->arena, item->span.text, item->span.size);
}

int resolve_list_names(ResolveContext *ctx, ExprList *columns, ColumnName **out)
{
    ASSERT(columns->count > 0);

    Resolver r = resolver_make(ctx);
    ColumnName *names = arena_array(ctx->arena, columns->count, sizeof *names);
    if (names == NULL)
        return resolve_no_memory(&r);
    for (u32 i = 0; i < columns->count; i++) {
        const ExprItem *item = &columns->items[i];
        Origin origin;
        find_origin(&r, item->expr, &origin);
        names[i] = (ColumnName){.name = column_name_for_api(&r, item, i + 1),
                                .decltype = origin.decltype,
                                .database = origin.database,
                                .table = origin.table,
                                .origin = origin.column};
        if (names[i].name == NULL)
            return resolve_no_memory(&r);
    }
    *out = names;
    return SQLITE_OK;
}

// Names are taken before rewriting puts other expressions in the columns' place.
int resolve_api_names(Resolver *r, Select *last)
{
    ASSERT(last->results != NULL);

    const Select *first = last;
    while (first->prior != NULL)
        first = first->prior;
    for (u32 i = 0; i < first->columns->count; i++) {
        last->results[i].api_name = column_name_for_api(r, &first->columns->items[i], i + 1);
        if (last->results[i].api_name == NULL)
            return resolve_no_memory(r);
    }
    return SQLITE_OK;
}

int resolve_result_names(ResolveContext *ctx, Select *select, ColumnName **out, u32 *count)
{
    ASSERT(select->next == NULL);

    Resolver r = resolver_make(ctx);
    if (select->results == NULL || select->results[0].api_name == NULL)
        TRY(resolve_api_names(&r, select));
    ColumnName *names = arena_array(ctx->arena, select->columns->count, sizeof *names);
    if (names == NULL)
        return resolve_no_memory(&r);
    for (u32 i = 0; i < select->columns->count; i++) {
        const ResultColumn *result = &select->results[i];
        names[i] = (ColumnName){.name = result->api_name,
                                .decltype = result->decltype,
                                .database = result->origin_schema,
                                .table = result->origin_table,
                                .origin = result->origin_column};
    }
    *out = names;
    *count = select->columns->count;
    return SQLITE_OK;
}

// --- columns of views ---

static const char *type_of_affinity(Affinity affinity)
{
    switch (affinity) {
    case AFF_BLOB: return "BLOB";
    case AFF_TEXT: return "TEXT";
    case AFF_NUMERIC:
    case AFF_FLEXNUM: return "NUM";
    case AFF_INTEGER: return "INT";
    case AFF_REAL: return "REAL";
    default: return NULL; // none
    }
}

static const char *view_column_type(const ResultColumn *result)
{
    if (result->decltype != NULL && affinity_of_type(result->decltype) == result->affinity)
        return result->decltype;
    return type_of_affinity((Affinity)result->affinity);
}

static void copy_text(Arena *arena, const char *text, const char **out)
{
    *out = text == NULL ? NULL : arena_dup(arena, text, strlen(text));
    ASSERT(text == NULL || *out != NULL || arena->failed);
}

// In memory of their own first: a failure must leave the view's, which lives as long as the schema,
// fit for the next attempt.
static int set_view_columns(Resolver *r, Table *view, const FromItem *item)
{
    ASSERT(view->kind == TABLE_VIEW);

    const IdList *names = view->column_names;
    u32 count = item->column_count;
    if (names != NULL && names->count != count)
        return resolve_error(r, NO_OFFSET, "expected %u columns for '%s' but got %u", names->count,
                             view->name, count);
    Arena built = {0};
    Column *columns = arena_array(&built, count, sizeof *columns);
    for (u32 i = 0; i < count && columns != NULL; i++) {
        const ResultColumn *result = &item->columns[i];
        columns[i].affinity = result->affinity;
        copy_text(&built, names != NULL ? names->items[i].name : result->name, &columns[i].name);
        copy_text(&built, view_column_type(result), &columns[i].type);
        copy_text(&built, result->collation, &columns[i].collation);
    }
    if (built.failed) {
        arena_deinit(&built);
        return resolve_no_memory(r);
    }
    arena_absorb(&view->arena, &built);
    view->columns = columns;
    view->column_count = (i16)count;
    view->stored_count = (i16)count;
    return SQLITE_OK;
}

static int find_view_columns(Resolver *r, Table *view)
{
    ASSERT(view->select != NULL);

    FromItem item = {.kind = FROM_SELECT, .cursor = 0};
    item.select = select_copy(r->arena, view->select, NULL);
    if (item.select == NULL)
        return resolve_no_memory(r);
    int index = schema_index(r->db, view->schema);
    r->fixed_db = index == DB_TEMP ? NULL : r->db->databases[index].name;
    TRY(expand_select(r, item.select));
    TRY(bind_subquery_columns(r, &item, NULL));
    TRY(resolve_query(r, NULL, item.select));
    TRY(bind_subquery_columns(r, &item, NULL)); // columns of tables go by their declared names now
    copy_results(&item);
    return set_view_columns(r, view, &item);
}

int resolve_view_columns(sqlite3 *db, Table *view)
{
    ASSERT(view->kind == TABLE_VIEW);

    if (view->column_count > 0)
        return SQLITE_OK;
    Arena arena = {0};
    ResolveContext ctx;
    resolve_context_init(&ctx, db, &arena);
    Resolver r = {.ctx = &ctx, .db = db, .arena = &arena, .no_offsets = true, .view_depth = 1};
    if (view->column_count < 0)
        return resolve_error(&r, NO_OFFSET, "view %s is circularly defined", view->name);
    // The mark that a view which names itself runs into.
    view->column_count = -1;
    SilentScope silence = connection_silence(db); // the authorizer is asked when the view is used
    int rc = find_view_columns(&r, view);
    connection_unsilence(db, silence);
    if (rc != SQLITE_OK)
        view->column_count = 0;
    arena_deinit(&arena);
    return rc;
}
