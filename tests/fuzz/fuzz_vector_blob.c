// Any bytes as vectors: arguments of every function, and rows that are searched.
//
// An input is values, each after two bytes that say what it is (text, blob, or a blob of the type
// that a vec_* constructor gives) and its length. What is demanded beyond being unharmed: a vector
// that is printed reads back as the same bytes, and a search that may leave rows early (ORDER BY a
// distance with a LIMIT) finds what sorting all distances finds.

#include "fuzz.h"
#include "sqlite3.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 12,
    NEAREST = 3,
    HEAP_MAX = 64 << 20, // bytes in use at once
    STEPS_MAX = 200000,  // instructions of one input
    STEP_UNIT = 1000,
};

// Of one vector.
static const char *const unary[] = {
    "vector(?1)",
    "vector32(?1)",
    "vector64(?1)",
    "vector16(?1)",
    "vectorb16(?1)",
    "vector8(?1)",
    "vector1bit(?1)",
    "vector32_sparse(?1)",
    "vector_extract(?1)",
    "vector_dims(?1)",
    "vector_sum(?1)",
    "vector_avg(?1)",
    "vector_slice(?1, 0, 1)",
    "vector_slice(?1, 1, 3)",
    "vec_f32(?1)",
    "vec_int8(?1)",
    "vec_bit(?1)",
    "vec_to_json(?1)",
    "vec_type(?1)",
    "vec_length(?1)",
    "vec_to_json(vec_int8(?1))",
    "vec_to_json(vec_bit(?1))",
    "vec_slice(?1, 0, 2)",
    "vec_slice(vec_bit(?1), 0, 8)",
    "vec_normalize(?1)",
    "vec_quantize_binary(?1)",
    "vec_quantize_int8(?1, 'unit')",
    "(SELECT sum(value) FROM vec_each(?1))",
};

// Of two.
static const char *const binary[] = {
    "vector_distance_cos(?1, ?2)",
    "vector_distance_l2(?1, ?2)",
    "vector_distance_l2sq(?1, ?2)",
    "vector_distance_dot(?1, ?2)",
    "vector_distance_l1(?1, ?2)",
    "vector_distance_hamming(?1, ?2)",
    "vector_distance_jaccard(?1, ?2)",
    "vector_concat(?1, ?2)",
    "vec_distance_l2(?1, ?2)",
    "vec_distance_l1(?1, ?2)",
    "vec_distance_cosine(?1, ?2)",
    "vec_distance_hamming(vec_bit(?1), vec_bit(?2))",
    "vec_distance_l2(vec_int8(?1), vec_int8(?2))",
    "vec_add(?1, ?2)",
    "vec_sub(?1, ?2)",
    "vec_add(vec_int8(?1), vec_int8(?2))",
};

// What is searched by.
static const char *const orders[] = {
    "vector_distance_cos(v, ?1)",
    "vector_distance_l2(v, ?1)",
    "vector_distance_l2sq(v, ?1)",
    "vector_distance_dot(v, ?1)",
    "vector_distance_l1(v, ?1)",
    "vector_distance_hamming(v, ?1)",
    "vec_distance_l2(v, ?1)",
    "vec_distance_l1(v, ?1)",
    "vec_distance_cosine(v, ?1)",
    "vec_distance_hamming(vec_bit(v), vec_bit(?1))",
    "vec_distance_l2(vec_int8(v), vec_int8(?1))",
};

typedef struct Piece {
    const uint8_t *bytes;
    int size;
    bool is_text;
} Piece;

static void demand(bool holds, sqlite3 *db, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    abort();
}

static int over_limit(void *arg)
{
    long *units = arg;
    return ++*units > STEPS_MAX / STEP_UNIT;
}

static int cut(const uint8_t *data, size_t size, Piece *pieces)
{
    int count = 0;
    size_t at = 0;
    while (count < VALUES_MAX && size - at >= 2) {
        size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        pieces[count++] =
            (Piece){.bytes = data + at + 2, .size = (int)length, .is_text = (data[at] & 3) == 3};
        at += 2 + length;
    }
    return count;
}

static void bind(sqlite3_stmt *stmt, int index, const Piece *piece)
{
    if (piece->is_text)
        sqlite3_bind_text(stmt, index, (const char *)piece->bytes, piece->size, SQLITE_STATIC);
    else
        sqlite3_bind_blob(stmt, index, piece->bytes, piece->size, SQLITE_STATIC);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *format, const char *term)
{
    char sql[400];
    snprintf(sql, sizeof sql, format, term, term);
    sqlite3_stmt *stmt = NULL;
    demand(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, db, sql);
    return stmt;
}

static void call(sqlite3 *db, const char *term, const Piece *a, const Piece *b)
{
    sqlite3_stmt *stmt = prepare(db, "SELECT %s", term);
    bind(stmt, 1, a);
    if (b != NULL)
        bind(stmt, 2, b);
    int rc = sqlite3_step(stmt) & 0xff;
    demand(rc == SQLITE_ROW || rc == SQLITE_ERROR || rc == SQLITE_TOOBIG || rc == SQLITE_NOMEM, db,
           term);
    sqlite3_finalize(stmt);
}

// Printed and read again, a vector of 32-bit or 64-bit elements has the same bytes.
static void check_text(sqlite3 *db, const char *type, const Piece *piece)
{
    sqlite3_stmt *stmt = prepare(
        db, "WITH x(b) AS MATERIALIZED (SELECT %s(?1)) SELECT b IS %s(vector_extract(b)) FROM x",
        type);
    bind(stmt, 1, piece);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        demand(sqlite3_column_int(stmt, 0) == 1, db, "printed and read again");
    sqlite3_finalize(stmt);
}

// The distances of the nearest, which are NAN where there is no row; false for an error.
static bool nearest(sqlite3 *db, const char *format, const char *order, const Piece *query,
                    double *distances)
{
    sqlite3_stmt *stmt = prepare(db, format, order);
    bind(stmt, 1, query);
    int rc = sqlite3_step(stmt);
    for (int i = 0; i < NEAREST; i++) {
        distances[i] = rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL
                           ? sqlite3_column_double(stmt, 0)
                           : (double)NAN;
        if (rc == SQLITE_ROW)
            rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static void check_search(sqlite3 *db, const char *order, const Piece *query)
{
    double found[NEAREST];
    double sorted[NEAREST];
    bool ok = nearest(db, "SELECT %s FROM t ORDER BY %s LIMIT 3", order, query, found);
    // A sum in the select list is a value like another: all rows are measured in full, then sorted.
    bool ok_all = nearest(db,
                          "WITH x(d) AS MATERIALIZED (SELECT %s FROM t) SELECT d FROM x ORDER BY d"
                          " LIMIT 3",
                          order, query, sorted);
    if (!ok || !ok_all)
        return;
    for (int i = 0; i < NEAREST; i++) {
        bool same = found[i] == sorted[i] || (isnan(found[i]) && isnan(sorted[i]));
        if (!same)
            fprintf(stderr, "%s: %.17g, not %.17g\n", order, found[i], sorted[i]);
        demand(same, db, "a search that leaves rows early");
    }
}

static void fill(sqlite3 *db, const Piece *pieces, int count)
{
    sqlite3_stmt *stmt = prepare(db, "INSERT INTO t VALUES(?1)", "");
    for (int i = 0; i < count; i++) {
        bind(stmt, 1, &pieces[i]);
        demand(sqlite3_step(stmt) == SQLITE_DONE, db, "insert");
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
}

// One connection serves all inputs: none of them outlives its transaction.
static sqlite3 *connection(long *units)
{
    static sqlite3 *db;
    if (db == NULL) {
        sqlite3_hard_heap_limit64(HEAP_MAX);
        demand(sqlite3_open(":memory:", &db) == SQLITE_OK, db, "open");
        demand(sqlite3_exec(db, "CREATE TABLE t(v)", NULL, NULL, NULL) == SQLITE_OK, db, "create");
    }
    sqlite3_progress_handler(db, STEP_UNIT, over_limit, units);
    return db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Piece pieces[VALUES_MAX];
    int count = cut(data, size, pieces);
    if (count == 0)
        return 0;
    long units = 0;
    sqlite3 *db = connection(&units);
    demand(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK, db, "begin");
    const Piece *a = &pieces[0];
    const Piece *b = &pieces[count > 1 ? 1 : 0];
    for (size_t i = 0; i < sizeof unary / sizeof *unary; i++)
        call(db, unary[i], a, NULL);
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        call(db, binary[i], a, b);
    check_text(db, "vector32", a);
    check_text(db, "vector64", a);
    fill(db, pieces, count);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        check_search(db, orders[i], a);
    demand(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK, db, "rollback");
    return 0;
}
