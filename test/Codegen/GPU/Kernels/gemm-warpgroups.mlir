// Products by wgmma, whose barriers, swizzles and fences the emulated chip checks.
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision tf32
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision fp16

// Depth of more tiles than there are stages; rows, columns and depth that are no multiples.
func.func private @ring(memref<?x388xf32>, memref<7x388x12xf32>, memref<77xf32>, memref<?x77xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 77, bias = true, residual = false, activation = "gelu"},
  test.shapes = [[[1, 388], [7, 388, 12], [77], [1, 77]], [[70, 388], [7, 388, 12], [77], [70, 77]]]}

// Copies of single elements, and of columns of panels that are no multiple of 4.
func.func private @odd(memref<40x37xf32>, memref<4x37x6xf32>, memref<40x20xf32>, memref<40x20xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 20, bias = false, residual = true, activation = "silu"},
  test.shapes = [[[40, 37], [4, 37, 6], [40, 20], [40, 20]]]}

// More tiles than blocks.
func.func private @batched(memref<133x40x36xf32>, memref<133x36x24xf32>, memref<133x40x24xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[133, 40, 36], [133, 36, 24], [133, 40, 24]]]}

func.func private @transposed(memref<?x?x?xf32>, memref<?x?x?xf32>, memref<?x?x?xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[2, 70, 33], [2, 65, 33], [2, 70, 65]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
                 [[1, 4, 0], [1, 5, 0], [1, 4, 5]]]}

// One right factor for all batches, whose columns are no multiple of 4.
func.func private @shared(memref<2x90x130xf32>, memref<1x130x63xf32>, memref<2x90x63xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[2, 90, 130], [1, 130, 63], [2, 90, 63]]]}

// Tiles of 128 x 256.
func.func private @large(memref<130x37xf32>, memref<769x37x12xf32>, memref<9220xf32>, memref<130x9220xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 9220, bias = true, residual = false, activation = "relu"},
  test.shapes = [[[130, 37], [769, 37, 12], [9220], [130, 9220]]]}

// Tiles of 128 x 128.
func.func private @middle(memref<129x40xf32>, memref<385x40x12xf32>, memref<4612xf32>, memref<129x4612xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 4612, bias = true, residual = false, activation = "relu"},
  test.shapes = [[[129, 40], [385, 40, 12], [4612], [129, 4612]]]}

// Tiles of 64 x 128.
func.func private @small(memref<20x50x36xf32>, memref<20x36x385xf32>, memref<20x50x385xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[20, 50, 36], [20, 36, 385], [20, 50, 385]]]}

// Rows by number: whole ones of x, halves of the residual, and thirds where they go.
func.func private @pieces(memref<?x36xf32>, memref<2x36x12xf32>, memref<24xf32>, memref<?x12xf32>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<?x8xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 24, bias = true, residual = true, activation = "none", rows = true, residual_rows = true, out_rows = true},
  test.shapes = [[[10, 36], [2, 36, 12], [24], [20, 12], [10], [20], [30], [30, 8]]]}

func.func private @pieces_of_x(memref<?x9xf32>, memref<2x36x12xf32>, memref<?xi64>, memref<?x24xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 24, bias = false, residual = false, activation = "none", rows = true},
  test.shapes = [[[20, 9], [2, 36, 12], [20], [5, 24]]]}
