// SPDX-License-Identifier: GPL-2.0
/* The ABI of IOMMU_OPTION, the same for 32 and 64 bit programs */
#include <linux/iommufd.h>

#define offset(member, bytes)						\
	_Static_assert(__builtin_offsetof(struct iommu_option, member) ==	\
		       (bytes), #member)

offset(size, 0);
offset(option_id, 4);
offset(op, 8);
offset(__reserved, 10);
offset(object_id, 12);
offset(val64, 16);
_Static_assert(sizeof(struct iommu_option) == 24, "iommu_option");

_Static_assert(IOMMU_OPTION_SW_MSI_START == 2, "IOMMU_OPTION_SW_MSI_START");
_Static_assert(IOMMU_OPTION_SW_MSI_SIZE == 3, "IOMMU_OPTION_SW_MSI_SIZE");
