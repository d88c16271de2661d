/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The software MSI window of an iommufd device, for VMM authors.
 *
 * Header-only; copy it into your tree. It needs <linux/iommufd.h> of any
 * release that has IOMMU_OPTION (v6.2 and later), <linux/vfio.h> and libc.
 *
 * Copyright (c) 2026 the iommufd sw_msi series
 *
 * The MIT license, for those who choose it:
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in
 * all copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
#ifndef SW_MSI_H
#define SW_MSI_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

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
 * A VMM calls sw_msi_probe_kernel() before it lays out the guest's memory: that
 * takes no device. For each device it then does this, in this order: bind the
 * device (its ID is out_devid of VFIO_DEVICE_BIND_IOMMUFD), sw_msi_probe(),
 * sw_msi_set_window(), attach, map guest memory, set up interrupts.
 *
 * The window stays with the device until the device is unbound. The VMM can
 * change it while the device is detached and no interrupt was set up yet for the
 * device or for another one of its IOMMU group.
 *
 * Functions return 0 or a negative errno; sw_msi_strerror() has a sentence for
 * each. No function allocates memory or keeps state. If two threads move the
 * window of one device, they must take turns.
 */

/*
 * IOMMU_OPTION_SW_MSI_START and IOMMU_OPTION_SW_MSI_SIZE. The uapi header has
 * them as enum values, which #ifdef does not see: hence names of our own.
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
 * @SW_MSI_NO_KERNEL: the kernel does not have the options: a device that has
 *                    a window has the default one
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
 * @SW_MSI_STEP_OPTION: picking, setting or reading the window, here or by
 *                      IOMMU_OPTION
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
 * -EOPNOTSUPP: the kernel has no such options, or the device no window:
 * sw_msi_probe() tells which;
 * -ENOENT: @dev_id is not a device of this iommufd, or an emulated one (mdev),
 * which has no window.
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
 * sw_msi_probe_kernel() - Tell whether the kernel has the options
 * @iommufd: file descriptor of /dev/iommu; no device need be bound to it
 *
 * For a VMM that lays out the guest's memory before it knows the devices.
 *
 * Return: 0: it has them; -EOPNOTSUPP: it does not, and a device that has
 * a window has the default one; any other negative errno: that of the ioctl.
 */
static inline int sw_msi_probe_kernel(int iommufd)
{
	uint64_t val64 = 0;
	int rc;

	/* No object has ID 0: a kernel that has the option looks for it */
	rc = __sw_msi_option(iommufd, 0, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_SIZE, &val64);
	if (rc == -ENOENT)
		return 0;
	return rc == -ENOTTY ? -EOPNOTSUPP : rc;
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
 * -ENOENT: @dev_id is not a device of this iommufd, or an emulated one (mdev),
 * which has no window; any other negative errno: that of the ioctl.
 */
static inline int sw_msi_probe(int iommufd, uint32_t dev_id,
			       enum sw_msi_support *support)
{
	uint64_t val64 = 0;
	int rc;

	rc = sw_msi_probe_kernel(iommufd);
	if (rc == -EOPNOTSUPP) {
		*support = SW_MSI_NO_KERNEL;
		return 0;
	}
	if (rc)
		return rc;
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
 * fit at the new place. So the old window is cleared first, and restored if the
 * new one is refused. If no start had been set before, that of the refused window
 * remains. It has no effect without a size.
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

/* What sw_msi_pick_window() was asked for, and the best place so far */
struct __sw_msi_search {
	const struct iommu_iova_range *allowed, *guest, *reserved;
	size_t num_allowed, num_guest, num_reserved;
	uint64_t near_start, size, best;
	int found;
};

static inline int __sw_msi_overlaps(const struct iommu_iova_range *ranges,
				    size_t num, uint64_t start, uint64_t last)
{
	size_t i;

	for (i = 0; i < num; i++)
		if (ranges[i].start <= last && ranges[i].last >= start)
			return 1;
	return 0;
}

static inline uint64_t __sw_msi_distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/* Keep start, a multiple of SW_MSI_UNIT, if it is free and nearer */
static inline void __sw_msi_try(struct __sw_msi_search *search, uint64_t start)
{
	uint64_t last = start + (search->size - 1);
	size_t i;

	if (last < start ||
	    __sw_msi_overlaps(search->guest, search->num_guest, start, last) ||
	    __sw_msi_overlaps(search->reserved, search->num_reserved, start,
			      last))
		return;
	for (i = 0; i < search->num_allowed; i++)
		if (search->allowed[i].start <= start &&
		    search->allowed[i].last >= last)
			break;
	if (i == search->num_allowed)
		return;
	if (search->found &&
	    __sw_msi_distance(start, search->near_start) >=
	    __sw_msi_distance(search->best, search->near_start))
		return;
	search->best = start;
	search->found = 1;
}

/* The first window at or above from */
static inline void __sw_msi_try_up(struct __sw_msi_search *search,
				   uint64_t from)
{
	uint64_t up = -from % SW_MSI_UNIT;

	if (up <= UINT64_MAX - from)
		__sw_msi_try(search, from + up);
}

/* The last window that ends at or below last */
static inline void __sw_msi_try_down(struct __sw_msi_search *search,
				     uint64_t last)
{
	uint64_t start = last - (search->size - 1);

	if (last >= search->size - 1)
		__sw_msi_try(search, start - start % SW_MSI_UNIT);
}

static inline void __sw_msi_try_around(struct __sw_msi_search *search,
				       const struct iommu_iova_range *ranges,
				       size_t num)
{
	size_t i;

	for (i = 0; i < num; i++) {
		if (ranges[i].last != UINT64_MAX)
			__sw_msi_try_up(search, ranges[i].last + 1);
		if (ranges[i].start)
			__sw_msi_try_down(search, ranges[i].start - 1);
	}
}

/**
 * sw_msi_pick_window() - Find the free place for a window nearest to an IOVA
 * @allowed: ranges of IOVA the device can use: what IOMMU_IOAS_IOVA_RANGES
 *           gives while the device is attached
 * @num_allowed: number of elements of @allowed
 * @guest: ranges the VMM maps or will map: RAM, ROM, hotplugged memory, and BARs
 *         of devices; with nested translation emulated devices as well
 * @num_guest: number of elements of @guest
 * @reserved: more ranges where the window must not be, if there are any
 * @num_reserved: number of elements of @reserved
 * @size: size of the window in bytes; a multiple of SW_MSI_UNIT, and not 0
 * @near_start: where the window should begin, in bytes; 0 for the lowest place
 * @start: the place found, in bytes
 *
 * An IOAS without a device knows no aperture and no reserved region. So bind the
 * device, attach it to an IOAS with nothing mapped, call IOMMU_IOAS_IOVA_RANGES,
 * detach the device, and pick. The ranges leave out what is reserved and what is
 * outside of the aperture, so sysfs need not be read. @reserved can keep the
 * window below 4 GiB, or off other places.
 *
 * The ranges also leave out the window in force, at first the default one. So
 * this function does not find a place that overlaps it. The ranges have the
 * addresses of the default window once the device is attached with another
 * window, unless another device of the IOAS has the default one.
 *
 * The ranges of each kind can come in any order and may overlap. The window has
 * to be inside of one element of @allowed.
 *
 * Return: 0, or
 * -EINVAL: @size is 0 or not a multiple of SW_MSI_UNIT;
 * -ENOSPC: there is no such place.
 */
static inline int sw_msi_pick_window(const struct iommu_iova_range *allowed,
				     size_t num_allowed,
				     const struct iommu_iova_range *guest,
				     size_t num_guest,
				     const struct iommu_iova_range *reserved,
				     size_t num_reserved, uint64_t size,
				     uint64_t near_start, uint64_t *start)
{
	struct __sw_msi_search search;
	size_t i;

	if (!size || size % SW_MSI_UNIT)
		return -EINVAL;

	memset(&search, 0, sizeof(search));
	search.allowed = allowed;
	search.num_allowed = num_allowed;
	search.guest = guest;
	search.num_guest = num_guest;
	search.reserved = reserved;
	search.num_reserved = num_reserved;
	search.size = size;
	search.near_start = near_start;

	/* The nearest place is at near_start, or next to a range */
	__sw_msi_try(&search, near_start - near_start % SW_MSI_UNIT);
	__sw_msi_try_up(&search, near_start);
	for (i = 0; i < num_allowed; i++) {
		__sw_msi_try_up(&search, allowed[i].start);
		__sw_msi_try_down(&search, allowed[i].last);
	}
	__sw_msi_try_around(&search, guest, num_guest);
	__sw_msi_try_around(&search, reserved, num_reserved);
	if (!search.found)
		return -ENOSPC;
	*start = search.best;
	return 0;
}

/**
 * sw_msi_strerror() - Say which condition an errno stands for, and what to do
 * @step: what was being done
 * @err: the errno, positive or negative
 *
 * Attaching a device can fail with the same errnos for other reasons. The default
 * window counts, too: EADDRINUSE if it overlaps a mapping, EBUSY if the group is
 * attached with another window.
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
			return "kernel or device cannot move the MSI window: use the default one";
		case ENOENT:
			return "no such device, or an emulated one (mdev), which has no window";
		case EBUSY:
			return "device attached, or MSIs set up for its group: set the window earlier";
		case EINVAL:
			return "start or size is not a multiple of 1 MiB, or size is 0: round it";
		case EOVERFLOW:
			return "window ends past the end of the address space: set a lower one";
		case EADDRINUSE:
			return "window overlaps a reserved region of the device: set another one";
		case ENOSPC:
			return "no free place for such a window: leave more room, or make it smaller";
		}
		break;
	case SW_MSI_STEP_ATTACH:
		switch (err) {
		case EADDRINUSE:
			return "window or reserved region overlaps a mapping or allowed range: move one";
		case EINVAL:
			return "if you set a window, it is outside of the aperture: set a lower one";
		case EBUSY:
			return "if it is the window, the group has another one: set that one";
		}
		break;
	case SW_MSI_STEP_IRQ:
		switch (err) {
		case ENOSPC:
			return "device not attached, or window full: bind again, set a larger one";
		case EIO:
			return "device has 32-bit MSIs: bind its group again, window below 4 GiB";
		}
		break;
	}
	return strerror(err);
}

/**
 * DOC: The guest's own doorbell (RFC)
 *
 * What follows needs a kernel with the RFC of IOMMU_OPTION_SW_MSI_PAGE and
 * VFIO_IRQ_SET_ACTION_PREPARE on top of the series, and may change with it. With
 * nested translation, stage 1 then takes the MSI of a device from the address that
 * the guest chose to the page where the guest sees the doorbell, and stage 2 takes
 * it to the physical doorbell. The guest needs no reserved memory region.
 *
 * The order of a VMM: bind the device, sw_msi_set_page(), attach. Each time that
 * the guest enables a vector: sw_msi_prepare() with the address that the guest
 * has written, then VFIO_DEVICE_SET_IRQS with the trigger.
 */

/* IOMMU_OPTION_SW_MSI_PAGE, and what it gives if there is none */
#define SW_MSI_OPTION_PAGE	4
#define SW_MSI_PAGE_UNSET	UINT64_MAX

/* VFIO_IRQ_SET_DATA_MSI_IOVA and VFIO_IRQ_SET_ACTION_PREPARE */
#define SW_MSI_IRQ_DATA_IOVA	(1u << 6)
#define SW_MSI_IRQ_PREPARE	(1u << 7)

/**
 * sw_msi_get_page() - Read the page that is the window of a device
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 * @page: IOVA last set, in bytes; SW_MSI_PAGE_UNSET if there is none
 *
 * Return: 0, or
 * -EOPNOTSUPP: the kernel has no such option, or the device no window;
 * -ENOENT: as sw_msi_get_window().
 */
static inline int sw_msi_get_page(int iommufd, uint32_t dev_id, uint64_t *page)
{
	uint64_t val64 = 0;
	int rc;

	rc = __sw_msi_option(iommufd, dev_id, IOMMU_OPTION_OP_GET,
			     SW_MSI_OPTION_PAGE, &val64);
	if (!rc)
		*page = val64;
	return rc;
}

/**
 * sw_msi_set_page() - Make one page the window of a device
 * @iommufd: file descriptor of /dev/iommu
 * @dev_id: ID of the bound device
 * @page: IOVA of the page with the doorbell, in bytes; a multiple of the kernel's
 *        page size. SW_MSI_PAGE_UNSET: none, the window of sw_msi_set_window() or
 *        the default one is in force again
 *
 * Return: 0, or
 * -EINVAL: @page is not a multiple of the kernel's page size;
 * -EOVERFLOW: the page does not fit the kernel's unsigned long;
 * -EADDRINUSE: the page overlaps a reserved region of the device;
 * -EBUSY: the device is attached, or MSIs were set up for its group;
 * -EOPNOTSUPP, -ENOENT: as sw_msi_get_page().
 */
static inline int sw_msi_set_page(int iommufd, uint32_t dev_id, uint64_t page)
{
	return __sw_msi_set(iommufd, dev_id, SW_MSI_OPTION_PAGE, page);
}

/**
 * sw_msi_prepare() - Pass on the address that a guest gave to a vector
 * @device: file descriptor of the VFIO device
 * @index: VFIO_PCI_MSI_IRQ_INDEX or VFIO_PCI_MSIX_IRQ_INDEX
 * @vector: which vector; MSI has one address for all, that of vector 0
 * @iova: the address, as the guest wrote it; NULL to take it back
 *
 * Return: 0, or
 * -EBUSY: the vector has its trigger, or the index is enabled and its vectors
 * cannot be allocated one by one (VFIO_IRQ_INFO_NORESIZE): disable it first;
 * -EINVAL: the kernel or the driver does not know this, there is no such vector,
 * another index is enabled, or @iova is not a multiple of 4;
 * -EOPNOTSUPP: the device is not bound to an iommufd, or its MSIs do not go
 * through the IOMMU;
 * -ENOTTY: @index is another one, or the device's driver does not know this;
 * -ENOMEM.
 */
static inline int sw_msi_prepare(int device, uint32_t index, uint32_t vector,
				 const uint64_t *iova)
{
	uint64_t buf[sizeof(struct vfio_irq_set) / sizeof(uint64_t) + 2];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buf;

	memset(buf, 0, sizeof(buf));
	set->argsz = sizeof(*set);
	set->flags = SW_MSI_IRQ_PREPARE | VFIO_IRQ_SET_DATA_NONE;
	set->index = index;
	set->start = vector;
	set->count = 1;
	if (iova) {
		set->argsz += sizeof(*iova);
		set->flags = SW_MSI_IRQ_PREPARE | SW_MSI_IRQ_DATA_IOVA;
		memcpy((char *)buf + sizeof(*set), iova, sizeof(*iova));
	}
	return ioctl(device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

#endif /* SW_MSI_H */
