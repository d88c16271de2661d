# SPDX-License-Identifier: GPL-2.0
# The kernel's own tests: the collections in TARGETS, through run_kselftest.sh.
# kselftest-COLLECTION.mk, where there is one, has what a collection needs besides.

TESTS        = $(USER)
INSTALLED    = $(TESTS)/install/run_kselftest.sh

SKIP_LISTS   = $(wildcard $(addprefix $(BENCH)/,$(addsuffix .skip,lane/$(LANE) series/$(BASE) job/$(SKIP))))

JOB_TITLE    = $(TARGETS) tests on $(FLAVOUR)
JOB_SCRIPT  := $(BENCH)/job/kselftest-job
JOB_FILES    = /job-lib=$(BENCH)/job-lib \
	       /kselftest=$(TESTS)/install
JOB_FILES   += $(if $(ONLY),/only=$(OUT)/only)
JOB_DEPS     = $(BENCH)/job-lib $(INSTALLED) $(if $(ONLY),$(OUT)/only)
JOB_PROGRESS = $(BENCH)/tap -p $(if $(JOB_PARTS),$(JOB_PARTS:%=$(LOG:.log=.%.log)),$(LOG))
JOB_VERDICT  = $(call verdict,$(BENCH)/tap,$(LOG) $(SKIP_LISTS))

# Huge pages, which the demos on the same lane do not need
ifeq ($(LANE),arm64)
JOB_CONFIG  += $(BENCH)/job/hugepages.config
OUT         := $(OUT)-tests
endif

# The whole iommu suite runs in two guests
ifeq ($(JOB) $(strip $(TARGETS)) $(ONLY),kselftest iommu )
JOB_PARTS   := 1 2
endif

$(OUT)/only: FORCE
	$(call record,$(ONLY))

# Rebuild all tests when any file changes that they may include, as their makefiles
# do not track headers.
$(TESTS)/targets: FORCE
	$(call record,$(TARGETS))

$(INSTALLED): $(HEADERS)/.installed $(TESTS)/targets $(BUSYBOX) $(call sources,\
	      tools/testing/selftests drivers/iommu/iommufd/iommufd_test.h)
	@rm -rf $(TESTS)/kselftest $(@D)
	$(RUN) tests-$(USER_ARCH) 'tests $(USER_ARCH)' \
		env MAKEFILES='$(abspath $(TESTS_RULES))' $(MAKE) -C $(LINUX)/tools/testing/selftests install \
		O=$(abspath $(TESTS)) KSFT_INSTALL_PATH=$(abspath $(@D)) \
		ARCH=$(USER_ARCH) CROSS_COMPILE=$(CROSS_COMPILE) \
		TARGETS='$(TARGETS)' FORCE_TARGETS=1 \
		LLVM=$(TESTS_LLVM) \
		USERLDFLAGS='-static $(USER_FLAGS)'
	@touch $@

include $(wildcard $(TARGETS:%=$(BENCH)/job/kselftest-%.mk))
