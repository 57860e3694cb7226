#include "internal.h"

#include <stdlib.h>
#include <string.h>

static bool has_code(const winnow_model_desc *desc) {
  for (int32_t i = 0; i < desc->num_codes; ++i)
    if (!desc->codes[i].run || !desc->codes[i].workspace_bytes ||
        desc->codes[i].scratch_bytes < 0 ||
        !desc->codes[i].gpu != !desc->codes[0].gpu)
      return false;
  return desc->num_codes > 0;
}

/* A descriptor that contradicts itself was not made by a compiler that this
 * runtime knows; better said here than met as a crash in a run. */
static winnow_status *check_descriptor(const winnow_model_desc *desc) {
  if (desc->abi_version != WINNOW_ABI_VERSION)
    return winnow_error(
        WINNOW_ERROR_VERSION,
        "expected a model of ABI version %d, got version %u; compile the model "
        "with the winnow that this runtime (%s) comes from",
        WINNOW_ABI_VERSION, desc->abi_version, winnow_runtime_version());
  if (desc->struct_size < sizeof *desc)
    return winnow_error(WINNOW_ERROR_VERSION,
                        "expected a model descriptor of at least %zu bytes, "
                        "got %u; compile the "
                        "model again with this version of winnow",
                        sizeof *desc, desc->struct_size);
  if (desc->num_inputs < 0 || desc->num_outputs < 0 || desc->num_symbols < 0 ||
      desc->weights_bytes < 0 || !has_code(desc) || !desc->bind ||
      !desc->output_dims || !desc->capacities || !desc->output_room)
    return winnow_error(
        WINNOW_ERROR_VERSION,
        "expected a complete model descriptor, got one with negative counts or "
        "missing functions");
  for (int32_t i = 0; i < desc->num_inputs; ++i)
    for (int32_t d = 0; d < desc->inputs[i].rank; ++d)
      if (desc->inputs[i].dims[d].size < 0 &&
          desc->inputs[i].dims[d].symbol < 0 && !desc->input_dim)
        return winnow_error(WINNOW_ERROR_VERSION,
                            "expected a complete model descriptor, got one "
                            "without the dimensions of input '%s'",
                            desc->inputs[i].name);
  for (int32_t i = 0; i < desc->num_inputs; ++i)
    for (int32_t d = 0; d < desc->inputs[i].rank; ++d)
      if (desc->inputs[i].dims[d].symbol >= 0 &&
          desc->inputs[i].dims[d].factor < 1)
        return winnow_error(WINNOW_ERROR_VERSION,
                            "expected dimensions of input '%s' with a positive "
                            "factor, got %lld",
                            desc->inputs[i].name,
                            (long long)desc->inputs[i].dims[d].factor);
  for (int32_t s = 0; s < desc->num_symbols; ++s) {
    bool bound = false;
    for (int32_t i = 0; i < desc->num_inputs; ++i)
      for (int32_t d = 0; d < desc->inputs[i].rank; ++d)
        bound |= desc->inputs[i].dims[d].symbol == s;
    if (bound == (desc->symbols[s].from_data != 0))
      return winnow_error(WINNOW_ERROR_VERSION,
                          "expected every symbol of model '%s' to be a "
                          "dimension of an input or "
                          "to come from data, '%s' is %s",
                          desc->name, desc->symbols[s].name,
                          bound ? "both" : "neither");
  }
  return NULL;
}

winnow_status *winnow_model_open(const winnow_model_desc *desc,
                                 const winnow_model_options *options,
                                 winnow_model **result) {
  if (!result)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected a place for the model handle, got NULL");
  *result = NULL;
  if (!desc)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected a model descriptor, got NULL");
  winnow_model_options all = WINNOW_MODEL_OPTIONS_INIT;
  if (options) {
    if (options->struct_size < sizeof(size_t))
      return winnow_error(
          WINNOW_ERROR_INVALID_ARGUMENT,
          "expected struct_size of the model options to be set, got %zu; use "
          "WINNOW_MODEL_OPTIONS_INIT",
          options->struct_size);
    memcpy(&all, options,
           options->struct_size < sizeof all ? options->struct_size
                                             : sizeof all);
  }
  winnow_status *status = check_descriptor(desc);
  const winnow_code *code = NULL;
  if (!status)
    status = desc->codes->gpu ? winnow_gpu_choose_code(desc, &code)
                              : winnow_choose_code(desc, &code);
  if (status)
    return status;
  winnow_model *model = calloc(1, sizeof *model);
  if (!model)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for model '%s', got none", desc->name);
  model->desc = desc;
  model->code = code;
  atomic_init(&model->references, 1);
  for (int32_t i = 0; i < desc->num_outputs; ++i)
    model->output_ranks += (size_t)desc->outputs[i].rank;
  for (int32_t s = 0; s < desc->num_symbols; ++s)
    model->has_data_symbols |= desc->symbols[s].from_data != 0;
  status = winnow_find_weights(desc, &all, &model->weights);
  if (!status && code->gpu) {
    status = winnow_gpu_open(model, &model->gpu);
    if (status)
      winnow_release_weights(&model->weights);
  }
  if (status) {
    free(model);
    return status;
  }
  *result = model;
  return NULL;
}

void winnow_model_retain(winnow_model *model) {
  atomic_fetch_add(&model->references, 1);
}

void winnow_model_close(winnow_model *model) {
  if (!model || atomic_fetch_sub(&model->references, 1) != 1)
    return;
  winnow_gpu_close(model->gpu);
  winnow_release_weights(&model->weights);
  free(model);
}

const char *winnow_runtime_version(void) { return WINNOW_VERSION; }

const winnow_model_desc *winnow_model_descriptor(const winnow_model *model) {
  return model->desc;
}
const winnow_code *winnow_model_code(const winnow_model *model) {
  return model->code;
}
const char *winnow_model_name(const winnow_model *model) {
  return model->desc->name;
}
const char *winnow_model_compiler_version(const winnow_model *model) {
  return model->desc->compiler_version;
}

size_t winnow_model_num_inputs(const winnow_model *model) {
  return (size_t)model->desc->num_inputs;
}
size_t winnow_model_num_outputs(const winnow_model *model) {
  return (size_t)model->desc->num_outputs;
}
size_t winnow_model_num_symbols(const winnow_model *model) {
  return (size_t)model->desc->num_symbols;
}

const winnow_tensor_desc *winnow_model_input(const winnow_model *model,
                                             size_t index) {
  return index < winnow_model_num_inputs(model) ? &model->desc->inputs[index]
                                                : NULL;
}
const winnow_tensor_desc *winnow_model_output(const winnow_model *model,
                                              size_t index) {
  return index < winnow_model_num_outputs(model) ? &model->desc->outputs[index]
                                                 : NULL;
}
const winnow_symbol_desc *winnow_model_symbol(const winnow_model *model,
                                              size_t index) {
  return index < winnow_model_num_symbols(model) ? &model->desc->symbols[index]
                                                 : NULL;
}

winnow_status *winnow_model_infer_symbols(const winnow_model *model,
                                          const winnow_tensor *inputs,
                                          size_t count, int64_t *symbols) {
  winnow_status *status =
      winnow_check_inputs(model->desc, inputs, count, symbols, NULL, NULL);
  if (!status)
    winnow_set_capacities(model, NULL, symbols);
  return status;
}

void winnow_set_capacities(const winnow_model *model, const int64_t *least,
                           int64_t *symbols) {
  const winnow_model_desc *desc = model->desc;
  if (!model->has_data_symbols)
    return;
  for (int32_t s = 0; s < desc->num_symbols; ++s)
    if (desc->symbols[s].from_data)
      symbols[s] = least ? least[s] : 0;
  desc->capacities(symbols);
}

winnow_status *winnow_check_room(const winnow_model *model, const int64_t *dims,
                                 size_t count) {
  if (count >= model->output_ranks && (dims || !model->output_ranks))
    return NULL;
  return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                      "expected room for %zu output dimensions, got %zu",
                      model->output_ranks, dims ? count : 0);
}

winnow_status *winnow_model_output_dims(const winnow_model *model,
                                        const int64_t *symbols, int64_t *dims,
                                        size_t count) {
  winnow_status *status = winnow_check_symbols(model->desc, symbols);
  if (!status)
    status = winnow_check_room(model, dims, count);
  if (!status)
    model->desc->output_dims(symbols, dims);
  return status;
}

winnow_status *winnow_model_workspace_size(const winnow_model *model,
                                           const int64_t *symbols,
                                           size_t *bytes) {
  winnow_status *status = winnow_check_symbols(model->desc, symbols);
  if (status)
    return status;
  int64_t size = model->code->workspace_bytes(symbols);
  if (size < 0)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "expected dimensions whose workspace fits into memory, got a size that "
        "overflows; use smaller inputs");
  *bytes = (size_t)size;
  return NULL;
}
