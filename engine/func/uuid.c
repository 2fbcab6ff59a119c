// UUIDs (RFC 9562): random ones (version 4), ones that sort by the time they were made (version
// 7), and their two spellings, 16 bytes and 36 characters. Not part of SQLite's library.
//
//    0   6   version 7: milliseconds since 1970, big-endian; version 4: random
//    6   2   the version in the high four bits, random
//    8   8   the variant in the high two bits (10), random
//
//    018e3d3f-8c00-7xxx-yxxx-xxxxxxxxxxxx   of version 7; y is 8, 9, a or b

#include "base/bytes.h"
#include "base/utf.h"
#include "func/moment.h"
#include <string.h>

enum { UUID_SIZE = 16, UUID_TEXT_SIZE = 36 };

// The bits by which a UUID tells what it is.
static void set_version(u8 *uuid, u8 version)
{
    ASSERT(version < 16);

    uuid[6] = (u8)((uuid[6] & 0x0f) | version << 4);
    uuid[8] = (u8)((uuid[8] & 0x3f) | 0x80); // the variant of RFC 9562
}

// 8-4-4-4-12 digits in lower case.
static void uuid_to_text(const u8 *uuid, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid[i] >> 4];
        *out++ = digits[uuid[i] & 15];
    }
}

// Hexadecimal digits, with or without dashes. false: it is none.
static bool uuid_from_text(const char *text, size_t size, u8 *uuid)
{
    int digits = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '-')
            continue;
        int value = ascii_is_hex((u8)text[i]) ? hex_value((u8)text[i]) : -1;
        if (value < 0 || digits == 2 * UUID_SIZE)
            return false;
        u8 *byte = &uuid[digits / 2];
        *byte = (u8)(digits % 2 == 0 ? value << 4 : *byte | value);
        digits++;
    }
    return digits == 2 * UUID_SIZE;
}

// A blob of 16 bytes or text. False: neither.
static bool uuid_of_value(Value *v, u8 *uuid)
{
    int type = value_type(v);
    if (type == SQLITE_BLOB && value_size(v) == UUID_SIZE) {
        const void *bytes = value_blob(v); // may have to write a zeroblob out
        if (bytes != NULL)
            memcpy(uuid, bytes, UUID_SIZE);
        return bytes != NULL;
    }
    const char *text = type == SQLITE_TEXT ? value_text(v, SQLITE_UTF8) : NULL;
    return text != NULL && uuid_from_text(text, strlen(text), uuid);
}

static void result_blob(FuncCall *call, const u8 *uuid)
{
    call_result_blob(call, uuid, UUID_SIZE, SQLITE_TRANSIENT);
}

static void result_text(FuncCall *call, const u8 *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_to_text(uuid, text);
    call_result_text(call, text, sizeof text, SQLITE_UTF8, SQLITE_TRANSIENT);
}

// --- making them ---

// 122 random bits of the VFS's generator (sqlite3_randomness).
static void uuid4(u8 *uuid)
{
    sqlite3_randomness(UUID_SIZE, uuid);
    set_version(uuid, 4);
}

// The time is the statement's, or the argument: seconds since 1970. false: it is out of range.
static bool uuid7(FuncCall *call, int arg_count, Value **args, u8 *uuid)
{
    ASSERT(arg_count == 0 || arg_count == 1);

    const i64 limit = (i64)1 << 48;
    i64 ms = 0;
    if (arg_count > 0) {
        i64 seconds = value_i64(args[0]);
        ms = seconds < 0 || seconds >= limit / 1000 ? -1 : seconds * 1000;
    } else {
        ms = call_now_ms(call) - UNIX_EPOCH_MS;
    }
    if (ms < 0 || ms >= limit)
        return false;
    sqlite3_randomness(UUID_SIZE, uuid);
    for (int i = 0; i < 6; i++)
        uuid[i] = (u8)(ms >> (40 - 8 * i));
    set_version(uuid, 7);
    return true;
}

static void fn_uuid4(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    u8 uuid[UUID_SIZE];
    (void)arg_count;
    (void)args;
    uuid4(uuid);
    result_blob(call, uuid);
}

static void fn_uuid4_str(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    u8 uuid[UUID_SIZE];
    (void)arg_count;
    (void)args;
    uuid4(uuid);
    result_text(call, uuid);
}

// NULL for a time that 48 bits of milliseconds do not hold.
static void fn_uuid7(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count <= 1);

    u8 uuid[UUID_SIZE];
    if (uuid7(call, arg_count, args, uuid))
        result_blob(call, uuid);
}

static void fn_uuid7_str(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count <= 1);

    u8 uuid[UUID_SIZE];
    if (uuid7(call, arg_count, args, uuid))
        result_text(call, uuid);
}

// --- reading them ---

// NULL for what is no UUID.
static void fn_uuid_str(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    u8 uuid[UUID_SIZE];
    (void)arg_count;
    if (uuid_of_value(args[0], uuid))
        result_text(call, uuid);
}

// NULL for what is no UUID.
static void fn_uuid_blob(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    u8 uuid[UUID_SIZE];
    (void)arg_count;
    if (uuid_of_value(args[0], uuid))
        result_blob(call, uuid);
}

// NULL for other versions, which have no time.
static void fn_timestamp(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    u8 uuid[UUID_SIZE];
    i64 ms = 0;
    (void)arg_count;
    if (!uuid_of_value(args[0], uuid) || uuid[6] >> 4 != 7)
        return;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid[i];
    call_result_i64(call, ms);
}

enum { RANDOM = FUNC_BUILTIN | FUNC_INNOCUOUS, PURE = RANDOM | FUNC_PURE };

const FuncDef func_uuid_table[] = {
    {"gen_random_uuid", 0, RANDOM, .call = fn_uuid4_str},
    {"uuid4", 0, RANDOM, .call = fn_uuid4},
    {"uuid4_str", 0, RANDOM, .call = fn_uuid4_str},
    {"uuid7", 0, RANDOM, .call = fn_uuid7},
    {"uuid7", 1, RANDOM, .call = fn_uuid7},
    {"uuid7_str", 0, RANDOM, .call = fn_uuid7_str},
    {"uuid7_str", 1, RANDOM, .call = fn_uuid7_str},
    {"uuid7_timestamp_ms", 1, PURE, .call = fn_timestamp},
    {"uuid_blob", 1, PURE, .call = fn_uuid_blob},
    {"uuid_str", 1, PURE, .call = fn_uuid_str},
    {0},
};
