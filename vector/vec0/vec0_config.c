// The arguments of CREATE VIRTUAL TABLE … USING vec0(…).
//
//     name TYPE[N] [distance_metric=M] [INDEXED BY flat()]     a vector column
//     name INTEGER|TEXT PRIMARY KEY
//     name INTEGER|TEXT PARTITION KEY
//     name BOOLEAN|INTEGER|FLOAT|TEXT                           metadata
//     +name TEXT|INTEGER|FLOAT|BLOB                             auxiliary
//     chunk_size=N
#include "vector/vec0/vec0.h"

#include <ctype.h>
#include <stdlib.h>

typedef enum TokenKind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_MARK } TokenKind;
typedef struct Token {
    TokenKind kind;
    const char *text;
    size_t size;
} Token;

static bool is_word_part(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

static Token next_token(const char **at)
{
    while (isspace((unsigned char)**at))
        ++*at;
    Token token = {TOKEN_END, *at, 0};
    char first = **at;
    if (first == 0)
        return token;
    token.kind = isdigit((unsigned char)first) ? TOKEN_NUMBER
                 : is_word_part(first)         ? TOKEN_WORD
                                               : TOKEN_MARK;
    do
        ++*at;
    while (token.kind != TOKEN_MARK && is_word_part(**at));
    token.size = (size_t)(*at - token.text);
    return token;
}

static bool token_is(Token token, const char *text)
{
    return token.size == strlen(text) && sqlite3_strnicmp(token.text, text, (int)token.size) == 0;
}

static bool word_is_one_of(Token token, const char *const *names)
{
    for (; *names != NULL; names++)
        if (token_is(token, *names))
            return true;
    return false;
}

// --- types ---

static bool vector_type(Token token, VectorType *out)
{
    static const char *const f32_names[] = {"float", "f32", "float32", NULL};
    static const char *const i8_names[] = {"int8", "i8", NULL};
    static const char *const bit_names[] = {"bit", NULL};
    if (word_is_one_of(token, f32_names))
        *out = VECTOR_F32;
    else if (word_is_one_of(token, i8_names))
        *out = VECTOR_I8;
    else if (word_is_one_of(token, bit_names))
        *out = VECTOR_BIT;
    else
        return false;
    return true;
}

static bool plain_type(Token token, Vec0Type *out)
{
    static const char *const names[][6] = {
        [VEC0_BOOLEAN] = {"boolean", "bool"},
        [VEC0_INTEGER] = {"integer", "int", "int64", "integer64"},
        [VEC0_FLOAT] = {"float", "double", "float64", "f64"},
        [VEC0_TEXT] = {"text"},
        [VEC0_BLOB] = {"blob"},
    };
    for (int type = 0; type < ARRAY_LEN(names); type++)
        if (word_is_one_of(token, names[type])) {
            *out = (Vec0Type)type;
            return true;
        }
    return false;
}

// --- columns ---

void vec0_config_deinit(Vec0Config *config)
{
    for (int i = 0; i < config->column_count; i++)
        sqlite3_free(config->columns[i].name);
    sqlite3_free(config->schema);
    sqlite3_free(config->name);
    memset(config, 0, sizeof *config);
}

const Vec0Column *vec0_column(const Vec0Config *config, Vec0Kind kind, int index)
{
    ASSERT(index >= 0 && index < config->counts[kind]);

    return &config->columns[config->by_kind[kind][index]];
}

size_t vec0_vector_size(const Vec0Column *column)
{
    return vec_size(column->element, column->dims);
}

size_t vec0_metadata_size(const Vec0Column *column, i64 slots)
{
    switch (column->type) {
    case VEC0_BOOLEAN: return (size_t)slots / 8;
    case VEC0_INTEGER:
    case VEC0_FLOAT: return (size_t)slots * 8;
    case VEC0_TEXT: return (size_t)slots * VEC0_TEXT_SLOT;
    case VEC0_BLOB: break;
    }
    return 0;
}

static int add_column(Vec0Config *config, const Vec0Column *column, Token name, VectorError *error)
{
    static const struct {
        int most;
        const char *what;
    } limits[VEC0_KINDS] = {
        [VEC0_VECTOR] = {VEC0_VECTORS_MAX, "vector"},
        [VEC0_PARTITION] = {VEC0_PARTITIONS_MAX, "partition key"},
        [VEC0_METADATA] = {VEC0_METADATA_MAX, "metadata"},
        [VEC0_AUXILIARY] = {VEC0_AUXILIARY_MAX, "auxiliary"},
    };
    Vec0Kind kind = column->kind;
    int index = config->counts[kind];
    if (index >= limits[kind].most && kind == VEC0_VECTOR)
        return vector_error(error,
                            "vec0 constructor error: Too many provided vector columns, maximum %d",
                            limits[kind].most);
    if (index >= limits[kind].most)
        return vector_error(error, "vec0 constructor error: More than %d %s columns were provided",
                            limits[kind].most, limits[kind].what);
    Vec0Column *out = &config->columns[config->column_count];
    *out = *column;
    out->index = index;
    out->name = sqlite3_mprintf("%.*s", (int)name.size, name.text);
    if (out->name == NULL)
        return SQLITE_NOMEM;
    config->by_kind[kind][index] = config->column_count++;
    config->counts[kind]++;
    return SQLITE_OK;
}

static int bad_vector(const char *text, VectorError *error)
{
    return vector_error(error, "vec0 constructor error: could not parse vector column '%s'", text);
}

static int parse_metric(Vec0Column *column, Token token)
{
    if (token_is(token, "l2"))
        column->metric = METRIC_L2;
    else if (token_is(token, "l1"))
        column->metric = METRIC_L1;
    else if (token_is(token, "cosine"))
        column->metric = METRIC_COSINE_OR_NULL;
    else
        return SQLITE_ERROR;
    return column->element == VECTOR_BIT ? SQLITE_ERROR : SQLITE_OK;
}

// What may follow the dimensions. Other kinds of index than flat() are later versions'.
static int parse_vector_options(Vec0Column *column, const char *at, const char *text,
                                VectorError *error)
{
    for (;;) {
        Token key = next_token(&at);
        if (key.kind == TOKEN_END)
            return SQLITE_OK;
        if (token_is(key, "distance_metric") && token_is(next_token(&at), "=")) {
            if (parse_metric(column, next_token(&at)) != SQLITE_OK)
                return bad_vector(text, error);
        } else if (token_is(key, "indexed") && token_is(next_token(&at), "by")) {
            if (!token_is(next_token(&at), "flat") || !token_is(next_token(&at), "(")
                || !token_is(next_token(&at), ")"))
                return vector_error(error,
                                    "vec0 constructor error: only INDEXED BY flat() is supported");
        } else {
            return bad_vector(text, error);
        }
    }
}

static int parse_vector(Vec0Config *config, Token name, VectorType type, const char *at,
                        const char *text, VectorError *error)
{
    Vec0Column column = {.kind = VEC0_VECTOR, .element = type, .metric = METRIC_L2};
    if (type == VECTOR_BIT)
        column.metric = METRIC_HAMMING;
    Token open = next_token(&at);
    Token number = next_token(&at);
    Token close = next_token(&at);
    long dims = number.kind == TOKEN_NUMBER ? strtol(number.text, NULL, 10) : 0;
    if (!token_is(open, "[") || !token_is(close, "]") || dims <= 0)
        return bad_vector(text, error);
    if (dims > VEC0_DIMS_MAX)
        return vector_error(error,
                            "vec0 constructor error: Dimension on vector column too large, "
                            "provided %ld, maximum %d",
                            dims, VEC0_DIMS_MAX);
    if (type == VECTOR_BIT && dims % 8 != 0)
        return vector_error(error,
                            "vec0 constructor error: dimensions of a bit column must be "
                            "divisible by 8, provided %ld",
                            dims);
    column.dims = (u32)dims;
    TRY(parse_vector_options(&column, at, text, error));
    return add_column(config, &column, name, error);
}

// --- arguments ---

static int unparsed(const char *text, VectorError *error)
{
    return vector_error(error, "vec0 constructor error: could not parse table option '%s'", text);
}

static int set_key(Vec0Config *config, Token name, Vec0Type type, const char *text,
                   VectorError *error)
{
    if (type != VEC0_INTEGER && type != VEC0_TEXT)
        return unparsed(text, error);
    if (config->has_key)
        return vector_error(error, "vec0 constructor error: More than one primary key definition "
                                   "was provided, vec0 only suports a single primary key column");
    config->has_key = true;
    sqlite3_free(config->columns[0].name);
    config->columns[0].name = sqlite3_mprintf("%.*s", (int)name.size, name.text);
    config->columns[0].type = type;
    return config->columns[0].name == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// What follows a plain type: nothing, PRIMARY KEY or PARTITION KEY; -1: something else.
static int parse_role(const char *at)
{
    Token first = next_token(&at);
    if (first.kind == TOKEN_END)
        return VEC0_METADATA;
    Token second = next_token(&at);
    if (!token_is(second, "key") || next_token(&at).kind != TOKEN_END)
        return -1;
    return token_is(first, "primary")     ? VEC0_KEY
           : token_is(first, "partition") ? VEC0_PARTITION
                                          : -1;
}

static int parse_chunk_size(Vec0Config *config, Token key, const char *at, const char *text,
                            VectorError *error)
{
    Token value = next_token(&at);
    if (!token_is(key, "chunk_size"))
        return vector_error(error, "vec0 constructor error: Unknown table option: %.*s",
                            (int)key.size, key.text);
    if (value.kind != TOKEN_NUMBER && value.kind != TOKEN_WORD)
        return unparsed(text, error);
    long size = strtol(value.text, NULL, 10);
    if (size <= 0)
        return vector_error(error, "vec0 constructor error: chunk_size must be a non-zero "
                                   "positive integer");
    if (size % 8 != 0)
        return vector_error(error, "vec0 constructor error: chunk_size must be divisible by 8");
    if (size > VEC0_CHUNK_SIZE_MAX)
        return vector_error(error, "vec0 constructor error: chunk_size too large");
    config->chunk_size = size;
    return SQLITE_OK;
}

static int parse_auxiliary(Vec0Config *config, const char *at, const char *text, VectorError *error)
{
    Vec0Column column = {.kind = VEC0_AUXILIARY};
    Token name = next_token(&at);
    bool is_known = plain_type(next_token(&at), &column.type) && column.type != VEC0_BOOLEAN;
    if (name.kind != TOKEN_WORD || !is_known || next_token(&at).kind != TOKEN_END)
        return vector_error(error, "vec0 constructor error: could not parse auxiliary column '%s'",
                            text);
    return add_column(config, &column, name, error);
}

static int parse_argument(Vec0Config *config, const char *text, VectorError *error)
{
    const char *at = text;
    Token name = next_token(&at);
    if (token_is(name, "+"))
        return parse_auxiliary(config, at, text, error);
    Token second = next_token(&at);
    if (name.kind != TOKEN_WORD)
        return vector_error(error, "vec0 constructor error: Could not parse '%s'", text);
    if (token_is(second, "="))
        return parse_chunk_size(config, name, at, text, error);
    VectorType element;
    const char *ahead = at;
    if (vector_type(second, &element) && token_is(next_token(&ahead), "["))
        return parse_vector(config, name, element, at, text, error);
    Vec0Column column = {.kind = VEC0_METADATA};
    bool is_plain = plain_type(second, &column.type);
    if (!is_plain && vector_type(second, &element))
        return bad_vector(text, error);
    if (!is_plain || column.type == VEC0_BLOB)
        return vector_error(error, "vec0 constructor error: Unknown table option: %.*s",
                            (int)name.size, name.text);
    int kind = parse_role(at);
    if (kind < 0)
        return unparsed(text, error);
    if (kind == VEC0_KEY)
        return set_key(config, name, column.type, text, error);
    if (kind == VEC0_PARTITION && column.type != VEC0_INTEGER && column.type != VEC0_TEXT)
        return unparsed(text, error);
    column.kind = (Vec0Kind)kind;
    return add_column(config, &column, name, error);
}

int vec0_config_parse(Vec0Config *config, int arg_count, const char *const *args,
                      VectorError *error)
{
    ASSERT(arg_count >= 3);

    memset(config, 0, sizeof *config);
    config->chunk_size = 1024;
    config->schema = sqlite3_mprintf("%s", args[1]);
    config->name = sqlite3_mprintf("%s", args[2]);
    config->columns[0] =
        (Vec0Column){.kind = VEC0_KEY, .type = VEC0_INTEGER, .name = sqlite3_mprintf("rowid")};
    config->column_count = 1;
    config->counts[VEC0_KEY] = 1;
    if (config->schema == NULL || config->name == NULL || config->columns[0].name == NULL)
        return SQLITE_NOMEM;
    for (int i = 3; i < arg_count; i++)
        TRY(parse_argument(config, args[i], error));
    if (config->counts[VEC0_VECTOR] == 0)
        return vector_error(error,
                            "vec0 constructor error: At least one vector column is required");
    return SQLITE_OK;
}
