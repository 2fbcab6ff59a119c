// .embed: vectors of a table's texts, kept by the library's embedding pipeline (quire.h).
//
//    .embed TABLE EXPR TARGET --exec 'python3 embed.py'
//
// The feed that is followed is made if it is missing, in mode id, for the pipeline reads the texts
// from the table. What was embedded before is known again, so that the command may be given at any
// time and interrupted at any time.

#include "quire.h"
#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = ".embed TABLE EXPR TARGET --exec COMMAND | --url URL ?OPTIONS?";
static const char key_variable[] = "QUIRE_EMBED_KEY";

typedef struct EmbedCall {
    quire_pipeline_options options; // words of the line, and numbers
    const char *command, *url;      // one of the two
    int wait_ms;                    // for more changes, when all is embedded
    sqlite3_int64 rows, embedded;
    bool shows_progress;
} EmbedCall;

static void show_progress(void *arg, sqlite3_int64 rows, sqlite3_int64 embedded)
{
    EmbedCall *embed = arg;
    ASSERT(rows >= embed->rows && embedded >= embed->embedded);

    embed->rows = rows;
    embed->embedded = embedded;
    if (embed->shows_progress)
        fprintf(stderr, "\r%lld rows, %lld texts embedded", (long long)rows, (long long)embedded);
}

// --- the line ---

static bool take_number(EmbedCall *embed, const char *option, const char *value)
{
    const struct {
        const char *name;
        int *number;
    } numbers[] = {
        {"chunk", &embed->options.chunk_size},
        {"overlap", &embed->options.chunk_overlap},
        {"batch", &embed->options.batch_size},
        {"wait", &embed->wait_ms},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(option, numbers[i].name) != 0)
            continue;
        *numbers[i].number = (int)dot_integer(value);
        return true;
    }
    return false;
}

static bool take_word(EmbedCall *embed, const char *option, const char *value)
{
    const struct {
        const char *name;
        const char **word;
    } words[] = {
        {"exec", &embed->command},
        {"url", &embed->url},
        {"model", &embed->options.model},
        {"feed", &embed->options.feed},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(option, words[i].name) != 0)
            continue;
        *words[i].word = value;
        return true;
    }
    return false;
}

// False: something is missing, or more than is understood.
static bool take_arguments(EmbedCall *embed, const DotCall *call)
{
    quire_pipeline_options *o = &embed->options;
    const char **places[] = {&o->table, &o->text, &o->target};
    size_t given = 0;
    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL) {
            if (given == sizeof places / sizeof places[0])
                return false;
            *places[given++] = call->args[i];
            continue;
        }
        const char *value = i + 1 < call->count ? call->args[++i] : NULL;
        if (value == NULL
            || (!take_word(embed, option, value) && !take_number(embed, option, value)))
            return false;
    }
    return o->target != NULL && (embed->command == NULL) != (embed->url == NULL);
}

// --- the work ---

static bool make_feed(Shell *shell, const quire_pipeline_options *o)
{
    ASSERT(o->feed != NULL && o->table != NULL);

    char *name = sqlite3_mprintf("\"%w\"", o->table);
    char *sql = name == NULL ? NULL
                             : sqlite3_mprintf("CREATE VIRTUAL TABLE IF NOT EXISTS main.\"%w\""
                                               " USING cdc(tables=%Q, mode=id)",
                                               o->feed, name);
    bool is_made = sql != NULL && shell_run_sql(shell, sql);
    sqlite3_free(name);
    sqlite3_free(sql);
    return is_made;
}

static int open_embedder(EmbedCall *embed)
{
    ASSERT(embed->command != NULL || embed->url != NULL);

    if (embed->command != NULL)
        return quire_embedder_process(embed->command, &embed->options);
    return quire_embedder_http(embed->url, embed->options.model, getenv(key_variable),
                               &embed->options);
}

// Until a wait brings nothing.
static int embed_and_follow(EmbedCall *embed, quire_pipeline *pipeline)
{
    for (;;) {
        sqlite3_int64 before = embed->rows;
        int rc = quire_pipeline_run(pipeline, embed->wait_ms);
        if (rc != SQLITE_OK || embed->wait_ms == 0 || embed->rows == before)
            return rc;
    }
}

// The pipeline takes the embedder, whatever becomes of it.
static int run_pipeline(Shell *shell, EmbedCall *embed)
{
    quire_pipeline *pipeline = NULL;
    int rc = open_embedder(embed);
    if (rc == SQLITE_OK)
        rc = quire_pipeline_open(shell->db, &embed->options, &pipeline);
    if (rc == SQLITE_OK)
        rc = embed_and_follow(embed, pipeline);
    if (embed->shows_progress && embed->rows > 0)
        fputc('\n', stderr);
    if (rc != SQLITE_OK)
        fprintf(stderr, "Error: %s\n",
                pipeline != NULL ? quire_pipeline_errmsg(pipeline) : sqlite3_errstr(rc));
    quire_pipeline_close(pipeline);
    return rc;
}

int dot_embed(DotCall *call)
{
    ASSERT(call->count >= 1);

    EmbedCall embed = {.shows_progress = isatty(STDERR_FILENO) != 0};
    quire_pipeline_options *o = &embed.options;
    if (!take_arguments(&embed, call))
        return dot_usage(usage);
    if (!shell_open(call->shell))
        return 1;
    char *own_feed = sqlite3_mprintf("%s_feed", o->target);
    if (o->feed == NULL)
        o->feed = own_feed;
    if (o->model == NULL)
        o->model = embed.command != NULL ? embed.command : embed.url;
    o->progress = show_progress;
    o->progress_arg = &embed;
    bool is_done = o->feed != NULL && make_feed(call->shell, o)
                   && run_pipeline(call->shell, &embed) == SQLITE_OK;
    if (is_done)
        fprintf(call->shell->out, "%lld rows, %lld texts embedded\n", (long long)embed.rows,
                (long long)embed.embedded);
    sqlite3_free(own_feed);
    return is_done ? 0 : 1;
}
