/*
 * policy_reading.h
 *	  What a node of the plan that groups rows answers, while its input is read once.
 */
#ifndef PRIVSEG_POLICY_READING_H
#define PRIVSEG_POLICY_READING_H

#include "nodes/execnodes.h"
#include "policy_cohort.h"

#pragma GCC visibility push(hidden)

#define MAX_WHOLES 16

/* what the answers of the calls of one node of the plan have in common, while its input is read once */
typedef struct Reading
{
	uint64 number;
	uint64 asked; /* hash of the parameters from outside; 0: not known */
	uint64 group; /* which of its groups is answered */
	int n_wholes;
	struct
	{
		uint64 cell;
		CohortGroup group;
	} wholes[MAX_WHOLES]; /* of that group, whatever the rows hold */
} Reading;

extern void reading_refuse_call(const char *aggregate);
extern MemoryContext reading_context(FunctionCallInfo fcinfo, const char *aggregate);
extern Reading *reading_of(const AggState *aggregates);
extern uint64 reading_question(const Reading *reading, const PolicyReader *reader, uint64 cell);
extern bool reading_is_hidden(const AggState *aggregates, uint64 cell);

#pragma GCC visibility pop

extern PGDLLEXPORT Datum enough_subjects_final(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum enough_differ_final(PG_FUNCTION_ARGS);

#endif /* PRIVSEG_POLICY_READING_H */
