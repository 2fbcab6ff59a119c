// Latent semantic analysis: a text becomes its tf-idf row A, and the vector is A times the 256
// right singular vectors of all rows that matter most, so texts whose words occur in the same
// company are near even if they share none.
//
// The singular vectors come from a randomised subspace iteration (Halko, Martinsson, Tropp 2011):
// a random block is multiplied by AᵀA and made orthonormal, four times; the block then spans nearly
// what is looked for, and the eigenvectors of a small matrix turn it into place.
#include "examples/rag/lsa.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EXTRA = 16, ROUNDS = 4 }; // more columns than asked for make the wanted ones exact

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
        lsa_orthonormalise(block, height, n, gram, triangle);
        memset(image, 0, size * sizeof *image);
        is_good = multiply(rows, block, n, image, &bar);
        if (round + 1 < ROUNDS)
            memcpy(block, image, size * sizeof *image);
    }
    is_good = is_good && lsa_rotate(block, image, height, n, lsa);
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

// --- the documents ---

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
    return rc == SQLITE_OK ? lsa_keep(store, lsa) : rc;
}
