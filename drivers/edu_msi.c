// SPDX-License-Identifier: GPL-2.0
/*
 * Host driver for QEMU's edu device: it requests the MSI of the device, and
 * user space has it raised. In the device's directory in sysfs:
 *
 * doorbell	where the device writes its MSI, from the MSI capability
 * raise	write: raises the MSI and waits until it was handled
 * interrupts	how many were handled
 */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

/* See QEMU's docs/specs/edu.rst: the IDs, and registers in BAR 0 */
#define EDU_VENDOR_ID		0x1234
#define EDU_DEVICE_ID		0x11e8
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_RAISE		0x60
#define EDU_IRQ_ACK		0x64

/* Emulation is slow: this only ends the wait for a lost MSI */
#define EDU_TIMEOUT		(5 * HZ)

struct edu {
	void __iomem *bar;
	struct completion handled;
	atomic_t interrupts;
};

static irqreturn_t edu_irq(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->bar + EDU_IRQ_STATUS);

	if (!status)
		return IRQ_NONE;
	writel(status, edu->bar + EDU_IRQ_ACK);
	atomic_inc(&edu->interrupts);
	complete(&edu->handled);
	return IRQ_HANDLED;
}

static ssize_t doorbell_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	u32 lo = 0, hi = 0;
	u16 flags;

	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &flags);
	pci_read_config_dword(pdev, pdev->msi_cap + PCI_MSI_ADDRESS_LO, &lo);
	if (flags & PCI_MSI_FLAGS_64BIT)
		pci_read_config_dword(pdev, pdev->msi_cap + PCI_MSI_ADDRESS_HI,
				      &hi);
	return sysfs_emit(buf, "0x%llx\n", (u64)hi << 32 | lo);
}
static DEVICE_ATTR_RO(doorbell);

static ssize_t raise_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct edu *edu = dev_get_drvdata(dev);

	reinit_completion(&edu->handled);
	writel(1, edu->bar + EDU_IRQ_RAISE);
	if (!wait_for_completion_timeout(&edu->handled, EDU_TIMEOUT))
		return -ETIMEDOUT;
	return count;
}
static DEVICE_ATTR_WO(raise);

static ssize_t interrupts_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct edu *edu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", atomic_read(&edu->interrupts));
}
static DEVICE_ATTR_RO(interrupts);

static struct attribute *edu_attrs[] = {
	&dev_attr_doorbell.attr,
	&dev_attr_raise.attr,
	&dev_attr_interrupts.attr,
	NULL,
};
ATTRIBUTE_GROUPS(edu);

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int rc;

	edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	init_completion(&edu->handled);

	rc = pcim_enable_device(pdev);
	if (rc)
		return rc;
	edu->bar = pcim_iomap_region(pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(edu->bar))
		return PTR_ERR(edu->bar);
	/* An MSI is a write by the device */
	pci_set_master(pdev);

	rc = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (rc < 0)
		return rc;
	rc = request_irq(pci_irq_vector(pdev, 0), edu_irq, 0, KBUILD_MODNAME,
			 edu);
	if (rc) {
		pci_free_irq_vectors(pdev);
		return rc;
	}
	pci_set_drvdata(pdev, edu);
	return 0;
}

static void edu_remove(struct pci_dev *pdev)
{
	free_irq(pci_irq_vector(pdev, 0), pci_get_drvdata(pdev));
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR_ID, EDU_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = KBUILD_MODNAME,
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
	.dev_groups = edu_groups,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Host driver for the MSI of QEMU's edu device");
MODULE_LICENSE("GPL");
