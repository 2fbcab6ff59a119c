// Which full-text indexes there are. See fts_index_names.h.
//
// The schema has no mark for them: an index is a table with external content on which one of the
// triggers that CREATE INDEX makes is there, under its name. A table that somebody made by hand has
// no such trigger, and is nobody's index.
#include "fts/fts_index_names.h"

int fts_index_names(const quire_index_request *request, const char *index_name, sqlite3_stmt **out)
{
    ASSERT(request->schema != NULL);

    *out = NULL;
    char *sql = sqlite3_mprintf(
        "SELECT i.name FROM \"%w\".sqlite_schema i JOIN \"%w\".sqlite_schema t"
        " ON t.type = 'trigger' AND t.name = i.name || '_fts_insert'"
        " WHERE i.type = 'table' AND i.sql LIKE 'CREATE VIRTUAL TABLE%%fts5(content=%%'"
        " AND (i.name = ?1 COLLATE nocase OR t.tbl_name = ?2 COLLATE nocase) ORDER BY i.rowid",
        request->schema, request->schema);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(request->db, sql, -1, out, NULL);
    sqlite3_free(sql);
    // A name that is NULL equals none.
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(*out, 1, index_name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(*out, 2, request->table_name, -1, SQLITE_STATIC);
    return rc;
}
