// The texts of .help: a line for each command, and lines of details that begin with a blank. They
// are SQLite's, for the commands that it has.
//
// A pattern is looked for as a beginning of a command's name, and if none has it, anywhere in the
// texts.

#include "shell/shell.h"

#include <string.h>

// clang-format off
// In the order of the names. A line that begins with a point is a command's, and what comes before
// the second blank is what is typed; lines below it begin with a blank.
static const char *const texts[] = {
    ".auth ON|OFF             Show authorizer callbacks",
    ".backup ?DB? FILE        Backup DB (default \"main\") to FILE",
    "   Options:",
    "       --async             Write to FILE without journal and fsync()",
    ".bail on|off             Stop after hitting an error.  Default OFF",
    ".binary on|off           Turn binary output on or off.  Default OFF",
    ".cd DIRECTORY            Change the working directory to DIRECTORY",
    ".changes on|off          Show number of rows changed by SQL",
    ".clone NEWDB             Clone data into NEWDB from the existing database",
    ".connection [close] [#]  Open or close an auxiliary database connection",
    ".databases               List names and files of attached databases",
    ".dbconfig ?op? ?val?     List or change sqlite3_db_config() options",
    ".dbinfo ?DB?             Show status information about the database",
    ".dump ?OBJECTS?          Render database content as SQL",
    "   Options:",
    "     --data-only            Output only INSERT statements",
    "     --newlines             Allow unescaped newline characters in output",
    "     --nosys                Omit system tables (ex: \"sqlite_stat1\")",
    "     --preserve-rowids      Include ROWID values in the output",
    "   OBJECTS is a LIKE pattern for tables, indexes, triggers or views to dump",
    "   Additional LIKE patterns can be given in subsequent arguments",
    ".echo on|off             Turn command echo on or off",
    ".embed TABLE EXPR TARGET Keep vectors of the texts EXPR of TABLE in TARGET",
    "   Options:",
    "     --exec COMMAND         Program that embeds: JSON lines in and out",
    "     --url URL              Or endpoint of embeddings; key in $QUIRE_EMBED_KEY",
    "     --model NAME           Name of the model.  Default: COMMAND or URL",
    "     --feed NAME            Feed to follow, made if missing.  Default: TARGET_feed",
    "     --chunk N              Cut texts into pieces of at most N bytes",
    "     --overlap N            Bytes that pieces share",
    "     --batch N              Rows at a time.  Default: 64",
    "     --wait MS              Go on until no change comes for so long; -1: for ever",
    ".eqp on|off|full|...     Enable or disable automatic EXPLAIN QUERY PLAN",
    "   Other Modes:",
    "      trigger               Like \"full\" but also show trigger bytecode",
    ".exit ?CODE?             Exit this program with return-code CODE",
    ".expert                  Suggest indexes for the next query",
    ".explain ?on|off|auto?   Change the EXPLAIN formatting mode.  Default: auto",
    ".filectrl CMD ...        Run various sqlite3_file_control() operations",
    "   --schema SCHEMA         Use SCHEMA instead of \"main\"",
    "   --help                  Show CMD details",
    ".fullschema ?--indent?   Show schema and the content of sqlite_stat tables",
    ".headers on|off          Turn display of headers on or off",
    ".help ?-all? ?PATTERN?   Show help text for PATTERN",
    ".import FILE TABLE       Import data from FILE into TABLE",
    "   Options:",
    "     --ascii               Use \\037 and \\036 as column and row separators",
    "     --csv                 Use , and \\n as column and row separators",
    "     --skip N              Skip the first N rows of input",
    "     --schema S            Target table to be S.TABLE",
    "     -v                    \"Verbose\" - increase auxiliary output",
    "   Notes:",
    "     *  If TABLE does not exist, it is created.  The first row of input",
    "        determines the column names.",
    "     *  If neither --csv or --ascii are used, the input mode is derived",
    "        from the \".mode\" output mode",
    "     *  If FILE begins with \"|\" then it is a command that generates the",
    "        input text.",
    ".indexes ?TABLE?         Show names of indexes",
    "                           If TABLE is specified, only show indexes for",
    "                           tables matching TABLE using the LIKE operator.",
    ".limit ?LIMIT? ?VAL?     Display or change the value of an SQLITE_LIMIT",
    ".lint OPTIONS            Report potential schema issues.",
    "     Options:",
    "        fkey-indexes     Find missing foreign key indexes",
    ".load FILE ?ENTRY?       Load an extension library",
    ".log FILE|off            Turn logging on or off.  FILE can be stderr/stdout",
    ".mode MODE ?OPTIONS?     Set output mode",
    "   MODE is one of:",
    "     ascii       Columns/rows delimited by 0x1F and 0x1E",
    "     box         Tables using unicode box-drawing characters",
    "     csv         Comma-separated values",
    "     column      Output in columns.  (See .width)",
    "     html        HTML <table> code",
    "     insert      SQL insert statements for TABLE",
    "     json        Results in a JSON array",
    "     line        One value per line",
    "     list        Values delimited by \"|\"",
    "     markdown    Markdown table format",
    "     qbox        Shorthand for \"box --wrap 60 --quote\"",
    "     quote       Escape answers as for SQL",
    "     table       ASCII-art table",
    "     tabs        Tab-separated values",
    "     tcl         TCL list elements",
    "   OPTIONS: (for columnar modes or insert mode):",
    "     --wrap N       Wrap output lines to no longer than N characters",
    "     --wordwrap B   Wrap or not at word boundaries per B (on/off)",
    "     --ww           Shorthand for \"--wordwrap 1\"",
    "     --quote        Quote output text as SQL literals",
    "     --noquote      Do not quote output text",
    "     TABLE          The name of SQL table used for \"insert\" mode",
    ".nullvalue STRING        Use STRING in place of NULL values",
    ".once ?OPTIONS? ?FILE?   Output for the next SQL command only to FILE",
    "     If FILE begins with '|' then open as a pipe",
    "       --bom  Put a UTF8 byte-order mark at the beginning",
    ".open ?OPTIONS? ?FILE?   Close existing database and reopen FILE",
    "     Options:",
    "        --deserialize   Load into memory using sqlite3_deserialize()",
    "        --new           Initialize FILE to an empty database",
    "        --nofollow      Do not follow symbolic links",
    "        --readonly      Open FILE readonly",
    ".output ?FILE?           Send output to FILE or stdout if FILE is omitted",
    "   If FILE begins with '|' then open it as a pipe.",
    "   Options:",
    "     --bom                 Prefix output with a UTF8 byte-order mark",
    ".parameter CMD ...       Manage SQL parameter bindings",
    "   clear                   Erase all bindings",
    "   init                    Initialize the TEMP table that holds bindings",
    "   list                    List the current parameter bindings",
    "   set PARAMETER VALUE     Given SQL parameter PARAMETER a value of VALUE",
    "                           PARAMETER should start with one of: $ : @ ?",
    "   unset PARAMETER         Remove PARAMETER from the binding table",
    ".print STRING...         Print literal STRING",
    ".progress N              Invoke progress handler after every N opcodes",
    "   --limit N                 Interrupt after N progress callbacks",
    "   --once                    Do no more than one progress interrupt",
    "   --quiet|-q                No output except at interrupts",
    "   --reset                   Reset the count for each input and interrupt",
    ".prompt MAIN CONTINUE    Replace the standard prompts",
    ".quit                    Exit this program",
    ".read FILE               Read input from FILE or command output",
    "    If FILE begins with \"|\", it is a command that generates the input.",
    ".recover                 Recover as much data as possible from corrupt db.",
    "   --ignore-freelist        Ignore pages that appear to be on db freelist",
    "   --lost-and-found TABLE   Alternative name for the lost-and-found table",
    "   --no-rowids              Do not attempt to recover rowid values",
    "                            that are not also INTEGER PRIMARY KEYs",
    ".restore ?DB? FILE       Restore content of DB (default \"main\") from FILE",
    ".save ?OPTIONS? FILE     Write database to FILE (an alias for .backup ...)",
    ".scanstats on|off        Turn sqlite3_stmt_scanstatus() metrics on or off",
    ".schema ?PATTERN?        Show the CREATE statements matching PATTERN",
    "   Options:",
    "      --indent             Try to pretty-print the schema",
    "      --nosys              Omit objects whose names start with \"sqlite_\"",
    ".separator COL ?ROW?     Change the column and row separators",
    ".sha3sum ...             Compute a SHA3 hash of database content",
    "    Options:",
    "      --schema              Also hash the sqlite_schema table",
    "      --sha3-224            Use the sha3-224 algorithm (default)",
    "      --sha3-256            Use the sha3-256 algorithm",
    "      --sha3-384            Use the sha3-384 algorithm",
    "      --sha3-512            Use the sha3-512 algorithm",
    "    Any other argument is a LIKE pattern for tables to hash",
    ".shell CMD ARGS...       Run CMD ARGS... in a system shell",
    ".show                    Show the current values for various settings",
    ".stats ?ARG?             Show stats or turn stats on or off",
    "   off                      Turn off automatic stat display",
    "   on                       Turn on automatic stat display",
    "   stmt                     Show statement stats",
    "   vmstep                   Show the virtual machine step count only",
    ".system CMD ARGS...      Run CMD ARGS... in a system shell",
    ".tables ?TABLE?          List names of tables matching LIKE pattern TABLE",
    ".timeout MS              Try opening locked tables for MS milliseconds",
    ".timer on|off            Turn SQL timer on or off",
    ".trace ?OPTIONS?         Output each SQL statement as it is run",
    "    FILE                    Send output to FILE",
    "    stdout                  Send output to stdout",
    "    stderr                  Send output to stderr",
    "    off                     Disable tracing",
    "    --expanded              Expand query parameters",
    "    --plain                 Show SQL as it is input",
    "    --stmt                  Trace statement execution (SQLITE_TRACE_STMT)",
    "    --profile               Profile statements (SQLITE_TRACE_PROFILE)",
    "    --row                   Trace each row (SQLITE_TRACE_ROW)",
    "    --close                 Trace connection close (SQLITE_TRACE_CLOSE)",
    ".vfsinfo ?AUX?           Information about the top-level VFS",
    ".vfslist                 List all available VFSes",
    ".vfsname ?AUX?           Print the name of the VFS stack",
    ".width NUM1 NUM2 ...     Set minimum column widths for columnar output",
    "     Negative values right-justify",
};
// clang-format on
enum { TEXTS = sizeof texts / sizeof texts[0] };

// The command's line and its details, up to the next command.
static void print_command(FILE *out, int at)
{
    ASSERT(texts[at][0] == '.');
    ASSERT(at >= 0 && at < TEXTS);

    fprintf(out, "%s\n", texts[at]);
    for (int i = at + 1; i < TEXTS && texts[i][0] == ' '; i++)
        fprintf(out, "%s\n", texts[i]);
}

// Commands whose name begins with the pattern: details of the only one, a line of each of several.
static int print_by_name(FILE *out, const char *pattern)
{
    ASSERT(pattern != NULL);

    char *glob = shell_printf(".%s*", pattern);
    int count = 0;
    int last = 0;
    for (int i = 0; i < TEXTS; i++) {
        if (texts[i][0] != '.' || sqlite3_strglob(glob, texts[i]) != 0)
            continue;
        // The first one is printed only when a second is found: alone it is shown with its details.
        if (count == 1)
            fprintf(out, "%s\n", texts[last]);
        if (count >= 1)
            fprintf(out, "%s\n", texts[i]);
        last = i;
        count++;
    }
    if (count == 1)
        print_command(out, last);
    sqlite3_free(glob);
    return count;
}

// Commands whose text, details included, has the pattern.
static int print_by_text(FILE *out, const char *pattern)
{
    ASSERT(pattern != NULL);

    char *like = shell_printf("%%%s%%", pattern);
    int count = 0;
    int command = 0;
    int shown = -1;
    for (int i = 0; i < TEXTS; i++) {
        // Details belong to the command above them.
        command = texts[i][0] == '.' ? i : command;
        if (sqlite3_strlike(like, texts[i], 0) != 0 || shown == command)
            continue;
        print_command(out, command);
        shown = command;
        count++;
    }
    sqlite3_free(like);
    return count;
}

// -a or --all prints everything, details included.
int help_print(FILE *out, const char *pattern)
{
    ASSERT(out != NULL);

    bool wants_all = pattern != NULL
                     && (strcmp(pattern, "-a") == 0 || strcmp(pattern, "-all") == 0
                         || strcmp(pattern, "--all") == 0);
    if (pattern == NULL || wants_all) {
        for (int i = 0; i < TEXTS; i++) {
            if (wants_all || texts[i][0] == '.')
                fprintf(out, "%s\n", texts[i]);
        }
        return TEXTS;
    }
    int count = print_by_name(out, pattern);
    return count > 0 ? count : print_by_text(out, pattern);
}
