#ifndef QUIRE_TESTS_SUPPORT_SIM_H
#define QUIRE_TESTS_SUPPORT_SIM_H
// A simulated computer: a disk that loses and tears what was not synced, processes that can be
// killed, calls that can be made to fail, and a clock that stands still. Everything follows from a
// seed.
//
// What survives a crash. A file has a durable content and, on top, the writes since its last sync.
// At a power cut every sector keeps some first part of the writes that touched it (sectors are
// independent, so later writes may survive where earlier ones are lost), the next one may be torn
// or garbage within its own bytes, and the file's size is any it had since the sync. Creating and
// deleting a name is durable once the deletion asked for it, or a new file was synced, which syncs
// the directory; otherwise the seed decides.
//
//     Sim *sim = sim_new(42);
//     sim_crash_at(sim, 100);                 // the 100th call from now and all after it fail
//     ... run something on sim_vfs(sim, 0) until it fails, close it ...
//     sim_reboot(sim);                        // the disk is now what survived
//     ... open again, check ...
//     sim_free(sim);
//
// Thread rule: calls through the VFSes may come from any thread; sim_*() only while none does.

#include "base/types.h"
#include "sqlite3.h"

typedef struct Sim Sim;

typedef enum SimCall {
    SIM_OPEN,
    SIM_DELETE,
    SIM_ACCESS,
    SIM_READ,
    SIM_WRITE,
    SIM_TRUNCATE,
    SIM_SYNC,
    SIM_SIZE,
    SIM_LOCK,
    SIM_UNLOCK,
    SIM_SHM_MAP,
    SIM_SHM_LOCK,
    SIM_ANY, // all of the above together
} SimCall;
enum { SIM_CALL_KINDS = SIM_ANY + 1, SIM_PROCESS_COUNT = 4 };

Sim *sim_new(u64 seed);
void sim_free(Sim *sim); // also unregisters its VFSes; every file must be closed

// The VFS of simulated process 0..SIM_PROCESS_COUNT-1, registered as "sim-<process>" for the life
// of the Sim (so one Sim at a time is found by name). Processes share the disk, locks and
// wal-indexes.
sqlite3_vfs *sim_vfs(Sim *sim, int process);

// --- what goes wrong ---

// The n-th call from now (1: the next) and every one after it fail, as if the power were gone. 0:
// never.
void sim_crash_at(Sim *sim, u64 n);
bool sim_crashed(const Sim *sim);
// Cuts the power if it is still on, then starts anew with what survived. Files that are still open
// stay dead: they only can be closed. Pending faults are forgotten.
void sim_reboot(Sim *sim);
// kill -9: the process's files are dead, its locks gone; what it wrote stays in the system's cache.
void sim_kill(Sim *sim, int process);

// Call number n of that kind from now fails, with `persist` every one after it too. The code is the
// kind's own (SQLITE_IOERR_READ, ...). n == 0 forgets the fault.
void sim_fail(Sim *sim, SimCall kind, u64 n, bool persist);
// The same with another code: SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR_SHORT_READ, ...
void sim_fail_with(Sim *sim, SimCall kind, u64 n, bool persist, int rc);
u64 sim_failures(const Sim *sim); // faults that struck since sim_new
u64 sim_calls(const Sim *sim, SimCall kind);

void sim_set_disk_size(Sim *sim, i64 bytes);      // SQLITE_FULL beyond; negative: no limit
void sim_set_sector_size(Sim *sim, int bytes);    // 512..65536; 4096 at first
void sim_set_characteristics(Sim *sim, int bits); // SQLITE_IOCAP_POWERSAFE_OVERWRITE at first

// --- the clock ---

void sim_advance_ms(Sim *sim, i64 ms); // sleeping advances it too

// --- the disk from outside: as the system's cache has it ---

bool sim_exists(const Sim *sim, const char *name);
i64 sim_file_size(const Sim *sim, const char *name); // -1 when there is none
// Copies from or to a real file, so that other programs may look. False when either is missing.
bool sim_dump(const Sim *sim, const char *name, const char *real_path);
bool sim_load(Sim *sim, const char *name, const char *real_path); // durable at once
void sim_remove(Sim *sim, const char *name);                      // durable at once
// A hash of all names and contents, to compare runs by.
u64 sim_fingerprint(const Sim *sim);

#endif
