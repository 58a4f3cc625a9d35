/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/oci_hooks.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <string.h>

static const char WHAT[] = "config.json: hooks";
static const char *const KINDS[] = {OCI_HOOK_PRESTART,         OCI_HOOK_CREATE_RUNTIME,
                                    OCI_HOOK_CREATE_CONTAINER, OCI_HOOK_START_CONTAINER,
                                    OCI_HOOK_POSTSTART,        OCI_HOOK_POSTSTOP};

struct hook {
    const char *path;
    struct strv args;
    struct strv env;
    int64_t timeout_s; /* 0: none */
};

static void hook_done(struct hook *h)
{
    strv_done(&h->args);
    strv_done(&h->env);
}

static int read_hook(const json_t *o, struct hook *h, struct err *e)
{
    int r = json_get_string(o, "path", WHAT, &h->path, e);

    r = r < 0 ? r : json_get_strv(o, "args", WHAT, &h->args, e);
    r = r < 0 ? r : json_get_strv(o, "env", WHAT, &h->env, e);
    r = r < 0 ? r : json_get_int(o, "timeout", WHAT, &h->timeout_s, e);
    if (r == 0 && (h->path == NULL || h->path[0] != '/')) {
        return err_new(e, EINVAL, "%s: a hook's path is missing or not absolute", WHAT);
    }
    if (r == 0 && (h->timeout_s < 0 || h->timeout_s > INT32_MAX / 1000 ||
                   (json_object_get(o, "timeout") != NULL && h->timeout_s == 0))) {
        return err_new(e, EINVAL, "%s: timeout of '%s' is not greater than zero", WHAT, h->path);
    }
    return r;
}

int oci_hooks_check(const json_t *all, struct err *e)
{
    int r = 0;

    for (size_t k = 0; r == 0 && k < sizeof(KINDS) / sizeof(KINDS[0]); k++) {
        json_t *list = NULL;
        const json_t *o = NULL;
        size_t i = 0;

        r = json_get_array(all, KINDS[k], WHAT, &list, e);
        json_array_foreach(list, i, o)
        {
            __attribute__((cleanup(hook_done))) struct hook h = {0};

            r = r < 0 ? r : read_hook(o, &h, e);
        }
    }
    return r;
}

static char *state_text(const struct oci_hooks *h, const char *kind)
{
    const char *status = str_eq(kind, OCI_HOOK_POSTSTOP)          ? "stopped"
                         : str_eq(kind, OCI_HOOK_POSTSTART)       ? "running"
                         : str_eq(kind, OCI_HOOK_START_CONTAINER) ? "created"
                                                                  : "creating";
    char *text = NULL;

    (void)json_object_set_new(h->state, "status", json_string(status));
    (void)json_object_del(h->state, "pid");
    if (h->pid > 0) {
        (void)json_object_set_new(h->state, "pid", json_integer(h->pid));
    }
    text = json_text(h->state);
    return text;
}

static int run_hook(const struct hook *h, const char *kind, const char *state, struct err *e)
{
    autoclose int in_fd = -1;
    autokill int pidfd = -1;
    autostrv struct strv argv = {0};
    static const char *const NO_ENV[] = {NULL};
    struct proc_options o = {.die_with_parent = 1};
    int status = 0;
    int r = fd_memfd("state", state, strlen(state), &in_fd, e);

    if (r < 0) {
        return r;
    }
    strv_push(&argv, h->path); /* what is executed; args[0] is but its name */
    for (size_t i = 1; i < h->args.len; i++) {
        strv_push(&argv, h->args.v[i]);
    }
    o.argv = (const char *const *)argv.v;
    o.envp = h->env.len > 0 ? (const char *const *)h->env.v : NO_ENV;
    o.in_fd = in_fd;
    r = proc_start(&o, &pidfd, e); /* its stderr is the runtime's */
    r = r < 0 ? r
              : proc_wait(pidfd, h->timeout_s > 0 ? (int)h->timeout_s * 1000 : PROC_FOREVER,
                          &status, e);
    if (r < 0) {
        return err_wrap(e, "%s hook '%s'", kind, h->path);
    }
    close_fd(&pidfd);
    if (status != 0) {
        return err_new(e, EIO, "%s hook '%s' failed with status %d", kind, h->path, status);
    }
    return 0;
}

int oci_hooks_run(const struct oci_hooks *h, const char *kind, struct err *e)
{
    const json_t *list = h != NULL ? json_object_get(h->all, kind) : NULL;
    autofree char *state = json_array_size(list) > 0 ? state_text(h, kind) : NULL;
    const json_t *o = NULL;
    size_t i = 0;
    int r = 0;

    json_array_foreach(list, i, o)
    {
        __attribute__((cleanup(hook_done))) struct hook hook = {0};

        r = r < 0 ? r : read_hook(o, &hook, e);
        r = r < 0 ? r : run_hook(&hook, kind, state, e);
    }
    return r;
}
