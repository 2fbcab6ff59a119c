// Groups of rows with the same prefix values. See index_prefix.h.
//
// A group's number is found by SQL, so that values compare here as they do in the table: a column
// of docs_vec_groups has the affinity of the column it stands for, 1 and 1.0 are one group, and so
// are NULLs. What a query returns is compared with the values in the table itself (I1); a group
// only says which lists can have such rows.
#include "vector/index/index_prefix.h"
#include "vector/module_store.h"

// --- values of a query ---

// Copies, since the arguments of xFilter end with that call and a search goes on batch by batch.
int prefix_values_set(PrefixValues *prefix, u32 position, sqlite3_value *value, bool is_null_equal)
{
    ASSERT(position < PREFIX_MAX);
    ASSERT(prefix->values[position] == NULL);

    prefix->is_none |= !is_null_equal && sqlite3_value_type(value) == SQLITE_NULL;
    prefix->values[position] = sqlite3_value_dup(value);
    prefix->mask |= 1u << position;
    return prefix->values[position] == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

void prefix_values_deinit(PrefixValues *prefix)
{
    ASSERT(prefix->mask < 1u << PREFIX_MAX);

    for (int i = 0; i < PREFIX_MAX; i++)
        sqlite3_value_free(prefix->values[i]);
    *prefix = (PrefixValues){.mask = 0};
}

// --- texts ---

// The names of the groups' columns are made up: the table's may be called `id`.
static void append_group_columns(const IndexConfig *config, sqlite3_str *out)
{
    ASSERT(config->prefix_count > 0);

    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(out, "%sp%u", i > 0 ? ", " : "", i);
}

// As the table calls them; `r` is the table in all statements here.
static void append_table_columns(const IndexConfig *config, sqlite3_str *out)
{
    ASSERT(config->prefix_count > 0);

    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(out, "%sr.\"%w\"", i > 0 ? ", " : "", config->prefix[i].name);
}

// FROM the table, each row with its group. IS, not =: a NULL has a group, too. The index of the
// UNIQUE constraint finds it.
static void append_join(const IndexConfig *config, const char *join, sqlite3_str *out)
{
    ASSERT(config->prefix_count > 0);

    sqlite3_str_appendf(out, " FROM \"%w\".\"%w\" AS r %s JOIN \"%w\".\"%w_groups\" AS g ON ",
                        config->schema, config->table, join, config->schema, config->name);
    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(out, "%sg.p%u IS r.\"%w\"", i > 0 ? " AND " : "", i,
                            config->prefix[i].name);
}

// The values of a query are parameters from ?2 on, wherever they are asked for.
static void append_terms(const Index *index, bool is_of_table, sqlite3_str *out)
{
    ASSERT(index->prefix_mask != 0);

    const char *separator = "";
    for (u32 i = 0; i < index->config.prefix_count; i++) {
        if ((index->prefix_mask >> i & 1) == 0)
            continue;
        if (is_of_table)
            sqlite3_str_appendf(out, "%sr.\"%w\" IS ?%u", separator, index->config.prefix[i].name,
                                i + 2);
        else
            sqlite3_str_appendf(out, "%sp%u IS ?%u", separator, i, i + 2);
        separator = " AND ";
    }
}

// New groups get their numbers from the table's INTEGER PRIMARY KEY.
static void append_insert(const Index *index, const char *distinct, sqlite3_str *out)
{
    const IndexConfig *c = &index->config;
    ASSERT(c->prefix_count > 0);

    sqlite3_str_appendf(out, "INSERT INTO \"%w\".\"%w_groups\"(", c->schema, c->name);
    append_group_columns(c, out);
    sqlite3_str_appendf(out, ") SELECT %s", distinct);
    append_table_columns(c, out);
    sqlite3_str_appendf(out, " FROM \"%w\".\"%w\" AS r WHERE ", c->schema, c->table);
}

// What the statements return is said where they are used; all are prepared once and kept.
char *prefix_sql(const Index *index, StoreStatement which)
{
    const IndexConfig *c = &index->config;
    ASSERT((int)which >= STORE_PREFIX_FIRST && (int)which < STORE_COUNT);

    sqlite3_str *out = sqlite3_str_new(index->db);
    switch ((int)which) {
    case STORE_PREFIX_GROUPS:
        sqlite3_str_appendf(out, "SELECT id FROM \"%w\".\"%w_groups\" WHERE ", c->schema, c->name);
        append_terms(index, false, out);
        sqlite3_str_appendall(out, " ORDER BY id");
        break;
    case STORE_PREFIX_ROW:
        sqlite3_str_appendf(out, "SELECT r.\"%w\" FROM \"%w\".\"%w\" AS r WHERE r.%s = ?1 AND ",
                            c->column, c->schema, c->table, c->rowid);
        append_terms(index, true, out);
        break;
    case STORE_PREFIX_ROWS: // in any order: an index of the table's on the columns may serve
        sqlite3_str_appendf(out, "SELECT r.%s, r.\"%w\" FROM \"%w\".\"%w\" AS r WHERE ", c->rowid,
                            c->column, c->schema, c->table);
        append_terms(index, true, out);
        break;
    case STORE_PREFIX_OF_ROW:
        sqlite3_str_appendall(out, "SELECT ");
        append_table_columns(c, out);
        sqlite3_str_appendf(out, " FROM \"%w\".\"%w\" AS r WHERE r.%s = ?1", c->schema, c->table,
                            c->rowid);
        break;
    case STORE_ROWS_GROUPED: // LEFT: a row without a group is damage, and shows as number 0
        sqlite3_str_appendf(out, "SELECT r.%s, r.\"%w\", g.id", c->rowid, c->column);
        append_join(c, "LEFT", out);
        sqlite3_str_appendf(out, " ORDER BY r.%s", c->rowid);
        break;
    case STORE_GROUP_OF_ROW: // CROSS: the row first, then its group
        sqlite3_str_appendall(out, "SELECT g.id");
        append_join(c, "CROSS", out);
        sqlite3_str_appendf(out, " WHERE r.%s = ?1", c->rowid);
        break;
    case STORE_GROUP_ADD:
        append_insert(index, "", out);
        sqlite3_str_appendf(out, "r.%s = ?1", c->rowid);
        break;
    case STORE_GROUPS_FILL: // a NULL vector is in no list
        append_insert(index, "DISTINCT ", out);
        sqlite3_str_appendf(out, "r.\"%w\" IS NOT NULL", c->column);
        break;
    case STORE_GROUP_MAX:
        sqlite3_str_appendf(out, "SELECT max(id) FROM \"%w\".\"%w_groups\"", c->schema, c->name);
        break;
    case STORE_GROUP_DELETE:
        sqlite3_str_appendf(out, "DELETE FROM \"%w\".\"%w_groups\" WHERE id = ?1", c->schema,
                            c->name);
        break;
    default: ASSERT(false);
    }
    return sqlite3_str_finish(out);
}

// Columns compare as the groups do, so a change from 1 to 1.0 is none.
char *prefix_change_sql(const IndexConfig *config)
{
    ASSERT(config->prefix_count <= PREFIX_MAX);

    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendf(out, "old.\"%w\" IS NOT new.\"%w\"", config->column, config->column);
    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(out, " OR old.\"%w\" IS NOT new.\"%w\"", config->prefix[i].name,
                            config->prefix[i].name);
    return sqlite3_str_finish(out);
}

// The affinities are the table's, so that a value given by a query is converted as the table would.
int prefix_create_groups(Index *index)
{
    const IndexConfig *c = &index->config;
    ASSERT(c->prefix_count > 0);

    sqlite3_str *out = sqlite3_str_new(index->db);
    sqlite3_str_appendf(out, "CREATE TABLE \"%w\".\"%w_groups\"(id INTEGER PRIMARY KEY", c->schema,
                        c->name);
    for (u32 i = 0; i < c->prefix_count; i++)
        sqlite3_str_appendf(out, ", p%u %s", i, c->prefix[i].affinity);
    sqlite3_str_appendall(out, ", UNIQUE(");
    append_group_columns(c, out);
    sqlite3_str_appendall(out, "))");
    char *sql = sqlite3_str_finish(out);
    int rc = sql == NULL ? SQLITE_NOMEM : store_exec(index, "%s", sql);
    sqlite3_free(sql);
    return rc;
}

// --- queries ---

// The statements for another choice of columns are prepared when they are first used.
static void choose_columns(Index *index, u32 mask)
{
    static const StoreStatement by_mask[] = {STORE_PREFIX_GROUPS, STORE_PREFIX_ROW,
                                             STORE_PREFIX_ROWS};
    ASSERT(mask != 0 && mask < 1u << index->config.prefix_count);

    if (index->prefix_mask == mask)
        return;
    for (int i = 0; i < ARRAY_LEN(by_mask); i++) {
        (void)sqlite3_finalize(index->statements[by_mask[i]]);
        index->statements[by_mask[i]] = NULL;
    }
    index->prefix_mask = mask;
}

// The values stay bound until the next search of this index binds others.
static int bind_values(Index *index, StoreStatement which, const PrefixValues *prefix)
{
    ASSERT(index->prefix_mask == prefix->mask);

    sqlite3_stmt *stmt;
    TRY(store_statement(index, which, &stmt));
    for (int i = 0; i < PREFIX_MAX; i++)
        if (prefix->values[i] != NULL)
            TRY(sqlite3_bind_value(stmt, i + 2, prefix->values[i]));
    return SQLITE_OK;
}

// I7: a number comes from a table that anybody may have written to.
static int check_number(Index *index, i64 number, bool found, u32 *group)
{
    ASSERT(index->config.prefix_count > 0);

    if (found && (number <= 0 || number > UINT32_MAX))
        return index_corrupt(index, "a group has a number out of range");
    *group = found ? (u32)number : 0;
    return SQLITE_OK;
}

static int read_groups(Index *index, u32 **groups, size_t *count)
{
    ASSERT(*groups == NULL && *count == 0);

    sqlite3_stmt *stmt;
    size_t capacity = 0;
    TRY(store_statement(index, STORE_PREFIX_GROUPS, &stmt));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        if (*count == capacity) {
            capacity = capacity * 2 + 8;
            u32 *grown = sqlite3_realloc64(*groups, capacity * sizeof *grown);
            if (grown == NULL) {
                rc = SQLITE_NOMEM;
                break;
            }
            *groups = grown;
        }
        rc = check_number(index, sqlite3_column_int64(stmt, 0), true, *groups + *count);
        *count += rc == SQLITE_OK;
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

int prefix_begin(Index *index, const PrefixValues *prefix, u32 **groups, size_t *count)
{
    ASSERT(prefix->mask != 0);

    choose_columns(index, prefix->mask);
    TRY(bind_values(index, STORE_PREFIX_GROUPS, prefix));
    TRY(bind_values(index, STORE_PREFIX_ROW, prefix));
    TRY(bind_values(index, STORE_PREFIX_ROWS, prefix));
    return read_groups(index, groups, count);
}

// --- groups of rows ---

// 0 where the row's values are new.
static int find_group(Index *index, i64 rowid, u32 *group)
{
    ASSERT(index->config.prefix_count > 0);

    sqlite3_stmt *stmt;
    i64 number;
    bool found;
    TRY(store_statement(index, STORE_GROUP_OF_ROW, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    TRY(store_number(index, STORE_GROUP_OF_ROW, &number, &found));
    return check_number(index, number, found, group);
}

int prefix_group_of_row(Index *index, i64 rowid, u32 *group)
{
    ASSERT(index->config.prefix_count > 0);

    sqlite3_stmt *stmt;
    TRY(find_group(index, rowid, group));
    if (*group != 0)
        return SQLITE_OK;
    TRY(store_statement(index, STORE_GROUP_ADD, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    TRY(module_run(stmt));
    return find_group(index, rowid, group);
}

// Starts from 1 again, so that numbers stay dense and a build can have arrays by group.
int prefix_fill_groups(Index *index, u32 *group_count)
{
    ASSERT(index->config.prefix_count > 0);

    sqlite3_stmt *stmt;
    i64 number;
    bool found;
    TRY(store_exec(index, "DELETE FROM \"%w\".\"%w_groups\"", index->config.schema,
                   index->config.name));
    TRY(store_statement(index, STORE_GROUPS_FILL, &stmt));
    TRY(module_run(stmt));
    TRY(store_number(index, STORE_GROUP_MAX, &number, &found));
    return check_number(index, number, found, group_count);
}

int prefix_delete_group(Index *index, u32 group)
{
    ASSERT(group > 0);

    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_GROUP_DELETE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, group));
    return module_run(stmt);
}
