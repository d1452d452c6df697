/*
 * policy_cohort.c
 *	  The cohorts whose aggregates a role has been told, and the refusal of one that differs
 *	  from another by too few subjects.
 *
 * Two sums over nearly the same people tell what they are of those few.  So a cohort is compared
 * with all that were answered to the same role, under the same purpose, about subjects of the same
 * table within privseg.differencing_window: as sketches (policy_sketch.c).  Not refused is
 *
 * - a question that was answered for the other cohort before, in another execution: who asks the
 *   same tomorrow learns what has changed, which is what a report is for;
 * - a group of the same GROUP BY as the other one, if that was answered for nothing else, and the
 *   planner has found that no row of a person is in two of its groups.  This goes by the reading of
 *   its input, not by the place in the statement: a subquery is read for each row outside, over
 *   other rows every time;
 * - the rows of a group that have a value for a column, beside the group, and those that have one for
 *   another column: who has none was not chosen by the statement.
 *
 * Cohorts of the same people are not the same if the rows differ: the sum over all orders but one
 * tells what that one was.  So how many rows there are about each is kept, too (policy_weights.c).
 *
 * *Why shared memory:* a row in a table is gone with ROLLBACK, and a standby writes none.  What it
 * costs: a restart forgets.
 *
 * Where the history of a role is full, a cohort that is not in it is refused.
 *
 * Locking: the partition of a history in the hash table is locked from before the first comparison
 * until the cohort is written, so two sessions do not pass each other.  What raises within leaves
 * a history as it is: the memory is there before anything is linked, and core releases the lock.
 */
#include "compat.h"

#include "access/parallel.h"
#include "consent.h"
#include "crypto.h"
#include "errors.h"
#include "guc.h"
#include "lib/dshash.h"
#include "miscadmin.h"
#include "policy_cohort.h"
#include "policy_sketch.h"
#include "policy_weights.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/dsa.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MAX_QUESTIONS 8
#define MAX_COLUMNS 8

typedef struct Question
{
	uint64 hash;
	uint64 execution; /* in which it was answered first */
} Question;

typedef struct Cohort
{
	CohortPlace place;
	bool mixed;   /* it was answered in another reading, too */
	bool several; /* in another group of it */
	bool cells;   /* in another cell */
	int n_questions;
	int n_columns; /* more than MAX_COLUMNS: any */
	uint32 columns[MAX_COLUMNS];
	CohortGroup group;
	Question questions[MAX_QUESTIONS]; /* the one answered last at the end */
	bool plain;                        /* each subject has one row */
	PolicySketch sketch;               /* of the subjects; behind it, their rows: weights_of() */
} Cohort;

/* compared as bytes: it has no padding */
typedef struct HistoryKey
{
	Oid database;
	Oid role;
	int32 purpose;
	Oid domain;
	uint32 also;
} HistoryKey;

typedef struct HistoryItem
{
	uint64 subjects;
	TimestampTz at; /* when it was answered last */
	dsa_pointer cohort;
} HistoryItem;

typedef struct History
{
	HistoryKey key;
	uint32 n;
	uint32 places;
	uint64 bytes;
	TimestampTz window; /* in microseconds, as it was when somebody asked last */
	dsa_pointer items;
} History;

typedef struct CohortShared
{
	uint64 secret[2]; /* keys the hashes of subjects */
	int tranche;
	LWLock lock; /* of the two handles */
	dsa_handle area;
	dshash_table_handle table;
	pg_atomic_uint64 processes;                  /* that have numbered something */
	PolicyRepeat running[FLEXIBLE_ARRAY_MEMBER]; /* of each leader, by backend id */
} CohortShared;

static CohortShared *shared = NULL;
static dsa_area *area = NULL;
static dshash_table *histories = NULL;

/* cohort_shmem_size -- what to ask for in the request hook */
Size
cohort_shmem_size(void)
{
	return add_size(offsetof(CohortShared, running),
					mul_size(sizeof(PolicyRepeat), MaxBackends + 1));
}

/* cohort_shmem_startup -- create or attach; from the shmem startup hook */
void
cohort_shmem_startup(void)
{
	bool found;

	shared = ShmemInitStruct("privseg cohorts", cohort_shmem_size(), &found);
	if (!found)
	{
		MemSet(shared, 0, cohort_shmem_size());
		crypto_random(shared->secret, sizeof(shared->secret));
		shared->tranche = LWLockNewTrancheId();
		LWLockInitialize(&shared->lock, shared->tranche);
		shared->area = DSM_HANDLE_INVALID;
		pg_atomic_init_u64(&shared->processes, 0);
	}
	LWLockRegisterTranche(shared->tranche, "privseg cohorts");
}

/* cohort_secret -- two words, the same for all while the server runs */
const uint64 *
cohort_secret(void)
{
	return shared->secret;
}

/* cohort_number -- one that nothing else has had since the start; never 0 */
uint64
cohort_number(void)
{
	static uint64 process = 0;
	static uint32 count = 0;

	if (process == 0 || count == PG_UINT32_MAX)
	{
		process = pg_atomic_add_fetch_u64(&shared->processes, 1);
		count = 0;
	}
	return process << 32 | ++count;
}

/* policy_repeat_running -- what parallel workers are told */
PolicyRepeat
policy_repeat_running(void)
{
	PolicyRepeat none = {0};

	if (shared == NULL || MyBackendId <= 0 || MyBackendId > MaxBackends)
		return none;
	return shared->running[MyBackendId];
}

/* policy_repeat_publish -- tell them: what runs now */
void
policy_repeat_publish(PolicyRepeat repeat)
{
	if (shared != NULL && MyBackendId > 0 && MyBackendId <= MaxBackends)
		shared->running[MyBackendId] = repeat;
}

/*
 * policy_repeat_begins -- an execution begins
 *	question	that it asks
 *	in_worker	a parallel worker's own statement: it is its leader's
 */
PolicyRepeat
policy_repeat_begins(PolicyQuestion question, bool in_worker)
{
	PolicyRepeat repeat = {.question = question};

	/* the library is not preloaded: nothing is answered */
	if (shared == NULL)
		return repeat;
	if (in_worker && ParallelLeaderBackendId > 0 && ParallelLeaderBackendId <= MaxBackends)
		repeat = shared->running[ParallelLeaderBackendId];
	if (repeat.execution == 0)
		repeat.execution = cohort_number();
	return repeat;
}

/* ---- histories ---- */

/* the hash table of all; made by whoever needs it first */
static void
attach(void)
{
	MemoryContext caller;
	dshash_parameters parameters = {.key_size = sizeof(HistoryKey),
									.entry_size = sizeof(History),
									.compare_function = dshash_memcmp,
									.hash_function = dshash_memhash};
	dsa_area *mapped;

	if (histories != NULL)
		return;
	parameters.tranche_id = shared->tranche;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	/* until it is pinned, an error undoes it */
	if (shared->area == DSM_HANDLE_INVALID)
	{
		mapped = dsa_create(shared->tranche);
		histories = dshash_create(mapped, &parameters, NULL);
		dsa_pin(mapped);
		shared->table = dshash_get_hash_table_handle(histories);
		shared->area = dsa_get_handle(mapped);
	}
	else
	{
		mapped = dsa_attach(shared->area);
		histories = dshash_attach(mapped, &parameters, shared->table, NULL);
	}
	dsa_pin_mapping(mapped);
	area = mapped;
	LWLockRelease(&shared->lock);
	MemoryContextSwitchTo(caller);
}

static bool
has_expired(const History *history, const HistoryItem *item, TimestampTz now)
{
	return item->at < now - history->window;
}

/* cohort_most -- what the sketches tell about: larger groups are compared like such */
int
cohort_most(const PolicyReader *reader)
{
	return Min(reader->group_size, SKETCH_MOST / 2);
}

/* how many rows there are about each; NULL: one */
static PolicyWeights *
weights_of(const Cohort *cohort)
{
	return cohort->plain ?
			   NULL :
			   (PolicyWeights *) ((char *) &cohort->sketch + policy_sketch_bytes(&cohort->sketch));
}

static size_t
cohort_bytes(const Cohort *cohort)
{
	size_t bytes = offsetof(Cohort, sketch) + policy_sketch_bytes(&cohort->sketch);

	return cohort->plain ? bytes : bytes + policy_weights_bytes(weights_of(cohort));
}

/*
 * By how many people do two cohorts differ, at least?  In whom they are; and where these are the same,
 * in who has other rows.
 */
static int
people_differing(const Cohort *a, const Cohort *b, int most)
{
	int subjects = policy_sketch_differ(&a->sketch, &b->sketch, most);

	return subjects > 0 ? subjects : policy_weights_differ(weights_of(a), weights_of(b), most);
}

static Cohort *
make_cohort(const CohortAnswer *answer)
{
	int most = answer->most;
	bool plain = answer->source.rows == NULL;
	size_t first = policy_sketch_size(most);
	Cohort *cohort = palloc0(offsetof(Cohort, sketch) + first);

	cohort->place = answer->place;
	cohort->group = answer->group;
	cohort->plain = plain;
	if (answer->sketch != NULL)
		memcpy(&cohort->sketch, answer->sketch, policy_sketch_bytes(answer->sketch));
	else
		policy_sketch_make(&cohort->sketch, most, &answer->source, false);
	if (!plain)
	{
		uint64 subjects = cohort->sketch.subjects;

		cohort = repalloc(cohort,
						  offsetof(Cohort, sketch) + first + policy_weights_size(subjects, most));
		policy_weights_make(weights_of(cohort), subjects, most, &answer->source);
	}
	return cohort;
}

static void
forget(History *history, HistoryItem *items, uint32 i)
{
	const Cohort *cohort = dsa_get_address(area, items[i].cohort);

	history->bytes -= cohort_bytes(cohort) + sizeof(HistoryItem);
	dsa_free(area, items[i].cohort);
	items[i] = items[--history->n];
}

/* histories of others, of whom nobody may ask again: dropped roles, finished work */
static void
sweep(TimestampTz now)
{
	dshash_seq_status scan;
	History *history;

	dshash_seq_init(&scan, histories, true);
	while ((history = dshash_seq_next(&scan)) != NULL)
	{
		HistoryItem *items = history->places > 0 ? dsa_get_address(area, history->items) : NULL;

		for (uint32 i = history->n; i-- > 0;)
			if (has_expired(history, &items[i], now))
				forget(history, items, i);
		if (history->n > 0)
			continue;
		if (history->places > 0)
			dsa_free(area, history->items);
		dshash_delete_current(&scan);
	}
	dshash_seq_term(&scan);
}

static Question *
question_of(Cohort *cohort, uint64 hash)
{
	for (int i = 0; hash != 0 && i < cohort->n_questions; i++)
		if (cohort->questions[i].hash == hash)
			return &cohort->questions[i];
	return NULL;
}

static bool
is_same_group(const CohortGroup *a, const CohortGroup *b)
{
	return a->subjects == b->subjects && a->sum == b->sum;
}

static bool
is_of_column(const Cohort *cohort, uint32 column)
{
	for (int i = 0; i < Min(cohort->n_columns, MAX_COLUMNS); i++)
		if (cohort->columns[i] == column || cohort->columns[i] == POLICY_MOST_COLUMNS)
			return true;
	return column == POLICY_MOST_COLUMNS || cohort->n_columns > MAX_COLUMNS;
}

/* may a cohort be answered that differs from this one by few? */
static bool
may_differ(Cohort *cohort, const CohortAnswer *answer, uint64 execution)
{
	const Question *question = question_of(cohort, answer->question);

	if (question != NULL && question->execution != execution)
		return true;
	/* the same people, of whom some have no value: the statement has not chosen these */
	if (is_same_group(&cohort->group, &answer->group) && !is_of_column(cohort, answer->column))
		return true;
	if (answer->place.reading == 0 || cohort->mixed ||
		cohort->place.reading != answer->place.reading)
		return false;
	/* groups of one reading have no row in common */
	return (cohort->place.cell == answer->place.cell && !cohort->cells) ||
		   (cohort->place.group != answer->place.group && !cohort->several);
}

/* note that this very cohort was answered */
static void
note(Cohort *cohort, const CohortAnswer *answer, uint64 execution)
{
	Question *question = question_of(cohort, answer->question);
	Question noted = {answer->question, execution};

	if (!is_of_column(cohort, answer->column) && cohort->n_columns++ < MAX_COLUMNS)
		cohort->columns[cohort->n_columns - 1] = answer->column;
	if (cohort->place.reading != answer->place.reading)
		cohort->mixed = true;
	if (cohort->place.group != answer->place.group)
		cohort->several = true;
	if (cohort->place.cell != answer->place.cell)
		cohort->cells = true;
	if (answer->question == 0)
		return;
	if (question != NULL)
		noted = *question;
	else if (cohort->n_questions < MAX_QUESTIONS)
		question = &cohort->questions[cohort->n_questions++];
	else
		question = &cohort->questions[0];
	/* to the end */
	memmove(question, question + 1,
			(char *) &cohort->questions[cohort->n_questions] - (char *) (question + 1));
	cohort->questions[cohort->n_questions - 1] = noted;
}

/* an execution that ends with an error has answered, but is not one that may be repeated */
static void
forget_questions(History *history, uint64 execution)
{
	HistoryItem *items = history->places > 0 ? dsa_get_address(area, history->items) : NULL;

	for (uint32 i = 0; i < history->n; i++)
	{
		Cohort *cohort = dsa_get_address(area, items[i].cohort);

		for (int j = 0; j < cohort->n_questions; j++)
			if (cohort->questions[j].execution == execution)
				cohort->questions[j].hash = 0;
	}
}

/*
 * Compare a cohort with those of a history, and forget what is too old.  The place of the same
 * one, or -1.
 *	differs		set: from one by too few
 */
static int64
compare(History *history, const Cohort *cohort, const PolicyReader *reader,
		const CohortAnswer *answer, TimestampTz now, bool *differs)
{
	int most = answer->most;
	HistoryItem *items = history->places > 0 ? dsa_get_address(area, history->items) : NULL;
	int64 same = -1;

	*differs = false;
	for (uint32 i = 0; i < history->n;)
	{
		uint64 subjects = items[i].subjects;
		Cohort *other;
		int least;

		if (has_expired(history, &items[i], now))
		{
			forget(history, items, i);
			continue;
		}
		if (subjects >= cohort->sketch.subjects + most ||
			cohort->sketch.subjects >= subjects + most)
		{
			i++;
			continue;
		}
		other = dsa_get_address(area, items[i].cohort);
		least = people_differing(cohort, other, most);
		if (least == 0)
			same = is_same_group(&other->group, &cohort->group) ? (int64) i : same;
		else if (least < most && !may_differ(other, answer, reader->repeat.execution))
		{
			*differs = true;
			break;
		}
		i++;
	}
	return same;
}

/* room for one more; false: there is no memory */
static bool
make_room(History *history)
{
	uint32 places = history->places * 2;
	dsa_pointer items;

	if (history->n < history->places)
		return true;
	places = Max(places, 16);
	items = dsa_allocate_extended(area, sizeof(HistoryItem) * places,
								  DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
	if (!DsaPointerIsValid(items))
		return false;
	if (history->places > 0)
	{
		memcpy(dsa_get_address(area, items), dsa_get_address(area, history->items),
			   sizeof(HistoryItem) * history->n);
		dsa_free(area, history->items);
	}
	history->items = items;
	history->places = places;
	return true;
}

/* false: there is no room for it */
static bool
append(History *history, const Cohort *cohort, TimestampTz now)
{
	size_t bytes = cohort_bytes(cohort);
	dsa_pointer pointer;
	HistoryItem *item;

	if (history->bytes + bytes + sizeof(HistoryItem) >
			(uint64) guc_differencing_memory * UINT64CONST(1024) ||
		!make_room(history))
		return false;
	pointer = dsa_allocate_extended(area, bytes, DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
	if (!DsaPointerIsValid(pointer))
		return false;
	memcpy(dsa_get_address(area, pointer), cohort, bytes);
	item = (HistoryItem *) dsa_get_address(area, history->items) + history->n++;
	item->subjects = cohort->sketch.subjects;
	item->at = now;
	item->cohort = pointer;
	history->bytes += bytes + sizeof(HistoryItem);
	return true;
}

static void
refuse_difference(const PolicyReader *reader)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("the statement asks about nearly the same data subjects as an earlier one"),
		 errdetail(
			 "Together the two answers would tell of a group of fewer than %d, which purpose \"%s\" does not show.",
			 reader->group_size, reader->resolved.name),
		 errhint(
			 "Repeat the earlier statement as it was, ask for coarser groups, or wait until it is older than privseg.differencing_window.")));
}

static void
refuse_more(const PolicyReader *reader)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("role \"%s\" has been given as many answers under purpose \"%s\" as can be kept",
				GetUserNameFromId(reader->user, true), reader->resolved.name),
		 errdetail(
			 "Each group of an answer is compared with those of earlier ones until they are older than privseg.differencing_window."),
		 errhint("Wait, ask for fewer groups, or ask an administrator to raise "
				 "privseg.differencing_memory.")));
}

/* cohort_answer -- a group is about to be answered: keep that it was, or refuse */
void
cohort_answer(const PolicyReader *reader, const CohortAnswer *answer)
{
	HistoryKey key = {MyDatabaseId, reader->user, reader->resolved.id, answer->domain,
					  answer->also};
	uint64 execution = reader->repeat.execution;
	Cohort *cohort;
	History *history;
	TimestampTz now;
	bool found;
	bool differs;
	bool kept = true;
	int64 same;

	/* no two cohorts differ by at least one and fewer than one */
	if (guc_differencing_window == 0 || reader->group_size <= 1)
		return;
	cohort = make_cohort(answer);
	note(cohort, answer, execution);
	attach();
	now = GetCurrentTimestamp();
	history = dshash_find_or_insert(histories, &key, &found);
	if (!found)
	{
		history->n = 0;
		history->places = 0;
		history->bytes = 0;
		history->items = InvalidDsaPointer;
	}
	history->window = guc_differencing_window * USECS_PER_SEC;
	same = compare(history, cohort, reader, answer, now, &differs);
	if (!differs && same >= 0)
	{
		HistoryItem *items = dsa_get_address(area, history->items);

		items[same].at = now;
		note(dsa_get_address(area, items[same].cohort), answer, execution);
	}
	else if (!differs)
		kept = append(history, cohort, now);
	if (differs || !kept)
		forget_questions(history, execution);
	dshash_release_lock(histories, history);
	pfree(cohort);
	if (differs)
		refuse_difference(reader);
	if (!kept)
		refuse_more(reader);
	if (!found)
		sweep(now);
}
