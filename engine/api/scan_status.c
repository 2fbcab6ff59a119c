// sqlite3_stmt_scanstatus(): the parts of a statement's plan and how often each was started.
//
// A part is an instruction Explain of the main program, which has the line that EXPLAIN QUERY PLAN
// shows and counts in P3 how often it was passed, that is, how often its loop began. Rows visited,
// rows expected and cycles are not measured: they are -1, as SQLite says of what it does not know.

#include "api/api.h"
#include "vm/program.h"
#include "vm/vm.h"

#include <string.h>

static const char *behind_word(const char *line, const char *word)
{
    size_t size = strlen(word);
    return strncmp(line, word, size) == 0 ? line + size : NULL;
}

// What a line says is scanned, NULL: nothing is.
static const char *scanned(const char *line)
{
    const char *name = behind_word(line, "SCAN ");
    if (name == NULL)
        name = behind_word(line, "SEARCH ");
    return name == NULL || strcmp(name, "CONSTANT ROW") == 0 ? NULL : name;
}

static Instr *find_part(const Vm *vm, int index, bool all)
{
    ASSERT(vm->frame == NULL);
    for (int i = 0, at = 0; i < vm->code_size && index >= 0; i++) {
        Instr *in = &vm->code[i];
        if (in->op != OP_Explain || (!all && scanned(in->p4.text) == NULL))
            continue;
        if (at++ == index)
            return in;
    }
    return NULL;
}

// The index that is used, or the table: as long as the statement lives.
static const char *part_name(const Vm *vm, const Instr *in)
{
    ASSERT(in->op == OP_Explain);

    const char *table = scanned(in->p4.text);
    const char *index = table == NULL ? NULL : strstr(table, " INDEX ");
    const char *name = index == NULL ? table : index + strlen(" INDEX ");
    if (name == NULL)
        return NULL;
    const char *end = strstr(name, index == NULL ? " USING " : " (");
    size_t size = end == NULL ? strlen(name) : (size_t)(end - name);
    return arena_dup(program_arena(vm->program), name, size);
}

int sqlite3_stmt_scanstatus_v2(sqlite3_stmt *stmt, int index, int counter, int flags, void *out)
{
    const Vm *vm = (const Vm *)stmt;
    if (vm == NULL || out == NULL || vm->frame != NULL)
        return 1;
    const Instr *in = find_part(vm, index, (flags & SQLITE_SCANSTAT_COMPLEX) != 0);
    if (in == NULL)
        return 1;
    switch (counter) {
    case SQLITE_SCANSTAT_NLOOP: *(sqlite3_int64 *)out = in->p3; return 0;
    case SQLITE_SCANSTAT_NVISIT:
    case SQLITE_SCANSTAT_NCYCLE: *(sqlite3_int64 *)out = -1; return 0;
    case SQLITE_SCANSTAT_EST: *(double *)out = -1; return 0;
    case SQLITE_SCANSTAT_NAME: *(const char **)out = part_name(vm, in); return 0;
    case SQLITE_SCANSTAT_EXPLAIN: *(const char **)out = in->p4.text; return 0;
    case SQLITE_SCANSTAT_SELECTID: *(int *)out = in->p1; return 0;
    case SQLITE_SCANSTAT_PARENTID: *(int *)out = in->p2; return 0;
    default: return 1;
    }
}

int sqlite3_stmt_scanstatus(sqlite3_stmt *stmt, int index, int counter, void *out)
{
    return sqlite3_stmt_scanstatus_v2(stmt, index, counter, 0, out);
}

void sqlite3_stmt_scanstatus_reset(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    if (vm == NULL || vm->frame != NULL)
        return;
    for (int i = 0; i < vm->code_size; i++) {
        if (vm->code[i].op == OP_Explain)
            vm->code[i].p3 = 0;
    }
}
