// Reading input: lines become statements and dot-commands. With a person at the terminal: prompts,
// editing, history, completion, and Ctrl-C that interrupts the query.
#include "shell/shell.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef QUIRE_HAVE_EDIT
#    include <editline/readline.h>
#endif

// --- pending text ---

// The text of a statement that is not complete yet.
// Kept between statements, so that a script needs its memory once.
typedef struct Pending {
    char *text;
    size_t size, capacity;
} Pending;

// Adds a line, without its own end and with one before it where there is text already.
static void pending_add(Pending *pending, const char *line)
{
    ASSERT(pending->size <= pending->capacity);
    ASSERT(line != NULL);

    size_t size = strcspn(line, "\r\n");
    if (pending->size + size + 2 > pending->capacity) {
        pending->capacity = (pending->size + size + 2) * 2;
        pending->text = shell_realloc(pending->text, pending->capacity);
    }
    if (pending->size > 0)
        pending->text[pending->size++] = '\n';
    memcpy(pending->text + pending->size, line, size);
    pending->size += size;
    pending->text[pending->size] = 0;
}

// Nothing but blanks, comments and semicolons.
static bool is_blank(const char *text)
{
    ASSERT(text != NULL);

    for (; *text != 0; text++) {
        if (strchr(" \t\r\n;", *text) != NULL)
            continue;
        if (strncmp(text, "--", 2) == 0) {
            text += strcspn(text, "\n");
            if (*text == 0)
                return true;
        } else if (strncmp(text, "/*", 2) == 0) {
            const char *end = strstr(text + 2, "*/");
            if (end == NULL)
                return false;
            text = end + 1;
        } else {
            return false;
        }
    }
    return true;
}

// "go" or "/" alone on a line ends a statement, as elsewhere.
static bool is_terminator(const char *line)
{
    ASSERT(line != NULL);

    while (*line == ' ' || *line == '\t')
        line++;
    size_t size = strcspn(line, "\r\n");
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
        size--;
    return (size == 1 && line[0] == '/') || (size == 2 && sqlite3_strnicmp(line, "go", 2) == 0);
}

// --- Ctrl-C ---

// What a signal handler can reach: the connection whose query runs, NULL between queries.
static sqlite3 *volatile interrupted_db;
static volatile sig_atomic_t interrupt_count;

// The first Ctrl-C interrupts the query; the third one that finds it still running ends the
// program.
static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupt_count++;
    if (interrupt_count > 2)
        _exit(1); // the query does not listen
    // One of the few functions that a signal handler may call: it sets a flag.
    if (interrupted_db != NULL)
        sqlite3_interrupt(interrupted_db);
}

// Ctrl-C reaches the statement while it runs, and nothing else.
static void run_pending(Shell *shell, const char *sql)
{
    ASSERT(interrupted_db == NULL);
    ASSERT(sql != NULL);

    interrupt_count = 0;
    if (shell_open(shell))
        interrupted_db = shell->db;
    (void)shell_run_sql(shell, sql);
    interrupted_db = NULL;
    interrupt_count = 0;
}

// --- one line after the other ---

// Counts .once down; at 0 its output ends.
static void after_command(Shell *shell)
{
    ASSERT(shell->once >= 0 && shell->once <= 2);

    if (shell->once == 0)
        return;
    shell->once--;
    if (shell->once == 0)
        output_reset(shell);
}

// A dot-command counts only where a statement could begin. Blank lines and comments between
// statements are not run, nor are lines that begin with #.
static void take_line(Shell *shell, Pending *pending, char *line, long *first_line)
{
    ASSERT(pending->size == 0 || pending->text != NULL);

    if (pending->size == 0 && line[0] == '.') {
        if (shell->echo)
            fprintf(shell->out, "%.*s\n", (int)strcspn(line, "\r\n"), line);
        line[strcspn(line, "\r\n")] = 0;
        shell->error_count += dot_command(shell, line);
        after_command(shell);
        return;
    }
    if (pending->size == 0 && is_terminator(line))
        return;
    if (pending->size == 0 && (is_blank(line) || line[0] == '#')) {
        if (shell->echo && line[0] != '#' && strspn(line, " \t\r\n") != strlen(line))
            fputs(line, shell->out);
        return;
    }
    if (pending->size == 0)
        *first_line = shell->line;
    bool ends = pending->size > 0 && is_terminator(line);
    pending_add(pending, ends ? ";" : line);
    // A semicolon is looked for first: sqlite3_complete() reads the whole text each time.
    if (!ends && (strchr(line, ';') == NULL || !sqlite3_complete(pending->text)))
        return;
    // Messages name the line that the statement began on.
    long here = shell->line;
    shell->line = *first_line;
    if (shell->echo)
        fprintf(shell->out, "%s\n", pending->text);
    run_pending(shell, pending->text);
    shell->line = here;
    pending->size = 0;
    after_command(shell);
}

// What Ctrl-C at the prompt leaves behind: the text begun is forgotten, as by other shells.
static bool was_interrupted(void)
{
    // Read and cleared at the prompt only, when no query runs that the handler could count for.
    bool was = interrupt_count > 0;
    interrupt_count = 0;
    return was;
}

#ifdef QUIRE_HAVE_EDIT

static const bool has_editing = true;

static bool edit_line(const char *prompt, char **line, size_t *capacity)
{
    char *edited = readline(prompt);
    if (edited == NULL)
        return false;
    if (edited[0] != 0)
        add_history(edited);
    size_t size = strlen(edited);
    if (size + 2 > *capacity) {
        *capacity = size + 2;
        free(*line);               // libc: as getline would have it
        *line = malloc(*capacity); // libc: getline may take it over
    }
    if (*line != NULL)
        snprintf(*line, *capacity, "%s\n", edited);
    free(edited); // libc: readline's
    return *line != NULL;
}

#else

static const bool has_editing = false;

static bool edit_line(const char *prompt, char **line, size_t *capacity)
{
    (void)prompt;
    (void)line;
    (void)capacity;
    return false;
}

#endif

// The next line with its newline, in *line; false at the end, and after Ctrl-C at the prompt.
static bool get_line(Shell *shell, bool continues, char **line, size_t *capacity)
{
    ASSERT(shell->in != NULL);

    const char *prompt = continues ? shell->prompt_more : shell->prompt;
    if (shell->is_interactive && shell->in == stdin && isatty(STDIN_FILENO) && has_editing)
        return edit_line(prompt, line, capacity);
    // Without a terminal on stdin the prompt is plain output, as by -interactive in a pipe.
    if (shell->is_interactive && shell->in == stdin) {
        fputs(prompt, shell->out);
        (void)fflush(shell->out);
    }
    return getline(line, capacity, shell->in) >= 0;
}

// .quit, .exit, or under -bail the first error.
static bool must_stop(const Shell *shell)
{
    ASSERT(shell->error_count >= 0);

    return shell->stop || (shell->bail && shell->error_count > 0);
}

// May be nested (.read): input and line number are put back.
void shell_read(Shell *shell, FILE *in)
{
    ASSERT(in != NULL);

    FILE *former = shell->in;
    long former_line = shell->line;
    Pending pending = {0};
    char *line = NULL;
    size_t capacity = 0;
    long first_line = 1;
    // Lines are counted anew: messages of a file name its own.
    shell->in = in;
    shell->line = 0;
    while (!must_stop(shell)) {
        if (get_line(shell, pending.size > 0, &line, &capacity)) {
            shell->line++;
            take_line(shell, &pending, line, &first_line);
        } else if (shell->is_interactive && was_interrupted()) {
            pending.size = 0;
            fputc('\n', shell->out);
            clearerr(in);
        } else {
            break;
        }
    }
    if (!must_stop(shell) && pending.size > 0 && !is_blank(pending.text)) {
        shell->line = first_line;
        run_pending(shell, pending.text);
        after_command(shell);
    }
    sqlite3_free(pending.text);
    free(line); // libc: getline's
    shell->in = former;
    shell->line = former_line;
}

// --- editing ---

#ifdef QUIRE_HAVE_EDIT

static Shell *completed_shell; // readline's callbacks get no context

// Words that may come: keywords, and names of the schema.
static sqlite3_stmt *prepare_candidates(Shell *shell, const char *prefix)
{
    ASSERT(shell != NULL && prefix != NULL);

    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "WITH c(w) AS (VALUES('')");
    for (int i = 0; i < sqlite3_keyword_count(); i++) {
        const char *word;
        int size;
        sqlite3_keyword_name(i, &word, &size);
        sqlite3_str_appendf(sql, ",('%.*s')", size, word);
    }
    sqlite3_str_appendf(
        sql,
        " UNION SELECT name FROM sqlite_schema UNION SELECT name FROM temp.sqlite_schema"
        " UNION SELECT i.name FROM sqlite_schema s, pragma_table_xinfo(s.name) i"
        " WHERE s.type IN ('table','view')"
        " UNION SELECT name FROM pragma_function_list)"
        " SELECT DISTINCT w FROM c WHERE substr(w,1,%d) LIKE replace(%Q,'_','_') AND w <> ''"
        " AND lower(substr(w,1,%d)) = lower(%Q) ORDER BY w",
        (int)strlen(prefix), prefix, (int)strlen(prefix), prefix);
    char *text = sqlite3_str_finish(sql);
    sqlite3_stmt *stmt = NULL;
    // An error is no matter here: there are no candidates then.
    if (text != NULL && shell_open(shell))
        (void)sqlite3_prepare_v2(shell->db, text, -1, &stmt, NULL);
    sqlite3_free(text);
    return stmt;
}

// readline's protocol: `state` 0 begins, NULL ends; words are of malloc().
static char *next_candidate(const char *prefix, int state)
{
    ASSERT(completed_shell != NULL);

    static sqlite3_stmt *stmt;
    if (state == 0) {
        sqlite3_finalize(stmt);
        stmt = prepare_candidates(completed_shell, prefix);
    }
    if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        size_t size = (size_t)sqlite3_column_bytes(stmt, 0) + 1;
        char *word = malloc(size); // libc: readline frees it
        return word == NULL ? NULL : memcpy(word, sqlite3_column_text(stmt, 0), size);
    }
    sqlite3_finalize(stmt);
    stmt = NULL;
    return NULL;
}

// readline's hook; candidates come from next_candidate().
static char **complete(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1; // no file names
    return rl_completion_matches(text, next_candidate);
}

// NULL: none is kept.
// SQLite's variable is honoured, so that a person has one setting for both shells.
static char *history_path(void)
{
    const char *named = getenv("SQLITE_HISTORY");
    const char *home = getenv("HOME");
    if (named != NULL)
        return shell_printf("%s", named);
    return home == NULL ? NULL : shell_printf("%s/.quire_history", home);
}

static void start_editing(Shell *shell)
{
    ASSERT(completed_shell == NULL);

    completed_shell = shell;
    rl_readline_name = "quire";
    rl_initialize();
    rl_attempted_completion_function = complete;
    using_history();
    char *path = history_path();
    if (path != NULL)
        (void)read_history(path);
    sqlite3_free(path);
}

static void finish_editing(void)
{
    ASSERT(completed_shell != NULL);

    enum { HISTORY_MAX = 2000 };
    char *path = history_path();
    stifle_history(HISTORY_MAX);
    if (path != NULL)
        (void)write_history(path);
    sqlite3_free(path);
}

#else

static void start_editing(Shell *shell)
{
    (void)shell;
}

static void finish_editing(void) {}

#endif

// The prompt is coloured only where it is seen, and where nobody has asked for none.
static void colour_prompt(Shell *shell)
{
    ASSERT(shell->is_interactive);

    const char *terminal = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || getenv("NO_COLOR") != NULL || terminal == NULL
        || strcmp(terminal, "dumb") == 0)
        return;
    snprintf(shell->prompt, sizeof shell->prompt, "\001\033[1;32m\002quire> \001\033[0m\002");
}

// Ctrl-C is handled in scripts too: a long query can be stopped, the script goes on with an error.
void repl_start(Shell *shell)
{
    ASSERT(shell->out != NULL);

    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    if (!shell->is_interactive)
        return;
    if (isatty(STDIN_FILENO) && has_editing) // which knows that colours take no room
        colour_prompt(shell);
    start_editing(shell);
}

// Only what a person typed is kept: a script has no history.
void repl_finish(Shell *shell)
{
    ASSERT(shell->out != NULL);

    if (shell->is_interactive && isatty(STDIN_FILENO))
        finish_editing();
}
