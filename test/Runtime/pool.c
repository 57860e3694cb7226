// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -o %t
// RUN: %t

/* Parallel regions: every index once, serial when nested, scratch of its own;
 * one context at a time; and many threads with a context each. The same file
 * is run under ThreadSanitizer by pool-tsan.test. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- A model whose run is whatever the test wants ---- */

static void (*body)(const winnow_call *);
static void run_body(const winnow_call *call) { body(call); }
static int64_t no_bytes(const int64_t *symbols) {
  (void)symbols;
  return 0;
}
static void no_dims(const int64_t *symbols, int64_t *dims) {
  (void)symbols;
  (void)dims;
}
static void no_data(int64_t *symbols) { (void)symbols; }
static const winnow_code code = {"x86-64", 0, 100, no_bytes, run_body, 0};
static const winnow_model_desc hook_model = {
    .abi_version = WINNOW_ABI_VERSION,
    .struct_size = sizeof(winnow_model_desc),
    .name = "hook",
    .compiler_version = "test",
    .target = "",
    .num_codes = 1,
    .codes = &code,
    .output_dims = no_dims,
    .capacities = no_data,
    .output_room = no_dims,
    .bind = winnow_rt_bind,
};

static winnow_model *open_hook(void) {
  winnow_model *model;
  OK(winnow_model_open(&hook_model, NULL, &model));
  return model;
}

/* ---- Every index once ---- */

enum { MAX_N = 5000 };
static unsigned char seen[MAX_N];
static int64_t current_n;

static void mark(void *ctx, int64_t begin, int64_t end, void *scratch) {
  CHECK((uintptr_t)scratch % 64 == 0);
  /* A chunk is as long as the grain unless it is the last one. */
  CHECK(end > begin && (end - begin >= *(int64_t *)ctx || end == current_n));
  *(char *)scratch = 1; /* a race if two threads had the same */
  for (int64_t i = begin; i < end; ++i)
    ++seen[i];
}

static void all_sizes(const winnow_call *call) {
  (void)call;
  for (int64_t n = 0; n <= MAX_N; n = n < 70 ? n + 1 : n * 2 + 1)
    for (int64_t grain = 0; grain <= 128; grain = grain ? grain * 8 : 1) {
      memset(seen, 0, sizeof seen);
      current_n = n;
      winnow_rt_parallel(mark, &grain, n, grain);
      for (int64_t i = 0; i < MAX_N; ++i)
        CHECK(seen[i] == (i < n));
    }
}

/* ---- Nested ---- */

static atomic_int inner_calls, inner_indices;

static void inner(void *ctx, int64_t begin, int64_t end, void *scratch) {
  CHECK(ctx == scratch);
  ++inner_calls;
  inner_indices += (int)(end - begin);
}

static void outer(void *ctx, int64_t begin, int64_t end, void *scratch) {
  (void)ctx;
  for (int64_t i = begin; i < end; ++i)
    winnow_rt_parallel(inner, scratch, 10, 1);
}

static void nested(const winnow_call *call) {
  (void)call;
  inner_calls = inner_indices = 0;
  winnow_rt_parallel(outer, NULL, 20, 1);
  CHECK(inner_calls == 20 && inner_indices == 200);
}

/* ---- Sleeping and waking ---- */

static void with_pauses(const winnow_call *call) {
  (void)call;
  int64_t grain = 1;
  current_n = 100;
  for (int i = 0; i < 50; ++i) {
    memset(seen, 0, sizeof seen);
    winnow_rt_parallel(mark, &grain, 100, grain);
    for (int j = 0; j < 100; ++j)
      CHECK(seen[j] == 1);
    usleep(100 * (unsigned)(i % 3));
  }
}

/* ---- One call at a time ---- */

static winnow_context *shared_context;

static void reenter(const winnow_call *call) {
  (void)call;
  FAILS(WINNOW_ERROR_BUSY, "expected the context to be idle, ...",
        winnow_run(shared_context, NULL, 0, NULL, 0));
  FAILS(WINNOW_ERROR_BUSY, "expected the context to be idle, ...",
        winnow_context_reserve(shared_context, NULL));
}

/* ---- Many threads, one model ---- */

enum { CALLERS = 16, BATCH = 64 };

typedef struct {
  winnow_model *model;
  const float *expected;
  int calls, threads;
} caller;

static void fill(float *x, int64_t *ids) {
  for (int i = 0; i < 4 * BATCH; ++i)
    x[i] = (float)i / 7;
  for (int i = 0; i < BATCH; ++i)
    ids[i] = i % 3;
}

static void call_demo(winnow_context *context, float *y, float *total) {
  float x[4 * BATCH];
  int64_t ids[BATCH], dims[] = {BATCH, 4};
  fill(x, ids);
  winnow_tensor in[] = {winnow_make_tensor(WINNOW_DTYPE_F32, 2, dims, x, 0),
                        winnow_make_tensor(WINNOW_DTYPE_I64, 1, dims, ids, 0)};
  winnow_tensor out[] = {
      winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, y, 4 * BATCH * sizeof *y),
      winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, total,
                         BATCH * sizeof *total)};
  OK(winnow_run(context, in, 2, out, 2));
}

static void *call_often(void *argument) {
  const caller *c = argument;
  winnow_context *context = make_context(c->model, c->threads);
  for (int i = 0; i < c->calls; ++i) {
    float y[4 * BATCH], total[BATCH];
    call_demo(context, y, total);
    CHECK(memcmp(y, c->expected, sizeof y) == 0);
  }
  winnow_context_destroy(context);
  return NULL;
}

static void many_threads(int calls, int threads) {
  float expected[4 * BATCH], total[BATCH];
  winnow_model *model = open_demo();
  winnow_context *context = make_context(model, 1);
  call_demo(context, expected, total);
  winnow_context_destroy(context);
  pthread_t handles[CALLERS];
  caller c = {model, expected, calls, threads};
  for (int i = 0; i < CALLERS; ++i)
    CHECK(pthread_create(&handles[i], NULL, call_often, &c) == 0);
  for (int i = 0; i < CALLERS; ++i)
    pthread_join(handles[i], NULL);
  winnow_model_close(model);
}

static void run_on(int threads, void (*what)(const winnow_call *)) {
  winnow_model *model = open_hook();
  shared_context = make_context(model, threads);
  body = what;
  OK(winnow_run(shared_context, NULL, 0, NULL, 0));
  winnow_context_destroy(shared_context);
  winnow_model_close(model);
}

static void whole(void *ctx, int64_t begin, int64_t end, void *scratch) {
  CHECK(begin == 0 && end == 7 && !scratch);
  ++*(int *)ctx;
}

int main(int argc, char **argv) {
  int calls = argc > 1 ? atoi(argv[1]) : 1000;
  static const int counts[] = {1, 2, 3, 8};
  for (int i = 0; i < 4; ++i) {
    run_on(counts[i], all_sizes);
    run_on(counts[i], nested);
    run_on(counts[i], with_pauses);
    run_on(counts[i], reenter);
  }
  many_threads(calls, 1);
  many_threads(calls / 10, 2);
  /* Outside a run: serial, and failures go nowhere. */
  int count = 0;
  winnow_rt_parallel(whole, &count, 7, 1);
  winnow_rt_parallel(whole, &count, 0, 1);
  winnow_rt_fail(0);
  CHECK(count == 1);
  return 0;
}
