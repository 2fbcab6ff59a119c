#ifndef QUIRE_VTAB_TABLES_RTREE_RTREE_H
#define QUIRE_VTAB_TABLES_RTREE_RTREE_H
// R-Trees: boxes in one to five dimensions, found by range.
//
// A virtual table `t` keeps three ordinary tables, which are SQLite's byte for byte:
//   t_node(nodeno INTEGER PRIMARY KEY, data)        one blob a node; node 1 is the root
//   t_parent(nodeno INTEGER PRIMARY KEY, parentnode) of every node but the root
//   t_rowid(rowid INTEGER PRIMARY KEY, nodeno, a0, …) the leaf of every row, auxiliary columns
//
// A node, all numbers big-endian:
//   0  u16  depth of the tree in the root, 0 elsewhere (0 in a root that is a leaf)
//   2  u16  count of cells
//   4       cells: i64 id, then low and high of each dimension as 32-bit floats or integers.
//           In a leaf the id is a rowid, else the number of the child whose box it is.
//
// Laws
//   R1  All leaves lie at the same depth.
//   R2  The box of a cell that points to a child encloses every box of that child.
//   R3  t_parent and t_rowid agree with the nodes.
//   R4  Low <= high in every dimension; bounds that are no 32-bit float are rounded outward.
//   R5  While a cursor of the table reads, the tree does not change (SQLITE_LOCKED_VTAB).
// Bytes of nodes come from the file: they are checked, never asserted.
//
// After Guttman, "R-Trees: a dynamic index structure for spatial searching" (1984), with the split
// of Beckmann et al., "The R*-tree" (1990).

#include "base/contract.h"
#include "sqlite3.h"

enum {
    RTREE_DIMS_MAX = 5,
    RTREE_COORDS_MAX = 2 * RTREE_DIMS_MAX,
    RTREE_AUX_MAX = 100,
    RTREE_DEPTH_MAX = 40,  // fixed by SQLite; a deeper one is corrupt
    RTREE_CELLS_MAX = 51,  // wanted at most in a node
    RTREE_NODE_HEADER = 4, // bytes
    RTREE_ROWS_ESTIMATE = 1048576,
};

// `bits` for reading and writing; which of the others holds, Rtree.is_whole tells.
typedef union RtreeCoord {
    float real;
    i32 whole;
    u32 bits;
} RtreeCoord;

typedef struct RtreeCell {
    i64 id;
    RtreeCoord box[RTREE_COORDS_MAX]; // low, high of dimension 0, low, high of 1, …
} RtreeCell;

// By index into Rtree.stmts; their texts are in rtree_store.c.
typedef enum RtreeStmt {
    RTREE_READ_NODE,
    RTREE_WRITE_NODE,
    RTREE_DELETE_NODE,
    RTREE_READ_ROWID,
    RTREE_WRITE_ROWID,
    RTREE_DELETE_ROWID,
    RTREE_READ_PARENT,
    RTREE_WRITE_PARENT,
    RTREE_DELETE_PARENT,
    RTREE_STMT_COUNT,
} RtreeStmt;

// One connection's R-Tree. `schema` and `name` are owned; dims to cells_max are fixed once the
// tables were found.
typedef struct Rtree {
    sqlite3_vtab base;
    sqlite3 *db;
    char *schema, *name;
    int dims;
    int coords;    // 2 * dims
    int aux_count; // columns of t_rowid after nodeno
    bool is_whole; // coordinates are integers
    int node_size; // bytes of every node
    int cell_size;
    int cells_max; // that fit in a node
    int readers;   // cursors that stand on a row (R5)
    i64 row_estimate;
    sqlite3_stmt *stmts[RTREE_STMT_COUNT];
    sqlite3_stmt *write_aux; // NULL without auxiliary columns
} Rtree;

// --- rtree_store.c: the three tables ---

// Compiles the nine statements, and one more where there are auxiliary columns. What was compiled
// when one fails is finalized by rtree_finalize().
MUST_USE int rtree_prepare(Rtree *tree);
void rtree_finalize(Rtree *tree);
// Makes the tables of a new R-Tree with an empty root.
MUST_USE int rtree_create_tables(Rtree *tree);
// The size of the nodes: of the root where there is one, else what the page size suggests.
MUST_USE int rtree_find_node_size(Rtree *tree, bool is_new, char **message);

// Copies the node into `data` (node_size bytes). SQLITE_CORRUPT_VTAB for a missing or odd one.
MUST_USE int rtree_read_node(Rtree *tree, i64 number, u8 *data);
// INSERT OR REPLACE: makes it if it is not there.
MUST_USE int rtree_write_node(Rtree *tree, i64 number, const u8 *data);
// Stores it under a new number.
MUST_USE int rtree_append_node(Rtree *tree, const u8 *data, i64 *number);
// With its entry in t_parent; the cells are not looked at.
MUST_USE int rtree_delete_node(Rtree *tree, i64 number);

// The leaf of a row, the parent of a node; *value is 0 when there is no entry.
MUST_USE int rtree_find_leaf(Rtree *tree, i64 rowid, i64 *value);
MUST_USE int rtree_find_parent(Rtree *tree, i64 number, i64 *value);
// Where the thing a cell points to lies: a row at height 0, else a node.
MUST_USE int rtree_set_place(Rtree *tree, i64 id, int height, i64 node);
// Its entry in t_rowid, auxiliary columns included.
MUST_USE int rtree_forget_row(Rtree *tree, i64 rowid);
// SQLite's choice, as for any table: one more than the greatest.
MUST_USE int rtree_new_rowid(Rtree *tree, i64 *rowid);

// --- rtree_node.c: bytes of a node and boxes; arithmetic only ---

// Bytes 0 and 1; means something in the root only.
int rtree_node_depth(const u8 *data);
void rtree_node_set_depth(u8 *data, int depth);
int rtree_node_count(const u8 *data);
// False if the count does not fit in the node.
bool rtree_node_is_sound(const Rtree *tree, const u8 *data);
void rtree_node_clear(const Rtree *tree, u8 *data); // no cells, depth 0
// `index` is below the count, which rtree_node_is_sound() has compared with the size.
void rtree_node_cell(const Rtree *tree, const u8 *data, int index, RtreeCell *out);
i64 rtree_node_cell_id(const Rtree *tree, const u8 *data, int index);
// Writes where a cell is or will be: below the count, or, before it is raised, at it.
void rtree_node_set_cell(const Rtree *tree, u8 *data, int index, const RtreeCell *cell);
bool rtree_node_append(const Rtree *tree, u8 *data, const RtreeCell *cell); // false: full
// Those behind it move up; the count goes down.
void rtree_node_remove(const Rtree *tree, u8 *data, int index);
int rtree_node_find(const Rtree *tree, const u8 *data, i64 id); // -1: not there

// A float or an integer, both exact as a double.
f64 coord_value(const Rtree *tree, RtreeCoord coord);
// Makes `box` as large as it needs to be for `other`; its id stays.
void box_include(const Rtree *tree, RtreeCell *box, const RtreeCell *other);
// Borders count as inside.
bool box_contains(const Rtree *tree, const RtreeCell *box, const RtreeCell *other);
// The product of the sides: 0 for a point or a line.
f64 box_area(const Rtree *tree, const RtreeCell *box);
// Sum of the sides; a split prefers boxes near a square.
f64 box_margin(const Rtree *tree, const RtreeCell *box);
// The area that two boxes share.
f64 box_overlap(const Rtree *tree, const RtreeCell *a, const RtreeCell *b);
// Rounded outward to what 32 bits hold (R4).
RtreeCoord coord_low(f64 value);
RtreeCoord coord_high(f64 value);

// --- rtree_split.c: deciding only ---

// Orders `cells` (count of them, more than fit) so that the first *left_count go to one node and
// the rest to another.
MUST_USE int split_plan(const Rtree *tree, RtreeCell *cells, int count, int *left_count);

// --- rtree_insert.c, rtree_delete.c ---

// A way from the root (level 0) down to a node, with the bytes of each.
typedef struct RtreePath {
    int length;
    i64 numbers[RTREE_DEPTH_MAX + 1];
    u8 *nodes; // length * node_size bytes
} RtreePath;

// Room for the deepest path; `length` 0. SQLITE_NOMEM.
MUST_USE int path_init(const Rtree *tree, RtreePath *path);
void path_deinit(RtreePath *path);
// The bytes of the node on that level, valid until path_deinit().
u8 *path_node(const Rtree *tree, const RtreePath *path, int level);
// Which cell of the node on `level` points to the node below. SQLITE_CORRUPT_VTAB: none.
MUST_USE int path_find_child(const Rtree *tree, const RtreePath *path, int level, int *index);

// Adds a cell at a height above the leaves: 0 for a row, else a subtree whose root has that height
// less one.
MUST_USE int rtree_insert_cell(Rtree *tree, const RtreeCell *cell, int height);
// Removes the row; SQLITE_OK if there is none.
MUST_USE int rtree_delete_row(Rtree *tree, i64 rowid);

// --- rtree_query.c ---

// What a search demands of a coordinate, or of a geometry callback. The letters stand in the plan
// text, as EXPLAIN QUERY PLAN shows it.
typedef enum RtreeOp {
    RTREE_EQ = 'A',
    RTREE_LE = 'B',
    RTREE_LT = 'C',
    RTREE_GE = 'D',
    RTREE_GT = 'E',
    RTREE_MATCH = 'F',
} RtreeOp;

struct RtreeMatch;

// One term of a search. Several are a conjunction; none at all finds every row.
typedef struct RtreeTest {
    RtreeOp op;
    int coord; // 0-based; unused by MATCH
    f64 bound;
    bool is_always; // compares with a text or blob: the core decides row by row
    struct RtreeMatch *match;
} RtreeTest;

typedef struct RtreeCursor RtreeCursor;

extern const sqlite3_module rtree_module;

// The methods that both modules share.
int rtree_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out);
int rtree_close(sqlite3_vtab_cursor *base);
int rtree_next(sqlite3_vtab_cursor *base);
// No more rows; also before the first search.
int rtree_eof(sqlite3_vtab_cursor *base);
int rtree_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out);
// Starts a search. Takes the tests (from sqlite3_malloc) and what they own, also on failure.
MUST_USE int cursor_search(RtreeCursor *cur, RtreeTest *tests, int count);
void cursor_search_nothing(RtreeCursor *cur); // no row at all
// Starts at the one row, if it is there.
MUST_USE int cursor_find_row(RtreeCursor *cur, i64 rowid);
// The cell the cursor stands on, borrowed until it moves.
const RtreeCell *cursor_cell(const RtreeCursor *cur);
// Auxiliary column `index` of the current row.
MUST_USE int cursor_aux(RtreeCursor *cur, int index, sqlite3_context *call);

// --- rtree_match.c: geometry callbacks ---

// The value of `MATCH name(…)`: a pointer of this type carries it from the function to the search.
extern const char rtree_match_type[];

// What a callback of sqlite3_rtree_query_callback() is told and answers, for one box.
typedef struct RtreeVisit {
    int level, level_max; // 0: a leaf's entry
    i64 rowid;
    f64 score;  // in: the parent's; out: own
    int within; // in: the parent's; out: own
    const unsigned *queue_counts;
} RtreeVisit;

// A copy for one search, which the search owns. NULL on a value that is no match, *rc says why.
struct RtreeMatch *match_take(sqlite3_value *value, int *rc);
void match_free(struct RtreeMatch *match);
// Asks the callback about a box: `visit` goes in with the parent's score and verdict, and out with
// its own.
MUST_USE int match_visit(struct RtreeMatch *match, const f64 *coords, int count, RtreeVisit *visit);

// --- rtree_check.c, rtree_module.c ---

// The findings as text (sqlite3_malloc), NULL when there are none.
MUST_USE int rtree_check(sqlite3 *db, const char *schema, const char *name, char **report);
// xShadowName: the three tables that only the module may write, under SQLITE_DBCONFIG_DEFENSIVE.
int rtree_shadow_name(const char *suffix);
// xDestroy: drops the three tables, and frees the tree if that went well.
int rtree_destroy(sqlite3_vtab *vtab);
int rtree_disconnect(sqlite3_vtab *vtab);
// xRename: renames the three tables.
int rtree_rename(sqlite3_vtab *vtab, const char *new_name);
// xIntegrity: the findings of rtree_check() as a message.
int rtree_integrity(sqlite3_vtab *vtab, const char *schema, const char *name, int flags,
                    char **message);
// A tree with its names set; columns are the caller's to declare.
MUST_USE int rtree_new(sqlite3 *db, const char *schema, const char *name, Rtree **out);
void rtree_free(Rtree *tree);
// Dims, aux_count and is_whole are known: finds or makes the tables.
MUST_USE int rtree_attach(Rtree *tree, bool is_new, char **message);
// Bytes of the first token of a column definition.
int rtree_token_size(const char *text);
// Before a row gets that rowid: one that is taken is SQLITE_CONSTRAINT with its message, or, under
// REPLACE, its row is deleted.
MUST_USE int rtree_make_room(Rtree *tree, i64 rowid);
// rtreenode(), rtreedepth(), rtreecheck() and the modules rtree and rtree_i32.
MUST_USE int rtree_register(sqlite3 *db);
// The functions geopoly_*() and the module.
MUST_USE int geopoly_register(sqlite3 *db);

#endif
