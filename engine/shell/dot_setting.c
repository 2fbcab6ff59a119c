// Dot-commands that change or show settings. Each writes the fields of the Shell that it is about
// (S1); what belongs to the connection is told to it at once.

#include "shell/shell.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

// --- output ---

// As .mode would take it.
static void show_mode(const Shell *shell, const char *label)
{
    ASSERT(shell->mode < MODE_COUNT);
    ASSERT(label != NULL);

    // The options are shown as they would be typed, so that the line can be given back to .mode.
    if (mode_is_grid(shell->mode))
        fprintf(shell->out, "%s%s --wrap %d --wordwrap %s --%squote\n", label,
                mode_name(shell->mode), shell->grid.wrap, shell->grid.by_words ? "on" : "off",
                shell->grid.quotes ? "" : "no");
    else
        fprintf(shell->out, "%s%s\n", label, mode_name(shell->mode));
}

// Kept as it is written: quoted once here, not for each row.
static void set_insert_table(Shell *shell, const char *name)
{
    ASSERT(name != NULL);
    ASSERT(name != shell->insert_table);

    sqlite3_free(shell->insert_table);
    shell->insert_table = shell_printf(name_needs_quotes(name) ? "\"%w\"" : "%s", name);
}

// Signed; cut to what has a magnitude.
// The negated width must be an int too, so that INT_MIN is out.
static int width_of(const char *text)
{
    ASSERT(text != NULL);

    long long width = dot_integer(text);
    return width > INT_MAX ? INT_MAX : width < -INT_MAX ? -INT_MAX : (int)width;
}

// The option at args[*i] and its value; false when there is no such option.
static bool take_mode_option(DotCall *call, int *i, GridOptions *grid)
{
    ASSERT(*i >= 1 && *i < call->count);
    ASSERT(grid != NULL);

    const char *option = dot_option(call->args[*i]);
    const char *value = *i + 1 < call->count ? call->args[*i + 1] : NULL;
    // A word that is no option is a mode's name, or a table's.
    if (option == NULL)
        return false;
    if (strcmp(option, "wrap") == 0 && value != NULL)
        grid->wrap = width_of(value);
    else if (strcmp(option, "wordwrap") == 0 && value != NULL)
        grid->by_words = dot_boolean(value);
    else if (strcmp(option, "ww") == 0)
        grid->by_words = true;
    else if (strcmp(option, "quote") == 0)
        grid->quotes = true;
    else if (strcmp(option, "noquote") == 0)
        grid->quotes = false;
    else
        return false;
    // These two took the word behind them.
    *i += strcmp(option, "wrap") == 0 || strcmp(option, "wordwrap") == 0;
    return true;
}

// What .mode asks for: applied only when all of it is understood.
typedef struct ModeRequest {
    const char *name, *table;
    GridOptions grid;
} ModeRequest;

// False after an error.
static bool take_mode_arguments(DotCall *call, ModeRequest *request)
{
    ASSERT(call->count >= 1);
    ASSERT(request->name == NULL && request->table == NULL);

    for (int i = 1; i < call->count; i++) {
        const char *arg = call->args[i];
        if (take_mode_option(call, &i, &request->grid))
            continue;
        // Any beginning of two letters or more: "q" alone is "quote", which mode_find() knows.
        bool is_qbox = strlen(arg) > 1 && strncmp("qbox", arg, strlen(arg)) == 0;
        if (request->name == NULL && is_qbox) {
            request->name = "box";
            // qbox is a box with values as literals, cut at 60 columns; options behind it may
            // change both.
            request->grid = (GridOptions){.wrap = 60, .quotes = true};
        } else if (request->name == NULL) {
            request->name = arg;
        } else if (request->table == NULL) {
            request->table = arg;
        } else {
            fprintf(stderr,
                    arg[0] == '-' ? "unknown option: %s\noptions:\n  --noquote\n  --quote\n"
                                    "  --wordwrap on/off\n  --wrap N\n  --ww\n"
                                  : "extra argument: \"%s\"\n",
                    arg);
            return false;
        }
    }
    return true;
}

// .mode MODE ?TABLE? ?OPTIONS?. Without arguments it shows the mode; options of a grid may come
// alone.
int dot_mode(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    // 60 is SQLite's width for wrapping, where the mode has a grid and nothing else is asked for.
    ModeRequest request = {.grid = {.wrap = 60}};
    Mode mode = shell->mode;
    // Nothing of the shell is touched before the whole line was understood.
    if (!take_mode_arguments(call, &request))
        return 1;
    if (request.name == NULL)
        show_mode(shell, "current output mode: ");
    if (call->count == 1)
        return 0;
    if (request.name != NULL && !mode_find(request.name, &mode)) {
        fprintf(stderr, "Error: mode should be one of: ascii box column csv html insert json line "
                        "list markdown qbox quote table tabs tcl\n");
        return 1;
    }
    mode_set(shell, mode);
    // Other modes leave the grid's options for the next grid.
    if (mode_is_grid(mode))
        shell->grid = request.grid;
    if (mode == MODE_INSERT)
        set_insert_table(shell, request.table != NULL ? request.table : "table");
    return 0;
}

// From here on modes do not change it any more.
int dot_headers(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count != 2)
        return dot_usage(".headers on|off");
    call->shell->headers = dot_boolean(call->args[1]);
    call->shell->headers_set = true;
    return 0;
}

// Both are cut at SEPARATOR_MAX, as SQLite's shell cuts them.
int dot_separator(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count >= 2)
        snprintf(shell->separator, sizeof shell->separator, "%s", call->args[1]);
    if (call->count >= 3)
        snprintf(shell->row_separator, sizeof shell->row_separator, "%s", call->args[2]);
    // Words too many are told of, but the first two hold all the same.
    return call->count < 2 || call->count > 3 ? dot_usage(".separator COL ?ROW?") : 0;
}

// Cut at SEPARATOR_MAX, as the separators are.
int dot_nullvalue(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count != 2)
        return dot_usage(".nullvalue STRING");
    snprintf(call->shell->null_value, sizeof call->shell->null_value, "%s", call->args[1]);
    return 0;
}

// .width N …: negative to the right, 0 as wide as needed. Without numbers all widths are
// forgotten.
int dot_width(DotCall *call)
{
    ASSERT(call->count >= 1 && call->count <= DOT_ARGS_MAX);
    static_assert((int)DOT_ARGS_MAX <= (int)WIDTHS_MAX, "every number of a line has its place");

    Shell *shell = call->shell;
    // Columns behind the last number are as wide as they need.
    shell->width_count = call->count - 1;
    for (int i = 1; i < call->count && i <= WIDTHS_MAX; i++)
        shell->widths[i - 1] = width_of(call->args[i]);
    return 0;
}

// The second word is the prompt of lines that go on a statement.
int dot_prompt(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count > 1)
        snprintf(shell->prompt, sizeof shell->prompt, "%s", call->args[1]);
    if (call->count > 2)
        snprintf(shell->prompt_more, sizeof shell->prompt_more, "%s", call->args[2]);
    return 0;
}

// --- switches ---

// For the commands that have no more to them.
static int set_switch(DotCall *call, bool *flag, const char *usage)
{
    ASSERT(flag != NULL);
    ASSERT(call->count >= 1);
    ASSERT(usage != NULL && usage[0] == '.');

    if (call->count != 2)
        return dot_usage(usage);
    *flag = dot_boolean(call->args[1]);
    return 0;
}

// Looked at between statements (must_stop).
int dot_bail(DotCall *call)
{
    return set_switch(call, &call->shell->bail, ".bail on|off");
}

// After each text of statements.
int dot_changes(DotCall *call)
{
    return set_switch(call, &call->shell->changes, ".changes on|off");
}

// Commands and statements are printed before they run.
int dot_echo(DotCall *call)
{
    return set_switch(call, &call->shell->echo, ".echo on|off");
}

// Of each text of statements, compiling and printing included.
int dot_timer(DotCall *call)
{
    return set_switch(call, &call->shell->timer, ".timer on|off");
}

// The connection has to count from the time a statement is compiled, so it is told at once.
int dot_scanstats(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count != 2)
        return dot_usage(".scanstats on|off");
    shell->scan_status = dot_boolean(call->args[1]);
    return !shell_open(shell)
           || sqlite3_db_config(shell->db, SQLITE_DBCONFIG_STMT_SCANSTATUS, (int)shell->scan_status,
                                (int *)NULL)
                  != SQLITE_OK;
}

// Accepted for scripts written elsewhere: output is not translated here.
int dot_binary(DotCall *call)
{
    bool ignored;
    return set_switch(call, &ignored, ".binary on|off");
}

// .eqp on shows the plan before each statement, trigger those of triggers too, full also the
// program.
int dot_eqp(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count != 2)
        return dot_usage(".eqp off|on|trace|trigger|full");
    // "trace" is taken as a word that is no boolean: off, with a warning.
    if (strcmp(call->args[1], "full") == 0)
        shell->eqp = EQP_FULL;
    else if (strcmp(call->args[1], "trigger") == 0)
        shell->eqp = EQP_TRIGGER;
    else
        shell->eqp = dot_boolean(call->args[1]) ? EQP_ON : EQP_OFF;
    return 0;
}

// .explain auto lays EXPLAIN out as a listing only when it is one.
int dot_explain(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count < 2 || strcmp(call->args[1], "auto") == 0)
        shell->explain = call->count < 2 ? EXPLAIN_ON : EXPLAIN_AUTO;
    else
        shell->explain = dot_boolean(call->args[1]) ? EXPLAIN_ON : EXPLAIN_OFF;
    return 0;
}

// .stats alone shows the figures once, of the connection.
int dot_stats(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count == 1) {
        if (!shell_open(shell))
            return 1;
        stats_print(shell, NULL);
        return 0;
    }
    if (call->count != 2)
        return dot_usage(".stats ?on|off|stmt|vmstep?");
    if (strcmp(call->args[1], "stmt") == 0)
        shell->stats = STATS_STATEMENT;
    else if (strcmp(call->args[1], "vmstep") == 0)
        shell->stats = STATS_STEPS;
    else
        shell->stats = dot_boolean(call->args[1]) ? STATS_ON : STATS_OFF;
    return 0;
}

// .timeout MS: how long a locked database is waited for; none without a number.
int dot_timeout(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (!shell_open(shell))
        return 1;
    // A number past an int is cut; a negative one means no waiting, as 0 does.
    sqlite3_busy_timeout(shell->db, call->count >= 2 ? (int)dot_integer(call->args[1]) : 0);
    return 0;
}

// --- show ---

// Between quotes: a separator may be a blank or a newline.
static void show_text(FILE *out, const char *name, const char *text)
{
    ASSERT(text != NULL);
    ASSERT(strlen(name) <= 12);

    // Labels are right-aligned in twelve columns, "colseparator" being the longest.
    fprintf(out, "%12.12s: ", name);
    dot_escape(out, text);
    fputc('\n', out);
}

// .show: in the words and the order of SQLite's shell; programs read it.
int dot_show(DotCall *call)
{
    ASSERT(call->shell->eqp <= EQP_FULL && call->shell->explain <= EXPLAIN_AUTO);
    ASSERT(call->shell->stats <= STATS_STEPS);

    // Each in the order of its enum.
    static const char *const eqps[] = {"off", "on", "trigger", "full"};
    static const char *const explains[] = {"off", "on", "auto"};
    static const char *const stats[] = {"off", "on", "stmt", "vmstep"};
    const Shell *shell = call->shell;
    FILE *out = shell->out;
    if (call->count != 1)
        return dot_usage(".show");
    fprintf(out, "%12.12s: %s\n", "echo", shell->echo ? "on" : "off");
    fprintf(out, "%12.12s: %s\n", "eqp", eqps[shell->eqp]);
    fprintf(out, "%12.12s: %s\n", "explain", explains[shell->explain]);
    fprintf(out, "%12.12s: %s\n", "headers", shell->headers ? "on" : "off");
    fprintf(out, "%12.12s: ", "mode");
    show_mode(shell, "");
    show_text(out, "nullvalue", shell->null_value);
    fprintf(out, "%12.12s: %s\n", "output", shell->out_name != NULL ? shell->out_name : "stdout");
    show_text(out, "colseparator", shell->separator);
    show_text(out, "rowseparator", shell->row_separator);
    fprintf(out, "%12.12s: %s\n", "stats", stats[shell->stats]);
    fprintf(out, "%12.12s: ", "width");
    for (int i = 0; i < shell->width_count; i++)
        fprintf(out, "%d ", shell->widths[i]);
    fprintf(out, "\n%12.12s: %s\n", "filename", shell->path != NULL ? shell->path : "");
    return 0;
}

// --- limits and options of the connection ---

// In the order of SQLITE_LIMIT_*, which is the order that .limit lists them in.
static const struct {
    const char *name;
    int limit;
} limit_names[] = {
    {"length", SQLITE_LIMIT_LENGTH},
    {"sql_length", SQLITE_LIMIT_SQL_LENGTH},
    {"column", SQLITE_LIMIT_COLUMN},
    {"expr_depth", SQLITE_LIMIT_EXPR_DEPTH},
    {"compound_select", SQLITE_LIMIT_COMPOUND_SELECT},
    {"vdbe_op", SQLITE_LIMIT_VDBE_OP},
    {"function_arg", SQLITE_LIMIT_FUNCTION_ARG},
    {"attached", SQLITE_LIMIT_ATTACHED},
    {"like_pattern_length", SQLITE_LIMIT_LIKE_PATTERN_LENGTH},
    {"variable_number", SQLITE_LIMIT_VARIABLE_NUMBER},
    {"trigger_depth", SQLITE_LIMIT_TRIGGER_DEPTH},
    {"worker_threads", SQLITE_LIMIT_WORKER_THREADS},
};

enum { LIMIT_COUNT = sizeof limit_names / sizeof limit_names[0] };

// In columns as SQLite's shell lists them.
static void show_limit(const Shell *shell, int i)
{
    ASSERT(shell->db != NULL);
    ASSERT(i >= 0 && i < LIMIT_COUNT);

    // -1 asks without setting.
    fprintf(shell->out, "%20s %d\n", limit_names[i].name,
            sqlite3_limit(shell->db, limit_names[i].limit, -1));
}

// The limit whose name begins so; -1 after an error. The beginning may be that of more than one
// limit: "co" is none.
static int find_limit(const char *beginning)
{
    ASSERT(beginning != NULL);

    int found = -1;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        if (sqlite3_strnicmp(limit_names[i].name, beginning, (int)strlen(beginning)) != 0)
            continue;
        if (found >= 0) {
            fprintf(stderr, "ambiguous limit: \"%s\"\n", beginning);
            return -1;
        }
        found = i;
    }
    if (found < 0)
        fprintf(stderr, "unknown limit: \"%s\"\nenter \".limits\" with no arguments for a list.\n",
                beginning);
    return found;
}

// .limit ?NAME? ?N?: a name may be shortened as long as one limit fits it.
int dot_limit(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (!shell_open(shell))
        return 1;
    if (call->count > 3)
        return dot_usage(".limit NAME ?NEW-VALUE?");
    for (int i = 0; i < LIMIT_COUNT && call->count == 1; i++)
        show_limit(shell, i);
    if (call->count == 1)
        return 0;
    int found = find_limit(call->args[1]);
    if (found < 0)
        return 1;
    if (call->count == 3)
        sqlite3_limit(shell->db, limit_names[found].limit, (int)dot_integer(call->args[2]));
    // Asked again: the library cuts a value at the limit it was compiled with.
    show_limit(shell, found);
    return 0;
}

// The switches of sqlite3_db_config() that take an int and give one back, by name.
static const struct {
    const char *name;
    int op;
} config_options[] = {
    {"attach_create", SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE},
    {"attach_write", SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE},
    {"comments", SQLITE_DBCONFIG_ENABLE_COMMENTS},
    {"defensive", SQLITE_DBCONFIG_DEFENSIVE},
    {"dqs_ddl", SQLITE_DBCONFIG_DQS_DDL},
    {"dqs_dml", SQLITE_DBCONFIG_DQS_DML},
    {"enable_fkey", SQLITE_DBCONFIG_ENABLE_FKEY},
    {"enable_qpsg", SQLITE_DBCONFIG_ENABLE_QPSG},
    {"enable_trigger", SQLITE_DBCONFIG_ENABLE_TRIGGER},
    {"enable_view", SQLITE_DBCONFIG_ENABLE_VIEW},
    {"fts3_tokenizer", SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER},
    {"legacy_alter_table", SQLITE_DBCONFIG_LEGACY_ALTER_TABLE},
    {"legacy_file_format", SQLITE_DBCONFIG_LEGACY_FILE_FORMAT},
    {"load_extension", SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION},
    {"no_ckpt_on_close", SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE},
    {"reset_database", SQLITE_DBCONFIG_RESET_DATABASE},
    {"reverse_scanorder", SQLITE_DBCONFIG_REVERSE_SCANORDER},
    {"stmt_scanstatus", SQLITE_DBCONFIG_STMT_SCANSTATUS},
    {"trigger_eqp", SQLITE_DBCONFIG_TRIGGER_EQP},
    {"trusted_schema", SQLITE_DBCONFIG_TRUSTED_SCHEMA},
    {"writable_schema", SQLITE_DBCONFIG_WRITABLE_SCHEMA},
};

// Sets the switch when there is a value, then shows it. Asked afterwards, because a connection may
// refuse a setting: what is shown is what holds.
static void set_config_option(const Shell *shell, const char *name, int op, const char *value)
{
    ASSERT(shell->db != NULL);
    ASSERT(name != NULL);

    int state = 0;
    if (value != NULL)
        sqlite3_db_config(shell->db, op, (int)dot_boolean(value), (int *)NULL);
    // -1 only asks.
    sqlite3_db_config(shell->db, op, -1, &state);
    fprintf(shell->out, "%19s %s\n", name, state ? "on" : "off");
}

// .dbconfig ?NAME? ?on|off?: one switch of sqlite3_db_config(), or all of them.
int dot_dbconfig(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (!shell_open(call->shell))
        return 1;
    const char *value = call->count > 2 ? call->args[2] : NULL;
    bool found = false;
    for (size_t i = 0; i < sizeof config_options / sizeof config_options[0]; i++) {
        if (call->count > 1 && strcmp(call->args[1], config_options[i].name) != 0)
            continue;
        found = true;
        set_config_option(call->shell, config_options[i].name, config_options[i].op, value);
    }
    if (!found)
        fprintf(stderr,
                "Error: unknown dbconfig \"%s\"\nEnter \".dbconfig\" with no arguments for "
                "a list\n",
                call->args[1]);
    return !found;
}

// --- tracing, logging, authorizing ---

// The file that output goes to by this name; NULL for "off" and for what cannot be written.
static FILE *open_log(const char *name)
{
    ASSERT(name != NULL);

    if (strcmp(name, "stdout") == 0)
        return stdout;
    if (strcmp(name, "stderr") == 0)
        return stderr;
    // Closing is all that was wanted.
    if (strcmp(name, "off") == 0)
        return NULL;
    // Anew each time, as in SQLite's shell: an old log is lost.
    FILE *file = fopen(name, "wb");
    if (file == NULL)
        fprintf(stderr, "Error: cannot open \"%s\"\n", name);
    return file;
}

// stdout and stderr are not ours to close.
static void close_log(FILE *file)
{
    if (file != NULL && file != stdout && file != stderr)
        (void)fclose(file);
}

// .log FILE|off: the library's error log, which was directed here before the library was used
// (main()).
int dot_log(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count != 2)
        return dot_usage(".log FILENAME");
    // Closed first: the new log may be the same file.
    close_log(shell->log);
    shell->log = open_log(call->args[1]);
    return 0;
}

// The program's own text of a statement, or what it expands to with its values. Nested statements,
// of triggers, come as comments and are shown as they are.
int trace_event(unsigned event, void *arg, void *subject, void *detail)
{
    ASSERT(arg != NULL);

    Shell *shell = arg;
    ASSERT(event == SQLITE_TRACE_CLOSE || subject != NULL);
    if (shell->trace == NULL)
        return 0;
    if (event == SQLITE_TRACE_CLOSE) {
        fputs("-- closing database connection\n", shell->trace);
        return 0;
    }
    char *expanded = NULL;
    const char *sql = event == SQLITE_TRACE_STMT ? detail : NULL;
    if (event != SQLITE_TRACE_ROW && (sql == NULL || sql[0] != '-')) {
        // Memory that runs out leaves the text with its parameters.
        expanded = shell->trace_expands ? sqlite3_expanded_sql(subject) : NULL;
        sql = expanded != NULL ? expanded : sqlite3_sql(subject);
    }
    int size = sql == NULL ? 0 : (int)strlen(sql);
    // One semicolon is printed in any case.
    while (size > 0 && sql[size - 1] == ';')
        size--;
    if (event == SQLITE_TRACE_PROFILE)
        fprintf(shell->trace, "%.*s; -- %lld ns\n", size, sql,
                (long long)*(const sqlite3_int64 *)detail);
    else if (sql != NULL)
        fprintf(shell->trace, "%.*s;\n", size, sql);
    sqlite3_free(expanded);
    return 0;
}

// False: no such option.
static bool take_trace_option(Shell *shell, const char *option)
{
    ASSERT(option != NULL);

    static const struct {
        const char *name;
        unsigned event;
    } events[] = {{"profile", SQLITE_TRACE_PROFILE},
                  {"row", SQLITE_TRACE_ROW},
                  {"stmt", SQLITE_TRACE_STMT},
                  {"close", SQLITE_TRACE_CLOSE}};
    // Of expanded and plain, the last one given holds; events add up.
    // How a statement is shown, beside the events.
    bool is_text = strcmp(option, "expanded") == 0 || strcmp(option, "plain") == 0;
    if (is_text)
        shell->trace_expands = option[0] == 'e';
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(option, events[i].name) == 0) {
            shell->trace_events |= events[i].event;
            return true;
        }
    }
    return is_text;
}

// .trace FILE ?OPTIONS?: statements unless other events are asked for.
int dot_trace(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (!shell_open(shell))
        return 1;
    shell->trace_events = 0;
    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL) {
            close_log(shell->trace);
            shell->trace = open_log(call->args[i]);
        } else if (!take_trace_option(shell, option)) {
            fprintf(stderr, "Unknown option \"%s\" on \".trace\"\n", call->args[i]);
            return 1;
        }
    }
    // Without a file nothing is to be told, whatever events were named.
    if (shell->trace == NULL) {
        sqlite3_trace_v2(shell->db, 0, NULL, NULL);
        return 0;
    }
    // No event was named.
    if (shell->trace_events == 0)
        shell->trace_events = SQLITE_TRACE_STMT;
    sqlite3_trace_v2(shell->db, shell->trace_events, trace_event, shell);
    return 0;
}

// By the numbers of SQLITE_CREATE_INDEX and on, in sqlite3.h's order; 0, SQLITE_COPY, is not used.
static const char *const action_names[] = {
    NULL,
    "CREATE_INDEX",
    "CREATE_TABLE",
    "CREATE_TEMP_INDEX",
    "CREATE_TEMP_TABLE",
    "CREATE_TEMP_TRIGGER",
    "CREATE_TEMP_VIEW",
    "CREATE_TRIGGER",
    "CREATE_VIEW",
    "DELETE",
    "DROP_INDEX",
    "DROP_TABLE",
    "DROP_TEMP_INDEX",
    "DROP_TEMP_TABLE",
    "DROP_TEMP_TRIGGER",
    "DROP_TEMP_VIEW",
    "DROP_TRIGGER",
    "DROP_VIEW",
    "INSERT",
    "PRAGMA",
    "READ",
    "SELECT",
    "TRANSACTION",
    "UPDATE",
    "ATTACH",
    "DETACH",
    "ALTER_TABLE",
    "REINDEX",
    "ANALYZE",
    "CREATE_VTABLE",
    "DROP_VTABLE",
    "FUNCTION",
    "SAVEPOINT",
    "RECURSIVE",
};

enum { ACTION_COUNT = sizeof action_names / sizeof action_names[0] };
// Indexed by what the library passes: a name too few would misname all that follow it.
static_assert(ACTION_COUNT == SQLITE_RECURSIVE + 1, "a name for each action");

// An authorizer that allows everything and tells what it was asked.
static int show_authorization(void *arg, int action, const char *a, const char *b,
                              const char *database, const char *source)
{
    ASSERT(arg != NULL);

    const Shell *shell = arg;
    const char *details[] = {a, b, database, source};
    fprintf(shell->out, "authorizer: %s",
            // A newer library may know more actions than this table.
            action > 0 && action < ACTION_COUNT ? action_names[action] : "?");
    // What an action does not have comes as NULL.
    for (int i = 0; i < 4; i++) {
        if (details[i] == NULL) {
            fputs(" NULL", shell->out);
            continue;
        }
        fputc(' ', shell->out);
        dot_escape(shell->out, details[i]);
    }
    fputc('\n', shell->out);
    return SQLITE_OK;
}

// .auth on: what the authorizer is asked about each statement, while it is compiled.
int dot_auth(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    if (call->count != 2)
        return dot_usage(".auth ON|OFF");
    if (!shell_open(shell))
        return 1;
    bool is_on = dot_boolean(call->args[1]);
    sqlite3_set_authorizer(shell->db, is_on ? show_authorization : NULL, shell);
    return 0;
}

// The handler is installed when the connection opens, so an open one is told again.
static int set_progress(Shell *shell)
{
    ASSERT(shell->progress.every == 0 || shell->progress.count == 0);

    if (!shell_open(shell))
        return 1;
    if (shell->progress.every == 0)
        sqlite3_progress_handler(shell->db, 0, NULL, NULL);
    else
        sqlite3_progress_handler(shell->db, (int)shell->progress.every, shell_progress, shell);
    return 0;
}

// .progress N ?OPTIONS?: a line every N steps of the machine; --limit interrupts.
int dot_progress(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    // Each .progress begins anew: options of an earlier one do not linger.
    memset(&shell->progress, 0, sizeof shell->progress);
    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL) {
            long long every = dot_integer(call->args[i]);
            shell->progress.every = every < 0 ? 0 : (unsigned)every;
        } else if (strcmp(option, "quiet") == 0 || strcmp(option, "q") == 0) {
            shell->progress.quiet = true;
        } else if (strcmp(option, "reset") == 0) {
            shell->progress.resets = true;
        } else if (strcmp(option, "once") == 0) {
            shell->progress.once = true;
        } else if (strcmp(option, "limit") == 0 && i + 1 < call->count) {
            shell->progress.limit = (unsigned)dot_integer(call->args[++i]);
        } else {
            fprintf(stderr, "Error: unknown option: \"%s\"\n", call->args[i]);
            return 1;
        }
    }
    return set_progress(shell);
}

// --- statistics ---

// Of the whole process.
static void show_status(const Shell *shell, const char *label, int op, bool only_highest)
{
    ASSERT(label != NULL && strlen(label) <= 36);

    // The library's counters as ints, wide enough for what SQLite's shell prints.
    int current = 0;
    int highest = 0;
    sqlite3_status(op, &current, &highest, 0);
    if (only_highest)
        fprintf(shell->out, "%-36s %d bytes\n", label, highest);
    else
        fprintf(shell->out, "%-36s %d (max %d)%s\n", label, current, highest,
                // The only one of them that is a count.
                strstr(label, "Allocations") != NULL ? "" : " bytes");
}

// Of the connection.
static void show_db_status(const Shell *shell, const char *label, int op, const char *unit)
{
    ASSERT(shell->db != NULL);
    ASSERT(strlen(label) <= 36 && unit != NULL);

    int current = 0;
    int highest = 0;
    sqlite3_db_status(shell->db, op, &current, &highest, 0);
    fprintf(shell->out, "%-36s %d%s\n", label, current, unit);
}

// Of the statement that has just run.
static void show_statement(const Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    static const struct {
        const char *label;
        int op;
    } counters[] = {
        {"Fullscan Steps:", SQLITE_STMTSTATUS_FULLSCAN_STEP},
        {"Sort Operations:", SQLITE_STMTSTATUS_SORT},
        {"Autoindex Inserts:", SQLITE_STMTSTATUS_AUTOINDEX},
        {"Virtual Machine Steps:", SQLITE_STMTSTATUS_VM_STEP},
        {"Reprepare operations:", SQLITE_STMTSTATUS_REPREPARE},
        {"Number of times run:", SQLITE_STMTSTATUS_RUN},
        {"Memory used by prepared stmt:", SQLITE_STMTSTATUS_MEMUSED},
    };
    // 0: the counters go on counting. The shell is not the only one to ask for them.
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        fprintf(shell->out, "%-36s %d\n", counters[i].label,
                sqlite3_stmt_status(stmt, counters[i].op, 0));
}

// In the words of SQLite's shell. `stmt` NULL: of the connection only.
void stats_print(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(shell->db != NULL);

    if (shell->stats == STATS_STEPS && stmt != NULL) {
        fprintf(shell->out, "VM-steps: %d\n",
                sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0));
        return;
    }
    // In the order and the words that scripts look for.
    show_status(shell, "Memory Used:", SQLITE_STATUS_MEMORY_USED, false);
    show_status(shell, "Number of Outstanding Allocations:", SQLITE_STATUS_MALLOC_COUNT, false);
    show_status(shell, "Number of Pcache Overflow Bytes:", SQLITE_STATUS_PAGECACHE_OVERFLOW, false);
    show_status(shell, "Largest Allocation:", SQLITE_STATUS_MALLOC_SIZE, true);
    show_status(shell, "Largest Pcache Allocation:", SQLITE_STATUS_PAGECACHE_SIZE, true);
    show_db_status(shell, "Pager Heap Usage:", SQLITE_DBSTATUS_CACHE_USED, " bytes");
    show_db_status(shell, "Page cache hits:", SQLITE_DBSTATUS_CACHE_HIT, "");
    show_db_status(shell, "Page cache misses:", SQLITE_DBSTATUS_CACHE_MISS, "");
    show_db_status(shell, "Page cache writes:", SQLITE_DBSTATUS_CACHE_WRITE, "");
    show_db_status(shell, "Page cache spills:", SQLITE_DBSTATUS_CACHE_SPILL, "");
    show_db_status(shell, "Schema Heap Usage:", SQLITE_DBSTATUS_SCHEMA_USED, " bytes");
    show_db_status(shell, "Statement Heap/Lookaside Usage:", SQLITE_DBSTATUS_STMT_USED, " bytes");
    if (stmt != NULL)
        show_statement(shell, stmt);
}
