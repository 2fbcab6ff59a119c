// Views and triggers stay inside their database: what they name must be found wherever the file is
// opened, under whatever names others are attached. Checked when they are created, and when a file
// says otherwise. Temporary ones may name anything.

#include "base/hashmap.h"
#include "sql/expr_tree.h"
#include "sql/schema_build.h"

// Views and triggers, unless temporary, may name objects of their own database only.
typedef struct FixedNames {
    sqlite3 *db;
    const char *type, *name, *database;
    int rc;
} FixedNames;

static WalkResult refuse_foreign(FixedNames *fix, const FromItem *item)
{
    if (item == NULL || item->schema == NULL || name_equals(item->schema, fix->database))
        return WALK_ON;
    fix->rc =
        connection_error(fix->db, SQLITE_ERROR, "%s %s cannot reference objects in database %s",
                         fix->type, fix->name, item->schema);
    return WALK_STOP;
}

static WalkResult visit_any(Walker *w, Expr *e)
{
    (void)w;
    (void)e;
    return WALK_ON;
}

static WalkResult visit_from_names(Walker *w, Select *s)
{
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        if (refuse_foreign(w->arg, s->from->items[i]) == WALK_STOP)
            return WALK_STOP;
    }
    for (u32 i = 0; s->with != NULL && i < s->with->count; i++) {
        if (select_walk(w, s->with->items[i]->select) == WALK_STOP)
            return WALK_STOP;
    }
    return WALK_ON;
}

static void walk_set(Walker *w, const SetList *set)
{
    for (u32 i = 0; set != NULL && i < set->count; i++)
        (void)expr_walk(w, set->items[i].expr);
}

static void walk_with(Walker *w, const With *with)
{
    for (u32 i = 0; with != NULL && i < with->count; i++)
        (void)select_walk(w, with->items[i]->select);
}

static void fix_insert(Walker *w, Insert *insert)
{
    walk_with(w, insert->with);
    if (insert->select != NULL)
        (void)select_walk(w, insert->select);
    for (Upsert *u = insert->upsert; u != NULL; u = u->next) {
        walk_set(w, u->set);
        (void)expr_walk(w, u->where);
    }
}

static void fix_update(Walker *w, Update *update)
{
    walk_with(w, update->with);
    walk_set(w, update->set);
    for (u32 i = 0; update->from != NULL && i < update->from->count; i++) {
        FromItem *item = update->from->items[i];
        (void)refuse_foreign(w->arg, item);
        if (item->select != NULL)
            (void)select_walk(w, item->select);
        (void)expr_walk(w, item->on);
    }
    (void)expr_walk(w, update->where);
}

int schema_check_trigger(sqlite3 *db, int database, const CreateTrigger *create)
{
    FixedNames fix = {.db = db,
                      .type = "trigger",
                      .name = create->name.name,
                      .database = db->databases[database].name};
    Walker w = {.expr = visit_any, .select = visit_from_names, .arg = &fix};
    if (database == DB_TEMP)
        return SQLITE_OK;
    (void)expr_walk(&w, create->when);
    for (const TriggerStep *step = create->steps; step != NULL; step = step->next) {
        Stmt *stmt = step->stmt;
        if (stmt->kind == STMT_SELECT) {
            (void)select_walk(&w, stmt->u.select);
        } else if (stmt->kind == STMT_INSERT) {
            fix_insert(&w, stmt->u.insert);
        } else if (stmt->kind == STMT_UPDATE) {
            fix_update(&w, stmt->u.update);
        } else {
            walk_with(&w, stmt->u.delete_->with);
            (void)expr_walk(&w, stmt->u.delete_->where);
        }
    }
    return fix.rc;
}

int schema_check_view(sqlite3 *db, int database, const CreateView *create)
{
    FixedNames fix = {.db = db,
                      .type = "view",
                      .name = create->name.name,
                      .database = db->databases[database].name};
    Walker w = {.expr = visit_any, .select = visit_from_names, .arg = &fix};
    if (database != DB_TEMP)
        (void)select_walk(&w, create->select);
    return fix.rc;
}
