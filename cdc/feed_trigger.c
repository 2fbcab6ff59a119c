// Writes the triggers of a captured table: see feed_trigger.h.
//
// The texts name every column, because NEW.* does not exist. Whoever changes the columns of the
// table therefore changes the triggers too: SQLite itself on a rename, feed_refresh.c on the rest.
//
// Each change is logged once, by the trigger whose condition it meets:
//
//   INSERT                            insert
//   UPDATE, all keys stay             update
//   UPDATE, another unique key moves  replace, which may have replaced a row by way of that key
//   UPDATE of the row's own key       rekey: a DELETE and an INSERT
//   DELETE                            delete
//   rows that REPLACE removes         insert, replace or rekey, out of what before_insert and
//                                     before_update have staged (F3)
#include "cdc/feed_trigger.h"

static const char *const kind_names[] = {"before_insert", "before_update", "insert", "update",
                                         "replace",       "rekey",         "delete"};
static_assert(ARRAY_LEN(kind_names) == TRIGGER_KINDS, "a name for each kind");

enum { STAGED_MAX = 64 }; // rows of nested statements; what is older was not replaced

typedef struct Writer {
    const Feed *feed;
    const TableShape *shape;
    i64 source, layout;
    sqlite3_str *out;
} Writer;

static void add(Writer *w, const char *text)
{
    sqlite3_str_appendall(w->out, text);
}

// --- keys ---

// A rowid, or the columns of the key.
static int key_part_count(const Writer *w)
{
    return w->shape->rowid != NULL ? 1 : shape_primary_key(w->shape)->part_count;
}

static const KeyPart *key_part(const Writer *w, int i)
{
    ASSERT(i >= 0 && i < key_part_count(w));

    return w->shape->rowid != NULL ? NULL : &shape_primary_key(w->shape)->parts[i];
}

// A column of the key, of `row`: new, old or t.
static void add_key(Writer *w, const char *row, int i)
{
    ASSERT(row != NULL);

    const KeyPart *part = key_part(w, i);
    if (part == NULL)
        sqlite3_str_appendf(w->out, "%s.%s", row, w->shape->rowid);
    else
        sqlite3_str_appendf(w->out, "%s.\"%w\"", row, part->column);
}

static void add_collation(Writer *w, const KeyPart *part)
{
    if (part != NULL && sqlite3_stricmp(part->collation, "BINARY") != 0)
        sqlite3_str_appendf(w->out, " COLLATE \"%w\"", part->collation);
}

// (row's key is other's); other NULL: the staged row's. `op` is IS, or = for the sake of an index.
static void add_key_match(Writer *w, const char *row, const char *op, const char *other)
{
    ASSERT(row != NULL && op != NULL);

    int stored = shape_stored_key_count(w->shape);
    add(w, "(");
    for (int i = 0; i < key_part_count(w); i++) {
        add(w, i == 0 ? "" : " AND ");
        add_key(w, row, i);
        add_collation(w, key_part(w, i));
        sqlite3_str_appendf(w->out, " %s ", op);
        if (other != NULL)
            add_key(w, other, i);
        else if (stored == 0)
            sqlite3_str_appendf(w->out, "\"%w_stage\".id", w->feed->name);
        else
            sqlite3_str_appendf(w->out, "\"%w_stage\".v%d", w->feed->name, i);
    }
    add(w, ")");
}

// --- values ---

// The columns source/layout.. of a log or stage row are followed by id, v0, ...
static void add_value_names(Writer *w, int count)
{
    add(w, "id");
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(w->out, ",v%d", i);
}

static void add_id_and_key(Writer *w, const char *row)
{
    ASSERT(row != NULL);

    int stored = shape_stored_key_count(w->shape);
    if (stored == 0)
        add_key(w, row, 0);
    else
        add(w, "NULL");
    for (int i = 0; i < stored; i++) {
        add(w, ",");
        add_key(w, row, i);
    }
}

// Every column, in the order of the layout.
static void add_image(Writer *w, const char *row)
{
    ASSERT(w->shape->column_count > 0);

    for (int i = 0; i < w->shape->column_count; i++)
        sqlite3_str_appendf(w->out, ",%s.\"%w\"", row, w->shape->columns[i].name);
}

// v columns of a change with so many images.
static int value_count(const Writer *w, int images)
{
    ASSERT(images >= 0 && images <= 2);

    return shape_stored_key_count(w->shape) + images * w->shape->column_count;
}

// None, one or both, by mode and kind of change.
static int image_count(const Feed *feed, int change_type)
{
    int before = mode_has_before(feed->mode) && change_type != CHANGE_INSERT;
    int after = mode_has_after(feed->mode) && change_type != CHANGE_DELETE;
    return before + after;
}

int trigger_width(const Feed *feed, const TableShape *shape)
{
    Writer w = {.feed = feed, .shape = shape};
    return value_count(&w,
                       image_count(feed, CHANGE_UPDATE) > 0 ? image_count(feed, CHANGE_UPDATE) : 0);
}

static void add_log_head(Writer *w, int count)
{
    ASSERT(count >= 0);

    sqlite3_str_appendf(w->out, "INSERT INTO \"%w_log\"(change_time,change_type,layout,",
                        w->feed->name);
    add_value_names(w, count);
    add(w, ")");
}

// What a log row begins with.
static void add_log_prefix(Writer *w, int change_type)
{
    sqlite3_str_appendf(w->out, "strftime('%%s','now'),%d,%lld,", change_type, w->layout);
}

// The log row of this very change, whose key is the one the row has afterwards.
static void add_change(Writer *w, int change_type)
{
    ASSERT(change_type >= CHANGE_DELETE && change_type <= CHANGE_INSERT);

    const char *keyed = change_type == CHANGE_DELETE ? "old" : "new";
    add_log_head(w, value_count(w, image_count(w->feed, change_type)));
    add(w, " VALUES(");
    add_log_prefix(w, change_type);
    add_id_and_key(w, keyed);
    if (mode_has_before(w->feed->mode) && change_type != CHANGE_INSERT)
        add_image(w, "old");
    if (mode_has_after(w->feed->mode) && change_type != CHANGE_DELETE)
        add_image(w, "new");
    add(w, ");\n");
}

// --- rows in conflict ---

// The value that `row`, which is new, has for an expression of an index.
static void add_expression_of(Writer *w, const char *row, const char *expression)
{
    ASSERT(expression != NULL);

    sqlite3_str_appendf(w->out, "(SELECT %s FROM (SELECT ", expression);
    for (int i = 0; i < w->shape->column_count; i++) {
        const char *name = w->shape->columns[i].name;
        sqlite3_str_appendf(w->out, "%s%s.\"%w\" AS \"%w\"", i == 0 ? "" : ",", row, name, name);
    }
    add(w, "))");
}

static void add_unique_match(Writer *w, const UniqueKey *key)
{
    ASSERT(key->part_count > 0);

    add(w, "(");
    for (int i = 0; i < key->part_count; i++) {
        const KeyPart *part = &key->parts[i];
        add(w, i == 0 ? "" : " AND ");
        if (part->column != NULL)
            sqlite3_str_appendf(w->out, "t.\"%w\"", part->column);
        else
            sqlite3_str_appendf(w->out, "(%s)", part->expression);
        add_collation(w, part);
        add(w, " = ");
        if (part->column != NULL)
            sqlite3_str_appendf(w->out, "new.\"%w\"", part->column);
        else
            add_expression_of(w, "new", part->expression);
    }
    add(w, ")");
}

// FROM t AS t WHERE (t may be replaced by the new row). Indexes with a WHERE count as if they had
// none: to stage too much does no harm.
static void add_conflicts(Writer *w, bool is_update)
{
    ASSERT(w->shape->rowid != NULL || w->shape->key_count > 0);

    sqlite3_str_appendf(w->out, "FROM \"%w\" AS t WHERE (", w->shape->name);
    if (w->shape->rowid != NULL)
        add_key_match(w, "t", "=", "new");
    for (int i = 0; i < w->shape->key_count; i++) {
        add(w, i == 0 && w->shape->rowid == NULL ? "" : " OR ");
        add_unique_match(w, &w->shape->keys[i]);
    }
    add(w, ")");
    if (is_update) {
        add(w, " AND NOT ");
        add_key_match(w, "t", "IS", "old");
    }
}

// "old and new agree in" the keys but the row's own: " AND ..."; hidden keys never count as such.
static void add_other_keys_stay(Writer *w)
{
    if (shape_has_hidden_key(w->shape)) {
        add(w, " AND 0");
        return;
    }
    for (int i = 0; i < w->shape->key_count; i++) {
        const UniqueKey *key = &w->shape->keys[i];
        for (int k = 0; k < key->part_count && !key->is_primary; k++)
            sqlite3_str_appendf(w->out, " AND old.\"%w\" IS new.\"%w\"", key->parts[k].column,
                                key->parts[k].column);
    }
}

static void add_all_keys_stay(Writer *w)
{
    add(w, "(");
    add_key_match(w, "old", "IS", "new");
    add_other_keys_stay(w);
    add(w, ")");
}

// Rows that are about to be replaced cannot be seen afterwards: they are set aside before.
static void add_staging(Writer *w, bool is_update)
{
    ASSERT(w->source > 0);

    const char *name = w->feed->name;
    int images = mode_has_before(w->feed->mode) ? 1 : 0;
    sqlite3_str_appendf(w->out,
                        "DELETE FROM \"%w_stage\" WHERE source = %lld AND EXISTS (SELECT 1 ", name,
                        w->source);
    add_conflicts(w, is_update);
    add(w, " AND ");
    add_key_match(w, "t", "IS", NULL);
    sqlite3_str_appendf(w->out, ");\nINSERT INTO \"%w_stage\"(source,", name);
    add_value_names(w, value_count(w, images));
    sqlite3_str_appendf(w->out, ") SELECT %lld,", w->source);
    add_id_and_key(w, "t");
    if (images > 0)
        add_image(w, "t");
    add(w, " ");
    add_conflicts(w, is_update);
    sqlite3_str_appendf(w->out,
                        ";\nDELETE FROM \"%w_stage\" WHERE seq <= (SELECT max(seq) - %d FROM"
                        " \"%w_stage\");\n",
                        name, STAGED_MAX, name);
}

// WHERE: of this table, and gone: another row has its key now, or none.
static void add_replaced(Writer *w)
{
    ASSERT(w->source > 0);

    sqlite3_str_appendf(w->out, " WHERE source = %lld AND (", w->source);
    add_key_match(w, "new", "IS", NULL);
    sqlite3_str_appendf(w->out, " OR NOT EXISTS (SELECT 1 FROM \"%w\" AS t WHERE ", w->shape->name);
    add_key_match(w, "t", "=", NULL);
    add(w, "))");
}

static void add_log_of_replaced(Writer *w)
{
    const char *name = w->feed->name;
    int count = value_count(w, mode_has_before(w->feed->mode) ? 1 : 0);
    add_log_head(w, count);
    add(w, " SELECT ");
    add_log_prefix(w, CHANGE_DELETE);
    add_value_names(w, count);
    sqlite3_str_appendf(w->out, " FROM \"%w_stage\"", name);
    add_replaced(w);
    sqlite3_str_appendf(w->out, ";\nDELETE FROM \"%w_stage\"", name);
    add_replaced(w);
    add(w, ";\n");
}

// The row itself, set aside because it conflicts with its own new key.
static void add_unstaging(Writer *w)
{
    sqlite3_str_appendf(w->out, "DELETE FROM \"%w_stage\" WHERE source = %lld AND ", w->feed->name,
                        w->source);
    add_key_match(w, "old", "IS", NULL);
    add(w, ";\n");
}

// --- which columns ---

static void add_word(Writer *w, int *count, const char *name)
{
    sqlite3_str_appendf(w->out, "%s\"%w\"", *count == 0 ? " UPDATE OF " : ",", name);
    ++*count;
}

static void add_key_words(Writer *w, int *count, bool primary)
{
    for (int i = 0; i < w->shape->key_count; i++) {
        const UniqueKey *key = &w->shape->keys[i];
        for (int k = 0; k < key->part_count && key->is_primary == primary; k++)
            add_word(w, count, key->parts[k].column);
    }
}

// The words by which SET may name the row's own key. The rowid has three besides its alias; that of
// them which a column of the table has taken does no harm here.
static void add_identity_words(Writer *w, int *count)
{
    ASSERT(*count == 0);

    if (w->shape->rowid == NULL) {
        add_key_words(w, count, true);
        return;
    }
    add_word(w, count, "rowid");
    add_word(w, count, "_rowid_");
    add_word(w, count, "oid");
    if (w->shape->alias != NULL)
        add_word(w, count, w->shape->alias);
}

// SQLite goes by the words of SET before it looks at a row, so an UPDATE of other columns pays
// nothing for the triggers that care for keys.
static void add_update(Writer *w, TriggerKind kind)
{
    bool all = kind == TRIGGER_UPDATE || (kind != TRIGGER_REKEY && shape_has_hidden_key(w->shape));
    int count = 0;
    if (!all && kind != TRIGGER_REPLACE)
        add_identity_words(w, &count);
    if (!all && kind != TRIGGER_REKEY)
        add_key_words(w, &count, false);
    if (all)
        add(w, " UPDATE");
}

static void add_event(Writer *w, TriggerKind kind)
{
    ASSERT((int)kind < TRIGGER_KINDS);

    bool before = kind == TRIGGER_BEFORE_INSERT || kind == TRIGGER_BEFORE_UPDATE;
    add(w, before ? " BEFORE" : " AFTER");
    if (kind == TRIGGER_BEFORE_INSERT || kind == TRIGGER_INSERT)
        add(w, " INSERT");
    else if (kind == TRIGGER_DELETE)
        add(w, " DELETE");
    else
        add_update(w, kind);
}

// --- whole triggers ---

// Triggers of one event share it among themselves: each change is logged by exactly one.
static void add_condition(Writer *w, TriggerKind kind)
{
    ASSERT(trigger_is_needed(w->shape, kind));

    switch (kind) {
    case TRIGGER_BEFORE_INSERT:
        add(w, " WHEN EXISTS (SELECT 1 ");
        add_conflicts(w, false);
        add(w, ")");
        return;
    case TRIGGER_BEFORE_UPDATE:
        add(w, " WHEN NOT ");
        add_all_keys_stay(w);
        add(w, " AND EXISTS (SELECT 1 ");
        add_conflicts(w, true);
        add(w, ")");
        return;
    case TRIGGER_UPDATE:
        add(w, " WHEN ");
        add_all_keys_stay(w);
        return;
    case TRIGGER_REPLACE:
        add(w, " WHEN ");
        add_key_match(w, "old", "IS", "new");
        add(w, " AND NOT ");
        add_all_keys_stay(w);
        return;
    case TRIGGER_REKEY:
        add(w, " WHEN NOT ");
        add_key_match(w, "old", "IS", "new");
        return;
    case TRIGGER_INSERT:
    case TRIGGER_DELETE: return;
    }
}

bool trigger_is_needed(const TableShape *shape, TriggerKind kind)
{
    if (kind == TRIGGER_REPLACE)
        return shape_has_other_keys(shape);
    return kind != TRIGGER_UPDATE || !shape_has_hidden_key(shape);
}

static void add_body(Writer *w, TriggerKind kind)
{
    switch (kind) {
    case TRIGGER_BEFORE_INSERT: add_staging(w, false); return;
    case TRIGGER_BEFORE_UPDATE: add_staging(w, true); return;
    case TRIGGER_INSERT:
        add_log_of_replaced(w);
        add_change(w, CHANGE_INSERT);
        return;
    case TRIGGER_UPDATE: add_change(w, CHANGE_UPDATE); return;
    case TRIGGER_REPLACE:
        add_unstaging(w); // the row itself, which may be there from before, is not replaced
        add_log_of_replaced(w);
        add_change(w, CHANGE_UPDATE);
        return;
    case TRIGGER_REKEY:
        add_unstaging(w);
        add_log_of_replaced(w);
        add_change(w, CHANGE_DELETE);
        add_change(w, CHANGE_INSERT);
        return;
    case TRIGGER_DELETE:
        add_unstaging(w);
        add_change(w, CHANGE_DELETE);
        return;
    }
}

char *trigger_name(const Feed *feed, i64 source, TriggerKind kind)
{
    return sqlite3_mprintf("%s_%lld_%s", feed->name, source, kind_names[kind]);
}

char *trigger_text(const Feed *feed, const TableShape *shape, i64 source, i64 layout,
                   TriggerKind kind)
{
    ASSERT(source > 0 && layout > LAYOUT_SCHEMA);
    ASSERT(trigger_is_needed(shape, kind));

    Writer w = {.feed = feed,
                .shape = shape,
                .source = source,
                .layout = layout,
                .out = sqlite3_str_new(feed->db)};
    sqlite3_str_appendf(w.out, "CREATE TRIGGER \"%w_%lld_%s\"", feed->name, source,
                        kind_names[kind]);
    add_event(&w, kind);
    sqlite3_str_appendf(w.out, " ON \"%w\"", shape->name);
    add_condition(&w, kind);
    add(&w, " BEGIN\n");
    add_body(&w, kind);
    add(&w, "END");
    return sqlite3_str_finish(w.out);
}

char *trigger_snapshot_text(const Feed *feed, const TableShape *shape, i64 layout, int change_type)
{
    ASSERT(layout > LAYOUT_SCHEMA);

    Writer w = {.feed = feed, .shape = shape, .layout = layout, .out = sqlite3_str_new(feed->db)};
    int images = image_count(feed, change_type);
    add_log_head(&w, value_count(&w, images));
    add(&w, " SELECT ");
    add_log_prefix(&w, change_type);
    add_id_and_key(&w, "t");
    for (int i = 0; i < images; i++)
        add_image(&w, "t");
    sqlite3_str_appendf(w.out, " FROM \"%w\".\"%w\" AS t", feed->schema, shape->name);
    return sqlite3_str_finish(w.out);
}
