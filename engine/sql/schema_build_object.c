// Foreign keys, views, triggers and virtual tables as schema objects.
//
// Built from the statement alone. Parents of foreign keys are names: they may come later, or never.
// Views and triggers keep their trees unresolved, and every use resolves a copy; so a view may name
// what does not exist yet, and learns of ALTER TABLE only through its text.

#include "sql/expr_tree.h"
#include "sql/schema_build_internal.h"
#include <string.h>

// --- foreign keys ---

static bool set_child_columns(TableBuild *b, ForeignKey *fk, int column, const IdList *columns)
{
    ASSERT((columns == NULL) == (column >= 0));

    if (columns == NULL) {
        fk->columns[0].from = (i16)column;
        return true;
    }
    for (u32 i = 0; i < columns->count; i++) {
        int found = table_column_index(b->table, columns->items[i].name);
        if (found < 0) {
            build_error(b, "unknown column \"%s\" in foreign key definition",
                        columns->items[i].name);
            return false;
        }
        fk->columns[i].from = (i16)found;
    }
    return true;
}

static u32 foreign_key_width(TableBuild *b, int column, const ForeignKeyClause *clause)
{
    u32 width = clause->columns != NULL ? clause->columns->count : 1;
    const IdList *parents = clause->parent_columns;
    if (clause->columns == NULL && parents != NULL && parents->count != 1) {
        build_error(b, "foreign key on %s should reference only one column of table %s",
                    b->table->columns[column].name, clause->parent);
        return 0;
    }
    if (clause->columns != NULL && parents != NULL && parents->count != width) {
        build_error(b, "number of columns in foreign key does not match the number of columns in "
                       "the referenced table");
        return 0;
    }
    return width;
}

void build_foreign_key(TableBuild *b, int column, const Constraint *c)
{
    ASSERT(c->foreign_key != NULL && c->foreign_key->parent != NULL);

    const ForeignKeyClause *clause = c->foreign_key;
    Arena *arena = &b->table->arena;
    u32 width = foreign_key_width(b, column, clause);
    if (width == 0)
        return;
    ForeignKey *fk = arena_alloc_zeroed(arena, sizeof *fk);
    if (fk == NULL)
        return;
    fk->columns = arena_array(arena, width, sizeof *fk->columns);
    fk->child = b->table;
    fk->parent = arena_dup(arena, clause->parent, strlen(clause->parent));
    fk->column_count = (u16)width;
    fk->on_delete = clause->on_delete;
    fk->on_update = clause->on_update;
    fk->is_deferred = clause->initially_deferred && !clause->not_deferrable;
    if (fk->columns == NULL || !set_child_columns(b, fk, column, clause->columns))
        return;
    for (u32 i = 0; clause->parent_columns != NULL && i < width; i++) {
        const char *name = clause->parent_columns->items[i].name;
        fk->columns[i].to = arena_dup(arena, name, strlen(name));
    }
    fk->next_of_child = b->table->foreign_keys;
    b->table->foreign_keys = fk;
}

// DEFERRABLE may stand apart from its REFERENCES, behind other constraints; with none before it it
// has no effect.
void build_defer(TableBuild *b, const Constraint *c)
{
    ASSERT(c->kind == CONSTRAINT_DEFER);

    ForeignKey *last = b->table->foreign_keys;
    if (last != NULL && c->foreign_key != NULL)
        last->is_deferred = c->foreign_key->initially_deferred && !c->foreign_key->not_deferrable;
}

// --- views ---

Table *schema_build_view(sqlite3 *db, int db_index, const CreateView *create)
{
    ASSERT(create->select != NULL);

    Table *view = table_new(db->databases[db_index].schema, create->name.name);
    if (view == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    view->kind = TABLE_VIEW;
    view->rowid_alias = -1;
    view->row_estimate = UNANALYSED_ESTIMATE;
    view->flags |= TABLE_NO_VISIBLE_ROWID;
    view->select = select_copy(&view->arena, create->select, NULL);
    if (create->columns != NULL)
        view->column_names = id_list_copy(&view->arena, create->columns);
    if (view->arena.failed || view->select == NULL) {
        connection_out_of_memory(db);
        table_free(view);
        return NULL;
    }
    return view;
}

// --- triggers ---

static bool copy_update_of(Trigger *trigger, const IdList *columns)
{
    ASSERT(trigger->update_of_count == 0);

    if (columns == NULL)
        return true;
    trigger->update_of = arena_array(&trigger->arena, columns->count, sizeof *trigger->update_of);
    if (trigger->update_of == NULL)
        return false;
    for (u32 i = 0; i < columns->count; i++)
        trigger->update_of[i] =
            arena_dup(&trigger->arena, columns->items[i].name, strlen(columns->items[i].name));
    trigger->update_of_count = columns->count;
    return true;
}

static TriggerStep *copy_steps(Arena *arena, const TriggerStep *steps)
{
    TriggerStep *first = NULL;
    TriggerStep **at = &first;
    for (; steps != NULL; steps = steps->next) {
        TriggerStep *copy = arena_alloc_zeroed(arena, sizeof *copy);
        if (copy == NULL)
            return NULL;
        copy->stmt = stmt_copy(arena, steps->stmt);
        copy->span.text = arena_dup(arena, steps->span.text, steps->span.size);
        copy->span.size = steps->span.size;
        *at = copy;
        at = &copy->next;
    }
    return first;
}

Trigger *schema_build_trigger(sqlite3 *db, int db_index, const CreateTrigger *create)
{
    ASSERT(db_index >= 0 && db_index < db->database_count);

    Trigger *trigger = mem_alloc_zeroed(sizeof *trigger);
    if (trigger == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    Arena *arena = &trigger->arena;
    trigger->name = arena_dup(arena, create->name.name, strlen(create->name.name));
    trigger->table_name = arena_dup(arena, create->table.name, strlen(create->table.name));
    trigger->schema = db->databases[db_index].schema;
    trigger->table_schema = trigger->schema;
    trigger->time = create->time;
    trigger->event = create->event;
    trigger->when = create->when != NULL ? expr_copy(arena, create->when, NULL) : NULL;
    trigger->steps = copy_steps(arena, create->steps);
    if (!copy_update_of(trigger, create->of_columns) || arena->failed) {
        connection_out_of_memory(db);
        trigger_free(trigger);
        return NULL;
    }
    return trigger;
}

// --- virtual tables ---

Table *schema_build_virtual_table(sqlite3 *db, int db_index, const CreateVirtualTable *create)
{
    ASSERT(create->module != NULL);

    Table *table = table_new(db->databases[db_index].schema, create->name.name);
    if (table == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    Arena *arena = &table->arena;
    table->kind = TABLE_VIRTUAL;
    table->rowid_alias = -1;
    table->row_estimate = UNANALYSED_ESTIMATE;
    // As xCreate gets them: module, database, table, then what was written.
    table->module_arg_count = create->arg_count + 3;
    table->module_args =
        arena_array(arena, table->module_arg_count + 1, sizeof *table->module_args);
    if (table->module_args != NULL) {
        const char *database = db->databases[db_index].name;
        table->module_args[0] = arena_dup(arena, create->module, strlen(create->module));
        table->module_args[1] = arena_dup(arena, database, strlen(database));
        table->module_args[2] = table->name;
        for (u32 i = 0; i < create->arg_count; i++)
            table->module_args[i + 3] =
                arena_dup(arena, create->args[i].text, create->args[i].size);
    }
    if (arena->failed) {
        connection_out_of_memory(db);
        table_free(table);
        return NULL;
    }
    return table;
}
