// Attention: head sizes of all kinds, masks, causality, and packed sequences.
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp32
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision tf32
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp16

func.func private @plain(memref<?x?x2x64xf32>, memref<?x?x2x64xf32>, memref<?x?x2x64xf32>, memref<?x?x2x64xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none"},
  test.shapes = [[[2, 70, 2, 64], [2, 130, 2, 64], [2, 130, 2, 64], [2, 70, 2, 64]],
                 [[1, 1, 2, 64], [1, 1, 2, 64], [1, 1, 2, 64], [1, 1, 2, 64]]]}

// Grouped heads, whose keys and values are of other, odd sizes.
func.func private @grouped(memref<1x5x4x37xf32>, memref<1x9x2x37xf32>, memref<1x9x2x21xf32>, memref<1x5x4x21xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.5 : f32, mask = "none", softcap = 2.0 : f32},
  test.shapes = [[[1, 5, 4, 37], [1, 9, 2, 37], [1, 9, 2, 21], [1, 5, 4, 21]]]}

func.func private @wide(memref<1x20x1x128xf32>, memref<1x40x1x128xf32>, memref<1x40x1x128xf32>, memref<1x20x1x128xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.1 : f32, mask = "none", causal = true, causal_at_end = true},
  test.shapes = [[[1, 20, 1, 128], [1, 40, 1, 128], [1, 40, 1, 128], [1, 20, 1, 128]]]}

func.func private @widest(memref<1x20x1x256xf32>, memref<1x40x1x256xf32>, memref<1x40x1x256xf32>, memref<1x20x1x256xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.06 : f32, mask = "none"},
  test.shapes = [[[1, 20, 1, 256], [1, 40, 1, 256], [1, 40, 1, 256], [1, 20, 1, 256]]]}

func.func private @causal(memref<1x67x1x32xf32>, memref<1x67x1x32xf32>, memref<1x67x1x32xf32>, memref<1x67x1x32xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", causal = true},
  test.shapes = [[[1, 67, 1, 32], [1, 67, 1, 32], [1, 67, 1, 32], [1, 67, 1, 32]]]}

// More queries than keys: the first ones see nothing.
func.func private @lowest(memref<1x70x1x16xf32>, memref<1x33x1x16xf32>, memref<1x33x1x16xf32>, memref<1x70x1x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", causal = true, causal_at_end = true, causal_lowest = true},
  test.shapes = [[[1, 70, 1, 16], [1, 33, 1, 16], [1, 33, 1, 16], [1, 70, 1, 16]]]}

func.func private @nothing_seen(memref<1x70x1x16xf32>, memref<1x33x1x16xf32>, memref<1x33x1x16xf32>, memref<1x70x1x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", causal = true, causal_at_end = true},
  test.shapes = [[[1, 70, 1, 16], [1, 33, 1, 16], [1, 33, 1, 16], [1, 70, 1, 16]]]}

func.func private @cache(memref<1x3x2x24xf32>, memref<1x2x70x24xf32>, memref<1x2x70x24xf32>, memref<1x3x2x24xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", key_heads_first = true, value_heads_first = true},
  test.shapes = [[[1, 3, 2, 24], [1, 2, 70, 24], [1, 2, 70, 24], [1, 3, 2, 24]]]}

func.func private @boolean(memref<2x9x2x16xf32>, memref<2x70x2x16xf32>, memref<2x70x2x16xf32>, memref<2x1x9x70xi1>, memref<2x9x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "bool", nan_to_zero = true},
  test.shapes = [[[2, 9, 2, 16], [2, 70, 2, 16], [2, 70, 2, 16], [2, 1, 9, 70], [2, 9, 2, 16]]]}

func.func private @additive(memref<4x9x2x16xf32>, memref<4x70x2x16xf32>, memref<4x70x2x16xf32>, memref<2x2x9x70xf32>, memref<4x9x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add"},
  test.shapes = [[[4, 9, 2, 16], [4, 70, 2, 16], [4, 70, 2, 16], [2, 2, 9, 70], [4, 9, 2, 16]]]}

func.func private @padding(memref<?x?x2x16xf32>, memref<?x?x2x16xf32>, memref<?x?x2x16xf32>, memref<?x1x1x?xf32>, memref<?x?x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add", causal = true, causal_adds_lowest = true},
  test.shapes = [[[5, 9, 2, 16], [5, 9, 2, 16], [5, 9, 2, 16], [5, 1, 1, 9], [5, 9, 2, 16]]]}

func.func private @packed(memref<1x?x2x16xf32>, memref<1x?x2x16xf32>, memref<1x?x2x16xf32>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<1x?x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", query_packed = true, key_packed = true, causal = true},
  test.shapes = [[[1, 230, 2, 16], [1, 230, 2, 16], [1, 230, 2, 16], [4], [4], [3], [1, 230, 2, 16]],
                 [[1, 90, 2, 16], [1, 90, 2, 16], [1, 90, 2, 16], [41], [41], [40], [1, 90, 2, 16]]]}

// Relative positions: numbers that are added, by the places of tokens in their sequences.
func.func private @packed_relative(memref<1x?x2x16xf32>, memref<1x?x2x16xf32>, memref<1x?x2x16xf32>, memref<1x2x60x60xf32>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<1x?x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add", query_packed = true, key_packed = true},
  test.shapes = [[[1, 90, 2, 16], [1, 90, 2, 16], [1, 90, 2, 16], [1, 2, 60, 60], [90], [90], [4], [4], [3], [1, 90, 2, 16]]]}

// A step of a decoder, which makes its cache longer.
func.func private @past(memref<2x1x3x20xf32>, memref<2x3x?x20xf32>, memref<2x?x3x20xf32>, memref<2x3x?x20xf32>, memref<2x?x3x20xf32>, memref<2x1x3x20xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", past = true, key_heads_first = true, causal = true, causal_at_end = true, steps = true},
  test.shapes = [[[2, 1, 3, 20], [2, 3, 70, 20], [2, 70, 3, 20], [2, 3, 71, 20], [2, 71, 3, 20], [2, 1, 3, 20]]]}

// Queries, keys and values of one matrix.
func.func private @fused(memref<?x?x2x16xf32, strided<[?, 96, 16, 1]>>, memref<?x?x2x16xf32, strided<[?, 96, 16, 1], offset: 32>>, memref<?x?x2x16xf32, strided<[?, 96, 16, 1], offset: 64>>, memref<?x?x2x16xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none"},
  test.shapes = [[[2, 9, 2, 16], [2, 9, 2, 16], [2, 9, 2, 16], [2, 9, 2, 16]]]}
