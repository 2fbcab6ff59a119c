#ifndef QUIRE_SHELL_SHELL_H
#define QUIRE_SHELL_SHELL_H
// The `quire` command: reads SQL and dot-commands, prints rows.
//
// Everything goes through the public interface, so that the shell is also its first user.

#include "sqlite3.h"
#include <stdbool.h>
#include <stdio.h>

typedef enum Mode {
    MODE_LIST,
    MODE_COLUMN,
    MODE_JSON,
    MODE_CSV,
    MODE_LINE,
    MODE_BOX,
    MODE_TABLE,
    MODE_MARKDOWN,
    MODE_QUOTE,
    MODE_INSERT,
    MODE_HTML,
    MODE_TABS,
    MODE_ASCII,
    MODE_COUNT,
} Mode;

typedef struct Shell {
    sqlite3 *db;
    const char *path; // of the open database
    int open_flags;   // SQLITE_OPEN_*
    FILE *out;
    FILE *in; // what is being read; NULL for text from the command line
    bool is_interactive;
    bool bail; // stop at the first error
    bool echo;
    bool headers;
    bool headers_set; // by the user: modes do not change it any more
    bool timer;
    bool changes;
    bool explain_plan; // .eqp
    bool stop;         // .quit
    Mode mode;
    char separator[16];
    char row_separator[16];
    char null_value[64];
    char insert_table[128];
    int error_count;
    long line; // of the input, for messages
} Shell;

// --- shell_main.c, repl.c ---

// Opens the database if that has not happened yet. False: the error has been printed.
bool shell_open(Shell *shell);
// Runs text of any number of statements. `line` is where it began.
void shell_run_sql(Shell *shell, const char *sql);
void shell_read(Shell *shell, FILE *in); // SQL and dot-commands up to the end
void shell_error(Shell *shell, const char *fmt, ...);

// --- dot.c ---

// Runs a line that begins with "."; returns 0, or 1 after an error.
int dot_command(Shell *shell, char *line);

// --- render.c ---

const char *mode_name(Mode mode);
bool mode_find(const char *name, Mode *out);
void mode_set(Shell *shell, Mode mode); // with its separators and headers
// Steps the statement to its end and prints its rows; returns its final result code.
int render_statement(Shell *shell, sqlite3_stmt *stmt);

// --- dump.c ---

// Tables whose names match the LIKE pattern.
int dump_database(Shell *shell, const char *pattern);

// --- import.c ---

int import_file(Shell *shell, const char *path, const char *table);

#endif
