// Each family of the interface with memory running out at each place in turn: the answer is right
// or SQLITE_NOMEM, nothing is left allocated, the connection works on.
//
// Families whose own test has a body of this kind (statements, text, virtual tables, change sets)
// are not repeated. See support/api_fault.h for what is checked.

#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/sim.h"
#include "support/test.h"

#include "base/arena.h"

// Goes on while nothing has failed.
#define NEXT(rc, call)         \
    do {                       \
        if ((rc) == SQLITE_OK) \
            (rc) = (call);     \
    } while (0)

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

// For calls that answer with a pointer.
static int found(const void *pointer)
{
    return pointer != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

#define TABLE \
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 'one'), (2, 'two');"

// --- hooks ---

static int on_commit(void *arg)
{
    (void)arg;
    return 0;
}

static void on_rollback(void *arg)
{
    (void)arg;
}

static void on_update(void *arg, int operation, const char *schema, const char *table,
                      sqlite3_int64 rowid)
{
    (void)arg, (void)operation, (void)schema, (void)table, (void)rowid;
}

// wide: the public interface
static void on_preupdate(void *arg, sqlite3 *db, int operation, const char *schema,
                         const char *table, sqlite3_int64 old_rowid, sqlite3_int64 new_rowid)
{
    (void)schema, (void)table, (void)old_rowid, (void)new_rowid;
    int *rc = arg;
    sqlite3_value *value;
    for (int i = 0; i < sqlite3_preupdate_count(db); i++) {
        if (operation != SQLITE_INSERT)
            NEXT(*rc, sqlite3_preupdate_old(db, i, &value));
        if (operation != SQLITE_DELETE)
            NEXT(*rc, sqlite3_preupdate_new(db, i, &value));
    }
}

static int on_wal(void *arg, sqlite3 *db, const char *schema, int frames)
{
    (void)arg, (void)schema, (void)frames;
    return sqlite3_wal_checkpoint(db, NULL);
}

static int on_access(void *arg, int action, const char *a, const char *b, const char *schema,
                     const char *source)
{
    (void)arg, (void)a, (void)b, (void)schema, (void)source;
    return action == SQLITE_READ ? SQLITE_IGNORE : SQLITE_OK;
}

static int on_trace(unsigned event, void *arg, void *subject, void *detail)
{
    (void)arg, (void)detail;
    if (event == SQLITE_TRACE_STMT)
        sqlite3_free(sqlite3_expanded_sql(subject));
    return 0;
}

static int hear_everything(sqlite3 *db)
{
    int heard = SQLITE_OK;
    sqlite3_commit_hook(db, on_commit, NULL);
    sqlite3_rollback_hook(db, on_rollback, NULL);
    sqlite3_update_hook(db, on_update, NULL);
    sqlite3_preupdate_hook(db, on_preupdate, &heard);
    sqlite3_wal_hook(db, on_wal, NULL);
    sqlite3_progress_handler(db, 3, on_commit, NULL);
    int rc = sqlite3_set_authorizer(db, on_access, NULL);
    NEXT(rc, sqlite3_trace_v2(db, 15, on_trace, NULL));
    NEXT(rc, sqlite3_busy_handler(db, NULL, NULL));
    NEXT(rc, run(db, "UPDATE t SET b = 'longer than it was before'; DELETE FROM t WHERE a = 1"));
    NEXT(rc, run(db, "INSERT INTO t VALUES(7, zeroblob(5000)) RETURNING b; SELECT * FROM t"));
    NEXT(rc, run(db, "BEGIN; REPLACE INTO t VALUES(2, 2.5); ROLLBACK"));
    sqlite3_preupdate_hook(db, NULL, NULL);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    (void)sqlite3_set_authorizer(db, NULL, NULL);
    return rc != SQLITE_OK ? rc : heard;
}

static void notified(void **args, int count)
{
    (void)args, (void)count;
}

static int ask_to_be_notified(sqlite3 *db)
{
    int rc = sqlite3_unlock_notify(db, notified, NULL);
    NEXT(rc, sqlite3_unlock_notify(db, NULL, NULL));
    NEXT(rc, run(db, "SELECT * FROM t"));
    return rc;
}

// --- what a program registers ---

static int by_size(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    (void)arg, (void)a, (void)b;
    return a_size - b_size;
}

static void needed(void *arg, sqlite3 *db, int encoding, const char *name)
{
    int *rc = arg;
    NEXT(*rc, sqlite3_create_collation_v2(db, name, encoding, arg, by_size, NULL));
}

static int register_collations(sqlite3 *db)
{
    int made = SQLITE_OK;
    int rc = sqlite3_create_collation_v2(db, "one", SQLITE_UTF8, NULL, by_size, on_rollback);
    NEXT(rc, sqlite3_create_collation(db, "one", SQLITE_UTF16LE, NULL, by_size));
    NEXT(rc, sqlite3_create_collation16(db, u"two", SQLITE_UTF16BE, NULL, by_size));
    NEXT(rc, sqlite3_collation_needed(db, &made, needed));
    NEXT(rc, run(db, "SELECT * FROM t ORDER BY b COLLATE one, b COLLATE two, b COLLATE three"));
    NEXT(rc, sqlite3_create_collation(db, "two", SQLITE_UTF8, NULL, NULL));
    (void)sqlite3_collation_needed(db, NULL, NULL);
    return made != SQLITE_OK ? made : rc;
}

static void fn_remember(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    void *kept = sqlite3_get_auxdata(context, 0);
    if (kept == NULL) {
        kept = sqlite3_malloc(10);
        if (kept == NULL) {
            sqlite3_result_error_nomem(context);
            return;
        }
        sqlite3_set_auxdata(context, 0, kept, sqlite3_free);
    }
    sqlite3_result_text16(context, sqlite3_value_text16(args[0]), -1, SQLITE_TRANSIENT);
}

static void sum_step(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);
    if (sum == NULL)
        sqlite3_result_error_nomem(context);
    else
        *sum += sqlite3_value_bytes(args[0]);
}

static void sum_final(sqlite3_context *context)
{
    char *text = sqlite3_mprintf("%p", sqlite3_aggregate_context(context, 0));
    if (text == NULL)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, text, -1, sqlite3_free);
}

static int register_functions(sqlite3 *db)
{
    int rc =
        sqlite3_create_function16(db, u"remember", 2, SQLITE_UTF8, NULL, fn_remember, NULL, NULL);
    NEXT(rc, sqlite3_create_function_v2(db, "sizes", 1, SQLITE_UTF16LE, NULL, NULL, sum_step,
                                        sum_final, on_rollback));
    NEXT(rc, sqlite3_create_window_function(db, "slide", 1, SQLITE_UTF8, NULL, sum_step, sum_final,
                                            sum_final, sum_step, on_rollback));
    NEXT(rc, sqlite3_overload_function(db, "over", 2));
    NEXT(rc, run(db, "SELECT remember('x', b), slide(b) OVER (ROWS 1 PRECEDING) FROM t"));
    NEXT(rc, run(db, "SELECT sizes(b) FROM t GROUP BY a > 1"));
    NEXT(rc, sqlite3_create_function(db, "remember", 2, SQLITE_UTF8, NULL, NULL, NULL, NULL));
    return rc;
}

static int register_client_data(sqlite3 *db)
{
    int rc = sqlite3_set_clientdata(db, "first", db, on_rollback);
    NEXT(rc, sqlite3_set_clientdata(db, "second", db, NULL));
    NEXT(rc, sqlite3_set_clientdata(db, "first", NULL, NULL));
    NEXT(rc, found(sqlite3_get_clientdata(db, "second")));
    return rc;
}

static int on_geometry(sqlite3_rtree_geometry *geometry, int count, sqlite3_rtree_dbl *box,
                       int *inside)
{
    (void)geometry, (void)count, (void)box;
    *inside = 1;
    return SQLITE_OK;
}

static int on_query(sqlite3_rtree_query_info *info)
{
    info->eWithin = 2;
    return SQLITE_OK;
}

static int register_geometry(sqlite3 *db)
{
    int rc = sqlite3_rtree_geometry_callback(db, "near", on_geometry, NULL);
    NEXT(rc, sqlite3_rtree_query_callback(db, "far", on_query, NULL, on_rollback));
    NEXT(rc,
         run(db, "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 2, 3);"
                 "SELECT * FROM r WHERE id MATCH near(1) AND id MATCH far(2, 3)"));
    return rc;
}

static int drop_what_is_not_kept(sqlite3 *db)
{
    const char *keep[] = {"fts5", "rtree", NULL};
    int rc = sqlite3_drop_modules(db, keep);
    NEXT(rc, run(db, "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES('word')"));
    return rc;
}

static int extension_entry(sqlite3 *db, char **error, const sqlite3_api_routines *api)
{
    (void)error, (void)api;
    return sqlite3_create_function(db, "remember", 2, SQLITE_UTF8, NULL, fn_remember, NULL, NULL);
}

static int open_with_extension(sqlite3 *db)
{
    sqlite3 *other = NULL;
    (void)db;
    int rc = sqlite3_auto_extension((void (*)(void))extension_entry);
    NEXT(rc, sqlite3_open(":memory:", &other));
    NEXT(rc, run(other, "SELECT remember(1, 2)"));
    sqlite3_close(other);
    sqlite3_reset_auto_extension(); // frees the list, which outlives connections
    return rc;
}

// --- settings and facts ---

static int configure(sqlite3 *db)
{
    int number;
    const char *type, *collation;
    char *error = NULL;
    int rc = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, &number);
    NEXT(rc, sqlite3_db_config(db, SQLITE_DBCONFIG_MAINDBNAME, "main2"));
    NEXT(rc, sqlite3_db_config(db, SQLITE_DBCONFIG_MAINDBNAME, "main"));
    NEXT(rc, sqlite3_db_status(db, SQLITE_DBSTATUS_SCHEMA_USED, &number, &number, 0));
    NEXT(rc, sqlite3_table_column_metadata(db, NULL, "t", "b", &type, &collation, &number, &number,
                                           &number));
    NEXT(rc, sqlite3_set_errmsg(db, SQLITE_OK, NULL));
    NEXT(rc, sqlite3_wal_autocheckpoint(db, 10));
    NEXT(rc, sqlite3_db_cacheflush(db));
    NEXT(rc, sqlite3_db_release_memory(db));
    char **rows = NULL;
    NEXT(rc, sqlite3_get_table(db, "SELECT * FROM t", &rows, &number, &number, &error));
    sqlite3_free_table(rows);
    sqlite3_free(error);
    return rc;
}

static int describe_statement(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare16_v3(db, u"SELECT a, b AS c, ?1 FROM t WHERE b = :x", -1,
                                  SQLITE_PREPARE_NORMALIZE, &stmt, NULL);
    NEXT(rc, sqlite3_bind_text16(stmt, 2, u"two", -1, SQLITE_TRANSIENT));
    char *expanded = sqlite3_expanded_sql(stmt);
    NEXT(rc, found(expanded));
    sqlite3_free(expanded);
    NEXT(rc, found(sqlite3_normalized_sql(stmt)));
    NEXT(rc, found(sqlite3_column_name16(stmt, 1)));
    NEXT(rc, found(sqlite3_column_decltype16(stmt, 0)));
    NEXT(rc, found(sqlite3_column_table_name16(stmt, 0)));
    NEXT(rc, sqlite3_stmt_explain(stmt, 2));
    NEXT(rc, sqlite3_step(stmt) == SQLITE_ROW ? SQLITE_OK : sqlite3_errcode(db));
    int end_rc = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end_rc;
}

// --- files ---

static int use_file_names(sqlite3 *db)
{
    const char *parameters[] = {"key", "value", "more", ""};
    sqlite3 *other = NULL;
    (void)db;
    sqlite3_vfs vfs = *sqlite3_vfs_find("memdb");
    vfs.zName = "renamed";
    int rc = sqlite3_vfs_register(&vfs, 0);
    NEXT(rc, sqlite3_open_v2("file:/a%20b?vfs=renamed&mode=rwc&nolock=1", &other,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL));
    NEXT(rc, run(other, "CREATE TABLE t(a); ATTACH 'file:/c?vfs=renamed' AS c; DETACH c"));
    NEXT(rc, found(sqlite3_db_filename(other, "main")));
    sqlite3_close(other);
    sqlite3_vfs_unregister(&vfs);
    sqlite3_filename name = sqlite3_create_filename("/a", "/a-journal", "/a-wal", 2, parameters);
    NEXT(rc, found(name));
    if (rc == SQLITE_OK)
        assert_text("value", sqlite3_uri_parameter(name, "key"));
    sqlite3_free_filename(name);
    return rc;
}

static int grow_a_database_in_memory(sqlite3 *db)
{
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    int rc = run(db, "ATTACH ':memory:' AS copy");
    if (rc == SQLITE_OK)
        rc = sqlite3_deserialize(db, "copy", bytes, size, size,
                                 SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    else
        sqlite3_free(bytes);
    NEXT(rc, run(db, "INSERT INTO copy.t VALUES(3, zeroblob(20000))"));
    NEXT(rc, run(db, "SELECT * FROM copy.t; DETACH copy"));
    return rc;
}

static int back_up_in_steps(sqlite3 *db)
{
    sqlite3 *target = NULL;
    int rc = sqlite3_open(":memory:", &target);
    NEXT(rc, run(target, "PRAGMA page_size = 512"));
    NEXT(rc, run(db, "INSERT INTO t VALUES(3, zeroblob(9000))"));
    sqlite3_backup *backup =
        rc == SQLITE_OK ? sqlite3_backup_init(target, "main", db, "main") : NULL;
    if (rc == SQLITE_OK && backup == NULL)
        rc = sqlite3_errcode(target);
    if (backup != NULL) {
        NEXT(rc, sqlite3_backup_step(backup, 1));
        NEXT(rc, run(db, "UPDATE t SET b = 'changed meanwhile' WHERE a = 1"));
        while (rc == SQLITE_OK)
            rc = sqlite3_backup_step(backup, 1);
        int end_rc = sqlite3_backup_finish(backup);
        rc = rc == SQLITE_DONE ? end_rc : rc;
    }
    sqlite3_close(target);
    return rc;
}

static int move_a_blob_handle(sqlite3 *db)
{
    char bytes[3];
    sqlite3_blob *blob = NULL;
    int rc = sqlite3_blob_open(db, "main", "t", "b", 1, 1, &blob);
    NEXT(rc, sqlite3_blob_read(blob, bytes, 3, 0));
    NEXT(rc, sqlite3_blob_reopen(blob, 2));
    NEXT(rc, sqlite3_blob_write(blob, "TWO", 3, 0));
    int end_rc = sqlite3_blob_close(blob);
    return rc != SQLITE_OK ? rc : end_rc;
}

// On simulated files, since a log needs some.
static Sim *sim;

static int read_an_older_moment(sqlite3 *db)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3 *writer = NULL, *reader = NULL;
    sqlite3_snapshot *snapshot = NULL;
    (void)db;
    int rc = sqlite3_open_v2("/moments.db", &writer, flags, "sim-0");
    NEXT(rc, sqlite3_open_v2("/moments.db", &reader, flags, "sim-0"));
    NEXT(rc, run(writer, "PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS t(a);"
                         "INSERT INTO t VALUES(1)"));
    NEXT(rc, run(reader, "BEGIN; SELECT * FROM t"));
    NEXT(rc, sqlite3_snapshot_get(reader, "main", &snapshot));
    NEXT(rc, run(reader, "COMMIT"));
    NEXT(rc, run(writer, "INSERT INTO t VALUES(2)"));
    NEXT(rc, run(reader, "BEGIN"));
    NEXT(rc, sqlite3_snapshot_open(reader, "main", snapshot));
    NEXT(rc, run(reader, "SELECT * FROM t; COMMIT"));
    NEXT(rc, sqlite3_snapshot_recover(reader, "main"));
    sqlite3_snapshot_free(snapshot);
    sqlite3_close(reader);
    sqlite3_close(writer);
    return rc;
}

// --- change sets ---

static int rebase_and_join(sqlite3 *db)
{
    sqlite3_session *session = NULL;
    sqlite3_changegroup *group = NULL;
    void *changes = NULL, *patches = NULL, *joined = NULL;
    int size = 0, patch_size = 0, joined_size = 0;
    int rc = sqlite3session_create(db, "main", &session);
    NEXT(rc, sqlite3session_attach(session, NULL));
    NEXT(rc, run(db, "INSERT INTO t VALUES(5, 'five'); UPDATE t SET b = 'uno' WHERE a = 1;"
                     "DELETE FROM t WHERE a = 2"));
    NEXT(rc, sqlite3session_changeset(session, &size, &changes));
    NEXT(rc, sqlite3session_patchset(session, &patch_size, &patches));
    NEXT(rc, sqlite3changegroup_new(&group));
    NEXT(rc, sqlite3changegroup_add(group, size, changes));
    NEXT(rc, sqlite3changegroup_add(group, size, changes));
    NEXT(rc, sqlite3changegroup_output(group, &joined_size, &joined));
    sqlite3changegroup_delete(group);
    sqlite3session_delete(session);
    sqlite3_free(changes);
    sqlite3_free(patches);
    sqlite3_free(joined);
    return rc;
}

static int differ(sqlite3 *db)
{
    sqlite3_session *session = NULL;
    char *error = NULL;
    int rc = sqlite3session_create(db, "main", &session);
    NEXT(rc, run(db, "ATTACH ':memory:' AS other; CREATE TABLE other.t(a INTEGER PRIMARY KEY, b);"
                     "INSERT INTO other.t VALUES(1, 'other'), (9, 'nine')"));
    NEXT(rc, sqlite3session_attach(session, "t"));
    NEXT(rc, sqlite3session_diff(session, "other", "t", &error));
    sqlite3_free(error);
    sqlite3session_delete(session);
    return rc;
}

// --- the table ---

static const struct {
    const char *setup;
    ApiBody *body;
} families[] = {
    {TABLE, hear_everything},     {TABLE, ask_to_be_notified},
    {TABLE, register_collations}, {TABLE, register_functions},
    {"", register_client_data},   {"", register_geometry},
    {"", drop_what_is_not_kept},  {"", open_with_extension},
    {TABLE, configure},           {TABLE, describe_statement},
    {"", use_file_names},         {TABLE, grow_a_database_in_memory},
    {TABLE, back_up_in_steps},    {TABLE, move_a_blob_handle},
    {TABLE, rebase_and_join},     {TABLE, differ},
};

static void each_family_survives_short_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        api_fails_cleanly(families[i].setup, families[i].body);
}

// What is compiled lies in arenas, of which few objects ask for memory. Here each does.
static const char compiled_setup[] =
    "CREATE TABLE s(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT); INSERT INTO s VALUES (1,'x', 2);"
    "CREATE TABLE w(k TEXT, v, PRIMARY KEY (k, v)) WITHOUT ROWID; INSERT INTO w VALUES ('x', 3);";

static const char *const compiled[] = {
    "CREATE TABLE n(a TEXT NOT NULL UNIQUE, b INT CHECK (b > 0), c INT AS (b + 1) STORED) STRICT",
    "CREATE INDEX i ON s(b DESC) WHERE b > 2",
    "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('some words')",
    "INSERT INTO s(a, b) VALUES ('x', 1), ('y', 3) ON CONFLICT (a) DO UPDATE SET b = b + 1",
    "INSERT OR REPLACE INTO w SELECT a, b FROM s ORDER BY b",
    "UPDATE s SET b = b + 1 FROM w WHERE s.a = w.k",
    "SELECT a, count(*), sum(b) OVER (ORDER BY a) FROM s JOIN w ON k = a GROUP BY a ORDER BY 2",
    "DELETE FROM s WHERE b IN (SELECT v FROM w)",
};

static const char *compiled_now;

static int run_compiled(sqlite3 *db)
{
    return sqlite3_exec(db, compiled_now, NULL, NULL, NULL);
}

static void every_object_of_an_arena_may_find_no_memory(void **state)
{
    (void)state;
    arena_split(true);
    for (size_t i = 0; i < sizeof compiled / sizeof compiled[0]; i++) {
        compiled_now = compiled[i];
        api_fails_cleanly(compiled_setup, run_compiled);
    }
    arena_split(false);
}

static void snapshots_survive_short_memory(void **state)
{
    (void)state;
    sim = sim_new(1);
    (void)sim_vfs(sim, 0);
    api_fails_cleanly("", read_an_older_moment);
    sim_free(sim);
}

TEST_SUITE(short_memory, cmocka_unit_test(each_family_survives_short_memory),
           cmocka_unit_test(every_object_of_an_arena_may_find_no_memory),
           cmocka_unit_test(snapshots_survive_short_memory))
