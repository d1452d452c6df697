/*
 * policy_weights.c
 *	  How many rows there are about each of a set of data subjects: for how many are there others, in
 *	  proportion, than in another answer about the same ones?
 *
 * A sum over rows weighs each subject by them.  Of two answers about the same people one subtracts any
 * multiple of the other: where all but a few have twice the rows, twice the one less the other tells of
 * these.  So what counts is for how many the proportion of both is not the one that most have.
 *
 * Of a small set the rows are kept, in the order of the subjects, which are the same.  Of a larger one
 * there are sketches (policy_sketch.c) of subjects with their rows, as a multiple of those that a
 * subject of reference has.  This is one whose hash is least, which nobody can tell.  Is he one of the
 * few, all others seem to differ; so there are as many references as make it unlikely that all of
 * them are: 1 in 2^16 where somebody could choose the few.  Multiples are taken in the sketches' field,
 * where each is a number of its own.
 */
#include "compat.h"

#include "policy_weights.h"
#include "port/pg_bitutils.h"

/* up to how many times `most` subjects are kept one by one */
#define SMALL 8
#define UNLIKELY_BITS 16
#define MAX_REFERENCES ((UNLIKELY_BITS + 2) / 3) /* where they are eight times as many */

/* what is kept of a reference */
typedef struct Reference
{
	uint64 others;       /* that have more rows than he has, or fewer */
	PolicySketch sketch; /* of subjects with their rows, where one of his is one */
} Reference;

static inline uint64
rows_of(const SketchSource *source, size_t i)
{
	uint64 rows = source->rows != NULL ? source->rows[i] % SKETCH_FIELD : 1;

	return rows != 0 ? rows : 1;
}

/* 1 / x, by Fermat's little theorem */
static uint64
inverse(uint64 x)
{
	uint64 result = 1;

	for (uint64 exponent = SKETCH_FIELD - 2; exponent > 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = sketch_multiply(result, x);
		x = sketch_multiply(x, x);
	}
	return result;
}

static int
n_references(uint64 subjects, int most)
{
	int bits;

	if (subjects <= (uint64) SMALL * most)
		return 0;
	bits = pg_leftmost_one_pos64(subjects / most);
	return (UNLIKELY_BITS + bits - 1) / bits;
}

/* its sketch tells twice as many: who has other rows is in both, with each */
static size_t
reference_size(int most)
{
	return offsetof(Reference, sketch) + policy_sketch_size(2 * most);
}

static Reference *
reference(const PolicyWeights *weights, int i)
{
	return (Reference *) ((char *) weights->data + i * reference_size(weights->most));
}

/* policy_weights_size -- in bytes, of so many subjects; differences below `most` are told */
size_t
policy_weights_size(uint64 subjects, int most)
{
	int references = n_references(subjects, most);

	return offsetof(PolicyWeights, data) +
		   (references == 0 ? sizeof(uint64) * subjects : references * reference_size(most));
}

/* policy_weights_bytes -- the size of some that are there */
size_t
policy_weights_bytes(const PolicyWeights *weights)
{
	return policy_weights_size(weights->subjects, weights->most);
}

/* ---- of a small set ---- */

typedef struct Kept
{
	uint64 subject;
	uint64 rows;
} Kept;

static int
compare_kept(const void *a, const void *b)
{
	uint64 left = ((const Kept *) a)->subject;
	uint64 right = ((const Kept *) b)->subject;

	return left < right ? -1 : left > right;
}

static void
keep(PolicyWeights *weights, const SketchSource *source)
{
	Kept *kept = palloc(sizeof(Kept) * weights->subjects);
	uint64 n = 0;

	for (size_t i = 0; i < source->places; i++)
		if (source->subjects[i] != 0)
			kept[n++] = (Kept){source->subjects[i], rows_of(source, i)};
	Assert(n == weights->subjects);
	qsort(kept, n, sizeof(Kept), compare_kept);
	for (uint64 i = 0; i < n; i++)
		weights->data[i] = kept[i].rows;
	pfree(kept);
}

/* policy_compare_words -- for qsort() */
int
policy_compare_words(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a;
	uint64 right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

/* all but those who have the proportion that most have */
static int
kept_differ(const PolicyWeights *a, const PolicyWeights *b, int most)
{
	uint64 n = a->subjects;
	uint64 *proportions = palloc(sizeof(uint64) * n);
	uint64 alike = 0;

	for (uint64 i = 0; i < n; i++)
		proportions[i] = b != NULL ? sketch_multiply(a->data[i], inverse(b->data[i])) : a->data[i];
	qsort(proportions, n, sizeof(uint64), policy_compare_words);
	for (uint64 i = 0, first = 0; i < n; i++)
	{
		if (proportions[i] != proportions[first])
			first = i;
		alike = Max(alike, i - first + 1);
	}
	pfree(proportions);
	return (int) Min(n - alike, (uint64) most);
}

/* ---- of a larger one ---- */

/* those whose hashes are least, in order: the same of the same subjects */
static void
choose_references(const SketchSource *source, int n, uint64 rows[])
{
	uint64 least[MAX_REFERENCES];
	int chosen = 0;

	for (size_t i = 0; i < source->places; i++)
	{
		uint64 subject = source->subjects[i];
		int at = chosen;

		if (subject == 0 || (chosen == n && subject > least[n - 1]))
			continue;
		if (chosen < n)
			chosen++;
		else
			at--;
		for (; at > 0 && least[at - 1] > subject; at--)
		{
			least[at] = least[at - 1];
			rows[at] = rows[at - 1];
		}
		least[at] = subject;
		rows[at] = rows_of(source, i);
	}
}

static void
compare_with_reference(Reference *reference, uint64 rows, int most, const SketchSource *source)
{
	SketchSource in_his = *source;

	in_his.unit = inverse(rows);
	reference->others = 0;
	for (size_t i = 0; i < source->places; i++)
		reference->others += source->subjects[i] != 0 && rows_of(source, i) != rows;
	policy_sketch_make(&reference->sketch, 2 * most, &in_his, true);
}

static int
references_differ(const PolicyWeights *a, const PolicyWeights *b, int most)
{
	int n = b != NULL ? Min(a->references, b->references) : a->references;
	int least = most;

	for (int i = 0; i < n; i++)
	{
		const Reference *mine = reference(a, i);
		int differ;

		if (b == NULL)
			differ = (int) Min(mine->others, (uint64) most);
		else
			differ =
				(policy_sketch_differ(&mine->sketch, &reference(b, i)->sketch, 2 * most) + 1) / 2;
		least = Min(least, differ);
	}
	return least;
}

/*
 * policy_weights_make -- policy_weights_size() bytes
 *	subjects	how many the source has
 */
void
policy_weights_make(PolicyWeights *weights, uint64 subjects, int most, const SketchSource *source)
{
	uint64 rows[MAX_REFERENCES];

	weights->subjects = subjects;
	weights->most = most;
	weights->references = n_references(subjects, most);
	if (weights->references == 0)
	{
		keep(weights, source);
		return;
	}
	choose_references(source, weights->references, rows);
	for (int i = 0; i < weights->references; i++)
		compare_with_reference(reference(weights, i), rows[i], most, source);
}

/*
 * policy_weights_differ -- of how many subjects are the rows not in the proportion that most have?
 *	a, b	of the same subjects; NULL: each has one row
 *	most	more than this does not matter: it is returned
 */
int
policy_weights_differ(const PolicyWeights *a, const PolicyWeights *b, int most)
{
	if (a == NULL && b == NULL)
		return 0;
	if (a == NULL)
		return policy_weights_differ(b, NULL, most);
	/* the purpose has had another size of groups meanwhile: it is not known */
	if (b != NULL && (a->references == 0) != (b->references == 0))
		return Min(1, most);
	return a->references == 0 ? kept_differ(a, b, most) : references_differ(a, b, most);
}
