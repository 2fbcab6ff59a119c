#ifndef QUIRE_SQL_CODE_CODE_ANALYZE_H
#define QUIRE_SQL_CODE_CODE_ANALYZE_H
// Shared by the files that code ANALYZE.
//
// One AnalyzeCode serves all tables of a database: both tables of statistics stay open, and their
// rows are made in the same registers.

#include "sql/code/code_ddl.h"

typedef enum StatTable { STAT1, STAT4, STAT_TABLE_COUNT } StatTable;

typedef struct AnalyzeCode {
    Codegen *g;
    Program *program;
    int database;
    int cursors[STAT_TABLE_COUNT];
    Reg row; // tbl, idx, stat; or tbl, idx, neq, nlt, ndlt, sample
    Reg record, rowid;
} AnalyzeCode;

void analyze_code_row(AnalyzeCode *a, StatTable table); // appends what stands in `row`
// sqlite_stat1's row and the samples of one index; cursors are opened and closed.
void analyze_code_index(AnalyzeCode *a, Table *table, Index *index);

#endif
