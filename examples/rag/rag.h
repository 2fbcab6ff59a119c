#ifndef QUIRE_EXAMPLES_RAG_RAG_H
#define QUIRE_EXAMPLES_RAG_RAG_H
// The parts of the example: store (tables), corpus (documents in), terms (words), lsa (vectors from
// words), worker (the library's pipeline, which follows the changes), answer.
// Functions that can fail return an SQLite result code and leave the message on the connection, or
// print it where there is none.
#include <quire.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    EMBEDDING_DIMS = 256, // of LSA; another embedder has its own
    VOCABULARY_LIMIT = 30000,
    RESULT_COUNT = 5,
    TERM_LIMIT = 32, // bytes of a word, with the closing zero
};

typedef struct Lsa Lsa;

// --- progress.c ---

typedef struct {
    const char *label;
    long total; // 0: unknown
    double started;
    double shown;
} Progress;

double clock_seconds(void);
void progress_start(Progress *bar, const char *label, long total);
void progress_show(Progress *bar, long done);
void progress_finish(Progress *bar, long done, const char *unit);

// --- store.c ---

typedef struct {
    sqlite3 *db;
} Store;

int store_open(Store *store, const char *path);
void store_close(Store *store);
int store_exec(Store *store, const char *sql);
int store_prepare(Store *store, const char *sql, sqlite3_stmt **out);
long store_number(Store *store, const char *sql); // the first value of the first row, or 0

// --- corpus.c ---

// Adds the documents below `folder`, or of apt-cache dumpavail if it is NULL, in one transaction.
int corpus_load(Store *store, const char *folder);

// --- terms.c ---

// Calls `use` with each word of the text: lower case, letters and digits, 2 to 31 bytes, no stop
// words. Bytes above 127 count as letters.
typedef void UseTerm(void *context, const char *word);
void terms_scan(const char *text, UseTerm *use, void *context);

// --- vocabulary.c ---

typedef struct Vocabulary Vocabulary;
Vocabulary *vocabulary_new(void);
void vocabulary_free(Vocabulary *words);                      // NULL is fine
int vocabulary_id(const Vocabulary *words, const char *word); // -1: not in it
int vocabulary_size(const Vocabulary *words);
const char *vocabulary_word(const Vocabulary *words, int id);
double vocabulary_weight(const Vocabulary *words, int id);  // inverse document frequency
bool vocabulary_count(Vocabulary *words, const char *text); // of one document
bool vocabulary_add(Vocabulary *words, const char *word, double weight);
// Keeps the `limit` most frequent words that occur in two documents or more, and weighs them.
bool vocabulary_close(Vocabulary *words, int limit);

// --- sparse.c ---

// Rows of (column, weight), each of length one: documents by terms.
typedef struct {
    long row_count, row_space, cell_count, cell_space;
    long *row_start; // row_count + 1 of them
    int *columns;
    float *weights;
} Sparse;

void sparse_free(Sparse *matrix);
// The tf-idf row of a text; false if memory is short. A text without known words adds an empty row.
bool sparse_add_text(Sparse *matrix, const Vocabulary *words, const char *text);
void sparse_times(const Sparse *matrix, long row, const float *dense, int width, float *out);
// out += (the row, transposed) product. With product = row x dense, over all rows, this adds
// (matrix transposed)(matrix dense), and nothing of document count x width is ever held.
void sparse_add_gram_row(const Sparse *matrix, long row, int width, const float *product,
                         float *out);

// --- lsa.c, lsa_train.c ---

int lsa_train(Store *store, Lsa **out); // learns from all documents and keeps it in lsa_term
int lsa_load(Store *store, Lsa **out);  // *out is NULL if nothing was learnt
void lsa_free(Lsa *lsa);                // NULL is fine
int lsa_embed(const Lsa *lsa, const char *text, float *vector); // the dimensions; 0: out of memory

// --- worker.c ---

typedef struct {
    Store *store;
    Lsa *lsa;
    quire_pipeline_options pipeline; // with what embeds: LSA or another program
} Embedder;

int embedder_open(Embedder *embedder, Store *store, const char *command);
void embedder_close(Embedder *embedder);
// *vector is the caller's (sqlite3_free).
int embedder_embed(Embedder *embedder, const char *text, float **vector, int *dims);
int worker_follow(Embedder *embedder); // until no change is left

// --- answer.c ---

int answer(Store *store, Embedder *embedder, const char *question);

#endif
