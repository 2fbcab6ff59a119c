#ifndef QUIRE_BASE_VEC_H
#define QUIRE_BASE_VEC_H
// Growing arrays. A vector of T is any struct { T *items; u32 count; u32 capacity; }; declare it in
// place and call vec_reserve() before writing items[count++].
//
//     struct { Expr **items; u32 count, capacity; } terms = {0};
//     TRY(vec_reserve(&terms.items, &terms.capacity, terms.count + 1, sizeof *terms.items));
//     terms.items[terms.count++] = e;
//     mem_free(terms.items);

#include "base/contract.h"

// Makes *items hold at least `wanted` items of item_size bytes, growing by half. SQLITE_NOMEM on
// failure, with the old array intact. `items` is the address of the typed pointer.
MUST_USE int vec_reserve(void *items, u32 *capacity, u32 wanted, size_t item_size);

#endif
