// RUN: winnow-opt %s --winnow-expose-weights | FileCheck %s

// CHECK-LABEL: func @linear
// CHECK-SAME: %[[X:.*]]: tensor<4x2xf32> {winnow.name = "x"}, %[[L:.*]]: tensor<2xf32> {winnow.name = "winnow.levels"}, %[[W:.*]]: tensor<2x3xf32> {winnow.name = "winnow.weight.0"}, %[[F:.*]]: tensor<2xf32> {winnow.name = "winnow.factors.0"}, %[[B:.*]]: tensor<3xf32> {winnow.name = "winnow.shift.0"})
// CHECK: %[[MINE:.*]] = winnow.slice %[[L]]
// CHECK: %[[D:.*]] = winnow.div %[[X]], %[[F]]
// CHECK: %[[Q:.*]] = winnow.select %{{.*}}, %{{.*}}, %[[D]]
// CHECK: %[[M:.*]] = winnow.mul %[[Q]], %[[F]]
// CHECK: winnow.linear %[[M]], %[[W]] bias(%[[B]])
// CHECK: winnow.attention
func.func @linear(%x: tensor<4x2xf32> {winnow.name = "x"}) -> tensor<4x1x1x3xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<2x3xf32>
  %y = winnow.linear %x, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %q = winnow.reshape %y : (tensor<4x3xf32>) -> tensor<4x1x1x3xf32>
  %a = winnow.attention %q, %q, %q {scale = 1.0 : f32} : (tensor<4x1x1x3xf32>, tensor<4x1x1x3xf32>, tensor<4x1x1x3xf32>) -> tensor<4x1x1x3xf32>
  return %a : tensor<4x1x1x3xf32>
}
