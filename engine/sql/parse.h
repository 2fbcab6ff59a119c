#ifndef QUIRE_SQL_PARSE_H
#define QUIRE_SQL_PARSE_H
// The parser's door: one statement of SQL text to its tree.
//
// Grammar, precedence, the words that may be names, limits and messages are SQLite 3.53's. Beyond
// it are quire's own statements: BEGIN CONCURRENT, CREATE INDEX ... USING method (...) WITH (...),
// OPTIMIZE INDEX, and ALTER TABLE ... ALTER COLUMN c TYPE and the like as parse_ddl.c lists them.
// The parser knows no schema: it reports what is wrong with the text alone, and builds the same
// tree whatever the connection holds.

#include "sql/ast.h"

// All limits are inclusive.
typedef struct ParseOptions {
    i32 expr_depth;         // SQLITE_LIMIT_EXPR_DEPTH
    i32 parser_depth;       // SQLITE_LIMIT_PARSER_DEPTH
    i32 column_count;       // SQLITE_LIMIT_COLUMN
    i32 compound_select;    // SQLITE_LIMIT_COMPOUND_SELECT
    i32 function_arg_count; // SQLITE_LIMIT_FUNCTION_ARG
    i32 variable_number;    // SQLITE_LIMIT_VARIABLE_NUMBER
    bool forbid_comments;   // SQLITE_DBCONFIG_ENABLE_COMMENTS is off
    bool keeps_dead_terms;  // x AND 0 is not folded: ALTER TABLE looks for names in x
    bool lenient_schema;    // text from sqlite_schema: compound limits do not apply
} ParseOptions;

// Options with SQLite's default limits.
ParseOptions parse_options_default(void);

typedef struct ParseResult {
    Stmt *stmt;          // in the arena; STMT_EMPTY when the text holds no statement. After
                         // an error NULL, or a CREATE TRIGGER whose body is at fault:
                         // SQLite complains first when the trigger's table does not exist
    u32 tail;            // offset behind the statement and its ";", or how far an error let it read
    bool has_dead_terms; // of those that keeps_dead_terms keeps
    const char *message; // in the arena, set when the parser failed (NULL for
                         // SQLITE_NOMEM)
    i32 error_offset;    // byte the message is about, -1 unknown
} ParseResult;

// Parses the first statement of sql[0..size). SQLITE_ERROR with a message, or SQLITE_NOMEM; *out is
// set in all cases. The text must outlive the tree (law A1); the arena's `failed` flag has been
// looked at, so a tree that is returned is whole.
MUST_USE int parse_statement(const char *sql, size_t size, const ParseOptions *options,
                             Arena *arena, ParseResult *out);

// A copy of `text` without its quotes, if it begins with one: 'x', "x", `x`, [x]; doubled quotes
// become one. NULL: out of memory.
char *parse_dequote(Arena *arena, const char *text, size_t size);

#endif
