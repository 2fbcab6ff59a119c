// Every rule of tidy fires on the smallest text that breaks it, and keeps quiet on what looks
// alike.
#include "support/test.h"
#include "tests/tidy/tidy.h"

typedef void (*Rule)(const SourceFile *file);

static int errors_of(Rule rule, const char *path, const char *text)
{
    SourceFile file;
    source_init(&file, path, text);
    tidy_reset(true);
    rule(&file);
    source_deinit(&file);
    return tidy_error_count();
}

// --- reading ---

static void functions_are_found_with_their_parameters(void **state)
{
    (void)state;
    SourceFile file;
    source_init(&file, "engine/base/a.c",
                "struct S {\n    int (*call)(int);\n};\n"
                "static const struct S list[] = {\n    {NULL},\n};\n"
                "extern \"C\" {\n"
                "static int one(void)\n{\n    return 1;\n}\n"
                "int two(int a, int (*f)(int, int))\n{\n    if (a) {\n        f(1, 2);\n    }\n}\n"
                "}\n");
    assert_int_equal(file.function_count, 2);
    assert_memory_equal(file.functions[0].name, "one", 3);
    assert_int_equal(file.functions[0].parameter_count, 0);
    assert_int_equal(file.functions[0].header_line, 8);
    assert_int_equal(file.functions[0].open_line, 9);
    assert_int_equal(file.functions[0].close_line, 11);
    assert_int_equal(file.functions[1].parameter_count, 2);
    assert_int_equal(file.functions[1].nesting, 1);
    source_deinit(&file);
}

static void both_branches_of_a_conditional_head_make_one_function(void **state)
{
    (void)state;
    SourceFile file;
    source_init(&file, "engine/base/a.c",
                "#ifdef A\nint f(int a)\n{\n#else\nint f(void)\n{\n#endif\n    return 1;\n}\n"
                "int g(void)\n{\n    return '}';\n}\n");
    assert_int_equal(file.function_count, 2);
    source_deinit(&file);
}

static void comments_and_literals_are_not_code(void **state)
{
    (void)state;
    SourceFile file;
    source_init(&file, "engine/base/a.c", "// a {\nchar *b = \"// {\"; /* c */ char d = '\"';\n");
    assert_null(strchr(file.code, '{'));
    assert_non_null(strstr(file.code, "char d = "));
    assert_non_null(strstr(file.prose, "/* c */"));
    assert_null(strstr(file.prose, "b ="));
    source_deinit(&file);
}

// --- text ---

static void lines_are_checked(void **state)
{
    (void)state;
    char wide[128];
    memset(wide, 'x', sizeof wide);
    snprintf(wide + 101, sizeof wide - 101, "\n");
    assert_int_equal(errors_of(rule_lines, "a.c", wide), 1);
    assert_int_equal(errors_of(rule_lines, "a.def", wide), 0);
    assert_int_equal(errors_of(rule_lines, "a.c", wide + 1), 0);
    assert_int_equal(errors_of(rule_lines, "a.c", "int a; \n"), 1);
    assert_int_equal(errors_of(rule_lines, "a.c", "\tint a;\n"), 1);
    assert_int_equal(errors_of(rule_lines, "a.c", "int a;"), 1);
    assert_int_equal(errors_of(rule_lines, "a.c", "int a;\n"), 0);
}

static void characters_count_not_bytes(void **state)
{
    (void)state;
    char text[256] = "";
    for (int i = 0; i < 60; i++)
        strncat(text, "\xC3\xA9", 3);
    strncat(text, "\n", 2);
    assert_int_equal(errors_of(rule_lines, "a.c", text), 0);
}

static void marks_of_unfinished_work_are_found_in_comments_only(void **state)
{
    (void)state;
    assert_int_equal(errors_of(rule_marks, "a.c", "// TODO: more\n"), 1);
    assert_int_equal(errors_of(rule_marks, "a.c", "char *a = \"TODO\"; // mkstemp XXXXXX\n"), 0);
}

static void banned_calls_are_found(void **state)
{
    (void)state;
    const char *path = "engine/sql/a.c";
    assert_int_equal(errors_of(rule_banned_calls, path, "a = malloc(1);\n"), 1);
    assert_int_equal(errors_of(rule_banned_calls, path, "free (a);\n"), 1);
    assert_int_equal(errors_of(rule_banned_calls, path, "sprintf(a, \"b\");\n"), 1);
    assert_int_equal(errors_of(rule_banned_calls, path, "a->free(b); c.free(d); my_free(e);\n"), 0);
    assert_int_equal(errors_of(rule_banned_calls, path, "void (*free)(int); // free(a)\n"), 0);
    assert_int_equal(errors_of(rule_banned_calls, path, "free(line); // libc: editline's\n"), 0);
    assert_int_equal(errors_of(rule_banned_calls, "engine/base/alloc.c", "free(a);\n"), 0);
    assert_int_equal(errors_of(rule_banned_calls, "tests/a.c", "free(a);\n"), 0);
    assert_int_equal(errors_of(rule_banned_calls, "tests/a.c", "strcpy(a, b);\n"), 1);
}

static void include_guards_name_the_path(void **state)
{
    (void)state;
    const char *text = "#ifndef QUIRE_BASE_A_H\n#define QUIRE_BASE_A_H\n#endif\n";
    assert_int_equal(errors_of(rule_include_guard, "engine/base/a.h", text), 0);
    assert_int_equal(errors_of(rule_include_guard, "engine/os/a.h", text), 1);
    text = "#ifndef QUIRE_FTS_A_H\n#define QUIRE_FTS_A_H\n#endif\n";
    assert_int_equal(errors_of(rule_include_guard, "fts/a.h", text), 0);
    text = "#ifndef SQLITE3_H\n#define SQLITE3_H\n#endif\n";
    assert_int_equal(errors_of(rule_include_guard, "engine/include/sqlite3.h", text), 0);
}

static void conditionals_stay_out_of_bodies(void **state)
{
    (void)state;
    const char *text = "int f(void)\n{\n#ifdef A\n    g();\n#endif\n}\n";
    assert_int_equal(errors_of(rule_conditionals, "engine/sql/a.c", text), 1);
    assert_int_equal(errors_of(rule_conditionals, "engine/os/a.c", text), 0);
    text = "#ifdef A\nint f(void)\n{\n}\n#endif\n";
    assert_int_equal(errors_of(rule_conditionals, "engine/sql/a.c", text), 0);
}

// --- functions ---

// A function of `lines` lines, with `head` above it.
static int errors_of_function(const char *head, int lines)
{
    char text[2048];
    int size = snprintf(text, sizeof text, "%s{\n", head);
    for (int i = 2; i < lines; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, "    g();\n");
    snprintf(text + size, sizeof text - (size_t)size, "}\n");
    return errors_of(rule_functions, "engine/sql/a.c", text);
}

static void long_functions_need_a_reason(void **state)
{
    (void)state;
    assert_int_equal(errors_of_function("int f(void)\n", 70), 0);
    assert_int_equal(errors_of_function("int f(void)\n", 71), 1);
    assert_int_equal(errors_of_function("// long: one case per opcode\nint f(void)\n", 71), 0);
}

static void parameters_are_limited(void **state)
{
    (void)state;
    const char *seven = "int f(int a, int b, int c, int d, int e, int g, int h)\n";
    assert_int_equal(errors_of_function("int f(int a, int b, int c, int d, int e, int g)\n", 4), 0);
    assert_int_equal(errors_of_function(seven, 4), 1);
    assert_int_equal(
        errors_of_function("int sqlite3_f(int a, int b, int c, int d, int e, int g, int h)\n", 4),
        0);
}

// --- includes ---

static int errors_of_include(const char *from, const char *include, const char *to)
{
    char text[256];
    SourceFile files[2];
    snprintf(text, sizeof text, "#include \"%s\"\n", include);
    source_init(&files[0], from, text);
    source_init(&files[1], to, "int a;\n");
    SourceTree tree = {.files = files, .count = 2};
    tidy_reset(true);
    tree_resolve_includes(&tree);
    rule_layers(&tree);
    source_deinit(&files[0]);
    source_deinit(&files[1]);
    return tidy_error_count();
}

static void layers_include_downward_only(void **state)
{
    (void)state;
    assert_int_equal(errors_of_include("engine/sql/a.c", "vm/b.h", "engine/vm/b.h"), 0);
    assert_int_equal(errors_of_include("engine/sql/a.c", "pager/b.h", "engine/pager/b.h"), 1);
    assert_int_equal(errors_of_include("engine/base/a.c", "vm/b.h", "engine/vm/b.h"), 1);
    assert_int_equal(errors_of_include("fts/a.c", "base/b.h", "engine/base/b.h"), 1);
    assert_int_equal(errors_of_include("fts/a.c", "b.h", "fts/b.h"), 0);
    assert_int_equal(errors_of_include("fts/a.c", "sqlite3.h", "engine/include/sqlite3.h"), 0);
    assert_int_equal(errors_of_include("engine/vm/a.c", "fts/b.h", "fts/b.h"), 1);
    assert_int_equal(errors_of_include("engine/vm/a.c", "vm/gone.h", "engine/vm/b.h"), 1);
}

static void include_cycles_are_found(void **state)
{
    (void)state;
    SourceFile files[2];
    source_init(&files[0], "engine/base/a.h", "#include \"base/b.h\"\n");
    source_init(&files[1], "engine/base/b.h", "#include \"base/a.h\"\n");
    SourceTree tree = {.files = files, .count = 2};
    tidy_reset(true);
    tree_resolve_includes(&tree);
    rule_include_cycles(&tree);
    assert_int_equal(tidy_error_count(), 1);
    source_deinit(&files[0]);
    source_deinit(&files[1]);
}

static void our_headers_come_first(void **state)
{
    (void)state;
    const char *text = "#include <stdio.h>\n\n#include \"base/a.h\"\n";
    assert_int_equal(errors_of(rule_include_order, "engine/sql/a.c", text), 1);
    text = "#include \"base/a.h\"\n\n#include <stdio.h>\n";
    assert_int_equal(errors_of(rule_include_order, "engine/sql/a.c", text), 0);
}

// --- wrapping ---

static void wide_comments_keep_their_lists(void **state)
{
    (void)state;
    char out[512] = "";
    char path[] = "/tmp/tidy_wrap_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    SourceFile file;
    source_init(&file, "a.h",
                "//   B1  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                "cccccccccccccccccccc ddddddddd\n"
                "//   B2  e\n");

    assert_int_equal(source_wrap(&file, path), 0);

    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_true(fread(out, 1, sizeof out - 1, in) > 0);
    fclose(in);
    assert_string_equal(out, "//   B1  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
                             "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc\n"
                             "//       ddddddddd\n"
                             "//   B2  e\n");
    source_deinit(&file);
    remove(path);
    (void)fd;
}

TEST_SUITE(tidy_rules, cmocka_unit_test(functions_are_found_with_their_parameters),
           cmocka_unit_test(both_branches_of_a_conditional_head_make_one_function),
           cmocka_unit_test(comments_and_literals_are_not_code),
           cmocka_unit_test(lines_are_checked), cmocka_unit_test(characters_count_not_bytes),
           cmocka_unit_test(marks_of_unfinished_work_are_found_in_comments_only),
           cmocka_unit_test(banned_calls_are_found), cmocka_unit_test(include_guards_name_the_path),
           cmocka_unit_test(conditionals_stay_out_of_bodies),
           cmocka_unit_test(long_functions_need_a_reason), cmocka_unit_test(parameters_are_limited),
           cmocka_unit_test(layers_include_downward_only),
           cmocka_unit_test(include_cycles_are_found), cmocka_unit_test(our_headers_come_first),
           cmocka_unit_test(wide_comments_keep_their_lists))

int main(void)
{
    return test_suite_tidy_rules();
}
