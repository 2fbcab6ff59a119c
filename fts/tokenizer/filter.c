// The base of a filter. See filter.h.
#include "fts/tokenizer/filter.h"

int token_filter_open(TokenFilter *filter, TokenizerList *list, const char **args, int arg_count)
{
    ASSERT(filter->base_tokenizer == NULL);

    TokenizerEntry *entry = tokenizer_list_find(list, arg_count > 0 ? args[0] : NULL);
    if (entry == NULL)
        return SQLITE_ERROR;
    filter->base = &entry->methods;
    int rest = arg_count > 0 ? arg_count - 1 : 0;
    return entry->methods.xCreate(entry->user_data, rest > 0 ? args + 1 : NULL, rest,
                                  &filter->base_tokenizer);
}

void token_filter_close(TokenFilter *filter)
{
    if (filter->base_tokenizer != NULL)
        filter->base->xDelete(filter->base_tokenizer);
    filter->base_tokenizer = NULL;
}
