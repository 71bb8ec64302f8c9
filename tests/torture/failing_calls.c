// Loaded before libc (LD_PRELOAD): lets call number FAIL_AT of a kind fail, for files below FAIL_FOLDER.
// FAIL_CALL=sync: fsync, fdatasync and sync_file_range answer EIO. FAIL_CALL=write: ENOSPC.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int fails(const char* kind, int file)
{
    const char* which = getenv("FAIL_CALL");
    const char* at = getenv("FAIL_AT");
    const char* folder = getenv("FAIL_FOLDER");
    if (!which || !at || !folder || strcmp(which, kind) != 0)
        return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    return atomic_fetch_add(&calls, 1) + 1 == atol(at);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int file)
{
    REAL(fsync);
    if (fails("sync", file)) { errno = EIO; return -1; }
    return real(file);
}

int fdatasync(int file)
{
    REAL(fdatasync);
    if (fails("sync", file)) { errno = EIO; return -1; }
    return real(file);
}

ssize_t write(int file, const void* bytes, size_t count)
{
    REAL(write);
    if (fails("write", file)) { errno = ENOSPC; return -1; }
    return real(file, bytes, count);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at)
{
    REAL(pwrite);
    if (fails("write", file)) { errno = ENOSPC; return -1; }
    return real(file, bytes, count, at);
}
