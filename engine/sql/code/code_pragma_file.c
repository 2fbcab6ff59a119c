// Pragmas about database files: header fields, pages, caches, journals, synchronisation.
//
// What is kept in the header is read and written by the program (ReadCookie, SetCookie); what
// belongs to the connection or its pager is set at once, while the pragma is compiled.

#include "base/hashmap.h"
#include "sql/code/code_pragma.h"
#include <stdlib.h>
#include <string.h>

// --- fields of the header ---

static void read_field(PragmaCode *p, int field)
{
    ASSERT(field >= 0);

    Program *program = p->g->program;
    p->g->schema_only = true; // the schema in memory does not matter
    p->g->runs_once = false;  // the file is read when the program runs
    codegen_reads(p->g, p->database);
    program_emit(program, OP_ReadCookie, p->database, p->row, field);
    program_emit(program, OP_ResultRow, p->row, 1, 0);
}

void pragma_header_read(PragmaCode *p)
{
    read_field(p, p->argument);
}

void pragma_header(PragmaCode *p)
{
    ASSERT(p->argument >= 0);

    if (p->value == NULL) {
        read_field(p, p->argument);
        return;
    }
    // The schema may be out of date after this: no cookie is checked.
    codegen_writes(p->g, p->database, false);
    p->g->schema_only = true;
    program_emit(p->g->program, OP_SetCookie, p->database, p->argument, atoi(p->value));
    if (p->argument == META_SCHEMA_VERSION)
        program_set_p5(p->g->program, 1);
}

void pragma_page_count(PragmaCode *p)
{
    ASSERT(p->argument == 0 || p->argument == 1);

    Program *program = p->g->program;
    codegen_reads(p->g, p->database);
    if (p->argument == 0) {
        program_emit(program, OP_Pagecount, p->database, p->row, 0);
    } else {
        i64 limit = p->value != NULL ? llabs(strtoll(p->value, NULL, 10)) : 0;
        program_emit(program, OP_MaxPgcnt, p->database, p->row,
                     limit > INT32_MAX ? INT32_MAX : (int)limit);
    }
    program_emit(program, OP_ResultRow, p->row, 1, 0);
}

void pragma_page_size(PragmaCode *p)
{
    ASSERT(p->database < p->db->database_count);

    Btree *bt = pragma_btree(p);
    if (p->value == NULL) {
        pragma_row(p, "i", bt != NULL ? (int)btree_page_size(bt) : 0);
        return;
    }
    int size = atoi(p->value);
    p->db->next_page_size = size >= 512 && size <= 65536 && (size & (size - 1)) == 0 ? size : 0;
    if (p->db->next_page_size == 0 || bt == NULL)
        return;
    if (btree_set_page_size(bt, (u32)size, -1, false) == SQLITE_NOMEM)
        codegen_fail(p->g, connection_out_of_memory(p->db));
}

// --- auto-vacuum ---

static int auto_vacuum_mode(const char *value)
{
    ASSERT(value != NULL);

    if (name_equals(value, "none"))
        return 0;
    if (name_equals(value, "full"))
        return 1;
    if (name_equals(value, "incremental"))
        return 2;
    int mode = atoi(value);
    return mode >= 0 && mode <= 2 ? mode : 0;
}

// On a file that has auto-vacuum already, FULL and INCREMENTAL may be exchanged.
static void code_incremental_field(PragmaCode *p, int mode)
{
    ASSERT(mode == 1 || mode == 2);

    Program *program = p->g->program;
    codegen_writes(p->g, p->database, false);
    program_emit(program, OP_ReadCookie, p->database, p->row, META_LARGEST_ROOT);
    int has = program_emit(program, OP_If, p->row, 0, 0);
    program_emit(program, OP_Halt, SQLITE_OK, ON_CONFLICT_ABORT, 0);
    program_jump_here(program, has);
    program_emit(program, OP_SetCookie, p->database, META_INCREMENTAL_VACUUM, mode - 1);
}

void pragma_auto_vacuum(PragmaCode *p)
{
    ASSERT(p->database < p->db->database_count);

    Btree *bt = pragma_btree(p);
    if (p->value == NULL) {
        pragma_row(p, "i", bt != NULL ? btree_auto_vacuum(bt) : 0);
        return;
    }
    int mode = auto_vacuum_mode(p->value);
    p->db->next_auto_vacuum = mode + 1;
    if (bt != NULL && btree_set_auto_vacuum(bt, mode) == SQLITE_OK && mode > 0)
        code_incremental_field(p, mode);
}

void pragma_incremental_vacuum(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Program *program = p->g->program;
    int limit = p->value != NULL ? atoi(p->value) : 0;
    codegen_writes(p->g, p->database, false);
    program_emit(program, OP_Integer, limit <= 0 ? INT32_MAX : limit, p->row, 0);
    int top = program_emit(program, OP_IncrVacuum, p->database, 0, 0);
    program_emit(program, OP_ResultRow, p->row, 0, 0);
    program_emit(program, OP_AddImm, p->row, -1, 0);
    program_emit(program, OP_IfPos, p->row, top, 0);
    program_jump_here(program, top);
}

// --- caches ---

void pragma_cache_size(PragmaCode *p)
{
    ASSERT(p->db->databases[p->database].schema != NULL);

    Schema *schema = p->db->databases[p->database].schema;
    if (p->value == NULL) {
        pragma_row(p, "i", schema->cache_size);
        return;
    }
    i64 size = strtoll(p->value, NULL, 10);
    schema->cache_size = size > INT32_MAX || size < INT32_MIN ? 0 : (int)size;
    if (pragma_btree(p) != NULL)
        pager_set_cache_size(btree_pager(pragma_btree(p)), schema->cache_size);
}

void pragma_default_cache_size(PragmaCode *p)
{
    ASSERT(p->row > 0 && p->db->databases[p->database].schema != NULL);

    Program *program = p->g->program;
    if (p->value == NULL) {
        codegen_reads(p->g, p->database);
        program_emit(program, OP_ReadCookie, p->database, p->row, META_DEFAULT_CACHE_SIZE);
        int positive = program_emit(program, OP_IfPos, p->row, 0, 0);
        Reg zero = p->row + 1;
        program_emit(program, OP_Integer, 0, zero, 0);
        program_emit(program, OP_Subtract, p->row, zero, p->row);
        int known = program_emit(program, OP_IfPos, p->row, 0, 0);
        program_emit(program, OP_Integer, -2000, p->row, 0);
        program_jump_here(program, positive);
        program_jump_here(program, known);
        program_emit(program, OP_ResultRow, p->row, 1, 0);
        return;
    }
    int size = abs(atoi(p->value));
    codegen_writes(p->g, p->database, false);
    program_emit(program, OP_SetCookie, p->database, META_DEFAULT_CACHE_SIZE, size);
    p->db->databases[p->database].schema->cache_size = size;
    if (pragma_btree(p) != NULL)
        pager_set_cache_size(btree_pager(pragma_btree(p)), size);
}

void pragma_cache_spill(PragmaCode *p)
{
    ASSERT(p->row > 0);

    if (p->value == NULL) {
        pragma_row(p, "i", (p->db->flags & CONN_FLAG(CACHE_SPILL)) != 0);
        return;
    }
    int threshold = atoi(p->value);
    bool enabled = pragma_boolean(p->value, threshold != 0);
    if (enabled)
        p->db->flags |= CONN_FLAG(CACHE_SPILL);
    else
        p->db->flags &= ~CONN_FLAG(CACHE_SPILL);
    if (pragma_btree(p) != NULL)
        pager_set_spill(btree_pager(pragma_btree(p)), enabled, threshold);
}

void pragma_mmap_size(PragmaCode *p)
{
    ASSERT(p->row > 0);

    sqlite3 *db = p->db;
    if (p->value != NULL) {
        i64 size = strtoll(p->value, NULL, 10);
        db->mmap_size = size < 0 ? 0 : size;
        for (int i = 0; i < db->database_count; i++) {
            bool chosen = p->schema == NULL || i == p->database;
            if (chosen && db->databases[i].btree != NULL)
                pager_set_mmap_limit(btree_pager(db->databases[i].btree), db->mmap_size);
        }
    }
    Btree *bt = pragma_btree(p);
    if (bt != NULL && !pager_is_memory(btree_pager(bt)))
        pragma_row(p, "l", db->mmap_size);
}

void pragma_secure_delete(PragmaCode *p)
{
    ASSERT(p->row > 0);

    sqlite3 *db = p->db;
    int wanted = -1;
    if (p->value != NULL)
        wanted = name_equals(p->value, "fast") ? 2 : pragma_boolean(p->value, false);
    for (int i = 0; p->schema == NULL && wanted >= 0 && i < db->database_count; i++) {
        if (db->databases[i].btree != NULL)
            btree_secure_delete(db->databases[i].btree, wanted);
    }
    Btree *bt = pragma_btree(p);
    pragma_row(p, "i", bt != NULL ? btree_secure_delete(bt, wanted) : 0);
}

// --- journals and locks ---

// SQLite compares as many bytes as were given: "d" is delete. -1: no mode, which asks for the
// present one.
static int journal_mode_of(const char *value)
{
    static const struct {
        const char *name;
        int mode;
    } modes[] = {{"delete", JOURNAL_DELETE}, {"persist", JOURNAL_PERSIST},
                 {"off", JOURNAL_OFF},       {"truncate", JOURNAL_TRUNCATE},
                 {"memory", JOURNAL_MEMORY}, {"wal", JOURNAL_WAL}};
    size_t size = value != NULL ? strlen(value) : 0;
    for (size_t i = 0; value != NULL && i < ARRAY_LEN(modes); i++) {
        if (size <= strlen(modes[i].name) && name_equals_n(modes[i].name, value, size))
            return modes[i].mode;
    }
    return -1;
}

void pragma_journal_mode(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Program *program = p->g->program;
    int mode = journal_mode_of(p->value);
    if (mode == JOURNAL_OFF && (p->db->flags & CONN_FLAG(DEFENSIVE)) != 0)
        mode = -1;
    if (mode >= 0)
        p->g->changes_state = true;
    for (int i = p->db->database_count - 1; i >= 0; i--) {
        bool chosen = p->schema == NULL ? mode >= 0 || i == DB_MAIN : i == p->database;
        if (!chosen || p->db->databases[i].btree == NULL)
            continue;
        if (mode < 0)
            codegen_reads(p->g, i); // a log that another connection began is opened by that
        codegen_top(p->g)->lock_mask |= 1u << i;
        program_emit(program, OP_JournalMode, i, p->row, mode);
    }
    program_emit(program, OP_ResultRow, p->row, 1, 0);
}

void pragma_journal_size_limit(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Btree *bt = pragma_btree(p);
    i64 limit = -2;
    if (p->value != NULL) {
        limit = strtoll(p->value, NULL, 10);
        if (limit < -1)
            limit = -1;
    }
    pragma_row(p, "l", bt != NULL ? pager_journal_size_limit(btree_pager(bt), limit) : (i64)-1);
}

void pragma_locking_mode(PragmaCode *p)
{
    ASSERT(p->row > 0);

    sqlite3 *db = p->db;
    int wanted = -1;
    if (p->value != NULL && name_equals(p->value, "exclusive"))
        wanted = 1;
    else if (p->value != NULL && name_equals(p->value, "normal"))
        wanted = 0;
    for (int i = 2; p->schema == NULL && wanted >= 0 && i < db->database_count; i++) {
        if (db->databases[i].btree != NULL)
            (void)pager_locking_exclusive(btree_pager(db->databases[i].btree), wanted);
    }
    Btree *bt = pragma_btree(p);
    bool exclusive =
        p->database == DB_TEMP || (bt != NULL && pager_locking_exclusive(btree_pager(bt), wanted));
    pragma_row(p, "s", exclusive ? "exclusive" : "normal");
}

static int sync_level_of(const char *value)
{
    ASSERT(value != NULL);

    static const struct {
        const char *name;
        int level;
    } names[] = {{"off", 0},  {"no", 0},     {"false", 0}, {"on", 1},   {"yes", 1},
                 {"true", 1}, {"normal", 1}, {"full", 2},  {"extra", 3}};
    if (value[0] >= '0' && value[0] <= '9')
        return (u8)atoi(value);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (name_equals(value, names[i].name))
            return names[i].level;
    }
    return 0;
}

void pragma_synchronous(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Database *database = &p->db->databases[p->database];
    if (p->value == NULL) {
        pragma_row(p, "i", database->sync_level);
        return;
    }
    if (!p->db->autocommit) {
        codegen_error(p->g, SQLITE_ERROR, "Safety level may not be changed inside a transaction");
        return;
    }
    if (p->database == DB_TEMP)
        return;
    // SQLite's arithmetic: levels are taken modulo 8 after adding one, so 7 is 0 and means OFF.
    int level = (sync_level_of(p->value) + 1) & 7;
    if (level == 0)
        level = 1;
    level--;
    database->sync_level = (u8)(level > SYNC_EXTRA ? SYNC_EXTRA : level);
    database->sync_is_set = true;
    pragma_apply_sync(p->db, p->database);
}

void pragma_wal_checkpoint(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Program *program = p->g->program;
    int mode = SQLITE_CHECKPOINT_PASSIVE;
    if (p->value != NULL) {
        if (name_equals(p->value, "full"))
            mode = SQLITE_CHECKPOINT_FULL;
        else if (name_equals(p->value, "restart"))
            mode = SQLITE_CHECKPOINT_RESTART;
        else if (name_equals(p->value, "truncate"))
            mode = SQLITE_CHECKPOINT_TRUNCATE;
    }
    p->g->changes_state = true;
    int database = p->schema != NULL ? p->database : DATABASE_MAX;
    program_emit(program, OP_Checkpoint, database, mode, p->row);
    program_emit(program, OP_ResultRow, p->row, 3, 0);
}
