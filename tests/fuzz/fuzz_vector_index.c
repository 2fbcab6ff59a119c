// Any bytes in the tables of vector indexes and of a vec0 table, which are then searched, written
// to, checked and built anew. The database is whole otherwise, so an error is as good an answer as
// rows are; but a row that an index does return must be as far away as its vector says (I1 of
// vector/index/README.md), and an index that is made anew must pass its own check.
//
// An input is edits. Each is six bytes, and then what is written: which blob (low four bits) and
// how (high bits), the row (two bytes), the place in it (two bytes), the size of what is written.
// The first byte of all says with which of the uses to begin.

#include "fuzz.h"
#include "sqlite3.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EDITS_MAX = 8,
    EDIT_HEAD = 6,
    USES = 4,            // of one input, one after the other
    HEAP_MAX = 64 << 20, // bytes in use at once: no size in a blob may ask for more
    STEPS_MAX = 3000000, // instructions of one input
    STEP_UNIT = 1000,
    REBUILD_FROM = 0xf0, // first bytes that ask for new indexes, too
};

static const char setup[] =
    "PRAGMA page_size=1024;"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, v, tenant INT);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5100)"
    "INSERT INTO docs SELECT i, vector32(printf('[%d,%d,%d]', i * 7 % 101, i * 13 % 103,"
    " i * 17 % 107)), i % 11 FROM n;"
    "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2);"
    "CREATE VIRTUAL TABLE docs_part USING vector_index(docs, v, metric=l2, prefix=tenant);"
    "CREATE VIRTUAL TABLE w USING vec0(e float[2], n int, t text, g boolean, +c text,"
    " chunk_size=8);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
    "INSERT INTO w(e, n, t, g, c) SELECT printf('[%d,1]', i), i, printf('a text of number %d', i),"
    " i % 2, 'c' FROM n;";

// What is done with the damaged tables. No row must come back from those that say `<> vector_…`.
static const char *const uses[] = {
    "SELECT i.id, distance FROM docs_vec(vector32('[50,50,50]'), 10) i JOIN docs d ON d.id = i.id"
    " WHERE distance <> vector_distance_l2(v, vector32('[50,50,50]'))",
    "SELECT i.id, distance FROM docs_part(vector32('[5,50,50]'), 9) i JOIN docs d ON d.id = i.id"
    " WHERE i.tenant = 3 AND (d.tenant <> 3"
    "  OR distance <> vector_distance_l2(v, vector32('[5,50,50]')))",
    "SELECT plan FROM docs_vec(vector32('[50,50,50]'), 10)",
    "SELECT count(*) FROM docs_vec(vector32('[50,50,50]'))",
    "INSERT INTO docs(v) VALUES(vector32('[1,2,3]'));"
    "DELETE FROM docs WHERE id % 50 = 0; INSERT INTO docs_vec(docs_vec) VALUES('flush')",
    "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')",
    "SELECT * FROM vector_index_info",
    "INSERT INTO docs(v, tenant) VALUES(vector32('[1,2,3]'), 99);"
    "UPDATE docs SET tenant = tenant + 1 WHERE id % 50 = 1; DELETE FROM docs WHERE tenant = 5;"
    "INSERT INTO docs_part(docs_part) VALUES('flush')",
    "INSERT INTO docs_part(docs_part) VALUES('integrity-check')",
    "SELECT rowid, e, n, t, g, c, distance FROM w WHERE e MATCH '[3,1]' AND k = 5 AND n > 3 AND"
    " t > 'a'",
    "SELECT * FROM w",
    "UPDATE w SET e = '[1,1]', t = 'another long text', g = 1; DELETE FROM w WHERE rowid % 3 = 0;"
    "INSERT INTO w(e, n, t, g) VALUES('[1,1]', 1, 'x', 0)",
};

static const char rebuild[] = "INSERT INTO docs_vec(docs_vec) VALUES('rebuild');"
                              "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check');"
                              "INSERT INTO docs_part(docs_part) VALUES('rebuild');"
                              "INSERT INTO docs_part(docs_part) VALUES('integrity-check')";

static const char *const blobs[16][2] = {
    {"docs_vec_meta", "value"},       {"docs_vec_lists", "data"},
    {"docs_vec_blocks", "data"},      {"docs_vec_map", "data"},
    {"docs_part_meta", "value"},      {"docs_part_lists", "data"},
    {"docs_part_blocks", "data"},     {"docs_part_map", "data"},
    {"docs_part_lists", "\"group\""}, {"w_chunks", "validity"},
    {"w_chunks", "rowids"},           {"w_vector_chunks00", "vectors"},
    {"w_metadatachunks00", "data"},   {"w_metadatachunks02", "data"},
    {"w_rowids", "chunk_offset"},     {"docs", "v"},
};

static void demand(bool holds, sqlite3 *db, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    abort();
}

// The whole database as bytes, made once: each input gets a copy, on a connection that has cached
// nothing.
static unsigned char *image_bytes(sqlite3_int64 *size)
{
    static unsigned char *bytes;
    static sqlite3_int64 bytes_size;
    if (bytes == NULL) {
        sqlite3 *db = NULL;
        demand(sqlite3_open(":memory:", &db) == SQLITE_OK, db, "open");
        demand(sqlite3_exec(db, setup, NULL, NULL, NULL) == SQLITE_OK, db, "setup");
        bytes = sqlite3_serialize(db, "main", &bytes_size, 0);
        demand(bytes != NULL, db, "serialize");
        sqlite3_close(db);
    }
    *size = bytes_size;
    return bytes;
}

static int over_limit(void *arg)
{
    long *units = arg;
    return ++*units > STEPS_MAX / STEP_UNIT;
}

static sqlite3 *open_copy(long *units)
{
    sqlite3_int64 size;
    const unsigned char *bytes = image_bytes(&size);
    sqlite3 *db = NULL;
    demand(sqlite3_open(":memory:", &db) == SQLITE_OK, db, "open");
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)size);
    demand(copy != NULL, db, "copy");
    memcpy(copy, bytes, (size_t)size);
    int rc = sqlite3_deserialize(db, "main", copy, size, size,
                                 SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    demand(rc == SQLITE_OK, db, "deserialize");
    sqlite3_progress_handler(db, STEP_UNIT, over_limit, units);
    return db;
}

// Changes one blob: bytes replace as many others, stand for all that follows, or come in between.
static void edit(sqlite3 *db, const uint8_t *head, const uint8_t *bytes, int count)
{
    const char *table = blobs[head[0] & 15][0];
    const char *column = blobs[head[0] & 15][1];
    int row = head[1] | head[2] << 8;
    int at = head[3] | head[4] << 8;
    char tail[60];
    switch (head[0] >> 6) {
    case 2: tail[0] = 0; break;
    case 3: snprintf(tail, sizeof tail, " || substr(%s, %d)", column, at + 1); break;
    default: snprintf(tail, sizeof tail, " || substr(%s, %d)", column, at + count + 1); break;
    }
    char sql[400];
    snprintf(sql, sizeof sql,
             "UPDATE OR IGNORE %s SET %s = CAST(substr(%s, 1, %d) || ?1%s AS BLOB) WHERE _rowid_ ="
             " (SELECT _rowid_ FROM %s LIMIT 1 OFFSET %d %% (SELECT max(1, count(*)) FROM %s))",
             table, column, column, at, tail, table, row, table);
    sqlite3_stmt *stmt = NULL;
    demand(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, db, sql);
    sqlite3_bind_blob(stmt, 1, bytes, count, SQLITE_STATIC);
    sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void apply_edits(sqlite3 *db, const uint8_t *data, size_t size)
{
    size_t at = 1;
    for (int i = 0; i < EDITS_MAX && size - at >= EDIT_HEAD; i++) {
        const uint8_t *head = data + at;
        at += EDIT_HEAD;
        size_t count = head[5] < size - at ? head[5] : size - at;
        edit(db, head, data + at, (int)count);
        at += count;
    }
}

static bool is_fair(int rc)
{
    rc &= 0xff;
    return rc == SQLITE_OK || rc == SQLITE_CORRUPT || rc == SQLITE_ERROR || rc == SQLITE_CONSTRAINT
           || rc == SQLITE_INTERRUPT || rc == SQLITE_MISMATCH;
}

static int no_row(void *arg, int count, char **values, char **names)
{
    (void)arg;
    (void)names;
    fprintf(stderr, "a row with a false distance: %s %s\n", values[0], count > 1 ? values[1] : "");
    abort();
}

static int any_row(void *arg, int count, char **values, char **names)
{
    (void)arg, (void)count, (void)values, (void)names;
    return 0;
}

static void use_damaged(sqlite3 *db, size_t first)
{
    for (size_t i = 0; i < USES; i++) {
        const char *sql = uses[(first + i) % (sizeof uses / sizeof *uses)];
        bool is_claim = strstr(sql, "<> vector_") != NULL;
        int rc = sqlite3_exec(db, sql, is_claim ? no_row : any_row, NULL, NULL);
        demand(is_fair(rc), db, sql);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + EDIT_HEAD)
        return 0;
    long units = 0;
    sqlite3_hard_heap_limit64(HEAP_MAX);
    sqlite3 *db = open_copy(&units);
    apply_edits(db, data, size);
    use_damaged(db, data[0]);

    // The table is whole, whatever its vectors are now: so is a new index. It takes its time.
    if (data[0] >= REBUILD_FROM) {
        units = 0;
        int rc = sqlite3_exec(db, rebuild, NULL, NULL, NULL);
        demand(rc == SQLITE_OK || rc == SQLITE_INTERRUPT, db, "rebuild");
    }
    demand(sqlite3_close(db) == SQLITE_OK, db, "close");
    return 0;
}
