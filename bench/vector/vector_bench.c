// vector_bench: vector search on quire, stock SQLite with vector.so, and peers.
//
//     vector_bench [options] LIBQUIRE [SECTION ...]
//
//     -s FILE   stock libsqlite3.so.0      -x FILE   vector.so for it
//     -v FILE   sqlite-vec's vec0.so       -t FILE   tursodb
//     -d DIR    folder of real vector sets
//     -n N      rows of generated sets, 100,000 unless told
//
// Sections: exact, index, filter, churn, million; all but the last unless told. Times are of the
// processor, so what else runs on the machine matters little.
#include "bench_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Options {
    Engines engines;
    const char *folder;
    size_t count;
} Options;

static void index_of_set(const Options *options, VectorSet *set, bool has_filters)
{
    Database *db = database_open(options->engines.quire, NULL, ":memory:");
    bench_index(db, set, "quire");
    if (has_filters)
        bench_filters(db, set);
    database_close(db);
    if (options->engines.stock != NULL && !has_filters) {
        db = database_open(options->engines.stock, options->engines.extension, ":memory:");
        bench_index(db, set, "stock with vector.so");
        database_close(db);
    }
    set_free(set);
}

static void section_index(const Options *options)
{
    static const char *const names[] = {"cranfield-lsa128", "sift10k", "books-lsa128", "mnist784"};
    VectorSet set;
    for (size_t i = 0; i < sizeof names / sizeof *names && options->folder != NULL; i++)
        if (set_read(&set, options->folder, names[i]))
            index_of_set(options, &set, false);
    set_generate(&set, "generated", options->count, 128, 100);
    index_of_set(options, &set, false);
}

static void section_filter(const Options *options)
{
    VectorSet set;
    set_generate(&set, "generated", options->count, 128, 20);
    index_of_set(options, &set, true);
}

static void section_million(const Options *options)
{
    VectorSet set;
    set_generate(&set, "generated", 1000000, 128, 50);
    Database *db = database_open(options->engines.quire, NULL, ":memory:");
    bench_index(db, &set, "quire");
    database_close(db);
    set_free(&set);
}

static void run_section(const Options *options, const char *name)
{
    if (strcmp(name, "exact") == 0)
        bench_exact(&options->engines, options->count);
    else if (strcmp(name, "index") == 0)
        section_index(options);
    else if (strcmp(name, "filter") == 0)
        section_filter(options);
    else if (strcmp(name, "churn") == 0)
        bench_churn(&options->engines, options->count / 5, 20);
    else if (strcmp(name, "million") == 0)
        section_million(options);
    else
        die("no section %s", name);
}

int main(int argc, char **argv)
{
    Options options = {.count = 100000};
    int option;
    while ((option = getopt(argc, argv, "s:x:v:t:d:n:")) != -1) {
        switch (option) {
        case 's': options.engines.stock = optarg; break;
        case 'x': options.engines.extension = optarg; break;
        case 'v': options.engines.vec0 = optarg; break;
        case 't': options.engines.turso = optarg; break;
        case 'd': options.folder = optarg; break;
        case 'n': options.count = strtoul(optarg, NULL, 10); break;
        default: die("see the top of vector_bench.c");
        }
    }
    if (optind == argc)
        die("which library?");
    options.engines.quire = argv[optind++];
    static const char *const all[] = {"exact", "index", "filter", "churn"};
    for (size_t i = 0; optind == argc && i < sizeof all / sizeof *all; i++)
        run_section(&options, all[i]);
    for (; optind < argc; optind++)
        run_section(&options, argv[optind]);
    printf("done\n");
    return 0;
}
