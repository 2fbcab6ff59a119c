#ifndef QUIRE_FTS_MATCH_QUERY_H
#define QUIRE_FTS_MATCH_QUERY_H
// The query language: from text to a tree of nodes, and the tree's walk over the rows that match.
//
//     expr   := and ("OR" and)*          and := not ("AND" not)*      not := part ("NOT" part)*
//     part   := [columns ":"] "(" expr ")" | near+
//     near   := [columns ":"] ( ["^"] phrase | "NEAR" "(" phrase+ ["," number] ")" )
//     phrase := string ["*"] ("+" string ["*"])*
//
// A node stands on a row or at its end; it moves forward only. Phrases are numbered as written.

#include "fts/segment_read.h"

typedef enum NodeKind { NODE_LEAF, NODE_AND, NODE_OR, NODE_NOT } NodeKind;

typedef struct QueryTerm {
    FtsBuffer token; // with its data, see query_token_size()
    bool is_prefix;
    struct QueryTerm *synonym;
    Docs docs;
    FtsBuffer key; // of a prefix walked by counts
    Docs row;      // its postings in the row row_rowid, once they were asked for
    bool has_row;
    i64 row_rowid;
} QueryTerm;

typedef struct Positions {
    i64 *items; // column << 32 | offset of the phrase's first token
    u32 count;
    u32 capacity;
} Positions;

typedef struct QueryPhrase {
    QueryTerm *terms;
    int term_count;
    bool is_first; // "^"
    struct QueryNode *node;
    Positions positions;
    bool has_positions; // of the row the node stands on
} QueryPhrase;

typedef struct QueryNode {
    NodeKind kind;
    struct QueryNode **children;
    int child_count;
    QueryPhrase **phrases; // of a leaf
    int phrase_count;
    i64 near;
    bool *columns;  // of a leaf; NULL: all
    bool is_single; // a leaf of one term that matches wherever the term is
    bool is_free;   // a leaf of one phrase of several terms, in any column and at any place
    int depth;
    i64 rowid;
    bool is_end;
} QueryNode;

typedef struct Query {
    FtsIndex *index;
    QueryNode *root; // NULL: matches nothing
    QueryPhrase **phrases;
    int phrase_count;
    int phrase_capacity;
    u64 generation; // of the index when opened
    int rc;
} Query;

// column < 0: all. *message is for sqlite3_free().
MUST_USE int query_parse(FtsIndex *index, const char *text, int column, Query **out,
                         char **message);
// One phrase of `source` as a query of its own.
MUST_USE int query_of_phrase(Query *source, int phrase, Query **out);
// All must match; takes both, also when it fails.
MUST_USE int query_and(Query *left, Query *right, Query **out);
void query_free(Query *query);

// What is looked for of a token: with tokendata=1 the bytes up to a NUL, behind which is data.
static inline u32 query_token_size(const FtsConfig *config, const void *token, u32 size)
{
    const u8 *end = config->has_tokendata && size > 0 ? memchr(token, 0, size) : NULL;
    return end == NULL ? size : (u32)(end - (const u8 *)token);
}

// Where the term's poslist in the row stood on is.
static inline const Docs *term_docs(const QueryTerm *term)
{
    return term->docs.counts != NULL ? &term->row : &term->docs;
}

// Whether a token of a text is one that the term, or a synonym of it, looks for.
bool query_term_equals(const FtsConfig *config, const QueryTerm *term, const void *token, u32 size);

// --- docset.c: the walk ---

MUST_USE int query_open(Query *query, i64 from); // stands on the first row not before `from`
MUST_USE int query_next(Query *query);
MUST_USE int query_seek(Query *query, i64 rowid);
bool query_is_end(const Query *query);
i64 query_rowid(const Query *query);
// The places of a phrase in the row stood on; none if its leaf does not match here.
MUST_USE int query_positions(Query *query, int phrase, const Positions **out);

// Whether the leaf, the query's root, matches in the row all of its terms stand on, and how often
// each of its phrases does.
MUST_USE int query_leaf_counts(Query *query, QueryNode *leaf, i64 rowid, u32 *counts,
                               bool *is_match);
// Its terms were moved from outside: it must be opened anew before it is walked.
void query_forget(Query *query);

// In how many rows a phrase is, whatever the rest of the query says.
MUST_USE int query_phrase_rows(Query *query, int phrase, i64 *count);

MUST_USE int positions_add(Positions *positions, i64 position);
// Appends what a poslist says.
MUST_USE int positions_decode(FtsDetail detail, const u8 *poslist, u32 size, Positions *out);

#endif
