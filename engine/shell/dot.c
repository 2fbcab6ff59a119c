// Dot-commands: splitting a line into words, finding the command.
//
//    .command word 'word with blanks' "word with \n escapes"
//
// A command may be shortened as long as SQLite's shell would understand it, which its row of the
// table says; the first row that fits is taken, so that the order of the table counts.

#include "shell/shell.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// --- words ---

// One character of a "string": *text stands behind the backslash and moves behind what it takes.
// Octal digits up to three; anything that is no escape stands for itself.
static char take_escape(char **text)
{
    ASSERT(**text != 0);

    static const char names[] = "abtnvfr\"'\\";
    static const char values[] = "\a\b\t\n\v\f\r\"'\\";
    char c = *(*text)++;
    const char *at = c == 0 ? NULL : strchr(names, c);
    if (at != NULL)
        return values[at - names];
    if (c < '0' || c > '7')
        return c;
    int value = c - '0';
    for (int i = 0; i < 2 && **text >= '0' && **text <= '7'; i++)
        value = value * 8 + *(*text)++ - '0';
    return (char)value;
}

// Ends the word at `text` and returns what follows it.
static char *take_quoted(char *text)
{
    ASSERT(*text == '\'' || *text == '"');

    char quote = *text++;
    char *out = text;
    while (*text != 0 && *text != quote) {
        if (quote == '"' && *text == '\\' && text[1] != 0) {
            text++;
            *out++ = take_escape(&text);
        } else {
            *out++ = *text++;
        }
    }
    // A quote that is not closed ends with the line.
    char *rest = *text == quote ? text + 1 : text;
    *out = 0;
    return rest;
}

// Splits at blanks; 'x' and "x" keep them, with C escapes inside "x", which also count outside.
// Words stay where they are in the line, which is cut up for them. What is beyond DOT_ARGS_MAX is
// not looked at.
static void split(char *line, DotCall *call)
{
    ASSERT(call->count == 0);
    ASSERT(line != NULL);

    while (call->count < DOT_ARGS_MAX - 1) {
        line += strspn(line, " \t\r\n");
        if (*line == 0)
            return;
        if (*line == '\'' || *line == '"') {
            call->args[call->count++] = line + 1;
            line = take_quoted(line);
            continue;
        }
        char *out = line;
        call->args[call->count++] = line;
        while (*line != 0 && strchr(" \t\r\n", *line) == NULL) {
            if (*line == '\\' && line[1] != 0) {
                line++;
                *out++ = take_escape(&line);
            } else {
                *out++ = *line++;
            }
        }
        char *rest = *line == 0 ? line : line + 1;
        *out = 0;
        line = rest;
    }
}

// Every command ends so when its arguments make no sense.
int dot_usage(const char *text)
{
    ASSERT(text != NULL && text[0] == '.');

    fprintf(stderr, "Usage: %s\n", text);
    return 1;
}

// Decimal, or hexadecimal behind 0x. Text that is no number is 0, as SQLite's shell has it.
long long dot_integer(const char *text)
{
    ASSERT(text != NULL);

    static const struct {
        const char *suffix;
        long long factor;
    } units[] = {
        {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024},
        {"KB", 1000},  {"MB", 1000000},      {"GB", 1000000000},
        {"K", 1000},   {"M", 1000000},       {"G", 1000000000},
    };
    char *end;
    long long value = strtoll(text, &end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (sqlite3_stricmp(units[i].suffix, end) == 0)
            // Without a sign: what passes 64 bits wraps round, as elsewhere.
            return (long long)((unsigned long long)value * (unsigned long long)units[i].factor);
    }
    return value;
}

// Any number but 0 is true. What is no boolean is false, and told of.
bool dot_boolean(const char *text)
{
    ASSERT(text != NULL);

    bool is_number = text[0] != 0 && text[strspn(text, "0123456789")] == 0;
    if (is_number)
        return dot_integer(text) != 0;
    if (sqlite3_stricmp(text, "on") == 0 || sqlite3_stricmp(text, "yes") == 0)
        return true;
    if (sqlite3_stricmp(text, "off") != 0 && sqlite3_stricmp(text, "no") != 0)
        fprintf(stderr, "ERROR: Not a boolean value: \"%s\". Assuming \"no\".\n", text);
    return false;
}

// Whether one dash or two is no matter to any command.
const char *dot_option(const char *arg)
{
    ASSERT(arg != NULL);

    if (arg[0] != '-')
        return NULL;
    return arg[1] == '-' ? arg + 2 : arg + 1;
}

// Separators and prompts may hold anything, and are shown on a line.
void dot_escape(FILE *out, const char *text)
{
    ASSERT(text != NULL);

    print_c_text(out, text);
}

// --- the table of commands ---

// A pattern that nothing has is told of on stdout, as the help itself would be.
static int dot_help(DotCall *call)
{
    ASSERT(call->count >= 1);

    FILE *out = call->shell->out;
    if (call->count < 2) {
        (void)help_print(out, NULL);
        return 0;
    }
    if (help_print(out, call->args[1]) == 0)
        fprintf(out, "Nothing matches '%s'\n", call->args[1]);
    return 0;
}

// A command is found by any beginning of its name of at least `least` letters.
static const struct {
    const char *name;
    int least;
    DotCommand *run;
    bool is_unsafe; // reaches outside the database: refused under -safe
} commands[] = {
    {"auth", 3, dot_auth, false},
    {"backup", 3, dot_backup, true},
    {"bail", 3, dot_bail, false},
    {"binary", 3, dot_binary, false},
    {"cd", 2, dot_cd, true},
    {"changes", 3, dot_changes, false},
    {"clone", 2, dot_clone, true},
    {"connection", 4, dot_connection, false},
    {"databases", 2, dot_databases, false},
    {"dbconfig", 3, dot_dbconfig, false},
    {"dbinfo", 3, dot_dbinfo, false},
    {"dump", 1, dot_dump, false},
    {"echo", 1, dot_echo, false},
    {"embed", 2, dot_embed, true},
    {"eqp", 1, dot_eqp, false},
    {"excel", 2, dot_excel, true},
    {"exit", 3, dot_exit, false},
    {"expert", 3, dot_expert, false},
    {"explain", 2, dot_explain, false},
    {"filectrl", 1, dot_filectrl, false},
    {"fullschema", 2, dot_fullschema, false},
    {"headers", 2, dot_headers, false},
    {"help", 1, dot_help, false},
    {"import", 2, dot_import, true},
    {"indexes", 2, dot_indexes, false},
    {"indices", 2, dot_indexes, false},
    {"limits", 2, dot_limit, false},
    {"lint", 2, dot_lint, false},
    {"load", 2, dot_load, true},
    {"log", 2, dot_log, true},
    {"mode", 1, dot_mode, false},
    {"nullvalue", 1, dot_nullvalue, false},
    {"once", 2, dot_once, true},
    {"open", 1, dot_open, true},
    {"output", 1, dot_output, true},
    {"parameters", 2, dot_parameter, false},
    {"print", 3, dot_print, false},
    {"progress", 3, dot_progress, false},
    {"prompt", 2, dot_prompt, false},
    {"quit", 1, dot_quit, false},
    {"read", 3, dot_read, true},
    {"recover", 3, dot_recover, false},
    {"restore", 3, dot_restore, true},
    {"save", 2, dot_save, true},
    {"scanstats", 2, dot_scanstats, false},
    {"schema", 2, dot_schema, false},
    {"separator", 2, dot_separator, false},
    {"sha3sum", 3, dot_sha3sum, false},
    {"shell", 5, dot_shell, true},
    {"show", 2, dot_show, false},
    {"stats", 2, dot_stats, false},
    {"system", 2, dot_shell, true},
    {"tables", 2, dot_tables, false},
    {"timeout", 5, dot_timeout, false},
    {"timer", 3, dot_timer, false},
    {"trace", 2, dot_trace, false},
    {"vfsinfo", 4, dot_vfsinfo, false},
    {"vfslist", 4, dot_vfslist, false},
    {"vfsname", 4, dot_vfsname, false},
    {"width", 1, dot_width, false},
};

// Output is flushed after each command, so that errors on stderr come in the right place (S2).
static int run_command(DotCall *call, size_t index)
{
    ASSERT(index < sizeof commands / sizeof commands[0]);
    ASSERT(call->count >= 1);

    if (commands[index].is_unsafe && call->shell->is_safe) {
        fprintf(stderr, "line %ld: cannot run .%s in safe mode\n", call->shell->line,
                commands[index].name);
        // The script ends here: what comes next may rely on what was refused.
        call->shell->stop = true;
        call->shell->exit_code = 1;
        return 1;
    }
    int rc = commands[index].run(call);
    (void)fflush(call->shell->out);
    return rc;
}

// The first row of the table that fits is taken.
int dot_command(Shell *shell, char *line)
{
    ASSERT(line[0] == '.');

    DotCall call = {.shell = shell};
    split(line + 1, &call);
    if (call.count == 0)
        return 0;
    size_t size = strlen(call.args[0]);
    (void)fflush(shell->out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        // strncmp() with the typed length: any beginning of the name.
        if ((int)size >= commands[i].least && strncmp(commands[i].name, call.args[0], size) == 0)
            return run_command(&call, i);
    }
    fprintf(stderr,
            "Error: unknown command or invalid arguments:  \"%s\". Enter \".help\" for help\n",
            call.args[0]);
    return 1;
}
