# privseg
#
#   make                  build with PGXS
#   sudo make install     install
#   make installcheck     test a running server that preloads privseg (PGHOST, PGPORT ...)
#   sudo make test        install what is missing, build, install, run every suite
#                         on throw-away servers; SUITES="regress pgtap" selects
#   sudo make demo        the same preparation, then the demonstration;
#                         DATA and SUBJECT are passed on
#   make format           clang-format the sources
#
# PG_CONFIG names the server to build for; WERROR= lets warnings pass.

EXTENSION   = privseg
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" privseg.control)
MODULE_big  = privseg
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
SHLIB_LINK  = -lsodium

# The install script, part by part.  Order matters.
SQL_PARTS = \
	01-roles \
	02-vocabulary \
	03-consent \
	04-protection \
	05-clearance \
	06-purpose \
	07-receipt \
	08-check \
	09-keys \
	10-encrypted \
	11-presented \
	12-groups \
	13-personal-data \
	14-doctor \
	99-privileges

SQL_FILES   = $(SQL_PARTS:%=sql/%.sql)
SQL_PRESENT = $(wildcard $(SQL_FILES))
SQL_SCRIPT  = sql/privseg--$(EXTVERSION).sql

# DATA is PGXS's word for files to install and the demonstration's for files to
# read: keep what the caller said before it is overridden.
DEMO_DATA    := $(DATA)
override DATA = $(wildcard sql/privseg--*--*.sql)
DATA_built    = $(SQL_SCRIPT)

# The server's headers are not ours to mend: as system headers they do not warn.
PG_CONFIG    ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
WERROR       ?= -Werror
PG_CPPFLAGS   = -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS     = -Wall -Wextra -Wno-unused-parameter $(WERROR)

# Tests, each suite with its own list.  The isolation and server suites need
# a server's permission to create databases; the server suite cannot run as root.
tests_of       = $(shell sed -n 's/\#.*//; s/^test: *//p' $(1))
REGRESS        = $(call tests_of,test/schedule)
REGRESS_OPTS   = --inputdir=test --load-extension=privseg
ISOLATION      = $(call tests_of,test/isolation/schedule)
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=privseg
TAP_TESTS      = 1
PROVE_TESTS    = $(patsubst %,test/t/%.pl,$(call tests_of,test/t/schedule))

EXTRA_CLEAN = results regression.diffs regression.out output_iso tmp_check sql/privseg--$(EXTVERSION).sql

# These goals run before anything is installed, so they must not need PGXS.
own_goals := deps prepare test demo format
ifneq ($(filter-out $(own_goals),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
override with_llvm = no
include $(PGXS)
PROVE_FLAGS += -I test/lib

# PGXS tracks no headers; the library is small enough to rebuild whole
$(OBJS): $(wildcard src/*.h)

$(SQL_SCRIPT): $(SQL_PRESENT) Makefile privseg.control
	@for part in $(filter-out $(SQL_PRESENT),$(SQL_FILES)); do \
		echo "warning: $$part does not exist, skipped" >&2; done
	@echo "cat $(SQL_PRESENT) > $@"
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION privseg" to load this file. \quit'; \
	   for part in $(SQL_PRESENT); do echo; cat $$part || exit 1; done; } > $@.tmp
	@mv $@.tmp $@

installcheck: installcheck-pgtap
installcheck-pgtap:
	perl test/lib/harness.pl --exec test/lib/pgtap_file -- \
		$(patsubst %,test/pgtap/%.sql,$(call tests_of,test/pgtap/schedule))
.PHONY: installcheck-pgtap
endif

export PG_CONFIG

deps:
	test/deps

prepare:
	+test/prepare

test: prepare
	test/run --no-install $(SUITES)

demo: prepare
	DATA='$(DEMO_DATA)' SUBJECT='$(SUBJECT)' seeds/demo.sh

format:
	clang-format -i src/*.c src/*.h

.PHONY: deps prepare test demo format
