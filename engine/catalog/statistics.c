// Row estimates: defaults, and what ANALYZE left in sqlite_stat1 and sqlite_stat4.
//
// sqlite_stat1(tbl, idx, stat): `stat` is a list of integers and words. The first integer is the
// number of rows, the i-th after it how many rows share equal first i columns on average. Words:
// "unordered" (no use for ranges and order), "sz=N" (bytes per row), "noskipscan". idx NULL: `stat`
// is about the table alone; idx equal to tbl: about its primary key.
//
// Estimates are logarithmic, 10*log2(n), as everywhere in the planner. The samples of sqlite_stat4
// are read by samples.c.

#include "base/number.h"
#include "base/utf.h"
#include "catalog/connection.h"
#include "catalog/samples.h"
#include "value/record.h"
#include <string.h>

// As SQLite assumes, in units of 10*log2: a table has at least 1,000 rows (99), a partial index
// half of them (10 less), and five rows share the first six columns of a key (23).
enum { ROWS_DEFAULT_MIN = 99, PARTIAL_SHARE = 10, LATER_COLUMNS = 23 };

// --- row sizes ---

// How wide a column is likely to be, in units of four bytes: CHAR(n) says, TEXT and BLOB count as
// 16.
static u32 column_width(const Column *column)
{
    const char *type = column->type;
    u32 size = 0;
    if (type == NULL || column->affinity >= AFF_NUMERIC)
        return 1;
    bool is_char = false;
    for (const char *at = type; *at != 0; at++) {
        is_char = is_char || name_equals_n("char", at, 4) || name_equals_n("blob(", at, 5);
        if (is_char && ascii_is_digit((u8)*at)) {
            for (; ascii_is_digit((u8)*at) && size < 100000; at++)
                size = size * 10 + (u32)(*at - '0');
            break;
        }
    }
    if (!is_char)
        size = 16;
    return size / 4 + 1 > 255 ? 255 : size / 4 + 1;
}

void table_size_default(Table *table)
{
    u32 width = table->rowid_alias < 0 ? 1 : 0;
    for (int i = 0; i < table->column_count; i++)
        width += column_width(&table->columns[i]);
    table->row_size_estimate = log_estimate((u64)width * 4);
    if (table->row_estimate == 0)
        table->row_estimate = 200; // a million rows
}

// An expression or the rowid counts as one unit: nothing is known of it.
static void index_size_default(Index *index)
{
    ASSERT(index->table != NULL);

    u32 width = 0;
    for (u32 i = 0; i < index->column_count; i++)
        width +=
            index->columns[i] < 0 ? 1 : column_width(&index->table->columns[index->columns[i]]);
    index->row_size_estimate = log_estimate((u64)width * 4);
}

// The numbers are SQLite's, so that a database never analysed gets the same plans from both: ten
// rows share the first column, nine the first two, down to six the first five, and five any more;
// a unique key finds one.
int index_estimates_default(Index *index)
{
    static const i16 first_columns[] = {33, 32, 30, 28, 27}; // 10, 9, 8, 7, 6 rows
    ASSERT(index->key_count <= index->column_count);

    Table *table = index->table;
    index_size_default(index);
    if (index->row_estimates == NULL)
        index->row_estimates =
            arena_array(&index->arena, index->column_count + 2u, sizeof *index->row_estimates);
    if (index->row_estimates == NULL)
        return SQLITE_NOMEM;
    if (table->row_estimate < ROWS_DEFAULT_MIN)
        table->row_estimate = ROWS_DEFAULT_MIN;
    i16 *rows = index->row_estimates;
    rows[0] = (i16)(table->row_estimate - (index->where != NULL ? PARTIAL_SHARE : 0));
    for (u32 i = 1; i <= index->column_count + 1u; i++)
        rows[i] = i <= ARRAY_LEN(first_columns) ? first_columns[i - 1] : LATER_COLUMNS;
    if (index->flags & INDEX_UNIQUE) {
        for (u32 i = index->key_count; i <= index->column_count + 1u; i++)
            rows[i] = 0;
    }
    return SQLITE_OK;
}

// --- reading a stat text ---

// Reads up to `count` integers into `rows`, as estimates, and `exact` (may be NULL); returns where
// the words begin.
static const char *stat_integers(const char *at, i16 *rows, u64 *exact, u32 count)
{
    ASSERT(rows != NULL);

    for (u32 i = 0; i < count && *at != 0; i++) {
        u64 n = 0;
        while (ascii_is_digit((u8)*at))
            n = n * 10 + (u64)(*at++ - '0');
        rows[i] = log_estimate(n);
        if (exact != NULL)
            exact[i] = n;
        if (*at == ' ')
            at++;
    }
    return at;
}

// Words it does not know are passed over, as SQLite does: later versions may write more.
static void stat_words(const char *at, u16 *flags, i16 *row_size)
{
    while (*at != 0) {
        if (strncmp(at, "unordered", 9) == 0) {
            *flags |= INDEX_UNORDERED;
        } else if (strncmp(at, "sz=", 3) == 0 && ascii_is_digit((u8)at[3])) {
            i64 bytes = number_parse_i64(at + 3, strlen(at + 3));
            *row_size = log_estimate(bytes < 2 ? 2 : (u64)bytes);
        } else if (strncmp(at, "noskipscan", 10) == 0) {
            *flags |= INDEX_NO_SKIP_SCAN;
        }
        while (*at != 0 && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
}

// A whole index speaks for its table too; a partial one would understate it.
static int stat_of_index(Table *table, Index *index, const char *stat)
{
    ASSERT(index->table == table);
    ASSERT(index->row_estimates != NULL);

    u32 count = index->key_count + 1u;
    if (index->row_counts == NULL)
        index->row_counts = arena_array(&index->arena, count, sizeof *index->row_counts);
    if (index->row_counts == NULL)
        return SQLITE_NOMEM;
    memset(index->row_counts, 0, count * sizeof *index->row_counts);
    index->flags &= (u16) ~(INDEX_UNORDERED | INDEX_NO_SKIP_SCAN);
    const char *words = stat_integers(stat, index->row_estimates, index->row_counts, count);
    stat_words(words, &index->flags, &index->row_size_estimate);
    index->flags |= INDEX_HAS_STAT1;
    if (index->where == NULL) {
        table->row_estimate = index->row_estimates[0];
        table->flags |= TABLE_HAS_STAT1;
    }
    return SQLITE_OK;
}

static void stat_of_table(Table *table, const char *stat)
{
    u16 flags = 0;
    const char *words = stat_integers(stat, &table->row_estimate, NULL, 1);
    stat_words(words, &flags, &table->row_size_estimate);
    table->flags |= TABLE_HAS_STAT1;
}

// --- reading the tables ---

enum { STAT1_COLUMNS = 3 };

// One of the two tables, and what is done with a row of it.
typedef struct StatReader {
    sqlite3 *db;
    int database;
    int columns;
    int (*row)(const struct StatReader *reader, Value *fields);
} StatReader;

// Table and index that a row is about: *index NULL for the table alone, or when there is no such.
static int row_object(const StatReader *r, Value *fields, Table **table, Index **index)
{
    ASSERT(r->columns >= STAT1_COLUMNS);

    const Schema *schema = r->db->databases[r->database].schema;
    const char *text[2] = {NULL, NULL};
    *table = NULL;
    *index = NULL;
    for (int i = 0; i < 2; i++) {
        if (value_type(&fields[i]) == SQLITE_NULL)
            continue;
        text[i] = value_text(&fields[i], SQLITE_UTF8);
        if (text[i] == NULL)
            return SQLITE_NOMEM;
    }
    if (text[0] != NULL)
        *table = name_map_find(&schema->tables, text[0]);
    if (*table == NULL || text[1] == NULL)
        return SQLITE_OK;
    *index = name_equals(text[0], text[1]) ? table_primary_key(*table)
                                           : name_map_find(&schema->indexes, text[1]);
    return SQLITE_OK;
}

static int stat1_row(const StatReader *r, Value *fields)
{
    Table *table;
    Index *index;
    TRY(row_object(r, fields, &table, &index));
    if (table == NULL || value_type(&fields[2]) == SQLITE_NULL)
        return SQLITE_OK;
    const char *stat = value_text(&fields[2], SQLITE_UTF8);
    if (stat == NULL)
        return SQLITE_NOMEM;
    if (index != NULL)
        return stat_of_index(table, index, stat);
    if (value_type(&fields[1]) == SQLITE_NULL)
        stat_of_table(table, stat);
    return SQLITE_OK;
}

static int stat4_row(const StatReader *r, Value *fields)
{
    Table *table;
    Index *index;
    TRY(row_object(r, fields, &table, &index));
    return index != NULL ? index_samples_add(index, fields) : SQLITE_OK;
}

// Fields that the record does not have stay NULL.
static int record_decode(const StatReader *r, const u8 *record, u32 size, Value *fields)
{
    ASSERT(r->columns <= SAMPLE_COLUMNS);

    RecordReader reader;
    int rc = SQLITE_OK;
    TRY(record_reader_init(&reader, record, size));
    for (int i = 0; i < r->columns; i++) {
        value_init(&fields[i], r->db);
        if (rc == SQLITE_OK)
            (void)record_reader_next(&reader, r->db->encoding, &fields[i], &rc);
    }
    return rc;
}

static int stat_entry(const StatReader *r, Cursor *cur)
{
    u32 size = cursor_payload_size(cur);
    u8 *record = mem_alloc(size + PAGE_SLACK);
    Value fields[SAMPLE_COLUMNS] = {0};
    if (record == NULL)
        return SQLITE_NOMEM;
    memset(record + size, 0, PAGE_SLACK);
    int rc = cursor_payload_read(cur, 0, size, record);
    if (rc == SQLITE_OK)
        rc = record_decode(r, record, size, fields);
    if (rc == SQLITE_OK)
        rc = r->row(r, fields);
    for (int i = 0; i < r->columns; i++)
        value_deinit(&fields[i]);
    mem_free(record);
    return rc;
}

static int stat_read(const StatReader *r, const char *name)
{
    ASSERT(r->columns <= SAMPLE_COLUMNS);

    const Table *table = name_map_find(&r->db->databases[r->database].schema->tables, name);
    if (table == NULL || !table_is_rowid(table) || table->column_count < r->columns)
        return SQLITE_OK;
    Cursor *cur;
    bool empty;
    TRY(cursor_open(r->db->databases[r->database].btree, table->root, false, NULL, &cur));
    int rc = cursor_first(cur, &empty);
    if (rc == SQLITE_OK && empty)
        rc = SQLITE_DONE;
    while (rc == SQLITE_OK) {
        rc = stat_entry(r, cur);
        if (rc == SQLITE_OK)
            rc = cursor_next(cur);
    }
    cursor_close(cur);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// ANALYZE writes the tables anew while the schema stays: what is no longer there must not linger.
static void index_forget(Index *index)
{
    index->flags &= (u16)~INDEX_HAS_STAT1;
    index_samples_free(index->samples);
    index->samples = NULL;
    if (index->row_counts != NULL)
        memset(index->row_counts, 0, (index->key_count + 1u) * sizeof *index->row_counts);
}

static void estimates_forget(Schema *schema)
{
    for (NameEntry *e = name_map_first(&schema->tables); e; e = name_map_next(&schema->tables, e))
        ((Table *)e->value)->flags &= ~(u32)TABLE_HAS_STAT1;
    for (NameEntry *e = name_map_first(&schema->indexes); e; e = name_map_next(&schema->indexes, e))
        index_forget(e->value);
}

int statistics_load(sqlite3 *db, int database)
{
    ASSERT(database >= 0 && database < db->database_count);

    Schema *schema = db->databases[database].schema;
    estimates_forget(schema);
    const StatReader stat1 = {db, database, STAT1_COLUMNS, stat1_row};
    const StatReader stat4 = {db, database, SAMPLE_COLUMNS, stat4_row};
    int rc = stat_read(&stat1, "sqlite_stat1");
    if (rc == SQLITE_OK)
        rc = stat_read(&stat4, "sqlite_stat4");
    for (NameEntry *e = name_map_first(&schema->indexes); e && rc == SQLITE_OK;
         e = name_map_next(&schema->indexes, e)) {
        Index *index = e->value;
        if ((index->flags & INDEX_HAS_STAT1) == 0)
            rc = index_estimates_default(index);
        if (rc == SQLITE_OK)
            rc = index_samples_finish(index);
    }
    return rc == SQLITE_NOMEM ? connection_out_of_memory(db) : rc;
}
