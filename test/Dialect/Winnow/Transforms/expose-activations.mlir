// RUN: winnow-opt %s --winnow-expose-activations | FileCheck %s

// CHECK-LABEL: func @two
// CHECK-SAME: -> (tensor<2x16xf32> {winnow.name = "winnow.sums.0"}, tensor<2x16xf32> {winnow.name = "winnow.sums.1"})
// CHECK-DAG: %[[W1:.*]] = winnow.constant dense<1.0{{.*}}> : tensor<8x16xf32>
// CHECK: %[[S0:.*]] = winnow.linear %arg0, %[[W1]] : (tensor<2x8xf32>, tensor<8x16xf32>) -> tensor<2x16xf32>
// CHECK: winnow.linear %arg0, %[[W1]] {activation = #winnow<activation relu>}
// CHECK: %[[Y:.*]] = winnow.linear
// CHECK: %[[S1:.*]] = winnow.linear %[[Y]], %[[W1]] : (tensor<2x8xf32>, tensor<8x16xf32>) -> tensor<2x16xf32>
// Nothing behind the last of them.
// CHECK-NEXT: return %[[S0]], %[[S1]]
func.func @two(%x: tensor<2x8xf32>) -> (tensor<2x8xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<2.0> : tensor<16x8xf32>
  %0 = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<2x8xf32>, tensor<8x16xf32>) -> tensor<2x16xf32>
  %1 = winnow.linear %0, %w2 : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
  %2 = winnow.linear %1, %w1 {activation = #winnow<activation squared_relu>} : (tensor<2x8xf32>, tensor<8x16xf32>) -> tensor<2x16xf32>
  %3 = winnow.linear %2, %w2 : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
  return %3 : tensor<2x8xf32>
}
