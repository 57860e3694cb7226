// RUN: winnow-opt %s --split-input-file --winnow-raise-group-rational --canonicalize | FileCheck %s

// Horner, the signed form: negative coefficients of the denominator are a polynomial's.

// CHECK: code = "group-rational.raised"{{.*}}sentence = "raised to group_rational: 1 group, degree 2/2, polynomial"
// CHECK: code = "group-rational.pole"{{.*}}sentence = "the denominator reaches 0 in 1 of 1 groups: it is 0 or below for x <= -1.4142 and x >= 1.4142"
// CHECK-LABEL: func @horner
// CHECK-NEXT: %[[Y:.*]] = winnow.group_rational %arg0 {rational = #winnow.rational<polynomial, dense<{{\[}}[3.000000e+00, 2.000000e+00, 4.000000e+00]]> : tensor<1x3xf32>, dense<{{\[}}[0.000000e+00, -5.000000e-01]]> : tensor<1x2xf32>>}
// CHECK-NEXT: return %[[Y]]
func.func @horner(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %a0 = winnow.constant dense<3.0> : tensor<f32>
  %a1 = winnow.constant dense<2.0> : tensor<f32>
  %a2 = winnow.constant dense<4.0> : tensor<f32>
  %b2 = winnow.constant dense<-0.5> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.mul %x, %a2 : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xf32>
  %1 = winnow.add %0, %a1 : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xf32>
  %2 = winnow.mul %1, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %p = winnow.add %2, %a0 : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xf32>
  %3 = winnow.mul %x, %x : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %4 = winnow.mul %b2, %3 : (tensor<f32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %q = winnow.add %one, %4 : (tensor<f32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  %y = winnow.div %p, %q : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  return %y : tensor<4x6xf32>
}

// -----

// Groups are a dimension of a reshape above; the absolute value is of the sum.

// CHECK: sentence = "raised to group_rational: 2 groups, degree 1/2, abs_sum"
// CHECK-NOT: group-rational.pole
// CHECK-LABEL: func @groups
// CHECK-NEXT: %[[Y:.*]] = winnow.group_rational %arg0 {rational = #winnow.rational<abs_sum, dense<{{\[}}[0.000000e+00, 1.000000e+00]]> : tensor<1x2xf32>, dense<{{\[}}[2.500000e-01, 5.000000e-01], [2.500000e-01, -1.500000e+00]]> : tensor<2x2xf32>>}
// CHECK-NEXT: return %[[Y]]
!t = tensor<?x6xf32, affine_map<()[s0] -> (s0, 6)>>
!g = tensor<?x2x3xf32, affine_map<()[s0] -> (s0, 2, 3)>>
func.func @groups(%arg0: !t) -> !t attributes {winnow.symbols = [{name = "n", min = 0, max = 64}]} {
  %b1 = winnow.constant dense<0.5> : tensor<f32>
  %b2 = winnow.constant dense<[[1.0], [-3.0]]> : tensor<2x1xf32>
  // All is divided by the constant.
  %two = winnow.constant dense<2.0> : tensor<f32>
  %x = winnow.reshape %arg0 : (!t) -> !g
  %0 = winnow.mul %x, %b2 : (!g, tensor<2x1xf32>) -> !g
  %1 = winnow.add %0, %b1 : (!g, tensor<f32>) -> !g
  %2 = winnow.mul %1, %x : (!g, !g) -> !g
  %3 = winnow.abs %2 : (!g) -> !g
  %q = winnow.add %3, %two : (!g, tensor<f32>) -> !g
  %p = winnow.mul %x, %two : (!g, tensor<f32>) -> !g
  %y = winnow.div %p, %q : (!g, !g) -> !g
  %r = winnow.reshape %y : (!g) -> !t
  return %r : !t
}

// -----

// A stack of powers times a matrix, groups first: the public code.

// CHECK: sentence = "raised to group_rational: 2 groups, degree 2/1, sum_abs_absx"
// CHECK-LABEL: func @stack
// CHECK: winnow.group_rational %arg0 {rational = #winnow.rational<sum_abs_absx, dense<{{\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00], [4.000000e+00, 5.000000e+00, 6.000000e+00]]> : tensor<2x3xf32>, dense<2.500000e-01> : tensor<1x1xf32>>}
func.func @stack(%arg0: tensor<5x6xf32>) -> tensor<5x6xf32> {
  %ones = winnow.constant dense<1.0> : tensor<2x1x15xf32>
  %a = winnow.constant dense<[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]> : tensor<2x1x3xf32>
  %b = winnow.constant dense<0.25> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.reshape %arg0 : (tensor<5x6xf32>) -> tensor<5x2x3xf32>
  %1 = winnow.transpose %0 [1, 0, 2] : (tensor<5x2x3xf32>) -> tensor<2x5x3xf32>
  %x = winnow.reshape %1 : (tensor<2x5x3xf32>) -> tensor<2x1x15xf32>
  %x2 = winnow.mul %x, %x : (tensor<2x1x15xf32>, tensor<2x1x15xf32>) -> tensor<2x1x15xf32>
  %c = winnow.concat %ones, %x, %x2 {axis = 1 : i64} : (tensor<2x1x15xf32>, tensor<2x1x15xf32>, tensor<2x1x15xf32>) -> tensor<2x3x15xf32>
  %p = winnow.matmul %a, %c : (tensor<2x1x3xf32>, tensor<2x3x15xf32>) -> tensor<2x1x15xf32>
  %2 = winnow.abs %x : (tensor<2x1x15xf32>) -> tensor<2x1x15xf32>
  %3 = winnow.mul %2, %b : (tensor<2x1x15xf32>, tensor<f32>) -> tensor<2x1x15xf32>
  %q = winnow.add %3, %one : (tensor<2x1x15xf32>, tensor<f32>) -> tensor<2x1x15xf32>
  %y = winnow.div %p, %q : (tensor<2x1x15xf32>, tensor<2x1x15xf32>) -> tensor<2x1x15xf32>
  %4 = winnow.reshape %y : (tensor<2x1x15xf32>) -> tensor<2x5x3xf32>
  %5 = winnow.transpose %4 [1, 0, 2] : (tensor<2x5x3xf32>) -> tensor<5x2x3xf32>
  %6 = winnow.reshape %5 : (tensor<5x2x3xf32>) -> tensor<5x6xf32>
  return %6 : tensor<5x6xf32>
}

// -----

// The vector of exponents makes a dimension of powers, and the sum drops it; channels are
// the first dimension, and stay with what follows them.

// CHECK: sentence = "raised to group_rational: 2 groups, degree 2/1, sum_abs_absx"
// CHECK-LABEL: func @exponents
// CHECK-NEXT: %[[X:.*]] = winnow.reshape %arg0 : (tensor<2x3xf32>) -> tensor<6xf32>
// CHECK-NEXT: %[[F:.*]] = winnow.group_rational %[[X]] {{.*}} : (tensor<6xf32>) -> tensor<6xf32>
// CHECK-NEXT: %[[Y:.*]] = winnow.reshape %[[F]] : (tensor<6xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: return %[[Y]]
func.func @exponents(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %e = winnow.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %a = winnow.constant dense<[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]> : tensor<2x1x3xf32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.reshape %x : (tensor<2x3xf32>) -> tensor<2x3x1xf32>
  %1 = winnow.pow %0, %e : (tensor<2x3x1xf32>, tensor<3xf32>) -> tensor<2x3x3xf32>
  %2 = winnow.mul %1, %a : (tensor<2x3x3xf32>, tensor<2x1x3xf32>) -> tensor<2x3x3xf32>
  %p = winnow.reduce sum %2 [2] : (tensor<2x3x3xf32>) -> tensor<2x3xf32>
  %3 = winnow.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = winnow.add %3, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = winnow.div %p, %q : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Coefficients of the denominator that are 0 everywhere leave 1.

// CHECK-LABEL: func @identity
// CHECK-NEXT: return %arg0
func.func @identity(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.mul %x, %zero : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %q = winnow.add %0, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = winnow.div %x, %q : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// CHECK: applied = false, code = "group-rational.denominator"{{.*}}"the denominator mixes powers of x and powers of |x|"
// CHECK-LABEL: func @mixed
// CHECK-NOT: group_rational
func.func @mixed(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.add %0, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = winnow.add %1, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = winnow.div %x, %q : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// CHECK: applied = false, code = "group-rational.numerator"{{.*}}"the numerator is no polynomial in x: it has |x|"
// CHECK-LABEL: func @abs_above
// CHECK-NOT: group_rational
func.func @abs_above(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = winnow.add %0, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = winnow.div %0, %q : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// CHECK: applied = false, code = "group-rational.denominator"{{.*}}"the denominator's absolute value is of a sum with a constant"
// CHECK-LABEL: func @constant_inside
// CHECK-NOT: group_rational
func.func @constant_inside(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.add %x, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %1 = winnow.abs %0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = winnow.add %1, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = winnow.div %x, %q : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Quotients of other kinds are no near misses: of two values, of a number, of a line.

// CHECK-NOT: winnow.report
// CHECK-LABEL: func @others
// CHECK-NOT: group_rational
func.func @others(%x: tensor<2x3xf32>, %z: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %0 = winnow.add %x, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %1 = winnow.div %z, %0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = winnow.div %one, %0 : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = winnow.div %x, %0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1, %2, %3 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
