// Contents of the simulated disk. Memory comes from libc, out of reach of the engine's injected
// allocation failures.
#include "support/sim_disk.h"
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

// --- bytes ---

static void bytes_reserve(SimBytes *bytes, i64 size)
{
    if (size <= bytes->capacity)
        return;
    i64 capacity = size * 2;
    bytes->bytes = must(realloc(bytes->bytes, (size_t)capacity));
    memset(bytes->bytes + bytes->capacity, 0, (size_t)(capacity - bytes->capacity));
    bytes->capacity = capacity;
}

static void bytes_write(SimBytes *bytes, const void *source, i64 size, i64 offset)
{
    bytes_reserve(bytes, offset + size);
    memcpy(bytes->bytes + offset, source, (size_t)size);
    if (bytes->size < offset + size)
        bytes->size = offset + size;
}

static void bytes_resize(SimBytes *bytes, i64 size)
{
    if (size > bytes->size)
        bytes_reserve(bytes, size);
    else if (size < bytes->size)
        memset(bytes->bytes + size, 0, (size_t)(bytes->size - size));
    bytes->size = size;
}

static void bytes_copy(SimBytes *target, const SimBytes *source)
{
    bytes_resize(target, 0);
    if (source->size > 0)
        bytes_write(target, source->bytes, source->size, 0);
}

// --- nodes ---

static void changes_clear(SimNode *node)
{
    for (u32 i = 0; i < node->change_count; i++)
        free(node->changes[i].bytes);
    node->change_count = 0;
}

static SimChange *change_add(SimNode *node)
{
    if (node->change_count == node->change_capacity) {
        node->change_capacity = node->change_capacity * 2 + 8;
        node->changes = must(realloc(node->changes, node->change_capacity * sizeof *node->changes));
    }
    SimChange *change = &node->changes[node->change_count++];
    memset(change, 0, sizeof *change);
    return change;
}

void sim_node_write(SimNode *node, const void *bytes, i64 size, i64 offset)
{
    bytes_write(&node->current, bytes, size, offset);
    SimChange *change = change_add(node);
    change->offset = offset;
    change->size = size;
    change->bytes = must(malloc((size_t)size + 1));
    memcpy(change->bytes, bytes, (size_t)size);
    change->size_after = node->current.size;
}

void sim_node_truncate(SimNode *node, i64 size)
{
    if (size == node->current.size)
        return;
    bytes_resize(&node->current, size);
    SimChange *change = change_add(node);
    change->is_truncate = true;
    change->offset = size;
    change->size_after = size;
}

void sim_node_sync(SimDisk *disk, SimNode *node)
{
    for (u32 i = 0; i < node->change_count; i++) {
        const SimChange *change = &node->changes[i];
        if (change->is_truncate)
            bytes_resize(&node->durable, change->offset);
        else
            bytes_write(&node->durable, change->bytes, change->size, change->offset);
    }
    changes_clear(node);
    bool is_new = false;
    for (SimName *name = disk->names; name != NULL; name = name->next)
        is_new |= name->current == node && name->durable != node;
    // A new file's first sync is one of its directory too, and that knows of every name in it.
    for (SimName *name = disk->names; is_new && name != NULL; name = name->next)
        name->durable = name->current;
}

static void node_free(SimNode *node)
{
    changes_clear(node);
    free(node->changes);
    free(node->current.bytes);
    free(node->durable.bytes);
    free(node);
}

// --- names ---

SimName *sim_disk_find(const SimDisk *disk, const char *text)
{
    SimName *name = disk->names;
    while (name != NULL && strcmp(name->text, text) != 0)
        name = name->next;
    return name;
}

SimNode *sim_disk_create(SimDisk *disk, const char *text)
{
    SimNode *node = must(calloc(1, sizeof *node));
    node->next = disk->nodes;
    disk->nodes = node;
    if (text == NULL)
        return node;
    SimName *name = sim_disk_find(disk, text);
    if (name == NULL) {
        name = must(calloc(1, sizeof *name));
        name->text = must(strdup(text));
        name->next = disk->names;
        disk->names = name;
    }
    name->current = node;
    return node;
}

void sim_disk_delete(SimDisk *disk, const char *text, bool durably)
{
    SimName *name = sim_disk_find(disk, text);
    if (name == NULL)
        return;
    name->current = NULL;
    if (durably)
        name->durable = NULL;
    sim_disk_collect(disk);
}

static bool node_is_named(const SimDisk *disk, const SimNode *node)
{
    const SimName *name = disk->names;
    while (name != NULL && name->current != node && name->durable != node)
        name = name->next;
    return name != NULL;
}

void sim_disk_collect(SimDisk *disk)
{
    SimNode **link = &disk->nodes;
    while (*link != NULL) {
        SimNode *node = *link;
        if (node->open_count > 0 || node_is_named(disk, node)) {
            link = &node->next;
            continue;
        }
        *link = node->next;
        node_free(node);
    }
}

void sim_disk_deinit(SimDisk *disk)
{
    while (disk->nodes != NULL) {
        SimNode *node = disk->nodes;
        disk->nodes = node->next;
        node_free(node);
    }
    while (disk->names != NULL) {
        SimName *name = disk->names;
        disk->names = name->next;
        free(name->text);
        free(name);
    }
}

i64 sim_disk_used(const SimDisk *disk)
{
    i64 used = 0;
    for (const SimNode *node = disk->nodes; node != NULL; node = node->next)
        used += node->current.size;
    return used;
}

// --- the power cut ---

// Applies bytes[0..size) of a change at `offset`, as far as they lie in sector `sector`.
static void apply_in_sector(SimBytes *out, const u8 *bytes, i64 size, i64 offset, i64 sector,
                            int sector_size)
{
    i64 first = sector * sector_size;
    i64 end = first + sector_size;
    if (offset > first)
        first = offset;
    if (offset + size < end)
        end = offset + size;
    if (first >= end)
        return;
    if (bytes == NULL)
        memset(out->bytes + first, 0, (size_t)(end - first));
    else
        memcpy(out->bytes + first, bytes + (first - offset), (size_t)(end - first));
}

// The write the power cut interrupted: a first part of it, or garbage over its range.
static void apply_torn(SimBytes *out, const SimChange *change, i64 sector, int sector_size,
                       Prng *prng)
{
    if (change->is_truncate || change->size == 0)
        return;
    u8 *torn = must(malloc((size_t)change->size));
    memcpy(torn, change->bytes, (size_t)change->size);
    i64 kept = (i64)prng_below(prng, (u64)change->size);
    if (prng_below(prng, 2) == 0) {
        prng_bytes(prng, torn + kept, (size_t)(change->size - kept));
        kept = change->size;
    }
    apply_in_sector(out, torn, kept, change->offset, sector, sector_size);
    free(torn);
}

// `torn` is NULL unless the first change that was lost left something behind.
static void apply_to_sector(SimBytes *out, const SimNode *node, i64 sector, int sector_size,
                            u32 kept, Prng *torn)
{
    for (u32 i = 0; i < node->change_count && i <= kept; i++) {
        const SimChange *change = &node->changes[i];
        i64 size = change->is_truncate ? out->size - change->offset : change->size;
        if (i < kept)
            apply_in_sector(out, change->bytes, size, change->offset, sector, sector_size);
        else if (torn != NULL)
            apply_torn(out, change, sector, sector_size, torn);
    }
}

// How many of a file's changes a sector kept: for most files none, all, or any number.
static u32 choose_kept(u32 count, u64 mode, Prng *prng)
{
    if (mode == 0)
        return 0;
    if (mode == 1)
        return count;
    return (u32)prng_below(prng, count + 1);
}

// A truncation is one change of the file's metadata: it has happened for all sectors or for none.
// The range of changes that a sector may have kept when the size kept the first `size_kept`.
static void truncation_bounds(const SimNode *node, u32 size_kept, u32 *low, u32 *high)
{
    *low = 0;
    *high = node->change_count;
    for (u32 i = 0; i < node->change_count; i++) {
        if (!node->changes[i].is_truncate)
            continue;
        if (i < size_kept)
            *low = i + 1;
        else if (*high == node->change_count)
            *high = i;
    }
}

static void node_power_cut(SimNode *node, int sector_size, Prng *prng)
{
    u32 count = node->change_count;
    if (count > 0) {
        u64 mode = prng_below(prng, 4);
        i64 size_max = node->durable.size;
        for (u32 i = 0; i < count; i++) {
            if (node->changes[i].size_after > size_max)
                size_max = node->changes[i].size_after;
        }
        bytes_resize(&node->durable, node->durable.size);
        u32 size_kept = choose_kept(count, mode, prng);
        i64 size = size_kept == 0 ? node->durable.size : node->changes[size_kept - 1].size_after;
        bytes_resize(&node->durable, size_max);
        u32 low;
        u32 high;
        truncation_bounds(node, size_kept, &low, &high);
        for (i64 sector = 0; sector * sector_size < size_max; sector++) {
            u32 kept = choose_kept(count, mode, prng);
            kept = kept < low ? low : kept > high ? high : kept;
            bool is_torn = mode > 1 && prng_below(prng, 8) == 0;
            apply_to_sector(&node->durable, node, sector, sector_size, kept, is_torn ? prng : NULL);
        }
        bytes_resize(&node->durable, size);
    }
    changes_clear(node);
    bytes_copy(&node->current, &node->durable);
}

void sim_disk_power_cut(SimDisk *disk, Prng *prng)
{
    for (SimName *name = disk->names; name != NULL; name = name->next) {
        if (name->current != name->durable && prng_below(prng, 2) == 0)
            name->durable = name->current;
        name->current = name->durable;
    }
    for (SimNode *node = disk->nodes; node != NULL; node = node->next)
        node_power_cut(node, disk->sector_size, prng);
    sim_disk_collect(disk);
}
