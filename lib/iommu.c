/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the kernel uses an IOMMU; and if not, whether it is the firmware that has none, or the kernel that was told not
 * to. Of three causes each has a remedy of its own, and where no device has a group they cannot be told from each other.
 */
#include "iommu.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "sysfs.h"
#include "util.h"

unsigned int iommu_count_groups(struct vfiobind_context *context)
{
	struct sysfs_walk walk;
	const char *name;
	unsigned int n = 0;

	if (sysfs_walk_open(&walk, context->sysfs_fd, "kernel/iommu_groups") < 0)
		return 0;
	while (sysfs_walk_next(&walk, &name) > 0)
		n++;
	sysfs_walk_close(&walk);
	return n;
}

/* Has one of the values after "=", which commas separate, this text? */
static bool has_value(char *values, const char *value)
{
	for (char *one; (one = strsep(&values, ","));)
		if (strcmp(one, value) == 0)
			return true;
	return false;
}

/* Documentation/admin-guide/kernel-parameters.txt: what is given twice counts as it was given last. */
static bool is_turned_off(const struct vfiobind_context *context, const char **ret_parameter)
{
	static const char *const parameters[] = {"iommu", "intel_iommu", "amd_iommu"};
	bool off[ARRAY_SIZE(parameters)] = {false};
	char path[PATH_MAX], line[4096], *rest = line;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cmdline", context->proc_root);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	for (char *word; (word = strsep(&rest, " \n"));)
		for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
			size_t length = strlen(parameters[i]);

			if (strncmp(word, parameters[i], length) == 0 && word[length] == '=')
				off[i] = has_value(word + length + 1, "off");
		}
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
		if (off[i]) {
			*ret_parameter = parameters[i];
			return true;
		}
	return false;
}

const char *iommu_explain_absence(const struct vfiobind_context *context, char *found, size_t size)
{
	static const struct {
		const char *table;
		const char *name;
		const char *hint;
	} kinds[] = {
		{"DMAR", "VT-d", "boot with intel_iommu=on on the kernel command line"},
		{"IVRS", "AMD-Vi",
		 "it needs nothing on the kernel command line: see what dmesg says of AMD-Vi; is the kernel built with "
		 "it?"},
		{"IORT", "an SMMU",
		 "it needs nothing on the kernel command line: see what dmesg says of arm-smmu; is the kernel built "
		 "with it?"},
	};
	const char *parameter;
	char path[64];

	if (is_turned_off(context, &parameter)) {
		snprintf(found, size, "no groups: %s=off is on the kernel command line", parameter);
		return "remove that from the kernel command line, and boot again";
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "firmware/acpi/tables/%s", kinds[i].table);
		if (sysfs_exists(context->sysfs_fd, path)) {
			snprintf(found, size, "no groups, but the firmware offers %s (ACPI table %s)", kinds[i].name,
				 kinds[i].table);
			return kinds[i].hint;
		}
	}
	snprintf(found, size, "no groups%s",
		 sysfs_exists(context->sysfs_fd, "firmware/acpi/tables")
			 ? ", and the firmware offers no IOMMU (no ACPI table DMAR, IVRS or IORT)"
			 : "");
	return "turn the IOMMU (VT-d, AMD-Vi, SMMU) on in the firmware; on Intel also intel_iommu=on on the kernel "
	       "command "
	       "line";
}
