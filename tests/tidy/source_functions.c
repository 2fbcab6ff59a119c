// Finds the functions of a file: brace blocks at file scope that follow a parameter list.
//
// This is not a parser. It knows braces, parentheses and conditionals: each branch of an #if starts
// from the state that held before it, so that two openings of one function count once.
#include "tests/tidy/tidy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CONDITIONAL_DEPTH_MAX = 32 };

typedef struct {
    int depth;           // braces open
    int extern_depth;    // of these, the ones of extern "C", which do not count
    size_t header_start; // where the declaration under way began
    bool is_in_function;
    Function function; // the one under way
} ScanState;

typedef struct {
    SourceFile *file;
    ScanState now;
    ScanState saved[CONDITIONAL_DEPTH_MAX];
    int saved_count;
} Scanner;

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// The offset of the parenthesis that `close` closes, or `first` - 1 steps short of it: `first` if
// none.
static size_t matching_open(const char *code, size_t close, size_t first)
{
    int depth = 0;
    for (size_t i = close; i > first; i--) {
        if (code[i] == ')')
            depth++;
        else if (code[i] == '(' && --depth == 0)
            return i;
    }
    return first;
}

static size_t skip_blanks_back(const char *code, size_t end, size_t first)
{
    while (end > first && isspace((unsigned char)code[end - 1]))
        end--;
    return end;
}

static int count_parameters(const char *code, size_t open, size_t close)
{
    int depth = 0;
    int commas = 0;
    size_t size = 0; // of what is not blank
    bool is_void = false;
    for (size_t i = open + 1; i < close; i++) {
        if (isspace((unsigned char)code[i]))
            continue;
        if (size == 0)
            is_void = is_word_at(code, i, "void");
        size++;
        depth += (code[i] == '(') - (code[i] == ')');
        commas += code[i] == ',' && depth == 0;
    }
    if (size == 0 || (is_void && size == 4))
        return 0;
    return commas + 1;
}

static bool has_assignment(const char *code, size_t first, size_t end)
{
    int depth = 0;
    for (size_t i = first; i < end; i++) {
        depth += (code[i] == '(') - (code[i] == ')');
        if (code[i] == '=' && depth == 0)
            return true;
    }
    return false;
}

// Is what stands before the brace at `end` the head of a function? If so fills name and parameters.
static bool parse_head(const char *code, size_t first, size_t end, Function *function)
{
    if (has_assignment(code, first, end))
        return false;
    for (;;) {
        end = skip_blanks_back(code, end, first);
        if (end <= first || code[end - 1] != ')')
            return false;
        size_t close = end - 1;
        size_t open = matching_open(code, close, first);
        if (open == first)
            return false;
        size_t name_end = skip_blanks_back(code, open, first);
        size_t name = name_end;
        while (name > first && is_name_char(code[name - 1]))
            name--;
        if (is_word_at(code, name, "__attribute__")) {
            end = name;
            continue;
        }
        function->name = code + name;
        function->name_size = (int)(name_end - name);
        function->parameter_count = count_parameters(code, open, close);
        return true;
    }
}

static bool is_extern_block(const char *code, size_t first, size_t end)
{
    end = skip_blanks_back(code, end, first);
    while (first < end && isspace((unsigned char)code[first]))
        first++;
    return end - first == 6 && strncmp(code + first, "extern", 6) == 0;
}

static void open_brace(Scanner *s, size_t at)
{
    ScanState *now = &s->now;
    const char *code = s->file->code;
    if (now->depth == 0 && is_extern_block(code, now->header_start, at)) {
        now->extern_depth++;
        now->header_start = at + 1;
        return;
    }
    if (now->depth == 0) {
        memset(&now->function, 0, sizeof now->function);
        now->is_in_function = parse_head(code, now->header_start, at, &now->function);
        size_t start = now->header_start;
        while (isspace((unsigned char)code[start]))
            start++;
        now->function.header_line = source_line_at(s->file, start);
        now->function.open_line = source_line_at(s->file, at);
    }
    now->depth++;
    if (now->depth > now->function.nesting)
        now->function.nesting = now->depth;
}

static void close_brace(Scanner *s, size_t at)
{
    ScanState *now = &s->now;
    if (now->depth == 0) {
        if (now->extern_depth > 0)
            now->extern_depth--;
        now->header_start = at + 1;
        return;
    }
    now->depth--;
    if (now->depth > 0)
        return;
    if (now->is_in_function) {
        now->function.close_line = source_line_at(s->file, at);
        now->function.nesting--; // the body itself
        s->file->functions[s->file->function_count++] = now->function;
        now->is_in_function = false;
    }
    now->header_start = at + 1;
}

static void take_directive(Scanner *s, size_t at)
{
    const char *word = s->file->code + at + 1;
    while (*word == ' ')
        word++;
    if (strncmp(word, "if", 2) == 0) {
        if (s->saved_count < CONDITIONAL_DEPTH_MAX)
            s->saved[s->saved_count] = s->now;
        s->saved_count++;
    } else if (strncmp(word, "el", 2) == 0) {
        if (s->saved_count > 0 && s->saved_count <= CONDITIONAL_DEPTH_MAX)
            s->now = s->saved[s->saved_count - 1];
    } else if (strncmp(word, "endif", 5) == 0 && s->saved_count > 0) {
        s->saved_count--;
    }
}

// The end of a directive's line, its continuations included.
static size_t directive_end(const SourceFile *file, size_t at)
{
    while (at < file->size && file->code[at] != '\n') {
        if (file->code[at] == '\\' && at + 1 < file->size && file->code[at + 1] == '\n')
            at++;
        at++;
    }
    return at;
}

static size_t count_char(const SourceFile *file, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < file->size; i++)
        count += file->code[i] == wanted;
    return count;
}

void source_find_functions(SourceFile *file)
{
    file->functions = calloc(count_char(file, '}') + 1, sizeof *file->functions);
    Scanner *s = calloc(1, sizeof *s);
    if (file->functions == NULL || s == NULL)
        exit(2);
    s->file = file;
    bool is_line_start = true;
    for (size_t i = 0; i < file->size; i++) {
        char c = file->code[i];
        if (c == '#' && is_line_start) {
            take_directive(s, i);
            i = directive_end(file, i);
            if (s->now.depth == 0)
                s->now.header_start = i;
            continue;
        }
        if (c == '{')
            open_brace(s, i);
        else if (c == '}')
            close_brace(s, i);
        else if (c == ';' && s->now.depth == 0)
            s->now.header_start = i + 1;
        if (c == '\n')
            is_line_start = true;
        else if (c != ' ' && c != '\t')
            is_line_start = false;
    }
    free(s);
}
