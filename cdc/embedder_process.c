// An embedder that is another program: it reads lines {"id":1,"text":"..."} and answers, in any
// order, {"id":1,"vector":[...]}. It runs until it is told to stop by the end of its input. One
// that dies or says nonsense is started anew by the next call, which the pipeline's retries make.
#include "cdc/json_scan.h"
#include "cdc/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIMENSIONS_MAX = 65536, LINE_MAX_SIZE = 1 << 24, TIMEOUT_MS = 120000 };

extern char **environ;

typedef struct ProcessEmbedder {
    char *command;
    pid_t pid;  // 0: not running
    int socket; // its input and output; a socket, because writing to a dead one is no signal
    char *line; // what has been read of the answers
    size_t size, space;
} ProcessEmbedder;

// A call under way.
typedef struct Exchange {
    ProcessEmbedder *embedder;
    char *request;
    size_t request_size, sent;
    int count, answered, dimensions;
    float *vectors;
    bool *seen;
    const char *why; // it failed
} Exchange;

static void stop(ProcessEmbedder *embedder, bool kill_it)
{
    if (embedder->pid == 0)
        return;
    (void)close(embedder->socket);
    if (kill_it)
        (void)kill(embedder->pid, SIGKILL);
    while (waitpid(embedder->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    embedder->pid = 0;
    embedder->size = 0;
}

static void process_free(void *arg)
{
    ProcessEmbedder *embedder = arg;
    stop(embedder, false);
    sqlite3_free(embedder->command);
    sqlite3_free(embedder->line);
    sqlite3_free(embedder);
}

static int spawn(ProcessEmbedder *embedder, int theirs)
{
    ASSERT(embedder->pid == 0 && theirs >= 0);

    posix_spawn_file_actions_t actions;
    char shell[] = "sh";
    char option[] = "-c";
    char *arguments[] = {shell, option, embedder->command, NULL};
    if (posix_spawn_file_actions_init(&actions) != 0)
        return SQLITE_NOMEM;
    (void)posix_spawn_file_actions_adddup2(&actions, theirs, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, theirs, 1);
    int failed = posix_spawn(&embedder->pid, "/bin/sh", &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        embedder->pid = 0;
    return failed == 0 ? SQLITE_OK : SQLITE_ERROR;
}

static int start(ProcessEmbedder *embedder)
{
    int ends[2];
    if (embedder->pid != 0)
        return SQLITE_OK;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return SQLITE_ERROR;
    int rc = spawn(embedder, ends[1]);
    (void)close(ends[1]);
    if (rc != SQLITE_OK) {
        (void)close(ends[0]);
        return rc;
    }
    embedder->socket = ends[0];
    (void)fcntl(embedder->socket, F_SETFL, O_NONBLOCK);
    return SQLITE_OK;
}

// --- one exchange ---

static char *request_text(int count, const char *const *texts, size_t *size)
{
    ASSERT(count > 0);

    sqlite3_str *out = sqlite3_str_new(NULL);
    for (int i = 0; i < count; i++) {
        sqlite3_str_appendf(out, "{\"id\":%d,\"text\":", i + 1);
        json_add_text(out, texts[i], strlen(texts[i]));
        sqlite3_str_appendall(out, "}\n");
    }
    *size = (size_t)sqlite3_str_length(out);
    return sqlite3_str_finish(out);
}

// The first answer tells the dimensions of all.
static int allocate(Exchange *x, int dimensions)
{
    ASSERT(x->vectors == NULL && x->count > 0);

    if (dimensions <= 0 || dimensions > DIMENSIONS_MAX) {
        x->why = "the embedder's answer has no vector";
        return SQLITE_ERROR;
    }
    x->dimensions = dimensions;
    x->vectors = sqlite3_malloc64((u64)x->count * (u64)dimensions * sizeof *x->vectors);
    return x->vectors == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int take_answer(Exchange *x, const char *line)
{
    ASSERT(x->answered < x->count);

    // Who answers in order need not repeat the number.
    i64 id = json_integer(line, "id", x->answered + 1);
    if (id < 1 || id > x->count || x->seen[id - 1]) {
        x->why = "the embedder answered what it was not asked";
        return SQLITE_ERROR;
    }
    if (x->vectors == NULL)
        TRY(allocate(x, json_numbers(line, "vector", NULL, 0)));
    float *vector = x->vectors + (size_t)(id - 1) * (size_t)x->dimensions;
    if (json_numbers(line, "vector", vector, x->dimensions) != x->dimensions) {
        x->why = "the embedder's vectors differ in size";
        return SQLITE_ERROR;
    }
    x->seen[id - 1] = true;
    x->answered++;
    return SQLITE_OK;
}

static int take_lines(Exchange *x)
{
    ASSERT(x->embedder->size <= x->embedder->space);

    ProcessEmbedder *e = x->embedder;
    size_t start = 0;
    for (size_t i = 0; i < e->size && x->answered < x->count; i++) {
        if (e->line[i] != '\n')
            continue;
        e->line[i] = '\0';
        TRY(take_answer(x, e->line + start));
        start = i + 1;
    }
    memmove(e->line, e->line + start, e->size - start);
    e->size -= start;
    return SQLITE_OK;
}

static int read_some(Exchange *x)
{
    ASSERT(x->embedder->pid != 0);

    ProcessEmbedder *e = x->embedder;
    if (e->space - e->size < 65536) {
        if (e->size > LINE_MAX_SIZE) {
            x->why = "the embedder's answer does not end";
            return SQLITE_ERROR;
        }
        char *line = sqlite3_realloc64(e->line, e->size + 131072);
        if (line == NULL)
            return SQLITE_NOMEM;
        e->line = line;
        e->space = e->size + 131072;
    }
    ssize_t got = read(e->socket, e->line + e->size, e->space - e->size - 1);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return SQLITE_OK;
    if (got <= 0) {
        x->why = "the embedder does not answer: it has ended";
        return SQLITE_ERROR;
    }
    e->size += (size_t)got;
    return take_lines(x);
}

static int write_some(Exchange *x)
{
    ASSERT(x->sent < x->request_size);

    ssize_t sent =
        send(x->embedder->socket, x->request + x->sent, x->request_size - x->sent, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return SQLITE_OK;
    if (sent < 0) {
        x->why = "the embedder does not listen: it has ended";
        return SQLITE_ERROR;
    }
    x->sent += (size_t)sent;
    return SQLITE_OK;
}

// Reads while there is something to write, so that neither side waits for the other for ever.
static int exchange(Exchange *x)
{
    ASSERT(x->answered == 0 && x->sent == 0);

    while (x->answered < x->count) {
        struct pollfd news = {.fd = x->embedder->socket, .events = POLLIN};
        if (x->sent < x->request_size)
            news.events |= POLLOUT;
        int ready = poll(&news, 1, TIMEOUT_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            x->why = "the embedder takes too long";
            return SQLITE_ERROR;
        }
        if ((news.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            TRY(read_some(x));
        if ((news.revents & POLLOUT) != 0)
            TRY(write_some(x));
    }
    return SQLITE_OK;
}

static int process_embed(void *arg, int count, const char *const *texts, float **vectors,
                         int *dimensions, char **error)
{
    Exchange x = {.embedder = arg, .count = count};
    int rc = start(x.embedder);
    if (rc != SQLITE_OK) {
        *error = sqlite3_mprintf("the embedder cannot be started: %s", x.embedder->command);
        return rc;
    }
    x.request = request_text(count, texts, &x.request_size);
    x.seen = sqlite3_malloc64((u64)count + 1);
    rc = x.request == NULL || x.seen == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK) {
        memset(x.seen, 0, (size_t)count + 1);
        rc = exchange(&x);
    }
    sqlite3_free(x.request);
    sqlite3_free(x.seen);
    if (rc != SQLITE_OK) {
        stop(x.embedder, true);
        sqlite3_free(x.vectors);
        *error = x.why == NULL ? NULL : sqlite3_mprintf("%s", x.why);
        return rc;
    }
    *vectors = x.vectors;
    *dimensions = x.dimensions;
    return SQLITE_OK;
}

int quire_embedder_process(const char *command, quire_pipeline_options *options)
{
    ProcessEmbedder *embedder = sqlite3_malloc64(sizeof *embedder);
    if (embedder == NULL)
        return SQLITE_NOMEM;
    *embedder = (ProcessEmbedder){.command = sqlite3_mprintf("%s", command)};
    if (embedder->command == NULL) {
        sqlite3_free(embedder);
        return SQLITE_NOMEM;
    }
    options->embed = process_embed;
    options->embed_arg = embedder;
    options->embed_destroy = process_free;
    return SQLITE_OK;
}
