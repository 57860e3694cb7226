// RUN: winnow-opt %s --winnow-generate-kernels=cpu=x86-64-v4 --canonicalize | FileCheck %s

// Wide vectors are packed by an instruction, positions and values alike.

// CHECK-LABEL: func.func private @lists
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.experimental.vector.compress"
func.func private @lists(memref<?x64xf32>, memref<1x64x48xf32>, memref<?xi32>, memref<?x80xi32>, memref<?x80xf32>, memref<?x2xi32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 48, mr = 8, nr = 48, kc = 64, mb = 128, limit_few = 430, limit_slope = 266, limit_offset = 4608}}
