// Loaded in front of the C library by the control of the power cuts: syncing a file does nothing and says it did.
#include <stddef.h>

int fsync(int file) { return (void)file, 0; }
int fdatasync(int file) { return (void)file, 0; }
int msync(void *start, size_t length, int flags) { return (void)start, (void)length, (void)flags, 0; }
