/*
 * guard_into.c
 *	  Copies of protected rows: into tables, materialized views and server files
 *	  where no policy would follow them.
 *
 * Commands that make something new (CREATE TABLE AS, materialized views, COPY to a
 * file) refuse whatever reads under the policy while they run, functions they call
 * included.  INSERT, UPDATE and MERGE are looked at as a tree, before planning; what
 * their functions read is not seen, as little as what a client carries from one
 * statement to the next.  What is found is a mark in the plan, and refused when it
 * runs, for `row_security = off` is honoured then.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "errors.h"
#include "guard.h"
#include "guc.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "policy_carry.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

/* what a command that is running makes that is to hold nothing protected */
GuardMaking guard_making = MAKES_NOTHING;

/* ---- commands that make something ---- */

static bool
is_temporary(const RangeVar *relation)
{
	/* elsewhere, whatever the search path says, it is taken for permanent */
	return relation->relpersistence == RELPERSISTENCE_TEMP ||
		   (relation->schemaname != NULL && strcmp(relation->schemaname, "pg_temp") == 0);
}

/* guard_makes -- what CREATE TABLE AS or SELECT INTO makes, if nothing protected may go there */
GuardMaking
guard_makes(const IntoClause *into)
{
	if (into->viewQuery != NULL)
		return MAKES_VIEW;
	if (is_temporary(into->rel))
		return guc_allow_temporary_copies ? MAKES_NOTHING : MAKES_TEMPORARY;
	return MAKES_TABLE;
}

/* guard_command_makes -- the same of any command */
GuardMaking
guard_command_makes(Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateTableAsStmt:
		{
			CreateTableAsStmt *create = (CreateTableAsStmt *) node;

			if (create->into->skipData)
				return MAKES_NOTHING;
			return create->objtype == OBJECT_MATVIEW ? MAKES_VIEW : guard_makes(create->into);
		}
		case T_RefreshMatViewStmt:
			return ((RefreshMatViewStmt *) node)->skipData ? MAKES_NOTHING : MAKES_VIEW;
		case T_ExplainStmt:
		{
			ExplainStmt *explain = (ExplainStmt *) node;

			/* a query, for core has analysed it */
			node = castNode(Query, explain->query)->utilityStmt;
			return node != NULL && guard_option(explain->options, "analyze") ?
					   guard_command_makes(node) :
					   MAKES_NOTHING;
		}
		case T_CopyStmt:
		{
			CopyStmt *copy = (CopyStmt *) node;

			if (copy->is_from || copy->filename == NULL)
				return MAKES_NOTHING;
			return copy->is_program ? MAKES_PROGRAM : MAKES_FILE;
		}
		default:
			return MAKES_NOTHING;
	}
}

/*
 * guard_rewritten -- what a command writes a protected relation's rows into, for a while,
 * has no policy; and code that runs in the command knows its name.
 */
void
guard_rewritten(List *range_table)
{
	ListCell *lc;

	if (!guard_in_command || row_security_bypassed())
		return;
	foreach (lc, range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		FormData_pg_class class;

		if (rte->rtekind == RTE_RELATION && catalog_class(rte->relid, &class) &&
			OidIsValid(class.relrewrite) && protected_relation(class.relrewrite) != NULL)
			ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
							errmsg("rows of protected relation \"%s\" are being written anew",
								   get_rel_name(class.relrewrite)),
							errhint("Read the relation itself, when the command is through.")));
	}
}

/* ---- INSERT, UPDATE, MERGE ---- */

typedef struct Level
{
	Query *query;
	const struct Level *outer;
} Level;

typedef struct Reads
{
	List *domains;    /* of the protected relations that are read; InvalidOid: and of others */
	Query *top;       /* whose WITH is looked at apart */
	Query *modifying; /* its result relation is not read for what it inserts */
} Reads;

static bool
is_read(const Query *query, Index varno, const Reads *reads)
{
	if (query->resultRelation != (int) varno || query->returningList != NIL)
		return true;
	return query == reads->modifying && query->commandType != CMD_INSERT;
}

static bool
collect_reads(Node *node, void *context)
{
	Reads *reads = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		ListCell *lc;

		foreach (lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
			const ProtectedRelation *entry;

			if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_COMPOSITE_TYPE ||
				!is_read(query, foreach_current_index(lc) + 1, reads))
				continue;
			entry = protected_relation(rte->relid);
			if (entry == NULL)
				continue;
			reads->domains = list_append_unique_oid(reads->domains, entry->domain);
			/* who else a row is about goes along with no copy of it */
			if (entry->n_also_about > 0 &&
				!(query == reads->modifying &&
				  query->resultRelation == foreach_current_index(lc) + 1))
				reads->domains = list_append_unique_oid(reads->domains, InvalidOid);
		}
		return query_tree_walker(query, collect_reads, context,
								 query == reads->top ? QTW_IGNORE_CTE_SUBQUERIES : 0);
	}
	return expression_tree_walker(node, collect_reads, context);
}

/* the domains a modifying query may carry data of: its own, and what WITH hands it */
static List *
domains_read(Query *modifying, Query *top)
{
	Reads reads = {NIL, top, modifying};
	ListCell *lc;

	(void) collect_reads((Node *) modifying, &reads);
	foreach (lc, top->cteList)
	{
		Query *query = castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery);

		if (query != modifying && (query->commandType == CMD_SELECT || query->returningList != NIL))
			(void) collect_reads((Node *) query, &reads);
	}
	return reads.domains;
}

/* what a column must be filled with */
typedef struct Wanted
{
	Oid domain;
	/* where a foreign key carries the subject: what it refers to */
	Oid referenced;
	AttrNumber referenced_column;
	bool never_null;
} Wanted;

static bool comes_from_subject(Node *expression, const Level *level, const Wanted *wanted);

/* is a column of a query's result the key of a subject, in every arm? */
static bool
column_is_subject(Query *query, AttrNumber column, const Level *outer, const Wanted *wanted)
{
	Level level = {query, outer};
	List *columns = query->returningList != NIL ? query->returningList : query->targetList;
	TargetEntry *entry;

	if (query->setOperations != NULL)
	{
		ListCell *lc;

		foreach (lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind != RTE_SUBQUERY ||
				!column_is_subject(rte->subquery, column, &level, wanted))
				return false;
		}
		return true;
	}
	entry = get_tle_by_resno(columns, column);
	return entry != NULL && comes_from_subject((Node *) entry->expr, &level, wanted);
}

/* the query that WITH names, and the level where it is: its own names are those of there */
static CommonTableExpr *
find_cte(const RangeTblEntry *rte, const Level **level)
{
	ListCell *lc;

	for (Index up = 0; up < rte->ctelevelsup && *level != NULL; up++)
		*level = (*level)->outer;
	if (*level == NULL)
		return NULL;
	foreach (lc, (*level)->query->cteList)
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
			return lfirst_node(CommonTableExpr, lc);
	return NULL;
}

static bool
column_is_wanted(Oid relid, AttrNumber column, const Wanted *wanted)
{
	const ProtectedRelation *entry = protected_relation(relid);

	if (entry == NULL || entry->domain != wanted->domain)
		return false;
	if (OidIsValid(wanted->referenced))
		return (relid == wanted->referenced && column == wanted->referenced_column) ||
			   subject_is_carried_through(relid, column, wanted->referenced,
										  wanted->referenced_column);
	return strcmp(entry->subject, get_attname(relid, column, false)) == 0;
}

static bool
var_is_subject(const Var *var, const Level *level, const Wanted *wanted)
{
	RangeTblEntry *rte;
	CommonTableExpr *cte;

	for (Index up = 0; up < var->varlevelsup; up++)
		if ((level = level->outer) == NULL)
			return false;
	if (var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, level->query->rtable);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return column_is_wanted(rte->relid, var->varattno, wanted);
		case RTE_SUBQUERY:
			return column_is_subject(rte->subquery, var->varattno, level, wanted);
		case RTE_JOIN:
			return comes_from_subject(list_nth(rte->joinaliasvars, var->varattno - 1), level,
									  wanted);
		case RTE_CTE:
			cte = find_cte(rte, &level);
			return cte != NULL && !cte->cterecursive &&
				   column_is_subject(castNode(Query, cte->ctequery), var->varattno, level, wanted);
		default:
			return false;
	}
}

/* a cast that leaves the key as it is, or fails */
static bool
keeps_key(const FuncExpr *cast)
{
	switch (cast->funcid)
	{
		case F_INT8_INT4:
		case F_INT8_INT2:
		case F_INT4_INT8:
		case F_INT4_INT2:
		case F_INT2_INT8:
		case F_INT2_INT4:
			return true;
		case F_VARCHAR_VARCHAR_INT4_BOOL:
			/* one that is written down cuts it short */
			return IsA(lthird(cast->args), Const) &&
				   !DatumGetBool(lthird_node(Const, cast->args)->constvalue);
		default:
			return false;
	}
}

/* is it the key of a subject that was read, and nothing else? */
static bool
comes_from_subject(Node *expression, const Level *level, const Wanted *wanted)
{
	for (;;)
	{
		if (IsA(expression, RelabelType))
			expression = (Node *) ((RelabelType *) expression)->arg;
		else if (IsA(expression, CoerceToDomain))
			expression = (Node *) ((CoerceToDomain *) expression)->arg;
		else if (IsA(expression, FuncExpr) && keeps_key((FuncExpr *) expression))
			expression = linitial(((FuncExpr *) expression)->args);
		else
			break;
	}
	if (IsA(expression, Var))
		return var_is_subject((Var *) expression, level, wanted);
	/* NULL where it finds none */
	if (IsA(expression, SubLink) && ((SubLink *) expression)->subLinkType == EXPR_SUBLINK)
		return !wanted->never_null &&
			   column_is_subject(castNode(Query, ((SubLink *) expression)->subselect), 1, level,
								 wanted);
	return false;
}

/*
 * One row, however many it is made of, or none, by what its WHERE asks: as if it were a subselect
 * among VALUES.
 */
static bool
is_one_row(const Query *query)
{
	return (query->hasAggs || query->jointree->fromlist == NIL) && query->groupClause == NIL &&
		   query->groupingSets == NIL && query->setOperations == NULL && !query->hasTargetSRFs;
}

/* WITH may be read, what it reads */
static bool
names_cte(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, names_cte, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, names_cte, context);
}

static bool
expression_reads(Node *expression)
{
	Reads reads = {NIL, NULL, NULL};

	(void) collect_reads(expression, &reads);
	return reads.domains != NIL;
}

/*
 * Does the query take rows that FROM names from anything protected?  A subselect in an
 * expression is not FROM: what it gives is a value of a row that somebody wrote.
 */
static bool
from_reads(Query *query)
{
	ListCell *lc;

	/* in MERGE, one for each row of the source */
	foreach (lc, query->mergeActionList)
		if (expression_reads((Node *) lfirst_node(MergeAction, lc)->targetList))
			return true;

	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_CTE ||
			(rte->rtekind == RTE_RELATION &&
			 foreach_current_index(lc) + 1 != query->resultRelation &&
			 rte->relkind != RELKIND_COMPOSITE_TYPE && protected_relation(rte->relid) != NULL))
			return true;
		if (rte->rtekind == RTE_SUBQUERY && (rte->lateral || !is_one_row(rte->subquery)) &&
			(expression_reads((Node *) rte->subquery) || names_cte((Node *) rte->subquery, NULL)))
			return true;
		if (expression_reads((Node *) rte->functions) ||
			expression_reads((Node *) rte->tablefunc) ||
			(list_length(rte->values_lists) > 1 && query->commandType == CMD_MERGE &&
			 expression_reads((Node *) rte->values_lists)))
			return true;
	}
	return false;
}

/* NULL where there was no row, or no group */
static bool
makes_nulls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype != JOIN_INNER)
		return true;
	if (IsA(node, Query))
		return ((Query *) node)->groupingSets != NIL ||
			   query_tree_walker((Query *) node, makes_nulls, context, 0);
	return expression_tree_walker(node, makes_nulls, context);
}

/* does every row that these columns insert have the key of a subject who was read? */
static bool
inserts_subject(List *columns, Oid relid, const ProtectedRelation *entry, const Level *level)
{
	Wanted wanted = {entry->domain, InvalidOid, InvalidAttrNumber, entry->show_null};
	AttrNumber filled = get_attnum(relid, entry->subject);
	TargetEntry *column;

	/* a row about nobody is shown under every purpose */
	if (entry->show_null && makes_nulls((Node *) level->query, NULL))
		return false;
	if (subject_is_carried_by(relid, NULL))
	{
		/* what it refers to may have no subject */
		if (entry->show_null)
			return false;
		filled = subject_reference(relid, &wanted.referenced, &wanted.referenced_column);
	}
	column = get_tle_by_resno(columns, filled);
	return column != NULL && comes_from_subject((Node *) column->expr, level, &wanted);
}

/* is anything but the row's own columns put into it? */
static bool
comes_from_elsewhere(Node *node, void *context)
{
	const Query *update = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup > 0 || ((Var *) node)->varno != update->resultRelation;
	return IsA(node, SubLink) || expression_tree_walker(node, comes_from_elsewhere, context);
}

/* does it delete, and no more? */
static bool
only_deletes(Query *query)
{
	ListCell *lc;

	if (query->commandType == CMD_DELETE)
		return true;
	if (query->commandType != CMD_MERGE)
		return false;
	foreach (lc, query->mergeActionList)
		if (lfirst_node(MergeAction, lc)->commandType == CMD_INSERT ||
			lfirst_node(MergeAction, lc)->commandType == CMD_UPDATE)
			return false;
	return true;
}

/* does it update rows of a view, with nothing but what they have, for a trigger INSTEAD OF it? */
static bool
updates_its_view(Query *query)
{
	return query->commandType == CMD_UPDATE &&
		   rt_fetch(query->resultRelation, query->rtable)->relkind == RELKIND_VIEW &&
		   list_length(query->jointree->fromlist) == 1 &&
		   !checkExprHasSubLink((Node *) query->targetList);
}

/* may rows of these domains go where this modifying query puts them? */
static bool
may_copy(Query *query, Query *top, List *domains)
{
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	const ProtectedRelation *found = protected_relation(target->relid);
	ProtectedRelation entry;
	Level outermost = {top, NULL};
	Level level = {query, query == top ? NULL : &outermost};
	bool others;
	bool updates;
	bool inserts;
	ListCell *lc;

	if (catalog_is_internal_table(target->relid))
		return true;
	if (found == NULL)
		return false;
	/* what it reads besides, tells which rows to change */
	if (query->commandType == CMD_UPDATE &&
		!comes_from_elsewhere((Node *) query->targetList, query))
		return true;
	entry = *found;
	others = list_member_oid(domains, InvalidOid);
	domains = list_delete_oid(domains, InvalidOid);
	if (list_length(domains) != 1 || linitial_oid(domains) != entry.domain)
		return false;
	if (!from_reads(query))
		return true;
	/* a row that is updated may be about nobody; one that was read, about others, too */
	updates = !entry.show_null && !others;
	inserts = !others;
	if (query->commandType == CMD_INSERT)
		return inserts && inserts_subject(query->targetList, target->relid, &entry, &level);
	if (query->commandType == CMD_UPDATE && !updates)
		return false;
	foreach (lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_UPDATE && !updates)
			return false;
		if (action->commandType == CMD_INSERT &&
			!(inserts && inserts_subject(action->targetList, target->relid, &entry, &level)))
			return false;
	}
	return true;
}

static Oid
copies_into(Query *top)
{
	List *queries = list_make1(top);
	ListCell *lc;

	foreach (lc, top->cteList)
		queries = lappend(queries, lfirst_node(CommonTableExpr, lc)->ctequery);
	foreach (lc, queries)
	{
		Query *query = lfirst_node(Query, lc);
		List *domains;

		if (query->resultRelation == 0 || only_deletes(query) || updates_its_view(query))
			continue;
		domains = domains_read(query, top);
		if (domains != NIL && !may_copy(query, top, domains))
			return rt_fetch(query->resultRelation, query->rtable)->relid;
	}
	return InvalidOid;
}

/* what policies ask is asked, not copied */
static bool
without_policies(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		ListCell *lc;

		query->withCheckOptions = NIL;
		foreach (lc, query->rtable)
			lfirst_node(RangeTblEntry, lc)->securityQuals = NIL;
		return query_tree_walker(query, without_policies, context, 0);
	}
	return expression_tree_walker(node, without_policies, context);
}

/*
 * guard_copies -- a relation to which the statement would copy protected rows that
 * are not protected there; or InvalidOid.  After inlining, before planning.
 */
Oid
guard_copies(Query *query)
{
	if ((query->commandType == CMD_SELECT && !query->hasModifyingCTE) ||
		query->commandType == CMD_UTILITY || !OidIsValid(copies_into(query)))
		return InvalidOid;
	query = copyObject(query);
	(void) without_policies((Node *) query, NULL);
	return copies_into(query);
}

/* for errhint: where copies may go */
static int
hint_where_to(bool is_temporary)
{
	if (is_temporary || !guc_allow_temporary_copies)
		return errhint(
			"Copy into a table that privseg.protect() protects, the key that was read into its subject column; or have a superuser switch on privseg.allow_temporary_copies%s.",
			or_bypass());
	return errhint(
		"Copy into a temporary table, or into a table that privseg.protect() protects, the key that was read into its subject column%s.",
		or_bypass());
}

/* guard_made -- a statement in a command that makes something reads protected rows: refuse it */
void
guard_made(GuardMaking making)
{
	static const char *const names[] = {
		[MAKES_TABLE] = "a table that is not protected",
		[MAKES_TEMPORARY] = "a temporary table",
		[MAKES_VIEW] = "a materialized view",
		[MAKES_FILE] = "a file on the server",
		[MAKES_PROGRAM] = "a program on the server",
	};

	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("rows of protected relations cannot be copied into %s", names[making]),
					errdetail("They would be read there whoever permits what."),
					making == MAKES_FILE || making == MAKES_PROGRAM ?
						errhint("COPY ... TO STDOUT, or psql's \\copy, hands them to the client.") :
						hint_where_to(false)));
}

/*
 * guard_into -- before a plan runs that reads or writes protected relations under
 * the policy: what it reads does not go where the policy does not follow.
 */
void
guard_into(PlannedStmt *plan)
{
	ListCell *lc;

	foreach (lc, plan->invalItems)
	{
		PlanInvalItem *mark = lfirst_node(PlanInvalItem, lc);
		char persistence;

		if (mark->cacheId != MARK_COPIES)
			continue;
		persistence = get_rel_persistence(mark->hashValue);
		if (persistence == RELPERSISTENCE_TEMP && guc_allow_temporary_copies)
			continue;
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("rows of protected relations cannot be copied into \"%s\"",
					get_rel_name(mark->hashValue)),
			 protected_relation(mark->hashValue) != NULL ?
				 errdetail(
					 "It is protected, but not by the key of the subjects that are read, column by column.") :
				 errdetail("They would be read there whoever permits what."),
			 hint_where_to(persistence == RELPERSISTENCE_TEMP)));
	}
}
