/*
 * encrypted_search.c
 *	  Which clauses of a statement an index on tags can answer.
 *
 * An equality of what is inside an encrypted column comes as core's operator on the opened
 * value, or as ours.  From it follows that the tags are equal, which an index can be asked, also
 * before the policy: it tells nothing of a row.  The clause itself stays where it is, and is
 * asked of what was found: the planner is shown what follows while it makes the index paths of
 * a relation, and no longer.
 */
#include "compat.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "policy_promote.h"
#include "policy_reviewed.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* ---- what opens a value ---- */

/* encrypted_is_opening -- does it open an encrypted value, and no more? */
bool
encrypted_is_opening(Node *node)
{
	FuncExpr *call = (FuncExpr *) node;

	return IsA(node, FuncExpr) && call->funcid >= FirstNormalObjectId && call->args != NIL &&
		   encrypted_code(getBaseType(exprType(linitial(call->args)))) != ENCRYPTED_NONE &&
		   catalog_is_own_function_named(call->funcid, "opened");
}

/*
 * encrypted_open_for -- say what a call opens values for, by a second argument that nobody can
 * write.
 *	uses	as for encrypted_open()
 */
void
encrypted_open_for(FuncExpr *opening, int uses)
{
	Const *argument =
		makeConst(INTERNALOID, -1, InvalidOid, sizeof(Datum), Int32GetDatum(uses), false, true);
	Node *value = linitial(opening->args);

	opening->funcid =
		catalog_function_of_types("opened", getBaseType(exprType(value)), INTERNALOID);
	opening->args = list_make2(value, argument);
	if (!OidIsValid(opening->funcid))
		elog(ERROR, "privseg lacks the function that opens values");
}

/* ---- lists of literals ---- */

/* an array of literals, as one of what is inside; NULL: it is none */
static Const *
opened_array(const Const *array, EncryptedCode code)
{
	Oid base = encrypted_types[code].base;
	Datum *elements;
	bool *nulls;
	int n;
	int16 length;
	bool by_value;
	char alignment;
	ArrayType *result;
	int lower = 1;

	get_typlenbyvalalign(base, &length, &by_value, &alignment);
	deconstruct_array(DatumGetArrayTypeP(array->constvalue), get_element_type(array->consttype), -1,
					  false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		EncryptedHeader header;
		EncryptedOpened opened;

		if (nulls[i])
			continue;
		encrypted_header_of((struct varlena *) DatumGetPointer(elements[i]), code, &header);
		if (header.bound || !encrypted_open((struct varlena *) DatumGetPointer(elements[i]), code,
											USE_FILTER, &opened))
			return NULL;
		elements[i] = datumCopy(opened.value, by_value, length);
		encrypted_close(&opened);
	}
	result = construct_md_array(elements, nulls, 1, &n, &lower, base, length, by_value, alignment);
	return makeConst(get_array_type(base), -1, InvalidOid, -1, PointerGetDatum(result), false,
					 false);
}

/*
 * encrypted_open_list -- IN of literals: they are opened once, and not for each row; core finds
 * a value among many constants by a hash.
 */
void
encrypted_open_list(ScalarArrayOpExpr *clause)
{
	ArrayCoerceExpr *coerced = (ArrayCoerceExpr *) lsecond(clause->args);
	Const *array;
	FuncExpr *call;
	EncryptedCode code;
	Const *opened;

	if (!IsA(coerced, ArrayCoerceExpr) || !IsA(coerced->elemexpr, FuncExpr))
		return;
	array = (Const *) (IsA(coerced->arg, ArrayExpr) ?
						   eval_const_expressions(NULL, (Node *) coerced->arg) :
						   (Node *) coerced->arg);
	if (!IsA(array, Const))
		return;
	call = (FuncExpr *) coerced->elemexpr;
	if (array->constisnull || list_length(call->args) != 1 ||
		!IsA(linitial(call->args), CaseTestExpr) ||
		ARR_NDIM(DatumGetArrayTypeP(array->constvalue)) != 1)
		return;
	code = encrypted_code(get_element_type(array->consttype));
	if (code == ENCRYPTED_NONE ||
		call->funcid !=
			catalog_function_of_types("opened", get_element_type(array->consttype), InvalidOid) ||
		coerced->resulttype != get_array_type(encrypted_types[code].base))
		return;
	opened = opened_array(array, code);
	if (opened == NULL)
		return;
	opened->constcollid = coerced->resultcollid;
	lsecond(clause->args) = opened;
}

/* ---- clauses ---- */

/* a column whose tags an index is on */
typedef struct Searched
{
	Var *column;
	EncryptedCode code;
	int32 category;
	Oid family; /* of the index */
	StrategyNumber strategy;
	bool arrays; /* can it be asked for several values at once? */
} Searched;

static Node *
without_labels(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* the column that is compared on this side; *opened: what is inside it */
static Var *
column_of(Node *side, bool *opened)
{
	side = without_labels(side);
	*opened = false;
	if (encrypted_is_opening(side))
	{
		*opened = true;
		side = without_labels(linitial(((FuncExpr *) side)->args));
	}
	return IsA(side, Var) ? (Var *) side : NULL;
}

/* is the operator the equality of our type, or of what is inside? */
static bool
is_equality(Oid operator, EncryptedCode code, bool opened)
{
	TypeCacheEntry *base;

	if (!opened)
		return catalog_is_own_function(get_opcode(operator)) &&
			   strcmp(get_opname(operator), "=") == 0;
	base = lookup_type_cache(encrypted_types[code].base, TYPECACHE_BTREE_OPFAMILY);
	return get_op_opfamily_strategy(operator, base->btree_opf) == BTEqualStrategyNumber;
}

/* the indexes on tags of a relation */
static List *
tag_indexes_of(RelOptInfo *rel)
{
	List *indexes = NIL;
	ListCell *lc;

	foreach (lc, policy_tag_indexes)
	{
		const TagIndex *entry = lfirst(lc);

		if (entry->rel == rel)
			indexes = lappend(indexes, entry->index);
	}
	return indexes;
}

static bool
find_index(RelOptInfo *rel, Var *column, Searched *searched)
{
	ListCell *lc;

	foreach (lc, tag_indexes_of(rel))
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		for (int i = 0; i < index->nkeycolumns; i++)
		{
			if (index->indexkeys[i] != column->varattno || !policy_tag_column(index, i) ||
				/* one that can be asked for several values at once, if there is one */
				(searched->column != NULL && index->relam == HASH_AM_OID))
				continue;
			searched->column = column;
			searched->family = index->opfamily[i];
			searched->arrays = index->relam == BTREE_AM_OID;
			searched->strategy = searched->arrays ? BTEqualStrategyNumber : HTEqualStrategyNumber;
		}
	}
	return searched->column != NULL;
}

static bool
find_category(PlannerInfo *root, RelOptInfo *rel, Searched *searched)
{
	Oid relid = planner_rt_fetch(rel->relid, root)->relid;
	const ProtectedRelation *entry = protected_relation(relid);
	ProtectedColumn column;

	if (entry == NULL ||
		!protected_column(entry->relid, get_attname(relid, searched->column->varattno, false),
						  &column) ||
		!column.searchable)
		return false;
	searched->category = column.category;
	return true;
}

/* search_value() of it */
static Expr *
readied(const Searched *searched, Node *value, Oid collation)
{
	Oid type = exprType(value);
	Const *category = makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
								Int32GetDatum(searched->category), false, true);

	return (Expr *) makeFuncExpr(
		catalog_function_of_types("search_value", getBaseType(type), INT4OID), type,
		list_make2(value, category), collation, collation, COERCE_EXPLICIT_CALL);
}

/* what is compared with a column: of its type, or of that of what is inside; or NULL */
static Node *
as_sought(PlannerInfo *root, int relid, const Searched *searched, bool opened, Node *value)
{
	Oid base = encrypted_types[searched->code].base;
	Oid type = getBaseType(exprType(value));

	if (bms_is_member(relid, pull_varnos(root, value)) || contain_volatile_functions(value) ||
		!may_be_sought((Node *) searched->column, value))
		return NULL;
	if (type == base || (!opened && type == getBaseType(searched->column->vartype)))
		return value;
	if (base == INT8OID && type == INT4OID)
		return (Node *) makeFuncExpr(F_INT8_INT4, INT8OID, list_make1(value), InvalidOid,
									 InvalidOid, COERCE_IMPLICIT_CAST);
	return NULL;
}

static Oid
tag_operator(const Searched *searched, Oid right)
{
	return get_opfamily_member(searched->family, getBaseType(searched->column->vartype), right,
							   searched->strategy);
}

/* is one side of an equality such a column? */
static bool
side_is_searched(PlannerInfo *root, RelOptInfo *rel, Oid operator, Node * side, Searched *searched,
				 bool *opened)
{
	Var *column = column_of(side, opened);

	if (column == NULL || column->varno != (int) rel->relid || column->varlevelsup != 0)
		return false;
	searched->column = NULL;
	searched->code = encrypted_code(getBaseType(column->vartype));
	return searched->code != ENCRYPTED_NONE && is_equality(operator, searched->code, *opened) &&
		   find_index(rel, column, searched) && find_category(root, rel, searched);
}

static bool
collation_is_by_bytes(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

static Expr *
condition_of_operator(PlannerInfo *root, RelOptInfo *rel, OpExpr *clause)
{
	Searched searched = {NULL};
	bool opened;

	if (list_length(clause->args) != 2 || !collation_is_by_bytes(clause->inputcollid))
		return NULL;
	for (int side = 0; side < 2; side++)
	{
		Node *value;

		if (!side_is_searched(root, rel, clause->opno, list_nth(clause->args, side), &searched,
							  &opened))
			continue;
		value = as_sought(root, rel->relid, &searched, opened, list_nth(clause->args, 1 - side));
		if (value == NULL)
			continue;
		return make_opclause(tag_operator(&searched, getBaseType(exprType(value))), BOOLOID, false,
							 (Expr *) searched.column,
							 readied(&searched, value, clause->inputcollid), InvalidOid,
							 clause->inputcollid);
	}
	return NULL;
}

static Expr *
condition_of_array(PlannerInfo *root, RelOptInfo *rel, ScalarArrayOpExpr *clause)
{
	Searched searched = {NULL};
	Node *array = lsecond(clause->args);
	ScalarArrayOpExpr *condition;
	bool opened;

	if (!clause->useOr || !collation_is_by_bytes(clause->inputcollid) ||
		!side_is_searched(root, rel, clause->opno, linitial(clause->args), &searched, &opened) ||
		!searched.arrays || bms_is_member(rel->relid, pull_varnos(root, array)) ||
		contain_volatile_functions(array) || !may_be_sought((Node *) searched.column, array) ||
		get_element_type(exprType(array)) != encrypted_types[searched.code].base)
		return NULL;
	condition = makeNode(ScalarArrayOpExpr);
	condition->opno = tag_operator(&searched, encrypted_types[searched.code].base);
	condition->opfuncid = get_opcode(condition->opno);
	condition->useOr = true;
	condition->inputcollid = clause->inputcollid;
	condition->args = list_make2(searched.column, readied(&searched, array, clause->inputcollid));
	condition->location = -1;
	return (Expr *) condition;
}

static Expr *condition_of(PlannerInfo *root, RelOptInfo *rel, Node *clause);

/* of an OR, all arms have to be answered; of an AND, one is enough */
static Expr *
condition_of_arms(PlannerInfo *root, RelOptInfo *rel, BoolExpr *clause)
{
	List *conditions = NIL;
	ListCell *lc;

	foreach (lc, clause->args)
	{
		Expr *condition = condition_of(root, rel, lfirst(lc));

		if (condition != NULL && clause->boolop == AND_EXPR)
			return condition;
		if (condition == NULL && clause->boolop == OR_EXPR)
			return NULL;
		conditions = lappend(conditions, condition);
	}
	return clause->boolop == OR_EXPR ? make_orclause(conditions) : NULL;
}

/* what follows from a clause for the tags of one column; NULL: nothing */
static Expr *
condition_of(PlannerInfo *root, RelOptInfo *rel, Node *clause)
{
	switch (nodeTag(clause))
	{
		case T_OpExpr:
			return condition_of_operator(root, rel, (OpExpr *) clause);
		case T_ScalarArrayOpExpr:
			return condition_of_array(root, rel, (ScalarArrayOpExpr *) clause);
		case T_BoolExpr:
			return condition_of_arms(root, rel, (BoolExpr *) clause);
		default:
			return NULL;
	}
}

static Selectivity
selectivity_of(PlannerInfo *root, RestrictInfo *clause)
{
	return clause_selectivity(root, (Node *) clause, 0, JOIN_INNER, NULL);
}

/*
 * RestrictInfos of what follows from these
 *	fraction	of the rows that core expects, those that are to be expected by what is known
 *				of the tags; or NULL
 */
static List *
conditions_of(PlannerInfo *root, RelOptInfo *rel, List *clauses, Selectivity *fraction)
{
	List *conditions = NIL;
	ListCell *lc;

	foreach (lc, clauses)
	{
		RestrictInfo *clause = lfirst_node(RestrictInfo, lc);
		Expr *condition = condition_of(root, rel, (Node *) clause->clause);

		RestrictInfo *shown;

		if (condition == NULL)
			continue;
		shown = compat_restrictinfo(root, condition, clause);
		conditions = lappend(conditions, shown);
		if (fraction != NULL)
			*fraction *= selectivity_of(root, shown) / Max(selectivity_of(root, clause), 1e-10);
	}
	return conditions;
}

/* ---- indexes ---- */

/* is the column compared with one value, or -- where it is the first -- with several? */
static bool
is_pinned(const IndexOptInfo *index, int column, List *conditions)
{
	ListCell *lc;

	foreach (lc, conditions)
	{
		Node *clause = (Node *) lfirst_node(RestrictInfo, lc)->clause;
		Var *compared = IsA(clause, OpExpr) ? linitial(((OpExpr *) clause)->args) :
						IsA(clause, ScalarArrayOpExpr) && column == 0 ?
											  linitial(((ScalarArrayOpExpr *) clause)->args) :
											  NULL;

		if (compared != NULL && compared->varattno == index->indexkeys[column])
			return true;
	}
	return false;
}

static int
n_tag_columns(const IndexOptInfo *index)
{
	int n = 0;

	for (int i = 0; i < index->nkeycolumns; i++)
		n += policy_tag_column(index, i);
	return n;
}

static bool
all_are_pinned(const IndexOptInfo *index, List *conditions)
{
	for (int i = 0; i < index->nkeycolumns; i++)
		if (policy_tag_column(index, i) && !is_pinned(index, i, conditions))
			return false;
	return true;
}

/* no order of its own, no values, and nothing without a condition on its first column */
static void
take_order_away(IndexOptInfo *index)
{
	index->sortopfamily = NULL;
	index->amoptionalkey = false;
	for (int i = 0; i < index->ncolumns; i++)
		index->canreturn[i] = false;
}

static void
expect_of(List *paths, Selectivity fraction)
{
	ListCell *lc;

	foreach (lc, paths)
	{
		Path *path = lfirst(lc);

		if (path->param_info == NULL)
			path->rows = clamp_row_est(path->rows * fraction);
	}
}

/*
 * Of what is inside nothing is known, and core expects one row in 200.  The relation's paths are
 * there already: they give as many rows.
 */
static void
expect(RelOptInfo *rel, Selectivity fraction)
{
	rel->rows = clamp_row_est(rel->rows * fraction);
	expect_of(rel->pathlist, fraction);
	expect_of(rel->partial_pathlist, fraction);
}

/*
 * Make paths as if these were the relation's indexes and clauses.  What a path is made for is
 * kept with its parameters, which core looks up by the relations they come from: so where there
 * are joins, the clauses that are there stay, whichever others are shown, or it would think them
 * asked.
 *	conditions	of the indexes, but for the arms of an OR
 *	inferred	also of join clauses that core infers?
 */
static void
make_paths(PlannerInfo *root, RelOptInfo *rel, List *indexes, List *conditions, List *restrictions,
		   List *joins, bool inferred)
{
	RelOptInfo outer = *rel;
	ListCell *lc;

	if (indexes == NIL)
		return;
	foreach (lc, indexes)
		lfirst_node(IndexOptInfo, lc)->indrestrictinfo = conditions;
	rel->indexlist = indexes;
	rel->baserestrictinfo = restrictions;
	rel->joininfo = joins;
	rel->has_eclass_joins = inferred && outer.has_eclass_joins;
	create_index_paths(root, rel);
	rel->indexlist = outer.indexlist;
	rel->baserestrictinfo = outer.baserestrictinfo;
	rel->joininfo = outer.joininfo;
	rel->has_eclass_joins = outer.has_eclass_joins;
	/* by these, plans are made of the paths */
	foreach (lc, indexes)
		lfirst_node(IndexOptInfo, lc)->indrestrictinfo = outer.baserestrictinfo;
}

/* the arms of an OR, by bitmaps: nothing else is made where an index has no clause, nor joins */
static void
make_bitmaps(PlannerInfo *root, RelOptInfo *rel, List *indexes, List *shown)
{
	List *arms = NIL;
	ListCell *lc;

	foreach (lc, shown)
		if (lfirst_node(RestrictInfo, lc)->orclause != NULL)
			arms = lappend(arms, lfirst(lc));
	if (arms != NIL)
		make_paths(root, rel, indexes, NIL, list_concat_copy(rel->baserestrictinfo, arms), NIL,
				   false);
}

/*
 * encrypted_search_paths -- for core's set_rel_pathlist_hook: the relation's paths are made, but
 * for those by indexes on tags.
 *
 * The order in which such an index gives rows shows whose values are equal, to whom may not
 * know: so each column of tags in it has a condition of its own, in every path that core could
 * make of what it is shown.  A bitmap has no order.
 */
void
encrypted_search_paths(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	List *indexes;
	List *shown;
	List *shown_in_joins;
	List *asked = NIL;
	List *restrictions;
	List *others = rel->indexlist;
	Selectivity fraction = 1.0;
	ListCell *lc;

	if (policy_tag_indexes == NIL || rte->rtekind != RTE_RELATION || rte->inh ||
		rte->tablesample != NULL || (indexes = tag_indexes_of(rel)) == NIL)
		return;
	/* a unique one tells how many rows to expect */
	rel->indexlist = list_concat_copy(others, indexes);
	shown = conditions_of(root, rel, rel->baserestrictinfo, &fraction);
	rel->indexlist = others;
	shown_in_joins = conditions_of(root, rel, rel->joininfo, NULL);
	if (shown == NIL && shown_in_joins == NIL)
		return;
	expect(rel, fraction);
	foreach (lc, indexes)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		take_order_away(index);
		/* without a condition on its first column core makes no path of it */
		if (all_are_pinned(index, shown) ||
			(policy_tag_column(index, 0) && n_tag_columns(index) == 1))
			asked = lappend(asked, index);
	}
	restrictions = list_concat_copy(rel->baserestrictinfo, shown);
	make_paths(root, rel, asked, restrictions, restrictions,
			   list_concat_copy(rel->joininfo, shown_in_joins), true);
	make_bitmaps(root, rel, indexes, shown);
	/* what other paths, which are made later, would ask besides */
	foreach (lc, rel->ppilist)
	{
		ParamPathInfo *parameters = lfirst_node(ParamPathInfo, lc);

		parameters->ppi_clauses = list_difference_ptr(parameters->ppi_clauses, shown_in_joins);
	}
}
