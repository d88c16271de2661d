# SPDX-License-Identifier: GPL-2.0
# The demo of the RFC: two devices with an MSI, and one with MSI-X.

include $(BENCH)/job/vsmmu.mk

JOB_TITLE   := demo, own doorbell
JOB_SCRIPT  := $(BENCH)/job/vits-job
JOB_FILES   := /job-lib=$(BENCH)/job-lib /bin/swmsi=$(SWMSI)
JOB_DEPS    := $(BENCH)/job-lib $(SWMSI)
JOB_MACHINE  = $(STAGES) $(EDU),addr=1.0 $(EDU),addr=2.0 \
	       -device e1000e,addr=3.0,romfile= $(TRACING)
