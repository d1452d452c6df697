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
extern List *policy_cascade_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_copy_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern bool policy_is_subject_table(const ProtectedRelation *entry, Oid relid);
extern bool policy_is(Node *qual, List *policy);
extern bool
policy_leads(List *quals, List *policy, List *index_columns, bool (*is_safe)(Node *qual));
extern bool policy_is_call(Node *node);
extern Node *policy_reads_to_writes(Node *qual);
extern Purpose policy_require_purpose(Oid user);

/* what a statement, or the rows it has left in a cursor, may hold */
typedef enum PolicyReads
{
	READS_NOTHING,   /* that is protected */
	READS_PERMITTED, /* who permits the purpose */
	READS_ALL        /* row_security = off was honoured */
} PolicyReads;

typedef struct PolicyReader
{
	PolicyReads reads;
	Oid user;
	char purpose[NAMEDATALEN];
} PolicyReader;

extern PolicyReader policy_reader(PolicyReads reads);
extern void policy_reader_goes_on(const PolicyReader *reader);
extern void policy_statement_begins(MemoryContext query_context, PolicyReads reads);
extern void policy_statement_goes_on(MemoryContext query_context);
extern void policy_pages_begin(PlanState *root);

/*
 * How many of core's queries for foreign keys, and of ours that carry a subject,
 * are being planned or run, one inside the other.  What else runs inside of one
 * is code of users, in triggers and expressions.
 */
extern int policy_referential_depth;
/* the depth at which a query of policy_trigger.c is under way, or -1 */
extern int policy_carrying_depth;

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_H */
