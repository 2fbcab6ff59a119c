// Misuse of the C interface, answered as SQLite with SQLITE_ENABLE_API_ARMOR answers it.
//
//   misuse [-f] LIBRARY             print each call and its answer
//   misuse [-f] LIBRARY ANSWERS     compare them with a file of such lines
//
// answers.txt was printed by SQLite 3.53.2 with API armor. A call that crashes there may be
// answered in any way here, but for a crash. With -f the calls are those with a finalized
// statement: SQLite notices one only by what it finds in the freed memory, so finalized.txt holds
// what the armor is there for, "bad parameter or other API misuse".
//
// Not asked, because SQLite looks at no handle there and reads what is freed or was never set:
// sqlite3_load_extension() and sqlite3_set_clientdata() with a closed connection,
// sqlite3_vtab_on_conflict() outside xUpdate; sqlite3_reset(), sqlite3_finalize() and
// sqlite3_clear_bindings() of a statement by a function that it calls. sqlite3_close() of the
// target of a backup is refused as documented; SQLite closes it, and the backup with it is lost
// memory.

#include "misuse.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

void *out;
int number;

static void *library;
static FILE *answers; // expected ones, or NULL: print
static int calls, differences;
static bool only_finalized;
static int answer_pipe[2];
static char untouched; // what `out` points to at first

void *symbol(const char *name)
{
    void *function = dlsym(library, name);
    if (function == NULL) {
        fprintf(stderr, "no %s in the library\n", name);
        exit(2);
    }
    return function;
}

// --- one call ---

// An answer, then what else the call did: its out-argument and the error it left in h.db.
static void end_call(const char *answer)
{
    char line[LINE_SIZE];
    int size = snprintf(line, sizeof line, "%s", answer);
    if (out != &untouched)
        size += snprintf(line + size, sizeof line - (size_t)size, ", out %s",
                         out == NULL ? "null" : "set");
    if (number != -77)
        size += snprintf(line + size, sizeof line - (size_t)size, ", number %d", number);
    if (h.db != NULL && F(errcode)(h.db) != SQLITE_OK)
        size += snprintf(line + size, sizeof line - (size_t)size, " [%d %s]",
                         F(extended_errcode)(h.db), F(errmsg)(h.db));
    _exit(write(answer_pipe[1], line, (size_t)size) == size ? 0 : 3);
}

void end_int(long long answer)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", answer);
    end_call(text);
}

void end_double(double answer)
{
    char text[64];
    snprintf(text, sizeof text, "%g", answer);
    end_call(text);
}

void end_text(const void *answer)
{
    end_call(answer != NULL ? answer : "null");
}

void end_text16(const void *answer)
{
    char text[256];
    const unsigned short *units = answer;
    size_t i = 0;
    while (answer != NULL && units[i] != 0 && i < sizeof text - 1) {
        text[i] = (char)units[i];
        i++;
    }
    text[i] = '\0';
    end_call(answer != NULL ? text : "null");
}

void end_pointer(const void *answer)
{
    end_call(answer != NULL ? "not null" : "null");
}

void end_void(void)
{
    end_call("returned");
}

static void read_answer(pid_t child, char *answer, size_t answer_size)
{
    size_t size = 0;
    ssize_t got;
    close(answer_pipe[1]);
    while ((got = read(answer_pipe[0], answer + size, answer_size - 1 - size)) > 0)
        size += (size_t)got;
    answer[size] = '\0';
    close(answer_pipe[0]);
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
        snprintf(answer, answer_size, "crash");
}

static void compare(const char *line)
{
    char expected[LINE_SIZE];
    if (fgets(expected, sizeof expected, answers) == NULL)
        snprintf(expected, sizeof expected, "(no more answers)");
    expected[strcspn(expected, "\n")] = '\0';
    size_t size = strlen(expected);
    bool crashed_there = size > 8 && strcmp(expected + size - 8, "-> crash") == 0;
    bool is_right = crashed_there ? strncmp(line, expected, size - 5) == 0
                                        && strcmp(line + size - 5, "crash") != 0
                                  : strcmp(line, expected) == 0;
    if (!is_right) {
        printf("here:   %s\nSQLite: %s\n", line, expected);
        differences++;
    }
}

bool begin_call(const char *state, const char *call)
{
    char answer[LINE_SIZE], line[2 * LINE_SIZE];
    fflush(stdout);
    if (pipe(answer_pipe) != 0)
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        close(answer_pipe[0]);
        alarm(20); // a call that waits for itself
        out = &untouched;
        number = -77;
        return true;
    }
    read_answer(child, answer, sizeof answer);
    calls++;
    snprintf(line, sizeof line, "%s: %s -> %s", state, call, answer);
    if (answers != NULL)
        compare(line);
    else
        puts(line);
    return false;
}

// --- the library, on memory that is never used twice ---

static void *never_freed(int size)
{
    size_t *block = malloc((size_t)size + 16);
    if (block == NULL)
        return NULL;
    block[0] = (size_t)size;
    return block + 2;
}

static void keep(void *block)
{
    (void)block;
}

static int size_of(void *block)
{
    return block != NULL ? (int)((size_t *)block)[-2] : 0;
}

static void *copy(void *block, int size)
{
    void *moved = never_freed(size);
    if (moved != NULL && block != NULL)
        memcpy(moved, block, (size_t)(size_of(block) < size ? size_of(block) : size));
    return moved;
}

static int round_up(int size)
{
    return (size + 7) & ~7;
}

static int start(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void library_load(const char *path)
{
    static sqlite3_mem_methods methods = {never_freed, keep,  copy, size_of,
                                          round_up,    start, keep, NULL};
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    if (F(config)(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK
        || F(config)(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        exit(2);
}

static void calls_with_any_statement(const char *state, sqlite3_stmt *stmt)
{
    calls_with_statement(state, stmt);
    calls_that_bind(state, stmt);
    calls_with_columns(state, stmt);
}

static void make_calls(void)
{
    calls_in_thread_modes();
    handles_make();
    struct {
        const char *state;
        sqlite3 *db;
    } connections[] = {{"no connection", NULL},
                       {"closed connection", h.closed},
                       {"unopened connection", h.sick},
                       {"zombie connection", h.zombie}};
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        calls_with_connection(connections[i].state, connections[i].db);
        calls_that_configure(connections[i].state, connections[i].db);
        calls_that_register(connections[i].state, connections[i].db);
    }
    struct {
        const char *state;
        sqlite3_stmt *stmt;
    } statements[] = {{"no statement", NULL},
                      {"fresh statement", h.fresh},
                      {"statement on a row", h.row},
                      {"statement at its end", h.done},
                      {"failed statement", h.broken},
                      {"legacy statement", h.legacy},
                      {"zombie's statement", h.zombie_row}};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        calls_with_any_statement(statements[i].state, statements[i].stmt);
    calls_with_wrong_arguments();
    calls_in_wrong_states();
    calls_without_object();
    calls_in_callbacks();
}

static int usage(void)
{
    fprintf(stderr, "usage: misuse [-f] LIBRARY [ANSWERS]\n");
    return 2;
}

int main(int argc, char **argv)
{
    only_finalized = argc > 1 && strcmp(argv[1], "-f") == 0;
    argv += only_finalized;
    argc -= only_finalized;
    if (argc < 2 || argc > 3)
        return usage();
    if (argc == 3 && (answers = fopen(argv[2], "r")) == NULL)
        return usage();
    library_load(argv[1]);
    if (only_finalized) {
        handles_make();
        calls_with_any_statement("finalized statement", h.finalized);
    } else {
        make_calls();
    }
    if (answers == NULL)
        return 0;
    char line[LINE_SIZE];
    while (fgets(line, sizeof line, answers) != NULL)
        differences++;
    fclose(answers);
    printf("%d calls, %d answered otherwise than by SQLite\n", calls, differences);
    return differences > 0;
}
