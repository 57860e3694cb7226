/* A hand-written compiled model whose dimensions depend on data:
 *
 *   positive[count]     the elements of x that are positive   x: int64 [n]
 *   rest[n - count]     the others
 *   repeated[total]     each positive element as often as it says
 *   sum                 of the elements of `repeated`
 *
 * `count` is at most n. `total`, from 0 to 100000, has no bound, and a loop
 * over `positive` defines it, once an iteration. The check of site 0 fails for
 * an element of -1, in a task, and stops the run for -2, before anything else.
 * An element of -3 makes `total` -3, which fails site 1. */
#include "winnow/abi.h"

enum { N, COUNT, TOTAL };

typedef struct {
  const int64_t *x;
  int64_t *out;
} fill_state;

static void fill(void *ctx, int64_t begin, int64_t end, void *scratch) {
  const fill_state *state = ctx;
  (void)scratch;
  for (int64_t i = begin; i < end; ++i)
    state->out[i] = *state->x;
}

static void check(void *ctx, int64_t begin, int64_t end, void *scratch) {
  const int64_t *x = ctx;
  (void)scratch;
  for (int64_t i = begin; i < end; ++i)
    if (x[i] == -1)
      winnow_rt_fail(0);
}

static int64_t count_positive(const int64_t *x, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == -2)
      winnow_rt_stop(0);
    count += x[i] > 0;
  }
  return count;
}

static void run(const winnow_call *call) {
  int64_t *x = (int64_t *)(uintptr_t)call->inputs[0];
  int64_t n = call->symbols[N], count = count_positive(x, n), total = 0;
  int64_t *positive = call->outputs[0], *rest = call->outputs[1];
  int64_t *repeated = call->outputs[2], *sum = call->outputs[3];
  int64_t *workspace = call->workspace;
  winnow_rt_define(COUNT, count, 0);
  winnow_rt_parallel(check, x, n, 1);
  *sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == -3)
      winnow_rt_define(TOTAL, -3, 1);
    if (x[i] > 0)
      *positive++ = x[i];
    else
      *rest++ = x[i];
  }
  positive -= count;
  winnow_rt_define(TOTAL, 0, 1);
  for (int64_t i = 0; i < count; ++i) {
    winnow_rt_define(TOTAL, total + positive[i], 1);
    fill_state state = {positive + i, workspace + total};
    winnow_rt_parallel(fill, &state, positive[i], 1);
    total += positive[i];
  }
  for (int64_t i = 0; i < total; ++i)
    *sum += repeated[i] = workspace[i];
}

static int64_t workspace_bytes(const int64_t *symbols) {
  return 8 * symbols[TOTAL];
}

static void output_dims(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[COUNT];
  dims[1] = symbols[N] - symbols[COUNT];
  dims[2] = symbols[TOTAL];
}

static void output_room(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[COUNT];
  dims[1] = symbols[N];
  dims[2] = symbols[TOTAL];
}

static void capacities(int64_t *symbols) {
  if (symbols[COUNT] < symbols[N])
    symbols[COUNT] = symbols[N];
  if (symbols[TOTAL] < 0)
    symbols[TOTAL] = 0;
}

static const winnow_dim n_dims[] = {{-1, N, 0, 1, 0}};
static const winnow_dim count_dims[] = {{-1, COUNT, 1, 1, 0}};
static const winnow_dim rest_dims[] = {{-1, -1, 1, 0, 0}};
static const winnow_dim total_dims[] = {{-1, TOTAL, 1, 1, 0}};
static const winnow_tensor_desc inputs[] = {
    {"x", "x", WINNOW_DTYPE_I64, 1, n_dims}};
static const winnow_tensor_desc outputs[] = {
    {"positive", "positive", WINNOW_DTYPE_I64, 1, count_dims},
    {"rest", "rest", WINNOW_DTYPE_I64, 1, rest_dims},
    {"repeated", "repeated", WINNOW_DTYPE_I64, 1, total_dims},
    {"sum", "sum", WINNOW_DTYPE_I64, 0, 0},
};
static const winnow_symbol_desc symbols[] = {
    {"n", 0, 1000, 0, 0}, {"count", 0, 1000, 1, 0}, {"total", 0, 100000, 1, 0}};
static const winnow_site sites[] = {{"/check", "an element is -1 or -2"},
                                    {"/repeat", "a size is out of its bounds"}};
static const winnow_code code = {"x86-64", 0, 0, workspace_bytes, run, 0};

const winnow_model_desc data_model = {
    .abi_version = WINNOW_ABI_VERSION,
    .struct_size = sizeof(winnow_model_desc),
    .name = "data",
    .compiler_version = "0.1.0",
    .target = "x86_64-unknown-linux-gnu",
    .num_inputs = 1,
    .num_outputs = 4,
    .num_symbols = 3,
    .num_sites = 2,
    .num_codes = 1,
    .inputs = inputs,
    .outputs = outputs,
    .symbols = symbols,
    .sites = sites,
    .codes = &code,
    .output_dims = output_dims,
    .capacities = capacities,
    .output_room = output_room,
    .bind = winnow_rt_bind,
};
