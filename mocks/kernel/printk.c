/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's log as /dev/kmsg gives it: one record a read, `LEVEL,SEQUENCE,MICROSECONDS,-;TEXT` and the properties of
 * the device (kernel/printk/printk.c, Documentation/ABI/testing/dev-kmsg). Here it is a file of the records one after the
 * other, so that lseek(SEEK_END) is what it is on the real one: only what comes later. Nothing is ever dropped, not by a
 * reset either: a reader's offset must go on meaning the same.
 */
#include "kernel/base.h"

#include <stdarg.h>

static void append(struct kernel *k, const char *text)
{
	size_t size = strlen(text);
	struct log_record *record = xcalloc(sizeof(*record) + size + 1);
	struct kernfs_node *node = kernfs_find(k, "dev/kmsg");

	memcpy(record->text, text, size);
	record->start = k->log_size;
	record->size = size;
	k->log_size += size;
	STAILQ_INSERT_TAIL(&k->log, record, list);
	if (node)
		kernfs_set_size(node, k->log_size);
}

/* No clock in the model: a record a microsecond. */
static void log_message(struct kernel *k, enum log_level level, const char *prefix, const char *properties,
			const char *format, va_list args)
{
	char *message, *record;

	if (k->booting)
		return;
	if (vasprintf(&message, format, args) < 0)
		abort();
	record = xasprintf("%d,%u,%u,-;%s%s\n%s", level, k->log_sequence, k->log_sequence, prefix, message, properties);
	k->log_sequence++;
	append(k, record);
	free(record);
	free(message);
}

void device_log(struct kernel *k, const struct device *device, enum log_level level, const char *format, ...)
{
	const char *driver = device->driver ? device->driver->desc->name : "pci";
	char *prefix = xasprintf("%s %s: ", driver, device->name);
	char *properties = xasprintf(" SUBSYSTEM=pci\n DEVICE=+pci:%s\n", device->name);
	va_list args;

	va_start(args, format);
	log_message(k, level, prefix, properties, format, args);
	va_end(args);
	free(properties);
	free(prefix);
}

void kernel_log(struct kernel *k, enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_message(k, level, "", "", format, args);
	va_end(args);
}

/* The record that @offset lies in, whole or its rest; at the end nothing. */
static ssize_t kmsg_read(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset)
{
	const struct log_record *record;

	STAILQ_FOREACH (record, &kobj->k->log, list) {
		size_t skip = (size_t)offset > record->start ? (size_t)offset - record->start : 0;

		if (skip >= record->size)
			continue;
		if (size > record->size - skip)
			size = record->size - skip;
		memcpy(buffer, record->text + skip, size);
		return (ssize_t)size;
	}
	return 0;
}

void log_clear(struct kernel *k)
{
	struct log_record *record;

	while ((record = STAILQ_FIRST(&k->log))) {
		STAILQ_REMOVE_HEAD(&k->log, list);
		free(record);
	}
}

void log_init(struct kernel *k)
{
	static const struct attribute kmsg = {"", 0644, .read = kmsg_read};
	struct kernfs_node *node = kernfs_add_bin(kernfs_get_dir(k->root, "dev"), &k->self, &kmsg, "kmsg", 0);

	kernfs_set_size(node, 0);
	kernfs_set_permanent(node);
	kernfs_set_static(node);
}
