// VACUUM with memory running out.

#include "support/test.h"

#include "support/api_fault.h"

static int vacuum(sqlite3 *db)
{
    return sqlite3_exec(db, "VACUUM", NULL, NULL, NULL);
}

static void short_memory_is_told_from_damage(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE TABLE t(a UNIQUE, b); CREATE INDEX tb ON t(b);"
                      "CREATE TABLE u(a PRIMARY KEY) WITHOUT ROWID; CREATE VIEW v AS SELECT 1;"
                      "INSERT INTO t VALUES(1, 2), (3, 4); INSERT INTO u VALUES('x')",
                      vacuum);
}

TEST_SUITE(vacuum_run, cmocka_unit_test(short_memory_is_told_from_damage))
