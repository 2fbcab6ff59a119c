// The table of a connection's capture and the records in it: see capture.h.
//
// A record is appended behind the last one, past SQL and its bookkeeping (quire_append); a table
// that this does not suit takes an INSERT. Either way the number is the one AUTOINCREMENT would
// give: at the first record of a transaction sqlite_sequence is read, at its end it is written, and
// in between numbers follow from the table's last row, or, where the program deletes records while
// it changes rows, from the last number given.
//
//   first record   change_txn_id is its own number; txn_first remembers it
//   COMMIT         in the pre-commit hook: only if a record is there, or for a statement on its own
//                  that may have changed rows and recorded nothing (change_txn_id -1)
//   rollback       whole: the hook is told, and the transaction is empty again. To a savepoint:
//                  nobody is told; the next record notices that the first one's number is given
//                  again, and the COMMIT that it is not there
//
// The program's counters (changes(), last_insert_rowid()) and hooks hear nothing of all this.
#include "cdc/capture.h"

#include <time.h>

static const char default_table[] = "turso_cdc";

void capture_finalize(Capture *capture)
{
    (void)sqlite3_finalize(capture->insert);
    (void)sqlite3_finalize(capture->peek);
    (void)sqlite3_finalize(capture->newest);
    (void)sqlite3_finalize(capture->sequence);
    capture->insert = NULL;
    capture->peek = NULL;
    capture->newest = NULL;
    capture->sequence = NULL;
}

void capture_free(void *arg)
{
    Capture *capture = arg;
    capture_finalize(capture);
    for (int i = 0; i < ARRAY_LEN(capture->builders); i++)
        record_discard(&capture->builders[i]);
    sqlite3_free(capture->table);
    sqlite3_free(capture->old_image);
    sqlite3_free(capture);
}

// --- switching ---

#if QUIRE_CDC_LOADABLE

static int hooks_set(Capture *capture)
{
    (void)capture;
    return SQLITE_NOTFOUND;
}

#else

static int commit_hook(void *arg, sqlite3 *db, int flags)
{
    Capture *capture = arg;
    (void)db;
    if ((flags & QUIRE_COMMIT_UNDONE) != 0) {
        capture->txn_first = 0;
        capture->appends = false;
        capture->has_own_writes = false;
        return SQLITE_OK;
    }
    return capture_commit(capture, (flags & QUIRE_COMMIT_OF_STATEMENT) != 0);
}

static int hooks_set(Capture *capture)
{
    bool on = capture->mode != CAPTURE_OFF;
    bool by_keys = capture->mode == CAPTURE_ID;
    TRY(quire_change_detail(capture->db, by_keys ? QUIRE_DETAIL_KEYS : QUIRE_DETAIL_VALUES));
    TRY(quire_change_hook(capture->db, on ? capture_row_hook : NULL, capture));
    return quire_precommit_hook(capture->db, on ? commit_hook : NULL, capture);
}

#endif

// Quietly: neither the program's hooks nor its counters hear of it.
static int create_tables(Capture *capture, const char *table)
{
    ASSERT(table != NULL);

    return sql_exec_quietly(
        capture->db,
        "CREATE TABLE IF NOT EXISTS \"%w\" (change_id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " change_time INTEGER, change_txn_id INTEGER, change_type INTEGER,"
        " table_name TEXT, id, \"before\" BLOB, \"after\" BLOB, updates BLOB);"
        "CREATE TABLE IF NOT EXISTS turso_cdc_version"
        " (table_name TEXT PRIMARY KEY, version TEXT NOT NULL)",
        table);
}

static int read_version(Capture *capture, const char *table, char **error)
{
    ASSERT(*error == NULL);

    char *version;
    TRY(sql_text(capture->db, &version,
                 "SELECT version FROM turso_cdc_version WHERE table_name = %Q", table));
    capture->version = version != NULL && strcmp(version, "v2") == 0 ? 2 : 1;
    bool known = version != NULL && (capture->version == 2 || strcmp(version, "v1") == 0);
    if (!known)
        *error = sqlite3_mprintf("unexpected CDC version: %s", version == NULL ? "" : version);
    sqlite3_free(version);
    return known ? SQLITE_OK : SQLITE_ERROR;
}

// A table that was there without a version is of the first layout, or no table of ours at all.
static int prepare_table(Capture *capture, const char *table, char **error)
{
    ASSERT(*error == NULL);

    i64 existed;
    i64 columns;
    TRY(sql_int(capture->db, 0, &existed,
                "SELECT count(*) FROM main.sqlite_schema WHERE name = %Q COLLATE NOCASE", table));
    TRY(create_tables(capture, table));
    TRY(sql_int(capture->db, 0, &columns,
                "SELECT count(*) FROM pragma_table_info(%Q, 'main') WHERE name IN ('change_id',"
                " 'change_time', 'change_type', 'table_name', 'id', 'before', 'after', 'updates')",
                table));
    if (columns != 8) {
        *error = sqlite3_mprintf("table %s is not one of captured changes", table);
        return SQLITE_ERROR;
    }
    TRY(sql_exec_quietly(capture->db, "INSERT OR IGNORE INTO turso_cdc_version VALUES (%Q, '%s')",
                         table, existed != 0 ? "v1" : "v2"));
    return read_version(capture, table, error);
}

// The INSERT serves tables that quire_append() refuses, and those of version 1.
static int prepare_statements(Capture *capture)
{
    ASSERT(capture->insert == NULL);
    ASSERT(capture->table != NULL);

    const char *txn = capture->version == 2 ? "change_txn_id, " : "";
    TRY(sql_prepare(capture->db, &capture->insert,
                    "INSERT INTO \"%w\" (change_time, change_type, table_name, id, \"before\","
                    " \"after\", updates%s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7%s)",
                    capture->table, capture->version == 2 ? ", change_txn_id" : "",
                    txn[0] != '\0' ? ", ?8" : ""));
    TRY(sql_prepare(capture->db, &capture->sequence,
                    "UPDATE main.sqlite_sequence SET seq = ?1 WHERE name = %Q", capture->table));
    TRY(sql_prepare(capture->db, &capture->newest, "SELECT max(change_id) FROM \"%w\"",
                    capture->table));
    return sql_prepare(capture->db, &capture->peek,
                       "SELECT seq FROM main.sqlite_sequence WHERE name = %Q", capture->table);
}

// All or nothing: tables that were made for a capture that fails are undone with it.
static int switch_on(Capture *capture, CaptureMode mode, const char *table, char **error)
{
    ASSERT(capture->mode == CAPTURE_OFF);

    char *name = sqlite3_mprintf("%s", table == NULL ? default_table : table);
    if (name == NULL)
        return SQLITE_NOMEM;
    int rc = savepoint_open(capture->db);
    if (rc == SQLITE_OK) {
        rc = prepare_table(capture, name, error);
        if (rc != SQLITE_OK && *error == NULL)
            *error = sqlite3_mprintf("%s", sqlite3_errmsg(capture->db));
        rc = savepoint_close(capture->db, rc);
    }
    if (rc != SQLITE_OK) {
        sqlite3_free(name);
        return rc;
    }
    sqlite3_free(capture->table);
    capture->table = name;
    capture->foreign_table[0] = '\0';
    capture->mode = mode;
    return prepare_statements(capture);
}

int capture_set(Capture *capture, CaptureMode mode, const char *table, char **error)
{
    CaptureMode former = capture->mode;
    *error = NULL;
    capture_finalize(capture);
    capture->mode = CAPTURE_OFF;
    if (mode != CAPTURE_OFF && hooks_set(capture) == SQLITE_NOTFOUND) {
        *error = sqlite3_mprintf("capturing what a connection changes needs quire;"
                                 " CREATE VIRTUAL TABLE ... USING cdc works without");
        return SQLITE_ERROR;
    }
    int rc = SQLITE_OK;
    if (mode != CAPTURE_OFF)
        rc = switch_on(capture, mode, table, error);
    if (rc != SQLITE_OK && former != CAPTURE_OFF && capture->table != NULL) {
        capture->mode = former; // what was on stays on
        capture_finalize(capture);
        int again = prepare_statements(capture);
        rc = again == SQLITE_OK ? rc : again;
    }
    int hooked = hooks_set(capture);
    return rc != SQLITE_OK || hooked == SQLITE_NOTFOUND ? rc : hooked;
}

// --- records ---

// The first column of the first row, 0 where there is none.
static int ask_number(sqlite3_stmt *stmt, i64 *out)
{
    int step = sqlite3_step(stmt);
    *out = step == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    return sqlite3_reset(stmt);
}

// The number that AUTOINCREMENT gave last, inside the running transaction.
static int last_sequence(Capture *capture, i64 *out)
{
    return ask_number(capture->peek, out);
}

#if QUIRE_CDC_LOADABLE

static int append(Capture *capture, const ChangeRecord *record, i64 txn, i64 *given)
{
    (void)capture, (void)record, (void)txn, (void)given;
    return SQLITE_NOTFOUND;
}

#else

static quire_cell image_cell(const ImageRef *image)
{
    return (quire_cell){.type = image->bytes == NULL ? SQLITE_NULL : SQLITE_BLOB,
                        .bytes = image->bytes,
                        .size = image->size};
}

// Values go over as they are; text and blobs are lent until the append returns.
static quire_cell value_cell(sqlite3_value *value)
{
    ASSERT(value != NULL);

    quire_cell cell = {.type = sqlite3_value_type(value)};
    switch (cell.type) {
    case SQLITE_INTEGER: cell.integer = sqlite3_value_int64(value); break;
    case SQLITE_FLOAT: cell.real = sqlite3_value_double(value); break;
    case SQLITE_TEXT: cell.bytes = sqlite3_value_text(value); break;
    case SQLITE_BLOB: cell.bytes = sqlite3_value_blob(value); break;
    default: break;
    }
    if (cell.type == SQLITE_TEXT || cell.type == SQLITE_BLOB)
        cell.size = (sqlite3_uint64)sqlite3_value_bytes(value);
    return cell;
}

static quire_cell key_cell(const ChangeRecord *record)
{
    ASSERT(record->key == NULL || record->key_record == NULL);

    if (record->table == NULL)
        return (quire_cell){.type = SQLITE_NULL};
    if (record->key != NULL)
        return value_cell(record->key);
    if (record->key_record != NULL)
        return (quire_cell){
            .type = SQLITE_BLOB, .bytes = record->key_record, .size = record->key_size};
    return (quire_cell){.type = SQLITE_INTEGER, .integer = record->rowid};
}

// txn 0: the record is the transaction's first, and names it.
static int append(Capture *capture, const ChangeRecord *record, i64 txn, i64 *given)
{
    const quire_cell cells[] = {
        {.type = SQLITE_NULL},
        {.type = SQLITE_INTEGER, .integer = (i64)time(NULL)},
        {.type = txn == 0 ? QUIRE_CELL_ROWID : SQLITE_INTEGER, .integer = txn},
        {.type = SQLITE_INTEGER, .integer = record->type},
        {.type = record->table == NULL ? SQLITE_NULL : SQLITE_TEXT,
         .bytes = record->table,
         .size = record->table == NULL ? 0 : strlen(record->table)},
        key_cell(record),
        image_cell(&record->before),
        image_cell(&record->after),
        image_cell(&record->updates),
    };
    const quire_append_row row = {
        .count = ARRAY_LEN(cells), .cells = cells, .least = capture->least, .rowid = given};
    return quire_append(capture->db, capture->table, &row);
}

#endif

static void bind_image(sqlite3_stmt *stmt, int at, const ImageRef *image)
{
    ASSERT(at >= 1);

    if (image->bytes == NULL)
        (void)sqlite3_bind_null(stmt, at);
    else
        (void)sqlite3_bind_blob64(stmt, at, image->bytes, image->size, SQLITE_STATIC);
}

static void bind_record(sqlite3_stmt *stmt, const ChangeRecord *record)
{
    ASSERT(stmt != NULL && record->type <= CHANGE_COMMIT);

    (void)sqlite3_bind_int64(stmt, 1, (i64)time(NULL));
    (void)sqlite3_bind_int(stmt, 2, record->type);
    (void)sqlite3_bind_text(stmt, 3, record->table, -1, SQLITE_STATIC);
    if (record->table == NULL)
        (void)sqlite3_bind_null(stmt, 4);
    else if (record->key != NULL)
        (void)sqlite3_bind_value(stmt, 4, record->key);
    else if (record->key_record != NULL)
        (void)sqlite3_bind_blob64(stmt, 4, record->key_record, record->key_size, SQLITE_STATIC);
    else
        (void)sqlite3_bind_int64(stmt, 4, record->rowid);
    bind_image(stmt, 5, &record->before);
    bind_image(stmt, 6, &record->after);
    bind_image(stmt, 7, &record->updates);
}

// For tables that the program has given an index or a trigger, and those of version 1. The first
// record of a transaction names it afterwards.
static int insert(Capture *capture, const ChangeRecord *record, i64 txn, i64 *given)
{
    ASSERT(capture->insert != NULL && given != NULL);

    bind_record(capture->insert, record);
    if (capture->version == 2)
        (void)sqlite3_bind_int64(capture->insert, 8, txn);
    TRY(stmt_run(capture->insert));
    *given = sqlite3_last_insert_rowid(capture->db);
    if (txn != 0 || capture->version != 2)
        return SQLITE_OK;
    return sql_exec(capture->db,
                    "UPDATE \"%w\" SET change_txn_id = change_id WHERE change_id = %lld",
                    capture->table, *given);
}

static int write_row(Capture *capture, const ChangeRecord *record, i64 txn, i64 *given)
{
    ASSERT(txn >= -1);

    int rc = capture->version == 2 ? append(capture, record, txn, given) : SQLITE_NOTFOUND;
    if (rc != SQLITE_NOTFOUND) {
        capture->appends = true;
        return rc;
    }
    return insert(capture, record, txn, given);
}

// A connection that was to be closed and could not be has finalized them.
static int ensure_statements(Capture *capture)
{
    ASSERT(capture->mode != CAPTURE_OFF);

    return capture->insert != NULL ? SQLITE_OK : prepare_statements(capture);
}

// What was read from sqlite_sequence stands for the whole transaction, unless the program changes
// the table itself: deleted records must not give their numbers away.
int capture_write(Capture *capture, const ChangeRecord *record)
{
    i64 given = 0;
    ASSERT(capture->mode != CAPTURE_OFF);

    TRY(ensure_statements(capture));
    if (capture->txn_first == 0) {
        TRY(last_sequence(capture, &capture->least));
        capture->least++;
    }
    if (capture->txn_first != 0 && capture->has_own_writes && capture->last_given >= capture->least)
        capture->least = capture->last_given + 1;
    TRY(write_row(capture, record, capture->txn_first, &given));
    capture->last_given = given;
    // A rollback to a savepoint may have taken the first record along.
    if (capture->txn_first != 0 && given <= capture->txn_first && capture->version == 2)
        TRY(sql_exec(capture->db,
                     "UPDATE \"%w\" SET change_txn_id = change_id WHERE change_id = %lld",
                     capture->table, given));
    if (capture->txn_first == 0 || given <= capture->txn_first)
        capture->txn_first = given;
    return SQLITE_OK;
}

static int keep_sequence(Capture *capture, i64 last)
{
    ASSERT(last > 0 && capture->appends);

    (void)sqlite3_bind_int64(capture->sequence, 1, last);
    TRY(stmt_run(capture->sequence));
    if (sqlite3_changes(capture->db) > 0)
        return SQLITE_OK;
    return sql_exec(capture->db, "INSERT INTO main.sqlite_sequence VALUES (%Q, %lld)",
                    capture->table, last);
}

// Whether a record with that number, or a later one, is there.
static int is_recorded(Capture *capture, i64 first, bool *out)
{
    ASSERT(first >= 0);

    i64 last;
    *out = first != 0;
    if (first == 0 || capture->has_own_writes)
        return SQLITE_OK;
    TRY(ask_number(capture->newest, &last));
    *out = last >= first;
    return SQLITE_OK;
}

static int write_commit(Capture *capture, i64 first, bool is_alone)
{
    ASSERT(first >= 0 && capture->version == 2);

    i64 given = 0;
    const ChangeRecord commit = {.type = CHANGE_COMMIT};
    if (first == 0 && !is_alone)
        return SQLITE_OK;
    if (first == 0) {
        TRY(last_sequence(capture, &capture->least));
        capture->least++;
    }
    TRY(write_row(capture, &commit, first == 0 ? -1 : first, &given));
    return capture->appends ? keep_sequence(capture, given) : SQLITE_OK;
}

int capture_commit(Capture *capture, bool of_statement)
{
    bool recorded;
    i64 first = capture->txn_first;
    if (capture->version != 2 || capture->mode == CAPTURE_OFF) {
        capture->txn_first = 0;
        capture->has_own_writes = false;
        return SQLITE_OK;
    }
    TRY(ensure_statements(capture));
    TRY(is_recorded(capture, first, &recorded));
    bool is_alone = of_statement && !capture->has_own_writes
                    && sqlite3_txn_state(capture->db, "main") == SQLITE_TXN_WRITE;
    int rc = write_commit(capture, recorded ? first : 0, is_alone);
    capture->txn_first = 0;
    capture->has_own_writes = false;
    capture->appends = false;
    return rc;
}
