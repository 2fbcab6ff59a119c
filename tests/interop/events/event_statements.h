#ifndef QUIRE_TESTS_INTEROP_EVENTS_EVENT_STATEMENTS_H
#define QUIRE_TESTS_INTEROP_EVENTS_EVENT_STATEMENTS_H
// Random SQL over a small schema with triggers, foreign keys, views and every kind of conflict.
// The same seed gives the same statements.

extern const char statements_schema[];
void statements_seed(unsigned long seed);
unsigned statements_random(unsigned below);
// The next statement; valid until the call after.
const char *statements_next(void);

#endif
