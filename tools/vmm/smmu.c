// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <string.h>

#include "smmu.h"

#define BIT(n)			((uint64_t)1 << (n))
#define FIELD(val, shift)	((uint64_t)(val) << (shift))

/* Stream table entry, 5.2 */
#define STE_0_V			BIT(0)
#define STE_0_CONFIG_BYPASS	FIELD(4, 1)
#define STE_0_CONFIG_STAGE1	FIELD(5, 1)
#define STE_1_CD_INNER_WBRA	FIELD(1, 2)
#define STE_1_CD_OUTER_WBRA	FIELD(1, 4)
#define STE_1_CD_INNER_SH	FIELD(3, 6)

/* Context descriptor, 5.4 */
#define CD_0_T0SZ(bits)		FIELD(64 - (bits), 0)
#define CD_0_TG0_4K		FIELD(0, 6)
#define CD_0_INNER_WBRA		FIELD(1, 8)
#define CD_0_OUTER_WBRA		FIELD(1, 10)
#define CD_0_INNER_SH		FIELD(3, 12)
#define CD_0_EPD1		BIT(30)
#define CD_0_V			BIT(31)
#define CD_0_IPS_48		FIELD(5, 32)
#define CD_0_AA64		BIT(41)
/* Faults are recorded, and end the access with an abort */
#define CD_0_R			BIT(45)
#define CD_0_A			BIT(46)
#define CD_0_ASET		BIT(47)
#define CD_0_ASID(asid)		FIELD(asid, 48)

/* Memory attributes, by enum smmu_memory */
#define MAIR			(FIELD(0xff, 8 * SMMU_MEMORY_NORMAL) | \
				 FIELD(0x04, 8 * SMMU_MEMORY_DEVICE))

/* Descriptors of the tables; a device's accesses are unprivileged */
#define DESC_TABLE		FIELD(3, 0)
#define DESC_PAGE		FIELD(3, 0)
#define DESC_ATTR(memory)	FIELD(memory, 2)
#define DESC_AP_UNPRIVILEGED	BIT(6)
#define DESC_INNER_SH		FIELD(3, 8)
#define DESC_AF			BIT(10)
#define DESC_NG			BIT(11)
#define DESC_XN			FIELD(3, 53)
#define DESC_ADDRESS		(BIT(48) - SMMU_PAGE_SIZE)

#define IOVA_BITS		48
#define BITS_PER_LEVEL		9
#define LAST_LEVEL		3

static uint64_t *at(const struct smmu_stage1 *s1, uint64_t ipa)
{
	return (uint64_t *)((char *)s1->ram + ipa);
}

static uint64_t alloc_page(struct smmu_stage1 *s1)
{
	uint64_t ipa = s1->next;

	memset(at(s1, ipa), 0, SMMU_PAGE_SIZE);
	s1->next += SMMU_PAGE_SIZE;
	return ipa;
}

void smmu_stage1_init(struct smmu_stage1 *s1, void *ram, uint64_t pool,
		      uint16_t asid)
{
	uint64_t *cd;

	s1->ram = ram;
	s1->next = pool;
	s1->cd = alloc_page(s1);
	s1->root = alloc_page(s1);

	cd = at(s1, s1->cd);
	cd[0] = htole64(CD_0_T0SZ(IOVA_BITS) | CD_0_TG0_4K | CD_0_INNER_WBRA |
			CD_0_OUTER_WBRA | CD_0_INNER_SH | CD_0_EPD1 |
			CD_0_IPS_48 | CD_0_AA64 | CD_0_R | CD_0_A | CD_0_ASET |
			CD_0_ASID(asid) | CD_0_V);
	cd[1] = htole64(s1->root);
	cd[3] = htole64(MAIR);
}

/* The descriptor of the last level for @iova, with the tables on the way */
static uint64_t *walk(struct smmu_stage1 *s1, uint64_t iova)
{
	uint64_t table = s1->root;

	for (int level = 0;; level++) {
		int shift = 12 + BITS_PER_LEVEL * (LAST_LEVEL - level);
		uint64_t index = (iova >> shift) % BIT(BITS_PER_LEVEL);
		uint64_t *desc = at(s1, table) + index;

		if (level == LAST_LEVEL)
			return desc;
		if (!*desc)
			*desc = htole64(alloc_page(s1) | DESC_TABLE);
		table = le64toh(*desc) & DESC_ADDRESS;
	}
}

void smmu_stage1_map(struct smmu_stage1 *s1, uint64_t iova, uint64_t ipa,
		     uint64_t size, enum smmu_memory memory)
{
	for (uint64_t offset = 0; offset < size; offset += SMMU_PAGE_SIZE)
		*walk(s1, iova + offset) =
			htole64((ipa + offset) | DESC_ATTR(memory) |
				DESC_AP_UNPRIVILEGED | DESC_INNER_SH | DESC_AF |
				DESC_NG | DESC_XN | DESC_PAGE);
}

void smmu_ste_stage1(const struct smmu_stage1 *s1, uint64_t ste[2])
{
	ste[0] = htole64(STE_0_V | STE_0_CONFIG_STAGE1 | s1->cd);
	ste[1] = htole64(STE_1_CD_INNER_WBRA | STE_1_CD_OUTER_WBRA |
			 STE_1_CD_INNER_SH);
}

void smmu_ste_bypass(uint64_t ste[2])
{
	ste[0] = htole64(STE_0_V | STE_0_CONFIG_BYPASS);
	ste[1] = 0;
}
