// Rows that constants find, by the samples of sqlite_stat4.
//
// While the columns of an index are bound one by one, q->sampled holds the values bound so far, as
// long as all of them are known: literals, and parameters of a statement that is compiled anew (the
// plan then expires when they change). A key is looked for among the samples: either one of them is
// equal in its first fields, and tells; or the key lies between two, and a third of the rows
// between them is taken to be below it.

#include "catalog/samples.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"
#include "value/record.h"
#include "vm/vm.h"

bool samples_available(const Index *index, u32 position)
{
    const IndexSamples *samples = index->samples;
    return samples != NULL && samples->count > 0 && position < samples->column_count;
}

void samples_begin(JoinQuery *q, const Index *index)
{
    ASSERT(index->column_count > 0);

    q->sampled_count = 0;
    q->sampled = NULL;
    if (index->samples != NULL && index->samples->count > 0)
        q->sampled = arena_array(q->arena, index->column_count, sizeof *q->sampled);
}

// --- values ---

static Affinity key_affinity(const Index *index, u32 position)
{
    ASSERT(position < index->column_count);

    int column = index->columns[position];
    if (column == COLUMN_ROWID)
        return AFF_INTEGER;
    return column == COLUMN_EXPR ? expr_affinity(index->exprs[position])
                                 : (Affinity)index->table->columns[column].affinity;
}

// What was bound to a parameter when the statement was compiled before.
Value *plan_param_value(JoinQuery *q, const Expr *e, Affinity affinity)
{
    Vm *former = q->db->recompiled;
    int number = e->u.param;
    if (q->plan->expire_mask != NULL)
        *q->plan->expire_mask |= number >= 31 ? 0x80000000u : 1u << number;
    if (former == NULL || number > former->param_count)
        return NULL;
    Value *copy = arena_alloc_zeroed(q->arena, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = former->params[number - 1]; // its bytes live as long as the former statement
    copy->flags = (u16)(copy->flags & V_TYPE_MASK);
    if ((copy->flags & (V_TEXT | V_BLOB)) != 0)
        copy->flags |= V_STATIC;
    bool fits = (copy->flags & V_TEXT) == 0 || copy->encoding == q->db->encoding;
    return fits && value_apply_affinity(copy, affinity, q->db->encoding) == SQLITE_OK ? copy : NULL;
}

// e NULL: IS NULL. false: not known while compiling.
static bool known_value(JoinQuery *q, const Index *index, u32 position, const Expr *e, Value *out)
{
    Affinity affinity = key_affinity(index, position);
    value_init(out, q->db);
    if (e == NULL)
        return true;
    e = expr_skip_collate(e);
    if (e->kind == EX_NULL)
        return true;
    const Value *v = e->kind == EX_PARAM ? plan_param_value(q, e, affinity)
                                         : expr_constant_value(q->db, e, affinity, q->arena);
    if (v != NULL)
        *out = *v;
    return v != NULL;
}

// --- looking a key up ---

typedef struct KeyRows {
    u64 less, equal;
    i64 sample; // the first that is not smaller
} KeyRows;

// The samples stand for more keys than they are: each of its prefixes that is greater than the one
// before is a key of its own. So the search runs over samples times fields, and a place stands for
// the shortest prefix of its sample that is new there.
typedef struct Place {
    u32 sample, fields;
} Place;

static Place place_of(const IndexSamples *samples, u32 at, u32 fields)
{
    ASSERT(fields > 0 && at / fields < samples->count);

    Place p = {.sample = at / fields, .fields = at % fields + 1};
    if (p.sample == 0)
        return p;
    const u64 *before = samples->items[p.sample - 1].less, *here = samples->items[p.sample].less;
    while (p.fields < fields && before[p.fields - 1] == here[p.fields - 1])
        p.fields++;
    return p;
}

static int compare_place(KeyProbe *probe, const IndexSamples *samples, Place p)
{
    ASSERT(p.sample < samples->count && p.fields >= 1);

    const IndexSample *sample = &samples->items[p.sample];
    probe->count = (u16)p.fields;
    key_probe_prepare(probe);
    return probe->compare(sample->key, sample->key_size, probe);
}

static KeyRows between(const IndexSamples *samples, u32 at, u32 fields, u64 lower, u32 column)
{
    ASSERT(column < fields);

    u32 sample = at / fields;
    bool beyond = sample >= samples->count;
    u64 upper = beyond ? samples->row_count : samples->items[sample].less[column];
    return (KeyRows){.less = lower,
                     .equal = upper > lower ? upper - lower : 0, // the gap, for the caller
                     .sample = sample};
}

// The planner works on copies of indexes with expressions; the shape of the key belongs to the
// index itself.
static Index *schema_index_of(Index *index)
{
    for (Index *own = index->table->indexes; own != NULL; own = own->next) {
        if (own->name == index->name)
            return own;
    }
    return index;
}

// Sizes the place of the first `count` values of q->sampled among the samples. `round_up`: the
// key lies in a gap, and of its rows two thirds are taken to be below, not one.
static KeyRows key_rows(JoinQuery *q, Index *index, u32 count, bool round_up)
{
    ASSERT(count > 0 && index->samples->count > 0);

    const IndexSamples *samples = index->samples;
    u32 fields = count < samples->column_count ? count : samples->column_count;
    KeyProbe probe = {.shape = index_shape(q->db, schema_index_of(index)), .values = q->sampled};
    u32 low = 0, high = samples->count * fields, column = 0;
    u64 lower = 0;
    int order = 1;
    while (probe.shape != NULL && low < high && order != 0) {
        u32 middle = (low + high) / 2;
        Place p = place_of(samples, middle, fields);
        const IndexSample *sample = &samples->items[p.sample];
        order = compare_place(&probe, samples, p);
        if (order < 0) {
            lower = sample->less[p.fields - 1] + sample->equal[p.fields - 1];
            low = middle + 1;
        } else if (order == 0 && p.fields < fields) { // equal so far: the key is greater
            lower = sample->less[p.fields - 1];
            low = middle + 1;
            order = -1;
        } else {
            high = middle;
            column = p.fields - 1;
        }
    }
    if (order == 0) {
        const IndexSample *sample = &samples->items[high / fields];
        return (KeyRows){sample->less[column], sample->equal[column], high / fields};
    }
    KeyRows rows = between(samples, high, fields, lower, column);
    u64 gap = rows.equal;
    rows.less = lower + (round_up ? gap * 2 / 3 : gap / 3);
    rows.equal = samples->average[fields - 1];
    return rows;
}

// --- equality ---

// Rows with `e` in column `position` behind the values known. false: cannot be told.
static bool rows_equal(JoinQuery *q, Index *index, u32 position, const Expr *e, u64 *rows)
{
    ASSERT(q->sampled != NULL);

    if (q->sampled_count < position)
        return false;
    if (position + 1 >= index->column_count) { // the whole key
        *rows = 1;
        return true;
    }
    if (!known_value(q, index, position, e, &q->sampled[position]))
        return false;
    q->sampled_count = position + 1;
    *rows = key_rows(q, index, position + 1, false).equal;
    return true;
}

// The sum over the values of the list; each is looked up behind the same known columns.
static bool rows_in(JoinQuery *q, Index *index, u32 position, const ExprList *list, u64 *rows)
{
    ASSERT(list != NULL);

    u32 known = q->sampled_count;
    u64 all = est_to_u64(index->row_estimates[0]), sum = 0;
    for (u32 i = 0; i < list->count; i++) {
        u64 n = all;
        bool told = rows_equal(q, index, position, list->items[i].expr, &n);
        q->sampled_count = known;
        if (!told)
            return false;
        sum += n;
    }
    *rows = sum < all ? sum : all;
    return true;
}

bool samples_equality(JoinQuery *q, Index *index, const Term *term, Est *out)
{
    ASSERT(q->draft.equal_count > 0);

    u32 position = q->draft.equal_count - 1u;
    u64 rows = 0;
    bool told = false;
    if (!samples_available(index, position) || q->sampled == NULL
        || q->draft.equal_count > index->samples->column_count)
        return false;
    if ((term->op & TERM_IN) == 0)
        told = rows_equal(q, index, position,
                          (term->op & TERM_ISNULL) != 0 ? NULL : term->expr->right, &rows);
    else if (term->expr->list != NULL)
        told = rows_in(q, index, position, term->expr->list, &rows);
    if (told)
        *out = est_from_u64(rows);
    return told && rows > 0;
}

// --- ranges ---

typedef struct BoundRows {
    u64 rows; // below the bound
    i64 sample;
    bool told;
} BoundRows;

static const Expr *bound_field(const Expr *right, u32 i)
{
    if (right->kind == EX_VECTOR)
        return right->list->items[i].expr;
    return i == 0 && expr_vector_size(right) == 1 ? right : NULL;
}

static BoundRows rows_below(JoinQuery *q, Index *index, const Term *term, u32 count, bool round_up)
{
    ASSERT(q->sampled != NULL && q->sampled_count == q->draft.equal_count);

    u32 position = q->draft.equal_count, n = 0;
    const Expr *right = term->expr->right;
    for (; n < count && position + n < index->column_count; n++) {
        const Expr *e = bound_field(right, n);
        if (e == NULL || !known_value(q, index, position + n, e, &q->sampled[position + n]))
            break;
    }
    if (n == 0)
        return (BoundRows){0};
    KeyRows found = key_rows(q, index, position + n, round_up);
    u16 with_equal = expr_vector_size(right) > n ? TERM_LE | TERM_LT : TERM_GT | TERM_LE;
    u64 rows = found.less + ((term->op & with_equal) != 0 ? found.equal : 0);
    return (BoundRows){.rows = rows, .sample = found.sample, .told = true};
}

// Takes the bounds that the samples tell about out of *bottom and *top and lowers draft->rows.
void samples_range(JoinQuery *q, Index *index, const Term **bottom, const Term **top)
{
    Access *draft = &q->draft;
    u32 position = draft->equal_count;
    if (!samples_available(index, position) || q->sampled == NULL || q->sampled_count != position)
        return;
    u64 lower = 0, upper = index->samples->row_count;
    if (position > 0) {
        KeyRows prefix = key_rows(q, index, position, false);
        lower = prefix.less;
        upper = prefix.less + prefix.equal;
    }
    bool descends = (index->sort_flags[position] & KEY_DESC) != 0;
    const Term **first = descends ? top : bottom, **last = descends ? bottom : top;
    i64 first_sample = -2, last_sample = -1;
    Est rows = draft->rows;
    if (*first != NULL) {
        u32 count = descends ? draft->top_count : draft->bottom_count;
        BoundRows b = rows_below(q, index, *first, count, false);
        if (b.told) {
            lower = b.rows > lower ? b.rows : lower;
            first_sample = b.sample;
            rows--;
            *first = NULL;
        }
    }
    if (*last != NULL) {
        u32 count = descends ? draft->bottom_count : draft->top_count;
        BoundRows b = rows_below(q, index, *last, count, true);
        if (b.told) {
            upper = b.rows < upper ? b.rows : upper;
            last_sample = b.sample;
            rows--;
            *last = NULL;
        }
    }
    Est found = 10; // two rows
    if (upper > lower)
        found = (Est)(est_from_u64(upper - lower) - (first_sample == last_sample ? 20 : 0));
    draft->rows = found < rows ? found : rows;
}

// --- ranges behind columns whose values are not known ---

// How many samples are not above the bound in that column.
static u32 samples_reaching(const Index *index, u32 position, const Value *bound,
                            const Collation *collation, sqlite3 *db)
{
    ASSERT(position < index->column_count);

    u32 count = 0;
    for (u32 i = 0; i < index->samples->count; i++) {
        const IndexSample *sample = &index->samples->items[i];
        RecordReader reader;
        Value field;
        int rc = record_reader_init(&reader, sample->key, sample->key_size);
        value_init(&field, db);
        for (u32 k = 0; k <= position && rc == SQLITE_OK; k++) {
            if (!record_reader_next(&reader, db->encoding, &field, &rc))
                value_set_null(&field);
        }
        count += rc == SQLITE_OK && value_compare(bound, &field, collation) >= 0;
    }
    return count;
}

// The share of the samples between the bounds is that of the rows. false: no help.
bool samples_skip_range(JoinQuery *q, const Index *index, const Term *bottom, const Term *top)
{
    u32 position = q->draft.equal_count;
    if (!samples_available(index, position))
        return false;
    i64 count = index->samples->count, lower = -1, upper = count + 1;
    const Collation *collation =
        catalog_find_collation(q->db, q->db->encoding, index->collations[position]);
    Value low, high;
    bool has_low = bottom != NULL && known_value(q, index, position, bottom->expr->right, &low);
    bool has_high = top != NULL && known_value(q, index, position, top->expr->right, &high);
    if (!has_low && !has_high)
        return false;
    if (bottom != NULL)
        lower = has_low ? samples_reaching(index, position, &low, collation, q->db) : 0;
    if (top != NULL)
        upper = has_high ? samples_reaching(index, position, &high, collation, q->db) : count;
    i64 between_bounds = upper - lower < 1 ? 1 : upper - lower;
    if (between_bounds == 1 && top != NULL && bottom != NULL)
        return false; // too close together for the samples
    q->draft.rows =
        (Est)(q->draft.rows - (est_from_u64((u64)count) - est_from_u64((u64)between_bounds)));
    return true;
}
