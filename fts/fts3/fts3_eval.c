// What a MATCH expression hits: phrases from the index, then sets of docids up the tree.
#include "fts/fts3/fts3_query.h"
#include "fts/fts3/fts3_segment.h"

// --- phrases ---

static bool is_allowed(const Fts3Phrase *phrase, const Fts3Term *term, Fts3Place place,
                       int column_count)
{
    bool is_column =
        phrase->column >= column_count || FTS3_PLACE_COLUMN(place) == (u32)phrase->column;
    ASSERT(phrase->column >= 0);
    return is_column && (!term->is_first || FTS3_PLACE_POSITION(place) == 0);
}

// Leaves the places where the term may stand, and the rows that have any.
static void filter_hits(const Fts3Phrase *phrase, const Fts3Term *term, int column_count,
                        Fts3Hits *hits)
{
    if (phrase->column >= column_count && !term->is_first)
        return;
    u64 kept_hits = 0;
    for (u64 i = 0; i < hits->count; i++) {
        Fts3Hit hit = hits->hits[i];
        Fts3Place *places = hits->places + hit.first;
        u32 kept = 0;
        for (u32 at = 0; at < hit.count; at++) {
            if (is_allowed(phrase, term, places[at], column_count))
                places[kept++] = places[at];
        }
        hit.count = kept;
        if (kept > 0)
            hits->hits[kept_hits++] = hit;
    }
    ASSERT(kept_hits <= hits->count);
    hits->count = kept_hits;
}

static int load_term(Fts3Query *query, const Fts3Phrase *phrase, int at, Fts3Hits *out)
{
    const Fts3Term *term = &phrase->terms[at];
    ASSERT(at < phrase->term_count);
    Fts3Lookup lookup = {query->language, (const u8 *)term->text, term->size, term->is_prefix};
    TRY(fts3_lookup(query->table, &lookup, out));
    filter_hits(phrase, term, query->table->column_count, out);
    return SQLITE_OK;
}

// Appends to `out` a row with the places of `a` that have one of `b` `distance` tokens behind.
static int join_row(const Fts3Hits *a, const Fts3Hit *a_hit, const Fts3Hits *b,
                    const Fts3Hit *b_hit, u32 distance, Fts3Hits *out)
{
    const Fts3Place *left = a->places + a_hit->first;
    const Fts3Place *right = b->places + b_hit->first;
    bool is_open = false;
    u32 at = 0;
    ASSERT(distance > 0);
    for (u32 i = 0; i < a_hit->count; i++) {
        Fts3Place wanted = left[i] + distance;
        while (at < b_hit->count && right[at] < wanted)
            at++;
        if (at == b_hit->count)
            break;
        if (right[at] != wanted)
            continue;
        if (!is_open)
            TRY(fts3_hits_open(out, a_hit->docid, 0));
        is_open = true;
        TRY(fts3_hits_push(out, left[i]));
    }
    return SQLITE_OK;
}

// Keeps in `hits` what `next` follows at this distance.
static int join_term(Fts3Hits *hits, const Fts3Hits *next, u32 distance)
{
    Fts3Hits out = {0};
    int rc = SQLITE_OK;
    u64 at = 0;
    for (u64 i = 0; rc == SQLITE_OK && i < hits->count; i++) {
        while (at < next->count && next->hits[at].docid < hits->hits[i].docid)
            at++;
        if (at == next->count)
            break;
        if (next->hits[at].docid == hits->hits[i].docid)
            rc = join_row(hits, &hits->hits[i], next, &next->hits[at], distance, &out);
    }
    ASSERT(out.count <= hits->count);
    fts3_hits_deinit(hits);
    *hits = out;
    return rc;
}

// The hits of a phrase have the place of its first term.
static int load_phrase(Fts3Query *query, Fts3Phrase *phrase)
{
    ASSERT(phrase->hits.count == 0);
    if (phrase->term_count == 0)
        return SQLITE_OK;
    TRY(load_term(query, phrase, 0, &phrase->hits));
    for (int i = 1; i < phrase->term_count && phrase->hits.count > 0; i++) {
        Fts3Hits next = {0};
        int rc = load_term(query, phrase, i, &next);
        if (rc == SQLITE_OK)
            rc = join_term(&phrase->hits, &next, (u32)i);
        fts3_hits_deinit(&next);
        TRY(rc);
    }
    return SQLITE_OK;
}

// --- NEAR ---

// Places of one phrase in one row, while they are trimmed.
typedef struct Group {
    const Fts3Phrase *phrase;
    int near; // to the group before
    Fts3Place *places;
    u32 count;
    u32 capacity;
} Group;

// Whether the phrases' last terms stand so that at most `near` tokens are between the phrases.
static bool is_near(Fts3Place a, u32 a_terms, Fts3Place b, u32 b_terms, int near)
{
    if (FTS3_PLACE_COLUMN(a) != FTS3_PLACE_COLUMN(b))
        return false;
    ASSERT(a_terms > 0 && b_terms > 0 && near >= 0);
    i64 a_end = (i64)FTS3_PLACE_POSITION(a) + a_terms;
    i64 b_end = (i64)FTS3_PLACE_POSITION(b) + b_terms;
    if (a_end < b_end)
        return b_end - a_end <= (i64)near + b_terms;
    return a_end > b_end && a_end - b_end <= (i64)near + a_terms;
}

// Leaves in `group` what is near something of `other`.
static void trim(Group *group, const Group *other, int near)
{
    u32 kept = 0;
    u32 terms = (u32)group->phrase->term_count;
    u32 other_terms = (u32)other->phrase->term_count;
    // Both ascend: what ends too far before one place does so before all that follow.
    u64 reach = (u64)near + terms + other_terms;
    u32 from = 0;
    for (u32 i = 0; i < group->count; i++) {
        Fts3Place place = group->places[i];
        while (from < other->count && other->places[from] + reach < place)
            from++;
        for (u32 at = from; at < other->count && other->places[at] <= place + reach; at++) {
            if (is_near(place, terms, other->places[at], other_terms, near)) {
                group->places[kept++] = place;
                break;
            }
        }
    }
    ASSERT(kept <= group->count);
    group->count = kept;
}

static int load_group(Group *group, const Fts3Hit *hit)
{
    ASSERT(hit->count > 0);
    if (hit->count > group->capacity) {
        Fts3Place *grown = sqlite3_realloc64(group->places, sizeof *grown * (u64)hit->count);
        if (grown == NULL)
            return SQLITE_NOMEM;
        group->places = grown;
        group->capacity = hit->count;
    }
    memcpy(group->places, group->phrase->hits.places + hit->first,
           sizeof(Fts3Place) * (size_t)hit->count);
    group->count = hit->count;
    return SQLITE_OK;
}

// Places of all phrases in the row, trimmed; *is_match: some are left.
static int near_row(Group *groups, int count, i64 docid, bool *is_match)
{
    *is_match = false;
    for (int i = 0; i < count; i++) {
        const Fts3Hit *hit = fts3_hits_find(&groups[i].phrase->hits, docid);
        if (hit == NULL)
            return SQLITE_OK;
        TRY(load_group(&groups[i], hit));
    }
    ASSERT(count >= 2);
    for (int i = 1; i < count; i++)
        trim(&groups[i], &groups[i - 1], groups[i].near);
    for (int i = count - 2; i >= 0; i--)
        trim(&groups[i], &groups[i + 1], groups[i + 1].near);
    *is_match = groups[0].count > 0;
    return SQLITE_OK;
}

static int keep_row(const Group *groups, int count, i64 docid, Fts3Hits *kept)
{
    for (int i = 0; i < count; i++) {
        ASSERT(groups[i].count > 0);
        TRY(fts3_hits_open(&kept[i], docid, 0));
        for (u32 at = 0; at < groups[i].count; at++)
            TRY(fts3_hits_push(&kept[i], groups[i].places[at]));
    }
    return SQLITE_OK;
}

static int near_rows(const Fts3Node *node, Group *groups, Fts3Hits *kept)
{
    const Fts3Hits *first = &node->first->phrase.hits;
    for (u64 i = 0; i < first->count; i++) {
        bool is_match;
        TRY(near_row(groups, node->child_count, first->hits[i].docid, &is_match));
        if (is_match)
            TRY(keep_row(groups, node->child_count, first->hits[i].docid, kept));
    }
    ASSERT(kept[0].count <= first->count);
    return SQLITE_OK;
}

// Leaves in the node's phrases what is near enough.
static int trim_near(Fts3Node *node)
{
    u64 count = (u64)node->child_count;
    Group *groups = fts_zalloc(sizeof *groups * count);
    Fts3Hits *kept = fts_zalloc(sizeof *kept * count);
    int rc = groups == NULL || kept == NULL ? SQLITE_NOMEM : SQLITE_OK;
    Fts3Node *child = node->first;
    for (u64 i = 0; rc == SQLITE_OK && i < count; i++, child = child->next)
        groups[i] = (Group){.phrase = &child->phrase, .near = child->near};
    if (rc == SQLITE_OK)
        rc = near_rows(node, groups, kept);
    child = node->first;
    for (u64 i = 0; groups != NULL && kept != NULL && i < count; i++, child = child->next) {
        sqlite3_free(groups[i].places);
        Fts3Hits unused = rc == SQLITE_OK ? child->phrase.hits : kept[i];
        if (rc == SQLITE_OK)
            child->phrase.hits = kept[i];
        fts3_hits_deinit(&unused);
    }
    ASSERT(child == NULL || groups == NULL || kept == NULL);
    sqlite3_free(groups);
    sqlite3_free(kept);
    return rc;
}

// --- sets ---

static int set_of_hits(const Fts3Hits *hits, Fts3Node *node)
{
    ASSERT(node->docids == NULL);
    node->docids = sqlite3_malloc64(sizeof(i64) * (hits->count + 1));
    if (node->docids == NULL)
        return SQLITE_NOMEM;
    for (u64 i = 0; i < hits->count; i++)
        node->docids[i] = hits->hits[i].docid;
    node->count = hits->count;
    return SQLITE_OK;
}

static void intersect(Fts3Node *node, const Fts3Node *with)
{
    u64 kept = 0;
    u64 at = 0;
    for (u64 i = 0; i < node->count; i++) {
        while (at < with->count && with->docids[at] < node->docids[i])
            at++;
        if (at == with->count)
            break;
        if (with->docids[at] == node->docids[i])
            node->docids[kept++] = node->docids[i];
    }
    ASSERT(kept <= node->count);
    node->count = kept;
}

static void subtract(Fts3Node *node, const Fts3Node *without)
{
    u64 kept = 0;
    u64 at = 0;
    for (u64 i = 0; i < node->count; i++) {
        while (at < without->count && without->docids[at] < node->docids[i])
            at++;
        if (at == without->count || without->docids[at] != node->docids[i])
            node->docids[kept++] = node->docids[i];
    }
    ASSERT(kept <= node->count);
    node->count = kept;
}

static int unite(Fts3Node *node, const Fts3Node *with)
{
    i64 *out = sqlite3_malloc64(sizeof *out * (node->count + with->count + 1));
    if (out == NULL)
        return SQLITE_NOMEM;
    u64 a = 0;
    u64 b = 0;
    u64 count = 0;
    while (a < node->count || b < with->count) {
        bool takes_a = b == with->count || (a < node->count && node->docids[a] <= with->docids[b]);
        i64 docid = takes_a ? node->docids[a] : with->docids[b];
        a += a < node->count && node->docids[a] == docid;
        b += b < with->count && with->docids[b] == docid;
        out[count++] = docid;
    }
    ASSERT(count <= node->count + with->count);
    sqlite3_free(node->docids);
    node->docids = out;
    node->count = count;
    return SQLITE_OK;
}

static int copy_set(Fts3Node *node, const Fts3Node *from)
{
    ASSERT(node->docids == NULL);
    node->docids = sqlite3_malloc64(sizeof(i64) * (from->count + 1));
    if (node->docids == NULL)
        return SQLITE_NOMEM;
    if (from->count > 0)
        memcpy(node->docids, from->docids, sizeof(i64) * (size_t)from->count);
    node->count = from->count;
    return SQLITE_OK;
}

// recursive: as deep as the parser lets an expression be
static int run_node(Fts3Query *query, Fts3Node *node)
{
    ASSERT(node->docids == NULL);

    if (node->type == FTS3_PHRASE) {
        TRY(load_phrase(query, &node->phrase));
        return set_of_hits(&node->phrase.hits, node);
    }
    for (Fts3Node *child = node->first; child != NULL; child = child->next)
        TRY(run_node(query, child));
    if (node->type == FTS3_NEAR) {
        TRY(trim_near(node));
        return set_of_hits(&node->first->phrase.hits, node);
    }
    TRY(copy_set(node, node->first));
    for (const Fts3Node *child = node->first->next; child != NULL; child = child->next) {
        if (node->type == FTS3_AND)
            intersect(node, child);
        else if (node->type == FTS3_NOT)
            subtract(node, child);
        else
            TRY(unite(node, child));
    }
    return SQLITE_OK;
}

int fts3_query_run(Fts3Query *query)
{
    ASSERT(query->table != NULL);
    return query->root == NULL ? SQLITE_OK : run_node(query, query->root);
}

bool fts3_node_matches(const Fts3Node *node, i64 docid)
{
    u64 first = 0;
    u64 end = node->count;
    while (first < end) {
        u64 middle = (first + end) / 2;
        if (node->docids[middle] < docid)
            first = middle + 1;
        else
            end = middle;
    }
    ASSERT(first <= node->count);
    return first < node->count && node->docids[first] == docid;
}
