/* Reading and writing one .npy file, for models compiled to executables. */
#ifndef WINNOW_RUNTIME_CLI_NPY_H
#define WINNOW_RUNTIME_CLI_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NPY_MAX_RANK = 32 };

typedef struct npy_array {
  int32_t dtype;
  int32_t rank;
  int64_t dims[NPY_MAX_RANK];
  void *data; /* malloc'ed */
  size_t bytes;
} npy_array;

/* Both return NULL, or what was wrong as a string that is not to be freed and
 * lives until the next call. */
const char *npy_read(const char *path, npy_array *array);
const char *npy_write(const char *path, const npy_array *array);

#endif
