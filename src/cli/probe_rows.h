/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probes that probe.c puts into its table, and what they share. */
#ifndef RBOX_CLI_PROBE_ROWS_H
#define RBOX_CLI_PROBE_ROWS_H

#include "cli/probe.h"

typedef void probe_fn(const struct probe_host *h, struct probe_result *r);

/* Ids: probe_ids.c. */
probe_fn probe_helpers;
probe_fn probe_subids;
probe_fn probe_overlap;
probe_fn probe_subid_source;

/* Devices, network, limits and the session: probe_session.c. */
probe_fn probe_fuse;
probe_fn probe_slirp;
probe_fn probe_tun;
probe_fn probe_ping;
probe_fn probe_ports;
probe_fn probe_cgroup;
probe_fn probe_controllers;
probe_fn probe_bus;
probe_fn probe_runtime_dir;
probe_fn probe_linger;
probe_fn probe_rlimits;
probe_fn probe_outer;

/* What a container brings along, and what was left: probe_paths.c. */
probe_fn probe_sources;
probe_fn probe_group_paths;
probe_fn probe_selinux;
probe_fn probe_landlock;
probe_fn probe_leftovers;
probe_fn probe_boot_id;
probe_fn probe_emulators;
probe_fn probe_registry;

/* Takes @evidence. */
void probe_set(struct probe_result *r, enum probe_level level, char *evidence);

/* What @e's hint says mends what is found, as it does for a run. */
void probe_take_fix(struct probe_result *r, const struct err *e);

/* How bad is it that something is missing which most containers do not need? */
enum probe_level probe_lack(const struct probe_host *h);

/* The first number in file @path, or @missing. */
long probe_number(const char *path, long missing);

/* The caller's name. The caller owns it. */
char *probe_user(void);

#endif
