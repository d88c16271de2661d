// SPDX-License-Identifier: GPL-2.0
/*
 * What one iommufd must do, as far as the software MSI window is concerned.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#define __EXPORTED_HEADERS__
#include <linux/iommufd.h>

#include "iommufd_test.h"
#include "iommufd_sw_msi_model.h"

#define SZ_1M 0x100000ULL

unsigned long model_rules[NR_RULES];

#define MODEL_RULE_NAME(name, text) [RULE_##name] = text,
const char *const model_rule_names[NR_RULES] = {
	MODEL_RULES(MODEL_RULE_NAME)
};

static const struct model_range reserved = { MOCK_RESV_START, MOCK_RESV_LAST };

static void rule(enum model_rule nr)
{
	model_rules[nr]++;
}

/* For predictions: count the rule that decided */
static int decided(enum model_rule nr, int err)
{
	rule(nr);
	return err;
}

void model_init(struct model *m, __u64 page_size)
{
	memset(m, 0, sizeof(*m));
	m->page_size = page_size;
}

bool model_listed(const struct model_dev *dev)
{
	return dev->nr_resv && !(dev->flags & MOCK_FLAGS_DEVICE_NO_SW_MSI);
}

static bool resv_listed(const struct model_dev *dev)
{
	return dev->nr_resv > 1;
}

/* The effective window, a last of 0 is for none */
struct model_range model_window(const struct model_dev *dev)
{
	struct model_range window = { MOCK_SW_MSI_START, MOCK_SW_MSI_LAST };

	if (!dev->has_default)
		window.start = window.last = 0;
	if (dev->page != ULLONG_MAX) {
		window.start = dev->page;
		window.last = dev->page + dev->page_size - 1;
	} else if (dev->size) {
		window.start = dev->start;
		window.last = dev->start + dev->size * SZ_1M - 1;
	}
	return window;
}

bool model_user(const struct model_dev *dev)
{
	return dev->size || dev->page != ULLONG_MAX;
}

int model_paging(const struct model *m, int hwpt)
{
	return m->hwpts[hwpt].parent == NONE ? hwpt : m->hwpts[hwpt].parent;
}

__u64 model_aperture_last(const struct model_dev *dev)
{
	if (dev->flags & MOCK_FLAGS_DEVICE_SMALL_APERTURE)
		return MOCK_SMALL_APERTURE_LAST;
	if (dev->flags & MOCK_FLAGS_DEVICE_LARGE_APERTURE)
		return MOCK_LARGE_APERTURE_LAST;
	if (dev->flags & MOCK_FLAGS_DEVICE_LATE_APERTURE)
		return 0;
	return MOCK_SW_MSI_LAST;
}

static struct model_range aperture(__u64 last)
{
	return (struct model_range){
		last == MOCK_LARGE_APERTURE_LAST ? 0 : MOCK_APERTURE_START,
		last,
	};
}

bool model_finish(struct model_hwpt *hwpt)
{
	if (hwpt->parent != NONE || hwpt->last)
		return false;
	hwpt->last = MOCK_SW_MSI_LAST;
	return true;
}

static bool in_group(const struct model *m, int dev, int group)
{
	return m->devs[dev].live && m->devs[dev].group == group;
}

static bool attached_in_group(const struct model *m, int dev, int group,
			      unsigned int pasid)
{
	return in_group(m, dev, group) && m->devs[dev].hwpt[pasid] != NONE;
}

bool model_records(const struct model *m, int group)
{
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		if (attached_in_group(m, i, group, 0) &&
		    !m->devs[i].has_default && model_listed(&m->devs[i]))
			return true;
	return false;
}

int model_group_hwpt(const struct model *m, int group, unsigned int pasid)
{
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		if (attached_in_group(m, i, group, pasid))
			return m->devs[i].hwpt[pasid];
	return NONE;
}

static unsigned int group_attached(const struct model *m, int group,
				   unsigned int pasid)
{
	unsigned int nr = 0;
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		nr += attached_in_group(m, i, group, pasid);
	return nr;
}

static bool group_has_pasids(const struct model *m, int group)
{
	unsigned int pasid;

	for (pasid = 1; pasid < MODEL_PASIDS; pasid++)
		if (model_group_hwpt(m, group, pasid) != NONE)
			return true;
	return false;
}

/* The driver attaches all the devices of the group, bound ones or not */
static bool driver_refuses(const struct model *m, int group, bool dirty)
{
	int i;

	for (i = 0; i < MODEL_DEVS && dirty; i++)
		if (in_group(m, i, group) &&
		    m->devs[i].flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
			return true;
	return false;
}

/* A device of the group has no room for a PASID but that of the RID, 0 */
static bool lacks_pasids(const struct model *m, int group)
{
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		if (in_group(m, i, group) &&
		    !(m->devs[i].flags & MOCK_FLAGS_DEVICE_PASID))
			return true;
	return false;
}

/* Devices */

int model_create(const struct model *m, int group_dev, __u32 flags)
{
	int hwpt = NONE;

	if (group_dev != NONE)
		hwpt = model_group_hwpt(m, m->devs[group_dev].group, 0);
	if (hwpt != NONE && m->hwpts[hwpt].dirty &&
	    flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
		return decided(RULE_ATTACH_DIRTY, EINVAL);
	return 0;
}

static int free_group(const struct model *m)
{
	int group, i;

	for (group = 0; group < MODEL_DEVS; group++) {
		for (i = 0; i < MODEL_DEVS; i++)
			if (in_group(m, i, group))
				break;
		if (i == MODEL_DEVS)
			return group;
	}
	return NONE;
}

int model_add_dev(struct model *m, int group_dev, __u32 flags, __u32 stdev_id,
		  __u32 dev_id)
{
	struct model_dev *dev;
	unsigned int pasid;
	int group, slot;

	group = group_dev == NONE ? free_group(m) : m->devs[group_dev].group;
	if (group_dev == NONE) {
		memset(&m->groups[group], 0, sizeof(m->groups[group]));
		m->groups[group].first_attached = NONE;
	}
	for (slot = 0; m->devs[slot].live; slot++)
		;
	dev = &m->devs[slot];
	memset(dev, 0, sizeof(*dev));
	dev->live = true;
	dev->stdev_id = stdev_id;
	dev->dev_id = dev_id;
	dev->flags = flags;
	dev->group = group;
	dev->start = ULLONG_MAX;
	dev->page = ULLONG_MAX;
	dev->page_size = m->page_size;
	memset(dev->guest_msi, 0xff, sizeof(dev->guest_msi));
	dev->nr_resv = MODEL_RESV;
	for (pasid = 0; pasid < MODEL_PASIDS; pasid++)
		dev->hwpt[pasid] = NONE;
	return slot;
}

void model_remove_dev(struct model *m, int dev)
{
	int group = m->devs[dev].group;

	if (m->devs[dev].hwpt[0] != NONE) {
		if (m->groups[group].first_attached == dev &&
		    group_attached(m, group, 0) > 1)
			rule(RULE_DESTROY_FIRST);
		model_detached(m, dev, 0);
	}
	m->devs[dev].live = false;
}

/* HWPTs */

/* Whether the domain of a new HWPT can take what is in the IOAS */
static int add_domain(const struct model *m, int ioas, __u64 last)
{
	const struct model_ioas *i = &m->ioases[ioas];
	unsigned int n;

	for (n = 0; n < i->nr_areas; n++)
		if (!range_inside(i->areas[n].range, aperture(last)))
			return decided(RULE_DOMAIN_INUSE, EADDRINUSE);
	for (n = 0; n < i->nr_allowed; n++)
		if (!range_inside(i->allowed[n], aperture(last)))
			return decided(RULE_DOMAIN_INUSE, EADDRINUSE);
	return 0;
}

int model_hwpt(const struct model *m, int dev, int ioas, bool dirty)
{
	if (dirty && m->devs[dev].flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
		return EOPNOTSUPP;
	return add_domain(m, ioas, model_aperture_last(&m->devs[dev]));
}

int model_add_hwpt(struct model *m, const struct model_hwpt *hwpt)
{
	int slot;

	for (slot = 0; m->hwpts[slot].live; slot++)
		;
	m->hwpts[slot] = *hwpt;
	m->hwpts[slot].live = true;
	m->hwpts[slot].age = m->age++;
	return slot;
}

static bool hwpt_attached(const struct model *m, int hwpt)
{
	unsigned int pasid;
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		for (pasid = 0; pasid < MODEL_PASIDS; pasid++)
			if (m->devs[i].live &&
			    m->devs[i].hwpt[pasid] == hwpt)
				return true;
	return false;
}

bool model_hwpt_busy(const struct model *m, int hwpt)
{
	int i;

	for (i = 0; i < MODEL_HWPTS; i++)
		if (m->hwpts[i].live && m->hwpts[i].parent == hwpt)
			return true;
	return hwpt_attached(m, hwpt);
}

bool model_ioas_busy(const struct model *m, int ioas)
{
	int i;

	for (i = 0; i < MODEL_HWPTS; i++)
		if (m->hwpts[i].live && m->hwpts[i].ioas == ioas)
			return true;
	return false;
}

/* Options */

int model_set(const struct model *m, int dev, __u32 option_id, __u64 value)
{
	const struct model_dev *d = &m->devs[dev];
	bool is_start = option_id == IOMMU_OPTION_SW_MSI_START;
	__u64 start = is_start ? value : d->start;
	__u64 size = is_start ? d->size : value;
	struct model_range window;

	if (d->flags & MOCK_FLAGS_DEVICE_NO_SW_MSI)
		return decided(RULE_SET_NO_WINDOW, EOPNOTSUPP);
	if (!model_listed(d))
		return decided(RULE_SET_UNLISTED, EOPNOTSUPP);
	if (d->hwpt[0] != NONE)
		return decided(RULE_SET_ATTACHED, EBUSY);
	if (m->groups[d->group].nr_required)
		return decided(RULE_SET_PAGES, EBUSY);
#ifdef VITS
	if (option_id == IOMMU_OPTION_SW_MSI_PAGE) {
		if (value == ULLONG_MAX)
			return decided(RULE_SET_PAGE_NONE, 0);
		if (value % m->page_size)
			return decided(RULE_SET_PAGE_MISALIGNED, EINVAL);
		if (value > ULONG_MAX - m->page_size + 1)
			return decided(RULE_SET_OVERFLOW, EOVERFLOW);
		window.start = value;
		window.last = value + m->page_size - 1;
		if (!ranges_meet(window, reserved))
			return decided(RULE_SET_PAGE, 0);
		if (resv_listed(d))
			return decided(RULE_SET_INUSE, EADDRINUSE);
		return decided(RULE_SET_OVER_UNLISTED, 0);
	}
#endif
	if (is_start && start % SZ_1M)
		return decided(RULE_SET_MISALIGNED, EINVAL);
	if (!is_start && !size)
		return decided(RULE_SET_DEFAULT, 0);
	if (!is_start && start == ULLONG_MAX)
		return decided(RULE_SET_SIZE_FIRST, EINVAL);
	if (!size)
		size = 1;
	if (size > ULONG_MAX / SZ_1M || start > ULONG_MAX - size * SZ_1M + 1)
		return decided(RULE_SET_OVERFLOW, EOVERFLOW);
	window.start = start;
	window.last = start + size * SZ_1M - 1;
	if (ranges_meet(window, reserved)) {
		if (resv_listed(d))
			return decided(RULE_SET_INUSE, EADDRINUSE);
		rule(RULE_SET_OVER_UNLISTED);
	}
	if (model_group_hwpt(m, d->group, 0) != NONE)
		rule(RULE_SET_SIBLING);
	if (d->hwpt[1] != NONE || d->hwpt[2] != NONE)
		rule(RULE_SET_PASID);
	return decided(is_start ? RULE_SET_START : RULE_SET_SIZE, 0);
}

/* Attachments */

/* Attach and replace ask the driver, and record the default window */
static int check_resv(const struct model *m, int ioas, struct model_dev *dev)
{
	const struct model_ioas *i = &m->ioases[ioas];
	struct model_range window;
	unsigned int n;

	dev->has_default |= model_listed(dev);
	window = model_window(dev);
	for (n = 0; n < i->nr_areas && resv_listed(dev); n++)
		if (ranges_meet(i->areas[n].range, reserved))
			return decided(RULE_ATTACH_RESV, EADDRINUSE);
	for (n = 0; n < i->nr_allowed && resv_listed(dev); n++)
		if (ranges_meet(i->allowed[n], reserved))
			return decided(RULE_ATTACH_RESV, EADDRINUSE);
	if (!window.last)
		return 0;
	/* SET may not have seen the region */
	if (model_user(dev) && resv_listed(dev) && ranges_meet(window, reserved))
		return decided(dev->hwpt[0] == NONE ? RULE_ATTACH_OVER_RESV :
						      RULE_REPLACE_OVER_RESV,
			       EADDRINUSE);
	for (n = 0; n < i->nr_areas; n++)
		if (ranges_meet(i->areas[n].range, window))
			return decided(RULE_ATTACH_MAPPED, EADDRINUSE);
	for (n = 0; n < i->nr_allowed; n++)
		if (ranges_meet(i->allowed[n], window))
			return decided(RULE_ATTACH_ALLOWED, EADDRINUSE);
	return 0;
}

/* The default window is not checked */
static bool fits(const struct model_dev *dev, const struct model_hwpt *paging)
{
	return !model_user(dev) ||
	       range_inside(model_window(dev), aperture(paging->last));
}

/* Where it is made by attach, the IOAS gets it when it is finished */
struct model_hwpt model_auto(const struct model *m, int dev, int ioas,
			     bool replace)
{
	struct model_hwpt hwpt = {
		.ioas = ioas,
		.parent = NONE,
		.automatic = true,
		.last = model_aperture_last(&m->devs[dev]),
	};

	if (!replace)
		model_finish(&hwpt);
	hwpt.ioas_last = hwpt.last;
	return hwpt;
}

static bool group_has_live_pages(const struct model *m, int group,
				 struct model_range window)
{
	unsigned int n;

	for (n = 0; n < m->nr_maps; n++)
		if (m->groups[group].required[n] &&
		    ranges_equal(m->maps[n].window, window))
			return true;
	return false;
}

static int check_pasid_compat(const struct model *m, int group,
			      unsigned int pasid, const struct model_hwpt *h)
{
	int rid = model_group_hwpt(m, group, 0);

	if (pasid)
		return h->pasid && (rid == NONE || m->hwpts[rid].pasid) ?
			       0 :
			       decided(RULE_PASID_REFUSED, EINVAL);
	return h->pasid || !group_has_pasids(m, group) ?
		       0 :
		       decided(RULE_ATTACH_PASID_COMPAT, EINVAL);
}

static int check_attach(struct model *m, int dev, unsigned int pasid, int hwpt,
			int ioas)
{
	struct model_dev *d = &m->devs[dev];
	struct model_group *group = &m->groups[d->group];
	int current = model_group_hwpt(m, d->group, pasid);
	struct model_hwpt h, paging;
	bool late;
	int err;

	h = hwpt == NEW_AUTO ? model_auto(m, dev, ioas, false) : m->hwpts[hwpt];
	paging = hwpt == NEW_AUTO ? h : m->hwpts[model_paging(m, hwpt)];

	if (d->hwpt[pasid] != NONE)
		return decided(RULE_ATTACH_AGAIN, EBUSY);
	if (current != NONE && current != hwpt)
		return decided(RULE_ATTACH_OTHER_HWPT, EINVAL);
	if (!pasid) {
		err = check_resv(m, h.ioas, d);
		if (err)
			return err;
		if (current != NONE &&
		    !ranges_equal(group->window, model_window(d)))
			return decided(group->window.last ?
					       RULE_ATTACH_GROUP_WINDOW :
					       RULE_ATTACH_GROUP_NONE, EBUSY);
		if (current != NONE && !fits(d, &paging))
			return decided(RULE_ATTACH_JOIN_APERTURE, EINVAL);
	}
	if (current != NONE)
		return 0;
	err = check_pasid_compat(m, d->group, pasid, &h);
	if (err)
		return err;
	if (pasid && lacks_pasids(m, d->group))
		return decided(RULE_PASID_REFUSED, EINVAL);
	if (pasid)
		return 0;
	if (driver_refuses(m, d->group, h.dirty))
		return decided(RULE_ATTACH_DIRTY, EINVAL);

	/* The driver has attached the domain */
	if (hwpt == NEW_AUTO) {
		late = !model_aperture_last(d);
	} else {
		late = model_finish(&m->hwpts[hwpt]);
		paging = m->hwpts[model_paging(m, hwpt)];
	}
	group->late = late;
	err = 0;
	if (!fits(d, &paging))
		err = decided(RULE_ATTACH_APERTURE, EINVAL);
	else if (!paging.last &&
		 group_has_live_pages(m, d->group, model_window(d)))
		err = decided(RULE_ATTACH_UNFINISHED, ENODEV);
	if (late)
		rule(err ? RULE_ATTACH_LATE_FAILED : RULE_ATTACH_LATE);
	return err;
}

int model_attach_hwpt(struct model *m, int dev, unsigned int pasid, int hwpt,
		      int ioas)
{
	int err = check_attach(m, dev, pasid, hwpt, ioas);

	if (err || hwpt != NEW_AUTO)
		return err;
	return add_domain(m, ioas, model_auto(m, dev, ioas, false).ioas_last);
}

/* The aperture counts as soon as one attached device has its user's window */
static int check_replace_aperture(const struct model *m, int dev,
				  const struct model_hwpt *paging)
{
	int group = m->devs[dev].group;
	int i;

	if (!fits(&m->devs[dev], paging))
		return decided(RULE_REPLACE_APERTURE, EINVAL);
	for (i = 0; i < MODEL_DEVS; i++)
		if (attached_in_group(m, i, group, 0) &&
		    !fits(&m->devs[i], paging))
			return decided(RULE_REPLACE_APERTURE_SIBLING, EINVAL);
	return 0;
}

/* The attached device of the group whose ID comes after that of another one */
static int next_attached(const struct model *m, int group, int after)
{
	int found = NONE;
	int i;

	for (i = 0; i < MODEL_DEVS; i++) {
		__u32 id = m->devs[i].dev_id;

		if (!attached_in_group(m, i, group, 0))
			continue;
		if (after != NONE && id <= m->devs[after].dev_id)
			continue;
		if (found == NONE || id < m->devs[found].dev_id)
			found = i;
	}
	return found;
}

static int check_replace(struct model *m, int dev, unsigned int pasid, int hwpt,
			 int ioas)
{
	const struct model_dev *d = &m->devs[dev];
	int current = d->hwpt[pasid];
	struct model_hwpt h, paging;
	bool within;
	int err;
	int i;

	if (current == NONE)
		return decided(RULE_REPLACE_NOT_ATTACHED, EINVAL);
	if (hwpt == current)
		return decided(RULE_REPLACE_SAME, 0);

	h = hwpt == NEW_AUTO ? model_auto(m, dev, ioas, true) : m->hwpts[hwpt];
	paging = hwpt == NEW_AUTO ? h : m->hwpts[model_paging(m, hwpt)];
	within = h.ioas == m->hwpts[current].ioas;
	err = pasid ? 0 : check_replace_aperture(m, dev, &paging);
	if (err)
		return err;
	for (i = next_attached(m, d->group, NONE);
	     i != NONE && !pasid && !within; i = next_attached(m, d->group, i)) {
		err = check_resv(m, h.ioas, &m->devs[i]);
		if (err)
			return decided(RULE_REPLACE_INUSE, err);
	}
	/* The pages are there before the driver attaches the domain */
	if (!pasid && !paging.last &&
	    group_has_live_pages(m, d->group, m->groups[d->group].window))
		return decided(RULE_REPLACE_UNFINISHED, ENODEV);
	err = check_pasid_compat(m, d->group, pasid, &h);
	if (err)
		return err;
	if (!pasid && driver_refuses(m, d->group, h.dirty))
		return decided(RULE_ATTACH_DIRTY, EINVAL);
	return 0;
}

int model_replace_hwpt(struct model *m, int dev, unsigned int pasid, int hwpt,
		       int ioas)
{
	const struct model_dev *d = &m->devs[dev];
	int current = d->hwpt[pasid];
	int err = 0;

	if (hwpt == NEW_AUTO)
		err = add_domain(m, ioas,
				 model_auto(m, dev, ioas, true).ioas_last);
	if (!err)
		err = check_replace(m, dev, pasid, hwpt, ioas);
	if (err && current != NONE && !pasid) {
		if (hwpt != NEW_AUTO)
			ioas = m->hwpts[hwpt].ioas;
		rule(m->hwpts[current].ioas == ioas ?
			     RULE_REPLACE_FAILED_WITHIN :
			     RULE_REPLACE_FAILED_IOAS);
		if (group_has_live_pages(m, d->group,
					 m->groups[d->group].window))
			rule(RULE_REPLACE_FAILED_LIVE);
	}
	return err;
}

/* The automatic HWPT of the IOAS that comes after one of that age */
static int next_auto(const struct model *m, int ioas, int after)
{
	int found = NONE;
	int i;

	for (i = 0; i < MODEL_HWPTS; i++) {
		const struct model_hwpt *h = &m->hwpts[i];

		if (!h->live || !h->automatic || h->ioas != ioas)
			continue;
		if (after != NONE && h->age <= m->hwpts[after].age)
			continue;
		if (found == NONE || h->age < m->hwpts[found].age)
			found = i;
	}
	return found;
}

static int change_ioas(struct model *m, int dev, unsigned int pasid, int ioas,
		       int *hwpt,
		       int (*change)(struct model *m, int dev,
				     unsigned int pasid, int hwpt, int ioas))
{
	int err;

	for (*hwpt = next_auto(m, ioas, NONE); *hwpt != NONE;
	     *hwpt = next_auto(m, ioas, *hwpt)) {
		err = change(m, dev, pasid, *hwpt, ioas);
		if (!err)
			return decided(RULE_ATTACH_AUTO_REUSED, 0);
		if (err != EINVAL)
			return err;
		rule(RULE_ATTACH_AUTO_NEXT);
	}
	*hwpt = NEW_AUTO;
	err = change(m, dev, pasid, NEW_AUTO, ioas);
	return err ? err : decided(RULE_ATTACH_AUTO_NEW, 0);
}

int model_attach_ioas(struct model *m, int dev, unsigned int pasid, int ioas,
		      int *hwpt)
{
	return change_ioas(m, dev, pasid, ioas, hwpt, model_attach_hwpt);
}

int model_replace_ioas(struct model *m, int dev, unsigned int pasid, int ioas,
		       int *hwpt)
{
	return change_ioas(m, dev, pasid, ioas, hwpt, model_replace_hwpt);
}

/* Count what becomes of the MSI pages when a group is attached anew */
static void count_pages(const struct model *m, int group)
{
	unsigned int n;

	for (n = 0; n < m->nr_maps; n++)
		if (m->groups[group].required[n])
			rule(!ranges_equal(m->maps[n].window,
					   m->groups[group].window) ?
				     RULE_MSI_STALE :
			     m->groups[group].late ?
				     RULE_MSI_LATE :
				     RULE_MSI_AGAIN);
}

/* Where nobody asked for it, the window may be outside the aperture */
static bool is_outside(const struct model *m, int dev, int hwpt)
{
	const struct model_hwpt *paging = &m->hwpts[model_paging(m, hwpt)];
	struct model_range window = model_window(&m->devs[dev]);

	return window.last && !range_inside(window, aperture(paging->last));
}

void model_attached(struct model *m, int dev, unsigned int pasid, int hwpt)
{
	struct model_dev *d = &m->devs[dev];
	bool sibling = model_group_hwpt(m, d->group, pasid) != NONE;

	if (!pasid) {
		d->window = model_window(d);
		d->resv = resv_listed(d);
	}
	d->hwpt[pasid] = hwpt;
	if (pasid) {
		rule(RULE_PASID_ATTACH);
		return;
	}
	if (m->hwpts[hwpt].parent != NONE)
		rule(RULE_ATTACH_NESTED);
	if (is_outside(m, dev, hwpt))
		rule(RULE_ATTACH_UNCHECKED);
#ifdef VITS
	if (d->page != ULLONG_MAX)
		rule(RULE_ATTACH_PAGE);
	else
#endif
	if (d->size)
		rule(model_listed(d) ? RULE_ATTACH_USER :
				       RULE_ATTACH_USER_UNLISTED);
	else if (d->start != ULLONG_MAX)
		rule(RULE_ATTACH_START_ONLY);
	else if (model_window(d).last)
		rule(model_listed(d) ? RULE_ATTACH_DEFAULT : RULE_ATTACH_KEPT);
	else
		rule(d->flags & MOCK_FLAGS_DEVICE_NO_SW_MSI ?
			     RULE_ATTACH_NO_WINDOW :
			     RULE_ATTACH_UNLISTED);
	if (sibling) {
		rule(RULE_ATTACH_SIBLING);
		return;
	}
	m->groups[d->group].window = model_window(d);
	m->groups[d->group].first_attached = dev;
	count_pages(m, d->group);
}

/* Automatic ones go with their last attachment */
static void put_hwpt(struct model *m, int hwpt)
{
	if (m->hwpts[hwpt].automatic && !hwpt_attached(m, hwpt))
		m->hwpts[hwpt].live = false;
}

/* Another IOAS has to reserve what is listed now, and the window */
static void resv_replaced(struct model_dev *d)
{
	struct model_range window = model_window(d);

	if (!model_user(d) && window.last && !model_listed(d))
		rule(RULE_REPLACE_KEPT);
	if (!ranges_equal(window, d->window))
		rule(RULE_REPLACE_FIRST_LISTED);
	d->window = window;
	d->resv = resv_listed(d);
}

void model_replaced(struct model *m, int dev, unsigned int pasid, int hwpt)
{
	const struct model_dev *d = &m->devs[dev];
	int old = d->hwpt[pasid];
	bool other = !pasid && m->hwpts[hwpt].ioas != m->hwpts[old].ioas;
	int i;

	if (hwpt == old)
		return;
	if (pasid) {
		rule(RULE_PASID_REPLACE);
	} else {
		rule(other ? RULE_REPLACE_IOAS : RULE_REPLACE_WITHIN);
		if (model_user(d))
			rule(RULE_REPLACE_USER);
		if (m->hwpts[hwpt].parent != NONE)
			rule(RULE_REPLACE_NESTED);
		if (group_attached(m, d->group, 0) > 1)
			rule(RULE_REPLACE_GROUP);
		if (group_has_live_pages(m, d->group,
					 m->groups[d->group].window))
			rule(RULE_REPLACE_LIVE);
		if (model_finish(&m->hwpts[hwpt]))
			rule(RULE_REPLACE_LATE);
		if (is_outside(m, dev, hwpt))
			rule(RULE_REPLACE_UNCHECKED);
	}
	for (i = 0; i < MODEL_DEVS; i++) {
		if (!attached_in_group(m, i, d->group, pasid))
			continue;
		m->devs[i].hwpt[pasid] = hwpt;
		if (other)
			resv_replaced(&m->devs[i]);
	}
	put_hwpt(m, old);
}

void model_detached(struct model *m, int dev, unsigned int pasid)
{
	int group = m->devs[dev].group;
	int hwpt = m->devs[dev].hwpt[pasid];
	unsigned int n;

	if (hwpt == NONE)
		return;
	m->devs[dev].hwpt[pasid] = NONE;
	if (!pasid && group_attached(m, group, 0) == 0)
		for (n = 0; n < m->nr_maps; n++)
			if (m->groups[group].required[n] &&
			    ranges_equal(m->maps[n].window,
					 m->groups[group].window))
				rule(model_present(m, model_paging(m, hwpt),
						   n) ? RULE_MSI_KEPT :
							RULE_MSI_LEFT);
	put_hwpt(m, hwpt);
}

/* MSI pages */

/* Lowest IOVA of the window that is not taken, else 0 */
static __u64 free_iova(const struct model *m, struct model_range window)
{
	__u64 iova = window.start;
	unsigned int n;

	for (n = 0; n < m->nr_maps; n++) {
		if (m->taken[n] < iova)
			continue;
		if (m->taken[n] > iova)
			break;
		if (window.last - iova < m->page_size)
			return 0;
		iova += m->page_size;
	}
	return iova;
}

static int find_map(const struct model *m, struct model_range window,
		    __u64 page)
{
	unsigned int n;

	for (n = 0; n < m->nr_maps; n++)
		if (m->maps[n].page == page &&
		    ranges_equal(m->maps[n].window, window))
			return n;
	return NONE;
}

int model_prepare(const struct model *m, int dev, __u64 page, __u64 *iova)
{
	const struct model_dev *d = &m->devs[dev];
	const struct model_group *group = &m->groups[d->group];
	int hwpt = model_group_hwpt(m, d->group, 0);
	struct model_dev next = *d;
	int map;

	if (hwpt == NONE)
		return decided(RULE_MSI_UNATTACHED, EOPNOTSUPP);
	if (!group->window.last) {
		*iova = page;
		if (d->hwpt[0] != NONE && d->window.last)
			rule(RULE_MSI_ONLY_RESERVED);
		return decided(RULE_MSI_NO_WINDOW, 0);
	}

	map = find_map(m, group->window, page);
	*iova = map == NONE ? free_iova(m, group->window) : m->maps[map].iova;
#ifdef VITS
	if (!*iova && group->window.last - group->window.start ==
		      m->page_size - 1)
		rule(RULE_MSI_PAGE_FULL);
#endif
	if (!*iova)
		return decided(RULE_MSI_FULL, ENOSPC);
	next.has_default |= model_listed(d);
	if (d->hwpt[0] == NONE)
		rule(ranges_equal(group->window, model_window(&next)) ?
			     RULE_MSI_BY_SIBLING :
			     RULE_MSI_OTHER_WINDOW);
	if (!m->hwpts[model_paging(m, hwpt)].last)
		return decided(RULE_MSI_UNFINISHED, ENODEV);
	if (m->hwpts[hwpt].parent != NONE)
		rule(RULE_MSI_NESTED);
	return 0;
}

#ifdef VITS
int model_set_guest_msi(const struct model *m, int dev, unsigned int count,
			const __u64 *msi)
{
	unsigned int n;

	if (!model_listed(&m->devs[dev]))
		return decided(RULE_GUEST_BYPASS, EOPNOTSUPP);
	for (n = 0; msi && n < count; n++)
		if (msi[n] % 4)
			return decided(RULE_GUEST_MISALIGNED, EINVAL);
	return decided(msi ? RULE_GUEST_SET : RULE_GUEST_FORGOT, 0);
}

void model_guest_msi_set(struct model *m, int dev, unsigned int first,
			 unsigned int count, const __u64 *msi)
{
	unsigned int n;

	for (n = 0; n < count; n++)
		m->devs[dev].guest_msi[first + n] = msi ? msi[n] : ULLONG_MAX;
}

int model_guest_msi(const struct model *m, int dev, unsigned int nr,
		    __u64 msi_addr, __u64 *msi)
{
	const struct model_dev *d = &m->devs[dev];
	int hwpt = model_group_hwpt(m, d->group, 0);
	int i;

	*msi = ULLONG_MAX;
	if (hwpt == NONE || !m->groups[d->group].window.last ||
	    d->guest_msi[nr] == ULLONG_MAX)
		return 0;
	if (m->hwpts[hwpt].parent == NONE)
		return decided(RULE_GUEST_NO_STAGE1, 0);
	if ((d->guest_msi[nr] ^ msi_addr) % 4096)
		return decided(RULE_GUEST_OFFSET, EINVAL);
	*msi = d->guest_msi[nr];
	for (i = 0; i < MODEL_DEVS; i++)
		if (i != dev && in_group(m, i, d->group) &&
		    m->devs[i].guest_msi[nr] != ULLONG_MAX &&
		    m->devs[i].guest_msi[nr] != *msi)
			rule(RULE_GUEST_SIBLING);
	return decided(RULE_GUEST_USED, 0);
}
#endif

static bool is_skip(const struct model *m, struct model_range window,
		    __u64 iova)
{
	unsigned int n;

	for (n = 0; n < m->nr_maps; n++)
		if (!ranges_equal(m->maps[n].window, window) &&
		    m->maps[n].iova >= window.start && m->maps[n].iova < iova)
			return true;
	return false;
}

void model_placed(struct model *m, int dev, __u64 page, __u64 iova)
{
	struct model_range window = m->groups[m->devs[dev].group].window;
	unsigned int n;

	if (find_map(m, window, page) != NONE)
		return;
	rule(RULE_MSI_NEW);
	if (m->nr_maps >= 64)
		rule(RULE_MSI_MANY);
	if (is_skip(m, window, iova))
		rule(RULE_MSI_SKIPS);
	if (iova > UINT_MAX)
		rule(RULE_MSI_ABOVE_4G);
	if (iova >> 58)
		rule(RULE_MSI_ABOVE_58);
	if (iova > ULONG_MAX - SZ_1M)
		rule(RULE_MSI_LAST);
#ifdef VITS
	if (window.last - window.start == m->page_size - 1)
		rule(RULE_MSI_PAGE);
#endif
	for (n = m->nr_maps; n && m->taken[n - 1] > iova; n--)
		m->taken[n] = m->taken[n - 1];
	m->taken[n] = iova;
	m->maps[m->nr_maps++] = (struct model_map){ window, page, iova };
}

void model_prepared(struct model *m, int dev, __u64 page, __u64 iova)
{
	struct model_group *group = &m->groups[m->devs[dev].group];
	int map = find_map(m, group->window, page);

	if (!group->window.last)
		return;
	if (map != NONE)
		rule(group->required[map] ? RULE_MSI_KNOWN : RULE_MSI_SHARED);
	model_placed(m, dev, page, iova);
	map = find_map(m, group->window, page);
	group->nr_required += !group->required[map];
	group->required[map] = true;
}

bool model_present(const struct model *m, int hwpt, unsigned int map)
{
	int group, at;

	for (group = 0; group < MODEL_DEVS; group++) {
		at = model_group_hwpt(m, group, 0);
		if (at != NONE && model_paging(m, at) == hwpt &&
		    m->groups[group].required[map] &&
		    ranges_equal(m->groups[group].window, m->maps[map].window))
			return true;
	}
	return false;
}

/* The IOVA space */

void ranges_punch(struct model_range *ranges, unsigned int *nr,
		  unsigned int max, struct model_range hole)
{
	unsigned int n;

	for (n = 0; n < *nr; n++) {
		struct model_range *r = &ranges[n];
		struct model_range before = { r->start, hole.start - 1 };
		struct model_range after = { hole.last + 1, r->last };
		bool keep_before = hole.start > r->start;
		bool keep_after = hole.last < r->last;

		if (!ranges_meet(*r, hole))
			continue;
		if (keep_before && keep_after && *nr < max) {
			memmove(r + 1, r, (*nr - n) * sizeof(*r));
			(*nr)++;
			*r++ = before;
			n++;
			*r = after;
		} else if (keep_before) {
			*r = before;
		} else if (keep_after) {
			*r = after;
		} else {
			memmove(r, r + 1, (--*nr - n) * sizeof(*r));
			n--;
		}
	}
}

unsigned int model_ranges(const struct model *m, int ioas,
			  struct model_range *ranges, unsigned int max)
{
	unsigned int nr = 1;
	int i;

	ranges[0] = (struct model_range){ 0, ULONG_MAX };
	for (i = 0; i < MODEL_HWPTS; i++) {
		__u64 last = m->hwpts[i].ioas_last;

		if (!m->hwpts[i].live || m->hwpts[i].ioas != ioas ||
		    m->hwpts[i].parent != NONE)
			continue;
		if (last < ULONG_MAX) {
			ranges_punch(ranges, &nr, max,
			      (struct model_range){ 0, MOCK_APERTURE_START - 1 });
			ranges_punch(ranges, &nr, max,
			      (struct model_range){ last + 1, ULONG_MAX });
		}
	}
	for (i = 0; i < MODEL_DEVS; i++) {
		const struct model_dev *d = &m->devs[i];

		if (!d->live || d->hwpt[0] == NONE ||
		    m->hwpts[d->hwpt[0]].ioas != ioas)
			continue;
		if (d->resv)
			ranges_punch(ranges, &nr, max, reserved);
		if (d->window.last)
			ranges_punch(ranges, &nr, max, d->window);
	}
	return nr;
}

static bool is_reserved(const struct model *m, int ioas,
			struct model_range range)
{
	struct model_range ranges[32];
	unsigned int nr = model_ranges(m, ioas, ranges, 32);

	while (nr--)
		if (range_inside(range, ranges[nr]))
			return false;
	return true;
}

/* Count what is said of windows */
static void count_map(const struct model *m, int ioas, struct model_range range,
		      bool taken)
{
	const struct model_range window = { MOCK_SW_MSI_START,
					    MOCK_SW_MSI_LAST };
	int i;

	for (i = 0; i < MODEL_DEVS; i++) {
		const struct model_dev *d = &m->devs[i];

		if (!d->live || d->hwpt[0] == NONE || !model_user(d) ||
		    m->hwpts[d->hwpt[0]].ioas != ioas)
			continue;
		if (!taken && ranges_meet(range, d->window))
			rule(RULE_MAP_WINDOW);
		if (taken && ranges_meet(range, window))
			rule(RULE_MAP_DEFAULT);
	}
}

int model_map(const struct model *m, int ioas, struct model_range range)
{
	const struct model_ioas *i = &m->ioases[ioas];
	unsigned int n;

	if (is_reserved(m, ioas, range)) {
		count_map(m, ioas, range, false);
		return decided(RULE_MAP_RESERVED, EINVAL);
	}
	for (n = 0; n < i->nr_areas; n++)
		if (ranges_meet(i->areas[n].range, range))
			return decided(RULE_MAP_EXISTS, EEXIST);
	return 0;
}

void model_mapped(struct model *m, int ioas, struct model_range range,
		  __u64 uptr)
{
	struct model_ioas *i = &m->ioases[ioas];
	unsigned int n;

	rule(RULE_MAP_OK);
	count_map(m, ioas, range, true);
	for (n = i->nr_areas++; n; n--) {
		if (i->areas[n - 1].range.start < range.start)
			break;
		i->areas[n] = i->areas[n - 1];
	}
	i->areas[n] = (struct model_area){ range, uptr };
}

int model_unmap(struct model *m, int ioas, struct model_range range,
		__u64 *unmapped)
{
	struct model_ioas *i = &m->ioases[ioas];
	unsigned int n = 0;

	*unmapped = 0;
	while (n < i->nr_areas) {
		struct model_range area = i->areas[n].range;

		if (!ranges_meet(area, range)) {
			n++;
			continue;
		}
		if (!range_inside(area, range))
			return decided(RULE_UNMAP_NONE, ENOENT);
		*unmapped += area.last - area.start + 1;
		memmove(&i->areas[n], &i->areas[n + 1],
			(--i->nr_areas - n) * sizeof(i->areas[0]));
	}
	if (!*unmapped)
		return decided(RULE_UNMAP_NONE, ENOENT);
	return decided(RULE_UNMAP_OK, 0);
}

int model_allow(const struct model *m, int ioas,
		const struct model_range *ranges, unsigned int nr)
{
	unsigned int n, o;

	for (n = 0; n < nr; n++) {
		if (ranges[n].start >= ranges[n].last)
			return decided(RULE_ALLOW_BAD, EINVAL);
		for (o = 0; o < n; o++)
			if (ranges_meet(ranges[n], ranges[o]))
				return decided(RULE_ALLOW_BAD, EINVAL);
	}
	for (n = 0; n < nr; n++)
		if (is_reserved(m, ioas, ranges[n]))
			return decided(RULE_ALLOW_INUSE, EADDRINUSE);
	return decided(RULE_ALLOW_OK, 0);
}
