// RUN: winnow-opt %s --split-input-file --winnow-propagate-relevance | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-propagate-relevance='activations=false start=logit' | FileCheck %s --check-prefix=LOGIT

// What a linear contributes with a positive sign, by its positive and its negative weights.
// CHECK: winnow.precision_sites = [{activations = 1 : i64, inputs = 2 : i64, kind = "linear", name = "{{.*}}", outputs = 3 : i64}]
// CHECK-SAME: winnow.relevance_start = {output = "y", start = "logit"}
// CHECK-LABEL: func @linear
// CHECK-SAME: %[[X:.*]]: tensor<4x2xf32>
// CHECK-SAME: -> (tensor<4xf32> {winnow.name = "winnow.relevance"}, tensor<4x2xf32> {winnow.name = "winnow.relevance.x"}, tensor<4x2xf32> {winnow.name = "winnow.activation.0.0"})
// CHECK-DAG: %[[P:.*]] = winnow.constant dense<{{\[}}[1.000000e+00, 0.000000e+00, 3.000000e+00]
// CHECK-DAG: %[[N:.*]] = winnow.constant dense<{{\[}}[0.000000e+00, -2.000000e+00, 0.000000e+00]
// CHECK: %[[UP:.*]] = winnow.relu %[[X]]
// CHECK: %[[DOWN:.*]] = winnow.minimum %[[X]]
// CHECK: %[[ONE:.*]] = winnow.linear %[[UP]], %[[P]]
// CHECK: winnow.linear %[[DOWN]], %[[N]] residual(%[[ONE]])
// CHECK: winnow.linear %{{.*}}, %[[P]] {transpose_weight}
// CHECK: winnow.linear %{{.*}}, %[[N]] {transpose_weight}
// CHECK: winnow.concat
// LOGIT-LABEL: func @linear
// LOGIT-SAME: -> (tensor<4xf32> {winnow.name = "winnow.relevance"}, tensor<4x2xf32> {winnow.name = "winnow.relevance.x"})
// LOGIT: %[[TOP:.*]] = winnow.reduce max %{{.*}} [1] {keepdims}
// LOGIT: winnow.compare eq
func.func @linear(%x: tensor<4x2xf32> {winnow.name = "x"}) -> (tensor<4x3xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w = winnow.constant dense<[[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]]> : tensor<2x3xf32>
  %y = winnow.linear %x, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Keys and values that heads share get the sum of what these find relevant.
// CHECK-LABEL: func @grouped
// CHECK: winnow.reduce sum %{{.*}} [2] : (tensor<1x2x2x3x8xf32>) -> tensor<1x2x3x8xf32>
func.func @grouped(%q: tensor<1x3x4x8xf32>, %k: tensor<1x3x2x8xf32>) -> tensor<1x3x4x8xf32> attributes {winnow.entry} {
  %y = winnow.attention %q, %k, %k {causal, scale = 0.5 : f32} : (tensor<1x3x4x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>) -> tensor<1x3x4x8xf32>
  return %y : tensor<1x3x4x8xf32>
}

// -----

// A table of rows is where relevance ends; the numbers of the rows have none.
// CHECK-LABEL: func @table
// CHECK-SAME: -> (tensor<2xf32> {winnow.name = "winnow.relevance"})
func.func @table(%i: tensor<4xi64>) -> tensor<4x2xf32> attributes {winnow.entry} {
  %t = winnow.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = winnow.gather %t, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<4xi64>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
