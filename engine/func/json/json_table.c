// json_each, json_tree and their jsonb_ twins: the members of a JSON value as rows ("The
// json_each() and json_tree() table-valued functions", sqlite.org/json1.html).
//
//    column   0 key  1 value  2 type  3 atom  4 id  5 parent  6 fullkey  7 path
//    hidden:  8 json  9 root
//
// id is the offset of the member in the binary form: of its label in an object. The _tree tables
// descend; their first row is the root itself, whose key is read off the end of the root path.
//
// The cursor is a place in the nodes and a stack of the containers around it; the path of the
// innermost one is kept as text, cut back when a container is left. The stack is on the heap, so
// that a blob nested as deep as it is long costs memory and no recursion. A blob is not checked
// beforehand: a node that does not fit reads as an empty null at the end of everything, which ends
// the scan.

#include "func/json/json_table.h"
#include "base/utf.h"
#include "base/vec.h"
#include "func/json/json.h"
#include "func/printf.h"
#include <string.h>

enum {
    COLUMN_KEY,
    COLUMN_VALUE,
    COLUMN_TYPE,
    COLUMN_ATOM,
    COLUMN_ID,
    COLUMN_PARENT,
    COLUMN_FULLKEY,
    COLUMN_PATH,
    COLUMN_JSON,
    COLUMN_ROOT,
};

// What the four tables differ in; client data of their modules.
typedef struct EachRule {
    bool recursive;
    bool as_blob;
} EachRule;

// A connection's json_each: it has nothing of its own but its rule.
typedef struct EachTable {
    sqlite3_vtab base;
    sqlite3 *db;
    const EachRule *rule;
} EachTable;

// A container the cursor is inside.
typedef struct Parent {
    u32 id;        // of the container's own row
    u32 end;       // of its payload
    u32 path_size; // of the container's path
    u8 type;
    i64 index; // of the present element
} Parent;

typedef struct EachCursor {
    sqlite3_vtab_cursor base;
    const EachRule *rule;
    sqlite3 *db;
    Buffer nodes;
    Value json; // as given
    u32 at;     // the present row: label or element
    u32 end;    // of the rows
    i64 rowid;
    bool root_is_member; // of an object: its row begins with its label
    u32 root_size;       // of the root path in `path`
    Buffer path;         // of the innermost parent
    Parent *parents;
    u32 parent_count, parent_capacity;
} EachCursor;

// --- the table ---

// Innocuous: it reads its argument and nothing else.
static int each_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    ASSERT(client_data != NULL);

    (void)arg_count;
    (void)args;
    (void)message;
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(key,value,type,atom,id,parent,fullkey,path,"
                                      "json HIDDEN,root HIDDEN)");
    if (rc != SQLITE_OK)
        return rc;
    EachTable *table = mem_alloc_zeroed(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    table->db = db;
    table->rule = client_data;
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *out = &table->base;
    return SQLITE_OK;
}

static int each_disconnect(sqlite3_vtab *vtab)
{
    mem_free(vtab);
    return SQLITE_OK;
}

// idxNum: 0 without a JSON argument (no rows), 1 with it, 3 with a root path too. Both arguments
// are taken by equality on their hidden columns, so that the core need not test them again.
static int each_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    (void)vtab;
    // [0]: the JSON, [1]: the root path.
    int found[2] = {-1, -1};
    u32 usable = 0;
    u32 unusable = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (c->iColumn < COLUMN_JSON)
            continue;
        int which = c->iColumn - COLUMN_JSON;
        if (!c->usable) {
            unusable |= 1u << which;
        } else if (c->op == SQLITE_INDEX_CONSTRAINT_EQ) {
            found[which] = i;
            usable |= 1u << which;
        }
    }
    // Rowids count up, so that rows come in their order as they are.
    if (info->nOrderBy > 0 && info->aOrderBy[0].iColumn < 0 && info->aOrderBy[0].desc == 0)
        info->orderByConsumed = 1;
    if (unusable & ~usable)
        return SQLITE_CONSTRAINT; // the arguments come from a table that is not joined yet
    info->idxNum = 0;
    if (found[0] < 0)
        return SQLITE_OK;
    // With an argument it is small; without one there are no rows, and SQLite's default cost.
    info->estimatedCost = 1.0;
    info->idxNum = found[1] < 0 ? 1 : 3;
    for (int which = 0; which < 2 && found[which] >= 0; which++) {
        info->aConstraintUsage[found[which]].argvIndex = which + 1;
        info->aConstraintUsage[found[which]].omit = 1;
    }
    return SQLITE_OK;
}

// --- cursors ---

// A cursor has its own copy of the JSON, since the argument may change while rows are read.
static int each_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    const EachTable *table = (const EachTable *)vtab;
    ASSERT(table->rule != NULL);

    EachCursor *cursor = mem_alloc_zeroed(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    cursor->rule = table->rule;
    cursor->db = table->db;
    value_init(&cursor->json, table->db);
    *out = &cursor->base;
    return SQLITE_OK;
}

// As after each_open(), but for memory that the next scan uses again.
static void each_clear(EachCursor *c)
{
    buffer_deinit(&c->nodes);
    buffer_deinit(&c->path);
    value_set_null(&c->json);
    c->parent_count = 0;
    c->at = 0;
    c->end = 0;
    c->rowid = 0;
    c->root_is_member = false;
}

static int each_close(sqlite3_vtab_cursor *base)
{
    ASSERT(((EachCursor *)base)->rule != NULL);

    EachCursor *c = (EachCursor *)base;
    each_clear(c);
    value_deinit(&c->json);
    mem_free(c->parents);
    mem_free(c);
    return SQLITE_OK;
}

// At the end of the rows, and where damage has ended them.
static int each_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    const EachCursor *c = (const EachCursor *)base;
    return c->at >= c->end;
}

// Of the cursor's own copy.
static const u8 *node_bytes(const EachCursor *c)
{
    ASSERT(c->nodes.bytes != NULL);

    return (const u8 *)c->nodes.bytes;
}

// The node at `at`; an empty null where the bytes are damaged.
static JsonNode node_at(const EachCursor *c, u32 at)
{
    ASSERT(c->nodes.size <= UINT32_MAX);

    JsonNode node;
    if (!json_node_read(node_bytes(c), at, (u32)c->nodes.size, &node))
        node = (JsonNode){.at = at, .start = (u32)c->nodes.size, .end = (u32)c->nodes.size};
    return node;
}

// NULL: the row is the root itself.
static const Parent *innermost(const EachCursor *c)
{
    ASSERT(c->parent_count <= c->parent_capacity);

    return c->parent_count > 0 ? &c->parents[c->parent_count - 1] : NULL;
}

// Then rows begin with a label.
static bool in_object(const EachCursor *c)
{
    ASSERT(c->parent_count <= c->parent_capacity);

    return c->parent_count > 0 && innermost(c)->type == JSON_OBJECT;
}

// The value of the present row: behind its label, if it is a member of an object.
static JsonNode row_value(const EachCursor *c)
{
    ASSERT(c->at < c->nodes.size);

    JsonNode node = node_at(c, c->at);
    // Of the root row the parents say nothing: whether it has a label was noted when it was found.
    bool member = c->parent_count > 0 ? in_object(c) : c->root_is_member;
    return member ? node_at(c, node.end) : node;
}

// Is the label plain enough to follow a point without quotes?
static bool is_simple_label(const u8 *label, u32 size)
{
    ASSERT(label != NULL || size == 0);

    if (size == 0 || !ascii_is_alnum(label[0]) || ascii_is_digit(label[0]))
        return false;
    for (u32 i = 1; i < size; i++) {
        if (!ascii_is_alnum(label[i]))
            return false;
    }
    return true;
}

// Appends the present row's own step to a path.
static void put_step(const EachCursor *c, Buffer *path)
{
    ASSERT(c->at < c->nodes.size);

    const Parent *parent = innermost(c);
    if (parent == NULL)
        return;
    if (parent->type == JSON_ARRAY) {
        buffer_printf(path, "[%lld]", (long long)parent->index);
        return;
    }
    // Labels are shown as they are spelled in the JSON.
    JsonNode label = node_at(c, c->at);
    const u8 *text = node_bytes(c) + label.start;
    u32 size = label.end - label.start;
    // Escapes stay as they are: the path can be given back to json_extract().
    bool simple = is_simple_label(text, size);
    buffer_add_text(path, simple ? "." : ".\"");
    buffer_add(path, text, size);
    if (!simple)
        buffer_add_char(path, '"');
}

// Goes into the container `node`, the value of the present row or the root.
static int each_enter(EachCursor *c, const JsonNode *node)
{
    ASSERT(node->type == JSON_ARRAY || node->type == JSON_OBJECT);
    ASSERT(node->start <= node->end);

    TRY(vec_reserve(&c->parents, &c->parent_capacity, c->parent_count + 1, sizeof *c->parents));
    u32 id = c->at;
    put_step(c, &c->path);
    c->parents[c->parent_count++] =
        (Parent){.id = id, .end = node->end, .path_size = (u32)c->path.size, .type = node->type};
    c->at = node->start;
    return c->path.rc;
}

// Leaves every container that has been seen to its end.
static void each_leave(EachCursor *c)
{
    ASSERT(c->rule->recursive);

    while (c->parent_count > 0 && c->at >= innermost(c)->end) {
        c->parent_count--;
        if (c->parent_count == 0)
            break;
        Parent *outer = &c->parents[c->parent_count - 1];
        outer->index++;
        buffer_truncate(&c->path, outer->path_size);
    }
}

// A container is entered by _tree right after its own row: its members come before what follows
// it.
static int each_next(sqlite3_vtab_cursor *base)
{
    EachCursor *c = (EachCursor *)base;
    ASSERT(c->at < c->end);

    JsonNode value = row_value(c);
    bool container = value.type == JSON_ARRAY || value.type == JSON_OBJECT;
    // Rowids count the rows of a scan, and mean nothing beyond it.
    c->rowid++;
    if (c->rule->recursive && container) {
        TRY(each_enter(c, &value));
        each_leave(c);
        return SQLITE_OK;
    }
    c->at = value.end;
    if (c->parent_count > 0)
        // Counted in objects too, where it is not looked at.
        c->parents[c->parent_count - 1].index++;
    if (c->rule->recursive)
        each_leave(c);
    return SQLITE_OK;
}

// --- xFilter ---

// Takes the place of any message there was.
static int each_fail(EachCursor *c, const char *fmt, const char *text)
{
    ASSERT(text != NULL);

    Buffer message = {0};
    format_text(&message, fmt, text);
    mem_free(c->base.pVtab->zErrMsg);
    c->base.pVtab->zErrMsg = buffer_take(&message);
    each_clear(c);
    return c->base.pVtab->zErrMsg ? SQLITE_ERROR : SQLITE_NOMEM;
}

// Fills `nodes` from the JSON argument.
static int each_load(EachCursor *c, Value *json)
{
    ASSERT(c->nodes.size == 0);

    const u8 *bytes = value_type(json) == SQLITE_BLOB ? value_blob(json) : NULL;
    if (bytes != NULL && json_looks_binary(bytes, value_size(json))) {
        buffer_add(&c->nodes, bytes, value_size(json));
        return c->nodes.rc;
    }
    // Not by the statement's cache: the nodes must outlive the call.
    const char *text = value_text(json, SQLITE_UTF8);
    if (text == NULL)
        return SQLITE_NOMEM;
    JsonParse parse;
    json_parse(&parse, text, value_text_size(json, SQLITE_UTF8), NULL);
    if (parse.failed) {
        int rc = parse.out.rc;
        buffer_deinit(&parse.out);
        return rc != SQLITE_OK ? rc : each_fail(c, "malformed JSON", "");
    }
    c->nodes = parse.out;
    return SQLITE_OK;
}

// The offset of the row that is the root: of its label when it is a member of an object.
static u32 root_offset(const EachCursor *c, const JsonNode *outer, const JsonNode *node)
{
    ASSERT(outer->start <= node->at && node->end <= outer->end);
    ASSERT(outer->type == JSON_ARRAY || outer->type == JSON_OBJECT);

    for (u32 at = outer->start; at < outer->end;) {
        JsonNode child = node_at(c, at);
        u32 label = at;
        if (outer->type == JSON_OBJECT)
            child = node_at(c, child.end);
        if (child.at == node->at)
            return outer->type == JSON_OBJECT ? label : child.at;
        if (child.at < node->at && node->at < child.end)
            return root_offset(c, &child, node); // as deep as the path, JSON_DEPTH_MAX at most
        at = child.end;
    }
    return node->at;
}

// Finds the root of the rows. A path that leads nowhere gives none.
static int each_start(EachCursor *c, const char *root_path)
{
    ASSERT(root_path[0] == '$');
    ASSERT(c->parent_count == 0);
    ASSERT(c->nodes.size > 0);

    JsonNode top = node_at(c, 0);
    JsonNode node;
    JsonStatus status = json_path_find(node_bytes(c), &top, root_path + 1, &node);
    if (status == JSON_ABSENT)
        return SQLITE_OK;
    if (status == JSON_BAD_PATH || status == JSON_PATH_TOO_DEEP)
        return each_fail(c, "bad JSON path: %Q", root_path);
    if (status != JSON_OK)
        return each_fail(c, "malformed JSON", "");
    buffer_add_text(&c->path, root_path);
    c->root_size = (u32)c->path.size;
    c->at = node.at == 0 ? 0 : root_offset(c, &top, &node);
    c->end = node.end;
    // The row then begins with the label before the node.
    c->root_is_member = c->at != node.at;
    if (node.type > JSON_OBJECT) // a type that there is not
        return each_fail(c, "malformed JSON", "");
    if (!c->rule->recursive && node.type >= JSON_ARRAY) {
        TRY(each_enter(c, &node));
        return SQLITE_OK;
    }
    return c->path.rc;
}

// The JSON is kept as it was given too, for the hidden column.
static int each_filter(sqlite3_vtab_cursor *base, int index_number, const char *index_name,
                       int arg_count, sqlite3_value **args)
{
    ASSERT(index_number == 0 || index_number == 1 || index_number == 3);

    (void)index_name;
    (void)arg_count;
    EachCursor *c = (EachCursor *)base;
    each_clear(c);
    if (index_number == 0 || (args[0]->flags & V_NULL))
        return SQLITE_OK;
    TRY(value_copy(&c->json, args[0]));
    TRY(each_load(c, args[0]));
    // Without a path the root is the whole.
    const char *root_path = "$";
    if (index_number == 3) {
        root_path = value_text(args[1], SQLITE_UTF8);
        if (root_path == NULL)
            return SQLITE_OK; // no rows
        if (root_path[0] != '$')
            return each_fail(c, "bad JSON path: %Q", root_path);
    }
    return each_start(c, root_path);
}

// --- columns ---

// How much of the root row's path is the path of what it lies in. As SQLite finds it: the longest
// shorter path whose container begins with this very row; else everything but the $ is the key.
static u32 root_parent_size(const EachCursor *c)
{
    ASSERT(c->path.size > 0);
    ASSERT(c->path.size >= c->root_size);

    u32 size = (u32)c->path.size;
    if (c->rowid != 0 || !c->rule->recursive || size < 2)
        return size;
    JsonNode top = node_at(c, 0);
    // From the end on: each point or bracket may begin the last step.
    while (size > 1) {
        size--;
        if (c->path.bytes[size] != '[' && c->path.bytes[size] != '.')
            continue;
        Buffer shorter = {0};
        JsonNode node;
        buffer_add(&shorter, c->path.bytes, size);
        JsonStatus status =
            shorter.rc == SQLITE_OK
                ? json_path_find(node_bytes(c), &top, buffer_text(&shorter) + 1, &node)
                : JSON_ABSENT;
        buffer_deinit(&shorter);
        if (status == JSON_OK && node.start == c->at)
            break;
    }
    return size;
}

// The last step of the root path, quotes taken off.
static void column_root_key(const EachCursor *c, FuncCall *call)
{
    ASSERT(c->parent_count == 0);

    u32 from = root_parent_size(c);
    u32 size = (u32)c->path.size;
    if (size <= 1 || from >= size)
        return;
    const char *text = c->path.bytes;
    ASSERT(text[from] == '[' || text[from] == '.');
    if (text[from] == '[') {
        call_result_i64(call, number_parse_i64(text + from + 1, size - from - 1));
    } else if (text[from + 1] == '"') {
        u32 inner = size - from - 3; // between the quotes
        call_result_text(call, text + from + 2, inner, SQLITE_UTF8, SQLITE_TRANSIENT);
    } else {
        call_result_text(call, text + from + 1, size - from - 1, SQLITE_UTF8, SQLITE_TRANSIENT);
    }
}

// A label, an index, or NULL for the root of an each.
static void column_key(const EachCursor *c, FuncCall *call)
{
    ASSERT(c->at < c->end);

    const Parent *parent = innermost(c);
    if (parent == NULL) {
        if (c->rule->recursive)
            column_root_key(c, call);
    } else if (parent->type == JSON_OBJECT) {
        JsonNode label = node_at(c, c->at);
        json_result_value(call, node_bytes(c), &label, false);
    } else {
        call_result_i64(call, parent->index);
    }
}

// The path of the row itself: its parent's, and its own step.
static void column_fullkey(const EachCursor *c, FuncCall *call)
{
    ASSERT(c->path.size > 0);

    Buffer path = {0};
    buffer_add(&path, c->path.bytes, c->path.size);
    put_step(c, &path);
    call_result_buffer(call, &path, false);
}

// The path of what the row lies in.
static void column_path(const EachCursor *c, FuncCall *call)
{
    ASSERT(c->root_size <= c->path.size);

    u32 size = c->rule->recursive ? root_parent_size(c) : c->root_size;
    call_result_text(call, c->path.bytes, size, SQLITE_UTF8, SQLITE_TRANSIENT);
}

// A damaged node reads as a null (node_at).
static int each_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    EachCursor *c = (EachCursor *)base;
    ASSERT(c->at < c->end);

    JsonNode value = row_value(c);
    switch (column) {
    case COLUMN_KEY: column_key(c, call); break;
    case COLUMN_VALUE:
        json_result_value(call, node_bytes(c), &value, c->rule->as_blob);
        if (c->rule->as_blob && value.type >= JSON_ARRAY && call->rc == SQLITE_OK)
            call_result_subtype(call, JSON_SUBTYPE);
        break;
    case COLUMN_TYPE: {
        const char *name = json_type_name(value.type);
        if (name != NULL)
            call_result_text(call, name, strlen(name), SQLITE_UTF8, SQLITE_STATIC);
        break;
    }
    case COLUMN_ATOM:
        if (value.type < JSON_ARRAY)
            json_result_value(call, node_bytes(c), &value, false);
        break;
    case COLUMN_ID: call_result_i64(call, c->at); break;
    case COLUMN_PARENT:
        if (c->rule->recursive && c->parent_count > 0)
            call_result_i64(call, innermost(c)->id);
        break;
    case COLUMN_FULLKEY: column_fullkey(c, call); break;
    case COLUMN_PATH: column_path(c, call); break;
    case COLUMN_ROOT:
        call_result_text(call, c->path.bytes, c->root_size, SQLITE_UTF8, SQLITE_TRANSIENT);
        break;
    default: call_result_value(call, &c->json); break;
    }
    return SQLITE_OK;
}

static int each_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(out != NULL);

    *out = ((EachCursor *)base)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module each_module = {
    .xConnect = each_connect,
    .xBestIndex = each_best_index,
    .xDisconnect = each_disconnect,
    .xOpen = each_open,
    .xClose = each_close,
    .xFilter = each_filter,
    .xNext = each_next,
    .xEof = each_eof,
    .xColumn = each_column,
    .xRowid = each_rowid,
};

static const struct {
    const char *name;
    EachRule rule;
} tables[] = {
    {"json_each", {false, false}},
    {"json_tree", {true, false}},
    {"jsonb_each", {false, true}},
    {"jsonb_tree", {true, true}},
};

const sqlite3_module *json_table_module(const char *name, void **client_data)
{
    ASSERT(name != NULL && client_data != NULL);

    for (u32 i = 0; i < ARRAY_LEN(tables); i++) {
        if (name_equals(tables[i].name, name)) {
            *client_data = (void *)(uintptr_t)&tables[i].rule;
            return &each_module;
        }
    }
    return NULL;
}
