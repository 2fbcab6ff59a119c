// Laws about who may include whom.
#include "tests/tidy/tidy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A layer includes itself, engine/include and what its row names. A folder without a row is free.
typedef struct {
    const char *layer;
    const char *may_include; // words
} Layer;

// clang-format off
static const Layer layers[] = {
    {"include",  ""},
    {"base",     ""},
    {"value",    "base"},
    {"session",  "value base"},
    {"os",       "base"},
    {"pager",    "os base"},
    {"btree",    "pager os value base"},
    {"txn",      "btree pager value base"},
    {"catalog",  "txn btree value base"},
    {"func",     "catalog value base"},
    {"vtab",     "catalog value base"},
    {"vm",       "func vtab catalog txn btree value base"},
    {"sql",      "vm func vtab catalog txn btree value base"},
    {"api",      "sql vm func vtab catalog txn btree pager os value base"},
    {"shell",    ""},
    {"vector",   ""},
    {"fts",      ""},
    {"cdc",      ""},
    {"examples", ""},
};

// Libraries that only some folders may use.
static const Layer guests[] = {
    {"liburing.h",      "os tests"},
    {"cblas.h",         "vector bench tests examples"},
    {"libstemmer.h",    "fts tests"},
    {"utf8proc.h",      "fts tests"},
    {"editline/",       "shell"},
    {"histedit.h",      "shell"},
    {"curl/curl.h",     "shell cdc examples"},
    {"openssl/",        "pager tests"},
    {"cmocka.h",        "tests"},
    {"setjmp.h",        "tests"},
    {"alloca.h",        ""},
};
// clang-format on

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; size > 0 && (at = strstr(at, word)) != NULL; at++) {
        bool starts = at == words || at[-1] == ' ';
        if (starts && (at[size] == ' ' || at[size] == 0))
            return true;
    }
    return false;
}

static const Layer *find_layer(const char *name)
{
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        if (strcmp(layers[i].layer, name) == 0)
            return &layers[i];
    }
    return NULL;
}

// --- resolving ---

static int find_file(const SourceTree *tree, const char *path)
{
    size_t first = 0;
    size_t end = tree->count;
    for (size_t i = first; i < end; i++) {
        if (strcmp(tree->files[i].path, path) == 0)
            return (int)i;
    }
    return -1;
}

// Looks where the compiler does: beside the file, then in the include folders.
static int resolve(const SourceTree *tree, const SourceFile *file, const Include *include)
{
    static const char *const folders[] = {"engine/include/", "engine/", "tests/", ""};
    char path[1024];
    int size = (int)(path_name(file->path) - file->path);
    snprintf(path, sizeof path, "%.*s%s", size, file->path, include->path);
    int found = include->is_system ? -1 : find_file(tree, path);
    for (size_t i = 0; i < 4 && found < 0; i++) {
        snprintf(path, sizeof path, "%s%s", folders[i], include->path);
        found = find_file(tree, path);
    }
    return found;
}

void tree_resolve_includes(SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        SourceFile *file = &tree->files[i];
        for (size_t k = 0; k < file->include_count; k++)
            file->includes[k].target = resolve(tree, file, &file->includes[k]);
    }
}

// --- layers ---

static void check_guest(const SourceFile *file, const Include *include, const char *layer)
{
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
        if (strncmp(include->path, guests[i].layer, strlen(guests[i].layer)) != 0)
            continue;
        if (!has_word(guests[i].may_include, layer))
            tidy_error(file, include->line, "<%s> is not for %s", include->path, layer);
    }
}

static void check_edge(const SourceFile *file, const Include *include, const SourceFile *target)
{
    char from[64];
    char to[64];
    path_layer(file->path, from, sizeof from);
    path_layer(target->path, to, sizeof to);
    const Layer *layer = find_layer(from);
    if (layer == NULL || strcmp(from, to) == 0 || strcmp(to, "include") == 0)
        return;
    if (!has_word(layer->may_include, to)) {
        tidy_error(file, include->line, "%s may not include %s (\"%s\")", from,
                   *to ? to : "the top folder", include->path);
    }
}

static void check_layers_of(const SourceTree *tree, const SourceFile *file)
{
    char layer[64];
    path_layer(file->path, layer, sizeof layer);
    for (size_t i = 0; i < file->include_count; i++) {
        const Include *include = &file->includes[i];
        if (include->target >= 0)
            check_edge(file, include, &tree->files[include->target]);
        else if (include->is_system)
            check_guest(file, include, layer);
        else if (find_layer(layer) != NULL)
            tidy_error(file, include->line, "no such header: \"%s\"", include->path);
    }
}

void rule_layers(const SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        check_layers_of(tree, &tree->files[i]);
}

// --- headers nobody includes ---

static bool is_included(const SourceTree *tree, int index)
{
    for (size_t i = 0; i < tree->count; i++) {
        const SourceFile *file = &tree->files[i];
        for (size_t k = 0; k < file->include_count; k++) {
            if (file->includes[k].target == index)
                return true;
        }
    }
    return false;
}

// A note: while a layer grows its door may stand before the first caller.
void rule_dead_headers(const SourceTree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        const SourceFile *file = &tree->files[i];
        bool is_public = path_is_under(file->path, "engine/include");
        if (file->kind == KIND_HEADER && !is_public && !is_included(tree, (int)i))
            tidy_note(file, 1, "no file includes this");
    }
}

// --- cycles ---

typedef enum { UNSEEN, ON_PATH, DONE } Visit;

static void visit(const SourceTree *tree, Visit *visits, int index)
{
    const SourceFile *file = &tree->files[index];
    visits[index] = ON_PATH;
    for (size_t i = 0; i < file->include_count; i++) {
        int target = file->includes[i].target;
        if (target < 0 || target == index)
            continue;
        if (visits[target] == ON_PATH)
            tidy_error(file, file->includes[i].line, "include cycle through \"%s\"",
                       file->includes[i].path);
        else if (visits[target] == UNSEEN)
            visit(tree, visits, target);
    }
    visits[index] = DONE;
}

void rule_include_cycles(const SourceTree *tree)
{
    Visit *visits = calloc(tree->count + 1, sizeof *visits);
    for (size_t i = 0; visits != NULL && i < tree->count; i++) {
        if (visits[i] == UNSEEN)
            visit(tree, visits, (int)i);
    }
    free(visits);
}

// --- order ---

// Our headers first, the system's after: a header that leans on <string.h> being there shows at
// once.
void rule_include_order(const SourceFile *file)
{
    if (file->kind == KIND_TABLE || path_is_under(file->path, "tests"))
        return;
    const Include *system = NULL;
    for (size_t i = 0; i < file->include_count; i++) {
        const Include *include = &file->includes[i];
        size_t size = strlen(include->path);
        bool is_table = size > 2 && strcmp(include->path + size - 2, ".h") != 0;
        if (include->is_system)
            system = include;
        else if (system != NULL && !is_table)
            tidy_error(file, include->line, "\"%s\" belongs before <%s>", include->path,
                       system->path);
    }
}
