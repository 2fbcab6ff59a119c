#ifndef QUIRE_VTAB_TABLES_SERIES_H
#define QUIRE_VTAB_TABLES_SERIES_H
// generate_series(start, stop, step): whole numbers as a table-valued function.

#include "sqlite3.h"

extern const sqlite3_module series_module;

#endif
