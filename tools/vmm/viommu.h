/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtual IOMMU of a guest: an SMMUv3 whose stage 2 is the VMM's, and whose
 * stage 1 is the guest's.
 */
#ifndef VIOMMU_H
#define VIOMMU_H

#include <stdint.h>

#include "vmm.h"

/**
 * struct viommu - a virtual SMMUv3
 * @vmm: the VMM
 * @id: ID of the vIOMMU
 * @event_fd: the vEVENTQ, where faults of stage 1 are read
 */
struct viommu {
	struct vmm *vmm;
	uint32_t id;
	int event_fd;
};

/**
 * viommu_open() - Make a vIOMMU and its event queue
 * @vmm: the VMM
 * @viommu: the vIOMMU
 * @device: any device behind the physical IOMMU
 * @parent_id: ID of the nest-parent HWPT
 */
void viommu_open(struct vmm *vmm, struct viommu *viommu,
		 struct vmm_device *device, uint32_t parent_id);

/**
 * viommu_close() - Close the event queue; the rest goes with the iommufd
 * @viommu: the vIOMMU
 */
void viommu_close(struct viommu *viommu);

/**
 * viommu_add_device() - Tell the vIOMMU the guest's stream ID of a device
 * @viommu: the vIOMMU
 * @device: the device
 * @vsid: its stream ID in the guest
 *
 * Return: ID of the vDEVICE.
 */
uint32_t viommu_add_device(struct viommu *viommu, struct vmm_device *device,
			   uint32_t vsid);

/**
 * viommu_alloc_nested() - Allocate a nested HWPT from a guest's STE
 * @viommu: the vIOMMU
 * @device: the device to allocate it for
 * @ste: the first two double words of the STE, little endian
 *
 * Return: ID of the HWPT.
 */
uint32_t viommu_alloc_nested(struct viommu *viommu, struct vmm_device *device,
			     const uint64_t ste[2]);

/**
 * viommu_command() - Issue an invalidation command of the guest
 * @viommu: the vIOMMU
 * @cmd_0: first double word of the command; the second is 0
 */
void viommu_command(struct viommu *viommu, uint64_t cmd_0);

/**
 * viommu_read_event() - Wait for an event for the guest
 * @viommu: the vIOMMU
 * @event: the record, in the byte order of the CPU
 *
 * Return: 0, or
 * -ETIMEDOUT: there is none within a few seconds;
 * -EOVERFLOW: the queue was full, and events were lost here.
 */
int viommu_read_event(struct viommu *viommu, uint64_t event[4]);

/**
 * viommu_has_event() - Whether there is an event to read now
 * @viommu: the vIOMMU
 */
int viommu_has_event(struct viommu *viommu);

#endif /* VIOMMU_H */
