/*
 * consent_facts.c
 *	  Reads one subject's consent records, by index, as facts for the rule.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "consent.h"
#include "errors.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

struct FactReader
{
	Relation heap;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext context; /* the scan's: it keeps notes of its own */
	Oid domain;
	ConsentFact *facts;
	int size;
};

/*
 * fact_from_record -- the decision-relevant part of a row of consent_record.
 */
void
fact_from_record(Datum *values, bool *nulls, ConsentFact *fact)
{
	char *status = TextDatumGetCString(values[RECORD_STATUS - 1]);
	const char *word;

	fact->id = DatumGetInt64(values[RECORD_ID - 1]);
	fact->effective = DatumGetTimestampTz(values[RECORD_EFFECTIVE_AT - 1]);
	fact->recorded = DatumGetTimestampTz(values[RECORD_RECORDED_AT - 1]);
	fact->expires = nulls[RECORD_EXPIRES_AT - 1] ?
						DT_NOEND :
						DatumGetTimestampTz(values[RECORD_EXPIRES_AT - 1]);
	fact->kind = fact_kind_from_text(TextDatumGetCString(values[RECORD_KIND - 1]));
	fact->effect = status_effect(status, &word);
	fact->status = word ? word : "invalidated";
	fact->explicit = !nulls[RECORD_EXPLICIT - 1] && DatumGetBool(values[RECORD_EXPLICIT - 1]);

	if (nulls[RECORD_PURPOSE - 1])
		fact->purpose_id = FACT_EVERY_PURPOSE;
	else
	{
		char *name = TextDatumGetCString(values[RECORD_PURPOSE - 1]);
		Purpose purpose;

		fact->purpose_id = purpose_by_name(name, &purpose) ? purpose.id : FACT_NO_PURPOSE;
		pfree(name);
	}

	fact->notice_seq = 0;
	if (!nulls[RECORD_NOTICE - 1])
	{
		char *reference = TextDatumGetCString(values[RECORD_NOTICE - 1]);
		const Notice *notice = notice_by_reference(reference);

		if (notice != NULL)
			fact->notice_seq = notice->seq;
		else if (fact->effect == EFFECT_PERMIT)
		{
			/* a consent under a notice nobody published was not informed */
			fact->effect = EFFECT_STOP;
			fact->status = "invalidated";
		}
		pfree(reference);
	}
	pfree(status);
}

/*
 * facts_begin -- start reading facts of a domain under a snapshot, which must
 * stay valid until facts_end.
 */
FactReader *
facts_begin(Oid domain, Snapshot snapshot)
{
	FactReader *reader = palloc0(sizeof(FactReader));

	reader->heap = table_open(catalog_table_oid(CATALOG_CONSENT_RECORD), AccessShareLock);
	reader->index =
		index_open(catalog_table_oid(CATALOG_CONSENT_RECORD_SUBJECT_INDEX), AccessShareLock);
	reader->slot = table_slot_create(reader->heap, NULL);
	reader->scan = index_beginscan(reader->heap, reader->index, snapshot, 2, 0);
	reader->context = CurrentMemoryContext;
	reader->domain = domain;
	reader->size = 16;
	reader->facts = palloc(sizeof(ConsentFact) * reader->size);
	return reader;
}

/*
 * facts_of_subject -- all facts of one subject, sorted for consent_decide.
 * The array is the reader's and good until the next call.
 */
int
facts_of_subject(FactReader *reader, const char *canonical, ConsentFact **facts)
{
	ScanKeyData keys[2];
	int n = 0;
	text *subject = cstring_to_text(canonical);
	MemoryContext caller = CurrentMemoryContext;
	bool sorted = true;

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(reader->domain));
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
						   F_TEXTEQ, PointerGetDatum(subject));
	MemoryContextSwitchTo(reader->context);
	index_rescan(reader->scan, keys, 2, NULL, 0);
	while (index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot))
	{
		MemoryContextSwitchTo(caller);
		if (n == reader->size)
		{
			reader->size *= 2;
			reader->facts = repalloc_huge(reader->facts, sizeof(ConsentFact) * reader->size);
		}
		slot_getsomeattrs(reader->slot, RECORD_RECORDED_AT);
		fact_from_record(reader->slot->tts_values, reader->slot->tts_isnull, &reader->facts[n]);
		if (n > 0 && fact_compare(&reader->facts[n - 1], &reader->facts[n]) > 0)
			sorted = false;
		n++;
		MemoryContextSwitchTo(reader->context);
	}
	MemoryContextSwitchTo(caller);
	ExecClearTuple(reader->slot);
	if (!sorted)
		qsort(reader->facts, n, sizeof(ConsentFact), fact_compare);
	pfree(subject);
	*facts = reader->facts;
	return n;
}

/* facts_end -- close the reader */
void
facts_end(FactReader *reader)
{
	index_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	index_close(reader->index, AccessShareLock);
	table_close(reader->heap, AccessShareLock);
	pfree(reader->facts);
	pfree(reader);
}
