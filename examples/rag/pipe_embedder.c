// Vectors from another program: one JSON line to its standard input, one line back.
// JSON is written and read by the library's own functions, so none is parsed here.
#include "examples/rag/rag.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct PipeEmbedder {
    FILE *to;
    FILE *from;
    pid_t child;
    long count;
    char *line;
    size_t space;
};

static void run_child(const char *command, const int *input, const int *output)
{
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    close(input[0]);
    close(input[1]);
    close(output[0]);
    close(output[1]);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

int pipe_embedder_start(const char *command, PipeEmbedder **out)
{
    int input[2];
    int output[2];
    PipeEmbedder *embedder = calloc(1, sizeof *embedder);
    *out = embedder;
    if (embedder == NULL)
        return SQLITE_NOMEM;
    if (pipe(input) != 0 || pipe(output) != 0)
        return SQLITE_CANTOPEN;
    signal(SIGPIPE, SIG_IGN); // a child that died shows as a failed write
    embedder->child = fork();
    if (embedder->child == 0)
        run_child(command, input, output);
    close(input[0]);
    close(output[1]);
    embedder->to = fdopen(input[1], "w");
    embedder->from = fdopen(output[0], "r");
    return embedder->child < 0 || embedder->to == NULL || embedder->from == NULL ? SQLITE_CANTOPEN
                                                                                 : SQLITE_OK;
}

void pipe_embedder_stop(PipeEmbedder *embedder)
{
    if (embedder == NULL)
        return;
    if (embedder->to != NULL)
        fclose(embedder->to);
    if (embedder->from != NULL)
        fclose(embedder->from);
    if (embedder->child > 0)
        waitpid(embedder->child, NULL, 0);
    free(embedder->line);
    free(embedder);
}

static bool send_text(PipeEmbedder *embedder, Store *store, const char *text)
{
    sqlite3_stmt *query;
    bool is_sent = false;
    if (store_prepare(store, "SELECT json_object('id', ?1, 'text', ?2)", &query) == SQLITE_OK) {
        sqlite3_bind_int64(query, 1, ++embedder->count);
        sqlite3_bind_text(query, 2, text, -1, SQLITE_STATIC);
        if (sqlite3_step(query) == SQLITE_ROW)
            is_sent = fprintf(embedder->to, "%s\n", sqlite3_column_text(query, 0)) > 0
                      && fflush(embedder->to) == 0;
    }
    sqlite3_finalize(query);
    return is_sent;
}

int pipe_embedder_embed(PipeEmbedder *embedder, Store *store, const char *text, float *vector,
                        int space)
{
    sqlite3_stmt *query = NULL;
    int count = 0;
    if (!send_text(embedder, store, text)
        || getline(&embedder->line, &embedder->space, embedder->from) <= 0) {
        fprintf(stderr, "the embedder does not answer\n");
        return 0;
    }
    if (store_prepare(store, "SELECT value FROM json_each(?1, '$.vector')", &query) == SQLITE_OK) {
        sqlite3_bind_text(query, 1, embedder->line, -1, SQLITE_STATIC);
        while (count < space && sqlite3_step(query) == SQLITE_ROW)
            vector[count++] = (float)sqlite3_column_double(query, 0);
    }
    if (sqlite3_finalize(query) != SQLITE_OK || count == 0)
        fprintf(stderr, "the embedder answered: %s", embedder->line);
    return count;
}
