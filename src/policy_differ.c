/*
 * policy_differ.c
 *	  The aggregate enough_differ(key, cell, least, greatest): do enough data subjects of a group differ in
 *	  a column that another one is multiplied by, or none?
 *
 * A sum of products, and likewise corr() and its kin, is one person's value where all others have the same
 * factor: what the others make of it is the factor times a sum that may be asked for, too.  So, whatever
 * value the factor may have: those who have another one are nobody, or enough.  That can fail for
 * the commonest value only.
 *
 * The factor comes as a hash, twice: least and greatest of the rows of one subject, where a subquery has grouped
 * these.  While few subjects are known, each is kept with his factor; once there are
 * twice as many as are enough, one factor at most can be that of all but a few, and only those who differ
 * from it are kept, until they are enough.
 *
 * The answer is the cell's number plus one, or that below zero: enough_subjects, which is told of the pairs of
 * subjects and factors, keeps none of a product that is not shown (policy_enough.c).
 */
#include "compat.h"

#include "policy.h"
#include "policy_cohort.h"
#include "policy_reading.h"
#include "policy_weights.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(enough_differ_step);
PG_FUNCTION_INFO_V1(enough_differ_combine);
PG_FUNCTION_INFO_V1(enough_differ_serialize);
PG_FUNCTION_INFO_V1(enough_differ_deserialize);
PG_FUNCTION_INFO_V1(enough_differ_final);

typedef struct Subject
{
	uint64 key;
	uint64 factor;
	bool several; /* his rows have more than one */
	char status;  /* of the table */
} Subject;

#define SH_PREFIX subjects
#define SH_ELEMENT_TYPE Subject
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(table, subject) ((uint32) ((subject) ^ (subject) >> 32))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef enum Stage
{
	STAGE_ALL,    /* everybody is kept */
	STAGE_COMMON, /* those who differ from the common factor */
	STAGE_ENOUGH  /* nobody any more */
} Stage;

typedef struct Differing
{
	uint64 enough;
	uint64 cell;
	Stage stage;
	uint64 common;
	subjects_hash *subjects; /* NULL: enough differ */
} Differing;

static const char name[] = "enough_differ";

static Differing *
make_differing(MemoryContext context, uint64 enough, uint64 cell)
{
	Differing *differing = MemoryContextAllocZero(context, sizeof(Differing));

	differing->enough = enough;
	differing->cell = cell;
	differing->subjects = subjects_create(context, 16, NULL);
	return differing;
}

static void
forget_subjects(Differing *differing)
{
	subjects_destroy(differing->subjects);
	differing->subjects = NULL;
	differing->stage = STAGE_ENOUGH;
}

/* how many have the factor that most have in all their rows, while everybody is kept */
static uint64
count_common(const Differing *differing, uint64 *common)
{
	uint64 *factors = palloc(sizeof(uint64) * (differing->subjects->members + 1));
	uint64 n = 0;
	uint64 most = 0;
	uint64 run = 0;
	subjects_iterator iterator;
	const Subject *subject;

	subjects_start_iterate(differing->subjects, &iterator);
	while ((subject = subjects_iterate(differing->subjects, &iterator)) != NULL)
		if (!subject->several)
			factors[n++] = subject->factor;
	qsort(factors, n, sizeof(uint64), policy_compare_words);
	for (uint64 i = 0; i < n; i++)
	{
		run = i > 0 && factors[i] == factors[i - 1] ? run + 1 : 1;
		if (run > most)
		{
			most = run;
			*common = factors[i];
		}
	}
	pfree(factors);
	return most;
}

/* from now on only those who differ are kept */
static void
settle(Differing *differing)
{
	subjects_hash *all = differing->subjects;
	subjects_iterator iterator;
	const Subject *subject;
	bool found;

	if (all->members - count_common(differing, &differing->common) >= differing->enough)
	{
		forget_subjects(differing);
		return;
	}
	differing->stage = STAGE_COMMON;
	differing->subjects = subjects_create(all->ctx, 16, NULL);
	subjects_start_iterate(all, &iterator);
	while ((subject = subjects_iterate(all, &iterator)) != NULL)
		if (subject->several || subject->factor != differing->common)
			(void) subjects_insert(differing->subjects, subject->key, &found);
	subjects_destroy(all);
}

static void
add(Differing *differing, uint64 key, uint64 factor, bool several)
{
	Subject *subject;
	bool found;

	if (differing->stage == STAGE_ENOUGH ||
		(differing->stage == STAGE_COMMON && !several && factor == differing->common))
		return;
	subject = subjects_insert(differing->subjects, key, &found);
	if (differing->stage == STAGE_COMMON)
	{
		if (differing->subjects->members >= differing->enough)
			forget_subjects(differing);
		return;
	}
	subject->several = several || (found && (subject->several || subject->factor != factor));
	subject->factor = factor;
	if (differing->subjects->members >= 2 * differing->enough)
		settle(differing);
}

/* enough_differ_step(internal, bigint, privseg.group_cell, bigint, bigint) RETURNS internal */
Datum
enough_differ_step(PG_FUNCTION_ARGS)
{
	Differing *differing = PG_ARGISNULL(0) ? NULL : (Differing *) PG_GETARG_POINTER(0);

	if (differing == NULL)
	{
		MemoryContext context = reading_context(fcinfo, name);
		const PolicyReader *reader = policy_reader_of_statement(context);

		if (reader == NULL || PG_ARGISNULL(2))
			reading_refuse_call(name);
		differing = make_differing(context, (uint64) Max(reader->group_size, 1),
								   (uint64) PG_GETARG_INT64(2));
	}
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(3) && !PG_ARGISNULL(4))
		add(differing, (uint64) PG_GETARG_INT64(1), (uint64) PG_GETARG_INT64(3),
			PG_GETARG_INT64(3) != PG_GETARG_INT64(4));
	PG_RETURN_POINTER(differing);
}

static void
add_all(Differing *differing, const Differing *other)
{
	subjects_iterator iterator;
	const Subject *subject;

	subjects_start_iterate(other->subjects, &iterator);
	while ((subject = subjects_iterate(other->subjects, &iterator)) != NULL)
		add(differing, subject->key, subject->factor,
			subject->several || other->stage == STAGE_COMMON);
}

/* enough_differ_combine(internal, internal) RETURNS internal */
Datum
enough_differ_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = reading_context(fcinfo, name);
	Differing *differing = PG_ARGISNULL(0) ? NULL : (Differing *) PG_GETARG_POINTER(0);
	const Differing *other = PG_ARGISNULL(1) ? NULL : (Differing *) PG_GETARG_POINTER(1);

	if (other == NULL && differing == NULL)
		PG_RETURN_NULL();
	if (other == NULL)
		PG_RETURN_POINTER(differing);
	if (differing == NULL)
		differing = make_differing(context, other->enough, other->cell);
	if (differing->stage == STAGE_ENOUGH)
		PG_RETURN_POINTER(differing);
	/* more than enough have either's common factor */
	if (other->stage == STAGE_ENOUGH ||
		(other->stage == STAGE_COMMON && differing->stage == STAGE_COMMON &&
		 other->common != differing->common))
		forget_subjects(differing);
	else if (other->stage == STAGE_COMMON && differing->stage == STAGE_ALL)
	{
		Differing *both = make_differing(context, other->enough, other->cell);

		both->stage = STAGE_COMMON;
		both->common = other->common;
		add_all(both, other);
		add_all(both, differing);
		PG_RETURN_POINTER(both);
	}
	else
		add_all(differing, other);
	PG_RETURN_POINTER(differing);
}

/* what goes first, and then for each subject */
enum
{
	SERIAL_ENOUGH,
	SERIAL_CELL,
	SERIAL_STAGE,
	SERIAL_COMMON,
	SERIAL_WORDS
};
#define WORDS_OF_SUBJECT 3

/* enough_differ_serialize(internal) RETURNS bytea */
Datum
enough_differ_serialize(PG_FUNCTION_ARGS)
{
	const Differing *differing = (Differing *) PG_GETARG_POINTER(0);
	uint64 n = differing->subjects != NULL ? differing->subjects->members : 0;
	size_t size = sizeof(uint64) * (SERIAL_WORDS + n * WORDS_OF_SUBJECT);
	uint64 *words = palloc(size);
	uint64 *to = words + SERIAL_WORDS;
	bytea *result = palloc(VARHDRSZ + size);
	subjects_iterator iterator;
	const Subject *subject;

	(void) reading_context(fcinfo, name);
	words[SERIAL_ENOUGH] = differing->enough;
	words[SERIAL_CELL] = differing->cell;
	words[SERIAL_STAGE] = differing->stage;
	words[SERIAL_COMMON] = differing->common;
	if (n > 0)
	{
		subjects_start_iterate(differing->subjects, &iterator);
		while ((subject = subjects_iterate(differing->subjects, &iterator)) != NULL)
		{
			*to++ = subject->key;
			*to++ = subject->factor;
			*to++ = subject->several;
		}
	}
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), words, size);
	pfree(words);
	PG_RETURN_BYTEA_P(result);
}

/* enough_differ_deserialize(bytea, internal) RETURNS internal */
Datum
enough_differ_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	size_t size;
	uint64 *words;
	Differing *differing;

	(void) reading_context(fcinfo, name);
	bytes = PG_GETARG_BYTEA_PP(0);
	size = VARSIZE_ANY_EXHDR(bytes);
	words = palloc(size);
	memcpy(words, VARDATA_ANY(bytes), size);
	differing = make_differing(CurrentMemoryContext, words[SERIAL_ENOUGH], words[SERIAL_CELL]);
	differing->stage = (Stage) words[SERIAL_STAGE];
	differing->common = words[SERIAL_COMMON];
	if (differing->stage == STAGE_ENOUGH)
		forget_subjects(differing);
	for (uint64 at = SERIAL_WORDS; at < size / sizeof(uint64); at += WORDS_OF_SUBJECT)
	{
		bool found;
		Subject *subject = subjects_insert(differing->subjects, words[at], &found);

		subject->factor = words[at + 1];
		subject->several = words[at + 2] != 0;
	}
	pfree(words);
	PG_RETURN_POINTER(differing);
}

static bool
are_enough(const Differing *differing)
{
	uint64 others;
	uint64 common;
	uint64 most = 0;

	if (differing->stage == STAGE_ENOUGH)
		return true;
	if (differing->stage == STAGE_ALL)
	{
		most = count_common(differing, &common);
		/* no two have the same */
		if (most < 2)
			return true;
	}
	others = differing->subjects->members - most;
	return others == 0 || others >= differing->enough;
}

/* enough_differ_final(internal) RETURNS bigint */
Datum
enough_differ_final(PG_FUNCTION_ARGS)
{
	MemoryContext context = reading_context(fcinfo, name);
	const Differing *differing = PG_ARGISNULL(0) ? NULL : (Differing *) PG_GETARG_POINTER(0);
	const PolicyReader *reader = policy_reader_of_statement(context);
	int64 answer;

	if (reader == NULL || reader->reads == READS_NOTHING)
		reading_refuse_call(name);
	/* of no rows */
	if (differing == NULL)
		PG_RETURN_INT64(PG_INT64_MAX);
	answer = (int64) CELL_NUMBER(differing->cell) + 1;
	PG_RETURN_INT64(reader->reads == READS_ALL || are_enough(differing) ? answer : -answer);
}
