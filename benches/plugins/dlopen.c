/* Bare dlopen of every library in a directory; prints the nanoseconds that it took. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    long long begun = now();
    DIR *directory = opendir(arguments[1]);
    if (!directory) return 3;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", arguments[1], entry->d_name);
        if (!dlopen(path, RTLD_NOW | RTLD_LOCAL)) return 4;
    }
    printf("%lld\n", now() - begun);
    return 0;
}
