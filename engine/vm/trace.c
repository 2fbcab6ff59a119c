// Telling the tracer and the profiler about statements.
//
// Two interfaces, of which a connection has one at a time: sqlite3_trace_v2() with its mask, and
// the legacy sqlite3_trace() (texts with the parameters filled in) and sqlite3_profile().
#include "vm/vm_priv.h"

static bool is_traced(const Vm *vm, u32 what)
{
    ASSERT(what != 0);

    return (vm->db->trace_mask & what) != 0 && vm->sql != NULL && vm->explain == EXPLAIN_NONE;
}

void trace_begin(Vm *vm)
{
    ASSERT(vm->state == VM_RUNNING);

    sqlite3 *db = vm->db;
    if (db->is_silent) {
        vm->started_us = 0;
        return;
    }
    bool is_profiled = is_traced(vm, SQLITE_TRACE_PROFILE) || db->profile_legacy != NULL;
    // One more than the clock says: 0 means that nobody asked.
    vm->started_us = is_profiled ? os_monotonic_us() + 1 : 0;
    if (vm->was_traced)
        return;
    db->executing++; // as the tracer sees it, the statement runs
    if (db->trace_is_legacy && db->trace_legacy != NULL && vm->sql != NULL) {
        char *expanded = sqlite3_expanded_sql((sqlite3_stmt *)vm);
        db->trace_legacy(db->trace_arg, expanded == NULL ? vm->sql : expanded);
        mem_free(expanded);
    } else if (is_traced(vm, SQLITE_TRACE_STMT) && db->trace != NULL) {
        (void)db->trace(SQLITE_TRACE_STMT, db->trace_arg, vm, vm->sql);
    }
    db->executing--;
}

// The text of a trigger's Init is a comment with its name.
void trace_trigger(Vm *vm, const char *text)
{
    ASSERT(text != NULL);

    sqlite3 *db = vm->db;
    if (db->is_silent)
        return;
    if (db->trace_is_legacy && db->trace_legacy != NULL)
        db->trace_legacy(db->trace_arg, text);
    else if (is_traced(vm, SQLITE_TRACE_STMT) && db->trace != NULL)
        (void)db->trace(SQLITE_TRACE_STMT, db->trace_arg, vm, (void *)(uintptr_t)text);
}

void trace_row(Vm *vm)
{
    ASSERT(vm->row != NULL);

    if (vm->db->trace != NULL && !vm->db->is_silent && !vm->db->trace_is_legacy)
        (void)vm->db->trace(SQLITE_TRACE_ROW, vm->db->trace_arg, vm, NULL);
}

void trace_end(Vm *vm)
{
    ASSERT(!vm->is_stepping);

    sqlite3 *db = vm->db;
    if (vm->started_us == 0)
        return;
    sqlite3_int64 elapsed_ns = (sqlite3_int64)((os_monotonic_us() + 1 - vm->started_us) * 1000);
    vm->started_us = 0;
    if (db->profile_legacy != NULL)
        db->profile_legacy(db->profile_arg, vm->sql, (u64)elapsed_ns);
    if (is_traced(vm, SQLITE_TRACE_PROFILE) && db->trace != NULL)
        (void)db->trace(SQLITE_TRACE_PROFILE, db->trace_arg, vm, &elapsed_ns);
}
