// Latent semantic analysis: a text becomes its tf-idf row A, and the vector is A times the 256
// right singular vectors of all rows that matter most, so texts whose words occur in the same
// company are near even if they share none.
//
// The singular vectors come from a randomised subspace iteration (Halko, Martinsson, Tropp 2011):
// a random block is multiplied by AᵀA and made orthonormal, four times; the block then spans nearly
// what is looked for, and the eigenvectors of a small matrix turn it into place.
#include "examples/rag/rag.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EXTRA = 16, ROUNDS = 4 }; // more columns than asked for make the wanted ones exact

struct Lsa {
    Vocabulary *words;
    float *axes; // words x dims
    int dims;
};

// LAPACK, part of OpenBLAS: eigenvalues ascending, eigenvectors in place, one after another.
extern void dsyev_(const char *job, const char *half, const int *n, double *a, const int *lda,
                   double *eigenvalues, double *work, const int *work_size, int *info);

// --- linear algebra ---

// out += AᵀA block, both words x width.
static bool multiply(const Sparse *rows, const float *block, int width, float *out, Progress *bar)
{
    float *product = malloc((size_t)width * sizeof *product);
    if (product == NULL)
        return false;
    for (long row = 0; row < rows->row_count; row++) {
        sparse_times(rows, row, block, width, product);
        sparse_add_gram_row(rows, row, width, product, out);
        if (row % 256 == 0)
            progress_show(bar, ++bar->total);
    }
    free(product);
    return true;
}

// The upper triangle R with RᵀR = gram, in place, row by row. A tiny number on the diagonal keeps
// directions that vanished from dividing by zero.
static void cholesky(double *gram, int n)
{
    double ridge = 0;
    for (int i = 0; i < n; i++)
        ridge += gram[i * n + i] * 1e-9 / n;
    for (int i = 0; i < n; i++) {
        double pivot = gram[i * n + i] + ridge + 1e-30;
        for (int k = 0; k < i; k++)
            pivot -= gram[k * n + i] * gram[k * n + i];
        pivot = sqrt(pivot > ridge ? pivot : ridge + 1e-30);
        gram[i * n + i] = pivot;
        for (int j = i + 1; j < n; j++) {
            double sum = gram[i * n + j];
            for (int k = 0; k < i; k++)
                sum -= gram[k * n + i] * gram[k * n + j];
            gram[i * n + j] = sum / pivot;
        }
    }
}

// Makes the columns of `block` (height x n) orthonormal: divides by the triangle of its own Gram
// matrix, twice, because once leaves errors as large as the condition number squared.
static void orthonormalise(float *block, int height, int n, float *gram, double *triangle)
{
    for (int pass = 0; pass < 2; pass++) {
        cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, n, height, 1, block, n, 0, gram, n);
        for (int i = 0; i < n * n; i++)
            triangle[i] = (double)gram[i];
        cholesky(triangle, n);
        for (int i = 0; i < n * n; i++)
            gram[i] = (float)triangle[i];
        cblas_strsm(CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, height, n, 1,
                    gram, n, block, n);
    }
}

// Turns the orthonormal block onto the eigenvectors of blockᵀ(AᵀA block); axes: height x dims, the
// greatest first.
static bool rotate(const float *block, const float *image, int height, int n, Lsa *lsa)
{
    int work_size = 64 * n;
    int info = 1;
    float *small = malloc((size_t)n * (size_t)n * sizeof *small);
    double *vectors = malloc((size_t)n * (size_t)n * sizeof *vectors);
    double *values = malloc((size_t)(n + work_size) * sizeof *values);
    if (small != NULL && vectors != NULL && values != NULL) {
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, height, 1, block, n, image, n, 0,
                    small, n);
        for (int i = 0; i < n * n; i++)
            vectors[i] = (double)small[i];
        dsyev_("V", "U", &n, vectors, &n, values, values + n, &work_size, &info);
    }
    for (int k = 0; info == 0 && k < lsa->dims; k++) {
        for (int i = 0; i < n; i++)
            small[i * lsa->dims + k] = (float)vectors[(n - 1 - k) * n + i];
    }
    if (info == 0)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, lsa->dims, n, 1, block, n,
                    small, lsa->dims, 0, lsa->axes, lsa->dims);
    free(small);
    free(vectors);
    free(values);
    return info == 0;
}

static float random_float(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*seed >> 32) / 2147483648.0f;
}

static bool iterate(const Sparse *rows, Lsa *lsa, float *block, float *image, int n)
{
    int height = vocabulary_size(lsa->words);
    size_t size = (size_t)height * (size_t)n;
    float *gram = malloc((size_t)n * (size_t)n * sizeof *gram);
    double *triangle = malloc((size_t)n * (size_t)n * sizeof *triangle);
    bool is_good = gram != NULL && triangle != NULL;
    Progress bar;
    progress_start(&bar, "train", 0);
    uint64_t seed = 1;
    for (size_t i = 0; i < size; i++)
        block[i] = random_float(&seed);
    for (int round = 0; is_good && round < ROUNDS; round++) {
        orthonormalise(block, height, n, gram, triangle);
        memset(image, 0, size * sizeof *image);
        is_good = multiply(rows, block, n, image, &bar);
        if (round + 1 < ROUNDS)
            memcpy(block, image, size * sizeof *image);
    }
    is_good = is_good && rotate(block, image, height, n, lsa);
    free(gram);
    free(triangle);
    progress_finish(&bar, height, "words placed");
    return is_good;
}

static bool decompose(const Sparse *rows, Lsa *lsa)
{
    int height = vocabulary_size(lsa->words);
    int n = EMBEDDING_DIMS + EXTRA;
    if (n > height)
        n = height;
    if (n > rows->row_count)
        n = (int)rows->row_count;
    lsa->dims = n < EMBEDDING_DIMS ? n : EMBEDDING_DIMS;
    size_t size = (size_t)height * (size_t)n;
    float *block = malloc(size * sizeof *block + 1);
    float *image = malloc(size * sizeof *image + 1);
    lsa->axes = malloc((size_t)height * (size_t)lsa->dims * sizeof *lsa->axes + 1);
    bool is_good = n > 0 && block != NULL && image != NULL && lsa->axes != NULL
                   && iterate(rows, lsa, block, image, n);
    free(block);
    free(image);
    return is_good;
}

// --- training ---

static bool use_count(Lsa *lsa, Sparse *rows, const char *text)
{
    (void)rows;
    return vocabulary_count(lsa->words, text);
}

static bool use_row(Lsa *lsa, Sparse *rows, const char *text)
{
    return sparse_add_text(rows, lsa->words, text);
}

static int read_documents(Store *store, Lsa *lsa, Sparse *rows,
                          bool (*use)(Lsa *, Sparse *, const char *))
{
    sqlite3_stmt *query;
    int rc = store_prepare(store, "SELECT name || ' ' || ifnull(body, '') FROM doc", &query);
    if (rc != SQLITE_OK)
        return rc;
    bool is_good = true;
    while (is_good && sqlite3_step(query) == SQLITE_ROW)
        is_good = use(lsa, rows, (const char *)sqlite3_column_text(query, 0));
    rc = sqlite3_finalize(query);
    return is_good ? rc : SQLITE_NOMEM;
}

static int keep(Store *store, const Lsa *lsa)
{
    sqlite3_stmt *insert;
    int rc = store_exec(store, "BEGIN; DELETE FROM lsa_term");
    if (rc == SQLITE_OK)
        rc = store_prepare(store, "INSERT INTO lsa_term VALUES (?1, ?2, ?3, ?4)", &insert);
    for (int id = 0; rc == SQLITE_OK && id < vocabulary_size(lsa->words); id++) {
        sqlite3_bind_int(insert, 1, id);
        sqlite3_bind_text(insert, 2, vocabulary_word(lsa->words, id), -1, SQLITE_STATIC);
        sqlite3_bind_double(insert, 3, vocabulary_weight(lsa->words, id));
        sqlite3_bind_blob(insert, 4, lsa->axes + (size_t)id * (size_t)lsa->dims, lsa->dims * 4,
                          SQLITE_STATIC);
        sqlite3_step(insert);
        rc = sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return rc == SQLITE_OK ? store_exec(store, "COMMIT") : rc;
}

int lsa_train(Store *store, Lsa **out)
{
    Sparse rows = {0};
    Lsa *lsa = calloc(1, sizeof *lsa);
    *out = lsa;
    if (lsa == NULL || (lsa->words = vocabulary_new()) == NULL)
        return SQLITE_NOMEM;
    int rc = read_documents(store, lsa, &rows, use_count);
    if (rc == SQLITE_OK && !vocabulary_close(lsa->words, VOCABULARY_LIMIT))
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = read_documents(store, lsa, &rows, use_row);
    if (rc == SQLITE_OK && !decompose(&rows, lsa))
        rc = SQLITE_NOMEM;
    sparse_free(&rows);
    return rc == SQLITE_OK ? keep(store, lsa) : rc;
}

// --- using ---

static bool load_word(Lsa *lsa, sqlite3_stmt *query, int count)
{
    int dims = sqlite3_column_bytes(query, 2) / 4;
    if (lsa->axes == NULL) {
        lsa->dims = dims;
        lsa->axes = malloc((size_t)count * (size_t)dims * sizeof *lsa->axes + 1);
    }
    int id = vocabulary_size(lsa->words);
    if (lsa->axes == NULL || dims != lsa->dims || id >= count)
        return false;
    memcpy(lsa->axes + (size_t)id * (size_t)dims, sqlite3_column_blob(query, 2), (size_t)dims * 4);
    return vocabulary_add(lsa->words, (const char *)sqlite3_column_text(query, 0),
                          sqlite3_column_double(query, 1));
}

int lsa_load(Store *store, Lsa **out)
{
    *out = NULL;
    int count = (int)store_number(store, "SELECT count(*) FROM lsa_term");
    if (count == 0)
        return SQLITE_OK;
    Lsa *lsa = calloc(1, sizeof *lsa);
    *out = lsa;
    if (lsa == NULL || (lsa->words = vocabulary_new()) == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *query;
    int rc = store_prepare(store, "SELECT word, weight, vector FROM lsa_term ORDER BY id", &query);
    bool is_good = rc == SQLITE_OK;
    while (is_good && sqlite3_step(query) == SQLITE_ROW)
        is_good = load_word(lsa, query, count);
    sqlite3_finalize(query);
    return rc == SQLITE_OK && !is_good ? SQLITE_NOMEM : rc;
}

void lsa_free(Lsa *lsa)
{
    if (lsa == NULL)
        return;
    vocabulary_free(lsa->words);
    free(lsa->axes);
    free(lsa);
}

int lsa_embed(const Lsa *lsa, const char *text, float *vector)
{
    Sparse row = {0};
    bool is_good = sparse_add_text(&row, lsa->words, text);
    if (is_good)
        sparse_times(&row, 0, lsa->axes, lsa->dims, vector);
    sparse_free(&row);
    return is_good ? lsa->dims : 0;
}
