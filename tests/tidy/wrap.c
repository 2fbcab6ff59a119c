// Rewraps comments that run past the last column, which clang-format leaves alone.
//
// A wide line gives its last words to the next line of its paragraph, or to a new line where the
// paragraph ends. A wide comment behind code moves above it. What follows a label and a gap of
// blanks
// ("B4  After an operation") goes on below its own beginning, so that lists keep their shape.
#define _GNU_SOURCE
#include "tests/tidy/tidy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    FILE *out;
    char *carry; // words that the line before gave away, NULL if none
    size_t carry_prefix_size;
    char *carry_prefix; // indent and slashes of the paragraph
} Wrapper;

static size_t columns(const char *text)
{
    size_t count = 0;
    for (; *text != 0; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

// The size of "    //   ", or 0 if the line is no comment or an empty one.
static size_t prefix_size(const char *line)
{
    size_t at = strspn(line, " ");
    if (line[at] != '/' || line[at + 1] != '/')
        return 0;
    at += 2;
    at += strspn(line + at, " ");
    return line[at] == 0 ? 0 : at;
}

// The width of a label and its gap, as in "B4  After an operation": where its text hangs. 0 if
// none.
static size_t label_size(const char *words)
{
    const char *gap = strstr(words, "  ");
    if (gap == NULL || gap - words > 32)
        return 0;
    return (size_t)(gap - words) + strspn(gap, " ");
}

static bool starts_item(const char *words)
{
    if (words[0] == '-' || words[0] == '*' || words[0] == '|' || label_size(words) > 0)
        return true;
    size_t digits = strspn(words, "0123456789");
    return digits > 0 && (words[digits] == '.' || words[digits] == ')');
}

// May the carried words go before those of this line?
static bool joins(const Wrapper *w, const char *line)
{
    size_t prefix = prefix_size(line);
    if (prefix == 0 || prefix != w->carry_prefix_size)
        return false;
    return !starts_item(line + prefix);
}

// What a line gives away stands below its text, or below the text behind its label.
static void keep_carry(Wrapper *w, const char *line, size_t prefix, const char *words)
{
    size_t slashes = strspn(line, " ") + 2;
    size_t size = prefix + label_size(line + prefix);
    w->carry = strdup(words);
    w->carry_prefix = malloc(size + 1);
    w->carry_prefix_size = size;
    if (w->carry == NULL || w->carry_prefix == NULL)
        exit(2);
    memset(w->carry_prefix, ' ', size);
    memcpy(w->carry_prefix, line, slashes);
    w->carry_prefix[size] = 0;
}

static void drop_carry(Wrapper *w)
{
    free(w->carry);
    free(w->carry_prefix);
    w->carry = NULL;
    w->carry_prefix = NULL;
}

// The offset of the last blank that leaves at most COLUMNS_MAX columns before it, 0 if none.
static size_t break_at(const char *line, size_t prefix)
{
    size_t best = 0;
    size_t column = 0;
    for (size_t i = 0; line[i] != 0; i++) {
        if (line[i] == ' ' && i > prefix && column <= COLUMNS_MAX)
            best = i;
        column += ((unsigned char)line[i] & 0xC0) != 0x80;
    }
    return best;
}

static void put_comment(Wrapper *w, const char *line)
{
    size_t prefix = prefix_size(line);
    size_t cut = columns(line) > COLUMNS_MAX ? break_at(line, prefix) : 0;
    if (cut == 0) {
        fprintf(w->out, "%s\n", line);
        return;
    }
    size_t end = cut;
    while (end > 0 && line[end - 1] == ' ')
        end--;
    fprintf(w->out, "%.*s\n", (int)end, line);
    keep_carry(w, line, prefix, line + cut + strspn(line + cut, " "));
}

static void flush_carry(Wrapper *w)
{
    while (w->carry != NULL) {
        char *line = NULL;
        if (asprintf(&line, "%s%s", w->carry_prefix, w->carry) < 0)
            exit(2);
        drop_carry(w);
        put_comment(w, line);
        free(line);
    }
}

// Moves the comment behind a wide line of code to a line of its own.
static bool put_code(Wrapper *w, const char *line, size_t comment)
{
    if (columns(line) <= COLUMNS_MAX || comment == 0)
        return false;
    char *moved = NULL;
    size_t indent = strspn(line, " ");
    if (asprintf(&moved, "%.*s%s", (int)indent, line, line + comment) < 0)
        exit(2);
    put_comment(w, moved);
    free(moved);
    flush_carry(w);
    while (comment > 0 && line[comment - 1] == ' ')
        comment--;
    fprintf(w->out, "%.*s\n", (int)comment, line);
    return true;
}

static void put_line(Wrapper *w, const char *line, size_t comment)
{
    char *joined = NULL;
    if (w->carry != NULL && joins(w, line)) {
        if (asprintf(&joined, "%s%s %s", w->carry_prefix, w->carry, line + w->carry_prefix_size)
            < 0)
            exit(2);
        drop_carry(w);
        put_comment(w, joined);
        free(joined);
        return;
    }
    flush_carry(w);
    if (prefix_size(line) > 0)
        put_comment(w, line);
    else if (!put_code(w, line, comment))
        fprintf(w->out, "%s\n", line);
}

// Where on this line a // comment begins behind code, 0 if none does.
static size_t trailing_comment(const SourceFile *file, size_t line)
{
    size_t start = file->line_start[line - 1];
    size_t length = line_length(file, line);
    for (size_t i = 0; i + 1 < length; i++) {
        if (file->prose[start + i] == '/' && file->prose[start + i + 1] == '/')
            return i;
    }
    return 0;
}

int source_wrap(const SourceFile *file, const char *full_path)
{
    Wrapper w = {.out = fopen(full_path, "wb")};
    if (w.out == NULL)
        return -1;
    for (size_t line = 1; line <= file->line_count; line++) {
        char *text = strndup(file->text + file->line_start[line - 1], line_length(file, line));
        if (text == NULL)
            exit(2);
        put_line(&w, text, trailing_comment(file, line));
        free(text);
    }
    flush_carry(&w);
    return fclose(w.out);
}
