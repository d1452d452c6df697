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

/*
 * Which groups are counted: the subject table, flags, of which column the values, and a number in the
 * statement.  Only C code makes one, so nobody else calls the aggregate.
 */
#define CELL_NUMBER(cell) ((uint32) ((cell) &POLICY_MOST_CELLS))
#define CELL_COLUMN(cell) ((uint32) (((cell) >> 16) & POLICY_MOST_COLUMNS))
#define CELL_HAS(cell, flag) ((((cell) >> 28) & (flag)) != 0)
#define CELL_DOMAIN(cell) ((Oid) ((cell) >> 32))

/* the subjects of a group, told from those of most others: how many, and their sum */
typedef struct CohortGroup
{
	uint64 subjects;
	uint64 sum;
} CohortGroup;

/* where in a statement it was made */
typedef struct CohortPlace
{
	uint64 reading; /* no row of a person is in two groups of it (cohort_number()); 0: it may be */
	uint64 group;   /* which one of it */
	uint64 cell;    /* which of the group's rows */
} CohortPlace;

/* a group that is about to be answered */
typedef struct CohortAnswer
{
	Oid domain;
	uint32 also; /* the number of a column where rows say whom they are also about; 0: their own */
	SketchSource source;
	const PolicySketch *sketch; /* of it, where there is one already; or NULL */
	CohortPlace place;
	CohortGroup group; /* also those who have no value */
	uint32 column;     /* for this column; 0: it is the whole group */
	int most;          /* fewer that differ are too few */
	uint64 question;   /* what is asked, down to the place in the statement; 0: not repeatable */
} CohortAnswer;

extern Size cohort_shmem_size(void);
extern void cohort_shmem_startup(void);
extern const uint64 *cohort_secret(void);
extern int cohort_most(const PolicyReader *reader);
extern uint64 cohort_number(void);
extern void cohort_answer(const PolicyReader *reader, const CohortAnswer *answer);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_COHORT_H */
