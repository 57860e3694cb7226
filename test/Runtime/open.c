// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -o %t
// RUN: %t %t.weights

/* Opening: versions, CPU features, and weights in a file, in memory, absent,
 * short and altered. */
#define _GNU_SOURCE
#include "check.h"

static void write_file(const char *path, const void *data, size_t bytes) {
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
}

static void check_versions(void) {
  winnow_model *model;
  winnow_model_desc desc = demo_model;
  desc.abi_version = 99;
  FAILS(WINNOW_ERROR_VERSION,
        "expected a model of ABI version 10, got version 99; ...",
        winnow_model_open(&desc, NULL, &model));
  CHECK(!model);
  desc = demo_model;
  desc.struct_size = 8;
  FAILS(WINNOW_ERROR_VERSION, "expected a model descriptor of at least ...",
        winnow_model_open(&desc, NULL, &model));
  desc = demo_model;
  desc.num_codes = 0;
  FAILS(WINNOW_ERROR_VERSION, "expected a complete model descriptor, ...",
        winnow_model_open(&desc, NULL, &model));
  winnow_code code = demo_model.codes[0];
  code.run = NULL;
  desc = demo_model;
  desc.codes = &code;
  FAILS(WINNOW_ERROR_VERSION, "expected a complete model descriptor, ...",
        winnow_model_open(&desc, NULL, &model));
  static const winnow_symbol_desc symbols[] = {
      {"batch", 0, 10, 0, 0}, {"free", 0, 10, 0, 0}, {"batch", 0, 10, 1, 0}};
  desc = demo_model;
  desc.symbols = symbols;
  desc.num_symbols = 2;
  FAILS(
      WINNOW_ERROR_VERSION,
      "expected every symbol of model 'demo' to be a dimension of an input or "
      "to come from data, 'free' is neither",
      winnow_model_open(&desc, NULL, &model));
  desc.symbols = symbols + 2;
  desc.num_symbols = 1;
  FAILS(
      WINNOW_ERROR_VERSION,
      "expected every symbol of model 'demo' to be a dimension of an input or "
      "to come from data, 'batch' is both",
      winnow_model_open(&desc, NULL, &model));
  desc = demo_model;
  desc.capacities = NULL;
  FAILS(WINNOW_ERROR_VERSION, "expected a complete model descriptor, ...",
        winnow_model_open(&desc, NULL, &model));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, "expected a model descriptor, got NULL",
        winnow_model_open(NULL, NULL, &model));
}

static void check_cpu(void) {
  winnow_model *model;
  winnow_model_desc desc = demo_model;
  winnow_code code = demo_model.codes[0];
  desc.codes = &code;
  code.cpu_features = (uint64_t)1 << 63;
  FAILS(WINNOW_ERROR_CPU_UNSUPPORTED,
        "model 'demo' was compiled for x86-64 and needs features that this "
        "runtime does not "
        "know, which this machine lacks; ...",
        winnow_model_open(&desc, NULL, &model));
  /* What is told about this machine agrees with the compiler's view of it. */
  desc.weights_bytes = 0;
  code.cpu_features = __builtin_cpu_supports("avx2") ? WINNOW_CPU_AVX2 : 0;
  code.cpu_features |= __builtin_cpu_supports("fma") ? WINNOW_CPU_FMA : 0;
  code.cpu_features |= __builtin_cpu_supports("bmi2") ? WINNOW_CPU_BMI2 : 0;
  code.cpu_features |=
      __builtin_cpu_supports("avx512vl") ? WINNOW_CPU_AVX512 : 0;
  OK(winnow_model_open(&desc, NULL, &model));
  CHECK(winnow_model_code(model) == &code);
  winnow_model_close(model);
}

/* The first code that the machine can run, or the one that is named. */
static void check_levels(void) {
  winnow_model *model;
  winnow_model_desc desc = demo_model;
  winnow_code codes[] = {*desc.codes, *desc.codes, *desc.codes};
  codes[0].cpu_level = "future";
  codes[0].cpu_features = (uint64_t)1 << 63;
  codes[1].cpu_level = "better";
  desc.weights_bytes = 0;
  desc.codes = codes;
  desc.num_codes = 3;
  OK(winnow_model_open(&desc, NULL, &model));
  CHECK(winnow_model_code(model) == &codes[1]);
  winnow_model_close(model);

  setenv("WINNOW_CPU", "x86-64", 1);
  OK(winnow_model_open(&desc, NULL, &model));
  CHECK(winnow_model_code(model) == &codes[2]);
  winnow_model_close(model);
  setenv("WINNOW_CPU", "future", 1);
  FAILS(WINNOW_ERROR_CPU_UNSUPPORTED,
        "expected WINNOW_CPU to name a level that this machine can run, got "
        "'future', whose code in model 'demo' needs features that this runtime "
        "does not know",
        winnow_model_open(&desc, NULL, &model));
  setenv("WINNOW_CPU", "x86", 1);
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected WINNOW_CPU to name a level that model 'demo' was compiled "
        "for (future, better, x86-64), got 'x86'",
        winnow_model_open(&desc, NULL, &model));
  CHECK(!model);
  setenv("WINNOW_CPU", "", 1);
  OK(winnow_model_open(&desc, NULL, &model));
  CHECK(winnow_model_code(model) == &codes[1]);
  winnow_model_close(model);
  unsetenv("WINNOW_CPU");

  codes[1].cpu_features = codes[2].cpu_features = (uint64_t)1 << 63;
  FAILS(WINNOW_ERROR_CPU_UNSUPPORTED,
        "model 'demo' was compiled for future, better, x86-64 and needs at "
        "least features that this runtime does not know, which this machine "
        "lacks; ...",
        winnow_model_open(&desc, NULL, &model));
}

static void check_weights(const char *path) {
  winnow_model *model;
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  FAILS(WINNOW_ERROR_WEIGHTS,
        "expected 48 bytes of weights for model 'demo', got none; ...",
        winnow_model_open(&demo_model, NULL, &model));
  options.weights_path = "/nonexistent/file";
  FAILS(WINNOW_ERROR_WEIGHTS,
        "cannot open weights file '/nonexistent/file' of model 'demo': ...",
        winnow_model_open(&demo_model, &options, &model));
  options.weights_path = "/tmp";
  FAILS(WINNOW_ERROR_WEIGHTS,
        "expected '/tmp' to be a weights file, got no regular file",
        winnow_model_open(&demo_model, &options, &model));

  options.weights_path = path;
  write_file(path, demo_weights, 40);
  FAILS(WINNOW_ERROR_WEIGHTS, "expected weights file '...",
        winnow_model_open(&demo_model, &options, &model));
  float altered[12];
  memcpy(altered, demo_weights, sizeof altered);
  altered[11] = 0;
  write_file(path, altered, sizeof altered);
  FAILS(WINNOW_ERROR_WEIGHTS, "expected the SHA-256 of ...",
        winnow_model_open(&demo_model, &options, &model));
  options.flags = WINNOW_MODEL_SKIP_WEIGHTS_HASH;
  OK(winnow_model_open(&demo_model, &options, &model));
  winnow_model_close(model);
  options.flags = 0;
  write_file(path, demo_weights, sizeof demo_weights);
  OK(winnow_model_open(&demo_model, &options, &model));
  winnow_model_close(model);

  options = (winnow_model_options)WINNOW_MODEL_OPTIONS_INIT;
  options.weights = demo_weights;
  options.weights_bytes = 47;
  FAILS(WINNOW_ERROR_WEIGHTS,
        "expected 48 bytes of weights for model 'demo', got 47",
        winnow_model_open(&demo_model, &options, &model));
  options.weights_bytes = 48;
  options.weights = demo_weights + 1;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected weights in memory to be aligned to 64 bytes, got address ...",
        winnow_model_open(&demo_model, &options, &model));
  options.struct_size = 0;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected struct_size of the model options to be set, ...",
        winnow_model_open(&demo_model, &options, &model));

  winnow_model_desc desc = demo_model;
  options = (winnow_model_options)WINNOW_MODEL_OPTIONS_INIT;
  options.weights_path = path;
  winnow_model *first, *second;
  OK(winnow_model_open(&demo_model, &options, &first));
  options = (winnow_model_options)WINNOW_MODEL_OPTIONS_INIT;
  options.shared = first;
  OK(winnow_model_open(&desc, &options, &second));
  winnow_model_close(first);
  options.shared = second;
  OK(winnow_model_open(&desc, &options, &first));
  winnow_model_close(second);
  options.shared = first;
  winnow_model_desc other = demo_model;
  other.weights_sha256[0] ^= 1;
  FAILS(WINNOW_ERROR_WEIGHTS,
        "expected model 'demo' to share the weights of a model from the same "
        "compilation, got 'demo'",
        winnow_model_open(&other, &options, &second));
  winnow_model_close(first);

  desc.embedded_weights = demo_weights;
  OK(winnow_model_open(&desc, NULL, &model));
  winnow_model_close(model);
}

static void check_description(void) {
  winnow_model *model = open_demo();
  CHECK(strcmp(winnow_model_name(model), "demo") == 0);
  CHECK(strcmp(winnow_model_compiler_version(model), "0.1.0") == 0);
  CHECK(winnow_runtime_version()[0]);
  CHECK(winnow_model_num_inputs(model) == 2 &&
        winnow_model_num_outputs(model) == 2);
  CHECK(strcmp(winnow_model_input(model, 1)->name, "in/ids") == 0);
  CHECK(strcmp(winnow_model_output(model, 1)->name, "total") == 0);
  CHECK(!winnow_model_input(model, 2) && !winnow_model_symbol(model, 1));
  CHECK(winnow_model_symbol(model, 0)->max == 100000);
  CHECK(winnow_dtype_size(WINNOW_DTYPE_BF16) == 2 &&
        winnow_dtype_size(99) == 0);
  int64_t batch = 3, dims[3];
  OK(winnow_model_output_dims(model, &batch, dims, 3));
  CHECK(dims[0] == 3 && dims[1] == 4 && dims[2] == 3);
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected room for 3 output dimensions, got 2",
        winnow_model_output_dims(model, &batch, dims, 2));
  size_t bytes;
  OK(winnow_model_workspace_size(model, &batch, &bytes));
  CHECK(bytes == 192);
  batch = -1;
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected 'batch' to be between 0 and 100000, got -1",
        winnow_model_workspace_size(model, &batch, &bytes));
  /* A context keeps its model. */
  winnow_context *context = make_context(model, 1);
  winnow_model_close(model);
  winnow_context_destroy(context);
  winnow_context_destroy(NULL);
  winnow_model_close(NULL);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  CHECK(winnow_status_code(NULL) == WINNOW_OK &&
        strcmp(winnow_status_message(NULL), "ok") == 0);
  check_versions();
  check_cpu();
  check_levels();
  check_weights(argv[1]);
  check_description();
  return 0;
}
