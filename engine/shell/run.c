// Running SQL: opening the database, errors as SQLite's shell words them, what is shown around a
// statement (plan, counts, times).
#include "shell/shell.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

// One line; what was printed before comes first.
void shell_error(Shell *shell, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    char *text = sqlite3_vmprintf(fmt, args);
    va_end(args);
    (void)fflush(shell->out); // S2
    fprintf(stderr, "%s\n", text != NULL ? text : "out of memory");
    sqlite3_free(text);
    shell->error_count++;
}

// --- the database ---

// Not 0 interrupts the statement.
int shell_progress(void *arg)
{
    ASSERT(arg != NULL);

    Shell *shell = arg;
    shell->progress.count++;
    bool at_limit = shell->progress.limit > 0 && shell->progress.count >= shell->progress.limit;
    if (!at_limit) {
        if (!shell->progress.quiet)
            fprintf(shell->out, "Progress %u\n", shell->progress.count);
        return 0;
    }
    fprintf(shell->out, "Progress limit reached (%u)\n", shell->progress.count);
    if (shell->progress.resets)
        shell->progress.count = 0;
    // The limit has done its work; the handler goes on counting.
    if (shell->progress.once)
        shell->progress.limit = 0;
    return 1;
}

// sha3(X [, size]), for users and for the shell's own SQL. Text is hashed in UTF-8.
static void fn_sha3(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1 || count == 2);

    int bits = count == 2 ? sqlite3_value_int(args[1]) : 256;
    if (!sha3_has(bits)) {
        sqlite3_result_error(call, "SHA3 size should be one of: 224 256 384 512", -1);
        return;
    }
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    unsigned char digest[64];
    Sha3 hash;
    sha3_init(&hash, bits);
    if (sqlite3_value_type(args[0]) == SQLITE_BLOB)
        sha3_add(&hash, sqlite3_value_blob(args[0]), (size_t)sqlite3_value_bytes(args[0]));
    else
        sha3_add(&hash, sqlite3_value_text(args[0]), (size_t)sqlite3_value_bytes(args[0]));
    sha3_finish(&hash, digest);
    sqlite3_result_blob(call, digest, bits / 8, SQLITE_TRANSIENT);
}

// Loading code is allowed but under -safe (S5), as SQLite's shell has it.
bool shell_open(Shell *shell)
{
    ASSERT(shell->out != NULL);

    if (shell->db != NULL)
        return true;
    const char *path = shell->path != NULL ? shell->path : ":memory:";
    int rc = sqlite3_open_v2(path, &shell->db, shell->open_flags, NULL);
    // A handle comes back in any case, and has the message.
    if (rc != SQLITE_OK) {
        shell_error(shell, "Error: unable to open database \"%s\": %s", path,
                    sqlite3_errmsg(shell->db));
        shell_close(shell);
        return false;
    }
    sqlite3_enable_load_extension(shell->db, !shell->is_safe);
    for (int count = 1; count <= 2; count++)
        sqlite3_create_function(shell->db, "sha3", count,
                                SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC, NULL,
                                fn_sha3, NULL, NULL);
    if (shell->progress.every > 0)
        sqlite3_progress_handler(shell->db, (int)shell->progress.every, shell_progress, shell);
    if (shell->trace != NULL)
        sqlite3_trace_v2(shell->db, shell->trace_events, trace_event, shell);
    return true;
}

// Also right when none is open.
void shell_close(Shell *shell)
{
    ASSERT(shell->connection >= 0);

    sqlite3_close_v2(shell->db);
    shell->db = NULL;
}

// --- small questions ---

// NULL after an error, which has been told. `args` is used up.
static sqlite3_stmt *vprepare(Shell *shell, const char *fmt, va_list args)
{
    ASSERT(fmt != NULL);

    sqlite3_stmt *stmt = NULL;
    if (!shell_open(shell))
        return NULL;
    char *sql = sqlite3_vmprintf(fmt, args);
    if (sql == NULL || sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        shell_error(shell, "Error: %s", sqlite3_errmsg(shell->db));
    sqlite3_free(sql);
    return stmt;
}

// sqlite3_mprintf()'s formats, so that names are quoted with %w.
sqlite3_stmt *shell_prepare(Shell *shell, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    sqlite3_stmt *stmt = vprepare(shell, fmt, args);
    va_end(args);
    return stmt;
}

// For questions of our own, whose answer is one number.
long long shell_ask_integer(Shell *shell, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    sqlite3_stmt *stmt = vprepare(shell, fmt, args);
    va_end(args);
    long long answer = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    sqlite3_finalize(stmt);
    return answer;
}

// --- errors ---

// The SQL around the place of an error, and a caret below the place. Long texts are cut to what
// fits on a line.
static void print_context(const char *sql, int offset)
{
    ASSERT(sql != NULL);

    enum { BEFORE_MAX = 50, SHOWN_MAX = 78, CARET_LEFT_MAX = 25 };
    size_t size = strlen(sql);
    if (offset < 0 || offset >= (int)size)
        return;
    // Whole characters are left out, so that none is cut.
    while (offset > BEFORE_MAX) {
        sql++;
        size--;
        offset--;
        while (((unsigned char)*sql & 0xc0) == 0x80) {
            sql++;
            size--;
            offset--;
        }
    }
    if (size > SHOWN_MAX) {
        size = SHOWN_MAX;
        while (size > 0 && ((unsigned char)sql[size] & 0xc0) == 0x80)
            size--;
    }
    // On one line, so that the caret stands below its place.
    char *shown = shell_printf("%.*s", (int)size, sql);
    for (char *at = shown; *at != 0; at++)
        *at = strchr(" \t\r\n\v\f", *at) != NULL ? ' ' : *at;
    // The words go where there is room for them.
    if (offset < CARET_LEFT_MAX)
        fprintf(stderr, "  %s\n  %*s^--- error here\n", shown, offset, "");
    else
        fprintf(stderr, "  %s\n  %*serror here ---^\n", shown, offset - 14, "");
    sqlite3_free(shown);
}

// In the words of SQLite's shell, which differ for a text of the command line, a person and a
// script.
static void report_error(Shell *shell, bool at_prepare, const char *sql)
{
    ASSERT(shell->db != NULL);
    ASSERT(sql != NULL);

    int code = sqlite3_extended_errcode(shell->db);
    int offset = sqlite3_error_offset(shell->db);
    char *message = shell_printf("%s", sqlite3_errmsg(shell->db));
    char number[32] = "";
    if ((code & 0xff) > SQLITE_ERROR)
        snprintf(number, sizeof number, " (%d)", code & 0xff);
    if (shell->in == NULL)
        shell_error(shell, "Error: %s, %s%s", at_prepare ? "in prepare" : "stepping", message,
                    number);
    else if (shell->is_interactive)
        shell_error(shell, "%s: %s%s", at_prepare ? "Parse error" : "Runtime error", message,
                    number);
    else
        shell_error(shell, "%s near line %ld: %s%s", at_prepare ? "Parse error" : "Runtime error",
                    shell->line, message, number);
    if (at_prepare)
        print_context(sql, offset);
    sqlite3_free(message);
}

// --- statements ---

// Values of .parameter, from the table it keeps.
void shell_bind_parameters(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(shell->db != NULL);
    ASSERT(stmt != NULL);

    int count = sqlite3_bind_parameter_count(stmt);
    sqlite3_stmt *find = NULL;
    if (count == 0)
        return;
    if (sqlite3_table_column_metadata(shell->db, "TEMP", "sqlite_parameters", "key", NULL, NULL,
                                      NULL, NULL, NULL)
        == SQLITE_OK)
        (void)sqlite3_prepare_v2(shell->db, "SELECT value FROM temp.sqlite_parameters WHERE key=?1",
                                 -1, &find, NULL);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt, i);
        char number[24];
        if (name == NULL) {
            snprintf(number, sizeof number, "?%d", i);
            name = number;
        }
        // Without the table `find` is NULL, and all of these do nothing.
        sqlite3_bind_text(find, 1, name, -1, SQLITE_TRANSIENT);
        if (find != NULL && sqlite3_step(find) == SQLITE_ROW)
            sqlite3_bind_value(stmt, i, sqlite3_column_value(find, 0));
        sqlite3_reset(find);
    }
    sqlite3_finalize(find);
}

// A statement that cannot be explained shows nothing; its error comes when it runs.
static void show_explained(Shell *shell, const char *prefix, const char *sql,
                           int (*render)(Shell *, sqlite3_stmt *))
{
    ASSERT(render != NULL);
    ASSERT(prefix != NULL && sql != NULL);

    sqlite3_stmt *stmt = NULL;
    char *text = shell_printf("%s %s", prefix, sql);
    if (sqlite3_prepare_v2(shell->db, text, -1, &stmt, NULL) == SQLITE_OK)
        (void)render(shell, stmt);
    sqlite3_finalize(stmt);
    sqlite3_free(text);
}

// What .eqp asks for, before the statement runs.
static void show_plan(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(shell->db != NULL);
    ASSERT(stmt != NULL);

    if (shell->eqp == EQP_OFF || sqlite3_stmt_isexplain(stmt) != 0)
        return;
    // The statement's own text: expanding its parameters would change the plan.
    const char *sql = sqlite3_sql(stmt);
    int triggers = 0;
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_TRIGGER_EQP, -1, &triggers);
    if (shell->eqp >= EQP_TRIGGER)
        sqlite3_db_config(shell->db, SQLITE_DBCONFIG_TRIGGER_EQP, 1, (int *)NULL);
    show_explained(shell, "EXPLAIN QUERY PLAN", sql, render_plan);
    if (shell->eqp == EQP_FULL)
        show_explained(shell, "EXPLAIN", sql, render_program);
    // Put back: the setting is the user's (.dbconfig).
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_TRIGGER_EQP, triggers, (int *)NULL);
}

typedef struct Times {
    double real, user, system; // seconds
} Times;

// Of the whole process, whatever threads it has.
static Times times_now(void)
{
    struct timespec now;
    struct rusage usage;
    clock_gettime(CLOCK_MONOTONIC, &now);
    getrusage(RUSAGE_SELF, &usage);
    return (Times){
        .real = (double)now.tv_sec + (double)now.tv_nsec / 1e9,
        .user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        .system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
    };
}

// Finalizes it.
static bool run_statement(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);
    ASSERT(shell->db != NULL);

    show_plan(shell, stmt);
    shell_bind_parameters(shell, stmt);
    int rc = render_statement(shell, stmt);
    if (shell->stats != STATS_OFF)
        stats_print(shell, stmt);
    bool ok = rc == SQLITE_DONE;
    // A copy, because reporting may come behind the statement's end.
    char *sql = shell_printf("%s", sqlite3_sql(stmt));
    if (!ok)
        report_error(shell, false, sql);
    sqlite3_free(sql);
    sqlite3_finalize(stmt);
    return ok;
}

// Statement by statement; the first error ends it.
static bool run_all(Shell *shell, const char *sql)
{
    ASSERT(shell->db != NULL);
    ASSERT(sql != NULL);

    while (*sql != 0) {
        sqlite3_stmt *stmt = NULL;
        const char *tail = sql;
        if (sqlite3_prepare_v2(shell->db, sql, -1, &stmt, &tail) != SQLITE_OK) {
            report_error(shell, true, sql);
            return false; // the rest of this text cannot be trusted
        }
        // NULL: a comment, or blanks.
        if (stmt != NULL && !run_statement(shell, stmt))
            return false;
        sql = tail + strspn(tail, " \t\r\n\v\f");
    }
    return true;
}

// What is shown around a text of statements: the time it took and the changes, if asked for.
bool shell_run_sql(Shell *shell, const char *sql)
{
    ASSERT(sql != NULL);

    if (!shell_open(shell))
        return false;
    Times before = times_now();
    if (shell->progress.resets)
        shell->progress.count = 0;
    bool is_expert = shell->is_expert;
    // .expert is for one text, whether it goes well or not.
    shell->is_expert = false;
    bool ok = is_expert ? expert_run(shell, sql) : run_all(shell, sql);
    if (shell->timer) {
        Times after = times_now();
        fprintf(shell->out, "Run Time: real %.3f user %.6f sys %.6f\n", after.real - before.real,
                after.user - before.user, after.system - before.system);
    }
    if (ok && shell->changes)
        fprintf(shell->out, "changes: %lld   total_changes: %lld\n",
                (long long)sqlite3_changes64(shell->db),
                (long long)sqlite3_total_changes64(shell->db));
    (void)fflush(shell->out);
    return ok;
}
