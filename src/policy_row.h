/*
 * policy_row.h
 *	  The call row_permitted(key, domain, flags) when it runs.
 */
#ifndef PRIVSEG_POLICY_ROW_H
#define PRIVSEG_POLICY_ROW_H

#include "consent.h"
#include "fmgr.h"

/* flags: the third argument of row_permitted and row_writable */
#define ROW_NULL_PASSES 0x01   /* a NULL key does not hide the row */
#define ROW_ALSO_ABOUT 0x02    /* the key of a further column */
#define ROW_SUBJECT_TABLE 0x04 /* the relation is its domain's subject table */
#define ROW_CASCADED 0x08      /* reached by a cascade: a hidden row ends the statement */
#define ROW_COPIED 0x10        /* new, by COPY: one that may not be written ends the statement */

#define ROW_NEWEST 0x40 /* the row may be newer than the snapshot: so must the consent be */

#define ROW_EXPECTED 0x20 /* its key is the one that a trigger has told (policy_expect_key()) */
#define ROW_WHICH_SHIFT 8 /* which of them it is */

/*
 * Where our calls say to stand in the statement's text.  One that a user writes stands
 * somewhere in it, or nowhere (-1): it does not ask for what was told.
 */
#define ROW_CALL_LOCATION (-15)

/* where a view's condition says to stand that is put beside policies (policy_mark_condition()) */
#define CONDITION_LOCATION (-16)

/* the error of one that may not, which guard_copy.c completes */
#define ROW_COPIED_ERROR "new row violates row-level security policy \"privseg\""

#pragma GCC visibility push(hidden)

extern ConsentLookup *policy_row_lookup(FunctionCallInfo fcinfo, KeyKind kind);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_ROW_H */
