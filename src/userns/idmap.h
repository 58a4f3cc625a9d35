/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure arithmetic on id maps, and the choice of a container's map from the mode asked for. No side
 * effects. */
#ifndef RBOX_USERNS_IDMAP_H
#define RBOX_USERNS_IDMAP_H

#include "base/err.h"
#include "spec/spec.h"
#include "userns/subid.h"

#include <stdint.h>
#include <sys/types.h>

enum {
    IDMAP_OVERFLOW_ID = 65534 /* what an id that is not mapped looks like (user_namespaces(7)) */
};

/* Fill @s->linux_.uid_mappings and gid_mappings from @s->linux_.userns, the caller's ids and its
 * subordinate ranges. Default: 0 = the caller, 1… = all ranges; root itself is never mapped (0… =
 * the range). keep-id: the caller's own id kept, 0… from the ranges. nomap: the ranges only.
 * explicit: --uidmap through podman's intermediate map. Without ranges: one row 0 = the caller
 * (keep-id: own = own). Errors: -EINVAL with what is wrong with the rows. */
int idmap_choose(struct spec *s, uid_t uid, gid_t gid, const struct subid *ids, struct err *e);

/* Host id of @container_id, or -1 when it is not mapped; and the way back. */
int64_t idmap_to_host(const struct spec_idmap *m, uint32_t container_id);
int64_t idmap_to_container(const struct spec_idmap *m, uint32_t host_id);

/* The same ids as @m, which goes to the host's, by way of @above, which does so, too: for a user
 * namespace below that with map @above. Appends to @ret, whose rows span none of @above's. Errors:
 * -EINVAL an id that @above has not. */
int idmap_below(const struct spec_idmap *m, const struct spec_idmap *above, struct spec_idmap *ret,
                struct err *e);

/* Number of ids mapped. */
uint64_t idmap_size(const struct spec_idmap *m);

/* Has the container one id only (no subordinate ids)? */
int idmap_is_single(const struct spec_idmap *m);

/* "0:1001:1,1:100000:65536": canonical text, for messages and for a layer's identity. The caller
 * owns it. */
char *idmap_text(const struct spec_idmap *m);

/* As a JSON-free argument vector for newuidmap: pushes "container host size" triples onto @argv. */
void idmap_argv(const struct spec_idmap *m, struct strv *argv);

#endif
