// Distances between vectors of one type.
//
// Types with a kernel go through it. Sums of single-precision terms that leave the range where
// single precision is exact enough (overflow, or squares so small that they vanish) are taken again
// in double precision, so that 1e30 and 1e-30 are as good as 1.
#include "vector/eight_bit.h"

#include <math.h>

static const f64 not_defined = (f64)NAN;

typedef enum SumKind { SUM_L2SQ, SUM_DOT, SUM_L1 } SumKind;

static bool element_type_of(VectorType type, ElementType *out)
{
    switch (type) {
    case VECTOR_F32: *out = ELEMENT_F32; return true;
    case VECTOR_F64: *out = ELEMENT_F64; return true;
    case VECTOR_F16: *out = ELEMENT_F16; return true;
    case VECTOR_BF16: *out = ELEMENT_BF16; return true;
    case VECTOR_I8: *out = ELEMENT_I8; return true;
    case VECTOR_1BIT:
    case VECTOR_8BIT:
    case VECTOR_SPARSE:
    case VECTOR_BIT: break;
    }
    return false;
}

// --- by kernel ---

static PairKernel *kernel_of(const VectorKernels *kernels, ElementType type, SumKind kind)
{
    const ElementKernels *element = &kernels->element[type];
    return kind == SUM_L2SQ ? element->l2sq : kind == SUM_DOT ? element->dot : element->l1;
}

static bool is_single_sound(f64 sum)
{
    return sum > 1e-30 && sum < 1e38;
}

static f64 pair_sum(const VectorKernels *kernels, ElementType type, SumKind kind, const Vector *a,
                    const Vector *b)
{
    f64 sum = kernel_of(kernels, type, kind)(a->data, b->data, a->dims);
    if (type == ELEMENT_F64 || type == ELEMENT_I8 || is_single_sound(fabs(sum)))
        return sum;
    return kernel_of(&vector_kernels_portable, type, kind)(a->data, b->data, a->dims);
}

static f64 cosine_of(CosineParts parts)
{
    f64 product = parts.a_square * parts.b_square;
    // One root is more exact than two, as long as the product is within range.
    f64 norm = isfinite(product) && product > 1e-300 ? sqrt(product)
                                                     : sqrt(parts.a_square) * sqrt(parts.b_square);
    f64 distance = 1 - parts.dot / norm;
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;
}

static CosineParts cosine_parts(const VectorKernels *kernels, ElementType type, const Vector *a,
                                const Vector *b)
{
    CosineParts parts = kernels->element[type].cosine(a->data, b->data, a->dims);
    bool is_wide = type == ELEMENT_F64 || type == ELEMENT_I8;
    if (is_wide || (is_single_sound(parts.a_square) && is_single_sound(parts.b_square)))
        return parts;
    return vector_kernels_portable.element[type].cosine(a->data, b->data, a->dims);
}

// A zero vector has no direction: it is itself, and at right angles to all others.
static f64 cosine_total(CosineParts parts)
{
    bool a_is_zero = parts.a_square == 0;
    bool b_is_zero = parts.b_square == 0;
    if (a_is_zero && b_is_zero)
        return 0;
    if (a_is_zero)
        return isnan(parts.b_square) ? not_defined : 1;
    if (b_is_zero)
        return isnan(parts.a_square) ? not_defined : 1;
    return cosine_of(parts);
}

static f64 dense_distance(const VectorKernels *kernels, ElementType type, Metric metric,
                          const Vector *a, const Vector *b)
{
    ASSERT(a->dims == b->dims);

    switch (metric) {
    case METRIC_COSINE: return cosine_total(cosine_parts(kernels, type, a, b));
    case METRIC_COSINE_OR_NULL: return cosine_of(cosine_parts(kernels, type, a, b));
    case METRIC_L2: return sqrt(pair_sum(kernels, type, SUM_L2SQ, a, b));
    case METRIC_L2SQ: return pair_sum(kernels, type, SUM_L2SQ, a, b);
    case METRIC_DOT: return 0 - pair_sum(kernels, type, SUM_DOT, a, b);
    case METRIC_L1: return pair_sum(kernels, type, SUM_L1, a, b);
    case METRIC_HAMMING:
    case METRIC_JACCARD: break; // refused or taken before
    }
    return not_defined;
}

// --- by element: sparse, and Jaccard for all ---

typedef struct PairSums {
    CosineParts cosine;
    f64 l2sq, l1, least, greatest;
} PairSums;

static void pair_add(PairSums *sums, f64 a, f64 b)
{
    f64 diff = a - b;
    sums->cosine.dot += a * b;
    sums->cosine.a_square += a * a;
    sums->cosine.b_square += b * b;
    sums->l2sq += diff * diff;
    sums->l1 += fabs(diff);
    bool is_nan = isnan(diff);
    sums->least += is_nan ? not_defined : a < b ? a : b;
    sums->greatest += is_nan ? not_defined : a < b ? b : a;
}

static void pair_add_sparse(PairSums *sums, const Vector *a, const Vector *b)
{
    ASSERT(a->type == VECTOR_SPARSE && b->type == VECTOR_SPARSE);

    size_t i = 0, k = 0;
    while (i < a->stored || k < b->stored) {
        u32 a_index = i < a->stored ? sparse_index(a, i) : UINT32_MAX;
        u32 b_index = k < b->stored ? sparse_index(b, k) : UINT32_MAX;
        f64 a_value = a_index <= b_index ? sparse_value(a, i++) : 0;
        f64 b_value = b_index <= a_index ? sparse_value(b, k++) : 0;
        pair_add(sums, a_value, b_value);
    }
}

static PairSums pair_sums(const Vector *a, const Vector *b)
{
    ASSERT(a->dims == b->dims);

    PairSums sums = {{0, 0, 0}, 0, 0, 0, 0};
    if (a->type == VECTOR_SPARSE) {
        pair_add_sparse(&sums, a, b);
        return sums;
    }
    for (size_t i = 0; i < a->dims; i++)
        pair_add(&sums, vector_element(a, i), vector_element(b, i));
    return sums;
}

static f64 element_distance(Metric metric, const Vector *a, const Vector *b)
{
    ASSERT(a->type == b->type);

    PairSums sums = pair_sums(a, b);
    bool is_zero = sums.cosine.a_square == 0 || sums.cosine.b_square == 0;
    switch (metric) {
    case METRIC_COSINE:
    case METRIC_COSINE_OR_NULL: return is_zero ? not_defined : cosine_of(sums.cosine);
    case METRIC_L2: return sqrt(sums.l2sq);
    case METRIC_L2SQ: return sums.l2sq;
    case METRIC_DOT: return 0 - sums.cosine.dot;
    case METRIC_L1: return sums.l1;
    case METRIC_JACCARD: return sums.greatest != 0 ? 1 - sums.least / sums.greatest : not_defined;
    case METRIC_HAMMING: break; // refused before
    }
    return not_defined;
}

// --- 8-bit ---

// Single precision, unless the sums leave its range: then element by element.
static f64 eight_bit_distance(const VectorKernels *kernels, Metric metric, const Vector *a,
                              const Vector *b)
{
    const ElementKernels *single = &kernels->element[ELEMENT_F32];
    CosineParts parts = {0, 0, 0};
    f64 sum = 0;
    ASSERT(a->type == VECTOR_8BIT);
    switch (metric) {
    case METRIC_COSINE:
    case METRIC_COSINE_OR_NULL:
        parts = eight_bit_cosine(single->cosine, a, b);
        if (is_single_sound(parts.a_square) && is_single_sound(parts.b_square))
            return cosine_of(parts);
        return element_distance(metric, a, b);
    case METRIC_L2:
    case METRIC_L2SQ: sum = eight_bit_sum(single->l2sq, a, b); break;
    case METRIC_DOT: sum = 0 - eight_bit_sum(single->dot, a, b); break;
    case METRIC_L1: sum = eight_bit_sum(single->l1, a, b); break;
    case METRIC_HAMMING:
    case METRIC_JACCARD: break; // refused or taken before
    }
    if (!is_single_sound(fabs(sum)))
        return element_distance(metric, a, b);
    return metric == METRIC_L2 ? sqrt(sum) : sum;
}

// --- bits ---

// What lies behind the last element of its byte does not count.
static f64 count_bits(PairKernel *count, const Vector *a, const Vector *b)
{
    ASSERT(a->dims == b->dims);

    size_t whole = a->dims / 8;
    f64 sum = count(a->data, b->data, whole);
    if (a->dims % 8 != 0) {
        u8 mask = (u8)((1u << a->dims % 8) - 1);
        u8 a_rest = a->data[whole] & mask;
        u8 b_rest = b->data[whole] & mask;
        sum += count(&a_rest, &b_rest, 1);
    }
    return sum;
}

static int bit_distance(const VectorKernels *kernels, Metric metric, const Vector *a,
                        const Vector *b, f64 *out, VectorError *error)
{
    ASSERT(a->dims == b->dims);

    f64 either;
    switch (metric) {
    case METRIC_COSINE:
    case METRIC_COSINE_OR_NULL:
    case METRIC_HAMMING: *out = count_bits(kernels->hamming, a, b); return SQLITE_OK;
    case METRIC_DOT: *out = 2 * count_bits(kernels->hamming, a, b) - (f64)a->dims; return SQLITE_OK;
    case METRIC_JACCARD:
        either = count_bits(kernels->either, a, b);
        *out = either > 0 ? 1 - count_bits(kernels->both, a, b) / either : not_defined;
        return SQLITE_OK;
    case METRIC_L2:
    case METRIC_L2SQ:
    case METRIC_L1: break;
    }
    return vector_error(error, "%s distance is not supported for float1bit vectors",
                        metric == METRIC_L1 ? "L1" : "L2");
}

// Whether an undefined distance is so because of what the elements are.
static bool has_odd_element(const Vector *vector)
{
    ASSERT(vector->data != NULL || vector->dims == 0);
    bool is_sparse = vector->type == VECTOR_SPARSE;
    size_t count = is_sparse ? vector->stored : vector->dims;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(is_sparse ? sparse_value(vector, i) : vector_element(vector, i)))
            return true;
    return false;
}

int vector_distance(const VectorKernels *kernels, Metric metric, const Vector *a, const Vector *b,
                    f64 *out, VectorError *error)
{
    if (a->dims != b->dims)
        return vector_error(error, "Vectors must have the same dimensions");
    if (a->type != b->type)
        return vector_error(error, "Vectors must be of the same type");
    if (a->type == VECTOR_1BIT || a->type == VECTOR_BIT)
        return bit_distance(kernels, metric, a, b, out, error);
    if (metric == METRIC_HAMMING)
        return vector_error(error, "Hamming distance is not supported for %s vectors",
                            vector_type_name(a->type));
    ElementType element;
    if (metric == METRIC_JACCARD || a->type == VECTOR_SPARSE)
        *out = element_distance(metric, a, b);
    else if (element_type_of(a->type, &element))
        *out = dense_distance(kernels, element, metric, a, b);
    else
        *out = eight_bit_distance(kernels, metric, a, b);
    if (isnan(*out) && metric != METRIC_COSINE_OR_NULL
        && (has_odd_element(a) || has_odd_element(b)))
        *out = INFINITY;
    return SQLITE_OK;
}
