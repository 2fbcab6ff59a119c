#include "support/test.h"

#include "base/prng.h"
#include "func/json/json.h"
#include "support/recorded.h"

static void sizes_take_the_shortest_header(void **state)
{
    (void)state;
    static const struct {
        u32 size;
        u32 header;
    } cases[] = {{0, 1}, {11, 1}, {12, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        Buffer out = {0};
        size_t begun = json_begin(&out);
        buffer_add_repeated(&out, 'x', cases[i].size);
        json_end(&out, begun, JSON_ARRAY);
        JsonNode node;
        assert_true(json_node_read((const u8 *)out.bytes, 0, (u32)out.size, &node));
        assert_int_equal(node.start, cases[i].header);
        assert_int_equal(node.end - node.start, cases[i].size);
        assert_int_equal(node.type, JSON_ARRAY);
        if (cases[i].size > 0)
            assert_int_equal(out.bytes[node.start], 'x');
        buffer_deinit(&out);
    }
}

static void a_replacement_may_stretch_its_header(void **state)
{
    (void)state;
    Buffer out = {0};
    json_put_replacement(&out,
                         (const u8 *)"\x13"
                                     "1",
                         2, 3);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.bytes,
                        "\xc3\x01"
                        "1",
                        3);
    buffer_clear(&out);
    json_put_replacement(&out,
                         (const u8 *)"\x13"
                                     "1",
                         2, 5); // by three: no header is that long
    assert_int_equal(out.size, 2);
    buffer_deinit(&out);
}

// Random bytes and damaged trees: every function answers something, and none reads outside.
static void damaged_trees_do_no_harm(void **state)
{
    (void)state;
    static const u8 good[] = "\xbc\x17"
                             "a\x8b\x13"
                             "1\x27"
                             "ab\x0c\x00\x01"
                             "\x17"
                             "b\x35"
                             "1.5";
    static const char *const calls[] = {"json(x'%s')",
                                        "json_extract(x'%s', '$.a[1]', '$.b')",
                                        "json_set(x'%s', '$.a[0].c', 5)",
                                        "json_pretty(x'%s')",
                                        "json_patch(x'%s', x'%s')",
                                        "json_remove(x'%s', '$.a')",
                                        "json_array_length(x'%s', '$.a')",
                                        "json_valid(x'%s', 8)",
                                        "->>(x'%s', 'b')",
                                        "jsonb_array(x'%s')",
                                        "json_array_insert(x'%s', '$.a[#]', x'%s')"};
    Prng prng;
    prng_init(&prng, "jsonb", 5);
    for (u32 round = 0; round < 20000; round++) {
        char hex[80] = "";
        char call[400];
        u32 size = (u32)prng_below(&prng, sizeof good);
        for (u32 i = 0; i < size; i++) {
            u8 byte = prng_below(&prng, 8) ? good[i] : (u8)prng_u64(&prng);
            snprintf(hex + i * 2, 3, "%02x", byte);
        }
        const char *fmt = calls[prng_below(&prng, ARRAY_LEN(calls))];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(call, sizeof call, fmt, hex, hex);
#pragma GCC diagnostic pop
        assert_non_null(recorded_ask(call));
    }
}

TEST_SUITE(jsonb, cmocka_unit_test(sizes_take_the_shortest_header),
           cmocka_unit_test(a_replacement_may_stretch_its_header),
           cmocka_unit_test(damaged_trees_do_no_harm))
