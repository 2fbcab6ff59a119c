// What a table's CREATE statement says, and what its %_config table adds. See fts_config.h.
#include "fts/fts_config.h"

#include <stdlib.h>

enum { PGSZ_DEFAULT = 4050, HASHSIZE_DEFAULT = 8 * 1024 * 1024 };

// --- words of an argument ---

static bool is_bareword(char c)
{
    return (u8)c >= 0x80 || c == '_' || (c >= '0' && c <= '9')
           || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == 0x1A;
}

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

static char closing_quote(char open)
{
    return open == '[' ? ']' : open;
}

// Copies a quoted word without its quotes; *at moves behind it. NULL: no end, or no memory.
static char *take_quoted(const char **at, int *rc)
{
    const char *in = *at;
    char quote = closing_quote(*in++);
    char *out = sqlite3_malloc64(strlen(in) + 1);
    if (out == NULL) {
        *rc = SQLITE_NOMEM;
        return NULL;
    }
    size_t size = 0;
    for (; *in != 0; in++) {
        if (*in == quote && in[1] != quote) {
            out[size] = 0;
            *at = in + 1;
            return out;
        }
        if (*in == quote)
            in++;
        out[size++] = *in;
    }
    sqlite3_free(out);
    return NULL;
}

static char *take_bare(const char **at, int *rc)
{
    const char *end = *at;
    while (is_bareword(*end))
        end++;
    if (end == *at)
        return NULL;
    char *out = sqlite3_mprintf("%.*s", (int)(end - *at), *at);
    if (out == NULL)
        *rc = SQLITE_NOMEM;
    *at = end;
    return out;
}

char *fts_unquote(const char *text, int *rc)
{
    const char *at = text;
    bool is_quoted = at[0] == '\'' || at[0] == '"' || at[0] == '[' || at[0] == '`';
    char *out = is_quoted ? take_quoted(&at, rc) : NULL;
    if (out == NULL && *rc == SQLITE_OK)
        out = sqlite3_mprintf("%s", text);
    if (out == NULL)
        *rc = SQLITE_NOMEM;
    return out;
}

static char *take_word(const char **at, int *rc)
{
    *at = skip_space(*at);
    char c = **at;
    if (c == '\'' || c == '"' || c == '[' || c == '`')
        return take_quoted(at, rc);
    return take_bare(at, rc);
}

// --- options ---

typedef int SetOption(FtsConfig *config, const char *value, char **message);

static int fail(char **message, char *text)
{
    sqlite3_free(*message);
    *message = text;
    return text == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int set_prefix(FtsConfig *config, const char *value, char **message)
{
    const char *at = value;
    for (;;) {
        at = skip_space(at);
        if (*at == ',' && config->prefix_count > 0)
            at = skip_space(at + 1);
        if (*at == 0)
            return SQLITE_OK;
        if (*at < '0' || *at > '9')
            return fail(message, sqlite3_mprintf("malformed prefix=... directive"));
        if (config->prefix_count == PREFIX_INDEX_MAX)
            return fail(message,
                        sqlite3_mprintf("too many prefix indexes (max %d)", PREFIX_INDEX_MAX));
        int length = 0;
        for (; *at >= '0' && *at <= '9' && length < 1000; at++)
            length = length * 10 + (*at - '0');
        if (length <= 0 || length > PREFIX_LENGTH_MAX)
            return fail(message,
                        sqlite3_mprintf("prefix length out of range (max %d)", PREFIX_LENGTH_MAX));
        config->prefix_lengths[config->prefix_count++] = length;
    }
}

static int set_once(char **where, const char *value, const char *what, char **message)
{
    if (*where != NULL)
        return fail(message, sqlite3_mprintf("multiple %s=... directives", what));
    *where = sqlite3_mprintf("%s", value);
    return *where == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int set_tokenize(FtsConfig *config, const char *value, char **message)
{
    return set_once(&config->tokenize, value, "tokenize", message);
}

static int set_content(FtsConfig *config, const char *value, char **message)
{
    if (config->content != CONTENT_NORMAL)
        return fail(message, sqlite3_mprintf("multiple content=... directives"));
    config->content = value[0] == 0 ? CONTENT_NONE : CONTENT_EXTERNAL;
    return value[0] == 0 ? SQLITE_OK : set_once(&config->content_table, value, "content", message);
}

static int set_content_rowid(FtsConfig *config, const char *value, char **message)
{
    return set_once(&config->content_rowid, value, "content_rowid", message);
}

static int set_flag(bool *where, const char *value, const char *what, char **message)
{
    if ((value[0] != '0' && value[0] != '1') || value[1] != 0)
        return fail(message, sqlite3_mprintf("malformed %s=... directive", what));
    *where = value[0] == '1';
    return SQLITE_OK;
}

static int set_contentless_delete(FtsConfig *config, const char *value, char **message)
{
    return set_flag(&config->has_contentless_delete, value, "contentless_delete", message);
}

static int set_contentless_unindexed(FtsConfig *config, const char *value, char **message)
{
    return set_flag(&config->has_contentless_unindexed, value, "contentless_unindexed", message);
}

static int set_columnsize(FtsConfig *config, const char *value, char **message)
{
    return set_flag(&config->has_columnsize, value, "columnsize", message);
}

static int set_locale(FtsConfig *config, const char *value, char **message)
{
    return set_flag(&config->has_locale, value, "locale", message);
}

static int set_tokendata(FtsConfig *config, const char *value, char **message)
{
    return set_flag(&config->has_tokendata, value, "tokendata", message);
}

static int set_detail(FtsConfig *config, const char *value, char **message)
{
    static const char *const names[] = {"full", "columns", "none"};
    size_t size = strlen(value);
    for (int i = 0; i < 3; i++) {
        if (size > 0 && sqlite3_strnicmp(names[i], value, (int)size) == 0
            && size <= strlen(names[i])) {
            config->detail = (FtsDetail)i;
            return SQLITE_OK;
        }
    }
    return fail(message, sqlite3_mprintf("malformed detail=... directive"));
}

// clang-format off
static const struct { const char *name; SetOption *set; } options[] = {
    {"prefix",                set_prefix},
    {"tokenize",              set_tokenize},
    {"content",               set_content},
    {"contentless_delete",    set_contentless_delete},
    {"contentless_unindexed", set_contentless_unindexed},
    {"content_rowid",         set_content_rowid},
    {"columnsize",            set_columnsize},
    {"detail",                set_detail},
    {"locale",                set_locale},
    {"tokendata",             set_tokendata},
};
// clang-format on

static int set_option(FtsConfig *config, const char *name, const char *value, char **message)
{
    for (int i = 0; i < ARRAY_LEN(options); i++) {
        if (sqlite3_strnicmp(options[i].name, name, (int)strlen(name)) == 0)
            return options[i].set(config, value, message);
    }
    return fail(message, sqlite3_mprintf("unrecognized option: \"%s\"", name));
}

// --- columns ---

static int add_column(FtsConfig *config, char *name, const char *type, char **message)
{
    bool is_unindexed = false;
    int rc = SQLITE_OK;
    if (sqlite3_stricmp(name, "rank") == 0 || sqlite3_stricmp(name, "rowid") == 0)
        rc = fail(message, sqlite3_mprintf("reserved fts5 column name: %s", name));
    else if (type != NULL && sqlite3_stricmp(type, "unindexed") == 0)
        is_unindexed = true;
    else if (type != NULL)
        rc = fail(message, sqlite3_mprintf("unrecognized column option: %s", type));
    if (rc != SQLITE_OK) {
        sqlite3_free(name);
        return rc;
    }
    config->columns[config->column_count] = name;
    config->is_unindexed[config->column_count++] = is_unindexed;
    return SQLITE_OK;
}

static int parse_argument(FtsConfig *config, const char *arg, char **message)
{
    int rc = SQLITE_OK;
    const char *at = arg;
    char *first = take_word(&at, &rc);
    at = skip_space(at);
    bool is_option = first != NULL && *at == '=';
    if (is_option)
        at++;
    at = skip_space(at);
    char *second = first != NULL && *at != 0 ? take_word(&at, &rc) : NULL;
    bool is_broken = first == NULL || *skip_space(at) != 0 || (is_option && second == NULL);
    if (rc == SQLITE_OK && is_broken)
        rc = fail(message, sqlite3_mprintf("parse error in \"%s\"", arg));
    if (rc == SQLITE_OK && !is_option) {
        rc = add_column(config, first, second, message);
        first = NULL;
    } else if (rc == SQLITE_OK) {
        rc = set_option(config, first, second, message);
    }
    sqlite3_free(first);
    sqlite3_free(second);
    return rc;
}

static int check_combination(FtsConfig *config, char **message)
{
    bool is_contentless = config->content == CONTENT_NONE;
    if (config->has_contentless_delete && !is_contentless)
        return fail(message, sqlite3_mprintf("contentless_delete=1 requires a contentless table"));
    if (config->has_contentless_delete && !config->has_columnsize)
        return fail(message,
                    sqlite3_mprintf("contentless_delete=1 is incompatible with columnsize=0"));
    if (config->has_contentless_unindexed && !is_contentless)
        return fail(message,
                    sqlite3_mprintf("contentless_unindexed=1 requires a contentless table"));
    for (int i = 0; config->has_contentless_unindexed && i < config->column_count; i++) {
        if (config->is_unindexed[i])
            config->content = CONTENT_UNINDEXED;
    }
    if (config->content_rowid == NULL)
        config->content_rowid = sqlite3_mprintf("rowid");
    return config->content_rowid == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

int fts_config_init(FtsConfig *config, FtsConnection *connection, int arg_count,
                    const char *const *args, char **message)
{
    ASSERT(arg_count >= 3);

    *config = (FtsConfig){.connection = connection, .db = connection->db, .has_columnsize = true};
    config->db_name = sqlite3_mprintf("%s", args[1]);
    config->name = sqlite3_mprintf("%s", args[2]);
    config->columns = fts_zalloc(sizeof(char *) * (u64)arg_count);
    config->is_unindexed = fts_zalloc((u64)arg_count);
    if (config->db_name == NULL || config->name == NULL || config->columns == NULL
        || config->is_unindexed == NULL)
        return SQLITE_NOMEM;
    if (sqlite3_stricmp(config->name, "rank") == 0)
        return fail(message, sqlite3_mprintf("reserved fts5 table name: %s", config->name));
    for (int i = 3; i < arg_count; i++)
        TRY(parse_argument(config, args[i], message));
    return check_combination(config, message);
}

void fts_config_deinit(FtsConfig *config)
{
    if (config->tokenizer != NULL)
        config->tokenizer_methods->xDelete(config->tokenizer);
    for (int i = 0; i < config->column_count; i++)
        sqlite3_free(config->columns[i]);
    sqlite3_free(config->columns);
    sqlite3_free(config->is_unindexed);
    sqlite3_free(config->db_name);
    sqlite3_free(config->name);
    sqlite3_free(config->content_table);
    sqlite3_free(config->content_rowid);
    sqlite3_free(config->tokenize);
    sqlite3_free(config->rank);
    *config = (FtsConfig){0};
}

int fts_config_declare(const FtsConfig *config)
{
    sqlite3_str *sql = sqlite3_str_new(config->db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (int i = 0; i < config->column_count; i++)
        sqlite3_str_appendf(sql, "%s%Q", i == 0 ? "" : ", ", config->columns[i]);
    sqlite3_str_appendf(sql, ", %Q HIDDEN, %s HIDDEN)", config->name, "rank");
    char *text = sqlite3_str_finish(sql);
    int rc = text == NULL ? SQLITE_NOMEM : sqlite3_declare_vtab(config->db, text);
    sqlite3_free(text);
    return rc;
}

// --- tokenizer ---

enum { TOKENIZER_WORDS_MAX = 64 };

static int open_words(FtsConfig *config, char **words, int word_count, char **message)
{
    TokenizerEntry *entry =
        tokenizer_list_find(&config->connection->tokenizers, word_count > 0 ? words[0] : NULL);
    if (entry == NULL)
        return fail(message, sqlite3_mprintf("no such tokenizer: %s", words[0]));
    config->tokenizer_methods = &entry->methods;
    int rest = word_count > 0 ? word_count - 1 : 0;
    int rc = entry->methods.xCreate(entry->user_data, (const char **)words + 1, rest,
                                    &config->tokenizer);
    if (rc == SQLITE_OK)
        return rc;
    config->tokenizer = NULL;
    if (rc != SQLITE_NOMEM && *message == NULL)
        *message = sqlite3_mprintf("error in tokenizer constructor");
    return rc;
}

static void note_trigram(FtsConfig *config, char **words, int word_count)
{
    if (word_count == 0 || sqlite3_stricmp(words[0], "trigram") != 0)
        return;
    bool is_case_sensitive = false;
    bool removes_marks = false;
    for (int i = 1; i + 1 < word_count; i += 2) {
        if (sqlite3_stricmp(words[i], "case_sensitive") == 0)
            is_case_sensitive = words[i + 1][0] == '1';
        else
            removes_marks = words[i + 1][0] == '1';
    }
    config->is_trigram_like = !removes_marks && !is_case_sensitive;
    config->is_trigram_glob = !removes_marks;
}

int fts_config_open_tokenizer(FtsConfig *config, char **message)
{
    char *words[TOKENIZER_WORDS_MAX + 1] = {NULL};
    int word_count = 0;
    int rc = SQLITE_OK;
    const char *at = config->tokenize == NULL ? "" : skip_space(config->tokenize);
    while (*at != 0 && rc == SQLITE_OK) {
        char *word = word_count < TOKENIZER_WORDS_MAX ? take_word(&at, &rc) : NULL;
        if (word == NULL && rc == SQLITE_OK)
            rc = fail(message, sqlite3_mprintf("parse error in tokenize directive"));
        if (word != NULL)
            words[word_count++] = word;
        at = skip_space(at);
    }
    if (rc == SQLITE_OK)
        rc = open_words(config, words, word_count, message);
    if (rc == SQLITE_OK)
        note_trigram(config, words, word_count);
    config->may_colocate =
        !tokenizer_list_is_plain(&config->connection->tokenizers, words, word_count);
    for (int i = 0; i < word_count; i++)
        sqlite3_free(words[i]);
    return rc;
}

// --- %_config ---

static void set_defaults(FtsConfig *config)
{
    config->version = 0;
    config->pgsz = PGSZ_DEFAULT;
    config->hashsize = HASHSIZE_DEFAULT;
    config->automerge = 4;
    config->usermerge = 4;
    config->crisismerge = 16;
    config->deletemerge = 10;
    config->secure_delete = 0;
    config->insttoken = 0;
}

typedef struct IntegerOption {
    const char *key;
    size_t offset;
    i64 min, max;     // what is refused
    i64 low, low_set; // values up to `low` read as low_set
    i64 high_set;     // values above max read as this; 0: refused
} IntegerOption;

// clang-format off
static const IntegerOption integer_options[] = {
    {"pgsz",          offsetof(FtsConfig, pgsz),          32, 65536,          31, 0,           0},
    {"hashsize",      offsetof(FtsConfig, hashsize),      1,  0x7FFFFFFF,      0, 0,           0},
    {"automerge",     offsetof(FtsConfig, automerge),     0,  64,             -1, 0,           0},
    {"usermerge",     offsetof(FtsConfig, usermerge),     2,  16,              1, 0,           0},
    {"crisismerge",   offsetof(FtsConfig, crisismerge),   0,  1999,            1, 16,       1999},
    {"deletemerge",   offsetof(FtsConfig, deletemerge),   INT32_MIN, 100,     -1, 10,         -1},
    {"secure-delete", offsetof(FtsConfig, secure_delete), 0, INT32_MAX,       -1, 0,           0},
    {"insttoken",     offsetof(FtsConfig, insttoken),     0, INT32_MAX,       -1, 0,           0},
};
// clang-format on

static int set_integer(FtsConfig *config, const IntegerOption *option, sqlite3_value *value)
{
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER)
        return SQLITE_ERROR;
    i64 number = sqlite3_value_int64(value);
    bool has_upper = option->high_set != 0;
    if (number < option->min || (number > option->max && !has_upper))
        return SQLITE_ERROR;
    if (number <= option->low)
        number = option->low_set;
    else if (number > option->max)
        number = option->high_set == -1 ? 0 : option->high_set;
    if (strcmp(option->key, "automerge") == 0 && number == 1)
        number = 4;
    *(i64 *)((char *)config + option->offset) = number;
    return SQLITE_OK;
}

int fts_config_parse_rank(const char *text, char **function, char **args)
{
    int rc = SQLITE_OK;
    const char *at = skip_space(text);
    const char *start = at;
    *function = *args = NULL;
    while (is_bareword(*at))
        at++;
    const char *end = at;
    at = skip_space(at);
    if (end == start || *at != '(')
        return SQLITE_ERROR;
    const char *close = strrchr(at, ')');
    if (close == NULL || *skip_space(close + 1) != 0)
        return SQLITE_ERROR;
    at = skip_space(at + 1);
    *function = sqlite3_mprintf("%.*s", (int)(end - start), start);
    if (at < close)
        *args = sqlite3_mprintf("%.*s", (int)(close - at), at);
    if (*function == NULL)
        rc = SQLITE_NOMEM;
    return rc;
}

static int set_rank(FtsConfig *config, sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    char *function = NULL;
    char *args = NULL;
    int rc = text == NULL ? SQLITE_ERROR : fts_config_parse_rank(text, &function, &args);
    sqlite3_free(function);
    sqlite3_free(args);
    if (rc != SQLITE_OK)
        return rc;
    char *copy = sqlite3_mprintf("%s", text);
    if (copy == NULL)
        return SQLITE_NOMEM;
    sqlite3_free(config->rank);
    config->rank = copy;
    return SQLITE_OK;
}

int fts_config_set(FtsConfig *config, const char *key, sqlite3_value *value, bool *is_known)
{
    *is_known = true;
    for (int i = 0; i < ARRAY_LEN(integer_options); i++) {
        if (sqlite3_stricmp(key, integer_options[i].key) == 0)
            return set_integer(config, &integer_options[i], value);
    }
    if (sqlite3_stricmp(key, "rank") == 0)
        return set_rank(config, value);
    *is_known = false;
    return SQLITE_OK;
}

int fts_config_set_version(FtsConfig *config, int version, u32 *cookie)
{
    ASSERT(version == VERSION_PLAIN || version == VERSION_CUT);

    if (config->version == version)
        return SQLITE_OK;
    char *sql = sqlite3_mprintf("REPLACE INTO %Q.'%q_config' VALUES('version', %d)",
                                config->db_name, config->name, version);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(config->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK) {
        config->version = version;
        config->cookie = ++*cookie;
    }
    return rc;
}

static int load_rows(FtsConfig *config, sqlite3_stmt *stmt)
{
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(stmt, 0);
        bool is_known;
        if (key == NULL)
            continue;
        if (sqlite3_stricmp(key, "version") == 0)
            config->version = sqlite3_column_int64(stmt, 1);
        else if (fts_config_set(config, key, sqlite3_column_value(stmt, 1), &is_known)
                 == SQLITE_NOMEM)
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

int fts_config_load(FtsConfig *config, u32 cookie, char **message)
{
    if (config->is_loaded && config->cookie == cookie)
        return SQLITE_OK;
    set_defaults(config);
    char *sql = sqlite3_mprintf("SELECT k, v FROM %Q.'%q_config'", config->db_name, config->name);
    sqlite3_stmt *stmt = NULL;
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(config->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = load_rows(config, stmt);
    int final_rc = sqlite3_finalize(stmt);
    if (rc == SQLITE_OK)
        rc = final_rc;
    if (rc == SQLITE_OK && config->version != VERSION_PLAIN && config->version != VERSION_CUT)
        rc = fail(message, sqlite3_mprintf("invalid fts5 file format (found %d, expected %d or %d)"
                                           " - run 'rebuild'",
                                           (int)config->version, VERSION_PLAIN, VERSION_CUT));
    config->is_loaded = rc == SQLITE_OK;
    config->cookie = cookie;
    return rc;
}
