/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image config + options → spec: precedence and contradictions (issue 2). */
#include "box/caps.h"
#include "spec/spec_merge.h"
#include "spec/spec_name.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct spec_request q;
    struct image_config image;
    struct err e;
};

static struct fixture new_fixture(void)
{
    struct fixture f = {0};

    spec_request_init(&f.q);
    return f;
}

static void done(struct fixture *f)
{
    spec_request_done(&f->q);
    strv_done(&f->image.entrypoint);
    strv_done(&f->image.cmd);
    strv_done(&f->image.env);
    strv_done(&f->image.volumes);
    strv_done(&f->image.exposed_ports);
    strv_done(&f->image.labels);
}

static int merge(struct fixture *f, const char *command)
{
    struct strv words = {0};
    int r = 0;

    strv_split(&words, command, ' ');
    r = spec_merge(&f->q, &f->image, (int)words.len, words.v, &f->e);
    strv_done(&words);
    return r;
}

static char *joined(const struct strv *l)
{
    struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < l->len; i++) {
        buf_printf(&b, "%s%s", i > 0 ? "|" : "", l->v[i]);
    }
    return b.data;
}

static void assert_list(const struct strv *l, const char *expected)
{
    char *text = joined(l);

    assert_string_equal(text, expected);
    free(text);
}

/* ---- command */

static void the_command_follows_entrypoint_and_cmd(void **unused)
{
    static const struct {
        const char *entrypoint; /* of the image */
        const char *cmd;
        const char *option; /* --entrypoint */
        const char *command;
        const char *args; /* NULL: refused */
    } rows[] = {
        {"", "sh", NULL, "", "sh"},
        {"", "sh", NULL, "ls -l", "ls|-l"},
        {"/init -x", "sh", NULL, "", "/init|-x|sh"},
        {"/init -x", "sh", NULL, "ls", "/init|-x|ls"},
        {"/init", "sh", "/my", "", "/my"},
        {"/init", "sh", "/my", "a b", "/my|a|b"},
        {"/init", "sh", "[\"/my\", \"-x y\"]", "a", "/my|-x y|a"},
        {"/init", "sh", "", "ls", "ls"},
        {"/init", "sh", "", "", NULL},
        {"", "", NULL, "", NULL},
        {"", "", "[\"x\", 1]", "", NULL},
        {"", "", "[\"x\"", "", NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = new_fixture();

        strv_split(&f.image.entrypoint, rows[i].entrypoint, ' ');
        strv_split(&f.image.cmd, rows[i].cmd, ' ');
        f.q.entrypoint = rows[i].option != NULL ? strdup(rows[i].option) : NULL;
        if (rows[i].args == NULL) {
            assert_int_equal(merge(&f, rows[i].command), -EINVAL);
        } else {
            assert_int_equal(merge(&f, rows[i].command), 0);
            assert_list(&f.q.spec.process.args, rows[i].args);
        }
        done(&f);
    }
}

/* ---- environment */

static void later_sources_of_variables_win(void **unused)
{
    static const char *const host[] = {"http_proxy=hp", "HTTPS_PROXY=hps", "A=host", "LC_ALL=C",
                                       "LC_X=y",        "HOSTONLY=1",      NULL};
    struct fixture f = new_fixture();
    const struct strv *env = &f.q.spec.process.env;

    (void)unused;
    f.q.host_env = host;
    strv_push(&f.image.env, "A=image");
    strv_push(&f.image.env, "B=image");
    strv_push(&f.image.env, "C=image");
    strv_push(&f.image.env, "http_proxy=image");
    strv_push(&f.image.env, "PATH=/image");
    strv_push(&f.image.env, "HOSTONLY"); /* a bare name of an image copies nothing */
    strv_push(&f.q.env_file, "B=file");
    strv_push(&f.q.env_file, "C=file");
    strv_push(&f.q.env, "C=option");
    strv_push(&f.q.env, "A");
    strv_push(&f.q.env, "LC_*");
    strv_push(&f.q.env, "NOT_THERE");
    strv_push(&f.q.env, "D=a=b");
    strv_push(&f.q.env, "EMPTY=");
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(spec_env_get(env, "A"), "host");
    assert_string_equal(spec_env_get(env, "B"), "file");
    assert_string_equal(spec_env_get(env, "C"), "option");
    assert_string_equal(spec_env_get(env, "http_proxy"), "hp");
    assert_string_equal(spec_env_get(env, "HTTPS_PROXY"), "hps");
    assert_string_equal(spec_env_get(env, "PATH"), "/image");
    assert_string_equal(spec_env_get(env, "LC_ALL"), "C");
    assert_string_equal(spec_env_get(env, "LC_X"), "y");
    assert_string_equal(spec_env_get(env, "D"), "a=b");
    assert_string_equal(spec_env_get(env, "EMPTY"), "");
    assert_string_equal(spec_env_get(env, "container"), "rbox");
    assert_string_equal(spec_env_get(env, "HOSTNAME"), f.q.spec.hostname);
    assert_null(spec_env_get(env, "HOSTONLY"));
    assert_null(spec_env_get(env, "NOT_THERE"));
    assert_null(spec_env_get(env, "TERM"));
    done(&f);
}

static void unset_takes_away_what_the_user_did_not_give(void **unused)
{
    static const char *const host[] = {"A=host", "B=host", NULL};
    struct fixture f = new_fixture();
    const struct strv *env = &f.q.spec.process.env;

    (void)unused;
    f.q.host_env = host;
    f.q.env_host = 1;
    f.q.http_proxy = 0;
    f.q.spec.process.terminal = 1;
    strv_push(&f.image.env, "A=image");
    strv_push(&f.image.env, "AA=image");
    strv_push(&f.image.env, "C=image");
    strv_push(&f.q.unset_env, "A");
    strv_push(&f.q.unset_env, "C");
    strv_push(&f.q.env, "C=option");
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(spec_env_get(env, "A"), "host"); /* --env-host comes after */
    assert_string_equal(spec_env_get(env, "AA"), "image");
    assert_string_equal(spec_env_get(env, "C"), "option");
    assert_string_equal(spec_env_get(env, "TERM"), "xterm");
    done(&f);

    f = new_fixture();
    f.q.unset_env_all = 1;
    strv_push(&f.image.env, "A=image");
    strv_push(&f.q.env, "D=1");
    assert_int_equal(merge(&f, "sh"), 0);
    assert_list(&f.q.spec.process.env, "D=1");
    done(&f);
}

static void files_of_variables_have_comments(void **unused)
{
    struct strv list = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(spec_parse_lines("# no\n\n A=1\nB=x # y\r\nC\n  \nD=\nE=a b", "f", &list, &e),
                     0);
    assert_list(&list, "A=1|B=x # y|C|D=|E=a b");
    assert_int_equal(spec_parse_lines("A=1\nB C=2\n", "f", &list, &e), -EINVAL);
    assert_string_equal(e.msg, "line 2 of 'f' is not NAME=VALUE");
    assert_int_equal(spec_parse_lines("=1", "f", &list, &e), -EINVAL);
    strv_done(&list);
}

/* ---- capabilities */

static void capabilities_are_added_and_dropped(void **unused)
{
    static const struct {
        const char *add; /* apart by blanks */
        const char *drop;
        int has_chown;
        int has_net_raw;
        int ambient_net_raw;
        int refused;
    } rows[] = {
        {"", "", 1, 0, 0, 0},
        {"NET_RAW", "", 1, 1, 1, 0},
        {"cap_net_raw", "", 1, 1, 1, 0},
        {"", "CHOWN", 0, 0, 0, 0},
        {"", "ALL", 0, 0, 0, 0},
        {"NET_RAW", "ALL", 0, 1, 1, 0},
        {"NET_RAW,CHOWN", "all", 1, 1, 1, 0},
        {"ALL", "", 1, 1, 1, 0},
        {"ALL", "NET_RAW", 1, 0, 0, 0},
        {"ALL", "ALL", 0, 0, 0, 1},
        {"NET_RAW", "NET_RAW", 0, 0, 0, 1},
        {"NET_ROW", "", 0, 0, 0, 1},
        {"", "CHWON", 0, 0, 0, 1},
    };
    uint64_t chown = 0;
    uint64_t net_raw = 0;
    struct err ignored = {0};

    (void)unused;
    assert_int_equal(caps_parse("CHOWN", &chown, &ignored), 0);
    assert_int_equal(caps_parse("NET_RAW", &net_raw, &ignored), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = new_fixture();
        const struct spec_caps *c = &f.q.spec.process.capabilities;

        strv_split(&f.q.cap_add, rows[i].add, ' ');
        strv_split(&f.q.cap_drop, rows[i].drop, ' ');
        if (rows[i].refused) {
            assert_int_equal(merge(&f, "sh"), -EINVAL);
        } else {
            assert_int_equal(merge(&f, "sh"), 0);
            assert_int_equal((c->bounding & chown) != 0, rows[i].has_chown);
            assert_int_equal((c->bounding & net_raw) != 0, rows[i].has_net_raw);
            assert_int_equal((c->ambient & net_raw) != 0, rows[i].ambient_net_raw);
            assert_true(c->permitted == c->bounding && c->effective == c->bounding);
            assert_true(c->inheritable == 0);
        }
        done(&f);
    }
}

static void privileged_is_root_inside(void **unused)
{
    struct fixture f = new_fixture();
    uint64_t all = 0;

    (void)unused;
    assert_int_equal(caps_parse("ALL", &all, &f.e), 0);
    f.q.spec.box.privileged = 1;
    assert_int_equal(merge(&f, "sh"), 0);
    assert_true(f.q.spec.process.capabilities.bounding == all);
    assert_int_equal(f.q.spec.linux_.seccomp.mode, SPEC_SECCOMP_UNCONFINED);
    assert_int_equal(f.q.spec.linux_.masked_paths.len, 0);
    done(&f);

    f = new_fixture();
    f.q.spec.box.nested = 1;
    assert_int_equal(merge(&f, "sh"), 0);
    assert_int_equal(f.q.spec.linux_.seccomp.mode, SPEC_SECCOMP_NESTED);
    done(&f);
}

/* ---- what else an image says */

static void options_win_over_the_image(void **unused)
{
    struct fixture f = new_fixture();
    char dir[] = "src//x/..";
    char user[] = "www:www";
    char signal[] = "SIGQUIT";

    (void)unused;
    f.image.working_dir = dir;
    f.image.user = user;
    f.image.stop_signal = signal;
    strv_push(&f.image.volumes, "/data/");
    strv_push(&f.image.volumes, "/cache");
    strv_push(&f.image.exposed_ports, "80/tcp");
    strv_push(&f.image.labels, "a=image");
    strv_push(&f.image.labels, "b=image");
    strv_push(&f.q.labels, "b=option");
    assert_int_equal(spec_parse_tmpfs("/cache", &f.q.spec, &f.e), 0);
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(f.q.spec.process.cwd, "/src");
    assert_string_equal(f.q.spec.process.user, "www:www");
    assert_int_equal(f.q.spec.box.stop_signal, SIGQUIT);
    assert_int_equal(f.q.spec.mount_count, 2);
    assert_string_equal(spec_find_mount(&f.q.spec, "/cache")->type, "tmpfs");
    assert_string_equal(spec_find_mount(&f.q.spec, "/data")->type, "volume");
    assert_int_equal(spec_find_mount(&f.q.spec, "/data")->from_image, 1);
    assert_int_equal(strlen(spec_find_mount(&f.q.spec, "/data")->volume_name), 64);
    assert_list(&f.q.spec.box.labels, "a=image|b=option");
    assert_list(&f.q.spec.box.network.exposed, "80/tcp");
    done(&f);

    f = new_fixture();
    f.image.working_dir = dir;
    f.image.user = user;
    f.image.stop_signal = signal;
    f.q.workdir = strdup("/w");
    f.q.user = strdup("7");
    f.q.stop_signal = SIGINT;
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(f.q.spec.process.cwd, "/w");
    assert_string_equal(f.q.spec.process.user, "7");
    assert_int_equal(f.q.spec.box.stop_signal, SIGINT);
    done(&f);
}

static void an_image_s_nonsense_is_refused(void **unused)
{
    struct fixture f = new_fixture();
    char signal[] = "SIGNONE";

    (void)unused;
    f.image.stop_signal = signal;
    assert_int_equal(merge(&f, "sh"), -EINVAL);
    assert_string_equal(f.e.msg,
                        "the image's stop signal: 'SIGNONE' is not a signal such as TERM or 15");
    done(&f);

    f = new_fixture();
    strv_push(&f.image.volumes, "/");
    assert_int_equal(merge(&f, "sh"), -EINVAL);
    done(&f);
}

static void keep_id_runs_as_the_caller(void **unused)
{
    struct fixture f = new_fixture();
    char user[] = "www";

    (void)unused;
    f.image.user = user;
    f.q.caller_uid = 1234;
    f.q.caller_gid = 1235;
    assert_int_equal(spec_parse_userns("keep-id", &f.q.spec, &f.e), 0);
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(f.q.spec.process.user, "1234:1235");
    done(&f);

    f = new_fixture();
    assert_int_equal(spec_parse_userns("keep-id:uid=7,gid=8", &f.q.spec, &f.e), 0);
    assert_int_equal(merge(&f, "sh"), 0);
    assert_string_equal(f.q.spec.process.user, "7:8");
    done(&f);
}

static void one_map_serves_both_kinds_of_ids(void **unused)
{
    struct fixture f = new_fixture();

    (void)unused;
    assert_int_equal(spec_parse_uidmap("0:0:10", &f.q.spec, &f.e), 0);
    assert_int_equal(merge(&f, "sh"), 0);
    assert_list(&f.q.spec.linux_.userns.gidmap, "0:0:10");
    done(&f);
}

static void names_and_ids_are_made_up(void **unused)
{
    struct fixture f = new_fixture();
    char *other = NULL;

    (void)unused;
    assert_int_equal(merge(&f, "sh"), 0);
    assert_int_equal(strlen(f.q.spec.box.id), 64);
    assert_int_equal(strspn(f.q.spec.box.id, "0123456789abcdef"), 64);
    assert_int_equal(strlen(f.q.spec.hostname), 12);
    assert_memory_equal(f.q.spec.hostname, f.q.spec.box.id, 12);
    assert_int_equal(spec_parse_name(f.q.spec.box.name, &other, &f.e), 0);
    free(other);
    assert_int_equal(spec_make_id(&other, &f.e), 0);
    assert_string_not_equal(other, f.q.spec.box.id);
    free(other);
    done(&f);
}

/* ---- contradictions */

typedef int parser(const char *value, void *spec, struct err *e);

static void contradictions_are_refused_by_both_names(void **unused)
{
    static const struct {
        parser *parse[2];
        const char *value[2];
        const char *message;
    } rows[] = {
        {{spec_parse_sysctl, spec_parse_network},
         {"net.ipv4.ip_forward=1", "host"},
         "--sysctl 'net.ipv4.ip_forward=1' would be set for the host, with --network host"},
        {{spec_parse_group_add, spec_parse_group_add},
         {"keep-groups", "7"},
         "--group-add keep-groups and another --group-add contradict each other"},
        {{spec_parse_publish, spec_parse_network},
         {"80", "container:web"},
         "--publish and --network container: contradict each other"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = new_fixture();

        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(rows[i].parse[k](rows[i].value[k], &f.q.spec, &f.e), 0);
        }
        assert_int_equal(merge(&f, "sh"), -EINVAL);
        assert_string_equal(f.e.msg, rows[i].message);
        done(&f);
    }
}

static void a_sysctl_of_a_host_namespace_is_the_hosts(void **unused)
{
    static const struct {
        const char *sysctl;
        enum spec_ns ns;
    } rows[] = {{"kernel.shmmax=1", SPEC_NS_IPC},
                {"fs.mqueue.msg_max=1", SPEC_NS_IPC},
                {"kernel.domainname=x", SPEC_NS_UTS}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = new_fixture();

        assert_int_equal(spec_parse_sysctl(rows[i].sysctl, &f.q.spec, &f.e), 0);
        f.q.spec.linux_.namespaces[rows[i].ns].mode = SPEC_NS_HOST;
        assert_int_equal(merge(&f, "sh"), -EINVAL);
        done(&f);

        f = new_fixture();
        assert_int_equal(spec_parse_sysctl(rows[i].sysctl, &f.q.spec, &f.e), 0);
        f.q.spec.box.network.backend = SPEC_NET_HOST;
        assert_int_equal(merge(&f, "sh"), 0);
        done(&f);
    }
}

static void processors_are_said_once(void **unused)
{
    struct fixture f = new_fixture();

    (void)unused;
    f.q.cpus_quota_us = 150000;
    assert_int_equal(merge(&f, "sh"), 0);
    assert_int_equal(f.q.spec.linux_.resources.cpu_quota_us, 150000);
    assert_int_equal(f.q.spec.linux_.resources.cpu_period_us, 100000);
    done(&f);

    f = new_fixture();
    f.q.cpus_quota_us = 150000;
    f.q.spec.linux_.resources.cpu_period_us = 50000;
    assert_int_equal(merge(&f, "sh"), -EINVAL);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_follows_entrypoint_and_cmd),
        cmocka_unit_test(later_sources_of_variables_win),
        cmocka_unit_test(unset_takes_away_what_the_user_did_not_give),
        cmocka_unit_test(files_of_variables_have_comments),
        cmocka_unit_test(capabilities_are_added_and_dropped),
        cmocka_unit_test(privileged_is_root_inside),
        cmocka_unit_test(options_win_over_the_image),
        cmocka_unit_test(an_image_s_nonsense_is_refused),
        cmocka_unit_test(keep_id_runs_as_the_caller),
        cmocka_unit_test(one_map_serves_both_kinds_of_ids),
        cmocka_unit_test(names_and_ids_are_made_up),
        cmocka_unit_test(contradictions_are_refused_by_both_names),
        cmocka_unit_test(a_sysctl_of_a_host_namespace_is_the_hosts),
        cmocka_unit_test(processors_are_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
