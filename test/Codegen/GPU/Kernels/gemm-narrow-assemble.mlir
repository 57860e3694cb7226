// Kernels of narrow factors: the assembler must not spill, nor let products wait for each other.
// REQUIRES: ptxas
// RUN: winnow-gpu-emulate %s --chip sm_80 --precision bf16 --assemble
// RUN: winnow-gpu-emulate %s --chip sm_90a --precision bf16 --assemble | FileCheck %s
// CHECK-DAG: assembled tma_wgmma_gemm_bf16_bf16c16_bf16c16_128x256
// CHECK-DAG: assembled tma_wgmma_gemm_bf16_bf16c16_bf16c16_128x128
// CHECK-DAG: assembled tma_wgmma_gemm_bf16_bf16c16_bf16c16_64x128
// CHECK-DAG: assembled tma_wgmma_gemm_bf16_bf16c16_bf16c16_64x64

func.func private @a(memref<1x8192x8192xbf16>, memref<1x8192x8192xbf16>, memref<1x8192x8192xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @b(memref<12x512x64xbf16>, memref<12x128x64xbf16>, memref<12x512x128xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @c(memref<12x512x64xbf16>, memref<12x100x64xbf16>, memref<12x512x100xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @d(memref<72x64x64xbf16>, memref<72x128x64xbf16>, memref<72x64x128xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @e(memref<?x?x64xbf16>, memref<?x?x64xbf16>, memref<?x?x?xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @f(memref<72x64x64xbf16>, memref<72x32x64xbf16>, memref<72x64x32xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = true}, test.shapes = [[]]}
func.func private @g(memref<12x512x64xbf16>, memref<12x64x512xbf16>, memref<12x512x512xf32>) attributes {
  winnow.kernel = {kind = "matmul", transpose_b = false}, test.shapes = [[]]}
