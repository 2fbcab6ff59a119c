#ifndef QUIRE_FTS_PASSAGE_H
#define QUIRE_FTS_PASSAGE_H
// Part of a column's text with marks round the phrases in it: what highlight() and snippet() give.

#include "fts/fts_cursor.h"

typedef struct Passage {
    const Fts5ExtensionApi *api;
    Fts5Context *fts;
    int column;
    const char *open;
    const char *close;
    int first_token; // the window, in tokens
    int last_token;
    const char *text; // of the column; NULL: none
    int text_size;
    FtsBuffer out;
    // While tokenizing:
    int token;      // number of the present one
    int instance;   // next to look at
    int span_first; // tokens of the present match; -1: none left
    int span_last;
    bool is_open;
    int copied; // bytes of the text that went out
} Passage;

// SQLITE_RANGE: no such column.
MUST_USE int passage_build(Passage *passage);

#endif
