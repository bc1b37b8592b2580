/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "diagnose.h"
#include "error.h"
#include "group.h"
#include "module.h"
#include "netdev.h"
#include "watch.h"

int vfs_list(struct vfiobind_context *context, const struct device_handle *pf, struct arena *arena,
	     struct vfiobind_address **ret_vfs, size_t *ret_n, struct vfiobind_error *error)
{
	char name[32], target[SYSFS_NAME_SIZE];
	struct vfiobind_address *vfs = NULL;
	size_t n = 0;

	/* There are at most 65535: TotalVFs has 16 bits. */
	while (n < 0xffff) {
		snprintf(name, sizeof(name), "virtfn%zu", n);
		if (sysfs_readlink_name(pf->fd, name, target) < 0)
			break;
		if (arena_extend(arena, (void **)&vfs, &n, sizeof(*vfs)) < 0)
			return fail_memory(error);
		if (vfiobind_address_parse(target, &vfs[n - 1]) < 0)
			return device_fail_read(context, pf, name, -EBADMSG, error);
	}
	*ret_vfs = vfs;
	*ret_n = n;
	return 0;
}

/* --------------------------------------------------------------------------------------------- are they ready? */

/*
 * A driver that is loaded has the device when the store to sriov_numvfs has ended, or has refused it; only one that probes
 * asynchronously, such as nvme, may come later.
 */
#define LOADED_DRIVER_MS 5000

/* What is waited for of one. */
struct expectation {
	struct vfiobind_vf *vf;
	char name[VFIOBIND_ADDRESS_SIZE];
	bool driver; /* there is one that knows it, and the kernel lets it have it */
	bool loaded; /* and that is loaded */
	bool netdev; /* that driver makes an interface of such a device, as that of the PF does */
	struct log_clue clue;
};

static bool is_ready(const struct expectation *expectation)
{
	const struct vfiobind_vf *vf = expectation->vf;

	if (vf->driver_type == VFIOBIND_DRIVER_TYPE_NONE)
		return !expectation->driver;
	return vf->driver_type != VFIOBIND_DRIVER_TYPE_HOST || !expectation->netdev || vf->n_netdevs > 0;
}

/* No driver comes any more: the kernel's log says so, or it would have come by now. */
static bool is_given_up(const struct expectation *expectation, struct deadline soon)
{
	return expectation->vf->driver_type == VFIOBIND_DRIVER_TYPE_NONE &&
	       (expectation->clue.number || (expectation->loaded && deadline_left(soon) == 0));
}

/* PCI_CLASS_NETWORK_ETHERNET, in a modalias. */
static bool is_ethernet(const char *modalias)
{
	return strstr(modalias, "bc02sc00") != NULL;
}

static int expect(struct operation *operation, bool autoprobe, bool pf_has_netdev, struct expectation *expectation)
{
	char directory[VFIOBIND_ADDRESS_SIZE + 16], modalias[128];
	ssize_t n;

	snprintf(directory, sizeof(directory), "bus/pci/devices/%s", expectation->name);
	n = attribute_read(operation->context, directory, "modalias", modalias, sizeof(modalias));
	if (n == -ETIMEDOUT)
		return fail(operation->error, .code = VFIOBIND_ERROR_TIMED_OUT, .device = &expectation->vf->address,
			    .operation = "read modalias");
	if (n <= 0)
		return 0;
	expectation->driver = autoprobe && module_suits(operation->context, modalias, &expectation->loaded);
	expectation->netdev = pf_has_netdev && is_ethernet(modalias);
	return 0;
}

/* The driver and the interfaces of a VF that may go, or not yet have come. */
static int look_at(struct operation *operation, struct vfiobind_vf *vf)
{
	char driver[SYSFS_NAME_SIZE], (*names)[NETDEV_NAME_SIZE];
	struct device_handle handle;
	void **netdevs = NULL;
	int r;

	vf->driver = NULL;
	vf->driver_type = VFIOBIND_DRIVER_TYPE_NONE;
	vf->n_netdevs = 0;
	vf->iommu_group = -1;
	if (device_open(operation->context, &vf->address, &handle, NULL) < 0)
		return 0;
	r = device_read_driver(operation->context, &handle, driver, NULL);
	if (r > 0) {
		vf->driver_type = device_classify_driver(operation->context, handle.fd, driver);
		vf->driver = arena_strdup(operation->arena, driver);
	}
	group_read_number(operation->context, &handle, &vf->iommu_group, NULL);
	r = r > 0 && !vf->driver ? -ENOMEM : 0;
	if (r == 0)
		r = netdev_list(&handle, vf->driver, operation->arena, &names, &vf->n_netdevs);
	close_fd(handle.fd);
	for (size_t i = 0, n = 0; r == 0 && i < vf->n_netdevs; i++)
		r = arena_append(operation->arena, &netdevs, &n, names[i]);
	vf->netdevs = (const char *const *)netdevs;
	return r < 0 ? fail_memory(operation->error) : 0;
}

static void read_log(struct operation *operation, struct expectation *expectations, size_t n)
{
	char records[8192], copy[8192];

	for (int j = 0; j < 4096 && diagnose_next_record(operation->log_fd, records, sizeof(records)); j++)
		for (size_t i = 0; i < n; i++) {
			strcpy(copy, records);
			diagnose_parse_log(copy, expectations[i].name, &expectations[i].clue);
		}
}

static int look(struct operation *operation, struct expectation *expectations, size_t n, struct deadline soon,
		bool *ret_done)
{
	int r = 0;

	*ret_done = true;
	for (size_t i = 0; r == 0 && i < n; i++) {
		/* Once it is ready it stays so. */
		if (expectations[i].vf->ready)
			continue;
		r = look_at(operation, expectations[i].vf);
		expectations[i].vf->ready = is_ready(&expectations[i]);
		*ret_done = *ret_done && (expectations[i].vf->ready || is_given_up(&expectations[i], soon));
	}
	return r;
}

static int warn_unready(struct operation *operation, struct operation_device *pf, const struct expectation *expectation,
			enum vfs_care care)
{
	const struct vfiobind_vf *vf = expectation->vf;

	if (vf->ready)
		return 0;
	/* It came before this operation began to read the kernel's log, which may not tell why any more. */
	if (!vf->driver && care == VFS_WARN)
		return warn_result(operation, pf,
				   "%s: it was there already, and no driver has it: vfiobind reattach %s",
				   expectation->name, expectation->name);
	if (vf->driver)
		return warn_result(operation, pf, "%s: %s has not made an interface of it yet", expectation->name,
				   vf->driver);
	return warn_result(operation, pf, "%s: no driver has taken it: %s", expectation->name,
			   expectation->clue.message[0] ? expectation->clue.message : "see dmesg");
}

static bool has_netdev(struct operation *operation, const struct operation_device *pf)
{
	char(*names)[NETDEV_NAME_SIZE];
	size_t n;

	return netdev_list(&pf->handle, NULL, operation->arena, &names, &n) == 0 && n > 0;
}

static int settle(struct operation *operation, struct operation_device *pf, struct expectation *expectations, size_t n,
		  enum vfs_care care)
{
	struct deadline soon = deadline_in(LOADED_DRIVER_MS);
	struct watch watch = WATCH_NONE;
	bool done;
	int r;

	if (care == VFS_WAIT)
		watch_uevents(&watch);
	do {
		read_log(operation, expectations, n);
		r = look(operation, expectations, n, soon, &done);
	} while (r == 0 && !done && care == VFS_WAIT && watch_wait(&watch, operation->context->deadline));
	watch_close(&watch);
	for (size_t i = 0; r == 0 && care != VFS_LOOK && i < n; i++)
		r = warn_unready(operation, pf, &expectations[i], care);
	return r;
}

int vfs_describe(struct operation *operation, struct operation_device *pf, enum vfs_care care,
		 struct vfiobind_sriov *sriov)
{
	_cleanup_free_ struct expectation *expectations = NULL;
	bool pf_has_netdev = has_netdev(operation, pf);
	struct vfiobind_address *addresses;
	void **vfs = NULL;
	size_t n;
	int r;

	r = vfs_list(operation->context, &pf->handle, operation->arena, &addresses, &n, operation->error);
	if (r < 0)
		return r;
	expectations = calloc(n + 1, sizeof(*expectations));
	if (!expectations)
		return fail_memory(operation->error);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct vfiobind_vf *vf = arena_zalloc(operation->arena, sizeof(*vf));

		if (!vf || arena_append(operation->arena, &vfs, &sriov->n_vfs, vf) < 0)
			return fail_memory(operation->error);
		vf->index = (unsigned int)i;
		vf->address = addresses[i];
		expectations[i].vf = vf;
		vfiobind_address_format(&vf->address, expectations[i].name, sizeof(expectations[i].name));
		r = expect(operation, sriov->autoprobe, pf_has_netdev, &expectations[i]);
	}
	sriov->vfs = (struct vfiobind_vf *const *)vfs;
	return r == 0 ? settle(operation, pf, expectations, n, care) : r;
}
