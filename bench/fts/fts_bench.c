// Full-text search beside stock SQLite's: ranked and counted queries, building, commits, cold open.
//
//     fts_bench [-n DOCUMENTS] [-m MANY] [-r REPEATS] [-c COLLECTION] [-p] LIBRARY STOCK DIRECTORY
//
// The corpus is made: documents of 30 to 130 words t0, t1, ... whose frequencies follow Zipf's law
// (rank + 3.5 to the power of -1.06 of 50,000 words), from one seed. Each library builds its own
// file. A query is prepared once and timed over REPEATS runs, the fastest counting, caches warm;
// both libraries answer in the same process, one after the other. The rows of both must be equal.
//
// MANY documents (0: left out) are inserted one per transaction: the longest commit of the last
// tenth is shown, then what a new connection takes for its first ranked query. COLLECTION names a
// folder with docs.tsv, queries.tsv and qrels.tsv; see relevance.c. With -p processor time counts
// instead of the clock's: on a busy machine waiting drops out on both sides.
#include "bench/fts/fts_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WORD_COUNT = 50000, WORDS_MIN = 30, WORDS_MAX = 130, TEXT_MAX = WORDS_MAX * 8 };

// --- the corpus ---

static double cumulative[WORD_COUNT];

static void corpus_init(void)
{
    double sum = 0;
    for (int i = 0; i < WORD_COUNT; i++)
        cumulative[i] = sum += pow(i + 3.5, -1.06);
    for (int i = 0; i < WORD_COUNT; i++)
        cumulative[i] /= sum;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9E3779B97F4A7C15ULL;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
    return x ^ x >> 31;
}

static int random_word(uint64_t *state)
{
    double at = (double)(next_random(state) >> 11) / 9007199254740992.0;
    int first = 0;
    int end = WORD_COUNT - 1;
    while (first < end) {
        int middle = (first + end) / 2;
        if (cumulative[middle] < at)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static int make_document(long number, char *text)
{
    uint64_t state = (uint64_t)number * 7919 + 17;
    int count = WORDS_MIN + (int)(next_random(&state) % (WORDS_MAX - WORDS_MIN + 1));
    int size = 0;
    for (int i = 0; i < count; i++)
        size += snprintf(text + size, (size_t)(TEXT_MAX - size), "%st%d", i > 0 ? " " : "",
                         random_word(&state));
    return size;
}

// --- running ---

static clockid_t timer = CLOCK_MONOTONIC;

double now_ms(void)
{
    struct timespec t;
    clock_gettime(timer, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void run_sql(Side *side, const char *sql)
{
    if (side->lib.exec(side->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "fts_bench: %s: %s: %s\n", side->name, sql, side->lib.errmsg(side->db));
        exit(1);
    }
}

sqlite3_stmt *prepare(Side *side, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (side->lib.prepare(side->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "fts_bench: %s: %s: %s\n", side->name, sql, side->lib.errmsg(side->db));
        exit(1);
    }
    return stmt;
}

static void side_path(const Side *side, const char *which, char *path, size_t size)
{
    snprintf(path, size, "%s/%s_%s.db", side->directory, side->name, which);
}

static void open_file(Side *side, const char *which, bool is_new)
{
    char path[600];
    side_path(side, which, path, sizeof path);
    if (is_new) {
        char log[620];
        unlink(path);
        snprintf(log, sizeof log, "%s-wal", path);
        unlink(log);
    }
    if (side->lib.open(path, &side->db) != SQLITE_OK)
        exit(1);
    run_sql(side, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                  "PRAGMA cache_size = -200000");
}

static void insert_documents(Side *side, long first, long end, bool is_single, double *longest)
{
    static char text[TEXT_MAX];
    sqlite3_stmt *stmt = prepare(side, "INSERT INTO t(a) VALUES(?1)");
    for (long i = first; i < end; i++) {
        int size = make_document(i, text);
        side->lib.bind_text(stmt, 1, text, size, SQLITE_STATIC);
        double start = is_single ? now_ms() : 0;
        if (side->lib.step(stmt) != SQLITE_DONE || side->lib.reset(stmt) != SQLITE_OK) {
            fprintf(stderr, "fts_bench: %s: %s\n", side->name, side->lib.errmsg(side->db));
            exit(1);
        }
        double took = is_single ? now_ms() - start : 0;
        if (longest != NULL && took > *longest)
            *longest = took;
    }
    side->lib.finalize(stmt);
}

static long file_bytes(Side *side, const char *sql)
{
    sqlite3_stmt *stmt = prepare(side, sql);
    side->lib.step(stmt);
    long bytes = (long)side->lib.column_int64(stmt, 0);
    side->lib.finalize(stmt);
    return bytes;
}

static void report(const char *what, double ours, double stock, const char *unit)
{
    printf("%-44s %10.2f %10.2f %s %8.2fx\n", what, ours, stock, unit, stock / ours);
    fflush(stdout);
}

// --- building ---

static void build(Side *side, long count, double *took)
{
    double start = now_ms();
    open_file(side, "corpus", true);
    run_sql(side, "CREATE VIRTUAL TABLE t USING fts5(a); BEGIN");
    insert_documents(side, 1, count + 1, false, NULL);
    run_sql(side, "COMMIT");
    *took = now_ms() - start;
}

static void bench_building(Side *sides, long count)
{
    double took[2];
    for (int i = 0; i < 2; i++)
        build(&sides[i], count, &took[i]);
    report("build, one transaction", took[0], took[1], "ms");
    for (int i = 0; i < 2; i++) {
        double start = now_ms();
        insert_documents(&sides[i], count + 1, count + 2001, true, NULL);
        took[i] = now_ms() - start;
    }
    report("2,000 documents, each its own transaction", took[0], took[1], "ms");
    static const char size_sql[] = "SELECT sum(length(block)) / 1000 FROM t_data";
    report("index size", (double)file_bytes(&sides[0], size_sql),
           (double)file_bytes(&sides[1], size_sql), "kB");
}

static void bench_optimize(Side *sides)
{
    double took[2];
    for (int i = 0; i < 2; i++) {
        double start = now_ms();
        run_sql(&sides[i], "INSERT INTO t(t) VALUES('optimize')");
        took[i] = now_ms() - start;
    }
    report("optimize", took[0], took[1], "ms");
}

// --- queries ---

typedef struct Answer {
    long rows;
    long sum;
    double score;
    double ms;
} Answer;

static Answer ask(Side *side, const char *sql, const char *match, int repeats)
{
    Answer answer = {.ms = 1e9};
    sqlite3_stmt *stmt = prepare(side, sql);
    side->lib.bind_text(stmt, 1, match, -1, SQLITE_STATIC);
    for (int i = 0; i < repeats; i++) {
        double start = now_ms();
        answer.rows = answer.sum = 0;
        answer.score = 0;
        while (side->lib.step(stmt) == SQLITE_ROW) {
            answer.rows++;
            answer.sum += (long)side->lib.column_int64(stmt, 0) * answer.rows;
            answer.score += side->lib.column_double(stmt, 1);
        }
        side->lib.reset(stmt);
        double took = now_ms() - start;
        if (took < answer.ms)
            answer.ms = took;
    }
    side->lib.finalize(stmt);
    return answer;
}

// The ratio; ends the program when the answers differ.
static double compare(Side *sides, const char *what, const char *sql, const char *match,
                      int repeats)
{
    char label[80];
    Answer ours = ask(&sides[0], sql, match, repeats);
    Answer stock = ask(&sides[1], sql, match, repeats);
    bool is_same = ours.rows == stock.rows && ours.sum == stock.sum
                   && fabs(ours.score - stock.score) <= 1e-9 * fabs(stock.score) + 1e-12;
    if (!is_same) {
        fprintf(stderr, "fts_bench: %s %s: the answers differ: %ld %ld %.15g, %ld %ld %.15g\n",
                what, match, ours.rows, ours.sum, ours.score, stock.rows, stock.sum, stock.score);
        exit(1);
    }
    snprintf(label, sizeof label, "%s %s", what, match);
    report(label, ours.ms, stock.ms, "ms");
    return stock.ms / ours.ms;
}

static void bench_queries(Side *sides, int repeats, const char *state)
{
    static const char *const queries[] = {
        "t0", "t5", "t50", "t500", "t0 t1", "t5 OR t9 OR t20", "\"t0 t1\"", "t1*", "t12*"};
    static const char ranked[] =
        "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank LIMIT 10";
    static const char counted[] = "SELECT count(*), 0.0 FROM t WHERE t MATCH ?1";
    double ranked_log = 0;
    double counted_log = 0;
    int count = (int)(sizeof queries / sizeof queries[0]);
    printf("-- queries, %s\n", state);
    for (int i = 0; i < count; i++)
        ranked_log += log(compare(sides, "top 10:", ranked, queries[i], repeats));
    for (int i = 0; i < count; i++)
        counted_log += log(compare(sides, "count:", counted, queries[i], repeats));
    compare(sides, "ORDER BY rank, rowid DESC:",
            "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank, rowid DESC LIMIT 10", "t50",
            repeats);
    compare(sides, "ORDER BY rank, a:",
            "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank, a LIMIT 10", "t500",
            repeats);
    printf("geometric mean, %s: top 10 %.1fx, count %.1fx\n", state, exp(ranked_log / count),
           exp(counted_log / count));
}

// --- many documents ---

static void bench_many(Side *sides, long count)
{
    double longest[2] = {0, 0};
    double took[2];
    long single = count / 10;
    for (int i = 0; i < 2; i++) {
        open_file(&sides[i], "many", true);
        run_sql(&sides[i], "CREATE VIRTUAL TABLE t USING fts5(a); BEGIN");
        insert_documents(&sides[i], 1, count - single + 1, false, NULL);
        run_sql(&sides[i], "COMMIT");
        double start = now_ms();
        insert_documents(&sides[i], count - single + 1, count + 1, true, &longest[i]);
        took[i] = now_ms() - start;
        sides[i].lib.close(sides[i].db);
    }
    report("last tenth, each its own transaction", took[0], took[1], "ms");
    report("longest commit", longest[0], longest[1], "ms");
    for (int i = 0; i < 2; i++) {
        char path[600];
        side_path(&sides[i], "many", path, sizeof path);
        double start = now_ms();
        if (sides[i].lib.open(path, &sides[i].db) != SQLITE_OK)
            exit(1);
        ask(&sides[i], "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank LIMIT 10", "t50",
            1);
        took[i] = now_ms() - start;
        sides[i].lib.close(sides[i].db);
    }
    report("open and one ranked query (t50)", took[0], took[1], "ms");
}

int main(int argc, char **argv)
{
    long count = 200000;
    long many = 0;
    int repeats = 5;
    const char *collection = NULL;
    int option;
    while ((option = getopt(argc, argv, "n:m:r:c:p")) != -1) {
        switch (option) {
        case 'n': count = strtol(optarg, NULL, 10); break;
        case 'm': many = strtol(optarg, NULL, 10); break;
        case 'r': repeats = (int)strtol(optarg, NULL, 10); break;
        case 'c': collection = optarg; break;
        case 'p': timer = CLOCK_PROCESS_CPUTIME_ID; break;
        default: return 2;
        }
    }
    if (argc - optind != 3) {
        fprintf(stderr,
                "usage: fts_bench [-n N] [-m MANY] [-r REPEATS] [-c DIR] [-p] LIB STOCK DIR\n");
        return 2;
    }
    Side sides[2] = {{.name = "quire"}, {.name = "stock"}};
    for (int i = 0; i < 2; i++) {
        library_load(&sides[i].lib, argv[optind + i]);
        sides[i].directory = argv[optind + 2];
        printf("%s: SQLite %s\n", sides[i].name, sides[i].lib.version());
    }
    printf("%-44s %10s %10s\n", "", "quire", "stock");
    corpus_init();
    if (count > 0) {
        bench_building(sides, count);
        bench_queries(sides, repeats, "as built");
        bench_optimize(sides);
        bench_queries(sides, repeats, "optimized");
        for (int i = 0; i < 2; i++)
            sides[i].lib.close(sides[i].db);
    }
    if (many > 0)
        bench_many(sides, many);
    if (collection != NULL)
        bench_relevance(sides, collection);
    return 0;
}
