// RUN: winnow-opt %s --split-input-file --winnow-schedule-kernels=cpu=x86-64 | FileCheck %s --check-prefixes=CHECK,V1
// RUN: winnow-opt %s --split-input-file --winnow-schedule-kernels=cpu=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,V3
// RUN: winnow-opt %s --split-input-file --winnow-schedule-kernels=cpu=x86-64-v4 | FileCheck %s --check-prefixes=CHECK,V4

// A tile is as wide as a panel, or a part of one that was packed for wider vectors.

// CHECK-LABEL: func.func private @wide
// V1-SAME: mr = {{.*}} : i64, n = 96 : i64, nr = 8 : i64
// V3-SAME: mr = {{.*}} : i64, n = 96 : i64, nr = 24 : i64
// V4-SAME: mr = {{.*}} : i64, n = 96 : i64, nr = 48 : i64
func.func private @wide(memref<?x64xf32>, memref<2x64x48xf32>, memref<?x96xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 96}}

// -----

// No tile of three vectors divides such a panel.

// CHECK-LABEL: func.func private @narrow
// V1-SAME: n = 96 : i64, nr = 8 : i64
// V3-SAME: n = 96 : i64, nr = 16 : i64
// V4-SAME: n = 96 : i64, nr = 32 : i64
func.func private @narrow(memref<?x64xf32>, memref<3x64x32xf32>, memref<?x96xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 96}}

// -----

// A pass is no deeper, and a block has no more rows, than there are.

// CHECK-LABEL: func.func private @small
// V4-SAME: kc = 5 : i64, kind = "linear", mb = 8 : i64, mr = 8 : i64
func.func private @small(memref<3x5xf32>, memref<1x5x48xf32>, memref<3x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48}}

// -----

// Of rows that lie in pieces, a pass is several pieces, or an equal part of one.

// CHECK-LABEL: func.func private @pieces
// V4-SAME: kc = 600 : i64
func.func private @pieces(memref<?x300xf32>, memref<1x2400x48xf32>, memref<?xi64>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, rows = true}}

// -----

// CHECK-LABEL: func.func private @large_pieces
// V4-SAME: kc = 750 : i64
func.func private @large_pieces(memref<?x1500xf32>, memref<1x3000x48xf32>, memref<?xi64>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, rows = true}}

// -----

// A schedule that is there stays, as do other kernels.

// CHECK-LABEL: func.func private @scheduled
// CHECK-SAME: kc = 2 : i64, kind = "linear", mb = 4 : i64, mr = 1 : i64, n = 48 : i64, nr = 16 : i64
func.func private @scheduled(memref<3x5xf32>, memref<1x5x48xf32>, memref<3x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, mr = 1, nr = 16, kc = 2, mb = 4}}

// CHECK: func.func private @softmax(memref<?x64xf32>, memref<?x64xf32>) attributes {winnow.kernel = {kind = "softmax"}}
func.func private @softmax(memref<?x64xf32>, memref<?x64xf32>) attributes {winnow.kernel = {kind = "softmax"}}

// -----

// A sparse layer also gets the densities above which it is computed like a dense one.

// CHECK-LABEL: func.func private @sparse
// CHECK-SAME: kind = "sparse_linear", limit_few = {{[0-9]+}} : i64, limit_offset = {{[0-9]+}} : i64, limit_slope = {{[0-9]+}} : i64, mb = {{[0-9]+}} : i64
func.func private @sparse(memref<3x5xf32>, memref<1x5x48xf32>, memref<3xi32>, memref<3x21xi32>, memref<3x21xf32>, memref<3x2xi32>, memref<3x48xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 48, bias = false, gate = false, residual = false}}

// -----

// Where strips are few, threads have rows of their own.

// CHECK-LABEL: func.func private @few
// V4-SAME: kind = "linear", mb = 32 : i64
func.func private @few(memref<64x768xf32>, memref<4x768x48xf32>, memref<64x192xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 192}}

// -----

// CHECK-LABEL: func.func private @many
// V4-SAME: kind = "linear", mb = 64 : i64
func.func private @many(memref<64x768xf32>, memref<5x768x48xf32>, memref<64x240xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 240}}

// -----

// Rows whose bases stay in the L1 cache.

// CHECK-LABEL: func.func private @bases
// V4-SAME: mb = 32 : i64
func.func private @bases(memref<64x32xf32>, memref<5x256x48xf32>, memref<8x1xf32>, memref<64x240xf32>)
    attributes {winnow.kernel = {kind = "basis_linear", n = 240}}
