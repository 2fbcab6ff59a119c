// Says which library this is: the SQLite version it answers for, and its own.

#include "quire.h"
#include "sqlite3.h"

const char sqlite3_version[] = SQLITE_VERSION;

const char *sqlite3_libversion(void)
{
    return sqlite3_version;
}

int sqlite3_libversion_number(void)
{
    return SQLITE_VERSION_NUMBER;
}

const char *sqlite3_sourceid(void)
{
    return SQLITE_SOURCE_ID;
}

const char *quire_version(void)
{
    return QUIRE_VERSION;
}
