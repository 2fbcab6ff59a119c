// Which databases the definition of a view or trigger may name.

#include "sql/resolve_internal.h"

typedef struct DatabaseCheck {
    sqlite3 *db;
    int database;
    bool is_trigger;
    const char *name;
    int rc;
} DatabaseCheck;

static void check_name(DatabaseCheck *c, const char *schema)
{
    if (schema == NULL || c->rc != SQLITE_OK || c->database == DB_TEMP
        || connection_find_database(c->db, schema) == c->database)
        return;
    c->rc = connection_error(c->db, SQLITE_ERROR, "%s %s cannot reference objects in database %s",
                             c->is_trigger ? "trigger" : "view", c->name, schema);
}

static WalkResult check_expr(Walker *w, Expr *e)
{
    DatabaseCheck *c = w->arg;
    if (e->kind == EX_PARAM && c->rc == SQLITE_OK && !c->db->is_loading && c->is_trigger)
        c->rc = connection_error(c->db, SQLITE_ERROR, "trigger cannot use variables");
    return c->rc == SQLITE_OK ? WALK_ON : WALK_STOP;
}

static void check_query(DatabaseCheck *c, Select *select);

static WalkResult check_select(Walker *w, Select *s)
{
    DatabaseCheck *c = w->arg;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++)
        check_name(c, s->from->items[i]->schema);
    for (u32 i = 0; s->with != NULL && i < s->with->count; i++)
        check_query(c, s->with->items[i]->select);
    return c->rc == SQLITE_OK ? WALK_ON : WALK_STOP;
}

static void check_query(DatabaseCheck *c, Select *select)
{
    Walker w = {.expr = check_expr, .select = check_select, .arg = c};
    (void)select_walk(&w, select);
}

static void check_set(Walker *w, const SetList *set)
{
    for (u32 i = 0; set != NULL && i < set->count; i++)
        (void)expr_walk(w, set->items[i].expr);
}

static void check_from(DatabaseCheck *c, Walker *w, const FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        check_name(c, from->items[i]->schema);
        check_query(c, from->items[i]->select);
        (void)expr_walk(w, from->items[i]->on);
    }
}

static void check_step(DatabaseCheck *c, const Stmt *stmt)
{
    Walker w = {.expr = check_expr, .select = check_select, .arg = c};
    switch (stmt->kind) {
    case STMT_SELECT: check_query(c, stmt->u.select); return;
    case STMT_INSERT:
        check_query(c, stmt->u.insert->select);
        for (const Upsert *u = stmt->u.insert->upsert; u != NULL; u = u->next) {
            check_set(&w, u->set);
            (void)expr_walk(&w, u->where);
        }
        return;
    case STMT_UPDATE:
        check_set(&w, stmt->u.update->set);
        check_from(c, &w, stmt->u.update->from);
        (void)expr_walk(&w, stmt->u.update->where);
        return;
    case STMT_DELETE: (void)expr_walk(&w, stmt->u.delete_->where); return;
    default: return; // no other statement stands in a trigger
    }
}

int resolve_check_view(sqlite3 *db, int database, const CreateView *view)
{
    DatabaseCheck c = {.db = db, .database = database, .name = view->name.name};
    if (database != DB_TEMP) // temporary objects may look anywhere
        check_query(&c, view->select);
    return c.rc;
}

int resolve_check_trigger(sqlite3 *db, int database, const CreateTrigger *trigger)
{
    DatabaseCheck c = {
        .db = db, .database = database, .is_trigger = true, .name = trigger->name.name};
    Walker w = {.expr = check_expr, .select = check_select, .arg = &c};
    (void)expr_walk(&w, trigger->when);
    for (const TriggerStep *step = trigger->steps; step != NULL && c.rc == SQLITE_OK;
         step = step->next)
        check_step(&c, step->stmt);
    return c.rc;
}
