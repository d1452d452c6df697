/*
 * consent_decide.c
 *	  The rule: what a subject said, and what the law adds, becomes a decision.
 *
 * Pure functions over an array of facts; everything that decides -- the set,
 * permitted(), explain_decision(), consent_status -- comes through here, so
 * they cannot disagree.
 *
 * The rule, for one subject, one purpose, one moment:
 *
 * - The decision in effect is the fact with the latest effective_at not after
 *   the moment, arrival breaking ties.  Requests and unknown statuses are
 *   events and never decide.
 * - A stopping fact also cancels permits that arrived before it and were not
 *   yet in effect when it was recorded: who withdraws today does not silently
 *   consent again next month because of an older form.
 * - consent: permitted while the decision in effect is given or renewed, not
 *   expired, and its notice not overtaken by a material one.
 * - legitimate_interests, public_interest (GDPR Art. 21(1)), and any basis when
 *   the purpose is direct marketing (Art. 21(2)-(3)): until an objection; a
 *   later permit of the subject lifts it.  Withdrawing everything counts as an
 *   objection to direct marketing.
 * - contract, legal_obligation, vital_interests: permitted.
 * - A signal (GPC: CCPA regulations sec. 7025) refuses sale, sharing and
 *   targeted advertising under any basis until a later explicit permit.
 * - Restriction (Art. 18) and erasure (Art. 17) stop every purpose.
 *
 * Special categories of data under explicit consent (Art. 9(2)(a)), which is what a purpose's
 * twin asks: the purpose is permitted, by a record in effect that permits and is explicit.
 * That holds for every legal basis: where the purpose itself needs no consent, its use of
 * special categories does, so what is permitted without a record is not explicit.  The latest
 * decision counts, also where it is less explicit than an earlier one.  Withdrawing everything
 * takes an explicit consent back under any basis.
 */
#include "compat.h"

#include "consent.h"
#include "errors.h"

static const struct
{
	const char *word;
	FactEffect effect;
} statuses[] = {
	{"requested", EFFECT_NONE}, {"request_deferred", EFFECT_NONE}, {"given", EFFECT_PERMIT},
	{"renewed", EFFECT_PERMIT}, {"refused", EFFECT_STOP},          {"expired", EFFECT_STOP},
	{"withdrawn", EFFECT_STOP}, {"revoked", EFFECT_STOP},          {"invalidated", EFFECT_STOP},
	{"unknown", EFFECT_NONE},
};

/*
 * status_effect -- what a status (a word of the W3C Data Privacy Vocabulary)
 * does; *word becomes a static copy, NULL for a word that is not one.
 */
FactEffect
status_effect(const char *status, const char **word)
{
	for (size_t i = 0; i < lengthof(statuses); i++)
	{
		if (strcmp(status, statuses[i].word) == 0)
		{
			*word = statuses[i].word;
			return statuses[i].effect;
		}
	}
	*word = NULL;
	return EFFECT_STOP;
}

/* fact_kind_from_text -- the kind of a record; unknown kinds are refused */
FactKind
fact_kind_from_text(const char *kind)
{
	if (strcmp(kind, "consent") == 0)
		return FACT_CONSENT;
	if (strcmp(kind, "objection") == 0)
		return FACT_OBJECTION;
	if (strcmp(kind, "withdrawal") == 0)
		return FACT_WITHDRAWAL;
	if (strcmp(kind, "signal") == 0)
		return FACT_SIGNAL;
	if (strcmp(kind, "restriction") == 0)
		return FACT_RESTRICTION;
	if (strcmp(kind, "erasure") == 0)
		return FACT_ERASURE;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_BAD_ARGUMENT),
			 errmsg("unknown kind of consent record \"%s\"", kind),
			 errdetail("Kinds are consent, objection, withdrawal, signal, restriction, erasure.")));
	return FACT_CONSENT; /* keep the compiler quiet */
}

/* fact_compare -- by effect, then by arrival */
int
fact_compare(const void *a, const void *b)
{
	const ConsentFact *x = a;
	const ConsentFact *y = b;

	if (x->effective != y->effective)
		return x->effective < y->effective ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return 0;
}

static bool
concerns(const Purpose *purpose, const ConsentFact *fact)
{
	return fact->purpose_id == FACT_EVERY_PURPOSE ||
		   fact->purpose_id == purpose_recorded_id(purpose);
}

static bool
obeys_signals(const Purpose *purpose)
{
	return purpose->sale_or_sharing || purpose->targeted_advertising;
}

/* does it stop this purpose, as a statement of the subject's will? */
static bool
is_stop(const Purpose *purpose, const ConsentFact *fact)
{
	switch (fact->kind)
	{
		case FACT_CONSENT:
			return fact->effect == EFFECT_STOP;
		case FACT_OBJECTION:
			return true;
		case FACT_WITHDRAWAL:
			return purpose->basis == BASIS_CONSENT || purpose->direct_marketing;
		case FACT_SIGNAL:
			return obeys_signals(purpose);
		default:
			return false;
	}
}

typedef struct Stop
{
	int64 id;
	TimestampTz recorded;
} Stop;

static int
compare_stops(const void *a, const void *b)
{
	const Stop *x = a;
	const Stop *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/*
 * Mark the permits that a later-arriving stop found not yet in effect.
 * O(n log n): with the stops sorted by arrival, what matters for a permit is
 * the earliest recording time among the stops after it.
 */
static void
find_cancelled(const Purpose *purpose, const ConsentFact *facts, int nfacts, bool *cancelled)
{
	Stop *stops = palloc(sizeof(Stop) * nfacts);
	int nstops = 0;

	for (int i = 0; i < nfacts; i++)
	{
		cancelled[i] = false;
		if (concerns(purpose, &facts[i]) && is_stop(purpose, &facts[i]))
		{
			stops[nstops].id = facts[i].id;
			stops[nstops++].recorded = facts[i].recorded;
		}
	}
	if (nstops > 0)
	{
		qsort(stops, nstops, sizeof(Stop), compare_stops);
		for (int i = nstops - 2; i >= 0; i--)
			stops[i].recorded = Min(stops[i].recorded, stops[i + 1].recorded);
		for (int i = 0; i < nfacts; i++)
		{
			int low = 0;
			int high = nstops;

			if (facts[i].kind != FACT_CONSENT || facts[i].effect != EFFECT_PERMIT)
				continue;
			while (low < high)
			{
				int middle = (low + high) / 2;

				if (stops[middle].id > facts[i].id)
					high = middle;
				else
					low = middle + 1;
			}
			cancelled[i] = low < nstops && facts[i].effective > stops[low].recorded;
		}
	}
	pfree(stops);
}

/* is this permit good at the moment? otherwise *reason says why not */
static bool
permit_stands(const ConsentFact *fact, TimestampTz at, bool as_of, const char **reason)
{
	/* one without an end stands at the end of time, too */
	if (fact->expires <= at && !TIMESTAMP_IS_NOEND(fact->expires))
	{
		*reason = "expired";
		return false;
	}
	if (fact->notice_seq != 0)
	{
		const Notice *notice = notice_by_seq(fact->notice_seq);
		const Notice *overtaking = notice ? notice_overtaking(notice) : NULL;

		if (overtaking != NULL && (!as_of || overtaking->published_at <= at))
		{
			*reason = "notice_overtaken";
			return false;
		}
	}
	*reason = fact->status;
	return true;
}

/*
 * Has a withdrawal of everything taken this permit back?  As of a purpose that rests on consent:
 * by a later one, and by one that found it not yet in effect.
 */
static bool
is_withdrawn(const ConsentFact *permit, const ConsentFact *facts, int nfacts, TimestampTz at)
{
	for (int i = 0; i < nfacts; i++)
	{
		const ConsentFact *fact = &facts[i];

		if (fact->kind != FACT_WITHDRAWAL)
			continue;
		if (fact->effective <= at && fact_compare(fact, permit) > 0)
			return true;
		if (fact->id > permit->id && permit->effective > fact->recorded)
			return true;
	}
	return false;
}

/*
 * consent_decide -- decide for one subject.
 *
 *	facts	the subject's facts, all purposes, sorted with fact_compare
 *	at		the moment
 *	as_of	true: the moment is a date asked about.  false: it is now, and a
 *			fact that is not dated in the future of its own recording counts
 *			as in effect even where this server's clock is behind the writer's.
 */
void
consent_decide(const Purpose *purpose, const ConsentFact *facts, int nfacts, TimestampTz at,
			   bool as_of, ConsentDecision *decision)
{
	bool small[32];
	bool *cancelled = nfacts <= (int) lengthof(small) ? small : palloc(nfacts);
	const ConsentFact *deciding = NULL;
	const ConsentFact *objection = NULL;
	const ConsentFact *signal = NULL;
	const ConsentFact *restriction = NULL;
	const ConsentFact *erasure = NULL;
	bool stands = false;
	const char *standing = NULL;

	decision->next_change = DT_NOEND;
	if (!as_of)
		for (int i = 0; i < nfacts; i++)
			at = Max(at, facts[i].recorded);

	find_cancelled(purpose, facts, nfacts, cancelled);
	for (int i = 0; i < nfacts; i++)
	{
		const ConsentFact *fact = &facts[i];

		if (!concerns(purpose, fact))
			continue;
		if (fact->expires > at)
			decision->next_change = Min(decision->next_change, fact->expires);
		if (fact->effective > at)
		{
			decision->next_change = Min(decision->next_change, fact->effective);
			continue;
		}
		switch (fact->kind)
		{
			case FACT_CONSENT:
				if (fact->effect == EFFECT_STOP || (fact->effect == EFFECT_PERMIT && !cancelled[i]))
					deciding = fact;
				if (fact->effect == EFFECT_PERMIT && !cancelled[i] && fact->explicit)
					signal = NULL;
				break;
			case FACT_OBJECTION:
				deciding = objection = fact;
				break;
			case FACT_WITHDRAWAL:
				if (is_stop(purpose, fact))
					deciding = fact;
				if (purpose->direct_marketing)
					objection = fact;
				break;
			case FACT_SIGNAL:
				if (obeys_signals(purpose))
					signal = fact;
				break;
			case FACT_RESTRICTION:
				restriction = fact->effect == EFFECT_STOP ? fact : NULL;
				break;
			case FACT_ERASURE:
				erasure = fact;
				break;
		}
	}
	if (cancelled != small)
		pfree(cancelled);

	if (deciding != NULL && deciding->kind == FACT_CONSENT && deciding->effect == EFFECT_PERMIT)
		stands = permit_stands(deciding, at, as_of, &standing);

	decision->fact = deciding;
	if (stands)
	{
		decision->permitted = true;
		decision->reason = standing;
	}
	else if (purpose->basis == BASIS_CONSENT)
	{
		decision->permitted = false;
		if (deciding == NULL)
			decision->reason = "no_record";
		else if (standing != NULL)
			decision->reason = standing;
		else
			decision->reason = deciding->kind == FACT_OBJECTION ? "objection" : deciding->status;
	}
	else if (objection != NULL &&
			 (purpose->basis == BASIS_LEGITIMATE_INTERESTS ||
			  purpose->basis == BASIS_PUBLIC_INTEREST || purpose->direct_marketing))
	{
		decision->permitted = false;
		decision->fact = objection;
		decision->reason = objection->kind == FACT_OBJECTION ? "objection" : objection->status;
	}
	else
	{
		decision->permitted = true;
		decision->fact = NULL;
		decision->reason = purpose->basis == BASIS_LEGITIMATE_INTERESTS ||
								   purpose->basis == BASIS_PUBLIC_INTEREST ?
							   "no_objection" :
							   "legal_basis";
	}

	if (decision->permitted && signal != NULL)
	{
		decision->permitted = false;
		decision->fact = signal;
		decision->reason = "signal";
	}
	if (restriction != NULL)
	{
		decision->permitted = false;
		decision->fact = restriction;
		decision->reason = "restricted";
	}
	if (erasure != NULL)
	{
		decision->permitted = false;
		decision->fact = erasure;
		decision->reason = "erased";
	}

	if (purpose->explicit_only && decision->permitted &&
		!(stands && deciding->explicit && !is_withdrawn(deciding, facts, nfacts, at)))
	{
		decision->permitted = false;
		decision->reason = "not_explicit";
	}
}
