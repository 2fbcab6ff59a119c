// Runs random statements with every callback registered, on two libraries, and compares what the
// callbacks were told and in which order.
//
//   events [-n COUNT] [-s SEED] [-j delete|wal] [-v] LIBRARY STOCK
//
// Each library runs in a process of its own and writes one line per event: update, preupdate (with
// old and new values), commit, rollback and WAL hook, authorizer, trace (statement, row, profile,
// close), collation_needed, functions, and files opened and deleted through a VFS that passes
// calls on. Beside them the outcome of each statement: code, message, rows, counters. The progress
// handler is registered with a number of steps that is never reached, since steps are instructions,
// which the libraries do not share.

#include "event_library.h"
#include "event_statements.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *out;
static const char *journal_mode = "delete";

static void write_value(sqlite3_value *value)
{
    switch (lib.value_type(value)) {
    case SQLITE_NULL: fputs(" null", out); break;
    case SQLITE_BLOB: fprintf(out, " blob%d", lib.value_bytes(value)); break;
    default: fprintf(out, " %s", (const char *)lib.value_text(value));
    }
}

// --- hooks ---

static void on_update(void *arg, int operation, const char *schema, const char *table,
                      sqlite3_int64 rowid)
{
    (void)arg;
    fprintf(out, "update %d %s.%s %lld\n", operation, schema, table, (long long)rowid);
}

// wide: the public interface
static void on_preupdate(void *arg, sqlite3 *db, int operation, const char *schema,
                         const char *table, sqlite3_int64 old_rowid, sqlite3_int64 new_rowid)
{
    (void)arg;
    fprintf(out, "preupdate %d %s.%s %lld %lld depth %d", operation, schema, table,
            (long long)old_rowid, (long long)new_rowid, lib.preupdate_depth(db));
    for (int i = 0; i < lib.preupdate_count(db); i++) {
        sqlite3_value *value;
        if (operation != SQLITE_INSERT && lib.preupdate_old(db, i, &value) == SQLITE_OK)
            write_value(value);
        if (operation != SQLITE_DELETE && lib.preupdate_new(db, i, &value) == SQLITE_OK)
            write_value(value);
    }
    fputc('\n', out);
}

// Now and then a commit is refused.
static int on_commit(void *arg)
{
    int *calls = arg;
    fputs("commit\n", out);
    return ++*calls % 17 == 0;
}

static void on_rollback(void *arg)
{
    (void)arg;
    fputs("rollback\n", out);
}

static int on_wal(void *arg, sqlite3 *db, const char *schema, int frames)
{
    (void)arg;
    (void)frames; // how many pages a commit changes is the library's own
    fprintf(out, "wal %s\n", schema);
    if (frames > 200)
        (void)lib.wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

static const char *running; // the statement's text

// One object in many may not be read, and reads as NULL.
static int on_access(void *arg, int action, const char *a, const char *b, const char *schema,
                     const char *source)
{
    (void)arg;
    // What is asked of the schema's own tables depends on how they are written; and since 3.46
    // SQLite asks about several rows of VALUES before it asks about the table.
    bool is_told = a == NULL || strncmp(a, "sqlite_", 7) != 0;
    if (action == SQLITE_SELECT && strstr(running, "), (") != NULL)
        is_told = false;
    if (is_told)
        fprintf(out, "access %d %s %s %s %s\n", action, a != NULL ? a : "-", b != NULL ? b : "-",
                schema != NULL ? schema : "-", source != NULL ? source : "-");
    if (action == SQLITE_READ && strcmp(a, "parent") == 0 && strcmp(b, "name") == 0)
        return SQLITE_IGNORE;
    return action == SQLITE_DROP_TABLE && strcmp(a, "log") == 0 ? SQLITE_DENY : SQLITE_OK;
}

// What a library runs for itself, to read the schema anew, is no event of the program's.
static bool is_own(sqlite3_stmt *stmt)
{
    const char *sql = lib.sql(stmt);
    return sql != NULL && running != NULL && strcmp(sql, running) == 0;
}

static int on_trace(unsigned what, void *arg, void *subject, void *detail)
{
    (void)arg;
    if (what != SQLITE_TRACE_CLOSE && !is_own(subject))
        return 0;
    if (what == SQLITE_TRACE_STMT) {
        const char *text = detail;
        if (strncmp(text, "--", 2) == 0) {
            fprintf(out, "trace trigger %s\n", text);
            return 0;
        }
        char *expanded = lib.expanded_sql(subject);
        fprintf(out, "trace statement %s\n", expanded != NULL ? expanded : "?");
        lib.free(expanded);
    } else {
        fprintf(out, "trace %u\n", what);
    }
    return 0;
}

static int on_progress(void *arg)
{
    (void)arg;
    fputs("progress\n", out);
    return 0;
}

// --- functions and collations ---

static int compare_backwards(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    (void)arg;
    int size = a_size < b_size ? a_size : b_size;
    int order = memcmp(b, a, (size_t)size);
    return order != 0 ? order : b_size - a_size;
}

static void on_collation_needed(void *arg, sqlite3 *db, int encoding, const char *name)
{
    (void)arg;
    fprintf(out, "collation needed %s\n", name);
    if (strcmp(name, "later") == 0)
        lib.create_collation_v2(db, name, encoding, NULL, compare_backwards, NULL);
}

static void fn_plus(sqlite3_context *context, int count, sqlite3_value **args)
{
    fputs("plus", out);
    for (int i = 0; i < count; i++)
        write_value(args[i]);
    fputc('\n', out);
    if (lib.value_type(args[0]) == SQLITE_BLOB)
        lib.result_error(context, "no blobs", -1);
    else
        lib.result_int64(context, lib.value_int64(args[0]) + lib.value_int64(args[1]));
}

static void longest_step(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    int *longest = lib.aggregate_context(context, sizeof *longest);
    int size = lib.value_bytes(args[0]);
    fprintf(out, "longest step %d\n", size);
    if (size > *longest)
        *longest = size;
}

static void longest_final(sqlite3_context *context)
{
    const int *longest = lib.aggregate_context(context, 0);
    fputs("longest final\n", out);
    lib.result_int64(context, longest != NULL ? *longest : -1);
}

static void running_add(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    sqlite3_int64 *sum = lib.aggregate_context(context, sizeof *sum);
    *sum += lib.value_int64(args[0]);
    fprintf(out, "running add %lld\n", (long long)*sum);
}

static void running_remove(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    sqlite3_int64 *sum = lib.aggregate_context(context, sizeof *sum);
    *sum -= lib.value_int64(args[0]);
    fputs("running remove\n", out);
}

static void running_value(sqlite3_context *context)
{
    const sqlite3_int64 *sum = lib.aggregate_context(context, sizeof *sum);
    fputs("running value\n", out);
    lib.result_int64(context, *sum);
}

static void on_destroy(void *arg)
{
    fprintf(out, "destroy %s\n", (const char *)arg);
}

// --- a file system that passes calls on ---

static sqlite3_vfs *real_vfs;

static const char *base_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path != NULL ? path : "(temporary)";
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    (void)vfs;
    // Temporary files are each library's own affair.
    if (name != NULL)
        fprintf(out, "open %s %x\n", base_name(name), (unsigned)flags);
    return real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    fprintf(out, "delete %s\n", base_name(name));
    return real_vfs->xDelete(real_vfs, name, sync);
}

static void register_vfs(void)
{
    static sqlite3_vfs vfs;
    real_vfs = lib.vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "told";
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    if (lib.vfs_register(&vfs, 0) != SQLITE_OK)
        exit(2);
}

// --- the run ---

static void register_callbacks(sqlite3 *db, int *commits)
{
    lib.update_hook(db, on_update, NULL);
    lib.preupdate_hook(db, on_preupdate, NULL);
    lib.commit_hook(db, on_commit, commits);
    lib.rollback_hook(db, on_rollback, NULL);
    lib.wal_hook(db, on_wal, NULL);
    lib.set_authorizer(db, on_access, NULL);
    lib.trace_v2(db,
                 SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE | SQLITE_TRACE_ROW | SQLITE_TRACE_CLOSE,
                 on_trace, NULL);
    lib.progress_handler(db, 100000000, on_progress, NULL);
    lib.collation_needed(db, NULL, on_collation_needed);
    lib.create_function_v2(db, "plus", 2, SQLITE_UTF8, NULL, fn_plus, NULL, NULL, NULL);
    lib.create_function_v2(db, "longest", 1, SQLITE_UTF8, NULL, NULL, longest_step, longest_final,
                           NULL);
    lib.create_window_function(db, "running", 1, SQLITE_UTF8, (void *)"running", running_add,
                               running_value, running_value, running_remove, on_destroy);
}

static void write_row(sqlite3_stmt *stmt)
{
    fputs("row", out);
    for (int i = 0; i < lib.column_count(stmt); i++) {
        int type = lib.column_type(stmt, i); // before the value is converted
        const char *text = (const char *)lib.column_text(stmt, i);
        fprintf(out, " %d:%s", type, text != NULL ? text : "null");
    }
    fputc('\n', out);
}

static void run_statement(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    running = sql;
    fprintf(out, "== %s\n", sql);
    int rc = lib.prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = lib.step(stmt)) == SQLITE_ROW)
            write_row(stmt);
        if (rc == SQLITE_DONE)
            rc = lib.finalize(stmt);
        else
            (void)lib.finalize(stmt);
    }
    fprintf(out, "-> %d %d %s | %d %d %lld %d %d\n", rc, lib.extended_errcode(db), lib.errmsg(db),
            lib.changes(db), lib.total_changes(db), (long long)lib.last_insert_rowid(db),
            lib.get_autocommit(db), lib.txn_state(db, "main"));
}

static void run(const char *library, const char *directory, int count, unsigned long seed)
{
    char path[256];
    sqlite3 *db;
    int commits = 0;
    library_open(library);
    statements_seed(seed);
    if (chdir(directory) != 0)
        exit(2);
    register_vfs();
    snprintf(path, sizeof path, "PRAGMA journal_mode = %s; PRAGMA synchronous = OFF; %s",
             journal_mode, "");
    if (lib.open_v2("events.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "told")
        != SQLITE_OK)
        exit(2);
    lib.exec(db, path, NULL, NULL, NULL);
    lib.exec(db, statements_schema, NULL, NULL, NULL);
    register_callbacks(db, &commits);
    for (int i = 0; i < count; i++)
        run_statement(db, statements_next());
    fprintf(out, "close %d\n", lib.close(db));
}

// --- both, and the comparison ---

static void run_in_child(const char *library, const char *log, int count, unsigned long seed)
{
    char directory[] = "/tmp/eventsXXXXXX";
    if (mkdtemp(directory) == NULL)
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        out = fopen(log, "w");
        if (out == NULL)
            _exit(2);
        run(library, directory, count, seed);
        fclose(out);
        exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (system(command) != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: the run ended with status %x\n", library, (unsigned)status);
        exit(1);
    }
}

// Lines since the statement began are shown when a difference is met.
static int compare(const char *log, const char *stock_log)
{
    static char context[200][512];
    char a[4096], b[4096];
    int events = 0, lines = 0, wal_calls = 0;
    FILE *x = fopen(log, "r");
    FILE *y = fopen(stock_log, "r");
    if (x == NULL || y == NULL)
        return 1;
    for (;;) {
        char *in_x = fgets(a, sizeof a, x);
        char *in_y = fgets(b, sizeof b, y);
        if (in_x == NULL && in_y == NULL)
            break;
        if (in_x == NULL || in_y == NULL || strcmp(a, b) != 0) {
            for (int i = 0; i < lines; i++)
                printf("  %s", context[i]);
            printf("quire: %sstock: %s", in_x != NULL ? a : "(end)\n",
                   in_y != NULL ? b : "(end)\n");
            return 1;
        }
        if (strncmp(a, "==", 2) == 0)
            lines = 0;
        if (lines < 200)
            snprintf(context[lines++], sizeof context[0], "%.500s", a);
        events++;
        wal_calls += strncmp(a, "wal ", 4) == 0;
    }
    printf("%d lines of events and outcomes, %d of them of the WAL hook, all equal\n", events,
           wal_calls);
    return 0;
}

int main(int argc, char **argv)
{
    int count = 10000, option;
    unsigned long seed = 1;
    while ((option = getopt(argc, argv, "n:s:j:")) >= 0) {
        if (option == 'n')
            count = atoi(optarg);
        else if (option == 's')
            seed = strtoul(optarg, NULL, 10);
        else if (option == 'j')
            journal_mode = optarg;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: events [-n COUNT] [-s SEED] [-j MODE] LIBRARY STOCK\n");
        return 2;
    }
    char log[64], stock_log[64];
    snprintf(log, sizeof log, "events-%ld.quire", (long)getpid());
    snprintf(stock_log, sizeof stock_log, "events-%ld.stock", (long)getpid());
    run_in_child(argv[optind], log, count, seed);
    run_in_child(argv[optind + 1], stock_log, count, seed);
    int differs = compare(log, stock_log);
    remove(log);
    remove(stock_log);
    return differs;
}
