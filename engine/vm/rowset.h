#ifndef QUIRE_VM_ROWSET_H
#define QUIRE_VM_ROWSET_H
// Sets of rowids: rows met by one branch of a multi-index OR, rows to be deleted later.
//
// A set is used in one of two ways: filled and then emptied in ascending order
// (rowset_take_smallest), or filled while membership is asked (rowset_has).

#include "base/contract.h"
#include "base/types.h"

typedef struct RowSet RowSet;

RowSet *rowset_new(void); // NULL: no memory
void rowset_free(void *set);
MUST_USE int rowset_add(RowSet *set, RowId rowid);
bool rowset_has(const RowSet *set, RowId rowid);
bool rowset_take_smallest(RowSet *set, RowId *rowid); // false: empty

#endif
