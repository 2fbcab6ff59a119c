// The registry: built-in functions by name, and those of a connection.
//
// One name may have several definitions, which differ in the count of arguments or in the encoding
// they prefer. A call takes the best one by match_quality(): the exact count before "any count",
// then the encoding. Among the connection's and the built-in ones the connection's wins even where
// it fits worse, which is how an application replaces a function.
//
// Deleting a definition leaves it without bodies rather than taking it out: that hides a built-in
// one of the same name and count, as in SQLite.

#include "func/func.h"

#include "base/error.h"
#include "func/like.h"
#include <string.h>

static const FuncDef *const builtin_tables[] = {
    func_text_table,       func_number_table,    func_like_table,     func_regexp_table,
    func_info_table,       func_aggregate_table, func_extreme_table,  func_percentile_table,
    func_window_table,     func_math_table,      func_datetime_table, func_json_table,
    func_json_group_table, func_uuid_table,      func_instant_table,  func_more_table,
};

// Name -> its first row, in one of the tables above. Filled by sqlite3_initialize, then constant.
static NameMap builtin_map;

// Set once while the library initialises.
static FuncHooks installed_hooks;

// By the layers above, which bring what functions need of a connection without being included here.
void func_install_hooks(const FuncHooks *hooks)
{
    ASSERT(hooks->randomness != NULL);

    installed_hooks = *hooks;
}

const FuncHooks *func_hooks(void)
{
    ASSERT(installed_hooks.randomness != NULL);

    return &installed_hooks;
}

// A definition is never taken out, so that all of them can die with the table.
struct FuncTable {
    NameMap map; // name -> its first FuncDef
    Arena arena; // the definitions and their names
};

// One call of sqlite3_create_function_v2() may make three definitions (SQLITE_ANY) that share
// user_data: the destructor runs when the last of them goes.
struct FuncOwner {
    u32 refs;
    void (*destroy)(void *);
    void *user_data;
};

// --- built-in ---

// The rows of one name stand side by side in one table, so that the map need know the first only.
int func_builtin_start(void)
{
    ASSERT(name_map_find(&builtin_map, "count") == NULL);

    for (u32 i = 0; i < ARRAY_LEN(builtin_tables); i++) {
        for (const FuncDef *def = builtin_tables[i]; def->name != NULL; def++) {
            if (name_map_find(&builtin_map, def->name) != NULL)
                continue; // a further row of the same name
            int rc = name_map_put(&builtin_map, def->name, (void *)(uintptr_t)def, NULL);
            if (rc != SQLITE_OK) {
                func_builtin_stop();
                return rc;
            }
        }
    }
    return SQLITE_OK;
}

// Also after a start that found no memory halfway.
void func_builtin_stop(void)
{
    name_map_deinit(&builtin_map);
}

// Rows of one name stand side by side.
static const FuncDef *builtin_next(const FuncDef *def)
{
    ASSERT(def->name != NULL);

    const FuncDef *next = def + 1;
    return next->name != NULL && name_equals(next->name, def->name) ? next : NULL;
}

// --- matching ---

// Negative counts are ARGS_ANY (-1) and ARGS_n_UP (-2 - n): any count, n and more.
bool func_accepts(const FuncDef *def, int arg_count)
{
    ASSERT(arg_count >= -1);

    if (def->arg_count >= 0)
        return def->arg_count == arg_count;
    return arg_count >= -2 - def->arg_count;
}

// 0: does not fit; 6: as if made for it. The count weighs more than the encoding.
static int match_quality(const FuncDef *def, int arg_count, u8 encoding)
{
    ASSERT(arg_count >= -1);
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    if (!func_accepts(def, arg_count))
        return 0;
    int quality = def->arg_count == arg_count ? 4 : 1;
    u8 own = def->encoding ? def->encoding : SQLITE_UTF8;
    if (own == encoding)
        return quality + 2;
    return quality + ((own & encoding & 2) != 0); // both UTF-16
}

// Like find_own().
static const FuncDef *find_builtin(const char *name, int arg_count, u8 encoding)
{
    ASSERT(name != NULL);

    const FuncDef *best = NULL;
    int best_quality = 0;
    for (const FuncDef *def = name_map_find(&builtin_map, name); def; def = builtin_next(def)) {
        int quality = match_quality(def, arg_count, encoding);
        if (quality > best_quality) {
            best = def;
            best_quality = quality;
        }
    }
    return best;
}

// Like find_builtin(), along the chain of a connection's own; NULL table: it has none yet.
static FuncDef *find_own(const FuncTable *table, const char *name, int arg_count, u8 encoding)
{
    ASSERT(name != NULL);

    FuncDef *best = NULL;
    int best_quality = 0;
    if (table == NULL)
        return NULL;
    for (FuncDef *def = name_map_find(&table->map, name); def; def = def->next) {
        int quality = match_quality(def, arg_count, encoding);
        if (quality > best_quality) {
            best = def;
            best_quality = quality;
        }
    }
    return best;
}

// The connection's own first: an application's function hides a built-in one even if it fits worse.
const FuncDef *func_find(sqlite3 *db, const char *name, int arg_count, u8 encoding)
{
    ASSERT(name != NULL);
    ASSERT(arg_count >= -1);

    const FuncDef *found = find_own(db->functions, name, arg_count, encoding);
    if (found == NULL)
        found = find_builtin(name, arg_count, encoding);
    // A deleted function hides what it once replaced.
    if (found == NULL || (found->call == NULL && found->step == NULL && !found->inline_kind))
        return NULL;
    return found;
}

// A deleted definition does not count, though it hides a built-in one.
bool func_name_exists(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    for (const FuncDef *def = db->functions ? name_map_find(&db->functions->map, name) : NULL; def;
         def = def->next) {
        if (def->call != NULL || def->step != NULL)
            return true;
    }
    return name_map_find(&builtin_map, name) != NULL;
}

// For the message of a call with OVER: a name that is no window function at all is told so.
bool func_name_is_window(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    for (const FuncDef *def = db->functions ? name_map_find(&db->functions->map, name) : NULL; def;
         def = def->next) {
        if (def->flags & FUNC_WINDOW)
            return true;
    }
    // By its first row, which of min and max is the scalar one: SQLite says so too.
    const FuncDef *builtin = name_map_find(&builtin_map, name);
    return builtin != NULL && (builtin->flags & FUNC_WINDOW) != 0;
}

// --- the connection's ---

// The connection is not needed to make one, but names whose it is.
FuncTable *func_table_new(sqlite3 *db)
{
    (void)db;
    return mem_alloc_zeroed(sizeof(FuncTable));
}

// The destructor runs with the last definition, as sqlite3_create_function_v2() promises.
static void owner_unref(FuncOwner *owner)
{
    ASSERT(owner == NULL || owner->refs > 0);

    if (owner == NULL || --owner->refs > 0)
        return;
    owner->destroy(owner->user_data);
    mem_free(owner);
}

// Destructors run here, in no order that a program may rely on.
void func_table_free(FuncTable *table)
{
    if (table == NULL)
        return;
    for (NameEntry *e = name_map_first(&table->map); e; e = name_map_next(&table->map, e)) {
        for (FuncDef *def = e->value; def != NULL; def = def->next)
            owner_unref(def->owner);
    }
    name_map_deinit(&table->map);
    arena_deinit(&table->arena);
    // The definitions lie in the arena: only their owners had to be told.
    mem_free(table);
}

// NULL: no memory, which the table gets over.
static FuncDef *def_new(FuncTable *table, const FuncSpec *spec, u8 encoding)
{
    ASSERT(spec->arg_count >= -1 && spec->arg_count <= INT16_MAX);
    ASSERT(spec->name != NULL);

    size_t size = strlen(spec->name) + 1;
    FuncDef *def = arena_alloc(&table->arena, sizeof *def + size);
    table->arena.failed = false;
    if (def == NULL)
        return NULL;
    *def = (FuncDef){.name = memcpy(def + 1, spec->name, size),
                     .arg_count = (i16)spec->arg_count,
                     .encoding = encoding};
    return def;
}

// The definition with exactly that count and encoding, made when there is none. The chain's first
// definition stays first: its name is the map's key.
static int own_def(FuncTable *table, const FuncSpec *spec, u8 encoding, FuncDef **out)
{
    ASSERT(spec->name != NULL);
    ASSERT(table != NULL && out != NULL);

    NameEntry *entry = name_map_claim(&table->map, spec->name);
    FuncDef *first = entry != NULL ? entry->value : NULL;
    for (FuncDef *def = first; def; def = def->next) {
        if (def->arg_count == spec->arg_count && def->encoding == encoding) {
            *out = def;
            return SQLITE_OK;
        }
    }
    FuncDef *def = entry != NULL ? def_new(table, spec, encoding) : NULL;
    if (def == NULL) {
        if (entry != NULL && first == NULL) // claimed in vain
            name_map_remove(&table->map, spec->name);
        return SQLITE_NOMEM;
    }
    if (first != NULL) {
        def->next = first->next;
        first->next = def;
    } else {
        *entry = (NameEntry){def->name, def, entry->hash};
    }
    *out = def;
    return SQLITE_OK;
}

// Makes or replaces the definition of one encoding. A replaced one lets go of its owner only after
// the new one is counted: both may be the same.
static int define_one(sqlite3 *db, const FuncSpec *spec, u8 encoding, FuncOwner *owner)
{
    ASSERT(db->functions != NULL);
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    FuncDef *def;
    // Deleting what nobody has defined with that count and encoding changes nothing.
    if (spec->call == NULL && spec->step == NULL) {
        const FuncDef *present = func_find(db, spec->name, spec->arg_count, encoding);
        if (present == NULL || (present->encoding ? present->encoding : SQLITE_UTF8) != encoding
            || present->arg_count != spec->arg_count)
            return SQLITE_OK;
    }
    TRY(own_def(db->functions, spec, encoding, &def));
    if (owner != NULL)
        owner->refs++;
    owner_unref(def->owner);
    def->owner = owner;
    def->user_data = spec->user_data;
    def->call = spec->call;
    def->step = spec->step;
    def->finalize = spec->finalize;
    def->value = spec->value;
    def->inverse = spec->inverse;
    def->measure = NULL; // that of the function replaced
    def->flags = (u32)spec->text_rep & FUNC_PUBLIC_MASK;
    if (spec->step != NULL)
        def->flags |= FUNC_AGGREGATE;
    if (spec->value != NULL)
        def->flags |= FUNC_WINDOW;
    return SQLITE_OK;
}

// The encoding that a function is registered for; 0: each of the three. SQLITE_UTF16 is taken for
// little-endian, the order of the machines this runs on.
static u8 spec_encoding(const FuncSpec *spec)
{
    ASSERT(spec != NULL);

    switch (spec->text_rep & 7) {
    case SQLITE_ANY: return 0;
    case SQLITE_UTF16:
    case SQLITE_UTF16LE: return SQLITE_UTF16LE;
    case SQLITE_UTF16BE: return SQLITE_UTF16BE;
    default: return SQLITE_UTF8;
    }
}

// Then statements that use the former one must be compiled anew.
bool func_replaces_own(const sqlite3 *db, const FuncSpec *spec)
{
    ASSERT(spec->name != NULL);

    u8 encoding = spec_encoding(spec);
    const FuncDef *def = db->functions ? name_map_find(&db->functions->map, spec->name) : NULL;
    for (; def != NULL; def = def->next) {
        bool lives = def->call != NULL || def->step != NULL;
        if (lives && def->arg_count == spec->arg_count
            && (encoding == 0 || def->encoding == encoding))
            return true;
    }
    return false;
}

// The destructor is called on failure too: the owner's first reference is this function's own.
int func_define(sqlite3 *db, const FuncSpec *spec)
{
    ASSERT(spec->name != NULL);

    FuncOwner *owner = NULL;
    if (spec->destroy != NULL) {
        owner = mem_alloc_zeroed(sizeof *owner);
        if (owner == NULL) {
            spec->destroy(spec->user_data);
            return SQLITE_NOMEM;
        }
        *owner = (FuncOwner){1, spec->destroy, spec->user_data};
    }
    int rc = SQLITE_OK;
    u8 encoding = spec_encoding(spec);
    for (u8 each = SQLITE_UTF8; each <= SQLITE_UTF16BE && rc == SQLITE_OK; each++) {
        if (encoding == 0 || encoding == each)
            rc = define_one(db, spec, each, owner);
    }
    // The definitions have counted themselves; where none did, the destructor runs here.
    owner_unref(owner);
    return rc;
}

// SQLITE_NOTFOUND: there is no scalar function of two arguments by that name on the connection.
int func_set_measure(sqlite3 *db, const char *name, const struct quire_measure *measure, void *arg)
{
    ASSERT(name != NULL);
    FuncDef *def = find_own(db->functions, name, 2, SQLITE_UTF8);
    if (def == NULL || def->call == NULL || def->arg_count != 2)
        return SQLITE_NOTFOUND;
    def->measure = measure;
    def->measure_arg = arg;
    return SQLITE_OK;
}

// The body of sqlite3_overload_function(): it exists so that a virtual table may overload the
// name.
static void fn_placeholder(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    (void)args;
    call_result_error_format(call, "unable to use function %s in the requested context",
                             call->func->name);
}

// SQLITE_OK without doing anything where the name is a function already.
int func_define_placeholder(sqlite3 *db, const char *name, int arg_count)
{
    ASSERT(name != NULL);

    if (func_find(db, name, arg_count, SQLITE_UTF8) != NULL)
        return SQLITE_OK;
    FuncSpec spec = {
        .name = name, .arg_count = arg_count, .text_rep = SQLITE_UTF8, .call = fn_placeholder};
    return func_define(db, &spec);
}

// PRAGMA case_sensitive_like defines like() anew for the connection, as an application would,
// which is what it amounts to in SQLite too. FUNC_LIKE lets the planner still use an index.
int func_define_like(sqlite3 *db, bool case_sensitive)
{
    ASSERT(db != NULL);

    const LikeRule *rule = case_sensitive ? &like_rule_case : &like_rule_nocase;
    for (int arg_count = 2; arg_count <= 3; arg_count++) {
        FuncSpec spec = {.name = "like",
                         .arg_count = arg_count,
                         .text_rep = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                         .user_data = (void *)(uintptr_t)rule,
                         .call = fn_like};
        TRY(func_define(db, &spec));
        FuncDef *def = find_own(db->functions, "like", arg_count, SQLITE_UTF8);
        ASSERT(def != NULL);
        def->flags |= FUNC_LIKE | FUNC_BUILTIN | (case_sensitive ? FUNC_LIKE_CASE : 0);
    }
    return SQLITE_OK;
}

// --- listing ---

// Built-in ones first, then the connection's; the order within is that of the tables and of the
// map.
const FuncDef *func_first(sqlite3 *db, FuncIterator *it)
{
    ASSERT(it != NULL);

    *it = (FuncIterator){.def = builtin_tables[0]};
    return it->def->name != NULL ? it->def : func_next(db, it);
}

// Past the built-in tables `entry` walks the connection's map and `def` each chain.
const FuncDef *func_next(sqlite3 *db, FuncIterator *it)
{
    ASSERT(it->table <= ARRAY_LEN(builtin_tables));

    while (it->table < ARRAY_LEN(builtin_tables)) {
        it->def++;
        if (it->def->name != NULL)
            return it->def;
        // Each table ends in an empty row.
        it->table++;
        if (it->table < ARRAY_LEN(builtin_tables)) {
            it->def = builtin_tables[it->table];
            if (it->def->name != NULL)
                return it->def;
        } else {
            it->def = NULL;
        }
    }
    if (it->def != NULL)
        it->def = it->def->next;
    while (it->def == NULL && db->functions != NULL) {
        const NameMap *map = &db->functions->map;
        it->entry = it->entry ? name_map_next(map, it->entry) : name_map_first(map);
        if (it->entry == NULL)
            break;
        it->def = it->entry->value;
    }
    return it->def;
}
