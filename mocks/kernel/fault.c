/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fault rules do to a step that they match, and the steps that they hold. */
#include "kernel/fault.h"

#include "kernel/hotplug.h"
#include "kernel/kernfs.h"

#include <fnmatch.h>
#include <time.h>

void rule_clear(struct rule *rule)
{
	free(rule->text);
	free(rule->device);
	free(rule->driver);
	free(rule->path);
	free(rule->actor);
	*rule = (struct rule){.text = NULL};
}

void rule_free(struct rule *rule)
{
	rule_clear(rule);
	free(rule);
}

void rules_free(struct rules *rules)
{
	struct rule *rule;

	while ((rule = TAILQ_FIRST(rules))) {
		TAILQ_REMOVE(rules, rule, list);
		rule_free(rule);
	}
}

static bool field_matches(const char *wanted, const char *actual)
{
	return !wanted || (actual && !strcmp(wanted, actual));
}

static bool path_matches(const char *glob, const char *path)
{
	char absolute[PAGE];

	if (!glob)
		return true;
	if (!path)
		return false;
	snprintf(absolute, sizeof(absolute), "/%s", path);
	return fnmatch(glob, absolute, 0) == 0;
}

/* The last part of @path that is a PCI address. */
static bool address_in_path(const char *path, char *address)
{
	struct pci_address parsed;
	bool found = false;

	while (path && *path) {
		size_t length = strcspn(path, "/");

		if (length < PCI_ADDRESS_TEXT) {
			char part[PCI_ADDRESS_TEXT];

			snprintf(part, sizeof(part), "%.*s", (int)length, path);
			if (!pci_address_parse(part, &parsed)) {
				strcpy(address, part);
				found = true;
			}
		}
		path += length + (path[length] == '/');
	}
	return found;
}

/*
 * The device that a step is about: what it says, or what a system call means: the device whose file it is, or whose
 * address it writes. NULL: none, or several.
 */
static const char *device_of_step(const struct step_args *args, char *address)
{
	struct pci_address parsed;

	if (args->device)
		return args->device;
	if (args->value && strlen(args->value) < PCI_ADDRESS_TEXT) {
		snprintf(address, PCI_ADDRESS_TEXT, "%.*s", (int)strcspn(args->value, "\n"), args->value);
		if (!pci_address_parse(address, &parsed))
			return address;
	}
	return address_in_path(args->path, address) ? address : NULL;
}

bool rule_matches(const struct rule *rule, enum step_id id, const struct step_args *args, const char *actor)
{
	char address[PCI_ADDRESS_TEXT];

	return rule->step == id && field_matches(rule->driver, args->driver) && field_matches(rule->actor, actor) &&
	       path_matches(rule->path, args->path) &&
	       (!rule->device || field_matches(rule->device, device_of_step(args, address)));
}

static int wait_ms(struct kernel *k, unsigned long ms)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += (time_t)(ms / 1000);
	deadline.tv_nsec += (long)(ms % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	return kernel_wait_until(k, &deadline);
}

static bool is_released(const void *held)
{
	return ((const struct held_step *)held)->released;
}

static int hold(struct kernel *k, enum step_id id, const struct step_args *args)
{
	struct held_step *held = xcalloc(sizeof(*held));
	char line[TRACE_LINE + 8];
	int ret;

	trace_format(line, id, args);
	held->id = ++k->steps->next_held;
	held->text = xstrdup(line);
	TAILQ_INSERT_TAIL(&k->steps->held, held, list);
	kernel_changed(k);
	ret = kernel_wait_for(k, is_released, held);
	TAILQ_REMOVE(&k->steps->held, held, list);
	free(held->text);
	free(held);
	return ret;
}

const char step_aborted[] = "the machine is being reset, or its server is ending";

/* What the rules want together. */
struct decision {
	unsigned long delay_ms;
	bool hold, vanish, kill;
	int error;
};

/* The device of a step if it is there to vanish, or NULL. */
static struct device *vanishing(struct kernel *k, const struct step_args *args)
{
	char address[PCI_ADDRESS_TEXT];
	const char *name = device_of_step(args, address);
	struct device *device = name ? bus_find_device(k, name) : NULL;

	if (!device)
		return NULL;
	/* The bus has it as long as the lock is held. */
	kobject_put(&device->kobj);
	return to_pci_dev(device)->disconnected ? NULL : device;
}

/* The kernel itself is no client to be killed, and nothing vanishes that is not there. */
static bool can_fire(struct kernel *k, const struct rule *rule, const struct step_args *args)
{
	return (!rule->kill || kernel_client()->pid) && (!rule->vanish || vanishing(k, args));
}

static void decide(struct kernel *k, enum step_id id, const struct step_args *args, struct decision *decision,
		   char *why)
{
	struct rule *rule;

	TAILQ_FOREACH (rule, &k->steps->rules, list) {
		bool first_reason = !why[0] || (rule->error && !decision->error);

		if (!rule_matches(rule, id, args, kernel_client()->actor) || !can_fire(k, rule, args))
			continue;
		if (rule->seen++ < rule->after || (rule->times && rule->fired >= rule->times))
			continue;
		rule->fired++;
		decision->delay_ms += rule->delay_ms;
		decision->hold |= rule->hold;
		decision->vanish |= rule->vanish;
		decision->kill |= rule->kill;
		if (!decision->error)
			decision->error = rule->error;
		if (first_reason && (rule->error || rule->kill || rule->vanish))
			snprintf(why, STEP_WHY, "fault rule: %s", rule->text);
	}
}

long rules_apply(struct kernel *k, enum step_id id, const struct step_args *args, char *why)
{
	struct decision decision = {.error = 0};
	int ret = 0;

	/* Decide first, wait then: while the lock is dropped, the rules may change. */
	decide(k, id, args, &decision, why);
	/* The kernel goes on with what it is at: a process dies on its way out of the kernel. */
	if (decision.kill && k->host.kill)
		k->host.kill(k->host.context, kernel_client()->pid);
	if (decision.vanish)
		hotplug_vanish(to_pci_dev(vanishing(k, args)));
	if (decision.delay_ms)
		ret = wait_ms(k, decision.delay_ms);
	if (!ret && decision.hold)
		ret = hold(k, id, args);
	if (ret) {
		snprintf(why, STEP_WHY, "%s", step_aborted);
		return ret;
	}
	return decision.error ? -decision.error : args->result;
}

bool step_has_rules(struct kernel *k)
{
	return !TAILQ_EMPTY(&k->steps->rules);
}

void step_rules_clear(struct kernel *k)
{
	rules_free(&k->steps->rules);
}

/* One that is dropped unseen is remembered, once: whoever clears rules himself has had a look at them. */
void step_rules_reset(struct kernel *k)
{
	struct rules *unfired = &k->steps->unfired;
	struct rule *rule, *other;

	while ((rule = TAILQ_FIRST(&k->steps->rules))) {
		TAILQ_REMOVE(&k->steps->rules, rule, list);
		TAILQ_FOREACH (other, unfired, list)
			if (!strcmp(other->text, rule->text))
				break;
		if (rule->fired || other)
			rule_free(rule);
		else
			TAILQ_INSERT_TAIL(unfired, rule, list);
	}
}

static FILE *open_text(char **text, size_t *size)
{
	FILE *stream = open_memstream(text, size);

	if (!stream)
		abort();
	return stream;
}

char *step_rules_text(struct kernel *k)
{
	struct rule *rule;
	char *text = NULL;
	size_t size;
	FILE *stream = open_text(&text, &size);

	TAILQ_FOREACH (rule, &k->steps->rules, list)
		fprintf(stream, "%s # fired %lu of %lu\n", rule->text, rule->fired, rule->seen);
	fclose(stream);
	return text;
}

char *kernel_unfired_rules(struct kernel *k)
{
	struct rule *rule;
	char *text = NULL;
	size_t size;
	FILE *stream = open_text(&text, &size);

	TAILQ_FOREACH (rule, &k->steps->unfired, list)
		fprintf(stream, "%s\n", rule->text);
	TAILQ_FOREACH (rule, &k->steps->rules, list)
		if (!rule->fired)
			fprintf(stream, "%s\n", rule->text);
	fclose(stream);
	return text;
}

char *step_held_text(struct kernel *k)
{
	struct held_step *held;
	char *text = NULL;
	size_t size;
	FILE *stream = open_text(&text, &size);

	TAILQ_FOREACH (held, &k->steps->held, list)
		fprintf(stream, "%lu %s\n", held->id, held->text);
	fclose(stream);
	return text;
}

int step_release(struct kernel *k, unsigned long id)
{
	struct held_step *held;

	TAILQ_FOREACH (held, &k->steps->held, list)
		if (held->id == id && !held->released) {
			held->released = true;
			kernel_changed(k);
			return 0;
		}
	return -ENOENT;
}
