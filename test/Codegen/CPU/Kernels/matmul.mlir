// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s

// A panel of b is read in place where rows are few, and copied otherwise.

// CHECK-LABEL: func.func private @in_place_or_copied
// CHECK:       scf.parallel
// CHECK:         %[[PANEL:.*]] = memref.alloca() {alignment = 64 : i64} : memref<512x24xf32>
// CHECK:         scf.for
// CHECK:           scf.if %{{.*}} -> (memref<?x?xf32, strided<[?, 1], offset: ?>>)
// CHECK:             memref.subview
// CHECK:           } else {
// CHECK:             vector.store %{{.*}}, %[[PANEL]]
// CHECK:           vector.fma
func.func private @in_place_or_copied(memref<?x?x?xf32>, memref<?x?x?xf32>, memref<?x?x?xf32>)
    attributes {winnow.kernel = {kind = "matmul", transpose_b = false}}

// -----

// CHECK-LABEL: func.func private @transposed
// CHECK:       scf.parallel
// CHECK:         %[[PANEL:.*]] = memref.alloca() {alignment = 64 : i64} : memref<64x24xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK:         vector.store %{{.*}}, %[[PANEL]]
// CHECK:         vector.fma
func.func private @transposed(memref<?x?x64xf32>, memref<1x?x64xf32>, memref<?x?x?xf32>)
    attributes {winnow.kernel = {kind = "matmul", transpose_b = true}}
