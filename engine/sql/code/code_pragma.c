// PRAGMA: the table, the arguments, and the simple settings of a connection.

#include "sql/code/code_pragma.h"
#include "base/hashmap.h"
#include "base/number.h"
#include "func/func.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEEDS_SCHEMA = 1,
    ROW_ALWAYS = 2,
    ROW_ASK = 4,
    NO_ROWS = 8,
    ON_SCHEMA = 16,
    NO_FUNCTION = 32,
};

// When a pragma gives rows decides whether its statement has columns: always, only when asked
// without a value, or never.
typedef struct PragmaEntry {
    const char *name;
    void (*handler)(PragmaCode *p);
    int argument;
    int flags;
    const char *columns;
} PragmaEntry;

// clang-format off
static const PragmaEntry entries[] = {
#define PRAGMA(name, handler, argument, flags, columns) \
    {#name, pragma_##handler, argument, flags, columns},
#include "sql/code/pragma.def"
#undef PRAGMA
};
// clang-format on

static const PragmaEntry *find_pragma(const char *name)
{
    ASSERT(name != NULL);

    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (name_equals(entries[i].name, name))
            return &entries[i];
    }
    return NULL;
}

bool pragma_is_known(const char *name)
{
    return find_pragma(name) != NULL;
}

// --- rows ---

static void load_value(PragmaCode *p, char letter, va_list args, Reg target)
{
    ASSERT(target > 0);

    Program *program = p->g->program;
    const char *text;
    switch (letter) {
    case 's':
        text = va_arg(args, const char *);
        if (text != NULL)
            program_emit_text(program, OP_String8, 0, target, 0, text, -1);
        else
            program_emit(program, OP_Null, 0, target, 0);
        return;
    case 'i': program_emit(program, OP_Integer, va_arg(args, int), target, 0); return;
    case 'l': program_emit_i64(program, OP_Int64, 0, target, 0, va_arg(args, i64)); return;
    default: program_emit(program, OP_Null, 0, target, 0); return;
    }
}

void pragma_row(PragmaCode *p, const char *letters, ...)
{
    int count = (int)strlen(letters);
    ASSERT(count <= PRAGMA_COLUMN_MAX);

    // Calls that take a va_list leave it undefined, so each letter is read in one function.
    va_list args;
    va_start(args, letters);
    for (int i = 0; i < count; i++) {
        va_list rest;
        va_copy(rest, args);
        load_value(p, letters[i], rest, p->row + i);
        va_end(rest);
        if (letters[i] == 's')
            (void)va_arg(args, const char *);
        else if (letters[i] == 'i')
            (void)va_arg(args, int);
        else if (letters[i] == 'l')
            (void)va_arg(args, i64);
    }
    va_end(args);
    program_emit(p->g->program, OP_ResultRow, p->row, count, 0);
}

static void name_columns(Codegen *g, const PragmaEntry *entry)
{
    ASSERT(entry->columns != NULL);

    const char *labels[PRAGMA_COLUMN_MAX];
    u32 count = 0;
    const char *at = entry->columns;
    if (*at == '\0')
        labels[count++] = entry->name;
    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        labels[count++] = arena_dup(g->arena, at, size);
        at += size + (at[size] == ' ');
    }
    if (!g->arena->failed)
        code_result_labels(g, labels, count);
}

// --- arguments ---

bool pragma_boolean(const char *value, bool otherwise)
{
    ASSERT(value != NULL);

    static const char *const yes[] = {"on", "yes", "true", "full", "extra"};
    static const char *const no[] = {"off", "no", "false"};
    if (value[0] >= '0' && value[0] <= '9')
        return (u8)atoi(value) != 0;
    for (size_t i = 0; i < 3; i++) {
        if (name_equals(value, yes[i]))
            return true;
        if (name_equals(value, no[i]))
            return false;
    }
    return otherwise;
}

Btree *pragma_btree(const PragmaCode *p)
{
    ASSERT(p->database >= 0 && p->database < p->db->database_count);

    return p->db->databases[p->database].btree;
}

// What does not fit counts as 0, as in SQLite.
static int int_value(const PragmaCode *p)
{
    ASSERT(p->value != NULL);

    i64 value = strtoll(p->value, NULL, 0);
    return value > INT32_MAX ? 0 : value < INT32_MIN ? 0 : (int)value;
}

static i64 big_value(const PragmaCode *p)
{
    ASSERT(p->value != NULL);

    return strtoll(p->value, NULL, 0);
}

static bool find_database(PragmaCode *p)
{
    ASSERT(p->tree != NULL);

    p->schema = p->tree->name.schema;
    p->database = DB_MAIN;
    if (p->schema == NULL)
        return true;
    p->database = connection_find_database(p->db, p->schema);
    if (p->database < 0)
        codegen_error(p->g, SQLITE_ERROR, "unknown database %s", p->schema);
    else
        ddl_open_temp(p->g, p->database);
    return !codegen_failed(p->g);
}

// A VFS may answer pragmas itself.
static bool vfs_answers(PragmaCode *p)
{
    ASSERT(p->name != NULL);

    Btree *bt = pragma_btree(p);
    sqlite3_file *file = bt != NULL ? pager_file(btree_pager(bt)) : NULL;
    if (file == NULL || file->pMethods == NULL)
        return false;
    char *names[4] = {NULL, (char *)p->name, (char *)p->value, NULL};
    int rc = file->pMethods->xFileControl(file, SQLITE_FCNTL_PRAGMA, names);
    if (rc == SQLITE_OK) {
        const char *label = "result";
        code_result_labels(p->g, &label, 1);
        if (names[0] != NULL)
            pragma_row(p, "s", names[0]);
    } else if (rc != SQLITE_NOTFOUND) {
        codegen_error(p->g, rc, "%s", names[0] != NULL ? names[0] : sqlite3_errstr(rc));
    }
    sqlite3_free(names[0]);
    return rc != SQLITE_NOTFOUND;
}

static bool gives_rows(const PragmaEntry *entry, const PragmaCode *p)
{
    ASSERT(entry != NULL);

    return (entry->flags & ROW_ALWAYS) != 0 || ((entry->flags & ROW_ASK) != 0 && p->value == NULL);
}

void code_pragma(Codegen *g, Pragma *pragma)
{
    ASSERT(pragma->name.name != NULL);

    PragmaCode p = {.g = g, .db = g->db, .tree = pragma, .name = pragma->name.name};
    if (!find_database(&p))
        return;
    p.row = reg_range_new(g, PRAGMA_COLUMN_MAX);
    if (pragma->has_value)
        p.value = pragma->negative ? arena_printf(g->arena, "-%s", pragma->value) : pragma->value;
    if (!code_authorize(g, SQLITE_PRAGMA, p.name, p.value, p.schema != NULL ? p.database : -1))
        return;
    if (vfs_answers(&p) || codegen_failed(g))
        return;
    const PragmaEntry *entry = find_pragma(p.name);
    if (entry == NULL)
        return; // unknown ones are ignored
    if ((entry->flags & NEEDS_SCHEMA) != 0) {
        int rc = schema_load_all(g->db);
        if (rc != SQLITE_OK) {
            codegen_fail(g, rc);
            return;
        }
    }
    g->runs_once = true;
    if (gives_rows(entry, &p))
        name_columns(g, entry);
    p.argument = entry->argument;
    ASSERT(p.database >= 0 && p.database < g->db->database_count && p.row > 0);
    entry->handler(&p);
}

// --- lists of what there is ---

void pragma_pragma_list(PragmaCode *p)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        pragma_row(p, "s", entries[i].name);
}

// --- flags ---

void pragma_apply_sync(sqlite3 *db, int database)
{
    ASSERT(database >= 0 && database < db->database_count);

    const Database *d = &db->databases[database];
    if (d->btree == NULL)
        return;
    pager_set_sync(btree_pager(d->btree), (PagerSync)d->sync_level,
                   (db->flags & CONN_FLAG(FULL_FSYNC)) != 0,
                   (db->flags & CONN_FLAG(CKPT_FULL_FSYNC)) != 0);
}

static void set_flag(PragmaCode *p, u64 mask)
{
    ASSERT(p->value != NULL);

    sqlite3 *db = p->db;
    if (!db->autocommit)
        mask &= ~CONN_FLAG(FOREIGN_KEYS); // not inside a transaction
    if ((mask & CONN_FLAG(WRITABLE_SCHEMA)) != 0)
        mask |= CONN_FLAG(NO_SCHEMA_ERROR); // what is to be repaired must be reachable
    if (pragma_boolean(p->value, false)) {
        if ((mask & CONN_FLAG(WRITABLE_SCHEMA)) == 0 || (db->flags & CONN_FLAG(DEFENSIVE)) == 0)
            db->flags |= mask;
    } else {
        db->flags &= ~mask;
        if ((mask & CONN_FLAG(DEFER_FOREIGN_KEYS)) != 0)
            db->deferred_immediate = 0;
        if ((mask & CONN_FLAG(WRITABLE_SCHEMA)) != 0 && name_equals(p->value, "reset"))
            schema_reset(db, -1);
    }
    connection_flags_changed(db);
    program_emit(p->g->program, OP_Expire, 0, 0, 0);
    for (int i = 0; i < db->database_count && db->autocommit; i++)
        pragma_apply_sync(db, i);
}

void pragma_flag(PragmaCode *p)
{
    ASSERT(p->argument >= 0 && p->argument < 64);

    u64 mask = 1ull << p->argument;
    if (p->value == NULL)
        pragma_row(p, "i", (p->db->flags & mask) != 0);
    else
        set_flag(p, mask);
}

void pragma_case_sensitive_like(PragmaCode *p)
{
    if (p->value == NULL)
        return;
    int rc = func_define_like(p->db, pragma_boolean(p->value, false));
    if (rc != SQLITE_OK)
        codegen_fail(p->g, rc);
}

// --- numbers of the connection ---

void pragma_analysis_limit(PragmaCode *p)
{
    if (p->value != NULL && big_value(p) >= 0)
        p->db->analysis_limit = int_value(p);
    pragma_row(p, "i", p->db->analysis_limit);
}

void pragma_busy_timeout(PragmaCode *p)
{
    if (p->value != NULL)
        sqlite3_busy_timeout(p->db, int_value(p));
    pragma_row(p, "i", p->db->busy_timeout_ms);
}

void pragma_hard_heap_limit(PragmaCode *p)
{
    if (p->value != NULL && big_value(p) >= 0) {
        i64 prior = sqlite3_hard_heap_limit64(-1);
        i64 wanted = big_value(p);
        if (wanted > 0 && (prior == 0 || prior > wanted))
            sqlite3_hard_heap_limit64(wanted);
    }
    pragma_row(p, "l", (i64)sqlite3_hard_heap_limit64(-1));
}

void pragma_soft_heap_limit(PragmaCode *p)
{
    if (p->value != NULL)
        sqlite3_soft_heap_limit64(big_value(p));
    pragma_row(p, "l", (i64)sqlite3_soft_heap_limit64(-1));
}

void pragma_threads(PragmaCode *p)
{
    if (p->value != NULL && big_value(p) >= 0)
        sqlite3_limit(p->db, SQLITE_LIMIT_WORKER_THREADS, int_value(p));
    pragma_row(p, "i", sqlite3_limit(p->db, SQLITE_LIMIT_WORKER_THREADS, -1));
}

void pragma_wal_autocheckpoint(PragmaCode *p)
{
    if (p->value != NULL)
        sqlite3_wal_autocheckpoint(p->db, int_value(p));
    pragma_row(p, "i", p->db->wal_hook != NULL ? (int)(intptr_t)p->db->wal_arg : 0);
}

void pragma_shrink_memory(PragmaCode *p)
{
    sqlite3_db_release_memory(p->db);
}

// --- temporary storage ---

static int temp_store_value(const char *value)
{
    ASSERT(value != NULL);

    if (value[0] >= '0' && value[0] <= '2')
        return value[0] - '0';
    return name_equals(value, "file") ? 1 : name_equals(value, "memory") ? 2 : 0;
}

// The temporary database goes with all it holds: it lies in the wrong place now.
static bool forget_temp(PragmaCode *p)
{
    sqlite3 *db = p->db;
    Database *temp = &db->databases[DB_TEMP];
    if (temp->btree == NULL)
        return true;
    if (!db->autocommit || btree_txn_state(temp->btree) != SQLITE_TXN_NONE) {
        codegen_error(p->g, SQLITE_ERROR,
                      "temporary storage cannot be changed from within a transaction");
        return false;
    }
    btree_close(temp->btree);
    temp->btree = NULL;
    schema_reset(db, -1);
    return true;
}

void pragma_temp_store(PragmaCode *p)
{
    ASSERT(p->db->database_count > DB_TEMP);

    if (p->value == NULL) {
        pragma_row(p, "i", p->db->temp_store);
        return;
    }
    int wanted = temp_store_value(p->value);
    if (wanted != p->db->temp_store && forget_temp(p))
        p->db->temp_store = (u8)wanted;
}

void pragma_temp_store_directory(PragmaCode *p)
{
    if (p->value == NULL) {
        if (sqlite3_temp_directory != NULL)
            pragma_row(p, "s", sqlite3_temp_directory);
        return;
    }
    int writable = 1;
    if (p->value[0] != '\0') {
        int rc = p->db->vfs->xAccess(p->db->vfs, p->value, SQLITE_ACCESS_READWRITE, &writable);
        if (rc != SQLITE_OK || !writable) {
            codegen_error(p->g, SQLITE_ERROR, "not a writable directory");
            return;
        }
    }
    if (p->db->temp_store <= 1 && !forget_temp(p))
        return;
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = p->value[0] != '\0' ? sqlite3_mprintf("%s", p->value) : NULL;
}

// --- encoding ---

void pragma_encoding(PragmaCode *p)
{
    ASSERT(p->row > 0);

    static const struct {
        const char *name;
        u8 encoding;
    } names[] = {{"UTF8", SQLITE_UTF8},        {"UTF-8", SQLITE_UTF8},
                 {"UTF-16le", SQLITE_UTF16LE}, {"UTF-16be", SQLITE_UTF16BE},
                 {"UTF16le", SQLITE_UTF16LE},  {"UTF16be", SQLITE_UTF16BE},
                 {"UTF-16", SQLITE_UTF16LE},   {"UTF16", SQLITE_UTF16LE}};
    sqlite3 *db = p->db;
    if (p->value == NULL) {
        int rc = schema_load_all(db);
        if (rc != SQLITE_OK)
            codegen_fail(p->g, rc);
        pragma_row(p, "s", names[db->encoding == SQLITE_UTF8 ? 1 : db->encoding].name);
        return;
    }
    if (db->encoding_is_fixed)
        return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!name_equals(p->value, names[i].name))
            continue;
        db->encoding = names[i].encoding;
        schema_reset(db, -1);
        return;
    }
    codegen_error(p->g, SQLITE_ERROR, "unsupported encoding: %s", p->value);
}

// --- pragma_x() ---

bool pragma_takes_table(const char *name)
{
    ASSERT(name != NULL);

    static const char *const names[] = {
        "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
        "integrity_check",   "quick_check",      "table_info", "table_list", "table_xinfo"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

const char *pragma_columns(const char *name, const char **own_name)
{
    ASSERT(own_name != NULL);

    const PragmaEntry *entry = find_pragma(name);
    if (entry == NULL || (entry->flags & (ROW_ALWAYS | ROW_ASK)) == 0
        || (entry->flags & NO_FUNCTION) != 0)
        return NULL;
    *own_name = entry->name;
    return entry->columns[0] != '\0' ? entry->columns : entry->name;
}
