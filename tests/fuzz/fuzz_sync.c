/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the other end of the socket says: the container's first process before its exec, or a client
 * of attach.sock. The first byte says how many descriptors come along. */
#include "box/sync.h"
#include "fuzz.h"
#include "sys/fd.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const int fds[3] = {0, 0, 0};
    struct sync_msg msg;
    struct err e = {0};
    int got[2] = {-1, -1};
    int pair[2];

    if (len < 1 || len > 65536 || sync_pair(pair, &e) < 0) {
        return 0;
    }
    (void)fd_send(pair[0], data + 1, len - 1, fds, data[0] % 4);
    (void)close(pair[0]);
    if (sync_recv(pair[1], &msg, got, 2) == 0) {
        (void)snprintf(e.msg, sizeof(e.msg), "%s %s", sync_step_name(msg.step),
                       msg.step == SYNC_ERROR ? msg.u.err.msg : "");
        if (msg.step == SYNC_OUTPUT && msg.len > SYNC_DATA_MAX) {
            __builtin_trap();
        }
        (void)close(got[0]);
        (void)close(got[1]);
    }
    (void)close(pair[1]);
    return 0;
}
