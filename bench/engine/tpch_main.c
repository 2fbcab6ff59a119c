// Asks the questions of tpch.h of two libraries, in memory and on a file in WAL mode, compares the
// answers and prints the times.
//
//   tpch_bench [-c] [-s SCALE] [-n TURNS] LIBRARY STOCK_LIBRARY FOLDER
//
//   -c         counts processor time, which other programs disturb less
//   -s SCALE   1 is about 1 GB; 0.1 unless told
//   -n TURNS   of each question the fastest turn counts; 2 unless told
#include "bench/engine/tpch.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUERIES_MAX = 32 };

typedef struct {
    const char *libraries[2]; // quire, stock
    const char *folder;
    double scale;
    int turns;
} Options;

typedef struct {
    double seconds[QUERIES_MAX];
    double megabytes; // the peak of the process
} Answers;

static double ask(Bench *b, const char *sql, FILE *answers)
{
    double started = bench_clock();
    sqlite3_stmt *stmt = bench_prepare(b, sql);
    int columns = b->lib->column_count(stmt);
    while (b->lib->step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            if (b->lib->column_type(stmt, i) == SQLITE_FLOAT)
                fprintf(answers, "%.17g|", b->lib->column_double(stmt, i));
            else
                fprintf(answers, "%s|", (const char *)b->lib->column_text(stmt, i));
        }
        fputc('\n', answers);
    }
    bench_finalize(b, stmt);
    return bench_clock() - started;
}

static void run_child(const Options *options, int which, Bench *b, const char *answers_path,
                      int out)
{
    Library lib;
    library_load(&lib, options->libraries[which]);
    b->lib = &lib;
    bench_open(b);
    tpch_fill(b, options->scale);
    Answers result = {0};
    for (int turn = 0; turn < options->turns; turn++) {
        FILE *answers = fopen(answers_path, "w");
        if (answers == NULL)
            exit(1);
        for (size_t i = 0; i < tpch_query_count; i++) {
            fprintf(answers, "%s\n", tpch_queries[i].name);
            double seconds = ask(b, tpch_queries[i].sql, answers);
            result.seconds[i] = turn == 0 ? seconds : fmin(result.seconds[i], seconds);
        }
        fclose(answers);
    }
    lib.close(b->db);
    _exit(write(out, &result, sizeof result) != (ssize_t)sizeof result);
}

static Answers measure(const Options *options, int which, const char *path,
                       const char *answers_path)
{
    Answers result = {0};
    Bench bench = {.path = path};
    int ends[2];
    bench_remove(path);
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0)
        run_child(options, which, &bench, answers_path, ends[1]);
    close(ends[1]);
    bool is_read = read(ends[0], &result, sizeof result) == (ssize_t)sizeof result;
    close(ends[0]);
    struct rusage usage = {0};
    int status = 1;
    wait4(child, &status, 0, &usage);
    bench_remove(path);
    if (!is_read || status != 0) {
        fprintf(stderr, "bench: %s failed\n", options->libraries[which]);
        exit(1);
    }
    result.megabytes = (double)usage.ru_maxrss / 1024;
    return result;
}

// Sums may differ in the last digits, for the order in which joins deliver rows is free.
static bool values_agree(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return *end_a == 0 && *end_b == 0 && fabs(x - y) <= 1e-9 * fmax(fabs(x), fabs(y));
}

static bool lines_agree(char *a, char *b)
{
    char *rest_a, *rest_b;
    char *x = strtok_r(a, "|\n", &rest_a), *y = strtok_r(b, "|\n", &rest_b);
    while (x != NULL && y != NULL && values_agree(x, y)) {
        x = strtok_r(NULL, "|\n", &rest_a);
        y = strtok_r(NULL, "|\n", &rest_b);
    }
    return x == NULL && y == NULL;
}

// Prints the name of the first question whose answers differ.
static bool answers_agree(const char *path_a, const char *path_b)
{
    FILE *a = fopen(path_a, "r"), *b = fopen(path_b, "r");
    char line_a[4096], line_b[4096], query[8] = "";
    bool agree = a != NULL && b != NULL;
    while (agree) {
        char *x = fgets(line_a, sizeof line_a, a), *y = fgets(line_b, sizeof line_b, b);
        if (x == NULL || y == NULL) {
            agree = x == NULL && y == NULL;
            break;
        }
        if (line_a[0] == 'q' && strlen(line_a) == 4)
            snprintf(query, sizeof query, "%.3s", line_a);
        agree = lines_agree(line_a, line_b);
    }
    if (!agree)
        fprintf(stderr, "bench: answers to %s differ\n", query);
    if (a != NULL)
        fclose(a);
    if (b != NULL)
        fclose(b);
    return agree;
}

static bool compare(const Options *options, const char *path, const char *where)
{
    char answers_paths[2][4096];
    Answers answers[2];
    for (int i = 0; i < 2; i++) {
        snprintf(answers_paths[i], sizeof answers_paths[i], "%s/tpch_answers_%d.txt",
                 options->folder, i);
        answers[i] = measure(options, i, path, answers_paths[i]);
    }
    double totals[2] = {0, 0};
    for (size_t i = 0; i < tpch_query_count; i++) {
        double mine = answers[0].seconds[i], stock = answers[1].seconds[i];
        printf("| %s | %s | %.1f | %.1f | %.2f | |\n", tpch_queries[i].name, where, mine * 1e3,
               stock * 1e3, mine / stock);
        totals[0] += mine;
        totals[1] += stock;
    }
    printf("| total | %s | %.1f | %.1f | %.2f | %.2f |\n", where, totals[0] * 1e3, totals[1] * 1e3,
           totals[0] / totals[1], answers[0].megabytes / answers[1].megabytes);
    fflush(stdout);
    bool agree = answers_agree(answers_paths[0], answers_paths[1]);
    unlink(answers_paths[0]);
    unlink(answers_paths[1]);
    return agree;
}

static bool read_options(int argc, char **argv, Options *options)
{
    *options = (Options){.scale = 0.1, .turns = 2};
    int letter;
    while ((letter = getopt(argc, argv, "cs:n:")) != -1) {
        if (letter == 'c')
            bench_counts_cpu = true;
        else if (letter == 's')
            options->scale = atof(optarg);
        else if (letter == 'n')
            options->turns = atoi(optarg);
        else
            return false;
    }
    if (argc - optind != 3 || options->scale <= 0 || options->turns < 1)
        return false;
    options->libraries[0] = argv[optind];
    options->libraries[1] = argv[optind + 1];
    options->folder = argv[optind + 2];
    return tpch_query_count <= QUERIES_MAX;
}

int main(int argc, char **argv)
{
    Options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: tpch_bench [-c] [-s SCALE] [-n TURNS] LIBRARY STOCK_LIBRARY FOLDER\n");
        return 2;
    }
    char file[4096];
    snprintf(file, sizeof file, "%s/tpch_bench.db", options.folder);
    printf("| question | where | quire ms | stock ms | time ratio | memory ratio |\n");
    printf("|---|---|---|---|---|---|\n");
    bool agree = compare(&options, ":memory:", "memory");
    agree = compare(&options, file, "WAL") && agree;
    return !agree;
}
