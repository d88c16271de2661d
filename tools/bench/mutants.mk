# SPDX-License-Identifier: GPL-2.0
# One mutant: the tests of the series on a kernel that breaks a rule. Run by the
# script "mutants", for each patch in its folder.

include $(BENCH)/kselftest.mk

JOB_TITLE   := $(MUTANT)
JOB_SCRIPT  := $(BENCH)/mutants-job
# Freed memory shows at once
JOB_CMDLINE := slab_debug=P
JOB_PROGRESS :=
JOB_VERDICT := grep -qx 'job: exit 0' $(LOG)
