/*
 * policy_stamp.h
 *	  For which statement, of which user, something was resolved: what is kept from row to row
 *	  is compared by it, and resolved anew where it differs.
 */
#ifndef PRIVSEG_POLICY_STAMP_H
#define PRIVSEG_POLICY_STAMP_H

#include "cache_inval.h"
#include "miscadmin.h"
#include "utils/rls.h"
#include "utils/snapshot.h"

typedef struct PolicyStamp
{
	TransactionId xmin;
	TransactionId xmax;
	uint32 xcnt;
	int32 subxcnt;
	CommandId curcid;
	Oid user;
	bool row_security;
	uint64 xact_generation;
} PolicyStamp;

/* of now, under a snapshot */
static inline PolicyStamp
policy_stamp(Snapshot snapshot)
{
	return (PolicyStamp){.xmin = snapshot->xmin,
						 .xmax = snapshot->xmax,
						 .xcnt = snapshot->xcnt,
						 .subxcnt = snapshot->subxcnt,
						 .curcid = snapshot->curcid,
						 .user = GetUserId(),
						 .row_security = row_security,
						 .xact_generation = cache_xact_generation};
}

static inline bool
policy_stamp_holds(const PolicyStamp *stamp, Snapshot snapshot)
{
	return snapshot->xmax == stamp->xmax && snapshot->xmin == stamp->xmin &&
		   snapshot->xcnt == stamp->xcnt && snapshot->subxcnt == stamp->subxcnt &&
		   snapshot->curcid == stamp->curcid && stamp->user == GetUserId() &&
		   stamp->row_security == row_security && stamp->xact_generation == cache_xact_generation;
}

#endif /* PRIVSEG_POLICY_STAMP_H */
