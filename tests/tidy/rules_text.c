// Laws about lines, names and words.
#include "tests/tidy/tidy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { FILE_LINES_MAX = 2000, FILE_LINES_ASKED = 1200 };

// --- file names ---

static bool needs_unique_name(const SourceFile *file)
{
    return file->kind == KIND_C || file->kind == KIND_HEADER || file->kind == KIND_TABLE;
}

// A file is known by its name alone in logs, tests and talk.
void rule_unique_names(const SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (!needs_unique_name(&tree->files[i]))
            continue;
        const char *name = path_name(tree->files[i].path);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(name, path_name(tree->files[k].path)) == 0)
                tidy_error(&tree->files[i], 1, "another file has this name: %s",
                           tree->files[k].path);
        }
    }
}

static bool has_source(const SourceTree *tree, const char *layer, const char *stem)
{
    size_t size = strlen(stem);
    for (size_t i = 0; i < tree->count; i++) {
        const char *path = tree->files[i].path;
        char own[64];
        path_layer(path, own, sizeof own);
        const char *name = path_name(path);
        if (strcmp(own, layer) == 0 && strncmp(name, stem, size) == 0 && name[size] == '.')
            return true;
    }
    return false;
}

// tests/unit/btree/test_cursor.c tests engine/btree/cursor.c. A test of a whole layer is fine too,
// but one whose source was renamed is not: so this is a note.
void rule_mirrored_tests(const SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        const SourceFile *file = &tree->files[i];
        const char *name = path_name(file->path);
        if (!path_is_under(file->path, "tests/unit") || strncmp(name, "test_", 5) != 0)
            continue;
        char layer[64];
        char stem[128];
        const char *folder = file->path + strlen("tests/unit/");
        snprintf(layer, sizeof layer, "%.*s", (int)strcspn(folder, "/"), folder);
        snprintf(stem, sizeof stem, "%.*s", (int)strcspn(name + 5, "."), name + 5);
        if (!has_source(tree, layer, stem))
            tidy_note(file, 1, "tests no file of %s by that name", layer);
    }
}

// --- lines ---

// The public header is a manual and may be as long as that takes.
void rule_file_length(const SourceFile *file)
{
    bool is_source = file->kind == KIND_C || file->kind == KIND_HEADER;
    if (!is_source || file->is_generated || strcmp(file->path, "engine/include/sqlite3.h") == 0)
        return;
    if (file->line_count > FILE_LINES_MAX)
        tidy_error(file, file->line_count, "%zu lines; the limit is %d", file->line_count,
                   FILE_LINES_MAX);
    else if (file->line_count > FILE_LINES_ASKED && !source_is_marked(file, "long:", 1, 60))
        tidy_note(file, 1, "%zu lines and no `long:` reason at the top", file->line_count);
}

static size_t count_columns(const char *line, size_t size)
{
    size_t columns = 0;
    for (size_t i = 0; i < size; i++)
        columns += ((unsigned char)line[i] & 0xC0) != 0x80; // UTF-8: a character is its first byte
    return columns;
}

static bool turns_format(const SourceFile *file, size_t line, const char *how)
{
    char mark[32];
    snprintf(mark, sizeof mark, "clang-format %s", how);
    return source_is_marked(file, mark, line, line);
}

static void check_line(const SourceFile *file, size_t line, bool may_be_wide)
{
    const char *text = file->text + file->line_start[line - 1];
    size_t size = line_length(file, line);
    if (!may_be_wide && count_columns(text, size) > COLUMNS_MAX)
        tidy_wide(file, line, count_columns(text, size));
    if (memchr(text, '\t', size) != NULL)
        tidy_error(file, line, "a tab; indent with spaces");
    if (memchr(text, '\r', size) != NULL)
        tidy_error(file, line, "a carriage return");
    else if (size > 0 && text[size - 1] == ' ')
        tidy_error(file, line, "blanks at the end of the line");
}

void rule_lines(const SourceFile *file)
{
    bool is_table = file->kind == KIND_TABLE || file->is_generated;
    bool is_hand_set = false;
    for (size_t line = 1; line <= file->line_count; line++) {
        if (turns_format(file, line, "off"))
            is_hand_set = true;
        check_line(file, line, is_table || is_hand_set);
        if (turns_format(file, line, "on"))
            is_hand_set = false;
    }
    if (file->size > 0 && file->text[file->size - 1] != '\n')
        tidy_error(file, file->line_count, "no newline at the end of the file");
}

// --- words ---

static void find_words(const SourceFile *file, const char *text, const char *word)
{
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        size_t offset = (size_t)(at - text);
        if (is_word_at(text, offset, word))
            tidy_error(file, source_line_at(file, offset), "%s left behind", word);
    }
}

// Work that is not done belongs in no comment.
void rule_marks(const SourceFile *file)
{
    static const char *const words[] = {"TODO", "FIXME", "XXX", "HACK"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        find_words(file, file->prose, words[i]);
}

// --- banned calls ---

typedef struct {
    const char *call;
    const char *instead;
    bool is_memory; // the C library's allocator: tests, bench and examples may use it
} Banned;

// clang-format off
static const Banned banned[] = {
    {"malloc",        "base/alloc.h; modules: sqlite3_malloc64", true},
    {"calloc",        "base/alloc.h; modules: sqlite3_malloc64", true},
    {"realloc",       "base/alloc.h; modules: sqlite3_realloc64", true},
    {"reallocarray",  "base/alloc.h; modules: sqlite3_realloc64", true},
    {"free",          "base/alloc.h; modules: sqlite3_free", true},
    {"strdup",        "base/alloc.h; modules: sqlite3_mprintf", true},
    {"strndup",       "base/alloc.h; modules: sqlite3_mprintf", true},
    {"aligned_alloc", "base/alloc.h", true},
    {"strcpy",        "memcpy with a checked size", false},
    {"strcat",        "base/buffer.h", false},
    {"sprintf",       "snprintf", false},
    {"vsprintf",      "vsnprintf", false},
    {"gets",          "fgets", false},
    {"strtok",        "strcspn", false},
    {"alloca",        "an arena", false},
    {"setjmp",        "result codes", false},
    {"longjmp",       "result codes", false},
};
// clang-format on

static bool may_use_libc_memory(const SourceFile *file)
{
    return strcmp(file->path, "engine/base/alloc.c") == 0 || path_is_under(file->path, "tests")
           || path_is_under(file->path, "bench") || path_is_under(file->path, "examples")
           || strcmp(file->path, "engine/include/sqlite3ext.h") == 0;
}

// `x->free(y)`, `x.free(y)` and `int free(...)` after a type are not the call.
static bool is_call(const char *code, size_t offset, size_t size)
{
    size_t after = offset + size;
    after += strspn(code + after, " ");
    if (code[after] != '(')
        return false;
    size_t before = offset;
    while (before > 0 && code[before - 1] == ' ')
        before--;
    return before == 0 || (code[before - 1] != '.' && code[before - 1] != '>');
}

// A library may hand out memory that only free() releases: the line then says `libc:` and which.
static void find_calls(const SourceFile *file, const Banned *ban)
{
    size_t size = strlen(ban->call);
    for (const char *at = file->code; (at = strstr(at, ban->call)) != NULL; at++) {
        size_t offset = (size_t)(at - file->code);
        if (!is_word_at(file->code, offset, ban->call) || !is_call(file->code, offset, size))
            continue;
        size_t line = source_line_at(file, offset);
        if (ban->is_memory && source_is_marked(file, "libc:", line - 1, line))
            continue;
        tidy_error(file, line, "%s() is banned; use %s", ban->call, ban->instead);
    }
}

void rule_banned_calls(const SourceFile *file)
{
    if (file->kind != KIND_C && file->kind != KIND_HEADER)
        return;
    bool has_memory = may_use_libc_memory(file);
    for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++) {
        if (!banned[i].is_memory || !has_memory)
            find_calls(file, &banned[i]);
    }
}

// --- preprocessor ---

static void guard_of(const char *path, char *guard, size_t guard_size)
{
    bool is_public = path_is_under(path, "engine/include");
    bool is_sqlite = strncmp(path_name(path), "sqlite3", 7) == 0;
    if (is_public)
        path = path_name(path);
    else if (path_is_under(path, "engine"))
        path += strlen("engine/");
    bool has_prefix = is_public; // quire.h and sqlite3.h bear their own
    snprintf(guard, guard_size, "%s%s", has_prefix || is_sqlite ? "" : "QUIRE_", path);
    for (char *c = guard; *c != 0; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
}

void rule_include_guard(const SourceFile *file)
{
    if (file->kind != KIND_HEADER)
        return;
    char guard[512];
    char wanted[1100];
    guard_of(file->path, guard, sizeof guard);
    snprintf(wanted, sizeof wanted, "#ifndef %s\n#define %s\n", guard, guard);
    if (strstr(file->quoted, wanted) == NULL)
        tidy_error(file, 1, "include guard should be %s", guard);
}

static bool may_branch(const SourceFile *file)
{
    return path_is_under(file->path, "engine/os") || path_is_under(file->path, "engine/base")
           || strstr(file->path, "/kernel/") != NULL || path_is_under(file->path, "tests")
           || path_is_under(file->path, "bench");
}

static bool is_conditional(const SourceFile *file, size_t line)
{
    const char *at = file->code + file->line_start[line - 1];
    at += strspn(at, " ");
    if (*at != '#')
        return false;
    at++;
    at += strspn(at, " ");
    return strncmp(at, "if", 2) == 0;
}

// What differs between builds is a file, or a constant that the compiler folds: not a hole in a
// body.
void rule_conditionals(const SourceFile *file)
{
    if (may_branch(file))
        return;
    for (size_t i = 0; i < file->function_count; i++) {
        const Function *function = &file->functions[i];
        for (size_t line = function->open_line; line < function->close_line; line++) {
            if (is_conditional(file, line))
                tidy_error(file, line, "#if inside a function");
        }
    }
}
