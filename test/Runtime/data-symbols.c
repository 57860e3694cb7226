// RUN: %build_c %s %S/Inputs/data_model.c -lwinnow_rt -Wl,--wrap=malloc,--wrap=calloc,--wrap=aligned_alloc,--wrap=mmap -o %t
// RUN: %t

/* Dimensions that data gives: their bounds and capacities, the room of outputs,
 * growth, and runs that stop halfway. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

extern const winnow_model_desc data_model;

enum { ROOM = 100000, DIMS = 3 };

typedef struct {
  winnow_context *context;
  int64_t n, x[8], *positive, *rest, *repeated, sum;
  winnow_tensor in[1], out[4];
} call;

static void give_room(call *c, int which, int64_t count) {
  c->out[which].bytes = (size_t)count * sizeof(int64_t);
}

static call *make_call(winnow_model *model, int threads) {
  call *c = calloc(1, sizeof *c);
  c->positive = calloc(ROOM, sizeof(int64_t));
  c->rest = calloc(ROOM, sizeof(int64_t));
  c->repeated = calloc(ROOM, sizeof(int64_t));
  CHECK(c->positive && c->rest && c->repeated);
  c->context = make_context(model, threads);
  c->in[0] = winnow_make_tensor(WINNOW_DTYPE_I64, 1, &c->n, c->x, 0);
  void *data[] = {c->positive, c->rest, c->repeated, &c->sum};
  for (int i = 0; i < 4; ++i)
    c->out[i] = winnow_make_tensor(WINNOW_DTYPE_I64, i < 3, NULL, data[i], 8);
  for (int i = 0; i < 3; ++i)
    give_room(c, i, ROOM);
  return c;
}

static void free_call(call *c) {
  winnow_context_destroy(c->context);
  free(c->positive);
  free(c->rest);
  free(c->repeated);
  free(c);
}

static winnow_status *run(call *c) {
  return winnow_run(c->context, c->in, 1, c->out, 4);
}

static void set(call *c, int64_t n, const int64_t *x) {
  c->n = n;
  for (int64_t i = 0; i < n; ++i)
    c->x[i] = x[i];
}

static void check_plan(call *c, int64_t positive, int64_t rest,
                       int64_t repeated) {
  int64_t dims[DIMS];
  size_t workspace;
  OK(winnow_context_plan(c->context, c->in, 1, dims, DIMS, &workspace));
  CHECK(dims[0] == positive && dims[1] == rest && dims[2] == repeated);
  CHECK(workspace == (size_t)repeated * 8);
}

/* The outputs of a run that succeeded, by the definition of the model. */
static void check_result(call *c) {
  int64_t dims[DIMS], positive = 0, rest = 0, repeated = 0, sum = 0;
  OK(winnow_context_output_dims(c->context, dims, DIMS));
  for (int64_t i = 0; i < c->n; ++i) {
    if (c->x[i] <= 0) {
      CHECK(c->rest[rest++] == c->x[i]);
      continue;
    }
    CHECK(c->positive[positive++] == c->x[i]);
    for (int64_t k = 0; k < c->x[i]; ++k)
      CHECK(c->repeated[repeated++] == c->x[i]);
    sum += c->x[i] * c->x[i];
  }
  CHECK(dims[0] == positive && dims[1] == rest && dims[2] == repeated);
  CHECK(c->sum == sum);
}

#define SET(...)                                                               \
  set(c, sizeof((int64_t[]){__VA_ARGS__}) / 8, (int64_t[]){__VA_ARGS__})

/* ---- The caller's loop ---- */

static void check_growth(call *c) {
  int64_t dims[DIMS];
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a run that succeeded before its outputs' dimensions are "
        "asked for, got none",
        winnow_context_output_dims(c->context, dims, DIMS));
  SET(0, 5, -7, 3);
  check_plan(c, 4, 4, 0);
  /* What is too small before the run is told like what is within it. */
  give_room(c, 0, 3);
  FAILS(WINNOW_ERROR_CAPACITY,
        "output 'positive': expected room for 32 bytes for what the data may "
        "need, got 24; ask winnow_context_plan and run again",
        run(c));
  give_room(c, 0, 4);
  give_room(c, 1, 4);
  c->out[2].data = NULL;
  FAILS(WINNOW_ERROR_CAPACITY,
        "output 'repeated': expected room for 40 bytes for what the data may "
        "need, got 0; ask winnow_context_plan and run again",
        run(c));
  check_plan(c, 4, 4, 5);
  c->out[2].data = c->repeated;
  give_room(c, 2, 5);
  /* Half as much again as 5 is less than what 5 + 3 need. */
  FAILS(WINNOW_ERROR_CAPACITY,
        "output 'repeated': expected room for 64 bytes for what the data may "
        "need, got 40; ask winnow_context_plan and run again",
        run(c));
  check_plan(c, 4, 4, 8);
  give_room(c, 2, 8);
  OK(run(c));
  check_result(c);
  /* It stays. The room is for other data, too, and small rises are rounded up.
   */
  SET(8, 1);
  check_plan(c, 2, 2, 8);
  FAILS(WINNOW_ERROR_CAPACITY,
        "output 'repeated': expected room for 96 bytes for what the data may "
        "need, got 64; ask winnow_context_plan and run again",
        run(c));
  check_plan(c, 2, 2, 12);
  /* A failed run leaves the dims of the one before. */
  OK(winnow_context_output_dims(c->context, dims, DIMS));
  CHECK(dims[0] == 2 && dims[1] == 2 && dims[2] == 8);
  /* Where there is room, the run begins anew by itself, as often as needed. */
  for (int i = 0; i < 3; ++i)
    give_room(c, i, ROOM);
  SET(10, 20, 40, 80, 160, 320, 640, 1280);
  OK(run(c));
  check_result(c);
  check_plan(c, 8, 8, 2550);
  OK(winnow_context_set_workspace(c->context, NULL, 0));
  check_plan(c, 8, 8, 0);
  SET(0);
  OK(run(c));
  check_result(c);
  set(c, 0, NULL);
  OK(run(c));
  check_result(c);
}

static void check_room(call *c) {
  SET(1, 2);
  c->out[0].bytes = WINNOW_BYTES_UNCHECKED;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "output 'positive': expected the bytes of its buffer, as its "
        "dimensions depend on data, got WINNOW_BYTES_UNCHECKED",
        run(c));
  give_room(c, 0, ROOM);
  /* Dims that depend on data are not looked at. */
  int64_t wrong = 77;
  c->out[0].dims = &wrong;
  OK(run(c));
  check_result(c);
  c->out[0].dims = NULL;
  int64_t dims[DIMS];
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected room for 3 output dimensions, got 2",
        winnow_context_plan(c->context, c->in, 1, dims, 2, NULL));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected room for 3 output dimensions, got 0",
        winnow_context_output_dims(c->context, NULL, 3));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, "expected 1 inputs (x), got 0",
        winnow_context_plan(c->context, c->in, 0, dims, DIMS, NULL));
}

/* ---- Runs that end early ---- */

static void check_stops(call *c) {
  SET(5, -2);
  FAILS(WINNOW_ERROR_RUN_CHECK, "node '/check': an element is -1 or -2",
        run(c));
  SET(5, -3);
  FAILS(WINNOW_ERROR_RUN_CHECK, "node '/repeat': a size is out of its bounds",
        run(c));
  SET(5, 100000);
  FAILS(WINNOW_ERROR_RUN_CHECK, "node '/repeat': a size is out of its bounds",
        run(c));
  /* The first failure is told, and what follows from it asks for no room. */
  OK(winnow_context_set_workspace(c->context, NULL, 0));
  SET(5, -1);
  FAILS(WINNOW_ERROR_RUN_CHECK, "node '/check': an element is -1 or -2",
        run(c));
  check_plan(c, 2, 2, 0);
  SET(5, 6);
  OK(run(c));
  check_result(c);
}

/* ---- Symbols and memory ---- */

static void check_symbols(winnow_model *model, call *c) {
  int64_t symbols[3] = {0, 99, 99}, dims[DIMS];
  SET(1, 2, 3);
  OK(winnow_model_infer_symbols(model, c->in, 1, symbols));
  CHECK(symbols[0] == 3 && symbols[1] == 3 && symbols[2] == 0);
  OK(winnow_model_output_dims(model, symbols, dims, DIMS));
  CHECK(dims[0] == 3 && dims[1] == 0 && dims[2] == 0);
  OK(winnow_context_set_workspace(c->context, NULL, 0));
  OK(winnow_context_reserve(c->context, (int64_t[]){0, 0, 50}));
  check_plan(c, 3, 3, 50);
  OK(winnow_context_reserve(c->context, (int64_t[]){8, -1, 0}));
  check_plan(c, 3, 3, 50);
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected 'total' to be between 0 and 100000, got 100001",
        winnow_context_reserve(c->context, (int64_t[]){8, 8, 100001}));
  check_plan(c, 3, 3, 50);
}

static void check_own_workspace(call *c) {
  static int64_t workspace[1024] __attribute__((aligned(64)));
  SET(5, 6);
  OK(winnow_context_set_workspace(c->context, NULL, 0));
  OK(winnow_context_set_workspace(c->context, workspace, 0));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a workspace of at least 40 bytes for these inputs, got 0; "
        "...",
        run(c));
  check_plan(c, 2, 2, 5);
  OK(winnow_context_set_workspace(c->context, workspace, sizeof workspace));
  OK(run(c));
  check_result(c);
  OK(winnow_context_set_workspace(c->context, NULL, 0));
}

static atomic_int allocations, is_memory_out;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
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
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __real_aligned_alloc(alignment, bytes);
}
void *__wrap_mmap(void *at, size_t bytes, int a, int b, int c, off_t d) {
  ++allocations;
  return is_memory_out ? MAP_FAILED : __real_mmap(at, bytes, a, b, c, d);
}

static void check_memory(call *c) {
  OK(winnow_context_set_workspace(c->context, NULL, 0));
  SET(100, 50);
  OK(run(c));
  allocations = 0;
  OK(run(c));
  SET(149, 1);
  OK(run(c));
  CHECK(allocations == 0);
  check_result(c);
  /* What could not be had is not asked for again. */
  is_memory_out = 1;
  SET(100, 51);
  FAILS(WINNOW_ERROR_OUT_OF_MEMORY,
        "expected 1800 bytes of workspace, got none", run(c));
  is_memory_out = 0;
  check_plan(c, 2, 2, 150);
  OK(run(c));
  check_result(c);
}

/* ---- Several contexts ---- */

static void *run_many(void *argument) {
  call *c = argument;
  for (int i = 0; i < 300; ++i) {
    SET(i % 7, 3 * (i % 11), i, -i - 4);
    if (i % 50 == 49) {
      OK(winnow_context_set_workspace(c->context, NULL, 0));
      c->x[3] = -2;
      winnow_status *status = run(c);
      CHECK(winnow_status_code(status) == WINNOW_ERROR_RUN_CHECK);
      winnow_status_free(status);
      c->x[3] = 0;
    }
    OK(run(c));
    check_result(c);
  }
  return NULL;
}

static void check_concurrency(winnow_model *model) {
  pthread_t threads[4];
  call *calls[4];
  for (int i = 0; i < 4; ++i) {
    calls[i] = make_call(model, i + 1);
    CHECK(pthread_create(&threads[i], NULL, run_many, calls[i]) == 0);
  }
  for (int i = 0; i < 4; ++i) {
    pthread_join(threads[i], NULL);
    free_call(calls[i]);
  }
}

/* Code that runs outside any run is not checked. */
static void check_no_scope(void) {
  winnow_rt_define(0, -1, 0);
  winnow_rt_stop(0);
}

int main(void) {
  winnow_model *model;
  check_no_scope();
  OK(winnow_model_open(&data_model, NULL, &model));
  for (int threads = 1; threads <= 4; threads *= 2) {
    call *c = make_call(model, threads);
    check_growth(c);
    check_room(c);
    check_stops(c);
    check_symbols(model, c);
    check_own_workspace(c);
    check_memory(c);
    free_call(c);
  }
  check_concurrency(model);
  winnow_model_close(model);
  return 0;
}
