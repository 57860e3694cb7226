/* Two models in one program: y = relu(x w + b), once times 1 and once times 2,
 * with weights in a file and in the library. */
#include "doubled.h"
#include "one.h"

#include <stdio.h>

static int fail(winnow_status *status) {
  fprintf(stderr, "consumer: error: %s\n", winnow_status_message(status));
  winnow_status_free(status);
  return 1;
}

int main(void) {
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  winnow_model *first = NULL, *second = NULL;
  winnow_context *first_context = NULL, *second_context = NULL;
  winnow_status *status;

  options.weights_path = ONE_WEIGHTS;
  if ((status = winnow_model_open(&one_model, &options, &first)) ||
      (status = winnow_model_open(&doubled_model, NULL, &second)) ||
      (status = winnow_context_create(first, NULL, &first_context)) ||
      (status = winnow_context_create(second, NULL, &second_context)))
    return fail(status);

  const float x[2][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}};
  float y[2][3], z[2][3];
  one_dims one = {2};
  doubled_dims doubled = {2};
  if ((status = one_run(first_context, &one, &x[0][0], &y[0][0])) ||
      (status = doubled_run(second_context, &doubled, &x[0][0], &z[0][0])))
    return fail(status);
  for (int i = 0; i < 2; ++i)
    printf("%g %g %g, doubled %g %g %g\n", y[i][0], y[i][1], y[i][2], z[i][0],
           z[i][1], z[i][2]);

  winnow_context_destroy(first_context);
  winnow_context_destroy(second_context);
  winnow_model_close(first);
  winnow_model_close(second);
  return 0;
}
