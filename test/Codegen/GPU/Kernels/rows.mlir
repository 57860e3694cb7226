// Norms and softmax: rows of a warp and of a block, that stay in registers and that do not.
// RUN: winnow-gpu-emulate %s --chip sm_80

func.func private @layer_norm(memref<?x768xf32>, memref<?x768xf32>, memref<768xf32>, memref<768xf32>, memref<?x768xf32>) attributes {
  winnow.kernel = {kind = "layer_norm", epsilon = 1.0e-5 : f32, residual = true, scale = true, bias = true},
  test.shapes = [[[9, 768], [9, 768], [768], [768], [9, 768]]]}
func.func private @odd(memref<3x37xf32>, memref<3x37xf32>) attributes {
  winnow.kernel = {kind = "layer_norm", epsilon = 1.0e-5 : f32},
  test.shapes = [[[3, 37], [3, 37]]]}
func.func private @block(memref<2x1100xf32>, memref<1100xf32>, memref<2x1100xf32>) attributes {
  winnow.kernel = {kind = "rms_norm", epsilon = 1.0e-6 : f32, scale = true},
  test.shapes = [[[2, 1100], [1100], [2, 1100]]]}
func.func private @wide(memref<2x9001xf32>, memref<2x9001xf32>) attributes {
  winnow.kernel = {kind = "layer_norm", epsilon = 1.0e-5 : f32},
  test.shapes = [[[2, 9001], [2, 9001]]]}
func.func private @softmax(memref<?x?xf32>, memref<?x?xf32>) attributes {
  winnow.kernel = {kind = "softmax"},
  test.shapes = [[[3, 1], [3, 1]], [[3, 300], [3, 300]]]}
func.func private @softmax_of_warps(memref<9x49xf32>, memref<9x49xf32>) attributes {
  winnow.kernel = {kind = "softmax"},
  test.shapes = [[[9, 49], [9, 49]]]}
func.func private @pieces(memref<10x30xf32>, memref<20x15xf32>, memref<10x30xf32>, memref<10xi64>, memref<20xi64>, memref<10x30xf32>) attributes {
  winnow.kernel = {kind = "layer_norm", epsilon = 1.0e-5 : f32, residual = true, denominator_kind = "abs_sum", numerator_degree = 5, rows = true, residual_rows = true},
  test.shapes = [[[10, 30], [20, 15], [10, 30], [10], [20], [10, 30]]]}
