// Does a text end with a whole statement? A statement ends with ";", except that CREATE TRIGGER
// goes on until "; END ;". A small automaton over the kinds of tokens decides; blanks and comments
// never move it.
//
// The states and moves are those of sqlite3_complete(): EXPLAIN may stand before CREATE, TEMP
// between CREATE and TRIGGER, and what stands anywhere else changes nothing. So EXPLAIN QUERY PLAN
// CREATE TRIGGER is taken for one statement as well: AFTER_EXPLAIN swallows other words.

#include "sql/complete.h"
#include "base/contract.h"
#include "sql/lexer.h"

typedef enum CompleteState {
    AT_NOTHING, // no statement seen yet
    AT_START,   // behind a complete statement
    IN_STATEMENT,
    AFTER_EXPLAIN,
    AFTER_CREATE,
    IN_TRIGGER,
    TRIGGER_SEMICOLON, // ";" inside a trigger
    TRIGGER_END,       // "; END" inside a trigger
    STATE_COUNT
} CompleteState;

typedef enum CompleteToken {
    SAW_SEMICOLON,
    SAW_OTHER,
    SAW_EXPLAIN,
    SAW_CREATE,
    SAW_TEMP,
    SAW_TRIGGER,
    SAW_END,
    SAW_COUNT
} CompleteToken;

// clang-format off
static const u8 next_state[STATE_COUNT][SAW_COUNT] = {
    //                      ;                  other          EXPLAIN        CREATE        TEMP
    //                      TRIGGER       END
    [AT_NOTHING]        = {AT_START,          IN_STATEMENT, AFTER_EXPLAIN, AFTER_CREATE, IN_STATEMENT, IN_STATEMENT, IN_STATEMENT},
    [AT_START]          = {AT_START,          IN_STATEMENT, AFTER_EXPLAIN, AFTER_CREATE, IN_STATEMENT, IN_STATEMENT, IN_STATEMENT},
    [IN_STATEMENT]      = {AT_START,          IN_STATEMENT, IN_STATEMENT,  IN_STATEMENT, IN_STATEMENT, IN_STATEMENT, IN_STATEMENT},
    [AFTER_EXPLAIN]     = {AT_START,          AFTER_EXPLAIN, IN_STATEMENT, AFTER_CREATE, IN_STATEMENT, IN_STATEMENT, IN_STATEMENT},
    [AFTER_CREATE]      = {AT_START,          IN_STATEMENT, IN_STATEMENT,  IN_STATEMENT, AFTER_CREATE, IN_TRIGGER,   IN_STATEMENT},
    [IN_TRIGGER]        = {TRIGGER_SEMICOLON, IN_TRIGGER,   IN_TRIGGER,    IN_TRIGGER,   IN_TRIGGER,   IN_TRIGGER,   IN_TRIGGER},
    [TRIGGER_SEMICOLON] = {TRIGGER_SEMICOLON, IN_TRIGGER,   IN_TRIGGER,    IN_TRIGGER,   IN_TRIGGER,   IN_TRIGGER,   TRIGGER_END},
    [TRIGGER_END]       = {AT_START,          IN_TRIGGER,   IN_TRIGGER,    IN_TRIGGER,   IN_TRIGGER,   IN_TRIGGER,   IN_TRIGGER},
};
// clang-format on

static CompleteToken classify(TokenKind kind)
{
    switch (kind) {
    case TK_SEMICOLON: return SAW_SEMICOLON;
    case TK_EXPLAIN: return SAW_EXPLAIN;
    case TK_CREATE: return SAW_CREATE;
    case TK_TEMP:
    case TK_TEMPORARY: return SAW_TEMP;
    case TK_TRIGGER: return SAW_TRIGGER;
    case TK_END: return SAW_END;
    default: return SAW_OTHER;
    }
}

// An open quote or bracket hides whatever follows.
static bool is_open_quote(const char *sql, const Token *token)
{
    char first = sql[token->offset];
    return token->kind == TK_ILLEGAL
           && (first == '\'' || first == '"' || first == '`' || first == '[');
}

// Skips blanks and comments; false when a comment is still open at the end.
static bool skip_closed_space(Lexer *lexer)
{
    while (lexer->next < lexer->size) {
        const char *at = lexer->text + lexer->next;
        u32 size = lexer_space_size(lexer->text, lexer->next, lexer->size);
        if (size == 0)
            return true;
        if (at[0] == '/' && (size < 4 || at[size - 2] != '*' || at[size - 1] != '/'))
            return false;
        lexer->next += size;
    }
    return true;
}

bool sql_is_complete(const char *sql, size_t size)
{
    ASSERT(sql != NULL);

    Lexer lexer;
    lexer_init(&lexer, sql, size);
    u8 state = AT_NOTHING;
    while (skip_closed_space(&lexer)) {
        Token token = lexer_next(&lexer);
        if (token.kind == TK_END_OF_INPUT)
            return state == AT_START;
        if (is_open_quote(sql, &token))
            return false;
        if (token.kind == TK_ILLEGAL || token.kind == TK_VARIABLE)
            lexer.next = token.offset + 1; // it may have swallowed a quote or ";"
        state = next_state[state][classify(token.kind)];
    }
    return false;
}
