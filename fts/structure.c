// The structure record. See structure.h.
#include "fts/structure.h"

static const u8 origin_mark[4] = {0xFF, 0x00, 0x00, 0x01};

void structure_deinit(FtsStructure *structure)
{
    for (int i = 0; i < structure->level_count; i++)
        sqlite3_free(structure->levels[i].segments);
    *structure = (FtsStructure){0};
}

static int grow_level(FtsLevel *level, int capacity)
{
    ASSERT(level->segment_count <= level->capacity);

    if (capacity <= level->capacity)
        return SQLITE_OK;
    FtsSegment *segments =
        sqlite3_realloc64(level->segments, sizeof(FtsSegment) * (u64)(capacity + 4));
    if (segments == NULL)
        return SQLITE_NOMEM;
    level->segments = segments;
    level->capacity = capacity + 4;
    return SQLITE_OK;
}

// --- decoding ---

typedef struct Reader {
    const u8 *at;
    const u8 *end;
    bool is_broken;
} Reader;

static u64 read_varint(Reader *reader)
{
    u64 value = 0;
    if (reader->at >= reader->end) {
        reader->is_broken = true;
        return 0;
    }
    reader->at += fts_varint_get(reader->at, &value);
    return value;
}

static u32 read_u32(Reader *reader)
{
    u64 value = read_varint(reader);
    if (value > 0x7FFFFFFF)
        reader->is_broken = true;
    return reader->is_broken ? 0 : (u32)value;
}

static void read_segment(Reader *reader, bool has_origins, FtsSegment *segment)
{
    *segment = (FtsSegment){0};
    segment->segid = read_u32(reader);
    segment->first_pgno = read_u32(reader);
    segment->last_pgno = read_u32(reader);
    if (has_origins) {
        segment->origin1 = read_varint(reader);
        segment->origin2 = read_varint(reader);
        segment->tombstone_pages = read_u32(reader);
        segment->tombstone_count = read_varint(reader);
        segment->entry_count = read_varint(reader);
    }
    if (segment->segid == 0 || segment->segid > 65535 || segment->last_pgno < segment->first_pgno)
        reader->is_broken = true;
}

static int read_level(Reader *reader, FtsStructure *structure, FtsLevel *level)
{
    level->merge_count = read_u32(reader);
    u32 count = read_u32(reader);
    if (reader->is_broken || count > SEGMENT_MAX || level->merge_count > count)
        return FTS_CORRUPT;
    TRY(grow_level(level, (int)count));
    for (u32 i = 0; i < count; i++) {
        read_segment(reader, structure->has_origins, &level->segments[i]);
        if (reader->is_broken)
            return FTS_CORRUPT;
        if (level->segments[i].origin2 > structure->origin)
            structure->origin = level->segments[i].origin2;
        level->segment_count++;
    }
    return SQLITE_OK;
}

int structure_decode(FtsStructure *structure, const u8 *bytes, u32 size)
{
    *structure = (FtsStructure){0};
    if (size < 7)
        return FTS_CORRUPT;
    Reader reader = {bytes + 4, bytes + size, false};
    structure->cookie = fts_u32_get(bytes);
    if (size >= 8 && memcmp(bytes + 4, origin_mark, sizeof origin_mark) == 0) {
        structure->has_origins = true;
        reader.at += 4;
    }
    u32 level_count = read_u32(&reader);
    u32 segment_count = read_u32(&reader);
    structure->write_counter = read_varint(&reader);
    if (reader.is_broken || level_count > LEVEL_MAX || segment_count > SEGMENT_MAX)
        return FTS_CORRUPT;
    int rc = SQLITE_OK;
    for (u32 i = 0; i < level_count && rc == SQLITE_OK; i++) {
        structure->level_count++;
        rc = read_level(&reader, structure, &structure->levels[i]);
    }
    structure->origin += structure->has_origins;
    if (rc == SQLITE_OK && structure_segment_count(structure) != (int)segment_count)
        rc = FTS_CORRUPT;
    // A merge has its output on the level above.
    for (int i = 0; i < structure->level_count && rc == SQLITE_OK; i++) {
        bool has_above =
            i + 1 < structure->level_count && structure->levels[i + 1].segment_count > 0;
        if (structure->levels[i].merge_count > 0 && !has_above)
            rc = FTS_CORRUPT;
    }
    if (rc != SQLITE_OK)
        structure_deinit(structure);
    return rc;
}

// --- encoding ---

static void encode_segment(const FtsSegment *segment, bool has_origins, FtsBuffer *out)
{
    fts_buffer_append_varint(out, segment->segid);
    fts_buffer_append_varint(out, segment->first_pgno);
    fts_buffer_append_varint(out, segment->last_pgno);
    if (!has_origins)
        return;
    fts_buffer_append_varint(out, segment->origin1);
    fts_buffer_append_varint(out, segment->origin2);
    fts_buffer_append_varint(out, segment->tombstone_pages);
    fts_buffer_append_varint(out, segment->tombstone_count);
    fts_buffer_append_varint(out, segment->entry_count);
}

void structure_encode(const FtsStructure *structure, FtsBuffer *out)
{
    ASSERT(structure->level_count <= LEVEL_MAX);

    fts_buffer_append_u32(out, structure->cookie);
    if (structure->has_origins)
        fts_buffer_append(out, origin_mark, sizeof origin_mark);
    fts_buffer_append_varint(out, (u64)structure->level_count);
    fts_buffer_append_varint(out, (u64)structure_segment_count(structure));
    fts_buffer_append_varint(out, structure->write_counter);
    for (int i = 0; i < structure->level_count; i++) {
        const FtsLevel *level = &structure->levels[i];
        fts_buffer_append_varint(out, level->merge_count);
        fts_buffer_append_varint(out, (u64)level->segment_count);
        for (int k = 0; k < level->segment_count; k++)
            encode_segment(&level->segments[k], structure->has_origins, out);
    }
}

// --- questions and changes ---

int structure_segment_count(const FtsStructure *structure)
{
    int count = 0;
    for (int i = 0; i < structure->level_count; i++)
        count += structure->levels[i].segment_count;
    return count;
}

u32 structure_free_segid(const FtsStructure *structure)
{
    u8 is_used[SEGMENT_MAX + 1] = {0};
    for (int i = 0; i < structure->level_count; i++) {
        for (int k = 0; k < structure->levels[i].segment_count; k++) {
            u32 segid = structure->levels[i].segments[k].segid;
            if (segid <= SEGMENT_MAX)
                is_used[segid] = 1;
        }
    }
    for (u32 segid = 1; segid <= SEGMENT_MAX; segid++) {
        if (!is_used[segid])
            return segid;
    }
    return 0;
}

int structure_add_segment(FtsStructure *structure, int level_number, FtsSegment **out)
{
    ASSERT(level_number <= structure->level_count);

    if (level_number >= LEVEL_MAX)
        return FTS_CORRUPT;
    if (level_number == structure->level_count)
        structure->level_count++;
    FtsLevel *level = &structure->levels[level_number];
    TRY(grow_level(level, level->segment_count + 1));
    *out = &level->segments[level->segment_count++];
    **out = (FtsSegment){0};
    return SQLITE_OK;
}

void structure_remove_segments(FtsStructure *structure, int level_number, int first, int count)
{
    FtsLevel *level = &structure->levels[level_number];
    ASSERT(first + count <= level->segment_count);

    memmove(level->segments + first, level->segments + first + count,
            sizeof(FtsSegment) * (size_t)(level->segment_count - first - count));
    level->segment_count -= count;
}

void structure_trim(FtsStructure *structure)
{
    while (structure->level_count > 0) {
        FtsLevel *top = &structure->levels[structure->level_count - 1];
        if (top->segment_count > 0)
            return;
        sqlite3_free(top->segments);
        *top = (FtsLevel){0};
        structure->level_count--;
    }
}
