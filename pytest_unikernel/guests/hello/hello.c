/*
 * What the default container runs: says hello and ends; static, without a C library.
 *
 * Built by `python -m pytest_unikernel.guests.build.static_program`. Source of the numbers: Linux's UAPI headers.
 */
#include <asm/unistd.h>

static const char greeting[] = "Hello from a container of pytest-unikernel!\n";

static long call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

void _start(void)
{
	long wanted = sizeof greeting - 1;
	long status = call(__NR_write, 1, (long)greeting, wanted) != wanted;
	for (;;)
		call(__NR_exit_group, status, 0, 0);
}
