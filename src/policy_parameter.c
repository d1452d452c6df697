/*
 * policy_parameter.c
 *	  Parameters of a statement under the policy: all are there before it starts.
 *
 * Core asks for a parameter when an expression needs it.  plpgsql then looks into its
 * variables, and raises where a record has lost the field; a value may lie in another
 * table's storage, and that be gone.  If the first to need it is a hidden row, the error
 * tells of it.  So whatever can raise does so before any row is read, as it does in a
 * cursor's query and in a parallel one.  Constants are no concern: core keeps them whole.
 */
#include "compat.h"

#include "access/detoast.h"
#include "catalog.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* does the value lie elsewhere, and must be fetched? */
static bool
lies_elsewhere(const ParamExternData *parameter)
{
	return !parameter->isnull && OidIsValid(parameter->ptype) &&
		   get_typlen(parameter->ptype) == -1 &&
		   VARATT_IS_EXTERNAL(DatumGetPointer(parameter->value));
}

/*
 * policy_parameters_begin -- before a statement under the policy starts: fetch all.
 * They live as long as the query's description.
 */
void
policy_parameters_begin(QueryDesc *query)
{
	ParamListInfo parameters = query->params;
	MemoryContext outer;
	bool later;

	if (parameters == NULL)
		return;
	later = parameters->paramFetch != NULL;
	for (int i = 0; i < parameters->numParams && !later; i++)
		later = lies_elsewhere(&parameters->params[i]);
	if (!later)
		return;
	outer = MemoryContextSwitchTo(GetMemoryChunkContext(query));
	parameters = copyParamList(parameters);
	for (int i = 0; parameters != NULL && i < parameters->numParams; i++)
	{
		ParamExternData *parameter = &parameters->params[i];

		if (lies_elsewhere(parameter))
			parameter->value = PointerGetDatum(
				detoast_external_attr((struct varlena *) DatumGetPointer(parameter->value)));
	}
	query->params = parameters;
	MemoryContextSwitchTo(outer);
}

/* ---- parameters within a statement ---- */

/*
 * policy_parameter_is_fetched -- may its value lie elsewhere, too?  A function may give
 * one, and as long as the statement runs another may drop the table that it lies in.
 */
bool
policy_parameter_is_fetched(const Param *parameter)
{
	return parameter->paramkind == PARAM_EXEC && get_typlen(parameter->paramtype) == -1;
}
