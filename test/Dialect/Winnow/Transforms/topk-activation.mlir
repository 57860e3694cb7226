// RUN: winnow-opt %s --split-input-file --winnow-topk-activation=share=0.25 | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-topk-activation=k=3 | FileCheck %s --check-prefix=COUNT
// RUN: winnow-opt %s --split-input-file --winnow-topk-activation=skip=0 | FileCheck %s --check-prefix=SKIP
// RUN: winnow-opt %s --split-input-file --winnow-topk-activation="share=0.25 statistical" | FileCheck %s --check-prefix=STAT

// CHECK: code = "topk-activation.kept"{{.*}}sentence = "keeps 16 of 64 hidden units: 75 % of what the next layer computes is left out"
// CHECK-LABEL: func @gelu
// CHECK: %[[H:.*]] = winnow.linear %arg0, %{{.*}} {activation = #winnow<activation gelu>}
// CHECK: %[[K:.*]] = winnow.topk_activation %[[H]] {k = 16 : i64}
// CHECK: winnow.linear %[[K]]
// COUNT: winnow.topk_activation %{{.*}} {k = 3 : i64}
// SKIP-LABEL: func @gelu
// SKIP-NOT: winnow.topk_activation
// The normal quantile of 3/4.
// STAT: sentence = "keeps about 16 of 64 hidden units: 75 % of what the next layer computes is left out"
// STAT-LABEL: func @gelu
// STAT-DAG: %[[Q:.*]] = winnow.constant dense<0.674489{{.*}}> : tensor<f32>
// STAT-DAG: %[[X:.*]] = winnow.linear %arg0, %{{[0-9]+}} :
// STAT: %[[M:.*]] = winnow.reduce mean %[[X]] [1]
// STAT: %[[D:.*]] = winnow.sub %[[X]], %[[M]]
// STAT: %[[S:.*]] = winnow.sqrt
// STAT: %[[B:.*]] = winnow.mul %[[S]], %{{.*}}
// STAT: %[[C:.*]] = winnow.compare gt %[[D]], %[[B]]
// STAT: %[[G:.*]] = winnow.gelu %[[X]]
// STAT: %[[K:.*]] = winnow.select %[[C]], %[[G]], %{{.*}}
// STAT: winnow.linear %[[K]]
func.func @gelu(%x: tensor<2x8xf32>) -> tensor<2x32xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// The gate of a gated layer.

// CHECK-LABEL: func @gated
// CHECK: %[[G:.*]] = winnow.linear %arg0, %{{.*}} {activation = #winnow<activation silu>}
// CHECK: %[[K:.*]] = winnow.topk_activation %[[G]] {k = 16 : i64}
// CHECK: winnow.mul %[[K]], %{{.*}}
func.func @gated(%x: tensor<2x8xf32>) -> tensor<2x32xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<2.0> : tensor<8x64xf32>
  %w3 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %g = winnow.linear %x, %w1 {activation = #winnow<activation silu>} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %u = winnow.linear %x, %w2 : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %h = winnow.mul %g, %u : (tensor<2x64xf32>, tensor<2x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w3 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// A result that something else reads is no hidden layer's.

// CHECK-LABEL: func @other_reader
// CHECK-NOT: winnow.topk_activation
func.func @other_reader(%x: tensor<2x8xf32>) -> (tensor<2x64xf32>, tensor<2x32xf32>) {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %h, %y : tensor<2x64xf32>, tensor<2x32xf32>
}

// -----

// CHECK-LABEL: func @few
// COUNT: code = "topk-activation.few-units"{{.*}}sentence = "expected more than 3 hidden units, got 2"
// COUNT-LABEL: func @few
// COUNT-NOT: winnow.topk_activation
func.func @few(%x: tensor<2x8xf32>) -> tensor<2x32xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x2xf32>
  %w2 = winnow.constant dense<1.0> : tensor<2x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>} : (tensor<2x8xf32>, tensor<8x2xf32>) -> tensor<2x2xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// What a linear adds to its sum is no hidden layer of its.

// CHECK-LABEL: func @residual
// CHECK-NOT: winnow.topk_activation
func.func @residual(%x: tensor<2x8xf32>, %z: tensor<2x8xf32>) -> tensor<2x64xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x64xf32>
  %h = winnow.linear %x, %w {activation = #winnow<activation gelu>} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %z, %w residual(%h) : (tensor<2x8xf32>, tensor<8x64xf32>, tensor<2x64xf32>) -> tensor<2x64xf32>
  return %y : tensor<2x64xf32>
}
