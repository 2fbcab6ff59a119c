// The list of the virtual tables that every connection starts with.
#include "vtab/tables/builtin_tables.h"

#include "vtab/tables/rtree/rtree.h"

int builtin_tables_register(sqlite3 *db)
{
    TRY(statement_table_register(db));
    TRY(bytecode_tables_register(db));
    TRY(csv_table_register(db));
    TRY(carray_table_register(db));
    TRY(rtree_register(db));
    return geopoly_register(db);
}
