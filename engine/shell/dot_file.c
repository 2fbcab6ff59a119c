// Dot-commands that open databases, copy them, read files and send output elsewhere.
//
// Output has one place at a time: shell->out, which may be a file or a pipe that must be closed
// (output_reset). .once is .output that ends after the next command: the counter in shell->once is
// 2 when it is given, so that its own line does not end it.

#include "shell/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- output ---

// Also ends .once.
void output_reset(Shell *shell)
{
    ASSERT(shell->out != NULL);

    (void)fflush(shell->out);
    if (shell->out_is_pipe)
        (void)pclose(shell->out);
    else if (shell->out != stdout && shell->out != stderr)
        (void)fclose(shell->out);
    shell->out = stdout;
    shell->out_is_pipe = false;
    shell->once = 0;
    sqlite3_free(shell->out_name);
    shell->out_name = NULL;
}

// On failure output stays on stdout.
static int output_open(Shell *shell, const char *name, bool with_mark)
{
    ASSERT(shell->out == stdout);
    ASSERT(shell->out_name == NULL && !shell->out_is_pipe);

    if (name == NULL || strcmp(name, "stdout") == 0)
        return 0;
    if (name[0] == '|') {
        shell->out = popen(name + 1, "w");
        shell->out_is_pipe = shell->out != NULL;
    } else if (strcmp(name, "off") == 0) {
        shell->out = fopen("/dev/null", "w");
    } else if (strcmp(name, "stderr") == 0) {
        shell->out = stderr;
    } else {
        shell->out = fopen(name, "wb");
    }
    if (shell->out == NULL) {
        shell->out = stdout;
        fprintf(stderr, "Error: cannot %s \"%s\"\n", name[0] == '|' ? "open pipe" : "write to",
                name[0] == '|' ? name + 1 : name);
        return 1;
    }
    if (with_mark)
        fputs("\xef\xbb\xbf", shell->out);
    shell->out_name = shell_printf("%s", name);
    return 0;
}

// Both commands: words after "|" belong to the command of the pipe.
static int redirect(DotCall *call, const char *command)
{
    ASSERT(call->count >= 1);
    ASSERT(command != NULL);

    bool with_mark = false;
    sqlite3_str *name = NULL;
    for (int i = 1; i < call->count; i++) {
        const char *option = name == NULL ? dot_option(call->args[i]) : NULL;
        if (option != NULL && strcmp(option, "bom") == 0) {
            with_mark = true;
        } else if (option != NULL) {
            fprintf(call->shell->out, "ERROR: unknown option: \"%s\".  Usage:\n", call->args[i]);
            (void)help_print(call->shell->out, command);
            return 1;
        } else if (name == NULL) {
            name = sqlite3_str_new(NULL);
            sqlite3_str_appendall(name, call->args[i]);
        } else if (sqlite3_str_value(name)[0] == '|') {
            sqlite3_str_appendf(name, " %s", call->args[i]);
        } else {
            // Told where output goes now, as SQLite's shell does.
            fprintf(call->shell->out, "ERROR: extra parameter: \"%s\".  Usage:\n", call->args[i]);
            (void)help_print(call->shell->out, command);
            sqlite3_free(sqlite3_str_finish(name));
            return 1;
        }
    }
    char *text = name == NULL ? NULL : sqlite3_str_finish(name);
    // The former place is closed before the new one opens: it may be the same file.
    output_reset(call->shell);
    int rc = output_open(call->shell, text, with_mark);
    sqlite3_free(text);
    return rc;
}

// .output ?FILE?: without a file back to stdout; "off" discards, "|command" pipes.
int dot_output(DotCall *call)
{
    ASSERT(call->count >= 1);

    return redirect(call, "output");
}

// .once ?FILE?: the same for the next command alone.
int dot_once(DotCall *call)
{
    ASSERT(call->count >= 1);

    int rc = redirect(call, "once");
    call->shell->once = rc == 0 ? 2 : 0;
    return rc;
}

// There is no spreadsheet to start everywhere, so this says what to do instead.
int dot_excel(DotCall *call)
{
    (void)call;
    fputs("Error: .excel is not supported; use \".mode csv\", \".headers on\" and \".once FILE\"\n",
          stderr);
    return 1;
}

// --- input ---

// .read FILE: however many errors it has, they count as one of the script that reads it.
int dot_read(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count != 2)
        return dot_usage(".read FILE");
    const char *name = call->args[1];
    bool is_pipe = name[0] == '|';
    FILE *in = is_pipe ? popen(name + 1, "r") : fopen(name, "rb");
    if (in == NULL) {
        fprintf(stderr, "Error: cannot open \"%s\"\n", is_pipe ? name + 1 : name);
        return 1;
    }
    // Counted apart, because -bail looks at the number while the file is read.
    int errors = call->shell->error_count;
    shell_read(call->shell, in);
    if (is_pipe)
        (void)pclose(in);
    else
        (void)fclose(in);
    bool failed = call->shell->error_count > errors;
    call->shell->error_count = errors;
    return failed;
}

// Its own file (import.c): it reads, the others here write and open.
int dot_import(DotCall *call)
{
    ASSERT(call->count >= 1);

    return import_file(call);
}

// --- opening ---

// Nothing is closed before all of them were understood.
typedef struct OpenOptions {
    int flags;
    bool is_new, deserializes;
    const char *path;
} OpenOptions;

// False after an error.
static bool take_open_options(DotCall *call, OpenOptions *options)
{
    ASSERT(options->path == NULL);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL && options->path == NULL) {
            options->path = call->args[i];
        } else if (option == NULL) {
            fprintf(stderr, "extra argument: \"%s\"\n", call->args[i]);
            return false;
        } else if (strcmp(option, "new") == 0) {
            options->is_new = true;
        } else if (strcmp(option, "readonly") == 0) {
            // In the place of the flags that would create the file.
            options->flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        } else if (strcmp(option, "nofollow") == 0) {
            options->flags |= SQLITE_OPEN_NOFOLLOW;
        } else if (strcmp(option, "deserialize") == 0) {
            options->deserializes = true;
        } else {
            fprintf(stderr, "unknown option: %s\n", call->args[i]);
            return false;
        }
    }
    return true;
}

// The file becomes a database in memory, which changes do not leave.
static int open_copy_in_memory(Shell *shell, const char *path)
{
    ASSERT(shell->db == NULL);
    ASSERT(path != NULL);

    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fprintf(stderr, "Error: cannot open \"%s\"\n", path);
        return 1;
    }
    (void)fseek(in, 0, SEEK_END);
    long size = ftell(in);
    rewind(in);
    // sqlite3_malloc: the library frees it with the database.
    unsigned char *bytes = size < 0 ? NULL : sqlite3_malloc64((sqlite3_uint64)size + 1);
    bool is_read = bytes != NULL && fread(bytes, 1, (size_t)size, in) == (size_t)size;
    (void)fclose(in);
    if (!is_read || !shell_open(shell)) {
        sqlite3_free(bytes);
        fprintf(stderr, "Error: cannot read \"%s\"\n", path);
        return 1;
    }
    // The library owns the bytes from here on, also when it refuses them.
    int rc = sqlite3_deserialize(shell->db, "main", bytes, size, size,
                                 SQLITE_DESERIALIZE_RESIZEABLE | SQLITE_DESERIALIZE_FREEONCLOSE);
    if (rc != SQLITE_OK)
        fprintf(stderr, "Error: sqlite3_deserialize() returns %d\n", rc);
    return rc != SQLITE_OK;
}

// .open ?OPTIONS? ?FILE?: the former database is closed first, so that --new may delete the very
// file.
int dot_open(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    OpenOptions options = {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI};
    if (!take_open_options(call, &options))
        return 1;
    shell_close(shell);
    ASSERT(shell->db == NULL);
    if (options.is_new && options.path != NULL)
        (void)unlink(options.path);
    // Kept until here: the options' path may be an argument, which lies in the line.
    sqlite3_free(shell->path);
    bool in_memory = options.path == NULL || options.deserializes;
    shell->path = shell_printf("%s", in_memory ? ":memory:" : options.path);
    shell->open_flags = options.flags;
    if (options.deserializes && options.path != NULL)
        return open_copy_in_memory(shell, options.path);
    return !shell_open(shell);
}

// The place in use, and those that have a database.
static void show_connections(const Shell *shell)
{
    ASSERT(shell->connection >= 0 && shell->connection < CONNECTIONS_MAX);
    ASSERT(shell->connections[shell->connection].db == NULL);

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        bool is_active = i == shell->connection;
        const sqlite3 *db = is_active ? shell->db : shell->connections[i].db;
        const char *path = is_active ? shell->path : shell->connections[i].path;
        if (db == NULL && !is_active)
            continue;
        const char *shown = path == NULL ? "(memory)" : path[0] == 0 ? "(temporary-file)" : path;
        fprintf(shell->out, "%s %d: %s\n", is_active ? "ACTIVE" : "      ", i, shown);
    }
}

// -1: no number of a connection.
static int connection_number(const char *text)
{
    ASSERT(text != NULL);

    bool is_one = text[0] >= '0' && text[0] < '0' + CONNECTIONS_MAX && text[1] == 0;
    return is_one ? text[0] - '0' : -1;
}

// The active connection lives in shell->db and shell->path; its place in the array is empty
// meanwhile.
static void use_connection(Shell *shell, int number)
{
    ASSERT(number >= 0 && number < CONNECTIONS_MAX);

    if (number == shell->connection)

        return;
    shell->connections[shell->connection].db = shell->db;
    shell->connections[shell->connection].path = shell->path;
    shell->connection = number;
    shell->db = shell->connections[number].db;
    shell->path = shell->connections[number].path;
    ASSERT(shell->connection == number);
    shell->connections[number].db = NULL;
    shell->connections[number].path = NULL;
}

// .connection ?close? ?N?: up to five databases, of which one is spoken to.
int dot_connection(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    int number = connection_number(call->args[call->count - 1]);
    if (call->count == 1) {
        show_connections(shell);
        return 0;
    }
    if (call->count == 2 && number >= 0) {
        use_connection(shell, number);
        return !shell_open(shell);
    }
    if (call->count == 3 && strcmp(call->args[1], "close") == 0 && number >= 0) {
        if (number == shell->connection) {
            fputs("cannot close the active database connection\n", stderr);
            return 1;
        }
        // Statements that are still open keep it alive until they end.
        sqlite3_close_v2(shell->connections[number].db);
        shell->connections[number].db = NULL; // its path stays: it may be opened again
        return 0;
    }
    return dot_usage(".connection [close] [CONNECTION-NUMBER]");
}

// --- copies ---

// Waits a little when the source is busy, as SQLite's shell does: three times, a tenth of a second
// each.
static int copy_pages(sqlite3 *target, const char *target_schema, sqlite3 *source,
                      const char *source_schema)
{
    ASSERT(target != source);
    ASSERT(target != NULL && source != NULL);

    enum { PAGES = 100, TRIES = 3, WAIT_MS = 100 };
    sqlite3_backup *backup = sqlite3_backup_init(target, target_schema, source, source_schema);
    if (backup == NULL) {
        fprintf(stderr, "Error: %s\n", sqlite3_errmsg(target));
        return 1;
    }
    int rc;
    int tries = 0;
    while ((rc = sqlite3_backup_step(backup, PAGES)) == SQLITE_OK || rc == SQLITE_BUSY) {
        // SQLITE_OK means that there are pages left.
        // Locks of the source come and go; the copy goes on where it was.
        if (rc == SQLITE_BUSY && tries++ >= TRIES)
            break;
        if (rc == SQLITE_BUSY)
            sqlite3_sleep(WAIT_MS);
    }
    sqlite3_backup_finish(backup);
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        fputs("Error: source database is busy\n", stderr);
    else if (rc != SQLITE_DONE)
        fprintf(stderr, "Error: %s\n", sqlite3_errmsg(target));
    return rc != SQLITE_DONE;
}

// On failure the connection is closed and the error told.
static int open_other(const char *path, sqlite3 **out)
{
    ASSERT(path != NULL && out != NULL);

    int rc = sqlite3_open(path, out);
    if (rc != SQLITE_OK) {
        fprintf(stderr, "Error: cannot open \"%s\"\n", path);
        sqlite3_close(*out);
    }
    return rc != SQLITE_OK;
}

// .backup ?DB? FILE: pages are copied as they are (sqlite3_backup_init), so that the copy is the
// same file; --async leaves out syncs, for copies that may be lost.
int dot_backup(DotCall *call)
{
    ASSERT(call->count >= 1);

    const char *file = NULL;
    const char *schema = NULL;
    bool is_async = false;
    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option != NULL && strcmp(option, "async") == 0) {
            is_async = true;
        } else if (option != NULL) {
            fprintf(stderr, "unknown option: %s\n", call->args[i]);
            return 1;
        } else if (file == NULL) {
            file = call->args[i];
        } else if (schema == NULL) {
            schema = file;
            file = call->args[i];
        } else {
            return dot_usage(".backup ?DB? ?OPTIONS? FILENAME");
        }
    }
    if (file == NULL) {
        fputs("missing FILENAME argument on .backup\n", stderr);
        return 1;
    }
    sqlite3 *target;
    if (!shell_open(call->shell) || open_other(file, &target) != 0)
        return 1;
    // The copy is worth nothing after a crash, and was asked for so.
    if (is_async)
        sqlite3_exec(target, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;", NULL, NULL, NULL);
    int rc = copy_pages(target, "main", call->shell->db, schema == NULL ? "main" : schema);
    sqlite3_close(target);
    return rc;
}

// SQLite's shell has both names for it.
int dot_save(DotCall *call)
{
    ASSERT(call->count >= 1);

    return dot_backup(call);
}

// .restore ?DB? FILE: the same the other way; what was in the database is gone.
int dot_restore(DotCall *call)
{
    ASSERT(call->count >= 1);

    const char *schema = call->count == 3 ? call->args[1] : "main";
    sqlite3 *source;
    if (call->count != 2 && call->count != 3)
        return dot_usage(".restore ?DB? FILE");
    // Opened like any database: a source that is not there is an empty one, and empties the target.
    if (open_other(call->args[call->count - 1], &source) != 0)
        return 1;
    int rc = !shell_open(call->shell) || copy_pages(call->shell->db, schema, source, "main");
    sqlite3_close(source);
    return rc;
}

// Rows of one table, one by one: damage in the source costs rows, not the whole.
static void clone_rows(Shell *shell, sqlite3 *target, const char *table)
{
    ASSERT(shell->db != NULL && shell->db != target);
    ASSERT(table != NULL);

    sqlite3_stmt *read = shell_prepare(shell, "SELECT * FROM \"%w\"", table);
    if (read == NULL)
        return;
    int columns = sqlite3_column_count(read);
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT OR IGNORE INTO \"%w\" VALUES(?", table);
    for (int i = 1; i < columns; i++)
        sqlite3_str_appendall(sql, ",?");
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    sqlite3_stmt *write = NULL;
    if (sqlite3_prepare_v2(target, text, -1, &write, NULL) != SQLITE_OK)
        fprintf(stderr, "Error %d: %s on [%s]\n", sqlite3_extended_errcode(target),
                sqlite3_errmsg(target), text);
    while (write != NULL && sqlite3_step(read) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++)
            sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
        // The next row is tried all the same.
        if (sqlite3_step(write) != SQLITE_DONE)
            fprintf(stderr, "Error %d: %s\n", sqlite3_extended_errcode(target),
                    sqlite3_errmsg(target));
        sqlite3_reset(write);
    }
    sqlite3_finalize(write);
    sqlite3_finalize(read);
    sqlite3_free(text);
}

// Objects come in the order of the schema, so that tables precede what needs them.
static void clone_objects(Shell *shell, sqlite3 *target, const char *condition, bool with_rows)
{
    ASSERT(target != NULL);
    ASSERT(shell->db != target);

    sqlite3_stmt *stmt =
        shell_prepare(shell, "SELECT name, sql FROM sqlite_schema WHERE %s", condition);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *sql = (const char *)sqlite3_column_text(stmt, 1);
        // Indexes of constraints have no text: their tables make them.
        char *message = NULL;
        if (sql == NULL || sql[0] == 0)
            continue;
        fprintf(shell->out, "%s... ", name);
        sqlite3_exec(target, sql, NULL, NULL, &message);
        if (message != NULL)
            fprintf(stderr, "Error: %s\nSQL: [%s]\n", message, sql);
        sqlite3_free(message);
        if (with_rows)
            clone_rows(shell, target, name);
        fputs("done\n", shell->out);
    }
    sqlite3_finalize(stmt);
}

// .clone FILE: row by row into a new file, unlike .backup, so that a damaged database gives what
// can be read of it. Nothing else may have the file.
int dot_clone(DotCall *call)
{
    ASSERT(call->count >= 1);

    sqlite3 *target;
    if (call->count != 2)
        return dot_usage(".clone FILENAME");
    if (access(call->args[1], F_OK) == 0) {
        fprintf(stderr, "File \"%s\" already exists.\n", call->args[1]);
        return 1;
    }
    if (!shell_open(call->shell) || open_other(call->args[1], &target) != 0)
        return 1;
    sqlite3_exec(target, "PRAGMA writable_schema=ON; BEGIN EXCLUSIVE;", NULL, NULL, NULL);
    // Tables with their rows first: an index or a trigger made before them would work on every row.
    clone_objects(call->shell, target, "type='table' AND name NOT LIKE 'sqlite_%'", true);
    clone_objects(call->shell, target, "type!='table'", false);
    sqlite3_exec(target, "COMMIT; PRAGMA writable_schema=OFF;", NULL, NULL, NULL);
    sqlite3_close(target);
    return 0;
}
