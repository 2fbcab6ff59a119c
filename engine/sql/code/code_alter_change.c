// ALTER TABLE ... ALTER COLUMN name TO definition: the column gets a new name, type and constraints
// in one step. SQLite has no such statement; what it leaves behind is an ordinary CREATE TABLE.
//
// A change of affinity, collation, NOT NULL or CHECK concerns the rows there are. They are written
// anew as an UPDATE of the column to itself would, after the indexes have been sorted anew: values
// that do not fit make the statement fail. What would move the column to other trees, or out of the
// record, is refused.

#include "base/hashmap.h"
#include "sql/code/code_alter.h"
#include "sql/expr_tree.h"
#include <string.h>

static bool has_constraint(const ColumnDef *def, ConstraintKind kind)
{
    ASSERT(def != NULL);

    for (const Constraint *c = def->constraints; c != NULL; c = c->next) {
        if (c->kind == kind)
            return true;
    }
    return false;
}

static bool may_be_changed(AlterCode *a, int column)
{
    ASSERT(column >= 0 && column < a->table->column_count);

    Codegen *g = a->g;
    const ColumnDef *def = a->alter->column;
    const Column *old = &a->table->columns[column];
    const char *why = NULL;
    if (has_constraint(def, CONSTRAINT_PRIMARY_KEY))
        why = "PRIMARY KEY";
    else if (has_constraint(def, CONSTRAINT_UNIQUE))
        why = "UNIQUE";
    if (why != NULL)
        codegen_error(g, SQLITE_ERROR, "cannot alter column \"%s\" to be %s", old->name, why);
    else if ((old->flags & COLUMN_PRIMARY_KEY) != 0)
        codegen_error(g, SQLITE_ERROR, "cannot alter PRIMARY KEY column: \"%s\"", old->name);
    else if (alter_column_is_unique(a->table, column))
        codegen_error(g, SQLITE_ERROR, "cannot alter UNIQUE column: \"%s\"", old->name);
    else if ((old->flags & COLUMN_GENERATED) != 0 || has_constraint(def, CONSTRAINT_GENERATED))
        codegen_error(g, SQLITE_ERROR, "cannot alter generated column: \"%s\"", old->name);
    else if (!name_equals(def->name, old->name) && table_column_index(a->table, def->name) >= 0)
        codegen_error(g, SQLITE_ERROR, "duplicate column name: %s", def->name);
    return !codegen_failed(g);
}

// May rows that satisfied the old definition break the new one, or be stored differently?
static bool concerns_rows(const AlterCode *a, int column)
{
    ASSERT(column >= 0 && column < a->table->column_count);

    const ColumnDef *def = a->alter->column;
    const Column *old = &a->table->columns[column];
    bool same_affinity = affinity_of_type(def->type) == (Affinity)old->affinity;
    return !same_affinity || old->collation != NULL || has_constraint(def, CONSTRAINT_COLLATE)
           || has_constraint(def, CONSTRAINT_NOT_NULL) || has_constraint(def, CONSTRAINT_CHECK)
           || (a->table->flags & TABLE_STRICT) != 0;
}

// The definition's text in the CREATE TABLE, which may just have been changed by the renaming.
static bool replace_definition(AlterCode *a, int column)
{
    ASSERT(a->alter->column != NULL);

    AlterRow *row = alter_table_row(a);
    if (row == NULL)
        return false;
    row->stmt = NULL;
    if (!alter_parse_row(a, row) || row->stmt == NULL) {
        codegen_fail(a->g, connection_out_of_memory(a->g->db));
        return false;
    }
    const ColumnDef *def = row->stmt->u.create_table->columns;
    for (int i = 0; i < column; i++)
        def = def->next;
    const Span clause = a->alter->clause;
    const char *text = arena_dup(a->g->arena, clause.text, clause.size);
    EditList edits = {.arena = a->g->arena, .sql = row->parsed_sql};
    if (text == NULL)
        return false;
    edit_add(&edits, def->offset, def->span.size, text);
    alter_set_sql(row, edit_apply(&edits));
    return true;
}

static void code_rewrite(AlterCode *a)
{
    ASSERT(a->alter->new_name != NULL);

    Codegen *g = a->g;
    const char *schema = sql_identifier(g, g->db->databases[a->database].name);
    const char *table = sql_identifier(g, a->table->name);
    const char *column = sql_identifier(g, a->alter->new_name);
    const char *sql = arena_printf(g->arena, "REINDEX %s.%s; UPDATE %s.%s SET %s=%s", schema, table,
                                   schema, table, column, column);
    program_emit_text(g->program, OP_SqlExec, SQL_EXEC_SILENT | SQL_EXEC_REWRITTEN | SQL_EXEC_PLAIN,
                      0, 0, sql != NULL ? sql : "", -1);
}

void alter_change_column(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_CHANGE_COLUMN);

    int column = alter_find_column(a, "alter");
    if (column < 0)
        return;
    if (!may_be_changed(a, column) || !alter_load_rows(a) || !alter_verify_others(a)
        || !alter_fix_quotes(a))
        return;
    const char *old_name = a->table->columns[column].name;
    if (strcmp(a->alter->new_name, old_name) != 0) {
        Rename rename = alter_rename_of(a, old_name);
        alter_rewrite_rows(a, &rename);
    }
    a->verb = "alter column";
    if (!replace_definition(a, column) || !alter_verify_table(a))
        return;
    alter_code_rows(a);
    alter_code_reload(a);
    if (concerns_rows(a, column))
        code_rewrite(a);
}
