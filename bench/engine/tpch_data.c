// Fills the eight tables: see tpch.h.
#include "bench/engine/tpch.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(list) ((long)(sizeof(list) / sizeof *(list)))

static const char *const schema =
    "CREATE TABLE region(r_regionkey INTEGER PRIMARY KEY, r_name TEXT, r_comment TEXT);"
    "CREATE TABLE nation(n_nationkey INTEGER PRIMARY KEY, n_name TEXT, n_regionkey INT,"
    " n_comment TEXT);"
    "CREATE TABLE supplier(s_suppkey INTEGER PRIMARY KEY, s_name TEXT, s_address TEXT,"
    " s_nationkey INT, s_phone TEXT, s_acctbal REAL, s_comment TEXT);"
    "CREATE TABLE part(p_partkey INTEGER PRIMARY KEY, p_name TEXT, p_mfgr TEXT, p_brand TEXT,"
    " p_type TEXT, p_size INT, p_container TEXT, p_retailprice REAL, p_comment TEXT);"
    "CREATE TABLE partsupp(ps_partkey INT, ps_suppkey INT, ps_availqty INT, ps_supplycost REAL,"
    " ps_comment TEXT, PRIMARY KEY (ps_partkey, ps_suppkey));"
    "CREATE TABLE customer(c_custkey INTEGER PRIMARY KEY, c_name TEXT, c_address TEXT,"
    " c_nationkey INT, c_phone TEXT, c_acctbal REAL, c_mktsegment TEXT, c_comment TEXT);"
    "CREATE TABLE orders(o_orderkey INTEGER PRIMARY KEY, o_custkey INT, o_orderstatus TEXT,"
    " o_totalprice REAL, o_orderdate TEXT, o_orderpriority TEXT, o_clerk TEXT,"
    " o_shippriority INT, o_comment TEXT);"
    "CREATE TABLE lineitem(l_orderkey INT, l_partkey INT, l_suppkey INT, l_linenumber INT,"
    " l_quantity REAL, l_extendedprice REAL, l_discount REAL, l_tax REAL, l_returnflag TEXT,"
    " l_linestatus TEXT, l_shipdate TEXT, l_commitdate TEXT, l_receiptdate TEXT,"
    " l_shipinstruct TEXT, l_shipmode TEXT, l_comment TEXT,"
    " PRIMARY KEY (l_orderkey, l_linenumber));";

// The foreign keys, as an application would have them.
static const char *const indexes = "CREATE INDEX ps_supp ON partsupp(ps_suppkey);"
                                   "CREATE INDEX o_cust ON orders(o_custkey);"
                                   "CREATE INDEX l_part ON lineitem(l_partkey, l_suppkey);"
                                   "CREATE INDEX c_nation ON customer(c_nationkey);"
                                   "CREATE INDEX s_nation ON supplier(s_nationkey);";

static const char *const regions[] = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};
static const struct {
    const char *name;
    int region;
} nations[] = {
    {"ALGERIA", 0},       {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1},
    {"EGYPT", 4},         {"ETHIOPIA", 0},  {"FRANCE", 3}, {"GERMANY", 3},
    {"INDIA", 2},         {"INDONESIA", 2}, {"IRAN", 4},   {"IRAQ", 4},
    {"JAPAN", 2},         {"JORDAN", 4},    {"KENYA", 0},  {"MOROCCO", 0},
    {"MOZAMBIQUE", 0},    {"PERU", 1},      {"CHINA", 2},  {"ROMANIA", 3},
    {"SAUDI ARABIA", 4},  {"VIETNAM", 2},   {"RUSSIA", 3}, {"UNITED KINGDOM", 3},
    {"UNITED STATES", 1},
};
static const char *const colors[] = {
    "almond", "azure", "beige",  "blue",  "brown", "coral", "cyan",  "dark",  "forest", "green",
    "ivory",  "khaki", "lemon",  "lime",  "linen", "navy",  "olive", "peach", "pink",   "plum",
    "red",    "rose",  "salmon", "sandy", "sky",   "snow",  "steel", "tan",   "tomato", "white"};
static const char *const words[] = {
    "carefully", "final",      "packages", "quickly", "special",  "requests",
    "furiously", "deposits",   "regular",  "silent",  "accounts", "bold",
    "Customer",  "Complaints", "pending",  "ideas",   "even",     "theodolites",
    "sleep",     "above",      "the",      "slyly",   "ironic",   "foxes"};
static const char *const type_first[] = {"STANDARD", "SMALL",   "MEDIUM",
                                         "LARGE",    "ECONOMY", "PROMO"};
static const char *const type_second[] = {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"};
static const char *const type_third[] = {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"};
static const char *const box_first[] = {"SM", "LG", "MED", "JUMBO", "WRAP"};
static const char *const box_second[] = {"CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"};
static const char *const segments[] = {"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY",
                                       "HOUSEHOLD"};
static const char *const priorities[] = {"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED",
                                         "5-LOW"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                           "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};

#define PICK(list) (list)[bench_draw(COUNT_OF(list))]

// --- one row ---

// Binds one value per letter of `types` (i: long, r: double, t: text) and inserts the row.
static void insert_row(Bench *b, sqlite3_stmt *stmt, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    for (int i = 0; types[i] != 0; i++) {
        if (types[i] == 'i')
            b->lib->bind_int64(stmt, i + 1, va_arg(values, long));
        else if (types[i] == 'r')
            b->lib->bind_double(stmt, i + 1, va_arg(values, double));
        else
            b->lib->bind_text(stmt, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
    }
    va_end(values);
    bench_step(b, stmt);
}

typedef struct {
    char text[96];
} Text;

static Text comment(int count)
{
    Text out = {""};
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(out.text + used, sizeof out.text - used, "%s%s", i == 0 ? "" : " ",
                                 PICK(words));
    return out;
}

static Text numbered(const char *what, long number)
{
    Text out;
    snprintf(out.text, sizeof out.text, "%s#%09ld", what, number);
    return out;
}

static Text phone(long nation)
{
    Text out;
    snprintf(out.text, sizeof out.text, "%ld-%03ld-%03ld-%04ld", nation + 10, bench_draw(1000),
             bench_draw(1000), bench_draw(10000));
    return out;
}

static double cents(long below)
{
    return (double)bench_draw(below) / 100;
}

// Day 0 is 1992-01-01.
static Text date(long day)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1992, month = 0;
    for (;; year++) {
        int size = year % 4 == 0 ? 366 : 365;
        if (day < size)
            break;
        day -= size;
    }
    for (;; month++) {
        int size = month_days[month] + (month == 1 && year % 4 == 0);
        if (day < size)
            break;
        day -= size;
    }
    Text out;
    snprintf(out.text, sizeof out.text, "%04d-%02d-%02ld", year, month + 1, day + 1);
    return out;
}

// --- tables ---

typedef struct {
    long suppliers, parts, customers, orders;
} Sizes;

static void fill_places(Bench *b)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO region VALUES (?, ?, ?)");
    for (long i = 0; i < COUNT_OF(regions); i++)
        insert_row(b, insert, "itt", i, regions[i], comment(5).text);
    bench_finalize(b, insert);
    insert = bench_prepare(b, "INSERT INTO nation VALUES (?, ?, ?, ?)");
    for (long i = 0; i < COUNT_OF(nations); i++)
        insert_row(b, insert, "itit", i, nations[i].name, (long)nations[i].region, comment(6).text);
    bench_finalize(b, insert);
}

static void fill_suppliers(Bench *b, const Sizes *sizes)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO supplier VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (long i = 1; i <= sizes->suppliers; i++) {
        long nation = bench_draw(COUNT_OF(nations));
        insert_row(b, insert, "ittitrt", i, numbered("Supplier", i).text, comment(2).text, nation,
                   phone(nation).text, cents(1100000) - 1000, comment(6).text);
    }
    bench_finalize(b, insert);
}

static void fill_parts(Bench *b, const Sizes *sizes)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (long i = 1; i <= sizes->parts; i++) {
        char name[96], type[64], box[32], maker[64], brand[64];
        long made = 1 + bench_draw(5);
        snprintf(name, sizeof name, "%s %s %s %s", PICK(colors), PICK(colors), PICK(colors),
                 PICK(colors));
        snprintf(type, sizeof type, "%s %s %s", PICK(type_first), PICK(type_second),
                 PICK(type_third));
        snprintf(box, sizeof box, "%s %s", PICK(box_first), PICK(box_second));
        snprintf(maker, sizeof maker, "Manufacturer#%ld", made);
        snprintf(brand, sizeof brand, "Brand#%ld%ld", made, 1 + bench_draw(5));
        insert_row(b, insert, "ittttitrt", i, name, maker, brand, type, 1 + bench_draw(50), box,
                   900 + (double)(i % 1000) + cents(100), comment(2).text);
    }
    bench_finalize(b, insert);
}

static long supplier_of(const Sizes *sizes, long part, long which)
{
    return (part + which * (sizes->suppliers / 4 + part / sizes->suppliers)) % sizes->suppliers + 1;
}

static void fill_offers(Bench *b, const Sizes *sizes)
{
    sqlite3_stmt *insert =
        bench_prepare(b, "INSERT OR IGNORE INTO partsupp VALUES (?, ?, ?, ?, ?)");
    for (long i = 1; i <= sizes->parts; i++)
        for (long which = 0; which < 4; which++)
            insert_row(b, insert, "iiirt", i, supplier_of(sizes, i, which), 1 + bench_draw(9999),
                       1 + cents(100000), comment(8).text);
    bench_finalize(b, insert);
}

static void fill_customers(Bench *b, const Sizes *sizes)
{
    sqlite3_stmt *insert = bench_prepare(b, "INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (long i = 1; i <= sizes->customers; i++) {
        long nation = bench_draw(COUNT_OF(nations));
        insert_row(b, insert, "ittitrtt", i, numbered("Customer", i).text, comment(3).text, nation,
                   phone(nation).text, cents(1100000) - 1000, PICK(segments), comment(7).text);
    }
    bench_finalize(b, insert);
}

// A line of an order; returns its price.
static double fill_line(Bench *b, sqlite3_stmt *insert, const Sizes *sizes, long order, long line,
                        long day)
{
    long part = 1 + bench_draw(sizes->parts);
    long shipped = day + 1 + bench_draw(121);
    long received = shipped + 1 + bench_draw(30);
    double quantity = (double)(1 + bench_draw(50));
    double price = quantity * (900 + (double)(part % 1000));
    double discount = (double)bench_draw(11) / 100, tax = (double)bench_draw(9) / 100;
    bool is_open = shipped > 1263; // 1995-06-17
    insert_row(b, insert, "iiiirrrrtttttttt", order, part, supplier_of(sizes, part, bench_draw(4)),
               line, quantity, price, discount, tax,
               is_open         ? "N"
               : bench_draw(2) ? "R"
                               : "A",
               is_open ? "O" : "F", date(shipped).text, date(day + 30 + bench_draw(61)).text,
               date(received).text, PICK(instructions), PICK(modes), comment(3).text);
    return price * (1 - discount) * (1 + tax);
}

static void fill_orders(Bench *b, const Sizes *sizes)
{
    sqlite3_stmt *order = bench_prepare(b, "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *line = bench_prepare(
        b, "INSERT INTO lineitem VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (long i = 1; i <= sizes->orders; i++) {
        long day = bench_draw(2406);
        long lines = 1 + bench_draw(7);
        double total = 0;
        for (long n = 1; n <= lines; n++)
            total += fill_line(b, line, sizes, i, n, day);
        // A third of the customers never ordered anything.
        long customer = 1 + bench_draw(sizes->customers);
        customer -= customer % 3 == 0 && customer > 1;
        insert_row(b, order, "iitrtttit", i, customer,
                   day < 1100   ? "F"
                   : day < 1263 ? "P"
                                : "O",
                   total, date(day).text, PICK(priorities),
                   numbered("Clerk", bench_draw(1000)).text, 0L, comment(6).text);
    }
    bench_finalize(b, order);
    bench_finalize(b, line);
}

void tpch_fill(Bench *b, double scale)
{
    Sizes sizes = {.suppliers = (long)(scale * 10000) + 8,
                   .parts = (long)(scale * 200000) + 8,
                   .customers = (long)(scale * 150000) + 8,
                   .orders = (long)(scale * 1500000) + 8};
    bench_exec(b, schema);
    bench_exec(b, "BEGIN");
    fill_places(b);
    fill_suppliers(b, &sizes);
    fill_parts(b, &sizes);
    fill_offers(b, &sizes);
    fill_customers(b, &sizes);
    fill_orders(b, &sizes);
    bench_exec(b, "COMMIT");
    bench_exec(b, indexes);
}
