#ifndef QUIRE_CDC_CONSUMER_H
#define QUIRE_CDC_CONSUMER_H
// Named, durable positions in a feed: what quire_cdc_* (quire.h) and the SQL functions share.
//
// States of a handle: delivered >= position always. Both start at the position in the database;
// next moves `delivered`, ack moves `position`, seek moves both. A crash forgets `delivered` only,
// so what was delivered and not acknowledged comes again.

#include "cdc/commit_watch.h"
#include "cdc/feed_cursor.h"

// Registers `name`, beginning after `from` (QUIRE_CDC_EARLIEST, QUIRE_CDC_LATEST or a change_id),
// unless it is there. *position is where it stands.
MUST_USE int consumer_subscribe(Feed *feed, const char *name, i64 from, i64 *position);
// SQLITE_ERROR with a message: no such consumer.
MUST_USE int consumer_position(Feed *feed, const char *name, i64 *position);
// Sets the position to `change_id`, if that is ahead or `anywhere`. A change that is still to come
// cannot be acknowledged. Then makes room, if it is time to.
MUST_USE int consumer_move(Feed *feed, const char *name, i64 change_id, bool anywhere,
                           i64 *position);
MUST_USE int consumer_forget(Feed *feed, const char *name);
// Changes behind `position`.
MUST_USE int consumer_pending(Feed *feed, i64 position, i64 *out);
// Waits until there is a change behind `position` (*found) or the time is over.
MUST_USE int consumer_wait(Feed *feed, CommitWatch *watch, i64 position, int timeout_ms,
                           bool *found);
// Follows schema changes that another process made. That the database cannot be written now is no
// failure: another time will do.
MUST_USE int consumer_refresh(Feed *feed);

MUST_USE int consumer_functions_register(sqlite3 *db);
MUST_USE int next_module_register(sqlite3 *db);

#endif
