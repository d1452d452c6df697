/*
 * policy_qual.c
 *	  The expressions the row policy adds to a statement.
 *
 * They are constant per relation: privseg.row_permitted(key, domain, flags).
 * Purpose, role and consent are read when the expression runs (policy_row.c),
 * because plans are cached and shared, and a setting invalidates none.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "policy_carry.h"
#include "policy_row.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static const CatalogFunction read_functions[] = {
	[KEY_INTEGER] = CATALOG_ROW_PERMITTED_INTEGER,
	[KEY_UUID] = CATALOG_ROW_PERMITTED_UUID,
	[KEY_TEXT] = CATALOG_ROW_PERMITTED_TEXT,
};

static const CatalogFunction write_functions[] = {
	[KEY_INTEGER] = CATALOG_ROW_WRITABLE_INTEGER,
	[KEY_UUID] = CATALOG_ROW_WRITABLE_UUID,
	[KEY_TEXT] = CATALOG_ROW_WRITABLE_TEXT,
};

static const CatalogFunction explicit_functions[] = {
	[KEY_INTEGER] = CATALOG_ROW_EXPLICIT_INTEGER,
	[KEY_UUID] = CATALOG_ROW_EXPLICIT_UUID,
	[KEY_TEXT] = CATALOG_ROW_EXPLICIT_TEXT,
};

static void
column_changed(Oid relid, const char *column)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
					errmsg("subject column \"%s\" of \"%s\" has changed its type", column,
						   get_rel_name(relid)),
					errhint("Unprotect the relation and protect it anew.")));
}

/* policy_key -- a key column as the argument of the policy's functions for this kind of key */
Expr *
policy_key(Oid relid, const char *column, KeyKind kind, Index varno)
{
	KeyKind found = KEY_TEXT;
	HeapTuple tuple = SearchSysCacheAttName(relid, column);
	Form_pg_attribute attribute;
	Expr *key;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("protected relation \"%s\" has no column \"%s\"",
							   get_rel_name(relid), column),
						errhint("Unprotect the relation and protect it anew.")));
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	key = (Expr *) makeVar(varno, attribute->attnum, attribute->atttypid, attribute->atttypmod,
						   attribute->attcollation, 0);
	switch (attribute->atttypid)
	{
		case INT8OID:
			found = KEY_INTEGER;
			break;
		case UUIDOID:
			found = KEY_UUID;
			break;
		case TEXTOID:
			break;
		case INT4OID:
			found = KEY_INTEGER;
			key = (Expr *) makeFuncExpr(F_INT8_INT4, INT8OID, list_make1(key), InvalidOid,
										InvalidOid, COERCE_IMPLICIT_CAST);
			break;
		case INT2OID:
			found = KEY_INTEGER;
			key = (Expr *) makeFuncExpr(F_INT8_INT2, INT8OID, list_make1(key), InvalidOid,
										InvalidOid, COERCE_IMPLICIT_CAST);
			break;
		case VARCHAROID:
			key = (Expr *) makeRelabelType(key, TEXTOID, -1, attribute->attcollation,
										   COERCE_IMPLICIT_CAST);
			break;
		default:
			column_changed(relid, column);
	}
	ReleaseSysCache(tuple);
	if (found != kind)
		column_changed(relid, column);
	return key;
}

/*
 * policy_explicit -- have all whom a row is about consented explicitly?
 */
Expr *
policy_explicit(const ProtectedRelation *entry, Oid relid, Index varno)
{
	List *asked = NIL;

	for (int i = -1; i < entry->n_also_about; i++)
	{
		const char *column = i < 0 ? entry->subject : entry->also_about[i];
		Expr *key = policy_key(relid, column, entry->key_kind, varno);
		Expr *answer = (Expr *) makeFuncExpr(
			catalog_function_oid(explicit_functions[entry->key_kind]), BOOLOID,
			list_make2(key, makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
									  ObjectIdGetDatum(entry->domain), false, true)),
			InvalidOid, exprCollation((Node *) key), COERCE_EXPLICIT_CALL);

		if (i >= 0)
		{
			answer = make_orclause(
				list_make2(expression_null_test(copyObject((Node *) key), IS_NULL), answer));
		}
		asked = lappend(asked, answer);
	}
	return make_ands_explicit(asked);
}

static Expr *
call(const ProtectedRelation *entry, Oid relid, const char *column, Index varno, bool write,
	 int flags)
{
	Expr *key = policy_key(relid, column, entry->key_kind, varno);
	CatalogFunction function = (write ? write_functions : read_functions)[entry->key_kind];
	FuncExpr *call =
		makeFuncExpr(catalog_function_oid(function), BOOLOID,
					 list_make3(key,
								makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
										  ObjectIdGetDatum(entry->domain), false, true),
								makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
										  Int32GetDatum(flags), false, true)),
					 InvalidOid, exprCollation((Node *) key), COERCE_EXPLICIT_CALL);

	call->location = ROW_CALL_LOCATION;
	return (Expr *) call;
}

/* policy_is_subject_table -- or a partition of it, where its unique index counts? */
bool
policy_is_subject_table(const ProtectedRelation *entry, Oid relid)
{
	return entry->relid == entry->domain &&
		   (relid == entry->relid || get_rel_relispartition(relid));
}

/* what the quals are asked about */
typedef enum RowUse
{
	ROW_READ,
	ROW_INSERTED,
	ROW_UPDATED
} RowUse;

/*
 * Which keys have triggers told that a new row must have when all others are done
 * with it?  Of carried subjects each row's own (policy_carry.c); of rows that change
 * their partition, all they had (policy_trigger.c).
 */
static void
find_told(Oid relid, RowUse use, bool *own, bool *others)
{
	Relation relation;

	*own = *others = false;
	if (use == ROW_READ)
		return;
	relation = RelationIdGetRelation(relid);
	*others = use == ROW_UPDATED && relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	*own = *others || carries_subject(relation);
	RelationClose(relation);
}

static List *
quals(const ProtectedRelation *entry, Oid relid, Index varno, RowUse use)
{
	/* the same for the whole tree: children are read by their parent's quals */
	int flags = (entry->show_null ? ROW_NULL_PASSES : 0) |
				(entry->relid == entry->domain ? ROW_SUBJECT_TABLE : 0);
	bool own;
	bool others;
	bool write;
	List *result;

	find_told(relid, use, &own, &others);
	/* a new row of the subject table is about a new subject (see policy_row.c) */
	write = use != ROW_READ && policy_is_subject_table(entry, relid);
	result = list_make1(
		call(entry, relid, entry->subject, varno, write, flags | (own ? ROW_EXPECTED : 0)));
	for (int i = 0; i < entry->n_also_about; i++)
		result =
			lappend(result, call(entry, relid, entry->also_about[i], varno, false,
								 ROW_NULL_PASSES | ROW_ALSO_ABOUT |
									 (others ? ROW_EXPECTED | (i + 1) << ROW_WHICH_SHIFT : 0)));
	return result;
}

/*
 * policy_read_quals -- quals that a row must pass to be seen, updated, deleted.
 *	entry	what the relation is protected as (its root's entry)
 *	relid	the relation itself, whose column numbers count
 */
List *
policy_read_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return quals(entry, relid, varno, ROW_READ);
}

static List *
with_flag(List *quals, int flag)
{
	ListCell *lc;

	foreach (lc, quals)
	{
		Const *flags = lthird_node(Const, lfirst_node(FuncExpr, lc)->args);

		flags->constvalue = Int32GetDatum(DatumGetInt32(flags->constvalue) | flag);
	}
	return quals;
}

/*
 * policy_cascade_quals -- quals of rows that core reaches through a foreign key
 * and triggers of users will see: one that is hidden ends the statement.
 */
List *
policy_cascade_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return with_flag(quals(entry, relid, varno, ROW_READ), ROW_CASCADED);
}

/*
 * policy_conflict_quals -- quals of the row that is there, for ON CONFLICT DO UPDATE: core finds
 * it by what is in the index, and not by what the statement sees
 */
List *
policy_conflict_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return with_flag(quals(entry, relid, varno, ROW_READ), ROW_NEWEST);
}

/* policy_moved_quals -- quals of a row that such a cascade has moved to another partition */
List *
policy_moved_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	ProtectedRelation row = *entry;

	/* it is no new subject's, whichever table it is in; nobody's, where the action is SET NULL */
	row.relid = InvalidOid;
	row.show_null = true;
	return with_flag(quals(&row, relid, varno, ROW_UPDATED), ROW_CASCADED);
}

/* policy_copy_quals -- quals that a new row of COPY must pass, or COPY ends */
List *
policy_copy_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return with_flag(quals(entry, relid, varno, ROW_INSERTED), ROW_COPIED);
}

/* policy_insert_quals -- quals that a new row must pass */
List *
policy_insert_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return quals(entry, relid, varno, ROW_INSERTED);
}

/* policy_update_quals -- quals that a row must pass when it has changed */
List *
policy_update_quals(const ProtectedRelation *entry, Oid relid, Index varno)
{
	return quals(entry, relid, varno, ROW_UPDATED);
}

static RowSecurityPolicy *
make_policy(bool permissive, Expr *qual, Expr *check)
{
	RowSecurityPolicy *policy = palloc0(sizeof(RowSecurityPolicy));
	Datum everyone = ObjectIdGetDatum(ACL_ID_PUBLIC);

	policy->policy_name = pstrdup("privseg");
	policy->polcmd = '*';
	policy->roles = construct_array(&everyone, 1, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
	policy->permissive = permissive;
	policy->qual = qual;
	policy->with_check_qual = check;
	return policy;
}

/*
 * policy_restrictive -- the consent policy, for core's restrictive hook.
 */
List *
policy_restrictive(CmdType command, Relation relation)
{
	Oid relid = RelationGetRelid(relation);
	const ProtectedRelation *entry = protected_relation(relid);
	ProtectedRelation copy;

	if (entry == NULL)
		return NIL;
	/* opening the relation may build its entry in core's cache, and ours, anew */
	copy = *entry;
	return list_make1(make_policy(false, make_ands_explicit(policy_read_quals(&copy, relid, 1)),
								  make_ands_explicit(policy_update_quals(&copy, relid, 1))));
}

/*
 * policy_permissive -- `true` for a table that had neither policies nor row
 * security when it was protected, and to which nobody has added a permissive
 * policy since: a DBA's own policies keep the meaning core gives them.
 */
List *
policy_permissive(CmdType command, Relation relation)
{
	const ProtectedRelation *entry = protected_relation(RelationGetRelid(relation));
	Expr *always;

	if (entry == NULL || !entry->open_policy)
		return NIL;
	if (relation->rd_rsdesc != NULL)
	{
		ListCell *lc;

		foreach (lc, relation->rd_rsdesc->policies)
		{
			RowSecurityPolicy *policy = lfirst(lc);

			/* but for our own, which permits nothing where the library is loaded */
			if (policy->permissive && strcmp(policy->policy_name, "privseg_library") != 0)
				return NIL;
		}
	}
	always = (Expr *) makeBoolConst(true, false);
	return list_make1(make_policy(true, always, always));
}

static bool
is_read_function(Oid function)
{
	for (size_t i = 0; i < lengthof(read_functions); i++)
		if (catalog_function_oid(read_functions[i]) == function)
			return OidIsValid(function);
	return false;
}

/* policy_is_call -- is it a call of privseg.row_permitted? */
bool
policy_is_call(Node *node)
{
	return IsA(node, FuncExpr) && is_read_function(((FuncExpr *) node)->funcid);
}

/*
 * policy_is_ours -- and is it the policy's own?  Anybody may call it; what a user writes does not
 * stand where ours does (policy_row.h).
 */
bool
policy_is_ours(Node *node)
{
	return policy_is_call(node) && ((FuncExpr *) node)->location == ROW_CALL_LOCATION;
}

/*
 * policy_mark_condition -- mark the condition of a view that stands among a relation's policies: it is
 * asked for who wrote the statement, and they are asked for everybody
 */
Node *
policy_mark_condition(Node *condition)
{
	return (Node *) makeBoolExpr(AND_EXPR, list_make1(condition), CONDITION_LOCATION);
}

/* policy_is_condition -- is it one of these? */
bool
policy_is_condition(Node *qual)
{
	return IsA(qual, BoolExpr) && ((BoolExpr *) qual)->location == CONDITION_LOCATION;
}

static Node *
to_writes(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (policy_is_call(node))
	{
		FuncExpr *copy = copyObject((FuncExpr *) node);
		Node *third = lthird(copy->args);
		int flags = IsA(third, Const) ? DatumGetInt32(((Const *) third)->constvalue) : 0;

		/* the key of a subject table itself, not a column the row is also about */
		if ((flags & ROW_SUBJECT_TABLE) != 0 && (flags & ROW_ALSO_ABOUT) == 0)
			for (size_t i = 0; i < lengthof(read_functions); i++)
				if (catalog_function_oid(read_functions[i]) == copy->funcid)
				{
					copy->funcid = catalog_function_oid(write_functions[i]);
					break;
				}
		return (Node *) copy;
	}
	return expression_tree_mutator(node, to_writes, context);
}

/*
 * policy_reads_to_writes -- the same qual with row_permitted turned into
 * row_writable.  INSERT ... RETURNING turns the SELECT policy into a check on
 * the new row, which a new subject, about whom nothing is known yet, would fail.
 */
Node *
policy_reads_to_writes(Node *qual)
{
	return to_writes(qual, NULL);
}

static List *
conjuncts(Node *qual, List *found)
{
	ListCell *lc;

	if (qual == NULL)
		return found;
	if (IsA(qual, List))
		foreach (lc, (List *) qual)
			found = conjuncts(lfirst(lc), found);
	else if (IsA(qual, BoolExpr) && ((BoolExpr *) qual)->boolop == AND_EXPR)
		found = conjuncts((Node *) ((BoolExpr *) qual)->args, found);
	else
		found = lappend(found, qual);
	return found;
}

/* Vars of an index-only scan, as Vars of the relation */
static Node *
index_to_relation(Node *node, void *index_columns)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == INDEX_VAR)
	{
		int column = ((Var *) node)->varattno;

		if (column > 0 && column <= list_length(index_columns))
			return copyObject((Node *) list_nth_node(TargetEntry, index_columns, column - 1)->expr);
	}
	return expression_tree_mutator(node, index_to_relation, index_columns);
}

/* policy_is -- is this qual the policy, and nothing else? */
bool
policy_is(Node *qual, List *policy)
{
	return policy != NIL && equal(qual, make_ands_explicit(policy));
}

/* policy_holds -- is it a part of the policy, and nothing else? */
bool
policy_holds(Node *qual, List *policy, List *index_columns)
{
	ListCell *lc;

	if (index_columns != NIL)
		qual = index_to_relation(qual, index_columns);
	foreach (lc, conjuncts(qual, NIL))
		if (!list_member(policy, lfirst(lc)))
			return false;
	return true;
}

/*
 * policy_leads -- do these quals, in the order in which they run, ask all the
 * policy asks before anything that could tell of a row?
 *	quals			of a scan, ANDed
 *	policy			from policy_read_quals()
 *	index_columns	of an index-only scan, or NIL
 *	is_safe			is a qual one that tells nothing?
 */
bool
policy_leads(List *quals, List *policy, List *index_columns, bool (*is_safe)(Node *qual))
{
	List *given;
	List *missing = list_copy(policy);
	ListCell *lc;

	if (index_columns != NIL)
		quals = (List *) index_to_relation((Node *) quals, index_columns);
	given = conjuncts((Node *) quals, NIL);
	foreach (lc, given)
	{
		if (list_member(policy, lfirst(lc)))
			missing = list_delete(missing, lfirst(lc));
		else if (!is_safe(lfirst(lc)))
			return false;
		if (missing == NIL)
			return true;
	}
	return false;
}
