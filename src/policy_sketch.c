/*
 * policy_sketch.c
 *	  Sketches of sets of data subjects: by how many do two sets differ, where it is by few?
 *
 * A set of subjects is kept as sums of their powers, x^0 + y^0 + ..., x^1 + y^1 + ..., in a
 * field of 2^61 - 1 elements.  The difference of two such sequences is that of the sums over
 * who is in one set only, and the length of the shortest linear recurrence which yields it is
 * how many these are (Minsky, Trachtenberg, Zippel (2003), "Set reconciliation with nearly
 * optimal communication complexity"; the recurrence by Berlekamp and Massey).  2n terms tell
 * every difference of up to n.  Invertible Bloom lookup tables, which are better known for it,
 * need six times the memory for ten subjects, and fail to decode now and then.
 *
 * Before that comes a bitmap in which each subject turns over one bit: two sets differ by at
 * least as many subjects as bits.  It answers for nearly all pairs, in a few instructions.
 *
 * Where `most`, the differences that do not matter any more, is large, the subjects are dealt out
 * to buckets, each with sums of its own, or a subject would cost so many multiplications.
 *
 * What can go wrong.  Whatever is returned is a lower bound: a bit, a recurrence and a bucket
 * that holds more than it has terms for each prove that at least so many differ.  So "at least
 * `most`" is never said of sets that differ by less, nor "by none" of sets that differ, but where
 * a subject by which they do has the hash of another one: of ten among a million with a
 * probability of 2^-38, and nobody can choose them, for the hash is keyed.  The other way, sets
 * that differ by more are said to differ by less with a probability of about 2^-122, by chance
 * of the sums; and, of a `most` above 64, where one bucket holds more than twice what is
 * expected and the others do not make up for it: below 2^-20, and only where the sets differ by
 * hardly more than `most`.
 *
 * Sketches of unlike size are folded to the smaller one's: the bound is as true, if lower.
 */
#include "compat.h"

#include "policy_sketch.h"
#include "port/pg_bitutils.h"

#define WORD_BITS 64
#define MIN_WORDS 4

/* up to this `most` there is one bucket, which tells every difference below it */
#define ONE_BUCKET 64
/* beyond, how many of a difference are expected in a bucket at most, and how many it tells */
#define BUCKET_EXPECTED 32
#define BUCKET_TELLS 64
#define MAX_TERMS (2 * (BUCKET_TELLS + 1))

static inline uint64
reduce(uint64 x)
{
	x = (x & SKETCH_FIELD) + (x >> 61);
	return x >= SKETCH_FIELD ? x - SKETCH_FIELD : x;
}

static inline uint64
subtract(uint64 a, uint64 b)
{
	return a >= b ? a - b : a + SKETCH_FIELD - b;
}

/* which bit, and which bucket; a smaller sketch takes fewer of the same bits */
static inline uint64
bit_of(uint64 subject)
{
	return subject >> 16;
}

static inline uint64
bucket_of(uint64 subject)
{
	return subject >> 40;
}

static void
lay_out(PolicySketch *sketch, int most)
{
	int size = Min(Max(most, 2), SKETCH_MOST);

	/* sixteen times as many bits: of sets that differ by twice as many hardly any coincide */
	sketch->words = Max(MIN_WORDS, pg_nextpower2_32((uint32) size * 16) / WORD_BITS);
	if (size <= ONE_BUCKET)
	{
		sketch->buckets = 1;
		sketch->terms = 2 * size;
	}
	else
	{
		sketch->buckets = pg_nextpower2_32((uint32) (size + BUCKET_EXPECTED - 1) / BUCKET_EXPECTED);
		sketch->terms = MAX_TERMS;
	}
}

/* policy_sketch_bytes -- the size of one that is there */
size_t
policy_sketch_bytes(const PolicySketch *sketch)
{
	return offsetof(PolicySketch, data) +
		   sizeof(uint64) * (sketch->words + (size_t) sketch->buckets * sketch->terms);
}

/* policy_sketch_size -- in bytes, of one that tells differences below `most` */
size_t
policy_sketch_size(int most)
{
	PolicySketch sketch;

	lay_out(&sketch, most);
	return policy_sketch_bytes(&sketch);
}

/* four subjects of one bucket, whose multiplications do not wait for each other */
static inline void
add_four(uint64 *terms, int n, const uint64 x[4])
{
	uint64 a = x[0], b = x[1], c = x[2], d = x[3];

	terms[0] += 4;
	for (int i = 1; i < n; i++)
	{
		terms[i] = reduce(terms[i] + a + b + c + d);
		a = sketch_multiply(a, x[0]);
		b = sketch_multiply(b, x[1]);
		c = sketch_multiply(c, x[2]);
		d = sketch_multiply(d, x[3]);
	}
}

static inline void
add_one(uint64 *terms, int n, uint64 x)
{
	uint64 power = x;

	terms[0]++;
	for (int i = 1; i < n; i++)
	{
		terms[i] = reduce(terms[i] + power);
		power = sketch_multiply(power, x);
	}
}

/* policy_sketch_begin -- of nobody yet; policy_sketch_size(most) bytes */
void
policy_sketch_begin(PolicySketch *sketch, int most)
{
	lay_out(sketch, most);
	sketch->subjects = 0;
	memset(sketch->data, 0, policy_sketch_bytes(sketch) - offsetof(PolicySketch, data));
}

static inline uint64
in_units(const SketchSource *source, size_t i)
{
	if (source->unit <= 1)
		return source->rows[i];
	return sketch_multiply(source->rows[i] % SKETCH_FIELD, source->unit);
}

/*
 * policy_sketch_add -- a set, of others than are in it already
 *	with_rows	who has other rows is somebody else
 */
void
policy_sketch_add(PolicySketch *sketch, const SketchSource *source, bool with_rows)
{
	uint64 *terms = sketch->data + sketch->words;
	uint64 four[4];
	int waiting = 0;

	for (size_t i = 0; i < source->places; i++)
	{
		uint64 subject = source->subjects[i];
		uint64 bit;

		if (subject == 0)
			continue;
		if (with_rows && source->rows != NULL)
			subject = policy_sketch_member(subject, in_units(source, i));
		sketch->subjects++;
		bit = bit_of(subject) & (sketch->words * WORD_BITS - 1);
		sketch->data[bit / WORD_BITS] ^= UINT64CONST(1) << (bit % WORD_BITS);
		if (sketch->buckets > 1)
		{
			add_one(terms + (bucket_of(subject) & (sketch->buckets - 1)) * sketch->terms,
					sketch->terms, subject);
			continue;
		}
		four[waiting++] = subject;
		if (waiting == lengthof(four))
		{
			add_four(terms, sketch->terms, four);
			waiting = 0;
		}
	}
	while (waiting > 0)
		add_one(terms, sketch->terms, four[--waiting]);
}

/* policy_sketch_make -- of a set; as the two above */
void
policy_sketch_make(PolicySketch *sketch, int most, const SketchSource *source, bool with_rows)
{
	policy_sketch_begin(sketch, most);
	policy_sketch_add(sketch, source, with_rows);
}

/* policy_sketch_merge -- add a sketch of others, that was begun alike */
void
policy_sketch_merge(PolicySketch *sketch, const PolicySketch *other)
{
	size_t words = sketch->words + (size_t) sketch->buckets * sketch->terms;

	Assert(sketch->words == other->words && sketch->buckets == other->buckets &&
		   sketch->terms == other->terms);
	sketch->subjects += other->subjects;
	for (size_t i = 0; i < sketch->words; i++)
		sketch->data[i] ^= other->data[i];
	for (size_t i = sketch->words; i < words; i++)
		sketch->data[i] = reduce(sketch->data[i] + other->data[i]);
}

/* how many bits of two bitmaps differ, folded to the smaller one's size */
static int
bits_differing(const PolicySketch *a, const PolicySketch *b, int most)
{
	uint32 words = Min(a->words, b->words);
	int count = 0;

	for (uint32 i = 0; i < words && count < most; i++)
	{
		uint64 word = 0;

		for (uint32 from = i; from < a->words; from += words)
			word ^= a->data[from];
		for (uint32 from = i; from < b->words; from += words)
			word ^= b->data[from];
		count += pg_popcount64(word);
	}
	return count;
}

/*
 * The length of the shortest linear recurrence, by Berlekamp and Massey, without a division:
 * the connection polynomials are kept up to a factor.  More than tells: tells + 1.
 */
static int
recurrence_length(const uint64 *sequence, int n, int tells)
{
	uint64 current[MAX_TERMS + 1] = {1};
	uint64 previous[MAX_TERMS + 1] = {1};
	uint64 kept[MAX_TERMS + 1];
	uint64 previous_discrepancy = 1;
	int length = 0;
	int shift = 1;

	for (int i = 0; i < n; i++)
	{
		uint64 discrepancy = 0;

		for (int j = 0; j <= length; j++)
			discrepancy = reduce(discrepancy + sketch_multiply(current[j], sequence[i - j]));
		if (discrepancy == 0)
		{
			shift++;
			continue;
		}
		memcpy(kept, current, sizeof(kept));
		for (int j = 0; j <= i + 1; j++)
		{
			current[j] = sketch_multiply(previous_discrepancy, current[j]);
			if (j >= shift)
				current[j] =
					subtract(current[j], sketch_multiply(discrepancy, previous[j - shift]));
		}
		if (2 * length > i)
		{
			shift++;
			continue;
		}
		length = i + 1 - length;
		if (length > tells)
			return tells + 1;
		memcpy(previous, kept, sizeof(previous));
		previous_discrepancy = discrepancy;
		shift = 1;
	}
	return length;
}

/* the terms of a bucket, folded to a sketch of fewer buckets */
static uint64
folded_term(const PolicySketch *sketch, int bucket, int buckets, int term)
{
	uint64 sum = 0;

	for (int from = bucket; from < sketch->buckets; from += buckets)
		sum = reduce(sum + sketch->data[sketch->words + (size_t) from * sketch->terms + term]);
	return sum;
}

/*
 * policy_sketch_differ -- by how many subjects do two sets differ, at least?  Exact below
 * `most`, where both were made for that, and it is no more than SKETCH_MOST.
 *	most	more than this does not matter: `most` is returned
 */
int
policy_sketch_differ(const PolicySketch *a, const PolicySketch *b, int most)
{
	int buckets = Min(a->buckets, b->buckets);
	int terms = Min(a->terms, b->terms);
	int least;
	int bits;

	if (a->subjects >= b->subjects ? a->subjects - b->subjects >= (uint64) most :
									 b->subjects - a->subjects >= (uint64) most)
		return most;
	bits = bits_differing(a, b, most);
	if (bits >= most)
		return most;
	least = 0;
	for (int bucket = 0; bucket < buckets && least < most; bucket++)
	{
		uint64 sequence[MAX_TERMS];
		uint64 any = 0;

		for (int i = 0; i < terms; i++)
		{
			sequence[i] = subtract(folded_term(a, bucket, buckets, i) % SKETCH_FIELD,
								   folded_term(b, bucket, buckets, i) % SKETCH_FIELD);
			any |= sequence[i];
		}
		if (any != 0)
			least += recurrence_length(sequence, terms, terms / 2 - 1);
	}
	return Min(Max(least, bits), most);
}
