// Exact search, ORDER BY vector_distance_*(column, ?) LIMIT k: for every type and metric it gives
// the rows that a reference in double precision gives, which reads the stored blobs by itself.
#include "support/test.h"

#include "base/prng.h"
#include "sqlite3.h"

enum { ROWS = 250, NEAREST = 25, DIMS_MAX = 1100 };

typedef enum Type { F32, F64, F16, BF16, EIGHT_BIT, ONE_BIT, SPARSE, TYPE_COUNT } Type;
static const char *const constructors[TYPE_COUNT] = {
    "vector32", "vector64", "vector16", "vectorb16", "vector8", "vector1bit", "vector32_sparse"};
static const char *const metrics[] = {"cos", "l2", "l2sq", "dot", "l1", "hamming", "jaccard"};
enum { METRIC_COUNT = sizeof metrics / sizeof *metrics };

static bool metric_exists(Type type, const char *metric)
{
    bool is_of_bits = strcmp(metric, "hamming") == 0;
    if (type == ONE_BIT)
        return strcmp(metric, "l2") != 0 && strcmp(metric, "l2sq") != 0
               && strcmp(metric, "l1") != 0;
    return !is_of_bits;
}

// --- the reference ---

static double half_to_double(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;
    double value = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return half >> 15 ? -value : value;
}

static float f32_at(const uint8_t *bytes)
{
    float value;
    memcpy(&value, bytes, 4);
    return value;
}

static double upper_half(const uint8_t *bytes)
{
    uint8_t whole[4] = {0, 0, bytes[0], bytes[1]};
    return (double)f32_at(whole);
}

// What element i of a dense blob is.
static double element(Type type, const uint8_t *blob, size_t size, size_t i)
{
    double wide;
    uint16_t half;
    switch (type) {
    case F32: return (double)f32_at(blob + 4 * i);
    case F64: memcpy(&wide, blob + 8 * i, 8); return wide;
    case F16: memcpy(&half, blob + 2 * i, 2); return half_to_double(half);
    case BF16: return upper_half(blob + 2 * i);
    case EIGHT_BIT:
        return (double)f32_at(blob + size - 11) * blob[i] + (double)f32_at(blob + size - 7);
    case ONE_BIT: return blob[i / 8] >> (i % 8) & 1;
    case SPARSE:
    case TYPE_COUNT: break;
    }
    fail();
    return 0;
}

static void decode(Type type, const uint8_t *blob, size_t size, size_t dims, double *out)
{
    if (type != SPARSE) {
        for (size_t i = 0; i < dims; i++)
            out[i] = element(type, blob, size, i);
        return;
    }
    size_t stored = (size - 5) / 8;
    memset(out, 0, dims * sizeof *out);
    for (size_t k = 0; k < stored; k++) {
        uint32_t index;
        memcpy(&index, blob + 4 * stored + 4 * k, 4);
        out[index] = (double)f32_at(blob + 4 * k);
    }
}

typedef struct Sums {
    double dot, a, b, square, absolute, least, greatest, differing;
} Sums;

static Sums sums_of(const double *a, const double *b, size_t dims)
{
    Sums s = {0};
    for (size_t i = 0; i < dims; i++) {
        s.dot += a[i] * b[i];
        s.a += a[i] * a[i];
        s.b += b[i] * b[i];
        s.square += (a[i] - b[i]) * (a[i] - b[i]);
        s.absolute += fabs(a[i] - b[i]);
        s.least += a[i] < b[i] ? a[i] : b[i];
        s.greatest += a[i] < b[i] ? b[i] : a[i];
        s.differing += a[i] != b[i];
    }
    return s;
}

// *scale: what an error of single precision is relative to.
static double reference(Type type, const char *metric, const Sums *s, size_t dims, double *scale)
{
    *scale = 1;
    if (strcmp(metric, "hamming") == 0 || (type == ONE_BIT && strcmp(metric, "cos") == 0))
        return s->differing;
    if (strcmp(metric, "cos") == 0)
        return 1 - s->dot / sqrt(s->a * s->b);
    if (strcmp(metric, "jaccard") == 0)
        return s->greatest == 0 ? NAN : 1 - s->least / s->greatest;
    *scale = sqrt(s->a * s->b) + s->a + s->b + (double)dims;
    if (strcmp(metric, "l2") == 0)
        return sqrt(s->square);
    if (strcmp(metric, "l2sq") == 0)
        return s->square;
    if (strcmp(metric, "l1") == 0)
        return s->absolute;
    return type == ONE_BIT ? 2 * s->differing - (double)dims : -s->dot;
}

// --- a table and its reference ---

typedef struct Fixture {
    sqlite3 *db;
    Type type;
    size_t dims;
    uint8_t query[8 * DIMS_MAX + 16];
    size_t query_size;
    double elements[ROWS][DIMS_MAX];
    double query_elements[DIMS_MAX];
    double distance[ROWS], scale;
} Fixture;

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return stmt;
}

static char *random_text(Prng *prng, Type type, size_t dims)
{
    static char text[DIMS_MAX * 24];
    size_t at = 0;
    for (size_t i = 0; i < dims; i++) {
        double value = (double)(prng_below(prng, 20001)) / 1000 - 10;
        if (type == SPARSE && prng_below(prng, 4) != 0)
            value = 0;
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%.3f", i == 0 ? '[' : ',', value);
    }
    snprintf(text + at, sizeof text - at, "]");
    return text;
}

static void keep_query(Fixture *f, const char *text)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT %s(?1)", constructors[f->type]);
    sqlite3_stmt *stmt = prepare(f->db, sql);
    assert_ok(sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC));
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    f->query_size = (size_t)sqlite3_column_bytes(stmt, 0);
    assert_true(f->query_size <= sizeof f->query);
    memcpy(f->query, sqlite3_column_blob(stmt, 0), f->query_size);
    assert_ok(sqlite3_finalize(stmt));
    decode(f->type, f->query, f->query_size, f->dims, f->query_elements);
}

static void fill_table(Fixture *f, Prng *prng)
{
    char sql[120];
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES(?1, %s(?2))", constructors[f->type]);
    run(f->db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)");
    sqlite3_stmt *stmt = prepare(f->db, sql);
    for (int i = 0; i < ROWS; i++) {
        assert_ok(sqlite3_bind_int(stmt, 1, i + 1));
        assert_ok(
            sqlite3_bind_text(stmt, 2, random_text(prng, f->type, f->dims), -1, SQLITE_STATIC));
        assert_rc(SQLITE_DONE, sqlite3_step(stmt));
        assert_ok(sqlite3_reset(stmt));
    }
    assert_ok(sqlite3_finalize(stmt));
    // Rows that are the same as earlier ones: ties.
    run(f->db, "UPDATE t SET v = (SELECT v FROM t b WHERE b.id = t.id / 3 + 1) WHERE id % 3 = 0");
}

static void read_table(Fixture *f)
{
    sqlite3_stmt *stmt = prepare(f->db, "SELECT id, v FROM t");
    while (sqlite3_step(stmt) == SQLITE_ROW)
        decode(f->type, sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1),
               f->dims, f->elements[sqlite3_column_int(stmt, 0) - 1]);
    assert_ok(sqlite3_finalize(stmt));
}

static Fixture *fixture_new(Type type, size_t dims, int page_size)
{
    Fixture *f = calloc(1, sizeof *f);
    Prng prng;
    char pragma[60];
    assert_non_null(f);
    size_t seed = dims * 100 + type;
    prng_init(&prng, &seed, sizeof seed);
    assert_ok(sqlite3_open(":memory:", &f->db));
    snprintf(pragma, sizeof pragma, "PRAGMA page_size = %d", page_size);
    run(f->db, pragma);
    f->type = type;
    f->dims = dims;
    fill_table(f, &prng);
    read_table(f);
    keep_query(f, random_text(&prng, type, dims));
    return f;
}

static void fixture_free(Fixture *f)
{
    assert_ok(sqlite3_close(f->db));
    free(f);
}

static const Fixture *sorting;

static int compare_rows(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    double dx = sorting->distance[x], dy = sorting->distance[y];
    return dx < dy ? -1 : dx > dy ? 1 : x - y;
}

static void find_nearest(Fixture *f, const char *metric, int *order)
{
    f->scale = 0;
    for (int i = 0; i < ROWS; i++) {
        double scale;
        Sums sums = sums_of(f->elements[i], f->query_elements, f->dims);
        f->distance[i] = reference(f->type, metric, &sums, f->dims, &scale);
        if (isnan(f->distance[i]))
            f->distance[i] = -HUGE_VAL; // not defined: NULL, which comes first
        f->scale = scale > f->scale ? scale : f->scale;
        order[i] = i;
    }
    sorting = f;
    qsort(order, ROWS, sizeof *order, compare_rows);
}

// Row by row as far from the query as in the reference, and equal ones in the order of their ids.
static void check_nearest(Fixture *f, const char *metric, const char *clauses, int skipped)
{
    int order[ROWS], previous = -1, at = skipped;
    char sql[200];
    find_nearest(f, metric, order);
    snprintf(sql, sizeof sql, "SELECT id FROM t ORDER BY vector_distance_%s(v, ?1) %s", metric,
             clauses);
    sqlite3_stmt *stmt = prepare(f->db, sql);
    assert_ok(sqlite3_bind_blob(stmt, 1, f->query, (int)f->query_size, SQLITE_STATIC));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int row = sqlite3_column_int(stmt, 0) - 1;
        double difference = fabs(f->distance[row] - f->distance[order[at]]);
        if (difference > 1e-5 * f->scale)
            fail_msg("%s %s %zu: row %d at %d", constructors[f->type], metric, f->dims, row, at);
        if (previous >= 0
            && memcmp(f->elements[previous], f->elements[row], sizeof f->elements[0]) == 0)
            assert_true(previous < row);
        previous = row;
        at++;
    }
    assert_int_equal(at, skipped + NEAREST);
    assert_ok(sqlite3_finalize(stmt));
}

static void check_type(Type type, size_t dims, int page_size)
{
    Fixture *f = fixture_new(type, dims, page_size);
    for (int m = 0; m < METRIC_COUNT; m++) {
        if (!metric_exists(type, metrics[m]))
            continue;
        check_nearest(f, metrics[m], "LIMIT 25", 0);
        check_nearest(f, metrics[m], ", id LIMIT 25 OFFSET 3", 3);
    }
    fixture_free(f);
}

static void every_type_and_metric_gives_the_nearest_rows(void **state)
{
    (void)state;
    for (int type = 0; type < TYPE_COUNT; type++) {
        check_type((Type)type, 3, 4096);
        check_type((Type)type, 130, 4096);
        check_type((Type)type, 300, 512);   // rows that go on on overflow pages
        check_type((Type)type, 1100, 4096); // one or two to a page, or more than a page
    }
}

// --- what is no plain scan of vectors ---

static void check_same(sqlite3 *db, const char *fast, const char *slow)
{
    sqlite3_stmt *a = prepare(db, fast), *b = prepare(db, slow);
    int rc;
    do {
        rc = sqlite3_step(a);
        assert_rc(rc, sqlite3_step(b));
        if (rc == SQLITE_ROW && sqlite3_column_int(a, 0) != sqlite3_column_int(b, 0))
            fail_msg("%s: %d, not %d", fast, sqlite3_column_int(a, 0), sqlite3_column_int(b, 0));
    } while (rc == SQLITE_ROW);
    assert_ok(sqlite3_finalize(a));
    assert_ok(sqlite3_finalize(b));
}

// Each query by itself, and once more in a form that calls the function for every row.
static void conditions_joins_and_odd_rows_change_nothing(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "SELECT id FROM t WHERE id % 7 < 3 ORDER BY %s, id LIMIT 9",
        "SELECT id FROM t ORDER BY %s DESC, id LIMIT 9",
        "SELECT id FROM t ORDER BY %s NULLS LAST, id LIMIT 9",
        "SELECT t.id FROM t JOIN u ON u.id = t.id ORDER BY %s, t.id LIMIT 9",
        "SELECT u.id FROM u LEFT JOIN t ON u.id = t.id ORDER BY %s, u.id LIMIT 9",
        "SELECT DISTINCT id / 2 FROM t ORDER BY %s, id LIMIT 9",
        "SELECT max(id) FROM t GROUP BY id / 3 ORDER BY %s, id LIMIT 9",
        "SELECT id FROM t WHERE id > 100 ORDER BY %s, id LIMIT 9",
        "SELECT id FROM (SELECT * FROM t WHERE id < 300) AS t ORDER BY %s, id LIMIT 0",
        "SELECT id FROM t WHERE id IN (SELECT id FROM t ORDER BY %s, id LIMIT 5) ORDER BY id",
        "SELECT id FROM t UNION ALL SELECT id FROM u ORDER BY 1 LIMIT (SELECT 4)",
    };
    Fixture *f = fixture_new(F32, 20, 1024);
    run(f->db, "CREATE TABLE u AS SELECT id FROM t WHERE id % 5 = 0");
    run(f->db, "INSERT INTO t VALUES(-1, NULL), (-2, zeroblob(80)), (701, NULL)");
    run(f->db, "UPDATE t SET v = CAST(substr(v, 1, 76) || x'0000C07F' AS BLOB) WHERE id % 50 = 1");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char fast[200], slow[200];
        static const char key[] = "vector_distance_l2(v, vector32('[1,2,3,4,5,6,7,8,9,0,1,2,3,4,"
                                  "5,6,7,8,9,0]'))";
        char plain[160];
        snprintf(plain, sizeof plain, "0 + %s", key);
        const char *at = strstr(forms[i], "%s");
        int head = at != NULL ? (int)(at - forms[i]) : (int)strlen(forms[i]);
        const char *tail = at != NULL ? at + 2 : "";
        snprintf(fast, sizeof fast, "%.*s%s%s", head, forms[i], at != NULL ? key : "", tail);
        snprintf(slow, sizeof slow, "%.*s%s%s", head, forms[i], at != NULL ? plain : "", tail);
        check_same(f->db, fast, slow);
    }
    fixture_free(f);
}

static void a_row_that_is_no_vector_fails_the_query(void **state)
{
    (void)state;
    Fixture *f = fixture_new(F32, 20, 4096);
    run(f->db, "UPDATE t SET v = vector32('[1,2]') WHERE id = 250");
    sqlite3_stmt *stmt =
        prepare(f->db, "SELECT id FROM t ORDER BY vector_distance_l1(v, ?1) LIMIT 3");
    assert_ok(sqlite3_bind_blob(stmt, 1, f->query, (int)f->query_size, SQLITE_STATIC));
    assert_rc(SQLITE_ERROR, sqlite3_step(stmt));
    assert_text("Vectors must have the same dimensions", sqlite3_errmsg(f->db));
    assert_rc(SQLITE_ERROR, sqlite3_reset(stmt));
    // The query itself, too, is the function's to refuse.
    assert_ok(sqlite3_bind_text(stmt, 1, "[1,", -1, SQLITE_STATIC));
    assert_rc(SQLITE_ERROR, sqlite3_step(stmt));
    assert_rc(SQLITE_ERROR, sqlite3_finalize(stmt));
    fixture_free(f);
}

// sqlite-vec's names: the same rows as by a call for each, and the same refusals.
static void bare_vectors_are_measured_and_still_checked(void **state)
{
    (void)state;
    static const char *const keys[] = {"vec_distance_l2", "vec_distance_l1", "vec_distance_cosine"};
    Fixture *f = fixture_new(F32, 300, 4096);
    run(f->db, "UPDATE t SET v = zeroblob(1200) WHERE id = 90; UPDATE t SET v = '[' ||"
               " replace(printf('%.*c', 299, 'x'), 'x', '1,') || '1]' WHERE id = 91");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char fast[200], slow[200];
        snprintf(fast, sizeof fast,
                 "SELECT id FROM t ORDER BY %s(v, (SELECT v FROM t WHERE id = 7)), id LIMIT 9",
                 keys[i]);
        snprintf(slow, sizeof slow,
                 "SELECT id FROM t ORDER BY 0 + %s(v, (SELECT v FROM t WHERE id = 7)), id LIMIT 9",
                 keys[i]);
        check_same(f->db, fast, slow);
    }
    run(f->db, "UPDATE t SET v = CAST(substr(v, 1, 1196) || x'0000C07F' AS BLOB) WHERE id = 240");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT id FROM t ORDER BY %s(v, (SELECT v FROM t WHERE id = 7)) LIMIT 3",
                 keys[i]);
        sqlite3_stmt *stmt = prepare(f->db, sql);
        assert_rc(SQLITE_ERROR, sqlite3_step(stmt));
        assert_text("invalid float32 vector: element 299 is NaN", sqlite3_errmsg(f->db));
        assert_rc(SQLITE_ERROR, sqlite3_finalize(stmt));
    }
    fixture_free(f);
}

// Helper threads, and a cache that holds only some of the pages, change no answer.
static void threads_find_the_same_rows(void **state)
{
    (void)state;
    static const char *const keys[] = {"l2", "cos", "dot", "l1"};
    Fixture *f = fixture_new(F32, 20, 1024);
    run(f->db, "WITH RECURSIVE n(i) AS (SELECT 251 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)"
               "INSERT INTO t SELECT i, vector32(replace(printf('[%.19c', 'x'), 'x',"
               " ((i * 7919 % 1009 - 500) / 50.0) || ',') || (i * 31 % 1013 / 40.0) || ']') FROM n;"
               "INSERT INTO t VALUES(9001, NULL), (9002, NULL)");
    for (int threads = 0; threads <= 2; threads++) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            char fast[200], slow[200];
            snprintf(fast, sizeof fast, "PRAGMA threads = %d", threads);
            run(f->db, fast);
            snprintf(fast, sizeof fast,
                     "SELECT id FROM t WHERE v IS NOT NULL ORDER BY vector_distance_%s(v,"
                     " (SELECT v FROM t WHERE id = 7)), id LIMIT 40",
                     keys[i]);
            snprintf(slow, sizeof slow,
                     "SELECT id FROM t WHERE v IS NOT NULL ORDER BY 0 + vector_distance_%s(v,"
                     " (SELECT v FROM t WHERE id = 7)), id LIMIT 40",
                     keys[i]);
            check_same(f->db, fast, slow);
            // Nothing stands between two rows here, so that leaves are passed over.
            snprintf(fast, sizeof fast,
                     "SELECT id FROM t ORDER BY vector_distance_%s(v, (SELECT v FROM t WHERE"
                     " id = 7)), id LIMIT 40",
                     keys[i]);
            snprintf(slow, sizeof slow,
                     "SELECT id FROM t ORDER BY 0 + vector_distance_%s(v, (SELECT v FROM t WHERE"
                     " id = 7)), id LIMIT 40",
                     keys[i]);
            check_same(f->db, fast, slow);
        }
    }
    fixture_free(f);
}

static int count_steps(void *arg)
{
    ++*(int *)arg;
    return 0;
}

// Rows that are walked at once still end when they are told to.
static void an_interrupt_is_seen_between_rows(void **state)
{
    (void)state;
    Fixture *f = fixture_new(F32, 20, 4096);
    int steps = 0;
    sqlite3_progress_handler(f->db, 10, count_steps, &steps);
    check_nearest(f, "l2", "LIMIT 25", 0);
    assert_true(steps > ROWS / 10);
    sqlite3_progress_handler(f->db, 0, NULL, NULL);
    fixture_free(f);
}

TEST_SUITE(vector_measure, cmocka_unit_test(every_type_and_metric_gives_the_nearest_rows),
           cmocka_unit_test(conditions_joins_and_odd_rows_change_nothing),
           cmocka_unit_test(a_row_that_is_no_vector_fails_the_query),
           cmocka_unit_test(bare_vectors_are_measured_and_still_checked),
           cmocka_unit_test(threads_find_the_same_rows),
           cmocka_unit_test(an_interrupt_is_seen_between_rows))
