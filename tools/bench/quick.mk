# SPDX-License-Identifier: GPL-2.0
# The tests that the series adds, and no others.

include $(BENCH)/kselftest.mk

JOB_TITLE    = tests of the window on $(FLAVOUR)
JOB_SCRIPT  := $(BENCH)/quick-job
# Freed memory shows at once; KASAN sees that itself, and the two do not mix
JOB_CMDLINE := $(if $(DEBUG),,slab_debug=P)
