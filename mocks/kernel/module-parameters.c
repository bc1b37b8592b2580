/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameters of modules: when one is loaded, and as files (kernel/params.c). */
#include "kernel/base.h"

#include "kernel/pci.h"

#include <ctype.h>

enum { TEXT = sizeof(((struct module *)NULL)->parameter_values[0]) };

static ssize_t parameter_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%s\n", container_of(kobj, struct module, kobj)->parameter_values[attr->index]);
}

/* Only boolean parameters are known: vfio_pci's are. */
static ssize_t parameter_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct module *module = container_of(kobj, struct module, kobj);
	bool value;

	if (kstrtobool(buffer, &value))
		return refused(EINVAL, step_no_bool);
	strcpy(module->parameter_values[attr->index], value ? "Y" : "N");
	return (ssize_t)count;
}

void module_add_parameters(struct module *module)
{
	const struct module_desc *desc = module->desc;
	struct kernfs_node *dir;

	if (!desc->n_parameters)
		return;
	dir = kernfs_add_dir(module->kobj.node, "parameters", NULL);
	module->parameter_values = xcalloc(desc->n_parameters * sizeof(*module->parameter_values));
	for (size_t i = 0; i < desc->n_parameters; i++) {
		const struct module_parameter *parameter = &desc->parameters[i];
		const struct attribute attr = {parameter->name, parameter->mode, parameter_show,
					       parameter->mode & 0222 ? parameter_store : NULL, .index = (int)i};

		snprintf(module->parameter_values[i], TEXT, "%s", parameter->value);
		kernfs_add_attr_copy(dir, &module->kobj, &attr, parameter->name);
	}
}

bool module_parameter_is_set(const struct module *module, const char *name)
{
	for (size_t i = 0; i < module->desc->n_parameters; i++)
		if (!strcmp(module->desc->parameters[i].name, name))
			return !strcmp(module->parameter_values[i], "Y");
	return false;
}

/* ---- `NAME[=VALUE] ...` ---- */

/* next_arg(): *@text is what comes after it; false: there is none. A value in quotes may have blanks. */
static bool next_argument(const char **text, char name[TEXT], char *value, size_t size)
{
	const char *at = *text;
	size_t n = 0;
	bool quoted = false;

	while (isspace((unsigned char)*at))
		at++;
	if (!*at)
		return false;
	for (; *at && *at != '=' && !isspace((unsigned char)*at); at++)
		if (n < TEXT - 1)
			name[n++] = *at == '-' ? '_' : *at;
	name[n] = '\0';
	n = 0;
	if (*at == '=')
		for (at++; *at && (quoted || !isspace((unsigned char)*at)); at++) {
			if (*at == '"')
				quoted = !quoted;
			else if (n < size - 1)
				value[n++] = *at;
		}
	else
		value[n++] = 'Y'; /* a flag alone */
	value[n] = '\0';
	*text = at;
	return true;
}

static int find(const struct module_desc *desc, const char *name)
{
	for (size_t i = 0; i < desc->n_parameters; i++)
		if (!strcmp(desc->parameters[i].name, name))
			return (int)i;
	return -1;
}

static bool is_boolean(const struct module_parameter *parameter)
{
	return !strcmp(parameter->value, "N") || !strcmp(parameter->value, "Y");
}

bool module_parameters_valid(struct kernel *k, const struct module_desc *desc, const char *text)
{
	char name[TEXT], value[256];
	bool flag;

	while (next_argument(&text, name, value, sizeof(value))) {
		int i = find(desc, name);

		if (i < 0 || !is_boolean(&desc->parameters[i]) || kstrtobool(value, &flag) == 0)
			continue;
		kernel_log(k, LOG_LEVEL_ERR, "%s: `%s' invalid for parameter `%s'", desc->name, value, name);
		return false;
	}
	return true;
}

void module_set_parameters(struct kernel *k, struct module *module, const char *text)
{
	const struct module_desc *desc = module->desc;
	char name[TEXT], value[256];
	bool flag;

	while (next_argument(&text, name, value, sizeof(value))) {
		int i = find(desc, name);

		if (i >= 0 && is_boolean(&desc->parameters[i]) && kstrtobool(value, &flag) == 0)
			strcpy(module->parameter_values[i], flag ? "Y" : "N");
		else if (i >= 0)
			snprintf(module->parameter_values[i], TEXT, "%.*s", TEXT - 1, value);
		else
			kernel_log(k, LOG_LEVEL_WARNING, "%s: unknown parameter '%s' ignored", desc->name, name);
	}
}
