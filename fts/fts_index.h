#ifndef QUIRE_FTS_FTS_INDEX_H
#define QUIRE_FTS_FTS_INDEX_H
// The inverted index of one table: its records in %_data and %_idx, and what waits to be written.
//
//     %_data id = segid << 37 | is_dlidx << 36 | height << 31 | pgno       pages of segments
//                 (segid + 65536) << 37 | number                           tombstone pages
//                 1 averages, 10 structure
//
// A page is reference-counted and never changes; a small ring keeps those read last.

#include "fts/fts_config.h"
#include "fts/pending.h"
#include "fts/structure.h"

enum { PHRASE_ROWS_COUNT = 16 };
enum { PAGE_RING_SIZE = 8, AVERAGES_ID = 1, STRUCTURE_ID = 10, PAGE_HEADER_SIZE = 4 };

typedef struct FtsPage {
    int ref_count;
    u32 size;      // with the footer
    u32 leaf_size; // where the footer starts
    u32 first_rowid;
    i64 id;
    u8 *bytes; // FTS_PADDING zeroes follow
} FtsPage;

// In how many rows a phrase was found to be, as long as the index's generation holds.
typedef struct PhraseRows {
    FtsBuffer phrase;
    u64 generation;
    i64 count;
} PhraseRows;

typedef enum IndexStmt {
    STMT_READ,
    STMT_WRITE,
    STMT_ERASE_RANGE,
    STMT_IDX_FIND,
    STMT_IDX_INSERT,
    STMT_IDX_ERASE,
    STMT_IDX_ERASE_HEAD,
    STMT_IDX_LAST,
    STMT_READ_LAST,
    STMT_DATA_VERSION,
    INDEX_STMT_COUNT,
} IndexStmt;

typedef struct FtsIndex {
    FtsConfig *config;
    sqlite3_stmt *stmts[INDEX_STMT_COUNT];
    FtsStructure structure;
    bool has_structure;
    i64 data_version;
    Pending pending;
    FtsPage *ring[PAGE_RING_SIZE];
    int ring_next;
    PhraseRows phrase_rows[PHRASE_ROWS_COUNT];
    int phrase_rows_next;
    i64 pages_read;
    bool is_flushing;        // statements on shadow tables may open savepoints, which flush
    u64 merged_counter;      // of the pages written, how many have had their share of merging
    bool has_merged_counter; // for this transaction
    bool has_leftovers;      // of a flush that failed, under the segid that the next one gets
    int broken_rc;           // of a change that failed in the middle: nothing but a rollback goes
    u64 version;    // changes when another connection may have written, or a rollback undone
    u64 generation; // changes with every change a running query must notice
} FtsIndex;

void fts_index_init(FtsIndex *index, FtsConfig *config);
void fts_index_deinit(FtsIndex *index);
MUST_USE int fts_index_stmt(FtsIndex *index, IndexStmt which, sqlite3_stmt **out);

// Makes the structure current, and the configuration with it.
MUST_USE int fts_index_load(FtsIndex *index, char **message);
MUST_USE int fts_index_save_structure(FtsIndex *index);
void fts_index_forget(FtsIndex *index); // what was read may be stale: after rollback

// SQLITE_CORRUPT_VTAB where there is no such record.
MUST_USE int fts_index_read(FtsIndex *index, i64 id, FtsPage **out);
MUST_USE int fts_index_read_leaf(FtsIndex *index, i64 id, FtsPage **out); // with a checked header
MUST_USE int fts_index_write(FtsIndex *index, i64 id, const void *bytes, u32 size);
MUST_USE int fts_index_erase(FtsIndex *index, i64 first_id, i64 last_id);
MUST_USE int fts_index_erase_segment(FtsIndex *index, const FtsSegment *segment);
FtsPage *fts_page_ref(FtsPage *page);
void fts_page_unref(FtsPage *page); // NULL is fine
// A page over bytes in memory, for lists that were never in the file; copies.
MUST_USE int fts_page_new(const void *bytes, u32 size, FtsPage **out);

static inline i64 fts_leaf_id(u32 segid, u32 pgno)
{
    return (i64)((u64)segid << 37 | pgno);
}

static inline i64 fts_dlidx_id(u32 segid, u32 height, u32 pgno)
{
    return (i64)((u64)segid << 37 | 1ULL << 36 | (u64)height << 31 | pgno);
}

static inline i64 fts_tombstone_id(u32 segid, u32 number)
{
    return (i64)(((u64)segid + 65536) << 37 | number);
}

#endif
