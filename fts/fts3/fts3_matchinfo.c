// matchinfo(): numbers about a match, 32 bits each, as the letters of a format ask for them.
//
//     p  phrases                          a  average tokens of each column, of all rows
//     c  columns                          l  tokens of each column of this row
//     n  rows of the table                s  per column the longest run of phrases in their order
//     x  per phrase and column: hits in this row, in all rows, rows with hits
//     y  per phrase and column: hits in this row, of parts of the query that match it
//     b  the same as bits: set where there are hits
#include "fts/fts3/fts3_cursor.h"

typedef struct Info {
    Fts3Cursor *cursor;
    Fts3Query *query;
    Fts3Table *table;
    int column_count;
    FtsBuffer out; // u32 in the machine's order
    u64 *totals;   // rows, tokens per column; NULL: not read yet
} Info;

static void append(Info *info, u32 number)
{
    ASSERT(info->out.size % sizeof number == 0);
    fts_buffer_append(&info->out, &number, sizeof number);
}

// --- what is stored about sizes ---

// `count` numbers of a blob; all must be there.
static int decode(const FtsBuffer *bytes, int count, u64 *numbers)
{
    u32 at = 0;
    ASSERT(count > 0);
    for (int i = 0; i < count; i++) {
        if (at >= bytes->size)
            return FTS_CORRUPT;
        at += (u32)fts3_varint_get(bytes->bytes + at, &numbers[i]);
    }
    return at > bytes->size ? FTS_CORRUPT : SQLITE_OK;
}

static int load_totals(Info *info)
{
    if (info->totals != NULL)
        return SQLITE_OK;
    info->totals = fts_zalloc(sizeof(u64) * ((u64)info->column_count + 1));
    if (info->totals == NULL)
        return SQLITE_NOMEM;
    FtsBuffer bytes = {0};
    int rc = fts3_blob_read(info->table, FTS3_STAT_READ, FTS3_STAT_TOTALS, &bytes);
    if (rc == SQLITE_OK)
        rc = decode(&bytes, info->column_count + 1, info->totals);
    fts_buffer_deinit(&bytes);
    if (rc == SQLITE_OK && info->totals[0] == 0)
        rc = FTS_CORRUPT; // this row is missing from it
    ASSERT(info->totals != NULL);
    return rc;
}

static int add_row_count(Info *info)
{
    TRY(load_totals(info));
    ASSERT(info->totals[0] > 0);
    append(info, (u32)info->totals[0]);
    return SQLITE_OK;
}

static int add_averages(Info *info)
{
    TRY(load_totals(info));
    u64 rows = info->totals[0];
    ASSERT(rows > 0);
    for (int i = 0; i < info->column_count; i++)
        append(info, (u32)(((u32)info->totals[i + 1] + rows / 2) / rows));
    return SQLITE_OK;
}

static int add_lengths(Info *info)
{
    u64 *lengths = fts_zalloc(sizeof(u64) * ((u64)info->column_count + 1));
    if (lengths == NULL)
        return SQLITE_NOMEM;
    FtsBuffer bytes = {0};
    int rc = fts3_blob_read(info->table, FTS3_DOCSIZE_READ, info->cursor->docid, &bytes);
    if (rc == SQLITE_OK)
        rc = decode(&bytes, info->column_count, lengths);
    for (int i = 0; rc == SQLITE_OK && i < info->column_count; i++)
        append(info, (u32)lengths[i]);
    ASSERT(rc != SQLITE_OK || bytes.size > 0);
    fts_buffer_deinit(&bytes);
    sqlite3_free(lengths);
    return rc;
}

// --- hits ---

// How many of the hit's places are in the column; the first of them is *from.
static u32 count_in_column(const Fts3Hits *hits, const Fts3Hit *hit, u32 column, u32 *from)
{
    u32 at = 0;
    const Fts3Place *places = hits->places + hit->first;
    while (at < hit->count && FTS3_PLACE_COLUMN(places[at]) < column)
        at++;
    *from = at;
    while (at < hit->count && FTS3_PLACE_COLUMN(places[at]) == column)
        at++;
    ASSERT(at <= hit->count);
    return at - *from;
}

// Hits of all rows, and rows with hits, per column: two numbers each.
static void count_all(const Fts3Phrase *phrase, u32 column_count, u32 *counts)
{
    const Fts3Hits *hits = &phrase->hits;
    for (u64 i = 0; i < hits->count; i++) {
        u32 last = column_count;
        for (u32 at = 0; at < hits->hits[i].count; at++) {
            u32 column = FTS3_PLACE_COLUMN(hits->places[hits->hits[i].first + at]);
            if (column >= column_count)
                continue; // of a table that had more
            counts[column * 2]++;
            counts[column * 2 + 1] += column != last;
            last = column;
        }
    }
    ASSERT(column_count > 0);
}

static int add_hits(Info *info)
{
    u32 columns = (u32)info->column_count;
    u32 *counts = fts_zalloc(sizeof *counts * 2 * columns);
    if (counts == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < info->query->phrase_count; i++) {
        const Fts3Phrase *phrase = info->query->phrases[i];
        const Fts3Hit *hit = fts3_hits_find(&phrase->hits, info->cursor->docid);
        memset(counts, 0, sizeof *counts * 2 * columns);
        count_all(phrase, columns, counts);
        for (u32 column = 0; column < columns; column++) {
            u32 from;
            append(info, hit == NULL ? 0 : count_in_column(&phrase->hits, hit, column, &from));
            append(info, counts[column * 2]);
            append(info, counts[column * 2 + 1]);
        }
    }
    ASSERT(columns > 0);
    sqlite3_free(counts);
    return SQLITE_OK;
}

typedef struct LocalHits {
    u32 *counts; // per phrase and column
    u32 columns;
    int phrase_at;
} LocalHits;

// recursive: as deep as an expression may be. Parts that do not match the row count nothing.
static void count_local(const Info *info, const Fts3Node *node, bool is_match, LocalHits *local)
{
    is_match = is_match && fts3_node_matches(node, info->cursor->docid);
    if (node->type == FTS3_PHRASE) {
        u32 *counts = local->counts + (u32)local->phrase_at++ * local->columns;
        const Fts3Hit *hit = fts3_hits_find(&node->phrase.hits, info->cursor->docid);
        for (u32 column = 0; is_match && hit != NULL && column < local->columns; column++) {
            u32 from;
            counts[column] = count_in_column(&node->phrase.hits, hit, column, &from);
        }
        return;
    }
    for (const Fts3Node *child = node->first; child != NULL; child = child->next) {
        count_local(info, child, is_match, local);
        if (node->type == FTS3_NOT)
            break;
    }
    ASSERT(local->phrase_at <= info->query->phrase_count);
}

static void add_bits(Info *info, const u32 *counts, u32 columns)
{
    ASSERT(columns > 0);
    for (u32 first = 0; first < columns; first += 32) {
        u32 bits = 0;
        for (u32 column = first; column < columns && column < first + 32; column++)
            bits |= (u32)(counts[column] > 0) << (column - first);
        append(info, bits);
    }
}

static int add_local(Info *info, bool as_bits)
{
    LocalHits local = {.columns = (u32)info->column_count};
    u64 count = (u64)info->query->phrase_count * local.columns;
    local.counts = fts_zalloc(sizeof(u32) * (count + 1));
    if (local.counts == NULL)
        return SQLITE_NOMEM;
    count_local(info, info->query->root, true, &local);
    ASSERT(local.phrase_at == info->query->phrase_count);
    for (int i = 0; as_bits && i < info->query->phrase_count; i++)
        add_bits(info, local.counts + (u32)i * local.columns, local.columns);
    for (u64 i = 0; !as_bits && i < count; i++)
        append(info, local.counts[i]);
    sqlite3_free(local.counts);
    return SQLITE_OK;
}

// --- runs of phrases ---

// A phrase's places in a column, each less by where the phrase stands in the query: phrases in
// their order, with nothing between, then are at the same place.
typedef struct Run {
    const Fts3Place *places;
    u32 count;
    u32 at;
    i64 shift;
} Run;

static i64 run_place(const Run *run)
{
    ASSERT(run->at < run->count);
    return (i64)FTS3_PLACE_POSITION(run->places[run->at]) - run->shift;
}

// The most phrases, one behind the other in the query, that are at place `at`; moves those on.
static u32 runs_at(Run *runs, int count, i64 place)
{
    u32 best = 0;
    u32 now = 0;
    for (int i = 0; i < count; i++) {
        bool is_here = runs[i].at < runs[i].count && run_place(&runs[i]) == place;
        now = is_here ? now + 1 : 0;
        runs[i].at += is_here;
        best = now > best ? now : best;
    }
    ASSERT(best <= (u32)count);
    return best;
}

static u32 longest_run(Run *runs, int count)
{
    u32 best = 0;
    for (;;) {
        bool is_any = false;
        i64 least = 0;
        for (int i = 0; i < count; i++) {
            if (runs[i].at < runs[i].count && (!is_any || run_place(&runs[i]) < least)) {
                least = run_place(&runs[i]);
                is_any = true;
            }
        }
        if (!is_any)
            break;
        u32 here = runs_at(runs, count, least);
        best = here > best ? here : best;
    }
    ASSERT(best <= (u32)count);
    return best;
}

static int add_runs(Info *info)
{
    int count = info->query->phrase_count;
    Run *runs = fts_zalloc(sizeof *runs * ((u64)count + 1));
    if (runs == NULL)
        return SQLITE_NOMEM;
    for (int column = 0; column < info->column_count; column++) {
        i64 shift = 0;
        for (int i = 0; i < count; i++) {
            const Fts3Phrase *phrase = info->query->phrases[i];
            const Fts3Hit *hit = fts3_hits_find(&phrase->hits, info->cursor->docid);
            runs[i] = (Run){.shift = shift};
            shift += phrase->term_count;
            u32 from;
            if (hit == NULL)
                continue;
            runs[i].count = count_in_column(&phrase->hits, hit, (u32)column, &from);
            runs[i].places = phrase->hits.places + hit->first + from;
        }
        append(info, longest_run(runs, count));
    }
    ASSERT(info->column_count > 0);
    sqlite3_free(runs);
    return SQLITE_OK;
}

// --- the format ---

static bool is_known(const Fts3Table *table, char letter)
{
    ASSERT(letter != 0);
    if (letter == 'n' || letter == 'a')
        return table->version == 4;
    if (letter == 'l')
        return table->has_docsize;
    return strchr("pcsxyb", letter) != NULL;
}

static int add_one(Info *info, char letter)
{
    ASSERT(is_known(info->table, letter));
    switch (letter) {
    case 'p': append(info, (u32)info->query->phrase_count); return SQLITE_OK;
    case 'c': append(info, (u32)info->column_count); return SQLITE_OK;
    case 'n': return add_row_count(info);
    case 'a': return add_averages(info);
    case 'l': return add_lengths(info);
    case 's': return add_runs(info);
    case 'x': return add_hits(info);
    case 'y': return add_local(info, false);
    default: return add_local(info, true);
    }
}

static void result_unknown(sqlite3_context *ctx, char letter)
{
    char *message = sqlite3_mprintf("unrecognized matchinfo request: %c", letter);
    ASSERT(letter != 0);
    if (message == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
}

void fts3_matchinfo(sqlite3_context *ctx, Fts3Cursor *cursor, const char *format)
{
    ASSERT(cursor->query.root != NULL);
    Fts3Table *table = fts3_cursor_table(cursor);
    Info info = {cursor, &cursor->query, table, table->column_count, {0}, NULL};
    for (const char *at = format; *at != 0; at++) {
        if (!is_known(table, *at)) {
            result_unknown(ctx, *at);
            return;
        }
    }
    int rc = SQLITE_OK;
    for (const char *at = format; rc == SQLITE_OK && *at != 0; at++)
        rc = add_one(&info, *at);
    rc = rc == SQLITE_OK ? info.out.rc : rc;
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else
        sqlite3_result_blob(ctx, info.out.bytes == NULL ? (const u8 *)"" : info.out.bytes,
                            (int)info.out.size, SQLITE_TRANSIENT);
    fts_buffer_deinit(&info.out);
    sqlite3_free(info.totals);
}
