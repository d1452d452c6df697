/*
 * worker.h
 *	  Background workers: a launcher, and one short-lived worker a database.
 */
#ifndef PRIVSEG_WORKER_H
#define PRIVSEG_WORKER_H

extern void worker_register(void);

#endif /* PRIVSEG_WORKER_H */
