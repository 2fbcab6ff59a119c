// Exact search: the ten nearest rows of all, by scanning.
//
// The bound shown beside is what the same bytes take to be read once from memory by a plain loop.
// The same rows quantised to 8 bits and to 1 bit are a quarter and a thirty-second of the bytes;
// their nearest are others, so no recall is shown for them.
#include "bench_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURNS = 5, QUERIES = 5 };

// Seconds to read that many bytes once.
static double read_seconds(size_t size)
{
    uint64_t *memory = malloc(size);
    if (memory == NULL)
        die("out of memory");
    memset(memory, 1, size);
    double times[TURNS];
    volatile uint64_t sink = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t sums[8] = {0};
        double begin = now();
        for (size_t i = 0; i + 8 <= size / 8; i += 8)
            for (size_t k = 0; k < 8; k++)
                sums[k] += memory[i + k];
        times[turn] = now() - begin;
        for (int k = 0; k < 8; k++)
            sink += sums[k];
    }
    (void)sink; // its writes keep the loop; clang counts them as no use
    free(memory);
    return median(times, TURNS);
}

static double bound;
static double ours;

static void show(const char *what, Found found)
{
    printf("  %-44s %9.2f ms   recall %.3f   %.2f of the reading speed%s\n", what,
           found.seconds * 1e3, found.recall, bound / found.seconds, "");
    if (ours > 0 && found.seconds > ours)
        printf("  %-44s %9.1f times quire's table\n", "", found.seconds / ours);
    fflush(stdout);
}

static Found median_of_turns(Database *db, const VectorSet *set, const char *sql)
{
    double times[TURNS];
    Found found = run_queries(db, set, sql, 1);
    for (int turn = 0; turn < TURNS; turn++) {
        found = run_queries(db, set, sql, QUERIES);
        times[turn] = found.seconds;
    }
    found.seconds = median(times, TURNS);
    return found;
}

static void exact_table(const Engines *engines, const VectorSet *set, bool is_quire)
{
    if (!is_quire && engines->stock == NULL)
        return;
    Database *db = is_quire ? database_open(engines->quire, NULL, ":memory:")
                            : database_open(engines->stock, engines->extension, ":memory:");
    database_exec(db, "CREATE TABLE docs(id INTEGER PRIMARY KEY, v BLOB);BEGIN");
    insert_rows(db, set, 0, set->base_count);
    database_exec(db, "COMMIT");
    Found found =
        median_of_turns(db, set, "SELECT id FROM docs ORDER BY vector_distance_l2(v, ?1) LIMIT 10");
    if (is_quire)
        ours = found.seconds;
    show(is_quire ? "quire, table" : "stock SQLite with vector.so, table", found);
    database_close(db);
}

// How the rows of a table are made of the floats in parameter ?2, and asked for.
typedef struct Form {
    const char *name, *declared, *insert, *nearest;
    size_t bits; // of an element
} Form;

static const Form vec0_forms[] = {
    {"vec0, f32", "v float[%zu]", "?2", "v MATCH ?1", 32},
    {"vec0, int8", "v int8[%zu]", "vec_quantize_int8(vec_normalize(?2), 'unit')",
     "v MATCH vec_quantize_int8(vec_normalize(?1), 'unit')", 8},
    {"vec0, bit", "v bit[%zu]", "vec_quantize_binary(?2)", "v MATCH vec_quantize_binary(?1)", 1},
};

static const Form table_forms[] = {
    {"table, f16, cosine", "v", "vector16(?2)", "vector_distance_cos(v, vector16(?1))", 16},
    {"table, 8-bit, cosine", "v", "vector8(?2)", "vector_distance_cos(v, vector8(?1))", 8},
    {"table, 1-bit", "v", "vector1bit(?2)", "vector_distance_hamming(v, vector1bit(?1))", 1},
};

static void fill(Database *db, const VectorSet *set, const char *insert)
{
    sqlite3_stmt *stmt = database_prepare(db, insert);
    for (size_t i = 0; i < set->base_count; i++) {
        database_bind_int(db, stmt, 1, (int64_t)i + 1);
        database_bind_blob(db, stmt, 2, set->base + i * set->dims, set->dims * sizeof(float));
        (void)database_step(db, stmt);
    }
    database_finalize(db, stmt);
    database_exec(db, "COMMIT");
}

static void show_form(const char *engine, const Form *form, const VectorSet *set, Found found)
{
    char what[80];
    snprintf(what, sizeof what, "%s, %s", engine, form->name);
    double read = read_seconds(set->base_count * set->dims * form->bits / 8);
    printf("  %-44s %9.2f ms   %.2f of the reading speed\n", what, found.seconds * 1e3,
           read / found.seconds);
    fflush(stdout);
}

static void exact_vec0(const char *library, const char *extension, const VectorSet *set,
                       const char *engine)
{
    if (library == NULL)
        return;
    for (size_t i = 0; i < sizeof vec0_forms / sizeof *vec0_forms; i++) {
        const Form *form = &vec0_forms[i];
        char declared[60], insert[200], query[200];
        Database *db = database_open(library, extension, ":memory:");
        snprintf(declared, sizeof declared, form->declared, set->dims);
        database_exec(db, "CREATE VIRTUAL TABLE docs USING vec0(%s);BEGIN", declared);
        snprintf(insert, sizeof insert, "INSERT INTO docs(rowid, v) VALUES(?1, %s)", form->insert);
        double begin = now();
        fill(db, set, insert);
        double inserting = now() - begin;
        snprintf(query, sizeof query, "SELECT rowid FROM docs WHERE %s AND k = 10", form->nearest);
        show_form(engine, form, set, median_of_turns(db, set, query));
        printf("  %-44s %9.0f rows/s\n", "  inserted", (double)set->base_count / inserting);
        database_close(db);
    }
}

static void exact_forms(const Engines *engines, const VectorSet *set)
{
    for (size_t i = 0; i < sizeof table_forms / sizeof *table_forms; i++) {
        const Form *form = &table_forms[i];
        char insert[200], query[200];
        Database *db = database_open(engines->quire, NULL, ":memory:");
        database_exec(db, "CREATE TABLE docs(id INTEGER PRIMARY KEY, %s);BEGIN", form->declared);
        snprintf(insert, sizeof insert, "INSERT INTO docs VALUES(?1, %s)", form->insert);
        fill(db, set, insert);
        snprintf(query, sizeof query, "SELECT id FROM docs ORDER BY %s LIMIT 10", form->nearest);
        show_form("quire", form, set, median_of_turns(db, set, query));
        database_close(db);
    }
}

// Turso comes as a shell: the processor time of ten queries more is taken.
static double turso_seconds(const char *shell, const char *file, const VectorSet *set, int count)
{
    char script[] = "/tmp/vector_bench_XXXXXX";
    int fd = mkstemp(script);
    FILE *out = fdopen(fd, "w");
    for (int i = 0; i < count; i++) {
        fprintf(out, "SELECT id FROM docs ORDER BY vector_distance_l2(v, x'");
        const unsigned char *bytes = (const unsigned char *)(set->queries + (size_t)i * set->dims);
        for (size_t k = 0; k < set->dims * sizeof(float); k++)
            fprintf(out, "%02x", bytes[k]);
        fprintf(out, "') LIMIT 10;\n");
    }
    fclose(out);
    struct rusage before, after;
    char command[900];
    snprintf(command, sizeof command, "'%s' -q '%s' < %s > /dev/null", shell, file, script);
    getrusage(RUSAGE_CHILDREN, &before);
    if (system(command) != 0)
        die("%s failed", shell);
    getrusage(RUSAGE_CHILDREN, &after);
    unlink(script);
    return (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec)
           + (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) * 1e-6
           + (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec)
           + (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) * 1e-6;
}

static void exact_turso(const Engines *engines, const VectorSet *set)
{
    char file[] = "/tmp/vector_bench_db_XXXXXX";
    if (engines->turso == NULL)
        return;
    close(mkstemp(file));
    Database *db = database_open(engines->quire, NULL, file);
    database_exec(db, "CREATE TABLE docs(id INTEGER PRIMARY KEY, v BLOB);BEGIN");
    insert_rows(db, set, 0, set->base_count);
    database_exec(db, "COMMIT");
    database_close(db);
    double first = turso_seconds(engines->turso, file, set, 1);
    double eleven = turso_seconds(engines->turso, file, set, 11);
    show("Turso, table", (Found){.seconds = (eleven - first) / 10, .recall = 1});
    unlink(file);
}

void bench_exact(const Engines *engines, size_t count)
{
    VectorSet set;
    set_generate(&set, "generated", count, 384, 11);
    bound = read_seconds(count * 384 * sizeof(float));
    printf("exact scan of %zu x 384, ten nearest; read once: %.2f ms, %.1f GB/s\n", count,
           bound * 1e3, (double)count * 384 * 4 / bound * 1e-9);
    exact_table(engines, &set, true);
    exact_table(engines, &set, false);
    exact_turso(engines, &set);
    exact_forms(engines, &set);
    exact_vec0(engines->quire, NULL, &set, "quire");
    exact_vec0(engines->stock, engines->extension, &set, "stock with vector.so");
    exact_vec0(engines->vec0 != NULL ? engines->stock : NULL, engines->vec0, &set, "sqlite-vec");
    set_free(&set);
}
