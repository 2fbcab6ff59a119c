// Laws about the shape of functions.
#include "tests/tidy/tidy.h"

#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 70, PARAMETERS_MAX = 6, NESTING_MAX = 5, LONG_SHARE_PERCENT = 2 };

static size_t function_lines(const Function *function)
{
    return function->close_line - function->open_line + 1;
}

// The mark stands in the comment above the function or on the first lines of its body.
static bool is_marked(const SourceFile *file, const Function *function, const char *mark)
{
    size_t first = function->header_line;
    while (first > 1 && source_is_marked(file, "//", first - 1, first - 1))
        first--;
    return source_is_marked(file, mark, first, function->open_line + 3);
}

// The public interface lays down its signatures; others say why they are wide.
static bool is_public(const SourceFile *file, const Function *function)
{
    return strncmp(function->name, "sqlite3", 7) == 0 || is_marked(file, function, "wide:");
}

static void check_function(const SourceFile *file, const Function *function)
{
    size_t lines = function_lines(function);
    if (lines > LINES_MAX && !is_marked(file, function, "long:"))
        tidy_error(file, function->open_line, "%.*s() has %zu lines; the limit is %d",
                   function->name_size, function->name, lines, LINES_MAX);
    if (function->parameter_count > PARAMETERS_MAX && !is_public(file, function))
        tidy_error(file, function->header_line, "%.*s() has %d parameters; the limit is %d",
                   function->name_size, function->name, function->parameter_count, PARAMETERS_MAX);
    if (function->nesting > NESTING_MAX)
        tidy_note(file, function->open_line, "%.*s() nests %d deep", function->name_size,
                  function->name, function->nesting);
}

void rule_functions(const SourceFile *file)
{
    if (file->is_generated)
        return;
    for (size_t i = 0; i < file->function_count; i++)
        check_function(file, &file->functions[i]);
}

// Long functions stay an exception even where each has its reason.
void rule_long_share(const SourceTree *tree)
{
    size_t total = 0;
    size_t above = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const SourceFile *file = &tree->files[i];
        for (size_t k = 0; !file->is_generated && k < file->function_count; k++) {
            total++;
            above += function_lines(&file->functions[k]) > LINES_MAX;
        }
    }
    if (above * 100 > total * LONG_SHARE_PERCENT)
        tidy_error(&tree->files[0], 1,
                   "%zu of %zu functions in the tree exceed %d lines: over %d %%", above, total,
                   LINES_MAX, LONG_SHARE_PERCENT);
}
