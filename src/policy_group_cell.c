/*
 * policy_group_cell.c
 *	  What the planner's tree tells enough_subjects() (policy_enough.c) of the groups that a call counts.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "nodes/makefuncs.h"
#include "policy.h"
#include "policy_cohort.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(group_cell_in);
PG_FUNCTION_INFO_V1(group_cell_out);

Datum
group_cell_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("a value of type %s cannot be written", "privseg.group_cell")));
	PG_RETURN_NULL();
}

/* as EXPLAIN shows it: the number */
Datum
group_cell_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(psprintf("%u", CELL_NUMBER((uint64) PG_GETARG_INT64(0))));
}

static Oid
group_cell_type(void)
{
	Oid schema = get_namespace_oid("privseg", true);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("group_cell"),
						   ObjectIdGetDatum(schema));
}

/*
 * policy_group_cell -- the aggregate's second argument
 *	domain		whose subjects are counted
 *	cell		a number, the same for calls over the same rows of the statement's groups; at most
 *				POLICY_MOST_CELLS
 *	column		a number for the column whose values are counted, below POLICY_FACTORS, which is for pairs
 *				of a subject and a factor; POLICY_MOST_COLUMNS: any and several; 0: rows are, whatever
 *				they hold
 *	flags
 *		POLICY_CELL_DISJOINT	no row of a protected relation can be in two groups of this call.  A
 *								join makes several of a row, and each may be in another group: not so
 *								where the FROM clause is that relation alone.
 *		POLICY_CELL_ONCE		and no subject has two rows: they are not looked for
 *		POLICY_CELL_ALSO		whom rows are also about, said by that column: nobody is enough, too
 *		POLICY_CELL_CHOSEN		the rows of a group that an aggregate's own condition chooses
 */
Const *
policy_group_cell(Oid domain, uint32 cell, uint32 column, int flags)
{
	uint64 value = (uint64) domain << 32 | (uint64) flags << 28 | (uint64) column << 16 | cell;

	return makeConst(group_cell_type(), -1, InvalidOid, sizeof(int64), Int64GetDatum((int64) value),
					 false, FLOAT8PASSBYVAL);
}

/* Errors: XX000 where the extension lacks it */
static Oid
find_function(const char *name, const Oid *arguments, int n)
{
	oidvector *vector = buildoidvector(arguments, n);
	Oid result = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
								 PointerGetDatum(vector),
								 ObjectIdGetDatum(get_namespace_oid("privseg", true)));

	pfree(vector);
	if (!OidIsValid(result))
		elog(ERROR, "privseg lacks the function %s", name);
	return result;
}

/* policy_enough_function -- the aggregate for keys of a kind */
Oid
policy_enough_function(KeyKind kind)
{
	static const Oid types[] = {
		[KEY_INTEGER] = INT8OID, [KEY_UUID] = UUIDOID, [KEY_TEXT] = TEXTOID};

	Oid arguments[] = {types[kind], group_cell_type(), INT8OID};

	return find_function("enough_subjects", arguments, lengthof(arguments));
}

/* policy_differ_function -- and that of policy_differ.c */
Oid
policy_differ_function(void)
{
	Oid arguments[] = {INT8OID, group_cell_type(), INT8OID, INT8OID};

	return find_function("enough_differ", arguments, lengthof(arguments));
}

/* policy_float8_function -- the cast that has no overflow (usage_fit.c) */
Oid
policy_float8_function(void)
{
	Oid arguments[] = {NUMERICOID};

	return find_function("as_float8", arguments, lengthof(arguments));
}

/* policy_moment_function -- and what makes moments of a type such as core can compute with */
Oid
policy_moment_function(Oid type)
{
	return find_function("as_moment", &type, 1);
}
