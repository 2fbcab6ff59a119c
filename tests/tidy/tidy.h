#ifndef QUIRE_TESTS_TIDY_TIDY_H
#define QUIRE_TESTS_TIDY_TIDY_H
// Checks the sources of quire against the laws of the house: layers, shape, banned calls, naming.
//
// A rule reads SourceFiles and calls tidy_error() for what breaks a law and tidy_note() for what a
// reviewer should look at. Rules know nothing of each other. The program fails if there was an
// error.
//
// A file is kept in four texts of equal length, so that an offset means the same in all of them:
//   text   as read
//   code   comments and literals are blanked
//   prose  only the text of comments
//   quoted as code, but literals are there: what the compiler sees

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    KIND_C,      // .c
    KIND_HEADER, // .h
    KIND_TABLE,  // .def and .inc: X-macro tables
    KIND_OTHER,  // assembler, shell, CMake
} FileKind;

typedef struct {
    const char *name; // with its extent, not ended by a zero
    int name_size;
    size_t header_line; // where its declaration starts
    size_t open_line;   // of the opening brace
    size_t close_line;
    int parameter_count;
    int nesting; // deepest brace level inside
} Function;

typedef struct {
    char path[256]; // as written between the quotes
    size_t line;
    bool is_system; // <...>
    int target;     // index of the file it names, -1 if none of ours
} Include;

typedef struct {
    char *path; // from the top of the tree
    FileKind kind;
    bool is_generated; // says so in its first line, or is named as a table
    char *text;
    char *code;
    char *prose;
    char *quoted;
    size_t size;
    size_t *line_start; // line_count + 1 offsets
    size_t line_count;
    Function *functions;
    size_t function_count;
    Include *includes;
    size_t include_count;
} SourceFile;

typedef struct {
    SourceFile *files;
    size_t count;
} SourceTree;

// --- reading ---

// Reads every source below `top`. Exits with a message if that cannot be done.
void tree_read(SourceTree *tree, const char *top);
void tree_free(SourceTree *tree);
// Makes a file from a text, for tests of the rules.
void source_init(SourceFile *file, const char *path, const char *text);
// Reads one file. False if that cannot be done.
bool source_read(SourceFile *file, const char *path);
void source_deinit(SourceFile *file);
// Links every include to the file it names.
void tree_resolve_includes(SourceTree *tree);

// Fills file->functions. A part of source_init().
void source_find_functions(SourceFile *file);

// --- asking ---

enum { COLUMNS_MAX = 100 };

bool path_is_under(const char *path, const char *folder);
// The folder that a layer law speaks of: "base" for engine/base/..., "vector" for vector/...
void path_layer(const char *path, char *layer, size_t layer_size);
const char *path_name(const char *path); // the last component
size_t source_line_at(const SourceFile *file, size_t offset);
// Is there a comment with `mark` (such as "long:") on one of these lines, both included?
bool source_is_marked(const SourceFile *file, const char *mark, size_t first, size_t last);
// Does `word` stand alone at `offset` of `text`?
bool is_word_at(const char *text, size_t offset, const char *word);
size_t line_length(const SourceFile *file, size_t line); // in bytes, without the newline

// --- telling ---

__attribute__((format(printf, 3, 4))) void tidy_error(const SourceFile *file, size_t line,
                                                      const char *format, ...);
__attribute__((format(printf, 3, 4))) void tidy_note(const SourceFile *file, size_t line,
                                                     const char *format, ...);
void tidy_wide(const SourceFile *file, size_t line, size_t columns); // an error, counted apart
int tidy_error_count(void);
int tidy_wide_count(void);
void tidy_reset(bool is_quiet); // forgets what was counted; a quiet one prints nothing

// --- rules ---

void rule_layers(const SourceTree *tree);
void rule_include_cycles(const SourceTree *tree);
void rule_dead_headers(const SourceTree *tree);
void rule_include_order(const SourceFile *file);
void rule_unique_names(const SourceTree *tree);
void rule_mirrored_tests(const SourceTree *tree);
void rule_file_length(const SourceFile *file);
void rule_lines(const SourceFile *file);
void rule_marks(const SourceFile *file);
void rule_banned_calls(const SourceFile *file);
void rule_include_guard(const SourceFile *file);
void rule_conditionals(const SourceFile *file);
void rule_functions(const SourceFile *file);
void rule_long_share(const SourceTree *tree);

// Writes the file back to `full_path` with its wide comments rewrapped. 0 if that worked.
int source_wrap(const SourceFile *file, const char *full_path);

// Prints size, comment density, assertions and function lengths folder by folder.
void tree_print_metrics(const SourceTree *tree);

#endif
