/*
 * What writing urunc's stamps costs by itself: the clock, the line, one write to a file opened with O_APPEND each.
 * usage: write_stamps FILE STAMPS ROUNDS: prints the nanoseconds of each round as JSON
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ID "15c769b9be14c59174626521f7964a8ae06e75c48c5cfd91e2829317c15d455b"

static long now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void stamp(int file, int number)
{
	char line[256];
	int length = snprintf(line, sizeof line, "{\"containerID\":\"%s\",\"timestampID\":\"TS%02d\",\"time\":%ld}\n", ID,
			      number, now_ns(CLOCK_REALTIME));
	if (write(file, line, length) != length)
		exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int file = open(argv[1], O_CREAT | O_WRONLY | O_APPEND, 0600);
	int stamps = atoi(argv[2]), rounds = atoi(argv[3]);
	if (file < 0)
		return 1;
	printf("{\"ns\": [");
	for (int round = 0; round < rounds; round++) {
		long begin_ns = now_ns(CLOCK_MONOTONIC);
		for (int number = 0; number < stamps; number++)
			stamp(file, number);
		printf("%s%ld", round ? ", " : "", now_ns(CLOCK_MONOTONIC) - begin_ns);
	}
	printf("]}\n");
	return 0;
}
