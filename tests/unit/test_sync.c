/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int make_pair(void **state)
{
    int *pair = calloc(2, sizeof(*pair));
    struct err e = {0};

    assert_int_equal(sync_pair(pair, &e), 0);
    *state = pair;
    return 0;
}

static int close_pair(void **state)
{
    int *pair = *state;

    (void)close(pair[0]);
    (void)close(pair[1]);
    free(pair);
    return 0;
}

static void a_step_and_its_descriptor_arrive(void **state)
{
    const int *pair = *state;
    struct err e = {0};
    int fd = -1;

    assert_int_equal(sync_send(pair[0], SYNC_ROOT_READY, STDERR_FILENO, &e), 0);
    assert_int_equal(sync_wait(pair[1], SYNC_ROOT_READY, "peer", &fd, &e), 0);
    assert_true(fd > 2);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(fd);
}

static void an_error_comes_out_as_the_same_error(void **state)
{
    const int *pair = *state;
    struct err sent = {0};
    struct err e = {0};

    (void)err_new(&sent, ENOENT, "cannot find '%s'", "it");
    (void)err_hint(&sent, "look elsewhere");
    (void)err_exit(&sent, 127);
    sync_send_err(pair[0], &sent);
    assert_int_equal(sync_wait(pair[1], SYNC_EXEC, "peer", NULL, &e), -ENOENT);
    assert_memory_equal(&e, &sent, sizeof(e));
}

static void the_wrong_step_and_death_are_told(void **state)
{
    int *pair = *state;
    struct err e = {0};

    assert_int_equal(sync_send(pair[0], SYNC_EXEC, -1, &e), 0);
    assert_int_equal(sync_wait(pair[1], SYNC_ROOT_READY, "the peer", NULL, &e), -EPROTO);
    assert_string_equal(e.msg, "the peer sent EXEC during ROOT_READY");
    (void)close(pair[0]);
    assert_int_equal(sync_wait(pair[1], SYNC_ROOT_READY, "the peer", NULL, &e), -EPIPE);
    assert_string_equal(e.msg, "the peer died during ROOT_READY");
    pair[0] = dup(pair[1]);
}

/* What the peer said before it closed counts, also when it left a message of ours unread. */
static void last_words_are_heard(void **state)
{
    int *pair = *state;
    struct err sent = {0};
    struct err e = {0};

    (void)err_new(&sent, ENOSPC, "full");
    assert_int_equal(sync_send(pair[1], SYNC_EXEC, -1, &e), 0);
    sync_send_err(pair[0], &sent);
    (void)close(pair[0]);
    assert_int_equal(sync_wait(pair[1], SYNC_STARTED, "peer", NULL, &e), -ENOSPC);
    pair[0] = dup(pair[1]);
}

/* Also when it went while we still had something to say to it. */
static void last_words_count_when_nothing_can_be_sent(void **state)
{
    int *pair = *state;
    struct err sent = {0};
    struct err e = {0};

    (void)err_new(&sent, ENOSPC, "full");
    assert_int_equal(sync_send(pair[1], SYNC_HOST_READY, -1, &e), 0);
    assert_int_equal(sync_send(pair[0], SYNC_ROOT_READY, -1, &e), 0);
    sync_send_err(pair[0], &sent);
    (void)close(pair[0]);
    assert_int_equal(sync_send(pair[1], SYNC_EXEC, -1, &e), -ENOSPC);
    assert_string_equal(e.msg, "full");
    assert_int_equal(sync_send(pair[1], SYNC_EXEC, -1, &e), -EPIPE);
    assert_string_equal(e.msg, "cannot send EXEC: Broken pipe");
    pair[0] = dup(pair[1]);
}

static void malformed_messages_are_refused(void **state)
{
    const int *pair = *state;
    const struct {
        uint32_t words[4];
        size_t bytes;
    } rows[] = {
        {{SYNC_EXEC}, 4},         {{SYNC_EXEC, 0, 7}, 12}, {{0, 0}, 8},
        {{9999, 0}, 8},           {{SYNC_OUTPUT, 100}, 8}, {{SYNC_OUTPUT, UINT32_MAX}, 12},
        {{SYNC_ERROR, 0, 1}, 12}, {{SYNC_EXIT, 0}, 8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sync_msg *msg = calloc(1, sizeof(*msg));

        assert_int_equal(send(pair[0], rows[i].words, rows[i].bytes, 0), rows[i].bytes);
        assert_int_equal(sync_recv(pair[1], msg, NULL, 0), -EPROTO);
        free(msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_and_its_descriptor_arrive, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(an_error_comes_out_as_the_same_error, make_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(the_wrong_step_and_death_are_told, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(last_words_are_heard, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(last_words_count_when_nothing_can_be_sent, make_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(malformed_messages_are_refused, make_pair, close_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
