// .expert: which indexes would serve the next query.
//
// The schema is made anew in memory twice. In the first copy every table is a virtual table of our
// own, whose xBestIndex writes down what it is asked: equalities, ranges and orders make the
// candidates. In the second copy, of ordinary empty tables, the candidates are created as indexes,
// and the plan tells which of them the query would use.
//
// The tables are empty and not analysed, so that the planner goes by the shape of the query alone.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
    struct Candidate *next;
    char *sql, *name;
} Candidate;

typedef struct Expert {
    Shell *shell;
    sqlite3 *asked;   // virtual tables
    sqlite3 *planned; // ordinary tables and candidates
    Candidate *candidates;
} Expert;

typedef struct AskedTable {
    sqlite3_vtab base;
    Expert *expert;
    char *name;
    char **columns;
    int count;
} AskedTable;

// --- candidates ---

// Only to make names: two indexes on the same table must not share one.
static unsigned hash_text(const char *text)
{
    ASSERT(text != NULL);

    unsigned hash = 0;
    for (; *text != 0; text++)
        hash += hash * 8 + (unsigned char)*text;
    return hash;
}

// Once, however often the planner asks.
static void add_candidate(Expert *expert, const char *table, const char *columns)
{
    ASSERT(table != NULL && columns != NULL);
    ASSERT(expert->planned != NULL);

    bool needs_quotes = name_needs_quotes(table);
    char *quoted = shell_printf(needs_quotes ? "\"%w\"" : "%s", table);
    for (const Candidate *c = expert->candidates; c != NULL; c = c->next) {
        char *same = shell_printf(" ON %s(%s)", quoted, columns);
        // As the text of its CREATE INDEX has it behind the name.
        bool is_same = strstr(c->sql, same) != NULL;
        sqlite3_free(same);
        if (is_same) {
            sqlite3_free(quoted);
            return;
        }
    }
    Candidate *candidate = shell_alloc(sizeof *candidate);
    char *identity = shell_printf("%s(%s)", table, columns);
    candidate->name = shell_printf("%s_idx_%08x", table, hash_text(identity));
    candidate->sql =
        shell_printf(needs_quotes ? "CREATE INDEX \"%w\" ON %s(%s)" : "CREATE INDEX %s ON %s(%s)",
                     candidate->name, quoted, columns);
    candidate->next = expert->candidates;
    expert->candidates = candidate;
    sqlite3_free(identity);
    sqlite3_free(quoted);
}

// Quoted where SQL wants it.
static void append_column(sqlite3_str *list, const AskedTable *table, int column, bool descends)
{
    ASSERT(column >= 0 && column < table->count);
    ASSERT(list != NULL);

    const char *name = table->columns[column];
    sqlite3_str_appendf(list, name_needs_quotes(name) ? "%s\"%w\"%s" : "%s%s%s",
                        sqlite3_str_length(list) > 0 ? ", " : "", name, descends ? " DESC" : "");
}

// What an index can be walked for, behind its equalities.
static bool is_range(int op)
{
    return op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE
           || op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE;
}

// Equalities first, in the order of the columns. Of each column once, be it compared more often.
static sqlite3_str *list_equalities(const AskedTable *table, const sqlite3_index_info *info)
{
    ASSERT(table->count >= 0);

    sqlite3_str *list = sqlite3_str_new(NULL);
    for (int column = 0; column < table->count; column++) {
        for (int i = 0; i < info->nConstraint; i++) {
            if (info->aConstraint[i].usable == 0 || info->aConstraint[i].iColumn != column
                || (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ
                    && info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_IS))
                continue;
            append_column(list, table, column, false);
            break;
        }
    }
    return list;
}

// Takes the list; an empty one, without memory or columns, is none.
static void finish_candidate(const AskedTable *table, sqlite3_str *list)
{
    ASSERT(table->expert != NULL);
    ASSERT(table->name != NULL);

    char *text = sqlite3_str_finish(list);
    if (text != NULL)
        add_candidate(table->expert, table->name, text);
    sqlite3_free(text);
}

// For each query block: the equalities alone, with each range behind them, and with the order
// behind them. The cost makes plans with more constraints look better, so that joins are asked in
// a sensible order.
static int asked_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    const AskedTable *table = (const AskedTable *)vtab;
    finish_candidate(table, list_equalities(table, info));
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable == 0 || info->aConstraint[i].iColumn < 0
            || !is_range(info->aConstraint[i].op))
            continue;
        sqlite3_str *list = list_equalities(table, info);
        append_column(list, table, info->aConstraint[i].iColumn, false);
        finish_candidate(table, list);
    }
    if (info->nOrderBy > 0) {
        sqlite3_str *list = list_equalities(table, info);
        for (int i = 0; i < info->nOrderBy; i++) {
            if (info->aOrderBy[i].iColumn >= 0)
                append_column(list, table, info->aOrderBy[i].iColumn, info->aOrderBy[i].desc != 0);
        }
        finish_candidate(table, list);
    }
    info->estimatedCost = 1000000.0 / (info->nConstraint + 1);
    return SQLITE_OK;
}

// --- the module ---

// Arguments: module, schema, table, the declaration as one quoted text. The columns' names are
// those of the ordinary copy.
static int asked_connect(sqlite3 *db, void *expert, int count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    ASSERT(expert != NULL);

    sqlite3_stmt *stmt = NULL;
    (void)message;
    if (count < 4)
        return SQLITE_ERROR;
    int rc = sqlite3_declare_vtab(db, args[3]);
    if (rc != SQLITE_OK)
        return rc;
    AskedTable *table = shell_alloc(sizeof *table);
    *table = (AskedTable){.expert = expert, .name = shell_printf("%s", args[2])};
    char *sql = shell_printf("SELECT name FROM pragma_table_info(%Q)", args[2]);
    if (sqlite3_prepare_v2(((Expert *)expert)->planned, sql, -1, &stmt, NULL) == SQLITE_OK) {
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            sqlite3_uint64 size = ((sqlite3_uint64)table->count + 1) * sizeof(char *);
            table->columns = shell_realloc(table->columns, size);
            table->columns[table->count++] = shell_printf("%s", sqlite3_column_text(stmt, 0));
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    *out = &table->base;
    return SQLITE_OK;
}

// Also xDestroy: the table has nothing outside memory.
static int asked_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    AskedTable *table = (AskedTable *)vtab;
    for (int i = 0; i < table->count; i++)
        sqlite3_free(table->columns[i]);
    sqlite3_free(table->columns);
    sqlite3_free(table->name);
    sqlite3_free(table);
    return SQLITE_OK;
}

// Statements are prepared, never run: no cursor is opened.
static int asked_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    (void)out;
    return SQLITE_ERROR;
}

// So that statements which write can be compiled as well.
static int asked_update(sqlite3_vtab *vtab, int count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    (void)vtab;
    (void)count;
    (void)args;
    (void)rowid;
    return SQLITE_ERROR;
}

static const sqlite3_module asked_module = {
    .xCreate = asked_connect,
    .xConnect = asked_connect,
    .xBestIndex = asked_best_index,
    .xDisconnect = asked_disconnect,
    .xDestroy = asked_disconnect,
    .xOpen = asked_open,
    .xUpdate = asked_update,
};

// --- the two copies ---

// A table of the same columns, as text for sqlite3_declare_vtab().
static char *declaration(Expert *expert, const char *table)
{
    ASSERT(expert->planned != NULL);
    ASSERT(table != NULL);

    sqlite3_stmt *stmt = NULL;
    sqlite3_str *text = sqlite3_str_new(NULL);
    char *sql = shell_printf("SELECT name, type FROM pragma_table_info(%Q)", table);
    sqlite3_str_appendall(text, "CREATE TABLE x(");
    int count = 0;
    if (sqlite3_prepare_v2(expert->planned, sql, -1, &stmt, NULL) == SQLITE_OK) {
        while (sqlite3_step(stmt) == SQLITE_ROW)
            sqlite3_str_appendf(text, "%s\"%w\" %s", count++ > 0 ? "," : "",
                                sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1));
    }
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    sqlite3_str_appendall(text, ")");
    return sqlite3_str_finish(text);
}

// Objects that cannot be made in memory, for want of an extension, are left out: a query that
// needs them is told so when it is compiled.
static void copy_object(Expert *expert, const char *type, const char *name, const char *sql)
{
    ASSERT(type != NULL && name != NULL && sql != NULL);
    ASSERT(expert->planned != NULL && expert->asked != NULL);

    (void)sqlite3_exec(expert->planned, sql, NULL, NULL, NULL);
    if (strcmp(type, "view") == 0)
        (void)sqlite3_exec(expert->asked, sql, NULL, NULL, NULL);
    if (strcmp(type, "table") != 0)
        return;
    char *columns = declaration(expert, name);
    char *create = shell_printf("CREATE VIRTUAL TABLE \"%w\" USING expert(%s)", name, columns);
    (void)sqlite3_exec(expert->asked, create, NULL, NULL, NULL);
    sqlite3_free(create);
    sqlite3_free(columns);
}

// False after an error. Tables first: indexes are on them.
static bool expert_init(Expert *expert, Shell *shell)
{
    ASSERT(shell != NULL);

    *expert = (Expert){.shell = shell};
    if (sqlite3_open(":memory:", &expert->planned) != SQLITE_OK
        || sqlite3_open(":memory:", &expert->asked) != SQLITE_OK
        || sqlite3_create_module(expert->asked, "expert", &asked_module, expert) != SQLITE_OK)
        return false;
    sqlite3_stmt *stmt = shell_prepare(
        shell, "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table','view','index')"
               " AND sql NOT NULL AND name NOT LIKE 'sqlite_%%'"
               " ORDER BY type='index', rowid");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        copy_object(expert, (const char *)sqlite3_column_text(stmt, 0),
                    (const char *)sqlite3_column_text(stmt, 1),
                    (const char *)sqlite3_column_text(stmt, 2));
    sqlite3_finalize(stmt);
    return stmt != NULL;
}

// The connections first: their virtual tables point to the expert.
static void expert_deinit(Expert *expert)
{
    ASSERT(expert->shell != NULL);

    sqlite3_close(expert->asked);
    sqlite3_close(expert->planned);
    while (expert->candidates != NULL) {
        Candidate *candidate = expert->candidates;
        expert->candidates = candidate->next;
        sqlite3_free(candidate->sql);
        sqlite3_free(candidate->name);
        sqlite3_free(candidate);
    }
}

// --- answers ---

// The plan below, so that a reader sees what they are for.
static void print_used(Expert *expert, const char *details)
{
    ASSERT(details != NULL);

    bool is_any = false;
    for (const Candidate *c = expert->candidates; c != NULL; c = c->next) {
        // By the name in the plan's text: hashes keep names apart.
        if (strstr(details, c->name) == NULL)
            continue;
        fprintf(expert->shell->out, "%s;\n", c->sql);
        is_any = true;
    }
    fprintf(expert->shell->out, "%s\n%s\n", is_any ? "" : "(no new indexes)\n", details);
}

// --verbose: also those that the planner did not want.
static void print_candidates(const Expert *expert)
{
    ASSERT(expert->shell != NULL);

    fputs("-- Candidates -----------------------------\n", expert->shell->out);
    for (const Candidate *c = expert->candidates; c != NULL; c = c->next)
        fprintf(expert->shell->out, "%s;\n", c->sql);
    fputc('\n', expert->shell->out);
}

// Nothing of the user's database is written, or read beyond its schema.
bool expert_run(Shell *shell, const char *sql)
{
    ASSERT(sql != NULL);
    ASSERT(shell != NULL);

    Expert expert;
    sqlite3_stmt *stmt = NULL;
    bool ok = expert_init(&expert, shell);
    if (ok && sqlite3_prepare_v2(expert.asked, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "Error: %s\n", sqlite3_errmsg(expert.asked));
        ok = false;
    }
    sqlite3_finalize(stmt);
    if (shell->expert_is_verbose && ok)
        print_candidates(&expert);
    // All of them at once, so that the planner chooses among them.
    for (const Candidate *c = expert.candidates; c != NULL && ok; c = c->next)
        (void)sqlite3_exec(expert.planned, c->sql, NULL, NULL, NULL);
    char *explain = shell_printf("EXPLAIN QUERY PLAN %s", sql);
    stmt = NULL;
    if (ok && sqlite3_prepare_v2(expert.planned, explain, -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_str *details = sqlite3_str_new(NULL);
        while (sqlite3_step(stmt) == SQLITE_ROW)
            sqlite3_str_appendf(details, "%s\n", sqlite3_column_text(stmt, 3));
        char *text = sqlite3_str_finish(details);
        print_used(&expert, text == NULL ? "" : text);
        sqlite3_free(text);
    }
    sqlite3_finalize(stmt);
    sqlite3_free(explain);
    expert_deinit(&expert);
    return ok;
}

// .expert ?--verbose?: for the next statement, which is not run.
int dot_expert(DotCall *call)
{
    ASSERT(call->count >= 1);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL || strcmp(option, "verbose") != 0) {
            fprintf(stderr, "unknown option: %s\n", call->args[i]);
            return 1;
        }
        call->shell->expert_is_verbose = true;
    }
    call->shell->is_expert = true;
    return 0;
}
