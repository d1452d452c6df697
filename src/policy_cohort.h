/*
 * policy_cohort.h
 *	  The cohorts whose aggregates a role has been told: groups of data subjects, and what
 *	  tells one execution of a statement from another.
 */
#ifndef PRIVSEG_POLICY_COHORT_H
#define PRIVSEG_POLICY_COHORT_H

#include "policy.h"
#include "policy_sketch.h"

#pragma GCC visibility push(hidden)

/* a group that is about to be answered */
typedef struct CohortAnswer
{
	Oid domain;
	SketchSource source;
	const PolicySketch *sketch; /* of it, where there is one already; or NULL */
	uint64 reading;  /* no row of a person is in two groups of it (cohort_number()); 0: it may be */
	uint64 question; /* what is asked, down to the place in the statement; 0: not repeatable */
} CohortAnswer;

extern Size cohort_shmem_size(void);
extern void cohort_shmem_startup(void);
extern const uint64 *cohort_secret(void);
extern int cohort_most(const PolicyReader *reader);
extern uint64 cohort_number(void);
extern void cohort_answer(const PolicyReader *reader, const CohortAnswer *answer);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_COHORT_H */
