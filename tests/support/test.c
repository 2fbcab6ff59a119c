// The assertions of test.h.
#include "support/test.h"

void test_rc(int expected, int rc, const char *call, const char *file, int line)
{
    if (rc == expected)
        return;
    print_error("%s:%d: %s gave %d, expected %d\n", file, line, call, rc, expected);
    _fail(file, line);
}

void test_f64_near(double expected, double actual, double tolerance, const char *file, int line)
{
    bool same = expected == actual || (isnan(expected) && isnan(actual));
    if (same || fabs(expected - actual) <= tolerance)
        return;
    print_error("%s:%d: %.17g is not within %g of %.17g\n", file, line, actual, tolerance,
                expected);
    _fail(file, line);
}
