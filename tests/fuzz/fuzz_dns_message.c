/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/dns_message.h"
#include "fuzz.h"

static void address(void *arg, int family, const uint8_t *bytes, uint32_t ttl_s)
{
    volatile unsigned int *sum = arg;

    *sum += bytes[family == 4 ? 3 : 15] + ttl_s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t out[DNS_MESSAGE_MAX];
    struct dns_question q;
    volatile unsigned int sum = 0;

    if (dns_read_query(data, len, &q) == 0) {
        (void)dns_write_query(data, &q, 7, out);
        (void)dns_write_verdict(data, &q, DNS_NO_SUCH_NAME, 0, out);
        (void)dns_is_answer(data, len, data, &q);
        (void)dns_each_address(data, len, &q, address, (void *)(uintptr_t)&sum);
    }
    return 0;
}
