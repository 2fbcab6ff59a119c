// Loads documents into a database once, embeds what changed since, and answers questions.
//
//   rag [-f FOLDER] [-e COMMAND] DATABASE [QUESTION...]
//
//   -f FOLDER    load the text files below it, not the package list of apt-cache
//   -e COMMAND   take vectors from this program, not from LSA (see quire_embedder_process)
#include "examples/rag/rag.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *folder;
    const char *command;
    const char *database;
    char **questions;
    int question_count;
} Options;

static bool read_options(int argc, char **argv, Options *options)
{
    int letter;
    while ((letter = getopt(argc, argv, "f:e:")) != -1) {
        if (letter == 'f')
            options->folder = optarg;
        else if (letter == 'e')
            options->command = optarg;
        else
            return false;
    }
    if (optind >= argc)
        return false;
    options->database = argv[optind];
    options->questions = argv + optind + 1;
    options->question_count = argc - optind - 1;
    return true;
}

static int check(Store *store)
{
    sqlite3_stmt *query;
    double started = clock_seconds();
    int rc = store_prepare(store, "PRAGMA integrity_check", &query);
    if (rc != SQLITE_OK)
        return rc;
    bool is_good = true;
    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(query, 0);
        is_good = is_good && strcmp(text, "ok") == 0;
        printf("\nintegrity_check: %s (%.2f s)\n", text, clock_seconds() - started);
    }
    rc = sqlite3_finalize(query);
    return rc == SQLITE_OK && !is_good ? SQLITE_CORRUPT : rc;
}

static int run(Store *store, const Options *options)
{
    Embedder embedder = {0};
    int rc = SQLITE_OK;
    if (store_number(store, "SELECT EXISTS (SELECT 1 FROM doc)") == 0)
        rc = corpus_load(store, options->folder);
    if (rc == SQLITE_OK)
        rc = embedder_open(&embedder, store, options->command);
    if (rc == SQLITE_OK)
        rc = worker_follow(&embedder);
    for (int i = 0; rc == SQLITE_OK && i < options->question_count; i++)
        rc = answer(store, &embedder, options->questions[i]);
    embedder_close(&embedder);
    return rc == SQLITE_OK ? check(store) : rc;
}

int main(int argc, char **argv)
{
    Options options = {0};
    Store store = {0};
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: rag [-f FOLDER] [-e COMMAND] DATABASE [QUESTION...]\n");
        return 2;
    }
    int rc = store_open(&store, options.database);
    if (rc == SQLITE_OK)
        rc = run(&store, &options);
    if (rc != SQLITE_OK)
        fprintf(stderr, "rag: %s (%s)\n", sqlite3_errstr(rc), sqlite3_errmsg(store.db));
    store_close(&store);
    return rc != SQLITE_OK;
}
