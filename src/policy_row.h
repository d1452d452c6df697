/*
 * policy_row.h
 *	  Flags in the third argument of row_permitted and row_writable.
 */
#ifndef PRIVSEG_POLICY_ROW_H
#define PRIVSEG_POLICY_ROW_H

#define ROW_NULL_PASSES 0x01   /* a NULL key does not hide the row */
#define ROW_ALSO_ABOUT 0x02    /* the key of a further column */
#define ROW_SUBJECT_TABLE 0x04 /* the relation is its domain's subject table */

#endif /* PRIVSEG_POLICY_ROW_H */
