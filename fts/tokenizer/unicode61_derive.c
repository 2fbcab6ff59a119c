// Writes unicode61_tables.inc: categories, case folding and bare letters of Unicode 6.1 as FTS5's
// unicode61 tokenizer knows them, learned by asking one over every code point. Loads any
// libsqlite3 that has FTS5:
//
//     cc -Iengine/include -o derive fts/tokenizer/unicode61_derive.c -ldl
//     ./derive /usr/lib/x86_64-linux-gnu/libsqlite3.so.0 > fts/tokenizer/unicode61_tables.inc
#include "sqlite3.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char *const categories[] = {
    "Cc", "Cf", "Cn", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl",
    "No", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs",
};
// Code points without a category are token characters always.
enum { CATEGORY_COUNT = 30, CODE_COUNT = 0x110000, ANY_CATEGORY = 30, NO_CATEGORY = 31 };

static unsigned char category_of[CODE_COUNT];
static unsigned fold_of[3][CODE_COUNT]; // by remove_diacritics
static unsigned char joins[CODE_COUNT]; // a mark that does not end a token

typedef struct Answer {
    char token[16];
    int size;
    int count;
} Answer;

static int take_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)flags, (void)start, (void)end;
    Answer *answer = ctx;
    if (answer->count++ == 0 && size < (int)sizeof answer->token) {
        memcpy(answer->token, token, (size_t)size);
        answer->size = size;
    }
    return SQLITE_OK;
}

static int utf8_put(char *out, unsigned code)
{
    if (code < 0x80)
        return out[0] = (char)code, 1;
    if (code < 0x800)
        return out[0] = (char)(0xC0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 63));
        return out[2] = (char)(0x80 | (code & 63)), 3;
    }
    out[0] = (char)(0xF0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 63));
    return out[2] = (char)(0x80 | (code >> 6 & 63)), out[3] = (char)(0x80 | (code & 63)), 4;
}

static unsigned utf8_get(const char *text, int size)
{
    const unsigned char *t = (const unsigned char *)text;
    if (size == 0)
        return 0;
    unsigned code = t[0] < 0x80   ? t[0]
                    : t[0] < 0xE0 ? t[0] & 31
                    : t[0] < 0xF0 ? t[0] & 15
                                  : t[0] & 7;
    for (int i = 1; i < size; i++)
        code = code << 6 | (t[i] & 63);
    return code;
}

typedef struct Oracle {
    fts5_tokenizer_v2 *methods;
    void *user_data;
} Oracle;

static Fts5Tokenizer *oracle_new(Oracle *oracle, const char *set, const char *removal)
{
    const char *args[] = {"categories", set, "remove_diacritics", removal};
    Fts5Tokenizer *tokenizer = NULL;
    if (oracle->methods->xCreate(oracle->user_data, args, 4, &tokenizer) != SQLITE_OK)
        fprintf(stderr, "cannot make a tokenizer for %s\n", set);
    return tokenizer;
}

static Answer oracle_ask(Oracle *oracle, Fts5Tokenizer *tokenizer, const char *text, int size)
{
    Answer answer = {.size = 0};
    oracle->methods->xTokenize(tokenizer, &answer, FTS5_TOKENIZE_DOCUMENT, text, size, NULL, 0,
                               take_token);
    return answer;
}

static int is_hole(unsigned code) // surrogates and the two ends of the first plane read as U+FFFD
{
    return (code & 0xFFFFF800U) == 0xD800 || (code & 0xFFFFFFFEU) == 0xFFFE;
}

static void learn_categories(Oracle *oracle)
{
    memset(category_of, NO_CATEGORY, sizeof category_of);
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        Fts5Tokenizer *tokenizer = oracle_new(oracle, categories[i], "0");
        for (unsigned code = 0; tokenizer != NULL && code < CODE_COUNT; code++) {
            char text[4];
            int size = utf8_put(text, code);
            if (!is_hole(code) && oracle_ask(oracle, tokenizer, text, size).count > 0)
                category_of[code] =
                    category_of[code] == NO_CATEGORY ? (unsigned char)i : ANY_CATEGORY;
        }
        if (tokenizer != NULL)
            oracle->methods->xDelete(tokenizer);
    }
}

static void learn_folds(Oracle *oracle)
{
    static const char *const removals[] = {"0", "1", "2"};
    for (int mode = 0; mode < 3; mode++) {
        Fts5Tokenizer *tokenizer = oracle_new(oracle, "C* L* M* N* P* S* Z*", removals[mode]);
        for (unsigned code = 0; code < CODE_COUNT; code++) {
            char text[4];
            int size = utf8_put(text, code);
            fold_of[mode][code] = code;
            if (is_hole(code) || category_of[code] == NO_CATEGORY)
                continue;
            Answer answer = oracle_ask(oracle, tokenizer, text, size);
            fold_of[mode][code] = utf8_get(answer.token, answer.size);
        }
        oracle->methods->xDelete(tokenizer);
    }
}

static void learn_joins(Oracle *oracle)
{
    Fts5Tokenizer *tokenizer = oracle_new(oracle, "L*", "0");
    for (unsigned code = 0x80; code < CODE_COUNT; code++) {
        char text[8] = "a";
        int size = 1 + utf8_put(text + 1, code);
        text[size++] = 'b';
        int is_letter = category_of[code] >= 5 && category_of[code] <= 9;
        joins[code] = !is_hole(code) && !is_letter && category_of[code] != ANY_CATEGORY
                      && oracle_ask(oracle, tokenizer, text, size).count == 1;
    }
    oracle->methods->xDelete(tokenizer);
}

static void print_category_runs(void)
{
    printf("// Where a run of one category starts: code point << 5 | category.\n");
    printf("static const u32 category_runs[] = {");
    int column = 0;
    for (unsigned code = 0; code < CODE_COUNT; code++) {
        if (code == 0 || category_of[code] != category_of[code - 1])
            printf("%s%u,", column++ % 10 == 0 ? "\n" : "", code << 5 | category_of[code]);
    }
    printf("\n};\n\n");
}

static void print_folds(void)
{
    printf("// Code point, and what it becomes with remove_diacritics 0, 1 and 2.\n");
    printf("static const u32 folds[][4] = {");
    int column = 0;
    for (unsigned code = 0; code < CODE_COUNT; code++) {
        if (fold_of[0][code] != code || fold_of[1][code] != code || fold_of[2][code] != code)
            printf("%s{%u,%u,%u,%u},", column++ % 5 == 0 ? "\n" : "", code, fold_of[0][code],
                   fold_of[1][code], fold_of[2][code]);
    }
    printf("\n};\n\n");
}

static void print_joins(void)
{
    printf(
        "// Marks that stay inside a token whatever the categories: first and last of each run.\n");
    printf("static const u32 joining_runs[][2] = {");
    int column = 0;
    for (unsigned code = 1; code < CODE_COUNT; code++) {
        if (joins[code] && !joins[code - 1])
            printf("%s{%u,", column++ % 6 == 0 ? "\n" : "", code);
        if (!joins[code] && joins[code - 1])
            printf("%u},", code - 1);
    }
    printf("\n};\n");
}

int main(int argc, char **argv)
{
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL)
        return fprintf(stderr, "usage: derive libsqlite3.so\n"), 1;
#define LOOK_UP(name) __typeof__(&name) name##_p = (__typeof__(&name))dlsym(library, #name)
    LOOK_UP(sqlite3_open);
    LOOK_UP(sqlite3_prepare_v2);
    LOOK_UP(sqlite3_bind_pointer);
    LOOK_UP(sqlite3_step);
    LOOK_UP(sqlite3_libversion);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    fts5_api *api = NULL;
    sqlite3_open_p(":memory:", &db);
    sqlite3_prepare_v2_p(db, "SELECT fts5(?1)", -1, &stmt, NULL);
    sqlite3_bind_pointer_p(stmt, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step_p(stmt);
    Oracle oracle = {0};
    if (api == NULL || api->iVersion < 3
        || api->xFindTokenizer_v2(api, "unicode61", &oracle.user_data, &oracle.methods)
               != SQLITE_OK)
        return fprintf(stderr, "no FTS5 of version 3 in %s\n", argv[1]), 1;
    learn_categories(&oracle);
    learn_folds(&oracle);
    learn_joins(&oracle);
    printf("// Generated by unicode61_derive.c from the unicode61 tokenizer of SQLite %s; "
           "do not edit.\n",
           sqlite3_libversion_p());
    print_category_runs();
    print_folds();
    print_joins();
    return 0;
}
