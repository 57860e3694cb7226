// RUN: winnow-opt %s --split-input-file --winnow-read-rows --canonicalize | FileCheck %s

// A transpose of rows is one of their numbers.

// CHECK: code = "read-rows.in-place"
// CHECK-LABEL: func.func @windows
// CHECK-SAME: (%[[X:.*]]: tensor<2x4x3x8xf32>, %[[R:.*]]: tensor<2x3x4x5xf32>)
// CHECK: %[[ROWS:.*]] = winnow.constant dense<[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23]>
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[X]] : (tensor<2x4x3x8xf32>) -> tensor<24x8xf32>
// CHECK: %[[RES:.*]] = winnow.reshape %[[R]] : (tensor<2x3x4x5xf32>) -> tensor<24x5xf32>
// CHECK: %[[Y:.*]] = winnow.linear %[[FLAT]], %{{.*}} residual(%[[RES]]) rows(%[[ROWS]]) : {{.*}} -> tensor<24x5xf32>
// CHECK: winnow.reshape %[[Y]] : (tensor<24x5xf32>) -> tensor<2x3x4x5xf32>
func.func @windows(%x: tensor<2x4x3x8xf32>, %r: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %t = winnow.transpose %x [0, 2, 1, 3] : (tensor<2x4x3x8xf32>) -> tensor<2x3x4x8xf32>
  %y = winnow.linear %t, %w residual(%r) : (tensor<2x3x4x8xf32>, tensor<8x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %y : tensor<2x3x4x5xf32>
}

// -----

// Of an unknown number of rows, the numbers are moved.

// CHECK-LABEL: func.func @batch
// CHECK: %[[I:.*]] = winnow.iota
// CHECK: %[[GRID:.*]] = winnow.reshape %[[I]] : {{.*}} -> tensor<?x4x3xi64
// CHECK: %[[T:.*]] = winnow.transpose %[[GRID]] [0, 2, 1]
// CHECK: %[[ROWS:.*]] = winnow.reshape %[[T]] : {{.*}} -> tensor<?xi64
// CHECK: winnow.linear %{{.*}}, %{{.*}} rows(%[[ROWS]])
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

// A roll takes two parts of one value.

// CHECK-LABEL: func.func @roll
// CHECK: %[[N:.*]] = winnow.constant dense<[1, 2, 3, 0]>
// CHECK: winnow.linear %arg0, %{{.*}} rows(%[[N]])
func.func @roll(%x: tensor<4x8xf32>) -> tensor<4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %a = winnow.slice %x at affine_map<() -> (1, 0)> step [1, 1] : (tensor<4x8xf32>) -> tensor<3x8xf32>
  %b = winnow.slice %x at affine_map<() -> (0, 0)> step [1, 1] : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %c = winnow.concat %a, %b {axis = 0 : i64} : (tensor<3x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %y = winnow.linear %c, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// Rows that are gathered by numbers within bounds have these numbers.

// CHECK-LABEL: func.func @gathered
// CHECK: winnow.linear %arg0, %{{.*}} rows(%arg1) : (tensor<9x8xf32>, tensor<8x5xf32>, tensor<4xi64>) -> tensor<4x5xf32>
func.func @gathered(%x: tensor<9x8xf32>, %i: tensor<4xi64>) -> tensor<4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %g = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %y = winnow.linear %g, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// An index that may be out of bounds is checked when rows are gathered.

// CHECK-LABEL: func.func @checked
// CHECK: winnow.gather
// CHECK-NOT: rows
func.func @checked(%x: tensor<9x8xf32>, %i: tensor<4xi64>) -> tensor<4x5xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %g = winnow.gather %x, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %y = winnow.linear %g, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// What moves features, is read by others, or comes from two values is read from the copy.

// CHECK-LABEL: func.func @others
// CHECK-NOT: rows
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
