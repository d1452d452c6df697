/*
 * policy_reviewed.c
 *	  Which expressions tell nothing of a row they are asked about.
 *
 * Core knows functions that are LEAKPROOF, and uses an index before a row policy
 * for these only.  Many more of its own tell nothing: they raise no error that
 * depends on a value, emit no notice, have no side effect, and call no code of a
 * user.  They are listed here by OID, each family with its reason.  Nothing of a
 * user is ever on the list, and pg_proc's own flags stay as they are.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "policy.h"
#include "policy_reviewed.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef enum Condition
{
	ALWAYS,   /* whatever the arguments are */
	ELEMENTS, /* where the arguments' elements are compared by code of core */
	PATTERN,  /* where the second is a constant that cannot raise */
	SHALLOW   /* where one is a constant of little depth */
} Condition;

typedef struct ReviewedFunction
{
	Oid function;
	Condition condition;
} ReviewedFunction;

static const ReviewedFunction for_clauses[] = {
	/* numbers: compares digits; NaN has its place in the order */
	{F_NUMERIC_EQ, ALWAYS},
	{F_NUMERIC_NE, ALWAYS},
	{F_NUMERIC_LT, ALWAYS},
	{F_NUMERIC_LE, ALWAYS},
	{F_NUMERIC_GT, ALWAYS},
	{F_NUMERIC_GE, ALWAYS},
	/* moments of different types: what does not fit the other type is less or greater */
	{F_DATE_EQ_TIMESTAMP, ALWAYS},
	{F_DATE_NE_TIMESTAMP, ALWAYS},
	{F_DATE_LT_TIMESTAMP, ALWAYS},
	{F_DATE_LE_TIMESTAMP, ALWAYS},
	{F_DATE_GT_TIMESTAMP, ALWAYS},
	{F_DATE_GE_TIMESTAMP, ALWAYS},
	{F_DATE_EQ_TIMESTAMPTZ, ALWAYS},
	{F_DATE_NE_TIMESTAMPTZ, ALWAYS},
	{F_DATE_LT_TIMESTAMPTZ, ALWAYS},
	{F_DATE_LE_TIMESTAMPTZ, ALWAYS},
	{F_DATE_GT_TIMESTAMPTZ, ALWAYS},
	{F_DATE_GE_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_EQ_DATE, ALWAYS},
	{F_TIMESTAMP_NE_DATE, ALWAYS},
	{F_TIMESTAMP_LT_DATE, ALWAYS},
	{F_TIMESTAMP_LE_DATE, ALWAYS},
	{F_TIMESTAMP_GT_DATE, ALWAYS},
	{F_TIMESTAMP_GE_DATE, ALWAYS},
	{F_TIMESTAMP_EQ_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_NE_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_LT_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_LE_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_GT_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMP_GE_TIMESTAMPTZ, ALWAYS},
	{F_TIMESTAMPTZ_EQ_DATE, ALWAYS},
	{F_TIMESTAMPTZ_NE_DATE, ALWAYS},
	{F_TIMESTAMPTZ_LT_DATE, ALWAYS},
	{F_TIMESTAMPTZ_LE_DATE, ALWAYS},
	{F_TIMESTAMPTZ_GT_DATE, ALWAYS},
	{F_TIMESTAMPTZ_GE_DATE, ALWAYS},
	{F_TIMESTAMPTZ_EQ_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_NE_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_LT_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_LE_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_GT_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_GE_TIMESTAMP, ALWAYS},
	/* enums: compares the places of labels in core's cache */
	{F_ENUM_EQ, ALWAYS},
	{F_ENUM_NE, ALWAYS},
	{F_ENUM_LT, ALWAYS},
	{F_ENUM_LE, ALWAYS},
	{F_ENUM_GT, ALWAYS},
	{F_ENUM_GE, ALWAYS},
	/* jsonb: walks two values side by side, as deep as the less deep is; a missing key is NULL or false */
	{F_JSONB_EQ, ALWAYS},
	{F_JSONB_NE, ALWAYS},
	{F_JSONB_LT, ALWAYS},
	{F_JSONB_LE, ALWAYS},
	{F_JSONB_GT, ALWAYS},
	{F_JSONB_GE, ALWAYS},
	{F_JSONB_CONTAINS, SHALLOW},
	{F_JSONB_CONTAINED, SHALLOW},
	{F_JSONB_EXISTS, ALWAYS},
	{F_JSONB_EXISTS_ANY, ALWAYS},
	{F_JSONB_EXISTS_ALL, ALWAYS},
	{F_JSONB_OBJECT_FIELD, ALWAYS},
	{F_JSONB_OBJECT_FIELD_TEXT, ALWAYS},
	{F_JSONB_ARRAY_ELEMENT, ALWAYS},
	{F_JSONB_ARRAY_ELEMENT_TEXT, ALWAYS},
	{F_JSONB_EXTRACT_PATH, ALWAYS},
	{F_JSONB_EXTRACT_PATH_TEXT, ALWAYS},
	/* arrays: compares elements */
	{F_ARRAY_EQ, ELEMENTS},
	{F_ARRAY_NE, ELEMENTS},
	{F_ARRAY_LT, ELEMENTS},
	{F_ARRAY_LE, ELEMENTS},
	{F_ARRAY_GT, ELEMENTS},
	{F_ARRAY_GE, ELEMENTS},
	{F_ARRAYOVERLAP, ELEMENTS},
	{F_ARRAYCONTAINS, ELEMENTS},
	{F_ARRAYCONTAINED, ELEMENTS},
	/* ranges: compares bounds; not union, difference, adjacency, which make new ones */
	{F_RANGE_EQ, ELEMENTS},
	{F_RANGE_NE, ELEMENTS},
	{F_RANGE_LT, ELEMENTS},
	{F_RANGE_LE, ELEMENTS},
	{F_RANGE_GT, ELEMENTS},
	{F_RANGE_GE, ELEMENTS},
	{F_RANGE_OVERLAPS, ELEMENTS},
	{F_RANGE_CONTAINS, ELEMENTS},
	{F_RANGE_CONTAINED_BY, ELEMENTS},
	{F_RANGE_CONTAINS_ELEM, ELEMENTS},
	{F_ELEM_CONTAINED_BY_RANGE, ELEMENTS},
	{F_RANGE_BEFORE, ELEMENTS},
	{F_RANGE_AFTER, ELEMENTS},
	/* addresses: compares bits under a mask */
	{F_NETWORK_SUB, ALWAYS},
	{F_NETWORK_SUBEQ, ALWAYS},
	{F_NETWORK_SUP, ALWAYS},
	{F_NETWORK_SUPEQ, ALWAYS},
	{F_NETWORK_OVERLAP, ALWAYS},
	/* full text: looks lexemes up, as deep as the query is; both sides are made already */
	{F_TSVECTOR_EQ, ALWAYS},
	{F_TSVECTOR_NE, ALWAYS},
	{F_TS_MATCH_VQ, SHALLOW},
	{F_TS_MATCH_QV, SHALLOW},
	/*
	 * patterns: only a pattern that ends in an escape raises, and only where it gets there;
	 * each % that fits goes one deeper
	 */
	{F_TEXTLIKE, PATTERN},
	{F_TEXTNLIKE, PATTERN},
	{F_TEXTICLIKE, PATTERN},
	{F_TEXTICNLIKE, PATTERN},
	{F_BPCHARLIKE, PATTERN},
	{F_BPCHARNLIKE, PATTERN},
	{F_BPCHARICLIKE, PATTERN},
	{F_BPCHARICNLIKE, PATTERN},
};

/*
 * What an owner may have computed of every row besides, in an index, a generated
 * column, statistics.  Not good enough for a clause, where somebody looks for a
 * single error: these raise where the value is not text of the database's encoding, or
 * where the machine forbids md5.  Not what puts texts together: by that, in an AND, one
 * that gets too long tells which row got there.
 */
static const Oid for_definitions[] = {
	/* letters and lengths of text that is valid */
	F_LOWER_TEXT,
	F_UPPER_TEXT,
	F_LEFT,
	F_RIGHT,
	F_LENGTH_TEXT,
	F_CHAR_LENGTH_TEXT,
	F_OCTET_LENGTH_TEXT,
	F_OCTET_LENGTH_BYTEA,
	F_MD5_TEXT,
	F_MD5_BYTEA,
	/* parts of a moment, which all have; the unit must be a constant (see there) */
	F_DATE_TIMESTAMP,
	F_DATE_TRUNC_TEXT_TIMESTAMP,
	F_DATE_PART_TEXT_TIMESTAMP,
	F_DATE_PART_TEXT_DATE,
	F_EXTRACT_TEXT_TIMESTAMP,
	F_EXTRACT_TEXT_DATE,
};

/* What gives the same value of another type, and another one for each that differs. */
static const Oid for_conversions[] = {
	F_INT4_INT2,   F_INT8_INT2,   F_INT8_INT4,     F_NUMERIC_INT2, F_NUMERIC_INT4, F_NUMERIC_INT8,
	F_FLOAT8_INT2, F_FLOAT8_INT4, F_FLOAT8_FLOAT4, F_TEXT_NAME,    F_TEXT_BPCHAR,
};

/* What gives a part of a value, or about the same. */
static const Oid for_parts[] = {
	F_JSONB_OBJECT_FIELD,  F_JSONB_OBJECT_FIELD_TEXT,
	F_JSONB_ARRAY_ELEMENT, F_JSONB_ARRAY_ELEMENT_TEXT,
	F_JSONB_EXTRACT_PATH,  F_JSONB_EXTRACT_PATH_TEXT,
	F_FLOAT8_INT8,
};

/* ---- arguments ---- */

/* among many, a range is looked for by its hash; that its values have none is an error then */
static bool
range_hashes(Node *range)
{
	Oid type = exprType(range);

	return get_typtype(type) != TYPTYPE_RANGE ||
		   OidIsValid(lookup_type_cache(type, TYPECACHE_HASH_PROC)->hash_proc);
}

static bool
elements_are_of_core(List *args)
{
	ListCell *lc;

	foreach (lc, args)
		if (!type_is_of_core(exprType(lfirst(lc))) || !type_compares(exprType(lfirst(lc))))
			return false;
	return true;
}

/*
 * collation_is_known -- where text is compared, is it known by which?  Else that is an error, and one
 * that only the row tells which gets there.
 */
bool
collation_is_known(List *args, Oid collation)
{
	ListCell *lc;

	if (OidIsValid(collation))
		return collation_is_current(collation);
	foreach (lc, args)
		if (type_is_collatable(exprType(lfirst(lc))))
			return false;
	return true;
}

/*
 * Core has them for LEAKPROOF, but they raise: starts_with where the collation is not
 * deterministic; areas and lengths where they overflow; md5 where the machine forbids it;
 * oidvector where the array is none (type_compares()).
 */
static bool
raises_nevertheless(Oid function, Oid collation)
{
	switch (function)
	{
		case F_STARTS_WITH:
			return !get_collation_isdeterministic(collation);
		case F_LSEG_LT:
		case F_LSEG_LE:
		case F_LSEG_GT:
		case F_LSEG_GE:
		case F_CIRCLE_EQ:
		case F_CIRCLE_NE:
		case F_CIRCLE_LT:
		case F_CIRCLE_LE:
		case F_CIRCLE_GT:
		case F_CIRCLE_GE:
		case F_OIDVECTOREQ:
		case F_OIDVECTORNE:
		case F_OIDVECTORLT:
		case F_OIDVECTORLE:
		case F_OIDVECTORGT:
		case F_OIDVECTORGE:
		case F_BTOIDVECTORCMP:
		case F_MD5_TEXT:
		case F_MD5_BYTEA:
			return true;
		default:
			return false;
	}
}

static bool
tells_nothing(Oid function, List *args, Oid collation)
{
	if (function >= FirstNormalObjectId || !collation_is_known(args, collation) ||
		raises_nevertheless(function, collation))
		return false;
	if (get_func_leakproof(function))
		return true;
	for (size_t i = 0; i < lengthof(for_clauses); i++)
	{
		if (for_clauses[i].function != function)
			continue;
		switch (for_clauses[i].condition)
		{
			case ELEMENTS:
				return elements_are_of_core(args);
			case PATTERN:
				/* there is no pattern matching by a collation that is not deterministic */
				return get_collation_isdeterministic(collation) && constant_pattern_is_silent(args);
			case SHALLOW:
				return constant_is_shallow(linitial(args)) || constant_is_shallow(lsecond(args));
			default:
				return true;
		}
	}
	return false;
}

/* a unit that moments have, and that leads to none before the first */
static bool
unit_is_known(Node *unit, Oid function)
{
	static const char *const of_times[] = {"day", "hour", "minute", "second"};
	static const char *const of_dates[] = {"day", "week", "month", "quarter", "year"};
	const char *name;

	if (!IsA(unit, Const) || ((Const *) unit)->constisnull || exprType(unit) != TEXTOID)
		return false;
	name = TextDatumGetCString(((Const *) unit)->constvalue);
	if (function != F_DATE_PART_TEXT_DATE && function != F_EXTRACT_TEXT_DATE)
		for (size_t i = 0; i < lengthof(of_times); i++)
			if (strcmp(of_times[i], name) == 0)
				return true;
	if (function != F_DATE_TRUNC_TEXT_TIMESTAMP)
		for (size_t i = 0; i < lengthof(of_dates); i++)
			if (strcmp(of_dates[i], name) == 0)
				return true;
	return false;
}

static bool
is_for_definitions(Oid function, List *args)
{
	for (size_t i = 0; i < lengthof(for_definitions); i++)
	{
		if (for_definitions[i] != function)
			continue;
		switch (function)
		{
			case F_DATE_TRUNC_TEXT_TIMESTAMP:
			case F_DATE_PART_TEXT_TIMESTAMP:
			case F_DATE_PART_TEXT_DATE:
			case F_EXTRACT_TEXT_TIMESTAMP:
			case F_EXTRACT_TEXT_DATE:
				return unit_is_known(linitial(args), function);
			default:
				return true;
		}
	}
	return false;
}

/* how many of these depend on the row */
static int
n_values(List *args)
{
	ListCell *lc;
	int n = 0;

	foreach (lc, args)
		n += contain_var_clause(lfirst(lc));
	return n;
}

/*
 * A part of a text is so short that it always fits.  Of a long one, whoever chooses where it
 * begins and ends would read the text, by which parts fit.
 */
static bool
is_short_part(Oid function, List *args)
{
	const Const *n;

	if (function != F_LEFT && function != F_RIGHT)
		return true;
	n = lsecond(args);
	return IsA(n, Const) && !n->constisnull && DatumGetInt32(n->constvalue) >= 0 &&
		   DatumGetInt32(n->constvalue) <= LONG_VALUE / pg_database_encoding_max_length();
}

/*
 * Of one row's value alone, and comparing it with nothing: how big what is made of it is
 * then answers no question about it.
 */
static bool
is_of_one_value(Oid function, List *args)
{
	/* put together, what is alike takes up less: see pglz */
	if (n_values(args) > 1)
		return false;
	if (is_for_definitions(function, args))
		return is_short_part(function, args);
	return function_is_among(function, for_parts, lengthof(for_parts)) ||
		   function_is_among(function, for_conversions, lengthof(for_conversions));
}

/* ---- expressions ---- */

typedef struct Review
{
	bool definition; /* of an owner's, not a clause of a statement */
	bool strict;     /* and one whose results take up space: see is_of_one_value() */
	/*
	 * Not even what is the same for all rows may be noticed, for it is asked when the
	 * first row has come so far.  Parameters: of subqueries that run when they are.
	 */
	bool silent;
	Bitmapset *lazy;
} Review;

/* of a value that is nearly as long as one can be, these make one that is longer */
static bool
makes_more(Oid function)
{
	switch (function)
	{
		case F_JSONB_OBJECT_FIELD_TEXT:
		case F_JSONB_ARRAY_ELEMENT_TEXT:
		case F_JSONB_EXTRACT_PATH_TEXT:
		case F_TEXTICLIKE:
		case F_TEXTICNLIKE:
		case F_BPCHARICLIKE:
		case F_BPCHARICNLIKE:
			return true;
		default:
			return false;
	}
}

static bool tells(Node *node, void *context);

/* does it depend on a row, of whichever query? */
static bool
depends_on_row(Node *node, void *context)
{
	if (node == NULL || IsA(node, Query))
		return false;
	return IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, Aggref) ||
		   IsA(node, WindowFunc) || IsA(node, CurrentOfExpr) ||
		   expression_tree_walker(node, depends_on_row, NULL);
}

static bool
call_tells(Oid function, List *args, Oid collation, Review *review)
{
	if (review->strict && !is_of_one_value(function, args))
		return true;
	if (review->silent && makes_more(function))
		return true;
	if (!tells_nothing(function, args, collation) &&
		!(review->definition && collation_is_known(args, collation) &&
		  is_for_definitions(function, args)))
		return true;
	return tells((Node *) args, review);
}

/*
 * Can it be noticed that somebody asks for the parameter?  Where it is a subquery's
 * result, the subquery runs then; where it is long, it may lie in storage that is gone
 * by then.  Those from outside are fetched before (policy_parameter.c).
 */
static bool
parameter_is_noticed(const Param *parameter, const Bitmapset *lazy)
{
	return parameter->paramkind == PARAM_EXEC &&
		   (bms_is_member(parameter->paramid, lazy) || policy_parameter_is_fetched(parameter));
}

/*
 * NOT and whoever estimates put the negator or the commutator in its place, which a user may
 * have given another function.
 */
static bool
operator_is_of_user(Oid op)
{
	return op >= FirstNormalObjectId;
}

/* may the expression tell of a row?  Anything that is not known may. */
static bool
tells(Node *node, void *context)
{
	Review *review = context;

	if (node == NULL)
		return false;
	/* what it selects is a statement of its own; here, only the comparison with it */
	if (IsA(node, SubLink))
		return tells(((SubLink *) node)->testexpr, context);
	/* what is the same for all rows is asked of none; of an owner's definition, of some */
	if (!review->silent && !depends_on_row(node, NULL) && !IsA(node, List))
		return review->definition ? !constant_in_definition(node, review->strict) :
									runs_user_code(node);
	if (review->strict && !IsA(node, Var) && !IsA(node, FuncExpr) && !IsA(node, OpExpr) &&
		!IsA(node, RelabelType) && !IsA(node, CollateExpr) && !IsA(node, List) &&
		!(IsA(node, CoalesceExpr) && n_values(((CoalesceExpr *) node)->args) == 1))
		return true;
	switch (nodeTag(node))
	{
		case T_Var:
			/* a whole row puts values together */
			return ((Var *) node)->varattno == InvalidAttrNumber;
		case T_Const:
			return false;
		case T_Param:
			return review->silent && parameter_is_noticed((Param *) node, review->lazy);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			set_opfuncid((OpExpr *) node);
			return operator_is_of_user(((OpExpr *) node)->opno) ||
				   call_tells(((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args,
							  ((OpExpr *) node)->inputcollid, review);
		case T_ScalarArrayOpExpr:
			set_sa_opfuncid((ScalarArrayOpExpr *) node);
			return operator_is_of_user(((ScalarArrayOpExpr *) node)->opno) ||
				   !range_hashes(linitial(((ScalarArrayOpExpr *) node)->args)) ||
				   call_tells(((ScalarArrayOpExpr *) node)->opfuncid,
							  ((ScalarArrayOpExpr *) node)->args,
							  ((ScalarArrayOpExpr *) node)->inputcollid, review);
		case T_FuncExpr:
			return ((FuncExpr *) node)->funcretset ||
				   call_tells(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args,
							  ((FuncExpr *) node)->inputcollid, review);
		case T_NullTest:
			return ((NullTest *) node)->argisrow ||
				   tells((Node *) ((NullTest *) node)->arg, context);
		case T_CoalesceExpr:
			return !review->definition || expression_tree_walker(node, tells, context);
		case T_List:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_RelabelType:
		case T_CollateExpr:
			return expression_tree_walker(node, tells, context);
		default:
			/* among them what may get too big: arrays, rows; and whoever makes a temporary schema */
			return true;
	}
}

/*
 * reviewed_clause -- may this clause of a statement run before the policy?
 */
bool
reviewed_clause(Node *clause)
{
	Review review = {false, false, false, NULL};

	return !tells(clause, &review) && clause_lasts(clause);
}

/*
 * silent_clause -- may it be asked before the policy, row by row, and nobody tell which
 * rows got there?
 *	lazy	parameters of subqueries that are run when they are asked for
 */
bool
silent_clause(Node *clause, Bitmapset *lazy)
{
	Review review = {false, false, true, lazy};

	return !tells(clause, &review) && clause_lasts(clause);
}

/*
 * reviewed_expression -- may an owner have this computed of every row, where nothing of
 * the result is told?
 */
bool
reviewed_expression(Node *expression)
{
	Review review = {true, false, false, NULL};

	return !tells(expression, &review);
}

/*
 * reviewed_definition -- and where the result is stored, and its size may be seen?
 */
bool
reviewed_definition(Node *expression)
{
	Review review = {true, true, false, NULL};

	return !tells(expression, &review);
}

/*
 * reviewed_conversion -- does the expression make another value of each that differs?  A
 * unique index is built anew after a column's type has changed.
 */
bool
reviewed_conversion(Node *expression)
{
	if (IsA(expression, Var))
		return true;
	if (IsA(expression, RelabelType))
		/* blanks at the end of char(n) do not count */
		return (((RelabelType *) expression)->resulttype != BPCHAROID ||
				exprType((Node *) ((RelabelType *) expression)->arg) == BPCHAROID) &&
			   reviewed_conversion((Node *) ((RelabelType *) expression)->arg);
	return IsA(expression, FuncExpr) &&
		   function_is_among(((FuncExpr *) expression)->funcid, for_conversions,
							 lengthof(for_conversions)) &&
		   reviewed_conversion(linitial(((FuncExpr *) expression)->args));
}

static bool
function_raises(Oid function, void *collation)
{
	return raises_nevertheless(function, *(Oid *) collation);
}

static bool
raises_somewhere(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (!IsA(node, List) && !collation_is_current(exprInputCollation(node)))
		return true;
	if (!IsA(node, List))
	{
		Oid collation = exprInputCollation(node);

		if (check_functions_in_node(node, function_raises, &collation))
			return true;
	}
	/* what this compares by is not in the tree */
	if (IsA(node, MinMaxExpr) && !type_compares(((MinMaxExpr *) node)->minmaxtype))
		return true;
	/* may get too big */
	if ((IsA(node, ArrayExpr) || IsA(node, RowExpr)) && contain_var_clause(node))
		return true;
	return expression_tree_walker(node, raises_somewhere, NULL);
}

/*
 * leakproof_clause -- is it LEAKPROOF by what the catalog says, and rightly so where the
 * function is core's?  A superuser's word for others is taken.
 */
bool
leakproof_clause(Node *clause)
{
	return !contain_leaked_vars(clause) && !raises_somewhere(clause, NULL) && clause_lasts(clause);
}

/*
 * leakproof_raises -- does anything in it raise, or warn, by which core may compare values it
 * has kept, for it is LEAKPROOF?
 */
bool
leakproof_raises(Node *clause)
{
	return raises_somewhere(clause, NULL);
}
