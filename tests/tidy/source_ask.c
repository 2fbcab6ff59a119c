// Questions the rules ask about paths, lines and words; and the place where they complain.
#include "tests/tidy/tidy.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int error_count;
static int note_count;
static int wide_count;
static bool is_quiet;

bool path_is_under(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

void path_layer(const char *path, char *layer, size_t layer_size)
{
    if (path_is_under(path, "engine"))
        path += strlen("engine/");
    size_t size = strcspn(path, "/");
    if (path[size] == 0)
        size = 0; // a file at the top belongs to no layer
    snprintf(layer, layer_size, "%.*s", (int)size, path);
}

size_t source_line_at(const SourceFile *file, size_t offset)
{
    size_t first = 0;
    size_t end = file->line_count;
    while (first + 1 < end) {
        size_t middle = (first + end) / 2;
        if (file->line_start[middle] <= offset)
            first = middle;
        else
            end = middle;
    }
    return first + 1;
}

size_t line_length(const SourceFile *file, size_t line)
{
    size_t start = file->line_start[line - 1];
    size_t end = file->line_start[line];
    if (end > start && file->text[end - 1] == '\n')
        end--;
    return end - start;
}

bool source_is_marked(const SourceFile *file, const char *mark, size_t first, size_t last)
{
    if (first < 1)
        first = 1;
    size_t size = strlen(mark);
    for (size_t line = first; line <= last && line <= file->line_count; line++) {
        const char *at = file->prose + file->line_start[line - 1];
        size_t length = line_length(file, line);
        for (size_t i = 0; i + size <= length; i++) {
            if (strncmp(at + i, mark, size) == 0)
                return true;
        }
    }
    return false;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool is_word_at(const char *text, size_t offset, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(text + offset, word, size) != 0)
        return false;
    return (offset == 0 || !is_name_char(text[offset - 1])) && !is_name_char(text[offset + size]);
}

static void tell(const SourceFile *file, size_t line, const char *kind, const char *format,
                 va_list args)
{
    if (is_quiet)
        return;
    printf("%s:%zu: %s", file->path, line, kind);
    vprintf(format, args);
    printf("\n");
}

void tidy_error(const SourceFile *file, size_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(file, line, "", format, args);
    va_end(args);
    error_count++;
}

void tidy_note(const SourceFile *file, size_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(file, line, "note: ", format, args);
    va_end(args);
    note_count++;
}

void tidy_wide(const SourceFile *file, size_t line, size_t columns)
{
    tidy_error(file, line, "%zu columns; the limit is %d", columns, COLUMNS_MAX);
    wide_count++;
}

int tidy_error_count(void)
{
    return error_count;
}

int tidy_wide_count(void)
{
    return wide_count;
}

void tidy_reset(bool quiet)
{
    error_count = 0;
    note_count = 0;
    wide_count = 0;
    is_quiet = quiet;
}
