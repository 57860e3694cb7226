// RUN: winnow-opt %s --split-input-file --winnow-raise-quantized-linear | FileCheck %s

// DequantizeLinear on both sides: bytes less a zero, times a scale.

// CHECK: code = "quantized-linear.raised"
// CHECK-LABEL: func @dequantized
// CHECK: %[[S:.*]] = winnow.mul
// CHECK: winnow.quantized_linear %arg0, %{{.*}} scale(%[[S]]) zero(%{{.*}}) {{.*}}: (tensor<2x3xui8>, tensor<3x5xi8>, tensor<5xf32>, tensor<ui8>)
func.func @dequantized(%x: tensor<2x3xui8>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %ws = winnow.constant dense<0.5> : tensor<5xf32>
  %z = winnow.constant dense<7> : tensor<ui8>
  %0 = winnow.cast %x : (tensor<2x3xui8>) -> tensor<2x3xi32>
  %1 = winnow.cast %z : (tensor<ui8>) -> tensor<i32>
  %2 = winnow.sub %0, %1 : (tensor<2x3xi32>, tensor<i32>) -> tensor<2x3xi32>
  %3 = winnow.cast %2 : (tensor<2x3xi32>) -> tensor<2x3xf32>
  %4 = winnow.mul %3, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %5 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %6 = winnow.mul %5, %ws : (tensor<3x5xf32>, tensor<5xf32>) -> tensor<3x5xf32>
  %7 = winnow.matmul %4, %6 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %7 : tensor<2x5xf32>
}

// -----

// Sums of integers, scaled afterwards; the weight is turned.

// CHECK-LABEL: func @sums
// CHECK-SAME: %[[X:.*]]: tensor<2x3xi8>, %[[Z:.*]]: tensor<i8>, %[[S:.*]]: tensor<f32>
// CHECK: %[[Y:.*]] = winnow.quantized_linear %[[X]], %{{.*}} scale(%[[S]]) zero(%[[Z]]) weight_zero(%{{.*}}) {transpose_weight}
// CHECK: return %[[Y]]
func.func @sums(%x: tensor<2x3xi8>, %z: tensor<i8>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<200> : tensor<5x3xui8>
  %wz = winnow.constant dense<128> : tensor<ui8>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %z : (tensor<i8>) -> tensor<i32>
  %2 = winnow.sub %0, %1 : (tensor<2x3xi32>, tensor<i32>) -> tensor<2x3xi32>
  %3 = winnow.cast %w : (tensor<5x3xui8>) -> tensor<5x3xi32>
  %4 = winnow.cast %wz : (tensor<ui8>) -> tensor<i32>
  %5 = winnow.sub %3, %4 : (tensor<5x3xi32>, tensor<i32>) -> tensor<5x3xi32>
  %6 = winnow.transpose %5 [1, 0] : (tensor<5x3xi32>) -> tensor<3x5xi32>
  %7 = winnow.matmul %2, %6 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  %8 = winnow.cast %7 : (tensor<2x5xi32>) -> tensor<2x5xf32>
  %9 = winnow.mul %8, %s : (tensor<2x5xf32>, tensor<f32>) -> tensor<2x5xf32>
  return %9 : tensor<2x5xf32>
}

// -----

// A weight that is bytes alone.

// CHECK: code = "quantized-linear.weight-raised"{{.*}}keeps a weight of [3, 5] in 8 bits
// CHECK-LABEL: func @weight_only
// CHECK: winnow.quantized_linear %arg0, %{{.*}} scale(%arg1) : (tensor<2x3xf32>, tensor<3x5xi8>, tensor<f32>)
func.func @weight_only(%x: tensor<2x3xf32>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %0 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %1 = winnow.mul %0, %s : (tensor<3x5xf32>, tensor<f32>) -> tensor<3x5xf32>
  %2 = winnow.matmul %x, %1 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %2 : tensor<2x5xf32>
}

// -----

// Blocks of two rows, of a weight that is turned.

// CHECK: code = "quantized-linear.weight-raised"{{.*}}keeps a weight of [4, 5] in 4 bits
// CHECK-LABEL: func @blocks
// CHECK: %[[S:.*]] = winnow.transpose %{{.*}} [1, 0] : (tensor<5x2xf32>) -> tensor<2x5xf32>
// CHECK: winnow.quantized_linear %arg0, %{{.*}} scale(%[[S]]) {block_size = 2 : i64, transpose_weight} : (tensor<2x4xf32>, tensor<5x4xi4>, tensor<2x5xf32>)
func.func @blocks(%x: tensor<2x4xf32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<5x4xi4>
  %s = winnow.constant dense<0.5> : tensor<5x2x1xf32>
  %0 = winnow.broadcast_to %s : (tensor<5x2x1xf32>) -> tensor<5x2x2xf32>
  %1 = winnow.reshape %0 : (tensor<5x2x2xf32>) -> tensor<5x4xf32>
  %2 = winnow.cast %w : (tensor<5x4xi4>) -> tensor<5x4xi32>
  %3 = winnow.cast %2 : (tensor<5x4xi32>) -> tensor<5x4xf32>
  %4 = winnow.mul %3, %1 : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %5 = winnow.transpose %4 [1, 0] : (tensor<5x4xf32>) -> tensor<4x5xf32>
  %6 = winnow.matmul %x, %5 : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return %6 : tensor<2x5xf32>
}

// -----

// CHECK: code = "quantized-linear.input-not-integers"
// CHECK-LABEL: func @doubles
// CHECK: winnow.matmul
func.func @doubles(%x: tensor<2x3xf64>) -> tensor<2x5xf64> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %0 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf64>
  %1 = winnow.matmul %x, %0 : (tensor<2x3xf64>, tensor<3x5xf64>) -> tensor<2x5xf64>
  return %1 : tensor<2x5xf64>
}

// -----

// Two variable matrices, whose sums are just converted.

// CHECK: code = "quantized-matmul.raised"{{.*}}computes a product of [2, 3] and [3, 5] in integers
// CHECK-LABEL: func @variable
// CHECK: %[[ONE:.*]] = winnow.constant dense<1.0
// CHECK: winnow.quantized_matmul %arg0, %arg1 scale(%[[ONE]]) : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>)
func.func @variable(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>) -> tensor<2x5xf32> {
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xi32>
  %2 = winnow.matmul %0, %1 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  %3 = winnow.cast %2 : (tensor<2x5xi32>) -> tensor<2x5xf32>
  return %3 : tensor<2x5xf32>
}

// -----

// DequantizeLinear on queries and keys; the keys are turned as they are read.

// CHECK: code = "quantized-matmul.raised"
// CHECK-LABEL: func @scores
// CHECK-SAME: %[[Q:.*]]: tensor<1x4x2x3xui8>, %[[K:.*]]: tensor<1x5x4x3xi8>
// CHECK: %[[S:.*]] = winnow.mul %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>)
// CHECK: %[[T:.*]] = winnow.transpose %[[K]] [0, 2, 1, 3]
// CHECK: winnow.quantized_matmul %[[Q]], %[[T]] scale(%[[S]]) zero(%arg4) {transpose_rhs}
func.func @scores(%q: tensor<1x4x2x3xui8>, %k: tensor<1x5x4x3xi8>, %qs: tensor<f32>, %ks: tensor<f32>, %z: tensor<ui8>) -> tensor<1x4x2x5xf32> {
  %0 = winnow.cast %q : (tensor<1x4x2x3xui8>) -> tensor<1x4x2x3xi32>
  %1 = winnow.cast %z : (tensor<ui8>) -> tensor<i32>
  %2 = winnow.sub %0, %1 : (tensor<1x4x2x3xi32>, tensor<i32>) -> tensor<1x4x2x3xi32>
  %3 = winnow.cast %2 : (tensor<1x4x2x3xi32>) -> tensor<1x4x2x3xf32>
  %4 = winnow.mul %3, %qs : (tensor<1x4x2x3xf32>, tensor<f32>) -> tensor<1x4x2x3xf32>
  %5 = winnow.cast %k : (tensor<1x5x4x3xi8>) -> tensor<1x5x4x3xf32>
  %6 = winnow.mul %5, %ks : (tensor<1x5x4x3xf32>, tensor<f32>) -> tensor<1x5x4x3xf32>
  %7 = winnow.transpose %6 [0, 2, 3, 1] : (tensor<1x5x4x3xf32>) -> tensor<1x4x3x5xf32>
  %8 = winnow.matmul %4, %7 : (tensor<1x4x2x3xf32>, tensor<1x4x3x5xf32>) -> tensor<1x4x2x5xf32>
  return %8 : tensor<1x4x2x5xf32>
}

// -----

// Sums of integers of batches, and the scale that they meet.

// CHECK: code = "quantized-matmul.raised"
// CHECK-LABEL: func @batched
// CHECK-SAME: %[[S:[a-z0-9]*]]: tensor<f32>
// CHECK: %[[Y:.*]] = winnow.quantized_matmul %arg0, %arg1 scale(%[[S]])
// CHECK: return %[[Y]]
func.func @batched(%x: tensor<7x2x3xi8>, %w: tensor<7x3x5xi8>, %s: tensor<f32>) -> tensor<7x2x5xf32> {
  %0 = winnow.cast %x : (tensor<7x2x3xi8>) -> tensor<7x2x3xi32>
  %1 = winnow.cast %w : (tensor<7x3x5xi8>) -> tensor<7x3x5xi32>
  %2 = winnow.matmul %0, %1 : (tensor<7x2x3xi32>, tensor<7x3x5xi32>) -> tensor<7x2x5xi32>
  %3 = winnow.cast %2 : (tensor<7x2x5xi32>) -> tensor<7x2x5xf32>
  %4 = winnow.mul %3, %s : (tensor<7x2x5xf32>, tensor<f32>) -> tensor<7x2x5xf32>
  return %4 : tensor<7x2x5xf32>
}

// -----

// CHECK: code = "quantized-matmul.one-side"
// CHECK-LABEL: func @one_side
// CHECK: winnow.matmul
func.func @one_side(%x: tensor<2x3xf32>, %w: tensor<3x5xi8>) -> tensor<2x5xf32> {
  %0 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %1 = winnow.matmul %x, %0 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// -----

// CHECK: code = "quantized-matmul.vector"
// CHECK-LABEL: func @vector
// CHECK: winnow.matmul
func.func @vector(%x: tensor<2x3xi8>, %w: tensor<3xi8>) -> tensor<2xf32> {
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %w : (tensor<3xi8>) -> tensor<3xi32>
  %2 = winnow.matmul %0, %1 : (tensor<2x3xi32>, tensor<3xi32>) -> tensor<2xi32>
  %3 = winnow.cast %2 : (tensor<2xi32>) -> tensor<2xf32>
  return %3 : tensor<2xf32>
}

// -----

// CHECK: code = "quantized-matmul.parameters"
// CHECK-LABEL: func @columns
// CHECK: winnow.matmul
func.func @columns(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<f32>, %c: tensor<5xf32>) -> tensor<2x5xf32> {
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %1 = winnow.mul %0, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %2 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %3 = winnow.mul %2, %c : (tensor<3x5xf32>, tensor<5xf32>) -> tensor<3x5xf32>
  %4 = winnow.matmul %1, %3 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %4 : tensor<2x5xf32>
}

// -----

// CHECK: code = "quantized-matmul.scales"
// CHECK-LABEL: func @one_scale
// CHECK: winnow.matmul
func.func @one_scale(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %1 = winnow.mul %0, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %2 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %3 = winnow.matmul %1, %2 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %3 : tensor<2x5xf32>
}

// -----

// CHECK: code = "quantized-linear.sum-used"
// CHECK-LABEL: func @sum_used
// CHECK: winnow.matmul
func.func @sum_used(%x: tensor<2x3xi8>) -> tensor<2x5xi32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xi32>
  %2 = winnow.matmul %0, %1 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  return %2 : tensor<2x5xi32>
}

// -----

// A bias of integers, for each column, with the scale of the sum.

// CHECK: code = "quantized-linear.raised"
// CHECK-LABEL: func @bias
// CHECK-DAG: %[[SCALE:.*]] = winnow.constant dense<5.000000e-01>
// CHECK-DAG: %[[BIAS:.*]] = winnow.cast {{.*}} (tensor<5xi32>) -> tensor<5xf32>
// CHECK: %[[SCALED:.*]] = winnow.mul %[[BIAS]], %[[SCALE]]
// CHECK: winnow.quantized_linear %arg0, %{{.*}} scale(%[[SCALE]]) bias(%[[SCALED]])
// CHECK-NOT: winnow.add
func.func @bias(%x: tensor<2x3xi8>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %b = winnow.constant dense<[1, 2, 3, 4, 5]> : tensor<5xi32>
  %s = winnow.constant dense<0.5> : tensor<f32>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xi32>
  %2 = winnow.matmul %0, %1 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  %3 = winnow.add %2, %b : (tensor<2x5xi32>, tensor<5xi32>) -> tensor<2x5xi32>
  %4 = winnow.cast %3 : (tensor<2x5xi32>) -> tensor<2x5xf32>
  %5 = winnow.mul %4, %s : (tensor<2x5xf32>, tensor<f32>) -> tensor<2x5xf32>
  return %5 : tensor<2x5xf32>
}

// -----

// An input has one zero: this one stays as it is.

// CHECK-LABEL: func @zeros_of_inputs
// CHECK: winnow.matmul
func.func @zeros_of_inputs(%x: tensor<2x3xi8>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %z = winnow.constant dense<[1, 2, 3]> : tensor<3xi8>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %z : (tensor<3xi8>) -> tensor<3xi32>
  %2 = winnow.sub %0, %1 : (tensor<2x3xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  %3 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xi32>
  %4 = winnow.matmul %2, %3 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  %5 = winnow.cast %4 : (tensor<2x5xi32>) -> tensor<2x5xf32>
  return %5 : tensor<2x5xf32>
}

// -----

// Sums that were moved meanwhile, as those of a convolution.

// CHECK: code = "quantized-linear.raised"
// CHECK-LABEL: func @moved_bias
// CHECK: %[[SUM:.*]] = winnow.quantized_linear
// CHECK: %[[T:.*]] = winnow.transpose %[[SUM]] [1, 0] : (tensor<2x5xf32>)
// CHECK: winnow.add %[[T]], %{{.*}} : (tensor<5x2xf32>, tensor<5x1xf32>)
func.func @moved_bias(%x: tensor<2x3xi8>) -> tensor<5x2xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %b = winnow.constant dense<7> : tensor<5x1xi32>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xi32>
  %2 = winnow.matmul %0, %1 : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  %3 = winnow.transpose %2 [1, 0] : (tensor<2x5xi32>) -> tensor<5x2xi32>
  %4 = winnow.add %3, %b : (tensor<5x2xi32>, tensor<5x1xi32>) -> tensor<5x2xi32>
  %5 = winnow.cast %4 : (tensor<5x2xi32>) -> tensor<5x2xf32>
  return %5 : tensor<5x2xf32>
}

// -----

// CHECK: code = "quantized-linear.scales"
// CHECK-LABEL: func @one_scale
// CHECK: winnow.matmul
func.func @one_scale(%x: tensor<2x3xi8>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %1 = winnow.mul %0, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %2 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %3 = winnow.matmul %1, %2 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %3 : tensor<2x5xf32>
}

// -----

// CHECK: code = "quantized-linear.weight-scale"{{.*}}expected a scale for each column of the weight, got [3, 1]
// CHECK-LABEL: func @rows_scaled
// CHECK: winnow.matmul
func.func @rows_scaled(%x: tensor<2x3xi8>, %s: tensor<f32>) -> tensor<2x5xf32> {
  %w = winnow.constant dense<1> : tensor<3x5xi8>
  %ws = winnow.constant dense<0.5> : tensor<3x1xf32>
  %0 = winnow.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %1 = winnow.mul %0, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %2 = winnow.cast %w : (tensor<3x5xi8>) -> tensor<3x5xf32>
  %3 = winnow.mul %2, %ws : (tensor<3x5xf32>, tensor<3x1xf32>) -> tensor<3x5xf32>
  %4 = winnow.matmul %1, %3 : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %4 : tensor<2x5xf32>
}
