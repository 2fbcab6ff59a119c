// ALTER TABLE: the rows of sqlite_schema, their verification, and the two renames.
//
//     alter_load_rows        all rows of the database (and of temp), parsed
//     alter_verify_others    do views and triggers fit as they are? Older faults must show as such
//     texts are rewritten    alter_text.c finds the tokens that mean what is renamed
//     alter_verify_table     does the changed CREATE TABLE build, with its indexes?
//     alter_code_rows        the program: NotExists, MakeRecord, Insert for each changed row
//     alter_code_reload      cookie; ParseSchema; and a function that looks at views and triggers
//                            again, in the schema as it is then: its error undoes everything
//
// Columns are added and dropped in code_alter_column.c, changed in code_alter_change.c.

#include "sql/code/code_alter.h"
#include "base/buffer.h"
#include "base/hashmap.h"
#include "func/func.h"
#include "sql/expr_tree.h"
#include "sql/parse.h"
#include "sql/schema_build.h"
#include "vtab/vtab.h"
#include <string.h>

// --- rows ---

static const char *kept_text(AlterCode *a, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0);

    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text != NULL ? arena_dup(a->g->arena, text, strlen(text)) : NULL;
}

static bool add_row(AlterCode *a, sqlite3_stmt *stmt, int database)
{
    ASSERT(a->row_count <= a->row_capacity);

    if (a->row_count == a->row_capacity) {
        u32 capacity = a->row_capacity == 0 ? 16 : a->row_capacity * 2;
        AlterRow *grown = arena_array(a->g->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return false;
        if (a->row_count > 0)
            memcpy(grown, a->rows, a->row_count * sizeof *grown);
        a->rows = grown;
        a->row_capacity = capacity;
    }
    AlterRow *row = &a->rows[a->row_count++];
    *row = (AlterRow){.rowid = sqlite3_column_int64(stmt, 0),
                      .database = database,
                      .type = kept_text(a, stmt, 1),
                      .name = kept_text(a, stmt, 2),
                      .table_name = kept_text(a, stmt, 3),
                      .root = sqlite3_column_int64(stmt, 4),
                      .sql = kept_text(a, stmt, 5)};
    return row->type != NULL && row->name != NULL && row->table_name != NULL;
}

// As rows of sqlite_schema are parsed, but with every name kept that could be renamed.
static int parse_stored(AlterCode *a, const char *sql, ParseResult *parsed)
{
    ParseOptions options = parse_options_default();
    options.lenient_schema = options.keeps_dead_terms = true;
    return parse_statement(sql, strlen(sql), &options, a->g->arena, parsed);
}

bool alter_parse_row(AlterCode *a, AlterRow *row)
{
    ASSERT(a->g != NULL);

    if (row->sql == NULL || row->stmt != NULL)
        return true;
    ParseResult parsed;
    int rc = parse_stored(a, row->sql, &parsed);
    row->stmt = rc == SQLITE_OK ? parsed.stmt : NULL;
    row->has_dead_terms = rc == SQLITE_OK && parsed.has_dead_terms;
    row->parsed_sql = row->sql;
    return rc != SQLITE_NOMEM;
}

static int load_database_rows(AlterCode *a, int database)
{
    ASSERT(database >= 0 && database < a->g->db->database_count);

    sqlite3 *db = a->g->db;
    const char *sql = arena_printf(
        a->g->arena, "SELECT rowid,type,name,tbl_name,rootpage,sql FROM %s.%s",
        sql_identifier(a->g, db->databases[database].name), ddl_schema_table(database));
    sqlite3_stmt *stmt = NULL;
    SilentScope silent = connection_silence(db);
    int rc = sql != NULL ? sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        if (!add_row(a, stmt, database))
            rc = SQLITE_NOMEM;
    }
    int end_rc = sqlite3_finalize(stmt);
    connection_unsilence(db, silent);
    return rc != SQLITE_OK ? rc : end_rc;
}

// The rows are read by a statement of its own. Were the schema in memory out of date, it would read
// it anew and free the table that is being altered; so the snapshot is taken and compared first.
static int hold_current_schema(AlterCode *a)
{
    Database *d = &a->g->db->databases[a->database];
    u32 cookie = 0;
    ASSERT(d->schema->is_loaded);

    if (btree_txn_state(d->btree) == SQLITE_TXN_NONE)
        TRY(btree_begin(d->btree, BTREE_READ, NULL));
    btree_get_meta(d->btree, META_SCHEMA_VERSION, &cookie);
    return cookie == d->schema->cookie ? SQLITE_OK : SQLITE_SCHEMA;
}

static int load_all_rows(AlterCode *a)
{
    ASSERT(a->row_count == 0);

    bool was_reading = btree_txn_state(a->g->db->databases[a->database].btree) != SQLITE_TXN_NONE;
    int rc = hold_current_schema(a);
    if (rc == SQLITE_OK)
        rc = load_database_rows(a, a->database);
    Btree *bt = a->g->db->databases[a->database].btree;
    if (!was_reading && btree_txn_state(bt) != SQLITE_TXN_NONE) {
        int end_rc = btree_commit(bt);
        rc = rc != SQLITE_OK ? rc : end_rc;
    }
    return rc;
}

bool alter_load_rows(AlterCode *a)
{
    ASSERT(a->row_count == 0);

    int rc = load_all_rows(a);
    bool has_temp = a->database != DB_TEMP && a->g->db->databases[DB_TEMP].btree != NULL;
    if (rc == SQLITE_OK && has_temp)
        rc = load_database_rows(a, DB_TEMP);
    for (u32 i = 0; i < a->row_count && rc == SQLITE_OK; i++)
        rc = alter_parse_row(a, &a->rows[i]) ? SQLITE_OK : SQLITE_NOMEM;
    if (rc != SQLITE_OK)
        codegen_fail(a->g, rc == SQLITE_NOMEM ? connection_out_of_memory(a->g->db) : rc);
    return rc == SQLITE_OK;
}

AlterRow *alter_table_row(AlterCode *a)
{
    ASSERT(a->table->kind == TABLE_ORDINARY);

    for (u32 i = 0; i < a->row_count; i++) {
        AlterRow *row = &a->rows[i];
        if (row->database == a->database && strcmp(row->type, "table") == 0
            && name_equals(row->name, a->table->name) && row->stmt != NULL
            && row->stmt->kind == STMT_CREATE_TABLE)
            return row;
    }
    codegen_error(a->g, SQLITE_CORRUPT, "database disk image is malformed");
    return NULL;
}

void alter_set_sql(AlterRow *row, const char *sql)
{
    ASSERT(row->sql != NULL);

    if (sql == row->sql || sql == NULL)
        return;
    row->sql = sql;
    row->is_changed = true;
}

static void code_row_write_back(AlterCode *a, int cursor, const AlterRow *row, Reg first)
{
    ASSERT(row->is_changed && first > 0);

    Codegen *g = a->g;
    Program *program = g->program;
    Reg rowid = first + 5, record = first + 6;
    Label gone = label_new(program);
    const char *texts[] = {row->type, row->name, row->table_name, NULL, row->sql};
    program_emit_i64(program, OP_Int64, 0, rowid, 0, row->rowid);
    program_emit(program, OP_NotExists, cursor, gone, rowid);
    for (int i = 0; i < 5; i++) {
        if (i == 3)
            program_emit_i64(program, OP_Int64, 0, first + i, 0, row->root);
        else if (texts[i] != NULL)
            program_emit_text(program, OP_String8, 0, first + i, 0, texts[i], -1);
        else
            program_emit(program, OP_Null, 0, first + i, 0);
    }
    program_emit(program, OP_MakeRecord, first, 5, record);
    program_emit(program, OP_Insert, cursor, record, rowid);
    label_here(program, gone);
}

void alter_code_rows(AlterCode *a)
{
    ASSERT(a->database >= 0 && a->database < a->g->db->database_count);

    Codegen *g = a->g;
    Reg first = reg_range_new(g, 7);
    for (int pass = 0; pass < 2; pass++) {
        int database = pass == 0 ? a->database : DB_TEMP;
        bool opened = false;
        int cursor = cursor_new(g);
        for (u32 i = 0; i < a->row_count; i++) {
            if (!a->rows[i].is_changed || a->rows[i].database != database)
                continue;
            if (!opened) {
                codegen_writes(g, database, true);
                ddl_lock_schema(g, database);
                program_emit_int(g->program, OP_OpenWrite, cursor, 1, database, 5);
            }
            opened = true;
            code_row_write_back(a, cursor, &a->rows[i], first);
        }
        if (opened)
            program_emit(g->program, OP_Close, cursor, 0, 0);
        if (a->database == DB_TEMP)
            return;
    }
}

// --- is everything still sound? ---

static bool unsound(AlterCode *a, const char *type, const char *name, bool after)
{
    ASSERT(type != NULL && name != NULL);

    const char *why = arena_printf(a->g->arena, "%s", sqlite3_errmsg(a->g->db));
    if ((a->g->db->error_code & 0xff) == SQLITE_NOMEM) {
        codegen_fail(a->g, SQLITE_NOMEM);
        return false;
    }
    codegen_error(a->g, SQLITE_ERROR, "error in %s %s%s%s: %s", type, name, after ? " after " : "",
                  after ? a->verb : "", why != NULL ? why : "");
    return false;
}

static Stmt *parse_again(AlterCode *a, const AlterRow *row, StmtKind kind)
{
    ASSERT(row->sql != NULL);

    ParseResult parsed;
    int rc = parse_stored(a, row->sql, &parsed);
    // The stored text may be anything where the schema was writable, or nothing at all.
    if (rc == SQLITE_OK && parsed.stmt != NULL && parsed.stmt->kind == kind)
        return parsed.stmt;
    rc = rc == SQLITE_OK ? SQLITE_ERROR : rc;
    connection_error(a->g->db, rc, "%s", parsed.message != NULL ? parsed.message : "");
    return NULL;
}

// Names in double quotes are names here, never strings.
static bool verify_indexes(AlterCode *a, Table *fresh, const char *old_name)
{
    ASSERT(fresh != NULL);

    for (u32 i = 0; i < a->row_count; i++) {
        const AlterRow *row = &a->rows[i];
        bool is_own = row->database == a->database && strcmp(row->type, "index") == 0
                      && row->sql != NULL
                      && (name_equals(row->table_name, old_name)
                          || name_equals(row->table_name, fresh->name));
        if (!is_own)
            continue;
        const Stmt *stmt = parse_again(a, row, STMT_CREATE_INDEX);
        Index *index =
            stmt != NULL ? schema_build_index(a->g->db, fresh, stmt->u.create_index) : NULL;
        if (index == NULL)
            return unsound(a, "index", row->name, stmt != NULL);
        index_free(index);
    }
    return true;
}

static bool verify_table_row(AlterCode *a, const AlterRow *row, bool names_only)
{
    ASSERT(row->sql != NULL);

    const Stmt *stmt = parse_again(a, row, STMT_CREATE_TABLE);
    Table *fresh =
        stmt != NULL ? schema_build_table(a->g->db, a->database, stmt->u.create_table) : NULL;
    if (fresh == NULL)
        return unsound(a, "table", row->name, true);
    u64 flags = a->g->db->flags;
    if (names_only)
        a->g->db->flags &= ~CONN_FLAG(DQS_DDL);
    bool sound = verify_indexes(a, fresh, a->table->name);
    a->g->db->flags = flags;
    table_free(fresh);
    return sound;
}

bool alter_verify_table(AlterCode *a)
{
    const AlterRow *row = alter_table_row(a);
    return row != NULL && verify_table_row(a, row, true);
}

// The legacy way of renaming leaves expressions as they are: they may not fit any more.
static bool verify_renamed(AlterCode *a)
{
    ASSERT(a->alter->new_name != NULL);

    if ((a->g->db->flags & CONN_FLAG(LEGACY_ALTER)) == 0 || a->table->kind != TABLE_ORDINARY)
        return true;
    for (u32 i = 0; i < a->row_count; i++) {
        const AlterRow *row = &a->rows[i];
        if (row->database == a->database && strcmp(row->type, "table") == 0
            && strcmp(row->name, a->alter->new_name) == 0)
            return verify_table_row(a, row, false);
    }
    return true;
}

bool alter_verify_table_plain(AlterCode *a)
{
    ASSERT(a->table != NULL);

    const AlterRow *row = alter_table_row(a);
    const Stmt *stmt = row != NULL ? parse_again(a, row, STMT_CREATE_TABLE) : NULL;
    Table *fresh =
        stmt != NULL ? schema_build_table(a->g->db, a->database, stmt->u.create_table) : NULL;
    if (fresh == NULL)
        codegen_fail(a->g, a->g->db->error_code);
    table_free(fresh);
    return fresh != NULL;
}

// What the expressions of an UPDATE read: its table, then what FROM says. NULL: no memory.
static FromList *update_sources(Arena *arena, const Update *update)
{
    ASSERT(update->target != NULL);

    u32 more = update->from != NULL ? update->from->count : 0;
    FromList *from = arena_alloc_zeroed(arena, sizeof *from);
    FromItem **items = arena_array(arena, more + 1, sizeof(FromItem *));
    if (from == NULL || items == NULL)
        return NULL;
    items[0] = update->target;
    for (u32 i = 0; i < more; i++)
        items[i + 1] = update->from->items[i];
    *from = (FromList){.count = more + 1, .capacity = more + 1, .items = items};
    return from;
}

// What SET assigns, as columns of a query: row values field by field, or as what EXISTS asks for.
static void add_assigned(Arena *arena, Select *select, Expr *e)
{
    ASSERT(select != NULL && e != NULL);

    if (e->kind == EX_SELECT && expr_vector_size(e) > 1)
        e->kind = EX_EXISTS;
    if (e->kind != EX_VECTOR) {
        select->columns = expr_list_add(arena, select->columns, e);
        return;
    }
    for (u32 i = 0; i < e->list->count; i++)
        add_assigned(arena, select, e->list->items[i].expr);
}

static FromList *from_of_one(Arena *arena, const FromItem *item, const char *alias)
{
    ASSERT(item != NULL);

    FromList *from = arena_alloc_zeroed(arena, sizeof *from);
    FromItem *copy = arena_alloc_zeroed(arena, sizeof *copy);
    FromItem **items = arena_array(arena, 1, sizeof(FromItem *));
    if (from == NULL || copy == NULL || items == NULL)
        return NULL;
    *copy = *item;
    copy->alias = alias;
    items[0] = copy;
    *from = (FromList){.count = 1, .capacity = 1, .items = items};
    return from;
}

// ON CONFLICT, read as a query: its names are those of the table, then of `excluded` around it.
static int resolve_upsert(ResolveContext *ctx, Arena *arena, const FromItem *target,
                          const Upsert *upsert)
{
    ASSERT(target != NULL && upsert != NULL);

    Select *inner = arena_alloc_zeroed(arena, sizeof *inner);
    Select *outer = arena_alloc_zeroed(arena, sizeof *outer);
    Expr *exists = expr_new(arena, EX_EXISTS, NULL, NULL);
    Expr *one = expr_new_integer(arena, 1);
    if (inner == NULL || outer == NULL || exists == NULL || one == NULL)
        return SQLITE_NOMEM;
    inner->columns = expr_list_add(arena, NULL, one);
    for (u32 i = 0; upsert->target != NULL && i < upsert->target->count; i++)
        add_assigned(arena, inner, upsert->target->items[i].expr);
    for (u32 i = 0; upsert->set != NULL && i < upsert->set->count; i++)
        add_assigned(arena, inner, upsert->set->items[i].expr);
    inner->where = expr_and(arena, upsert->where, upsert->target_where);
    inner->from = from_of_one(arena, target, target->alias);
    exists->select = inner;
    outer->columns = expr_list_add(arena, NULL, exists);
    outer->from = from_of_one(arena, target, "excluded");
    if (inner->from == NULL || outer->from == NULL || outer->columns == NULL)
        return SQLITE_NOMEM;
    Stmt query = {.kind = STMT_SELECT, .u.select = outer};
    return resolve_statement(ctx, &query);
}

// Column lists of INSERT and targets of SET are not looked at, as in SQLite: what they read is.
static int resolve_step(ResolveContext *ctx, Arena *arena, Stmt *stmt)
{
    ASSERT(ctx->trigger != NULL);

    Table *table;
    int database;
    FromItem *target = NULL;
    Select *select = NULL;
    if (stmt->kind == STMT_INSERT) {
        target = stmt->u.insert->target;
        select = stmt->u.insert->select;
    } else if (stmt->kind == STMT_UPDATE) {
        target = stmt->u.update->target;
        select = arena_alloc_zeroed(arena, sizeof *select);
        if (select == NULL)
            return SQLITE_NOMEM;
        for (u32 i = 0; i < stmt->u.update->set->count; i++)
            add_assigned(arena, select, stmt->u.update->set->items[i].expr);
    } else {
        return resolve_statement(ctx, stmt);
    }
    const Insert *insert = stmt->kind == STMT_INSERT ? stmt->u.insert : NULL;
    const char *home = ctx->trigger->schema != ctx->db->databases[DB_TEMP].schema
                           ? ctx->db->databases[schema_index(ctx->db, ctx->trigger->schema)].name
                           : NULL;
    const char *schema = target->schema != NULL ? target->schema : home;
    TRY(resolve_table_name(ctx, schema, target->name, &table, &database));
    for (const Upsert *u = insert != NULL ? insert->upsert : NULL; u != NULL; u = u->next)
        TRY(resolve_upsert(ctx, arena, target, u));
    if (select == NULL)
        return SQLITE_OK;
    if (stmt->kind == STMT_UPDATE) {
        select->from = update_sources(arena, stmt->u.update);
        if (select->from == NULL)
            return SQLITE_NOMEM;
        select->with = stmt->u.update->with;
        select->where = stmt->u.update->where;
    }
    Stmt query = {.kind = STMT_SELECT, .u.select = select};
    return resolve_statement(ctx, &query);
}

int alter_resolve_trigger(sqlite3 *db, Arena *arena, Trigger *trigger)
{
    ASSERT(trigger->table_name != NULL);

    const char *schema = NULL;
    int database = schema_index(db, trigger->table_schema);
    if (database >= 0)
        schema = db->databases[database].name;
    Table *table = catalog_find_table(db, trigger->table_name, schema);
    if (table == NULL)
        return connection_error(db, SQLITE_ERROR, "no such table: %s.%s", schema,
                                trigger->table_name);
    TriggerScope scope = {.table = table, .event = trigger->event, .schema = trigger->schema};
    ResolveContext ctx;
    resolve_context_init(&ctx, db, arena);
    ctx.trigger = &scope;
    if (table->kind == TABLE_VIEW)
        TRY(resolve_view_columns(db, table));
    if (trigger->when != NULL) {
        Expr *when = expr_copy(arena, trigger->when, NULL);
        TRY(when != NULL ? resolve_trigger_when(&ctx, &when) : SQLITE_NOMEM);
    }
    for (const TriggerStep *step = trigger->steps; step != NULL; step = step->next) {
        Stmt *stmt = stmt_copy(arena, step->stmt);
        TRY(stmt != NULL ? resolve_step(&ctx, arena, stmt) : SQLITE_NOMEM);
    }
    return SQLITE_OK;
}

// First thing of a database that does not fit any more: its type and name.
static int find_unsound(sqlite3 *db, int database, Arena *arena, const char **type,
                        const char **name)
{
    ASSERT(database >= 0 && database < db->database_count);

    const Schema *schema = db->databases[database].schema;
    for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
         e = name_map_next(&schema->tables, e)) {
        Table *table = e->value;
        *type = "view";
        *name = table->name;
        if (table->kind == TABLE_VIEW)
            TRY(resolve_view_columns(db, table));
    }
    for (NameEntry *e = name_map_first(&schema->triggers); e != NULL;
         e = name_map_next(&schema->triggers, e)) {
        Trigger *trigger = e->value;
        *type = "trigger";
        *name = trigger->name;
        TRY(alter_resolve_trigger(db, arena, trigger));
    }
    return SQLITE_OK;
}

static int find_unsound_anywhere(sqlite3 *db, int database, Arena *arena, const char **type,
                                 const char **name)
{
    ASSERT(!db->is_altering);

    TRY(schema_load_all(db));
    SilentScope silence = connection_silence(db);
    db->is_altering = true;
    int rc = find_unsound(db, database, arena, type, name);
    if (rc == SQLITE_OK && database != DB_TEMP)
        rc = find_unsound(db, DB_TEMP, arena, type, name);
    db->is_altering = false;
    connection_unsilence(db, silence);
    return rc;
}

// Views and triggers in memory have lost what x AND 0 hides: its names must be sound as well.
static int find_unsound_text(AlterCode *a, const char **type, const char **name)
{
    for (u32 i = 0; i < a->row_count; i++) {
        const AlterRow *row = &a->rows[i];
        bool is_program = strcmp(row->type, "view") == 0 || strcmp(row->type, "trigger") == 0;
        if (!row->has_dead_terms || !is_program)
            continue;
        *type = row->type;
        *name = row->name;
        SilentScope silence = connection_silence(a->g->db);
        a->g->db->is_altering = true;
        int rc = alter_resolve_text(a, row);
        a->g->db->is_altering = false;
        connection_unsilence(a->g->db, silence);
        TRY(rc);
    }
    return SQLITE_OK;
}

bool alter_verify_others(AlterCode *a)
{
    ASSERT(a->database >= 0 && a->database < a->g->db->database_count);

    const char *type = "", *name = "";
    if ((a->g->db->flags & CONN_FLAG(LEGACY_ALTER)) != 0 || connection_schema_is_writable(a->g->db))
        return true;
    int rc = find_unsound_anywhere(a->g->db, a->database, a->g->arena, &type, &name);
    if (rc == SQLITE_OK)
        rc = find_unsound_text(a, &type, &name);
    return rc == SQLITE_OK || unsound(a, type, name, false);
}

// Called by the program once the schema is in memory again: (database, verb, names in double quotes
// are names).
static void fn_alter_verify(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 3);

    (void)arg_count;
    sqlite3 *db = call->db;
    Arena arena = {0};
    const char *type = "", *name = "";
    u64 flags = db->flags;
    if (value_i64(args[2]) != 0)
        db->flags &= ~(CONN_FLAG(DQS_DDL) | CONN_FLAG(DQS_DML));
    int rc = find_unsound_anywhere(db, (int)value_i64(args[0]), &arena, &type, &name);
    db->flags = flags;
    if (rc == SQLITE_NOMEM)
        call_result_error_nomem(call);
    else if (rc != SQLITE_OK)
        call_result_error_format(call, "error in %s %s after %s: %s", type, name,
                                 (const char *)value_text(args[1], SQLITE_UTF8),
                                 sqlite3_errmsg(db));
    arena_deinit(&arena);
}

static const FuncDef verify_function = {
    .name = "sqlite_rename_test", .arg_count = 3, .flags = FUNC_BUILTIN, .call = fn_alter_verify};

void alter_code_reload(AlterCode *a)
{
    ASSERT(a->database >= 0);

    Codegen *g = a->g;
    bool legacy =
        (g->db->flags & CONN_FLAG(LEGACY_ALTER)) != 0 || connection_schema_is_writable(g->db);
    codegen_writes(g, a->database, true);
    ddl_code_change_cookie(g, a->database);
    program_emit(g->program, OP_ParseSchema, a->database, 0, 0);
    if (a->database != DB_TEMP && g->db->databases[DB_TEMP].btree != NULL)
        program_emit(g->program, OP_ParseSchema, DB_TEMP, 0, 0);
    codegen_may_abort(g);
    if (legacy || a->verb == NULL)
        return;
    bool is_about_column = a->alter->kind != ALTER_RENAME_TABLE;
    Reg first = reg_range_new(g, 4);
    program_emit(g->program, OP_Integer, a->database, first, 0);
    program_emit_text(g->program, OP_String8, 0, first + 1, 0, a->verb, -1);
    program_emit(g->program, OP_Integer, is_about_column, first + 2, 0);
    program_emit_func(g->program, OP_Function, 0, first, first + 3, &verify_function);
    program_set_p5(g->program, 3);
}

// Called by the program: (pragma's text). Rows that break a CHECK or NOT NULL make it fail.
static void fn_quick_check(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    (void)arg_count;
    sqlite3_stmt *stmt = NULL;
    Buffer sql = {0};
    buffer_printf(&sql, "PRAGMA %s", (const char *)value_text(args[0], SQLITE_UTF8));
    int rc = sql.rc != SQLITE_OK ? SQLITE_NOMEM
                                 : sqlite3_prepare_v2(call->db, buffer_text(&sql), -1, &stmt, NULL);
    buffer_deinit(&sql);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *finding = (const char *)sqlite3_column_text(stmt, 0);
        bool is_check = finding != NULL && strncmp(finding, "CHECK", 5) == 0;
        bool is_null = finding != NULL && strncmp(finding, "NULL", 4) == 0;
        if (is_check || is_null) {
            call_result_error_format(call, "%s constraint failed", is_check ? "CHECK" : "NOT NULL");
            break;
        }
    }
    sqlite3_finalize(stmt);
}

static const FuncDef quick_check_function = {
    .name = "sqlite_quick_check", .arg_count = 1, .flags = FUNC_BUILTIN, .call = fn_quick_check};

void alter_code_quick_check(Codegen *g, const char *text)
{
    Reg first = reg_range_new(g, 2);
    program_emit_text(g->program, OP_String8, 0, first, 0, text != NULL ? text : "", -1);
    program_emit_func(g->program, OP_Function, 0, first, first + 1, &quick_check_function);
    program_set_p5(g->program, 1);
    codegen_may_abort(g);
}

// --- renaming ---

Rename alter_rename_of(AlterCode *a, const char *column)
{
    ASSERT(a->table != NULL && a->alter->new_name != NULL);

    const Alter *alter = a->alter;
    bool legacy = (a->g->db->flags & CONN_FLAG(LEGACY_ALTER)) != 0;
    return (Rename){.db = a->g->db,
                    .arena = a->g->arena,
                    .table = a->table,
                    .column = column,
                    .new_name = alter->new_name,
                    .new_is_quoted = alter->new_name_quoted,
                    .keeps_references = legacy && (a->g->db->flags & CONN_FLAG(FOREIGN_KEYS)) == 0,
                    .is_shallow = legacy && column == NULL};
}

void alter_rewrite_rows(AlterCode *a, const Rename *rename)
{
    ASSERT(rename->table == a->table);

    for (u32 i = 0; i < a->row_count; i++) {
        AlterRow *row = &a->rows[i];
        bool is_foreign = row->database != a->database && strcmp(row->type, "view") != 0
                          && strcmp(row->type, "trigger") != 0;
        if (row->stmt == NULL || is_foreign) // tables of other databases may have the same name
            continue;
        // Where the schema is writable, it may hold statements that make no sense: they stay.
        bool may_be_broken = connection_schema_is_writable(a->g->db);
        if (may_be_broken && !alter_row_resolves(a, row))
            continue;
        alter_set_sql(row, rename_in_statement(rename, row->parsed_sql, row->stmt));
    }
}

// SQLite goes over the temporary schema twice when a temporary table's column is renamed. The
// second time views and triggers have the new name, and the table in memory the old one: they fail.
static bool verify_temporary_texts(AlterCode *a)
{
    ASSERT(a->rows != NULL);

    if (a->database != DB_TEMP || connection_schema_is_writable(a->g->db))
        return true;
    for (u32 i = 0; i < a->row_count; i++) {
        const AlterRow *row = &a->rows[i];
        bool is_program = strcmp(row->type, "view") == 0 || strcmp(row->type, "trigger") == 0;
        if (!row->is_changed || !is_program)
            continue;
        a->g->db->is_altering = true;
        int rc = alter_resolve_text(a, row);
        a->g->db->is_altering = false;
        if (rc != SQLITE_OK)
            return unsound(a, row->type, row->name, false);
    }
    return true;
}

static bool name_is_free(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_RENAME_TABLE);

    sqlite3 *db = a->g->db;
    const char *name = a->alter->new_name;
    const char *schema = db->databases[a->database].name;
    if (catalog_find_table(db, name, schema) == NULL
        && catalog_find_index(db, name, schema) == NULL)
        return ddl_check_name(a->g, name);
    codegen_error(a->g, SQLITE_ERROR, "there is already another table or index with this name: %s",
                  name);
    return false;
}

// A temporary trigger may stand on a table of another database, by a name that others have too.
static bool is_trigger_on(AlterCode *a, const AlterRow *row)
{
    const Schema *schema = a->g->db->databases[row->database].schema;
    const Trigger *trigger =
        strcmp(row->type, "trigger") == 0 ? name_map_find(&schema->triggers, row->name) : NULL;
    return trigger != NULL && trigger->table_schema == a->table->schema;
}

// Names of autoindexes hold the table's name.
static void rename_row(AlterCode *a, AlterRow *row)
{
    ASSERT(row->table_name != NULL);

    const char *old_name = a->table->name;
    if (!name_equals(row->table_name, old_name))
        return;
    if (row->database != a->database && !is_trigger_on(a, row))
        return;
    row->table_name = a->alter->new_name;
    row->is_changed = true;
    size_t prefix = strlen("sqlite_autoindex_") + strlen(old_name);
    if (strcmp(row->type, "table") == 0)
        row->name = a->alter->new_name;
    else if (row->sql == NULL && strlen(row->name) > prefix)
        row->name = arena_printf(a->g->arena, "sqlite_autoindex_%s%s", a->alter->new_name,
                                 row->name + prefix);
}

static void code_rename_virtual(AlterCode *a)
{
    ASSERT(a->alter->new_name != NULL);

    Codegen *g = a->g;
    if (a->table->kind != TABLE_VIRTUAL)
        return;
    const VirtualTable *instance = vtab_find(g->db, a->table);
    if (instance == NULL || instance->module->methods->xRename == NULL)
        return;
    Reg name = reg_new(g);
    code_vtab_writes(g, a->table);
    program_emit_text(g->program, OP_String8, 0, name, 0, a->alter->new_name, -1);
    program_emit_vtab(g->program, OP_VRename, name, 0, 0, (void *)vtab_find(g->db, a->table));
    codegen_may_abort(g);
}

void alter_rename_table(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_RENAME_TABLE);

    Codegen *g = a->g;
    if (a->table->kind == TABLE_VIEW) {
        codegen_error(g, SQLITE_ERROR, "view %s may not be altered", a->table->name);
        return;
    }
    if (a->table->kind == TABLE_VIRTUAL && vtab_connect(g->db, a->table) != SQLITE_OK) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    if (!name_is_free(a) || !alter_load_rows(a) || !alter_verify_others(a))
        return;
    Rename rename = alter_rename_of(a, NULL);
    alter_rewrite_rows(a, &rename);
    for (u32 i = 0; i < a->row_count; i++)
        rename_row(a, &a->rows[i]);
    a->verb = "rename";
    if (!verify_renamed(a))
        return;
    code_rename_virtual(a);
    alter_code_rows(a);
    const char *schema = g->db->databases[a->database].name;
    if (g->db->databases[a->database].schema->sequence != NULL)
        code_nested(g, "UPDATE %s.sqlite_sequence SET name=%s WHERE name=%s",
                    sql_identifier(g, schema), sql_quoted(g, a->alter->new_name),
                    sql_quoted(g, a->table->name));
    alter_code_reload(a);
}

int alter_find_column(AlterCode *a, const char *verb)
{
    ASSERT(a->alter->old_name != NULL);

    if (a->table->kind != TABLE_ORDINARY) {
        codegen_error(a->g, SQLITE_ERROR, "cannot %s columns of %s \"%s\"", verb,
                      a->table->kind == TABLE_VIEW ? "view" : "virtual table", a->table->name);
        return -1;
    }
    int column = table_column_index(a->table, a->alter->old_name);
    if (column < 0)
        codegen_error(a->g, SQLITE_ERROR, "no such column: \"%s\"", a->alter->old_name);
    return column;
}

bool alter_column_is_unique(const Table *table, int column)
{
    ASSERT(column >= 0 && column < table->column_count);

    for (const Index *i = table->indexes; i != NULL; i = i->next)
        if ((i->flags & INDEX_CONSTRAINT) != 0 && i->key_count == 1 && i->columns[0] == column)
            return true;
    return false;
}

void alter_rename_column(AlterCode *a)
{
    ASSERT(a->alter->kind == ALTER_RENAME_COLUMN);

    int column = alter_find_column(a, "rename");
    if (column < 0)
        return;
    if (!alter_load_rows(a) || !alter_verify_others(a) || !alter_fix_quotes(a))
        return;
    Rename rename = alter_rename_of(a, a->table->columns[column].name);
    alter_rewrite_rows(a, &rename);
    a->verb = "rename";
    if (!verify_temporary_texts(a) || !alter_verify_table(a))
        return;
    alter_code_rows(a);
    alter_code_reload(a);
}

// --- the statement ---

static bool may_be_altered(Codegen *g, const Table *table)
{
    bool is_ours = name_equals_n(table->name, "sqlite_", 7);
    if (is_ours || vtab_guards(g->db, table) || (table->flags & TABLE_EPONYMOUS) != 0)
        codegen_error(g, SQLITE_ERROR, "table %s may not be altered", table->name);
    return !codegen_failed(g);
}

static void alter_apply(AlterCode *a)
{
    ASSERT(a->table != NULL);

    switch ((AlterKind)a->alter->kind) {
    case ALTER_RENAME_TABLE: alter_rename_table(a); return;
    case ALTER_RENAME_COLUMN: alter_rename_column(a); return;
    case ALTER_ADD_COLUMN: alter_add_column(a); return;
    case ALTER_DROP_COLUMN: alter_drop_column(a); return;
    case ALTER_CHANGE_COLUMN: alter_change_column(a); return;
    case ALTER_ADD_CONSTRAINT:
    case ALTER_DROP_CONSTRAINT:
    case ALTER_SET_NOT_NULL:
    case ALTER_DROP_NOT_NULL: alter_constraint(a); return;
    }
}

// The authorizer decides about the statement; that the schema is read and compiled again to see
// what depends on the table is none of its business.
void code_alter(Codegen *g, ResolveContext *ctx, Alter *alter)
{
    ASSERT(alter->table.name != NULL);

    Table *table;
    int database;
    int rc = resolve_table_name(ctx, alter->table.schema, alter->table.name, &table, &database);
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return;
    }
    AlterCode a = {.g = g, .alter = alter, .table = table, .database = database};
    if (!may_be_altered(g, table))
        return;
    const char *column = alter->kind == ALTER_DROP_COLUMN ? alter->old_name : NULL;
    rc = resolve_authorize(g->db, SQLITE_ALTER_TABLE, g->db->databases[database].name, table->name,
                           column);
    if (rc != SQLITE_OK) {
        if (rc != SQLITE_IGNORE)
            codegen_fail(g, rc);
        return;
    }
    SilentScope silence = connection_silence(g->db);
    alter_apply(&a);
    connection_unsilence(g->db, silence);
}
