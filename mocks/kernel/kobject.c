/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects with references, and their uevents (lib/kobject.c, lib/kobject_uevent.c). */
#include "kernel/kernfs-internal.h"

#include <ctype.h>
#include <stdarg.h>

enum { UEVENTS_KEPT = 4096 };

void kobject_init(struct kobject *kobj, struct kernel *k, void (*release)(struct kobject *))
{
	kobj->k = k;
	kobj->refs = 1;
	kobj->release = release;
}

struct kobject *kobject_get(struct kobject *kobj)
{
	kobj->refs++;
	return kobj;
}

void kobject_put(struct kobject *kobj)
{
	if (!--kobj->refs && kobj->release)
		kobj->release(kobj);
}

void uevent_key(struct uevent *uevent, const char *format, ...)
{
	size_t room = sizeof(uevent->text) - uevent->size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(uevent->text + uevent->size, room, format, args);
	va_end(args);
	/* A key that does not fit is left out whole, as add_uevent_var() does with ENOMEM. */
	if (length >= 0 && (size_t)length < room)
		uevent->size += (size_t)length + 1;
}

static void queue(struct kernel *k, const struct uevent *uevent)
{
	struct uevent_message *message = xcalloc(sizeof(*message) + uevent->size);

	message->size = uevent->size;
	memcpy(message->text, uevent->text, uevent->size);
	STAILQ_INSERT_TAIL(&k->uevents, message, list);
	if (++k->n_uevents <= UEVENTS_KEPT)
		return;
	message = STAILQ_FIRST(&k->uevents);
	STAILQ_REMOVE_HEAD(&k->uevents, list);
	k->n_uevents--;
	free(message);
}

size_t kernel_next_uevent(struct kernel *k, char **ret_message)
{
	struct uevent_message *message = STAILQ_FIRST(&k->uevents);
	size_t size;

	if (!message)
		return 0;
	STAILQ_REMOVE_HEAD(&k->uevents, list);
	k->n_uevents--;
	size = message->size;
	*ret_message = xcalloc(size);
	memcpy(*ret_message, message->text, size);
	free(message);
	return size;
}

void kobject_uevent(struct kernel *k, struct kernfs_node *node, const char *action, const char *subsystem,
		    const char *const *extra, void (*add_keys)(void *object, struct uevent *uevent), void *object)
{
	struct uevent uevent = {.size = 0};
	const char *devpath = node->path + strlen("sys");

	if (k->booting)
		return;
	STEP(k, KOBJ_UEVENT, .path = node->path, .action = action);
	uevent_key(&uevent, "%s@%s", action, devpath);
	uevent_key(&uevent, "ACTION=%s", action);
	uevent_key(&uevent, "DEVPATH=%s", devpath);
	uevent_key(&uevent, "SUBSYSTEM=%s", subsystem);
	for (; extra && *extra; extra++)
		uevent_key(&uevent, "%s", *extra);
	if (add_keys)
		add_keys(object, &uevent);
	queue(k, &uevent);
	if (k->host.uevent)
		k->host.uevent(k->host.context, uevent.text, uevent.size);
}

static bool is_uuid(const char *text, size_t length)
{
	if (length != 36)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool all_alphanumeric(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text))
			return false;
	return true;
}

/* kobject_action_args(): `UUID[ KEY=VALUE]…` into SYNTH_ keys. */
static int parse_synthetic(char *text, char keys[][256], const char **extra, size_t limit)
{
	char *rest = text, *word = strsep(&rest, " ");
	size_t n = 0;

	if (!is_uuid(word, strlen(word)))
		return -EINVAL;
	snprintf(keys[n], sizeof(keys[n]), "SYNTH_UUID=%s", word);
	extra[n] = keys[n];
	n++;
	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');

		if (!value || n == limit)
			return -EINVAL;
		*value++ = '\0';
		if (!all_alphanumeric(word) || !all_alphanumeric(value) || strlen(word) > 100 || strlen(value) > 100)
			return -EINVAL;
		snprintf(keys[n], sizeof(keys[n]), "SYNTH_ARG_%.100s=%.100s", word, value);
		extra[n] = keys[n];
		n++;
	}
	return 0;
}

ssize_t uevent_store_common(struct kernel *k, struct kernfs_node *node, const char *subsystem, const char *buffer,
			    size_t count, void (*add_keys)(void *object, struct uevent *uevent), void *object)
{
	static const char no_action[] = "no such action";
	static const char *const actions[] = {"add", "remove", "change", "move", "online", "offline", "bind", "unbind"};
	enum { KEYS = 24 };
	char keys[KEYS][256], text[PAGE + 1];
	const char *extra[KEYS + 1] = {"SYNTH_UUID=0"};
	size_t length = count;
	char *rest;

	if (length && (buffer[length - 1] == '\n' || buffer[length - 1] == '\0'))
		length--;
	if (!length)
		return refused(EINVAL, no_action);
	memcpy(text, buffer, length);
	text[length] = '\0';
	rest = strchr(text, ' ');
	if (rest)
		*rest++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(text, actions[i]))
			continue;
		if (rest && parse_synthetic(rest, keys, extra, KEYS))
			return refused(EINVAL,
				       "behind the action there is no UUID, or no KEY=VALUE of letters and digits");
		kobject_uevent(k, node, actions[i], subsystem, extra, add_keys, object);
		return (ssize_t)count;
	}
	return refused(EINVAL, no_action);
}
