/*
 * compat.h
 *	  Everything that depends on the server's version, and nothing else.
 *
 * privseg is built for PostgreSQL 15.  What a newer server needs goes here, so
 * that no other file tests PG_VERSION_NUM.
 */
#ifndef PRIVSEG_COMPAT_H
#define PRIVSEG_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "privseg needs PostgreSQL 15 or newer"
#endif

/* the oldest minor release whose own row security is free of known holes */
#define PRIVSEG_OLDEST_SAFE_MINOR 150019

/* find_setting -- one of the server's own settings, or NULL */
#include "utils/guc_tables.h"

static inline struct config_generic *
find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **settings = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (strcmp(settings[i]->name, name) == 0)
			return settings[i];
	return NULL;
#endif
}

/* a RestrictInfo where another one is, of no security level (optimizer/restrictinfo.h) */
#if PG_VERSION_NUM >= 160000
#define compat_restrictinfo(root, clause, model)                                 \
	make_restrictinfo(root, clause, (model)->is_pushed_down, (model)->has_clone, \
					  (model)->is_clone, false, 0, (model)->required_relids,     \
					  (model)->incompatible_relids, (model)->outer_relids)
#else
#define compat_restrictinfo(root, clause, model)                                                   \
	make_restrictinfo(root, clause, (model)->is_pushed_down, (model)->outerjoin_delayed, false, 0, \
					  (model)->required_relids, (model)->outer_relids, (model)->nullable_relids)
#endif

/*
 * What core infers parameters into (parser/parse_param.c), where the hook state is this: forget
 * those for which forget(type) holds.
 */
static inline void
compat_forget_parameters(void *state, bool (*forget)(Oid type))
{
	struct
	{
		Oid **types;
		int *n;
	} *parameters = state;

	for (int i = 0; i < *parameters->n; i++)
		if (forget((*parameters->types)[i]))
			(*parameters->types)[i] = InvalidOid;
}

/* the same: is any of a type that core does not bring? */
static inline bool
compat_any_parameter(void *state)
{
	struct
	{
		Oid **types;
		int *n;
	} *parameters = state;

	for (int i = 0; i < *parameters->n; i++)
		if ((*parameters->types)[i] >= FirstNormalObjectId)
			return true;
	return false;
}

#endif /* PRIVSEG_COMPAT_H */
