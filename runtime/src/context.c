#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct winnow_context {
  winnow_model *model;
  winnow_pool *pool;
  winnow_gpu_run *gpu; /* or NULL: it computes on the CPU */
  atomic_flag busy;

  void *workspace;
  size_t workspace_bytes;
  bool owns_workspace; /* it is ours to grow */

  /* Room for one call, made once. */
  int64_t *symbols;
  int64_t *capacities;  /* of the run's data symbols; the others' values */
  int64_t *remembered;  /* the largest capacities that data symbols needed */
  int64_t *granted;     /* those of them that there was memory for */
  int64_t *room;        /* dims that the outputs need room for */
  int64_t *output_dims; /* of the last run that succeeded */
  bool has_output_dims;
  const void **inputs;
  void **outputs;
  int64_t *input_bytes, *output_bytes;
  void **device_inputs, **device_outputs;
};

static void copy_symbols(const winnow_context *context, int64_t *to,
                         const int64_t *from) {
  memcpy(to, from, (size_t)context->model->desc->num_symbols * sizeof *to);
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- Exclusive use ---- */

static winnow_status *acquire(winnow_context *context) {
  if (!context)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected a context, got NULL");
  if (atomic_flag_test_and_set_explicit(&context->busy, memory_order_acquire))
    return winnow_error(
        WINNOW_ERROR_BUSY,
        "expected the context to be idle, got a call while another is running; "
        "create one context per thread");
  return NULL;
}

static void release(winnow_context *context) {
  atomic_flag_clear_explicit(&context->busy, memory_order_release);
}

/* ---- Workspace ---- */

static winnow_status *set_workspace(winnow_context *context, void *workspace,
                                    size_t bytes) {
  if (workspace && context->model->gpu)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "expected no workspace for model '%s', which computes on a GPU in memory "
        "of the runtime's",
        context->model->desc->name);
  if ((uintptr_t)workspace % WINNOW_ALIGNMENT)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a workspace aligned to %d bytes, got address %p",
        WINNOW_ALIGNMENT, workspace);
  if (context->owns_workspace && context->workspace)
    winnow_unmap_memory(context->workspace, context->workspace_bytes);
  context->owns_workspace = !workspace;
  context->workspace = workspace;
  context->workspace_bytes = workspace ? bytes : 0;
  return NULL;
}

static winnow_status *ensure_workspace(winnow_context *context,
                                       const int64_t *symbols) {
  size_t bytes;
  winnow_status *status =
      winnow_model_workspace_size(context->model, symbols, &bytes);
  if (context->model->gpu && !status)
    context->workspace_bytes = bytes;
  if (status || bytes <= context->workspace_bytes)
    return status;
  if (!context->owns_workspace)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected a workspace of at least %zu bytes for these "
                        "inputs, got %zu; ask "
                        "winnow_model_workspace_size",
                        bytes, context->workspace_bytes);
  set_workspace(context, NULL, 0);
  void *memory = winnow_map_memory(bytes);
  if (!memory)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected %zu bytes of workspace, got none", bytes);
  context->workspace = memory;
  context->workspace_bytes = bytes;
  return NULL;
}

/* What the caller expects of data is remembered as if data had needed it. */
static winnow_status *reserve(winnow_context *context, const int64_t *symbols) {
  const winnow_model_desc *desc = context->model->desc;
  if (!symbols || !context->model->has_data_symbols)
    return ensure_workspace(context, symbols);
  int64_t *least = context->capacities;
  for (int32_t s = 0; s < desc->num_symbols; ++s) {
    least[s] = symbols[s];
    if (desc->symbols[s].from_data)
      least[s] = larger(symbols[s],
                        larger(context->remembered[s], desc->symbols[s].min));
    context->symbols[s] = least[s];
  }
  winnow_status *status = winnow_check_symbols(desc, least);
  if (status)
    return status;
  winnow_set_capacities(context->model, least, context->symbols);
  status = ensure_workspace(context, context->symbols);
  if (!status) {
    copy_symbols(context, context->remembered, least);
    copy_symbols(context, context->granted, least);
  }
  return status;
}

winnow_status *winnow_context_reserve(winnow_context *context,
                                      const int64_t *symbols) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  status = reserve(context, symbols);
  release(context);
  return status;
}

winnow_status *winnow_context_set_workspace(winnow_context *context,
                                            void *workspace, size_t bytes) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  status = set_workspace(context, workspace, bytes);
  for (int32_t s = 0; s < context->model->desc->num_symbols && !workspace; ++s)
    context->remembered[s] = context->granted[s] = 0;
  release(context);
  return status;
}

/* ---- Life ---- */

/* One block for all arrays; none is empty, so that no pointer is NULL. */
static bool make_room(winnow_context *context) {
  const winnow_model_desc *desc = context->model->desc;
  size_t inputs = (size_t)desc->num_inputs + 1,
         outputs = (size_t)desc->num_outputs + 1;
  size_t symbols = (size_t)desc->num_symbols + 1,
         ranks = context->model->output_ranks + 1;
  int64_t *room =
      calloc(4 * symbols + 2 * ranks + 3 * inputs + 3 * outputs, sizeof *room);
  if (!room)
    return false;
  context->symbols = room;
  context->capacities = context->symbols + symbols;
  context->remembered = context->capacities + symbols;
  context->granted = context->remembered + symbols;
  context->room = context->granted + symbols;
  context->output_dims = context->room + ranks;
  context->input_bytes = context->output_dims + ranks;
  context->output_bytes = context->input_bytes + inputs;
  _Static_assert(sizeof(void *) == sizeof(int64_t),
                 "pointers share the block with sizes");
  context->inputs = (const void **)(context->output_bytes + outputs);
  context->outputs = (void **)(context->inputs + inputs);
  context->device_inputs = context->outputs + outputs;
  context->device_outputs = context->device_inputs + inputs;
  return true;
}

winnow_status *winnow_context_create(winnow_model *model,
                                     const winnow_context_options *options,
                                     winnow_context **result) {
  if (!model || !result)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "expected a model and a place for the context, got NULL");
  *result = NULL;
  winnow_context_options all = WINNOW_CONTEXT_OPTIONS_INIT;
  if (options) {
    if (options->struct_size < sizeof(size_t))
      return winnow_error(
          WINNOW_ERROR_INVALID_ARGUMENT,
          "expected struct_size of the context options to be set, got %zu; use "
          "WINNOW_CONTEXT_OPTIONS_INIT",
          options->struct_size);
    memcpy(&all, options,
           options->struct_size < sizeof all ? options->struct_size
                                             : sizeof all);
  }
  winnow_context *context = calloc(1, sizeof *context);
  if (!context)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for a context, got none");
  context->model = model;
  context->owns_workspace = true;
  atomic_flag_clear(&context->busy);
  winnow_model_retain(model);
  winnow_status *status = NULL;
  if (!make_room(context))
    status = winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                          "expected memory for a context, got none");
  if (!status && all.workspace)
    status = set_workspace(context, all.workspace, all.workspace_bytes);
  if (!status)
    status = winnow_pool_create(model, model->gpu ? 1 : all.num_threads,
                                all.spin_us, &context->pool);
  if (!status && model->gpu)
    status = winnow_gpu_run_create(model->gpu, &context->gpu);
  if (!status && model->gpu)
    winnow_pool_set_gpu(context->pool, context->gpu);
  if (status) {
    winnow_context_destroy(context);
    return status;
  }
  *result = context;
  return NULL;
}

void winnow_context_destroy(winnow_context *context) {
  if (!context)
    return;
  winnow_pool_destroy(context->pool);
  winnow_gpu_run_destroy(context->gpu);
  set_workspace(context, NULL, 0);
  winnow_model_close(context->model);
  free(context->symbols);
  free(context);
}

int32_t winnow_context_num_threads(const winnow_context *context) {
  return winnow_pool_num_threads(context->pool);
}

/* ---- Profiles ---- */

static winnow_status *exchange_events(winnow_context *context,
                                      winnow_profile_event *events,
                                      size_t capacity, size_t *count) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  size_t recorded = winnow_pool_profile(context->pool, events, capacity);
  if (count)
    *count = recorded;
  release(context);
  return NULL;
}

winnow_status *winnow_context_start_profile(winnow_context *context,
                                            winnow_profile_event *events,
                                            size_t capacity) {
  if (!events || !capacity)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected room for the events of a profile, got none");
  return exchange_events(context, events, capacity, NULL);
}

winnow_status *winnow_context_stop_profile(winnow_context *context,
                                           size_t *count) {
  return exchange_events(context, NULL, 0, count);
}

/* ---- Running ---- */

static bool overlap(const void *a, int64_t a_bytes, const void *b,
                    int64_t b_bytes) {
  uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
  return a_bytes > 0 && b_bytes > 0 && x < y + (uint64_t)b_bytes &&
         y < x + (uint64_t)a_bytes;
}

/* Generated code writes outputs while inputs are still needed, so none may
 * share memory. */
static winnow_status *check_overlap(const winnow_context *context) {
  const winnow_model_desc *desc = context->model->desc;
  for (int32_t o = 0; o < desc->num_outputs; ++o) {
    const void *data = context->outputs[o];
    int64_t bytes = context->output_bytes[o];
    const char *other = NULL, *kind = "input";
    for (int32_t i = 0; i < desc->num_inputs && !other; ++i)
      if (overlap(data, bytes, context->inputs[i], context->input_bytes[i]))
        other = desc->inputs[i].name;
    for (int32_t i = 0; i < o && !other; ++i)
      if (overlap(data, bytes, context->outputs[i], context->output_bytes[i])) {
        other = desc->outputs[i].name;
        kind = "output";
      }
    if (!other && overlap(data, bytes, context->workspace,
                          (int64_t)context->workspace_bytes)) {
      other = "workspace";
      kind = "the";
    }
    if (other)
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "output '%s': expected memory of its own, got memory "
                          "that overlaps %s '%s'",
                          desc->outputs[o].name, kind, other);
  }
  return NULL;
}

/* Everything that the capacities in `symbols` need. */
static winnow_status *prepare(winnow_context *context,
                              const winnow_tensor *outputs,
                              size_t num_outputs) {
  const winnow_model_desc *desc = context->model->desc;
  desc->output_room(context->symbols, context->room);
  winnow_status *status =
      winnow_check_outputs(desc, outputs, num_outputs, context->room,
                           context->outputs, context->output_bytes);
  if (!status)
    status = ensure_workspace(context, context->symbols);
  if (!status)
    status = check_overlap(context);
  return status;
}

/* The same on a GPU, with copies of inputs and outputs. */
static winnow_status *run_on_gpu(winnow_context *context, winnow_call *call,
                                 winnow_outcome *outcome) {
  winnow_gpu_call gpu = {.workspace_bytes = context->workspace_bytes,
                         .inputs = context->inputs,
                         .outputs = context->outputs,
                         .input_bytes = context->input_bytes,
                         .output_bytes = context->output_bytes,
                         .device_inputs = context->device_inputs,
                         .device_outputs = context->device_outputs};
  winnow_status *status = winnow_gpu_begin(context->gpu, &gpu);
  if (status)
    return status;
  call->weights = gpu.weights;
  call->workspace = gpu.workspace;
  call->inputs = (const void *const *)gpu.device_inputs;
  call->outputs = gpu.device_outputs;
  *outcome = winnow_pool_run(context->pool, context->model, call,
                             context->capacities);
  return winnow_gpu_end(context->gpu, &gpu, outcome);
}

static winnow_status *run_once(winnow_context *context, winnow_outcome *outcome) {
  if (context->model->has_data_symbols)
    copy_symbols(context, context->capacities, context->symbols);
  winnow_call call = {.struct_size = sizeof call,
                      .symbols = context->symbols,
                      .weights = context->model->weights.data,
                      .workspace = context->workspace,
                      .inputs = context->inputs,
                      .outputs = context->outputs};
  if (context->gpu)
    return run_on_gpu(context, &call, outcome);
  *outcome = winnow_pool_run(context->pool, context->model, &call,
                             context->capacities);
  return NULL;
}

/* Perhaps more than what is wanted, lest a loop that counts up, or a row of
 * runs, begins anew for each number. */
static int64_t grow(int64_t capacity, int64_t wanted, int64_t max) {
  int64_t ample;
  if (__builtin_add_overflow(capacity, capacity / 2, &ample) || ample > max)
    ample = max;
  return larger(ample, wanted);
}

/* Makes ready for a run in which the symbol has the room that it needs. */
static winnow_status *prepare_again(winnow_context *context,
                                    winnow_outcome outcome,
                                    const winnow_tensor *outputs,
                                    size_t num_outputs) {
  int32_t s = outcome.grown_symbol;
  context->remembered[s] = grow(context->capacities[s], outcome.grown_value,
                                context->model->desc->symbols[s].max);
  winnow_set_capacities(context->model, context->remembered, context->symbols);
  winnow_status *status = prepare(context, outputs, num_outputs);
  /* What is not to be had is not to be asked for in the next run: it may be the
   * product of several symbols. */
  if (status && winnow_status_code(status) != WINNOW_ERROR_CAPACITY &&
      context->owns_workspace)
    copy_symbols(context, context->remembered, context->granted);
  return status;
}

static winnow_status *report_site(const winnow_model_desc *desc, int32_t site) {
  if (site >= desc->num_sites)
    return winnow_error(WINNOW_ERROR_RUN_CHECK,
                        "a check of model '%s' failed at unknown site %d",
                        desc->name, site);
  return winnow_error(WINNOW_ERROR_RUN_CHECK, "node '%s': %s",
                      desc->sites[site].node, desc->sites[site].message);
}

static winnow_status *run(winnow_context *context, const winnow_tensor *inputs,
                          size_t num_inputs, const winnow_tensor *outputs,
                          size_t num_outputs) {
  const winnow_model_desc *desc = context->model->desc;
  winnow_status *status =
      winnow_check_inputs(desc, inputs, num_inputs, context->symbols,
                          context->inputs, context->input_bytes);
  if (status)
    return status;
  winnow_set_capacities(context->model, context->remembered, context->symbols);
  status = prepare(context, outputs, num_outputs);
  while (!status) {
    winnow_outcome outcome;
    status = run_once(context, &outcome);
    if (status)
      return status;
    /* After a failed check, data may be what only the failure led to. */
    if (outcome.failed_site >= 0)
      return report_site(desc, outcome.failed_site);
    if (outcome.grown_symbol < 0) {
      desc->output_dims(context->symbols, context->output_dims);
      context->has_output_dims = true;
      copy_symbols(context, context->granted, context->remembered);
      return NULL;
    }
    status = prepare_again(context, outcome, outputs, num_outputs);
  }
  return status;
}

static winnow_status *plan(winnow_context *context, const winnow_tensor *inputs,
                           size_t num_inputs, int64_t *output_dims,
                           size_t count, size_t *workspace_bytes) {
  winnow_status *status = winnow_check_inputs(
      context->model->desc, inputs, num_inputs, context->symbols, NULL, NULL);
  if (!status)
    status = winnow_check_room(context->model, output_dims, count);
  if (status)
    return status;
  winnow_set_capacities(context->model, context->remembered, context->symbols);
  context->model->desc->output_room(context->symbols, output_dims);
  return workspace_bytes
             ? winnow_model_workspace_size(context->model, context->symbols,
                                           workspace_bytes)
             : NULL;
}

winnow_status *winnow_context_plan(winnow_context *context,
                                   const winnow_tensor *inputs,
                                   size_t num_inputs, int64_t *output_dims,
                                   size_t count, size_t *workspace_bytes) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  status =
      plan(context, inputs, num_inputs, output_dims, count, workspace_bytes);
  release(context);
  return status;
}

static winnow_status *get_output_dims(const winnow_context *context,
                                      int64_t *output_dims, size_t count) {
  winnow_status *status = winnow_check_room(context->model, output_dims, count);
  if (status)
    return status;
  if (!context->has_output_dims)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected a run that succeeded before its outputs' "
                        "dimensions are asked for, got none");
  if (context->model->output_ranks)
    memcpy(output_dims, context->output_dims,
           context->model->output_ranks * sizeof *output_dims);
  return NULL;
}

winnow_status *winnow_context_output_dims(winnow_context *context,
                                          int64_t *output_dims, size_t count) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  status = get_output_dims(context, output_dims, count);
  release(context);
  return status;
}

winnow_status *winnow_run(winnow_context *context, const winnow_tensor *inputs,
                          size_t num_inputs, const winnow_tensor *outputs,
                          size_t num_outputs) {
  winnow_status *status = acquire(context);
  if (status)
    return status;
  status = run(context, inputs, num_inputs, outputs, num_outputs);
  release(context);
  return status;
}
