// RUN: winnow-opt %s --split-input-file --winnow-raise-bases --canonicalize | FileCheck %s

// Hats, as the recursion of degree 1 between conditions; the product reads [inputs, bases].

// CHECK: code = "bases.spline"{{.*}}sentence = "raised to bspline: 2 bases of degree 1, knots of all channels"
// CHECK-LABEL: func @recursion
// CHECK: %[[B:.*]] = winnow.bspline %arg0 {degree = 1 : i64, knots = dense<{{\[}}[0.000000e+00, 1.000000e+00, 3.000000e+00, 4.000000e+00]]> : tensor<1x4xf32>}
// CHECK-NEXT: %[[T:.*]] = winnow.transpose %[[B]] [0, 2, 1] : (tensor<?x2x5xf32, #{{.*}}>) -> tensor<?x5x2xf32, #{{.*}}>
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %[[T]]
// CHECK-NEXT: winnow.matmul %[[R]]
!x = tensor<?x5xf32, affine_map<()[s0] -> (s0, 5)>>
!1 = tensor<?x5x1xf32, affine_map<()[s0] -> (s0, 5, 1)>>
!2 = tensor<?x5x2xf32, affine_map<()[s0] -> (s0, 5, 2)>>
!3 = tensor<?x5x3xf32, affine_map<()[s0] -> (s0, 5, 3)>>
!b = tensor<?x5x3xi1, affine_map<()[s0] -> (s0, 5, 3)>>
!f = tensor<?x10xf32, affine_map<()[s0] -> (s0, 10)>>
!y = tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
func.func @recursion(%arg0: !x) -> !y attributes {winnow.symbols = [{name = "n", min = 0, max = 64}]} {
  %from = winnow.constant dense<[0.0, 1.0, 3.0]> : tensor<3xf32>
  %to = winnow.constant dense<[1.0, 3.0, 4.0]> : tensor<3xf32>
  %left = winnow.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %right = winnow.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %width = winnow.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %next = winnow.constant dense<[2.0, 1.0]> : tensor<2xf32>
  %w = winnow.constant dense<1.0> : tensor<10x4xf32>
  %x = winnow.reshape %arg0 : (!x) -> !1
  %ge = winnow.compare ge %x, %from : (!1, tensor<3xf32>) -> !b
  %lt = winnow.compare lt %x, %to : (!1, tensor<3xf32>) -> !b
  %in = winnow.and %ge, %lt : (!b, !b) -> !b
  %0 = winnow.cast %in : (!b) -> !3
  %1 = winnow.slice %0 at affine_map<() -> (0, 0, 0)> step [1, 1, 1] : (!3) -> !2
  %2 = winnow.slice %0 at affine_map<() -> (0, 0, 1)> step [1, 1, 1] : (!3) -> !2
  %3 = winnow.sub %x, %left : (!1, tensor<2xf32>) -> !2
  %4 = winnow.div %3, %width : (!2, tensor<2xf32>) -> !2
  %5 = winnow.mul %4, %1 : (!2, !2) -> !2
  %6 = winnow.sub %right, %x : (tensor<2xf32>, !1) -> !2
  %7 = winnow.div %6, %next : (!2, tensor<2xf32>) -> !2
  %8 = winnow.mul %7, %2 : (!2, !2) -> !2
  %9 = winnow.add %5, %8 : (!2, !2) -> !2
  %10 = winnow.reshape %9 : (!2) -> !f
  %y = winnow.matmul %10, %w : (!f, tensor<10x4xf32>) -> !y
  return %y : !y
}

// -----

// Hats by selects, with a guard against NaN, and knots of each channel.

// CHECK: sentence = "raised to bspline: 2 bases of degree 1, knots of each channel"
// CHECK-LABEL: func @selects
// CHECK: winnow.bspline %arg0 {degree = 1 : i64, knots = dense<{{\[}}[0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00], [1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]]> : tensor<2x4xf32>, zero_nan}
func.func @selects(%arg0: tensor<7x2xf32>) -> tensor<7x3xf32> {
  %t0 = winnow.constant dense<[[0.0, 1.0], [1.0, 2.0]]> : tensor<2x2xf32>
  %t1 = winnow.constant dense<[[1.0, 2.0], [2.0, 3.0]]> : tensor<2x2xf32>
  %t2 = winnow.constant dense<[[2.0, 3.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %w = winnow.constant dense<1.0> : tensor<4x3xf32>
  %x = winnow.reshape %arg0 : (tensor<7x2xf32>) -> tensor<7x2x1xf32>
  %up = winnow.sub %x, %t0 : (tensor<7x2x1xf32>, tensor<2x2xf32>) -> tensor<7x2x2xf32>
  %down = winnow.sub %t2, %x : (tensor<2x2xf32>, tensor<7x2x1xf32>) -> tensor<7x2x2xf32>
  %c0 = winnow.compare lt %x, %t0 : (tensor<7x2x1xf32>, tensor<2x2xf32>) -> tensor<7x2x2xi1>
  %c1 = winnow.compare lt %x, %t1 : (tensor<7x2x1xf32>, tensor<2x2xf32>) -> tensor<7x2x2xi1>
  %c2 = winnow.compare ge %x, %t2 : (tensor<7x2x1xf32>, tensor<2x2xf32>) -> tensor<7x2x2xi1>
  %0 = winnow.select %c1, %up, %down : (tensor<7x2x2xi1>, tensor<7x2x2xf32>, tensor<7x2x2xf32>) -> tensor<7x2x2xf32>
  %1 = winnow.select %c0, %zero, %0 : (tensor<7x2x2xi1>, tensor<f32>, tensor<7x2x2xf32>) -> tensor<7x2x2xf32>
  %2 = winnow.select %c2, %zero, %1 : (tensor<7x2x2xi1>, tensor<f32>, tensor<7x2x2xf32>) -> tensor<7x2x2xf32>
  %nan = winnow.is_nan %2 : (tensor<7x2x2xf32>) -> tensor<7x2x2xi1>
  %3 = winnow.select %nan, %zero, %2 : (tensor<7x2x2xi1>, tensor<f32>, tensor<7x2x2xf32>) -> tensor<7x2x2xf32>
  %4 = winnow.reshape %3 : (tensor<7x2x2xf32>) -> tensor<7x4xf32>
  %y = winnow.matmul %4, %w : (tensor<7x4xf32>, tensor<4x3xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// -----

// Pieces of lines that are no hats.

// CHECK: applied = false, code = "bases.knots"
// CHECK-LABEL: func @no_splines
// CHECK-NOT: bspline
func.func @no_splines(%arg0: tensor<7x2xf32>) -> tensor<7x3xf32> {
  %t = winnow.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %w = winnow.constant dense<1.0> : tensor<4x3xf32>
  %x = winnow.reshape %arg0 : (tensor<7x2xf32>) -> tensor<7x2x1xf32>
  %c = winnow.compare ge %x, %t : (tensor<7x2x1xf32>, tensor<2xf32>) -> tensor<7x2x2xi1>
  %0 = winnow.cast %c : (tensor<7x2x2xi1>) -> tensor<7x2x2xf32>
  %1 = winnow.mul %0, %x : (tensor<7x2x2xf32>, tensor<7x2x1xf32>) -> tensor<7x2x2xf32>
  %2 = winnow.reshape %1 : (tensor<7x2x2xf32>) -> tensor<7x4xf32>
  %y = winnow.matmul %2, %w : (tensor<7x4xf32>, tensor<4x3xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// -----

// CHECK: sentence = "raised to gaussian_basis: 3 centers of all channels"
// CHECK-LABEL: func @gaussians
// CHECK: %[[B:.*]] = winnow.gaussian_basis %arg0 {centers = dense<{{\[}}[-1.000000e+00, 0.000000e+00, 1.000000e+00]]> : tensor<1x3xf32>, factor = 2.000000e+00 : f32}
// CHECK-NEXT: winnow.transpose %[[B]] [0, 2, 1]
func.func @gaussians(%arg0: tensor<7x2xf32>) -> tensor<7x4xf32> {
  %c = winnow.constant dense<[-1.0, 0.0, 1.0]> : tensor<3xf32>
  %h = winnow.constant dense<0.5> : tensor<f32>
  %w = winnow.constant dense<1.0> : tensor<6x4xf32>
  %x = winnow.reshape %arg0 : (tensor<7x2xf32>) -> tensor<7x2x1xf32>
  %0 = winnow.sub %x, %c : (tensor<7x2x1xf32>, tensor<3xf32>) -> tensor<7x2x3xf32>
  %1 = winnow.div %0, %h : (tensor<7x2x3xf32>, tensor<f32>) -> tensor<7x2x3xf32>
  %2 = winnow.mul %1, %1 : (tensor<7x2x3xf32>, tensor<7x2x3xf32>) -> tensor<7x2x3xf32>
  %3 = winnow.neg %2 : (tensor<7x2x3xf32>) -> tensor<7x2x3xf32>
  %4 = winnow.exp %3 : (tensor<7x2x3xf32>) -> tensor<7x2x3xf32>
  %5 = winnow.reshape %4 : (tensor<7x2x3xf32>) -> tensor<7x6xf32>
  %y = winnow.matmul %5, %w : (tensor<7x6xf32>, tensor<6x4xf32>) -> tensor<7x4xf32>
  return %y : tensor<7x4xf32>
}

// -----

// A function for each pair, summed over inputs: the joint weight of bases and scales, and
// that of what is scaled alone.

// CHECK: code = "bases.pairs"{{.*}}sentence = "a sum over 2 inputs of functions of pairs became 2 linears"
// CHECK-LABEL: func @pairs
// CHECK-DAG: %[[V:.*]] = winnow.constant dense<8.000000e+00> : tensor<2x3xf32>
// CHECK-DAG: %[[W:.*]] = winnow.constant dense<1.200000e+01> : tensor<8x3xf32>
// CHECK-DAG: %[[B:.*]] = winnow.reshape %arg1 : (tensor<7x2x4xf32>) -> tensor<7x8xf32>
// CHECK-DAG: %[[P:.*]] = winnow.matmul %[[B]], %[[W]]
// CHECK-DAG: %[[Q:.*]] = winnow.matmul %arg0, %[[V]]
// CHECK: winnow.add %[[Q]], %[[P]]
func.func @pairs(%arg0: tensor<7x2xf32>, %b: tensor<7x2x4xf32>) -> tensor<7x3xf32> {
  %c = winnow.constant dense<3.0> : tensor<2x4x3xf32>
  %s = winnow.constant dense<4.0> : tensor<2x3xf32>
  %m = winnow.constant dense<2.0> : tensor<1x2x3xf32>
  %t = winnow.constant dense<0.5> : tensor<f32>
  %x = winnow.reshape %arg0 : (tensor<7x2xf32>) -> tensor<7x2x1xf32>
  %0 = winnow.transpose %b [1, 0, 2] : (tensor<7x2x4xf32>) -> tensor<2x7x4xf32>
  %1 = winnow.matmul %0, %c : (tensor<2x7x4xf32>, tensor<2x4x3xf32>) -> tensor<2x7x3xf32>
  %2 = winnow.transpose %1 [1, 0, 2] : (tensor<2x7x3xf32>) -> tensor<7x2x3xf32>
  %3 = winnow.mul %2, %t : (tensor<7x2x3xf32>, tensor<f32>) -> tensor<7x2x3xf32>
  %4 = winnow.mul %3, %s : (tensor<7x2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x3xf32>
  %5 = winnow.mul %x, %s : (tensor<7x2x1xf32>, tensor<2x3xf32>) -> tensor<7x2x3xf32>
  %6 = winnow.add %5, %4 : (tensor<7x2x3xf32>, tensor<7x2x3xf32>) -> tensor<7x2x3xf32>
  %7 = winnow.mul %6, %m : (tensor<7x2x3xf32>, tensor<1x2x3xf32>) -> tensor<7x2x3xf32>
  %y = winnow.reduce sum %7 [1] : (tensor<7x2x3xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
