#ifndef QUIRE_FTS_FTS3_FTS3_STEP_WRITER_H
#define QUIRE_FTS_FTS3_FTS3_STEP_WRITER_H
// A segment that grows over several transactions, as merges in steps write it.
//
// Blocks are set aside when it starts: leaf_room for the leaves, as many for each of the layers
// above. Every layer has its last node open; where a step ends, open nodes are written as they are
// and the root is the topmost. While it is not finished, its row of %_segdir has the leaves' bytes
// as a negative number.

#include "fts/fts3/fts3_segment.h"

enum { FTS3_LAYERS = 16 };

typedef struct Fts3Layer {
    i64 block; // of the open node
    FtsBuffer node;
    FtsBuffer last_term; // of the node; empty: it has none
} Fts3Layer;

typedef struct Fts3StepWriter {
    Fts3Table *table;
    i64 level;
    i64 index;
    i64 start;
    i64 end;
    i64 leaf_room;
    i64 leaf_bytes;
    int pages;                     // leaves written in this step
    Fts3Layer layers[FTS3_LAYERS]; // the first has the leaves
} Fts3StepWriter;

// Sets blocks aside for about `leaf_count` leaves.
MUST_USE int fts3_step_begin(Fts3StepWriter *writer, Fts3Table *table, i64 leaf_count);
// Goes on with an unfinished segment.
MUST_USE int fts3_step_resume(Fts3StepWriter *writer, Fts3Table *table, const Fts3Segment *segment);
void fts3_step_deinit(Fts3StepWriter *writer);
bool fts3_step_has_room(const Fts3StepWriter *writer); // for another leaf
MUST_USE int fts3_step_add(Fts3StepWriter *writer, const FtsBuffer *term, const u8 *doclist,
                           u32 doclist_size);
// Writes what is open, and the row of %_segdir.
MUST_USE int fts3_step_end(Fts3StepWriter *writer, bool is_finished);

#endif
