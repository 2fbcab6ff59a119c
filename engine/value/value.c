// Values: their memory, copying and reading. Conversions that change the storage class are in
// affinity.c.
//
// Memory moves between four owners (V3 of value.h):
//
//    value_set_*(BYTES_COPY)    -> V_OWNED       value_begin_bytes + commit
//    value_set_*(BYTES_TAKE)    -> V_OWNED       value_adopt: the block becomes `owned`
//    value_set_*(BYTES_STATIC)  -> V_STATIC
//    value_set_*(BYTES_BORROW)  -> V_EPHEMERAL   serial_get, value_borrow likewise
//    value_set_*_destroy(f)     -> V_DYNAMIC     given back by value_release_slow
//    value_own                  : any of them   -> V_OWNED
//
// Owned content ends with two zero bytes beyond `size` where its block has room, so that it can be
// handed out as a C string of either width without another look (V_NUL_TERMINATED).

#include "value/value.h"

#include "base/utf.h"
#include <string.h>

enum {
    LENGTH_MAX = 1000000000, // SQLite's largest text or blob
    OWNED_SIZE_MIN = 32,     // most texts of a row fit what the register has from the row before
    NUL_SIZE = 2,            // two zero bytes end text of either width
    NUMBER_SCRATCH = 256,    // UTF-16 text longer than that is narrowed on the heap
};

// What a copy takes over: what the content is, but not who owns it.
#define V_CONTENT_MASK (V_TYPE_MASK | V_NUL_TERMINATED | V_ZERO_TAIL | V_SUBTYPE | V_CLEARED)
#define V_OWNER_MASK   (V_DYNAMIC | V_STATIC | V_EPHEMERAL | V_OWNED)

// Set once while the library initialises.
static ValueHooks value_hooks;

void value_install_hooks(const ValueHooks *hooks)
{
    ASSERT(hooks != NULL);

    value_hooks = *hooks;
}

u32 value_length_limit(const Value *v)
{
    if (v->db == NULL || value_hooks.length_limit == NULL)
        return LENGTH_MAX;
    return value_hooks.length_limit(v->db);
}

int value_fp_digits(const Value *v)
{
    if (v->db == NULL || value_hooks.fp_digits == NULL)
        return 17;
    return value_hooks.fp_digits(v->db);
}

// The connection learns of it at once: every later call on it must answer SQLITE_NOMEM.
static COLD int value_nomem(const Value *v)
{
    if (v->db != NULL && value_hooks.out_of_memory != NULL)
        value_hooks.out_of_memory(v->db);
    return SQLITE_NOMEM;
}

bool value_is_sound(const Value *v)
{
    u16 flags = v->flags;
    if (flags & V_NULL)
        return (flags & (V_TYPE_MASK & ~V_NULL)) == 0;
    u16 numbers = flags & (V_INT | V_REAL | V_INT_REAL);
    if (numbers & (numbers - 1))
        return false; // two numbers
    if (!(flags & (V_TEXT | V_BLOB)))
        return numbers != 0 || flags == 0 || (flags & V_UNDEFINED);
    if ((flags & V_TEXT) && (flags & V_BLOB))
        return false;
    if ((flags & V_OWNED) && v->bytes != v->owned)
        return false;
    u16 owners = flags & V_OWNER_MASK;
    return (owners & (owners - 1)) == 0 && (v->bytes != NULL || v->size == 0);
}

// UTF-16, of either order.
static bool is_wide(u8 encoding)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    return encoding != SQLITE_UTF8;
}

// --- lifecycle ---

// Fields beside flags, encoding and db are zeroed too: V5.
void value_init(Value *v, sqlite3 *db)
{
    ASSERT(v != NULL);

    *v = (Value){.flags = V_NULL, .encoding = SQLITE_UTF8, .db = db};
}

void value_release_slow(Value *v)
{
    ASSERT(v->flags & V_DYNAMIC);
    ASSERT(v->destroy != NULL);

    // The value is put in order first: a destructor is the program's code and may come back to it.
    void (*destroy)(void *) = v->destroy;
    char *bytes = v->bytes;
    v->destroy = NULL;
    v->bytes = NULL;
    v->flags = V_NULL;
    destroy(bytes);
}

void value_deinit(Value *v)
{
    ASSERT(v != NULL);

    value_set_null(v);
    if (v->owned != NULL) {
        mem_free(v->owned);
        v->owned = NULL;
        v->capacity = 0;
    }
    v->bytes = NULL;
    v->size = 0;
}

// SQL has no NaN: what would be one is NULL.
void value_set_f64(Value *v, f64 real)
{
    ASSERT(v != NULL);

    value_set_null(v);
    if (real != real)
        return;
    v->u.real = real;
    v->flags = V_REAL;
}

// Makes `owned` hold `size` bytes; with `keep`, the content of an owned value
// survives.
static bool value_grow(Value *v, u64 size, bool keep)
{
    ASSERT(size > 0);

    if (LIKELY(size <= v->capacity))
        return true;
    if (size < OWNED_SIZE_MIN)
        size = OWNED_SIZE_MIN;
    char *block;
    if (keep && (v->flags & V_OWNED)) {
        block = mem_realloc(v->owned, size);
        if (block == NULL)
            return false;
        v->bytes = block + (v->bytes - v->owned);
    } else {
        block = mem_alloc(size);
        if (block == NULL)
            return false;
        mem_free(v->owned);
    }
    ASSERT(mem_size(block) >= size);
    v->owned = block;
    u64 capacity = mem_size(block);
    v->capacity = capacity > UINT32_MAX ? UINT32_MAX : (u32)capacity;
    return true;
}

char *value_begin_bytes(Value *v, u64 size)
{
    ASSERT(v != NULL);

    value_set_null(v);
    if (size > LENGTH_MAX || !value_grow(v, size + NUL_SIZE, false)) {
        value_nomem(v);
        return NULL;
    }
    return v->owned;
}

// `owned` holds `size` bytes; ends them and makes them the content.
static void value_commit(Value *v, u32 size, u16 flags)
{
    ASSERT(size + NUL_SIZE <= v->capacity);
    ASSERT(v->owned != NULL);

    v->bytes = v->owned;
    v->size = size;
    v->bytes[size] = 0;
    v->bytes[size + 1] = 0;
    v->flags = (u16)(flags | V_OWNED | V_NUL_TERMINATED);
}

void value_commit_text(Value *v, u32 size, u8 encoding)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    value_commit(v, size, V_TEXT);
    v->encoding = encoding;
}

void value_commit_blob(Value *v, u32 size, u8 encoding)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    value_commit(v, size, V_BLOB);
    v->encoding = encoding;
}

// Takes a block of mem_alloc as content; ends it with zeroes where it has room.
static void value_adopt(Value *v, char *block, u32 size, u16 flags)
{
    ASSERT((v->flags & (V_TYPE_MASK | V_DYNAMIC)) == V_NULL);
    ASSERT(block != NULL);
    ASSERT(mem_size(block) >= size);

    mem_free(v->owned);
    u64 capacity = mem_size(block);
    v->owned = block;
    v->capacity = capacity > UINT32_MAX ? UINT32_MAX : (u32)capacity;
    v->bytes = block;
    v->size = size;
    v->flags = (u16)(flags | V_OWNED);
    if (v->capacity >= size + NUL_SIZE) {
        v->bytes[size] = 0;
        v->bytes[size + 1] = 0;
        v->flags |= V_NUL_TERMINATED;
    }
}

static int value_set_bytes(Value *v, const void *bytes, u64 size, u16 flags, Handover how)
{
    ASSERT(v != NULL);

    value_set_null(v);
    char *source = (char *)(uintptr_t)bytes;
    // A taken block is the caller's no more, whatever comes of it.
    if (UNLIKELY(size > value_length_limit(v))) {
        if (how == BYTES_TAKE)
            mem_free(source);
        return SQLITE_TOOBIG;
    }
    switch (how) {
    case BYTES_COPY: {
        char *target = value_begin_bytes(v, size);
        if (target == NULL)
            return SQLITE_NOMEM;
        if (size > 0)
            memcpy(target, source, size);
        value_commit(v, (u32)size, flags);
        return SQLITE_OK;
    }
    case BYTES_TAKE: value_adopt(v, source, (u32)size, flags); return SQLITE_OK;
    case BYTES_STATIC: flags |= V_STATIC; break;
    case BYTES_BORROW: flags |= V_EPHEMERAL; break;
    }
    v->bytes = source;
    v->size = (u32)size;
    v->flags = flags;
    return SQLITE_OK;
}

// UTF-16 text: whole units only, and a leading byte order mark decides the
// order and goes.
static int value_strip_mark(Value *v)
{
    ASSERT(v->encoding != SQLITE_UTF8);

    v->size &= ~(u32)1;
    if (v->size < 2)
        return SQLITE_OK;
    u8 first = (u8)v->bytes[0];
    u8 second = (u8)v->bytes[1];
    bool little = first == 0xff && second == 0xfe;
    bool big = first == 0xfe && second == 0xff;
    if (!little && !big)
        return SQLITE_OK;
    TRY(value_own(v));
    memmove(v->bytes, v->bytes + 2, v->size - 2);
    value_commit_text(v, v->size - 2, little ? SQLITE_UTF16LE : SQLITE_UTF16BE);
    return SQLITE_OK;
}

int value_set_text(Value *v, const char *text, u64 size, u8 encoding, Handover how)
{
    ASSERT(text != NULL || size == 0);

    bool terminated = encoding == SQLITE_UTF8_ZT;
    if (terminated)
        encoding = SQLITE_UTF8;
    else if (encoding == SQLITE_UTF16)
        encoding = SQLITE_UTF16LE; // the order of the machines this runs on
    TRY(value_set_bytes(v, text, size, V_TEXT, how));
    v->encoding = encoding;
    if (terminated)
        v->flags |= V_NUL_TERMINATED;
    if (UNLIKELY(is_wide(encoding)))
        return value_strip_mark(v);
    return SQLITE_OK;
}

int value_set_blob(Value *v, const void *bytes, u64 size, Handover how)
{
    ASSERT(bytes != NULL || size == 0);

    v->encoding = SQLITE_UTF8; // should it be read as text
    return value_set_bytes(v, bytes, size, V_BLOB, how);
}

// Maps the public destructor onto a handover. A program's own function starts as a borrowed value,
// which value_set_text() may turn into an owned one (it strips UTF-16's byte order mark in a
// copy): only if it still is borrowed does the function become the value's to call.
static int value_set_destroy(Value *v, const void *bytes, u64 size, u8 encoding, bool is_text,
                             void (*destroy)(void *))
{
    ASSERT(bytes != NULL || size == 0);

    Handover how = BYTES_BORROW;
    if (destroy == SQLITE_STATIC)
        how = BYTES_STATIC;
    else if (destroy == SQLITE_TRANSIENT)
        how = BYTES_COPY;
    else if (destroy == mem_free)
        how = BYTES_TAKE;
    int rc = is_text ? value_set_text(v, bytes, size, encoding, how)
                     : value_set_blob(v, bytes, size, how);
    if (how != BYTES_BORROW)
        return rc;
    if (rc != SQLITE_OK || !(v->flags & V_EPHEMERAL)) { // failed, or copied without its mark
        destroy((void *)(uintptr_t)bytes);
        return rc;
    }
    v->flags = (u16)((v->flags & ~V_EPHEMERAL) | V_DYNAMIC);
    v->destroy = destroy;
    return SQLITE_OK;
}

int value_set_text_destroy(Value *v, const char *text, u64 size, u8 encoding,
                           void (*destroy)(void *))
{
    return value_set_destroy(v, text, size, encoding, true, destroy);
}

int value_set_blob_destroy(Value *v, const void *bytes, u64 size, void (*destroy)(void *))
{
    return value_set_destroy(v, bytes, size, SQLITE_UTF8, false, destroy);
}

void value_set_zeroblob(Value *v, u32 size)
{
    ASSERT(size <= LENGTH_MAX);

    value_set_null(v);
    v->bytes = NULL;
    v->size = 0;
    v->u.zero_tail = (i32)size;
    v->encoding = SQLITE_UTF8; // should it be read as text, in any database
    v->flags = V_BLOB | V_ZERO_TAIL;
}

void value_set_pointer(Value *v, void *pointer, const char *tag, void (*destroy)(void *))
{
    ASSERT(v != NULL);

    value_set_null(v);
    v->bytes = pointer;
    v->size = 0;
    v->u.pointer_tag = tag ? tag : "";
    v->subtype = 'p';
    v->destroy = destroy;
    v->flags = (u16)(V_NULL | V_SUBTYPE | (destroy ? V_DYNAMIC : 0));
}

void *value_pointer(const Value *v, const char *tag)
{
    ASSERT(value_is_sound(v));

    if (tag == NULL || (v->flags & (V_TYPE_MASK | V_SUBTYPE)) != (V_NULL | V_SUBTYPE)
        || v->subtype != 'p' || strcmp(v->u.pointer_tag, tag) != 0)
        return NULL;
    return v->bytes;
}

// --- copying ---

// Everything but the memory: the target keeps its own block and connection.
static inline void value_copy_header(Value *target, const Value *source)
{
    ASSERT(!(target->flags & V_DYNAMIC)); // it would never be given back
    ASSERT(target != source);

    target->u = source->u;
    target->bytes = source->bytes;
    target->size = source->size;
    target->encoding = source->encoding;
    target->subtype = source->subtype;
    target->flags = (u16)(source->flags & (V_CONTENT_MASK | V_FROM_BIND));
}

int value_copy(Value *target, const Value *source)
{
    ASSERT(value_is_sound(source));
    ASSERT(target != source);

    value_borrow(target, source);
    // Static bytes stay shared, which is what makes copying a literal cheap.
    if (target->flags & V_EPHEMERAL)
        return value_own(target);
    return SQLITE_OK;
}

void value_borrow(Value *target, const Value *source)
{
    ASSERT(value_is_sound(source));
    ASSERT(target != source);

    value_set_null(target);
    value_copy_header(target, source);
    if (source->flags & (V_TEXT | V_BLOB))
        target->flags |= source->flags & V_STATIC ? V_STATIC : V_EPHEMERAL;
}

void value_move(Value *target, Value *source)
{
    ASSERT(value_is_sound(source));
    ASSERT(target != source);

    // Both values may belong to different connections (value_dup's to none), so the target's
    // stays.
    sqlite3 *db = target->db;
    value_deinit(target);
    *target = *source;
    target->db = db;
    source->owned = NULL;
    source->bytes = NULL;
    source->destroy = NULL;
    source->capacity = 0;
    source->flags = V_NULL;
}

int value_own(Value *v)
{
    ASSERT(value_is_sound(v));

    if (!(v->flags & (V_TEXT | V_BLOB)))
        return SQLITE_OK;
    if (v->flags & V_ZERO_TAIL)
        return value_expand_zero_tail(v);
    if ((v->flags & V_OWNED) && (v->flags & V_NUL_TERMINATED))
        return SQLITE_OK;
    if (!value_grow(v, (u64)v->size + NUL_SIZE, true)) {
        value_set_null(v);
        return value_nomem(v);
    }
    // A dynamic block is given back once its bytes have been copied.
    char *former = v->bytes;
    void (*destroy)(void *) = v->flags & V_DYNAMIC ? v->destroy : NULL;
    if (former != v->owned && v->size > 0)
        memmove(v->owned, former, v->size);
    v->destroy = NULL;
    value_commit(v, v->size, (u16)(v->flags & ~V_OWNER_MASK));
    if (destroy != NULL)
        destroy(former);
    return SQLITE_OK;
}

int value_expand_zero_tail(Value *v)
{
    ASSERT(value_is_sound(v));

    if (!(v->flags & V_ZERO_TAIL))
        return SQLITE_OK;
    u32 tail = v->u.zero_tail > 0 ? (u32)v->u.zero_tail : 0;
    u64 total = (u64)v->size + tail;
    if (total > value_length_limit(v)) {
        value_set_null(v);
        return SQLITE_TOOBIG;
    }
    // Borrowed or foreign bytes go into `owned` first: growing it then keeps them.
    if (!(v->flags & V_OWNED) && v->size > 0 && v->capacity < total + NUL_SIZE) {
        v->flags &= (u16)~V_ZERO_TAIL;
        TRY(value_own(v));
    }
    if (!value_grow(v, total + NUL_SIZE, true)) {
        value_set_null(v);
        return value_nomem(v);
    }
    if (!(v->flags & V_OWNED) && v->size > 0)
        memmove(v->owned, v->bytes, v->size);
    memset(v->owned + v->size, 0, tail);
    value_commit(v, (u32)total, (u16)(v->flags & ~(V_OWNER_MASK | V_ZERO_TAIL)));
    return SQLITE_OK;
}

Value *value_new(sqlite3 *db)
{
    Value *v = mem_alloc(sizeof *v);
    if (v != NULL)
        value_init(v, db);
    return v;
}

// A pointer is not duplicated: its copy is a plain NULL.
Value *value_dup(const Value *v)
{
    ASSERT(v == NULL || value_is_sound(v));

    if (v == NULL)
        return NULL;
    Value *copy = value_new(NULL);
    if (copy == NULL)
        return NULL;
    value_borrow(copy, v);
    if (copy->flags & V_NULL)
        copy->flags = V_NULL;
    if ((copy->flags & (V_TEXT | V_BLOB)) && value_own(copy) != SQLITE_OK) {
        value_free(copy);
        return NULL;
    }
    return copy;
}

void value_free(Value *v)
{
    if (v == NULL)
        return;
    value_deinit(v);
    mem_free(v);
}

// --- reading ---

// Text first (V1): a cached number beside it does not change what the value is.
int value_type(const Value *v)
{
    ASSERT(value_is_sound(v));

    u16 flags = v->flags;
    if (flags & V_TEXT)
        return SQLITE_TEXT;
    if (flags & V_BLOB)
        return SQLITE_BLOB;
    if (flags & V_INT)
        return SQLITE_INTEGER;
    if (flags & (V_REAL | V_INT_REAL))
        return SQLITE_FLOAT;
    return SQLITE_NULL;
}

// The ASCII prefix of UTF-16 bytes as UTF-8, which is all that a number can be
// made of.
static size_t narrow_prefix(const Value *v, char *out, size_t limit)
{
    ASSERT(v->encoding != SQLITE_UTF8);
    ASSERT(limit > 0);

    const u8 *p = (const u8 *)v->bytes;
    u32 high = v->encoding == SQLITE_UTF16BE ? 0 : 1;
    size_t size = 0;
    for (u32 i = 0; i + 1 < v->size && size < limit; i += 2) {
        if (p[i + high] != 0 || p[i + 1 - high] >= 0x80 || p[i + 1 - high] == 0) {
            out[size++] = '?'; // ends the number, and tells that something follows
            break;
        }
        out[size++] = (char)p[i + 1 - high];
    }
    return size;
}

// The bytes that a number is parsed from. UTF-16 is narrowed to them, since a number is ASCII in
// any encoding.
typedef struct NumberText {
    const char *bytes; // v's own, or `scratch`, or `heap`
    size_t size;
    char *heap;
    char scratch[NUMBER_SCRATCH];
} NumberText;

static void number_text_init(NumberText *text, const Value *v)
{
    ASSERT(v->flags & (V_TEXT | V_BLOB));

    text->heap = NULL;
    text->bytes = v->bytes;
    text->size = v->size;
    if (LIKELY(!is_wide(v->encoding)))
        return;
    size_t limit = v->size / 2;
    char *out = text->scratch;
    if (limit > sizeof text->scratch)
        out = text->heap = mem_alloc(limit);
    if (out == NULL)
        value_nomem(v);
    text->bytes = out;
    text->size = out != NULL && limit > 0 ? narrow_prefix(v, out, limit) : 0;
}

void value_parse_number(const Value *v, ParsedNumber *out)
{
    ASSERT(v->flags & (V_TEXT | V_BLOB));

    NumberText text;
    number_text_init(&text, v);
    number_parse(text.bytes, text.size, out);
    mem_free(text.heap);
}

// CAST AS INTEGER takes the digits at the beginning and nothing else: '1e2' is 1 by it, where
// value_f64() reads 100. So it is no detour over value_parse_number().
static i64 bytes_to_i64(const Value *v)
{
    ASSERT(v->bytes != NULL);

    NumberText text;
    number_text_init(&text, v);
    i64 integer = number_parse_i64(text.bytes, text.size);
    mem_free(text.heap);
    return integer;
}

i64 value_i64(const Value *v)
{
    ASSERT(value_is_sound(v));

    u16 flags = v->flags;
    if (LIKELY(flags & (V_INT | V_INT_REAL)))
        return v->u.integer;
    if (flags & V_REAL)
        return f64_to_i64(v->u.real);
    if ((flags & (V_TEXT | V_BLOB)) && v->bytes != NULL)
        return bytes_to_i64(v);
    return 0;
}

f64 value_f64(const Value *v)
{
    ASSERT(value_is_sound(v));

    u16 flags = v->flags;
    if (flags & V_REAL)
        return v->u.real;
    if (flags & (V_INT | V_INT_REAL))
        return (f64)v->u.integer;
    if ((flags & (V_TEXT | V_BLOB)) && v->bytes != NULL) {
        ParsedNumber number;
        value_parse_number(v, &number);
        return number.real;
    }
    return 0.0;
}

bool value_truth(const Value *v, bool if_null)
{
    ASSERT(value_is_sound(v));

    if (v->flags & (V_INT | V_INT_REAL))
        return v->u.integer != 0;
    if (v->flags & V_NULL)
        return if_null;
    return value_f64(v) != 0.0;
}

// Renders a number into `owned`; the value stays a number. Returns the text's
// size in *size.
static const char *value_render(Value *v, u8 encoding, u32 *size)
{
    ASSERT(v->flags & (V_INT | V_REAL | V_INT_REAL));

    char scratch[NUMBER_TEXT_MAX];
    size_t count;
    if (v->flags & V_INT)
        count = i64_to_text(v->u.integer, scratch);
    else
        count = f64_to_text(v->flags & V_REAL ? v->u.real : (f64)v->u.integer, value_fp_digits(v),
                            scratch);
    if (!value_grow(v, count * 2 + NUL_SIZE, false)) {
        value_nomem(v);
        return NULL;
    }
    char *out = v->owned;
    if (is_wide(encoding)) {
        for (size_t i = 0; i < count; i++)
            utf16_put((u8 *)out + i * 2, (u8)scratch[i], encoding == SQLITE_UTF16BE);
        count *= 2;
    } else {
        memcpy(out, scratch, count);
    }
    out[count] = 0;
    out[count + 1] = 0;
    *size = (u32)count;
    return out;
}

const void *value_text(Value *v, u8 encoding)
{
    ASSERT(value_is_sound(v));

    if (LIKELY((v->flags & (V_TEXT | V_NUL_TERMINATED)) == (V_TEXT | V_NUL_TERMINATED)
               && v->encoding == encoding))
        return v->bytes;
    if (v->flags & V_NULL)
        return NULL;
    if (v->flags & (V_TEXT | V_BLOB)) {
        if (value_expand_zero_tail(v) != SQLITE_OK
            || (v->encoding != encoding && value_change_encoding(v, encoding) != SQLITE_OK)
            || value_nul_terminate(v) != SQLITE_OK)
            return NULL;
        return v->bytes;
    }
    u32 size;
    return value_render(v, encoding, &size);
}

const char *value_chars(Value *v, u8 encoding, u32 *size)
{
    ASSERT(value_is_sound(v));

    if (LIKELY((v->flags & V_TEXT) && v->encoding == encoding && v->bytes != NULL)) {
        *size = v->size;
        return v->bytes;
    }
    *size = 0;
    if (v->flags & (V_INT | V_REAL | V_INT_REAL))
        return value_render(v, encoding, size);
    const char *text = value_text(v, encoding);
    if (text != NULL)
        *size = v->size;
    return text;
}

u32 value_text_size(Value *v, u8 encoding)
{
    ASSERT(value_is_sound(v));

    if ((v->flags & V_TEXT) && v->encoding == encoding)
        return v->size;
    if ((v->flags & V_BLOB) && (v->encoding == encoding || v->size == 0))
        return value_size(v);
    if (v->flags & V_NULL)
        return 0;
    if (v->flags & (V_TEXT | V_BLOB))
        return value_text(v, encoding) ? v->size : 0;
    u32 size;
    return value_render(v, encoding, &size) ? size : 0;
}

const void *value_blob(Value *v)
{
    ASSERT(value_is_sound(v));

    if (v->flags & (V_TEXT | V_BLOB)) {
        if (value_expand_zero_tail(v) != SQLITE_OK)
            return NULL;
        return v->size > 0 ? v->bytes : NULL;
    }
    if (v->flags & V_NULL)
        return NULL;
    return value_text(v, v->encoding ? v->encoding : SQLITE_UTF8);
}

u32 value_size(const Value *v)
{
    ASSERT(value_is_sound(v));

    if (!(v->flags & (V_TEXT | V_BLOB)))
        return 0;
    if (v->flags & V_ZERO_TAIL)
        return v->size + (u32)v->u.zero_tail;
    return v->size;
}

int value_numeric_type(Value *v)
{
    ASSERT(value_is_sound(v));

    if (v->flags & V_TEXT)
        value_apply_numeric(v, false);
    return value_type(v);
}

// --- encodings ---

int value_nul_terminate(Value *v)
{
    ASSERT(value_is_sound(v));

    if (v->flags & V_NUL_TERMINATED)
        return SQLITE_OK;
    return value_own(v);
}

// Of a blob read as text the size may be odd: its last byte, which is half a character, stays as
// it is.
static void swap_bytes(char *bytes, u32 size)
{
    for (u32 i = 0; i + 1 < size; i += 2) {
        char first = bytes[i];
        bytes[i] = bytes[i + 1];
        bytes[i + 1] = first;
    }
}

int value_change_encoding(Value *v, u8 encoding)
{
    ASSERT(value_is_sound(v));

    // What is not text has no encoding; the field then only says how a blob would be read.
    if (!(v->flags & (V_TEXT | V_BLOB)) || v->encoding == encoding) {
        if (v->flags & V_TEXT)
            return SQLITE_OK;
        v->encoding = encoding;
        return SQLITE_OK;
    }
    TRY(value_expand_zero_tail(v));
    if (is_wide(v->encoding) && is_wide(encoding)) {
        TRY(value_own(v));
        swap_bytes(v->bytes, v->size);
        v->flags = (u16)((v->flags & ~V_BLOB) | V_TEXT);
        v->encoding = encoding;
        return SQLITE_OK;
    }
    ASSERT(v->encoding == SQLITE_UTF8 || encoding == SQLITE_UTF8);
    Buffer out = {0};
    if (is_wide(encoding))
        utf8_to_utf16(v->bytes, v->size, encoding == SQLITE_UTF16BE, &out);
    else
        utf16_to_utf8(v->bytes, v->size, v->encoding == SQLITE_UTF16BE, &out);
    buffer_add(&out, "\0", NUL_SIZE);
    if (out.rc != SQLITE_OK) {
        int rc = out.rc;
        buffer_deinit(&out);
        value_set_null(v);
        return rc == SQLITE_NOMEM ? value_nomem(v) : rc;
    }
    u16 subtype = v->flags & (V_SUBTYPE | V_FROM_BIND);
    value_set_null(v);
    value_adopt(v, out.bytes, (u32)out.size - NUL_SIZE, V_TEXT);
    v->flags |= subtype;
    v->encoding = encoding;
    return SQLITE_OK;
}
