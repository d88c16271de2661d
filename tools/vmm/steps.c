// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "say.h"
#include "steps.h"

/* A stage of 0 is for either: the kernel chooses */
void check_msi(struct vmm_device *device, const char *what, uint64_t start,
	       int stage)
{
	uint64_t signals = vmm_device_raise_msi(device);

	check(signals == 1, "%s: eventfd count %" PRIu64, what, signals);
	printf("swmsi: expect iova=0x%" PRIx64 " pa=doorbell",
	       start + DOORBELL_OFFSET);
	if (stage)
		printf(" stage=%d", stage);
	putchar('\n');
}

void enable_msi(struct vmm_device *device)
{
	int rc = vmm_device_enable_msi(device);

	if (rc)
		errx(1, "VFIO_DEVICE_SET_IRQS: %s",
		     sw_msi_strerror(SW_MSI_STEP_IRQ, rc));
}

void attach(struct vmm_device *device, uint32_t pt_id)
{
	int rc = vmm_device_attach(device, pt_id);

	if (rc)
		errx(1, "attach: %s: %s", errno_name(rc),
		     sw_msi_strerror(SW_MSI_STEP_ATTACH, rc));
}

void check_set(struct vmm *vmm, struct vmm_device *device, uint64_t start)
{
	uint64_t got_start = 0, got_size = 0;
	char what[48];
	int rc;

	snprintf(what, sizeof(what), "window set to 0x%" PRIx64, start);
	rc = sw_msi_set_window(vmm->iommufd, device->id, start, WINDOW_SIZE);
	if (rc) {
		check_done(rc, SW_MSI_STEP_OPTION, what);
		return;
	}
	rc = sw_msi_get_window(vmm->iommufd, device->id, &got_start, &got_size);
	check(!rc && got_start == start && got_size == WINDOW_SIZE,
	      "%s, and read back", what);
}

bool ioas_can_map(struct vmm *vmm, uint64_t start, uint64_t size)
{
	struct iommu_iova_range *ranges;
	bool found = false;
	uint32_t num;

	ranges = vmm_iova_ranges(vmm, &num);
	for (uint32_t i = 0; i < num; i++)
		if (ranges[i].start <= start &&
		    ranges[i].last >= start + size - 1)
			found = true;
	free(ranges);
	return found;
}
