#ifndef QUIRE_OS_CREW_H
#define QUIRE_OS_CREW_H
// A crew: helper threads that work through lists of items together with the thread that owns them.
//
//     crew_begin(crew, work, arg, run);   a list, of no item yet
//     crew_announce(crew, count);         its items below `count` may be worked on: again and again
//     crew_finish(crew);                  takes part; back when all that was announced is done
//
// Laws
//   C1  Items are given out once each, in their order, in runs of `run` items, and of fewer towards
//       the end. `work` is called by several threads at the same time, each with a run of its own.
//   C2  What the owner wrote before it announced an item is seen by whoever works on it; what was
//       written there is seen by the owner after crew_finish().
//   C3  Between crew_finish() and the next crew_begin() no helper touches anything but the crew.
//   C4  Helpers run nothing but `work`, and no signal handler of the application.
//
// Lists may follow each other within microseconds, faster than a sleeping thread wakes: whoever
// waits looks for some time before it sleeps.

#include "base/contract.h"
#include "base/types.h"

typedef struct Crew Crew;
typedef void CrewWork(void *arg, u32 first, u32 end);
enum { CREW_HELPERS_MAX = 16 };

// Fewer helpers than asked for are no error, if there is at least one. SQLITE_NOMEM.
MUST_USE int crew_new(u32 helpers, Crew **out);
void crew_free(Crew *crew); // NULL is legal; ends its threads; no list may be begun
u32 crew_helper_count(const Crew *crew);

void crew_begin(Crew *crew, CrewWork *work, void *arg, u32 run);
void crew_announce(Crew *crew, u32 count);
void crew_finish(Crew *crew);

#endif
