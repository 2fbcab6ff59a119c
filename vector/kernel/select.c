// Which kernels this processor gets. Asked once per connection, so nothing is remembered here.
#include "vector/kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

const VectorKernels *vector_kernels_find(const char *name)
{
    __builtin_cpu_init();
    if (strcmp(name, "portable") == 0)
        return &vector_kernels_portable;
    // F16C came a generation before AVX2, and not every compiler can ask for it.
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("popcnt"))
        return &vector_kernels_avx2;
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
        && __builtin_cpu_supports("avx512vpopcntdq"))
        return &vector_kernels_avx512;
    return NULL;
}

#elif defined(__aarch64__)

const VectorKernels *vector_kernels_find(const char *name)
{
    if (strcmp(name, "portable") == 0)
        return &vector_kernels_portable;
    return strcmp(name, "neon") == 0 ? &vector_kernels_neon : NULL;
}

#else

const VectorKernels *vector_kernels_find(const char *name)
{
    return strcmp(name, "portable") == 0 ? &vector_kernels_portable : NULL;
}

#endif

const VectorKernels *vector_kernels(void)
{
    const char *const best_first[] = {getenv("QUIRE_CPU"), "avx512", "avx2", "neon"};
    for (size_t i = 0; i < sizeof best_first / sizeof best_first[0]; i++) {
        const VectorKernels *found =
            best_first[i] != NULL ? vector_kernels_find(best_first[i]) : NULL;
        if (found != NULL)
            return found;
    }
    return &vector_kernels_portable;
}
