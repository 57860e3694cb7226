// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -o %t
// RUN: %t

/* A run: what the caller may get wrong, each with its message, and what has to
 * work. */
#include "check.h"

static winnow_model *model;
static winnow_context *context;
static float x[12] = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
static int64_t ids[3] = {0, 1, 2};
static float y[12], total[3];
static int64_t x_dims[] = {3, 4}, ids_dims[] = {3};
static winnow_tensor in[2], out[2];

static void reset(void) {
  in[0] = winnow_make_tensor(WINNOW_DTYPE_F32, 2, x_dims, x, 0);
  in[1] = winnow_make_tensor(WINNOW_DTYPE_I64, 1, ids_dims, ids, sizeof ids);
  out[0] = winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, y, sizeof y);
  out[1] = winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, total, sizeof total);
}

static winnow_status *run(void) { return winnow_run(context, in, 2, out, 2); }

static void fails(const char *message) {
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, message, run());
  reset();
}

static void check_result(void) {
  CHECK(y[0] == 1 && y[3] == 4 && y[4] == 10 && y[11] == 36);
  CHECK(total[0] == 10 && total[1] == 52 && total[2] == 126);
}

static void check_inputs(void) {
  int64_t dims[2] = {3, 5}, one = 2, negative = -1, huge = 100001;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, "expected 2 inputs (x, in/ids), got 1",
        winnow_run(context, in, 1, out, 2));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected 2 inputs (x, in/ids), got NULL",
        winnow_run(context, NULL, 2, out, 2));
  in[0].struct_size = in[1].struct_size = 4;
  fails("expected struct_size of input tensor 0 to be 48, got 4; make tensors "
        "with "
        "winnow_make_tensor");
  in[0].dtype = WINNOW_DTYPE_F64;
  fails("input 'x': expected float32, got float64");
  in[0].rank = 1;
  fails("input 'x': expected rank 2, got 1");
  in[0].dims = NULL;
  fails("input 'x': expected 2 dims, got NULL");
  in[0].dims = dims;
  fails("input 'x': expected dimension 1 to be 4, got 5");
  in[1].dims = &one;
  fails("input 'in/ids': expected dimension 0 ('batch') to be 3 as in input "
        "'x', got 2");
  int64_t negative_dims[2] = {negative, 4}, huge_dims[2] = {huge, 4};
  in[0].dims = negative_dims;
  fails("input 'x': expected dimension 0 not to be negative, got -1");
  in[0].dims = huge_dims;
  fails("input 'x': expected 'batch' to be between 0 and 100000, got 100001");
  in[0].data = NULL;
  fails("input 'x': expected 48 bytes of data, got NULL");
  in[0].bytes = 47;
  fails("input 'x': expected at least 48 bytes, got 47");
  in[1].data = (char *)ids + 4;
  in[1].bytes = 0;
  fails("input 'in/ids': expected data aligned to 8 bytes, got address ...");
  in[0].name = "z";
  fails("expected one of the inputs x, in/ids, got 'z'");
  in[1].name = "x";
  fails("expected input 'x' once, got it twice");
}

static void check_outputs(void) {
  int64_t dims[2] = {3, 3};
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, "expected 2 outputs (y, total), got 0",
        winnow_run(context, in, 2, NULL, 0));
  out[0].dtype = WINNOW_DTYPE_F16;
  fails("output 'y': expected float32, got float16");
  out[0].dims = dims;
  fails("output 'y': expected dimension 1 to be 4 for these inputs, got 3");
  out[1].data = NULL;
  fails("output 'total': expected 12 bytes of data, got NULL");
  out[1].bytes = 8;
  fails("output 'total': expected at least 12 bytes, got 8");
  out[0].data = x;
  fails("output 'y': expected memory of its own, got memory that overlaps "
        "input 'x'");
  out[1].data = y + 9;
  fails("output 'total': expected memory of its own, got memory that overlaps "
        "output 'y'");
}

static void check_success(void) {
  OK(run());
  check_result();
  /* By name, in another order. */
  winnow_tensor first = in[0];
  in[0] = in[1];
  in[1] = first;
  in[0].name = "in/ids";
  in[1].name = "x";
  memset(y, 0, sizeof y);
  OK(run());
  check_result();
  reset();
  /* Empty tensors need no memory. */
  int64_t empty[2] = {0, 4};
  in[0] = winnow_make_tensor(WINNOW_DTYPE_F32, 2, empty, NULL, 0);
  in[1] = winnow_make_tensor(WINNOW_DTYPE_I64, 1, empty, NULL, 0);
  out[0] = winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, NULL, 0);
  out[1] = winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, NULL, 0);
  OK(run());
  reset();
}

static void check_failing_site(void) {
  ids[1] = 3;
  FAILS(WINNOW_ERROR_RUN_CHECK,
        "node '/embed/Gather': an index is outside the table of 3 rows", run());
  ids[1] = 1;
  OK(run());
  check_result();
}

static void check_workspace(void) {
  static char workspace[256] __attribute__((aligned(64)));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a workspace aligned to 64 bytes, got address ...",
        winnow_context_set_workspace(context, workspace + 8, 128));
  OK(winnow_context_set_workspace(context, workspace, 191));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a workspace of at least 192 bytes for these inputs, got 191; "
        "ask "
        "winnow_model_workspace_size",
        run());
  OK(winnow_context_set_workspace(context, workspace, 192));
  OK(run());
  out[0].data = workspace + 64;
  fails("output 'y': expected memory of its own, got memory that overlaps the "
        "'workspace'");
  OK(winnow_context_set_workspace(context, NULL, 0));
  int64_t batch = 100;
  OK(winnow_context_reserve(context, &batch));
  OK(run());
}

int main(void) {
  winnow_context_options options = WINNOW_CONTEXT_OPTIONS_INIT;
  model = open_demo();
  options.num_threads = -1;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected num_threads between 0 (all CPUs) and 65536, got -1",
        winnow_context_create(model, &options, &context));
  for (int threads = 0; threads <= 8; threads = threads ? 2 * threads : 1) {
    context = make_context(model, threads);
    CHECK(threads == 0 || winnow_context_num_threads(context) == threads);
    reset();
    check_inputs();
    check_outputs();
    check_success();
    check_failing_site();
    check_workspace();
    winnow_context_destroy(context);
  }
  winnow_model_close(model);
  return 0;
}
