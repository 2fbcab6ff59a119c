// The constant data of the running program: see program_image.h.
//
// The dynamic linker lists the parts of every loaded object, the main program first. Its read-only
// parts that hold no code are searched; they are mapped as long as the process lives.

#define _GNU_SOURCE 1
#include "os/program_image.h"
#include <link.h>

typedef struct Search {
    bool (*matches)(const char *text, size_t left);
    const char *found;
} Search;

static const char *find_in(const char *start, size_t size, const Search *search)
{
    ASSERT(search->matches != NULL);
    ASSERT(search->found == NULL);

    for (size_t i = 0; i < size; i++) {
        // Texts begin where another one ends.
        bool is_start = i == 0 || start[i - 1] == '\0';
        if (is_start && search->matches(start + i, size - i))
            return start + i;
    }
    return NULL;
}

// Called for the main program first; a result other than 0 ends the walk. A part's p_filesz bytes
// are what the file has of it; constant data has no rest that would be zeros.
static int visit_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    Search *search = arg;
    ASSERT(object != NULL && search != NULL);
    for (int i = 0; i < object->dlpi_phnum && search->found == NULL; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        bool is_constant = part->p_type == PT_LOAD && part->p_flags == PF_R;
        if (is_constant) {
            const char *start = (const char *)(object->dlpi_addr + part->p_vaddr);
            search->found = find_in(start, (size_t)part->p_filesz, search);
        }
    }
    return 1;
}

const char *program_find_text(bool (*matches)(const char *text, size_t left))
{
    ASSERT(matches != NULL);

    Search search = {.matches = matches};
    dl_iterate_phdr(visit_object, &search);
    return search.found;
}
