// RUN: winnow-opt %s --split-input-file --winnow-fold-constants --canonicalize | FileCheck %s

// A chain of scalars is one number: head_dim ** -0.5 from a size.
// CHECK: code = "fold-constants.folded"
// CHECK-SAME: sentence = "evaluated on constants at 3 sites"
// CHECK-LABEL: func @scalar_chain
// CHECK-NEXT: %[[C:.*]] = winnow.constant dense<2.500000e-01> : tensor<f32>
// CHECK-NEXT: return %[[C]]
func.func @scalar_chain() -> tensor<f32> {
  %0 = winnow.dim_values affine_map<() -> (16)> : tensor<i64>
  %1 = winnow.cast %0 : (tensor<i64>) -> tensor<f32>
  %2 = winnow.constant dense<-0.5> : tensor<f32>
  %3 = winnow.pow %1, %2 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %3 : tensor<f32>
}

// -----

// CHECK-LABEL: func @integers
// CHECK-DAG: %[[DIV:.*]] = winnow.constant dense<[-2, 2, 5]> : tensor<3xi32>
// CHECK-DAG: %[[MOD:.*]] = winnow.constant dense<[1, 1, 0]> : tensor<3xi32>
// CHECK-DAG: %[[WRAP:.*]] = winnow.constant dense<[-128, 4]> : tensor<2xi8>
// CHECK-DAG: %[[LESS:.*]] = winnow.constant dense<[true, false, false]> : tensor<3xi1>
// CHECK: return %[[DIV]], %[[MOD]], %[[WRAP]], %[[LESS]]
func.func @integers() -> (tensor<3xi32>, tensor<3xi32>, tensor<2xi8>, tensor<3xi1>) {
  // A divisor of 0 counts as 1, as in the emitted code.
  %a = winnow.constant dense<[-5, 5, 5]> : tensor<3xi32>
  %b = winnow.constant dense<[2, 2, 0]> : tensor<3xi32>
  %0 = winnow.div %a, %b : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  %1 = winnow.mod %a, %b : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  %c = winnow.constant dense<[127, 3]> : tensor<2xi8>
  %d = winnow.constant dense<1> : tensor<2xi8>
  %2 = winnow.add %c, %d : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  %3 = winnow.compare lt %a, %b : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
  return %0, %1, %2, %3 : tensor<3xi32>, tensor<3xi32>, tensor<2xi8>, tensor<3xi1>
}

// -----

// Casts saturate and truncate toward zero; NaN is 0; booleans are x != 0.
// CHECK-LABEL: func @casts
// CHECK-DAG: %[[I:.*]] = winnow.constant dense<[-1, 127, -128, 0]> : tensor<4xi8>
// CHECK-DAG: %[[B:.*]] = winnow.constant dense<true> : tensor<4xi1>
// CHECK-DAG: %[[N:.*]] = winnow.constant dense<[false, false, false, true]> : tensor<4xi1>
// CHECK-DAG: %[[F:.*]] = winnow.constant dense<1.000000e+00> : tensor<4xf16>
// CHECK: return %[[I]], %[[B]], %[[N]], %[[F]]
func.func @casts() -> (tensor<4xi8>, tensor<4xi1>, tensor<4xi1>, tensor<4xf16>) {
  %a = winnow.constant dense<[-1.9, 300.0, -300.0, 0x7FC00000]> : tensor<4xf32>
  %0 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xi8>
  %1 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xi1>
  %2 = winnow.is_nan %a : (tensor<4xf32>) -> tensor<4xi1>
  %3 = winnow.cast %1 : (tensor<4xi1>) -> tensor<4xf16>
  return %0, %1, %2, %3 : tensor<4xi8>, tensor<4xi1>, tensor<4xi1>, tensor<4xf16>
}

// -----

// CHECK-LABEL: func @movement
// CHECK-DAG: %[[T:.*]] = winnow.constant dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi64>
// CHECK-DAG: %[[S:.*]] = winnow.constant dense<{{\[}}[6, 4]]> : tensor<1x2xi64>
// CHECK-DAG: %[[C:.*]] = winnow.constant dense<[0, 2, 4, 7]> : tensor<4xi64>
// CHECK-DAG: %[[G:.*]] = winnow.constant dense<{{\[}}[3, 1], [6, 4]]> : tensor<2x2xi64>
// CHECK-DAG: %[[B:.*]] = winnow.constant dense<{{\[}}[0, 2, 4], [0, 2, 4]]> : tensor<2x3xi64>
// CHECK: return %[[T]], %[[S]], %[[C]], %[[G]], %[[B]]
func.func @movement() -> (tensor<3x2xi64>, tensor<1x2xi64>, tensor<4xi64>, tensor<2x2xi64>, tensor<2x3xi64>) {
  %a = winnow.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %0 = winnow.transpose %a [1, 0] : (tensor<2x3xi64>) -> tensor<3x2xi64>
  %1 = winnow.slice %a at affine_map<() -> (1, 2)> step [1, -2] : (tensor<2x3xi64>) -> tensor<1x2xi64>
  %b = winnow.iota {start = 0 : i64, step = 2 : i64} : tensor<3xi64>
  %c = winnow.dim_values affine_map<() -> (7)> : tensor<1xi64>
  %2 = winnow.concat %b, %c {axis = 0 : i64} : (tensor<3xi64>, tensor<1xi64>) -> tensor<4xi64>
  %i = winnow.constant dense<[-1, 0]> : tensor<2xi64>
  %3 = winnow.gather %a, %i {axis = 1 : i64} : (tensor<2x3xi64>, tensor<2xi64>) -> tensor<2x2xi64>
  %4 = winnow.broadcast_to %b : (tensor<3xi64>) -> tensor<2x3xi64>
  return %0, %1, %2, %3, %4 : tensor<3x2xi64>, tensor<1x2xi64>, tensor<4xi64>, tensor<2x2xi64>, tensor<2x3xi64>
}

// -----

// An index that is out of range must fail at run time.
// CHECK-LABEL: func @gather_out_of_range
// CHECK: winnow.gather
func.func @gather_out_of_range() -> tensor<1xi64> {
  %a = winnow.constant dense<[1, 2, 3]> : tensor<3xi64>
  %i = winnow.constant dense<3> : tensor<1xi64>
  %0 = winnow.gather %a, %i {axis = 0 : i64} : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64>
  return %0 : tensor<1xi64>
}

// -----

// Sizes that symbols decide stay.
// CHECK-LABEL: func @symbols
// CHECK: winnow.dim_values
// CHECK: winnow.add
func.func @symbols() -> tensor<i64> {
  %0 = winnow.dim_values affine_map<()[s0] -> (s0)> : tensor<i64>
  %1 = winnow.constant dense<1> : tensor<i64>
  %2 = winnow.add %0, %1 : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %2 : tensor<i64>
}

// -----

// A resource changes its shape without a copy; a large weight is not moved.
// CHECK-LABEL: func @resources
// CHECK-DAG: %[[R:.*]] = winnow.constant dense_resource<blob> : tensor<2x2xf32>
// CHECK-DAG: %[[W:.*]] = winnow.constant dense<1.000000e+00> : tensor<1024x512xf32>
// CHECK-DAG: %[[T:.*]] = winnow.transpose %[[W]]
// CHECK: return %[[R]], %[[T]]
func.func @resources() -> (tensor<2x2xf32>, tensor<512x1024xf32>) {
  %0 = winnow.constant dense_resource<blob> : tensor<4xf32>
  %1 = winnow.reshape %0 : (tensor<4xf32>) -> tensor<2x2xf32>
  %2 = winnow.constant dense<1.0> : tensor<1024x512xf32>
  %3 = winnow.transpose %2 [1, 0] : (tensor<1024x512xf32>) -> tensor<512x1024xf32>
  return %1, %3 : tensor<2x2xf32>, tensor<512x1024xf32>
}

{-#
  dialect_resources: {
    builtin: {
      blob: "0x040000000000803F000000400000404000008040"
    }
  }
#-}

// -----

// So does one that loses its ends; a small part is no resource.
// CHECK-LABEL: func @resource_parts
// CHECK-DAG: %[[R:.*]] = winnow.constant dense_resource<blob_{{.*}}> : tensor<1x260xf32>
// CHECK-DAG: %[[S:.*]] = winnow.constant dense<{{\[\[}}0.000000e+00, 1.000000e+00]]> : tensor<1x2xf32>
// CHECK: return %[[R]], %[[S]]
// CHECK: blob_{{.*}}: "0x040000000000803F0000803F
func.func @resource_parts() -> (tensor<1x260xf32>, tensor<1x2xf32>) {
  %0 = winnow.constant dense_resource<blob> : tensor<2x260xf32>
  %1 = winnow.slice %0 at affine_map<() -> (1, 0)> step [1, 1] : (tensor<2x260xf32>) -> tensor<1x260xf32>
  %2 = winnow.slice %0 at affine_map<() -> (0, 258)> step [1, 1] : (tensor<2x260xf32>) -> tensor<1x2xf32>
  return %1, %2 : tensor<1x260xf32>, tensor<1x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      blob: "0x04000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}

// -----

// Booleans of a resource are bytes; a mask that shows everything is one number.

// CHECK-LABEL: func @mask_of_bytes
// CHECK-DAG: winnow.constant dense<0.000000e+00> : tensor<1x4xf32>
// CHECK-DAG: winnow.constant dense<{{.*}}0.000000e+00, -1.000000e+00, 0.000000e+00, 0.000000e+00{{.*}}> : tensor<1x4xf32>
// CHECK-NOT: winnow.select
func.func @mask_of_bytes() -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %all = winnow.constant dense_resource<all> : tensor<1x4xi1>
  %some = winnow.constant dense_resource<some> : tensor<1x4xi1>
  %0 = winnow.constant dense<0.0> : tensor<f32>
  %1 = winnow.constant dense<-1.0> : tensor<f32>
  %2 = winnow.select %all, %0, %1 : (tensor<1x4xi1>, tensor<f32>, tensor<f32>) -> tensor<1x4xf32>
  %3 = winnow.select %some, %0, %1 : (tensor<1x4xi1>, tensor<f32>, tensor<f32>) -> tensor<1x4xf32>
  return %2, %3 : tensor<1x4xf32>, tensor<1x4xf32>
}

{-#
  dialect_resources: {
    builtin: {
      all: "0x0100000001010101",
      some: "0x0100000001000101"
    }
  }
#-}

// -----

// CHECK: applied = false, code = "fold-constants.too-large"
// CHECK-SAME: sentence = "the operands are constants but 2097152 bytes exceed the limit of 1048576"
// CHECK-LABEL: func @too_large
// CHECK: winnow.add
func.func @too_large() -> tensor<1024x512xf32> {
  %0 = winnow.constant dense<1.0> : tensor<1024x512xf32>
  %1 = winnow.add %0, %0 : (tensor<1024x512xf32>, tensor<1024x512xf32>) -> tensor<1024x512xf32>
  return %1 : tensor<1024x512xf32>
}

// -----

// Small floats: a tie goes to the even one, 0x1p-10 is half the smallest, and
// beyond the largest is NaN, infinity, or the largest.

// CHECK-LABEL: func @to_small_floats
// CHECK-DAG: winnow.constant dense<[6.250000e-01, 0.000000e+00, 0x7F, 0xFF]> : tensor<4xf8E4M3FN>
// CHECK-DAG: winnow.constant dense<[6.250000e-01, 9.765620e-04, 0x7C, 0xFE]> : tensor<4xf8E5M2>
// CHECK-DAG: winnow.constant dense<[5.000000e-01, 0.000000e+00, 6.000000e+00, 0.000000e+00]> : tensor<4xf4E2M1FN>
// CHECK-DAG: winnow.constant dense<[5.000000e-01, 9.765620e-04, 2.748780e+11, 0xFF]> : tensor<4xf8E8M0FNU>
func.func @to_small_floats() -> (tensor<4xf8E4M3FN>, tensor<4xf8E5M2>, tensor<4xf4E2M1FN>, tensor<4xf8E8M0FNU>) {
  %a = winnow.constant dense<[0.65625, 0.0009765625, 3.0e11, 0xFFC00000]> : tensor<4xf32>
  %0 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xf8E4M3FN>
  %1 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xf8E5M2>
  %2 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xf4E2M1FN>
  %3 = winnow.cast %a : (tensor<4xf32>) -> tensor<4xf8E8M0FNU>
  return %0, %1, %2, %3 : tensor<4xf8E4M3FN>, tensor<4xf8E5M2>, tensor<4xf4E2M1FN>, tensor<4xf8E8M0FNU>
}

// -----

// Movement keeps the bits, also of a NaN; numbers leave by a cast.

// CHECK-LABEL: func @from_storage
// CHECK-DAG: winnow.constant dense<[0x7D, 1.000000e+00]> : tensor<2xf8E5M2>
// CHECK-DAG: winnow.constant dense<[1.000000e+00, 0x7F{{[0-9A-F]+}}]> : tensor<2xf32>
// CHECK-DAG: winnow.constant dense<[-8, 7]> : tensor<2xi8>
// CHECK-DAG: winnow.constant dense<[0x7FC00000, 5.87747175E-39]> : tensor<2xf32>
func.func @from_storage() -> (tensor<2xf8E5M2>, tensor<2xf32>, tensor<2xi8>, tensor<2xf32>) {
  %a = winnow.constant dense<[0x3C, 0x7D]> : tensor<2xf8E5M2>
  %b = winnow.constant dense<[-8, 7]> : tensor<2xi4>
  %c = winnow.constant dense<[0xFF, 0x00]> : tensor<2xf8E8M0FNU>
  %i = winnow.constant dense<[1, 0]> : tensor<2xi64>
  %0 = winnow.gather %a, %i {axis = 0 : i64} : (tensor<2xf8E5M2>, tensor<2xi64>) -> tensor<2xf8E5M2>
  %1 = winnow.cast %a : (tensor<2xf8E5M2>) -> tensor<2xf32>
  %2 = winnow.cast %b : (tensor<2xi4>) -> tensor<2xi8>
  %3 = winnow.cast %c : (tensor<2xf8E8M0FNU>) -> tensor<2xf32>
  return %0, %1, %2, %3 : tensor<2xf8E5M2>, tensor<2xf32>, tensor<2xi8>, tensor<2xf32>
}

// -----

// 2 / (1 + |0.5 * 2|) and 2 / (1 + |-1.5 * 2|).
// CHECK-LABEL: func @rational
// CHECK-NEXT: winnow.constant dense<[1.000000e+00, 5.000000e-01]> : tensor<2xf32>
func.func @rational() -> tensor<2xf32> {
  %x = winnow.constant dense<2.0> : tensor<2xf32>
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
