// VACUUM: every tree of a database is written anew, entry by entry in key order, into a fresh file,
// which is then copied back page by page; or kept, for VACUUM INTO.
//
// The fresh file is an attached database while it is made. Pages come out full and in order. As in
// stock SQLite, rowids that nothing refers to are counted anew, and sqlite_sequence goes when no
// table is AUTOINCREMENT any more. Rows of sqlite_schema come in the order in which SQLite would
// create everything; those without a tree count as inserted, so that last_insert_rowid() is that of
// the last of them.

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "func/func.h"
#include "func/printf.h"
#include "sql/compile.h"
#include "sql/parse.h"
#include "sql/resolve.h"
#include "sql/schema_compile.h"
#include <stdio.h>
#include <string.h>

typedef struct Vacuum {
    sqlite3 *db;
    int database;
    int target;       // number of the fresh database
    const char *into; // NULL: copied back
    char **message;
    Btree *from, *to;
    i64 last_rowid; // of the last row of sqlite_schema without a tree, or as it was
} Vacuum;

// The first text stays: what went wrong later came of it.
static int fail(Vacuum *v, int rc, const char *text)
{
    ASSERT(rc != SQLITE_OK);

    if (*v->message == NULL)
        *v->message = mem_dup(text, UINT64_MAX);
    return rc;
}

// --- the fresh file ---

// A name that no statement of the user can guess: the target can be seen while it is there.
static int attach_target(Vacuum *v)
{
    ASSERT(v->target == 0);

    char name[32];
    u64 random = 0;
    sqlite3_randomness(sizeof random, &random);
    snprintf(name, sizeof name, "vacuum_%016llx", (unsigned long long)random);
    sqlite3 *db = v->db;
    if (db->database_count >= DATABASE_MAX)
        return fail(v, SQLITE_ERROR, "too many attached databases - max 10");
    Database *slot = &db->databases[db->database_count];
    *slot = (Database){.name = mem_dup(name, UINT64_MAX), .schema = schema_new()};
    db->database_count++;
    v->target = db->database_count - 1;
    if (slot->name == NULL || slot->schema == NULL)
        return SQLITE_NOMEM;
    int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    if (v->into == NULL)
        return btree_open(db->vfs, NULL, db, BTREE_TEMPORARY,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                              | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TRANSIENT_DB,
                          &slot->btree);
    sqlite3_vfs *vfs = db->vfs;
    char *path = NULL;
    open_flags |= db->open_flags & SQLITE_OPEN_URI;
    TRY(func_hooks()->parse_uri(db->vfs->zName, v->into, &open_flags, &vfs, &path, v->message));
    bool in_memory = strcmp(path, ":memory:") == 0;
    int rc = btree_open(vfs, path, db, in_memory ? BTREE_MEMORY : 0, open_flags, &slot->btree);
    func_hooks()->free_path(path);
    return rc;
}

static void detach_target(Vacuum *v)
{
    if (v->target == 0)
        return;
    ASSERT(v->target == v->db->database_count - 1); // the last one attached
    Database *slot = &v->db->databases[v->target];
    if (slot->btree != NULL)
        btree_close(slot->btree);
    if (slot->schema != NULL)
        schema_unref(slot->schema);
    mem_free((char *)slot->name);
    *slot = (Database){0};
    v->db->database_count--;
}

static int shape_target(Vacuum *v)
{
    ASSERT(v->target > 0);

    sqlite3 *db = v->db;
    v->from = db->databases[v->database].btree;
    v->to = db->databases[v->target].btree;
    if (v->into != NULL) {
        TRY(btree_begin(v->to, BTREE_READ, NULL));
        bool is_new = btree_page_count(v->to) == 0;
        TRY(btree_commit(v->to));
        if (!is_new)
            return fail(v, SQLITE_ERROR, "output file already exists");
    }
    TRY(btree_begin(v->from, v->into == NULL ? BTREE_EXCLUSIVE : BTREE_READ, NULL));
    u32 size = btree_page_size(v->from);
    // The page size of a database in WAL mode, or in memory, cannot be changed in place.
    bool in_wal = pager_journal_mode(btree_pager(v->from)) == JOURNAL_WAL;
    if (db->next_page_size > 0 && (!in_wal || v->into != NULL)
        && !pager_is_memory(btree_pager(v->from)))
        size = (u32)db->next_page_size;
    TRY(btree_set_page_size(v->to, size, (int)btree_reserved(v->from), false));
    int mode = db->next_auto_vacuum > 0 ? db->next_auto_vacuum - 1 : btree_auto_vacuum(v->from);
    TRY(btree_set_auto_vacuum(v->to, mode));
    return btree_begin(v->to, BTREE_EXCLUSIVE, NULL);
}

// --- trees ---

// One row of sqlite_schema that has a tree.
typedef struct TreeRow {
    i64 rowid;
    Pgno root, new_root;
    KeyShape *shape;   // of indexes and WITHOUT ROWID tables
    bool numbers_anew; // rows get the rowids 1, 2, 3, ...
} TreeRow;

static int copy_tree(Vacuum *v, const TreeRow *row)
{
    ASSERT(row->root > 0 && row->new_root > 0);

    const KeyShape *shape = row->shape;
    i64 number = 0;
    Cursor *source = NULL, *target = NULL;
    bool empty = true;
    int rc = SQLITE_OK;
    TRY_DONE(cursor_open(v->from, row->root, false, shape, &source));
    cursor_hint_scan(source);
    TRY_DONE(cursor_open(v->to, row->new_root, true, shape, &target));
    TRY_DONE(cursor_first(source, &empty));
    while (!empty && rc == SQLITE_OK) {
        bool ignored;
        // Entries come in order: each goes behind the last, and pages fill from the left.
        TRY_DONE(cursor_last(target, &ignored));
        number = row->numbers_anew ? number + 1 : shape == NULL ? cursor_rowid(source) : 0;
        TRY_DONE(cursor_transfer(target, source, number));
        rc = cursor_next(source);
    }
    if (rc == SQLITE_DONE)
        rc = SQLITE_OK;
done:
    cursor_close(source);
    cursor_close(target);
    return rc;
}

// Rowids that nothing refers to, neither a column nor an index, close ranks, as in stock SQLite.
static bool numbers_anew(const Vacuum *v, const Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    return v->into == NULL && (table->flags & TABLE_WITHOUT_ROWID) == 0 && table->rowid_alias < 0
           && table->indexes == NULL;
}

// Its row cannot be compiled, which who may write the schema is let see.
static int no_such_table(Vacuum *v, const char *name)
{
    ASSERT(name != NULL);

    Buffer text = {0};
    buffer_printf(&text, "no such table: %s.%s", v->db->databases[v->database].name, name);
    int rc = text.rc != SQLITE_OK ? text.rc : fail(v, SQLITE_ERROR, buffer_text(&text));
    buffer_deinit(&text);
    return rc;
}

static int tree_shape(Vacuum *v, const char *type, const char *name, TreeRow *row)
{
    ASSERT(row->root > 0);

    const Schema *schema = v->db->databases[v->database].schema;
    Index *index = NULL;
    row->shape = NULL;
    if (strcmp(type, "index") == 0) {
        index = name_map_find(&schema->indexes, name);
        if (index == NULL)
            return SQLITE_CORRUPT;
    } else {
        Table *table = name_map_find(&schema->tables, name);
        if (table == NULL)
            return no_such_table(v, name);
        if ((table->flags & TABLE_WITHOUT_ROWID) != 0)
            index = table_primary_key(table);
        row->numbers_anew = numbers_anew(v, table);
    }
    if (index == NULL)
        return SQLITE_OK;
    row->shape = index_shape(v->db, index);
    return row->shape != NULL ? SQLITE_OK : v->db->error_code;
}

static bool has_counted_table(const Schema *schema)
{
    for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
         e = name_map_next(&schema->tables, e)) {
        if ((((const Table *)e->value)->flags & TABLE_AUTOINCREMENT) != 0)
            return true;
    }
    return false;
}

// Binds the name that a list of the schema's rows passes over; NULL for none.
static int leave_out_sequence(const Vacuum *v, sqlite3_stmt *list)
{
    ASSERT(sqlite3_bind_parameter_count(list) == 1);

    if (has_counted_table(v->db->databases[v->database].schema))
        return SQLITE_OK;
    return sqlite3_bind_text(list, 1, "sqlite_sequence", -1, SQLITE_STATIC);
}

// Tables and the indexes of their constraints, whose rows follow at once and have no SQL; other
// indexes; what has no tree.
static const char schema_order[] =
    "ORDER BY CASE WHEN coalesce(rootpage,0)=0 THEN 2 ELSE type='index' AND sql IS NOT NULL END,"
    " rowid";

// `fmt` has places for the schema, whose name may hold any character (%w), and for the order.
static int prepare(Vacuum *v, sqlite3_stmt **stmt, const char *fmt, const char *name)
{
    ASSERT(*stmt == NULL);

    Buffer sql = {0};
    format_text(&sql, fmt, name, schema_order);
    int rc =
        sql.rc != SQLITE_OK ? sql.rc : sqlite3_prepare_v2(v->db, buffer_text(&sql), -1, stmt, NULL);
    buffer_deinit(&sql);
    return rc;
}

static int check_statement(Vacuum *v, const char *sql)
{
    ASSERT(*v->message == NULL);

    if (sql == NULL || strncmp(sql, "CRE", 3) != 0)
        return SQLITE_OK;
    Arena arena = {0};
    ParseOptions options = parse_options_default();
    ParseResult parsed;
    int rc = parse_statement(sql, strlen(sql), &options, &arena, &parsed);
    if (rc != SQLITE_OK && rc != SQLITE_NOMEM)
        rc = fail(v, rc, parsed.message);
    arena_deinit(&arena);
    return rc;
}

// Trees are copied as the schema in memory has them, but SQLite runs the statements of the rows:
// where the schema is writable, one may have been put there that cannot even be parsed.
static int check_statements(Vacuum *v)
{
    ASSERT(v->from != NULL);

    sqlite3_stmt *list = NULL;
    TRY(prepare(v, &list,
                "SELECT sql FROM \"%w\".sqlite_schema WHERE rootpage>0 AND name IS NOT ?1 %s",
                v->db->databases[v->database].name));
    int rc = leave_out_sequence(v, list);
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(list, 0);
        rc = v->db->out_of_memory ? SQLITE_NOMEM : check_statement(v, sql);
    }
    int end_rc = sqlite3_finalize(list);
    return rc != SQLITE_OK ? rc : end_rc;
}

// Roots are made first, tables before indexes, so that they stand at the file's beginning.
static int make_roots(Vacuum *v, TreeRow **rows, u32 *count)
{
    ASSERT(*rows == NULL && *count == 0);

    sqlite3_stmt *list = NULL;
    TRY(prepare(v, &list,
                "SELECT rowid,rootpage,type,name FROM \"%w\".sqlite_schema WHERE rootpage>0"
                " AND name IS NOT ?1 %s",
                v->db->databases[v->database].name));
    int rc = leave_out_sequence(v, list);
    u32 capacity = 0;
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW) {
        if (*count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            TreeRow *grown = mem_realloc(*rows, capacity * sizeof **rows);
            if (grown == NULL) {
                rc = SQLITE_NOMEM;
                break;
            }
            *rows = grown;
        }
        TreeRow *row = &(*rows)[*count];
        *row = (TreeRow){0};
        row->rowid = sqlite3_column_int64(list, 0);
        row->root = (Pgno)sqlite3_column_int64(list, 1);
        const char *type = (const char *)sqlite3_column_text(list, 2);
        const char *name = (const char *)sqlite3_column_text(list, 3);
        if (v->db->out_of_memory)
            rc = SQLITE_NOMEM; // a text may be missing for that alone
        else
            rc = type == NULL || name == NULL ? SQLITE_CORRUPT : tree_shape(v, type, name, row);
        if (rc == SQLITE_OK)
            rc = btree_create_tree(v->to, row->shape == NULL ? TREE_TABLE : TREE_INDEX,
                                   &row->new_root);
        *count += rc == SQLITE_OK;
    }
    int end_rc = sqlite3_finalize(list);
    return rc != SQLITE_OK ? rc : end_rc;
}

static i64 new_root_of(const TreeRow *rows, u32 count, i64 rowid)
{
    ASSERT(rows != NULL || count == 0);

    for (u32 i = 0; i < count; i++) {
        if (rows[i].rowid == rowid)
            return rows[i].new_root;
    }
    return 0;
}

// The rows are read with their old roots and written with the new ones.
static int copy_schema_rows(Vacuum *v, const TreeRow *rows, u32 count)
{
    ASSERT(v->target > 0 && v->target != v->database);

    sqlite3_stmt *list = NULL, *insert = NULL;
    int rc = SQLITE_OK;
    TRY_DONE(prepare(v, &list, "SELECT rowid,* FROM \"%w\".sqlite_schema WHERE name IS NOT ?1 %s",
                     v->db->databases[v->database].name));
    TRY_DONE(leave_out_sequence(v, list));
    TRY_DONE(prepare(v, &insert,
                     "INSERT INTO \"%w\".sqlite_schema(rowid,type,name,tbl_name,rootpage,sql)"
                     " VALUES(?1,?2,?3,?4,?5,?6)",
                     v->db->databases[v->target].name));
    for (i64 rowid = 1; sqlite3_step(list) == SQLITE_ROW; rowid++) {
        for (int i = 1; i < 6; i++)
            TRY_DONE(sqlite3_bind_value(insert, i + 1, sqlite3_column_value(list, i)));
        i64 root = new_root_of(rows, count, sqlite3_column_int64(list, 0));
        TRY_DONE(sqlite3_bind_int64(insert, 1, rowid));
        TRY_DONE(sqlite3_bind_int64(insert, 5, root));
        (void)sqlite3_step(insert);
        TRY_DONE(sqlite3_reset(insert));
        if (root == 0)
            v->last_rowid = rowid;
    }
    rc = sqlite3_reset(list); // was that the last row, or could it not be read?
done:
    sqlite3_finalize(insert);
    sqlite3_finalize(list);
    return rc;
}

static int copy_meta(Vacuum *v)
{
    static const struct {
        u8 field, add;
    } copied[] = {{META_SCHEMA_VERSION, 1}, {META_DEFAULT_CACHE_SIZE, 0}, {META_FILE_FORMAT, 0},
                  {META_TEXT_ENCODING, 0},  {META_USER_VERSION, 0},       {META_APPLICATION_ID, 0}};
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        u32 value;
        btree_get_meta(v->from, copied[i].field, &value);
        TRY(btree_set_meta(v->to, copied[i].field, value + copied[i].add));
    }
    return SQLITE_OK;
}

static int rebuild(Vacuum *v)
{
    ASSERT(v->to != NULL);

    TreeRow *rows = NULL;
    u32 count = 0;
    int rc = check_statements(v);
    if (rc == SQLITE_OK)
        rc = make_roots(v, &rows, &count);
    for (u32 i = 0; i < count && rc == SQLITE_OK; i++)
        rc = copy_tree(v, &rows[i]);
    if (rc == SQLITE_OK)
        rc = copy_schema_rows(v, rows, count);
    if (rc == SQLITE_OK)
        rc = copy_meta(v);
    mem_free(rows);
    return rc;
}

static int hand_over(Vacuum *v)
{
    ASSERT(v->from != v->to);

    if (v->into != NULL)
        return btree_commit(v->to);
    TRY(btree_copy_file(v->from, v->to));
    TRY(btree_commit(v->to));
    TRY(btree_set_auto_vacuum(v->from, btree_auto_vacuum(v->to)));
    TRY(btree_commit(v->from));
    // Done. A new page size is learnt from the header: here, or by whoever reads next.
    if (btree_begin(v->from, BTREE_READ, NULL) == SQLITE_OK)
        btree_end_read_if_idle(v->from);
    return SQLITE_OK;
}

static int vacuum_into_fresh(Vacuum *v)
{
    TRY(attach_target(v));
    TRY(shape_target(v));
    TRY(schema_load(v->db, v->target));
    TRY(rebuild(v));
    return hand_over(v);
}

static int check_may_vacuum(Vacuum *v, Value *into)
{
    if (!v->db->autocommit)
        return fail(v, SQLITE_ERROR, "cannot VACUUM from within a transaction");
    if (v->db->active_statements > 1)
        return fail(v, SQLITE_ERROR, "cannot VACUUM - SQL statements in progress");
    if (into == NULL)
        return SQLITE_OK;
    if (value_type(into) != SQLITE_TEXT)
        return fail(v, SQLITE_ERROR, "non-text filename");
    v->into = value_text(into, SQLITE_UTF8);
    return v->into != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

// The one question that an authorizer hears: a program that refuses ATTACH, so that no other files
// are written, refuses VACUUM INTO as well.
static int authorize_attach(Vacuum *v)
{
    const char *file = v->into != NULL ? v->into : "";
    int rc = resolve_authorize(v->db, SQLITE_ATTACH, file, NULL, NULL);
    return rc == SQLITE_OK ? SQLITE_OK : SQLITE_AUTH;
}

static int vacuum_as_statement(Vacuum *v)
{
    ASSERT(v->db->autocommit);

    sqlite3 *db = v->db;
    u64 flags = db->flags;
    i64 changes = db->changes, total = db->total_changes;
    v->last_rowid = db->last_rowid;
    db->flags |= CONN_FLAG(WRITABLE_SCHEMA) | CONN_FLAG(IGNORE_CHECKS);
    db->flags &= ~(CONN_FLAG(FOREIGN_KEYS) | CONN_FLAG(REVERSE_UNORDERED) | CONN_FLAG(DEFENSIVE)
                   | CONN_FLAG(COUNT_CHANGES));
    db->autocommit = false; // the statements below are part of ours
    int rc = authorize_attach(v);
    SilentScope silence = connection_silence(db);
    if (rc == SQLITE_OK)
        rc = vacuum_into_fresh(v);
    connection_unsilence(db, silence);
    db->autocommit = true;
    db->flags = flags;
    db->changes = changes;
    db->total_changes = total;
    db->last_rowid = v->last_rowid;
    if (rc != SQLITE_OK && *v->message == NULL && (rc & 0xff) != SQLITE_NOMEM)
        *v->message = mem_dup(error_text(rc), UINT64_MAX);
    if (rc != SQLITE_OK && v->from != NULL)
        btree_rollback(v->from, SQLITE_ABORT, false);
    detach_target(v);
    if (rc == SQLITE_OK && v->into == NULL) {
        db->next_page_size = 0;
        db->next_auto_vacuum = 0;
    }
    schema_reset(db, -1);
    return rc;
}

// SQLITE_DBCONFIG_RESET_DATABASE: there is nothing to copy, whatever the file holds.
static int vacuum_reset(Vacuum *v)
{
    sqlite3 *db = v->db;
    Btree *bt = db->databases[v->database].btree;
    schema_reset(db, -1);
    btree_end_read_if_idle(bt);
    btree_read_as_empty(bt, true);
    int rc = schema_load(db, v->database);
    if (rc == SQLITE_OK)
        rc = vacuum_as_statement(v);
    btree_end_read_if_idle(bt);
    btree_read_as_empty(bt, false);
    return rc;
}

int vacuum_run(sqlite3 *db, int database, Value *into, char **message)
{
    Vacuum v = {.db = db, .database = database, .message = message};
    TRY(check_may_vacuum(&v, into));
    if ((db->flags & CONN_FLAG(RESET_DATABASE)) != 0 && into == NULL)
        return vacuum_reset(&v);
    TRY(schema_load(db, database));
    return vacuum_as_statement(&v);
}
