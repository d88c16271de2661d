// SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT
/*
 * Move the software MSI window of a device to the free place nearest to an
 * address, and receive an interrupt:
 *
 *   move-window /dev/vfio/devices/vfio0 0x10000000
 *
 * The device is the edu device of QEMU: something has to raise an MSI.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <sw_msi.h>

#define RAM_SIZE	(256 << 20)
#define RANGES_MAX	64
#define EDU_IRQ_RAISE	0x60

#define xioctl(fd, op, arg) do {	\
	if (ioctl(fd, op, arg))		\
		err(1, #op);		\
} while (0)

/* From here on the IOAS keeps the window free */
static void attach(int device, uint32_t ioas_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = ioas_id,
	};

	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		errx(1, "attach: %s",
		     sw_msi_strerror(SW_MSI_STEP_ATTACH, errno));
}

static void detach(int device)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	xioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/*
 * Where a window can be: the IOAS knows while the device is attached. Nothing is
 * mapped there yet, so the default window is in nobody's way.
 */
static uint64_t pick_window(int iommufd, int device, uint32_t ioas_id,
			    uint64_t near_start)
{
	const struct iommu_iova_range guest = { 0, RAM_SIZE - 1 };
	struct iommu_iova_range ranges[RANGES_MAX];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.num_iovas = RANGES_MAX,
		.allowed_iovas = (uintptr_t)ranges,
	};
	uint64_t start;
	int rc;

	attach(device, ioas_id);
	xioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, &cmd);
	detach(device);
	rc = sw_msi_pick_window(ranges, cmd.num_iovas, &guest, 1, NULL, 0,
				SW_MSI_UNIT, near_start, &start);
	if (rc)
		errx(1, "window: %s", sw_msi_strerror(SW_MSI_STEP_OPTION, rc));
	return start;
}

/*
 * Before the device is attached for good. An emulated device (-ENOENT) and one
 * without a window, as on x86, have nothing to move.
 */
static void move_window(int iommufd, int device, uint32_t dev_id,
			uint32_t ioas_id, uint64_t near_start)
{
	enum sw_msi_support support;
	uint64_t start;
	int rc;

	rc = sw_msi_probe(iommufd, dev_id, &support);
	if (rc == -ENOENT || (!rc && support == SW_MSI_NO_REGION))
		return;
	if (rc)
		errx(1, "%s", sw_msi_strerror(SW_MSI_STEP_OPTION, rc));

	start = pick_window(iommufd, device, ioas_id, near_start);
	rc = sw_msi_set_window(iommufd, dev_id, start, SW_MSI_UNIT);
	if (rc)
		errx(1, "window at 0x%llx: %s", (unsigned long long)start,
		     sw_msi_strerror(SW_MSI_STEP_OPTION, rc));
}

/* Guest RAM where the guest sees it: the default window is in the middle */
static void map_ram(int iommufd, uint32_t ioas_id)
{
	void *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)ram,
		.length = RAM_SIZE,
		.iova = 0,
	};

	if (ram == MAP_FAILED)
		err(1, "RAM");
	xioctl(iommufd, IOMMU_IOAS_MAP, &map);
}

/* The kernel places the doorbell now, inside the window */
static void enable_msi(int device, int eventfd)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + sizeof(int)];
	} irq = { .set = {
		.argsz = sizeof(irq),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD |
			 VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	} };

	memcpy(irq.bytes + sizeof(irq.set), &eventfd, sizeof(eventfd));
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &irq))
		errx(1, "VFIO_DEVICE_SET_IRQS: %s",
		     sw_msi_strerror(SW_MSI_STEP_IRQ, errno));
}

/* What the driver in the guest does with its device, for edu */
static void raise_msi(int device)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	struct vfio_region_info bar = {
		.argsz = sizeof(bar),
		.index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t one = 1;

	xioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config);
	xioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar);
	if (pwrite(device, &command, sizeof(command),
		   config.offset + PCI_COMMAND) != sizeof(command) ||
	    pwrite(device, &one, sizeof(one),
		   bar.offset + EDU_IRQ_RAISE) != sizeof(one))
		err(1, "write to the device");
}

int main(int argc, char *argv[])
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct pollfd pollfd = { .events = POLLIN };
	uint64_t near_start, count;
	int iommufd, device;
	char *end;

	if (argc != 3)
		errx(2, "usage: move-window VFIO-DEVICE IOVA");
	near_start = strtoull(argv[2], &end, 0);
	if (end == argv[2] || *end)
		errx(2, "%s: not an address", argv[2]);

	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		err(1, "/dev/iommu");
	/*
	 * No device is needed to ask this. On a kernel without the options the
	 * memory map of an Arm guest has to leave out the default window. A
	 * VMM for x86 need not ask, as no device has a window there.
	 */
	if (sw_msi_probe_kernel(iommufd))
		errx(1, "this kernel cannot move the window of a device");

	device = open(argv[1], O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(1, "%s", argv[1]);
	bind.iommufd = iommufd;
	xioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	xioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc);

	move_window(iommufd, device, bind.out_devid, alloc.out_ioas_id,
		    near_start);
	attach(device, alloc.out_ioas_id);
	map_ram(iommufd, alloc.out_ioas_id);

	pollfd.fd = eventfd(0, EFD_CLOEXEC);
	if (pollfd.fd < 0)
		err(1, "eventfd");
	enable_msi(device, pollfd.fd);
	raise_msi(device);
	if (poll(&pollfd, 1, 5000) != 1 ||
	    read(pollfd.fd, &count, sizeof(count)) != sizeof(count))
		errx(1, "the MSI did not arrive");
	printf("%llu MSI received\n", (unsigned long long)count);
	return 0;
}
