// The same for head sizes of models: the assembler must not spill.
// REQUIRES: ptxas
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision tf32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_86 --precision bf16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision fp32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16 --assemble

func.func private @h64(memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x1x1x?xf32>, memref<?x?x12x64xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add"}, test.shapes = [[]]}
func.func private @h32(memref<?x49x3x32xf32>, memref<?x49x3x32xf32>, memref<?x49x3x32xf32>, memref<64x3x49x49xf32>, memref<?x49x3x32xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.17 : f32, mask = "add"}, test.shapes = [[]]}
func.func private @h80(memref<?x?x12x80xf32>, memref<?x?x12x80xf32>, memref<?x?x12x80xf32>, memref<?x?x12x80xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", causal = true}, test.shapes = [[]]}
func.func private @h128(memref<?x?x32x128xf32>, memref<?x8x?x128xf32>, memref<?x8x?x128xf32>, memref<?x?x32x128xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", causal = true, causal_at_end = true, key_heads_first = true, value_heads_first = true}, test.shapes = [[]]}
func.func private @h256(memref<?x?x8x256xf32>, memref<?x?x8x256xf32>, memref<?x?x8x256xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.06 : f32, mask = "none", causal = true}, test.shapes = [[]]}
func.func private @rows(memref<?x?x8x64xf32>, memref<?x?x8x64xf32>, memref<?x?x8x64xf32>, memref<?x1x?x?xi1>, memref<?x?x8x64xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.06 : f32, mask = "bool", nan_to_zero = true}, test.shapes = [[]]}
func.func private @packed(memref<1x?x12x64xf32>, memref<1x?x12x64xf32>, memref<1x?x12x64xf32>, memref<?xi64>, memref<?xi64>, memref<?xi64>, memref<1x?x12x64xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", query_packed = true, key_packed = true}, test.shapes = [[]]}
func.func private @fused(memref<?x?x12x64xf32, strided<[?, 2304, 64, 1]>>, memref<?x?x12x64xf32, strided<[?, 2304, 64, 1], offset: 768>>, memref<?x?x12x64xf32, strided<[?, 2304, 64, 1], offset: 1536>>, memref<?x?x12x64xf32>) attributes {
  winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none"}, test.shapes = [[]]}
