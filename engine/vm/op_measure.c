// Instructions on measures: rows that ORDER BY ... LIMIT will drop, told before anything else is
// done for them (quire_create_measure).
//
// A measure stands beside a sorter with a row limit. Once the sorter is full, the number that its
// last row has is a bound: a row measured beyond it would be dropped whatever else its keys are.
// Saying "not beyond" is always allowed, for then the ordinary instructions decide.
//
// Where nothing but the measure stands between two rows of a scan, the rows are walked here,
// without going back to the loop of instructions for each. A scan of more than a few rows looks at
// the leaves ahead with the same bound and the same function (Survey), with helper threads if
// PRAGMA threads allows it, and the walk comes to those only that have a row not beyond the bound.
#include "quire.h"
#include "value/record.h"
#include "vm/vm_priv.h"

enum {
    ROWS_AT_ONCE = 500, // walked between two looks at interrupts
    ROW_HEAD = 16,      // bytes before a blob, more or less
    REACH_MAX = 4096,
    ROWS_FEW = 100, // walked one by one
};

typedef struct Measure {
    const struct FuncDef *func;
    int (*exceeds)(void *state, const void *blob, int size, double bound); // the function's
    int sorter, table;                                                     // cursors
    void *state; // from begin(); NULL: rows cannot be measured
    bool has_begun;
    bool has_bound;
    u32 field;    // of the row, that is measured
    u32 walked;   // rows, up to ROWS_FEW
    u64 bound_at; // the sorter's count when `bound` was asked for
    f64 bound;
    Survey *survey; // NULL: no helper threads
    Value value;    // the field measured
} Measure;

void measure_free(Measure *m)
{
    if (m == NULL)
        return;
    ASSERT(m->func->measure != NULL);
    survey_free(m->survey);
    if (m->state != NULL)
        m->func->measure->end(m->state);
    value_deinit(&m->value);
    mem_free(m);
}

int op_measure_open(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_FUNCTION);

    VmCursor *c;
    ASSERT(in->p4.func->measure != NULL);

    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_MEASURE, 0, &c));
    c->u.measure = mem_alloc_zeroed(sizeof *c->u.measure);
    if (c->u.measure == NULL)
        return SQLITE_NOMEM;
    Measure *m = c->u.measure;
    m->func = in->p4.func;
    m->exceeds = m->func->measure->exceeds;
    m->sorter = in->p2;
    m->table = in->p3;
    m->bound_at = UINT64_MAX;
    m->value.db = vm->db;
    m->value.flags = V_NULL;
    return SQLITE_OK;
}

static int measure_begin(Vm *vm, Measure *m, Value *constant)
{
    ASSERT(!m->has_begun);
    m->has_begun = true;
    int reach = 0;
    TRY(m->func->measure->begin(m->func->measure_arg, constant, &m->state, &reach));
    VmCursor *table = vm->cursors[m->table];
    if (m->state == NULL || table->kind != VM_CURSOR_TREE || reach <= 0)
        return SQLITE_OK;
    cursor_hint_reach(table->tree, reach < REACH_MAX ? (u32)reach + ROW_HEAD : REACH_MAX);
    return SQLITE_OK;
}

// Whether the sorter has a bound, which changes only when it takes a row.
static inline bool measure_is_bounded(Vm *vm, Measure *m)
{
    const Sorter *sorter = vm->cursors[m->sorter]->u.sorter;
    ASSERT(vm->cursors[m->sorter]->kind == VM_CURSOR_SORTER);
    if (m->bound_at != sorter_count(sorter)) {
        m->bound_at = sorter_count(sorter);
        m->has_bound = sorter_bound(sorter, &m->bound);
    }
    return m->has_bound;
}

static inline int measure_row(Vm *vm, Measure *m, u32 field, bool *skips)
{
    VmCursor *c = vm->cursors[m->table];
    const u8 *bytes;
    u32 size;
    bool missing;
    ASSERT(m->has_bound);
    if (LIKELY(c->kind == VM_CURSOR_TREE && row_blob(c, field, &bytes, &size))) {
        *skips = m->exceeds(m->state, bytes, (int)size, m->bound) != 0;
        return SQLITE_OK;
    }
    TRY(row_field(vm, c, field, P5_EPHEMERAL, &m->value, &missing));
    *skips = (m->value.flags & (V_BLOB | V_ZERO_TAIL)) == V_BLOB
             && m->exceeds(m->state, m->value.bytes, (int)m->value.size, m->bound) != 0;
    return SQLITE_OK;
}

// The Next that closes the loop which this instruction begins, or NULL.
static const Instr *measure_loop(Vm *vm, const Instr *in, const Measure *m)
{
    const Instr *next = &vm->code[in->p2];
    ASSERT(in >= vm->code && in->p2 < vm->code_size);
    bool closes = next->op == OP_Next && next->p1 == m->table
                  && next->p2 == (in - vm->code) - in->p5
                  && vm->db->progress == NULL; // who counts instructions gets them one by one
    return closes && vm->cursors[m->table]->kind == VM_CURSOR_TREE ? next : NULL;
}

// --- many rows at once ---

// Whether a row may be within the bound. Runs in helper threads: it reads what the thread of the
// connection leaves alone while they work, and writes nothing.
static bool row_is_wanted(void *arg, const u8 *payload, u32 size)
{
    const Measure *m = arg;
    const u8 *bytes;
    u32 blob_size;
    ASSERT(m->has_bound && m->state != NULL);
    return !record_find_blob(payload, size, m->field, &bytes, &blob_size)
           || m->exceeds(m->state, bytes, (int)blob_size, m->bound) == 0;
}

// A scan of more than a few rows is surveyed. Without the memory for that it goes on row by row.
static void begin_survey(const Vm *vm, Measure *m)
{
    int helpers = vm->db->limits[SQLITE_LIMIT_WORKER_THREADS];
    ASSERT(m->survey == NULL && helpers >= 0);
    if (vm->cursors[m->table]->is_table)
        (void)!survey_new((u32)helpers, row_is_wanted, m, &m->survey);
}

// To the next row that has to be looked at; *rows grows by those passed.
static inline int measure_next(const Vm *vm, Measure *m, Cursor *tree, u32 *rows)
{
    u32 passed = 0;
    ASSERT(m->has_bound);
    if (m->walked < ROWS_FEW && ++m->walked == ROWS_FEW)
        begin_survey(vm, m);
    int rc = m->survey == NULL ? cursor_next(tree) : cursor_next_surveyed(tree, m->survey, &passed);
    *rows += passed + 1;
    return rc;
}

int op_measure_skip(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_MEASURE && in->p4_kind == P4_INT32);

    Measure *m = vm->cursors[in->p1]->u.measure;
    if (UNLIKELY(!m->has_begun))
        TRY(measure_begin(vm, m, &vm->registers[in->p3]));
    if (m->state == NULL || !measure_is_bounded(vm, m))
        return SQLITE_OK;
    const Instr *next = measure_loop(vm, in, m);
    VmCursor *c = vm->cursors[m->table];
    m->field = (u32)in->p4.i;
    for (u32 rows = 0;;) {
        bool skips;
        TRY(measure_row(vm, m, m->field, &skips));
        if (!skips)
            return SQLITE_OK;
        if (next == NULL || rows >= ROWS_AT_ONCE)
            return VM_JUMP;
        u32 before = rows;
        int rc = measure_next(vm, m, c->tree, &rows);
        cursor_forget_row(c);
        if (rc == SQLITE_DONE) {
            c->null_row = true;
            vm->pc = in->p2 + 1;
            return VM_ENTER;
        }
        TRY(rc);
        vm->counters[next->p5] += rows - before;
    }
}
