// Geometry callbacks: `rtree MATCH name(…)` ("Custom R-Tree Queries", sqlite.org/rtree.html).
//
// The SQL function `name` makes a pointer value that holds its arguments; a search takes a copy of
// it and asks the callback about every box it comes to. The pointer's type keeps SQL from forging
// one.
//
// Both generations of the interface are served: a geometry callback says yes or no, a query
// callback also scores and orders the search.

#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// What a registration keeps. Exactly one of the two callbacks is set.
typedef struct RtreeCallback {
    int (*geometry)(sqlite3_rtree_geometry *, int, f64 *, int *);
    int (*query)(sqlite3_rtree_query_info *);
    void *context;
    void (*destroy)(void *);
} RtreeCallback;

// The value of the function: its arguments as numbers and as values.
typedef struct MatchArgs {
    RtreeCallback callback;
    int count;
    f64 *numbers;
    sqlite3_value **values; // count of them, owned
} MatchArgs;

struct RtreeMatch {
    sqlite3_rtree_query_info info; // its first five members are an sqlite3_rtree_geometry
    RtreeCallback callback;
    MatchArgs *args;
};

const char rtree_match_type[] = "RtreeMatchArg";

// The destructor of the pointer value; NULL is legal.
static void args_free(void *pointer)
{
    MatchArgs *args = pointer;
    if (args == NULL)
        return;
    for (int i = 0; i < args->count; i++)
        sqlite3_value_free(args->values[i]);
    // The numbers lie in the same block.
    sqlite3_free(args);
}

// One block: the struct, the values, the numbers.
static MatchArgs *args_new(const RtreeCallback *callback, int count, sqlite3_value **values)
{
    ASSERT(count >= 0);

    u64 size = sizeof(MatchArgs) + (u64)count * (sizeof(f64) + sizeof(sqlite3_value *));
    MatchArgs *args = sqlite3_malloc64(size);
    if (args == NULL)
        return NULL;
    memset(args, 0, size);
    args->callback = *callback;
    args->values = (sqlite3_value **)(args + 1);
    args->numbers = (f64 *)(void *)(args->values + count);
    for (int i = 0; i < count; i++) {
        args->numbers[i] = sqlite3_value_double(values[i]);
        args->values[i] = sqlite3_value_dup(values[i]);
        args->count++;
        if (args->values[i] == NULL) {
            args_free(args);
            return NULL;
        }
    }
    return args;
}

// The body of every SQL function that a registration makes.
// Any count of arguments: what they mean is the callback's business.
static void fn_geometry(sqlite3_context *call, int count, sqlite3_value **values)
{
    ASSERT(count >= 0);

    const RtreeCallback *callback = sqlite3_user_data(call);
    MatchArgs *args = args_new(callback, count, values);
    if (args == NULL)
        sqlite3_result_error_nomem(call);
    else
        sqlite3_result_pointer(call, args, rtree_match_type, args_free);
}

// Runs when the function goes: with its replacement, or with the connection.
static void callback_free(void *pointer)
{
    ASSERT(pointer != NULL);

    RtreeCallback *callback = pointer;
    if (callback->destroy != NULL)
        callback->destroy(callback->context);
    sqlite3_free(callback);
}

// Replaces a function of the same name; its callback is freed then.
static int register_callback(sqlite3 *db, const char *name, const RtreeCallback *given)
{
    ASSERT(given != NULL);

    if (sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1) < 0)
        return SQLITE_MISUSE; // no connection: create_function would not free the callback either
    RtreeCallback *callback = sqlite3_malloc(sizeof *callback);
    if (callback == NULL) {
        if (given->destroy != NULL)
            given->destroy(given->context);
        return SQLITE_NOMEM;
    }
    *callback = *given;
    return sqlite3_create_function_v2(db, name, -1, SQLITE_ANY, callback, fn_geometry, NULL, NULL,
                                      callback_free);
}

// The older interface: its context has no destructor.
int sqlite3_rtree_geometry_callback(sqlite3 *db, const char *name,
                                    int (*geometry)(sqlite3_rtree_geometry *, int count,
                                                    sqlite3_rtree_dbl *box, int *inside),
                                    void *arg)
{
    const RtreeCallback callback = {.geometry = geometry, .context = arg};
    return register_callback(db, name, &callback);
}

// The destructor runs also when registering fails.
int sqlite3_rtree_query_callback(sqlite3 *db, const char *name,
                                 int (*query)(sqlite3_rtree_query_info *), void *arg,
                                 void (*destroy)(void *))
{
    const RtreeCallback callback = {.query = query, .context = arg, .destroy = destroy};
    return register_callback(db, name, &callback);
}

// --- one search ---

// A copy, since the value is gone when xFilter returns.
struct RtreeMatch *match_take(sqlite3_value *value, int *rc)
{
    ASSERT(rc != NULL);

    const MatchArgs *args = sqlite3_value_pointer(value, rtree_match_type);
    if (args == NULL) {
        *rc = SQLITE_ERROR;
        return NULL;
    }
    *rc = SQLITE_NOMEM;
    struct RtreeMatch *match = sqlite3_malloc(sizeof *match);
    if (match == NULL)
        return NULL;
    memset(match, 0, sizeof *match);
    match->callback = args->callback;
    match->args = args_new(&args->callback, args->count, args->values);
    if (match->args == NULL) {
        sqlite3_free(match);
        return NULL;
    }
    // A value's numbers were taken from the very arguments; copies may have lost nothing.
    match->info.pContext = match->callback.context;
    match->info.nParam = match->args->count;
    match->info.aParam = match->args->numbers;
    match->info.apSqlParam = match->args->values;
    *rc = SQLITE_OK;
    return match;
}

// What a callback keeps of a search (pUser) ends with the search.
void match_free(struct RtreeMatch *match)
{
    if (match == NULL)
        return;
    if (match->info.xDelUser != NULL)
        match->info.xDelUser(match->info.pUser);
    args_free(match->args);
    sqlite3_free(match);
}

// The older callback knows inside and outside only.
static int ask_geometry(struct RtreeMatch *match, f64 *coords, int count, RtreeVisit *visit)
{
    ASSERT(match->callback.query == NULL);
    ASSERT(match->callback.geometry != NULL);

    int inside = 0;
    sqlite3_rtree_geometry *geometry = (sqlite3_rtree_geometry *)(void *)&match->info;
    TRY(match->callback.geometry(geometry, count, coords, &inside));
    visit->within = inside == 0 ? NOT_WITHIN : PARTLY_WITHIN;
    visit->score = 0;
    return SQLITE_OK;
}

// The arrays that the callback is lent are copies: it may write to them.
int match_visit(struct RtreeMatch *match, const f64 *coords, int count, RtreeVisit *visit)
{
    ASSERT(count > 0 && count <= RTREE_COORDS_MAX);
    ASSERT(match->args != NULL);
    ASSERT(visit->queue_counts != NULL);

    static_assert(offsetof(sqlite3_rtree_query_info, xDelUser)
                      == offsetof(sqlite3_rtree_geometry, xDelUser),
                  "a geometry is the head of a query info");
    f64 box[RTREE_COORDS_MAX]; // the callback's own copy, as it may write to it
    memcpy(box, coords, (size_t)count * sizeof box[0]);
    if (match->callback.geometry != NULL)
        return ask_geometry(match, box, count, visit);

    sqlite3_rtree_query_info *info = &match->info;
    unsigned counts[RTREE_DEPTH_MAX + 1];
    memcpy(counts, visit->queue_counts, sizeof counts);
    info->aCoord = box;
    info->anQueue = counts;
    info->nCoord = count;
    info->iLevel = visit->level;
    info->mxLevel = visit->level_max;
    info->iRowid = visit->rowid;
    info->rParentScore = visit->score;
    info->rScore = visit->score;
    info->eParentWithin = visit->within;
    info->eWithin = visit->within;
    TRY(match->callback.query(info));
    visit->within = info->eWithin;
    visit->score = info->rScore;
    return SQLITE_OK;
}
