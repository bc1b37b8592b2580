/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void json_print(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

/* The length of the UTF-8 sequence at @text, 0 if it is none: too long, a surrogate, or beyond Unicode. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first, last; /* of the first byte */
		unsigned char low, high;   /* of the second */
		size_t length;
	} sequences[] = {
		{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		if (text[0] < sequences[i].first || text[0] > sequences[i].last)
			continue;
		if (sequences[i].length > 1 && (text[1] < sequences[i].low || text[1] > sequences[i].high))
			return 0;
		for (size_t j = 2; j < sequences[i].length; j++)
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		return sequences[i].length;
	}
	return 0;
}

struct json_object *json_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	struct json_object *object;
	char *clean, *end;

	if (!text)
		return NULL;
	clean = end = malloc(strlen(text) * strlen(replacement) + 1);
	if (!clean)
		return NULL;
	while (*text) {
		size_t length = utf8_length((const unsigned char *)text);

		if (length) {
			end = mempcpy(end, text, length);
			text += length;
		} else {
			end = mempcpy(end, replacement, strlen(replacement));
			text++;
		}
	}
	object = json_object_new_string_len(clean, (int)(end - clean));
	free(clean);
	return object;
}

struct json_object *json_text_array(const char *const *texts, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_text(texts[i]));
	return array;
}

struct json_object *json_address(const struct vfiobind_address *address)
{
	char text[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(address, text, sizeof(text));
	return json_object_new_string(text);
}

/* Of a node that is there; else null. */
static struct json_object *json_access(const char *node, const struct vfiobind_access *access)
{
	struct json_object *object;
	char mode[16];

	if (!node)
		return NULL;
	object = json_object_new_object();
	snprintf(mode, sizeof(mode), "%04o", (unsigned int)access->mode);
	json_object_object_add(object, "uid", json_object_new_int64(access->uid));
	json_object_object_add(object, "gid", json_object_new_int64(access->gid));
	json_object_object_add(object, "mode", json_text(mode));
	return object;
}

struct json_object *json_vfio(const struct vfiobind_vfio *vfio)
{
	struct json_object *object;

	if (!vfio)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "device", json_text(vfio->device));
	json_object_object_add(object, "group_node", json_text(vfio->group_node));
	json_object_object_add(object, "cdev", json_text(vfio->cdev));
	json_object_object_add(object, "group_access", json_access(vfio->group_node, &vfio->group_access));
	json_object_object_add(object, "cdev_access", json_access(vfio->cdev, &vfio->cdev_access));
	return object;
}

static struct json_object *json_hex(unsigned int value, int digits)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", digits, value);
	return json_object_new_string(text);
}

static void add_group(struct json_object *object, const struct vfiobind_device *device)
{
	struct json_object *devices = json_object_new_array(), *blockers = json_object_new_array();

	for (size_t i = 0; i < device->n_group_members; i++) {
		const struct vfiobind_group_member *member = device->group_members[i];
		struct json_object *blocker;

		json_object_array_add(devices, json_address(&member->address));
		if (!member->blocks || vfiobind_address_compare(&member->address, &device->address) == 0)
			continue;
		blocker = json_object_new_object();
		json_object_object_add(blocker, "address", json_address(&member->address));
		json_object_object_add(blocker, "driver", json_text(member->driver));
		json_object_array_add(blockers, blocker);
	}
	json_object_object_add(object, "iommu_group",
			       device->iommu_group < 0 ? NULL : json_object_new_int(device->iommu_group));
	json_object_object_add(object, "group_devices", devices);
	json_object_object_add(object, "group_viable", json_object_new_boolean(device->group_viable));
	json_object_object_add(object, "group_blockers", blockers);
}

static struct json_object *json_time(time_t time)
{
	char text[32];
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_text(text);
}

static struct json_object *json_detached(const struct vfiobind_detached *detached)
{
	struct json_object *object;

	if (!detached)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "host_driver", json_text(detached->host_driver));
	json_object_object_add(object, "since", json_time(detached->since));
	return object;
}

static struct json_object *json_pending(const struct vfiobind_pending *pending)
{
	struct json_object *object;

	if (!pending)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "operation", json_text(pending->operation));
	json_object_object_add(object, "pid", json_object_new_int64(pending->pid));
	json_object_object_add(object, "command", json_text(pending->command));
	json_object_object_add(object, "since", json_time(pending->since));
	return object;
}

/* Empty is null: the key is there, the fact is not. */
static struct json_object *json_text_or_null(const char *text)
{
	return json_text(text[0] ? text : NULL);
}

static struct json_object *error_object(const struct vfiobind_error *error)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "code", json_text(vfiobind_error_code_name(error->code)));
	json_object_object_add(object, "operation", json_text_or_null(error->operation));
	json_object_object_add(object, "device", error->has_device ? json_address(&error->device) : NULL);
	json_object_object_add(object, "path", json_text_or_null(error->path));
	json_object_object_add(object, "errno", error->number ? json_text(strerrorname_np(error->number)) : NULL);
	json_object_object_add(object, "expected", json_text_or_null(error->expected));
	json_object_object_add(object, "found", json_text_or_null(error->found));
	json_object_object_add(object, "hint", json_text_or_null(error->hint));
	return object;
}

/* What could not be read is null. No device has vendor 0. */
static void add_ids(struct json_object *object, const struct vfiobind_device *device, struct names *names)
{
	const struct {
		const char *key;
		unsigned int value;
		int digits;
	} ids[] = {
		{"vendor", device->vendor, 4},
		{"device", device->device, 4},
		{"subsystem_vendor", device->subsystem_vendor, 4},
		{"subsystem_device", device->subsystem_device, 4},
		{"class", device->class_code, 6},
	};
	bool known = !device->error || device->vendor;
	char *name = known ? names_device(names, device) : NULL;

	json_object_object_add(object, "name", json_text(name));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		json_object_object_add(object, ids[i].key, known ? json_hex(ids[i].value, ids[i].digits) : NULL);
	free(name);
}

struct json_object *json_device(const struct vfiobind_device *device, struct names *names)
{
	struct json_object *object = json_object_new_object(), *virtfns = json_object_new_array();

	json_object_object_add(object, "address", json_address(&device->address));
	add_ids(object, device, names);
	json_object_object_add(object, "modalias", json_text(device->modalias));
	json_object_object_add(object, "driver", json_text(device->driver));
	json_object_object_add(object, "module", json_text(device->module));
	json_object_object_add(object, "driver_type", json_text(vfiobind_driver_type_name(device->driver_type)));
	json_object_object_add(object, "variant", json_object_new_boolean(device->variant));
	json_object_object_add(object, "driver_override", json_text(device->driver_override));
	add_group(object, device);
	for (size_t i = 0; i < device->n_virtfns; i++)
		json_object_array_add(virtfns, json_address(&device->virtfns[i]));
	json_object_object_add(object, "physfn", device->has_physfn ? json_address(&device->physfn) : NULL);
	json_object_object_add(object, "virtfns", virtfns);
	json_object_object_add(object, "numvfs", device->numvfs < 0 ? NULL : json_object_new_int(device->numvfs));
	json_object_object_add(object, "netdevs", json_text_array(device->netdevs, device->n_netdevs));
	json_object_object_add(object, "vfio", json_vfio(device->vfio));
	json_object_object_add(object, "detached", json_detached(device->detached));
	json_object_object_add(object, "pending", json_pending(device->pending));
	json_object_object_add(object, "domain", json_text(device->domain));
	json_object_object_add(object, "parent", device->has_parent ? json_address(&device->parent) : NULL);
	json_object_object_add(object, "error", device->error ? error_object(device->error) : NULL);
	return object;
}

struct json_object *json_error(const struct vfiobind_error *error)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "error", error_object(error));
	json_object_object_add(document, "state", json_text(vfiobind_state_name(error->state)));
	return document;
}
