/*
 * usage_decide.c
 *	  What a role is cleared for, of the uses that a statement makes of columns.
 */
#include "compat.h"

#include "cache_inval.h"
#include "common/hashfn.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "usage.h"
#include "utils/lsyscache.h"

static bool
reader_is(UsageReader *reader, Oid user, bool bypasses)
{
	reader->user = user;
	reader->aggregate_only = false;
	reader->bypasses = bypasses;
	if (reader->bypasses)
		return true;
	if (guc_purpose == NULL || !purpose_by_name(guc_purpose, &reader->purpose))
		return false;
	if (clearance_to_act(reader->user, &reader->purpose))
		return true;
	reader->aggregate_only = true;
	return clearance_to_aggregate(reader->user, &reader->purpose);
}

/*
 * usage_reader -- for whom is decided, here and now; false: nobody who may act under a purpose
 */
bool
usage_reader(UsageReader *reader)
{
	return reader_is(reader, GetUserId(), row_security_bypassed());
}

/* usage_actor -- for whom, where core is about to do what a foreign key says */
bool
usage_actor(UsageReader *reader)
{
	return reader_is(reader, policy_actor(), policy_cascade_bypasses());
}

/* what clearance_uses() says, kept: every statement asks */
static int
uses_of(const UsageReader *reader, const DataCategory *category)
{
	static struct
	{
		uint64 catalog_generation;
		uint64 role_generation;
		Oid user;
		int32 purpose;
		int32 category;
		int uses;
	} kept[64];
	Oid user = reader->user;
	int32 id = category->id;
	int slot = (hash_combine(hash_combine(user, reader->purpose.id), id)) % lengthof(kept);
	uint64 catalog_generation = cache_catalog_generation;
	uint64 role_generation = cache_role_generation;
	int uses;

	if (kept[slot].catalog_generation == catalog_generation &&
		kept[slot].role_generation == role_generation && kept[slot].user == user &&
		kept[slot].purpose == reader->purpose.id && kept[slot].category == id)
		return kept[slot].uses;
	uses = clearance_uses(user, &reader->purpose, category);
	kept[slot].catalog_generation = catalog_generation;
	kept[slot].role_generation = role_generation;
	kept[slot].user = user;
	kept[slot].purpose = reader->purpose.id;
	kept[slot].category = id;
	kept[slot].uses = uses;
	return uses;
}

/* is it told or asked by the partition that a row is in?  That is the same for all subjects. */
static bool
is_by_partition(int use)
{
	return use == USE_TELL || use == USE_PARTITION;
}

/* is it asked for by a constraint?  So is that. */
static bool
is_by_constraint(int use)
{
	return use == USE_COMPARE || use == USE_COMPARE_SET;
}

/*
 * usage_is_open -- may whoever may act under a purpose use the column, for anything?
 *	class	NULL: it is no column of the root, and has no class
 */
bool
usage_is_open(const ColumnClass *class)
{
	bool is_key = class != NULL && class->is_key;

	return !(class != NULL && class->classified) &&
		   (is_key || guc_unclassified != UNCLASSIFIED_DENY);
}

/* usage_outcome -- of one use of a column */
UsageOutcome
usage_outcome(const UsageReader *reader, Oid root, AttrNumber column, int use)
{
	const ColumnClass *class;
	const DataCategory *category;
	int uses;

	if (reader->bypasses)
		return OUTCOME_SHOWN;
	class = column_class(root, column);
	if (class == NULL || class->mismatch)
		return OUTCOME_REFUSED;
	if (!class->classified)
		/* NULL may be written there, as into a classified column that one may not write */
		return usage_is_open(class) ? OUTCOME_SHOWN :
			   use == USE_INSERT    ? OUTCOME_GUARDED :
									  OUTCOME_REFUSED;
	category = category_by_id(class->category);
	uses = category != NULL ? uses_of(reader, category) : 0;
	if (use == USE_COMPARE_SET && (uses & USE_WRITE) != 0)
		return OUTCOME_SHOWN;
	if ((is_by_partition(use) || is_by_constraint(use)) &&
		usage_needs_explicit(reader, root, column))
		return OUTCOME_REFUSED;
	switch (use)
	{
		case USE_WRITE:
			if ((uses & USE_WRITE) != 0)
				return OUTCOME_SHOWN;
			return (uses & (USE_PROJECT | USE_MASK)) != 0 ? OUTCOME_GUARDED : OUTCOME_REFUSED;
		case USE_INSERT:
			return (uses & USE_WRITE) != 0 ? OUTCOME_SHOWN : OUTCOME_GUARDED;
		case USE_FIND:
		case USE_PARTITION:
		case USE_COMPARE:
		case USE_COMPARE_SET:
			return (uses & USE_FILTER) != 0 ? OUTCOME_SHOWN : OUTCOME_REFUSED;
		case USE_PART:
			if (usage_needs_explicit(reader, root, column))
				return OUTCOME_REFUSED;
			/* FALLTHROUGH */
		case USE_TELL:
			return (uses & USE_PROJECT) != 0 ? OUTCOME_SHOWN : OUTCOME_REFUSED;
		case USE_AGGREGATE:
			if ((uses & USE_PROJECT) != 0)
				return OUTCOME_SHOWN;
			if ((uses & USE_AGGREGATE) != 0)
				return OUTCOME_AGGREGATED;
			break;
		default:
			if ((uses & use) != 0)
				return OUTCOME_SHOWN;
	}
	return (uses & USE_MASK) != 0 ? OUTCOME_MASKED : OUTCOME_REFUSED;
}

/*
 * usage_needs_explicit -- is a column of a special category, and are its values for those only who
 * have consented explicitly?
 */
bool
usage_needs_explicit(const UsageReader *reader, Oid root, AttrNumber column)
{
	const ColumnClass *class;
	const DataCategory *category;

	if (reader->bypasses || reader->purpose.special != SPECIAL_EXPLICIT_CONSENT)
		return false;
	class = column_class(root, column);
	/* who a row is about is asked for it */
	category = class != NULL && class->classified && !class->is_key ?
				   category_by_id(class->category) :
				   NULL;
	return category != NULL && category->special;
}

static const char *
use_name(int use)
{
	switch (use)
	{
		case USE_PROJECT:
		case USE_PART:
		case USE_TELL:
			return "project";
		case USE_FILTER:
		case USE_FIND:
		case USE_PARTITION:
		case USE_COMPARE:
		case USE_COMPARE_SET:
			return "filter";
		case USE_AGGREGATE:
			return "aggregate";
		default:
			return "write";
	}
}

/* usage_column_name -- with its relation and category, for messages */
char *
usage_column_name(Oid root, AttrNumber column)
{
	const ColumnClass *class = column_class(root, column);
	const DataCategory *category = class != NULL ? category_by_id(class->category) : NULL;

	if (class != NULL && !class->classified)
		return psprintf("\"%s\" of \"%s\" (not classified)", class->name, get_rel_name(root));
	return psprintf("\"%s\" of \"%s\" (category \"%s\")", class != NULL ? class->name : "?",
					get_rel_name(root), category != NULL ? category->name : "?");
}

/* usage_refuse -- Errors: 42501, always: what is missing, by name */
void
usage_refuse(const UsageReader *reader, Oid root, AttrNumber column, int use)
{
	const ColumnClass *class = column_class(root, column);
	const DataCategory *category;
	char *user = GetUserNameFromId(reader->user, false);
	char *relation = get_rel_name(root);

	if (class == NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("protected relation \"%s\" has no such column any more",
							   relation != NULL ? relation : "?")));
	if (class->mismatch)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("the security label of column \"%s\" of \"%s\" and its copy differ",
						class->name, relation),
				 errdetail("A restore without security labels loses them; until it is known what "
						   "the column holds, nobody may use it."),
				 errhint("Call privseg.classify() for it.")));
	if (!class->classified)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("role \"%s\" may not %s column \"%s\" of \"%s\" under purpose \"%s\": it is "
					"not classified",
					user, use_name(use), class->name, relation, reader->purpose.name),
			 errhint("Call privseg.classify() for it; privseg.unclassified is deny.")));
	category = category_by_id(class->category);
	if (category == NULL)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("the data category of column \"%s\" of \"%s\" does not exist any more",
						class->name, relation),
				 errhint("Call privseg.classify() for it.")));
	if (is_by_partition(use) && usage_needs_explicit(reader, root, column))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("the partition that rows of \"%s\" are in may not be asked for under purpose "
					"\"%s\"",
					relation, reader->purpose.name),
			 errdetail("It tells of column %s, whose values are for subjects with explicit "
					   "consent only.",
					   usage_column_name(root, column)),
			 errhint("Name \"%s\" itself, and not tableoid.", relation)));
	if (is_by_constraint(use) && usage_needs_explicit(reader, root, column))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("columns of \"%s\" may not be set that a constraint compares with column %s "
					"under purpose \"%s\"",
					relation, usage_column_name(root, column), reader->purpose.name),
			 errdetail("Its values are for subjects with explicit consent only, and the constraint "
					   "asks for those of others.")));
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("role \"%s\" may not %s column %s under purpose \"%s\"", user, use_name(use),
					usage_column_name(root, column), reader->purpose.name),
			 use == USE_PART ?
				 errdetail("A part of it is assigned, and the rest would be what is shown.") :
			 is_by_constraint(use) ?
				 errdetail("A constraint compares what is stored there with what is written.") :
			 category->special && reader->purpose.special == SPECIAL_NONE ?
				 errdetail("The category is a special one, and the purpose has no basis for these "
						   "(GDPR Art. 9(2)).") :
				 0,
			 category->special && reader->purpose.special == SPECIAL_NONE ?
				 errhint("Act under a purpose that was created with a special_category_basis.") :
				 errhint("Ask an administrator for privseg.grant_clearance() of \"%s\" for \"%s\".",
						 use_name(use), category->name)));
}

/* may a value that is shown be written there? where it is classified at least as high */
static bool
may_go_into(Oid root, AttrNumber column, const UsageTarget *into)
{
	const ColumnClass *from = column_class(root, column);
	const ColumnClass *to = column_class(into->root, into->column);

	if (from == NULL || !from->classified)
		return true;
	if (to == NULL || !to->classified || to->mismatch)
		return false;
	return category_may_go_into(category_by_id(from->category), category_by_id(to->category));
}

static void
refuse_copy(Oid root, AttrNumber column, const UsageTarget *into)
{
	const ColumnClass *from = column_class(root, column);
	const ColumnClass *to = column_class(into->root, into->column);

	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("values of column \"%s\" of \"%s\" may not be copied into column \"%s\" of "
					"\"%s\"",
					from->name, get_rel_name(root), to != NULL ? to->name : "?",
					get_rel_name(into->root)),
			 errdetail("It is not classified as high."),
			 errhint("Classify it with privseg.classify().")));
}

#define DECIDED_REFUSED 0
#define DECIDED 1
#define DECIDED_AGGREGATE_ONLY 2
/* of the statement: columns without a class are closed, and rows do not come in their order */
#define DECIDED_DENY 4
/* of an outcome: for subjects with an explicit record */
#define DECIDED_EXPLICIT 0x10
/* and what is no outcome */
#define DECIDED_HASH 0x40000000

/*
 * usage_decide -- what is decided about uses: a list of integers, equal where nothing in the plan
 * depends on the difference.
 *	reader	NULL: nobody
 *	entries	of UsageEntry *
 *	raises	Errors: 42501 where one is refused
 */
List *
usage_decide(const UsageReader *reader, List *entries, bool raises)
{
	List *decided;
	ListCell *lc;

	if (reader == NULL)
		return list_make1_int(DECIDED_REFUSED);
	decided = list_make1_int((reader->aggregate_only ? DECIDED_AGGREGATE_ONLY : DECIDED) |
							 (guc_unclassified == UNCLASSIFIED_DENY ? DECIDED_DENY : 0));
	foreach (lc, entries)
	{
		const UsageEntry *entry = lfirst(lc);
		UsageOutcome outcome = usage_outcome(reader, entry->root, entry->column, entry->use);
		bool copies = OidIsValid(entry->into.root) && outcome == OUTCOME_SHOWN &&
					  !reader->bypasses && !may_go_into(entry->root, entry->column, &entry->into);

		if (outcome == OUTCOME_REFUSED || copies)
		{
			if (raises && copies)
				refuse_copy(entry->root, entry->column, &entry->into);
			if (raises)
				usage_refuse(reader, entry->root, entry->column, entry->use);
			return list_make1_int(DECIDED_REFUSED);
		}
		decided = lappend_int(
			decided,
			outcome |
				(usage_needs_explicit(reader, entry->root, entry->column) ? DECIDED_EXPLICIT : 0));
		if (outcome == OUTCOME_MASKED || outcome == OUTCOME_GUARDED)
		{
			const ColumnClass *class = column_class(entry->root, entry->column);

			/* another mask is another plan */
			decided = lappend_int(
				decided,
				class->mask == NULL ?
					0 :
					(int) (hash_bytes((const unsigned char *) class->mask, strlen(class->mask)) |
						   DECIDED_HASH));
			decided = lappend_int(decided,
								  usage_outcome(reader, entry->root, entry->column, USE_PROJECT));
		}
	}
	return decided;
}

/* usage_is_refused -- was it decided that the statement does not run? */
bool
usage_is_refused(const List *decided)
{
	return linitial_int(decided) == DECIDED_REFUSED;
}

/* usage_shows_groups -- are some of its answers of groups only? */
bool
usage_shows_groups(const List *decided)
{
	return (linitial_int(decided) & DECIDED_AGGREGATE_ONLY) != 0 ||
		   list_member_int(decided, OUTCOME_AGGREGATED) ||
		   list_member_int(decided, OUTCOME_AGGREGATED | DECIDED_EXPLICIT);
}

/* usage_changes_nothing -- does it run as it was written? */
bool
usage_changes_nothing(const List *decided)
{
	ListCell *lc;

	if ((linitial_int(decided) & DECIDED) == 0)
		return linitial_int(decided) == DECIDED_REFUSED;
	for_each_from (lc, decided, 1)
		if (lfirst_int(lc) != OUTCOME_SHOWN)
			return false;
	return true;
}
