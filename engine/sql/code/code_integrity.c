// PRAGMA integrity_check, quick_check, foreign_key_check.
//
// First the machine walks the trees of a database; then, per table, the entries of its indexes are
// counted, and every row is held against its columns' constraints and its index entries. Each
// finding is a row; at most as many as asked for.
//
//     IntegrityCk -> text or NULL, and the entries of every tree -> counts..
//     (report the text)
//     Eq counts[index], counts[table]                  for each full index
//     Rewind table
//   TOP: rows + 1
//     each column: NOT NULL, type                      quick_check goes this far
//     CHECKs
//     each index: key -> k..;  Found i k.. ;  [Next i: the next key must be greater]
//     Next table -> TOP
//
// A report is ResultRow, then IfPos left, or Halt when enough was reported. The database is trusted
// in nothing: what cannot be read is a finding, not an error.

#include "base/hashmap.h"
#include "sql/code/code_pragma.h"
#include "sql/expr_tree.h"
#include "value/record.h"
#include <stdlib.h>
#include <string.h>

enum { INTEGRITY_MAX = 100 }; // findings, unless the pragma says otherwise; SQLite's number

typedef struct CheckCode {
    PragmaCode *p;
    Codegen *g;
    Program *program;
    bool is_quick;
    int database;
    const Table *only; // NULL: all tables
    Reg left;          // findings that may still be reported; the text of the trees follows it
    Reg text;
    Reg counts; // entries of each tree, in the order of `roots`
    u32 *roots;
    u32 root_count;
    // One table's row
    WriteTable wt;
    Reg rows;
} CheckCode;

// --- findings ---

static void code_report(CheckCode *c)
{
    ASSERT(c->text > 0 && c->left > 0);

    program_emit(c->program, OP_ResultRow, c->text, 1, 0);
    int more = program_emit(c->program, OP_IfPos, c->left, 0, 1);
    program_emit(c->program, OP_Halt, 0, 0, 0);
    program_jump_here(c->program, more);
}

static void code_report_text(CheckCode *c, const char *text)
{
    program_emit_text(c->program, OP_String8, 0, c->text, 0, text != NULL ? text : "", -1);
    code_report(c);
}

// --- trees ---

static bool is_checked(const CheckCode *c, const Table *table)
{
    return table->kind == TABLE_ORDINARY && (c->only == NULL || c->only == table);
}

// Called twice: for the size, then to store. Both times in the order that count_register() relies
// on.
static u32 count_roots(const CheckCode *c, bool store)
{
    ASSERT(!store || c->roots != NULL);

    const NameMap *tables = &c->p->db->databases[c->database].schema->tables;
    u32 count = 0;
    if (c->only != NULL) {
        if (store)
            c->roots[0] = 0; // some trees only: pages of the others are not missed
        count = 1;
    }
    for (NameEntry *e = name_map_first(tables); e != NULL; e = name_map_next(tables, e)) {
        const Table *table = e->value;
        if (!is_checked(c, table))
            continue;
        if (table_has_rowid(table)) {
            if (store)
                c->roots[count] = table->root;
            count++;
        }
        for (const Index *index = table->indexes; index != NULL; index = index->next) {
            if (store)
                c->roots[count] = index->root;
            count++;
        }
    }
    return count;
}

static Reg count_register(const CheckCode *c, Pgno root)
{
    ASSERT(c->counts > 0);

    for (u32 i = 0; i < c->root_count; i++) {
        if (c->roots[i] == root)
            return c->counts + (Reg)i;
    }
    return c->counts;
}

static bool code_trees(CheckCode *c)
{
    ASSERT(c->roots == NULL || c->root_count > 0);

    Codegen *g = c->g;
    c->root_count = count_roots(c, false);
    c->roots = arena_array(g->arena, (size_t)c->root_count + 1, sizeof(u32));
    if (c->roots == NULL)
        return false;
    (void)count_roots(c, true);
    c->counts = reg_range_new(g, (int)c->root_count + 1);
    Reg found = c->left + 1;
    program_emit_ints(c->program, OP_IntegrityCk, c->left, (int)c->root_count, c->counts, c->roots,
                      c->root_count);
    program_set_p5(c->program, (u16)c->database);
    int fine = program_emit(c->program, OP_IsNull, found, 0, 0);
    const char *title =
        arena_printf(g->arena, "*** in database %s ***\n", g->db->databases[c->database].name);
    Reg heading = reg_new(g);
    program_emit_text(c->program, OP_String8, 0, heading, 0, title != NULL ? title : "", -1);
    program_emit(c->program, OP_Concat, found, heading, c->text);
    code_report(c);
    program_jump_here(c->program, fine);
    return true;
}

static void code_entry_counts(CheckCode *c, const Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    if (c->is_quick || !table_has_rowid(table))
        return;
    Reg rows = count_register(c, table->root);
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        if (index->where != NULL)
            continue;
        int same = program_emit(c->program, OP_Eq, count_register(c, index->root), 0, rows);
        code_report_text(c,
                         arena_printf(c->g->arena, "wrong # of entries in index %s", index->name));
        program_jump_here(c->program, same);
    }
}

// --- one row against its columns ---

static void code_null_check(CheckCode *c, int column, Reg value)
{
    ASSERT(value > 0);

    const Table *table = c->wt.table;
    int fine = program_emit(c->program, OP_NotNull, value, 0, 0);
    code_report_text(c, arena_printf(c->g->arena, "NULL value in %s.%s", table->name,
                                     table->columns[column].name));
    program_jump_here(c->program, fine);
}

// Bits of IsType: INTEGER, REAL, TEXT, BLOB, NULL.
enum { IS_INTEGER = 1, IS_REAL = 2, IS_TEXT = 4, IS_BLOB = 8, IS_NULL = 16 };

static void code_type_report(CheckCode *c, int column, Reg value, u16 allowed, const char *what)
{
    ASSERT(value > 0 && allowed != 0);

    const Table *table = c->wt.table;
    int fine = program_emit_int(c->program, OP_IsType, -1, 0, value, 0);
    program_set_p5(c->program, allowed);
    code_report_text(c, arena_printf(c->g->arena, "%s value in %s.%s", what, table->name,
                                     table->columns[column].name));
    program_jump_here(c->program, fine);
}

// Text that reads as a number does not stay text in a numeric column.
static void code_numeric_check(CheckCode *c, int column, Reg value)
{
    ASSERT(value > 0);

    const Table *table = c->wt.table;
    int other = program_emit_int(c->program, OP_IsType, -1, 0, value, 0);
    program_set_p5(c->program, IS_INTEGER | IS_REAL | IS_BLOB | IS_NULL);
    Reg copy = reg_new(c->g);
    program_emit(c->program, OP_Copy, value, copy, 0);
    program_emit_text(c->program, OP_Affinity, copy, 1, 0, "C", 1);
    int stays = program_emit_int(c->program, OP_IsType, -1, 0, copy, 0);
    program_set_p5(c->program, IS_TEXT);
    code_report_text(c, arena_printf(c->g->arena, "TEXT value in %s.%s", table->name,
                                     table->columns[column].name));
    program_jump_here(c->program, other);
    program_jump_here(c->program, stays);
}

static void code_strict_check(CheckCode *c, int column, Reg value)
{
    ASSERT(value > 0);

    static const struct {
        const char *name;
        u16 allowed;
    } types[] = {[STRICT_BLOB] = {"non-BLOB", IS_BLOB | IS_NULL},
                 [STRICT_INT] = {"non-INT", IS_INTEGER | IS_NULL},
                 [STRICT_INTEGER] = {"non-INTEGER", IS_INTEGER | IS_NULL},
                 [STRICT_REAL] = {"non-REAL", IS_INTEGER | IS_REAL | IS_NULL},
                 [STRICT_TEXT] = {"non-TEXT", IS_TEXT | IS_NULL}};
    u8 type = c->wt.table->columns[column].strict_type;
    if (type >= STRICT_BLOB)
        code_type_report(c, column, value, types[type].allowed, types[type].name);
}

static void code_columns_check(CheckCode *c)
{
    ASSERT(c->wt.stored != NULL);

    const Table *table = c->wt.table;
    bool is_strict = (table->flags & TABLE_STRICT) != 0;
    Reg value = reg_new(c->g);
    for (int i = 0; i < table->column_count && !codegen_failed(c->g); i++) {
        const Column *column = &table->columns[i];
        bool is_plain = column->affinity <= AFF_BLOB && !is_strict;
        if (i == table->rowid_alias || (is_plain && column->not_null == 0))
            continue;
        code_item_column(c->g, c->wt.stored, i, value);
        if (column->not_null != 0)
            code_null_check(c, i, value);
        if (is_strict)
            code_strict_check(c, i, value);
        else if (column->affinity == AFF_TEXT)
            code_type_report(c, i, value, IS_TEXT | IS_BLOB | IS_NULL, "NUMERIC");
        else if (column->affinity >= AFF_NUMERIC)
            code_numeric_check(c, i, value);
    }
}

static void code_checks_check(CheckCode *c)
{
    ASSERT(c->wt.stored != NULL);

    const Table *table = c->wt.table;
    if (table->check_count == 0 || (c->p->db->flags & CONN_FLAG(IGNORE_CHECKS)) != 0)
        return;
    Label broken = label_new(c->program), fine = label_new(c->program);
    for (u32 i = 0; i < table->check_count; i++) {
        Expr *e = expr_bind(c->g->arena, table->checks[i].expr, c->wt.stored);
        if (e != NULL)
            code_jump(c->g, e, broken, false, true);
    }
    program_emit(c->program, OP_Goto, 0, fine, 0);
    label_here(c->program, broken);
    code_report_text(c, arena_printf(c->g->arena, "CHECK constraint failed in %s", table->name));
    label_here(c->program, fine);
}

// --- one row against its indexes ---

static void code_row_text(CheckCode *c, const char *before, const char *after)
{
    ASSERT(c->rows > 0);

    Reg part = reg_new(c->g);
    program_emit_text(c->program, OP_String8, 0, c->text, 0, before, -1);
    program_emit(c->program, OP_Concat, c->rows, c->text, c->text);
    program_emit_text(c->program, OP_String8, 0, part, 0, after != NULL ? after : "", -1);
    program_emit(c->program, OP_Concat, part, c->text, c->text);
    code_report(c);
}

static void code_unique_check(CheckCode *c, const Index *index, int cursor, Reg key)
{
    ASSERT(key > 0 && cursor >= 0);
    ASSERT(index->flags & INDEX_UNIQUE);

    Label fine = label_new(c->program);
    for (int i = 0; i < index->key_count; i++) {
        int column = index->columns[i];
        if (column < 0 || c->wt.table->columns[column].not_null == 0)
            program_emit(c->program, OP_IsNull, key + i, fine, 0);
    }
    Label compare = label_new(c->program);
    program_emit(c->program, OP_Next, cursor, compare, 0);
    program_emit(c->program, OP_Goto, 0, fine, 0);
    label_here(c->program, compare);
    program_emit_int(c->program, OP_IdxGT, cursor, fine, key, index->key_count);
    code_report_text(c, arena_printf(c->g->arena, "non-unique entry in index %s", index->name));
    label_here(c->program, fine);
}

static void code_index_check(CheckCode *c, int i)
{
    ASSERT(i >= 0 && i < c->wt.index_count);

    const Index *index = c->wt.indexes[i];
    int cursor = c->wt.index_cursors[i];
    if (cursor == c->wt.data_cursor)
        return;
    Label skip = label_new(c->program), found = label_new(c->program);
    Reg key = reg_range_new(c->g, index->column_count);
    code_index_key(c->g, index, c->wt.stored, key, skip);
    program_emit_int(c->program, OP_Found, cursor, found, key, index->column_count);
    code_row_text(c, "row ", arena_printf(c->g->arena, " missing from index %s", index->name));
    program_emit(c->program, OP_Goto, 0, skip, 0);
    label_here(c->program, found);
    if ((index->flags & INDEX_UNIQUE) != 0)
        code_unique_check(c, index, cursor, key);
    label_here(c->program, skip);
}

static void code_table_check(CheckCode *c, Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    Codegen *g = c->g;
    write_table_init(g, &c->wt, table, -1);
    write_table_open(g, &c->wt, OP_OpenRead, 0);
    c->rows = reg_new(g);
    program_emit(c->program, OP_Integer, 0, c->rows, 0);
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    int rewind = program_emit(c->program, OP_Rewind, c->wt.data_cursor, 0, 0);
    int top = program_emit(c->program, OP_AddImm, c->rows, 1, 0);
    code_columns_check(c);
    code_checks_check(c);
    for (int i = 0; i < c->wt.index_count && !c->is_quick && !codegen_failed(g); i++)
        code_index_check(c, i);
    program_emit(c->program, OP_Next, c->wt.data_cursor, top, 0);
    program_jump_here(c->program, rewind);
    g->hoist_constants = hoist;
    for (int i = 0; i < c->wt.index_count; i++)
        program_emit(c->program, OP_Close, c->wt.index_cursors[i], 0, 0);
    program_emit(c->program, OP_Close, c->wt.data_cursor, 0, 0);
}

static void code_virtual_check(CheckCode *c, Table *table)
{
    ASSERT(c->text > 0);

    if (!(table->kind == TABLE_VIRTUAL && (c->only == NULL || c->only == table)))
        return;
    program_emit_table(c->program, OP_VCheck, c->database, c->text, c->is_quick, table);
    int fine = program_emit(c->program, OP_IsNull, c->text, 0, 0);
    code_report(c);
    program_jump_here(c->program, fine);
}

static void code_database_check(CheckCode *c)
{
    ASSERT(c->database >= 0 && c->database < c->p->db->database_count);

    const NameMap *tables = &c->p->db->databases[c->database].schema->tables;
    codegen_reads(c->g, c->database);
    if (!code_trees(c))
        return;
    for (NameEntry *e = name_map_first(tables); e != NULL; e = name_map_next(tables, e)) {
        if (is_checked(c, e->value))
            code_entry_counts(c, e->value);
    }
    for (NameEntry *e = name_map_first(tables); e != NULL; e = name_map_next(tables, e)) {
        Table *table = e->value;
        if (is_checked(c, table) && !codegen_failed(c->g))
            code_table_check(c, table);
        else
            code_virtual_check(c, table);
    }
}

void pragma_integrity_check(PragmaCode *p)
{
    ASSERT(p->argument == 0 || p->argument == 1);

    Codegen *g = p->g;
    CheckCode c = {.p = p, .g = g, .program = g->program, .is_quick = p->argument == 1};
    int limit = INTEGRITY_MAX;
    if (p->value != NULL) {
        char *end;
        long number = strtol(p->value, &end, 10);
        if (*end == '\0' && end != p->value)
            limit = number > 0 ? (int)number : INTEGRITY_MAX;
        else
            c.only = catalog_find_table(p->db, p->value, p->schema);
        if (*end != '\0' && c.only == NULL) {
            codegen_error(g, SQLITE_ERROR, "no such table: %s", p->value);
            return;
        }
    }
    c.left = reg_range_new(g, 2);
    c.text = reg_new(g);
    program_emit(g->program, OP_Integer, limit - 1, c.left, 0);
    for (int i = 0; i < p->db->database_count && !codegen_failed(g); i++) {
        bool chosen = p->schema == NULL || i == p->database;
        c.database = i;
        if (chosen && p->db->databases[i].btree != NULL
            && (c.only == NULL || schema_index(p->db, c.only->schema) == i))
            code_database_check(&c);
    }
    Label end = label_new(g->program);
    program_emit(g->program, OP_AddImm, c.left, 1 - limit, 0);
    program_emit(g->program, OP_IfNotZero, c.left, end, 0);
    program_emit_text(g->program, OP_String8, 0, c.text, 0, "ok", -1);
    program_emit(g->program, OP_ResultRow, c.text, 1, 0);
    label_here(g->program, end);
}

// --- foreign keys ---

static void code_parent_probe(CheckCode *c, const ForeignKey *fk, Table *parent, Label fine)
{
    ASSERT(fine < 0);

    Codegen *g = c->g;
    ForeignKeyParent key;
    if (parent == NULL || !foreign_key_parent(g, fk, parent, &key))
        return;
    int cursor = cursor_new(g);
    Reg first = reg_range_new(g, key.count);
    for (int i = 0; i < key.count; i++)
        code_item_column(g, c->wt.stored, key.from[i], first + i);
    if (key.index == NULL) {
        Label missing = label_new(c->program);
        int once = program_emit(c->program, OP_Once, 0, 0, 0);
        code_open_table(g, parent, cursor, OP_OpenRead);
        program_jump_here(c->program, once);
        program_emit(c->program, OP_SeekRowid, cursor, missing, first);
        program_emit(c->program, OP_Goto, 0, fine, 0);
        label_here(c->program, missing);
        return;
    }
    char *letters = arena_array(g->arena, (size_t)key.count + 1, 1);
    for (int i = 0; letters != NULL && i < key.count; i++)
        letters[i] = (char)parent->columns[key.to[i]].affinity;
    int once = program_emit(c->program, OP_Once, 0, 0, 0);
    code_open_index(g, key.index, cursor, OP_OpenRead);
    program_jump_here(c->program, once);
    program_emit_text(c->program, OP_Affinity, first, key.count, 0, letters != NULL ? letters : "",
                      key.count);
    program_emit_int(c->program, OP_Found, cursor, fine, first, key.count);
}

static void code_foreign_key(CheckCode *c, const ForeignKey *fk, int number)
{
    ASSERT(fk->column_count > 0);

    Codegen *g = c->g;
    Table *child = fk->child;
    Table *parent = catalog_find_table(g->db, fk->parent, g->db->databases[c->database].name);
    Label fine = label_new(c->program);
    Reg value = reg_new(g);
    int rewind = program_emit(c->program, OP_Rewind, c->wt.data_cursor, 0, 0);
    int top = program_here(c->program);
    for (int i = 0; i < fk->column_count; i++) {
        code_item_column(g, c->wt.stored, fk->columns[i].from, value);
        program_emit(c->program, OP_IsNull, value, fine, 0);
    }
    code_parent_probe(c, fk, parent, fine);
    Reg row = c->p->row;
    program_emit_text(c->program, OP_String8, 0, row, 0, child->name, -1);
    if (table_has_rowid(child))
        program_emit(c->program, OP_Rowid, c->wt.data_cursor, row + 1, 0);
    else
        program_emit(c->program, OP_Null, 0, row + 1, 0);
    program_emit_text(c->program, OP_String8, 0, row + 2, 0, fk->parent, -1);
    program_emit(c->program, OP_Integer, number, row + 3, 0);
    program_emit(c->program, OP_ResultRow, row, 4, 0);
    label_here(c->program, fine);
    program_emit(c->program, OP_Next, c->wt.data_cursor, top, 0);
    program_jump_here(c->program, rewind);
}

static void code_foreign_keys_of(CheckCode *c, Table *table)
{
    ASSERT(c->database >= 0);

    if (table->kind != TABLE_ORDINARY || table->foreign_keys == NULL)
        return;
    write_table_init(c->g, &c->wt, table, -1);
    code_open_table(c->g, table, c->wt.data_cursor, OP_OpenRead);
    int number = 0;
    for (const ForeignKey *fk = table->foreign_keys; fk != NULL && !codegen_failed(c->g);
         fk = fk->next_of_child)
        code_foreign_key(c, fk, number++);
}

// Every child row whose parent is missing: table, rowid, parent, number of the key. Newest table
// first, as in SQLite.
void pragma_foreign_key_check(PragmaCode *p)
{
    ASSERT(p->row > 0);

    Codegen *g = p->g;
    CheckCode c = {.p = p, .g = g, .program = g->program, .database = p->database};
    if (p->value != NULL) {
        Table *table = catalog_find_table(p->db, p->value, p->schema);
        if (table == NULL) {
            codegen_error(g, SQLITE_ERROR, "no such table: %s%s%s",
                          p->schema != NULL ? p->schema : "", p->schema != NULL ? "." : "",
                          p->value);
            return;
        }
        c.database = schema_index(p->db, table->schema);
        codegen_reads(g, c.database);
        code_foreign_keys_of(&c, table);
        return;
    }
    codegen_reads(g, c.database);
    const NameMap *tables = &p->db->databases[c.database].schema->tables;
    for (u32 k = tables->entry_count; k > 0 && !codegen_failed(g); k--) {
        if (tables->entries[k - 1].name != NULL)
            code_foreign_keys_of(&c, tables->entries[k - 1].value);
    }
}
