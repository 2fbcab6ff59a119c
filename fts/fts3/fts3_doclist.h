#ifndef QUIRE_FTS_FTS3_FTS3_DOCLIST_H
#define QUIRE_FTS_FTS3_FTS3_DOCLIST_H
// A doclist is rows, each
//     docid    of the first as it is, of others the distance to the one before; ascending, or
//              descending in tables of order=desc
//     poslist  positions + 2, each the distance to the one before; 1 and a column number start
//              the next column
//     0
// all varints. A row without positions deletes what older segments say of it.
//
// For queries doclists are read into hits: rows ascending, and places ascending in each.

#include "fts/fts3/fts3_bytes.h"

// --- reading one ---

typedef struct Fts3Doclist {
    const u8 *bytes; // FTS_PADDING bytes of zero, or of valid memory, follow
    u32 size;
    u32 at;
    bool is_descending;
    bool is_first;
    bool is_eof;
    i64 docid;
    const u8 *poslist;
    u32 poslist_size; // without the end mark
} Fts3Doclist;

void fts3_doclist_init(Fts3Doclist *list, const u8 *bytes, u32 size, bool is_descending);
MUST_USE int fts3_doclist_next(Fts3Doclist *list); // the first row, too

// Several doclists of a term, the newest first, as one; rows without positions are left out if
// asked.
MUST_USE int fts3_doclist_merge(Fts3Doclist *lists, int count, bool drops_deletions,
                                FtsBuffer *out);
MUST_USE int fts3_doclist_reverse(const u8 *bytes, u32 size, FtsBuffer *out); // ascending ones

// --- hits ---

// A column in the upper half, a position in the lower.
typedef u64 Fts3Place;
#define FTS3_PLACE_COLUMN(place)   ((u32)((place) >> 32))
#define FTS3_PLACE_POSITION(place) ((u32)(place))

typedef struct Fts3Hit {
    i64 docid;
    u32 rank; // while sources are put together: the smaller is newer
    u32 count;
    u64 first; // of its places
} Fts3Hit;

typedef struct Fts3Hits {
    Fts3Hit *hits;
    u64 count;
    u64 capacity;
    Fts3Place *places;
    u64 place_count;
    u64 place_capacity;
} Fts3Hits;

void fts3_hits_deinit(Fts3Hits *hits);
// Opens a row; places are pushed to the last one opened.
MUST_USE int fts3_hits_open(Fts3Hits *hits, i64 docid, u32 rank);
MUST_USE int fts3_hits_push(Fts3Hits *hits, Fts3Place place);
// Appends the rows of a doclist, deletions among them.
MUST_USE int fts3_hits_append(Fts3Hits *hits, const u8 *bytes, u32 size, bool is_descending,
                              u32 rank);
// Of the hits from `first` on, puts rows in order and keeps of each the newest, unless it is a
// deletion.
void fts3_hits_settle(Fts3Hits *hits, u64 first);
// Unites rows that several terms brought.
MUST_USE int fts3_hits_unite(Fts3Hits *hits);
const Fts3Hit *fts3_hits_find(const Fts3Hits *hits, i64 docid); // NULL: none

#endif
