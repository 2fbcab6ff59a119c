#ifndef QUIRE_SQL_SCHEMA_BUILD_INTERNAL_H
#define QUIRE_SQL_SCHEMA_BUILD_INTERNAL_H
// Shared by the files that build schema objects.
//
// Errors are sticky: the first is set on the connection, `failed` says so, and further ones are
// dropped. Lack of memory shows in the arena of the table or index being built and is asked for
// once, at the end.

#include "base/buffer.h"
#include "sql/schema_build.h"
#include <stdarg.h>

typedef struct TableBuild {
    sqlite3 *db;
    int db_index;
    Table *table;
    const CreateTable *create;
    int auto_index_count; // sqlite_autoindex_T_N made so far
    bool failed;          // the error is on the connection
} TableBuild;

// A row estimate for tables never analysed: 10 * log2(1,048,576), SQLite's guess.
enum { UNANALYSED_ESTIMATE = 200 };

void build_error(TableBuild *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool build_knows_collation(TableBuild *b, const char *name);     // false: an error is set
const char *build_trimmed_text(TableBuild *b, const Span *span); // in the table's arena
// `columns` NULL: a constraint behind column number `index`, else one of the table.
void build_primary_key(TableBuild *b, const ExprList *columns, int index, const Constraint *c);
void build_unique(TableBuild *b, const ExprList *columns, int index, const Constraint *c);
// The index behind a constraint, unless an equal one exists: then that one serves both. `columns`
// NULL: the column `index` alone.
bool refuse_nulls_order(TableBuild *b, const ExprItem *item); // false: an error is set
void build_constraint_index(TableBuild *b, const ExprList *columns, int index, const Constraint *c,
                            u16 flags);
void build_foreign_key(TableBuild *b, int column, const Constraint *c);
void build_defer(TableBuild *b,
                 const Constraint *c); // [NOT] DEFERRABLE behind the last foreign key
void build_without_rowid(TableBuild *b);
void build_rowid_indexes(TableBuild *b);

#endif
