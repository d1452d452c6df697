/*
 * encrypted_analyze.c
 *	  What ANALYZE keeps of encrypted columns: of searchable ones, how many values there are and
 *	  how many are NULL; no sample, neither of values nor of tags.  Of others, nothing.
 */
#include "compat.h"

#include <math.h>

#include "commands/vacuum.h"
#include "encrypted.h"
#include "fmgr.h"

PG_FUNCTION_INFO_V1(encrypted_typanalyze);

/* a row in 300 times the target, as core's own: Chaudhuri, Motwani and Narasayya 1998 */
#define ROWS_PER_TARGET 300

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, CRYPTO_TAG_BYTES);
}

/*
 * How many different values a table has, by a sample: the estimator of Haas and Stokes (IBM
 * Research Report RJ 10025, 1996) that core uses.  Negative: a fraction of the rows.
 *	tags	sorted
 */
static double
estimate_distinct(const uint8 *tags, int n, double total, double nulls)
{
	int distinct = 0;
	int once = 0;
	double result;

	for (int i = 0; i < n;)
	{
		int next = i + 1;

		while (next < n && compare(tags + (size_t) i * CRYPTO_TAG_BYTES,
								   tags + (size_t) next * CRYPTO_TAG_BYTES) == 0)
			next++;
		distinct++;
		once += next == i + 1;
		i = next;
	}
	if (once == distinct)
		return -1.0 * (1.0 - nulls);
	if (once == 0)
		return distinct;
	result = (double) n * distinct /
			 ((double) (n - once) + (double) once * n / Max(total * (1.0 - nulls), 1.0));
	result = Min(Max(result, distinct), total * (1.0 - nulls));
	result = floor(result + 0.5);
	return result > 0.1 * total ? -(result / total) : result;
}

static void
compute_stats(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch, int rows, double total)
{
	uint8 *tags = palloc((size_t) Max(rows, 1) * CRYPTO_TAG_BYTES);
	double width = 0;
	int nulls = 0;
	int n = 0;

	for (int i = 0; i < rows; i++)
	{
		struct varlena *value;
		EncryptedHeader header;
		bool isnull;
		Datum stored = fetch(stats, i, &isnull);

		vacuum_delay_point();
		if (isnull)
		{
			nulls++;
			continue;
		}
		value = PG_DETOAST_DATUM_PACKED(stored);
		if (!encrypted_parse((const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
							 &header) ||
			!header.tagged)
			return;
		(void) encrypted_tag_of(&header, tags + (size_t) n * CRYPTO_TAG_BYTES);
		n++;
		width += VARSIZE_ANY(value);
		if ((Pointer) value != DatumGetPointer(stored))
			pfree(value);
	}
	if (n == 0)
		return;
	qsort(tags, n, CRYPTO_TAG_BYTES, compare);
	stats->stats_valid = true;
	stats->stanullfrac = (double) nulls / rows;
	stats->stawidth = width / n;
	stats->stadistinct = estimate_distinct(tags, n, total, stats->stanullfrac);
}

/*
 * encrypted_typanalyze(internal) RETURNS boolean -- of protected relations only, whose statistics
 * are shown to nobody who may not know.  Of a copy, its owner would be told how many of the
 * values he has put there are equal.
 */
Datum
encrypted_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	if (protected_relation(stats->attr->attrelid) == NULL)
		PG_RETURN_BOOL(false);
	if (stats->attr->attstattarget < 0)
		stats->attr->attstattarget = default_statistics_target;
	stats->compute_stats = compute_stats;
	stats->minrows = ROWS_PER_TARGET * stats->attr->attstattarget;
	PG_RETURN_BOOL(true);
}
