// Arguments of CREATE VIRTUAL TABLE ... USING fts3 and fts4.
//
// An argument is "tokenize ..." or, in FTS4, has a "=" and is an option; anything else names a
// column by its first word. FTS3 knows no option but the tokenizer.
#include "fts/fts3/fts3_table.h"

typedef struct Options {
    Fts3Table *table;
    char *prefix;
    char **not_indexed; // names
    int not_indexed_count;
    bool is_matchinfo_fts3;
    bool has_content;
    char **message;
} Options;

static int fail(Options *options, char *message)
{
    ASSERT(options->message != NULL);
    *options->message = message;
    return message == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

static bool is_name_char(char c)
{
    return ((u8)c & 0x80) != 0 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z') || c == '_' || c == '$';
}

static int set_text(char **place, const char *text)
{
    sqlite3_free(*place);
    *place = sqlite3_mprintf("%s", text);
    return *place == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// --- columns ---

static int add_column(Fts3Table *table, const char *name, size_t size)
{
    ASSERT(table->column_count >= 0);

    char **grown =
        sqlite3_realloc64(table->columns, sizeof(char *) * ((u64)table->column_count + 1));
    if (grown == NULL)
        return SQLITE_NOMEM;
    table->columns = grown;
    char *copy = sqlite3_mprintf("%.*s", (int)size, name);
    if (copy == NULL)
        return SQLITE_NOMEM;
    fts3_dequote(copy);
    table->columns[table->column_count++] = copy;
    return SQLITE_OK;
}

static bool is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`' || c == '[';
}

static size_t quoted_size(const char *text)
{
    char end = text[0] == '[' ? ']' : text[0];
    size_t at = 1;
    while (text[at] != 0) {
        if (text[at] == end && text[at + 1] == end && end != ']')
            at++;
        else if (text[at] == end)
            return at + 1;
        at++;
    }
    return at;
}

// The first word of the argument.
static int add_column_argument(Fts3Table *table, const char *arg)
{
    while (*arg != 0 && !is_quote(*arg) && !is_name_char(*arg))
        arg++;
    size_t size = 0;
    if (is_quote(*arg))
        size = quoted_size(arg);
    else
        while (is_name_char(arg[size]))
            size++;
    return add_column(table, arg, size);
}

// The columns of the table that holds the rows, but for the one of languages.
static int take_external_columns(Options *options)
{
    Fts3Table *table = options->table;
    char *sql = sqlite3_mprintf("SELECT * FROM %Q.%Q", table->db_name, table->content_table);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(table->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK) {
        *options->message = sqlite3_mprintf("%s", sqlite3_errmsg(table->db));
        return rc;
    }
    for (int i = 0; rc == SQLITE_OK && i < sqlite3_column_count(stmt); i++) {
        const char *name = sqlite3_column_name(stmt, i);
        if (name == NULL)
            rc = SQLITE_NOMEM;
        else if (table->language_column == NULL
                 || sqlite3_stricmp(name, table->language_column) != 0)
            rc = add_column(table, name, strlen(name));
    }
    sqlite3_finalize(stmt);
    return rc;
}

// --- options ---

static int set_not_indexed(Options *options, const char *value)
{
    char **grown = sqlite3_realloc64(options->not_indexed,
                                     sizeof(char *) * ((u64)options->not_indexed_count + 1));
    if (grown == NULL)
        return SQLITE_NOMEM;
    options->not_indexed = grown;
    grown[options->not_indexed_count] = NULL;
    TRY(set_text(&grown[options->not_indexed_count], value));
    options->not_indexed_count++;
    return SQLITE_OK;
}

static int set_order(Options *options, const char *value)
{
    bool is_desc = sqlite3_stricmp(value, "desc") == 0;
    if (!is_desc && sqlite3_stricmp(value, "asc") != 0)
        return fail(options, sqlite3_mprintf("unrecognized order: %s", value));
    options->table->is_descending = is_desc;
    return SQLITE_OK;
}

static int set_content(Options *options, const char *value)
{
    options->has_content = true;
    options->table->content = value[0] == 0 ? FTS3_CONTENT_NONE : FTS3_CONTENT_EXTERNAL;
    return set_text(&options->table->content_table, value);
}

static int set_matchinfo(Options *options, const char *value)
{
    if (sqlite3_stricmp(value, "fts3") != 0)
        return fail(options, sqlite3_mprintf("unrecognized matchinfo: %s", value));
    options->is_matchinfo_fts3 = true;
    return SQLITE_OK;
}

// `value` is without quotes; `arg` is the whole argument.
static int set_option(Options *options, const char *arg, size_t key_size, const char *value)
{
    Fts3Table *table = options->table;
    char key[16];
    if (key_size >= sizeof key)
        return fail(options, sqlite3_mprintf("unrecognized parameter: %s", arg));
    memcpy(key, arg, key_size);
    key[key_size] = 0;
    if (sqlite3_stricmp(key, "matchinfo") == 0)
        return set_matchinfo(options, value);
    if (sqlite3_stricmp(key, "prefix") == 0)
        return set_text(&options->prefix, value);
    if (sqlite3_stricmp(key, "compress") == 0)
        return set_text(&table->compress, value);
    if (sqlite3_stricmp(key, "uncompress") == 0)
        return set_text(&table->uncompress, value);
    if (sqlite3_stricmp(key, "order") == 0)
        return set_order(options, value);
    if (sqlite3_stricmp(key, "content") == 0)
        return set_content(options, value);
    if (sqlite3_stricmp(key, "languageid") == 0)
        return set_text(&table->language_column, value);
    if (sqlite3_stricmp(key, "notindexed") == 0)
        return set_not_indexed(options, value);
    return fail(options, sqlite3_mprintf("unrecognized parameter: %s", arg));
}

static int take_option(Options *options, const char *arg, const char *equals)
{
    char *value = sqlite3_mprintf("%s", equals + 1);
    if (value == NULL)
        return SQLITE_NOMEM;
    fts3_dequote(value);
    int rc = set_option(options, arg, (size_t)(equals - arg), value);
    sqlite3_free(value);
    return rc;
}

static bool is_tokenize(const char *arg)
{
    return strlen(arg) > 8 && sqlite3_strnicmp(arg, "tokenize", 8) == 0 && !is_name_char(arg[8]);
}

static int take_argument(Options *options, const char *arg)
{
    Fts3Table *table = options->table;
    const char *equals = strchr(arg, '=');
    if (table->tokenizer_spec == NULL && is_tokenize(arg))
        return set_text(&table->tokenizer_spec, arg + 9);
    if (table->version == 4 && equals != NULL)
        return take_option(options, arg, equals);
    return add_column_argument(table, arg);
}

// --- what follows from them ---

enum { PREFIX_MAX = 1 << 30 };

// One number of the list at *at, which moves behind it; -1: there is none.
static i64 take_number(const char **at)
{
    if (**at < '0' || **at > '9')
        return -1;
    i64 number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        number = number > PREFIX_MAX ? number : number * 10 + (**at - '0');
    return number > PREFIX_MAX ? PREFIX_MAX : number;
}

static int count_commas(const char *text)
{
    int count = 0;
    for (; *text != 0; text++)
        count += *text == ',';
    return count;
}

static int make_indexes(Options *options)
{
    Fts3Table *table = options->table;
    const char *list = options->prefix;
    int room = list == NULL || list[0] == 0 ? 1 : 2 + count_commas(list);
    table->indexes = fts_zalloc(sizeof(Fts3Index) * (u64)room);
    if (table->indexes == NULL)
        return SQLITE_NOMEM;
    table->index_count = 1;
    for (int i = 1; i < room; i++) {
        i64 size = take_number(&list);
        if (size < 0)
            return fail(options,
                        sqlite3_mprintf("error parsing prefix parameter: %s", options->prefix));
        if (size > 0)
            table->indexes[table->index_count++].prefix_size = (u32)size;
        list++; // the comma, or whatever stands there
    }
    ASSERT(table->index_count <= room);
    return SQLITE_OK;
}

static int mark_unindexed(Options *options)
{
    Fts3Table *table = options->table;
    table->is_unindexed = fts_zalloc(sizeof(bool) * ((u64)table->column_count + 1));
    if (table->is_unindexed == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < options->not_indexed_count; i++) {
        const char *name = options->not_indexed[i];
        bool is_found = false;
        for (int column = 0; column < table->column_count; column++) {
            if (sqlite3_stricmp(table->columns[column], name) == 0)
                is_found = table->is_unindexed[column] = true;
        }
        if (!is_found)
            return fail(options, sqlite3_mprintf("no such column: %s", name));
    }
    return SQLITE_OK;
}

static int check_compress(Options *options)
{
    Fts3Table *table = options->table;
    if (options->has_content) { // what somebody else stores is nobody's to compress
        sqlite3_free(table->compress);
        sqlite3_free(table->uncompress);
        table->compress = table->uncompress = NULL;
    }
    if ((table->compress == NULL) == (table->uncompress == NULL))
        return SQLITE_OK;
    const char *missing = table->compress == NULL ? "compress" : "uncompress";
    return fail(options, sqlite3_mprintf("missing %s parameter in fts4 constructor", missing));
}

static int finish(Options *options)
{
    Fts3Table *table = options->table;
    if (table->column_count == 0 && table->content == FTS3_CONTENT_EXTERNAL)
        TRY(take_external_columns(options));
    if (table->column_count == 0)
        TRY(add_column(table, "content", strlen("content")));
    TRY(make_indexes(options));
    TRY(check_compress(options));
    TRY(mark_unindexed(options));
    table->has_docsize = table->version == 4 && !options->is_matchinfo_fts3;
    table->has_stat = table->version == 4;
    return SQLITE_OK;
}

int fts3_table_configure(Fts3Table *table, int arg_count, const char *const *args, char **message)
{
    ASSERT(arg_count >= 3);

    Options options = {.table = table, .message = message};
    int rc = set_text(&table->db_name, args[1]);
    if (rc == SQLITE_OK)
        rc = set_text(&table->name, args[2]);
    for (int i = 3; rc == SQLITE_OK && i < arg_count; i++) {
        if (args[i][0] != 0)
            rc = take_argument(&options, args[i]);
    }
    if (rc == SQLITE_OK)
        rc = finish(&options);
    sqlite3_free(options.prefix);
    for (int i = 0; i < options.not_indexed_count; i++)
        sqlite3_free(options.not_indexed[i]);
    sqlite3_free(options.not_indexed);
    return rc;
}
