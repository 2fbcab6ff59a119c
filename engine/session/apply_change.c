// Applies one change, asks the conflict handler where it does not fit, and does what it answers.
//
//   change   the row                        reason asked about
//   DELETE   is not there                   NOTFOUND
//            has other values               DATA
//            a foreign key needs it         CONSTRAINT
//   UPDATE   as DELETE
//   INSERT   is there already               CONFLICT
//            violates another constraint    CONSTRAINT
// DATA and CONFLICT may be answered by REPLACE: the change is then made whatever the row holds.

#include "base/error.h"
#include "session/apply.h"

// What the handler wants for a DATA or CONFLICT; the two differ in what is tried next.
typedef struct Answer {
    bool may_replace;
    bool replaces;
} Answer;

// --- notes for rebasing ---

// Once for a table: the header precedes the notes of its conflicts.
static void note_table(Apply *apply, const sqlite3_changeset_iter *iter)
{
    ASSERT(apply->keeps_notes);

    if (apply->has_notes_of_table)
        return;
    apply->has_notes_of_table = true;
    changeset_write_table(iter, &apply->notes); // a patchset's notes are thrown away in the end
}

// How a conflict was settled: see rebaser.c for the format. What a rebaser must know later: the
// row the conflict was about, as it was here, and who won.
static int note_conflict(Apply *apply, const sqlite3_changeset_iter *iter, int answer)
{
    ASSERT(iter->operation != 0);

    if (!apply->keeps_notes)
        return SQLITE_OK;
    bool is_delete = iter->operation == SQLITE_DELETE;
    note_table(apply, iter);
    buffer_add_char(&apply->notes, is_delete ? SQLITE_DELETE : SQLITE_INSERT);
    buffer_add_char(&apply->notes, answer == SQLITE_CHANGESET_REPLACE);
    for (int i = 0; i < iter->column_count; i++) {
        bool is_old = is_delete || (iter->operation == SQLITE_UPDATE && iter->key[i] != 0);
        field_write(&apply->notes, is_old ? changeset_old(iter, i) : changeset_new(iter, i));
    }
    return apply->notes.rc;
}

// --- the row in the way ---

// Stands on the row with the change's key, if there is one. The caller resets.
static int find_row(Apply *apply, const sqlite3_changeset_iter *iter, bool *is_there)
{
    ASSERT(apply->select != NULL);

    sqlite3_stmt *select = apply->select;
    if (iter->operation == SQLITE_INSERT)
        TRY(apply_bind_new(apply, iter, select, true));
    else
        TRY(apply_bind_old(apply, iter, select, true));
    int rc = sqlite3_step(select);
    *is_there = rc == SQLITE_ROW;
    return rc == SQLITE_ROW ? SQLITE_OK : sqlite3_reset(select);
}

// By their bytes, as changesets hold them: 1 and 1.0 differ, and so do a text and a blob.
static int value_equals_column(Value *value, sqlite3_stmt *stmt, int column, bool *is_equal)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    Buffer a = {0};
    Buffer b = {0};
    field_write(&a, value);
    field_write(&b, sqlite3_column_value(stmt, column));
    *is_equal = a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
    int rc = a.rc != SQLITE_OK ? a.rc : b.rc;
    buffer_deinit(&a);
    buffer_deinit(&b);
    return rc;
}

// Does the row found hold already what an INSERT or UPDATE would write?
static int is_done_already(const Apply *apply, const sqlite3_changeset_iter *iter, bool *is_done)
{
    ASSERT(apply->select != NULL);

    *is_done = iter->operation != SQLITE_DELETE;
    for (int i = 0; i < apply->column_count && *is_done; i++) {
        Value *value = changeset_new(iter, i);
        if (value != NULL)
            TRY(value_equals_column(value, apply->select, i, is_done));
    }
    return SQLITE_OK;
}

// --- asking ---

// One place lends the iterator (A4).
static int ask(const Apply *apply, sqlite3_changeset_iter *iter, int reason)
{
    ASSERT(apply->conflict != NULL);

    bool was_lent = iter->is_lent;
    iter->is_lent = true;
    int answer = apply->conflict(apply->arg, reason, iter);
    iter->is_lent = was_lent;
    return answer;
}

// Turns the answer into what is done, and notes it. REPLACE where there is no row to replace is
// misuse, as in SQLite.
static int heed(Apply *apply, const sqlite3_changeset_iter *iter, int answer, Answer *out)
{
    ASSERT(!out->replaces);

    switch (answer) {
    case SQLITE_CHANGESET_OMIT: break;
    case SQLITE_CHANGESET_REPLACE:
        if (!out->may_replace)
            return error_misuse();
        out->replaces = true;
        break;
    case SQLITE_CHANGESET_ABORT: return SQLITE_ABORT;
    default: return error_misuse();
    }
    return note_conflict(apply, iter, answer);
}

// With SQLITE_CHANGESETAPPLY_IGNORENOOP a change that is there already raises no question.
static int ask_about_row(Apply *apply, sqlite3_changeset_iter *iter, int reason, Answer *out)
{
    ASSERT(iter->conflict == NULL);

    bool is_done = false;
    if ((apply->flags & SQLITE_CHANGESETAPPLY_IGNORENOOP) != 0) {
        int rc = is_done_already(apply, iter, &is_done);
        if (rc != SQLITE_OK || is_done) {
            sqlite3_reset(apply->select);
            return rc != SQLITE_OK ? rc : note_conflict(apply, iter, SQLITE_CHANGESET_OMIT);
        }
    }
    iter->conflict = apply->select;
    int answer = ask(apply, iter, reason);
    iter->conflict = NULL;
    TRY(sqlite3_reset(apply->select));
    out->may_replace = true;
    return heed(apply, iter, answer, out);
}

// There is no row to show: sqlite3changeset_conflict() is misuse in the handler.
static int ask_without_row(Apply *apply, sqlite3_changeset_iter *iter, int reason)
{
    ASSERT(iter->conflict == NULL);

    bool is_ignored = reason == SQLITE_CHANGESET_NOTFOUND && iter->operation == SQLITE_DELETE
                      && (apply->flags & SQLITE_CHANGESETAPPLY_IGNORENOOP) != 0;
    if (is_ignored)
        return note_conflict(apply, iter, SQLITE_CHANGESET_OMIT);
    Answer answer = {false, false};
    return heed(apply, iter, ask(apply, iter, reason), &answer);
}

// A2: the bytes of the change, to be read again after those of its table.
static int put_off(Apply *apply, const sqlite3_changeset_iter *iter)
{
    ASSERT(apply->puts_off);

    const u8 *bytes = iter->in.bytes + iter->change_at;
    if (apply->put_off.size == 0) {
        changeset_write_table(iter, &apply->put_off);
    }
    buffer_add(&apply->put_off, bytes, iter->in.at - iter->change_at);
    return apply->put_off.rc;
}

// First put off, since another change may make room; in the last pass the handler is asked.
static int on_constraint(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != 0);

    if (apply->puts_off)
        return put_off(apply, iter);
    return ask_without_row(apply, iter, SQLITE_CHANGESET_CONSTRAINT);
}

// The row is not as the change expects. `out` NULL: this was tried before and is final.
static int on_other_values(Apply *apply, sqlite3_changeset_iter *iter, Answer *out)
{
    ASSERT(iter->operation != SQLITE_INSERT);

    bool is_there = false;
    if (out != NULL)
        TRY(find_row(apply, iter, &is_there));
    if (is_there)
        return ask_about_row(apply, iter, SQLITE_CHANGESET_DATA, out);
    return ask_without_row(apply, iter, SQLITE_CHANGESET_NOTFOUND);
}

// A row with the same key is one conflict, any other constraint another.
static int on_refused_insert(Apply *apply, sqlite3_changeset_iter *iter, Answer *out)
{
    ASSERT(iter->operation == SQLITE_INSERT);

    bool is_there = false;
    if (out != NULL)
        TRY(find_row(apply, iter, &is_there));
    if (is_there)
        return ask_about_row(apply, iter, SQLITE_CHANGESET_CONFLICT, out);
    return on_constraint(apply, iter);
}

// --- trying ---

// Runs the bound statement. *rows: rows it changed, -1: a constraint refused it.
static int run(sqlite3 *db, sqlite3_stmt *stmt, int *rows)
{
    ASSERT(stmt != NULL);

    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    bool is_refused = (rc & 0xff) == SQLITE_CONSTRAINT;
    *rows = is_refused ? -1 : sqlite3_changes(db);
    return is_refused ? SQLITE_OK : rc;
}

// `out` NULL: by key alone, whatever the other columns hold.
static int try_delete(Apply *apply, sqlite3_changeset_iter *iter, Answer *out)
{
    ASSERT(iter->operation == SQLITE_DELETE);

    int rows;
    bool by_key = out == NULL || iter->is_patchset;
    TRY(apply_bind_old(apply, iter, apply->delete, by_key));
    TRY(apply_bind_force(apply, apply->delete, apply->column_count + 1, by_key));
    TRY(run(apply->db, apply->delete, &rows));
    if (rows < 0)
        return on_constraint(apply, iter);
    return rows == 0 ? on_other_values(apply, iter, out) : SQLITE_OK;
}

// `out` NULL: by key alone, like try_delete().
static int try_update(Apply *apply, sqlite3_changeset_iter *iter, Answer *out)
{
    ASSERT(iter->operation == SQLITE_UPDATE);

    int rows;
    bool by_key = out == NULL || iter->is_patchset;
    sqlite3_stmt *update;
    TRY(apply_update_statement(apply, iter, &update));
    TRY(apply_bind_old(apply, iter, update, by_key));
    TRY(apply_bind_assigned(apply, iter, update));
    TRY(apply_bind_force(apply, update, 2 * apply->column_count + 1, by_key));
    TRY(run(apply->db, update, &rows));
    if (rows < 0)
        return on_constraint(apply, iter);
    return rows == 0 ? on_other_values(apply, iter, out) : SQLITE_OK;
}

// `out` NULL: the row in the way was removed, so that any refusal is another constraint's.
static int try_insert(Apply *apply, sqlite3_changeset_iter *iter, Answer *out)
{
    ASSERT(iter->operation == SQLITE_INSERT);

    int rows;
    TRY(apply_bind_new(apply, iter, apply->insert, false));
    TRY(run(apply->db, apply->insert, &rows));
    return rows < 0 ? on_refused_insert(apply, iter, out) : SQLITE_OK;
}

// Removes the row in the way of an INSERT and tries again, within a savepoint.
static int replace_row(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation == SQLITE_INSERT);

    int rows;
    TRY(sqlite3_exec(apply->db, "SAVEPOINT replace_op", NULL, NULL, NULL));
    TRY(apply_bind_new(apply, iter, apply->delete, true));
    TRY(apply_bind_force(apply, apply->delete, apply->column_count + 1, true));
    TRY(run(apply->db, apply->delete, &rows));
    if (rows < 0)
        TRY(on_constraint(apply, iter));
    else
        TRY(try_insert(apply, iter, NULL));
    return sqlite3_exec(apply->db, "RELEASE replace_op", NULL, NULL, NULL);
}

// REPLACE is the second try, by key alone; it asks no question of the row again.
int apply_change(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(apply->is_wanted);
    ASSERT(iter->column_count == apply->column_count);

    Answer answer = {false, false};
    switch (iter->operation) {
    case SQLITE_DELETE:
        TRY(try_delete(apply, iter, &answer));
        return answer.replaces ? try_delete(apply, iter, NULL) : SQLITE_OK;
    case SQLITE_UPDATE:
        TRY(try_update(apply, iter, &answer));
        return answer.replaces ? try_update(apply, iter, NULL) : SQLITE_OK;
    default:
        TRY(try_insert(apply, iter, &answer));
        return answer.replaces ? replace_row(apply, iter) : SQLITE_OK;
    }
}
