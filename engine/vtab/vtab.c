// Instances of virtual tables: connecting, creating, destroying.
//
// A constructor (xCreate, xConnect) is foreign code that runs while the schema is in use, and it
// may run SQL of its own. Two things can happen meanwhile: the table can be constructed once more
// (refused by name, is_being_constructed), or the schema can be read anew, and its Table objects
// with it. So the objects are locked against being freed (schema_lock), what the constructor reads
// is copied (arguments_copy), and the Table is looked up again by its name afterwards
// (context_table).

#include "base/alloc.h"
#include "base/error.h"
#include "vtab/vtab_internal.h"
#include <string.h>

static CompileVtab *compile_vtab;

// sqlite3_declare_vtab() needs the parser, which is a layer above.
void vtab_install_compiler(CompileVtab *compile)
{
    ASSERT(compile != NULL);

    compile_vtab = compile;
}

// NULL: the connection has not connected it yet.
VirtualTable *vtab_find(sqlite3 *db, const Table *table)
{
    ASSERT(db != NULL);
    ASSERT(table->virtual_tables == NULL || table->kind == TABLE_VIRTUAL);

    VirtualTable *instance = table->virtual_tables;
    while (instance != NULL && instance->db != db)
        instance = instance->next;
    // One for each connection that shares the schema.
    return instance;
}

// A statement or a transaction that uses it holds it (T1).
void vtab_ref(VirtualTable *instance)
{
    ASSERT(instance->refs > 0);

    instance->refs++;
}

// xDisconnect runs with the last reference (T1); its result has nobody to hear it.
void vtab_unref(VirtualTable *instance)
{
    ASSERT(instance->refs > 0);

    if (--instance->refs > 0)
        return;
    if (instance->vtab != NULL)
        instance->module->methods->xDisconnect(instance->vtab);
    module_unref(instance->module);
    mem_free(instance);
}

// The schema lets go; whoever still holds an instance keeps it.
void vtab_release_table(Table *table)
{
    ASSERT(table->virtual_tables == NULL || table->kind == TABLE_VIRTUAL);

    while (table->virtual_tables != NULL) {
        VirtualTable *instance = table->virtual_tables;
        table->virtual_tables = instance->next;
        vtab_unref(instance);
    }
}

// The module's message becomes the connection's.
int vtab_take_error(sqlite3 *db, sqlite3_vtab *vtab, int rc)
{
    ASSERT(vtab == NULL || db != NULL);

    if (vtab == NULL || vtab->zErrMsg == NULL)
        return rc;
    connection_error(db, rc == SQLITE_OK ? SQLITE_ERROR : rc, "%s", vtab->zErrMsg);
    mem_free(vtab->zErrMsg);
    vtab->zErrMsg = NULL;
    return rc;
}

// --- columns ---

// "hidden" as a word of the declared type hides the column; the word itself is taken out ("Hidden
// columns in virtual tables", sqlite.org/vtab.html).
static void hide_column(Table *table, Column *column)
{
    ASSERT(column->name != NULL);
    ASSERT((column->flags & COLUMN_HIDDEN) == 0);

    static const char word[] = "hidden";
    enum { SIZE = sizeof word - 1 };
    const char *type = column->type;
    for (size_t i = 0; type != NULL && type[i] != '\0'; i++) {
        bool begins = i == 0 || type[i - 1] == ' ';
        if (!begins || !name_equals_n(type + i, word, SIZE)
            || (type[i + SIZE] != '\0' && type[i + SIZE] != ' '))
            continue;
        char *rest = (char *)(uintptr_t)type; // in the table's arena, nobody else's
        size_t skip = SIZE + (type[i + SIZE] == ' ');
        memmove(rest + i, rest + i + skip, strlen(type) - i - skip + 1);
        if (rest[i] == '\0' && i > 0)
            rest[i - 1] = '\0';
        column->flags |= COLUMN_HIDDEN;
        table->flags |= TABLE_HAS_HIDDEN;
        return;
    }
}

// Also notes whether a hidden column precedes an ordinary one, which makes positions in INSERT
// differ.
static void find_hidden_columns(Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);

    bool seen = false;
    for (int i = 0; i < table->column_count; i++) {
        if ((table->columns[i].flags & COLUMN_HIDDEN) == 0)
            hide_column(table, &table->columns[i]);
        if ((table->columns[i].flags & COLUMN_HIDDEN) != 0)
            seen = true;
        else if (seen)
            table->flags |= TABLE_OUT_OF_ORDER_HIDDEN;
    }
}

// --- connecting ---

typedef int VtabConstructor(sqlite3 *, void *, int, const char *const *, sqlite3_vtab **, char **);

// Names are compared: a constructor may have the schema read anew, and its table with it.
static bool is_being_constructed(const sqlite3 *db, const Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);

    for (const VtabContext *c = db->vtab_context; c != NULL; c = c->outer) {
        if (c->schema == table->schema && name_equals(c->name, table->name))
            return true;
    }
    return false;
}

// The table as the schema has it now; NULL: it is gone.
static Table *context_table(VtabContext *context)
{
    ASSERT(context->schema != NULL);
    if (context->generation == context->schema->generation)
        return context->table;
    context->generation = context->schema->generation;
    context->table = name_map_find(&context->schema->tables, context->name);
    if (context->table != NULL && context->table->kind != TABLE_VIRTUAL)
        context->table = NULL;
    return context->table;
}

// Holds the module from here on.
static VirtualTable *instance_new(sqlite3 *db, Module *module)
{
    ASSERT(module->methods != NULL);

    VirtualTable *instance = mem_alloc_zeroed(sizeof *instance);
    if (instance == NULL)
        return NULL;
    *instance = (VirtualTable){.db = db, .module = module, .refs = 1, .risk = VTAB_RISK_NORMAL};
    module->refs++;
    return instance;
}

// Frees the message the module left.
static int constructor_failed(sqlite3 *db, const char *name, int rc, char *message)
{
    ASSERT(rc != SQLITE_OK);

    if (rc == SQLITE_NOMEM)
        connection_out_of_memory(db);
    else if (message != NULL)
        connection_error(db, rc, "%s", message);
    else
        connection_error(db, rc, "vtable constructor failed: %s", name);
    mem_free(message);
    return rc;
}

// The constructor succeeded: what it made is the table's, unless it never called
// sqlite3_declare_vtab().
static int accept(sqlite3 *db, VtabContext *context)
{
    ASSERT(context->instance->vtab != NULL);
    ASSERT(context->outer == NULL || context->outer->instance != context->instance);

    VirtualTable *instance = context->instance;
    Table *table = context_table(context);
    instance->vtab->pModule = instance->module->methods;
    instance->vtab->nRef = 1;
    instance->vtab->zErrMsg = NULL;
    if (!context->is_declared || table == NULL || table->columns == NULL) {
        vtab_unref(instance);
        return connection_error(db, SQLITE_ERROR, "vtable constructor did not declare schema: %s",
                                context->name);
    }
    instance->next = table->virtual_tables;
    table->virtual_tables = instance;
    find_hidden_columns(table);
    return SQLITE_OK;
}

// Copies the arguments: they are to outlive the table they come from. One block, mem_free().
static const char **arguments_copy(const Table *table)
{
    u32 count = table->module_arg_count;
    u64 size = (count + 1) * sizeof(char *);
    ASSERT(count >= 3); // module, database and table
    for (u32 i = 0; i < count; i++)
        size += strlen(table->module_args[i]) + 1;
    const char **copy = mem_alloc(size);
    if (copy == NULL)
        return NULL;
    char *text = (char *)(copy + count + 1);
    for (u32 i = 0; i < count; i++) {
        size_t length = strlen(table->module_args[i]) + 1;
        memcpy(text, table->module_args[i], length);
        copy[i] = text;
        text += length;
    }
    copy[count] = NULL;
    return copy;
}

// sqlite3_declare_vtab() finds the context through the connection.
static int run_constructor(VtabContext *context, VtabConstructor *constructor, int count,
                           const char *const *args)
{
    ASSERT(context->instance->vtab == NULL);
    ASSERT(context->outer != context);

    VirtualTable *instance = context->instance;
    sqlite3 *db = instance->db;
    char *message = NULL;
    db->vtab_context = context;
    db->module_calls++;
    int rc = constructor(db, instance->module->client_data, count, args, &instance->vtab, &message);
    db->module_calls--;
    db->vtab_context = context->outer;
    if (rc == SQLITE_OK)
        return accept(db, context);
    instance->vtab = NULL;
    vtab_unref(instance);
    return constructor_failed(db, context->name, rc, message);
}

// *table becomes what the schema has under its name afterwards.
static int construct(sqlite3 *db, Table **table, Module *module, VtabConstructor *constructor)
{
    ASSERT(constructor != NULL);

    if (is_being_constructed(db, *table))
        return connection_error(db, SQLITE_LOCKED, "vtable constructor called recursively: %s",
                                (*table)->name);
    int database = schema_index(db, (*table)->schema);
    (*table)->module_args[1] = database >= 0 ? db->databases[database].name : "main";
    const char **args = arguments_copy(*table);
    VirtualTable *instance = args == NULL ? NULL : instance_new(db, module);
    if (instance == NULL) {
        mem_free(args);
        return connection_out_of_memory(db);
    }
    VtabContext context = {.outer = db->vtab_context,
                           .instance = instance,
                           .table = *table,
                           .schema = (*table)->schema,
                           .generation = (*table)->schema->generation,
                           .name = args[2]};
    schema_lock(db);
    int rc = run_constructor(&context, constructor, (int)(*table)->module_arg_count, args);
    *table = context_table(&context);
    schema_unlock(db);
    mem_free(args);
    return rc;
}

// Nothing to do where the connection has an instance.
int vtab_connect(sqlite3 *db, Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);
    ASSERT(table->module_arg_count >= 3);

    if (vtab_find(db, table) != NULL)
        return SQLITE_OK;
    Module *module = module_find(db, table->module_args[0]);
    if (module == NULL)
        return connection_error(db, SQLITE_ERROR, "no such module: %s", table->module_args[0]);
    Table *now = table;
    TRY(construct(db, &now, module, module->methods->xConnect));
    ASSERT(now == table); // called while a statement is compiled, when no schema is read anew
    return SQLITE_OK;
}

// Creating counts as the table's first write in the transaction.
int vtab_create(sqlite3 *db, int database, const char *table_name)
{
    ASSERT(database >= 0 && database < db->database_count);
    ASSERT(table_name != NULL);

    Table *table = catalog_find_table(db, table_name, db->databases[database].name);
    if (table == NULL || table->kind != TABLE_VIRTUAL)
        return connection_error(db, SQLITE_ERROR, "no such table: %s", table_name);
    Module *module = module_find(db, table->module_args[0]);
    if (module == NULL || module->methods->xCreate == NULL || module->methods->xDestroy == NULL)
        return connection_error(db, SQLITE_ERROR, "no such module: %s", table->module_args[0]);
    TRY(vtab_reserve_participant(db));
    schema_lock(db); // the table is looked at once more below
    int rc = construct(db, &table, module, module->methods->xCreate);
    if (rc == SQLITE_OK)
        vtab_add_participant(db, vtab_find(db, table)); // creating counts as its xBegin
    schema_unlock(db);
    return rc;
}

// It may be gone already, if the schema was read anew meanwhile.
static void unlink_instance(Table *table, const VirtualTable *instance)
{
    ASSERT(table->kind == TABLE_VIRTUAL);
    ASSERT(instance != NULL);

    for (VirtualTable **at = &table->virtual_tables; *at != NULL; at = &(*at)->next) {
        if (*at == instance) {
            *at = instance->next;
            return;
        }
    }
}

// The instance leaves the table only when xDestroy has agreed: after a refusal the table is as it
// was.
int vtab_destroy(sqlite3 *db, int database, const char *table_name)
{
    ASSERT(database >= 0 && database < db->database_count);
    ASSERT(table_name != NULL);

    Table *table = catalog_find_table(db, table_name, db->databases[database].name);
    VirtualTable *instance =
        table != NULL && table->kind == TABLE_VIRTUAL ? vtab_find(db, table) : NULL;
    if (instance == NULL)
        return SQLITE_OK;
    if (instance->vtab->nRef > 1)
        return connection_error_plain(db, SQLITE_LOCKED);
    const sqlite3_module *methods = instance->module->methods;
    int rc = methods->xDestroy != NULL ? methods->xDestroy(instance->vtab)
                                       : methods->xDisconnect(instance->vtab);
    if (rc != SQLITE_OK)
        return vtab_take_error(db, instance->vtab, rc);
    instance->vtab = NULL;
    unlink_instance(table, instance);
    vtab_unref(instance);
    return SQLITE_OK;
}

// Once per constructor call.
int vtab_declare(sqlite3 *db, const char *sql)
{
    ASSERT(sql != NULL);

    VtabContext *context = db->vtab_context;
    if (context == NULL || context->is_declared)
        return connection_error_plain(db, error_misuse());
    ASSERT(compile_vtab != NULL);

    Table *table = context_table(context);
    if (table == NULL)
        return connection_error(db, SQLITE_ERROR, "no such table: %s", context->name);
    // Another connection's instance, or a former one of this, may have declared the columns
    // already: they are the schema's and stay.
    int rc = table->columns == NULL ? compile_vtab(db, sql, table) : SQLITE_OK;
    context->is_declared = rc == SQLITE_OK;
    return rc;
}

// --- questions ---

// Asked of every table that SQL wants to write, so the cheap test, an underscore, comes first.
bool vtab_is_shadow_name(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    const char *tail = strrchr(name, '_');
    if (tail == NULL)
        return false;
    char *head = mem_dup(name, (u64)(tail - name));
    if (head == NULL)
        return false;
    Table *table = catalog_find_table(db, head, NULL);
    mem_free(head);
    if (table == NULL || table->kind != TABLE_VIRTUAL)
        return false;
    Module *module = module_find(db, table->module_args[0]);
    return module != NULL && module->methods->iVersion >= 3 && module->methods->xShadowName != NULL
           && module->methods->xShadowName(tail + 1) != 0;
}

// Only ordinary tables can be shadows.
bool vtab_is_shadow(sqlite3 *db, const Table *table)
{
    ASSERT(table->name != NULL);
    return table->kind == TABLE_ORDINARY && vtab_is_shadow_name(db, table->name);
}

// Under SQLITE_DBCONFIG_DEFENSIVE a shadow table is written by its module alone.
bool vtab_guards(sqlite3 *db, const Table *table)
{
    ASSERT(db->executing >= 0);
    return (db->flags & CONN_FLAG(DEFENSIVE)) != 0 && db->executing == 0 && db->vtab_context == NULL
           && !db->is_syncing_vtabs && !db->is_capturing && vtab_is_shadow(db, table);
}
