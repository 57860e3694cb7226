// RUN: winnow-opt %s --split-input-file --winnow-group-functions --canonicalize | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-group-functions=bound=0.2 --canonicalize | FileCheck %s --check-prefix=BOUND
// RUN: winnow-opt %s --split-input-file --winnow-group-functions=fit=0.0001 --canonicalize | FileCheck %s --check-prefix=FIT
// RUN: winnow-opt %s --split-input-file --winnow-group-functions="fit=0.0001 skip=0" --canonicalize | FileCheck %s --check-prefix=SKIP

// SKIP-NOT: winnow.group_rational

// Rows are [basis, input]: input 0 has the function (1, 2, 0), input 1 (1, -1, 3), each with
// factors for the outputs. Hats between -1 and 1 are no function of degree 5/4.

// CHECK: code = "group-functions.shared"{{.*}}sentence = "2 functions for 2 inputs and 2 outputs"
// CHECK-LABEL: func @shared
// CHECK-DAG: %[[W:.*]] = winnow.constant dense<{{\[}}[2.000000e+00, -4.000000e+00], [9.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: %[[F:.*]] = winnow.bspline %arg0 {coefficients = dense<{{\[}}[5.000000e-01, 1.000000e+00, 0.000000e+00], [0.333333343, -0.333333343, 1.000000e+00]]> : tensor<2x3xf32>, degree = 1 : i64, knots = dense<{{.*}}> : tensor<1x5xf32>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
// CHECK: winnow.linear %[[F]], %[[W]] residual(%arg1)
// FIT: applied = false, code = "group-functions.fit"{{.*}}; allowed is 1.0e-04"
// FIT-LABEL: func @shared
// FIT: winnow.bspline %arg0 {degree
func.func @shared(%x: tensor<4x2xf32>, %r: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<[[1.0, -2.0], [3.0, 1.0], [2.0, -4.0], [-3.0, -1.0], [0.0, 0.0], [9.0, 3.0]]> : tensor<6x2xf32>
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<[[-1.0, -0.5, 0.0, 0.5, 1.0]]> : tensor<1x5xf32>} : (tensor<4x2xf32>) -> tensor<4x3x2xf32>
  %1 = winnow.reshape %0 : (tensor<4x3x2xf32>) -> tensor<4x6xf32>
  %2 = winnow.linear %1, %w residual(%r) : (tensor<4x6xf32>, tensor<6x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}

// -----

// Both inputs have one function; the weight is the other way round. Gaussians that overlap
// are smooth enough for a fit.

// CHECK: sentence = "1 functions for 2 inputs and 1 outputs"
// CHECK-LABEL: func @one
// CHECK: winnow.gaussian_basis %arg0 {centers = {{.*}}, coefficients = dense<{{\[}}[1.000000e+00, 5.000000e-01]]> : tensor<1x2xf32>
// FIT: code = "group-functions.fitted"{{.*}}sentence = "1 rational functions of degree 5/4 differ from those of the bases by at most {{.*}} of their size for x from 0.00 to 1.00"
// BOUND-LABEL: func @one
// BOUND-NOT: coefficients
// FIT-LABEL: func @one
// FIT: winnow.group_rational %arg0 {rational = #winnow.rational<abs_sum, dense<{{.*}}> : tensor<1x6xf32>, dense<{{.*}}> : tensor<1x4xf32>>}
func.func @one(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = winnow.constant dense<[[1.0, 2.0, 0.5, 1.0]]> : tensor<1x4xf32>
  %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 1.0 : f32} : (tensor<4x2xf32>) -> tensor<4x2x2xf32>
  %1 = winnow.reshape %0 : (tensor<4x2x2xf32>) -> tensor<4x4xf32>
  %2 = winnow.linear %1, %w {transpose_weight} : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %2 : tensor<4x1xf32>
}

// -----

// CHECK: applied = false, code = "group-functions.differ"{{.*}}"1 of 1 inputs have functions that differ between the 2 outputs, by 0.{{[0-9]+}} of the largest coefficient; allowed is 1.0e-06"
// CHECK-LABEL: func @differ
// CHECK: winnow.gaussian_basis %arg0 {centers = dense<{{.*}}> : tensor<1x2xf32>, factor
// BOUND: applied = true, code = "group-functions.approximated"{{.*}}"1 functions for 1 inputs and 2 outputs, which differ by at most {{.*}} of the largest coefficient: 50 % of the layer's operations less"
// BOUND-LABEL: func @differ
// BOUND: winnow.gaussian_basis %arg0 {centers = dense<{{.*}}> : tensor<1x2xf32>, coefficients
func.func @differ(%x: tensor<4x1xf32>) -> tensor<4x2xf32> {
  %w = winnow.constant dense<[[1.0, 2.0], [0.5, 1.2]]> : tensor<2x2xf32>
  %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 1.0 : f32} : (tensor<4x1xf32>) -> tensor<4x2x1xf32>
  %1 = winnow.reshape %0 : (tensor<4x2x1xf32>) -> tensor<4x2xf32>
  %2 = winnow.linear %1, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}
