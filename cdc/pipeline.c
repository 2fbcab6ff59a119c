// The loop of an embedding pipeline: see pipeline.h and quire.h.
//
//   scan      batches of rows in the order of the key, until there are no more
//   changes   batches of the feed, until it is read to its end; then the model is current (L4)
//   wait      for a change; then its batch, and what has come meanwhile
//
// A batch goes through three steps, of which only the last is inside a transaction (L1): texts are
// read and cut (store_*), those that are not known embedded, all written with the new place.
#include "cdc/pipeline.h"

#include <stdarg.h>
#include <time.h>

enum { BATCH_DEFAULT = 64, RETRIES_DEFAULT = 3, RETRY_PAUSE_MS = 50, RETRY_PAUSE_MAX_MS = 5000 };

int pipeline_error(quire_pipeline *p, int rc, const char *format, ...)
{
    ASSERT(rc != SQLITE_OK);

    va_list args;
    va_start(args, format);
    char *text = sqlite3_vmprintf(format, args);
    va_end(args);
    sqlite3_free(p->error);
    p->error = text;
    return rc;
}

int pipeline_keep_error(quire_pipeline *p, int rc)
{
    if (rc != SQLITE_OK && p->error == NULL)
        p->error = sqlite3_mprintf("%s", sqlite3_errmsg(p->db));
    return rc;
}

// --- opening ---

static char *copy(const char *text)
{
    return text == NULL ? NULL : sqlite3_mprintf("%s", text);
}

// Copies, so that the caller may forget its own. -1 retries means none, 0 the usual number.
static int take_options(quire_pipeline *p, const quire_pipeline_options *o)
{
    bool complete = o->feed != NULL && o->table != NULL && o->text != NULL && o->target != NULL
                    && o->model != NULL && o->embed != NULL;
    if (!complete)
        return pipeline_error(p, SQLITE_MISUSE,
                              "feed, table, text, target, model and embed must be given");
    if (o->chunk_size < 0 || o->chunk_overlap < 0
        || (o->chunk_size > 0 && o->chunk_overlap >= o->chunk_size))
        return pipeline_error(p, SQLITE_MISUSE, "chunks must be longer than their overlap");
    p->feed_name = copy(o->feed);
    p->table = copy(o->table);
    p->text = copy(o->text);
    p->target = copy(o->target);
    p->model = copy(o->model);
    p->consumer = sqlite3_mprintf("%s:%s", o->target, o->model);
    p->chunk_size = o->chunk_size;
    p->chunk_overlap = o->chunk_overlap;
    p->batch_size = o->batch_size > 0 ? o->batch_size : BATCH_DEFAULT;
    p->retries = o->retries > 0 ? o->retries : o->retries < 0 ? 0 : RETRIES_DEFAULT;
    p->progress = o->progress;
    p->progress_arg = o->progress_arg;
    bool copied = p->feed_name != NULL && p->table != NULL && p->text != NULL && p->target != NULL
                  && p->model != NULL && p->consumer != NULL;
    return copied ? SQLITE_OK : SQLITE_NOMEM;
}

// The handle is there even after a failure, for its message; the embedder is given back in any
// case.
int quire_pipeline_open(sqlite3 *db, const quire_pipeline_options *options, quire_pipeline **out)
{
    if (db == NULL || options == NULL || out == NULL)
        return SQLITE_MISUSE;
    quire_pipeline *p = sqlite3_malloc64(sizeof *p);
    *out = p;
    if (p == NULL) {
        if (options->embed_destroy != NULL)
            options->embed_destroy(options->embed_arg);
        return SQLITE_NOMEM;
    }
    memset(p, 0, sizeof *p);
    p->db = db;
    p->embed = options->embed;
    p->embed_arg = options->embed_arg;
    p->embed_destroy = options->embed_destroy;
    TRY(take_options(p, options));
    return store_prepare(p);
}

void quire_pipeline_close(quire_pipeline *p)
{
    if (p == NULL)
        return;
    quire_cdc_close(p->feed);
    pipeline_finalize(p);
    if (p->embed_destroy != NULL)
        p->embed_destroy(p->embed_arg);
    char *texts[] = {p->feed_name, p->table, p->text,     p->target,
                     p->model,     p->key,   p->consumer, p->error};
    for (int i = 0; i < ARRAY_LEN(texts); i++)
        sqlite3_free(texts[i]);
    sqlite3_free(p);
}

const char *quire_pipeline_errmsg(quire_pipeline *p)
{
    return p == NULL || p->error == NULL ? "not an error" : p->error;
}

sqlite3_int64 quire_pipeline_embedded(quire_pipeline *p)
{
    return p->embedded;
}

// --- embedding ---

typedef struct Texts {
    char **texts; // of the chunks that are not known, each a copy
    int count;
} Texts;

static void texts_free(Texts *texts)
{
    for (int i = 0; i < texts->count; i++)
        sqlite3_free(texts->texts[i]);
    sqlite3_free(texts->texts);
}

// Chunks that are stored already, and unchanged, are not embedded again.
static int texts_collect(const Batch *batch, Texts *out)
{
    ASSERT(out->texts == NULL && out->count == 0);

    int wanted = 0;
    for (int i = 0; i < batch->count; i++)
        wanted += batch->documents[i].chunk_count;
    out->texts = sqlite3_malloc64(((u64)wanted + 1) * sizeof *out->texts);
    if (out->texts == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < batch->count; i++) {
        const Document *document = &batch->documents[i];
        for (int k = 0; k < document->chunk_count; k++) {
            const Chunk *chunk = &document->chunks[k];
            if (chunk->is_known)
                continue;
            char *text = sqlite3_malloc64(chunk->length + 1);
            if (text == NULL)
                return SQLITE_NOMEM;
            memcpy(text, document->text + chunk->start, chunk->length);
            text[chunk->length] = '\0';
            out->texts[out->count++] = text;
        }
    }
    return SQLITE_OK;
}

// Twice as long each time, up to a limit.
static void pause_before_retry(int tries)
{
    ASSERT(tries >= 0);

    int ms = RETRY_PAUSE_MS;
    for (int i = 0; i < tries && ms < RETRY_PAUSE_MAX_MS; i++)
        ms *= 2;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL);
}

// An embedder that gives nothing has failed, whatever it says.
static int embed_with_retries(quire_pipeline *p, const Texts *texts, Batch *batch)
{
    ASSERT(texts->count > 0);

    for (int tries = 0;; tries++) {
        char *error = NULL;
        sqlite3_free(batch->vectors);
        batch->vectors = NULL;
        int rc = p->embed(p->embed_arg, texts->count, (const char *const *)texts->texts,
                          &batch->vectors, &batch->dimensions, &error);
        if (rc == SQLITE_OK && (batch->vectors == NULL || batch->dimensions <= 0)) {
            rc = SQLITE_ERROR;
            error = sqlite3_mprintf("the embedder gave no vectors");
        }
        if (rc != SQLITE_OK)
            (void)pipeline_error(p, rc, "%s", error != NULL ? error : "the embedder failed");
        sqlite3_free(error);
        if (rc == SQLITE_OK || rc == SQLITE_NOMEM || tries >= p->retries)
            return rc;
        pause_before_retry(tries);
    }
}

// Vectors come in the order of the texts; chunks borrow them from the batch.
static int embed_batch(quire_pipeline *p, Batch *batch)
{
    ASSERT(batch->vectors == NULL);

    Texts texts = {0};
    int rc = texts_collect(batch, &texts);
    if (rc == SQLITE_OK && texts.count > 0)
        rc = embed_with_retries(p, &texts, batch);
    int next = 0;
    for (int i = 0; i < batch->count && rc == SQLITE_OK; i++) {
        Document *document = &batch->documents[i];
        for (int k = 0; k < document->chunk_count; k++) {
            if (!document->chunks[k].is_known)
                document->chunks[k].vector =
                    batch->vectors + (size_t)next++ * (size_t)batch->dimensions;
        }
    }
    if (rc == SQLITE_OK) {
        p->embedded += texts.count;
        sqlite3_free(p->error); // of tries that failed
        p->error = NULL;
    }
    texts_free(&texts);
    return rc;
}

// --- the loop ---

static void tell_progress(quire_pipeline *p, int more)
{
    ASSERT(more >= 0);

    p->done += more;
    if (p->progress != NULL)
        p->progress(p->progress_arg, p->done, p->embedded);
}

// One batch of the scan; *over: there are no more.
static int scan_step(quire_pipeline *p, bool *over)
{
    ASSERT(p->batch_size > 0);

    Batch batch = {0};
    sqlite3_value *last;
    int rc = pipeline_keep_error(p, store_scan(p, &batch, &last));
    *over = rc == SQLITE_OK && batch.count < p->batch_size;
    if (rc == SQLITE_OK)
        rc = embed_batch(p, &batch);
    if (rc == SQLITE_OK)
        rc = store_write(p, &batch, last, 0, *over);
    if (rc == SQLITE_OK)
        tell_progress(p, batch.count);
    batch_free(&batch);
    return rc;
}

static int collect_changes(quire_pipeline *p, Batch *batch, const quire_change *changes, int count)
{
    ASSERT(count > 0);

    for (int i = 0; i < count; i++) {
        if (changes[i].table_name == NULL || sqlite3_stricmp(changes[i].table_name, p->table) != 0)
            continue;
        TRY(pipeline_keep_error(p, store_add_document(p, batch, changes[i].id)));
    }
    return SQLITE_OK;
}

// One batch of changes; *none: the feed is read to its end.
static int change_step(quire_pipeline *p, int timeout_ms, bool *none)
{
    ASSERT(p->feed != NULL);

    Batch batch = {0};
    const quire_change *changes;
    int count;
    int rc = quire_cdc_next(p->feed, p->batch_size, timeout_ms, &changes, &count);
    if (rc != SQLITE_OK)
        return pipeline_error(p, rc, "%s", quire_cdc_errmsg(p->feed));
    *none = count == 0;
    if (count == 0)
        return SQLITE_OK;
    i64 last = changes[count - 1].change_id;
    rc = collect_changes(p, &batch, changes, count);
    if (rc == SQLITE_OK)
        rc = embed_batch(p, &batch);
    if (rc == SQLITE_OK)
        rc = store_write(p, &batch, NULL, last, false);
    if (rc == SQLITE_OK)
        tell_progress(p, batch.count);
    else
        (void)quire_cdc_rewind(p->feed); // what was delivered is not done
    batch_free(&batch);
    return rc;
}

// What has gathered comes first, without waiting; then the model is current; then one wait.
static int run_changes(quire_pipeline *p, int timeout_ms)
{
    ASSERT(p->feed != NULL);

    bool none = false;
    while (!none)
        TRY(change_step(p, 0, &none));
    TRY(store_make_current(p));
    if (timeout_ms == 0)
        return SQLITE_OK;
    TRY(change_step(p, timeout_ms, &none));
    while (!none)
        TRY(change_step(p, 0, &none));
    return SQLITE_OK;
}

// The scan goes on where a crash left it: its place is stored with each batch.
int quire_pipeline_run(quire_pipeline *p, int timeout_ms)
{
    bool scanned;
    if (p == NULL || p->feed == NULL)
        return SQLITE_MISUSE;
    sqlite3_free(p->error);
    p->error = NULL;
    TRY(pipeline_keep_error(p, store_is_scanned(p, &scanned)));
    while (!scanned)
        TRY(scan_step(p, &scanned));
    return run_changes(p, timeout_ms);
}
