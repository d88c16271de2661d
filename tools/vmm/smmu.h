/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage 1 of an SMMUv3 as a guest writes it: a context descriptor and page
 * tables in the guest's RAM, and the STE that points to them. 4 KiB granule,
 * 48 bits of IOVA, four levels of 512 descriptors. The formats are those of
 * "Arm System Memory Management Unit Architecture Specification" (IHI 0070),
 * chapter 5, and of the VMSAv8-64 translation tables.
 */
#ifndef SMMU_H
#define SMMU_H

#include <stdint.h>

/* Size and alignment of a page, and of each table, in bytes */
#define SMMU_PAGE_SIZE		4096

/* Commands and an event, as bits 7:0 of their first double word have them */
#define SMMU_CMD_CFGI_CD_ALL	0x06
#define SMMU_CMD_TLBI_NSNH_ALL	0x30
#define SMMU_EVT_F_TRANSLATION	0x10

/**
 * enum smmu_memory - what is behind a page of stage 1
 * @SMMU_MEMORY_NORMAL: RAM, write-back cacheable
 * @SMMU_MEMORY_DEVICE: registers, Device-nGnRE: the doorbell
 */
enum smmu_memory {
	SMMU_MEMORY_NORMAL,
	SMMU_MEMORY_DEVICE,
};

/**
 * struct smmu_stage1 - a guest's stage 1 for one device
 * @ram: the guest's RAM, which begins at IPA 0
 * @next: IPA of the next free page for a table
 * @cd: IPA of the context descriptor
 * @root: IPA of the table of level 0
 */
struct smmu_stage1 {
	void *ram;
	uint64_t next;
	uint64_t cd;
	uint64_t root;
};

/**
 * smmu_stage1_init() - Write a context descriptor and an empty root table
 * @s1: the stage 1
 * @ram: the guest's RAM, which begins at IPA 0
 * @pool: IPA of a page-aligned area for tables: four pages, and up to three
 *        more for each 2 MiB of IOVA in which something is mapped
 * @asid: the ASID, one that no other device of the guest has
 */
void smmu_stage1_init(struct smmu_stage1 *s1, void *ram, uint64_t pool,
		      uint16_t asid);

/**
 * smmu_stage1_map() - Map IOVA to IPA, for reads and writes
 * @s1: the stage 1
 * @iova: first IOVA, in bytes; a multiple of SMMU_PAGE_SIZE, below 2^48
 * @ipa: the IPA that it becomes; a multiple of SMMU_PAGE_SIZE, below 2^48
 * @size: size in bytes, a multiple of SMMU_PAGE_SIZE
 * @memory: what is there
 */
void smmu_stage1_map(struct smmu_stage1 *s1, uint64_t iova, uint64_t ipa,
		     uint64_t size, enum smmu_memory memory);

/**
 * smmu_ste_stage1() - The guest's STE for a device with a stage 1
 * @s1: the stage 1
 * @ste: its first two double words, little endian
 */
void smmu_ste_stage1(const struct smmu_stage1 *s1, uint64_t ste[2]);

/**
 * smmu_ste_bypass() - The guest's STE for a device without stage 1
 * @ste: its first two double words, little endian
 */
void smmu_ste_bypass(uint64_t ste[2]);

#endif /* SMMU_H */
