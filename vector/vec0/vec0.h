#ifndef QUIRE_VECTOR_VEC0_VEC0_H
#define QUIRE_VECTOR_VEC0_VEC0_H
// The module vec0, sqlite-vec's tables: what its files share. README.md lists the differences.
//
// Shadow tables of a table v, as sqlite-vec 0.1.9 makes them:
//
//     v_info(key text primary key, value any)
//     v_chunks(chunk_id, size, [sequence_id, partition00, ...,] validity BLOB, rowids BLOB)
//         validity: slot i is bit i%8 of byte i/8; rowids: an i64 for each slot, 0 when free
//     v_rowids(rowid, id, chunk_id, chunk_offset)      where a row is; id is a TEXT primary key
//     v_vector_chunksNN(rowid PRIMARY KEY, vectors)    elements of all slots of chunk `rowid`
//     v_metadatachunksNN(rowid PRIMARY KEY, data)      values of all slots:
//         BOOLEAN a bit, INTEGER an i64, FLOAT an f64, TEXT 16 bytes: u32 length, first 12 bytes
//     v_metadatatextNN(rowid PRIMARY KEY, data)        texts of more than 12 bytes, whole, by row
//     v_auxiliary(rowid, value00, ...)
//
// All numbers are little-endian. The column called rowid of the chunk tables is an ordinary one, so
// a chunk's true rowid is looked up before its blob is opened.

#include "vector/index/top_matches.h"
#include "vector/vec_value.h"
#include "vector/vector.h"

enum {
    VEC0_VECTORS_MAX = 16,
    VEC0_PARTITIONS_MAX = 4,
    VEC0_METADATA_MAX = 16,
    VEC0_AUXILIARY_MAX = 16,
    VEC0_COLUMNS_MAX =
        1 + VEC0_VECTORS_MAX + VEC0_PARTITIONS_MAX + VEC0_METADATA_MAX + VEC0_AUXILIARY_MAX,
    VEC0_DIMS_MAX = 8192,
    VEC0_K_MAX = 4096,
    VEC0_CHUNK_SIZE_MAX = 4096,
    VEC0_TEXT_PREFIX = 12, // bytes of a text that lie in its slot
    VEC0_TEXT_SLOT = 16,
};

typedef enum Vec0Kind {
    VEC0_KEY,
    VEC0_VECTOR,
    VEC0_PARTITION,
    VEC0_METADATA,
    VEC0_AUXILIARY
} Vec0Kind;
enum { VEC0_KINDS = VEC0_AUXILIARY + 1 };

typedef enum Vec0Type { VEC0_BOOLEAN, VEC0_INTEGER, VEC0_FLOAT, VEC0_TEXT, VEC0_BLOB } Vec0Type;

typedef struct Vec0Column {
    Vec0Kind kind;
    int index; // among those of its kind
    char *name;
    Vec0Type type;      // of all but vectors
    VectorType element; // of vectors
    Metric metric;
    u32 dims;
} Vec0Column;

typedef struct Vec0Config {
    char *schema, *name;
    Vec0Column columns[VEC0_COLUMNS_MAX]; // [0] is the key, or the rowid
    int column_count;
    bool has_key; // else the key is called rowid
    i64 chunk_size;
    int by_kind[VEC0_KINDS][VEC0_VECTORS_MAX]; // positions in columns
    int counts[VEC0_KINDS];
} Vec0Config;

MUST_USE int vec0_config_parse(Vec0Config *config, int arg_count, const char *const *args,
                               VectorError *error);
void vec0_config_deinit(Vec0Config *config);
const Vec0Column *vec0_column(const Vec0Config *config, Vec0Kind kind, int index);
size_t vec0_vector_size(const Vec0Column *column);
// Bytes of a metadata column's chunk of `slots`.
size_t vec0_metadata_size(const Vec0Column *column, i64 slots);
const char *vec0_type_name(int type); // of an SQL value

// --- vec0_store.c ---

typedef enum Vec0Statement {
    VEC0_ROW_FIND,    // rowid -> chunk, offset, id
    VEC0_ROW_FIND_ID, // id -> rowid
    VEC0_ROW_INSERT,
    VEC0_ROW_PLACE,
    VEC0_ROW_DELETE,
    VEC0_CHUNK_LAST, // of a partition
    VEC0_CHUNK_INSERT,
    VEC0_CHUNK_DELETE,
    VEC0_CHUNK_READ,
    VEC0_AUX_INSERT,
    VEC0_AUX_READ,
    VEC0_AUX_DELETE,
    VEC0_CHUNKS_READ, // for the first vector column; those of the others follow
} Vec0Statement;
enum { VEC0_STATEMENTS = VEC0_CHUNKS_READ + VEC0_VECTORS_MAX };

typedef struct Vec0Table {
    sqlite3_vtab base;
    sqlite3 *db;
    const VectorKernels *kernels;
    Vec0Config config;
    sqlite3_stmt *statements[VEC0_STATEMENTS];
} Vec0Table;

int vec0_fail(Vec0Table *table, int rc, const char *format, ...);
int vec0_corrupt(Vec0Table *table, const char *what);
MUST_USE int vec0_create(Vec0Table *table);
MUST_USE int vec0_drop(Vec0Table *table);
MUST_USE int vec0_rename(Vec0Table *table, const char *new_name);
MUST_USE int vec0_exec(Vec0Table *table, const char *format, ...);
MUST_USE int vec0_statement(Vec0Table *table, Vec0Statement which, sqlite3_stmt **out);
MUST_USE int vec0_prepare(Vec0Table *table, sqlite3_stmt **out, const char *format, ...);
void vec0_finalize(Vec0Table *table);

// Where a row is.
typedef struct Vec0Place {
    i64 rowid, chunk, offset;
} Vec0Place;
MUST_USE int vec0_find(Vec0Table *table, i64 rowid, Vec0Place *place, bool *found);

// A blob of a chunk: NN of a kind, or one of v_chunks.
MUST_USE int vec0_blob_open(Vec0Table *table, const Vec0Column *column, i64 chunk, bool write,
                            sqlite3_blob **out);
MUST_USE int vec0_slot_read(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                            u8 *out);
MUST_USE int vec0_slot_write(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                             const u8 *bytes);
// Validity bit and rowid of a slot.
MUST_USE int vec0_slot_claim(Vec0Table *table, const Vec0Place *place, bool is_used,
                             bool *is_empty);

// --- vec0_metadata.c ---

// A metadata value as its slot has it.
MUST_USE int vec0_metadata_check(Vec0Table *table, const Vec0Column *column, sqlite3_value *value);
MUST_USE int vec0_metadata_write(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                                 sqlite3_value *value);
MUST_USE int vec0_metadata_result(Vec0Table *table, const Vec0Column *column,
                                  const Vec0Place *place, sqlite3_context *ctx);
MUST_USE int vec0_metadata_clear(Vec0Table *table, const Vec0Column *column,
                                 const Vec0Place *place);

typedef enum Vec0Compare {
    VEC0_EQ = 'a',
    VEC0_GT = 'b',
    VEC0_LE = 'c',
    VEC0_LT = 'd',
    VEC0_GE = 'e',
    VEC0_NE = 'f',
    VEC0_IN = 'g',
} Vec0Compare;
typedef struct Vec0Filter {
    const Vec0Column *column;
    Vec0Compare compare;
    sqlite3_value *operand; // for IN a list that sqlite3_vtab_in_first() reads
} Vec0Filter;
// Clears the bits of slots of a chunk whose value does not compare so.
MUST_USE int vec0_metadata_filter(Vec0Table *table, const Vec0Filter *filter, i64 chunk,
                                  const i64 *rowids, u8 *bits);
bool vec0_compares(Vec0Compare compare, int order); // order: sign of value - operand

// --- vec0_write.c ---

int vec0_update(sqlite3_vtab *base, int arg_count, sqlite3_value **args, sqlite3_int64 *rowid);
MUST_USE int vec0_key_rowid(Vec0Table *table, sqlite3_value *key, i64 *rowid, bool *found);

// --- vec0_search.c ---

typedef struct Vec0Constraint {
    char kind;    // ']' partition, '&' metadata, '*' distance, '[' rowids
    int index;    // of the column among its kind
    char compare; // Vec0Compare; for distances a > b >= c < d <=
    sqlite3_value *value;
} Vec0Constraint;
typedef struct Vec0Search {
    const Vec0Column *column;
    Vector query;
    size_t k;
    const Vec0Constraint *constraints;
    int constraint_count;
} Vec0Search;
// The k nearest rows, in order (sqlite3_free).
MUST_USE int vec0_search(Vec0Table *table, const Vec0Search *search, Match **matches,
                         size_t *count);

MUST_USE int vec0_register(sqlite3 *db, const VectorKernels *kernels);

#endif
