/* Two models in one program, by their generated headers. `argv[1]` is the
 * folder of the weights, if they are in files. */
#include "first.h"
#include "second.h"

#include <stdio.h>

static int fail(winnow_status *status) {
  printf("error %d: %s\n", winnow_status_code(status),
         winnow_status_message(status));
  winnow_status_free(status);
  return 1;
}

static int open_and_run(const winnow_model_desc *desc, const char *folder,
                        int is_first) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.weights", folder, desc->name);
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  options.weights_path = path;
  winnow_model *model;
  winnow_context *context;
  winnow_status *status = winnow_model_open(desc, &options, &model);
  if (status)
    return fail(status);
  status = winnow_context_create(model, NULL, &context);
  if (status)
    return fail(status);
  float x[13 * 4] = {1, 1, 1, 1, 10, 20, 30, 40}, y[13 * 4];
  first_dims two = {2};
  second_dims unlucky = {13};
  if (is_first)
    status = first_reserve(context, &two);
  if (!status)
    status = is_first ? first_run(context, &two, x, y)
                      : second_run(context, &unlucky, x, y);
  printf("%s: %g %g %g %g\n", winnow_model_name(model), y[0], y[3], y[4], y[7]);
  int result = status ? fail(status) : 0;
  winnow_context_destroy(context);
  winnow_model_close(model);
  return result;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "";
  return open_and_run(&first_model, folder, 1) != 0 ||
         open_and_run(&second_model, folder, 0) != 1;
}
