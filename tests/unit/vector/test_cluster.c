// k-means, with OpenBLAS where it is installed and without.
#include "support/test.h"

#include "vector/index/cluster.h"
#include "vector/index/row_code.h"

enum { WIDTH = 64, CLUSTERS = 20, VECTORS = 2000 };

// Vectors around well separated centres; returns the centres' number of each.
static void make_vectors(f32 *vectors)
{
    u64 random = 3;
    for (int i = 0; i < VECTORS; i++)
        for (int d = 0; d < WIDTH; d++)
            vectors[i * WIDTH + d] =
                (d == i % CLUSTERS ? 100.0f : 0) + (f32)(random_next(&random) >> 40) * 0x1p-24f;
}

static f64 mean_square(const f32 *vectors, const f32 *centroids, const u32 *positions)
{
    f64 sum = 0;
    for (size_t i = 0; i < VECTORS; i++)
        sum += vector_kernels_portable.element[ELEMENT_F32].l2sq(
            vectors + i * WIDTH, centroids + positions[i] * (size_t)WIDTH, WIDTH);
    return sum / VECTORS;
}

static void run(const Blas *blas, size_t count)
{
    static f32 vectors[VECTORS * WIDTH], centroids[CLUSTERS * 10 * WIDTH];
    static f32 squares[CLUSTERS * 10];
    static u32 positions[VECTORS];
    make_vectors(vectors);

    assert_ok(cluster(blas, (Rows){vectors, VECTORS}, WIDTH, centroids, count, 9));
    for (size_t k = 0; k < count; k++) {
        const f32 *c = centroids + k * WIDTH;
        squares[k] = (f32)vector_kernels_portable.element[ELEMENT_F32].dot(c, c, WIDTH);
    }
    const Centroids found = {centroids, squares, count, WIDTH};
    assert_ok(centroids_nearest(blas, &found, vectors, VECTORS, positions));

    // One centroid for all would leave about 9,500.
    assert_true(mean_square(vectors, centroids, positions) < 4500);
}

static void clusters_are_found_with_and_without_a_library(void **state)
{
    (void)state;
    Blas blas;
    Blas own = {.kernels = &vector_kernels_portable};
    blas_open(&blas, &vector_kernels_portable, 1);
    run(&blas, CLUSTERS * 2);
    run(&blas, CLUSTERS * 10); // in two steps
    blas_close(&blas);
    run(&own, CLUSTERS * 2);
}

static void equal_vectors_make_no_endless_loop(void **state)
{
    (void)state;
    f32 vectors[8 * WIDTH] = {0}, centroids[4 * WIDTH];
    Blas own = {.kernels = &vector_kernels_portable};

    assert_ok(cluster(&own, (Rows){vectors, 8}, WIDTH, centroids, 4, 1));

    for (int i = 0; i < 4 * WIDTH; i++)
        assert_true(centroids[i] == 0);
}

TEST_SUITE(cluster, cmocka_unit_test(clusters_are_found_with_and_without_a_library),
           cmocka_unit_test(equal_vectors_make_no_endless_loop))
