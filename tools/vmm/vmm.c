// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vmm.h"

/* BAR 0 of the edu device, see QEMU's docs/specs/edu.rst */
#define EDU_IRQ_RAISE		0x60
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_START		0x01
#define EDU_DMA_FROM_DEVICE	0x02

/* Where the device has the buffer of its DMA engine */
#define EDU_DMA_BUFFER		0x40000

/* Emulation is slow, and the machine may be busy: this only ends a lost MSI */
#define MSI_TIMEOUT_MS		5000
#define DMA_TIMEOUT_MS		5000

uint32_t vmm_alloc_ioas(struct vmm *vmm)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	xioctl(vmm->iommufd, IOMMU_IOAS_ALLOC, &alloc);
	return alloc.out_ioas_id;
}

void vmm_destroy(struct vmm *vmm, uint32_t id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	xioctl(vmm->iommufd, IOMMU_DESTROY, &destroy);
}

void vmm_open(struct vmm *vmm, uint64_t ram_size)
{
	vmm->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (vmm->iommufd < 0)
		err(1, "/dev/iommu");
	vmm->ioas_id = vmm_alloc_ioas(vmm);

	vmm->ram_size = ram_size;
	vmm->ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vmm->ram == MAP_FAILED)
		err(1, "guest RAM");
}

void vmm_close(struct vmm *vmm)
{
	close(vmm->iommufd);
	munmap(vmm->ram, vmm->ram_size);
}

int vmm_map_ram(struct vmm *vmm, uint64_t start, uint64_t size)
{
	return vmm_map_ram_at(vmm, start, size, start);
}

int vmm_map_ram_at(struct vmm *vmm, uint64_t offset, uint64_t size,
		   uint64_t iova)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = vmm->ioas_id,
		.user_va = (uintptr_t)vmm->ram + offset,
		.length = size,
		.iova = iova,
	};

	return ioctl(vmm->iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

uint64_t vmm_ram_pa(struct vmm *vmm, uint64_t start)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);
	uint64_t va = (uintptr_t)vmm->ram + start;
	uint64_t entry;
	int fd;

	/* Bit 63: present; bits 54:0: the page's number */
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    va / page_size * sizeof(entry)) != sizeof(entry))
		err(1, "/proc/self/pagemap");
	close(fd);
	if (!(entry >> 63))
		errx(1, "guest RAM is not present");
	return (entry & (((uint64_t)1 << 55) - 1)) * page_size + va % page_size;
}

void vmm_unmap_all(struct vmm *vmm)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = vmm->ioas_id,
		.length = UINT64_MAX,
	};

	xioctl(vmm->iommufd, IOMMU_IOAS_UNMAP, &unmap);
}

struct iommu_iova_range *vmm_iova_ranges(struct vmm *vmm, uint32_t *num)
{
	struct iommu_ioas_iova_ranges query = {
		.size = sizeof(query),
		.ioas_id = vmm->ioas_id,
	};
	struct iommu_iova_range *ranges;

	/* Without room for the ranges, it gives their number; there may be none */
	if (ioctl(vmm->iommufd, IOMMU_IOAS_IOVA_RANGES, &query) &&
	    errno != EMSGSIZE)
		err(1, "IOMMU_IOAS_IOVA_RANGES");
	ranges = calloc(query.num_iovas, sizeof(*ranges));
	if (!ranges && query.num_iovas)
		err(1, "IOVA ranges");
	query.allowed_iovas = (uintptr_t)ranges;
	xioctl(vmm->iommufd, IOMMU_IOAS_IOVA_RANGES, &query);
	*num = query.num_iovas;
	return ranges;
}

int vmm_alloc_nest_parent(struct vmm *vmm, struct vmm_device *device,
			  uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = device->id,
		.pt_id = vmm->ioas_id,
	};

	if (ioctl(vmm->iommufd, IOMMU_HWPT_ALLOC, &alloc))
		return -errno;
	*hwpt_id = alloc.out_hwpt_id;
	return 0;
}

static int open_cdev(const char *bdf)
{
	char path[PATH_MAX] = "";
	struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		err(1, "%s: is vfio-pci bound to it?", path);
	path[0] = '\0';
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4))
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
				 entry->d_name);
	closedir(dir);

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "VFIO device of %s: %s", bdf, path);
	return fd;
}

static void get_region(struct vmm_device *device, uint32_t index,
		       struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){
		.argsz = sizeof(*info),
		.index = index,
	};
	xioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

/* An MSI is a write by the device: without bus mastering there is none */
static void enable_bus_master(struct vmm_device *device)
{
	struct vfio_region_info info;
	uint16_t command;
	off_t offset;

	get_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	offset = info.offset + PCI_COMMAND;
	if (pread(device->fd, &command, sizeof(command), offset) !=
	    sizeof(command))
		err(1, "read of PCI_COMMAND");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(device->fd, &command, sizeof(command), offset) !=
	    sizeof(command))
		err(1, "write of PCI_COMMAND");
}

static void map_bar0(struct vmm_device *device)
{
	struct vfio_region_info info;

	get_region(device, VFIO_PCI_BAR0_REGION_INDEX, &info);
	device->bar0_size = info.size;
	device->bar0 = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    device->fd, info.offset);
	if (device->bar0 == MAP_FAILED)
		err(1, "BAR 0, of %zu bytes", device->bar0_size);
}

void vmm_device_open(struct vmm *vmm, struct vmm_device *device,
		     const char *bdf)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = vmm->iommufd,
	};

	*device = (struct vmm_device){ .fd = open_cdev(bdf), .msi_fd = -1 };
	xioctl(device->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	device->id = bind.out_devid;
}

void vmm_device_close(struct vmm_device *device)
{
	/* The mapping of the BAR keeps the file open too */
	if (device->bar0)
		munmap((void *)device->bar0, device->bar0_size);
	close(device->fd);
	if (device->msi_fd >= 0)
		close(device->msi_fd);
}

int vmm_device_attach(struct vmm_device *device, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};

	if (ioctl(device->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	return 0;
}

void vmm_device_detach(struct vmm_device *device)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	xioctl(device->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

void vmm_device_start(struct vmm_device *device)
{
	if (device->bar0)
		return;
	map_bar0(device);
	enable_bus_master(device);
}

int vmm_device_set_triggers(struct vmm_device *device, uint32_t index,
			    uint32_t start, uint32_t count, const int *fds)
{
	_Alignas(struct vfio_irq_set)
	char buf[sizeof(struct vfio_irq_set) + VMM_TRIGGERS_MAX * sizeof(int)] = "";
	struct vfio_irq_set *set = (struct vfio_irq_set *)buf;
	int rc;

	set->argsz = sizeof(*set) + count * sizeof(int);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->start = start;
	set->count = count;
	memcpy(set->data, fds, count * sizeof(int));
	rc = ioctl(device->fd, VFIO_DEVICE_SET_IRQS, set);
	/* A positive value is the number of vectors that are available */
	return rc < 0 ? -errno : rc ? -ENOSPC : 0;
}

int vmm_device_enable_msi(struct vmm_device *device)
{
	int rc;

	vmm_device_start(device);
	device->msi_fd = eventfd(0, EFD_CLOEXEC);
	if (device->msi_fd < 0)
		err(1, "eventfd");
	rc = vmm_device_set_triggers(device, VFIO_PCI_MSI_IRQ_INDEX, 0, 1,
				     &device->msi_fd);
	if (!rc)
		return 0;

	close(device->msi_fd);
	device->msi_fd = -1;
	return rc;
}

void vmm_device_disable_msi(struct vmm_device *device)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
	};

	xioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set);
	close(device->msi_fd);
	device->msi_fd = -1;
}

uint64_t vmm_device_raise_msi(struct vmm_device *device)
{
	struct pollfd pollfd = { .fd = device->msi_fd, .events = POLLIN };
	uint64_t count = 0;

	device->bar0[EDU_IRQ_RAISE / 4] = 1;
	if (poll(&pollfd, 1, MSI_TIMEOUT_MS) == 1 &&
	    read(device->msi_fd, &count, sizeof(count)) != sizeof(count))
		err(1, "eventfd");
	device->bar0[EDU_IRQ_ACK / 4] = 1;
	return count;
}

/* The registers of the DMA engine are 64 bits wide */
static void write_dma(struct vmm_device *device, unsigned int offset,
		      uint64_t val)
{
	*(volatile uint64_t *)(device->bar0 + offset / 4) = val;
}

void vmm_device_dma(struct vmm_device *device, uint64_t iova, size_t size,
		    bool from_device)
{
	write_dma(device, EDU_DMA_SRC, from_device ? EDU_DMA_BUFFER : iova);
	write_dma(device, EDU_DMA_DST, from_device ? iova : EDU_DMA_BUFFER);
	write_dma(device, EDU_DMA_COUNT, size);
	write_dma(device, EDU_DMA_CMD, EDU_DMA_START |
		  (from_device ? EDU_DMA_FROM_DEVICE : 0));
	for (int ms = 0; device->bar0[EDU_DMA_CMD / 4] & EDU_DMA_START; ms++) {
		if (ms == DMA_TIMEOUT_MS)
			errx(1, "the device's DMA does not finish");
		usleep(1000);
	}
}
