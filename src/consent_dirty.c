/*
 * consent_dirty.c
 *	  Lists of subjects that are to be decided anew: in memory, and as they are
 *	  stored in a row of consent_delta or consent_agenda.
 */
#include "compat.h"

#include "consent.h"
#include "errors.h"
#include "utils/memutils.h"

/* dirty_add -- append a subject; its text is copied */
void
dirty_add(DirtyList *list, SubjectPosition position, const char *subject, int32 purpose_id)
{
	DirtySubject *item;

	if (list->count == list->size)
	{
		list->size = list->size ? list->size * 2 : 16;
		list->items = list->items == NULL ?
						  palloc(sizeof(DirtySubject) * list->size) :
						  repalloc_huge(list->items, sizeof(DirtySubject) * (Size) list->size);
	}
	item = &list->items[list->count++];
	item->position = position;
	item->subject = pstrdup(subject);
	item->purpose_id = purpose_id;
}

/* dirty_encode -- a list as it is stored: four bytes of length, the text, and so on */
bytea *
dirty_encode(char **subjects, int n)
{
	Size size = VARHDRSZ;
	bytea *result;
	char *at;

	for (int i = 0; i < n; i++)
		size += sizeof(uint32) + strlen(subjects[i]);
	result = palloc(size);
	SET_VARSIZE(result, size);
	at = VARDATA(result);
	for (int i = 0; i < n; i++)
	{
		uint32 length = strlen(subjects[i]);

		memcpy(at, &length, sizeof(length));
		memcpy(at + sizeof(length), subjects[i], length);
		at += sizeof(length) + length;
	}
	return result;
}

/* dirty_decode -- append those of a stored list that lie between two positions */
void
dirty_decode(const ProtectedRelation *domain, Datum stored, int32 purpose_id, uint64 lo, uint64 hi,
			 DirtyList *list)
{
	bytea *subjects = DatumGetByteaPP(stored);
	const char *at = VARDATA_ANY(subjects);
	const char *end = at + VARSIZE_ANY_EXHDR(subjects);

	while (at < end)
	{
		uint32 length;
		char *subject;
		SubjectPosition position;

		if ((Size) (end - at) < sizeof(length))
			break;
		memcpy(&length, at, sizeof(length));
		at += sizeof(length);
		if (length > (Size) (end - at))
			ereport(ERROR, (errcode(PRIVSEG_ERR_CORRUPT),
							errmsg("a list of subjects in privseg's tables is damaged"),
							errhint("Rebuild the consent set with privseg.rebuild_consent().")));
		subject = pnstrdup(at, length);
		at += length;
		position = subject_position(domain, subject);
		if (position.hi >= lo && position.hi <= hi)
			dirty_add(list, position, subject, purpose_id);
		pfree(subject);
	}
}
