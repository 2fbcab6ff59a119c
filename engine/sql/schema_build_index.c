// Indexes: those behind constraints, CREATE INDEX, and the identity columns that end them all.
//
// Entries of an index end with what identifies the row: the rowid, or in WITHOUT ROWID tables the
// primary-key columns that the key does not hold yet with the same collation. The primary key of a
// WITHOUT ROWID table is the table itself: its entry goes on with all other columns.

#include "sql/expr_tree.h"
#include "sql/resolve.h"
#include "sql/schema_build_internal.h"
#include <string.h>

static const char *column_collation(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    const char *name = column >= 0 ? table->columns[column].collation : NULL;
    return name != NULL ? name : "BINARY";
}

static bool index_grow(Index *index, u16 count)
{
    ASSERT(count >= index->column_count);

    i16 *columns = arena_array(&index->arena, count, sizeof *columns);
    const char **collations = arena_array(&index->arena, count, sizeof *collations);
    u8 *sort_flags = arena_array(&index->arena, count, sizeof *sort_flags);
    Expr **exprs = arena_array(&index->arena, count, sizeof(Expr *));
    if (exprs == NULL || columns == NULL || collations == NULL || sort_flags == NULL)
        return false;
    u16 kept = index->column_count < count ? index->column_count : count;
    if (kept > 0) {
        memcpy(columns, index->columns, kept * sizeof *columns);
        memcpy(collations, index->collations, kept * sizeof *collations);
        memcpy(sort_flags, index->sort_flags, kept);
        if (index->exprs != NULL)
            memcpy(exprs, index->exprs, kept * sizeof(Expr *));
    }
    index->columns = columns;
    index->collations = collations;
    index->sort_flags = sort_flags;
    index->exprs = exprs;
    index->column_count = count;
    return true;
}

static void index_set(Index *index, u16 position, int column, const char *collation, u8 sort)
{
    ASSERT(position < index->column_count);

    index->columns[position] = (i16)column;
    index->collations[position] = collation;
    index->sort_flags[position] = sort;
}

// The key holds `column` under `collation` already.
static bool index_holds(const Index *index, u16 count, int column, const char *collation)
{
    ASSERT(count <= index->column_count);

    for (u16 i = 0; i < count; i++) {
        if (index->columns[i] == column && name_equals(index->collations[i], collation))
            return true;
    }
    return false;
}

// Columns of the primary key are added behind an index's own. Those of a constraint's index ascend
// whatever the key does: the file format has it so.
static int append_columns(Index *index, const Index *from, u16 from_count, bool keeps_order)
{
    ASSERT(index != from);
    ASSERT(from_count <= from->column_count);

    u16 count = index->column_count;
    if (!index_grow(index, (u16)(count + from_count)))
        return SQLITE_NOMEM;
    for (u16 i = 0; i < from_count; i++) {
        if (index_holds(index, count, from->columns[i], from->collations[i]))
            continue;
        index_set(index, count++, from->columns[i], from->collations[i],
                  keeps_order ? from->sort_flags[i] : 0);
    }
    index->column_count = count;
    return SQLITE_OK;
}

// The last step of a key: nothing may be added behind what tells rows apart.
int index_append_identity(Index *index)
{
    ASSERT(index->column_count == index->key_count);

    Table *table = index->table;
    if ((table->flags & TABLE_WITHOUT_ROWID) != 0) {
        const Index *key = table_primary_key(table);
        return append_columns(index, key, key->key_count, true);
    }
    u16 count = index->column_count;
    if (!index_grow(index, (u16)(count + 1)))
        return SQLITE_NOMEM;
    index_set(index, count, COLUMN_ROWID, "BINARY", 0);
    return SQLITE_OK;
}

// --- one key column ---

// Of several the outermost counts.
static const Expr *strip_collate(const Expr *e, const char **collation)
{
    while (e->kind == EX_COLLATE) {
        if (*collation == NULL)
            *collation = e->text;
        e = e->left;
    }
    return e;
}

// Only CREATE INDEX may compute a key.
static bool check_key_expression(TableBuild *b, const Expr *e)
{
    ASSERT(e->kind != EX_COLLATE);

    if (b->create != NULL && e->kind == EX_NAME && e->u.name.table != NULL)
        build_error(b, "the \".\" operator prohibited in index expressions");
    else if (b->create != NULL)
        build_error(b, "expressions prohibited in PRIMARY KEY and UNIQUE constraints");
    return !b->failed;
}

// A name in double quotes that is no column may be a string after all: the resolver decides.
static bool is_double_quoted(const Expr *e)
{
    return (e->flags & EXPR_DOUBLE_QUOTED) != 0;
}

// NULLS FIRST and LAST order a query, never a key.
bool refuse_nulls_order(TableBuild *b, const ExprItem *item)
{
    ASSERT(item->expr != NULL);

    if (item->has_nulls)
        build_error(b, "unsupported use of NULLS %s",
                    (item->sort & SORT_NULLS_FIRST) != 0 ? "FIRST" : "LAST");
    return !item->has_nulls;
}

// A name, quoted in whatever way, is a column if there is one; else CREATE INDEX takes it for an
// expression where SQLite does, and a constraint refuses it.
static void set_key_column(TableBuild *b, Index *index, u16 position, const ExprItem *item)
{
    ASSERT(position < index->key_count);

    Table *table = index->table;
    const char *collation = NULL;
    const Expr *e = strip_collate(item->expr, &collation);
    bool is_name = e->kind == EX_NAME && e->u.name.table == NULL;
    bool is_quoted = e->kind == EX_STRING && (e->flags & EXPR_DOUBLE_QUOTED) != 0;
    int column =
        is_name || is_quoted || e->kind == EX_STRING ? table_column_index(table, e->text) : -1;
    // 'x' stands for a column, like "x", which may be a string after all.
    if (column < 0 && (is_name || e->kind == EX_STRING) && !is_double_quoted(e)) {
        build_error(b, "no such column: %s", e->text);
        return;
    }
    if (!refuse_nulls_order(b, item) || (collation != NULL && !build_knows_collation(b, collation)))
        return;
    if (column < 0) {
        if (!check_key_expression(b, e))
            return;
        index->exprs[position] = expr_copy(&index->arena, e, NULL);
        index->flags |= INDEX_HAS_EXPR;
        column = COLUMN_EXPR;
        if (collation == NULL)
            collation = expr_collation_name(e);
    } else if (column == table->rowid_alias) {
        column = COLUMN_ROWID;
    } else if ((table->columns[column].flags & COLUMN_VIRTUAL) != 0) {
        index->flags |= INDEX_HAS_VIRTUAL;
    }
    const char *name = collation != NULL ? arena_dup(&index->arena, collation, strlen(collation))
                                         : column_collation(table, column);
    index_set(index, position, column, name, (item->sort & SORT_DESC) != 0 ? KEY_DESC : 0);
}

// --- constraints ---

static bool same_key(const Index *a, const Index *b)
{
    ASSERT(a != b);

    if (a->key_count != b->key_count)
        return false;
    for (u16 i = 0; i < a->key_count; i++) {
        if (a->columns[i] != b->columns[i] || !name_equals(a->collations[i], b->collations[i]))
            return false;
    }
    return true;
}

// SQLite keeps indexes that REPLACE behind the others, so that other constraints are checked first;
// of each kind the newest leads.
static void link_index(Table *table, Index *index)
{
    ASSERT(index->table == table);

    Index **at = &table->indexes;
    if (index->conflict == ON_CONFLICT_REPLACE) {
        while (*at != NULL && (*at)->conflict != ON_CONFLICT_REPLACE)
            at = &(*at)->next;
    }
    index->next = *at;
    *at = index;
}

// An index that learns only now that it is to REPLACE.
static void relink_index(Table *table, Index *index)
{
    ASSERT(index->conflict == ON_CONFLICT_REPLACE);

    Index **at = &table->indexes;
    while (*at != index)
        at = &(*at)->next;
    *at = index->next;
    link_index(table, index);
}

// A second constraint over the same columns shares the index of the first.
static bool shares_existing(TableBuild *b, const Index *fresh)
{
    ASSERT(fresh->table == b->table);

    for (Index *index = b->table->indexes; index != NULL; index = index->next) {
        if (!same_key(index, fresh))
            continue;
        if (index->conflict != fresh->conflict) {
            if (index->conflict != ON_CONFLICT_DEFAULT && fresh->conflict != ON_CONFLICT_DEFAULT) {
                build_error(b, "conflicting ON CONFLICT clauses specified");
                return true;
            }
            if (index->conflict == ON_CONFLICT_DEFAULT)
                index->conflict = fresh->conflict;
            if (fresh->conflict == ON_CONFLICT_REPLACE)
                relink_index(b->table, index);
        }
        if ((fresh->flags & INDEX_PRIMARY_KEY) != 0)
            index->flags |= INDEX_PRIMARY_KEY;
        return true;
    }
    return false;
}

// Wide indexes exist on paper only: the limit is that of a table's columns.
static bool check_width(TableBuild *b, const ExprList *columns)
{
    ASSERT(columns == NULL || columns->count > 0);

    if (columns != NULL && (i64)columns->count > b->db->limits[SQLITE_LIMIT_COLUMN])
        build_error(b, "too many columns in index");
    return !b->failed;
}

// --- what the authorizer is asked ---

static void authorize(TableBuild *b, int action, const char *a, const char *detail)
{
    ASSERT(b->table->schema != NULL);

    int database = schema_index(b->db, b->table->schema);
    if (b->failed)
        return;
    int rc = resolve_authorize(b->db, action, a, detail, b->db->databases[database].name);
    b->failed = rc != SQLITE_OK && rc != SQLITE_IGNORE;
}

static void authorize_schema_row(TableBuild *b)
{
    ASSERT(b->table->schema != NULL);

    bool is_temp = schema_index(b->db, b->table->schema) == DB_TEMP;
    authorize(b, SQLITE_INSERT, is_temp ? "sqlite_temp_master" : "sqlite_master", NULL);
}

static void authorize_key_column(TableBuild *b, int column)
{
    ASSERT(column < b->table->column_count);

    if (column == COLUMN_ROWID)
        column = b->table->rowid_alias;
    const char *name = column >= 0 ? b->table->columns[column].name : "ROWID";
    authorize(b, SQLITE_READ, b->table->name, name);
}

// An index that a constraint makes is a CREATE INDEX to the authorizer.
static void authorize_constraint_index(TableBuild *b, const Index *index)
{
    ASSERT(index->table == b->table);

    bool is_temp = schema_index(b->db, b->table->schema) == DB_TEMP;
    authorize_schema_row(b);
    authorize(b, is_temp ? SQLITE_CREATE_TEMP_INDEX : SQLITE_CREATE_INDEX, index->name,
              b->table->name);
    for (u16 i = 0; i < index->key_count; i++)
        authorize_key_column(b, index->columns[i]);
}

// --- the index of a constraint ---

void build_constraint_index(TableBuild *b, const ExprList *columns, int index_column,
                            const Constraint *c, u16 flags)
{
    ASSERT((columns == NULL) == (index_column >= 0));

    Table *table = b->table;
    if (!check_width(b, columns))
        return;
    u16 count = columns != NULL ? (u16)columns->count : 1;
    const char *name =
        arena_printf(&table->arena, "sqlite_autoindex_%s_%d", table->name, b->auto_index_count + 1);
    Index *index = name != NULL ? index_new(table, name, count) : NULL;
    if (index == NULL) {
        table->arena.failed = true;
        return;
    }
    index->key_count = count;
    index->flags = (u16)(INDEX_UNIQUE | flags);
    index->conflict = c->on_conflict;
    if (columns == NULL) {
        int column = index_column == table->rowid_alias ? COLUMN_ROWID : index_column;
        index_set(index, 0, column, column_collation(table, index_column),
                  (c->sort & SORT_DESC) != 0 ? KEY_DESC : 0);
    }
    for (u16 i = 0; columns != NULL && i < count && !b->failed; i++)
        set_key_column(b, index, i, &columns->items[i]);
    authorize_constraint_index(b, index);
    if (b->failed || shares_existing(b, index)) {
        index_free(index);
        return;
    }
    authorize_schema_row(b);
    b->auto_index_count++;
    link_index(table, index);
}

// --- finishing a table ---

void build_rowid_indexes(TableBuild *b)
{
    for (Index *index = b->table->indexes; index != NULL; index = index->next) {
        if (index_append_identity(index) != SQLITE_OK)
            b->table->arena.failed = true;
    }
}

// INTEGER PRIMARY KEY is an ordinary key in a WITHOUT ROWID table.
static void demote_rowid_alias(TableBuild *b)
{
    Table *table = b->table;
    if (table->rowid_alias < 0)
        return;
    Constraint c = {.kind = CONSTRAINT_PRIMARY_KEY, .on_conflict = table->primary_key_conflict};
    int column = table->rowid_alias;
    table->rowid_alias = -1;
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        for (u16 i = 0; i < index->column_count; i++) {
            if (index->columns[i] == COLUMN_ROWID)
                index->columns[i] = (i16)column;
        }
    }
    build_constraint_index(b, NULL, column, &c, INDEX_PRIMARY_KEY); // or shares a UNIQUE one
}

// PRIMARY KEY (a, b, a): the last is no part of the key.
static void drop_repeated_key_columns(Index *key)
{
    ASSERT(key->key_count == key->column_count);

    u16 kept = 0;
    for (u16 i = 0; i < key->key_count; i++) {
        if (index_holds(key, kept, key->columns[i], key->collations[i]))
            continue;
        index_set(key, kept++, key->columns[i], key->collations[i], key->sort_flags[i]);
    }
    key->key_count = key->column_count = kept;
}

static int append_rest_of_row(Index *key)
{
    ASSERT((key->flags & INDEX_PRIMARY_KEY) != 0);

    const Table *table = key->table;
    u16 count = key->column_count;
    if (!index_grow(key, (u16)(count + table->column_count)))
        return SQLITE_NOMEM;
    for (int i = 0; i < table->column_count; i++) {
        bool is_key = false;
        for (u16 k = 0; k < key->key_count; k++)
            is_key |= key->columns[k] == i;
        if (!is_key && (table->columns[i].flags & COLUMN_VIRTUAL) == 0)
            index_set(key, count++, i, column_collation(table, i), 0);
    }
    key->column_count = count;
    return SQLITE_OK;
}

void build_without_rowid(TableBuild *b)
{
    Table *table = b->table;
    demote_rowid_alias(b);
    table->flags |= TABLE_WITHOUT_ROWID | TABLE_NO_VISIBLE_ROWID;
    Index *key = table_primary_key(table);
    if (key == NULL || b->failed)
        return;
    drop_repeated_key_columns(key);
    for (u16 i = 0; i < key->key_count; i++) {
        Column *column = &table->columns[key->columns[i]];
        if (column->not_null == 0)
            column->not_null = ON_CONFLICT_ABORT;
    }
    table->flags |= TABLE_HAS_NOT_NULL;
    key->flags |= INDEX_UNIQUE_NOT_NULL | INDEX_COVERING_ALL;
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        int rc = index == key ? SQLITE_OK : append_columns(index, key, key->key_count, false);
        if (rc != SQLITE_OK)
            table->arena.failed = true;
    }
    if (append_rest_of_row(key) != SQLITE_OK)
        table->arena.failed = true;
}

// --- CREATE INDEX ---

static void resolve_index(TableBuild *b, Index *index)
{
    ResolveContext ctx;
    resolve_context_init(&ctx, b->db, &index->arena);
    ctx.is_ddl = true;
    if (index->where != NULL)
        b->failed |=
            resolve_self(&ctx, index->table, SELF_PARTIAL_INDEX, &index->where) != SQLITE_OK;
    for (u16 i = 0; i < index->key_count && !b->failed; i++) {
        if (index->exprs[i] == NULL)
            authorize_key_column(b, index->columns[i]);
        else
            b->failed |=
                resolve_self(&ctx, index->table, SELF_INDEX, &index->exprs[i]) != SQLITE_OK;
    }
}

Index *schema_build_index(sqlite3 *db, Table *table, const CreateIndex *create)
{
    ASSERT(create->columns != NULL && create->columns->count > 0);

    TableBuild b = {.db = db, .table = table};
    if (!check_width(&b, create->columns))
        return NULL;
    u16 count = (u16)create->columns->count;
    Index *index = index_new(table, create->name.name, count);
    if (index == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    index->key_count = count;
    index->flags = create->unique ? INDEX_UNIQUE : 0;
    index->conflict = ON_CONFLICT_DEFAULT;
    for (u16 i = 0; i < count && !b.failed; i++)
        set_key_column(&b, index, i, &create->columns->items[i]);
    if (!b.failed && create->where != NULL)
        index->where = expr_copy(&index->arena, create->where, NULL);
    if (!b.failed)
        resolve_index(&b, index);
    bool not_null = create->unique && create->where == NULL;
    for (u16 i = 0; i < count && !b.failed; i++)
        not_null &= index->columns[i] >= 0 && table->columns[index->columns[i]].not_null != 0;
    if (not_null)
        index->flags |= INDEX_UNIQUE_NOT_NULL;
    if (!b.failed && (index_append_identity(index) != SQLITE_OK || index->arena.failed)) {
        connection_out_of_memory(db);
        b.failed = true;
    }
    if (b.failed) {
        index_free(index);
        return NULL;
    }
    return index;
}
