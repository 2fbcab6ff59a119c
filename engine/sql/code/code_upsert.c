// INSERT ... ON CONFLICT DO UPDATE: the row that is in the way gets updated, reading the row that
// was to be inserted as `excluded`.
//
// Coded where the conflict is found, once per constraint that the clause may be about; the INSERT
// then goes on with its next row.

#include "sql/code/code_write.h"
#include <string.h>

// Whole numbers of REAL columns wait in the registers as integers, as records keep them. What
// DO UPDATE copies into other columns must be the real number. The row itself is not written any
// more, so that its registers may change.
static void set_excluded(Codegen *g, const RowChange *change, const Upsert *clause)
{
    ASSERT(clause->excluded != NULL && clause->excluded->cursor >= 0);

    const Table *table = change->wt->table;
    for (i16 i = 0; i < table->column_count; i++)
        if (table->columns[i].affinity == AFF_REAL)
            program_emit(g->program, OP_RealAffinity, change->new_first + 1 + i, 0, 0);
    *source_of(g, clause->excluded->cursor) = (ColumnSource){.kind = SOURCE_REGISTERS,
                                                             .cursor = -1,
                                                             .index_cursor = -1,
                                                             .table = change->wt->table,
                                                             .first_reg = change->new_first + 1,
                                                             .rowid_reg = change->new_first};
}

// Moves the data cursor to the row of the entry that conflicts.
static RowKey code_find_row(Codegen *g, const WriteTable *wt, const Index *index, int cursor)
{
    ASSERT(cursor >= 0);

    if (index == NULL || cursor == wt->data_cursor) {
        RowKey own = {.count = row_key_width(wt->table)};
        own.first = reg_range_new(g, own.count);
        code_row_key(g, wt, own);
        return own;
    }
    RowKey key = code_entry_key(g, wt, index, cursor);
    Label found = label_new(g->program), gone = label_new(g->program);
    code_seek_row(g, wt, key, gone);
    program_emit(g->program, OP_Goto, 0, found, 0);
    label_here(g->program, gone);
    code_halt(g, SQLITE_CORRUPT, ON_CONFLICT_ABORT, "corrupt database", 0);
    label_here(g->program, found);
    return key;
}

void code_upsert(Codegen *g, RowChange *change, Upsert *clause, const Index *index,
                 int index_cursor)
{
    ASSERT(index_cursor >= 0);
    ASSERT(clause != NULL);

    if (codegen_failed(g))
        return;
    WriteTable *wt = arena_alloc_zeroed(g->arena, sizeof *wt);
    if (wt == NULL)
        return;
    *wt = *change->wt;
    wt->is_untouched = arena_array(g->arena, (size_t)wt->index_count + 1, sizeof(bool));
    if (wt->is_untouched == NULL)
        return;
    set_excluded(g, change, clause);
    Insert *insert = change->insert;
    UpdateRow u = {.wt = wt,
                   .table = wt->table,
                   .target = insert->target,
                   .set = clause->set,
                   .on_conflict = ON_CONFLICT_ABORT,
                   .returning = insert->returning,
                   .is_positioned = true,
                   .next = change->ignore};
    u.key = code_find_row(g, wt, index, index_cursor);
    if (clause->where != NULL)
        code_jump(g, clause->where, change->ignore, false, false);
    if (!update_row_init(g, &u))
        return;
    update_row_indexes(&u);
    u.old_first = reg_range_new(g, 2 * (wt->table->column_count + 1));
    u.new_first = u.old_first + wt->table->column_count + 1;
    codegen_writes(g, wt->database, u.triggers != 0 || u.has_foreign_keys);
    Reg counter = g->count_register;
    g->count_register = 0; // PRAGMA count_changes counts the rows inserted
    code_update_row(g, &u);
    g->count_register = counter;
}
