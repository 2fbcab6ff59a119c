// The tables of an embedding pipeline: see pipeline.h.
//
// The place in the scan is the last key written, kept as a value of the key's own type. The place
// in the feed is the consumer's position, acknowledged in the transaction that writes the vectors.
#include "cdc/pipeline.h"

void batch_free(Batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        sqlite3_value_free(batch->documents[i].id);
        sqlite3_free(batch->documents[i].text);
        sqlite3_free(batch->documents[i].chunks);
    }
    sqlite3_free(batch->documents);
    sqlite3_free(batch->vectors);
    memset(batch, 0, sizeof *batch);
}

// --- preparing ---

static int create_tables(quire_pipeline *p)
{
    const char *t = p->target;
    return sql_exec(
        p->db,
        "CREATE TABLE IF NOT EXISTS \"%w\"(model TEXT, doc, chunk INTEGER, start INTEGER,"
        " length INTEGER, hash BLOB, vector BLOB, PRIMARY KEY (model, doc, chunk))"
        " WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS \"%w_model\"(model TEXT PRIMARY KEY, scanned,"
        " is_complete INTEGER, is_current INTEGER);"
        "CREATE VIEW IF NOT EXISTS \"%w_current\" AS SELECT doc, chunk, start, length,"
        " vector FROM \"%w\" WHERE model = (SELECT model FROM \"%w_model\""
        " WHERE is_current);"
        "INSERT OR IGNORE INTO \"%w_model\" VALUES (%Q, NULL, 0,"
        " NOT EXISTS (SELECT 1 FROM \"%w_model\"))",
        t, t, t, t, t, t, p->model, t);
}

// What identifies a row: the rowid, or the one column of a WITHOUT ROWID table's key.
static int find_key(quire_pipeline *p)
{
    ASSERT(p->key == NULL);

    i64 without_rowid;
    i64 count;
    TRY(sql_int(
        p->db, 0, &without_rowid,
        "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = %Q COLLATE NOCASE",
        p->table));
    if (without_rowid == 0) {
        p->key = sqlite3_mprintf("rowid");
        return p->key == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    TRY(sql_int(p->db, 0, &count, "SELECT count(*) FROM pragma_table_info(%Q) WHERE pk > 0",
                p->table));
    if (count != 1)
        return pipeline_error(p, SQLITE_ERROR, "%s has a key of several columns", p->table);
    return sql_text(p->db, &p->key, "SELECT name FROM pragma_table_info(%Q) WHERE pk > 0",
                    p->table);
}

// L4: the subscription first.
int store_prepare(quire_pipeline *p)
{
    TRY(pipeline_keep_error(p, find_key(p)));
    TRY(pipeline_keep_error(p, savepoint_open(p->db)));
    int rc = quire_cdc_open(p->db, p->feed_name, p->consumer, QUIRE_CDC_LATEST, &p->feed);
    if (rc != SQLITE_OK && p->feed != NULL)
        rc = pipeline_error(p, rc, "%s", quire_cdc_errmsg(p->feed));
    if (rc == SQLITE_OK)
        rc = pipeline_keep_error(p, create_tables(p));
    return pipeline_keep_error(p, savepoint_close(p->db, rc));
}

// --- prepared statements ---

static int prepare_one(quire_pipeline *p, PipelineStatement which, sqlite3_stmt **out)
{
    ASSERT(which < PIPELINE_STATEMENTS);

    switch (which) {
    case STATEMENT_TEXT:
        return sql_prepare(p->db, out, "SELECT %s FROM \"%w\" WHERE \"%w\" = ?1", p->text, p->table,
                           p->key);
    case STATEMENT_KNOWN:
        return sql_prepare(p->db, out,
                           "SELECT chunk, hash, start FROM \"%w\" WHERE model = %Q AND doc = ?1",
                           p->target, p->model);
    case STATEMENT_CHUNK:
        return sql_prepare(p->db, out,
                           "INSERT OR REPLACE INTO \"%w\" VALUES (%Q, ?1, ?2, ?3, ?4, ?5, ?6)",
                           p->target, p->model);
    case STATEMENT_TRIM:
        return sql_prepare(p->db, out,
                           "DELETE FROM \"%w\" WHERE model = %Q AND doc = ?1 AND chunk >= ?2",
                           p->target, p->model);
    case PIPELINE_STATEMENTS: break;
    }
    return SQLITE_MISUSE;
}

// Ready to run, with the key bound; stmt_end() when done.
static int take_statement(quire_pipeline *p, PipelineStatement which, sqlite3_value *key,
                          sqlite3_stmt **out)
{
    ASSERT(which < PIPELINE_STATEMENTS);
    ASSERT(key != NULL);

    if (p->statements[which] == NULL)
        TRY(prepare_one(p, which, &p->statements[which]));
    *out = p->statements[which];
    return sqlite3_bind_value(*out, 1, key);
}

void pipeline_finalize(quire_pipeline *p)
{
    for (int i = 0; i < PIPELINE_STATEMENTS; i++) {
        (void)sqlite3_finalize(p->statements[i]);
        p->statements[i] = NULL;
    }
}

// --- documents ---

// The stored chunks that are the same are marked.
static int mark_known(quire_pipeline *p, Document *document)
{
    ASSERT(document->text != NULL);

    sqlite3_stmt *stmt;
    int step;
    TRY(take_statement(p, STATEMENT_KNOWN, document->id, &stmt));
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        i64 number = sqlite3_column_int64(stmt, 0);
        const void *hash = sqlite3_column_blob(stmt, 1);
        if (number < 0 || number >= document->chunk_count
            || sqlite3_column_bytes(stmt, 1) != HASH_SIZE)
            continue;
        Chunk *chunk = &document->chunks[number];
        chunk->is_known = memcmp(hash, chunk->hash, HASH_SIZE) == 0;
    }
    return stmt_end(stmt, step);
}

// A row without text has no chunks, and loses those it had.
static int take_text(quire_pipeline *p, Document *document, sqlite3_value *text)
{
    ASSERT(document->text == NULL);

    const unsigned char *bytes = sqlite3_value_text(text);
    if (bytes == NULL || bytes[0] == '\0')
        return SQLITE_OK;
    document->size = (size_t)sqlite3_value_bytes(text);
    document->text = sqlite3_mprintf("%s", bytes);
    if (document->text == NULL)
        return SQLITE_NOMEM;
    document->size = strlen(document->text); // a NUL byte ends it, for embedders too
    text_hash(document->text, document->size, document->hash);
    TRY(text_chunks(document->text, document->size, p->chunk_size, p->chunk_overlap,
                    &document->chunks, &document->chunk_count));
    return mark_known(p, document);
}

// By type and bytes: it saves work, and nothing depends on it.
static bool ids_equal(sqlite3_value *a, sqlite3_value *b)
{
    ASSERT(a != NULL && b != NULL);

    if (sqlite3_value_type(a) != sqlite3_value_type(b))
        return false;
    if (sqlite3_value_type(a) == SQLITE_INTEGER)
        return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    int size = sqlite3_value_bytes(a);
    return size == sqlite3_value_bytes(b)
           && (size == 0
               || memcmp(sqlite3_value_blob(a), sqlite3_value_blob(b), (size_t)size) == 0);
}

// A new, empty document of the batch, or NULL when memory is short.
static Document *add_document(Batch *batch, sqlite3_value *id)
{
    ASSERT(batch->count <= batch->space);

    if (batch->count == batch->space) {
        int space = batch->space == 0 ? 64 : batch->space * 2;
        void *grown = sqlite3_realloc64(batch->documents, (u64)space * sizeof *batch->documents);
        if (grown == NULL)
            return NULL;
        batch->documents = grown;
        batch->space = space;
    }
    sqlite3_value *copy = sqlite3_value_dup(id);
    if (copy == NULL)
        return NULL;
    Document *document = &batch->documents[batch->count++];
    *document = (Document){.id = copy};
    return document;
}

// The text is read now, not when it changed: several changes of a row are embedded once.
int store_add_document(quire_pipeline *p, Batch *batch, sqlite3_value *id)
{
    ASSERT(id != NULL);

    sqlite3_stmt *stmt;
    for (int i = 0; i < batch->count; i++) {
        if (ids_equal(batch->documents[i].id, id))
            return SQLITE_OK; // several changes of one row
    }
    Document *document = add_document(batch, id);
    if (document == NULL)
        return SQLITE_NOMEM;
    TRY(take_statement(p, STATEMENT_TEXT, id, &stmt));
    int step = sqlite3_step(stmt);
    int rc = step == SQLITE_ROW ? take_text(p, document, sqlite3_column_value(stmt, 0)) : SQLITE_OK;
    int end = stmt_end(stmt, step);
    return rc != SQLITE_OK ? rc : end;
}

// In the order of the key, behind the last row that was stored.
int store_scan(quire_pipeline *p, Batch *batch, sqlite3_value **last)
{
    ASSERT(batch->count == 0);

    sqlite3_stmt *stmt;
    int rc = SQLITE_OK;
    int step = SQLITE_OK;
    *last = NULL;
    TRY(sql_prepare(p->db, &stmt,
                    "SELECT t.\"%w\", (%s) FROM \"%w\" AS t, (SELECT scanned FROM \"%w_model\""
                    " WHERE model = %Q) AS m WHERE m.scanned IS NULL OR t.\"%w\" > m.scanned"
                    " ORDER BY t.\"%w\" LIMIT %d",
                    p->key, p->text, p->table, p->target, p->model, p->key, p->key, p->batch_size));
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        Document *document = add_document(batch, sqlite3_column_value(stmt, 0));
        rc =
            document == NULL ? SQLITE_NOMEM : take_text(p, document, sqlite3_column_value(stmt, 1));
    }
    int close = stmt_close(stmt, step);
    TRY(rc);
    TRY(close);
    if (batch->count > 0)
        *last = batch->documents[batch->count - 1].id;
    return SQLITE_OK;
}

int store_is_scanned(quire_pipeline *p, bool *done)
{
    i64 complete;
    TRY(sql_int(p->db, 0, &complete, "SELECT is_complete FROM \"%w_model\" WHERE model = %Q",
                p->target, p->model));
    *done = complete != 0;
    return SQLITE_OK;
}

// --- writing ---

// L2: is the text still the one that was embedded? A row that is gone has none.
static int text_is_current(quire_pipeline *p, const Document *document, bool *current)
{
    ASSERT(document->id != NULL);

    sqlite3_stmt *stmt;
    u8 hash[HASH_SIZE];
    TRY(take_statement(p, STATEMENT_TEXT, document->id, &stmt));
    int step = sqlite3_step(stmt);
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text != NULL && text[0] != '\0' && document->text != NULL) {
        text_hash(text, strlen(text), hash);
        *current = memcmp(hash, document->hash, HASH_SIZE) == 0;
    } else {
        *current = (text == NULL || text[0] == '\0') && document->text == NULL;
    }
    return stmt_end(stmt, step);
}

static int write_chunk(quire_pipeline *p, const Batch *batch, const Document *document, int number)
{
    sqlite3_stmt *stmt;
    const Chunk *chunk = &document->chunks[number];
    ASSERT(number >= 0 && number < document->chunk_count);
    ASSERT(chunk->vector != NULL);
    TRY(take_statement(p, STATEMENT_CHUNK, document->id, &stmt));
    (void)sqlite3_bind_int(stmt, 2, number);
    (void)sqlite3_bind_int64(stmt, 3, (i64)chunk->start);
    (void)sqlite3_bind_int64(stmt, 4, (i64)chunk->length);
    (void)sqlite3_bind_blob(stmt, 5, chunk->hash, HASH_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(stmt, 6, chunk->vector, (u64)batch->dimensions * sizeof(float),
                              SQLITE_STATIC);
    return stmt_end(stmt, sqlite3_step(stmt));
}

// One that changed meanwhile is left to the change that says so.
static int write_document(quire_pipeline *p, const Batch *batch, const Document *document)
{
    ASSERT(!sqlite3_get_autocommit(p->db));

    sqlite3_stmt *stmt;
    bool current;
    TRY(text_is_current(p, document, &current));
    if (!current)
        return SQLITE_OK;
    for (int i = 0; i < document->chunk_count; i++) {
        if (!document->chunks[i].is_known)
            TRY(write_chunk(p, batch, document, i));
    }
    TRY(take_statement(p, STATEMENT_TRIM, document->id, &stmt));
    (void)sqlite3_bind_int(stmt, 2, document->chunk_count);
    return stmt_end(stmt, sqlite3_step(stmt));
}

static int write_scanned(quire_pipeline *p, sqlite3_value *scanned, bool is_over)
{
    sqlite3_stmt *stmt;
    TRY(sql_prepare(p->db, &stmt,
                    "UPDATE \"%w_model\" SET scanned = coalesce(?1, scanned), is_complete = %d"
                    " WHERE model = %Q",
                    p->target, (int)is_over, p->model));
    if (scanned != NULL)
        (void)sqlite3_bind_value(stmt, 1, scanned);
    int rc = stmt_run(stmt);
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int write_all(quire_pipeline *p, const Batch *batch, sqlite3_value *scanned,
                     i64 acknowledged, bool scan_is_over)
{
    ASSERT(!sqlite3_get_autocommit(p->db));

    for (int i = 0; i < batch->count; i++)
        TRY(write_document(p, batch, &batch->documents[i]));
    if (scanned != NULL || scan_is_over)
        TRY(write_scanned(p, scanned, scan_is_over));
    if (acknowledged == 0)
        return SQLITE_OK;
    int rc = quire_cdc_ack(p->feed, acknowledged);
    return rc == SQLITE_OK ? rc : pipeline_error(p, rc, "%s", quire_cdc_errmsg(p->feed));
}

// L1: vectors and position are written together, or neither.
int store_write(quire_pipeline *p, const Batch *batch, sqlite3_value *scanned, i64 acknowledged,
                bool scan_is_over)
{
    ASSERT((scanned != NULL) + (acknowledged > 0) <= 1);

    TRY(pipeline_keep_error(p, sql_exec(p->db, "BEGIN IMMEDIATE")));
    int rc = pipeline_keep_error(p, write_all(p, batch, scanned, acknowledged, scan_is_over));
    if (rc == SQLITE_OK)
        rc = pipeline_keep_error(p, sql_exec(p->db, "COMMIT"));
    if (rc != SQLITE_OK && sqlite3_get_autocommit(p->db) == 0)
        (void)sqlite3_exec(p->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int make_current(quire_pipeline *p)
{
    const char *t = p->target;
    return sql_exec(p->db,
                    "BEGIN IMMEDIATE;"
                    "DELETE FROM \"%w\" WHERE model IN (SELECT model FROM \"%w_model\""
                    " WHERE is_current AND model <> %Q);"
                    "SELECT cdc_unsubscribe(%Q, '%q:' || model) FROM \"%w_model\""
                    " WHERE is_current AND model <> %Q;"
                    "DELETE FROM \"%w_model\" WHERE is_current AND model <> %Q;"
                    "UPDATE \"%w_model\" SET is_current = 1 WHERE model = %Q;"
                    "COMMIT",
                    t, t, p->model, p->feed_name, t, t, p->model, t, p->model, t, p->model);
}

int store_make_current(quire_pipeline *p)
{
    i64 current;
    TRY(pipeline_keep_error(p, sql_int(p->db, 0, &current,
                                       "SELECT is_current FROM \"%w_model\" WHERE model = %Q",
                                       p->target, p->model)));
    if (current != 0)
        return SQLITE_OK;
    int rc = pipeline_keep_error(p, make_current(p));
    if (rc != SQLITE_OK && sqlite3_get_autocommit(p->db) == 0)
        (void)sqlite3_exec(p->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
