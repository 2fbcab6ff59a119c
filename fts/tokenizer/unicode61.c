// unicode61, the default tokenizer: words are runs of characters of given Unicode 6.1 categories,
// lower-cased, their accents removed.
//
// Arguments: remove_diacritics 0|1|2, categories 'L* N* Co', tokenchars '...', separators '...'.
// Characters below 0x300 are looked up in tables of the tokenizer; those above by binary search.
#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

enum { DIRECT_COUNT = 0x300, FOLD_NONE = 0 };

typedef struct Unicode61 {
    int remove_diacritics;
    bool has_category[UNICODE_NONE + 1];
    u32 *exceptions; // code points whose class is turned round, ascending
    int exception_count;
    u8 is_token[DIRECT_COUNT];
    u16 folded[DIRECT_COUNT]; // 0: nothing
    FtsBuffer token;
} Unicode61;

// --- configuration ---

// A category by its two letters, or all of one first letter: "L*".
static bool set_one_category(Unicode61 *self, const char *name)
{
    bool found = false;
    for (int i = 0; i < UNICODE_CATEGORY_COUNT; i++) {
        const char *own = unicode_category_names[i];
        if (own[0] == name[0] && (own[1] == name[1] || name[1] == '*')) {
            self->has_category[i] = true;
            found = true;
        }
    }
    return found;
}

static int set_categories(Unicode61 *self, const char *list)
{
    ASSERT(list != NULL);

    memset(self->has_category, 0, sizeof self->has_category);
    self->has_category[UNICODE_ANY] = true;
    while (*list != 0) {
        if (*list == ' ' || *list == '\t') {
            list++;
            continue;
        }
        if (list[1] == 0 || !set_one_category(self, list))
            return SQLITE_ERROR;
        list += 2;
        if (*list != 0 && *list != ' ' && *list != '\t')
            return SQLITE_ERROR;
    }
    return SQLITE_OK;
}

// Place of the code, or where it would go.
static int find_exception(const Unicode61 *self, u32 code)
{
    ASSERT(self->exception_count == 0 || self->exceptions != NULL);

    int first = 0;
    int end = self->exception_count;
    while (first < end) {
        int middle = (first + end) / 2;
        if (self->exceptions[middle] < code)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool is_exception(const Unicode61 *self, u32 code)
{
    int at = find_exception(self, code);
    return at < self->exception_count && self->exceptions[at] == code;
}

// tokenchars and separators turn a character's class round.
static bool is_token_code(const Unicode61 *self, u32 code)
{
    return self->has_category[unicode_category(code)] != is_exception(self, code);
}

static void add_exception(Unicode61 *self, u32 code)
{
    ASSERT(!is_exception(self, code));

    int at = find_exception(self, code);
    memmove(self->exceptions + at + 1, self->exceptions + at,
            (size_t)(self->exception_count - at) * sizeof(u32));
    self->exceptions[at] = code;
    self->exception_count++;
}

// Of ASCII the table decides and the last word counts; of the others an exception is what differs
// from the categories, and marks that join their letter's token can be none.
static int add_exceptions(Unicode61 *self, const char *text, bool as_token)
{
    u64 room = (u64)self->exception_count + strlen(text);
    u32 *grown = sqlite3_realloc64(self->exceptions, (room + 1) * sizeof(u32));
    if (grown == NULL)
        return SQLITE_NOMEM;
    self->exceptions = grown;
    const u8 *at = (const u8 *)text;
    const u8 *end = at + strlen(text);
    while (at < end) {
        u32 code = unicode_next(&at, end);
        bool is_settled = self->has_category[unicode_category(code)] == as_token;
        if (code < 0x80) // the last word on a character wins
            self->is_token[code] = as_token;
        else if (!is_settled && !unicode_is_joining(code) && !is_exception(self, code))
            add_exception(self, code);
    }
    return SQLITE_OK;
}

// Characters below DIRECT_COUNT are most of all text: their class and folding cost one look.
static void fill_tables(Unicode61 *self)
{
    ASSERT(self->remove_diacritics >= 0 && self->remove_diacritics <= 2);

    for (u32 code = 0; code < DIRECT_COUNT; code++) {
        if (code >= 0x80)
            self->is_token[code] = is_token_code(self, code);
        self->folded[code] = (u16)unicode_fold(code, self->remove_diacritics);
    }
}

static int set_argument(Unicode61 *self, const char *name, const char *value)
{
    if (sqlite3_stricmp(name, "remove_diacritics") == 0) {
        if (value[0] < '0' || value[0] > '2' || value[1] != 0)
            return SQLITE_ERROR;
        self->remove_diacritics = value[0] - '0';
        return SQLITE_OK;
    }
    if (sqlite3_stricmp(name, "tokenchars") == 0)
        return add_exceptions(self, value, true);
    if (sqlite3_stricmp(name, "separators") == 0)
        return add_exceptions(self, value, false);
    return sqlite3_stricmp(name, "categories") == 0 ? SQLITE_OK : SQLITE_ERROR;
}

static void unicode61_delete(Fts5Tokenizer *tokenizer)
{
    Unicode61 *self = (Unicode61 *)tokenizer;
    if (self == NULL)
        return;
    sqlite3_free(self->exceptions);
    fts_buffer_deinit(&self->token);
    sqlite3_free(self);
}

static int configure(Unicode61 *self, const char **args, int arg_count)
{
    ASSERT(arg_count % 2 == 0);

    const char *categories = "L* N* Co";
    for (int i = 0; i + 1 < arg_count; i += 2) {
        if (sqlite3_stricmp(args[i], "categories") == 0)
            categories = args[i + 1];
    }
    self->remove_diacritics = 1;
    TRY(set_categories(self, categories));
    for (u32 code = 0; code < 0x80; code++)
        self->is_token[code] = self->has_category[unicode_category(code)];
    for (int i = 0; i < arg_count; i += 2)
        TRY(set_argument(self, args[i], args[i + 1]));
    fill_tables(self);
    return SQLITE_OK;
}

static int unicode61_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data;
    *out = NULL;
    if (arg_count % 2 != 0)
        return SQLITE_ERROR;
    Unicode61 *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = configure(self, args, arg_count);
    if (rc != SQLITE_OK) {
        unicode61_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

// --- tokens ---

static inline bool is_token_char(const Unicode61 *self, u32 code)
{
    return code < DIRECT_COUNT ? self->is_token[code] : is_token_code(self, code);
}

// The token's further characters as far as they are ASCII; folding keeps them so.
static bool collect_ascii(Unicode61 *self, const u8 **at, const u8 *end)
{
    const u8 *run_end = *at;
    while (run_end < end && *run_end < 0x80 && self->is_token[*run_end])
        run_end++;
    FtsBuffer *token = &self->token;
    if (!fts_buffer_reserve(token, (size_t)(run_end - *at)))
        return false;
    while (*at < run_end)
        token->bytes[token->size++] = (u8)self->folded[*(*at)++];
    return true;
}

static bool collect_folded(Unicode61 *self, u32 code)
{
    FtsBuffer *token = &self->token;
    u32 folded =
        code < DIRECT_COUNT ? self->folded[code] : unicode_fold(code, self->remove_diacritics);
    if (!fts_buffer_reserve(token, 4))
        return false;
    if (folded != FOLD_NONE)
        token->size += (u32)unicode_put(token->bytes + token->size, folded);
    return true;
}

// Appends the token that starts with `code` to self->token; *at is left after its last character.
static void collect_token(Unicode61 *self, u32 code, const u8 **at, const u8 *end)
{
    ASSERT(*at <= end);

    fts_buffer_clear(&self->token);
    while (collect_folded(self, code) && collect_ascii(self, at, end)) {
        if (*at >= end)
            return;
        const u8 *next = *at;
        code = unicode_next(&next, end);
        bool joins = code >= 0x80 && unicode_is_joining(code);
        if (!joins && !is_token_char(self, code))
            return;
        *at = next;
    }
}

// wide: the signature is the public interface's
static int unicode61_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                              int size, const char *locale, int locale_size, TokenCallback *emit)
{
    (void)flags, (void)locale, (void)locale_size;
    Unicode61 *self = (Unicode61 *)tokenizer;
    const u8 *start = (const u8 *)text;
    const u8 *end = start + size;
    const u8 *at = start;
    while (at < end) {
        const u8 *first = at;
        u32 code = *at < 0x80 ? *at++ : unicode_next(&at, end);
        if (!is_token_char(self, code))
            continue;
        collect_token(self, code, &at, end);
        if (self->token.rc != SQLITE_OK)
            return self->token.rc;
        TRY(emit(ctx, 0, (const char *)self->token.bytes, (int)self->token.size,
                 (int)(first - start), (int)(at - start)));
    }
    return SQLITE_OK;
}

const fts5_tokenizer_v2 tokenizer_unicode61 = {2, unicode61_create, unicode61_delete,
                                               unicode61_tokenize};
