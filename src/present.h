/*
 * present.h
 *	  Encrypted columns as clients see them: of their base types.
 *
 *	  present_query.c	statements are analysed as if the columns were of these
 *	  present_results.c	what statements send, and functions return
 *	  present_walk.c	which statements do not use any, at a glance
 *	  present_source.c	the text of a statement, parsed once more
 *	  present_catalog.c	the columns' types in pg_attribute
 *	  present_type.c	which type stands for which; the expression that gives it
 *
 * The parser resolves operators, functions and parameters by types, and no hook lets it see others
 * than the catalogs have.  So a statement that uses an encrypted column is analysed twice: by core,
 * as it is, and then here with every column opened where it is named.
 */
#ifndef PRIVSEG_PRESENT_H
#define PRIVSEG_PRESENT_H

#include "encrypted.h"
#include "parser/parse_node.h"

#pragma GCC visibility push(hidden)

/* present_type.c */
extern Oid present_type(Oid type, int32 typmod, int32 *presented_typmod);
extern bool present_is_encrypted(Oid type);
extern Node *present_expr(ParseState *state, Node *expr);

/* present_source.c */
extern bool present_source_is_known(const ParseState *state, const Query *query);
extern TupleDesc present_returned(const ParseState *state);
extern RawStmt *present_source(ParseState *state, const Query *query, bool *is_view);

/* present_walk.c */
extern bool present_any_entry(Query *query, bool (*test)(const RangeTblEntry *rte));
extern bool present_keeps_from_inlining(Oid function);
extern bool present_may_use_encrypted(const ParseState *state, Query *query);

/* present_query.c */
extern void present_query(ParseState *state, Query *query);

/* present_results.c */
extern Query *present_results(ParseState *state, Query *query);
extern void present_origins(Query *query);

/* present_catalog.c */
extern void present_catalog(Query *query);

#pragma GCC visibility pop

#endif /* PRIVSEG_PRESENT_H */
