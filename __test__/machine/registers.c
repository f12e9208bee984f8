// Loaded in front of the C library of user-mode Linux, so that it runs on processors that are newer than it.
//
// User-mode Linux 6.1 gives the registers of a process back in a buffer of 2,696 bytes. A host whose processor has
// more of them (AMX) refuses that; here the rest is filled with what the process has.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

long ptrace(enum __ptrace_request request, ...) {
  va_list list;
  va_start(list, request);
  pid_t pid = va_arg(list, pid_t);
  void *address = va_arg(list, void *);
  void *data = va_arg(list, void *);
  va_end(list);
  if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) {
    long value, result = syscall(SYS_ptrace, request, pid, address, &value);
    if (result < 0) return result;
    errno = 0;
    return value;
  }
  if (request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE) {
    static char registers[65536];
    const struct iovec *given = data;
    struct iovec all = {registers, sizeof registers};
    if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, address, &all) == 0 && all.iov_len > given->iov_len) {
      memcpy(registers, given->iov_base, given->iov_len);
      return syscall(SYS_ptrace, request, pid, address, &all);
    }
  }
  return syscall(SYS_ptrace, request, pid, address, data);
}
