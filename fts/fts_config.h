#ifndef QUIRE_FTS_FTS_CONFIG_H
#define QUIRE_FTS_FTS_CONFIG_H
// What a table's CREATE statement says, and what its %_config table adds.

#include "fts/fts_bytes.h"
#include "fts/fts_connection.h"

// 5: postings may have been cut out of pages.
enum { VERSION_PLAIN = 4, VERSION_CUT = 5 };

enum { PREFIX_INDEX_MAX = 31, PREFIX_LENGTH_MAX = 999, TOKEN_SIZE_MAX = 32768 };

typedef enum FtsContent {
    CONTENT_NORMAL,
    CONTENT_NONE,      // contentless
    CONTENT_EXTERNAL,  // rows live in a table of the user
    CONTENT_UNINDEXED, // contentless but for UNINDEXED columns
} FtsContent;

typedef enum FtsDetail { DETAIL_FULL, DETAIL_COLUMNS, DETAIL_NONE } FtsDetail;

typedef struct FtsConfig {
    FtsConnection *connection;
    sqlite3 *db;
    char *db_name;
    char *name;
    char **columns;
    bool *is_unindexed;
    int column_count;
    int prefix_lengths[PREFIX_INDEX_MAX];
    int prefix_count;
    FtsContent content;
    char *content_table; // as written; NULL unless external
    char *content_rowid;
    char *tokenize; // as written; NULL: default
    bool has_columnsize;
    bool has_contentless_delete;
    bool has_contentless_unindexed;
    bool has_locale;
    bool has_tokendata;
    FtsDetail detail;
    fts5_tokenizer_v2 *tokenizer_methods;
    Fts5Tokenizer *tokenizer;
    bool may_colocate;    // the tokenizer may put several tokens in one place
    bool is_trigram_like; // LIKE is answered by the index
    bool is_trigram_glob;
    // From %_config, valid for `cookie`.
    bool is_loaded;
    u32 cookie;
    i64 version;
    char *rank; // "bm25(1.0)", NULL: "bm25()"
    i64 pgsz;
    i64 automerge;
    i64 usermerge;
    i64 crisismerge;
    i64 deletemerge;
    i64 hashsize;
    i64 secure_delete;
    i64 insttoken;
} FtsConfig;

// args as xCreate gets them. *message is for sqlite3_free().
MUST_USE int fts_config_init(FtsConfig *config, FtsConnection *connection, int arg_count,
                             const char *const *args, char **message);
void fts_config_deinit(FtsConfig *config);
MUST_USE int fts_config_declare(const FtsConfig *config);
MUST_USE int fts_config_open_tokenizer(FtsConfig *config, char **message);
// Reads %_config if the structure's cookie is another than that seen last.
MUST_USE int fts_config_load(FtsConfig *config, u32 cookie, char **message);
// SQLITE_ERROR for what no such option takes; nothing is stored in the file.
MUST_USE int fts_config_set(FtsConfig *config, const char *key, sqlite3_value *value,
                            bool *is_known);
// A word in quotes of any kind without them, others as they are; for sqlite3_free().
char *fts_unquote(const char *text, int *rc);
// Stores the file format's version, if it is another one; *cookie counts the change.
MUST_USE int fts_config_set_version(FtsConfig *config, int version, u32 *cookie);
// Splits "fn(args)"; the parts are for sqlite3_free().
MUST_USE int fts_config_parse_rank(const char *text, char **function, char **args);

#endif
