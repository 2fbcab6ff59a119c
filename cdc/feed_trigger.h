#ifndef QUIRE_CDC_FEED_TRIGGER_H
#define QUIRE_CDC_FEED_TRIGGER_H
// The triggers of a captured table, as text (law F3 of feed.h says what they do).

#include "cdc/table_shape.h"

typedef enum TriggerKind {
    TRIGGER_BEFORE_INSERT, // stages what the new row may replace
    TRIGGER_BEFORE_UPDATE, // the same
    TRIGGER_INSERT,
    TRIGGER_UPDATE,  // all keys stay
    TRIGGER_REPLACE, // an UPDATE of another key than the row's own: it may replace a row
    TRIGGER_REKEY,   // an UPDATE of the row's own key: a DELETE and an INSERT
    TRIGGER_DELETE,
} TriggerKind;
enum { TRIGGER_KINDS = TRIGGER_DELETE + 1 };

// Whether a table of that shape has a trigger of that kind.
bool trigger_is_needed(const TableShape *shape, TriggerKind kind);
// Both are the caller's (sqlite3_free); NULL when memory is short.
char *trigger_name(const Feed *feed, i64 source, TriggerKind kind);
char *trigger_text(const Feed *feed, const TableShape *shape, i64 source, i64 layout,
                   TriggerKind kind);
// INSERT INTO feed_log ... SELECT of all rows, as INSERT (backfill) or UPDATE, up to a WHERE.
char *trigger_snapshot_text(const Feed *feed, const TableShape *shape, i64 layout, int change_type);
// v columns a change of the table may need.
int trigger_width(const Feed *feed, const TableShape *shape);

#endif
