// Foreign keys.
//
// Violations are counted, not refused at once: those of immediate constraints per statement, those
// of deferred ones per transaction. A child row without parent adds one; so does a parent row that
// goes while children point at it; what mends it subtracts one. The machine looks at the count at
// the end of the statement, or of the transaction.
//
// Actions (CASCADE, SET NULL, SET DEFAULT, RESTRICT) are triggers without a name, made up as SQL.
//
//     child row written:   IsNull each column -> FINE
//                          parent's key from these columns;  Found (or NotExists) parent -> FINE
//                          FkCounter +1
//     child row removed:   FkIfZero -> FINE;  the same search;  FkCounter -1
//     parent row removed:  loop over children with its key: FkCounter +1
//     parent row written:  FkIfZero -> FINE;  loop over children with its key: FkCounter -1
//
// A statement that writes a single row, on its own, halts at once in place of counting. A parent
// that does not exist, as a table or for its key, is an error when the child is written, not when
// it is created: tables may come in any order.

#include "base/buffer.h"
#include "base/hashmap.h"
#include "sql/code/alter_text.h"
#include "sql/code/code_ddl.h"
#include "sql/code/code_where.h"
#include "sql/expr_tree.h"
#include "sql/parse.h"
#include <string.h>

static bool foreign_keys_on(const Codegen *g)
{
    return (g->db->flags & CONN_FLAG(FOREIGN_KEYS)) != 0;
}

static ForeignKey *references_to(const Table *table)
{
    ASSERT(table->schema != NULL);

    return name_map_find(&table->schema->parents, table->name);
}

// --- what a change touches ---

static bool child_changes(const ForeignKey *fk, const bool *changed, bool rowid_changes)
{
    ASSERT(fk->column_count > 0);

    if (changed == NULL)
        return true;
    for (int i = 0; i < fk->column_count; i++) {
        int from = fk->columns[i].from;
        if (changed[from] || (from == fk->child->rowid_alias && rowid_changes))
            return true;
    }
    return false;
}

static bool parent_changes(const ForeignKey *fk, const Table *parent, const bool *changed,
                           bool rowid_changes)
{
    ASSERT(fk->column_count > 0);

    if (changed == NULL)
        return true;
    for (int i = 0; i < fk->column_count; i++) {
        const char *to = fk->columns[i].to;
        for (int c = 0; c < parent->column_count; c++) {
            bool is_key = to != NULL ? name_equals(to, parent->columns[c].name)
                                     : (parent->columns[c].flags & COLUMN_PRIMARY_KEY) != 0;
            if (is_key && (changed[c] || (c == parent->rowid_alias && rowid_changes)))
                return true;
        }
    }
    return false;
}

bool foreign_keys_needed(Codegen *g, Table *table, const bool *changed, bool rowid_changes)
{
    ASSERT(table != NULL);

    if (!foreign_keys_on(g) || table->kind != TABLE_ORDINARY)
        return false;
    for (ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child) {
        if (child_changes(fk, changed, rowid_changes))
            return true;
    }
    for (ForeignKey *fk = references_to(table); fk != NULL; fk = fk->next_of_parent) {
        if (parent_changes(fk, table, changed, rowid_changes))
            return true;
    }
    return false;
}

// --- the parent's key ---

static bool index_fits(const ForeignKey *fk, const Index *index, ForeignKeyParent *key)
{
    ASSERT(key->count == fk->column_count);

    const Table *parent = index->table;
    if ((index->flags & INDEX_UNIQUE) == 0 || index->key_count != fk->column_count
        || index->where != NULL)
        return false;
    bool by_key = fk->columns[0].to == NULL;
    if (by_key && (index->flags & INDEX_PRIMARY_KEY) == 0)
        return false;
    for (int i = 0; i < index->key_count; i++) {
        int column = index->columns[i];
        if (column < 0)
            return false;
        key->to[i] = column;
        key->from[i] = by_key ? fk->columns[i].from : -1;
        const char *collation = parent->columns[column].collation;
        if (!by_key && !name_equals(collation != NULL ? collation : "BINARY", index->collations[i]))
            return false;
        for (int j = 0; !by_key && j < fk->column_count; j++) {
            if (name_equals(fk->columns[j].to, parent->columns[column].name))
                key->from[i] = fk->columns[j].from;
        }
        if (key->from[i] < 0)
            return false;
    }
    return true;
}

bool foreign_key_parent(Codegen *g, const ForeignKey *fk, Table *parent, ForeignKeyParent *key)
{
    ASSERT(fk->column_count > 0);

    *key = (ForeignKeyParent){.count = fk->column_count};
    key->from = arena_array(g->arena, fk->column_count, sizeof(int));
    key->to = arena_array(g->arena, fk->column_count, sizeof(int));
    if (key->from == NULL || key->to == NULL)
        return false;
    const char *to = fk->columns[0].to;
    if (fk->column_count == 1 && parent->rowid_alias >= 0
        && (to == NULL || name_equals(to, parent->columns[parent->rowid_alias].name))) {
        key->from[0] = fk->columns[0].from;
        key->to[0] = ROWID_COLUMN;
        return true;
    }
    for (Index *index = parent->indexes; index != NULL; index = index->next) {
        key->index = index;
        if (index_fits(fk, index, key))
            return true;
    }
    if (g->nested == 0)
        codegen_error(g, SQLITE_ERROR, "foreign key mismatch - \"%s\" referencing \"%s\"",
                      fk->child->name, fk->parent);
    return false;
}

static Reg image_value(const Table *table, Reg first, int column)
{
    ASSERT(first > 0);

    return column < 0 || column == table->rowid_alias ? first : image_column(first, column);
}

static void code_count_violation(Codegen *g, const ForeignKey *fk, int step)
{
    ASSERT(step == 1 || step == -1);

    bool deferred = fk->is_deferred;
    Codegen *top = codegen_top(g);
    bool alone = !deferred && (g->db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS)) == 0 && top == g
                 && !top->multi_write;
    if (alone && step > 0) {
        program_emit(g->program, OP_Halt, SQLITE_CONSTRAINT_FOREIGNKEY, ON_CONFLICT_ABORT, 0);
        program_set_p5(g->program, P5_CONSTRAINT_FOREIGN_KEY);
        codegen_may_abort(g);
        return;
    }
    if (step > 0 && !deferred)
        codegen_may_abort(g);
    program_emit(g->program, OP_FkCounter, deferred, step, 0);
}

// --- a child row: has it a parent? ---

static void code_parent_by_rowid(Codegen *g, Table *parent, Reg value, Label found, Label missing)
{
    ASSERT(found < 0 && missing < 0);

    int cursor = cursor_new(g);
    code_open_table(g, parent, cursor, OP_OpenRead);
    program_emit(g->program, OP_NotExists, cursor, missing, value);
    program_emit(g->program, OP_Goto, 0, found, 0);
}

static void code_parent_by_index(Codegen *g, const ForeignKeyParent *key, Reg first, Label found)
{
    ASSERT(key->index != NULL && key->count > 0);
    ASSERT(found < 0);

    int cursor = cursor_new(g);
    char *letters = arena_array(g->arena, (size_t)key->count + 1, 1);
    for (int i = 0; letters != NULL && i < key->count; i++)
        letters[i] = (char)key->index->table->columns[key->to[i]].affinity;
    code_open_index(g, key->index, cursor, OP_OpenRead);
    program_emit_text(g->program, OP_Affinity, first, key->count, 0, letters != NULL ? letters : "",
                      key->count);
    program_emit_int(g->program, OP_Found, cursor, found, first, key->count);
}

typedef struct OwnRows {
    Reg child_row, parent_row; // images
} OwnRows;

// Jumps to `same` if the parent that `child_row` names is `parent_row`, a row of the same table.
static void code_own_parent(Codegen *g, const ForeignKey *fk, const ForeignKeyParent *key,
                            const OwnRows *rows, Label same)
{
    ASSERT(rows->child_row > 0 && rows->parent_row > 0);
    ASSERT(same < 0);

    Label differs = label_new(g->program);
    for (int i = 0; i < key->count; i++) {
        Reg child = image_value(fk->child, rows->child_row, key->from[i]);
        Reg parent = image_value(fk->child, rows->parent_row, key->to[i]);
        program_emit(g->program, OP_Ne, child, differs, parent);
        program_set_p5(g->program, P5_JUMP_IF_NULL);
    }
    program_emit(g->program, OP_Goto, 0, same, 0);
    label_here(g->program, differs);
}

// A child row whose parent is looked for.
typedef struct ChildRow {
    Reg image;
    Reg former; // the row it replaces, which is still in the table but no parent any more; 0: none
    int step;   // what a missing parent adds
} ChildRow;

static void code_lookup_parent(Codegen *g, const ForeignKey *fk, Table *parent,
                               const ForeignKeyParent *key, const ChildRow *row)
{
    ASSERT(row->image > 0 && (row->step == 1 || row->step == -1));

    Reg image = row->image;
    int step = row->step;
    Label fine = label_new(g->program), missing = label_new(g->program);
    if (step < 0)
        program_emit(g->program, OP_FkIfZero, fk->is_deferred, fine, 0);
    for (int i = 0; i < fk->column_count; i++)
        program_emit(g->program, OP_IsNull, image_value(fk->child, image, fk->columns[i].from),
                     fine, 0);
    if (parent != NULL) {
        Reg first = reg_range_new(g, key->count);
        for (int i = 0; i < key->count; i++)
            program_emit(g->program, OP_Copy, image_value(fk->child, image, key->from[i]),
                         first + i, 0);
        bool may_be_own = parent == fk->child && step > 0;
        if (key->index == NULL)
            program_emit(g->program, OP_MustBeInt, first, missing, 0);
        if (may_be_own && key->index == NULL)
            program_emit(g->program, OP_Eq, image, fine, first);
        else if (may_be_own)
            code_own_parent(g, fk, key, &(OwnRows){image, image}, fine);
        if (may_be_own && row->former != 0 && key->index == NULL)
            program_emit(g->program, OP_Eq, row->former, missing, first);
        else if (may_be_own && row->former != 0)
            code_own_parent(g, fk, key, &(OwnRows){image, row->former}, missing);
        if (key->index == NULL)
            code_parent_by_rowid(g, parent, first, fine, missing);
        else
            code_parent_by_index(g, key, first, fine);
    }
    label_here(g->program, missing);
    code_count_violation(g, fk, step);
    label_here(g->program, fine);
}

// False: the authorizer hides a column of the parent's key, and with it every parent.
static bool parent_may_be_read(Codegen *g, const Table *parent, const ForeignKeyParent *key)
{
    bool may = true;
    for (int i = 0; i < key->count && !codegen_failed(g); i++)
        may = code_authorize_read(g, parent, key->to[i]) && may;
    return may;
}

static void code_child_checks(Codegen *g, ForeignKey *fk, const ChildRow *row)
{
    ASSERT(fk->child != NULL && fk->parent != NULL);

    const char *schema = g->db->databases[schema_index(g->db, fk->child->schema)].name;
    Table *parent = catalog_find_table(g->db, fk->parent, schema);
    ForeignKeyParent key = {0};
    if (parent == NULL && g->nested == 0) {
        codegen_error(g, SQLITE_ERROR, "no such table: %s.%s", schema, fk->parent);
        return;
    }
    if (parent != NULL && !foreign_key_parent(g, fk, parent, &key))
        return;
    if (parent != NULL) {
        codegen_reads(g, schema_index(g->db, parent->schema));
        if (!parent_may_be_read(g, parent, &key))
            parent = NULL;
    }
    code_lookup_parent(g, fk, parent, &key, row);
}

// --- a parent row: has it children? ---

static Expr *register_of_column(Codegen *g, FromItem *parent, int column, Reg reg)
{
    ASSERT(reg > 0);

    Expr *original = expr_new_column(g->arena, parent, column);
    Expr *e = expr_new(g->arena, EX_NULL, NULL, NULL);
    if (original == NULL || e == NULL)
        return NULL;
    expr_become_register(e, original, reg);
    return e;
}

static Expr *equal_terms(Codegen *g, const ForeignKeyParent *key, FromItem *parent, FromItem *child,
                         Reg image)
{
    ASSERT(image > 0);

    Expr *where = NULL;
    for (int i = 0; i < key->count; i++) {
        Reg reg = image_value(parent->table, image, key->to[i]);
        Expr *left = register_of_column(g, parent, key->to[i], reg);
        int from = key->from[i] == child->table->rowid_alias ? ROWID_COLUMN : key->from[i];
        Expr *right = expr_new_column(g->arena, child, from);
        where = expr_and(g->arena, where, expr_new(g->arena, EX_EQ, left, right));
    }
    return where;
}

// The row itself does not count when it goes and is its own child.
static Expr *other_row(Codegen *g, FromItem *parent, FromItem *child, Reg image)
{
    ASSERT(image > 0);

    if (table_has_rowid(parent->table)) {
        Expr *old = register_of_column(g, parent, ROWID_COLUMN, image);
        return expr_new(g->arena, EX_NE, old, expr_new_column(g->arena, child, ROWID_COLUMN));
    }
    const Index *primary = table_primary_key(parent->table);
    Expr *same = NULL;
    for (int i = 0; i < primary->key_count; i++) {
        int column = primary->columns[i];
        Expr *old = register_of_column(g, parent, column, image_column(image, column));
        Expr *own = expr_new_column(g->arena, child, column);
        same = expr_and(g->arena, same, expr_new(g->arena, EX_IS, old, own));
    }
    return expr_new(g->arena, EX_NOT, same, NULL);
}

// A parent row, as it was or as it will be, for its children to be counted.
typedef struct ParentRow {
    Reg image;
    Reg self; // image of the row as it stands in the table, not to be counted; 0: it is not there
    int step; // what each child adds
} ParentRow;

static void code_scan_children(Codegen *g, ForeignKey *fk, Table *parent,
                               const ForeignKeyParent *key, const ParentRow *row)
{
    ASSERT(row->image > 0 && key->count > 0);

    Reg image = row->image;
    int step = row->step;
    for (int i = 0; i < key->count; i++) {
        if (!code_authorize_read(g, fk->child, key->from[i]))
            return; // what is hidden equals no key
    }
    FromItem *child = arena_alloc_zeroed(g->arena, sizeof *child);
    FromItem *parent_item = image_item(g, parent, image);
    if (child == NULL || parent_item == NULL)
        return;
    *child = (FromItem){.kind = FROM_TABLE,
                        .name = fk->child->name,
                        .table = fk->child,
                        .cursor = cursor_new(g),
                        .db_index = schema_index(g->db, fk->child->schema),
                        .offset = NO_OFFSET}; // the terms note which columns they read
    FromItem **items = arena_array(g->arena, 1, sizeof(FromItem *));
    if (items == NULL)
        return;
    items[0] = child;
    FromList from = {.count = 1, .capacity = 1, .items = items};
    Expr *where = equal_terms(g, key, parent_item, child, image);
    if (parent == fk->child && row->self != 0)
        where = expr_and(g->arena, where, other_row(g, parent_item, child, row->self));
    int zero = step < 0 ? program_emit(g->program, OP_FkIfZero, fk->is_deferred, 0, 0) : -1;
    WhereCode *w = code_where_begin(g, &from, where, 0);
    if (w == NULL)
        return;
    program_emit(g->program, OP_FkCounter, fk->is_deferred, step, 0);
    code_where_end(g, w);
    if (zero >= 0)
        program_jump_here(g->program, zero);
}

// What a key does when its parent row changes; changesets may be applied without.
static u8 action_of(const Codegen *g, const ForeignKey *fk, bool is_update)
{
    ASSERT(fk->on_update <= FK_CASCADE && fk->on_delete <= FK_CASCADE);

    if ((g->db->flags & CONN_FLAG(FK_NO_ACTION)) != 0)
        return FK_NO_ACTION;
    return is_update ? fk->on_update : fk->on_delete;
}

static void code_parent_checks(Codegen *g, ForeignKey *fk, Table *parent, const ParentRow *row,
                               bool is_update)
{
    ASSERT(parent != NULL && row->step != 0);

    bool is_old = row->step > 0;
    bool deferred = fk->is_deferred || (g->db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS)) != 0;
    const Codegen *top = codegen_top(g);
    if (!deferred && top == g && !top->multi_write && row->self == 0)
        return; // one row more cannot break an immediate constraint
    ForeignKeyParent key;
    if (!foreign_key_parent(g, fk, parent, &key))
        return;
    code_scan_children(g, fk, parent, &key, row);
    u8 action = action_of(g, fk, is_update);
    if (is_old && !fk->is_deferred && action != FK_CASCADE && action != FK_SET_NULL)
        codegen_may_abort(g);
}

// One image of the row: as a child, then as a parent.
typedef struct CheckedImage {
    Reg first;
    Reg former; // of a new image: that of the row it replaces; 0: it replaces none
    bool is_new;
    const bool *changed; // columns; NULL: all
    bool rowid_changes;
} CheckedImage;

static void code_image_checks(Codegen *g, Table *table, const CheckedImage *image)
{
    ASSERT(image->first > 0);

    const ChildRow child = {image->first, image->former, image->is_new ? +1 : -1};
    for (ForeignKey *fk = table->foreign_keys; fk != NULL && !codegen_failed(g);
         fk = fk->next_of_child) {
        // A row that is its own parent is checked as a child when its key changes, too.
        bool is_own = name_equals(fk->parent, table->name);
        if (is_own || child_changes(fk, image->changed, image->rowid_changes))
            code_child_checks(g, fk, &child);
    }
    const ParentRow parent = {.image = image->first,
                              .self = image->is_new ? image->former : image->first,
                              .step = image->is_new ? -1 : +1};
    for (ForeignKey *fk = references_to(table); fk != NULL && !codegen_failed(g);
         fk = fk->next_of_parent) {
        if (parent_changes(fk, table, image->changed, image->rowid_changes))
            code_parent_checks(g, fk, table, &parent, image->changed != NULL);
    }
}

// What the old key leaves behind is counted first: the new one, if it is the same, mends it.
void code_foreign_key_checks(Codegen *g, const WriteTable *wt, Reg old_first, Reg new_first,
                             const bool *changed, bool rowid_changes)
{
    ASSERT(old_first > 0 || new_first > 0);

    if (!foreign_keys_on(g))
        return;
    CheckedImage image = {.first = old_first, .changed = changed, .rowid_changes = rowid_changes};
    if (old_first != 0)
        code_image_checks(g, wt->table, &image);
    image.first = new_first;
    image.former = old_first;
    image.is_new = true;
    if (new_first != 0)
        code_image_checks(g, wt->table, &image);
}

// --- actions ---

struct ForeignKeyAction {
    const ForeignKey *fk;
    bool is_update;
    Trigger trigger;
    struct ForeignKeyAction *next;
};

// What an action's SQL is made of.
typedef struct ActionSql {
    const ForeignKey *fk;
    const Table *parent;
    const ForeignKeyParent *key;
    u8 action; // FkAction
    bool is_update;
} ActionSql;

static void add_name(Buffer *sql, const char *name)
{
    text_add_quoted(sql, name, '"');
}

static const char *parent_column(const Table *parent, const ForeignKeyParent *key, int i)
{
    ASSERT(i >= 0 && i < key->count);

    int column = key->to[i] < 0 ? parent->rowid_alias : key->to[i];
    return column < 0 ? "rowid" : parent->columns[column].name;
}

static void add_where(Buffer *sql, const ActionSql *a)
{
    ASSERT(a->key->count > 0);

    const Table *child = a->fk->child;
    for (int i = 0; i < a->key->count; i++) {
        buffer_add_text(sql, i == 0 ? " WHERE OLD." : " AND OLD.");
        add_name(sql, parent_column(a->parent, a->key, i));
        buffer_add_char(sql, '=');
        add_name(sql, child->name);
        buffer_add_char(sql, '.');
        add_name(sql, child->columns[a->key->from[i]].name);
    }
}

static void add_set(Buffer *sql, const ActionSql *a)
{
    ASSERT(a->key->count > 0);

    for (int i = 0; i < a->key->count; i++) {
        buffer_add_text(sql, i == 0 ? " SET " : ",");
        add_name(sql, a->fk->child->columns[a->key->from[i]].name);
        buffer_add_char(sql, '=');
        if (a->action != FK_CASCADE) { // a DEFAULT takes the place of NULL once parsed
            buffer_add_text(sql, "NULL");
            continue;
        }
        buffer_add_text(sql, "NEW.");
        add_name(sql, parent_column(a->parent, a->key, i));
    }
}

//   ON DELETE CASCADE     DELETE FROM child WHERE OLD.k = child.f
//   ON UPDATE CASCADE     UPDATE child SET f = NEW.k WHERE OLD.k = child.f
//   SET NULL              UPDATE child SET f = NULL WHERE OLD.k = child.f
//   RESTRICT              SELECT RAISE(ABORT, ...) FROM child WHERE OLD.k = child.f
static void add_action(Buffer *sql, const ActionSql *a)
{
    ASSERT(a->action != FK_NO_ACTION);

    bool deletes = a->action == FK_CASCADE && !a->is_update;
    if (a->action == FK_RESTRICT)
        buffer_add_text(sql, "SELECT RAISE(ABORT,'FOREIGN KEY constraint failed') FROM ");
    else
        buffer_add_text(sql, deletes ? "DELETE FROM " : "UPDATE ");
    add_name(sql, a->fk->child->name);
    if (a->action != FK_RESTRICT && !deletes)
        add_set(sql, a);
    add_where(sql, a);
}

// An update that leaves the key as it was calls for no action: NOT (OLD.k IS NEW.k AND ...).
static Expr *parse_when(Codegen *g, const Table *parent, const ForeignKeyParent *key)
{
    ASSERT(key->count > 0);

    Buffer sql = {0};
    buffer_add_text(&sql, "SELECT NOT(");
    for (int i = 0; i < key->count; i++) {
        buffer_add_text(&sql, i == 0 ? "OLD." : " AND OLD.");
        add_name(&sql, parent_column(parent, key, i));
        buffer_add_text(&sql, " IS NEW.");
        add_name(&sql, parent_column(parent, key, i));
    }
    buffer_add_char(&sql, ')');
    const char *text = arena_keep(g->arena, &sql);
    buffer_deinit(&sql);
    ParseOptions options = parse_options_default();
    ParseResult parsed;
    if (text == NULL
        || parse_statement(text, strlen(text), &options, g->arena, &parsed) != SQLITE_OK)
        return NULL;
    return parsed.stmt->u.select->columns->items[0].expr;
}

static void set_defaults(Codegen *g, const ForeignKey *fk, const ForeignKeyParent *key, Stmt *stmt)
{
    ASSERT(stmt->kind == STMT_UPDATE);

    for (u32 i = 0; i < stmt->u.update->set->count; i++) {
        const Expr *value = fk->child->columns[key->from[i]].value;
        if (value != NULL)
            stmt->u.update->set->items[i].expr = expr_copy(g->arena, value, NULL);
    }
}

static Trigger *action_trigger(Codegen *g, const ForeignKey *fk, Table *parent, u8 action,
                               bool is_update)
{
    ASSERT(action != FK_NO_ACTION);

    Codegen *top = codegen_top(g);
    for (struct ForeignKeyAction *a = top->foreign_key_actions; a != NULL; a = a->next) {
        if (a->fk == fk && a->is_update == is_update)
            return &a->trigger;
    }
    ForeignKeyParent key;
    if (!foreign_key_parent(g, fk, parent, &key))
        return NULL;
    Buffer sql = {0};
    add_action(
        &sql,
        &(ActionSql){
            .fk = fk, .parent = parent, .key = &key, .action = action, .is_update = is_update});
    const char *text = arena_keep(g->arena, &sql);
    buffer_deinit(&sql);
    struct ForeignKeyAction *a = arena_alloc_zeroed(g->arena, sizeof *a);
    TriggerStep *step = arena_alloc_zeroed(g->arena, sizeof *step);
    ParseOptions options = parse_options_default();
    ParseResult parsed;
    if (text == NULL || a == NULL || step == NULL
        || parse_statement(text, strlen(text), &options, g->arena, &parsed) != SQLITE_OK) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    step->stmt = parsed.stmt;
    if (action == FK_SET_DEFAULT)
        set_defaults(g, fk, &key, parsed.stmt);
    *a = (struct ForeignKeyAction){.fk = fk,
                                   .is_update = is_update,
                                   .trigger = {.table_name = parent->name,
                                               .schema = parent->schema,
                                               .table_schema = parent->schema,
                                               .time = TRIGGER_AFTER,
                                               .event = is_update ? TRIGGER_UPDATE : TRIGGER_DELETE,
                                               .steps = step},
                                   .next = top->foreign_key_actions};
    if (is_update)
        a->trigger.when = parse_when(g, parent, &key);
    top->foreign_key_actions = a;
    return &a->trigger;
}

void code_foreign_key_actions(Codegen *g, Table *table, Reg old_first, bool is_update,
                              const bool *changed, bool rowid_changes)
{
    ASSERT(old_first > 0);

    if (!foreign_keys_on(g))
        return;
    for (ForeignKey *fk = references_to(table); fk != NULL && !codegen_failed(g);
         fk = fk->next_of_parent) {
        u8 action = action_of(g, fk, is_update);
        bool deferred = (g->db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS)) != 0;
        if (action == FK_NO_ACTION || (action == FK_RESTRICT && deferred)
            || !parent_changes(fk, table, changed, rowid_changes))
            continue;
        Trigger *trigger = action_trigger(g, fk, table, action, is_update);
        if (trigger != NULL)
            code_run_trigger(g, trigger, table, old_first, ON_CONFLICT_ABORT, 0);
    }
}

// --- DROP TABLE ---

static bool has_deferred(const Codegen *g, const Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    for (const ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child) {
        if (fk->is_deferred || (g->db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS)) != 0)
            return true;
    }
    return false;
}

// Dropping a table deletes its rows first, as far as foreign keys are concerned.
void code_foreign_key_drop(Codegen *g, Table *table)
{
    ASSERT(table != NULL);

    if (!foreign_keys_on(g) || table->kind != TABLE_ORDINARY)
        return;
    int skip = -1;
    if (references_to(table) == NULL) {
        if (!has_deferred(g, table))
            return;
        skip = program_emit(g->program, OP_FkIfZero, 1, 0, 0);
    }
    const char *schema = g->db->databases[schema_index(g->db, table->schema)].name;
    g->counts_changes = true; // these rows count, as they do in SQLite
    g->nested_counts = true;
    code_nested(g, "DELETE FROM %s.%s", sql_identifier(g, schema), sql_identifier(g, table->name));
    g->nested_counts = false;
    if ((g->db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS)) == 0) {
        int fine = program_emit(g->program, OP_FkIfZero, 0, 0, 0);
        program_emit(g->program, OP_Halt, SQLITE_CONSTRAINT_FOREIGNKEY, ON_CONFLICT_ABORT, 0);
        program_set_p5(g->program, P5_CONSTRAINT_FOREIGN_KEY);
        codegen_may_abort(g);
        program_jump_here(g->program, fine);
    }
    if (skip >= 0)
        program_jump_here(g->program, skip);
}
