/*
 * policy_enough.c
 *	  The aggregate enough_subjects(key, cell, rows): is a group about enough data subjects to be
 *	  shown to who may see aggregates only?
 *
 * The planner's tree is given calls of it.  The state is the set of the group's subjects, as
 * keyed hashes in a table of open addresses: not only how many they are is asked at the end, but
 * also whether nearly the same were answered before (policy_cohort.c).  With each goes how many rows
 * there are about him: the third argument says for how many a row stands.
 *
 * It is true or NULL, never false.  *Why:* core clears the values of the last group when an
 * aggregate's input is read anew, and not from one group to the next.  So a value that is never
 * "false, not NULL" tells the groups of one reading, which have no row in common, from those of
 * the next (begins_reading()).
 */
#include "compat.h"

#include "catalog.h"
#include "consent_key.h"
#include "policy.h"
#include "policy_cohort.h"
#include "policy_reading.h"
#include "policy_sketch.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(enough_subjects_integer);
PG_FUNCTION_INFO_V1(enough_subjects_uuid);
PG_FUNCTION_INFO_V1(enough_subjects_text);
PG_FUNCTION_INFO_V1(enough_subjects_combine);
PG_FUNCTION_INFO_V1(enough_subjects_serialize);
PG_FUNCTION_INFO_V1(enough_subjects_deserialize);
PG_FUNCTION_INFO_V1(enough_subjects_final);

/* ---- sets ---- */

#define FEW 6
#define WAITING 32
#define MIN_PLACES 64
#define LIST_PLACES 256
#define QUICK_PLACES 16384 /* up to which it grows by four */

typedef struct SubjectSet
{
	MemoryContext context; /* the group's */
	uint64 cell;
	uint64 n;
	uint64 places;           /* of the table; 0: there is none, the first n are */
	uint64 *subjects;        /* in a table, 0 is an empty place */
	uint64 *rows;            /* NULL: each has one, which is like any */
	struct Waiting *waiting; /* to be added, where there is a table */
	uint64 room;             /* in the list, where each comes once */
	uint64 sum;              /* of all that are in it: nearly every other set has another */
	PolicySketch *sketch;    /* then, of those who are no longer in it */
	uint64 few[FEW];
} SubjectSet;

/*
 * Large tables do not fit into the processor's caches.  So subjects wait until there are several,
 * whose places are fetched from memory together.
 */
typedef struct Waiting
{
	int n;
	uint64 subjects[WAITING];
	uint64 rows[WAITING];
} Waiting;

static SubjectSet *
make_set(MemoryContext context, uint64 cell)
{
	SubjectSet *set = MemoryContextAllocZero(context, sizeof(SubjectSet));

	set->context = context;
	set->cell = cell;
	set->subjects = set->few;
	set->room = FEW;
	return set;
}

static uint64 *
make_places(const SubjectSet *set, uint64 places)
{
	return MemoryContextAllocExtended(set->context, sizeof(uint64) * places,
									  MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);
}

/* his place, or the one that he would have */
static inline uint64
find(const uint64 *subjects, uint64 places, uint64 subject)
{
	uint64 at = subject & (places - 1);

	while (subjects[at] != 0 && subjects[at] != subject)
		at = (at + 1) & (places - 1);
	return at;
}

/* lay it out with so many places, a power of two */
static void
lay_out(SubjectSet *set, uint64 places)
{
	uint64 n = set->places != 0 ? set->places : set->n;
	uint64 *subjects = make_places(set, places);
	uint64 *rows = set->rows != NULL ? make_places(set, places) : NULL;

	for (uint64 i = 0; i < n; i++)
	{
		uint64 at;

		if (set->subjects[i] == 0)
			continue;
		at = find(subjects, places, set->subjects[i]);
		subjects[at] = set->subjects[i];
		if (rows != NULL)
			rows[at] = set->rows[i];
	}
	if (set->subjects != set->few)
		pfree(set->subjects);
	if (set->rows != NULL)
		pfree(set->rows);
	set->subjects = subjects;
	set->rows = rows;
	set->places = places;
}

/* from now on the rows of each are kept */
static pg_noinline void
keep_rows(SubjectSet *set)
{
	uint64 n = set->places != 0 ? set->places : FEW;

	set->rows = make_places(set, n);
	for (uint64 i = 0; i < n; i++)
		set->rows[i] = 1;
}

static inline void
put(SubjectSet *set, uint64 at, uint64 subject, uint64 rows)
{
	bool is_new = set->subjects[at] == 0;

	if (unlikely(set->rows == NULL && (!is_new || rows != 1)))
		keep_rows(set);
	if (is_new)
	{
		set->subjects[at] = subject;
		set->n++;
		set->sum += subject;
	}
	if (set->rows != NULL)
		set->rows[at] = is_new ? rows : set->rows[at] + rows;
}

/* make room for so many more */
static void
reserve(SubjectSet *set, uint64 more)
{
	uint64 places = Max(set->places, MIN_PLACES);

	while ((set->n + more) * 4 > places * 3)
		places *= places < QUICK_PLACES ? 4 : 2;
	if (places != set->places)
		lay_out(set, places);
}

/* add those that wait */
static pg_noinline void
catch_up(SubjectSet *set)
{
	Waiting *waiting = set->waiting;

	if (waiting == NULL)
		return;
	reserve(set, waiting->n);
	for (int i = 0; i < waiting->n; i++)
		__builtin_prefetch(&set->subjects[waiting->subjects[i] & (set->places - 1)], 1);
	if (set->rows != NULL)
		for (int i = 0; i < waiting->n; i++)
			__builtin_prefetch(&set->rows[waiting->subjects[i] & (set->places - 1)], 1);
	for (int i = 0; i < waiting->n; i++)
		put(set, find(set->subjects, set->places, waiting->subjects[i]), waiting->subjects[i],
			waiting->rows[i]);
	waiting->n = 0;
}

/* false: there is no room any more */
static bool
add_to_few(SubjectSet *set, uint64 subject, uint64 rows)
{
	uint64 at = 0;

	while (at < set->n && set->few[at] != subject)
		at++;
	if (at == FEW)
		return false;
	put(set, at, subject, rows);
	return true;
}

static uint64
n_subjects(const SubjectSet *set)
{
	return set->n + (set->sketch != NULL ? set->sketch->subjects : 0);
}

/* the list goes into the sketch: where each comes once, nobody is looked for in it again */
static void
fold_list(SubjectSet *set, int most)
{
	SketchSource source = {.subjects = set->subjects, .places = set->n};

	if (set->sketch == NULL)
	{
		set->sketch = MemoryContextAlloc(set->context, policy_sketch_size(most));
		policy_sketch_begin(set->sketch, most);
	}
	policy_sketch_add(set->sketch, &source, false);
	set->n = 0;
}

static pg_noinline void
make_room(SubjectSet *set)
{
	const PolicyReader *reader =
		set->room >= LIST_PLACES ? policy_reader_of_statement(set->context) : NULL;
	uint64 room = set->room < LIST_PLACES ? LIST_PLACES : set->room * 2;
	uint64 *subjects;

	if (reader != NULL && reader->group_size > 0)
	{
		fold_list(set, cohort_most(reader));
		return;
	}
	subjects = MemoryContextAllocExtended(set->context, sizeof(uint64) * room, MCXT_ALLOC_HUGE);
	memcpy(subjects, set->subjects, sizeof(uint64) * set->n);
	if (set->subjects != set->few)
		pfree(set->subjects);
	set->subjects = subjects;
	set->room = room;
}

/* a list will do, where each comes once: it is written in order, and nothing is waited for */
static inline void
append(SubjectSet *set, uint64 subject)
{
	if (unlikely(set->n == set->room))
		make_room(set);
	set->subjects[set->n++] = subject;
	set->sum += subject;
}

/*
 * add -- a subject's rows
 *	rows	what they sum up to
 */
static inline void
add(SubjectSet *set, uint64 subject, uint64 rows)
{
	Waiting *waiting = set->waiting;

	if (CELL_HAS(set->cell, POLICY_CELL_ONCE))
	{
		append(set, subject);
		return;
	}
	if (unlikely(waiting == NULL))
	{
		if (set->places == 0 && add_to_few(set, subject, rows))
			return;
		waiting = set->waiting = MemoryContextAllocZero(set->context, sizeof(Waiting));
	}
	if (waiting->n > 0 && waiting->subjects[waiting->n - 1] == subject)
	{
		waiting->rows[waiting->n - 1] += rows;
		return;
	}
	if (waiting->n == WAITING)
		catch_up(set);
	waiting->subjects[waiting->n] = subject;
	waiting->rows[waiting->n++] = rows;
}

static inline uint64
places_of(const SubjectSet *set)
{
	return set->places != 0 ? set->places : set->n;
}

/* ---- the aggregate ---- */

static const char name[] = "enough_subjects";

/* the first row of a group that has a key */
static pg_noinline SubjectSet *
begin(FunctionCallInfo fcinfo)
{
	MemoryContext context = reading_context(fcinfo, name);

	if (PG_ARGISNULL(2) || !OidIsValid(CELL_DOMAIN((uint64) PG_GETARG_INT64(2))))
		reading_refuse_call(name);
	return make_set(context, (uint64) PG_GETARG_INT64(2));
}

static inline Datum
add_key(FunctionCallInfo fcinfo, uint64 hash)
{
	SubjectSet *set = PG_ARGISNULL(0) ? begin(fcinfo) : (SubjectSet *) PG_GETARG_POINTER(0);

	add(set, policy_sketch_subject(hash), PG_ARGISNULL(3) ? 1 : (uint64) PG_GETARG_INT64(3));
	PG_RETURN_POINTER(set);
}

static Datum
without_key(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(0))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	/* rows about nobody else are known to be there */
	if (!PG_ARGISNULL(2) && CELL_HAS((uint64) PG_GETARG_INT64(2), POLICY_CELL_ALSO))
		PG_RETURN_POINTER(begin(fcinfo));
	PG_RETURN_NULL();
}

/* enough_subjects_step(internal, bigint, privseg.group_cell, bigint) RETURNS internal */
Datum
enough_subjects_integer(PG_FUNCTION_ARGS)
{
	const uint64 *secret = cohort_secret();

	if (PG_ARGISNULL(1))
		return without_key(fcinfo);
	return add_key(fcinfo, mix64((uint64) PG_GETARG_INT64(1) ^ secret[0]) + secret[1]);
}

/* enough_subjects_step(internal, uuid, privseg.group_cell, bigint) RETURNS internal */
Datum
enough_subjects_uuid(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		return without_key(fcinfo);
	return add_key(fcinfo, position_of_uuid(cohort_secret(), PG_GETARG_UUID_P(1)->data).hi);
}

/* enough_subjects_step(internal, text, privseg.group_cell, bigint) RETURNS internal */
Datum
enough_subjects_text(PG_FUNCTION_ARGS)
{
	text *key;
	uint64 hash;

	if (PG_ARGISNULL(1))
		return without_key(fcinfo);
	key = PG_GETARG_TEXT_PP(1);
	hash = position_of_text(cohort_secret(), VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)).hi;
	PG_FREE_IF_COPY(key, 1);
	return add_key(fcinfo, hash);
}

static uint64
sum_of_list(const SubjectSet *set)
{
	uint64 sum = 0;

	for (uint64 i = 0; i < places_of(set); i++)
		sum += set->subjects[i];
	return sum;
}

/* enough_subjects_combine(internal, internal) RETURNS internal */
Datum
enough_subjects_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = reading_context(fcinfo, name);
	SubjectSet *set = PG_ARGISNULL(0) ? NULL : (SubjectSet *) PG_GETARG_POINTER(0);
	SubjectSet *other = PG_ARGISNULL(1) ? NULL : (SubjectSet *) PG_GETARG_POINTER(1);

	if (other == NULL && set == NULL)
		PG_RETURN_NULL();
	if (other == NULL)
		PG_RETURN_POINTER(set);
	if (set == NULL)
		set = make_set(context, other->cell);
	catch_up(other);
	/* of those in a sketch, who are nobody's else; the others are added one by one */
	if (other->sketch != NULL)
		set->sum += other->sum - sum_of_list(other);
	if (other->sketch != NULL && set->sketch != NULL)
		policy_sketch_merge(set->sketch, other->sketch);
	else if (other->sketch != NULL)
	{
		set->sketch = MemoryContextAlloc(set->context, policy_sketch_bytes(other->sketch));
		memcpy(set->sketch, other->sketch, policy_sketch_bytes(other->sketch));
	}
	/* in the order of their places: a smaller table would fill up from its beginning */
	if (!CELL_HAS(set->cell, POLICY_CELL_ONCE) && other->n > FEW && other->n > set->n)
		reserve(set, other->n - set->n);
	for (uint64 i = 0; i < places_of(other); i++)
		if (other->subjects[i] != 0)
			add(set, other->subjects[i], other->rows != NULL ? other->rows[i] : 1);
	PG_RETURN_POINTER(set);
}

/* what goes first */
enum
{
	SERIAL_CELL,
	SERIAL_SUM,
	SERIAL_ROWS, /* are those of each subject kept? */
	SERIAL_SKETCH,
	SERIAL_WORDS
};

/*
 * enough_subjects_serialize(internal) RETURNS bytea: these words, the last of them the number of those
 * of a sketch, that, the subjects, the rows of each
 */
Datum
enough_subjects_serialize(PG_FUNCTION_ARGS)
{
	SubjectSet *set = (SubjectSet *) PG_GETARG_POINTER(0);
	size_t size;
	size_t sketched;
	bytea *result;
	uint64 *to;

	(void) reading_context(fcinfo, name);
	catch_up(set);
	sketched = set->sketch != NULL ? policy_sketch_bytes(set->sketch) / sizeof(uint64) : 0;
	size = sizeof(uint64) * (SERIAL_WORDS + sketched + set->n * (set->rows != NULL ? 2 : 1));
	/* raises where it would be longer than a value can be */
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	/* four bytes off: it is copied to where it can be read */
	to = palloc(size);
	to[SERIAL_CELL] = set->cell;
	to[SERIAL_SUM] = set->sum;
	to[SERIAL_ROWS] = set->rows != NULL;
	to[SERIAL_SKETCH] = sketched;
	if (sketched > 0)
		memcpy(to + SERIAL_WORDS, set->sketch, sizeof(uint64) * sketched);
	for (uint64 i = 0, n = SERIAL_WORDS + sketched; i < places_of(set); i++)
	{
		if (set->subjects[i] == 0)
			continue;
		if (set->rows != NULL)
			to[n + set->n] = set->rows[i];
		to[n++] = set->subjects[i];
	}
	memcpy(VARDATA(result), to, size);
	pfree(to);
	PG_RETURN_BYTEA_P(result);
}

/* enough_subjects_deserialize(bytea, internal) RETURNS internal: a list, to be combined */
Datum
enough_subjects_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	size_t size;
	uint64 *from;
	SubjectSet *set;

	(void) reading_context(fcinfo, name);
	bytes = PG_GETARG_BYTEA_PP(0);
	size = VARSIZE_ANY_EXHDR(bytes);
	from = palloc(size);
	memcpy(from, VARDATA_ANY(bytes), size);
	set = make_set(CurrentMemoryContext, from[SERIAL_CELL]);
	set->sum = from[SERIAL_SUM];
	if (from[SERIAL_SKETCH] > 0)
		set->sketch = (PolicySketch *) (from + SERIAL_WORDS);
	set->n = size / sizeof(uint64) - SERIAL_WORDS - from[SERIAL_SKETCH];
	set->subjects = from + SERIAL_WORDS + from[SERIAL_SKETCH];
	if (from[SERIAL_ROWS] != 0)
	{
		set->n /= 2;
		set->rows = set->subjects + set->n;
	}
	PG_RETURN_POINTER(set);
}

/* ---- the answer ---- */

/*
 * The group that some rows are those of which have a value: the call about all of them is answered
 * before.  Of any other it is the group itself.
 */
static CohortGroup
group_of(Reading *reading, const SubjectSet *set)
{
	CohortGroup own = {n_subjects(set), set->sum};
	/* but for the column, and whether that chooses */
	uint64 cell =
		set->cell & ~((uint64) POLICY_MOST_COLUMNS << 16) & ~((uint64) POLICY_CELL_CHOSEN << 28);

	for (int i = 0; i < reading->n_wholes; i++)
		if (reading->wholes[i].cell == cell)
			return reading->wholes[i].group;
	if (CELL_COLUMN(set->cell) == 0 && reading->n_wholes < MAX_WHOLES)
	{
		reading->wholes[reading->n_wholes].cell = cell;
		reading->wholes[reading->n_wholes++].group = own;
	}
	return own;
}

/* enough_subjects_final(internal) RETURNS boolean: true or NULL */
Datum
enough_subjects_final(PG_FUNCTION_ARGS)
{
	MemoryContext context = reading_context(fcinfo, name);
	SubjectSet *set = PG_ARGISNULL(0) ? NULL : (SubjectSet *) PG_GETARG_POINTER(0);
	const PolicyReader *reader = policy_reader_of_statement(context);
	Reading *reading;
	CohortAnswer answer;

	if (reader == NULL || reader->reads == READS_NOTHING || !IsA(fcinfo->context, AggState))
		reading_refuse_call(name);
	if (reader->reads == READS_ALL)
		PG_RETURN_BOOL(true);
	reading = reading_of((AggState *) fcinfo->context);
	if (set != NULL)
		catch_up(set);
	if (set != NULL && CELL_HAS(set->cell, POLICY_CELL_ALSO) &&
		(n_subjects(set) == 0 || reading_is_hidden((AggState *) fcinfo->context, set->cell)))
		PG_RETURN_BOOL(true);
	if (set == NULL || n_subjects(set) < (uint64) reader->group_size)
		PG_RETURN_NULL();
	if (set->sketch != NULL)
		fold_list(set, cohort_most(reader));
	answer.domain = CELL_DOMAIN(set->cell);
	answer.sketch = set->sketch;
	answer.source = (SketchSource){set->subjects, set->rows, places_of(set), 0};
	answer.place.reading = CELL_HAS(set->cell, POLICY_CELL_DISJOINT) ? reading->number : 0;
	answer.place.group = reading->group;
	answer.place.cell = CELL_NUMBER(set->cell);
	answer.also = CELL_HAS(set->cell, POLICY_CELL_ALSO) ? CELL_COLUMN(set->cell) : 0;
	answer.column = answer.also == 0 ? CELL_COLUMN(set->cell) : 0;
	answer.group = group_of(reading, set);
	answer.question = reading_question(reading, reader, set->cell);
	/* a subject who has another factor makes two */
	answer.most = cohort_most(reader) * (answer.also == POLICY_FACTORS ? 2 : 1);
	cohort_answer(reader, &answer);
	PG_RETURN_BOOL(true);
}
