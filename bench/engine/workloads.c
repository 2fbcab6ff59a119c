// The workloads: what an application does most, each alone. Numbers are drawn from one generator
// with a fixed seed, so both libraries get the same statements.
#include "bench/engine/bench.h"

#include <stdint.h>
#include <stdio.h>

static uint64_t seed = 1;

long bench_draw(long below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (long)((seed >> 33) % (uint64_t)below);
}

// --- what they start from ---

void bench_insert_rows(Bench *b, long count)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)");
    bench_exec(b, "BEGIN");
    for (long i = 1; i <= count; i++) {
        char key[32];
        char text[64];
        int key_size = snprintf(key, sizeof key, "key%09ld", bench_draw(1000000000));
        int text_size =
            snprintf(text, sizeof text, "row %ld has some words, number %ld", i, bench_draw(1000));
        b->lib->bind_int64(insert, 1, i);
        b->lib->bind_text(insert, 2, key, key_size, SQLITE_STATIC);
        b->lib->bind_int64(insert, 3, bench_draw(1000));
        b->lib->bind_double(insert, 4, (double)bench_draw(100000) / 7);
        b->lib->bind_text(insert, 5, text, text_size, SQLITE_STATIC);
        bench_step(b, insert);
    }
    bench_exec(b, "COMMIT");
    bench_finalize(b, insert);
}

void prepare_empty(Bench *b)
{
    bench_open(b);
    bench_exec(b, "CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, g INT, v REAL, s TEXT)");
}

static void prepare_three_indexes(Bench *b)
{
    prepare_empty(b);
    bench_exec(b, "CREATE INDEX tk ON t(k); CREATE INDEX tg ON t(g); CREATE INDEX tv ON t(v)");
}

void prepare_rows(Bench *b)
{
    prepare_empty(b);
    bench_insert_rows(b, b->rows);
}

static void prepare_indexed(Bench *b)
{
    prepare_rows(b);
    bench_exec(b, "CREATE INDEX tk ON t(k); CREATE INDEX tg ON t(g)");
}

static void prepare_join(Bench *b)
{
    prepare_rows(b);
    bench_exec(b, "CREATE TABLE u(id INTEGER PRIMARY KEY, w INT);"
                  "CREATE TABLE x(id INTEGER PRIMARY KEY, n TEXT);"
                  "INSERT INTO u SELECT id - 1, id % 50 FROM t WHERE id <= 1000;"
                  "INSERT INTO x SELECT id - 1, s FROM t WHERE id <= 50");
}

static void prepare_blobs(Bench *b)
{
    bench_open(b);
    bench_exec(b, "CREATE TABLE t(x BLOB, y BLOB, z BLOB UNIQUE)");
}

// --- what is timed ---

static void run_insert(Bench *b)
{
    bench_insert_rows(b, b->rows);
}

static void run_each(Bench *b, const char *sql, long times, long below)
{
    sqlite3_stmt *stmt = bench_prepare(b, sql);
    bench_exec(b, "BEGIN");
    for (long i = 0; i < times; i++) {
        b->lib->bind_int64(stmt, 1, 1 + bench_draw(below));
        bench_step(b, stmt);
    }
    bench_exec(b, "COMMIT");
    bench_finalize(b, stmt);
}

static void run_rowid(Bench *b)
{
    run_each(b, "SELECT g FROM t WHERE id = ?1", b->rows, b->rows);
}

static void run_text_key(Bench *b)
{
    sqlite3_stmt *stmt = bench_prepare(b, "SELECT id FROM t WHERE k = ?1");
    seed = 1; // the keys in the order in which they were drawn
    for (long i = 0; i < b->rows; i++) {
        char key[32];
        int size = snprintf(key, sizeof key, "key%09ld", bench_draw(1000000000));
        bench_draw(1000), bench_draw(1000), bench_draw(100000);
        b->lib->bind_text(stmt, 1, key, size, SQLITE_STATIC);
        bench_step(b, stmt);
    }
    bench_finalize(b, stmt);
}

static void run_range(Bench *b)
{
    run_each(b, "SELECT sum(v) FROM t WHERE id BETWEEN ?1 AND ?1 + 100", b->rows / 20, b->rows);
}

static void run_index_range(Bench *b)
{
    run_each(b, "SELECT sum(v) FROM t WHERE g = ?1", b->rows / 500, 999);
}

static void run_scan(Bench *b)
{
    for (int i = 0; i < 5; i++)
        bench_exec(b, "SELECT count(*), sum(g), avg(v), max(k) FROM t WHERE v > 10");
}

static void run_group(Bench *b)
{
    bench_exec(b, "SELECT g, count(*), sum(v) FROM t GROUP BY g");
    bench_exec(b, "SELECT g % 10, avg(v), min(s) FROM t GROUP BY g % 10");
}

static void run_order(Bench *b)
{
    sqlite3_stmt *stmt = bench_prepare(b, "SELECT id, s FROM t ORDER BY k");
    bench_step(b, stmt);
    bench_finalize(b, stmt);
}

static void run_join(Bench *b)
{
    bench_exec(b, "SELECT x.n, count(*), sum(t.v) FROM t JOIN u ON u.id = t.g"
                  " JOIN x ON x.id = u.w GROUP BY x.id");
}

static void run_like(Bench *b)
{
    for (int i = 0; i < 3; i++)
        bench_exec(b, "SELECT count(*) FROM t WHERE s LIKE '%number 77%'");
}

static void run_update(Bench *b)
{
    run_each(b, "UPDATE t SET v = v + 1, g = g + 1 WHERE id = ?1", b->rows / 2, b->rows);
}

static void run_delete(Bench *b)
{
    run_each(b, "DELETE FROM t WHERE id = ?1", b->rows / 2, b->rows);
}

static void run_transactions(Bench *b)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO t(k, g) VALUES ('one', ?1)");
    for (long i = 0; i < b->rows / 20; i++) {
        b->lib->bind_int64(insert, 1, i);
        bench_step(b, insert);
    }
    bench_finalize(b, insert);
}

static void run_compile(Bench *b)
{
    for (int i = 0; i < 3000; i++) {
        sqlite3_stmt *stmt = bench_prepare(
            b, "WITH big AS (SELECT g, sum(v) AS total FROM t WHERE id > ?1 GROUP BY g)"
               " SELECT t.k, big.total, x.n FROM t JOIN big ON big.g = t.g"
               " LEFT JOIN u ON u.id = t.g LEFT JOIN x ON x.id = u.w"
               " WHERE t.v BETWEEN ?2 AND ?3 AND t.s LIKE 'row%'"
               " AND EXISTS (SELECT 1 FROM u AS other WHERE other.w = t.g)"
               " ORDER BY big.total DESC, t.k LIMIT 10");
        bench_finalize(b, stmt);
    }
}

static void run_open(Bench *b)
{
    for (int i = 0; i < 1000; i++) {
        b->lib->close(b->db);
        b->lib->open(b->path, &b->db);
        bench_exec(b, "SELECT count(*) FROM sqlite_schema");
    }
}

// 600 rows of three blobs at the usual number of rows; then 28 updates of a tenth of them.
static void run_blobs(Bench *b)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO t VALUES (randomblob(131072),"
                                            " randomblob(131072), randomblob(131072))");
    bench_exec(b, "BEGIN");
    for (long i = 0; i < b->rows * 3 / 1000; i++)
        bench_step(b, insert);
    bench_exec(b, "COMMIT");
    bench_finalize(b, insert);
    for (int i = 0; i < 28; i++) {
        char sql[128];
        long first = bench_draw(230);
        snprintf(sql, sizeof sql,
                 "UPDATE t SET x = randomblob(131072) WHERE z BETWEEN x'%02lx' AND x'%02lx'", first,
                 first + 25);
        bench_exec(b, sql);
    }
}

// clang-format off
const Workload workloads[] = {
    {"bulk insert",           prepare_empty,         run_insert},
    {"insert, 3 indexes",     prepare_three_indexes, run_insert},
    {"lookup by rowid",       prepare_rows,          run_rowid},
    {"lookup by text",        prepare_indexed,       run_text_key},
    {"range of rowids",       prepare_rows,          run_range},
    {"range of an index",     prepare_indexed,       run_index_range},
    {"scan and aggregate",    prepare_rows,          run_scan},
    {"GROUP BY",              prepare_rows,          run_group},
    {"ORDER BY",              prepare_rows,          run_order},
    {"join of three",         prepare_join,          run_join},
    {"LIKE scan",             prepare_rows,          run_like},
    {"update by key",         prepare_indexed,       run_update},
    {"delete by key",         prepare_indexed,       run_delete},
    {"one-row transactions",  prepare_empty,         run_transactions},
    {"prepare",               prepare_join,          run_compile},
    {"open, first query",     prepare_indexed,       run_open},
    {"blobs of 128 KiB",      prepare_blobs,         run_blobs},
    {"window functions",      prepare_rows,          run_window},
    {"recursive CTE",         prepare_empty,         run_recursive},
    {"JSON extraction",       prepare_documents,     run_json},
    {"building of strings",   prepare_rows,          run_strings},
    {"equi-join, no index",   prepare_pair,          run_equi_join},
    {"many groups",           prepare_numbers,       run_many_groups},
    {"top ten",               prepare_numbers,       run_top},
    {"correlated subqueries", prepare_indexed,       run_correlated},
    {"insert, 20 triggers",   prepare_triggers,      run_triggers},
    {"nearest blobs",         prepare_vectors,       run_nearest},
    {"scan of wide rows",     prepare_vectors,       run_wide_scan},
};
// clang-format on
const size_t workload_count = sizeof workloads / sizeof workloads[0];
