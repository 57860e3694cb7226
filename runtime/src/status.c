#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct winnow_status {
  winnow_status_code_t code;
  char message[];
};

/* Shared and never freed: there is no memory to make another one from. */
static const struct {
  winnow_status_code_t code;
  char message[40];
} out_of_memory = {WINNOW_ERROR_OUT_OF_MEMORY,
                   "expected memory for a status, got none"};

winnow_status *winnow_error(winnow_status_code_t code, const char *format,
                            ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  winnow_status *status =
      length < 0 ? NULL : malloc(sizeof(winnow_status) + (size_t)length + 1);
  if (status) {
    status->code = code;
    vsnprintf(status->message, (size_t)length + 1, format, again);
  }
  va_end(again);
  return status ? status : (winnow_status *)(uintptr_t)&out_of_memory;
}

winnow_status_code_t winnow_status_code(const winnow_status *status) {
  return status ? status->code : WINNOW_OK;
}

const char *winnow_status_message(const winnow_status *status) {
  return status ? status->message : "ok";
}

void winnow_status_free(winnow_status *status) {
  if (status != (const void *)&out_of_memory)
    free(status);
}
