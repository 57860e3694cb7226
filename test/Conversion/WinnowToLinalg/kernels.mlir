// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// A constant weight is packed in panels of the schedule's width.

// CHECK: layout = {k = 8 : i64, kind = "panels", n = 30 : i64, nr = [[NR:[0-9]+]] : i64, transposed = false}
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "linear" ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<6x8xf32>, tensor<{{[0-9]+}}x8x[[NR]]xf32>, tensor<30xf32>) outs(%{{.*}} : tensor<6x30xf32>)
// CHECK-SAME: {activation = "gelu", bias = true
func.func @main(%x: tensor<2x3x8xf32>, %b: tensor<30xf32>) -> tensor<2x3x30xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x30xf32>
  %0 = winnow.linear %x, %w bias(%b) {activation = #winnow<activation gelu>} : (tensor<2x3x8xf32>, tensor<8x30xf32>, tensor<30xf32>) -> tensor<2x3x30xf32>
  return %0 : tensor<2x3x30xf32>
}

// -----

// Merged projections pack the parts of a concatenation.

// CHECK: parts = [dense<1.000000e+00> : tensor<8x16xf32>, dense<2.000000e+00> : tensor<8x8xf32>]
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "linear"
func.func @main(%x: tensor<3x8xf32>) -> tensor<3x24xf32> attributes {winnow.entry} {
  %a = winnow.constant dense<1.0> : tensor<8x16xf32>
  %b = winnow.constant dense<2.0> : tensor<8x8xf32>
  %w = winnow.concat %a, %b {axis = 1 : i64} : (tensor<8x16xf32>, tensor<8x8xf32>) -> tensor<8x24xf32>
  %0 = winnow.linear %x, %w : (tensor<3x8xf32>, tensor<8x24xf32>) -> tensor<3x24xf32>
  return %0 : tensor<3x24xf32>
}

// -----

// A computed weight is a plain matrix product.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "matmul"
// CHECK: linalg.generic
// CHECK: arith.maximumf
func.func @main(%x: tensor<3x8xf32>, %w: tensor<8x4xf32>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %0 = winnow.linear %x, %w {activation = #winnow<activation relu>} : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// One right-hand side for all batches is one product of all rows.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "matmul" ins(%{{.*}}, %{{.*}} : tensor<1x6x8xf32>, tensor<1x8x4xf32>) outs(%{{.*}} : tensor<1x6x4xf32>)
func.func @main(%x: tensor<2x3x8xf32>, %w: tensor<8x4xf32>) -> tensor<2x3x4xf32> attributes {winnow.entry} {
  %0 = winnow.matmul %x, %w : (tensor<2x3x8xf32>, tensor<8x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// Integers go by the definition.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.kernel
// CHECK: arith.muli
// CHECK: arith.addi
func.func @main(%x: tensor<2x3xi32>, %w: tensor<3x4xi32>) -> tensor<2x4xi32> attributes {winnow.entry} {
  %0 = winnow.matmul %x, %w : (tensor<2x3xi32>, tensor<3x4xi32>) -> tensor<2x4xi32>
  return %0 : tensor<2x4xi32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "attention" {{.*}} {causal = false, causal_adds_lowest = false, causal_at_end = false, causal_lowest = false, key_heads_first = false, key_packed = false, mask = "bool", nan_to_zero = true, query_packed = false, scale = 5.000000e-01 : f32, value_heads_first = false}
func.func @main(%q: tensor<1x5x2x4xf32>, %k: tensor<1x6x2x4xf32>, %v: tensor<1x6x2x4xf32>, %m: tensor<1x1x1x6xi1>) -> tensor<1x5x2x4xf32> attributes {winnow.entry} {
  %0 = winnow.attention %q, %k, %v mask(%m) {scale = 0.5 : f32, nan_to_zero} : (tensor<1x5x2x4xf32>, tensor<1x6x2x4xf32>, tensor<1x6x2x4xf32>, tensor<1x1x1x6xi1>) -> tensor<1x5x2x4xf32>
  return %0 : tensor<1x5x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "attention" {{.*}} {{{.*}}scale = 5.000000e-01 : f32, softcap = 2.000000e+00 : f32, value
func.func @main(%q: tensor<1x5x2x4xf32>) -> tensor<1x5x2x4xf32> attributes {winnow.entry} {
  %0 = winnow.attention %q, %q, %q {scale = 0.5 : f32, softcap = 2.0 : f32} : (tensor<1x5x2x4xf32>, tensor<1x5x2x4xf32>, tensor<1x5x2x4xf32>) -> tensor<1x5x2x4xf32>
  return %0 : tensor<1x5x2x4xf32>
}

// -----

// A softmax over another axis than the last goes by the definition.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.kernel
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: arith.divf
func.func @main(%x: tensor<3x8xf32>) -> tensor<3x8xf32> attributes {winnow.entry} {
  %0 = winnow.softmax %x {axis = 0 : i64} : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// A mask that is one value for all keys is repeated: the kernel reads rows.

// CHECK-LABEL: func.func @main
// CHECK: %[[MASK:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x5x6xf32>)
// CHECK: winnow.kernel "attention" ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[MASK]] :
func.func @main(%q: tensor<1x5x2x4xf32>, %k: tensor<1x6x2x4xf32>, %v: tensor<1x6x2x4xf32>, %m: tensor<1x1x5x1xf32>) -> tensor<1x5x2x4xf32> attributes {winnow.entry} {
  %0 = winnow.attention %q, %k, %v mask(%m) {scale = 0.5 : f32} : (tensor<1x5x2x4xf32>, tensor<1x6x2x4xf32>, tensor<1x6x2x4xf32>, tensor<1x1x5x1xf32>) -> tensor<1x5x2x4xf32>
  return %0 : tensor<1x5x2x4xf32>
}

// -----

// The kernels compute in f32, so that a norm in f64 goes by its definition.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.kernel
// CHECK: math.sqrt {{.*}} : f64
// CHECK-NOT: winnow.kernel
// CHECK: return
func.func @main(%x: tensor<3x8xf64>, %s: tensor<8xf64>, %b: tensor<8xf64>) -> tensor<3x8xf64> attributes {winnow.entry} {
  %0 = winnow.layer_norm %x residual(%x) scale(%s) bias(%b) {epsilon = 1.0e-5 : f32} : (tensor<3x8xf64>, tensor<3x8xf64>, tensor<8xf64>, tensor<8xf64>) -> tensor<3x8xf64>
  return %0 : tensor<3x8xf64>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "rms_norm" {{.*}} {bias = false, epsilon = 9.99999997E-7 : f32, residual = true, scale = true}
func.func @main(%x: tensor<2x3x8xf32>, %s: tensor<8xf32>) -> tensor<2x3x8xf32> attributes {winnow.entry} {
  %0 = winnow.rms_norm %x residual(%x) scale(%s) {epsilon = 1.0e-6 : f32} : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

// One nest over pairs: an element, its partner, and the pair's angles.
// CHECK-DAG: #[[OWN:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[PARTNER:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, -d2 + 1, d3)>
// CHECK-DAG: #[[ANGLE:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-LABEL: func.func @main
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} tensor<2x3x8xf32> into tensor<2x3x2x4xf32>
// CHECK: linalg.generic {indexing_maps = [#[[OWN]], #[[PARTNER]], #[[ANGLE]], #[[ANGLE]], #[[OWN]]]
// CHECK-SAME: ins(%[[X]], %[[X]],
// CHECK-NOT: linalg.generic
func.func @main(%x: tensor<2x3x8xf32>, %c: tensor<3x4xf32>, %s: tensor<3x4xf32>) -> tensor<2x3x8xf32> attributes {winnow.entry} {
  %0 = winnow.rotary %x, %c, %s : (tensor<2x3x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

// The elements after the turned ones are copied.
// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
// CHECK: tensor.insert_slice
// CHECK: tensor.insert_slice
func.func @main(%x: tensor<2x3x8xf32>, %c: tensor<1x3xf32>, %s: tensor<1x3xf32>) -> tensor<2x3x8xf32> attributes {winnow.entry} {
  %0 = winnow.rotary %x, %c, %s {interleaved} : (tensor<2x3x8xf32>, tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

// Keys of a cache are read where they are, without their transpose.
// CHECK-LABEL: func.func @main
// CHECK: %[[K:.*]] = bufferization.to_tensor %{{.*}} : memref<1x2x6x4xf32>
// CHECK: winnow.kernel "attention" ins(%{{[0-9]+}}, %[[K]], %{{[0-9]+}} :
// CHECK-SAME: key_heads_first = true
// CHECK-SAME: value_heads_first = false
func.func @main(%q: tensor<1x5x2x4xf32>, %k: tensor<1x2x6x4xf32>, %v: tensor<1x6x2x4xf32>) -> tensor<1x5x2x4xf32> attributes {winnow.entry} {
  %0 = winnow.transpose %k [0, 2, 1, 3] : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %1 = winnow.attention %q, %0, %v {scale = 0.5 : f32} : (tensor<1x5x2x4xf32>, tensor<1x6x2x4xf32>, tensor<1x6x2x4xf32>) -> tensor<1x5x2x4xf32>
  return %1 : tensor<1x5x2x4xf32>
}

// -----

// So is one that is moved on the way, as that of a convolution.

// CHECK: layout = {k = 24 : i64, kind = "panels", {{.*}} transposed = true}, offset = 0 : i64, parts = {{\[}}[dense_resource<w> : tensor<16x8x3xf32>, array<i64: 16, 8, 3>, array<i64: 0, 2, 1>]]
// CHECK-LABEL: func.func @moved_weight
// CHECK: winnow.kernel "linear"
func.func @moved_weight(%x: tensor<5x24xf32>) -> tensor<5x16xf32> attributes {winnow.entry} {
  %w = winnow.constant dense_resource<w> : tensor<16x8x3xf32>
  %0 = winnow.transpose %w [0, 2, 1] : (tensor<16x8x3xf32>) -> tensor<16x3x8xf32>
  %1 = winnow.reshape %0 : (tensor<16x3x8xf32>) -> tensor<16x24xf32>
  %2 = winnow.linear %x, %1 {transpose_weight} : (tensor<5x24xf32>, tensor<16x24xf32>) -> tensor<5x16xf32>
  return %2 : tensor<5x16xf32>
}

// -----

// Packed sequences: positions after the mask, then where sequences begin.

// CHECK-LABEL: func.func @packed_attention
// CHECK-SAME: %{{.*}}: memref<?xi8>, %[[Q:[^:]*]]: memref<1x5x2x4xf32>, %[[M:[^:]*]]: memref<1x1x6x6xf32>, %[[P:[^:]*]]: memref<5xi64>, %[[O:[^:]*]]: memref<3xi64>, %[[L:[^:]*]]: memref<2xi64>
// CHECK: winnow.kernel "attention" ins(%[[TQ:.*]], %[[TQ]], %[[TQ]], %[[TM:.*]], %[[TP:.*]], %[[TP]], %[[TO:.*]], %[[TO]], %[[TL:.*]] : {{.*}} {{{.*}}key_packed = true, mask = "add", {{.*}}query_packed = true
func.func @packed_attention(%q: tensor<1x5x2x4xf32>, %m: tensor<1x1x6x6xf32>, %p: tensor<5xi64>, %o: tensor<3xi64>, %l: tensor<2xi64>) -> tensor<1x5x2x4xf32> attributes {winnow.entry} {
  %0 = winnow.attention %q, %q, %q mask(%m) query_positions(%p) key_positions(%p) query_offsets(%o) key_offsets(%o) key_lengths(%l) {scale = 0.5 : f32} : (tensor<1x5x2x4xf32>, tensor<1x5x2x4xf32>, tensor<1x5x2x4xf32>, tensor<1x1x6x6xf32>, tensor<5xi64>, tensor<5xi64>, tensor<3xi64>, tensor<3xi64>, tensor<2xi64>) -> tensor<1x5x2x4xf32>
  return %0 : tensor<1x5x2x4xf32>
}

// -----

// Coefficients become a row for each, with a number for each channel.

// CHECK-LABEL: func.func @main
// CHECK: %[[T:.*]] = arith.constant dense<{{.*}}> : tensor<3x4xf32>
// CHECK: winnow.kernel "linear" ins(%{{.*}}, %{{.*}}, %[[T]], %{{.*}} : tensor<3x8xf32>, tensor<{{.*}}xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK-SAME: activation = "group_rational", bias = false, denominator_kind = "abs_sum", n = 4 : i64, numerator_degree = 1 : i64
func.func @main(%x: tensor<3x8xf32>, %r: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x4xf32>
  %0 = winnow.linear %x, %w residual(%r) {activation = #winnow<activation group_rational>, rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x8xf32>, tensor<8x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "layer_norm" ins(%{{.*}}, %{{.*}} : tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK-SAME: denominator_kind = "abs_sum"
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %0 = winnow.layer_norm %x {epsilon = 1.0e-5 : f32, rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Alone it is a loop: shared coefficients are in the code, others are read.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x4xf32>, tensor<4xf32>)
// CHECK: math.absf
// CHECK: arith.divf
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Knots, then the reciprocals of their differences.

// CHECK-LABEL: func.func @main
// CHECK: %[[T:.*]] = arith.constant dense<{{\[}}[0.000000e+00], [1.000000e+00], [5.000000e+00], [1.000000e+00], [2.500000e-01]]> : tensor<5x1xf32>
// CHECK: winnow.kernel "bspline" ins(%{{.*}}, %[[T]] : tensor<6x4xf32>, tensor<5x1xf32>) outs(%{{.*}} : tensor<6x4xf32>) {bases = 1 : i64, coefficients = false, degree = 1 : i64, zero_nan = true}
// CHECK: winnow.kernel "gaussian_basis" ins(%{{.*}}, %{{.*}} : tensor<6x4xf32>, tensor<2x1xf32>) outs(%{{.*}} : tensor<6x8xf32>) {bases = 2 : i64, coefficients = false, factor = 5.000000e-01 : f32}
func.func @main(%x: tensor<2x3x4xf32>) -> (tensor<2x3x1x4xf32>, tensor<2x3x2x4xf32>) attributes {winnow.entry} {
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<[[0.0, 1.0, 5.0]]> : tensor<1x3xf32>, zero_nan} : (tensor<2x3x4xf32>) -> tensor<2x3x1x4xf32>
  %1 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 0.5 : f32} : (tensor<2x3x4xf32>) -> tensor<2x3x2x4xf32>
  return %0, %1 : tensor<2x3x1x4xf32>, tensor<2x3x2x4xf32>
}

// -----

// A linear of few columns computes the bases that it alone reads. Its weight's rows are in the order of its passes.

// CHECK-LABEL: func.func @main
// CHECK-NOT: "gaussian_basis"
// CHECK: %[[T:.*]] = arith.constant dense<{{\[}}[0.000000e+00], [1.000000e+00]]> : tensor<2x1xf32>
// CHECK: winnow.kernel "basis_linear" ins(%{{.*}}, %{{.*}}, %[[T]], %{{.*}} : tensor<6x40xf32>, tensor<{{.*}}xf32>, tensor<2x1xf32>, tensor<16xf32>) outs(%{{.*}} : tensor<6x16xf32>) {activation = "relu", bases = 2 : i64, basis = "gaussian_basis", bias = true, channels = 128 : i64, factor = 5.000000e-01 : f32, n = 16 : i64, residual = false}
func.func @main(%x: tensor<2x3x40xf32>) -> tensor<2x3x16xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<80x16xf32>
  %b = winnow.constant dense<1.0> : tensor<16xf32>
  %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 0.5 : f32} : (tensor<2x3x40xf32>) -> tensor<2x3x2x40xf32>
  %1 = winnow.reshape %0 : (tensor<2x3x2x40xf32>) -> tensor<2x3x80xf32>
  %2 = winnow.linear %1, %w bias(%b) {activation = #winnow<activation relu>} : (tensor<2x3x80xf32>, tensor<80x16xf32>, tensor<16xf32>) -> tensor<2x3x16xf32>
  return %2 : tensor<2x3x16xf32>
}

// -----

// An input that may be rounded is: in memory of the kernel's own, beside scales and sums of its blocks. What
// blocks' zeros add is made with the weights.

// CHECK-LABEL: func.func @main
// CHECK: %[[SHIFT:.*]] = arith.constant dense<{{\[}}[-2.000000e+00], [-6.000000e+00], [-8.000000e+00]]> : tensor<3x1xf32>
// CHECK: winnow.kernel "rounded_linear" ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[SHIFT]] : tensor<2x40xf32>, tensor<{{.*}}xi32>, tensor<3x1xf32>, tensor<3x1xf32>) outs(%{{.*}} : tensor<2x48xi8>, tensor<2x3xf32>, tensor<2x3xi32>, tensor<2x1xf32>) {activation = "none", bias = false, bits = 4 : i64, block = 16 : i64, k = 40 : i64, n = 1 : i64, residual = false}
func.func @main(%x: tensor<2x40xf32>) -> tensor<2x1xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<0> : tensor<40x1xui8>
  %s = winnow.constant dense<2.0> : tensor<3x1xf32>
  %z = winnow.constant dense<[[1], [3], [4]]> : tensor<3x1xui8>
  %0 = winnow.quantized_linear %x, %w scale(%s) weight_zero(%z) {block_size = 16 : i64, round_input} : (tensor<2x40xf32>, tensor<40x1xui8>, tensor<3x1xf32>, tensor<3x1xui8>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// -----

// A zero that flipping the bytes accounts for is gone; the other one is moved.

// CHECK-LABEL: func.func @main
// CHECK: %[[Z:.*]] = arith.constant dense<-125> : tensor<1xi32>
// CHECK: winnow.kernel "quantized_matmul" {{.*}}a_zero = false, b_zero = true, flip_a = true, flip_b = true, transpose_b = true
func.func @main(%a: tensor<2x4x5x8xi8>, %b: tensor<2x4x6x8xui8>) -> tensor<2x4x5x6xf32> attributes {winnow.entry} {
  %s = winnow.constant dense<0.5> : tensor<f32>
  %az = winnow.constant dense<-128> : tensor<i8>
  %bz = winnow.constant dense<3> : tensor<ui8>
  %0 = winnow.quantized_matmul %a, %b scale(%s) zero(%az) rhs_zero(%bz) {transpose_rhs} : (tensor<2x4x5x8xi8>, tensor<2x4x6x8xui8>, tensor<f32>, tensor<i8>, tensor<ui8>) -> tensor<2x4x5x6xf32>
  return %0 : tensor<2x4x5x6xf32>
}

// -----

// Batches that are repeated are multiplied as separate ops.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.kernel "quantized_matmul"
// CHECK: linalg.generic
func.func @main(%a: tensor<1x5x8xi8>, %b: tensor<2x8x6xi8>) -> tensor<2x5x6xf32> attributes {winnow.entry} {
  %s = winnow.constant dense<0.5> : tensor<f32>
  %0 = winnow.quantized_matmul %a, %b scale(%s) : (tensor<1x5x8xi8>, tensor<2x8x6xi8>, tensor<f32>) -> tensor<2x5x6xf32>
  return %0 : tensor<2x5x6xf32>
}

// -----

// One of many columns would compute them too often.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gaussian_basis"
// CHECK: winnow.kernel "linear"
func.func @main(%x: tensor<6x40xf32>) -> tensor<6x257xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<80x257xf32>
  %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 0.5 : f32} : (tensor<6x40xf32>) -> tensor<6x2x40xf32>
  %1 = winnow.reshape %0 : (tensor<6x2x40xf32>) -> tensor<6x80xf32>
  %2 = winnow.linear %1, %w : (tensor<6x80xf32>, tensor<80x257xf32>) -> tensor<6x257xf32>
  return %2 : tensor<6x257xf32>
}

// -----

// Of what others read too, the bases are computed once.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gaussian_basis"
// CHECK: winnow.kernel "linear"
func.func @main(%x: tensor<6x40xf32>) -> (tensor<6x16xf32>, tensor<6x2x40xf32>) attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<80x16xf32>
  %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 0.5 : f32} : (tensor<6x40xf32>) -> tensor<6x2x40xf32>
  %1 = winnow.reshape %0 : (tensor<6x2x40xf32>) -> tensor<6x80xf32>
  %2 = winnow.linear %1, %w : (tensor<6x80xf32>, tensor<80x16xf32>) -> tensor<6x16xf32>
  return %2, %0 : tensor<6x16xf32>, tensor<6x2x40xf32>
}

// -----

// Rows by number, of an input and a residual, some of which consist of pieces.

// CHECK-LABEL: func.func @main
// CHECK-NOT: linalg.generic
// CHECK: winnow.kernel "linear" ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<9x8xf32>, tensor<{{.*}}xf32>, tensor<7x16xf32>, tensor<8xi64>, tensor<12xi64>) outs(%{{.*}} : tensor<4x48xf32>)
// CHECK-SAME: residual_rows = true, rows = true
// CHECK-NOT: linalg.generic
func.func @main(%x: tensor<9x8xf32>, %i: tensor<8xi64>, %r: tensor<7x16xf32>, %j: tensor<12xi64>) -> tensor<4x48xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<16x48xf32>
  %0 = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x8xf32>, tensor<8xi64>) -> tensor<8x8xf32>
  %1 = winnow.reshape %0 : (tensor<8x8xf32>) -> tensor<4x16xf32>
  %2 = winnow.gather %r, %j {axis = 0 : i64, in_bounds} : (tensor<7x16xf32>, tensor<12xi64>) -> tensor<12x16xf32>
  %3 = winnow.reshape %2 : (tensor<12x16xf32>) -> tensor<4x48xf32>
  %y = winnow.linear %1, %w residual(%3) : (tensor<4x16xf32>, tensor<16x48xf32>, tensor<4x48xf32>) -> tensor<4x48xf32>
  return %y : tensor<4x48xf32>
}

// -----

// And of norms.

// CHECK-LABEL: func.func @main
// CHECK-NOT: linalg.generic
// CHECK: winnow.kernel "rms_norm" ins(%{{.*}}, %{{.*}} : tensor<9x16xf32>, tensor<8xi64>) outs(%{{.*}} : tensor<4x32xf32>)
// CHECK-SAME: rows = true
func.func @main(%x: tensor<9x16xf32>, %i: tensor<8xi64>) -> tensor<4x32xf32> attributes {winnow.entry} {
  %0 = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x16xf32>, tensor<8xi64>) -> tensor<8x16xf32>
  %1 = winnow.reshape %0 : (tensor<8x16xf32>) -> tensor<4x32xf32>
  %y = winnow.rms_norm %1 {epsilon = 1.0e-5 : f32} : (tensor<4x32xf32>) -> tensor<4x32xf32>
  return %y : tensor<4x32xf32>
}

// -----

// Where pieces of a result go is the inverse of what gathers them.

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[PLACES:.*]] = arith.constant dense<[0, 2, 4, 1, 3, 5]> : tensor<6xi64>
// CHECK: winnow.kernel "linear" ins(%{{.*}}, %{{.*}}, %[[PLACES]] : tensor<3x8xf32>, tensor<{{.*}}xf32>, tensor<6xi64>) outs(%{{.*}} : tensor<6x16xf32>)
// CHECK-SAME: out_rows = true
// CHECK-NOT: linalg.generic
func.func @main(%x: tensor<3x8xf32>) -> tensor<6x16xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x32xf32>
  %i = winnow.constant dense<[0, 3, 1, 4, 2, 5]> : tensor<6xi64>
  %y = winnow.linear %x, %w : (tensor<3x8xf32>, tensor<8x32xf32>) -> tensor<3x32xf32>
  %0 = winnow.reshape %y : (tensor<3x32xf32>) -> tensor<6x16xf32>
  %1 = winnow.gather %0, %i {axis = 0 : i64, in_bounds} : (tensor<6x16xf32>, tensor<6xi64>) -> tensor<6x16xf32>
  return %1 : tensor<6x16xf32>
}

// -----

// Numbers of some rows, or of rows twice, are gathered.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "linear"
// CHECK-NOT: out_rows
// CHECK: linalg.generic
func.func @main(%x: tensor<3x8xf32>) -> tensor<3x16xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x16xf32>
  %i = winnow.constant dense<[0, 2, 0]> : tensor<3xi64>
  %y = winnow.linear %x, %w : (tensor<3x8xf32>, tensor<8x16xf32>) -> tensor<3x16xf32>
  %1 = winnow.gather %y, %i {axis = 0 : i64, in_bounds} : (tensor<3x16xf32>, tensor<3xi64>) -> tensor<3x16xf32>
  return %1 : tensor<3x16xf32>
}

// -----

// A copy that something else needs is made, and read.

// CHECK-LABEL: func.func @main
// CHECK: %[[COPY:.*]] = linalg.generic
// CHECK: winnow.kernel "linear" ins(%[[COPY]], %{{.*}} : tensor<4x8xf32>, tensor<{{.*}}xf32>)
func.func @main(%x: tensor<9x8xf32>, %i: tensor<4xi64>) -> (tensor<4x5xf32>, tensor<4x8xf32>) attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x5xf32>
  %0 = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %y = winnow.linear %0, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y, %0 : tensor<4x5xf32>, tensor<4x8xf32>
}

// -----

// A weight that is computed takes rows from a copy.

// CHECK-LABEL: func.func @main
// CHECK: tensor.extract
// CHECK: winnow.kernel "matmul"
func.func @main(%x: tensor<9x8xf32>, %i: tensor<4xi64>, %w: tensor<8x5xf32>) -> tensor<4x5xf32> attributes {winnow.entry} {
  %0 = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<9x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %y = winnow.linear %0, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// What a sparse layer finds out about its rows lives in further outputs.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "sparse_linear" ins(%{{.*}}, %{{.*}} : tensor<6x130xf32>, tensor<{{.*}}x130x{{[0-9]+}}xf32>) outs(%{{.*}} : tensor<6xi32>, tensor<6x146xi32>, tensor<6x146xf32>, tensor<6x4xi32>, tensor<6x30xf32>)
// CHECK-SAME: {activation = "relu", bias = false, gate = false, n = 30 : i64, residual = false}
func.func @main(%x: tensor<2x3x130xf32>) -> tensor<2x3x30xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<130x30xf32>
  %0 = winnow.sparse_linear %x, %w {activation = #winnow<activation relu>} : (tensor<2x3x130xf32>, tensor<130x30xf32>) -> tensor<2x3x30xf32>
  return %0 : tensor<2x3x30xf32>
}

// -----

// With a gate, each column of the weight also lies in one piece.

// CHECK: nr = 1 : i64
// CHECK-LABEL: func.func @main
// CHECK: %[[COLUMNS:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<130x8x1xf32> into tensor<130x8xf32>
// CHECK: winnow.kernel "sparse_linear" ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[COLUMNS]] : tensor<6x8xf32>, tensor<{{.*}}xf32>, tensor<6x130xf32>, tensor<130x8xf32>) outs(%{{.*}} : tensor<6xi32>, tensor<6x3xi64>, tensor<6x130xf32>)
func.func @main(%x: tensor<6x8xf32>, %g: tensor<6x130xf32>) -> tensor<6x130xf32> attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x130xf32>
  %0 = winnow.sparse_linear %x, %w gate(%g) : (tensor<6x8xf32>, tensor<8x130xf32>, tensor<6x130xf32>) -> tensor<6x130xf32>
  return %0 : tensor<6x130xf32>
}

// -----

// A computed weight makes a dense layer of it.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "matmul"
// CHECK: arith.mulf
func.func @main(%x: tensor<6x8xf32>, %w: tensor<8x32xf32>, %g: tensor<6x32xf32>) -> tensor<6x32xf32> attributes {winnow.entry} {
  %0 = winnow.sparse_linear %x, %w gate(%g) : (tensor<6x8xf32>, tensor<8x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
  return %0 : tensor<6x32xf32>
}
