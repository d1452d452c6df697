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

#endif /* PRIVSEG_COMPAT_H */
