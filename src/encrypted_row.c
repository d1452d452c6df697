/*
 * encrypted_row.c
 *	  Values become those of their row's subject: the trigger of tables with encrypted columns,
 *	  and the functions that encrypt and decrypt what is stored.
 *
 * The trigger fires always, before the row is written and after all other such triggers (its
 * name sorts last, and none that sorts behind it is allowed).  A literal is sealed under the
 * key of the row's subject.  What is bound already must be bound to that subject and the
 * column's category, and stays as it is, byte for byte: a value of another row would come with
 * another subject's consent, or with nobody's.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "cache_inval.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "consent_key.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "policy.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(encrypted_row);
PG_FUNCTION_INFO_V1(make_keys);

typedef struct EncryptedColumn
{
	AttrNumber number;
	EncryptedCode code;
	int32 typmod;
	int32 category;
	bool searchable;
} EncryptedColumn;

/* what one execution of the trigger keeps */
typedef struct RowInfo
{
	ProtectedRelation domain;
	Oid root;
	AttrNumber subject;
	Oid subject_type;
	SealedList *sealed;
	int n;
	EncryptedColumn columns[FLEXIBLE_ARRAY_MEMBER];
} RowInfo;

static void
classify(EncryptedColumn *column, Oid root, const char *name)
{
	ProtectedColumn found;

	if (!protected_column(root, name, &found) || found.category == 0)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("encrypted column \"%s\" of \"%s\" has no data category", name,
							   get_rel_name(root)),
						errhint("Classify it again with privseg.classify().")));
	column->category = found.category;
	column->searchable = found.searchable;
}

static RowInfo *
row_info(FunctionCallInfo fcinfo, Relation relation)
{
	RowInfo *info = fcinfo->flinfo->fn_extra;
	TupleDesc descriptor = RelationGetDescr(relation);
	const ProtectedRelation *entry;
	const ProtectedRelation *domain;
	Oid root;

	if (info != NULL)
		return info;
	entry = protected_relation(RelationGetRelid(relation));
	domain = entry != NULL ? subject_domain(entry->domain) : NULL;
	if (domain == NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("\"%s\" has encrypted columns, but is not protected",
							   RelationGetRelationName(relation)),
						errhint("Protect it again with privseg.protect().")));
	root = entry->relid;
	info = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
								  offsetof(RowInfo, columns) +
									  descriptor->natts * sizeof(EncryptedColumn));
	info->domain = *domain;
	info->root = root;
	info->subject = get_attnum(RelationGetRelid(relation), entry->subject);
	info->subject_type = TupleDescAttr(descriptor, info->subject - 1)->atttypid;
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		EncryptedCode code = attribute->attisdropped ?
								 ENCRYPTED_NONE :
								 encrypted_code(getBaseType(attribute->atttypid));

		if (code == ENCRYPTED_NONE)
			continue;
		info->columns[info->n].number = i + 1;
		info->columns[info->n].code = code;
		info->columns[info->n].typmod = attribute->atttypmod;
		classify(&info->columns[info->n], root, NameStr(attribute->attname));
		info->n++;
	}
	info->sealed = sealed_begin(fcinfo->flinfo->fn_mcxt, info->n);
	fcinfo->flinfo->fn_extra = info;
	return info;
}

/* whose a row is: domain, subject, hashed */
static void
bind_subject(const ProtectedRelation *domain, Datum key, Oid type, EncryptedHeader *binding)
{
	const uint64 *salt = domain->salt;
	Datum value = policy_as_key(key, type);

	binding->domain = keyring_reference(domain);
	binding->hashed = false;
	switch (domain->key_kind)
	{
		case KEY_INTEGER:
			binding->subject = position_of_integer(salt, DatumGetInt64(value));
			break;
		case KEY_UUID:
			binding->subject = position_of_uuid(salt, DatumGetUUIDP(value)->data);
			break;
		case KEY_TEXT:
		{
			text *stored = DatumGetTextPP(value);
			size_t length = VARSIZE_ANY_EXHDR(stored);

			binding->subject = position_of_text(salt, VARDATA_ANY(stored), length);
			binding->hashed = length > TEXT_EXACT_BYTES;
			break;
		}
	}
}

static bool
is_bound_to(const EncryptedHeader *header, const EncryptedHeader *binding)
{
	return header->bound && header->category == binding->category &&
		   header->domain == binding->domain &&
		   position_compare(&header->subject, &binding->subject) == 0;
}

/*
 * Rows that an update has let through: one that is moved to another partition comes in there as
 * if it were new.  Whole rows of one user's transaction, in one tree of tables, by a hash: who
 * writes exactly what he has updated writes nothing that was not there.
 */
#define REMEMBERED_ROWS 16
static struct
{
	Oid root;
	Oid user;
	uint64 xact_generation;
	int at;
	uint64 hashes[REMEMBERED_ROWS]; /* 0: none */
} updated;

/* partitions may have their columns in different orders */
static uint64
hash_row(HeapTuple row, TupleDesc descriptor)
{
	uint64 hash = 1;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		bool isnull;
		Datum value;
		uint64 seed;

		if (attribute->attisdropped)
			continue;
		value = heap_getattr(row, i + 1, descriptor, &isnull);
		if (isnull)
			continue;
		seed = DatumGetUInt64(hash_any_extended((unsigned char *) NameStr(attribute->attname),
												strlen(NameStr(attribute->attname)), 0));
		if (attribute->attbyval)
			hash ^=
				DatumGetUInt64(hash_any_extended((unsigned char *) &value, sizeof(value), seed));
		else if (attribute->attlen == -1)
		{
			struct varlena *stored = PG_DETOAST_DATUM_PACKED(value);

			hash ^= DatumGetUInt64(hash_any_extended((unsigned char *) VARDATA_ANY(stored),
													 VARSIZE_ANY_EXHDR(stored), seed));
			if ((Pointer) stored != DatumGetPointer(value))
				pfree(stored);
		}
		else
			hash ^= DatumGetUInt64(hash_any_extended((unsigned char *) DatumGetPointer(value),
													 datumGetSize(value, false, attribute->attlen),
													 seed));
	}
	return hash != 0 ? hash : 1;
}

static bool
updated_is_current(const RowInfo *info)
{
	return updated.root == info->root && updated.user == GetUserId() &&
		   updated.xact_generation == cache_xact_generation;
}

static void
remember_row(const RowInfo *info, HeapTuple row, TupleDesc descriptor)
{
	if (!updated_is_current(info))
	{
		MemSet(&updated, 0, sizeof(updated));
		updated.root = info->root;
		updated.user = GetUserId();
		updated.xact_generation = cache_xact_generation;
	}
	updated.at = (updated.at + 1) % REMEMBERED_ROWS;
	updated.hashes[updated.at] = hash_row(row, descriptor);
}

static bool
was_updated(const RowInfo *info, HeapTuple row, TupleDesc descriptor)
{
	uint64 hash;

	if (!updated_is_current(info))
		return false;
	hash = hash_row(row, descriptor);
	for (int i = 0; i < REMEMBERED_ROWS; i++)
		if (updated.hashes[i] == hash)
			return true;
	return false;
}

static bytea *
seal_plain(const ProtectedRelation *domain, EncryptedCode code, EncryptedHeader binding,
		   const uint8 *plain, size_t len)
{
	uint8 tag[CRYPTO_TAG_BYTES];

	if (binding.tagged)
	{
		encrypted_tag(code, plain, len, tag);
		binding.tag = tag;
	}
	return encrypted_seal_bound(code, &binding, domain, plain, len);
}

/*
 * Open whatever may be inside, and seal it for this subject, as the column's type modifier has
 * it; NULL: the key is gone.
 */
static bytea *
reseal(const ProtectedRelation *domain, const EncryptedHeader *header,
	   const EncryptedHeader *binding, int32 typmod)
{
	EncryptedCode code = header->code;
	size_t prefix = encrypted_types[code].length < 0 ? VARHDRSZ : 0;
	union
	{
		char bytes[256];
		int64 aligned;
	} room;
	size_t size = prefix + header->plain_len;
	char *plain = size <= sizeof(room) ? room.bytes : palloc(size);
	const char *inside = plain + prefix;
	size_t len = header->plain_len;
	bytea *result = NULL;

	if (encrypted_unseal(header, domain, plain + prefix))
	{
		if (typmod >= 0 && header->bound)
		{
			Datum fitted;

			if (prefix > 0)
				SET_VARSIZE(plain, size);
			fitted = encrypted_fit_base(code, encrypted_base_datum(code, plain), typmod, false);
			if (prefix > 0)
			{
				inside = VARDATA_ANY(DatumGetPointer(fitted));
				len = VARSIZE_ANY_EXHDR(DatumGetPointer(fitted));
			}
		}
		result = seal_plain(domain, code, *binding, (const uint8 *) inside, len);
	}
	secret_wipe(plain, size);
	if (plain != room.bytes)
		pfree(plain);
	return result;
}

/*
 * What a statement hands on unopened, it may have from anywhere: from a temporary table, too.  So it is here
 * that a value does not become one of a lower category, for those who may read only that.
 */
static void
refuse_lower(Relation relation, const EncryptedColumn *column, const EncryptedHeader *header)
{
	if (header->category == column->category || row_security_bypassed() ||
		category_may_go_into(category_by_id(header->category), category_by_id(column->category)))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("an encrypted value of another category may not be copied into column \"%s\" of "
				"\"%s\"",
				NameStr(TupleDescAttr(RelationGetDescr(relation), column->number - 1)->attname),
				RelationGetRelationName(relation)),
		 errdetail("The column is not classified as high."),
		 errhint("Classify it with privseg.classify().")));
}

/*
 * A value of another subject, or category: who may read it may write what is inside, as if it had
 * been typed.  False: it is not opened for him.
 */
static bool
read_as_literal(EncryptedCode code, struct varlena **stored, EncryptedHeader *header)
{
	EncryptedOpened opened;

	if ((encrypted_uses(header->category) & USE_PROJECT) == 0 ||
		!encrypted_open_quietly(*stored, code, USE_PROJECT, &opened))
		return false;
	*stored = (struct varlena *) encrypted_from_base(code, opened.value);
	encrypted_close(&opened);
	encrypted_header(*stored, header);
	return true;
}

static void
refuse_bound(Relation relation, AttrNumber column)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname);

	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("an encrypted value of another subject or category may not be put into column "
					"\"%s\" of \"%s\"",
					name, RelationGetRelationName(relation)),
			 errdetail("Whoever may read it may write what it says there.")));
}

static void
refuse_closed(Relation relation, AttrNumber column)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("an encrypted value that is not opened may not be put into column \"%s\" of "
					"\"%s\"",
					NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname),
					RelationGetRelationName(relation)),
			 errdetail("Whether it fits there, or another row has it, would tell of it.")));
}

/* no index would find it: where values are stored unopened, and this one is of another column */
static void
refuse_untagged(Relation relation, AttrNumber column)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_SHAPE),
		 errmsg("a value that is not searchable may not be put into searchable column \"%s\" of "
				"\"%s\"",
				NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname),
				RelationGetRelationName(relation))));
}

/*
 * The value that a column gets; *changed: another one than it was handed.
 *	binding	whose the row is, or NULL: nobody's
 *	moved	the row gets another subject
 *	comes_along	the row comes from another partition
 */
static Datum
column_value(Relation relation, RowInfo *info, const EncryptedColumn *column,
			 EncryptedHeader *binding, HeapTuple old, bool moved, bool comes_along, Datum value,
			 bool *isnull, bool *changed)
{
	TupleDesc descriptor = RelationGetDescr(relation);
	bool old_null = true;
	Datum before = old != NULL ? heap_getattr(old, column->number, descriptor, &old_null) : 0;
	struct varlena *stored;
	EncryptedHeader header;
	bool same;
	bool left_alone;
	bool as_it_is;
	bool own;
	EncryptedSource source;
	bytea *result;

	if (*isnull)
	{
		/* whoever sees the mask only, and writes it back, changes nothing */
		if (old != NULL && !old_null &&
			(encrypted_uses(column->category) & (USE_WRITE | USE_PROJECT | USE_MASK)) == USE_MASK)
		{
			*isnull = false;
			*changed = true;
			return before;
		}
		if (old != NULL && !old_null)
			encrypted_require_use(column->category, USE_WRITE, "write");
		return value;
	}
	same = old != NULL && !old_null && datumIsEqual(before, value, false, -1);
	/* also where whom the row was about is gone, and a foreign key says so */
	if (same && (!moved || binding == NULL))
		return value;
	if (binding == NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("a row of \"%s\" about nobody cannot hold encrypted values",
							   RelationGetRelationName(relation)),
						errdetail("They are encrypted under the key of a subject.")));
	binding->category = column->category;
	binding->tagged = column->searchable;
	stored = PG_DETOAST_DATUM_PACKED(value);
	encrypted_header_of(stored, column->code, &header);
	left_alone = same || comes_along;
	if (!left_alone)
		encrypted_require_use(column->category, USE_WRITE, "write");
	as_it_is = column->typmod < 0 && header.tagged == column->searchable;
	if (is_bound_to(&header, binding) && (left_alone || as_it_is || encrypted_passes_unopened()))
	{
		if (column->searchable && !header.tagged)
			refuse_untagged(relation, column->number);
		return value;
	}
	if (header.bound)
		refuse_lower(relation, column, &header);
	source = header.bound ? sealed_source(info->sealed, &header) : SOURCE_TYPED;
	own = header.bound && source == SOURCE_TYPED;
	if (header.bound && !is_bound_to(&header, binding) &&
		(header.category != column->category || header.domain != binding->domain ||
		 !(same || own)) &&
		!read_as_literal(column->code, &stored, &header))
		refuse_bound(relation, column->number);
	/* whether it fits tells of what is inside; so does a tag.  What was sealed here has been asked for */
	if (header.bound && !left_alone && source == SOURCE_ELSEWHERE && !as_it_is)
	{
		encrypted_require_use(column->category, USE_PROJECT | USE_FILTER, "read");
		if (!row_security_bypassed() && !encrypted_can_open(&header))
			refuse_closed(relation, column->number);
	}
	/* what was read as a literal is one now */
	if (!header.bound)
		source = SOURCE_TYPED;
	else if (source == SOURCE_ELSEWHERE)
		source = SOURCE_STORED;
	result = reseal(&info->domain, &header, binding, left_alone ? -1 : column->typmod);
	if (result == NULL)
		refuse_bound(relation, column->number);
	encrypted_header((struct varlena *) result, &header);
	sealed_remember(info->sealed, &header, source);
	*changed = true;
	return PointerGetDatum(result);
}

/*
 * Has a trigger made NULL of a column that the statement does not set?  Who sees the mask, or a
 * value that is not opened, has not meant it: another trigger has computed it from what it saw.
 */
static bool
is_of_mask(const TriggerData *trigger, const EncryptedColumn *column)
{
	Relation relation = trigger->tg_relation;
	int uses;
	Datum before;
	bool isnull;
	EncryptedHeader header;

	if (bms_is_member(column->number - FirstLowInvalidHeapAttributeNumber, trigger->tg_updatedcols))
		return false;
	uses = encrypted_uses(column->category);
	if ((uses & (USE_PROJECT | USE_FILTER)) == 0)
		return (uses & USE_MASK) != 0;
	before =
		heap_getattr(trigger->tg_trigtuple, column->number, RelationGetDescr(relation), &isnull);
	if (isnull)
		return false;
	encrypted_header_of(PG_DETOAST_DATUM_PACKED(before), column->code, &header);
	return !encrypted_can_open(&header);
}

/* encrypted_row -- BEFORE INSERT OR UPDATE trigger of tables with encrypted columns */
Datum
encrypted_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation relation;
	TupleDesc descriptor;
	HeapTuple old;
	HeapTuple row;
	RowInfo *info;
	EncryptedHeader binding = {0};
	bool moved = false;
	bool comes_along;
	Datum key;
	bool key_null;
	int numbers[MaxHeapAttributeNumber];
	Datum values[MaxHeapAttributeNumber];
	bool nulls[MaxHeapAttributeNumber];
	int n = 0;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("encrypted_row: not called by its trigger")));
	relation = trigger->tg_relation;
	descriptor = RelationGetDescr(relation);
	/*
	 * Rows of a dump come, before those that say what is protected: nothing that is of no subject
	 * does (guard_bound.c).
	 */
	if (row_security_bypassed() && protected_relation(RelationGetRelid(relation)) == NULL)
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple :
																			trigger->tg_trigtuple);
	info = row_info(fcinfo, relation);
	old = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_trigtuple : NULL;
	row = old != NULL ? trigger->tg_newtuple : trigger->tg_trigtuple;
	key = heap_getattr(row, info->subject, descriptor, &key_null);
	if (!key_null)
		bind_subject(&info->domain, key, info->subject_type, &binding);
	if (old != NULL)
	{
		EncryptedHeader before = {0};
		bool before_null;
		Datum before_key = heap_getattr(old, info->subject, descriptor, &before_null);

		if (!before_null)
			bind_subject(&info->domain, before_key, info->subject_type, &before);
		moved = before_null != key_null || position_compare(&before.subject, &binding.subject) != 0;
	}
	comes_along =
		old == NULL && relation->rd_rel->relispartition && was_updated(info, row, descriptor);
	for (int i = 0; i < info->n; i++)
	{
		EncryptedColumn *column = &info->columns[i];
		bool isnull;
		bool changed = false;
		Datum value = heap_getattr(row, column->number, descriptor, &isnull);

		if (isnull && old != NULL && is_of_mask(trigger, column))
		{
			value = heap_getattr(old, column->number, descriptor, &isnull);
			changed = !isnull;
		}
		value = column_value(relation, info, column, key_null ? NULL : &binding, old, moved,
							 comes_along, value, &isnull, &changed);
		if (!changed)
			continue;
		numbers[n] = column->number;
		values[n] = value;
		nulls[n++] = isnull;
	}
	if (n > 0)
		row = heap_modify_tuple_by_cols(row, descriptor, n, numbers, values, nulls);
	if (old != NULL && relation->rd_rel->relispartition)
		remember_row(info, row, descriptor);
	return PointerGetDatum(row);
}

/* ---- what is stored (encrypt_column, decrypt_column) ---- */

/* make_keys() RETURNS void -- for the extension itself */
Datum
make_keys(PG_FUNCTION_ARGS)
{
	keyring_create();
	PG_RETURN_VOID();
}

static void
require_extension(void)
{
	if (!catalog_works())
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only privseg.encrypt_column() and privseg.decrypt_column() do that")));
}

/* a base type's value, the subject's key, its table, the category's number, searchable? */
static Datum
encrypt_stored(FunctionCallInfo fcinfo, EncryptedCode code)
{
	const ProtectedRelation *domain;
	EncryptedHeader binding = {0};
	int64 fixed;
	const void *plain;
	size_t len;

	require_extension();
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	domain = subject_domain(PG_GETARG_OID(2));
	if (domain == NULL || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("a row about nobody cannot hold encrypted values"),
						errdetail("They are encrypted under the key of a subject.")));
	bind_subject(domain, PG_GETARG_DATUM(1), get_fn_expr_argtype(fcinfo->flinfo, 1), &binding);
	binding.category = PG_GETARG_INT32(3);
	binding.tagged = PG_GETARG_BOOL(4);
	plain = encrypted_plain(code, PG_GETARG_DATUM(0), &fixed, &len);
	PG_RETURN_BYTEA_P(seal_plain(domain, code, binding, plain, len));
}

/* the base type's value, whoever may read it; NULL where the subject's key is gone */
static Datum
decrypt_stored(FunctionCallInfo fcinfo, EncryptedCode code)
{
	struct varlena *stored;
	EncryptedHeader header;
	const ProtectedRelation *domain;
	size_t prefix = encrypted_types[code].length < 0 ? VARHDRSZ : 0;
	char *plain;

	require_extension();
	stored = PG_GETARG_VARLENA_PP(0);
	encrypted_header_of(stored, code, &header);
	domain = header.bound ? keyring_domain(header.domain) : NULL;
	/* with its subject table went the keys; or the table was restored alone */
	if (header.bound && domain == NULL)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_NOT_READY),
			 errmsg("encrypted values are of a subject table that this database does not know"),
			 errdetail("Their keys went with it, or are in the database that they come from."),
			 errhint(
				 "Restore that database as a whole, and copy from there what is to be kept; or drop the column.")));
	plain = palloc(prefix + Max(header.plain_len, 8));
	if (!encrypted_unseal(&header, domain, plain + prefix))
		PG_RETURN_NULL();
	if (prefix > 0)
		SET_VARSIZE(plain, prefix + header.plain_len);
	PG_RETURN_DATUM(encrypted_base_datum(code, plain));
}

#define STORED(name, code)                            \
	PG_FUNCTION_INFO_V1(encrypted_##name##_stored);   \
	Datum encrypted_##name##_stored(PG_FUNCTION_ARGS) \
	{                                                 \
		return encrypt_stored(fcinfo, code);          \
	}                                                 \
	PG_FUNCTION_INFO_V1(encrypted_##name##_plain);    \
	Datum encrypted_##name##_plain(PG_FUNCTION_ARGS)  \
	{                                                 \
		return decrypt_stored(fcinfo, code);          \
	}                                                 \
	extern int no_such_variable

STORED(text, ENCRYPTED_TEXT);
STORED(numeric, ENCRYPTED_NUMERIC);
STORED(bigint, ENCRYPTED_BIGINT);
STORED(integer, ENCRYPTED_INTEGER);
STORED(double, ENCRYPTED_DOUBLE);
STORED(date, ENCRYPTED_DATE);
STORED(timestamptz, ENCRYPTED_TIMESTAMPTZ);
STORED(boolean, ENCRYPTED_BOOLEAN);
STORED(jsonb, ENCRYPTED_JSONB);
