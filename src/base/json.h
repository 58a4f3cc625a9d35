/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed access to foreign JSON, on jansson: a field of the wrong type is an error that names it,
 * never a crash. */
#ifndef RBOX_BASE_JSON_H
#define RBOX_BASE_JSON_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdint.h>

/* Parse @len bytes of @text; @what names it in errors. Duplicate keys and nesting past jansson's
 * limit are refused. On success the caller owns *ret. */
int json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e);

/* The same, but only the members @paths (sections apart by '.', ends with NULL) need be there: the
 * others are mostly stepped over. For large documents of our own of which little is wanted. */
int json_parse_some(const char *text, size_t len, const char *what, const char *const *paths,
                    json_t **ret, struct err *e);

/* For quick readers: @see is given the value of each member @paths (at most 64) that is there, with
 * its place in the list, in the document's order; the value is borrowed. Returns 0, -EINVAL where
 * this is no JSON object, or what @see returned when that was not 0: it ends there. */
typedef int json_see_fn(void *arg, size_t i, json_t *value);
int json_see_some(const char *text, size_t len, const char *const *paths, json_see_fn *see,
                  void *arg);

/* The member @path (sections apart by '.') of @root, or NULL: borrowed. */
json_t *json_path_get(json_t *root, const char *path);

/* Set it to @value, which is taken over; objects on the way are made. */
void json_path_set(json_t *root, const char *path, json_t *value);

/* Serialise @v compactly, keys in insertion order. The caller owns the string. */
char *json_text(const json_t *v);

/* Fields of object @o. A missing field or null leaves *ret as it is (set the default before) and
 * returns 0; a wrong type is -EINVAL. Strings are borrowed from @o; integers must fit. @what names
 * the document in errors. */
int json_get_string(const json_t *o, const char *key, const char *what, const char **ret,
                    struct err *e);
int json_get_int(const json_t *o, const char *key, const char *what, int64_t *ret, struct err *e);
int json_get_bool(const json_t *o, const char *key, const char *what, int *ret, struct err *e);
int json_get_object(const json_t *o, const char *key, const char *what, json_t **ret,
                    struct err *e); /* borrowed */
int json_get_array(const json_t *o, const char *key, const char *what, json_t **ret,
                   struct err *e); /* borrowed */
int json_get_strv(const json_t *o, const char *key, const char *what, struct strv *ret,
                  struct err *e); /* appends */

/* Array of strings; object of strings from a list of "K=V" pairs. New references. */
json_t *json_from_strv(const struct strv *l);
json_t *json_from_pairs(const struct strv *l);

/* The other way round: adds "K=V" for each member of @o to @ret; of NULL, nothing. */
void json_to_pairs(const json_t *o, struct strv *ret);

/* A string value, escaping what is not UTF-8 (names of files and environments need not be). New
 * reference. */
json_t *json_str(const char *s);

#endif
