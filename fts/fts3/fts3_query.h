#ifndef QUIRE_FTS_FTS3_FTS3_QUERY_H
#define QUIRE_FTS_FTS3_FTS3_QUERY_H
// A MATCH expression: its tree, and what each part of it hits.
//
//     expression  operand (operator operand)*    nothing between operands is AND
//     operator    OR, AND, NOT, NEAR, NEAR/n     from the loosest to the tightest; all capitals
//     operand     ( expression ), "phrase", [column:] word
//     word        ^ before it: first of its column (FTS4); * behind it: starts with this
//
// A query is evaluated as a whole before its first row: every node has the docids it matches,
// every phrase its hits. A phrase of a NEAR keeps only the places that are near enough.

#include "fts/fts3/fts3_doclist.h"
#include "fts/fts3/fts3_table.h"

typedef enum Fts3NodeType {
    FTS3_PHRASE,
    FTS3_NEAR, // of phrases only
    FTS3_NOT,  // of two
    FTS3_AND,
    FTS3_OR,
} Fts3NodeType;

typedef struct Fts3Term {
    char *text;
    u32 size;
    bool is_prefix;
    bool is_first; // must start its column
} Fts3Term;

typedef struct Fts3Phrase {
    Fts3Term *terms;
    int term_count;
    int column; // column_count: any
    Fts3Hits hits;
} Fts3Phrase;

typedef struct Fts3Node {
    struct Fts3Node *allocated; // all nodes of a query, to free them
    Fts3NodeType type;
    int depth;             // of operators below, itself among them
    int near;              // of a NEAR's child: tokens allowed between it and the child before
    struct Fts3Node *next; // sibling
    struct Fts3Node *first;
    struct Fts3Node *last;
    int child_count;
    Fts3Phrase phrase;
    i64 *docids; // matched, ascending
    u64 count;
} Fts3Node;

typedef struct Fts3Query {
    Fts3Table *table;
    int language;
    Fts3Node *nodes; // all
    Fts3Node *root;  // NULL: matches nothing
    // What functions on matches see, in the order of the text: not what stands right of a NOT.
    Fts3Phrase **phrases;
    int phrase_count;
} Fts3Query;

// The text has no zero bytes. `column` is where words without one are looked for; the message of an
// error is the table's.
MUST_USE int fts3_query_parse(Fts3Query *query, const char *text, int size, int column);
MUST_USE int fts3_query_run(Fts3Query *query);
void fts3_query_free(Fts3Query *query);
bool fts3_node_matches(const Fts3Node *node, i64 docid);

#endif
