#ifndef QUIRE_SQL_CODE_CODE_WHERE_H
#define QUIRE_SQL_CODE_CODE_WHERE_H
// Loops over the rows of a FROM list that satisfy a condition, for statements that bring their own
// body:
//
//     WhereCode *w = code_where_begin(g, from, where, WHERE_ONE_PASS);
//     ... the row is at hand: code_expr() reads its columns; jump to w->next_row to leave it ...
//     code_where_end(g, w);
//
// With WHERE_ONE_PASS the caller would like to change rows as it meets them. `one_pass` says
// whether it may: then the target's cursor (from->items[0]->cursor) is open for writing and stands
// on the row, and the body may delete or replace that row, if it saves the cursor's position.
// Otherwise it must collect rowids or keys first and change rows in a second pass.

#include "sql/code/codegen.h"

enum {
    WHERE_ONE_PASS = 1,      // the caller can change rows while the loop runs, if there is only one
    WHERE_MANY_ROWS = 2,     // ... or even if there are many
    WHERE_DUPLICATES_OK = 4, // the same row may be shown twice (DELETE: it is gone then)
    WHERE_OF_CHANGE = 8,     // rows are looked for to be changed, now or in a second pass
};

typedef enum OnePass {
    ONE_PASS_NO,
    ONE_PASS_ROW,  // at most one row is found
    ONE_PASS_MANY, // any number; the loop goes on after the body
} OnePass;

typedef struct WhereCode {
    u8 one_pass;    // OnePass
    Label next_row; // the body is done with this row
    Label done;     // ... with all rows
    // Index through which a ONE_PASS_MANY loop walks, -1 for none: the body must leave entries of
    // that index ahead of the loop alone, that is, not update its columns.
    int index_cursor;
    Pgno index_root;
    struct JoinCode *join;
} WhereCode;

// Plans the join, opens its cursors and begins its loops.
// NULL after an error (which sticks to g).
WhereCode *code_where_begin(Codegen *g, FromList *from, Expr *where, u32 flags);
void code_where_end(Codegen *g, WhereCode *w);

#endif
