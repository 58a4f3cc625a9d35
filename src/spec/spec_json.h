/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec ⇄ config.json, with the names of the OCI runtime spec
 * (https://github.com/opencontainers/runtime-spec/blob/main/config.md) and rbox's own under "rbox".
 * One table of fields serves both directions, so that what is written is read. */
#ifndef RBOX_SPEC_SPEC_JSON_H
#define RBOX_SPEC_SPEC_JSON_H

#include "base/err.h"
#include "spec/spec.h"

#include <jansson.h>

/* The text of config.json. The caller owns it. Bytes that are not UTF-8 come out escaped (see
 * json_str()). */
char *spec_json_write(const struct spec *s);

/* Read what spec_json_write() wrote. On success the caller owns *ret, on failure it is empty.
 * Errors: -EINVAL naming the field. */
int spec_json_read(const char *text, size_t len, struct spec *ret, struct err *e);

/* The same for those fields of the object @root that begin with @prefix ("process."; "": all), into
 * @s as it stands. */
int spec_json_read_parts(json_t *root, const char *prefix, struct spec *s, struct err *e);

/* What listings show alone, many times faster; damage behind it is not seen: id, name, image,
 * layers, command, labels, mounts, ports, networks, health check, what it joins and requires; the
 * rest is as spec_init_bare() has it. */
int spec_json_read_listed(const char *text, size_t len, struct spec *ret, struct err *e);

/* The member of "process" that is written behind the last of these: the reader goes no further. */
#define SPEC_LISTED_END "rboxListedEnd"

/* Read the file @path below @dir_fd, a config.json: all of it, or @listed_only. On success the
 * caller owns *ret, on failure it is empty. Errors: -ENOENT there is none; those of the two above.
 */
int spec_json_load(int dir_fd, const char *path, int listed_only, struct spec *ret, struct err *e);

#endif
