// ALTER TABLE ADD COLUMN, DROP COLUMN, and the constraints of a table.
//
//     ADD COLUMN c ...     ", c ..." before the table constraints or the ")"; rows stay as they
//                          are, and read as the DEFAULT: so it must be constant
//     DROP COLUMN c        its definition goes, and the field out of every row
//     ADD CONSTRAINT       a CHECK that every row must pass;  SET NOT NULL likewise
//     DROP CONSTRAINT      the clause goes; no row need be looked at
//
// What is only a fault if the table has rows (code_refuse_rows) is found by the program, as in
// SQLite: the schema may be changed as long as it is empty.

#include "base/hashmap.h"
#include "base/utf.h"
#include "sql/code/code_alter.h"
#include "sql/expr_tree.h"
#include "sql/lexer.h"
#include "sql/parse.h"
#include <string.h>

// --- places in the text ---

static u32 span_end(const char *sql, Span span)
{
    ASSERT(span.text >= sql);

    return (u32)(span.text - sql) + span.size;
}

static u32 skip_space(const char *sql, u32 at)
{
    u32 size = (u32)strlen(sql);
    for (u32 step; at < size && (step = lexer_space_size(sql, at, size)) > 0;)
        at += step;
    return at;
}

// Where another column goes: before the table constraints, else before the ")".
static u32 end_of_columns(const AlterRow *row)
{
    ASSERT(row->stmt != NULL && row->stmt->kind == STMT_CREATE_TABLE);

    const CreateTable *create = row->stmt->u.create_table;
    if (create->constraints == NULL)
        return create->columns_end;
    const ColumnDef *last = create->columns;
    while (last->next != NULL)
        last = last->next;
    return skip_space(row->parsed_sql, span_end(row->parsed_sql, last->span));
}

static const char *trimmed(AlterCode *a, Span clause)
{
    while (clause.size > 0
           && (ascii_is_space((u8)clause.text[clause.size - 1])
               || clause.text[clause.size - 1] == ';'))
        clause.size--;
    return arena_dup(a->g->arena, clause.text, clause.size);
}

static void insert_text(AlterCode *a, AlterRow *row, u32 offset, const char *before,
                        const char *text)
{
    ASSERT(row->parsed_sql != NULL);

    const char *added = arena_printf(a->g->arena, "%s%s", before, text != NULL ? text : "");
    EditList edits = {.arena = a->g->arena, .sql = row->parsed_sql};
    edit_add(&edits, offset, 0, added != NULL ? added : "");
    alter_set_sql(row, edit_apply(&edits));
}

static void remove_text(AlterCode *a, AlterRow *row, u32 from, u32 to)
{
    ASSERT(from <= to);

    EditList edits = {.arena = a->g->arena, .sql = row->parsed_sql};
    edit_add(&edits, from, to - from, "");
    alter_set_sql(row, edit_apply(&edits));
}

// --- checks that look at rows ---

static void code_refuse_rows(AlterCode *a, const char *message)
{
    ASSERT(a->table->kind == TABLE_ORDINARY);

    Codegen *g = a->g;
    int cursor = cursor_new(g);
    codegen_reads(g, a->database);
    code_open_table(g, a->table, cursor, OP_OpenRead);
    int empty = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    code_halt(g, SQLITE_ERROR, ON_CONFLICT_ABORT, message, 0);
    program_jump_here(g->program, empty);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

// Fails when some row of the table makes `e` false; NULL passes for CHECK, not for NOT NULL.
static void code_refuse_unless(AlterCode *a, Expr *e, bool null_passes, const char *message)
{
    ASSERT(message != NULL);

    Codegen *g = a->g;
    WriteTable wt = {.table = a->table, .database = a->database, .data_cursor = cursor_new(g)};
    wt.stored = arena_alloc_zeroed(g->arena, sizeof *wt.stored);
    if (wt.stored == NULL || e == NULL)
        return;
    *wt.stored = (FromItem){.kind = FROM_PSEUDO, .table = a->table, .cursor = wt.data_cursor};
    source_set_table(g, wt.stored, wt.data_cursor);
    ResolveContext ctx;
    resolve_context_init(&ctx, g->db, g->arena);
    int rc = resolve_self(&ctx, a->table, SELF_CHECK, &e);
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return;
    }
    Expr *bound = expr_bind(g->arena, e, wt.stored);
    if (bound == NULL)
        return;
    codegen_reads(g, a->database);
    code_open_table(g, a->table, wt.data_cursor, OP_OpenRead);
    int empty = program_emit(g->program, OP_Rewind, wt.data_cursor, 0, 0);
    int top = program_here(g->program);
    Label fine = label_new(g->program);
    code_jump(g, bound, fine, true, null_passes);
    code_halt(g, SQLITE_CONSTRAINT, ON_CONFLICT_ABORT, message, 0);
    label_here(g->program, fine);
    program_emit(g->program, OP_Next, wt.data_cursor, top, 0);
    program_jump_here(g->program, empty);
    program_emit(g->program, OP_Close, wt.data_cursor, 0, 0);
}

// --- ADD COLUMN ---

typedef struct NewColumn {
    const Constraint *fallback, *generated, *not_null, *references;
    bool is_key, is_unique, has_check;
} NewColumn;

static NewColumn examine(const ColumnDef *def)
{
    ASSERT(def != NULL);

    NewColumn n = {0};
    for (const Constraint *c = def->constraints; c != NULL; c = c->next) {
        switch ((ConstraintKind)c->kind) {
        case CONSTRAINT_PRIMARY_KEY: n.is_key = true; break;
        case CONSTRAINT_UNIQUE: n.is_unique = true; break;
        case CONSTRAINT_NOT_NULL: n.not_null = c; break;
        case CONSTRAINT_DEFAULT: n.fallback = c; break;
        case CONSTRAINT_GENERATED: n.generated = c; break;
        case CONSTRAINT_FOREIGN_KEY: n.references = c; break;
        case CONSTRAINT_CHECK: n.has_check = true; break;
        default: break;
        }
    }
    return n;
}

static bool is_stored(const Constraint *generated)
{
    return generated != NULL && generated->stored;
}

static bool is_null_default(const NewColumn *n)
{
    return n->fallback == NULL || n->fallback->expr->kind == EX_NULL;
}

// A DEFAULT that rows written before can take without being written anew.
static bool is_fixed(Codegen *g, const Expr *e)
{
    ASSERT(e != NULL);

    return e->kind == EX_NULL || expr_constant_value(g->db, e, AFF_BLOB, g->arena) != NULL;
}

// STRICT: the DEFAULT must be of the column's type.
static bool default_fits(AlterCode *a, const NewColumn *n)
{
    ASSERT(a->alter->column != NULL);

    const char *type = a->alter->column->type;
    if ((a->table->flags & TABLE_STRICT) == 0 || type == NULL || n->fallback == NULL)
        return true;
    Value *v =
        expr_constant_value(a->g->db, n->fallback->expr, affinity_of_type(type), a->g->arena);
    if (v == NULL || name_equals(type, "ANY"))
        return true;
    int kind = value_type(v);
    bool fits = name_equals(type, "TEXT")   ? kind == SQLITE_TEXT
                : name_equals(type, "BLOB") ? kind == SQLITE_BLOB
                : name_equals(type, "REAL") ? kind == SQLITE_FLOAT || kind == SQLITE_INTEGER
                                            : kind == SQLITE_INTEGER;
    if (!fits)
        code_refuse_rows(a, "type mismatch on DEFAULT");
    return fits;
}

static bool collation_exists(AlterCode *a)
{
    ASSERT(a->alter->column != NULL);

    for (const Constraint *c = a->alter->column->constraints; c != NULL; c = c->next) {
        if (c->kind != CONSTRAINT_COLLATE
            || catalog_find_collation(a->g->db, a->g->db->encoding, c->collation) != NULL)
            continue;
        codegen_error(a->g, SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: %s",
                      c->collation);
        return false;
    }
    return true;
}

static void check_new_column(AlterCode *a, const NewColumn *n)
{
    ASSERT(a->alter->column != NULL);

    if (!collation_exists(a) || !default_fits(a, n))
        return;
    if (n->generated != NULL) {
        if (is_stored(n->generated))
            code_refuse_rows(a, "cannot add a STORED column");
        return;
    }
    if (n->references != NULL && (a->g->db->flags & CONN_FLAG(FOREIGN_KEYS)) != 0
        && !is_null_default(n))
        code_refuse_rows(a, "Cannot add a REFERENCES column with non-NULL default value");
    if (n->not_null != NULL && is_null_default(n))
        code_refuse_rows(a, "Cannot add a NOT NULL column with default value NULL");
    if (n->fallback != NULL && !is_fixed(a->g, n->fallback->expr))
        code_refuse_rows(a, "Cannot add a column with non-constant default");
}

// The rows there are must satisfy the new column's CHECKs and NOT NULL: quick_check says so.
static void code_check_rows(AlterCode *a, const NewColumn *n)
{
    ASSERT(a->table->kind == TABLE_ORDINARY);

    Codegen *g = a->g;
    if (!n->has_check && !(n->not_null != NULL && n->generated != NULL))
        return;
    const char *schema = sql_identifier(g, g->db->databases[a->database].name);
    const char *sql =
        arena_printf(g->arena, "%s.quick_check(%s)", schema, sql_quoted(g, a->table->name));
    alter_code_quick_check(g, sql);
}

void alter_add_column(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_ADD_COLUMN);

    Codegen *g = a->g;
    Table *table = a->table;
    if (table->kind == TABLE_VIRTUAL) {
        codegen_error(g, SQLITE_ERROR, "virtual tables may not be altered");
        return;
    }
    if (table->kind == TABLE_VIEW) {
        codegen_error(g, SQLITE_ERROR, "Cannot add a column to a view");
        return;
    }
    const ColumnDef *def = a->alter->column;
    NewColumn n = examine(def);
    if (table_column_index(table, def->name) >= 0)
        codegen_error(g, SQLITE_ERROR, "duplicate column name: %s", def->name);
    else if (n.is_key)
        codegen_error(g, SQLITE_ERROR, "Cannot add a PRIMARY KEY column");
    else if (n.is_unique)
        codegen_error(g, SQLITE_ERROR, "Cannot add a UNIQUE column");
    if (codegen_failed(g) || !alter_load_rows(a))
        return;
    AlterRow *row = alter_table_row(a);
    if (row == NULL)
        return;
    check_new_column(a, &n);
    insert_text(a, row, end_of_columns(row), ", ", trimmed(a, a->alter->clause));
    a->verb = "add column";
    if (!alter_verify_table_plain(a))
        return;
    alter_code_rows(a);
    a->verb = NULL;
    alter_code_reload(a);
    code_check_rows(a, &n);
}

// --- DROP COLUMN ---

static bool may_be_dropped(AlterCode *a, int column)
{
    ASSERT(a->alter->old_name != NULL && column < a->table->column_count);

    const Table *table = a->table;
    Codegen *g = a->g;
    const char *name = a->alter->old_name;
    if (column < 0) {
        codegen_error(g, SQLITE_ERROR, "no such column: \"%s\"", name);
        return false;
    }
    bool is_key = (table->columns[column].flags & COLUMN_PRIMARY_KEY) != 0;
    if (is_key || alter_column_is_unique(table, column)) {
        codegen_error(g, SQLITE_ERROR, "cannot drop %s column: \"%s\"",
                      is_key ? "PRIMARY KEY" : "UNIQUE", name);
        return false;
    }
    if (table->column_count < 2) {
        codegen_error(g, SQLITE_ERROR, "cannot drop column \"%s\": no other columns exist", name);
        return false;
    }
    return true;
}

static void remove_column_text(AlterCode *a, AlterRow *row, int column)
{
    ASSERT(column >= 0 && column < a->table->column_count);

    const CreateTable *create = row->stmt->u.create_table;
    const ColumnDef *def = create->columns, *before = NULL;
    for (int i = 0; i < column; i++) {
        before = def;
        def = def->next;
    }
    if (def->next != NULL) {
        remove_text(a, row, def->offset, def->next->offset);
        return;
    }
    u32 from = skip_space(row->parsed_sql, span_end(row->parsed_sql, before->span));
    remove_text(a, row, from, end_of_columns(row));
}

// Every row without the field.
static void code_rewrite_rows(AlterCode *a, int column)
{
    ASSERT(column >= 0 && column < a->table->column_count);

    Codegen *g = a->g;
    Table *table = a->table;
    if ((table->columns[column].flags & COLUMN_VIRTUAL) != 0)
        return;
    bool has_rowid = table_has_rowid(table);
    const Index *primary = has_rowid ? NULL : table_primary_key(table);
    int fields = has_rowid ? table->stored_count : primary->column_count;
    int cursor = cursor_new(g);
    Reg first = reg_range_new(g, fields), record = reg_new(g), rowid = reg_new(g);
    codegen_writes(g, a->database, true);
    code_open_table(g, table, cursor, OP_OpenWrite);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    int count = 0;
    for (int field = 0; field < fields; field++) {
        int at = has_rowid ? table_column_of_storage(table, field) : primary->columns[field];
        if (at == column)
            continue;
        if (at == table->rowid_alias)
            program_emit(g->program, OP_Null, 0, first + count, 0);
        else
            code_table_column(g, table, cursor, at, first + count);
        // The record keeps whole numbers of REAL columns as integers, as it had them.
        if (program_at(g->program, -1)->op == OP_RealAffinity)
            program_to_noop(g->program, program_here(g->program) - 1);
        count++;
    }
    program_emit(g->program, OP_MakeRecord, first, count, record);
    if (has_rowid) {
        program_emit(g->program, OP_Rowid, cursor, rowid, 0);
        program_emit(g->program, OP_Insert, cursor, record, rowid);
    } else {
        program_emit(g->program, OP_IdxInsert, cursor, record, 0);
    }
    program_set_p5(g->program, P5_SAVE_POSITION);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

void alter_drop_column(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_DROP_COLUMN);

    Codegen *g = a->g;
    if (a->table->kind != TABLE_ORDINARY) {
        codegen_error(g, SQLITE_ERROR, "cannot drop column from %s \"%s\"",
                      a->table->kind == TABLE_VIEW ? "view" : "virtual table", a->table->name);
        return;
    }
    int column = table_column_index(a->table, a->alter->old_name);
    if (!may_be_dropped(a, column) || !alter_load_rows(a) || !alter_verify_others(a)
        || !alter_fix_quotes(a))
        return;
    AlterRow *row = alter_table_row(a);
    if (row == NULL)
        return;
    remove_column_text(a, row, column);
    a->verb = "drop column";
    if (!alter_verify_table(a))
        return;
    alter_code_rows(a);
    code_rewrite_rows(a, column);
    alter_code_reload(a);
}

// --- constraints ---

static const Constraint *find_named(const CreateTable *create, const char *name,
                                    const ColumnDef **column)
{
    ASSERT(name != NULL);

    for (const ColumnDef *def = create->columns; def != NULL; def = def->next) {
        *column = def;
        for (const Constraint *c = def->constraints; c != NULL; c = c->next) {
            if (c->name != NULL && name_equals(c->name, name))
                return c;
        }
    }
    *column = NULL;
    for (const Constraint *c = create->constraints; c != NULL; c = c->next) {
        if (c->name != NULL && name_equals(c->name, name))
            return c;
    }
    return NULL;
}

static const ColumnDef *find_column(AlterCode *a, const CreateTable *create)
{
    ASSERT(a->alter->old_name != NULL);

    for (const ColumnDef *def = create->columns; def != NULL; def = def->next) {
        if (name_equals(def->name, a->alter->old_name))
            return def;
    }
    codegen_error(a->g, SQLITE_ERROR, "no such column: %s", a->alter->old_name);
    return NULL;
}

// The clause with the blanks in front of it; of a table constraint, with its comma.
static void remove_constraint(AlterCode *a, AlterRow *row, const Constraint *c, bool with_comma)
{
    ASSERT(c->span.text != NULL);

    const char *sql = row->parsed_sql;
    u32 from = (u32)(c->span.text - sql), to = span_end(sql, c->span);
    while (from > 0 && ascii_is_space((u8)sql[from - 1]))
        from--;
    if (with_comma && from > 0 && sql[from - 1] == ',')
        from--;
    remove_text(a, row, from, to);
}

static void add_constraint(AlterCode *a, AlterRow *row)
{
    ASSERT(a->alter->constraint != NULL && a->alter->constraint->kind == CONSTRAINT_CHECK);

    Codegen *g = a->g;
    const CreateTable *create = row->stmt->u.create_table;
    const Constraint *c = a->alter->constraint;
    const ColumnDef *ignored;
    if (c->name != NULL && find_named(create, c->name, &ignored) != NULL) {
        codegen_error(g, SQLITE_ERROR, "constraint %s already exists", c->name);
        return;
    }
    code_refuse_unless(a, expr_copy(g->arena, c->expr, NULL), true, "constraint failed");
    insert_text(a, row, create->columns_end, ", ", trimmed(a, a->alter->clause));
}

static void drop_constraint(AlterCode *a, AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_TABLE);

    const ColumnDef *column = NULL;
    const Constraint *c = find_named(row->stmt->u.create_table, a->alter->old_name, &column);
    if (c == NULL)
        codegen_error(a->g, SQLITE_ERROR, "no such constraint: %s", a->alter->old_name);
    else if (c->kind != CONSTRAINT_CHECK && c->kind != CONSTRAINT_NOT_NULL)
        codegen_error(a->g, SQLITE_ERROR, "constraint may not be dropped: %s", a->alter->old_name);
    else
        remove_constraint(a, row, c, column == NULL);
}

static const Constraint *find_not_null(const ColumnDef *def)
{
    for (const Constraint *c = def->constraints; c != NULL; c = c->next) {
        if (c->kind == CONSTRAINT_NOT_NULL)
            return c;
    }
    return NULL;
}

static void set_not_null(AlterCode *a, AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_TABLE);

    Codegen *g = a->g;
    const ColumnDef *def = find_column(a, row->stmt->u.create_table);
    if (def == NULL)
        return;
    Expr *name = expr_new_name(g->arena, def->name);
    if (name == NULL)
        return;
    Expr *test = expr_new(g->arena, EX_NOT_NULL, name, NULL);
    code_refuse_unless(a, test, false, "constraint failed");
    const Constraint *former = find_not_null(def);
    if (former == NULL) {
        insert_text(a, row, span_end(row->parsed_sql, def->span), " ",
                    trimmed(a, a->alter->clause));
        return;
    }
    EditList edits = {.arena = g->arena, .sql = row->parsed_sql};
    edit_add(&edits, (u32)(former->span.text - row->parsed_sql), former->span.size,
             trimmed(a, a->alter->clause));
    alter_set_sql(row, edit_apply(&edits));
}

static void drop_not_null(AlterCode *a, AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_TABLE);

    const ColumnDef *def = find_column(a, row->stmt->u.create_table);
    const Constraint *c = def != NULL ? find_not_null(def) : NULL;
    if (c != NULL)
        remove_constraint(a, row, c, false);
}

void alter_constraint(AlterCode *a)
{
    ASSERT(a->alter->kind >= ALTER_ADD_CONSTRAINT && a->alter->kind <= ALTER_DROP_NOT_NULL);

    Codegen *g = a->g;
    if (a->table->kind != TABLE_ORDINARY) {
        codegen_error(g, SQLITE_ERROR, "cannot edit constraints of %s \"%s\"",
                      a->table->kind == TABLE_VIEW ? "view" : "virtual table", a->table->name);
        return;
    }
    AlterRow *row = alter_load_rows(a) ? alter_table_row(a) : NULL;
    if (row == NULL)
        return;
    switch ((AlterKind)a->alter->kind) {
    case ALTER_ADD_CONSTRAINT: add_constraint(a, row); break;
    case ALTER_DROP_CONSTRAINT: drop_constraint(a, row); break;
    case ALTER_SET_NOT_NULL: set_not_null(a, row); break;
    default: drop_not_null(a, row); break;
    }
    a->verb = "alter";
    if (codegen_failed(g) || !alter_verify_table_plain(a))
        return;
    alter_code_rows(a);
    a->verb = NULL;
    alter_code_reload(a);
}
