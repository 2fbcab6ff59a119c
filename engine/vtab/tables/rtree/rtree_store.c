// The three tables behind an R-Tree, reached by prepared statements of the public interface.
// Layout: rtree.h.
//
// What is read is a file's: a node must be a blob of the tree's node size with no more cells than
// fit, which is all that the code above relies on.

#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// Texts take the schema and the table's name. Indexed by RtreeStmt.
static const char *const stmt_texts[RTREE_STMT_COUNT] = {
    "SELECT data FROM \"%w\".\"%w_node\" WHERE nodeno = ?1",
    "INSERT OR REPLACE INTO \"%w\".\"%w_node\" VALUES(?1, ?2)",
    "DELETE FROM \"%w\".\"%w_node\" WHERE nodeno = ?1",
    "SELECT nodeno FROM \"%w\".\"%w_rowid\" WHERE rowid = ?1",
    "INSERT OR REPLACE INTO \"%w\".\"%w_rowid\"(rowid, nodeno) VALUES(?1, ?2)",
    "DELETE FROM \"%w\".\"%w_rowid\" WHERE rowid = ?1",
    "SELECT parentnode FROM \"%w\".\"%w_parent\" WHERE nodeno = ?1",
    "INSERT OR REPLACE INTO \"%w\".\"%w_parent\" VALUES(?1, ?2)",
    "DELETE FROM \"%w\".\"%w_parent\" WHERE nodeno = ?1",
};

// With auxiliary columns a row must keep them when it moves to another node.
static const char upsert_rowid[] = "INSERT INTO \"%w\".\"%w_rowid\"(rowid, nodeno) VALUES(?1, ?2)"
                                   " ON CONFLICT(rowid) DO UPDATE SET nodeno = excluded.nodeno";

// Persistent, because they live as long as the table; a shadow table is never virtual itself,
// whatever a file's schema says.
static int prepare(Rtree *tree, char *sql, sqlite3_stmt **out)
{
    ASSERT(*out == NULL);

    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(tree->db, sql, -1,
                                SQLITE_PREPARE_PERSISTENT | SQLITE_PREPARE_NO_VTAB, out, NULL);
    sqlite3_free(sql);
    return rc;
}

// All of them at once.
static int prepare_write_aux(Rtree *tree)
{
    ASSERT(tree->aux_count > 0);
    ASSERT(tree->aux_count <= RTREE_AUX_MAX);
    ASSERT(tree->write_aux == NULL);

    sqlite3_str *sql = sqlite3_str_new(tree->db);
    sqlite3_str_appendf(sql, "UPDATE \"%w\".\"%w_rowid\" SET ", tree->schema, tree->name);
    for (int i = 0; i < tree->aux_count; i++)
        sqlite3_str_appendf(sql, "%sa%d = ?%d", i > 0 ? ", " : "", i, i + 2);
    sqlite3_str_appendall(sql, " WHERE rowid = ?1");
    return prepare(tree, sqlite3_str_finish(sql), &tree->write_aux);
}

// The nine statements by their numbers.
int rtree_prepare(Rtree *tree)
{
    ASSERT(tree->stmts[0] == NULL);
    ASSERT(tree->aux_count >= 0);

    for (int i = 0; i < RTREE_STMT_COUNT; i++) {
        bool keeps_aux = i == RTREE_WRITE_ROWID && tree->aux_count > 0;
        const char *text = keeps_aux ? upsert_rowid : stmt_texts[i];
        TRY(prepare(tree, sqlite3_mprintf(text, tree->schema, tree->name), &tree->stmts[i]));
    }
    return tree->aux_count > 0 ? prepare_write_aux(tree) : SQLITE_OK;
}

// Also of a tree whose preparation failed halfway: finalizing NULL does nothing.
void rtree_finalize(Rtree *tree)
{
    ASSERT(tree != NULL);

    for (int i = 0; i < RTREE_STMT_COUNT; i++) {
        sqlite3_finalize(tree->stmts[i]);
        tree->stmts[i] = NULL;
    }
    sqlite3_finalize(tree->write_aux);
    tree->write_aux = NULL;
}

// In the words of SQLite, which stand in the schema.
int rtree_create_tables(Rtree *tree)
{
    ASSERT(tree->node_size > 0);
    ASSERT(tree->aux_count <= RTREE_AUX_MAX);

    sqlite3_str *sql = sqlite3_str_new(tree->db);
    sqlite3_str_appendf(sql, "CREATE TABLE \"%w\".\"%w_rowid\"(rowid INTEGER PRIMARY KEY,nodeno",
                        tree->schema, tree->name);
    for (int i = 0; i < tree->aux_count; i++)
        sqlite3_str_appendf(sql, ",a%d", i);
    sqlite3_str_appendf(sql,
                        ");CREATE TABLE \"%w\".\"%w_node\"(nodeno INTEGER PRIMARY KEY,data);"
                        "CREATE TABLE \"%w\".\"%w_parent\"(nodeno INTEGER PRIMARY KEY,parentnode);"
                        "INSERT INTO \"%w\".\"%w_node\" VALUES(1,zeroblob(%d))",
                        tree->schema, tree->name, tree->schema, tree->name, tree->schema,
                        tree->name, tree->node_size);
    // The root is there from the beginning, all zeros: a leaf without cells at depth 0.
    char *text = sqlite3_str_finish(sql);
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(tree->db, text, NULL, NULL, NULL);
    sqlite3_free(text);
    return rc;
}

// --- size of nodes ---

// The one integer that `sql` (freed here) answers; 0 when there is no row.
static int ask_integer(sqlite3 *db, char *sql, int *out)
{
    ASSERT(out != NULL);

    sqlite3_stmt *stmt = NULL;
    *out = 0;
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0);
    return sqlite3_finalize(stmt);
}

// 51 cells are wanted; a node of theirs may not fit into a page, and then takes what the page
// holds.
int rtree_find_node_size(Rtree *tree, bool is_new, char **message)
{
    ASSERT(tree->cell_size > 0);
    ASSERT(message != NULL);

    enum { PAGE_REST = 64, PAGE_SIZE_MIN = 512 }; // a node and its row fit in a page
    int size = 0;
    if (is_new) {
        TRY(ask_integer(tree->db, sqlite3_mprintf("PRAGMA \"%w\".page_size", tree->schema), &size));
        int wanted = RTREE_NODE_HEADER + RTREE_CELLS_MAX * tree->cell_size;
        size = size - PAGE_REST < wanted ? size - PAGE_REST : wanted;
    } else {
        TRY(ask_integer(tree->db,
                        sqlite3_mprintf("SELECT length(data) FROM \"%w\".\"%w_node\""
                                        " WHERE nodeno = 1",
                                        tree->schema, tree->name),
                        &size));
        if (size < PAGE_SIZE_MIN - PAGE_REST) {
            *message = sqlite3_mprintf("undersize RTree blobs in \"%q_node\"", tree->name);
            return SQLITE_CORRUPT_VTAB;
        }
    }
    tree->node_size = size;
    tree->cells_max = (size - RTREE_NODE_HEADER) / tree->cell_size;
    ASSERT(tree->cells_max > 0);
    return SQLITE_OK;
}

// --- nodes ---

// The bindings are cleared since they borrow the caller's bytes.
static int finish(sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    int rc = sqlite3_reset(stmt);
    int unbound = sqlite3_clear_bindings(stmt);
    return rc != SQLITE_OK ? rc : unbound;
}

// Executes a statement that gives no rows; its error is what reset tells.
static int run(sqlite3_stmt *stmt)
{
    ASSERT(sqlite3_column_count(stmt) == 0);

    sqlite3_step(stmt);
    return finish(stmt);
}

// A copy: the statement's bytes are gone with its reset.
int rtree_read_node(Rtree *tree, i64 number, u8 *data)
{
    ASSERT(tree->node_size > 0);
    ASSERT(data != NULL);

    sqlite3_stmt *stmt = tree->stmts[RTREE_READ_NODE];
    TRY(sqlite3_bind_int64(stmt, 1, number));
    bool is_sound = false;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_BLOB) {
        const void *bytes = sqlite3_column_blob(stmt, 0);
        if (bytes != NULL && sqlite3_column_bytes(stmt, 0) == tree->node_size) {
            memcpy(data, bytes, (size_t)tree->node_size);
            is_sound = rtree_node_is_sound(tree, data);
        }
    }
    TRY(finish(stmt));
    return is_sound ? SQLITE_OK : SQLITE_CORRUPT_VTAB;
}

// The bytes are borrowed until the statement has run.
int rtree_write_node(Rtree *tree, i64 number, const u8 *data)
{
    ASSERT(rtree_node_is_sound(tree, data));

    sqlite3_stmt *stmt = tree->stmts[RTREE_WRITE_NODE];
    TRY(sqlite3_bind_int64(stmt, 1, number));
    TRY(sqlite3_bind_blob(stmt, 2, data, tree->node_size, SQLITE_STATIC));
    return run(stmt);
}

int rtree_append_node(Rtree *tree, const u8 *data, i64 *number)
{
    ASSERT(rtree_node_is_sound(tree, data));
    ASSERT(number != NULL);

    sqlite3_stmt *stmt = tree->stmts[RTREE_WRITE_NODE];
    TRY(sqlite3_bind_null(stmt, 1));
    TRY(sqlite3_bind_blob(stmt, 2, data, tree->node_size, SQLITE_STATIC));
    TRY(run(stmt));
    // NULL for a number takes the next free one.
    *number = sqlite3_last_insert_rowid(tree->db);
    return SQLITE_OK;
}

// Both tables, so that R3 holds.
int rtree_delete_node(Rtree *tree, i64 number)
{
    sqlite3_stmt *stmt = tree->stmts[RTREE_DELETE_NODE];
    TRY(sqlite3_bind_int64(stmt, 1, number));
    TRY(run(stmt));
    stmt = tree->stmts[RTREE_DELETE_PARENT];
    TRY(sqlite3_bind_int64(stmt, 1, number));
    return run(stmt);
}

// --- places ---

// 0 when there is no row: node numbers and rowids of nodes are positive.
static int find_integer(sqlite3_stmt *stmt, i64 key, i64 *value)
{
    ASSERT(value != NULL);

    *value = 0;
    TRY(sqlite3_bind_int64(stmt, 1, key));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *value = sqlite3_column_int64(stmt, 0);
    return finish(stmt);
}

// 0: there is no such row.
int rtree_find_leaf(Rtree *tree, i64 rowid, i64 *value)
{
    return find_integer(tree->stmts[RTREE_READ_ROWID], rowid, value);
}

// 0: the root, or a node that hangs on nothing.
int rtree_find_parent(Rtree *tree, i64 number, i64 *value)
{
    return find_integer(tree->stmts[RTREE_READ_PARENT], number, value);
}

// R3 for a cell that came into a node.
int rtree_set_place(Rtree *tree, i64 id, int height, i64 node)
{
    ASSERT(height >= 0);

    // At height 0 the thing is a row, above it a node: two tables (R3).
    sqlite3_stmt *stmt = tree->stmts[height == 0 ? RTREE_WRITE_ROWID : RTREE_WRITE_PARENT];
    TRY(sqlite3_bind_int64(stmt, 1, id));
    TRY(sqlite3_bind_int64(stmt, 2, node));
    return run(stmt);
}

int rtree_forget_row(Rtree *tree, i64 rowid)
{
    ASSERT(tree->readers == 0);

    sqlite3_stmt *stmt = tree->stmts[RTREE_DELETE_ROWID];
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    return run(stmt);
}

// The row of t_rowid is made first, without a node: its rowid is the new one, and the insertion
// fills in the node.
int rtree_new_rowid(Rtree *tree, i64 *rowid)
{
    ASSERT(rowid != NULL);
    ASSERT(tree->readers == 0);

    sqlite3_stmt *stmt = tree->stmts[RTREE_WRITE_ROWID];
    TRY(sqlite3_bind_null(stmt, 1));
    TRY(sqlite3_bind_null(stmt, 2));
    TRY(run(stmt));
    *rowid = sqlite3_last_insert_rowid(tree->db);
    return SQLITE_OK;
}
