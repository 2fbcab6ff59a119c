// Damaged indexes and vec0 tables: every blob they store may hold anything. And a lack of memory at
// any point. QUIRE_ROUNDS=N damages N times as often.
#include "support/test.h"

#include "base/alloc.h"
#include "base/prng.h"
#include "sqlite3.h"

static const char setup[] =
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, v, tenant INT);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5100)"
    "INSERT INTO docs SELECT i, vector32(printf('[%d,%d,%d]', i * 7 % 101, i * 13 % 103, i * 17 % "
    "107)), i % 11 FROM n;"
    "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2);"
    "CREATE VIRTUAL TABLE docs_part USING vector_index(docs, v, metric=l2, prefix=tenant);"
    "CREATE VIRTUAL TABLE w USING vec0(e float[2], n int, t text, g boolean, +c text, "
    "chunk_size=8);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
    "INSERT INTO w(e, n, t, g, c) SELECT printf('[%d,1]', i), i, printf('a text of number %d', i),"
    " i % 2, 'c' FROM n;";

// What is done with the damaged tables, each on a connection that has cached nothing.
static const char *const uses[] = {
    "SELECT id, distance, plan FROM docs_vec(vector32('[50,50,50]'), 10)",
    "SELECT count(*) FROM docs_vec(vector32('[50,50,50]'))",
    "INSERT INTO docs(v) VALUES(vector32('[1,2,3]'));"
    "DELETE FROM docs WHERE id % 50 = 0; INSERT INTO docs_vec(docs_vec) VALUES('flush')",
    "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')",
    "SELECT * FROM vector_index_info",
    "INSERT INTO docs_vec(docs_vec) VALUES('rebuild')",
    "SELECT id, tenant, plan FROM docs_part(vector32('[50,50,50]'), 10) WHERE tenant = 3",
    "INSERT INTO docs(v, tenant) VALUES(vector32('[1,2,3]'), 99);"
    "UPDATE docs SET tenant = tenant + 1 WHERE id % 50 = 1; DELETE FROM docs WHERE tenant = 5;"
    "INSERT INTO docs_part(docs_part) VALUES('flush')",
    "INSERT INTO docs_part(docs_part) VALUES('integrity-check')",
    "INSERT INTO docs_part(docs_part) VALUES('rebuild')",
    "SELECT rowid, e, n, t, g, c, distance FROM w WHERE e MATCH '[3,1]' AND k = 5 AND n > 3 AND"
    " t > 'a'",
    "SELECT * FROM w",
    "UPDATE w SET e = '[1,1]', t = 'another long text', g = 1; DELETE FROM w WHERE rowid % 3 = 0;"
    "INSERT INTO w(e, n, t, g) VALUES('[1,1]', 1, 'x', 0)",
};

static const char *const blobs[][2] = {
    {"docs_vec_meta", "value"},
    {"docs_vec_lists", "data"},
    {"docs_vec_blocks", "data"},
    {"docs_vec_map", "data"},
    {"docs_part_meta", "value"},
    {"docs_part_lists", "data"},
    {"docs_part_blocks", "data"},
    {"docs_part_map", "data"},
    {"w_chunks", "validity"},
    {"w_chunks", "rowids"},
    {"w_vector_chunks00", "vectors"},
    {"w_metadatachunks00", "data"},
    {"w_metadatachunks01", "data"},
    {"w_metadatachunks02", "data"},
    {"docs", "v"},
};

typedef struct Image {
    unsigned char *bytes;
    sqlite3_int64 size;
} Image;

static void image_make(Image *image)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db, setup, NULL, NULL, NULL));
    image->bytes = sqlite3_serialize(db, "main", &image->size, 0);
    assert_non_null(image->bytes);
    assert_ok(sqlite3_close(db));
}

static sqlite3 *image_open(const Image *image)
{
    sqlite3 *db;
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)image->size);
    assert_non_null(copy);
    memcpy(copy, image->bytes, (size_t)image->size);
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_deserialize(db, "main", copy, image->size, image->size,
                                  SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
    return db;
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

// Another length, or some other bytes; mostly few, so that the checks behind the first are reached.
static void damage(sqlite3 *db, Prng *prng)
{
    const char *const *blob = blobs[prng_below(prng, sizeof blobs / sizeof *blobs)];
    char sql[300];
    unsigned at = (unsigned)prng_below(prng, 40);
    unsigned byte = (unsigned)prng_below(prng, 256);
    unsigned every = 1 + (unsigned)prng_below(prng, 3);
    if (prng_below(prng, 5) == 0)
        snprintf(sql, sizeof sql, "UPDATE %s SET %s = substr(%s, 1, %u) WHERE _rowid_ %% %u = 0",
                 blob[0], blob[1], blob[1], at, every);
    else
        snprintf(sql, sizeof sql,
                 "UPDATE %s SET %s = CAST(substr(%s, 1, %u) || x'%02x' || substr(%s, %u) AS BLOB)"
                 " WHERE _rowid_ %% %u = 0",
                 blob[0], blob[1], blob[1], at, byte, blob[1], at + 2, every);
    assert_ok(run(db, sql));
    if (prng_below(prng, 6) == 0) {
        snprintf(sql, sizeof sql,
                 "UPDATE w_rowids SET chunk_offset = chunk_offset + %u,"
                 " chunk_id = chunk_id + %u",
                 at, every - 1);
        assert_ok(run(db, sql));
    }
    if (prng_below(prng, 6) == 0) {
        snprintf(sql, sizeof sql,
                 prng_below(prng, 2) == 0
                     ? "UPDATE docs_part_lists SET \"group\" = \"group\" + %d WHERE id %% %u = 0"
                     : "UPDATE OR IGNORE docs_part_groups SET id = -id - %d WHERE id %% %u = 0",
                 (int)at - 20, every);
        assert_ok(run(db, sql));
    }
}

static void damaged_blobs_give_errors_and_never_more(void **state)
{
    (void)state;
    Image image;
    Prng prng;
    u64 seed = 4;
    const char *rounds = getenv("QUIRE_ROUNDS");
    int count = 30 * (rounds != NULL ? atoi(rounds) : 1);
    prng_init(&prng, &seed, sizeof seed);
    image_make(&image);
    for (int i = 0; i < count; i++) {
        sqlite3 *db = image_open(&image);
        for (u64 times = 1 + prng_below(&prng, 2); times > 0; times--)
            damage(db, &prng);
        size_t first = (size_t)prng_below(&prng, sizeof uses / sizeof *uses);
        for (size_t k = 0; k < 3; k++) {
            int rc = run(db, uses[(first + k) % (sizeof uses / sizeof *uses)]) & 0xff;
            if (rc != SQLITE_OK && rc != SQLITE_CORRUPT && rc != SQLITE_ERROR
                && rc != SQLITE_CONSTRAINT)
                fail_msg("round %d: error %d: %s", i, rc, sqlite3_errmsg(db));
        }
        // The table itself is whole: a rebuilt index is, too.
        assert_ok(run(db, "INSERT INTO docs_vec(docs_vec) VALUES('rebuild')"));
        assert_ok(run(db, "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')"));
        assert_ok(run(db, "INSERT INTO docs_part(docs_part) VALUES('rebuild')"));
        assert_ok(run(db, "INSERT INTO docs_part(docs_part) VALUES('integrity-check')"));
        assert_ok(sqlite3_close(db));
    }
    sqlite3_free(image.bytes);
}

// Fails allocation 1, 2, 4, 7, ... of one use, until it gets through.
static void check_failures(const Image *image, const char *sql)
{
    bool struck = true;
    for (int n = 1; struck; n += 1 + n / 3) {
        sqlite3 *db = image_open(image);
        assert_ok(run(db, "SELECT id FROM docs_vec(vector32('[1,1,1]'), 1); SELECT n FROM w"));
        assert_ok(run(db, "BEGIN"));
        alloc_fault_arm(n, false);
        int rc = run(db, sql) & 0xff;
        struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        if (rc != SQLITE_OK && rc != SQLITE_NOMEM)
            fail_msg("%s: allocation %d: error %d: %s", sql, n, rc, sqlite3_errmsg(db));
        // Whatever is committed now, the nearest row is the right one.
        (void)run(db, "COMMIT");
        assert_ok(run(db,
                      "CREATE TEMP TABLE t(a CHECK(a = 0.0)); INSERT INTO t SELECT distance FROM"
                      " docs d, docs_vec(d.v, 1) i WHERE d.id = 4001 AND i.id = d.id;"
                      "INSERT INTO t SELECT distance FROM docs d, docs_part(d.v, 1) i"
                      " WHERE d.id = 4001 AND i.id = d.id AND i.tenant = d.tenant"));
        assert_ok(sqlite3_close(db));
    }
}

static void a_lack_of_memory_leaves_an_index_that_answers(void **state)
{
    (void)state;
    Image image;
    image_make(&image);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        check_failures(&image, uses[i]);
    sqlite3_free(image.bytes);
}

TEST_SUITE(index_check, cmocka_unit_test(damaged_blobs_give_errors_and_never_more),
           cmocka_unit_test(a_lack_of_memory_leaves_an_index_that_answers))
