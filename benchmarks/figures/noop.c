/* noop: the smallest program that can be launched; it exits at once with status 0.
 *
 * Freestanding on purpose: a C library's start-up (relocations, TLS, locale) costs more than everything the
 * kernel does for this process, and would hide the cost of the launch, which is what we measure.
 *
 * cc -std=c11 -O2 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-stack-protector -o noop noop.c
 */
#include <sys/syscall.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov $" STRING(SYS_exit_group) ", %eax\n\txor %edi, %edi\n\tsyscall\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x8, #" STRING(SYS_exit_group) "\n\tmov x0, #0\n\tsvc #0\n");
#else
#error "noop: expected x86-64 or aarch64; add the exit system call of this architecture"
#endif
