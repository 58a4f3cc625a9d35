/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/box.h"
#include "box/control.h"
#include "box/find.h"
#include "box/join.h"
#include "box/label.h"
#include "box/needed.h"
#include "box/network.h"
#include "box/process.h"
#include "box/storage.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/dependencies.h"
#include "cli/given_mounts.h"
#include "cli/image_use.h"
#include "cli/one_id.h"
#include "cli/own_user.h"
#include "cli/probe.h"
#include "cli/run_options.h"
#include "image/volume.h"
#include "spec/spec_json.h"
#include "spec/spec_name.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/selinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    SOCKETS_MAX = 1000 /* of LISTEN_FDS */
};

const struct cmd cmd_run = {
    .names = {"run", "container run"},
    .group = CMD_CONTAINERS,
    .summary = "run a command in a new container",
    .usage = "[options] IMAGE [COMMAND [ARG…]]",
    .description =
        "Makes a container of IMAGE, runs COMMAND in it (else what the image says) and gives back\n"
        "its exit status; 125 when rbox itself failed, 126 and 127 when the command could not be\n"
        "executed or was not found, 128+n when signal n ended it. Options end at IMAGE.\n"
        "IMAGE is a name (busybox ships with rbox), docker-archive:FILE, oci-archive:FILE,\n"
        "oci:DIR, dir:DIR or the path of an image file.",
    .examples = "rbox run busybox echo hello\n"
                "rbox run -it --rm -v .:/src -w /src busybox\n"
                "rbox run --rm --network none --read-only --cap-drop ALL busybox id\n"
                "rbox run --rm -p 8080:80 -m 64m busybox httpd -f\n"
                "rbox run -d --name web -p 8080:80 --restart always busybox httpd -f\n",
    .options = RUN_OPTIONS,
    .refused = RUN_REFUSED,
    .options_size = sizeof(struct run_options),
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .init = run_options_init,
    .done = run_options_done,
    .run = run_container,
};

/* --rootfs as an absolute path: the core works from other folders. */
static int absolute_rootfs(struct spec *s, struct err *e)
{
    char *path = realpath(s->box.rootfs, NULL);

    if (path == NULL) {
        return err_set(e, errno, "cannot use root folder '%s'", s->box.rootfs);
    }
    free(s->box.rootfs);
    s->box.rootfs = path;
    return 0;
}

/* --net-log is opened at each start, wherever that comes from. */
static void absolute_net_log(struct spec *s)
{
    char *path = s->box.network.net_log;
    autofree char *cwd = NULL;

    if (path != NULL && path[0] != '/' && strcmp(path, "-") != 0) {
        cwd = getcwd(NULL, 0);
        s->box.network.net_log = xasprintf("%s/%s", cwd != NULL ? cwd : "", path);
        free(path);
    }
}

/* Named volumes, and sources with option "create", are made here, as the caller. */
static int make_sources(const struct store *store, const struct spec *s, struct err *e)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        const struct spec_mount *m = &s->mounts[i];

        if (m->volume_name != NULL && !m->is_anonymous &&
            volume_make(store, m->volume_name, &s->linux_.uid_mappings, &s->linux_.gid_mappings,
                        e) < 0) {
            return -e->errnum;
        }
        if (strv_has(&m->options, "create") && access(m->source, F_OK) < 0 && errno == ENOENT &&
            dir_make_all(m->source, e) < 0) {
            return err_wrap(e, "--volume");
        }
        if (label_volume(store, s, m, e) < 0) {
            return -e->errnum;
        }
    }
    return 0;
}

static void take_image(struct spec *s, struct image *image)
{
    s->box.image_name = steal_ptr(&image->name);
    s->box.image_id = steal_ptr(&image->id);
    s->box.layers = image->layers;
    image->layers = (struct strv){0};
}

static void take_globals(struct spec *s, const struct ctx *ctx)
{
    s->box.storage_driver = xstrdup_null(ctx->storage_driver);
    s->box.cgroup_manager = xstrdup_null(ctx->cgroup_manager);
    for (int i = 0; i < ctx->argc; i++) {
        strv_push(&s->box.create_command, ctx->argv[i]);
    }
}

/* Published ports need a network of the container's own. */
static void drop_ports(struct spec *s)
{
    static const char *const WITHOUT[] = {
        [SPEC_NET_NONE] = "none", [SPEC_NET_HOST] = "host", [SPEC_NET_PATH] = "ns:"};
    enum spec_net backend = s->box.network.backend;

    if (backend < sizeof(WITHOUT) / sizeof(WITHOUT[0]) && WITHOUT[backend] != NULL &&
        s->box.network.port_count > 0) {
        warn("--publish has no effect with --network %s", WITHOUT[backend]);
        for (size_t i = 0; i < s->box.network.port_count; i++) {
            free(s->box.network.ports[i].host_ip);
        }
        s->box.network.port_count = 0;
    }
}

static void add_bind(struct spec *s, char *source, const char *destination, const char *option)
{
    struct spec_mount *m = spec_add_mount(s);

    m->type = xstrdup("bind");
    m->source = source;
    m->destination = xstrdup(destination);
    strv_push(&m->options, option);
}

/* --init and --tz are files of the host at a place in the container. Read-only: what writes to
 * /proc/1/exe must not reach the host's program. label=nested shows SELinux: whether it may be
 * asked for anything says the policy. */
static int add_host_files(struct spec *s, struct err *e)
{
    static const char SELINUX[] = "/sys/fs/selinux";

    if (strv_has(&s->linux_.label_options, "nested") && selinux_is_on()) {
        add_bind(s, xstrdup(SELINUX), SELINUX, "rw");
        (void)spec_parse_security_opt("unmask=/sys/fs/selinux", s, e);
    }
    if (s->box.init) {
        char *init = NULL;
        int r = proc_find_helper("rbox-init", &init, e);

        if (r < 0) {
            return r;
        }
        add_bind(s, init, SPEC_INIT_PATH, "ro");
    }
    if (s->box.tz != NULL && spec_find_mount(s, "/etc/localtime") == NULL) {
        autofree char *path = strcmp(s->box.tz, "local") == 0
                                  ? xstrdup("/etc/localtime")
                                  : xasprintf("/usr/share/zoneinfo/%s", s->box.tz);
        char *real = realpath(path, NULL);

        if (real == NULL) {
            return err_set(e, errno, "--tz: cannot use '%s'", path);
        }
        add_bind(s, real, "/etc/localtime", "ro");
    }
    return 0;
}

/* Sockets that systemd opened for the caller (sd_listen_fds(3)) are passed on to the command:
 * native speed, whatever the network. They are meant for one pid, which is that of PID 1. */
static int take_sockets(struct spec *s, struct err *e)
{
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    int64_t count = 0;
    int64_t meant = 0;
    struct err ignored = {0};

    if (pid == NULL || fds == NULL || parse_int64(pid, 1, INT32_MAX, &meant, &ignored) < 0 ||
        meant != getpid() || parse_int64(fds, 1, SOCKETS_MAX, &count, &ignored) < 0) {
        return 0;
    }
    if (s->box.detach || s->box.init || s->linux_.namespaces[SPEC_NS_PID].mode != SPEC_NS_PRIVATE) {
        return err_new(e, EINVAL,
                       "sockets of the caller's (LISTEN_FDS) are for PID 1 of a container in the "
                       "foreground: not with --detach, --init or --pid");
    }
    if (s->box.preserve_fds < count) {
        s->box.preserve_fds = (unsigned int)count;
    }
    spec_env_set(&s->process.env, "LISTEN_PID", "1");
    spec_env_set(&s->process.env, "LISTEN_FDS", fds);
    if (names != NULL) {
        spec_env_set(&s->process.env, "LISTEN_FDNAMES", names);
    }
    return 0;
}

/* --replace: a container that has the name goes, running or not. */
static int replace_container(const struct store *store, const char *name, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct stopping stopping = STOPPING_INIT;
    autoneeds struct needs needs = {0};
    int r = find_container(store, name, &f, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    r = r < 0 ? r : needs_read(store, /* running_only= */ 0, &needs, e);
    return r < 0 ? r : container_remove(store, &f, &needs, &stopping, e);
}

/* Before the image's volumes, which give way to them. */
static int add_given(struct ctx *ctx, struct run_options *o, struct err *e)
{
    struct spec *s = &o->request.spec;
    struct store *store = NULL;
    int r = 0;

    if (o->volumes_from.len == 0 && o->secrets.len == 0) {
        return 0;
    }
    r = ctx_store(ctx, &store, e);
    r = r < 0 ? r : given_secrets(store, &o->secrets, s, e);
    return r < 0 ? r : given_volumes(store, &o->volumes_from, s, e);
}

/* --rmi: the container is gone, its image may follow. That it can't changes nothing of how the
 * command ended, or that it was none. */
static void remove_image(const struct store *store, const struct spec *s)
{
    struct err e = {0};
    int r = s->box.image_name != NULL ? image_use_rmi(store, s->box.image_name, &e) : 0;

    if (r < 0 && r != -EBUSY && r != -ENOENT) {
        warn("--rmi: %s", e.msg);
    }
}

/* A detached one still lives: somebody has to wait for its end, and nobody else is there. */
static _Noreturn void wait_to_remove_image(const struct store *store, const struct spec *s,
                                           const struct found *f)
{
    const int keep[] = {store->dir_fd, store->layers_fd, store->containers_fd, store->run_fd,
                        f->run_fd};
    struct err ignored = {0};

    (void)prctl(PR_SET_NAME, "rbox-rmi");
    process_detach(keep, sizeof(keep) / sizeof(keep[0]));
    (void)control_wait(f, CONTROL_FOREVER, &ignored);
    remove_image(store, s);
    _exit(EXITCODE_OK);
}

static void remove_image_at_end(const struct store *store, const struct spec *s)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct err e = {0};
    pid_t pid = -1;

    if (find_container(store, s->box.id, &f, &e) < 0) {
        remove_image(store, s);
        return;
    }
    pid = fork();
    if (pid == 0) {
        wait_to_remove_image(store, s, &f);
    }
    if (pid < 0) {
        warn("--rmi: cannot fork (%s): rbox wait %s && rbox rmi %s", strerror(errno), s->box.name,
             s->box.image_name);
    }
}

static int run_image(struct ctx *ctx, struct run_options *o, struct image *image, int argc,
                     char **argv, struct err *e)
{
    struct spec *s = &o->request.spec;
    struct box_options box = {.mode = s->box.detach ? SUPERVISE_DETACHED : SUPERVISE_FOREGROUND,
                              .detach_keys = &o->detach_keys,
                              .cidfile = o->cidfile,
                              .pidfile = o->pidfile,
                              .image_lock_fd = image != NULL ? &image->lock_fd : NULL};
    struct store *store = NULL;
    int r = add_given(ctx, o, e);

    r = r < 0 ? r : spec_merge(&o->request, image != NULL ? &image->config : NULL, argc, argv, e);

    if (r < 0) {
        return r;
    }
    r = add_host_files(s, e);
    r = r < 0 || o->action != box_run ? r : take_sockets(s, e);
    if (r < 0) {
        return r;
    }
    take_globals(s, ctx);
    if (image != NULL) {
        take_image(s, image);
    }
    drop_ports(s);
    absolute_net_log(s);
    if (o->dry_run) {
        autofree char *text = spec_json_write(s);

        (void)puts(text);
        return 0;
    }
    s->box.created_ns = clock_realtime_ns();
    r = ctx_store(ctx, &store, e);
    r = r < 0 ? r : network_check(store, s, e);
    r = r < 0 ? r : storage_choose(store, s, e);
    r = r < 0 ? r : label_choose(s, e);
    r = r < 0 ? r : make_sources(store, s, e);
    r = r < 0 || !o->replace ? r : replace_container(store, s->box.name, e);
    r = r < 0 || o->action != box_run ? r : dependencies_start(store, s, e);
    if (r < 0) {
        return r;
    }
    needed_mark(store, s);
    if (s->process.attached == SPEC_STDIN && o->action == box_run) { /* podman's way to tell it */
        (void)puts(s->box.id);
        (void)fflush(stdout);
    }
    r = o->action(store, s, &box, e);
    if (o->rmi && image != NULL && (r >= 0 || e->exit_code > EXITCODE_RBOX)) {
        close_fd(&image->lock_fd); /* our own would keep it waiting */
        remove_image_at_end(store, s);
    }
    if (r == 0 && (s->box.detach || o->action == box_create)) {
        (void)puts(s->box.id);
    }
    return r;
}

static int check_rmi(struct run_options *o, struct err *e)
{
    struct spec *s = &o->request.spec;

    if (o->rmi && o->action != box_run) {
        (void)err_new(e, EINVAL, "--rmi is for `rbox run`");
        return err_hint(e, "rbox start -a NAME && rbox rm NAME && rbox rmi IMAGE");
    }
    s->box.remove |= o->rmi;
    return 0;
}

static int check_attach(const struct run_options *o, struct err *e)
{
    const struct spec *s = &o->request.spec;
    int attached = s->process.attached;

    if (attached == 0 || o->action != box_run) { /* of one that is created start -a says it */
        return 0;
    }
    if (s->box.detach) {
        (void)err_new(e, EINVAL, "--attach is for the foreground, and --detach is asked for, too");
        return err_hint(e, "leave one out; later: rbox attach, rbox logs");
    }
    if (s->process.terminal && (attached & SPEC_STDOUT) == 0) {
        return err_new(e, EINVAL, "a terminal has one output: --tty with --attach stdout");
    }
    return 0;
}

int run_container(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct run_options *o = options;
    struct spec *s = &o->request.spec;
    struct store *store = NULL;
    struct image image = {.lock_fd = -1};
    struct pull_options pull = {0};
    struct progress progress = {0};
    int r = ctx_store(ctx, &store, e);

    r = r < 0 ? r : check_rmi(o, e);
    r = r < 0 ? r : check_attach(o, e);
    r = r < 0 ? r : dependencies_resolve(store, s, e);
    r = r < 0 ? r : join_resolve(store, s, e); /* first: which layers fit depends on the ids */
    if (r < 0) {
        return r;
    }
    (void)probe_notice(HINT_GROUP_PATH, &(struct probe_host){.store = store, .wanted = s}, NULL);
    if (s->box.rootfs != NULL) {
        r = absolute_rootfs(s, e);
        return r < 0 ? r : run_image(ctx, o, NULL, argc, argv, e);
    }
    if (argc < 1) {
        (void)err_new(e, EINVAL, "rbox %s needs an image",
                      o->action == box_create ? "create" : "run");
        return err_hint(e, "rbox run busybox");
    }
    store->unpacking = o->unpacking;
    one_id_notice(store, s);
    r = registry_options_read(&o->registry, &progress, &pull, e);
    r = r < 0 ? r
              : image_resolve(
                    store,
                    &(struct image_request){.name = argv[0], .pull = o->pull, .registry = &pull},
                    &image, e);
    progress_done(&progress);
    r = image_use_brought(store, r);
    r = r < 0 ? r : own_user_choose(store, &image, &o->request, e);
    r = r < 0 ? r
              : image_layers(store, &image, &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
    r = r < 0 ? r : run_image(ctx, o, &image, argc - 1, argv + 1, e);
    image_done(&image);
    return r;
}
