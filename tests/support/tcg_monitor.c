/*
 * Stands where urunc looks for QEMU, on machines whose KVM can't be used: the same arguments, but for TCG.
 * urunc execs it in the container's root, where /usr/lib and this file are: the real QEMU lies beside it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 128
#define REAL "/real"

int main(int argc, char **argv)
{
	char real[4096], *given[MOST];
	int count = 0;
	if (argc > MOST - 6 || strlen(DIRECTORY REAL) >= sizeof real)
		return 126;
	strcpy(real, DIRECTORY REAL);
	for (int at = 0; at < argc; at++) {
		if (!strcmp(argv[at], "-enable-kvm"))
			continue;
		if (!strcmp(argv[at], "-cpu") && at + 1 < argc) {
			at++;
			continue;
		}
		given[count++] = argv[at];
	}
	given[count++] = "-L"; /* Debian's firmware; QEMU would look beside itself */
	given[count++] = "/usr/share/seabios";
	given[count++] = "-accel";
	given[count++] = "tcg";
	given[count++] = "-cpu";
	given[count++] = "max";
	given[count] = NULL;
	setenv("QEMU_MODULE_DIR", MODULES, 1); /* QEMU looks beside itself, and it was moved */
	execv(real, given);
	return 127;
}
