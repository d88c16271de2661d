// SPDX-License-Identifier: GPL-2.0
/*
 * The acts of the RFC: the guest maps the doorbell page that it sees (V) at an
 * IOVA of its choice (G). The VMM passes on the address that the guest writes
 * into the device. Three addresses: G -> V -> doorbell.
 */
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include <linux/vfio.h>

#include "acts.h"
#include "guest.h"
#include "say.h"
#include "steps.h"

/* Where the guest maps the doorbell, by its own choice */
#define G(n)			(0xffe10000 + (n) * (uint64_t)SMMU_PAGE_SIZE)

/* The page that QEMU's virt board shows its guests */
#define QEMU_PAGE		0x08090000

/* Registers of the 82574, and the causes of its vectors for two queues */
#define E1000_ICR		0x000c0
#define E1000_ICS		0x000c8
#define E1000_IMS		0x000d0
#define E1000_IVAR		0x000e4
#define E1000_ICR_RXQ(n)	(1u << (20 + (n)))
#define E1000_IVAR_RXQ(n, vec)	((0x8u | (vec)) << 4 * (n))

/* QEMU's e1000e sends each MSI again when its throttling timer ends */
#define E1000_REPEATS		2

#define MSI_TIMEOUT_MS		5000

static void set_page(struct guest_device *device)
{
	int iommufd = device->guest->vmm.iommufd;
	uint32_t id = device->vmm_device.id;
	uint64_t page = 0;
	int rc;

	rc = sw_msi_set_page(iommufd, id, device->window);
	if (!rc)
		rc = sw_msi_get_page(iommufd, id, &page);
	check(!rc && page == device->window,
	      "the page set to 0x%" PRIx64 ", and read back: %s",
	      device->window, errno_name(rc));
	if (rc)
		exit(1);
}

/* The guest has written this page into the device */
static int prepare(struct guest_device *device, uint32_t index,
		   uint32_t vector, uint64_t page)
{
	uint64_t iova = page + DOORBELL_OFFSET;

	return sw_msi_prepare(device->vmm_device.fd, index, vector, &iova);
}

/* The guest's driver enables the MSI, with the doorbell at this page */
static void set_up_msi(struct guest_device *device, uint64_t page)
{
	int rc = prepare(device, VFIO_PCI_MSI_IRQ_INDEX, 0, page);

	check(!rc, "the guest's address 0x%" PRIx64 " passed on: %s",
	      page + DOORBELL_OFFSET, errno_name(rc));
	enable_msi(&device->vmm_device);
	device->doorbell = page;
}

static void open_with_page(struct guest *guest, struct guest_device *device,
			   const char *bdf, uint64_t page)
{
	open_guest(guest, device, bdf, page);
	set_page(device);
}

static void start_with_doorbell(struct guest_device *device, uint64_t iova)
{
	write_stage1(device);
	map_doorbell(device, iova, device->window, SMMU_PAGE_SIZE);
	start_device(device);
	set_up_msi(device, iova);
}

static void expect_fault(struct guest_device *device)
{
	printf("swmsi: expect event=SMMU_EVT_F_TRANSLATION sid=0x%x iova=0x%" PRIx64 "\n",
	       device->sid, device->doorbell + DOORBELL_OFFSET);
}

static void act_three_addresses(const char *bdf, uint64_t page)
{
	struct guest_device device;
	struct guest guest;

	act('a', "three addresses, and no RMR");
	open_with_page(&guest, &device, bdf, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_doorbell(&device, G(0));
	check(!ioas_can_map(&guest.vmm, page, SMMU_PAGE_SIZE) &&
	      ioas_can_map(&guest.vmm, page - SMMU_PAGE_SIZE, SMMU_PAGE_SIZE) &&
	      ioas_can_map(&guest.vmm, page + SMMU_PAGE_SIZE, SMMU_PAGE_SIZE),
	      "the IOAS keeps one page free, and no more");
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

/* Set an eventfd for each vector, and map the device's causes to vectors */
static void start_vectors(struct guest_device *device, int fds[2])
{
	struct vmm_device *vmm_device = &device->vmm_device;
	int rc;

	for (int n = 0; n < 2; n++) {
		fds[n] = eventfd(0, EFD_CLOEXEC);
		if (fds[n] < 0)
			err(1, "eventfd");
	}
	vmm_device_start(vmm_device);
	rc = vmm_device_set_triggers(vmm_device, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2,
				     fds);
	check_done(rc, SW_MSI_STEP_IRQ, "two vectors set up");
	vmm_device->bar0[E1000_IVAR / 4] = E1000_IVAR_RXQ(0, 0) |
					   E1000_IVAR_RXQ(1, 1);
	vmm_device->bar0[E1000_IMS / 4] = E1000_ICR_RXQ(0) | E1000_ICR_RXQ(1);
}

static void check_vector(struct guest_device *device, const int fds[2], int n,
			 uint64_t iova)
{
	struct pollfd pollfd = { .fd = fds[n], .events = POLLIN };
	uint64_t count, sum = 0;

	device->vmm_device.bar0[E1000_ICS / 4] = E1000_ICR_RXQ(n);
	while (sum < E1000_REPEATS && poll(&pollfd, 1, MSI_TIMEOUT_MS) == 1) {
		if (read(fds[n], &count, sizeof(count)) != sizeof(count))
			err(1, "eventfd");
		sum += count;
	}
	device->vmm_device.bar0[E1000_ICR / 4] = E1000_ICR_RXQ(n);
	/* If the first MSI is still pending, the second is merged with it */
	check(sum && sum <= E1000_REPEATS, "MSI of vector %d, written twice: "
	      "eventfd count %" PRIu64, n, sum);
	for (int i = 0; i < E1000_REPEATS; i++)
		expect_msi(device, iova, device->window);
}

static void act_vectors(const char *bdf, uint64_t page)
{
	struct guest_device device;
	struct guest guest;
	const int none = -1;
	int fds[2], rc;

	act('b', "two vectors of one device, an address each");
	open_with_page(&guest, &device, bdf, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	write_stage1(&device);
	for (int n = 0; n < 3; n++)
		map_doorbell(&device, G(n), page, SMMU_PAGE_SIZE);
	start_device(&device);
	for (int n = 0; n < 2; n++) {
		rc = prepare(&device, VFIO_PCI_MSIX_IRQ_INDEX, n, G(n));
		check(!rc, "the address of vector %d passed on: %s", n,
		      errno_name(rc));
	}
	start_vectors(&device, fds);
	check_vector(&device, fds, 0, G(0));
	check_vector(&device, fds, 1, G(1));

	/* The guest's driver takes one vector down, and up again elsewhere */
	rc = prepare(&device, VFIO_PCI_MSIX_IRQ_INDEX, 1, G(2));
	check(rc == -EBUSY, "a new address while it has its trigger: %s",
	      errno_name(rc));
	vmm_device_set_triggers(&device.vmm_device, VFIO_PCI_MSIX_IRQ_INDEX, 1,
				1, &none);
	rc = prepare(&device, VFIO_PCI_MSIX_IRQ_INDEX, 1, G(2));
	check(!rc, "a new address for vector 1: %s", errno_name(rc));
	rc = vmm_device_set_triggers(&device.vmm_device,
				     VFIO_PCI_MSIX_IRQ_INDEX, 1, 1, &fds[1]);
	check_done(rc, SW_MSI_STEP_IRQ, "vector 1 set up again");
	check_vector(&device, fds, 1, G(2));
	check_vector(&device, fds, 0, G(0));
	close_guest(&guest, &device);
	close(fds[0]);
	close(fds[1]);
}

static void act_faults(const char *bdf, uint64_t page)
{
	struct guest_device device;
	struct guest guest;

	act('c', "the guest maps its doorbell wrong");
	open_with_page(&guest, &device, bdf, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	write_stage1(&device);
	start_device(&device);
	set_up_msi(&device, G(0));
	check_lost(&device, "MSI lost, not in stage 1");
	check_fault(&device);

	map_doorbell(&device, G(0), page + SMMU_PAGE_SIZE, SMMU_PAGE_SIZE);
	check_lost(&device, "MSI lost, in stage 1 and not in stage 2");
	expect_fault(&device);
	check_no_event(&guest);

	map_doorbell(&device, G(0), page, SMMU_PAGE_SIZE);
	forget_translations(&device);
	check_both(&device, "MSI, the doorbell corrected");
	close_guest(&guest, &device);
}

static void act_reboot(const char *bdf, uint64_t page)
{
	struct guest_device device;
	struct guest guest;
	struct vmm reset;

	act('d', "the guest reboots, and stage 1 comes and goes");
	open_with_page(&guest, &device, bdf, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_doorbell(&device, G(0));
	check_both(&device, "MSI before");

	/* The old IOVA is now used as an IPA */
	bypass_stage1(&device);
	check_lost(&device, "MSI lost, stage 1 bypassed");
	expect_fault(&device);
	vmm_device_disable_msi(&device.vmm_device);
	set_up_msi(&device, page);
	check_both(&device, "MSI, set up by a guest without stage 1");

	/* Firmware runs; this VMM gives it a separate IOAS */
	move_to_new_ioas(&device, &reset);
	check(!ioas_can_map(&reset, page, SMMU_PAGE_SIZE),
	      "that IOAS keeps the page free as well");
	check_both(&device, "MSI in another IOAS");
	vmm_device_disable_msi(&device.vmm_device);
	set_up_msi(&device, G(0));
	device.doorbell = page;
	check_both(&device, "MSI to V, as there is no stage 1");

	/* The next kernel of the guest */
	forget_translations(&device);
	write_stage1(&device);
	map_doorbell(&device, G(1), page, SMMU_PAGE_SIZE);
	device.hwpt_id = alloc_nested(&device, true);
	attach(&device.vmm_device, device.hwpt_id);
	device.bypass = false;
	check_lost(&device, "MSI lost, not set up again");
	check_fault(&device);
	vmm_device_disable_msi(&device.vmm_device);
	set_up_msi(&device, G(1));
	check_dma(&device);
	check_both(&device, "MSI after, set up again");
	close_guest(&guest, &device);
}

static void act_two_devices(const char *bdf1, const char *bdf2, uint64_t page)
{
	struct guest_device first, second;
	struct guest guest;

	act('e', "two devices, one page, one device replugged");
	open_with_page(&guest, &first, bdf1, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_doorbell(&first, G(0));
	open_device(&guest, &second, 1, bdf2, page);
	set_page(&second);
	start_with_doorbell(&second, G(0));
	check_both(&first, "MSI of the first");
	check_both(&second, "MSI of the second, to the same address");

	unplug(&second);
	check(!ioas_can_map(&guest.vmm, page, SMMU_PAGE_SIZE),
	      "the second unplugged, the page is not free");
	check_both(&first, "MSI of the first, alone");

	plug(bdf2);
	open_device(&guest, &second, 1, bdf2, page);
	set_page(&second);
	forget_translations(&first);
	start_with_doorbell(&second, G(1));
	check_both(&second, "MSI of the second, to another address");
	check_both(&first, "MSI of the first");
	vmm_device_close(&second.vmm_device);
	close_guest(&guest, &first);
}

static void act_qemu_page(const char *bdf)
{
	uint64_t after = QEMU_PAGE + SMMU_PAGE_SIZE;
	struct guest_device device;
	struct guest guest;
	int rc;

	act('f', "the page of QEMU's virt board, in what was the default window");
	open_with_page(&guest, &device, bdf, QEMU_PAGE);
	map_ram(&guest.vmm, QEMU_PAGE);
	rc = vmm_map_ram(&guest.vmm, after, GUEST_RAM_SIZE - after);
	check(!rc, "RAM right behind the page: %s", errno_name(rc));
	start_with_doorbell(&device, G(0));
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

static void check_refused(int rc, int expected, const char *what)
{
	check(rc == expected, "%s: %s", what, errno_name(rc));
}

static void act_refused(const char *bdf, uint64_t page)
{
	struct guest_device device;
	struct guest guest;
	const int none = -1, no_eventfd = STDOUT_FILENO;
	int rc;

	act('g', "what the kernel refuses");
	open_with_page(&guest, &device, bdf, page);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	write_stage1(&device);
	map_doorbell(&device, G(0), page, SMMU_PAGE_SIZE);
	start_device(&device);
	rc = prepare(&device, VFIO_PCI_INTX_IRQ_INDEX, 0, G(0));
	check_refused(rc, -ENOTTY, "an address for INTx");
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 1, G(0));
	check_refused(rc, -EINVAL, "a vector that the device does not have");
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(0) + 2);
	check_refused(rc, -EINVAL, "an address that is not a multiple of 4");
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(1));
	check_refused(rc, 0, "an address");
	rc = sw_msi_prepare(device.vmm_device.fd, VFIO_PCI_MSI_IRQ_INDEX, 0,
			    NULL);
	check_refused(rc, 0, "that address cleared");

	set_up_msi(&device, G(0));
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(1));
	check_refused(rc, -EBUSY, "an address for a vector with a trigger");
	vmm_device_set_triggers(&device.vmm_device, VFIO_PCI_MSI_IRQ_INDEX, 0,
				1, &none);
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(1));
	check_refused(rc, -EBUSY, "an address for a vector still allocated");
	vmm_device_disable_msi(&device.vmm_device);
	set_up_msi(&device, G(0));
	check_both(&device, "MSI afterwards");

	/* A trigger that fails does not clear the address */
	vmm_device_disable_msi(&device.vmm_device);
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(0));
	check_refused(rc, 0, "an address");
	rc = vmm_device_set_triggers(&device.vmm_device, VFIO_PCI_MSI_IRQ_INDEX,
				     0, 1, &no_eventfd);
	check_refused(rc, -EINVAL, "a trigger that is not an eventfd");
	enable_msi(&device.vmm_device);
	check_both(&device, "MSI, prepared before that");

	/* Disabling clears the address */
	vmm_device_disable_msi(&device.vmm_device);
	enable_msi(&device.vmm_device);
	device.doorbell = page;
	check_lost(&device, "MSI lost, the guest gave no address");
	check_fault(&device);

	/* Last, as an ITS does not give back the event of a failed allocation */
	vmm_device_disable_msi(&device.vmm_device);
	rc = prepare(&device, VFIO_PCI_MSI_IRQ_INDEX, 0, G(0) + 4);
	check_refused(rc, 0, "an address beside the doorbell");
	rc = vmm_device_enable_msi(&device.vmm_device);
	check_refused(rc, -ENOSPC, "the vector set up with it");
	close_guest(&guest, &device);
}

void vits_acts(const char *first, const char *second, const char *msix,
	       uint64_t page)
{
	act_three_addresses(first, page);
	act_vectors(msix, page);
	act_faults(first, page);
	act_reboot(first, page);
	act_two_devices(first, second, page);
	act_qemu_page(first);
	act_refused(first, page);
}
