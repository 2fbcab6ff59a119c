// Vector sets: read from files, or generated. See vector_bench.h.
//
// Files have, per vector, a 32-bit little-endian dimension and then its elements: .fvecs float32,
// .bvecs uint8, .i8vecs int8, .ivecs int32. What ends in .gz is unpacked by gzip.
#include "vector_bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "vector_bench: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL)
        die("out of memory");
    return memory;
}

// --- files ---

static size_t element_size(const char *name)
{
    if (strstr(name, ".bvecs") != NULL || strstr(name, ".i8vecs") != NULL)
        return 1;
    return 4;
}

static float element_read(const char *name, const uint8_t *at)
{
    float single;
    if (strstr(name, ".bvecs") != NULL)
        return (float)*at;
    if (strstr(name, ".i8vecs") != NULL)
        return (float)(int8_t)*at;
    memcpy(&single, at, sizeof single);
    return single;
}

static FILE *open_file(const char *folder, const char *name)
{
    char command[1200];
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    size_t length = strlen(name);
    if (file == NULL || length < 3 || strcmp(name + length - 3, ".gz") != 0)
        return file;
    fclose(file);
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    return popen(command, "r");
}

// All vectors of a file as floats, or (for .ivecs) as 32-bit integers in the same memory.
static float *read_vectors(const char *folder, const char *name, size_t *count, size_t *dims)
{
    FILE *file = open_file(folder, name);
    if (file == NULL)
        return NULL;
    size_t capacity = 0;
    float *out = NULL;
    int32_t header;
    *count = 0;
    while (fread(&header, sizeof header, 1, file) == 1) {
        uint8_t row[65536];
        *dims = (size_t)header;
        size_t size = *dims * element_size(name);
        if (header <= 0 || size > sizeof row || fread(row, 1, size, file) != size)
            die("%s: malformed", name);
        if (*count == capacity) {
            capacity = capacity * 2 + 1024;
            out = need(realloc(out, capacity * *dims * sizeof *out));
        }
        for (size_t i = 0; i < *dims; i++)
            out[*count * *dims + i] = element_read(name, row + i * element_size(name));
        ++*count;
    }
    pclose(file);
    return out;
}

static const struct {
    const char *name, *base, *queries, *truth;
    bool is_cosine;
} files[] = {
    {"sift10k", "sift10k-base.bvecs", "sift10k-query.bvecs", "sift10k-groundtruth.ivecs", false},
    {"mnist784", "mnist784-base.bvecs.gz", "mnist784-query.bvecs.gz", "mnist784-groundtruth.ivecs",
     false},
    {"books-lsa128", "books-lsa128-base.i8vecs.gz", "books-lsa128-query.i8vecs",
     "books-lsa128-groundtruth.ivecs", true},
    {"cranfield-lsa128", "cranfield-lsa128-docs.fvecs", "cranfield-lsa128-queries.fvecs", NULL,
     true},
};

// --- truth ---

static double distance(const VectorSet *set, const float *a, const float *b)
{
    double dot = 0, a_square = 0, b_square = 0, square = 0;
    for (size_t i = 0; i < set->dims; i++) {
        double x = (double)a[i], y = (double)b[i];
        dot += x * y;
        a_square += x * x;
        b_square += y * y;
        square += (x - y) * (x - y);
    }
    if (!set->is_cosine)
        return square;
    if (a_square == 0 || b_square == 0) // no direction: at right angles to all others
        return a_square == b_square ? 0 : 1;
    return 1 - dot / sqrt(a_square * b_square);
}

static void find_truth(VectorSet *set)
{
    set->truth = need(malloc(set->query_count * TRUTH_COUNT * sizeof *set->truth));
    for (size_t q = 0; q < set->query_count; q++) {
        double best[TRUTH_COUNT];
        int32_t *rows = set->truth + q * TRUTH_COUNT;
        size_t filled = 0;
        for (size_t i = 0; i < set->base_count; i++) {
            double d = distance(set, set->queries + q * set->dims, set->base + i * set->dims);
            if (filled == TRUTH_COUNT && d >= best[TRUTH_COUNT - 1])
                continue;
            size_t at = filled < TRUTH_COUNT ? filled++ : TRUTH_COUNT - 1;
            for (; at > 0 && best[at - 1] > d; at--) {
                best[at] = best[at - 1];
                rows[at] = rows[at - 1];
            }
            best[at] = d;
            rows[at] = (int32_t)i;
        }
    }
}

static void read_truth(VectorSet *set, const char *folder, const char *name)
{
    size_t count, dims;
    float *raw = read_vectors(folder, name, &count, &dims);
    if (raw == NULL || count < set->query_count || dims < TRUTH_COUNT)
        die("%s: missing or too short", name);
    set->truth = need(malloc(set->query_count * TRUTH_COUNT * sizeof *set->truth));
    for (size_t q = 0; q < set->query_count; q++)
        memcpy(set->truth + q * TRUTH_COUNT, raw + q * dims, TRUTH_COUNT * sizeof *set->truth);
    free(raw);
}

bool set_read(VectorSet *set, const char *folder, const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        size_t dims;
        *set = (VectorSet){.name = files[i].name, .is_cosine = files[i].is_cosine};
        set->base = read_vectors(folder, files[i].base, &set->base_count, &set->dims);
        set->queries = read_vectors(folder, files[i].queries, &set->query_count, &dims);
        if (set->base == NULL || set->queries == NULL)
            return false;
        if (set->query_count > 200)
            set->query_count = 200;
        if (files[i].truth != NULL)
            read_truth(set, folder, files[i].truth);
        else
            find_truth(set);
        return true;
    }
    return false;
}

// --- generated ---

static uint64_t prng = 1;

static double uniform(void)
{
    prng ^= prng << 13;
    prng ^= prng >> 7;
    prng ^= prng << 17;
    return (double)(prng >> 11) * 0x1p-53;
}

static float normal(void)
{
    return (float)(sqrt(-2 * log(uniform() + 1e-300)) * cos(6.283185307179586 * uniform()));
}

enum { INTRINSIC = 24 };

// A centre, a combination of directions that all clusters share, and a little noise.
static void generate_vector(const float *centres, size_t cluster_count, const float *directions,
                            size_t dims, float *out)
{
    const float *centre = centres + (size_t)(uniform() * (double)cluster_count) * dims;
    memcpy(out, centre, dims * sizeof *out);
    for (int k = 0; k < INTRINSIC; k++) {
        float share = normal() * 0.15f;
        for (size_t i = 0; i < dims; i++)
            out[i] += share * directions[(size_t)k * dims + i];
    }
    for (size_t i = 0; i < dims; i++)
        out[i] += normal() * 0.25f;
}

void set_generate(VectorSet *set, const char *name, size_t count, size_t dims, size_t query_count)
{
    size_t cluster_count = (size_t)sqrt((double)count);
    float *centres = need(malloc(cluster_count * dims * sizeof *centres));
    float *directions = need(malloc(INTRINSIC * dims * sizeof *directions));
    prng = 20240601;
    for (size_t i = 0; i < cluster_count * dims; i++)
        centres[i] = normal();
    for (size_t i = 0; i < INTRINSIC * dims; i++)
        directions[i] = normal();
    *set = (VectorSet){.name = name, .dims = dims, .base_count = count, .query_count = query_count};
    set->base = need(malloc(count * dims * sizeof *set->base));
    set->queries = need(malloc(query_count * dims * sizeof *set->queries));
    for (size_t i = 0; i < count; i++)
        generate_vector(centres, cluster_count, directions, dims, set->base + i * dims);
    for (size_t i = 0; i < query_count; i++)
        generate_vector(centres, cluster_count, directions, dims, set->queries + i * dims);
    free(centres);
    free(directions);
    find_truth(set);
}

void set_free(VectorSet *set)
{
    free(set->base);
    free(set->queries);
    free(set->truth);
    *set = (VectorSet){.name = NULL};
}
