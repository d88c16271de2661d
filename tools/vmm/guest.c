// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "say.h"
#include "steps.h"

/* Guest memory, by IPA: tables, and a buffer to read */
#define TABLES(n)		((1 + (n)) * MIB)
#define READ_IPA(n)		((10 + (n)) * MIB)

/* The same for each device, which has a stage 1 of its own */
#define READ_IOVA		0xffe00000
#define WRITE_IOVA		0xffe01000
#define DMA_SIZE		64

/* Where things are in an event record, 7.3 of the SMMUv3 specification */
#define EVENT_TYPE(e)		((uint8_t)(e)[0])
#define EVENT_SID(e)		((uint32_t)((e)[0] >> 32))
#define EVENT_STAGE2(e)		((e)[1] >> 39 & 1)
#define EVENT_INPUT(e)		((e)[2])

/* Checks */

void expect_msi(struct guest_device *device, uint64_t iova, uint64_t ipa)
{
	printf("swmsi: expect sid=0x%x iova=0x%" PRIx64, device->sid,
	       iova + DOORBELL_OFFSET);
	if (device->bypass)
		printf(" ipa=- stage=2");
	else
		printf(" ipa=0x%" PRIx64 " stage=3", ipa + DOORBELL_OFFSET);
	puts(" pa=doorbell");
}

void check_both(struct guest_device *device, const char *what)
{
	uint64_t signals = vmm_device_raise_msi(&device->vmm_device);

	check(signals == 1, "%s: eventfd count %" PRIu64, what, signals);
	expect_msi(device, device->doorbell, device->window);
}

void check_lost(struct guest_device *device, const char *what)
{
	uint64_t signals = vmm_device_raise_msi(&device->vmm_device);

	check(!signals, "%s: eventfd count %" PRIu64, what, signals);
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

void check_dma(struct guest_device *device)
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

void check_no_event(struct guest *guest)
{
	check(!viommu_has_event(&guest->viommu), "no fault in the vEVENTQ");
}

void check_fault(struct guest_device *device)
{
	uint64_t iova = device->doorbell + DOORBELL_OFFSET;
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

void open_device(struct guest *guest, struct guest_device *device,
		 int number, const char *bdf, uint64_t window)
{
	*device = (struct guest_device){
		.guest = guest,
		.number = number,
		.bdf = bdf,
		.sid = stream_id(bdf),
		.window = window,
		.doorbell = window,
	};
	vmm_device_open(&guest->vmm, &device->vmm_device, bdf);
}

void open_guest(struct guest *guest, struct guest_device *device,
		const char *bdf, uint64_t window)
{
	int rc;

	vmm_open(&guest->vmm, GUEST_RAM_SIZE);
	open_device(guest, device, 0, bdf, window);
	rc = vmm_alloc_nest_parent(&guest->vmm, &device->vmm_device,
				   &guest->parent_id);
	if (rc)
		errx(1, "nest-parent HWPT: %s", errno_name(rc));
	viommu_open(&guest->vmm, &guest->viommu, &device->vmm_device,
		    guest->parent_id);
}

void close_guest(struct guest *guest, struct guest_device *device)
{
	check_no_event(guest);
	vmm_device_close(&device->vmm_device);
	viommu_close(&guest->viommu);
	vmm_close(&guest->vmm);
}

void map_ram(struct vmm *vmm, uint64_t size)
{
	int rc = vmm_map_ram(vmm, 0, size);

	check(!rc, "%" PRIu64 " MiB of RAM at IPA 0: %s", size / MIB,
	      errno_name(rc));
}

/* The guest, and what its VMM does when it sees the guest do it */

void write_stage1(struct guest_device *device)
{
	struct smmu_stage1 *stage1 = &device->stage1;
	int number = device->number;

	smmu_stage1_init(stage1, device->guest->vmm.ram, TABLES(number),
			 number + 1);
	smmu_stage1_map(stage1, READ_IOVA, READ_IPA(number), SMMU_PAGE_SIZE,
			SMMU_MEMORY_NORMAL);
	smmu_stage1_map(stage1, WRITE_IOVA, write_ipa(device), SMMU_PAGE_SIZE,
			SMMU_MEMORY_NORMAL);
}

void map_doorbell(struct guest_device *device, uint64_t iova, uint64_t ipa,
		  uint64_t size)
{
	smmu_stage1_map(&device->stage1, iova, ipa, size, SMMU_MEMORY_DEVICE);
}

uint32_t alloc_nested(struct guest_device *device, bool stage1)
{
	uint64_t ste[2];

	if (stage1)
		smmu_ste_stage1(&device->stage1, ste);
	else
		smmu_ste_bypass(ste);
	return viommu_alloc_nested(&device->guest->viommu, &device->vmm_device,
				   ste);
}

void start_device(struct guest_device *device)
{
	int rc;

	device->vdevice_id = viommu_add_device(&device->guest->viommu,
					       &device->vmm_device,
					       VSID(device->number));
	device->hwpt_id = alloc_nested(device, true);
	rc = vmm_device_attach(&device->vmm_device, device->hwpt_id);
	check_done(rc, SW_MSI_STEP_ATTACH, "attaching to the nested HWPT");
	if (rc)
		exit(1);
}

void bypass_stage1(struct guest_device *device)
{
	uint32_t stage1_id = device->hwpt_id;

	device->hwpt_id = alloc_nested(device, false);
	attach(&device->vmm_device, device->hwpt_id);
	device->bypass = true;
	vmm_destroy(&device->guest->vmm, stage1_id);
}

void move_to_new_ioas(struct guest_device *device, struct vmm *reset)
{
	uint32_t parent_id;
	int rc;

	*reset = device->guest->vmm;
	reset->ioas_id = vmm_alloc_ioas(reset);
	rc = vmm_alloc_nest_parent(reset, &device->vmm_device, &parent_id);
	if (rc)
		errx(1, "second nest-parent HWPT: %s", errno_name(rc));
	map_ram(reset, GUEST_RAM_SIZE);
	rc = vmm_device_attach(&device->vmm_device, parent_id);
	check_done(rc, SW_MSI_STEP_ATTACH, "replacing it by another IOAS");
	if (rc)
		exit(1);
	vmm_destroy(&device->guest->vmm, device->hwpt_id);
}

void forget_translations(struct guest_device *device)
{
	viommu_command(&device->guest->viommu, SMMU_CMD_TLBI_NSNH_ALL);
	viommu_command(&device->guest->viommu, SMMU_CMD_CFGI_CD_ALL |
		       (uint64_t)VSID(device->number) << 32);
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

void unplug(struct guest_device *device)
{
	struct vmm *vmm = &device->guest->vmm;

	vmm_device_disable_msi(&device->vmm_device);
	vmm_device_detach(&device->vmm_device);
	vmm_destroy(vmm, device->hwpt_id);
	vmm_destroy(vmm, device->vdevice_id);
	vmm_device_close(&device->vmm_device);
	write_file("1", "/sys/bus/pci/devices/%s/remove", device->bdf);
}

void plug(const char *bdf)
{
	write_file("1", "/sys/bus/pci/rescan%s", "");
	write_file("vfio-pci", "/sys/bus/pci/devices/%s/driver_override", bdf);
	write_file(bdf, "/sys/bus/pci/drivers_probe%s", "");
}

