# SPDX-License-Identifier: GPL-2.0
# The tests that the series adds, and no others.

override ONLY := $(or $(ONLY),iommufd_sw_msi iommufd_sw_msi_option iommufd_sw_msi_page \
	fault_has_the_device_of_a_group \
	msi_page_returns_to_a_domain_finished_by_attach \
	destroy_ends_with_the_last_user_of_the_device \
	close_frees_msi_pages basic_fail_nth.sw_msi_*)

include $(BENCH)/job/kselftest.mk

JOB_TITLE    = tests of the window on $(FLAVOUR)
JOB_CMDLINE := $(POISON)
