// Arithmetic on logarithmic estimates. Everything is integer arithmetic, so that a plan never
// depends on a machine's floating point.

#include "sql/plan/estimate.h"

Est est_from_u64(u64 n)
{
    return log_estimate(n);
}

// Costs come from modules, who may hand in anything, no number included: that is no path to prefer.
Est est_from_f64(f64 n)
{
    if (n <= 1)
        return 0;
    if (!(n < 9e18))
        return 630;
    return est_from_u64((u64)n);
}

u64 est_to_u64(Est e)
{
    if (e < 10)
        return 1;
    if (e >= 620)
        return INT64_MAX;
    u64 tenths = (u64)(e % 10);
    u64 eighths = tenths >= 5 ? 8 + tenths - 2 : tenths >= 1 ? 8 + tenths - 1 : 8;
    int high = e / 10;
    return high >= 3 ? eighths << (high - 3) : eighths >> (3 - high);
}

Est est_sum(Est a, Est b)
{
    // What the smaller adds to the greater, by their difference: 10 * log2(1 + 2^(-d/10)).
    static const u8 gain[32] = {10, 10, 9, 9, 8, 8, 7, 7, 7, 6, 6, 6, 5, 5, 5, 4,
                                4,  4,  4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2};
    Est high = a > b ? a : b;
    int difference = a > b ? a - b : b - a;
    if (difference > 49)
        return high;
    if (difference > 31)
        return (Est)(high + 1);
    return (Est)(high + gain[difference]);
}

// 33 is 10 * log2(10): estimates are tenths, and the logarithm is wanted of the exponent itself.
Est est_log2(Est n)
{
    return n <= 10 ? 0 : (Est)(est_from_u64((u64)n) - 33);
}
