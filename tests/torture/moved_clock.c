// Loaded before libc (LD_PRELOAD): gives the program another clock.
// MOVED_CLOCK names a file of 8 bytes, read at each look: how many nanoseconds the wall clock is ahead.
// MOVED_SPEED (default 1): how many seconds pass in one, for both clocks and for what is waited for.
// Waits of a whole number of milliseconds (poll, epoll_wait) are left alone: the program's timers are timerfds.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>

#define SECOND 1000000000LL
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static const _Atomic int64_t* ahead;
static long speed = 1;
static int64_t began[2];  // the real wall clock and the real steady clock at the start

static int64_t to_number(struct timespec time) { return time.tv_sec * SECOND + time.tv_nsec; }

static struct timespec from_number(int64_t time)
{
    if (time < 0)
        time = 0;
    return (struct timespec){time / SECOND, time % SECOND};
}

static int64_t real_time(clockid_t which)
{
    REAL(clock_gettime);
    struct timespec time;
    real(which, &time);
    return to_number(time);
}

__attribute__((constructor)) static void begin(void)
{
    const char* factor = getenv("MOVED_SPEED");
    const char* name = getenv("MOVED_CLOCK");
    if (factor)
        speed = atol(factor);
    const int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void* seen = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (seen != MAP_FAILED)
        ahead = seen;
    began[0] = real_time(CLOCK_REALTIME);
    began[1] = real_time(CLOCK_MONOTONIC);
}

static int is_wall(clockid_t which) { return which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE; }

static int is_moved(clockid_t which)
{
    return is_wall(which) || which == CLOCK_MONOTONIC || which == CLOCK_MONOTONIC_COARSE || which == CLOCK_BOOTTIME;
}

static int64_t moved(int64_t real, int wall)
{
    const int64_t start = began[wall ? 0 : 1];
    return start + (real - start) * speed + (wall && ahead ? atomic_load(ahead) : 0);
}

static int64_t moved_back(int64_t time, int wall)
{
    const int64_t start = began[wall ? 0 : 1];
    return start + (time - (wall && ahead ? atomic_load(ahead) : 0) - start) / speed;
}

int clock_gettime(clockid_t which, struct timespec* time)
{
    REAL(clock_gettime);
    const int result = real(which, time);
    if (result == 0 && is_moved(which))
        *time = from_number(moved(to_number(*time), is_wall(which)));
    return result;
}

time_t time(time_t* out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int timerfd_settime(int file, int flags, const struct itimerspec* value, struct itimerspec* before)
{
    REAL(timerfd_settime);
    struct itimerspec scaled = *value;
    if (!(flags & TFD_TIMER_ABSTIME) && to_number(value->it_value) > 0)
        scaled.it_value = from_number(to_number(value->it_value) / speed + 1);
    return real(file, flags, &scaled, before);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const struct timespec* until)
{
    REAL(pthread_cond_timedwait);
    const struct timespec real_until = from_number(moved_back(to_number(*until), 1));
    return real(condition, mutex, &real_until);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t which, const struct timespec* until)
{
    REAL(pthread_cond_clockwait);
    const struct timespec real_until = from_number(moved_back(to_number(*until), is_wall(which)));
    return real(condition, mutex, which, &real_until);
}
