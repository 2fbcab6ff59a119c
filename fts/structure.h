#ifndef QUIRE_FTS_STRUCTURE_H
#define QUIRE_FTS_STRUCTURE_H
// The structure record: which segments the index consists of.
//
//     u32 BE cookie; [FF 00 00 01]; varints: level count, segment count, write counter;
//     per level: merge count, segment count; per segment, oldest first: segid, first page, last
//     page; after the mark also: origin1, origin2, tombstone pages, tombstones, entries.
//
// Levels grow older with their number; inside a level the last segment is the newest. The first
// merge_count segments of a level are being merged into the last segment of the level above.

#include "fts/fts_bytes.h"

enum { LEVEL_MAX = 64, SEGMENT_MAX = 2000 };

typedef struct FtsSegment {
    u32 segid;
    u32 first_pgno; // 0: consumed by a merge, still listed
    u32 last_pgno;
    u64 origin1;
    u64 origin2;
    u32 tombstone_pages;
    u64 tombstone_count;
    u64 entry_count;
} FtsSegment;

typedef struct FtsLevel {
    u32 merge_count;
    int segment_count;
    int capacity;
    FtsSegment *segments;
} FtsLevel;

typedef struct FtsStructure {
    u32 cookie;
    bool has_origins;  // the marked form
    u64 write_counter; // leaves written by flushes
    u64 origin;        // what rows written now are stamped with
    int level_count;
    FtsLevel levels[LEVEL_MAX];
} FtsStructure;

void structure_deinit(FtsStructure *structure);
MUST_USE int structure_decode(FtsStructure *structure, const u8 *bytes, u32 size);
void structure_encode(const FtsStructure *structure, FtsBuffer *out);
int structure_segment_count(const FtsStructure *structure);
// The lowest segid not in use; 0 when all are.
u32 structure_free_segid(const FtsStructure *structure);
// Adds an empty segment as the newest of a level, which may be the one above the last.
MUST_USE int structure_add_segment(FtsStructure *structure, int level, FtsSegment **out);
void structure_remove_segments(FtsStructure *structure, int level, int first, int count);
void structure_trim(FtsStructure *structure); // drops empty levels at the top

#endif
