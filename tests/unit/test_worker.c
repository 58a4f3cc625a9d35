/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process can do that parses a layer, and what is believed of what it says. Its parser is
 * one here that was taken over. */
#include "../../helpers/unpack/unpack.h"
#include "base/cleanup.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the worker calls of its program */

int layer_fill(const struct layer_options *o, feed *from, void *arg, struct layer_result *ret,
               struct err *e)
{
    char archive[8] = "";
    ssize_t n = read(STDIN_FILENO, archive, sizeof(archive));
    pid_t pid = fork();

    (void)o;
    (void)from;
    (void)arg;
    (void)ret;
    if (pid == 0) {
        _exit(0);
    }
    (void)!write(STDOUT_FILENO, "believe me", 10);
    return err_new(e, EINVAL, "%s, reads %zd bytes", pid < 0 ? "alone" : "forks", n);
}

int source_open(struct source *s, struct err *e)
{
    (void)s;
    return err_new(e, ENOSYS, "not here");
}

ssize_t source_read(void *arg, const void **ret, struct err *e)
{
    (void)arg;
    (void)ret;
    return err_new(e, ENOSYS, "not here");
}

int source_no_archive(const struct source *s, struct err *e)
{
    (void)s;
    return err_new(e, ENOSYS, "not here");
}

void source_done(struct source *s)
{
    (void)s;
}

void digest_hex(EVP_MD_CTX *ctx, char ret_hex[65])
{
    (void)ctx;
    ret_hex[0] = '\0';
}

/* ---- a folder, in which the worker is root of a user namespace */

static char top[64];
static int top_fd = -1;

static int make_top(void **unused)
{
    (void)unused;
    (void)strcpy(top, "/tmp/rbox-worker.XXXXXX");
    assert_non_null(mkdtemp(top));
    top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top_fd < 0;
}

static int remove_top(void **unused)
{
    struct err e = {0};

    (void)unused;
    (void)close(top_fd);
    return dir_remove_tree(AT_FDCWD, top, &e);
}

static int become_root(void)
{
    char uids[32];
    char gids[32];

    (void)snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
    (void)snprintf(gids, sizeof(gids), "0 %u 1", getegid());
    return unshare(CLONE_NEWUSER) < 0 || file_put(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
           file_put(AT_FDCWD, "/proc/self/uid_map", uids) < 0 ||
           file_put(AT_FDCWD, "/proc/self/gid_map", gids) < 0;
}

/* One layer, given to a worker; what it says of it goes to the file said. */
static _Noreturn void run_layer(void)
{
    const struct layer_options o = {0};
    struct worker w;
    struct err e = {0};
    struct layer_result made = {0};
    int in_fd = openat(top_fd, "archive", O_RDONLY);
    int out_fd = openat(top_fd, "out", O_WRONLY | O_CREAT, 0600);

    if (fchdir(top_fd) < 0 || become_root() || dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 ||
        worker_start(&w, &o, NULL, &e) < 0 || worker_begin(&w, &AMOUNT_ANY) < 0 ||
        worker_end(&w, 1, &made, &e) != -EINVAL) {
        _exit(1);
    }
    worker_stop(&w);
    _exit(file_write(top_fd, "said", e.msg, strlen(e.msg), 0, &e) < 0);
}

static void a_layer_is_parsed_alone_and_away_from_archive_and_output(void **unused)
{
    struct err e = {0};
    autofree char *said = NULL;
    struct stat st;
    int status = 0;
    pid_t pid = -1;

    (void)unused;
    assert_int_equal(file_write(top_fd, "archive", "secret", 6, 0, &e), 0);
    pid = fork();
    if (pid == 0) {
        run_layer();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(file_read(top_fd, "said", 1000, &said, NULL, &e), 0);
    assert_string_equal(said, "alone, reads 0 bytes");
    assert_int_equal(fstatat(top_fd, "out", &st, 0), 0);
    assert_int_equal(st.st_size, 0);
}

/* ---- what it says */

struct result {
    struct err why;
    struct layer_result layer;
};

/* What comes of @r, as it is told by a worker. */
static int told(const struct result *r, struct err *e)
{
    struct worker w = {.data_fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
    struct layer_result made = {0};
    int fd = -1;
    int ended = 0;

    assert_int_equal(fd_pipe(&w.result_fd, &fd, e), 0);
    assert_int_equal(fd_write_all(fd, r, sizeof(*r)), 0);
    ended = worker_end(&w, 1, &made, e);
    (void)close(fd);
    worker_stop(&w);
    return ended;
}

static void an_answer_that_no_error_has_is_none(void **unused)
{
    struct result r = {0};
    struct err e = {0};

    (void)unused;
    assert_int_equal(told(&r, &e), 0);
    r.why.errnum = ENOSPC;
    assert_int_equal(told(&r, &e), -ENOSPC);
    r.why.errnum = -ENOSPC; /* a failure that would count as success */
    assert_int_equal(told(&r, &e), -EPROTO);
    r.why.errnum = ENOSPC;
    r.why.exit_code = 1000;
    assert_int_equal(told(&r, &e), -EPROTO);
    memset(r.why.msg, 'x', sizeof(r.why.msg)); /* without an end */
    memset(r.why.hint, 'x', sizeof(r.why.hint));
    r.why.exit_code = 0;
    assert_int_equal(told(&r, &e), -ENOSPC);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    assert_int_equal(strlen(e.hint), sizeof(e.hint) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_is_parsed_alone_and_away_from_archive_and_output),
        cmocka_unit_test(an_answer_that_no_error_has_is_none),
    };

    return cmocka_run_group_tests(tests, make_top, remove_top);
}
