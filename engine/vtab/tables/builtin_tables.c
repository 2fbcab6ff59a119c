// The list of the virtual tables that every connection starts with. Those of pragmas and JSON are
// made when they are first named (sql/code/code_pragma_table.c); generate_series is registered by
// api/registry.c.

#include "vtab/tables/builtin_tables.h"

#include "vtab/tables/rtree/rtree.h"

// Those that a connection has from the beginning.
int builtin_tables_register(sqlite3 *db)
{
    TRY(statement_table_register(db));
    TRY(bytecode_tables_register(db));
    TRY(csv_table_register(db));
    TRY(carray_table_register(db));
    TRY(rtree_register(db));
    return geopoly_register(db);
}
