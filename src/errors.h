/*
 * errors.h
 *	  The SQLSTATEs privseg raises, by what they mean here.
 *
 * No message, detail or hint ever carries a value of a row: names of
 * relations, columns, purposes and settings only.
 */
#ifndef PRIVSEG_ERRORS_H
#define PRIVSEG_ERRORS_H

#include "utils/errcodes.h"

/* 42501: no purpose, unknown purpose, no clearance, or a guarded door */
#define PRIVSEG_ERR_DENIED ERRCODE_INSUFFICIENT_PRIVILEGE
/* 0A000: a statement shape that cannot be policed, so it is refused */
#define PRIVSEG_ERR_SHAPE ERRCODE_FEATURE_NOT_SUPPORTED
/* 42704: a purpose, notice or category that does not exist */
#define PRIVSEG_ERR_UNKNOWN_NAME ERRCODE_UNDEFINED_OBJECT
/* 42809: the relation is not what the call needs it to be */
#define PRIVSEG_ERR_WRONG_RELATION ERRCODE_WRONG_OBJECT_TYPE
/* 22023: an argument outside its vocabulary */
#define PRIVSEG_ERR_BAD_ARGUMENT ERRCODE_INVALID_PARAMETER_VALUE
/* 22000: something cannot be computed of a value, which the message does not name */
#define PRIVSEG_ERR_VALUE ERRCODE_DATA_EXCEPTION
/* 22004: a NULL where a value is needed */
#define PRIVSEG_ERR_NULL ERRCODE_NULL_VALUE_NOT_ALLOWED
/* 55000: the server is not in the state the call needs (no library, no key) */
#define PRIVSEG_ERR_NOT_READY ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
/* XX001: the extension's own tables hold something impossible */
#define PRIVSEG_ERR_CORRUPT ERRCODE_DATA_CORRUPTED

#endif /* PRIVSEG_ERRORS_H */
