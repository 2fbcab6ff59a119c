// Positioning a level by the rowid, by an index or by a hash table.
//
// By an index: an equality prefix, then a range on the column after it.
//
//     [skip scan: first entry of the next distinct prefix, into r[first]..]
//     r[first..] = values of the equalities; NULL: leave     each IN opens a loop around the rest
//     [LIKE: two rounds, text and blobs]
//     r[next] = lower bound; affinities; Bloom filter
//     SeekGE/SeekGT r[first..]                               or Rewind without any key
//     r[next] = upper bound, in the same register
//   row:
//     IdxGT/IdxGE r[first..] -> next_value                   past the end
//     DeferredSeek                                           to the row, if a column needs it
//     ... body ...
//     Next -> row
//
// In a scan from the end, or of a DESC column, the two ends change places and Seek and Idx opcodes
// are the mirrored ones (index_range, index_seek, code_end_test).
//
// NULLS LAST against the index's own order runs the same range twice, once for the NULLs and once
// for the values: see code_two_rounds().
//
// Keys get the affinity of the index's columns, as comparisons would; see key_affinity() for where
// that would round.

#include "base/vec.h"
#include "sql/code/code_query.h"
#include "sql/expr_tree.h"
#include <string.h>

// --- values to look for ---

static InLoop *in_loop_add(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->in_count <= lc->in_capacity);

    if (lc->in_count == lc->in_capacity) {
        u16 capacity = lc->in_capacity == 0 ? 4 : (u16)(lc->in_capacity * 2);
        InLoop *loops = arena_array(g->arena, capacity, sizeof *loops);
        if (loops == NULL) {
            codegen_fail(g, SQLITE_NOMEM);
            return NULL;
        }
        if (lc->in_count > 0)
            memcpy(loops, lc->in_loops, lc->in_count * sizeof *loops);
        lc->in_loops = loops;
        lc->in_capacity = capacity;
    }
    if (lc->in_count == 0)
        lc->next_value = label_new(g->program);
    return &lc->in_loops[lc->in_count++];
}

// The list of an IN over a rowid table is that table itself: its rowids are the values.
static void read_set(Codegen *g, const InSet *set, int field, Reg target)
{
    ASSERT(target > 0);
    ASSERT(field >= 0);

    if (set->is_rowid_table)
        program_emit(g->program, OP_Rowid, set->cursor, target, 0);
    else
        program_emit(g->program, OP_Column, set->cursor, field, target);
}

// Columns bound by fields of the same row-value IN are read in one loop.
static void code_in_loop(Codegen *g, LevelCode *lc, const Access *a, u32 position, Reg target)
{
    ASSERT(target > 0);

    const Term *term = a->terms[position];
    for (u32 i = 0; a->kind != ACCESS_VIRTUAL && i < position; i++) {
        if (a->terms[i] != NULL && a->terms[i]->expr == term->expr)
            return; // read along with an earlier field
    }
    bool index_desc =
        (a->flags & ACCESS_INDEXED) != 0 && (a->index->sort_flags[position] & KEY_DESC) != 0;
    bool reverse = lc->level->reverse != index_desc;
    u32 end = a->kind == ACCESS_VIRTUAL ? position + 1 : a->equal_count;
    InFields used = {.items = arena_array(g->arena, end, sizeof(int))};
    Reg *targets = arena_array(g->arena, end, sizeof(Reg));
    if (used.items == NULL || targets == NULL)
        return;
    for (u32 i = position; i < end; i++) {
        if (a->terms[i] == NULL || a->terms[i]->expr != term->expr)
            continue;
        targets[used.count] = target + (Reg)(i - position);
        used.items[used.count++] = a->terms[i]->field > 0 ? a->terms[i]->field - 1 : 0;
    }
    InSet set;
    code_in_set(g, term->expr, 0, &set);
    if (used.count < vector_size(term->expr->left))
        code_in_narrow(g, term->expr, &used, &set);
    InLoop *in = in_loop_add(g, lc);
    if (in == NULL)
        return;
    in->cursor = set.cursor;
    in->reverse = reverse;
    in->empty_jump = program_emit(g->program, reverse ? OP_Last : OP_Rewind, set.cursor, 0, 0);
    in->top = program_here(g->program);
    in->is_null = label_new(g->program);
    for (u32 i = 0; i < used.count; i++)
        read_set(g, &set, used.items[i], targets[i]);
    for (u32 i = 0; i < used.count; i++) // NULL equals nothing, not even the NULL of an index
        program_emit(g->program, OP_IsNull, targets[i], in->is_null, 0);
}

void code_term_value(Codegen *g, LevelCode *lc, const Access *a, u32 position, Reg target)
{
    ASSERT(target > 0);
    ASSERT(position < a->term_count || (a->flags & ACCESS_IN) == 0);

    const Term *term = a->terms[position];
    if ((term->op & TERM_IN) != 0 && term->expr->kind == EX_IN)
        code_in_loop(g, lc, a, position, target);
    else if (term->expr->kind == EX_IS_NULL)
        program_emit(g->program, OP_Null, 0, target, 0);
    else
        code_expr_into(g, term->expr->right, target);
}

// --- by rowid ---

void code_rowid_search(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->cursor >= 0);

    (void)jc;
    const Access *a = lc->level->access;
    Reg key = reg_new(g);
    code_term_value(g, lc, a, 0, key);
    if ((a->flags & ACCESS_BLOOM) != 0) {
        program_emit(g->program, OP_MustBeInt, key, lc->next_value, 0);
        code_bloom_test(g, lc, key, 1, lc->next_value);
    }
    program_emit(g->program, OP_SeekRowid, lc->cursor, lc->next_value, key);
    lc->end_op = OP_Noop;
}

static const Term *bound_term(const Access *a, bool top)
{
    ASSERT(a->equal_count <= a->term_count);

    if (!top)
        return (a->flags & ACCESS_BOTTOM) != 0 ? a->terms[a->equal_count] : NULL;
    if ((a->flags & ACCESS_TOP) == 0)
        return NULL;
    return a->terms[a->equal_count + ((a->flags & ACCESS_BOTTOM) != 0 ? 1 : 0)];
}

// First field of a bound: (rowid, x) > (1, 2) implies rowid >= 1.
static Expr *bound_expr(Codegen *g, const Term *term)
{
    ASSERT(term->expr->right != NULL);

    Expr *right = term->expr->right;
    return expr_vector_size(right) > 1 ? vector_field(g, right, 0) : right;
}

static u16 bound_op(const Term *term)
{
    ASSERT((term->op & TERM_RANGE) != 0);

    u16 op = term->op & TERM_RANGE;
    if (expr_vector_size(term->expr->left) > 1)
        return op == TERM_GT ? TERM_GE : op == TERM_LT ? TERM_LE : op;
    return op;
}

static Opcode seek_opcode(u16 op)
{
    ASSERT(op == TERM_GT || op == TERM_GE || op == TERM_LT || op == TERM_LE);

    switch (op) {
    case TERM_GT: return OP_SeekGT;
    case TERM_GE: return OP_SeekGE;
    case TERM_LT: return OP_SeekLT;
    default: return OP_SeekLE;
    }
}

void code_rowid_range(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->cursor >= 0);

    (void)jc;
    const Access *a = lc->level->access;
    bool reverse = lc->level->reverse;
    const Term *start = bound_term(a, reverse), *end = bound_term(a, !reverse);
    if (start != NULL) {
        Reg release;
        Reg key = code_expr_temp(g, bound_expr(g, start), &release);
        program_emit(g->program, seek_opcode(bound_op(start)), lc->cursor, lc->leave, key);
        reg_temp_release(g, release);
    } else {
        program_emit(g->program, reverse ? OP_Last : OP_Rewind, lc->cursor, lc->leave, 0);
    }
    Reg limit = 0;
    if (end != NULL) {
        limit = reg_new(g);
        code_expr_into(g, bound_expr(g, end), limit);
    }
    lc->end_op = reverse ? OP_Prev : OP_Next;
    lc->end_p1 = lc->cursor;
    lc->end_p2 = program_here(g->program);
    if (end == NULL)
        return;
    bool strict = (bound_op(end) & (TERM_LT | TERM_GT)) != 0;
    Opcode leave = reverse ? (strict ? OP_Le : OP_Lt) : (strict ? OP_Ge : OP_Gt);
    Reg rowid = reg_temp(g);
    program_emit(g->program, OP_Rowid, lc->cursor, rowid, 0);
    program_emit(g->program, leave, limit, lc->leave, rowid);
    program_set_p5(g->program, AFF_NUMERIC | P5_JUMP_IF_NULL);
    reg_temp_release(g, rowid);
}

// --- by index ---

// The two ends of the range on the column after the equality prefix, in the direction of the scan.
typedef struct IndexRange {
    const Term *start, *end;
    u16 start_count, end_count; // fields
    bool skip_nulls;            // before the first entry
    bool stop_at_null;
} IndexRange;

static bool column_may_be_null(const LevelCode *lc, const Access *a)
{
    ASSERT(a->index != NULL);

    if (a->equal_count >= a->index->column_count)
        return false;
    int column = a->index->columns[a->equal_count];
    if (column == COLUMN_EXPR)
        return true;
    return column >= 0 && lc->level->item->table != NULL
           && lc->level->item->table->columns[column].not_null == 0;
}

// min() of the column behind the equalities: its NULLs, which come first, can be passed over. In
// any other column a NULL says nothing about the answer.
static bool seeks_smallest(const JoinCode *jc, const LevelCode *lc, const Access *a)
{
    ASSERT(a->index != NULL);

    const Expr *e = jc->smallest;
    if ((jc->flags & WANT_MIN) == 0 || e == NULL || a->equal_count >= a->index->column_count)
        return false;
    int column = a->index->columns[a->equal_count];
    if (column == COLUMN_EXPR)
        return expr_equal(e, a->index->exprs[a->equal_count]);
    return e->kind == EX_COLUMN && e->u.column.item == lc->level->item
           && e->u.column.index == column;
}

static IndexRange index_range(const JoinCode *jc, const LevelCode *lc)
{
    ASSERT(lc->level->access->index != NULL);

    const Access *a = lc->level->access;
    IndexRange r = {.start = bound_term(a, false),
                    .end = bound_term(a, true),
                    .start_count = a->bottom_count,
                    .end_count = a->top_count};
    bool only_top = r.start == NULL && r.end != NULL;
    bool smallest = r.start == NULL && seeks_smallest(jc, lc, a);
    if ((only_top || smallest) && column_may_be_null(lc, a))
        r.skip_nulls = true;
    bool descending = a->equal_count < a->index->column_count
                      && (a->index->sort_flags[a->equal_count] & KEY_DESC) != 0;
    if (a->equal_count < a->index->column_count && lc->level->reverse != descending) {
        IndexRange swapped = {r.end,         r.start,        r.end_count,
                              r.start_count, r.stop_at_null, r.skip_nulls};
        return swapped;
    }
    return r;
}

static u8 column_affinity_of_key(const FromItem *item, const Access *a, u32 i)
{
    ASSERT(a->index != NULL);

    int column = i < a->index->column_count ? a->index->columns[i] : COLUMN_EXPR;
    if (column == COLUMN_ROWID)
        return AFF_INTEGER;
    if (column == COLUMN_EXPR)
        return (u8)expr_affinity(a->index->exprs[i]);
    if (item->table != NULL && item->kind != FROM_SELECT)
        return item->table->columns[column].affinity;
    return item->columns[column].affinity;
}

// Affinity of the key, by column. An integer stays one where the column is REAL: comparing is
// exact, and an entry is no more equal to what the integer would be rounded to.
static u8 key_affinity(const FromItem *item, const Access *a, u32 i)
{
    ASSERT(i <= a->index->column_count);

    u8 affinity = column_affinity_of_key(item, a, i);
    return affinity > AFF_NUMERIC ? AFF_NUMERIC : affinity;
}

// The value that key field `i` is compared with; NULL when it is none of the statement's.
static const Expr *key_value(const Access *a, const Term *bound, u32 i)
{
    ASSERT(i < a->equal_count || bound != NULL || i >= a->term_count);

    const Term *term = i < a->equal_count ? a->terms[i] : bound;
    if (term == NULL || (term->op & TERM_IN) != 0 || term->expr->right == NULL)
        return NULL;
    const Expr *right = term->expr->right;
    if (i >= a->equal_count && right->kind == EX_VECTOR)
        right = right->list->items[i - a->equal_count].expr;
    return right;
}

static void apply_key_affinity(Codegen *g, const LevelCode *lc, const Term *bound, Reg first,
                               u32 count)
{
    ASSERT(first > 0 && count > 0);

    const Access *a = lc->level->access;
    char *letters = arena_alloc_zeroed(g->arena, (size_t)count + 1);
    bool any = false;
    if (letters == NULL)
        return;
    for (u32 i = 0; i < count; i++) {
        u8 affinity = key_affinity(lc->level->item, a, i);
        const Expr *value = key_value(a, bound, i);
        const Term *term = i < a->equal_count ? a->terms[i] : NULL;
        // Members of an IN (SELECT) have got the comparison's affinity when the set was built.
        bool is_member = term != NULL && (term->op & TERM_IN) != 0 && term->expr->select != NULL;
        if (affinity <= AFF_NONE || is_member
            || (value != NULL && compare_affinity(value, affinity) == AFF_BLOB))
            affinity = AFF_BLOB;
        letters[i] = (char)affinity;
        any = any || affinity > AFF_BLOB;
    }
    if (any)
        program_emit_text(g->program, OP_Affinity, first, (int)count, 0, letters, (int)count);
}

// Puts a bound's value behind the prefix; leaves when it is NULL, for nothing compares with that.
static void code_bound(Codegen *g, LevelCode *lc, const Term *term, Reg target, u32 count)
{
    ASSERT(target > 0);

    Expr *right = term->expr->right;
    if (expr_vector_size(right) > 1) {
        if (right->kind == EX_SELECT) {
            Reg from = code_subquery(g, right);
            program_emit(g->program, OP_Copy, from, target, (int)count - 1);
        } else {
            for (u32 i = 0; i < count; i++)
                code_expr_into(g, vector_field(g, right, i), target + (Reg)i);
        }
        if ((term->flags & TERM_VNULL) == 0)
            program_emit(g->program, OP_IsNull, target, lc->next_value, 0);
        return;
    }
    if ((term->flags & TERM_LIKE_HALF) != 0) {
        // In the second round of LIKE the same bound is a blob.
        program_emit_text(g->program, OP_String8, 0, target, lc->like_round, right->text,
                          (int)right->size);
        program_set_p5(g->program, lc->like_blob_first ? 1 : 0);
        return;
    }
    code_expr_into(g, right, target);
    if ((term->flags & TERM_VNULL) == 0 && expr_can_be_null(right))
        program_emit(g->program, OP_IsNull, target, lc->next_value, 0);
}

static void code_prefix(Codegen *g, LevelCode *lc, Reg first)
{
    ASSERT(first > 0);

    const Access *a = lc->level->access;
    for (u32 i = a->skip_count; i < a->equal_count; i++) {
        const Term *term = a->terms[i];
        code_term_value(g, lc, a, i, first + (Reg)i);
        if ((term->op & (TERM_ISNULL | TERM_IN)) != 0 || (term->flags & TERM_IS_OP) != 0
            || term->expr->right == NULL || !expr_can_be_null(term->expr->right))
            continue;
        program_emit(g->program, OP_IsNull, first + (Reg)i, lc->leave, 0);
    }
}

// Stands on the first entry of the next distinct prefix and copies it into the key registers.
static void code_skip_scan(Codegen *g, LevelCode *lc, Reg first)
{
    ASSERT(first > 0);

    const Access *a = lc->level->access;
    bool reverse = lc->level->reverse;
    lc->skip_done = label_new(g->program);
    program_emit(g->program, reverse ? OP_Last : OP_Rewind, lc->index_cursor, lc->skip_done, 0);
    int enter = program_emit(g->program, OP_Goto, 0, 0, 0);
    lc->skip_address = program_emit_int(g->program, reverse ? OP_SeekLT : OP_SeekGT,
                                        lc->index_cursor, lc->skip_done, first, a->skip_count);
    program_jump_here(g->program, enter);
    for (u32 i = 0; i < a->skip_count; i++)
        program_emit(g->program, OP_Column, lc->index_cursor, (int)i, first + (Reg)i);
}

static Opcode index_seek(bool inclusive, bool reverse)
{
    if (reverse)
        return inclusive ? OP_SeekLE : OP_SeekLT;
    return inclusive ? OP_SeekGE : OP_SeekGT;
}

static void code_seek_start(Codegen *g, LevelCode *lc, const IndexRange *r, Reg first)
{
    ASSERT(lc->index_cursor >= 0);

    const Access *a = lc->level->access;
    bool reverse = lc->level->reverse, inclusive = true;
    u32 count = a->equal_count, keyed = a->equal_count;
    if (r->start != NULL) {
        code_bound(g, lc, r->start, first + a->equal_count, r->start_count);
        inclusive = (r->start->op & (TERM_LE | TERM_GE)) != 0
                    || expr_vector_size(r->start->expr->left) > r->start_count;
        count += r->start_count;
        keyed = count;
    } else if (r->skip_nulls) {
        program_emit(g->program, OP_Null, 0, first + a->equal_count, 0);
        count++;
        inclusive = false;
    }
    if (keyed > 0)
        apply_key_affinity(g, lc, r->start, first, keyed);
    if ((a->flags & ACCESS_BLOOM) != 0 && a->skip_count == 0 && a->equal_count > 0)
        code_bloom_test(g, lc, first, a->equal_count, lc->next_value);
    if (a->skip_count > 0 && count == a->skip_count)
        return; // the skip scan stands there already
    if (count == 0)
        program_emit(g->program, reverse ? OP_Last : OP_Rewind, lc->index_cursor, lc->next_value,
                     0);
    else
        program_emit_int(g->program, index_seek(inclusive, reverse), lc->index_cursor,
                         lc->next_value, first, (i32)count);
}

// Loads the key that ends the loop; answers how many registers it has, 0: it runs to the tree's
// end. The bound takes the register of the other one, which the seek is done with.
static u32 code_range_end(Codegen *g, LevelCode *lc, const IndexRange *r, Reg first,
                          bool *inclusive)
{
    ASSERT(lc->index_cursor >= 0);

    const Access *a = lc->level->access;
    *inclusive = true;
    if (r->end != NULL) {
        code_bound(g, lc, r->end, first + a->equal_count, r->end_count);
        apply_key_affinity(g, lc, r->end, first, a->equal_count + r->end_count);
        *inclusive = (r->end->op & (TERM_LE | TERM_GE)) != 0
                     || expr_vector_size(r->end->expr->left) > r->end_count;
        return a->equal_count + r->end_count;
    }
    if (r->stop_at_null) {
        program_emit(g->program, OP_Null, 0, first + a->equal_count, 0);
        *inclusive = false;
        return (u32)a->equal_count + 1;
    }
    return a->equal_count;
}

// LIKE matches blobs as well as text, and blobs sort behind text: the range is run twice.
static void code_like_rounds(Codegen *g, LevelCode *lc, const IndexRange *r)
{
    ASSERT(lc->like_round == 0);

    const Term *pair = r->start != NULL ? r->start : r->end;
    if (pair == NULL || (pair->flags & TERM_LIKE_HALF) == 0 || lc->in_count > 0)
        return;
    const Access *a = lc->level->access;
    lc->like_blob_first =
        lc->level->reverse != ((a->index->sort_flags[a->equal_count] & KEY_DESC) != 0);
    lc->like_round = reg_new(g);
    program_emit(g->program, OP_Integer, 1, lc->like_round, 0);
    lc->like_address = program_here(g->program);
}

static bool key_is_unique(const Access *a)
{
    ASSERT(a->index != NULL);

    return (a->flags & ACCESS_ONE_ROW) != 0;
}

// Leaves for `done` when the entry lies behind the key of `count` registers; 0: none does.
static void code_end_test(Codegen *g, const LevelCode *lc, Reg first, u32 count, bool inclusive,
                          Label done)
{
    ASSERT(done < 0);

    static const Opcode ends[2][2] = {{OP_IdxGE, OP_IdxLE}, {OP_IdxGT, OP_IdxLT}};
    if (count > 0)
        program_emit_int(g->program, ends[inclusive][lc->level->reverse], lc->index_cursor, done,
                         first, (i32)count);
}

static void code_one_round(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level->access->skip_count <= lc->level->access->equal_count);

    const Access *a = lc->level->access;
    IndexRange r = index_range(jc, lc);
    u32 extra = r.start_count > r.end_count ? r.start_count : r.end_count;
    Reg first = reg_range_new(g, (int)(a->equal_count + extra + 1));
    if (a->skip_count > 0)
        code_skip_scan(g, lc, first);
    code_prefix(g, lc, first);
    code_like_rounds(g, lc, &r);
    code_seek_start(g, lc, &r, first);
    bool inclusive;
    u32 count = code_range_end(g, lc, &r, first, &inclusive);
    lc->end_p2 = program_here(g->program);
    if (count == 0 && a->kind == ACCESS_SCAN)
        lc->end_p5 = 1;
    code_end_test(g, lc, first, count, inclusive, lc->next_value);
}

// In the direction of the scan, the NULLs of the column behind the equalities come last; what runs
// in two rounds turns that round.
static bool scan_meets_nulls_last(const JoinLevel *level)
{
    const Access *a = level->access;
    ASSERT(a->equal_count < a->index->column_count);

    return level->reverse != ((a->index->sort_flags[a->equal_count] & KEY_DESC) != 0);
}

// The part of the entries under the equalities that one of two rounds goes through: NULLs or values
// of the column behind them. A key is the equalities, and a NULL if it is `with_null`.
typedef struct NullsRound {
    bool start_with_null, start_inclusive;
    bool end_with_null, end_inclusive;
} NullsRound;

static void code_round_start(Codegen *g, const LevelCode *lc, Reg first, const NullsRound *round)
{
    ASSERT(first > 0 && lc->round_end < 0);

    bool reverse = lc->level->reverse;
    u32 count = lc->level->access->equal_count + (round->start_with_null ? 1u : 0u);
    if (count == 0)
        program_emit(g->program, reverse ? OP_Last : OP_Rewind, lc->index_cursor, lc->round_end, 0);
    else
        program_emit_int(g->program, index_seek(round->start_inclusive, reverse), lc->index_cursor,
                         lc->round_end, first, (i32)count);
}

static void code_round_end_test(Codegen *g, const LevelCode *lc, Reg first, const NullsRound *round)
{
    ASSERT(first > 0 && lc->round_end < 0);

    u32 count = lc->level->access->equal_count + (round->end_with_null ? 1u : 0u);
    code_end_test(g, lc, first, count, round->end_inclusive, lc->round_end);
}

// NULLs behind the values of an ascending order, before those of a descending one: where the index
// does not have them. The range is run twice, once for either.
static void code_two_rounds(Codegen *g, LevelCode *lc)
{
    const Access *a = lc->level->access;
    ASSERT((a->flags & (ACCESS_BOTTOM | ACCESS_TOP)) == 0);

    bool nulls_first = scan_meets_nulls_last(lc->level);
    const NullsRound nulls = {true, true, true, true};
    const NullsRound values = nulls_first ? (NullsRound){false, true, true, false}
                                          : (NullsRound){true, false, false, true};
    Reg first = reg_range_new(g, (int)a->equal_count + 1);
    if (a->skip_count > 0)
        code_skip_scan(g, lc, first);
    code_prefix(g, lc, first);
    if (a->equal_count > 0)
        apply_key_affinity(g, lc, NULL, first, a->equal_count);
    program_emit(g->program, OP_Null, 0, first + a->equal_count, 0);
    lc->nulls_round = reg_new(g);
    lc->round_end = label_new(g->program);
    program_emit(g->program, OP_Integer, nulls_first, lc->nulls_round, 0);
    lc->round_address = program_here(g->program);
    Label seek_nulls = label_new(g->program), positioned = label_new(g->program);
    program_emit(g->program, OP_If, lc->nulls_round, seek_nulls, 0);
    code_round_start(g, lc, first, &values);
    program_emit(g->program, OP_Goto, 0, positioned, 0);
    label_here(g->program, seek_nulls);
    code_round_start(g, lc, first, &nulls);
    label_here(g->program, positioned);
    lc->end_p2 = program_here(g->program);
    if (a->kind == ACCESS_SCAN)
        lc->end_p5 = 1;
    Label test_nulls = label_new(g->program), inside = label_new(g->program);
    program_emit(g->program, OP_If, lc->nulls_round, test_nulls, 0);
    code_round_end_test(g, lc, first, &values);
    program_emit(g->program, OP_Goto, 0, inside, 0);
    label_here(g->program, test_nulls);
    code_round_end_test(g, lc, first, &nulls);
    label_here(g->program, inside);
}

void code_second_round(Codegen *g, const LevelCode *lc)
{
    ASSERT(lc->nulls_round > 0 && lc->round_end < 0);

    label_here(g->program, lc->round_end);
    Label over = label_new(g->program);
    bool nulls_first = scan_meets_nulls_last(lc->level);
    program_emit(g->program, nulls_first ? OP_IfNot : OP_If, lc->nulls_round, over, 1);
    program_emit(g->program, OP_Integer, !nulls_first, lc->nulls_round, 0);
    program_emit(g->program, OP_Goto, 0, lc->round_address, 0);
    label_here(g->program, over);
}

void code_index_search(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->index_cursor >= 0);

    const Access *a = lc->level->access;
    lc->end_op = key_is_unique(a) ? OP_Noop : lc->level->reverse ? OP_Prev : OP_Next;
    lc->end_p1 = lc->index_cursor;
    if (lc->level->nulls_apart && (a->flags & (ACCESS_BOTTOM | ACCESS_TOP)) == 0)
        code_two_rounds(g, lc);
    else
        code_one_round(g, jc, lc);
    if (lc->cursor >= 0 && lc->cursor != lc->index_cursor && lc->level->item->table != NULL
        && (a->flags & ACCESS_AUTOMATIC) == 0 && table_is_rowid(lc->level->item->table))
        program_emit(g->program, OP_DeferredSeek, lc->index_cursor, 0, lc->cursor);
}

// From an entry of a secondary index to the row of a WITHOUT ROWID table, by the primary key in it.
void code_fetch_by_key(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->cursor >= 0 && lc->index_cursor >= 0);
    ASSERT(!table_is_rowid(lc->level->item->table));

    const FromItem *item = lc->level->item;
    const Index *index = lc->level->access->index;
    const Index *primary = table_primary_key(item->table);
    Reg first = reg_temp_range(g, primary->key_count);
    for (u32 i = 0; i < primary->key_count; i++)
        program_emit(g->program, OP_Column, lc->index_cursor,
                     index_find_column(index, primary->columns[i]), first + (Reg)i);
    program_emit_int(g->program, OP_NotFound, lc->cursor, lc->next_row, first, primary->key_count);
    reg_temp_range_release(g, first, primary->key_count);
}

// By the hash table made for this statement.
void code_hash_search(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->level->access->equal_count > 0 && lc->index_cursor >= 0);

    const Access *a = lc->level->access;
    Reg first = reg_range_new(g, a->equal_count);
    code_prefix(g, lc, first);
    apply_key_affinity(g, lc, NULL, first, a->equal_count);
    program_emit(g->program, OP_JoinProbe, lc->index_cursor, lc->leave, first);
    lc->end_op = OP_JoinNext;
    lc->end_p1 = lc->index_cursor;
    lc->end_p2 = program_here(g->program);
}
