// CREATE TABLE to a Table: columns, constraints, the indexes behind PRIMARY KEY and UNIQUE.
//
// Constraints are taken in the order written, so that automatic indexes get SQLite's numbers; what
// depends on the whole definition waits for the end (finish_*). Expressions are resolved last, when
// every column is known, and kept resolved with columns of item NULL (R6 of resolve.h).
//
// INTEGER PRIMARY KEY makes a column another name of the rowid and needs no index, unless DESC is
// written behind the column itself: SQLite's first versions took that for an ordinary key, and
// files have been written so.

#include "sql/schema_build.h"
#include "base/utf.h"
#include "sql/expr_tree.h"
#include "sql/parse.h"
#include "sql/resolve.h"
#include "sql/schema_build_internal.h"
#include <string.h>

// --- columns ---

static bool type_is_integer(const char *type)
{
    return type != NULL && name_equals(type, "INTEGER");
}

static int strict_type(const char *type)
{
    ASSERT(type != NULL);

    static const char *const names[] = {"", "ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"};
    for (int i = STRICT_ANY; i <= STRICT_TEXT; i++) {
        if (name_equals(type, names[i]))
            return i;
    }
    return STRICT_NONE;
}

static bool build_strict_type(TableBuild *b, Column *column)
{
    ASSERT(b->create->strict);

    if (column->type == NULL) {
        build_error(b, "missing datatype for %s.%s", b->table->name, column->name);
        return false;
    }
    column->strict_type = (u8)strict_type(column->type);
    if (column->strict_type == STRICT_NONE) {
        build_error(b, "unknown datatype for %s.%s: \"%s\"", b->table->name, column->name,
                    column->type);
        return false;
    }
    static const u8 affinities[] = {
        [STRICT_ANY] = AFF_BLOB,        [STRICT_BLOB] = AFF_BLOB, [STRICT_INT] = AFF_INTEGER,
        [STRICT_INTEGER] = AFF_INTEGER, [STRICT_REAL] = AFF_REAL, [STRICT_TEXT] = AFF_TEXT};
    column->affinity = affinities[column->strict_type];
    return true;
}

// Literals and calls: DEFAULT may not look at anything. TRUE, FALSE and "text" still are names
// here.
static WalkResult check_default(Walker *w, Expr *e)
{
    bool *is_constant = w->arg;
    bool is_word = e->kind == EX_NAME && e->u.name.table == NULL
                   && (name_equals(e->text, "true") || name_equals(e->text, "false")
                       || (e->flags & EXPR_DOUBLE_QUOTED) != 0);
    bool refers = e->kind == EX_NAME || e->kind == EX_COLUMN || e->kind == EX_PARAM;
    bool is_window = e->kind == EX_CALL && (e->u.call->window != NULL || e->u.call->filter != NULL);
    if ((refers && !is_word) || e->select != NULL || e->kind == EX_RAISE || is_window)
        *is_constant = false;
    return *is_constant ? WALK_ON : WALK_STOP;
}

static bool is_default_constant(const Expr *e)
{
    ASSERT(e != NULL);

    bool is_constant = true;
    Walker w = {.expr = check_default, .arg = &is_constant};
    (void)expr_walk(&w, (Expr *)e);
    return is_constant;
}

static void build_default(TableBuild *b, Column *column, const Constraint *constraint)
{
    ASSERT(constraint->kind == CONSTRAINT_DEFAULT && constraint->expr != NULL);

    if ((column->flags & COLUMN_GENERATED) != 0) {
        build_error(b, "cannot use DEFAULT on a generated column");
        return;
    }
    if (!is_default_constant(constraint->expr)) {
        build_error(b, "default value of column [%s] is not constant", column->name);
        return;
    }
    column->value = expr_copy(&b->table->arena, constraint->expr, NULL);
    Expr *value = column->value;
    bool is_word =
        value != NULL && value->kind == EX_STRING && (value->flags & EXPR_BARE_WORD) != 0;
    if (is_word && (name_equals(value->text, "true") || name_equals(value->text, "false"))) {
        value->kind = EX_BOOL;
        value->u.integer = name_equals(value->text, "true");
    }
    column->default_text = build_trimmed_text(b, &constraint->expr_span);
}

static void build_generated(TableBuild *b, Column *column, const Constraint *constraint)
{
    ASSERT(constraint->kind == CONSTRAINT_GENERATED);

    const char *kind = constraint->generated_type;
    bool is_stored = constraint->stored;
    bool is_unknown = kind != NULL && !is_stored && !name_equals(kind, "virtual");
    if (is_unknown || column->value != NULL || (column->flags & COLUMN_GENERATED) != 0) {
        build_error(b, "error in generated column \"%s\"", column->name);
        return;
    }
    column->flags |= is_stored ? COLUMN_STORED : COLUMN_VIRTUAL;
    b->table->flags |= is_stored ? TABLE_HAS_STORED : TABLE_HAS_VIRTUAL;
    if ((column->flags & COLUMN_PRIMARY_KEY) != 0) {
        build_error(b, "generated columns cannot be part of the PRIMARY KEY");
        return;
    }
    column->value = expr_copy(&b->table->arena, constraint->expr, NULL);
}

// A CHECK without a name goes by its text in "CHECK constraint failed: x".
static void add_check(TableBuild *b, const Constraint *constraint)
{
    ASSERT(constraint->kind == CONSTRAINT_CHECK);

    Table *table = b->table;
    CheckConstraint *grown = arena_array(&table->arena, table->check_count + 1, sizeof *grown);
    if (grown == NULL)
        return;
    if (table->check_count > 0)
        memcpy(grown, table->checks, table->check_count * sizeof *grown);
    const Span *span = &constraint->expr_span;
    const char *name = constraint->name != NULL
                           ? arena_dup(&table->arena, constraint->name, strlen(constraint->name))
                           : build_trimmed_text(b, span);
    bool is_quoted =
        name != NULL && (name[0] == '"' || name[0] == '\'' || name[0] == '`' || name[0] == '[');
    if (constraint->name == NULL && is_quoted) // as SQLite has it, the first word alone
        name = parse_dequote(&table->arena, name, strlen(name));
    grown[table->check_count] =
        (CheckConstraint){.name = name, .expr = expr_copy(&table->arena, constraint->expr, NULL)};
    table->checks = grown;
    table->check_count++;
}

// A schema being read may name collations that the program registers later.
bool build_knows_collation(TableBuild *b, const char *name)
{
    ASSERT(name != NULL);

    if (b->db->is_loading || catalog_find_collation(b->db, b->db->encoding, name) != NULL)
        return true;
    b->failed = true;
    connection_error(b->db, SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: %s", name);
    return false;
}

// COLLATE may stand behind the PRIMARY KEY or UNIQUE of its column: their index follows it.
static void build_collation(TableBuild *b, Column *column, int index, const Constraint *c)
{
    ASSERT(c->collation != NULL && b->table->column_count == index + 1);

    if (!build_knows_collation(b, c->collation))
        return;
    column->collation = arena_dup(&b->table->arena, c->collation, strlen(c->collation));
    for (Index *i = b->table->indexes; i != NULL; i = i->next) {
        if (i->key_count == 1 && i->columns[0] == index)
            i->collations[0] = column->collation;
    }
}

static void build_column_constraint(TableBuild *b, Column *column, int index, const Constraint *c)
{
    switch ((ConstraintKind)c->kind) {
    case CONSTRAINT_NOT_NULL:
        column->not_null = c->on_conflict != 0 ? c->on_conflict : ON_CONFLICT_ABORT;
        b->table->flags |= TABLE_HAS_NOT_NULL;
        return;
    case CONSTRAINT_DEFAULT: build_default(b, column, c); return;
    case CONSTRAINT_COLLATE: build_collation(b, column, index, c); return;
    case CONSTRAINT_GENERATED: build_generated(b, column, c); return;
    case CONSTRAINT_CHECK: add_check(b, c); return;
    case CONSTRAINT_PRIMARY_KEY: build_primary_key(b, NULL, index, c); return;
    case CONSTRAINT_UNIQUE: build_unique(b, NULL, index, c); return;
    case CONSTRAINT_FOREIGN_KEY: build_foreign_key(b, index, c); return;
    case CONSTRAINT_DEFER: build_defer(b, c); return;
    case CONSTRAINT_NULL:
    case CONSTRAINT_NAME: return;
    }
}

static void build_column(TableBuild *b, const ColumnDef *def, int index)
{
    ASSERT(index == b->table->column_count);

    Table *table = b->table;
    Column *column = &table->columns[index];
    for (int i = 0; i < index; i++) {
        if (name_equals(table->columns[i].name, def->name)) {
            build_error(b, "duplicate column name: %s", def->name);
            return;
        }
    }
    column->name = arena_dup(&table->arena, def->name, strlen(def->name));
    column->type =
        def->type != NULL ? arena_dup(&table->arena, def->type, strlen(def->type)) : NULL;
    column->affinity = (u8)affinity_of_type(column->type);
    if (column->type != NULL)
        column->flags |= COLUMN_HAS_TYPE;
    table->column_count = (i16)(index + 1);
    if (b->create->strict && !build_strict_type(b, column))
        return;
    for (const Constraint *c = def->constraints; c != NULL && !b->failed; c = c->next)
        build_column_constraint(b, column, index, c);
}

static void build_table_constraint(TableBuild *b, const Constraint *c)
{
    switch ((ConstraintKind)c->kind) {
    case CONSTRAINT_PRIMARY_KEY: build_primary_key(b, c->columns, -1, c); return;
    case CONSTRAINT_UNIQUE: build_unique(b, c->columns, -1, c); return;
    case CONSTRAINT_CHECK: add_check(b, c); return;
    case CONSTRAINT_FOREIGN_KEY: build_foreign_key(b, -1, c); return;
    case CONSTRAINT_DEFER: build_defer(b, c); return;
    default: return; // CONSTRAINT name without anything
    }
}

// --- PRIMARY KEY and UNIQUE ---

static int plain_column(const Table *table, const Expr *e)
{
    while (e->kind == EX_COLLATE)
        e = e->left;
    if (e->kind == EX_STRING || (e->kind == EX_NAME && e->u.name.table == NULL))
        return table_column_index(table, e->text);
    return -1;
}

static void mark_primary_key(TableBuild *b, int index)
{
    ASSERT(index >= 0 && index < b->table->column_count);

    Column *column = &b->table->columns[index];
    column->flags |= COLUMN_PRIMARY_KEY;
    if ((column->flags & COLUMN_GENERATED) != 0)
        build_error(b, "generated columns cannot be part of the PRIMARY KEY");
}

void build_primary_key(TableBuild *b, const ExprList *columns, int index, const Constraint *c)
{
    ASSERT((columns == NULL) == (index >= 0));

    Table *table = b->table;
    if ((table->flags & TABLE_HAS_PRIMARY_KEY) != 0) {
        build_error(b, "table \"%s\" has more than one primary key", table->name);
        return;
    }
    table->flags |= TABLE_HAS_PRIMARY_KEY;
    int single = index;
    u8 sort = columns == NULL ? c->sort : 0;
    if (columns != NULL) {
        for (u32 i = 0; i < columns->count; i++) {
            single = plain_column(table, columns->items[i].expr);
            if (single >= 0)
                mark_primary_key(b, single);
        }
        if (columns->count != 1)
            single = -1; // DESC matters behind a column's own PRIMARY KEY only
    } else {
        mark_primary_key(b, index);
    }
    if (single >= 0 && type_is_integer(table->columns[single].type) && (sort & SORT_DESC) == 0) {
        if (columns != NULL && !refuse_nulls_order(b, &columns->items[0]))
            return;
        table->rowid_alias = (i16)single;
        table->primary_key_conflict = c->on_conflict;
        if (c->autoincrement)
            table->flags |= TABLE_AUTOINCREMENT;
        return;
    }
    if (c->autoincrement) {
        build_error(b, "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY");
        return;
    }
    build_constraint_index(b, columns, index, c, INDEX_PRIMARY_KEY);
}

void build_unique(TableBuild *b, const ExprList *columns, int index, const Constraint *c)
{
    ASSERT((columns == NULL) == (index >= 0));

    build_constraint_index(b, columns, index, c, INDEX_CONSTRAINT);
}

// --- finishing ---

static bool resolve_one(TableBuild *b, ResolveContext *ctx, SelfKind kind, Expr **e)
{
    if (resolve_self(ctx, b->table, kind, e) != SQLITE_OK)
        b->failed = true; // the resolver has set the error
    return !b->failed;
}

// Names in CHECK, DEFAULT and generated columns, once all columns are known.
static void resolve_expressions(TableBuild *b)
{
    ASSERT(!b->failed);

    Table *table = b->table;
    ResolveContext ctx;
    resolve_context_init(&ctx, b->db, &table->arena);
    ctx.is_ddl = true;
    for (int i = 0; i < table->column_count && !b->failed; i++) {
        Column *column = &table->columns[i];
        if (column->value != NULL && (column->flags & COLUMN_GENERATED) == 0)
            b->failed = resolve_constant(&ctx, &column->value) != SQLITE_OK;
    }
    for (u32 i = 0; i < table->check_count && !b->failed; i++)
        resolve_one(b, &ctx, SELF_CHECK, &table->checks[i].expr);
    for (int i = 0; i < table->column_count && !b->failed; i++) {
        Column *column = &table->columns[i];
        if (column->value != NULL && (column->flags & COLUMN_GENERATED) != 0)
            resolve_one(b, &ctx, SELF_GENERATED, &column->value);
    }
}

static bool finish_generated(TableBuild *b)
{
    ASSERT(!b->failed);

    Table *table = b->table;
    int stored = 0;
    bool has_plain = false;
    for (int i = 0; i < table->column_count; i++) {
        stored += (table->columns[i].flags & COLUMN_VIRTUAL) == 0;
        has_plain |= (table->columns[i].flags & COLUMN_GENERATED) == 0;
    }
    table->stored_count = (i16)stored;
    if (!has_plain)
        build_error(b, "must have at least one non-generated column");
    return !b->failed;
}

// The key of a STRICT table is NOT NULL, as the SQL standard wants it.
static void finish_strict_key(Table *table)
{
    ASSERT((table->flags & TABLE_STRICT) != 0);

    const Index *key = table_primary_key(table);
    for (int i = 0; key != NULL && i < key->key_count; i++) {
        Column *column = &table->columns[key->columns[i]];
        if (column->not_null == 0)
            column->not_null = ON_CONFLICT_ABORT;
        table->flags |= TABLE_HAS_NOT_NULL;
    }
}

// A NOT NULL that follows UNIQUE in the text counts as well.
static void finish_unique_flags(Table *table)
{
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        bool not_null = true;
        for (int i = 0; i < index->key_count; i++)
            not_null &= index->columns[i] >= 0 && table->columns[index->columns[i]].not_null != 0;
        if (not_null)
            index->flags |= INDEX_UNIQUE_NOT_NULL;
    }
}

static void check_options(TableBuild *b)
{
    const CreateTable *create = b->create;
    if (create->without_rowid && (b->table->flags & TABLE_AUTOINCREMENT) != 0)
        build_error(b, "AUTOINCREMENT not allowed on WITHOUT ROWID tables");
    else if (create->without_rowid && (b->table->flags & TABLE_HAS_PRIMARY_KEY) == 0)
        build_error(b, "PRIMARY KEY missing on table %s", b->table->name);
}

static void build_columns(TableBuild *b)
{
    ASSERT(b->table->column_count == 0);

    const CreateTable *create = b->create;
    Table *table = b->table;
    table->columns = arena_array(&table->arena, create->column_count, sizeof *table->columns);
    if (table->columns == NULL)
        return;
    int index = 0;
    for (const ColumnDef *def = create->columns; def != NULL && !b->failed; def = def->next) {
        if (index >= b->db->limits[SQLITE_LIMIT_COLUMN])
            build_error(b, "too many columns on %s", table->name);
        else
            build_column(b, def, index++);
    }
    for (const Constraint *c = create->constraints; c != NULL && !b->failed; c = c->next)
        build_table_constraint(b, c);
}

// What memory ran short for is NULL or missing, and may look like a mistake of the statement.
static void build_out_of_memory(TableBuild *b)
{
    ASSERT(b->table->arena.failed);

    if (!b->failed)
        connection_out_of_memory(b->db);
    b->failed = true;
}

Table *schema_build_table(sqlite3 *db, int db_index, const CreateTable *create)
{
    ASSERT(create->as_select == NULL); // its columns come from the query: code_ddl_create.c

    Table *table = table_new(db->databases[db_index].schema, create->name.name);
    if (table == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    TableBuild b = {.db = db, .db_index = db_index, .table = table, .create = create};
    table->rowid_alias = -1;
    table->row_estimate = UNANALYSED_ESTIMATE;
    build_columns(&b);
    if (!b.failed)
        check_options(&b);
    if (create->strict)
        table->flags |= TABLE_STRICT;
    if (!b.failed && finish_generated(&b)) {
        if (create->strict)
            finish_strict_key(table);
        finish_unique_flags(table);
        if (create->without_rowid)
            build_without_rowid(&b);
        else
            build_rowid_indexes(&b);
    }
    if (!b.failed)
        resolve_expressions(&b);
    table->add_column_offset = create->columns_end;
    if (table->arena.failed)
        build_out_of_memory(&b);
    if (b.failed) {
        table_free(table);
        return NULL;
    }
    return table;
}

// --- shared by the builders ---

void build_error(TableBuild *b, const char *fmt, ...)
{
    if (b->table->arena.failed)
        build_out_of_memory(b);
    if (b->failed)
        return;
    b->failed = true;
    va_list args;
    va_start(args, fmt);
    Buffer text = {0};
    buffer_vprintf(&text, fmt, args);
    va_end(args);
    connection_error(b->db, SQLITE_ERROR, "%s", buffer_text(&text));
    buffer_deinit(&text);
}

const char *build_trimmed_text(TableBuild *b, const Span *span)
{
    const char *text = span->text;
    size_t size = span->size;
    while (size > 0 && ascii_is_space((u8)*text)) {
        text++;
        size--;
    }
    while (size > 0 && ascii_is_space((u8)text[size - 1]))
        size--;
    return arena_dup(&b->table->arena, text, size);
}
