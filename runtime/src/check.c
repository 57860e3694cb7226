/* What a caller may get wrong about tensors, each with its own sentence. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static const struct {
  int32_t dtype;
  int32_t size;
  const char *name;
} dtypes[] = {
    {WINNOW_DTYPE_F32, 4, "float32"},   {WINNOW_DTYPE_U8, 1, "uint8"},
    {WINNOW_DTYPE_I8, 1, "int8"},       {WINNOW_DTYPE_U16, 2, "uint16"},
    {WINNOW_DTYPE_I16, 2, "int16"},     {WINNOW_DTYPE_I32, 4, "int32"},
    {WINNOW_DTYPE_I64, 8, "int64"},     {WINNOW_DTYPE_BOOL, 1, "bool"},
    {WINNOW_DTYPE_F16, 2, "float16"},   {WINNOW_DTYPE_F64, 8, "float64"},
    {WINNOW_DTYPE_U32, 4, "uint32"},    {WINNOW_DTYPE_U64, 8, "uint64"},
    {WINNOW_DTYPE_BF16, 2, "bfloat16"},
    {WINNOW_DTYPE_F8E4M3FN, 1, "float8e4m3fn"},
    {WINNOW_DTYPE_F8E4M3FNUZ, 1, "float8e4m3fnuz"},
    {WINNOW_DTYPE_F8E5M2, 1, "float8e5m2"},
    {WINNOW_DTYPE_F8E5M2FNUZ, 1, "float8e5m2fnuz"},
    {WINNOW_DTYPE_U4, 1, "uint4"},
    {WINNOW_DTYPE_I4, 1, "int4"},
    {WINNOW_DTYPE_F4E2M1, 1, "float4e2m1"},
    {WINNOW_DTYPE_F8E8M0, 1, "float8e8m0"},
    {WINNOW_DTYPE_U2, 1, "uint2"},
    {WINNOW_DTYPE_I2, 1, "int2"},
};

const char *winnow_dtype_name(int32_t dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; ++i)
    if (dtypes[i].dtype == dtype)
      return dtypes[i].name;
  return "unknown";
}

size_t winnow_dtype_size(int32_t dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; ++i)
    if (dtypes[i].dtype == dtype)
      return (size_t)dtypes[i].size;
  return 0;
}

bool winnow_multiply(int64_t a, int64_t b, int64_t *result) {
  return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, result);
}

bool winnow_tensor_bytes(int32_t dtype, int32_t rank, const int64_t *dims,
                         int64_t *bytes) {
  /* A zero dim makes the tensor empty however large the others are. */
  bool empty = false;
  for (int32_t d = 0; d < rank; ++d) {
    if (dims[d] < 0)
      return false;
    empty |= dims[d] == 0;
  }
  *bytes = empty ? 0 : (int64_t)winnow_dtype_size(dtype);
  for (int32_t d = 0; d < rank && !empty; ++d)
    if (!winnow_multiply(*bytes, dims[d], bytes))
      return false;
  return true;
}

static winnow_status *check_bounds(const winnow_model_desc *desc,
                                   int32_t symbol, int64_t value,
                                   const char *where) {
  const winnow_symbol_desc *s = &desc->symbols[symbol];
  if (value >= s->min && value <= s->max)
    return NULL;
  if (s->max == INT64_MAX)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "%sexpected '%s' to be at least %lld, got %lld", where,
                        s->name, (long long)s->min, (long long)value);
  return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                      "%sexpected '%s' to be between %lld and %lld, got %lld",
                      where, s->name, (long long)s->min, (long long)s->max,
                      (long long)value);
}

winnow_status *winnow_check_symbols(const winnow_model_desc *desc,
                                    const int64_t *symbols) {
  if (!symbols && desc->num_symbols)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected the values of %d symbols, got NULL",
                        desc->num_symbols);
  winnow_status *status = NULL;
  for (int32_t s = 0; s < desc->num_symbols && !status; ++s)
    status = check_bounds(desc, s, symbols[s], "");
  return status;
}

/* ---- Finding tensors ---- */

/* The caller's structs may be those of an earlier or later header. */
static const winnow_tensor *tensor_at(const winnow_tensor *tensors,
                                      size_t index) {
  return (const winnow_tensor *)((const char *)tensors +
                                 index * tensors->struct_size);
}

/* Matches by name, and tensors without a name by position. */
static winnow_status *find_tensor(const winnow_tensor *tensors, size_t count,
                                  const char *kind,
                                  const winnow_tensor_desc *wanted,
                                  size_t position,
                                  const winnow_tensor **found) {
  *found = NULL;
  for (size_t i = 0; i < count; ++i) {
    const winnow_tensor *tensor = tensor_at(tensors, i);
    if (tensor->name ? strcmp(tensor->name, wanted->name) != 0 : i != position)
      continue;
    if (*found)
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "expected %s '%s' once, got it twice", kind,
                          wanted->name);
    *found = tensor;
  }
  if (!*found)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected %s '%s', got none of that name", kind,
                        wanted->name);
  return NULL;
}

static void list_names(const winnow_tensor_desc *descs, int32_t count,
                       char *text, size_t room) {
  size_t used = 0;
  *text = 0;
  for (int32_t i = 0; i < count && used + 1 < room; ++i) {
    int n = snprintf(text + used, room - used, "%s%s", i ? ", " : "",
                     descs[i].name);
    used += n > 0 ? (size_t)n : 0;
  }
  if (used + 1 > room)
    memcpy(text + room - 4, "...", 4);
}

static winnow_status *check_count(const winnow_tensor *tensors, size_t count,
                                  const char *kind,
                                  const winnow_tensor_desc *descs,
                                  int32_t expected) {
  char names[512];
  list_names(descs, expected, names, sizeof names);
  if (count != (size_t)expected)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected %d %ss (%s), got %zu", expected, kind, names,
                        count);
  if (count && !tensors)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected %d %ss (%s), got NULL", expected, kind,
                        names);
  for (size_t i = 0; i < count; ++i) {
    uint32_t size = tensor_at(tensors, i)->struct_size;
    if (size < sizeof(winnow_tensor) || size != tensors->struct_size ||
        size % sizeof(void *))
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "expected struct_size of %s tensor %zu to be %zu, "
                          "got %u; make tensors "
                          "with winnow_make_tensor",
                          kind, i, sizeof(winnow_tensor), size);
    const char *name = tensor_at(tensors, i)->name;
    bool known = !name;
    for (int32_t d = 0; d < expected; ++d)
      known |= name && strcmp(name, descs[d].name) == 0;
    if (!known)
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "expected one of the %ss %s, got '%s'", kind, names,
                          name);
  }
  return NULL;
}

static bool has_one_element(const winnow_tensor *tensor) {
  if (tensor->rank < 0 || !tensor->dims)
    return false;
  for (int32_t d = 0; d < tensor->rank; ++d)
    if (tensor->dims[d] != 1)
      return false;
  return true;
}

/* What holds for inputs and outputs alike. An array of one element may stand for a
 * scalar. */
static winnow_status *check_tensor(const winnow_tensor *tensor,
                                   const winnow_tensor_desc *desc,
                                   const char *kind) {
  if (tensor->dtype != desc->dtype)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "%s '%s': expected %s, got %s", kind, desc->name,
                        winnow_dtype_name(desc->dtype),
                        winnow_dtype_name(tensor->dtype));
  if (tensor->rank != desc->rank &&
      !(desc->rank == 0 && has_one_element(tensor)))
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "%s '%s': expected rank %d, got %d", kind, desc->name,
                        desc->rank, tensor->rank);
  return NULL;
}

/* For an output whose dims depend on data: what it needs may be more than what
 * the caller was told. */
static winnow_status *check_room(const winnow_tensor *tensor,
                                 const winnow_tensor_desc *desc,
                                 int64_t bytes) {
  size_t available = tensor->data ? tensor->bytes : 0;
  if (tensor->bytes == WINNOW_BYTES_UNCHECKED)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "output '%s': expected the bytes of its buffer, as its "
                        "dimensions depend on data, got WINNOW_BYTES_UNCHECKED",
                        desc->name);
  if (available < (uint64_t)bytes)
    return winnow_error(WINNOW_ERROR_CAPACITY,
                        "output '%s': expected room for %lld bytes for what "
                        "the data may need, got %zu; ask winnow_context_plan "
                        "and run again",
                        desc->name, (long long)bytes, available);
  return NULL;
}

static winnow_status *check_data(const winnow_tensor *tensor,
                                 const winnow_tensor_desc *desc,
                                 const char *kind, int64_t bytes,
                                 size_t available) {
  if (bytes == 0)
    return NULL;
  if (!tensor->data)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "%s '%s': expected %lld bytes of data, got NULL", kind,
                        desc->name, (long long)bytes);
  if (available < (uint64_t)bytes)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "%s '%s': expected at least %lld bytes, got %zu", kind,
                        desc->name, (long long)bytes, available);
  size_t alignment = winnow_dtype_size(desc->dtype);
  if (alignment && (uintptr_t)tensor->data % alignment)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "%s '%s': expected data aligned to %zu bytes, got address %p", kind,
        desc->name, alignment, tensor->data);
  return NULL;
}

/* ---- Inputs ---- */

/* The first place before (input, dim) that has the symbol, or false. */
static bool first_with_symbol(const winnow_model_desc *desc, int32_t symbol,
                              int32_t input, int32_t dim, int32_t *first) {
  for (int32_t i = 0; i <= input; ++i)
    for (int32_t d = 0; d < (i < input ? desc->inputs[i].rank : dim); ++d)
      if (desc->inputs[i].dims[d].symbol == symbol) {
        *first = i;
        return true;
      }
  return false;
}

static winnow_status *check_input_dim(const winnow_model_desc *desc,
                                      int32_t input, int32_t dim, int64_t got,
                                      int64_t *symbols) {
  const winnow_tensor_desc *t = &desc->inputs[input];
  const winnow_dim *expected = &t->dims[dim];
  if (expected->size >= 0 && got != expected->size)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "input '%s': expected dimension %d to be %lld, got %lld", t->name, dim,
        (long long)expected->size, (long long)got);
  if (got < 0)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "input '%s': expected dimension %d not to be negative, got %lld",
        t->name, dim, (long long)got);
  if (expected->symbol < 0)
    return NULL;
  int64_t multiple;
  if (__builtin_sub_overflow(got, expected->offset, &multiple) ||
      multiple % expected->factor) {
    char offset[32] = "";
    if (expected->offset)
      snprintf(offset, sizeof offset, "%lld more than ",
               (long long)expected->offset);
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "input '%s': expected dimension %d to be %sa multiple of %lld, got %lld",
        t->name, dim, offset, (long long)expected->factor, (long long)got);
  }
  int32_t first;
  if (!first_with_symbol(desc, expected->symbol, input, dim, &first)) {
    int64_t value = multiple / expected->factor;
    symbols[expected->symbol] = value;
    char where[256];
    snprintf(where, sizeof where, "input '%.200s': ", t->name);
    return check_bounds(desc, expected->symbol, value, where);
  }
  int64_t before =
      symbols[expected->symbol] * expected->factor + expected->offset;
  if (got != before)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "input '%s': expected dimension %d ('%s') to be %lld as in input '%s', "
        "got %lld",
        t->name, dim, desc->symbols[expected->symbol].name, (long long)before,
        desc->inputs[first].name, (long long)got);
  return NULL;
}

/* Compares the dims that are expressions, once all symbols have values. */
static winnow_status *check_input_expressions(const winnow_model_desc *desc,
                                              const winnow_tensor *inputs,
                                              size_t count,
                                              const int64_t *symbols) {
  int64_t n = 0;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    const winnow_tensor_desc *t = &desc->inputs[i];
    for (int32_t d = 0; d < t->rank; ++d) {
      if (t->dims[d].size >= 0 || t->dims[d].symbol >= 0)
        continue;
      const winnow_tensor *tensor;
      winnow_status *status =
          find_tensor(inputs, count, "input", t, (size_t)i, &tensor);
      if (status)
        return status;
      int64_t expected = desc->input_dim(symbols, n++);
      if (tensor->dims[d] != expected)
        return winnow_error(
            WINNOW_ERROR_INVALID_ARGUMENT,
            "input '%s': expected dimension %d to be %lld, which the other "
            "inputs' dimensions add up to, got %lld",
            t->name, d, (long long)expected, (long long)tensor->dims[d]);
    }
  }
  return NULL;
}

winnow_status *winnow_check_inputs(const winnow_model_desc *desc,
                                   const winnow_tensor *inputs, size_t count,
                                   int64_t *symbols, const void **data,
                                   int64_t *bytes) {
  if (!symbols && desc->num_symbols)
    return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                        "expected room for the values of %d symbols, got NULL",
                        desc->num_symbols);
  winnow_status *status =
      check_count(inputs, count, "input", desc->inputs, desc->num_inputs);
  for (int32_t i = 0; i < desc->num_inputs && !status; ++i) {
    const winnow_tensor_desc *t = &desc->inputs[i];
    const winnow_tensor *tensor;
    status = find_tensor(inputs, count, "input", t, (size_t)i, &tensor);
    if (!status)
      status = check_tensor(tensor, t, "input");
    if (!status && t->rank > 0 && !tensor->dims)
      status = winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                            "input '%s': expected %d dims, got NULL", t->name,
                            t->rank);
    for (int32_t d = 0; d < t->rank && !status; ++d)
      status = check_input_dim(desc, i, d, tensor->dims[d], symbols);
    if (status || !data)
      continue;
    if (!winnow_tensor_bytes(t->dtype, t->rank, tensor->dims, &bytes[i]))
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "input '%s': expected dimensions whose product fits "
                          "into memory, got an "
                          "overflow",
                          t->name);
    status = check_data(tensor, t, "input", bytes[i],
                        tensor->bytes ? tensor->bytes : WINNOW_BYTES_UNCHECKED);
    data[i] = tensor->data;
  }
  return status ? status
                : check_input_expressions(desc, inputs, count, symbols);
}

/* ---- Outputs ---- */

static bool depends_on_data(const winnow_tensor_desc *desc) {
  for (int32_t d = 0; d < desc->rank; ++d)
    if (desc->dims[d].from_data)
      return true;
  return false;
}

winnow_status *winnow_check_outputs(const winnow_model_desc *desc,
                                    const winnow_tensor *outputs, size_t count,
                                    const int64_t *dims, void **data,
                                    int64_t *bytes) {
  winnow_status *status =
      check_count(outputs, count, "output", desc->outputs, desc->num_outputs);
  for (int32_t i = 0; i < desc->num_outputs && !status; ++i) {
    const winnow_tensor_desc *t = &desc->outputs[i];
    const winnow_tensor *tensor;
    status = find_tensor(outputs, count, "output", t, (size_t)i, &tensor);
    if (!status)
      status = check_tensor(tensor, t, "output");
    for (int32_t d = 0; d < t->rank && !status && tensor->dims; ++d)
      if (!t->dims[d].from_data && tensor->dims[d] != dims[d])
        status = winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                              "output '%s': expected dimension %d to be %lld "
                              "for these inputs, got "
                              "%lld",
                              t->name, d, (long long)dims[d],
                              (long long)tensor->dims[d]);
    if (status)
      continue;
    if (!winnow_tensor_bytes(t->dtype, t->rank, dims, &bytes[i]))
      return winnow_error(
          WINNOW_ERROR_INVALID_ARGUMENT,
          "output '%s': expected inputs whose output fits into memory, got an "
          "overflow",
          t->name);
    if (depends_on_data(t))
      status = check_room(tensor, t, bytes[i]);
    if (!status)
      status = check_data(tensor, t, "output", bytes[i], tensor->bytes);
    data[i] = tensor->data;
    dims += t->rank;
  }
  return status;
}
