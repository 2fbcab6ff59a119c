// Hashes of keys: see key_hash.h.
#include "vm/key_hash.h"
#include "base/utf.h"
#include <string.h>

// The two halves of a 128-bit product, joined: every bit of both factors reaches every bit. The
// scheme and the odd constants below are wyhash's (Wang Yi, public domain); the first one is 2^64
// divided by the golden ratio. Hashes are never stored, so they may change.
static inline u64 mix(u64 a, u64 b)
{
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15ull) * (b | 1);
    return (u64)product ^ (u64)(product >> 64);
}

static u64 hash_bytes(const u8 *bytes, size_t size, u64 seed)
{
    ASSERT(bytes != NULL || size == 0);

    u64 hash = seed ^ size;
    while (size >= 8) {
        u64 word;
        memcpy(&word, bytes, 8);
        hash = mix(hash ^ word, 0xa0761d6478bd642full);
        bytes += 8;
        size -= 8;
    }
    u64 tail = 0;
    memcpy(&tail, bytes, size);
    return mix(hash ^ tail, 0xe7037ed1a0b428dbull);
}

static u64 hash_folded(const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    u64 hash = 7;
    for (size_t i = 0; i < size && text[i] != 0; i++) // NOCASE looks no further than a NUL
        hash = mix(hash ^ ascii_lower((u8)text[i]), 0xa0761d6478bd642full);
    return hash;
}

// Texts that a collation calls equal must hash alike. Of a user's collation nothing is known: all
// its texts are in one bucket.
static u64 hash_text(const Value *v, const Collation *collation)
{
    ASSERT(v->flags & V_TEXT);

    if (collation->is_binary)
        return hash_bytes((const u8 *)v->bytes, v->size, 3);
    if (v->encoding == SQLITE_UTF8 && collation == &collation_nocase)
        return hash_folded(v->bytes, v->size);
    if (v->encoding == SQLITE_UTF8 && collation == &collation_rtrim) {
        size_t size = v->size;
        while (size > 0 && v->bytes[size - 1] == ' ')
            size--;
        return hash_bytes((const u8 *)v->bytes, size, 3);
    }
    return 3;
}

// Without its trailing zeroes, so that a zero tail need not be written out.
static u64 hash_blob(const Value *v)
{
    ASSERT(v->flags & V_BLOB);

    size_t size = v->size;
    while (size > 0 && v->bytes[size - 1] == 0)
        size--;
    return hash_bytes((const u8 *)v->bytes, size, 4);
}

static u64 hash_of_value(const Value *v, const Collation *collation)
{
    ASSERT(collation != NULL);

    if (v->flags & V_NULL)
        return 1;
    if (v->flags & V_TEXT)
        return hash_text(v, collation);
    if (v->flags & V_BLOB)
        return hash_blob(v);
    if (v->flags & (V_INT | V_INT_REAL))
        return mix((u64)v->u.integer, 5);
    ASSERT(v->flags & V_REAL);
    f64 real = v->u.real;
    if (real >= -9223372036854775808.0 && real < 9223372036854775808.0 && (f64)(i64)real == real)
        return mix((u64)(i64)real, 5); // equals that integer
    u64 bits;
    memcpy(&bits, &real, 8);
    return mix(bits, 6);
}

u64 key_hash(const Value *key, u32 count, const KeyShape *shape)
{
    ASSERT(count > 0);

    if (count == 1)
        return hash_of_value(key, shape_collation(shape, 0));
    u64 hash = 11;
    for (u32 i = 0; i < count; i++)
        hash = mix(hash ^ hash_of_value(&key[i], shape_collation(shape, i)), 0xe7037ed1a0b428dbull);
    return hash;
}
