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
extern char *guc_next_root_key_command;
extern char *guc_next_root_key_file;
extern bool guc_shredded_is_error;
extern int guc_cipher; /* 0: the processor's best; else an AeadCipher (crypto.h) */
extern int guc_fold_delay;
extern bool guc_allow_temporary_copies;
extern int guc_min_group_size;
extern int guc_differencing_window; /* seconds */
extern int guc_differencing_memory; /* kilobytes */

/* of columns of protected tables that are not classified */
enum
{
	UNCLASSIFIED_ALLOW,
	UNCLASSIFIED_DENY
};
extern int guc_unclassified;

/* no messages below NOTICE are to be sent to the client: see hooks.c */
extern bool guc_quiet;

extern void guc_init(void);
extern bool guc_row_security_is_off(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_GUC_H */
