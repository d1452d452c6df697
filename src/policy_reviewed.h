/*
 * policy_reviewed.h
 *	  Which expressions tell nothing of a row they are asked about.
 */
#ifndef PRIVSEG_POLICY_REVIEWED_H
#define PRIVSEG_POLICY_REVIEWED_H

#include "nodes/bitmapset.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

/* from so many bytes on, an index may tell that a value is longer */
#define LONG_VALUE 256

/* a clause of a statement: may it run before the policy, in an index? */
extern bool reviewed_clause(Node *clause);
/* the same, and in such a way that nothing tells which rows it was asked about? */
extern bool silent_clause(Node *clause, Bitmapset *lazy);
/* policy_search.c: what an index on tags is asked? */
extern bool compares_tags(Node *condition);
/* an operator class's equality: that of tags? */
extern bool compares_tags_by(Oid operator);
/* and that before the policy, so that nothing is told of a row? */
extern bool tag_condition_tells_nothing(Node *condition);
/* what is asked of the rows that it has found, before the rest */
extern Node *asks_for_key(Node *column);
extern Node *recheck_of_tags(Node *condition);
extern bool rechecks_tags(Node *qual);
/* may such an index be asked for a value of the column? */
extern bool may_be_sought(Node *column, Node *value);
/* LEAKPROOF by the catalog, and not one of core's functions that raise nevertheless? */
extern bool leakproof_clause(Node *clause);
/* or is there one of these in it? */
extern bool leakproof_raises(Node *clause);
/* policy_type.c: does it name no type or collation that a user may drop while it is open? */
extern bool clause_lasts(Node *clause);
/* what it is made of, if it is an array, a range or a multirange */
extern Oid type_of_parts(Oid type);
/* the type that a domain is over */
extern Oid type_below(Oid domain);
/* is a type, or what it is made of, such a one? */
extern bool type_any_part(Oid type, bool (*is)(Oid type, void *context), void *context);
/* and can they be compared, one with another, by as many calls whatever they are? */
extern bool type_compares(Oid type);
/* a collation: is its library's version the one it was made for?  Else comparing by it warns */
extern bool collation_is_current(Oid collation);
extern bool collation_is_known(List *args, Oid collation);
/* policy_class.c: a range's subtype_diff, or none: does it raise for no two bounds? */
extern bool range_distance_is_silent(Oid function);
/* an expression of an owner's DDL: may it run over every row? */
extern bool reviewed_expression(Node *expression);
/* a conversion of a column's values to another type: does it keep them apart? */
extern bool reviewed_conversion(Node *expression);
/* and its results be stored? */
extern bool reviewed_definition(Node *expression);
/* values of a type: does nobody else's code see them? */
extern bool type_is_of_core(Oid type);
/* policy_code.c: a function in a list of them */
extern bool function_is_among(Oid function, const Oid *functions, size_t n);
extern bool name_is_among(const char *name, const char *const *names, size_t n);
/* a function of core's: does it run what it finds by a name or an OID, or do more than compute? */
extern bool function_runs_what_is_named(Oid function, bool in_check);
/* an expression's functions and types: is any of them a user's? */
extern bool runs_user_code(Node *expression);
/* the same of a domain's check: other domains are a user's */
extern bool check_runs_user_code(Node *check);
extern bool domain_runs_user_code(Oid type);
/* a domain's own checks */
extern List *domain_checks(Oid domain);
/* the checks of domains that a type is made of */
extern bool type_runs_user_code(Oid type);
/* policy_constant.c: a constant argument that leads to few calls */
extern bool constant_is_shallow(Node *argument);
/* a part of an owner's definition without columns: has it one value for good, and a short one? */
extern bool constant_in_definition(Node *node, bool stored);
/* a default for rows that are there: is what it gives short? */
extern bool constant_default_is_short(Node *expression);
/* and LIKE's pattern */
extern bool constant_pattern_is_silent(List *args);
/* policy_class.c: a function that no user can write */
extern bool is_superusers_c(Oid function);
/* a column's type: does ANALYZE run nothing of a user for it? */
extern bool reviewed_type(Oid type);
/* a list of expressions of an index or of statistics: nor for what they come to? */
extern bool reviewed_results(Node *expressions);
/* an index's operator class: may its code be shown every row? */
extern bool reviewed_opclass(Oid opclass);
/* the same where an owner makes an index: a superuser's C code is trusted, too */
extern bool reviewed_index_class(Oid opclass, Oid type);
/* does BRIN keep more of several rows by it than the least and the greatest value? */
extern bool index_class_summarizes_many(Oid opclass);
/* and does it take every value? */
extern bool reviewed_extension(Oid opclass);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_REVIEWED_H */
