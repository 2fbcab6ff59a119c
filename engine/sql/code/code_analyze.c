// ANALYZE, and PRAGMA optimize.
//
// An index is read once in key order. For each number of leading columns n the rows that share them
// are counted by how often the first n columns change; sqlite_stat1 keeps "rows, rows per value of
// the first column, of the first two, ...". sqlite_stat4 keeps sample keys with the number of rows
// equal to, less than, and distinct below each prefix.

#include "base/hashmap.h"
#include "sql/code/code_ddl.h"
#include "sql/code/code_pragma.h"
#include <stdlib.h>
#include <string.h>

typedef struct AnalyzeCode {
    Codegen *g;
    Program *program;
    int database;
    int stat_cursor; // sqlite_stat1
    Reg row;         // tbl, idx, stat
    Reg record, rowid;
} AnalyzeCode;

// --- the tables of statistics ---

static Table *stat_table(Codegen *g, int database)
{
    return catalog_find_table(g->db, "sqlite_stat1", g->db->databases[database].name);
}

static void forget_rows(Codegen *g, int database, const char *column, const char *name)
{
    const char *schema = sql_identifier(g, g->db->databases[database].name);
    static const char *const tables[] = {"sqlite_stat1", "sqlite_stat4"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (catalog_find_table(g->db, tables[i], g->db->databases[database].name) == NULL)
            continue;
        if (column != NULL)
            code_nested(g, "DELETE FROM %s.%s WHERE %s=%s", schema, tables[i], column,
                        sql_quoted(g, name));
        else
            code_nested(g, "DELETE FROM %s.%s", schema, tables[i]);
    }
}

// Opens sqlite_stat1, which is made if need be. The fresh tree has no object in memory yet.
static void open_statistics(AnalyzeCode *a, const char *column, const char *name)
{
    Codegen *g = a->g;
    Table *table = stat_table(g, a->database);
    a->stat_cursor = cursor_new(g);
    if (table != NULL) {
        forget_rows(g, a->database, column, name);
        code_open_table(g, table, a->stat_cursor, OP_OpenWrite);
        return;
    }
    Reg root = reg_new(g);
    program_emit(a->program, OP_CreateBtree, a->database, root, 1);
    ddl_code_schema_row(g, a->database,
                        &(SchemaRowText){.type = "table",
                                         .name = "sqlite_stat1",
                                         .table_name = "sqlite_stat1",
                                         .root_reg = root,
                                         .sql = "CREATE TABLE sqlite_stat1(tbl,idx,stat)"});
    ddl_code_change_cookie(g, a->database);
    ddl_code_parse_schema(g, a->database, "tbl_name='sqlite_stat1'");
    program_emit_int(a->program, OP_OpenWrite, a->stat_cursor, root, a->database, 3);
    program_set_p5(a->program, P5_P2_IS_REG);
}

static void code_stat_row(AnalyzeCode *a)
{
    program_emit_text(a->program, OP_MakeRecord, a->row, 3, a->record, "BBB", -1);
    program_emit(a->program, OP_NewRowid, a->stat_cursor, a->rowid, 0);
    program_emit(a->program, OP_Insert, a->stat_cursor, a->record, a->rowid);
    program_set_p5(a->program, P5_APPEND);
}

// --- one index ---

// Registers of one index: how many different values the first i+1 columns have taken, and the key
// seen last.
typedef struct IndexCount {
    const Index *index;
    int cursor;
    int columns; // whose prefixes are counted
    Reg rows, changes, last, value;
} IndexCount;

static void code_compare_last(AnalyzeCode *a, const IndexCount *n, Label *changed)
{
    for (int i = 0; i < n->columns; i++) {
        const Collation *collation =
            catalog_find_collation(a->g->db, a->g->db->encoding, n->index->collations[i]);
        program_emit(a->program, OP_Column, n->cursor, i, n->value);
        program_emit_collation(a->program, OP_Ne, n->value, changed[i], n->last + i, collation);
        program_set_p5(a->program, P5_NULL_EQUAL);
    }
}

static void code_count_entries(AnalyzeCode *a, const IndexCount *n)
{
    Program *program = a->program;
    Label *changed = arena_array(a->g->arena, (size_t)n->columns + 1, sizeof(Label));
    if (changed == NULL)
        return;
    for (int i = 0; i < n->columns; i++)
        changed[i] = label_new(program);
    Label next = label_new(program), top = label_new(program);
    program_emit(program, OP_Integer, 0, n->rows, 0);
    for (int i = 0; i < n->columns; i++)
        program_emit(program, OP_Integer, 0, n->changes + i, 0);
    int rewind = program_emit(program, OP_Rewind, n->cursor, 0, 0);
    program_emit(program, OP_Goto, 0, changed[0], 0);
    label_here(program, top);
    code_compare_last(a, n, changed);
    program_emit(program, OP_Goto, 0, next, 0);
    for (int i = 0; i < n->columns; i++) { // a change of one column is one of all longer prefixes
        label_here(program, changed[i]);
        program_emit(program, OP_AddImm, n->changes + i, 1, 0);
        program_emit(program, OP_Column, n->cursor, i, n->last + i);
    }
    label_here(program, next);
    program_emit(program, OP_AddImm, n->rows, 1, 0);
    program_emit(program, OP_Next, n->cursor, top, 0);
    program_jump_here(program, rewind);
}

// "rows rows/changes[0] rows/changes[1] ...", rounded up; no row for an empty table.
static void code_stat_text(AnalyzeCode *a, const IndexCount *n, Label empty)
{
    Program *program = a->program;
    Reg text = a->row + 2, part = reg_new(a->g), one = reg_new(a->g), blank = reg_new(a->g);
    program_emit(program, OP_IfNot, n->rows, empty, 0);
    program_emit(program, OP_Copy, n->rows, text, 0);
    program_emit(program, OP_Cast, text, AFF_TEXT, 0);
    program_emit(program, OP_Integer, 1, one, 0);
    program_emit_text(program, OP_String8, 0, blank, 0, " ", 1);
    for (int i = 0; i < n->columns; i++) {
        program_emit(program, OP_Add, n->rows, n->changes + i, part);
        program_emit(program, OP_Subtract, one, part, part);
        program_emit(program, OP_Divide, n->changes + i, part, part);
        program_emit(program, OP_Concat, blank, text, text);
        program_emit(program, OP_Concat, part, text, text);
    }
}

static void code_analyze_index(AnalyzeCode *a, const Table *table, Index *index)
{
    Codegen *g = a->g;
    bool is_data = index->root == table->root;
    bool not_null = (index->flags & INDEX_UNIQUE_NOT_NULL) != 0;
    IndexCount n = {.index = index, .cursor = cursor_new(g)};
    n.columns = is_data || not_null ? index->key_count : index->key_count;
    n.rows = reg_new(g);
    n.value = reg_new(g);
    n.changes = reg_range_new(g, n.columns);
    n.last = reg_range_new(g, n.columns);
    code_open_index(g, index, n.cursor, OP_OpenRead);
    code_count_entries(a, &n);
    Label empty = label_new(a->program);
    code_stat_text(a, &n, empty);
    program_emit_text(a->program, OP_String8, 0, a->row, 0, table->name, -1);
    program_emit_text(a->program, OP_String8, 0, a->row + 1, 0, is_data ? table->name : index->name,
                      -1);
    code_stat_row(a);
    label_here(a->program, empty);
    program_emit(a->program, OP_Close, n.cursor, 0, 0);
}

// A table whose every index is partial, or that has none, gets a row with its size alone.
static void code_table_size(AnalyzeCode *a, Table *table)
{
    Codegen *g = a->g;
    int cursor = cursor_new(g);
    Reg count = a->row + 2;
    code_open_table(g, table, cursor, OP_OpenRead);
    program_emit(a->program, OP_Count, cursor, count, 0);
    int empty = program_emit(a->program, OP_IfNot, count, 0, 0);
    program_emit(a->program, OP_Cast, count, AFF_TEXT, 0);
    program_emit_text(a->program, OP_String8, 0, a->row, 0, table->name, -1);
    program_emit(a->program, OP_Null, 0, a->row + 1, 0);
    code_stat_row(a);
    program_jump_here(a->program, empty);
    program_emit(a->program, OP_Close, cursor, 0, 0);
}

static void code_analyze_table(AnalyzeCode *a, Table *table, const Index *only)
{
    Codegen *g = a->g;
    if (table->kind != TABLE_ORDINARY || name_equals_n(table->name, "sqlite_", 7))
        return;
    if (!code_authorize(g, SQLITE_ANALYZE, table->name, NULL, a->database))
        return;
    bool needs_size = true;
    for (Index *index = table->indexes; index != NULL && !codegen_failed(g); index = index->next) {
        if (index->where == NULL)
            needs_size = false;
        if (only == NULL || only == index)
            code_analyze_index(a, table, index);
    }
    if (needs_size && only == NULL)
        code_table_size(a, table);
}

// --- the statement ---

static AnalyzeCode analyze_begin(Codegen *g, int database)
{
    codegen_writes(g, database, true);
    AnalyzeCode a = {.g = g, .program = g->program, .database = database};
    a.row = reg_range_new(g, 3);
    a.record = reg_new(g);
    a.rowid = reg_new(g);
    return a;
}

static void code_load_analysis(Codegen *g, int database)
{
    program_emit(g->program, OP_LoadAnalysis, database, 0, 0);
    program_emit(g->program, OP_Expire, 0, 0, 0);
}

static void analyze_database(Codegen *g, int database)
{
    AnalyzeCode a = analyze_begin(g, database);
    open_statistics(&a, NULL, NULL);
    const NameMap *tables = &g->db->databases[database].schema->tables;
    for (u32 k = tables->entry_count; k > 0 && !codegen_failed(g); k--) {
        if (tables->entries[k - 1].name != NULL)
            code_analyze_table(&a, tables->entries[k - 1].value, NULL);
    }
    code_load_analysis(g, database);
}

static void analyze_one(Codegen *g, Table *table, const Index *only)
{
    int database = schema_index(g->db, table->schema);
    AnalyzeCode a = analyze_begin(g, database);
    open_statistics(&a, only != NULL ? "idx" : "tbl", only != NULL ? only->name : table->name);
    code_analyze_table(&a, table, only);
    code_load_analysis(g, database);
}

void code_analyze(Codegen *g, const QualifiedName *target)
{
    sqlite3 *db = g->db;
    if (target->name == NULL) {
        for (int i = 0; i < db->database_count; i++) {
            if (i != DB_TEMP && db->databases[i].btree != NULL)
                analyze_database(g, i);
        }
        return;
    }
    int database = target->schema == NULL ? connection_find_database(db, target->name) : -1;
    if (database >= 0 && db->databases[database].btree != NULL) {
        analyze_database(g, database);
        return;
    }
    if (target->schema != NULL && connection_find_database(db, target->schema) < 0) {
        codegen_error(g, SQLITE_ERROR, "unknown database %s", target->schema);
        return;
    }
    Index *index = catalog_find_index(db, target->name, target->schema);
    Table *table =
        index != NULL ? index->table : catalog_find_table(db, target->name, target->schema);
    if (table != NULL)
        analyze_one(g, table, index);
    else
        codegen_error(g, SQLITE_ERROR, "no such table: %s%s%s",
                      target->schema != NULL ? target->schema : "",
                      target->schema != NULL ? "." : "", target->name);
}

// --- PRAGMA optimize ---

enum { OPTIMIZE_LIST_ONLY = 0x01, OPTIMIZE_ANALYZE = 0x02, OPTIMIZE_ALL_TABLES = 0x10000 };

// A table is analysed anew when its size has changed tenfold since; without the mask's bit for all
// tables, those never analysed stay so.
static bool wants_analysis(const Table *table, int mask)
{
    if (table->kind != TABLE_ORDINARY || name_equals_n(table->name, "sqlite_", 7)
        || table->indexes == NULL)
        return false;
    return (table->flags & TABLE_HAS_STAT1) != 0 || (mask & OPTIMIZE_ALL_TABLES) != 0;
}

static void optimize_table(PragmaCode *p, int database, Table *table, bool list_only)
{
    Codegen *g = p->g;
    const char *sql =
        arena_printf(g->arena, "ANALYZE %s.%s", sql_identifier(g, g->db->databases[database].name),
                     sql_identifier(g, table->name));
    int cursor = cursor_new(g);
    codegen_reads(g, database);
    code_open_table(g, table, cursor, OP_OpenRead);
    int known = table->row_estimate;
    int same = -1;
    if ((table->flags & TABLE_HAS_STAT1) != 0)
        same = program_emit_int(g->program, OP_IfSizeBetween, cursor, 0, known - 33, known + 33);
    program_emit(g->program, OP_Close, cursor, 0, 0);
    if (list_only)
        pragma_row(p, "s", sql);
    else
        program_emit_text(g->program, OP_SqlExec, SQL_EXEC_LIMITED, g->db->analysis_limit, 0,
                          sql != NULL ? sql : "", -1);
    if (same >= 0)
        program_jump_here(g->program, same);
}

void pragma_optimize(PragmaCode *p)
{
    int mask = p->value != NULL ? (int)strtol(p->value, NULL, 0) : 0xfffe;
    if ((mask & (OPTIMIZE_ANALYZE | OPTIMIZE_LIST_ONLY)) == 0)
        return;
    p->g->changes_state = true;
    for (int i = 0; i < p->db->database_count; i++) {
        bool chosen = p->schema == NULL ? i != DB_TEMP : i == p->database;
        const NameMap *tables = &p->db->databases[i].schema->tables;
        for (NameEntry *e = name_map_first(tables); chosen && e != NULL;
             e = name_map_next(tables, e)) {
            if (wants_analysis(e->value, mask))
                optimize_table(p, i, e->value, (mask & OPTIMIZE_LIST_ONLY) != 0);
        }
    }
}
