// Documents by terms, stored as the few weights that are not zero.
#include "examples/rag/rag.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT = 4096 }; // different words of a document; what comes after is left out

void sparse_free(Sparse *matrix)
{
    free(matrix->row_start);
    free(matrix->columns);
    free(matrix->weights);
    *matrix = (Sparse){0};
}

static bool reserve(Sparse *matrix)
{
    if (matrix->row_count + 2 > matrix->row_space) {
        long space = matrix->row_space == 0 ? 1024 : matrix->row_space * 2;
        long *grown = realloc(matrix->row_start, (size_t)space * sizeof *grown);
        if (grown == NULL)
            return false;
        matrix->row_start = grown;
        matrix->row_space = space;
    }
    if (matrix->cell_count + ROW_LIMIT > matrix->cell_space) {
        long space = (matrix->cell_space + ROW_LIMIT) * 3 / 2;
        int *columns = realloc(matrix->columns, (size_t)space * sizeof *columns);
        matrix->columns = columns == NULL ? matrix->columns : columns;
        float *weights = realloc(matrix->weights, (size_t)space * sizeof *weights);
        matrix->weights = weights == NULL ? matrix->weights : weights;
        if (columns == NULL || weights == NULL)
            return false;
        matrix->cell_space = space;
    }
    return true;
}

typedef struct {
    Sparse *matrix;
    const Vocabulary *words;
} Row;

static void add_word(void *context, const char *word)
{
    Row *row = context;
    Sparse *matrix = row->matrix;
    int column = vocabulary_id(row->words, word);
    if (column < 0)
        return;
    long first = matrix->row_start[matrix->row_count];
    long at = first;
    while (at < matrix->cell_count && matrix->columns[at] != column)
        at++;
    if (at == matrix->cell_count) {
        if (at - first == ROW_LIMIT)
            return;
        matrix->columns[at] = column;
        matrix->weights[at] = 0;
        matrix->cell_count++;
    }
    matrix->weights[at] += 1;
}

bool sparse_add_text(Sparse *matrix, const Vocabulary *words, const char *text)
{
    if (!reserve(matrix))
        return false;
    long first = matrix->cell_count;
    matrix->row_start[matrix->row_count] = first;
    Row row = {matrix, words};
    terms_scan(text, add_word, &row);

    double square_sum = 0;
    for (long i = first; i < matrix->cell_count; i++) {
        double weight = vocabulary_weight(words, matrix->columns[i]);
        matrix->weights[i] = (float)((1 + log((double)matrix->weights[i])) * weight);
        square_sum += (double)matrix->weights[i] * (double)matrix->weights[i];
    }
    for (long i = first; i < matrix->cell_count; i++)
        matrix->weights[i] /= (float)sqrt(square_sum);
    matrix->row_start[++matrix->row_count] = matrix->cell_count;
    return true;
}

void sparse_times(const Sparse *matrix, long row, const float *dense, int width, float *out)
{
    memset(out, 0, (size_t)width * sizeof *out);
    for (long i = matrix->row_start[row]; i < matrix->row_start[row + 1]; i++) {
        const float *from = dense + (size_t)matrix->columns[i] * (size_t)width;
        cblas_saxpy(width, matrix->weights[i], from, 1, out, 1);
    }
}

void sparse_add_gram_row(const Sparse *matrix, long row, int width, const float *product,
                         float *out)
{
    for (long i = matrix->row_start[row]; i < matrix->row_start[row + 1]; i++) {
        float *to = out + (size_t)matrix->columns[i] * (size_t)width;
        cblas_saxpy(width, matrix->weights[i], product, 1, to, 1);
    }
}
