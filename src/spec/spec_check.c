/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_check.h"

#include <errno.h>

static int is_host(const struct spec *s, enum spec_ns ns)
{
    return s->linux_.namespaces[ns].mode == SPEC_NS_HOST;
}

/* A sysctl of a namespace that is the host's would be the host's. */
static int check_sysctl(const struct spec *s, const char *setting, struct err *e)
{
    const char *option = NULL;

    if (str_after(setting, "net.") != NULL) {
        option = s->box.network.backend == SPEC_NET_HOST ? "--network host" : NULL;
    } else if (str_after(setting, "kernel.hostname") != NULL ||
               str_after(setting, "kernel.domainname") != NULL) {
        option = is_host(s, SPEC_NS_UTS) ? "--uts host" : NULL;
    } else {
        option = is_host(s, SPEC_NS_IPC) ? "--ipc host" : NULL;
    }
    if (option == NULL) {
        return 0;
    }
    return err_new(e, EINVAL, "--sysctl '%s' would be set for the host, with %s", setting, option);
}

int spec_check(const struct spec *s, struct err *e)
{
    const struct spec_network *n = &s->box.network;
    /* Its ports and its files of names are the target's. */
    const int is_joined = n->backend == SPEC_NET_CONTAINER;
    const struct {
        int wrong;
        const char *what;
    } RULES[] = {
        {s->hostname != NULL && is_host(s, SPEC_NS_UTS), "--hostname and --uts host"},
        {s->domainname != NULL && s->linux_.namespaces[SPEC_NS_UTS].mode != SPEC_NS_PRIVATE,
         "--domainname and --uts"},
        {n->no_hosts && n->add_hosts.len > 0, "--no-hosts and --add-host"},
        {strv_has(&n->dns, "none") && n->dns.len > 1, "--dns none and another --dns"},
        {s->box.remove && s->box.restart != SPEC_RESTART_NO, "--rm and --restart"},
        {s->process.keep_groups && s->process.additional_groups.len > 0,
         "--group-add keep-groups and another --group-add"},
        {s->box.nested && s->linux_.no_nested_userns,
         "--nested and --security-opt no-nested-userns"},
        {s->box.privileged && s->linux_.no_nested_userns,
         "--privileged and --security-opt no-nested-userns"},
        {s->box.detach && s->box.preserve_fds > 0, "--detach and --preserve-fds"},
        /* It would hold the caller's pipe open. */
        {s->box.detach && str_eq(n->net_log, "-"), "--detach and --net-log -"},
        {is_joined && (n->port_count > 0 || n->publish_all), "--publish and --network container:"},
        {is_joined && (n->dns.len > 0 || n->dns_search.len > 0 || n->dns_options.len > 0),
         "--dns and --network container:"},
        {is_joined && (n->add_hosts.len > 0 || n->no_hosts), "--add-host and --network container:"},
    };

    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        if (RULES[i].wrong) {
            return err_new(e, EINVAL, "%s contradict each other", RULES[i].what);
        }
    }
    for (size_t i = 0; i < s->linux_.sysctl.len; i++) {
        if (check_sysctl(s, s->linux_.sysctl.v[i], e) < 0) {
            return -e->errnum;
        }
    }
    return 0;
}
