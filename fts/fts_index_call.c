// fts_match(), fts_score() and fts_highlight() over the columns of a full-text index, in quire
// alone.
//
//     fts_match(title, body, 'query')               is the row among the query's?
//     fts_score(title, body, 'query')               how well it fits: more is better, 0 if not
//     fts_highlight(title, body, '<b>', '</b>', 'query')   its text, with what was found marked
//
// The columns are those of an index, in any order; each call becomes an expression over that index.
// A match is an IN of its rows, which the planner may begin with. A score is looked up in the list
// of all of the query's scores, made once per statement where the query stays the same.
#include "fts/fts_index_call.h"

#include "fts/fts_index_names.h"

#include <stdlib.h>

// Inside the expression the index goes by a name that no table of the user's is likely to have, so
// that the row's own table can be named there.
#define INNER "_fts_index"

// --- which index? ---

static bool request_has(const quire_index_request *request, const char *name)
{
    for (int i = 0; name != NULL && i < request->column_count; i++) {
        if (sqlite3_stricmp(request->columns[i], name) == 0)
            return true;
    }
    return false;
}

// Are the index's columns those of the request? Neither has one twice.
static int compare_columns(const quire_index_request *request, const char *index, bool *is_equal)
{
    ASSERT(index != NULL && request->column_count > 0);

    sqlite3_stmt *stmt;
    int count = 0;
    *is_equal = true;
    TRY(sqlite3_prepare_v2(request->db, "SELECT name FROM pragma_table_info(?1, ?2)", -1, &stmt,
                           NULL));
    sqlite3_bind_text(stmt, 1, index, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, request->schema, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        *is_equal = *is_equal && request_has(request, (const char *)sqlite3_column_text(stmt, 0));
        count++;
    }
    *is_equal = *is_equal && count == request->column_count;
    return sqlite3_finalize(stmt);
}

// *name: of the index (sqlite3_free), NULL if there is none.
static int find_index(const quire_index_request *request, char **name)
{
    sqlite3_stmt *stmt = NULL;
    *name = NULL;
    int rc = fts_index_names(request, NULL, &stmt);
    while (rc == SQLITE_OK && *name == NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *candidate = (const char *)sqlite3_column_text(stmt, 0);
        bool is_equal = false;
        rc = candidate == NULL ? SQLITE_NOMEM : compare_columns(request, candidate, &is_equal);
        if (rc == SQLITE_OK && is_equal) {
            *name = sqlite3_mprintf("%s", candidate);
            rc = *name == NULL ? SQLITE_NOMEM : SQLITE_OK;
        }
    }
    int end = sqlite3_finalize(stmt);
    return rc == SQLITE_OK && *name == NULL ? end : rc;
}

// --- what the calls become ---

typedef void PutCall(const quire_index_request *request, const char *index, sqlite3_str *out);

static void put_match(const quire_index_request *request, const char *index, sqlite3_str *out)
{
    sqlite3_str_appendf(out,
                        "SELECT ?1 IN (SELECT rowid FROM \"%w\".\"%w\" AS " INNER " WHERE " INNER
                        ".\"%w\" MATCH ?2)",
                        request->schema, index, index);
}

static void put_score(const quire_index_request *request, const char *index, sqlite3_str *out)
{
    sqlite3_str_appendf(out, "SELECT fts_index_score(%Q, %Q, ?1, ?2)", request->schema, index);
}

// The columns as the call has them, joined by a space; of a row that was not found the plain text.
static void put_highlight(const quire_index_request *request, const char *index, sqlite3_str *out)
{
    sqlite3_str_appendall(out, "SELECT coalesce((SELECT concat_ws(' '");
    for (int i = 0; i < request->column_count; i++)
        sqlite3_str_appendf(out,
                            ", highlight(" INNER ".\"%w\", (SELECT cid FROM"
                            " pragma_table_info(%Q, %Q) WHERE name = %Q COLLATE nocase), ?2, ?3)",
                            index, index, request->schema, request->columns[i]);
    sqlite3_str_appendf(out,
                        ") FROM \"%w\".\"%w\" AS " INNER " WHERE " INNER
                        ".\"%w\" MATCH ?4 AND " INNER ".rowid = ?1), (SELECT concat_ws(' '",
                        request->schema, index, index);
    for (int i = 0; i < request->column_count; i++)
        sqlite3_str_appendf(out, ", " INNER ".\"%w\"", request->columns[i]);
    sqlite3_str_appendf(out, ") FROM \"%w\".\"%w\" AS " INNER " WHERE " INNER ".rowid = ?1))",
                        request->schema, index);
}

static const struct {
    const char *name;
    int argument_count; // behind the columns
    PutCall *put;
} calls[] = {
    {"fts_match", 1, put_match}, {"fts_score", 1, put_score}, {"fts_highlight", 3, put_highlight}};

int fts_index_call(const quire_index_request *request, char **sql, char **error)
{
    ASSERT(request->action == QUIRE_INDEX_CALL);

    int i = 0;
    char *index;
    while (i < ARRAY_LEN(calls) && sqlite3_stricmp(request->index_name, calls[i].name) != 0)
        i++;
    if (i == ARRAY_LEN(calls))
        return SQLITE_OK;
    TRY(find_index(request, &index));
    if (index == NULL)
        return SQLITE_OK;
    sqlite3_str *out = sqlite3_str_new(request->db);
    calls[i].put(request, index, out);
    sqlite3_free(index);
    *sql = sqlite3_str_finish(out);
    if (*sql == NULL)
        return SQLITE_NOMEM;
    if (request->option_count == calls[i].argument_count)
        return SQLITE_OK;
    *error = sqlite3_mprintf("%s() takes %d argument%s behind the columns", calls[i].name,
                             calls[i].argument_count, calls[i].argument_count == 1 ? "" : "s");
    return *error == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

// --- fts_index_score(schema, index, rowid, query) ---

typedef struct Score {
    i64 rowid;
    f64 score;
} Score;

// A query's rows, by rowid.
typedef struct ScoreList {
    Score *items;
    u64 count;
    u64 capacity;
} ScoreList;

static void score_list_free(void *pointer)
{
    ScoreList *list = pointer;
    sqlite3_free(list->items);
    sqlite3_free(list);
}

static int score_list_add(ScoreList *list, i64 rowid, f64 score)
{
    ASSERT(list->count <= list->capacity);

    if (list->count == list->capacity) {
        u64 capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        Score *items = sqlite3_realloc64(list->items, capacity * sizeof *items);
        if (items == NULL)
            return SQLITE_NOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (Score){rowid, score};
    return SQLITE_OK;
}

// The rank of FTS5 is better the smaller it is.
static int score_list_fill(ScoreList *list, sqlite3 *db, sqlite3_value **args)
{
    const char *schema = (const char *)sqlite3_value_text(args[0]);
    const char *index = (const char *)sqlite3_value_text(args[1]);
    if (schema == NULL || index == NULL)
        return SQLITE_ERROR;
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("SELECT rowid, -rank FROM \"%w\".\"%w\" WHERE \"%w\" MATCH ?1"
                                " ORDER BY rowid",
                                schema, index, index);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_value(stmt, 1, args[3]);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = score_list_add(list, sqlite3_column_int64(stmt, 0), sqlite3_column_double(stmt, 1));
    int end = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? end : rc;
}

static int compare_rowids(const void *a, const void *b)
{
    const Score *x = a;
    const Score *y = b;
    return (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static f64 score_list_find(const ScoreList *list, i64 rowid)
{
    const Score key = {.rowid = rowid};
    const Score *found = list->count == 0 ? NULL
                                          : bsearch(&key, list->items, list->count,
                                                    sizeof *list->items, compare_rowids);
    return found == NULL ? 0.0 : found->score;
}

static void sql_index_score(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    ASSERT(arg_count == 4);
    (void)arg_count;

    sqlite3 *db = sqlite3_context_db_handle(ctx);
    i64 rowid = sqlite3_value_int64(args[2]);
    ScoreList *list = sqlite3_get_auxdata(ctx, 3);
    if (sqlite3_value_type(args[2]) == SQLITE_NULL || sqlite3_value_type(args[3]) == SQLITE_NULL)
        return;
    if (list != NULL) {
        sqlite3_result_double(ctx, score_list_find(list, rowid));
        return;
    }
    list = fts_zalloc(sizeof *list);
    int rc = list == NULL ? SQLITE_NOMEM : score_list_fill(list, db, args);
    if (rc != SQLITE_OK) {
        if (list != NULL)
            score_list_free(list);
        sqlite3_result_error(ctx, sqlite3_errmsg(db), -1);
        sqlite3_result_error_code(ctx, rc);
        return;
    }
    sqlite3_result_double(ctx, score_list_find(list, rowid));
    sqlite3_set_auxdata(ctx, 3, list, score_list_free);
}

// What is called where no index answers.
static void sql_no_index(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count, (void)args;
    const char *name = sqlite3_user_data(ctx);
    char *message = sqlite3_mprintf("%s() needs a full-text index on exactly its columns", name);
    if (message == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
}

int fts_index_call_register(sqlite3 *db)
{
    for (int i = 0; i < ARRAY_LEN(calls); i++)
        TRY(sqlite3_create_function(db, calls[i].name, -1, SQLITE_UTF8, (void *)calls[i].name,
                                    sql_no_index, NULL, NULL));
    return sqlite3_create_function(db, "fts_index_score", 4, SQLITE_UTF8 | SQLITE_INNOCUOUS, NULL,
                                   sql_index_score, NULL, NULL);
}
