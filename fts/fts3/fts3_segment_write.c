// Writing a segment: leaves as they fill, inner nodes behind them. See fts3_segment.h.
//
// Leaves go out at once. Inner nodes are kept until the end, level by level, because their blocks
// follow those of the level below; a node is cut where the next term would make it larger than the
// table's node size, and that term moves to the level above. What separates two leaves is the
// shortest head of the right one's first term that the left one's last does not have.
#include "fts/fts3/fts3_segment.h"

enum { LEVELS_MAX = 64, NODE_HEADER_MAX = 1 + FTS3_VARINT_MAX };

typedef struct InnerNode {
    struct InnerNode *next;
    i64 first_child; // counted from the first node of the level below
    FtsBuffer terms;
} InnerNode;

typedef struct InnerLevel {
    InnerNode *first;
    InnerNode *last;
    FtsBuffer last_term; // of the last node
    i64 child_count;     // of all nodes of the level
    i64 node_count;
} InnerLevel;

struct Fts3Writer {
    Fts3Table *table;
    i64 first_block; // of leaves; 0: none is written
    i64 next_block;
    i64 leaf_bytes;
    bool has_terms;
    FtsBuffer leaf;
    FtsBuffer last_term;
    int level_count;
    InnerLevel levels[LEVELS_MAX]; // from the one above the leaves
};

u32 fts3_shared_size(const FtsBuffer *a, const FtsBuffer *b)
{
    u32 limit = a->size < b->size ? a->size : b->size;
    u32 shared = 0;
    while (shared < limit && a->bytes[shared] == b->bytes[shared])
        shared++;
    ASSERT(shared <= a->size && shared <= b->size);
    return shared;
}

u32 fts3_entry_size(bool is_first, u32 shared, u32 term_size, const u32 *doclist_size)
{
    ASSERT(shared <= term_size);

    u32 rest = is_first ? term_size : term_size - shared;
    u32 size = (u32)fts3_varint_size(rest) + rest;
    if (!is_first)
        size += (u32)fts3_varint_size(shared);
    if (doclist_size != NULL)
        size += (u32)fts3_varint_size(*doclist_size) + *doclist_size;
    return size;
}

void fts3_entry_append(FtsBuffer *node, bool is_first, u32 shared, const FtsBuffer *term,
                       const u8 *doclist, u32 doclist_size)
{
    ASSERT(shared <= term->size);

    if (is_first)
        shared = 0;
    else
        fts3_buffer_append_varint(node, shared);
    fts3_buffer_append_varint(node, term->size - shared);
    fts_buffer_append(node, term->bytes + shared, term->size - shared);
    if (doclist != NULL) {
        fts3_buffer_append_varint(node, doclist_size);
        fts_buffer_append(node, doclist, doclist_size);
    }
}

int fts3_writer_new(Fts3Table *table, Fts3Writer **out)
{
    ASSERT(table->node_size > 0);

    Fts3Writer *writer = fts_zalloc(sizeof *writer);
    if (writer == NULL)
        return SQLITE_NOMEM;
    writer->table = table;
    *out = writer;
    return SQLITE_OK;
}

static void free_level(InnerLevel *level)
{
    while (level->first != NULL) {
        InnerNode *next = level->first->next;
        fts_buffer_deinit(&level->first->terms);
        sqlite3_free(level->first);
        level->first = next;
    }
    fts_buffer_deinit(&level->last_term);
}

void fts3_writer_free(Fts3Writer *writer)
{
    if (writer == NULL)
        return;
    ASSERT(writer->level_count <= LEVELS_MAX);
    for (int i = 0; i < writer->level_count; i++)
        free_level(&writer->levels[i]);
    fts_buffer_deinit(&writer->leaf);
    fts_buffer_deinit(&writer->last_term);
    sqlite3_free(writer);
}

// --- inner nodes ---

static int add_node(InnerLevel *level, i64 first_child)
{
    InnerNode *node = fts_zalloc(sizeof *node);
    if (node == NULL)
        return SQLITE_NOMEM;
    node->first_child = first_child;
    if (level->last == NULL)
        level->first = node;
    else
        level->last->next = node;
    level->last = node;
    level->node_count++;
    level->child_count++;
    level->last_term.size = 0;
    ASSERT(level->node_count <= level->child_count);
    return SQLITE_OK;
}

// Adds a child to the level, and the term that stands before it.
static int add_child(Fts3Writer *writer, int at, const FtsBuffer *term)
{
    if (at >= LEVELS_MAX)
        return SQLITE_FULL;
    InnerLevel *level = &writer->levels[at];
    if (at == writer->level_count) {
        writer->level_count++;
        TRY(add_node(level, 0));
    }
    FtsBuffer *terms = &level->last->terms;
    bool is_first = terms->size == 0;
    u32 shared = fts3_shared_size(&level->last_term, term);
    u32 size = NODE_HEADER_MAX + terms->size + fts3_entry_size(is_first, shared, term->size, NULL);
    if (!is_first && size > writer->table->node_size) {
        TRY(add_child(writer, at + 1, term));
        return add_node(level, level->child_count);
    }
    ASSERT(term->size > 0);
    fts3_entry_append(terms, is_first, shared, term, NULL, 0);
    fts_buffer_set(&level->last_term, term->bytes, term->size);
    level->child_count++;
    return terms->rc != SQLITE_OK ? terms->rc : level->last_term.rc;
}

static void node_bytes(const InnerNode *node, int height, i64 below, FtsBuffer *out)
{
    ASSERT(height > 0);
    fts_buffer_clear(out);
    fts3_buffer_append_varint(out, (u64)height);
    fts3_buffer_append_varint(out, (u64)(below + node->first_child));
    fts_buffer_append(out, node->terms.bytes, node->terms.size);
}

// Writes all inner nodes but the topmost, which becomes the root.
static int write_inner(Fts3Writer *writer, FtsBuffer *root)
{
    i64 below = writer->first_block;
    for (int i = 0; i < writer->level_count; i++) {
        InnerLevel *level = &writer->levels[i];
        i64 first = writer->next_block;
        bool is_root = i == writer->level_count - 1;
        ASSERT(!is_root || level->node_count == 1);
        for (const InnerNode *node = level->first; node != NULL; node = node->next) {
            node_bytes(node, i + 1, below, root);
            if (!is_root)
                TRY(fts3_block_write(writer->table, writer->next_block++, root));
        }
        below = first;
    }
    return root->rc;
}

// --- leaves ---

static int write_leaf(Fts3Writer *writer)
{
    ASSERT(writer->leaf.size > 0);

    if (writer->first_block == 0) {
        TRY(fts3_block_next(writer->table, &writer->first_block));
        writer->next_block = writer->first_block;
    }
    writer->leaf_bytes += writer->leaf.size;
    writer->table->leaves_written++;
    TRY(fts3_block_write(writer->table, writer->next_block++, &writer->leaf));
    fts_buffer_clear(&writer->leaf);
    return SQLITE_OK;
}

static int cut_leaf(Fts3Writer *writer, const FtsBuffer *term, u32 shared)
{
    ASSERT(shared < term->size);

    TRY(write_leaf(writer));
    FtsBuffer separator = {0};
    fts_buffer_set(&separator, term->bytes, shared + 1);
    int rc = separator.rc != SQLITE_OK ? separator.rc : add_child(writer, 0, &separator);
    fts_buffer_deinit(&separator);
    return rc;
}

int fts3_writer_add(Fts3Writer *writer, const FtsBuffer *term, const u8 *doclist, u32 doclist_size)
{
    bool is_first = writer->leaf.size == 0;
    u32 shared = fts3_shared_size(&writer->last_term, term);
    bool ascends =
        fts_bytes_compare(writer->last_term.bytes, writer->last_term.size, term->bytes, term->size)
        < 0;
    if (!ascends || shared >= term->size)
        return FTS_CORRUPT; // terms come from segments
    if (!is_first) {
        u32 size = fts3_entry_size(false, shared, term->size, &doclist_size);
        if (writer->leaf.size + (u64)size > writer->table->node_size) {
            TRY(cut_leaf(writer, term, shared));
            is_first = true;
        }
    }
    if (is_first)
        fts_buffer_append_byte(&writer->leaf, 0);
    fts3_entry_append(&writer->leaf, is_first, shared, term, doclist, doclist_size);
    fts_buffer_set(&writer->last_term, term->bytes, term->size);
    writer->has_terms = true;
    ASSERT(writer->leaf.rc != SQLITE_OK || writer->leaf.size > 1);
    return writer->leaf.rc != SQLITE_OK ? writer->leaf.rc : writer->last_term.rc;
}

int fts3_writer_finish(Fts3Writer *writer, i64 level, i64 index, i64 *leaf_bytes)
{
    ASSERT(level >= 0);

    *leaf_bytes = 0;
    if (!writer->has_terms)
        return SQLITE_OK;
    Fts3Segment segment = {.level = level, .index = index};
    int rc = SQLITE_OK;
    if (writer->first_block == 0) {
        segment.leaf_bytes = writer->leaf.size;
        fts_buffer_set(&segment.root, writer->leaf.bytes, writer->leaf.size);
        writer->table->leaves_written++;
    } else {
        rc = write_leaf(writer);
        segment.start = writer->first_block;
        segment.leaves_end = writer->next_block - 1;
        segment.leaf_bytes = writer->leaf_bytes;
        if (rc == SQLITE_OK)
            rc = write_inner(writer, &segment.root);
        segment.end = writer->next_block - 1;
    }
    if (rc == SQLITE_OK)
        rc = fts3_segment_insert(writer->table, &segment);
    *leaf_bytes = segment.leaf_bytes;
    fts_buffer_deinit(&segment.root);
    return rc;
}
