// Ranking quality on a judged collection (judged.h): the mean nDCG@10 of its queries. Every column
// behind a document's id is indexed.
//
// A query is its words joined by OR. Four tables: unicode61, porter (both libraries), and of ours
// alone the English Snowball stemmer, without and with stop words.
#include "bench/fts/fts_bench.h"
#include "bench/judged.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SIZE = 1 << 16 };

static void fill_table(Side *side, const char *folder, const char *tokenizer)
{
    static char line[LINE_MAX_SIZE];
    char sql[400];
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS d; CREATE VIRTUAL TABLE d USING fts5(a, tokenize=\"%s\"); BEGIN",
             tokenizer);
    run_sql(side, sql);
    sqlite3_stmt *stmt = prepare(side, "INSERT INTO d(rowid, a) VALUES(?1, ?2)");
    FILE *file = judged_open(folder, "docs.tsv");
    while (fgets(line, sizeof line, file) != NULL) {
        char *text = strchr(line, '\t');
        if (text == NULL || line[0] < '0' || line[0] > '9')
            continue; // the heading
        *text++ = 0;
        side->lib.bind_text(stmt, 1, line, -1, SQLITE_STATIC);
        side->lib.bind_text(stmt, 2, text, -1, SQLITE_STATIC);
        side->lib.step(stmt);
        side->lib.reset(stmt);
    }
    fclose(file);
    side->lib.finalize(stmt);
    run_sql(side, "COMMIT");
}

// "word" OR "word" ..., of what lies between the letters and digits.
static void make_match(const char *text, char *match, size_t room)
{
    int size = 0;
    match[0] = 0;
    while (*text != 0) {
        size_t word =
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (word > 0)
            size += snprintf(match + size, room - (size_t)size, "%s\"%.*s\"",
                             size > 0 ? " OR " : "", (int)word, text);
        text += word > 0 ? word : 1;
    }
}

static double mean_ndcg(Side *side, const char *folder, const Judged *judged)
{
    static char line[LINE_MAX_SIZE];
    static char match[4 * LINE_MAX_SIZE];
    double sum = 0;
    int count = 0;
    sqlite3_stmt *stmt =
        prepare(side, "SELECT rowid, rank FROM d WHERE d MATCH ?1 ORDER BY rank LIMIT 10");
    FILE *file = judged_open(folder, "queries.tsv");
    while (fgets(line, sizeof line, file) != NULL) {
        char *text = strchr(line, '\t');
        int query = (int)strtol(line, NULL, 10);
        double ideal = text == NULL ? 0 : judged_ideal(judged, query);
        if (ideal <= 0)
            continue;
        make_match(text, match, sizeof match);
        side->lib.bind_text(stmt, 1, match, -1, SQLITE_STATIC);
        double gain = 0;
        for (int place = 0; side->lib.step(stmt) == SQLITE_ROW; place++)
            gain +=
                judged_gain(judged, query, (int)side->lib.column_int64(stmt, 0)) / log2(place + 2);
        side->lib.reset(stmt);
        sum += gain / ideal;
        count++;
    }
    fclose(file);
    side->lib.finalize(stmt);
    return count == 0 ? 0 : sum / count;
}

void bench_relevance(Side *sides, const char *folder)
{
    static const char *const tokenizers[] = {"unicode61", "porter", "snowball english",
                                             "stopwords english snowball english"};
    Judged judged;
    judged_read(folder, &judged);
    printf("-- mean nDCG@10, %d judgements\n", judged.count);
    for (int i = 0; i < 4; i++) {
        printf("%-44s", tokenizers[i]);
        for (int k = 0; k < (i < 2 ? 2 : 1); k++) {
            if (sides[k].lib.open(":memory:", &sides[k].db) != SQLITE_OK)
                exit(1);
            fill_table(&sides[k], folder, tokenizers[i]);
            printf(" %10.4f", mean_ndcg(&sides[k], folder, &judged));
            sides[k].lib.close(sides[k].db);
        }
        printf("\n");
    }
    judged_free(&judged);
}
