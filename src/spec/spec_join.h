/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User networks in a spec: --network NAME and what goes with it. Pure. */
#ifndef RBOX_SPEC_SPEC_JOIN_H
#define RBOX_SPEC_SPEC_JOIN_H

#include "base/err.h"
#include "spec/spec.h"

#include <jansson.h>

/* Can a network have this name? "host" and other words of --network mean something else. */
int spec_network_name_is_good(const char *name);

/* Add "NAME[:ip=A,ip6=A,mac=M,alias=N,interface_name=I]" or "NAME,NAME" to @s. Errors: -EINVAL. */
int spec_join_parse(const char *value, struct spec *s, struct err *e);

/* --network-alias, --ip, --ip6, --mac-address. */
int spec_parse_network_alias(const char *value, void *list, struct err *e);
int spec_parse_ip4(const char *value, void *string, struct err *e);
int spec_parse_ip6(const char *value, void *string, struct err *e);
int spec_parse_mac(const char *value, void *string, struct err *e);

/* Give what these options say to the networks of @s. Errors: -EINVAL there is none, or several for
 * one address. */
int spec_join_settle(struct spec *s, struct err *e);

/* The one in network @name, or NULL. */
struct spec_join *spec_join_find(const struct spec_network *n, const char *name);
void spec_join_remove(struct spec_network *n, struct spec_join *join);

/* A join as JSON, and back. write: new reference; read: 0 or -EINVAL. */
json_t *spec_join_write(const struct spec_join *j);
int spec_join_read(json_t *o, struct spec_join *ret);
json_t *spec_joins_write(const struct spec *s);
int spec_joins_read(json_t *v, struct spec *s);

/* Free @j's strings; and those that say what it got. */
void spec_join_done(struct spec_join *j);
void spec_join_forget(struct spec_join *j);

/* Ask for the addresses that the joins of @n have got. */
void spec_joins_insist(struct spec_network *n);

#endif
