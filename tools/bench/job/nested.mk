# SPDX-License-Identifier: GPL-2.0
# The demo with nested translation: two devices, with an IOMMU group each.

include $(BENCH)/job/vsmmu.mk

JOB_TITLE   := demo, nested
JOB_SCRIPT  := $(BENCH)/job/nested-job
JOB_FILES   := /job-lib=$(BENCH)/job-lib /bin/swmsi=$(SWMSI)
JOB_DEPS    := $(BENCH)/job-lib $(SWMSI)
JOB_MACHINE  = $(STAGES) $(EDU),addr=1.0 $(EDU),addr=2.0 $(TRACING)
