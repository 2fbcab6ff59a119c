#ifndef QUIRE_SQL_INDEX_METHOD_H
#define QUIRE_SQL_INDEX_METHOD_H
// Index methods of a connection: who registered them, and asking them (quire.h has the contract).

#include "catalog/connection.h"
#include "quire.h"

typedef struct IndexMethod {
    const char *name; // owned
    quire_index_rewrite *rewrite;
    void *arg;
    void (*destroy)(void *);
    u32 running; // callbacks under way: not to be replaced meanwhile
} IndexMethod;

// rewrite NULL removes. `destroy` is called with arg on failure too.
MUST_USE int index_method_register(sqlite3 *db, const IndexMethod *method);
IndexMethod *index_method_find(sqlite3 *db, const char *name); // NULL when absent
// *sql (sqlite3_free) is what the method answers; NULL: "not mine", which is an error when an index
// is to be created. Errors are set on the connection.
MUST_USE int index_method_ask(IndexMethod *method, const quire_index_request *request, char **sql);
// Asks all of them, until one answers. *sql NULL: none did.
MUST_USE int index_methods_ask(const quire_index_request *request, char **sql);
void index_methods_free(sqlite3 *db);

#endif
