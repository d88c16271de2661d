// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include "viommu.h"

#define EVENT_DEPTH		16
#define EVENT_TIMEOUT_MS	5000

void viommu_open(struct vmm *vmm, struct viommu *viommu,
		 struct vmm_device *device, uint32_t parent_id)
{
	struct iommu_viommu_alloc alloc = {
		.size = sizeof(alloc),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = device->id,
		.hwpt_id = parent_id,
	};
	struct iommu_veventq_alloc events = {
		.size = sizeof(events),
		.type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = EVENT_DEPTH,
	};

	xioctl(vmm->iommufd, IOMMU_VIOMMU_ALLOC, &alloc);
	events.viommu_id = alloc.out_viommu_id;
	xioctl(vmm->iommufd, IOMMU_VEVENTQ_ALLOC, &events);

	viommu->vmm = vmm;
	viommu->id = alloc.out_viommu_id;
	viommu->event_fd = events.out_veventq_fd;
}

void viommu_close(struct viommu *viommu)
{
	close(viommu->event_fd);
}

uint32_t viommu_add_device(struct viommu *viommu, struct vmm_device *device,
			   uint32_t vsid)
{
	struct iommu_vdevice_alloc alloc = {
		.size = sizeof(alloc),
		.viommu_id = viommu->id,
		.dev_id = device->id,
		.virt_id = vsid,
	};

	xioctl(viommu->vmm->iommufd, IOMMU_VDEVICE_ALLOC, &alloc);
	return alloc.out_vdevice_id;
}

uint32_t viommu_alloc_nested(struct viommu *viommu, struct vmm_device *device,
			     const uint64_t ste[2])
{
	struct iommu_hwpt_arm_smmuv3 data = { .ste = { ste[0], ste[1] } };
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = device->id,
		.pt_id = viommu->id,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	xioctl(viommu->vmm->iommufd, IOMMU_HWPT_ALLOC, &alloc);
	return alloc.out_hwpt_id;
}

void viommu_command(struct viommu *viommu, uint64_t cmd_0)
{
	struct iommu_viommu_arm_smmuv3_invalidate cmd = {
		.cmd = { htole64(cmd_0) },
	};
	struct iommu_hwpt_invalidate invalidate = {
		.size = sizeof(invalidate),
		.hwpt_id = viommu->id,
		.data_uptr = (uintptr_t)&cmd,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(cmd),
		.entry_num = 1,
	};

	xioctl(viommu->vmm->iommufd, IOMMU_HWPT_INVALIDATE, &invalidate);
}

static int wait_event(struct viommu *viommu, int timeout_ms)
{
	struct pollfd pollfd = { .fd = viommu->event_fd, .events = POLLIN };

	return poll(&pollfd, 1, timeout_ms) == 1;
}

int viommu_read_event(struct viommu *viommu, uint64_t event[4])
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_vevent_arm_smmuv3 record;
	} buf;

	ssize_t length;

	if (!wait_event(viommu, EVENT_TIMEOUT_MS))
		return -ETIMEDOUT;
	length = read(viommu->event_fd, &buf, sizeof(buf));
	if (length < 0)
		err(1, "vEVENTQ");
	/* A header alone: IOMMU_VEVENTQ_FLAG_LOST_EVENTS */
	if (length == sizeof(buf.header))
		return -EOVERFLOW;
	if (length != sizeof(buf))
		errx(1, "vEVENTQ: %zd bytes", length);
	for (int i = 0; i < 4; i++)
		event[i] = le64toh(buf.record.evt[i]);
	return 0;
}

int viommu_has_event(struct viommu *viommu)
{
	return wait_event(viommu, 0);
}
