// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=mmap -o %t
// RUN: %t

/* A run allocates nothing once the workspace suffices, whether it was reserved,
 * is the caller's, or was grown by an earlier run. */
#include "check.h"

#include <stdatomic.h>
#include <sys/mman.h>

static atomic_int allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int a, int b, int c, off_t d);

void *__wrap_malloc(size_t bytes) {
  ++allocations;
  return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  ++allocations;
  return __real_calloc(count, bytes);
}
void *__wrap_realloc(void *old, size_t bytes) {
  ++allocations;
  return __real_realloc(old, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __real_aligned_alloc(alignment, bytes);
}
void *__wrap_mmap(void *at, size_t bytes, int a, int b, int c, off_t d) {
  ++allocations;
  return __real_mmap(at, bytes, a, b, c, d);
}

enum { ROOM = 200 };
static float x[4 * ROOM], y[4 * ROOM], total[ROOM];
static int64_t ids[ROOM];

static int allocations_of_run(winnow_context *context, int64_t batch) {
  int64_t dims[] = {batch, 4};
  winnow_tensor in[] = {winnow_make_tensor(WINNOW_DTYPE_F32, 2, dims, x, 0),
                        winnow_make_tensor(WINNOW_DTYPE_I64, 1, dims, ids, 0)};
  winnow_tensor out[] = {
      winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, y, sizeof y),
      winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, total, sizeof total)};
  allocations = 0;
  OK(winnow_run(context, in, 2, out, 2));
  return allocations;
}

int main(void) {
  static char workspace[64 * ROOM] __attribute__((aligned(64)));
  winnow_model *model = open_demo();
  for (int threads = 1; threads <= 4; threads *= 2) {
    winnow_context *context = make_context(model, threads);
    CHECK(allocations_of_run(context, 100) == 1); /* the workspace */
    CHECK(allocations_of_run(context, 100) == 0);
    CHECK(allocations_of_run(context, 7) == 0);
    int64_t batch = ROOM;
    OK(winnow_context_reserve(context, &batch));
    CHECK(allocations_of_run(context, ROOM) == 0);
    OK(winnow_context_set_workspace(context, workspace, sizeof workspace));
    CHECK(allocations_of_run(context, ROOM) == 0);
    winnow_context_destroy(context);
  }
  winnow_model_close(model);
  return 0;
}
