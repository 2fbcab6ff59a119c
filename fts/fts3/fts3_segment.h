#ifndef QUIRE_FTS_FTS3_FTS3_SEGMENT_H
#define QUIRE_FTS_FTS3_FTS3_SEGMENT_H
// A segment: terms in order, each with a doclist, in a tree of nodes.
//
// A row of %_segdir has its root; the other nodes are rows of %_segments: leaves from start_block
// to leaves_end_block in order of terms, inner nodes behind them up to end_block. With start_block
// 0 the root is the only leaf. A node is
//     leaf   0, term size, term, doclist size, doclist;
//            then each: size of what the term shares with the one before, size of the rest, the
//            rest, doclist size, doclist
//     inner  height, block of the leftmost child; then terms as in a leaf, without doclists: the
//            child behind a term holds what is not less
// The segment of a level with the larger index is newer, the smaller level is newer.

#include "fts/fts3/fts3_doclist.h"
#include "fts/fts3/fts3_table.h"

typedef struct Fts3Segment {
    i64 level;
    i64 index;
    i64 start;
    i64 leaves_end;
    i64 end;
    i64 leaf_bytes; // of all leaves; 0: unknown; negative: being built by a merge in steps
    FtsBuffer root; // padded
} Fts3Segment;

typedef struct Fts3Segments {
    Fts3Segment *items; // newest first
    int count;
} Fts3Segments;

// All of the levels first_level to last_level.
MUST_USE int fts3_segments_load(Fts3Table *table, i64 first_level, i64 last_level,
                                Fts3Segments *out);
void fts3_segments_free(Fts3Segments *segments);
// Takes the segment and its blocks out of the shadow tables.
MUST_USE int fts3_segment_delete(Fts3Table *table, const Fts3Segment *segment);
MUST_USE int fts3_segment_insert(Fts3Table *table, const Fts3Segment *segment);
// Reads a block into `out` with padding; SQLITE_CORRUPT_VTAB if there is none.
MUST_USE int fts3_block_read(Fts3Table *table, i64 block, FtsBuffer *out);
MUST_USE int fts3_block_write(Fts3Table *table, i64 block, const FtsBuffer *bytes);
MUST_USE int fts3_block_next(Fts3Table *table, i64 *out);

// --- entries of a node ---

typedef struct Fts3Entry {
    u32 shared; // with the term before
    const u8 *rest;
    u32 rest_size;
    const u8 *doclist; // of a leaf
    u32 doclist_size;
} Fts3Entry;

// Reads what stands at *at of a padded node.
MUST_USE int fts3_entry_read(const FtsBuffer *node, u32 *at, bool is_first, bool is_leaf,
                             Fts3Entry *out);
// Makes `term` the term of the entry.
MUST_USE int fts3_entry_term(const Fts3Entry *entry, FtsBuffer *term);
// The child where `term` would be, of a padded inner node, and the node's height.
MUST_USE int fts3_node_child(const FtsBuffer *node, const u8 *term, u32 size, i64 *child,
                             u32 *height);

// --- reading ---

typedef struct Fts3Reader {
    Fts3Table *table;
    const Fts3Segment *segment; // NULL: what is pending
    i64 block;                  // of the leaf in `node`
    FtsBuffer node;
    u32 at;
    bool is_eof;
    FtsBuffer term;
    const u8 *doclist;
    u32 doclist_size;

    Fts3PendingTerm **pending;
    u32 pending_count;
    u32 pending_next;
    FtsBuffer pending_doclist;
} Fts3Reader;

// The segment stays the caller's, and must outlive the reader. Stands before the first term.
MUST_USE int fts3_reader_open(Fts3Reader *reader, Fts3Table *table, const Fts3Segment *segment);
MUST_USE int fts3_reader_open_pending(Fts3Reader *reader, Fts3Table *table,
                                      const Fts3Pending *pending);
void fts3_reader_close(Fts3Reader *reader);
MUST_USE int fts3_reader_next(Fts3Reader *reader);
// To the first term not less than this one.
MUST_USE int fts3_reader_seek(Fts3Reader *reader, const u8 *term, u32 size);

// Several readers as one.
typedef struct Fts3Scan {
    Fts3Table *table;
    Fts3Segments segments;
    Fts3Reader *readers; // newest first; what is pending is newer than all
    int reader_count;
    Fts3Reader **current; // those that have `term`, newest first
    int current_count;
    FtsBuffer term;
    bool is_eof;
} Fts3Scan;

// Of an index of a language, all levels: SCAN_ALL_LEVELS, a single one counted from the index's
// first, or SCAN_PENDING alone. Stands before the first term.
enum { FTS3_SCAN_ALL_LEVELS = -1, FTS3_SCAN_PENDING = -2 };
typedef struct Fts3Range {
    int language;
    int index;
    int level;
} Fts3Range;
MUST_USE int fts3_scan_open(Fts3Scan *scan, Fts3Table *table, const Fts3Range *range);
// The same over given segments, which become the scan's.
MUST_USE int fts3_scan_open_segments(Fts3Scan *scan, Fts3Table *table, Fts3Segments *segments);
void fts3_scan_close(Fts3Scan *scan);
MUST_USE int fts3_scan_seek(Fts3Scan *scan, const u8 *term, u32 size);
MUST_USE int fts3_scan_next(Fts3Scan *scan);
// The current term's doclist of all readers in one; *bytes lives until the next step.
MUST_USE int fts3_scan_doclist(Fts3Scan *scan, bool drops_deletions, FtsBuffer *scratch,
                               const u8 **bytes, u32 *size);

// What a term, or all terms of a prefix, hit.
typedef struct Fts3Lookup {
    int language;
    const u8 *term;
    u32 size;
    bool is_prefix;
} Fts3Lookup;
MUST_USE int fts3_lookup(Fts3Table *table, const Fts3Lookup *lookup, Fts3Hits *out);

// --- writing ---

typedef struct Fts3Writer Fts3Writer;

MUST_USE int fts3_writer_new(Fts3Table *table, Fts3Writer **out);
void fts3_writer_free(Fts3Writer *writer);
// Terms come in order.
MUST_USE int fts3_writer_add(Fts3Writer *writer, const FtsBuffer *term, const u8 *doclist,
                             u32 doclist_size);
// Writes the row of %_segdir; nothing if there were no terms. *leaf_bytes as the segment has it.
MUST_USE int fts3_writer_finish(Fts3Writer *writer, i64 level, i64 index, i64 *leaf_bytes);

// Appends an entry as it stands in a node; doclist NULL: of an inner one.
void fts3_entry_append(FtsBuffer *node, bool is_first, u32 shared, const FtsBuffer *term,
                       const u8 *doclist, u32 doclist_size);
u32 fts3_entry_size(bool is_first, u32 shared, u32 term_size, const u32 *doclist_size);
u32 fts3_shared_size(const FtsBuffer *a, const FtsBuffer *b);

#endif
