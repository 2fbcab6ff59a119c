#ifndef QUIRE_FUNC_JSON_JSON_TABLE_H
#define QUIRE_FUNC_JSON_JSON_TABLE_H
// The table-valued JSON functions, for whoever registers modules.

#include "sqlite3.h"

// The module of json_each, json_tree, jsonb_each or jsonb_tree and what to register it with. NULL:
// no such name.
const sqlite3_module *json_table_module(const char *name, void **client_data);

#endif
