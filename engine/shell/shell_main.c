// Command line, reading of input, running of SQL.

#include "quire.h"
#include "shell/shell.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void shell_error(Shell *shell, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = sqlite3_vmprintf(fmt, args);
    va_end(args);
    fflush(shell->out);
    fprintf(stderr, "%s\n", text != NULL ? text : "out of memory");
    sqlite3_free(text);
    shell->error_count++;
}

bool shell_open(Shell *shell)
{
    if (shell->db != NULL)
        return true;
    int rc = sqlite3_open_v2(shell->path, &shell->db, shell->open_flags, NULL);
    if (rc == SQLITE_OK)
        return true;
    shell_error(shell, "Error: unable to open database \"%s\": %s", shell->path,
                sqlite3_errmsg(shell->db));
    sqlite3_close(shell->db);
    shell->db = NULL;
    return false;
}

// --- running SQL ---

// As the stock shell words it; a caret points at the place when the error has one.
static void report_error(Shell *shell, const char *when, const char *sql)
{
    int rc = sqlite3_errcode(shell->db);
    int offset = sqlite3_error_offset(shell->db);
    const char *message = sqlite3_errmsg(shell->db);
    bool at_prepare = strcmp(when, "prepare") == 0;
    char code[32] = "";
    if (!at_prepare)
        snprintf(code, sizeof code, " (%d)", rc);
    if (shell->in != NULL && !shell->is_interactive)
        shell_error(shell, "%s near line %ld: %s%s", at_prepare ? "Parse error" : "Runtime error",
                    shell->line, message, code);
    else
        shell_error(shell, "%s: %s%s", at_prepare ? "Parse error" : "Runtime error", message, code);
    if (offset < 0 || offset > (int)strlen(sql))
        return;
    int from = offset > 25 ? offset - 25 : 0;
    fprintf(stderr, "  %.*s\n", (int)strcspn(sql + from, "\n"), sql + from);
    fprintf(stderr, "  %*s^--- error here\n", offset - from, "");
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool run_statement(Shell *shell, sqlite3_stmt *stmt, const char *sql)
{
    double started = now_seconds();
    int rc = render_statement(shell, stmt);
    bool ok = rc == SQLITE_DONE;
    if (!ok)
        report_error(shell, "step", sql);
    fflush(shell->out);
    if (shell->timer)
        fprintf(shell->out, "Run Time: real %.6f\n", now_seconds() - started);
    sqlite3_finalize(stmt);
    if (ok && shell->changes)
        fprintf(shell->out, "changes: %lld   total_changes: %lld\n",
                (long long)sqlite3_changes64(shell->db),
                (long long)sqlite3_total_changes64(shell->db));
    return ok;
}

void shell_run_sql(Shell *shell, const char *sql)
{
    if (!shell_open(shell))
        return;
    while (*sql != '\0') {
        sqlite3_stmt *stmt = NULL;
        const char *tail = sql;
        if (sqlite3_prepare_v2(shell->db, sql, -1, &stmt, &tail) != SQLITE_OK) {
            report_error(shell, "prepare", sql);
            return; // the rest of this text cannot be trusted
        }
        if (stmt != NULL && !run_statement(shell, stmt, sql))
            return;
        sql = tail;
    }
}

// --- reading ---

typedef struct Pending {
    char *text;
    size_t size, capacity;
} Pending;

static bool pending_add(Pending *pending, const char *line)
{
    size_t size = strlen(line);
    if (pending->size + size + 1 > pending->capacity) {
        size_t capacity = (pending->size + size + 1) * 2;
        char *grown = sqlite3_realloc64(pending->text, capacity);
        if (grown == NULL)
            return false;
        pending->text = grown;
        pending->capacity = capacity;
    }
    memcpy(pending->text + pending->size, line, size + 1);
    pending->size += size;
    return true;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n;")] == '\0';
}

static void prompt(const Shell *shell, bool continues)
{
    if (!shell->is_interactive)
        return;
    fputs(continues ? "   ...> " : "quire> ", shell->out);
    fflush(shell->out);
}

static void read_line(Shell *shell, Pending *pending, char *line, long *first_line)
{
    if (pending->size == 0 && line[0] == '.') {
        if (shell->echo)
            fputs(line, shell->out);
        line[strcspn(line, "\r\n")] = '\0';
        dot_command(shell, line);
        return;
    }
    if (pending->size == 0 && is_blank(line))
        return;
    if (pending->size == 0)
        *first_line = shell->line;
    if (!pending_add(pending, line)) {
        shell_error(shell, "Error: out of memory");
        shell->stop = true;
        return;
    }
    if (strchr(line, ';') == NULL || !sqlite3_complete(pending->text))
        return;
    long here = shell->line;
    shell->line = *first_line;
    if (shell->echo)
        fputs(pending->text, shell->out);
    shell_run_sql(shell, pending->text);
    shell->line = here;
    pending->size = 0;
}

void shell_read(Shell *shell, FILE *in)
{
    FILE *former = shell->in;
    long former_line = shell->line;
    Pending pending = {0};
    char *line = NULL; // libc:
    size_t capacity = 0;
    long first_line = 1;
    shell->in = in;
    shell->line = 0;
    for (;;) {
        prompt(shell, pending.size > 0);
        if (shell->stop || (shell->bail && shell->error_count > 0)
            || getline(&line, &capacity, in) < 0)
            break;
        shell->line++;
        read_line(shell, &pending, line, &first_line);
    }
    bool go_on = !shell->stop && !(shell->bail && shell->error_count > 0);
    if (go_on && pending.size > 0 && !is_blank(pending.text)) {
        shell->line = first_line;
        shell_run_sql(shell, pending.text);
    }
    sqlite3_free(pending.text);
    free(line); // libc: getline's
    shell->in = former;
    shell->line = former_line;
}

// --- command line ---

static const char usage[] =
    "Usage: quire [OPTIONS] [FILENAME [SQL...]]\n"
    "FILENAME is a database; a new one is created when it does not exist. Without it: in memory.\n"
    "OPTIONS:\n"
    "   -batch               no prompts\n"
    "   -bail                stop at the first error\n"
    "   -cmd COMMAND         run COMMAND before reading standard input\n"
    "   -echo                print commands before running them\n"
    "   -[no]header          column names on or off\n"
    "   -ascii -box -column -csv -html -json -line -list -markdown -quote -table -tabs\n"
    "                        output mode\n"
    "   -interactive         prompts even when input is not a terminal\n"
    "   -nullvalue TEXT      what NULL is shown as\n"
    "   -readonly            open the database read-only\n"
    "   -separator SEP       between columns in list mode\n"
    "   -version             show the version\n"
    "   -help                show this\n";

static void set_text(char *target, size_t size, const char *text)
{
    snprintf(target, size, "%s", text);
}

// Handles option argv[i]; returns how many arguments it took, 0 when it is unknown, -1 to leave.
static int take_option(Shell *shell, int argc, char **argv, int i, const char **command)
{
    const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1);
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    Mode mode;
    if (strcmp(name, "help") == 0 || strcmp(name, "version") == 0) {
        if (name[0] == 'h')
            fputs(usage, stdout);
        else
            printf("%s (quire %s)\n", sqlite3_libversion(), quire_version());
        return -1;
    }
    if (strcmp(name, "batch") == 0)
        shell->is_interactive = false;
    else if (strcmp(name, "interactive") == 0)
        shell->is_interactive = true;
    else if (strcmp(name, "bail") == 0)
        shell->bail = true;
    else if (strcmp(name, "echo") == 0)
        shell->echo = true;
    else if (strcmp(name, "readonly") == 0)
        shell->open_flags = SQLITE_OPEN_READONLY;
    else if (strcmp(name, "header") == 0 || strcmp(name, "noheader") == 0) {
        shell->headers = name[0] == 'h';
        shell->headers_set = true;
    } else if (strcmp(name, "cmd") == 0 && value != NULL) {
        *command = value;
        return 2;
    } else if (strcmp(name, "separator") == 0 && value != NULL) {
        set_text(shell->separator, sizeof shell->separator, value);
        return 2;
    } else if (strcmp(name, "nullvalue") == 0 && value != NULL) {
        set_text(shell->null_value, sizeof shell->null_value, value);
        return 2;
    } else if (mode_find(name, &mode) && strcmp(mode_name(mode), name) == 0) {
        mode_set(shell, mode);
    } else {
        return 0;
    }
    return 1;
}

static void run_text(Shell *shell, const char *text)
{
    if (text[0] != '.') {
        shell_run_sql(shell, text);
        return;
    }
    char *line = sqlite3_mprintf("%s", text);
    if (line != NULL)
        dot_command(shell, line);
    sqlite3_free(line);
}

static int run_input(Shell *shell, int argc, char **argv, int next)
{
    bool ran = false;
    for (; next < argc && !shell->stop; next++) {
        run_text(shell, argv[next]);
        ran = true;
        if (shell->error_count > 0)
            break;
    }
    if (ran)
        return shell->error_count > 0;
    if (shell->is_interactive)
        fprintf(shell->out, "quire %s (SQLite %s)\nEnter \".help\" for usage hints.\n",
                quire_version(), sqlite3_libversion());
    shell_read(shell, stdin);
    return shell->error_count > 0;
}

int main(int argc, char **argv)
{
    Shell shell = {
        .path = ":memory:",
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
        .out = stdout,
        .is_interactive = isatty(STDIN_FILENO) != 0,
    };
    mode_set(&shell, MODE_LIST);
    const char *command = NULL;
    int next = 1;
    bool has_path = false;
    while (next < argc && (argv[next][0] == '-' || !has_path)) {
        if (argv[next][0] != '-') {
            shell.path = argv[next++];
            has_path = true;
            continue;
        }
        int taken = take_option(&shell, argc, argv, next, &command);
        if (taken < 0)
            return 0;
        if (taken == 0) {
            fprintf(stderr, "Error: unknown option: \"%s\"\nUse -help for a list of options.\n",
                    argv[next]);
            return 1;
        }
        next += taken;
    }
    if (command != NULL)
        run_text(&shell, command);
    int status = run_input(&shell, argc, argv, next);
    sqlite3_close_v2(shell.db);
    return status;
}
