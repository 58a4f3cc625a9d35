# rbox: one Makefile, non-recursive. `make help` prints the targets.
#
#   DEV=1   warnings are errors
#   SAN=1   address and undefined-behaviour sanitizers (build/san)
#   CC=clang works too

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/rbox
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
VERSION    := 0.1.0

BUILD_BASE ?= build
ifdef SAN
B := $(BUILD_BASE)/san
else ifdef FUZZ
B := $(BUILD_BASE)/fuzz
CC := clang
else
B := $(BUILD_BASE)
endif

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wvla -Walloca -Wcast-qual -Wwrite-strings -Wpointer-arith \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wnull-dereference -Wredundant-decls \
        -Wdate-time -Wconversion -Wno-sign-conversion -Wswitch-enum -Wimplicit-fallthrough -Wframe-larger-than=16384
IS_GCC := $(shell $(CC) --version 2>/dev/null | grep -qi 'free software foundation' && echo 1)
ifeq ($(IS_GCC),1)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wcast-align=strict
endif
ifdef DEV
WARN += -Werror
endif

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
HARD := -O2 -g -fPIE -fno-common -fstack-protector-strong -fstack-clash-protection \
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
ifneq ($(filter x86_64 i%86,$(ARCH)),)
HARD += -fcf-protection=full
endif
LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed
ifdef SAN
HARD := -O1 -g -fPIE -fno-common -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LINK := -pie -fsanitize=address,undefined
endif
ifdef FUZZ
HARD := -O1 -g -fPIE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LINK := -pie -fsanitize=fuzzer-no-link,address,undefined
endif

CPPFLAGS += -D_GNU_SOURCE -DRBOX_VERSION='"$(VERSION)"' -iquote src -iquote $(B)/gen
ALL_CFLAGS = -std=gnu17 $(HARD) $(WARN) -MMD -MP $(CPPFLAGS) $(CFLAGS)

# The launcher's two libraries are linked in statically where the system has the archives: each shared object costs
# a quarter of a millisecond at every start.
static_or_shared = $(if $(wildcard $(shell $(CC) -print-file-name=lib$(1).a)),-l:lib$(1).a,-l$(1))
LAUNCHER_LIBS := $(call static_or_shared,jansson) $(call static_or_shared,cap) -ldl

SRCS     := $(sort $(wildcard src/*/*.c))
OBJS     := $(SRCS:%.c=$(B)/obj/%.o)
LIBRBOX  := $(B)/librbox.a
MAIN_OBJ := $(B)/obj/src/main.o

# ---- helpers: helpers/<name>/*.c → rbox-<name>, linked with base/ and sys/ only
HELPERS := $(sort $(notdir $(patsubst %/,%,$(wildcard helpers/*/))))
# Static, as it runs in any image, and position-independent all the same.
LIBS_init    := $(if $(SAN),,-static-pie)
LIBS_unpack  := -larchive -lcrypto -lisal $(LAUNCHER_LIBS)
LIBS_fetch   := -lcurl -lcrypto $(LAUNCHER_LIBS)
LIBS_seccomp := -lseccomp $(LAUNCHER_LIBS)
HELPER_BINS  := $(HELPERS:%=$(B)/rbox-%)
CORE_OBJS    := $(filter $(B)/obj/src/base/%.o $(B)/obj/src/sys/%.o,$(OBJS))
LIBCORE      := $(B)/libcore.a

V ?= 0
Q := $(if $(filter 0,$(V)),@,)
say = $(if $(filter 0,$(V)),@echo '  $(1)  $(2)',)

.PHONY: all help check check-unit check-cli check-vm check-vm-all lint format clean install uninstall bench
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/rbox $(B)/rbox-oci $(HELPER_BINS) $(B)/images/busybox.tar $(B)/mnt $(B)/generated ## build rbox, its helpers and the bundled image

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(B)/rbox: $(MAIN_OBJ) $(LIBRBOX)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LAUNCHER_LIBS)

# Called by that name it is `rbox oci`: what `podman --runtime` takes.
$(B)/rbox-oci: $(B)/rbox
	$(Q)ln -sf rbox $@

$(LIBRBOX): $(OBJS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIBCORE): $(CORE_OBJS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# rbox-init executes the container's command and reports as the launcher's own child does.
$(B)/rbox-init: $(B)/obj/src/box/exec.o $(B)/obj/src/box/sync.o

define helper_rules
$(B)/rbox-$(1): $$(patsubst %.c,$(B)/obj/%.o,$$(wildcard helpers/$(1)/*.c)) $(LIBCORE)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(if $$(filter -static-pie,$$(LIBS_$(1))),$$(filter-out -pie,$$(LINK)),$$(LINK)) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1))
endef
$(foreach h,$(HELPERS),$(eval $(call helper_rules,$(h))))

# ---- man pages and completions, which rbox writes from its own tables
COMPLETIONS := bash-completion/completions/rbox zsh/site-functions/_rbox fish/vendor_completions.d/rbox.fish

$(B)/generated: $(B)/rbox
	$(call say,GEN,$(B)/share)
	$(Q)rm -rf $(B)/share && mkdir -p $(B)/share/man/man1 $(addprefix $(B)/share/,$(dir $(COMPLETIONS)))
	$(Q)$(B)/rbox __generate man $(B)/share/man/man1
	$(Q)set -- $(COMPLETIONS); for shell in bash zsh fish; do \
	  $(B)/rbox __generate completion $$shell >$(B)/share/$$1 || exit 1; shift; done
	$(Q)touch $@

# ---- finished filter programs, built into the launcher
$(B)/gen/seccomp_programs.h: $(B)/rbox-seccomp helpers/seccomp-programs.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)helpers/seccomp-programs.sh $(abspath $(B)/rbox-seccomp) > $@.tmp && mv $@.tmp $@

$(B)/gen/syscall_names.h: $(B)/rbox-seccomp
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(B)/rbox-seccomp names > $@.tmp && mv $@.tmp $@

$(B)/obj/src/box/seccomp.o: $(B)/gen/seccomp_programs.h
$(B)/obj/src/box/explain_say.o: $(B)/gen/syscall_names.h

# ---- the bundled image: Debian's busybox-static
BUSYBOX ?= $(or $(wildcard /bin/busybox),$(wildcard /usr/bin/busybox),/bin/busybox)

$(B)/images/busybox.tar: helpers/bundled-image.sh $(wildcard $(BUSYBOX))
	@mkdir -p $(@D)
	$(call say,IMG,$@)
	$(Q)helpers/bundled-image.sh $(BUSYBOX) $(abspath $@)

# ---- where `rbox image mount` mounts, in a namespace of its own: always empty
$(B)/mnt:
	$(Q)mkdir -p $@

# ---- unit tests: tests/unit/test_*.c, one program each
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
# With sanitizers, not what runs under a filter of its own: their calls do not pass it.
ifdef SAN
UNIT_SRCS := $(filter-out tests/unit/test_port.c,$(UNIT_SRCS))
endif
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(B)/unit/%)

# of a helper: what else it calls, the test has
$(B)/unit/test_worker: $(B)/obj/helpers/unpack/worker.o

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(LIBRBOX)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRBOX) -lcmocka $(LAUNCHER_LIBS) $(TESTLIBS_$*)

# ---- fuzz targets: tests/fuzz/fuzz_*.c, one program each; built by themselves with FUZZ=1
FUZZ_BINS := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzzers/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_S ?= 5

$(B)/fuzzers/%: $(B)/obj/tests/fuzz/fuzz_%.o $(LIBRBOX)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LAUNCHER_LIBS)

.PHONY: fuzz fuzzers
fuzzers: $(FUZZ_BINS)
fuzz: ## every parser of foreign bytes, each for FUZZ_S seconds (5)
	@$(MAKE) -s FUZZ=1 fuzzers
	@tests/fuzz/run $(BUILD_BASE)/fuzz/fuzzers $(FUZZ_S)

# ---- programs that the tests use: tests/tools/*.c, static where they go into a container
TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))

$(B)/tests/%: tests/tools/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g -Wall -Wextra -D_GNU_SOURCE -iquote src -static -o $@ $<

# What a directory service brings for its users' subordinate ids.
NSS := $(B)/tests/libsubid_service.so

$(NSS): tests/tools/nss/libsubid_service.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g -Wall -Wextra -D_GNU_SOURCE -shared -fPIC -o $@ $<

.PHONY: unit-programs test-tools
unit-programs: $(UNIT_BINS)
test-tools: $(TOOLS) $(NSS)

check: ## the whole suite; as root it makes the machine ready and covers all users
	@tests/check

check-unit: all $(UNIT_BINS) ## the unit tests
	@tests/run-unit $(UNIT_BINS)

check-cli: all test-tools ## the command line tests; T=FILES selects
	@tests/run-cli $(B) $(T)

# ---- installing: what `make` built, into PREFIX (no root needed for one of your own)
INSTALL := install

install: ## install what was built into PREFIX (/usr/local), below DESTDIR
	@test -x $(B)/rbox || { echo "run 'make' first" >&2; exit 1; }
	$(Q)$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR)/images $(DESTDIR)$(LIBEXECDIR)/mnt
	$(Q)$(INSTALL) -m 755 $(B)/rbox $(DESTDIR)$(BINDIR)/rbox
	$(Q)ln -sf rbox $(DESTDIR)$(BINDIR)/rbox-oci
	$(Q)$(INSTALL) -m 755 $(HELPER_BINS) $(DESTDIR)$(LIBEXECDIR)/
	$(Q)$(INSTALL) -m 644 $(B)/images/busybox.tar $(DESTDIR)$(LIBEXECDIR)/images/busybox.tar
	$(Q)$(INSTALL) -d $(DESTDIR)$(MANDIR)/man1 $(addprefix $(DESTDIR)$(DATADIR)/,$(dir $(COMPLETIONS)))
	$(Q)$(INSTALL) -m 644 $(B)/share/man/man1/*.1 $(DESTDIR)$(MANDIR)/man1/
	$(Q)for file in $(COMPLETIONS); do \
	  $(INSTALL) -m 644 $(B)/share/$$file $(DESTDIR)$(DATADIR)/$$file || exit 1; done

uninstall: ## remove it again
	$(Q)rm -f $(DESTDIR)$(BINDIR)/rbox $(DESTDIR)$(BINDIR)/rbox-oci
	$(Q)rm -rf $(DESTDIR)$(LIBEXECDIR)
	$(Q)rm -f $(DESTDIR)$(MANDIR)/man1/rbox.1 $(DESTDIR)$(MANDIR)/man1/rbox-*.1 \
	  $(addprefix $(DESTDIR)$(DATADIR)/,$(COMPLETIONS))

check-vm: all test-tools ## every test file as alice and bob in Debian 12 with a real systemd, under qemu (root; an hour)
	@tests/vm/run . bookworm full

VM_RELEASES ?= bookworm bullseye trixie
check-vm-all: all test-tools ## the same in Debian 12, 11 and 13, and SELinux (root; hours)
	@for release in $(VM_RELEASES); do tests/vm/run . $$release full || failed=1; done; \
	tests/vm/run . selinux || failed=1; test -z "$$failed"

lint: ## format and static checks
	@tests/lint/run

# ---- benchmarks
BENCH_BINS := $(B)/bench/floor $(B)/bench/measure $(B)/bench/calls
BENCH_USER ?= rbox-alice

$(B)/obj/tests/bench/calls.o: $(B)/gen/seccomp_programs.h

$(B)/bench/%: $(B)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $<

bench: all $(BENCH_BINS) ## compare starts with the floor and the peers (PARTS="start life many load drivers"); as root, for BENCH_USER
	@tests/bench/bench $(B) $(BENCH_USER) $(PARTS)

format: ## reformat the C sources
	clang-format -i $$(git ls-files '*.[ch]')

clean: ## remove what was built
	rm -rf $(BUILD_BASE)

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)
