// Products of matrices by OpenBLAS, or by the module's kernels. See cluster.h.
//
// The library is loaded at run time: a program that never builds an index should not pay for a
// numerical library, nor need it installed.
#include "vector/index/cluster.h"

#include <dlfcn.h>

enum { BLAS_ROW_MAJOR = 101, BLAS_AS_IS = 111, BLAS_TRANSPOSED = 112 };

void blas_open(Blas *blas, const VectorKernels *kernels, int threads)
{
    ASSERT(threads >= 1);

    *blas = (Blas){.kernels = kernels};
    // Its worker threads outlive a build, so it must never be unloaded.
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        return;
    int (*get_threads)(void);
    *(void **)&get_threads = dlsym(library, "openblas_get_num_threads");
    *(void **)&blas->set_threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&blas->gemm = dlsym(library, "cblas_sgemm");
    if (get_threads == NULL || blas->set_threads == NULL || blas->gemm == NULL) {
        *blas = (Blas){.kernels = kernels};
    } else {
        blas->threads_before = get_threads();
        blas->set_threads(threads);
    }
    (void)dlclose(library);
}

void blas_close(Blas *blas)
{
    if (blas->set_threads != NULL)
        blas->set_threads(blas->threads_before);
    *blas = (Blas){.gemm = NULL};
}

void blas_products(const Blas *blas, Rows a, Rows b, u32 width, f32 *out)
{
    ASSERT(a.count <= INT32_MAX && b.count <= INT32_MAX);

    if (blas->gemm != NULL) {
        blas->gemm(BLAS_ROW_MAJOR, BLAS_AS_IS, BLAS_TRANSPOSED, (int)a.count, (int)b.count,
                   (int)width, 1, a.vectors, (int)width, b.vectors, (int)width, 0, out,
                   (int)b.count);
        return;
    }
    PairKernel *dot = blas->kernels->element[ELEMENT_F32].dot;
    for (size_t i = 0; i < a.count; i++)
        for (size_t k = 0; k < b.count; k++)
            out[i * b.count + k] = (f32)dot(a.vectors + i * width, b.vectors + k * width, width);
}
