// The words of EXPLAIN QUERY PLAN.

#include "base/buffer.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

const char *plan_item_name(PlanContext *plan, const FromItem *item)
{
    const char *name = from_item_name(item);
    bool is_values = item->name == NULL && item->kind == FROM_SELECT
                     && (item->select->flags & SELECT_MULTI_VALUES) != 0;
    if (name != NULL && !is_values)
        return name;
    if (item->kind == FROM_NESTED && item->select != NULL)
        name = arena_printf(plan->arena, "(join-%u)", item->select->id);
    else if (item->select != NULL && (item->select->flags & SELECT_MULTI_VALUES) != 0)
        name = arena_printf(plan->arena, "%u-ROW VALUES CLAUSE", plan_values_count(item->select));
    else if (item->select != NULL)
        name = arena_printf(plan->arena, "(subquery-%u)", item->select->id);
    return name == NULL ? "" : name;
}

static const char *index_column_name(const Access *a, const FromItem *item, u32 position)
{
    ASSERT(position < a->index->column_count);

    int column = a->index->columns[position];
    if (column == COLUMN_EXPR)
        return "<expr>";
    if (column == COLUMN_ROWID)
        return "rowid";
    return from_item_column_name(item, column);
}

static void print_names(Buffer *text, const Access *a, const FromItem *item, u32 from, u32 count)
{
    ASSERT(count > 0);

    if (count > 1)
        buffer_add_char(text, '(');
    for (u32 i = 0; i < count; i++) {
        buffer_add_text(text, i > 0 ? "," : "");
        buffer_add_text(text, index_column_name(a, item, from + i));
    }
    if (count > 1)
        buffer_add_char(text, ')');
}

static void print_bound(Buffer *text, const Access *a, const FromItem *item, char op, bool more)
{
    ASSERT(op == '>' || op == '<');

    u32 count = op == '>' ? a->bottom_count : a->top_count;
    if (more)
        buffer_add_text(text, " AND ");
    print_names(text, a, item, a->equal_count, count);
    buffer_add_char(text, op);
    if (count > 1)
        buffer_add_char(text, '(');
    for (u32 i = 0; i < count; i++)
        buffer_add_text(text, i > 0 ? ",?" : "?");
    if (count > 1)
        buffer_add_char(text, ')');
}

// (a=? AND ANY(b) AND c>? AND c<?)
static void print_index_range(Buffer *text, const Access *a, const FromItem *item)
{
    u32 bounds = a->flags & (ACCESS_BOTTOM | ACCESS_TOP);
    if (a->equal_count == 0 && bounds == 0)
        return;
    buffer_add_text(text, " (");
    for (u32 i = 0; i < a->equal_count; i++) {
        bool is_skipped = i < a->skip_count;
        buffer_add_text(text, i > 0 ? " AND " : "");
        buffer_add_text(text, is_skipped ? "ANY(" : "");
        buffer_add_text(text, index_column_name(a, item, i));
        buffer_add_text(text, is_skipped ? ")" : "=?");
    }
    if ((bounds & ACCESS_BOTTOM) != 0)
        print_bound(text, a, item, '>', a->equal_count > 0);
    if ((bounds & ACCESS_TOP) != 0)
        print_bound(text, a, item, '<', a->equal_count > 0 || (bounds & ACCESS_BOTTOM) != 0);
    buffer_add_char(text, ')');
}

static void print_auto_range(Buffer *text, const Access *a, const FromItem *item)
{
    ASSERT((a->flags & ACCESS_AUTOMATIC) != 0);

    buffer_add_text(text, " (");
    for (u32 i = 0; i < a->term_count; i++)
        buffer_printf(text, "%s%s=?", i > 0 ? " AND " : "",
                      from_item_column_name(item, a->terms[i]->column));
    buffer_add_char(text, ')');
}

static void print_index(Buffer *text, const Access *a, const FromItem *item)
{
    ASSERT((a->flags & ACCESS_INDEXED) != 0);

    bool covering = (a->flags & (ACCESS_COVERING | ACCESS_INDEX_EXPR)) != 0;
    if ((a->flags & ACCESS_AUTOMATIC) != 0) {
        buffer_printf(text, " USING AUTOMATIC %sCOVERING INDEX",
                      (a->flags & ACCESS_PARTIAL) != 0 ? "PARTIAL " : "");
        print_auto_range(text, a, item);
        return;
    }
    bool is_search = a->equal_count > 0 || (a->flags & (ACCESS_BOTTOM | ACCESS_TOP)) != 0;
    if (!table_is_rowid(item->table) && (a->index->flags & INDEX_PRIMARY_KEY) != 0) {
        if (is_search)
            buffer_add_text(text, " USING PRIMARY KEY");
    } else {
        buffer_add_text(text, covering ? " USING COVERING INDEX " : " USING INDEX ");
        buffer_add_text(text, a->index->name);
    }
    print_index_range(text, a, item);
}

static void print_rowid(Buffer *text, const Access *a)
{
    ASSERT(a->kind == ACCESS_ROWID || (a->flags & (ACCESS_BOTTOM | ACCESS_TOP)) != 0);

    buffer_add_text(text, " USING INTEGER PRIMARY KEY (rowid");
    bool bottom = (a->flags & ACCESS_BOTTOM) != 0, top = (a->flags & ACCESS_TOP) != 0;
    if (a->kind == ACCESS_ROWID)
        buffer_add_text(text, "=?)");
    else if (bottom && top)
        buffer_add_text(text, ">? AND rowid<?)");
    else
        buffer_add_text(text, bottom ? ">?)" : "<?)");
}

static void print_virtual(Buffer *text, const Access *a)
{
    ASSERT(a->kind == ACCESS_VIRTUAL);

    if (a->index_number_hex)
        buffer_printf(text, " VIRTUAL TABLE INDEX 0x%x:", (unsigned)a->index_number);
    else
        buffer_printf(text, " VIRTUAL TABLE INDEX %d:", a->index_number);
    buffer_add_text(text, a->index_string == NULL ? "" : a->index_string);
}

char *plan_print_level(PlanContext *plan, const JoinOperator *join, const JoinLevel *level,
                       u32 flags)
{
    (void)join;
    const Access *a = level->access;
    const FromItem *item = level->item;
    Buffer text = {0};
    bool search = (a->flags
                   & (ACCESS_EQUAL | ACCESS_IN | ACCESS_ISNULL | ACCESS_BOTTOM | ACCESS_TOP
                      | ACCESS_SKIP_SCAN | ACCESS_AUTOMATIC))
                      != 0
                  || ((flags & (WANT_MIN | WANT_MAX)) != 0 && a->kind != ACCESS_VIRTUAL);
    buffer_add_text(&text, search ? "SEARCH " : "SCAN ");
    buffer_add_text(&text, plan_item_name(plan, item));
    if (level->is_semi)
        buffer_add_text(&text, " EXISTS");
    if (a->kind == ACCESS_VIRTUAL)
        print_virtual(&text, a);
    else if ((a->flags & ACCESS_INDEXED) != 0)
        print_index(&text, a, item);
    else if (a->kind == ACCESS_ROWID || a->kind == ACCESS_ROWID_RANGE)
        print_rowid(&text, a);
    if ((item->join & JOIN_LEFT) != 0)
        buffer_add_text(&text, " LEFT-JOIN");
    char *copy = text.rc == SQLITE_OK ? arena_dup(plan->arena, text.bytes, text.size) : NULL;
    buffer_deinit(&text);
    return copy;
}

char *plan_print_bloom(PlanContext *plan, const JoinLevel *level)
{
    const Access *a = level->access;
    const FromItem *item = level->item;
    Buffer text = {0};
    buffer_printf(&text, "BLOOM FILTER ON %s (", plan_item_name(plan, item));
    if ((a->flags & ACCESS_INDEXED) == 0 && (a->flags & ACCESS_AUTOMATIC) == 0)
        buffer_printf(&text, "%s=?",
                      item->table != NULL && item->table->rowid_alias >= 0
                          ? item->table->columns[item->table->rowid_alias].name
                          : "rowid");
    else if ((a->flags & ACCESS_AUTOMATIC) != 0)
        for (u32 i = 0; i < a->term_count; i++)
            buffer_printf(&text, "%s%s=?", i > 0 ? " AND " : "",
                          from_item_column_name(item, a->terms[i]->column));
    else
        for (u32 i = a->skip_count; i < a->equal_count; i++)
            buffer_printf(&text, "%s%s=?", i > a->skip_count ? " AND " : "",
                          index_column_name(a, item, i));
    buffer_add_char(&text, ')');
    char *copy = text.rc == SQLITE_OK ? arena_dup(plan->arena, text.bytes, text.size) : NULL;
    buffer_deinit(&text);
    return copy;
}
