#ifndef QUIRE_VTAB_TABLES_CSV_READER_H
#define QUIRE_VTAB_TABLES_CSV_READER_H
// Fields of comma-separated values (RFC 4180), from a file or from text.
//
// A record ends with a line feed, with or without a carriage return. A field that begins with a
// double quote goes on to the next lone one; two in a row stand for one. A byte order mark before
// the first field is passed over. Nothing is a syntax error: text behind a closing quote belongs to
// the field.

#include "base/contract.h"
#include "sqlite3.h"

#include <stdio.h>

typedef struct CsvReader {
    FILE *file;       // or
    const char *text; // borrowed, text_size bytes
    size_t text_size, text_at;
    char *field; // the last one read, NUL-terminated
    size_t field_size, field_capacity;
    bool is_record_end; // the field was its record's last
    bool is_end;        // nothing is left
} CsvReader;

// Exactly one of file name and text is not NULL. SQLITE_CANTOPEN.
MUST_USE int csv_open(CsvReader *reader, const char *file_name, const char *text);
void csv_close(CsvReader *reader);
// Reads the next field; is_end when there is none. SQLITE_NOMEM, SQLITE_IOERR_READ.
MUST_USE int csv_next(CsvReader *reader);
// Back to the first record.
void csv_rewind(CsvReader *reader);

#endif
