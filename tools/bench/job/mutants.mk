# SPDX-License-Identifier: GPL-2.0
# One mutant: the tests of the series on a kernel that breaks a rule. Run by the
# script "mutants", for each patch in its folder.

include $(BENCH)/job/quick.mk

JOB_TITLE   := $(MUTANT)
