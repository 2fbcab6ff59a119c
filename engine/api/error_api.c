// The error a connection last met: codes, messages, offsets.
//
// A connection that ran out of memory says so whatever its last code was, until the call has
// returned. Texts live until the next call on the connection; those of codes alone are static.

#include "api/api.h"

// NULL is taken for a connection that there was no memory for.
int sqlite3_errcode(sqlite3 *db)
{
    if (db != NULL && !connection_is_usable_or_sick(db))
        return error_misuse();
    if (db == NULL || db->out_of_memory)
        return SQLITE_NOMEM;
    return db->error_code & db->error_mask;
}

int sqlite3_extended_errcode(sqlite3 *db)
{
    if (db != NULL && !connection_is_usable_or_sick(db))
        return error_misuse();
    if (db == NULL || db->out_of_memory)
        return SQLITE_NOMEM;
    return db->error_code;
}

int sqlite3_extended_result_codes(sqlite3 *db, int on)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->error_mask = on ? (int)0xffffffff : 0xff;
    return api_exit(db, SQLITE_OK);
}

const char *sqlite3_errmsg(sqlite3 *db)
{
    if (db == NULL)
        return error_text(SQLITE_NOMEM);
    if (!connection_is_usable_or_sick(db))
        return error_text(error_misuse());
    api_enter(db);
    const char *text = NULL;
    if (!db->out_of_memory && db->error_code != SQLITE_OK && db->error_message != NULL)
        text = value_text(db->error_message, SQLITE_UTF8);
    if (text == NULL)
        text = error_text(db->out_of_memory ? SQLITE_NOMEM : db->error_code);
    api_leave(db);
    return text;
}

const void *sqlite3_errmsg16(sqlite3 *db)
{
    static const u16 no_memory[] = {'o', 'u', 't', ' ', 'o', 'f', ' ',
                                    'm', 'e', 'm', 'o', 'r', 'y', 0};
    static const u16 misuse[] = {'b', 'a', 'd', ' ', 'p', 'a', 'r', 'a', 'm', 'e', 't', 'e',
                                 'r', ' ', 'o', 'r', ' ', 'o', 't', 'h', 'e', 'r', ' ', 'A',
                                 'P', 'I', ' ', 'm', 'i', 's', 'u', 's', 'e', 0};
    if (db == NULL)
        return no_memory;
    if (!connection_is_usable_or_sick(db))
        return misuse;
    api_enter(db);
    const void *text = NULL;
    if (!db->out_of_memory) {
        if (db->error_message == NULL || value_type(db->error_message) == SQLITE_NULL)
            connection_error(db, db->error_code, "%s", error_text(db->error_code));
        if (db->error_message != NULL)
            text = value_text(db->error_message, UTF16_NATIVE);
    }
    db->out_of_memory = false;
    api_leave(db);
    return text != NULL ? text : no_memory;
}

const char *sqlite3_errstr(int rc)
{
    return error_text(rc);
}

// Of the text last prepared; -1 where the error has no place in it.
int sqlite3_error_offset(sqlite3 *db)
{
    if (!connection_is_usable_or_sick(db) || db->error_code == SQLITE_OK)
        return -1;
    return db->error_offset;
}

int sqlite3_system_errno(sqlite3 *db)
{
    return db != NULL ? db->os_errno : 0;
}

// For extensions that do what a statement did not.
int sqlite3_set_errmsg(sqlite3 *db, int code, const char *message)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    if (message != NULL)
        connection_error(db, code, "%s", message);
    else
        connection_error_plain(db, code);
    return api_exit(db, SQLITE_OK);
}

// --- entering and leaving ---

// Any bytes may stand where a closed connection was: this is a courtesy, not a guarantee.
bool connection_is_usable(const sqlite3 *db)
{
    if (db == NULL || db->magic != CONNECTION_OPEN) {
        log_message(SQLITE_MISUSE, "API call with %s database connection pointer",
                    db == NULL                                                     ? "NULL"
                    : db->magic == CONNECTION_SICK || db->magic == CONNECTION_BUSY ? "unopened"
                                                                                   : "invalid");
        return false;
    }
    return true;
}

bool connection_is_usable_or_sick(const sqlite3 *db)
{
    if (db != NULL && (db->magic == CONNECTION_SICK || db->magic == CONNECTION_BUSY))
        return true;
    return connection_is_usable(db);
}

// What holds whenever the connection is entered or left, whoever asks: the counts of statements are
// those of the running ones (M4), and nothing was taken away more often than it was given.
static bool connection_is_sound(const sqlite3 *db)
{
    return db->database_count > DB_TEMP && db->database_count <= DATABASE_MAX && db->executing >= 0
           && db->open_handles >= 0 && db->savepoint_count >= 0 && db->writing_statements >= 0
           && db->reading_statements >= 0 && db->active_statements >= db->reading_statements
           && db->active_statements >= db->writing_statements;
}

void api_enter(sqlite3 *db)
{
    if (db->mutex != NULL)
        sqlite3_mutex_enter(db->mutex);
    connection_enter(db);
    ASSERT(connection_is_sound(db));
}

void api_leave(sqlite3 *db)
{
    connection_leave(db);
    if (db->mutex != NULL)
        sqlite3_mutex_leave(db->mutex);
}

int api_exit(sqlite3 *db, int rc)
{
    ASSERT(connection_is_sound(db));

    if (db->out_of_memory || rc == SQLITE_IOERR_NOMEM) {
        // Inside a running statement (a module's own queries) it stays known until that has ended.
        if (db->executing == 0) {
            db->out_of_memory = false;
            atomic_store(&db->interrupted, 0);
        }
        connection_error_plain(db, SQLITE_NOMEM);
        rc = SQLITE_NOMEM;
    }
    rc &= db->error_mask;
    api_leave(db);
    return rc;
}
