/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest with nested translation, for the acts. The program is VMM and guest at
 * once: the VMM maps the RAM at its guest addresses (IPA) in the IOAS, which is
 * stage 2, and places the software MSI window there; the guest writes stage 1
 * into its RAM.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "smmu.h"
#include "steps.h"
#include "viommu.h"
#include "vmm.h"

/*
 * The memory map of QEMU's virt board, except for the RAM. The window is
 * between the virtio transports and the platform bus, where the board has
 * nothing. The VMM maps no BARs.
 */
#define GUEST_RAM_SIZE	(160 * MIB)
#define GUEST_WINDOW	0x0b000000

/* The stream IDs in the guest differ from those of the machine */
#define VSID(n)			(0x100u + (n))

/**
 * struct guest - a VMM with a vIOMMU for its guest
 * @vmm: the VMM
 * @parent_id: ID of the nest-parent HWPT, stage 2
 * @viommu: the vIOMMU
 */
struct guest {
	struct vmm vmm;
	uint32_t parent_id;
	struct viommu viommu;
};

/**
 * struct guest_device - a device as the guest has it
 * @guest: the guest
 * @number: which one it is, from 0
 * @bdf: its address in the machine
 * @sid: its stream ID in the machine
 * @window: IPA of its window
 * @doorbell: the page that it writes its MSI to: an IOVA of stage 1, or an IPA
 *	      while stage 1 is bypassed
 * @bypass: the guest has no stage 1 for it now
 * @vmm_device: the same device in the VMM
 * @vdevice_id: ID of the vDEVICE
 * @stage1: the guest's tables for it
 * @hwpt_id: ID of the nested HWPT for @stage1
 */
struct guest_device {
	struct guest *guest;
	int number;
	const char *bdf;
	unsigned int sid;
	uint64_t window;
	uint64_t doorbell;
	bool bypass;
	struct vmm_device vmm_device;
	uint32_t vdevice_id;
	struct smmu_stage1 stage1;
	uint32_t hwpt_id;
};

/**
 * open_guest() - Open a VMM, its first device, a nest parent and a vIOMMU
 * @guest: the guest
 * @device: its first device
 * @bdf: address of the device
 * @window: IPA of its window, which the caller sets
 */
void open_guest(struct guest *guest, struct guest_device *device,
		const char *bdf, uint64_t window);

/**
 * open_device() - Open one more device, without attaching it
 * @guest: the guest
 * @device: the device
 * @number: its number, from 1
 * @bdf: its address
 * @window: IPA of its window, which the caller sets
 */
void open_device(struct guest *guest, struct guest_device *device,
		 int number, const char *bdf, uint64_t window);

/**
 * close_guest() - Check that no event is left, and close everything
 * @guest: the guest
 * @device: its last device
 */
void close_guest(struct guest *guest, struct guest_device *device);

/**
 * map_ram() - Map RAM at its IPA, from 0 on
 * @vmm: the VMM
 * @size: size in bytes
 */
void map_ram(struct vmm *vmm, uint64_t size);

/**
 * write_stage1() - The guest writes new tables for a device, DMA buffers in them
 * @device: the device
 */
void write_stage1(struct guest_device *device);

/**
 * map_doorbell() - The guest maps an IOVA range to a doorbell address
 * @device: the device, its stage 1 written
 * @iova: first IOVA
 * @ipa: where to
 * @size: size in bytes
 */
void map_doorbell(struct guest_device *device, uint64_t iova, uint64_t ipa,
		  uint64_t size);

/**
 * alloc_nested() - What a VMM does when it sees a new STE
 * @device: the device
 * @stage1: the STE has stage 1; else it bypasses it
 *
 * Return: ID of the nested HWPT.
 */
uint32_t alloc_nested(struct guest_device *device, bool stage1);

/**
 * start_device() - What a VMM does when it sees the first STE of a device
 * @device: the device, its stage 1 written
 *
 * Ends the program if the device cannot be attached.
 */
void start_device(struct guest_device *device);

/**
 * bypass_stage1() - The guest bypasses stage 1
 * @device: the device, attached to a nested HWPT
 */
void bypass_stage1(struct guest_device *device);

/**
 * move_to_new_ioas() - Move a device to a new IOAS with RAM, as for firmware
 * @device: the device, attached to a nested HWPT, which is destroyed
 * @reset: set to the VMM with the new IOAS
 *
 * Ends the program if the device cannot be attached.
 */
void move_to_new_ioas(struct guest_device *device, struct vmm *reset);

/**
 * forget_translations() - The guest invalidates cached translations of a device
 * @device: the device
 */
void forget_translations(struct guest_device *device);

/**
 * unplug() - Remove a device from the guest, the VMM and the machine
 * @device: the device
 */
void unplug(struct guest_device *device);

/**
 * plug() - Rescan the bus, and bind the device to vfio-pci
 * @bdf: its address
 */
void plug(const char *bdf);

/**
 * expect_msi() - Print how the IOMMU has to translate an MSI of a device
 * @device: the device
 * @iova: page that it is written to
 * @ipa: page that stage 1 maps it to; ignored if the guest bypasses stage 1
 */
void expect_msi(struct guest_device *device, uint64_t iova, uint64_t ipa);

/**
 * check_both() - Raise the MSI, which goes through @doorbell and the window
 * @device: the device, its MSI enabled
 * @what: what was checked
 */
void check_both(struct guest_device *device, const char *what);

/**
 * check_lost() - Raise an MSI that must not arrive
 * @device: the device, its MSI enabled
 * @what: what was checked
 */
void check_lost(struct guest_device *device, const char *what);

/**
 * check_dma() - Let the device copy one buffer of the guest to the other
 * @device: the device, its MSI enabled
 */
void check_dma(struct guest_device *device);

/**
 * check_fault() - The guest sees that the MSI did not get through stage 1
 * @device: the device
 */
void check_fault(struct guest_device *device);

/**
 * check_no_event() - The guest sees no fault
 * @guest: the guest
 */
void check_no_event(struct guest *guest);

#endif /* GUEST_H */
