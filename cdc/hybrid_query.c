// What a hybrid search is asked for: its arguments, and the statements of its two legs.
//
// Names of tables and columns are looked up before they become part of a statement, and quoted
// there. The filter alone is SQL of the caller's, which is why the function can be called directly
// only, not from a view or trigger that somebody else wrote.
#include "cdc/hybrid.h"

#include <ctype.h>
#include <stdarg.h>

enum { CANDIDATES_DEFAULT = 100, K_DEFAULT = 10, RRF_K_DEFAULT = 60 };

static int PRINTF_LIKE(2, 3) query_error(HybridQuery *query, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_free(query->error);
    query->error = sqlite3_vmprintf(format, args);
    va_end(args);
    return SQLITE_ERROR;
}

void hybrid_query_free(HybridQuery *query)
{
    char *texts[] = {query->table,   query->filter,     query->fts,
                     query->vectors, query->vector_key, query->vector_column,
                     query->match,   query->metric,     query->error};
    for (int i = 0; i < ARRAY_LEN(texts); i++)
        sqlite3_free(texts[i]);
    memset(query, 0, sizeof *query);
}

static bool is_given(sqlite3_value *const *args, HybridArgument which)
{
    return args[which] != NULL && sqlite3_value_type(args[which]) != SQLITE_NULL;
}

// NULL is as good as not given.
static int read_text(sqlite3_value *const *args, HybridArgument which, char **out)
{
    ASSERT(*out == NULL);

    if (!is_given(args, which))
        return SQLITE_OK;
    const unsigned char *text = sqlite3_value_text(args[which]);
    *out = text == NULL ? NULL : sqlite3_mprintf("%s", text);
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static f64 read_real(sqlite3_value *const *args, HybridArgument which, f64 otherwise)
{
    return is_given(args, which) ? sqlite3_value_double(args[which]) : otherwise;
}

static i64 read_int(sqlite3_value *const *args, HybridArgument which, i64 otherwise)
{
    return is_given(args, which) ? sqlite3_value_int64(args[which]) : otherwise;
}

// --- the text ---

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

// A question as it is typed: its words, any of which may occur. NULL: it has none.
static char *match_any_word(sqlite3 *db, const char *text)
{
    ASSERT(text != NULL);

    sqlite3_str *match = sqlite3_str_new(db);
    while (*text != '\0') {
        size_t size = 0;
        while (is_word_byte(text[size]))
            size++;
        if (size > 0)
            sqlite3_str_appendf(match, "%s\"%.*s\"", sqlite3_str_length(match) > 0 ? " OR " : "",
                                (int)size, text);
        text += size > 0 ? size : 1;
    }
    return sqlite3_str_finish(match);
}

static int read_match(HybridQuery *query, sqlite3_value *const *args)
{
    char *text = NULL;
    char *syntax = NULL;
    int rc = read_text(args, ARG_QUERY, &text);
    if (rc == SQLITE_OK)
        rc = read_text(args, ARG_SYNTAX, &syntax);
    if (rc == SQLITE_OK && text != NULL) {
        if (syntax == NULL || strcmp(syntax, "words") == 0)
            query->match = match_any_word(query->db, text);
        else if (strcmp(syntax, "fts5") == 0)
            query->match = sqlite3_mprintf("%s", text);
        else
            rc = query_error(query, "syntax is 'words' or 'fts5', not %s", syntax);
    }
    sqlite3_free(text);
    sqlite3_free(syntax);
    return rc;
}

// --- where to look ---

static int find_fts(HybridQuery *query)
{
    ASSERT(query->table != NULL);

    const char *t = query->table;
    if (query->fts != NULL || query->match == NULL)
        return SQLITE_OK;
    // The table itself, one named after it, or one whose content it is.
    TRY(sql_text(query->db, &query->fts,
                 "SELECT name FROM sqlite_schema WHERE type = 'table'"
                 " AND sql LIKE 'CREATE VIRTUAL TABLE%%USING%%fts5%%'"
                 " AND (name IN (%Q, '%q_fts', '%q_words') COLLATE NOCASE"
                 " OR replace(replace(replace(replace(lower(sql), ' ', ''), '''', ''), '\"', ''),"
                 " ')', ',') LIKE '%%,content=' || lower(%Q) || ',%%')"
                 " ORDER BY name = %Q DESC, name LIMIT 1",
                 t, t, t, t, t));
    if (query->fts == NULL)
        return query_error(query, "no full-text table is known for %s; name one: fts = '...'", t);
    return SQLITE_OK;
}

// By the declared type, else by a name that says it.
static int find_vector_column(HybridQuery *query)
{
    ASSERT(query->table != NULL);

    const char *table = query->vectors != NULL ? query->vectors : query->table;
    if (query->vector_column != NULL || query->vector == NULL)
        return SQLITE_OK;
    TRY(sql_text(query->db, &query->vector_column,
                 "SELECT name FROM pragma_table_info(%Q) WHERE lower(type) GLOB 'f*_blob*'"
                 " OR lower(type) GLOB 'vector*' OR lower(type) GLOB 'float*[[]*'"
                 " OR lower(name) IN ('embedding', 'vector', 'vec') ORDER BY cid LIMIT 1",
                 table));
    if (query->vector_column == NULL)
        return query_error(query,
                           "%s has no column of vectors that is known as such; name one:"
                           " vector_column = '...'",
                           table);
    return SQLITE_OK;
}

static int read_metric(HybridQuery *query, sqlite3_value *const *args)
{
    static const char *const metrics[] = {"cos", "l2", "l2sq", "dot", "l1", "hamming", "jaccard"};
    TRY(read_text(args, ARG_METRIC, &query->metric));
    if (query->metric == NULL)
        query->metric = sqlite3_mprintf("cos");
    if (query->metric == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < ARRAY_LEN(metrics); i++) {
        if (strcmp(metrics[i], query->metric) == 0)
            return SQLITE_OK;
    }
    return query_error(query, "no such metric: %s", query->metric);
}

static int read_method(HybridQuery *query, sqlite3_value *const *args)
{
    const char *text =
        is_given(args, ARG_METHOD) ? (const char *)sqlite3_value_text(args[ARG_METHOD]) : "rrf";
    if (text == NULL)
        return SQLITE_NOMEM;
    query->method = strcmp(text, "sum") == 0 ? FUSION_SUM : FUSION_RRF;
    if (query->method == FUSION_RRF && strcmp(text, "rrf") != 0)
        return query_error(query, "method is 'rrf' or 'sum', not %s", text);
    query->text_weight = read_real(args, ARG_TEXT_WEIGHT, 1);
    query->vector_weight = read_real(args, ARG_VECTOR_WEIGHT, 1);
    query->rrf_k = read_real(args, ARG_RRF_K, RRF_K_DEFAULT);
    if (query->rrf_k <= -1)
        return query_error(query, "rrf_k must be above -1");
    return SQLITE_OK;
}

// k beyond the candidates raises those: fewer could not give that many.
int hybrid_query_read(HybridQuery *query, sqlite3 *db, sqlite3_value *const *args)
{
    ASSERT(query->error == NULL);

    query->db = db;
    TRY(read_text(args, ARG_TABLE, &query->table));
    if (query->table == NULL)
        return query_error(query, "the table to search is missing");
    TRY(read_text(args, ARG_FILTER, &query->filter));
    TRY(read_text(args, ARG_FTS, &query->fts));
    TRY(read_text(args, ARG_VECTORS, &query->vectors));
    TRY(read_text(args, ARG_VECTOR_KEY, &query->vector_key));
    TRY(read_text(args, ARG_VECTOR_COLUMN, &query->vector_column));
    TRY(read_match(query, args));
    TRY(read_metric(query, args));
    TRY(read_method(query, args));
    query->vector = is_given(args, ARG_VECTOR) ? args[ARG_VECTOR] : NULL;
    query->k = read_int(args, ARG_K, K_DEFAULT);
    query->candidates = read_int(args, ARG_CANDIDATES, CANDIDATES_DEFAULT);
    if (query->k < 0 || query->candidates < 0)
        return query_error(query, "k and candidates must not be negative");
    if (query->candidates < query->k)
        query->candidates = query->k;
    if (query->match == NULL && query->vector == NULL)
        query->k = 0; // nothing is asked for
    TRY(find_fts(query));
    return find_vector_column(query);
}

// --- the legs ---

// The filter is of the table, so it is applied by its rowids.
int hybrid_text_sql(const HybridQuery *query, char **out)
{
    ASSERT(query->match == NULL || query->fts != NULL);

    const char *f = query->fts;
    *out = NULL;
    if (query->match == NULL)
        return SQLITE_OK;
    if (query->filter == NULL)
        *out = sqlite3_mprintf("SELECT rowid, -rank FROM \"%w\" WHERE \"%w\" MATCH ?1"
                               " ORDER BY rank, rowid LIMIT %lld",
                               f, f, query->candidates);
    else
        *out = sqlite3_mprintf("SELECT rowid, -rank FROM \"%w\" WHERE \"%w\" MATCH ?1 AND rowid IN"
                               " (SELECT rowid FROM \"%w\" WHERE (%s)) ORDER BY rank, rowid"
                               " LIMIT %lld",
                               f, f, query->table, query->filter, query->candidates);
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// Of a document in several pieces the nearest one counts.
int hybrid_vector_sql(const HybridQuery *query, char **out)
{
    ASSERT(query->vector == NULL || query->vector_column != NULL);

    *out = NULL;
    if (query->vector == NULL)
        return SQLITE_OK;
    const char *filter = query->filter == NULL ? "1" : query->filter;
    if (query->vectors == NULL) {
        *out = sqlite3_mprintf("SELECT rowid, vector_distance_%s(\"%w\", ?1) AS distance"
                               " FROM \"%w\" WHERE \"%w\" IS NOT NULL AND (%s)"
                               " ORDER BY distance, rowid LIMIT %lld",
                               query->metric, query->vector_column, query->table,
                               query->vector_column, filter, query->candidates);
    } else {
        const char *key = query->vector_key == NULL ? "rowid" : query->vector_key;
        char *kept = query->filter == NULL
                         ? sqlite3_mprintf("1")
                         : sqlite3_mprintf("\"%w\" IN (SELECT rowid FROM \"%w\" WHERE (%s))", key,
                                           query->table, query->filter);
        if (kept == NULL)
            return SQLITE_NOMEM;
        *out =
            sqlite3_mprintf("SELECT \"%w\" AS id, min(vector_distance_%s(\"%w\", ?1)) AS distance"
                            " FROM \"%w\" WHERE \"%w\" IS NOT NULL AND %s GROUP BY id"
                            " ORDER BY distance, id LIMIT %lld",
                            key, query->metric, query->vector_column, query->vectors,
                            query->vector_column, kept, query->candidates);
        sqlite3_free(kept);
    }
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}
