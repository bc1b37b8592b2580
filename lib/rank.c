/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which VFIO driver suits a device best. */
#include "rank.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alias.h"
#include "attribute.h"
#include "context.h"
#include "driver.h"
#include "error.h"
#include "modalias.h"
#include "module.h"
#include "sysfs.h"
#include "util.h"

#define FALLBACK_DRIVER "vfio-pci"
#define FALLBACK_MODULE "vfio_pci"

struct ranked {
	struct vfiobind_candidate candidate;
	unsigned int specificity;
	size_t order; /* in which it was found */
};

struct ranking_box {
	struct arena arena;
	struct vfiobind_ranking ranking;
	struct modalias modalias;
	bool out_of_memory;
	void **candidates; /* of struct ranked; their first member is the public one */
	size_t n_candidates;
};

static const char *describe_match(struct ranking_box *box, const struct modalias *pattern)
{
	static const struct {
		enum modalias_field field;
		const char *word;
	} words[] = {
		{MODALIAS_SUBSYSTEM_VENDOR, "subsystem vendor"},
		{MODALIAS_SUBSYSTEM_DEVICE, "subsystem device"},
		{MODALIAS_VENDOR, "vendor"},
		{MODALIAS_DEVICE, "device"},
		{MODALIAS_BASE_CLASS, "class"},
		{MODALIAS_SUBCLASS, "subclass"},
		{MODALIAS_INTERFACE, "programming interface"},
	};
	char text[128] = "";
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(pattern->fields[words[i].field], "*") != 0)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
						   length ? ", " : "matches ", words[i].word);
	return arena_strdup(&box->arena, length ? text : "matches any device");
}

/* @reason: NULL if it is yet to be told. */
static struct ranked *add(struct ranking_box *box, const char *module, const char *reason)
{
	struct ranked *ranked = arena_zalloc(&box->arena, sizeof(*ranked));
	char *name = arena_strdup(&box->arena, module);

	if (!ranked || !name || arena_append(&box->arena, &box->candidates, &box->n_candidates, ranked) < 0) {
		box->out_of_memory = true;
		return NULL;
	}
	module_normalise(name);
	ranked->candidate.module = name;
	ranked->candidate.reason = reason;
	ranked->order = box->n_candidates;
	return ranked;
}

static int visit(const struct alias *alias, void *data)
{
	struct ranking_box *box = data;
	struct modalias pattern;
	struct ranked *ranked;

	if (modalias_parse(alias->pattern, "vfio_pci:", &pattern) < 0 || !modalias_match(&pattern, &box->modalias))
		return 0;
	ranked = add(box, alias->module, NULL);
	if (!ranked)
		return 1;
	ranked->specificity = modalias_specificity(&pattern);
	ranked->candidate.line = alias->line;
	ranked->candidate.alias = arena_strdup(&box->arena, alias->pattern);
	ranked->candidate.reason = describe_match(box, &pattern);
	if (!ranked->candidate.alias || !ranked->candidate.reason)
		box->out_of_memory = true;
	return box->out_of_memory;
}

static int compare(const void *a, const void *b)
{
	const struct ranked *const *first = a, *const *second = b;

	if ((*first)->specificity != (*second)->specificity)
		return (*first)->specificity > (*second)->specificity ? -1 : 1;
	return ((*first)->order > (*second)->order) - ((*first)->order < (*second)->order);
}

/* A module with several aliases that match is known by the best of them. */
static void remove_repeated(struct ranking_box *box)
{
	struct ranked **candidates = (struct ranked **)box->candidates;
	size_t n = 0;

	for (size_t i = 0; i < box->n_candidates; i++) {
		bool repeated = false;

		for (size_t j = 0; j < n; j++)
			repeated = repeated ||
				   strcmp(candidates[i]->candidate.module, candidates[j]->candidate.module) == 0;
		if (!repeated)
			candidates[n++] = candidates[i];
	}
	box->n_candidates = n;
}

static void number_ranks(struct ranking_box *box)
{
	struct ranked **candidates = (struct ranked **)box->candidates;

	for (size_t i = 0; i < box->n_candidates; i++)
		if (i && candidates[i]->specificity == candidates[i - 1]->specificity && candidates[i]->candidate.alias)
			candidates[i]->candidate.rank = candidates[i - 1]->candidate.rank;
		else
			candidates[i]->candidate.rank = (unsigned int)i + 1;
}

#define warn(box, ...)           \
	((box)->out_of_memory |= \
	 arena_warn(&(box)->arena, &(box)->ranking.warnings, &(box)->ranking.n_warnings, __VA_ARGS__) < 0)

/* Fills what is missing of a candidate: can it be used, and which driver is it? */
static void look_at(struct vfiobind_context *context, struct ranking_box *box, struct ranked *ranked)
{
	struct vfiobind_candidate *candidate = &ranked->candidate;
	enum module_status status = module_look_up(context, candidate->module);
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct driver_choice choice = {.load = false};
	const char *why = module_status_text(status);

	candidate->usable = status == MODULE_PRESENT || status == MODULE_LOADABLE;
	if (status == MODULE_PRESENT) {
		snprintf(choice.module, sizeof(choice.module), "%s", candidate->module);
		if (driver_find_in_module(context, candidate->module, &choice, &error) < 0) {
			candidate->usable = false;
			why = vfiobind_error_code_summary(error.code);
		} else {
			candidate->driver = arena_strdup(&box->arena, choice.driver);
		}
	} else if (strcmp(candidate->module, FALLBACK_MODULE) == 0) {
		/* The one driver whose name is known before it is loaded: it is part of the user interface. */
		candidate->driver = FALLBACK_DRIVER;
	}
	candidate->reason = arena_printf(&box->arena, "%s; %s", candidate->reason, why);
	if (!candidate->reason || (status == MODULE_PRESENT && candidate->usable && !candidate->driver))
		box->out_of_memory = true;
}

/* vfio-pci takes any device, even where no alias says so: before Linux 5.15, or when modules.alias is out of reach. */
static void add_fallback(struct ranking_box *box)
{
	const struct ranked *const *candidates = (const struct ranked *const *)box->candidates;

	for (size_t i = 0; i < box->n_candidates; i++)
		if (strcmp(candidates[i]->candidate.module, FALLBACK_MODULE) == 0)
			return;
	add(box, FALLBACK_MODULE, "the fallback for any device");
}

static void choose(struct vfiobind_context *context, struct ranking_box *box, bool all)
{
	struct ranked **candidates = (struct ranked **)box->candidates;

	for (size_t i = 0; i < box->n_candidates && !box->out_of_memory; i++) {
		const struct vfiobind_candidate *chosen = box->ranking.chosen;
		struct vfiobind_candidate *candidate = &candidates[i]->candidate;
		bool tie = chosen && candidate->alias && chosen->rank == candidate->rank;

		if (chosen && !all && !tie)
			break;
		look_at(context, box, candidates[i]);
		if (tie && candidate->usable)
			warn(box, "%s and %s match equally well: %s is taken, because its alias comes first",
			     chosen->module, candidate->module, chosen->module);
		if (chosen)
			continue;
		if (!candidate->usable)
			warn(box, "%s is skipped: %s", candidate->module, candidate->reason);
		else
			box->ranking.chosen = candidate;
		if (candidate->usable && !candidate->alias)
			warn(box, "no usable vfio_pci: alias matches the device: falling back to " FALLBACK_DRIVER);
	}
}

int rank_device(struct vfiobind_context *context, const struct device_handle *device, bool all,
		struct vfiobind_ranking **ret_ranking, struct vfiobind_error *error)
{
	struct ranking_box *box = calloc(1, sizeof(*box));
	char text[ATTRIBUTE_TEXT_SIZE];
	ssize_t n;
	int r = 0;

	if (!box)
		return fail_memory(error);
	box->ranking.address = device->address;
	n = attribute_read(context, device->directory, "modalias", text, sizeof(text));
	/* Another driver must not be taken for that. */
	if (worker_failed(n)) {
		vfiobind_ranking_free(&box->ranking);
		return device_fail_read(context, device, "modalias", (int)n, error);
	}
	if (n >= 0)
		box->ranking.modalias = arena_strdup(&box->arena, text);
	if (n < 0 || modalias_parse(text, "pci:", &box->modalias) < 0)
		warn(box, "the device's modalias %s", n < 0 ? "cannot be read" : "is malformed");
	else
		r = alias_walk(context, visit, box);
	if (r < 0)
		warn(box, "%s/modules.alias cannot be read (%s): variant drivers may be missed", context->modules_root,
		     strerrordesc_np(-r));
	if (box->n_candidates)
		qsort(box->candidates, box->n_candidates, sizeof(*box->candidates), compare);
	remove_repeated(box);
	add_fallback(box);
	number_ranks(box);
	choose(context, box, all);
	box->ranking.candidates = (struct vfiobind_candidate **)box->candidates;
	box->ranking.n_candidates = box->n_candidates;
	if (box->out_of_memory) {
		vfiobind_ranking_free(&box->ranking);
		return fail_memory(error);
	}
	*ret_ranking = &box->ranking;
	return 0;
}

int vfiobind_driver_rank(struct vfiobind_context *context, const struct vfiobind_address *address,
			 struct vfiobind_ranking **ret_ranking, struct vfiobind_error *error)
{
	struct device_handle device;
	int r;

	if (!context || !address || !ret_ranking)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "rank the drivers");
	module_forget(context);
	r = context_begin(context, error);
	if (r == 0)
		r = device_open(context, address, &device, error);
	if (r < 0) {
		error_add_operation(error, "rank the drivers");
		return r;
	}
	r = rank_device(context, &device, true, ret_ranking, error);
	close_fd(device.fd);
	return r;
}

struct vfiobind_ranking *vfiobind_ranking_free(struct vfiobind_ranking *ranking)
{
	struct ranking_box *box;

	if (!ranking)
		return NULL;
	box = container_of(ranking, struct ranking_box, ranking);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
