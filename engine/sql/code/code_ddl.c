// What CREATE and DROP share: names and where they belong, rows of sqlite_schema, the schema
// cookie.
//
// Rows are written and deleted by loops coded here instead of nested statements: they are the same
// few columns every time.
//
//     ReadCookie format;  If -> KNOWN;  SetCookie format, encoding       ddl_code_file_format
//   KNOWN:
//     OpenWrite 1;  columns;  NewRowid;  MakeRecord;  Insert             ddl_code_schema_row
//     SetCookie schema + 1                                               ddl_code_change_cookie
//     ParseSchema where                                                  reads the rows back
//
// An object in memory is thus always what the file says. The cookie tells other connections, and
// the statements of this one, to compile anew.

#include "sql/code/code_ddl.h"
#include "base/buffer.h"
#include "base/hashmap.h"
#include "base/utf.h"
#include "sql/code/alter_text.h"
#include "sql/keyword.h"
#include "vtab/vtab.h"
#include <stdarg.h>
#include <string.h>

// --- names ---

int ddl_database(Codegen *g, const QualifiedName *name, bool temp, const char *what)
{
    ASSERT(name->name != NULL);

    if (name->schema == NULL)
        return temp ? DB_TEMP : DB_MAIN;
    int database = connection_find_database(g->db, name->schema);
    if (database < 0) {
        codegen_error(g, SQLITE_ERROR, "unknown database %s", name->schema);
        return -1;
    }
    if (temp && database != DB_TEMP) {
        codegen_error(g, SQLITE_ERROR, "%s", what);
        return -1;
    }
    return database;
}

bool ddl_check_name(Codegen *g, const char *name)
{
    ASSERT(name != NULL);

    const u64 flags = g->db->flags;
    bool is_ours = name_equals_n(name, "sqlite_", 7) && !connection_schema_is_writable(g->db);
    bool is_shadow = (flags & CONN_FLAG(DEFENSIVE)) != 0 && g->db->executing == 0
                     && !g->db->is_capturing && vtab_is_shadow_name(g->db, name);
    if (g->nested == 0 && (is_ours || is_shadow)) {
        codegen_error(g, SQLITE_ERROR, "object name reserved for internal use: %s", name);
        return false;
    }
    return true;
}

const char *ddl_schema_table(int database)
{
    ASSERT(database >= 0);

    return database == DB_TEMP ? "sqlite_temp_master" : "sqlite_master";
}

// Of the quoted token that `text` begins with; 0 when it begins with none.
static size_t written_size(const char *text, size_t size)
{
    ASSERT(size > 0);

    char open = text[0];
    if (open != '"' && open != '\'' && open != '`' && open != '[')
        return 0;
    char close = open == '[' ? ']' : open;
    for (size_t i = 1; i < size; i++) {
        if (text[i] != close)
            continue;
        if (close != ']' && i + 1 < size && text[i + 1] == close)
            i++;
        else
            return i + 1;
    }
    return 0;
}

const char *ddl_written_name(Codegen *g, Span body, const char *name)
{
    ASSERT(name != NULL);

    size_t size = body.size > 0 ? written_size(body.text, body.size) : 0;
    const char *written = size > 0 ? arena_dup(g->arena, body.text, size) : name;
    return written != NULL ? written : name;
}

void ddl_open_temp(Codegen *g, int database)
{
    ASSERT(database >= 0);

    Database *temp = &g->db->databases[DB_TEMP];
    if (database != DB_TEMP || temp->btree != NULL)
        return;
    const int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                           | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_DB;
    bool in_memory = g->db->temp_store == 2;
    u32 flags = in_memory ? BTREE_MEMORY : BTREE_TEMPORARY;
    int rc = btree_open(g->db->vfs, NULL, g->db, flags, open_flags, &temp->btree);
    if (rc != SQLITE_OK) {
        codegen_error(g, rc,
                      "unable to open a temporary database file for storing temporary tables");
        return;
    }
    Btree *main = g->db->databases[DB_MAIN].btree;
    if (main != NULL
        && btree_set_page_size(temp->btree, btree_page_size(main), -1, false) != SQLITE_OK)
        codegen_fail(g, connection_out_of_memory(g->db));
}

// --- text ---

static const char *quoted(Codegen *g, const char *text, char quote)
{
    ASSERT(text != NULL);

    Buffer out = {0};
    text_add_quoted(&out, text, quote);
    const char *kept = arena_keep(g->arena, &out);
    buffer_deinit(&out);
    if (kept == NULL)
        codegen_fail(g, connection_out_of_memory(g->db));
    return kept != NULL ? kept : "";
}

const char *sql_quoted(Codegen *g, const char *text)
{
    return quoted(g, text, '\'');
}

// One that needs no quotes, whichever grammar reads it.
static bool is_plain_identifier(const char *name)
{
    ASSERT(name != NULL);

    if (name[0] == '\0' || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        bool is_word = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z')
                       || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!is_word)
            return false;
    }
    return keyword_find(name, strlen(name)) == TK_ID;
}

const char *sql_identifier(Codegen *g, const char *name)
{
    return is_plain_identifier(name) ? name : quoted(g, name, '"');
}

// --- the file ---

void ddl_code_file_format(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    Reg format = reg_temp(g);
    program_emit(g->program, OP_ReadCookie, database, format, META_FILE_FORMAT);
    int known = program_emit(g->program, OP_If, format, 0, 0);
    // 4 knows DESC in indexes and the integers 0 and 1 without a byte of their own.
    int wanted = (g->db->flags & CONN_FLAG(LEGACY_FILE_FORMAT)) != 0 ? 1 : 4;
    program_emit(g->program, OP_SetCookie, database, META_FILE_FORMAT, wanted);
    program_emit(g->program, OP_SetCookie, database, META_TEXT_ENCODING, g->db->encoding);
    g->db->encoding_is_fixed = true;
    program_jump_here(g->program, known);
    reg_temp_release(g, format);
}

void ddl_code_change_cookie(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    u32 cookie = g->db->databases[database].schema->cookie;
    program_emit(g->program, OP_SetCookie, database, META_SCHEMA_VERSION, (int)(cookie + 1));
}

void ddl_code_parse_schema(Codegen *g, int database, const char *fmt, ...)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    va_list args;
    va_start(args, fmt);
    Buffer where = {0};
    buffer_vprintf(&where, fmt, args);
    va_end(args);
    if (where.rc != SQLITE_OK)
        codegen_fail(g, connection_out_of_memory(g->db));
    program_emit_text(g->program, OP_ParseSchema, database, 0, 0, buffer_text(&where), -1);
    buffer_deinit(&where);
    codegen_may_abort(g);
}

// --- what the authorizer is asked ---

// "Ignore" cannot be obeyed: a row without some of its values would be a damaged schema.
static void authorize_schema(Codegen *g, int action, const char *column, int database)
{
    ASSERT(database >= 0);

    if (!codegen_failed(g))
        (void)code_authorize(g, action, ddl_schema_table(database), column, database);
}

void ddl_authorize_fill(Codegen *g, int database)
{
    static const char *const columns[] = {"type", "name", "tbl_name", "rootpage", "sql"};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        authorize_schema(g, SQLITE_UPDATE, columns[i], database);
    authorize_schema(g, SQLITE_READ, "ROWID", database);
}

void ddl_authorize_move(Codegen *g, int database)
{
    authorize_schema(g, SQLITE_UPDATE, "rootpage", database);
    authorize_schema(g, SQLITE_READ, "rootpage", database);
}

void ddl_authorize_delete(Codegen *g, int database, const char *key_column)
{
    authorize_schema(g, SQLITE_DELETE, NULL, database);
    authorize_schema(g, SQLITE_READ, key_column, database);
    authorize_schema(g, SQLITE_READ, "type", database);
}

// --- rows of sqlite_schema ---

enum { SCHEMA_COLUMNS = 5 };

void ddl_lock_schema(Codegen *g, int database)
{
    const Table *table =
        catalog_find_table(g->db, "sqlite_schema", g->db->databases[database].name);
    ASSERT(table != NULL || codegen_failed(g));
    if (table != NULL)
        codegen_locks(g, database, table, true);
}

static int open_schema(Codegen *g, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    int cursor = cursor_new(g);
    ddl_lock_schema(g, database);
    program_emit_int(g->program, OP_OpenWrite, cursor, 1, database, SCHEMA_COLUMNS);
    return cursor;
}

static void emit_text_or_null(Codegen *g, const char *text, Reg target)
{
    ASSERT(target > 0);

    if (text != NULL)
        program_emit_text(g->program, OP_String8, 0, target, 0, text, -1);
    else
        program_emit(g->program, OP_Null, 0, target, 0);
}

void ddl_code_schema_row(Codegen *g, int database, const SchemaRowText *row)
{
    ASSERT(row->type != NULL);

    int cursor = open_schema(g, database);
    Reg first = reg_range_new(g, SCHEMA_COLUMNS);
    Reg record = reg_new(g), rowid = reg_new(g);
    emit_text_or_null(g, row->type, first);
    emit_text_or_null(g, row->name, first + 1);
    emit_text_or_null(g, row->table_name, first + 2);
    if (row->root_reg != 0)
        program_emit(g->program, OP_Copy, row->root_reg, first + 3, 0);
    else
        program_emit(g->program, OP_Integer, 0, first + 3, 0);
    emit_text_or_null(g, row->sql, first + 4);
    program_emit(g->program, OP_NewRowid, cursor, rowid, 0);
    program_emit_text(g->program, OP_MakeRecord, first, SCHEMA_COLUMNS, record, "BBBDB", -1);
    program_emit(g->program, OP_Insert, cursor, record, rowid);
    program_set_p5(g->program, P5_APPEND);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

// Jumps to `next` unless (`when`), or if, the column holds the text.
static void skip_unless_text(Codegen *g, int cursor, int column, const char *text, bool when,
                             Label next)
{
    ASSERT(column >= 0 && column < SCHEMA_COLUMNS && next < 0);

    Reg value = reg_temp(g), wanted = reg_temp(g);
    program_emit_text(g->program, OP_String8, 0, wanted, 0, text, -1);
    program_emit(g->program, OP_Column, cursor, column, value);
    program_emit(g->program, when ? OP_Ne : OP_Eq, wanted, next, value);
    if (when)
        program_set_p5(g->program, P5_JUMP_IF_NULL);
    reg_temp_release(g, value);
    reg_temp_release(g, wanted);
}

void ddl_code_schema_delete(Codegen *g, int database, const char *type, int column,
                            const char *name)
{
    ASSERT(column == 1 || column == 2);

    ddl_authorize_delete(g, database, column == 1 ? "name" : "tbl_name");
    int cursor = open_schema(g, database);
    Label next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    skip_unless_text(g, cursor, column, name, true, next);
    skip_unless_text(g, cursor, 0, type != NULL ? type : "trigger", type != NULL, next);
    program_emit(g->program, OP_Delete, cursor, 0, 0);
    program_set_p5(g->program, P5_SAVE_POSITION);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

// Under auto-vacuum the tree with the highest root moves into the freed page.
static void code_root_moved(Codegen *g, int database, Pgno root, Reg moved)
{
    ASSERT(root >= 2 && moved > 0);

    int cursor = open_schema(g, database);
    Reg first = reg_range_new(g, SCHEMA_COLUMNS);
    Reg record = reg_new(g), rowid = reg_new(g);
    Label next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_emit(g->program, OP_Column, cursor, 3, first + 3);
    program_emit(g->program, OP_Ne, moved, next, first + 3);
    program_set_p5(g->program, P5_JUMP_IF_NULL);
    for (int i = 0; i < SCHEMA_COLUMNS; i++) {
        if (i != 3)
            program_emit(g->program, OP_Column, cursor, i, first + i);
    }
    program_emit(g->program, OP_Integer, (int)root, first + 3, 0);
    program_emit(g->program, OP_Rowid, cursor, rowid, 0);
    program_emit(g->program, OP_MakeRecord, first, SCHEMA_COLUMNS, record);
    program_emit(g->program, OP_Insert, cursor, record, rowid);
    program_set_p5(g->program, P5_SAVE_POSITION);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

void ddl_code_destroy_root(Codegen *g, int database, Pgno root)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    Reg moved = reg_new(g);
    if (root < 2) {
        codegen_error(g, SQLITE_CORRUPT, "corrupt schema");
        return;
    }
    ddl_authorize_move(g, database); // asked under every auto_vacuum
    program_emit(g->program, OP_Destroy, (int)root, moved, database);
    codegen_may_abort(g);
    if (btree_auto_vacuum(g->db->databases[database].btree) == 0)
        return;
    int stays = program_emit(g->program, OP_IfNot, moved, 0, 0);
    code_root_moved(g, database, root, moved);
    program_jump_here(g->program, stays);
}

void ddl_code_drop_trigger(Codegen *g, const Trigger *trigger)
{
    ASSERT(trigger->name != NULL);

    int database = schema_index(g->db, trigger->schema);
    int action = database == DB_TEMP ? SQLITE_DROP_TEMP_TRIGGER : SQLITE_DROP_TRIGGER;
    if (!code_authorize(g, action, trigger->name, trigger->table_name, database)
        || !code_authorize(g, SQLITE_DELETE, ddl_schema_table(database), NULL, database))
        return;
    codegen_writes(g, database, true);
    ddl_code_schema_delete(g, database, "trigger", 1, trigger->name);
    ddl_code_change_cookie(g, database);
    program_emit_text(g->program, OP_DropTrigger, database, 0, 0, trigger->name, -1);
}

// Rows of the statistics tables about a table (column "tbl") or an index ("idx") that goes.
void ddl_clear_statistics(Codegen *g, int database, const char *column, const char *name)
{
    ASSERT(name != NULL);

    static const char *const tables[] = {"sqlite_stat1", "sqlite_stat2", "sqlite_stat3",
                                         "sqlite_stat4"};
    const char *schema = g->db->databases[database].name;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (catalog_find_table(g->db, tables[i], schema) != NULL)
            code_nested(g, "DELETE FROM %s.%s WHERE %s=%s", sql_identifier(g, schema), tables[i],
                        column, sql_quoted(g, name));
    }
}
