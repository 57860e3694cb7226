// Kernels of layers of an encoder: the assembler must not spill.
// REQUIRES: ptxas
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision tf32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision fp16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision tf32 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision fp16 --assemble

func.func private @big(memref<4096x768xf32>, memref<256x768x12xf32>, memref<3072xf32>, memref<4096x3072xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 3072, bias = true, residual = false, activation = "gelu"}, test.shapes = [[]]}
func.func private @dyn(memref<?x768xf32>, memref<64x768x12xf32>, memref<768xf32>, memref<?x768xf32>, memref<?x768xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 768, bias = true, residual = true, activation = "none"}, test.shapes = [[]]}
func.func private @mid(memref<512x768xf32>, memref<64x768x12xf32>, memref<768xf32>, memref<512x768xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 768, bias = true, residual = false, activation = "gelu_tanh"}, test.shapes = [[]]}
func.func private @mm(memref<12x512x64xf32>, memref<12x64x512xf32>, memref<12x512x512xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false}, test.shapes = [[]]}
func.func private @mmt(memref<12x512x64xf32>, memref<12x512x64xf32>, memref<12x512x512xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @odd(memref<512x769xf32>, memref<257x769x12xf32>, memref<512x3083xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 3083, bias = false, residual = false, activation = "none"}, test.shapes = [[]]}

func.func private @kat(memref<?x768xf32>, memref<256x768x12xf32>, memref<3072xf32>, memref<10x3072xf32>, memref<?x3072xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 3072, bias = true, residual = false, activation = "group_rational", denominator_kind = "abs_sum", numerator_degree = 5}, test.shapes = [[]]}
func.func private @windows(memref<?x192xf32>, memref<16x192x12xf32>, memref<192xf32>, memref<?x192xf32>, memref<?xi64>,memref<?xi64>, memref<?x192xf32>) attributes {
  winnow.kernel = {kind = "linear", n = 192, bias = true, residual = true, activation = "none", rows = true, residual_rows = true}, test.shapes = [[]]}
