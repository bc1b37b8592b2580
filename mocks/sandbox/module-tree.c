/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes into /lib/modules/<release>: a placeholder for each module of the machine, in places where Linux has them,
 * and the lists that the kernel's build leaves there; depmod makes the indexes.
 */
#include "sandbox/module-tree.h"
#include "sandbox/module-cache.h"
#include "sandbox/module-depmod.h"
#include "sandbox/module-elf.h"
#include "sandbox/module-files.h"
#include "sandbox/util.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct module_tree {
	struct module_files input, output;
	struct kernel_file *files; /* both, with their full paths */
	size_t n_files;
};

/* ---- where a module lies ---- */

/* Modules whose file is elsewhere, or is spelt otherwise, than the rule below has it. */
static const struct {
	const char *module, *path;
} module_paths[] = {
	{"vfio", "kernel/drivers/vfio/vfio.ko"},
	{"vfio_iommu_type1", "kernel/drivers/vfio/vfio_iommu_type1.ko"},
	{"vfio_virqfd", "kernel/drivers/vfio/vfio_virqfd.ko"},
	{"irqbypass", "kernel/virt/lib/irqbypass.ko"},
	{"vfio_pci_core", "kernel/drivers/vfio/pci/vfio-pci-core.ko"},
	{"vfio_pci", "kernel/drivers/vfio/pci/vfio-pci.ko"},
	{"mlx5_vfio_pci", "kernel/drivers/vfio/pci/mlx5/mlx5-vfio-pci.ko"},
	{"hisi_acc_vfio_pci", "kernel/drivers/vfio/pci/hisilicon/hisi-acc-vfio-pci.ko"},
	{"pds_vfio_pci", "kernel/drivers/vfio/pci/pds/pds-vfio-pci.ko"},
	{"virtio_vfio_pci", "kernel/drivers/vfio/pci/virtio/virtio-vfio-pci.ko"},
	{"nvgrace_gpu_vfio_pci", "kernel/drivers/vfio/pci/nvgrace-gpu/nvgrace-gpu-vfio-pci.ko"},
	{"qat_vfio_pci", "kernel/drivers/vfio/pci/qat/qat_vfio_pci.ko"},
	{"xe_vfio_pci", "kernel/drivers/vfio/pci/xe/xe-vfio-pci.ko"},
	{"ism_vfio_pci", "kernel/drivers/vfio/pci/ism/ism-vfio-pci.ko"},
	{"igb", "kernel/drivers/net/ethernet/intel/igb/igb.ko"},
	{"igbvf", "kernel/drivers/net/ethernet/intel/igbvf/igbvf.ko"},
	{"e1000e", "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko"},
	{"mlx5_core", "kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko"},
	{"nvme", "kernel/drivers/nvme/host/nvme.ko"},
	{"nvme_core", "kernel/drivers/nvme/host/nvme-core.ko"},
	{"pci_stub", "kernel/drivers/pci/pci-stub.ko"},
};

static const char *const behaviour_folders[] = {
	[DRIVER_STUB] = "kernel/drivers/pci",         [DRIVER_PORT] = "kernel/drivers/pci/pcie",
	[DRIVER_NET] = "kernel/drivers/net/ethernet", [DRIVER_NVME] = "kernel/drivers/nvme/host",
	[DRIVER_VFIO] = "kernel/drivers/vfio/pci",
};

static void module_path(const struct machine *machine, const char *module, char path[PATH_MAX])
{
	const char *folder = "kernel/drivers/misc";

	for (size_t i = 0; i < ARRAY_SIZE(module_paths); i++)
		if (strcmp(module_paths[i].module, module) == 0) {
			strcpy(path, module_paths[i].path);
			return;
		}
	for (size_t i = 0; i < machine->n_drivers; i++)
		if (strcmp(machine->drivers[i]->module, module) == 0)
			folder = behaviour_folders[machine->drivers[i]->behaviour];
	snprintf(path, PATH_MAX, "%s/%s.ko", folder, module);
}

/* ---- what it says of itself ---- */

struct text {
	char text[128];
	size_t used;
};

static void add_number(struct text *text, const char *key, uint32_t value)
{
	if (value == PCI_ANY_ID)
		text->used += sprintf(text->text + text->used, "%s*", key);
	else
		text->used += sprintf(text->text + text->used, "%s%08X", key, value);
}

static void add_class_byte(struct text *text, const char *key, uint32_t class_code, uint32_t mask, int shift)
{
	if ((mask >> shift & 0xff) == 0xff)
		text->used += sprintf(text->text + text->used, "%s%02X", key, class_code >> shift & 0xff);
	else
		text->used += sprintf(text->text + text->used, "%s*", key);
}

/* scripts/mod/file2alias.c, do_pci_entry(): the trailing star stands for what a later kernel may add. */
static void format_alias(const struct pci_device_id *id, struct text *alias)
{
	alias->used = sprintf(alias->text, "%s:", id->override_only ? "vfio_pci" : "pci");
	add_number(alias, "v", id->vendor);
	add_number(alias, "d", id->device);
	add_number(alias, "sv", id->subvendor);
	add_number(alias, "sd", id->subdevice);
	add_class_byte(alias, "bc", id->class_code, id->class_mask, 16);
	add_class_byte(alias, "sc", id->class_code, id->class_mask, 8);
	add_class_byte(alias, "i", id->class_code, id->class_mask, 0);
	if (alias->text[alias->used - 1] != '*')
		strcpy(alias->text + alias->used, "*");
}

static void add_joined(struct bytes *modinfo, const char *prefix, const char *key, const char *const *names,
		       const char *separator)
{
	char text[512] = "";
	size_t used = 0;

	for (size_t i = 0; names && names[i] && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i ? separator : "", names[i]);
	bytes_add_string(modinfo, "%s%s%s", prefix, key, text);
}

/* @prefix: "" in a module's own section, "NAME." in the list of the built-in ones. */
static void add_modinfo(const struct machine *machine, const struct module_desc *module, const char *release,
			const char *prefix, struct bytes *modinfo)
{
	struct text alias;

	bytes_add_string(modinfo, "%slicense=GPL", prefix);
	bytes_add_string(modinfo, "%sdescription=Placeholder of mocksys for %s", prefix, module->name);
	if (module->softdep_post && module->softdep_post[0])
		add_joined(modinfo, prefix, "softdep=post: ", module->softdep_post, " ");
	for (size_t i = 0; i < machine->n_drivers; i++) {
		const struct driver_desc *driver = machine->drivers[i];

		if (strcmp(driver->module, module->name) != 0)
			continue;
		for (size_t j = 0; j < driver->n_ids; j++) {
			format_alias(&driver->ids[j], &alias);
			bytes_add_string(modinfo, "%salias=%s", prefix, alias.text);
		}
	}
	for (size_t i = 0; i < module->n_parameters; i++) {
		bytes_add_string(modinfo, "%sparm=%s:(a placeholder)", prefix, module->parameters[i].name);
		bytes_add_string(modinfo, "%sparmtype=%s:charp", prefix, module->parameters[i].name);
	}
	if (module->builtin)
		return;
	add_joined(modinfo, prefix, "depends=", module->depends, ",");
	bytes_add_string(modinfo, "%sintree=Y", prefix);
	bytes_add_string(modinfo, "%sname=%s", prefix, module->name);
	bytes_add_string(modinfo, "%svermagic=%s SMP preempt mod_unload ", prefix, release);
}

/* ---- depmod's input ---- */

static void add_line(struct bytes *list, const char *line)
{
	bytes_add(list, line, strlen(line));
	bytes_add(list, "\n", 1);
}

static const struct module_desc *find_module(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->n_modules; i++)
		if (strcmp(machine->modules[i].name, name) == 0)
			return &machine->modules[i];
	return NULL;
}

/* One of the first @n drivers is in the module @name. */
static bool is_driver_module(const struct machine *machine, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(machine->drivers[i]->module, name) == 0)
			return true;
	return false;
}

struct lists {
	struct bytes order, builtin, builtin_modinfo;
};

static void add_module(struct module_files *input, struct lists *lists, const struct machine *machine,
		       const struct module_desc *module, const char *release)
{
	char path[PATH_MAX], prefix[128];
	struct bytes modinfo = {0};

	module_path(machine, module->name, path);
	if (module->builtin) {
		snprintf(prefix, sizeof(prefix), "%s.", module->name);
		add_modinfo(machine, module, release, prefix, &lists->builtin_modinfo);
		bytes_add_string(&lists->builtin_modinfo, "%sfile=%.*s", prefix, (int)strlen(path) - 3, path);
		add_line(&lists->builtin, path);
		return;
	}
	add_modinfo(machine, module, release, "", &modinfo);
	module_elf_write(module->name, module->depends, &modinfo, module_files_add(input, path));
	bytes_free(&modinfo);
	add_line(&lists->order, path);
}

/* depmod sorts by modules.order: first what is no driver, then the drivers as the machine has them. */
static void make_input(const struct machine *machine, const char *release, struct module_files *input)
{
	struct lists lists = {0};

	for (size_t i = 0; i < machine->n_modules; i++)
		if (!is_driver_module(machine, machine->n_drivers, machine->modules[i].name))
			add_module(input, &lists, machine, &machine->modules[i], release);
	for (size_t i = 0; i < machine->n_drivers; i++) {
		const struct module_desc *module = find_module(machine, machine->drivers[i]->module);

		if (module && !is_driver_module(machine, i, module->name))
			add_module(input, &lists, machine, module, release);
	}
	*module_files_add(input, "modules.order") = lists.order;
	*module_files_add(input, "modules.builtin") = lists.builtin;
	*module_files_add(input, "modules.builtin.modinfo") = lists.builtin_modinfo;
}

/* ---- the tree ---- */

static unsigned long long input_key(const struct module_files *input, const char *depmod)
{
	unsigned long long key = MODULE_HASH_START;
	struct stat st;

	/* Another depmod may make other indexes. */
	if (stat(depmod, &st) == 0) {
		key = module_hash(key, &st.st_mtim, sizeof(st.st_mtim));
		key = module_hash(key, &st.st_size, sizeof(st.st_size));
	}
	for (size_t i = 0; i < input->n; i++) {
		key = module_hash(key, input->files[i].path, strlen(input->files[i].path) + 1);
		key = module_hash(key, &input->files[i].content.size, sizeof(size_t));
		key = module_hash(key, input->files[i].content.data, input->files[i].content.size);
	}
	return key;
}

static int make_output(struct module_tree *tree)
{
	char depmod[PATH_MAX];
	unsigned long long key;
	int r = depmod_find(depmod);

	if (r < 0)
		return r;
	key = input_key(&tree->input, depmod);
	if (module_cache_read(key, &tree->output) == 0)
		return 0;
	r = depmod_run(depmod, &tree->input, &tree->output);
	if (r < 0)
		return r;
	module_cache_write(key, &tree->output);
	return 0;
}

static int list_files(struct module_tree *tree, const struct module_files *files, const char *release)
{
	for (size_t i = 0; i < files->n; i++) {
		struct kernel_file *file = &tree->files[tree->n_files];
		char *path;

		if (asprintf(&path, "lib/modules/%s/%s", release, files->files[i].path) < 0)
			return -ENOMEM;
		*file = (struct kernel_file){
			.path = path,
			.data = files->files[i].content.data,
			.size = files->files[i].content.size,
			.mode = 0644,
		};
		tree->n_files++;
	}
	return 0;
}

int module_tree_new(const struct machine *machine, const char *release, struct module_tree **ret_tree)
{
	struct module_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	make_input(machine, release, &tree->input);
	r = make_output(tree);
	if (r == 0) {
		tree->files = calloc(tree->input.n + tree->output.n, sizeof(*tree->files));
		r = tree->files ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = list_files(tree, &tree->input, release);
	if (r == 0)
		r = list_files(tree, &tree->output, release);
	if (r < 0) {
		module_tree_free(tree);
		return r;
	}
	*ret_tree = tree;
	return 0;
}

const struct kernel_file *module_tree_files(const struct module_tree *tree, size_t *ret_n)
{
	*ret_n = tree->n_files;
	return tree->files;
}

void module_tree_free(struct module_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->n_files; i++)
		free((char *)tree->files[i].path);
	free(tree->files);
	module_files_free(&tree->input);
	module_files_free(&tree->output);
	free(tree);
}
