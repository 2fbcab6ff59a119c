// Reading sqlite_schema into memory.
//
// Each row holds the CREATE statement of one object; the front end compiles it
// (schema_install_compiler). Rows of indexes behind PRIMARY KEY and UNIQUE have no text: only
// their root page is taken. A row that cannot be compiled makes the database unusable, "malformed
// database schema (name) - why", unless writable_schema is on, with which it can be repaired.
//
//    type    name           tbl_name  rootpage  sql
//    table   t1             t1        2         CREATE TABLE t1(a UNIQUE)
//    index   sqlite_autoindex_t1_1  t1  3       NULL
//    view    v1             v1        0         CREATE VIEW v1 AS ...
//
// The rows are read in the order of the table, in which an object always follows what it needs:
// SQLite writes them as they are created. The first object of every schema is sqlite_schema
// itself, which no row describes.
//
// All of it is bytes of a file and text somebody else may have written: checked, never asserted.

#include "base/alloc.h"
#include "base/error.h"
#include "catalog/connection.h"
#include "value/record.h"
#include <limits.h>
#include <string.h>

// Set once while the library initialises; NULL before.
static CompileCreate *compile_create;

void schema_install_compiler(CompileCreate *compile)
{
    compile_create = compile;
}

// SQLite's wording. `name` may be NULL, since the row may hold anything.
static void set_malformed(sqlite3 *db, int rc, const char *name, const char *why)
{
    ASSERT(rc != SQLITE_OK);

    const char *shown = name != NULL ? name : "?";
    if (why != NULL && why[0] != '\0')
        connection_error(db, rc, "malformed database schema (%s) - %s", shown, why);
    else
        connection_error(db, rc, "malformed database schema (%s)", shown);
}

// --- one row ---

typedef struct SchemaRow {
    Value values[5]; // type, name, tbl_name, rootpage, sql
} SchemaRow;

// NULL also when there was no memory to convert it: row_load() tells the two apart.
static const char *row_text(SchemaRow *row, int i)
{
    ASSERT(i >= 0 && i < 5);

    return value_type(&row->values[i]) == SQLITE_NULL ? NULL
                                                      : value_text(&row->values[i], SQLITE_UTF8);
}

// A row of fewer than five fields leaves the rest NULL, which row_compile() then refuses or not.
static int row_decode(sqlite3 *db, const u8 *record, u32 size, SchemaRow *row)
{
    RecordReader reader;
    int rc = record_reader_init(&reader, record, size);
    for (int i = 0; i < 5 && rc == SQLITE_OK; i++) {
        row->values[i].db = db;
        if (!record_reader_next(&reader, db->encoding, &row->values[i], &rc))
            break;
        if (rc == SQLITE_OK)
            rc = value_own(&row->values[i]);
    }
    return rc;
}

static void row_deinit(SchemaRow *row)
{
    for (int i = 0; i < 5; i++)
        value_deinit(&row->values[i]);
}

// A page number is written as an integer, or as text of nothing but digits.
static bool row_root(SchemaRow *row, Pgno *root)
{
    const char *digits = row_text(row, 3);
    u64 number = 0;
    if (digits == NULL || digits[0] == '\0')
        return false;
    for (; *digits != '\0'; digits++) {
        if (*digits < '0' || *digits > '9' || number > UINT32_MAX)
            return false;
        number = number * 10 + (u64)(*digits - '0');
    }
    if (number > UINT32_MAX)
        return false;
    *root = (Pgno)number;
    return true;
}

// NULL as a page number is malformed without a reason, as SQLite has it.
static int row_compile(sqlite3 *db, int database, SchemaRow *row, char **message)
{
    ASSERT(compile_create != NULL);

    SchemaEntry entry = {
        .type = row_text(row, 0),
        .name = row_text(row, 1),
        .table_name = row_text(row, 2),
        .sql = row_text(row, 4),
    };
    if (value_type(&row->values[3]) == SQLITE_NULL)
        return SQLITE_CORRUPT;
    // Who may write the schema sees the object without its tree: what opens that finds the damage.
    bool has_root = row_root(row, &entry.root);
    if (!has_root && !connection_schema_is_writable(db)) {
        *message = mem_dup("invalid rootpage", UINT64_MAX);
        return SQLITE_CORRUPT;
    }
    return compile_create(db, database, &entry, message);
}

static int row_load(sqlite3 *db, int database, SchemaRow *row)
{
    ASSERT(db->is_loading);

    u64 refusals = alloc_refusals();
    char *message = NULL;
    int rc = row_compile(db, database, row, &message);
    if (alloc_refusals() != refusals)
        rc = SQLITE_NOMEM; // a text of the row may be missing for that alone
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_NOMEM && (rc & 0xff) != SQLITE_INTERRUPT
        && (rc & 0xff) != SQLITE_LOCKED) {
        if (connection_schema_is_writable(db)) {
            db->databases[database].schema->is_incomplete = true;
            rc = SQLITE_OK;
        } else {
            rc = SQLITE_CORRUPT;
            set_malformed(db, rc, row_text(row, 1), message);
        }
    }
    mem_free(message);
    return rc;
}

// --- all rows ---

// Into a buffer that grows to the longest row and serves all of them.
static int read_payload(Cursor *cur, u8 **buffer, u32 *capacity)
{
    ASSERT((*buffer == NULL) == (*capacity == 0));

    u32 size = cursor_payload_size(cur);
    if (size > *capacity) {
        u8 *grown = mem_realloc(*buffer, size);
        if (grown == NULL)
            return SQLITE_NOMEM;
        *buffer = grown;
        *capacity = size;
    }
    return cursor_payload_read(cur, 0, size, *buffer);
}

static int load_rows(sqlite3 *db, int database)
{
    ASSERT(db->is_loading);

    Cursor *cur = NULL;
    u8 *buffer = NULL;
    u32 capacity = 0;
    bool empty = true;
    int rc = SQLITE_OK;
    TRY_DONE(cursor_open(db->databases[database].btree, 1, false, NULL, &cur));
    TRY_DONE(cursor_first(cur, &empty));
    while (!empty && rc == SQLITE_OK) {
        SchemaRow row = {0};
        rc = read_payload(cur, &buffer, &capacity);
        if (rc == SQLITE_OK)
            rc = row_decode(db, buffer, cursor_payload_size(cur), &row);
        if (rc == SQLITE_OK)
            rc = row_load(db, database, &row);
        row_deinit(&row);
        if (rc == SQLITE_OK)
            rc = cursor_next(cur);
    }
    if (rc == SQLITE_DONE)
        rc = SQLITE_OK;
done:
    cursor_close(cur);
    mem_free(buffer);
    return rc;
}

// --- header fields ---

// The main database decides the encoding of the connection, once. An empty file (0) has none yet.
static int take_encoding(sqlite3 *db, int database, u32 encoding)
{
    ASSERT(database >= 0 && database < db->database_count);

    u8 wanted = (u8)(encoding & 3);
    Schema *schema = db->databases[database].schema;
    if (encoding == 0) {
        schema->encoding = db->encoding;
        return SQLITE_OK;
    }
    if (wanted == 0)
        wanted = SQLITE_UTF8;
    if (database == DB_MAIN && !db->encoding_is_fixed) {
        db->encoding = wanted;
        db->encoding_is_fixed = true;
    } else if (wanted != db->encoding) {
        return connection_error(
            db, SQLITE_ERROR,
            "attached databases must use the same text encoding as main database");
    }
    schema->encoding = wanted;
    return SQLITE_OK;
}

// Pages to keep in memory, by the file (PRAGMA default_cache_size). Its sign means nothing; the one
// number without a positive twin is taken for the greatest.
static int default_cache_size(u32 stored)
{
    int size = (int)stored;
    if (size == 0)
        return -2000; // KiB: what SQLite takes without being told
    if (size == INT_MIN)
        return INT_MAX;
    return size < 0 ? -size : size;
}

// The fields of the file's header that the schema depends on, before any row is compiled by them.
static int read_header(sqlite3 *db, int database)
{
    ASSERT(db->databases[database].btree != NULL);

    Database *d = &db->databases[database];
    u32 meta[META_TEXT_ENCODING + 1];
    for (int i = 1; i <= META_TEXT_ENCODING; i++)
        btree_get_meta(d->btree, i, &meta[i]);
    d->schema->cookie = meta[META_SCHEMA_VERSION];
    TRY(take_encoding(db, database, meta[META_TEXT_ENCODING]));
    u8 format = (u8)meta[META_FILE_FORMAT]; // SQLite looks at no more of it
    if (format > 4)
        return connection_error(db, SQLITE_ERROR, "unsupported file format");
    d->schema->file_format = format == 0 ? 1 : format;
    if (d->schema->cache_size == 0) {
        d->schema->cache_size = default_cache_size(meta[META_DEFAULT_CACHE_SIZE]);
        pager_set_cache_size(btree_pager(d->btree), d->schema->cache_size);
    }
    return SQLITE_OK;
}

// Through the same door as every other object, so that it is a table like any other; only its name
// and its page 1 are given.
static int load_schema_table(sqlite3 *db, int database)
{
    ASSERT(compile_create != NULL);

    const char *name = database == DB_TEMP ? "sqlite_temp_master" : "sqlite_master";
    SchemaEntry entry = {
        .type = "table",
        .name = name,
        .table_name = name,
        .root = 1,
        .sql = "CREATE TABLE x(type text,name text,tbl_name text,rootpage int,sql text)",
    };
    char *message = NULL;
    int rc = compile_create(db, database, &entry, &message);
    mem_free(message);
    return rc;
}

// With writable_schema a schema table that cannot be read to its end counts as what was read of it,
// so that it can be looked at and repaired.
static bool schema_tolerates(const sqlite3 *db, int rc)
{
    ASSERT(rc != SQLITE_OK);

    int primary = rc & 0xff;
    return (db->flags & CONN_FLAG(NO_SCHEMA_ERROR)) != 0 && primary != SQLITE_NOMEM
           && rc != SQLITE_IOERR_NOMEM && primary != SQLITE_INTERRUPT && primary != SQLITE_LOCKED;
}

// Reads in a transaction of its own unless there is one. A transaction that was opened here is
// ended here, whatever the outcome: a failed load must not leave a lock behind.
static int load_content(sqlite3 *db, int database)
{
    ASSERT(db->is_loading);

    Btree *bt = db->databases[database].btree;
    if (bt == NULL)
        return SQLITE_OK;
    bool opened = btree_txn_state(bt) == SQLITE_TXN_NONE;
    if (opened) {
        int rc = btree_begin(bt, BTREE_READ, NULL);
        if (rc != SQLITE_OK)
            return connection_error_plain(db, rc);
    }
    int rc = read_header(db, database);
    if (rc == SQLITE_OK && btree_page_count(bt) > 0) {
        rc = load_rows(db, database);
        if (rc != SQLITE_OK && schema_tolerates(db, rc)) {
            db->databases[database].schema->is_incomplete = true;
            rc = SQLITE_OK;
        } else if (rc != SQLITE_OK && db->error_code == SQLITE_OK) {
            connection_error_plain(db, rc);
        }
    }
    if (rc == SQLITE_OK)
        rc = statistics_load(db, database);
    if (opened) {
        int end_rc = btree_commit(bt);
        rc = rc != SQLITE_OK ? rc : end_rc;
    }
    return rc;
}

// A failure half way empties the schema again, so that nobody ever finds a part of one.
int schema_load(sqlite3 *db, int database)
{
    ASSERT(database >= 0 && database < db->database_count);

    Schema *schema = db->databases[database].schema;
    if (schema->is_loaded)
        return SQLITE_OK;
    ASSERT(compile_create != NULL);

    bool was_loading = db->is_loading;
    db->is_loading = true;
    int rc = load_schema_table(db, database);
    if (rc == SQLITE_OK)
        rc = load_content(db, database);
    db->is_loading = was_loading;
    if (rc != SQLITE_OK) {
        schema_clear(schema);
        if ((rc & 0xff) == SQLITE_NOMEM)
            return connection_out_of_memory(db);
        return rc;
    }
    schema->is_loaded = true;
    if (db->databases[database].btree != NULL)
        btree_note_schema(db->databases[database].btree);
    return connection_tell_commits(db);
}

int schema_load_all(sqlite3 *db)
{
    if (db->is_loading)
        return SQLITE_OK;
    // Main first, whose encoding the others must have; temp last, whose triggers may name tables of
    // all.
    TRY(schema_load(db, DB_MAIN));
    for (int i = db->database_count - 1; i > DB_MAIN; i--)
        TRY(schema_load(db, i));
    return SQLITE_OK;
}

// temp goes with any other database: its triggers may name tables of all (D1).
void schema_reset(sqlite3 *db, int database)
{
    for (int i = 0; i < db->database_count; i++) {
        if ((database >= 0 && i != database && i != DB_TEMP) || db->databases[i].schema == NULL)
            continue;
        // A module's method or a compilation still holds pointers into it: later.
        if (db->schema_locks > 0)
            db->databases[i].reset_wanted = true;
        else
            schema_clear(db->databases[i].schema);
    }
    db->schema_generation++;
}

void schema_lock(sqlite3 *db)
{
    ASSERT(db->schema_locks >= 0);
    db->schema_locks++;
}

void schema_unlock(sqlite3 *db)
{
    ASSERT(db->schema_locks > 0);
    if (--db->schema_locks > 0)
        return;
    for (int i = 0; i < db->database_count; i++) {
        bool wanted = db->databases[i].reset_wanted;
        db->databases[i].reset_wanted = false;
        if (wanted && db->databases[i].schema != NULL)
            schema_clear(db->databases[i].schema);
    }
}
