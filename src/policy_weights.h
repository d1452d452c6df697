/*
 * policy_weights.h
 *	  How many rows there are about each of a set of data subjects, compared by proportion.
 */
#ifndef PRIVSEG_POLICY_WEIGHTS_H
#define PRIVSEG_POLICY_WEIGHTS_H

#include "policy_sketch.h"

#pragma GCC visibility push(hidden)

typedef struct PolicyWeights
{
	uint64 subjects;
	int32 references;                   /* 0: the rows of each subject are kept */
	int32 most;                         /* differences that do not matter any more */
	uint64 data[FLEXIBLE_ARRAY_MEMBER]; /* rows, in the order of subjects; or References */
} PolicyWeights;

extern int policy_compare_words(const void *a, const void *b);
extern size_t policy_weights_size(uint64 subjects, int most);
extern size_t policy_weights_bytes(const PolicyWeights *weights);
extern void
policy_weights_make(PolicyWeights *weights, uint64 subjects, int most, const SketchSource *source);
extern int policy_weights_differ(const PolicyWeights *a, const PolicyWeights *b, int most);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_WEIGHTS_H */
