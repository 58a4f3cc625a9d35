/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A foreign config.json (OCI runtime spec, config.md) → a spec, for `rbox oci`.
 *
 * It is read by the tables of spec_json.c, like rbox's own; what is added here is what others leave
 * out, and what rbox can't do: that is an error which names the field. Properties that nobody knows
 * are ignored, as the OCI spec wants it. Pure. */
#ifndef RBOX_SPEC_BUNDLE_H
#define RBOX_SPEC_BUNDLE_H

#include "base/err.h"
#include "spec/spec.h"

#include <jansson.h>

struct bundle {
    struct spec spec;
    struct spec_namespace
        user_ns;     /* HOST: the caller's own. PRIVATE without maps: the usual ones */
    json_t *seccomp; /* linux.seccomp, or NULL: unconfined */
    json_t *hooks;   /* hooks, or NULL */
};

/* Read config.json of the bundle in folder @path (absolute). On success the caller owns *ret. */
int bundle_read(const char *text, size_t len, const char *path, struct bundle *ret, struct err *e);
void bundle_done(struct bundle *b);

/* Put the process of the object @text (a file for `exec --process`) in place of that of @s. */
int bundle_read_process(const char *text, size_t len, struct spec *s, struct err *e);

/* linux.resources alone, as `update --resources` takes it, into a spec of spec_init(); what lifts a
 * limit is -2 there, and 0 with pids_asked. */
int bundle_read_resources(const char *text, size_t len, struct spec *ret, struct err *e);

/* linux.cgroupsPath: "/parent/name", or for systemd "slice:prefix:name", into the spec's
 * cgroup_parent and cgroup_name. @is_systemd: the second form is meant. */
int bundle_set_cgroup(struct spec *s, const char *path, int is_systemd, struct err *e);

/* What an empty folder is given by `rbox oci spec`. New reference. */
json_t *bundle_template(int rootless);

/* What the runtime can do, as `features` prints it. New reference. */
json_t *bundle_features(void);

#endif
