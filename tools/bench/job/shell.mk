# SPDX-License-Identifier: GPL-2.0
# A shell in the guest, on this terminal, or the command CMD in its place. The tests
# are there, and what the demo of the lane has; with QEMU=1 that of L1.

# As it was given, and not what make would make of it
override CMD := $(value CMD)
export CMD

# um has the host's files anyway
ifneq ($(LANE),um)
JOB_CONFIG  := $(BENCH)/job/9p.config
OUT         := $(OUT)-shell
endif

include $(BENCH)/job/kselftest.mk
ifeq ($(LANE),arm64)
include $(BENCH)/job/$(if $(QEMU),qemu,demo).mk
JOB_FILES   += /kselftest=$(TESTS)/install $(if $(QEMU),/bin/swmsi=$(SWMSI))
JOB_DEPS    += $(INSTALLED) $(SWMSI)
endif

JOB_TITLE    = $(if $(CMD),run,shell) on $(FLAVOUR)
JOB_SCRIPT  := $(BENCH)/job/shell-job
JOB_FILES   += $(if $(CMD),/cmd=$(OUT)/cmd)
JOB_DEPS    += $(if $(CMD),$(OUT)/cmd)
# um has the console's input from here, and takes the path from HOST
MACHINE_um  := con0=$(if $(CMD),null,fd:0),fd:1
MACHINE     += $(MACHINE_$(LANE))
JOB_CMDLINE += HOST=$(CURDIR) $(if $(CMD),,loglevel=5)
VIRTIO      += -device virtio-9p-device,fsdev=host,mount_tag=host \
	       -fsdev local,id=host,path=.,security_model=none,readonly=on
# What the command said, to file descriptor 7, and its status
JOB_VERDICT  = sed -n 's/^job: //p' $(LOG) | sed '$$d' >&7; \
	       (exit $$(sed -n 's/^job: exit //p' $(LOG) | tail -n 1))

$(OUT)/cmd: FORCE
	@mkdir -p $(@D); printf '%s\n' "$$CMD" > $@

shell: machine
	@echo 'exit leaves the guest$(if $(filter um,$(LANE)),,, as ^A x does)'
	@$(MACHINE) 3> /dev/null
