/*
 * worker.h
 *	  Background workers: a launcher, and a worker in the database that asks.
 */
#ifndef PRIVSEG_WORKER_H
#define PRIVSEG_WORKER_H

#pragma GCC visibility push(hidden)

extern void worker_register(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_WORKER_H */
