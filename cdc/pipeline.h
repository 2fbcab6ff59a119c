#ifndef QUIRE_CDC_PIPELINE_H
#define QUIRE_CDC_PIPELINE_H
// The embedding pipeline of quire.h: a loop over a feed that keeps the vectors of a table's rows.
//
// For target `emb` there are
//   emb(model TEXT, doc, chunk INTEGER, start INTEGER, length INTEGER, hash BLOB, vector BLOB,
//       PRIMARY KEY (model, doc, chunk))
//   emb_model(model TEXT PRIMARY KEY, scanned, is_complete INTEGER, is_current INTEGER)
//   emb_current, a view: doc, chunk, start, length, vector of the current model
//
// Laws
//   L1 Nothing is embedded inside a transaction: texts are read, embedded, and written with the
//      position in the feed in one transaction. A crash before it costs the work of one batch; one
//      after it costs nothing.
//   L2 What is written is the vector of the text that the row has in that transaction. A row that
//      changed meanwhile is left as it was: its change is still to come.
//   L3 A chunk whose text has the hash it had is not embedded again.
//   L4 A model begins with a subscription to the feed and a scan of the table, in this order, so
//      that no row is in neither. It becomes current when the scan is over and the feed read to its
//      end; until then the view shows the former model, whose pipeline may go on. Then the former
//      model's vectors and subscription go.

#include "cdc/cdc_sql.h"

enum { HASH_SIZE = 16 };

// A piece of a document: bytes start..start+length of its text.
typedef struct Chunk {
    size_t start, length;
    u8 hash[HASH_SIZE];
    bool is_known;       // the stored vector is still right
    const float *vector; // in the batch's block; NULL: is_known
} Chunk;

typedef struct Document {
    sqlite3_value *id;
    char *text; // NULL: the row is gone, or has no text
    size_t size;
    u8 hash[HASH_SIZE];
    Chunk *chunks;
    int chunk_count;
} Document;

typedef struct Batch {
    Document *documents;
    int count, space;
    float *vectors; // of the chunks embedded, in order (sqlite3_free)
    int dimensions;
} Batch;

// What runs for each document is prepared once.
typedef enum PipelineStatement {
    STATEMENT_TEXT,  // ?1 key: the row's text
    STATEMENT_KNOWN, // ?1 key: the pieces stored
    STATEMENT_CHUNK, // ?1 key, number, start, length, hash, vector
    STATEMENT_TRIM,  // ?1 key, ?2 number: pieces from there on go
    PIPELINE_STATEMENTS,
} PipelineStatement;

struct quire_pipeline {
    sqlite3 *db;
    quire_cdc *feed;
    char *feed_name, *table, *text, *target, *model, *key, *consumer;
    int chunk_size, chunk_overlap, batch_size, retries;
    quire_embed *embed;
    void *embed_arg;
    void (*embed_destroy)(void *);
    void (*progress)(void *, sqlite3_int64, sqlite3_int64);
    void *progress_arg;
    sqlite3_int64 done, embedded;
    sqlite3_stmt *statements[PIPELINE_STATEMENTS]; // NULL: not needed yet
    char *error;
};

int pipeline_error(quire_pipeline *p, int rc, const char *format, ...) PRINTF_LIKE(3, 4);
// Keeps the connection's message if there is none yet. Returns rc.
int pipeline_keep_error(quire_pipeline *p, int rc);

// --- chunker.c ---

void text_hash(const char *text, size_t size, u8 *hash);
// Cuts a text into pieces of at most `size` bytes (0: one piece) that overlap by about `overlap`,
// at white space where there is some in the last half, never inside a character.
MUST_USE int text_chunks(const char *text, size_t length, int size, int overlap, Chunk **chunks,
                         int *count);

// --- pipeline_store.c ---

MUST_USE int store_prepare(quire_pipeline *p);
MUST_USE int store_add_document(quire_pipeline *p, Batch *batch, sqlite3_value *id);
// The next rows of the scan. *last is the last one's key, to be freed.
MUST_USE int store_scan(quire_pipeline *p, Batch *batch, sqlite3_value **last);
MUST_USE int store_is_scanned(quire_pipeline *p, bool *done);
// Writes what the batch has, and how far the scan or the feed is with it: one of the two is given.
MUST_USE int store_write(quire_pipeline *p, const Batch *batch, sqlite3_value *scanned,
                         i64 acknowledged, bool scan_is_over);
MUST_USE int store_make_current(quire_pipeline *p);
void pipeline_finalize(quire_pipeline *p); // the prepared statements
void batch_free(Batch *batch);

#endif
