// SPDX-License-Identifier: GPL-2.0
/*
 * An MSI that the device itself writes, in each way to set up VFIO, on the library
 * of the kernel's vfio tests: those have the kernel signal the eventfd. And what
 * iommufd says of the window, which depends on the machine's IOMMU.
 *
 * $SW_MSI is "window" where the IOMMU has a software MSI window, "none" where MSIs
 * do not need one.
 */
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/limits.h>
#include <linux/sizes.h>

#include <vfio_util.h>

#include "kselftest_harness.h"

/* Emulation is slow, and the machine may be busy: this only ends a lost MSI */
#define MSI_TIMEOUT_MS		5000

/* BAR 0 of QEMU's edu device */
#define EDU_IRQ_RAISE		0x60
#define EDU_IRQ_ACK		0x64

/* BAR 0 of an e1000e */
#define E1000_ICR		0xc0
#define E1000_ICS		0xc8
#define E1000_IMS		0xd0
#define E1000_ICR_LSC		0x4

/* BAR 0 of an NVMe controller; doorbells with a stride of 4 bytes */
#define NVME_CC			0x14
#define NVME_CC_ENABLE		0x460001	/* entries of 64 and 16 bytes */
#define NVME_CSTS		0x1c
#define NVME_CSTS_RDY		0x1
#define NVME_AQA		0x24
#define NVME_ASQ		0x28
#define NVME_ACQ		0x30
#define NVME_SQ0_TAIL		0x1000
#define NVME_ENTRIES		4
#define NVME_IDENTIFY		0x06
#define NVME_IDENTIFY_CTRL	1

/* In memory: after the submission queue, the completion queue and the data */
#define NVME_CQ			SZ_4K
#define NVME_DATA		(2 * SZ_4K)

/* The headers may be those of a kernel without the options */
#define OPTION_SW_MSI_START	2
#define OPTION_SW_MSI_SIZE	3

static const char *device_bdf;

/* Memory that the device reads and writes */
static struct vfio_dma_region memory;

static u32 read_bar0(struct vfio_pci_device *device, u32 offset)
{
	return *(volatile u32 *)(device->bars[0].vaddr + offset);
}

static void write_bar0(struct vfio_pci_device *device, u32 offset, u32 val)
{
	*(volatile u32 *)(device->bars[0].vaddr + offset) = val;
}

static void edu_raise(struct vfio_pci_device *device)
{
	write_bar0(device, EDU_IRQ_RAISE, 1);
}

static bool edu_done(struct vfio_pci_device *device)
{
	write_bar0(device, EDU_IRQ_ACK, 1);
	return true;
}

static void e1000e_raise(struct vfio_pci_device *device)
{
	write_bar0(device, E1000_ICR, ~0);
	write_bar0(device, E1000_IMS, E1000_ICR_LSC);
	write_bar0(device, E1000_ICS, E1000_ICR_LSC);
}

static bool e1000e_done(struct vfio_pci_device *device)
{
	write_bar0(device, E1000_ICR, E1000_ICR_LSC);
	return true;
}

/*
 * Identify, as the first command of a controller that is enabled after its MSI-X
 * was: QEMU's takes a vector into use then. The data begin with the vendor's ID.
 */
static void nvme_raise(struct vfio_pci_device *device)
{
	u32 *command = memory.vaddr;

	memset(memory.vaddr, 0, memory.size);
	command[0] = NVME_IDENTIFY;
	*(u64 *)&command[6] = memory.iova + NVME_DATA;
	command[10] = NVME_IDENTIFY_CTRL;

	write_bar0(device, NVME_CC, 0);
	write_bar0(device, NVME_AQA, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	for (int half = 0; half < 2; half++) {
		write_bar0(device, NVME_ASQ + 4 * half, memory.iova >> 32 * half);
		write_bar0(device, NVME_ACQ + 4 * half,
			   (memory.iova + NVME_CQ) >> 32 * half);
	}
	write_bar0(device, NVME_CC, NVME_CC_ENABLE);
	for (int ms = 0; !(read_bar0(device, NVME_CSTS) & NVME_CSTS_RDY); ms++) {
		VFIO_ASSERT_LT(ms, MSI_TIMEOUT_MS);
		usleep(1000);
	}
	write_bar0(device, NVME_SQ0_TAIL, 1);
}

static bool nvme_done(struct vfio_pci_device *device)
{
	u16 vendor = *(u16 *)(memory.vaddr + NVME_DATA);

	return vendor == vfio_pci_config_readw(device, PCI_VENDOR_ID);
}

/**
 * struct source - how a device is had to raise an interrupt
 * @vendor: its ID
 * @device: its ID
 * @index: of VFIO's interrupts
 * @raise: makes it do so
 * @done: after that; whether the device did what it had to
 */
static const struct source {
	u16 vendor;
	u16 device;
	u32 index;
	void (*raise)(struct vfio_pci_device *device);
	bool (*done)(struct vfio_pci_device *device);
} sources[] = {
	{ 0x1234, 0x11e8, VFIO_PCI_MSI_IRQ_INDEX, edu_raise, edu_done },
	{ 0x8086, 0x10d3, VFIO_PCI_MSI_IRQ_INDEX, e1000e_raise, e1000e_done },
	{ 0x1b36, 0x0010, VFIO_PCI_MSIX_IRQ_INDEX, nvme_raise, nvme_done },
};

static const struct source *find_source(struct vfio_pci_device *device)
{
	for (int i = 0; i < ARRAY_SIZE(sources); i++)
		if (vfio_pci_device_match(device, sources[i].vendor,
					  sources[i].device))
			return &sources[i];
	return NULL;
}

FIXTURE(vfio_pci_msi) {
	struct vfio_pci_device *device;
	struct iova_allocator *allocator;
};

FIXTURE_VARIANT(vfio_pci_msi) {
	const char *iommu_mode;
};

#define FIXTURE_VARIANT_ADD_IOMMU_MODE(_iommu_mode)		\
FIXTURE_VARIANT_ADD(vfio_pci_msi, _iommu_mode) {		\
	.iommu_mode = #_iommu_mode,				\
}

/*
 * The modes of FIXTURE_VARIANT_ADD_ALL_IOMMU_MODES(), those last that cannot have
 * an MSI on each IOMMU: the ITS driver does not take back the LPI when that fails,
 * and edu has no other.
 */
FIXTURE_VARIANT_ADD_IOMMU_MODE(iommufd);
FIXTURE_VARIANT_ADD_IOMMU_MODE(iommufd_compat_type1);
FIXTURE_VARIANT_ADD_IOMMU_MODE(iommufd_compat_type1v2);
FIXTURE_VARIANT_ADD_IOMMU_MODE(vfio_type1_iommu);
FIXTURE_VARIANT_ADD_IOMMU_MODE(vfio_type1v2_iommu);

FIXTURE_SETUP(vfio_pci_msi)
{
	u16 command;

	self->device = vfio_pci_device_init(device_bdf, variant->iommu_mode);
	command = vfio_pci_config_readw(self->device, PCI_COMMAND);
	vfio_pci_config_writew(self->device, PCI_COMMAND,
			       command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);

	self->allocator = iova_allocator_init(self->device);
	memory.size = 4 * SZ_4K;
	memory.iova = iova_allocator_alloc(self->allocator, memory.size);
	memory.vaddr = mmap(NULL, memory.size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory.vaddr);
	vfio_pci_dma_map(self->device, &memory);
}

FIXTURE_TEARDOWN(vfio_pci_msi)
{
	vfio_pci_dma_unmap(self->device, &memory);
	iova_allocator_cleanup(self->allocator);
	vfio_pci_device_cleanup(self->device);
}

/* Set up twice: the first time maps the doorbell, the second finds it */
TEST_F(vfio_pci_msi, written_by_the_device)
{
	const struct source *source = find_source(self->device);
	struct pollfd pollfd = { .events = POLLIN };
	u64 value;

	if (!source)
		SKIP(return, "not known how this device raises an interrupt");

	for (int n = 0; n < 2; n++) {
		vfio_pci_irq_enable(self->device, source->index, 0, 1);
		pollfd.fd = self->device->msi_eventfds[0];
		source->raise(self->device);
		ASSERT_EQ(1, poll(&pollfd, 1, MSI_TIMEOUT_MS));
		ASSERT_EQ(8, read(pollfd.fd, &value, 8));
		/* An e1000e repeats it until it is told that it was seen */
		ASSERT_LE(1, value);
		ASSERT_TRUE(source->done(self->device));
		vfio_pci_irq_disable(self->device, source->index);
	}
}

FIXTURE(iommufd_sw_msi) {
	int iommufd;
	int cdev_fd;
	u32 dev_id;
};

FIXTURE_SETUP(iommufd_sw_msi)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	const char *path = vfio_pci_get_cdev_path(device_bdf);

	self->iommufd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, self->iommufd);
	self->cdev_fd = open(path, O_RDWR);
	ASSERT_LE(0, self->cdev_fd);
	bind.iommufd = self->iommufd;
	ASSERT_EQ(0, ioctl(self->cdev_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	self->dev_id = bind.out_devid;
}

FIXTURE_TEARDOWN(iommufd_sw_msi)
{
	ASSERT_EQ(0, close(self->cdev_fd));
	ASSERT_EQ(0, close(self->iommufd));
}

/* What errno the option gives, or 0 */
static int option(int iommufd, u16 op, u16 option_id, u32 object_id, u64 val64)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option_id,
		.op = op,
		.object_id = object_id,
		.val64 = val64,
	};

	return ioctl(iommufd, IOMMU_OPTION, &cmd) ? errno : 0;
}

TEST_F(iommufd_sw_msi, options_follow_the_iommu)
{
	const char *sw_msi = getenv("SW_MSI");
	int expected, fd = self->iommufd;

	ASSERT_NE(NULL, sw_msi);
	expected = strcmp(sw_msi, "none") ? 0 : EOPNOTSUPP;
	ASSERT_STREQ(expected ? "none" : "window", sw_msi);

	/* No object has ID 0: a kernel that has the options looks for it */
	if (option(fd, IOMMU_OPTION_OP_GET, OPTION_SW_MSI_START, 0, 0) != ENOENT)
		SKIP(return, "the kernel does not have the options");

	for (u16 id = OPTION_SW_MSI_START; id <= OPTION_SW_MSI_SIZE; id++) {
		EXPECT_EQ(expected, option(fd, IOMMU_OPTION_OP_GET, id,
					   self->dev_id, 0));
		EXPECT_EQ(expected, option(fd, IOMMU_OPTION_OP_SET, id,
					   self->dev_id,
					   id == OPTION_SW_MSI_SIZE ? 1 :
					   0x10000000));
	}
}

int main(int argc, char *argv[])
{
	device_bdf = vfio_selftests_get_bdf(&argc, argv);
	return test_harness_run(argc, argv);
}
