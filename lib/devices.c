/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All devices, of which one may keep the reader waiting: the others are read nevertheless. */
#include <stdlib.h>

#include "context.h"
#include "error.h"
#include "show.h"
#include "util.h"

/* For one device, while others have to be read: what does not wait takes microseconds. */
#define PATIENCE_MS 250

struct devices_box {
	struct vfiobind_devices devices;
	struct vfiobind_device **list;
	struct arena errors;
};

/* Reads a device, whole or in part. None is returned if it has gone since it was listed. */
static int read_one(struct vfiobind_context *context, const struct vfiobind_address *address, struct arena *errors,
		    struct vfiobind_device **ret_device, struct vfiobind_error *error)
{
	struct vfiobind_error *kept = arena_zalloc(errors, sizeof(*kept));
	struct vfiobind_device *device = NULL;
	int r = -ENOMEM;

	if (kept) {
		kept->size = sizeof(*kept);
		r = show_device(context, address, &device, kept);
	}
	if (r == -ENOMEM) {
		vfiobind_device_free(device);
		return fail_memory(error);
	}
	if (r < 0 && (kept->code == VFIOBIND_ERROR_DEVICE_NOT_FOUND || kept->code == VFIOBIND_ERROR_DEVICE_VANISHED)) {
		vfiobind_device_free(device);
		return 0;
	}
	device->error = r < 0 ? kept : NULL;
	*ret_device = device;
	return 0;
}

/* First each device that does not keep one waiting; then the others, for as long as the time-out allows. */
static int read_all(struct vfiobind_context *context, const struct vfiobind_address *addresses, size_t n,
		    struct devices_box *box, struct vfiobind_error *error)
{
	const struct deadline last = context->deadline;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct deadline soon = deadline_in(PATIENCE_MS);
		struct vfiobind_device *device = NULL;

		context->deadline = soon.at < last.at ? soon : last;
		r = read_one(context, &addresses[i], &box->errors, &device, error);
		if (device)
			box->list[box->devices.n_devices++] = device;
	}
	for (size_t i = 0; r == 0 && i < box->devices.n_devices; i++) {
		struct deadline soon = deadline_in(PATIENCE_MS);
		struct vfiobind_device *device = NULL;

		if (!box->list[i]->error || box->list[i]->error->code != VFIOBIND_ERROR_TIMED_OUT)
			continue;
		context->deadline = soon.at > last.at ? soon : last;
		r = read_one(context, &box->list[i]->address, &box->errors, &device, error);
		if (device) {
			vfiobind_device_free(box->list[i]);
			box->list[i] = device;
		}
	}
	return r;
}

int vfiobind_devices_read(struct vfiobind_context *context, struct vfiobind_devices **ret_devices,
			  struct vfiobind_error *error)
{
	_cleanup_free_ struct vfiobind_address *addresses = NULL;
	struct devices_box *box;
	size_t n;
	int r;

	if (!context || !ret_devices)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "read all devices");
	r = vfiobind_device_list(context, &addresses, &n, error);
	if (r < 0)
		return r;
	box = calloc(1, sizeof(*box));
	if (!box)
		return fail_memory(error);
	box->list = calloc(n + 1, sizeof(*box->list));
	r = box->list ? read_all(context, addresses, n, box, error) : fail_memory(error);
	box->devices.devices = box->list;
	if (r < 0)
		vfiobind_devices_free(&box->devices);
	else
		*ret_devices = &box->devices;
	return r;
}

struct vfiobind_devices *vfiobind_devices_free(struct vfiobind_devices *devices)
{
	struct devices_box *box;

	if (!devices)
		return NULL;
	box = container_of(devices, struct devices_box, devices);
	for (size_t i = 0; i < devices->n_devices; i++)
		vfiobind_device_free(box->list[i]);
	arena_free(&box->errors);
	free(box->list);
	free(box);
	return NULL;
}
