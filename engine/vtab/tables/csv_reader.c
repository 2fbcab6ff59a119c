// Reading comma-separated values field by field (grammar in csv_reader.h). One byte is looked
// ahead, never more, so that a pipe can be read as well as a file.

#include "vtab/tables/csv_reader.h"

#include <string.h>

// A byte, or EOF as getc() has it: a NUL or 0xff in a file is a byte like any other. Text given as
// data= ends at its first NUL.
static int get_byte(CsvReader *reader)
{
    if (reader->file != NULL)
        return getc(reader->file);
    if (reader->text_at >= reader->text_size)
        return EOF;
    return (unsigned char)reader->text[reader->text_at++];
}

// Of a file only one byte in a row: more ungetc() does not promise.
static void unget_byte(CsvReader *reader, int byte)
{
    ASSERT(byte == EOF || reader->file != NULL || reader->text_at > 0);

    if (byte == EOF)
        return;
    if (reader->file != NULL)
        (void)ungetc(byte, reader->file);
    else
        reader->text_at--;
}

// Spreadsheets write one before UTF-8; it would become part of the first column's name.
static void skip_byte_order_mark(CsvReader *reader)
{
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    int byte = get_byte(reader);
    if (byte != mark[0]) {
        unget_byte(reader, byte);
        return;
    }
    // A file cannot take back three bytes; no text begins with the first of them alone.
    for (int i = 1; i < 3; i++) {
        byte = get_byte(reader);
        if (byte != mark[i]) {
            unget_byte(reader, byte);
            return;
        }
    }
}

int csv_open(CsvReader *reader, const char *file_name, const char *text)
{
    ASSERT((file_name == NULL) != (text == NULL));

    *reader = (CsvReader){.text = text, .text_size = text == NULL ? 0 : strlen(text)};
    if (file_name != NULL) {
        reader->file = fopen(file_name, "rb");
        if (reader->file == NULL)
            return SQLITE_CANTOPEN;
    }
    skip_byte_order_mark(reader);
    return SQLITE_OK;
}

void csv_close(CsvReader *reader)
{
    if (reader->file != NULL)
        (void)fclose(reader->file);
    sqlite3_free(reader->field);
    *reader = (CsvReader){0};
}

// `field` keeps its memory: a table that is scanned again and again allocates once.
void csv_rewind(CsvReader *reader)
{
    ASSERT((reader->file != NULL) != (reader->text != NULL));

    if (reader->file != NULL)
        rewind(reader->file);
    reader->text_at = 0;
    reader->is_end = false;
    reader->is_record_end = false;
    skip_byte_order_mark(reader);
}

// Grows by doubling; one byte is kept for the NUL.
static int append(CsvReader *reader, int byte)
{
    ASSERT(reader->field_size <= reader->field_capacity);

    enum { FIELD_MAX = 1000000000 }; // what a value may be long
    if (reader->field_size + 1 >= reader->field_capacity) {
        // Freed with the reader; a failed realloc leaves the old memory to it.
        size_t capacity = reader->field_capacity == 0 ? 128 : 2 * reader->field_capacity;
        if (capacity > FIELD_MAX)
            return SQLITE_TOOBIG;
        char *field = sqlite3_realloc64(reader->field, capacity);
        if (field == NULL)
            return SQLITE_NOMEM;
        reader->field = field;
        reader->field_capacity = capacity;
    }
    reader->field[reader->field_size++] = (char)byte;
    return SQLITE_OK;
}

// Up to the closing quote.
static int read_quoted(CsvReader *reader)
{
    ASSERT(reader->field_size == 0);

    for (int byte = get_byte(reader); byte != EOF; byte = get_byte(reader)) {
        if (byte == '"') {
            byte = get_byte(reader);
            // A doubled quote is one and stays inside; a single one ends the quoted part. Without
            // a closing quote the field goes on to the end of the file.
            if (byte != '"') {
                unget_byte(reader, byte);
                return SQLITE_OK;
            }
        }
        TRY(append(reader, byte));
    }
    return SQLITE_OK;
}

// Up to the comma or the end of the line, which is taken too.
static int read_plain(CsvReader *reader)
{
    ASSERT(!reader->is_end);

    int byte = get_byte(reader);
    while (byte != ',' && byte != '\n' && byte != EOF) {
        TRY(append(reader, byte));
        byte = get_byte(reader);
    }
    reader->is_record_end = byte != ',';
    return SQLITE_OK;
}

int csv_next(CsvReader *reader)
{
    ASSERT(!reader->is_end);

    reader->field_size = 0;
    int byte = get_byte(reader);
    // An end of file behind a complete record is no empty record; behind a comma it is an empty
    // field.
    bool is_new_record = reader->is_record_end || reader->field == NULL;
    if (byte == EOF && is_new_record) {
        reader->is_end = true;
        return reader->file != NULL && ferror(reader->file) ? SQLITE_IOERR_READ : SQLITE_OK;
    }
    bool is_quoted = byte == '"';
    if (is_quoted)
        TRY(read_quoted(reader));
    else
        unget_byte(reader, byte);
    // What stands between a closing quote and the comma belongs to the field: "a"b is ab.
    size_t quoted_size = reader->field_size;
    TRY(read_plain(reader));
    // A carriage return belongs to the line's end only if it stands there, outside the quotes.
    bool has_return = reader->field_size > quoted_size
                      && reader->field[reader->field_size - 1] == '\r' && reader->is_record_end;
    if (has_return)
        reader->field_size--;
    // The NUL is for users of the field as a C string, and is not counted.
    TRY(append(reader, 0));
    reader->field_size--;
    return SQLITE_OK;
}
