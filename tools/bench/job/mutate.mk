# SPDX-License-Identifier: GPL-2.0
# One of the mutants of the script "mutate", which are all in one kernel: MUTANT is
# its number, 0 for none. Ends with the first failure.

include $(BENCH)/job/quick.mk

JOB_TITLE    = mutant $(MUTANT)
JOB_VERDICT  = $(BENCH)/tap $(LOG) $(SKIP_LISTS)
JOB_SCRIPT  := $(BENCH)/job/mutate-job
JOB_FILES   += /tests=$(BENCH)/job/kselftest-job
JOB_FILES   += $(foreach list,$(SKIP_LISTS),/skip/$(notdir $(list))=$(list))
JOB_DEPS    += $(BENCH)/job/kselftest-job $(SKIP_LISTS)
JOB_CMDLINE += sw_msi_mutant=$(MUTANT)
TIMEOUT     := 200
