#ifndef QUIRE_API_TABLES_INSPECT_TABLES_H
#define QUIRE_API_TABLES_INSPECT_TABLES_H
// Virtual tables that show the inside of database files: they read pages, which modules over the
// public interface cannot.

#include "base/contract.h"
#include "sqlite3.h"

extern const sqlite3_module dbstat_module; // dbstat
extern const sqlite3_module dbpage_module; // sqlite_dbpage

MUST_USE int inspect_tables_register(sqlite3 *db);

#endif
