#include "npy.h"

#include "winnow/runtime.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  int32_t dtype;
  char descr[4];
} types[] = {
    {WINNOW_DTYPE_F32, "<f4"},  {WINNOW_DTYPE_F64, "<f8"},
    {WINNOW_DTYPE_F16, "<f2"},  {WINNOW_DTYPE_I8, "|i1"},
    {WINNOW_DTYPE_I16, "<i2"},  {WINNOW_DTYPE_I32, "<i4"},
    {WINNOW_DTYPE_I64, "<i8"},  {WINNOW_DTYPE_U8, "|u1"},
    {WINNOW_DTYPE_U16, "<u2"},  {WINNOW_DTYPE_U32, "<u4"},
    {WINNOW_DTYPE_U64, "<u8"},  {WINNOW_DTYPE_BOOL, "|b1"},
    /* numpy has none of these: the bits */
    {WINNOW_DTYPE_BF16, "<u2"},
    {WINNOW_DTYPE_F8E4M3FN, "|u1"},
    {WINNOW_DTYPE_F8E4M3FNUZ, "|u1"},
    {WINNOW_DTYPE_F8E5M2, "|u1"},
    {WINNOW_DTYPE_F8E5M2FNUZ, "|u1"},
    {WINNOW_DTYPE_F8E8M0, "|u1"},
    {WINNOW_DTYPE_F4E2M1, "|u1"},
    {WINNOW_DTYPE_U4, "|u1"},
    {WINNOW_DTYPE_I4, "|u1"},
    {WINNOW_DTYPE_U2, "|u1"},
    {WINNOW_DTYPE_I2, "|u1"},
};

static const char *complain(const char *format, ...) {
  static char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return text;
}

/* Finds 'key': in the header and returns what follows, or NULL. */
static const char *find_value(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at)
    return NULL;
  at += strlen(key);
  while (*at == ' ' || *at == ':')
    ++at;
  return at;
}

static const char *parse_header(const char *path, const char *header,
                                npy_array *array) {
  const char *descr = find_value(header, "'descr'");
  const char *order = find_value(header, "'fortran_order'");
  const char *shape = find_value(header, "'shape'");
  if (!descr || !order || !shape || *shape != '(')
    return complain("'%s': expected a header with descr, fortran_order and "
                    "shape, got '%.80s'",
                    path, header);
  array->dtype = 0;
  for (size_t i = 0; i < sizeof types / sizeof *types && !array->dtype; ++i)
    if (*descr == '\'' && strncmp(descr + 1, types[i].descr, 3) == 0 &&
        descr[4] == '\'')
      array->dtype = types[i].dtype;
  if (!array->dtype)
    return complain("'%s': expected little-endian numbers, got descr %.16s",
                    path, descr);
  array->rank = 0;
  for (const char *at = shape + 1; *at != ')';) {
    char *end;
    errno = 0;
    long long dim = strtoll(at, &end, 10);
    if (end == at || errno || dim < 0 || array->rank == NPY_MAX_RANK)
      return complain("'%s': expected a shape of at most %d sizes, got %.80s",
                      path, NPY_MAX_RANK, shape);
    array->dims[array->rank++] = dim;
    for (at = end; *at == ',' || *at == ' ';)
      ++at;
  }
  if (strncmp(order, "False", 5) != 0 && array->rank > 1)
    return complain("'%s': expected C order, got Fortran order; save "
                    "numpy.ascontiguousarray(x)",
                    path);
  return NULL;
}

static const char *read_data(const char *path, FILE *file, npy_array *array) {
  size_t bytes = winnow_dtype_size(array->dtype);
  for (int32_t d = 0; d < array->rank; ++d)
    if (__builtin_mul_overflow(bytes, (size_t)array->dims[d], &bytes) ||
        bytes > PTRDIFF_MAX)
      return complain(
          "'%s': expected a shape that fits into memory, got an overflow",
          path);
  array->bytes = bytes;
  array->data = malloc(bytes ? bytes : 1);
  if (!array->data)
    return complain("'%s': expected %zu bytes of memory, got none", path,
                    bytes);
  size_t got = fread(array->data, 1, bytes, file);
  if (got != bytes)
    return complain("'%s': expected %zu bytes of data, got %zu", path, bytes,
                    got);
  return NULL;
}

static const char *read_file(const char *path, FILE *file, npy_array *array) {
  enum { MAX_HEADER = 65535 };
  uint8_t start[12];
  if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
    return complain("'%s': expected a .npy file, got something else", path);
  size_t length = start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    if (fread(start + 10, 1, 2, file) != 2)
      return complain("'%s': expected a header, got the end of the file", path);
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (length > MAX_HEADER)
    return complain("'%s': expected a header of at most %d bytes, got %zu",
                    path, MAX_HEADER, length);
  char *header = calloc(1, length + 1);
  const char *error = NULL;
  if (!header || fread(header, 1, length, file) != length)
    error = complain("'%s': expected a header of %zu bytes, got less", path,
                     length);
  else
    error = parse_header(path, header, array);
  free(header);
  return error ? error : read_data(path, file, array);
}

const char *npy_read(const char *path, npy_array *array) {
  memset(array, 0, sizeof *array);
  FILE *file = fopen(path, "rb");
  if (!file)
    return complain("cannot open '%s': %s", path, strerror(errno));
  const char *error = read_file(path, file, array);
  fclose(file);
  return error;
}

const char *npy_write(const char *path, const npy_array *array) {
  const char *descr = "|u1";
  for (size_t i = sizeof types / sizeof *types; i-- > 0;)
    if (types[i].dtype == array->dtype)
      descr = types[i].descr;
  /* Magic, version 1.0, length, and a header that ends at a multiple of 64. */
  char header[1024];
  int used = snprintf(header, sizeof header,
                      "%s{'descr': '%s', 'fortran_order': False, 'shape': (",
                      "0123456789", descr);
  for (int32_t d = 0; d < array->rank; ++d)
    used += snprintf(header + used, sizeof header - (size_t)used, "%lld,%s",
                     (long long)array->dims[d], d + 1 < array->rank ? " " : "");
  used += snprintf(header + used, sizeof header - (size_t)used, "), }");
  while ((used + 1) % 64)
    header[used++] = ' ';
  header[used++] = '\n';
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)((used - 10) & 0xff);
  header[9] = (char)((used - 10) >> 8);
  FILE *file = fopen(path, "wb");
  if (!file)
    return complain("cannot create '%s': %s", path, strerror(errno));
  bool ok = fwrite(header, 1, (size_t)used, file) == (size_t)used &&
            fwrite(array->data, 1, array->bytes, file) == array->bytes;
  ok &= fclose(file) == 0;
  return ok ? NULL : complain("cannot write '%s': %s", path, strerror(errno));
}
