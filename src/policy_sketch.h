/*
 * policy_sketch.h
 *	  Sketches of sets of data subjects, by which two sets are told to differ by few.
 */
#ifndef PRIVSEG_POLICY_SKETCH_H
#define PRIVSEG_POLICY_SKETCH_H

#ifndef HAVE_INT128
#error "privseg needs a compiler with 128-bit integers"
#endif

#pragma GCC visibility push(hidden)

/*
 * A subject is a keyed hash: an element of the field of 2^61 - 1 elements, but not 0, which
 * is an empty place.
 */
#define SKETCH_FIELD ((UINT64CONST(1) << 61) - 1)

/* the largest difference that a sketch tells is below this */
#define SKETCH_MOST 2048

/* a set of subjects, and what the rows of each sum up to */
typedef struct SketchSource
{
	const uint64 *subjects; /* each once; 0: an empty place */
	const uint64 *rows;     /* NULL: 1 of each */
	size_t places;
	uint64 unit; /* they are multiplied by this; 0: by 1 */
} SketchSource;

typedef struct PolicySketch
{
	uint64 subjects; /* how many the set has */
	uint32 words;    /* of the bitmap; this and the next are powers of two */
	uint16 buckets;
	uint16 terms;                       /* of each bucket */
	uint64 data[FLEXIBLE_ARRAY_MEMBER]; /* the bitmap, then the terms, bucket by bucket */
} PolicySketch;

/* policy_sketch_subject -- of 64 bits of a hash */
static inline uint64
policy_sketch_subject(uint64 hash)
{
	uint64 subject = hash >> 3;

	return likely(subject != 0 && subject != SKETCH_FIELD) ? subject : 1;
}

static inline uint64
sketch_multiply(uint64 a, uint64 b)
{
	uint128 product = (uint128) a * b;
	uint64 sum = ((uint64) product & SKETCH_FIELD) + (uint64) (product >> 61);

	return sum >= SKETCH_FIELD ? sum - SKETCH_FIELD : sum;
}

/* policy_sketch_member -- a subject with its rows; one that has one, which is like any: itself */
static inline uint64
policy_sketch_member(uint64 subject, uint64 rows)
{
	uint64 hash;

	if (rows == 1)
		return subject;
	hash = subject ^ (rows * UINT64CONST(0x9e3779b97f4a7c15));
	hash = (hash ^ (hash >> 32)) * UINT64CONST(0xd6e8feb86659fd93);
	return policy_sketch_subject(hash ^ (hash >> 29));
}

extern size_t policy_sketch_size(int most);
extern size_t policy_sketch_bytes(const PolicySketch *sketch);
extern void policy_sketch_begin(PolicySketch *sketch, int most);
extern void policy_sketch_add(PolicySketch *sketch, const SketchSource *source, bool with_rows);
extern void policy_sketch_merge(PolicySketch *sketch, const PolicySketch *other);
extern void
policy_sketch_make(PolicySketch *sketch, int most, const SketchSource *source, bool with_rows);
extern int policy_sketch_differ(const PolicySketch *a, const PolicySketch *b, int most);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_SKETCH_H */
