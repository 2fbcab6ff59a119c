// exports_check names NM LIBRARY...          every exported symbol is sqlite3* or quire_*
// exports_check declared LIBRARY HEADER...   every SQLITE_API declaration is exported
//
// The second reads the headers as text: each declaration starts with SQLITE_API, and its name is
// the word before the first parenthesis, or before the bracket or semicolon of a variable. What
// stands under #ifdef _WIN32 or #ifndef NDEBUG is not expected in the library.
#include <ctype.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- names ---

static bool is_ours(const char *name)
{
    return strncmp(name, "sqlite3", 7) == 0 || strncmp(name, "quire_", 6) == 0;
}

// A line of `nm -D --defined-only`: address, letter, name.
static bool check_symbol(const char *line, const char *library)
{
    char letter;
    char name[512];
    if (sscanf(line, "%*s %c %511s", &letter, name) != 2 || is_ours(name) || letter == 'A')
        return true;
    printf("%s exports %s\n", library, name);
    return false;
}

static int check_names(const char *nm, const char *library)
{
    char command[4096];
    char line[1024];
    int failures = 0;
    int symbols = 0;
    snprintf(command, sizeof command, "'%s' -D --defined-only '%s'", nm, library);
    FILE *in = popen(command, "r");
    if (in == NULL)
        return 1;
    while (fgets(line, sizeof line, in) != NULL) {
        failures += !check_symbol(line, library);
        symbols++;
    }
    if (pclose(in) != 0 || symbols == 0) {
        printf("no symbols in %s\n", library);
        failures++;
    }
    return failures;
}

// --- declarations ---

static char *read_text(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return NULL;
    fseek(in, 0, SEEK_END);
    long size = ftell(in);
    rewind(in);
    char *text = calloc(1, (size_t)size + 1);
    if (text != NULL && fread(text, 1, (size_t)size, in) != (size_t)size)
        text[0] = 0;
    fclose(in);
    return text;
}

// Overwrites with blanks from each `opening` to the end of its conditional.
static void blank_conditional(char *text, const char *opening)
{
    for (char *at = text; (at = strstr(at, opening)) != NULL;) {
        char *end = strstr(at, "#endif");
        if (end == NULL)
            return;
        memset(at, ' ', (size_t)(end - at));
        at = end;
    }
}

static void blank_comments(char *text)
{
    for (char *at = text; (at = strstr(at, "/*")) != NULL;) {
        char *end = strstr(at + 2, "*/");
        if (end == NULL)
            return;
        memset(at, ' ', (size_t)(end + 2 - at));
    }
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// The word that ends before `end`.
static void word_before(const char *first, const char *end, char *word, size_t word_size)
{
    while (end > first && !is_name_char(end[-1]))
        end--;
    const char *start = end;
    while (start > first && is_name_char(start[-1]))
        start--;
    snprintf(word, word_size, "%.*s", (int)(end - start), start);
}

static int check_header(void *library, const char *path, int *checked)
{
    int failures = 0;
    char *text = read_text(path);
    if (text == NULL)
        return 1;
    blank_comments(text);
    blank_conditional(text, "#ifdef _WIN32");
    blank_conditional(text, "#ifndef NDEBUG");
    for (char *at = text; (at = strstr(at, "\nSQLITE_API ")) != NULL;) {
        char name[256];
        at += strlen("\nSQLITE_API ");
        word_before(at, at + strcspn(at, "([;"), name, sizeof name);
        (*checked)++;
        if (dlsym(library, name) == NULL) {
            printf("%s is declared but not exported\n", name);
            failures++;
        }
    }
    free(text);
    return failures;
}

static int check_declared(const char *path, int count, char **headers)
{
    int failures = 0;
    int checked = 0;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    for (int i = 0; i < count; i++)
        failures += check_header(library, headers[i], &checked);
    printf("%d of %d declared names are exported\n", checked - failures, checked);
    dlclose(library);
    return failures + (checked == 0);
}

int main(int argc, char **argv)
{
    int failures = 0;
    if (argc >= 4 && strcmp(argv[1], "names") == 0) {
        for (int i = 3; i < argc; i++)
            failures += check_names(argv[2], argv[i]);
        return failures != 0;
    }
    if (argc >= 4 && strcmp(argv[1], "declared") == 0)
        return check_declared(argv[2], argc - 3, argv + 3) != 0;
    fprintf(stderr, "usage: exports_check names NM LIBRARY... | declared LIBRARY HEADER...\n");
    return 2;
}
