// tidy TOP           checks the sources below TOP: prints file:line: message for what breaks a law,
//                    then a table of figures; exits with 1 if anything broke one
// tidy --wrap FILE   rewraps the comments of FILE that are too wide, in place
#include "tests/tidy/tidy.h"

#include <stdio.h>
#include <string.h>

static void check_file(const SourceFile *file)
{
    rule_file_length(file);
    rule_lines(file);
    rule_marks(file);
    rule_banned_calls(file);
    rule_include_guard(file);
    rule_include_order(file);
    rule_conditionals(file);
    rule_functions(file);
}

static int check_tree(const char *top)
{
    SourceTree tree;
    tree_read(&tree, top);
    for (size_t i = 0; i < tree.count; i++)
        check_file(&tree.files[i]);
    rule_layers(&tree);
    rule_include_cycles(&tree);
    rule_dead_headers(&tree);
    rule_unique_names(&tree);
    rule_mirrored_tests(&tree);
    rule_long_share(&tree);
    tree_print_metrics(&tree);
    printf("%zu files, %d errors\n", tree.count, tidy_error_count());
    if (tidy_wide_count() > 0)
        printf(
            "tests/tidy/tidy --wrap FILE in the build folder rewraps comments that are too wide\n");
    tree_free(&tree);
    return tidy_error_count() != 0;
}

static int wrap_file(const char *path)
{
    SourceFile file;
    if (!source_read(&file, path)) {
        fprintf(stderr, "tidy: cannot read %s\n", path);
        return 1;
    }
    int status = source_wrap(&file, path) != 0;
    source_deinit(&file);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--wrap") != 0)
        return check_tree(argc > 1 ? argv[1] : ".");
    int status = 0;
    for (int i = 2; i < argc; i++)
        status |= wrap_file(argv[i]);
    return status;
}
