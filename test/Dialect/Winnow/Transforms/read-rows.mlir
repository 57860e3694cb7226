// RUN: winnow-opt %s --split-input-file --winnow-read-rows --canonicalize | FileCheck %s

// A transpose of rows is one of their numbers.

// CHECK: code = "read-rows.in-place"
// CHECK-LABEL: func.func @windows
// CHECK-SAME: (%[[X:.*]]: tensor<2x4x3x8xf32>, %[[R:.*]]: tensor<2x3x4x5xf32>)
// CHECK: %[[ROWS:.*]] = winnow.constant dense<[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23]>
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[X]] : (tensor<2x4x3x8xf32>) -> tensor<24x8xf32>
// CHECK: %[[G:.*]] = winnow.gather %[[FLAT]], %[[ROWS]] {axis = 0 : i64, in_bounds}
// CHECK: %[[T:.*]] = winnow.reshape %[[G]] : {{.*}} -> tensor<2x3x4x8xf32>
// CHECK: winnow.linear %[[T]], %{{.*}} residual(%[[R]])
func.func @windows(%x: tensor<2x4x3x8xf32>, %r: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %t = winnow.transpose %x [0, 2, 1, 3] : (tensor<2x4x3x8xf32>) -> tensor<2x3x4x8xf32>
  %y = winnow.linear %t, %w residual(%r) : (tensor<2x3x4x8xf32>, tensor<8x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %y : tensor<2x3x4x5xf32>
}

// -----

// Numbers within an image are constants, and those of an unknown number of images are behind each
// other.

// CHECK-LABEL: func.func @batch
// CHECK: %[[OWN:.*]] = winnow.constant dense<[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]>
// CHECK: %[[I:.*]] = winnow.iota {start = 0 : i64, step = 12 : i64}
// CHECK: %[[FIRST:.*]] = winnow.reshape %[[I]] : {{.*}} -> tensor<?x1xi64
// CHECK: %[[SUM:.*]] = winnow.add %[[FIRST]], %[[OWN]]
// CHECK: %[[ROWS:.*]] = winnow.reshape %[[SUM]] : {{.*}} -> tensor<?xi64
// CHECK: winnow.gather %{{.*}}, %[[ROWS]] {axis = 0 : i64, in_bounds}
#x = affine_map<()[s0] -> (s0, 4, 3, 8)>
#t = affine_map<()[s0] -> (s0, 3, 4, 8)>
#y = affine_map<()[s0] -> (s0, 3, 4, 5)>
func.func @batch(%x: tensor<?x4x3x8xf32, #x>) -> tensor<?x3x4x5xf32, #y> attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %t = winnow.transpose %x [0, 2, 1, 3] : (tensor<?x4x3x8xf32, #x>) -> tensor<?x3x4x8xf32, #t>
  %y = winnow.linear %t, %w : (tensor<?x3x4x8xf32, #t>, tensor<8x5xf32>) -> tensor<?x3x4x5xf32, #y>
  return %y : tensor<?x3x4x5xf32, #y>
}

// -----

// Where images do not stay together, the numbers are moved.

// CHECK-LABEL: func.func @images_last
// CHECK: %[[I:.*]] = winnow.iota {start = 0 : i64, step = 1 : i64}
// CHECK: %[[GRID:.*]] = winnow.reshape %[[I]] : {{.*}} -> tensor<?x3x1xi64
// CHECK: %[[T:.*]] = winnow.transpose %[[GRID]] [1, 0, 2]
// CHECK: %[[ROWS:.*]] = winnow.reshape %[[T]] : {{.*}} -> tensor<?xi64
// CHECK: winnow.gather %{{.*}}, %[[ROWS]]
#x = affine_map<()[s0] -> (s0, 3, 8)>
#t = affine_map<()[s0] -> (3, s0, 8)>
#y = affine_map<()[s0] -> (3, s0, 5)>
func.func @images_last(%x: tensor<?x3x8xf32, #x>) -> tensor<3x?x5xf32, #y> attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %t = winnow.transpose %x [1, 0, 2] : (tensor<?x3x8xf32, #x>) -> tensor<3x?x8xf32, #t>
  %y = winnow.linear %t, %w : (tensor<3x?x8xf32, #t>, tensor<8x5xf32>) -> tensor<3x?x5xf32, #y>
  return %y : tensor<3x?x5xf32, #y>
}

// -----

// A roll takes two parts of one value.

// CHECK-LABEL: func.func @roll
// CHECK: %[[N:.*]] = winnow.constant dense<[1, 2, 3, 0]>
// CHECK: %[[G:.*]] = winnow.gather %arg0, %[[N]] {axis = 0 : i64, in_bounds}
// CHECK: winnow.linear %[[G]]
func.func @roll(%x: tensor<4x8xf32>) -> tensor<4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %a = winnow.slice %x at affine_map<() -> (1, 0)> step [1, 1] : (tensor<4x8xf32>) -> tensor<3x8xf32>
  %b = winnow.slice %x at affine_map<() -> (0, 0)> step [1, 1] : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %c = winnow.concat %a, %b {axis = 0 : i64} : (tensor<3x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %y = winnow.linear %c, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// Of rows that were gathered, the numbers are gathered.

// CHECK-LABEL: func.func @gathered
// CHECK: %[[GRID:.*]] = winnow.reshape %arg1 : (tensor<4xi64>) -> tensor<2x2x1xi64>
// CHECK: %[[T:.*]] = winnow.transpose %[[GRID]] [1, 0, 2]
// CHECK: %[[N:.*]] = winnow.reshape %[[T]] : {{.*}} -> tensor<4xi64>
// CHECK: winnow.gather %arg0, %[[N]] {axis = 0 : i64, in_bounds}
func.func @gathered(%x: tensor<9x8xf32>, %i: tensor<4xi64>) -> tensor<2x2x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %g = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %0 = winnow.reshape %g : (tensor<4x8xf32>) -> tensor<2x2x8xf32>
  %t = winnow.transpose %0 [1, 0, 2] : (tensor<2x2x8xf32>) -> tensor<2x2x8xf32>
  %y = winnow.linear %t, %w : (tensor<2x2x8xf32>, tensor<8x5xf32>) -> tensor<2x2x5xf32>
  return %y : tensor<2x2x5xf32>
}

// -----

// Patch merging: rows that consist of four, for a norm.

// CHECK-LABEL: func.func @merge
// CHECK: %[[N:.*]] = winnow.constant dense<[0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15]>
// CHECK: %[[FLAT:.*]] = winnow.reshape %arg0 : (tensor<4x4x16xf32>) -> tensor<16x16xf32>
// CHECK: %[[G:.*]] = winnow.gather %[[FLAT]], %[[N]]
// CHECK: %[[ALL:.*]] = winnow.reshape %[[G]] : (tensor<16x16xf32>) -> tensor<2x2x64xf32>
// CHECK: winnow.layer_norm %[[ALL]]
func.func @merge(%x: tensor<4x4x16xf32>) -> tensor<2x2x64xf32> {
  %a = winnow.slice %x at affine_map<() -> (0, 0, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %b = winnow.slice %x at affine_map<() -> (1, 0, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %c = winnow.slice %x at affine_map<() -> (0, 1, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %d = winnow.slice %x at affine_map<() -> (1, 1, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %e = winnow.concat %a, %b, %c, %d {axis = 2 : i64} : (tensor<2x2x16xf32>, tensor<2x2x16xf32>, tensor<2x2x16xf32>, tensor<2x2x16xf32>) -> tensor<2x2x64xf32>
  %y = winnow.layer_norm %e {epsilon = 1.0e-5 : f32} : (tensor<2x2x64xf32>) -> tensor<2x2x64xf32>
  return %y : tensor<2x2x64xf32>
}

// -----

// A residual MLP of shuffled tokens reads them twice by number.

// CHECK-LABEL: func.func @residual
// CHECK: %[[G:.*]] = winnow.gather
// CHECK: %[[ALL:.*]] = winnow.reshape %[[G]] : {{.*}} -> tensor<2x2x64xf32>
// CHECK: %[[H:.*]] = winnow.linear %[[ALL]]
// CHECK: winnow.linear %[[H]], %{{.*}} residual(%[[ALL]])
func.func @residual(%x: tensor<2x2x2x2x16xf32>) -> tensor<2x2x64xf32> {
  %w = winnow.constant dense<1.0> : tensor<64x64xf32>
  %t = winnow.transpose %x [0, 2, 1, 3, 4] : (tensor<2x2x2x2x16xf32>) -> tensor<2x2x2x2x16xf32>
  %r = winnow.reshape %t : (tensor<2x2x2x2x16xf32>) -> tensor<2x2x64xf32>
  %h = winnow.linear %r, %w : (tensor<2x2x64xf32>, tensor<64x64xf32>) -> tensor<2x2x64xf32>
  %y = winnow.linear %h, %w residual(%r) : (tensor<2x2x64xf32>, tensor<64x64xf32>, tensor<2x2x64xf32>) -> tensor<2x2x64xf32>
  return %y : tensor<2x2x64xf32>
}

// -----

// Windows that are put back before a sum are computed in the order of the sum.

// CHECK: code = "read-rows.above"
// CHECK-LABEL: func.func @reverse
// CHECK: %[[N:.*]] = winnow.constant dense<[0, 1, 4, 5, 2, 3, 6, 7]>
// CHECK: %[[G:.*]] = winnow.gather %{{.*}}, %[[N]]
// CHECK: %[[Y:.*]] = winnow.linear %[[G]], %{{.*}} -> tensor<8x8xf32>
// CHECK: winnow.add %arg1, %[[Y]]
func.func @reverse(%x: tensor<2x4x16xf32>, %r: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = winnow.constant dense<1.0> : tensor<16x8xf32>
  %y = winnow.linear %x, %w : (tensor<2x4x16xf32>, tensor<16x8xf32>) -> tensor<2x4x8xf32>
  %0 = winnow.reshape %y : (tensor<2x4x8xf32>) -> tensor<2x2x2x8xf32>
  %t = winnow.transpose %0 [1, 0, 2, 3] : (tensor<2x2x2x8xf32>) -> tensor<2x2x2x8xf32>
  %1 = winnow.reshape %t : (tensor<2x2x2x8xf32>) -> tensor<8x8xf32>
  %2 = winnow.add %r, %1 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

// Pieces of a linear's rows that are put in order for something else are gathered from its result.

// CHECK: code = "read-rows.placed"
// CHECK-LABEL: func.func @placed
// CHECK: %[[N:.*]] = winnow.constant dense<[0, 2, 1, 3]>
// CHECK: %[[Y:.*]] = winnow.linear %arg0, %{{.*}} residual(%arg1)
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[Y]] : (tensor<2x32xf32>) -> tensor<4x16xf32>
// CHECK: winnow.gather %[[FLAT]], %[[N]] {axis = 0 : i64, in_bounds}
func.func @placed(%x: tensor<2x8xf32>, %r: tensor<2x32xf32>) -> tensor<4x16xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x32xf32>
  %y = winnow.linear %x, %w residual(%r) : (tensor<2x8xf32>, tensor<8x32xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  %0 = winnow.reshape %y : (tensor<2x32xf32>) -> tensor<2x2x16xf32>
  %t = winnow.transpose %0 [1, 0, 2] : (tensor<2x2x16xf32>) -> tensor<2x2x16xf32>
  %1 = winnow.reshape %t : (tensor<2x2x16xf32>) -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// -----

// Patches that are merged and put back are where they were.

// CHECK: code = "read-rows.identity"
// CHECK-LABEL: func.func @inverse
// CHECK-NEXT: return %arg0
func.func @inverse(%x: tensor<4x4x16xf32>) -> tensor<4x4x16xf32> {
  %a = winnow.slice %x at affine_map<() -> (0, 0, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %b = winnow.slice %x at affine_map<() -> (1, 0, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %c = winnow.slice %x at affine_map<() -> (0, 1, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %d = winnow.slice %x at affine_map<() -> (1, 1, 0)> step [2, 2, 1] : (tensor<4x4x16xf32>) -> tensor<2x2x16xf32>
  %e = winnow.concat %a, %b, %c, %d {axis = 2 : i64} : (tensor<2x2x16xf32>, tensor<2x2x16xf32>, tensor<2x2x16xf32>, tensor<2x2x16xf32>) -> tensor<2x2x64xf32>
  %0 = winnow.reshape %e : (tensor<2x2x64xf32>) -> tensor<2x2x2x2x16xf32>
  %t = winnow.transpose %0 [0, 3, 1, 2, 4] : (tensor<2x2x2x2x16xf32>) -> tensor<2x2x2x2x16xf32>
  %y = winnow.reshape %t : (tensor<2x2x2x2x16xf32>) -> tensor<4x4x16xf32>
  return %y : tensor<4x4x16xf32>
}

// -----

// Pieces that end within a vector are read from the copy by what reads vectors.

// CHECK-LABEL: func.func @narrow
// CHECK-NOT: winnow.gather
// CHECK: winnow.layer_norm
func.func @narrow(%x: tensor<4x2x8xf32>) -> tensor<2x32xf32> {
  %t = winnow.transpose %x [1, 0, 2] : (tensor<4x2x8xf32>) -> tensor<2x4x8xf32>
  %r = winnow.reshape %t : (tensor<2x4x8xf32>) -> tensor<2x32xf32>
  %y = winnow.layer_norm %r {epsilon = 1.0e-5 : f32} : (tensor<2x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// An index that may be out of bounds is checked when rows are gathered.

// CHECK-LABEL: func.func @checked
// CHECK: winnow.gather %arg0, %arg1 {axis = 0 : i64} :
// CHECK-NOT: winnow.gather
func.func @checked(%x: tensor<9x8xf32>, %i: tensor<4xi64>) -> tensor<4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %g = winnow.gather %x, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %y = winnow.linear %g, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// What moves features, is read by others, or comes from two values is read from the copy.

// CHECK-LABEL: func.func @others
// CHECK-NOT: winnow.gather
func.func @others(%x: tensor<4x8x8xf32>, %a: tensor<2x8xf32>, %b: tensor<2x8xf32>) -> (tensor<4x8x5xf32>, tensor<8x4x5xf32>, tensor<8x4x8xf32>, tensor<4x5xf32>) {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %t = winnow.transpose %x [0, 2, 1] : (tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
  %0 = winnow.linear %t, %w : (tensor<4x8x8xf32>, tensor<8x5xf32>) -> tensor<4x8x5xf32>
  %u = winnow.transpose %x [1, 0, 2] : (tensor<4x8x8xf32>) -> tensor<8x4x8xf32>
  %1 = winnow.linear %u, %w : (tensor<8x4x8xf32>, tensor<8x5xf32>) -> tensor<8x4x5xf32>
  %c = winnow.concat %a, %b {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  %2 = winnow.linear %c, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %0, %1, %u, %2 : tensor<4x8x5xf32>, tensor<8x4x5xf32>, tensor<8x4x8xf32>, tensor<4x5xf32>
}
