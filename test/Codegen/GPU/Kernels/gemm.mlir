// Linear layers and products of matrices, with rows, columns and depths that are no
// multiples of tiles.
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp32
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision tf32
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp16

func.func private @tails(memref<?x64xf32>, memref<7x64x12xf32>, memref<77xf32>, memref<?x77xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 77, bias = true, residual = false, activation = "gelu"},
  test.shapes = [[[1, 64], [7, 64, 12], [77], [1, 77]], [[33, 64], [7, 64, 12], [77], [33, 77]]]}

func.func private @odd_depth(memref<5x37xf32>, memref<3x37x8xf32>, memref<5x20xf32>, memref<5x20xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 20, bias = false, residual = true, activation = "silu"},
  test.shapes = [[[5, 37], [3, 37, 8], [5, 20], [5, 20]]]}

func.func private @one(memref<1x1xf32>, memref<1x1x4xf32>, memref<1x1xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 1, bias = false, residual = false, activation = "none"},
  test.shapes = [[[1, 1], [1, 1, 4], [1, 1]]]}

func.func private @batched(memref<3x40x36xf32>, memref<3x36x70xf32>, memref<3x40x70xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[3, 40, 36], [3, 36, 70], [3, 40, 70]]]}

func.func private @transposed(memref<?x?x?xf32>, memref<?x?x?xf32>, memref<?x?x?xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[2, 70, 33], [2, 65, 33], [2, 70, 65]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]]}

func.func private @shared(memref<2x9x130xf32>, memref<1x130x64xf32>, memref<2x9x64xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[2, 9, 130], [1, 130, 64], [2, 9, 64]]]}

// Tiles of 128 x 128.
func.func private @large(memref<129x37xf32>, memref<385x37x12xf32>, memref<4612xf32>, memref<129x4612xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 4612, bias = true, residual = false, activation = "relu"},
  test.shapes = [[[129, 37], [385, 37, 12], [4612], [129, 4612]]]}

// Tiles of 64 x 128.
func.func private @middle(memref<20x50x36xf32>, memref<20x36x385xf32>, memref<20x50x385xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[20, 50, 36], [20, 36, 385], [20, 50, 385]]]}

// Rows by number: whole ones of x, halves of the residual, and thirds where they go.
func.func private @pieces(memref<10x36xf32>, memref<2x36x12xf32>, memref<24xf32>, memref<20x12xf32>, memref<10xi64>, memref<20xi64>, memref<30xi64>, memref<30x8xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 24, bias = true, residual = true, activation = "none", rows = true, residual_rows = true, out_rows = true},
  test.shapes = [[[10, 36], [2, 36, 12], [24], [20, 12], [10], [20], [30], [30, 8]]]}

func.func private @pieces_of_x(memref<?x9xf32>, memref<2x36x12xf32>, memref<?xi64>, memref<?x24xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 24, bias = false, residual = false, activation = "none", rows = true},
  test.shapes = [[[20, 9], [2, 36, 12], [20], [5, 24]]]}

func.func private @rational(memref<5x36xf32>, memref<2x36x12xf32>, memref<10x24xf32>, memref<5x24xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 24, bias = false, residual = false, activation = "group_rational", denominator_kind = "abs_sum", numerator_degree = 5},
  test.shapes = [[[5, 36], [2, 36, 12], [10, 24], [5, 24]]]}
