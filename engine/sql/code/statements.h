#ifndef QUIRE_SQL_CODE_STATEMENTS_H
#define QUIRE_SQL_CODE_STATEMENTS_H
// One function per kind of statement: from the resolved tree to instructions. Queries are
// codegen.h's code_select().
//
// Each leaves errors in `g` and returns nothing. What the statement may do is known when its code
// is made: the authorizer is asked here or in the resolver, never by the machine.

#include "sql/code/codegen.h"
#include "sql/resolve.h"

// --- data changes (trees resolved and rewritten) ---

void code_insert(Codegen *g, Insert *insert);
void code_update(Codegen *g, Update *update);
void code_delete(Codegen *g, Delete *delete_);

// --- definitions (trees as parsed; names are looked up here) ---

void code_create_table(Codegen *g, ResolveContext *ctx, CreateTable *create);
void code_create_index(Codegen *g, CreateIndex *create);
void code_create_view(Codegen *g, CreateView *create);
void code_create_trigger(Codegen *g, CreateTrigger *create);
void code_create_virtual_table(Codegen *g, CreateVirtualTable *create);
void code_drop(Codegen *g, Drop *drop);
void code_alter(Codegen *g, ResolveContext *ctx, Alter *alter);
void code_reindex(Codegen *g, const QualifiedName *target);
void code_analyze(Codegen *g, const QualifiedName *target);
void code_optimize_index(Codegen *g, const QualifiedName *target);
void code_vacuum(Codegen *g, Stmt *stmt);
void code_pragma(Codegen *g, Pragma *pragma);
void code_attach(Codegen *g, Stmt *stmt); // ATTACH and DETACH

// --- transactions ---

void code_begin(Codegen *g, TxnMode mode);
void code_commit(Codegen *g);
void code_rollback(Codegen *g);
void code_savepoint(Codegen *g, int op, const char *name); // SAVEPOINT_BEGIN, _RELEASE, _ROLLBACK

// --- result columns ---

// The names and origins that sqlite3_column_name() and its kind report, kept until the statement is
// made.
void code_result_names(Codegen *g, const ColumnName *names, u32 count);
// For statements with fixed columns (PRAGMA): the names alone.
void code_result_labels(Codegen *g, const char *const *labels, u32 count);

#endif
