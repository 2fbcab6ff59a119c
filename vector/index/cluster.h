#ifndef QUIRE_VECTOR_INDEX_CLUSTER_H
#define QUIRE_VECTOR_INDEX_CLUSTER_H
// Clusters of vectors: products of matrices, nearest centroids, k-means. No database is seen from
// here. All matrices are of f32, row by row.

#include "vector/kernel/kernel.h"
#include "vector/vector_api.h"

// OpenBLAS, loaded when something is large enough to be worth it; where it is not installed the
// module's own kernels do the work.
typedef struct Blas {
    const VectorKernels *kernels;
    void (*gemm)(int order, int a_form, int b_form, int rows, int columns, int depth, f32 alpha,
                 const f32 *a, int a_stride, const f32 *b, int b_stride, f32 beta, f32 *out,
                 int out_stride);
    void (*set_threads)(int count);
    int threads_before; // what the process had set: OpenBLAS has one setting for all
} Blas;
void blas_open(Blas *blas, const VectorKernels *kernels, int threads);
void blas_close(Blas *blas);

// Vectors one behind the other.
typedef struct Rows {
    const f32 *vectors;
    size_t count;
} Rows;

// out[i][k] = <a_i, b_k>
void blas_products(const Blas *blas, Rows a, Rows b, u32 width, f32 *out);

// A set of centroids with the squares of their lengths.
typedef struct Centroids {
    const f32 *vectors;
    const f32 *squares;
    size_t count;
    u32 width;
} Centroids;

// The nearest of the centroids for each vector.
MUST_USE int centroids_nearest(const Blas *blas, const Centroids *centroids, const f32 *vectors,
                               size_t count, u32 *positions);

// k-means from a random start, the same for the same seed. Writes `count` centroids.
MUST_USE int cluster(const Blas *blas, Rows rows, u32 width, f32 *centroids, size_t count,
                     u64 seed);

// Centroids that grow in number.
typedef struct CentroidList {
    f32 *vectors; // sqlite3_free
    size_t count;
} CentroidList;
// Divides the clusters that have more than `size_max` of the rows.
MUST_USE int cluster_divide(const Blas *blas, Rows rows, u32 width, size_t size_max,
                            CentroidList *list);

#endif
