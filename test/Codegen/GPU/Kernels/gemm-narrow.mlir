// Products of narrow factors. On sm_90a those of rows of depth at multiples of 16 bytes come by
// copies of tensors.
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16

// Depth of more tiles than there are stages; rows, columns and depth that are no multiples.
func.func private @ring(memref<2x70x392xbf16>, memref<2x77x392xbf16>, memref<2x70x77xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[2, 70, 392], [2, 77, 392], [2, 70, 77]]]}

// More tiles than blocks, with one right factor for all of them.
func.func private @batched(memref<?x40x136xbf16>, memref<1x24x136xbf16>, memref<?x40x24xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[133, 40, 136], [1, 24, 136], [133, 40, 24]], [[1, 40, 136], [1, 24, 136], [1, 40, 24]]]}

// Tiles of 128 x 256.
func.func private @large(memref<1x130x40xbf16>, memref<1x9220x40xbf16>, memref<1x130x9220xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[1, 130, 40], [1, 9220, 40], [1, 130, 9220]]]}

// Rows of heads that lie within those of others.
func.func private @heads(memref<6x50x64xbf16, strided<[64, 384, 1]>>, memref<6x50x64xbf16, strided<[64, 384, 1]>>, memref<6x50x50xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[6, 50, 64], [6, 50, 64], [6, 50, 50]]]}

// Through registers: odd rows of depth, and neighbouring columns.
func.func private @odd(memref<2x40x37xbf16>, memref<2x21x37xbf16>, memref<2x40x21xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true},
  test.shapes = [[[2, 40, 37], [2, 21, 37], [2, 40, 21]]]}
func.func private @columns(memref<2x40x72xbf16>, memref<2x72x24xbf16>, memref<2x40x24xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[2, 40, 72], [2, 72, 24], [2, 40, 24]]]}
func.func private @odd_columns(memref<2x40x72xbf16>, memref<2x72x21xbf16>, memref<2x40x21xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false},
  test.shapes = [[[2, 40, 72], [2, 72, 21], [2, 40, 21]]]}
