// MATCH expressions from text to tree. See fts3_query.h.
//
// Operands and operators are put on two stacks; an operator takes its operands when one comes that
// binds no tighter. A parenthesis opens a level of both stacks: depth costs memory, not stack.
#include "fts/fts3/fts3_query.h"

enum { NEAR_DEFAULT = 10, DEPTH_MAX = 12 };

typedef struct Operator {
    Fts3NodeType type;
    int near;
} Operator;

typedef struct Level {
    u32 operand_base;
    u32 operator_base;
    bool needs_operand;
    bool after_near;  // the last thing was a NEAR
    bool can_be_near; // the last operand was a phrase
} Level;

typedef struct Parser {
    Fts3Query *query;
    const char *text;
    int size;
    int at;
    int column;
    FtsBuffer operands;  // Fts3Node *
    FtsBuffer operators; // Operator
    FtsBuffer levels;    // Level
} Parser;

typedef enum Fail { FAIL_NONE, FAIL_SYNTAX, FAIL_TOO_LARGE } Fail;

// --- stacks ---

static u32 operand_count(const Parser *parser)
{
    return parser->operands.size / (u32)sizeof(Fts3Node *);
}

static u32 operator_count(const Parser *parser)
{
    return parser->operators.size / (u32)sizeof(Operator);
}

static void pop(FtsBuffer *stack, void *out, u32 size)
{
    ASSERT(stack->size >= size);
    stack->size -= size;
    memcpy(out, stack->bytes + stack->size, size);
}

static Level *top_level(Parser *parser)
{
    ASSERT(parser->levels.size >= sizeof(Level));
    return (Level *)(void *)(parser->levels.bytes + parser->levels.size - sizeof(Level));
}

static void push_level(Parser *parser)
{
    Level level = {operand_count(parser), operator_count(parser), true, false, false};
    fts_buffer_append(&parser->levels, &level, sizeof level);
}

static int stacks_rc(const Parser *parser)
{
    if (parser->operands.rc != SQLITE_OK)
        return parser->operands.rc;
    return parser->operators.rc != SQLITE_OK ? parser->operators.rc : parser->levels.rc;
}

// --- nodes ---

static int new_node(Fts3Query *query, Fts3NodeType type, Fts3Node **out)
{
    Fts3Node *node = fts_zalloc(sizeof *node);
    if (node == NULL)
        return SQLITE_NOMEM;
    node->type = type;
    node->allocated = query->nodes;
    query->nodes = node;
    *out = node;
    ASSERT(query->table != NULL);
    return SQLITE_OK;
}

static void add_child(Fts3Node *node, Fts3Node *child)
{
    ASSERT(child->next == NULL);
    if (node->last == NULL)
        node->first = child;
    else
        node->last->next = child;
    node->last = child;
    node->child_count++;
    if (node->type != FTS3_NEAR && node->depth <= child->depth)
        node->depth = child->depth + 1;
}

// Chains of AND, OR and NEAR are one node with many children.
static void add_operand(Fts3Node *node, Fts3Node *operand)
{
    if (operand->type != node->type || node->type == FTS3_NOT) {
        add_child(node, operand);
        return;
    }
    Fts3Node *child = operand->first;
    while (child != NULL) {
        Fts3Node *next = child->next;
        child->next = NULL;
        add_child(node, child);
        child = next;
    }
    ASSERT(node->child_count >= operand->child_count);
}

// The topmost operator takes the two topmost operands.
static int reduce(Parser *parser)
{
    Operator operator;
    Fts3Node *left, *right, *node;
    pop(&parser->operators, &operator, sizeof operator);
    pop(&parser->operands, &right, sizeof right);
    pop(&parser->operands, &left, sizeof left);
    ASSERT(operator.type != FTS3_PHRASE);
    right->near = operator.near;
    bool extends = left->type == operator.type && operator.type != FTS3_NOT;
    if (extends) {
        node = left;
    } else {
        TRY(new_node(parser->query, operator.type, &node));
        add_operand(node, left);
    }
    add_operand(node, right);
    fts_buffer_append(&parser->operands, &node, sizeof node);
    return parser->operands.rc;
}

static int push_operator(Parser *parser, Fts3NodeType type, int near)
{
    const Level *level = top_level(parser);
    while (operator_count(parser) > level->operator_base) {
        Operator above;
        memcpy(&above, parser->operators.bytes + parser->operators.size - sizeof above,
               sizeof above);
        if (above.type > type) // looser: it waits
            break;
        TRY(reduce(parser));
        level = top_level(parser);
    }
    Operator operator= {type, near};
    ASSERT(type != FTS3_PHRASE);
    fts_buffer_append(&parser->operators, &operator, sizeof operator);
    return parser->operators.rc;
}

static int take_operator(Parser *parser, Fts3NodeType type, int near, Fail *fail)
{
    Level *level = top_level(parser);
    ASSERT(near >= 0);
    if (level->needs_operand || (type == FTS3_NEAR && !level->can_be_near)) {
        *fail = FAIL_SYNTAX;
        return SQLITE_OK;
    }
    level->needs_operand = true;
    level->after_near = type == FTS3_NEAR;
    return push_operator(parser, type, near);
}

static int take_operand(Parser *parser, Fts3Node *node, Fail *fail)
{
    Level *level = top_level(parser);
    if (level->after_near && level->needs_operand && node->type != FTS3_PHRASE) {
        *fail = FAIL_SYNTAX;
        return SQLITE_OK;
    }
    if (!level->needs_operand) {
        TRY(push_operator(parser, FTS3_AND, 0));
        level->after_near = false;
    }
    level->needs_operand = false;
    level->can_be_near = node->type == FTS3_PHRASE;
    ASSERT(node->next == NULL);
    fts_buffer_append(&parser->operands, &node, sizeof node);
    return parser->operands.rc;
}

// Ends the topmost level; *out is its tree, NULL if it is empty.
static int end_level(Parser *parser, Fts3Node **out, Fail *fail)
{
    Level level = *top_level(parser);
    *out = NULL;
    bool is_empty = operand_count(parser) == level.operand_base;
    if (level.needs_operand && !is_empty) {
        *fail = FAIL_SYNTAX;
        return SQLITE_OK;
    }
    while (operator_count(parser) > level.operator_base)
        TRY(reduce(parser));
    if (!is_empty)
        pop(&parser->operands, out, sizeof *out);
    pop(&parser->levels, &level, sizeof level);
    ASSERT(operand_count(parser) == level.operand_base);
    return SQLITE_OK;
}

// --- operands ---

static int add_term(Fts3Phrase *phrase, const Fts3Token *token)
{
    Fts3Term *grown =
        sqlite3_realloc64(phrase->terms, sizeof *grown * ((u64)phrase->term_count + 1));
    if (grown == NULL)
        return SQLITE_NOMEM;
    phrase->terms = grown;
    Fts3Term *term = &grown[phrase->term_count];
    *term = (Fts3Term){.size = (u32)token->size};
    term->text = sqlite3_malloc64((u64)token->size + 1);
    if (term->text == NULL)
        return SQLITE_NOMEM;
    memcpy(term->text, token->text, (size_t)token->size);
    phrase->term_count++;
    ASSERT(phrase->term_count > 0);
    return SQLITE_OK;
}

// Tokens of text[from, end) to a phrase: all of them, or one; *consumed is the end of the last.
static int add_terms(Parser *parser, int from, int end, int term_max, Fts3Phrase *phrase,
                     int *consumed)
{
    const char *text = parser->text;
    sqlite3_tokenizer_cursor *cursor;
    TRY(fts3_tokenizer_open(parser->query->table->tokenizer, parser->query->language, text + from,
                            end - from, &cursor));
    Fts3Token token;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && phrase->term_count < term_max) {
        rc = fts3_tokenizer_next(cursor, &token);
        if (rc != SQLITE_OK)
            break;
        rc = add_term(phrase, &token);
        if (rc != SQLITE_OK)
            break;
        Fts3Term *term = &phrase->terms[phrase->term_count - 1];
        int start = from + token.start;
        int stop = from + token.end;
        term->is_prefix = stop < end && text[stop] == '*';
        term->is_first =
            parser->query->table->version == 4 && start > from && text[start - 1] == '^';
        *consumed = stop + term->is_prefix;
    }
    fts3_tokenizer_close(cursor);
    ASSERT(*consumed <= parser->size || rc != SQLITE_OK);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int new_phrase(Parser *parser, int column, Fts3Node **out)
{
    TRY(new_node(parser->query, FTS3_PHRASE, out));
    (*out)->phrase.column = column;
    ASSERT(column <= parser->query->table->column_count);
    return SQLITE_OK;
}

static int take_string(Parser *parser, Fail *fail)
{
    int from = parser->at + 1;
    ASSERT(parser->text[parser->at] == '"');
    const char *end = memchr(parser->text + from, '"', (size_t)(parser->size - from));
    if (end == NULL) {
        *fail = FAIL_SYNTAX;
        return SQLITE_OK;
    }
    Fts3Node *node;
    int consumed = 0;
    int stop = (int)(end - parser->text);
    TRY(new_phrase(parser, parser->column, &node));
    TRY(add_terms(parser, from, stop, INT32_MAX, &node->phrase, &consumed));
    parser->at = stop + 1;
    return take_operand(parser, node, fail);
}

// "name:" in front of a word; its size, or 0.
static int take_column(const Parser *parser, int *column)
{
    const Fts3Table *table = parser->query->table;
    int left = parser->size - parser->at;
    *column = parser->column;
    for (int i = 0; i < table->column_count; i++) {
        const char *name = table->columns[i];
        int size = (int)strlen(name);
        if (left > size && parser->text[parser->at + size] == ':'
            && sqlite3_strnicmp(name, parser->text + parser->at, size) == 0) {
            *column = i;
            return size + 1;
        }
    }
    ASSERT(*column <= table->column_count);
    return 0;
}

// One word. *is_end: there is no text for one, which ends the expression.
static int take_word(Parser *parser, bool *is_end, Fail *fail)
{
    int column;
    int from = parser->at + take_column(parser, &column);
    int end = from;
    while (end < parser->size && strchr("\"()", parser->text[end]) == NULL)
        end++;
    if (end == from) { // after a column, that is
        *is_end = end == parser->size || parser->text[end] != ')';
        parser->at = end;
        return SQLITE_OK;
    }
    Fts3Node *node;
    int consumed = end;
    TRY(new_phrase(parser, column, &node));
    TRY(add_terms(parser, from, end, 1, &node->phrase, &consumed));
    parser->at = consumed;
    ASSERT(parser->at <= parser->size);
    return node->phrase.term_count == 0 ? SQLITE_OK : take_operand(parser, node, fail);
}

// --- words with a meaning ---

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// NEAR may have "/" and a number behind it.
static int near_distance(const char *text, int left, int *size)
{
    if (*size + 1 >= left || text[*size] != '/' || !is_digit(text[*size + 1]))
        return NEAR_DEFAULT;
    int distance = 0;
    (*size)++;
    while (*size < left && is_digit(text[*size])) {
        distance = distance > 100000000 ? distance : distance * 10 + (text[*size] - '0');
        (*size)++;
    }
    ASSERT(distance >= 0);
    return distance;
}

static bool find_operator(Parser *parser, Operator *out)
{
    static const struct {
        const char *text;
        Fts3NodeType type;
    } words[] = {{"OR", FTS3_OR}, {"AND", FTS3_AND}, {"NOT", FTS3_NOT}, {"NEAR", FTS3_NEAR}};
    const char *text = parser->text + parser->at;
    int left = parser->size - parser->at;
    for (int i = 0; i < ARRAY_LEN(words); i++) {
        int size = (int)strlen(words[i].text);
        if (left < size || memcmp(text, words[i].text, (size_t)size) != 0)
            continue;
        *out = (Operator){words[i].type, 0};
        if (out->type == FTS3_NEAR)
            out->near = near_distance(text, left, &size);
        char next = size < left ? text[size] : ' ';
        if (is_space(next) || next == '"' || next == '(' || next == ')' || next == 0) {
            parser->at += size;
            ASSERT(parser->at <= parser->size);
            return true;
        }
    }
    return false;
}

static int close_parenthesis(Parser *parser, Fail *fail)
{
    Fts3Node *node;
    if (parser->levels.size == sizeof(Level)) {
        *fail = FAIL_SYNTAX;
        return SQLITE_OK;
    }
    TRY(end_level(parser, &node, fail));
    if (*fail != FAIL_NONE || node == NULL)
        return SQLITE_OK;
    ASSERT(parser->levels.size > 0);
    return take_operand(parser, node, fail);
}

// --- the whole ---

// One operand, operator or parenthesis.
static int take_next(Parser *parser, bool *is_end, Fail *fail)
{
    Operator operator;
    ASSERT(parser->at < parser->size);
    if (find_operator(parser, &operator))
        return take_operator(parser, operator.type, operator.near, fail);
    switch (parser->text[parser->at]) {
    case '(':
        parser->at++;
        push_level(parser);
        return parser->levels.rc;
    case ')': parser->at++; return close_parenthesis(parser, fail);
    case '"': return take_string(parser, fail);
    default: return take_word(parser, is_end, fail);
    }
}

static int parse_all(Parser *parser, Fail *fail)
{
    bool is_end = false;
    push_level(parser);
    TRY(stacks_rc(parser));
    for (;;) {
        while (parser->at < parser->size && is_space(parser->text[parser->at]))
            parser->at++;
        if (parser->at >= parser->size || is_end || *fail != FAIL_NONE)
            break;
        TRY(take_next(parser, &is_end, fail));
    }
    ASSERT(parser->levels.size > 0 || *fail != FAIL_NONE);
    if (*fail == FAIL_NONE && parser->levels.size > sizeof(Level))
        *fail = FAIL_SYNTAX;
    return *fail == FAIL_NONE ? end_level(parser, &parser->query->root, fail) : SQLITE_OK;
}

// How deep the tree is when every chain is a balanced tree of operators with two sides.
static int balanced_depth(const Fts3Node *node, int deepest_child)
{
    int depth = 0;
    ASSERT(node->child_count >= 2);
    if (node->type == FTS3_NEAR)
        return node->child_count - 1; // those stay in a row
    while (1 << depth < node->child_count)
        depth++;
    return depth + deepest_child;
}

// recursive: at most DEPTH_MAX deep. `left` is how deep the node may be; *depth is what it is.
static Fail check_node(const Fts3Node *node, int left, int *depth)
{
    int deepest = 0;
    *depth = 0;
    ASSERT(node->depth < left);
    if (node->type == FTS3_PHRASE)
        return FAIL_NONE;
    if ((node->type == FTS3_AND || node->type == FTS3_OR) && node->child_count >= 1 << left)
        return FAIL_TOO_LARGE;
    for (const Fts3Node *child = node->first; child != NULL; child = child->next) {
        int child_depth;
        Fail fail = check_node(child, node->type == FTS3_NEAR ? left : left - 1, &child_depth);
        if (fail != FAIL_NONE)
            return fail;
        deepest = child_depth > deepest ? child_depth : deepest;
    }
    *depth = balanced_depth(node, deepest);
    return *depth > DEPTH_MAX ? FAIL_TOO_LARGE : FAIL_NONE;
}

static Fail check_size(const Fts3Query *query)
{
    int depth;
    if (query->root == NULL)
        return FAIL_NONE;
    ASSERT(query->root->depth >= 0);
    if (query->root->depth >= DEPTH_MAX)
        return FAIL_SYNTAX; // as SQLite says it
    return check_node(query->root, DEPTH_MAX, &depth);
}

// recursive: at most DEPTH_MAX deep
static int list_phrases(Fts3Query *query, Fts3Node *node)
{
    ASSERT(node->depth < DEPTH_MAX);
    if (node->type == FTS3_PHRASE) {
        Fts3Phrase **grown =
            sqlite3_realloc64(query->phrases, sizeof *grown * ((u64)query->phrase_count + 1));
        if (grown == NULL)
            return SQLITE_NOMEM;
        query->phrases = grown;
        grown[query->phrase_count++] = &node->phrase;
        return SQLITE_OK;
    }
    for (Fts3Node *child = node->first; child != NULL; child = child->next) {
        TRY(list_phrases(query, child));
        if (node->type == FTS3_NOT)
            break;
    }
    return SQLITE_OK;
}

int fts3_query_parse(Fts3Query *query, const char *text, int size, int column)
{
    ASSERT(query->table != NULL && query->root == NULL);

    Parser parser = {.query = query, .text = text, .size = size, .column = column};
    Fail fail = FAIL_NONE;
    int rc = parse_all(&parser, &fail);
    if (rc == SQLITE_OK)
        rc = stacks_rc(&parser);
    fts_buffer_deinit(&parser.operands);
    fts_buffer_deinit(&parser.operators);
    fts_buffer_deinit(&parser.levels);
    TRY(rc);
    if (fail == FAIL_NONE)
        fail = check_size(query);
    if (fail == FAIL_TOO_LARGE)
        return fts3_error(
            query->table, SQLITE_ERROR,
            sqlite3_mprintf("FTS expression tree is too large (maximum depth %d)", DEPTH_MAX));
    if (fail == FAIL_SYNTAX)
        return fts3_error(query->table, SQLITE_ERROR,
                          sqlite3_mprintf("malformed MATCH expression: [%s]", text));
    return query->root == NULL ? SQLITE_OK : list_phrases(query, query->root);
}

void fts3_query_free(Fts3Query *query)
{
    ASSERT(query != NULL);
    while (query->nodes != NULL) {
        Fts3Node *node = query->nodes;
        query->nodes = node->allocated;
        for (int i = 0; i < node->phrase.term_count; i++)
            sqlite3_free(node->phrase.terms[i].text);
        sqlite3_free(node->phrase.terms);
        fts3_hits_deinit(&node->phrase.hits);
        sqlite3_free(node->docids);
        sqlite3_free(node);
    }
    sqlite3_free(query->phrases);
    *query = (Fts3Query){0};
}
