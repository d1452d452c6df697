/*
 * guard_referential.h
 *	  How core's queries for foreign keys are told: shared by those who do.
 */
#ifndef PRIVSEG_GUARD_REFERENTIAL_H
#define PRIVSEG_GUARD_REFERENTIAL_H

#include "nodes/parsenodes.h"

#pragma GCC visibility push(hidden)

extern AttrNumber referential_column_of(Node *node, Index varno);
extern bool referential_is_equality(Node *node);
extern bool referential_is_bare(Query *query);
extern Oid guard_validation_of(Query *query);

#pragma GCC visibility pop

#endif /* PRIVSEG_GUARD_REFERENTIAL_H */
