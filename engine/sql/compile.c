// The path of a statement: text -> tree (parse) -> names (resolve) -> rewrites -> program (code) ->
// Vm.
//
// A compilation that fails because the schema in memory is out of date (another connection changed
// the file) is repeated once with the schema read again. Any plain error may come of that: a column
// that is missing in memory may well be in the file.
//
// Everything of the compilation lives in one arena that ends with it; the program has an arena of
// its own, and holds no pointer into this one.
//
// Out of memory: helpers may leave out what they had no memory for, so a compilation during which
// any allocation was refused counts as failed, whatever came of it.

#include "sql/compile.h"
#include "base/alloc.h"
#include "base/error.h"
#include "quire.h"
#include "sql/code/code_pragma.h"
#include "sql/code/statements.h"
#include "sql/expr_tree.h"
#include "sql/module_pragma.h"
#include "sql/parse.h"
#include "sql/resolve.h"
#include "sql/rewrite.h"
#include "sql/schema_compile.h"
#include "vm/vm.h"
#include "vtab/vtab.h"
#include <string.h>

// Everything one compilation owns.
typedef struct Compilation {
    sqlite3 *db;
    Arena arena;
    ParseResult parsed;
    ResolveContext resolve;
    NameLiterals quoted_texts; // "names" that are texts, for sqlite3_normalized_sql()
    Codegen codegen;
} Compilation;

static ParseOptions parse_options(const sqlite3 *db)
{
    ParseOptions options = parse_options_default();
    options.expr_depth = db->limits[SQLITE_LIMIT_EXPR_DEPTH];
    options.parser_depth = db->limits[SQLITE_LIMIT_PARSER_DEPTH];
    options.column_count = db->limits[SQLITE_LIMIT_COLUMN];
    options.compound_select = db->limits[SQLITE_LIMIT_COMPOUND_SELECT];
    options.function_arg_count = db->limits[SQLITE_LIMIT_FUNCTION_ARG];
    options.variable_number = db->limits[SQLITE_LIMIT_VARIABLE_NUMBER];
    options.forbid_comments = (db->flags & CONN_FLAG(COMMENTS)) == 0;
    return options;
}

static int parse(Compilation *c, const char *sql, size_t size)
{
    ParseOptions options = parse_options(c->db);
    int rc = parse_statement(sql, size, &options, &c->arena, &c->parsed);
    if (rc == SQLITE_NOMEM)
        return connection_out_of_memory(c->db);
    if (rc != SQLITE_OK) {
        connection_error(c->db, rc, "%s", c->parsed.message);
        c->db->error_offset = c->parsed.error_offset;
    }
    return rc;
}

// A pragma of a module is answered with another statement, which is compiled in its place: as
// EXPLAIN, if that is what was asked for.
static int replace_pragma(Compilation *c)
{
    ASSERT(c->parsed.stmt != NULL);

    const Stmt *stmt = c->parsed.stmt;
    if (stmt->kind != STMT_PRAGMA || pragma_is_known(stmt->u.pragma->name.name)
        || module_pragma_find(c->db, stmt->u.pragma->name.name) == NULL)
        return SQLITE_OK;
    u8 explain = stmt->explain;
    char *answer;
    u32 tail = c->parsed.tail;
    TRY(module_pragma_ask(c->db, stmt->u.pragma, &answer));
    size_t size = strlen(answer);
    const char *sql = arena_dup(&c->arena, answer, size);
    sqlite3_free(answer);
    if (sql == NULL)
        return connection_out_of_memory(c->db);
    TRY(parse(c, sql, size));
    c->parsed.stmt->explain = explain;
    c->parsed.tail = tail;
    return SQLITE_OK;
}

// Statements that look at no table and must work even when the schema cannot be read.
static bool needs_schema(const Stmt *stmt)
{
    switch ((StmtKind)stmt->kind) {
    case STMT_EMPTY:
    case STMT_BEGIN:
    case STMT_COMMIT:
    case STMT_ROLLBACK:
    case STMT_SAVEPOINT:
    case STMT_RELEASE:
    case STMT_ROLLBACK_TO:
    case STMT_PRAGMA: // those that need it load it
    case STMT_VACUUM: return false;
    default: return true;
    }
}

static bool is_query_or_change(const Stmt *stmt)
{
    static_assert(STMT_SELECT + 3 == STMT_DELETE, "the four in a row");

    return stmt->kind >= STMT_SELECT && stmt->kind <= STMT_DELETE;
}

// ALTER TABLE, within which statements of the schema are compiled, takes notes of its own.
static int resolve_noting_texts(Compilation *c, Stmt *stmt)
{
    ASSERT(c->quoted_texts.count == 0);

    NameLiterals *outer = c->db->name_literals;
    c->quoted_texts.arena = &c->arena;
    if (outer == NULL)
        c->db->name_literals = &c->quoted_texts;
    int rc = resolve_statement(&c->resolve, stmt);
    c->db->name_literals = outer;
    return rc;
}

static int prepare_tree(Compilation *c, u32 prepare_flags)
{
    ASSERT(c->parsed.stmt != NULL);

    Stmt *stmt = c->parsed.stmt;
    resolve_context_init(&c->resolve, c->db, &c->arena);
    c->resolve.hides_virtual = (prepare_flags & SQLITE_PREPARE_NO_VTAB) != 0;
    if (needs_schema(stmt))
        TRY(schema_load_all(c->db));
    bool has_exprs = is_query_or_change(stmt) || stmt->kind == STMT_ATTACH
                     || stmt->kind == STMT_DETACH || stmt->kind == STMT_VACUUM;
    if (!has_exprs)
        return SQLITE_OK;
    TRY(resolve_noting_texts(c, stmt));
    return is_query_or_change(stmt) ? rewrite_statement(&c->resolve, stmt) : SQLITE_OK;
}

// --- code ---

static void name_results(Compilation *c, Select *select, ExprList *returning)
{
    ASSERT(select != NULL || returning != NULL);

    ColumnName *names = NULL;
    u32 count = 0;
    int rc;
    if (select != NULL) {
        rc = resolve_result_names(&c->resolve, select, &names, &count);
    } else {
        rc = resolve_list_names(&c->resolve, returning, &names);
        count = returning->count;
    }
    if (rc != SQLITE_OK)
        codegen_fail(&c->codegen, rc);
    else
        code_result_names(&c->codegen, names, count);
}

static void code_query(Compilation *c, Select *select)
{
    ASSERT(select->next == NULL);

    SelectDest dest = {.kind = DEST_OUTPUT};
    name_results(c, select, NULL);
    code_select(&c->codegen, select, &dest);
}

// long: one line per kind of statement
static void code_statement(Compilation *c)
{
    ASSERT(c->codegen.program != NULL);

    Codegen *g = &c->codegen;
    ResolveContext *ctx = &c->resolve;
    Stmt *stmt = c->parsed.stmt;
    switch ((StmtKind)stmt->kind) {
    case STMT_EMPTY: return;
    case STMT_SELECT: code_query(c, stmt->u.select); return;
    case STMT_INSERT:
        if (stmt->u.insert->returning != NULL)
            name_results(c, NULL, stmt->u.insert->returning);
        code_insert(g, stmt->u.insert);
        return;
    case STMT_UPDATE:
        if (stmt->u.update->returning != NULL)
            name_results(c, NULL, stmt->u.update->returning);
        code_update(g, stmt->u.update);
        return;
    case STMT_DELETE:
        if (stmt->u.delete_->returning != NULL)
            name_results(c, NULL, stmt->u.delete_->returning);
        code_delete(g, stmt->u.delete_);
        return;
    case STMT_CREATE_TABLE: code_create_table(g, ctx, stmt->u.create_table); return;
    case STMT_CREATE_INDEX: code_create_index(g, stmt->u.create_index); return;
    case STMT_CREATE_VIEW: code_create_view(g, stmt->u.create_view); return;
    case STMT_CREATE_TRIGGER: code_create_trigger(g, stmt->u.create_trigger); return;
    case STMT_CREATE_VIRTUAL_TABLE:
        code_create_virtual_table(g, stmt->u.create_virtual_table);
        return;
    case STMT_ALTER: code_alter(g, ctx, stmt->u.alter); return;
    case STMT_DROP: code_drop(g, stmt->u.drop); return;
    case STMT_PRAGMA: code_pragma(g, stmt->u.pragma); return;
    case STMT_ATTACH:
    case STMT_DETACH: code_attach(g, stmt); return;
    case STMT_BEGIN: code_begin(g, (TxnMode)stmt->u.begin.mode); return;
    case STMT_COMMIT: code_commit(g); return;
    case STMT_ROLLBACK: code_rollback(g); return;
    case STMT_SAVEPOINT: code_savepoint(g, SAVEPOINT_BEGIN, stmt->u.savepoint); return;
    case STMT_RELEASE: code_savepoint(g, SAVEPOINT_RELEASE, stmt->u.savepoint); return;
    case STMT_ROLLBACK_TO: code_savepoint(g, SAVEPOINT_ROLLBACK, stmt->u.savepoint); return;
    case STMT_REINDEX: code_reindex(g, &stmt->u.target); return;
    case STMT_ANALYZE: code_analyze(g, &stmt->u.target); return;
    case STMT_VACUUM: code_vacuum(g, stmt); return;
    case STMT_OPTIMIZE_INDEX: code_optimize_index(g, &stmt->u.target); return;
    }
}

// --- the statement made of it ---

static void set_columns(Compilation *c, Vm *vm)
{
    ASSERT(vm != NULL);

    static const char *const plan_labels[] = {"id", "parent", "notused", "detail"};
    const Codegen *g = &c->codegen;
    if (c->parsed.stmt->explain == EXPLAIN_QUERY_PLAN) {
        for (int i = 0; i < (int)ARRAY_LEN(plan_labels); i++)
            vm_set_column(vm, i, VM_COLUMN_NAME, plan_labels[i]);
        return;
    }
    if (c->parsed.stmt->explain != EXPLAIN_NONE)
        return; // the machine knows the names of EXPLAIN
    for (u32 i = 0; i < g->results.count; i++) {
        const ColumnName *name = &g->results.items[i];
        const char *texts[] = {name->name, name->decltype, name->database, name->table,
                               name->origin};
        for (int what = 0; what < VM_COLUMN_TEXTS; what++) {
            if (texts[what] != NULL)
                vm_set_column(vm, (int)i, (VmColumnText)what, texts[what]);
        }
    }
}

static int set_param_names(Compilation *c, Vm *vm, Arena *arena)
{
    const Stmt *stmt = c->parsed.stmt;
    if (stmt->param_name_count == 0)
        return SQLITE_OK;
    vm->param_names = arena_array(arena, (size_t)stmt->param_count, sizeof *vm->param_names);
    if (vm->param_names == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < stmt->param_name_count; i++) {
        const ParamName *name = &stmt->param_names[i];
        ASSERT(name->number >= 1 && name->number <= stmt->param_count);
        vm->param_names[name->number - 1] = arena_dup(arena, name->name, strlen(name->name));
    }
    return SQLITE_OK;
}

// The types of a STRICT table alone are no reason for a savepoint: SQLite leaves the rows before
// the one that does not fit. It reckons with every function to fail, though, and then they go.
static bool may_abort(const Codegen *g)
{
    ASSERT(g->db != NULL);

    return g->may_abort || (g->checks_types && g->calls_total);
}

// What the generator found out and the machine must know before the first instruction.
static VmLayout vm_layout(const Compilation *c)
{
    const Codegen *g = &c->codegen;
    const Stmt *stmt = c->parsed.stmt;
    int columns = stmt->explain == EXPLAIN_PROGRAM      ? 8
                  : stmt->explain == EXPLAIN_QUERY_PLAN ? 4
                                                        : (int)g->results.count;
    return (VmLayout){
        .register_count = g->reg_count,
        .cursor_count = g->cursor_count,
        .param_count = stmt->param_count,
        .column_count = columns,
        .database_mask = g->read_mask | g->lock_mask,
        .write_mask = g->write_mask | g->write_lock_mask,
        .is_read_only = g->write_mask == 0 && !g->changes_state,
        .wants_journal = g->multi_write && may_abort(g),
        .trusts_triggers = g->fires_triggers && !may_abort(g),
        .explain = (ExplainMode)stmt->explain,
    };
}

// What the hook for schema changes is told (quire.h). Names live in the program's arena.
static void set_schema_change(const Stmt *stmt, Arena *arena, Vm *vm)
{
    const QualifiedName *name = NULL;
    switch ((StmtKind)stmt->kind) {
    case STMT_CREATE_TABLE:
    case STMT_CREATE_INDEX:
    case STMT_CREATE_VIEW:
    case STMT_CREATE_TRIGGER:
    case STMT_CREATE_VIRTUAL_TABLE: vm->schema_change = QUIRE_SCHEMA_CREATE; return;
    case STMT_ALTER:
        vm->schema_change = QUIRE_SCHEMA_ALTER;
        name = &stmt->u.alter->table;
        break;
    case STMT_DROP:
        vm->schema_change = QUIRE_SCHEMA_DROP;
        name = &stmt->u.drop->name;
        break;
    default: return; // changes no object
    }
    vm->schema_change_name = arena_dup(arena, name->name, strlen(name->name));
    if (name->schema != NULL)
        vm->schema_change_schema = arena_dup(arena, name->schema, strlen(name->schema));
}

static int set_quoted_texts(const Compilation *c, Vm *vm, Arena *arena)
{
    const NameLiterals *texts = &c->quoted_texts;
    if (texts->count == 0)
        return SQLITE_OK;
    u32 *offsets = arena_array(arena, texts->count, sizeof *offsets);
    if (offsets == NULL)
        return SQLITE_NOMEM;
    memcpy(offsets, texts->offsets, texts->count * sizeof *offsets);
    vm->quoted_texts = offsets;
    vm->quoted_text_count = texts->count;
    return SQLITE_OK;
}

static int make_statement(Compilation *c, const char *sql, size_t size, u32 prepare_flags, Vm **out)
{
    ASSERT(c->codegen.program != NULL);

    Program *program = c->codegen.program;
    c->codegen.program = NULL; // vm_new takes it
    Arena *arena = program_arena(program);
    VmLayout layout = vm_layout(c);
    Vm *vm = NULL;
    TRY(vm_new(program, &layout, &vm));
    set_columns(c, vm);
    set_schema_change(c->parsed.stmt, arena, vm);
    int rc = set_param_names(c, vm, arena);
    if (rc == SQLITE_OK)
        rc = set_quoted_texts(c, vm, arena);
    if (rc == SQLITE_OK)
        rc = vm_set_sql(vm, sql, (int)size, (u16)prepare_flags);
    if (rc != SQLITE_OK) {
        vm_free(vm);
        return connection_out_of_memory(c->db);
    }
    vm->counts_changes = c->codegen.counts_changes;
    vm->expire_mask = c->codegen.expire_mask;
    vm->expire_at_reset = c->codegen.runs_once;
    *out = vm;
    return SQLITE_OK;
}

// EXPLAIN compiles as the statement itself would: the machine shows the program in place of running
// it.
static int generate(Compilation *c, const char *sql, size_t size, u32 prepare_flags, Vm **out)
{
    ASSERT(c->arena.failed == false);

    Program *program = program_new(c->db);
    if (program == NULL)
        return connection_out_of_memory(c->db);
    Codegen *g = &c->codegen;
    codegen_init(g, c->db, program, &c->arena, c->parsed.stmt, c->resolve.cursor_count);
    g->resolve = &c->resolve;
    g->is_explain_plan = c->parsed.stmt->explain == EXPLAIN_QUERY_PLAN;
    program_keep_comments(program, c->parsed.stmt->explain == EXPLAIN_PROGRAM);
    codegen_begin(g);
    code_statement(c);
    int rc = codegen_finish(g);
    if (rc == SQLITE_OK)
        rc = make_statement(c, sql, size, prepare_flags, out);
    if (g->program != NULL)
        program_free(g->program);
    codegen_deinit(g);
    return rc;
}

static int compile_once(sqlite3 *db, const char *sql, size_t size, u32 prepare_flags, Vm **out,
                        size_t *tail)
{
    Compilation c = {.db = db};
    u64 refusals = alloc_refusals();
    *out = NULL;
    *tail = size;
    schema_lock(db);
    db->compile_locks++;
    int rc = parse(&c, sql, size);
    if (rc != SQLITE_NOMEM)
        *tail = c.parsed.tail;
    if (rc == SQLITE_OK)
        rc = replace_pragma(&c);
    if (rc == SQLITE_OK) {
        u32 mode = prepare_flags & COMPILE_AS_MASK;
        if (mode != 0)
            c.parsed.stmt->explain = (u8)((mode >> 8) - 1);
        rc = prepare_tree(&c, prepare_flags);
    }
    if (rc == SQLITE_OK && c.parsed.stmt->kind != STMT_EMPTY)
        rc = generate(&c, sql, c.parsed.tail, prepare_flags, out);
    // Names and texts may be missing from what was compiled, and errors found in it mean nothing.
    if (alloc_refusals() != refusals || c.arena.failed || db->out_of_memory) {
        (void)vm_finalize(*out);
        *out = NULL;
        rc = connection_out_of_memory(db);
    }
    arena_deinit(&c.arena);
    ASSERT(db->compile_locks > 0);
    db->compile_locks--;
    schema_unlock(db);
    return rc;
}

// Does the file hold another schema than the one in memory? Then what was read is forgotten.
static bool schema_is_stale(sqlite3 *db)
{
    ASSERT(db->database_count >= 2); // main and temp

    bool stale = false;
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        Schema *schema = db->databases[i].schema;
        if (bt == NULL || !schema->is_loaded)
            continue;
        u32 cookie = 0;
        bool opened = btree_txn_state(bt) == SQLITE_TXN_NONE;
        if (opened && btree_begin(bt, BTREE_READ, NULL) != SQLITE_OK)
            continue;
        btree_get_meta(bt, META_SCHEMA_VERSION, &cookie);
        if (cookie != schema->cookie) {
            schema_reset(db, i);
            stale = true;
        }
        if (opened && btree_commit(bt) != SQLITE_OK)
            continue;
    }
    return stale;
}

// Whoever shares a database waits until its schema is free, even for a statement that has nothing
// to do with it.
static int check_schema_locks(sqlite3 *db)
{
    if (LIKELY(!db->shares_btrees))
        return SQLITE_OK;
    for (int i = 0; i < db->database_count; i++) {
        const Database *database = &db->databases[i];
        ASSERT(database->name != NULL);
        int rc = database->btree == NULL ? SQLITE_OK : btree_ask_schema(database->btree);
        if (rc != SQLITE_OK)
            return connection_error(db, rc, "database schema is locked: %s", database->name);
    }
    return SQLITE_OK;
}

int sql_compile(sqlite3 *db, const char *sql, size_t size, u32 prepare_flags, Vm **out,
                size_t *tail)
{
    *out = NULL;
    *tail = size;
    if (size > (size_t)db->limits[SQLITE_LIMIT_SQL_LENGTH])
        return connection_error(db, SQLITE_TOOBIG, "statement too long");
    TRY(check_schema_locks(db));
    db->prepare_depth++;
    if (db->executing == 0)
        db->busy_count = 0;
    int rc = compile_once(db, sql, size, prepare_flags, out, tail);
    bool may_be_stale = rc == SQLITE_SCHEMA || ((rc & 0xff) == SQLITE_ERROR && !db->is_loading);
    // A statement run meanwhile may have met the change first: then the schema is forgotten by now.
    if (may_be_stale && (schema_is_stale(db) || rc == SQLITE_SCHEMA)) {
        connection_error_clear(db);
        rc = compile_once(db, sql, size, prepare_flags, out, tail);
    }
    db->prepare_depth--;
    // Codes from below come without a message; the connection must have them all the same.
    if (rc != SQLITE_OK && db->error_code == SQLITE_OK)
        connection_error_plain(db, rc);
    ASSERT(rc == SQLITE_OK || *out == NULL);
    return rc;
}

// --- what the layers below call ---

static int recompile(Vm *vm)
{
    ASSERT(vm->sql != NULL);

    Vm *fresh = NULL;
    size_t tail;
    // Parameters bound to the old program may guide the planner of the new one.
    struct Vm *outer = vm->db->recompiled;
    vm->db->recompiled = vm;
    int rc = sql_compile(vm->db, vm->sql, strlen(vm->sql), vm->prepare_flags, &fresh, &tail);
    vm->db->recompiled = outer;
    if (rc != SQLITE_OK)
        return rc;
    vm_swap(vm, fresh);
    (void)vm_finalize(fresh);
    vm->expired = false;
    return SQLITE_OK;
}

int sql_run(sqlite3 *db, const char *sql)
{
    ASSERT(sql != NULL);

    size_t left = strlen(sql);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && left > 0) {
        Vm *vm = NULL;
        size_t used = 0;
        rc = sql_compile(db, sql, left, 0, &vm, &used);
        sql += used;
        left -= used;
        if (vm == NULL)
            continue;
        do {
            rc = vm_step(vm);
        } while (rc == SQLITE_ROW);
        rc = vm_finalize(vm);
    }
    return rc;
}

static int execute(sqlite3 *db, const char *sql, char **message)
{
    int rc = sql_run(db, sql);
    if (rc != SQLITE_OK && message != NULL)
        *message = mem_dup(sqlite3_errmsg(db), UINT64_MAX);
    return rc;
}

void sql_install(void)
{
    static const VmHooks hooks = {
        .recompile = recompile,
        .execute = execute,
        .vacuum = vacuum_run,
        .parse_schema = schema_parse_rows,
        .column_default = column_default_value,
    };
    vm_install_hooks(&hooks);
    schema_install_compiler(schema_compile_object);
    module_install_factory(pragma_make_module);
    vtab_install_compiler(schema_compile_vtab);
    schema_install_virtual_release(vtab_release_table);
}
