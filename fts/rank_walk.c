// The best rows by bm25. See rank_walk.h.
//
// A row's score grows with the number of places and shrinks with its length. A poslist has at least
// a byte per place, so its size bounds the score before the places are counted, and a phrase is in
// a row no more often than its rarest word. Rows whose bound does not exceed the worst of the best
// found so far are passed over: their places are not looked at, nor, mostly, their lengths.
//
// Three shapes of query are walked so:
//
//     one leaf                a word, a phrase, NEAR, with or without a column filter
//     AND of single words     each word is in all rows
//     OR of single words      MAXSCORE (Turtle and Flood 1995): words that, even together, cannot
//                             lift a row among the best do not lead any more, they are only asked
//                             about rows that others found
//
// R1: rows come in ascending order, so that of equal scores the one found first stays.
// R2: scores are sums over phrases in the order of the query, bit by bit those of bm25_score().
// R3: a bound is never below the score; rounding is taken into account by SLACK.
#include "fts/rank_walk.h"

#include "fts/meetings.h"
#include "fts/poslist.h"

#include <math.h>

#define SLACK (1.0 + 1e-9)

typedef struct RankTerm {
    Docs *docs;
    f64 idf;
    f64 bound; // of what it adds to any score
} RankTerm;

enum { GAIN_COUNTS = 16, GAIN_LENGTHS = 256 };
typedef struct GainTable {
    u32 known;                 // which rows are filled in
    u32 too_few[GAIN_LENGTHS]; // so many places were seen not to be enough, for one phrase
    f64 gains[GAIN_COUNTS][GAIN_LENGTHS];
} GainTable;

typedef struct RankWalk {
    FtsCursor *cursor;
    const Bm25 *bm25;
    RankTerm *terms; // of each phrase, in the order of the query; the leaf's words for one leaf
    int count;
    int *order;     // OR: terms by bound, the least first
    u32 *counts;    // a leaf: of each phrase in the row
    f64 *bound_sum; // OR: of the terms order[0..i]
    int leading;    // OR: order[leading..count) lead
    f64 threshold;  // sums must exceed it
    bool is_leaf;   // the query is one leaf
    GainTable *gains;
    u32 *lengths; // of the rows length_base..length_base + LENGTH_BLOCK_SIZE; NULL: none yet
    i64 length_base;
} RankWalk;

// --- what applies ---

static bool is_plain_leaf(const QueryNode *node)
{
    return node->kind == NODE_LEAF && node->is_single
           && node->phrases[0]->terms[0].docs.counts == NULL;
}

static bool has_counts(const QueryNode *leaf)
{
    for (int i = 0; i < leaf->phrase_count; i++) {
        for (int k = 0; k < leaf->phrases[i]->term_count; k++) {
            if (leaf->phrases[i]->terms[k].docs.counts != NULL)
                return true;
        }
    }
    return false;
}

bool rank_walk_applies(const FtsCursor *cursor)
{
    const Query *query = cursor->query;
    const FtsConfig *config = &cursor->table->config;
    if (config->detail != DETAIL_FULL || !config->has_columnsize || cursor->is_descending
        || query_is_end(query))
        return false;
    const QueryNode *root = query->root;
    if (root->kind == NODE_LEAF)
        return !has_counts(root) && root->phrase_count == query->phrase_count;
    if (root->kind == NODE_NOT)
        return false;
    for (int i = 0; i < root->child_count; i++) {
        if (!is_plain_leaf(root->children[i]))
            return false;
    }
    return root->child_count == query->phrase_count;
}

// --- scores ---

// Of a row with so many places; computed once for small numbers.
static f64 gain(RankWalk *walk, u32 f, u32 length)
{
    const Bm25 *bm25 = walk->bm25;
    if (f >= GAIN_COUNTS || length >= GAIN_LENGTHS)
        return bm25_gain(f, length < NORM_COUNT ? bm25->norms[length]
                                                : bm25_norm((f64)length, bm25->average_length));
    GainTable *table = walk->gains;
    if ((table->known >> f & 1) == 0) {
        for (int i = 0; i < GAIN_LENGTHS; i++)
            table->gains[f][i] = bm25_gain(f, bm25->norms[i]);
        table->known |= 1U << f;
    }
    return table->gains[f][length];
}

static inline bool is_hopeless(const RankWalk *walk, f64 bound)
{
    return bound * SLACK < walk->threshold;
}

static int enter_length_block(RankWalk *walk, i64 rowid)
{
    TRY(doc_lengths_block(walk->cursor->table, rowid, &walk->length_base, &walk->lengths));
    ASSERT((u64)rowid - (u64)walk->length_base < LENGTH_BLOCK_SIZE);

    return SQLITE_OK;
}

static inline bool is_in_length_block(const RankWalk *walk, i64 rowid)
{
    return (u64)rowid - (u64)walk->length_base < LENGTH_BLOCK_SIZE && walk->lengths != NULL;
}

// LENGTH_NOT_READ where it was not read yet: a bound for that length holds for every row.
static int row_length_if_known(RankWalk *walk, i64 rowid, u32 *length)
{
    if (!is_in_length_block(walk, rowid))
        TRY(enter_length_block(walk, rowid));
    *length = walk->lengths[(u64)rowid - (u64)walk->length_base];
    return *length == LENGTH_NONE ? FTS_CORRUPT : SQLITE_OK;
}

// After a bound for `length`, which may not be known, left the row a chance.
static int row_length(RankWalk *walk, i64 rowid, u32 *length)
{
    if (*length != LENGTH_NOT_READ)
        return SQLITE_OK;
    return doc_lengths_get(walk->cursor->table, rowid, length);
}

// Whether a query of one phrase with so many places in a row of this length may be among the best.
// What was found to be too little once is so ever after: the threshold only grows.
static inline bool is_enough(RankWalk *walk, u32 count, u32 length)
{
    bool is_known = length < GAIN_LENGTHS;
    if (is_known && count <= walk->gains->too_few[length])
        return false;
    if (!is_hopeless(walk, walk->bm25->idf[0] * gain(walk, count, length)))
        return true;
    if (is_known)
        walk->gains->too_few[length] = count;
    return false;
}

// Whether it is known that so many places are too few, for a row of the present block of lengths. A
// longer row needs no fewer than the longest that is remembered.
static inline bool is_known_too_few(const RankWalk *walk, i64 rowid, u32 count)
{
    u32 length = walk->lengths[(u64)rowid - (u64)walk->length_base];
    return count <= walk->gains->too_few[length < GAIN_LENGTHS ? length : GAIN_LENGTHS - 1];
}

// Whether a query of one phrase with so many places in the row, at most, may be among the best; if
// so, the row's length.
static int row_is_promising(RankWalk *walk, i64 rowid, u32 count, u32 *length, bool *is_promising)
{
    TRY(row_length_if_known(walk, rowid, length));
    *is_promising = is_enough(walk, count, *length);
    if (!*is_promising || *length != LENGTH_NOT_READ)
        return SQLITE_OK;
    TRY(row_length(walk, rowid, length));
    *is_promising = is_enough(walk, count, *length);
    return SQLITE_OK;
}

static int offer(RankWalk *walk, f64 sum, i64 rowid)
{
    TopDocs *top = &walk->cursor->top;
    if (top_docs_is_full(top) && sum <= -top_docs_worst(top))
        return SQLITE_OK;
    TRY(top_docs_add(top, -1.0 * sum, rowid));
    if (top_docs_is_full(top) && -top_docs_worst(top) > walk->threshold)
        walk->threshold = -top_docs_worst(top);
    return SQLITE_OK;
}

// --- one word ---

static int score_posting(RankWalk *walk, i64 rowid, const u8 *poslist, u32 size)
{
    f64 idf = walk->terms[0].idf;
    u32 length;
    bool is_promising;
    TRY(row_is_promising(walk, rowid, size, &length, &is_promising));
    if (!is_promising)
        return SQLITE_OK;
    f64 sum = 0.0;
    sum += idf * gain(walk, poslist_count(poslist, size), length);
    return offer(walk, sum, rowid);
}

// The rows of the block from *at on, before `end`, that may be among the best, as far as their
// lengths are at hand; *at moves behind the last that was looked at. Which row stays is as good as
// random: there is no branch on it.
static u32 sift_rows(const RankWalk *walk, const PostingsBlock *block, i64 end, u32 *at, u8 *kept)
{
    u32 count = 0;
    u32 i = *at;
    for (; i < block->count && block->rowids[i] < end && is_in_length_block(walk, block->rowids[i]);
         i++) {
        kept[count] = (u8)i;
        count += !is_known_too_few(walk, block->rowids[i], block->sizes[i]);
    }
    ASSERT(count <= BLOCK_RECORDS);
    *at = i;
    return count;
}

// The rows of the present source that are decoded already.
static int score_block(RankWalk *walk, Docs *docs)
{
    Postings *p = &docs->sources[docs->current];
    const PostingsBlock *block = p->block;
    u8 kept[BLOCK_RECORDS];
    i64 end = docs->limit;
    if (end > walk->cursor->last_rowid && walk->cursor->last_rowid < INT64_MAX)
        end = walk->cursor->last_rowid + 1;
    if (block == NULL || docs->rowid >= end)
        return SQLITE_OK;
    u32 i = block->next;
    while (i < block->count && block->rowids[i] < end) {
        if (!is_in_length_block(walk, block->rowids[i]))
            TRY(enter_length_block(walk, block->rowids[i]));
        u32 count = sift_rows(walk, block, end, &i, kept);
        for (u32 k = 0; k < count; k++)
            TRY(score_posting(walk, block->rowids[kept[k]], p->page->bytes + block->at[kept[k]],
                              block->sizes[kept[k]]));
    }
    if (i > block->next) {
        postings_take(p, i - 1);
        docs_take(docs, p);
    }
    return SQLITE_OK;
}

// The rows in which the word is most often, many more than are asked for: some of them are short.
static int sample_rows(RankWalk *walk, TopDocs *sample)
{
    ASSERT(walk->count == 1);

    Docs *docs = walk->terms[0].docs;
    for (; !docs->is_end && docs->rowid <= walk->cursor->last_rowid; docs_next(docs)) {
        if (top_docs_is_full(sample) && docs->poslist_size <= -top_docs_worst(sample))
            continue;
        u32 count = poslist_count(docs->poslist, docs->poslist_size);
        TRY(top_docs_add(sample, -(f64)count, docs->rowid));
    }
    return docs->rc;
}

static int score_sample(RankWalk *walk, const TopDocs *sample, TopDocs *best)
{
    ASSERT(walk->count == 1);

    for (u32 i = 0; i < sample->count; i++) {
        const RankedRow *row = &sample->rows[i];
        u32 length;
        TRY(doc_lengths_get(walk->cursor->table, row->rowid, &length));
        f64 sum = walk->terms[0].idf * gain(walk, (u32)-row->score, length);
        TRY(top_docs_add(best, -1.0 * sum, row->rowid));
    }
    return SQLITE_OK;
}

// As long as few lengths are known, each that is asked for must be read. What the best rows reach
// at least is worth a walk of its own then: most others need not be asked for theirs.
static int seed_threshold(RankWalk *walk)
{
    enum { SAMPLE_SIZE = 512, LIMIT_MAX = 256 };
    const f64 idf_min = 1.0; // of a common word most lengths are wanted anyway
    FtsCursor *cursor = walk->cursor;
    if (cursor->top.limit > LIMIT_MAX || walk->terms[0].idf < idf_min
        || !doc_lengths_be_thrifty(cursor->table))
        return SQLITE_OK;
    TopDocs sample = {.limit = SAMPLE_SIZE};
    TopDocs best = {.limit = cursor->top.limit};
    int rc = sample_rows(walk, &sample);
    if (rc == SQLITE_OK)
        rc = score_sample(walk, &sample, &best);
    if (rc == SQLITE_OK && top_docs_is_full(&best))
        walk->threshold = -top_docs_worst(&best);
    top_docs_deinit(&sample);
    top_docs_deinit(&best);
    return rc == SQLITE_OK ? query_open(cursor->query, cursor->first_rowid) : rc;
}

static int walk_word(RankWalk *walk)
{
    TRY(seed_threshold(walk));
    Docs *docs = walk->terms[0].docs;
    i64 last = walk->cursor->last_rowid;
    for (; !docs->is_end && docs->rowid <= last; docs_next(docs)) {
        TRY(score_posting(walk, docs->rowid, docs->poslist, docs->poslist_size));
        TRY(score_block(walk, docs));
    }
    return docs->rc;
}

// --- all words ---

// Brings all terms to one row; false: there is none left.
static bool align(RankWalk *walk, i64 *rowid)
{
    ASSERT(walk->count > 0);

    const RankTerm *terms = walk->terms;
    i64 target = terms[0].docs->rowid;
    for (int i = 0; i < walk->count;) {
        Docs *docs = terms[i].docs;
        docs_seek(docs, target);
        if (docs->is_end)
            return false;
        bool is_further = docs->rowid > target;
        target = docs->rowid;
        i = is_further && i > 0 ? 0 : i + 1;
    }
    *rowid = target;
    return target <= walk->cursor->last_rowid;
}

static int first_error(const RankWalk *walk)
{
    for (int i = 0; i < walk->count; i++)
        TRY(walk->terms[i].docs->rc);
    return SQLITE_OK;
}

static int score_all(RankWalk *walk, i64 rowid)
{
    ASSERT(!walk->is_leaf);

    f64 bound = 0.0;
    u32 length;
    TRY(row_length_if_known(walk, rowid, &length));
    for (int i = 0; i < walk->count; i++)
        bound += walk->terms[i].idf * gain(walk, walk->terms[i].docs->poslist_size, length);
    if (is_hopeless(walk, bound))
        return SQLITE_OK;
    TRY(row_length(walk, rowid, &length));
    f64 sum = 0.0;
    for (int i = 0; i < walk->count; i++) {
        const Docs *docs = walk->terms[i].docs;
        sum += walk->terms[i].idf
               * gain(walk, poslist_count(docs->poslist, docs->poslist_size), length);
    }
    return offer(walk, sum, rowid);
}

// How often each phrase of the leaf can be in the row: no more than its rarest word.
static void bound_counts(RankWalk *walk, const QueryNode *leaf)
{
    ASSERT(leaf->kind == NODE_LEAF);

    const RankTerm *term = walk->terms;
    for (int i = 0; i < leaf->phrase_count; i++) {
        u32 least = UINT32_MAX;
        for (int k = 0; k < leaf->phrases[i]->term_count; k++, term++)
            least = term->docs->poslist_size < least ? term->docs->poslist_size : least;
        walk->counts[i] = least;
    }
}

static f64 leaf_sum(RankWalk *walk, const QueryNode *leaf, u32 length)
{
    ASSERT(leaf->phrase_count == walk->bm25->phrase_count);

    f64 sum = 0.0;
    for (int i = 0; i < leaf->phrase_count; i++)
        sum += walk->bm25->idf[i] * gain(walk, walk->counts[i], length);
    return sum;
}

static int score_leaf(RankWalk *walk, i64 rowid)
{
    FtsCursor *cursor = walk->cursor;
    QueryNode *leaf = cursor->query->root;
    bool is_match;
    u32 length;
    bound_counts(walk, leaf);
    TRY(row_length_if_known(walk, rowid, &length));
    if (is_hopeless(walk, leaf_sum(walk, leaf, length)))
        return SQLITE_OK;
    TRY(row_length(walk, rowid, &length));
    TRY(query_leaf_counts(cursor->query, leaf, rowid, walk->counts, &is_match));
    return is_match ? offer(walk, leaf_sum(walk, leaf, length), rowid) : SQLITE_OK;
}

static int score_row(RankWalk *walk, i64 rowid)
{
    return walk->is_leaf ? score_leaf(walk, rowid) : score_all(walk, rowid);
}

// Whether too few of the right term's places follow one of the left term's.
static int judge_pair(RankWalk *walk, u32 left, u32 right, bool *is_hopeless_pair)
{
    ASSERT(left < BLOCK_RECORDS && right < BLOCK_RECORDS);

    const Postings *p = docs_source(walk->terms[0].docs);
    const Postings *q = docs_source(walk->terms[1].docs);
    const u32 p_size = p->block->sizes[left];
    const u32 q_size = q->block->sizes[right];
    const u32 size = p_size < q_size ? p_size : q_size;
    u32 length;
    u32 count;
    bool is_promising;
    TRY(row_is_promising(walk, p->block->rowids[left], size, &length, &is_promising));
    *is_hopeless_pair =
        !is_promising || (pair_count(p, left, q, right, &count) && !is_enough(walk, count, length));
    return SQLITE_OK;
}

// The same with meetings, of which the shorter poslist counts.
static u32 sift_pairs(const RankWalk *walk, const Meetings *found, u32 *at, u8 *kept)
{
    const PostingsBlock *p = docs_source(walk->terms[0].docs)->block;
    const PostingsBlock *q = docs_source(walk->terms[1].docs)->block;
    u32 count = 0;
    u32 i = *at;
    for (; i < found->count && is_in_length_block(walk, p->rowids[found->left[i]]); i++) {
        u32 p_size = p->sizes[found->left[i]];
        u32 q_size = q->sizes[found->right[i]];
        u32 size = p_size < q_size ? p_size : q_size;
        kept[count] = (u8)i;
        count += !is_known_too_few(walk, p->rowids[found->left[i]], size);
    }
    *at = i;
    return count;
}

// Moves both to the meeting, and scores the row.
static inline int score_meeting(RankWalk *walk, u32 left, u32 right)
{
    docs_take_at(walk->terms[0].docs, left);
    docs_take_at(walk->terms[1].docs, right);
    return score_row(walk, walk->terms[0].docs->rowid);
}

static int score_pairs(RankWalk *walk, const Meetings *found)
{
    ASSERT(walk->count == 2 && found->count <= BLOCK_RECORDS);

    u8 kept[BLOCK_RECORDS];
    for (u32 i = 0; i < found->count;) {
        i64 rowid = docs_rowid_at(walk->terms[0].docs, found->left[i]);
        if (!is_in_length_block(walk, rowid))
            TRY(enter_length_block(walk, rowid));
        u32 count = sift_pairs(walk, found, &i, kept);
        for (u32 k = 0; k < count; k++) {
            bool is_passed;
            u32 left = found->left[kept[k]];
            u32 right = found->right[kept[k]];
            TRY(judge_pair(walk, left, right, &is_passed));
            if (!is_passed)
                TRY(score_meeting(walk, left, right));
        }
    }
    return SQLITE_OK;
}

// Two terms, as far as both are decoded already and their sources do not change.
static int score_meetings(RankWalk *walk)
{
    Docs *left = walk->terms[0].docs;
    Docs *right = walk->terms[1].docs;
    Meetings found;
    if (!meetings_find(left, right, walk->cursor->last_rowid, &found))
        return SQLITE_OK;
    if (walk->is_leaf && walk->cursor->query->root->is_free) {
        TRY(score_pairs(walk, &found));
    } else {
        for (u32 i = 0; i < found.count; i++)
            TRY(score_meeting(walk, found.left[i], found.right[i]));
    }
    meetings_pass(left, right, &found);
    return SQLITE_OK;
}

static int walk_all(RankWalk *walk)
{
    i64 rowid;
    Docs *lead = walk->terms[0].docs;
    while (align(walk, &rowid)) {
        TRY(score_row(walk, rowid));
        if (walk->count == 2)
            TRY(score_meetings(walk));
        docs_next(lead);
        if (lead->is_end)
            break;
    }
    return first_error(walk);
}

// --- any word ---

static void choose_leading(RankWalk *walk)
{
    while (walk->leading < walk->count && walk->bound_sum[walk->leading] * SLACK < walk->threshold)
        walk->leading++;
}

static void sort_terms(RankWalk *walk)
{
    for (int i = 0; i < walk->count; i++) {
        int at = i;
        for (; at > 0 && walk->terms[walk->order[at - 1]].bound > walk->terms[i].bound; at--)
            walk->order[at] = walk->order[at - 1];
        walk->order[at] = i;
    }
    f64 sum = 0.0;
    for (int i = 0; i < walk->count; i++)
        walk->bound_sum[i] = sum += walk->terms[walk->order[i]].bound;
}

// The first row of the terms that lead; false: none is left.
static bool find_row(const RankWalk *walk, i64 *rowid)
{
    bool is_found = false;
    for (int i = walk->leading; i < walk->count; i++) {
        const Docs *docs = walk->terms[walk->order[i]].docs;
        if (docs->is_end || (is_found && docs->rowid >= *rowid))
            continue;
        *rowid = docs->rowid;
        is_found = true;
    }
    return is_found && *rowid <= walk->cursor->last_rowid;
}

static int score_any(RankWalk *walk, i64 rowid)
{
    ASSERT(walk->leading < walk->count);

    u32 length;
    TRY(row_length_if_known(walk, rowid, &length));
    f64 bound = walk->leading > 0 ? walk->bound_sum[walk->leading - 1] : 0.0;
    for (int i = walk->leading; i < walk->count; i++) {
        const RankTerm *term = &walk->terms[walk->order[i]];
        if (!term->docs->is_end && term->docs->rowid == rowid)
            bound += term->idf * gain(walk, term->docs->poslist_size, length);
    }
    if (is_hopeless(walk, bound))
        return SQLITE_OK;
    TRY(row_length(walk, rowid, &length));
    for (int i = 0; i < walk->leading; i++)
        docs_seek(walk->terms[walk->order[i]].docs, rowid);
    f64 sum = 0.0;
    for (int i = 0; i < walk->count; i++) {
        const Docs *docs = walk->terms[i].docs;
        bool is_here = !docs->is_end && docs->rowid == rowid;
        u32 count = is_here ? poslist_count(docs->poslist, docs->poslist_size) : 0;
        sum += walk->terms[i].idf * gain(walk, count, length);
    }
    return offer(walk, sum, rowid);
}

static int walk_any(RankWalk *walk)
{
    ASSERT(walk->leading == 0);

    i64 rowid = 0;
    sort_terms(walk);
    while (find_row(walk, &rowid)) {
        TRY(score_any(walk, rowid));
        for (int i = walk->leading; i < walk->count; i++) {
            Docs *docs = walk->terms[walk->order[i]].docs;
            if (!docs->is_end && docs->rowid == rowid)
                docs_next(docs);
        }
        choose_leading(walk);
    }
    return first_error(walk);
}

// --- the walk ---

static int term_total(const Query *query)
{
    int count = 0;
    for (int i = 0; i < query->phrase_count; i++)
        count += query->phrases[i]->term_count;
    return count;
}

static void add_terms(RankWalk *walk, Query *query)
{
    for (int i = 0; i < query->phrase_count; i++) {
        f64 idf = walk->bm25->idf[i];
        for (int k = 0; k < query->phrases[i]->term_count; k++)
            walk->terms[walk->count++] = (RankTerm){.docs = &query->phrases[i]->terms[k].docs,
                                                    .idf = idf,
                                                    .bound = idf * BM25_GAIN_MAX};
    }
}

static int run(RankWalk *walk, const QueryNode *root)
{
    if (root->kind == NODE_LEAF && root->is_single)
        return walk_word(walk);
    if (root->kind == NODE_OR)
        return walk_any(walk);
    walk->is_leaf = root->kind == NODE_LEAF;
    return walk_all(walk);
}

int rank_walk_run(FtsCursor *cursor)
{
    ASSERT(rank_walk_applies(cursor));
    ASSERT(cursor->top.limit > 0);

    Query *query = cursor->query;
    TRY(bm25_prepare(cursor));
    RankWalk walk = {.cursor = cursor, .bm25 = cursor->bm25, .threshold = -INFINITY};
    u64 count = (u64)term_total(query);
    walk.terms = fts_zalloc(count * (sizeof(RankTerm) + sizeof(f64) + sizeof(int) + sizeof(u32)));
    walk.gains = walk.terms == NULL ? NULL : sqlite3_malloc64(sizeof *walk.gains);
    int rc = walk.gains == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK) {
        walk.gains->known = 0;
        memset(walk.gains->too_few, 0, sizeof walk.gains->too_few);
        walk.bound_sum = (f64 *)(walk.terms + count);
        walk.order = (int *)(walk.bound_sum + count);
        walk.counts = (u32 *)(walk.order + count);
        add_terms(&walk, query);
        rc = run(&walk, query->root);
    }
    sqlite3_free(walk.gains);
    sqlite3_free(walk.terms);
    query_forget(query);
    return rc;
}
