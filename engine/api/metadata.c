// Table metadata, statements as text, and databases as blocks of memory.
//
// Expanding a statement reads its text again with the lexer: what a parameter is, and where it
// stands, is known to nobody else. The literals are ones that give the same value back, but for a
// NaN.

#include "api/api.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "func/compile_option.h"
#include "os/filename.h"
#include "os/os.h"
#include "pager/pager.h"
#include "sql/lexer.h"
#include "vm/vm.h"
#include <string.h>

// --- columns ---

typedef struct ColumnFacts {
    const char *type, *collation;
    int not_null, primary_key, autoincrement;
} ColumnFacts;

// A rowid without a column of its own is described as the INTEGER PRIMARY KEY that it is.
static int column_facts(sqlite3 *db, const char *schema, const char *name, const char *column_name,
                        ColumnFacts *out)
{
    ASSERT(name != NULL);

    TRY(schema_load_all(db));
    Table *table = catalog_find_table(db, name, schema);
    int column = -1;
    bool found = table != NULL && table->kind != TABLE_VIEW;
    *out = (ColumnFacts){.collation = "BINARY"};
    if (found && column_name != NULL) {
        column = table_column_index(table, column_name);
        bool is_rowid = column < 0 && table_is_rowid(table) && name_is_rowid(column_name);
        if (is_rowid)
            column = table->rowid_alias;
        found = column >= 0 || is_rowid;
        if (is_rowid && column < 0)
            *out = (ColumnFacts){.type = "INTEGER", .collation = "BINARY", .primary_key = 1};
    }
    if (!found)
        return connection_error(db, SQLITE_ERROR, "no such table column: %s.%s", name,
                                column_name != NULL ? column_name : "");
    if (column >= 0) {
        const Column *c = &table->columns[column];
        out->type = c->type;
        out->collation = c->collation != NULL ? c->collation : "BINARY";
        out->not_null = c->not_null != 0;
        out->primary_key = (c->flags & COLUMN_PRIMARY_KEY) != 0;
        out->autoincrement =
            table->rowid_alias == column && (table->flags & TABLE_AUTOINCREMENT) != 0;
    }
    return SQLITE_OK;
}

int sqlite3_table_column_metadata(sqlite3 *db, const char *schema, const char *table,
                                  const char *column, char const **type, char const **collation,
                                  int *not_null, int *primary_key,
                                  int *autoincrement) // wide: SQLite's signature
{
    if (!connection_is_usable(db) || table == NULL)
        return error_misuse();
    api_enter(db);
    ColumnFacts facts = {0};
    int rc = column_facts(db, schema, table, column, &facts);
    if (type != NULL)
        *type = facts.type;
    if (collation != NULL)
        *collation = facts.collation;
    if (not_null != NULL)
        *not_null = facts.not_null;
    if (primary_key != NULL)
        *primary_key = facts.primary_key;
    if (autoincrement != NULL)
        *autoincrement = facts.autoincrement;
    return api_exit(db, rc);
}

// --- statements as text ---

// Zero-filled blobs stay short: zeroblob(n).
static void add_literal(Buffer *out, Value *v)
{
    ASSERT(v != NULL);

    char *text = NULL;
    switch (value_type(v)) {
    case SQLITE_NULL: buffer_add_text(out, "NULL"); return;
    case SQLITE_INTEGER: text = sqlite3_mprintf("%lld", (long long)value_i64(v)); break;
    case SQLITE_FLOAT: text = sqlite3_mprintf("%!.15g", value_f64(v)); break;
    case SQLITE_TEXT: text = sqlite3_mprintf("%Q", (const char *)value_text(v, SQLITE_UTF8)); break;
    default: {
        if ((v->flags & V_ZERO_TAIL) != 0) {
            text = sqlite3_mprintf("zeroblob(%d)", (int)value_size(v));
            break;
        }
        const u8 *bytes = value_blob(v);
        buffer_add_text(out, "x'");
        for (u32 i = 0; i < value_size(v); i++)
            buffer_printf(out, "%02x", bytes[i]);
        buffer_add_char(out, '\'');
        return;
    }
    }
    if (text == NULL)
        out->rc = SQLITE_NOMEM;
    else
        buffer_add_text(out, text);
    mem_free(text);
}

// Number of the parameter that the token names; `last` is the highest so far, for "?".
static int param_number(const Vm *vm, const char *text, size_t size, int *last)
{
    ASSERT(size > 0);
    ASSERT(*last >= 0);

    int number = 0;
    if (size == 1) {
        number = *last + 1;
    } else if (text[0] == '?') {
        number = (int)number_parse_i64(text + 1, size - 1);
    } else {
        for (int i = 0; i < vm->param_count && number == 0; i++) {
            const char *name = vm->param_names != NULL ? vm->param_names[i] : NULL;
            if (name != NULL && strlen(name) == size && memcmp(name, text, size) == 0)
                number = i + 1;
        }
    }
    if (number > *last)
        *last = number;
    return number;
}

// A parameter that the statement does not have (of a text that was cut) leaves nothing behind.
static void expand(const Vm *vm, Buffer *out)
{
    ASSERT(vm->sql != NULL);

    const char *sql = vm->sql;
    size_t size = strlen(sql);
    int last = 0;
    size_t copied = 0;
    Lexer lexer;
    lexer_init(&lexer, sql, size);
    for (Token token = lexer_next(&lexer); token.kind != TK_END_OF_INPUT;
         token = lexer_next(&lexer)) {
        if (token.kind != TK_VARIABLE)
            continue;
        int number = param_number(vm, sql + token.offset, token.size, &last);
        buffer_add(out, sql + copied, token.offset - copied);
        if (number >= 1 && number <= vm->param_count)
            add_literal(out, &vm->params[number - 1]);
        copied = token.offset + token.size;
    }
    buffer_add(out, sql + copied, size - copied);
}

// A statement that another one runs is told to tracers as a comment, each line of it, so that what
// they wrote down can be run again.
static void comment_out(const Vm *vm, Buffer *out)
{
    ASSERT(vm->sql != NULL);

    for (const char *line = vm->sql; *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t size = end != NULL ? (size_t)(end - line) + 1 : strlen(line);
        buffer_add_text(out, "-- ");
        buffer_add(out, line, size);
        line += size;
    }
}

// Inside another statement it is the trigger's or module's text that tracers are told: a comment.
char *sqlite3_expanded_sql(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL || vm->sql == NULL)
        return NULL;
    api_enter(vm->db);
    Buffer out = {.size_max = (size_t)vm->db->limits[SQLITE_LIMIT_LENGTH]};
    if (vm->db->executing > 1)
        comment_out(vm, &out);
    else
        expand(vm, &out);
    char *text = out.rc == SQLITE_OK ? buffer_take(&out) : NULL;
    buffer_deinit(&out);
    (void)api_exit(vm->db, SQLITE_OK);
    return text;
}

// --- databases as blocks of memory ---

// Every page of the read transaction. A page that cannot be had makes no image: one with zeros in
// its place would pass for the database.
static int copy_pages(Btree *bt, unsigned char **out, sqlite3_int64 *size)
{
    ASSERT(btree_txn_state(bt) != SQLITE_TXN_NONE);

    u32 page_size = btree_page_size(bt);
    Pgno count = btree_page_count(bt);
    unsigned char *image = count > 0 ? mem_alloc((u64)count * page_size) : NULL;
    int rc = image == NULL && count > 0 ? SQLITE_NOMEM : SQLITE_OK;
    for (Pgno pgno = 1; rc == SQLITE_OK && pgno <= count; pgno++) {
        Page *page = NULL;
        rc = pager_get(btree_pager(bt), pgno, &page);
        if (rc == SQLITE_OK)
            memcpy(image + (u64)(pgno - 1) * page_size, page->data, page_size);
        page_unpin(btree_pager(bt), page);
    }
    if (rc != SQLITE_OK) {
        mem_free(image);
        return rc;
    }
    *out = image;
    *size = (sqlite3_int64)count * page_size;
    return SQLITE_OK;
}

// Inside a transaction its own state is what is copied, changes and all.
static int serialize(Btree *bt, unsigned char **out, sqlite3_int64 *size)
{
    bool opened = btree_txn_state(bt) == SQLITE_TXN_NONE;
    if (opened)
        TRY(btree_begin(bt, BTREE_READ, NULL));
    int rc = copy_pages(bt, out, size);
    int end_rc = opened ? btree_commit(bt) : SQLITE_OK;
    return rc != SQLITE_OK ? rc : end_rc;
}

unsigned char *sqlite3_serialize(sqlite3 *db, const char *schema, sqlite3_int64 *size,
                                 unsigned int flags)
{
    sqlite3_int64 unused;
    if (!connection_is_usable(db)) {
        (void)error_misuse();
        return NULL;
    }
    size = size != NULL ? size : &unused;
    *size = -1;
    if ((flags & SQLITE_SERIALIZE_NOCOPY) != 0)
        return NULL; // pages are versions in a pool, never one block
    api_enter(db);
    int index = schema != NULL ? connection_find_database(db, schema) : DB_MAIN;
    Btree *bt = index >= 0 ? db->databases[index].btree : NULL;
    unsigned char *out = NULL;
    int rc = bt != NULL ? serialize(bt, &out, size) : SQLITE_OK;
    if (rc != SQLITE_OK)
        connection_error_plain(db, rc);
    (void)api_exit(db, rc);
    return out;
}

// The connection's database is closed and a "memdb" file takes its place.
static int replace_database(sqlite3 *db, int index, void *bytes, const sqlite3_int64 sizes[2],
                            unsigned flags)
{
    ASSERT(index != DB_TEMP && index < db->database_count);

    Database *d = &db->databases[index];
    if (d->btree != NULL && btree_txn_state(d->btree) != SQLITE_TXN_NONE) {
        if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
            mem_free(bytes);
        return connection_error(db, SQLITE_BUSY, "%s", error_text(SQLITE_BUSY));
    }
    char *path = filename_new("deserialized", "", "", 0, NULL);
    Btree *fresh = NULL;
    int rc =
        path == NULL
            ? SQLITE_NOMEM
            : btree_open(vfs_find("memdb"), path, db, 0,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, &fresh);
    filename_free(path);
    if (rc == SQLITE_OK)
        rc = memdb_set_content(pager_file(btree_pager(fresh)), bytes, sizes[0], sizes[1],
                               (int)flags);
    else if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
        mem_free(bytes);
    if (rc != SQLITE_OK) {
        if (fresh != NULL)
            btree_close(fresh);
        return connection_error_plain(db, rc);
    }
    if (d->btree != NULL)
        btree_close(d->btree);
    d->btree = fresh;
    connection_adopt_btree(db, fresh);
    db->encoding_is_fixed = false;
    schema_reset(db, -1);
    return SQLITE_OK;
}

// The temporary database has no place of its own to be replaced at.
int sqlite3_deserialize(sqlite3 *db, const char *schema, unsigned char *bytes, sqlite3_int64 size,
                        sqlite3_int64 capacity, unsigned flags)
{
    if (!connection_is_usable(db) || size < 0 || capacity < 0)
        return error_misuse();
    api_enter(db);
    int index = schema != NULL ? connection_find_database(db, schema) : DB_MAIN;
    int rc = SQLITE_ERROR;
    if (index >= 0 && index != DB_TEMP) {
        const sqlite3_int64 sizes[2] = {size, capacity};
        rc = replace_database(db, index, bytes, sizes, flags);
    } else if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0) {
        mem_free(bytes);
    }
    return api_exit(db, rc);
}

// --- build facts ---

int sqlite3_compileoption_used(const char *name)
{
    return name != NULL && compile_option_is_used(name);
}

const char *sqlite3_compileoption_get(int index)
{
    return compile_option_get(index);
}

sqlite3_file *sqlite3_database_file_object(const char *name)
{
    (void)name;
    (void)error_misuse();
    return NULL; // only while a journal or log of that database is being opened
}
