// The query language: from text to a tree. See match_query.h.
#include "fts/match_query.h"

enum { NESTING_MAX = 96, DEPTH_MAX = 256, NEAR_DEFAULT = 10 };

typedef enum Kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_MARK,
    TOKEN_BROKEN,
} Kind;

typedef struct Token {
    Kind kind;
    const char *text;
    int size;
} Token;

typedef struct Parser {
    Query *query;
    const FtsConfig *config;
    const char *at;
    Token token;
    Token next; // one token ahead
    int nesting;
    char **message;
    int rc;
} Parser;

static QueryNode *parse_or(Parser *p);

// --- errors ---

static void fail(Parser *p, char *message)
{
    if (p->rc == SQLITE_OK) {
        *p->message = message;
        p->rc = message == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
    } else {
        sqlite3_free(message);
    }
}

static void fail_near(Parser *p)
{
    if (p->token.kind == TOKEN_BROKEN && p->token.text[0] == '"')
        fail(p, sqlite3_mprintf("unterminated string"));
    else
        fail(p, sqlite3_mprintf("fts5: syntax error near \"%.*s\"", p->token.size, p->token.text));
}

// --- tokens ---

static bool is_bareword(char c)
{
    return (u8)c >= 0x80 || c == '_' || c == 0x1A || (c >= '0' && c <= '9')
           || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static Token scan_string(const char *at)
{
    ASSERT(*at == '"');

    const char *end = at + 1;
    while (*end != 0 && (*end != '"' || end[1] == '"'))
        end += *end == '"' ? 2 : 1;
    if (*end == 0)
        return (Token){TOKEN_BROKEN, at, (int)(end - at)};
    return (Token){TOKEN_STRING, at, (int)(end - at) + 1};
}

static Token scan_word(const char *at)
{
    const char *end = at;
    while (is_bareword(*end))
        end++;
    int size = (int)(end - at);
    Kind kind = TOKEN_WORD;
    if (size == 3 && memcmp(at, "AND", 3) == 0)
        kind = TOKEN_AND;
    else if (size == 3 && memcmp(at, "NOT", 3) == 0)
        kind = TOKEN_NOT;
    else if (size == 2 && memcmp(at, "OR", 2) == 0)
        kind = TOKEN_OR;
    return (Token){kind, at, size};
}

static Token scan(Parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
    Token token = {TOKEN_END, p->at, 0};
    if (*p->at == '"')
        token = scan_string(p->at);
    else if (*p->at != 0 && strchr("(){}:+*,-^", *p->at) != NULL)
        token = (Token){TOKEN_MARK, p->at, 1};
    else if (is_bareword(*p->at))
        token = scan_word(p->at);
    else if (*p->at != 0)
        token = (Token){TOKEN_BROKEN, p->at, 1};
    p->at += token.size;
    return token;
}

static void advance(Parser *p)
{
    p->token = p->next;
    p->next = scan(p);
}

static bool is_mark(const Token *token, char mark)
{
    return token->kind == TOKEN_MARK && token->text[0] == mark;
}

static bool take_mark(Parser *p, char mark)
{
    if (!is_mark(&p->token, mark))
        return false;
    advance(p);
    return true;
}

static bool is_text(const Token *token)
{
    return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

// The text of a word or string; for sqlite3_free().
static char *token_text(Parser *p)
{
    const Token *token = &p->token;
    char *out = sqlite3_malloc64((u64)token->size + 1);
    if (out == NULL) {
        p->rc = SQLITE_NOMEM;
        return NULL;
    }
    int size = 0;
    bool is_quoted = token->kind == TOKEN_STRING;
    for (int i = is_quoted; i < token->size - is_quoted; i++) {
        out[size++] = token->text[i];
        i += is_quoted && token->text[i] == '"';
    }
    out[size] = 0;
    return out;
}

// --- nodes ---

static void free_term(QueryTerm *term)
{
    docs_deinit(&term->docs);
    docs_deinit(&term->row);
    fts_buffer_deinit(&term->key);
    fts_buffer_deinit(&term->token);
    while (term->synonym != NULL) {
        QueryTerm *synonym = term->synonym;
        term->synonym = synonym->synonym;
        fts_buffer_deinit(&synonym->token);
        sqlite3_free(synonym);
    }
}

static void free_phrase(QueryPhrase *phrase)
{
    for (int i = 0; i < phrase->term_count; i++)
        free_term(&phrase->terms[i]);
    sqlite3_free(phrase->terms);
    sqlite3_free(phrase->positions.items);
    sqlite3_free(phrase);
}

static void free_node(QueryNode *node)
{
    if (node == NULL)
        return;
    for (int i = 0; i < node->child_count; i++)
        free_node(node->children[i]);
    for (int i = 0; i < node->phrase_count; i++)
        node->phrases[i]->node = NULL;
    sqlite3_free(node->children);
    sqlite3_free(node->phrases);
    sqlite3_free(node->columns);
    sqlite3_free(node);
}

void query_free(Query *query)
{
    if (query == NULL)
        return;
    free_node(query->root);
    for (int i = 0; i < query->phrase_count; i++)
        free_phrase(query->phrases[i]);
    sqlite3_free(query->phrases);
    sqlite3_free(query);
}

static QueryNode *node_new(Parser *p, NodeKind kind)
{
    QueryNode *node = fts_zalloc(sizeof *node);
    if (node == NULL)
        p->rc = SQLITE_NOMEM;
    else
        node->kind = kind;
    return node;
}

// Doubles a list of pointers at powers of two. One that got shorter may ask for the same again.
static bool make_room(void *list, int count)
{
    ASSERT(count >= 0);

    if ((count & (count - 1)) != 0)
        return true;
    void *grown =
        sqlite3_realloc64(*(void **)list, sizeof(void *) * (u64)(count == 0 ? 1 : count * 2));
    if (grown == NULL)
        return false;
    *(void **)list = grown;
    return true;
}

// The node that takes a right operand: `left` itself in a chain of one operator, else a new one
// with `left` as its first child. NOT is binary. NULL leaves `left` to the caller.
static QueryNode *join_target(Parser *p, NodeKind kind, QueryNode *left)
{
    ASSERT(kind != NODE_LEAF && left != NULL);

    if (kind != NODE_NOT && left->kind == kind)
        return left;
    QueryNode *node = node_new(p, kind);
    if (node == NULL)
        return NULL;
    if (!make_room(&node->children, 0)) {
        p->rc = SQLITE_NOMEM;
        free_node(node);
        return NULL;
    }
    node->children[node->child_count++] = left;
    node->depth = left->depth + 1;
    return node;
}

static QueryNode *join(Parser *p, NodeKind kind, QueryNode *left, QueryNode *right)
{
    QueryNode *node = p->rc == SQLITE_OK ? join_target(p, kind, left) : NULL;
    if (node != NULL && !make_room(&node->children, node->child_count))
        p->rc = SQLITE_NOMEM;
    if (p->rc != SQLITE_OK) {
        free_node(node != NULL ? node : left);
        free_node(right);
        return NULL;
    }
    node->children[node->child_count++] = right;
    if (right->depth >= node->depth)
        node->depth = right->depth + 1;
    if (node->depth > DEPTH_MAX)
        fail(p, sqlite3_mprintf("fts5 expression tree is too large (maximum depth %d)", DEPTH_MAX));
    return node;
}

// --- phrases ---

typedef struct PhraseFill {
    QueryPhrase *phrase;
} PhraseFill;

// wide: the signature is the public interface's
static int add_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)start, (void)end;
    QueryPhrase *phrase = ((PhraseFill *)ctx)->phrase;
    if (size > TOKEN_SIZE_MAX)
        size = TOKEN_SIZE_MAX;
    QueryTerm *term;
    if ((flags & FTS5_TOKEN_COLOCATED) != 0 && phrase->term_count > 0) {
        term = fts_zalloc(sizeof *term);
        if (term == NULL)
            return SQLITE_NOMEM;
        QueryTerm *last = &phrase->terms[phrase->term_count - 1];
        term->synonym = last->synonym;
        last->synonym = term;
    } else {
        QueryTerm *terms = phrase->terms;
        if (phrase->term_count % 8 == 0)
            terms = sqlite3_realloc64(terms, sizeof *terms * ((u64)phrase->term_count + 8));
        if (terms == NULL)
            return SQLITE_NOMEM;
        phrase->terms = terms;
        term = &terms[phrase->term_count++];
        *term = (QueryTerm){0};
    }
    fts_buffer_append(&term->token, token, (u64)size);
    return term->token.rc;
}

static QueryPhrase *phrase_new(Parser *p)
{
    Query *query = p->query;
    QueryPhrase *phrase = fts_zalloc(sizeof *phrase);
    if (phrase == NULL || !make_room(&query->phrases, query->phrase_count)) {
        sqlite3_free(phrase);
        p->rc = SQLITE_NOMEM;
        return NULL;
    }
    query->phrases[query->phrase_count++] = phrase;
    return phrase;
}

static void add_string(Parser *p, QueryPhrase *phrase)
{
    char *text = token_text(p);
    advance(p);
    bool is_prefix = take_mark(p, '*');
    int flags = FTS5_TOKENIZE_QUERY | (is_prefix ? FTS5_TOKENIZE_PREFIX : 0);
    PhraseFill fill = {phrase};
    int before = phrase->term_count;
    if (text != NULL) {
        int rc = p->config->tokenizer_methods->xTokenize(p->config->tokenizer, &fill, flags, text,
                                                         (int)strlen(text), NULL, 0, add_token);
        if (p->rc == SQLITE_OK)
            p->rc = rc;
    }
    if (is_prefix && phrase->term_count > before)
        phrase->terms[phrase->term_count - 1].is_prefix = true;
    sqlite3_free(text);
}

static QueryPhrase *parse_phrase(Parser *p)
{
    if (!is_text(&p->token)) {
        fail_near(p);
        return NULL;
    }
    QueryPhrase *phrase = phrase_new(p);
    if (phrase == NULL)
        return NULL;
    add_string(p, phrase);
    while (p->rc == SQLITE_OK && take_mark(p, '+')) {
        if (!is_text(&p->token))
            fail_near(p);
        else
            add_string(p, phrase);
    }
    return p->rc == SQLITE_OK ? phrase : NULL;
}

// --- leaves ---

// A phrase without a token goes as if it had not been written.
static void drop_phrase(Query *query, QueryPhrase *phrase)
{
    ASSERT(phrase->term_count == 0);

    int kept = 0;
    for (int i = 0; i < query->phrase_count; i++) {
        if (query->phrases[i] != phrase)
            query->phrases[kept++] = query->phrases[i];
    }
    ASSERT(kept == query->phrase_count - 1);
    query->phrase_count = kept;
    free_phrase(phrase);
}

// Of phrases without a token one stays, if there is no other.
static void leaf_add(Parser *p, QueryNode *leaf, QueryPhrase *phrase)
{
    if (p->rc != SQLITE_OK || phrase == NULL)
        return;
    if (leaf->phrase_count > 0 && phrase->term_count == 0) {
        drop_phrase(p->query, phrase);
        return;
    }
    if (leaf->phrase_count > 0 && leaf->phrases[leaf->phrase_count - 1]->term_count == 0)
        drop_phrase(p->query, leaf->phrases[--leaf->phrase_count]);
    if (!make_room(&leaf->phrases, leaf->phrase_count)) {
        p->rc = SQLITE_NOMEM;
        return;
    }
    phrase->node = leaf;
    leaf->phrases[leaf->phrase_count++] = phrase;
}

static void parse_near(Parser *p, QueryNode *leaf)
{
    ASSERT(is_text(&p->token) && is_mark(&p->next, '('));

    advance(p);
    advance(p);
    do {
        leaf_add(p, leaf, parse_phrase(p));
    } while (p->rc == SQLITE_OK && is_text(&p->token));
    if (p->rc == SQLITE_OK && take_mark(p, ',')) {
        if (!is_text(&p->token)) {
            fail_near(p);
            return;
        }
        leaf->near = 0;
        for (int i = 0; i < p->token.size && p->rc == SQLITE_OK; i++) {
            char c = p->token.text[i];
            if (c < '0' || c > '9')
                fail(p, sqlite3_mprintf("expected integer, got \"%.*s\"", p->token.size,
                                        p->token.text));
            else if (leaf->near < 214748363)
                leaf->near = leaf->near * 10 + (c - '0');
        }
        advance(p);
    }
    if (p->rc == SQLITE_OK && !take_mark(p, ')'))
        fail_near(p);
}

static bool is_word_near(const Token *token)
{
    return token->kind == TOKEN_WORD && token->size == 4 && memcmp(token->text, "NEAR", 4) == 0;
}

// Whether the phrase asks for the place of a token, which an index without full detail lacks. One
// without a token matches nothing and asks for nothing, also behind "^".
static bool phrase_needs_places(const QueryPhrase *phrase)
{
    ASSERT(phrase->term_count >= 0);

    return phrase->term_count > 1 || (phrase->term_count == 1 && phrase->is_first);
}

static void check_detail(Parser *p, const QueryNode *leaf)
{
    if (p->config->detail == DETAIL_FULL || p->rc != SQLITE_OK)
        return;
    ASSERT(leaf->phrase_count > 0);

    bool is_near = leaf->phrase_count > 1;
    if (is_near || phrase_needs_places(leaf->phrases[0]))
        fail(p, sqlite3_mprintf("fts5: %s queries are not supported (detail!=full)",
                                is_near ? "NEAR" : "phrase"));
}

static QueryNode *parse_leaf(Parser *p)
{
    QueryNode *leaf = node_new(p, NODE_LEAF);
    if (leaf == NULL)
        return NULL;
    leaf->near = NEAR_DEFAULT;
    if (is_text(&p->token) && is_mark(&p->next, '(')) {
        Token word = p->token; // any word may stand here as far as the grammar goes
        parse_near(p, leaf);
        if (p->rc == SQLITE_OK && !is_word_near(&word)) {
            p->token = word;
            fail_near(p);
        }
    } else {
        bool is_first = take_mark(p, '^');
        leaf_add(p, leaf, parse_phrase(p));
        if (p->rc == SQLITE_OK)
            leaf->phrases[0]->is_first = is_first;
    }
    check_detail(p, leaf);
    if (p->rc == SQLITE_OK)
        return leaf;
    free_node(leaf);
    return NULL;
}

// --- column filters ---

static void set_column(Parser *p, bool *columns)
{
    ASSERT(is_text(&p->token));

    char *name = token_text(p);
    for (int i = 0; name != NULL && i < p->config->column_count; i++) {
        if (sqlite3_stricmp(name, p->config->columns[i]) == 0) {
            columns[i] = true;
            sqlite3_free(name);
            advance(p);
            return;
        }
    }
    fail(p, sqlite3_mprintf("no such column: %s", name));
    sqlite3_free(name);
}

// NULL without an error: none stands here.
static bool *parse_columns(Parser *p)
{
    bool is_single = is_text(&p->token) && is_mark(&p->next, ':');
    if (!is_single && !is_mark(&p->token, '{') && !is_mark(&p->token, '-'))
        return NULL;
    bool *columns = fts_zalloc((u64)p->config->column_count + 1);
    if (columns == NULL) {
        p->rc = SQLITE_NOMEM;
        return NULL;
    }
    bool is_inverted = take_mark(p, '-');
    if (take_mark(p, '{')) {
        do {
            if (is_text(&p->token))
                set_column(p, columns);
            else
                fail_near(p);
        } while (p->rc == SQLITE_OK && !take_mark(p, '}'));
    } else if (is_text(&p->token)) {
        set_column(p, columns);
    } else {
        fail_near(p);
    }
    if (p->rc == SQLITE_OK && !take_mark(p, ':'))
        fail_near(p);
    for (int i = 0; is_inverted && i < p->config->column_count; i++)
        columns[i] = !columns[i];
    if (p->rc == SQLITE_OK)
        return columns;
    sqlite3_free(columns);
    return NULL;
}

static int restrict_columns(QueryNode *node, const bool *columns, int column_count)
{
    ASSERT(column_count > 0);

    for (int i = 0; i < node->child_count; i++)
        TRY(restrict_columns(node->children[i], columns, column_count));
    if (node->kind != NODE_LEAF)
        return SQLITE_OK;
    bool is_new = node->columns == NULL;
    if (is_new)
        node->columns = sqlite3_malloc64((u64)column_count + 1);
    if (node->columns == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < column_count; i++)
        node->columns[i] = columns[i] && (is_new || node->columns[i]);
    return SQLITE_OK;
}

static QueryNode *apply_columns(Parser *p, QueryNode *node, bool *columns)
{
    if (columns != NULL && p->rc == SQLITE_OK && p->config->detail == DETAIL_NONE)
        fail(p, sqlite3_mprintf("fts5: column queries are not supported (detail=none)"));
    if (columns != NULL && node != NULL && p->rc == SQLITE_OK)
        p->rc = restrict_columns(node, columns, p->config->column_count);
    sqlite3_free(columns);
    return node;
}

// --- expressions ---

static QueryNode *parse_group(Parser *p)
{
    ASSERT(is_mark(&p->token, '('));

    advance(p);
    if (++p->nesting > NESTING_MAX) {
        fail(p, sqlite3_mprintf("fts5: parser stack overflow"));
        return NULL;
    }
    QueryNode *node = parse_or(p);
    p->nesting--;
    if (p->rc == SQLITE_OK && !take_mark(p, ')'))
        fail_near(p);
    return node;
}

static bool starts_leaf(const Parser *p)
{
    return is_text(&p->token) || is_mark(&p->token, '^') || is_mark(&p->token, '{')
           || is_mark(&p->token, '-');
}

static bool is_empty_leaf(const QueryNode *node)
{
    for (int i = 0; i < node->phrase_count; i++) {
        if (node->phrases[i]->term_count > 0)
            return false;
    }
    return node->kind == NODE_LEAF;
}

static void drop_leaf(Parser *p, QueryNode *leaf)
{
    if (leaf != NULL && p->rc == SQLITE_OK)
        drop_phrase(p->query, leaf->phrases[--leaf->phrase_count]);
    free_node(leaf);
}

// A string without a token vanishes beside another.
static QueryNode *join_sequence(Parser *p, QueryNode *left, QueryNode *right)
{
    if (right == NULL || is_empty_leaf(right)) {
        drop_leaf(p, right);
        return left;
    }
    if (left == NULL || is_empty_leaf(left)) {
        drop_leaf(p, left);
        return right;
    }
    return join(p, NODE_AND, left, right);
}

static QueryNode *parse_part(Parser *p)
{
    QueryNode *node = NULL;
    if (is_mark(&p->token, '('))
        return parse_group(p);
    do {
        bool *columns = parse_columns(p);
        if (p->rc != SQLITE_OK)
            return node;
        bool is_group = columns != NULL && is_mark(&p->token, '(');
        if (is_group && node == NULL)
            return apply_columns(p, parse_group(p), columns);
        QueryNode *leaf = apply_columns(p, parse_leaf(p), columns);
        node = node == NULL ? leaf : join_sequence(p, node, leaf);
    } while (p->rc == SQLITE_OK && starts_leaf(p));
    return node;
}

static QueryNode *join_or_free(Parser *p, NodeKind kind, QueryNode *left, QueryNode *right)
{
    if (p->rc == SQLITE_OK && left != NULL && right != NULL)
        return join(p, kind, left, right);
    free_node(right);
    return left;
}

static QueryNode *parse_not(Parser *p)
{
    QueryNode *node = parse_part(p);
    while (p->rc == SQLITE_OK && p->token.kind == TOKEN_NOT) {
        advance(p);
        node = join_or_free(p, NODE_NOT, node, parse_part(p));
    }
    return node;
}

static QueryNode *parse_and(Parser *p)
{
    QueryNode *node = parse_not(p);
    while (p->rc == SQLITE_OK && p->token.kind == TOKEN_AND) {
        advance(p);
        node = join_or_free(p, NODE_AND, node, parse_not(p));
    }
    return node;
}

static QueryNode *parse_or(Parser *p)
{
    QueryNode *node = parse_and(p);
    while (p->rc == SQLITE_OK && p->token.kind == TOKEN_OR) {
        advance(p);
        node = join_or_free(p, NODE_OR, node, parse_and(p));
    }
    return node;
}

int query_parse(FtsIndex *index, const char *text, int column, Query **out, char **message)
{
    Query *query = fts_zalloc(sizeof *query);
    *out = NULL;
    if (query == NULL)
        return SQLITE_NOMEM;
    query->index = index;
    Parser parser = {.query = query,
                     .config = index->config,
                     .at = text == NULL ? "" : text,
                     .message = message};
    parser.next = scan(&parser);
    advance(&parser);
    query->root = parse_or(&parser);
    if (parser.rc == SQLITE_OK && parser.token.kind != TOKEN_END)
        fail_near(&parser);
    if (parser.rc == SQLITE_OK && column >= 0) {
        bool *columns = fts_zalloc((u64)index->config->column_count + 1);
        if (columns == NULL)
            parser.rc = SQLITE_NOMEM;
        else
            columns[column] = true;
        query->root = apply_columns(&parser, query->root, columns);
    }
    if (parser.rc != SQLITE_OK) {
        query_free(query);
        return parser.rc;
    }
    *out = query;
    return SQLITE_OK;
}

// --- queries made of others ---

static int copy_term(const QueryTerm *source, QueryTerm *copy)
{
    ASSERT(copy->token.size == 0 && copy->synonym == NULL);

    copy->is_prefix = source->is_prefix;
    fts_buffer_append(&copy->token, source->token.bytes, source->token.size);
    TRY(copy->token.rc);
    for (const QueryTerm *s = source->synonym; s != NULL; s = s->synonym) {
        QueryTerm *synonym = fts_zalloc(sizeof *synonym);
        if (synonym == NULL)
            return SQLITE_NOMEM;
        synonym->synonym = copy->synonym;
        copy->synonym = synonym;
        fts_buffer_append(&synonym->token, s->token.bytes, s->token.size);
        TRY(synonym->token.rc);
    }
    return SQLITE_OK;
}

static int fill_phrase_query(const QueryPhrase *source, Parser *p)
{
    QueryNode *leaf = node_new(p, NODE_LEAF);
    p->query->root = leaf;
    QueryPhrase *phrase = leaf == NULL ? NULL : phrase_new(p);
    leaf_add(p, leaf, phrase);
    if (p->rc != SQLITE_OK)
        return p->rc;
    phrase->is_first = source->is_first;
    phrase->terms = fts_zalloc(sizeof(QueryTerm) * ((u64)source->term_count + 8));
    if (phrase->terms == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < source->term_count; i++) {
        phrase->term_count++;
        TRY(copy_term(&source->terms[i], &phrase->terms[i]));
    }
    if (source->node != NULL && source->node->columns != NULL)
        return restrict_columns(leaf, source->node->columns, p->config->column_count);
    return SQLITE_OK;
}

int query_of_phrase(Query *source, int phrase, Query **out)
{
    ASSERT(phrase >= 0 && phrase < source->phrase_count);

    Query *query = fts_zalloc(sizeof *query);
    *out = NULL;
    if (query == NULL)
        return SQLITE_NOMEM;
    query->index = source->index;
    Parser parser = {.query = query, .config = source->index->config};
    int rc = fill_phrase_query(source->phrases[phrase], &parser);
    if (rc != SQLITE_OK) {
        query_free(query);
        return rc;
    }
    *out = query;
    return SQLITE_OK;
}

int query_and(Query *left, Query *right, Query **out)
{
    ASSERT(left->index == right->index);

    Parser parser = {.query = left, .config = left->index->config};
    *out = left;
    for (int i = 0; i < right->phrase_count && parser.rc == SQLITE_OK; i++) {
        if (!make_room(&left->phrases, left->phrase_count))
            parser.rc = SQLITE_NOMEM;
        else
            left->phrases[left->phrase_count++] = right->phrases[i];
    }
    if (parser.rc == SQLITE_OK) {
        left->root = join(&parser, NODE_AND, left->root, right->root);
        right->root = NULL;
        right->phrase_count = 0;
    }
    query_free(right);
    if (parser.rc != SQLITE_OK) {
        query_free(left);
        *out = NULL;
    }
    return parser.rc;
}

bool query_term_equals(const FtsConfig *config, const QueryTerm *term, const void *token, u32 size)
{
    const u32 found_size = query_token_size(config, token, size);
    for (const QueryTerm *at = term; at != NULL; at = at->synonym) {
        const u32 wanted_size = query_token_size(config, at->token.bytes, at->token.size);
        bool fits = term->is_prefix ? found_size >= wanted_size : found_size == wanted_size;
        if (fits && (wanted_size == 0 || memcmp(at->token.bytes, token, wanted_size) == 0))
            return true;
    }
    return false;
}
