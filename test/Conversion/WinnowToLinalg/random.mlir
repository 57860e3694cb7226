// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// Ten rounds of two products and a bumped key, from the element's number.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: arith.constant 3528531795 : i64
// CHECK: arith.constant 3449720151 : i64
// CHECK-COUNT-19: arith.muli {{.*}} : i64
// CHECK-NOT: arith.muli
// CHECK: linalg.yield %{{.*}} : i32
func.func @main() -> tensor<2x3xui32> attributes {winnow.entry} {
  %0 = winnow.random bits {seed = 5 : i32, stream = 1 : i32} : () -> tensor<2x3xui32>
  return %0 : tensor<2x3xui32>
}

// -----

// The leading bits as an integer, then one product.

// CHECK-LABEL: func.func @main
// CHECK: %[[BITS:.*]] = arith.shrui %{{.*}}, %c21_i32
// CHECK: %[[FLOAT:.*]] = arith.sitofp %[[BITS]] : i32 to f32
// CHECK: %[[SCALED:.*]] = arith.mulf %[[FLOAT]], %{{.*}} : f32
// CHECK: arith.truncf %[[SCALED]] : f32 to f16
func.func @main() -> tensor<4xf16> attributes {winnow.entry} {
  %0 = winnow.random uniform {seed = 0 : i32, stream = 1 : i32} : () -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// -----

// Box and Muller; the iteration is an operand of the loop nest.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}} : tensor<i64>)
// CHECK-DAG: math.log
// CHECK-DAG: math.cos
// CHECK-DAG: math.sqrt
func.func @main(%t: tensor<i64>) -> tensor<4xf64> attributes {winnow.entry} {
  %0 = winnow.random normal iteration(%t) {seed = 0 : i32, stream = 1 : i32} : (tensor<i64>) -> tensor<4xf64>
  return %0 : tensor<4xf64>
}
