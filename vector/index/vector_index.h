#ifndef QUIRE_VECTOR_INDEX_VECTOR_INDEX_H
#define QUIRE_VECTOR_INDEX_VECTOR_INDEX_H
// The approximate index: what its files share. README.md has the design and the invariants (I1..).
//
//     CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, embedding, metric=cosine);
//     SELECT id, distance FROM vector_top_k('docs_vec', ?1, 10);
//
// On disk. Ordinary tables, numbers little-endian:
//
//     docs_vec_meta(key INTEGER PRIMARY KEY, value BLOB)
//         1  state, see index_state.c     2  mean of the rotated vectors, f32 * width
//     docs_vec_lists(id INTEGER PRIMARY KEY, data BLOB)
//         f32 radius, f32 scale, i16 * width: a centroid is scale * i16; radius is the root of the
//         members' mean square distance from it
//     docs_vec_blocks(id INTEGER PRIMARY KEY, data BLOB)
//         id = list << 20 | number, numbers 0, 1, ... without a gap; see list_block.c
//     docs_vec_map(id INTEGER PRIMARY KEY, data BLOB)
//         id = rowid >> 8 (floor); entries of 5 bytes, ascending: u8 rowid & 255, u32 list
//     docs_vec_queue(seq INTEGER PRIMARY KEY, id INTEGER)
//         rowids that triggers saw change and that the index has not taken in
//     docs_vec_groups(id INTEGER PRIMARY KEY, p0, ..., UNIQUE(p0, ...))
//         with prefix columns only: the values that their rows have, see index_prefix.h; the lists
//         then have a third column, "group"
//
// Everything stored lives in the rotated space: a vector is normalised (cosine only), padded with
// zeroes to `width` and rotated by a rotation that the seed in the state determines.

#include "vector/index/row_code.h"
#include "vector/index/row_filter.h"
#include "vector/index/top_matches.h"
#include "vector/vector.h"

// --- configuration: what CREATE VIRTUAL TABLE said ---

enum { PREFIX_MAX = 4 };

// A column that parts the index.
typedef struct PrefixColumn {
    char *name;
    const char *affinity;
} PrefixColumn;

typedef struct IndexConfig {
    char *schema, *name;  // of the index
    char *table, *column; // what it indexes
    Metric metric;        // COSINE, L2, L2SQ, DOT or HAMMING
    u32 dims;             // 0: taken from the column's type or the first vector
    u32 list_size;        // rows that a list should have
    f64 recall;           // what a query that names none aims at
    i64 memory;           // bytes that a build may take
    u64 seed;             // of rotation and first centroids; 0: a random one
    PrefixColumn prefix[PREFIX_MAX];
    u32 prefix_count;
    const char *rowid; // the name by which the table's rowid can be reached
} IndexConfig;

MUST_USE int index_config_parse(IndexConfig *config, int arg_count, const char *const *args,
                                VectorError *error);
// Looks at the table: that it is there, has rowids and the column, and what the column declares.
MUST_USE int index_config_resolve(IndexConfig *config, sqlite3 *db, VectorError *error);
void index_config_deinit(IndexConfig *config);
const char *index_metric_name(Metric metric);

// --- state: counters and parameters, one row of the meta table ---

enum { MISS_COUNT = 8 }; // quantiles kept of the calibration, see index_calibrate.c

typedef struct IndexState {
    u32 dims, width;        // 0 until the first vector is known
    u32 rows_per_block;     // of all blocks but a list's last (I2)
    u32 next_list;          // greatest list id ever used + 1
    u32 list_count;         // tier 0: none, tier 1: one, tier 2: more
    u64 seed;               // of the rotation
    u64 generation;         // another number whenever a centroid changed
    i64 row_count, skipped; // vectors in the lists; rows without a fit vector
    i64 rowid_max;          // greatest rowid ever taken in
    i64 strays;             // rows taken in since the build that lay far outside of their list
    bool is_stale;          // rows changed behind the triggers' back: only exact answers are right
    f32 miss[MISS_COUNT];
    f32 probe_mean; // lists that a query visits, as calibrated
} IndexState;

// Row counts at which an index turns to codes, and to lists.
enum { TIER1_ROWS = 1000, TIER2_ROWS = 5000 };

// --- the lists of the index, in memory, in the order of groups, then ids ---

typedef struct ListCache {
    u64 generation; // of the state it was read at; 0: nothing is cached
    u32 count, capacity, width;
    u32 *ids;
    u32 *groups; // see index_prefix.h; 0 without prefix columns
    f32 *radii;
    f32 *squares;   // of the centroids' norms
    f32 *centroids; // count * width
    f32 *mean;      // width
} ListCache;

// --- statements on the tables, prepared when first used ---

typedef enum StoreStatement {
    STORE_META_READ,
    STORE_META_WRITE,
    STORE_LISTS_READ,
    STORE_LIST_WRITE,
    STORE_LIST_DELETE,
    STORE_BLOCKS_READ,
    STORE_BLOCK_TAIL,
    STORE_BLOCK_WRITE,
    STORE_BLOCKS_DELETE,
    STORE_MAP_READ,
    STORE_MAP_WRITE,
    STORE_MAP_DELETE,
    STORE_QUEUE_READ,
    STORE_QUEUE_DELETE,
    STORE_ROW_READ,
    STORE_ROWS_READ,
    STORE_ROWS_COUNT,
    STORE_ROWID_MAX,
    STORE_SCHEMA_VERSION,
    STORE_TRIGGERS_READ,
    // Of an index with prefix columns:
    STORE_PREFIX_GROUPS,
    STORE_PREFIX_ROW,
    STORE_PREFIX_ROWS,
    STORE_PREFIX_OF_ROW,
    STORE_ROWS_GROUPED,
    STORE_GROUP_OF_ROW,
    STORE_GROUP_ADD,
    STORE_GROUPS_FILL,
    STORE_GROUP_MAX,
    STORE_GROUP_DELETE,
} StoreStatement;
enum { STORE_PREFIX_FIRST = STORE_PREFIX_GROUPS, STORE_COUNT = STORE_GROUP_DELETE + 1 };

typedef struct Index {
    sqlite3_vtab base;
    sqlite3 *db;
    const VectorKernels *kernels;
    IndexConfig config;
    IndexState state;
    Rotation rotation; // for state.seed and state.width
    ListCache lists;
    sqlite3_stmt *statements[STORE_COUNT];
    u32 prefix_mask;    // the prefix columns for which statements are prepared
    i64 schema_version; // at which the triggers were last found in order; -1: not yet
    bool triggers_ok;
    bool is_busy; // in the middle of a change of its own: nested queries must not start another
} Index;

// Sets the message of the virtual table; returns rc.
int index_fail(Index *index, int rc, const char *format, ...); // with %w, too
// The database does not hold what this code wrote.
// The hidden column that takes commands: called like the index, or `command` where the index is
// called like a column.
const char *index_command_column(const char *name);
// Whether a name is that of one of the index's own columns.
bool index_column_is_fixed(const char *name);
int index_corrupt(Index *index, const char *what);

// --- index_store.c ---

MUST_USE int store_create(Index *index);
MUST_USE int store_drop(Index *index);
MUST_USE int store_rename(Index *index, const char *new_name);
MUST_USE int store_exec(Index *index, const char *format, ...);
// The statement, reset and without bindings' meaning; to be reset by the caller when done.
MUST_USE int store_statement(Index *index, StoreStatement which, sqlite3_stmt **out);
void store_finalize(Index *index);
// Steps a statement that returns no rows, and resets it.
MUST_USE int store_meta_read(Index *index, i64 key, u8 **value, size_t *size); // sqlite3_free
MUST_USE int store_meta_write(Index *index, i64 key, const void *value, size_t size);
// One number; `found` says whether there was one.
MUST_USE int store_number(Index *index, StoreStatement which, i64 *value, bool *found);

// --- index_state.c ---

MUST_USE int state_read(Index *index);
MUST_USE int state_write(Index *index);
// Sets dimensions and all that follows from them.
MUST_USE int state_set_dims(Index *index, u32 dims);
// Finds out whether rows may have changed unseen.
MUST_USE int state_check_triggers(Index *index);
u64 random_u64(void);

// --- index_vector.c: vectors of the table, as the index sees them ---

typedef enum RowKind {
    ROW_FIT,   // rotated into the buffer
    ROW_HUGE,  // elements that the codes cannot hold: always compared exactly
    ROW_ZERO,  // by the cosine, at right angles to every query
    ROW_UNFIT, // NULL, NaN, no vector, or one of another type or dimension
} RowKind;

// Reads the form of a value; RowKind UNFIT where it is not a vector of the index.
bool index_vector_decode(const Index *index, sqlite3_value *value, Vector *out);
// Normalises and rotates.
RowKind index_vector_rotate(const Index *index, const Vector *vector, f32 *rotated);
bool vector_has_nan(const Vector *vector);
// Reads a row and rotates it.
MUST_USE int index_row_read(Index *index, i64 rowid, f32 *rotated, RowKind *kind);

// --- list_cache.c ---

// Makes the cache agree with the state.
MUST_USE int lists_load(Index *index);
void lists_free(ListCache *lists);
MUST_USE int lists_alloc(ListCache *lists, u32 count, u32 width); // empty, with room for `count`
MUST_USE int list_write(Index *index, u32 id, u32 group, const f32 *centroid, f32 radius);
MUST_USE int list_delete(Index *index, u32 id);
// Rounds a centroid to what the table will hold.
void centroid_round(f32 *centroid, u32 width);
// Changes the cache alone: a list's centroid, or one more list, whose id is the greatest.
MUST_USE int lists_put(Index *index, u32 id, u32 group, const f32 *centroid, f32 radius);
// The same in cache and tables: one more list.
MUST_USE int lists_add(Index *index, u32 group, const f32 *centroid, f32 radius);
// Positions of a group's lists: from *first up to, but not including, *end.
void lists_of_group(const ListCache *lists, u32 group, u32 *first, u32 *end);
void lists_drop(ListCache *lists, u32 id);
// The tables say now what the cache says: other connections must read them anew.
void lists_changed(Index *index);
i64 lists_position(const ListCache *lists, u32 id); // -1: there is none
// The nearest list of its group for each of `count` rotated vectors: positions in the cache. The
// groups must have lists.
MUST_USE int lists_nearest(Index *index, const f32 *vectors, const u32 *groups, size_t count,
                           u32 *positions);
struct Blas;
MUST_USE int lists_nearest_by(const Index *index, const struct Blas *blas, const f32 *vectors,
                              const u32 *groups, size_t count, u32 *positions);

// --- list_block.c ---

enum { BLOCK_HEADER_SIZE = 8, BLOCK_NUMBER_BITS = 20 };

// A block's parts, within the blob that was checked.
typedef struct Block {
    u32 list, number, row_count;
    const u8 *rowids, *factors, *codes;
} Block;

MUST_USE int block_read(Index *index, sqlite3_stmt *stmt, Block *out); // a row of BLOCKS_READ
i64 block_rowid(const Block *block, u32 row);
static inline RowFactors block_factors(const Block *block, u32 row)
{
    ASSERT(row < block->row_count);
    RowFactors factors;
    memcpy(&factors, block->factors + sizeof factors * row, sizeof factors);
    return factors;
}

// Rows on their way into a list.
typedef struct RowBatch {
    i64 *rowids;
    RowFactors *factors;
    u8 *codes;
    size_t count, capacity;
} RowBatch;
MUST_USE int batch_reserve(RowBatch *batch, size_t code_size, size_t capacity);
void batch_deinit(RowBatch *batch);

// *length: rows of the list afterwards.
MUST_USE int list_append(Index *index, u32 list, const RowBatch *rows, size_t first, size_t count,
                         u32 *length);
// Removes one row; false in *found where the list has none of that rowid. *left: rows that remain.
MUST_USE int list_remove(Index *index, u32 list, i64 rowid, bool *found, u32 *left);
MUST_USE int list_row_count(Index *index, u32 list, u32 *count);
MUST_USE int list_rowids(Index *index, u32 list, i64 **rowids, size_t *count); // sqlite3_free
MUST_USE int list_clear(Index *index, u32 list);
i64 block_id(u32 list, u32 number);
u32 rows_per_block(u32 width, u32 page_size);

// --- list_map.c ---

typedef struct MapEntry {
    i64 rowid;
    u32 list; // 0: not in the index
} MapEntry;
// Both take entries in ascending order of rowid.
MUST_USE int map_find(Index *index, MapEntry *entries, size_t count);
MUST_USE int map_store(Index *index, const MapEntry *entries, size_t count);

// --- index_build.c, index_drain.c, index_split.c ---

// Makes the index anew from the table.
MUST_USE int index_build(Index *index);
// Takes in what the queue names, at most `limit` entries. *left: whether there is more.
MUST_USE int index_drain(Index *index, i64 limit, bool *left);

// --- index_search.c ---

typedef struct SearchPlan {
    u32 tier;
    u32 lists_probed, list_count;
    u32 reranked; // rows whose vectors were read
    bool is_exact;
} SearchPlan;

typedef struct SearchResult {
    Match *matches; // by distance, then rowid (sqlite3_free)
    size_t count;
    bool is_complete; // there are no others than these
    SearchPlan plan;
} SearchResult;

// Which rows a search may find.
typedef struct SearchScope {
    const RowFilter *filter;
    const struct PrefixValues *prefix; // NULL, or what the prefix columns must be
} SearchScope;

// The nearest `k` rows of the table in the scope.
MUST_USE int index_search(Index *index, const Vector *query, size_t k, f64 recall,
                          SearchScope scope, SearchResult *out);

// --- index_check.c ---

// Reads everything; *report (sqlite3_free) is NULL where all is well.
MUST_USE int index_check(Index *index, char **report);

// --- modules ---

MUST_USE int vector_index_register(sqlite3 *db, const VectorKernels *kernels);
MUST_USE int vector_top_k_register(sqlite3 *db);
// CREATE INDEX … USING vector, in quire.
MUST_USE int vector_index_method_register(sqlite3 *db);
MUST_USE int vector_index_info_register(sqlite3 *db, const VectorKernels *kernels);

#endif
