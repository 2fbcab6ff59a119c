#ifndef QUIRE_H
#define QUIRE_H
/*
 * What quire offers beyond the SQLite interface. Link with libquire; the stock library has none of
 * these names, so code that must run on both looks them up with dlsym().
 */

#include "sqlite3.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QUIRE_VERSION "0.1.0"

/*
 * The version of the library in use, which may differ from the QUIRE_VERSION compiled against.
 * Static storage. Never fails. Safe from any thread, before sqlite3_initialize() too.
 */
SQLITE_API const char *quire_version(void);

/*
 * Index methods: kinds of index that a module provides.
 *
 *     CREATE INDEX [IF NOT EXISTS] name ON table USING method (col, ...)
 *         [WITH (key = literal, ...)]
 *     CREATE INDEX name ON table (method(col, 'key=value', ...))
 *     DROP INDEX name
 *     OPTIMIZE INDEX [name]
 *
 * The second form, libSQL's, is meant when `method` is registered and there is no SQL function of
 * that name.
 *
 * None of these statements is stored. The method is asked to say the same in plain SQL, and what it
 * answers runs in its place: typically CREATE VIRTUAL TABLE with the name of the index, triggers on
 * the table that keep it up to date, and statements that fill it. So a file holds nothing but what
 * stock SQLite can parse. If one of the statements fails, all of them are undone, inside a
 * transaction of the program's too. sqlite3_changes(), sqlite3_total_changes() and
 * sqlite3_last_insert_rowid() stay as they were.
 */

/* What the method shall rewrite. */
#define QUIRE_INDEX_CREATE 1     /* CREATE INDEX ... USING method */
#define QUIRE_INDEX_DROP 2       /* DROP INDEX index_name */
#define QUIRE_INDEX_DROP_TABLE 3 /* DROP TABLE table_name: remove the indexes on it first */
#define QUIRE_INDEX_OPTIMIZE 4   /* OPTIMIZE INDEX index_name */
#define QUIRE_INDEX_CALL 5       /* METHOD_name(column, ..., argument, ...) in an expression */

/*
 * One request. Everything belongs to quire and is valid until the callback returns. All texts are
 * UTF-8, without quotes.
 *
 *   db            the connection; it may be queried, but not changed
 *   action        QUIRE_INDEX_*
 *   schema        database of the table: "main", "temp" or the name it is attached by
 *   index_name    NULL for QUIRE_INDEX_DROP_TABLE; for QUIRE_INDEX_CALL the function's name
 *   table_name    for QUIRE_INDEX_DROP and _OPTIMIZE NULL: the method knows (or looks at its
 *                 triggers in sqlite_schema, whose tbl_name tells)
 *   module        QUIRE_INDEX_DROP and _OPTIMIZE: module of the virtual table called index_name;
 *                 otherwise NULL
 *   if_not_exists IF NOT EXISTS was written. There is no such object then, or nobody was asked
 *   columns       QUIRE_INDEX_CREATE: names of columns of the table as its definition spells them;
 *                 for an expression, its text as written
 *   column_is_expression   1 for each column that is an expression, else 0
 *   options       option_values[i] is the literal (integer, real, text, blob, NULL) that was given
 *                 for option_names[i]. Names are as written and may repeat; in the second form
 *                 every value is text
 *
 * QUIRE_INDEX_CALL: a function whose name begins with the method's and "_" is called with columns
 * of table_name as its first arguments: `columns`, in the order of the call. option_count is the
 * number of arguments behind them; names and values are NULL. If the method has an index on exactly
 * these columns, the answer is a SELECT of one expression without FROM, in which ?1 stands for the
 * rowid of the table's row and ?2, ?3, ... for the other arguments. It takes the place of the call.
 */
typedef struct quire_index_request {
    sqlite3 *db;
    int action;
    const char *schema;
    const char *index_name;
    const char *table_name;
    const char *module;
    int if_not_exists;
    int column_count;
    const char *const *columns;
    const unsigned char *column_is_expression;
    int option_count;
    const char *const *option_names;
    sqlite3_value *const *option_values;
} quire_index_request;

/*
 * Answers a request. On SQLITE_OK *sql is the text to run, of any number of statements, from
 * sqlite3_malloc() or sqlite3_mprintf(); quire frees it. For every action but QUIRE_INDEX_CREATE,
 * NULL (what *sql is at the start) means "not mine": quire then asks the next method, and at last
 * reports that there is no such index (for DROP TABLE: drops the table alone). An answer to
 * QUIRE_INDEX_DROP must make sure that the virtual table is an index of the method, and not one
 * that a user made with CREATE VIRTUAL TABLE. The answer to QUIRE_INDEX_DROP_TABLE need not drop
 * triggers on the table: they go with it.
 *
 * Any other code fails the statement with that code, and with the message *error if it is set (from
 * sqlite3_malloc(); quire frees it). The callback runs while a statement is prepared, possibly more
 * than once for one statement, and must have no effect but its answer. It is called with the
 * connection's mutex held.
 */
typedef int quire_index_rewrite(void *arg, const quire_index_request *request, char **sql,
                                char **error);

/*
 * Registers a method for one connection; a former one of that name (case is ignored) is removed.
 * rewrite NULL only removes. `destroy`, if not NULL, is called with `arg` when the method is
 * removed or the connection closed, and also when this call fails.
 * SQLITE_OK; SQLITE_MISUSE for a bad connection or name; SQLITE_BUSY while a callback of the method
 * of that name runs; SQLITE_NOMEM. Threads: as sqlite3_create_module_v2().
 */
SQLITE_API int quire_create_index_method(sqlite3 *db, const char *method,
                                         quire_index_rewrite *rewrite, void *arg,
                                         void (*destroy)(void *));

/*
 * --- Capture of changes ---
 *
 * Three hooks for a module that records what a connection changes, apart from the hooks that belong
 * to the program. There is one of each per connection; setting one replaces it, NULL removes it.
 * While a hook runs, the connection may run statements, writing ones too: they are part of the
 * transaction that runs, are not announced, and leave sqlite3_changes(), sqlite3_total_changes()
 * and sqlite3_last_insert_rowid() as they were. A hook must not end the transaction. What it
 * returns other than SQLITE_OK fails the statement, with the message of the connection.
 *
 * Stock SQLite has none of this; sqlite3_preupdate_hook() comes near.
 */

#define QUIRE_ROW_VIRTUAL 1    /* of a virtual table, by its xUpdate */
#define QUIRE_ROW_DONE 2       /* virtual tables are announced before a change, and after it */
#define QUIRE_ROW_NO_ROWID 4   /* of a WITHOUT ROWID table */

#define QUIRE_COLUMN_STORED 1 /* has a place in the row: not a VIRTUAL generated column */
#define QUIRE_COLUMN_SET 2    /* named by SET of the UPDATE, or generated from one that is */

/*
 * One row of an ordinary or virtual table that is about to change, whoever changes it: a statement,
 * a trigger, an action of a foreign key, REPLACE, an upsert. Values are those of the columns in the
 * table's order; the column that is the rowid has it. An UPDATE of the rowid or key is one change.
 * Virtual tables come without old values, and with new ones but for DELETE.
 * All of it lives until the hook returns. Not announced: what modules and quire itself write for
 * their own purposes, sqlite3_blob_write().
 */
typedef struct quire_row_change {
    int type; /* SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE */
    int flags; /* QUIRE_ROW_... */
    const char *schema, *table;
    sqlite3_int64 old_rowid, new_rowid; /* 0 where there is none */
    int column_count;
    sqlite3_value *const *old_values, *const *new_values; /* NULL for INSERT; NULL for DELETE */
    const unsigned char *column_flags; /* QUIRE_COLUMN_..., one per column */
    int key_count; /* of a WITHOUT ROWID table */
    const int *key_columns;
} quire_row_change;

SQLITE_API int quire_change_hook(sqlite3 *db,
                                 int (*hook)(void *arg, sqlite3 *db,
                                             const quire_row_change *change),
                                 void *arg);

#define QUIRE_DETAIL_VALUES 0
#define QUIRE_DETAIL_KEYS 1

/*
 * How much that hook is told of rows: all (QUIRE_DETAIL_VALUES, the default), or of tables that
 * have rowids no more than those, which spares reading the row that was: old_values, new_values and
 * column_flags are NULL then. A statement that is running goes on as it began.
 */
SQLITE_API int quire_change_detail(sqlite3 *db, int detail);

#define QUIRE_COMMIT_OF_STATEMENT 1 /* a statement on its own, that may have changed rows */
#define QUIRE_COMMIT_UNDONE 2       /* it was rolled back instead: run no statement */

/* A transaction that may have written is about to commit, or was rolled back as a whole. */
SQLITE_API int quire_precommit_hook(sqlite3 *db, int (*hook)(void *arg, sqlite3 *db, int flags),
                                    void *arg);

#define QUIRE_SCHEMA_BEFORE 1
#define QUIRE_SCHEMA_AFTER 2
#define QUIRE_SCHEMA_FAILED 3

#define QUIRE_SCHEMA_CREATE 1
#define QUIRE_SCHEMA_ALTER 2
#define QUIRE_SCHEMA_DROP 3

/*
 * A CREATE, ALTER or DROP statement of the program, before and after it runs. In both the hook may
 * open and close savepoints, so that what it does and what the statement does happen together: one
 * that it opens before, it releases after, or rolls back when the statement FAILED.
 */
typedef struct quire_schema_change {
    int phase; /* QUIRE_SCHEMA_BEFORE, ... */
    int kind; /* QUIRE_SCHEMA_CREATE, ... */
    const char *schema; /* as written; NULL: not written */
    const char *name; /* of the object; of the table for ALTER */
    const char *sql;
} quire_schema_change;

SQLITE_API int quire_schema_hook(sqlite3 *db,
                                 int (*hook)(void *arg, sqlite3 *db,
                                             const quire_schema_change *change),
                                 void *arg);

/*
 * sqlite3_exec() as a hook may do it, outside of hooks: not announced, and the counters stay.
 * For what a module writes for its own purposes when a function of its is called.
 */
SQLITE_API int quire_exec_uncounted(sqlite3 *db, const char *sql);

/*
 * A value of quire_append(). `type` is SQLITE_INTEGER, ..., or QUIRE_CELL_ROWID: the row's own
 * rowid.
 */
#define QUIRE_CELL_ROWID 0
typedef struct quire_cell {
    int type;
    sqlite3_int64 integer;
    double real;
    const void *bytes; /* text (UTF-8) or blob */
    sqlite3_uint64 size;
} quire_cell;

typedef struct quire_append_row {
    int count; /* of the table's columns; the one that is the rowid is ignored */
    const quire_cell *cells;
    sqlite3_int64 least; /* the rowid is the last one plus one, or this if it is more */
    sqlite3_int64 *rowid; /* out */
} quire_append_row;

/*
 * Appends a row to a table of main, in a hook only, and several times faster than INSERT. The
 * values are stored as they are given. AUTOINCREMENT is the caller's affair. SQLITE_NOTFOUND: there
 * is no such table, or one with indexes, triggers, constraints or generated columns, or text in
 * UTF-16, which takes an INSERT.
 */
SQLITE_API int quire_append(sqlite3 *db, const char *table, const quire_append_row *row);

/*
 * --- Functions that rank rows ---
 *
 * ORDER BY f(column, constant) LIMIT k keeps the k rows for which f is least. Once it has k, nearly
 * every other row only has to be found beyond the k-th. A measure answers that, without a call of
 * the function, without a copy of the blob, and as soon as it knows:
 *
 *   begin    makes *state for a constant second argument of f. *state NULL: this constant cannot
 *            be measured by, so f is called for every row. An error fails the statement. *reach is
 *            how many bytes of a blob it usually takes to tell: a hint for reading ahead.
 *   exceeds  1: f(blob, constant) is surely a number greater than `bound`, so that the row need
 *            not be looked at further. 0: it is not, or it cannot be said, or f would fail: f is
 *            called to tell. The blob may lie at any address and lives during the call.
 *            Under PRAGMA threads (SQLITE_LIMIT_WORKER_THREADS) above 0 several threads call it at
 *            once with one state, which it must leave as it is; it may not use the connection.
 *   end      frees *state.
 *
 * `measure` must outlive the connection. It belongs to the scalar function of two arguments that
 * has that name now, and goes when that one is replaced. Stock SQLite has none of this and calls f
 * for every row.
 * SQLITE_OK; SQLITE_NOTFOUND: no such function was made on this connection; SQLITE_MISUSE.
 */
typedef struct quire_measure {
    int (*begin)(void *arg, sqlite3_value *constant, void **state, int *reach);
    int (*exceeds)(void *state, const void *blob, int size, double bound);
    void (*end)(void *state);
} quire_measure;
SQLITE_API int quire_create_measure(sqlite3 *db, const char *function,
                                    const quire_measure *measure, void *arg);

/*
 * Reading a blob without a copy: the pieces of an open blob from byte `offset` on, where they lie.
 * A blob longer than a page comes in pieces of about a page; at most sixteen are given at once. All
 * are valid until the next call that concerns the connection. Past the blob's end, and past the
 * sixteenth, bytes is NULL and size 0. SQLITE_OK; SQLITE_ERROR for an offset outside the blob;
 * otherwise as sqlite3_blob_read(), which is what there is in stock SQLite.
 */
typedef struct quire_piece {
    const void *bytes;
    int size;
} quire_piece;
SQLITE_API int quire_blob_peek(sqlite3_blob *blob, int offset, quire_piece *pieces, int count);

/*
 * Many small values of one column at once: calls `visit` for the rows `first` to `last` (rowids,
 * both included) of an ordinary table, in order, with the text or blob where it lies. It costs a
 * fraction of stepping a SELECT. What is neither text nor blob, and a default that was added later,
 * comes as NULL of size 0. The bytes live during the call, which leaves the connection alone; it
 * returns 0, or a result code that ends the walk and is passed on. schema NULL: any.
 * SQLITE_NOTFOUND: no such column, or one of a view, of a virtual table, of a table without rowid
 * or with generated columns. SQLITE_INTERRUPT and what reading may give otherwise.
 */
typedef struct quire_blob_walk {
    const char *schema, *table, *column;
    sqlite3_int64 first, last;
    int (*visit)(void *arg, sqlite3_int64 rowid, const void *bytes, int size);
    void *arg;
} quire_blob_walk;
SQLITE_API int quire_walk_blobs(sqlite3 *db, const quire_blob_walk *walk);

/* The connection is about to close: the module finalizes the statements it keeps. */
SQLITE_API int quire_close_hook(sqlite3 *db, void (*hook)(void *arg, sqlite3 *db), void *arg);

/*
 * --- Pragmas of modules ---
 *
 * The callback answers PRAGMA [schema.]name, = value or (value), with one SQL statement that is
 * compiled in its place: a SELECT whose rows are the pragma's. Names that quire knows cannot be
 * taken. `value` is NULL where there is none; `quoted` tells a text in quotes from a word or a
 * number.
 * *sql and *error are from sqlite3_mprintf(); quire frees them. `destroy` is called with arg when
 * the pragma is replaced, removed (callback NULL) or the connection closed.
 */
typedef int quire_pragma(void *arg, sqlite3 *db, const char *schema, const char *value, int quoted,
                         char **sql, char **error);
SQLITE_API int quire_create_pragma(sqlite3 *db, const char *name, quire_pragma *callback, void *arg,
                                   void (*destroy)(void *));

/*
 * --- Counting rows of a virtual table ---
 *
 * SELECT count(*) over one virtual table, where xBestIndex took over the whole WHERE, asks the
 * module how many rows are left instead of walking them. The cursor stands on a row; *rows gets the
 * number of those behind it, and the cursor is then at its end. A module that cannot tell in this
 * case leaves *rows as it is, and the rows are walked. SQLITE_NOTFOUND: no such module.
 */
typedef int quire_count_rest(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rows);
SQLITE_API int quire_module_counter(sqlite3 *db, const char *module, quire_count_rest *count_rest);

/*
 * --- Order by a function of a virtual table ---
 *
 * ORDER BY f(t), t the hidden column that is named like its table, is told to xBestIndex as an
 * order by column QUIRE_ORDER_FUNCTION, where f is `function` and xFindFunction knows it. The
 * module may give its rows in that order, as with a column, and LIMIT reaches it then. Stock SQLite
 * sorts.
 * `function` must outlive the connection; NULL: none. SQLITE_NOTFOUND: no such module.
 */
#define QUIRE_ORDER_FUNCTION (-2)
SQLITE_API int quire_module_order(sqlite3 *db, const char *module, const char *function);

/*
 * --- Change feed: consumers ---
 *
 * A feed is a virtual table of the module `cdc`, or the table that
 * PRAGMA capture_data_changes_conn fills. A consumer reads it under a name, in commit order, and
 * acknowledges what it has dealt with; that position is kept in the database and outlives the
 * process. What was delivered but not acknowledged is delivered again (at least once); a consumer
 * that acknowledges in the transaction of its own work sees each change exactly once.
 *
 * A handle belongs to its connection and is used by one thread at a time. Close it first.
 * `feed` is "name" (of main) or "schema.name".
 */
typedef struct quire_cdc quire_cdc;

#define QUIRE_CDC_DELETE (-1)
#define QUIRE_CDC_UPDATE 0
#define QUIRE_CDC_INSERT 1
#define QUIRE_CDC_COMMIT 2

/* `before`, `after`, `updates` are records of SQLite's file format; NULL where there is none. */
typedef struct quire_change {
    sqlite3_int64 change_id;
    sqlite3_int64 change_time; /* seconds since 1970 */
    sqlite3_int64 change_txn_id; /* change_id of the transaction's first; 0: not known */
    int change_type; /* QUIRE_CDC_... */
    int before_size, after_size, updates_size;
    const char *table_name; /* NULL for QUIRE_CDC_COMMIT */
    const char *columns; /* JSON array of the names in the records; NULL: not known */
    sqlite3_value *id; /* rowid or key; of a key of several columns, a record of it */
    const void *before, *after, *updates;
} quire_change;

#define QUIRE_CDC_EARLIEST 0
#define QUIRE_CDC_LATEST (-1)

/*
 * Opens the consumer `name` of a feed. One that does not exist is made, to begin after change
 * `from`: a change_id, or one of the two above. SQLITE_ERROR: there is no such feed.
 */
SQLITE_API int quire_cdc_open(sqlite3 *db, const char *feed, const char *name, sqlite3_int64 from,
                              quire_cdc **out);

/*
 * The next at most `max` changes after those delivered before. Waits up to `timeout_ms` for the
 * first of them (negative: without end; not inside a transaction, which could not see it come).
 * SQLITE_OK with *count 0: none came in time. The changes live until the next call.
 * SQLITE_INTERRUPT: sqlite3_interrupt() was called while waiting.
 */
SQLITE_API int quire_cdc_next(quire_cdc *cdc, int max, int timeout_ms,
                              const quire_change **changes, int *count);

/* Everything up to `change_id` is dealt with. Positions only grow; see quire_cdc_seek(). */
SQLITE_API int quire_cdc_ack(quire_cdc *cdc, sqlite3_int64 change_id);

/* Moves the durable position: the next change delivered is the first after `change_id`. */
SQLITE_API int quire_cdc_seek(quire_cdc *cdc, sqlite3_int64 change_id);

/* What was delivered and not acknowledged is delivered again. */
SQLITE_API int quire_cdc_rewind(quire_cdc *cdc);

/* The position: the last change acknowledged. */
SQLITE_API sqlite3_int64 quire_cdc_position(quire_cdc *cdc);

/* The message of the last failure. Lives until the next call on the handle. */
SQLITE_API const char *quire_cdc_errmsg(quire_cdc *cdc);

/* NULL is fine. The position stays. */
SQLITE_API void quire_cdc_close(quire_cdc *cdc);

/*
 * --- Embedding pipeline ---
 *
 * Keeps a vector of each row of a table (or of each piece of a long text), in a table of its own,
 * by following a feed that captures the table. Crashing at any point loses nothing and repeats
 * nothing that can be seen. A pipeline of another model for the same target runs beside the first;
 * the view TARGET_current shows the one that is complete.
 *
 *   TARGET(model, doc, chunk, start, length, hash, vector)    TARGET_current(doc, chunk, start,
 *   length, vector)
 */
typedef struct quire_pipeline quire_pipeline;

/*
 * Embeds `count` texts: *vectors are count * *dimensions numbers from sqlite3_malloc(), which quire
 * frees. On failure the code, and perhaps *error from sqlite3_mprintf(). It is tried again.
 */
typedef int quire_embed(void *arg, int count, const char *const *texts, float **vectors,
                        int *dimensions, char **error);

typedef struct quire_pipeline_options {
    const char *feed; /* captures the table */
    const char *table; /* of main; its rows have a rowid or a key of one column */
    const char *text; /* SQL expression of its columns, say "title || ' ' || body" */
    const char *target; /* name of the vectors' table, which is made */
    const char *model; /* name of what embeds */
    int chunk_size; /* bytes of a piece at most; 0: texts are not cut */
    int chunk_overlap; /* bytes that pieces share */
    int batch_size; /* rows at a time; 0: 64 */
    int retries; /* of a failed embedding; 0: 3, negative: none */
    quire_embed *embed; /* set by hand, or by one of the two calls below */
    void *embed_arg;
    void (*embed_destroy)(void *arg); /* called by quire_pipeline_close() */
    void (*progress)(void *arg, sqlite3_int64 rows, sqlite3_int64 embedded); /* or NULL */
    void *progress_arg;
} quire_pipeline_options;

/*
 * A program run by sh: reads lines {"id":1,"text":"..."}, answers {"id":1,"vector":[...]}.
 * SQLITE_NOMEM.
 */
SQLITE_API int quire_embedder_process(const char *command, quire_pipeline_options *options);

/*
 * An endpoint of the widely used form: {"model":...,"input":[...]} is answered by
 * {"data":[{"index":0,"embedding":[...]},...]}. `key` (or NULL) is the bearer's. SQLITE_CANTOPEN:
 * there is no libcurl.
 */
SQLITE_API int quire_embedder_http(const char *url, const char *model, const char *key,
                                   quire_pipeline_options *options);

/* On failure, too, *out is to be closed, and has the message (but for SQLITE_NOMEM). */
SQLITE_API int quire_pipeline_open(sqlite3 *db, const quire_pipeline_options *options,
                                   quire_pipeline **out);

/*
 * Embeds what is to be embedded, then waits up to `timeout_ms` for changes and embeds those
 * (0: does not wait; negative: without end). Not inside a transaction. After a failure it can be
 * called again.
 */
SQLITE_API int quire_pipeline_run(quire_pipeline *pipeline, int timeout_ms);

/* Texts embedded by this handle. */
SQLITE_API sqlite3_int64 quire_pipeline_embedded(quire_pipeline *pipeline);
SQLITE_API const char *quire_pipeline_errmsg(quire_pipeline *pipeline);
SQLITE_API void quire_pipeline_close(quire_pipeline *pipeline); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
