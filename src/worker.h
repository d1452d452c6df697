/*
 * worker.h
 *	  Background workers: a launcher, and one short-lived worker a database.
 */
#ifndef PRIVSEG_WORKER_H
#define PRIVSEG_WORKER_H

#pragma GCC visibility push(hidden)

extern void worker_register(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_WORKER_H */
