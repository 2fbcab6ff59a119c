// The evaluation behind recorded.h.
#include "support/recorded.h"

#include "support/test.h"
#include <ctype.h>

enum { ARGS_MAX = 16, ANSWER_SIZE = 70000 };

static int fixed_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = 212575970096789;
    return SQLITE_OK;
}

static bool ran_out; // of memory, somewhere in a value of the connection

static void note_out_of_memory(sqlite3 *db)
{
    (void)db;
    ran_out = true;
}

static void no_randomness(int size, void *out)
{
    memset(out, 0x80, (size_t)size);
}

sqlite3 *recorded_connection(void)
{
    static const FuncHooks hooks = {.randomness = no_randomness};
    static const ValueHooks value_hooks = {.out_of_memory = note_out_of_memory};
    static sqlite3_vfs vfs;
    static sqlite3 db;
    vfs.iVersion = 2;
    vfs.xCurrentTimeInt64 = fixed_time;
    db.vfs = &vfs;
    db.encoding = SQLITE_UTF8;
    for (u32 i = 0; i < ARRAY_LEN(db.limits); i++)
        db.limits[i] = 1000000000;
    db.limits[SQLITE_LIMIT_LIKE_PATTERN_LENGTH] = 50000;
    func_install_hooks(&hooks);
    value_install_hooks(&value_hooks);
    if (func_find(&db, "upper", 1, SQLITE_UTF8) == NULL)
        assert_ok(func_builtin_start());
    return &db;
}

// --- reading calls ---

static const char *skip_blanks(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

static const char *read_text(const char *p, Value *v)
{
    char text[4096];
    size_t size = 0;
    for (p++; *p != '\'' || p[1] == '\''; p++) {
        if (*p == '\'')
            p++;
        text[size++] = *p;
    }
    assert_ok(value_set_text(v, text, size, SQLITE_UTF8, BYTES_COPY));
    return p + 1;
}

static const char *read_blob(const char *p, Value *v)
{
    char bytes[4096];
    size_t size = 0;
    for (p += 2; *p != '\''; p += 2) {
        unsigned byte = 0;
        sscanf(p, "%2x", &byte);
        bytes[size++] = (char)byte;
    }
    assert_ok(value_set_blob(v, bytes, size, BYTES_COPY));
    return p + 1;
}

static const char *read_literal(const char *p, Value *v)
{
    value_init(v, recorded_connection());
    if (*p == '\'')
        return read_text(p, v);
    if (*p == 'x')
        return read_blob(p, v);
    if (*p == 'N')
        return p + 4;
    size_t size = strcspn(p, ",) ");
    ParsedNumber number;
    number_parse(p, size, &number);
    if (number.kind == NUMBER_INTEGER)
        value_set_i64(v, number.integer);
    else
        value_set_f64(v, number.real);
    return p + size;
}

// ( literal, ... ) at p; returns what follows.
static const char *read_args(const char *p, Value *values, Value **args, int *count)
{
    *count = 0;
    for (p = skip_blanks(p + 1); *p != ')'; p = skip_blanks(p)) {
        assert_true(*count < ARGS_MAX);
        p = skip_blanks(read_literal(p, &values[*count]));
        args[*count] = &values[*count];
        (*count)++;
        if (*p == ',')
            p++;
    }
    return p + 1;
}

static void release_args(Value *values, int count)
{
    for (int i = 0; i < count; i++)
        value_deinit(&values[i]);
}

// --- running them ---

// Which allocation inside the function shall fail, 0 none; and how many did.
static i64 fail_at;
static u64 fail_hits;

static void run_scalar(FuncCall *call, const char *name, const char *p, Value *result)
{
    Value values[ARGS_MAX];
    Value *args[ARGS_MAX];
    int count;
    read_args(p, values, args, &count);
    call->func = func_find(call->db, name, count, SQLITE_UTF8);
    assert_non_null(call->func);
    assert_non_null(call->func->call);
    call_begin(call, result);
    alloc_fault_arm(fail_at, false);
    call->func->call(call, count, args);
    fail_hits = alloc_fault_hits();
    alloc_fault_arm(0, false);
    release_args(values, count);
}

static void run_aggregate(FuncCall *call, const char *name, const char *p, Value *result)
{
    Value state;
    value_init(&state, NULL);
    call->func = NULL;
    for (p++; *p == '(';) {
        Value values[ARGS_MAX];
        Value *args[ARGS_MAX];
        int count;
        p = read_args(p, values, args, &count);
        call->func = func_find(call->db, name, count, SQLITE_UTF8);
        assert_non_null(call->func);
        call_begin_aggregate(call, result, &state);
        alloc_fault_arm(fail_at, false);
        call->func->step(call, count, args);
        fail_hits += alloc_fault_hits();
        alloc_fault_arm(0, false);
        release_args(values, count);
        if (call->rc != SQLITE_OK) {
            call_discard_state(call->db, &state);
            value_deinit(&state);
            return;
        }
    }
    if (call->func == NULL)
        call->func = func_find(call->db, name, 1, SQLITE_UTF8);
    alloc_fault_arm(fail_at, false);
    call_finish_aggregate(call, &state);
    fail_hits += alloc_fault_hits();
    alloc_fault_arm(0, false);
    value_move(result, &state);
    call->result = result;
    value_deinit(&state);
}

static void show(const FuncCall *call, Value *v, char *out)
{
    size_t at = 0;
    if (call->rc == SQLITE_NOMEM || ran_out) {
        snprintf(out, ANSWER_SIZE, "error: out of memory");
        return;
    }
    if (call->rc != SQLITE_OK) {
        snprintf(out, ANSWER_SIZE, "error: %.*s", (int)v->size, v->bytes);
        return;
    }
    switch (value_type(v)) {
    case SQLITE_NULL: snprintf(out, ANSWER_SIZE, "NULL"); return;
    case SQLITE_TEXT:
        out[at++] = '\'';
        for (u32 i = 0; i < v->size; i++) {
            out[at++] = v->bytes[i];
            if (v->bytes[i] == '\'')
                out[at++] = '\'';
        }
        out[at++] = '\'';
        out[at] = 0;
        return;
    case SQLITE_BLOB:
        at += (size_t)snprintf(out, ANSWER_SIZE, "x'");
        if (value_expand_zero_tail(v) == SQLITE_OK) {
            for (u32 i = 0; i < v->size; i++)
                at += (size_t)snprintf(out + at, ANSWER_SIZE - at, "%02x", (u8)v->bytes[i]);
        }
        snprintf(out + at, ANSWER_SIZE - at, "'");
        return;
    default: snprintf(out, ANSWER_SIZE, "%s", (const char *)value_text(v, SQLITE_UTF8)); return;
    }
}

const char *recorded_ask(const char *text)
{
    static char answer[ANSWER_SIZE];
    char name[64];
    size_t size = strcspn(text, "({");
    AuxData *aux = NULL;
    i64 now = 0;
    FuncCall call = {
        .db = recorded_connection(), .encoding = SQLITE_UTF8, .aux = &aux, .now_ms = &now};
    Value result;
    value_init(&result, NULL);
    memcpy(name, text, size);
    name[size] = 0;
    if (text[size] == '{')
        run_aggregate(&call, name, text + size, &result);
    else
        run_scalar(&call, name, text + size, &result);
    show(&call, &result, answer);
    ran_out = false;
    value_deinit(&result);
    aux_data_clear(&aux, -1, 0);
    return answer;
}

static i64 blocks_in_use(void)
{
    AllocStats stats;
    alloc_stats(&stats, false);
    return stats.count;
}

// A function that cannot read an argument may answer anything: the connection knows that memory ran
// out.
static void check_failures(const Recorded *row)
{
    i64 before = blocks_in_use();
    for (fail_at = 1;; fail_at++) {
        fail_hits = 0;
        const char *answer = recorded_ask(row->call);
        if (strcmp(answer, row->answer) != 0 && strcmp(answer, "error: out of memory") != 0)
            fail_msg("%s is %s when allocation %d fails", row->call, answer, (int)fail_at);
        if (fail_hits == 0)
            break;
    }
    fail_at = 0;
    if (blocks_in_use() != before)
        fail_msg("%s loses memory when an allocation fails", row->call);
}

void recorded_check(const Recorded *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer = recorded_ask(rows[i].call);
        if (strcmp(answer, rows[i].answer) != 0)
            fail_msg("%s is %s, not %s", rows[i].call, rows[i].answer, answer);
        check_failures(&rows[i]);
    }
}
