#ifndef QUIRE_FTS_SEGMENT_WRITE_H
#define QUIRE_FTS_SEGMENT_WRITE_H
// Writing one segment: terms in order, and the rows of each in order.
//
// Pages are filled by FTS5's own rules, so that the same input gives the same bytes. Errors stick.

#include "fts/segment_read.h"

enum { DLIDX_LEVEL_MAX = 16, DLIDX_PAGES_MIN = 4 };

typedef struct DlidxLevel {
    FtsBuffer bytes;
    u32 pgno;
    i64 previous;
} DlidxLevel;

typedef struct SegmentWriter {
    FtsIndex *index;
    u32 segid;
    u32 pgno;
    u32 pgsz;
    FtsBuffer body; // with the header
    FtsBuffer footer;
    u32 footer_last;
    FtsBuffer last_term;
    bool page_has_term;
    bool page_has_rowid; // set as well once a term stands on the page
    bool is_first_rowid; // of the doclist
    i64 previous_rowid;
    FtsBuffer idx_key; // of the row to come
    u32 idx_pgno;      // 0: none
    u32 empty_count;   // pages without a term since
    DlidxLevel levels[DLIDX_LEVEL_MAX];
    u32 leaf_count;
    bool is_resumed;  // no term was written yet, and the one before is not known
    bool is_reopened; // no term was written yet: last_term may go on
    int rc;
} SegmentWriter;

typedef struct SegmentRecord {
    i64 rowid;
    const u8 *poslist;
    u32 poslist_size;
    bool has_delete;
    bool has_content;
} SegmentRecord;

void segment_writer_init(SegmentWriter *writer, FtsIndex *index, u32 segid);
// The same, behind the pages that the segment has already.
void segment_writer_resume(SegmentWriter *writer, FtsIndex *index, const FtsSegment *segment);
// The same, where the end is known: records of its last term may come first.
void segment_writer_reopen(SegmentWriter *writer, FtsIndex *index, const SegmentEnd *end);
void segment_writer_term(SegmentWriter *writer, const void *term, u32 size);
void segment_writer_record(SegmentWriter *writer, const SegmentRecord *record);
// How many bytes of whole records, encoded as pages have them, the page takes behind the last one.
u32 segment_writer_room(const SegmentWriter *writer);
// Such records, no more of them than there is room for.
void segment_writer_copy(SegmentWriter *writer, const u8 *records, u32 size, i64 last_rowid);
// All rows of the term just written; a padded buffer.
void segment_writer_doclist(SegmentWriter *writer, const FtsBuffer *doclist);
// Writes what is left. *last_pgno is 0 when nothing was written.
MUST_USE int segment_writer_finish(SegmentWriter *writer, u32 *last_pgno);
void segment_writer_deinit(SegmentWriter *writer);

#endif
