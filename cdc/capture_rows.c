// Rows on their way into the table of a connection's capture.
//
// A record is written before the row changes, so that it stands before those of the triggers which
// the change fires. An ordinary table hands both images over; a virtual one is asked for them
// itself, by a SELECT before and after, for only its module knows what is in a row.
#include "cdc/capture.h"

// What a change is recorded as. The bytes belong to the capture's builders.
typedef struct Images {
    ImageRef before, after, updates, old_key, new_key;
} Images;
enum { BUILD_BEFORE, BUILD_AFTER, BUILD_UPDATES, BUILD_OLD_KEY, BUILD_NEW_KEY };

// VIRTUAL generated columns have no place in a row, and none in its image.
static int encode_row(RecordBuilder *builder, const quire_row_change *change,
                      sqlite3_value *const *values, ImageRef *out)
{
    ASSERT(builder->header_size == 0 && builder->body_size == 0);
    ASSERT(change->column_count > 0);

    record_add_row(builder, values, change->column_count, change->column_flags,
                   QUIRE_COLUMN_STORED);
    return record_join(builder, &out->bytes, &out->size);
}

// One flag per column, then the new values of those that are flagged.
static int encode_updates(RecordBuilder *builder, const quire_row_change *change, ImageRef *out)
{
    ASSERT(change->type == SQLITE_UPDATE);
    ASSERT(change->new_values != NULL);

    record_add_row_updates(builder, change->new_values, change->column_count, change->column_flags);
    return record_join(builder, &out->bytes, &out->size);
}

// Of a WITHOUT ROWID table: what a record names its row by, and what tells an update from a move.
static int encode_key(RecordBuilder *builder, const quire_row_change *change,
                      sqlite3_value *const *values, ImageRef *out)
{
    ASSERT(builder->header_size == 0 && builder->body_size == 0);

    if (values == NULL || change->key_count == 0)
        return SQLITE_OK;
    for (int i = 0; i < change->key_count; i++)
        record_add_value(builder, values[change->key_columns[i]]);
    return record_join(builder, &out->bytes, &out->size);
}

// Only what the mode asks for is made.
static int encode(Capture *capture, const quire_row_change *change, Images *images)
{
    ASSERT(capture->mode != CAPTURE_OFF);

    RecordBuilder *b = capture->builders;
    if (mode_has_before(capture->mode) && change->old_values != NULL)
        TRY(encode_row(&b[BUILD_BEFORE], change, change->old_values, &images->before));
    if (mode_has_after(capture->mode) && change->new_values != NULL)
        TRY(encode_row(&b[BUILD_AFTER], change, change->new_values, &images->after));
    // A statement that ran already when the mode changed may tell no values.
    if (capture->mode == CAPTURE_FULL && change->type == SQLITE_UPDATE
        && change->new_values != NULL)
        TRY(encode_updates(&b[BUILD_UPDATES], change, &images->updates));
    TRY(encode_key(&b[BUILD_OLD_KEY], change, change->old_values, &images->old_key));
    return encode_key(&b[BUILD_NEW_KEY], change, change->new_values, &images->new_key);
}

// By the rowid, by a key of one column, or by the record of a key of several.
static void identify(const quire_row_change *change, const Images *images, bool is_new,
                     ChangeRecord *record)
{
    sqlite3_value *const *values = is_new ? change->new_values : change->old_values;
    ASSERT(change->key_count == 0 || values != NULL);
    record->rowid = is_new ? change->new_rowid : change->old_rowid;
    if (change->key_count == 1) {
        record->key = values[change->key_columns[0]];
    } else if (change->key_count > 1) {
        record->key_record = is_new ? images->new_key.bytes : images->old_key.bytes;
        record->key_size = is_new ? images->new_key.size : images->old_key.size;
    }
}

// As bytes: 1 and 1.0 are one key to SQL, and two images.
static bool key_changes(const quire_row_change *change, const Images *images)
{
    ASSERT(change->type == SQLITE_UPDATE);

    if (change->key_count == 0)
        return change->old_rowid != change->new_rowid;
    return images->old_key.size != images->new_key.size
           || memcmp(images->old_key.bytes, images->new_key.bytes, images->old_key.size) != 0;
}

static int write_deleted(Capture *capture, const quire_row_change *change, const Images *images)
{
    ChangeRecord record = {.type = CHANGE_DELETE, .table = change->table, .before = images->before};
    identify(change, images, false, &record);
    return capture_write(capture, &record);
}

static int write_inserted(Capture *capture, const quire_row_change *change, const Images *images)
{
    ChangeRecord record = {.type = CHANGE_INSERT, .table = change->table, .after = images->after};
    identify(change, images, true, &record);
    return capture_write(capture, &record);
}

static int write_updated(Capture *capture, const quire_row_change *change, const Images *images)
{
    ASSERT(change->type == SQLITE_UPDATE);

    ChangeRecord record = {.type = CHANGE_UPDATE,
                           .table = change->table,
                           .before = images->before,
                           .after = images->after,
                           .updates = images->updates};
    identify(change, images, true, &record);
    return capture_write(capture, &record);
}

// An update of the key is told as the row going and another coming, in this order.
static int write_change(Capture *capture, const quire_row_change *change, const Images *images)
{
    ASSERT(change->type == SQLITE_INSERT || change->type == SQLITE_UPDATE
           || change->type == SQLITE_DELETE);

    if (change->type == SQLITE_INSERT)
        return write_inserted(capture, change, images);
    if (change->type == SQLITE_DELETE)
        return write_deleted(capture, change, images);
    if (!key_changes(change, images))
        return write_updated(capture, change, images);
    TRY(write_deleted(capture, change, images));
    return write_inserted(capture, change, images);
}

// --- virtual tables ---

// The visible columns of a row as the table shows it; *out NULL: there is no such row.
static int read_virtual(const Capture *capture, const char *table, i64 rowid, u8 **out,
                        size_t *size)
{
    ASSERT(table != NULL);

    sqlite3_stmt *stmt;
    RecordBuilder builder = {0};
    *out = NULL;
    *size = 0;
    TRY(sql_prepare(capture->db, &stmt, "SELECT * FROM main.\"%w\" WHERE rowid = %lld", table,
                    rowid));
    int step = sqlite3_step(stmt);
    int rc = SQLITE_OK;
    if (step == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            record_add_value(&builder, sqlite3_column_value(stmt, i));
        rc = record_finish(&builder, out, size);
    }
    int close = stmt_close(stmt, step);
    return rc != SQLITE_OK ? rc : close;
}

// Which columns an UPDATE named the module does not tell: those that differ from before are.
static int encode_virtual_updates(Capture *capture, Images *images)
{
    ASSERT(capture->mode == CAPTURE_FULL);

    RecordReader old_row;
    RecordReader new_row;
    RecordValue a;
    RecordValue b;
    RecordBuilder *flags = &capture->builders[BUILD_UPDATES];
    RecordBuilder values = {0};
    if (!record_open(&old_row, images->before.bytes, images->before.size)
        || !record_open(&new_row, images->after.bytes, images->after.size))
        return SQLITE_OK;
    while (record_next(&old_row, &a) && record_next(&new_row, &b)) {
        bool same = a.type == b.type && a.integer == b.integer && a.size == b.size
                    && memcmp(a.bytes, b.bytes, a.size) == 0;
        record_add_i64(flags, !same);
        if (same)
            record_add_null(&values);
        else
            record_add_copy(&values, &b);
    }
    record_append(flags, &values);
    return record_join(flags, &images->updates.bytes, &images->updates.size);
}

static int write_virtual(Capture *capture, const quire_row_change *change, Images *images)
{
    ASSERT((change->flags & QUIRE_ROW_VIRTUAL) != 0);

    // Commands in the guise of an INSERT leave no row: nothing changed that can be shown.
    if (change->type != SQLITE_DELETE && images->after.bytes == NULL)
        return SQLITE_OK;
    if (capture->mode == CAPTURE_FULL && change->type == SQLITE_UPDATE)
        TRY(encode_virtual_updates(capture, images));
    if (!mode_has_before(capture->mode))
        images->before = (ImageRef){0};
    if (!mode_has_after(capture->mode))
        images->after = (ImageRef){0};
    return write_change(capture, change, images);
}

static int virtual_done(Capture *capture, const quire_row_change *change)
{
    ASSERT((change->flags & QUIRE_ROW_DONE) != 0);

    u8 *old_image = capture->old_image;
    u8 *new_image = NULL;
    size_t new_size = 0;
    int rc = SQLITE_OK;
    capture->old_image = NULL;
    if (change->type != SQLITE_DELETE)
        rc = read_virtual(capture, change->table, change->new_rowid, &new_image, &new_size);
    Images images = {.before = {old_image, capture->old_size}, .after = {new_image, new_size}};
    if (rc == SQLITE_OK)
        rc = write_virtual(capture, change, &images);
    sqlite3_free(old_image);
    sqlite3_free(new_image);
    return rc;
}

static int virtual_hook(Capture *capture, const quire_row_change *change)
{
    ASSERT((change->flags & QUIRE_ROW_VIRTUAL) != 0);

    if ((change->flags & QUIRE_ROW_DONE) != 0)
        return virtual_done(capture, change);
    sqlite3_free(capture->old_image);
    capture->old_image = NULL;
    if (change->type == SQLITE_INSERT || !mode_has_before(capture->mode))
        return SQLITE_OK;
    return read_virtual(capture, change->table, change->old_rowid, &capture->old_image,
                        &capture->old_size);
}

// --- the hook ---

// Tables of the capture itself.
static bool is_own(const Capture *capture, const char *table)
{
    ASSERT(capture->table != NULL);

    size_t size = strlen(capture->table);
    return sqlite3_stricmp(table, capture->table) == 0
           || sqlite3_stricmp(table, "turso_cdc_version") == 0
           || (sqlite3_strnicmp(table, capture->table, (int)size) == 0
               && sqlite3_stricmp(table + size, "_consumer") == 0);
}

// The same table changes row after row: its name is compared once with those of the capture.
static bool is_known_foreign(Capture *capture, const char *table)
{
    ASSERT(capture->table != NULL);

    if (strcmp(table, capture->foreign_table) == 0)
        return true;
    if (is_own(capture, table))
        return false;
    if (strlen(table) < sizeof capture->foreign_table)
        memcpy(capture->foreign_table, table, strlen(table) + 1);
    return true;
}

int capture_row_hook(void *arg, sqlite3 *db, const quire_row_change *change)
{
    Capture *capture = arg;
    Images images = {0};
    (void)db;
    if (strcmp(change->schema, "main") != 0)
        return SQLITE_OK;
    if (!is_known_foreign(capture, change->table)) {
        capture->has_own_writes = true;
        return SQLITE_OK;
    }
    if ((change->flags & QUIRE_ROW_VIRTUAL) != 0)
        return virtual_hook(capture, change);
    TRY(encode(capture, change, &images));
    return write_change(capture, change, &images);
}
