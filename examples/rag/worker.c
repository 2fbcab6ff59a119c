// Keeps the vectors of the documents: the library's embedding pipeline, with LSA as a function of
// this program, or with another program that speaks JSON lines. If it dies, it goes on from where
// it was, nothing lost or done twice.
#include "examples/rag/rag.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    Progress bar;
    long done;
} Watch;

static int embed_by_lsa(void *context, int count, const char *const *texts, float **vectors,
                        int *dimensions, char **error)
{
    (void)error;
    *dimensions = EMBEDDING_DIMS;
    *vectors = sqlite3_malloc64((sqlite3_uint64)count * EMBEDDING_DIMS * sizeof **vectors);
    if (*vectors == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < count; i++) {
        int dims = lsa_embed(context, texts[i], *vectors + (size_t)i * EMBEDDING_DIMS);
        if (dims == 0)
            return SQLITE_NOMEM;
        *dimensions = dims; // fewer than there is room for, if there are few documents
        if (i > 0 && dims != EMBEDDING_DIMS)
            for (int k = 0; k < dims; k++)
                (*vectors)[i * dims + k] = (*vectors)[(size_t)i * EMBEDDING_DIMS + (size_t)k];
    }
    return SQLITE_OK;
}

static void show_progress(void *context, sqlite3_int64 rows, sqlite3_int64 embedded)
{
    Watch *watch = context;
    (void)embedded;
    watch->done = (long)rows;
    progress_show(&watch->bar, watch->done);
}

int embedder_open(Embedder *embedder, Store *store, const char *command)
{
    *embedder = (Embedder){.store = store,
                           .pipeline = {.feed = "changes",
                                        .table = "doc",
                                        .text = "name || ' ' || ifnull(body, '')",
                                        .target = "embedding",
                                        .model = command == NULL ? "lsa" : command,
                                        .batch_size = 500,
                                        .retries = 1}};
    if (command != NULL)
        return quire_embedder_process(command, &embedder->pipeline);
    int rc = lsa_load(store, &embedder->lsa);
    if (rc == SQLITE_OK && embedder->lsa == NULL)
        rc = lsa_train(store, &embedder->lsa);
    embedder->pipeline.embed = embed_by_lsa;
    embedder->pipeline.embed_arg = embedder->lsa;
    return rc;
}

void embedder_close(Embedder *embedder)
{
    if (embedder->pipeline.embed_destroy != NULL)
        embedder->pipeline.embed_destroy(embedder->pipeline.embed_arg);
    lsa_free(embedder->lsa);
}

int embedder_embed(Embedder *embedder, const char *text, float **vector, int *dims)
{
    char *error = NULL;
    int rc = embedder->pipeline.embed(embedder->pipeline.embed_arg, 1, &text, vector, dims, &error);
    if (rc != SQLITE_OK && error != NULL)
        fprintf(stderr, "%s\n", error);
    sqlite3_free(error);
    return rc;
}

int worker_follow(Embedder *embedder)
{
    quire_pipeline *pipeline;
    Watch watch = {.done = 0};
    quire_pipeline_options options = embedder->pipeline;
    options.embed_destroy = NULL; // the embedder answers questions afterwards
    options.progress = show_progress;
    options.progress_arg = &watch;
    progress_start(&watch.bar, "embed", store_number(embedder->store, "SELECT count(*) FROM doc"));
    int rc = quire_pipeline_open(embedder->store->db, &options, &pipeline);
    if (rc == SQLITE_OK)
        rc = quire_pipeline_run(pipeline, 0);
    if (rc != SQLITE_OK)
        fprintf(stderr, "%s\n", quire_pipeline_errmsg(pipeline));
    quire_pipeline_close(pipeline);
    progress_finish(&watch.bar, watch.done, "changes");
    return rc;
}
