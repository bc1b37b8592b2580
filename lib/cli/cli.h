/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_CLI_H
#define VFIOBIND_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vfiobind.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The exit status of the command: part of its interface. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* and rolled back */
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3, /* before anything was touched */
	EXIT_PENDING = 4, /* the kernel still has the operation */
	EXIT_BROKEN = 5,  /* could not be undone */
};

/* Which options a verb has. */
enum option_set {
	OPTION_JSON = 1 << 0,
	OPTION_ALL = 1 << 1,
	OPTION_TREE = 1 << 2,
	OPTION_DRIVER_TYPE = 1 << 3,
	OPTION_DRIVER = 1 << 4,
	OPTION_GROUP = 1 << 5,
	OPTION_DRY_RUN = 1 << 6,
	OPTION_FORCE = 1 << 7,
	OPTION_METHOD = 1 << 8,
	OPTION_SRIOV = 1 << 9,
	OPTION_DOMAIN = 1 << 10,
};

struct cli;

struct verb {
	const char *name;
	const char *arguments; /* for --help: "DEVICE..." */
	const char *help;
	const char *does;     /* "cannot ...", of wrong use */
	unsigned int options; /* enum option_set */
	int min_arguments;
	int max_arguments; /* -1 for any */
	int (*run)(struct cli *cli);
};

extern const struct verb list_verb, show_verb, detach_verb, reattach_verb, reset_verb, sriov_verb, hostdev_verb,
	explain_verb, doctor_verb, repair_verb;

/* One run of the command. */
struct cli {
	struct vfiobind_context *context;
	const struct verb *verb;
	int n_arguments;
	char **arguments;
	bool verbose;
	bool color;
	bool json;
	bool all;
	bool tree;
	bool group;
	bool dry_run;
	bool force;
	bool autoprobe;
	bool no_autoprobe;
	bool help;
	bool version;
	const char *color_when;
	const char *driver_type;
	const char *driver;
	const char *method;
	const char *numvfs;
	const char *domain;
	const char *timeout;
	unsigned int timeout_ms; /* 0 without --timeout */
};

/*
 * options.c: reads the options of @verb, or those before the verb if it is NULL. Returns the index of the first argument
 * that is none, or -1 and what is wrong in @error. Options come first where there is no verb yet, else anywhere.
 */
int options_parse(struct cli *cli, const struct verb *verb, int argc, char **argv, struct vfiobind_error *error);

/* options.c: prints the options of @verb, or the global ones if it is NULL. */
void options_print(const struct verb *verb);

/* output.c: prints an error in all forms that were asked for. Returns the exit status. */
int output_error(const struct cli *cli, const struct vfiobind_error *error);

/* output.c: prints that the verb is used wrongly. Returns the exit status. */
int output_usage_error(const struct cli *cli, const char *expected, const char *found);

/* output.c: prints an error that keeps one part of many from being printed. Returns the exit status. */
int output_partial_error(const struct vfiobind_error *error);

/* output.c: prints a warning about a device, on one line of stderr. */
void output_warning(const struct cli *cli, const struct vfiobind_address *device, const char *text);

/* output.c: prints what is worth knowing, and no warning about a device, on one line of stderr. */
void output_note(const char *text);

/* output.c: prints a text to stdout so that it stays on its line; NULL as "-". */
void output_text(const char *text);

/* output.c: prints a node and who may open it, "/dev/vfio/14 (root:kvm 0660)"; NULL as "-". */
void output_node(const char *path, const struct vfiobind_access *access);

/* output.c: prints who has not ended what, and what to do: "a detach by pid 5, vfiobind; unless that still runs: …". */
void output_pending(const struct vfiobind_pending *pending);

/* output.c: prints a text in a colour ("1;32"), padded to a width, if colours are wanted. */
void output_colored(const struct cli *cli, const char *color, int width, const char *text);

/* names.c: what pci.ids calls a device. Returns the text, to be freed with free(), or NULL without memory. */
struct names;
struct names *names_new(void);
struct names *names_free(struct names *names);
char *names_device(struct names *names, const struct vfiobind_device *device);

/* tree.c: prints devices below the bridges and physical functions that they belong to, with which of them go together. */
void tree_print(const struct cli *cli, const struct vfiobind_devices *devices, struct names *names);

/* list.c: whether it is one: nobody assigns it. */
bool list_is_bridge(const struct vfiobind_device *device);

/* list.c: whether a device is to be listed. */
bool list_wants(const struct cli *cli, const struct vfiobind_device *device);

/* list.c: prints the columns of a device that follow its address. */
void list_print_columns(const struct cli *cli, const struct vfiobind_device *device, struct names *names,
			bool mark_group);

/* list.c: prints a line about an operation on a device that was not ended, if there is one. */
void list_print_pending(const struct vfiobind_device *device);

/* result.c: a word of a shell command, quoted if need be. To be freed with free(); NULL without memory. */
char *output_quote(const char *text);

/* result.c: prints on stderr what was done, as a line for a shell: a vfiobind_observer. */
void result_observe(void *data, const struct vfiobind_action *action, int result);

/* result.c: prints what became of devices, and frees it. Returns the exit status. */
int result_print(const struct cli *cli, struct vfiobind_result *result);

/* output.c: finds the devices that the arguments name. The array is to be freed with free(). Returns the exit status. */
int find_devices(const struct cli *cli, struct vfiobind_address **ret_addresses);

#endif
