#ifndef QUIRE_SHELL_SHELL_H
#define QUIRE_SHELL_SHELL_H
// The `quire` command: reads SQL and dot-commands, prints rows.
//
// Everything goes through the public interface, so that the shell is also its first user. What it
// prints when it is not spoken to by a person is, byte for byte, what SQLite's shell prints
// (tests/interop/shell compares the two).
//
// Laws
//   S1  The settings live in one Shell; a command changes them and nothing else remembers them.
//   S2  Output goes to shell->out; errors go to stderr after what was printed before them.
//   S3  A command returns 0, or 1 after it has told of an error.
//   S4  Names that come from a database are quoted where they become SQL (%w, %Q), values bound.
//   S5  Under -safe nothing outside the database is reached: dot.c's table says which commands
//       could.
//
// Memory that runs out ends the program with a message: there is nothing useful left to do.
//
// From a line to rows: shell_read (repl.c) gathers a statement; shell_run_sql (run.c) compiles it,
// shows its plan and steps it; render_statement (render.c) prints by mode. A line that begins with
// a point goes to dot_command (dot.c) instead.

#include "shell/shell_assert.h"
#include "sqlite3.h"
#include <stdbool.h>
#include <stdio.h>

// In this order a beginning of a name finds one: "t" is table, "ta" too, "tab" too, "tabs" tabs.
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
    MODE_TCL,
    MODE_EXPLAIN, // of EXPLAIN, chosen by itself
    MODE_COUNT,
} Mode;

typedef enum Eqp { EQP_OFF, EQP_ON, EQP_TRIGGER, EQP_FULL } Eqp;
typedef enum ExplainFormat { EXPLAIN_OFF, EXPLAIN_ON, EXPLAIN_AUTO } ExplainFormat;
typedef enum Stats { STATS_OFF, STATS_ON, STATS_STATEMENT, STATS_STEPS } Stats;

// How modes in columns lay out long and odd values.
typedef struct GridOptions {
    int wrap; // columns at most, 0: no limit
    bool by_words;
    bool quotes; // values as SQL literals
} GridOptions;

enum { WIDTHS_MAX = 100, SEPARATOR_MAX = 20, CONNECTIONS_MAX = 5 };

// Made by main(), one for the program. Strings that are `char *` are owned, from sqlite3_malloc;
// arrays are cut at their size, as in SQLite's shell.
typedef struct Shell {
    sqlite3 *db;
    char *path;     // of the open database, owned; NULL: none was named, it is in memory
    int open_flags; // SQLITE_OPEN_*
    struct {
        sqlite3 *db;
        char *path;
    } connections[CONNECTIONS_MAX]; // .connection: those not in use
    int connection;                 // which of them `db` is

    FILE *in;  // what is being read; NULL for text from the command line
    long line; // of the input, for messages
    FILE *out;
    char *out_name; // of .output; NULL: stdout
    bool out_is_pipe;
    int once; // 2: .once was given, 1: its command runs
    bool is_interactive;
    char prompt[64], prompt_more[64];

    bool bail; // stop at the first error
    bool echo;
    bool headers, headers_set; // set by the user: modes do not change them any more
    bool timer, changes, scan_status;
    bool expert_is_verbose;
    bool is_expert; // .expert: advise on the next statement instead of running it
    bool is_safe;   // -safe: nothing outside the database
    Eqp eqp;
    ExplainFormat explain;
    Stats stats;
    Mode mode;
    GridOptions grid;
    int widths[WIDTHS_MAX]; // .width; negative: to the right
    int width_count;
    char separator[SEPARATOR_MAX], row_separator[SEPARATOR_MAX];
    char null_value[SEPARATOR_MAX];
    char *insert_table; // as it is written, quoted if need be; owned

    FILE *trace;
    bool trace_expands;
    unsigned trace_events;
    FILE *log;
    struct {
        unsigned every, limit, count;
        bool quiet, once, resets;
    } progress;

    bool stop; // .quit
    int exit_code;
    int error_count;
} Shell;

// --- shell_main.c ---

// Never NULL: prints a message and ends the program when memory runs out.
void *shell_alloc(sqlite3_uint64 size);
void *shell_realloc(void *block, sqlite3_uint64 size);
char *shell_printf(const char *fmt, ...); // sqlite3_mprintf's formats; sqlite3_free()

// --- run.c ---

// Opens the database if that has not happened yet. False: the error has been printed.
bool shell_open(Shell *shell);
// Statements that others hold keep the connection alive (sqlite3_close_v2).
void shell_close(Shell *shell);
// Runs text of any number of statements. False after an error, which has been printed.
bool shell_run_sql(Shell *shell, const char *sql);
// Counts in error_count, which decides the exit status of a script and whether -bail ends it.
void shell_error(Shell *shell, const char *fmt, ...); // a line on stderr
// Prepares; an error is printed as "Error: …" and gives NULL.
sqlite3_stmt *shell_prepare(Shell *shell, const char *fmt, ...);
// The first column of the first row as an integer; -1 when there is none.
long long shell_ask_integer(Shell *shell, const char *fmt, ...);
// sqlite3_progress_handler()'s; 1 at .progress --limit, which interrupts the statement.
int shell_progress(void *shell); // the progress handler
// From temp.sqlite_parameters, if there is one; ?N without a name by its number. What is not there
// stays NULL.
void shell_bind_parameters(Shell *shell, sqlite3_stmt *stmt);

// --- repl.c ---

// May be called for a file while another is read (.read): place and line number come back. Ends
// early at .quit, and under -bail at an error.
void shell_read(Shell *shell, FILE *in); // SQL and dot-commands up to the end
// Takes Ctrl-C over in any case: it interrupts the statement; the third time, when
// that did not help, it ends the program.
void repl_start(Shell *shell); // line editing, history, Ctrl-C
void repl_finish(Shell *shell);

// --- dot.c ---

enum { DOT_ARGS_MAX = 52 };

// One dot-command as it was typed: args[0] is its name, the words lie in the line, cut up.
typedef struct DotCall {
    Shell *shell;
    int count; // arguments, the command's name included
    char *args[DOT_ARGS_MAX];
} DotCall;

// A command checks its own arguments: whether it got too few is for dot_usage() to say.
typedef int DotCommand(DotCall *call);

// Runs a line that begins with "."; returns 0, or 1 after an error. Commands may be shortened as
// long as the table of dot.c allows; the line is cut up. `line` is the user's or a script's.
int dot_command(Shell *shell, char *line);
int dot_usage(const char *text); // "Usage: …" on stderr; 1
// on, yes, off, no, or a number; anything else is false and is told of, but is no error.
bool dot_boolean(const char *text);
long long dot_integer(const char *text); // with suffixes KB, MiB, …
// The option behind one or two dashes; NULL when `arg` does not begin with one.
const char *dot_option(const char *arg);
// Bytes beyond ASCII as octal (print_c_text).
void dot_escape(FILE *out, const char *text); // as a C string in double quotes

// --- dot_help.c ---

// Prints the help of commands that match (NULL: of all, a line each); returns how many.
int help_print(FILE *out, const char *pattern);

DotCommand dot_backup, dot_clone, dot_connection, dot_import, dot_once, dot_open, dot_output,
    dot_excel, dot_read, dot_restore, dot_save; // dot_file.c
DotCommand dot_databases, dot_dbinfo, dot_fullschema, dot_indexes, dot_schema, dot_tables,
    dot_vfsinfo, dot_vfslist, dot_vfsname; // dot_schema.c
DotCommand dot_auth, dot_bail, dot_binary, dot_changes, dot_dbconfig, dot_echo, dot_eqp,
    dot_explain, dot_headers, dot_limit, dot_log, dot_mode, dot_nullvalue, dot_progress, dot_prompt,
    dot_scanstats, dot_separator, dot_show, dot_stats, dot_timeout, dot_timer, dot_trace,
    dot_width; // dot_setting.c
DotCommand dot_cd, dot_exit, dot_filectrl, dot_lint, dot_load, dot_parameter, dot_print, dot_quit,
    dot_sha3sum, dot_shell; // dot_tool.c
DotCommand dot_dump;        // dump.c
DotCommand dot_recover;     // recover_text.c
DotCommand dot_expert;      // expert.c
DotCommand dot_embed;       // dot_embed.c

// --- expert.c ---

// Prints which indexes would serve the statement. False after an error. Nothing is changed:
// candidates are tried on a copy of the schema.
bool expert_run(Shell *shell, const char *sql);

// --- dot_setting.c ---

// Figures of the process come first, then the connection's, then the statement's.
void stats_print(Shell *shell, sqlite3_stmt *stmt); // stmt NULL: of the connection only
// A callback of sqlite3_trace_v2() for all events of .trace.
int trace_event(unsigned event, void *shell, void *subject, void *detail);

// --- dot_file.c ---

// Back to where output went before .once or .output. Closes what was written to: a pipe's program
// is waited for.
void output_reset(Shell *shell);
// .import FILE TABLE with its options; the table is made if it is missing.
int import_file(DotCall *call); // import.c

// --- literal.c: values as text ---

void print_sql_text(FILE *out, const char *text);         // 'it''s'
void print_sql_text_escaped(FILE *out, const char *text); // newlines by replace()
// escapes_newlines: print_sql_text_escaped() for texts.
void print_sql_literal(FILE *out, sqlite3_stmt *stmt, int column, bool escapes_newlines);
// Owned by the caller.
char *sql_literal(sqlite3_stmt *stmt, int column); // sqlite3_free()
void print_c_text(FILE *out, const char *text);
// The separator matters for quoting only: it is not printed.
void print_csv_field(FILE *out, const char *text, const char *separator);
void print_html_text(FILE *out, const char *text);
void print_json_text(FILE *out, const char *text, int size);
void print_json_value(FILE *out, sqlite3_stmt *stmt, int column);
// True: the name cannot stand in SQL without quotes.
bool name_needs_quotes(const char *name);

// --- render.c, render_grid.c, render_plan.c ---

const char *mode_name(Mode mode);
// False: no mode's name begins so. MODE_EXPLAIN is never found.
bool mode_find(const char *name, Mode *out);
bool mode_is_grid(Mode mode);
void mode_set(Shell *shell, Mode mode); // with its separators and headers
// Steps the statement to its end and prints its rows; returns its final result code.
int render_statement(Shell *shell, sqlite3_stmt *stmt);
// Reads all rows before it prints the first, to know how wide the columns must be: memory grows
// with the result.
int render_grid(Shell *shell, sqlite3_stmt *stmt);
int render_plan(Shell *shell, sqlite3_stmt *stmt);    // of EXPLAIN QUERY PLAN, as a tree
int render_program(Shell *shell, sqlite3_stmt *stmt); // of EXPLAIN

// --- sha3.c ---

// FIPS 202: a sponge of 1600 bits. Begun by sha3_init(), used up by sha3_finish().
typedef struct Sha3 {
    unsigned long long lanes[25];
    unsigned rate, at; // bytes per block, bytes of the block taken
    int bits;
} Sha3;

bool sha3_has(int bits);              // is it 224, 256, 384 or 512?
void sha3_init(Sha3 *hash, int bits); // one of them
void sha3_add(Sha3 *hash, const void *bytes, size_t size);
void sha3_finish(Sha3 *hash, unsigned char *digest); // bits / 8 bytes

#endif
