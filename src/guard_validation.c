/*
 * guard_validation.c
 *	  The query by which core validates a foreign key, which must see all rows:
 *	  an orphan is one though it is hidden, and a hidden row can be referenced.
 *
 * It is exempt only while a command does nothing but add or validate foreign
 * keys, which runs no code of users; only to the letter; and only for a foreign
 * key that this very command is about.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "guard.h"
#include "guard_referential.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

Oid guard_validating = InvalidOid;

/* the columns that are asked to be NOT NULL, ANDed or ORed, and nothing else; or NULL */
static Bitmapset *
not_null_columns(Node *node, Index varno, BoolExprType type)
{
	Bitmapset *columns = NULL;
	ListCell *lc;

	if (IsA(node, NullTest))
	{
		AttrNumber column = referential_column_of((Node *) ((NullTest *) node)->arg, varno);

		if (((NullTest *) node)->nulltesttype != IS_NOT_NULL || column == InvalidAttrNumber)
			return NULL;
		return bms_make_singleton(column);
	}
	if (!IsA(node, BoolExpr) || ((BoolExpr *) node)->boolop != type)
		return NULL;
	foreach (lc, ((BoolExpr *) node)->args)
	{
		Bitmapset *more = not_null_columns(lfirst(lc), varno, type);

		if (more == NULL)
			return NULL;
		columns = bms_add_members(columns, more);
	}
	return columns;
}

/* what the validating query joins, column by column, as it is written */
typedef struct ValidatedKey
{
	int n;
	AttrNumber from[INDEX_MAX_KEYS];
	AttrNumber to[INDEX_MAX_KEYS];
	Oid operators[INDEX_MAX_KEYS];
} ValidatedKey;

/* is that a foreign key of this relation which this transaction adds or validates? */
static bool
is_validated_now(Oid from, Oid to, const ValidatedKey *key, bool simple, bool full)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&scan_key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(from));
	scan =
		systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true, NULL, 1, &scan_key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint constraint = (Form_pg_constraint) GETSTRUCT(tuple);
		AttrNumber conkey[INDEX_MAX_KEYS];
		AttrNumber confkey[INDEX_MAX_KEYS];
		Oid operators[3][INDEX_MAX_KEYS];
		int n;

		if (constraint->contype != CONSTRAINT_FOREIGN || constraint->confrelid != to ||
			!(constraint->confmatchtype == FKCONSTR_MATCH_FULL ? full : simple) ||
			(constraint->convalidated &&
			 !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data))))
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, operators[0], operators[1],
								   operators[2], NULL, NULL);
		found = n == key->n;
		for (int i = 0; found && i < n; i++)
			found = conkey[i] == key->from[i] && confkey[i] == key->to[i] &&
					operators[0][i] == key->operators[i];
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return found;
}

/* does the query read the relation as core's would: with partitions, without children? */
static bool
reads_as_core(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->tablesample == NULL &&
		   rte->inh == (rte->relkind == RELKIND_PARTITIONED_TABLE);
}

/* take out what core's rewriter has put in for an owner under FORCE */
static void
drop_policy(Query *query)
{
	Index varno = 0;
	ListCell *lc;

	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const ProtectedRelation *entry =
			rte->rtekind == RTE_RELATION ? protected_relation(rte->relid) : NULL;
		List *policy;
		ListCell *qual;

		varno++;
		if (entry == NULL)
			continue;
		policy = policy_read_quals(entry, rte->relid, varno);
		foreach (qual, rte->securityQuals)
			if (policy_is(lfirst(qual), policy))
				rte->securityQuals = foreach_delete_current(rte->securityQuals, qual);
	}
}

/*
 * guard_validation_of -- is it the query that validates a foreign key
 * (RI_Initial_Check)?  It asks for the keys of referencing rows, left joined to
 * what they reference, where there is none.  Then it has no policy after this
 * call, and the result is the referencing relation.
 */
Oid
guard_validation_of(Query *query)
{
	JoinExpr *join;
	Index from;
	Index to;
	RangeTblEntry *referencing;
	RangeTblEntry *referenced;
	ValidatedKey key = {0};
	Bitmapset *columns = NULL;
	List *conditions;
	NullTest *unmatched;
	bool simple;
	bool full;
	ListCell *lc;

	if (!OidIsValid(guard_validating) || query->commandType != CMD_SELECT ||
		!referential_is_bare(query) || query->rowMarks != NIL || list_length(query->rtable) != 3 ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), JoinExpr))
		return InvalidOid;
	join = linitial_node(JoinExpr, query->jointree->fromlist);
	if (join->jointype != JOIN_LEFT || !IsA(join->larg, RangeTblRef) ||
		!IsA(join->rarg, RangeTblRef))
		return InvalidOid;
	from = ((RangeTblRef *) join->larg)->rtindex;
	to = ((RangeTblRef *) join->rarg)->rtindex;
	referencing = rt_fetch(from, query->rtable);
	referenced = rt_fetch(to, query->rtable);
	if (!reads_as_core(referencing) || !reads_as_core(referenced) ||
		!list_member_oid(find_all_inheritors(guard_validating, NoLock, NULL), referencing->relid))
		return InvalidOid;

	foreach (lc, make_ands_implicit((Expr *) join->quals))
	{
		OpExpr *op = lfirst(lc);

		if (key.n == INDEX_MAX_KEYS || !referential_is_equality((Node *) op))
			return InvalidOid;
		key.to[key.n] = referential_column_of(linitial(op->args), to);
		key.from[key.n] = referential_column_of(lsecond(op->args), from);
		key.operators[key.n] = op->opno;
		if (key.to[key.n] == InvalidAttrNumber || key.from[key.n] == InvalidAttrNumber)
			return InvalidOid;
		columns = bms_add_member(columns, key.from[key.n]);
		key.n++;
	}
	if (key.n == 0)
		return InvalidOid;

	/* WHERE the first referenced column IS NULL AND (those referencing are not) */
	conditions = make_ands_implicit((Expr *) query->jointree->quals);
	unmatched = conditions == NIL ? NULL : linitial(conditions);
	if (list_length(conditions) < 2 || !IsA(unmatched, NullTest) ||
		unmatched->nulltesttype != IS_NULL ||
		referential_column_of((Node *) unmatched->arg, to) != key.to[0])
		return InvalidOid;
	conditions = list_copy_tail(conditions, 1);
	simple = bms_equal(not_null_columns((Node *) make_ands_explicit(conditions), from, AND_EXPR),
					   columns);
	full = list_length(conditions) == 1 &&
		   bms_equal(not_null_columns(linitial(conditions), from, OR_EXPR), columns);

	if (list_length(query->targetList) != key.n)
		return InvalidOid;
	foreach (lc, query->targetList)
		if (referential_column_of((Node *) lfirst_node(TargetEntry, lc)->expr, from) !=
			key.from[foreach_current_index(lc)])
			return InvalidOid;
	if (!is_validated_now(referencing->relid, referenced->relid, &key, simple, full))
		return InvalidOid;
	drop_policy(query);
	return referencing->relid;
}
