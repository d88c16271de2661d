/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The software MSI window of an iommufd device, for VMM authors.
 *
 * Header-only; copy it into your tree. It needs <linux/iommufd.h> of any
 * release that has IOMMU_OPTION (v6.2 and later) and libc.
 */
#ifndef SW_MSI_H
#define SW_MSI_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sys/ioctl.h>

#include <linux/iommufd.h>

/**
 * DOC: Moving the software MSI window
 *
 * Where an MSI goes through the IOMMU, as on Arm, the kernel maps the doorbell
 * page of the interrupt controller into the device's IOVA space. It does so
 * within one window, by default the one that the IOMMU driver reports as
 * IOMMU_RESV_SW_MSI. IOMMU_OPTION_SW_MSI_START and IOMMU_OPTION_SW_MSI_SIZE
 * move it; see their kernel-doc in <linux/iommufd.h>. The functions here set
 * and read the two as one window in bytes.
 *
 * The order of a VMM: bind the device (its ID is out_devid of
 * VFIO_DEVICE_BIND_IOMMUFD), sw_msi_probe(), sw_msi_set_window(), attach, map
 * guest memory, set up interrupts. The window stays with the device until it
 * is unbound. It can be changed while the device is detached and no interrupt
 * was set up yet for it or for another device of its IOMMU group.
 *
 * Functions return 0 or a negative errno; sw_msi_strerror() has a sentence for
 * each. None allocates memory or keeps state. Two threads that move the window
 * of one device at the same time must agree between themselves.
 */

/*
 * IOMMU_OPTION_SW_MSI_START and IOMMU_OPTION_SW_MSI_SIZE. They are enum values
 * in the uapi header, so own names serve with headers that lack them.
 */
#define SW_MSI_OPTION_START	2
#define SW_MSI_OPTION_SIZE	3

/* The unit of a window's size, and the alignment of its start, in bytes */
#define SW_MSI_UNIT		((uint64_t)1 << 20)

/* What sw_msi_get_window() gives as start when none was ever set */
#define SW_MSI_START_UNSET	UINT64_MAX

/**
 * enum sw_msi_support - what sw_msi_probe() found
 * @SW_MSI_SUPPORTED: the device's window can be moved
 * @SW_MSI_NO_KERNEL: the kernel does not have the options: the device works
 *                    with the default window
 * @SW_MSI_NO_REGION: the device has no software MSI window: its MSIs do not
 *                    need one, there is nothing to move
 */
enum sw_msi_support {
	SW_MSI_SUPPORTED,
	SW_MSI_NO_KERNEL,
	SW_MSI_NO_REGION,
};

/**
 * enum sw_msi_step - what was being done when an errno came
 * @SW_MSI_STEP_OPTION: setting or reading the window, here or by IOMMU_OPTION
 * @SW_MSI_STEP_ATTACH: attaching the device, or replacing its attachment
 * @SW_MSI_STEP_IRQ: setting up the device's MSIs
 */
enum sw_msi_step {
	SW_MSI_STEP_OPTION,
	SW_MSI_STEP_ATTACH,
	SW_MSI_STEP_IRQ,
};

static inline int __sw_msi_option(int iommufd, uint32_t dev_id, uint16_t op,
				  uint32_t option, uint64_t *val64)
{
	struct iommu_option cmd;

	memset(&cmd, 0, sizeof(cmd));
	cmd.size = sizeof(cmd);
	cmd.option_id = option;
	cmd.op = op;
	cmd.object_id = dev_id;
	cmd.val64 = *val64;
	if (ioctl(iommufd, IOMMU_OPTION, &cmd))
		return -errno;
	*val64 = cmd.val64;
	return 0;
}

static inline int __sw_msi_set(int iommufd, uint32_t dev_id, uint32_t option,
			       uint64_t val64)
{
	return __sw_msi_option(iommufd, dev_id, IOMMU_OPTION_OP_SET, option,
			       &val64);
}

/**
 * sw_msi_get_window() - Read the window of a device
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 * @start: first IOVA last set, in bytes; SW_MSI_START_UNSET if none was
 * @size: size last set, in bytes; 0 while the default window is in force
 *
 * Works at any time, attached or not.
 *
 * Return: 0, or
 * -EOPNOTSUPP: what sw_msi_probe() tells apart;
 * -ENOENT: @dev_id is not a device of this iommufd.
 */
static inline int sw_msi_get_window(int iommufd, uint32_t dev_id,
				    uint64_t *start, uint64_t *size)
{
	uint64_t first = 0, units = 0;
	int rc;

	rc = __sw_msi_option(iommufd, dev_id, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_START, &first);
	if (rc)
		return rc;
	rc = __sw_msi_option(iommufd, dev_id, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_SIZE, &units);
	if (rc)
		return rc;
	*start = first;
	*size = units * SW_MSI_UNIT;
	return 0;
}

/**
 * sw_msi_probe() - Tell whether the window of a device can be moved
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 * @support: the answer
 *
 * Changes nothing.
 *
 * Return: 0 when @support holds the answer, or
 * -ENOENT: @dev_id is not a device of this iommufd.
 */
static inline int sw_msi_probe(int iommufd, uint32_t dev_id,
			       enum sw_msi_support *support)
{
	uint64_t val64 = 0;
	int rc;

	/* No object has ID 0: a kernel that has the option looks for it */
	rc = __sw_msi_option(iommufd, 0, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_SIZE, &val64);
	if (rc == -EOPNOTSUPP || rc == -ENOTTY) {
		*support = SW_MSI_NO_KERNEL;
		return 0;
	}
	rc = __sw_msi_option(iommufd, dev_id, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_SIZE, &val64);
	if (rc && rc != -EOPNOTSUPP)
		return rc;
	*support = rc ? SW_MSI_NO_REGION : SW_MSI_SUPPORTED;
	return 0;
}

/**
 * sw_msi_reset_window() - Go back to the default window
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 *
 * Return: 0, or
 * -EBUSY: the device is attached, or MSIs were set up for its group;
 * -EOPNOTSUPP, -ENOENT: as sw_msi_get_window().
 */
static inline int sw_msi_reset_window(int iommufd, uint32_t dev_id)
{
	return __sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_SIZE, 0);
}

/**
 * sw_msi_set_window() - Move the window of a device
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 * @start: first IOVA, in bytes; a multiple of SW_MSI_UNIT
 * @size: size in bytes; a multiple of SW_MSI_UNIT, and not 0
 *
 * The kernel checks a new start with the size in force, and that size may not
 * fit at the new place. So a window in force is first taken away; when the new
 * one is refused, it is put back, and the device is as it was (the start stays
 * that of the refused window if none had been set before: without a size it
 * means nothing).
 *
 * One page holds one doorbell. SW_MSI_UNIT holds 256 pages of 4 KiB, or 16
 * pages of 64 KiB.
 *
 * Return: 0, or
 * -EINVAL: @start or @size is not a multiple of SW_MSI_UNIT, or @size is 0;
 * -EOVERFLOW: the window does not fit the kernel's unsigned long;
 * -EADDRINUSE: the window overlaps a reserved region of the device;
 * -EBUSY: the device is attached, or MSIs were set up for its group;
 * -EOPNOTSUPP, -ENOENT: as sw_msi_get_window().
 */
static inline int sw_msi_set_window(int iommufd, uint32_t dev_id,
				    uint64_t start, uint64_t size)
{
	uint64_t old_start, old_size;
	int rc;

	if (!size || size % SW_MSI_UNIT)
		return -EINVAL;
	rc = sw_msi_get_window(iommufd, dev_id, &old_start, &old_size);
	if (rc)
		return rc;
	if (old_size) {
		rc = sw_msi_reset_window(iommufd, dev_id);
		if (rc)
			return rc;
	}

	rc = __sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_START, start);
	if (!rc)
		rc = __sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_SIZE,
				  size / SW_MSI_UNIT);
	if (!rc)
		return 0;

	if (old_start != SW_MSI_START_UNSET)
		__sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_START, old_start);
	if (old_size)
		__sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_SIZE,
			     old_size / SW_MSI_UNIT);
	return rc;
}

/**
 * sw_msi_pick_window() - Find the lowest free place for a window
 * @allowed: ranges the IOAS can map, as IOMMU_IOAS_IOVA_RANGES gives them
 * @num_allowed: number of elements of @allowed
 * @guest: ranges the VMM wants for itself: RAM, and devices' MMIO
 * @num_guest: number of elements of @guest
 * @size: size of the window in bytes; a multiple of SW_MSI_UNIT, and not 0
 * @start: the place found
 *
 * Once a device has been attached to the IOAS, @allowed leaves out the reserved
 * regions of the device and what is beyond the aperture of its domain. It also
 * leaves out the window that was in force then. The ranges of both kinds can
 * come in any order and may overlap.
 *
 * Return: 0, or
 * -EINVAL: @size is 0 or not a multiple of SW_MSI_UNIT;
 * -ENOSPC: there is no such place.
 */
static inline int sw_msi_pick_window(const struct iommu_iova_range *allowed,
				     size_t num_allowed,
				     const struct iommu_iova_range *guest,
				     size_t num_guest, uint64_t size,
				     uint64_t *start)
{
	int rc = -ENOSPC;
	size_t i, j;

	if (!size || size % SW_MSI_UNIT)
		return -EINVAL;

	for (i = 0; i < num_allowed; i++) {
		uint64_t first = allowed[i].start;

		for (;;) {
			uint64_t up = -first % SW_MSI_UNIT;

			if (up > UINT64_MAX - first ||
			    size - 1 > UINT64_MAX - (first + up) ||
			    first + up + (size - 1) > allowed[i].last)
				break;
			first += up;

			for (j = 0; j < num_guest; j++)
				if (guest[j].start <= first + (size - 1) &&
				    guest[j].last >= first)
					break;
			if (j == num_guest) {
				if (rc || first < *start)
					*start = first;
				rc = 0;
				break;
			}
			if (guest[j].last == UINT64_MAX)
				break;
			first = guest[j].last + 1;
		}
	}
	return rc;
}

/**
 * sw_msi_strerror() - Say which condition an errno stands for, and what to do
 * @step: what was being done
 * @err: the errno, positive or negative
 *
 * Return: one sentence of at most 72 characters, without a line feed;
 * strerror() of @err when it has no special meaning in @step.
 */
static inline const char *sw_msi_strerror(enum sw_msi_step step, int err)
{
	if (err < 0)
		err = -err;

	switch (step) {
	case SW_MSI_STEP_OPTION:
		switch (err) {
		case EOPNOTSUPP:
		case ENOTTY:
			return "kernel or device has no movable MSI window: use the default window";
		case ENOENT:
			return "no such device in this iommufd: use out_devid of the VFIO bind";
		case EBUSY:
			return "device attached, or MSIs set up for its group: set the window first";
		case EINVAL:
			return "not a multiple of 1 MiB, or size before start: align the window";
		case EOVERFLOW:
			return "window past the end of the address space: lower it or shrink it";
		case EADDRINUSE:
			return "window overlaps a reserved region of the device: choose another";
		}
		break;
	case SW_MSI_STEP_ATTACH:
		switch (err) {
		case EADDRINUSE:
			return "MSI window meets a mapping or allowed range of the IOAS: move one";
		case EINVAL:
			return "MSI window outside the aperture of the domain: choose a lower one";
		case EBUSY:
			return "another device of the group has another MSI window: set that one";
		}
		break;
	case SW_MSI_STEP_IRQ:
		if (err == ENOSPC)
			return "MSI window is full: set a larger one before attaching";
		break;
	}
	return strerror(err);
}

#endif /* SW_MSI_H */
