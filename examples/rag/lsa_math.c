// The dense algebra of LSA, by OpenBLAS: see lsa.h.
#include "examples/rag/lsa.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

// LAPACK, part of OpenBLAS: eigenvalues ascending, eigenvectors in place, one after another.
extern void dsyev_(const char *job, const char *half, const int *n, double *a, const int *lda,
                   double *eigenvalues, double *work, const int *work_size, int *info);

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

// Divides by the triangle of its own Gram matrix, twice, because once leaves errors as large
// as the condition number squared.
void lsa_orthonormalise(float *block, int height, int n, float *gram, double *triangle)
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

bool lsa_rotate(const float *block, const float *image, int height, int n, Lsa *lsa)
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
