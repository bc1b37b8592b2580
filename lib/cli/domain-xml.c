/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host PCI devices of a domain XML. What libvirt lets out has its defaults; what it would not understand is refused,
 * and elements that are about other things are passed over. A document type is refused before a word of it is read: no
 * domain has one, and all that XML can do to its reader (entities, other files) is declared there.
 */
#include "domain-xml.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define _cleanup_(function) __attribute__((cleanup(function)))

static void free_text(xmlChar **text)
{
	xmlFree(*text);
}
#define _cleanup_text_ _cleanup_(free_text)

struct reader {
	const char *file;
	struct domain *domain;
	bool iommufd; /* of the domain; a device may say otherwise */
	struct vfiobind_error *error;
};

/* ------------------------------------------------------------------------------------------------------- complaints */

struct complaint {
	unsigned long line; /* 0 for none */
	const char *expected;
	const char *found;
	const char *hint;
	int number; /* an errno */
};

static int complain_at(const struct reader *reader, const struct complaint *complaint)
{
	struct vfiobind_error *error = reader->error;

	*error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	error->code = complaint->number == ENOMEM ? VFIOBIND_ERROR_OUT_OF_MEMORY : VFIOBIND_ERROR_INVALID_DOMAIN;
	error->number = complaint->number ? complaint->number : EINVAL;
	if (complaint->number)
		snprintf(error->operation, sizeof(error->operation), "read %s", reader->file);
	else
		snprintf(error->operation, sizeof(error->operation), "read the domain");
	if (complaint->line)
		snprintf(error->path, sizeof(error->path), "%.200s:%lu", reader->file, complaint->line);
	else
		snprintf(error->path, sizeof(error->path), "%.200s", reader->file);
	snprintf(error->expected, sizeof(error->expected), "%s", complaint->expected ? complaint->expected : "");
	snprintf(error->found, sizeof(error->found), "%s", complaint->found ? complaint->found : "");
	snprintf(error->hint, sizeof(error->hint), "%s", complaint->hint ? complaint->hint : "");
	return -1;
}

/* complain(reader, node, .expected = …) */
#define complain(reader, node, ...) \
	complain_at((reader), &(const struct complaint){.line = (unsigned long)xmlGetLineNo(node), __VA_ARGS__})

#define complain_of_memory(reader) complain_at((reader), &(const struct complaint){.number = ENOMEM})

/* -------------------------------------------------------------------------------------------- elements and attributes */

static bool is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns && strcmp((const char *)node->name, name) == 0;
}

/* The first child of that name, or NULL. */
static xmlNode *find_child(const xmlNode *node, const char *name)
{
	for (xmlNode *child = node ? node->children : NULL; child; child = child->next)
		if (is_element(child, name))
			return child;
	return NULL;
}

/* An attribute of @node, or NULL: there is none, or no such node. */
static xmlChar *attribute(const xmlNode *node, const char *name)
{
	return node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
}

static bool has_attribute(const xmlNode *node, const char *name, const char *value)
{
	_cleanup_text_ xmlChar *text = attribute(node, name);

	return text && strcmp((const char *)text, value) == 0;
}

/* yes or no, and @ret_value stays as it is without the attribute. */
static int read_choice(const struct reader *reader, const xmlNode *node, const char *name, bool *ret_value)
{
	_cleanup_text_ xmlChar *text = attribute(node, name);
	char expected[64];

	if (!text)
		return 0;
	snprintf(expected, sizeof(expected), "%s='yes' or %s='no'", name, name);
	if (strcmp((const char *)text, "yes") != 0 && strcmp((const char *)text, "no") != 0)
		return complain(reader, node, .expected = expected, .found = (const char *)text);
	*ret_value = text[0] == 'y';
	return 0;
}

/* A number as libvirt has it, "0x1f" or "31". Without the attribute, 0 unless it is required. */
static int read_number(const struct reader *reader, const xmlNode *node, const char *name, bool required,
		       unsigned long maximum, unsigned long *ret_number)
{
	_cleanup_text_ xmlChar *text = attribute(node, name);
	unsigned long number;
	char expected[64], *end;

	snprintf(expected, sizeof(expected), "%s='...', a number up to 0x%lx", name, maximum);
	if (!text && required)
		return complain(reader, node, .expected = expected, .found = "no such attribute");
	if (!text) {
		*ret_number = 0;
		return 0;
	}
	errno = 0;
	number = strtoul((const char *)text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || number > maximum)
		return complain(reader, node, .expected = expected, .found = text[0] ? (const char *)text : "nothing");
	*ret_number = number;
	return 0;
}

static int read_address(const struct reader *reader, const xmlNode *source, struct vfiobind_address *ret_address)
{
	const xmlNode *node = find_child(source, "address");
	unsigned long domain, bus, slot, function;
	_cleanup_text_ xmlChar *type = NULL;

	if (!node)
		return complain(reader, source, .expected = "an <address> in the <source>", .found = "none");
	type = attribute(node, "type");
	if (type && strcmp((const char *)type, "pci") != 0)
		return complain(reader, node, .expected = "type='pci'", .found = (const char *)type);
	if (read_number(reader, node, "domain", false, UINT32_MAX, &domain) < 0 ||
	    read_number(reader, node, "bus", true, 0xff, &bus) < 0 ||
	    read_number(reader, node, "slot", true, 0x1f, &slot) < 0 ||
	    read_number(reader, node, "function", false, 7, &function) < 0)
		return -1;
	*ret_address = (struct vfiobind_address){(uint32_t)domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)function};
	return 0;
}

/* ----------------------------------------------------------------------------------------------------------- devices */

static void *extend(void *array, size_t n, size_t size)
{
	char *longer = reallocarray(array, n + 1, size);

	if (longer)
		memset(longer + n * size, 0, size);
	return longer;
}

/* Makes room for one more device. Returns NULL without memory. */
static struct domain_device *add_device(struct domain *domain)
{
	struct vfiobind_hostdev *hostdevs = extend(domain->hostdevs, domain->n_devices, sizeof(*hostdevs));
	struct domain_device *devices;

	if (!hostdevs)
		return NULL;
	domain->hostdevs = hostdevs;
	devices = extend(domain->devices, domain->n_devices, sizeof(*devices));
	if (!devices)
		return NULL;
	domain->devices = devices;
	hostdevs[domain->n_devices] = (struct vfiobind_hostdev)VFIOBIND_HOSTDEV_INIT;
	return &devices[domain->n_devices++];
}

/* The device at an address, or -1. */
static ssize_t find_device(const struct domain *domain, const struct vfiobind_address *address)
{
	for (size_t i = 0; i < domain->n_devices; i++)
		if (vfiobind_address_compare(&domain->hostdevs[i].address, address) == 0)
			return (ssize_t)i;
	return -1;
}

static int complain_of_twice(const struct reader *reader, const xmlNode *node, size_t i)
{
	char address[VFIOBIND_ADDRESS_SIZE], found[128];

	vfiobind_address_format(&reader->domain->hostdevs[i].address, address, sizeof(address));
	snprintf(found, sizeof(found), "%s, as in line %lu", address, reader->domain->devices[i].line);
	return complain(reader, node, .expected = "each device once", .found = found);
}

/* Copies an attribute's text; NULL without it. */
static int keep(const struct reader *reader, const xmlNode *node, const char *name, char **ret_text)
{
	_cleanup_text_ xmlChar *text = attribute(node, name);

	*ret_text = text ? strdup((const char *)text) : NULL;
	return text && !*ret_text ? complain_of_memory(reader) : 0;
}

/* name='default' is what libvirt refuses too. */
static int read_driver(const struct reader *reader, const xmlNode *node, struct vfiobind_hostdev *hostdev,
		       struct domain_device *device)
{
	const xmlNode *driver = find_child(node, "driver");
	char *name, *model;

	device->iommufd = reader->iommufd;
	if (!driver)
		return 0;
	if (read_choice(reader, driver, "iommufd", &device->iommufd) < 0 || keep(reader, driver, "name", &name) < 0)
		return -1;
	hostdev->driver_name = name;
	if (keep(reader, driver, "model", &model) < 0)
		return -1;
	hostdev->driver_model = model;
	if (name && strcmp(name, "vfio") != 0 && strcmp(name, "kvm") != 0 && strcmp(name, "xen") != 0)
		return complain(reader, driver, .expected = "name='vfio'", .found = name,
				.hint = "the driver itself is named by model='...'");
	return 0;
}

/* An id that QEMU takes. Those that libvirt itself gives out, it gives out anew at each start. */
static int read_alias(const struct reader *reader, const xmlNode *node, struct domain_device *device)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const xmlNode *alias = find_child(node, "alias");
	_cleanup_text_ xmlChar *name = attribute(alias, "name");

	if (!name || strncmp((const char *)name, "ua-", 3) != 0)
		return 0;
	if (strspn((const char *)name, letters) != strlen((const char *)name))
		return complain(reader, alias, .expected = "letters, digits, _ and - in an alias",
				.found = (const char *)name);
	return keep(reader, alias, "name", &device->alias);
}

static int read_assigned(const struct reader *reader, const xmlNode *node, enum vfiobind_hostdev_kind kind)
{
	const xmlNode *source = find_child(node, "source");
	struct vfiobind_hostdev *hostdev;
	struct vfiobind_address address;
	struct domain_device *device;
	ssize_t same;

	if (!source)
		return complain(reader, node, .expected = "a <source> that says which device", .found = "none");
	if (read_address(reader, source, &address) < 0)
		return -1;
	same = find_device(reader->domain, &address);
	if (same >= 0)
		return complain_of_twice(reader, node, (size_t)same);
	device = add_device(reader->domain);
	if (!device)
		return complain_of_memory(reader);
	hostdev = &reader->domain->hostdevs[reader->domain->n_devices - 1];
	hostdev->address = address;
	hostdev->kind = kind;
	device->line = (unsigned long)xmlGetLineNo(node);
	if (read_choice(reader, node, "managed", &hostdev->managed) < 0 ||
	    read_driver(reader, node, hostdev, device) < 0)
		return -1;
	return read_alias(reader, node, device);
}

static int read_hostdev(const struct reader *reader, const xmlNode *node)
{
	_cleanup_text_ xmlChar *mode = attribute(node, "mode"), *type = attribute(node, "type");

	if (mode && strcmp((const char *)mode, "subsystem") != 0)
		return 0;
	if (!type)
		return complain(reader, node, .expected = "type='pci', or another, of a <hostdev>",
				.found = "no such attribute");
	return strcmp((const char *)type, "pci") == 0 ? read_assigned(reader, node, VFIOBIND_HOSTDEV_KIND_HOSTDEV) : 0;
}

static int read_network(const struct reader *reader, const xmlNode *node)
{
	struct domain *domain = reader->domain;
	struct domain_network *networks = extend(domain->networks, domain->n_networks, sizeof(*networks)), *network;

	if (!networks)
		return complain_of_memory(reader);
	domain->networks = networks;
	network = &networks[domain->n_networks++];
	network->line = (unsigned long)xmlGetLineNo(node);
	return keep(reader, find_child(node, "source"), "network", &network->name);
}

static int read_interface(const struct reader *reader, const xmlNode *node)
{
	struct domain *domain = reader->domain;

	if (has_attribute(node, "type", "network"))
		return read_network(reader, node);
	if (!has_attribute(node, "type", "hostdev"))
		return 0;
	if (read_assigned(reader, node, VFIOBIND_HOSTDEV_KIND_INTERFACE) < 0)
		return -1;
	domain->devices[domain->n_devices - 1].has_network_address =
		find_child(node, "mac") || find_child(node, "vlan") || find_child(node, "virtualport");
	return 0;
}

static int add_namespace(const struct reader *reader, const xmlNode *source, struct domain_device *device,
			 unsigned long namespace)
{
	unsigned long *namespaces;
	char found[64];

	snprintf(found, sizeof(found), "namespace %lu once more", namespace);
	for (size_t i = 0; i < device->n_namespaces; i++)
		if (device->namespaces[i] == namespace)
			return complain(reader, source, .expected = "each namespace once", .found = found);
	namespaces = extend(device->namespaces, device->n_namespaces, sizeof(*namespaces));
	if (!namespaces)
		return complain_of_memory(reader);
	device->namespaces = namespaces;
	namespaces[device->n_namespaces++] = namespace;
	return 0;
}

/* Disks on one controller are one device: it is taken once, and must be asked for in one way. */
static int read_controller(const struct reader *reader, const xmlNode *node, const xmlNode *source)
{
	struct domain *domain = reader->domain;
	struct vfiobind_address address;
	struct domain_device *device;
	unsigned long namespace;
	bool managed = false;
	ssize_t same;

	if (!has_attribute(source, "type", "pci"))
		return complain(reader, source, .expected = "type='pci' in the <source> of an NVMe disk",
				.found = "another, or none");
	if (read_choice(reader, source, "managed", &managed) < 0 ||
	    read_number(reader, source, "namespace", true, UINT32_MAX - 1, &namespace) < 0 ||
	    read_address(reader, source, &address) < 0)
		return -1;
	if (namespace == 0)
		return complain(reader, source, .expected = "a namespace from 1", .found = "0");
	same = find_device(domain, &address);
	if (same < 0) {
		device = add_device(domain);
		if (!device)
			return complain_of_memory(reader);
		device->line = (unsigned long)xmlGetLineNo(node);
		domain->hostdevs[domain->n_devices - 1].address = address;
		domain->hostdevs[domain->n_devices - 1].kind = VFIOBIND_HOSTDEV_KIND_NVME;
		domain->hostdevs[domain->n_devices - 1].managed = managed;
		return add_namespace(reader, source, device, namespace);
	}
	if (domain->hostdevs[same].kind != VFIOBIND_HOSTDEV_KIND_NVME)
		return complain_of_twice(reader, source, (size_t)same);
	if (domain->hostdevs[same].managed != managed)
		return complain(reader, source, .expected = "one managed='...' for all namespaces of a controller",
				.found = managed ? "yes, after no" : "no, after yes");
	return add_namespace(reader, source, &domain->devices[same], namespace);
}

/* A disk, and what it is a layer upon. */
static int read_disk(const struct reader *reader, const xmlNode *node)
{
	const xmlNode *source = find_child(node, "source"), *below = find_child(node, "backingStore");

	if (has_attribute(node, "type", "nvme") && !source)
		return complain(reader, node, .expected = "a <source> that says which controller", .found = "none");
	if (has_attribute(node, "type", "nvme") && read_controller(reader, node, source) < 0)
		return -1;
	return below ? read_disk(reader, below) : 0;
}

/* ---------------------------------------------------------------------------------------------------------- documents */

static const struct {
	const char *element;
	int (*read)(const struct reader *reader, const xmlNode *node);
} elements[] = {
	{"hostdev", read_hostdev},
	{"interface", read_interface},
	{"disk", read_disk},
};

/* Returns 1 if @node was none of them. */
static int read_device(const struct reader *reader, const xmlNode *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
		if (is_element(node, elements[i].element))
			return elements[i].read(reader, node);
	return 1;
}

static int read_name(const struct reader *reader, const xmlNode *root)
{
	const xmlNode *name = find_child(root, "name");
	_cleanup_text_ xmlChar *text = name ? xmlNodeGetContent(name) : NULL;

	if (!name)
		return 0;
	reader->domain->name = text ? strdup((const char *)text) : NULL;
	return reader->domain->name ? 0 : complain_of_memory(reader);
}

/* libvirt looks at all that are called so. */
static int read_all_devices(const struct reader *reader, const xmlNode *root)
{
	int r = 0;

	for (const xmlNode *devices = root->children; devices; devices = devices->next)
		for (const xmlNode *node = is_element(devices, "devices") ? devices->children : NULL; r >= 0 && node;
		     node = node->next)
			r = read_device(reader, node);
	return r < 0 ? r : 0;
}

static int read_domain(struct reader *reader, const xmlNode *root)
{
	int r;

	r = read_name(reader, root);
	if (r == 0)
		r = read_choice(reader, find_child(root, "iommufd"), "enabled", &reader->iommufd);
	return r == 0 ? read_all_devices(reader, root) : r;
}

static int read_root(struct reader *reader, const xmlNode *root)
{
	char found[64];
	int r;

	if (is_element(root, "domain"))
		return read_domain(reader, root);
	r = read_device(reader, root);
	if (r <= 0)
		return r;
	snprintf(found, sizeof(found), "<%.60s>", (const char *)root->name);
	return complain(reader, root, .expected = "<domain>, or one <hostdev>, <interface> or <disk>", .found = found);
}

/* The parser's first word of a document type, before it has read what that declares. */
static void refuse_document_type(void *argument, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxt *parser = argument;
	unsigned long *line = parser->_private;

	*line = (unsigned long)xmlSAX2GetLineNumber(parser);
	xmlStopParser(parser);
}

static int complain_of_syntax(const struct reader *reader, xmlParserCtxt *parser, unsigned long document_type)
{
	const xmlError *last = xmlCtxtGetLastError(parser);
	struct complaint complaint = {
		.expected = "XML",
		.hint = "it should be as virsh dumpxml prints it",
	};
	char message[200];

	if (document_type) {
		complaint.line = document_type;
		complaint.expected = "no <!DOCTYPE>";
		complaint.found = "one";
		return complain_at(reader, &complaint);
	}
	if (last && last->code == XML_ERR_NO_MEMORY)
		return complain_of_memory(reader);
	snprintf(message, sizeof(message), "%s", last && last->message ? last->message : "nothing");
	message[strcspn(message, "\n")] = '\0';
	complaint.line = last && last->line > 0 ? (unsigned long)last->line : 1;
	complaint.found = message;
	return complain_at(reader, &complaint);
}

/* Without what is not asked for, XML_PARSE_NOENT, XML_PARSE_DTDLOAD, XML_PARSE_XINCLUDE, XML_PARSE_HUGE, libxml2 opens no
 * other file, and sets bounds to depth and length. */
#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES)

int domain_parse(const char *text, size_t size, const char *file, struct domain **ret_domain,
		 struct vfiobind_error *error)
{
	struct reader reader = {.file = file, .error = error, .domain = calloc(1, sizeof(*reader.domain))};
	xmlParserCtxt *parser = xmlNewParserCtxt();
	unsigned long document_type = 0;
	xmlDoc *document = NULL;
	int r;

	if (!reader.domain || !parser) {
		r = complain_of_memory(&reader);
	} else {
		parser->_private = &document_type;
		parser->sax->internalSubset = refuse_document_type;
		document = xmlCtxtReadMemory(parser, text, (int)size, NULL, NULL, OPTIONS);
		r = document && !document_type ? read_root(&reader, xmlDocGetRootElement(document))
					       : complain_of_syntax(&reader, parser, document_type);
	}
	xmlFreeDoc(document);
	xmlFreeParserCtxt(parser);
	if (r < 0)
		domain_free(reader.domain);
	else
		*ret_domain = reader.domain;
	return r;
}

/* Returns the length, or a negative errno. */
static ssize_t read_file(int fd, char *text)
{
	size_t length = 0;

	for (;;) {
		ssize_t n = read(fd, text + length, DOMAIN_FILE_SIZE - length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return (ssize_t)length;
		if (n > 0)
			length += (size_t)n;
		if (length == DOMAIN_FILE_SIZE)
			return -EFBIG;
	}
}

int domain_read(const char *file, struct domain **ret_domain, struct vfiobind_error *error)
{
	const bool is_input = strcmp(file, "-") == 0;
	const struct reader reader = {.file = is_input ? "standard input" : file, .error = error};
	int fd = is_input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), r = -1;
	char *text = malloc(DOMAIN_FILE_SIZE);
	ssize_t n = fd < 0 ? -errno : text ? read_file(fd, text) : -ENOMEM;

	if (n == -ENOMEM)
		complain_of_memory(&reader);
	else if (n == -EFBIG)
		complain_at(&reader, &(const struct complaint){.number = EFBIG, .expected = "at most 256 KiB"});
	else if (n < 0)
		complain_at(&reader,
			    &(const struct complaint){
				    .number = (int)-n,
				    .hint = "FILE is what virsh dumpxml DOMAIN prints, or - for standard input",
			    });
	else
		r = domain_parse(text, (size_t)n, reader.file, ret_domain, error);
	free(text);
	if (fd >= 0 && !is_input)
		close(fd);
	return r;
}

struct domain *domain_free(struct domain *domain)
{
	if (!domain)
		return NULL;
	for (size_t i = 0; i < domain->n_devices; i++) {
		free((char *)domain->hostdevs[i].driver_name);
		free((char *)domain->hostdevs[i].driver_model);
		free(domain->devices[i].alias);
		free(domain->devices[i].namespaces);
	}
	for (size_t i = 0; i < domain->n_networks; i++)
		free(domain->networks[i].name);
	free(domain->networks);
	free(domain->hostdevs);
	free(domain->devices);
	free(domain->name);
	free(domain);
	return NULL;
}
