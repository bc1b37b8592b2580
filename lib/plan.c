/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "domain.h"
#include "error.h"
#include "group.h"
#include "module.h"
#include "operation.h"
#include "rank.h"
#include "vfio.h"

int plan_snapshot(struct operation *operation, const struct operation_device *device, struct snapshot *now,
		  struct vfiobind_error *error)
{
	int r;

	r = device_read_driver(operation->context, &device->handle, now->driver, error);
	if (r < 0)
		return r;
	now->bound = r;
	r = device_read_override(operation->context, &device->handle, now->driver_override, error);
	if (r < 0)
		return r;
	now->overridden = r;
	return 0;
}

int plan_read_before(struct operation *operation, struct operation_device *device)
{
	struct snapshot *before = &device->before;
	int r = plan_snapshot(operation, device, before, operation->error);

	if (r == 0)
		before->driver_type = device_classify_driver(operation->context, device->handle.fd,
							     before->bound ? before->driver : NULL);
	if (r == 0 && before->driver_type == VFIOBIND_DRIVER_TYPE_VFIO)
		vfio_read_name(&device->handle, device->vfio_device, sizeof(device->vfio_device));
	return r;
}

static int refuse_without_group(struct operation *operation, struct operation_device *device)
{
	if (device->iommu_group >= 0)
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_NO_IOMMU_GROUP, .device = &device->handle.address,
		    .hint = "vfiobind doctor tells whether the firmware or the kernel is to blame");
}

/* pciback holds it for another domain of Xen, which would lose it: only Xen's own tools know of that. */
static int refuse_xen(struct operation *operation, struct operation_device *device)
{
	char hint[80];

	if (device->before.driver_type != VFIOBIND_DRIVER_TYPE_XEN)
		return 0;
	snprintf(hint, sizeof(hint), "take it from Xen first: xl pci-assignable-remove %s", device->handle.name);
	return fail(operation->error, .code = VFIOBIND_ERROR_XEN_DRIVER, .device = &device->handle.address,
		    .found = device->before.driver, .hint = hint);
}

/* Unbinding the PF may remove its VFs: both at once can only fail, and leave the VFs gone. */
static int refuse_pf_with_its_vf(struct operation *operation, struct operation_device *device)
{
	char physfn[SYSFS_NAME_SIZE];

	for (size_t i = 0; i < operation->n_devices; i++) {
		const struct device_handle *other = &operation->devices[i].handle;

		if (sysfs_readlink_name(other->fd, "physfn", physfn) == 0 && strcmp(physfn, device->handle.name) == 0)
			return fail(operation->error, .code = VFIOBIND_ERROR_PF_HAS_VFS,
				    .device = &device->handle.address, .found = other->name,
				    .hint = "detach it or its virtual functions, not both");
	}
	return 0;
}

static int choose_best(struct operation *operation, struct operation_device *device)
{
	struct vfiobind_ranking *ranking;
	char hint[80];
	int r;

	snprintf(hint, sizeof(hint), "see vfiobind explain %s", device->handle.name);
	r = rank_device(operation->context, &device->handle, false, &ranking, operation->error);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ranking->n_warnings; i++)
		r = warn_result(operation, device, "%s", ranking->warnings[i]);
	if (r == 0 && !ranking->chosen)
		r = fail(operation->error, .code = VFIOBIND_ERROR_DRIVER_NOT_FOUND, .device = &device->handle.address,
			 .operation = "find a VFIO driver", .found = ranking->warnings[0], .hint = hint);
	if (r == 0) {
		struct driver_choice *target = &device->target;

		snprintf(target->driver, sizeof(target->driver), "%s",
			 ranking->chosen->driver ? ranking->chosen->driver : "");
		snprintf(target->module, sizeof(target->module), "%s", ranking->chosen->module);
		target->load = module_look_up(operation->context, target->module) == MODULE_LOADABLE;
	}
	vfiobind_ranking_free(ranking);
	return r;
}

static int plan_detach(struct operation *operation, struct operation_device *device)
{
	static int (*const checks[])(struct operation *, struct operation_device *) = {
		preflight_bridge, refuse_without_group, preflight_vfs, plan_read_before, refuse_xen,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++)
		r = preflight_check(operation, device, checks[i]);
	if (r < 0)
		return r;
	r = operation->domain ? hostdev_plan_prepare(operation, device) : 0;
	if (r < 0 || device->stays)
		return r < 0 ? r : preflight(operation, device);
	if (device->driver)
		r = driver_find(operation->context, device->driver, &device->target, operation->error);
	else
		r = choose_best(operation, device);
	if (r < 0)
		return r;
	device->change = !device->before.bound || strcmp(device->before.driver, device->target.driver) != 0;
	/* A domain wants it usable, and not only bound. */
	if (!device->change && !operation->domain)
		return 0;
	if (device->before.has_vfs)
		r = refuse_pf_with_its_vf(operation, device);
	return r == 0 ? preflight(operation, device) : r;
}

/* Whether an override is one that a detach leaves: it names a driver for VFIO, loaded or not. */
static bool is_vfio_override(struct operation *operation, const struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	struct driver_choice choice;

	if (!before->overridden)
		return false;
	if (before->driver_type == VFIOBIND_DRIVER_TYPE_VFIO && strcmp(before->driver_override, before->driver) == 0)
		return true;
	return driver_find(operation->context, before->driver_override, &choice, NULL) == 0;
}

/* What was there before the detach comes back; what somebody else has put there meanwhile stays. */
static int plan_new_override(struct operation *operation, struct operation_device *device, bool detached)
{
	const struct record *record = device->record && device->record->owned ? device->record : NULL;

	if (detached)
		device->new_override = record && record->host.driver_override[0] ? record->host.driver_override : "\n";
	else if (device->before.overridden &&
		 (!record || strcmp(device->before.driver_override, record->host.driver_override) != 0))
		return warn_result(operation, device, "driver_override names %s, which no detach set there: it stays",
				   device->before.driver_override);
	return 0;
}

static int plan_reattach(struct operation *operation, struct operation_device *device)
{
	struct snapshot *before = &device->before;
	bool on_vfio, detached, was_bound, asked;
	int r;

	r = device->gone ? 0 : plan_read_before(operation, device);
	if (r == 0 && operation->domain)
		r = hostdev_plan_release(operation, device);
	if (r < 0 || device->stays)
		return r;
	on_vfio = before->driver_type == VFIOBIND_DRIVER_TYPE_VFIO;
	detached = is_vfio_override(operation, device);
	was_bound = device->record && device->record->owned && device->record->host.driver[0];
	/* Nobody loses a device that is on no driver: who names it wants it to be on one. */
	asked = operation->kind == RECORD_REATTACH && device->named;
	device->change = on_vfio || (!before->bound && (detached || was_bound || asked));
	if (device->change) {
		device->leave_unbound = device->record && device->record->owned && !was_bound;
		r = device->leave_unbound ? 0 : domain_refuse_group(operation, device);
		return r == 0 ? plan_new_override(operation, device, detached) : r;
	}
	if (before->driver_type == VFIOBIND_DRIVER_TYPE_XEN || before->driver_type == VFIOBIND_DRIVER_TYPE_USERSPACE)
		return warn_result(operation, device, "it is on %s, which no detach binds: left alone", before->driver);
	if (before->bound && detached)
		return warn_result(operation, device, "it is on %s, but driver_override still names %s: left alone",
				   before->driver, before->driver_override);
	return 0;
}

static int add_action(struct operation *operation, struct operation_device *device, enum vfiobind_action_kind kind,
		      const char *path, const char *value)
{
	struct vfiobind_action *action = arena_zalloc(operation->arena, sizeof(*action));
	void **actions = (void **)device->result->actions;
	int r;

	if (!action)
		return fail_memory(operation->error);
	action->kind = kind;
	action->path = path;
	action->value = arena_strdup(operation->arena, value);
	if (!action->value)
		return fail_memory(operation->error);
	r = arena_append(operation->arena, &actions, &device->result->n_actions, action);
	device->result->actions = (struct vfiobind_action **)actions;
	return r < 0 ? fail_memory(operation->error) : 0;
}

/* The path in its parts, as "devices/" "0000:04:11.5" "/driver_override". */
static int add_write(struct operation *operation, struct operation_device *device, const char *directory,
		     const char *name, const char *attribute, const char *value, bool driver_of_module)
{
	char *path = arena_printf(operation->arena, "%s/bus/pci/%s%s%s", operation->context->sysfs_root, directory,
				  name, attribute);

	if (!path)
		return fail_memory(operation->error);
	return add_action(operation, device, driver_of_module ? VFIOBIND_ACTION_WRITE_DRIVER : VFIOBIND_ACTION_WRITE,
			  path, value);
}

bool plan_stores_override(const struct operation *operation, const struct operation_device *device)
{
	if (!is_detach(operation))
		return device->new_override;
	return !device->before.overridden || strcmp(device->before.driver_override, device->target.driver) != 0;
}

const char *plan_unbinds_from(const struct operation_device *device)
{
	if (device->taken_by[0])
		return device->taken_by;
	return device->before.bound ? device->before.driver : NULL;
}

int plan_actions(struct operation *operation, struct operation_device *device)
{
	const char *address = device->handle.name, *from = plan_unbinds_from(device);
	bool driver_known = device->target.driver[0];
	int r = 0;

	if (device->target.load || device->loaded)
		r = add_action(operation, device, VFIOBIND_ACTION_LOAD_MODULE, NULL, device->target.module);
	/* Else its module took it, and nothing is left to be stored. */
	if (!device->change)
		return r;
	if (r == 0 && device->reset.file >= 0)
		r = add_write(operation, device, "devices/", address, "/reset", "1", false);
	if (r == 0 && plan_stores_override(operation, device)) {
		const char *value = driver_known ? device->target.driver : device->target.module;

		r = add_write(operation, device, "devices/", address, "/driver_override",
			      is_detach(operation) ? value : device->new_override,
			      is_detach(operation) && !driver_known);
	}
	if (r == 0 && from)
		r = add_write(operation, device, "drivers/", from, "/unbind", address, false);
	if (r == 0 && !device->leave_unbound)
		r = add_write(operation, device, "", "", "drivers_probe", address, false);
	return r;
}

int plan(struct operation *operation)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];

		r = is_detach(operation) ? plan_detach(operation, device) : plan_reattach(operation, device);
		if (r < 0)
			error_add_device(operation->error, &device->handle.address);
	}
	return r;
}
