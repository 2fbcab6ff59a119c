// Follows the changes: reads what came since the last time in batches, writes vectors, and notes
// how far it came in the same transaction. If it dies, it goes on from there, nothing lost or done
// twice.
#include "examples/rag/rag.h"

#include <stdlib.h>

enum { BATCH = 2000 };

typedef struct {
    Embedder *embedder;
    sqlite3_stmt *read, *write, *forget, *note;
    long seq; // of the change handled last
    float vector[DIMS_LIMIT];
} Worker;

int embedder_open(Embedder *embedder, Store *store, const char *command)
{
    *embedder = (Embedder){.store = store};
    if (command != NULL)
        return pipe_embedder_start(command, &embedder->pipe);
    int rc = lsa_load(store, &embedder->lsa);
    if (rc == SQLITE_OK && embedder->lsa == NULL)
        rc = lsa_train(store, &embedder->lsa);
    return rc;
}

void embedder_close(Embedder *embedder)
{
    pipe_embedder_stop(embedder->pipe);
    lsa_free(embedder->lsa);
}

int embedder_embed(Embedder *embedder, const char *text, float *vector)
{
    if (embedder->pipe != NULL)
        return pipe_embedder_embed(embedder->pipe, embedder->store, text, vector, DIMS_LIMIT);
    return lsa_embed(embedder->lsa, text, vector);
}

static int prepare(Worker *worker, Store *store)
{
    int rc = store_prepare(store,
                           "SELECT seq, c.doc, d.name || ' ' || ifnull(d.body, '')"
                           " FROM changes c LEFT JOIN doc d ON d.id = c.doc"
                           " WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                           &worker->read);
    if (rc == SQLITE_OK)
        rc = store_prepare(store, "INSERT OR REPLACE INTO embedding(doc, vector) VALUES (?1, ?2)",
                           &worker->write);
    if (rc == SQLITE_OK)
        rc = store_prepare(store, "DELETE FROM embedding WHERE doc = ?1", &worker->forget);
    if (rc == SQLITE_OK)
        rc = store_prepare(store, "INSERT OR REPLACE INTO follower VALUES ('embedding', ?1)",
                           &worker->note);
    return rc;
}

static int run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

// The row of `read`: a change. A document that is gone by now loses its vector.
static int handle_change(Worker *worker)
{
    sqlite3_int64 doc = sqlite3_column_int64(worker->read, 1);
    const char *text = (const char *)sqlite3_column_text(worker->read, 2);
    worker->seq = (long)sqlite3_column_int64(worker->read, 0);
    if (text == NULL) {
        sqlite3_bind_int64(worker->forget, 1, doc);
        return run(worker->forget);
    }
    int dims = embedder_embed(worker->embedder, text, worker->vector);
    if (dims == 0)
        return SQLITE_ERROR;
    sqlite3_bind_int64(worker->write, 1, doc);
    sqlite3_bind_blob(worker->write, 2, worker->vector, dims * 4, SQLITE_STATIC);
    return run(worker->write);
}

static int handle_batch(Worker *worker, Store *store, long *count)
{
    int rc = store_exec(store, "BEGIN");
    *count = 0;
    sqlite3_bind_int64(worker->read, 1, worker->seq);
    sqlite3_bind_int(worker->read, 2, BATCH);
    while (rc == SQLITE_OK && sqlite3_step(worker->read) == SQLITE_ROW) {
        rc = handle_change(worker);
        ++*count;
    }
    int read_rc = sqlite3_reset(worker->read);
    sqlite3_bind_int64(worker->note, 1, worker->seq);
    if (rc == SQLITE_OK)
        rc = read_rc != SQLITE_OK ? read_rc : run(worker->note);
    if (rc == SQLITE_OK)
        return store_exec(store, "COMMIT");
    store_exec(store, "ROLLBACK");
    return rc;
}

int worker_follow(Embedder *embedder)
{
    Worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return SQLITE_NOMEM;
    Store *store = embedder->store;
    worker->embedder = embedder;
    worker->seq = store_number(store, "SELECT seq FROM follower WHERE name = 'embedding'");
    long last = store_number(store, "SELECT max(seq) FROM changes");
    long done = 0;
    long count = 1;
    Progress bar;
    progress_start(&bar, "embed", last - worker->seq);
    int rc = prepare(worker, store);
    while (rc == SQLITE_OK && count > 0) {
        rc = handle_batch(worker, store, &count);
        progress_show(&bar, done += count);
    }
    progress_finish(&bar, done, "changes");
    sqlite3_finalize(worker->read);
    sqlite3_finalize(worker->write);
    sqlite3_finalize(worker->forget);
    sqlite3_finalize(worker->note);
    free(worker);
    return rc;
}
