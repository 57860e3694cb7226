/* The program around a model that is compiled to an executable. The linker
 * binds `winnow_cli_model` to the model's descriptor. */
#define _GNU_SOURCE
#include "npy.h"

#include "winnow/runtime.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const winnow_model_desc winnow_cli_model;

typedef struct arguments {
  const char **input_files, **output_files; /* by position in the model */
  const char *weights;
  int threads;
} arguments;

static int fail(const char *message) {
  fprintf(stderr, "error: %s\n", message);
  return 1;
}

static int fail_status(winnow_status *status) {
  fail(winnow_status_message(status));
  winnow_status_free(status);
  return 1;
}

static void print_tensor(const winnow_tensor_desc *tensor) {
  printf("  %s: %s[", tensor->name, winnow_dtype_name(tensor->dtype));
  for (int32_t d = 0; d < tensor->rank; ++d) {
    const winnow_dim *dim = &tensor->dims[d];
    printf("%s", d ? ", " : "");
    if (dim->size >= 0)
      printf("%" PRId64, dim->size);
    else
      printf("%s", dim->factor != 1 || dim->offset
                       ? "?"
                       : winnow_cli_model.symbols[dim->symbol].name);
  }
  printf("]\n");
}

static int usage(const char *program) {
  const winnow_model_desc *model = &winnow_cli_model;
  printf("usage: %s --input NAME=FILE.npy... --output NAME=FILE.npy... "
         "[--threads N] "
         "[--weights FILE]\n\nRuns %s, compiled by winnow %s for ",
         program, model->name, model->compiler_version);
  for (int32_t i = 0; i < model->num_codes; ++i)
    printf("%s%s", i ? ", " : "", model->codes[i].cpu_level);
  printf(".\n\ninputs:\n");
  for (int32_t i = 0; i < model->num_inputs; ++i)
    print_tensor(&model->inputs[i]);
  printf("\noutputs:\n");
  for (int32_t i = 0; i < model->num_outputs; ++i)
    print_tensor(&model->outputs[i]);
  return 0;
}

/* NAME=FILE into files[position of NAME]. A name may hold '=', a file may too:
 * the longest name that fits is meant. */
static bool bind_file(const char *argument, const winnow_tensor_desc *tensors,
                      int32_t count, const char **files) {
  int32_t best = -1;
  size_t best_length = 0;
  for (int32_t i = 0; i < count; ++i) {
    size_t length = strlen(tensors[i].name);
    if (strncmp(argument, tensors[i].name, length) == 0 &&
        argument[length] == '=' && (best < 0 || length > best_length)) {
      best = i;
      best_length = length;
    }
  }
  if (best >= 0)
    files[best] = argument + best_length + 1;
  return best >= 0;
}

static int parse(int argc, char **argv, arguments *args) {
  const winnow_model_desc *model = &winnow_cli_model;
  char text[512];
  for (int i = 1; i < argc; ++i) {
    const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    bool input = strcmp(option, "--input") == 0,
         output = strcmp(option, "--output") == 0;
    bool threads = strcmp(option, "--threads") == 0,
         weights = strcmp(option, "--weights") == 0;
    if (!input && !output && !threads && !weights) {
      snprintf(text, sizeof text, "unknown option '%.200s'; try --help",
               option);
      return fail(text);
    }
    if (!value) {
      snprintf(text, sizeof text, "expected a value after %s", option);
      return fail(text);
    }
    ++i;
    if (threads) {
      char *end;
      long count = strtol(value, &end, 10);
      if (end == value || *end || count < 0 || count > INT_MAX) {
        snprintf(text, sizeof text,
                 "expected --threads to be a number, 0 for all cores, got "
                 "'%.200s'",
                 value);
        return fail(text);
      }
      args->threads = (int)count;
    } else if (weights)
      args->weights = value;
    else if (!bind_file(value, input ? model->inputs : model->outputs,
                        input ? model->num_inputs : model->num_outputs,
                        input ? args->input_files : args->output_files)) {
      snprintf(text, sizeof text,
               "expected %s NAME=FILE.npy with a NAME that --help lists, got "
               "'%.200s'",
               option, value);
      return fail(text);
    }
  }
  for (int32_t i = 0; i < model->num_inputs; ++i)
    if (!args->input_files[i]) {
      snprintf(text, sizeof text,
               "expected --input %.200s=FILE.npy, got none; try --help",
               model->inputs[i].name);
      return fail(text);
    }
  return 0;
}

/* <folder of this program>/<model>.weights */
static void default_weights(char *path, size_t room) {
  ssize_t length = readlink("/proc/self/exe", path, room - 1);
  path[length > 0 ? length : 0] = 0;
  char *slash = strrchr(path, '/');
  size_t used = slash ? (size_t)(slash - path) + 1 : 0;
  snprintf(path + used, room - used, "%s.weights", winnow_cli_model.name);
}

/* The bytes of an array with these dims, or false on overflow. */
static bool set_shape(npy_array *a, const int64_t *dims) {
  bool fits = true;
  a->bytes = winnow_dtype_size(a->dtype);
  for (int32_t d = 0; d < a->rank; ++d) {
    a->dims[d] = dims[d];
    fits &= !__builtin_mul_overflow(a->bytes, (size_t)dims[d], &a->bytes);
  }
  return fits;
}

/* Gives each output the room that `dims` say. */
static const char *make_outputs(const int64_t *dims, npy_array *arrays,
                                winnow_tensor *tensors) {
  for (int32_t i = 0; i < winnow_cli_model.num_outputs; ++i) {
    npy_array *a = &arrays[i];
    a->dtype = winnow_cli_model.outputs[i].dtype;
    a->rank = winnow_cli_model.outputs[i].rank;
    if (a->rank > NPY_MAX_RANK)
      return "expected outputs of at most 32 dimensions, got more";
    if (!set_shape(a, dims))
      return "expected outputs that fit into memory, got an overflow";
    dims += a->rank;
    free(a->data);
    a->data = aligned_alloc(64, (a->bytes / 64 + 1) * 64);
    if (!a->data)
      return "expected memory for the outputs, got none";
    tensors[i] =
        winnow_make_tensor(a->dtype, a->rank, a->dims, a->data, a->bytes);
  }
  return NULL;
}

static int run_model(const arguments *args, winnow_context *context) {
  const winnow_model_desc *desc = &winnow_cli_model;
  size_t inputs_count = (size_t)desc->num_inputs,
         outputs_count = (size_t)desc->num_outputs;
  size_t ranks = 0;
  for (size_t i = 0; i < outputs_count; ++i)
    ranks += (size_t)desc->outputs[i].rank;
  /* The process ends after the run, and with it all that is allocated here. */
  npy_array *arrays = calloc(inputs_count + outputs_count + 1, sizeof *arrays);
  winnow_tensor *tensors =
      calloc(inputs_count + outputs_count + 1, sizeof *tensors);
  int64_t *dims = calloc(ranks + 1, sizeof *dims);
  if (!arrays || !tensors || !dims)
    return fail("expected memory for the tensors, got none");
  for (size_t i = 0; i < inputs_count; ++i) {
    npy_array *a = &arrays[i];
    const char *error = npy_read(args->input_files[i], a);
    if (error)
      return fail(error);
    int32_t wanted = desc->inputs[i].dtype;
    bool is_bits = a->dtype == WINNOW_DTYPE_U8 || a->dtype == WINNOW_DTYPE_U16;
    if (is_bits && wanted >= WINNOW_DTYPE_BF16 &&
        winnow_dtype_size(a->dtype) == winnow_dtype_size(wanted))
      a->dtype = wanted;
    tensors[i] =
        winnow_make_tensor(a->dtype, a->rank, a->dims, a->data, a->bytes);
  }
  npy_array *outputs = arrays + inputs_count;
  winnow_tensor *output_tensors = tensors + inputs_count;
  winnow_status *status = NULL;
  do {
    /* Again when the outputs need more room than was known. */
    winnow_status_free(status);
    status =
        winnow_context_plan(context, tensors, inputs_count, dims, ranks, NULL);
    if (status)
      return fail_status(status);
    const char *error = make_outputs(dims, outputs, output_tensors);
    if (error)
      return fail(error);
    status = winnow_run(context, tensors, inputs_count, output_tensors,
                        outputs_count);
  } while (winnow_status_code(status) == WINNOW_ERROR_CAPACITY);
  if (!status)
    status = winnow_context_output_dims(context, dims, ranks);
  if (status)
    return fail_status(status);
  const int64_t *next = dims;
  for (size_t i = 0; i < outputs_count; next += outputs[i++].rank)
    set_shape(&outputs[i], next);
  for (size_t i = 0; i < outputs_count; ++i) {
    const char *error = args->output_files[i]
                            ? npy_write(args->output_files[i], &outputs[i])
                            : NULL;
    if (error)
      return fail(error);
  }
  return 0;
}

int main(int argc, char **argv) {
  const winnow_model_desc *desc = &winnow_cli_model;
  for (int i = 1; i < argc; ++i)
    if (strcmp(argv[i], "--help") == 0)
      return usage(argv[0]);
  arguments args = {0};
  args.input_files =
      calloc((size_t)desc->num_inputs + 1, sizeof *args.input_files);
  args.output_files =
      calloc((size_t)desc->num_outputs + 1, sizeof *args.output_files);
  if (!args.input_files || !args.output_files)
    return fail("expected memory for the arguments, got none");
  if (parse(argc, argv, &args) != 0)
    return 1;
  char beside[4096];
  default_weights(beside, sizeof beside);
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  options.weights_path = args.weights ? args.weights : beside;
  winnow_model *model;
  winnow_context *context;
  winnow_status *status = winnow_model_open(desc, &options, &model);
  if (status)
    return fail_status(status);
  winnow_context_options context_options = WINNOW_CONTEXT_OPTIONS_INIT;
  context_options.num_threads = args.threads;
  status = winnow_context_create(model, &context_options, &context);
  if (status)
    return fail_status(status);
  int result = run_model(&args, context);
  winnow_context_destroy(context);
  winnow_model_close(model);
  return result;
}
