/* A hand-written compiled model, for tests that must not depend on the
 * compiler:
 *
 *   y[b, j]  = x[b, j] * table[ids[b], j]      x: float32 [batch, 4]
 *   total[b] = sum over j of y[b, j]           ids: int64 [batch]
 *
 * table is float32 [3, 4], the numbers 1 to 12. An id outside the table fails
 * the check of site 0. DEMO_* macros break it in chosen ways. */
#include "winnow/abi.h"

#ifndef DEMO_ABI_VERSION
#define DEMO_ABI_VERSION WINNOW_ABI_VERSION
#endif
#ifndef DEMO_CPU_FEATURES
#define DEMO_CPU_FEATURES 0
#endif

typedef struct {
  const winnow_call *call;
  int64_t batch;
} demo_state;

static void rows(void *ctx, int64_t begin, int64_t end, void *scratch) {
  const winnow_call *call = ((demo_state *)ctx)->call;
  const float *x = call->inputs[0], *table = call->weights;
  const int64_t *ids = call->inputs[1];
  float *y = call->outputs[0], *total = call->outputs[1], *row = scratch;
  for (int64_t b = begin; b < end; ++b) {
    int64_t id = ids[b];
    if (id < 0 || id >= 3) {
      winnow_rt_fail(0);
      id = 0;
    }
    total[b] = 0;
    for (int j = 0; j < 4; ++j)
      row[j] = x[4 * b + j] * table[4 * id + j];
    for (int j = 0; j < 4; ++j)
      total[b] += y[4 * b + j] = row[j];
  }
}

static void run(const winnow_call *call) {
  demo_state state = {call, call->symbols[0]};
  winnow_rt_mark(0, 8 * state.batch, 44 * state.batch);
  winnow_rt_count(state.batch, 4 * state.batch, 2 * state.batch);
  winnow_rt_parallel(rows, &state, state.batch, 1);
}

static int64_t workspace_bytes(const int64_t *symbols) {
  return 64 * symbols[0];
}

static void output_dims(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[0];
  dims[1] = 4;
  dims[2] = symbols[0];
}

static void capacities(int64_t *symbols) { (void)symbols; }

static const winnow_dim x_dims[] = {{-1, 0, 0, 1, 0}, {4, -1, 0, 0, 0}};
static const winnow_dim batch_dims[] = {{-1, 0, 0, 1, 0}};
static const winnow_tensor_desc inputs[] = {
    {"x", "x", WINNOW_DTYPE_F32, 2, x_dims},
    {"in/ids", "in_ids", WINNOW_DTYPE_I64, 1, batch_dims},
};
static const winnow_tensor_desc outputs[] = {
    {"y", "y", WINNOW_DTYPE_F32, 2, x_dims},
    {"total", "total", WINNOW_DTYPE_F32, 1, batch_dims},
};
static const winnow_symbol_desc symbols[] = {{"batch", 0, 100000, 0, 0}};
static const winnow_site sites[] = {
    {"/embed/Gather", "an index is outside the table of 3 rows"}};
static const winnow_op ops[] = {{"rows", "/Mul, /ReduceSum"}};
static const winnow_code code = {"x86-64", DEMO_CPU_FEATURES, 16,
                                 workspace_bytes, run, 0};

__attribute__((visibility("default"))) const winnow_model_desc demo_model = {
    .abi_version = DEMO_ABI_VERSION,
    .struct_size = sizeof(winnow_model_desc),
    .name = "demo",
    .compiler_version = "0.1.0",
    .target = "x86_64-unknown-linux-gnu",
    .num_inputs = 2,
    .num_outputs = 2,
    .num_symbols = 1,
    .num_sites = 1,
    .num_ops = 1,
    .num_codes = 1,
    .inputs = inputs,
    .outputs = outputs,
    .symbols = symbols,
    .sites = sites,
    .ops = ops,
    .codes = &code,
    .weights_bytes = 48,
    .weights_sha256 = {0xb5, 0x6f, 0x1b, 0xce, 0xa1, 0x04, 0x20, 0x6b,
                       0x35, 0x81, 0xaf, 0x0c, 0x88, 0x90, 0x00, 0xf7,
                       0x00, 0x50, 0xbc, 0xed, 0x06, 0x87, 0xd8, 0x70,
                       0x15, 0xa2, 0x31, 0x15, 0xc8, 0x67, 0x5a, 0x32},
    .output_dims = output_dims,
    .capacities = capacities,
    .output_room = output_dims,
    .bind = winnow_rt_bind,
};
