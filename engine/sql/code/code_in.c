// x IN (...): building the set, and asking it with SQL's rules for NULL.
//
//   x IN (empty)                     false, even when x is NULL
//   x found                          true
//   x NULL, or a NULL in the set     NULL
//   else                             false
// Row values are compared field by field: a row of the set that differs nowhere for certain makes
// it NULL.
//
// The set is an ephemeral index of records with the affinity of both sides applied, filled once
// unless correlated:
//
//     Once -> S                        (for a list; a SELECT is a subroutine that others may call)
//     OpenEphemeral c;  [Blob filter]
//     members: MakeRecord, IdxInsert c [, FilterAdd]
//     [Rewind c; Column c 0 -> has_null]   NULLs sort first: the first key tells
//  S:
//     left side -> r..;  Affinity r..;  IsNull r -> (maybe)
//     [Filter -> FALSE]  Found c r.. -> TRUE
//     [NotNull has_null -> FALSE]
//     maybe: scan c for a row that differs nowhere for certain -> NULL, else FALSE
//
// Where NULL and FALSE go to the same place, NotFound alone does. Lists of up to two, and lists
// whose members depend on the row, are compared one by one instead. Not here: IN that drives an
// index search (code_seek.c), which lists the set by code_in_set().

#include "sql/code/code_expr_internal.h"
#include "sql/expr_tree.h"
#include <string.h>

enum { BLOOM_SIZE = 10000 }; // bytes of the filter, whatever the set's size: it is not known before
enum { SMALL_LIST_MAX = 2 }; // up to here comparing one by one beats building a set

static bool list_is_constant(const ExprList *list)
{
    ASSERT(list != NULL);

    for (u32 i = 0; i < list->count; i++) {
        if (!code_is_constant(list->items[i].expr))
            return false;
    }
    return true;
}

// What the left side's affinity makes of the set's members.
static Affinity set_affinity(const Expr *left, const Expr *member)
{
    ASSERT(left != NULL);

    Affinity affinity = member != NULL ? code_compare_affinity(left, member) : code_affinity(left);
    if (affinity <= AFF_NONE)
        return AFF_BLOB;
    return member == NULL && affinity == AFF_REAL ? AFF_NUMERIC : affinity;
}

static char *set_affinities(Codegen *g, const Expr *in)
{
    ASSERT(in->kind == EX_IN);

    u32 count = vector_size(in->left);
    char *letters = arena_alloc_zeroed(g->arena, count + 1);
    for (u32 i = 0; letters != NULL && i < count; i++) {
        const Expr *member = in->select != NULL ? in->select->columns->items[i].expr : NULL;
        letters[i] = (char)set_affinity(vector_field(g, in->left, i), member);
    }
    return letters;
}

static KeyShape *set_shape(Codegen *g, const Expr *in)
{
    ASSERT(in->kind == EX_IN);

    u32 count = vector_size(in->left);
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)count, (u16)count);
    for (u32 i = 0; shape != NULL && i < count; i++) {
        Expr *left = vector_field(g, in->left, i);
        const Collation *collation =
            in->select != NULL ? code_compare_collation(g, left, in->select->columns->items[i].expr)
                               : code_collation(g, left);
        if (collation != NULL)
            shape->fields[i].collation = collation;
    }
    if (shape == NULL)
        codegen_fail(g, connection_out_of_memory(g->db));
    return shape;
}

static void fill_from_list(Codegen *g, const Expr *in, int cursor, const char *affinities)
{
    ASSERT(in->list != NULL && vector_size(in->left) == 1);

    Reg record = reg_temp(g);
    for (u32 i = 0; i < in->list->count; i++) {
        Reg release;
        Reg value = code_expr_temp(g, in->list->items[i].expr, &release);
        program_emit_text(g->program, OP_MakeRecord, value, 1, record, affinities, 1);
        program_emit_int(g->program, OP_IdxInsert, cursor, record, value, 1);
        reg_temp_release(g, release);
    }
    reg_temp_release(g, record);
}

static void fill_from_select(Codegen *g, Expr *in, const InSet *set, const char *affinities)
{
    ASSERT(in->select != NULL);

    SelectDest dest = {
        .kind = DEST_SET, .param = set->cursor, .param2 = set->filter, .affinities = affinities};
    bool is_correlated = (in->flags & EXPR_CORRELATED) != 0;
    int former =
        plan_push(g, "%sLIST SUBQUERY %u", is_correlated ? "CORRELATED " : "", in->select->id);
    int loop_rows = g->loop_rows;
    if (!is_correlated)
        g->loop_rows = 0; // it runs once
    code_select(g, in->select, &dest);
    g->loop_rows = loop_rows;
    plan_pop(g, former);
}

// NULLs sort first: the first key tells whether the set holds one.
static Reg code_has_null(Codegen *g, int cursor)
{
    ASSERT(cursor >= 0);

    Reg has_null = reg_new(g);
    program_emit(g->program, OP_Integer, 0, has_null, 0);
    int empty = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    program_emit(g->program, OP_Column, cursor, 0, has_null);
    program_set_p5(g->program, P5_TYPEOF);
    program_jump_here(g->program, empty);
    return has_null;
}

// --- sets made before ---
//
// A condition that was copied into a subquery is there twice, and so is what its IN asks. The code
// that fills a set is a subroutine that runs once; the second IN calls it, and looks at the rows
// through a cursor of its own.

typedef struct SharedSet {
    u32 select_id;
    const char *affinities;
    const KeyShape *shape; // the program keeps it
    InSet set;
    Reg return_reg;
    int address;
    struct SharedSet *next;
} SharedSet;

static bool same_shape(const KeyShape *a, const KeyShape *b)
{
    ASSERT(a != NULL);
    ASSERT(b != NULL);

    if (a->key_count != b->key_count)
        return false;
    for (u16 i = 0; i < a->key_count; i++) {
        if (a->fields[i].collation != b->fields[i].collation)
            return false;
    }
    return true;
}

static const SharedSet *find_shared(const Codegen *g, u32 select_id, const char *affinities,
                                    const KeyShape *shape)
{
    ASSERT(affinities != NULL && shape != NULL);

    for (const SharedSet *s = g->shared_sets; s != NULL; s = s->next) {
        if (s->select_id == select_id && strcmp(s->affinities, affinities) == 0
            && same_shape(s->shape, shape))
            return s;
    }
    return NULL;
}

static void code_shared(Codegen *g, const SharedSet *shared, u32 flags, InSet *out)
{
    ASSERT(shared->address > 0);

    plan_pop(g, plan_push(g, "REUSE LIST SUBQUERY %u", shared->select_id));
    int skip = program_emit(g->program, OP_Once, 0, 0, 0);
    program_emit(g->program, OP_Gosub, shared->return_reg, shared->address, 0);
    program_emit(g->program, OP_OpenDup, out->cursor, shared->set.cursor, 0);
    out->filter = shared->set.filter;
    if ((flags & IN_WANTS_NULL) != 0 && shared->shape->key_count == 1)
        out->has_null = code_has_null(g, out->cursor);
    program_jump_here(g->program, skip);
}

static void share_set(Codegen *g, SharedSet set)
{
    ASSERT(set.address > 0 && set.return_reg > 0);

    SharedSet *copy = arena_alloc(g->arena, sizeof *copy);
    if (copy == NULL)
        return; // the arena remembers
    *copy = set;
    copy->next = g->shared_sets;
    g->shared_sets = copy;
}

// --- making a set ---

static void open_set(Codegen *g, const Expr *in, KeyShape *shape, u32 flags, InSet *out)
{
    ASSERT(out->filter == 0);

    bool is_correlated = (in->flags & EXPR_CORRELATED) != 0;
    program_emit_shape(g->program, OP_OpenEphemeral, out->cursor, shape->key_count, 0, shape);
    if (in->select == NULL || is_correlated)
        return;
    if ((flags & IN_MEMBERSHIP) != 0 || (in->select->flags & SELECT_SHARED_SET) != 0) {
        out->filter = reg_new(g);
        program_emit(g->program, OP_Blob, BLOOM_SIZE, out->filter, 0);
    }
}

static void fill_set(Codegen *g, Expr *in, u32 flags, const char *affinities, InSet *out)
{
    ASSERT(out->cursor >= 0);

    if (in->select != NULL)
        fill_from_select(g, in, out, affinities);
    else
        fill_from_list(g, in, out->cursor, affinities);
    if ((flags & IN_WANTS_NULL) != 0 && vector_size(in->left) == 1)
        out->has_null = code_has_null(g, out->cursor);
}

// A set of rows that depends on nothing outside.
static void code_constant_select(Codegen *g, Expr *in, u32 flags, KeyShape *shape, InSet *out)
{
    ASSERT(in->select != NULL);
    ASSERT((in->flags & EXPR_CORRELATED) == 0);

    const char *affinities = set_affinities(g, in);
    const SharedSet *known =
        affinities != NULL ? find_shared(g, in->select->id, affinities, shape) : NULL;
    if (known != NULL) {
        code_shared(g, known, flags, out);
        key_shape_unref(shape);
        return;
    }
    SharedSet made = {.select_id = in->select->id, .affinities = affinities, .shape = shape};
    made.return_reg = reg_new(g);
    made.address = program_emit(g->program, OP_BeginSubrtn, 0, made.return_reg, 0) + 1;
    int skip = program_emit(g->program, OP_Once, 0, 0, 0);
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    open_set(g, in, shape, flags, out);
    fill_set(g, in, flags, affinities, out);
    g->hoist_constants = hoist;
    program_jump_here(g->program, skip);
    program_emit(g->program, OP_Return, made.return_reg, made.address, 1);
    made.set = *out;
    if (affinities != NULL)
        share_set(g, made);
}

void code_in_set(Codegen *g, Expr *in, u32 flags, InSet *out)
{
    ASSERT(in->kind == EX_IN);

    *out = (InSet){.cursor = cursor_new(g)};
    u32 width = vector_size(in->left);
    u32 set_width = in->select != NULL ? in->select->columns->count : 1;
    if (set_width != width) {
        codegen_error(g, SQLITE_ERROR, "sub-select returns %u columns - expected %u", set_width,
                      width);
        return;
    }
    KeyShape *shape = set_shape(g, in);
    if (shape == NULL)
        return; // the error is noted
    if (in->select != NULL && (in->flags & EXPR_CORRELATED) == 0) {
        code_constant_select(g, in, flags, shape, out);
        return;
    }
    bool once = in->select == NULL && list_is_constant(in->list);
    int skip = once ? program_emit(g->program, OP_Once, 0, 0, 0) : -1;
    bool hoist = g->hoist_constants;
    if (once)
        g->hoist_constants = false;
    open_set(g, in, shape, flags, out);
    fill_set(g, in, flags, set_affinities(g, in), out);
    g->hoist_constants = hoist;
    if (skip >= 0)
        program_jump_here(g->program, skip);
}

void code_in_narrow(Codegen *g, const Expr *in, InFields *fields, InSet *set)
{
    ASSERT(fields->count < vector_size(in->left));

    int count = (int)fields->count, cursor = cursor_new(g);
    KeyShape *wide = set_shape(g, in);
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)count, (u16)count);
    if (shape == NULL)
        codegen_fail(g, connection_out_of_memory(g->db));
    for (int i = 0; wide != NULL && shape != NULL && i < count; i++)
        shape->fields[i].collation = wide->fields[fields->items[i]].collation;
    key_shape_unref(wide);
    if (shape == NULL)
        return;
    bool once = (in->flags & EXPR_CORRELATED) == 0;
    int skip = once ? program_emit(g->program, OP_Once, 0, 0, 0) : -1;
    Reg first = reg_range_new(g, count), record = reg_new(g);
    program_emit_shape(g->program, OP_OpenEphemeral, cursor, count, 0, shape);
    int empty = program_emit(g->program, OP_Rewind, set->cursor, 0, 0);
    int top = program_here(g->program);
    for (int i = 0; i < count; i++)
        program_emit(g->program, OP_Column, set->cursor, fields->items[i], first + i);
    program_emit(g->program, OP_MakeRecord, first, count, record);
    program_emit_int(g->program, OP_IdxInsert, cursor, record, first, count);
    program_emit(g->program, OP_Next, set->cursor, top, 0);
    program_jump_here(g->program, empty);
    if (skip >= 0)
        program_jump_here(g->program, skip);
    set->cursor = cursor;
    for (int i = 0; i < count; i++)
        fields->items[i] = i;
}

// --- asking ---

static Reg code_left_side(Codegen *g, Expr *in, u32 width)
{
    ASSERT(width == vector_size(in->left));

    // As in SQLite, what the affinity of the set makes of an aggregate's result, or of a column of
    // the group, is what the rest of the row sees of it.
    Reg in_place = width == 1 ? aggregate_register(g, in->left) : 0;
    if (in_place != 0)
        return in_place;
    Reg first = reg_range_new(g, (int)width);
    if (in->left->kind == EX_SELECT && width > 1) {
        Reg from = code_subquery(g, in->left);
        program_emit(g->program, OP_Copy, from, first, (int)width - 1);
        return first;
    }
    for (u32 i = 0; i < width; i++) {
        Expr *field = vector_field(g, in->left, i);
        if (field != NULL)
            code_expr_copy(g, field, first + (Reg)i);
    }
    return first;
}

// A short list: one comparison after the other.
static void code_in_chain(Codegen *g, Expr *in, Label is_false, Label is_null)
{
    ASSERT(is_false < 0 && is_null < 0);
    ASSERT(in->list != NULL && in->list->count > 0);

    Label is_true = label_new(g->program);
    Expr left = *in->left;
    Reg value = code_expr(g, in->left, 0);
    expr_become_register(&left, in->left, value);
    Reg saw_null = 0;
    if (is_false != is_null) {
        saw_null = reg_new(g);
        program_emit(g->program, OP_BitAnd, value, value, saw_null);
    }
    for (u32 i = 0; i < in->list->count; i++) {
        Reg release;
        Expr *member = in->list->items[i].expr;
        Reg other = code_expr_temp(g, member, &release);
        if (saw_null != 0)
            program_emit(g->program, OP_BitAnd, saw_null, other, saw_null);
        // Only the left side's affinity counts in a list.
        const Collation *collation = code_collation(g, in->left);
        program_emit_collation(g->program, OP_Eq, other, is_true, value, collation);
        program_set_p5(g->program, (u16)set_affinity(in->left, NULL));
        reg_temp_release(g, release);
    }
    if (saw_null != 0)
        program_emit(g->program, OP_IsNull, saw_null, is_null, 0);
    program_emit(g->program, OP_Goto, 0, is_false, 0);
    label_here(g->program, is_true);
}

// Rows of the set that might be equal, were it not for NULLs, make the answer unknown.
static void code_maybe_equal(Codegen *g, const Expr *in, const InSet *set, Reg first,
                             Label is_false, Label is_null)
{
    ASSERT(is_false < 0 && is_null < 0);
    ASSERT(first > 0);

    u32 width = vector_size(in->left);
    program_emit(g->program, OP_Rewind, set->cursor, is_false, 0);
    if (width == 1) {
        program_emit(g->program, OP_Goto, 0, is_null, 0);
        return;
    }
    int top = program_here(g->program);
    Label next = label_new(g->program);
    Reg field = reg_temp(g);
    for (u32 i = 0; i < width; i++) {
        Expr *left = vector_field(g, (Expr *)in->left, i);
        const Collation *collation = code_collation(g, left);
        program_emit(g->program, OP_Column, set->cursor, (int)i, field);
        program_emit_collation(g->program, OP_Ne, first + (Reg)i, next, field, collation);
    }
    program_emit(g->program, OP_Goto, 0, is_null, 0);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, set->cursor, top, 0);
    program_emit(g->program, OP_Goto, 0, is_false, 0);
    reg_temp_release(g, field);
}

static void code_in_lookup(Codegen *g, Expr *in, Label is_false, Label is_null)
{
    ASSERT(is_false < 0 && is_null < 0);

    u32 width = vector_size(in->left);
    bool tells_null = is_false != is_null;
    InSet set;
    code_in_set(g, in, IN_MEMBERSHIP | (tells_null ? (u32)IN_WANTS_NULL : 0), &set);
    if (codegen_failed(g))
        return;
    Reg first = code_left_side(g, in, width);
    char *affinities = set_affinities(g, in);
    program_emit_text(g->program, OP_Affinity, first, (int)width, 0, affinities, (int)width);
    Label has_null = label_new(g->program);
    for (u32 i = 0; i < width; i++)
        program_emit(g->program, OP_IsNull, first + (Reg)i, tells_null ? has_null : is_false, 0);
    if (!tells_null) {
        if (set.filter != 0)
            program_emit_int(g->program, OP_Filter, set.filter, is_false, first, (i32)width);
        program_emit_int(g->program, OP_NotFound, set.cursor, is_false, first, (i32)width);
        label_here(g->program, has_null);
        return;
    }
    Label is_true = label_new(g->program);
    program_emit_int(g->program, OP_Found, set.cursor, is_true, first, (i32)width);
    if (set.has_null != 0)
        program_emit(g->program, OP_NotNull, set.has_null, is_false, 0);
    label_here(g->program, has_null);
    code_maybe_equal(g, in, &set, first, is_false, is_null);
    label_here(g->program, is_true);
}

// Falls through when the answer is true.
static void code_in_test(Codegen *g, Expr *in, Label is_false, Label is_null)
{
    ASSERT(is_false < 0 && is_null < 0);

    bool is_list = in->select == NULL;
    if (is_list && vector_size(in->left) > 1) {
        codegen_error(g, SQLITE_ERROR, "row value misused");
        return;
    }
    if (is_list && in->list->count == 0) {
        program_emit(g->program, OP_Goto, 0, is_false, 0);
        return;
    }
    bool is_short = is_list && (in->list->count <= SMALL_LIST_MAX || !list_is_constant(in->list));
    if (is_short)
        code_in_chain(g, in, is_false, is_null);
    else
        code_in_lookup(g, in, is_false, is_null);
}

Reg code_in_value(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    Label is_false = label_new(g->program);
    Label is_null = label_new(g->program);
    Label done = label_new(g->program);
    Reg result = reg_new(g);
    program_emit(g->program, OP_Null, 0, result, 0);
    code_in_test(g, e, is_false, is_null);
    program_emit(g->program, OP_Integer, 1, result, 0);
    program_emit(g->program, OP_Goto, 0, done, 0);
    label_here(g->program, is_false);
    program_emit(g->program, OP_Integer, 0, result, 0);
    label_here(g->program, is_null);
    label_here(g->program, done);
    program_emit(g->program, OP_SCopy, result, target, 0);
    return target;
}

void code_jump_in(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0);

    Label past = label_new(g->program);
    if (!when) {
        // Jumps when false; NULL goes where it counts.
        Label is_null = null_as ? past : to;
        code_in_test(g, e, to, is_null);
    } else {
        Label yes = label_new(g->program);
        code_in_test(g, e, past, null_as ? yes : past);
        label_here(g->program, yes);
        program_emit(g->program, OP_Goto, 0, to, 0);
    }
    label_here(g->program, past);
}
