// The approximate index: recall, speed, size and building, filters and churn.
//
// Timed are single queries on one thread, everything in the cache; shown is the median. The exact
// scan is the query a user writes without an index.
#include "bench_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void insert_rows(Database *db, const VectorSet *set, size_t first, size_t count)
{
    sqlite3_stmt *stmt = database_prepare(db, "INSERT INTO docs(id, v) VALUES(?1, ?2)");
    for (size_t i = first; i < first + count; i++) {
        database_bind_int(db, stmt, 1, (int64_t)i + 1);
        database_bind_blob(db, stmt, 2, set->base + i * set->dims, set->dims * sizeof(float));
        (void)database_step(db, stmt);
    }
    database_finalize(db, stmt);
}

// Runs queries of the set. Parameter 1 is the query, column 0 the rowid, counted from 1.
Found run_queries(Database *db, const VectorSet *set, const char *sql, size_t query_count)
{
    sqlite3_stmt *stmt = database_prepare(db, sql);
    double *times = calloc(query_count, sizeof *times);
    size_t hits = 0, rows = 0, right = 0;
    if (query_count > set->query_count)
        query_count = set->query_count;
    for (size_t q = 0; q < query_count; q++) {
        double begin = now();
        database_bind_blob(db, stmt, 1, set->queries + q * set->dims, set->dims * sizeof(float));
        while (database_step(db, stmt)) {
            int64_t row = database_column(db, stmt, 0) - 1;
            rows++;
            for (size_t i = 0; i < TRUTH_COUNT; i++)
                hits += set->truth[q * TRUTH_COUNT + i] == row;
        }
        times[q] = now() - begin;
        for (size_t i = 0; i < TRUTH_COUNT; i++)
            right += set->truth[q * TRUTH_COUNT + i] >= 0;
    }
    Found found = {.seconds = median(times, query_count),
                   .recall = right > 0 ? (double)hits / (double)right : 1,
                   .rows = (double)rows / (double)query_count};
    free(times);
    database_finalize(db, stmt);
    return found;
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        die("no /proc/self/statm");
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static const char *distance_of(const VectorSet *set)
{
    return set->is_cosine ? "vector_distance_cos" : "vector_distance_l2";
}

static double exact_seconds(Database *db, const VectorSet *set)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT id FROM docs ORDER BY %s(v, ?1) LIMIT 10", distance_of(set));
    (void)run_queries(db, set, sql, 2);
    Found exact = run_queries(db, set, sql, set->base_count > 500000 ? 5 : 21);
    printf("  %-34s %9.3f ms   recall@10 %.4f\n", "exact scan", exact.seconds * 1e3, exact.recall);
    return exact.seconds;
}

static void build_index(Database *db, const VectorSet *set)
{
    double raw = (double)(set->base_count * set->dims * sizeof(float));
    double begin = now();
    database_exec(db, "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=%s)",
                  set->is_cosine ? "cosine" : "l2");
    double build = now() - begin;
    double bytes = database_number(db, "SELECT bytes FROM vector_index_info");
    printf("  %-34s %9.3f s    %.0f bytes, %.3f of the vectors, %.0f lists\n", "build", build,
           bytes, bytes / raw, database_number(db, "SELECT lists FROM vector_index_info"));
}

static void query_index(Database *db, const VectorSet *set, double exact)
{
    static const double recalls[] = {0.8, 0.9, 0, 0.99};
    for (size_t i = 0; i < sizeof recalls / sizeof *recalls; i++) {
        char what[60], sql[200];
        if (recalls[i] > 0) {
            snprintf(what, sizeof what, "index, recall = %.2f", recalls[i]);
            snprintf(sql, sizeof sql, "SELECT id FROM vector_top_k('docs_vec', ?1, 10, %.2f)",
                     recalls[i]);
        } else {
            snprintf(what, sizeof what, "index");
            snprintf(sql, sizeof sql, "SELECT id FROM vector_top_k('docs_vec', ?1, 10)");
        }
        (void)run_queries(db, set, sql, 5);
        Found found = run_queries(db, set, sql, set->query_count);
        printf("  %-34s %9.3f ms   recall@10 %.4f   1/%.1f of the exact scan\n", what,
               found.seconds * 1e3, found.recall, exact / found.seconds);
    }
}

// Rows that the index does not have yet, one statement each, in one transaction.
static void insert_singly(Database *db, const VectorSet *set)
{
    size_t count = set->base_count / 10 < 20000 ? set->base_count / 10 : 20000;
    sqlite3_stmt *stmt = database_prepare(db, "INSERT INTO docs(v) VALUES(?1)");
    double begin = now();
    database_exec(db, "BEGIN");
    for (size_t i = 0; i < count; i++) {
        database_bind_blob(db, stmt, 1, set->base + i * set->dims, set->dims * sizeof(float));
        (void)database_step(db, stmt);
    }
    database_exec(db, "INSERT INTO docs_vec(docs_vec) VALUES('flush')");
    double seconds = now() - begin;
    database_exec(db, "ROLLBACK");
    database_finalize(db, stmt);
    printf("  %-34s %9.0f rows/s\n", "single inserts, index kept up", (double)count / seconds);
}

void bench_index(Database *db, const VectorSet *set, const char *engine)
{
    printf("%s, %s: %zu x %zu\n", set->name, engine, set->base_count, set->dims);
    database_exec(db, "CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(%zu));BEGIN",
                  set->dims);
    insert_rows(db, set, 0, set->base_count);
    database_exec(db, "COMMIT");
    double exact = exact_seconds(db, set);
    build_index(db, set);
    long before = resident_kib();
    query_index(db, set, exact);
    printf("  %-34s %9.1f MiB\n", "memory that queries added",
           (double)(resident_kib() - before) / 1024);
    insert_singly(db, set);
    fflush(stdout);
}

// --- filters ---

static void find_filtered_truth(Database *db, VectorSet *set, double share)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT id FROM docs WHERE mark < %.6f ORDER BY %s(v, ?1) LIMIT 10",
             share, distance_of(set));
    sqlite3_stmt *stmt = database_prepare(db, sql);
    for (size_t q = 0; q < set->query_count; q++) {
        size_t at = 0;
        database_bind_blob(db, stmt, 1, set->queries + q * set->dims, set->dims * sizeof(float));
        while (database_step(db, stmt))
            set->truth[q * TRUTH_COUNT + at++] = (int32_t)database_column(db, stmt, 0) - 1;
        while (at < TRUTH_COUNT)
            set->truth[q * TRUTH_COUNT + at++] = -2;
    }
    database_finalize(db, stmt);
}

// The set's truth is overwritten. Queries beyond the first 20 are left out.
void bench_filters(Database *db, VectorSet *set)
{
    static const double shares[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.3, 0.5, 0.9};
    database_exec(db, "ALTER TABLE docs ADD COLUMN mark REAL");
    database_exec(db, "UPDATE docs SET mark = (id * 7919 %% 1000003) / 1000003.0");
    database_exec(db, "CREATE INDEX docs_mark ON docs(mark)");
    if (set->query_count > 20)
        set->query_count = 20;
    printf("%s, filtered, ten nearest\n", set->name);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        char in[300], join[300];
        snprintf(in, sizeof in,
                 "SELECT id FROM docs_vec(?1, 10) WHERE id IN (SELECT id FROM docs WHERE mark < "
                 "%.6f)",
                 shares[i]);
        snprintf(join, sizeof join,
                 "SELECT d.id FROM docs_vec(?1) v CROSS JOIN docs d ON d.id = v.id"
                 " WHERE d.mark < %.6f ORDER BY v.distance LIMIT 10",
                 shares[i]);
        find_filtered_truth(db, set, shares[i]);
        Found by_in = run_queries(db, set, in, set->query_count);
        Found by_join = run_queries(db, set, join, set->query_count);
        printf("  %5.1f %%   IN: %8.3f ms, %.1f rows, recall %.4f   join: %8.3f ms, %.1f rows, "
               "recall %.4f\n",
               shares[i] * 100, by_in.seconds * 1e3, by_in.rows, by_in.recall,
               by_join.seconds * 1e3, by_join.rows, by_join.recall);
    }
    fflush(stdout);
}

// --- churn ---

static void replace_half(Database *db, const VectorSet *set, int round)
{
    database_exec(db, "BEGIN; DELETE FROM docs WHERE (id * 2654435761 + %d) %% 4294967291 %% 2 = 0",
                  round * 7777);
    int64_t missing =
        (int64_t)set->base_count - (int64_t)database_number(db, "SELECT count(*) FROM docs");
    sqlite3_stmt *stmt = database_prepare(db, "INSERT INTO docs(id, v) VALUES(?1, ?2)");
    sqlite3_stmt *free_ids = database_prepare(
        db, "SELECT id FROM all_ids WHERE id NOT IN (SELECT id FROM docs) ORDER BY id");
    while (missing-- > 0 && database_step(db, free_ids)) {
        int64_t id = database_column(db, free_ids, 0);
        const float *vector = set->base + (size_t)(id - 1) * set->dims;
        database_bind_int(db, stmt, 1, id);
        database_bind_blob(db, stmt, 2, vector, set->dims * sizeof(float));
        (void)database_step(db, stmt);
    }
    database_finalize(db, free_ids);
    database_finalize(db, stmt);
    database_exec(db, "COMMIT");
}

// Every second round is written by stock SQLite without the module, where there is one.
void bench_churn(const Engines *engines, size_t count, int rounds)
{
    char file[] = "/tmp/vector_bench_churn_XXXXXX";
    VectorSet set;
    close(mkstemp(file));
    set_generate(&set, "churn", count, 64, 50);
    Database *db = database_open(engines->quire, NULL, file);
    database_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
                      "CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(64));"
                      "CREATE TABLE all_ids(id INTEGER PRIMARY KEY); BEGIN");
    insert_rows(db, &set, 0, count);
    database_exec(db, "INSERT INTO all_ids SELECT id FROM docs; COMMIT;"
                      "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2)");
    double fresh = database_number(db, "SELECT bytes FROM vector_index_info");
    double worst = 1;
    for (int round = 0; round < rounds; round++) {
        bool is_stock = round % 2 == 1 && engines->stock != NULL;
        if (is_stock) { // one library at a time: file locks do not part two in one process
            database_close(db);
            db = database_open(engines->stock, NULL, file);
        }
        replace_half(db, &set, round);
        if (is_stock) {
            if (database_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check")
                != 1)
                die("stock SQLite finds the file damaged");
            database_close(db);
            db = database_open(engines->quire, NULL, file);
        }
        Found found = run_queries(db, &set, "SELECT id FROM docs_vec(?1, 10)", set.query_count);
        database_exec(db, "INSERT INTO docs_vec(docs_vec) VALUES('flush');"
                          "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')");
        Found after = run_queries(db, &set, "SELECT id FROM docs_vec(?1, 10)", set.query_count);
        worst = found.recall < worst ? found.recall : worst;
        worst = after.recall < worst ? after.recall : worst;
    }
    double bytes = database_number(db, "SELECT bytes FROM vector_index_info");
    printf("churn, %zu x 64, %d rounds of half the rows: least recall@10 %.4f, size %.3f of a fresh"
           " build, integrity ok%s\n",
           count, rounds, worst, bytes / fresh,
           engines->stock != NULL ? ", also by stock SQLite" : "");
    database_close(db);
    unlink(file);
    set_free(&set);
}
