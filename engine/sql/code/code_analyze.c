// ANALYZE, and PRAGMA optimize.
//
// Every index gets a row in sqlite_stat1 and its samples in sqlite_stat4 (code_analyze_index.c);
// both tables are made when they are not there.
//
//     DELETE the old rows, or CreateBtree and rows of sqlite_schema for the two tables
//     OpenWrite both
//     each table, newest first: each index (code_analyze_index.c), or its size alone
//     LoadAnalysis;  Expire: plans are made anew

#include "sql/code/code_analyze.h"
#include "base/hashmap.h"
#include "sql/code/code_pragma.h"
#include <stdlib.h>
#include <string.h>

typedef struct StatFilter {
    const char *column, *name; // whose rows are replaced; NULL: all of the database
} StatFilter;

// --- the tables of statistics ---

// Name, columns, and how the schema stores them.
static const struct {
    const char *name;
    const char *sql;
    int columns;
} stat_tables[] = {
    {"sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)", 3},
    {"sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)", 6},
};

static void forget_rows(Codegen *g, int database, const char *table, const StatFilter *filter)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    const char *schema = sql_identifier(g, g->db->databases[database].name);
    if (filter->column != NULL)
        code_nested(g, "DELETE FROM %s.%s WHERE %s=%s", schema, table, filter->column,
                    sql_quoted(g, filter->name));
    else
        code_nested(g, "DELETE FROM %s.%s", schema, table);
}

// Opens both tables, which are made if need be. A fresh tree has no object in memory yet.
static void open_statistics(AnalyzeCode *a, const StatFilter *filter)
{
    ASSERT(a->database >= 0 && a->database < a->g->db->database_count);

    Codegen *g = a->g;
    bool is_new = false;
    Reg roots[ARRAY_LEN(stat_tables)] = {0};
    for (size_t i = 0; i < ARRAY_LEN(stat_tables); i++) {
        const char *name = stat_tables[i].name;
        if (catalog_find_table(g->db, name, g->db->databases[a->database].name) != NULL) {
            forget_rows(g, a->database, name, filter);
            continue;
        }
        if (!code_authorize(g, SQLITE_INSERT, ddl_schema_table(a->database), NULL, a->database)
            || !code_authorize(g, SQLITE_CREATE_TABLE, name, NULL, a->database))
            return;
        is_new = true;
        roots[i] = reg_new(g);
        program_emit(a->program, OP_CreateBtree, a->database, roots[i], 1);
        ddl_code_schema_row(g, a->database,
                            &(SchemaRowText){.type = "table",
                                             .name = name,
                                             .table_name = name,
                                             .root_reg = roots[i],
                                             .sql = stat_tables[i].sql});
        ddl_authorize_fill(g, a->database);
    }
    if (is_new)
        ddl_code_change_cookie(g, a->database);
    for (size_t i = 0; i < ARRAY_LEN(stat_tables); i++) {
        a->cursors[i] = cursor_new(g);
        Table *table =
            catalog_find_table(g->db, stat_tables[i].name, g->db->databases[a->database].name);
        if (table != NULL) {
            code_open_table(g, table, a->cursors[i], OP_OpenWrite);
            continue;
        }
        ddl_code_parse_schema(g, a->database, "tbl_name=%s", sql_quoted(g, stat_tables[i].name));
        program_emit_int(a->program, OP_OpenWrite, a->cursors[i], roots[i], a->database,
                         stat_tables[i].columns);
        program_set_p5(a->program, P5_P2_IS_REG);
    }
}

void analyze_code_row(AnalyzeCode *a, StatTable table)
{
    ASSERT(table < STAT_TABLE_COUNT && a->row > 0);

    const char *affinities = table == STAT1 ? "BBB" : "BBBBBB";
    int cursor = a->cursors[table];
    program_emit_text(a->program, OP_MakeRecord, a->row, stat_tables[table].columns, a->record,
                      affinities, -1);
    program_emit(a->program, OP_NewRowid, cursor, a->rowid, 0);
    program_emit(a->program, OP_Insert, cursor, a->record, a->rowid);
    program_set_p5(a->program, P5_APPEND);
}

// A table whose every index is partial, or that has none, gets a row with its size alone.
static void code_table_size(AnalyzeCode *a, Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    Codegen *g = a->g;
    int cursor = cursor_new(g);
    Reg count = a->row + 2;
    code_open_table(g, table, cursor, OP_OpenRead);
    program_emit(a->program, OP_Count, cursor, count, 0);
    int empty = program_emit(a->program, OP_IfNot, count, 0, 0);
    program_emit(a->program, OP_Cast, count, AFF_TEXT, 0);
    program_emit_text(a->program, OP_String8, 0, a->row, 0, table->name, -1);
    program_emit(a->program, OP_Null, 0, a->row + 1, 0);
    analyze_code_row(a, STAT1);
    program_jump_here(a->program, empty);
    program_emit(a->program, OP_Close, cursor, 0, 0);
}

static void code_analyze_table(AnalyzeCode *a, Table *table, const Index *only)
{
    ASSERT(only == NULL || only->table == table);

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
            analyze_code_index(a, table, index);
    }
    if (needs_size && only == NULL)
        code_table_size(a, table);
}

// --- the statement ---

static AnalyzeCode analyze_begin(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    codegen_writes(g, database, true);
    AnalyzeCode a = {.g = g, .program = g->program, .database = database};
    a.row = reg_range_new(g, 6);
    a.record = reg_new(g);
    a.rowid = reg_new(g);
    return a;
}

static void code_load_analysis(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    program_emit(g->program, OP_LoadAnalysis, database, 0, 0);
    program_emit(g->program, OP_Expire, 0, 0, 0);
}

static void analyze_database(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    AnalyzeCode a = analyze_begin(g, database);
    open_statistics(&a, &(StatFilter){0});
    const NameMap *tables = &g->db->databases[database].schema->tables;
    for (u32 k = tables->entry_count; k > 0 && !codegen_failed(g); k--) {
        if (tables->entries[k - 1].name != NULL)
            code_analyze_table(&a, tables->entries[k - 1].value, NULL);
    }
    code_load_analysis(g, database);
}

static void analyze_one(Codegen *g, Table *table, const Index *only)
{
    ASSERT(table != NULL);

    int database = schema_index(g->db, table->schema);
    AnalyzeCode a = analyze_begin(g, database);
    const StatFilter one = {only != NULL ? "idx" : "tbl", only != NULL ? only->name : table->name};
    open_statistics(&a, &one);
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
    ASSERT(table != NULL);

    if (table->kind != TABLE_ORDINARY || name_equals_n(table->name, "sqlite_", 7)
        || table->indexes == NULL)
        return false;
    return (table->flags & TABLE_HAS_STAT1) != 0 || (mask & OPTIMIZE_ALL_TABLES) != 0;
}

static void optimize_table(PragmaCode *p, int database, Table *table, bool list_only)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    Codegen *g = p->g;
    const char *sql =
        arena_printf(g->arena, "ANALYZE %s.%s", sql_identifier(g, g->db->databases[database].name),
                     sql_identifier(g, table->name));
    int cursor = cursor_new(g);
    codegen_reads(g, database);
    code_open_table(g, table, cursor, OP_OpenRead);
    int known = table->row_estimate; // 10 * log2: tenfold is 33 more or less
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
    ASSERT(p->row > 0);

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
