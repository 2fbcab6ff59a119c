// Records: reading fields of the row under a cursor, and making records from registers.
//
// Reading a field is the most frequent thing the machine does. Its stages, each left out when it
// was done for an earlier field of the same row: settle the cursor (deferred seek, moved by
// others), find the bytes (row_fetch), walk the serial types up to the field (header_walk), decode.
// Rows of one table tend to have the same header bytes: when a short header equals that of the row
// before, its parsed types are kept.
#include "base/error.h"
#include "vm/vm_priv.h"
#include <string.h>

enum {
    HEADER_SIZE_MAX =
        98307,         // 32767 fields of three bytes and the size itself: no valid record has more
    BUFFER_SLACK = 16, // varints are read without looking at the end
};

// Serial types up to 127 to body sizes: the numbers, then texts and blobs of up to 57 bytes.
// clang-format off
const u8 serial_size_short[128] = {
    0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0,
    0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9,
    10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19,
    20, 20, 21, 21, 22, 22, 23, 23, 24, 24, 25, 25, 26, 26, 27, 27, 28, 28, 29, 29,
    30, 30, 31, 31, 32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37, 38, 38, 39, 39,
    40, 40, 41, 41, 42, 42, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48, 49, 49,
    50, 50, 51, 51, 52, 52, 53, 53, 54, 54, 55, 55, 56, 56, 57, 57,
};
// clang-format on

// --- finding the row ---

int vm_cursor_settle(VmCursor *c)
{
    if (c->is_deferred) {
        int order;
        ASSERT(c->kind == VM_CURSOR_TREE && c->is_table);

        c->is_deferred = false;
        c->row = NULL;
        TRY(cursor_seek_rowid(c->tree, c->deferred_rowid, false, &order));
        if (order != 0)
            return corrupt_record("an index entry has no row");
        c->null_row = false;
        return SQLITE_OK;
    }
    if (c->kind == VM_CURSOR_TREE && cursor_has_moved(c->tree)) {
        bool different = false;
        c->row = NULL;
        TRY(cursor_restore(c->tree, &different));
        if (different)
            c->null_row = true; // the row it stood on was deleted
    }
    return SQLITE_OK;
}

// The header does not lie whole on the page (or the value is at the end of a short page): copy it.
COLD static int row_fetch_header(VmCursor *c, u32 header_size)
{
    ASSERT(c->kind == VM_CURSOR_TREE); // other rows lie whole in memory
    ASSERT(header_size <= cursor_payload_size(c->tree));

    if (c->buffer_size < header_size + BUFFER_SLACK) {
        mem_free(c->buffer);
        c->buffer_size = 0;
        c->buffer = mem_alloc(header_size + BUFFER_SLACK);
        if (c->buffer == NULL)
            return SQLITE_NOMEM;
        c->buffer_size = header_size + BUFFER_SLACK;
    }
    memset(c->buffer + header_size, 0, BUFFER_SLACK);
    TRY(cursor_payload_read(c->tree, 0, header_size, c->buffer));
    c->row = c->buffer;
    c->row_local = header_size;
    return SQLITE_OK;
}

// low_bytes[n]: the first n bytes of a word that was read in the machine's order (little-endian).
static const u64 low_bytes[9] = {
    0,
    0xff,
    0xffff,
    0xffffff,
    0xffffffff,
    0xffffffffffull,
    0xffffffffffffull,
    0xffffffffffffffull,
    0xffffffffffffffffull,
};

static inline void header_forget(VmCursor *c)
{
    c->known_head = 0;
    c->known_head_mask = 0xff; // no header begins with 0
}

// True when the header (at most 16 bytes) is that of the last row parsed; remembers it if not. The
// masks are those of the remembered header; its first byte, the size, is always compared.
static inline bool header_is_known(VmCursor *c, const u8 *row, u32 header_size)
{
    ASSERT(header_size > 0 && header_size <= 16);

    u64 head, tail;
    memcpy(&head, row, 8); // pages have slack after their end
    memcpy(&tail, row + 8, 8);
    if ((((head ^ c->known_head) & c->known_head_mask)
         | ((tail ^ c->known_tail) & c->known_tail_mask))
        == 0)
        return true;
    c->known_head = head;
    c->known_tail = tail;
    c->known_head_mask = low_bytes[header_size < 8 ? header_size : 8];
    c->known_tail_mask = low_bytes[header_size > 8 ? header_size - 8 : 0];
    return false;
}

// Makes `row` the row of the cursor: nothing is parsed yet, unless its header is that of the row
// before. The bytes may come from a file: what they say is checked.
static inline int row_begin(VmCursor *c, const u8 *row, u32 local, u32 size)
{
    ASSERT(local <= size);

    u32 header_size;
    if (UNLIKELY(size == 0 || local == 0)) {
        if (size != 0)
            return corrupt_record("no byte of the record is on its page");
        static const u8 empty[BUFFER_SLACK] = {1};
        c->row = empty;
        c->row_local = c->row_size = 1;
        c->header_size = c->header_at = 1;
        c->parsed = 0;
        c->offsets[0] = 1;
        header_forget(c);
        return SQLITE_OK;
    }
    u32 prefix = varint_get_u32(row, &header_size);
    if (UNLIKELY(header_size == 0)) // stock SQLite reads it as a row without fields
        return row_begin(c, NULL, 0, 0);
    c->row = row;
    c->row_local = local;
    c->row_size = size;
    if (LIKELY(header_size <= 16 && c->kind == VM_CURSOR_TREE)) {
        if (header_is_known(c, row, header_size))
            return SQLITE_OK;
    } else {
        header_forget(c);
        if (header_size > HEADER_SIZE_MAX || header_size > size) {
            c->row = NULL;
            return corrupt_record("header longer than its record");
        }
    }
    c->header_at = prefix;
    c->header_size = header_size;
    c->parsed = 0;
    c->offsets[0] = header_size;
    if (UNLIKELY(header_size > local || header_size > size)) {
        header_forget(c);
        c->row = NULL;
        return header_size > size ? corrupt_record("header longer than its record")
                                  : row_fetch_header(c, header_size);
    }
    return SQLITE_OK;
}

static int row_fetch_elsewhere(Vm *vm, VmCursor *c)
{
    ASSERT(c->kind != VM_CURSOR_TREE);

    if (c->kind == VM_CURSOR_PSEUDO) {
        const Value *held = &vm->registers[c->u.pseudo_reg];
        ASSERT(held->flags & V_BLOB);
        return row_begin(c, (const u8 *)held->bytes, held->size, held->size);
    }
    ASSERT(c->kind == VM_CURSOR_SORTER);
    u32 size;
    const u8 *bytes;
    TRY(sorter_record(c->u.sorter, &bytes, &size));
    return row_begin(c, bytes, size, size);
}

int row_fetch(Vm *vm, VmCursor *c)
{
    ASSERT(!c->null_row);

    if (UNLIKELY(c->kind != VM_CURSOR_TREE))
        return row_fetch_elsewhere(vm, c);
    u32 local;
    const u8 *row = cursor_payload_local(c->tree, &local);
    u32 size = cursor_payload_size(c->tree);
    if (UNLIKELY(size > (u32)vm->db->limits[SQLITE_LIMIT_LENGTH]))
        return SQLITE_TOOBIG;
    return row_begin(c, row, local, size);
}

// Walks the header up to `field`. Afterwards parsed > field unless the row has fewer fields.
static inline int header_walk(VmCursor *c, u32 field)
{
    ASSERT(c->row != NULL);
    ASSERT(field < c->field_count);

    const u8 *at = c->row + c->header_at;
    const u8 *end = c->row + c->header_size;
    u32 *types = c->types, *offsets = c->offsets;
    u32 i = c->parsed;
    u64 offset = offsets[i];
    while (i <= field && at < end) {
        u32 type = *at++;
        if (LIKELY(type < 0x80)) {
            offset += serial_size_short[type];
        } else {
            at += varint_get_u32_slow(at - 1, &type) - 1;
            offset += serial_type_size(type);
        }
        types[i] = type;
        offsets[++i] = (u32)offset;
        if (UNLIKELY(offset > c->row_size))
            break;
    }
    c->parsed = i;
    c->header_at = (u32)(at - c->row);
    // The header must end where it says, and the bodies exactly at the record's end.
    if (UNLIKELY(offset > c->row_size || (at >= end && (at > end || offset != c->row_size)))) {
        c->row = NULL;
        header_forget(c);
        return corrupt_record("fields do not fit the record");
    }
    return SQLITE_OK;
}

// --- decoding ---

static inline void set_bytes(Value *out, char *bytes, u32 size, u32 type, u16 ownership)
{
    ASSERT((type & 1) == 0 || out->encoding != 0);
    out->bytes = bytes;
    out->size = size;
    out->flags = (u16)((type & 1 ? V_TEXT : V_BLOB) | ownership);
}

static int field_copy(Value *out, const u8 *body, u32 size, u32 type)
{
    ASSERT(type >= 12);

    char *room = value_room(out, size + 2);
    if (UNLIKELY(room == NULL))
        return SQLITE_NOMEM;
    memcpy(room, body, size);
    room[size] = room[size + 1] = 0;
    set_bytes(out, room, size, type, type & 1 ? V_OWNED | V_NUL_TERMINATED : V_OWNED);
    return SQLITE_OK;
}

// A field whose body lies, at least in part, on overflow pages.
COLD static int field_read_long(Vm *vm, VmCursor *c, u32 field, u32 hints, Value *out)
{
    ASSERT(c->kind == VM_CURSOR_TREE);
    ASSERT(field < c->parsed);

    static const char nothing[1] = {0};
    u32 type = c->types[field];
    u32 size = serial_type_size(type);
    out->encoding = vm->db->encoding;
    bool only_size = (hints & P5_TYPEOF) != 0 || ((hints & P5_LENGTH) && (type & 1) == 0);
    if (type >= 12 && only_size) {
        value_set_null(out); // nobody will look at the bytes
        set_bytes(out, (char *)(uintptr_t)nothing, size, type, V_STATIC);
        return SQLITE_OK;
    }
    if (size > (u32)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    char *room = value_room(out, size + 2);
    if (room == NULL)
        return SQLITE_NOMEM;
    TRY(cursor_payload_read(c->tree, c->offsets[field], size, room));
    if (type < 12) {
        u8 number[8];
        memcpy(number, room, size);
        serial_get(number, type, vm->db->encoding, out);
        return SQLITE_OK;
    }
    room[size] = room[size + 1] = 0;
    set_bytes(out, room, size, type, type & 1 ? V_OWNED | V_NUL_TERMINATED : V_OWNED);
    return SQLITE_OK;
}

__attribute__((always_inline)) static inline int field_decode(Vm *vm, VmCursor *c, u32 field,
                                                              u32 hints, Value *out)
{
    ASSERT(field < c->parsed);

    u32 type = c->types[field];
    u32 offset = c->offsets[field];
    if (UNLIKELY(c->offsets[field + 1] > c->row_local))
        return field_read_long(vm, c, field, hints, out);
    const u8 *body = c->row + offset;
    switch (type) {
    case 10: // only what this statement stored means "no change": a file's 10 is just NULL
        value_set_null(out);
        if (c->is_ephemeral)
            value_set_no_change(out);
        return SQLITE_OK;
    case 0:
    case 11: value_set_null(out); return SQLITE_OK;
    case 1: value_set_i64(out, (i8)body[0]); return SQLITE_OK;
    case 2: value_set_i64(out, (i16)get_u16(body)); return SQLITE_OK;
    case 3: value_set_i64(out, (i64)(i8)body[0] * 65536 + get_u16(body + 1)); return SQLITE_OK;
    case 4: value_set_i64(out, (i32)get_u32(body)); return SQLITE_OK;
    case 5:
        value_set_i64(out, (i64)(i16)get_u16(body) * 4294967296 + get_u32(body + 2));
        return SQLITE_OK;
    case 6: value_set_i64(out, (i64)get_u64(body)); return SQLITE_OK;
    case 7: {
        u64 bits = get_u64(body);
        f64 real;
        memcpy(&real, &bits, 8);
        value_set_f64(out, real);
        return SQLITE_OK;
    }
    case 8: value_set_i64(out, 0); return SQLITE_OK;
    case 9: value_set_i64(out, 1); return SQLITE_OK;
    default: break;
    }
    out->encoding = vm->db->encoding;
    u32 size = c->offsets[field + 1] - offset;
    if ((hints & P5_EPHEMERAL) == 0)
        return field_copy(out, body, size, type);
    if (c->kind == VM_CURSOR_TREE)
        cursor_lend(c->tree);
    value_set_null(out);
    set_bytes(out, (char *)(uintptr_t)body, size, type, V_EPHEMERAL);
    return SQLITE_OK;
}

int row_field(Vm *vm, VmCursor *c, u32 field, u32 hints, Value *out, bool *missing)
{
    ASSERT(c != NULL);

    *missing = false;
    if (c->row == NULL || (c->kind == VM_CURSOR_TREE && cursor_has_moved(c->tree))) {
        TRY(vm_cursor_settle(c));
        if (UNLIKELY(c->null_row)) {
            value_set_null(out);
            return SQLITE_OK;
        }
        TRY(row_fetch(vm, c));
    }
    if (field >= c->parsed) {
        if (LIKELY(field < c->field_count))
            TRY(header_walk(c, field));
        if (field >= c->parsed) {
            *missing = true;
            value_set_null(out);
            return SQLITE_OK;
        }
    }
    return field_decode(vm, c, field, hints, out);
}

// A column of a table whose cursor has not moved yet may be in the index it will be moved by.
static VmCursor *column_source(VmCursor *c, u32 *field)
{
    ASSERT(c->kind == VM_CURSOR_TREE || !c->is_deferred);

    if (!c->is_deferred || c->alias == NULL || *field >= c->alias[0])
        return c;
    u32 place = c->alias[*field + 1];
    if (place == 0)
        return c;
    *field = place - 1;
    ASSERT(c->index != NULL);
    return c->index;
}

// Everything but the common case: see op_column().
static int column_general(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= 0);

    VmCursor *c = cursor_in(vm, in->p1);
    Value *out = &vm->registers[in->p3];
    u32 field = (u32)in->p2;
    if (c->is_deferred)
        c = column_source(c, &field);
    if (c->kind == VM_CURSOR_HASH) {
        if (c->null_row)
            value_set_null(out);
        else
            value_borrow(out, hash_value(c->u.hash, field));
        return SQLITE_OK;
    }
    if (c->kind == VM_CURSOR_JOIN) {
        if (!c->null_row)
            return join_table_value(c->u.join, field, out);
        value_set_null(out);
        return SQLITE_OK;
    }
    bool missing;
    TRY(row_field(vm, c, field, in->p5, out, &missing));
    if (missing && in->p4_kind == P4_VALUE) {
        value_borrow(out, in->p4.value);
        if (out->flags & V_EPHEMERAL)
            out->flags = (u16)((out->flags & ~V_EPHEMERAL) | V_STATIC);
    }
    return SQLITE_OK;
}

// A row that lies whole on its page, with a header of at most 16 bytes. false: take the long way.
static inline bool row_begin_short(VmCursor *c)
{
    ASSERT(c->kind == VM_CURSOR_TREE);
    ASSERT(!c->null_row && !c->is_deferred);

    const Cell *cell = cursor_cell(c->tree);
    const u8 *row = cell->payload;
    u32 size = cell->payload_size;
    if (UNLIKELY(cell->local_size != size || size == 0))
        return false;
    u32 header_size = row[0];
    if (UNLIKELY(header_size - 1u >= 16 || header_size > size))
        return false;
    c->row = row;
    c->row_local = c->row_size = size;
    if (!header_is_known(c, row, header_size)) {
        c->header_at = 1;
        c->header_size = header_size;
        c->parsed = 0;
        c->offsets[0] = header_size;
    }
    return true;
}

bool row_blob(VmCursor *c, u32 field, const u8 **bytes, u32 *size)
{
    ASSERT(c->kind == VM_CURSOR_TREE);
    if (c->null_row || c->is_deferred || field >= c->field_count || cursor_has_moved(c->tree))
        return false;
    if (c->row == NULL && !row_begin_short(c))
        return false;
    if (field >= c->parsed && (header_walk(c, field) != SQLITE_OK || field >= c->parsed)) {
        c->row = NULL; // the long way reports what is wrong
        return false;
    }
    u32 type = c->types[field];
    if (type < 12 || (type & 1) != 0 || c->offsets[field + 1] > c->row_local)
        return false;
    *bytes = c->row + c->offsets[field];
    *size = c->offsets[field + 1] - c->offsets[field];
    return true;
}

// The hot path of the machine: a field of a row in a tree.
int op_column(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    u32 field = (u32)in->p2;
    bool is_plain =
        c->kind == VM_CURSOR_TREE && !c->null_row && !c->is_deferred && field < c->field_count;
    if (UNLIKELY(!is_plain) || UNLIKELY(cursor_has_moved(c->tree)))
        return column_general(vm, in);
    if (c->row == NULL && UNLIKELY(!row_begin_short(c)))
        return column_general(vm, in);
    if (field >= c->parsed) {
        TRY(header_walk(c, field));
        if (UNLIKELY(field >= c->parsed))
            return column_general(vm, in); // too short: the default
    }
    return field_decode(vm, c, field, in->p5, &vm->registers[in->p3]);
}

int row_bytes(Vm *vm, VmCursor *c, const u8 **bytes, u32 *size)
{
    ASSERT(c->kind == VM_CURSOR_TREE || c->kind == VM_CURSOR_SORTER);

    TRY(vm_cursor_settle(c));
    if (c->null_row && c->kind == VM_CURSOR_TREE)
        return SQLITE_ABORT; // deleted under the cursor
    if (c->kind == VM_CURSOR_SORTER)
        return sorter_record(c->u.sorter, bytes, size);
    ASSERT(c->kind == VM_CURSOR_TREE);
    u32 local;
    *bytes = cursor_payload_local(c->tree, &local);
    *size = cursor_payload_size(c->tree);
    if (*size > (u32)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    if (local == *size)
        return SQLITE_OK;
    c->row = NULL; // the buffer may hold its header
    if (c->buffer_size < *size + BUFFER_SLACK) {
        mem_free(c->buffer);
        c->buffer_size = 0;
        c->buffer = mem_alloc((u64)*size + BUFFER_SLACK);
        if (c->buffer == NULL)
            return SQLITE_NOMEM;
        c->buffer_size = *size + BUFFER_SLACK;
    }
    *bytes = c->buffer;
    return cursor_payload_read(c->tree, 0, *size, c->buffer);
}

int op_row_data(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 > 0);

    const u8 *bytes;
    u32 size;
    TRY(row_bytes(vm, cursor_in(vm, in->p1), &bytes, &size));
    Value *out = reg_out(vm, in->p2);
    if (in->p3 != 0) {
        value_set_null(out);
        set_bytes(out, (char *)(uintptr_t)bytes, size, 12, V_EPHEMERAL);
        return SQLITE_OK;
    }
    return field_copy(out, bytes, size, 12);
}

int op_offset(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->cursor_count);

    VmCursor *c = vm->cursors[in->p1];
    Value *out = reg_out(vm, in->p3);
    value_set_null(out);
    // sqlite_offset() of what lies in no database file, or of a subquery's column, is NULL.
    if (c == NULL || c->kind != VM_CURSOR_TREE)
        return SQLITE_OK;
    TRY(vm_cursor_settle(c));
    if (!c->null_row && !c->is_ephemeral)
        value_set_i64(out, cursor_offset(c->tree));
    return SQLITE_OK;
}

int record_fields_open(RecordFields *f, const u8 *record, u32 size, u8 encoding, u32 max)
{
    ASSERT(record != NULL || size == 0);
    ASSERT(max > 0);

    f->values = f->few;
    f->count = 0;
    if (max > RECORD_FIELDS_FEW)
        f->values = mem_alloc((u64)max * sizeof *f->values);
    if (f->values == NULL)
        return SQLITE_NOMEM;
    memset(f->values, 0, max * sizeof *f->values);
    RecordReader reader;
    if (record_reader_init(&reader, record, size) != SQLITE_OK)
        return SQLITE_OK;
    int rc = SQLITE_OK;
    while (f->count < max && record_reader_next(&reader, encoding, &f->values[f->count], &rc))
        f->count++;
    return SQLITE_OK;
}

void record_fields_close(RecordFields *f)
{
    ASSERT(f->values != NULL);

    if (f->values != f->few)
        mem_free(f->values);
    f->values = NULL;
}

// --- making records ---

// Serial type of an integer by its magnitude; 0 and 1 have types of their own.
static inline u32 integer_type(i64 value)
{
    u64 magnitude = value < 0 ? ~(u64)value : (u64)value;
    if (magnitude <= 127)
        return value == 0 ? 8 : value == 1 ? 9 : 1;
    if (magnitude <= 32767)
        return 2;
    if (magnitude <= 8388607)
        return 3;
    if (magnitude <= 2147483647)
        return 4;
    return magnitude <= 140737488355327 ? 5 : 6;
}

static inline u32 register_type(const Value *v, u64 *body_size)
{
    ASSERT((v->flags & V_TYPE_MASK) != 0);

    u32 type;
    if (v->flags & V_NULL)
        return 0;
    if ((v->flags & V_TYPE_MASK) == V_INT) {
        type = integer_type(v->u.integer);
    } else if (v->flags & (V_TEXT | V_BLOB)) {
        u64 size = v->size;
        if (v->flags & V_ZERO_TAIL)
            size += (u64)(u32)v->u.zero_tail;
        *body_size += size;
        return (u32)(size * 2 + 12 + ((v->flags & V_TEXT) != 0));
    } else {
        u32 size;
        type = serial_type_of(v, &size);
    }
    *body_size += serial_size_short[type];
    return type;
}

static inline u32 body_write(u8 *at, const Value *v, u32 type)
{
    if (type == 0)
        return 0;
    switch (type) {
    case 8:
    case 9: return 0;
    case 1: at[0] = (u8)v->u.integer; return 1;
    case 2: put_u16(at, (u32)v->u.integer); return 2;
    case 3:
        at[0] = (u8)(v->u.integer >> 16);
        put_u16(at + 1, (u32)v->u.integer & 0xffff);
        return 3;
    case 4:
    case 5:
    case 6:
    case 7: return serial_put(at, v, type);
    default:
        ASSERT(type >= 12 && (v->flags & (V_TEXT | V_BLOB)));
        if (v->size > 0)
            memcpy(at, v->bytes, v->size);
        return v->size;
    }
}

// Header size including its own varint.
static u32 header_size_of(u32 types_size)
{
    u32 size = types_size + 1;
    if (size > 127) {
        u32 prefix = varint_size(size);
        size = types_size + prefix;
        if (varint_size(size) > prefix)
            size++;
    }
    ASSERT(size == types_size + varint_size(size));
    return size;
}

enum { TYPES_MAX = 64 }; // records with more fields take the general way

// Records of many fields, and those with a zero tail, which is not written out.
static int make_record_long(Vm *vm, Value *values, u32 count, Value *out)
{
    ASSERT(count > 0);

    RecordPlan plan;
    TRY(record_plan(values, count, NULL, vm->db->encoding, &plan));
    u64 size = plan.header_size + plan.body_size;
    if (size + plan.zero_tail > (u64)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    char *room = value_room(out, (u32)size + BUFFER_SLACK);
    if (room == NULL)
        return SQLITE_NOMEM;
    record_write(values, count, &plan, (u8 *)room);
    set_bytes(out, room, (u32)size, 12, V_OWNED);
    if (plan.zero_tail > 0) {
        out->flags |= V_ZERO_TAIL;
        out->u.zero_tail = (i32)plan.zero_tail;
    }
    return SQLITE_OK;
}

// Applies the columns' affinities to the registers in place. Integers for a REAL column stay
// integers, marked V_INT_REAL: the file format stores whole reals as integers.
static int record_affinity(Vm *vm, Value *values, u32 count, const char *letters)
{
    for (u32 i = 0; i < count && letters[i] != 0; i++) {
        u8 letter = (u8)letters[i];
        ASSERT(letter <= AFF_FLEXNUM);
        if (letter <= AFF_BLOB || value_is_null(&values[i]))
            continue;
        if (letter >= AFF_NUMERIC && value_is_int(&values[i])) {
            if (letter == AFF_REAL)
                values[i].flags = (u16)((values[i].flags & ~V_INT) | V_INT_REAL);
            continue;
        }
        if (letter == AFF_TEXT && (values[i].flags & V_TYPE_MASK) == V_TEXT)
            continue;
        TRY(value_apply_affinity(&values[i], (Affinity)letter, vm->db->encoding));
        if (letter == AFF_REAL && (values[i].flags & V_INT))
            values[i].flags = (u16)((values[i].flags & ~V_INT) | V_INT_REAL);
    }
    return SQLITE_OK;
}

int op_make_record(Vm *vm, const Instr *in)
{
    Value *values = &vm->registers[in->p1];
    Value *out = reg_out(vm, in->p3);
    u32 count = (u32)in->p2;
    u32 types[TYPES_MAX];
    ASSERT(out < values || out >= values + count);
    ASSERT(count == 0 || in->p1 > 0);

    if (in->p4_kind == P4_TEXT)
        TRY(record_affinity(vm, values, count, in->p4.text));
    u64 body_size = 0;
    u32 types_size = 0;
    bool is_plain = count <= TYPES_MAX;
    for (u32 i = 0; i < count && is_plain; i++) {
        types[i] = register_type(&values[i], &body_size);
        types_size += types[i] < 0x80 ? 1 : varint_size(types[i]);
        is_plain = (values[i].flags & V_ZERO_TAIL) == 0;
    }
    if (UNLIKELY(!is_plain))
        return make_record_long(vm, values, count, out);

    u32 header_size = header_size_of(types_size);
    u64 size = header_size + body_size;
    if (UNLIKELY(size > (u64)vm->db->limits[SQLITE_LIMIT_LENGTH]))
        return SQLITE_TOOBIG;
    u8 *at = (u8 *)value_room(out, (u32)size + BUFFER_SLACK);
    if (UNLIKELY(at == NULL))
        return SQLITE_NOMEM;
    set_bytes(out, (char *)at, (u32)size, 12, V_OWNED);
    u8 *body = at + header_size;
    at += header_size < 0x80 ? (*at = (u8)header_size, 1u) : varint_put(at, header_size);
    for (u32 i = 0; i < count; i++) {
        at += types[i] < 0x80 ? (*at = (u8)types[i], 1u) : varint_put(at, types[i]);
        body += body_write(body, &values[i], types[i]);
    }
    ASSERT(at == (u8 *)out->bytes + header_size);
    ASSERT(body == (u8 *)out->bytes + size);
    return SQLITE_OK;
}
