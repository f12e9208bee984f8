// Loaded in front of the C library: storage that takes its time.
//
// Each operation on a file below the folder KIMDB_SLOW_FOLDER takes as long as a file of numbers says, KIMDB_SLOW_CONTROL,
// which also counts who asked for one: the main thread, which is that of the program's event loop, or another.
// What is mapped into memory is memory, here as in SQLite's index of its log.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct control {
  uint64_t microseconds;
  uint64_t of_main;
  uint64_t of_others;
  char last_of_main[40];
};

static struct control *control;
static const char *folder;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("KIMDB_SLOW_CONTROL");
  folder = getenv("KIMDB_SLOW_FOLDER");
  if (path == NULL || folder == NULL) return;
  int file = open(path, O_RDWR);
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || memory == MAP_FAILED) abort();
  control = memory;
}

static void take_time(const char *path, const char *what) {
  uint64_t microseconds = __atomic_load_n(&control->microseconds, __ATOMIC_ACQUIRE);
  if (microseconds == 0 || strncmp(path, folder, strlen(folder)) != 0) return;
  if (syscall(SYS_gettid) == getpid()) {
    __atomic_add_fetch(&control->of_main, 1, __ATOMIC_RELEASE);
    snprintf(control->last_of_main, sizeof control->last_of_main, "%s %s", what, path + strlen(folder));
  } else {
    __atomic_add_fetch(&control->of_others, 1, __ATOMIC_RELEASE);
  }
  struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  syscall(SYS_nanosleep, &time, NULL);
}

static void slow_path(const char *path, const char *what) {
  int before = errno;
  if (control != NULL) take_time(path, what);
  errno = before;
}

static void slow_file(int file, const char *what) {
  if (control == NULL || control->microseconds == 0) return;
  int before = errno;
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length > 0) {
    path[length] = 0;
    take_time(path, what);
  }
  errno = before;
}

// A function on an open file, its arguments with and without their types.
#define ON_FILE(result, name, typed, plain)                                      \
  result name typed {                                                            \
    static result(*real) typed;                                                  \
    if (real == NULL) real = (result(*) typed)dlsym(RTLD_NEXT, #name);           \
    slow_file(file, #name);                                                      \
    return real plain;                                                           \
  }

// The same on a name.
#define ON_NAME(result, name, typed, plain)                                      \
  result name typed {                                                            \
    static result(*real) typed;                                                  \
    if (real == NULL) real = (result(*) typed)dlsym(RTLD_NEXT, #name);           \
    slow_path(path, #name);                                                      \
    return real plain;                                                           \
  }

ON_FILE(ssize_t, read, (int file, void *bytes, size_t count), (file, bytes, count))
ON_FILE(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
ON_FILE(ssize_t, pread64, (int file, void *bytes, size_t count, off64_t at), (file, bytes, count, at))
ON_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at))
ON_FILE(int, fsync, (int file), (file))
ON_FILE(int, fdatasync, (int file), (file))
ON_FILE(int, ftruncate64, (int file, off64_t length), (file, length))
ON_FILE(int, fallocate64, (int file, int mode, off64_t at, off64_t length), (file, mode, at, length))
ON_FILE(int, fstat64, (int file, struct stat64 *found), (file, found))
ON_NAME(int, stat64, (const char *path, struct stat64 *found), (path, found))
ON_NAME(int, lstat64, (const char *path, struct stat64 *found), (path, found))
ON_NAME(int, unlink, (const char *path), (path))
ON_NAME(int, access, (const char *path, int mode), (path, mode))
ON_NAME(int, statx, (int at, const char *path, int flags, unsigned mask, struct statx *found),
        (at, path, flags, mask, found))

// The mode is there only where a file may be made; passing on what is not there harms nothing.
#define OPEN(name)                                                               \
  int name(const char *path, int flags, ...) {                                   \
    static int (*real)(const char *, int, ...);                                  \
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list more;                                                                \
    va_start(more, flags);                                                       \
    mode_t mode = va_arg(more, mode_t);                                          \
    va_end(more);                                                                \
    slow_path(path, #name);                                                      \
    return real(path, flags, mode);                                              \
  }

OPEN(open)
OPEN(open64)
