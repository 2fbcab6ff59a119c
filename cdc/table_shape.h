#ifndef QUIRE_CDC_TABLE_SHAPE_H
#define QUIRE_CDC_TABLE_SHAPE_H
// What the triggers of a feed must know about a captured table: its columns, what identifies a row,
// and what can make one row replace another.

#include "cdc/feed.h"

typedef struct ShapeColumn {
    char *name;
    char *default_text; // of DEFAULT; NULL: none
    bool is_generated;
} ShapeColumn;

// A column or expression of a key, with the collation that its index compares by.
typedef struct KeyPart {
    char *column;     // NULL: an expression
    char *expression; // its text
    char *collation;
} KeyPart;

typedef struct UniqueKey {
    KeyPart *parts;
    int part_count;
    bool is_primary; // of a WITHOUT ROWID table
    // May change though no UPDATE names its columns: it has an expression or generated column, or
    // a WHERE.
    bool is_hidden;
} UniqueKey;

typedef struct TableShape {
    char *name;
    char *sql;            // CREATE TABLE
    ShapeColumn *columns; // stored ones, in table order
    int column_count;
    UniqueKey *keys; // but for the rowid
    int key_count;
    const char *rowid; // a name under which the rowid can be read; NULL: WITHOUT ROWID
    char *alias;       // the INTEGER PRIMARY KEY column, which is the rowid; NULL: none
    char *columns_json;
} TableShape;

// Errors: no such table, or one that triggers cannot watch. *out needs shape_free() in any case.
MUST_USE int shape_read(Feed *feed, const char *table, TableShape *out);
void shape_free(TableShape *shape);
// The primary key of a WITHOUT ROWID table, or NULL.
const UniqueKey *shape_primary_key(const TableShape *shape);
// Whether a row that keeps its key may replace another, for there are further keys.
bool shape_has_other_keys(const TableShape *shape);
// Whether an UPDATE that changes one of those keys may name none of its columns.
bool shape_has_hidden_key(const TableShape *shape);
// Key columns kept beside the id: those of a key of several columns.
int shape_stored_key_count(const TableShape *shape);

// The texts of the expressions and columns of CREATE INDEX ... ON t(...), by position.
// *out is a list of `count` texts (each sqlite3_free, and the list). Missing ones are NULL.
MUST_USE int index_expressions(const char *sql, int count, char ***out);

#endif
