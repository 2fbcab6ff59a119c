// .recover: what can still be read of a damaged database, as the SQL text that makes it again.
//
// Pages come one by one from sqlite_dbpage, so that no tree has to be sound. The schema is read
// from page 1 downward, then each table from its root; leaf pages of tables that nothing led to go
// to a table of their own, lost_and_found. Every number that a page holds is checked before it is
// followed, every page is visited once (`seen`), and trees deeper than DEPTH_MAX are not followed:
// damage can make this end early, never late.
//
//    page   type:1 freeblock:2 cells:2 content:2 fragments:1 [right child:4] cell offset:2 …
//    leaf cell of a table      payload size:varint rowid:varint payload [overflow page:4]
//    interior cell of a table  child:4 rowid:varint
//
// The formats are those of sqlite.org/fileformat2.html. WITHOUT ROWID tables are trees of index
// pages and are not recovered.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

enum {
    // Types of pages.
    INTERIOR_TABLE = 5,
    LEAF_TABLE = 13,
    INTERIOR_INDEX = 2,
    LEAF_INDEX = 10,
    // The format's own limit on columns, with room to spare.
    FIELDS_MAX = 2000,
    // No sound tree is deeper than 20: 40 leaves room for odd ones and bounds the recursion.
    DEPTH_MAX = 40,
};

// One field of a record. Its bytes are borrowed: they lie in the payload that was read for the row.
typedef struct Field {
    int type; // SQLITE_INTEGER, …
    long long integer;
    double real;
    const unsigned char *bytes;
    long long size;
} Field;

// One .recover from beginning to end. Numbers are the file's until they are checked; page_size and
// page_count are the library's.
typedef struct Recovery {
    Shell *shell;
    sqlite3_stmt *read_page;
    long long page_count;
    int page_size, usable;
    int encoding;        // 1: UTF-8, 2: UTF-16le, 3: UTF-16be
    unsigned char *seen; // [page]: reached, or given up
    const char *lost_table;
    bool ignores_free, drops_rowids;
    int lost_fields; // columns of lost_and_found, 0: none yet
} Recovery;

// --- bytes ---

// Big-endian, as everything in the file.
static unsigned number_at(const unsigned char *at, int size)
{
    ASSERT(size >= 1 && size <= 4);

    unsigned value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

// Bytes taken, 0 when the varint ends behind `end`. Big-endian, seven bits a byte, but for the
// ninth, which has eight.
static int take_varint(const unsigned char *at, const unsigned char *end, long long *out)
{
    ASSERT(at <= end);

    unsigned long long value = 0;
    for (int i = 0; i < 9; i++) {
        if (at + i >= end)
            return 0;
        if (i == 8) {
            *out = (long long)(value << 8 | at[8]);
            return 9;
        }
        value = value << 7 | (at[i] & 0x7f);
        if ((at[i] & 0x80) == 0) {
            *out = (long long)value;
            return i + 1;
        }
    }
    return 0;
}

// A copy of the page (sqlite3_free), NULL when there is none. Pages that the file's size promises
// but that are cut off are none.
static unsigned char *read_page(Recovery *rec, long long page)
{
    ASSERT(rec->page_size > 0);
    ASSERT(rec->read_page != NULL);

    unsigned char *copy = NULL;
    if (page < 1 || page > rec->page_count)
        return NULL;
    sqlite3_bind_int64(rec->read_page, 1, page);
    if (sqlite3_step(rec->read_page) == SQLITE_ROW
        && sqlite3_column_bytes(rec->read_page, 0) == rec->page_size) {
        copy = shell_alloc((sqlite3_uint64)rec->page_size);
        memcpy(copy, sqlite3_column_blob(rec->read_page, 0), (size_t)rec->page_size);
    }
    sqlite3_reset(rec->read_page);
    return copy;
}

// True once for each page that exists.
static bool mark(Recovery *rec, long long page)
{
    ASSERT(rec->seen != NULL);

    if (page < 1 || page > rec->page_count || rec->seen[page])
        return false;
    rec->seen[page] = 1;
    return true;
}

// --- cells ---

// The payload of a table leaf's cell, overflow pages included; what is missing is cut off. The
// least and greatest part that stays on the page are those of the format: usable - 35, and (usable
// - 12) * 32 / 255 - 23. NULL: the cell makes no sense.
static unsigned char *take_payload(Recovery *rec, const unsigned char *at, const unsigned char *end,
                                   long long *size, long long *rowid)
{
    ASSERT(rec->usable >= 480);
    ASSERT(at <= end);

    enum { PAYLOAD_MAX = 1000000000 };
    int used = take_varint(at, end, size);
    if (used == 0 || *size < 0 || *size > PAYLOAD_MAX)
        return NULL;
    at += used;
    used = take_varint(at, end, rowid);
    if (used == 0)
        return NULL;
    at += used;
    long long max_local = rec->usable - 35;
    long long min_local = (rec->usable - 12) * 32 / 255 - 23;
    long long local = *size;
    if (*size > max_local) {
        local = min_local + (*size - min_local) % (rec->usable - 4);
        local = local > max_local ? min_local : local;
    }
    bool overflows = local < *size;
    if (local + (overflows ? 4 : 0) > end - at)
        return NULL;
    ASSERT(local >= 0 && local <= *size);
    unsigned char *payload = shell_alloc((sqlite3_uint64)*size + 1);
    memcpy(payload, at, (size_t)local);
    long long next = overflows ? number_at(at + local, 4) : 0;
    while (local < *size) {
        unsigned char *page = mark(rec, next) ? read_page(rec, next) : NULL;
        if (page == NULL)
            break;
        // Each overflow page: the number of the next, then content.
        long long part = rec->usable - 4;
        part = part > *size - local ? *size - local : part;
        memcpy(payload + local, page + 4, (size_t)part);
        local += part;
        next = number_at(page, 4);
        sqlite3_free(page);
    }
    // A chain that breaks off gives what there was.
    *size = local;
    return payload;
}

// Bytes in the body of a record.
static long long serial_size(long long type)
{
    ASSERT(type >= 0);

    // By the table of serial types; 10 and 11 are reserved and have no content.
    static const int sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return type < 12 ? sizes[type] : (type - 12) / 2;
}

// `size` bytes at `at` are there.
static Field decode(long long type, const unsigned char *at, long long size)
{
    ASSERT(size >= 0);
    ASSERT(type >= 0);

    Field field = {.type = SQLITE_NULL, .bytes = at, .size = size};
    if (type >= 12) {
        field.type = type % 2 == 0 ? SQLITE_BLOB : SQLITE_TEXT;
    } else if (type == 8 || type == 9) {
        field.type = SQLITE_INTEGER;
        field.integer = type - 8;
    } else if (type >= 1 && type <= 7) {
        // Integers are sign-extended from their first bit; type 7 is the bits of a double.
        unsigned long long bits = (at[0] & 0x80) != 0 && type != 7 ? ~0ull : 0;
        for (long long i = 0; i < size; i++)
            bits = bits << 8 | at[i];
        field.type = type == 7 ? SQLITE_FLOAT : SQLITE_INTEGER;
        field.integer = (long long)bits;
        memcpy(&field.real, &bits, sizeof bits);
    }
    return field;
}

// Returns the count of fields that are whole. A record whose header or body is cut off gives the
// fields before that.
static int take_fields(const unsigned char *record, long long size, Field *fields)
{
    ASSERT(size >= 0);
    ASSERT(fields != NULL);

    const unsigned char *end = record + size;
    long long header;
    int used = take_varint(record, end, &header);
    if (used == 0 || header < used || header > size)
        return 0;
    const unsigned char *at = record + used;
    const unsigned char *body = record + header;
    int count = 0;
    while (at < record + header && count < FIELDS_MAX) {
        long long type;
        used = take_varint(at, record + header, &type);
        if (used == 0 || type < 0)
            break;
        at += used;
        long long body_size = serial_size(type);
        if (body_size > end - body)
            break;
        fields[count++] = decode(type, body, body_size);
        ASSERT(count <= FIELDS_MAX);
        body += body_size;
    }
    return count;
}

// --- trees ---

typedef void RowFunction(Recovery *rec, void *arg, long long page, long long rowid,
                         const Field *fields, int count);

// Page 1 begins with the header of the file.
static int header_offset(long long page)
{
    ASSERT(page >= 1);

    return page == 1 ? 100 : 0; // behind the database header
}

// Calls `row` for each cell that can be read.
static void visit_leaf(Recovery *rec, long long number, const unsigned char *page, RowFunction *row,
                       void *arg)
{
    ASSERT(number >= 1);
    ASSERT(row != NULL);

    Field *fields = shell_alloc(FIELDS_MAX * sizeof *fields);
    int head = header_offset(number);
    int cells = (int)number_at(page + head + 3, 2);
    for (int i = 0; i < cells && head + 8 + 2 * i + 2 <= rec->usable; i++) {
        int at = (int)number_at(page + head + 8 + 2 * i, 2);
        long long size;
        long long rowid;
        // Cells lie behind the header; one that overlaps the pointers is read all the same.
        if (at < head + 8 || at >= rec->usable)
            continue;
        unsigned char *payload = take_payload(rec, page + at, page + rec->usable, &size, &rowid);
        if (payload == NULL)
            continue;
        int count = take_fields(payload, size, fields);
        if (count > 0)
            row(rec, arg, number, rowid, fields, count);
        sqlite3_free(payload);
    }
    sqlite3_free(fields);
}

// In the order of the keys, as far as the tree is whole.
static void visit_tree(Recovery *rec, long long number, int depth, RowFunction *row, void *arg)
{
    ASSERT(depth >= 0);
    ASSERT(row != NULL);

    unsigned char *page = depth < DEPTH_MAX && mark(rec, number) ? read_page(rec, number) : NULL;
    if (page == NULL)
        return;
    int head = header_offset(number);
    if (page[head] == LEAF_TABLE) {
        visit_leaf(rec, number, page, row, arg);
    } else if (page[head] == INTERIOR_TABLE) {
        int cells = (int)number_at(page + head + 3, 2);
        for (int i = 0; i < cells && head + 12 + 2 * i + 2 <= rec->usable; i++) {
            int at = (int)number_at(page + head + 12 + 2 * i, 2);
            if (at >= head + 12 && at + 4 <= rec->usable)
                visit_tree(rec, number_at(page + at, 4), depth + 1, row, arg);
        }
        visit_tree(rec, number_at(page + head + 8, 4), depth + 1, row, arg);
    }
    sqlite3_free(page);
}

// Pages of an index hold nothing that its table does not.
static void mark_index(Recovery *rec, long long number, int depth)
{
    ASSERT(depth >= 0);
    ASSERT(depth >= 0);

    unsigned char *page = depth < DEPTH_MAX && mark(rec, number) ? read_page(rec, number) : NULL;
    if (page == NULL)
        return;
    int head = header_offset(number);
    if (page[head] == INTERIOR_INDEX) {
        int cells = (int)number_at(page + head + 3, 2);
        for (int i = 0; i < cells && head + 12 + 2 * i + 2 <= rec->usable; i++) {
            int at = (int)number_at(page + head + 12 + 2 * i, 2);
            if (at >= head + 12 && at + 4 <= rec->usable)
                mark_index(rec, number_at(page + at, 4), depth + 1);
        }
        mark_index(rec, number_at(page + head + 8, 4), depth + 1);
    }
    sqlite3_free(page);
}

// --- values ---

// Text in UTF-8, whatever the file's encoding (sqlite3_free).
static char *field_text(Recovery *rec, const Field *field)
{
    ASSERT(field->type == SQLITE_TEXT);
    ASSERT(field->size >= 0);

    sqlite3_stmt *stmt = NULL;
    char *text = NULL;
    unsigned char encoding = rec->encoding == 2   ? SQLITE_UTF16LE
                             : rec->encoding == 3 ? SQLITE_UTF16BE
                                                  : SQLITE_UTF8;
    // The library converts the others; half a character at the end is left out.
    if (rec->encoding == 1)
        return shell_printf("%.*s", (int)field->size, field->bytes);
    if (sqlite3_prepare_v2(rec->shell->db, "SELECT ?1", -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text64(stmt, 1, (const char *)field->bytes,
                            (sqlite3_uint64)(field->size & ~1ll), SQLITE_TRANSIENT, encoding);
        if (sqlite3_step(stmt) == SQLITE_ROW)
            text = shell_printf("%s", sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    return text == NULL ? shell_printf("") : text;
}

// As a literal that reads back as the same value.
static void print_field(Recovery *rec, const Field *field)
{
    FILE *out = rec->shell->out;
    char *text = NULL;
    switch (field->type) {
    case SQLITE_INTEGER: fprintf(out, "%lld", field->integer); return;
    case SQLITE_FLOAT:
        text = shell_printf("%!.17g", field->real);
        // SQL has no word for infinity; a number that overflows to it reads back as one.
        fputs(strstr(text, "Inf") != NULL ? (text[0] == '-' ? "-1e999" : "1e999") : text, out);
        break;
    case SQLITE_TEXT:
        text = field_text(rec, field);
        print_sql_text_escaped(out, text);
        break;
    case SQLITE_BLOB:
        fputs("X'", out);
        for (long long i = 0; i < field->size; i++)
            fprintf(out, "%02X", field->bytes[i]);
        fputc('\'', out);
        return;
    default: fputs("NULL", out); return;
    }
    sqlite3_free(text);
}

// --- schema ---

typedef struct SchemaRow {
    char *type, *name, *sql;
    long long root;
} SchemaRow;

typedef struct SchemaList {
    SchemaRow *rows;
    int count;
} SchemaList;

// What is no row of a schema is passed over.
static void take_schema_row(Recovery *rec, void *arg, long long page, long long rowid,
                            const Field *fields, int count)
{
    ASSERT(arg != NULL);

    SchemaList *list = arg;
    (void)page;
    (void)rowid;
    if (count < 5 || fields[0].type != SQLITE_TEXT || fields[1].type != SQLITE_TEXT)
        return;
    list->rows = shell_realloc(list->rows, ((sqlite3_uint64)list->count + 1) * sizeof *list->rows);
    list->rows[list->count++] = (SchemaRow){
        .type = field_text(rec, &fields[0]),
        .name = field_text(rec, &fields[1]),
        .root = fields[3].type == SQLITE_INTEGER ? fields[3].integer : 0,
        .sql = fields[4].type == SQLITE_TEXT ? field_text(rec, &fields[4]) : NULL,
    };
}

// Rows that were cut off have NULLs.
static void free_schema(SchemaList *list)
{
    ASSERT(list->rows != NULL || list->count == 0);

    for (int i = 0; i < list->count; i++) {
        sqlite3_free(list->rows[i].type);
        sqlite3_free(list->rows[i].name);
        sqlite3_free(list->rows[i].sql);
    }
    sqlite3_free(list->rows);
}

// --- tables ---

// What a table's rows are written with. Columns are those of the CREATE statement, asked of an
// empty database in memory.
typedef struct TableText {
    char *insert;  // INSERT OR IGNORE INTO 't'(…) VALUES (
    int *field_of; // [column]: its field in the record, -1: the rowid
    int columns;
    bool has_rowid; // _rowid_ comes first
} TableText;

// False: the statement cannot be run, or has no columns.
static bool describe_table(Recovery *rec, const SchemaRow *table, sqlite3 *empty, TableText *text)
{
    ASSERT(text->columns == 0);
    ASSERT(table->sql != NULL);

    sqlite3_stmt *stmt = NULL;
    if (sqlite3_exec(empty, table->sql, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    char *sql =
        shell_printf("SELECT name, hidden, pk, type FROM pragma_table_xinfo(%Q)", table->name);
    int rc = sqlite3_prepare_v2(empty, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK)
        return false;
    bool has_key = false;
    int field = 0;
    sqlite3_str *names = sqlite3_str_new(NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int hidden = sqlite3_column_int(stmt, 1);
        // An INTEGER PRIMARY KEY is the rowid: the record has a NULL in its place.
        bool is_key =
            sqlite3_column_int(stmt, 2) == 1
            && sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 3), "integer") == 0;
        if (hidden == 2)
            continue; // virtual: not stored
        if (hidden == 0) {
            sqlite3_uint64 size = ((sqlite3_uint64)text->columns + 1) * sizeof(int);
            text->field_of = shell_realloc(text->field_of, size);
            text->field_of[text->columns] = is_key ? -1 : field;
            sqlite3_str_appendf(names, "%s%Q", text->columns > 0 ? ", " : "",
                                sqlite3_column_text(stmt, 0));
            text->columns++;
            has_key |= is_key;
        }
        field++;
    }
    sqlite3_finalize(stmt);
    char *list = sqlite3_str_finish(names);
    text->has_rowid = !has_key && !rec->drops_rowids;
    text->insert = shell_printf("INSERT OR IGNORE INTO %Q(%s%s) VALUES (", table->name,
                                text->has_rowid ? "_rowid_, " : "", list == NULL ? "" : list);
    sqlite3_free(list);
    return text->columns > 0;
}

// Fields that the record lacks are columns added later, NULL here whatever their default.
static void print_table_row(Recovery *rec, void *arg, long long page, long long rowid,
                            const Field *fields, int count)
{
    ASSERT(arg != NULL);

    static const Field absent = {.type = SQLITE_NULL};
    const TableText *text = arg;
    ASSERT(text->insert != NULL && text->columns > 0);
    FILE *out = rec->shell->out;
    (void)page;
    fputs(text->insert, out);
    if (text->has_rowid)
        fprintf(out, "%lld, ", rowid);
    for (int i = 0; i < text->columns; i++) {
        Field key = {.type = SQLITE_INTEGER, .integer = rowid};
        int at = text->field_of[i];
        fputs(i > 0 ? ", " : "", out);
        print_field(rec, at < 0 ? &key : at < count ? &fields[at] : &absent);
    }
    fputs(");\n", out);
}

// A table whose statement cannot be run in memory is left out; its leaves are then found as lost
// ones.
static void recover_table(Recovery *rec, const SchemaRow *table, sqlite3 *empty)
{
    ASSERT(table->root > 0 && table->sql != NULL);

    TableText text = {0};
    if (describe_table(rec, table, empty, &text))
        visit_tree(rec, table->root, 0, print_table_row, &text);
    sqlite3_free(text.insert);
    sqlite3_free(text.field_of);
}

// Rows without text (automatic indexes) are of no kind.
static bool is_kind(const SchemaRow *row, const char *type)
{
    ASSERT(row->type != NULL);

    return strcmp(row->type, type) == 0 && row->sql != NULL;
}

// Virtual tables as rows of the schema: their modules must not run while their shadow tables are
// made.
static void print_schema_row(Recovery *rec, const SchemaRow *row)
{
    ASSERT(row->sql != NULL);

    FILE *out = rec->shell->out;
    if (strncmp(row->name, "sqlite_", 7) == 0)
        return;
    if (sqlite3_strlike("create virtual table%", row->sql, 0) != 0) {
        fprintf(out, "%s;\n", row->sql);
        return;
    }
    char *insert = shell_printf("INSERT INTO sqlite_schema VALUES('table', %Q, %Q, 0, %Q);",
                                row->name, row->name, row->sql);
    fprintf(out, "%s\n", insert);
    sqlite3_free(insert);
}

// --- pages that nothing led to ---

// A RowFunction that only looks.
static void count_fields(Recovery *rec, void *arg, long long page, long long rowid,
                         const Field *fields, int count)
{
    ASSERT(count > 0);

    (void)arg;
    (void)page;
    (void)rowid;
    (void)fields;
    rec->lost_fields = count > rec->lost_fields ? count : rec->lost_fields;
}

// A RowFunction. The root is not known, so the page stands for it.
static void print_lost_row(Recovery *rec, void *arg, long long page, long long rowid,
                           const Field *fields, int count)
{
    ASSERT(rec->lost_fields > 0);
    ASSERT(count > 0);

    FILE *out = rec->shell->out;
    (void)arg;
    char *head = shell_printf("INSERT INTO %Q VALUES (%lld, %lld, %d, %lld", rec->lost_table, page,
                              page, count, rowid);
    fputs(head, out);
    sqlite3_free(head);
    for (int i = 0; i < rec->lost_fields; i++) {
        fputs(", ", out);
        if (i < count)
            print_field(rec, &fields[i]);
        else
            fputs("NULL", out);
    }
    fputs(");\n", out);
}

// With --ignore-freelist what free pages still hold is not wanted.
static void mark_freelist(Recovery *rec, const unsigned char *page1)
{
    ASSERT(rec->ignores_free);

    long long trunk = number_at(page1 + 32, 4);
    while (mark(rec, trunk)) {
        unsigned char *page = read_page(rec, trunk);
        if (page == NULL)
            return;
        // A trunk page: the next trunk, how many leaves, their numbers.
        long long count = number_at(page + 4, 4);
        for (long long i = 0; i < count && 8 + 4 * i + 4 <= rec->usable; i++)
            (void)mark(rec, number_at(page + 8 + 4 * i, 4));
        trunk = number_at(page, 4);
        sqlite3_free(page);
    }
}

// Whether the page may be a table's leaf: its type, and cells that lie on it.
static bool looks_like_leaf(const Recovery *rec, const unsigned char *page)
{
    ASSERT(page != NULL);

    int cells = (int)number_at(page + 3, 2);
    return page[0] == LEAF_TABLE && cells > 0 && 8 + 2 * cells <= rec->usable;
}

// Leaves of tables that nothing led to.
static void visit_lost(Recovery *rec, const unsigned char *taken, RowFunction *row)
{
    ASSERT(taken != NULL);

    for (long long number = 2; number <= rec->page_count; number++) {
        if (taken[number])
            continue;
        // Page 1 is never lost: the schema begins there.
        unsigned char *page = read_page(rec, number);
        if (page != NULL && looks_like_leaf(rec, page))
            visit_leaf(rec, number, page, row, NULL);
        sqlite3_free(page);
    }
}

// Twice: the first pass only counts how many columns lost_and_found needs.
static void recover_lost(Recovery *rec)
{
    ASSERT(rec->lost_fields == 0);

    size_t size = (size_t)rec->page_count + 1;
    unsigned char *taken = shell_alloc(size);
    memcpy(taken, rec->seen, size);
    visit_lost(rec, taken, count_fields);
    if (rec->lost_fields > 0) {
        char *table = shell_printf("CREATE TABLE %Q(rootpgno INTEGER, pgno INTEGER, nfield INTEGER,"
                                   " id INTEGER",
                                   rec->lost_table);
        fputs(table, rec->shell->out);
        for (int i = 0; i < rec->lost_fields; i++)
            fprintf(rec->shell->out, ", c%d", i);
        fputs(");\n", rec->shell->out);
        sqlite3_free(table);
        memcpy(rec->seen, taken, size); // overflow pages are read once more
        visit_lost(rec, taken, print_lost_row);
    }
    sqlite3_free(taken);
}

// --- the command ---

// Before any table is made: some cannot be changed afterwards.
static void print_settings(Recovery *rec, const unsigned char *page1)
{
    ASSERT(rec->encoding >= 1 && rec->encoding <= 3);

    static const char *const encodings[] = {"UTF-8", "UTF-8", "UTF-16le", "UTF-16be"};
    FILE *out = rec->shell->out;
    fprintf(out, "BEGIN;\nPRAGMA writable_schema = on;\nPRAGMA encoding = '%s';\n",
            encodings[rec->encoding]);
    fprintf(out, "PRAGMA page_size = '%d';\nPRAGMA auto_vacuum = '%d';\n", rec->page_size,
            number_at(page1 + 52, 4) == 0   ? 0
            : number_at(page1 + 64, 4) != 0 ? 2
                                            : 1);
    fprintf(out, "PRAGMA user_version = '%d';\nPRAGMA application_id = '%d';\n",
            (int)number_at(page1 + 60, 4), (int)number_at(page1 + 68, 4));
}

// Everything in one transaction of the new database.
static void recover_all(Recovery *rec, const unsigned char *page1)
{
    ASSERT(rec->usable >= 480);
    ASSERT(rec->encoding >= 1 && rec->encoding <= 3);

    SchemaList schema = {0};
    sqlite3 *empty = NULL;
    // Before anything else, so that no tree is followed into free pages.
    if (rec->ignores_free)
        mark_freelist(rec, page1);
    visit_tree(rec, 1, 0, take_schema_row, &schema);
    print_settings(rec, page1);
    if (sqlite3_open(":memory:", &empty) == SQLITE_OK) {
        // Tables, then their rows; indexes, triggers and views last, when there is what they are
        // about.
        for (int i = 0; i < schema.count; i++) {
            if (is_kind(&schema.rows[i], "table"))
                print_schema_row(rec, &schema.rows[i]);
        }
        for (int i = 0; i < schema.count; i++) {
            if (is_kind(&schema.rows[i], "table") && schema.rows[i].root > 0)
                recover_table(rec, &schema.rows[i], empty);
        }
    }
    sqlite3_close(empty);
    for (int i = 0; i < schema.count; i++) {
        if (strcmp(schema.rows[i].type, "index") == 0)
            mark_index(rec, schema.rows[i].root, 0);
    }
    recover_lost(rec);
    for (int i = 0; i < schema.count; i++) {
        if (schema.rows[i].sql != NULL && !is_kind(&schema.rows[i], "table"))
            print_schema_row(rec, &schema.rows[i]);
    }
    fputs("PRAGMA writable_schema = off;\nCOMMIT;\n", rec->shell->out);
    free_schema(&schema);
}

// What is no option is an error.
static bool take_options(Recovery *rec, DotCall *call)
{
    ASSERT(rec->lost_table != NULL);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option != NULL && strcmp(option, "ignore-freelist") == 0) {
            rec->ignores_free = true;
        } else if (option != NULL && strcmp(option, "no-rowids") == 0) {
            rec->drops_rowids = true;
        } else if (option != NULL && strcmp(option, "lost-and-found") == 0 && i + 1 < call->count) {
            rec->lost_table = call->args[++i];
        } else {
            fprintf(stderr, "unexpected option: %s\n", call->args[i]);
            (void)help_print(call->shell->out, "recover");
            return false;
        }
    }
    return true;
}

// .recover ?OPTIONS?: the output is SQL for a new database. The damaged one is only read.
int dot_recover(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    Recovery rec = {.shell = shell, .lost_table = "lost_and_found"};
    if (!take_options(&rec, call))
        return 1;
    rec.read_page = shell_prepare(shell, "SELECT data FROM sqlite_dbpage WHERE pgno=?1");
    if (rec.read_page == NULL)
        return 1;
    rec.page_size = (int)shell_ask_integer(shell, "PRAGMA page_size");
    rec.page_count = shell_ask_integer(shell, "SELECT count(*) FROM sqlite_dbpage");
    rec.seen = shell_alloc((sqlite3_uint64)rec.page_count + 2);
    memset(rec.seen, 0, (size_t)rec.page_count + 2);
    unsigned char *page1 = read_page(&rec, 1);
    if (page1 != NULL) {
        rec.usable = rec.page_size - page1[20];
        rec.encoding = (int)number_at(page1 + 56, 4);
        rec.encoding = rec.encoding < 1 || rec.encoding > 3 ? 1 : rec.encoding;
        if (rec.usable >= 480)
            recover_all(&rec, page1);
    }
    bool failed = page1 == NULL || rec.usable < 480;
    if (failed)
        fputs("Error: the first page cannot be read\n", stderr);
    sqlite3_free(page1);
    sqlite3_free(rec.seen);
    sqlite3_finalize(rec.read_page);
    return failed;
}
