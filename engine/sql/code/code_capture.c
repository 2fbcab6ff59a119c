// Announcing rows that change to the hook that captures changes (quire.h). Code is emitted only
// while there is a hook; setting it makes all statements compile again.
#include "quire.h"
#include "sql/code/code_write.h"

// Statements of the engine's own, and of modules in their methods, are not the program's changes.
static bool is_heard(const Codegen *g)
{
    return g->db->change_hook != NULL && g->nested == 0 && g->db->module_calls == 0;
}

bool code_is_captured(const Codegen *g, const Table *table)
{
    ASSERT(table != NULL);
    return is_heard(g) && table->kind == TABLE_ORDINARY;
}

// The hook asks for no more than rowids, and the table has them.
bool code_captures_keys(const Codegen *g, const Table *table)
{
    return g->db->change_detail == QUIRE_DETAIL_KEYS && table_is_rowid(table);
}

// `u` NULL: no column is named.
static void code_columns(Codegen *g, const Table *table, const UpdateRow *u)
{
    ASSERT(u == NULL || u->changed != NULL);

    if (code_captures_keys(g, table))
        return;
    u32 *flags = arena_array(g->arena, (size_t)table->column_count + 1, sizeof *flags);
    if (flags == NULL)
        return; // the arena remembers
    for (int i = 0; i < table->column_count; i++) {
        bool is_stored = (table->columns[i].flags & COLUMN_VIRTUAL) == 0;
        bool is_set = u != NULL && (u->changed[i] || (i == table->rowid_alias && u->rowid_changes));
        flags[i] = (is_stored ? QUIRE_COLUMN_STORED : 0u) | (is_set ? QUIRE_COLUMN_SET : 0u);
    }
    program_emit_ints(g->program, OP_ChangedColumns, 0, 0, 0, flags, (u32)table->column_count);
}

static void code_change(Codegen *g, Table *table, int type, Reg old_first, Reg new_first)
{
    ASSERT(table != NULL);

    program_emit_table(g->program, OP_RowChange, type, old_first, new_first, table);
    if (code_captures_keys(g, table))
        program_set_p5(g->program, P5_KEYS_ONLY);
}

void code_capture_insert(Codegen *g, Table *table, Reg new_first)
{
    ASSERT(new_first > 0);
    code_columns(g, table, NULL);
    code_change(g, table, SQLITE_INSERT, 0, new_first);
}

void code_capture_delete(Codegen *g, const WriteTable *wt, Reg old_first)
{
    ASSERT(old_first >= 0);

    if (old_first == 0 && code_captures_keys(g, wt->table)) {
        old_first = reg_new(g);
        program_emit(g->program, OP_Rowid, wt->data_cursor, old_first, 0);
    } else if (old_first == 0) {
        old_first = reg_range_new(g, wt->table->column_count + 1);
        code_load_image(g, wt, old_first, ALL_COLUMNS);
    }
    code_columns(g, wt->table, NULL);
    code_change(g, wt->table, SQLITE_DELETE, old_first, 0);
}

void code_capture_update(Codegen *g, const UpdateRow *u)
{
    ASSERT(u->old_first > 0 && u->new_first > 0);
    if (code_captures_keys(g, u->table)) // perhaps all there is of the old image
        program_emit(g->program, OP_Copy, u->key.first, u->old_first, 0);
    code_columns(g, u->table, u);
    code_change(g, u->table, SQLITE_UPDATE, u->old_first, u->new_first);
}

void code_capture_virtual(Codegen *g, Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);
    if (is_heard(g))
        code_change(g, table, 0, 0, 0);
}
