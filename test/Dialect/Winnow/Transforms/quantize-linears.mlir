// RUN: winnow-opt %s --split-input-file --winnow-quantize=bits=8 | FileCheck %s --check-prefix=CHOOSE
// RUN: winnow-opt %s --split-input-file --winnow-quantize=skip=0 | FileCheck %s --check-prefix=SKIP
// RUN: winnow-opt %s --split-input-file --winnow-quantize-linears | FileCheck %s

// Columns of 2 and 0.5 at most, whose steps are 2/127 and 0.5/127.

// CHOOSE: code = "quantize.chosen"{{.*}}stores a weight of [2, 2] in 8 bits instead of 32
// CHOOSE: winnow.linear %arg0, %{{.*}} {winnow.bits = 8 : i64}
// SKIP-LABEL: func @plain
// SKIP: winnow.linear %arg0, %{{[0-9a-z]+}} : (tensor
// CHECK-LABEL: func @plain
// CHECK: winnow.linear
func.func @plain(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<[[1.0, 0.5], [-2.0, 0.25]]> : tensor<2x2xf32>
  %y = winnow.linear %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// CHECK-LABEL: func @bytes
// CHECK: %[[Q:.*]], %[[R:.*]], %[[Z:.*]] = winnow.quantize_rows %arg0
// CHECK-DAG: %[[W:.*]] = winnow.constant dense_resource<quantized> : tensor<2x2xi8>
// CHECK-DAG: %[[S:.*]] = winnow.constant dense<[0.0157480314, 0.00393700786]> : tensor<2xf32>
// CHECK: winnow.quantized_linear %[[Q]], %[[W]] scale(%[[S]]) zero(%[[Z]]) row_scale(%[[R]]) bias(%arg1) {activation = #winnow<activation gelu>}
// CHECK: quantized: "0x{{0[0-9]}}000000407F8140"
func.func @bytes(%x: tensor<4x2xf32>, %b: tensor<2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<[[1.0, 0.5], [-2.0, 0.25]]> : tensor<2x2xf32>
  %y = winnow.linear %x, %w bias(%b) {activation = #winnow<activation gelu>, winnow.bits = 8 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// The first input is a hundred times the second, and their weights are the same: by sqrt(100), as a power of
// two, relative to the greater factor. What their means make of the rounding errors goes to the bias.

// CHECK-LABEL: func @scaled
// CHECK-DAG: %[[F:.*]] = winnow.constant dense<[1.000000e+00, 8.000000e+00]> : tensor<2xf32>
// CHECK: winnow.quantize_rows %arg0 factors(%[[F]]) : (tensor<4x2xf32>, tensor<2xf32>)
// CHECK: winnow.quantized_linear {{.*}} bias(%{{.*}})
func.func @scaled(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<[[1.0, 0.5], [1.0, 0.25]]> : tensor<2x2xf32>
  %y = winnow.linear %x, %w {winnow.bits = 8 : i64, winnow.input_maxima = array<f32: 100.0, 1.0>, winnow.input_means = array<f32: 2.0, 0.0>} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// CHECK-LABEL: func @floats
// CHECK: winnow.linear
func.func @floats(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<1.0> : tensor<2x2xf32>
  %y = winnow.linear %x, %w {winnow.bits = 16 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// CHECK: code = "quantize.bits"
// CHECK-LABEL: func @width
// CHECK: winnow.linear
func.func @width(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<1.0> : tensor<2x2xf32>
  %y = winnow.linear %x, %w {winnow.bits = 12 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// CHOOSE: code = "quantize.not-possible"{{.*}}the weight is not a constant
// CHECK: code = "quantize.not-possible"{{.*}}the weight is not a constant
// CHECK-LABEL: func @computed
func.func @computed(%x: tensor<4x2xf32>, %w: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %y = winnow.linear %x, %w {winnow.bits = 8 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
