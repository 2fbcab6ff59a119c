// Rows on their way into the table of a connection's capture.
#include "cdc/capture.h"

typedef struct Images {
    u8 *before, *after, *updates, *old_key, *new_key;
    size_t before_size, after_size, updates_size, old_key_size, new_key_size;
} Images;

static void images_free(Images *images)
{
    sqlite3_free(images->before);
    sqlite3_free(images->after);
    sqlite3_free(images->updates);
    sqlite3_free(images->old_key);
    sqlite3_free(images->new_key);
}

static int encode_row(const quire_row_change *change, sqlite3_value *const *values, u8 **out,
                      size_t *size)
{
    RecordBuilder builder = {0};
    for (int i = 0; i < change->column_count; i++) {
        if ((change->column_flags[i] & QUIRE_COLUMN_STORED) != 0)
            record_add_value(&builder, values[i]);
    }
    return record_finish(&builder, out, size);
}

// One flag per column, then the new values of those that are flagged.
static int encode_updates(const quire_row_change *change, u8 **out, size_t *size)
{
    RecordBuilder builder = {0};
    for (int i = 0; i < change->column_count; i++) {
        if ((change->column_flags[i] & QUIRE_COLUMN_STORED) != 0)
            record_add_i64(&builder, (change->column_flags[i] & QUIRE_COLUMN_SET) != 0);
    }
    for (int i = 0; i < change->column_count; i++) {
        if ((change->column_flags[i] & QUIRE_COLUMN_STORED) == 0)
            continue;
        if ((change->column_flags[i] & QUIRE_COLUMN_SET) != 0)
            record_add_value(&builder, change->new_values[i]);
        else
            record_add_null(&builder);
    }
    return record_finish(&builder, out, size);
}

static int encode_key(const quire_row_change *change, sqlite3_value *const *values, u8 **out,
                      size_t *size)
{
    RecordBuilder builder = {0};
    if (values == NULL || change->key_count == 0)
        return SQLITE_OK;
    for (int i = 0; i < change->key_count; i++)
        record_add_value(&builder, values[change->key_columns[i]]);
    return record_finish(&builder, out, size);
}

static int encode(const Capture *capture, const quire_row_change *change, Images *images)
{
    if (mode_has_before(capture->mode) && change->old_values != NULL)
        TRY(encode_row(change, change->old_values, &images->before, &images->before_size));
    if (mode_has_after(capture->mode) && change->new_values != NULL)
        TRY(encode_row(change, change->new_values, &images->after, &images->after_size));
    if (capture->mode == CAPTURE_FULL && change->type == SQLITE_UPDATE)
        TRY(encode_updates(change, &images->updates, &images->updates_size));
    TRY(encode_key(change, change->old_values, &images->old_key, &images->old_key_size));
    return encode_key(change, change->new_values, &images->new_key, &images->new_key_size);
}

static void identify(const quire_row_change *change, const Images *images, bool is_new,
                     ChangeRecord *record)
{
    sqlite3_value *const *values = is_new ? change->new_values : change->old_values;
    record->rowid = is_new ? change->new_rowid : change->old_rowid;
    if (change->key_count == 1) {
        record->key = values[change->key_columns[0]];
    } else if (change->key_count > 1) {
        record->key_record = is_new ? images->new_key : images->old_key;
        record->key_size = is_new ? images->new_key_size : images->old_key_size;
    }
}

static bool key_changes(const quire_row_change *change, const Images *images)
{
    if (change->key_count == 0)
        return change->old_rowid != change->new_rowid;
    return images->old_key_size != images->new_key_size
           || memcmp(images->old_key, images->new_key, images->old_key_size) != 0;
}

static int write_deleted(Capture *capture, const quire_row_change *change, const Images *images)
{
    ChangeRecord record = {.type = CHANGE_DELETE,
                           .table = change->table,
                           .before = {images->before, images->before_size}};
    identify(change, images, false, &record);
    return capture_write(capture, &record);
}

static int write_inserted(Capture *capture, const quire_row_change *change, const Images *images)
{
    ChangeRecord record = {.type = CHANGE_INSERT,
                           .table = change->table,
                           .after = {images->after, images->after_size}};
    identify(change, images, true, &record);
    return capture_write(capture, &record);
}

static int write_updated(Capture *capture, const quire_row_change *change, const Images *images)
{
    ChangeRecord record = {.type = CHANGE_UPDATE,
                           .table = change->table,
                           .before = {images->before, images->before_size},
                           .after = {images->after, images->after_size},
                           .updates = {images->updates, images->updates_size}};
    identify(change, images, true, &record);
    return capture_write(capture, &record);
}

static int write_change(Capture *capture, const quire_row_change *change, const Images *images)
{
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
static int encode_virtual_updates(const Images *images, u8 **out, size_t *size)
{
    RecordReader old_row;
    RecordReader new_row;
    RecordValue a;
    RecordValue b;
    RecordBuilder flags = {0};
    RecordBuilder values = {0};
    if (!record_open(&old_row, images->before, images->before_size)
        || !record_open(&new_row, images->after, images->after_size))
        return SQLITE_OK;
    while (record_next(&old_row, &a) && record_next(&new_row, &b)) {
        bool same = a.type == b.type && a.integer == b.integer && a.size == b.size
                    && memcmp(a.bytes, b.bytes, a.size) == 0;
        record_add_i64(&flags, !same);
        if (same)
            record_add_null(&values);
        else
            record_add_copy(&values, &b);
    }
    record_append(&flags, &values);
    return record_finish(&flags, out, size);
}

static int virtual_done(Capture *capture, const quire_row_change *change)
{
    Images images = {.before = capture->old_image, .before_size = capture->old_size};
    int rc = SQLITE_OK;
    capture->old_image = NULL;
    capture->old_size = 0;
    if (change->type != SQLITE_DELETE)
        TRY_DONE(read_virtual(capture, change->table, change->new_rowid, &images.after,
                              &images.after_size));
    // Commands in the guise of an INSERT leave no row: nothing changed that can be shown.
    if (change->type != SQLITE_DELETE && images.after == NULL)
        goto done;
    if (capture->mode == CAPTURE_FULL && change->type == SQLITE_UPDATE)
        TRY_DONE(encode_virtual_updates(&images, &images.updates, &images.updates_size));
    if (!mode_has_before(capture->mode)) {
        sqlite3_free(images.before);
        images.before = NULL;
    }
    if (!mode_has_after(capture->mode)) {
        sqlite3_free(images.after);
        images.after = NULL;
    }
    rc = write_change(capture, change, &images);
done:
    images_free(&images);
    return rc;
}

static int virtual_hook(Capture *capture, const quire_row_change *change)
{
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
    size_t size = strlen(capture->table);
    return sqlite3_stricmp(table, capture->table) == 0
           || sqlite3_stricmp(table, "turso_cdc_version") == 0
           || (sqlite3_strnicmp(table, capture->table, (int)size) == 0
               && sqlite3_stricmp(table + size, "_consumer") == 0);
}

int capture_row_hook(void *arg, sqlite3 *db, const quire_row_change *change)
{
    Capture *capture = arg;
    Images images = {0};
    (void)db;
    if (strcmp(change->schema, "main") != 0)
        return SQLITE_OK;
    if (is_own(capture, change->table)) {
        capture->has_own_writes = true;
        return SQLITE_OK;
    }
    if ((change->flags & QUIRE_ROW_VIRTUAL) != 0)
        return virtual_hook(capture, change);
    int rc = encode(capture, change, &images);
    if (rc == SQLITE_OK)
        rc = write_change(capture, change, &images);
    images_free(&images);
    return rc;
}
