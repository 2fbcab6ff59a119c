// Reads the judgements of a collection: see judged.h.
#include "bench/judged.h"

#include <math.h>
#include <stdlib.h>

enum { JUDGED_MAX = 4096 }; // of one query

FILE *judged_open(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

void judged_read(const char *folder, Judged *out)
{
    char line[200];
    FILE *file = judged_open(folder, "qrels.tsv");
    *out = (Judged){0};
    while (fgets(line, sizeof line, file) != NULL) {
        Judgement one;
        if (sscanf(line, "%d\t%d\t%lf", &one.query, &one.document, &one.gain) != 3)
            continue; // the heading
        if (out->count % 1024 == 0)
            out->items = realloc(out->items, sizeof one * ((size_t)out->count + 1024));
        if (out->items == NULL)
            exit(1);
        out->items[out->count++] = one;
    }
    fclose(file);
}

void judged_free(Judged *judged)
{
    free(judged->items);
    *judged = (Judged){0};
}

double judged_gain(const Judged *judged, int query, int document)
{
    for (int i = 0; i < judged->count; i++) {
        if (judged->items[i].query == query && judged->items[i].document == document)
            return judged->items[i].gain;
    }
    return 0;
}

static int compare_gains(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left > right ? -1 : left < right;
}

double judged_ideal(const Judged *judged, int query)
{
    double gains[JUDGED_MAX];
    int count = 0;
    double sum = 0;
    for (int i = 0; i < judged->count && count < JUDGED_MAX; i++) {
        if (judged->items[i].query == query)
            gains[count++] = judged->items[i].gain;
    }
    qsort(gains, (size_t)count, sizeof gains[0], compare_gains);
    for (int i = 0; i < count && i < JUDGED_TOP; i++)
        sum += gains[i] / log2(i + 2);
    return sum;
}
