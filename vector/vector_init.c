// Registers the module on a connection.
#include "vector/index/vector_index.h"
#include "vector/vec0/vec0.h"

int quire_vector_init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message, (void)api;
    const VectorKernels *kernels = vector_kernels();
    TRY(vector_functions_register(db, kernels));
    TRY(vector_aggregates_register(db));
    TRY(vec_functions_register(db, kernels));
    TRY(vector_measures_register(db, kernels)); // of functions that are there
    TRY(vec_each_register(db));
    TRY(vector_index_register(db, kernels));
    TRY(vector_top_k_register(db));
    TRY(vector_index_method_register(db));
    TRY(vec0_register(db, kernels));
    return vector_index_info_register(db, kernels);
}
