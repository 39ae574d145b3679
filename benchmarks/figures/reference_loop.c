/* reference_loop: an open-loop launcher in C, the yardstick for the load generator written in Python.
 *
 * It makes the same system calls per launch as the generator, in the same order, so that the difference between the
 * two is the language and nothing else:
 *
 *   wake    epoll_wait, one clock_gettime that stamps the whole batch
 *   launch  pipe2, posix_spawn (new process group, default signals, empty mask), close of the write end, pidfd_open,
 *           epoll_ctl ADD of the pidfd and of the pipe, timerfd_settime for the next launch
 *   output  read until EAGAIN or end of file
 *   exit    waitid(WNOWAIT), drain the pipe, killpg(SIGKILL), wait4, epoll_ctl DEL and close of the pidfd
 *           and (at end of file, or here) of the pipe
 *
 * Launches follow an absolute schedule and never wait for earlier ones. At most one launch per turn: catching up in
 * a burst would starve the exits and falsify their stamps.
 *
 * Usage: reference_loop [--fifo] [--no-pipe] NUM/DEN LAUNCHES PROGRAM [ARGUMENT...]
 *        the step is the fraction NUM/DEN of a second; --fifo runs the loop under SCHED_FIFO 1;
 *        --no-pipe sends the output to /dev/null, as the generator does where nothing reads it
 * Output: one JSON object on stdout, times in seconds. Exit status: 0, or 1 with the cause on stderr.
 *
 * cc -std=c11 -O2 -Wall -Wextra -Werror -o reference_loop reference_loop.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,                 /* events per epoll_wait */
    LEAD_NS = 50 * 1000 * 1000, /* first launch this long after the set-up, so that it isn't late by construction */
    OUTPUT_BYTES = 64 * 1024,   /* one read takes at most a full pipe */
};

/* What became readable: an epoll key is (launch number << 2) | source. */
enum source { TIMER, EXIT, OUTPUT };

struct launch {
    pid_t pid;
    int pidfd;
    int output; /* read end of its pipe, -1 when closed */
    int64_t scheduled_ns;
    int64_t started_ns;
};

static struct {
    int64_t begin_ns, step_numerator, step_denominator;
    char **argv;
    bool fifo, no_pipe;
    int epoll, timer, null;
    struct launch *launches;
    size_t wanted, started, ended, failed, in_flight_max;
    double *lateness_s, *service_s, *spawn_s;
    posix_spawnattr_t attributes;
    char output[OUTPUT_BYTES]; /* bounded; what was read is dropped: keeping a tail is a copy, not a system call */
} loop;

static void die(const char *what, int error)
{
    fprintf(stderr, "reference_loop: %s: %s\n", what, strerror(error));
    exit(1);
}

/* For calls that report by -1 and errno. */
static int check(const char *what, int result)
{
    if (result < 0)
        die(what, errno);
    return result;
}

/* For posix_spawn's family, which returns the error number. */
static void check_spawn(const char *what, int error)
{
    if (error != 0)
        die(what, error);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Multiplied from the exact fraction, never accumulated: no drift, whatever the step. */
static int64_t deadline_ns(size_t number)
{
    __int128 numerator = (__int128)number * loop.step_numerator * 1000000000;

    return loop.begin_ns + (int64_t)(numerator / loop.step_denominator);
}

/* Setting the timer also clears its expiry, so it needs no read; an instant in the past fires at once. */
static void arm_timer(void)
{
    struct itimerspec when = {0}; /* all zero disarms: after the last launch */

    if (loop.started < loop.wanted) {
        int64_t at_ns = deadline_ns(loop.started);
        when.it_value.tv_sec = at_ns / 1000000000;
        when.it_value.tv_nsec = at_ns % 1000000000;
    }
    check("timerfd_settime", timerfd_settime(loop.timer, TFD_TIMER_ABSTIME, &when, NULL));
}

static void watch(int fd, size_t number, enum source source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)number << 2 | source};

    check("epoll_ctl", epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &event));
}

/* Never close alone: a child that was just spawned still holds copies of our descriptors for a moment (vfork's parent
 * resumes before the child's close-on-exec), a forked one for long, and a closed but living file stays registered. */
static void unwatch_and_close(int fd)
{
    check("epoll_ctl", epoll_ctl(loop.epoll, EPOLL_CTL_DEL, fd, NULL));
    close(fd);
}

/* Built anew for every launch, as CPython's os.posix_spawn does; only the write end differs between launches. */
static void spawn(struct launch *launch, int out)
{
    posix_spawn_file_actions_t actions;

    check_spawn("file_actions_init", posix_spawn_file_actions_init(&actions));
    check_spawn("stdin", posix_spawn_file_actions_adddup2(&actions, loop.null, STDIN_FILENO));
    check_spawn("stdout", posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO));
    check_spawn("stderr", posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO));
    launch->started_ns = now_ns();
    check_spawn(loop.argv[0],
                posix_spawn(&launch->pid, loop.argv[0], &actions, &loop.attributes, loop.argv, environ));
    posix_spawn_file_actions_destroy(&actions);
}

static void start_next(void)
{
    size_t number = loop.started++;
    struct launch *launch = &loop.launches[number];
    int ends[2] = {-1, loop.null};

    launch->scheduled_ns = deadline_ns(number);
    if (!loop.no_pipe) {
        check("pipe2", pipe2(ends, O_CLOEXEC));
        /* Only our end: O_NONBLOCK on the write end would reach the child's stdout as well. */
        check("fcntl", fcntl(ends[0], F_SETFL, O_NONBLOCK));
    }
    launch->output = ends[0];
    spawn(launch, ends[1]);
    loop.spawn_s[number] = (double)(now_ns() - launch->started_ns) / 1e9;
    if (loop.fifo) { /* after exec: under overload a normal vfork child, and with it this loop, would queue */
        struct sched_param normal = {.sched_priority = 0};
        check("sched_setscheduler(child)", sched_setscheduler(launch->pid, SCHED_OTHER, &normal));
    }
    loop.lateness_s[number] = (double)(launch->started_ns - launch->scheduled_ns) / 1e9;
    if (!loop.no_pipe)
        close(ends[1]);
    launch->pidfd = check("pidfd_open", (int)syscall(SYS_pidfd_open, launch->pid, 0));
    watch(launch->pidfd, number, EXIT);
    if (!loop.no_pipe)
        watch(launch->output, number, OUTPUT);
    if (loop.started - loop.ended > loop.in_flight_max)
        loop.in_flight_max = loop.started - loop.ended;
}

static void close_output(struct launch *launch)
{
    unwatch_and_close(launch->output);
    launch->output = -1;
}

static void read_output(struct launch *launch)
{
    ssize_t got;

    if (launch->output < 0) /* closed earlier in this batch */
        return;
    do
        got = read(launch->output, loop.output, sizeof loop.output);
    while (got > 0 || (got < 0 && errno == EINTR));
    if (got == 0)
        close_output(launch);
    else if (errno != EAGAIN)
        die("read", errno);
}

/* Observe, drain, kill the group, and only then reap: until wait4 the pid, hence the group, can't be reused. */
static void end(struct launch *launch, size_t number, int64_t seen_ns)
{
    siginfo_t info = {0};
    struct rusage usage;
    int status;

    check("waitid", waitid(P_PIDFD, (id_t)launch->pidfd, &info, WEXITED | WNOHANG | WNOWAIT));
    if (info.si_pid == 0) /* a pidfd may be readable before the status is; it stays registered */
        return;
    read_output(launch);
    killpg(launch->pid, SIGKILL); /* nothing else in the group is the usual case, not an error */
    check("wait4", wait4(launch->pid, &status, 0, &usage));
    unwatch_and_close(launch->pidfd);
    if (launch->output >= 0) /* a grandchild may hold it: never wait for its end of file */
        close_output(launch);
    loop.service_s[number] = (double)(seen_ns - launch->started_ns) / 1e9;
    loop.failed += status != 0;
    loop.ended++;
}

/* One turn: the launch first, because the exits of this batch have their stamp already and it hasn't. */
static void turn(void)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(loop.epoll, events, BATCH, -1);
    int64_t seen_ns = now_ns();

    if (count < 0 && errno != EINTR)
        die("epoll_wait", errno);
    for (int i = 0; i < count; i++)
        if ((events[i].data.u64 & 3) == TIMER) {
            start_next();
            arm_timer();
        }
    for (int i = 0; i < count; i++) {
        size_t number = events[i].data.u64 >> 2;
        if ((events[i].data.u64 & 3) == OUTPUT)
            read_output(&loop.launches[number]);
        else if ((events[i].data.u64 & 3) == EXIT)
            end(&loop.launches[number], number, seen_ns);
    }
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Hyndman-Fan type 7, as the generator's own statistics; `sorted` ascends. */
static double quantile(const double *sorted, size_t count, double q)
{
    double position = q * (double)(count - 1);
    size_t below = (size_t)position;

    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (position - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void report(double used_s)
{
    size_t n = loop.wanted;
    int64_t span_ns = loop.launches[n - 1].started_ns - loop.launches[0].started_ns;

    qsort(loop.lateness_s, n, sizeof(double), ascending);
    qsort(loop.service_s, n, sizeof(double), ascending);
    qsort(loop.spawn_s, n, sizeof(double), ascending);
    printf("{\"launches\": %zu, \"failed\": %zu, \"achieved_rate_hz\": ", n, loop.failed);
    if (n > 1) /* one start has no rate */
        printf("%.6f", (double)(n - 1) / ((double)span_ns / 1e9));
    else
        printf("null");
    printf(", \"lateness_s\": {\"p50\": %.9f, \"p99\": %.9f, \"max\": %.9f}", quantile(loop.lateness_s, n, 0.5),
           quantile(loop.lateness_s, n, 0.99), loop.lateness_s[n - 1]);
    printf(", \"service_time_s\": {\"p50\": %.9f, \"p99\": %.9f}", quantile(loop.service_s, n, 0.5),
           quantile(loop.service_s, n, 0.99));
    printf(", \"spawn_s\": {\"p50\": %.9f}, \"cpu_s_per_launch\": %.9f, \"in_flight_max\": %zu}\n",
           quantile(loop.spawn_s, n, 0.5), used_s / (double)n, loop.in_flight_max);
}

static void set_up_spawn(void)
{
    sigset_t defaults, none;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* the set that the generator names: Python ignores the first two */
    sigaddset(&defaults, SIGXFSZ);
    sigaddset(&defaults, SIGCHLD);
    check_spawn("spawnattr_init", posix_spawnattr_init(&loop.attributes));
    check_spawn("spawnattr_setsigdefault", posix_spawnattr_setsigdefault(&loop.attributes, &defaults));
    check_spawn("spawnattr_setsigmask", posix_spawnattr_setsigmask(&loop.attributes, &none));
    check_spawn("spawnattr_setpgroup", posix_spawnattr_setpgroup(&loop.attributes, 0));
    check_spawn("spawnattr_setflags",
                posix_spawnattr_setflags(&loop.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                                               POSIX_SPAWN_SETSIGMASK));
}

static void set_up(void)
{
    struct sched_param lowest_realtime = {.sched_priority = 1};

    loop.launches = calloc(loop.wanted, sizeof *loop.launches);
    loop.lateness_s = calloc(loop.wanted, sizeof(double));
    loop.service_s = calloc(loop.wanted, sizeof(double));
    loop.spawn_s = calloc(loop.wanted, sizeof(double));
    if (!loop.launches || !loop.lateness_s || !loop.service_s || !loop.spawn_s)
        die("calloc", ENOMEM);
    loop.epoll = check("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
    loop.timer = check("timerfd_create", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    loop.null = check("/dev/null", open("/dev/null", O_RDWR | O_CLOEXEC));
    watch(loop.timer, 0, TIMER);
    set_up_spawn();
    check("PR_SET_TIMERSLACK", prctl(PR_SET_TIMERSLACK, 1)); /* the default of 50 us would be the lateness */
    if (loop.fifo)
        check("SCHED_FIFO (needs CAP_SYS_NICE)", sched_setscheduler(0, SCHED_FIFO, &lowest_realtime));
}

static void usage(void)
{
    fprintf(stderr, "usage: reference_loop [--fifo] [--no-pipe] NUM/DEN LAUNCHES PROGRAM [ARGUMENT...]\n");
    exit(1);
}

static void parse(int argc, char **argv)
{
    int at = 1;

    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--fifo") == 0)
            loop.fifo = true;
        else if (strcmp(argv[at], "--no-pipe") == 0)
            loop.no_pipe = true;
        else
            usage();
    }
    if (argc - at < 3 || sscanf(argv[at], "%" SCNd64 "/%" SCNd64, &loop.step_numerator, &loop.step_denominator) != 2)
        usage();
    loop.wanted = strtoul(argv[at + 1], NULL, 10);
    loop.argv = &argv[at + 2];
    if (loop.step_numerator <= 0 || loop.step_denominator <= 0 || loop.wanted == 0)
        usage();
}

int main(int argc, char **argv)
{
    double before_s;

    parse(argc, argv);
    set_up();
    before_s = cpu_s();
    loop.begin_ns = now_ns() + LEAD_NS;
    arm_timer();
    while (loop.ended < loop.wanted)
        turn();
    report(cpu_s() - before_s);
    return 0;
}
