// Inside the preupdate hook: the row before and after the change.

#include "api/api.h"
#include "vm/preupdate.h"

int sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **out)
{
    if (!connection_is_usable(db) || out == NULL)
        return error_misuse();
    return preupdate_old(db, column, out);
}

int sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **out)
{
    if (!connection_is_usable(db) || out == NULL)
        return error_misuse();
    return preupdate_new(db, column, out);
}

int sqlite3_preupdate_count(sqlite3 *db)
{
    return connection_is_usable(db) ? preupdate_count(db) : 0;
}

int sqlite3_preupdate_depth(sqlite3 *db)
{
    return connection_is_usable(db) ? preupdate_depth(db) : 0;
}

int sqlite3_preupdate_blobwrite(sqlite3 *db)
{
    return connection_is_usable(db) ? preupdate_blob_column(db) : -1;
}
