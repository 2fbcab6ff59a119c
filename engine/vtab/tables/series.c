// generate_series(start, stop, step): the whole numbers from start to stop as a table-valued
// function (sqlite.org/series.html).
//
// stop is 4294967295 and step 1 unless given; a step of 0 counts as 1; with a negative step the
// numbers run downward. A NULL argument gives no rows. Bounds on `value` in the WHERE clause
// narrow the range before it is walked, and ORDER BY value is served in either direction.
//
// The range is kept as its smallest number, the distance of neighbours and their count, all
// unsigned but the first: differences of 64-bit integers need 64 bits without a sign. Narrowing is
// division, not counting, so that WHERE value > 10^15 costs nothing.

#include "vtab/tables/series.h"
#include "base/contract.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIES_VALUE, SERIES_START, SERIES_STOP, SERIES_STEP };

// What xBestIndex tells xFilter (idxNum): which arguments it is handed, in this order.
enum {
    SERIES_HAS_START = 0x01,
    SERIES_HAS_STOP = 0x02,
    SERIES_HAS_STEP = 0x04,
    SERIES_HAS_EQUAL = 0x08, // value = x
    SERIES_HAS_LOW = 0x10,   // value >= x, or > x with SERIES_LOW_OPEN
    SERIES_HAS_HIGH = 0x20,
    SERIES_LOW_OPEN = 0x40,
    SERIES_HIGH_OPEN = 0x80,
    SERIES_ASCENDING = 0x100, // an order was asked for
    SERIES_DESCENDING = 0x200,
};
enum { SERIES_ARGS = 6 };

typedef struct SeriesCursor {
    sqlite3_vtab_cursor base;
    int64_t start, stop, step; // as asked for
    int64_t low;               // smallest number of the narrowed range
    uint64_t stride;           // distance of neighbours
    uint64_t count, index;     // numbers there are, numbers passed
    bool descending;
} SeriesCursor;

// Innocuous: it reads nothing.
static int series_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    ASSERT(out != NULL);

    (void)client_data;
    (void)arg_count;
    (void)args;
    (void)message;
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(value,start hidden,stop hidden,step hidden)");
    if (rc != SQLITE_OK)
        return rc;
    *out = sqlite3_malloc(sizeof **out);
    if (*out == NULL)
        return SQLITE_NOMEM;
    **out = (sqlite3_vtab){0};
    return sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
}

static int series_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int series_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)vtab;
    SeriesCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    *cur = (SeriesCursor){.step = 1, .stride = 1};
    *out = &cur->base;
    return SQLITE_OK;
}

static int series_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    sqlite3_free(base);
    return SQLITE_OK;
}

// --- planning ---

// at[k]: the constraint that gives argument k, -1 for none.
typedef struct SeriesUse {
    int at[SERIES_ARGS];
    int flags;
} SeriesUse;

// Of several bounds on the value the last counts here; the engine tests them all anyway.
static void use_bound(SeriesUse *use, int i, int op)
{
    ASSERT(i >= 0);
    ASSERT(use != NULL);

    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: use->at[3] = i; return;
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
        use->at[4] = i;
        use->flags &= ~SERIES_LOW_OPEN;
        use->flags |= op == SQLITE_INDEX_CONSTRAINT_GT ? SERIES_LOW_OPEN : 0;
        return;
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
        use->at[5] = i;
        use->flags &= ~SERIES_HIGH_OPEN;
        use->flags |= op == SQLITE_INDEX_CONSTRAINT_LT ? SERIES_HIGH_OPEN : 0;
        return;
    default: return; // others are tested row by row
    }
}

// False when an argument comes from a table that is joined later.
static bool choose_constraints(const sqlite3_index_info *info, SeriesUse *use)
{
    ASSERT(info->nConstraint >= 0);

    *use = (SeriesUse){.at = {-1, -1, -1, -1, -1, -1}};
    bool missing[3] = {false, false, false};
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        bool usable = info->aConstraint[i].usable != 0;
        if (column == SERIES_VALUE && usable) {
            use_bound(use, i, info->aConstraint[i].op);
        } else if (column >= SERIES_START
                   && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ) {
            missing[column - SERIES_START] |= !usable;
            if (usable)
                use->at[column - SERIES_START] = i;
        }
    }
    for (int k = 0; k < 3; k++) {
        if (missing[k] && use->at[k] < 0)
            return false;
    }
    return true;
}

// Arguments are handed to xFilter in the order of their flags' bits. Bounds on the value only
// narrow: the core tests them again, since a real or a text bound is rounded.
static int series_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    SeriesUse use;
    if (!choose_constraints(info, &use))
        return SQLITE_CONSTRAINT;
    if (use.at[0] < 0) {
        sqlite3_free(vtab->zErrMsg);
        vtab->zErrMsg =
            sqlite3_mprintf("first argument to \"generate_series()\" missing or unusable");
        return SQLITE_ERROR;
    }
    for (int k = 0, given = 0; k < SERIES_ARGS; k++) {
        if (use.at[k] < 0)
            continue;
        use.flags |= 1 << k;
        info->aConstraintUsage[use.at[k]].argvIndex = ++given;
        info->aConstraintUsage[use.at[k]].omit = k < 3;
    }
    // SQLite's figures: a range without an end must come last in a join.
    bool bounded = use.at[1] >= 0 || use.at[3] >= 0 || use.at[5] >= 0;
    info->estimatedCost = bounded ? 2.0 - (use.at[2] >= 0) : 2147483647.0;
    info->estimatedRows = bounded ? 1000 : 2147483647;
    if (info->nOrderBy > 0 && info->aOrderBy[0].iColumn == SERIES_VALUE) {
        use.flags |= info->aOrderBy[0].desc ? SERIES_DESCENDING : SERIES_ASCENDING;
        info->orderByConsumed = 1;
    }
    info->idxNum = use.flags;
    return SQLITE_OK;
}

// --- the range ---

// Nothing is left, whatever comes to narrow it further.
static void range_empty(SeriesCursor *cur)
{
    ASSERT(cur->stride > 0);

    cur->count = 0;
}

// Drops the numbers below `bound`.
static void range_raise(SeriesCursor *cur, int64_t bound)
{
    ASSERT(cur->stride > 0);

    if (cur->count == 0 || bound <= cur->low)
        return;
    uint64_t gap = (uint64_t)bound - (uint64_t)cur->low;
    uint64_t dropped = gap / cur->stride + (gap % cur->stride != 0);
    if (dropped >= cur->count) {
        range_empty(cur);
        return;
    }
    ASSERT(dropped < cur->count);
    cur->low = (int64_t)((uint64_t)cur->low + dropped * cur->stride);
    cur->count -= dropped;
}

// Drops the numbers above `bound`.
static void range_lower(SeriesCursor *cur, int64_t bound)
{
    ASSERT(cur->stride > 0);

    if (cur->count == 0)
        return;
    if (bound < cur->low) {
        range_empty(cur);
        return;
    }
    uint64_t kept = ((uint64_t)bound - (uint64_t)cur->low) / cur->stride + 1;
    if (kept < cur->count)
        cur->count = kept;
}

// All numbers the arguments name, smallest first. A full range of 2^64 numbers ends one early.
static void range_init(SeriesCursor *cur)
{
    ASSERT(cur->step != 0);

    cur->stride = cur->step < 0 ? 0 - (uint64_t)cur->step : (uint64_t)cur->step;
    bool upward = cur->step > 0;
    bool is_empty = upward ? cur->start > cur->stop : cur->start < cur->stop;
    if (is_empty) {
        range_empty(cur);
        return;
    }
    uint64_t span = upward ? (uint64_t)cur->stop - (uint64_t)cur->start
                           : (uint64_t)cur->start - (uint64_t)cur->stop;
    // Of 2^64 numbers the count would be 0: one is left out, which nobody can reach.
    uint64_t steps = span / cur->stride;
    cur->count = steps == UINT64_MAX ? steps : steps + 1;
    cur->low = upward ? cur->start : (int64_t)((uint64_t)cur->start - steps * cur->stride);
}

// A bound of any type as the whole number that has the same effect; false: it excludes everything.
static bool whole_bound(sqlite3_value *v, bool is_low, bool is_open, int64_t *out)
{
    ASSERT(out != NULL);

    int type = sqlite3_value_numeric_type(v);
    if (type == SQLITE_NULL)
        return false;
    if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) { // text and blobs are above all numbers
        *out = INT64_MAX;
        return !is_low;
    }
    double real = sqlite3_value_double(v);
    bool fits = real >= -9223372036854775808.0 && real < 9223372036854775808.0;
    if (type == SQLITE_FLOAT && !fits) {
        *out = is_low ? INT64_MIN : INT64_MAX;
        return is_low ? real < 0 : real > 0;
    }
    bool is_whole = type == SQLITE_INTEGER || floor(real) == real;
    *out = type == SQLITE_INTEGER ? sqlite3_value_int64(v)
                                  : (int64_t)(is_low ? ceil(real) : floor(real));
    if (!is_whole || !is_open)
        return true;
    if (*out == (is_low ? INT64_MAX : INT64_MIN))
        return false;
    *out += is_low ? 1 : -1;
    return true;
}

// `bounds` are the arguments behind start, stop and step, in the order of the flags.
static void narrow(SeriesCursor *cur, int plan, sqlite3_value **bounds)
{
    ASSERT((plan & (SERIES_LOW_OPEN | SERIES_HIGH_OPEN)) == 0 || bounds != NULL);

    int64_t bound = 0;
    if ((plan & SERIES_HAS_EQUAL) != 0) {
        if (whole_bound(*bounds, true, false, &bound))
            range_raise(cur, bound);
        else
            range_empty(cur);
        if (whole_bound(*bounds, false, false, &bound))
            range_lower(cur, bound);
        else
            range_empty(cur);
        bounds++;
    }
    if ((plan & SERIES_HAS_LOW) != 0) {
        if (whole_bound(*bounds, true, (plan & SERIES_LOW_OPEN) != 0, &bound))
            range_raise(cur, bound);
        else
            range_empty(cur);
        bounds++;
    }
    if ((plan & SERIES_HAS_HIGH) != 0) {
        if (whole_bound(*bounds, false, (plan & SERIES_HIGH_OPEN) != 0, &bound))
            range_lower(cur, bound);
        else
            range_empty(cur);
    }
}

// --- running ---

// Arguments first, then bounds; a NULL among them leaves no row.
static int series_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                         sqlite3_value **args)
{
    ASSERT(arg_count <= SERIES_ARGS);

    SeriesCursor *cur = (SeriesCursor *)base;
    (void)plan_text;
    // In the order of the flags, and of the arguments.
    int64_t *targets[] = {&cur->start, &cur->stop, &cur->step};
    cur->start = 0;
    cur->stop = 0xffffffff;
    cur->step = 1;
    int given = 0;
    for (int k = 0; k < 3; k++) {
        if ((plan & (1 << k)) != 0)
            *targets[k] = sqlite3_value_int64(args[given++]);
    }
    if (cur->step == 0)
        cur->step = 1;
    range_init(cur);
    narrow(cur, plan, args + given);
    for (int i = 0; i < arg_count; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL)
            range_empty(cur);
    }
    cur->index = 0;
    cur->descending =
        (plan & SERIES_DESCENDING) != 0 || ((plan & SERIES_ASCENDING) == 0 && cur->step < 0);
    return SQLITE_OK;
}

// Counts on; the number follows from the count.
static int series_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((SeriesCursor *)base)->index < ((SeriesCursor *)base)->count);

    ((SeriesCursor *)base)->index++;
    return SQLITE_OK;
}

static int series_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    const SeriesCursor *cur = (const SeriesCursor *)base;
    return cur->index >= cur->count;
}

// Unsigned: the sum of a negative start and a large distance wraps to the right number.
static int64_t series_value(const SeriesCursor *cur)
{
    ASSERT(cur->index < cur->count);

    uint64_t place = cur->descending ? cur->count - 1 - cur->index : cur->index;
    return (int64_t)((uint64_t)cur->low + place * cur->stride);
}

// Arguments are shown as they were taken: the step never 0.
static int series_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= SERIES_VALUE && column <= SERIES_STEP);

    const SeriesCursor *cur = (const SeriesCursor *)base;
    const int64_t values[] = {series_value(cur), cur->start, cur->stop, cur->step};
    sqlite3_result_int64(call, values[column]);
    return SQLITE_OK;
}

// The number itself, as SQLite has it: no two rows of a series are equal.
static int series_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(out != NULL);

    *out = series_value((const SeriesCursor *)base);
    return SQLITE_OK;
}

const sqlite3_module series_module = {
    .xConnect = series_connect,
    .xBestIndex = series_best_index,
    .xDisconnect = series_disconnect,
    .xOpen = series_open,
    .xClose = series_close,
    .xFilter = series_filter,
    .xNext = series_next,
    .xEof = series_eof,
    .xColumn = series_column,
    .xRowid = series_rowid,
};
