// Calls that a callback may not make, and contexts that are none.

#include "misuse.h"

#include <pthread.h>

static const char *state;

// --- in a function ---

typedef void Misuse(sqlite3_context *context, sqlite3_value **args);

static int answer = -77;

static void call_misuse(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    Misuse *misuse = (Misuse *)F(user_data)(context);
    misuse(context, args);
}

static void closes(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(close)(F(context_db_handle)(context));
}

static void steps_itself(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(step)(F(next_stmt)(F(context_db_handle)(context), NULL));
}

static void binds_itself(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(bind_int)(F(next_stmt)(F(context_db_handle)(context), NULL), 1, 1);
}

static void commits(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(exec)(F(context_db_handle)(context), "COMMIT", NULL, NULL, NULL);
}

static void redefines_itself(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(create_function)(F(context_db_handle)(context), "misuse", 1, SQLITE_UTF8, NULL,
                                call_misuse, NULL, NULL);
}

static void asks_for_auxdata(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(get_auxdata)(context, 99) == NULL;
}

static void asks_for_a_change(sqlite3_context *context, sqlite3_value **args)
{
    answer = F(vtab_nochange)(context) + F(value_nochange)(args[0]);
}

static void gives_too_much(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(result_zeroblob64)(context, 0x7fffffffffff);
}

static void gives_an_unknown_encoding(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    F(result_text64)(context, "x", 1, SQLITE_STATIC, 99);
}

static void gives_no_code(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    F(result_error_code)(context, 0);
}

static void gives_no_message(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    F(result_error)(context, NULL, -1);
}

static void serializes(sqlite3_context *context, sqlite3_value **args)
{
    (void)args;
    answer = F(deserialize)(F(context_db_handle)(context), "main", NULL, 0, 0, 0);
}

static void in_function(const char *call, Misuse *misuse)
{
    if (!begin_call(state, call))
        return;
    F(create_function)(h.db, "misuse", 1, SQLITE_UTF8, (void *)misuse, call_misuse, NULL, NULL);
    sqlite3_stmt *stmt;
    F(prepare_v2)(h.db, "SELECT misuse(?1)", -1, &stmt, NULL);
    int rc = F(step)(stmt);
    if (answer != -77)
        number = answer;
    end_int(rc);
}

static void calls_in_function(void)
{
    state = "in a function";
    in_function("close", closes);
    in_function("step of the running statement", steps_itself);
    in_function("bind to the running statement", binds_itself);
    in_function("commit", commits);
    in_function("create_function of itself", redefines_itself);
    in_function("get_auxdata(context, 99)", asks_for_auxdata);
    in_function("vtab_nochange, value_nochange", asks_for_a_change);
    in_function("result_zeroblob64 of too much", gives_too_much);
    in_function("result_text64 with encoding 99", gives_an_unknown_encoding);
    in_function("result_error_code(context, 0)", gives_no_code);
    in_function("result_error(context, NULL, -1)", gives_no_message);
    in_function("deserialize", serializes);
}

static void calls_without_context(void)
{
    state = "no context";
    sqlite3_context *none = NULL;
    VOID(result_null, none);
    VOID(result_int, none, 1);
    VOID(result_int64, none, 1);
    VOID(result_double, none, 1);
    VOID(result_text, none, "x", 1, SQLITE_STATIC);
    VOID(result_text64, none, "x", 1, SQLITE_STATIC, SQLITE_UTF8);
    VOID(result_text16, none, u"x", 2, SQLITE_STATIC);
    VOID(result_blob, none, "x", 1, SQLITE_STATIC);
    VOID(result_blob64, none, "x", 1, SQLITE_STATIC);
    VOID(result_zeroblob, none, 1);
    INT(result_zeroblob64, none, 1);
    VOID(result_value, none, h.value);
    VOID(result_pointer, none, &number, "type", NULL);
    VOID(result_subtype, none, 1);
    VOID(result_error, none, "x", 1);
    VOID(result_error16, none, u"x", 2);
    VOID(result_error_toobig, none);
    VOID(result_error_nomem, none);
    VOID(result_error_code, none, 1);
    PTR(context_db_handle, none);
    PTR(get_auxdata, none, 0);
    VOID(set_auxdata, none, 0, &number, NULL);
    INT(vtab_nochange, none);
    TEXT(vtab_collation, NULL, 0);
    INT(vtab_distinct, NULL);
    INT(vtab_in, NULL, 0, 0);
    INT(vtab_rhs_value, NULL, 0, (sqlite3_value **)&out);
}

// --- in an authorizer, a commit hook, a busy handler ---

static int on_access(void *arg, int action, const char *a, const char *b, const char *schema,
                     const char *source)
{
    (void)arg, (void)a, (void)b, (void)schema, (void)source;
    return action == SQLITE_SELECT ? 99 : SQLITE_OK;
}

static int commits_again(void *arg)
{
    number = F(exec)(arg, "COMMIT", NULL, NULL, NULL);
    return 0;
}

static void calls_in_hooks(void)
{
    state = "in a hook";
    if (begin_call(state, "an authorizer that answers 99")) {
        F(set_authorizer)(h.db, on_access, NULL);
        end_int(F(prepare_v2)(h.db, "SELECT 1", -1, (sqlite3_stmt **)&out, NULL));
    }
    if (begin_call(state, "commit in a commit hook")) {
        F(commit_hook)(h.other, commits_again, h.other);
        end_int(F(exec)(h.other, "COMMIT", NULL, NULL, NULL));
    }
}

void calls_in_callbacks(void)
{
    calls_in_function();
    calls_without_context();
    calls_in_hooks();
}

// --- threads ---

static void *step_elsewhere(void *stmt)
{
    number = F(step)(stmt);
    return NULL;
}

static void *try_elsewhere(void *mutex)
{
    number = F(mutex_try)(mutex);
    return NULL;
}

// The mode of the process, then that of the connection: has it a mutex, does another thread step
// its statement, and is the mutex refused to another thread while it is held?
static void in_mode(const char *call, int mode, int flags)
{
    state = "thread mode";
    if (!begin_call(state, call))
        return;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    pthread_t thread;
    int configured = F(config)(mode);
    int opened = F(open_v2)(":memory:", &db, SQLITE_OPEN_READWRITE | flags, NULL);
    sqlite3_mutex *mutex = F(db_mutex)(db);
    F(prepare_v2)(db, "SELECT 1", -1, &stmt, NULL);
    pthread_create(&thread, NULL, step_elsewhere, stmt);
    pthread_join(thread, NULL);
    int stepped = number;
    F(mutex_enter)(mutex);
    pthread_create(&thread, NULL, try_elsewhere, mutex);
    pthread_join(thread, NULL);
    F(mutex_leave)(mutex);
    out = mutex;
    end_int(configured * 1000000 + opened * 1000 + stepped);
}

void calls_in_thread_modes(void)
{
    static const struct {
        const char *name;
        int mode;
    } modes[] = {{"single thread", SQLITE_CONFIG_SINGLETHREAD},
                 {"multi thread", SQLITE_CONFIG_MULTITHREAD},
                 {"serialized", SQLITE_CONFIG_SERIALIZED}};
    static const struct {
        const char *name;
        int flags;
    } flags[] = {{"no flag", 0},
                 {"NOMUTEX", SQLITE_OPEN_NOMUTEX},
                 {"FULLMUTEX", SQLITE_OPEN_FULLMUTEX},
                 {"NOMUTEX and FULLMUTEX", SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_FULLMUTEX}};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++) {
            char call[64];
            F(snprintf)(sizeof call, call, "%s, %s", modes[i].name, flags[j].name);
            in_mode(call, modes[i].mode, flags[j].flags);
        }
    }
}
