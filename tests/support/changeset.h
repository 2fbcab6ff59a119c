#ifndef QUIRE_TESTS_SUPPORT_CHANGESET_H
#define QUIRE_TESTS_SUPPORT_CHANGESET_H
// Changesets in tests: made by running SQL, shown as text, applied.

#include "sqlite3.h"

typedef struct Changeset {
    int size;
    void *bytes;
} Changeset;

sqlite3 *database_with(const char *sql);
// What `sql` changes in main, all tables attached.
Changeset changeset_of(sqlite3 *db, const char *sql);
Changeset patchset_of(sqlite3 *db, const char *sql);
void changeset_free(Changeset *changeset);
// One line per change: "INSERT t(1,'a')", "UPDATE t(1,'a',_)->(_,'b',_)", "DELETE indirect t(...)";
// "_" is undefined. Valid until the next call.
const char *changeset_text(Changeset changeset);
// Rows of a query: columns separated by '|', rows by newline. Valid until the next call.
const char *rows_text(sqlite3 *db, const char *sql);

// Applies it, answering every conflict with `answer`; the reasons are noted one letter each in
// `reasons` (D data, N not found, C conflict, X constraint, F foreign key).
int changeset_run(sqlite3 *db, Changeset changeset, int answer, int flags, char *reasons);

#endif
