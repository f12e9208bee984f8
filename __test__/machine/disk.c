// Loaded in front of the C library of user-mode Linux: its disk gets a write cache that a power cut loses.
//
// User-mode Linux writes to the image with pwrite, and what has been written so survives a kill of it: the cache of
// the host keeps it. A real disk promises nothing before a flush. So each sector of a write is held back here, or
// goes to the image at once, by chance, and a flush writes all that is held. A cut then leaves any part of what was
// not flushed, in any order, torn between sectors.
//
// IMPORTANT: user-mode Linux 6.1 answers a flush without doing anything. It has one thread for its disk, which reads
// pointers to requests from a pipe and does the parts of each; a flush has no parts. So flushes are seen here where the
// pointers are read. That the parts have as many bytes as the thread then moves proves that they are understood rightly.
//
// Nothing here is locked, or allocated: only that one thread uses it.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512
// File systems take their superblock for one piece that a cut does not tear, so blocks at the front are kept whole.
#define BLOCK 4096
#define FRONT (128 * 1024)

static struct stat image;
static pid_t kernel, disk_thread;
static unsigned long bytes_asked, bytes_moved;
static char *held;           // as large as the image; memory is used only where something is held
static uint64_t *is_held;    // a bit for each sector
static size_t words;
static uint64_t chance;
static unsigned through;     // how many of 100 sectors go to the image at once

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("KIMDB_DISK");
  if (path == NULL || stat(path, &image) != 0) return;
  kernel = getpid();
  words = image.st_size / SECTOR / 64 + 1;
  held = mmap(NULL, image.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  is_held = mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (held == MAP_FAILED || is_held == MAP_FAILED) abort();
  chance = strtoull(getenv("KIMDB_DISK_SEED"), NULL, 10) * 2 + 1;
  through = atoi(getenv("KIMDB_DISK_THROUGH"));
}

static int is_disk(int file) {
  struct stat found;
  return held != NULL && fstat(file, &found) == 0 && found.st_ino == image.st_ino && found.st_dev == image.st_dev;
}

// xorshift64
static unsigned percent(void) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (chance >> 20) % 100;
}

static void note_bytes(size_t count) {
  // The kernel itself looks at the front of the image when the disk is opened.
  if (getpid() == kernel) return;
  disk_thread = getpid();
  bytes_moved += count;
}

static ssize_t write_image(int file, const void *bytes, size_t count, off_t at) {
  return syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
  if (!is_disk(file)) return write_image(file, bytes, count, at);
  if (at % SECTOR != 0 || count % SECTOR != 0 || at + (off_t)count > image.st_size) abort();
  note_bytes(count);
  int is_through = 0;
  for (size_t done = 0; done < count; done += SECTOR) {
    uint64_t sector = (at + done) / SECTOR, bit = 1ull << sector % 64;
    if (done == 0 || at + (off_t)done >= FRONT || (at + done) % BLOCK == 0) is_through = percent() < through;
    if (is_through) {
      if (write_image(file, (const char *)bytes + done, SECTOR, at + done) != SECTOR) return -1;
      is_held[sector / 64] &= ~bit;
    } else {
      memcpy(held + at + done, (const char *)bytes + done, SECTOR);
      is_held[sector / 64] |= bit;
    }
  }
  return count;
}

ssize_t pread64(int file, void *bytes, size_t count, off_t at) {
  ssize_t result = syscall(SYS_pread64, file, bytes, count, at);
  if (result <= 0 || !is_disk(file)) return result;
  note_bytes(result);
  for (off_t from = at; from < at + result;) {
    uint64_t sector = from / SECTOR;
    off_t end = (sector + 1) * SECTOR < (uint64_t)(at + result) ? (off_t)((sector + 1) * SECTOR) : at + result;
    if (is_held[sector / 64] >> sector % 64 & 1) memcpy((char *)bytes + (from - at), held + from, end - from);
    from = end;
  }
  return result;
}

// The host keeps its power: what has reached the image needs no sync.
static int flush(int file) {
  for (size_t word = 0; word < words; word++) {
    while (is_held[word] != 0) {
      off_t at = (off_t)(word * 64 + __builtin_ctzll(is_held[word])) * SECTOR;
      if (write_image(file, held + at, SECTOR, at) != SECTOR) return -1;
      is_held[word] &= is_held[word] - 1;
    }
  }
  return 0;
}

// As it begins in user-mode Linux.
struct request {
  void *of_the_kernel;
  int files[2];
  unsigned long offsets[2];
  unsigned long long offset;
  int sector_size;
  int error;
  int count;
  struct {
    char *buffer;
    unsigned long length;
    unsigned long other[4];
  } parts[];
};

static int is_followed;

static void give_up(void) {
  const char text[] = "kimdb: cannot follow what this version of user-mode Linux does to its disk\n";
  if (write(1, text, sizeof text - 1) > 0) kill(0, SIGKILL);
}

ssize_t read(int file, void *bytes, size_t count) {
  ssize_t result = syscall(SYS_read, file, bytes, count);
  if (result <= 0 || disk_thread == 0 || getpid() != disk_thread) return result;
  if (bytes_moved != bytes_asked && is_followed) give_up();
  bytes_moved = bytes_asked = 0;
  is_followed = 1;
  int disk = -1;
  if (result % sizeof(struct request *) != 0) give_up();
  for (struct request **next = bytes; (char *)next < (char *)bytes + result; next++) {
    const struct request *request = *next;
    if (!is_disk(request->files[0])) give_up();
    for (int i = 0; i < request->count; i++) bytes_asked += request->parts[i].length;
    if (request->count == 0) disk = request->files[0];
  }
  // What comes along with a flush need not be flushed by it, so it is done first.
  if (disk >= 0 && flush(disk) != 0) give_up();
  return result;
}

// A user-mode Linux that does sync its disk.
static int sync_file(int file, long call) {
  return is_disk(file) ? flush(file) : (int)syscall(call, file);
}

int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }
int fsync(int file) { return sync_file(file, SYS_fsync); }

// Discarding would go around what is held.
int fallocate64(int file, int mode, off_t at, off_t length) {
  if (!is_disk(file)) return (int)syscall(SYS_fallocate, file, mode, at, length);
  errno = EOPNOTSUPP;
  return -1;
}
