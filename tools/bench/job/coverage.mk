# SPDX-License-Identifier: GPL-2.0
# Another job, WORK, on a kernel that counts which lines of the series run: one
# guest of the script "coverage". The counts are in its log, as lines that begin
# with "gcda ".

include $(BENCH)/job/$(WORK).mk

JOB_TITLE    = $(WORK) with gcov, $(LANE)
JOB_FILES   += /work=$(BENCH)/job/$(WORK)-job
JOB_DEPS    += $(BENCH)/job/$(WORK)-job
JOB_SCRIPT  := $(BENCH)/job/coverage-job
JOB_CONFIG  := $(BENCH)/job/gcov.config
JOB_CMDLINE += OBJECTS=$(abspath $(OUT)/kernel)

# Kbuild goes by the name of the object, in whatever directory
KMAKE       += $(patsubst %.c,GCOV_PROFILE_%.o=y,$(notdir $(shell \
	       . $(BENCH)/series/base; git -C $(LINUX) diff --name-only base -- \
	       '*.c' ':!tools')))
