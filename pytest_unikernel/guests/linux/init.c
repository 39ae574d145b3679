/*
 * The first process of a Linux guest; static, without a C library, so that it starts in no time.
 *
 * The minimal guest: says that it runs, runs the scripts of /unikernel/scripts in the order of
 * their names, says how each ended, then ends the machine if its argument is "shutdown".
 *
 * With the setting "switch=DEVICE" in its environment: carries /unikernel/files into /root of the file system on
 * that device, puts /unikernel/profile before what is in its /root/.profile, and starts its own init.
 *
 * Built by `python -m pytest_unikernel.guests.build.static_program`. Source of the numbers: Linux's UAPI headers.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/reboot.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/wait.h>

enum { NAME_BYTES = 256, BUFFER_BYTES = 65536, PRIVATE = 0700, LONGEST_WAIT_S = 5 };

#define SCRIPTS "/unikernel/scripts"
#define FILES "/unikernel/files"
#define PROFILE "/unikernel/profile"

static char buffer[BUFFER_BYTES];

/* system calls ------------------------------------------------------------------------------ */

static long call(long number, long a, long b, long c, long d, long e)
{
	long result;
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
			 : "rcx", "r11", "memory");
	return result;
}

static int opened(const char *path, int flags)
{
	return call(__NR_open, (long)path, flags, PRIVATE, 0, 0);
}

static int mounted(const char *source, const char *place, const char *type)
{
	call(__NR_mkdir, (long)place, PRIVATE, 0, 0, 0);
	return call(__NR_mount, (long)source, (long)place, (long)type, 0, 0);
}

static void nap(long milliseconds)
{
	struct __kernel_timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	call(__NR_nanosleep, (long)&span, 0, 0, 0, 0);
}

/* text ---------------------------------------------------------------------------------------- */

static long length(const char *text)
{
	long n = 0;
	while (text[n])
		n++;
	return n;
}

static int begins(const char *text, const char *start)
{
	while (*start)
		if (*text++ != *start++)
			return 0;
	return 1;
}

static char *put(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = 0;
	return to;
}

static char *put_number(char *to, unsigned long number)
{
	char digits[24];
	int n = 0;
	do
		digits[n++] = '0' + number % 10;
	while (number /= 10);
	while (n)
		*to++ = digits[--n];
	*to = 0;
	return to;
}

static void say(const char *text)
{
	call(__NR_write, 1, (long)text, length(text), 0, 0);
}

/* One write per line: what the kernel prints at the same time can't come between. */
static void say_numbered(const char *before, const char *name, const char *between, unsigned long number)
{
	char line[NAME_BYTES + 64];
	char *end = put(put(put(line, before), name), between);
	put(put_number(end, number), "\n");
	say(line);
}

/* memcpy and memset are what a compiler may ask for. */
void *memcpy(void *to, const void *from, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int value, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		((volatile char *)to)[i] = value;
	return to;
}

/* directories ----------------------------------------------------------------------------------- */

struct entry {
	unsigned long inode, offset;
	unsigned short bytes;
	unsigned char type;
	char name[];
};

/* Calls visit() for each file of a directory, in the order in which the archive has them: by name. */
static void each_file(const char *directory, void (*visit)(const char *, const char *))
{
	static char names[BUFFER_BYTES], last[NAME_BYTES];
	int folder = opened(directory, O_RDONLY | O_DIRECTORY);
	long bytes = folder < 0 ? 0 : call(__NR_getdents64, folder, (long)names, sizeof names, 0, 0);
	last[0] = 0;
	for (;;) {
		char path[2 * NAME_BYTES];
		const char *next = 0;
		for (long at = 0; at < bytes; at += ((struct entry *)(names + at))->bytes) {
			const char *name = ((struct entry *)(names + at))->name;
			const char *a = name, *b = last, *c = next;
			if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
				continue;
			while (*a && *a == *b)
				a++, b++;
			if (*a <= *b)
				continue;
			for (a = name; c && *a && *a == *c;)
				a++, c++;
			if (!next || *a < *c)
				next = name;
		}
		if (!next)
			break;
		put(last, next);
		put(put(put(path, directory), "/"), next);
		visit(path, next);
	}
}

/* scripts -------------------------------------------------------------------------------------- */

static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", 0,
};

static void run(const char *path, const char *name)
{
	const char *const arguments[] = {path, 0};
	int status = 0;
	long child = call(__NR_vfork, 0, 0, 0, 0, 0);
	if (child == 0) {
		call(__NR_execve, (long)path, (long)arguments, (long)environment, 0, 0);
		call(__NR_exit, 127, 0, 0, 0, 0);
	}
	call(__NR_wait4, child, (long)&status, 0, 0, 0);
	status = status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
	say_numbered("unikernel: script ", begins(name + 3, "-") ? name + 4 : name, " exit ", status);
}

static void make_room(void)
{
	mounted("proc", "/proc", "proc");
	mounted("sys", "/sys", "sysfs");
	mounted("dev", "/dev", "devtmpfs");
	mounted("tmp", "/tmp", "tmpfs");
	call(__NR_mkdir, (long)"/root", PRIVATE, 0, 0, 0);
	call(__NR_chdir, (long)"/root", 0, 0, 0, 0);
}

/* another file system ----------------------------------------------------------------------------- */

static void die(const char *what, const char *name)
{
	say("unikernel: fatal: ");
	say(what);
	say(name);
	say("\n");
	call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0, 0);
}

static void append(const char *from, const char *to, int flags)
{
	int source = opened(from, O_RDONLY), copy = opened(to, O_WRONLY | O_CREAT | flags);
	long bytes;
	if (copy < 0)
		die("can't write ", to);
	while ((bytes = call(__NR_read, source, (long)buffer, sizeof buffer, 0, 0)) > 0)
		if (call(__NR_write, copy, (long)buffer, bytes, 0, 0) != bytes)
			die("no room for ", to);
	call(__NR_close, source, 0, 0, 0, 0);
	call(__NR_close, copy, 0, 0, 0, 0);
}

static void carry(const char *path, const char *name)
{
	char place[2 * NAME_BYTES];
	struct statx about;
	put(put(place, "/image/root/"), name);
	append(path, place, O_TRUNC);
	if (call(__NR_statx, AT_FDCWD, (long)path, 0, STATX_MODE, (long)&about) == 0)
		call(__NR_chmod, (long)place, about.stx_mode & 07777, 0, 0, 0);
}

/* Before the image's own, which may end the machine. */
static void put_before(const char *from, const char *profile, const char *old)
{
	call(__NR_rename, (long)profile, (long)old, 0, 0, 0);
	append(from, profile, O_TRUNC);
	append(old, profile, O_APPEND);
}

static void switch_to(const char *device)
{
	static const char *const types[] = {"ext4", "ext3", "ext2", "xfs", "btrfs"};
	static const char *const inits[] = {"/sbin/init", "/lib/systemd/systemd", "/bin/init"};
	int is_there = 0;
	make_room();
	call(__NR_mkdir, (long)"/image", PRIVATE, 0, 0, 0);
	for (int waited = 0; !is_there && waited < LONGEST_WAIT_S * 100; waited++) {
		for (unsigned i = 0; !is_there && i < sizeof types / sizeof *types; i++)
			is_there = mounted(device, "/image", types[i]) == 0;
		if (!is_there)
			nap(10);
	}
	if (!is_there)
		die("no file system of a known type on ", device);
	each_file(FILES, carry);
	put_before(PROFILE, "/image/root/.profile", "/image/root/.profile-of-the-image");
	call(__NR_umount2, (long)"/proc", 2, 0, 0, 0);
	call(__NR_umount2, (long)"/sys", 2, 0, 0, 0);
	call(__NR_umount2, (long)"/tmp", 2, 0, 0, 0);
	call(__NR_mount, (long)"/dev", (long)"/image/dev", 0, MS_MOVE, 0);
	call(__NR_chdir, (long)"/image", 0, 0, 0, 0);
	call(__NR_mount, (long)".", (long)"/", 0, MS_MOVE, 0);
	call(__NR_chroot, (long)".", 0, 0, 0, 0);
	call(__NR_chdir, (long)"/", 0, 0, 0, 0);
	for (unsigned i = 0; i < sizeof inits / sizeof *inits; i++) {
		const char *const arguments[] = {inits[i], 0};
		call(__NR_execve, (long)inits[i], (long)arguments, (long)environment, 0, 0);
	}
	die("no init on ", device);
}

/* the whole ------------------------------------------------------------------------------------- */

__attribute__((used)) static void begin(long *stack)
{
	int count = stack[0], ends = 0, folder;
	char **words = (char **)(stack + 1), **settings = words + count + 1;
	struct __kernel_timespec now = {0, 0};
	char line[64];

	say("unikernel: init\n");
	for (int i = 1; i < count; i++)
		ends |= begins(words[i], "shutdown");
	for (; *settings; settings++)
		if (begins(*settings, "switch="))
			switch_to(*settings + length("switch="));
	call(__NR_clock_gettime, 0, (long)&now, 0, 0, 0);
	put(put_number(line, now.tv_sec * 1000000000UL + now.tv_nsec), " VM successfully running\n");
	say(line);
	folder = opened(SCRIPTS, O_RDONLY | O_DIRECTORY);
	if (folder >= 0) {
		make_room();
		each_file(SCRIPTS, run);
	}
	if (ends)
		call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0, 0);
	for (;;)
		call(__NR_pause, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
