/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image config + options → the spec of a container.
 *
 * Calling sequence: spec_request_init(); options are parsed into @spec where they stand on their
 * own (spec_parse.h) and into the other fields where they compete with the image; spec_merge();
 * the result is in @spec, which may be moved out (zeroed) before spec_request_done(). */
#ifndef RBOX_SPEC_SPEC_MERGE_H
#define RBOX_SPEC_SPEC_MERGE_H

#include "base/err.h"
#include "base/mem.h"
#include "spec/image_config.h"
#include "spec/spec.h"
#include "spec/spec_systemd.h"

enum spec_image_volumes {
    SPEC_IMAGE_VOLUMES_ANONYMOUS, /* podman's "bind" */
    SPEC_IMAGE_VOLUMES_TMPFS,
    SPEC_IMAGE_VOLUMES_IGNORE
};

struct spec_request {
    struct spec spec;
    struct strv env;       /* -e: "K=V", "K" or "PREFIX*" */
    struct strv env_file;  /* lines of --env-file, as for -e */
    struct strv unset_env; /* --unsetenv */
    int unset_env_all;     /* --unsetenv-all */
    int env_host;          /* --env-host */
    int http_proxy;        /* --http-proxy, on at the start */
    char *entrypoint;      /* a string or a JSON array; "" takes the image's away; NULL: the
                              image's */
    char *workdir;         /* NULL: the image's */
    char *user;            /* NULL: the image's */
    int stop_signal;       /* 0: the image's */
    int no_healthcheck;    /* --no-healthcheck */
    enum spec_systemd systemd;
    enum spec_image_volumes image_volumes;
    struct strv cap_add; /* names, ALL */
    struct strv cap_drop;
    struct strv labels;          /* "K=V" */
    int64_t cpus_quota_us;       /* --cpus; 0: not given */
    const char *const *host_env; /* the caller's environment; borrowed, may be NULL */
    uid_t caller_uid;            /* for keep-id */
    gid_t caller_gid;
};

void spec_request_init(struct spec_request *q);
void spec_request_done(struct spec_request *q);

/* Complete @q->spec from @image (NULL: none, with --rootfs) and the command @argc, @argv; name, id
 * and host name are made up where none is given. Options that contradict each other are refused.
 * Reads nothing of the host but its random numbers. Errors: -EINVAL. */
int spec_merge(struct spec_request *q, const struct image_config *image, int argc,
               char *const *argv, struct err *e);

/* Lines of a file of variables or labels → *ret: comments and blank lines go, the rest is checked
 * for a name. @what names the file in errors. */
int spec_parse_lines(const char *text, const char *what, struct strv *ret, struct err *e);

#endif
