/*
 * policy.h
 *	  The row policy: what is added to a statement, and what it asks when the
 *	  statement runs.
 */
#ifndef PRIVSEG_POLICY_H
#define PRIVSEG_POLICY_H

#include "catalog.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#pragma GCC visibility push(hidden)

extern List *policy_permissive(CmdType command, Relation relation);
extern List *policy_restrictive(CmdType command, Relation relation);
extern List *policy_read_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_write_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern bool policy_is_on(Node *qual, List *policy, List *index_columns);
extern int policy_flags(const ProtectedRelation *entry);
extern bool policy_is_read_function(Oid function);
extern Node *policy_reads_to_writes(Node *qual);
extern const Purpose *policy_require_purpose(void);
extern void policy_statement_begins(MemoryContext query_context);
extern void policy_pages_begin(PlanState *root);

/* subject_carried() reads the referenced row: by its plan's shape, unfiltered */
extern bool policy_carrying_subject;

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_H */
