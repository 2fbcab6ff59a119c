// URI file names: "file:///path?key=value&...". Escapes are %HH; the authority must be empty or
// "localhost".
//
//     file:///a%20b.db?mode=ro&vfs=unix#ignored
//          |  path    | key=value ...  | fragment
//
// Keys that mean nothing here are kept, for a VFS to ask for. A key without a name is dropped, one
// without a value has "". Modes narrow what the flags allow and never widen it (SQLITE_PERM).

#include "api/api.h"
#include "base/buffer.h"
#include "base/utf.h"
#include "base/vec.h"
#include "os/filename.h"
#include "os/os.h"
#include <string.h>

// Path and parameters, as consecutive NUL-terminated strings: path, key, value, key, value...
typedef struct UriParts {
    Buffer text;
    struct {
        u32 *items;
        u32 count, capacity;
    } starts; // offset of each string
} UriParts;

// A string begins where the text ends so far.
static int parts_begin(UriParts *parts)
{
    TRY(vec_reserve(&parts->starts.items, &parts->starts.capacity, parts->starts.count + 1,
                    sizeof *parts->starts.items));
    parts->starts.items[parts->starts.count++] = (u32)parts->text.size;
    return SQLITE_OK;
}

static int parts_end(UriParts *parts)
{
    ASSERT(parts->starts.count > 0);

    buffer_add_char(&parts->text, '\0');
    return parts->text.rc;
}

static const char *parts_at(UriParts *parts, u32 index)
{
    ASSERT(index < parts->starts.count);

    return buffer_text(&parts->text) + parts->starts.items[index];
}

// Adds characters up to one of `stops`; %00 cuts the piece short there.
static const char *parts_add_piece(UriParts *parts, const char *in, const char *stops)
{
    bool cut = false;
    for (; *in != '\0' && strchr(stops, *in) == NULL; in++) {
        u8 c = (u8)*in;
        if (c == '%' && ascii_is_hex((u8)in[1]) && ascii_is_hex((u8)in[2])) {
            c = (u8)(hex_value((u8)in[1]) * 16 + hex_value((u8)in[2]));
            in += 2;
        }
        cut |= c == 0;
        if (!cut)
            buffer_add_char(&parts->text, (char)c);
    }
    return in;
}

// Everything behind # is left out.
static int parts_split(UriParts *parts, const char *in)
{
    ASSERT(parts->starts.count == 0);

    TRY(parts_begin(parts));
    in = parts_add_piece(parts, in, "?#");
    TRY(parts_end(parts));
    while (*in == '?' || *in == '&') {
        in++;
        if (*in == '&' || *in == '#' || *in == '\0')
            continue;
        TRY(parts_begin(parts));
        in = parts_add_piece(parts, in, "=&#");
        bool named =
            buffer_text(&parts->text)[parts->starts.items[parts->starts.count - 1]] != '\0';
        TRY(parts_end(parts));
        TRY(parts_begin(parts));
        if (*in == '=')
            in = parts_add_piece(parts, in + 1, "&#");
        TRY(parts_end(parts));
        if (!named)
            parts->starts.count -= 2;
    }
    return SQLITE_OK;
}

typedef struct UriMode {
    const char *name;
    int flags;
} UriMode;

// The values one parameter may have.
typedef struct UriModes {
    const char *kind;
    const UriMode *items;
    size_t count;
    int mask;  // flags the parameter decides
    int limit; // flags it may not go beyond
} UriModes;

// An unknown value is an error: a misspelt ro must not open for writing.
static int apply_mode(const UriModes *modes, const char *value, int *open_flags, char **message)
{
    ASSERT(modes->count > 0);

    for (size_t i = 0; i < modes->count; i++) {
        const UriMode *mode = &modes->items[i];
        if (strcmp(mode->name, value) != 0)
            continue;
        if ((mode->flags & ~SQLITE_OPEN_MEMORY) > modes->limit) {
            *message = sqlite3_mprintf("%s mode not allowed: %s", modes->kind, value);
            return SQLITE_PERM;
        }
        *open_flags = (*open_flags & ~modes->mask) | mode->flags;
        return SQLITE_OK;
    }
    *message = sqlite3_mprintf("no such %s mode: %s", modes->kind, value);
    return SQLITE_ERROR;
}

static int apply_cache(const char *value, int *open_flags, char **message)
{
    static const UriMode modes[] = {{"shared", SQLITE_OPEN_SHAREDCACHE},
                                    {"private", SQLITE_OPEN_PRIVATECACHE}};
    enum { MASK = SQLITE_OPEN_SHAREDCACHE | SQLITE_OPEN_PRIVATECACHE };
    UriModes all = {"cache", modes, ARRAY_LEN(modes), MASK, MASK};
    return apply_mode(&all, value, open_flags, message);
}

static int apply_access(const char *value, int *open_flags, char **message)
{
    static const UriMode modes[] = {
        {"ro", SQLITE_OPEN_READONLY},
        {"rw", SQLITE_OPEN_READWRITE},
        {"rwc", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE},
        {"memory", SQLITE_OPEN_MEMORY},
    };
    enum {
        MASK =
            SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY
    };
    UriModes all = {"access", modes, ARRAY_LEN(modes), MASK, MASK & *open_flags};
    return apply_mode(&all, value, open_flags, message);
}

static int apply_parameter(const char *key, const char *value, int *open_flags,
                           const char **vfs_name, char **message)
{
    if (strcmp(key, "vfs") == 0)
        *vfs_name = value;
    if (strcmp(key, "cache") == 0)
        return apply_cache(value, open_flags, message);
    if (strcmp(key, "mode") == 0)
        return apply_access(value, open_flags, message);
    return SQLITE_OK;
}

// Behind "file:": an authority of "//" must be empty or localhost. *path is where the path begins.
static int skip_authority(const char *uri, const char **path, char **message)
{
    ASSERT(*message == NULL);

    *path = uri;
    if (uri[0] != '/' || uri[1] != '/')
        return SQLITE_OK;
    const char *authority = uri + 2;
    size_t size = strcspn(authority, "/");
    if (size != 0 && (size != 9 || memcmp(authority, "localhost", 9) != 0)) {
        *message = sqlite3_mprintf("invalid uri authority: %.*s", (int)size, authority);
        return SQLITE_ERROR;
    }
    *path = authority + size;
    return SQLITE_OK;
}

// The path is made last, with all parameters behind it in one block.
static int parts_apply(UriParts *parts, int *open_flags, const char **vfs_name, char **path,
                       char **message)
{
    ASSERT(parts->starts.count % 2 == 1);

    const char **parameters = mem_alloc_zeroed((u64)(parts->starts.count + 1) * sizeof *parameters);
    if (parameters == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    u32 count = parts->starts.count - 1;
    for (u32 i = 0; i < count; i++)
        parameters[i] = parts_at(parts, i + 1);
    for (u32 i = 0; i + 1 < count && rc == SQLITE_OK; i += 2)
        rc = apply_parameter(parameters[i], parameters[i + 1], open_flags, vfs_name, message);
    if (rc == SQLITE_OK) {
        *path = filename_new(parts_at(parts, 0), "", "", (int)count / 2, parameters);
        rc = *path != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    mem_free(parameters);
    return rc;
}

static int find_vfs(const char *name, sqlite3_vfs **vfs, char **message)
{
    ASSERT(*message == NULL);

    *vfs = vfs_find(name);
    if (*vfs != NULL)
        return SQLITE_OK;
    *message = sqlite3_mprintf("no such vfs: %s", name != NULL ? name : "");
    return SQLITE_ERROR;
}

// Names that are no URI, or where none are allowed, are paths as they are.
int uri_parse(const char *vfs_name, const char *uri, int *open_flags, sqlite3_vfs **vfs,
              char **path, char **message)
{
    *path = NULL;
    *message = NULL;
    bool allowed = (*open_flags & SQLITE_OPEN_URI) != 0 || api_config.open_uri;
    if (!allowed || strncmp(uri, "file:", 5) != 0) {
        *open_flags &= ~SQLITE_OPEN_URI;
        *path = filename_new(uri, "", "", 0, NULL);
        if (*path == NULL)
            return SQLITE_NOMEM;
        return find_vfs(vfs_name, vfs, message);
    }
    *open_flags |= SQLITE_OPEN_URI;
    UriParts parts = {0};
    const char *rest;
    int rc = SQLITE_OK;
    TRY_DONE(skip_authority(uri + 5, &rest, message));
    TRY_DONE(parts_split(&parts, rest));
    TRY_DONE(parts_apply(&parts, open_flags, &vfs_name, path, message));
    rc = find_vfs(vfs_name, vfs, message);
done:
    if (rc != SQLITE_OK) {
        filename_free(*path);
        *path = NULL;
    }
    buffer_deinit(&parts.text);
    mem_free(parts.starts.items);
    return rc;
}

// --- what a VFS and others may ask of a name ---

const char *sqlite3_uri_parameter(sqlite3_filename name, const char *key)
{
    return name == NULL || key == NULL ? NULL : filename_parameter(name, key);
}

const char *sqlite3_uri_key(sqlite3_filename name, int index)
{
    return name == NULL || index < 0 ? NULL : filename_key(name, index);
}

int sqlite3_uri_boolean(sqlite3_filename name, const char *key, int otherwise)
{
    return name == NULL ? otherwise != 0 : filename_bool(name, key, otherwise != 0);
}

sqlite3_int64 sqlite3_uri_int64(sqlite3_filename name, const char *key, sqlite3_int64 otherwise)
{
    return name == NULL ? otherwise : filename_i64(name, key, otherwise);
}

const char *sqlite3_filename_database(sqlite3_filename name)
{
    return name == NULL ? NULL : filename_database(name);
}

const char *sqlite3_filename_journal(sqlite3_filename name)
{
    return name == NULL ? NULL : filename_journal(name);
}

const char *sqlite3_filename_wal(sqlite3_filename name)
{
    return name == NULL ? NULL : filename_wal(name);
}

sqlite3_filename sqlite3_create_filename(const char *database, const char *journal, const char *wal,
                                         int count, const char **parameters)
{
    return filename_new(database, journal, wal, count, parameters);
}

void sqlite3_free_filename(sqlite3_filename name)
{
    filename_free(name);
}
