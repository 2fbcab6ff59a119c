// The state of an index: one row of its meta table, little-endian.
//
//      0  u32 format, 1           4  u32 dims         8  u32 rows per block   12  u32 next list
//     16  u32 list count         20  u32 is stale    24  u64 seed             32  u64 generation
//     40  i64 row count          48  i64 skipped     56  i64 greatest rowid
//     64  f32 * 8 misses         96  f32 mean number of lists probed
//    100  i64 strays            108  end
//
// It is read anew by every query, so that what other connections did is seen.
#include "vector/index/vector_index.h"

enum { STATE_FORMAT = 1, STATE_SIZE = 108, KEY_STATE = 1, TRIGGER_COUNT = 3 };

static void put(u8 *at, const void *value, size_t size)
{
    memcpy(at, value, size); // the formats are little-endian, as all supported processors are
}

static u32 get_u32(const u8 *at)
{
    u32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static u64 get_u64(const u8 *at)
{
    u64 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool state_is_sound(const IndexState *state)
{
    if (state->dims > 65536 || state->row_count < 0)
        return false;
    if (state->dims == 0)
        return state->list_count == 0;
    if (state->list_count > 0 && state->list_count >= state->next_list)
        return false;
    u32 least = rows_per_block(state->width, 512);
    return state->rows_per_block >= least && state->rows_per_block <= UINT16_MAX;
}

static int state_decode(Index *index, const u8 *blob, size_t size)
{
    if (size != STATE_SIZE || get_u32(blob) != STATE_FORMAT)
        return index_corrupt(index, "its state is of an unknown format");
    IndexState state = {
        .dims = get_u32(blob + 4),
        .rows_per_block = get_u32(blob + 8),
        .next_list = get_u32(blob + 12),
        .list_count = get_u32(blob + 16),
        .is_stale = get_u32(blob + 20) != 0,
        .seed = get_u64(blob + 24),
        .generation = get_u64(blob + 32),
        .row_count = (i64)get_u64(blob + 40),
        .skipped = (i64)get_u64(blob + 48),
        .rowid_max = (i64)get_u64(blob + 56),
        .strays = (i64)get_u64(blob + 100),
    };
    memcpy(state.miss, blob + 64, sizeof state.miss);
    memcpy(&state.probe_mean, blob + 96, sizeof state.probe_mean);
    state.width = width_of_dims(state.dims);
    if (!state_is_sound(&state))
        return index_corrupt(index, "its state is out of range");
    index->state = state;
    return SQLITE_OK;
}

// The rotation follows from the state; making it is cheap, but not for every query.
static int match_rotation(Index *index, u64 seed_before)
{
    const IndexState *state = &index->state;
    if (state->width == 0)
        return SQLITE_OK;
    if (index->rotation.width == state->width && seed_before == state->seed)
        return SQLITE_OK;
    return rotation_init(&index->rotation, state->width, state->seed);
}

int state_read(Index *index)
{
    u8 *blob;
    size_t size;
    u64 seed_before = index->state.seed;
    TRY(store_meta_read(index, KEY_STATE, &blob, &size));
    int rc =
        blob == NULL ? index_corrupt(index, "it has no state") : state_decode(index, blob, size);
    sqlite3_free(blob);
    return rc == SQLITE_OK ? match_rotation(index, seed_before) : rc;
}

int state_write(Index *index)
{
    const IndexState *state = &index->state;
    ASSERT(state->row_count >= 0);

    u8 blob[STATE_SIZE];
    u32 format = STATE_FORMAT;
    u32 is_stale = state->is_stale;
    put(blob, &format, 4);
    put(blob + 4, &state->dims, 4);
    put(blob + 8, &state->rows_per_block, 4);
    put(blob + 12, &state->next_list, 4);
    put(blob + 16, &state->list_count, 4);
    put(blob + 20, &is_stale, 4);
    put(blob + 24, &state->seed, 8);
    put(blob + 32, &state->generation, 8);
    put(blob + 40, &state->row_count, 8);
    put(blob + 48, &state->skipped, 8);
    put(blob + 56, &state->rowid_max, 8);
    put(blob + 64, state->miss, sizeof state->miss);
    put(blob + 96, &state->probe_mean, 4);
    put(blob + 100, &state->strays, 8);
    return store_meta_write(index, KEY_STATE, blob, sizeof blob);
}

u64 random_u64(void)
{
    u64 value;
    sqlite3_randomness((int)sizeof value, &value);
    return value;
}

static int page_size_of(Index *index, u32 *out)
{
    char *sql = sqlite3_mprintf("PRAGMA \"%w\".page_size", index->config.schema);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(index->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    *out = 4096;
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *out = (u32)sqlite3_column_int(stmt, 0);
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

int state_set_dims(Index *index, u32 dims)
{
    IndexState *state = &index->state;
    ASSERT(dims > 0 && state->list_count == 0);

    u32 page_size;
    TRY(page_size_of(index, &page_size));
    u64 seed_before = state->seed;
    state->dims = dims;
    state->width = width_of_dims(dims);
    state->rows_per_block = rows_per_block(state->width, page_size);
    return match_rotation(index, seed_before);
}

// --- changes behind the triggers' back ---

static bool trigger_is_ours(const Index *index, const char *name, const char *sql)
{
    size_t prefix = strlen(index->config.name);
    if (sqlite3_strnicmp(name, index->config.name, (int)prefix) != 0 || name[prefix] != '_')
        return false;
    const char *kind = name + prefix + 1;
    bool is_known = sqlite3_stricmp(kind, "insert") == 0 || sqlite3_stricmp(kind, "delete") == 0
                    || sqlite3_stricmp(kind, "update") == 0;
    return is_known && strstr(sql, "_queue") != NULL;
}

static int count_triggers(Index *index, int *count)
{
    sqlite3_stmt *stmt;
    *count = 0;
    TRY(store_statement(index, STORE_TRIGGERS_READ, &stmt));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *sql = (const char *)sqlite3_column_text(stmt, 1);
        if (name != NULL && sql != NULL)
            *count += trigger_is_ours(index, name, sql);
    }
    return sqlite3_reset(stmt);
}

int state_check_triggers(Index *index)
{
    i64 version;
    bool found;
    TRY(store_number(index, STORE_SCHEMA_VERSION, &version, &found));
    if (version == index->schema_version)
        return SQLITE_OK;
    int count;
    TRY(count_triggers(index, &count));
    index->triggers_ok = count == TRIGGER_COUNT;
    index->schema_version = version;
    return SQLITE_OK;
}
