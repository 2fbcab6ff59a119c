// ANALYZE of one index: it is read once in key order, each entry compared with the one before, and
// pushed to a SampleSet with the number of leading columns the two share. What the set has gathered
// is written to the tables of statistics.
//
// The set lives in a register, as a pointer; functions that no statement can name work on it.
//
//     stat_begin -> set;  Rewind i -> EMPTY;  Goto CHANGED[0]
//   TOP: for each column c: Integer c -> shared;  Ne i.c, last[c] -> CHANGED[c]
//     Goto PUSH
//   CHANGED[0]: i.0 -> last[0]
//   CHANGED[1]: i.1 -> last[1] ...       on through all columns behind the first that differs
//   PUSH: stat_push(set, shared, identity);  Next i -> TOP
//     stat_text -> a row of sqlite_stat1;  stat_next, stat_counts -> rows of sqlite_stat4

#include "base/alloc.h"
#include "base/buffer.h"
#include "func/func.h"
#include "sql/code/code_analyze.h"
#include "sql/sample_set.h"
#include <string.h>

// --- functions of the program ---

static const char set_tag[] = "quire sample set";

typedef struct SetReader {
    SampleSet *set;
    u32 next; // sample that stat_next() gives
} SetReader;

static void reader_free(void *arg)
{
    ASSERT(arg != NULL);

    SetReader *reader = arg;
    sample_set_free(reader->set);
    mem_free(reader);
}

// (columns, key columns, rows, limit)
static void fn_begin(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 4);

    (void)arg_count;
    const SampleShape shape = {.column_count = (u16)value_i64(args[0]),
                               .key_count = (u16)value_i64(args[1]),
                               .row_estimate = (u64)value_i64(args[2]),
                               .limit = (u32)value_i64(args[3])};
    SetReader *reader = mem_alloc_zeroed(sizeof *reader);
    if (reader != NULL)
        reader->set = sample_set_new(&shape);
    if (reader == NULL || reader->set == NULL) {
        mem_free(reader);
        call_result_error_nomem(call);
        return;
    }
    call_result_pointer(call, reader, set_tag, reader_free);
}

// (set, shared columns, rowid or primary key): NULL, 0 or 1 for SAMPLE_GO_ON, _NEXT_VALUE, _ENOUGH
static void fn_push(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    SetReader *reader = value_pointer(args[0], set_tag);
    SampleRow row = {0};
    SampleAnswer answer;
    ASSERT(reader != NULL);
    if (value_type(args[2]) == SQLITE_BLOB) {
        row.key = (u8 *)(uintptr_t)args[2]->bytes;
        row.key_size = args[2]->size;
    } else {
        row.rowid = value_i64(args[2]);
    }
    if (sample_set_push(reader->set, (u32)value_i64(args[1]), &row, &answer) != SQLITE_OK)
        call_result_error_nomem(call);
    else if (answer != SAMPLE_GO_ON)
        call_result_i64(call, answer == SAMPLE_ENOUGH);
}

// (set): the text of sqlite_stat1
static void fn_stat1(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    SetReader *reader = value_pointer(args[0], set_tag);
    char *text = NULL;
    ASSERT(reader != NULL);
    if (sample_set_end(reader->set) != SQLITE_OK
        || sample_set_stat1(reader->set, &text) != SQLITE_OK)
        call_result_error_nomem(call);
    else
        call_result_text(call, text, strlen(text), SQLITE_UTF8, mem_free);
}

// (set): rowid or primary key of the next sample, NULL behind the last
static void fn_next(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    SetReader *reader = value_pointer(args[0], set_tag);
    ASSERT(reader != NULL);
    if (reader->next >= sample_set_count(reader->set))
        return;
    const SampleRow *row = &sample_set_get(reader->set, reader->next++)->row;
    if (row->key != NULL)
        call_result_blob(call, row->key, row->key_size, SQLITE_TRANSIENT);
    else
        call_result_i64(call, row->rowid);
}

// (set, which): counts of the sample stat_next() gave: 0 equal, 1 less, 2 distinct
static void fn_counts(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    SetReader *reader = value_pointer(args[0], set_tag);
    ASSERT(reader != NULL && reader->next > 0);
    const Sample *sample = sample_set_get(reader->set, reader->next - 1);
    const u64 *lists[] = {sample->equal, sample->less, sample->distinct};
    const u64 *counts = lists[value_i64(args[1])];
    Buffer text = {0};
    for (u32 i = 0; i < sample_set_width(reader->set); i++)
        buffer_printf(&text, i == 0 ? "%llu" : " %llu", (unsigned long long)counts[i]);
    call_result_buffer(call, &text, false);
}

static const FuncDef fn_defs[] = {
    {.name = "stat_begin", .arg_count = 4, .flags = FUNC_BUILTIN, .call = fn_begin},
    {.name = "stat_push", .arg_count = 3, .flags = FUNC_BUILTIN, .call = fn_push},
    {.name = "stat_text", .arg_count = 1, .flags = FUNC_BUILTIN, .call = fn_stat1},
    {.name = "stat_next", .arg_count = 1, .flags = FUNC_BUILTIN, .call = fn_next},
    {.name = "stat_counts", .arg_count = 2, .flags = FUNC_BUILTIN, .call = fn_counts},
};
enum { FN_BEGIN, FN_PUSH, FN_TEXT, FN_NEXT, FN_COUNTS };

// --- reading the index ---

typedef struct IndexScan {
    Table *table;
    Index *index;
    int cursor;      // of the index
    int data_cursor; // of the table, for the samples
    int columns;     // counted
    int tested;      // compared with the entry before; the others differ anyway
    Reg args;        // set, and up to two arguments behind it
    Reg last, value; // `tested` columns of the entry before
} IndexScan;

static void code_call(AnalyzeCode *a, const IndexScan *s, int fn, Reg target)
{
    ASSERT(fn >= FN_BEGIN && fn <= FN_COUNTS);

    int count = fn_defs[fn].arg_count;
    program_emit_func(a->program, OP_Function, 0, s->args, target, &fn_defs[fn]);
    program_set_p5(a->program, (u16)count);
}

static void code_set_begin(AnalyzeCode *a, const IndexScan *s)
{
    ASSERT(s->args > 0);

    Reg first = reg_range_new(a->g, 4);
    program_emit(a->program, OP_Integer, s->columns, first, 0);
    program_emit(a->program, OP_Integer, s->index->key_count, first + 1, 0);
    program_emit(a->program, OP_Count, s->cursor, first + 2, 0);
    program_emit(a->program, OP_Integer, a->g->db->analysis_limit, first + 3, 0);
    program_emit_func(a->program, OP_Function, 0, first, s->args, &fn_defs[FN_BEGIN]);
    program_set_p5(a->program, 4);
}

// What finds the row again.
static void code_row_identity(AnalyzeCode *a, const IndexScan *s, Reg target)
{
    ASSERT(target > 0);

    if (table_has_rowid(s->table)) {
        program_emit(a->program, OP_IdxRowid, s->cursor, target, 0);
        return;
    }
    const Index *primary = table_primary_key(s->table);
    Reg first = reg_temp_range(a->g, primary->key_count);
    for (int i = 0; i < primary->key_count; i++)
        program_emit(a->program, OP_Column, s->cursor,
                     index_find_column(s->index, primary->columns[i]), first + i);
    program_emit(a->program, OP_MakeRecord, first, primary->key_count, target);
    reg_temp_range_release(a->g, first, primary->key_count);
}

// Jumps to changed[i], with i in args + 1, when column i is the first that differs.
static void code_shared(AnalyzeCode *a, const IndexScan *s, const Label *changed)
{
    ASSERT(s->tested > 0 && s->last > 0);

    for (int i = 0; i < s->tested; i++) {
        const Collation *collation =
            catalog_find_collation(a->g->db, a->g->db->encoding, s->index->collations[i]);
        program_emit(a->program, OP_Integer, i, s->args + 1, 0);
        program_emit(a->program, OP_Column, s->cursor, i, s->value);
        program_emit_collation(a->program, OP_Ne, s->value, changed[i], s->last + i, collation);
        program_set_p5(a->program, P5_NULL_EQUAL);
    }
    program_emit(a->program, OP_Integer, s->tested, s->args + 1, 0);
}

// With a limit the push may say: go to the next value of the first column, or stop.
static void code_advance(AnalyzeCode *a, const IndexScan *s, Reg answer, Label top)
{
    ASSERT(answer > 0 && top < 0);

    Program *program = a->program;
    if (a->g->db->analysis_limit == 0) {
        program_emit(program, OP_Next, s->cursor, top, 0);
        return;
    }
    Label done = label_new(program);
    int go_on = program_emit(program, OP_IsNull, answer, 0, 0);
    program_emit(program, OP_If, answer, done, 0);
    program_emit_int(program, OP_SeekGT, s->cursor, done, s->last, 1);
    program_jump_here(program, go_on);
    program_emit(program, OP_Next, s->cursor, top, 0);
    label_here(program, done);
}

static void code_read(AnalyzeCode *a, const IndexScan *s)
{
    ASSERT(s->tested >= 0);

    Program *program = a->program;
    Label *changed = arena_array(a->g->arena, (size_t)s->tested + 1, sizeof(Label));
    if (changed == NULL)
        return;
    for (int i = 0; i <= s->tested; i++)
        changed[i] = label_new(program);
    Label top = label_new(program), push = label_new(program);
    Reg answer = reg_new(a->g);
    program_emit(program, OP_Integer, 0, s->args + 1, 0);
    program_emit(program, OP_Goto, 0, changed[0], 0);
    label_here(program, top);
    if (s->tested > 0) {
        code_shared(a, s, changed);
        program_emit(program, OP_Goto, 0, push, 0);
    }
    for (int i = 0; i < s->tested; i++) { // a change of one column is one of all longer prefixes
        label_here(program, changed[i]);
        program_emit(program, OP_Column, s->cursor, i, s->last + i);
    }
    if (s->tested == 0)
        label_here(program, changed[0]);
    label_here(program, push);
    code_row_identity(a, s, s->args + 2);
    code_call(a, s, FN_PUSH, answer);
    code_advance(a, s, answer, top);
}

// --- writing the statistics ---

// The index's columns of the row a sample names.
static void code_sample_record(AnalyzeCode *a, const IndexScan *s, Reg identity, Label missing)
{
    ASSERT(identity > 0 && missing < 0);

    Codegen *g = a->g;
    FromItem *stored = arena_alloc_zeroed(g->arena, sizeof *stored);
    if (stored == NULL)
        return;
    *stored = (FromItem){.kind = FROM_PSEUDO, .table = s->table, .cursor = s->data_cursor};
    source_set_table(g, stored, s->data_cursor);
    if (table_has_rowid(s->table))
        program_emit(a->program, OP_NotExists, s->data_cursor, missing, identity);
    else
        program_emit_int(a->program, OP_NotFound, s->data_cursor, missing, identity, 0);
    Reg first = reg_range_new(g, s->index->column_count);
    code_index_key(g, s->index, stored, first, missing);
    program_emit(a->program, OP_MakeRecord, first, s->columns, a->row + 5);
}

static void code_write_samples(AnalyzeCode *a, const IndexScan *s)
{
    ASSERT(s->data_cursor >= 0);

    Program *program = a->program;
    Reg identity = reg_new(a->g);
    Label done = label_new(program);
    code_open_table(a->g, s->table, s->data_cursor, OP_OpenRead);
    int top = program_here(program);
    code_call(a, s, FN_NEXT, identity);
    program_emit(program, OP_IsNull, identity, done, 0);
    for (int i = 0; i < 3; i++) {
        program_emit(program, OP_Integer, i, s->args + 1, 0);
        code_call(a, s, FN_COUNTS, a->row + 2 + i);
    }
    Label missing = label_new(program);
    code_sample_record(a, s, identity, missing);
    analyze_code_row(a, STAT4);
    label_here(program, missing);
    program_emit(program, OP_Goto, 0, top, 0);
    label_here(program, done);
    program_emit(program, OP_Close, s->data_cursor, 0, 0);
}

static IndexScan index_scan(AnalyzeCode *a, Table *table, Index *index)
{
    ASSERT(index->table == table);

    Codegen *g = a->g;
    bool is_data = index->root == table->root;
    bool is_unique = (index->flags & INDEX_UNIQUE_NOT_NULL) != 0;
    IndexScan s = {.table = table, .index = index, .cursor = cursor_new(g)};
    s.data_cursor = cursor_new(g);
    s.columns = is_data ? index->key_count : index->column_count;
    s.tested = is_unique && !is_data ? index->key_count - 1 : s.columns - 1;
    s.args = reg_range_new(g, 3);
    s.value = reg_new(g);
    s.last = reg_range_new(g, s.tested + 1);
    return s;
}

void analyze_code_index(AnalyzeCode *a, Table *table, Index *index)
{
    ASSERT(a->cursors[STAT1] >= 0 && a->cursors[STAT4] >= 0);

    Program *program = a->program;
    IndexScan s = index_scan(a, table, index);
    bool is_data = index->root == table->root;
    code_open_index(a->g, index, s.cursor, OP_OpenRead);
    code_set_begin(a, &s);
    int empty = program_emit(program, OP_Rewind, s.cursor, 0, 0);
    code_read(a, &s);
    if (index->where != NULL) // an empty partial index is worth a row: its table may be full
        program_jump_here(program, empty);
    program_emit_text(program, OP_String8, 0, a->row, 0, table->name, -1);
    program_emit_text(program, OP_String8, 0, a->row + 1, 0, is_data ? table->name : index->name,
                      -1);
    code_call(a, &s, FN_TEXT, a->row + 2);
    analyze_code_row(a, STAT1);
    code_write_samples(a, &s);
    if (index->where == NULL)
        program_jump_here(program, empty);
    program_emit(program, OP_Null, 0, s.args, 0); // frees the set
    program_emit(program, OP_Close, s.cursor, 0, 0);
}
