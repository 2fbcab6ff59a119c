// The resolver's entry points for queries and lone expressions, and its errors.
//
// Three times the order of work decides which of several errors is told, and it is SQLite's: FROM
// and stars of the whole statement first (expand), then names from the outside in (resolve_query),
// then what SQLite notices only when it generates code, as it would: such an error is kept as
// "late" and set at the end, unless another came first.

#include "sql/resolve.h"
#include "sql/resolve_internal.h"
#include <stdarg.h>

// --- errors ---

int resolve_error(Resolver *r, u32 offset, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    Buffer text = {0};
    buffer_vprintf(&text, fmt, args);
    va_end(args);
    int rc = SQLITE_NOMEM;
    if (text.rc == SQLITE_OK) {
        rc = connection_error(r->db, SQLITE_ERROR, "%s", buffer_text(&text));
        r->db->error_offset = offset == NO_OFFSET || r->no_offsets ? -1 : (int)offset;
    }
    buffer_deinit(&text);
    return rc == SQLITE_NOMEM ? connection_out_of_memory(r->db) : rc;
}

int resolve_late_error(Resolver *r, u32 offset, const char *fmt, ...)
{
    if (r->ctx->late_error != NULL)
        return SQLITE_OK;
    va_list args;
    va_start(args, fmt);
    Buffer text = {0};
    buffer_vprintf(&text, fmt, args);
    va_end(args);
    if (text.rc == SQLITE_OK)
        r->ctx->late_error = arena_dup(r->arena, text.bytes, text.size);
    r->ctx->late_offset = r->no_offsets ? NO_OFFSET : offset;
    buffer_deinit(&text);
    return r->ctx->late_error == NULL ? resolve_no_memory(r) : SQLITE_OK;
}

int resolve_end(Resolver *r, int rc)
{
    ASSERT(r->ctx->late_error == NULL || r->ctx->late_error[0] != '\0');

    if (rc != SQLITE_OK || r->ctx->late_error == NULL)
        return rc;
    // The late error was made with the offset of its own tree, which may have been a view's.
    bool no_offsets = r->no_offsets;
    r->no_offsets = false;
    rc = resolve_error(r, r->ctx->late_offset, "%s", r->ctx->late_error);
    r->no_offsets = no_offsets;
    r->ctx->late_error = NULL;
    return rc;
}

int resolve_no_memory(Resolver *r)
{
    return connection_out_of_memory(r->db);
}

// Only names, literals, parameters and calls have a place; others are where their left end is. Byte
// 0 counts as no place, as it does in SQLite.
u32 expr_error_offset(const Expr *e)
{
    while (e != NULL) {
        switch (e->kind) {
        case EX_NAME:
        case EX_STAR: {
            u32 offset = e->offset;
            if (e->u.name.table_offset < offset)
                offset = e->u.name.table_offset;
            if (e->u.name.schema_offset < offset)
                offset = e->u.name.schema_offset;
            return offset == 0 ? NO_OFFSET : offset;
        }
        case EX_INTEGER:
        case EX_FLOAT:
        case EX_STRING:
        case EX_BLOB:
        case EX_PARAM:
        case EX_CALL:
        case EX_COLUMN:
        case EX_ROW_COLUMN:
        case EX_NULL: return e->offset == 0 ? NO_OFFSET : e->offset;
        default: e = e->left; break; // operators have no place of their own
        }
    }
    return NO_OFFSET;
}

// --- contexts ---

void resolve_context_init(ResolveContext *ctx, sqlite3 *db, Arena *arena)
{
    ASSERT(db != NULL && arena != NULL);

    *ctx = (ResolveContext){.db = db, .arena = arena};
}

Resolver resolver_make(ResolveContext *ctx)
{
    Resolver r = {.ctx = ctx, .db = ctx->db, .arena = ctx->arena};
    Schema *home = ctx->home;
    if (ctx->trigger != NULL && !ctx->trigger->is_returning) {
        r.no_offsets = true;
        home = ctx->trigger->schema;
    }
    int index = home == NULL ? -1 : schema_index(ctx->db, home);
    if (index >= 0 && index != DB_TEMP) // objects of temp may name tables of every database
        r.fixed_db = ctx->db->databases[index].name;
    return r;
}

// --- authorizer ---

int resolve_authorize(sqlite3 *db, int code, const char *a, const char *b, const char *database)
{
    // A schema being read is the engine's own doing, nothing a user asked for.
    if (db->authorizer == NULL || db->is_loading)
        return SQLITE_OK;
    int rc = db->authorizer(db->authorizer_arg, code, a, b, database, db->authorizer_context);
    if (rc == SQLITE_DENY)
        return connection_error(db, SQLITE_AUTH, "not authorized");
    if (rc != SQLITE_OK && rc != SQLITE_IGNORE)
        return connection_error(db, SQLITE_ERROR, "authorizer malfunction");
    return rc;
}

int resolve_authorize_read(sqlite3 *db, const char *table, const char *column, const char *database)
{
    int rc = resolve_authorize(db, SQLITE_READ, table, column, database);
    if (rc != SQLITE_AUTH)
        return rc;
    bool is_main = db->database_count <= 2 && name_equals(database, "main");
    return connection_error(db, SQLITE_AUTH, "access to %s%s%s.%s is prohibited",
                            is_main ? "" : database, is_main ? "" : ".", table, column);
}

// --- queries ---

int resolve_select(ResolveContext *ctx, Select *select)
{
    ASSERT(select != NULL && select->next == NULL);

    Resolver r = resolver_make(ctx);
    TRY(expand_select(&r, select));
    if (!ctx->is_asked_late)
        TRY(authorize_query(&r, select));
    TRY(resolve_end(&r, resolve_query(&r, NULL, select)));
    if (ctx->is_asked_late)
        TRY(authorize_query(&r, select));
    TRY(authorize_within(&r, select));
    return resolve_api_names(&r, select);
}

// --- lone expressions ---

static u32 self_flags(SelfKind kind)
{
    switch (kind) {
    case SELF_CHECK: return SCOPE_CHECK;
    case SELF_INDEX: return SCOPE_INDEX;
    case SELF_PARTIAL_INDEX: return SCOPE_PARTIAL;
    case SELF_GENERATED: return SCOPE_GENERATED;
    }
    UNREACHABLE();
}

static int resolve_lone(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(s->select == NULL && s->from == NULL);

    TRY(expand_subqueries(r, e));
    TRY(resolve_expr(r, s, e));
    TRY(resolve_end(r, check_row_values(r, e)));
    return authorize_expr_queries(r, e);
}

int resolve_self(ResolveContext *ctx, Table *table, SelfKind kind, Expr **expr)
{
    ASSERT(table != NULL && expr != NULL);

    Resolver r = resolver_make(ctx);
    Scope s = {.self = table, .flags = self_flags(kind)};
    // Expressions of a schema being read are trusted only as far as trusted_schema goes.
    if (ctx->db->is_loading)
        s.flags |= SCOPE_FROM_DDL;
    return *expr == NULL ? SQLITE_OK : resolve_lone(&r, &s, *expr);
}

int resolve_self_list(ResolveContext *ctx, Table *table, SelfKind kind, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(resolve_self(ctx, table, kind, &list->items[i].expr));
    return SQLITE_OK;
}

int resolve_constant(ResolveContext *ctx, Expr **expr)
{
    ASSERT(expr != NULL);

    Resolver r = resolver_make(ctx);
    Scope s = {.flags = ctx->is_ddl ? SCOPE_NO_NAMES : 0};
    return *expr == NULL ? SQLITE_OK : resolve_lone(&r, &s, *expr);
}

int resolve_trigger_when(ResolveContext *ctx, Expr **expr)
{
    ASSERT(ctx->trigger != NULL);

    Resolver r = resolver_make(ctx);
    Scope s = {0};
    return *expr == NULL ? SQLITE_OK : resolve_lone(&r, &s, *expr);
}
