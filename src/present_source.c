/*
 * present_source.c
 *	  The text of a statement, parsed once more.
 *
 * Hooks get what the parser made of a statement, not what it made it of.  The text is there, and
 * where in it the statement lies.
 */
#include "compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "plpgsql.h"
#include "present.h"

/* what PL/pgSQL has analysed, or NULL */
static const PLpgSQL_expr *
expression_of_plpgsql(const ParseState *state)
{
	static ParseParamRefHook of_plpgsql = NULL;

	if (state->p_paramref_hook == NULL || state->p_pre_columnref_hook == NULL)
		return NULL;
	if (of_plpgsql == NULL)
	{
		void (*setup)(ParseState *, PLpgSQL_expr *) =
			load_external_function("$libdir/plpgsql", "plpgsql_parser_setup", true, NULL);
		ParseState *scratch = make_parsestate(NULL);

		setup(scratch, NULL);
		of_plpgsql = scratch->p_paramref_hook;
	}
	return state->p_paramref_hook == of_plpgsql ? state->p_ref_hook_state : NULL;
}

/* how it hands over what is no statement: an expression, an assignment */
static RawParseMode
mode_of(const ParseState *state)
{
	const PLpgSQL_expr *expression = expression_of_plpgsql(state);

	return expression != NULL ? expression->parseMode : RAW_PARSE_DEFAULT;
}

/*
 * present_returned -- the columns that the PL/pgSQL function returns rows of, whose statement it is;
 * NULL where it is none, or returns no set.
 */
TupleDesc
present_returned(const ParseState *state)
{
	const PLpgSQL_expr *expression = expression_of_plpgsql(state);
	Oid type;
	TupleDesc columns;
	TupleDesc result = NULL;
	int n = 0;

	if (expression == NULL || expression->func == NULL || !OidIsValid(expression->func->fn_oid) ||
		!expression->func->fn_retset)
		return NULL;
	switch (get_func_result_type(expression->func->fn_oid, &type, &columns))
	{
		case TYPEFUNC_SCALAR:
			result = CreateTemplateTupleDesc(1);
			TupleDescInitEntry(result, 1, NULL, type, -1, 0);
			return result;
		case TYPEFUNC_COMPOSITE:
		case TYPEFUNC_COMPOSITE_DOMAIN:
			result = CreateTemplateTupleDesc(columns->natts);
			for (int i = 0; i < columns->natts; i++)
				if (!TupleDescAttr(columns, i)->attisdropped)
					TupleDescCopyEntry(result, ++n, columns, i + 1);
			result->natts = n;
			return result;
		default:
			return NULL;
	}
}

/* the statement in others that hold one */
static Node *
inner(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_PrepareStmt:
			return ((PrepareStmt *) statement)->query;
		case T_ViewStmt:
			return ((ViewStmt *) statement)->query;
		case T_CopyStmt:
			return ((CopyStmt *) statement)->query;
		default:
			return statement;
	}
}

static bool
is_alike(const Node *statement, const Query *query)
{
	switch (query->commandType)
	{
		case CMD_SELECT:
			return IsA(statement, SelectStmt) || IsA(statement, PLAssignStmt);
		case CMD_INSERT:
			return IsA(statement, InsertStmt);
		case CMD_UPDATE:
			return IsA(statement, UpdateStmt);
		case CMD_DELETE:
			return IsA(statement, DeleteStmt);
		case CMD_MERGE:
			return IsA(statement, MergeStmt);
		case CMD_UTILITY:
			return nodeTag(statement) == nodeTag(query->utilityStmt) ||
				   (IsA(statement, SelectStmt) && IsA(query->utilityStmt, CreateTableAsStmt));
		default:
			return false;
	}
}

/*
 * present_source_is_known -- would the text be taken for the same as it was?  A string constant with
 * a backslash depends on a setting, which may have been another one when it was parsed: a script
 * is parsed before its first statement runs, and a plan that is kept is analysed again.
 */
bool
present_source_is_known(const ParseState *state, const Query *query)
{
	static bool asked = false;
	static bool first;
	static bool moved = false;
	const char *text = state->p_sourcetext;
	int start = Max(query->stmt_location, 0);

	/* of every statement, the one that sets it included */
	if (!asked)
		first = standard_conforming_strings;
	asked = true;
	if (standard_conforming_strings != first)
		moved = true;
	if (!moved || text == NULL)
		return true;
	return memchr(text + start, '\\',
				  query->stmt_len > 0 ? (size_t) query->stmt_len : strlen(text + start)) == NULL;
}

/*
 * present_source -- the tree that the parser made a query of, anew; NULL where it was made of no
 * text.
 *	is_view		set to whether it is the one of a CREATE VIEW
 */
RawStmt *
present_source(ParseState *state, const Query *query, bool *is_view)
{
	int start = Max(query->stmt_location, 0);
	List *statements;
	RawStmt *statement;

	if (state->p_sourcetext == NULL)
		return NULL;
	/* that much and no more, or a long script would take the square of its length */
	statements =
		raw_parser(query->stmt_len > 0 ? pnstrdup(state->p_sourcetext + start, query->stmt_len) :
										 pstrdup(state->p_sourcetext + start),
				   mode_of(state));
	if (list_length(statements) != 1)
		return NULL;
	statement = linitial_node(RawStmt, statements);
	*is_view = IsA(statement->stmt, ViewStmt);
	if (!is_alike(statement->stmt, query))
		statement->stmt = inner(statement->stmt);
	if (statement->stmt == NULL || !is_alike(statement->stmt, query))
		return NULL;
	statement->stmt_location = query->stmt_location;
	statement->stmt_len = query->stmt_len;
	return statement;
}
