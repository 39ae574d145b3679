/* Begins to listen after a while, and says when that was.
 *
 *     listener PORT DELAY_US LOG
 *
 * Appends a line "UNIKERNEL_ID NS": CLOCK_MONOTONIC just before listen(). Then it sleeps until it is ended, which
 * SIGTERM does only once the line is written. Half of the delay is added at random, so that readiness falls
 * anywhere between two looks.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned random_bits = 0;
    char line[200];
    if (count != 4)
        return 2;
    address.sin_port = htons((unsigned short)atoi(words[1]));
    long long delay_ns = 1000LL * atoll(words[2]);
    if (getrandom(&random_bits, sizeof random_bits, 0) != sizeof random_bits)
        return 3;
    delay_ns += delay_ns / 2 * (random_bits % 1000) / 1000;
    struct timespec pause_time = {delay_ns / 1000000000LL, delay_ns % 1000000000LL};
    int listener = socket(AF_INET, SOCK_STREAM, 0), log = open(words[3], O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (listener < 0 || log < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        return 4;
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, NULL);
    nanosleep(&pause_time, NULL);
    long long listening_ns = now_ns();
    if (listen(listener, 16) < 0)
        return 5;
    int length = snprintf(line, sizeof line, "%s %lld\n", getenv("UNIKERNEL_ID"), listening_ns);
    if (write(log, line, (size_t)length) != length)
        return 6;
    sigprocmask(SIG_UNBLOCK, &held, NULL);
    for (;;)
        pause();
}
