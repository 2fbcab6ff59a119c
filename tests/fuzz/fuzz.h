#ifndef QUIRE_TESTS_FUZZ_FUZZ_H
#define QUIRE_TESTS_FUZZ_FUZZ_H
// What a fuzz target is: libFuzzer's entry point, which may stop the process only for a fault.

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
