#ifndef QUIRE_VTAB_VTAB_INTERNAL_H
#define QUIRE_VTAB_VTAB_INTERNAL_H
// Shared by the files of this folder.

#include "vtab/vtab.h"

void module_unref(Module *module);
// Room for one more participant of the transaction, so that adding it cannot fail.
MUST_USE int vtab_reserve_participant(sqlite3 *db);
void vtab_add_participant(sqlite3 *db, VirtualTable *instance);

#endif
