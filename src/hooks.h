/*
 * hooks.h
 *	  Installs every hook.
 */
#ifndef PRIVSEG_HOOKS_H
#define PRIVSEG_HOOKS_H

#pragma GCC visibility push(hidden)

extern void hooks_init(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_HOOKS_H */
