// The command line of `quire`: options, then SQL from the arguments or from standard input.
//
// Options are those of SQLite's shell, with one dash or two; -mcp and its like are quire's own. A
// name that is no option is the database, what follows it is SQL. The exit status is 0, or what
// went wrong: the code of the error where an argument failed, 1 where a script did.

#include "quire.h"
#include "shell/mcp.h"
#include "shell/shell.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- memory ---

// The shell has nothing better to do without memory than to end; so its callers need no tests.
static void *check_memory(void *block)
{
    if (block == NULL) {
        fputs("Error: out of memory\n", stderr);
        exit(1);
    }
    return block;
}

// One byte for nothing, so that NULL means no memory.
void *shell_alloc(sqlite3_uint64 size)
{
    return check_memory(sqlite3_malloc64(size == 0 ? 1 : size));
}

// Like shell_alloc().
void *shell_realloc(void *block, sqlite3_uint64 size)
{
    return check_memory(sqlite3_realloc64(block, size == 0 ? 1 : size));
}

// Also the way to copy a string.
char *shell_printf(const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    char *text = check_memory(sqlite3_vmprintf(fmt, args));
    va_end(args);
    return text;
}

// --- options ---

static const char usage[] =
    "Usage: quire [OPTIONS] [FILENAME [SQL...]]\n"
    "FILENAME is the name of a database. A new database is created\n"
    "if the file does not previously exist. Without it: in memory.\n"
    "OPTIONS include:\n"
    "   -ascii               set output mode to 'ascii'\n"
    "   -bail                stop after hitting an error\n"
    "   -batch               force batch I/O\n"
    "   -box                 set output mode to 'box'\n"
    "   -column              set output mode to 'column'\n"
    "   -cmd COMMAND         run \"COMMAND\" before reading stdin\n"
    "   -csv                 set output mode to 'csv'\n"
    "   -echo                print inputs before execution\n"
    "   -init FILENAME       read/process named file\n"
    "   -[no]header          turn headers on or off\n"
    "   -help                show this message\n"
    "   -html                set output mode to HTML\n"
    "   -interactive         force interactive I/O\n"
    "   -json                set output mode to 'json'\n"
    "   -line                set output mode to 'line'\n"
    "   -list                set output mode to 'list'\n"
    "   -markdown            set output mode to 'markdown'\n"
    "   -mcp                 serve tools of language models (Model Context Protocol)\n"
    "   -mcp-rows N          with -mcp: rows of a result at most. Default: 1000\n"
    "   -mcp-timeout MS      with -mcp: time of a statement at most. Default: 30000\n"
    "   -newline SEP         set output row separator. Default: '\\n'\n"
    "   -nofollow            refuse to open symbolic links to database files\n"
    "   -nullvalue TEXT      set text string for NULL values. Default ''\n"
    "   -quote               set output mode to 'quote'\n"
    "   -readonly            open the database read-only\n"
    "   -safe                enable safe-mode\n"
    "   -separator SEP       set output column separator. Default: '|'\n"
    "   -stats               print memory stats before each finalize\n"
    "   -table               set output mode to 'table'\n"
    "   -tabs                set output mode to 'tabs'\n"
    "   -version             show SQLite version\n"
    "   -vfs NAME            use NAME as the default VFS\n";

enum { COMMANDS_MAX = 32 };

// What the command line says beside the settings, which go to the Shell at once.
typedef struct Options {
    const char *path;
    const char *init;
    const char *commands[COMMANDS_MAX]; // -cmd
    int command_count;
    bool is_mcp;
    int mcp_timeout_ms, mcp_rows;
    int next; // first argument that is SQL
} Options;

// False: no switch of that name.
static bool take_switch(Shell *shell, const char *name)
{
    ASSERT(name != NULL);

    const struct {
        const char *name;
        bool *flag;
        bool value;
    } switches[] = {
        {"batch", &shell->is_interactive, false},
        {"interactive", &shell->is_interactive, true},
        {"bail", &shell->bail, true},
        {"echo", &shell->echo, true},
        {"header", &shell->headers, true},
        {"noheader", &shell->headers, false},
        {"safe", &shell->is_safe, true},
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (strcmp(name, switches[i].name) != 0)
            continue;
        // The last one counts, as on other command lines.
        *switches[i].flag = switches[i].value;
        // From here on modes leave the headers alone.
        if (strstr(name, "header") != NULL)
            shell->headers_set = true;
        return true;
    }
    // Those that are not a plain flag.
    if (strcmp(name, "readonly") == 0)
        shell->open_flags = (shell->open_flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE))
                            | SQLITE_OPEN_READONLY;
    else if (strcmp(name, "nofollow") == 0)
        shell->open_flags |= SQLITE_OPEN_NOFOLLOW;
    else if (strcmp(name, "stats") == 0)
        shell->stats = STATS_ON;
    else
        return false;
    return true;
}

// Ends the program: half an option is no ground to serve on.
static int positive_number(const char *name, const char *text)
{
    ASSERT(name != NULL && text != NULL);

    long number = strtol(text, NULL, 10);
    if (number <= 0 || number > INT_MAX) {
        fprintf(stderr, "quire: Error: -%s needs a positive number: %s\n", name, text);
        exit(1);
    }
    return (int)number;
}

// wants_value() knows the names that come here.
static void take_valued(Shell *shell, Options *options, const char *name, const char *value)
{
    ASSERT(value != NULL);

    if (strcmp(name, "separator") == 0) {
        snprintf(shell->separator, sizeof shell->separator, "%s", value);
    } else if (strcmp(name, "newline") == 0) {
        snprintf(shell->row_separator, sizeof shell->row_separator, "%s", value);
    } else if (strcmp(name, "nullvalue") == 0) {
        snprintf(shell->null_value, sizeof shell->null_value, "%s", value);
    } else if (strcmp(name, "init") == 0) {
        options->init = value;
    } else if (strcmp(name, "mcp-timeout") == 0) {
        options->mcp_timeout_ms = positive_number(name, value);
    } else if (strcmp(name, "mcp-rows") == 0) {
        options->mcp_rows = positive_number(name, value);
    } else if (strcmp(name, "vfs") == 0) {
        sqlite3_vfs *vfs = sqlite3_vfs_find(value);
        if (vfs == NULL) {
            fprintf(stderr, "no such VFS: \"%s\"\n", value);
            exit(1);
        }
        sqlite3_vfs_register(vfs, 1);
    } else if (options->command_count < COMMANDS_MAX) {
        ASSERT(strcmp(name, "cmd") == 0);
        options->commands[options->command_count++] = value;
    } else {
        fprintf(stderr, "quire: Error: more than %d times -cmd\n", COMMANDS_MAX);
        exit(1);
    }
}

// Blanks around the name make it match whole words only.
static bool wants_value(const char *name)
{
    ASSERT(name != NULL);

    static const char words[] = " separator newline nullvalue init vfs cmd mcp-timeout mcp-rows ";
    char *word = shell_printf(" %s ", name);
    bool wants = strstr(words, word) != NULL;
    sqlite3_free(word);
    return wants;
}

// Handles option argv[i]; returns how many arguments it took. Unknown ones end the program.
static int take_option(Shell *shell, Options *options, char **argv, int i)
{
    ASSERT(argv[i] != NULL && argv[i][0] == '-');

    // One dash or two.
    const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1);
    Mode mode;
    if (strcmp(name, "help") == 0 || strcmp(name, "version") == 0) {
        if (name[0] == 'h')
            fputs(usage, stdout);
        else
            printf("%s %s (quire %s)\n", sqlite3_libversion(), sqlite3_sourceid(), quire_version());
        exit(0);
    }
    // Always the next argument, also where it begins with a dash: a separator may be one.
    if (wants_value(name)) {
        if (argv[i + 1] == NULL) {
            fprintf(stderr, "quire: Error: missing argument to %s\n", argv[i]);
            exit(1);
        }
        take_valued(shell, options, name, argv[i + 1]);
        return 2;
    }
    if (strcmp(name, "mcp") == 0) {
        options->is_mcp = true;
        return 1;
    }
    if (take_switch(shell, name))
        return 1;
    // -line is a mode; -li, which .mode would take, is an error here.
    if (mode_find(name, &mode) && strcmp(mode_name(mode), name) == 0) {
        mode_set(shell, mode);
        return 1;
    }
    fprintf(stderr, "quire: Error: unknown option: %s\nUse -help for a list of options.\n",
            argv[i]);
    exit(1);
}

// Names and SQL may stand between options; the first is the database.
static Options take_options(Shell *shell, int argc, char **argv)
{
    ASSERT(argv[argc] == NULL);

    Options options = {.next = 1, .mcp_timeout_ms = 30000, .mcp_rows = 1000};
    while (options.next < argc) {
        char *arg = argv[options.next];
        if (arg[0] == '-' && arg[1] != 0) {
            // A dash alone is a name, as a file may have it.
            options.next += take_option(shell, &options, argv, options.next);
        } else if (options.path == NULL) {
            options.path = arg;
            options.next++;
        } else {
            break;
        }
    }
    return options;
}

// --- running ---

// False after an error.
static bool run_text(Shell *shell, const char *text)
{
    ASSERT(text != NULL);
    ASSERT(shell != NULL);

    if (text[0] != '.')
        return shell_run_sql(shell, text);
    // A copy, since dot_command() cuts the line up.
    char *line = shell_printf("%s", text);
    bool ok = dot_command(shell, line) == 0;
    sqlite3_free(line);
    return ok;
}

// The first error ends it.
static int run_arguments(Shell *shell, char **texts)
{
    ASSERT(*texts != NULL);

    for (; *texts != NULL && !shell->stop; texts++) {
        if (!run_text(shell, *texts)) {
            // The exit status has eight bits, as the primary result codes; 0 would look like
            // success.
            // The library's code says more than 1 does.
            int code = shell->db == NULL ? 1 : sqlite3_errcode(shell->db) & 0xff;
            return code != SQLITE_OK && code != SQLITE_DONE ? code : 1;
        }
    }
    return shell->exit_code;
}

// A person sees a greeting; a script does not.
static int run_input(Shell *shell)
{
    ASSERT(shell->path != NULL);
    ASSERT(!shell->stop);

    if (shell->is_interactive) {
        printf("quire %s (SQLite %s)\nEnter \".help\" for usage hints.\n", quire_version(),
               sqlite3_libversion());
        if (strcmp(shell->path, ":memory:") == 0)
            puts("Connected to a transient in-memory database.\n"
                 "Use \".open FILENAME\" to reopen on a persistent database.");
    }
    repl_start(shell);
    shell_read(shell, stdin);
    repl_finish(shell);
    return shell->error_count > 0 && shell->exit_code == 0 && !shell->is_interactive
               ? 1
               : shell->exit_code;
}

// ~/.quirerc only for a person; a file that was named must be there.
static void read_init(Shell *shell, const char *named)
{
    ASSERT(shell->path != NULL);

    const char *home = getenv("HOME");
    if (named == NULL && (home == NULL || !shell->is_interactive))
        return;
    char *path = named != NULL ? shell_printf("%s", named) : shell_printf("%s/.quirerc", home);
    FILE *in = fopen(path, "rb");
    if (in != NULL) {
        // On stderr: it is no output of the script's.
        fprintf(stderr, "-- Loading resources from %s\n", path);
        shell_read(shell, in);
        (void)fclose(in);
    } else if (named != NULL) {
        fprintf(stderr, "cannot open: \"%s\"\n", path);
        // Without -bail it is a warning, as in SQLite's shell.
        shell->error_count += shell->bail;
    }
    sqlite3_free(path);
}

// The library's error log, which .log sends to a file.
static void write_log(void *arg, int code, const char *message)
{
    ASSERT(arg != NULL);
    ASSERT(message != NULL);

    const Shell *shell = arg;
    if (shell->log == NULL)
        return;
    fprintf(shell->log, "(%d) %s\n", code, message);
    (void)fflush(shell->log);
}

// Whatever was opened by commands goes too.
static void shell_deinit(Shell *shell)
{
    ASSERT(shell->out != NULL);

    // First, because closing may still print.
    output_reset(shell);
    shell_close(shell);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        sqlite3_close_v2(shell->connections[i].db);
        sqlite3_free(shell->connections[i].path);
    }
    sqlite3_free(shell->path);
    sqlite3_free(shell->insert_table);
}

// The error log is directed before anything else, since sqlite3_config() is refused once the
// library is in use.
int main(int argc, char **argv)
{
    Shell shell = {
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
        .out = stdout,
        .prompt = "quire> ",
        .prompt_more = "   ...> ",
        .explain = EXPLAIN_AUTO,
        .is_interactive = isatty(STDIN_FILENO) != 0,
    };
    // Before anything of the library is used: logging is set up with it.
    sqlite3_config(SQLITE_CONFIG_LOG, write_log, &shell);
    mode_set(&shell, MODE_LIST);
    shell.headers_set = false;
    shell.insert_table = shell_printf("\"table\"");
    Options options = take_options(&shell, argc, argv);
    shell.path = shell_printf("%s", options.path != NULL ? options.path : ":memory:");
    if (options.is_mcp) {
        const McpOptions serving = {.read_only = (shell.open_flags & SQLITE_OPEN_READONLY) != 0,
                                    .timeout_ms = options.mcp_timeout_ms,
                                    .row_limit = options.mcp_rows};
        int served = mcp_serve(shell.path, &serving);
        shell_deinit(&shell);
        return served;
    }
    bool has_texts = options.next < argc;
    // Arguments are a script, also at a terminal.
    if (has_texts)
        shell.is_interactive = false;
    read_init(&shell, options.init);
    int status = 0;
    for (int i = 0; i < options.command_count && status == 0 && !shell.stop; i++)
        status = !run_text(&shell, options.commands[i]) && shell.bail;
    if (status == 0 && !shell.stop)
        status = has_texts ? run_arguments(&shell, argv + options.next) : run_input(&shell);
    shell_deinit(&shell);
    return status;
}
