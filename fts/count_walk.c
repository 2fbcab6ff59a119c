// How many rows of a query are left. See count_walk.h.
//
// Rows of single words are put into a set of bits, a window of rowids at a time, which is joined
// with those of other words by AND or OR. A phrase of two words is counted where both lists are
// decoded ahead. What is neither is walked.
#include "fts/count_walk.h"

#include "fts/meetings.h"

enum { WINDOW_ROWS = 1 << 14, WINDOW_WORDS = WINDOW_ROWS / 64 };

typedef struct Window {
    u64 first; // rowid, as a number without sign
    i64 last;  // rowid
    u64 bits[WINDOW_WORDS];
} Window;

static bool is_plain(const QueryNode *node)
{
    return node->kind == NODE_LEAF && node->is_single
           && node->phrases[0]->terms[0].docs.counts == NULL;
}

static Docs *plain_docs(const QueryNode *node)
{
    ASSERT(is_plain(node));

    return &node->phrases[0]->terms[0].docs;
}

// --- one word ---

static int count_word(Docs *docs, i64 last, i64 *count)
{
    i64 found = 0;
    for (; !docs->is_end && docs->rowid <= last; docs_next(docs)) {
        u32 more = docs_pass_block(docs, last);
        found += 1 + more;
    }
    *count = found - (found > 0); // not the row stood on
    return docs->rc;
}

// --- words joined by AND or OR ---

static inline void window_put(Window *window, i64 rowid)
{
    u64 at = (u64)rowid - window->first;
    ASSERT(at < WINDOW_ROWS);

    window->bits[at >> 6] |= 1ULL << (at & 63);
}

// Sets the bits of the term's rows and moves it behind the window.
static int window_fill(Window *window, Docs *docs)
{
    while (!docs->is_end && docs->rowid <= window->last) {
        window_put(window, docs->rowid);
        const PostingsBlock *block = docs_source(docs)->block;
        u32 from = block == NULL ? 0 : block->next;
        u32 more = docs_pass_block(docs, window->last);
        for (u32 i = from; i < from + more; i++)
            window_put(window, block->rowids[i]);
        docs_next(docs);
    }
    return docs->rc;
}

static i64 window_count(const Window *window)
{
    i64 count = 0;
    for (int i = 0; i < WINDOW_WORDS; i++)
        count += __builtin_popcountll(window->bits[i]);
    return count;
}

static void window_begin(Window *window, i64 rowid, i64 last)
{
    ASSERT(rowid <= last);

    u64 span = (u64)last - (u64)rowid;
    window->first = (u64)rowid;
    window->last = span < WINDOW_ROWS ? last : rowid + WINDOW_ROWS - 1;
    memset(window->bits, 0, sizeof window->bits);
}

static int count_any(const QueryNode *node, i64 last, Window *window, i64 *count)
{
    i64 found = 0;
    for (;;) {
        bool is_end = true;
        i64 first = 0;
        for (int i = 0; i < node->child_count; i++) {
            const Docs *docs = plain_docs(node->children[i]);
            if (docs->is_end || (!is_end && docs->rowid >= first))
                continue;
            first = docs->rowid;
            is_end = false;
        }
        if (is_end || first > last)
            break;
        window_begin(window, first, last);
        for (int i = 0; i < node->child_count; i++)
            TRY(window_fill(window, plain_docs(node->children[i])));
        found += window_count(window);
    }
    *count = found - (found > 0);
    return SQLITE_OK;
}

// The first row that all may share; false: there is none.
static bool seek_all(const QueryNode *node, i64 last, i64 *first)
{
    for (int i = 0; i < node->child_count; i++) {
        const Docs *docs = plain_docs(node->children[i]);
        if (docs->is_end || docs->rowid > last)
            return false;
        if (i == 0 || docs->rowid > *first)
            *first = docs->rowid;
    }
    for (int i = 0; i < node->child_count; i++)
        docs_seek(plain_docs(node->children[i]), *first);
    return true;
}

static int count_all(const QueryNode *node, i64 last, Window windows[2], i64 *count)
{
    i64 found = 0;
    i64 first = 0;
    while (seek_all(node, last, &first)) {
        for (int i = 0; i < node->child_count; i++) {
            Window *window = &windows[i > 0];
            window_begin(window, first, last);
            TRY(window_fill(window, plain_docs(node->children[i])));
            for (int k = 0; i > 0 && k < WINDOW_WORDS; k++)
                windows[0].bits[k] &= windows[1].bits[k];
        }
        found += window_count(&windows[0]);
    }
    for (int i = 0; i < node->child_count; i++)
        TRY(plain_docs(node->children[i])->rc);
    *count = found - (found > 0);
    return SQLITE_OK;
}

static int count_joined(const QueryNode *node, i64 last, i64 *count)
{
    Window *windows = sqlite3_malloc64(2 * sizeof *windows);
    if (windows == NULL)
        return SQLITE_NOMEM;
    int rc = node->kind == NODE_OR ? count_any(node, last, windows, count)
                                   : count_all(node, last, windows, count);
    sqlite3_free(windows);
    return rc;
}

// --- two words in sequence ---

// Those of both words' decoded rows that have them in sequence; the leaf stands on the last it
// looked at.
static int count_meetings(Query *query, QueryNode *leaf, i64 last, i64 *count)
{
    Docs *left = &leaf->phrases[0]->terms[0].docs;
    Docs *right = &leaf->phrases[0]->terms[1].docs;
    Meetings found;
    if (!meetings_find(left, right, last, &found))
        return SQLITE_OK;
    for (u32 i = 0; i < found.count; i++) {
        u32 places = 0;
        if (!pair_count(docs_source(left), found.left[i], docs_source(right), found.right[i],
                        &places)) {
            bool is_match;
            docs_take_at(left, found.left[i]);
            docs_take_at(right, found.right[i]);
            TRY(query_leaf_counts(query, leaf, left->rowid, &places, &is_match));
            places = is_match;
        }
        *count += places > 0;
    }
    meetings_pass(left, right, &found);
    return SQLITE_OK;
}

// --- all ---

static int count_walked(Query *query, i64 last, i64 *count)
{
    const QueryNode *root = query->root;
    bool is_pair = root->kind == NODE_LEAF && root->is_free && root->phrases[0]->term_count == 2
                   && root->phrases[0]->terms[0].docs.counts == NULL
                   && root->phrases[0]->terms[1].docs.counts == NULL;
    *count = 0;
    if (is_pair)
        TRY(count_meetings(query, query->root, last, count));
    TRY(query_next(query));
    while (!query_is_end(query) && query_rowid(query) <= last) {
        ++*count;
        if (is_pair)
            TRY(count_meetings(query, query->root, last, count));
        TRY(query_next(query));
    }
    return query->rc;
}

static bool is_joined(const QueryNode *root)
{
    bool is_plain_all = root->kind == NODE_AND || root->kind == NODE_OR;
    for (int i = 0; i < root->child_count && is_plain_all; i++)
        is_plain_all = is_plain(root->children[i]);
    return is_plain_all;
}

int query_count_rest(Query *query, i64 last, i64 *count)
{
    *count = 0;
    if (query_is_end(query) || query_rowid(query) > last)
        return query->rc;
    QueryNode *root = query->root;
    int rc;
    if (is_plain(root))
        rc = count_word(plain_docs(root), last, count);
    else if (is_joined(root))
        rc = count_joined(root, last, count);
    else
        return count_walked(query, last, count);
    query_forget(query);
    return rc;
}
