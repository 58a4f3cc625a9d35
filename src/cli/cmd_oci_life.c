/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox oci create, start, run, exec, kill, delete. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/oci.h"
#include "cli/run_options.h"
#include "spec/bundle.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    PROCESS_BYTES_MAX = 16 << 20
};

/* clang-format off */
#define BUNDLE_ROWS \
    {"bundle", 'b', "DIR", OPT_STRING, OCI_FIELD(bundle), "the folder with config.json (default: the current)", NULL}
#define PROCESS_ROWS \
    {"pid-file", 0, "FILE", OPT_STRING, OCI_FIELD(pid_file), "write the process's pid there", NULL}, \
    {"console-socket", 0, "SOCKET", OPT_STRING, OCI_FIELD(console_socket), "give the terminal to whoever listens there", NULL}, \
    {"preserve-fds", 0, "N", OPT_PARSE, OCI_FIELD(spec), "pass descriptors 3 to 2+N on", spec_parse_preserve_fds}

static const struct opt CREATE_OPTIONS[] = {BUNDLE_ROWS, PROCESS_ROWS, {0}};
static const struct opt RUN_OPTIONS_[] = {
    BUNDLE_ROWS,
    PROCESS_ROWS,
    {"detach", 'd', NULL, OPT_FLAG, OCI_FIELD(detach), "return when it runs", NULL},
    {"keep", 0, NULL, OPT_FLAG, OCI_FIELD(keep), "do not delete it at its end", NULL},
    {0}};
static const struct opt EXEC_OPTIONS[] = {
    PROCESS_ROWS,
    {"process", 'p', "FILE", OPT_STRING, OCI_FIELD(process), "the process, as in config.json, instead of a command", NULL},
    {"tty", 't', NULL, OPT_FLAG, OCI_FIELD(tty), "give it a terminal", NULL},
    {"detach", 'd', NULL, OPT_FLAG, OCI_FIELD(detach), "return when it runs", NULL},
    {"cwd", 0, "DIR", OPT_PARSE, OCI_FIELD(cwd), "where it starts", spec_parse_workdir},
    {"user", 'u', "UID[:GID]", OPT_PARSE, OCI_FIELD(user), "who runs it", spec_parse_user},
    {"env", 'e', "NAME=VALUE", OPT_PARSE, OCI_FIELD(env), "a variable more", run_option_env},
    {0}};
static const struct opt KILL_OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, OCI_FIELD(all), "every process of its cgroup", NULL}, {0}};
static const struct opt DELETE_OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, OCI_FIELD(force), "end it first; one that is not there is no error", NULL}, {0}};

static const struct opt_refused CREATE_REFUSED[] = {
    {"no-pivot", 0, "the root is always pivoted into"},
    {"no-new-keyring", 0, "each container has a session keyring of its own"},
    {"no-subreaper", 0, NULL},
    {0}};
static const struct opt_refused EXEC_REFUSED[] = {
    {"cap", 'c', "--process FILE"}, {"no-new-privs", 0, "--process FILE"}, {"apparmor", 0, NULL},
    {"process-label", 0, NULL}, {"cgroup", 0, NULL}, {0}};
/* clang-format on */

static int create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int start(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int exec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int kill_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int delete_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_oci_create = OCI_CMD("create", "[options] ID", "make a bundle's container",
                                          CREATE_OPTIONS, 1, 1, create, CREATE_REFUSED);
const struct cmd cmd_oci_start =
    OCI_CMD("start", "ID", "start one that was created", NULL, 1, 1, start, NULL);
const struct cmd cmd_oci_run = OCI_CMD("run", "[options] ID", "create, start, wait and delete",
                                       RUN_OPTIONS_, 1, 1, run, CREATE_REFUSED);
const struct cmd cmd_oci_exec =
    OCI_CMD("exec", "[options] ID [COMMAND [ARG…]]", "run one more process in it", EXEC_OPTIONS, 1,
            CMD_ANY_ARGS, exec, EXEC_REFUSED, .stop_at_operand = 1);
const struct cmd cmd_oci_kill = OCI_CMD("kill", "[options] ID [SIGNAL]", "send it a signal (TERM)",
                                        KILL_OPTIONS, 1, 2, kill_one, NULL);
const struct cmd cmd_oci_delete = OCI_CMD("delete", "[options] ID", "remove one that has ended",
                                          DELETE_OPTIONS, 1, 1, delete_one, NULL);

static struct oci_options core_options(const struct ctx *ctx, const struct oci_cmd_options *o)
{
    return (struct oci_options){.bundle = o->bundle,
                                .pid_file = o->pid_file,
                                .console_socket = o->console_socket,
                                .preserve_fds = o->spec.box.preserve_fds,
                                .systemd_cgroup = str_eq(ctx->cgroup_manager, "systemd")};
}

/* ---- create, start */

static int create(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_options o = core_options(ctx, options);
    autoclose int root_fd = -1;
    autoclose int pidfd = -1;
    int r = oci_open_root(ctx, &root_fd, e);

    (void)argc;
    return r < 0 ? r : oci_create(root_fd, argv[0], &o, &pidfd, e);
}

static int start(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autoclose int root_fd = -1;
    int r = oci_open(ctx, argv[0], &root_fd, &st, e);

    (void)options;
    (void)argc;
    return r < 0 ? r : oci_start(&st, e);
}

/* ---- run */

static void block_signals(void)
{
    sigset_t set;

    (void)sigfillset(&set);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
}

static int wait_for(int *pidfd, struct err *e)
{
    autoclose int signal_fd = -1;
    sigset_t set;
    int status = 0;
    int r = 0;

    (void)sigfillset(&set);
    block_signals();
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    for (;;) {
        struct pollfd p[2] = {{.fd = *pidfd, .events = POLLIN},
                              {.fd = signal_fd, .events = POLLIN}};
        struct signalfd_siginfo info;

        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            return err_set(e, errno, "cannot wait");
        }
        if (p[0].revents != 0) {
            break;
        }
        if (p[1].revents != 0 && read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
            info.ssi_signo != SIGCHLD) {
            (void)proc_signal(*pidfd, (int)info.ssi_signo);
        }
    }
    r = proc_wait(*pidfd, PROC_FOREVER, &status, e);
    close_fd(pidfd);
    return r < 0 ? r : status;
}

static int run(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *asked = options;
    const struct oci_options o = core_options(ctx, asked);
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    struct err ignored = {0};
    autoclose int root_fd = -1;
    autoclose int pidfd = -1;
    int status = 0;
    int r = oci_open_root(ctx, &root_fd, e);

    (void)argc;
    block_signals(); /* one that comes from here on is passed on */
    r = r < 0 ? r : oci_create(root_fd, argv[0], &o, &pidfd, e);
    if (r < 0) {
        return r;
    }
    r = oci_state_open(root_fd, argv[0], &st, e);
    r = r < 0 ? r : oci_start(&st, e);
    if (r == 0 && asked->detach) {
        return 0;
    }
    status = r < 0 ? r : wait_for(&pidfd, e);
    if (r < 0) {
        proc_kill_reap(&pidfd);
    }
    if (r < 0 || !asked->keep) {
        (void)oci_delete(&st, /* force= */ 1, r < 0 || status < 0 ? &ignored : e);
    }
    return status;
}

/* ---- exec */

/* By words: the container's process, with what the options change. */
static void set_words(struct spec *s, const struct oci_cmd_options *o, char **argv)
{
    struct spec_process *p = &s->process;

    p->terminal = o->tty;
    strv_done(&p->args);
    for (; *argv != NULL; argv++) {
        strv_push(&p->args, *argv);
    }
    for (size_t i = 0; i < o->env.len; i++) {
        autofree char *name = xstrndup(o->env.v[i], strcspn(o->env.v[i], "="));

        if (o->env.v[i][strlen(name)] == '=') {
            spec_env_set(&p->env, name, o->env.v[i] + strlen(name) + 1);
        }
    }
    xreplace(&p->cwd, o->cwd);
    xreplace(&p->user, o->user);
}

static int set_process(struct spec *s, const struct oci_cmd_options *o, char **argv, struct err *e)
{
    autofree char *text = NULL;
    size_t len = 0;
    int r = 0;

    s->box.preserve_fds = o->spec.box.preserve_fds;
    if (o->process == NULL && argv[0] == NULL) {
        return err_new(e, EINVAL, "exec needs a command, or --process FILE");
    }
    if (o->process == NULL) {
        set_words(s, o, argv);
    } else {
        r = file_read_followed(AT_FDCWD, o->process, PROCESS_BYTES_MAX, &text, &len, e);
        r = r < 0 ? r : bundle_read_process(text, len, s, e);
    }
    if (r == 0 && (s->process.terminal || o->tty) != (o->console_socket != NULL)) {
        return err_new(e, EINVAL, "a terminal and --console-socket go together");
    }
    return r;
}

static int exec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    const struct oci_options core = core_options(ctx, o);
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    struct spec s = {0};
    autoclose int root_fd = -1;
    autoclose int pidfd = -1;
    int r = oci_open(ctx, argv[0], &root_fd, &st, e);

    (void)argc;
    r = r < 0 ? r : oci_state_spec(&st, &s, e);
    r = r < 0 ? r : set_process(&s, o, argv + 1, e);
    r = r < 0 ? r : oci_exec(&st, &s, &core, &pidfd, e);
    spec_done(&s);
    return r < 0 || o->detach ? r : wait_for(&pidfd, e);
}

/* ---- kill, delete */

static int kill_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autoclose int root_fd = -1;
    int signo = SIGTERM;
    int r = argc > 1 ? spec_parse_signal(argv[1], &signo, e) : 0;

    r = r < 0 ? r : oci_open(ctx, argv[0], &root_fd, &st, e);
    return r < 0 ? r : oci_kill(&st, signo, o->all, e);
}

static int delete_one(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct oci_cmd_options *o = options;
    auto_oci_state struct oci_state st = OCI_STATE_INIT;
    autoclose int root_fd = -1;
    int r = oci_open(ctx, argv[0], &root_fd, &st, e);

    (void)argc;
    if (r == -ENOENT && o->force) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : oci_delete(&st, o->force, e);
}
