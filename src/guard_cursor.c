/*
 * guard_cursor.c
 *	  Cursors that outlive their transaction.
 *
 * A cursor WITH HOLD keeps its rows, and FETCH hands them out without running
 * anything.  So who declared it is remembered with it, and asked again.
 */
#include "compat.h"

#include "errors.h"
#include "guard.h"
#include "usage.h"
#include "utils/memutils.h"
#include "utils/portal.h"

typedef struct HeldCursor
{
	struct HeldCursor *next;
	Portal portal;
	PolicyReader reader;
	MemoryContextCallback callback;
} HeldCursor;

static HeldCursor *held = NULL;

static void
cursor_ends(void *argument)
{
	HeldCursor **link = &held;

	while (*link != NULL && *link != argument)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

/* guard_cursor_declared -- after DECLARE CURSOR: remember one that reads protected rows */
void
guard_cursor_declared(const char *name)
{
	Portal portal = GetPortalByName(name);
	PolicyReads reads = READS_NOTHING;
	HeldCursor *cursor;
	MemoryContext old;
	ListCell *lc;

	if (!PortalIsValid(portal) || (portal->cursorOptions & CURSOR_OPT_HOLD) == 0)
		return;
	foreach (lc, portal->stmts)
		reads = Max(reads, guard_reads(lfirst_node(PlannedStmt, lc)));
	if (reads == READS_NOTHING)
		return;
	/* plpgsql fetches from what is kept without asking anybody */
	if (reads == READS_ALL)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("a cursor WITH HOLD would keep rows that row_security = off has shown"),
				 errhint("Declare it without HOLD, and fetch from it in its transaction.")));
	cursor = MemoryContextAllocZero(portal->portalContext, sizeof(HeldCursor));
	cursor->portal = portal;
	cursor->reader = policy_reader(reads);
	old = MemoryContextSwitchTo(portal->portalContext);
	cursor->reader.uses = usage_kept(linitial_node(PlannedStmt, portal->stmts));
	MemoryContextSwitchTo(old);
	cursor->callback.func = cursor_ends;
	cursor->callback.arg = cursor;
	cursor->next = held;
	held = cursor;
	MemoryContextRegisterResetCallback(portal->portalContext, &cursor->callback);
}

/* guard_cursor_fetched -- before FETCH or MOVE */
void
guard_cursor_fetched(const char *name)
{
	Portal portal = GetPortalByName(name);

	if (!PortalIsValid(portal) || portal->holdStore == NULL)
		return;
	for (HeldCursor *cursor = held; cursor != NULL; cursor = cursor->next)
		if (cursor->portal == portal)
			usage_reader_goes_on(&cursor->reader);
}
