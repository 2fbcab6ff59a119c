// Metadata columns of vec0: values in slots, and conditions on whole chunks of them.
#include "vector/vec0/vec0.h"

#include <stdlib.h>

const char *vec0_type_name(int type)
{
    static const char *const names[] = {"", "INTEGER", "FLOAT", "TEXT", "BLOB", "NULL"};
    ASSERT(type >= SQLITE_INTEGER && type <= SQLITE_NULL);

    return names[type];
}

int vec0_metadata_check(Vec0Table *table, const Vec0Column *column, sqlite3_value *value)
{
    ASSERT(column->kind == VEC0_METADATA);

    int type = sqlite3_value_type(value);
    i64 number = type == SQLITE_INTEGER ? sqlite3_value_int64(value) : 0;
    switch (column->type) {
    case VEC0_BOOLEAN:
        if (type == SQLITE_INTEGER && (number == 0 || number == 1))
            return SQLITE_OK;
        return vec0_fail(table, SQLITE_ERROR, "Expected 0 or 1 for BOOLEAN metadata column %s",
                         column->name);
    case VEC0_INTEGER:
        if (type == SQLITE_INTEGER)
            return SQLITE_OK;
        return vec0_fail(table, SQLITE_ERROR,
                         "Expected integer for INTEGER metadata column %s, received %s",
                         column->name, vec0_type_name(type));
    case VEC0_FLOAT:
        if (type == SQLITE_FLOAT)
            return SQLITE_OK;
        return vec0_fail(table, SQLITE_ERROR,
                         "Expected float for FLOAT metadata column %s, received %s", column->name,
                         vec0_type_name(type));
    case VEC0_TEXT:
        if (type == SQLITE_TEXT)
            return SQLITE_OK;
        return vec0_fail(table, SQLITE_ERROR,
                         "Expected text for TEXT metadata column %s, received %s", column->name,
                         vec0_type_name(type));
    case VEC0_BLOB: break;
    }
    return SQLITE_MISUSE;
}

// --- texts: the slot has the length and the beginning, a longer one is whole in its table ---

static int forget_text(Vec0Table *table, const Vec0Column *column, i64 rowid)
{
    return vec0_exec(table, "DELETE FROM \"%w\".\"%w_metadatatext%02d\" WHERE rowid = %lld",
                     table->config.schema, table->config.name, column->index, (long long)rowid);
}

static int store_text(Vec0Table *table, const Vec0Column *column, i64 rowid, sqlite3_value *value)
{
    ASSERT(column->type == VEC0_TEXT);

    sqlite3_stmt *stmt;
    TRY(forget_text(table, column, rowid));
    if (sqlite3_value_bytes(value) <= VEC0_TEXT_PREFIX)
        return SQLITE_OK;
    TRY(vec0_prepare(table, &stmt,
                     "INSERT INTO \"%w\".\"%w_metadatatext%02d\"(rowid, data) VALUES(%lld, ?1)",
                     table->config.schema, table->config.name, column->index, (long long)rowid));
    int rc = sqlite3_bind_value(stmt, 1, value);
    (void)sqlite3_step(stmt);
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int text_of_row(Vec0Table *table, const Vec0Column *column, i64 rowid, sqlite3_stmt **out)
{
    ASSERT(column->type == VEC0_TEXT);

    TRY(vec0_prepare(table, out,
                     "SELECT data FROM \"%w\".\"%w_metadatatext%02d\" WHERE rowid = %lld",
                     table->config.schema, table->config.name, column->index, (long long)rowid));
    if (sqlite3_step(*out) == SQLITE_ROW)
        return SQLITE_OK;
    int rc = sqlite3_finalize(*out);
    *out = NULL;
    return rc != SQLITE_OK ? rc : vec0_corrupt(table, "a long text is missing");
}

// --- values ---

static int write_bit(Vec0Table *table, const Vec0Column *column, const Vec0Place *place, bool bit)
{
    ASSERT(column->type == VEC0_BOOLEAN);

    sqlite3_blob *blob;
    u8 byte;
    TRY(vec0_blob_open(table, column, place->chunk, true, &blob));
    int rc = sqlite3_blob_read(blob, &byte, 1, (int)(place->offset / 8));
    u8 mask = (u8)(1u << place->offset % 8);
    byte = (u8)(bit ? byte | mask : byte & ~mask);
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_write(blob, &byte, 1, (int)(place->offset / 8));
    int end = sqlite3_blob_close(blob);
    return rc != SQLITE_OK ? rc : end;
}

int vec0_metadata_write(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                        sqlite3_value *value)
{
    ASSERT(column->kind == VEC0_METADATA);

    u8 slot[VEC0_TEXT_SLOT] = {0};
    i64 integer = sqlite3_value_int64(value);
    f64 real = sqlite3_value_double(value);
    const char *text;
    u32 size;
    switch (column->type) {
    case VEC0_BOOLEAN: return write_bit(table, column, place, integer != 0);
    case VEC0_INTEGER: memcpy(slot, &integer, 8); break;
    case VEC0_FLOAT: memcpy(slot, &real, 8); break;
    case VEC0_TEXT:
        text = (const char *)sqlite3_value_text(value);
        size = (u32)sqlite3_value_bytes(value);
        if (text == NULL)
            return SQLITE_NOMEM;
        memcpy(slot, &size, 4);
        memcpy(slot + 4, text, size < VEC0_TEXT_PREFIX ? size : VEC0_TEXT_PREFIX);
        TRY(store_text(table, column, place->rowid, value));
        break;
    case VEC0_BLOB: return SQLITE_MISUSE;
    }
    return vec0_slot_write(table, column, place, slot);
}

int vec0_metadata_clear(Vec0Table *table, const Vec0Column *column, const Vec0Place *place)
{
    ASSERT(column->kind == VEC0_METADATA);

    const u8 slot[VEC0_TEXT_SLOT] = {0};
    if (column->type == VEC0_BOOLEAN)
        return write_bit(table, column, place, false);
    if (column->type == VEC0_TEXT)
        TRY(forget_text(table, column, place->rowid));
    return vec0_slot_write(table, column, place, slot);
}

static int result_text(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                       const u8 *slot, sqlite3_context *ctx)
{
    ASSERT(column->type == VEC0_TEXT);

    u32 size;
    sqlite3_stmt *stmt;
    memcpy(&size, slot, 4);
    if (size <= VEC0_TEXT_PREFIX) {
        sqlite3_result_text(ctx, (const char *)slot + 4, (int)size, SQLITE_TRANSIENT);
        return SQLITE_OK;
    }
    TRY(text_of_row(table, column, place->rowid, &stmt));
    sqlite3_result_value(ctx, sqlite3_column_value(stmt, 0));
    return sqlite3_finalize(stmt);
}

int vec0_metadata_result(Vec0Table *table, const Vec0Column *column, const Vec0Place *place,
                         sqlite3_context *ctx)
{
    ASSERT(column->kind == VEC0_METADATA);

    u8 slot[VEC0_TEXT_SLOT];
    i64 integer;
    f64 real;
    if (column->type == VEC0_BOOLEAN) {
        // A slot is one bit: its byte is read instead.
        sqlite3_blob *blob;
        TRY(vec0_blob_open(table, column, place->chunk, false, &blob));
        int rc = sqlite3_blob_read(blob, slot, 1, (int)(place->offset / 8));
        int end = sqlite3_blob_close(blob);
        if (rc == SQLITE_OK)
            sqlite3_result_int(ctx, slot[0] >> place->offset % 8 & 1);
        return rc != SQLITE_OK ? rc : end;
    }
    TRY(vec0_slot_read(table, column, place, slot));
    if (column->type == VEC0_TEXT)
        return result_text(table, column, place, slot, ctx);
    memcpy(&integer, slot, 8);
    memcpy(&real, slot, 8);
    if (column->type == VEC0_INTEGER)
        sqlite3_result_int64(ctx, integer);
    else
        sqlite3_result_double(ctx, real);
    return SQLITE_OK;
}

// --- conditions ---

bool vec0_compares(Vec0Compare compare, int order)
{
    switch (compare) {
    case VEC0_EQ:
    case VEC0_IN: return order == 0;
    case VEC0_GT: return order > 0;
    case VEC0_LE: return order <= 0;
    case VEC0_LT: return order < 0;
    case VEC0_GE: return order >= 0;
    case VEC0_NE: return order != 0;
    }
    return false;
}

static int order_of_i64(i64 a, i64 b)
{
    return a < b ? -1 : a > b;
}

static int order_of_f64(f64 a, f64 b)
{
    return a < b ? -1 : a > b;
}

static int order_of_text(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : a_size < b_size ? -1 : a_size > b_size;
}

// Operands, each of the column's type; one, or those of an IN.
typedef struct Operands {
    sqlite3_value **values;
    size_t count;
} Operands;

static void operands_deinit(Operands *operands)
{
    for (size_t i = 0; i < operands->count; i++)
        sqlite3_value_free(operands->values[i]);
    sqlite3_free(operands->values);
}

static int operands_add(Operands *operands, const sqlite3_value *value)
{
    sqlite3_value **values =
        sqlite3_realloc64(operands->values, (operands->count + 1) * sizeof *values);
    if (values == NULL)
        return SQLITE_NOMEM;
    operands->values = values;
    values[operands->count] = sqlite3_value_dup(value);
    if (values[operands->count] == NULL)
        return SQLITE_NOMEM;
    operands->count++;
    return SQLITE_OK;
}

static int operands_read(Operands *operands, Vec0Compare compare, sqlite3_value *operand)
{
    if (compare != VEC0_IN)
        return operands_add(operands, operand);
    sqlite3_value *value = NULL;
    int rc = sqlite3_vtab_in_first(operand, &value);
    while (rc == SQLITE_OK && value != NULL) {
        TRY(operands_add(operands, value));
        rc = sqlite3_vtab_in_next(operand, &value);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A chunk's slots of one column, as read.
typedef struct Slots {
    Vec0Table *table;
    const Vec0Column *column;
    u8 *bytes;
    const i64 *rowids;
} Slots;

// The text of a slot that compares equal to the operand as far as its prefix goes.
static int long_text_order(const Slots *slots, i64 slot, sqlite3_value *operand, int *order)
{
    sqlite3_stmt *stmt;
    TRY(text_of_row(slots->table, slots->column, slots->rowids[slot], &stmt));
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    const char *other = (const char *)sqlite3_value_text(operand);
    int rc = text == NULL || other == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK)
        *order = order_of_text(text, (size_t)sqlite3_column_bytes(stmt, 0), other,
                               (size_t)sqlite3_value_bytes(operand));
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int text_order(const Slots *slots, i64 slot, sqlite3_value *operand, int *order)
{
    ASSERT(slot >= 0);

    const u8 *view = slots->bytes + slot * VEC0_TEXT_SLOT;
    const char *other = (const char *)sqlite3_value_text(operand);
    size_t other_size = (size_t)sqlite3_value_bytes(operand);
    u32 size;
    if (other == NULL)
        return SQLITE_NOMEM;
    memcpy(&size, view, 4);
    if (size <= VEC0_TEXT_PREFIX) {
        *order = order_of_text((const char *)view + 4, size, other, other_size);
        return SQLITE_OK;
    }
    size_t common = other_size < VEC0_TEXT_PREFIX ? other_size : VEC0_TEXT_PREFIX;
    *order = memcmp(view + 4, other, common);
    if (*order != 0)
        return SQLITE_OK;
    *order = 1; // the operand is a proper beginning of it
    return other_size > VEC0_TEXT_PREFIX ? long_text_order(slots, slot, operand, order) : SQLITE_OK;
}

static int slot_order(const Slots *slots, i64 slot, sqlite3_value *operand, int *order)
{
    ASSERT(slot >= 0);

    i64 integer;
    f64 real;
    switch (slots->column->type) {
    case VEC0_BOOLEAN:
        integer = slots->bytes[slot / 8] >> slot % 8 & 1;
        *order = order_of_i64(integer, sqlite3_value_int64(operand));
        return SQLITE_OK;
    case VEC0_INTEGER:
        memcpy(&integer, slots->bytes + slot * 8, 8);
        *order = order_of_i64(integer, sqlite3_value_int64(operand));
        return SQLITE_OK;
    case VEC0_FLOAT:
        memcpy(&real, slots->bytes + slot * 8, 8);
        *order = order_of_f64(real, sqlite3_value_double(operand));
        return SQLITE_OK;
    case VEC0_TEXT: return text_order(slots, slot, operand, order);
    case VEC0_BLOB: break;
    }
    return SQLITE_MISUSE;
}

static int slot_passes(const Slots *slots, i64 slot, Vec0Compare compare, const Operands *operands,
                       bool *passes)
{
    ASSERT(slot >= 0);

    *passes = false;
    for (size_t i = 0; i < operands->count && !*passes; i++) {
        int order;
        TRY(slot_order(slots, slot, operands->values[i], &order));
        *passes = vec0_compares(compare, order);
    }
    return SQLITE_OK;
}

static int filter_slots(const Slots *slots, Vec0Compare compare, const Operands *operands, u8 *bits)
{
    for (i64 slot = 0; slot < slots->table->config.chunk_size; slot++) {
        bool passes;
        if ((bits[slot / 8] >> slot % 8 & 1) == 0)
            continue;
        TRY(slot_passes(slots, slot, compare, operands, &passes));
        if (!passes)
            bits[slot / 8] &= (u8) ~(1u << slot % 8);
    }
    return SQLITE_OK;
}

int vec0_metadata_filter(Vec0Table *table, const Vec0Filter *filter, i64 chunk, const i64 *rowids,
                         u8 *bits)
{
    ASSERT(filter->column->kind == VEC0_METADATA);

    const Vec0Column *column = filter->column;
    size_t size = vec0_metadata_size(column, table->config.chunk_size);
    Operands operands = {.values = NULL};
    sqlite3_blob *blob = NULL;
    Slots slots = {.table = table, .column = column, .rowids = rowids};
    slots.bytes = sqlite3_malloc64(size);
    int rc = slots.bytes == NULL ? SQLITE_NOMEM
                                 : operands_read(&operands, filter->compare, filter->operand);
    if (rc == SQLITE_OK)
        rc = vec0_blob_open(table, column, chunk, false, &blob);
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_read(blob, slots.bytes, (int)size, 0);
    if (rc == SQLITE_OK)
        rc = filter_slots(&slots, filter->compare, &operands, bits);
    (void)sqlite3_blob_close(blob);
    operands_deinit(&operands);
    sqlite3_free(slots.bytes);
    return rc;
}
