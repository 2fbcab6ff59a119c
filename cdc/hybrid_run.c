// Runs the legs of a hybrid search and fuses their lists.
//
// Both legs fill one list, each entry with the ranks and scores of one leg; sorted by rowid, the
// two entries of a row lie side by side and become one; then all are scored, sorted and cut to k.
#include "cdc/hybrid.h"

#include <stdlib.h>

typedef struct HitList {
    HybridHit *hits;
    int count, space;
} HitList;

// Doubled when full.
static int push(HitList *list, const HybridHit *hit)
{
    ASSERT(list->count <= list->space);

    if (list->count == list->space) {
        int space = list->space == 0 ? 256 : list->space * 2;
        void *hits = sqlite3_realloc64(list->hits, (u64)space * sizeof *list->hits);
        if (hits == NULL)
            return SQLITE_NOMEM;
        list->hits = hits;
        list->space = space;
    }
    list->hits[list->count++] = *hit;
    return SQLITE_OK;
}

// Ranks count what has a score, from 1.
static int take_rows(sqlite3_stmt *stmt, bool is_text, HitList *list)
{
    ASSERT(list->count >= 0);

    int rank = 0;
    int step;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        HybridHit hit = {.rowid = sqlite3_column_int64(stmt, 0)};
        if (sqlite3_column_type(stmt, 1) == SQLITE_NULL)
            continue; // a distance that is not defined
        rank++;
        if (is_text) {
            hit.text_rank = rank;
            hit.text_score = sqlite3_column_double(stmt, 1);
        } else {
            hit.vector_rank = rank;
            hit.distance = sqlite3_column_double(stmt, 1);
        }
        TRY(push(list, &hit));
    }
    return step == SQLITE_DONE ? SQLITE_OK : step;
}

// Takes `sql`; NULL: the leg is not asked for.
static int run_leg(HybridQuery *query, char *sql, bool is_text, HitList *list)
{
    sqlite3_stmt *stmt = NULL;
    if (sql == NULL)
        return SQLITE_OK;
    int rc = sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && is_text)
        rc = sqlite3_bind_text(stmt, 1, query->match, -1, SQLITE_STATIC);
    else if (rc == SQLITE_OK)
        rc = sqlite3_bind_value(stmt, 1, query->vector);
    if (rc == SQLITE_OK)
        rc = take_rows(stmt, is_text, list);
    if (rc != SQLITE_OK && query->error == NULL)
        query->error =
            sqlite3_mprintf("%s leg: %s", is_text ? "text" : "vector", sqlite3_errmsg(query->db));
    (void)sqlite3_finalize(stmt);
    return rc;
}

// --- fusing ---

// Of one document the two hits come side by side.
static int by_rowid(const void *a, const void *b)
{
    i64 left = ((const HybridHit *)a)->rowid;
    i64 right = ((const HybridHit *)b)->rowid;
    return (left > right) - (left < right);
}

// Ranks that are swapped between the lists tie by rrf: meaning goes first.
static int by_score(const void *a, const void *b)
{
    const HybridHit *left = a;
    const HybridHit *right = b;
    if (left->score != right->score)
        return (left->score < right->score) - (left->score > right->score);
    if (left->vector_rank != right->vector_rank) {
        int l = left->vector_rank == 0 ? INT32_MAX : left->vector_rank;
        int r = right->vector_rank == 0 ? INT32_MAX : right->vector_rank;
        return (l > r) - (l < r);
    }
    return by_rowid(a, b);
}

// Makes one hit of those with the same rowid.
static void join_hits(HitList *list)
{
    int kept = 0;
    if (list->count == 0)
        return; // there is no array to sort
    qsort(list->hits, (size_t)list->count, sizeof *list->hits, by_rowid);
    for (int i = 0; i < list->count; i++) {
        HybridHit *last = kept > 0 ? &list->hits[kept - 1] : NULL;
        const HybridHit *hit = &list->hits[i];
        if (last == NULL || last->rowid != hit->rowid) {
            list->hits[kept++] = *hit;
            continue;
        }
        if (hit->text_rank > 0) {
            last->text_rank = hit->text_rank;
            last->text_score = hit->text_score;
        } else {
            last->vector_rank = hit->vector_rank;
            last->distance = hit->distance;
        }
    }
    list->count = kept;
}

static f64 of_rank(f64 weight, f64 k, int rank)
{
    ASSERT(rank >= 0);

    return rank == 0 ? 0 : weight / (k + rank);
}

static void score_by_rank(const HybridQuery *query, HitList *list)
{
    ASSERT(query->method == FUSION_RRF);

    for (int i = 0; i < list->count; i++) {
        HybridHit *hit = &list->hits[i];
        hit->score = of_rank(query->text_weight, query->rrf_k, hit->text_rank)
                     + of_rank(query->vector_weight, query->rrf_k, hit->vector_rank);
    }
}

typedef struct Range {
    f64 least, most;
    bool any;
} Range;

static void range_add(Range *range, f64 value)
{
    range->least = !range->any || value < range->least ? value : range->least;
    range->most = !range->any || value > range->most ? value : range->most;
    range->any = true;
}

// Where in the range, 0..1; a range of one value is all top.
static f64 range_place(const Range *range, f64 value)
{
    return range->most > range->least ? (value - range->least) / (range->most - range->least) : 1;
}

static void score_by_sum(const HybridQuery *query, HitList *list)
{
    ASSERT(query->method == FUSION_SUM);

    Range text = {0};
    Range nearness = {0};
    for (int i = 0; i < list->count; i++) {
        if (list->hits[i].text_rank > 0)
            range_add(&text, list->hits[i].text_score);
        if (list->hits[i].vector_rank > 0)
            range_add(&nearness, -list->hits[i].distance);
    }
    for (int i = 0; i < list->count; i++) {
        HybridHit *hit = &list->hits[i];
        f64 text_part = hit->text_rank > 0 ? range_place(&text, hit->text_score) : 0;
        f64 near_part = hit->vector_rank > 0 ? range_place(&nearness, -hit->distance) : 0;
        hit->score = query->text_weight * text_part + query->vector_weight * near_part;
    }
}

int hybrid_run(HybridQuery *query, HybridHit **hits, int *count)
{
    HitList list = {0};
    char *text_sql;
    char *vector_sql;
    *hits = NULL;
    *count = 0;
    if (query->k == 0)
        return SQLITE_OK;
    TRY(hybrid_text_sql(query, &text_sql));
    int rc = run_leg(query, text_sql, true, &list);
    if (rc == SQLITE_OK)
        rc = hybrid_vector_sql(query, &vector_sql);
    if (rc == SQLITE_OK)
        rc = run_leg(query, vector_sql, false, &list);
    if (rc != SQLITE_OK) {
        sqlite3_free(list.hits);
        return rc;
    }
    if (list.count > 0) {
        join_hits(&list);
        if (query->method == FUSION_RRF)
            score_by_rank(query, &list);
        else
            score_by_sum(query, &list);
        qsort(list.hits, (size_t)list.count, sizeof *list.hits, by_score);
    }
    *hits = list.hits;
    *count = list.count < query->k ? list.count : (int)query->k;
    return SQLITE_OK;
}
