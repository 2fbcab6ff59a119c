#ifndef QUIRE_BASE_POWERS_OF_TEN_H
#define QUIRE_BASE_POWERS_OF_TEN_H
// Family header of number.c: the table that turns decimal exponents into binary ones.

#include "base/types.h"

enum {
    POWER_OF_TEN_MIN = -342, // below it, 64 bits of digits always round to zero
    POWER_OF_TEN_MAX = 341,  // the smallest subnormal times this has 18 digits
    POWER_OF_TEN_COUNT = POWER_OF_TEN_MAX - POWER_OF_TEN_MIN + 1,
};

typedef struct PowerOfTen {
    u64 high, low;
} PowerOfTen;

extern const PowerOfTen powers_of_ten[POWER_OF_TEN_COUNT];

#endif
