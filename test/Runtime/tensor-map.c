// RUN: rm -rf %t && mkdir -p %t
// RUN: %cc -shared -fPIC -O1 %S/Inputs/mock_cuda.c -o %t/libcuda.so.1
// RUN: %build_c -I%S/../../runtime/src %s -lwinnow_rt -ldl -o %t/test
// RUN: env LD_LIBRARY_PATH=%t %t/test

/* Maps of tensors, by the stand-in for the driver, which knows the rules of the real one. */
#include "cuda.c"

#include "check.h"

int main(void) {
  load_driver();
  CHECK(!driver.missing);
  winnow_model_desc desc = {.name = "m"};
  winnow_gpu gpu = {.desc = &desc};
  winnow_gpu_run run = {.gpu = &gpu};
  unsigned char map[129] = {0};
  winnow_rt_tensor tensor = {(void *)0x1000, 9, {392, 70, 2}, {784, 54880}, {64, 128}};
  /* The caller's room needs no alignment. */
  CHECK(winnow_gpu_tensor_map(&run, map + 1, &tensor));
  CHECK(map[0] == 0 && map[1] == 9 && map[128] == 9);

  /* The driver takes no tensor without elements, and nothing is copied from one. */
  tensor.extents[0] = 0;
  CHECK(winnow_gpu_tensor_map(&run, map + 1, &tensor));
  CHECK(map[1] == 0 && map[128] == 0);

  /* What it does not take is the run's status. */
  tensor.extents[0] = 392;
  tensor.strides[0] = 782;
  CHECK(!winnow_gpu_tensor_map(&run, map + 1, &tensor));
  CHECK(strstr(winnow_status_message(run.status), "cuTensorMapEncodeTiled"));
  winnow_status_free(run.status);
  return 0;
}
