// Counts what style is judged by, folder by folder. Figures to look at, not laws.
#include "tests/tidy/tidy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDERS_MAX = 64 };

typedef struct {
    char name[64];
    size_t files;
    size_t code_lines;
    size_t comment_lines;
    size_t functions;
    size_t assertions;
    size_t above_70;
    int *lengths; // of the functions
} Metrics;

static size_t count_words(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count += is_word_at(text, (size_t)(at - text), word);
    return count;
}

static bool has_ink(const char *text, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (!isspace((unsigned char)text[i]))
            return true;
    }
    return false;
}

static void count_lines(const SourceFile *file, Metrics *metrics)
{
    for (size_t line = 0; line < file->line_count; line++) {
        size_t first = file->line_start[line];
        size_t end = file->line_start[line + 1];
        metrics->code_lines += has_ink(file->quoted, first, end);
        metrics->comment_lines += has_ink(file->prose, first, end);
    }
}

static void count_file(const SourceFile *file, Metrics *metrics)
{
    static const char *const assertions[] = {"ASSERT",        "ASSERT_SLOW", "ASSERT_SOUND",
                                             "static_assert", "UNREACHABLE", "assert"};
    metrics->files++;
    count_lines(file, metrics);
    for (size_t i = 0; i < sizeof assertions / sizeof assertions[0]; i++)
        metrics->assertions += count_words(file->code, assertions[i]);
    size_t room = metrics->functions + file->function_count + 1;
    metrics->lengths = realloc(metrics->lengths, room * sizeof *metrics->lengths);
    if (metrics->lengths == NULL)
        exit(2);
    for (size_t i = 0; i < file->function_count; i++) {
        const Function *function = &file->functions[i];
        int length = (int)(function->close_line - function->open_line + 1);
        metrics->above_70 += length > 70;
        metrics->lengths[metrics->functions++] = length;
    }
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void print_row(Metrics *m)
{
    if (m->functions > 0)
        qsort(m->lengths, m->functions, sizeof *m->lengths, compare_ints);
    double per_code = m->code_lines > 0 ? (double)m->comment_lines / (double)m->code_lines : 0;
    double per_function = m->functions > 0 ? (double)m->assertions / (double)m->functions : 0;
    int median = m->functions > 0 ? m->lengths[m->functions / 2] : 0;
    int ninth = m->functions > 0 ? m->lengths[m->functions * 9 / 10] : 0;
    printf("%-10s %6zu %8zu %9.2f %10zu %8d %5d %5zu %12.2f\n", m->name, m->files, m->code_lines,
           per_code, m->functions, median, ninth, m->above_70, per_function);
}

static Metrics *find_folder(Metrics *all, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    }
    if (*count == FOLDERS_MAX)
        return &all[0];
    Metrics *metrics = &all[(*count)++];
    snprintf(metrics->name, sizeof metrics->name, "%s", name);
    return metrics;
}

void tree_print_metrics(const SourceTree *tree)
{
    static Metrics all[FOLDERS_MAX];
    size_t count = 0;
    memset(all, 0, sizeof all);
    for (size_t i = 0; i < tree->count; i++) {
        const SourceFile *file = &tree->files[i];
        char layer[64];
        path_layer(file->path, layer, sizeof layer);
        if ((file->kind == KIND_C || file->kind == KIND_HEADER) && !file->is_generated)
            count_file(file, find_folder(all, &count, layer));
    }
    printf("%-10s %6s %8s %9s %10s %8s %5s %5s %12s\n", "folder", "files", "code", "comments",
           "functions", "median", "p90", "> 70", "asserts/fn");
    for (size_t i = 0; i < count; i++) {
        print_row(&all[i]);
        free(all[i].lengths);
    }
}
