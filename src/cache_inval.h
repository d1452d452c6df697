/*
 * cache_inval.h
 *	  When a cached fact of the extension's catalog stops being true.
 */
#ifndef PRIVSEG_CACHE_INVAL_H
#define PRIVSEG_CACHE_INVAL_H

#pragma GCC visibility push(hidden)

/* grows whenever anything cached from the extension's own tables may be stale */
extern uint64 cache_catalog_generation;
/* grows whenever role memberships or roles may have changed */
extern uint64 cache_role_generation;
/* grows whenever any relation's entry may have changed (children, columns) */
extern uint64 cache_relation_generation;
/* grows when a (sub)transaction ends: see consent_lookup.c */
extern uint64 cache_xact_generation;
/* grows whenever keys that are kept unwrapped may be stale (keyring_*.c) */
extern uint64 cache_key_generation;

extern void cache_inval_init(void);
extern void cache_inval_broadcast(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_CACHE_INVAL_H */
