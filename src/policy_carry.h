/*
 * policy_carry.h
 *	  Rows that get their subject's key through a foreign key.
 */
#ifndef PRIVSEG_POLICY_CARRY_H
#define PRIVSEG_POLICY_CARRY_H

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

#pragma GCC visibility push(hidden)

extern bool subject_trigger_is_as_made(const Trigger *trigger);
extern Trigger *subject_trigger(Relation relation, const char *column);
extern bool carries_subject(Relation relation);
extern bool subject_is_carried_by(Oid relid, const char *column);
extern bool subject_is_gone(Relation relation, AttrNumber column, Datum key, Oid domain);
extern AttrNumber subject_reference(Oid relid, Oid *referenced, AttrNumber *referenced_column);
extern bool subject_is_carried_through(Oid relid, AttrNumber column, Oid to, AttrNumber to_column);
extern void subject_follows(Relation relation, HeapTuple row);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_CARRY_H */
