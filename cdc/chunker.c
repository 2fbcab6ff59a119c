// Cuts long texts into pieces, and tells equal ones by their hash.
//
// Pieces cover the text without a gap and each begins after the one before it, so that cutting
// ends. The same text is always cut the same way, which is what makes hashes of pieces comparable
// from run to run (L3); a change in the middle of a text leaves the pieces before it as they were.
#include "cdc/pipeline.h"

#include <ctype.h>

// FNV-1a with two offsets and a final mix of each half. Not proof against an enemy, who would only
// spoil his own vectors.
void text_hash(const char *text, size_t size, u8 *hash)
{
    ASSERT(text != NULL || size == 0);

    u64 halves[2] = {14695981039346656037ull, 0x9e3779b97f4a7c15ull};
    for (size_t i = 0; i < size; i++) {
        halves[0] = (halves[0] ^ (u8)text[i]) * 1099511628211ull;
        halves[1] = (halves[1] + (u8)text[i]) * 0xff51afd7ed558ccdull;
        halves[1] ^= halves[1] >> 29;
    }
    for (int i = 0; i < 2; i++) {
        u64 mixed = (halves[i] ^ size) * 0xc4ceb9fe1a85ec53ull;
        mixed ^= mixed >> 33;
        memcpy(hash + 8 * i, &mixed, 8);
    }
}

static bool is_inside_character(char c)
{
    return ((u8)c & 0xc0) == 0x80;
}

// The end of a piece that begins at `start`, at most `size` bytes on.
static size_t piece_end(const char *text, size_t length, size_t start, size_t size)
{
    ASSERT(start < length && size > 0);

    if (length - start <= size)
        return length;
    size_t end = start + size;
    for (size_t at = end; at > start + size / 2; at--) {
        if (isspace((unsigned char)text[at]))
            return at;
    }
    while (end > start + 1 && is_inside_character(text[end]))
        end--;
    return end;
}

// Where the piece after one that ended at `end` begins: behind white space, if there is some.
static size_t next_start(const char *text, size_t start, size_t end, size_t overlap)
{
    ASSERT(start < end);

    size_t at = end > start + overlap ? end - overlap : end;
    while (at < end && is_inside_character(text[at]))
        at++;
    for (size_t i = at; i < end; i++) {
        if (isspace((unsigned char)text[i]))
            return i + 1 > start ? i + 1 : end;
    }
    return at > start ? at : end;
}

int text_chunks(const char *text, size_t length, int size, int overlap, Chunk **chunks, int *count)
{
    size_t start = 0;
    *chunks = NULL;
    *count = 0;
    size_t limit = size > 0 ? (size_t)size : length;
    ASSERT(overlap >= 0 && (size == 0 || overlap < size));

    while (start < length) {
        void *grown = sqlite3_realloc64(*chunks, ((u64)*count + 1) * sizeof **chunks);
        if (grown == NULL)
            return SQLITE_NOMEM;
        *chunks = grown;
        size_t end = piece_end(text, length, start, limit);
        Chunk *chunk = &(*chunks)[(*count)++];
        *chunk = (Chunk){.start = start, .length = end - start};
        text_hash(text + start, chunk->length, chunk->hash);
        if (end >= length)
            break;
        start = next_start(text, start, end, (size_t)overlap);
    }
    return SQLITE_OK;
}
