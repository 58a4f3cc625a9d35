/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of config.json that are more than one field: mounts, maps, namespaces … Used by
 * spec_json.c only. */
#ifndef RBOX_SPEC_SPEC_JSON_LISTS_H
#define RBOX_SPEC_SPEC_JSON_LISTS_H

#include "spec/spec.h"

#include <jansson.h>

struct spec_json_list {
    const char *path;                       /* sections apart by '.' */
    json_t *(*write)(const struct spec *s); /* new reference; NULL: nothing to write */
    int (*read)(json_t *v, struct spec *s); /* what write() gave; 0, or -EINVAL for anything else */
    int is_listed;                          /* spec_json_read_listed() reads it */
};

/* Row @i of the table, or NULL past its end. */
const struct spec_json_list *spec_json_list(size_t i);

/* Is @type ("pid") one of the namespaces that are a spec's? */
int spec_json_is_namespace(const char *type);

/* Replace *@ret by the strings of @array. 0, or -EINVAL when it has others. */
int spec_json_strings(json_t *array, struct strv *ret);

#endif
