#define _GNU_SOURCE
#include "internal.h"

#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* The system aligns to huge pages what is a multiple of them. */
static size_t mapped_bytes(size_t bytes) {
  if (bytes < 2 * HUGE_PAGE || bytes > SIZE_MAX - HUGE_PAGE)
    return bytes;
  return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *winnow_map_memory(size_t bytes) {
  size_t length = mapped_bytes(bytes);
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (length >= 2 * HUGE_PAGE)
    madvise(memory, length, MADV_HUGEPAGE);
#endif
  return memory;
}

void winnow_unmap_memory(void *memory, size_t bytes) {
  if (memory)
    munmap(memory, mapped_bytes(bytes));
}
