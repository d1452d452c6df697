/*
 * policy_sketch.c
 *	  Random pairs of sets, whose difference the sketches must tell.
 *
 * policy_sketch [PAIRS [SEED]]
 *
 * Never may sets that differ by fewer than `most` pass for sets that differ by as many, or by
 * none.  Where both sketches were made for groups of that size, what is told is exact.
 */
#include "postgres.h"

#include "policy_sketch.h"

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
	policy_sketch_make(a, size_a, &(SketchSource){places, NULL, spread(subjects, common + only_a, places)}, false);
	memmove(subjects + common, subjects + common + only_a, sizeof(uint64) * only_b);
	policy_sketch_make(b, size_b, &(SketchSource){places, NULL, spread(subjects, common + only_b, places)}, true);
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
	printf("near: %llu, passed %llu, told wrong %llu; far: %llu, refused %llu; folded: %llu, refused %llu\n",
		   (unsigned long long) tally.near, (unsigned long long) tally.near_passed,
		   (unsigned long long) tally.near_wrong, (unsigned long long) tally.far,
		   (unsigned long long) tally.far_refused, (unsigned long long) tally.folded,
		   (unsigned long long) tally.far_refused_folded);
	for (int size = 10; size <= 1000; size *= 10)
		printf("a sketch for groups of %d has %zu bytes\n", size, policy_sketch_size(size));
	return tally.near_passed + tally.near_wrong + tally.far_refused != 0;
}
