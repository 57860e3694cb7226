// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v4-vnni --canonicalize | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s --check-prefixes=CHECK,HALVES

// Four rows become a word of each column; nothing is flipped, and no sums but the products' are taken.

// CHECK-LABEL: func.func private @plain
// CHECK:       scf.parallel
// CHECK-COUNT-3: arith.shli
// CHECK:       vector.store {{.*}}xi8
// VNNI:        llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// HALVES:      llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK-NOT:   arith.xori
// CHECK:       arith.sitofp
func.func private @plain(memref<4x64x64xi8>, memref<4x64x64xi8>, memref<1xf32>, memref<4x64x64xf32>)
    attributes {winnow.kernel = {kind = "quantized_matmul"}}

// -----

// Squares of words are turned; both operands are flipped, and both zeros subtracted.

// CHECK-LABEL: func.func private @turned
// CHECK:       arith.xori {{.*}}xi8>
// CHECK:       vector.shuffle
// CHECK:       arith.xori {{.*}}xi32>
// CHECK:       arith.subi
// CHECK:       arith.subi
// CHECK:       arith.sitofp
func.func private @turned(memref<?x?x?xi8>, memref<1x?x?xi8>, memref<1xf32>, memref<1xi32>, memref<1xi32>, memref<?x?x?xf32>)
    attributes {winnow.kernel = {kind = "quantized_matmul", transpose_b = true, flip_a = true, flip_b = true, a_zero = true, b_zero = true}}
