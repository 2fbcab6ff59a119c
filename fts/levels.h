#ifndef QUIRE_FTS_LEVELS_H
#define QUIRE_FTS_LEVELS_H
// On which level of the structure a segment belongs, and which segments of a level may be merged.
// Questions about the structure record and moves inside it; nothing here reads or writes pages.
//
// A query looks into every segment, so that they must be few; a page must not be merged often. Both
// hold where a level's segments are of about one size, a multiple of those of the level below. What
// is written does not come so: a large transaction leaves large segments on the lowest levels, and
// the small ones after it would wait there, unmerged, for as long as merging the large ones takes.
// So larger segments move up to make place for smaller ones, and what has grown larger than the
// level above joins it. The order of age stays: no segment passes another.

#include "fts/structure.h"

// How many segments at the front of a level are what is left of the inputs of a merge that stopped
// inside a term (merge_step.c): up to the last whose head was cut off.
int levels_suspended_count(const FtsLevel *level);
bool levels_is_unfinished(const FtsLevel *level);
// Segments of a level that may be merged: not the last while it is the output of a merge.
int levels_complete_count(const FtsStructure *structure, int number);
int levels_occupied_count(const FtsStructure *structure);

// Before all complete segments of level `number` are merged into one of the level above: lets
// larger ones, or those that are just being merged while others pile up behind them, move up from
// there. `pile`: how many others are many. Numbers above `number` change.
MUST_USE int levels_make_place(FtsStructure *structure, int number, i64 pile);
// Level `number` got a segment: if all of the level are larger than those of the next one above
// that has any, they move there.
MUST_USE int levels_promote(FtsStructure *structure, int number, bool *has_moved);

#endif
