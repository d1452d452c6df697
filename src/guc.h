/*
 * guc.h
 *	  The extension's settings.
 */
#ifndef PRIVSEG_GUC_H
#define PRIVSEG_GUC_H

#pragma GCC visibility push(hidden)

extern char *guc_purpose;
extern uint64 guc_purpose_generation;
extern char *guc_root_key_command;
extern char *guc_root_key_file;
extern int guc_fold_delay;
extern bool guc_allow_temporary_copies;

/* no messages below NOTICE are to be sent to the client: see hooks.c */
extern bool guc_quiet;

extern void guc_init(void);
extern bool guc_row_security_is_off(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_GUC_H */
