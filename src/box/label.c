/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/label.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "spec/spec_label.h"
#include "sys/selinux.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char NO_LABELS[] = "the SELinux policy of this host has no labels for containers";
static const char GET_LABELS[] =
    "install the policy's part for containers (container-selinux), or leave the label out";

static int is_host(const struct spec *s, enum spec_ns ns)
{
    return s->linux_.namespaces[ns].mode == SPEC_NS_HOST;
}

/* A process with a container's label could not look at what these give it. */
static int shows_host(const struct spec *s)
{
    return s->box.privileged || is_host(s, SPEC_NS_PID) || is_host(s, SPEC_NS_IPC);
}

static int check_known(const char *label, struct err *e)
{
    return selinux_knows(label)
               ? 0
               : err_new(e, EINVAL, "the SELinux policy of this host does not know the label '%s'",
                         label);
}

/* The label for @key of the policy's list, else that for @otherwise, with the container's level. */
static char *policy_label(const struct spec *s, const char *key, const char *otherwise)
{
    autofree char *level = spec_label_level(s->box.id);
    autofree char *wanted = key != NULL ? selinux_policy_label(key) : NULL;
    autofree char *label = wanted != NULL ? steal_ptr(&wanted) : selinux_policy_label(otherwise);

    return label != NULL && selinux_knows(label) ? spec_label_with_level(label, level) : NULL;
}

int label_choose(struct spec *s, struct err *e)
{
    const struct strv *options = &s->linux_.label_options;
    const int is_asked = spec_label_is_asked(options);
    autofree char *process = NULL;
    autofree char *files = NULL;
    int r = 0;

    if (!selinux_is_on()) {
        return !is_asked ? 0
                         : err_new(e, ENOTSUP,
                                   "--security-opt label=%s is for SELinux, which this host does "
                                   "not have",
                                   options->v[0]);
    }
    if (s->process.selinux_label != NULL || strv_has(options, "disable") ||
        (!is_asked && shows_host(s))) {
        return 0;
    }
    process = policy_label(s, s->box.systemd ? "init_process" : NULL, "process");
    files = policy_label(s, NULL, "file");
    if (process == NULL || files == NULL) {
        if (!is_asked) {
            return 0;
        }
        (void)err_new(e, ENOTSUP, "--security-opt label=%s: %s", options->v[0], NO_LABELS);
        return err_hint(e, "%s", GET_LABELS);
    }
    spec_label_apply(options, /* is_file= */ 0, &process);
    spec_label_apply(options, /* is_file= */ 1, &files);
    r = check_known(process, e);
    r = r < 0 ? r : check_known(files, e);
    if (r < 0) {
        return err_wrap(e, "--security-opt label");
    }
    s->process.selinux_label = steal_ptr(&process);
    s->linux_.mount_label = steal_ptr(&files);
    return 0;
}

/* ---- trees of files */

struct labelling {
    int fd;
    const char *label;
};

static int label_job(void *arg, struct err *e)
{
    const struct labelling *l = arg;

    return selinux_label_tree(l->fd, l->label, e);
}

/* What is a subordinate id's is its user's to label in a namespace that has it. */
static int label_tree(const struct spec *s, struct labelling *l, struct err *e)
{
    int r = label_job(l, e);

    if ((r == -EPERM || r == -EACCES) && !idmap_is_single(&s->linux_.uid_mappings)) {
        err_clear(e);
        r = userns_run(&s->linux_.uid_mappings, &s->linux_.gid_mappings, label_job, l, e);
    }
    return r;
}

static int label_layers(const struct store *store, const struct spec *s, struct err *e)
{
    autofree char *label = selinux_shared_label("ro_file");
    int r = 0;

    if (label == NULL || selinux_has_label(store->layers_fd, label)) {
        return 0;
    }
    r = label_tree(s, &(struct labelling){.fd = store->layers_fd, .label = label}, e);
    return r < 0 ? err_wrap(e, "the store's layers cannot get their SELinux label") : 0;
}

/* ---- each start */

int label_check(const struct spec *s, struct err *e)
{
    const char *process = s->process.selinux_label;
    const char *label = process != NULL ? process : s->linux_.mount_label;

    if (label == NULL || (selinux_is_on() && (process == NULL || selinux_may_become(process)))) {
        return 0;
    }
    if (!selinux_is_on()) {
        return err_new(e, ENOTSUP,
                       "this host has no SELinux, and the container has the label '%s' "
                       "(process.selinuxLabel, linux.mountLabel)",
                       label);
    }
    (void)err_new(e, EACCES, "the SELinux policy lets you start nothing with the label '%s'",
                  label);
    return err_hint(e, "rbox run --security-opt label=disable …");
}

int label_start(const struct store *store, const struct spec *s, struct err *e)
{
    int r = label_check(s, e);

    return r < 0 || s->process.selinux_label == NULL ? r : label_layers(store, s, e);
}

/* ---- z and Z */

/* Nobody but containers could use these any more. */
static int check_place(const char *path, struct err *e)
{
    static const char *const PLACES[] = {
        "/",    "/bin",     "/boot",    "/dev",        "/etc",        "/home",
        "/lib", "/lib64",   "/media",   "/opt",        "/proc",       "/root",
        "/run", "/sbin",    "/srv",     "/sys",        "/tmp",        "/usr",
        "/var", "/var/lib", "/var/log", "/etc/passwd", "/etc/shadow", "/etc/pki"};
    const char *home = getenv("HOME");
    int is_place = str_eq(path, home);

    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        is_place |= strcmp(path, PLACES[i]) == 0;
    }
    return is_place ? err_new(e, EPERM, "'%s' is not the containers' alone: its label stays", path)
                    : 0;
}

static char *volume_path(const struct store *store, const struct spec_mount *m)
{
    return m->volume_name != NULL ? xasprintf("%s/volumes/%s/_data", store->path, m->volume_name)
           : m->source != NULL    ? realpath(m->source, NULL)
                                  : NULL;
}

int label_volume(const struct store *store, const struct spec *s, const struct spec_mount *m,
                 struct err *e)
{
    const char *option = strv_has(&m->options, "Z") ? "Z" : "z";
    autofree char *path = NULL;
    autofree char *own = NULL;
    autofree char *label = NULL;
    autoclose int fd = -1;
    int r = 0;

    if (!strv_has(&m->options, option)) {
        return 0;
    }
    if (!selinux_is_on()) {
        (void)err_new(e, ENOTSUP,
                      "option %s of the mount at '%s' sets labels of SELinux, which this host does "
                      "not have",
                      option, m->destination);
        return err_hint(e, "leave it out: every file there can be used without");
    }
    own = s->linux_.mount_label != NULL ? xstrdup(s->linux_.mount_label)
                                        : policy_label(s, NULL, "file");
    if (own == NULL) {
        (void)err_new(e, ENOTSUP, "option %s of the mount at '%s': %s", option, m->destination,
                      NO_LABELS);
        return err_hint(e, "%s", GET_LABELS);
    }
    label = spec_label_with_level(own, strcmp(option, "z") == 0 ? "s0" : NULL);
    path = volume_path(store, m);
    fd = path != NULL ? open(path, O_PATH | O_CLOEXEC) : -1;
    r = fd < 0 ? err_set(e, errno, "cannot open it") : check_place(path, e);
    r = r < 0 ? r : label_tree(s, &(struct labelling){.fd = fd, .label = label}, e);
    return r < 0 ? err_wrap(e, "option %s: '%s'", option, path != NULL ? path : m->source) : 0;
}
