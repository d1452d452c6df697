/*
 * encrypted_sealed.c
 *	  The last values that an execution has sealed, by their MACs.
 *
 * The row that ON CONFLICT calls EXCLUDED has been through the trigger: what was typed is bound to that
 * row's subject by then, and looks like any stored value.  It may go into the row that is there, and
 * whoever has typed it is told it.
 *
 * Trigger and expressions of one execution are compiled in the same memory context: by it the list is
 * found, whatever statements have run in between.
 */
#include "compat.h"

#include "encrypted.h"

typedef struct Sealed
{
	EncryptedSource source;
	uint8 mac[AEAD_MAC_BYTES];
} Sealed;

struct SealedList
{
	struct SealedList *next;
	MemoryContext execution;
	MemoryContextCallback callback;
	int at;
	int n;
	Sealed values[FLEXIBLE_ARRAY_MEMBER];
};

/* of the executions that run, one for each relation they write to */
static SealedList *lists = NULL;

static void
forget(void *argument)
{
	for (SealedList **place = &lists; *place != NULL; place = &(*place)->next)
		if (*place == argument)
		{
			*place = (*place)->next;
			return;
		}
}

/*
 * sealed_begin -- a list for one execution of a relation's trigger.
 *	columns	that are encrypted.  A conflict is about the row before, which brings as many values, while
 *			as many are sealed again.
 */
SealedList *
sealed_begin(MemoryContext execution, int columns)
{
	int n = 2 * columns;
	SealedList *list =
		MemoryContextAllocZero(execution, offsetof(SealedList, values) + n * sizeof(Sealed));

	list->execution = execution;
	list->n = n;
	list->callback.func = forget;
	list->callback.arg = list;
	MemoryContextRegisterResetCallback(execution, &list->callback);
	list->next = lists;
	lists = list;
	return list;
}

static const uint8 *
mac_of(const EncryptedHeader *header)
{
	return header->sealed + header->sealed_len - AEAD_MAC_BYTES;
}

void
sealed_remember(SealedList *list, const EncryptedHeader *header, EncryptedSource source)
{
	list->at = (list->at + 1) % list->n;
	list->values[list->at].source = source;
	memcpy(list->values[list->at].mac, mac_of(header), AEAD_MAC_BYTES);
}

/* sealed_source -- where what is inside came from; SOURCE_ELSEWHERE: it was not sealed here */
EncryptedSource
sealed_source(const SealedList *list, const EncryptedHeader *header)
{
	for (int i = 0; i < list->n; i++)
		if (memcmp(list->values[i].mac, mac_of(header), AEAD_MAC_BYTES) == 0)
			return list->values[i].source;
	return SOURCE_ELSEWHERE;
}

/* sealed_as_typed -- has an execution sealed a value that it was told, or had read and might? */
bool
sealed_as_typed(MemoryContext execution, const EncryptedHeader *header)
{
	for (const SealedList *list = lists; list != NULL; list = list->next)
		if (list->execution == execution && sealed_source(list, header) == SOURCE_TYPED)
			return true;
	return false;
}
