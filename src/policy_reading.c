/*
 * policy_reading.c
 *	  Which groups are answered together: those of one reading of a node's input, which have no row in
 *	  common; and what was asked.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "consent_key.h"
#include "crypto.h"
#include "errors.h"
#include "executor/nodeAgg.h"
#include "policy_reading.h"
#include "utils/lsyscache.h"

/* reading_refuse_call -- of an aggregate that nobody calls by hand.  Errors: 42501, always */
void
reading_refuse_call(const char *aggregate)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED), errmsg("%s cannot be called", aggregate),
					errdetail("It is added to statements of who may see aggregates only.")));
}

/* reading_context -- the group's memory.  Not in a window: its groups overlap */
MemoryContext
reading_context(FunctionCallInfo fcinfo, const char *aggregate)
{
	MemoryContext context;

	if (AggCheckCallContext(fcinfo, &context) != AGG_CONTEXT_AGGREGATE)
		reading_refuse_call(aggregate);
	return context;
}

/* is it the first group since the input is read, or read anew? */
static bool
begins_reading(const AggState *aggregates)
{
	ExprContext *context = aggregates->ss.ps.ps_ExprContext;
	int i = aggregates->curperagg - aggregates->peragg;

	return context->ecxt_aggvalues[i] == (Datum) 0 && !context->ecxt_aggnulls[i];
}

/* a parameter's bytes; false: they cannot be told */
static bool
parameter_bytes(const ParamExecData *parameter, Oid type, const void **data, size_t *length)
{
	int16 size;
	bool by_value;

	if (!OidIsValid(type))
		return false;
	get_typlenbyval(type, &size, &by_value);
	if (parameter->isnull)
	{
		*data = "";
		*length = 0;
	}
	else if (by_value)
	{
		*data = &parameter->value;
		*length = sizeof(Datum);
	}
	else if (size == -1)
	{
		struct varlena *value = PG_DETOAST_DATUM_PACKED(parameter->value);

		*data = VARDATA_ANY(value);
		*length = VARSIZE_ANY_EXHDR(value);
	}
	else
	{
		*data = DatumGetPointer(parameter->value);
		*length = size == -2 ? strlen(DatumGetCString(parameter->value)) : (size_t) size;
	}
	return true;
}

/* a hash of all that this part of the plan is told by others; 0: it cannot be told */
static uint64
hash_parameters(const AggState *aggregates)
{
	EState *state = aggregates->ss.ps.state;
	List *types = state->es_plannedstmt->paramExecTypes;
	uint64 hash = 1;
	int id = -1;

	while ((id = bms_next_member(aggregates->ss.ps.plan->extParam, id)) >= 0)
	{
		const ParamExecData *parameter = &state->es_param_exec_vals[id];
		uint64 word[2];
		const void *data;
		size_t length;

		if (parameter->execPlan != NULL || id >= list_length(types) ||
			!parameter_bytes(parameter, list_nth_oid(types, id), &data, &length))
			return 0;
		crypto_hash128((const uint8 *) cohort_secret(), data, length, (uint8 *) word);
		/* a NULL is none of the values */
		hash = mix64(hash_combine64(hash, word[0] + parameter->isnull));
	}
	return hash != 0 ? hash : 1;
}

/* the first of these calls: core answers them in this order, for one group after the other */
static FmgrInfo *
first_call(const AggState *aggregates, int *number)
{
	int i = 0;

	while (aggregates->peragg[i].finalfn.fn_addr != enough_subjects_final)
		i++;
	*number = i;
	return &aggregates->peragg[i].finalfn;
}

/* reading_of -- of the node of the plan whose groups are answered */
Reading *
reading_of(const AggState *aggregates)
{
	int first;
	FmgrInfo *call = first_call(aggregates, &first);
	Reading *reading = call->fn_extra;
	bool begins = false;

	if (reading == NULL)
	{
		reading = call->fn_extra = MemoryContextAllocZero(call->fn_mcxt, sizeof(Reading));
		begins = true;
	}
	if (aggregates->curperagg - aggregates->peragg != first)
		return reading;
	reading->group++;
	reading->n_wholes = 0;
	if (!begins && !begins_reading(aggregates))
		return reading;
	reading->number = cohort_number();
	reading->asked = hash_parameters(aggregates);
	return reading;
}

/*
 * reading_question -- what is asked, down to the place in the statement; 0: not repeatable.  Of groups that have no
 * row in common, something else may be asked: one answer would tell as much.
 */
uint64
reading_question(const Reading *reading, const PolicyReader *reader, uint64 cell)
{
	const PolicyQuestion *asked = &reader->repeat.question;
	bool parts = CELL_HAS(cell, POLICY_CELL_CHOSEN) || !CELL_HAS(cell, POLICY_CELL_DISJOINT);
	uint64 question = parts || asked->groups == 0 ? asked->statement : asked->groups;

	if (question == 0 || reading->asked == 0)
		return 0;
	question = hash_combine64(question, mix64(CELL_NUMBER(cell) + 1));
	return Max(hash_combine64(question, reading->asked), 1);
}

/*
 * reading_is_hidden -- does nobody get to see the product of whose factors a cell is?  Core has answered that
 * before, for this group.
 */
bool
reading_is_hidden(const AggState *aggregates, uint64 cell)
{
	const ExprContext *context = aggregates->ss.ps.ps_ExprContext;

	for (int i = 0; i < aggregates->curperagg - aggregates->peragg; i++)
		if (aggregates->peragg[i].finalfn.fn_addr == enough_differ_final &&
			DatumGetInt64(context->ecxt_aggvalues[i]) == -((int64) CELL_NUMBER(cell) + 1))
			return true;
	return false;
}
