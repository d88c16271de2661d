/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small VMM on /dev/iommu and a VFIO character device: an IOAS with the
 * guest's RAM, and QEMU's edu device with its one MSI on an eventfd.
 *
 * A function returns a negative errno if the caller has to see why the kernel
 * refused a call. Any other failure ends the program with one line.
 */
#ifndef VMM_H
#define VMM_H

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/ioctl.h>

#include <linux/iommufd.h>

/* An ioctl that ends the program when it fails */
#define xioctl(fd, op, arg) do {	\
	if (ioctl(fd, op, arg))		\
		err(1, "%s", #op);	\
} while (0)

/**
 * struct vmm - an iommufd with one IOAS, and the RAM of the guest
 * @iommufd: file descriptor of /dev/iommu
 * @ioas_id: ID of the IOAS
 * @ram: the guest's RAM, as the VMM sees it
 * @ram_size: its size in bytes
 */
struct vmm {
	int iommufd;
	uint32_t ioas_id;
	void *ram;
	uint64_t ram_size;
};

/**
 * struct vmm_device - a PCI device, bound to the iommufd of a VMM
 * @fd: file descriptor of the VFIO device
 * @id: device ID in the iommufd
 * @bar0: BAR 0, mapped; NULL before the MSI was first enabled
 * @bar0_size: its size in bytes
 * @msi_fd: the eventfd of the MSI, or -1
 */
struct vmm_device {
	int fd;
	uint32_t id;
	volatile uint32_t *bar0;
	size_t bar0_size;
	int msi_fd;
};

/**
 * vmm_open() - Open an iommufd, allocate the IOAS and the RAM
 * @vmm: the VMM
 * @ram_size: size of the RAM in bytes
 */
void vmm_open(struct vmm *vmm, uint64_t ram_size);

/**
 * vmm_alloc_ioas() - Allocate one more IOAS
 * @vmm: the VMM
 *
 * Return: its ID.
 */
uint32_t vmm_alloc_ioas(struct vmm *vmm);

/**
 * vmm_destroy() - Destroy an object that nothing uses
 * @vmm: the VMM
 * @id: its ID
 */
void vmm_destroy(struct vmm *vmm, uint32_t id);

/**
 * vmm_close() - Close the iommufd, free the RAM
 * @vmm: the VMM, its devices closed
 */
void vmm_close(struct vmm *vmm);

/**
 * vmm_map_ram() - Map a part of the RAM at the IOVA that is its guest address
 * @vmm: the VMM
 * @start: first byte, in bytes from the start of the RAM
 * @size: size in bytes
 *
 * Return: 0 or the negative errno of IOMMU_IOAS_MAP.
 */
int vmm_map_ram(struct vmm *vmm, uint64_t start, uint64_t size);

/**
 * vmm_map_ram_at() - Map a part of the RAM at any IOVA
 * @vmm: the VMM
 * @offset: first byte, in bytes from the start of the RAM
 * @size: size in bytes
 * @iova: where to, in bytes
 *
 * Return: 0 or the negative errno of IOMMU_IOAS_MAP.
 */
int vmm_map_ram_at(struct vmm *vmm, uint64_t offset, uint64_t size,
		   uint64_t iova);

/**
 * vmm_ram_pa() - Where a byte of the RAM is in the machine's memory
 * @vmm: the VMM
 * @start: the byte, in bytes from the start of the RAM; mapped in the IOAS
 *
 * Asks the kernel's memory management, which knows nothing of the IOMMU.
 *
 * Return: its physical address.
 */
uint64_t vmm_ram_pa(struct vmm *vmm, uint64_t start);

/**
 * vmm_unmap_all() - Unmap all of the RAM
 * @vmm: the VMM
 */
void vmm_unmap_all(struct vmm *vmm);

/**
 * vmm_iova_ranges() - What the IOAS can map, given the devices attached to it
 * @vmm: the VMM
 * @num: number of ranges
 *
 * Return: the ranges, in ascending order; free() them.
 */
struct iommu_iova_range *vmm_iova_ranges(struct vmm *vmm, uint32_t *num);

/**
 * vmm_alloc_nest_parent() - Allocate a stage-2 HWPT on the IOAS
 * @vmm: the VMM
 * @device: the device to allocate it for
 * @hwpt_id: ID of the new HWPT
 *
 * Return: 0 or the negative errno of IOMMU_HWPT_ALLOC; -EOPNOTSUPP without
 * stage 2.
 */
int vmm_alloc_nest_parent(struct vmm *vmm, struct vmm_device *device,
			  uint32_t *hwpt_id);

/**
 * vmm_device_open() - Open a PCI device and bind it
 * @vmm: the VMM
 * @device: the device
 * @bdf: its address, as in /sys/bus/pci/devices; vfio-pci drives it
 */
void vmm_device_open(struct vmm *vmm, struct vmm_device *device,
		     const char *bdf);

/**
 * vmm_device_close() - Close a device, which detaches and unbinds it
 * @device: the device
 */
void vmm_device_close(struct vmm_device *device);

/**
 * vmm_device_attach() - Attach a device, or replace its attachment
 * @device: the device
 * @pt_id: ID of an IOAS or HWPT
 *
 * Return: 0 or the negative errno of VFIO_DEVICE_ATTACH_IOMMUFD_PT.
 */
int vmm_device_attach(struct vmm_device *device, uint32_t pt_id);

/**
 * vmm_device_detach() - Detach a device
 * @device: the device, attached
 */
void vmm_device_detach(struct vmm_device *device);

/**
 * vmm_device_start() - Map BAR 0, and make the device a bus master
 * @device: the device
 *
 * Does nothing if that was done before.
 */
void vmm_device_start(struct vmm_device *device);

#define VMM_TRIGGERS_MAX	2

/**
 * vmm_device_set_triggers() - Have vectors signal eventfds
 * @device: the device
 * @index: VFIO_PCI_MSI_IRQ_INDEX or VFIO_PCI_MSIX_IRQ_INDEX
 * @start: the first vector
 * @count: number of vectors, VMM_TRIGGERS_MAX at most
 * @fds: an eventfd for each; -1 for none
 *
 * Return: 0 or the negative errno of VFIO_DEVICE_SET_IRQS.
 */
int vmm_device_set_triggers(struct vmm_device *device, uint32_t index,
			    uint32_t start, uint32_t count, const int *fds);

/**
 * vmm_device_enable_msi() - Have the device's MSI signal an eventfd
 * @device: the device, attached
 *
 * The first call also starts the device. Commands that only look at a window do
 * not need BAR 0, and some devices do not have it.
 *
 * Return: 0 or the negative errno of VFIO_DEVICE_SET_IRQS.
 */
int vmm_device_enable_msi(struct vmm_device *device);

/**
 * vmm_device_disable_msi() - Disable the device's MSI
 * @device: the device, its MSI enabled
 */
void vmm_device_disable_msi(struct vmm_device *device);

/**
 * vmm_device_raise_msi() - Make the device send its MSI, and wait for it
 * @device: the device, its MSI enabled
 *
 * Return: how often the eventfd was signalled; 0 when the MSI is lost.
 */
uint64_t vmm_device_raise_msi(struct vmm_device *device);

/**
 * vmm_device_dma() - Have the device copy between memory and its own buffer
 * @device: the device, its MSI enabled
 * @iova: where the memory is for the device
 * @size: size in bytes, up to 4096
 * @from_device: from its buffer to memory; else from memory
 *
 * Returns when the device says it is done, which it does on a fault too.
 */
void vmm_device_dma(struct vmm_device *device, uint64_t iova, size_t size,
		    bool from_device);

#endif /* VMM_H */
