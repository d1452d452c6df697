/*
 * guard_search.c
 *	  Indexes on the tags of searchable columns.
 *
 * Core takes a type's default operator class where CREATE INDEX names none; that of an encrypted
 * type has the order of what is inside, in which no index can be.  So the class of tags is
 * named in its place.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "encrypted.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* the relation that protect() was called on: this one, or one above it */
static Oid
protected_root(Oid relid)
{
	const ProtectedRelation *entry = protected_relation(relid);
	ListCell *lc;

	if (entry != NULL)
		return entry->relid;
	foreach (lc, guard_parents(relid, SnapshotSelf))
	{
		entry = protected_relation(lfirst_oid(lc));
		if (entry != NULL)
			return entry->relid;
	}
	return InvalidOid;
}

/* guard_is_searchable -- has encrypt_column() made the column one? */
bool
guard_is_searchable(Oid relid, const char *column)
{
	Oid root = protected_root(relid);
	ProtectedColumn found;

	return OidIsValid(root) && protected_column(root, column, &found) && found.searchable;
}

/* guard_may_find -- true, or an error where the role may not look for values of a column */
Node *
guard_may_find(Oid relid, const Var *column)
{
	ProtectedColumn found;

	/* one that is not classified is of no category: nobody may */
	if (!protected_column(protected_root(relid), get_attname(relid, column->varattno, false),
						  &found))
		found.category = 0;
	return (Node *) makeFuncExpr(catalog_function_of_types("may_find", INT4OID, InvalidOid),
								 BOOLOID,
								 list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
													  Int32GetDatum(found.category), false, true)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static const char *
search_class_of(Oid type)
{
	EncryptedCode code = encrypted_code(getBaseType(type));

	switch (code)
	{
		case ENCRYPTED_NONE:
		case ENCRYPTED_BOOLEAN:
		case ENCRYPTED_JSONB:
			return NULL;
		default:
			return psprintf("%s_search_ops", encrypted_types[code].name);
	}
}

/* guard_is_search_class -- is the operator class that of tags? */
bool
guard_is_search_class(Oid opclass)
{
	HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	const char *name;
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	name = search_class_of(form->opcintype);
	result = name != NULL && strcmp(NameStr(form->opcname), name) == 0 &&
			 getExtensionOfObject(OperatorClassRelationId, opclass) ==
				 get_extension_oid("privseg", true);
	ReleaseSysCache(tuple);
	return result;
}

/* guard_create_index -- CREATE INDEX of a searchable column that names no operator class */
void
guard_create_index(IndexStmt *create)
{
	Oid relid =
		create->relation != NULL ? RangeVarGetRelid(create->relation, NoLock, true) : InvalidOid;
	ListCell *lc;

	if (!OidIsValid(relid))
		return;
	foreach (lc, create->indexParams)
	{
		IndexElem *element = lfirst_node(IndexElem, lc);
		AttrNumber column = element->name != NULL ? get_attnum(relid, element->name) : 0;
		const char *class;

		if (column <= 0 || element->opclass != NIL || !guard_is_searchable(relid, element->name))
			continue;
		class = search_class_of(get_atttype(relid, column));
		if (class != NULL)
			element->opclass = list_make2(makeString("privseg"), makeString(pstrdup(class)));
	}
}
