// The walk of a query over the rows that match. See match_query.h.
#include "fts/match_query.h"

#include "fts/count_walk.h"
#include "fts/poslist.h"
#include "fts/tokenizer/tokenizer.h"

// --- positions ---

int positions_add(Positions *positions, i64 position)
{
    ASSERT(positions->count <= positions->capacity);

    if (positions->count == positions->capacity) {
        u32 capacity = positions->capacity == 0 ? 16 : positions->capacity * 2;
        i64 *items = sqlite3_realloc64(positions->items, sizeof *items * (u64)capacity);
        if (items == NULL)
            return SQLITE_NOMEM;
        positions->items = items;
        positions->capacity = capacity;
    }
    positions->items[positions->count++] = position;
    return SQLITE_OK;
}

int positions_decode(FtsDetail detail, const u8 *poslist, u32 size, Positions *out)
{
    i64 column = 0;
    i64 position = 0;
    for (u32 at = 0; at < size && detail != DETAIL_NONE;) {
        u32 value;
        at += (u32)fts_varint_get_u32(poslist + at, &value);
        if (detail == DETAIL_COLUMNS) {
            column += (i64)value - 2;
            TRY(positions_add(out, (i64)((u64)column << 32)));
        } else if (value == 1) {
            at += (u32)fts_varint_get_u32(poslist + at, &value);
            column = (i64)value;
            position = 0;
        } else {
            position += (i64)value - 2;
            TRY(positions_add(out, (i64)((u64)column << 32 | (u64)position)));
        }
    }
    return SQLITE_OK;
}

// Whether a place of the phrase counts: in a column of the leaf, and at its start for "^".
static bool place_fits(const QueryNode *leaf, const QueryPhrase *phrase, int column_count,
                       i64 position)
{
    i64 column = position >> 32;
    return column >= 0 && column < column_count && (leaf->columns == NULL || leaf->columns[column])
           && (!phrase->is_first || (position & 0x7FFFFFFF) == 0);
}

// Moves the reader to the first place not before `position`; false: that is not it.
static inline bool reader_reaches(PoslistReader *reader, i64 position)
{
    while (!reader->is_end && reader->position < position)
        poslist_next(reader);
    return !reader->is_end && reader->position == position;
}

// How often the terms of a phrase stand in sequence in this row, as far as that can be seen without
// listing places; false: it cannot.
static bool count_by_bits(const QueryPhrase *phrase, u32 *count)
{
    ASSERT(phrase->term_count > 1);

    const Docs *first = term_docs(&phrase->terms[0]);
    OffsetBits common;
    if (phrase->term_count >= 64 || !offset_bits(first->poslist, first->poslist_size, &common))
        return false;
    for (int i = 1; i < phrase->term_count; i++) {
        const Docs *docs = term_docs(&phrase->terms[i]);
        OffsetBits bits;
        if (!offset_bits(docs->poslist, docs->poslist_size, &bits))
            return false;
        offset_bits_follow(&common, bits, i);
    }
    *count = offset_bits_count(common);
    return true;
}

// A leaf of one phrase that counts wherever its words stand.
static bool is_free_phrase(const QueryNode *leaf)
{
    ASSERT(leaf->kind == NODE_LEAF);

    return leaf->phrase_count == 1 && leaf->columns == NULL && !leaf->phrases[0]->is_first
           && leaf->phrases[0]->term_count > 1;
}

// The starts at which each term of the phrase has its place. Readers go forward side by side.
static int match_terms(QueryPhrase *phrase, int column_count, Positions *out)
{
    ASSERT(phrase->term_count > 0);

    enum { READERS_FEW = 8 };
    PoslistReader few[READERS_FEW] = {{0}};
    int count = phrase->term_count;
    PoslistReader *readers =
        count <= READERS_FEW ? few : sqlite3_malloc64(sizeof few[0] * (u64)count);
    if (readers == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < count; i++) {
        const Docs *docs = term_docs(&phrase->terms[i]);
        readers[i] = poslist_read(docs->poslist, docs->poslist_size);
    }
    int rc = SQLITE_OK;
    i64 previous = -1;
    for (; !readers[0].is_end && rc == SQLITE_OK; poslist_next(&readers[0])) {
        i64 position = readers[0].position;
        bool is_match = position != previous;
        for (int i = 1; i < count && is_match; i++)
            is_match = reader_reaches(&readers[i], position + i);
        if (is_match && place_fits(phrase->node, phrase, column_count, position))
            rc = positions_add(out, position);
        previous = position;
    }
    if (readers != few)
        sqlite3_free(readers);
    return rc;
}

// Without offsets a phrase is one term, and a place is a column.
static int match_columns(FtsDetail detail, QueryPhrase *phrase, int column_count, Positions *out)
{
    ASSERT(detail != DETAIL_FULL);

    const Docs *docs = term_docs(&phrase->terms[0]);
    TRY(positions_decode(detail, docs->poslist, docs->poslist_size, out));
    u32 kept = 0;
    for (u32 i = 0; i < out->count; i++) {
        bool is_repeat = kept > 0 && out->items[kept - 1] == out->items[i];
        if (!is_repeat && place_fits(phrase->node, phrase, column_count, out->items[i]))
            out->items[kept++] = out->items[i];
    }
    out->count = kept;
    return SQLITE_OK;
}

// A term that is walked by counts has no places at hand: the row's are read when asked for.
static int load_places(Query *query, QueryTerm *term, i64 rowid)
{
    if (term->docs.counts == NULL || (term->has_row && term->row_rowid == rowid))
        return SQLITE_OK;
    docs_deinit(&term->row);
    docs_open_prefix_row(&term->row, query->index, &term->key, rowid);
    term->has_row = term->row.rc == SQLITE_OK;
    term->row_rowid = rowid;
    return term->row.rc;
}

static int find_positions(Query *query, QueryPhrase *phrase)
{
    ASSERT(phrase->node != NULL);

    const FtsConfig *config = query->index->config;
    phrase->positions.count = 0;
    phrase->has_positions = true;
    for (int i = 0; i < phrase->term_count; i++)
        TRY(load_places(query, &phrase->terms[i], phrase->terms[i].docs.rowid));
    if (config->detail != DETAIL_FULL)
        return match_columns(config->detail, phrase, config->column_count, &phrase->positions);
    return match_terms(phrase, config->column_count, &phrase->positions);
}

// --- NEAR ---

static i64 place_after(const QueryPhrase *phrase, u32 at)
{
    const Positions *places = &phrase->positions;
    return at + 1 < places->count ? places->items[at + 1] : INT64_MAX;
}

// Keeps the places that take part in a group within the distance. The cursor of each phrase only
// moves forward: the one whose next place comes first is the one to go.
static void filter_near(QueryNode *leaf, u32 *at, u32 *kept)
{
    int count = leaf->phrase_count;
    for (;;) {
        i64 latest = INT64_MIN;
        for (int i = 0; i < count; i++) {
            const Positions *p = &leaf->phrases[i]->positions;
            if (at[i] >= p->count)
                return;
            if (p->items[at[i]] > latest)
                latest = p->items[at[i]];
        }
        bool is_group = true;
        int least = 0;
        for (int i = 0; i < count; i++) {
            Positions *p = &leaf->phrases[i]->positions;
            i64 reach = leaf->phrases[i]->term_count + leaf->near;
            while (at[i] < p->count && p->items[at[i]] + reach < latest) {
                at[i]++;
                is_group = false;
            }
            if (at[i] >= p->count)
                return;
            is_group = is_group && p->items[at[i]] <= latest;
        }
        if (!is_group)
            continue;
        for (int i = 0; i < count; i++) {
            Positions *p = &leaf->phrases[i]->positions;
            i64 position = p->items[at[i]];
            if (kept[i] == 0 || p->items[kept[i] - 1] != position)
                p->items[kept[i]++] = position; // kept[i] <= at[i]
            if (place_after(leaf->phrases[i], at[i]) < place_after(leaf->phrases[least], at[least]))
                least = i;
        }
        at[least]++;
    }
}

static int match_near(QueryNode *leaf, bool *is_match)
{
    ASSERT(leaf->phrase_count > 1);

    u32 *at = fts_zalloc(sizeof(u32) * 2 * (u64)leaf->phrase_count);
    if (at == NULL)
        return SQLITE_NOMEM;
    u32 *kept = at + leaf->phrase_count;
    filter_near(leaf, at, kept);
    *is_match = true;
    for (int i = 0; i < leaf->phrase_count; i++) {
        leaf->phrases[i]->positions.count = kept[i];
        *is_match = *is_match && kept[i] > 0;
    }
    sqlite3_free(at);
    return SQLITE_OK;
}

// --- leaves ---

// Whether that a row has all terms of a leaf does not say yet that it matches.
static bool needs_positions(const QueryNode *leaf)
{
    ASSERT(leaf->phrase_count > 0);

    if (leaf->phrase_count > 1 || leaf->columns != NULL)
        return true;
    const QueryPhrase *phrase = leaf->phrases[0];
    return phrase->term_count > 1 || phrase->is_first;
}

// Brings all terms of the leaf to one row, not before the furthest of them.
static void align_terms(Query *query, QueryNode *leaf)
{
    ASSERT(leaf->phrase_count > 0 && leaf->phrases[0]->term_count > 0);

    bool is_aligned = false;
    i64 rowid = leaf->phrases[0]->terms[0].docs.rowid;
    while (!is_aligned) {
        is_aligned = true;
        for (int i = 0; i < leaf->phrase_count; i++) {
            for (int k = 0; k < leaf->phrases[i]->term_count; k++) {
                Docs *docs = &leaf->phrases[i]->terms[k].docs;
                docs_seek(docs, rowid);
                if (docs->rc != SQLITE_OK)
                    query->rc = docs->rc;
                leaf->is_end = leaf->is_end || docs->is_end;
                if (leaf->is_end)
                    return;
                if (docs->rowid > rowid) {
                    rowid = docs->rowid;
                    is_aligned = false;
                }
            }
        }
    }
    leaf->rowid = rowid;
}

static bool leaf_matches(Query *query, QueryNode *leaf)
{
    bool is_match = true;
    for (int i = 0; i < leaf->phrase_count; i++)
        leaf->phrases[i]->has_positions = false;
    if (!needs_positions(leaf) || query->index->config->detail == DETAIL_NONE)
        return true;
    u32 count;
    if (leaf->is_free && count_by_bits(leaf->phrases[0], &count))
        return count > 0;
    for (int i = 0; i < leaf->phrase_count && query->rc == SQLITE_OK; i++) {
        query->rc = find_positions(query, leaf->phrases[i]);
        is_match = is_match && leaf->phrases[i]->positions.count > 0;
    }
    if (is_match && leaf->phrase_count > 1 && query->rc == SQLITE_OK)
        query->rc = match_near(leaf, &is_match);
    return is_match || query->rc != SQLITE_OK;
}

static bool leaf_note_end(Query *query, QueryNode *leaf, const Docs *docs)
{
    if (docs->rc != SQLITE_OK)
        query->rc = docs->rc;
    leaf->is_end = docs->is_end;
    return docs->is_end;
}

static void leaf_settle(Query *query, QueryNode *leaf)
{
    ASSERT(leaf->kind == NODE_LEAF);

    Docs *first = &leaf->phrases[0]->terms[0].docs;
    if (leaf->is_single) {
        leaf->phrases[0]->has_positions = false;
        leaf->rowid = first->rowid;
        return;
    }
    for (;;) {
        align_terms(query, leaf);
        if (leaf->is_end || leaf_matches(query, leaf))
            return;
        docs_next(first);
        if (leaf_note_end(query, leaf, first))
            return;
    }
}

static void leaf_seek(Query *query, QueryNode *leaf, i64 rowid)
{
    ASSERT(leaf->kind == NODE_LEAF);

    Docs *first = &leaf->phrases[0]->terms[0].docs;
    docs_seek(first, rowid);
    if (!leaf_note_end(query, leaf, first))
        leaf_settle(query, leaf);
}

static void leaf_next(Query *query, QueryNode *leaf)
{
    ASSERT(leaf->kind == NODE_LEAF);

    Docs *first = &leaf->phrases[0]->terms[0].docs;
    docs_next(first);
    if (!leaf_note_end(query, leaf, first))
        leaf_settle(query, leaf);
}

// --- nodes ---

static void node_seek(Query *query, QueryNode *node, i64 rowid);
static void node_next(Query *query, QueryNode *node);

static void node_set_end(QueryNode *node)
{
    node->is_end = true;
    for (int i = 0; i < node->child_count; i++)
        node_set_end(node->children[i]);
}

static void and_seek(Query *query, QueryNode *node, i64 rowid)
{
    ASSERT(node->kind == NODE_AND && node->child_count > 0);

    for (int i = 0; i < node->child_count;) {
        QueryNode *child = node->children[i];
        if (!child->is_end && child->rowid < rowid)
            node_seek(query, child, rowid);
        if (child->is_end || query->rc != SQLITE_OK) {
            node_set_end(node);
            return;
        }
        bool is_further = child->rowid > rowid;
        rowid = child->rowid;
        i = is_further && i > 0 ? 0 : i + 1;
    }
    node->rowid = rowid;
}

static void or_settle(QueryNode *node)
{
    ASSERT(node->kind == NODE_OR);

    node->is_end = true;
    for (int i = 0; i < node->child_count; i++) {
        const QueryNode *child = node->children[i];
        if (!child->is_end && (node->is_end || child->rowid < node->rowid)) {
            node->rowid = child->rowid;
            node->is_end = false;
        }
    }
}

static void or_seek(Query *query, QueryNode *node, i64 rowid)
{
    for (int i = 0; i < node->child_count; i++) {
        QueryNode *child = node->children[i];
        if (!child->is_end && child->rowid < rowid)
            node_seek(query, child, rowid);
    }
    or_settle(node);
}

static void or_next(Query *query, QueryNode *node)
{
    ASSERT(!node->is_end);

    i64 rowid = node->rowid;
    for (int i = 0; i < node->child_count; i++) {
        QueryNode *child = node->children[i];
        if (!child->is_end && child->rowid <= rowid)
            node_next(query, child);
    }
    or_settle(node);
}

static void not_seek(Query *query, QueryNode *node, i64 rowid)
{
    ASSERT(node->kind == NODE_NOT && node->child_count == 2);

    QueryNode *left = node->children[0];
    QueryNode *right = node->children[1];
    if (!left->is_end && left->rowid < rowid)
        node_seek(query, left, rowid);
    while (!left->is_end && query->rc == SQLITE_OK) {
        if (!right->is_end && right->rowid < left->rowid)
            node_seek(query, right, left->rowid);
        if (right->is_end || right->rowid != left->rowid)
            break;
        node_next(query, left);
    }
    node->is_end = left->is_end;
    node->rowid = left->rowid;
    if (node->is_end)
        node_set_end(right);
}

static void node_seek(Query *query, QueryNode *node, i64 rowid)
{
    if (query->rc != SQLITE_OK)
        return;
    switch (node->kind) {
    case NODE_LEAF: leaf_seek(query, node, rowid); return;
    case NODE_AND: and_seek(query, node, rowid); return;
    case NODE_OR: or_seek(query, node, rowid); return;
    case NODE_NOT: not_seek(query, node, rowid); return;
    }
}

static void node_next(Query *query, QueryNode *node)
{
    if (node->is_end || query->rc != SQLITE_OK)
        return;
    if (node->kind == NODE_LEAF) {
        leaf_next(query, node);
    } else if (node->kind == NODE_OR) {
        or_next(query, node);
    } else { // the first child leads
        QueryNode *first = node->children[0];
        node_next(query, first);
        if (first->is_end)
            node_set_end(node);
        else
            node_seek(query, node, first->rowid);
    }
}

// --- opening ---

static int token_characters(const FtsBuffer *token, u32 size)
{
    int count = 0;
    for (u32 i = 0; i < size; i++)
        count += (token->bytes[i] & 0xC0) != 0x80;
    return count;
}

// Prefixes of a length that has an index of its own are plain terms there. What has to be looked
// up, into *key; true if the very term, false if all that start so.
static bool make_key(const FtsConfig *config, const FtsBuffer *token, bool is_prefix,
                     FtsBuffer *key)
{
    u8 which = '0';
    bool is_exact = !is_prefix;
    const u32 size = query_token_size(config, token->bytes, token->size);
    int characters = is_prefix ? token_characters(token, size) : 0;
    for (int longer = 0; is_prefix && longer < 2 && which == '0'; longer++) {
        for (int i = 0; i < config->prefix_count && which == '0'; i++) {
            if (config->prefix_lengths[i] == characters + longer) {
                which = (u8)('1' + i);
                is_exact = longer == 0;
            }
        }
    }
    fts_buffer_clear(key);
    fts_buffer_append_byte(key, which);
    fts_buffer_append(key, token->bytes, size);
    return is_exact;
}

static void open_one(FtsIndex *index, const FtsBuffer *token, bool is_prefix, Docs *docs)
{
    FtsBuffer key = {0};
    bool is_exact = make_key(index->config, token, is_prefix, &key);
    if (key.rc != SQLITE_OK)
        *docs = (Docs){.rc = key.rc, .is_end = true};
    else if (is_exact && index->config->has_tokendata && !is_prefix)
        docs_open_with_data(docs, index, &key);
    else if (is_exact)
        docs_open(docs, index, key.bytes, key.size);
    else
        docs_open_prefix(docs, index, key.bytes, key.size);
    fts_buffer_deinit(&key);
}

static int open_with_synonyms(FtsIndex *index, QueryTerm *term)
{
    ASSERT(term->synonym != NULL);

    DocSum sum = {0};
    FtsBuffer doclist = {0};
    for (const QueryTerm *at = term; at != NULL; at = at->synonym) {
        Docs docs;
        open_one(index, &at->token, term->is_prefix, &docs);
        doc_sum_add_docs(&sum, &docs);
        docs_deinit(&docs);
    }
    doc_sum_finish(&sum, index->config->detail, &doclist);
    int rc = doclist.rc;
    if (rc == SQLITE_OK)
        rc = docs_in_memory(&term->docs, index->config->detail, &doclist);
    doc_sum_deinit(&sum);
    fts_buffer_deinit(&doclist);
    return rc;
}

static int open_term(FtsIndex *index, QueryTerm *term, bool by_counts)
{
    docs_deinit(&term->docs);
    docs_deinit(&term->row);
    term->has_row = false;
    if (term->synonym != NULL)
        return open_with_synonyms(index, term);
    if (by_counts && term->is_prefix && !make_key(index->config, &term->token, true, &term->key)) {
        TRY(term->key.rc);
        if (docs_open_prefix_counts(&term->docs, index, term->key.bytes, term->key.size)
            || term->docs.rc != SQLITE_OK)
            return term->docs.rc;
    }
    open_one(index, &term->token, term->is_prefix, &term->docs);
    return term->docs.rc;
}

static int open_phrase(Query *query, QueryPhrase *phrase)
{
    FtsIndex *index = query->index;
    QueryNode *leaf = phrase->node;
    if (leaf != NULL)
        leaf->is_single = phrase->term_count == 1
                          && (!needs_positions(leaf) || index->config->detail == DETAIL_NONE);
    if (leaf != NULL)
        leaf->is_free = index->config->detail == DETAIL_FULL && is_free_phrase(leaf);
    bool by_counts = leaf != NULL && leaf->is_single && !index->config->may_colocate;
    for (int i = 0; i < phrase->term_count; i++)
        TRY(open_term(index, &phrase->terms[i], by_counts));
    return SQLITE_OK;
}

static void node_start(Query *query, QueryNode *node, i64 from)
{
    node->is_end = false;
    node->rowid = INT64_MIN;
    for (int i = 0; i < node->child_count; i++)
        node_start(query, node->children[i], from);
    bool is_empty = node->kind == NODE_LEAF;
    for (int i = 0; i < node->phrase_count; i++)
        is_empty = is_empty && node->phrases[i]->term_count == 0;
    if (node->kind == NODE_LEAF && !is_empty) {
        for (int i = 0; i < node->phrase_count; i++)
            is_empty = is_empty || node->phrases[i]->term_count == 0;
    }
    if (is_empty)
        node->is_end = true;
    else if (node->kind == NODE_LEAF)
        leaf_seek(query, node, from);
    else
        node_seek(query, node, from);
}

int query_open(Query *query, i64 from)
{
    query->rc = SQLITE_OK;
    query->generation = query->index->generation;
    for (int i = 0; i < query->phrase_count; i++)
        TRY(open_phrase(query, query->phrases[i]));
    if (query->root != NULL)
        node_start(query, query->root, from);
    return query->rc;
}

int query_leaf_counts(Query *query, QueryNode *leaf, i64 rowid, u32 *counts, bool *is_match)
{
    ASSERT(leaf->kind == NODE_LEAF);
    ASSERT(leaf->phrases[0]->terms[0].docs.rowid == rowid);

    leaf->rowid = rowid;
    if (leaf->is_free && count_by_bits(leaf->phrases[0], counts)) {
        *is_match = *counts > 0;
        return SQLITE_OK;
    }
    *is_match = leaf_matches(query, leaf);
    TRY(query->rc);
    for (int i = 0; i < leaf->phrase_count && *is_match; i++) {
        ASSERT(leaf->phrases[i]->has_positions);
        counts[i] = leaf->phrases[i]->positions.count;
    }
    return SQLITE_OK;
}

void query_forget(Query *query)
{
    query->generation = UINT64_MAX;
}

bool query_is_end(const Query *query)
{
    return query->root == NULL || query->root->is_end || query->rc != SQLITE_OK;
}

i64 query_rowid(const Query *query)
{
    ASSERT(query->root != NULL);

    return query->root->rowid;
}

int query_seek(Query *query, i64 rowid)
{
    if (query_is_end(query) || query->root->rowid >= rowid)
        return query->rc;
    node_seek(query, query->root, rowid);
    return query->rc;
}

int query_next(Query *query)
{
    if (!query_is_end(query))
        node_next(query, query->root);
    return query->rc;
}

// All that decides which rows a phrase is in.
static void describe_phrase(const QueryPhrase *phrase, int column_count, FtsBuffer *out)
{
    const bool *columns = phrase->node == NULL ? NULL : phrase->node->columns;
    fts_buffer_append_byte(out, phrase->is_first);
    for (int i = 0; i < column_count; i++)
        fts_buffer_append_byte(out, columns == NULL || columns[i]);
    for (int i = 0; i < phrase->term_count; i++) {
        for (const QueryTerm *term = &phrase->terms[i]; term != NULL; term = term->synonym) {
            bool is_synonym = term != &phrase->terms[i];
            fts_buffer_append_byte(out, (u8)(phrase->terms[i].is_prefix | is_synonym << 1));
            fts_buffer_append_varint(out, term->token.size);
            fts_buffer_append(out, term->token.bytes, term->token.size);
        }
    }
}

static int count_phrase_rows(Query *query, int phrase, i64 *count)
{
    Query *alone;
    *count = 0;
    TRY(query_of_phrase(query, phrase, &alone));
    int rc = query_open(alone, INT64_MIN);
    if (rc == SQLITE_OK && !query_is_end(alone)) {
        i64 rest = 0; // behind the row stood on
        rc = query_count_rest(alone, INT64_MAX, &rest);
        *count = 1 + rest;
    }
    query_free(alone);
    return rc;
}

int query_phrase_rows(Query *query, int number, i64 *count)
{
    ASSERT(number >= 0 && number < query->phrase_count);

    FtsIndex *index = query->index;
    FtsBuffer phrase = {0};
    describe_phrase(query->phrases[number], index->config->column_count, &phrase);
    TRY(phrase.rc);
    for (int i = 0; i < PHRASE_ROWS_COUNT; i++) {
        const PhraseRows *known = &index->phrase_rows[i];
        if (known->generation == index->generation && known->phrase.size == phrase.size
            && memcmp(known->phrase.bytes, phrase.bytes, phrase.size) == 0) {
            *count = known->count;
            fts_buffer_deinit(&phrase);
            return SQLITE_OK;
        }
    }
    int rc = count_phrase_rows(query, number, count);
    PhraseRows *slot = &index->phrase_rows[index->phrase_rows_next];
    index->phrase_rows_next = (index->phrase_rows_next + 1) % PHRASE_ROWS_COUNT;
    fts_buffer_deinit(&slot->phrase);
    *slot = (PhraseRows){phrase, index->generation, *count};
    if (rc != SQLITE_OK)
        slot->phrase.size = 0; // no phrase is as short
    return rc;
}

int query_positions(Query *query, int number, const Positions **out)
{
    static const Positions none = {0};
    QueryPhrase *phrase = query->phrases[number];
    const QueryNode *leaf = phrase->node;
    *out = &none;
    if (query_is_end(query) || leaf == NULL || leaf->is_end || leaf->rowid != query->root->rowid
        || phrase->term_count == 0)
        return SQLITE_OK;
    if (!phrase->has_positions)
        TRY(find_positions(query, phrase));
    *out = &phrase->positions;
    return SQLITE_OK;
}
