#ifndef QUIRE_TESTS_SUPPORT_SIM_DISK_H
#define QUIRE_TESTS_SUPPORT_SIM_DISK_H
// The disk of the simulated computer: names, contents, and what a power cut leaves of them.

#include "base/prng.h"
#include "base/types.h"

typedef struct SimBytes {
    u8 *bytes;
    i64 size;
    i64 capacity; // bytes beyond `size` are zero
} SimBytes;

// A write or truncation since the last sync.
typedef struct SimChange {
    bool is_truncate;
    i64 offset; // of a truncation: the new size
    i64 size;
    u8 *bytes;
    i64 size_after; // of the file
} SimChange;

typedef struct SimNode {
    struct SimNode *next;
    SimBytes current; // what reads see
    SimBytes durable; // what is on the platter for sure
    SimChange *changes;
    u32 change_count, change_capacity;
    int open_count;
    void *shm; // sim.c's
} SimNode;

typedef struct SimName {
    struct SimName *next;
    char *text;
    SimNode *current; // NULL: deleted
    SimNode *durable; // NULL: not there after a power cut
} SimName;

typedef struct SimDisk {
    SimNode *nodes;
    SimName *names;
    int sector_size;
} SimDisk;

SimName *sim_disk_find(const SimDisk *disk, const char *text); // NULL when never heard of
SimNode *sim_disk_create(SimDisk *disk, const char *text);     // text NULL: nameless
void sim_disk_delete(SimDisk *disk, const char *text, bool durably);
void sim_disk_collect(SimDisk *disk); // frees what no name and no file refers to
void sim_disk_deinit(SimDisk *disk);
i64 sim_disk_used(const SimDisk *disk);

void sim_node_write(SimNode *node, const void *bytes, i64 size, i64 offset);
void sim_node_truncate(SimNode *node, i64 size);
void sim_node_sync(SimDisk *disk, SimNode *node); // its name, too

void sim_disk_power_cut(SimDisk *disk, Prng *prng);

#endif
