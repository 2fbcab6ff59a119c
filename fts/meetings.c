// Rows that two terms share. See meetings.h.
#include "fts/meetings.h"

#include "fts/poslist.h"

static u32 count_below(const PostingsBlock *block, i64 limit)
{
    u32 count = block->count;
    while (count > block->next && block->rowids[count - 1] >= limit)
        count--;
    return count;
}

u32 docs_pass_block(Docs *docs, i64 last)
{
    ASSERT(docs->counts == NULL);

    const PostingsBlock *block = docs_source(docs)->block;
    i64 limit = docs->limit;
    if (last < INT64_MAX && last + 1 < limit)
        limit = last + 1;
    if (block == NULL || docs->rowid >= limit)
        return 0;
    u32 end = count_below(block, limit);
    u32 passed = end - block->next;
    if (passed > 0)
        docs_take_at(docs, end - 1);
    return passed;
}

// Without branches that depend on the rows: which list goes on is as good as random.
static void merge_blocks(const PostingsBlock *left, const PostingsBlock *right, i64 limit,
                         Meetings *out)
{
    u32 i = left->next;
    u32 k = right->next;
    u32 count = 0;
    u32 left_count = count_below(left, limit);
    u32 right_count = count_below(right, limit);
    while (i < left_count && k < right_count) {
        i64 a = left->rowids[i];
        i64 b = right->rowids[k];
        out->left[count] = (u8)i;
        out->right[count] = (u8)k;
        count += a == b;
        i += a <= b;
        k += b <= a;
    }
    out->count = count;
    out->left_end = i;
    out->right_end = k;
}

bool meetings_find(const Docs *left, const Docs *right, i64 last, Meetings *out)
{
    const PostingsBlock *a = docs_source(left)->block;
    const PostingsBlock *b = docs_source(right)->block;
    i64 limit = left->limit < right->limit ? left->limit : right->limit;
    if (last < INT64_MAX && last + 1 < limit)
        limit = last + 1;
    if (a == NULL || b == NULL || left->rowid >= limit || right->rowid >= limit)
        return false;
    merge_blocks(a, b, limit, out);
    ASSERT(out->left_end <= a->count && out->right_end <= b->count);
    return true;
}

void docs_take_at(Docs *docs, u32 i)
{
    Postings *p = &docs->sources[docs->current];
    ASSERT(i < p->block->count);

    postings_take(p, i);
    docs_take(docs, p);
}

void meetings_pass(Docs *left, Docs *right, const Meetings *found)
{
    ASSERT(!left->is_end && !right->is_end);

    if (found->left_end > 0 && docs_rowid_at(left, found->left_end - 1) > left->rowid)
        docs_take_at(left, found->left_end - 1);
    if (found->right_end > 0 && docs_rowid_at(right, found->right_end - 1) > right->rowid)
        docs_take_at(right, found->right_end - 1);
}

bool pair_count(const Postings *left, u32 i, const Postings *right, u32 k, u32 *count)
{
    ASSERT(left->block->rowids[i] == right->block->rowids[k]);

    const u8 *left_bytes = left->page->bytes + left->block->at[i];
    const u8 *right_bytes = right->page->bytes + right->block->at[k];
    u32 left_size = left->block->sizes[i];
    u32 right_size = right->block->sizes[k];
    u64 left_offsets;
    u64 right_offsets;
    if (offset_bytes(left_bytes, left_size, &left_offsets)
        && offset_bytes(right_bytes, right_size, &right_offsets)) {
        *count = offset_bytes_follow(left_offsets, left_size, right_offsets);
        return true;
    }
    OffsetBits starts;
    OffsetBits bits;
    if (!offset_bits(left_bytes, left_size, &starts)
        || !offset_bits(right_bytes, right_size, &bits))
        return false;
    offset_bits_follow(&starts, bits, 1);
    *count = (starts.low | starts.high) == 0 ? 0 : offset_bits_count(starts);
    return true;
}
