// Times each workload on two libraries, in memory and on a file in WAL mode, and prints ratios.
//
//   engine_bench [-c] [-r ROWS] [-n TURNS] [-w WORDS] LIBRARY STOCK_LIBRARY FOLDER
//
//   -c         counts processor time, which other programs disturb less
//   -r ROWS    of the table most workloads use, 200000 unless told
//   -n TURNS   the libraries take turns, the fastest of each counts; 3 unless told
//   -w WORDS   only workloads whose name has them
#include "bench/engine/bench.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *libraries[2]; // quire, stock
    const char *folder;
    const char *words;
    long rows;
    int turns;
} Options;

typedef struct {
    double seconds;
    double megabytes; // the peak of the process
} Measure;

static void run_child(const Workload *work, const char *library, Bench *bench, int out)
{
    Library lib;
    library_load(&lib, library);
    bench->lib = &lib;
    work->prepare(bench);
    double started = bench_clock();
    work->run(bench);
    double seconds = bench_clock() - started;
    lib.close(bench->db);
    _exit(write(out, &seconds, sizeof seconds) != (ssize_t)sizeof seconds);
}

// A process of its own, so that neither library sees the other's memory, caches or names.
static Measure measure(const Workload *work, const char *library, Bench bench)
{
    Measure result = {0};
    int ends[2];
    bench_remove(bench.path);
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0)
        run_child(work, library, &bench, ends[1]);
    close(ends[1]);
    bool is_read = read(ends[0], &result.seconds, sizeof result.seconds) == sizeof(double);
    close(ends[0]);
    struct rusage usage = {0};
    int status = 1;
    wait4(child, &status, 0, &usage);
    bench_remove(bench.path);
    if (!is_read || status != 0) {
        fprintf(stderr, "bench: %s failed on %s\n", work->name, library);
        exit(1);
    }
    result.megabytes = (double)usage.ru_maxrss / 1024;
    return result;
}

static void compare(const Workload *work, const Options *options, const char *path, double *logs)
{
    Measure best[2] = {{INFINITY, INFINITY}, {INFINITY, INFINITY}};
    for (int turn = 0; turn < options->turns * 2; turn++) {
        Measure *kept = &best[turn % 2];
        Bench bench = {.path = path, .rows = options->rows};
        Measure got = measure(work, options->libraries[turn % 2], bench);
        kept->seconds = fmin(kept->seconds, got.seconds);
        kept->megabytes = fmin(kept->megabytes, got.megabytes);
    }
    double time_ratio = best[0].seconds / best[1].seconds;
    double memory_ratio = best[0].megabytes / best[1].megabytes;
    printf("| %s | %s | %.1f | %.1f | %.2f | %.2f |\n", work->name,
           path[0] == ':' ? "memory" : "WAL", best[0].seconds * 1e3, best[1].seconds * 1e3,
           time_ratio, memory_ratio);
    fflush(stdout);
    logs[0] += log(time_ratio);
    logs[1] += log(memory_ratio);
}

static bool read_options(int argc, char **argv, Options *options)
{
    *options = (Options){.words = "", .rows = 200000, .turns = 3};
    int letter;
    while ((letter = getopt(argc, argv, "cr:n:w:")) != -1) {
        if (letter == 'c')
            bench_counts_cpu = true;
        else if (letter == 'r')
            options->rows = atol(optarg);
        else if (letter == 'n')
            options->turns = atoi(optarg);
        else if (letter == 'w')
            options->words = optarg;
        else
            return false;
    }
    if (argc - optind != 3 || options->rows < 2000 || options->turns < 1)
        return false;
    options->libraries[0] = argv[optind];
    options->libraries[1] = argv[optind + 1];
    options->folder = argv[optind + 2];
    return true;
}

int main(int argc, char **argv)
{
    Options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: engine_bench [-c] [-r ROWS (2000 or more)] [-n TURNS] [-w WORDS]"
                        " LIBRARY STOCK_LIBRARY FOLDER\n");
        return 2;
    }
    char file[4096];
    snprintf(file, sizeof file, "%s/engine_bench.db", options.folder);
    const char *const paths[] = {":memory:", file};
    double logs[2] = {0, 0};
    int count = 0;
    printf("| workload | where | quire ms | stock ms | time ratio | memory ratio |\n");
    printf("|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < workload_count * 2; i++) {
        const Workload *work = &workloads[i / 2];
        if (strstr(work->name, options.words) == NULL)
            continue;
        compare(work, &options, paths[i % 2], logs);
        count++;
    }
    if (count > 0)
        printf("| geometric mean | | | | %.2f | %.2f |\n", exp(logs[0] / count),
               exp(logs[1] / count));
    return count == 0;
}
