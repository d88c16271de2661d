/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verdict on a window: its limits, whether it should be accepted, and
 * whether the kernel accepts it.
 *
 * predict() does not try the window. It uses the reserved regions in sysfs, the
 * aperture and the memory map. To predict the kernel's errno, it has to tell
 * reserved regions from addresses outside the aperture. A VMM need not:
 * IOMMU_IOAS_IOVA_RANGES leaves out both, see sw_msi_pick_window().
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include <sw_msi.h>

#include "vmm.h"

#define RESERVED_MAX	64
#define TYPE_MAX	32

/**
 * struct device_map - what limits the window of a device
 * @group: number of its IOMMU group
 * @support: whether the window can be moved
 * @reserved: the reserved regions of the group
 * @type: their types, as sysfs has them
 * @num_reserved: number of elements of @reserved and @type
 * @dflt: the default window
 * @fixed: the reserved regions that no window may overlap
 * @num_fixed: number of elements of @fixed
 * @allowed: the IOVA ranges of the IOAS, with the device attached
 * @num_allowed: number of elements of @allowed
 * @aperture: what the domain can translate
 */
struct device_map {
	int group;
	enum sw_msi_support support;
	struct iommu_iova_range reserved[RESERVED_MAX];
	char type[RESERVED_MAX][TYPE_MAX];
	size_t num_reserved;
	struct iommu_iova_range dflt;
	struct iommu_iova_range fixed[RESERVED_MAX];
	size_t num_fixed;
	struct iommu_iova_range *allowed;
	uint32_t num_allowed;
	struct iommu_iova_range aperture;
};

/**
 * struct verdict - whether a window is accepted
 * @rc: 0 or negative errno
 * @step: the step that returned @rc
 */
struct verdict {
	int rc;
	enum sw_msi_step step;
};

/**
 * range_of() - The range of a window
 * @start: its first IOVA
 * @size: its size in bytes
 *
 * Return: the range; its last IOVA is the lower one if it wraps.
 */
struct iommu_iova_range range_of(uint64_t start, uint64_t size);

/**
 * read_reserved() - Read reserved regions from sysfs, or end the program
 * @map: where its group, reserved regions and default window go; all 0
 * @bdf: address of the device
 */
void read_reserved(struct device_map *map, const char *bdf);

/**
 * read_map() - Find all limits of a device's window, or end the program
 * @map: where that goes; free() its @allowed
 * @vmm: the VMM
 * @device: the device; it ends up attached
 * @bdf: its address
 */
void read_map(struct device_map *map, struct vmm *vmm,
	      struct vmm_device *device, const char *bdf);

/**
 * map_ranges() - Map RAM, or end the program
 * @vmm: the VMM, with as much RAM
 * @ranges: where the RAM is, at its guest physical address
 * @num: number of elements of @ranges
 */
void map_ranges(struct vmm *vmm, const struct iommu_iova_range *ranges,
		size_t num);

/**
 * predict() - Predict whether a window is accepted, without asking the kernel
 * @map: what limits the window
 * @ram: RAM of the guest
 * @num_ram: number of elements of @ram
 * @start: its first IOVA
 * @size: its size in bytes
 *
 * Return: what the kernel is expected to say.
 */
struct verdict predict(const struct device_map *map,
		       const struct iommu_iova_range *ram, size_t num_ram,
		       uint64_t start, uint64_t size);

/**
 * find_nearest() - Find the nearest window that would be accepted
 * @map: what limits the window
 * @ram: RAM of the guest
 * @num_ram: number of elements of @ram
 * @start: the first IOVA it is to be near to
 * @size: its size in bytes; rounded down to what a window can have, or 1 MiB
 * @nearest: its first IOVA
 *
 * Return: 0 or the negative errno of sw_msi_pick_window(); -EOPNOTSUPP if it
 * cannot be moved.
 */
int find_nearest(const struct device_map *map,
		 const struct iommu_iova_range *ram, size_t num_ram,
		 uint64_t start, uint64_t *size, uint64_t *nearest);

/**
 * try_attach() - Ask the kernel whether it accepts the current window
 * @vmm: the VMM
 * @device: the device; it ends up attached if that is accepted
 *
 * Return: what the kernel says.
 */
struct verdict try_attach(struct vmm *vmm, struct vmm_device *device);

/**
 * try_window() - Ask the kernel whether it accepts a window
 * @vmm: the VMM
 * @device: the device; it ends up attached if the window is accepted
 * @start: its first IOVA
 * @size: its size in bytes
 *
 * Return: what the kernel says.
 */
struct verdict try_window(struct vmm *vmm, struct vmm_device *device,
			  uint64_t start, uint64_t size);

/**
 * support_name() - Whether the window can be moved, in words
 * @support: the answer
 *
 * Return: "yes", or "no" and why.
 */
const char *support_name(enum sw_msi_support support);

/**
 * step_name() - The step of a verdict, in words
 * @step: the step
 *
 * Return: "when set" or "on attach".
 */
const char *step_name(enum sw_msi_step step);

#endif /* VERDICT_H */
