// The tokenizers, alone and beside those of a stock library.
#include "support/test.h"

#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

#include <dlfcn.h>

static int append_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    FtsBuffer *out = ctx;
    char place[48];
    snprintf(place, sizeof place, ":%d:%d-%d ", flags, start, end);
    fts_buffer_append(out, token, (u64)size);
    fts_buffer_append_text(out, place);
    return SQLITE_OK;
}

static int append_word(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)flags, (void)start, (void)end;
    fts_buffer_append(ctx, token, (u64)size);
    fts_buffer_append_byte(ctx, ' ');
    return SQLITE_OK;
}

static const char *words_of(const char **args, int arg_count, const char *text)
{
    static char words[512];
    TokenizerList list = {0};
    Fts5Tokenizer *tokenizer = NULL;
    assert_ok(tokenizer_list_add_builtin(&list));
    TokenizerEntry *entry = tokenizer_list_find(&list, args[0]);
    assert_ok(entry->methods.xCreate(entry->user_data, args + 1, arg_count - 1, &tokenizer));
    FtsBuffer out = {0};
    assert_ok(entry->methods.xTokenize(tokenizer, &out, FTS5_TOKENIZE_DOCUMENT, text,
                                       (int)strlen(text), NULL, 0, append_word));
    snprintf(words, sizeof words, "%.*s", (int)out.size, out.bytes);
    entry->methods.xDelete(tokenizer);
    fts_buffer_deinit(&out);
    tokenizer_list_deinit(&list);
    return words;
}

static void words_are_folded_and_lose_their_single_accents(void **state)
{
    (void)state;
    const char *args[] = {"unicode61"};
    assert_text("ecole ế naive straße ii a b ete ",
                words_of(args, 1, "École ế naïve straße İI a.b été"));
}

static void snowball_stems_what_its_base_finds(void **state)
{
    (void)state;
    const char *german[] = {"snowball", "german", "unicode61", "remove_diacritics", "0"};
    assert_text("haus haus ", words_of(german, 5, "Hauses Häuser"));
}

static void tokens_may_stay_as_they_stand(void **state)
{
    (void)state;
    const char *raw[] = {"raw"};
    const char *whitespace[] = {"whitespace"};
    const char *simple[] = {"simple"};
    static const char text[] = " User-12\tit's\xE2\x80\x83"
                               "CAF\xC3\x89,\xFF ";
    assert_text(" User-12\tit's\xE2\x80\x83"
                "CAF\xC3\x89,\xFF  ",
                words_of(raw, 1, text));
    assert_text("User-12 it's CAF\xC3\x89,\xFF ", words_of(whitespace, 1, text));
    assert_text("User 12 it s CAF\xC3\x89 ", words_of(simple, 1, text));
    assert_text("", words_of(raw, 1, ""));
    assert_text("", words_of(simple, 1, " - "));
}

// --- beside stock ---

typedef struct Stock {
    void *library;
    sqlite3 *db;
    fts5_api *api;
} Stock;

static bool stock_begin(Stock *stock)
{
    const char *name = getenv("QUIRE_STOCK_SQLITE");
    stock->library = dlopen(name != NULL ? name : "libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    if (stock->library == NULL)
        return false;
    __typeof__(&sqlite3_open) open_db;
    __typeof__(&sqlite3_prepare_v2) prepare;
    __typeof__(&sqlite3_bind_pointer) bind;
    __typeof__(&sqlite3_step) step;
    __typeof__(&sqlite3_finalize) finalize;
    *(void **)&open_db = dlsym(stock->library, "sqlite3_open");
    *(void **)&prepare = dlsym(stock->library, "sqlite3_prepare_v2");
    *(void **)&bind = dlsym(stock->library, "sqlite3_bind_pointer");
    *(void **)&step = dlsym(stock->library, "sqlite3_step");
    *(void **)&finalize = dlsym(stock->library, "sqlite3_finalize");
    sqlite3_stmt *stmt = NULL;
    stock->api = NULL;
    if (open_db(":memory:", &stock->db) != SQLITE_OK
        || prepare(stock->db, "SELECT fts5(?1)", -1, &stmt, NULL) != SQLITE_OK)
        return false;
    bind(stmt, 1, &stock->api, "fts5_api_ptr", NULL);
    step(stmt);
    finalize(stmt);
    return stock->api != NULL;
}

static void stock_end(Stock *stock)
{
    int (*close_db)(sqlite3 *);
    *(void **)&close_db = dlsym(stock->library, "sqlite3_close");
    close_db(stock->db);
}

typedef struct Pair {
    fts5_tokenizer theirs;
    fts5_tokenizer ours;
    Fts5Tokenizer *their_tokenizer;
    Fts5Tokenizer *our_tokenizer;
    FtsBuffer their_tokens;
    FtsBuffer our_tokens;
} Pair;

static void compare_text(Pair *pair, const char *text, int size)
{
    fts_buffer_clear(&pair->their_tokens);
    fts_buffer_clear(&pair->our_tokens);
    assert_ok(pair->theirs.xTokenize(pair->their_tokenizer, &pair->their_tokens, 4, text, size,
                                     append_token));
    assert_ok(
        pair->ours.xTokenize(pair->our_tokenizer, &pair->our_tokens, 4, text, size, append_token));
    assert_int_equal(pair->their_tokens.size, pair->our_tokens.size);
    if (pair->our_tokens.size > 0)
        assert_memory_equal(pair->their_tokens.bytes, pair->our_tokens.bytes,
                            pair->our_tokens.size);
}

static void compare_every_code_point(Pair *pair)
{
    for (u32 code = 1; code < 0x110000; code++) {
        u8 text[16] = "a";
        int size = 1;
        size += unicode_put(text + size, code);
        text[size++] = 'b';
        text[size++] = ' ';
        size += unicode_put(text + size, code);
        text[size++] = 'C';
        compare_text(pair, (const char *)text, size);
    }
}

static void compare_broken_text(Pair *pair)
{
    u32 seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        for (int i = 0; i < 24; i++) {
            seed = seed * 1664525 + 1013904223;
            u32 kind = seed >> 28;
            u32 byte = seed >> 16 & 0xFF;
            text[i] = (char)(kind < 4 ? byte : kind < 8 ? 0x80 | byte : (u32) "aB -"[byte & 3]);
        }
        compare_text(pair, text, 1 + (int)(seed >> 8) % 23);
    }
}

static void compare_tokenizer(Stock *stock, TokenizerList *list, const char **args, int arg_count)
{
    Pair pair = {0};
    void *their_data = NULL;
    TokenizerEntry *entry = tokenizer_list_find(list, args[0]);
    pair.ours = entry->old_methods;
    assert_ok(stock->api->xFindTokenizer(stock->api, args[0], &their_data, &pair.theirs));
    assert_ok(pair.theirs.xCreate(their_data, args + 1, arg_count - 1, &pair.their_tokenizer));
    assert_ok(
        pair.ours.xCreate(entry->old_user_data, args + 1, arg_count - 1, &pair.our_tokenizer));
    compare_every_code_point(&pair);
    compare_broken_text(&pair);
    pair.theirs.xDelete(pair.their_tokenizer);
    pair.ours.xDelete(pair.our_tokenizer);
    fts_buffer_deinit(&pair.their_tokens);
    fts_buffer_deinit(&pair.our_tokens);
}

// The first are tried always, the rest where QUIRE_EVERY_OPTION is set.
static const char *const option_cases[][5] = {
    {"unicode61"},
    {"unicode61", "remove_diacritics", "0"},
    {"unicode61", "remove_diacritics", "2"},
    {"unicode61", "categories", "N* P* Lu", "tokenchars", "-\xC3\xA9"},
    {"ascii", "separators", "e"},
    {"trigram"},
    {"porter"},
    {"unicode61", "remove_diacritics", "1", "separators", "eB\xC3\xA9\xCC\x81"},
    {"unicode61", "tokenchars", " .$\xE2\x82\xAC", "remove_diacritics", "2"},
    {"unicode61", "categories", "L* M* Co"},
    {"unicode61", "categories", "S* Z* Cn Cs", "separators", "a"},
    {"ascii"},
    {"ascii", "tokenchars", "-\xC3\xA9"},
    {"trigram", "case_sensitive", "1"},
    {"trigram", "remove_diacritics", "1"},
    {"trigram", "case_sensitive", "0", "remove_diacritics", "0"},
    {"porter", "ascii", "separators", "e"},
    {"porter", "unicode61", "remove_diacritics", "2"},
};
enum { CASES_ALWAYS = 7 };

static void every_code_point_is_cut_and_folded_as_stock_does(void **state)
{
    (void)state;
    Stock stock = {0};
    if (!stock_begin(&stock))
        fail_msg("the stock library with FTS5 is missing: install libsqlite3-0");
    TokenizerList list = {0};
    assert_ok(tokenizer_list_add_builtin(&list));
    int count = getenv("QUIRE_EVERY_OPTION") != NULL ? ARRAY_LEN(option_cases) : CASES_ALWAYS;
    for (int i = 0; i < count; i++) {
        const char *args[5];
        if (strcmp(option_cases[i][0], "trigram") == 0 && stock.api->iVersion < 3)
            continue; // older ones end a gram elsewhere when a mark or zero follows
        int arg_count = 0;
        for (; arg_count < 5 && option_cases[i][arg_count] != NULL; arg_count++)
            args[arg_count] = option_cases[i][arg_count];
        compare_tokenizer(&stock, &list, args, arg_count);
    }
    tokenizer_list_deinit(&list);
    stock_end(&stock);
}

TEST_SUITE(tokenizer_list, cmocka_unit_test(words_are_folded_and_lose_their_single_accents),
           cmocka_unit_test(snowball_stems_what_its_base_finds),
           cmocka_unit_test(tokens_may_stay_as_they_stand),
           cmocka_unit_test(every_code_point_is_cut_and_folded_as_stock_does))
