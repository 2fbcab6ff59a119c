// Reads the tree and takes each file apart: lines, comments, literals, includes.
#define _GNU_SOURCE
#include "tests/tidy/tidy.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_SIZE_MAX = 4 << 20, PATH_SIZE = 1024 };

static void *must_alloc(size_t size)
{
    void *block = calloc(1, size == 0 ? 1 : size);
    if (block == NULL) {
        fprintf(stderr, "tidy: out of memory\n");
        exit(2);
    }
    return block;
}

// --- comments and literals ---

typedef struct {
    SourceFile *file;
    size_t at;
} Splitter;

static void put_code(Splitter *s)
{
    char c = s->file->text[s->at];
    s->file->code[s->at] = c;
    s->file->quoted[s->at] = c;
    s->at++;
}

static void put_comment(Splitter *s)
{
    s->file->prose[s->at] = s->file->text[s->at];
    s->at++;
}

static void put_literal(Splitter *s)
{
    s->file->quoted[s->at] = s->file->text[s->at];
    s->at++;
}

static void split_line_comment(Splitter *s)
{
    while (s->at < s->file->size && s->file->text[s->at] != '\n')
        put_comment(s);
}

static void split_block_comment(Splitter *s)
{
    put_comment(s);
    put_comment(s);
    while (s->at < s->file->size) {
        bool is_end = s->file->text[s->at] == '*' && s->file->text[s->at + 1] == '/';
        put_comment(s);
        if (is_end) {
            put_comment(s);
            return;
        }
    }
}

// A literal ends at its line at the latest, so that an apostrophe in #error text does no harm.
static void split_literal(Splitter *s)
{
    const char *text = s->file->text;
    char quote = text[s->at];
    put_literal(s);
    while (s->at < s->file->size && text[s->at] != quote && text[s->at] != '\n') {
        if (text[s->at] == '\\' && s->at + 1 < s->file->size)
            put_literal(s);
        put_literal(s);
    }
    if (s->at < s->file->size && text[s->at] == quote)
        put_literal(s);
}

static void split_c(SourceFile *file)
{
    Splitter s = {.file = file, .at = 0};
    while (s.at < file->size) {
        const char *c = file->text + s.at;
        if (c[0] == '/' && c[1] == '/')
            split_line_comment(&s);
        else if (c[0] == '/' && c[1] == '*')
            split_block_comment(&s);
        else if (c[0] == '"' || c[0] == '\'')
            split_literal(&s);
        else
            put_code(&s);
    }
}

static void keep_newlines(const SourceFile *file, char *text)
{
    for (size_t i = 0; i < file->size; i++) {
        if (file->text[i] == '\n')
            text[i] = '\n';
    }
}

static char *blank_text(size_t size)
{
    char *text = must_alloc(size + 2);
    memset(text, ' ', size);
    return text;
}

static void split_texts(SourceFile *file)
{
    file->code = blank_text(file->size);
    file->prose = blank_text(file->size);
    file->quoted = blank_text(file->size);
    if (file->kind == KIND_OTHER) {
        memcpy(file->code, file->text, file->size);
        memcpy(file->quoted, file->text, file->size);
        memcpy(file->prose, file->text, file->size);
    } else {
        split_c(file);
    }
    keep_newlines(file, file->code);
    keep_newlines(file, file->prose);
    keep_newlines(file, file->quoted);
}

// --- lines and includes ---

static void index_lines(SourceFile *file)
{
    size_t count = 0;
    for (size_t i = 0; i < file->size; i++)
        count += file->text[i] == '\n';
    if (file->size > 0 && file->text[file->size - 1] != '\n')
        count++;
    file->line_count = count;
    file->line_start = must_alloc((count + 1) * sizeof *file->line_start);
    size_t line = 1;
    for (size_t i = 0; i < file->size && line < count; i++) {
        if (file->text[i] == '\n')
            file->line_start[line++] = i + 1;
    }
    file->line_start[count] = file->size;
}

static bool parse_include(const SourceFile *file, size_t line, Include *include)
{
    const char *at = file->quoted + file->line_start[line];
    at += strspn(at, " ");
    if (*at != '#')
        return false;
    at++;
    at += strspn(at, " ");
    if (strncmp(at, "include", 7) != 0)
        return false;
    at += 7;
    at += strspn(at, " ");
    if (*at != '"' && *at != '<')
        return false;
    include->is_system = *at == '<';
    size_t size = strcspn(at + 1, "\">\n");
    if (size >= sizeof include->path)
        return false;
    memcpy(include->path, at + 1, size);
    include->path[size] = 0;
    include->line = line + 1;
    include->target = -1;
    return true;
}

static void find_includes(SourceFile *file)
{
    file->includes = must_alloc((file->line_count + 1) * sizeof *file->includes);
    for (size_t line = 0; line < file->line_count; line++) {
        if (parse_include(file, line, &file->includes[file->include_count]))
            file->include_count++;
    }
}

static FileKind kind_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot != NULL && strcmp(dot, ".c") == 0)
        return KIND_C;
    if (dot != NULL && strcmp(dot, ".h") == 0)
        return KIND_HEADER;
    if (dot != NULL && (strcmp(dot, ".def") == 0 || strcmp(dot, ".inc") == 0))
        return KIND_TABLE;
    return KIND_OTHER;
}

static bool says_generated(const SourceFile *file)
{
    const char *name = path_name(file->path);
    if (strstr(name, "_table.") != NULL || strstr(name, "_tables.") != NULL)
        return true;
    size_t end = strcspn(file->text, "\n");
    return memmem(file->text, end, "enerated", 8) != NULL;
}

static void source_take_text(SourceFile *file, const char *path, char *text, size_t size)
{
    memset(file, 0, sizeof *file);
    file->path = strdup(path);
    file->kind = kind_of(path);
    file->text = text;
    file->size = size;
    split_texts(file);
    index_lines(file);
    file->is_generated = says_generated(file);
    if (file->kind == KIND_OTHER)
        return;
    find_includes(file);
    if (file->kind != KIND_TABLE)
        source_find_functions(file);
}

void source_init(SourceFile *file, const char *path, const char *text)
{
    size_t size = strlen(text);
    char *copy = must_alloc(size + 2);
    memcpy(copy, text, size);
    source_take_text(file, path, copy, size);
}

void source_deinit(SourceFile *file)
{
    free(file->path);
    free(file->text);
    free(file->code);
    free(file->prose);
    free(file->quoted);
    free(file->line_start);
    free(file->functions);
    free(file->includes);
    memset(file, 0, sizeof *file);
}

// --- the tree ---

static bool is_wanted(const char *name)
{
    static const char *const endings[] = {".c", ".h", ".S", ".def", ".inc", ".sh", ".cmake"};
    if (strcmp(name, "CMakeLists.txt") == 0)
        return true;
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (size > ending && strcmp(name + size - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static char *load(const char *full, size_t *size)
{
    struct stat status;
    FILE *in = fopen(full, "rb");
    if (in == NULL || fstat(fileno(in), &status) != 0)
        return NULL; // gone since the folder was read
    char *text = must_alloc((size_t)status.st_size + 2);
    *size = fread(text, 1, (size_t)status.st_size, in);
    fclose(in);
    return text;
}

bool source_read(SourceFile *file, const char *path)
{
    size_t size;
    char *text = load(path, &size);
    if (text == NULL)
        return false;
    source_take_text(file, path, text, size);
    return true;
}

static void read_file(SourceTree *tree, const char *top, const char *path)
{
    char full[2 * PATH_SIZE];
    size_t size;
    snprintf(full, sizeof full, "%s/%s", top, path);
    char *text = load(full, &size);
    if (text == NULL)
        return;
    if ((tree->count & (tree->count + 1)) == 0) { // grows at 0, 1, 3, 7, ...
        size_t room = 2 * tree->count + 1;
        tree->files = realloc(tree->files, room * sizeof *tree->files);
        if (tree->files == NULL)
            exit(2);
    }
    source_take_text(&tree->files[tree->count], path, text, size);
    tree->count++;
}

static void read_folder(SourceTree *tree, const char *top, const char *folder)
{
    char full[2 * PATH_SIZE];
    snprintf(full, sizeof full, "%s/%s", top, folder);
    struct dirent **entries;
    int count = scandir(full, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char path[PATH_SIZE];
        struct stat status;
        snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
        snprintf(full, sizeof full, "%s/%s", top, path);
        if (name[0] == '.' || strncmp(name, "build", 5) == 0 || stat(full, &status) != 0)
            ;
        else if (S_ISDIR(status.st_mode))
            read_folder(tree, top, path);
        else if (is_wanted(name) && status.st_size <= FILE_SIZE_MAX)
            read_file(tree, top, path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void tree_read(SourceTree *tree, const char *top)
{
    memset(tree, 0, sizeof *tree);
    read_folder(tree, top, "");
    if (tree->count == 0) {
        fprintf(stderr, "tidy: no sources below %s\n", top);
        exit(2);
    }
    tree_resolve_includes(tree);
}

void tree_free(SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        source_deinit(&tree->files[i]);
    free(tree->files);
    memset(tree, 0, sizeof *tree);
}
