/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one iommufd must do, as far as the software MSI window is concerned.
 *
 * The model knows no ioctl. Its predict functions say what the kernel has to
 * answer and change nothing; its apply functions follow a success. Attach and
 * replace alone change something before they fail: the driver has finished the
 * domain then, or has listed the default window.
 * Errors are positive errno values, 0 is success. Objects are named by slot.
 */
#ifndef IOMMUFD_SW_MSI_MODEL_H
#define IOMMUFD_SW_MSI_MODEL_H

#include <stdbool.h>
#include <linux/types.h>

#define MODEL_RULES(rule)						\
	rule(SET_BAD_OP, "option: unknown op")				\
	rule(SET_RESERVED, "option: __reserved set")			\
	rule(SET_NO_OPTION, "option: unknown id")			\
	rule(SET_NO_DEVICE, "option: object is no device")		\
	rule(SET_NO_WINDOW, "option: device without window")		\
	rule(SET_UNLISTED, "option: driver lists no window")		\
	rule(SET_ATTACHED, "SET: refused, attached")			\
	rule(SET_PAGES, "SET: refused, group has MSI pages")		\
	rule(SET_MISALIGNED, "SET: START misaligned")			\
	rule(SET_SIZE_FIRST, "SET: SIZE before START")			\
	rule(SET_OVERFLOW, "SET: window ends past unsigned long")	\
	rule(SET_INUSE, "SET: window meets a reserved region")		\
	rule(SET_OVER_UNLISTED, "SET: taken over an unlisted region")	\
	rule(SET_START, "SET: START taken")				\
	rule(SET_SIZE, "SET: SIZE taken")				\
	rule(SET_DEFAULT, "SET: SIZE 0, back to the default")		\
	rule(SET_SIBLING, "SET: taken while sibling is attached")	\
	rule(SET_PASID, "SET: taken while PASID is attached")		\
	rule(GET_UNSET, "GET: nothing set")				\
	rule(GET_SET, "GET: what was set")				\
	rule(GET_ATTACHED, "GET: while attached")			\
	rule(ATTACH_DEFAULT, "attach: default window")			\
	rule(ATTACH_USER, "attach: user's window")			\
	rule(ATTACH_NO_WINDOW, "attach: no window")			\
	rule(ATTACH_UNLISTED, "attach: driver has listed no window")	\
	rule(ATTACH_KEPT, "attach: default window, not listed now")	\
	rule(ATTACH_USER_UNLISTED, "attach: the same, user's window")	\
	rule(ATTACH_START_ONLY, "attach: START set, SIZE 0")		\
	rule(ATTACH_AGAIN, "attach: is attached")			\
	rule(ATTACH_OTHER_HWPT, "attach: group has another HWPT")	\
	rule(ATTACH_MAPPED, "attach: window meets a mapping")		\
	rule(ATTACH_ALLOWED, "attach: window meets an allowed range")	\
	rule(ATTACH_RESV, "attach: reserved region meets either")	\
	rule(ATTACH_OVER_RESV, "attach: window over a reserved region")	\
	rule(ATTACH_APERTURE, "attach: window outside the aperture")	\
	rule(ATTACH_JOIN_APERTURE, "attach: the same, group is attached")\
	rule(ATTACH_UNCHECKED, "attach: default window outside it")	\
	rule(ATTACH_LATE, "attach: finishes the domain")		\
	rule(ATTACH_LATE_FAILED, "attach: finishes the domain, fails")	\
	rule(ATTACH_UNFINISHED, "attach: MSI pages, domain unfinished")	\
	rule(ATTACH_GROUP_WINDOW, "attach: group has another window")	\
	rule(ATTACH_GROUP_NONE, "attach: the same, group has none")	\
	rule(ATTACH_SIBLING, "attach: joins the group's attachment")	\
	rule(ATTACH_PASID_COMPAT, "attach: HWPT is not for PASID")	\
	rule(ATTACH_DIRTY, "attach: driver refuses")			\
	rule(ATTACH_AUTO_REUSED, "attach: automatic HWPT reused")	\
	rule(ATTACH_AUTO_NEXT, "attach: automatic HWPT, tries on")	\
	rule(ATTACH_AUTO_NEW, "attach: automatic HWPT made")		\
	rule(ATTACH_NESTED, "attach: nested HWPT")			\
	rule(DOMAIN_INUSE, "new HWPT: mapping outside the aperture")	\
	rule(REPLACE_NOT_ATTACHED, "replace: not attached")		\
	rule(REPLACE_SAME, "replace: with itself")			\
	rule(REPLACE_IOAS, "replace: other IOAS")			\
	rule(REPLACE_WITHIN, "replace: same IOAS")			\
	rule(REPLACE_USER, "replace: user's window")			\
	rule(REPLACE_GROUP, "replace: several devices attached")	\
	rule(REPLACE_NESTED, "replace: nested HWPT")			\
	rule(REPLACE_INUSE, "replace: window meets mapping, allowed")	\
	rule(REPLACE_OVER_RESV, "replace: window over a reserved region")\
	rule(REPLACE_KEPT, "replace: default window, not listed now")	\
	rule(REPLACE_FIRST_LISTED, "replace: default window listed at last")\
	rule(REPLACE_APERTURE, "replace: window outside the aperture")	\
	rule(REPLACE_APERTURE_SIBLING, "replace: the same, sibling's window")\
	rule(REPLACE_UNCHECKED, "replace: default window outside it")	\
	rule(REPLACE_LATE, "replace: finishes the domain")		\
	rule(REPLACE_UNFINISHED, "replace: MSI pages, domain unfinished")\
	rule(REPLACE_FAILED_WITHIN, "replace: fails in the same IOAS")	\
	rule(REPLACE_FAILED_IOAS, "replace: fails in another IOAS")	\
	rule(REPLACE_LIVE, "replace: with live MSI pages")		\
	rule(REPLACE_FAILED_LIVE, "replace: fails with live MSI pages")	\
	rule(PASID_ATTACH, "PASID: attach")				\
	rule(PASID_REFUSED, "PASID: attach refused")			\
	rule(PASID_REPLACE, "PASID: replace")				\
	rule(MSI_UNATTACHED, "MSI: group is not attached")		\
	rule(MSI_NO_WINDOW, "MSI: no window, address kept")		\
	rule(MSI_ONLY_RESERVED, "MSI: the same, window listed at last")	\
	rule(MSI_BY_SIBLING, "MSI: unattached device, same window")	\
	rule(MSI_OTHER_WINDOW, "MSI: unattached device, sibling's window")\
	rule(MSI_NEW, "MSI: new page")					\
	rule(MSI_KNOWN, "MSI: known page, same group")			\
	rule(MSI_SHARED, "MSI: known page, new to the group")		\
	rule(MSI_SKIPS, "MSI: IOVA taken by an overlapping window")	\
	rule(MSI_FULL, "MSI: window is full")				\
	rule(MSI_MANY, "MSI: more than 64 pages")			\
	rule(MSI_ABOVE_4G, "MSI: IOVA above 4 GiB")			\
	rule(MSI_ABOVE_58, "MSI: IOVA of more than 58 bits")		\
	rule(MSI_LAST, "MSI: IOVA in the last MiB")			\
	rule(MSI_UNFINISHED, "MSI: domain unfinished")			\
	rule(MSI_NESTED, "MSI: goes into the nesting parent")		\
	rule(MSI_AGAIN, "MSI: pages back after attach")			\
	rule(MSI_LATE, "MSI: pages back in a domain just finished")	\
	rule(MSI_STALE, "MSI: pages of another window left out")	\
	rule(MSI_LEFT, "MSI: pages gone after detach")			\
	rule(MSI_KEPT, "MSI: pages kept for another group")		\
	rule(MAP_OK, "map: taken")					\
	rule(MAP_RESERVED, "map: meets something reserved")		\
	rule(MAP_EXISTS, "map: meets a mapping")			\
	rule(MAP_WINDOW, "map: meets a live user's window")		\
	rule(MAP_DEFAULT, "map: default window of a moved device")	\
	rule(MAP_ALLOC, "map: kernel selects the IOVA")			\
	rule(MAP_NOWHERE, "map: no IOVA left, domain unfinished")	\
	rule(UNMAP_OK, "unmap: taken")					\
	rule(UNMAP_NONE, "unmap: nothing there, or a part")		\
	rule(ALLOW_OK, "allow: taken")					\
	rule(ALLOW_BAD, "allow: bad list")				\
	rule(ALLOW_INUSE, "allow: meets something reserved")		\
	rule(DESTROY_BUSY, "destroy: in use")				\
	rule(DESTROY_NONE, "destroy: no such object")			\
	rule(DESTROY_FIRST, "destroy: device first attached of group")	\
	rule(CLOSE_LIVE, "close: with attached devices")		\
	MODEL_RULES_VITS(rule)

#ifdef VITS
#define MODEL_RULES_VITS(rule)						\
	rule(SET_PAGE, "SET: PAGE taken")				\
	rule(SET_PAGE_NONE, "SET: PAGE taken away")			\
	rule(SET_PAGE_MISALIGNED, "SET: PAGE misaligned")		\
	rule(ATTACH_PAGE, "attach: a page is the window")		\
	rule(MSI_PAGE, "MSI: new, in a window of a page")		\
	rule(MSI_PAGE_FULL, "MSI: second doorbell for a page")		\
	rule(GUEST_SET, "guest's address: set")				\
	rule(GUEST_FORGOT, "guest's address: taken back")		\
	rule(GUEST_BYPASS, "guest's address: MSIs bypass the IOMMU")	\
	rule(GUEST_MISALIGNED, "guest's address: misaligned")		\
	rule(GUEST_USED, "MSI: to the guest's address")			\
	rule(GUEST_SIBLING, "MSI: the same, sibling has another")	\
	rule(GUEST_OFFSET, "MSI: guest's address beside the doorbell")	\
	rule(GUEST_NO_STAGE1, "MSI: guest's address, no stage 1")
#else
#define MODEL_RULES_VITS(rule)
#endif

enum model_rule {
#define MODEL_RULE_ENUM(name, text) RULE_##name,
	MODEL_RULES(MODEL_RULE_ENUM)
	NR_RULES,
};

enum {
	MODEL_DEVS = 6,
	MODEL_IOASES = 3,
	MODEL_HWPTS = 16,
	MODEL_AREAS = 12,
	MODEL_ALLOWED = 3,
	/* What the mock driver lists: SW_MSI, RESERVED, RELAXABLE */
	MODEL_RESV = 3,
	MODEL_MAPS = 2048,
	/* Attachments of a device: without PASID, and by PASID 1 and 2 */
	MODEL_PASIDS = 3,
	/* MSI indexes that get an address of the guest's */
	MODEL_MSIS = 4,
	NONE = -1,
	/* In place of the slot of a HWPT: an automatic one is made */
	NEW_AUTO = -2,
};

struct model_range {
	__u64 start;
	__u64 last;
};

struct model_area {
	struct model_range range;
	__u64 uptr;
};

struct model_ioas {
	bool live;
	__u32 id;
	/* Sorted */
	struct model_area areas[MODEL_AREAS];
	unsigned int nr_areas;
	struct model_range allowed[MODEL_ALLOWED];
	unsigned int nr_allowed;
};

/* ioas is valid for nested ones too; parent is NONE for paging ones */
struct model_hwpt {
	bool live;
	__u32 id;
	int ioas;
	int parent;
	bool automatic;
	bool nest_parent;
	bool dirty;
	bool pasid;
	/*
	 * End of the aperture, 0 until the driver finishes the domain, and what
	 * it was when the IOAS reserved what is outside
	 */
	__u64 last;
	__u64 ioas_last;
	/* Place in the list of the IOAS */
	unsigned long age;
};

struct model_dev {
	bool live;
	__u32 stdev_id;
	__u32 dev_id;
	__u32 flags;
	int group;
	__u64 start;
	__u64 size;
	/* In place of these, ULLONG_MAX for none */
	__u64 page;
	__u64 page_size;
	/* What the guest gave to its MSIs, ULLONG_MAX for nothing */
	__u64 guest_msi[MODEL_MSIS];
	/* The driver lists that many regions */
	unsigned int nr_resv;
	/* It has listed the window at an attach or replace */
	bool has_default;
	/* While attached: what is reserved in the IOAS */
	struct model_range window;
	bool resv;
	/* Slots of HWPTs, by attachment */
	int hwpt[MODEL_PASIDS];
};

/* A group lives as long as one of its devices */
struct model_group {
	struct model_range window;
	int first_attached;
	/* The last attach finished the domain */
	bool late;
	bool required[MODEL_MAPS];
	unsigned int nr_required;
};

struct model_map {
	struct model_range window;
	__u64 page;
	__u64 iova;
};

struct model {
	__u64 page_size;
	struct model_ioas ioases[MODEL_IOASES];
	struct model_hwpt hwpts[MODEL_HWPTS];
	struct model_dev devs[MODEL_DEVS];
	struct model_group groups[MODEL_DEVS];
	struct model_map maps[MODEL_MAPS];
	unsigned int nr_maps;
	/* IOVA of the maps, sorted */
	__u64 taken[MODEL_MAPS];
	unsigned long age;
};

/* How often each rule decided, over all models */
extern unsigned long model_rules[NR_RULES];
extern const char *const model_rule_names[NR_RULES];

void model_init(struct model *m, __u64 page_size);

/* The window of the device, as far as iommufd knows it */
struct model_range model_window(const struct model_dev *dev);
/* Whether the driver lists a window */
bool model_listed(const struct model_dev *dev);
/* Whether replace comes to know the window of an attached device */
bool model_records(const struct model *m, int group);
int model_paging(const struct model *m, int hwpt);
/* What an automatic HWPT is, made for the device in the IOAS */
struct model_hwpt model_auto(const struct model *m, int dev, int ioas,
			     bool replace);
/* HWPT of the group's attachment, NONE if there is none */
int model_group_hwpt(const struct model *m, int group, unsigned int pasid);

int model_create(const struct model *m, int group_dev, __u32 flags);
int model_add_dev(struct model *m, int group_dev, __u32 flags, __u32 stdev_id,
		  __u32 dev_id);
void model_remove_dev(struct model *m, int dev);

/* End of the aperture of a domain that is made for the device */
__u64 model_aperture_last(const struct model_dev *dev);
int model_hwpt(const struct model *m, int dev, int ioas, bool dirty);
int model_add_hwpt(struct model *m, const struct model_hwpt *hwpt);
bool model_hwpt_busy(const struct model *m, int hwpt);
bool model_ioas_busy(const struct model *m, int ioas);

/* Whether the window is the user's */
bool model_user(const struct model_dev *dev);

/* What the driver does to a domain that it attaches, and whether it did */
bool model_finish(struct model_hwpt *hwpt);

int model_set(const struct model *m, int dev, __u32 option_id, __u64 value);

/* Attach and replace to a HWPT, or NEW_AUTO in the IOAS */
int model_attach_hwpt(struct model *m, int dev, unsigned int pasid, int hwpt,
		      int ioas);
int model_replace_hwpt(struct model *m, int dev, unsigned int pasid, int hwpt,
		       int ioas);
/* The same to an IOAS; *hwpt is what it comes to */
int model_attach_ioas(struct model *m, int dev, unsigned int pasid, int ioas,
		      int *hwpt);
int model_replace_ioas(struct model *m, int dev, unsigned int pasid, int ioas,
		       int *hwpt);
void model_attached(struct model *m, int dev, unsigned int pasid, int hwpt);
void model_replaced(struct model *m, int dev, unsigned int pasid, int hwpt);
void model_detached(struct model *m, int dev, unsigned int pasid);

int model_prepare(const struct model *m, int dev, __u64 page, __u64 *iova);
#ifdef VITS
/* Addresses of the guest for COUNT MSIs, NULL to take them back; and make it so */
int model_set_guest_msi(const struct model *m, int dev, unsigned int count,
			const __u64 *msi);
void model_guest_msi_set(struct model *m, int dev, unsigned int first,
			 unsigned int count, const __u64 *msi);
/* What an MSI is written to, ULLONG_MAX for where its page is */
int model_guest_msi(const struct model *m, int dev, unsigned int nr,
		    __u64 msi_addr, __u64 *msi);
#endif
/* The page keeps its IOVA, also where the domain did not take it */
void model_placed(struct model *m, int dev, __u64 page, __u64 iova);
void model_prepared(struct model *m, int dev, __u64 page, __u64 iova);
/* Whether an attached group has the page of the map in the paging HWPT */
bool model_present(const struct model *m, int hwpt, unsigned int map);

/* Takes a hole out of the ranges, of which there may be max */
void ranges_punch(struct model_range *ranges, unsigned int *nr,
		  unsigned int max, struct model_range hole);
/* Ranges of IOVA that are not reserved, sorted: returns how many */
unsigned int model_ranges(const struct model *m, int ioas,
			  struct model_range *ranges, unsigned int max);
int model_map(const struct model *m, int ioas, struct model_range range);
void model_mapped(struct model *m, int ioas, struct model_range range,
		  __u64 uptr);
/* Goes as far as the kernel does: part may be unmapped on failure */
int model_unmap(struct model *m, int ioas, struct model_range range,
		__u64 *unmapped);
int model_allow(const struct model *m, int ioas,
		const struct model_range *ranges, unsigned int nr);

static inline bool ranges_equal(struct model_range a, struct model_range b)
{
	return a.start == b.start && a.last == b.last;
}

static inline bool ranges_meet(struct model_range a, struct model_range b)
{
	return a.start <= b.last && b.start <= a.last;
}

static inline bool range_inside(struct model_range a, struct model_range b)
{
	return a.start >= b.start && a.last <= b.last;
}

#endif
