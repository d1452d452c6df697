/*-------------------------------------------------------------------------
 *
 * crypto_secret.c
 *	  Memory of one process for keys that it has unwrapped.
 *
 * Slabs of pages that are left out of core dumps and of children (a program
 * that COPY starts), and locked as far as the limits allow.  A slab is cut into
 * cells of one size; a cell that is freed is wiped and used again.  Slabs are
 * kept until the process ends.  Who has many keys gets slabs that are huge pages
 * where the kernel gives them: the first touch of a page costs more than to
 * unwrap what comes into it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/mman.h>

#include <sodium.h>

#include "crypto.h"

#define SLAB_BYTES (256 * 1024)
#define HUGE_SLAB_BYTES (2 * 1024 * 1024) /* a huge page of x86-64, and of most else */
#define SLABS_BEFORE_HUGE 4

typedef struct Cell
{
	struct Cell *next;
} Cell;

static const size_t sizes[] = {SECRET_SMALL, SECRET_LARGE};
static Cell *free_cells[lengthof(sizes)];
static int n_slabs[lengthof(sizes)];

/* memory that begins at a multiple of its size */
static char *
map_aligned(size_t bytes)
{
	char *mapped =
		mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned;

	if (mapped == MAP_FAILED)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Memory for keys could not be mapped.")));
	aligned = (char *) TYPEALIGN(bytes, mapped);
	if (aligned > mapped)
		(void) munmap(mapped, aligned - mapped);
	if (aligned < mapped + bytes)
		(void) munmap(aligned + bytes, mapped + bytes - aligned);
	return aligned;
}

static void
make_slab(int class)
{
	size_t bytes = n_slabs[class] < SLABS_BEFORE_HUGE ? SLAB_BYTES : HUGE_SLAB_BYTES;
	char *slab = map_aligned(bytes);

	n_slabs[class]++;
#ifdef MADV_DONTDUMP
	(void) madvise(slab, bytes, MADV_DONTDUMP);
#endif
#ifdef MADV_DONTFORK
	(void) madvise(slab, bytes, MADV_DONTFORK);
#endif
#ifdef MADV_HUGEPAGE
	if (bytes == HUGE_SLAB_BYTES)
		(void) madvise(slab, bytes, MADV_HUGEPAGE);
#endif
	/* more than the limit is not locked; the root key is */
	(void) mlock(slab, bytes);
	for (size_t at = 0; at + sizes[class] <= bytes; at += sizes[class])
	{
		Cell *cell = (Cell *) (slab + at);

		cell->next = free_cells[class];
		free_cells[class] = cell;
	}
}

static int
class_of(size_t size)
{
	for (int class = 0; class < (int) lengthof(sizes); class ++)
		if (size <= sizes[class])
			return class;
	elog(ERROR, "privseg has no cells of %zu bytes", size);
}

void *
secret_alloc(size_t size)
{
	int class = class_of(size);
	Cell *cell;

	if (free_cells[class] == NULL)
		make_slab(class);
	cell = free_cells[class];
	free_cells[class] = cell->next;
	cell->next = NULL;
	return cell;
}

void
secret_free(void *secret, size_t size)
{
	int class = class_of(size);
	Cell *cell = secret;

	if (secret == NULL)
		return;
	sodium_memzero(secret, sizes[class]);
	cell->next = free_cells[class];
	free_cells[class] = cell;
}

void
secret_wipe(void *secret, size_t size)
{
	sodium_memzero(secret, size);
}

/*
 * Asked of the kernel for many keys at once; what was given out is wiped.
 */
void
crypto_random_key(void *key, size_t len)
{
	static uint8 *pool = NULL; /* secret memory, which no child sees */
	static size_t left = 0;

	if (pool == NULL)
		pool = secret_alloc(SECRET_LARGE);
	if (left < len)
	{
		randombytes_buf(pool, SECRET_LARGE);
		left = SECRET_LARGE;
	}
	left -= len;
	memcpy(key, pool + left, len);
	sodium_memzero(pool + left, len);
}
