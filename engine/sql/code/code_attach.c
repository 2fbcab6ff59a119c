// ATTACH and DETACH: the names are expressions, so the work is done by two functions the program
// calls. KEY is evaluated and has no effect: files are not encrypted.
//
// A database's number is its place in the connection's array: programs hold it, so DETACH makes
// them all expire (Expire 0), ATTACH only those compiled from now on (Expire 1).

#include "base/alloc.h"
#include "base/error.h"
#include "base/hashmap.h"
#include "func/func.h"
#include "sql/code/statements.h"
#include <string.h>

// --- at run time ---

static int open_attached(sqlite3 *db, Database *slot, const char *file, char **message)
{
    ASSERT(slot->btree == NULL && slot->schema == NULL);

    int open_flags = db->open_flags;
    sqlite3_vfs *vfs = db->vfs;
    char *path = NULL;
    TRY(func_hooks()->parse_uri(db->vfs->zName, file, &open_flags, &vfs, &path, message));
    bool in_memory = strcmp(path, ":memory:") == 0 || (open_flags & SQLITE_OPEN_MEMORY) != 0;
    u32 flags = in_memory ? BTREE_MEMORY : path[0] == '\0' ? BTREE_TEMPORARY : 0;
    int rc = btree_open(vfs, path, db, flags, open_flags | SQLITE_OPEN_MAIN_DB, &slot->btree);
    func_hooks()->free_path(path);
    if (rc != SQLITE_OK)
        return rc;
    connection_adopt_btree(db, slot->btree);
    (void)btree_secure_delete(slot->btree, btree_secure_delete(db->databases[DB_MAIN].btree, -1));
    slot->schema = schema_new();
    slot->sync_level = SYNC_FULL;
    return slot->schema != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

static void close_attached(Database *slot)
{
    if (slot->btree != NULL)
        btree_close(slot->btree);
    if (slot->schema != NULL)
        schema_unref(slot->schema);
    mem_free((char *)slot->name);
    *slot = (Database){0};
}

static bool name_is_taken(const sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    for (int i = 0; i < db->database_count; i++) {
        if (db->databases[i].name != NULL && name_equals(db->databases[i].name, name))
            return true;
    }
    return false;
}

static const char *text_or_empty(Value *v)
{
    const char *text = value_type(v) == SQLITE_NULL ? NULL : value_text(v, SQLITE_UTF8);
    return text != NULL ? text : "";
}

static void attach_failed(FuncCall *call, Database *slot, const char *file, int rc)
{
    ASSERT(rc != SQLITE_OK);

    sqlite3 *db = call->db;
    close_attached(slot);
    db->database_count--;
    if ((rc & 0xff) == SQLITE_NOMEM)
        call_result_error_nomem(call);
    else if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_LOCKED)
        call_result_error_format(call, "unable to open database: %s", file);
    else if (rc == SQLITE_CONSTRAINT)
        call_result_error_format(call, "database is already attached");
    else if (rc == db->error_code && (rc == SQLITE_ERROR || rc == SQLITE_CORRUPT))
        call_result_error_format(call, "%s", sqlite3_errmsg(db));
    else
        call_result_error_format(call, "%s", error_text(rc));
    if ((rc & 0xff) != SQLITE_NOMEM && rc != SQLITE_CONSTRAINT)
        call_result_error_code(call, rc);
}

// A shared database may be locked at the moment: what others have read of it already can wait.
static int load_attached(sqlite3 *db, int database)
{
    Btree *bt = db->databases[database].btree;
    ASSERT(bt != NULL);
    int rc = schema_load(db, database);
    if (rc == SQLITE_LOCKED_SHAREDCACHE && btree_schema_is_known(bt)) {
        connection_error_clear(db);
        return SQLITE_OK;
    }
    return rc;
}

static void fn_attach(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 3);

    (void)arg_count;
    sqlite3 *db = call->db;
    const char *file = text_or_empty(args[0]);
    const char *name = text_or_empty(args[1]);
    if (db->database_count >= db->limits[SQLITE_LIMIT_ATTACHED] + 2) {
        call_result_error_format(call, "too many attached databases - max %d",
                                 db->limits[SQLITE_LIMIT_ATTACHED]);
        return;
    }
    if (name_is_taken(db, name)) {
        call_result_error_format(call, "database %s is already in use", name);
        return;
    }
    Database *slot = &db->databases[db->database_count++];
    *slot = (Database){.name = mem_dup(name, UINT64_MAX)};
    char *message = NULL;
    int rc = slot->name == NULL ? SQLITE_NOMEM : open_attached(db, slot, file, &message);
    if (message != NULL) {
        connection_error(db, rc, "%s", message);
        mem_free(message);
    }
    if (rc == SQLITE_OK)
        rc = load_attached(db, db->database_count - 1);
    if (rc != SQLITE_OK)
        attach_failed(call, slot, file, rc);
}

static void detach_slot(sqlite3 *db, int at)
{
    ASSERT(at > DB_TEMP && at < db->database_count);

    close_attached(&db->databases[at]);
    for (int i = at; i + 1 < db->database_count; i++)
        db->databases[i] = db->databases[i + 1];
    db->databases[--db->database_count] = (Database){0};
    db->schema_generation++;
}

static void fn_detach(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    (void)arg_count;
    sqlite3 *db = call->db;
    const char *name = text_or_empty(args[0]);
    int at = -1;
    for (int i = 0; i < db->database_count; i++) {
        if (db->databases[i].btree != NULL && name_equals(db->databases[i].name, name))
            at = i;
    }
    if (at < 0)
        call_result_error_format(call, "no such database: %s", name);
    else if (at < 2)
        call_result_error_format(call, "cannot detach database %s", name);
    else if (btree_txn_state(db->databases[at].btree) != SQLITE_TXN_NONE)
        call_result_error_format(call, "database %s is locked", name);
    else
        detach_slot(db, at);
}

// --- the program ---

static const FuncDef attach_function = {
    .name = "sqlite_attach", .arg_count = 3, .flags = FUNC_BUILTIN, .call = fn_attach};
static const FuncDef detach_function = {
    .name = "sqlite_detach", .arg_count = 1, .flags = FUNC_BUILTIN, .call = fn_detach};

static void code_argument(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    if (e != NULL)
        code_expr_copy(g, e, target);
    else
        program_emit(g->program, OP_Null, 0, target, 0);
}

void code_attach(Codegen *g, Stmt *stmt)
{
    ASSERT(stmt->kind == STMT_ATTACH || stmt->kind == STMT_DETACH);

    bool attaches = stmt->kind == STMT_ATTACH;
    const Expr *name = attaches ? stmt->u.attach.file : stmt->u.attach.schema;
    const char *text = name != NULL && name->kind == EX_STRING ? name->text : NULL;
    int action = attaches ? SQLITE_ATTACH : SQLITE_DETACH;
    int rc = resolve_authorize(g->db, action, text, NULL, NULL);
    if (rc != SQLITE_OK) {
        if (rc != SQLITE_IGNORE)
            codegen_fail(g, rc);
        return;
    }
    Reg first = reg_range_new(g, 4);
    g->changes_state = true;
    if (attaches) {
        code_argument(g, stmt->u.attach.file, first);
        code_argument(g, stmt->u.attach.schema, first + 1);
        code_argument(g, stmt->u.attach.key, first + 2);
    } else {
        code_argument(g, stmt->u.attach.schema, first);
    }
    program_emit_func(g->program, OP_Function, 0, first, first + 3,
                      attaches ? &attach_function : &detach_function);
    program_set_p5(g->program, attaches ? 3 : 1);
    program_emit(g->program, OP_Expire, attaches, 0, 0);
}
