// What the text of a view or trigger may name: checked when it is created, and when a file says
// otherwise, for a file may come from anywhere.
//
//   CREATE VIEW aux.v AS SELECT * FROM main.t     refused: found wherever aux's file is opened, the
//                                                 view must not depend on what else is attached
//   CREATE TEMP VIEW v AS SELECT * FROM main.t    fine: temporary objects see every database
//   CREATE TRIGGER ... BEGIN SELECT ?1; END       refused: nobody could bind it
//
// A parameter in a stored trigger is let pass while the schema is read: SQLite takes it for NULL.
// Walks the unresolved tree, so that the whole definition is looked at, with what no row ever
// reaches.

#include "sql/expr_tree.h"
#include "sql/schema_build.h"

typedef struct NameCheck {
    sqlite3 *db;
    int database; // where the object lives
    const char *type, *name;
    bool refuses_params;
    int rc; // the first error, which is on the connection
} NameCheck;

static WalkResult check_database(NameCheck *check, const FromItem *item)
{
    if (item->schema == NULL || check->database == DB_TEMP
        || connection_find_database(check->db, item->schema) == check->database)
        return WALK_ON;
    check->rc =
        connection_error(check->db, SQLITE_ERROR, "%s %s cannot reference objects in database %s",
                         check->type, check->name, item->schema);
    return WALK_STOP;
}

static WalkResult check_param(Walker *w, Expr *e)
{
    NameCheck *check = w->arg;
    if (e->kind != EX_PARAM || !check->refuses_params)
        return WALK_ON;
    check->rc = connection_error(check->db, SQLITE_ERROR, "trigger cannot use variables");
    return WALK_STOP;
}

// Walks do not enter the bodies of CTEs, which are copied where they are used; here the text
// counts.
static WalkResult check_with(Walker *w, const With *with)
{
    for (u32 i = 0; with != NULL && i < with->count; i++)
        if (select_walk(w, with->items[i]->select) == WALK_STOP)
            return WALK_STOP;
    return WALK_ON;
}

static WalkResult check_select(Walker *w, Select *s)
{
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++)
        if (check_database(w->arg, s->from->items[i]) == WALK_STOP)
            return WALK_STOP;
    return check_with(w, s->with);
}

static WalkResult check_set(Walker *w, const SetList *set)
{
    for (u32 i = 0; set != NULL && i < set->count; i++)
        if (expr_walk(w, set->items[i].expr) == WALK_STOP)
            return WALK_STOP;
    return WALK_ON;
}

static WalkResult check_insert(Walker *w, const Insert *insert)
{
    if (check_with(w, insert->with) == WALK_STOP || select_walk(w, insert->select) == WALK_STOP)
        return WALK_STOP;
    for (const Upsert *u = insert->upsert; u != NULL; u = u->next)
        if (check_set(w, u->set) == WALK_STOP || expr_walk(w, u->where) == WALK_STOP)
            return WALK_STOP;
    return WALK_ON;
}

static WalkResult check_update(Walker *w, const Update *update)
{
    if (check_with(w, update->with) == WALK_STOP || check_set(w, update->set) == WALK_STOP)
        return WALK_STOP;
    for (u32 i = 0; update->from != NULL && i < update->from->count; i++) {
        const FromItem *item = update->from->items[i];
        if (check_database(w->arg, item) == WALK_STOP || select_walk(w, item->select) == WALK_STOP
            || expr_walk(w, item->on) == WALK_STOP)
            return WALK_STOP;
    }
    return expr_walk(w, update->where);
}

// Targets need no look: the parser lets them have no schema within a trigger.
static WalkResult check_step(Walker *w, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_SELECT: return select_walk(w, stmt->u.select);
    case STMT_INSERT: return check_insert(w, stmt->u.insert);
    case STMT_UPDATE: return check_update(w, stmt->u.update);
    default:
        ASSERT(stmt->kind == STMT_DELETE); // no other statement stands in a trigger
        return check_with(w, stmt->u.delete_->with) == WALK_STOP
                   ? WALK_STOP
                   : expr_walk(w, stmt->u.delete_->where);
    }
}

int schema_check_trigger(sqlite3 *db, int database, const CreateTrigger *create)
{
    ASSERT(database >= 0 && database < db->database_count);

    NameCheck check = {.db = db,
                       .database = database,
                       .type = "trigger",
                       .name = create->name.name,
                       .refuses_params = !db->is_loading};
    Walker w = {.expr = check_param, .select = check_select, .arg = &check};
    (void)expr_walk(&w, create->when);
    for (const TriggerStep *step = create->steps; step != NULL && check.rc == SQLITE_OK;
         step = step->next)
        (void)check_step(&w, step->stmt);
    return check.rc;
}

// (Parameters of a view are refused when it is created, before its name is looked at.)
int schema_check_view(sqlite3 *db, int database, const CreateView *create)
{
    ASSERT(database >= 0 && database < db->database_count);

    NameCheck check = {.db = db, .database = database, .type = "view", .name = create->name.name};
    Walker w = {.expr = check_param, .select = check_select, .arg = &check};
    (void)select_walk(&w, create->select);
    return check.rc;
}
