/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_CLI_DOCUMENT_H
#define VFIOBIND_CLI_DOCUMENT_H

#include <json.h>

#include "cli.h"

/* Prints the document on stdout and frees it. */
void json_print(struct json_object *document);

/* A string, or null for NULL. What is not UTF-8 is replaced: /sys may hold any bytes, JSON may not. */
struct json_object *json_text(const char *text);
struct json_object *json_text_array(const char *const *texts, size_t n);
struct json_object *json_address(const struct vfiobind_address *address);
struct json_object *json_vfio(const struct vfiobind_vfio *vfio);
struct json_object *json_device(const struct vfiobind_device *device, struct names *names);
/* result.c */
struct json_object *json_result_device(const struct cli *cli, const struct vfiobind_result_device *device);
struct json_object *json_error(const struct vfiobind_error *error);

#endif
