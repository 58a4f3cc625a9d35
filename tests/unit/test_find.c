/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers by name, id and beginning of an id; running is the lock. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/state.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char path[64];
    struct store store;
    int lock_fd;
};

static void add(struct fixture *f, const char *name, const char *id)
{
    autofree char *link = xasprintf("names/%s", name);
    autofree char *dir = xasprintf("containers/%s", id);

    assert_int_equal(mkdirat(f->store.dir_fd, dir, 0700), 0);
    assert_int_equal(symlinkat(id, f->store.dir_fd, link), 0);
}

/* web runs; db is stopped; gone is a name without a container. */
static int make(void **state)
{
    static const char CONFIG[] = "{\"rbox\": {\"name\": \"db\"}}";
    static struct fixture f;
    autoclose int config_fd = -1;

    (void)strcpy(f.path, "/tmp/rbox-find-XXXXXX");
    assert_non_null(mkdtemp(f.path));
    f.store.dir_fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(f.store.dir_fd, "names", 0700), 0);
    assert_int_equal(mkdirat(f.store.dir_fd, "containers", 0700), 0);
    assert_int_equal(mkdirat(f.store.dir_fd, "run", 0700), 0);
    assert_int_equal(mkdirat(f.store.dir_fd, "run/boot", 0700), 0);
    f.store.containers_fd = openat(f.store.dir_fd, "containers", O_RDONLY | O_CLOEXEC);
    f.store.run_fd = openat(f.store.dir_fd, "run/boot", O_RDONLY | O_CLOEXEC);
    add(&f, "web", "abc111");
    add(&f, "db", "abd222");
    assert_int_equal(symlinkat("fff", f.store.dir_fd, "names/gone"), 0);
    assert_int_equal(mkdirat(f.store.run_fd, "abc111", 0700), 0);
    assert_int_equal(mkdirat(f.store.run_fd, "abd222", 0700), 0); /* left by one that died */
    config_fd =
        openat(f.store.containers_fd, "abd222/config.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(fd_write_all(config_fd, CONFIG, sizeof(CONFIG) - 1), 0);
    f.lock_fd = openat(f.store.run_fd, "abc111", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(f.lock_fd, LOCK_EX), 0);
    *state = &f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    close_fd(&f->lock_fd);
    close_fd(&f->store.dir_fd);
    close_fd(&f->store.containers_fd);
    close_fd(&f->store.run_fd);
    return dir_remove_tree(AT_FDCWD, f->path, &e);
}

static void assert_found(struct fixture *f, const char *word, const char *name)
{
    autofound struct found found = {.dir_fd = -1, .run_fd = -1};
    struct err e = {0};

    assert_int_equal(find_container(&f->store, word, &found, &e), 0);
    assert_string_equal(found.name, name);
    assert_true(found.dir_fd >= 0);
}

static void names_ids_and_beginnings_are_found(void **state)
{
    assert_found(*state, "web", "web");
    assert_found(*state, "abd222", "db");
    assert_found(*state, "abc", "web");
}

static void what_is_not_there_or_not_clear_is_refused(void **state)
{
    struct fixture *f = *state;
    struct found found;
    struct err e = {0};

    assert_int_equal(find_container(&f->store, "ab", &found, &e), -ENOTUNIQ);
    assert_int_equal(find_container(&f->store, "gone", &found, &e), -ENOENT);
    assert_int_equal(find_container(&f->store, "", &found, &e), -ENOENT);
    assert_int_equal(find_container(&f->store, "../names/web", &found, &e), -ENOENT);
}

static void running_is_the_lock(void **state)
{
    struct fixture *f = *state;
    autofound struct found found = {.dir_fd = -1, .run_fd = -1};
    struct err e = {0};

    assert_int_equal(find_running(&f->store, "web", &found, &e), 0);
    assert_true(found.run_fd >= 0);
    found_done(&found);
    assert_int_equal(find_running(&f->store, "db", &found, &e), -ESRCH);
    assert_non_null(strstr(e.msg, "'db' is not running"));
}

static void what_a_dead_supervisor_left_is_swept_first(void **state)
{
    struct fixture *f = *state;
    autofound struct found found = {.dir_fd = -1, .run_fd = -1};
    struct err e = {0};

    assert_int_equal(find_container(&f->store, "db", &found, &e), 0);
    assert_int_equal(faccessat(found.dir_fd, "exit.json", F_OK, 0), 0);
    assert_int_equal(faccessat(f->store.run_fd, "abd222", F_OK, 0), -1);
}

static void all_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    autofound_list struct found_list l = {0};
    struct err e = {0};

    assert_int_equal(find_all(&f->store, &l, &e), 0);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.rows[0].name, "db");
    assert_string_equal(l.rows[1].name, "web");
}

static void those_that_run_are_listed_by_the_locks(void **state)
{
    struct fixture *f = *state;
    autofound_list struct found_list l = {0};
    struct err e = {0};

    assert_int_equal(find_all_running(&f->store, &l, &e), 0);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.rows[0].name, "web");
    assert_string_equal(l.rows[0].id, "abc111");
    assert_true(l.rows[0].run_fd >= 0);
}

/* Those who hold a shared lock only ask. */
static void who_asks_is_not_taken_for_a_supervisor(void **state)
{
    struct fixture *f = *state;
    autolive struct state_live_list live = {0};
    autoclose int asks_fd = -1;
    struct err e = {0};

    (void)mkdirat(f->store.run_fd, "abd222", 0700);
    asks_fd = openat(f->store.run_fd, "abd222", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(asks_fd, LOCK_SH), 0);
    assert_int_equal(state_list_live(&f->store, &live, &e), 0);
    assert_int_equal(live.count, 1);
    assert_non_null(state_find_live(&live, "abc111"));
    assert_null(state_find_live(&live, "abd222"));
    assert_int_equal(faccessat(f->store.run_fd, "abd222", F_OK, 0), 0); /* the asker may be at it */
    close_fd(&asks_fd);
    state_sweep(&f->store);
    assert_int_equal(faccessat(f->store.run_fd, "abd222", F_OK, 0), -1);
}

static void what_runs_is_told_by_a_link(void **state)
{
    struct fixture *f = *state;
    struct state st = {.store = &f->store, .name = xstrdup("web"), .dir_fd = -1, .lock_fd = -1};
    struct state_running running = {
        .pid = 4194304, .started_ns = 1796054828267220473, .restarts = 7};
    struct state_running read = {0};
    struct err e = {0};

    st.lock_fd = f->lock_fd;
    assert_int_equal(state_read_running(f->lock_fd, &read, &e), -ENOENT);
    assert_int_equal(symlinkat("left", f->lock_fd, "state.new"), 0);
    assert_int_equal(state_write_running(&st, &running, &e), 0);
    running.has_cgroup = 1;
    assert_int_equal(state_write_running(&st, &running, &e), 0);
    assert_int_equal(state_read_running(f->lock_fd, &read, &e), 0);
    assert_memory_equal(&read, &running, sizeof(read));
    assert_int_equal(unlinkat(f->lock_fd, "state", 0), 0);
    assert_int_equal(symlinkat("-5 what", f->lock_fd, "state"), 0);
    assert_int_equal(state_read_running(f->lock_fd, &read, &e), -EINVAL);
    assert_int_equal(unlinkat(f->lock_fd, "state", 0), 0);
    free(st.name);
}

/* The name is the link's, whatever config.json says. */
static void a_name_that_config_json_has_not_yet_counts(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(renameat(f->store.dir_fd, "names/db", f->store.dir_fd, "names/store"), 0);
    assert_found(f, "abd222", "store");
    assert_found(f, "store", "store");
    assert_int_equal(renameat(f->store.dir_fd, "names/store", f->store.dir_fd, "names/db"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_ids_and_beginnings_are_found),
        cmocka_unit_test(what_is_not_there_or_not_clear_is_refused),
        cmocka_unit_test(running_is_the_lock),
        cmocka_unit_test(what_a_dead_supervisor_left_is_swept_first),
        cmocka_unit_test(all_are_listed_by_name),
        cmocka_unit_test(those_that_run_are_listed_by_the_locks),
        cmocka_unit_test(who_asks_is_not_taken_for_a_supervisor),
        cmocka_unit_test(what_runs_is_told_by_a_link),
        cmocka_unit_test(a_name_that_config_json_has_not_yet_counts),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
