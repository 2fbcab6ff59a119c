// ALTER TABLE, before it renames or drops a column: "text" becomes 'text' in every stored statement
// of the database.
//
// Where no column of that name exists, SQL lets a name in double quotes stand for a text. A column
// that gets that name, or loses it, would change what such a statement means. Which names are texts
// only the resolver can tell, so each statement is resolved once, and the places it reports are
// edited. A statement that cannot be resolved stays as it is.

#include "base/buffer.h"
#include "base/hashmap.h"
#include "sql/code/code_alter.h"
#include "sql/parse.h"
#include "sql/resolve.h"
#include "sql/schema_build.h"
#include <string.h>

static int resolve_table_row(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_TABLE);

    Table *table = schema_build_table(a->g->db, row->database, row->stmt->u.create_table);
    table_free(table);
    return table != NULL ? SQLITE_OK : a->g->db->error_code;
}

static int resolve_index_row(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_INDEX);

    const CreateIndex *create = row->stmt->u.create_index;
    Table *table = name_map_find(&a->g->db->databases[row->database].schema->tables, create->table);
    if (table == NULL)
        return SQLITE_ERROR;
    Index *index = schema_build_index(a->g->db, table, create);
    index_free(index);
    return index != NULL ? SQLITE_OK : a->g->db->error_code;
}

static int resolve_view_row(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->stmt->kind == STMT_CREATE_VIEW);

    Table *view = schema_build_view(a->g->db, row->database, row->stmt->u.create_view);
    int rc = view != NULL ? resolve_view_columns(a->g->db, view) : a->g->db->error_code;
    table_free(view);
    return rc;
}

// The trigger in memory came from the same text.
static int resolve_trigger_row(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->name != NULL);

    const Schema *schema = a->g->db->databases[row->database].schema;
    Trigger *trigger = name_map_find(&schema->triggers, row->name);
    return trigger != NULL ? alter_resolve_trigger(a->g->db, a->g->arena, trigger) : SQLITE_ERROR;
}

static int resolve_row(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->stmt != NULL);

    switch ((StmtKind)row->stmt->kind) {
    case STMT_CREATE_TABLE: return resolve_table_row(a, row);
    case STMT_CREATE_INDEX: return resolve_index_row(a, row);
    case STMT_CREATE_VIEW: return resolve_view_row(a, row);
    case STMT_CREATE_TRIGGER: return resolve_trigger_row(a, row);
    default: return SQLITE_ERROR; // virtual tables: their arguments are the module's
    }
}

// 'text' for the token at `offset`, written "text".
static const char *single_quoted(AlterCode *a, const char *sql, u32 offset, u32 size)
{
    ASSERT(size >= 2 && sql[offset] == '"');

    Buffer out = {0};
    buffer_add_char(&out, '\'');
    for (u32 i = offset + 1; i + 1 < offset + size; i++) {
        if (sql[i] == '\'')
            buffer_add_char(&out, '\'');
        buffer_add_char(&out, sql[i]);
        if (sql[i] == '"')
            i++; // a doubled quote
    }
    buffer_add_char(&out, '\'');
    const char *text = arena_keep(a->g->arena, &out);
    buffer_deinit(&out);
    return text;
}

static void edit_row(AlterCode *a, AlterRow *row, const NameLiterals *literals)
{
    ASSERT(row->sql != NULL);

    EditList edits = {.arena = a->g->arena, .sql = row->sql};
    u32 end = (u32)strlen(row->sql);
    for (u32 i = 0; i < literals->count; i++) {
        u32 offset = literals->offsets[i];
        if (offset >= end || row->sql[offset] != '"')
            continue;
        u32 size = edit_token_size(row->sql, offset);
        const char *text = single_quoted(a, row->sql, offset, size);
        if (text != NULL)
            edit_add(&edits, offset, size, text);
    }
    if (edits.count == 0)
        return;
    alter_set_sql(row, edit_apply(&edits));
    row->stmt = NULL; // to be parsed anew
}

bool alter_row_resolves(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->stmt != NULL);

    a->g->db->is_altering = true;
    int rc = row->stmt->kind == STMT_CREATE_VIRTUAL_TABLE ? SQLITE_OK : resolve_row(a, row);
    a->g->db->is_altering = false;
    if (rc != SQLITE_OK)
        connection_error_clear(a->g->db);
    return rc == SQLITE_OK;
}

int alter_resolve_text(AlterCode *a, const AlterRow *row)
{
    ASSERT(row->sql != NULL);

    AlterRow again = {.database = row->database, .name = row->name, .sql = row->sql};
    if (!alter_parse_row(a, &again))
        return SQLITE_NOMEM;
    if (again.stmt == NULL || again.stmt->kind != STMT_CREATE_TRIGGER)
        return again.stmt == NULL ? SQLITE_ERROR : resolve_row(a, &again);
    Trigger *trigger = schema_build_trigger(a->g->db, row->database, again.stmt->u.create_trigger);
    int rc = trigger != NULL ? alter_resolve_trigger(a->g->db, a->g->arena, trigger)
                             : a->g->db->error_code;
    trigger_free(trigger);
    return rc;
}

bool alter_fix_quotes(AlterCode *a)
{
    sqlite3 *db = a->g->db;
    ASSERT(db->name_literals == NULL);

    for (u32 i = 0; i < a->row_count; i++) {
        AlterRow *row = &a->rows[i];
        if (row->stmt == NULL || name_equals_n(row->name, "sqlite_", 7))
            continue;
        NameLiterals literals = {.arena = a->g->arena};
        db->name_literals = &literals;
        db->is_altering = true;
        int rc = resolve_row(a, row);
        db->is_altering = false;
        db->name_literals = NULL;
        if (rc == SQLITE_OK)
            edit_row(a, row, &literals);
        if (rc == SQLITE_NOMEM || !alter_parse_row(a, row) || a->g->arena->failed) {
            codegen_fail(a->g, connection_out_of_memory(db));
            return false;
        }
    }
    connection_error_clear(db);
    return true;
}
