/*
 * Drives urunc through one container's life, without a daemon; static, without a C library.
 *
 *     launch launch URUNC ROOT BUNDLES ID TEMPLATE ENTRY...
 *     launch remove URUNC ROOT BUNDLES ID
 *     urunc ...
 *
 * "launch" makes the bundle BUNDLES/ID of hard links to the template's entries (one that ends with "/" is a
 * directory), calls create and start, waits for the monitor, and ends as that did. 125: urunc failed; then nothing
 * is left. "remove" ends what still runs, calls delete, and takes the bundle away. Nothing is found by name:
 * a process is ended if it is the one of state.json and its environment holds UNIKERNEL_ID=ID.
 *
 * Called by another name, it is urunc for a daemon's shim, which can be given neither environment nor patience: the
 * file NAME.settings beside it holds urunc's path and variables, each with a NUL behind it. "start" is waited for as
 * in "launch".
 *
 * Built by `python -m pytest_unikernel.guests.build.static_program`. Source of the numbers: Linux's UAPI headers.
 */
#include <asm/unistd.h>

#define PATH_BYTES 4096
#define DATA_BYTES 65536
#define FAILED 125
#define SIGKILL 9
#define WNOHANG 1
#define WALL 0x40000000
#define SCHED_OTHER 0
#define PR_SET_CHILD_SUBREAPER 36
#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200
/* O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC on x86-64 */
#define OPEN_DIRECTORY (0200000 | 0400000 | 02000000)
/* Mounts and links are never followed: what is bound into a root file system is the host's. */
#define RESOLVE_NO_XDEV 1
#define RESOLVE_NO_SYMLINKS 4
#define DT_DIR 4
#define MS 1000000L
#define ATTEMPTS 50
#define LISTENING_AGAIN_MS 50
#define DYING_MS 3000
#define ESRCH 3
#define MOST_VARIABLES 4096

struct timespec { long s, ns; };
struct open_how { unsigned long flags, mode, resolve; };
struct dirent { unsigned long inode, offset; unsigned short length; unsigned char type; char name[]; };

static char **environment;
static char data[DATA_BYTES];

static long call(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static long length(const char *text)
{
	long n = 0;
	while (text[n])
		n++;
	return n;
}

static void quit(int status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0);
}

static void say(const char *what, const char *which)
{
	call(__NR_write, 2, (long)"pytest-unikernel: ", 18, 0);
	call(__NR_write, 2, (long)what, length(what), 0);
	call(__NR_write, 2, (long)which, length(which), 0);
	call(__NR_write, 2, (long)"\n", 1, 0);
}

static void pause_ns(long ns)
{
	struct timespec time = {0, ns};
	call(__NR_nanosleep, (long)&time, 0, 0, 0);
}

/* The parts one after the other; the program ends if they are too long for a path. */
static void join(char *path, const char *const *parts)
{
	long at = 0;
	for (; *parts; parts++)
		for (const char *from = *parts; *from; from++) {
			if (at == PATH_BYTES - 1) {
				say("too long a path: ", *parts);
				quit(FAILED);
			}
			path[at++] = *from;
		}
	path[at] = 0;
}

#define JOIN(path, ...) join(path, (const char *const[]){__VA_ARGS__, 0})

static const char *decimal(long number, char *digits)
{
	char *at = digits + 23;
	*at = 0;
	do
		*--at = '0' + number % 10;
	while (number /= 10);
	return at;
}

/* A file's beginning in `data`, with a NUL behind it; its length, or -1. */
static long contents(const char *path)
{
	long file = call(__NR_open, (long)path, 02000000, 0, 0), n = 0, got;
	if (file < 0)
		return -1;
	while (n < DATA_BYTES - 1 && (got = call(__NR_read, file, (long)data + n, DATA_BYTES - 1 - n, 0)) > 0)
		n += got;
	call(__NR_close, file, 0, 0, 0);
	data[n] = 0;
	return n;
}

static int begins(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return 0;
	return 1;
}

static const char *find(const char *text, const char *what)
{
	for (; *text; text++)
		if (begins(text, what))
			return text;
	return 0;
}

static int run(char *const *argv)
{
	int status = 0;
	long pid = call(__NR_fork, 0, 0, 0, 0);
	if (pid == 0) {
		call(__NR_execve, (long)argv[0], (long)argv, (long)environment, 0);
		say("can't run ", argv[0]);
		quit(127);
	}
	if (pid < 0 || call(__NR_wait4, pid, (long)&status, WALL, 0) != pid)
		return -1;
	return status;
}

/* The pid that state.json tells; 0 if it doesn't. */
static long pid_of(const char *root, const char *id)
{
	char path[PATH_BYTES];
	const char *at;
	long pid = 0;
	JOIN(path, root, "/", id, "/state.json");
	if (contents(path) < 0 || !(at = find(data, "\"pid\":")))
		return 0;
	for (at += 6; *at == ' '; at++)
		;
	for (; *at >= '0' && *at <= '9'; at++)
		pid = pid * 10 + (*at - '0');
	return pid;
}

/* Whether the process listens on a socket of this container. Source: proc_pid_net(5), __SO_ACCEPTCON. */
static int listens(long pid, const char *id)
{
	char path[PATH_BYTES], name[PATH_BYTES], digits[24];
	JOIN(path, "/proc/", decimal(pid, digits), "/net/unix");
	JOIN(name, "/", id, "/");
	if (contents(path) < 0)
		return 0;
	for (char *line = data, *end = data; *line; line = end) {
		while (*end && *end != '\n')
			end++;
		if (*end)
			*end++ = 0;
		if (find(line, " 00010000 ") && find(line, name))
			return 1;
	}
	return 0;
}

static long program_of(long pid, char *link)
{
	char path[PATH_BYTES], digits[24];
	JOIN(path, "/proc/", decimal(pid, digits), "/exe");
	long n = call(__NR_readlink, (long)path, (long)link, PATH_BYTES - 1, 0);
	link[n < 0 ? 0 : n] = 0;
	return n;
}

static int same(const char *one, const char *other)
{
	while (*one && *one == *other)
		one++, other++;
	return *one == *other;
}

/* Also of a process that is somebody else's child; then its status stays unknown. */
static int has_ended(long pid, int *status)
{
	return call(__NR_wait4, pid, (long)status, WNOHANG | WALL, 0) == pid || call(__NR_kill, pid, 0, 0, 0) == -ESRCH;
}

/*
 * Calls start until the monitor has taken the process over, or the process has ended. A start may come before
 * urunc listens (from 0.7 it then fails), or reach the socket of the step before (up to 0.6 it is then lost). One
 * without a program is ending, and its parent, who may be somebody else, has not taken its status yet.
 */
static int started(char *const *start, long pid, const char *id, int *status)
{
	char before[PATH_BYTES], now[PATH_BYTES];
	program_of(pid, before);
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int listened = 0;
		while (!listens(pid, id)) {
			if (has_ended(pid, status))
				return 1;
			if (program_of(pid, now) <= 0)
				return 0;
			pause_ns(MS / 4);
		}
		if (run(start)) {
			pause_ns(2 * MS);
			continue;
		}
		while (listened < LISTENING_AGAIN_MS) {
			if (has_ended(pid, status))
				return 1;
			if (program_of(pid, now) <= 0 || !same(before, now))
				return 0;
			listened = listens(pid, id) ? listened + 1 : 0;
			pause_ns(MS);
		}
	}
	return -1;
}

static int make_bundle(char *bundle, char *template, char **entries)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	if (call(__NR_mkdir, (long)bundle, 0700, 0, 0))
		return -1;
	for (; *entries; entries++) {
		JOIN(from, template, "/", *entries);
		JOIN(to, bundle, "/", *entries);
		long n = length(to);
		if (to[n - 1] == '/' ? call(__NR_mkdir, (long)to, 0755, 0, 0)
				     : call(__NR_link, (long)from, (long)to, 0, 0))
			return -1;
	}
	return 0;
}

/* Removes an entry of a directory and what is in it; never what is mounted there or a link points to. */
static void remove_all(long at, const char *name)
{
	struct open_how how = {OPEN_DIRECTORY, 0, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	char entries[4096];
	long n, directory = call(__NR_openat2, at, (long)name, (long)&how, sizeof how);
	if (directory < 0)
		return;
	while ((n = call(__NR_getdents64, directory, (long)entries, sizeof entries, 0)) > 0)
		for (long place = 0; place < n;) {
			struct dirent *entry = (struct dirent *)(entries + place);
			place += entry->length;
			if (same(entry->name, ".") || same(entry->name, ".."))
				continue;
			if (entry->type == DT_DIR)
				remove_all(directory, entry->name);
			else
				call(__NR_unlinkat, directory, (long)entry->name, 0, 0);
		}
	call(__NR_close, directory, 0, 0, 0);
	call(__NR_unlinkat, at, (long)name, AT_REMOVEDIR, 0);
}

static void remove_below(const char *place, const char *id)
{
	long directory = call(__NR_open, (long)place, OPEN_DIRECTORY, 0, 0);
	if (directory >= 0)
		remove_all(directory, id);
	call(__NR_close, directory, 0, 0, 0);
}

static int is_of(long pid, const char *id)
{
	char path[PATH_BYTES], setting[PATH_BYTES], digits[24];
	JOIN(path, "/proc/", decimal(pid, digits), "/environ");
	JOIN(setting, "UNIKERNEL_ID=", id);
	long n = contents(path);
	for (const char *at = data; at < data + n; at += length(at) + 1)
		if (same(at, setting))
			return 1;
	return 0;
}

static void end_process(long pid, const char *id)
{
	long pidfd = call(__NR_pidfd_open, pid, 0, 0, 0);
	int status;
	if (pidfd < 0)
		return;
	if (is_of(pid, id) && !call(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0))
		for (int ms = 0; ms < DYING_MS && !has_ended(pid, &status) && !call(__NR_kill, pid, 0, 0, 0); ms++)
			pause_ns(MS);
	call(__NR_close, pidfd, 0, 0, 0);
}

static int removed(char *urunc, char *root, char *bundles, char *id)
{
	char *delete[] = {urunc, "--root", root, "delete", id, 0};
	char path[PATH_BYTES];
	int status = 0;
	long pid = pid_of(root, id);
	if (pid > 0)
		end_process(pid, id);
	JOIN(path, root, "/", id, "/state.json");
	if (!call(__NR_access, (long)path, 0, 0, 0))
		status = run(delete);
	remove_below(root, id);
	remove_below(bundles, id);
	return status != 0;
}

/* Ends as the monitor did. Source: wait(2). */
static void end_as(int status)
{
	int number = status & 0x7f;
	if (!number)
		quit(status >> 8 & 0xff);
	call(__NR_kill, call(__NR_getpid, 0, 0, 0, 0), number, 0, 0);
	quit(128 + number);
}

static void launch(char *urunc, char *root, char *bundles, char *id, char **rest)
{
	char bundle[PATH_BYTES];
	char *create[] = {urunc, "--root", root, "create", "--bundle", bundle, id, 0};
	char *start[] = {urunc, "--root", root, "start", id, 0};
	const char *failed = 0;
	int status = 0, ended = 0, priority = 0;
	long pid = 0;
	/* The generator may have a real-time priority, and takes ours away only after we began: urunc must not get it. */
	call(__NR_sched_setscheduler, 0, SCHED_OTHER, (long)&priority, 0);
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	JOIN(bundle, bundles, "/", id);
	if (make_bundle(bundle, rest[0], rest + 1))
		failed = "can't make the bundle ";
	else if (run(create))
		failed = "urunc create failed: ";
	else if ((pid = pid_of(root, id)) <= 0)
		failed = "urunc create told no pid: ";
	else if ((ended = started(start, pid, id, &status)) < 0)
		failed = "urunc start was never heard: ";
	if (failed) {
		say(failed, id);
		removed(urunc, root, bundles, id);
		quit(FAILED);
	}
	if (!ended && call(__NR_wait4, pid, (long)&status, WALL, 0) != pid) {
		say("the monitor is no child of ours: ", id);
		quit(FAILED);
	}
	end_as(status);
}

/* The variables of the settings first: of two with the same name the first counts, with Go as with C. */
static char *settings(const char *self)
{
	static char kept[DATA_BYTES], *merged[MOST_VARIABLES];
	char path[PATH_BYTES];
	long n, count = 0;
	JOIN(path, self, ".settings");
	if ((n = contents(path)) <= 0) {
		say("can't read ", path);
		quit(FAILED);
	}
	for (long at = 0; at < n; at++)
		kept[at] = data[at];
	for (char *at = kept + length(kept) + 1; at < kept + n && count < MOST_VARIABLES - 1; at += length(at) + 1)
		merged[count++] = at;
	for (char **each = environment; *each && count < MOST_VARIABLES - 1; each++)
		merged[count++] = *each;
	environment = merged;
	return kept;
}

static void as_urunc(long argc, char **argv)
{
	char *root = 0, *id = argv[argc - 1];
	int status;
	argv[0] = settings(argv[0]);
	for (long at = 1; at + 1 < argc; at++)
		if (same(argv[at], "--root"))
			root = argv[at + 1];
	long pid = argc > 2 && root && same(argv[argc - 2], "start") ? pid_of(root, id) : 0;
	if (pid > 0)
		quit(started(argv, pid, id, &status) < 0 ? FAILED : 0);
	call(__NR_execve, (long)argv[0], (long)argv, (long)environment, 0);
	say("can't run ", argv[0]);
	quit(127);
}

__attribute__((used)) static void begin(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	environment = argv + argc + 1;
	long n = argc ? length(argv[0]) : 0;
	if (n >= 6 && same(argv[0] + n - 6, "/urunc"))
		as_urunc(argc, argv);
	if (argc >= 7 && same(argv[1], "launch"))
		launch(argv[2], argv[3], argv[4], argv[5], argv + 6);
	if (argc == 6 && same(argv[1], "remove"))
		quit(removed(argv[2], argv[3], argv[4], argv[5]));
	say("expected launch or remove, URUNC, ROOT, BUNDLES, ID", "");
	quit(FAILED);
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
