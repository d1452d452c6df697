/*
 * usage_question.c
 *	  When is a statement the same question asked again?  Its answers may differ by few subjects from
 *	  those of before: a dashboard is refreshed, and people come and go.
 *
 * Not where whoever asks can change what it means: by a setting, a function, a table of his own, or
 * by when it is asked.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "crypto.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "policy_cohort.h"
#include "rewrite/rewriteManip.h"
#include "usage.h"
#include "utils/lsyscache.h"

static bool
may_change(Oid function, void *context)
{
	if (catalog_is_own_function(function))
		return false;
	return !usage_is_pure(function);
}

static bool
is_of_reader(const RangeTblEntry *rte, const UsageReader *reader)
{
	if (rte->tablesample != NULL && rte->tablesample->repeatable == NULL)
		return true;
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_COMPOSITE_TYPE ||
		rte->relkind == RELKIND_VIEW)
		return rte->rtekind == RTE_NAMEDTUPLESTORE;
	/* who is shown groups only, writes nothing that is protected */
	return (protected_relation(rte->relid) == NULL || !reader->aggregate_only) &&
		   usage_is_of_role(rte);
}

static bool
type_is_reg(Oid type)
{
	switch (type)
	{
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCOLLATIONOID:
			return true;
		default:
			/* regclass is what the policy's own calls have */
			return false;
	}
}

static bool
depends_on_reader(Node *node, UsageReader *reader)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell *lc;

		foreach (lc, ((Query *) node)->rtable)
			if (is_of_reader(lfirst_node(RangeTblEntry, lc), reader))
				return true;
		return query_tree_walker((Query *) node, depends_on_reader, reader, 0);
	}
	/* a text search configuration may be changed */
	if (IsA(node, Const) && type_is_reg(((Const *) node)->consttype))
		return true;
	if (IsA(node, SQLValueFunction) || IsA(node, CoerceViaIO) || IsA(node, NextValueExpr) ||
		IsA(node, CoerceToDomain) || check_functions_in_node(node, may_change, NULL))
		return true;
	return expression_tree_walker(node, depends_on_reader, reader);
}

/* a tree's text, but for where it stands in the statement's; what names hold is escaped in it */
static void
append_tree(StringInfo text, const void *tree)
{
	static const char location[] = ":location ";
	char *from = nodeToString(tree);
	char *end = from;

	for (char *at = strstr(from, location); at != NULL; at = strstr(end, location))
	{
		at += strlen(location);
		appendBinaryStringInfo(text, end, at - end);
		end = at + strspn(at, "-0123456789");
	}
	appendStringInfoString(text, end);
	pfree(from);
}

/* false: their bytes cannot be told */
static bool
append_parameters(StringInfo text, ParamListInfo params)
{
	for (int i = 0; params != NULL && i < params->numParams; i++)
	{
		ParamExternData room;
		ParamExternData *parameter = params->paramFetch != NULL ?
										 params->paramFetch(params, i + 1, false, &room) :
										 &params->params[i];
		int16 length;
		bool by_value;

		appendStringInfo(text, " %d:", i);
		if (parameter == NULL || !OidIsValid(parameter->ptype) || parameter->isnull)
			continue;
		/* its bytes: two that are written alike may be different */
		get_typlenbyval(parameter->ptype, &length, &by_value);
		appendStringInfo(text, "%u:", parameter->ptype);
		if (by_value)
			appendBinaryStringInfo(text, (const char *) &parameter->value, sizeof(Datum));
		else if (length == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(parameter->value);

			appendBinaryStringInfo(text, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		}
		else
			return false;
	}
	return true;
}

/* 0: it cannot be told */
static uint64
hash_of(Query *tree, ParamListInfo params)
{
	StringInfoData text;
	uint64 hash[2] = {0};

	initStringInfo(&text);
	append_tree(&text, tree);
	if (append_parameters(&text, params))
	{
		crypto_hash128((const uint8 *) cohort_secret(), text.data, text.len, (uint8 *) hash);
		hash[0] = hash[0] != 0 ? hash[0] : 1;
	}
	pfree(text.data);
	return hash[0];
}

/*
 * A query without what it asks of its groups; NULL: it is not that simple.  Which calls count these
 * groups follows from what it reads, then.
 */
static Query *
only_groups(Query *tree)
{
	Query *query;
	List *grouped = NIL;
	ListCell *lc;

	if (tree->commandType != CMD_SELECT || tree->setOperations != NULL ||
		!(tree->hasAggs || tree->groupClause != NIL) || tree->groupingSets != NIL ||
		checkExprHasSubLink((Node *) tree->targetList) || checkExprHasSubLink(tree->havingQual))
		return NULL;
	query = copyObject(tree);
	foreach (lc, query->groupClause)
	{
		SortGroupClause *group = lfirst_node(SortGroupClause, lc);

		grouped = lappend(grouped, get_sortgroupclause_expr(group, query->targetList));
		group->tleSortGroupRef = foreach_current_index(lc) + 1;
		/* taken from ORDER BY */
		group->sortop = InvalidOid;
		group->nulls_first = false;
	}
	query->targetList = grouped;
	query->hasAggs = true;
	query->havingQual = query->limitOffset = query->limitCount = NULL;
	query->distinctClause = query->sortClause = NIL;
	query->hasDistinctOn = false;
	query->limitOption = LIMIT_OPTION_COUNT;
	query->queryId = 0;
	query->stmt_location = query->stmt_len = 0;
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		rte->selectedCols = NULL;
	}
	return query;
}

/*
 * usage_question -- numbers for what a statement asks, the same when it is asked again; 0: it may mean
 * something else then.
 */
PolicyQuestion
usage_question(Query *tree, ParamListInfo params)
{
	PolicyQuestion question = {0};
	UsageReader reader;
	Query *groups;

	if (!usage_reader(&reader) || depends_on_reader((Node *) tree, &reader))
		return question;
	question.statement = hash_of(tree, params);
	/* where rows are shown, too, it depends on what is aggregated whose they are */
	groups = reader.aggregate_only ? only_groups(tree) : NULL;
	if (groups != NULL)
		question.groups = hash_of(groups, params);
	return question;
}
