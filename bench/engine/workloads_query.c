// Workloads of single query forms: windows, recursion, JSON, joins without an index, many groups,
// top rows, correlated subqueries, triggers, distances of vectors.
#include "bench/engine/bench.h"

#include <stdio.h>

// --- what they start from ---

void prepare_numbers(Bench *b)
{
    bench_open(b);
    bench_exec(b, "CREATE TABLE n(id INTEGER PRIMARY KEY, a INT, b INT, c REAL)");
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO n VALUES (?1, ?2, ?3, ?4)");
    bench_exec(b, "BEGIN");
    for (long i = 1; i <= b->rows * 5; i++) {
        b->lib->bind_int64(insert, 1, i);
        b->lib->bind_int64(insert, 2, bench_draw(b->rows / 2));
        b->lib->bind_int64(insert, 3, bench_draw(1000000000));
        b->lib->bind_double(insert, 4, (double)bench_draw(100000) / 7);
        bench_step(b, insert);
    }
    bench_exec(b, "COMMIT");
    bench_finalize(b, insert);
}

void prepare_pair(Bench *b)
{
    prepare_rows(b);
    bench_exec(b, "CREATE TABLE o(key INT, text TEXT);"
                  "INSERT INTO o SELECT (id * 7919) % 1000003, k FROM t;"
                  "CREATE TABLE p(key INT, value REAL);"
                  "INSERT INTO p SELECT (id * 104729) % 1000003, v FROM t");
}

void prepare_documents(Bench *b)
{
    bench_open(b);
    bench_exec(b, "CREATE TABLE d(id INTEGER PRIMARY KEY, j TEXT)");
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO d VALUES (?1, ?2)");
    bench_exec(b, "BEGIN");
    for (long i = 1; i <= b->rows / 2; i++) {
        char json[256];
        int size = snprintf(json, sizeof json,
                            "{\"id\": %ld, \"name\": \"user %ld\", \"tags\": [\"a\", \"b%ld\"],"
                            " \"address\": {\"city\": \"c%ld\", \"zip\": %ld}, \"score\": %ld.5}",
                            i, bench_draw(1000), bench_draw(50), bench_draw(300), bench_draw(99999),
                            bench_draw(100));
        b->lib->bind_int64(insert, 1, i);
        b->lib->bind_text(insert, 2, json, size, SQLITE_STATIC);
        bench_step(b, insert);
    }
    bench_exec(b, "COMMIT");
    bench_finalize(b, insert);
}

void prepare_triggers(Bench *b)
{
    prepare_empty(b);
    bench_exec(b, "CREATE TABLE total(name TEXT PRIMARY KEY, n INT);"
                  "CREATE TABLE trail(id INTEGER PRIMARY KEY, what TEXT, g INT)");
    for (int i = 0; i < 20; i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 i % 4 == 0   ? "CREATE TRIGGER a%d AFTER INSERT ON t WHEN new.g %% 20 = %d BEGIN"
                                " INSERT INTO trail(what, g) VALUES (new.k, new.g); END"
                 : i % 4 == 1 ? "INSERT INTO total VALUES ('n%d', 0); CREATE TRIGGER a%d AFTER"
                                " INSERT ON t BEGIN UPDATE total SET n = n + new.g"
                                " WHERE name = 'n%d'; END"
                 : i % 4 == 2 ? "CREATE TRIGGER a%d BEFORE INSERT ON t WHEN new.g < %d BEGIN"
                                " SELECT RAISE(IGNORE) WHERE new.v < -1; END"
                              : "CREATE TRIGGER a%d AFTER INSERT ON t BEGIN"
                                " SELECT max(n) + %d FROM total WHERE name = 'n1'; END",
                 i, i, i);
        bench_exec(b, sql);
    }
}

// 1,536 bytes are 384 floats, a usual embedding.
void prepare_vectors(Bench *b)
{
    bench_open(b);
    bench_exec(b, "CREATE TABLE v(id INTEGER PRIMARY KEY, e BLOB)");
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO v VALUES (?1, randomblob(1536))");
    bench_exec(b, "BEGIN");
    for (long i = 1; i <= b->rows / 2; i++) {
        b->lib->bind_int64(insert, 1, i);
        bench_step(b, insert);
    }
    bench_exec(b, "COMMIT");
    bench_finalize(b, insert);
}

// --- what is timed ---

void run_window(Bench *b)
{
    bench_query(b, "SELECT max(r), max(s), max(w) FROM (SELECT row_number() OVER (PARTITION BY g"
                   " ORDER BY v) AS r, sum(v) OVER (PARTITION BY g ORDER BY v) AS s, avg(v) OVER"
                   " (ORDER BY id ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS w FROM t)");
    bench_query(b, "SELECT max(p - v), sum(k) FROM (SELECT v, lag(v) OVER (ORDER BY id) AS p,"
                   " rank() OVER (ORDER BY g) AS k FROM t)");
}

void run_recursive(Bench *b)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE c(x, y) AS (SELECT 1, 1 UNION ALL SELECT x + 1, y * 3 %% 1000"
             " FROM c WHERE x < %ld) SELECT count(*), sum(y) FROM c",
             b->rows * 5);
    bench_query(b, sql);
}

void run_json(Bench *b)
{
    bench_query(b, "SELECT sum(j ->> 'id'), count(DISTINCT json_extract(j, '$.address.city')),"
                   " sum(json_extract(j, '$.score')), max(j ->> '$.tags[1]') FROM d");
}

void run_strings(Bench *b)
{
    bench_query(b, "SELECT sum(length(upper(substr(s, 5, 20)) || '-' || replace(k, '0', 'zero')"
                   " || '-' || printf('%08d/%s', id, g))) FROM t");
    bench_query(b, "SELECT length(group_concat(s, ';')) FROM t");
}

void run_equi_join(Bench *b)
{
    bench_query(b, "SELECT count(*), sum(p.value), max(o.text) FROM o JOIN p ON p.key = o.key");
}

void run_many_groups(Bench *b)
{
    bench_query(b, "SELECT a, count(*), sum(c), max(b) FROM n GROUP BY a");
}

void run_top(Bench *b)
{
    bench_query(b, "SELECT id, a, b, c FROM n ORDER BY b LIMIT 10");
    bench_query(b, "SELECT id, a, b, c FROM n ORDER BY c DESC, a LIMIT 10");
}

void run_correlated(Bench *b)
{
    bench_query(b, "SELECT count(*) FROM t WHERE v > (SELECT avg(o.v) FROM t AS o"
                   " WHERE o.id BETWEEN t.id - 5 AND t.id + 5)");
    bench_query(b, "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM t AS o WHERE o.k = t.k"
                   " AND o.id <> t.id)");
}

void run_triggers(Bench *b)
{
    bench_insert_rows(b, b->rows / 10);
}

// A distance that costs next to nothing, so that what the engine adds shows.
static void touch_vector(sqlite3_context *context, int count, sqlite3_value **values)
{
    const Library *lib = bench_library_in_use;
    const unsigned char *bytes = lib->value_blob(values[0]);
    int size = lib->value_bytes(values[0]);
    (void)count;
    lib->result_double(context, size < 8 ? 0 : bytes[0] * 256.0 + bytes[size - 1]);
}

void run_nearest(Bench *b)
{
    bench_function(b, "touch", touch_vector);
    for (int i = 0; i < 5; i++)
        bench_query(b, "SELECT id FROM v ORDER BY touch(e, x'00') LIMIT 10");
}

// The table is many times the page cache.
void run_wide_scan(Bench *b)
{
    for (int i = 0; i < 5; i++)
        bench_query(b, "SELECT count(*), max(id), max(length(e)) FROM v");
}
