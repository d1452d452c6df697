/*
 * policy_sketch.c
 *	  Random pairs of sets, whose difference the sketches must tell; and of rows of the same subjects.
 *
 * policy_sketch [PAIRS [SEED]]
 *
 * Never may sets that differ by fewer than `most` pass for sets that differ by as many, or by
 * none.  Where both sketches were made for groups of that size, what is told is exact.
 */
#include "postgres.h"

#include "policy_sketch.h"
#include "policy_weights.h"

#include <stdio.h>

static uint64 state;

static uint64
next(void)
{
	uint64 x = (state += UINT64CONST(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64
below(uint64 n)
{
	return n == 0 ? 0 : next() % n;
}

typedef struct Tally
{
	uint64 near;
	uint64 near_passed; /* must be 0 */
	uint64 near_wrong;  /* not the exact difference, of sketches of that size; must be 0 */
	uint64 far;
	uint64 far_refused; /* of sketches of that size; must be 0 */
	uint64 far_refused_folded;
	uint64 folded;
	uint64 weighed;
} Tally;

/* places with gaps, as in a hash table */
static size_t
spread(const uint64 *subjects, size_t n, uint64 *places)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
	{
		for (uint64 gaps = below(3); gaps > 0; gaps--)
			places[at++] = 0;
		places[at++] = subjects[i];
	}
	return at;
}

/* two sets of common subjects, and some that are in one only */
static void
try(int size_a, int size_b, int most, size_t common, size_t only_a, size_t only_b, Tally *tally)
{
	size_t n = common + only_a + only_b;
	uint64 *subjects = malloc(sizeof(uint64) * (n + 1));
	uint64 *places = malloc(sizeof(uint64) * (3 * n + 4));
	PolicySketch *a = malloc(policy_sketch_size(size_a));
	PolicySketch *b = malloc(policy_sketch_size(size_b));
	size_t differ = only_a + only_b;
	bool same_size = size_a == most && size_b == most;
	int told;

	for (size_t i = 0; i < n; i++)
		subjects[i] = policy_sketch_subject(next());
	policy_sketch_make(a, size_a, &(SketchSource){places, NULL, spread(subjects, common + only_a, places), 0}, false);
	memmove(subjects + common, subjects + common + only_a, sizeof(uint64) * only_b);
	policy_sketch_make(b, size_b, &(SketchSource){places, NULL, spread(subjects, common + only_b, places), 0}, true);
	told = policy_sketch_differ(a, b, most);
	if (told != policy_sketch_differ(b, a, most))
		tally->near_wrong++;
	if (differ < (size_t) most)
	{
		tally->near++;
		tally->near_passed += told >= most || (told == 0) != (differ == 0);
		tally->near_wrong += same_size && told != (int) differ;
	}
	else
	{
		tally->far++;
		tally->folded += !same_size;
		if (told < most)
			same_size ? tally->far_refused++ : tally->far_refused_folded++;
	}
	free(subjects);
	free(places);
	free(a);
	free(b);
}

/* of how many the rows are not in the proportion that most have, by comparing each with each */
static size_t
out_of_proportion(const uint64 *a, const uint64 *b, size_t n)
{
	size_t alike = 0;

	for (size_t i = 0; i < n; i++)
	{
		size_t same = 0;

		for (size_t j = 0; j < n; j++)
			same += a[i] * b[j] == a[j] * b[i];
		alike = Max(alike, same);
	}
	return n - alike;
}

static PolicyWeights *
weigh(const uint64 *subjects, const uint64 *rows, size_t n, int most)
{
	uint64 *places = calloc(3 * n + 4, sizeof(uint64));
	uint64 *their_rows = calloc(3 * n + 4, sizeof(uint64));
	PolicyWeights *weights = malloc(policy_weights_size(n, most));
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
	{
		at += below(3);
		places[at] = subjects[i];
		their_rows[at++] = rows[i];
	}
	policy_weights_make(weights, n, most, &(SketchSource){places, their_rows, at, 0});
	free(places);
	free(their_rows);
	return weights;
}

/* rows of the same subjects, in another order: so many times as many, but of a few */
static void
try_weights(int most, size_t n, size_t few, bool one_each, Tally *tally)
{
	uint64 *subjects = malloc(sizeof(uint64) * n);
	uint64 *rows = malloc(sizeof(uint64) * n);
	uint64 *others = malloc(sizeof(uint64) * n);
	uint64 times = 1 + below(5);
	uint64 kinds = 1 + below(4);
	PolicyWeights *a;
	PolicyWeights *b;
	size_t differ;
	int told;

	for (size_t i = 0; i < n; i++)
	{
		subjects[i] = policy_sketch_subject(next());
		rows[i] = one_each ? 1 : 1 + below(kinds);
		others[i] = rows[i] * times;
	}
	for (; few > 0; few--)
		others[below(n)] = 1 + below(100);
	differ = out_of_proportion(rows, others, n);
	a = one_each ? NULL : weigh(subjects, rows, n, most);
	for (size_t i = 0; i < n / 2; i++)
	{
		uint64 subject = subjects[i];
		uint64 other = others[i];

		subjects[i] = subjects[n - 1 - i];
		others[i] = others[n - 1 - i];
		subjects[n - 1 - i] = subject;
		others[n - 1 - i] = other;
	}
	b = weigh(subjects, others, n, most);
	told = policy_weights_differ(a, b, most);
	if (told != policy_weights_differ(b, a, most) || told != (int) Min(differ, (size_t) most))
		tally->near_wrong++;
	tally->near_passed += differ < (size_t) most && told >= most;
	tally->weighed++;
	free(subjects);
	free(rows);
	free(others);
	free(a);
	free(b);
}

int
main(int argc, char **argv)
{
	static const int sizes[] = {1, 2, 3, 5, 10, 11, 20, 50, 63, 64, 65, 100, 200, 1000, 2048, 5000};
	uint64 pairs = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000;
	Tally tally = {0};

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (uint64 i = 0; i < pairs; i++)
	{
		int size_a = sizes[below(lengthof(sizes))];
		int size_b = below(3) != 0 ? size_a : sizes[below(lengthof(sizes))];
		int most = Min(size_a, SKETCH_MOST);
		/* most of them about the boundary */
		size_t differ = below(4) == 0 ? below(20 * most) :
						below(2) == 0 ? below(most + 1) :
										most - 1 + below(4);
		size_t only_a = below(3) == 0 ? 0 : below(differ + 1);

		/* as many in each, often: then the counts say nothing */
		if (below(2) == 0)
			only_a = differ / 2;
		try(size_a, size_b, most, below(200) == 0 ? 100000 : below(300), only_a, differ - only_a,
			&tally);
	}
	for (uint64 i = 0; i < pairs; i++)
	{
		int most = 1 + (int) below(20);
		size_t n = 1 + below(below(4) == 0 ? 60 * most : 12 * most);

		try_weights(most, n, below(2 * most), below(4) == 0, &tally);
	}
	printf("rows of the same subjects: %llu; ", (unsigned long long) tally.weighed);
	printf("near: %llu, passed %llu, told wrong %llu; far: %llu, refused %llu; folded: %llu, refused %llu\n",
		   (unsigned long long) tally.near, (unsigned long long) tally.near_passed,
		   (unsigned long long) tally.near_wrong, (unsigned long long) tally.far,
		   (unsigned long long) tally.far_refused, (unsigned long long) tally.folded,
		   (unsigned long long) tally.far_refused_folded);
	for (int size = 10; size <= 1000; size *= 10)
		printf("a sketch for groups of %d has %zu bytes\n", size, policy_sketch_size(size));
	return tally.near_passed + tally.near_wrong + tally.far_refused != 0;
}
