/*
 * hooks.h
 *	  Installs every hook.
 */
#ifndef PRIVSEG_HOOKS_H
#define PRIVSEG_HOOKS_H

extern void hooks_init(void);

#endif /* PRIVSEG_HOOKS_H */
