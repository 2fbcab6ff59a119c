// A segment that grows over several transactions. See fts3_step_writer.h.
#include "fts/fts3/fts3_step_writer.h"

enum { LEAF_ROOM_MAX = 1 << 24 };

void fts3_step_deinit(Fts3StepWriter *writer)
{
    ASSERT(writer != NULL);
    for (int i = 0; i < FTS3_LAYERS; i++) {
        fts_buffer_deinit(&writer->layers[i].node);
        fts_buffer_deinit(&writer->layers[i].last_term);
    }
}

static void set_blocks(Fts3StepWriter *writer)
{
    for (int i = 0; i < FTS3_LAYERS; i++)
        writer->layers[i].block = writer->start + writer->leaf_room * i;
    ASSERT(writer->layers[FTS3_LAYERS - 1].block <= writer->end);
}

int fts3_step_begin(Fts3StepWriter *writer, Fts3Table *table, i64 leaf_count)
{
    ASSERT(table != NULL);
    *writer = (Fts3StepWriter){.table = table, .leaf_room = leaf_count};
    if (leaf_count <= 0 || leaf_count > LEAF_ROOM_MAX)
        return FTS_CORRUPT; // so many leaves nobody has written
    TRY(fts3_block_next(table, &writer->start));
    if (writer->start <= 0 || writer->start > INT64_MAX / 2)
        return SQLITE_FULL;
    writer->end = writer->start + leaf_count * FTS3_LAYERS - 1;
    set_blocks(writer);
    // A block at the end keeps others from taking what is set aside.
    FtsBuffer nothing = {0};
    return fts3_block_write(table, writer->end, &nothing);
}

// --- going on ---

// Term and child that come last in a padded node.
static int find_last(const FtsBuffer *node, bool is_leaf, FtsBuffer *last_term, i64 *child)
{
    u32 height;
    u64 left = 0;
    u32 at = (u32)fts3_varint_get_u32(node->bytes, &height);
    if (!is_leaf)
        at += (u32)fts3_varint_get(node->bytes + at, &left);
    if (at > node->size || (height == 0) != is_leaf)
        return FTS_CORRUPT;
    last_term->size = 0;
    *child = (i64)left;
    for (bool is_first = true; at < node->size; is_first = false) {
        Fts3Entry entry;
        TRY(fts3_entry_read(node, &at, is_first, is_leaf, &entry));
        TRY(fts3_entry_term(&entry, last_term));
        ++*child;
    }
    ASSERT(last_term->rc == SQLITE_OK);
    return SQLITE_OK;
}

// Opens the last node of a layer and of those below; `layer->node` is the topmost one's.
static int open_layers(Fts3StepWriter *writer, int top)
{
    for (int i = top; i >= 0; i--) {
        Fts3Layer *layer = &writer->layers[i];
        i64 child;
        fts_buffer_pad(&layer->node);
        TRY(layer->node.rc);
        TRY(find_last(&layer->node, i == 0, &layer->last_term, &child));
        if (i == 0)
            break;
        Fts3Layer *below = &writer->layers[i - 1];
        if (child < below->block || child >= below->block + writer->leaf_room)
            return FTS_CORRUPT;
        below->block = child;
        TRY(fts3_block_read(writer->table, child, &below->node));
    }
    ASSERT(top > 0);
    return SQLITE_OK;
}

int fts3_step_resume(Fts3StepWriter *writer, Fts3Table *table, const Fts3Segment *segment)
{
    ASSERT(segment->leaf_bytes < 0);
    *writer = (Fts3StepWriter){.table = table,
                               .level = segment->level,
                               .index = segment->index,
                               .start = segment->start,
                               .end = segment->end,
                               .leaf_bytes = -segment->leaf_bytes};
    u32 height;
    fts3_varint_get_u32(segment->root.bytes, &height);
    writer->leaf_room = (segment->end - segment->start + 1) / FTS3_LAYERS;
    if (segment->start <= 0 || writer->leaf_room <= 0 || height == 0 || height >= FTS3_LAYERS
        || segment->leaves_end >= segment->start + writer->leaf_room)
        return FTS_CORRUPT;
    set_blocks(writer);
    fts_buffer_set(&writer->layers[height].node, segment->root.bytes, segment->root.size);
    return open_layers(writer, (int)height);
}

// --- growing ---

static bool has_room(const Fts3StepWriter *writer, int at)
{
    ASSERT(at < FTS3_LAYERS);
    return writer->layers[at].block + 1 < writer->start + writer->leaf_room * (at + 1);
}

bool fts3_step_has_room(const Fts3StepWriter *writer)
{
    ASSERT(writer->leaf_room > 0);
    return has_room(writer, 0);
}

static void open_inner(Fts3Layer *layer, int height, i64 child)
{
    ASSERT(height > 0 && height < FTS3_LAYERS);
    fts_buffer_clear(&layer->node);
    fts3_buffer_append_varint(&layer->node, (u64)height);
    fts3_buffer_append_varint(&layer->node, (u64)child);
    layer->last_term.size = 0;
}

// The node `child` of the layer below is full, and `term` separates it from the next.
static int add_separator(Fts3StepWriter *writer, int at, const FtsBuffer *term, i64 child)
{
    for (; at < FTS3_LAYERS; at++) {
        Fts3Layer *layer = &writer->layers[at];
        if (layer->node.size == 0)
            open_inner(layer, at, child);
        bool is_first = layer->last_term.size == 0;
        u32 shared = fts3_shared_size(&layer->last_term, term);
        // A first term is measured as if something stood before it.
        u32 size = layer->node.size + fts3_entry_size(false, shared, term->size, NULL);
        if (is_first || size <= writer->table->node_size) {
            fts3_entry_append(&layer->node, is_first, shared, term, NULL, 0);
            fts_buffer_set(&layer->last_term, term->bytes, term->size);
            return layer->node.rc != SQLITE_OK ? layer->node.rc : layer->last_term.rc;
        }
        if (!has_room(writer, at))
            return SQLITE_FULL;
        TRY(fts3_block_write(writer->table, layer->block, &layer->node));
        open_inner(layer, at, child + 1);
        child = layer->block++;
    }
    ASSERT(at == FTS3_LAYERS);
    return SQLITE_FULL;
}

static int cut_leaf(Fts3StepWriter *writer, const FtsBuffer *term, u32 shared)
{
    Fts3Layer *leaf = &writer->layers[0];
    FtsBuffer separator = {0};
    ASSERT(shared < term->size);
    fts_buffer_set(&separator, term->bytes, shared + 1);
    int rc = separator.rc;
    if (rc == SQLITE_OK)
        rc = fts3_block_write(writer->table, leaf->block, &leaf->node);
    if (rc == SQLITE_OK)
        rc = add_separator(writer, 1, &separator, leaf->block);
    fts_buffer_deinit(&separator);
    fts_buffer_clear(&leaf->node);
    leaf->last_term.size = 0;
    leaf->block++;
    writer->pages++;
    return rc;
}

int fts3_step_add(Fts3StepWriter *writer, const FtsBuffer *term, const u8 *doclist,
                  u32 doclist_size)
{
    Fts3Layer *leaf = &writer->layers[0];
    u32 shared = fts3_shared_size(&leaf->last_term, term);
    if (shared >= term->size)
        return FTS_CORRUPT; // terms come from segments
    u32 size = fts3_entry_size(false, shared, term->size, &doclist_size);
    if (leaf->node.size > 0 && leaf->node.size + (u64)size > writer->table->node_size) {
        TRY(cut_leaf(writer, term, shared));
        shared = 0;
    }
    bool is_first = leaf->node.size == 0;
    u32 before = leaf->node.size;
    if (is_first)
        fts_buffer_append_byte(&leaf->node, 0);
    fts3_entry_append(&leaf->node, is_first, shared, term, doclist, doclist_size);
    fts_buffer_set(&leaf->last_term, term->bytes, term->size);
    writer->leaf_bytes += leaf->node.size - before;
    ASSERT(leaf->node.size > before || leaf->node.rc != SQLITE_OK);
    return leaf->node.rc != SQLITE_OK ? leaf->node.rc : leaf->last_term.rc;
}

// --- ending ---

int fts3_step_end(Fts3StepWriter *writer, bool is_finished)
{
    int top = FTS3_LAYERS - 1;
    while (top > 0 && writer->layers[top].node.size == 0)
        top--;
    if (top == 0 && writer->layers[0].node.size == 0)
        return SQLITE_OK; // nothing came
    if (top == 0)         // a single leaf is a block, too, and has a root above it
        open_inner(&writer->layers[++top], 1, writer->layers[0].block);
    ASSERT(top < FTS3_LAYERS);
    for (int i = 0; i < top; i++)
        TRY(fts3_block_write(writer->table, writer->layers[i].block, &writer->layers[i].node));
    Fts3Segment segment = {.level = writer->level,
                           .index = writer->index,
                           .start = writer->start,
                           .leaves_end = writer->layers[0].block,
                           .end = writer->end,
                           .leaf_bytes = is_finished ? writer->leaf_bytes : -writer->leaf_bytes,
                           .root = writer->layers[top].node};
    return fts3_segment_insert(writer->table, &segment);
}
