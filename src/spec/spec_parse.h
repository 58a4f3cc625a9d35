/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options → the spec: one parser for each kind of value.
 *
 * All have the shape of a row's parser in a table of options (cli/opts.h): @value as the user typed
 * it, the field it goes into, the error. Where the field is named @spec it is a whole struct spec.
 * A parser that adds to a list is called once for each option given. Messages say what is wrong
 * with the value; whoever knows the option's name puts it before them. Nothing of the host is
 * looked at but the working directory, for relative sources of volumes: whether a path exists is
 * for the merge or the core to find out. What is not wholly understood is refused. Errors: -EINVAL,
 * -ERANGE; -ENOTSUP for what docker or podman know and rbox does not yet. */
#ifndef RBOX_SPEC_SPEC_PARSE_H
#define RBOX_SPEC_SPEC_PARSE_H

#include "base/err.h"
#include "spec/spec.h"

/* ---- process, identity (spec_parse.c) */

int spec_parse_name(const char *value, void *string, struct err *e);    /* of containers, volumes */
int spec_parse_user(const char *value, void *string, struct err *e);    /* user[:group] */
int spec_parse_workdir(const char *value, void *string, struct err *e); /* absolute; cleaned */
int spec_parse_hostname(const char *value, void *string, struct err *e); /* as in RFC 1123 */
int spec_parse_tz(const char *value, void *string, struct err *e);
int spec_parse_umask(const char *value, void *number, struct err *e);  /* int, octal */
int spec_parse_signal(const char *value, void *number, struct err *e); /* int: TERM SIGTERM 15 */
int spec_parse_group_add(const char *value, void *spec, struct err *e);
int spec_parse_ulimit(const char *value, void *spec, struct err *e); /* name=soft[:hard] | host */
int spec_parse_oom_score_adj(const char *value, void *spec, struct err *e);
int spec_parse_preserve_fds(const char *value, void *spec, struct err *e);
int spec_parse_sdnotify(const char *value, void *spec, struct err *e);
int spec_parse_restart(const char *value, void *spec, struct err *e); /* on-failure[:N] … */
int spec_parse_rootfs(const char *value, void *spec, struct err *e);  /* DIR[:O] */
int spec_parse_pair(const char *value, void *list, struct err *e);    /* K=V into a strv; K is K= */

/* Names of RLIMIT_…: "nofile" or "RLIMIT_NOFILE" in any case → the number, or -1; and the OCI
 * spec's name of a number, which the caller owns. */
int spec_rlimit_number(const char *name);
char *spec_rlimit_oci_name(int resource);
char *spec_rlimit_text(const struct spec_rlimit *l); /* "nofile=1024:4096", for --ulimit */

/* ---- namespaces and confinement (spec_parse_linux.c) */

int spec_parse_namespace(const char *value, void *ns, struct err *e); /* struct spec_namespace */
int spec_parse_ipc(const char *value, void *spec, struct err *e);     /* also "shareable", "none" */
int spec_parse_userns(const char *value, void *spec, struct err *e);
int spec_parse_uidmap(const char *value, void *spec, struct err *e);
int spec_parse_gidmap(const char *value, void *spec, struct err *e);
int spec_parse_security_opt(const char *value, void *spec, struct err *e);
int spec_parse_sysctl(const char *value, void *spec, struct err *e); /* namespaced ones only */
int spec_parse_device(const char *value, void *spec, struct err *e); /* HOST[:INSIDE[:rwm]] */

/* ---- limits (spec_parse_limits.c) */

int spec_parse_memory_swap(const char *value, void *spec, struct err *e); /* bytes or -1 */
int spec_parse_cpus(const char *value, void *number, struct err *e); /* int64_t µs per 100 ms */
void spec_unset_zeros(struct spec_resources *r); /* of options whose 0 is docker's for none */
int spec_parse_cpuset(const char *value, void *string, struct err *e);   /* 0-3,5 */
int spec_parse_pids_limit(const char *value, void *spec, struct err *e); /* -1, 0: unlimited */
int spec_parse_read_bps(const char *value, void *spec, struct err *e);   /* DEVICE:RATE */
int spec_parse_write_bps(const char *value, void *spec, struct err *e);
int spec_parse_read_iops(const char *value, void *spec, struct err *e);
int spec_parse_write_iops(const char *value, void *spec, struct err *e);
int spec_parse_cgroups(const char *value, void *string, struct err *e);
int spec_parse_limits(const char *value, void *spec, struct err *e); /* strict | best-effort */
int spec_parse_log_driver(const char *value, void *string, struct err *e);
int spec_parse_log_opt(const char *value, void *spec, struct err *e); /* max-size=N */

/* ---- mounts (spec_parse_mount.c) */

int spec_parse_volume(const char *value, void *spec, struct err *e); /* [SOURCE:]PLACE[:OPTIONS] */
int spec_parse_mount(const char *value, void *spec, struct err *e);  /* type=…,src=…,dst=… */
int spec_parse_tmpfs(const char *value, void *spec, struct err *e);  /* PLACE[:OPTIONS] */

/* Absolute @path without "." and ".." and double slashes. The caller owns it. NULL: not absolute.
 */
char *spec_clean_path(const char *path);

/* The mount at @destination, or NULL. */
struct spec_mount *spec_find_mount(const struct spec *s, const char *destination);

/* ---- network (spec_parse_net.c) */

int spec_parse_network(const char *value, void *spec, struct err *e); /* MODE[:OPTION=VALUE,…] */
int spec_parse_publish(const char *value, void *spec, struct err *e);
int spec_parse_expose(const char *value, void *list, struct err *e); /* 80[-90][/udp] */
int spec_parse_allow_net(const char *value, void *spec, struct err *e);
int spec_parse_add_host(const char *value, void *list, struct err *e); /* NAME[;NAME…]:ADDRESS */
int spec_parse_dns(const char *value, void *list, struct err *e);      /* address, or none */
int spec_parse_dns_word(const char *value, void *list, struct err *e); /* search domain, option */

#endif
