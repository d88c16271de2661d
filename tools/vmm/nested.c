// SPDX-License-Identifier: GPL-2.0
/*
 * The acts with nested translation. The program is VMM and guest at once: the
 * VMM maps the RAM at its guest addresses (IPA) in the IOAS, which is stage 2,
 * and places the window there; the guest writes stage 1 into its RAM, with the
 * window mapped 1:1, as a guest's kernel does for an RMR in IORT.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smmu.h"
#include "swmsi.h"
#include "viommu.h"

/* Guest memory, by IPA: tables, and a buffer to read */
#define TABLES(n)		((1 + (n)) * MIB)
#define READ_IPA(n)		((10 + (n)) * MIB)

/* The same for each device, which has a stage 1 of its own */
#define READ_IOVA		0xffe00000
#define WRITE_IOVA		0xffe01000
#define DMA_SIZE		64

/* The guest calls the devices by other numbers than the machine */
#define VSID(n)			(0x100u + (n))

/* Where things are in an event record, 7.3 of the SMMUv3 specification */
#define EVENT_TYPE(e)		((uint8_t)(e)[0])
#define EVENT_SID(e)		((uint32_t)((e)[0] >> 32))
#define EVENT_STAGE2(e)		((e)[1] >> 39 & 1)
#define EVENT_INPUT(e)		((e)[2])

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
 * @window: its window
 * @bypass: the guest has no stage 1 for it now
 * @vmm_device: the VMM's end of it
 * @vdevice_id: ID of the vDEVICE
 * @stage1: the guest's tables for it
 * @hwpt_id: ID of the nested HWPT that stands for these
 */
struct guest_device {
	struct guest *guest;
	int number;
	const char *bdf;
	unsigned int sid;
	uint64_t window;
	bool bypass;
	struct vmm_device vmm_device;
	uint32_t vdevice_id;
	struct smmu_stage1 stage1;
	uint32_t hwpt_id;
};

/* Checks */

/* The MSI, through both stages unless the guest bypasses the first */
static void check_both(struct guest_device *device, const char *what)
{
	uint64_t signals = vmm_device_raise_msi(&device->vmm_device);
	uint64_t iova = device->window + DOORBELL_OFFSET;

	check(signals == 1, "%s: eventfd count %" PRIu64, what, signals);
	printf("swmsi: expect sid=0x%x iova=0x%" PRIx64, device->sid, iova);
	if (device->bypass)
		printf(" ipa=- stage=2");
	else
		printf(" ipa=0x%" PRIx64 " stage=3", iova);
	puts(" pa=doorbell");
}

static void expect_dma(struct guest_device *device, uint64_t iova,
		       uint64_t ipa)
{
	printf("swmsi: expect sid=0x%x iova=0x%" PRIx64 " ipa=0x%" PRIx64
	       " pa=0x%" PRIx64 " stage=3\n", device->sid, iova, ipa,
	       vmm_ram_pa(&device->guest->vmm, ipa));
}

/* The buffer to write is where the default window was, if that was moved */
static uint64_t write_ipa(struct guest_device *device)
{
	return (device->window == DEFAULT_START ? 20 * MIB : DEFAULT_START) +
	       device->number * MIB;
}

/* From one buffer of the guest through the device into the other */
static void check_dma(struct guest_device *device)
{
	static char pattern;
	char *ram = device->guest->vmm.ram;
	char *from = ram + READ_IPA(device->number);
	char *to = ram + write_ipa(device);

	memset(from, ++pattern, DMA_SIZE);
	memset(to, 0, DMA_SIZE);
	vmm_device_dma(&device->vmm_device, READ_IOVA, DMA_SIZE, false);
	vmm_device_dma(&device->vmm_device, WRITE_IOVA, DMA_SIZE, true);
	check(!memcmp(from, to, DMA_SIZE), "DMA from and to the RAM, 64 bytes");
	expect_dma(device, READ_IOVA, READ_IPA(device->number));
	expect_dma(device, WRITE_IOVA, write_ipa(device));
}

static void check_no_event(struct guest *guest)
{
	check(!viommu_has_event(&guest->viommu), "no fault in the vEVENTQ");
}

static void check_fault(struct guest_device *device)
{
	uint64_t iova = device->window + DOORBELL_OFFSET;
	uint64_t event[4];
	int rc;

	rc = viommu_read_event(&device->guest->viommu, event);
	if (rc) {
		check(false, "a fault in the vEVENTQ: %s", errno_name(rc));
		return;
	}
	check(EVENT_TYPE(event) == SMMU_EVT_F_TRANSLATION &&
	      EVENT_SID(event) == VSID(device->number) &&
	      EVENT_INPUT(event) == iova && !EVENT_STAGE2(event),
	      "vEVENTQ: event 0x%02x, vSID 0x%x, IOVA 0x%" PRIx64 ", stage %d",
	      EVENT_TYPE(event), EVENT_SID(event), EVENT_INPUT(event),
	      EVENT_STAGE2(event) ? 2 : 1);
	printf("swmsi: expect event=SMMU_EVT_F_TRANSLATION sid=0x%x iova=0x%" PRIx64 "\n",
	       device->sid, iova);
}

/* The VMM */

static unsigned int stream_id(const char *bdf)
{
	unsigned int bus, slot, function;

	if (sscanf(bdf, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		errx(2, "%s: not the address of a PCI device", bdf);
	return bus << 8 | slot << 3 | function;
}

/* Everything but the attachment */
static void open_device(struct guest *guest, struct guest_device *device,
			int number, const char *bdf, uint64_t window)
{
	*device = (struct guest_device){
		.guest = guest,
		.number = number,
		.bdf = bdf,
		.sid = stream_id(bdf),
		.window = window,
	};
	vmm_device_open(&guest->vmm, &device->vmm_device, bdf);
	if (window != DEFAULT_START)
		check_set(&guest->vmm, &device->vmm_device, window);
}

static void open_guest(struct guest *guest, struct guest_device *device,
		       const char *bdf, uint64_t window)
{
	int rc;

	vmm_open(&guest->vmm, RAM_SIZE);
	open_device(guest, device, 0, bdf, window);
	rc = vmm_alloc_nest_parent(&guest->vmm, &device->vmm_device,
				   &guest->parent_id);
	if (rc)
		errx(1, "nest-parent HWPT: %s", errno_name(rc));
	viommu_open(&guest->vmm, &guest->viommu, &device->vmm_device,
		    guest->parent_id);
}

static void close_guest(struct guest *guest, struct guest_device *device)
{
	check_no_event(guest);
	vmm_device_close(&device->vmm_device);
	viommu_close(&guest->viommu);
	vmm_close(&guest->vmm);
}

static void map_ram(struct vmm *vmm, uint64_t size)
{
	int rc = vmm_map_ram(vmm, 0, size);

	check(!rc, "%" PRIu64 " MiB of RAM at IPA 0: %s", size / MIB,
	      errno_name(rc));
}

/* The guest, and what its VMM does when it sees the guest do it */

static void write_stage1(struct guest_device *device, uint64_t rmr)
{
	struct smmu_stage1 *stage1 = &device->stage1;
	int number = device->number;

	smmu_stage1_init(stage1, device->guest->vmm.ram, TABLES(number),
			 number + 1);
	smmu_stage1_map(stage1, READ_IOVA, READ_IPA(number), SMMU_PAGE_SIZE,
			SMMU_MEMORY_NORMAL);
	smmu_stage1_map(stage1, WRITE_IOVA, write_ipa(device), SMMU_PAGE_SIZE,
			SMMU_MEMORY_NORMAL);
	smmu_stage1_map(stage1, rmr, rmr, WINDOW_SIZE, SMMU_MEMORY_DEVICE);
}

static uint32_t alloc_nested(struct guest_device *device, bool stage1)
{
	uint64_t ste[2];

	if (stage1)
		smmu_ste_stage1(&device->stage1, ste);
	else
		smmu_ste_bypass(ste);
	return viommu_alloc_nested(&device->guest->viommu, &device->vmm_device,
				   ste);
}

/* The guest's first STE for the device */
static void start_device(struct guest_device *device, uint64_t rmr)
{
	int rc;

	write_stage1(device, rmr);
	device->vdevice_id = viommu_add_device(&device->guest->viommu,
					       &device->vmm_device,
					       VSID(device->number));
	device->hwpt_id = alloc_nested(device, true);
	rc = vmm_device_attach(&device->vmm_device, device->hwpt_id);
	check_done(rc, SW_MSI_STEP_ATTACH, "attaching to the nested HWPT");
	if (rc)
		exit(1);
	enable_msi(&device->vmm_device);
}

/* The acts */

static void act_moved(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;

	act('a', "the window moved, the guest's RMR there");
	open_guest(&guest, &device, bdf, window);
	map_ram(&guest.vmm, RAM_SIZE);
	start_device(&device, window);
	check(!ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the IOAS keeps the window free");
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

static void act_default(const char *bdf)
{
	struct guest_device device;
	struct guest guest;

	act('b', "the default window, the guest's RMR there");
	open_guest(&guest, &device, bdf, DEFAULT_START);
	map_ram(&guest.vmm, DEFAULT_START);
	start_device(&device, DEFAULT_START);
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

static void act_disagree(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;
	uint64_t signals;

	act('c', "the window here, the guest's RMR beside it");
	open_guest(&guest, &device, bdf, window);
	map_ram(&guest.vmm, RAM_SIZE);
	start_device(&device, window + WINDOW_SIZE);
	check_dma(&device);
	signals = vmm_device_raise_msi(&device.vmm_device);
	check(!signals, "MSI lost: eventfd count %" PRIu64, signals);
	check_fault(&device);

	check_dma(&device);
	smmu_stage1_map(&device.stage1, window, window, WINDOW_SIZE,
			SMMU_MEMORY_DEVICE);
	check_both(&device, "MSI, the RMR put right");
	close_guest(&guest, &device);
}

static void act_reboot(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;
	struct vmm reset;
	uint32_t bypass_id, parent_id;
	int rc;

	act('d', "the guest reboots, its MSI stays");
	open_guest(&guest, &device, bdf, window);
	map_ram(&guest.vmm, RAM_SIZE);
	start_device(&device, window);
	check_both(&device, "MSI before");

	bypass_id = alloc_nested(&device, false);
	attach(&device.vmm_device, bypass_id);
	device.bypass = true;
	vmm_destroy(&guest.vmm, device.hwpt_id);
	check_both(&device, "MSI with stage 1 bypassed");
	check(!ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the IOAS still keeps the window free");

	/* Firmware runs; this VMM gives it an IOAS of its own */
	reset = guest.vmm;
	reset.ioas_id = vmm_alloc_ioas(&reset);
	rc = vmm_alloc_nest_parent(&reset, &device.vmm_device, &parent_id);
	if (rc)
		errx(1, "second nest-parent HWPT: %s", errno_name(rc));
	map_ram(&reset, RAM_SIZE);
	rc = vmm_device_attach(&device.vmm_device, parent_id);
	check_done(rc, SW_MSI_STEP_ATTACH, "replacing it by another IOAS");
	if (rc)
		exit(1);
	vmm_destroy(&guest.vmm, bypass_id);
	check(!ioas_can_map(&reset, window, WINDOW_SIZE),
	      "that IOAS keeps the window free as well");
	check_both(&device, "MSI in that IOAS");

	/* The next kernel of the guest begins with this */
	viommu_command(&guest.viommu, SMMU_CMD_TLBI_NSNH_ALL);
	viommu_command(&guest.viommu, SMMU_CMD_CFGI_CD_ALL |
		       (uint64_t)VSID(device.number) << 32);
	write_stage1(&device, window);
	device.hwpt_id = alloc_nested(&device, true);
	attach(&device.vmm_device, device.hwpt_id);
	device.bypass = false;
	check_dma(&device);
	check_both(&device, "MSI after, not set up anew");
	vmm_device_disable_msi(&device.vmm_device);
	enable_msi(&device.vmm_device);
	check_both(&device, "MSI after, set up anew");
	close_guest(&guest, &device);
}

static void write_file(const char *text, const char *fmt, const char *arg)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), fmt, arg);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* The guest lets go of the device, the VMM, and then the machine */
static void unplug(struct guest_device *device)
{
	struct vmm *vmm = &device->guest->vmm;

	vmm_device_disable_msi(&device->vmm_device);
	vmm_device_detach(&device->vmm_device);
	vmm_destroy(vmm, device->hwpt_id);
	vmm_destroy(vmm, device->vdevice_id);
	vmm_device_close(&device->vmm_device);
	write_file("1", "/sys/bus/pci/devices/%s/remove", device->bdf);
}

static void plug(const char *bdf)
{
	write_file("1", "/sys/bus/pci/rescan%s", "");
	write_file("vfio-pci", "/sys/bus/pci/devices/%s/driver_override", bdf);
	write_file(bdf, "/sys/bus/pci/drivers_probe%s", "");
}

static void act_hotplug(const char *bdf1, const char *bdf2, uint64_t window)
{
	uint64_t window2 = window + 2 * WINDOW_SIZE;
	struct guest_device first, second;
	struct guest guest;

	act('e', "two devices, two windows, one is plugged anew");
	open_guest(&guest, &first, bdf1, window);
	map_ram(&guest.vmm, RAM_SIZE);
	start_device(&first, window);
	open_device(&guest, &second, 1, bdf2, window2);
	start_device(&second, window2);
	check_dma(&first);
	check_dma(&second);
	check_both(&first, "MSI of the first");
	check_both(&second, "MSI of the second");

	unplug(&second);
	check(ioas_can_map(&guest.vmm, window2, WINDOW_SIZE) &&
	      !ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the second unplugged, only its window is free");
	check_both(&first, "MSI of the first, alone");

	plug(bdf2);
	open_device(&guest, &second, 1, bdf2, window2);
	viommu_command(&guest.viommu, SMMU_CMD_TLBI_NSNH_ALL);
	start_device(&second, window2);
	check(!ioas_can_map(&guest.vmm, window2, WINDOW_SIZE) &&
	      !ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "plugged again, both windows are kept free");
	check_dma(&second);
	check_both(&second, "MSI of the second, plugged again");
	check_dma(&first);
	check_both(&first, "MSI of the first");
	vmm_device_close(&second.vmm_device);
	close_guest(&guest, &first);
}

void nested_acts(const char *first, const char *second, uint64_t window)
{
	act_moved(first, window);
	act_default(first);
	act_disagree(first, window);
	act_reboot(first, window);
	act_hotplug(first, second, window);
}
